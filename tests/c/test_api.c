/*
 * Every misuse of the API, each with the error that the header promises, and the functions that
 * need no connection. IOT_THING_TEST_PKI names a directory made by tools/pki (devices "one" and
 * "two"); without it the tests of credentials are left out, in words.
 */
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "sim.h"

static sim_device_t device;

/* ---- constants and texts ---------------------------------------------------------------------- */

#define E(name) {name, #name}
static const struct {
    int32_t code;
    const char *name;
} all_errors[] = {
    E(IOT_THING_ERR_NULL), E(IOT_THING_ERR_ARGUMENT), E(IOT_THING_ERR_STATE),
    E(IOT_THING_ERR_BUSY), E(IOT_THING_ERR_MEMORY), E(IOT_THING_ERR_STRUCT_SIZE),
    E(IOT_THING_ERR_PORT), E(IOT_THING_ERR_SOCKETS), E(IOT_THING_ERR_TRANSPORT),
    E(IOT_THING_ERR_ENDPOINT), E(IOT_THING_ERR_MQTT_ID), E(IOT_THING_ERR_THING_NAME),
    E(IOT_THING_ERR_CLIENT_CERT), E(IOT_THING_ERR_PRIVATE_KEY), E(IOT_THING_ERR_KEY_MISMATCH),
    E(IOT_THING_ERR_CA_CERTS), E(IOT_THING_ERR_TOPIC), E(IOT_THING_ERR_TOO_LARGE),
    E(IOT_THING_ERR_QUEUE_FULL), E(IOT_THING_ERR_RANDOM), E(IOT_THING_ERR_JSON_SYNTAX),
    E(IOT_THING_ERR_JSON_UTF8), E(IOT_THING_ERR_JSON_DEPTH), E(IOT_THING_ERR_JSON_NOT_FOUND),
    E(IOT_THING_ERR_JSON_TYPE), E(IOT_THING_ERR_JSON_RANGE), E(IOT_THING_ERR_JSON_NO_SPACE),
    E(IOT_THING_ERR_JSON_NESTING), E(IOT_THING_ERR_REJECTED), E(IOT_THING_ERR_TIMED_OUT),
    E(IOT_THING_ERR_CANCELLED), E(IOT_THING_ERR_RESOLVE), E(IOT_THING_ERR_TCP_CONNECT),
    E(IOT_THING_ERR_TCP_RESET), E(IOT_THING_ERR_TCP_CLOSED), E(IOT_THING_ERR_TCP_TIMEOUT),
    E(IOT_THING_ERR_SOCKET_CONTRACT), E(IOT_THING_ERR_TLS), E(IOT_THING_ERR_TLS_ALERT),
    E(IOT_THING_ERR_TLS_TIMEOUT), E(IOT_THING_ERR_TLS_RECORD_TOO_LARGE),
    E(IOT_THING_ERR_TLS_PROTOCOL), E(IOT_THING_ERR_TLS_NOT_AUTHENTICATED),
    E(IOT_THING_ERR_TLS_SIGN), E(IOT_THING_ERR_CERT_UNKNOWN_ISSUER),
    E(IOT_THING_ERR_CERT_EXPIRED), E(IOT_THING_ERR_CERT_NOT_YET_VALID),
    E(IOT_THING_ERR_CERT_HOST_NAME), E(IOT_THING_ERR_CERT_USAGE),
    E(IOT_THING_ERR_CERT_SIGNATURE), E(IOT_THING_ERR_CERT_MALFORMED),
    E(IOT_THING_ERR_CERT_UNSUPPORTED), E(IOT_THING_ERR_CERT_TIME_UNKNOWN),
    E(IOT_THING_ERR_MQTT_REFUSED), E(IOT_THING_ERR_MQTT_TIMEOUT), E(IOT_THING_ERR_MQTT_PROTOCOL),
    E(IOT_THING_ERR_MQTT_DISCONNECTED), E(IOT_THING_ERR_MQTT_KEEP_ALIVE),
    E(IOT_THING_ERR_MQTT_CLOSED_BEFORE_CONNACK), E(IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED),
    E(IOT_THING_ERR_NOT_FOUND), E(IOT_THING_ERR_DROPPED),
    E(IOT_THING_ERR_CLIENT_CERT_EXPIRED), E(IOT_THING_ERR_CLIENT_CERT_NOT_YET_VALID),
    E(IOT_THING_ERR_CLIENT_CERT_USAGE), E(IOT_THING_ERR_KEY_WEAK),
    E(IOT_THING_ERR_KEY_UNSUPPORTED), E(IOT_THING_ERR_SHADOW_NAME),
    E(IOT_THING_ERR_DISCONNECTED), E(IOT_THING_ERR_PROPERTY_UNKNOWN),
    E(IOT_THING_ERR_PROPERTY_READ_ONLY), E(IOT_THING_ERR_PROPERTY_REFUSED),
    E(IOT_THING_ERR_CRYPTO),
    E(IOT_THING_ERR_MQTT_TAKEN_OVER),
    E(IOT_THING_ERR_MQTT_QUOTA),
    E(IOT_THING_ERR_MQTT_CLOSED_AFTER_SUBSCRIBE),
    E(IOT_THING_ERR_MQTT_CLOSED_AFTER_PUBLISH),
};
#define ALL_ERRORS (sizeof all_errors / sizeof all_errors[0])

static void error_names_and_texts(void)
{
    size_t known = 0;
    for (size_t i = 0; i < ALL_ERRORS; i++) {
        check_context("%s", all_errors[i].name);
        CHECK(all_errors[i].code < 0);
        CHECK(strcmp(iot_thing_err_name(all_errors[i].code), all_errors[i].name) == 0);
        CHECK(strlen(iot_thing_err_text(all_errors[i].code)) > 3);
    }
    check_context("%s", "");
    for (int32_t code = -2000; code < 0; code++) {
        known += strcmp(iot_thing_err_name(code), "IOT_THING_ERR_UNKNOWN") != 0;
        CHECK(iot_thing_err_text(code) != NULL);
    }
    /* Fails when an error was added to the library and not to the table above. */
    CHECK_EQ(known, ALL_ERRORS);
    CHECK(strcmp(iot_thing_err_name(0), "IOT_THING_OK") == 0);
    CHECK(strcmp(iot_thing_err_name(1), "IOT_THING_ERR_UNKNOWN") == 0);
    CHECK(strcmp(iot_thing_err_name(INT32_MIN), "IOT_THING_ERR_UNKNOWN") == 0);
    CHECK(strcmp(iot_thing_err_name(INT32_MAX), "IOT_THING_ERR_UNKNOWN") == 0);
}

