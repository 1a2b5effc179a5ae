/*
 * Shadows whose filters the broker refuses, as AWS IoT does where the policy does not allow them: the
 * connection stays, whoever asked is told once, everything else goes on.
 */
#include <stdlib.h>

#include "check.h"
#include "cloud.h"
#include "sim.h"

#define MINUTE (60 * UINT64_C(1000))
#define HOUR (60 * MINUTE)

static sim_device_t device;
static cloud_t cloud;
static iot_thing_shadow_t lamp, door;

/* ---- the policy -------------------------------------------------------------------------------- */

static const char *refused[4]; /* filters with one of these in them */
static int refusal;            /* and this is what they are told */
static int judged;             /* filters that were refused */
static const char *deadly;     /* a filter with this in it ends the connection */

static int judge(const char *filter)
{
    device.broker.close_on_subscribe |= deadly != NULL && strstr(filter, deadly) != NULL;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (refused[i] != NULL && strstr(filter, refused[i]) != NULL) {
            judged++;
            return refusal;
        }
    }
    return 1;
}

static void refuse(const char *one, const char *other)
{
    memset(refused, 0, sizeof refused);
    refused[0] = one;
    refused[1] = other;
    refusal = 0x87;
    judged = 0;
}

/* ---- the device -------------------------------------------------------------------------------- */

static int deltas, documents;

static int32_t on_delta(void *user, iot_thing_shadow_t *from, const iot_thing_shadow_delta_t *delta,
                        iot_thing_json_writer_t *reported)
{
    (void)user;
    (void)from;
    (void)delta;
    (void)reported;
    deltas++;
    return IOT_THING_OK;
}

static void on_documents(void *user, iot_thing_shadow_t *from, const iot_thing_json_t *texts)
{
    (void)user;
    (void)from;
    (void)texts;
    documents++;
}

static void make(uint32_t flags)
{
    sim_start(1000);
    sim_device_init(&device, "thing");
    cloud_init(&cloud, &device.broker, 1);
    device.broker.judge = judge;
    memset(&lamp, 0, sizeof lamp);
    memset(&door, 0, sizeof door);
    deltas = documents = 0;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &lamp, "lamp", flags), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &door, "door", flags), IOT_THING_OK);
}

static void go_online(void)
{
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
}

static void end(void)
{
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_CONNECT_FAILED), 0);
    CHECK(sim_device_end(&device));
}

static void cut(int forget)
{
    device.broker.forget_session = forget;
    sim_link_cut(&device.link);
    sim_run(&device, 3000);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
    device.broker.forget_session = 0;
}

static int32_t update(iot_thing_shadow_t *shadow, sim_op_t *op)
{
    memset(op, 0, sizeof *op);
    return iot_thing_shadow_update(shadow, "{\"p\":1}", 7, NULL, sim_done, op, NULL);
}

/* The request of this number: update, get, delete. */
static int32_t ask(iot_thing_shadow_t *shadow, int which, const iot_thing_shadow_options_t *options,
                   sim_op_t *op)
{
    memset(op, 0, sizeof *op);
    switch (which) {
    case 0: return iot_thing_shadow_update(shadow, "{\"p\":1}", 7, options, sim_done, op, NULL);
    case 1: return iot_thing_shadow_get(shadow, options, sim_done, op, NULL);
    default: return iot_thing_shadow_delete(shadow, options, sim_done, op, NULL);
    }
}

