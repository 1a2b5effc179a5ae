/*
 * MQTT as an application uses it: publishing with properties, subscribing with wildcards, the will,
 * the outbox when there is no connection, sizes, and what a broker can do wrong.
 */
#include "check.h"
#include "sim.h"

#define MINUTE 60000u
#define HOUR (60u * MINUTE)

static sim_device_t device;
static sim_op_t op;
static sim_op_t ops[64];

/* Messages that a callback got. */
typedef struct {
    int count;
    char topic[300];
    char payload[64];
    size_t payload_len;
    int32_t qos;
    int32_t retain;
    int32_t payload_is_text;
    uint32_t expiry_s;
    char content_type[32];
    char response_topic[32];
    char correlation[32];
    char names[64];
} inbox_t;
static inbox_t inbox;
static inbox_t other;

static void copy_bytes(char *to, size_t capacity, iot_thing_bytes_t bytes)
{
    size_t len = bytes.len < capacity ? bytes.len : capacity - 1;
    if (len > 0) {
        memcpy(to, bytes.data, len);
    }
    to[len] = '\0';
}

static void on_message(void *user, iot_thing_t *thing, const iot_thing_mqtt_message_t *message)
{
    inbox_t *box = user;
    iot_thing_bytes_t name;
    iot_thing_bytes_t value;
    CHECK(thing == device.thing);
    CHECK_EQ(message->struct_size, sizeof *message);
    box->count++;
    copy_bytes(box->topic, sizeof box->topic, message->topic);
    copy_bytes(box->payload, sizeof box->payload, message->payload);
    box->payload_len = message->payload.len;
    box->qos = message->qos;
    box->retain = message->retain;
    box->payload_is_text = message->payload_is_text;
    box->expiry_s = message->message_expiry_s;
    copy_bytes(box->content_type, sizeof box->content_type, message->content_type);
    copy_bytes(box->response_topic, sizeof box->response_topic, message->response_topic);
    copy_bytes(box->correlation, sizeof box->correlation, message->correlation);
    box->names[0] = '\0';
    for (size_t i = 0; iot_thing_mqtt_user_property(message, i, &name, &value) == IOT_THING_OK; i++) {
        size_t used = strlen(box->names);
        snprintf(box->names + used, sizeof box->names - used, "%.*s=%.*s;", (int)name.len,
                 (const char *)name.data, (int)value.len, (const char *)value.data);
    }
}

static void prepare(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    memset(&op, 0, sizeof op);
    memset(ops, 0, sizeof ops);
    memset(&inbox, 0, sizeof inbox);
    memset(&other, 0, sizeof other);
}

/* Online without the shadow: nothing but what the test does. */
static void connected(void)
{
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
}

static void online(void)
{
    prepare();
    connected();
}

static int32_t subscribe(const char *filter, int32_t qos, inbox_t *box)
{
    return iot_thing_mqtt_subscribe(device.thing, filter, qos, 0, on_message, NULL, box);
}

static int32_t publish(const char *topic, int32_t qos, sim_op_t *result)
{
    return iot_thing_publish(device.thing, topic, (const uint8_t *)"x", 1, qos, sim_done, result);
}

static iot_thing_statistics_t statistics(void)
{
    iot_thing_statistics_t values = IOT_THING_STATISTICS_INIT;
    CHECK_EQ(iot_thing_get_statistics(device.thing, &values), IOT_THING_OK);
    return values;
}

static const iot_thing_event_t *expect_event(int32_t type, int32_t error)
{
    static const iot_thing_event_t none;
    const iot_thing_event_t *event = sim_last(&device, type);
    if (!CHECK(event != NULL)) {
        return &none;
    }
    CHECK_EQ(event->error, error);
    return event;
}

/* ---- publishing -------------------------------------------------------------------------------- */

static void publish_with_everything(void)
{
    static const iot_thing_mqtt_property_t user[] = {{"a", "1"}, {"a", "2"}};
    static const uint8_t expected[] = {
        0x01, 1, 0x02, 0, 0, 0, 60, 0x03, 0, 4, 't', 'e', 'x', 't', 0x08, 0, 3, 'r', '/', 't',
        0x09, 0, 2, 'i', 'd', 0x26, 0, 1, 'a', 0, 1, '1', 0x26, 0, 1, 'a', 0, 1, '2',
    };
    iot_thing_mqtt_publish_t message = IOT_THING_MQTT_PUBLISH_INIT;
    online();
    message.topic = "dev/sample";
    message.payload = (iot_thing_bytes_t){(const uint8_t *)"hello", 5};
    message.qos = 1;
    message.retain = 1;
    message.payload_is_text = 1;
    message.message_expiry_s = 60;
    message.content_type = "text";
    message.response_topic = "r/t";
    message.correlation = (iot_thing_bytes_t){(const uint8_t *)"id", 2};
    message.user_properties = user;
    message.user_property_count = 2;
    unsigned long sends = device.link.sends;
    CHECK_EQ(iot_thing_mqtt_publish(device.thing, &message, sim_done, &op), IOT_THING_OK);
    device.broker.puback_code = 0x10; /* nobody listens: a success */
    sim_run(&device, 100);
    CHECK_EQ(device.link.sends - sends, 1);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(op.code, 0x10);
    const broker_message_t *got = broker_last(&device.broker, "dev/sample");
    if (CHECK(got != NULL)) {
        CHECK_EQ(got->qos, 1);
        CHECK_EQ(got->retain, 1);
        CHECK(strcmp(got->payload, "hello") == 0);
        CHECK_EQ(got->properties_len, sizeof expected);
        CHECK(memcmp(got->properties, expected, sizeof expected) == 0);
    }
    CHECK(sim_device_end(&device));
}

