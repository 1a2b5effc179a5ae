/*
 * One device in the simulated world: what it does when all is well, and what it tells when the
 * network, the broker, the shadow service, the clock or the application misbehave.
 */
#include "check.h"
#include "sim.h"

static sim_device_t device;
static sim_op_t op;

/* A device on-line in a good world, at a clock of `now_ms`. */
static void online_at(uint32_t now_ms)
{
    sim_start(now_ms);
    sim_device_init(&device, "thing");
    memset(&op, 0, sizeof op);
    CHECK(sim_device_online(&device));
    sim_run(&device, 100);
}

static void online(void)
{
    online_at(1000);
}

static void made(void)
{
    sim_start(1000);
    sim_device_init(&device, "thing");
    memset(&op, 0, sizeof op);
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
}

static int32_t update(const char *json, sim_op_t *watched)
{
    return iot_thing_update_shadow(device.thing, json, sim_done, watched);
}

static int32_t publish(const char *topic, const char *payload, int32_t qos, sim_op_t *watched)
{
    return iot_thing_publish(device.thing, topic, (const uint8_t *)payload, strlen(payload), qos,
                             watched != NULL ? sim_done : NULL, watched);
}

static iot_thing_statistics_t statistics(void)
{
    iot_thing_statistics_t now = IOT_THING_STATISTICS_INIT;
    CHECK_EQ(iot_thing_get_statistics(device.thing, &now), IOT_THING_OK);
    return now;
}

/* The last event of a type must be there and carry this error. */
static const iot_thing_event_t *expect_event(int32_t type, int32_t error)
{
    static const iot_thing_event_t nothing;
    const iot_thing_event_t *event = sim_last(&device, type);
    if (!CHECK(event != NULL)) {
        return &nothing;
    }
    CHECK_EQ(event->error, error);
    return event;
}

/* ---- all is well -------------------------------------------------------------------------------- */

static void connects_with_one_subscribe(void)
{
    static const int32_t states[] = {
        IOT_THING_STATE_RESOLVING, IOT_THING_STATE_CONNECTING, IOT_THING_STATE_OPENING,
        IOT_THING_STATE_SUBSCRIBING, IOT_THING_STATE_ONLINE,
    };
    size_t seen = 0;
    sim_start(1000);
    sim_device_init(&device, "thing");
    memset(&op, 0, sizeof op);
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(update("{\"p\":1000}", &op), IOT_THING_OK);
    CHECK_EQ(iot_thing_on_shadow_request(device.thing, sim_on_request, &device), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 1000));
    CHECK(sim_run_until_done(&device, &op, 1000));
    sim_run(&device, 1000);

    for (int i = 0; i < device.event_count; i++) {
        if (device.events[i].type == IOT_THING_EVENT_STATE) {
            CHECK(seen < 5 && device.events[i].state == states[seen]);
            seen++;
        }
    }
    CHECK_EQ(seen, 5);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_CONNECTED), 1);
    CHECK_EQ(expect_event(IOT_THING_EVENT_CONNECTED, 0)->session_resumed, 0);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(op.code, -1);
    CHECK_EQ(op.version, 1);

    CHECK(strcmp(device.broker.client_id, "thing") == 0);
    CHECK(strcmp(device.link.host, "broker.example.com") == 0);
    CHECK_EQ(device.link.tcp_port, 8883);
    CHECK_EQ(device.broker.keep_alive, 60);
    CHECK_EQ(device.broker.session_expiry, 3600);
    CHECK_EQ(device.broker.subscribes, 1);
    CHECK_EQ(device.broker.filters_max, 5);
    CHECK(broker_subscribed(&device.broker, broker_topic(&device.broker, "update/accepted")));
    CHECK(broker_subscribed(&device.broker, broker_topic(&device.broker, "update/rejected")));
    CHECK(broker_subscribed(&device.broker, broker_topic(&device.broker, "update/delta")));
    CHECK(broker_subscribed(&device.broker, broker_topic(&device.broker, "get/accepted")));
    CHECK_EQ(broker_count(&device.broker, broker_topic(&device.broker, "get")), 1);
    CHECK_EQ(broker_count(&device.broker, broker_topic(&device.broker, "update")), 1);
    CHECK_EQ(broker_last(&device.broker, broker_topic(&device.broker, "update"))->qos, 1);
    CHECK(strcmp(device.broker.reported, "{\"p\":1000}") == 0);

    iot_thing_statistics_t s = statistics();
    CHECK_EQ(s.attempts, 1);
    CHECK_EQ(s.connects, 1);
    CHECK_EQ(s.disconnects, 0);
    CHECK_EQ(s.last_error, 0);
    CHECK_EQ(s.messages_out, 2);
    CHECK_EQ(s.messages_in, 2);

    size_t sent = device.link.sent;
    CHECK_EQ(iot_thing_disconnect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 1000));
    expect_event(IOT_THING_EVENT_DISCONNECTED, 0);
    CHECK_EQ(device.broker.disconnects, 1);
    CHECK_EQ(device.link.closes, 1);
    s = statistics();
    CHECK_EQ(s.bytes_out, device.link.sent);
    CHECK_EQ(s.bytes_in, device.link.received);
    CHECK(device.link.sent > sent);
    CHECK_EQ(s.disconnects, 0);
    CHECK_EQ(sim_poll(&device), IOT_THING_FOREVER);
    CHECK(sim_device_end(&device));
}

