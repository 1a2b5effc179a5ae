/*
 * Shadows and properties in the simulated world, against a model of the service: every order of
 * answers and disconnections, every end of a request, outages, and whether device and cloud come to
 * the same state whatever happened.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "check.h"
#include "cloud.h"
#include "sim.h"

static sim_device_t device;
static cloud_t cloud;
static iot_thing_shadow_t shadow;

/* ---- one shadow and what it was told ------------------------------------------------------------ */

static struct {
    int deltas;
    int live;
    int documents;
    uint64_t version;
    char last[200];
    int report; /* the callback reports what was requested */
} told;

static void copy(char *to, size_t size, const iot_thing_json_t *json)
{
    size_t len = json->len < size ? json->len : size - 1;
    memcpy(to, json->text, len);
    to[len] = '\0';
}

static int32_t on_delta(void *user, iot_thing_shadow_t *from, const iot_thing_shadow_delta_t *delta,
                        iot_thing_json_writer_t *reported)
{
    CHECK(user == &told && (from == &shadow || from->thing == shadow.thing));
    told.deltas++;
    told.live += delta->is_live;
    told.version = delta->version;
    copy(told.last, sizeof told.last, &delta->requested);
    if (told.report) {
        iot_thing_json_iter_t at;
        iot_thing_json_t name, value;
        iot_thing_json_iter_init(&delta->requested, &at);
        while (iot_thing_json_iter_next(&at, &name, &value) == IOT_THING_OK) {
            char key[40];
            size_t len = 0;
            iot_thing_json_as_string(&name, key, sizeof key, &len);
            iot_thing_json_put_raw(reported, key, value.text, value.len);
        }
    }
    return IOT_THING_OK;
}

static void on_documents(void *user, iot_thing_shadow_t *from, const iot_thing_json_t *documents)
{
    iot_thing_json_t current;
    (void)from;
    CHECK(user == &told);
    CHECK_EQ(iot_thing_json_get(documents, "current", &current), IOT_THING_OK);
    told.documents++;
}

/* A device in a good world, with one shadow open. */
static void online(const char *name, uint32_t flags)
{
    sim_start(1000);
    sim_device_init(&device, "thing");
    cloud_init(&cloud, &device.broker, 1);
    memset(&told, 0, sizeof told);
    memset(&shadow, 0, sizeof shadow);
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &shadow, name, flags), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 60000));
}

static void end(void)
{
    CHECK(sim_device_end(&device));
    CHECK_EQ(iot_thing_shadow_close(&shadow), IOT_THING_ERR_STATE);
}

static void listen_to_all(void)
{
    CHECK_EQ(iot_thing_shadow_on_delta(&shadow, on_delta, &told), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_on_documents(&shadow, on_documents, &told), IOT_THING_OK);
    sim_run(&device, 2000);
}

static int32_t update(const char *json, const iot_thing_shadow_options_t *options, sim_op_t *op)
{
    memset(op, 0, sizeof *op);
    return iot_thing_shadow_update(&shadow, json, strlen(json), options, sim_done, op, NULL);
}

static int32_t get(const iot_thing_shadow_options_t *options, sim_op_t *op)
{
    memset(op, 0, sizeof *op);
    return iot_thing_shadow_get(&shadow, options, sim_done, op, NULL);
}