/* How often it was told that this filter of the shadow was refused. */
static int told(const iot_thing_shadow_t *shadow, const char *filter)
{
    int count = 0;
    for (int i = 0; i < device.event_count; i++) {
        const iot_thing_event_t *event = &device.events[i];
        if (event->type == IOT_THING_EVENT_SHADOW_REFUSED && event->user == shadow &&
            event->topic.len == strlen(filter) &&
            memcmp(event->topic.data, filter, event->topic.len) == 0) {
            CHECK_EQ(event->error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
            CHECK_EQ(event->code, refusal);
            count++;
        }
    }
    return count;
}

static int lost_connections(void)
{
    return sim_count(&device, IOT_THING_EVENT_DISCONNECTED);
}

/* ---- listening ----------------------------------------------------------------------------------- */

static void one_refused_shadow_does_not_touch_the_others(void)
{
    sim_op_t op;
    refuse("name/lamp/", NULL);
    make(0);
    CHECK_EQ(iot_thing_on_shadow_request(device.thing, sim_on_request, &device), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_on_delta(&lamp, on_delta, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_on_documents(&lamp, on_documents, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_on_delta(&door, on_delta, NULL), IOT_THING_OK);
    go_online();
    sim_run(&device, 2000);
    CHECK_EQ(told(&lamp, "update/delta"), 1);
    CHECK_EQ(told(&lamp, "get/+"), 1);
    CHECK_EQ(told(&lamp, "update/documents"), 1);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_SHADOW_REFUSED), 3);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_CONNECTED), 1);

    cloud_update(&cloud, "", "{\"state\":{\"desired\":{\"p\":1}}}");
    cloud_update(&cloud, "door", "{\"state\":{\"desired\":{\"p\":1}}}");
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":1}}}");
    CHECK_EQ(update(&door, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, MINUTE));
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(device.requests, 1);
    CHECK_EQ(deltas, 1);

    /* A request that needs a filter asks again, and is told in its own way. */
    CHECK_EQ(ask(&lamp, 1, NULL, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, MINUTE));
    CHECK_EQ(op.error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
    CHECK_EQ(told(&lamp, "get/+"), 1);

    /* By itself it asks for nothing again, and rests. */
    int subscribes = device.broker.subscribes;
    unsigned long polls = device.polls;
    sim_run(&device, HOUR);
    CHECK_EQ(device.broker.subscribes, subscribes);
    CHECK(device.polls - polls < 200);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_SHADOW_REFUSED), 3);
    CHECK_EQ(lost_connections(), 0);
    CHECK_EQ(device.broker.connects, 1);
    end();
}

static void the_things_own_shadow_may_be_refused_too(void)
{
    sim_op_t op;
    memset(&op, 0, sizeof op);
    refuse("things/thing/shadow/", NULL);
    make(0);
    CHECK_EQ(iot_thing_on_shadow_request(device.thing, sim_on_request, &device), IOT_THING_OK);
    CHECK_EQ(iot_thing_update_shadow(device.thing, "{\"p\":1}", sim_done, &op), IOT_THING_OK);
    go_online();
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
    CHECK_EQ(op.code, 0x87);
    CHECK_EQ(told(NULL, "update/delta"), 1);
    CHECK_EQ(told(NULL, "get/+"), 1);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_SHADOW_REFUSED), 2);
    CHECK_EQ(lost_connections(), 0);
    end();
}

/* Without a part of what listening needs the rest of it works, and deletions need not be heard. */
static void what_is_allowed_of_listening_works(void)
{
    static const char *const filters[] = {"update/delta", "get/+", "update/documents", "delete/+"};
    for (int i = 0; i < 4; i++) {
        check_context("%s", filters[i]);
        refuse(filters[i], NULL);
        make(0);
        CHECK_EQ(iot_thing_shadow_on_delta(&lamp, on_delta, NULL), IOT_THING_OK);
        CHECK_EQ(iot_thing_shadow_on_documents(&lamp, on_documents, NULL), IOT_THING_OK);
        cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":1}}}");
        go_online();
        sim_run(&device, 2000);
        CHECK_EQ(judged, 1);
        CHECK_EQ(sim_count(&device, IOT_THING_EVENT_SHADOW_REFUSED), i < 3);
        CHECK_EQ(told(&lamp, filters[i]), i < 3);
        CHECK_EQ(deltas, i != 1); /* found by reading */
        cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":2}}}");
        sim_run(&device, 2000);
        CHECK_EQ(deltas, (i != 1) + (i != 0)); /* live */
        CHECK_EQ(documents, i != 2);

        /* The next connection asks again and tells again; when it is allowed all is well. */
        cut(0);
        CHECK_EQ(told(&lamp, filters[i]), i < 3 ? 2 : 0);
        refuse(NULL, NULL);
        cut(0);
        sim_run(&device, 2000);
        CHECK_EQ(told(&lamp, filters[i]), i < 3 ? 2 : 0);
        CHECK_EQ(deltas, i == 1 ? 1 : 2); /* also what no live one told */
        CHECK_EQ(lost_connections(), 2);
        end();
    }
    check_context("%s", "");
}