static void publish_checks_its_arguments(void)
{
    static char long_text[600];
    iot_thing_mqtt_property_t user[9] = {{"a", "b"}};
    memset(long_text, 'x', sizeof long_text - 1);
    online();
    iot_thing_mqtt_publish_t good = IOT_THING_MQTT_PUBLISH_INIT;
    good.topic = "t";
#define REFUSED(error_, field_, value_) \
    do { \
        iot_thing_mqtt_publish_t m_ = good; \
        m_.field_ = value_; \
        CHECK_EQ(iot_thing_mqtt_publish(device.thing, &m_, NULL, NULL), error_); \
    } while (0)
    REFUSED(IOT_THING_ERR_STRUCT_SIZE, struct_size, 0);
    REFUSED(IOT_THING_ERR_NULL, topic, NULL);
    REFUSED(IOT_THING_ERR_TOPIC, topic, "a/#");
    REFUSED(IOT_THING_ERR_TOPIC, topic, long_text);
    REFUSED(IOT_THING_ERR_ARGUMENT, qos, 2);
    REFUSED(IOT_THING_ERR_ARGUMENT, message_expiry_s, 604801);
    REFUSED(IOT_THING_ERR_ARGUMENT, content_type, "\xff");
    REFUSED(IOT_THING_ERR_TOPIC, response_topic, "a/+");
    REFUSED(IOT_THING_ERR_NULL, payload, ((iot_thing_bytes_t){NULL, 3}));
    REFUSED(IOT_THING_ERR_NULL, user_property_count, 1);
    REFUSED(IOT_THING_ERR_TOO_LARGE, correlation,
            ((iot_thing_bytes_t){(const uint8_t *)long_text, 520}));
    good.user_properties = user;
    REFUSED(IOT_THING_ERR_ARGUMENT, user_property_count, 9);
    REFUSED(IOT_THING_ERR_NULL, user_property_count, 2);
#undef REFUSED
    CHECK_EQ(iot_thing_mqtt_publish(device.thing, NULL, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_mqtt_publish(NULL, &good, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(device.broker.message_count, 0);
    CHECK(sim_device_end(&device));
}

/* What has waited too long is told and not sent, with and without a connection. */
static void publish_ends_in_its_time(void)
{
    iot_thing_mqtt_publish_t message = IOT_THING_MQTT_PUBLISH_INIT;
    prepare();
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    message.topic = "t";
    message.qos = 1;
    message.timeout_ms = 5000;
    CHECK_EQ(iot_thing_mqtt_publish(device.thing, &message, sim_done, &ops[0]), IOT_THING_OK);
    message.timeout_ms = 0;
    message.message_expiry_s = 7;
    CHECK_EQ(iot_thing_mqtt_publish(device.thing, &message, sim_done, &ops[1]), IOT_THING_OK);
    CHECK_EQ(publish("for ever", 1, &ops[2]), IOT_THING_OK);
    uint64_t start = sim_board.now_ms;
    sim_run(&device, HOUR);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_ERR_TIMED_OUT);
        CHECK_EQ(ops[i].at_ms - start, i == 0 ? 5000 : 7000);
    }
    CHECK_EQ(ops[2].calls, 0);
    CHECK_EQ(statistics().messages_expired, 2);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    sim_run(&device, MINUTE);
    CHECK_EQ(ops[2].calls, 1);
    CHECK_EQ(broker_count(&device.broker, "t"), 0);

    /* In flight: told in time, and the late acknowledgement is nobody's. */
    device.broker.hold_pubacks = 1;
    message.message_expiry_s = 0;
    message.timeout_ms = 5000;
    CHECK_EQ(iot_thing_mqtt_publish(device.thing, &message, sim_done, &ops[3]), IOT_THING_OK);
    CHECK_EQ(publish("next", 1, &ops[4]), IOT_THING_OK);
    sim_run(&device, 6000);
    CHECK_EQ(ops[3].error, IOT_THING_ERR_TIMED_OUT);
    CHECK_EQ(ops[4].calls, 0);
    device.broker.puback_code = 0x87;
    broker_release_pubacks(&device.broker, 0);
    sim_run(&device, 100);
    CHECK_EQ(ops[3].calls, 1);
    CHECK_EQ(ops[4].calls, 1);
    CHECK_EQ(ops[4].error, IOT_THING_ERR_REJECTED);
    CHECK(sim_device_end(&device));
}

/* ---- subscribing ------------------------------------------------------------------------------- */

static void messages_reach_whoever_subscribed(void)
{
    static const uint8_t properties[] = {
        0x01, 1, 0x02, 0, 0, 1, 0, 0x03, 0, 1, 'c', 0x08, 0, 1, 'r', 0x09, 0, 1, 'k',
        0x26, 0, 1, 'n', 0, 1, 'v', 0x26, 0, 1, 'm', 0, 0,
    };
    online();
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "a/+/c", 1, 0, on_message, sim_done, &op),
             IOT_THING_OK);
    sim_run(&device, 100);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(op.code, 1);
    CHECK_EQ(iot_thing_mqtt_unsubscribe(device.thing, "a/+/c", 0, sim_done, &ops[0]), IOT_THING_OK);
    CHECK_EQ(subscribe("a/#", 0, &inbox), IOT_THING_OK);
    CHECK_EQ(subscribe("$share/group/x/+", 1, &other), IOT_THING_OK);
    sim_run(&device, 100);
    CHECK_EQ(ops[0].calls, 1);
    CHECK_EQ(ops[0].error, IOT_THING_OK);
    CHECK_EQ(device.broker.unsubscribes, 1);
    broker_publish_as(&device.broker, "a/b/c", "hello", 5, 1, 1, properties, sizeof properties);
    broker_publish_as(&device.broker, "x/y", "", 0, 0, 0, NULL, 0);
    sim_run(&device, 100);
    CHECK_EQ(inbox.count, 1);
    CHECK(strcmp(inbox.topic, "a/b/c") == 0);
    CHECK(strcmp(inbox.payload, "hello") == 0);
    CHECK_EQ(inbox.qos, 1);
    CHECK_EQ(inbox.retain, 1);
    CHECK_EQ(inbox.payload_is_text, 1);
    CHECK_EQ(inbox.expiry_s, 256);
    CHECK(strcmp(inbox.content_type, "c") == 0);
    CHECK(strcmp(inbox.response_topic, "r") == 0);
    CHECK(strcmp(inbox.correlation, "k") == 0);
    CHECK(strcmp(inbox.names, "n=v;m=;") == 0);
    CHECK_EQ(other.count, 1);
    CHECK(strcmp(other.topic, "x/y") == 0);
    CHECK_EQ(other.qos, 0);
    CHECK_EQ(device.broker.pubacks, 1);
    CHECK(sim_device_end(&device));
}

/* Overlapping filters: each gets the message. Nobody's: the default callback, or it is counted. */
static void overlapping_and_unasked_messages(void)
{
    online();
    CHECK_EQ(subscribe("a/+", 1, &inbox), IOT_THING_OK);
    CHECK_EQ(subscribe("a/b", 1, &other), IOT_THING_OK);
    sim_run(&device, 100);
    broker_publish(&device.broker, "a/b", "x");
    sim_run(&device, 100);
    CHECK_EQ(inbox.count, 1);
    CHECK_EQ(other.count, 1);
    broker_publish_unasked(&device.broker, "$aws/things/thing/jobs/notify", "x");
    sim_run(&device, 100);
    CHECK_EQ(statistics().messages_unrouted, 1);
    CHECK_EQ(iot_thing_mqtt_on_message(device.thing, on_message, &other), IOT_THING_OK);
    broker_publish_unasked(&device.broker, "direct/message", "x");
    sim_run(&device, 100);
    CHECK_EQ(other.count, 2);
    CHECK(strcmp(other.topic, "direct/message") == 0);
    CHECK_EQ(inbox.count, 1);
    CHECK(sim_device_end(&device));
}