static void cut(int forget)
{
    device.broker.forget_session = forget;
    sim_link_cut(&device.link);
    sim_run(&device, 3000);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 60000));
    device.broker.forget_session = 0;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void requests_of_both_kinds_are_accepted(void)
{
    static const char *const names[] = {NULL, "lamp"};
    for (int i = 0; i < 2; i++) {
        sim_op_t op;
        char token[IOT_THING_CLIENT_TOKEN_SIZE] = "";
        iot_thing_shadow_options_t options = IOT_THING_SHADOW_OPTIONS_INIT;
        online(names[i], 0);
        CHECK_EQ(get(NULL, &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_ERR_REJECTED);
        CHECK_EQ(op.code, 404);
        CHECK_EQ(op.retry, IOT_THING_RETRY_NO);

        memset(&op, 0, sizeof op);
        CHECK_EQ(iot_thing_shadow_update(&shadow, " {\"p\":1} ", 9, NULL, sim_done, &op, token),
                 IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_OK);
        CHECK_EQ(op.version, 1);
        CHECK(strlen(token) == 16 && strcmp(token, cloud.token) == 0);

        options.section = IOT_THING_SHADOW_DESIRED;
        options.client_token = "my own token, of at most 64 characters, which AWS IoT allows ...";
        memset(&op, 0, sizeof op);
        CHECK_EQ(iot_thing_shadow_update(&shadow, "{\"p\":2}", 7, &options, sim_done, &op, token),
                 IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_OK);
        CHECK(strcmp(token, options.client_token) == 0 && strcmp(token, cloud.token) == 0);

        options.section = IOT_THING_SHADOW_BOTH;
        options.client_token = NULL;
        CHECK_EQ(update("{\"reported\":{\"q\":3},\"desired\":{\"p\":null}}", &options, &op),
                 IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.version, 3);
        cloud_shadow_t *at = cloud_shadow(&cloud, names[i] ? names[i] : "");
        CHECK(strcmp(cloud_member(&at->reported, "q"), "3") == 0);
        CHECK(cloud_member(&at->desired, "p") == NULL);

        CHECK_EQ(get(NULL, &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_OK);
        CHECK_EQ(op.version, 3);

        memset(&op, 0, sizeof op);
        CHECK_EQ(iot_thing_shadow_delete(&shadow, NULL, sim_done, &op, NULL), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_OK);
        CHECK(!at->exists);
        CHECK_EQ(op.calls, 1);
        end();
    }
}

static void rejections_carry_code_and_verdict(void)
{
    sim_op_t op;
    iot_thing_shadow_options_t options = IOT_THING_SHADOW_OPTIONS_INIT;
    online("lamp", 0);
    CHECK_EQ(update("{\"p\":1}", NULL, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    options.version = 7;
    CHECK_EQ(update("{\"p\":2}", &options, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.code, 409);
    CHECK_EQ(op.retry, IOT_THING_RETRY_REFRESH);
    options.version = 1;
    CHECK_EQ(update("{\"p\":2}", &options, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.error, IOT_THING_OK);
    cloud.faults.throttle = 100;
    CHECK_EQ(update("{\"p\":3}", NULL, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.code, 429);
    CHECK_EQ(op.retry, IOT_THING_RETRY_LATER);
    cloud.faults.throttle = 0;
    cloud.faults.fail = 100;
    CHECK_EQ(get(NULL, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(op.code, 500);
    CHECK_EQ(op.retry, IOT_THING_RETRY_LATER);
    end();
}

static void what_is_too_large_is_refused_with_the_size(void)
{
    static char text[9000];
    sim_op_t op;
    online(NULL, 0);
    memset(text, 'x', sizeof text);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + 8600, "\"}", 3);
    CHECK_EQ(update(text, NULL, &op), IOT_THING_ERR_TOO_LARGE);
    CHECK(iot_thing_last_needed(device.thing) > 8602);
    /* Within AWS IoT's limit, but not within tx_size. */
    memcpy(text + 3000, "\"}", 3);
    CHECK_EQ(update(text, NULL, &op), IOT_THING_ERR_TOO_LARGE);
    CHECK(iot_thing_last_needed(device.thing) > 3002);
    CHECK(iot_thing_last_needed(device.thing) < 3100);
    CHECK_EQ(op.calls, 0);
    end();
}

/* ---- every order --------------------------------------------------------------------------------- */

/*
 * One update makes three messages: accepted, delta, documents. They arrive in each of the six
 * orders, each of them once or twice, and the connection breaks before the first, between two, after
 * the last or not at all, with the session kept or forgotten.
 */
static void every_order_of_answers_and_disconnections(void)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    int runs = 0;
    for (int order = 0; order < 6; order++) {
        for (int at = 0; at <= 4; at++) { /* 4: it does not break */
            for (int forget = 0; forget < 2; forget++) {
                for (int twice = 0; twice < 2; twice++) {
                    char topics[3][BROKER_TOPIC_SIZE];
                    static char texts[3][BROKER_MESSAGE_SIZE];
                    sim_op_t op;
                    check_context("order %d, broken at %d, forgotten %d, twice %d", order, at, forget,
                                  twice);
                    online("lamp", 0);
                    listen_to_all();
                    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":1}}}");
                    sim_run(&device, 2000);
                    CHECK_EQ(told.deltas, 1);

                    cloud.faults.late = 100;
                    CHECK_EQ(update("{\"q\":1}", NULL, &op), IOT_THING_OK);
                    sim_run(&device, 100);
                    CHECK_EQ(cloud.late_count, 3);
                    cloud.faults.late = 0;
                    memcpy(topics, cloud.late_topic, sizeof topics);
                    memcpy(texts, cloud.late, sizeof texts);
                    cloud.late_count = 0;
                    for (int i = 0; i <= 3; i++) {
                        if (i == at) {
                            cut(forget);
                        }
                        for (int n = 0; i < 3 && n <= twice; n++) {
                            int which = orders[order][i];
                            broker_publish(&device.broker, topics[which], texts[which]);
                            sim_run(&device, 100);
                        }
                    }
                    sim_run(&device, 20000);
                    CHECK_EQ(op.calls, 1);
                    CHECK_EQ(op.error, IOT_THING_OK);
                    /* The difference of the second update, once; in a new session the update may
                     * have been made again, which is a version of its own. */
                    CHECK(told.deltas >= 2 && told.deltas <= 2 + (forget && at < 4));
                    CHECK(told.documents >= 1);
                    end();
                    runs++;
                }
            }
        }
    }
    check_context("%s", "");
    printf("     %d runs\n", runs);
}

/* ---- ends ------------------------------------------------------------------------------------------ */

static void requests_end_in_their_time(void)
{
    sim_op_t op;
    iot_thing_shadow_options_t options = IOT_THING_SHADOW_OPTIONS_INIT;
    online("lamp", 0);
    cloud.silent = 1;
    options.timeout_ms = 3000;
    CHECK_EQ(update("{\"p\":1}", &options, &op), IOT_THING_OK);
    uint64_t asked = sim_board.now_ms;
    CHECK(sim_run_until_done(&device, &op, 60000));
    CHECK_EQ(op.error, IOT_THING_ERR_TIMED_OUT);
    CHECK(op.at_ms - asked >= 3000 && op.at_ms - asked < 3200);

    /* The answer comes all the same. */
    cloud.silent = 0;
    cloud.faults.late = 100;
    CHECK_EQ(update("{\"p\":2}", &options, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 60000));
    CHECK_EQ(op.error, IOT_THING_ERR_TIMED_OUT);
    cloud.faults.late = 0;
    cloud_release(&cloud);
    sim_run(&device, 1000);
    CHECK_EQ(op.calls, 1);

    /* There is no connection: only a time of its own ends it. */
    CHECK_EQ(iot_thing_disconnect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 10000));
    CHECK_EQ(get(&options, &op), IOT_THING_OK);
    sim_run(&device, 3600000);
    CHECK_EQ(op.calls, 0);
    sim_op_t second = {0};
    options.within_ms = 5000;
    CHECK_EQ(iot_thing_shadow_get(&shadow, &options, sim_done, &second, NULL), IOT_THING_OK);
    sim_run(&device, 5100);
    CHECK_EQ(second.calls, 1);
    CHECK_EQ(second.error, IOT_THING_ERR_TIMED_OUT);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 60000));
    CHECK_EQ(op.calls, 1);
    end();
}

static void a_lost_session_repeats_what_can_be_repeated(void)
{
    sim_op_t plain, versioned, read, erase;
    iot_thing_shadow_options_t options = IOT_THING_SHADOW_OPTIONS_INIT;
    online("lamp", 0);
    cloud_update(&cloud, "lamp", "{\"state\":{\"reported\":{\"p\":1}}}");
    cloud.silent = 1;
    options.version = 1;
    CHECK_EQ(update("{\"p\":2}", &options, &versioned), IOT_THING_OK);
    CHECK_EQ(update("{\"p\":3}", NULL, &plain), IOT_THING_OK);
    CHECK_EQ(get(NULL, &read), IOT_THING_OK);
    memset(&erase, 0, sizeof erase);
    CHECK_EQ(iot_thing_shadow_delete(&shadow, NULL, sim_done, &erase, NULL), IOT_THING_OK);
    sim_run(&device, 1000);
    CHECK_EQ(plain.calls + versioned.calls + read.calls + erase.calls, 0);
    cloud.silent = 0;
    cut(1);
    sim_run(&device, 5000);
    CHECK_EQ(versioned.error, IOT_THING_ERR_DISCONNECTED);
    CHECK_EQ(versioned.retry, IOT_THING_RETRY_REFRESH);
    CHECK_EQ(erase.error, IOT_THING_ERR_DISCONNECTED);
    CHECK_EQ(plain.error, IOT_THING_OK);
    CHECK_EQ(read.error, IOT_THING_OK);
    CHECK(plain.calls == 1 && versioned.calls == 1 && read.calls == 1 && erase.calls == 1);
    end();
}

/* As sim_done, for the calls that end requests outside of poll. */
static void on_cancelled(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    sim_op_t *op = user;
    (void)thing;
    op->calls++;
    op->error = result->error;
}

static void close_and_deinit_cancel(void)
{
    sim_op_t op, other;
    static iot_thing_shadow_t second;
    online("lamp", 0);
    memset(&second, 0, sizeof second);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &second, NULL, 0), IOT_THING_OK);
    cloud.silent = 1;
    memset(&op, 0, sizeof op);
    CHECK_EQ(iot_thing_shadow_update(&shadow, "{}", 2, NULL, on_cancelled, &op, NULL), IOT_THING_OK);
    memset(&other, 0, sizeof other);
    CHECK_EQ(iot_thing_shadow_get(&second, NULL, sim_done, &other, NULL), IOT_THING_OK);
    sim_run(&device, 100);
    iot_thing_shadow_t copy_of = shadow;
    CHECK_EQ(iot_thing_shadow_close(&shadow), IOT_THING_OK);
    CHECK_EQ(op.calls, 1);
    CHECK_EQ(op.error, IOT_THING_ERR_CANCELLED);
    CHECK_EQ(other.calls, 0);
    CHECK_EQ(iot_thing_shadow_close(&shadow), IOT_THING_ERR_STATE);
    CHECK_EQ(iot_thing_shadow_get(&shadow, NULL, NULL, NULL, NULL), IOT_THING_ERR_STATE);
    CHECK_EQ(iot_thing_shadow_get(&copy_of, NULL, NULL, NULL, NULL), IOT_THING_ERR_STATE);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &shadow, "lamp", 0), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &shadow, "lamp", 0), IOT_THING_ERR_STATE);
    end();
    CHECK_EQ(other.calls, 1);
    CHECK_EQ(other.error, IOT_THING_ERR_CANCELLED);
    CHECK_EQ(iot_thing_shadow_close(&second), IOT_THING_ERR_STATE);
}