/* Without requests and updates no subscription is needed. */
static void connects_without_subscriptions(void)
{
    made();
    iot_thing_connect(device.thing);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 1000));
    CHECK_EQ(device.broker.subscribes, 0);
    CHECK_EQ(publish("a/b", "hello", 1, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(device.broker.subscribes, 0);
    CHECK(strcmp(broker_last(&device.broker, "a/b")->payload, "hello") == 0);
    CHECK(sim_device_end(&device));
}

static void connects_by_name(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    sim_link_init(&device.link, &device.broker, 1);
    device.config.tcp_port = 443;
    CHECK(sim_device_online(&device));
    CHECK(strcmp(device.link.host, "broker.example.com") == 0);
    CHECK_EQ(device.link.tcp_port, 443);
    CHECK(sim_device_end(&device));
}

static void thing_name_differs_from_client_id(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.mqtt_id = "client-7";
    device.config.thing_name = "thing";
    CHECK(sim_device_online(&device));
    CHECK(strcmp(device.broker.client_id, "client-7") == 0);
    CHECK(broker_subscribed(&device.broker, "$aws/things/thing/shadow/update/delta"));
    CHECK(sim_device_end(&device));
}

static void configured_keep_alive_and_session(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.keep_alive_s = 1200;
    device.config.session_expiry_s = 77;
    CHECK(sim_device_online(&device));
    CHECK_EQ(device.broker.keep_alive, 1200);
    CHECK_EQ(device.broker.session_expiry, 77);
    CHECK(sim_device_end(&device));

    sim_device_init(&device, "thing");
    device.config.session_expiry_s = IOT_THING_SESSION_NONE;
    CHECK(sim_device_online(&device));
    CHECK_EQ(device.broker.session_expiry, 0);
    CHECK(sim_device_end(&device));
}

/* Each message leaves in one send: two would meet Nagle and delayed acknowledgements. */
static void one_send_for_each_message(void)
{
    online();
    unsigned long before = device.link.sends;
    CHECK_EQ(publish("a", "1", 0, NULL), IOT_THING_OK);
    sim_run(&device, 10);
    CHECK_EQ(device.link.sends, before + 1);
    CHECK_EQ(publish("a", "2", 1, NULL), IOT_THING_OK);
    sim_run(&device, 10);
    CHECK_EQ(device.link.sends, before + 2);
    CHECK_EQ(broker_count(&device.broker, "a"), 2);
    CHECK(sim_device_end(&device));
}

static void messages_keep_their_order(void)
{
    char payload[16];
    online();
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 10; i++) {
            snprintf(payload, sizeof payload, "%d", round * 10 + i);
            CHECK_EQ(publish("order", payload, i % 2, NULL), IOT_THING_OK);
        }
        sim_run(&device, 100);
    }
    int next = 0;
    for (int i = 0; i < device.broker.message_count; i++) {
        if (strcmp(device.broker.messages[i].topic, "order") == 0) {
            snprintf(payload, sizeof payload, "%d", next++);
            CHECK(strcmp(device.broker.messages[i].payload, payload) == 0);
        }
    }
    CHECK_EQ(next, 200);
    CHECK(sim_device_end(&device));
}

/* ---- shadow --------------------------------------------------------------------------------------- */

static void request_is_applied_and_reported(void)
{
    online();
    broker_request(&device.broker, "{\"p\":2000}");
    sim_run(&device, 1000);
    CHECK_EQ(device.requests, 1);
    CHECK(strcmp(device.last_request, "{\"p\":2000}") == 0);
    CHECK(strcmp(device.broker.reported, "{\"p\":2000}") == 0);
    CHECK(device.broker.desired[0] == '\0');
    CHECK_EQ(statistics().shadow_requests, 1);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_REPLY_FAILED), 0);

    /* Nothing is reported when the callback writes nothing. */
    int updates = device.broker.updates;
    device.answer_requests = 0;
    broker_request(&device.broker, "{\"p\":3000}");
    sim_run(&device, 1000);
    CHECK_EQ(device.requests, 2);
    CHECK_EQ(device.broker.updates, updates);
    CHECK(sim_device_end(&device));
}

static void request_made_while_away_arrives(void)
{
    for (int forget = 0; forget < 2; forget++) {
        check_context("session %s", forget ? "forgotten" : "kept");
        online();
        device.broker.version = 3; /* the shadow exists */
        device.broker.forget_session = forget;
        iot_thing_disconnect(device.thing);
        sim_run(&device, 1000);
        broker_request(&device.broker, "{\"p\":5}");
        sim_run(&device, 1000);
        CHECK_EQ(device.requests, 0);
        iot_thing_connect(device.thing);
        sim_run(&device, 1000);
        CHECK_EQ(device.requests, 1);
        CHECK(strcmp(device.broker.reported, "{\"p\":5}") == 0);
        CHECK_EQ(expect_event(IOT_THING_EVENT_CONNECTED, 0)->session_resumed, !forget);
        /* A session that was kept needs no new subscriptions and no get. */
        CHECK_EQ(broker_count(&device.broker, broker_topic(&device.broker, "get")),
                 forget ? 2 : 1);
        CHECK(sim_device_end(&device));
    }
}

static void rejections_tell_code_and_retry(void)
{
    static const struct {
        int code;
        int32_t retry;
    } cases[] = {
        {400, IOT_THING_RETRY_NO},      {401, IOT_THING_RETRY_NO},
        {403, IOT_THING_RETRY_NO},      {404, IOT_THING_RETRY_NO},
        {409, IOT_THING_RETRY_REFRESH}, {413, IOT_THING_RETRY_NO},
        {415, IOT_THING_RETRY_NO},      {422, IOT_THING_RETRY_NO},
        {429, IOT_THING_RETRY_LATER},   {500, IOT_THING_RETRY_LATER},
        {503, IOT_THING_RETRY_LATER},
    };
    online();
    device.broker.shadow_mode = SHADOW_REJECTS;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_context("code %d", cases[i].code);
        memset(&op, 0, sizeof op);
        device.broker.shadow_code = cases[i].code;
        CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_ERR_REJECTED);
        CHECK_EQ(op.code, cases[i].code);
        CHECK_EQ(op.retry, cases[i].retry);
        CHECK_EQ(op.version, 0);
        CHECK_EQ(op.calls, 1);
    }
    CHECK(sim_device_end(&device));
}

static void update_times_out_on_the_millisecond(void)
{
    online();
    device.broker.hold_answers = 1;
    uint64_t sent_at = sim_board.now_ms;
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    sim_run(&device, 9999);
    CHECK_EQ(op.calls, 0);
    sim_run(&device, 2);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_ERR_TIMED_OUT);
    CHECK_EQ(op.retry, IOT_THING_RETRY_LATER);
    CHECK_EQ(op.at_ms, sent_at + 10000);
    /* An answer that comes after all is nobody's. */
    broker_release_answers(&device.broker, 0);
    sim_run(&device, 1000);
    CHECK_EQ(op.calls, 1);
    CHECK(sim_device_end(&device));
}

static void update_waits_for_a_connection_without_limit(void)
{
    made();
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    sim_run(&device, 3600u * 1000u);
    CHECK_EQ(op.calls, 0);
    iot_thing_connect(device.thing);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

static void answers_in_any_order_find_their_updates(void)
{
    sim_op_t ops[4];
    memset(ops, 0, sizeof ops);
    online();
    device.broker.hold_answers = 1;
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(update("{\"p\":1}", &ops[i]), IOT_THING_OK);
    }
    sim_run(&device, 100);
    device.broker.hold_answers = 0;
    broker_release_answers(&device.broker, 1);
    sim_run(&device, 100);
    for (int i = 0; i < 4; i++) {
        check_context("update %d", i);
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_OK);
        CHECK_EQ(ops[i].version, i + 1);
    }
    CHECK(sim_device_end(&device));
}