static void subscribe_checks_its_arguments(void)
{
    static char long_filter[300];
    memset(long_filter, 'f', sizeof long_filter - 1);
    online();
    CHECK_EQ(iot_thing_mqtt_subscribe(NULL, "a", 1, 0, on_message, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(subscribe(NULL, 1, &inbox), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "a", 1, 0, NULL, NULL, NULL),
             IOT_THING_ERR_NULL);
    CHECK_EQ(subscribe("a", 2, &inbox), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(subscribe("a/#/b", 1, &inbox), IOT_THING_ERR_TOPIC);
    CHECK_EQ(subscribe("", 1, &inbox), IOT_THING_ERR_TOPIC);
    CHECK_EQ(subscribe(long_filter, 1, &inbox), IOT_THING_ERR_TOPIC);
    CHECK_EQ(iot_thing_mqtt_unsubscribe(device.thing, "a", 0, NULL, NULL), IOT_THING_ERR_NOT_FOUND);
    /* 4 filters, 256 bytes. */
    CHECK_EQ(subscribe("a", 1, &inbox), IOT_THING_OK);
    long_filter[256] = '\0';
    CHECK_EQ(subscribe(long_filter, 1, &inbox), IOT_THING_ERR_QUEUE_FULL);
    CHECK_EQ(iot_thing_last_needed(device.thing), 256);
    long_filter[255] = '\0';
    CHECK_EQ(subscribe(long_filter, 1, &inbox), IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_unsubscribe(device.thing, long_filter, 0, NULL, NULL), IOT_THING_OK);
    sim_run(&device, 100);
    CHECK_EQ(subscribe("b", 1, &inbox), IOT_THING_OK);
    CHECK_EQ(subscribe("c", 1, &inbox), IOT_THING_OK);
    CHECK_EQ(subscribe("d", 1, &inbox), IOT_THING_OK);
    CHECK_EQ(subscribe("e", 1, &inbox), IOT_THING_ERR_QUEUE_FULL);
    CHECK(sim_device_end(&device));
}

static void refused_and_late_subscriptions_are_told(void)
{
    online();
    device.broker.suback_codes[0] = 0x87;
    device.broker.suback_codes[1] = 0;
    device.broker.suback_code_count = 2;
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "no", 1, 0, on_message, sim_done, &ops[0]),
             IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "yes", 1, 0, on_message, sim_done, &ops[1]),
             IOT_THING_OK);
    sim_run(&device, 100);
    CHECK_EQ(ops[0].error, IOT_THING_ERR_REJECTED);
    CHECK_EQ(ops[0].code, 0x87);
    CHECK_EQ(ops[1].error, IOT_THING_OK);
    CHECK_EQ(ops[1].code, 0);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_DISCONNECTED), 0);

    /* One that stood is refused when the session is lost. */
    device.broker.suback_codes[0] = 0x97;
    device.broker.forget_session = 1;
    sim_link_cut(&device.link);
    sim_run(&device, 5000);
    const iot_thing_event_t *event =
        expect_event(IOT_THING_EVENT_SUBSCRIPTION_LOST, IOT_THING_ERR_REJECTED);
    CHECK_EQ(event->code, 0x97);
    CHECK(event->user == &ops[1]);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);

    /* The broker does not answer: the time is over before the connection is made anew. */
    device.broker.suback_code_count = 0;
    device.broker.no_suback = 1;
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "late", 1, 3000, on_message, sim_done, &op),
             IOT_THING_OK);
    sim_run(&device, 4000);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_ERR_TIMED_OUT);
    sim_run(&device, IOT_THING_DEFAULT_ACK_TIMEOUT_MS);
    expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_MQTT_TIMEOUT);
    device.broker.no_suback = 0;
    sim_run(&device, MINUTE);
    CHECK(!broker_subscribed(&device.broker, "late"));
    CHECK_EQ(op.calls, 1);
    CHECK(sim_device_end(&device));
}

/* 50 filters of the application and 3 of the library: 7 packets, and none when resumed. */
static void resubscribes_in_the_fewest_packets(void)
{
    char filter[16];
    prepare();
    device.config.subscriptions = 50;
    device.config.filter_size = 1024;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_on_shadow_request(device.thing, sim_on_request, &device), IOT_THING_OK);
    for (int i = 0; i < 50; i++) {
        snprintf(filter, sizeof filter, "f/%d", i);
        CHECK_EQ(subscribe(filter, 1, &inbox), IOT_THING_OK);
    }
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
    CHECK_EQ(device.broker.filters_asked, 53);
    CHECK_EQ(device.broker.subscribes, 7);
    CHECK_EQ(device.broker.filters_max, 8);
    sim_link_cut(&device.link);
    sim_run(&device, 5000);
    CHECK_EQ(device.broker.subscribes, 7);
    device.broker.forget_session = 1;
    sim_link_cut(&device.link);
    sim_run(&device, 5000);
    CHECK_EQ(device.broker.subscribes, 14);
    CHECK_EQ(device.broker.filters_asked, 106);
    broker_publish(&device.broker, "f/49", "x");
    sim_run(&device, 100);
    CHECK_EQ(inbox.count, 1);
    CHECK(sim_device_end(&device));
}

/* ---- connecting -------------------------------------------------------------------------------- */

static void connect_with_everything(void)
{
    char id[IOT_THING_MAX_MQTT_ID + 2];
    iot_thing_mqtt_publish_t will = IOT_THING_MQTT_PUBLISH_INIT;
    memset(id, 'i', sizeof id);
    id[sizeof id - 1] = '\0';
    prepare();
    device.config.mqtt_id = id;
    CHECK_EQ(sim_device_make(&device), IOT_THING_ERR_MQTT_ID);
    id[IOT_THING_MAX_MQTT_ID] = '\0';
    device.config.keep_alive_s = 1200;
    device.config.session_expiry_s = 86400;
    device.config.rx_size = 5000;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    will.topic = "gone/thing";
    will.payload = (iot_thing_bytes_t){(const uint8_t *)"bye", 3};
    will.qos = 1;
    will.retain = 1;
    will.content_type = "text";
    CHECK_EQ(iot_thing_mqtt_set_will(device.thing, &will), IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_set_login(device.thing, "somebody",
                                      (iot_thing_bytes_t){(const uint8_t *)"secret", 6}),
             IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
    CHECK(strcmp(device.broker.client_id, id) == 0);
    CHECK_EQ(device.broker.keep_alive, 1200);
    CHECK_EQ(device.broker.session_expiry, 86400);
    CHECK_EQ(device.broker.maximum_packet_size, 5000);
    CHECK_EQ(device.broker.connect_flags, 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02);
    CHECK(strcmp(device.broker.will_topic, "gone/thing") == 0);
    CHECK(strcmp(device.broker.will_payload, "bye") == 0);
    CHECK_EQ(device.broker.will_properties_len, 7);
    CHECK(strcmp(device.broker.user_name, "somebody") == 0);
    CHECK(strcmp(device.broker.password, "secret") == 0);

    /* Cleared, and the end with a reason. */
    CHECK_EQ(iot_thing_mqtt_set_will(device.thing, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_set_login(device.thing, NULL, (iot_thing_bytes_t){NULL, 0}),
             IOT_THING_OK);
    CHECK_EQ(iot_thing_disconnect_with(device.thing, 7), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_disconnect_with(device.thing, IOT_THING_DISCONNECT_WITH_WILL), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, MINUTE));
    CHECK_EQ(device.broker.disconnect_code, 0x04);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
    CHECK_EQ(device.broker.connect_flags, 0);
    CHECK_EQ(iot_thing_disconnect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, MINUTE));
    CHECK_EQ(device.broker.disconnect_code, 0);
    will.qos = 2;
    CHECK_EQ(iot_thing_mqtt_set_will(device.thing, &will), IOT_THING_ERR_ARGUMENT);
    CHECK(sim_device_end(&device));
}

