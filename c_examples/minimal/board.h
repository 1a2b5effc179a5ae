/*
 * What the board brings: its network, its clock, and who this device is. In firmware these are
 * tables of your own functions and arrays in flash; board_posix.c does it for Linux.
 */
#ifndef BOARD_H
#define BOARD_H

#include "iot_thing.h"

typedef struct {
    const char *endpoint;
    uint16_t tcp_port;
    const char *thing_name;
    iot_thing_bytes_t client_cert;
    iot_thing_bytes_t private_key;
    iot_thing_bytes_t ca_certs;
    const iot_thing_sockets_t *sockets;
    const iot_thing_port_t *port;
} board_t;

const board_t *board_start(void);

/* Called when the Thing cannot go on, which means that the program is wrong. */
void board_stop(int32_t error);

#endif
