/*
 * iot_thing as natives of Zerynth's virtual machine. README.md lists them with their arguments.
 *
 * One Thing per program, as in Zerynth's own library; its memory is static. The VM is never called
 * back: a Python thread calls _thing_poll, takes what _thing_next_event has, and calls _thing_wait.
 * The GIL is released where something calculates or waits.
 */
#include <string.h>

#include "zerynth.h"

#include "iot_thing.h"
#include "iot_thing_zerynth.h"

/* PEM texts that the Thing goes on using: the VM may move or free its strings. */
#define MAX_CLIENT_CERT 3072
#define MAX_CA_CERTS 6144
/* The longest time that _thing_wait blocks, in ms: Python threads must see their flags. */
#define MAX_WAIT_MS 500

static struct {
    iot_thing_t *thing;
    char endpoint[IOT_THING_MAX_ENDPOINT + 1];
    char mqtt_id[IOT_THING_MAX_MQTT_ID + 1];
    char thing_name[IOT_THING_MAX_THING_NAME + 1];
    uint8_t client_cert[MAX_CLIENT_CERT];
    uint8_t ca_certs[MAX_CA_CERTS];
    uint8_t memory[IOT_THING_MEMORY_SIZE_DEFAULT + IOT_THING_MEMORY_ALIGN];
} own;

/* ---- errors ----------------------------------------------------------------------------------- */

/* The exception that Python sees. The VM has few: the name of the error is in _thing_error_name. */
static err_t exception_for(int32_t error)
{
    switch (error) {
    case IOT_THING_OK:
        return ERR_OK;
    case IOT_THING_ERR_NULL:
    case IOT_THING_ERR_STATE:
    case IOT_THING_ERR_BUSY:
        return ERR_RUNTIME_EXC;
    case IOT_THING_ERR_TOO_LARGE:
    case IOT_THING_ERR_QUEUE_FULL:
    case IOT_THING_ERR_MEMORY:
        return ERR_OVERFLOW_EXC;
    case IOT_THING_ERR_TIMED_OUT:
    case IOT_THING_ERR_TCP_TIMEOUT:
    case IOT_THING_ERR_TLS_TIMEOUT:
    case IOT_THING_ERR_MQTT_TIMEOUT:
    case IOT_THING_ERR_MQTT_KEEP_ALIVE:
        return ERR_TIMEOUT_EXC;
    case IOT_THING_ERR_TCP_CONNECT:
    case IOT_THING_ERR_MQTT_REFUSED:
        return ERR_CONNECTION_REF_EXC;
    case IOT_THING_ERR_TCP_RESET:
    case IOT_THING_ERR_TCP_CLOSED:
    case IOT_THING_ERR_MQTT_DISCONNECTED:
        return ERR_CONNECTION_RES_EXC;
    case IOT_THING_ERR_KEY_UNSUPPORTED:
    case IOT_THING_ERR_CERT_UNSUPPORTED:
        return ERR_UNSUPPORTED_EXC;
    case IOT_THING_ERR_RANDOM:
        return ERR_IOERROR_EXC;
    default:
        break;
    }
    if (error > IOT_THING_ERR_REJECTED) {
        return ERR_VALUE_EXC; /* an argument, a configuration or a JSON text that is wrong */
    }
    if (error <= IOT_THING_ERR_TLS && error >= IOT_THING_ERR_CERT_TIME_UNKNOWN) {
        return ERR_CONNECTION_ABR_EXC; /* TLS, certificates */
    }
    return ERR_IOERROR_EXC;
}

static err_t result(int32_t error, PObject **res)
{
    if (error >= 0) {
        *res = MAKE_NONE();
        return ERR_OK;
    }
    return exception_for(error);
}

/* _thing_error_name(error) -> str */
C_NATIVE(_thing_error_name)
{
    C_NATIVE_UNWARN();
    int32_t error;
    if (parse_py_args("i", nargs, args, &error) != 1) {
        return ERR_TYPE_EXC;
    }
    const char *name = iot_thing_err_name(error);
    *res = (PObject *)pstring_new((uint16_t)strlen(name), (uint8_t *)(uintptr_t)name);
    return ERR_OK;
}

/* _thing_raise(error): raises the exception for the error of an event; returns for 0. */
C_NATIVE(_thing_raise)
{
    C_NATIVE_UNWARN();
    int32_t error;
    if (parse_py_args("i", nargs, args, &error) != 1) {
        return ERR_TYPE_EXC;
    }
    return result(error, res);
}

/* ---- making and ending the Thing ------------------------------------------------------------------ */