/* Who asks for the session of an earlier program gets its messages. */
static void clean_start_as_configured(void)
{
    static const int cleans[3] = {1, 4, 0};
    for (int32_t policy = 0; policy < 3; policy++) {
        check_context("policy %d", (int)policy);
        prepare();
        device.config.clean_start = policy;
        device.broker.session = 1; /* of an earlier program */
        connected();
        CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
        for (int i = 0; i < 3; i++) {
            sim_link_cut(&device.link);
            sim_run(&device, 5000);
        }
        CHECK_EQ(device.broker.connects, 4);
        CHECK_EQ(device.broker.clean_starts, cleans[policy]);
        CHECK(sim_device_end(&device));
    }
    prepare();
    device.config.clean_start = 3;
    CHECK_EQ(sim_device_make(&device), IOT_THING_ERR_ARGUMENT);
}

static void what_the_broker_grants_is_told(void)
{
    static const uint8_t properties[] = {0x11, 0, 0, 0x0E, 0x10, 0x21, 0, 100, 0x27, 0, 2, 0x48, 0,
                                         0x22, 0, 8, 0x13, 0, 90, 0x1F, 0, 2, 'h', 'i'};
    iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    prepare();
    memcpy(device.broker.connack_properties, properties, sizeof properties);
    device.broker.connack_properties_len = sizeof properties;
    device.config.session_expiry_s = 604800;
    connected();
    CHECK_EQ(iot_thing_get_connection(device.thing, &connection), IOT_THING_OK);
    CHECK_EQ(connection.keep_alive_s, 90);
    CHECK_EQ(connection.session_expiry_s, 3600);
    CHECK_EQ(connection.receive_maximum, 100);
    CHECK_EQ(connection.maximum_packet_size, 149504);
    /* For this connection only: the next one asks for what was configured. */
    device.broker.connack_properties_len = 0;
    sim_link_cut(&device.link);
    sim_run(&device, 5000);
    CHECK_EQ(device.broker.keep_alive, 60);
    CHECK_EQ(iot_thing_get_connection(device.thing, &connection), IOT_THING_OK);
    CHECK_EQ(connection.keep_alive_s, 60);
    CHECK(sim_device_end(&device));
}

static uint32_t chosen_delay(void *user, iot_thing_t *thing, uint32_t attempt, uint32_t delay_ms)
{
    uint32_t *seen = user;
    CHECK(thing == device.thing);
    CHECK(delay_ms <= 1000);
    *seen = attempt;
    return attempt * 10;
}

static void delay_can_be_chosen(void)
{
    uint32_t seen = 0;
    prepare();
    device.config.on_retry = chosen_delay;
    device.config.on_retry_user = &seen;
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    sim_run(&device, 10 + 20 + 30 + 40);
    CHECK_EQ(seen, 5);
    CHECK_EQ(expect_event(IOT_THING_EVENT_CONNECT_FAILED, IOT_THING_ERR_TCP_CONNECT)->retry_ms, 50);
    CHECK_EQ(statistics().failures_tcp, 5);
    CHECK(sim_device_end(&device));
}

/* ---- the outbox -------------------------------------------------------------------------------- */

static void refuses_new_or_drops_the_oldest(void)
{
    for (int32_t policy = 0; policy < 2; policy++) {
        int ended = 0;
        check_context("policy %d", (int)policy);
        prepare();
        device.config.queue_len = 4;
        device.config.queue_policy = policy;
        CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
        for (int i = 0; i < 6; i++) {
            char topic[8];
            snprintf(topic, sizeof topic, "t/%d", i);
            CHECK_EQ(publish(topic, 1, &ops[i]),
                     policy == IOT_THING_QUEUE_REFUSE_NEW && i >= 4 ? IOT_THING_ERR_QUEUE_FULL
                                                                    : IOT_THING_OK);
        }
        CHECK_EQ(statistics().outbox_messages, 4);
        CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
        sim_run(&device, 1000);
        for (int i = 0; i < 6; i++) {
            ended += ops[i].calls;
            if (policy == IOT_THING_QUEUE_DROP_OLDEST) {
                CHECK_EQ(ops[i].calls, 1);
                CHECK_EQ(ops[i].error, i < 2 ? IOT_THING_ERR_DROPPED : IOT_THING_OK);
            }
        }
        CHECK_EQ(ended, policy == IOT_THING_QUEUE_DROP_OLDEST ? 6 : 4);
        CHECK_EQ(statistics().messages_dropped, policy == IOT_THING_QUEUE_DROP_OLDEST ? 2 : 0);
        CHECK_EQ(device.broker.message_count, 4);
        for (int i = 0; i < 4; i++) {
            char topic[8];
            snprintf(topic, sizeof topic, "t/%d", policy == IOT_THING_QUEUE_DROP_OLDEST ? i + 2 : i);
            CHECK(strcmp(device.broker.messages[i].topic, topic) == 0);
        }
        CHECK_EQ(statistics().outbox_messages, 0);
        CHECK(sim_device_end(&device));
    }
    prepare();
    device.config.queue_policy = 2;
    CHECK_EQ(sim_device_make(&device), IOT_THING_ERR_ARGUMENT);
}

static void drains_at_the_interval(void)
{
    prepare();
    device.config.drain_interval_ms = 500;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(publish("old", 1, &ops[i]), IOT_THING_OK);
    }
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
    CHECK_EQ(publish("new", 1, &ops[10]), IOT_THING_OK);
    sim_run(&device, 499);
    CHECK_EQ(broker_count(&device.broker, "old"), 1);
    sim_run(&device, 1);
    CHECK_EQ(broker_count(&device.broker, "old"), 2);
    sim_run(&device, 3998);
    CHECK_EQ(broker_count(&device.broker, "old"), 9);
    CHECK_EQ(broker_count(&device.broker, "new"), 0);
    sim_run(&device, 2);
    CHECK_EQ(broker_count(&device.broker, "old"), 10);
    CHECK_EQ(broker_count(&device.broker, "new"), 1); /* what is new is not paced */
    CHECK_EQ(publish("new", 1, &ops[11]), IOT_THING_OK);
    CHECK_EQ(publish("new", 1, &ops[12]), IOT_THING_OK);
    sim_run(&device, 1);
    CHECK_EQ(broker_count(&device.broker, "new"), 3);
    /* Then it sleeps. */
    unsigned long polls = device.polls;
    sim_run(&device, MINUTE / 2);
    CHECK(device.polls - polls <= 2);
    CHECK(sim_device_end(&device));
}

/* ---- sizes ------------------------------------------------------------------------------------- */

static uint8_t big[140 * 1024];

