/*
 * Instructions and stack of each operation, without TLS, against a broker inside the program:
 * nothing in it depends on time or on a network. What the sockets and the broker do is not counted.
 */
#include <stdint.h>
#include <string.h>

#include "broker.h"
#include "counter.h"
#include "delta.h"
#include "iot_thing.h"

#define THING_NAME "bench-thing-01"
#define TIMES 8u /* each measurement is the mean of so many */

#define RX_SIZE 9216u /* an 8 KB delta with its topic */
#define TX_SIZE 6144u /* a 4 KB message */
#define AT_ONCE 16u

static union {
    uint64_t align;
    uint8_t bytes[IOT_THING_MEMORY_SIZE_SECURE_SOCKET(RX_SIZE, TX_SIZE)];
} memory;

static iot_thing_t *thing;
static broker_t broker;
static uint8_t sent[16384]; /* on its way to the broker */
static size_t sent_len;
static uint32_t clock_ms;
static uint64_t longest_poll;
static uint32_t deepest_poll;
static uint32_t deepest_call; /* of those that queue something */
static unsigned done_calls;
static unsigned requests;
static unsigned fields = 1;

/* ---- the world ------------------------------------------------------------------------------------- */

static uint32_t now_ms(void *user)
{
    (void)user;
    return clock_ms;
}

static int32_t random_bytes(void *user, uint8_t *out, size_t len)
{
    static uint32_t state = 1;
    (void)user;
    while (len-- > 0) {
        state = state * 1664525u + 1013904223u;
        *out++ = (uint8_t)(state >> 24);
    }
    return 0;
}

static int32_t wire_open(void *user, ptrdiff_t *socket)
{
    (void)user;
    *socket = 0;
    return 0;
}

static int32_t wire_connect(void *user, ptrdiff_t socket, const char *host,
                            const iot_thing_address_t *address, uint16_t port)
{
    (void)user, (void)socket, (void)host, (void)address, (void)port;
    counter_stop();
    broker_open(&broker);
    counter_start();
    return 0;
}

/* The broker gets it between polls, so that its stack is not taken for the library's. */
static int32_t wire_send(void *user, ptrdiff_t socket, const uint8_t *data, size_t len)
{
    (void)user, (void)socket;
    counter_stop();
    const size_t room = sizeof sent - sent_len;
    const size_t n = len < room ? len : room;
    memcpy(sent + sent_len, data, n);
    sent_len += n;
    counter_start();
    return n > 0 ? (int32_t)n : IOT_THING_SOCKET_WOULD_BLOCK;
}

static int32_t wire_recv(void *user, ptrdiff_t socket, uint8_t *data, size_t len)
{
    (void)user, (void)socket;
    counter_stop();
    const size_t n = broker_give(&broker, data, len);
    counter_start();
    return n > 0 ? (int32_t)n : IOT_THING_SOCKET_WOULD_BLOCK;
}

static void wire_close(void *user, ptrdiff_t socket)
{
    (void)user, (void)socket;
    broker_closed(&broker);
}

/* ---- the application ------------------------------------------------------------------------------- */

static void on_done(void *user, iot_thing_t *self, const iot_thing_result_t *result)
{
    (void)user, (void)self;
    check(result->error == IOT_THING_OK, "an operation");
    done_calls++;
}

/* Takes 1 or 10 integers out of a state; returns the first. */
static int32_t take_fields(const iot_thing_json_t *state)
{
    int32_t values[DELTA_INTEGERS] = {0};
    if (fields == 1) {
        check(iot_thing_json_get_i32(state, delta_integers[0], &values[0]) == 0, "the field");
    } else {
        iot_thing_json_t members[DELTA_INTEGERS];
        check(iot_thing_json_get_members(state, delta_integers, members, DELTA_INTEGERS) ==
                  DELTA_INTEGERS,
              "the members");
        unsigned found = 0;
        for (unsigned i = 0; i < DELTA_INTEGERS; i++) {
            found += iot_thing_json_as_i32(&members[i], &values[i]) == IOT_THING_OK;
        }
        check(found == DELTA_INTEGERS, "the fields");
    }
    check(values[0] == DELTA_FIRST, "the value");
    return values[0];
}

