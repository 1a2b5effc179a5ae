/*
 * What a device meets in ten years: brokers that forget to answer, outages at the wrong moment,
 * callbacks that answer every event, clocks, shadows that are deleted and made anew.
 */
#include "check.h"
#include "sim.h"

#define MINUTE 60000u
#define HOUR (60u * MINUTE)

static sim_device_t device;
static sim_op_t op;
static sim_op_t ops[32];

static void prepare(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    memset(&op, 0, sizeof op);
    memset(ops, 0, sizeof ops);
}

static void online(void)
{
    prepare();
    CHECK(sim_device_online(&device));
    sim_run(&device, 100);
}

static int32_t update(const char *json, sim_op_t *result)
{
    return iot_thing_update_shadow(device.thing, json, sim_done, result);
}

static int32_t publish(const char *topic, int32_t qos, sim_op_t *result)
{
    return iot_thing_publish(device.thing, topic, (const uint8_t *)"x", 1, qos, sim_done, result);
}

static int gets_seen(void)
{
    return broker_count(&device.broker, broker_topic(&device.broker, "get"));
}

/* ---- what was sent is not lost ----------------------------------------------------------------- */

/* A QoS 0 message that is known not to have left is not told as done: it leaves later. */
static void failed_send_keeps_qos0(void)
{
    online();
    device.link.faults.send_error = SIM_ECONNRESET;
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(publish("zero", 0, &ops[i]), IOT_THING_OK);
    }
    sim_run(&device, 10);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(ops[i].calls, 0);
    }
    device.link.faults.send_error = 0;
    sim_run(&device, MINUTE);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_OK);
    }
    CHECK_EQ(broker_count(&device.broker, "zero"), 5);
    CHECK(sim_device_end(&device));
}

/* What the broker said before the connection broke is read, although sending fails already. */
static void reason_is_read_after_a_failed_send(void)
{
    online();
    broker_disconnect(&device.broker, 0x8E);
    device.link.faults.send_error = SIM_ECONNRESET;
    CHECK_EQ(publish("zero", 0, &op), IOT_THING_OK);
    sim_run(&device, 10);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_DISCONNECTED);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_MQTT_TAKEN_OVER);
        CHECK_EQ(event->code, 0x8E);
    }
    device.link.faults.send_error = 0;
    CHECK(sim_device_end(&device));
}

/* A broker that takes messages and does not acknowledge them: only a new connection helps. */
static void missing_puback_ends_the_connection(void)
{
    online();
    device.broker.no_puback = 1;
    CHECK_EQ(publish("one", 1, &op), IOT_THING_OK);
    sim_run(&device, IOT_THING_DEFAULT_ACK_TIMEOUT_MS + 1000);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_DISCONNECTED);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_MQTT_TIMEOUT);
    }
    CHECK_EQ(op.calls, 0);
    device.broker.no_puback = 0;
    sim_run(&device, 5 * MINUTE);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

/* More updates than can be in flight, none of them acknowledged: none is stuck for ever. */
static void unacknowledged_updates_are_sent_again(void)
{
    online();
    device.broker.no_puback = 1;
    device.broker.shadow_mode = SHADOW_IS_SILENT;
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(update("{\"p\":1}", &ops[i]), IOT_THING_OK);
    }
    sim_run(&device, MINUTE);
    device.broker.no_puback = 0;
    device.broker.shadow_mode = SHADOW_ACCEPTS;
    sim_run(&device, HOUR);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_OK);
    }
    CHECK(sim_device_end(&device));
}