/* Answers to somebody else's updates, and answers that were delivered twice. */
static void foreign_and_repeated_answers_are_ignored(void)
{
    online();
    device.broker.hold_answers = 1;
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    sim_run(&device, 100);
    broker_publish(&device.broker, broker_topic(&device.broker, "update/accepted"),
                   "{\"state\":{},\"version\":9,\"clientToken\":\"somebody-else-1234\"}");
    broker_publish(&device.broker, broker_topic(&device.broker, "update/accepted"),
                   "{\"state\":{},\"version\":9}");
    broker_publish(&device.broker, broker_topic(&device.broker, "update/rejected"),
                   "{\"code\":400,\"message\":\"x\",\"clientToken\":\"0000000000000000\"}");
    sim_run(&device, 100);
    CHECK_EQ(op.calls, 0);
    device.broker.held_count = 1;
    broker_release_answers(&device.broker, 0);
    sim_run(&device, 100);
    CHECK_EQ(op.calls, 1);
    broker_publish(&device.broker, device.broker.held_topic[0], device.broker.held[0]);
    sim_run(&device, 100);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

static void stale_requests_are_left_out(void)
{
    static const char delta[] = "$aws/things/thing/shadow/update/delta";
    online();
    broker_publish(&device.broker, delta, "{\"version\":7,\"state\":{\"p\":7}}");
    sim_run(&device, 100);
    broker_publish(&device.broker, delta, "{\"version\":6,\"state\":{\"p\":6}}");
    sim_run(&device, 100);
    CHECK_EQ(device.requests, 1);
    CHECK(strcmp(device.last_request, "{\"p\":7}") == 0);
    CHECK_EQ(statistics().shadow_stale, 1);
    broker_publish(&device.broker, delta, "{\"version\":7,\"state\":{\"p\":7}}");
    sim_run(&device, 100);
    CHECK_EQ(device.requests, 1);
    broker_publish(&device.broker, delta, "{\"version\":8,\"state\":{\"p\":8}}");
    sim_run(&device, 100);
    CHECK_EQ(device.requests, 2);
    CHECK(sim_device_end(&device));
}

static void bad_messages_are_told(void)
{
    static const struct {
        const char *text;
        int32_t error;
    } cases[] = {
        {"{", IOT_THING_ERR_JSON_SYNTAX},
        {"", IOT_THING_ERR_JSON_SYNTAX},
        {"{\"state\":{\"p\":1}", IOT_THING_ERR_JSON_SYNTAX},
        {"{\"state\":\"\xFF\"}", IOT_THING_ERR_JSON_UTF8},
    };
    online();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_context("case %lu", (unsigned long)i);
        broker_publish(&device.broker, broker_topic(&device.broker, "update/delta"),
                       cases[i].text);
        sim_run(&device, 100);
        CHECK_EQ(sim_count(&device, IOT_THING_EVENT_BAD_MESSAGE), i + 1);
        expect_event(IOT_THING_EVENT_BAD_MESSAGE, cases[i].error);
    }
    check_context("%s", "");
    CHECK_EQ(device.requests, 0);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
    CHECK(sim_device_end(&device));
}

static void unasked_messages_are_counted(void)
{
    online();
    broker_publish_unasked(&device.broker, "somewhere/else", "hello");
    broker_publish_unasked(&device.broker, "$aws/things/other/shadow/update/delta", "{}");
    sim_run(&device, 100);
    CHECK_EQ(statistics().messages_unrouted, 2);
    CHECK_EQ(device.requests, 0);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
    CHECK(sim_device_end(&device));
}

/* Writes more than reply_size holds. */
static int32_t too_long_answer(void *user, const iot_thing_json_t *requested,
                               iot_thing_json_writer_t *reported)
{
    (void)user;
    (void)requested;
    for (int i = 0; i < 20; i++) {
        iot_thing_json_put_string(reported, "a_rather_long_name", "and a rather long value");
    }
    return IOT_THING_OK;
}

static int32_t discarding_answer(void *user, const iot_thing_json_t *requested,
                                 iot_thing_json_writer_t *reported)
{
    (void)user;
    (void)requested;
    iot_thing_json_put_u32(reported, "p", 1);
    return -1234;
}

static void failed_replies_are_told(void)
{
    online();
    int updates = device.broker.updates;
    iot_thing_on_shadow_request(device.thing, too_long_answer, NULL);
    broker_request(&device.broker, "{\"p\":1}");
    sim_run(&device, 100);
    const iot_thing_event_t *event =
        expect_event(IOT_THING_EVENT_REPLY_FAILED, IOT_THING_ERR_TOO_LARGE);
    CHECK(event->needed > 512);
    CHECK_EQ(device.broker.updates, updates);

    iot_thing_on_shadow_request(device.thing, discarding_answer, NULL);
    broker_request(&device.broker, "{\"p\":2}");
    sim_run(&device, 100);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_REPLY_FAILED), 2);
    /* The header: the value the callback returned. */
    CHECK_EQ(expect_event(IOT_THING_EVENT_REPLY_FAILED, IOT_THING_ERR_CANCELLED)->code, -1234);
    CHECK_EQ(device.broker.updates, updates);
    CHECK(sim_device_end(&device));
}

/* An answer that the service does not accept must be told, too: nothing fails in silence. */
static void rejected_reply_is_told(void)
{
    online();
    device.broker.shadow_mode = SHADOW_REJECTS;
    device.broker.shadow_code = 429;
    broker_request(&device.broker, "{\"p\":1}");
    sim_run(&device, 20000);
    CHECK_EQ(device.requests, 1);
    const iot_thing_event_t *event =
        expect_event(IOT_THING_EVENT_REPLY_FAILED, IOT_THING_ERR_REJECTED);
    CHECK_EQ(event->code, 429);
    CHECK(sim_device_end(&device));
}

/* ---- a poor network ------------------------------------------------------------------------------- */

/* Connect, report, be asked, report again: over a link with these faults. */
static void round_trip(sim_faults_t faults)
{
    sim_start(1000);
    sim_device_init(&device, "thing");
    memset(&op, 0, sizeof op);
    device.link.faults = faults;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(update("{\"p\":1000}", &op), IOT_THING_OK);
    CHECK_EQ(iot_thing_on_shadow_request(device.thing, sim_on_request, &device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    CHECK(sim_run_until_done(&device, &op, 60000));
    CHECK_EQ(op.error, IOT_THING_OK);
    broker_request(&device.broker, "{\"p\":2000}");
    sim_run(&device, 10000);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(device.requests, 1);
    CHECK(strcmp(device.broker.reported, "{\"p\":2000}") == 0);
    CHECK_EQ(device.broker.connects, 1);
    iot_thing_disconnect(device.thing);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 60000));
    CHECK_EQ(device.broker.disconnects, 1);
    CHECK(sim_device_end(&device));
}