static void whoever_begins_to_listen_asks_again(void)
{
    refuse("update/d", NULL); /* delta and documents */
    make(0);
    go_online();
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(iot_thing_shadow_on_delta(&lamp, on_delta, NULL), IOT_THING_OK);
        CHECK_EQ(iot_thing_shadow_on_documents(&lamp, on_documents, NULL), IOT_THING_OK);
        sim_run(&device, 5000);
        CHECK_EQ(told(&lamp, "update/delta"), i);
        CHECK_EQ(told(&lamp, "update/documents"), i);
        CHECK_EQ(judged, 2 * i);
        CHECK_EQ(iot_thing_shadow_on_delta(&lamp, NULL, NULL), IOT_THING_OK);
        CHECK_EQ(iot_thing_shadow_on_documents(&lamp, NULL, NULL), IOT_THING_OK);
        sim_run(&device, 5000);
    }
    end();
}

/* ---- requests ------------------------------------------------------------------------------------- */

static void requests_end_with_the_reason(void)
{
    static const struct {
        const char *filter;
        int which; /* the request that needs it */
        int code;
        int32_t retry;
    } cases[] = {
        {"update/accepted", 0, 0x87, IOT_THING_RETRY_NO},
        {"update/rejected", 0, 0x80, IOT_THING_RETRY_NO},
        {"update/", 0, 0x97, IOT_THING_RETRY_LATER},
        {"get/+", 1, 0x87, IOT_THING_RETRY_NO},
        {"delete/+", 2, 0x8F, IOT_THING_RETRY_NO},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        size_t at = i / 2;
        sim_op_t op;
        check_context("%s, per request %d", cases[at].filter, (int)(i % 2));
        refuse(cases[at].filter, NULL);
        refusal = cases[at].code;
        make(i % 2 ? IOT_THING_SHADOW_PER_REQUEST : 0);
        go_online();
        cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":1}}}");
        for (int n = 1; n <= 3; n++) {
            int subscribes = device.broker.subscribes;
            CHECK_EQ(ask(&lamp, cases[at].which, NULL, &op), IOT_THING_OK);
            CHECK(sim_run_until_done(&device, &op, 1000));
            CHECK_EQ(op.error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
            CHECK_EQ(op.code, cases[at].code);
            CHECK_EQ(op.retry, cases[at].retry);
            /* Each request asks the broker again, once. */
            CHECK_EQ(device.broker.subscribes, subscribes + 1);
            for (int other = 0; other < 3; other++) {
                if (other != cases[at].which) {
                    sim_op_t fine;
                    CHECK_EQ(ask(&lamp, other, NULL, &fine), IOT_THING_OK);
                    CHECK(sim_run_until_done(&device, &fine, 1000));
                    CHECK(fine.error == IOT_THING_OK || fine.code == 404);
                    CHECK_EQ(fine.calls, 1);
                }
            }
            subscribes = device.broker.subscribes;
            sim_run(&device, HOUR);
            CHECK_EQ(device.broker.subscribes, subscribes);
            CHECK_EQ(op.calls, 1);
        }
        /* The policy is mended. */
        refuse(NULL, NULL);
        CHECK_EQ(ask(&lamp, cases[at].which, NULL, &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK(op.error == IOT_THING_OK || op.code == 404);
        CHECK_EQ(lost_connections(), 0);
        CHECK_EQ(sim_count(&device, IOT_THING_EVENT_SHADOW_REFUSED), 0);
        end();
    }
    check_context("%s", "");
}

static int32_t write_nothing(void *user, const iot_thing_json_t *document,
                             iot_thing_json_writer_t *state)
{
    (void)user;
    (void)document;
    (void)state;
    return IOT_THING_OK;
}

/* A change that reads first: the reading may be allowed and the update not, or the reverse. */
static void changes_that_read_first_end_once(void)
{
    static const char *const filters[] = {"get/+", "update/accepted"};
    for (int i = 0; i < 2; i++) {
        sim_op_t op;
        memset(&op, 0, sizeof op);
        refuse(filters[i], NULL);
        make(0);
        go_online();
        CHECK_EQ(iot_thing_shadow_modify(&lamp, write_nothing, NULL, sim_done, &op), IOT_THING_OK);
        sim_run(&device, 10000);
        CHECK_EQ(op.calls, 1);
        CHECK_EQ(op.error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
        CHECK_EQ(op.code, 0x87);
        end();
    }
}

/* What was queued behind them is sent, and the same callback may ask again at once. */
static sim_op_t again;
static int agains;

static void ask_again(sim_device_t *from, int what)
{
    (void)from;
    if (what == SIM_IN_DONE && agains > 0) {
        agains--;
        int calls = again.calls;
        CHECK_EQ(iot_thing_shadow_update(&lamp, "{}", 2, NULL, sim_done, &again, NULL),
                 IOT_THING_OK);
        again.calls = calls;
    }
}

static void many_end_one_by_one(void)
{
    enum { MANY = 12, AGAIN = 7 };
    static sim_op_t ops[MANY];
    sim_op_t behind, published;
    refuse("name/lamp/", NULL);
    make(0);
    memset(ops, 0, sizeof ops);
    memset(&again, 0, sizeof again);
    memset(&published, 0, sizeof published);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(ask(&lamp, i % 3, NULL, &ops[i]), IOT_THING_OK);
    }
    CHECK_EQ(update(&door, &behind), IOT_THING_OK);
    CHECK_EQ(iot_thing_publish(device.thing, "a", (const uint8_t *)"b", 1, 1, sim_done, &published),
             IOT_THING_OK);
    agains = AGAIN;
    device.in_callback = ask_again;
    go_online();
    sim_run(&device, 5000);
    for (int i = 0; i < MANY; i++) {
        check_context("%d", i);
        CHECK_EQ(ops[i].calls, 1);
        CHECK_EQ(ops[i].error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
    }
    check_context("%s", "");
    CHECK_EQ(again.calls, AGAIN);
    CHECK_EQ(again.error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
    CHECK(behind.calls == 1 && behind.error == IOT_THING_OK);
    CHECK(published.calls == 1 && published.error == IOT_THING_OK);
    CHECK(device.broker.subscribes <= 1 + AGAIN);
    CHECK_EQ(lost_connections(), 0);
    end();
}

/* Events are pulled: more requests end at once than events fit, and none is lost. */
static void all_are_told_by_events(void)
{
    enum { MANY = 30 };
    static int marks[MANY];
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    int refusals = 0;
    refuse("name/lamp/", NULL);
    sim_start(1000);
    sim_device_init(&device, "thing");
    device.config.pull_events = IOT_THING_PULL_ALL;
    device.config.queue_len = 40;
    cloud_init(&cloud, &device.broker, 1);
    device.broker.judge = judge;
    memset(&lamp, 0, sizeof lamp);
    memset(marks, 0, sizeof marks);
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &lamp, "lamp", 0), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_on_delta(&lamp, on_delta, NULL), IOT_THING_OK);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(iot_thing_shadow_update(&lamp, "{}", 2, NULL, NULL, &marks[i], NULL),
                 IOT_THING_OK);
    }
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    for (int round = 0; round < 2000; round++) {
        sim_poll(&device);
        sim_board.now_ms += 5;
        while (iot_thing_next_event(device.thing, &event) == IOT_THING_OK &&
               event.type != IOT_THING_EVENT_NONE) {
            if (event.type == IOT_THING_EVENT_DONE) {
                CHECK_EQ(event.error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
                CHECK_EQ(event.code, 0x87);
                ++*(int *)event.user;
            }
            if (event.type == IOT_THING_EVENT_SHADOW_REFUSED) {
                CHECK(event.user == &lamp && event.topic.len > 0);
                refusals++;
            }
        }
    }
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(marks[i], 1);
    }
    CHECK_EQ(refusals, 2);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
    CHECK(sim_device_end(&device));
}

/* ---- every order ------------------------------------------------------------------------------------ */

enum { NOTHING, CUT, DISCONNECT, TIMEOUT, CLOSE, DEINIT, WHATS };

static void on_ended(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    sim_op_t *op = user;
    (void)thing;
    op->calls++;
    op->error = result->error;
}

static void send_suback(int filters)
{
    uint8_t packet[16] = {0x90, (uint8_t)(3 + filters)};
    packet[2] = (uint8_t)(device.broker.last_subscribe_id >> 8);
    packet[3] = (uint8_t)device.broker.last_subscribe_id;
    for (int i = 0; i < filters; i++) {
        packet[5 + i] = 0x87;
    }
    broker_raw(&device.broker, packet, (size_t)(5 + filters));
}

/*
 * Two handles for the same shadow have requests open. Something else happens before the refusal
 * arrives, in the same moment, or after it; the session is kept or lost.
 */
static void every_order_ends_each_request_once(void)
{
    int runs = 0;
    for (int what = 0; what < WHATS; what++) {
        for (int when = 0; when < 3; when++) {
            for (int forget = 0; forget < 2; forget++) {
                sim_op_t ops[4];
                iot_thing_shadow_options_t options = IOT_THING_SHADOW_OPTIONS_INIT;
                check_context("what %d, when %d, forgotten %d", what, when, forget);
                refuse("name/lamp/", NULL);
                make(0);
                go_online();
                CHECK_EQ(iot_thing_shadow_close(&door), IOT_THING_OK);
                CHECK_EQ(iot_thing_shadow_open(device.thing, &door, "lamp", 0), IOT_THING_OK);
                memset(ops, 0, sizeof ops);
                options.within_ms = what == TIMEOUT ? 500 : 0;
                device.broker.no_suback = 1;
                int asked = device.broker.filters_asked;
                for (int i = 0; i < 4; i++) {
                    iot_thing_shadow_t *handle = i % 2 ? &door : &lamp;
                    CHECK_EQ(i < 2 ? iot_thing_shadow_update(handle, "{}", 2, &options, on_ended,
                                                             &ops[i], NULL)
                                   : iot_thing_shadow_get(handle, &options, on_ended, &ops[i], NULL),
                             IOT_THING_OK);
                }
                sim_run(&device, 100);
                asked = device.broker.filters_asked - asked;
                CHECK_EQ(asked, 6);
                device.broker.no_suback = 0;
                if (when == 0) {
                    send_suback(asked);
                    sim_run(&device, 100);
                } else if (when == 1) {
                    send_suback(asked);
                }
                device.broker.forget_session = forget;
                switch (what) {
                case CUT:
                    sim_link_cut(&device.link);
                    break;
                case DISCONNECT:
                    CHECK_EQ(iot_thing_disconnect(device.thing), IOT_THING_OK);
                    sim_run(&device, 500);
                    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
                    break;
                case TIMEOUT:
                    sim_board.now_ms += 600;
                    break;
                case CLOSE:
                    CHECK_EQ(iot_thing_shadow_close(&lamp), IOT_THING_OK);
                    break;
                case DEINIT:
                    CHECK_EQ(iot_thing_deinit(device.thing), IOT_THING_OK);
                    break;
                default:
                    break;
                }
                if (what != DEINIT) {
                    sim_run(&device, 100);
                    device.broker.forget_session = 0;
                    if (when == 2 && what != CUT && what != DISCONNECT) {
                        send_suback(asked);
                    }
                    sim_run(&device, MINUTE);
                }
                for (int i = 0; i < 4; i++) {
                    CHECK_EQ(ops[i].calls, 1);
                    CHECK(ops[i].error == IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED ||
                          (what == TIMEOUT && ops[i].error == IOT_THING_ERR_TIMED_OUT) ||
                          (what == CLOSE && i % 2 == 0 && ops[i].error == IOT_THING_ERR_CANCELLED) ||
                          (what == DEINIT && ops[i].error == IOT_THING_ERR_CANCELLED));
                }
                if (what == DEINIT) {
                    device.thing = NULL;
                } else {
                    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
                    CHECK(sim_device_end(&device));
                }
                runs++;
            }
        }
    }
    check_context("%s", "");
    printf("     %d runs\n", runs);
}

/* ---- by chance --------------------------------------------------------------------------------------- */

static unsigned luck;

/* Of each filter the same, as long as `luck` is. */
static int judge_by_luck(const char *filter)
{
    unsigned hash = luck;
    for (const char *at = filter; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    }
    return luck != 0 && (hash >> 16) % 3 == 0 ? 0x87 : 1;
}

static int allowed(const char *shadow, const char *filter)
{
    char text[BROKER_TOPIC_SIZE];
    snprintf(text, sizeof text, "$aws/things/thing/shadow/name/%s/%s", shadow, filter);
    return judge_by_luck(text) == 1;
}

/* Eight filters of several shadows in a packet, any of them refused, until they are allowed. */
static void any_filters_of_several_shadows(void)
{
    static const char *const names[] = {"lamp", "door"};
    int refusals = 0;
    for (unsigned run = 1; run <= 200; run++) {
        iot_thing_shadow_t *handles[] = {&lamp, &door};
        sim_op_t ops[6];
        check_context("run %u", run);
        refuse(NULL, NULL);
        make(run % 4 == 0 ? IOT_THING_SHADOW_PER_REQUEST : 0);
        device.broker.judge = judge_by_luck;
        luck = run * 2654435761u;
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(iot_thing_shadow_on_delta(handles[i], on_delta, NULL), IOT_THING_OK);
            CHECK_EQ(iot_thing_shadow_on_documents(handles[i], on_documents, NULL), IOT_THING_OK);
        }
        for (int i = 0; i < 6; i++) {
            CHECK_EQ(ask(handles[i / 3], i % 3, NULL, &ops[i]), IOT_THING_OK);
        }
        go_online();
        sim_run(&device, 5000);
        for (int i = 0; i < 2; i++) {
            int expected[] = {allowed(names[i], "update/accepted") &&
                                  allowed(names[i], "update/rejected"),
                              allowed(names[i], "get/+"), allowed(names[i], "delete/+")};
            for (int n = 0; n < 3; n++) {
                CHECK_EQ(ops[3 * i + n].calls, 1);
                CHECK_EQ(ops[3 * i + n].error != IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED, expected[n]);
                refusals += !expected[n];
            }
            refusal = 0x87;
            CHECK_EQ(told(handles[i], "update/delta"), !allowed(names[i], "update/delta"));
            CHECK_EQ(told(handles[i], "get/+"), !allowed(names[i], "get/+"));
            CHECK_EQ(told(handles[i], "update/documents"), !allowed(names[i], "update/documents"));
            CHECK_EQ(told(handles[i], "delete/+"), 0);
        }
        CHECK_EQ(device.broker.connects, 1);

        luck = 0;
        cut((int)(run % 2));
        sim_run(&device, 5000);
        deltas = 0;
        for (int i = 0; i < 2; i++) {
            cloud_update(&cloud, names[i], "{\"state\":{\"desired\":{\"q\":1}}}");
        }
        for (int i = 0; i < 6; i++) {
            CHECK_EQ(ask(handles[i / 3], i % 3, NULL, &ops[i]), IOT_THING_OK);
        }
        sim_run(&device, 5000);
        CHECK_EQ(deltas >= 2, 1);
        for (int i = 0; i < 6; i++) {
            CHECK_EQ(ops[i].calls, 1);
            CHECK(ops[i].error == IOT_THING_OK || ops[i].code == 404);
        }
        end();
    }
    check_context("%s", "");
    printf("     200 runs, %d requests refused\n", refusals);
    CHECK(refusals > 100);
}

