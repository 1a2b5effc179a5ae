/*
 * What a firmware links: the same program with more and more of the library. It is never run, so
 * the functions of its port are missing, and all that is linked is the library.
 *
 * SIZE_NOTHING: without the library. SIZE_CORE: MQTT, shadow and JSON over sockets that bring their
 * own protection. SIZE_TLS: with TLS. SIZE_ALL: every function of the header.
 */
#include <stddef.h>
#include <stdint.h>

#include "iot_thing.h"

#ifndef SIZE_NOTHING

static uint64_t memory[4096];

static int32_t on_request(void *user, const iot_thing_json_t *wanted, iot_thing_json_writer_t *out)
{
    uint32_t period;
    (void)user;
    if (iot_thing_json_get_u32(wanted, "publish_period", &period) == IOT_THING_OK) {
        iot_thing_json_put_u32(out, "publish_period", period);
    }
    return IOT_THING_OK;
}

int main(void)
{
    static const iot_thing_sockets_t sockets = IOT_THING_SOCKETS_INIT;
    static const iot_thing_port_t port = IOT_THING_PORT_INIT;
#ifdef SIZE_CORE
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
#else
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
#endif
    iot_thing_t *thing = NULL;
    config.endpoint = "example-ats.iot.eu-west-1.amazonaws.com";
    config.mqtt_id = "my_thing_id";
    config.sockets = &sockets;
    config.port = &port;
    if (iot_thing_init(&thing, memory, sizeof memory, &config) == IOT_THING_OK) {
        iot_thing_on_shadow_request(thing, on_request, NULL);
        iot_thing_connect(thing);
        if (iot_thing_update_shadow(thing, "{\"publish_period\":1000}", NULL, NULL) == 0) {
            while (iot_thing_poll(thing) >= 0) {
            }
        }
    }
    return 0;
}

#else

int main(void)
{
    return 0;
}

#endif