static void poor_links(void)
{
    static const size_t limits[] = {0, 1, 2, 3, 7, 64};
    for (size_t s = 0; s < 6; s++) {
        for (size_t r = 0; r < 6; r++) {
            for (int blocks = 0; blocks < 2; blocks++) {
                sim_faults_t faults = {
                    .max_send = limits[s],
                    .max_recv = limits[r],
                    .block_every_other = blocks,
                    .cut_after_sent = SIM_NEVER,
                    .cut_after_received = SIM_NEVER,
                    .resolve_ms = blocks ? 700 : 0,
                    .connect_ms = blocks ? 900 : 0,
                };
                check_context("send %lu, recv %lu, blocks %d", (unsigned long)limits[s],
                              (unsigned long)limits[r], blocks);
                round_trip(faults);
            }
        }
    }
}

/* One attempt that fails in a way set up by `faults`; how it is told. */
static const iot_thing_event_t *failing_attempt(sim_faults_t faults, uint64_t within_ms)
{
    sim_start(1000);
    sim_device_init(&device, "thing");
    memset(&op, 0, sizeof op);
    faults.cut_after_sent = faults.cut_after_sent ? faults.cut_after_sent : SIM_NEVER;
    faults.cut_after_received = faults.cut_after_received ? faults.cut_after_received : SIM_NEVER;
    device.link.faults = faults;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_on_shadow_request(device.thing, sim_on_request, &device);
    iot_thing_connect(device.thing);
    sim_run_until_state(&device, IOT_THING_STATE_WAITING, within_ms);
    sim_poll(&device);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_CONNECTED), 0);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_DISCONNECTED), 0);
    return sim_last(&device, IOT_THING_EVENT_CONNECT_FAILED);
}

#define FAILS(error_, port_error_, ...) \
    do { \
        const iot_thing_event_t *event_; \
        check_context("line %d", __LINE__); \
        event_ = failing_attempt((sim_faults_t){__VA_ARGS__}, 120000); \
        if (CHECK(event_ != NULL)) { \
            CHECK_EQ(event_->error, error_); \
            CHECK_EQ(event_->port_error, port_error_); \
        } \
        CHECK(sim_device_end(&device)); \
        check_context("%s", ""); \
    } while (0)

#define BREAKS(bad_return_) \
    do { \
        const iot_thing_event_t *event_; \
        check_context("line %d", __LINE__); \
        event_ = failing_attempt((sim_faults_t){.bad_return = bad_return_}, 120000); \
        if (CHECK(event_ != NULL)) { \
            CHECK_EQ(event_->error, IOT_THING_ERR_SOCKET_CONTRACT); \
        } \
        CHECK(sim_device_end(&device)); \
        check_context("%s", ""); \
    } while (0)

static void failures_to_connect_are_told_apart(void)
{
    FAILS(IOT_THING_ERR_RESOLVE, SIM_EAI, .resolve_error = SIM_EAI);
    FAILS(IOT_THING_ERR_RESOLVE, 0, .resolve_ms = 1000000);
    FAILS(IOT_THING_ERR_TCP_CONNECT, -24, .open_error = -24);
    FAILS(IOT_THING_ERR_TCP_CONNECT, SIM_ECONNREFUSED, .connect_error = SIM_ECONNREFUSED);
    FAILS(IOT_THING_ERR_TCP_TIMEOUT, 0, .connect_ms = 1000000);
    FAILS(IOT_THING_ERR_MQTT_TIMEOUT, 0, .recv_stalls = 1);
    FAILS(IOT_THING_ERR_TCP_RESET, SIM_ECONNRESET, .cut_after_sent = 5);
    FAILS(IOT_THING_ERR_MQTT_CLOSED_BEFORE_CONNACK, 0, .cut_after_sent = 5, .cut_closes = 1);
    FAILS(IOT_THING_ERR_TCP_RESET, SIM_ECONNRESET, .cut_after_received = 1);
    /* A broken contract: port_error is what the function returned. */
    BREAKS(SIM_SEND_ZERO);
    BREAKS(SIM_SEND_MORE);
    BREAKS(SIM_RECV_ZERO);
    BREAKS(SIM_RECV_MORE);
    BREAKS(SIM_CONNECT_POSITIVE);
}

static void connect_time_outs_are_as_configured(void)
{
    const struct {
        uint64_t after;
        sim_faults_t faults;
    } cases[] = {
        {20000, {.resolve_ms = 1000000}},
        {20000, {.connect_ms = 1000000}},
        {20000, {.resolve_ms = 15000, .connect_ms = 15000}},
        {10000, {.recv_stalls = 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_context("case %lu", (unsigned long)i);
        failing_attempt(cases[i].faults, 1000000);
        CHECK_EQ(sim_board.now_ms - sim_board.started_ms, cases[i].after);
        CHECK(sim_device_end(&device));
    }
}

static const iot_thing_event_t *failing_broker(void (*spoil)(broker_t *))
{
    sim_start(1000);
    sim_device_init(&device, "thing");
    spoil(&device.broker);
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_on_shadow_request(device.thing, sim_on_request, &device);
    iot_thing_connect(device.thing);
    sim_run_until_state(&device, IOT_THING_STATE_WAITING, 100000);
    sim_poll(&device);
    return sim_last(&device, IOT_THING_EVENT_CONNECT_FAILED);
}

static void refuse_connect(broker_t *broker)
{
    broker->connack_code = 0x87;
}

static void close_on_connect(broker_t *broker)
{
    broker->close_on_connect = 1;
}

static void be_silent(broker_t *broker)
{
    broker->silent = 1;
}

static void refusals_of_the_broker_are_told(void)
{
    const iot_thing_event_t *event = failing_broker(refuse_connect);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_MQTT_REFUSED);
        CHECK_EQ(event->code, 0x87);
    }
    CHECK(sim_device_end(&device));

    event = failing_broker(close_on_connect);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_MQTT_CLOSED_BEFORE_CONNACK);
        CHECK_EQ(event->port_error, 0);
    }
    CHECK(sim_device_end(&device));

    event = failing_broker(be_silent);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_MQTT_TIMEOUT);
    }
    CHECK(sim_device_end(&device));
}

static void disconnect_of_the_broker_is_told(void)
{
    online();
    broker_disconnect(&device.broker, 0x8E);
    sim_run(&device, 10);
    const iot_thing_event_t *event =
        expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_MQTT_TAKEN_OVER);
    CHECK_EQ(event->code, 0x8E);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000));
    CHECK(sim_device_end(&device));
}