/* Answers with the first, as the peers did. */
static int32_t on_request(void *user, const iot_thing_json_t *wanted,
                          iot_thing_json_writer_t *reported)
{
    (void)user;
    requests++;
    return iot_thing_json_put_i32(reported, delta_integers[0], take_fields(wanted));
}

/* Polls until there is nothing more to do. */
static void settle(void)
{
    int32_t ms;
    do {
        const uint64_t before = counter_total();
        stack_fill();
        counter_start();
        ms = iot_thing_poll(thing);
        counter_stop();
        if (stack_used() > deepest_poll) {
            deepest_poll = stack_used();
        }
        if (counter_total() - before > longest_poll) {
            longest_poll = counter_total() - before;
        }
        check(ms >= 0, "poll");
        broker_take(&broker, sent, sent_len);
        sent_len = 0;
    } while (ms == 0 || broker_pending(&broker) > 0);
}

static void report_deepest(const char *name)
{
    report(name, deepest_poll);
    deepest_poll = 0;
}

static void start(void)
{
    static const iot_thing_sockets_t sockets = {
        .struct_size = sizeof(iot_thing_sockets_t),
        .open = wire_open,
        .connect = wire_connect,
        .send = wire_send,
        .recv = wire_recv,
        .close = wire_close,
    };
    static const iot_thing_port_t port = {
        .struct_size = sizeof(iot_thing_port_t),
        .now_ms = now_ms,
        .random = random_bytes,
    };
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
    config.endpoint = "localhost";
    config.mqtt_id = THING_NAME;
    config.sockets = &sockets;
    config.port = &port;
    config.rx_size = RX_SIZE;
    config.tx_size = TX_SIZE;

    size_t needed = 0;
    check(iot_thing_memory_needed(&config, &needed) == 0, "memory_needed");
    report("RAM: memory of a Thing with the default sizes, no TLS",
           IOT_THING_MEMORY_SIZE_SECURE_SOCKET(IOT_THING_DEFAULT_RX_SIZE,
                                               IOT_THING_DEFAULT_TX_SIZE));
    report("RAM: memory of a Thing with the default sizes, with TLS",
           IOT_THING_MEMORY_SIZE_DEFAULT);
    report("RAM of a Thing besides its buffers, no TLS",
           needed - RX_SIZE - 2 * TX_SIZE - IOT_THING_DEFAULT_REPLY_SIZE);
    report("RAM of a shadow", sizeof(iot_thing_shadow_t));
    report("RAM of a property besides its variable", sizeof(iot_thing_property_state_t));
    stack_fill();
    check(iot_thing_init(&thing, memory.bytes, sizeof memory.bytes, &config) == 0, "init");
    report("stack: iot_thing_init, no TLS", stack_used());
}

/* ---- measurements ------------------------------------------------------------------------------------- */

static void measure_connect(void)
{
    counter_report(NULL, 1);
    check(iot_thing_on_shadow_request(thing, on_request, NULL) == 0, "on_request");
    check(iot_thing_connect(thing) == 0, "connect");
    settle();
    check(iot_thing_get_state(thing) == IOT_THING_STATE_ONLINE, "online");
    counter_report("connect, subscribe, read the shadow", 1);
    report_deepest("stack: iot_thing_poll, connecting, no TLS");
}

static void measure_idle(void)
{
    counter_report(NULL, 1);
    for (unsigned i = 0; i < TIMES; i++) {
        settle();
    }
    counter_report("poll with nothing to do", TIMES);
}

/* The report of the peers' workload. */
static size_t write_report(char *text, size_t size)
{
    iot_thing_json_writer_t json;
    size_t len = 0;
    iot_thing_json_writer_init(&json, text, size);
    iot_thing_json_begin_object(&json, NULL);
    iot_thing_json_put_u32(&json, "publish_period", 30);
    iot_thing_json_put_i32(&json, "temperature", 215);
    iot_thing_json_put_i32(&json, "humidity", 487);
    iot_thing_json_put_bool(&json, "led", 1);
    iot_thing_json_put_i32(&json, "rssi", -61);
    iot_thing_json_end_object(&json);
    check(iot_thing_json_writer_finish(&json, &len) == 0, "the report");
    return len;
}