/* A PUBLISH as it goes over the wire. Returns its size. */
static size_t big_publish(const char *topic, unsigned qos, uint16_t id, size_t payload_len)
{
    size_t topic_len = strlen(topic);
    size_t rest = 2 + topic_len + (qos > 0 ? 2 : 0) + 1 + payload_len;
    size_t at = 0;
    big[at++] = (uint8_t)(0x30 | qos << 1);
    do {
        big[at++] = (uint8_t)((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    big[at++] = (uint8_t)(topic_len >> 8);
    big[at++] = (uint8_t)topic_len;
    memcpy(big + at, topic, topic_len);
    at += topic_len;
    if (qos > 0) {
        big[at++] = (uint8_t)(id >> 8);
        big[at++] = (uint8_t)id;
    }
    big[at++] = 0;
    memset(big + at, 'p', payload_len);
    return at + payload_len;
}

/* Whatever its size: told with what it needs, acknowledged once, and the connection goes on. */
static void message_too_large_is_passed_over(void)
{
    static const size_t sizes[] = {4097, 20 * 1024, 128 * 1024};
    for (size_t i = 0; i < 3; i++) {
        for (unsigned qos = 0; qos < 2; qos++) {
            check_context("%lu bytes at QoS %u", (unsigned long)sizes[i], qos);
            online();
            CHECK_EQ(subscribe("big/#", 1, &inbox), IOT_THING_OK);
            sim_run(&device, 100);
            device.broker.loose_pubacks = 1;
            size_t size = big_publish("big/one", qos, 0x1234, sizes[i]);
            broker_raw(&device.broker, big, size);
            broker_publish(&device.broker, "big/two", "small");
            sim_run(&device, 100);
            const iot_thing_event_t *event =
                expect_event(IOT_THING_EVENT_MESSAGE_TOO_LARGE, IOT_THING_ERR_TOO_LARGE);
            CHECK_EQ(event->needed, size);
            CHECK_EQ(sim_count(&device, IOT_THING_EVENT_MESSAGE_TOO_LARGE), 1);
            CHECK_EQ(sim_count(&device, IOT_THING_EVENT_DISCONNECTED), 0);
            CHECK_EQ(inbox.count, 1);
            CHECK(strcmp(inbox.topic, "big/two") == 0);
            CHECK_EQ(device.broker.pubacks, 1 + (int)qos);
            CHECK_EQ(statistics().messages_too_large, 1);
            CHECK_EQ(publish("t", 1, &op), IOT_THING_OK);
            CHECK(sim_run_until_done(&device, &op, 1000));
            CHECK(sim_device_end(&device));
        }
    }
    check_context("%s", "");
    online();
    device.broker.loose_pubacks = 1;
    broker_raw(&device.broker, big, big_publish("t", 1, 77, 5000));
    sim_run(&device, 100);
    CHECK_EQ(device.broker.last_puback_id, 77);
    CHECK_EQ(device.broker.last_puback_code, 0x97);
    CHECK(sim_device_end(&device));
}

/* With a buffer for it, a message of any size arrives whole. */
static void large_messages_arrive(void)
{
    static const size_t sizes[] = {20 * 1024, 128 * 1024 - 64};
    for (size_t i = 0; i < 2; i++) {
        static uint8_t memory[IOT_THING_MEMORY_SIZE_SECURE_SOCKET(131072, 2048)];
        prepare();
        device.config.rx_size = 131072;
        CHECK_EQ(iot_thing_init(&device.thing, memory, sizeof memory, &device.config), IOT_THING_OK);
        CHECK_EQ(subscribe("big", 1, &inbox), IOT_THING_OK);
        CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
        device.broker.loose_pubacks = 1;
        broker_raw(&device.broker, big, big_publish("big", 1, 1, sizes[i]));
        sim_run(&device, 100);
        CHECK_EQ(inbox.count, 1);
        CHECK_EQ(inbox.payload_len, sizes[i]);
        CHECK_EQ(device.broker.last_puback_code, 0);
        CHECK(sim_device_end(&device));
    }
}

/* A publish that the broker could never take is told with its size, and what is behind it leaves. */
static void publish_larger_than_the_broker_takes(void)
{
    static const uint8_t properties[] = {0x27, 0, 0, 1, 0}; /* 256 bytes */
    static uint8_t payload[300];
    prepare();
    memcpy(device.broker.connack_properties, properties, sizeof properties);
    device.broker.connack_properties_len = sizeof properties;
    connected();
    CHECK_EQ(iot_thing_publish(device.thing, "t", payload, sizeof payload, 1, sim_done, &ops[0]),
             IOT_THING_OK);
    CHECK_EQ(iot_thing_publish(device.thing, "t", payload, sizeof payload, 0, sim_done, &ops[1]),
             IOT_THING_OK);
    CHECK_EQ(publish("t", 1, &ops[2]), IOT_THING_OK);
    sim_run(&device, 100);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_ERR_TOO_LARGE);
    }
    CHECK_EQ(ops[2].error, IOT_THING_OK);
    CHECK_EQ(ops[2].calls, 1);
    CHECK_EQ(device.broker.message_count, 1);
    CHECK_EQ(iot_thing_publish(device.thing, "t", big, 4096, 0, sim_done, &op),
             IOT_THING_ERR_TOO_LARGE);
    CHECK_EQ(iot_thing_last_needed(device.thing), 4097);
    CHECK(sim_device_end(&device));
}

/* ---- why a connection ended -------------------------------------------------------------------- */

static void closed_after_subscribe_or_publish_is_suspected(void)
{
    for (int reset = 0; reset < 2; reset++) {
        online();
        device.broker.close_on_subscribe = 1;
        CHECK_EQ(subscribe("a", 1, &inbox), IOT_THING_OK);
        sim_run(&device, 100);
        expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_MQTT_CLOSED_AFTER_SUBSCRIBE);
        device.broker.close_on_subscribe = 0;
        sim_run(&device, 10000);
        device.broker.close_on_publish = 1;
        CHECK_EQ(publish("a", reset, &op), IOT_THING_OK);
        sim_run(&device, 50);
        expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_MQTT_CLOSED_AFTER_PUBLISH);
        device.broker.close_on_publish = 0;
        sim_run(&device, 30000);
        CHECK_EQ(op.error, IOT_THING_OK);
        /* Long after it: the network. */
        sim_link_cut(&device.link);
        sim_run(&device, 10);
        expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_TCP_RESET);
        CHECK(statistics().failures_closed >= 2);
        CHECK(sim_device_end(&device));
    }
}

