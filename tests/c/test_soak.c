/*
 * Long lives, in simulated time: a thousand reconnections with and without the session, days of
 * sleeping, clocks that jump, and twenty devices in one program.
 */
#include <stdlib.h>

#include "check.h"
#include "sim.h"

#define SECOND 1000u
#define MINUTE (60u * SECOND)
#define HOUR (60u * MINUTE)
#define DAY (24u * HOUR)

static sim_device_t device;

/* Counts the ends of operations. */
typedef struct {
    unsigned long accepted;
    unsigned long ended;
    unsigned long failed;
    unsigned long messages;
} tally_t;

static void on_done(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    tally_t *tally = user;
    (void)thing;
    tally->ended++;
    tally->failed += result->error != IOT_THING_OK;
}

static void on_message(void *user, iot_thing_t *thing, const iot_thing_mqtt_message_t *message)
{
    tally_t *tally = user;
    (void)thing;
    (void)message;
    tally->messages++;
}

static void publish(sim_device_t *d, tally_t *tally)
{
    if (iot_thing_publish(d->thing, "soak/out", (const uint8_t *)"x", 1, 1, on_done, tally) ==
        IOT_THING_OK) {
        tally->accepted++;
    }
}

static iot_thing_statistics_t statistics(const sim_device_t *d)
{
    iot_thing_statistics_t values = IOT_THING_STATISTICS_INIT;
    CHECK_EQ(iot_thing_get_statistics(d->thing, &values), IOT_THING_OK);
    return values;
}

#define CYCLES 1000

/*
 * The link breaks at a random moment, the broker keeps or forgets the session, and messages go both
 * ways all the time. Nothing is lost, nothing piles up, and the last hundred cycles cost what the
 * first hundred did.
 */
static void thousand_reconnections(void)
{
    tally_t tally = {0, 0, 0, 0};
    unsigned long polls_early = 0;
    unsigned long polls_late = 0;
    unsigned long sent_in = 0;
    int forgotten = 0;
    sim_start(0xFFFF0000u); /* the clock wraps on the way */
    sim_device_init(&device, "soak");
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_on_shadow_request(device.thing, sim_on_request, &device), IOT_THING_OK);
    CHECK_EQ(iot_thing_mqtt_subscribe(device.thing, "soak/in", 1, 0, on_message, on_done, &tally),
             IOT_THING_OK);
    tally.accepted = 1;
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
    int subscribes = device.broker.subscribes;
    srand(7);
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        unsigned long polls = device.polls;
        int forget = cycle % 2;
        publish(&device, &tally);
        if (cycle % 10 == 0) {
            CHECK_EQ(iot_thing_update_shadow(device.thing, "{\"n\":1}", on_done, &tally),
                     IOT_THING_OK);
            tally.accepted++;
        }
        sim_run(&device, (uint64_t)(rand() % 40));
        device.broker.forget_session = forget;
        forgotten += forget;
        if (!forget) {
            broker_publish(&device.broker, "soak/in", "x"); /* on its way when the link breaks */
            sent_in++;
        }
        device.link.faults.cut_closes = cycle % 3 == 0;
        sim_link_cut(&device.link);
        publish(&device, &tally);
        device.broker.message_count = 0; /* its record is short */
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_WAITING, SECOND));
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
        sim_run(&device, 200);
        device.broker.forget_session = 0;
        polls = device.polls - polls;
        polls_early += cycle < 100 ? polls : 0;
        polls_late += cycle >= CYCLES - 100 ? polls : 0;
    }
    sim_run(&device, HOUR);
    iot_thing_statistics_t s = statistics(&device);
    CHECK_EQ(s.connects, CYCLES + 1);
    CHECK_EQ(s.resumed, CYCLES - forgotten);
    CHECK_EQ(s.disconnects, CYCLES);
    CHECK_EQ(device.link.opens, CYCLES + 1);
    /* One SUBSCRIBE for each session that was lost, none for the others, but for the two updates'
     * filters, which come later the first time. */
    CHECK_EQ(device.broker.subscribes, subscribes + 1 + forgotten);
    CHECK(tally.accepted > 2 * CYCLES);
    CHECK_EQ(tally.ended, tally.accepted);
    CHECK_EQ(tally.failed, 0);
    CHECK(tally.messages >= sent_in);
    CHECK_EQ(s.outbox_messages, 0);
    CHECK_EQ(s.outbox_bytes, 0);
    CHECK_EQ(s.subscriptions, 6);
    CHECK(polls_late < polls_early + polls_early / 10);
    printf("%d reconnections (%d with the session lost): %lu operations, all ended once; "
           "%lu messages in; polls of the first and the last 100: %lu, %lu\n",
           CYCLES, forgotten, tally.ended, tally.messages, polls_early, polls_late);
    CHECK(sim_device_end(&device));
}

/* A day with nothing to do, at the longest keep alive: the pings that MQTT asks for and no more. */
static void a_day_of_sleep(void)
{
    for (int round = 0; round < 2; round++) {
        /* The second time the 32-bit clock wraps at noon. */
        sim_start(round ? 0u - DAY / 2 : 0);
        sim_device_init(&device, "sleeper");
        device.config.keep_alive_s = 1200;
        CHECK(sim_device_online(&device));
        sim_run(&device, 100);
        unsigned long polls = device.polls;
        unsigned long sends = device.link.sends;
        int pings = device.broker.pings;
        sim_run(&device, DAY);
        pings = device.broker.pings - pings;
        polls = device.polls - polls;
        CHECK_EQ(pings, DAY / (1200u * SECOND));
        CHECK_EQ(device.link.sends - sends, pings);
        CHECK(polls <= (unsigned long)pings * 3 + 3);
        CHECK_EQ(device.broker.connects, 1);
        printf("a day at keep alive 1200 s: %d pings, %lu polls\n", pings, polls);
        CHECK(sim_device_end(&device));
    }
}