static void update(void)
{
    char text[160];
    stack_fill();
    counter_start();
    const size_t len = write_report(text, sizeof text);
    const int32_t error =
        iot_thing_update_shadow_n(thing, (const uint8_t *)text, len, on_done, NULL);
    counter_stop();
    if (stack_used() > deepest_call) {
        deepest_call = stack_used();
    }
    check(error == IOT_THING_OK, iot_thing_err_name(error));
    settle();
}

/* The service's answers that were held back: not part of what is measured. */
static void release_answers(void)
{
    counter_enable(0);
    broker_release_answers(&broker, 0);
    settle();
    counter_enable(1);
}

static void measure_update(void)
{
    update(); /* the first one subscribes to the answers */
    broker.hold_answers = 1;
    counter_report(NULL, 1);
    for (unsigned i = 0; i < TIMES; i++) {
        update();
        release_answers();
    }
    counter_report("update, with its PUBACK", TIMES);
    broker.hold_answers = 0;
    for (unsigned i = 0; i < TIMES; i++) {
        update();
    }
    counter_report("update, with its PUBACK and accepted", TIMES);
    check(done_calls == 2 * TIMES + 1, "updates");
    report_deepest("stack: iot_thing_poll, updates, no TLS");
}

static char text[8193]; /* of a delta */
static unsigned version = 10; /* of it: two digits, or the smallest one gets too long */

static void publish_delta(size_t bytes, unsigned more)
{
    check(delta_write(text, bytes, ++version, more) == bytes, "the delta's size");
    broker_publish(&broker, broker_topic(&broker, "update/delta"), text);
    settle();
    release_answers();
}

static void measure_delta(size_t bytes, unsigned count, const char *name)
{
    const unsigned before = requests;
    fields = count;
    broker.hold_answers = 1;
    counter_report(NULL, 1);
    for (unsigned i = 0; i < TIMES; i++) {
        publish_delta(bytes, 0);
    }
    counter_report(name, TIMES);
    check(requests == before + TIMES, "requests");
    broker.hold_answers = 0;
}

/*
 * The JSON of a delta alone: all of it is validated, and the fields are taken out of its state.
 * Finding the state is not counted: the library does it while it validates.
 */
static void measure_json(size_t bytes, unsigned count, const char *name)
{
    check(delta_write(text, bytes, version, 0) == bytes, "the delta's size");
    fields = count;
    counter_report(NULL, 1);
    for (unsigned i = 0; i < TIMES; i++) {
        iot_thing_json_t message;
        iot_thing_json_t state;
        counter_start();
        const int32_t error = iot_thing_json_parse(text, bytes, &message, NULL);
        counter_stop();
        check(error == IOT_THING_OK, "the delta");
        check(iot_thing_json_get(&message, "state", &state) == IOT_THING_OK, "its state");
        counter_start();
        take_fields(&state);
        counter_stop();
    }
    counter_report(name, TIMES);
}

/* Deltas that a table of properties takes: each changes all of its variables, and is reported. */
static void measure_properties(size_t bytes, size_t count, const char *name)
{
    static int32_t variables[DELTA_INTEGERS];
    static iot_thing_property_t table[DELTA_INTEGERS];
    static iot_thing_property_state_t states[DELTA_INTEGERS];
    static iot_thing_properties_t properties = IOT_THING_PROPERTIES_INIT(table, states);
    static iot_thing_shadow_t shadow;
    for (unsigned i = 0; i < DELTA_INTEGERS; i++) {
        table[i].name = delta_integers[i];
        table[i].type = IOT_THING_TYPE_I32;
        table[i].value = &variables[i];
    }
    properties.count = count;
    broker.version = version;
    check(iot_thing_shadow_open(thing, &shadow, NULL, 0) == 0, "open");
    check(iot_thing_shadow_properties(&shadow, &properties) == 0, "properties");
    settle();
    broker.hold_answers = 1;
    const int before = broker.updates;
    counter_report(NULL, 1);
    for (unsigned i = 1; i <= TIMES; i++) {
        publish_delta(bytes, i);
        check(variables[0] == (int32_t)(DELTA_FIRST + i), "the first variable");
    }
    counter_report(name, TIMES);
    check(broker.updates == before + (int)TIMES, "reports");
    broker.hold_answers = 0;
    check(iot_thing_shadow_close(&shadow) == 0, "close");
}