/* Every reason code of DISCONNECT and CONNACK is passed on. */
static void reason_codes_are_told(void)
{
    for (int code = 0x80; code < 0x100; code++) {
        int32_t error = IOT_THING_ERR_MQTT_DISCONNECTED;
        check_context("code %02x", (unsigned)code);
        online();
        broker_disconnect(&device.broker, code);
        sim_run(&device, 0);
        if (code == 0x8E) {
            error = IOT_THING_ERR_MQTT_TAKEN_OVER;
        } else if (code == 0x93 || code == 0x96 || code == 0x97 || code == 0x9F) {
            error = IOT_THING_ERR_MQTT_QUOTA;
        }
        CHECK_EQ(expect_event(IOT_THING_EVENT_DISCONNECTED, error)->code, code);
        CHECK_EQ(statistics().failures_disconnect, 1);
        CHECK(sim_device_end(&device));

        prepare();
        device.broker.connack_code = code;
        CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
        CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
        sim_run(&device, 0);
        CHECK_EQ(
            expect_event(IOT_THING_EVENT_CONNECT_FAILED, IOT_THING_ERR_MQTT_REFUSED)->code, code);
        CHECK(sim_device_end(&device));

        online();
        device.broker.puback_code = code;
        CHECK_EQ(publish("t", 1, &op), IOT_THING_OK);
        sim_run(&device, 10);
        CHECK_EQ(op.error, IOT_THING_ERR_REJECTED);
        CHECK_EQ(op.code, code);
        CHECK_EQ(op.retry, code == 0x89 || code == 0x96 || code == 0x97 ? IOT_THING_RETRY_LATER
                                                                        : IOT_THING_RETRY_NO);
        CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
        CHECK(sim_device_end(&device));
    }
}

/* ---- what a broker can do ---------------------------------------------------------------------- */

typedef struct {
    const char *what;
    uint8_t bytes[24];
    size_t len;
} raw_t;

/* Packets that MQTT 5 does not allow, of every type: the connection ends with a reason. */
static void malformed_packets_end_the_connection(void)
{
    static const raw_t packets[] = {
        {"type 0", {0x00, 0x00}, 2},
        {"CONNECT", {0x10, 0x00}, 2},
        {"CONNACK again", {0x20, 3, 0, 0, 0}, 5},
        {"PUBLISH with QoS 2", {0x34, 6, 0, 1, 'a', 0, 1, 0}, 8},
        {"PUBLISH at QoS 0 that is sent again", {0x38, 4, 0, 1, 'a', 0}, 6},
        {"PUBLISH with identifier 0", {0x32, 6, 0, 1, 'a', 0, 0, 0}, 8},
        {"PUBLISH with QoS 3", {0x36, 5, 0, 1, 'a', 0, 1}, 7},
        {"PUBLISH without topic", {0x30, 1, 0}, 3},
        {"PUBLISH with an empty topic", {0x30, 3, 0, 0, 0}, 5},
        {"PUBLISH with a wildcard", {0x30, 4, 0, 1, '#', 0}, 6},
        {"PUBLISH with a topic that is not UTF-8", {0x30, 4, 0, 1, 0xFF, 0}, 6},
        {"PUBLISH with a topic that is longer than it", {0x30, 4, 0, 9, 'a', 0}, 6},
        {"PUBLISH at QoS 1 without identifier", {0x32, 3, 0, 1, 'a'}, 5},
        {"PUBLISH without properties", {0x30, 3, 0, 1, 'a'}, 5},
        {"PUBLISH with properties that are longer than it", {0x30, 4, 0, 1, 'a', 9}, 6},
        {"PUBLISH with an unknown property", {0x30, 6, 0, 1, 'a', 2, 0x7F, 0}, 8},
        {"PUBLISH with a topic alias", {0x30, 7, 0, 1, 'a', 3, 0x23, 0, 1}, 9},
        {"PUBLISH with a property of CONNACK", {0x30, 7, 0, 1, 'a', 3, 0x21, 0, 1}, 9},
        {"PUBLISH with a property twice", {0x30, 8, 0, 1, 'a', 4, 0x01, 1, 0x01, 1}, 10},
        {"PUBLISH with a cut property", {0x30, 6, 0, 1, 'a', 2, 0x02, 0}, 8},
        {"PUBACK without identifier", {0x40, 1, 0}, 3},
        {"PUBACK with identifier 0", {0x40, 2, 0, 0}, 4},
        {"PUBACK with something behind it", {0x40, 5, 0, 1, 0, 0, 0}, 7},
        {"PUBREC", {0x50, 2, 0, 1}, 4},
        {"PUBCOMP", {0x70, 2, 0, 1}, 4},
        {"PUBACK with flags", {0x41, 2, 0, 1}, 4},
        {"PUBREL with flags of 0", {0x60, 2, 0, 1}, 4},
        {"SUBSCRIBE", {0x82, 5, 0, 1, 0, 0, 0}, 7},
        {"SUBACK without identifier", {0x90, 1, 0}, 3},
        {"SUBACK that nobody waits for", {0x90, 4, 0, 1, 0, 0}, 6},
        {"UNSUBACK that nobody waits for", {0xB0, 4, 0, 1, 0, 0}, 6},
        {"UNSUBSCRIBE", {0xA2, 4, 0, 1, 0, 0}, 6},
        {"UNSUBACK without identifier", {0xB0, 1, 0}, 3},
        {"PINGREQ", {0xC0, 0}, 2},
        {"PINGRESP with flags", {0xD1, 0}, 2},
        {"PINGRESP with a body", {0xD0, 1, 0}, 3},
        {"AUTH", {0xF0, 0}, 2},
        {"a length that does not end", {0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 6},
        {"a CONNACK that is too large", {0x20, 0xFF, 0xFF, 0x7F}, 4},
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        check_context("%s", packets[i].what);
        online();
        int events = device.event_count;
        broker_raw(&device.broker, packets[i].bytes, packets[i].len);
        sim_run(&device, 0);
        const iot_thing_event_t *event =
            expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_MQTT_PROTOCOL);
        CHECK(event->code == -1);
        CHECK(device.event_count > events);
        CHECK_EQ(device.broker.disconnect_code, 0x82);
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000));
        CHECK(sim_device_end(&device));
    }
}

/* Instead of CONNACK. */
static void malformed_answers_to_connect(void)
{
    static const raw_t packets[] = {
        {"nothing of it", {0x20, 0}, 2},
        {"half of it", {0x20, 1, 0}, 3},
        {"PUBLISH", {0x30, 4, 0, 1, 'a', 0}, 6},
        {"a session that was not asked for", {0x20, 3, 1, 0, 0}, 5},
        {"Receive Maximum 0", {0x20, 6, 0, 0, 3, 0x21, 0, 0}, 8},
        {"Maximum Packet Size 0", {0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 0}, 10},
        {"too large", {0x20, 0xFF, 0xFF, 0x7F}, 4},
        {"a length that does not end", {0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 6},
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        check_context("%s", packets[i].what);
        prepare();
        device.broker.no_connack = 1;
        CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
        CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
        sim_run(&device, 0);
        broker_raw(&device.broker, packets[i].bytes, packets[i].len);
        sim_run(&device, 0);
        expect_event(IOT_THING_EVENT_CONNECT_FAILED, IOT_THING_ERR_MQTT_PROTOCOL);
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000));
        CHECK(sim_device_end(&device));
    }
    check_context("%s", "DISCONNECT");
    prepare();
    device.broker.no_connack = 1;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    sim_run(&device, 0);
    broker_disconnect(&device.broker, 0x97);
    sim_run(&device, 0);
    CHECK_EQ(expect_event(IOT_THING_EVENT_CONNECT_FAILED, IOT_THING_ERR_MQTT_QUOTA)->code, 0x97);
    CHECK(sim_device_end(&device));
}

