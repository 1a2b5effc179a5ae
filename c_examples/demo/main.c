/*
 * The demo: one round trip through the cloud, each step told in words. tools/demo runs it.
 *
 *   iot_thing_demo --endpoint HOST --cert FILE --key FILE --thing NAME
 *                  [--ca FILE] [--port N] [--timeout SECONDS] [--until-request]
 *
 * It connects, reports publish_period, waits until the cloud requests another publish_period,
 * applies it, reports it back, and disconnects. Exit code 0 only when all of it happened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iot_thing.h"
#include "iot_thing_posix.h"

#define FIRST_REPORT "{\"publish_period\":1000}"
#define DEFAULT_TIMEOUT_S 60

typedef struct {
    const char *endpoint;
    const char *cert;
    const char *key;
    const char *ca; /* NULL: the roots of Amazon that are built in */
    const char *thing;
    uint16_t port;
    uint32_t timeout_s;
    int until_request; /* the time-out counts before and after the request, not while waiting */
} options_t;

/* The steps, in the order in which they must happen. */
enum { CONNECTED, REPORTED, REQUESTED, CALLED, ANSWERED, ENDED, STEPS };

static const char *const step_names[STEPS] = {
    "connecting",
    "the reported state being accepted",
    "the cloud's request for a change",
    "the C callback being called with it",
    "the reported answer being accepted",
    "the clean end",
};

typedef struct {
    options_t options;
    iot_thing_t *thing;
    int done[STEPS];
    int broken; /* something happened that cannot be repaired by waiting */
    uint32_t publish_period;
    char answer[64];
} demo_t;

/* ---- what is printed ------------------------------------------------------------------------- */

static void step(demo_t *demo, int which, const char *text)
{
    demo->done[which] = 1;
    printf("[%d/%d] %s\n", which + 1, STEPS, text);
}

static void detail(const char *label, const char *text)
{
    printf("      %-8s %s\n", label, text);
}

static const char *cipher_suite_name(uint16_t number)
{
    switch (number) {
    case 0x1301: return "TLS_AES_128_GCM_SHA256";
    case 0x1302: return "TLS_AES_256_GCM_SHA384";
    case 0x1303: return "TLS_CHACHA20_POLY1305_SHA256";
    default: return "unknown cipher suite";
    }
}

static void print_failure(const iot_thing_event_t *event)
{
    printf("      %s: %s\n", iot_thing_err_name(event->error), iot_thing_err_text(event->error));
    if (event->code >= 0) {
        printf("      code %ld\n", (long)event->code);
    }
    if (event->port_error != 0) {
        printf("      %s\n", iot_thing_posix_error_text(event->port_error));
    }
    if (event->needed != 0) {
        printf("      %lu bytes would have been needed\n", (unsigned long)event->needed);
    }
}

static void print_result(demo_t *demo, const char *what, const iot_thing_result_t *result)
{
    printf("      %s was not accepted: %s: %s\n", what, iot_thing_err_name(result->error),
           iot_thing_err_text(result->error));
    if (result->code >= 0) {
        printf("      the service's code is %ld\n", (long)result->code);
    }
    demo->broken = 1;
}

static void print_connection(demo_t *demo, iot_thing_t *thing)
{
    char line[512];
    iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    iot_thing_get_connection(thing, &connection);

    snprintf(line, sizeof line, "connected to %s:%u", demo->options.endpoint,
             (unsigned)demo->options.port);
    step(demo, CONNECTED, line);
    if (connection.tls_version != 0x0304 || !connection.server_authenticated) {
        printf("      but not with TLS 1.3 and an authenticated server\n");
        demo->broken = 1;
        return;
    }
    snprintf(line, sizeof line, "TLS 1.3, %s", cipher_suite_name(connection.tls_cipher_suite));
    detail("with", line);
    snprintf(line, sizeof line, "authenticated as %s, by %s", demo->options.endpoint,
             demo->options.ca != NULL ? demo->options.ca : "the built-in Amazon Root CA 1 or 3");
    detail("server", line);
    snprintf(line, sizeof line, "authenticated as %s, by %s", demo->options.thing,
             demo->options.cert);
    detail("device", line);
    detail("session", connection.session_resumed ? "resumed" : "new");
}

/* ---- callbacks, all called from iot_thing_poll() ---------------------------------------------- */