/* A string of the VM, which has no NUL, as a C string. Returns 0 when it is too long. */
static int copy_text(char *out, size_t size, const uint8_t *text, uint32_t len)
{
    if (len >= size || memchr(text, 0, len) != NULL) {
        return 0;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return 1;
}

static int copy_bytes(iot_thing_bytes_t *out, uint8_t *buffer, size_t size, const uint8_t *data,
                      uint32_t len)
{
    if (len > size) {
        return 0;
    }
    memcpy(buffer, data, len);
    out->data = len > 0 ? buffer : NULL;
    out->len = len;
    return 1;
}

/*
 * _thing_new(endpoint, mqtt_id, clicert, pkey, thingname, cacert, port)
 * Empty strings stand for what is not given; an empty pkey for the secure element.
 */
C_NATIVE(_thing_new)
{
    C_NATIVE_UNWARN();
    const iot_thing_zerynth_board_t *board = iot_thing_zerynth_board();
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    uint8_t *endpoint, *mqtt_id, *cert, *key, *name, *ca;
    uint32_t endpoint_len, mqtt_id_len, cert_len, key_len, name_len, ca_len;
    int32_t port;

    if (parse_py_args("ssssssi", nargs, args, &endpoint, &endpoint_len, &mqtt_id, &mqtt_id_len,
                      &cert, &cert_len, &key, &key_len, &name, &name_len, &ca, &ca_len,
                      &port) != 7) {
        return ERR_TYPE_EXC;
    }
    if (own.thing != NULL) {
        return ERR_RUNTIME_EXC;
    }
    if (!copy_text(own.endpoint, sizeof own.endpoint, endpoint, endpoint_len) ||
        !copy_text(own.mqtt_id, sizeof own.mqtt_id, mqtt_id, mqtt_id_len) ||
        !copy_text(own.thing_name, sizeof own.thing_name, name, name_len) || port < 0 ||
        port > UINT16_MAX) {
        return ERR_VALUE_EXC;
    }
    if (!copy_bytes(&config.client_cert, own.client_cert, sizeof own.client_cert, cert,
                    cert_len) ||
        !copy_bytes(&config.ca_certs, own.ca_certs, sizeof own.ca_certs, ca, ca_len)) {
        return ERR_OVERFLOW_EXC;
    }
    config.endpoint = own.endpoint;
    config.mqtt_id = own.mqtt_id;
    config.thing_name = name_len > 0 ? own.thing_name : NULL;
    config.tcp_port = (uint16_t)port;
    if (key_len > 0) {
        config.private_key.data = key; /* copied by iot_thing_init */
        config.private_key.len = key_len;
    } else {
        config.sign = board->sign;
        config.sign_user = board->sign_user;
    }
    config.sockets = board->sockets;
    config.port = board->port;
    config.pull_events = IOT_THING_PULL_ALL;
    return result(iot_thing_init(&own.thing, own.memory, sizeof own.memory, &config), res);
}

/* _thing_close(): no other thread may be in a native of the Thing. */
C_NATIVE(_thing_close)
{
    C_NATIVE_UNWARN();
    int32_t error = iot_thing_deinit(own.thing);
    if (error == IOT_THING_OK) {
        own.thing = NULL;
    }
    return result(error, res);
}

/* ---- the thread that polls ---------------------------------------------------------------------------- */

/* _thing_poll() -> ms until it must be called again */
C_NATIVE(_thing_poll)
{
    C_NATIVE_UNWARN();
    RELEASE_GIL();
    int32_t ms = iot_thing_poll(own.thing);
    ACQUIRE_GIL();
    if (ms < 0) {
        return exception_for(ms);
    }
    *res = PSMALLINT_NEW(ms < MAX_WAIT_MS ? ms : MAX_WAIT_MS);
    return ERR_OK;
}

/* _thing_wait(ms): returns when there is something to do, at the latest after 500 ms */
C_NATIVE(_thing_wait)
{
    C_NATIVE_UNWARN();
    int32_t ms;
    if (parse_py_args("i", nargs, args, &ms) != 1) {
        return ERR_TYPE_EXC;
    }
    if (ms < 0) {
        return ERR_VALUE_EXC;
    }
    RELEASE_GIL();
    int32_t error = iot_thing_wait(own.thing, ms < MAX_WAIT_MS ? ms : MAX_WAIT_MS);
    ACQUIRE_GIL();
    return result(error, res);
}

/* _thing_next_event() -> None or (type, error, code, retry_ms, token, data, topic) */
C_NATIVE(_thing_next_event)
{
    C_NATIVE_UNWARN();
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    int32_t error = iot_thing_next_event(own.thing, &event);
    if (error != IOT_THING_OK || event.type == IOT_THING_EVENT_NONE) {
        return result(error, res);
    }
    PTuple *tuple = ptuple_new(7, NULL);
    PTUPLE_SET_ITEM(tuple, 0, PSMALLINT_NEW(event.type));
    PTUPLE_SET_ITEM(tuple, 1, PSMALLINT_NEW(event.error));
    PTUPLE_SET_ITEM(tuple, 2, PSMALLINT_NEW(event.code));
    PTUPLE_SET_ITEM(tuple, 3, PSMALLINT_NEW((int32_t)event.retry_ms));
    PTUPLE_SET_ITEM(tuple, 4, PSMALLINT_NEW((int32_t)(intptr_t)event.user));
    PTUPLE_SET_ITEM(tuple, 5,
                    pstring_new((uint16_t)event.data.len, (uint8_t *)(uintptr_t)event.data.data));
    PTUPLE_SET_ITEM(tuple, 6,
                    pstring_new((uint16_t)event.topic.len, (uint8_t *)(uintptr_t)event.topic.data));
    *res = (PObject *)tuple;
    return ERR_OK;
}

/* ---- any thread ------------------------------------------------------------------------------------------ */

/* _thing_connect() */
C_NATIVE(_thing_connect)
{
    C_NATIVE_UNWARN();
    return result(iot_thing_connect(own.thing), res);
}

/* _thing_disconnect() */
C_NATIVE(_thing_disconnect)
{
    C_NATIVE_UNWARN();
    return result(iot_thing_disconnect(own.thing), res);
}

/* _thing_state() -> IOT_THING_STATE_... */
C_NATIVE(_thing_state)
{
    C_NATIVE_UNWARN();
    int32_t state = iot_thing_get_state(own.thing);
    if (state < 0) {
        return exception_for(state);
    }
    *res = PSMALLINT_NEW(state);
    return ERR_OK;
}

/* _thing_publish(topic, payload, qos, token) */
C_NATIVE(_thing_publish)
{
    C_NATIVE_UNWARN();
    char topic[IOT_THING_MAX_TOPIC + 1];
    uint8_t *text, *payload;
    uint32_t text_len, payload_len;
    int32_t qos, token;
    if (parse_py_args("ssii", nargs, args, &text, &text_len, &payload, &payload_len, &qos,
                      &token) != 4) {
        return ERR_TYPE_EXC;
    }
    if (!copy_text(topic, sizeof topic, text, text_len)) {
        return ERR_VALUE_EXC;
    }
    return result(iot_thing_publish(own.thing, topic, payload, payload_len, qos, NULL,
                                    (void *)(intptr_t)token),
                  res);
}

/* How long the broker may take to answer, in ms. */
#define SUBSCRIBE_TIMEOUT_MS 30000

/* _thing_subscribe(filter, qos, token) */
C_NATIVE(_thing_subscribe)
{
    C_NATIVE_UNWARN();
    char filter[IOT_THING_MAX_TOPIC + 1];
    uint8_t *text;
    uint32_t len;
    int32_t qos, token;
    if (parse_py_args("sii", nargs, args, &text, &len, &qos, &token) != 3) {
        return ERR_TYPE_EXC;
    }
    if (!copy_text(filter, sizeof filter, text, len)) {
        return ERR_VALUE_EXC;
    }
    return result(iot_thing_mqtt_subscribe(own.thing, filter, qos, SUBSCRIBE_TIMEOUT_MS, NULL,
                                           NULL, (void *)(intptr_t)token),
                  res);
}

/* _thing_unsubscribe(filter, token) */
C_NATIVE(_thing_unsubscribe)
{
    C_NATIVE_UNWARN();
    char filter[IOT_THING_MAX_TOPIC + 1];
    uint8_t *text;
    uint32_t len;
    int32_t token;
    if (parse_py_args("si", nargs, args, &text, &len, &token) != 2) {
        return ERR_TYPE_EXC;
    }
    if (!copy_text(filter, sizeof filter, text, len)) {
        return ERR_VALUE_EXC;
    }
    return result(iot_thing_mqtt_unsubscribe(own.thing, filter, SUBSCRIBE_TIMEOUT_MS, NULL,
                                             (void *)(intptr_t)token),
                  res);
}

/* _thing_update_shadow(json, token) */
C_NATIVE(_thing_update_shadow)
{
    C_NATIVE_UNWARN();
    uint8_t *json;
    uint32_t len;
    int32_t token;
    if (parse_py_args("si", nargs, args, &json, &len, &token) != 2) {
        return ERR_TYPE_EXC;
    }
    return result(iot_thing_update_shadow_n(own.thing, json, len, NULL, (void *)(intptr_t)token),
                  res);
}