/* Acknowledgements of nothing are ignored, as a repetition makes them appear. */
static void stray_acknowledgements_do_no_harm(void)
{
    static const uint8_t strays[] = {0x40, 2, 0, 99, 0x90, 4, 0, 99, 0, 0x87, 0xB0, 4, 0, 99, 0, 0,
                                     0xD0, 0, 0x50, 2, 0, 99, 0x70, 2, 0, 99};
    online();
    broker_raw(&device.broker, strays, sizeof strays);
    sim_run(&device, 100);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
    CHECK_EQ(publish("t", 1, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 100));
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

static void acknowledgements_in_any_order(void)
{
    online();
    device.broker.hold_pubacks = 1;
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(publish("t", 1, &ops[i]), IOT_THING_OK);
    }
    sim_run(&device, 100);
    CHECK_EQ(device.broker.held_puback_count, 8);
    broker_release_pubacks(&device.broker, 1);
    sim_run(&device, 100);
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_OK);
    }
    CHECK(sim_device_end(&device));
}

/* AWS IoT sends a message again under another identifier. Both are acknowledged. */
static void repetition_with_another_identifier(void)
{
    online();
    CHECK_EQ(subscribe("a", 1, &inbox), IOT_THING_OK);
    sim_run(&device, 100);
    device.broker.renumber = 1;
    broker_publish(&device.broker, "a", "x");
    sim_link_cut(&device.link);
    sim_run(&device, 5000);
    CHECK_EQ(inbox.count, 1);
    CHECK_EQ(device.broker.pubacks, 1);
    CHECK(sim_device_end(&device));
}

/* A message that overtakes its SUBACK is delivered. */
static void message_between_subscribe_and_suback(void)
{
    online();
    device.broker.early_message = 1;
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "a", 1, 0, on_message, NULL, &inbox),
             IOT_THING_OK);
    sim_run(&device, 100);
    CHECK_EQ(inbox.count, 1);
    CHECK(strcmp(inbox.payload, "early") == 0);
    CHECK_EQ(device.broker.subscribes, 1);
    CHECK(sim_device_end(&device));
}

/* A Receive Maximum that shrank between two connections is kept, too. */
static void receive_maximum_shrinks(void)
{
    online();
    device.broker.hold_pubacks = 1;
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(publish("t", 1, &ops[i]), IOT_THING_OK);
    }
    sim_run(&device, 100);
    CHECK_EQ(device.broker.in_flight_max, 8);
    device.broker.held_puback_count = device.broker.in_flight_max = 0;
    device.broker.receive_maximum = 2;
    sim_link_cut(&device.link);
    for (int i = 0; i < 20; i++) {
        sim_run(&device, 500);
        broker_release_pubacks(&device.broker, 0);
    }
    CHECK_EQ(device.broker.in_flight_max, 2);
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_OK);
    }
    CHECK(sim_device_end(&device));
}

/* As many messages as the outbox takes are in flight at once; a session that is resumed gets them again
 * with their identifiers, in their order, before what was queued meanwhile. */
static void all_in_flight_are_sent_again(void)
{
    enum { FIRST = 14 };
    uint16_t ids[FIRST] = {0};
    online();
    device.broker.hold_pubacks = 1;
    const int before = device.broker.message_count;
    for (int i = 0; i < FIRST; i++) {
        CHECK_EQ(publish("t", 1, &ops[i]), IOT_THING_OK);
    }
    sim_run(&device, 100);
    CHECK_EQ(device.broker.in_flight_max, FIRST);
    CHECK_EQ(device.broker.message_count, before + FIRST);
    for (int i = 0; i < FIRST; i++) {
        ids[i] = device.broker.messages[before + i].packet_id;
        CHECK(ids[i] != 0 && !device.broker.messages[before + i].dup);
        for (int j = 0; j < i; j++) {
            CHECK(ids[i] != ids[j]);
        }
    }
    sim_link_cut(&device.link);
    device.broker.hold_pubacks = device.broker.held_puback_count = 0;
    CHECK_EQ(publish("t", 1, &ops[FIRST]), IOT_THING_OK);
    sim_run(&device, 10000);
    CHECK_EQ(device.broker.message_count, before + 2 * FIRST + 1);
    for (int i = 0; i < FIRST; i++) {
        const broker_message_t *again = &device.broker.messages[before + FIRST + i];
        CHECK_EQ(again->packet_id, ids[i]);
        CHECK_EQ(again->dup, 1);
        CHECK_EQ(again->connection, 2);
    }
    CHECK_EQ(device.broker.messages[before + 2 * FIRST].dup, 0);
    for (int i = 0; i <= FIRST; i++) {
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_OK);
    }
    CHECK(sim_device_end(&device));
}

/* An acknowledgement of a message that is not in flight changes nothing. */
static void acknowledgement_of_nothing(void)
{
    static const uint8_t puback[] = {0x40, 2, 0x7F, 0xFF};
    online();
    broker_raw(&device.broker, puback, sizeof puback);
    sim_run(&device, 10);
    CHECK_EQ(publish("t", 1, &op), IOT_THING_OK);
    sim_run(&device, 10);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
    CHECK(sim_device_end(&device));
}

/* ---- from callbacks ---------------------------------------------------------------------------- */

/* A wait in which time passes. */
static void waits(void *user, ptrdiff_t socket, uint32_t interest, int32_t timeout_ms)
{
    (void)user;
    (void)socket;
    (void)interest;
    sim_board.now_ms += timeout_ms < 5 ? (uint64_t)timeout_ms : 5;
}

static int calls_seen;