static void on_event(void *user, iot_thing_t *thing, const iot_thing_event_t *event)
{
    demo_t *demo = user;
    switch (event->type) {
    case IOT_THING_EVENT_CONNECTED:
        print_connection(demo, thing);
        break;
    case IOT_THING_EVENT_CONNECT_FAILED:
        printf("      could not connect; next attempt in %lu ms\n",
               (unsigned long)event->retry_ms);
        print_failure(event);
        break;
    case IOT_THING_EVENT_DISCONNECTED:
        if (event->error == IOT_THING_OK) {
            step(demo, ENDED, "disconnected, as asked: a clean end");
        } else {
            printf("      the connection was lost; next attempt in %lu ms\n",
                   (unsigned long)event->retry_ms);
            print_failure(event);
        }
        break;
    case IOT_THING_EVENT_REPLY_FAILED:
    case IOT_THING_EVENT_BAD_MESSAGE:
        printf("      a shadow message could not be used or answered\n");
        print_failure(event);
        demo->broken = 1;
        break;
    default:
        break;
    }
}

static void on_reported(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    demo_t *demo = user;
    char line[128];
    (void)thing;
    if (result->error != IOT_THING_OK) {
        print_result(demo, FIRST_REPORT, result);
        return;
    }
    snprintf(line, sizeof line, "reported %s: accepted, shadow version %llu", FIRST_REPORT,
             (unsigned long long)result->version);
    step(demo, REPORTED, line);
    printf("      waiting for the cloud to request a change of publish_period\n");
}

static void on_answered(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    demo_t *demo = user;
    char line[128];
    if (result->error != IOT_THING_OK) {
        print_result(demo, demo->answer, result);
        return;
    }
    snprintf(line, sizeof line, "reported %s: accepted, shadow version %llu", demo->answer,
             (unsigned long long)result->version);
    step(demo, ANSWERED, line);
    iot_thing_disconnect(thing);
}

/*
 * The cloud wants another state. Most firmware writes the answer to `reported` and is done (see
 * the minimal example); here it is sent with a callback of its own, to show that it was accepted.
 */
static int32_t on_request(void *user, const iot_thing_json_t *requested,
                          iot_thing_json_writer_t *reported)
{
    demo_t *demo = user;
    char line[512];
    uint32_t period;
    (void)reported;

    if (iot_thing_json_get_u32(requested, "publish_period", &period) != IOT_THING_OK) {
        printf("      a request without a usable publish_period: not for this program\n");
        return IOT_THING_OK;
    }
    snprintf(line, sizeof line, "the cloud requests {\"publish_period\":%lu}",
             (unsigned long)period);
    step(demo, REQUESTED, line);

    snprintf(line, sizeof line, "C callback called: publish_period %lu -> %lu",
             (unsigned long)demo->publish_period, (unsigned long)period);
    demo->publish_period = period;
    step(demo, CALLED, line);

    snprintf(demo->answer, sizeof demo->answer, "{\"publish_period\":%lu}", (unsigned long)period);
    return iot_thing_update_shadow(demo->thing, demo->answer, on_answered, demo);
}

/* ---- start and main loop ---------------------------------------------------------------------- */

static int usage(const char *wrong)
{
    fprintf(stderr,
            "iot_thing_demo: %s\n"
            "usage: iot_thing_demo --endpoint HOST --cert FILE --key FILE --thing NAME\n"
            "                      [--ca FILE] [--port N] [--timeout SECONDS] [--until-request]\n",
            wrong);
    return 2;
}

static int parse_number(const char *text, unsigned long most, unsigned long *out)
{
    char *end;
    *out = strtoul(text, &end, 10);
    return *text != '\0' && *end == '\0' && *out > 0 && *out <= most;
}

static int parse_options(int argc, char **argv, options_t *options)
{
    struct {
        const char *name;
        const char **value;
    } const texts[] = {
        {"--endpoint", &options->endpoint}, {"--cert", &options->cert}, {"--key", &options->key},
        {"--ca", &options->ca},             {"--thing", &options->thing},
    };
    const size_t n_texts = sizeof texts / sizeof texts[0];
    unsigned long number;

    options->port = IOT_THING_DEFAULT_PORT;
    options->timeout_s = DEFAULT_TIMEOUT_S;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        size_t t = 0;
        if (strcmp(name, "--until-request") == 0) {
            options->until_request = 1;
            continue;
        }
        if (i + 1 == argc) {
            return usage(name);
        }
        const char *value = argv[++i];
        while (t < n_texts && strcmp(name, texts[t].name) != 0) {
            t++;
        }
        if (t < n_texts) {
            *texts[t].value = value;
        } else if (strcmp(name, "--port") == 0 && parse_number(value, 65535, &number)) {
            options->port = (uint16_t)number;
        } else if (strcmp(name, "--timeout") == 0 && parse_number(value, 86400, &number)) {
            options->timeout_s = (uint32_t)number;
        } else {
            return usage(name);
        }
    }
    for (size_t t = 0; t < n_texts; t++) {
        if (*texts[t].value == NULL && texts[t].value != &options->ca) {
            return usage("an argument is missing");
        }
    }
    return 0;
}