/* Hours of deep sleep in which nobody polls: a ping at once, or a new connection, never a hang. */
static void hours_of_deep_sleep(void)
{
    static const uint64_t sleeps[] = {20 * MINUTE, 3 * HOUR, 9 * DAY, 40 * (uint64_t)DAY};
    for (size_t i = 0; i < sizeof sleeps / sizeof sleeps[0]; i++) {
        for (int gone = 0; gone < 2; gone++) {
            tally_t tally = {0, 0, 0, 0};
            check_context("sleep %lu, broker %s", (unsigned long)i, gone ? "gone" : "patient");
            sim_start(0);
            sim_device_init(&device, "sleeper");
            device.config.keep_alive_s = 1200;
            CHECK(sim_device_online(&device));
            sim_run(&device, 100);
            publish(&device, &tally);
            if (gone) {
                sim_link_cut(&device.link);
            }
            sim_board.now_ms += sleeps[i] / 2; /* the clock ran on, */
            for (uint64_t left = sleeps[i] / 2; left > 0;) { /* or was told that it stood still */
                uint32_t skip = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
                CHECK_EQ(iot_thing_clock_skip(skip), IOT_THING_OK);
                left -= skip;
            }
            sim_run(&device, MINUTE);
            CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
            CHECK_EQ(device.broker.connects, 1 + gone);
            CHECK_EQ(tally.ended, 1);
            CHECK_EQ(tally.failed, 0);
            CHECK(sim_device_end(&device));
        }
    }
}

/* What arrived while the device slept counts, although its deadline has passed meanwhile. */
static void answers_that_wait_are_in_time(void)
{
    tally_t tally = {0, 0, 0, 0};
    sim_start(0);
    sim_device_init(&device, "sleeper");
    device.config.keep_alive_s = 1200;
    CHECK(sim_device_online(&device));
    sim_run(&device, 100);
    device.broker.hold_pubacks = 1;
    for (int i = 0; i < 5; i++) {
        publish(&device, &tally);
    }
    sim_run(&device, 100);
    broker_release_pubacks(&device.broker, 0);
    sim_board.now_ms += 10 * MINUTE;
    sim_run(&device, 100);
    CHECK_EQ(tally.ended, 5);
    CHECK_EQ(tally.failed, 0);
    device.broker.hold_pubacks = 0;
    device.broker.hold_answers = 1;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(iot_thing_update_shadow(device.thing, "{\"n\":1}", on_done, &tally),
                 IOT_THING_OK);
    }
    sim_run(&device, 100);
    broker_release_answers(&device.broker, 1);
    sim_board.now_ms += 10 * MINUTE;
    sim_run(&device, 100);
    CHECK_EQ(tally.ended, 8);
    CHECK_EQ(tally.failed, 0);
    CHECK_EQ(device.broker.connects, 1);
    CHECK(sim_device_end(&device));
}

#define MANY 20
static sim_device_t *many[MANY];

/* Twenty devices in one program: each has its own connection, messages and fate. */
static void twenty_things(void)
{
    static tally_t tallies[MANY];
    char name[16];
    memset(tallies, 0, sizeof tallies);
    sim_start(0);
    for (int i = 0; i < MANY; i++) {
        many[i] = calloc(1, sizeof *many[i]);
        if (!CHECK(many[i] != NULL)) {
            return;
        }
        snprintf(name, sizeof name, "thing-%d", i);
        sim_device_init(many[i], name);
        /* The name is kept by reference. */
        many[i]->config.mqtt_id = many[i]->broker.thing;
        CHECK_EQ(sim_device_make(many[i]), IOT_THING_OK);
        CHECK_EQ(iot_thing_mqtt_subscribe(many[i]->thing, "soak/in", 1, 0, on_message, NULL,
                                          &tallies[i]),
                 IOT_THING_OK);
        CHECK_EQ(iot_thing_connect(many[i]->thing), IOT_THING_OK);
    }
    sim_run_all(many, MANY, SECOND);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < MANY; i++) {
            publish(many[i], &tallies[i]);
            broker_publish(&many[i]->broker, "soak/in", "x");
        }
        sim_link_cut(&many[round]->link);
        sim_run_all(many, MANY, 5 * SECOND);
    }
    for (int i = 0; i < MANY; i++) {
        check_context("thing %d", i);
        CHECK_EQ(iot_thing_get_state(many[i]->thing), IOT_THING_STATE_ONLINE);
        CHECK_EQ(many[i]->broker.connects, 2);
        CHECK_EQ(tallies[i].accepted, 20);
        CHECK_EQ(tallies[i].ended, 20);
        CHECK_EQ(tallies[i].failed, 0);
        CHECK(tallies[i].messages >= 20);
        CHECK(sim_device_end(many[i]));
        free(many[i]);
    }
}

int main(int argc, char **argv)
{
    RUN(thousand_reconnections);
    RUN(a_day_of_sleep);
    RUN(hours_of_deep_sleep);
    RUN(answers_that_wait_are_in_time);
    RUN(twenty_things);
    return check_report("test_soak");
}