static void measure_publish(size_t bytes, int32_t qos, const char *name)
{
    static uint8_t payload[4096];
    memset(payload, 'x', sizeof payload);
    for (unsigned i = 0; i <= TIMES; i++) {
        if (i == 1) {
            counter_report(NULL, 1);
        }
        stack_fill();
        counter_start();
        const int32_t error =
            iot_thing_publish(thing, "bench/out", payload, bytes, qos, NULL, NULL);
        counter_stop();
        if (stack_used() > deepest_call) {
            deepest_call = stack_used();
        }
        check(error == IOT_THING_OK, "publish");
        settle();
    }
    counter_report(name, TIMES);
}

static unsigned messages;

static void on_message(void *user, iot_thing_t *self, const iot_thing_mqtt_message_t *message)
{
    (void)user, (void)self, (void)message;
    messages++;
}

/* Many messages, all of which are there before the poll. */
static void measure_many_at_once(void)
{
    static const uint8_t payload[4000];
    check(iot_thing_mqtt_subscribe(thing, "bench/in", 0, 0, on_message, NULL, NULL) == 0,
          "subscribe");
    settle();
    for (unsigned i = 0; i < AT_ONCE; i++) {
        broker_publish_as(&broker, "bench/in", payload, sizeof payload, 0, 0, NULL, 0);
    }
    longest_poll = 0;
    settle();
    report("longest poll: 16 messages of 4,000 bytes at once, no TLS", longest_poll);
    check(messages == AT_ONCE, "the messages");
}

int main(void)
{
    counter_init();
    broker_init(&broker, THING_NAME);
    start();
    measure_connect();
    longest_poll = 0;
    measure_idle();
    measure_update();
    measure_delta(200, 1, "delta of 200 bytes, 1 field");
    measure_delta(200, 10, "delta of 200 bytes, 10 fields");
    measure_delta(1024, 1, "delta of 1 KB, 1 field");
    measure_delta(1024, 10, "delta of 1 KB, 10 fields");
    measure_delta(8192, 1, "delta of 8 KB, 1 field");
    measure_delta(8192, 10, "delta of 8 KB, 10 fields");
    report_deepest("stack: iot_thing_poll, deltas, no TLS");
    measure_publish(100, 0, "publish of 100 bytes, QoS 0");
    measure_publish(100, 1, "publish of 100 bytes, QoS 1, with its PUBACK");
    measure_publish(4096, 0, "publish of 4 KB, QoS 0");
    measure_publish(4096, 1, "publish of 4 KB, QoS 1, with its PUBACK");
    report_deepest("stack: iot_thing_poll, publishing, no TLS");
    report("stack: iot_thing_publish and iot_thing_update_shadow", deepest_call);
    report("longest poll online, no TLS", longest_poll);
    measure_many_at_once();
    measure_json(200, 1, "JSON alone: delta of 200 bytes, 1 field");
    measure_json(200, 10, "JSON alone: delta of 200 bytes, 10 fields");
    measure_json(1024, 1, "JSON alone: delta of 1 KB, 1 field");
    measure_json(1024, 10, "JSON alone: delta of 1 KB, 10 fields");
    measure_json(8192, 1, "JSON alone: delta of 8 KB, 1 field");
    measure_json(8192, 10, "JSON alone: delta of 8 KB, 10 fields");
    check(iot_thing_on_shadow_request(thing, NULL, NULL) == 0, "no callback");
    settle();
    measure_properties(200, 1, "delta of 200 bytes, 1 property");
    measure_properties(200, 10, "delta of 200 bytes, 10 properties");
    measure_properties(1024, 1, "delta of 1 KB, 1 property");
    measure_properties(1024, 10, "delta of 1 KB, 10 properties");
    check(broker.violation == NULL, "the broker saw a violation");
    return 0;
}