static int read_file(const char *path, uint8_t *buffer, size_t capacity, iot_thing_bytes_t *out)
{
    size_t len = 0;
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        len = fread(buffer, 1, capacity, file);
        fclose(file);
    }
    if (len == 0 || len == capacity) {
        fprintf(stderr, "iot_thing_demo: %s cannot be read, is empty or is too long\n", path);
        return 0;
    }
    out->data = buffer;
    out->len = len;
    return 1;
}

static int read_credentials(const options_t *options, iot_thing_config_t *config)
{
    static uint8_t cert[16384];
    static uint8_t key[8192];
    static uint8_t ca[16384];
    return read_file(options->cert, cert, sizeof cert, &config->client_cert) &&
           read_file(options->key, key, sizeof key, &config->private_key) &&
           (options->ca == NULL || read_file(options->ca, ca, sizeof ca, &config->ca_certs));
}

/* Polls until all steps are done, something is broken, or the time is over. */
static void run(demo_t *demo, const iot_thing_port_t *port)
{
    const uint32_t limit = demo->options.timeout_s * 1000u;
    uint32_t start = port->now_ms(port->user);
    while (!demo->done[ENDED] && !demo->broken) {
        uint32_t now = port->now_ms(port->user);
        if (demo->options.until_request && demo->done[REPORTED] && !demo->done[REQUESTED]) {
            start = now;
        }
        if (now - start >= limit) {
            printf("      nothing more happened within %lu s\n",
                   (unsigned long)demo->options.timeout_s);
            return;
        }
        int32_t left = (int32_t)(limit - (now - start));
        int32_t ms = iot_thing_poll(demo->thing);
        fflush(stdout);
        if (demo->done[ENDED] || demo->broken) {
            return;
        }
        iot_thing_wait(demo->thing, ms < left ? ms : left);
    }
}

static int report_failure(const char *what, int32_t error)
{
    fprintf(stderr, "iot_thing_demo: %s: %s: %s\n", what, iot_thing_err_name(error),
            iot_thing_err_text(error));
    return 1;
}

static int verdict(const demo_t *demo)
{
    for (int i = 0; i < STEPS; i++) {
        if (!demo->done[i]) {
            printf("FAILED: %s did not happen\n", step_names[i]);
            return 1;
        }
    }
    if (demo->broken) {
        printf("FAILED: see above\n");
        return 1;
    }
    printf("All of it happened.\n");
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t memory[IOT_THING_MEMORY_SIZE_DEFAULT];
    static iot_thing_posix_t posix;
    static demo_t demo;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;

    int wrong = parse_options(argc, argv, &demo.options);
    if (wrong) {
        return wrong;
    }
    if (!read_credentials(&demo.options, &config)) {
        return 2;
    }
    if (iot_thing_posix_init(&posix) != 0) {
        fprintf(stderr, "iot_thing_demo: no file descriptors left\n");
        return 1;
    }
    iot_thing_posix_log_level(IOT_THING_LOG_ERROR);
    demo.publish_period = 1000;
    config.endpoint = demo.options.endpoint;
    config.tcp_port = demo.options.port;
    config.mqtt_id = demo.options.thing;
    config.sockets = &posix.sockets;
    config.port = posix.port;
    config.on_event = on_event;
    config.on_event_user = &demo;

    int32_t error = iot_thing_init(&demo.thing, memory, sizeof memory, &config);
    if (error != IOT_THING_OK) {
        return report_failure("the configuration was refused", error);
    }
    iot_thing_on_shadow_request(demo.thing, on_request, &demo);
    error = iot_thing_update_shadow(demo.thing, FIRST_REPORT, on_reported, &demo);
    if (error != IOT_THING_OK) {
        return report_failure("the first report was refused", error);
    }
    iot_thing_connect(demo.thing);
    printf("connecting to %s:%u as %s\n", demo.options.endpoint, (unsigned)demo.options.port,
           demo.options.thing);
    run(&demo, posix.port);

    iot_thing_deinit(demo.thing);
    iot_thing_posix_deinit(&posix);
    return verdict(&demo);
}