/* ---- properties --------------------------------------------------------------------------------------- */

static uint32_t period;
static const iot_thing_property_t table[] = {
    {.name = "period", .type = IOT_THING_TYPE_U32, .value = &period},
};
static iot_thing_property_state_t states[1];
static iot_thing_properties_t properties = IOT_THING_PROPERTIES_INIT(table, states);

static int reported(const char *value)
{
    const char *member = cloud_member(&cloud_shadow(&cloud, "lamp")->reported, "period");
    return member != NULL && strcmp(member, value) == 0;
}

static void with_table(const char *filter)
{
    refuse(filter, NULL);
    make(0);
    period = 1;
    CHECK_EQ(iot_thing_shadow_properties(&lamp, &properties), IOT_THING_OK);
    go_online();
    sim_run(&device, 5000);
}

static void a_table_does_what_it_may(void)
{
    with_table("update/accepted");
    CHECK_EQ(cloud_shadow(&cloud, "lamp")->updates, 0);
    const iot_thing_event_t *event = sim_last(&device, IOT_THING_EVENT_REPLY_FAILED);
    if (CHECK(event != NULL)) {
        CHECK_EQ(event->error, IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED);
        CHECK_EQ(event->code, 0x87);
    }
    /* However often it changes, it is tried less and less often, and reported once it is allowed. */
    int before = judged;
    for (int i = 0; i < 600; i++) {
        period++;
        CHECK_EQ(iot_thing_property_changed(&lamp, 0), IOT_THING_OK);
        sim_run(&device, 1000);
    }
    CHECK(judged - before >= 3 && judged - before <= 8);
    refuse(NULL, NULL);
    sim_run(&device, 330 * 1000);
    CHECK(reported("601"));
    CHECK_EQ(lost_connections(), 0);
    end();

    /* It cannot be read: what changes is reported all the same. */
    with_table("get/+");
    CHECK_EQ(told(&lamp, "get/+"), 1);
    CHECK_EQ(cloud_shadow(&cloud, "lamp")->updates, 0);
    period = 7;
    CHECK_EQ(iot_thing_property_changed(&lamp, 0), IOT_THING_OK);
    sim_run(&device, 1000);
    CHECK(reported("7"));
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"period\":9}}}");
    sim_run(&device, 1000);
    CHECK(period == 9 && reported("9"));
    end();

    /* Nothing comes live: it is read, and reported, when the connection is new. */
    with_table("update/delta");
    CHECK(reported("1"));
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"period\":9}}}");
    sim_run(&device, 10000);
    CHECK_EQ(period, 1);
    cut(0);
    sim_run(&device, 5000);
    CHECK(period == 9 && reported("9"));
    end();
}

