/*
 * A super-loop firmware: one property kept in sync with the cloud, over TLS 1.3 with the device's
 * certificate, without operating system or heap. It connects, reports publish_period, waits until
 * the cloud requests another one, applies it, reports it back, disconnects, and ends with a verdict
 * (a product would go on for ever).
 */
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "credentials.h"
#include "iot_thing.h"

#define TIME_LIMIT_MS 60000u

/* The largest part of the RAM: docs/porting.md explains the sizes. */
static uint64_t memory[(IOT_THING_MEMORY_SIZE_DEFAULT + 7) / 8];

static iot_thing_t *thing;
static uint32_t publish_period = 1000; /* ms; kept in sync with the cloud */
static int answered;
static int ended;
static int failed;

static void report(const char *what, int32_t error)
{
    board_print(what);
    board_print(": ");
    board_print(iot_thing_err_name(error));
    board_print("\n");
    failed = failed || error != IOT_THING_OK;
}

static void on_event(void *user, iot_thing_t *self, const iot_thing_event_t *event)
{
    (void)user, (void)self;
    switch (event->type) {
    case IOT_THING_EVENT_CONNECTED:
        board_print("connected\n");
        break;
    case IOT_THING_EVENT_CONNECT_FAILED:
        report("could not connect", event->error);
        break;
    case IOT_THING_EVENT_DISCONNECTED:
        report("disconnected", event->error);
        ended = 1;
        break;
    default:
        break;
    }
}

static void on_reported(void *user, iot_thing_t *self, const iot_thing_result_t *result)
{
    (void)user, (void)self;
    report("reported", result->error);
    board_print("waiting for the cloud\n");
}

static void on_answered(void *user, iot_thing_t *self, const iot_thing_result_t *result)
{
    (void)user;
    report("answered", result->error);
    answered = 1;
    iot_thing_disconnect(self);
}

/* {"publish_period":...} of the current value. Returns its length. */
static size_t describe(char *text, size_t size)
{
    iot_thing_json_writer_t json;
    size_t len = 0;
    iot_thing_json_writer_init(&json, text, size);
    iot_thing_json_begin_object(&json, NULL);
    iot_thing_json_put_u32(&json, "publish_period", publish_period);
    iot_thing_json_end_object(&json);
    return iot_thing_json_writer_finish(&json, &len) == IOT_THING_OK ? len : 0;
}

static int32_t report_period(iot_thing_done_fn done)
{
    char text[64];
    const size_t len = describe(text, sizeof text);
    return iot_thing_update_shadow_n(thing, (const uint8_t *)text, len, done, NULL);
}

static int32_t on_request(void *user, const iot_thing_json_t *wanted,
                          iot_thing_json_writer_t *reported)
{
    (void)user, (void)reported;
    if (iot_thing_json_get_u32(wanted, "publish_period", &publish_period) == IOT_THING_OK) {
        board_print("the cloud requests publish_period ");
        board_print_number(publish_period);
        board_print("\n");
        /* Most firmware writes to `reported` and is done; this one wants to see the answer. */
        return report_period(on_answered);
    }
    return IOT_THING_OK;
}

static int32_t start(void)
{
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    config.endpoint = ENDPOINT;
    config.mqtt_id = THING_NAME;
    config.client_cert = (iot_thing_bytes_t){client_cert, client_cert_len};
    config.private_key = (iot_thing_bytes_t){private_key, private_key_len};
    config.ca_certs = (iot_thing_bytes_t){ca_certs, ca_certs_len};
    config.sockets = &board_sockets;
    config.port = &board_port;
    config.on_event = on_event;

    int32_t error = iot_thing_init(&thing, memory, sizeof memory, &config);
    if (error == IOT_THING_OK) {
        error = iot_thing_on_shadow_request(thing, on_request, NULL);
    }
    if (error == IOT_THING_OK) {
        error = report_period(on_reported);
    }
    return error == IOT_THING_OK ? iot_thing_connect(thing) : error;
}

int main(void)
{
    uint32_t polls = 0;
    board_init();
    report("started", start());
    while (!failed && !ended && board_now_ms() < TIME_LIMIT_MS) {
        int32_t ms = iot_thing_poll(thing);
        polls++;
        iot_thing_wait(thing, ms);
    }
    board_print_number(board_now_ms());
    board_print(" ms, ");
    board_print_number(board_slept_ms());
    board_print(" of them asleep, ");
    board_print_number(polls);
    board_print(" polls\n");

    const int passed = !failed && answered && ended;
    board_print(passed ? "PASSED\n" : "FAILED\n");
    return passed ? 0 : 1;
}
