/*
 * What the Zerynth natives of iot_thing need from the firmware, besides Zerynth's own zerynth.h.
 */
#ifndef IOT_THING_ZERYNTH_H
#define IOT_THING_ZERYNTH_H

#include "iot_thing.h"

typedef struct {
    /* The VM's sockets, clock and random source. Their functions run without the GIL. */
    const iot_thing_sockets_t *sockets;
    const iot_thing_port_t *port;
    /* The secure element, for Things whose pkey is ''; NULL when there is none. */
    iot_thing_sign_fn sign;
    void *sign_user;
} iot_thing_zerynth_board_t;

/* Written by the firmware. Never NULL; the object must never go away. */
const iot_thing_zerynth_board_t *iot_thing_zerynth_board(void);

#endif
