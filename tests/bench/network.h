/* The way to a broker outside of the program that is measured. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdint.h>

#include "iot_thing.h"

/* What a Thing needs of the machine; to be called once. */
void network_init(iot_thing_config_t *config);

/* Milliseconds; wraps. */
uint32_t network_now_ms(void);

#endif
