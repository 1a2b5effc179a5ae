/*
 * The port of iot_thing for Linux and other POSIX systems.
 *
 *     static iot_thing_posix_t posix;
 *     iot_thing_posix_init(&posix);
 *     config.sockets = &posix.sockets;
 *     config.port = posix.port;
 *
 * Good for a gateway as it is: nothing but the wait functions blocks (host names are looked up
 * on a thread of their own), SIGPIPE cannot happen, other threads may call the library, and the
 * clock goes on while the machine is suspended. Not for signal handlers: no function of the
 * library may be called from one with this port.
 */
#ifndef IOT_THING_POSIX_H
#define IOT_THING_POSIX_H

#include <stddef.h>
#include <stdint.h>

#include "iot_thing.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One per thread that polls Things; all Things polled by that thread share it. Read `sockets`
 * and `port`; the rest is private.
 */
typedef struct iot_thing_posix {
    /* For iot_thing_config_t.sockets. A socket's handle is its file descriptor. */
    iot_thing_sockets_t sockets;
    /* For iot_thing_config_t.port: the same object for the whole program. */
    const iot_thing_port_t *port;
    /* A pipe: a byte in it ends the wait of this thread. */
    int wake_read;
    int wake_write;
    struct iot_thing_posix *next;
} iot_thing_posix_t;

/* Makes `p` ready for use. Returns 0, or -errno when the system has no file descriptors left. */
int iot_thing_posix_init(iot_thing_posix_t *p);

/* Gives back what iot_thing_posix_init took. Every Thing that used `p` must be gone. */
void iot_thing_posix_deinit(iot_thing_posix_t *p);

/*
 * Blocks until one of the Things has something to do or `timeout_ms` has passed. For a thread
 * that polls several Things; with one Thing iot_thing_wait() does the same:
 *
 *     for (;;) {
 *         int32_t ms = IOT_THING_FOREVER;
 *         for (i = 0; i < n; i++) {
 *             int32_t next = iot_thing_poll(things[i]);
 *             if (next >= 0 && next < ms) ms = next;
 *         }
 *         iot_thing_posix_wait(&posix, things, n, ms);
 *     }
 *
 * At most IOT_THING_POSIX_MAX_THINGS; more are not waited for. Returns 0 or -errno.
 */
#define IOT_THING_POSIX_MAX_THINGS 63
int iot_thing_posix_wait(iot_thing_posix_t *p, iot_thing_t *const *things, size_t count,
                         int32_t timeout_ms);

/* Log lines above this level are not printed; default IOT_THING_LOG_INFO (all), 0: none. */
void iot_thing_posix_log_level(int32_t level);

/* Words for iot_thing_event_t.port_error when the sockets are these. */
const char *iot_thing_posix_error_text(int32_t port_error);

#ifdef __cplusplus
}
#endif

#endif
