/*
 * Instructions and stack with TLS 1.3, against a real broker at the other end of the network. What
 * the sockets do is not counted, and neither is the time in which the core sleeps. Each poll gets
 * one whole record or nothing, so how fast the network and the broker are changes no figure.
 *
 * MEASURE_RESUMPTION: only the second connection, which goes on from the first; the network must
 * have made a new connection RECONNECT_MS after the broker closed one. MEASURE_EMBEDDED_TLS: the
 * engine on embedded-tls. MEASURE_MANY_AT_ONCE: also many messages in one poll, which takes time.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "counter.h"
#include "credentials.h"
#include "iot_thing.h"
#include "network.h"

#define TIMES 8u
#define TX_SIZE 6144u
#define TLS_TX_SIZE 8192u
#define TIME_LIMIT_MS 60000u
#define RECONNECT_MS 2500u
#define RECORD_HEADER 5u
#define AT_ONCE 16u
#define QUIET_MS 200u

#ifdef MEASURE_EMBEDDED_TLS
#define TRANSPORT iot_thing_transport_embedded_tls
#define TLS_BUFFERS 2u /* each buffer is there twice */
#else
#define TRANSPORT iot_thing_transport_tls
#define TLS_BUFFERS 1u
#endif

/* Only the polls of a handshake that calculate with keys take so many instructions. */
#define CALCULATION 250000u
#define CALCULATIONS 5

static uint64_t memory[(2 * IOT_THING_MEMORY_SIZE_DEFAULT + 4 * TX_SIZE + 4 * TLS_TX_SIZE) / 8];

static iot_thing_t *thing;
static const iot_thing_sockets_t *network;
static iot_thing_sockets_t sockets;
static uint32_t started_ms;
static ptrdiff_t connection;
static int name_asked;
static int connect_asked;

/* ---- the sockets: not counted ------------------------------------------------------------------------ */

/* What the network has brought, and how much of it the next poll may have. */
static uint8_t received[80 * 1024];
static size_t received_len;
static size_t admitted;
static int holding; /* nothing, however much there is */

/* The first answer is "later": looking up a name and connecting are polls of their own. */
static int32_t later_resolve(void *user, const char *host, iot_thing_address_t *address)
{
    static const iot_thing_address_t here = {.family = 4, .ip = {127, 0, 0, 1}};
    (void)user, (void)host;
    *address = here;
    name_asked = !name_asked;
    return name_asked ? IOT_THING_SOCKET_WOULD_BLOCK : 0;
}

static int32_t later_connect(void *user, ptrdiff_t socket, const char *host,
                             const iot_thing_address_t *address, uint16_t port)
{
    int32_t answer = IOT_THING_SOCKET_WOULD_BLOCK;
    counter_stop();
    connect_asked = !connect_asked;
    if (!connect_asked) {
        answer = network->connect(user, socket, host, address, port);
        connect_asked = answer == IOT_THING_SOCKET_WOULD_BLOCK;
    }
    counter_start();
    return answer;
}

static int32_t uncounted_open(void *user, ptrdiff_t *socket)
{
    counter_stop();
    const int32_t answer = network->open(user, socket);
    connection = *socket;
    received_len = 0;
    admitted = 0;
    counter_start();
    return answer;
}

static int32_t uncounted_send(void *user, ptrdiff_t socket, const uint8_t *data, size_t len)
{
    counter_stop();
    const int32_t n = network->send(user, socket, data, len);
    counter_start();
    return n;
}

static int32_t record_recv(void *user, ptrdiff_t socket, uint8_t *data, size_t len)
{
    (void)user, (void)socket;
    counter_stop();
    const size_t n = len < admitted ? len : admitted;
    memcpy(data, received, n);
    memmove(received, received + n, received_len - n);
    received_len -= n;
    admitted -= n;
    counter_start();
    return n > 0 ? (int32_t)n : IOT_THING_SOCKET_WOULD_BLOCK;
}

