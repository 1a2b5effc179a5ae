/*
 * Instructions and stack with TLS 1.3, against a real broker at the other end of the board's
 * network. What the sockets do is not counted, and neither is the time in which the core sleeps.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "counter.h"
#include "credentials.h"
#include "iot_thing.h"

#define TIMES 8u
#define TX_SIZE 6144u
#define TLS_TX_SIZE 8192u
#define TIME_LIMIT_MS 60000u

static uint64_t memory[(IOT_THING_MEMORY_SIZE_DEFAULT + 4 * TX_SIZE + 4 * TLS_TX_SIZE) / 8];

static iot_thing_t *thing;
static iot_thing_sockets_t sockets;
static uint64_t longest_poll;
static unsigned done_calls;

static int32_t uncounted_send(void *user, ptrdiff_t socket, const uint8_t *data, size_t len)
{
    counter_stop();
    const int32_t n = board_sockets.send(user, socket, data, len);
    counter_start();
    return n;
}

static int32_t uncounted_recv(void *user, ptrdiff_t socket, uint8_t *data, size_t len)
{
    counter_stop();
    const int32_t n = board_sockets.recv(user, socket, data, len);
    counter_start();
    return n;
}

/* Sleeps as long as the poll before allowed, and polls. Returns the instructions of the poll. */
static uint64_t step(void)
{
    static int32_t wait_ms;
    iot_thing_wait(thing, wait_ms);
    const uint64_t before = counter_total();
    counter_start();
    wait_ms = iot_thing_poll(thing);
    counter_stop();
    const uint64_t taken = counter_total() - before;
    if (taken > longest_poll) {
        longest_poll = taken;
    }
    check(board_now_ms() < TIME_LIMIT_MS, "it takes too long");
    check(iot_thing_get_state(thing) != IOT_THING_STATE_WAITING, "the connection");
    return taken;
}

static void start(void)
{
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    sockets = board_sockets;
    sockets.send = uncounted_send;
    sockets.recv = uncounted_recv;
    config.endpoint = "localhost";
    config.mqtt_id = "demo-thing";
    config.client_cert = (iot_thing_bytes_t){client_cert, client_cert_len};
    config.private_key = (iot_thing_bytes_t){private_key, private_key_len};
    config.ca_certs = (iot_thing_bytes_t){ca_certs, ca_certs_len};
    config.sockets = &sockets;
    config.port = &board_port;
    config.tx_size = TX_SIZE;
    config.tls_tx_size = TLS_TX_SIZE;
    size_t needed = 0;
    check(iot_thing_memory_needed(&config, &needed) == IOT_THING_OK, "memory_needed");
    report("RAM of a Thing besides its buffers, with decoded certificates",
           needed - IOT_THING_DEFAULT_RX_SIZE - 2 * TX_SIZE - IOT_THING_DEFAULT_REPLY_SIZE -
               IOT_THING_DEFAULT_TLS_RX_SIZE - TLS_TX_SIZE);
    stack_fill();
    counter_report(NULL, 1);
    counter_start();
    const int32_t error = iot_thing_init(&thing, memory, sizeof memory, &config);
    counter_stop();
    check(error == IOT_THING_OK, iot_thing_err_name(error));
    counter_report("iot_thing_init", 1);
    report("stack: iot_thing_init", stack_used());
}

static void measure_connect(void)
{
    uint64_t handshake = 0;
    stack_fill();
    check(iot_thing_connect(thing) == IOT_THING_OK, "connect");
    int32_t state = IOT_THING_STATE_IDLE;
    while (state <= IOT_THING_STATE_SECURING) {
        handshake += step();
        state = iot_thing_get_state(thing);
    }
    report("handshake", handshake);
    report("longest poll in the handshake", longest_poll);
    report("stack: iot_thing_poll, handshake", stack_used());
    longest_poll = 0;
    while (iot_thing_get_state(thing) != IOT_THING_STATE_ONLINE) {
        step();
    }
}

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
        while (done_calls == before) {
            step();
        }
    }
    counter_report("TLS: update, with its PUBACK and accepted", TIMES);
}

int main(void)
{
    counter_init();
    start();
    measure_connect();
    stack_fill();
    measure_update();
    measure_publish(100, 0, "TLS: publish of 100 bytes, QoS 0");
    measure_publish(100, 1, "TLS: publish of 100 bytes, QoS 1, with its PUBACK");
    measure_publish(4096, 0, "TLS: publish of 4 KB, QoS 0");
    report("longest poll online", longest_poll);
    report("stack: iot_thing_poll, online", stack_used());
    return 0;
}