static void close_without_a_word_is_told(void)
{
    online();
    /* Long after the shadow was read: else it would look like that was not allowed. */
    sim_run(&device, 20000);
    device.link.faults.cut_closes = 1;
    sim_link_cut(&device.link);
    sim_run(&device, 10);
    expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_TCP_CLOSED);
    CHECK_EQ(statistics().disconnects, 1);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000));
    CHECK(sim_device_end(&device));
}

static void garbage_from_the_broker_is_told(void)
{
    static const uint8_t packets[][8] = {
        {0x00, 0x00},                         /* type 0 */
        {0x20, 0x03, 0x00, 0x00, 0x00},       /* a second CONNACK */
        {0x36, 0x05, 0x00, 0x01, 'a', 0, 1},  /* PUBLISH with QoS 3 */
        {0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, /* a length that does not end */
        {0x10, 0x00},                         /* CONNECT to a client */
    };
    static const size_t lengths[] = {2, 5, 7, 6, 2};
    for (size_t i = 0; i < 5; i++) {
        check_context("packet %lu", (unsigned long)i);
        online();
        broker_raw(&device.broker, packets[i], lengths[i]);
        sim_run(&device, 10);
        expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_MQTT_PROTOCOL);
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000));
        CHECK(sim_device_end(&device));
    }
}

/* ---- time ------------------------------------------------------------------------------------------- */

static void idle_connection_wakes_for_pings_only(void)
{
    online();
    unsigned long polls = device.polls;
    unsigned long calls = device.link.calls;
    int pings = device.broker.pings;
    sim_run(&device, 24u * 3600u * 1000u);
    pings = device.broker.pings - pings;
    polls = device.polls - polls;
    /* At least one ping in each keep alive of 60 s, and not many more. */
    CHECK(pings >= 24 * 60 && pings <= 24 * 60 * 2);
    /* A few polls for each: the deadline, the answer, and looking that nothing is left. */
    CHECK(polls <= (unsigned long)pings * 4 + 10);
    CHECK(device.link.calls - calls <= (unsigned long)pings * 12 + 20);
    CHECK_EQ(device.broker.connects, 1);
    CHECK(sim_device_end(&device));
}

static void keep_alive_of_the_broker_counts(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.keep_alive_s = 1200;
    device.broker.server_keep_alive = 30;
    CHECK(sim_device_online(&device));
    int pings = device.broker.pings;
    sim_run(&device, 300u * 1000u);
    CHECK(device.broker.pings - pings >= 10);
    CHECK(sim_device_end(&device));
}

static void missing_ping_answer_ends_the_connection(void)
{
    online();
    device.broker.no_pingresp = 1;
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_WAITING, 120000));
    sim_poll(&device);
    expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_MQTT_KEEP_ALIVE);
    device.broker.no_pingresp = 0;
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000));
    CHECK(sim_device_end(&device));
}

/* All of it again while the 32-bit clock wraps at different moments. */
static void clock_wraps(void)
{
    static const uint32_t before[] = {1, 5, 50, 500, 3000, 9999, 10000, 20000};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        check_context("wraps after %lu ms", (unsigned long)before[i]);
        online_at(0u - before[i]);
        device.broker.hold_answers = 1;
        uint64_t sent_at = sim_board.now_ms;
        CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 30000));
        CHECK_EQ(op.error, IOT_THING_ERR_TIMED_OUT);
        CHECK_EQ(op.at_ms, sent_at + 10000);
        device.broker.hold_answers = 0;
        memset(&op, 0, sizeof op);
        CHECK_EQ(update("{\"p\":2}", &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_OK);
        sim_link_cut(&device.link);
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_WAITING, 10));
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000));
        CHECK(sim_device_end(&device));
    }
}

/* 120 days are more than two wraps; the longest keep alive makes the fewest calls. */
static void months_of_idling(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.keep_alive_s = 1200;
    CHECK(sim_device_online(&device));
    sim_run(&device, UINT64_C(120) * 24 * 3600 * 1000);
    CHECK_EQ(device.broker.connects, 1);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_DISCONNECTED), 0);
    memset(&op, 0, sizeof op);
    CHECK_EQ(update("{\"p\":2}", &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

/* The device was busy or asleep, and time passed without a poll. */
static void long_pauses_between_polls(void)
{
    static const uint64_t pauses[] = {1000,          30000,         65000,
                                      3600u * 1000u, 86400u * 1000u, UINT64_C(20) * 86400 * 1000};
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        check_context("pause %lu", (unsigned long)i);
        online();
        CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
        sim_board.now_ms += pauses[i];
        CHECK(sim_run_until_done(&device, &op, 60000));
        sim_run(&device, 60000);
        CHECK_EQ(op.calls, 1);
        CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
        memset(&op, 0, sizeof op);
        CHECK_EQ(update("{\"p\":2}", &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 60000));
        CHECK_EQ(op.error, IOT_THING_OK);
        CHECK(sim_device_end(&device));
    }
}

/* The clock stood still in deep sleep; the library is told. */
static void skipped_time_counts(void)
{
    online();
    device.broker.hold_answers = 1;
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    sim_run(&device, 1000);
    CHECK_EQ(op.calls, 0);
    CHECK_EQ(iot_thing_clock_skip(9000), IOT_THING_OK);
    sim_poll(&device);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_ERR_TIMED_OUT);
    CHECK(sim_device_end(&device));
}

static void backoff_grows_with_jitter(void)
{
    uint64_t bound = 1000;
    int below_half = 0;
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.backoff_base_ms = 1000;
    device.config.backoff_cap_ms = 128000;
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    sim_run(&device, 3600u * 1000u);
    int failures = 0;
    uint32_t largest = 0;
    uint64_t next_attempt = sim_board.started_ms;
    for (int i = 0; i < device.event_count; i++) {
        const iot_thing_event_t *event = &device.events[i];
        if (event->type != IOT_THING_EVENT_CONNECT_FAILED) {
            continue;
        }
        check_context("failure %d", failures);
        CHECK_EQ(device.event_times[i], next_attempt); /* neither early nor late */
        CHECK(event->retry_ms <= bound);
        below_half += event->retry_ms < bound / 2;
        largest = event->retry_ms > largest ? event->retry_ms : largest;
        next_attempt = device.event_times[i] + event->retry_ms;
        bound = bound * 2 < 128000 ? bound * 2 : 128000;
        failures++;
    }
    check_context("%s", "");
    CHECK(failures >= 25 && failures <= 120);
    CHECK(largest > 64000);                        /* it does grow */
    CHECK(below_half > failures / 5);              /* and the delays differ: full jitter */
    CHECK(below_half < failures - failures / 5);
    CHECK_EQ(statistics().attempts, failures);
    CHECK(sim_device_end(&device));
}

