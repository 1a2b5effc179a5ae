/* The simulated world: see sim.h. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Polls without any progress of the clock after which a Thing is held to be spinning. */
#define SPIN_LIMIT 200000

sim_board_t sim_board;

void sim_violated(const char *what)
{
    if (sim_board.violation == NULL) {
        sim_board.violation = what;
        fprintf(stderr, "world: %s\n", what);
    }
}

static void outside_critical(const char *what)
{
    if (sim_board.critical_depth != 0) {
        sim_violated(what);
    }
}

/* ---- board ----------------------------------------------------------------------------------- */

static uint32_t board_now_ms(void *user)
{
    (void)user;
    return (uint32_t)sim_board.now_ms;
}

static uint64_t board_unix_time(void *user)
{
    (void)user;
    return sim_board.unix_time;
}

static int32_t board_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    if (sim_board.random_fails) {
        return -1;
    }
    for (size_t i = 0; i < len; i++) {
        sim_board.random_seed = sim_board.random_seed * 1664525u + 1013904223u;
        out[i] = (uint8_t)(sim_board.random_seed >> 24);
    }
    return 0;
}

static size_t board_enter_critical(void *user)
{
    (void)user;
    sim_board.criticals++;
    return (size_t)sim_board.critical_depth++;
}

static void board_exit_critical(void *user, size_t state)
{
    (void)user;
    if (--sim_board.critical_depth != (int)state) {
        sim_violated("critical sections were not left in the order in which they were entered");
    }
}

static void board_wake(void *user, iot_thing_t *thing)
{
    (void)user;
    outside_critical("wake was called inside a critical section");
    sim_board.wakes++;
    sim_board.woken = thing;
}

static void board_log(void *user, int32_t level, const char *text)
{
    (void)user;
    outside_critical("log was called inside a critical section");
    if (level < IOT_THING_LOG_ERROR || level > IOT_THING_LOG_INFO) {
        sim_violated("log was called with an unknown level");
    }
    sim_board.logs++;
    snprintf(sim_board.last_log, sizeof sim_board.last_log, "%s", text);
}

static void board_panic(void *user, const uint8_t *file, size_t file_len, uint32_t line)
{
    (void)user;
    fprintf(stderr, "panic in %.*s, line %lu\n", (int)file_len, (const char *)file,
            (unsigned long)line);
    abort();
}

const iot_thing_port_t sim_port = {
    .struct_size = sizeof(iot_thing_port_t),
    .now_ms = board_now_ms,
    .unix_time = board_unix_time,
    .random = board_random,
    .enter_critical = board_enter_critical,
    .exit_critical = board_exit_critical,
    .wake = board_wake,
    .log = board_log,
    .panic = board_panic,
};

/* ---- link ------------------------------------------------------------------------------------ */

/* Every socket function begins here. */
static sim_link_t *enter(void *user)
{
    sim_link_t *link = user;
    outside_critical("a socket function was called inside a critical section");
    link->calls++;
    return link;
}

/* Whether an operation that takes `ms` has settled, and from when on it counts. */
static int settled(sim_link_t *link, int *under_way, uint32_t ms)
{
    if (!*under_way) {
        *under_way = 1;
        link->settles_at = sim_board.now_ms + ms;
    }
    if (sim_board.now_ms < link->settles_at) {
        return 0;
    }
    *under_way = 0;
    return 1;
}

static int32_t link_resolve(void *user, const char *host, iot_thing_address_t *address)
{
    sim_link_t *link = enter(user);
    if (link->handle >= 0) {
        sim_violated("resolve was called while a socket is open");
    }
    if (!settled(link, &link->resolving, link->faults.resolve_ms)) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    snprintf(link->host, sizeof link->host, "%s", host);
    if (link->faults.resolve_error) {
        return link->faults.resolve_error;
    }
    memset(address, 0, sizeof *address);
    address->family = 4;
    memcpy(address->ip, "\xC0\x00\x02\x01", 4);
    return 0;
}

