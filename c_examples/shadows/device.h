/* Makes the Thing of an example and connects it. */
#ifndef DEVICE_H
#define DEVICE_H

#include "iot_thing.h"

iot_thing_t *device_start(void);

/* Polls and waits once. */
void device_turn(iot_thing_t *thing);

#endif
