/*
 * The POSIX port keeps the contract of the header, over real sockets on this machine; and a
 * Thing uses it to talk to the test broker over TCP.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker.h"
#include "check.h"
#include "iot_thing_posix.h"

static iot_thing_posix_t posix;

/* Sleeps in the port's own wait, as a main loop does. */
static void wait_for(ptrdiff_t handle, uint32_t interest, int32_t ms)
{
    posix.sockets.wait(posix.sockets.user, handle, interest, ms);
}

/* ---- a listening socket ------------------------------------------------------------------------ */

typedef struct {
    int fd;
    uint16_t tcp_port;
    iot_thing_address_t address;
} listener_t;

/* Listens on a free port of the loopback address of this family; fd -1 when there is none. */
static listener_t listen_on(uint32_t family)
{
    listener_t listener;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    socklen_t len;
    memset(&listener, 0, sizeof listener);
    memset(&v4, 0, sizeof v4);
    memset(&v6, 0, sizeof v6);
    listener.address.family = family;
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    memcpy(listener.address.ip, family == 4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr,
           family == 4 ? 4 : 16);

    struct sockaddr *address = family == 4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    len = family == 4 ? sizeof v4 : sizeof v6;
    listener.fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    if (listener.fd >= 0 &&
        (bind(listener.fd, address, len) != 0 || listen(listener.fd, 5) != 0 ||
         getsockname(listener.fd, address, &len) != 0)) {
        close(listener.fd);
        listener.fd = -1;
    }
    listener.tcp_port = ntohs(family == 4 ? v4.sin_port : v6.sin6_port);
    return listener;
}

/* Opens a socket of the port and connects it; what connect settled on. */
static int32_t connect_to(const listener_t *listener, ptrdiff_t *handle)
{
    CHECK_EQ(posix.sockets.open(&posix, handle), 0);
    for (;;) {
        int32_t result = posix.sockets.connect(&posix, *handle, "localhost", &listener->address,
                                               listener->tcp_port);
        if (result != IOT_THING_SOCKET_WOULD_BLOCK) {
            return result;
        }
        wait_for(*handle, IOT_THING_IO_WRITE, 1000);
    }
}

/* ---- the port alone ------------------------------------------------------------------------------ */

static void connects_sends_and_receives(uint32_t family)
{
    listener_t listener = listen_on(family);
    ptrdiff_t handle = -1;
    uint8_t buffer[64];
    if (listener.fd < 0) {
        printf("skipped: this machine has no IPv%u loopback\n", (unsigned)family);
        return;
    }
    CHECK_EQ(connect_to(&listener, &handle), 0);
    int peer = accept(listener.fd, NULL, NULL);
    CHECK(peer >= 0);

    CHECK_EQ(posix.sockets.recv(&posix, handle, buffer, sizeof buffer),
             IOT_THING_SOCKET_WOULD_BLOCK);
    CHECK_EQ(posix.sockets.send(&posix, handle, (const uint8_t *)"hello", 5), 5);
    CHECK_EQ(read(peer, buffer, sizeof buffer), 5);
    CHECK(memcmp(buffer, "hello", 5) == 0);
    CHECK_EQ(write(peer, "world", 5), 5);
    wait_for(handle, IOT_THING_IO_READ, 10000);
    CHECK_EQ(posix.sockets.recv(&posix, handle, buffer, 2), 2);
    CHECK_EQ(posix.sockets.recv(&posix, handle, buffer + 2, sizeof buffer - 2), 3);
    CHECK(memcmp(buffer, "world", 5) == 0);

    close(peer);
    wait_for(handle, IOT_THING_IO_READ, 10000);
    CHECK_EQ(posix.sockets.recv(&posix, handle, buffer, sizeof buffer), IOT_THING_SOCKET_CLOSED);
    CHECK_EQ(posix.sockets.recv(&posix, handle, buffer, sizeof buffer), IOT_THING_SOCKET_CLOSED);
    posix.sockets.close(&posix, handle);
    close(listener.fd);
}

static void ipv4(void)
{
    connects_sends_and_receives(4);
}

static void ipv6(void)
{
    connects_sends_and_receives(6);
}

/* A peer that is gone must not kill the program with SIGPIPE. */
static void sending_to_a_closed_peer(void)
{
    listener_t listener = listen_on(4);
    ptrdiff_t handle = -1;
    int32_t result;
    CHECK_EQ(connect_to(&listener, &handle), 0);
    int peer = accept(listener.fd, NULL, NULL);
    close(peer);
    close(listener.fd);
    do {
        result = posix.sockets.send(&posix, handle, (const uint8_t *)"x", 1);
    } while (result == 1 || result == IOT_THING_SOCKET_WOULD_BLOCK);
    CHECK(result == IOT_THING_SOCKET_CLOSED || result == -ECONNRESET);
    posix.sockets.close(&posix, handle);
}