static int32_t link_open(void *user, ptrdiff_t *socket)
{
    sim_link_t *link = enter(user);
    if (link->faults.open_error) {
        return link->faults.open_error;
    }
    if (link->handle >= 0) {
        sim_violated("open was called while a socket is open");
    }
    link->opens++;
    link->handle = 1000 + link->opens;
    link->connected = 0;
    link->connecting = 0;
    link->broken = 0;
    link->sent = 0;
    link->received = 0;
    *socket = link->handle;
    return 0;
}

static void check_handle(const sim_link_t *link, ptrdiff_t socket)
{
    if (socket != link->handle) {
        sim_violated("a socket was used that is not open");
    }
}

static int32_t link_connect(void *user, ptrdiff_t socket, const char *host,
                            const iot_thing_address_t *address, uint16_t tcp_port)
{
    sim_link_t *link = enter(user);
    check_handle(link, socket);
    if (link->connected) {
        sim_violated("connect was called again after it had settled");
    }
    if ((address == NULL) != (link->sockets.resolve == NULL)) {
        sim_violated("connect got an address though there is no resolve, or none though there is");
    }
    if (link->faults.bad_return == SIM_CONNECT_POSITIVE) {
        return 7;
    }
    if (!settled(link, &link->connecting, link->faults.connect_ms)) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    if (link->faults.connect_error) {
        return link->faults.connect_error;
    }
    if (host != NULL) {
        snprintf(link->host, sizeof link->host, "%s", host);
    }
    if (address != NULL) {
        link->address = *address;
    }
    link->tcp_port = tcp_port;
    link->connected = 1;
    broker_open(link->broker);
    return 0;
}

static int32_t break_link(sim_link_t *link)
{
    if (!link->broken) {
        link->broken = 1;
        link->cuts++;
        broker_closed(link->broker);
    }
    return link->faults.cut_closes ? IOT_THING_SOCKET_CLOSED : SIM_ECONNRESET;
}

/* The link is at the byte where it breaks; later connections do not, unless they are to. */
static int32_t cut_off(sim_link_t *link, size_t *limit)
{
    if (link->faults.cut_repeats-- <= 0) {
        *limit = SIM_NEVER;
    }
    return break_link(link);
}

void sim_link_cut(sim_link_t *link)
{
    if (link->handle >= 0) {
        break_link(link);
    }
}

/* How many of `len` bytes go through in one call; 0 when the link is at its cut. */
static size_t allowed(size_t len, size_t limit, size_t cut_after, size_t so_far)
{
    if (limit != 0 && len > limit) {
        len = limit;
    }
    size_t left = cut_after > so_far ? cut_after - so_far : 0;
    return len < left ? len : left;
}

/* Every other call would block, when the test wants it. */
static int blocks_now(sim_link_t *link)
{
    return link->faults.block_every_other && (link->flip++ & 1) == 0;
}

static int32_t link_send(void *user, ptrdiff_t socket, const uint8_t *data, size_t len)
{
    sim_link_t *link = enter(user);
    check_handle(link, socket);
    if (len == 0) {
        sim_violated("send was called with nothing to send");
    }
    if (link->faults.bad_return == SIM_SEND_ZERO) {
        return 0;
    }
    if (link->faults.bad_return == SIM_SEND_MORE) {
        return (int32_t)len + 1;
    }
    if (link->broken) {
        return break_link(link);
    }
    if (link->broker->closing && broker_pending(link->broker) == 0) {
        return IOT_THING_SOCKET_CLOSED;
    }
    if (link->faults.send_error) {
        return link->faults.send_error;
    }
    if (link->faults.send_stalls || blocks_now(link)) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    size_t taken = allowed(len, link->faults.max_send, link->faults.cut_after_sent, link->sent);
    if (taken == 0) {
        return cut_off(link, &link->faults.cut_after_sent);
    }
    link->sends++;
    link->sent += taken;
    broker_take(link->broker, data, taken);
    return (int32_t)taken;
}