static void version_of_header_and_library(void)
{
    CHECK_EQ(iot_thing_version(), IOT_THING_VERSION_NUMBER);
    CHECK_EQ(IOT_THING_VERSION_NUMBER, (IOT_THING_VERSION_MAJOR << 16) |
                                           (IOT_THING_VERSION_MINOR << 8) |
                                           IOT_THING_VERSION_PATCH);
}

/* Must run before anything else: it needs a program in which no Thing was ever made. */
static void clock_skip_before_the_first_thing(void)
{
    CHECK_EQ(iot_thing_clock_skip(1), IOT_THING_ERR_STATE);
}

/* ---- NULL and things that are none -------------------------------------------------------------- */

static void null_configuration(void)
{
    size_t needed = 77;
    iot_thing_t *thing = NULL;
    sim_start(0);
    sim_device_init(&device, "thing");
    CHECK_EQ(iot_thing_memory_needed(NULL, &needed), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_memory_needed(&device.config, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(needed, 77);
    CHECK_EQ(iot_thing_init(NULL, device.memory.bytes, sizeof device.memory, &device.config),
             IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_init(&thing, device.memory.bytes, sizeof device.memory, NULL),
             IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_init(&thing, NULL, sizeof device.memory, &device.config),
             IOT_THING_ERR_MEMORY);
    CHECK_EQ(iot_thing_init(&thing, NULL, 0, &device.config), IOT_THING_ERR_MEMORY);
    CHECK(thing == NULL);
}

/* Calls everything on `thing`, which is no Thing, and expects `error` of each. */
static void call_everything(iot_thing_t *thing, int32_t error)
{
    ptrdiff_t handle = 0;
    uint32_t interest = 0;
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    iot_thing_statistics_t statistics = IOT_THING_STATISTICS_INIT;

    CHECK_EQ(iot_thing_connect(thing), error);
    CHECK_EQ(iot_thing_disconnect(thing), error);
    CHECK_EQ(iot_thing_poll(thing), error);
    CHECK_EQ(iot_thing_wait(thing, 0), error);
    CHECK_EQ(iot_thing_io_wanted(thing, &handle, &interest), error);
    CHECK_EQ(iot_thing_get_state(thing), error);
    CHECK_EQ(iot_thing_get_connection(thing, &connection), error);
    CHECK_EQ(iot_thing_get_statistics(thing, &statistics), error);
    CHECK_EQ(iot_thing_last_needed(thing), 0);
    CHECK_EQ(iot_thing_on_event(thing, sim_on_event, &device), error);
    CHECK_EQ(iot_thing_next_event(thing, &event), error);
    CHECK_EQ(iot_thing_update_shadow(thing, "{}", NULL, NULL), error);
    CHECK_EQ(iot_thing_update_shadow_n(thing, (const uint8_t *)"{}", 2, NULL, NULL), error);
    CHECK_EQ(iot_thing_on_shadow_request(thing, sim_on_request, &device), error);
    CHECK_EQ(iot_thing_publish(thing, "t", NULL, 0, 0, NULL, NULL), error);
    CHECK_EQ(iot_thing_deinit(thing), error);
}

static void null_thing(void)
{
    call_everything(NULL, IOT_THING_ERR_NULL);
}

static void use_after_deinit(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_t *gone = device.thing;
    CHECK(sim_device_end(&device));
    call_everything(gone, IOT_THING_ERR_STATE);
}

static void something_that_is_no_thing(void)
{
    static union {
        uint64_t align[64];
        uint8_t bytes[512];
    } other;
    call_everything((iot_thing_t *)(void *)&other, IOT_THING_ERR_STATE);
    memset(&other, 0xFF, sizeof other);
    call_everything((iot_thing_t *)(void *)&other, IOT_THING_ERR_STATE);
}

static void null_arguments_of_a_thing(void)
{
    ptrdiff_t handle;
    uint32_t interest;
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.pull_events = 1;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_t *thing = device.thing;

    CHECK_EQ(iot_thing_io_wanted(thing, NULL, &interest), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_io_wanted(thing, &handle, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_get_connection(thing, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_get_statistics(thing, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_next_event(thing, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_update_shadow(thing, NULL, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_update_shadow_n(thing, NULL, 2, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_publish(thing, NULL, NULL, 0, 0, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_publish(thing, "t", NULL, 1, 0, NULL, NULL), IOT_THING_ERR_NULL);
    /* Callbacks may be taken away again. */
    CHECK_EQ(iot_thing_on_event(thing, NULL, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_on_shadow_request(thing, NULL, NULL), IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

/* ---- configuration ----------------------------------------------------------------------------- */

static char long_text[400];
static iot_thing_sockets_t bad_sockets;
static iot_thing_port_t bad_port;

/* `count` times the letter a, optionally with something else in the end. */
static const char *letters(size_t count, const char *end)
{
    memset(long_text, 'a', count);
    strcpy(long_text + count, end);
    return long_text;
}

/* A host name of `count` bytes with labels of legal length. */
static const char *long_host(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        long_text[i] = i % 50 == 49 ? '.' : 'a';
    }
    long_text[count - 1] = 'a';
    long_text[count] = '\0';
    return long_text;
}

static int in_credentials(int32_t error)
{
    return error == IOT_THING_ERR_CLIENT_CERT || error == IOT_THING_ERR_PRIVATE_KEY ||
           error == IOT_THING_ERR_KEY_MISMATCH || error == IOT_THING_ERR_CA_CERTS ||
           error == IOT_THING_ERR_CLIENT_CERT_EXPIRED ||
           error == IOT_THING_ERR_CLIENT_CERT_NOT_YET_VALID ||
           error == IOT_THING_ERR_CLIENT_CERT_USAGE || error == IOT_THING_ERR_KEY_UNSUPPORTED;
}

static void expect_config(int32_t error, int line)
{
    size_t needed = 0;
    iot_thing_t *thing = NULL;
    check_context("the configuration of line %d", line);
    int32_t asked = iot_thing_memory_needed(&device.config, &needed);
    /* Only init looks into certificates and key. */
    CHECK(asked == error || (asked == IOT_THING_OK && in_credentials(error)));
    CHECK((needed > 0) == (asked == IOT_THING_OK));
    int32_t made = iot_thing_init(&thing, device.memory.bytes, sizeof device.memory.bytes,
                                  &device.config);
    CHECK_EQ(made, error);
    CHECK((thing != NULL) == (error == IOT_THING_OK));
    if (made == IOT_THING_OK) {
        CHECK_EQ(iot_thing_deinit(thing), IOT_THING_OK);
    }
    check_context("%s", "");
}

/* One configuration that differs from a good one by `change`. */
#define CONFIG(error, change) \
    do { \
        sim_device_init(&device, "thing"); \
        bad_sockets = device.link.sockets; \
        bad_port = sim_port; \
        change; \
        expect_config(error, __LINE__); \
    } while (0)

static void texts_of_the_configuration(void)
{
    sim_start(0);
    CONFIG(IOT_THING_OK, (void)0);
    CONFIG(IOT_THING_ERR_TRANSPORT, device.config.transport = NULL);

    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = NULL);
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "");
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = long_host(254));
    CONFIG(IOT_THING_OK, device.config.endpoint = long_host(253));
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "two words");
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "https://host.example.com");
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "host.example.com:8883");
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "host.example.com/");
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "h\xC3\xB6st.example.com");
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "host..example.com");
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "2001:db8::1");
    CONFIG(IOT_THING_ERR_ENDPOINT, device.config.endpoint = "192.0.2.1");
    CONFIG(IOT_THING_OK, device.config.endpoint = "localhost");

    CONFIG(IOT_THING_ERR_MQTT_ID, device.config.mqtt_id = NULL);
    CONFIG(IOT_THING_ERR_MQTT_ID, device.config.mqtt_id = "");
    CONFIG(IOT_THING_ERR_MQTT_ID, device.config.mqtt_id = letters(129, ""));
    CONFIG(IOT_THING_OK, device.config.mqtt_id = letters(128, ""));
    CONFIG(IOT_THING_ERR_MQTT_ID, device.config.mqtt_id = "$thing");
    CONFIG(IOT_THING_ERR_MQTT_ID, device.config.mqtt_id = "thing\xFF");

    CONFIG(IOT_THING_ERR_THING_NAME, device.config.thing_name = letters(129, ""));
    CONFIG(IOT_THING_OK, device.config.thing_name = letters(128, ""));
    CONFIG(IOT_THING_ERR_THING_NAME, device.config.thing_name = "");
    CONFIG(IOT_THING_ERR_THING_NAME, device.config.thing_name = "a/b");
    CONFIG(IOT_THING_ERR_THING_NAME, device.config.thing_name = "a b");
    CONFIG(IOT_THING_ERR_THING_NAME, device.config.thing_name = "th\xC3\xADng");
    CONFIG(IOT_THING_OK, device.config.thing_name = "aZ09:_-");
    /* Without a name of its own the client id is the name, and must be one. */
    CONFIG(IOT_THING_ERR_THING_NAME, device.config.mqtt_id = "a b");
    CONFIG(IOT_THING_OK, (device.config.mqtt_id = "a b", device.config.thing_name = "ab"));
}

static void numbers_of_the_configuration(void)
{
    sim_start(0);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.keep_alive_s = 29);
    CONFIG(IOT_THING_OK, device.config.keep_alive_s = 30);
    CONFIG(IOT_THING_OK, device.config.keep_alive_s = 1200);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.keep_alive_s = 1201);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.rx_size = 511);
    CONFIG(IOT_THING_OK, device.config.rx_size = 512);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.rx_size = 131073);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.rx_size = UINT32_MAX);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.tx_size = 255);
    CONFIG(IOT_THING_OK, device.config.tx_size = 256);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.tx_size = 131073);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.reply_size = 63);
    CONFIG(IOT_THING_OK, device.config.reply_size = 64);
    CONFIG(IOT_THING_OK, device.config.reply_size = 8192);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.reply_size = 8193);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.queue_len = 1);
    CONFIG(IOT_THING_OK, device.config.queue_len = 2);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.queue_len = 1025);
    CONFIG(IOT_THING_ERR_ARGUMENT, device.config.queue_len = UINT32_MAX);
    CONFIG(IOT_THING_OK, device.config.session_expiry_s = IOT_THING_SESSION_NONE);
    /* Any port is one; any time-out is one. */
    CONFIG(IOT_THING_OK, device.config.tcp_port = 1);
    CONFIG(IOT_THING_OK, device.config.connect_timeout_ms = UINT32_MAX);
    CONFIG(IOT_THING_OK, device.config.backoff_cap_ms = UINT32_MAX);
}