/* Once may be a coincidence. */
static void closed_twice(void)
{
    const int before = sim_count(&device, IOT_THING_EVENT_CONNECT_FAILED);
    for (int i = 1; i <= 2; i++) {
        for (int ms = 0; ms < 60000; ms++) {
            if (sim_count(&device, IOT_THING_EVENT_CONNECT_FAILED) == before + i) {
                break;
            }
            sim_run(&device, 1);
        }
        CHECK_EQ(sim_count(&device, IOT_THING_EVENT_CONNECT_FAILED), before + i);
        device.broker.close_on_subscribe = 0;
    }
}

/* Not documented of AWS IoT, but said of it: it closes the connection. A device must not end there. */
static void what_may_have_closed_the_connection_is_done_without(void)
{
    sim_op_t op;
    refuse(NULL, NULL);
    make(0);
    deadly = "lamp/delete/";
    CHECK_EQ(iot_thing_shadow_on_delta(&lamp, on_delta, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    closed_twice();
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, MINUTE));
    sim_run(&device, 10000);
    cut(1);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_CONNECT_FAILED), 2);
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":1}}}");
    sim_run(&device, 10000);
    CHECK_EQ(deltas, 1);

    /* A request that needs it is tried. */
    deadly = NULL;
    CHECK_EQ(ask(&lamp, 2, NULL, &op), IOT_THING_OK);
    sim_run(&device, 10000);
    CHECK(op.calls == 1 && op.error == IOT_THING_OK);
    CHECK(sim_device_end(&device));

    /* Also one that was made before the next connection. */
    make(0);
    deadly = "lamp/delete/";
    CHECK_EQ(iot_thing_shadow_on_delta(&lamp, on_delta, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    closed_twice();
    deadly = NULL;
    CHECK_EQ(ask(&lamp, 2, NULL, &op), IOT_THING_OK);
    sim_run(&device, 2 * MINUTE);
    CHECK_EQ(op.calls, 1);
    CHECK(sim_device_end(&device));
}

int main(int argc, char **argv)
{
    RUN(one_refused_shadow_does_not_touch_the_others);
    RUN(the_things_own_shadow_may_be_refused_too);
    RUN(what_is_allowed_of_listening_works);
    RUN(whoever_begins_to_listen_asks_again);
    RUN(requests_end_with_the_reason);
    RUN(changes_that_read_first_end_once);
    RUN(many_end_one_by_one);
    RUN(all_are_told_by_events);
    RUN(every_order_ends_each_request_once);
    RUN(any_filters_of_several_shadows);
    RUN(a_table_does_what_it_may);
    RUN(what_may_have_closed_the_connection_is_done_without);
    return check_report("test_shadow_refused");
}