/* An outage longer than every time-out, between sending an update and its acknowledgement. */
static void update_survives_an_outage(void)
{
    for (int forget = 0; forget < 2; forget++) {
        check_context("session %s", forget ? "forgotten" : "kept");
        online();
        device.broker.no_puback = 1;
        device.broker.shadow_mode = SHADOW_IS_SILENT;
        CHECK_EQ(update("{\"p\":7}", &op), IOT_THING_OK);
        sim_run(&device, 50);
        device.broker.no_puback = 0;
        device.broker.shadow_mode = SHADOW_ACCEPTS;
        device.broker.forget_session = forget;
        device.link.faults.connect_error = SIM_ECONNREFUSED;
        sim_link_cut(&device.link);
        sim_run(&device, 5 * MINUTE);
        CHECK_EQ(op.calls, 0);
        device.link.faults.connect_error = 0;
        sim_run(&device, 5 * MINUTE);
        CHECK_EQ(op.calls, 1);
        CHECK_EQ(op.error, IOT_THING_OK);
        CHECK(strcmp(device.broker.reported, "{\"p\":7}") == 0);
        CHECK(sim_device_end(&device));
    }
    check_context("%s", "");
}

static void refusal_for_quota_can_be_tried_later(void)
{
    online();
    device.broker.puback_code = 0x97;
    CHECK_EQ(publish("one", 1, &op), IOT_THING_OK);
    sim_run(&device, 100);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_ERR_REJECTED);
    CHECK_EQ(op.code, 0x97);
    CHECK_EQ(op.retry, IOT_THING_RETRY_LATER);
    CHECK(sim_device_end(&device));
}

/* ---- reading the shadow -------------------------------------------------------------------------- */

/* While an answer has no room in the outbox, the shadow is not read over and over. */
static void no_flood_of_gets(void)
{
    prepare();
    device.config.queue_len = 2;
    device.answer_requests = 1;
    CHECK(sim_device_online(&device));
    sim_run(&device, 100);
    device.broker.silent_updates = 1;
    CHECK_EQ(update("{\"q\":2}", &ops[0]), IOT_THING_OK);
    CHECK_EQ(update("{\"q\":3}", &ops[1]), IOT_THING_OK);
    sim_run(&device, 100);
    broker_request(&device.broker, "{\"p\":5}");
    sim_poll(&device);
    broker_request(&device.broker, "{\"p\":6}");
    int before = gets_seen();
    for (int i = 0; i < 300; i++) {
        sim_poll(&device);
    }
    CHECK(gets_seen() - before <= 1);
    device.broker.silent_updates = 0;
    sim_run(&device, 5 * MINUTE);
    CHECK(strcmp(device.last_request, "{\"p\":6}") == 0);
    CHECK(device.broker.desired[0] == '\0'); /* the cloud has what it asked for */
    CHECK(sim_device_end(&device));
}

/* An answer that had no room leaves as soon as an overdue update makes some, not with a ping. */
static void answer_leaves_when_there_is_room(void)
{
    prepare();
    device.config.queue_len = 2;
    device.config.keep_alive_s = 1200;
    device.answer_requests = 1;
    CHECK(sim_device_online(&device));
    sim_run(&device, 100);
    device.broker.silent_updates = 1;
    CHECK_EQ(update("{\"q\":2}", &ops[0]), IOT_THING_OK);
    CHECK_EQ(update("{\"q\":3}", &ops[1]), IOT_THING_OK);
    sim_run(&device, 100);
    broker_request(&device.broker, "{\"p\":5}");
    sim_run(&device, 100);
    device.broker.silent_updates = 0;
    sim_run(&device, IOT_THING_DEFAULT_SHADOW_TIMEOUT_MS + 1000);
    CHECK_EQ(ops[0].error, IOT_THING_ERR_TIMED_OUT);
    CHECK(device.broker.desired[0] == '\0');
    CHECK(sim_device_end(&device));
}

/* A service that does not answer is told, and asked less and less often. */
static void unanswered_get_is_told(void)
{
    prepare();
    device.broker.shadow_mode = SHADOW_IS_SILENT;
    CHECK(sim_device_online(&device));
    sim_run(&device, HOUR);
    CHECK(gets_seen() >= 3 && gets_seen() <= 15);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_FETCH_FAILED);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_TIMED_OUT);
    }
    device.broker.shadow_mode = SHADOW_ACCEPTS;
    broker_request(&device.broker, "{\"p\":4}");
    sim_run(&device, HOUR);
    CHECK(strcmp(device.last_request, "{\"p\":4}") == 0);
    CHECK(sim_device_end(&device));
}