static void sockets_and_port_of_the_configuration(void)
{
    sim_start(0);
    CONFIG(IOT_THING_ERR_SOCKETS, device.config.sockets = NULL);
#define SOCKETS(error, change) \
    CONFIG(error, (device.config.sockets = &bad_sockets, bad_sockets.change))
    SOCKETS(IOT_THING_OK, resolve = NULL);
    SOCKETS(IOT_THING_OK, wait = NULL);
    SOCKETS(IOT_THING_ERR_SOCKETS, open = NULL);
    SOCKETS(IOT_THING_ERR_SOCKETS, connect = NULL);
    SOCKETS(IOT_THING_ERR_SOCKETS, send = NULL);
    SOCKETS(IOT_THING_ERR_SOCKETS, recv = NULL);
    SOCKETS(IOT_THING_ERR_SOCKETS, close = NULL);

    CONFIG(IOT_THING_ERR_PORT, device.config.port = NULL);
#define PORT(error, change) CONFIG(error, (device.config.port = &bad_port, bad_port.change))
    PORT(IOT_THING_ERR_PORT, now_ms = NULL);
    PORT(IOT_THING_ERR_PORT, random = NULL);
    PORT(IOT_THING_ERR_PORT, enter_critical = NULL); /* half of the pair */
    PORT(IOT_THING_ERR_PORT, exit_critical = NULL);
    /* As good as the one given before, but not the same. */
    PORT(IOT_THING_ERR_PORT, user = NULL);
}

