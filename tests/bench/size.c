/*
 * What a firmware links: the same program with more and more of the library. It is never run, so
 * the functions of its port are missing, and all that is linked is the library.
 *
 * USE_NOTHING: without the library. Else a Thing that is connected and polled, over TLS (USE_TLS,
 * USE_EMBEDDED_TLS) or over sockets that bring their own protection, with what the other macros say.
 */
#include <stddef.h>
#include <stdint.h>

#include "iot_thing.h"

#ifdef USE_NOTHING

int main(void)
{
    return 0;
}

#else

#ifdef USE_SHADOW /* the classic one: a request is answered, a state reported */

static int32_t on_request(void *user, const iot_thing_json_t *wanted, iot_thing_json_writer_t *out)
{
    uint32_t period;
    (void)user;
    if (iot_thing_json_get_u32(wanted, "publish_period", &period) == IOT_THING_OK) {
        iot_thing_json_put_u32(out, "publish_period", period);
    }
    return IOT_THING_OK;
}

#endif

#ifdef USE_MESSAGES

static void on_message(void *user, iot_thing_t *thing, const iot_thing_mqtt_message_t *message)
{
    (void)user, (void)thing, (void)message;
}

static int32_t use_messages(iot_thing_t *thing)
{
    iot_thing_mqtt_publish_t message = IOT_THING_MQTT_PUBLISH_INIT;
    message.topic = "my_thing_id/out";
    const int32_t error = iot_thing_mqtt_subscribe(thing, "in", 1, 0, on_message, NULL, NULL);
    return error == IOT_THING_OK ? iot_thing_mqtt_publish(thing, &message, NULL, NULL) : error;
}

#endif

#if defined(USE_REQUESTS) || defined(USE_DELTAS) || defined(USE_PROPERTIES)

static iot_thing_shadow_t shadow;

#endif

#ifdef USE_REQUESTS

static int32_t use_requests(void)
{
    static const char state[] = "{\"publish_period\":1000}";
    int32_t error = iot_thing_shadow_get(&shadow, NULL, NULL, NULL, NULL);
    if (error == IOT_THING_OK) {
        error = iot_thing_shadow_update(&shadow, state, sizeof state - 1, NULL, NULL, NULL, NULL);
    }
    return error == IOT_THING_OK ? iot_thing_shadow_delete(&shadow, NULL, NULL, NULL, NULL) : error;
}

#endif

#ifdef USE_DELTAS

static int32_t on_delta(void *user, iot_thing_shadow_t *self, const iot_thing_shadow_delta_t *delta,
                        iot_thing_json_writer_t *reported)
{
    (void)self;
    return on_request(user, &delta->requested, reported);
}

#endif

#ifdef USE_PROPERTIES

static uint32_t period;
static const iot_thing_property_t table[] = {
    {.name = "publish_period", .type = IOT_THING_TYPE_U32, .value = &period},
};
static iot_thing_property_state_t states[1];
static iot_thing_properties_t properties = IOT_THING_PROPERTIES_INIT(table, states);

static int32_t use_properties(void)
{
    const int32_t error = iot_thing_shadow_properties(&shadow, &properties);
    return error == IOT_THING_OK ? iot_thing_property_changed(&shadow, 0) : error;
}

#endif

static int32_t use(iot_thing_t *thing)
{
    int32_t error = iot_thing_connect(thing);
#ifdef USE_SHADOW
    iot_thing_on_shadow_request(thing, on_request, NULL);
    error |= iot_thing_update_shadow(thing, "{\"publish_period\":1000}", NULL, NULL);
#endif
#ifdef USE_MESSAGES
    error |= use_messages(thing);
#endif
#if defined(USE_REQUESTS) || defined(USE_DELTAS) || defined(USE_PROPERTIES)
    error |= iot_thing_shadow_open(thing, &shadow, "lighting", 0);
#endif
#ifdef USE_REQUESTS
    error |= use_requests();
#endif
#ifdef USE_DELTAS
    error |= iot_thing_shadow_on_delta(&shadow, on_delta, NULL);
#endif
#ifdef USE_PROPERTIES
    error |= use_properties();
#endif
#ifdef USE_PULLED_EVENTS
    static iot_thing_event_t event = IOT_THING_EVENT_INIT;
    error |= iot_thing_next_event(thing, &event);
#endif
    return error;
}

static uint64_t memory[4096];

int main(void)
{
    static const iot_thing_sockets_t sockets = IOT_THING_SOCKETS_INIT;
    static const iot_thing_port_t port = IOT_THING_PORT_INIT;
#if defined(USE_TLS)
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
#elif defined(USE_EMBEDDED_TLS)
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_embedded_tls);
#else
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
#endif
    iot_thing_t *thing = NULL;
    config.endpoint = "example-ats.iot.eu-west-1.amazonaws.com";
    config.mqtt_id = "my_thing_id";
    config.sockets = &sockets;
    config.port = &port;
    if (iot_thing_init(&thing, memory, sizeof memory, &config) == IOT_THING_OK &&
        use(thing) == IOT_THING_OK) {
        while (iot_thing_poll(thing) >= 0) {
        }
    }
    return 0;
}

#endif