static void close_in_callback(sim_device_t *from, int what)
{
    (void)from;
    if (what == SIM_IN_DONE) {
        CHECK_EQ(iot_thing_shadow_close(&shadow), IOT_THING_ERR_BUSY);
    }
}

static void misuse_is_told(void)
{
    sim_op_t op;
    iot_thing_shadow_t fresh = IOT_THING_SHADOW_INIT;
    iot_thing_shadow_options_t options = IOT_THING_SHADOW_OPTIONS_INIT;
    char name[66];
    online("lamp", 0);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK_EQ(iot_thing_shadow_open(NULL, &fresh, NULL, 0), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_shadow_open(device.thing, NULL, NULL, 0), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &fresh, "", 0), IOT_THING_ERR_SHADOW_NAME);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &fresh, "a/b", 0), IOT_THING_ERR_SHADOW_NAME);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &fresh, name, 0), IOT_THING_ERR_SHADOW_NAME);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &fresh, "$aws", 0), IOT_THING_ERR_SHADOW_NAME);
    CHECK_EQ(iot_thing_shadow_open(device.thing, &fresh, NULL, 2), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_shadow_close(NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_shadow_close(&fresh), IOT_THING_ERR_STATE);
    CHECK_EQ(iot_thing_shadow_get(NULL, NULL, NULL, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_shadow_get(&fresh, NULL, NULL, NULL, NULL), IOT_THING_ERR_STATE);
    CHECK_EQ(iot_thing_shadow_update(&shadow, NULL, 3, NULL, NULL, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(update("[1]", NULL, &op), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(update("{", NULL, &op), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("null", NULL, &op), IOT_THING_OK);
    options.section = 3;
    CHECK_EQ(update("{}", &options, &op), IOT_THING_ERR_ARGUMENT);
    options.section = 0;
    options.client_token = "";
    CHECK_EQ(update("{}", &options, &op), IOT_THING_ERR_ARGUMENT);
    options.client_token = "a\"b";
    CHECK_EQ(update("{}", &options, &op), IOT_THING_ERR_ARGUMENT);
    options.client_token = "t";
    CHECK_EQ(iot_thing_shadow_modify(&shadow, NULL, NULL, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_shadow_modify(&shadow, NULL, &options, NULL, NULL), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_shadow_update_with(&shadow, NULL, NULL, NULL, NULL, NULL),
             IOT_THING_ERR_NULL);
    options.struct_size = 0;
    CHECK_EQ(update("{}", &options, &op), IOT_THING_ERR_STRUCT_SIZE);
    CHECK_EQ(iot_thing_shadow_on_delta(&fresh, on_delta, NULL), IOT_THING_ERR_STATE);
    CHECK_EQ(iot_thing_shadow_on_documents(NULL, on_documents, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_shadow_properties(&shadow, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_property_changed(&shadow, 0), IOT_THING_ERR_STATE);

    device.in_callback = close_in_callback;
    CHECK_EQ(get(NULL, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    device.in_callback = NULL;
    end();
}

/* ---- subscriptions ----------------------------------------------------------------------------------- */

static int subscribed(const char *to)
{
    char topic[BROKER_TOPIC_SIZE];
    snprintf(topic, sizeof topic, "$aws/things/thing/shadow/name/lamp/%s", to);
    return broker_subscribed(&device.broker, topic);
}

static void per_request_subscriptions_are_left(void)
{
    sim_op_t op;
    online("lamp", IOT_THING_SHADOW_PER_REQUEST);
    CHECK(!subscribed("update/accepted") && !subscribed("get/accepted"));
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(update("{\"p\":1}", NULL, &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_OK);
        CHECK_EQ(get(NULL, &op), IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_OK);
        sim_run(&device, 100);
        CHECK(!subscribed("update/accepted") && !subscribed("update/rejected"));
        CHECK(!subscribed("get/accepted"));
    }
    end();

    online("lamp", 0);
    CHECK_EQ(update("{\"p\":1}", NULL, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK(subscribed("update/accepted") && !subscribed("get/accepted"));
    int before = device.broker.subscribes;
    CHECK_EQ(update("{\"p\":2}", NULL, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    CHECK_EQ(device.broker.subscribes, before);
    listen_to_all();
    CHECK(subscribed("update/delta") && subscribed("update/documents"));
    CHECK_EQ(iot_thing_shadow_on_delta(&shadow, NULL, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_on_documents(&shadow, NULL, NULL), IOT_THING_OK);
    sim_run(&device, 1000);
    CHECK(!subscribed("update/delta") && !subscribed("update/documents"));
    end();
}

static void many_shadows_are_independent(void)
{
    static const char *const names[3] = {"thermostat", "lighting", "security"};
    static iot_thing_shadow_t shadows[3];
    sim_op_t ops[3];
    online(NULL, 0);
    memset(shadows, 0, sizeof shadows);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(iot_thing_shadow_open(device.thing, &shadows[i], names[i], 0), IOT_THING_OK);
        CHECK_EQ(iot_thing_shadow_on_delta(&shadows[i], on_delta, &told), IOT_THING_OK);
    }
    sim_run(&device, 2000);
    told.report = 1;
    for (int i = 0; i < 3; i++) {
        char text[40];
        snprintf(text, sizeof text, "{\"p\":%d}", i);
        memset(&ops[i], 0, sizeof ops[i]);
        CHECK_EQ(iot_thing_shadow_update(&shadows[i], text, strlen(text), NULL, sim_done, &ops[i],
                                         NULL),
                 IOT_THING_OK);
        snprintf(text, sizeof text, "{\"state\":{\"desired\":{\"d\":%d}}}", i);
        cloud_update(&cloud, names[i], text);
    }
    sim_run(&device, 5000);
    CHECK(told.deltas >= 3); /* each update that leaves a difference makes one */
    for (int i = 0; i < 3; i++) {
        cloud_shadow_t *at = cloud_shadow(&cloud, names[i]);
        CHECK(ops[i].calls == 1 && ops[i].error == IOT_THING_OK);
        CHECK_EQ(atoi(cloud_member(&at->reported, "p")), i);
        CHECK_EQ(atoi(cloud_member(&at->reported, "d")), i);
        CHECK(!cloud_differs(at));
    }
    CHECK(!cloud_shadow(&cloud, "")->exists);
    CHECK(device.broker.filters_max <= 8);
    end();
}

/* ---- deltas -------------------------------------------------------------------------------------------- */

static void what_was_missed_is_delivered_once(void)
{
    online("lamp", 0);
    listen_to_all();
    CHECK_EQ(told.deltas, 0);
    for (int round = 1; round <= 3; round++) {
        char text[60];
        CHECK_EQ(iot_thing_disconnect(device.thing), IOT_THING_OK);
        CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 10000));
        device.broker.forget_session = 1;
        broker_closed(&device.broker);
        snprintf(text, sizeof text, "{\"state\":{\"desired\":{\"p\":%d}}}", round);
        cloud_update(&cloud, "lamp", text);
        device.broker.forget_session = 0;
        CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
        sim_run(&device, 60000);
        CHECK_EQ(told.deltas, round);
        CHECK_EQ(told.live, 0);
        CHECK_EQ(told.version, (uint64_t)round);
    }
    /* Nothing new: nothing is told, though the device never reported. */
    cut(1);
    sim_run(&device, 60000);
    CHECK_EQ(told.deltas, 3);
    end();
}

static void a_shadow_deleted_and_made_anew_is_heard(void)
{
    sim_op_t op;
    online("lamp", 0);
    listen_to_all();
    told.report = 1;
    for (int i = 0; i < 5; i++) {
        cloud_update(&cloud, "lamp", i % 2 ? "{\"state\":{\"desired\":{\"p\":1}}}"
                                           : "{\"state\":{\"desired\":{\"p\":2}}}");
        sim_run(&device, 2000);
    }
    int before = told.deltas;
    CHECK_EQ(before, 5);
    memset(&op, 0, sizeof op);
    CHECK_EQ(iot_thing_shadow_delete(&shadow, NULL, sim_done, &op, NULL), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 1000));
    /* As after 48 hours: it counts from 1 again. */
    cloud_shadow(&cloud, "lamp")->version = 0;
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":7}}}");
    sim_run(&device, 5000);
    CHECK_EQ(told.deltas, before + 1);
    CHECK(strcmp(told.last, "{\"p\":7}") == 0);
    CHECK(!cloud_differs(cloud_shadow(&cloud, "lamp")));
    end();
}

/* ---- written when sent, read and changed ---------------------------------------------------------------- */

static int written;
static int write_result;

static int32_t write_p(void *user, const iot_thing_json_t *document, iot_thing_json_writer_t *state)
{
    (void)user;
    CHECK(document == NULL);
    iot_thing_json_put_i32(state, "p", ++written);
    return write_result;
}

static void state_is_written_when_it_is_sent(void)
{
    sim_op_t op = {0};
    online("lamp", 0);
    written = 0;
    write_result = 0;
    CHECK_EQ(iot_thing_disconnect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 10000));
    CHECK_EQ(iot_thing_shadow_update_with(&shadow, write_p, NULL, sim_done, &op, NULL),
             IOT_THING_OK);
    sim_run(&device, 10000);
    CHECK_EQ(written, 0);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 10000));
    CHECK_EQ(op.error, IOT_THING_OK);
    CHECK_EQ(atoi(cloud_member(&cloud_shadow(&cloud, "lamp")->reported, "p")), written);

    memset(&op, 0, sizeof op);
    write_result = -5;
    CHECK_EQ(iot_thing_shadow_update_with(&shadow, write_p, NULL, sim_done, &op, NULL),
             IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 10000));
    CHECK_EQ(op.error, IOT_THING_ERR_CANCELLED);
    CHECK_EQ(op.code, -5);
    CHECK_EQ(cloud_shadow(&cloud, "lamp")->updates, 1);
    end();
}

static int32_t increment(void *user, const iot_thing_json_t *document, iot_thing_json_writer_t *state)
{
    iot_thing_json_t n;
    int32_t value = 0;
    (void)user;
    if (document != NULL &&
        iot_thing_json_at_path(document, "state.reported.n", &n) == IOT_THING_OK) {
        iot_thing_json_as_i32(&n, &value);
    }
    iot_thing_json_put_i32(state, "n", value + 1);
    return IOT_THING_OK;
}

static void conflicts_are_read_and_tried_again(void)
{
    enum { CALLS = 40 };
    static sim_op_t ops[CALLS];
    int accepted = 0;
    online("lamp", 0);
    memset(ops, 0, sizeof ops);
    cloud_update(&cloud, "lamp", "{\"state\":{\"reported\":{\"n\":0}}}");
    cloud.faults.conflict = 40;
    for (int i = 0; i < CALLS; i++) {
        while (iot_thing_shadow_modify(&shadow, increment, NULL, sim_done, &ops[i]) ==
               IOT_THING_ERR_QUEUE_FULL) {
            sim_run(&device, 100);
        }
    }
    sim_run(&device, 60000);
    for (int i = 0; i < CALLS; i++) {
        CHECK_EQ(ops[i].calls, 1);
        accepted += ops[i].error == IOT_THING_OK;
        CHECK(ops[i].error == IOT_THING_OK ||
              (ops[i].error == IOT_THING_ERR_REJECTED && ops[i].code == 409));
    }
    CHECK(accepted > 0);
    CHECK_EQ(atoi(cloud_member(&cloud_shadow(&cloud, "lamp")->reported, "n")), accepted);
    /* A storm that does not end is told as what it is. */
    sim_op_t op = {0};
    cloud.faults.conflict = 100;
    CHECK_EQ(iot_thing_shadow_modify(&shadow, increment, NULL, sim_done, &op), IOT_THING_OK);
    CHECK(sim_run_until_done(&device, &op, 60000));
    CHECK_EQ(op.code, 409);
    CHECK_EQ(op.retry, IOT_THING_RETRY_REFRESH);
    end();
}

/* ---- properties ------------------------------------------------------------------------------------------ */

static struct {
    uint32_t period;
    int32_t celsius; /* hundredths */
    bool on;
    int32_t mode;
    char name[12];
    uint8_t level;
    int8_t i8;
    int16_t i16;
    int64_t i64;
    uint16_t u16;
    uint64_t u64;
    char plan[40];
    uint8_t beeps;
} vars;

static const char *const modes[] = {"off", "eco", "full"};
static int refuse_on;
static int changes;

static int32_t on_change(void *user, size_t index, int64_t number, const iot_thing_json_t *json)
{
    CHECK(user == &vars && json->len > 0 && index < 13);
    changes++;
    return refuse_on && number == 1 ? -9 : IOT_THING_OK;
}

static const iot_thing_property_t table[] = {
    {.name = "period", .type = IOT_THING_TYPE_U32, .value = &vars.period, .min = 100, .max = 60000},
    {.name = "celsius", .type = IOT_THING_TYPE_I32, .value = &vars.celsius, .decimals = 2,
     .deadband = 50},
    {.name = "on", .type = IOT_THING_TYPE_BOOL, .value = &vars.on, .on_change = on_change,
     .user = &vars},
    {.name = "mode", .type = IOT_THING_TYPE_ENUM, .value = &vars.mode, .names = modes, .size = 3},
    {.name = "name", .type = IOT_THING_TYPE_STRING, .value = vars.name, .size = sizeof vars.name},
    {.name = "level", .type = IOT_THING_TYPE_U8, .value = &vars.level,
     .flags = IOT_THING_PROPERTY_LOCAL},
    {.name = "i8", .type = IOT_THING_TYPE_I8, .value = &vars.i8},
    {.name = "i16", .type = IOT_THING_TYPE_I16, .value = &vars.i16},
    {.name = "i64", .type = IOT_THING_TYPE_I64, .value = &vars.i64},
    {.name = "u16", .type = IOT_THING_TYPE_U16, .value = &vars.u16,
     .flags = IOT_THING_PROPERTY_READ_ONLY},
    {.name = "u64", .type = IOT_THING_TYPE_U64, .value = &vars.u64},
    {.name = "plan", .type = IOT_THING_TYPE_JSON, .value = vars.plan, .size = sizeof vars.plan},
    {.name = "beeps", .type = IOT_THING_TYPE_U8, .value = &vars.beeps, .on_change = on_change,
     .user = &vars, .flags = IOT_THING_PROPERTY_WRITE_ONLY},
};
enum { PERIOD, CELSIUS, ON, MODE, NAME, LEVEL, I8, I16, I64, U16, U64, PLAN, BEEPS, COUNT };

static iot_thing_property_state_t states[COUNT];
static iot_thing_property_problem_t problem;
static int problems;

static void on_problem(void *user, const iot_thing_property_problem_t *told_of)
{
    (void)user;
    problem = *told_of;
    problems++;
}

static iot_thing_properties_t properties = IOT_THING_PROPERTIES_INIT(table, states);

static void with_properties(uint32_t interval_ms)
{
    memset(&vars, 0, sizeof vars);
    vars.period = 1000;
    vars.celsius = 2157;
    vars.mode = 1;
    memcpy(vars.name, "kitchen", 8);
    memcpy(vars.plan, "[1,2]", 6);
    refuse_on = changes = problems = 0;
    properties.on_problem = on_problem;
    properties.interval_ms = interval_ms;
    online("lamp", 0);
    memset(states, 0xA5, sizeof states);
    CHECK_EQ(iot_thing_shadow_properties(&shadow, &properties), IOT_THING_OK);
    CHECK_EQ(iot_thing_shadow_properties(&shadow, &properties), IOT_THING_ERR_STATE);
    sim_run(&device, 5000);
}

static int reported_is(const char *name, const char *value)
{
    const char *member = cloud_member(&cloud_shadow(&cloud, "lamp")->reported, name);
    return member != NULL && strcmp(member, value) == 0;
}

static void properties_are_reported_and_obeyed(void)
{
    with_properties(0);
    cloud_shadow_t *at = cloud_shadow(&cloud, "lamp");
    CHECK_EQ(at->updates, 1); /* all of it at once */
    CHECK(reported_is("period", "1000") && reported_is("celsius", "21.57"));
    CHECK(reported_is("on", "false") && reported_is("mode", "\"eco\""));
    CHECK(reported_is("name", "\"kitchen\"") && reported_is("plan", "[1,2]"));
    CHECK(cloud_member(&at->reported, "beeps") == NULL);

    cloud_update(&cloud, "lamp",
                 "{\"state\":{\"desired\":{\"period\":250,\"celsius\":-3.5,\"on\":true,"
                 "\"mode\":\"full\",\"name\":\"h\xC3\xA4ll\",\"i8\":-128,\"i16\":-32768,"
                 "\"i64\":-9223372036854775808,\"u64\":18446744073709551615,\"plan\":[],"
                 "\"beeps\":3}}}");
    sim_run(&device, 3000);
    CHECK_EQ(vars.period, 250);
    CHECK_EQ(vars.celsius, -350);
    CHECK(vars.on);
    CHECK_EQ(vars.mode, 2);
    CHECK(strcmp(vars.name, "h\xC3\xA4ll") == 0);
    CHECK_EQ(vars.i8, -128);
    CHECK_EQ(vars.i16, -32768);
    CHECK_EQ(vars.i64, INT64_MIN);
    CHECK(vars.u64 == UINT64_MAX);
    CHECK(strcmp(vars.plan, "[]") == 0);
    CHECK_EQ(vars.beeps, 3);
    CHECK_EQ(changes, 2);
    CHECK_EQ(problems, 0);
    CHECK(reported_is("celsius", "-3.50") && reported_is("u64", "18446744073709551615"));
    CHECK(cloud_member(&at->desired, "beeps") == NULL);
    CHECK_EQ(at->updates, 3); /* ours, the cloud's, one answer */
    end();
}

/* A report falls due while a message waits for the network. */
static void a_report_that_falls_due_meanwhile_is_sent(void)
{
    with_properties(2000);
    int updates = cloud_shadow(&cloud, "lamp")->updates;
    vars.period = 5;
    CHECK_EQ(iot_thing_property_changed(&shadow, PERIOD), IOT_THING_OK);
    sim_run(&device, 1900);
    CHECK_EQ(cloud_shadow(&cloud, "lamp")->updates, updates);
    device.link.faults.send_stalls = 1;
    CHECK_EQ(iot_thing_publish(device.thing, "t", (const uint8_t *)"x", 1, 0, NULL, NULL),
             IOT_THING_OK);
    sim_run(&device, 500);
    device.link.faults.send_stalls = 0;
    sim_run(&device, 1000);
    CHECK_EQ(cloud_shadow(&cloud, "lamp")->updates, updates + 1);
    CHECK(reported_is("period", "5"));
    end();
}

static void what_cannot_be_is_told_and_the_old_value_stays(void)
{
    with_properties(0);
    refuse_on = 1;
    static const struct {
        const char *member;
        int32_t error;
    } cases[] = {
        {"\"period\":99", IOT_THING_ERR_JSON_RANGE},
        {"\"period\":\"x\"", IOT_THING_ERR_JSON_TYPE},
        {"\"celsius\":1.234", IOT_THING_ERR_JSON_RANGE},
        {"\"on\":true", IOT_THING_ERR_PROPERTY_REFUSED},
        {"\"mode\":\"turbo\"", IOT_THING_ERR_JSON_RANGE},
        {"\"name\":\"twelve chars\"", IOT_THING_ERR_JSON_NO_SPACE},
        {"\"i8\":128", IOT_THING_ERR_JSON_RANGE},
        {"\"u16\":1", IOT_THING_ERR_PROPERTY_READ_ONLY},
        {"\"strange\":1", IOT_THING_ERR_PROPERTY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        int before = problems;
        check_context("%s", cases[i].member);
        cloud_shadow(&cloud, "lamp")->desired.count = 0;
        snprintf(text, sizeof text, "{\"state\":{\"desired\":{%s}}}", cases[i].member);
        cloud_update(&cloud, "lamp", text);
        sim_run(&device, 30000);
        CHECK_EQ(problem.error, cases[i].error);
        /* An unknown member is in every delta; nothing else is told twice. */
        CHECK_EQ(problems, before + 1);
        CHECK_EQ(problem.code, cases[i].error == IOT_THING_ERR_PROPERTY_REFUSED ? -9 : -1);
        CHECK((problem.property == NULL) == (cases[i].error == IOT_THING_ERR_PROPERTY_UNKNOWN));
        /* One answer at most: no ping-pong with the service. */
        CHECK(cloud_shadow(&cloud, "lamp")->updates <= (int)(2 * i + 3));
    }
    check_context("%s", "");
    CHECK(vars.period == 1000 && vars.celsius == 2157 && !vars.on && vars.mode == 1);
    CHECK(reported_is("period", "1000") && reported_is("on", "false"));
    end();
}

static void changes_are_collected_and_small_ones_left_out(void)
{
    with_properties(2000);
    cloud_shadow_t *at = cloud_shadow(&cloud, "lamp");
    int before = at->updates;
    for (int i = 0; i < 10; i++) {
        vars.period = 2000 + (uint32_t)i;
        vars.celsius += 10;
        CHECK_EQ(iot_thing_property_changed(&shadow, PERIOD), IOT_THING_OK);
        CHECK_EQ(iot_thing_property_changed(&shadow, CELSIUS), IOT_THING_OK);
        sim_run(&device, 150);
    }
    CHECK_EQ(at->updates, before);
    sim_run(&device, 2000);
    CHECK_EQ(at->updates, before + 1);
    CHECK(reported_is("period", "2009") && reported_is("celsius", "22.57"));
    vars.celsius += 49;
    CHECK_EQ(iot_thing_property_changed(&shadow, CELSIUS), IOT_THING_OK);
    CHECK_EQ(iot_thing_property_changed(&shadow, PERIOD), IOT_THING_OK);
    sim_run(&device, 5000);
    CHECK_EQ(at->updates, before + 1);
    CHECK_EQ(iot_thing_property_changed(&shadow, COUNT), IOT_THING_ERR_ARGUMENT);

    /* A local change overrules the cloud where it may, and is overruled where it may not. */
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"level\":5,\"i8\":5}}}");
    sim_run(&device, 5000);
    CHECK(vars.level == 5 && vars.i8 == 5);
    vars.level = 7;
    vars.i8 = 7;
    CHECK_EQ(iot_thing_property_changed(&shadow, LEVEL), IOT_THING_OK);
    CHECK_EQ(iot_thing_property_changed(&shadow, I8), IOT_THING_OK);
    sim_run(&device, 10000);
    CHECK(vars.level == 7 && vars.i8 == 5);
    CHECK(strcmp(cloud_member(&at->desired, "level"), "7") == 0);
    CHECK(!cloud_differs(at));
    end();
}

static void reports_survive_refusals_and_outages(void)
{
    with_properties(0);
    cloud_shadow_t *at = cloud_shadow(&cloud, "lamp");
    cloud.faults.throttle = 100;
    vars.period = 5000;
    CHECK_EQ(iot_thing_property_changed(&shadow, PERIOD), IOT_THING_OK);
    sim_run(&device, 20000);
    CHECK(reported_is("period", "1000"));
    int tried = broker_count(&device.broker, "$aws/things/thing/shadow/name/lamp/update");
    CHECK(tried >= 3 && tried <= 5); /* less and less often */
    cloud.faults.throttle = 0;
    sim_run(&device, 60000);
    CHECK(reported_is("period", "5000"));

    /* The shadow is deleted while the device is away: it is made again, as a whole. */
    CHECK_EQ(iot_thing_disconnect(device.thing), IOT_THING_OK);
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_IDLE, 10000));
    device.broker.forget_session = 1;
    broker_closed(&device.broker);
    device.broker.forget_session = 0;
    cloud_delete(&cloud, "lamp");
    vars.mode = 0;
    CHECK_EQ(iot_thing_property_changed(&shadow, MODE), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    sim_run(&device, 10000);
    CHECK(at->exists && reported_is("period", "5000") && reported_is("mode", "\"off\""));
    CHECK_EQ(at->reported.count, COUNT - 1);
    end();
}

/* Everything is there again, after one reading and one report. */
static void check_made_anew(int gets, int updates)
{
    cloud_shadow_t *at = cloud_shadow(&cloud, "lamp");
    CHECK(at->exists);
    CHECK_EQ(at->reported.count, COUNT - 1);
    CHECK_EQ(at->gets, gets);
    CHECK_EQ(at->updates, updates);
}

static void a_deletion_by_somebody_else_is_noticed_at_once(void)
{
    with_properties(0);
    cloud_shadow_t *at = cloud_shadow(&cloud, "lamp");
    check_made_anew(1, 1);
    for (int round = 1; round <= 3; round++) {
        cloud_delete(&cloud, "lamp");
        sim_run(&device, 2000);
        check_made_anew(1 + round, 1 + round);
    }
    sim_run(&device, 600000);
    check_made_anew(4, 4);

    /* And made anew at once by whoever deleted it, counting from 1. */
    cloud_delete(&cloud, "lamp");
    at->version = 0;
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"period\":250}}}");
    sim_run(&device, 5000);
    CHECK(at->exists && reported_is("period", "250") && !cloud_differs(at));
    CHECK_EQ(vars.period, 250);
    CHECK_EQ(at->reported.count, COUNT - 1);
    CHECK_EQ(sim_count(&device, IOT_THING_EVENT_DISCONNECTED), 0);
    end();

    /* A callback is not called: there is nothing to obey. */
    online("lamp", 0);
    listen_to_all();
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":1}}}");
    sim_run(&device, 2000);
    int gets = cloud_shadow(&cloud, "lamp")->gets;
    CHECK_EQ(told.deltas, 1);
    cloud_delete(&cloud, "lamp");
    sim_run(&device, 600000);
    CHECK_EQ(told.deltas, 1);
    CHECK_EQ(cloud_shadow(&cloud, "lamp")->gets, gets + 1);
    cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"p\":1}}}");
    sim_run(&device, 2000);
    CHECK_EQ(told.deltas, 2);
    end();
}

/* Whoever deletes a shadow with a table wants it gone; what is reported later is all of it. */
static void a_deletion_of_our_own_stands(void)
{
    static iot_thing_shadow_t other;
    for (int i = 0; i < 3; i++) {
        sim_op_t op;
        char message[BROKER_MESSAGE_SIZE];
        iot_thing_shadow_options_t options = IOT_THING_SHADOW_OPTIONS_INIT;
        check_context("%d", i);
        with_properties(0);
        memset(&other, 0, sizeof other);
        CHECK_EQ(iot_thing_shadow_open(device.thing, &other, "lamp", 0), IOT_THING_OK);
        memset(&op, 0, sizeof op);
        /* 1: by another handle; 2: with a token of the application's. */
        options.client_token = i == 2 ? "mine" : NULL;
        CHECK_EQ(iot_thing_shadow_delete(i == 1 ? &other : &shadow, &options, sim_done, &op, NULL),
                 IOT_THING_OK);
        CHECK(sim_run_until_done(&device, &op, 1000));
        CHECK_EQ(op.error, IOT_THING_OK);
        if (i < 2) { /* the same message once more */
            snprintf(message, sizeof message,
                     "{\"version\":1,\"timestamp\":1,\"clientToken\":\"%s\"}", cloud.token);
            broker_publish(&device.broker, "$aws/things/thing/shadow/name/lamp/delete/accepted",
                           message);
        }
        sim_run(&device, 60000);
        CHECK(!cloud_shadow(&cloud, "lamp")->exists);
        CHECK_EQ(cloud_shadow(&cloud, "lamp")->gets, 1);
        vars.period = 5000;
        CHECK_EQ(iot_thing_property_changed(&shadow, PERIOD), IOT_THING_OK);
        sim_run(&device, 2000);
        check_made_anew(1, 2);
        CHECK(reported_is("period", "5000"));
        end();
        CHECK_EQ(iot_thing_shadow_close(&other), IOT_THING_ERR_STATE);
    }
    check_context("%s", "");
}

static void tables_that_cannot_work_are_refused(void)
{
    iot_thing_property_t bad[2];
    iot_thing_properties_t list = IOT_THING_PROPERTIES_INIT(bad, states);
    online("lamp", 0);
    for (int i = 0; i < 9; i++) {
        memcpy(bad, table, sizeof bad);
        switch (i) {
        case 0: bad[0].name = NULL; break;
        case 1: bad[0].value = NULL; break;
        case 2: bad[0].type = 99; break;
        case 3: bad[0].min = 2; bad[0].max = 1; break;
        case 4: bad[0].flags = 1024; break;
        case 5: bad[1].name = "period"; break;
        case 6: bad[1].decimals = 19; break;
        case 7: bad[0].type = IOT_THING_TYPE_STRING; bad[0].size = 0; break;
        default: bad[0].type = IOT_THING_TYPE_ENUM; bad[0].names = NULL; break;
        }
        check_context("%d", i);
        CHECK_EQ(iot_thing_shadow_properties(&shadow, &list), IOT_THING_ERR_ARGUMENT);
    }
    check_context("%s", "");
    list.struct_size = 1;
    CHECK_EQ(iot_thing_shadow_properties(&shadow, &list), IOT_THING_ERR_STRUCT_SIZE);
    end();
}

/* ---- convergence ------------------------------------------------------------------------------------------ */

/* The JSON of a variable. */
static void json_of(int index, char *text, size_t size)
{
    switch (index) {
    case PERIOD: snprintf(text, size, "%u", (unsigned)vars.period); break;
    case CELSIUS:
        snprintf(text, size, "%s%d.%02d", vars.celsius < 0 ? "-" : "", abs((int)vars.celsius) / 100,
                 abs((int)vars.celsius) % 100);
        break;
    case ON: snprintf(text, size, "%s", vars.on ? "true" : "false"); break;
    case MODE: snprintf(text, size, "\"%s\"", modes[vars.mode]); break;
    case NAME: snprintf(text, size, "\"%s\"", vars.name); break;
    case LEVEL: snprintf(text, size, "%u", (unsigned)vars.level); break;
    default: snprintf(text, size, "%d", vars.i8); break;
    }
}

/* A random value that the property can have, as JSON. */
static void random_json(int index, char *text, size_t size)
{
    unsigned roll = cloud_roll(&cloud, 1000);
    switch (index) {
    case PERIOD: snprintf(text, size, "%u", 100 + roll); break;
    case CELSIUS: snprintf(text, size, "%u.%02u", roll / 40, roll % 40 + 10); break;
    case ON: snprintf(text, size, "%s", roll % 2 ? "true" : "false"); break;
    case MODE: snprintf(text, size, "\"%s\"", modes[roll % 3]); break;
    case NAME: snprintf(text, size, "\"n%u\"", roll); break;
    case LEVEL: snprintf(text, size, "%u", roll % 256); break;
    default: snprintf(text, size, "%d", (int)(roll % 256) - 128); break;
    }
}

static void random_change(int index)
{
    unsigned roll = cloud_roll(&cloud, 1000);
    switch (index) {
    case PERIOD: vars.period = 100 + roll; break;
    case CELSIUS: vars.celsius = (int32_t)roll * 50; break;
    case ON: vars.on = roll % 2; break;
    case MODE: vars.mode = (int32_t)(roll % 3); break;
    case NAME: snprintf(vars.name, sizeof vars.name, "d%u", roll); break;
    case LEVEL: vars.level = (uint8_t)roll; break;
    default: vars.i8 = (int8_t)roll; break;
    }
    CHECK_EQ(iot_thing_property_changed(&shadow, (size_t)index), IOT_THING_OK);
}

enum { RANDOM_PROPERTIES = 7, OPS = 40 };

static unsigned long long total_faults, total_cuts, total_steps, total_ops;

static void random_step(sim_op_t *ops, int *used)
{
    char value[40], text[120];
    int index = (int)cloud_roll(&cloud, RANDOM_PROPERTIES);
    switch (cloud_roll(&cloud, 13)) {
    case 0:
    case 1:
    case 2:
        random_json(index, value, sizeof value);
        snprintf(text, sizeof text, "{\"state\":{\"desired\":{\"%s\":%s}}}", table[index].name,
                 value);
        cloud_update(&cloud, "lamp", text);
        break;
    case 3:
        cloud_update(&cloud, "lamp", "{\"state\":{\"desired\":{\"period\":5,\"odd\":1}}}");
        break;
    case 4:
    case 5:
        random_change(index);
        break;
    case 6:
        total_cuts++;
        device.broker.forget_session = (int)cloud_roll(&cloud, 2);
        sim_link_cut(&device.link);
        sim_run(&device, cloud_roll(&cloud, 3000));
        device.broker.forget_session = 0;
        break;
    case 7:
        cloud_release(&cloud);
        break;
    case 8:
        total_cuts++;
        device.broker.forget_session = 1;
        sim_link_cut(&device.link);
        cloud_delete(&cloud, "lamp");
        sim_run(&device, 500);
        device.broker.forget_session = 0;
        break;
    case 12:
        cloud_delete(&cloud, "lamp");
        break;
    case 9:
        if (*used < OPS) {
            sim_op_t *op = &ops[*used];
            int32_t error = cloud_roll(&cloud, 2)
                                ? iot_thing_shadow_modify(&shadow, increment, NULL, sim_done, op)
                                : iot_thing_shadow_get(&shadow, NULL, sim_done, op, NULL);
            CHECK(error == IOT_THING_OK || error == IOT_THING_ERR_QUEUE_FULL);
            *used += error == IOT_THING_OK;
        }
        break;
    default:
        sim_run(&device, cloud_roll(&cloud, 4000));
        break;
    }
    sim_run(&device, cloud_roll(&cloud, 300));
}

/* Whether the variables are what the cloud desires, as far as they can be, and what it was told. */
static void check_converged(void)
{
    cloud_shadow_t *at = cloud_shadow(&cloud, "lamp");
    CHECK(at->exists);
    for (int i = 0; i < RANDOM_PROPERTIES; i++) {
        char value[40];
        const char *desired = cloud_member(&at->desired, table[i].name);
        json_of(i, value, sizeof value);
        if (i == CELSIUS) { /* a difference within the deadband is none */
            const char *reported = cloud_member(&at->reported, "celsius");
            CHECK(reported != NULL && abs((int)(atof(reported) * 100) - vars.celsius) <= 50);
            continue;
        }
        CHECK(reported_is(table[i].name, value));
        if (desired != NULL && strcmp(desired, "5") != 0) { /* 5: a period that it cannot have */
            CHECK(strcmp(desired, value) == 0);
        }
    }
}

static void device_and_cloud_converge(void)
{
    const char *wish = getenv("IOT_THING_CONVERGENCE_RUNS");
    int runs = wish != NULL ? atoi(wish) : 300;
    for (int run = 0; run < runs; run++) {
        static sim_op_t ops[OPS];
        int used = 0;
        unsigned long before = check_failures;
        check_context("run %d", run);
        memset(ops, 0, sizeof ops);
        with_properties((uint32_t)(run % 3) * 700);
        cloud_init(&cloud, &device.broker, (uint64_t)run + 1);
        cloud.faults.reorder = 40;
        cloud.faults.duplicate = 20;
        cloud.faults.late = 15;
        cloud.faults.conflict = 30;
        cloud.faults.throttle = 8;
        cloud.faults.fail = 5;
        /* Where answers and deltas get lost, only a new session can tell what was missed. */
        int lossy = run % 2;
        cloud.faults.lose = lossy ? 15 : 0;
        for (int step = 0; step < 60; step++) {
            random_step(ops, &used);
        }
        total_steps += 60;
        memset(&cloud.faults, 0, sizeof cloud.faults);
        cloud_release(&cloud);
        if (lossy) {
            device.broker.forget_session = 1;
            sim_link_cut(&device.link);
            sim_run(&device, 1000);
            device.broker.forget_session = 0;
        }
        sim_run(&device, 900000);
        check_converged();
        for (int i = 0; i < used; i++) {
            CHECK_EQ(ops[i].calls, 1);
        }
        total_ops += (unsigned long long)used;
        total_faults += cloud.happened;
        end();
        if (check_failures > before + 20) {
            break;
        }
    }
    check_context("%s", "");
    printf("     %d runs, %llu steps, %llu faults of the service, %llu outages, %llu requests\n", runs,
           total_steps, total_faults, total_cuts, total_ops);
}

int main(int argc, char **argv)
{
    RUN(requests_of_both_kinds_are_accepted);
    RUN(rejections_carry_code_and_verdict);
    RUN(what_is_too_large_is_refused_with_the_size);
    RUN(every_order_of_answers_and_disconnections);
    RUN(requests_end_in_their_time);
    RUN(a_lost_session_repeats_what_can_be_repeated);
    RUN(close_and_deinit_cancel);
    RUN(misuse_is_told);
    RUN(per_request_subscriptions_are_left);
    RUN(many_shadows_are_independent);
    RUN(what_was_missed_is_delivered_once);
    RUN(a_shadow_deleted_and_made_anew_is_heard);
    RUN(state_is_written_when_it_is_sent);
    RUN(conflicts_are_read_and_tried_again);
    RUN(properties_are_reported_and_obeyed);
    RUN(a_report_that_falls_due_meanwhile_is_sent);
    RUN(what_cannot_be_is_told_and_the_old_value_stays);
    RUN(changes_are_collected_and_small_ones_left_out);
    RUN(reports_survive_refusals_and_outages);
    RUN(a_deletion_by_somebody_else_is_noticed_at_once);
    RUN(a_deletion_of_our_own_stands);
    RUN(tables_that_cannot_work_are_refused);
    RUN(device_and_cloud_converge);
    return check_report("test_shadow");
}