static void struct_sizes(void)
{
    const uint32_t config_size = (uint32_t)sizeof(iot_thing_config_t);
    sim_start(0);
    CONFIG(IOT_THING_ERR_STRUCT_SIZE, device.config.struct_size = 0);
    CONFIG(IOT_THING_ERR_STRUCT_SIZE, device.config.struct_size = config_size + 1);
    CONFIG(IOT_THING_ERR_STRUCT_SIZE, device.config.struct_size = UINT32_MAX);
    /* An application built against an older header: what it did not know is left at defaults. */
    CONFIG(IOT_THING_OK, (device.config.rx_size = 1, /* not looked at */
                          device.config.struct_size =
                              (uint32_t)offsetof(iot_thing_config_t, pull_events)));
    CONFIG(IOT_THING_ERR_TRANSPORT, device.config.struct_size = sizeof(void *));
    /* No structure ends in the middle of a field. */
    CONFIG(IOT_THING_ERR_STRUCT_SIZE, device.config.struct_size = sizeof(void *) + 1);

    SOCKETS(IOT_THING_ERR_STRUCT_SIZE, struct_size = 0);
    SOCKETS(IOT_THING_ERR_STRUCT_SIZE, struct_size = sizeof bad_sockets + 1);
    SOCKETS(IOT_THING_OK, struct_size = offsetof(iot_thing_sockets_t, wait));
    SOCKETS(IOT_THING_ERR_SOCKETS, struct_size = offsetof(iot_thing_sockets_t, close));
    PORT(IOT_THING_ERR_STRUCT_SIZE, struct_size = 0);
    PORT(IOT_THING_ERR_STRUCT_SIZE, struct_size = sizeof bad_port + 1);
    PORT(IOT_THING_ERR_PORT, struct_size = offsetof(iot_thing_port_t, random));
}

static void struct_sizes_of_results(void)
{
    iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    iot_thing_statistics_t statistics = IOT_THING_STATISTICS_INIT;
    sim_start(0);
    sim_device_init(&device, "thing");
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);

    memset(&connection, 0x5A, sizeof connection);
    connection.struct_size = sizeof connection;
    CHECK_EQ(iot_thing_get_connection(device.thing, &connection), IOT_THING_OK);
    CHECK_EQ(connection.struct_size, sizeof connection);
    CHECK_EQ(connection.state, IOT_THING_STATE_IDLE);
    CHECK_EQ(connection.tls_version, 0);
    CHECK_EQ(connection.server_authenticated, 0);
    CHECK_EQ(connection.session_resumed, 0);

    connection.struct_size = 0;
    CHECK_EQ(iot_thing_get_connection(device.thing, &connection), IOT_THING_ERR_STRUCT_SIZE);
    connection.struct_size = sizeof connection + 4;
    CHECK_EQ(iot_thing_get_connection(device.thing, &connection), IOT_THING_ERR_STRUCT_SIZE);
    /* An older program's structure is shorter: nothing behind it may be written. */
    memset(&connection, 0x5A, sizeof connection);
    connection.struct_size = offsetof(iot_thing_connection_t, server_authenticated);
    CHECK_EQ(iot_thing_get_connection(device.thing, &connection), IOT_THING_OK);
    CHECK_EQ(connection.state, IOT_THING_STATE_IDLE);
    CHECK_EQ(connection.server_authenticated, 0x5A5A5A5A);

    CHECK_EQ(iot_thing_get_statistics(device.thing, &statistics), IOT_THING_OK);
    CHECK_EQ(statistics.attempts, 0);
    statistics.struct_size = 0;
    CHECK_EQ(iot_thing_get_statistics(device.thing, &statistics), IOT_THING_ERR_STRUCT_SIZE);
    statistics.struct_size = sizeof statistics + 8;
    CHECK_EQ(iot_thing_get_statistics(device.thing, &statistics), IOT_THING_ERR_STRUCT_SIZE);
    memset(&statistics, 0x5A, sizeof statistics);
    statistics.struct_size = offsetof(iot_thing_statistics_t, connects);
    CHECK_EQ(iot_thing_get_statistics(device.thing, &statistics), IOT_THING_OK);
    CHECK_EQ(statistics.attempts, 0);
    CHECK_EQ(statistics.connects, 0x5A5A5A5A);
    CHECK(sim_device_end(&device));
}

/* ---- memory ------------------------------------------------------------------------------------ */

static size_t needed_now(void)
{
    size_t needed = 0;
    CHECK_EQ(iot_thing_memory_needed(&device.config, &needed), IOT_THING_OK);
    return needed;
}

static void memory_too_small_at_every_size(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.rx_size = 512;
    device.config.tx_size = 256;
    size_t needed = needed_now();
    iot_thing_t *thing = NULL;
    for (size_t size = 0; size < needed; size++) {
        check_context("size %lu of %lu", (unsigned long)size, (unsigned long)needed);
        int32_t error = iot_thing_init(&thing, device.memory.bytes, size, &device.config);
        if (!CHECK_EQ(error, IOT_THING_ERR_MEMORY)) {
            break;
        }
    }
    check_context("%s", "");
    CHECK(thing == NULL);
    CHECK_EQ(iot_thing_init(&thing, device.memory.bytes, needed, &device.config), IOT_THING_OK);
    CHECK_EQ(iot_thing_deinit(thing), IOT_THING_OK);
}