/* Takes what the network has, and admits one record if there is a whole one. */
static void receive(void)
{
    int32_t n;
    do {
        const size_t room = sizeof received - received_len;
        n = network->recv(network->user, connection, received + received_len, room);
        received_len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    if (admitted == 0 && !holding && received_len >= RECORD_HEADER) {
        const size_t len = RECORD_HEADER + (size_t)(received[3] << 8 | received[4]);
        admitted = received_len >= len ? len : 0;
    }
}

/* ---- the Thing ------------------------------------------------------------------------------------------ */

static int32_t on_request(void *user, const iot_thing_json_t *wanted,
                          iot_thing_json_writer_t *reported)
{
    (void)user, (void)wanted, (void)reported;
    return IOT_THING_OK;
}

static void init(void)
{
#ifdef MEASURE_RESUMPTION
    static uint8_t ticket[2048];
#endif
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&TRANSPORT);
    network_init(&config);
    network = config.sockets;
    sockets = *network;
    sockets.resolve = later_resolve;
    sockets.open = uncounted_open;
    sockets.connect = later_connect;
    sockets.send = uncounted_send;
    sockets.recv = record_recv;
    config.sockets = &sockets;
    config.endpoint = "localhost";
    config.mqtt_id = "demo-thing";
    config.client_cert = (iot_thing_bytes_t){client_cert, client_cert_len};
    config.private_key = (iot_thing_bytes_t){private_key, private_key_len};
    config.ca_certs = (iot_thing_bytes_t){ca_certs, ca_certs_len};
    config.tx_size = TX_SIZE;
    config.tls_tx_size = TLS_TX_SIZE;
#ifdef MEASURE_RESUMPTION
    config.tls_ticket = ticket;
    config.tls_ticket_size = sizeof ticket;
#endif
    started_ms = network_now_ms();
    size_t needed = 0;
    check(iot_thing_memory_needed(&config, &needed) == IOT_THING_OK, "memory_needed");
    report("RAM of a Thing besides its buffers, with decoded certificates",
           needed - IOT_THING_DEFAULT_RX_SIZE - 2 * TX_SIZE - IOT_THING_DEFAULT_REPLY_SIZE -
               TLS_BUFFERS * (IOT_THING_DEFAULT_TLS_RX_SIZE + TLS_TX_SIZE));
    stack_fill();
    counter_report(NULL, 1);
    counter_start();
    const int32_t error = iot_thing_init(&thing, memory, sizeof memory, &config);
    counter_stop();
    check(error == IOT_THING_OK, iot_thing_err_name(error));
    counter_report("iot_thing_init", 1);
    report("stack: iot_thing_init", stack_used());
    check(iot_thing_on_shadow_request(thing, on_request, NULL) == IOT_THING_OK, "on_request");
}

/* ---- polls ------------------------------------------------------------------------------------------------ */

/* The longest poll that ended in each state, and those of the handshake that calculated, in order. */
static uint64_t longest[IOT_THING_STATE_WAITING + 1];
static uint64_t calculations[CALCULATIONS];
static unsigned calculation_count;

/* How long the poll before allowed to sleep; 0 after a call that queues something. */
static int32_t wait_ms;

/* Sleeps until a record is there or that time has passed. */
static void sleep_until_record(void)
{
    const uint32_t start_ms = network_now_ms();
    int32_t left_ms = wait_ms;
    receive();
    while (admitted == 0 && left_ms > 0) {
        iot_thing_wait(thing, left_ms);
        receive();
        left_ms = wait_ms - (int32_t)(network_now_ms() - start_ms);
    }
}

