/*
 * The MQTT and long-duration cases of AWS IoT Device Advisor, rebuilt on the scripted broker, with a
 * device as it ships but for a cap of the backoff that lets a case end in Device Advisor's time.
 * Prints the verdict that Device Advisor would give; a verdict that differs from the one expected
 * here fails the test.
 */
#include "check.h"
#include "sim.h"

#define SECOND 1000u
#define MINUTE (60u * SECOND)

/* Device Advisor's limit for a case, unless it says otherwise. */
#define CASE_TIME (5u * MINUTE)

static sim_device_t device;
static int messages;

static void on_message(void *user, iot_thing_t *thing, const iot_thing_mqtt_message_t *message)
{
    (void)user;
    (void)thing;
    (void)message;
    messages++;
}

static void prepare(uint32_t seed)
{
    sim_start(0);
    sim_board.random_seed = seed;
    sim_device_init(&device, "device");
    device.config.backoff_base_ms = 0;    /* default: 1 s */
    device.config.backoff_cap_ms = 16000; /* default: 128 s */
    messages = 0;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
}

static void start(void)
{
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
}

static int online(void)
{
    return sim_run_until_state(&device, IOT_THING_STATE_ONLINE, CASE_TIME);
}

static int32_t publish(int32_t qos, int32_t retain)
{
    iot_thing_mqtt_publish_t message = IOT_THING_MQTT_PUBLISH_INIT;
    message.topic = "advisor/publish";
    message.payload = (iot_thing_bytes_t){(const uint8_t *)"hello", 5};
    message.qos = qos;
    message.retain = retain;
    return iot_thing_mqtt_publish(device.thing, &message, NULL, NULL);
}

static int32_t subscribe(void)
{
    return iot_thing_mqtt_subscribe(device.thing, "advisor/trigger", 1, 0, on_message, NULL, NULL);
}

/* ---- grading ----------------------------------------------------------------------------------- */

typedef enum { FAILS, WARNS, PASSES } verdict_t;

static const char *const verdicts[] = {"Fail", "Pass with warnings", "Pass"};

static void graded(const char *name, verdict_t verdict, verdict_t expected, const char *note)
{
    printf("| %-52s | %-18s | %s\n", name, verdicts[verdict], note);
    check_context("%s", name);
    CHECK_EQ(verdict, expected);
    check_context("%s", "");
    CHECK(sim_device_end(&device));
}

#define MAX_DELAYS 32

