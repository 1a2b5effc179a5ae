/*
 * The simulated world: a clock that moves only when told to, a network with every fault, and a
 * driver that polls Things exactly when a main loop with select() would. All of it is
 * deterministic: the same test does the same thing every time, on every machine.
 */
#ifndef SIM_H
#define SIM_H

#include <stddef.h>
#include <stdint.h>

#include "broker.h"
#include "iot_thing.h"

/* ---- the board (one per program) -------------------------------------------------------------- */

typedef struct {
    uint64_t now_ms;        /* the clock the library sees is the low 32 bits of it */
    uint64_t started_ms;    /* when sim_start() was called */
    uint64_t unix_time;     /* seconds; 0: unknown */
    uint32_t random_seed;   /* of a generator that repeats */
    int random_fails;
    int critical_depth;
    unsigned long criticals;
    unsigned long wakes;
    iot_thing_t *woken;     /* by the last wake */
    unsigned long logs;
    char last_log[160];
    const char *violation;  /* the first broken rule, or NULL */
} sim_board_t;

extern sim_board_t sim_board;
extern const iot_thing_port_t sim_port;

/* Notes the first broken rule of the world; tests check at their end that there is none. */
void sim_violated(const char *what);

/* ---- one network link (one per Thing) --------------------------------------------------------- */

#define SIM_NEVER SIZE_MAX
#define SIM_ECONNRESET (-104)
#define SIM_ECONNREFUSED (-111)
#define SIM_EAI (-1002)

typedef struct {
    size_t max_send;            /* bytes per call; 0: no limit */
    size_t max_recv;
    int block_every_other;      /* each second call of send and of recv would block */
    size_t cut_after_sent;      /* the link breaks when the device has sent so many bytes, */
    size_t cut_after_received;  /* or has received so many; SIM_NEVER: not */
    int cut_repeats;            /* so many further connections break at the same byte */
    int cut_closes;             /* 1: as the peer closing; 0: as a reset */
    int32_t send_error;         /* send fails with it; what has arrived can still be read */
    int send_stalls;            /* send would block until this is 0 again */
    int recv_stalls;
    int32_t resolve_error;      /* 0: the name is found */
    uint32_t resolve_ms;        /* so long after the first call */
    int32_t open_error;
    int32_t connect_error;
    uint32_t connect_ms;
    int bad_return;             /* a value that the contract forbids: see sim.c */
} sim_faults_t;

enum { SIM_SEND_ZERO = 1, SIM_SEND_MORE, SIM_RECV_ZERO, SIM_RECV_MORE, SIM_CONNECT_POSITIVE };

typedef struct {
    iot_thing_sockets_t sockets; /* for the configuration */
    sim_faults_t faults;
    broker_t *broker;

    /* What happened. */
    int opens;
    int closes;
    int cuts;
    unsigned long sends;         /* calls that took bytes */
    unsigned long recvs;         /* calls that gave bytes */
    unsigned long calls;         /* of all functions */
    size_t sent;                 /* bytes, in this connection */
    size_t received;
    char host[256];
    uint16_t tcp_port;
    iot_thing_address_t address;

    /* Private. */
    ptrdiff_t handle;            /* of the open socket, or -1 */
    int connected;
    int broken;
    int resolving;
    int connecting;
    uint64_t settles_at;         /* resolve or connect */
    unsigned flip;
} sim_link_t;

/* A link without faults to `broker`; `by_name`: sockets without resolve. */
void sim_link_init(sim_link_t *link, broker_t *broker, int by_name);

/* Whether a select() on the open socket would return at once. */
int sim_link_ready(const sim_link_t *link, uint32_t interest);

/* The network breaks, now. */
void sim_link_cut(sim_link_t *link);

/* ---- one device: a Thing with its link, its broker, and a record of what it told --------------- */

#define SIM_EVENTS 1024

/* Filled in by sim_done, whose `user` it is: one operation of the application. */
typedef struct {
    int calls;
    int32_t error;
    int32_t code;
    int32_t retry;
    uint64_t version;
    uint64_t at_ms;
} sim_op_t;

typedef struct sim_device {
    iot_thing_t *thing;
    iot_thing_config_t config;
    sim_link_t link;
    broker_t broker;

    iot_thing_event_t events[SIM_EVENTS]; /* the first ones; borrowed data is cleared */
    uint64_t event_times[SIM_EVENTS];
    int event_count;
    int requests;                         /* calls of on_shadow_request */
    char last_request[BROKER_STATE_SIZE];
    int answer_requests;                  /* 1: the callback reports what was requested */
    unsigned long polls;
    int inside;                           /* inside poll or deinit */

    /* What else a callback does, set by tests; `what` is one of SIM_IN_... */
    void (*in_callback)(struct sim_device *device, int what);

    /* Aligned, so that the size that was asked for is enough; uint64_t alone does not see to that in
     * a structure on 32-bit x86. */
    struct {
        uint8_t bytes[IOT_THING_MEMORY_SIZE_SECURE_SOCKET(4096, 4096) + 65536];
    } __attribute__((aligned(IOT_THING_MEMORY_ALIGN))) memory;
} sim_device_t;

enum { SIM_IN_EVENT = 1, SIM_IN_REQUEST, SIM_IN_DONE };

/*
 * The world starts anew, at a moment at which the library's 32-bit clock reads `now_ms`. The
 * clock never goes back, so a later test may start weeks after an earlier one.
 */
void sim_start(uint32_t now_ms);

/* A device with its configuration set to: plain transport, short reconnect delays. Not yet made. */
void sim_device_init(sim_device_t *device, const char *name);

/* Makes the Thing; returns what iot_thing_init() returned. */
int32_t sim_device_make(sim_device_t *device);

/* Makes it, listens to requests, connects. Returns 1 when it is online. */
int sim_device_online(sim_device_t *device);

/* Ends it and checks the rules of the world. Returns 1 when all were kept. */
int sim_device_end(sim_device_t *device);

int32_t sim_poll(sim_device_t *device);

/* Runs a device, or several, for so many milliseconds of the simulated clock. */
void sim_run(sim_device_t *device, uint64_t ms);
void sim_run_all(sim_device_t *const *devices, size_t count, uint64_t ms);

/* Runs until the state is reached or the time is over; returns whether it was reached. */
int sim_run_until_state(sim_device_t *device, int32_t state, uint64_t ms);

/* Runs until the operation has ended or the time is over; returns whether it has ended. */
int sim_run_until_done(sim_device_t *device, sim_op_t *op, uint64_t ms);

/* Callbacks; `user` is the device, for sim_done the operation. */
void sim_on_event(void *user, iot_thing_t *thing, const iot_thing_event_t *event);
int32_t sim_on_request(void *user, const iot_thing_json_t *requested,
                       iot_thing_json_writer_t *reported);
void sim_done(void *user, iot_thing_t *thing, const iot_thing_result_t *result);

/* Events of one type: how many, and the last one (NULL when none). */
int sim_count(const sim_device_t *device, int32_t type);
const iot_thing_event_t *sim_last(const sim_device_t *device, int32_t type);

#endif