/* A full send buffer is WOULD_BLOCK, and never 0. */
static void sending_to_a_peer_that_does_not_read(void)
{
    static uint8_t block[65536];
    listener_t listener = listen_on(4);
    ptrdiff_t handle = -1;
    int32_t result;
    size_t total = 0;
    CHECK_EQ(connect_to(&listener, &handle), 0);
    do {
        result = posix.sockets.send(&posix, handle, block, sizeof block);
        total += result > 0 ? (size_t)result : 0;
    } while (result > 0);
    CHECK_EQ(result, IOT_THING_SOCKET_WOULD_BLOCK);
    CHECK(total > 0);
    posix.sockets.close(&posix, handle);
    close(listener.fd);
}

static void refused_connection(void)
{
    listener_t listener = listen_on(4);
    ptrdiff_t handle = -1;
    close(listener.fd); /* now nobody listens on that port */
    CHECK_EQ(connect_to(&listener, &handle), -ECONNREFUSED);
    CHECK(strlen(iot_thing_posix_error_text(-ECONNREFUSED)) > 3);
    posix.sockets.close(&posix, handle);
}

static int32_t resolve(const char *host, iot_thing_address_t *address)
{
    for (;;) {
        int32_t result = posix.sockets.resolve(&posix, host, address);
        if (result != IOT_THING_SOCKET_WOULD_BLOCK) {
            return result;
        }
        wait_for(-1, 0, IOT_THING_FOREVER); /* the end of the look-up wakes it */
    }
}

static void resolves_names(void)
{
    iot_thing_address_t address;
    memset(&address, 0, sizeof address);
    CHECK_EQ(posix.sockets.resolve(&posix, "localhost", &address), IOT_THING_SOCKET_WOULD_BLOCK);
    CHECK_EQ(resolve("localhost", &address), 0);
    CHECK((address.family == 4 && address.ip[0] == 127) ||
          (address.family == 6 && address.ip[15] == 1));

    int32_t error = resolve("name.that.does.not.exist.invalid", &address);
    CHECK(error < 0 && error != IOT_THING_SOCKET_CLOSED);
    CHECK(strlen(iot_thing_posix_error_text(error)) > 3);
}

/* More look-ups than there is room for: all of them come to an end. */
static void many_lookups_at_once(void)
{
    enum { NAMES = 30 };
    char host[NAMES][40];
    int32_t results[NAMES];
    iot_thing_address_t address;
    int open = NAMES;
    for (int i = 0; i < NAMES; i++) {
        snprintf(host[i], sizeof host[i], "127.0.0.%d", i + 1);
        results[i] = IOT_THING_SOCKET_WOULD_BLOCK;
    }
    while (open > 0) {
        for (int i = 0; i < NAMES; i++) {
            if (results[i] == IOT_THING_SOCKET_WOULD_BLOCK) {
                results[i] = posix.sockets.resolve(&posix, host[i], &address);
                if (results[i] != IOT_THING_SOCKET_WOULD_BLOCK) {
                    open--;
                    CHECK_EQ(results[i], 0);
                    CHECK_EQ(address.ip[3], i + 1);
                }
            }
        }
        if (open > 0) {
            wait_for(-1, 0, 1000);
        }
    }
}

static void wake_ends_the_wait(void)
{
    iot_thing_posix_t second;
    CHECK_EQ(iot_thing_posix_init(&second), 0);
    /* Before the wait: it must not be lost, and it wakes every loop once. */
    posix.port->wake(posix.port->user, NULL);
    posix.port->wake(posix.port->user, NULL);
    wait_for(-1, 0, IOT_THING_FOREVER);
    second.sockets.wait(second.sockets.user, -1, 0, IOT_THING_FOREVER);
    /* It was taken: now the time passes. */
    uint32_t before = posix.port->now_ms(NULL);
    wait_for(-1, 0, 20);
    CHECK(posix.port->now_ms(NULL) - before >= 19);
    iot_thing_posix_deinit(&second);
    /* With more wake-ups than the pipe holds nothing blocks. */
    for (int i = 0; i < 100000; i++) {
        posix.port->wake(posix.port->user, NULL);
    }
    wait_for(-1, 0, IOT_THING_FOREVER);
    CHECK(posix.port->now_ms(NULL) - before < 600000);
}