/* Milliseconds from each failure to the next attempt. */
static int delays_between(uint64_t *delays)
{
    int count = 0;
    for (int i = 0; i < device.event_count && count < MAX_DELAYS; i++) {
        const iot_thing_event_t *event = &device.events[i];
        if (event->type != IOT_THING_EVENT_CONNECT_FAILED &&
            event->type != IOT_THING_EVENT_DISCONNECTED) {
            continue;
        }
        for (int k = i + 1; k < device.event_count; k++) {
            if (device.events[k].type == IOT_THING_EVENT_STATE &&
                device.events[k].state == IOT_THING_STATE_OPENING) {
                delays[count++] = device.event_times[k] - device.event_times[i];
                break;
            }
        }
    }
    return count;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/*
 * The kind of backoff, by delays: constant and linear fail, strictly exponential warns, jitter
 * passes. "The same" is within a tenth.
 */
static verdict_t grade(const uint64_t *delays, int count)
{
    int constant = 0;
    int linear = 0;
    int exponential = 0;
    if (count < 5) {
        return FAILS;
    }
    for (int i = 2; i < count; i++) {
        uint64_t step = distance(delays[i], delays[i - 1]);
        uint64_t step_before = distance(delays[i - 1], delays[i - 2]);
        constant += step <= delays[i] / 10;
        linear += distance(step, step_before) <= step / 10;
        exponential += distance(delays[i], 2 * delays[i - 1]) <= delays[i] / 10;
    }
    if (constant >= count - 2 || linear >= count - 2) {
        return FAILS;
    }
    return exponential >= count - 2 ? WARNS : PASSES;
}

/* ---- the cases --------------------------------------------------------------------------------- */

static void mqtt_connect(void)
{
    prepare(1);
    start();
    verdict_t verdict = online() && device.broker.connects == 1 ? PASSES : FAILS;
    graded("MQTT_Connect", verdict, PASSES, "qualification");
}

static void mqtt_client_puback_qos1(void)
{
    prepare(1);
    CHECK_EQ(subscribe(), IOT_THING_OK);
    start();
    int ok = online();
    broker_publish(&device.broker, "advisor/trigger", "hello");
    sim_run(&device, SECOND);
    ok = ok && messages == 1 && device.broker.pubacks == 1;
    graded("MQTT_Client_Puback_QoS1", ok ? PASSES : FAILS, PASSES, "");
}

/* No CONNACK five times, the sixth gets one; then again. All in five minutes. */
static void mqtt_connect_jitter_backoff_retries(void)
{
    uint64_t delays[MAX_DELAYS];
    prepare(1);
    device.broker.no_connack = 5;
    uint64_t begin = sim_board.now_ms;
    start();
    int ok = online();
    device.broker.no_connack = 5;
    sim_link_cut(&device.link);
    sim_run(&device, 0);
    ok = ok && online() && sim_board.now_ms - begin <= CASE_TIME;
    ok = ok && device.broker.connects >= 12;
    verdict_t verdict = grade(delays, delays_between(delays));
    graded("MQTT_Connect_Jitter_Backoff_Retries", ok ? verdict : FAILS, PASSES, "qualification");
}

/* Growth, over many runs: full jitter draws between 0 and a bound, and it is the bound that grows. */
static void mqtt_connect_exponential_backoff_retries(void)
{
    enum { RUNS = 100 };
    uint64_t sums[5] = {0};
    for (uint32_t run = 1; run <= RUNS; run++) {
        uint64_t delays[MAX_DELAYS];
        prepare(run * 7919);
        device.broker.no_connack = 5;
        start();
        CHECK(online());
        CHECK(delays_between(delays) == 5);
        for (int i = 0; i < 5; i++) {
            sums[i] += delays[i];
        }
        if (run < RUNS) {
            CHECK(sim_device_end(&device));
        }
    }
    int grows = 1;
    for (int i = 1; i < 5; i++) {
        /* Twice as long, within what 100 runs may differ. */
        grows = grows && sums[i] > sums[i - 1] * 3 / 2 && sums[i] < sums[i - 1] * 5 / 2;
    }
    graded("MQTT_Connect_Exponential_Backoff_Retries", grows ? PASSES : FAILS, PASSES,
           "mean of 100 runs doubles; one run may not");
}

static void mqtt_reconnect_on_server_disconnect(void)
{
    uint64_t delays[MAX_DELAYS];
    prepare(3);
    start();
    int ok = online();
    broker_disconnect(&device.broker, 0x8B);
    sim_run(&device, 0);
    device.broker.no_connack = 10;
    ok = ok && online() && device.broker.connects >= 11;
    verdict_t verdict = grade(delays, delays_between(delays));
    graded("MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect", ok ? verdict : FAILS, PASSES, "");
}

/* Accepted each time and dropped: the delays must grow all the same. */
static void mqtt_reconnect_on_unstable_connection(void)
{
    uint64_t delays[MAX_DELAYS];
    uint64_t longest = 0;
    prepare(3);
    device.broker.drop_after_connack = 10;
    start();
    sim_run(&device, CASE_TIME);
    int count = delays_between(delays);
    for (int i = 0; i < count; i++) {
        longest = delays[i] > longest ? delays[i] : longest;
    }
    int ok = device.broker.connects == 11 && longest > 4 * SECOND;
    graded("MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection",
           ok ? grade(delays, count) : FAILS, PASSES, "");
}

static void mqtt_publish(void)
{
    prepare(1);
    start();
    int ok = online() && publish(0, 0) == IOT_THING_OK;
    sim_run(&device, SECOND);
    const broker_message_t *got = broker_last(&device.broker, "advisor/publish");
    ok = ok && got != NULL && got->qos == 0;
    graded("MQTT_Publish", ok ? PASSES : FAILS, PASSES, "qualification");
}

static void mqtt_publish_retained(void)
{
    prepare(1);
    start();
    int ok = online() && publish(1, 1) == IOT_THING_OK;
    sim_run(&device, SECOND);
    const broker_message_t *got = broker_last(&device.broker, "advisor/publish");
    ok = ok && got != NULL && got->retain;
    graded("MQTT_Publish_Retained_Messages", ok ? PASSES : FAILS, PASSES, "");
}

/* Whether a message comes a second time on one connection. MQTT 5 forbids it (4.4). */
static void mqtt_publish_retry_no_puback(void)
{
    prepare(1);
    start();
    CHECK(online());
    device.broker.no_puback = 1;
    CHECK_EQ(publish(1, 0), IOT_THING_OK);
    sim_run(&device, CASE_TIME);
    int again = 0;
    int anew = 0;
    for (int i = 1; i < device.broker.message_count; i++) {
        const broker_message_t *message = &device.broker.messages[i];
        again += message->connection == device.broker.messages[i - 1].connection;
        anew += message->connection != device.broker.messages[i - 1].connection && message->dup &&
                message->packet_id == device.broker.messages[0].packet_id;
    }
    CHECK(anew >= 1);
    graded("MQTT_Publish_Retry_No_Puback", again ? PASSES : FAILS, FAILS,
           "MQTT 5 forbids it on one connection; done on a new one");
}

static void mqtt_subscribe(void)
{
    prepare(1);
    CHECK_EQ(subscribe(), IOT_THING_OK);
    start();
    int ok = online() && broker_subscribed(&device.broker, "advisor/trigger");
    graded("MQTT_Subscribe", ok ? PASSES : FAILS, PASSES, "qualification");
}

static void mqtt_subscribe_retry_no_suback(void)
{
    prepare(1);
    device.broker.no_suback = 1;
    CHECK_EQ(subscribe(), IOT_THING_OK);
    start();
    sim_run(&device, CASE_TIME);
    CHECK(device.broker.subscribes >= 2 && device.broker.subscribes <= device.broker.connects);
    int again = device.broker.subscribes > device.broker.connects;
    graded("MQTT_Subscribe_Retry_No_Suback", again ? PASSES : FAILS, FAILS,
           "done on a new connection, as for PUBLISH");
}

static void mqtt_no_ack_pingresp(void)
{
    prepare(1);
    start();
    CHECK(online());
    device.broker.no_pingresp = 1;
    sim_run(&device, 60u * SECOND + 60u * SECOND / 2);
    int ok = device.broker.pings == 1 && sim_count(&device, IOT_THING_EVENT_DISCONNECTED) == 1;
    graded("MQTT_No_Ack_PingResp", ok ? PASSES : FAILS, PASSES, "");
}

static void persistent_session(const char *name, int expired)
{
    prepare(1);
    CHECK_EQ(subscribe(), IOT_THING_OK);
    start();
    int ok = online() && device.broker.subscribes == 1;
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    sim_link_cut(&device.link);
    sim_run(&device, SECOND);
    if (expired) {
        device.broker.session = 0;
        memset(device.broker.filters, 0, sizeof device.broker.filters);
    } else {
        broker_publish(&device.broker, "advisor/trigger", "stored");
    }
    device.link.faults.connect_error = 0;
    ok = ok && online();
    sim_run(&device, SECOND);
    /* The first connection of a program is a clean start, every later one is not. */
    ok = ok && device.broker.clean_starts == 1;
    ok = ok && device.broker.subscribes == (expired ? 2 : 1);
    ok = ok && messages == (expired ? 0 : 1) && device.broker.pubacks == messages;
    graded(name, ok ? PASSES : FAILS, PASSES, "");
}

/* ---- long duration ----------------------------------------------------------------------------- */

/* Two messages, the first acknowledged only after 15 s. */
static void long_publish_qos1(void)
{
    prepare(1);
    start();
    CHECK(online());
    device.broker.hold_pubacks = 1;
    CHECK_EQ(publish(1, 0), IOT_THING_OK);
    CHECK_EQ(publish(1, 0), IOT_THING_OK);
    sim_run(&device, 15 * SECOND);
    int sent = device.broker.message_count;
    broker_release_pubacks(&device.broker, 0);
    sim_run(&device, MINUTE);
    int ok = device.broker.connects == 1 && device.broker.message_count == sent;
    graded("MQTT_Long_Duration: PUBLISH QoS 1, PUBACK after 15 s",
           sent > 2 ? PASSES : (ok ? WARNS : FAILS), WARNS, "no repetition on one connection");
}

static void long_subscribe_qos1(void)
{
    static uint8_t suback[] = {0x90, 4, 0, 0, 0, 1};
    prepare(1);
    device.broker.no_suback = 1;
    CHECK_EQ(subscribe(), IOT_THING_OK);
    start();
    sim_run(&device, 15 * SECOND);
    int asked = device.broker.subscribes;
    suback[2] = (uint8_t)(device.broker.last_subscribe_id >> 8);
    suback[3] = (uint8_t)device.broker.last_subscribe_id;
    broker_raw(&device.broker, suback, sizeof suback);
    int ok = online() && device.broker.connects == 1 && device.broker.subscribes == asked;
    graded("MQTT_Long_Duration: SUBSCRIBE QoS 1, SUBACK after 15 s",
           asked > 1 ? PASSES : (ok ? WARNS : FAILS), WARNS, "no repetition on one connection");
}

static void long_keep_alive(void)
{
    int ok = 1;
    for (int what = 0; what < 3; what++) {
        prepare(1);
        start();
        CHECK(online());
        device.broker.no_pingresp = what == 0;
        device.broker.no_puback = what == 1;
        device.broker.no_suback = what == 2;
        if (what == 1) {
            CHECK_EQ(publish(1, 0), IOT_THING_OK);
        } else if (what == 2) {
            CHECK_EQ(subscribe(), IOT_THING_OK);
        }
        sim_run(&device, 90 * SECOND);
        ok = ok && sim_count(&device, IOT_THING_EVENT_DISCONNECTED) >= 1;
        if (what < 2) {
            CHECK(sim_device_end(&device));
        }
    }
    graded("MQTT_Long_Duration: KEEP_ALIVE", ok ? PASSES : FAILS, PASSES,
           "PINGRESP, PUBACK, SUBACK withheld");
}

static void long_intermittent_connectivity(void)
{
    uint32_t random = 12345;
    prepare(5);
    CHECK_EQ(subscribe(), IOT_THING_OK);
    start();
    int ok = online();
    for (int i = 0; i < 60; i++) {
        random = random * 1664525u + 1013904223u;
        device.link.faults.connect_error = SIM_ECONNREFUSED;
        sim_link_cut(&device.link);
        sim_run(&device, random % (2 * MINUTE));
        device.link.faults.connect_error = 0;
        ok = ok && online();
        sim_run(&device, (random >> 8) % MINUTE);
    }
    ok = ok && device.broker.subscribes == 1 && messages == 0;
    graded("MQTT_Long_Duration: INTERMITTENT_CONNECTIVITY", ok ? PASSES : FAILS, PASSES, "");
}

static void long_server_disconnect(void)
{
    prepare(5);
    start();
    int ok = online();
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    sim_link_cut(&device.link);
    sim_run(&device, 120 * MINUTE);
    device.link.faults.connect_error = 0;
    ok = ok && online();
    graded("MQTT_Long_Duration: LONG_SERVER_DISCONNECT, 120 min", ok ? PASSES : FAILS, PASSES, "");
}

int main(int argc, char **argv)
{
    (void)check_context;
    RUN(mqtt_connect);
    RUN(mqtt_client_puback_qos1);
    RUN(mqtt_connect_jitter_backoff_retries);
    RUN(mqtt_connect_exponential_backoff_retries);
    RUN(mqtt_reconnect_on_server_disconnect);
    RUN(mqtt_reconnect_on_unstable_connection);
    RUN(mqtt_publish);
    RUN(mqtt_publish_retained);
    RUN(mqtt_publish_retry_no_puback);
    RUN(mqtt_subscribe);
    RUN(mqtt_subscribe_retry_no_suback);
    RUN(mqtt_no_ack_pingresp);
    if (check_wanted(argc, argv, "persistent_session")) {
        persistent_session("MQTT_Persistent_Session_Happy_Case", 0);
        persistent_session("MQTT_Expired_Persistent_Session", 1);
    }
    RUN(long_publish_qos1);
    RUN(long_subscribe_qos1);
    RUN(long_keep_alive);
    RUN(long_intermittent_connectivity);
    RUN(long_server_disconnect);
    return check_report("test_advisor");
}
