/* Several Things in one program: side by side, each with its own broker, memory and fate. */
#include "check.h"
#include "sim.h"

#define THINGS 5

static sim_device_t devices[THINGS];
static sim_op_t ops[THINGS];

static void make_all(void)
{
    char name[16];
    sim_start(5000);
    memset(ops, 0, sizeof ops);
    for (int i = 0; i < THINGS; i++) {
        snprintf(name, sizeof name, "thing-%d", i);
        sim_device_init(&devices[i], name);
        devices[i].config.mqtt_id = devices[i].broker.thing;
        CHECK_EQ(sim_device_make(&devices[i]), IOT_THING_OK);
        CHECK_EQ(iot_thing_on_shadow_request(devices[i].thing, sim_on_request, &devices[i]),
                 IOT_THING_OK);
    }
}

static void run_all(uint64_t ms)
{
    sim_device_t *all[THINGS];
    for (int i = 0; i < THINGS; i++) {
        all[i] = &devices[i];
    }
    sim_run_all(all, THINGS, ms);
}

static void end_all(void)
{
    for (int i = 0; i < THINGS; i++) {
        CHECK(sim_device_end(&devices[i]));
    }
}

static void each_reports_to_its_own_cloud(void)
{
    char text[32];
    make_all();
    for (int i = 0; i < THINGS; i++) {
        snprintf(text, sizeof text, "{\"p\":%d}", i);
        CHECK_EQ(iot_thing_update_shadow(devices[i].thing, text, sim_done, &ops[i]),
                 IOT_THING_OK);
        iot_thing_connect(devices[i].thing);
    }
    run_all(1000);
    for (int i = 0; i < THINGS; i++) {
        check_context("thing %d", i);
        snprintf(text, sizeof text, "{\"p\":%d}", i);
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_OK);
        CHECK(strcmp(devices[i].broker.reported, text) == 0);
        CHECK_EQ(devices[i].broker.updates, 1);
    }
    check_context("%s", "");
    for (int i = 0; i < THINGS; i++) {
        snprintf(text, sizeof text, "{\"p\":%d}", 100 + i);
        broker_request(&devices[i].broker, text);
    }
    run_all(1000);
    for (int i = 0; i < THINGS; i++) {
        check_context("thing %d", i);
        snprintf(text, sizeof text, "{\"p\":%d}", 100 + i);
        CHECK_EQ(devices[i].requests, 1);
        CHECK(strcmp(devices[i].broker.reported, text) == 0);
    }
    check_context("%s", "");
    end_all();
}

/* One has every trouble there is; the others must not notice. */
static void one_in_trouble_does_not_disturb_the_others(void)
{
    make_all();
    devices[2].link.faults.max_send = 1;
    devices[2].link.faults.max_recv = 1;
    devices[2].link.faults.block_every_other = 1;
    for (int i = 0; i < THINGS; i++) {
        iot_thing_connect(devices[i].thing);
    }
    run_all(1000);
    for (int round = 0; round < 50; round++) {
        sim_link_cut(&devices[2].link);
        devices[2].link.faults.connect_error = round % 3 == 0 ? SIM_ECONNREFUSED : 0;
        run_all(500);
        for (int i = 0; i < THINGS; i++) {
            memset(&ops[i], 0, sizeof ops[i]);
            if (i != 2) {
                CHECK_EQ(iot_thing_update_shadow(devices[i].thing, "{\"p\":1}", sim_done,
                                                 &ops[i]), IOT_THING_OK);
            }
        }
        run_all(10);
        for (int i = 0; i < THINGS; i++) {
            if (i != 2) {
                CHECK_EQ(ops[i].calls, 1);
                CHECK_EQ(ops[i].error, IOT_THING_OK);
            }
        }
    }
    for (int i = 0; i < THINGS; i++) {
        if (i != 2) {
            CHECK_EQ(devices[i].broker.connects, 1);
        }
    }
    CHECK(devices[2].broker.connects > 10);
    devices[2].link.faults.connect_error = 0;
    run_all(5000);
    CHECK_EQ(iot_thing_get_state(devices[2].thing), IOT_THING_STATE_ONLINE);
    end_all();
}

/* Deinit of one while the others go on; its memory is used again at once. */
static void one_ends_and_comes_back(void)
{
    make_all();
    for (int i = 0; i < THINGS; i++) {
        iot_thing_connect(devices[i].thing);
    }
    run_all(1000);
    for (int round = 0; round < 10; round++) {
        sim_device_t *again = &devices[round % THINGS];
        CHECK(sim_device_end(again));
        CHECK_EQ(sim_device_make(again), IOT_THING_OK);
        CHECK_EQ(iot_thing_on_shadow_request(again->thing, sim_on_request, again), IOT_THING_OK);
        CHECK_EQ(iot_thing_connect(again->thing), IOT_THING_OK);
        run_all(1000);
        for (int i = 0; i < THINGS; i++) {
            CHECK_EQ(iot_thing_get_state(devices[i].thing), IOT_THING_STATE_ONLINE);
        }
    }
    end_all();
}

static sim_device_t *other;

/* A callback of one Thing may use another. */
static void use_the_other(sim_device_t *device, int what)
{
    if (what == SIM_IN_REQUEST && device != other) {
        CHECK_EQ(iot_thing_publish(other->thing, "from/neighbour", NULL, 0, 1, sim_done, &ops[1]),
                 IOT_THING_OK);
    }
}

static void callbacks_may_use_another_thing(void)
{
    make_all();
    other = &devices[1];
    devices[0].in_callback = use_the_other;
    for (int i = 0; i < THINGS; i++) {
        iot_thing_connect(devices[i].thing);
    }
    run_all(1000);
    broker_request(&devices[0].broker, "{\"p\":1}");
    run_all(1000);
    CHECK_EQ(broker_count(&devices[1].broker, "from/neighbour"), 1);
    CHECK_EQ(broker_count(&devices[0].broker, "from/neighbour"), 0);
    CHECK_EQ(ops[1].calls, 1);
    CHECK_EQ(ops[1].error, IOT_THING_OK);
    end_all();
}

/* Same seed, same delays would make a fleet come back in step: client tokens must differ, too. */
static void things_do_not_share_tokens(void)
{
    make_all();
    for (int i = 0; i < THINGS; i++) {
        iot_thing_connect(devices[i].thing);
        CHECK_EQ(iot_thing_update_shadow(devices[i].thing, "{}", sim_done, &ops[i]),
                 IOT_THING_OK);
    }
    run_all(1000);
    for (int i = 0; i < THINGS; i++) {
        for (int j = 0; j < i; j++) {
            const broker_message_t *a = &devices[i].broker.messages[0];
            const broker_message_t *b = &devices[j].broker.messages[0];
            const char *token_a = strstr(a->payload, "clientToken");
            const char *token_b = strstr(b->payload, "clientToken");
            CHECK(token_a != NULL && token_b != NULL && strcmp(token_a, token_b) != 0);
        }
    }
    end_all();
}

int main(int argc, char **argv)
{
    RUN(each_reports_to_its_own_cloud);
    RUN(one_in_trouble_does_not_disturb_the_others);
    RUN(one_ends_and_comes_back);
    RUN(callbacks_may_use_another_thing);
    RUN(things_do_not_share_tokens);
    return check_report("test_two_things");
}