/* The answer to a get that is older than a request that came meanwhile is not acted on. */
static void older_get_does_not_undo_a_newer_request(void)
{
    prepare();
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_on_shadow_request(device.thing, sim_on_request, &device), IOT_THING_OK);
    strcpy(device.broker.desired, "{\"p\":2}");
    device.broker.version = 5;
    device.broker.hold_answers = 1;
    iot_thing_connect(device.thing);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10000));
    sim_run(&device, 50);
    broker_request(&device.broker, "{\"p\":3}");
    sim_run(&device, 50);
    CHECK(strcmp(device.last_request, "{\"p\":3}") == 0);
    int requests = device.requests;
    device.broker.hold_answers = 0;
    broker_release_answers(&device.broker, 0);
    sim_run(&device, 50);
    CHECK_EQ(device.requests, requests);
    sim_run(&device, MINUTE);
    CHECK(strcmp(device.last_request, "{\"p\":3}") == 0);
    CHECK(sim_device_end(&device));
}

/* A shadow that was deleted and made anew counts from a lower number. */
static void shadow_made_anew_is_listened_to(void)
{
    online();
    for (int i = 0; i < 5; i++) {
        broker_request(&device.broker, i % 2 ? "{\"p\":2}" : "{\"p\":3}");
        sim_run(&device, 100);
    }
    device.broker.version = 0;
    broker_request(&device.broker, "{\"p\":9}");
    sim_run(&device, MINUTE);
    CHECK(strcmp(device.last_request, "{\"p\":9}") == 0);
    CHECK(sim_device_end(&device));
}

static void request_that_is_no_object_is_told(void)
{
    online();
    int requests = device.requests;
    broker_publish(&device.broker, broker_topic(&device.broker, "update/delta"),
                   "{\"version\":99,\"state\":[1,2]}");
    sim_run(&device, 100);
    CHECK_EQ(device.requests, requests);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_BAD_MESSAGE);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_JSON_TYPE);
    }
    CHECK(sim_device_end(&device));
}

/* ---- connecting and disconnecting ------------------------------------------------------------------ */

static void flip(void *user, iot_thing_t *thing, const iot_thing_event_t *event)
{
    (void)user;
    if (event->type == IOT_THING_EVENT_CONNECT_FAILED) {
        CHECK_EQ(iot_thing_disconnect(thing), IOT_THING_OK);
    }
    if (event->type == IOT_THING_EVENT_STATE && event->state == IOT_THING_STATE_IDLE) {
        CHECK_EQ(iot_thing_connect(thing), IOT_THING_OK);
    }
}

/* Whatever callbacks do, one poll makes one attempt. */
static void callbacks_cannot_keep_a_poll_busy(void)
{
    prepare();
    device.config.on_event = flip;
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    for (int i = 0; i < 20; i++) {
        CHECK(iot_thing_poll(device.thing) >= 0);
    }
    CHECK(device.link.opens <= 20);
    CHECK_EQ(iot_thing_deinit(device.thing), IOT_THING_OK);
    CHECK(sim_board.violation == NULL);
}

/* A device that connects, sends and disconnects is not punished for a bad day long ago. */
static void asked_end_resets_the_backoff(void)
{
    prepare();
    device.config.backoff_base_ms = 1000;
    device.config.backoff_cap_ms = 128000;
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    sim_run(&device, 20 * MINUTE);
    device.link.faults.connect_error = 0;
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 10 * MINUTE));
    iot_thing_disconnect(device.thing);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 10000));
    device.link.faults.connect_error = SIM_ECONNREFUSED;
    iot_thing_connect(device.thing);
    sim_run(&device, 1);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_CONNECT_FAILED);
    if (CHECK(event != NULL)) {
        CHECK(event->retry_ms <= 1000);
    }
    CHECK(sim_device_end(&device));
}