/* What a message callback may call, and what is refused. */
static void busy_callback(void *user, iot_thing_t *thing, const iot_thing_mqtt_message_t *message)
{
    int32_t flag = 1;
    (void)user;
    (void)message;
    calls_seen++;
    CHECK_EQ(iot_thing_poll(thing), IOT_THING_ERR_BUSY);
    CHECK_EQ(iot_thing_wait(thing, 0), IOT_THING_ERR_BUSY);
    CHECK_EQ(iot_thing_run(thing, &flag, 10), IOT_THING_ERR_BUSY);
    CHECK_EQ(iot_thing_run_until_state(thing, IOT_THING_STATE_IDLE, 10), IOT_THING_ERR_BUSY);
    CHECK_EQ(iot_thing_deinit(thing), IOT_THING_ERR_BUSY);
    CHECK_EQ(iot_thing_publish(thing, "answer", NULL, 0, 1, sim_done, &op), IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_unsubscribe(thing, "ask", 0, sim_done, &ops[0]), IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_subscribe(thing, "other", 1, 0, on_message, sim_done, &ops[1]),
             IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_on_message(thing, busy_callback, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_set_will(thing, NULL), IOT_THING_OK);
}

static void callbacks_of_messages(void)
{
    prepare();
    device.link.sockets.wait = waits;
    calls_seen = 0;
    connected();
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "ask", 1, 0, busy_callback, NULL, NULL),
             IOT_THING_OK);
    sim_run(&device, 100);
    unsigned long sends = device.link.sends;
    broker_publish(&device.broker, "ask", "x");
    sim_run(&device, 100);
    CHECK_EQ(calls_seen, 1);
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(op.calls + ops[0].calls + ops[1].calls, 3);
    CHECK(broker_subscribed(&device.broker, "other"));
    CHECK(!broker_subscribed(&device.broker, "ask"));
    /* Acknowledgement, answer and UNSUBSCRIBE in one; then SUBSCRIBE. */
    CHECK_EQ(device.link.sends - sends, 2);
    /* The default callback too. */
    CHECK_EQ(iot_thing_mqtt_unsubscribe(device.thing, "other", 0, NULL, NULL), IOT_THING_OK);
    sim_run(&device, 100);
    memset(ops, 0, sizeof ops);
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "ask", 1, 0, on_message, NULL, &inbox),
             IOT_THING_OK);
    sim_run(&device, 100);
    broker_publish_unasked(&device.broker, "nobody's", "x");
    sim_run(&device, 100);
    CHECK_EQ(calls_seen, 2);
    CHECK(sim_device_end(&device));
}

/* The two blocking calls, with a clock that moves while they wait. */
static void runs_until_something(void)
{
    int32_t flag = 0;
    prepare();
    device.link.sockets.wait = waits;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    device.inside = 1; /* callbacks are allowed from here on */
    CHECK_EQ(iot_thing_run(device.thing, NULL, 0), IOT_THING_ERR_TIMED_OUT);
    uint64_t before = sim_board.now_ms;
    CHECK_EQ(iot_thing_run(device.thing, &flag, 100), IOT_THING_ERR_TIMED_OUT);
    CHECK_EQ(sim_board.now_ms - before, 100);
    flag = 1;
    CHECK_EQ(iot_thing_run(device.thing, &flag, 100), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK_EQ(iot_thing_run_until_state(device.thing, IOT_THING_STATE_ONLINE, 1000), IOT_THING_OK);
    CHECK_EQ(iot_thing_run_until_state(device.thing, IOT_THING_STATE_IDLE, 50),
             IOT_THING_ERR_TIMED_OUT);
    CHECK_EQ(iot_thing_run(NULL, NULL, 0), IOT_THING_ERR_NULL);
    device.inside = 0;
    CHECK(sim_device_end(&device));
}

/* For programs that cannot be called back, messages are events. */
static void messages_can_be_pulled(void)
{
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    int got = 0;
    prepare();
    device.config.on_event = NULL;
    device.config.pull_events = IOT_THING_PULL_EVENTS;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "in", 1, 0, NULL, NULL, &inbox), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    for (int i = 0; i < 200; i++) {
        sim_poll(&device);
        if (i == 100) {
            broker_publish(&device.broker, "in", "one");
            broker_publish(&device.broker, "in", "two");
        }
        for (;;) {
            CHECK_EQ(iot_thing_next_event(device.thing, &event), IOT_THING_OK);
            if (event.type == IOT_THING_EVENT_NONE) {
                break;
            }
            if (event.type == IOT_THING_EVENT_MESSAGE) {
                CHECK(event.user == &inbox);
                CHECK(event.topic.len == 2 && memcmp(event.topic.data, "in", 2) == 0);
                CHECK(event.data.len == 3 &&
                      memcmp(event.data.data, got == 0 ? "one" : "two", 3) == 0);
                got++;
            }
        }
        sim_board.now_ms += 10;
    }
    CHECK_EQ(got, 2);
    CHECK(sim_device_end(&device));
}

/* Everything of it a byte at a time. */
static void too_large_on_a_poor_link(void)
{
    prepare();
    device.link.faults.max_recv = 1;
    device.link.faults.max_send = 1;
    device.link.faults.block_every_other = 1;
    connected();
    CHECK_EQ(subscribe("big/#", 1, &inbox), IOT_THING_OK);
    sim_run(&device, 1000);
    device.broker.loose_pubacks = 1;
    size_t size = big_publish("big/one", 1, 9, 5000);
    broker_raw(&device.broker, big, size);
    broker_publish(&device.broker, "big/two", "small");
    sim_run(&device, 1000);
    CHECK_EQ(expect_event(IOT_THING_EVENT_MESSAGE_TOO_LARGE, IOT_THING_ERR_TOO_LARGE)->needed, size);
    CHECK_EQ(inbox.count, 1);
    CHECK_EQ(device.broker.pubacks, 2);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_DISCONNECTED), 0);
    CHECK(sim_device_end(&device));
}

/* What is being passed over when the link breaks comes again, and is told again. */
static void cut_while_passing_over(void)
{
    online();
    size_t size = big_publish("big", 1, 9, 5000);
    broker_raw(&device.broker, big, size / 2);
    sim_run(&device, 100);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_MESSAGE_TOO_LARGE), 0);
    sim_link_cut(&device.link);
    sim_run(&device, 5000);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
    device.broker.loose_pubacks = 1;
    broker_raw(&device.broker, big, size);
    sim_run(&device, 100);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_MESSAGE_TOO_LARGE), 1);
    CHECK(sim_device_end(&device));
}

int main(int argc, char **argv)
{
    RUN(publish_with_everything);
    RUN(publish_checks_its_arguments);
    RUN(publish_ends_in_its_time);
    RUN(messages_reach_whoever_subscribed);
    RUN(overlapping_and_unasked_messages);
    RUN(subscribe_checks_its_arguments);
    RUN(refused_and_late_subscriptions_are_told);
    RUN(resubscribes_in_the_fewest_packets);
    RUN(connect_with_everything);
    RUN(clean_start_as_configured);
    RUN(what_the_broker_grants_is_told);
    RUN(delay_can_be_chosen);
    RUN(refuses_new_or_drops_the_oldest);
    RUN(drains_at_the_interval);
    RUN(message_too_large_is_passed_over);
    RUN(large_messages_arrive);
    RUN(publish_larger_than_the_broker_takes);
    RUN(closed_after_subscribe_or_publish_is_suspected);
    RUN(reason_codes_are_told);
    RUN(malformed_packets_end_the_connection);
    RUN(malformed_answers_to_connect);
    RUN(stray_acknowledgements_do_no_harm);
    RUN(acknowledgements_in_any_order);
    RUN(repetition_with_another_identifier);
    RUN(message_between_subscribe_and_suback);
    RUN(receive_maximum_shrinks);
    RUN(all_in_flight_are_sent_again);
    RUN(acknowledgement_of_nothing);
    RUN(callbacks_of_messages);
    RUN(runs_until_something);
    RUN(messages_can_be_pulled);
    RUN(too_large_on_a_poor_link);
    RUN(cut_while_passing_over);
    return check_report("test_mqtt");
}