/* Memory at odd addresses, with guards around it that must stay as they are. */
static void unaligned_memory(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    size_t needed = needed_now();
    for (size_t offset = 0; offset < 8; offset++) {
        iot_thing_t *thing = NULL;
        uint8_t *start = device.memory.bytes + 16 + offset;
        size_t size = needed + IOT_THING_MEMORY_ALIGN - 1;
        check_context("offset %lu", (unsigned long)offset);
        memset(device.memory.bytes, 0xEE, sizeof device.memory.bytes);
        CHECK_EQ(iot_thing_init(&thing, start, size, &device.config), IOT_THING_OK);
        CHECK((uint8_t *)thing >= start && (uint8_t *)thing < start + size);
        CHECK_EQ((uintptr_t)thing % IOT_THING_MEMORY_ALIGN, 0);
        device.thing = thing;
        iot_thing_connect(thing);
        sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 1000);
        CHECK(sim_device_end(&device));
        CHECK_EQ(start[-1], 0xEE);
        CHECK_EQ(start[size], 0xEE);
    }
}

/* Memory that nobody wrote to: valgrind tells when a decision depends on what was in it. */
static void memory_need_not_be_zeroed(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    size_t needed = needed_now();
    uint8_t *memory = malloc(needed);
    iot_thing_t *thing = NULL;
    CHECK_EQ(iot_thing_init(&thing, memory, needed, &device.config), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(thing), IOT_THING_OK);
    device.thing = thing;
    CHECK(sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 1000));
    CHECK(sim_device_end(&device));
    free(memory);
}

static void memory_macros_are_enough(void)
{
    static const uint32_t sizes[] = {512, 1000, 4096, 8191, 20000, 131072};
    const size_t n = sizeof sizes / sizeof sizes[0];
    sim_start(0);
    for (size_t rx = 0; rx < n; rx++) {
        for (size_t tx = 0; tx < n; tx++) {
            check_context("rx %lu tx %lu", (unsigned long)sizes[rx], (unsigned long)sizes[tx]);
            sim_device_init(&device, letters(64, ""));
            device.config.thing_name = letters(128, "");
            device.config.mqtt_id = long_text + 64;
            device.config.rx_size = sizes[rx];
            device.config.tx_size = sizes[tx];
            /* Room is left for a static array of bytes that is not aligned. */
            CHECK(needed_now() + IOT_THING_MEMORY_ALIGN - 1 <=
                  IOT_THING_MEMORY_SIZE_SECURE_SOCKET(sizes[rx], sizes[tx]));
        }
    }
    check_context("%s", "");
    sim_device_init(&device, "thing");
    CHECK(needed_now() <= IOT_THING_MEMORY_SIZE_SECURE_SOCKET(IOT_THING_DEFAULT_RX_SIZE,
                                                              IOT_THING_DEFAULT_TX_SIZE));
}

static void second_init_on_the_same_memory(void)
{
    iot_thing_t *second = NULL;
    sim_start(0);
    sim_device_init(&device, "thing");
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_init(&second, device.memory.bytes, sizeof device.memory, &device.config),
             IOT_THING_ERR_STATE);
    CHECK(second == NULL);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_IDLE);
    CHECK_EQ(iot_thing_deinit(device.thing), IOT_THING_OK);
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

/* ---- publish and update ------------------------------------------------------------------------- */

static int32_t publish(const char *topic, size_t payload_len, int32_t qos)
{
    static uint8_t payload[140000];
    return iot_thing_publish(device.thing, topic, payload, payload_len, qos, NULL, NULL);
}