static int32_t link_recv(void *user, ptrdiff_t socket, uint8_t *data, size_t len)
{
    sim_link_t *link = enter(user);
    check_handle(link, socket);
    if (len == 0) {
        sim_violated("recv was called without room");
    }
    if (link->faults.bad_return == SIM_RECV_ZERO) {
        return 0;
    }
    if (link->faults.bad_return == SIM_RECV_MORE) {
        return (int32_t)len + 1;
    }
    if (link->broken) {
        return break_link(link);
    }
    if (link->faults.recv_stalls || blocks_now(link)) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    if (broker_pending(link->broker) == 0) {
        return link->broker->closing ? IOT_THING_SOCKET_CLOSED : IOT_THING_SOCKET_WOULD_BLOCK;
    }
    size_t given = allowed(len, link->faults.max_recv, link->faults.cut_after_received,
                           link->received);
    if (given == 0) {
        return cut_off(link, &link->faults.cut_after_received);
    }
    given = broker_give(link->broker, data, given);
    link->recvs++;
    link->received += given;
    return (int32_t)given;
}

static void link_close(void *user, ptrdiff_t socket)
{
    sim_link_t *link = enter(user);
    check_handle(link, socket);
    link->closes++;
    link->handle = -1;
    link->connecting = 0;
    if (link->connected && !link->broken) {
        broker_closed(link->broker);
    }
    link->connected = 0;
}

void sim_link_init(sim_link_t *link, broker_t *broker, int by_name)
{
    static const iot_thing_sockets_t functions = {
        .struct_size = sizeof(iot_thing_sockets_t),
        .resolve = link_resolve,
        .open = link_open,
        .connect = link_connect,
        .send = link_send,
        .recv = link_recv,
        .close = link_close,
    };
    memset(link, 0, sizeof *link);
    link->sockets = functions;
    link->sockets.user = link;
    if (by_name) {
        link->sockets.resolve = NULL;
    }
    link->broker = broker;
    link->faults.cut_after_sent = SIM_NEVER;
    link->faults.cut_after_received = SIM_NEVER;
    link->handle = -1;
}

static int readable(const sim_link_t *link)
{
    return link->broken || (!link->faults.recv_stalls &&
                            (broker_pending(link->broker) > 0 || link->broker->closing));
}

