/*
 * The port of iot_thing for FreeRTOS with lwIP: sockets over lwIP's netconn interface, and waiting
 * by task notification, so that the task that polls sleeps until the deadline, an event of its
 * connection, or a call of another task or interrupt.
 */
#ifndef IOT_THING_LWIP_H
#define IOT_THING_LWIP_H

#include "iot_thing.h"

extern const iot_thing_sockets_t iot_thing_lwip_sockets;

/*
 * Adds to `port` what FreeRTOS has: clock, critical section, wake-up. What only the board knows
 * (random numbers, the time of day, messages, panic) stays as it is.
 */
void iot_thing_freertos_port(iot_thing_port_t *port);

/* Says that the calling task will poll. Before iot_thing_init(); one task polls all Things. */
void iot_thing_lwip_this_task_polls(void);

#endif