static void bad_publishes(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(publish("", 0, 0), IOT_THING_ERR_TOPIC);
    CHECK_EQ(publish(letters(257, ""), 0, 0), IOT_THING_ERR_TOPIC);
    CHECK_EQ(publish(letters(390, ""), 0, 0), IOT_THING_ERR_TOPIC);
    CHECK_EQ(publish("a/+/b", 0, 0), IOT_THING_ERR_TOPIC);
    CHECK_EQ(publish("a/#", 0, 0), IOT_THING_ERR_TOPIC);
    CHECK_EQ(publish("#", 0, 0), IOT_THING_ERR_TOPIC);
    CHECK_EQ(publish("a\xC3", 0, 0), IOT_THING_ERR_TOPIC);
    CHECK_EQ(publish("1/2/3/4/5/6/7/8/9", 0, 0), IOT_THING_ERR_TOPIC);
    CHECK_EQ(publish("t", 0, 2), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(publish("t", 0, -1), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(publish("t", 0, 256), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(publish("t", 131073, 0), IOT_THING_ERR_TOO_LARGE);
    CHECK(iot_thing_last_needed(device.thing) >= 131073);
    CHECK_EQ(publish("t", IOT_THING_DEFAULT_TX_SIZE, 1), IOT_THING_ERR_TOO_LARGE);
    CHECK(iot_thing_last_needed(device.thing) >= IOT_THING_DEFAULT_TX_SIZE);
    /* Nothing of it was kept. */
    iot_thing_statistics_t statistics = IOT_THING_STATISTICS_INIT;
    CHECK_EQ(iot_thing_get_statistics(device.thing, &statistics), IOT_THING_OK);
    CHECK_EQ(statistics.outbox_messages_max, 0);
    CHECK_EQ(publish(letters(256, ""), 0, 0), IOT_THING_OK);
    CHECK_EQ(publish("1/2/3/4/5/6/7/8", 0, 1), IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

static void queue_full(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.queue_len = 5;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(publish("t", 10, 1), IOT_THING_OK);
    }
    CHECK_EQ(publish("t", 10, 1), IOT_THING_ERR_QUEUE_FULL);
    CHECK_EQ(iot_thing_update_shadow(device.thing, "{}", NULL, NULL), IOT_THING_ERR_QUEUE_FULL);
    CHECK(sim_device_end(&device));

    sim_device_init(&device, "thing");
    device.config.tx_size = 1000;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(publish("t", 900, 1), IOT_THING_OK);
    CHECK_EQ(publish("t", 900, 1), IOT_THING_ERR_QUEUE_FULL);
    CHECK(iot_thing_last_needed(device.thing) >= 900);
    CHECK_EQ(publish("t", 50, 1), IOT_THING_OK);

    /* Room comes back when the messages are gone. */
    iot_thing_connect(device.thing);
    sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 1000);
    sim_run(&device, 1000);
    CHECK_EQ(broker_count(&device.broker, "t"), 2);
    CHECK_EQ(publish("t", 900, 1), IOT_THING_OK);
    sim_run(&device, 1000);
    CHECK_EQ(broker_count(&device.broker, "t"), 3);
    CHECK(sim_device_end(&device));
}

static int32_t update(const char *json)
{
    return iot_thing_update_shadow(device.thing, json, NULL, NULL);
}

/* An object nested `depth` deep. */
static const char *nested(size_t depth)
{
    static char text[512];
    char *at = text;
    for (size_t i = 0; i < depth; i++) {
        at += sprintf(at, "{\"a\":");
    }
    at += sprintf(at, "1");
    for (size_t i = 0; i < depth; i++) {
        at += sprintf(at, "}");
    }
    return text;
}

static void bad_updates(void)
{
    static char large[9000];
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.tx_size = 20000;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(update(""), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{"), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{\"a\":1,}"), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{\"a\" 1}"), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{'a':1}"), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{\"a\":01}"), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{\"a\":1} x"), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{\"a\":1}}"), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{\"a\":nul}"), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(update("{\"a\":\"\xFF\"}"), IOT_THING_ERR_JSON_UTF8);
    CHECK_EQ(update("{\"a\":\"\\ud800\"}"), IOT_THING_ERR_JSON_UTF8);
    CHECK_EQ(update("[1]"), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(update("1"), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(update("null"), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(update("\"{}\""), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(update(nested(40)), IOT_THING_ERR_JSON_DEPTH);
    CHECK_EQ(update(nested(5)), IOT_THING_OK);
    CHECK_EQ(iot_thing_update_shadow_n(device.thing, (const uint8_t *)"{}tail", 2, NULL, NULL),
             IOT_THING_OK);
    CHECK_EQ(iot_thing_update_shadow_n(device.thing, (const uint8_t *)"{}", 1, NULL, NULL),
             IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(iot_thing_update_shadow_n(device.thing, NULL, 0, NULL, NULL),
             IOT_THING_ERR_JSON_SYNTAX);

    memset(large, 'x', sizeof large);
    memcpy(large, "{\"a\":\"", 6);
    memcpy(large + 8200, "\"}", 3);
    CHECK_EQ(update(large), IOT_THING_ERR_TOO_LARGE);
    CHECK(iot_thing_last_needed(device.thing) > 8192);
    CHECK(sim_device_end(&device));

    sim_device_init(&device, "thing");
    device.config.tx_size = 256;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    memcpy(large + 300, "\"}", 3);
    CHECK_EQ(update(large), IOT_THING_ERR_TOO_LARGE);
    CHECK(iot_thing_last_needed(device.thing) > 300);
    CHECK(sim_device_end(&device));
}

/* ---- waiting and events -------------------------------------------------------------------------- */

static int waits;
static int32_t waited_ms;

static void note_wait(void *user, ptrdiff_t socket, uint32_t interest, int32_t timeout_ms)
{
    (void)user;
    CHECK_EQ(socket, -1);
    CHECK_EQ(interest, 0);
    waits++;
    waited_ms = timeout_ms;
}

static void wait_function(void)
{
    sim_start(0);
    sim_device_init(&device, "thing");
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_wait(device.thing, 5), IOT_THING_ERR_SOCKETS);
    CHECK_EQ(iot_thing_wait(device.thing, IOT_THING_ERR_BUSY), IOT_THING_ERR_BUSY);
    CHECK(sim_device_end(&device));

    sim_device_init(&device, "thing");
    device.link.sockets.wait = note_wait;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    waits = 0;
    CHECK_EQ(iot_thing_wait(device.thing, iot_thing_poll(device.thing)), IOT_THING_OK);
    CHECK_EQ(waits, 1);
    CHECK_EQ(waited_ms, IOT_THING_FOREVER);
    CHECK_EQ(iot_thing_wait(device.thing, -7), -7);
    CHECK_EQ(waits, 1);
    /* What was queued after the poll must not be slept over. */
    CHECK_EQ(sim_poll(&device), IOT_THING_FOREVER);
    iot_thing_connect(device.thing);
    CHECK_EQ(sim_board.wakes, 1);
    CHECK(sim_board.woken == device.thing);
    CHECK(sim_device_end(&device));
}

static void next_event_only_when_pulling(void)
{
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    sim_start(0);
    sim_device_init(&device, "thing");
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_next_event(device.thing, &event), IOT_THING_ERR_STATE);
    CHECK(sim_device_end(&device));

    sim_device_init(&device, "thing");
    device.config.pull_events = 1;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    memset(&event, 0x5A, sizeof event);
    event.struct_size = sizeof event;
    CHECK_EQ(iot_thing_next_event(device.thing, &event), IOT_THING_OK);
    CHECK_EQ(event.type, IOT_THING_EVENT_NONE);
    CHECK(sim_device_end(&device));
}

static void idle_thing_sleeps_for_ever(void)
{
    ptrdiff_t handle = 5;
    uint32_t interest = 5;
    sim_start(0);
    sim_device_init(&device, "thing");
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(sim_poll(&device), IOT_THING_FOREVER);
    CHECK_EQ(iot_thing_io_wanted(device.thing, &handle, &interest), IOT_THING_OK);
    CHECK_EQ(handle, -1);
    CHECK_EQ(interest, 0);
    CHECK_EQ(iot_thing_disconnect(device.thing), IOT_THING_OK);
    CHECK_EQ(sim_poll(&device), IOT_THING_FOREVER);
    CHECK_EQ(device.event_count, 0);
    CHECK_EQ(iot_thing_clock_skip(1000), IOT_THING_OK);
    CHECK(sim_device_end(&device));
}

/* ---- credentials --------------------------------------------------------------------------------- */

static uint8_t cert_one[8192];
static uint8_t key_one[4096];
static uint8_t pk8_one[4096];
static uint8_t key_two[4096];
static uint8_t ca[8192];
static uint8_t cert_rsa[8192];
static uint8_t key_rsa[4096];
static uint8_t leaf[8192];
static uint8_t ca_own[8192];
#define YEAR (365u * 24 * 3600)

static iot_thing_bytes_t pem(const char *dir, const char *name, uint8_t *buffer, size_t capacity)
{
    char path[1024];
    iot_thing_bytes_t bytes = {buffer, 0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        bytes.len = fread(buffer, 1, capacity, file);
        fclose(file);
    }
    if (!CHECK(bytes.len > 0)) {
        fprintf(stderr, "cannot read %s\n", path);
    }
    return bytes;
}

static iot_thing_bytes_t text_bytes(const char *text)
{
    iot_thing_bytes_t bytes = {(const uint8_t *)text, strlen(text)};
    return bytes;
}

static int32_t refuse_to_sign(void *user, const uint8_t *hash, uint8_t *signature,
                              size_t capacity, size_t *len)
{
    (void)user, (void)hash, (void)signature, (void)capacity, (void)len;
    return -1;
}

static void credentials(void)
{
    const char *dir = getenv("IOT_THING_TEST_PKI");
    if (dir == NULL) {
        printf("skipped: IOT_THING_TEST_PKI is not set\n");
        return;
    }
    const iot_thing_bytes_t none = {NULL, 0};
    const iot_thing_bytes_t null_with_length = {NULL, 5};
    const iot_thing_bytes_t cert = pem(dir, "device-one.pem", cert_one, sizeof cert_one - 1);
    const iot_thing_bytes_t key = pem(dir, "device-one.key", key_one, sizeof key_one - 1);
    const iot_thing_bytes_t pk8 = pem(dir, "device-one.pk8", pk8_one, sizeof pk8_one);
    const iot_thing_bytes_t other_key = pem(dir, "device-two.key", key_two, sizeof key_two);
    const iot_thing_bytes_t roots = pem(dir, "server-root.pem", ca, sizeof ca);
    const iot_thing_bytes_t rsa_cert = pem(dir, "device-rsa.pem", cert_rsa, sizeof cert_rsa);
    const iot_thing_bytes_t rsa_key = pem(dir, "device-rsa.key", key_rsa, sizeof key_rsa);
    const iot_thing_bytes_t server = pem(dir, "no-server-auth-leaf.pem", leaf, sizeof leaf);
    const iot_thing_bytes_t ca_cert = pem(dir, "device-ca.pem", ca_own, sizeof ca_own);
    const iot_thing_bytes_t garbage = text_bytes("no certificate");
    iot_thing_bytes_t shorter;

    sim_start(0);
    sim_board.unix_time = (uint64_t)time(NULL);
#define TLS(error, change) \
    CONFIG(error, (device.config.transport = &iot_thing_transport_tls, \
                   device.config.client_cert = cert, device.config.private_key = key, \
                   device.config.ca_certs = roots, change))
    TLS(IOT_THING_OK, (void)0);
    TLS(IOT_THING_OK, device.config.private_key = pk8);
    TLS(IOT_THING_OK, device.config.ca_certs = none); /* Amazon's */

    TLS(IOT_THING_ERR_CLIENT_CERT, device.config.client_cert = none);
    TLS(IOT_THING_ERR_CLIENT_CERT, device.config.client_cert = garbage);
    TLS(IOT_THING_ERR_CLIENT_CERT, device.config.client_cert = key);
    TLS(IOT_THING_ERR_CLIENT_CERT, device.config.client_cert = null_with_length);
    TLS(IOT_THING_ERR_PRIVATE_KEY, device.config.private_key = none);
    TLS(IOT_THING_ERR_PRIVATE_KEY, device.config.private_key = garbage);
    TLS(IOT_THING_ERR_PRIVATE_KEY, device.config.private_key = cert);
    TLS(IOT_THING_ERR_PRIVATE_KEY, device.config.private_key = null_with_length);
    TLS(IOT_THING_ERR_KEY_MISMATCH, device.config.private_key = other_key);
    TLS(IOT_THING_ERR_CA_CERTS, device.config.ca_certs = garbage);
    TLS(IOT_THING_ERR_CA_CERTS, device.config.ca_certs = key);
    TLS(IOT_THING_ERR_CA_CERTS, device.config.ca_certs = null_with_length);
    TLS(IOT_THING_OK, (device.config.private_key = none, device.config.sign = refuse_to_sign));
    TLS(IOT_THING_OK, (device.config.private_key = none, device.config.sign = refuse_to_sign,
                       device.config.sign_form = IOT_THING_SIGN_RAW));
    TLS(IOT_THING_ERR_ARGUMENT, device.config.sign_form = 2);

    TLS(IOT_THING_OK, (device.config.client_cert = rsa_cert, device.config.private_key = rsa_key));
    TLS(IOT_THING_ERR_KEY_MISMATCH, device.config.client_cert = rsa_cert);
    TLS(IOT_THING_ERR_KEY_MISMATCH, device.config.private_key = rsa_key);
    TLS(IOT_THING_ERR_KEY_UNSUPPORTED, (device.config.client_cert = rsa_cert,
                                        device.config.private_key = none,
                                        device.config.sign = refuse_to_sign));
    TLS(IOT_THING_ERR_KEY_MISMATCH, device.config.client_cert = server);
    TLS(IOT_THING_ERR_CLIENT_CERT_USAGE, device.config.client_cert = ca_cert);

    /* The certificate is judged by the clock, as far as that is known. */
    TLS(IOT_THING_ERR_CLIENT_CERT_EXPIRED, sim_board.unix_time += 20 * YEAR);
    TLS(IOT_THING_ERR_CLIENT_CERT_NOT_YET_VALID, sim_board.unix_time -= 21 * YEAR);
    TLS(IOT_THING_OK, sim_board.unix_time = 0);
    TLS(IOT_THING_ERR_CLIENT_CERT_EXPIRED,
        device.config.earliest_unix_time = (uint64_t)time(NULL) + 20 * YEAR);
    TLS(IOT_THING_OK, device.config.earliest_unix_time = (uint64_t)time(NULL) - YEAR);
    sim_board.unix_time = (uint64_t)time(NULL);

    /* A PEM text may be counted with its NUL. */
    shorter = cert;
    shorter.len++;
    TLS(IOT_THING_OK, device.config.client_cert = shorter);
    shorter = key;
    shorter.len++;
    TLS(IOT_THING_OK, device.config.private_key = shorter);

    /* Cut anywhere, a certificate or a key is an error, never a crash. */
    for (size_t len = 1; len + 40 < cert.len; len += 13) {
        shorter = cert;
        shorter.len = len;
        TLS(IOT_THING_ERR_CLIENT_CERT, device.config.client_cert = shorter);
    }
    TLS(IOT_THING_OK, (void)0);
    for (size_t len = 1; len + 40 < key.len; len += 7) {
        shorter = key;
        shorter.len = len;
        device.config.private_key = shorter;
        CHECK_EQ(sim_device_make(&device), IOT_THING_ERR_PRIVATE_KEY);
    }
    static uint8_t ticket[64];
    TLS(IOT_THING_ERR_NULL, device.config.tls_ticket_size = 1);
    TLS(IOT_THING_OK, (device.config.tls_ticket = ticket, device.config.tls_ticket_size = 64));
    /* It is written to, so it must be nothing else. */
    uint8_t *const read[] = {cert_one, cert_one + cert.len - 1, key_one, ca};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
        TLS(IOT_THING_ERR_ARGUMENT,
            (device.config.tls_ticket = read[i], device.config.tls_ticket_size = 64));
    }
    TLS(IOT_THING_OK, device.config.tls_ticket = cert_one); /* without a size it is not used */
    device.config.tls_ticket_size = 64;
    uint8_t *const own[] = {device.memory.bytes, device.memory.bytes + 1000,
                            device.memory.bytes + sizeof device.memory.bytes - 1};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        device.config.tls_ticket = own[i];
        CHECK_EQ(sim_device_make(&device), IOT_THING_ERR_ARGUMENT);
    }
    TLS(IOT_THING_ERR_ARGUMENT, device.config.tls_rx_size = 511);
    TLS(IOT_THING_ERR_ARGUMENT, device.config.tls_rx_size = 16641);
    TLS(IOT_THING_ERR_ARGUMENT, device.config.tls_tx_size = 511);
    TLS(IOT_THING_ERR_ARGUMENT, device.config.tls_tx_size = 16641);

    /* The macro is enough for two PEM certificates and default sizes, at any address. */
    TLS(IOT_THING_OK, (void)0);
    size_t needed = needed_now();
    CHECK(needed + IOT_THING_MEMORY_ALIGN - 1 <= IOT_THING_MEMORY_SIZE_DEFAULT);
    iot_thing_t *thing = NULL;
    for (size_t size = 0; size < needed; size += 499) {
        CHECK_EQ(iot_thing_init(&thing, device.memory.bytes, size, &device.config),
                 IOT_THING_ERR_MEMORY);
    }
    CHECK_EQ(iot_thing_init(&thing, device.memory.bytes, needed - 1, &device.config),
             IOT_THING_ERR_MEMORY);
    CHECK_EQ(iot_thing_init(&thing, device.memory.bytes, needed, &device.config), IOT_THING_OK);
    CHECK_EQ(iot_thing_deinit(thing), IOT_THING_OK);
}

/* Whether the number is there, as it is or with its bytes the other way round. */
static int memory_holds(const uint8_t *bytes, size_t len)
{
    uint8_t turned[32];
    for (size_t i = 0; i < len; i++) {
        turned[i] = bytes[len - 1 - i];
    }
    for (size_t i = 0; i + len <= sizeof device.memory.bytes; i++) {
        if (memcmp(device.memory.bytes + i, bytes, len) == 0 ||
            memcmp(device.memory.bytes + i, turned, len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The private key must be gone from the memory after deinit. */
static void key_is_wiped(void)
{
    const char *dir = getenv("IOT_THING_TEST_PKI");
    uint8_t scalar[32];
    if (dir == NULL) {
        printf("skipped: IOT_THING_TEST_PKI is not set\n");
        return;
    }
    sim_start(0);
    sim_device_init(&device, "thing");
    device.config.transport = &iot_thing_transport_tls;
    device.config.client_cert = pem(dir, "device-one.pem", cert_one, sizeof cert_one);
    device.config.private_key = pem(dir, "device-one.key", key_one, sizeof key_one);
    memset(&device.memory, 0, sizeof device.memory);
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(pem(dir, "device-one.scalar", scalar, sizeof scalar).len, sizeof scalar);
    CHECK(memory_holds(scalar, sizeof scalar)); /* so the search below means something */
    CHECK(sim_device_end(&device));
    CHECK(!memory_holds(scalar, sizeof scalar));
}

int main(int argc, char **argv)
{
    RUN(clock_skip_before_the_first_thing);
    RUN(error_names_and_texts);
    RUN(version_of_header_and_library);
    RUN(null_configuration);
    RUN(null_thing);
    RUN(use_after_deinit);
    RUN(something_that_is_no_thing);
    RUN(null_arguments_of_a_thing);
    RUN(texts_of_the_configuration);
    RUN(numbers_of_the_configuration);
    RUN(sockets_and_port_of_the_configuration);
    RUN(struct_sizes);
    RUN(struct_sizes_of_results);
    RUN(memory_too_small_at_every_size);
    RUN(unaligned_memory);
    RUN(memory_need_not_be_zeroed);
    RUN(memory_macros_are_enough);
    RUN(second_init_on_the_same_memory);
    RUN(bad_publishes);
    RUN(queue_full);
    RUN(bad_updates);
    RUN(wait_function);
    RUN(next_event_only_when_pulling);
    RUN(idle_thing_sleeps_for_ever);
    RUN(credentials);
    RUN(key_is_wiped);
    return check_report("test_api");
}