int sim_link_ready(const sim_link_t *link, uint32_t interest)
{
    if (link->handle < 0) {
        return 0;
    }
    if (!link->connected) {
        return (interest & IOT_THING_IO_WRITE) && link->connecting &&
               sim_board.now_ms >= link->settles_at;
    }
    return ((interest & IOT_THING_IO_READ) && readable(link)) ||
           ((interest & IOT_THING_IO_WRITE) && (link->broken || !link->faults.send_stalls));
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void in_callback(sim_device_t *device, int what)
{
    outside_critical("a callback was called inside a critical section");
    if (!device->inside) {
        sim_violated("a callback was called outside poll and deinit");
    }
    if (device->in_callback != NULL) {
        device->in_callback(device, what);
    }
}

/* The device that is being polled: sim_done's user is the operation. */
static sim_device_t *current;

void sim_on_event(void *user, iot_thing_t *thing, const iot_thing_event_t *event)
{
    sim_device_t *device = user;
    (void)thing;
    if (device->event_count < SIM_EVENTS) {
        device->events[device->event_count] = *event;
        device->events[device->event_count].data.data = NULL;
        device->event_times[device->event_count++] = sim_board.now_ms;
    }
    in_callback(device, SIM_IN_EVENT);
}

int32_t sim_on_request(void *user, const iot_thing_json_t *requested,
                       iot_thing_json_writer_t *reported)
{
    sim_device_t *device = user;
    uint32_t value = 0;
    device->requests++;
    if (iot_thing_json_get_u32(requested, "p", &value) == IOT_THING_OK) {
        snprintf(device->last_request, sizeof device->last_request, "{\"p\":%lu}",
                 (unsigned long)value);
        if (device->answer_requests) {
            iot_thing_json_put_u32(reported, "p", value);
        }
    }
    in_callback(device, SIM_IN_REQUEST);
    return IOT_THING_OK;
}

void sim_done(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    sim_op_t *op = user;
    (void)thing;
    op->calls++;
    op->error = result->error;
    op->code = result->code;
    op->retry = result->retry;
    op->version = result->version;
    op->at_ms = sim_board.now_ms;
    if (current == NULL) {
        sim_violated("a completion was called outside poll and deinit");
        return;
    }
    in_callback(current, SIM_IN_DONE);
}

int sim_count(const sim_device_t *device, int32_t type)
{
    int count = 0;
    for (int i = 0; i < device->event_count; i++) {
        count += device->events[i].type == type;
    }
    return count;
}

const iot_thing_event_t *sim_last(const sim_device_t *device, int32_t type)
{
    for (int i = device->event_count; i-- > 0;) {
        if (device->events[i].type == type) {
            return &device->events[i];
        }
    }
    return NULL;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* Lets time pass, with the clock being read as often as the header demands. */
static void pass(uint64_t ms)
{
    const uint64_t stride = UINT64_C(20) * 24 * 3600 * 1000;
    static sim_device_t reader;
    sim_device_init(&reader, "reader");
    if (sim_device_make(&reader) != IOT_THING_OK) {
        sim_violated("the device that reads the clock cannot be made");
        return;
    }
    while (ms > 0) {
        uint64_t step = ms < stride ? ms : stride;
        sim_board.now_ms += step;
        ms -= step;
        sim_poll(&reader);
    }
    sim_device_end(&reader);
}

void sim_start(uint32_t now_ms)
{
    static int started;
    uint64_t now = sim_board.now_ms;
    memset(&sim_board, 0, sizeof sim_board);
    sim_board.unix_time = 1800000000;
    sim_board.random_seed = 1;
    if (!started) {
        sim_board.now_ms = now_ms;
        started = 1;
    } else {
        sim_board.now_ms = now;
        pass((uint32_t)(now_ms - (uint32_t)now));
    }
    sim_board.started_ms = sim_board.now_ms;
    sim_board.random_seed = 1;
    sim_board.criticals = sim_board.wakes = sim_board.logs = 0;
}

void sim_device_init(sim_device_t *device, const char *name)
{
    iot_thing_config_t config =
        IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
    memset(device, 0, sizeof *device);
    /* The library does not need zeroed memory: give it rubbish. */
    memset(&device->memory, 0xA5, sizeof device->memory);
    broker_init(&device->broker, name);
    sim_link_init(&device->link, &device->broker, 0);
    device->answer_requests = 1;
    config.endpoint = "broker.example.com";
    config.mqtt_id = name;
    config.sockets = &device->link.sockets;
    config.port = &sim_port;
    config.on_event = sim_on_event;
    config.on_event_user = device;
    config.backoff_base_ms = 100;
    config.backoff_cap_ms = 1000;
    device->config = config;
}

int32_t sim_device_make(sim_device_t *device)
{
    return iot_thing_init(&device->thing, device->memory.bytes, sizeof device->memory.bytes,
                          &device->config);
}

int sim_device_online(sim_device_t *device)
{
    return sim_device_make(device) == IOT_THING_OK &&
           iot_thing_on_shadow_request(device->thing, sim_on_request, device) == IOT_THING_OK &&
           iot_thing_connect(device->thing) == IOT_THING_OK &&
           sim_run_until_state(device, IOT_THING_STATE_ONLINE, 60000);
}

int sim_device_end(sim_device_t *device)
{
    if (device->thing != NULL) {
        current = device;
        device->inside = 1;
        int32_t error = iot_thing_deinit(device->thing);
        device->inside = 0;
        current = NULL;
        device->thing = NULL;
        if (error != IOT_THING_OK) {
            sim_violated("deinit failed");
        }
    }
    if (device->link.opens != device->link.closes) {
        sim_violated("a socket was not closed exactly once");
    }
    if (sim_board.critical_depth != 0) {
        sim_violated("a critical section was not left");
    }
    if (device->broker.violation != NULL) {
        sim_violated(device->broker.violation);
    }
    return sim_board.violation == NULL;
}

int32_t sim_poll(sim_device_t *device)
{
    current = device;
    device->inside = 1;
    device->polls++;
    int32_t next = iot_thing_poll(device->thing);
    device->inside = 0;
    current = NULL;
    if (next < 0) {
        sim_violated("poll failed");
    }
    return next;
}

/* Whether something other than the clock makes a main loop poll this device now. */
static int has_input(sim_device_t *device)
{
    ptrdiff_t handle = -2;
    uint32_t interest = 0;
    iot_thing_io_wanted(device->thing, &handle, &interest);
    if (handle != device->link.handle) {
        sim_violated("io_wanted names another socket than the open one");
    }
    /* A finished look-up wakes the loop, as the POSIX port does it. */
    return sim_link_ready(&device->link, interest) ||
           (iot_thing_get_state(device->thing) == IOT_THING_STATE_RESOLVING &&
            device->link.resolving && sim_board.now_ms >= device->link.settles_at);
}

/*
 * Polls each device until it asks for time; returns the milliseconds to the next deadline of any.
 * `stop` is asked between polls; when it says so the result is 0.
 */
static uint64_t settle(sim_device_t *const *devices, size_t count, int (*stop)(void *), void *user)
{
    uint64_t shortest = IOT_THING_FOREVER;
    for (size_t i = 0; i < count; i++) {
        unsigned long spins = 0;
        int32_t next;
        do {
            next = sim_poll(devices[i]);
            if (stop != NULL && stop(user)) {
                return 0;
            }
            if (++spins > SPIN_LIMIT) {
                sim_violated("a Thing asks to be polled again for ever");
                return 0;
            }
        } while (next >= 0 && (next == 0 || has_input(devices[i])));
        if (next < 0) {
            return 0;
        }
        if ((uint64_t)next < shortest) {
            shortest = (uint64_t)next;
        }
    }
    return shortest;
}

/* When the network has something to say, for a link that is looking up or connecting. */
static uint64_t until_link_settles(const sim_link_t *link)
{
    if ((link->resolving || link->connecting) && link->settles_at > sim_board.now_ms) {
        return link->settles_at - sim_board.now_ms;
    }
    return UINT64_MAX;
}

static int run(sim_device_t *const *devices, size_t count, uint64_t ms, int (*stop)(void *),
               void *user)
{
    uint64_t end = sim_board.now_ms + ms;
    while (sim_board.violation == NULL) {
        uint64_t step = settle(devices, count, stop, user);
        if (stop != NULL && stop(user)) {
            return 1;
        }
        if (sim_board.now_ms >= end) {
            break;
        }
        for (size_t i = 0; i < count; i++) {
            uint64_t link = until_link_settles(&devices[i]->link);
            step = link < step ? link : step;
        }
        if (step > end - sim_board.now_ms) {
            step = end - sim_board.now_ms;
        }
        sim_board.now_ms += step;
    }
    return 0;
}

void sim_run(sim_device_t *device, uint64_t ms)
{
    run(&device, 1, ms, NULL, NULL);
}

void sim_run_all(sim_device_t *const *devices, size_t count, uint64_t ms)
{
    run(devices, count, ms, NULL, NULL);
}

typedef struct {
    sim_device_t *device;
    int32_t state;
} wanted_state_t;

static int state_reached(void *user)
{
    const wanted_state_t *wanted = user;
    return iot_thing_get_state(wanted->device->thing) == wanted->state;
}

int sim_run_until_state(sim_device_t *device, int32_t state, uint64_t ms)
{
    wanted_state_t wanted = {device, state};
    return run(&device, 1, ms, state_reached, &wanted);
}

static int op_ended(void *user)
{
    const sim_op_t *op = user;
    return op->calls > 0;
}

int sim_run_until_done(sim_device_t *device, sim_op_t *op, uint64_t ms)
{
    return run(&device, 1, ms, op_ended, op);
}
