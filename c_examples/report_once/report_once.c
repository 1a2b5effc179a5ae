#define _POSIX_C_SOURCE 200809L

#include "report_once.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* More than IOT_THING_MEMORY_SIZE_DEFAULT: an RSA key has room, too. */
static uint8_t memory[IOT_THING_MEMORY_SIZE_DEFAULT + 3072];

typedef struct {
    int accepted;
    int ended;
} progress_t;

static void on_event(void *user, iot_thing_t *thing, const iot_thing_event_t *event)
{
    progress_t *progress = user;
    iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    switch (event->type) {
    case IOT_THING_EVENT_CONNECTED:
        iot_thing_get_connection(thing, &connection);
        printf("connected%s\n", connection.tls_version == 0   ? ""
                                : connection.tls_resumed != 0 ? ", TLS session: resumed"
                                                              : ", TLS session: new");
        break;
    case IOT_THING_EVENT_CONNECT_FAILED:
        printf("could not connect: %s: %s (code %ld, port %ld)\n",
               iot_thing_err_name(event->error), iot_thing_err_text(event->error),
               (long)event->code, (long)event->port_error);
        break;
    case IOT_THING_EVENT_DISCONNECTED:
        printf("disconnected: %s\n", iot_thing_err_name(event->error));
        progress->ended = progress->accepted && event->error == IOT_THING_OK;
        break;
    default:
        break;
    }
}

static void on_reported(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    progress_t *progress = user;
    printf("reported: %s\n", iot_thing_err_name(result->error));
    progress->accepted = result->error == IOT_THING_OK;
    iot_thing_disconnect(thing);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int report_once(iot_thing_config_t *config, uint32_t timeout_s)
{
    progress_t progress = {0, 0};
    iot_thing_t *thing;
    setvbuf(stdout, NULL, _IOLBF, 0); /* told at once, also to a file */
    config->on_event = on_event;
    config->on_event_user = &progress;
    int32_t error = iot_thing_init(&thing, memory, sizeof memory, config);
    if (error != IOT_THING_OK) {
        printf("the configuration is wrong: %s: %s\n", iot_thing_err_name(error),
               iot_thing_err_text(error));
        return 2;
    }
    iot_thing_connect(thing);
    error = iot_thing_update_shadow(thing, "{\"publish_period\":1000}", on_reported, &progress);
    const int64_t end = now_ms() + (int64_t)timeout_s * 1000;
    while (error == IOT_THING_OK && !progress.ended && now_ms() < end) {
        int32_t wait_ms = iot_thing_poll(thing);
        int64_t left = end - now_ms();
        error = iot_thing_wait(thing, wait_ms < left ? wait_ms : left > 0 ? (int32_t)left : 0);
    }
    iot_thing_statistics_t statistics = IOT_THING_STATISTICS_INIT;
    iot_thing_get_statistics(thing, &statistics);
    printf("%llu bytes sent, %llu received\n", (unsigned long long)statistics.bytes_out,
           (unsigned long long)statistics.bytes_in);
    iot_thing_deinit(thing);
    return progress.ended ? 0 : 1;
}

iot_thing_bytes_t report_once_file(const char *path)
{
    const size_t capacity = 16384;
    iot_thing_bytes_t bytes = {NULL, 0};
    uint8_t *buffer = malloc(capacity);
    FILE *file = fopen(path, "rb");
    if (buffer != NULL && file != NULL) {
        bytes.data = buffer;
        bytes.len = fread(buffer, 1, capacity, file);
        fclose(file);
    }
    if (bytes.len == 0 || bytes.len == capacity) {
        fprintf(stderr, "%s cannot be read or is larger than %lu bytes\n", path,
                (unsigned long)capacity);
        exit(2);
    }
    return bytes;
}