static void clock_random_and_critical_section(void)
{
    uint8_t a[32];
    uint8_t b[32];
    uint32_t first = posix.port->now_ms(posix.port->user);
    CHECK(posix.port->now_ms(posix.port->user) - first < 60000);
    CHECK(posix.port->unix_time(posix.port->user) > 1704067200u);
    CHECK_EQ(posix.port->random(posix.port->user, a, sizeof a), 0);
    CHECK_EQ(posix.port->random(posix.port->user, b, sizeof b), 0);
    CHECK(memcmp(a, b, sizeof a) != 0);
    size_t outer = posix.port->enter_critical(posix.port->user);
    size_t inner = posix.port->enter_critical(posix.port->user);
    posix.port->exit_critical(posix.port->user, inner);
    posix.port->exit_critical(posix.port->user, outer);
}

/* ---- a Thing over TCP ------------------------------------------------------------------------------ */

typedef struct {
    listener_t listener;
    broker_t broker;
    int stop[2]; /* a pipe: closed to end the server */
} server_t;

static server_t server;

/* Serves one connection at a time. */
static void serve_peer(int peer)
{
    uint8_t buffer[4096];
    ssize_t got;
    broker_open(&server.broker);
    while ((got = read(peer, buffer, sizeof buffer)) > 0) {
        broker_take(&server.broker, buffer, (size_t)got);
        size_t pending;
        while ((pending = broker_give(&server.broker, buffer, sizeof buffer)) > 0) {
            if (send(peer, buffer, pending, MSG_NOSIGNAL) != (ssize_t)pending) {
                break;
            }
        }
        if (server.broker.closing) {
            break;
        }
    }
    broker_closed(&server.broker);
    close(peer);
}

static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        struct pollfd ready[2] = {{server.listener.fd, POLLIN, 0}, {server.stop[0], POLLIN, 0}};
        poll(ready, 2, -1);
        if (ready[1].revents != 0) {
            return NULL;
        }
        serve_peer(accept(server.listener.fd, NULL, NULL));
    }
}

typedef struct {
    iot_thing_t *thing;
    int connected;
    int accepted;
    int idle;
} client_t;

static void on_event(void *user, iot_thing_t *thing, const iot_thing_event_t *event)
{
    client_t *client = user;
    (void)thing;
    client->connected += event->type == IOT_THING_EVENT_CONNECTED;
    client->idle += event->type == IOT_THING_EVENT_DISCONNECTED && event->error == IOT_THING_OK;
}

static void on_accepted(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    client_t *client = user;
    client->accepted += result->error == IOT_THING_OK;
    iot_thing_disconnect(thing);
}

static void thing_over_tcp(void)
{
    static union {
        uint64_t align;
        uint8_t bytes[IOT_THING_MEMORY_SIZE_SECURE_SOCKET(4096, 2048)];
    } memory;
    pthread_t thread;
    client_t client;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
    memset(&client, 0, sizeof client);
    server.listener = listen_on(4);
    broker_init(&server.broker, "tcp-thing");
    CHECK_EQ(pipe(server.stop), 0);
    CHECK_EQ(pthread_create(&thread, NULL, serve, NULL), 0);

    config.endpoint = "localhost";
    config.tcp_port = server.listener.tcp_port;
    config.mqtt_id = "tcp-thing";
    config.sockets = &posix.sockets;
    config.port = posix.port;
    config.on_event = on_event;
    config.on_event_user = &client;
    config.backoff_base_ms = 100;
    CHECK_EQ(iot_thing_init(&client.thing, memory.bytes, sizeof memory.bytes, &config),
             IOT_THING_OK);
    for (int round = 1; round <= 3; round++) {
        CHECK_EQ(iot_thing_update_shadow(client.thing, "{\"p\":1}", on_accepted, &client),
                 IOT_THING_OK);
        CHECK_EQ(iot_thing_connect(client.thing), IOT_THING_OK);
        while (client.idle < round) {
            CHECK_EQ(iot_thing_wait(client.thing, iot_thing_poll(client.thing)), IOT_THING_OK);
        }
        CHECK_EQ(client.accepted, round);
        CHECK_EQ(client.connected, round);
    }
    CHECK_EQ(iot_thing_deinit(client.thing), IOT_THING_OK);

    close(server.stop[1]);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(server.broker.updates, 3);
    CHECK(server.broker.violation == NULL);
    close(server.stop[0]);
    close(server.listener.fd);
}

int main(int argc, char **argv)
{
    CHECK_EQ(iot_thing_posix_init(&posix), 0);
    iot_thing_posix_log_level(IOT_THING_LOG_ERROR);
    RUN(ipv4);
    RUN(ipv6);
    RUN(sending_to_a_closed_peer);
    RUN(sending_to_a_peer_that_does_not_read);
    RUN(refused_connection);
    RUN(resolves_names);
    RUN(many_lookups_at_once);
    RUN(wake_ends_the_wait);
    RUN(clock_random_and_critical_section);
    RUN(thing_over_tcp);
    iot_thing_posix_deinit(&posix);
    return check_report("test_posix");
}