static void step(void)
{
    if (iot_thing_get_state(thing) >= IOT_THING_STATE_SECURING) {
        sleep_until_record();
    } else {
        iot_thing_wait(thing, wait_ms);
    }
    const uint64_t before = counter_total();
    counter_start();
    wait_ms = iot_thing_poll(thing);
    counter_stop();
    const uint64_t taken = counter_total() - before;
    const int32_t state = iot_thing_get_state(thing);
    check(wait_ms >= 0, "poll");
    check(network_now_ms() - started_ms < TIME_LIMIT_MS, "it takes too long");
    check(state < IOT_THING_STATE_WAITING, "the connection");
    if (taken > longest[state]) {
        longest[state] = taken;
    }
    if (state == IOT_THING_STATE_SECURING && taken > CALCULATION) {
        check(calculation_count < CALCULATIONS, "too many calculations");
        calculations[calculation_count++] = taken;
    }
}

static uint64_t longest_in_handshake(void)
{
    uint64_t most = 0;
    for (int32_t state = 0; state <= IOT_THING_STATE_OPENING; state++) {
        most = longest[state] > most ? longest[state] : most;
    }
    return most;
}

/* ---- measurements ------------------------------------------------------------------------------------------ */

static void connect_until(int32_t state)
{
    check(iot_thing_connect(thing) == IOT_THING_OK, "connect");
    do {
        step();
    } while (iot_thing_get_state(thing) < state);
}

#ifdef MEASURE_RESUMPTION

static void disconnect(void)
{
    check(iot_thing_disconnect(thing) == IOT_THING_OK, "disconnect");
    wait_ms = 0;
    while (iot_thing_get_state(thing) != IOT_THING_STATE_IDLE) {
        step();
    }
    const uint32_t closed_ms = network_now_ms();
    while (network_now_ms() - closed_ms < RECONNECT_MS) {
        network->wait(network->user, -1, 0, RECONNECT_MS);
    }
    /* What the broker said after that was for the old connection. */
    receive();
}

int main(void)
{
    iot_thing_connection_t info = IOT_THING_CONNECTION_INIT;
    counter_init();
    init();
    connect_until(IOT_THING_STATE_ONLINE);
    disconnect();
    memset(longest, 0, sizeof longest);
    calculation_count = 0;
    stack_fill();
    counter_report(NULL, 1);
    connect_until(IOT_THING_STATE_OPENING);
    counter_report("resumed handshake", 1);
    report("longest poll in the resumed handshake", longest_in_handshake());
    report("stack: iot_thing_poll, resumed handshake", stack_used());
    while (iot_thing_get_state(thing) != IOT_THING_STATE_ONLINE) {
        step();
    }
    check(iot_thing_get_connection(thing, &info) == IOT_THING_OK, "the connection");
    check(info.tls_resumed == 1, "it was not resumed");
    return 0;
}

#else

static void measure_connect(void)
{
    stack_fill();
    counter_report(NULL, 1);
    connect_until(IOT_THING_STATE_OPENING);
    counter_report("handshake", 1);
    report("longest poll in the handshake", longest_in_handshake());
    report("stack: iot_thing_poll, handshake", stack_used());
    while (iot_thing_get_state(thing) != IOT_THING_STATE_ONLINE) {
        step();
    }
}

static unsigned done_calls;

static void on_done(void *user, iot_thing_t *self, const iot_thing_result_t *result)
{
    (void)user, (void)self;
    check(result->error == IOT_THING_OK, "an operation");
    done_calls++;
}

static void measure_publish(size_t bytes, int32_t qos, const char *name)
{
    static uint8_t payload[4096];
    memset(payload, 'x', sizeof payload);
    for (unsigned i = 0; i <= TIMES; i++) {
        const unsigned before = done_calls;
        if (i == 1) {
            counter_report(NULL, 1);
        }
        counter_start();
        const int32_t error =
            iot_thing_publish(thing, "demo-thing/out", payload, bytes, qos, on_done, NULL);
        counter_stop();
        check(error == IOT_THING_OK, "publish");
        wait_ms = 0;
        while (done_calls == before) {
            step();
        }
    }
    counter_report(name, TIMES);
}