/* A network that takes no bytes does not hold up the end of the connection. */
static void disconnect_does_not_wait_for_a_stall(void)
{
    online();
    device.link.faults.send_stalls = 1;
    CHECK_EQ(publish("one", 1, &op), IOT_THING_OK);
    sim_run(&device, 100);
    uint64_t asked = sim_board.now_ms;
    iot_thing_disconnect(device.thing);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, MINUTE));
    CHECK(sim_board.now_ms - asked <= 5100);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_DISCONNECTED);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_OK);
        CHECK_EQ(event->retry_ms, 0);
    }
    device.link.faults.send_stalls = 0;
    CHECK(sim_device_end(&device));
}

static int32_t resolve_to_nonsense(void *user, const char *host, iot_thing_address_t *address)
{
    (void)user;
    (void)host;
    (void)address;
    return 7;
}

static void resolve_that_breaks_its_contract_is_told(void)
{
    prepare();
    device.link.sockets.resolve = resolve_to_nonsense;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    sim_run(&device, 10);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_CONNECT_FAILED);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_SOCKET_CONTRACT);
        CHECK_EQ(event->port_error, 7);
    }
    CHECK(sim_device_end(&device));
}

/* ---- clock and counters ------------------------------------------------------------------------------ */

/* A month without a connection and without a poll, longer than half of the clock's range. */
static void clock_goes_on_after_a_month_unread(void)
{
    prepare();
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(sim_poll(&device), IOT_THING_FOREVER);
    sim_board.now_ms += 30ull * 24 * HOUR;
    device.link.faults.connect_ms = UINT32_MAX;
    iot_thing_connect(device.thing);
    sim_run(&device, IOT_THING_DEFAULT_CONNECT_TIMEOUT_MS + 1000);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_CONNECT_FAILED);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_TCP_TIMEOUT);
    }
    CHECK(sim_device_end(&device));
}

static void bytes_are_counted_while_connected(void)
{
    iot_thing_statistics_t statistics = IOT_THING_STATISTICS_INIT;
    online();
    CHECK_EQ(iot_thing_get_statistics(device.thing, &statistics), IOT_THING_OK);
    CHECK_EQ(statistics.bytes_out, device.link.sent);
    CHECK_EQ(statistics.bytes_in, device.link.received);
    CHECK(statistics.bytes_out > 0);
    CHECK(sim_device_end(&device));
}

/* ---- failed calls change nothing ---------------------------------------------------------------------- */

static void failed_init_leaves_the_memory_free(void)
{
    prepare();
    sim_board.random_fails = 1;
    CHECK_EQ(sim_device_make(&device), IOT_THING_ERR_RANDOM);
    sim_board.random_fails = 0;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

int main(int argc, char **argv)
{
    RUN(failed_send_keeps_qos0);
    RUN(reason_is_read_after_a_failed_send);
    RUN(missing_puback_ends_the_connection);
    RUN(unacknowledged_updates_are_sent_again);
    RUN(update_survives_an_outage);
    RUN(refusal_for_quota_can_be_tried_later);
    RUN(no_flood_of_gets);
    RUN(answer_leaves_when_there_is_room);
    RUN(unanswered_get_is_told);
    RUN(older_get_does_not_undo_a_newer_request);
    RUN(shadow_made_anew_is_listened_to);
    RUN(request_that_is_no_object_is_told);
    RUN(callbacks_cannot_keep_a_poll_busy);
    RUN(asked_end_resets_the_backoff);
    RUN(disconnect_does_not_wait_for_a_stall);
    RUN(resolve_that_breaks_its_contract_is_told);
    RUN(clock_goes_on_after_a_month_unread);
    RUN(bytes_are_counted_while_connected);
    RUN(failed_init_leaves_the_memory_free);
    return check_report("test_endurance");
}
