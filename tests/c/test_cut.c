/*
 * The connection breaks at every byte, in both directions, with the session kept by the broker
 * and forgotten, as a reset and as a close, once and three times in a row. In the end everything
 * has arrived, and every operation has ended exactly once.
 */
#include "check.h"
#include "sim.h"

static sim_device_t device;

typedef struct {
    sim_op_t update;
    sim_op_t qos1;
    sim_op_t qos0;
} ops_t;

static ops_t ops;

/* Connect, report, publish, be asked, answer. */
static void scenario(sim_faults_t faults, int forget)
{
    sim_start(1000);
    sim_device_init(&device, "thing");
    memset(&ops, 0, sizeof ops);
    device.link.faults = faults;
    device.broker.forget_session = forget;
    iot_thing_t *thing = NULL;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    thing = device.thing;
    CHECK_EQ(iot_thing_on_shadow_request(thing, sim_on_request, &device), IOT_THING_OK);
    CHECK_EQ(iot_thing_update_shadow(thing, "{\"p\":1000}", sim_done, &ops.update), IOT_THING_OK);
    CHECK_EQ(iot_thing_publish(thing, "one", (const uint8_t *)"1", 1, 1, sim_done, &ops.qos1),
             IOT_THING_OK);
    CHECK_EQ(iot_thing_publish(thing, "zero", (const uint8_t *)"0", 1, 0, sim_done, &ops.qos0),
             IOT_THING_OK);
    iot_thing_connect(thing);
    sim_run(&device, 30000);
    broker_request(&device.broker, "{\"p\":2000}");
    sim_run(&device, 30000);
}

static void everything_arrived(int forget)
{
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
    CHECK_EQ(ops.update.calls, 1);
    CHECK_EQ(ops.qos1.calls, 1);
    CHECK_EQ(ops.qos1.error, IOT_THING_OK);
    CHECK_EQ(ops.qos0.calls, 1);
    CHECK_EQ(ops.qos0.error, IOT_THING_OK);
    /* The answer to an update is lost with a session that is forgotten just then. */
    CHECK(ops.update.error == IOT_THING_OK ||
          (forget && ops.update.error == IOT_THING_ERR_TIMED_OUT));
    CHECK(broker_count(&device.broker, "one") >= 1);
    CHECK(broker_count(&device.broker, "zero") <= 1);
    CHECK(device.requests >= 1);
    CHECK(strcmp(device.broker.reported, "{\"p\":2000}") == 0);
    CHECK(device.broker.desired[0] == '\0');
    /* So is the answer to what the callback reported. */
    const iot_thing_event_t *failed = sim_last(&device, IOT_THING_EVENT_REPLY_FAILED);
    CHECK(failed == NULL || (forget && failed->error == IOT_THING_ERR_TIMED_OUT));
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_BAD_MESSAGE), 0);
    CHECK(sim_device_end(&device));
}

static sim_faults_t no_faults(void)
{
    sim_faults_t faults;
    memset(&faults, 0, sizeof faults);
    faults.cut_after_sent = SIM_NEVER;
    faults.cut_after_received = SIM_NEVER;
    return faults;
}

typedef struct {
    size_t sent;
    size_t received;
} totals_t;

/* How many bytes go each way when nothing breaks. */
static totals_t undisturbed(int forget)
{
    totals_t totals;
    scenario(no_faults(), forget);
    totals.sent = device.link.sent;
    totals.received = device.link.received;
    CHECK_EQ(broker_count(&device.broker, "zero"), 1);
    everything_arrived(forget);
    CHECK(totals.sent > 300 && totals.received > 300);
    return totals;
}

static void cut(size_t sent, size_t received, int forget, int closes, int repeats, size_t chunk)
{
    sim_faults_t faults = no_faults();
    faults.cut_after_sent = sent;
    faults.cut_after_received = received;
    faults.cut_closes = closes;
    faults.cut_repeats = repeats;
    faults.max_send = chunk;
    faults.max_recv = chunk;
    check_context("cut after %ld sent, %ld received, session %s, %s, %d repeats, chunks of %lu",
                  sent == SIM_NEVER ? -1 : (long)sent,
                  received == SIM_NEVER ? -1 : (long)received, forget ? "forgotten" : "kept",
                  closes ? "close" : "reset", repeats, (unsigned long)chunk);
    scenario(faults, forget);
    CHECK_EQ(device.link.cuts, repeats + 1);
    everything_arrived(forget);
}

static void cut_everywhere(int forget, int closes, size_t chunk)
{
    const totals_t totals = undisturbed(forget);
    for (size_t at = 0; at < totals.sent; at++) {
        cut(at, SIM_NEVER, forget, closes, 0, chunk);
    }
    for (size_t at = 0; at < totals.received; at++) {
        cut(SIM_NEVER, at, forget, closes, 0, chunk);
    }
}

static void cut_with_session_kept(void)
{
    cut_everywhere(0, 0, 0);
    cut_everywhere(0, 1, 0);
}

static void cut_with_session_forgotten(void)
{
    cut_everywhere(1, 0, 0);
    cut_everywhere(1, 1, 0);
}

static void cut_byte_by_byte(void)
{
    cut_everywhere(0, 0, 1);
    cut_everywhere(1, 1, 1);
}

/* Breaks at a byte of the handshake, four times in a row. */
static void cut_again_and_again(void)
{
    for (int forget = 0; forget < 2; forget++) {
        for (size_t at = 0; at < 120; at++) {
            cut(at, SIM_NEVER, forget, 0, 3, 0);
        }
        for (size_t at = 0; at < 9; at++) {
            cut(SIM_NEVER, at, forget, 0, 3, 0);
        }
    }
}

int main(int argc, char **argv)
{
    RUN(cut_with_session_kept);
    RUN(cut_with_session_forgotten);
    RUN(cut_byte_by_byte);
    RUN(cut_again_and_again);
    return check_report("test_cut");
}