/* Only a connection that lasted sets the delay back. */
static void backoff_starts_again_after_a_stable_connection(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.backoff_base_ms = 1000;
    device.config.backoff_cap_ms = 1000000;
    device.config.backoff_stable_ms = 20000;
    CHECK(sim_device_online(&device));
    uint32_t longest = 0;
    for (int i = 0; i < 12; i++) {
        sim_run(&device, 1000);
        sim_link_cut(&device.link);
        sim_run(&device, 0);
        const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_DISCONNECTED);
        longest = event != NULL && event->retry_ms > longest ? event->retry_ms : longest;
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000000));
    }
    CHECK(longest > 30000);
    sim_run(&device, 20001);
    sim_link_cut(&device.link);
    sim_run(&device, 0);
    CHECK(expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_TCP_RESET)->retry_ms <= 1000);
    CHECK(sim_device_end(&device));
}

static void connect_ends_the_wait_for_the_next_attempt(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.backoff_base_ms = 1000000;
    device.config.backoff_cap_ms = 1000000;
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_WAITING, 10));
    device.link.faults.connect_error = 0;
    iot_thing_connect(device.thing);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10));
    /* On-line it changes nothing. */
    iot_thing_connect(device.thing);
    sim_run(&device, 1000);
    CHECK_EQ(device.broker.connects, 1);
    CHECK(sim_device_end(&device));
}

static void send_stall_ends_the_connection(void)
{
    online();
    device.link.faults.send_stalls = 1;
    uint64_t start = sim_board.now_ms;
    CHECK_EQ(publish("a", "x", 1, &op), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_WAITING, 100000));
    CHECK_EQ(sim_board.now_ms - start, 20000);
    sim_poll(&device);
    expect_event(IOT_THING_EVENT_DISCONNECTED, IOT_THING_ERR_TCP_TIMEOUT);
    CHECK_EQ(op.calls, 0);
    device.link.faults.send_stalls = 0;
    CHECK(sim_run_until_done(&device, &op, 10000));
    CHECK_EQ(op.error, IOT_THING_OK);
    sim_run(&device, 1000);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(broker_count(&device.broker, "a"), 1);
    CHECK(sim_device_end(&device));
}

/* Operations end while a later message is stuck in the network: each must keep its own fate. */
static void time_out_while_another_message_is_being_sent(void)
{
    static char large[1500];
    sim_op_t stuck = {0, 0, 0, 0, 0, 0};
    sim_op_t last = {0, 0, 0, 0, 0, 0};
    online();
    device.broker.shadow_mode = SHADOW_IS_SILENT;
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    sim_run(&device, 1000);
    device.link.faults.send_stalls = 1;
    memset(large, 'x', sizeof large - 1);
    CHECK_EQ(publish("stuck", large, 1, &stuck), IOT_THING_OK);
    CHECK_EQ(publish("last", "x", 0, &last), IOT_THING_OK);
    sim_run(&device, 9001);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_ERR_TIMED_OUT);
    device.link.faults.send_stalls = 0;
    sim_run(&device, 5000);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(stuck.calls, 1);
    CHECK_EQ(stuck.error, IOT_THING_OK);
    CHECK_EQ(last.calls, 1);
    CHECK_EQ(last.error, IOT_THING_OK);
    CHECK_EQ(broker_count(&device.broker, "stuck"), 1);
    CHECK_EQ(broker_count(&device.broker, "last"), 1);
    CHECK_EQ(device.broker.connects, 1);
    CHECK(sim_device_end(&device));
}

/* ---- acknowledgements ---------------------------------------------------------------------------------- */

static void receive_maximum_is_kept(void)
{
    sim_op_t ops[5];
    memset(ops, 0, sizeof ops);
    sim_start(0);
    sim_device_init(&device, "thing");
    device.broker.receive_maximum = 1;
    CHECK(sim_device_online(&device));
    sim_run(&device, 100);
    device.broker.no_puback = 1;
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(publish("a", "x", 1, &ops[i]), IOT_THING_OK);
    }
    sim_run(&device, 1000);
    CHECK_EQ(broker_count(&device.broker, "a"), 1);
    device.broker.no_puback = 0;
    sim_link_cut(&device.link); /* sent again with the session, and acknowledged */
    sim_run(&device, 5000);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_OK);
    }
    CHECK_EQ(broker_count(&device.broker, "a"), 6);
    CHECK(sim_device_end(&device));
}

static void refused_publish_is_told(void)
{
    online();
    device.broker.puback_code = 0x87;
    CHECK_EQ(publish("a", "x", 1, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.error, IOT_THING_ERR_REJECTED);
    CHECK_EQ(op.code, 0x87);
    memset(&op, 0, sizeof op);
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.error, IOT_THING_ERR_REJECTED);
    CHECK_EQ(op.code, 0x87);
    /* The connection stays, and the next message goes through. */
    device.broker.puback_code = 0;
    memset(&op, 0, sizeof op);
    CHECK_EQ(publish("a", "x", 1, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(device.broker.connects, 1);
    CHECK(sim_device_end(&device));
}

/* A QoS 1 message that nobody acknowledges stays open, and is cancelled by deinit. */
static void deinit_cancels_at_every_stage(void)
{
    for (unsigned long calls = 0; calls < 60; calls++) {
        sim_op_t ops[3];
        memset(ops, 0, sizeof ops);
        check_context("after %lu socket calls", calls);
        sim_start(0);
        sim_device_init(&device, "thing");
        device.broker.no_puback = 1;
        device.broker.shadow_mode = SHADOW_IS_SILENT;
        device.link.faults.block_every_other = 1;
        device.link.faults.max_send = 30;
        device.link.faults.resolve_ms = 10;
        device.link.faults.connect_ms = 10;
        CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
        CHECK_EQ(update("{\"p\":1}", &ops[0]), IOT_THING_OK);
        CHECK_EQ(publish("a", "x", 1, &ops[1]), IOT_THING_OK);
        CHECK_EQ(publish("a", "y", 0, &ops[2]), IOT_THING_OK);
        iot_thing_connect(device.thing);
        for (int i = 0; i < 200 && device.link.calls < calls; i++) {
            sim_poll(&device);
            sim_board.now_ms += 3;
        }
        CHECK(sim_device_end(&device));
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(ops[i].calls, 1);
            CHECK(ops[i].error == IOT_THING_ERR_CANCELLED || (i == 2 && ops[i].error == 0));
        }
        CHECK(device.link.opens <= 1);
    }
}

static void disconnect_at_every_stage(void)
{
    for (unsigned long calls = 0; calls < 60; calls++) {
        check_context("after %lu socket calls", calls);
        sim_start(0);
        sim_device_init(&device, "thing");
        memset(&op, 0, sizeof op);
        device.link.faults.block_every_other = 1;
        device.link.faults.resolve_ms = 10;
        device.link.faults.connect_ms = 10;
        CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
        CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
        iot_thing_on_shadow_request(device.thing, sim_on_request, &device);
        iot_thing_connect(device.thing);
        for (int i = 0; i < 200 && device.link.calls < calls; i++) {
            sim_poll(&device);
            sim_board.now_ms += 3;
        }
        iot_thing_disconnect(device.thing);
        sim_run(&device, 5000);
        CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_IDLE);
        CHECK_EQ(device.link.opens, device.link.closes);
        CHECK_EQ(sim_count(&device, IOT_THING_EVENT_CONNECT_FAILED), 0);
        /* What was queued is not lost: the next connection takes it. */
        iot_thing_connect(device.thing);
        CHECK(op.calls == 1 || sim_run_until_done(&device, &op, 20000));
        CHECK_EQ(op.error, IOT_THING_OK);
        CHECK_EQ(op.calls, 1);
        CHECK(sim_device_end(&device));
    }
}

