/*
 * The smallest program that uses what the README's program uses, without a port: tools/footprint
 * links it to see what the library costs. It runs as far as init, to show the memory needed.
 */
#include <stdio.h>
#include <string.h>

#include "iot_thing.h"

#ifdef FOOTPRINT_SECURE_SOCKET
#define TRANSPORT &iot_thing_transport_secure_socket
#define PROMISED IOT_THING_MEMORY_SIZE_SECURE_SOCKET(4096, 2048)
#else
#define TRANSPORT &iot_thing_transport_tls
#define PROMISED IOT_THING_MEMORY_SIZE(4096, 2048, 16640)
#endif

static uint8_t memory[PROMISED];

static uint32_t now_ms(void *user)
{
    (void)user;
    return 0;
}

static uint64_t unix_time(void *user)
{
    (void)user;
    return 1;
}

static int32_t fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    memset(out, 1, len);
    return 0;
}

static int32_t open_socket(void *user, intptr_t *socket)
{
    (void)user;
    *socket = 0;
    return -1;
}

static int32_t connect_socket(void *user, intptr_t socket, const char *host,
                              const iot_thing_address_t *address, uint16_t port)
{
    (void)user, (void)socket, (void)host, (void)address, (void)port;
    return -1;
}

static int32_t send_bytes(void *user, intptr_t socket, const uint8_t *data, size_t len)
{
    (void)user, (void)socket, (void)data, (void)len;
    return -1;
}

static int32_t recv_bytes(void *user, intptr_t socket, uint8_t *data, size_t len)
{
    (void)user, (void)socket, (void)data, (void)len;
    return -1;
}

static void close_socket(void *user, intptr_t socket)
{
    (void)user, (void)socket;
}

static int32_t on_request(void *user, const iot_thing_json_t *wanted, iot_thing_json_writer_t *out)
{
    uint32_t period;
    (void)user;
    if (iot_thing_json_get_u32(wanted, "publish_period", &period) == IOT_THING_OK) {
        iot_thing_json_put_u32(out, "publish_period", period);
    }
    return IOT_THING_OK;
}

int main(int argc, char **argv)
{
    static iot_thing_sockets_t sockets = IOT_THING_SOCKETS_INIT;
    static iot_thing_port_t port = IOT_THING_PORT_INIT;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(TRANSPORT);
    iot_thing_t *thing = NULL;
    size_t needed = 0;
    /* From the command line, so that nothing can be worked out when it is compiled. */
    const char *cert = argc > 1 ? argv[1] : "";
    const char *key = argc > 2 ? argv[2] : "";

    sockets.open = open_socket;
    sockets.connect = connect_socket;
    sockets.send = send_bytes;
    sockets.recv = recv_bytes;
    sockets.close = close_socket;
    port.now_ms = now_ms;
    port.unix_time = unix_time;
    port.random = fill;
    config.endpoint = "example-ats.iot.eu-west-1.amazonaws.com";
    config.mqtt_id = "my_thing_id";
    config.client_cert.data = (const uint8_t *)cert;
    config.client_cert.len = strlen(cert);
    config.private_key.data = (const uint8_t *)key;
    config.private_key.len = strlen(key);
    config.sockets = &sockets;
    config.port = &port;

    printf("memory: %lu bytes by the macro", (unsigned long)sizeof memory);
    if (iot_thing_memory_needed(&config, &needed) == IOT_THING_OK) {
        printf(", %lu needed by this configuration", (unsigned long)needed);
    }
    printf("\n");
    if (iot_thing_init(&thing, memory, sizeof memory, &config) == IOT_THING_OK) {
        iot_thing_on_shadow_request(thing, on_request, NULL);
        if (iot_thing_connect(thing) == IOT_THING_OK &&
            iot_thing_update_shadow(thing, "{\"publish_period\":1000}", NULL, NULL) == 0) {
            while (argc > 3 && iot_thing_poll(thing) >= 0) {
            }
        }
        iot_thing_deinit(thing);
    }
    return 0;
}