static void measure_update(void)
{
    static const char text[] = "{\"publish_period\":30,\"temperature\":215,\"humidity\":487,"
                               "\"led\":true,\"rssi\":-61}";
    for (unsigned i = 0; i <= TIMES; i++) {
        const unsigned before = done_calls;
        if (i == 1) {
            counter_report(NULL, 1);
        }
        counter_start();
        const int32_t error = iot_thing_update_shadow(thing, text, on_done, NULL);
        counter_stop();
        check(error == IOT_THING_OK, "update");
        wait_ms = 0;
        while (done_calls == before) {
            step();
        }
    }
    counter_report("TLS: update, with its PUBACK and accepted", TIMES);
}

#ifdef MEASURE_MANY_AT_ONCE

static unsigned messages;

static void on_message(void *user, iot_thing_t *self, const iot_thing_mqtt_message_t *message)
{
    (void)user, (void)self, (void)message;
    messages++;
}

/* Many messages, all of which are there before the poll: the device gets its own ones back. */
static void measure_many_at_once(void)
{
    static const uint8_t payload[4000];
    const unsigned before = done_calls;
    check(iot_thing_mqtt_subscribe(thing, "demo-thing/in", 0, 0, on_message, on_done, NULL) ==
              IOT_THING_OK,
          "subscribe");
    wait_ms = 0;
    while (done_calls == before) {
        step();
    }
    holding = 1;
    for (unsigned i = 0; i < AT_ONCE; i++) {
        check(iot_thing_publish(thing, "demo-thing/in", payload, sizeof payload, 0, on_done,
                                NULL) == IOT_THING_OK,
              "publish");
        wait_ms = 0;
        while (done_calls == before + 1 + i) {
            step();
        }
    }
    size_t len;
    do {
        const uint32_t start_ms = network_now_ms();
        len = received_len;
        while (network_now_ms() - start_ms < QUIET_MS) {
            network->wait(network->user, connection, IOT_THING_IO_READ, (int32_t)QUIET_MS);
            receive();
        }
        check(start_ms - started_ms < TIME_LIMIT_MS, "all messages at once");
    } while (received_len > len || len < AT_ONCE * sizeof payload);
    admitted = received_len;
    holding = 0;
    longest[IOT_THING_STATE_ONLINE] = 0;
    while (messages < AT_ONCE) {
        step();
    }
    report("longest poll: 16 messages of 4,000 bytes at once", longest[IOT_THING_STATE_ONLINE]);
}

#endif

static void report_polls(void)
{
    static const char *const names[CALCULATIONS] = {
        "poll of the handshake: key pair",
        "poll of the handshake: key exchange",
        "poll of the handshake: the server's certificates",
        "poll of the handshake: the server's proof",
        "poll of the handshake: our signature",
    };
    report("longest poll: looking up the name", longest[IOT_THING_STATE_RESOLVING]);
    report("longest poll: TCP connection", longest[IOT_THING_STATE_CONNECTING]);
    if (calculation_count == CALCULATIONS) {
        for (unsigned i = 0; i < CALCULATIONS; i++) {
            report(names[i], calculations[i]);
        }
    }
    report("longest poll: CONNECT", longest[IOT_THING_STATE_OPENING]);
    report("longest poll: subscribing", longest[IOT_THING_STATE_SUBSCRIBING]);
    report("longest poll online", longest[IOT_THING_STATE_ONLINE]);
}

int main(void)
{
    counter_init();
    init();
    measure_connect();
    stack_fill();
    measure_update();
    measure_publish(100, 0, "TLS: publish of 100 bytes, QoS 0");
    measure_publish(100, 1, "TLS: publish of 100 bytes, QoS 1, with its PUBACK");
    measure_publish(4096, 0, "TLS: publish of 4 KB, QoS 0");
    report("stack: iot_thing_poll, online", stack_used());
    report_polls();
#ifdef MEASURE_MANY_AT_ONCE
    measure_many_at_once();
#endif
    return 0;
}

#endif