/* ---- callbacks that call the API ------------------------------------------------------------------------ */

static sim_op_t nested_ops[64];
static int nested;
static int kinds_seen;

static void call_forbidden(sim_device_t *d, int what)
{
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    kinds_seen |= 1 << what;
    CHECK_EQ(iot_thing_poll(d->thing), IOT_THING_ERR_BUSY);
    CHECK_EQ(iot_thing_deinit(d->thing), IOT_THING_ERR_BUSY);
    CHECK_EQ(iot_thing_wait(d->thing, 0), IOT_THING_ERR_BUSY);
    int32_t next = iot_thing_next_event(d->thing, &event);
    CHECK(next == IOT_THING_ERR_BUSY || next == IOT_THING_ERR_STATE);
}

static void note_nothing(void *user, ptrdiff_t socket, uint32_t interest, int32_t timeout_ms)
{
    (void)user, (void)socket, (void)interest, (void)timeout_ms;
}

static void reentry_is_refused(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    memset(&op, 0, sizeof op);
    kinds_seen = 0;
    device.link.sockets.wait = note_nothing;
    device.in_callback = call_forbidden;
    CHECK(sim_device_online(&device));
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    broker_request(&device.broker, "{\"p\":2}");
    sim_run(&device, 100);
    CHECK_EQ(kinds_seen, 1 << SIM_IN_EVENT | 1 << SIM_IN_REQUEST | 1 << SIM_IN_DONE);
    /* And a completion that is called from deinit. */
    device.broker.shadow_mode = SHADOW_IS_SILENT;
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    kinds_seen = 0;
    CHECK(sim_device_end(&device));
    CHECK_EQ(kinds_seen, 1 << SIM_IN_DONE);
}

static void call_allowed(sim_device_t *d, int what)
{
    iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    iot_thing_statistics_t counters = IOT_THING_STATISTICS_INIT;
    ptrdiff_t handle;
    uint32_t interest;
    (void)what;
    CHECK(iot_thing_get_state(d->thing) >= 0);
    CHECK_EQ(iot_thing_get_connection(d->thing, &connection), IOT_THING_OK);
    CHECK_EQ(iot_thing_get_statistics(d->thing, &counters), IOT_THING_OK);
    CHECK_EQ(iot_thing_io_wanted(d->thing, &handle, &interest), IOT_THING_OK);
    CHECK_EQ(iot_thing_on_event(d->thing, sim_on_event, d), IOT_THING_OK);
    if (nested < 60) {
        sim_op_t *first = &nested_ops[nested++];
        sim_op_t *second = &nested_ops[nested++];
        int32_t a = iot_thing_update_shadow(d->thing, "{\"n\":1}", sim_done, first);
        int32_t b = iot_thing_publish(d->thing, "nested", NULL, 0, nested % 4 == 0, sim_done,
                                      second);
        CHECK(a == IOT_THING_OK || a == IOT_THING_ERR_QUEUE_FULL);
        CHECK(b == IOT_THING_OK || b == IOT_THING_ERR_QUEUE_FULL);
        first->calls -= a != IOT_THING_OK;   /* then it is over already: expect -1, not 1 */
        second->calls -= b != IOT_THING_OK;
    }
}

static void callbacks_may_publish_and_update(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    memset(nested_ops, 0, sizeof nested_ops);
    nested = 0;
    device.in_callback = call_allowed;
    CHECK(sim_device_online(&device));
    broker_request(&device.broker, "{\"p\":2}");
    sim_run(&device, 30000);
    CHECK_EQ(nested, 60);
    for (int i = 0; i < nested; i++) {
        check_context("operation %d", i);
        CHECK(nested_ops[i].calls == 1 || nested_ops[i].calls == -1);
        CHECK_EQ(nested_ops[i].error, IOT_THING_OK);
    }
    CHECK(sim_device_end(&device));
}

static int hangups;

static void hang_up(sim_device_t *d, int what)
{
    if (what == SIM_IN_DONE || what == SIM_IN_REQUEST) {
        hangups++;
        CHECK_EQ(iot_thing_disconnect(d->thing), IOT_THING_OK);
        CHECK_EQ(iot_thing_connect(d->thing), IOT_THING_OK);
        CHECK_EQ(iot_thing_disconnect(d->thing), IOT_THING_OK);
    }
}

static void callbacks_may_disconnect(void)
{
    online();
    hangups = 0;
    device.in_callback = hang_up;
    CHECK_EQ(update("{\"p\":1}", &op), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 1000));
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(hangups, 1);
    iot_thing_connect(device.thing);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 1000));
    broker_request(&device.broker, "{\"p\":2}");
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 1000));
    CHECK_EQ(hangups, 2);
    CHECK_EQ(device.broker.disconnects, 2);
    CHECK(sim_device_end(&device));
}

static void reconnect_in_events(sim_device_t *d, int what)
{
    if (what == SIM_IN_EVENT) {
        CHECK_EQ(iot_thing_connect(d->thing), IOT_THING_OK);
    }
}

static void connect_in_every_event(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.backoff_base_ms = 100000;
    device.config.backoff_cap_ms = 100000;
    device.in_callback = reconnect_in_events;
    CHECK(sim_device_online(&device));
    sim_link_cut(&device.link);
    /* Asking again whenever the connection is lost must not turn into hammering: the wait stands. */
    sim_run(&device, 10);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_WAITING);
    CHECK_EQ(device.broker.connects, 1);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 100001));
    CHECK(sim_device_end(&device));
}

static void give_up_in_events(sim_device_t *d, int what)
{
    if (what == SIM_IN_EVENT && d->link.broken) {
        CHECK_EQ(iot_thing_disconnect(d->thing), IOT_THING_OK);
    }
}

/* Who gives up when told of a failure does not have to sit through the delay. */
static void disconnect_in_the_event_of_a_failure(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.backoff_base_ms = 100000;
    device.config.backoff_cap_ms = 100000;
    device.in_callback = give_up_in_events;
    CHECK(sim_device_online(&device));
    sim_link_cut(&device.link);
    sim_run(&device, 10);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_IDLE);
    CHECK_EQ(sim_poll(&device), IOT_THING_FOREVER);
    CHECK(sim_device_end(&device));
}

/* ---- pulling events ---------------------------------------------------------------------------------------- */

static void events_can_be_pulled(void)
{
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    int connected = 0;
    int requests = 0;
    int done = 0;
    static int marker;
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.pull_events = IOT_THING_PULL_ALL;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    CHECK_EQ(iot_thing_update_shadow(device.thing, "{\"p\":1}", NULL, &marker), IOT_THING_OK);
    for (int round = 0; round < 2000; round++) {
        sim_poll(&device);
        sim_board.now_ms += 5;
        if (round == 1000) {
            broker_request(&device.broker, "{\"p\":2}");
        }
        for (;;) {
            CHECK_EQ(iot_thing_next_event(device.thing, &event), IOT_THING_OK);
            if (event.type == IOT_THING_EVENT_NONE) {
                break;
            }
            connected += event.type == IOT_THING_EVENT_CONNECTED;
            if (event.type == IOT_THING_EVENT_DONE) {
                CHECK(event.user == &marker);
                CHECK_EQ(event.error, IOT_THING_OK);
                done++;
            }
            if (event.type == IOT_THING_EVENT_SHADOW_REQUEST) {
                CHECK_EQ(event.data.len, 7);
                CHECK(event.data.len == 7 && memcmp(event.data.data, "{\"p\":2}", 7) == 0);
                requests++;
            }
        }
    }
    CHECK_EQ(connected, 1);
    CHECK_EQ(done, 1);
    CHECK_EQ(requests, 1);
    CHECK_EQ(device.event_count, 0); /* none of them was passed to the callback */
    CHECK(sim_device_end(&device));
}

/* While events wait, nothing is lost: poll does nothing and says so. */
static void events_that_are_not_pulled_stop_the_thing(void)
{
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    int states = 0;
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.pull_events = 1;
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    for (int i = 0; i < 10000; i++) {
        sim_poll(&device);
        sim_board.now_ms += 10;
    }
    CHECK_EQ(sim_poll(&device), 0);
    unsigned long calls = device.link.calls;
    sim_poll(&device);
    CHECK_EQ(device.link.calls, calls);
    while (iot_thing_next_event(device.thing, &event) == 0 &&
           event.type != IOT_THING_EVENT_NONE) {
        states++;
    }
    CHECK(states >= 8);
    for (int i = 0; i < 1000; i++) {
        sim_poll(&device);
        sim_board.now_ms += 10;
    }
    CHECK(device.link.calls > calls);
    CHECK(sim_device_end(&device));
}

/* ---- board -------------------------------------------------------------------------------------------------- */

static void random_source_fails(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    sim_board.random_fails = 1;
    int32_t error = sim_device_make(&device);
    CHECK_EQ(error, IOT_THING_ERR_RANDOM);
    sim_board.random_fails = 0;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

static void wake_is_called_for_what_is_queued(void)
{
    online();
    unsigned long wakes = sim_board.wakes;
    CHECK_EQ(publish("a", "x", 0, NULL), IOT_THING_OK);
    CHECK_EQ(sim_board.wakes, wakes + 1);
    CHECK(sim_board.woken == device.thing);
    CHECK_EQ(update("{}", &op), IOT_THING_OK);
    CHECK_EQ(sim_board.wakes, wakes + 2);
    CHECK_EQ(publish("", "x", 0, NULL), IOT_THING_ERR_TOPIC);
    CHECK_EQ(sim_board.wakes, wakes + 2);
    iot_thing_disconnect(device.thing);
    CHECK_EQ(sim_board.wakes, wakes + 3);
    CHECK(sim_board.logs > 0);
    CHECK(sim_device_end(&device));
}

int main(int argc, char **argv)
{
    RUN(connects_with_one_subscribe);
    RUN(connects_without_subscriptions);
    RUN(connects_by_name);
    RUN(thing_name_differs_from_client_id);
    RUN(configured_keep_alive_and_session);
    RUN(one_send_for_each_message);
    RUN(messages_keep_their_order);
    RUN(request_is_applied_and_reported);
    RUN(request_made_while_away_arrives);
    RUN(rejections_tell_code_and_retry);
    RUN(update_times_out_on_the_millisecond);
    RUN(update_waits_for_a_connection_without_limit);
    RUN(answers_in_any_order_find_their_updates);
    RUN(foreign_and_repeated_answers_are_ignored);
    RUN(stale_requests_are_left_out);
    RUN(bad_messages_are_told);
    RUN(unasked_messages_are_counted);
    RUN(failed_replies_are_told);
    RUN(rejected_reply_is_told);
    RUN(poor_links);
    RUN(failures_to_connect_are_told_apart);
    RUN(connect_time_outs_are_as_configured);
    RUN(refusals_of_the_broker_are_told);
    RUN(disconnect_of_the_broker_is_told);
    RUN(close_without_a_word_is_told);
    RUN(garbage_from_the_broker_is_told);
    RUN(idle_connection_wakes_for_pings_only);
    RUN(keep_alive_of_the_broker_counts);
    RUN(missing_ping_answer_ends_the_connection);
    RUN(clock_wraps);
    RUN(months_of_idling);
    RUN(long_pauses_between_polls);
    RUN(skipped_time_counts);
    RUN(backoff_grows_with_jitter);
    RUN(backoff_starts_again_after_a_stable_connection);
    RUN(connect_ends_the_wait_for_the_next_attempt);
    RUN(send_stall_ends_the_connection);
    RUN(time_out_while_another_message_is_being_sent);
    RUN(receive_maximum_is_kept);
    RUN(refused_publish_is_told);
    RUN(deinit_cancels_at_every_stage);
    RUN(disconnect_at_every_stage);
    RUN(reentry_is_refused);
    RUN(callbacks_may_publish_and_update);
    RUN(callbacks_may_disconnect);
    RUN(connect_in_every_event);
    RUN(disconnect_in_the_event_of_a_failure);
    RUN(events_can_be_pulled);
    RUN(events_that_are_not_pulled_stop_the_thing);
    RUN(random_source_fails);
    RUN(wake_is_called_for_what_is_queued);
    return check_report("test_world");
}
