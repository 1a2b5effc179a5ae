/* For tools/bench-mqtt: RAM per subscription and per message, from iot_thing_memory_needed. */
#include <stdio.h>
#include <string.h>

#include "iot_thing.h"

static uint32_t now_ms(void *user)
{
    (void)user;
    return 0;
}

static int32_t random_bytes(void *user, uint8_t *out, size_t len)
{
    (void)user;
    memset(out, 1, len);
    return 0;
}

static int32_t on_open(void *user, ptrdiff_t *socket)
{
    (void)user;
    *socket = 0;
    return 0;
}

static int32_t on_connect(void *user, ptrdiff_t socket, const char *host,
                          const iot_thing_address_t *address, uint16_t port)
{
    (void)user;
    (void)socket;
    (void)host;
    (void)address;
    (void)port;
    return -1;
}

static int32_t on_send(void *user, ptrdiff_t socket, const uint8_t *data, size_t len)
{
    (void)user;
    (void)socket;
    (void)data;
    (void)len;
    return -1;
}

static int32_t on_recv(void *user, ptrdiff_t socket, uint8_t *data, size_t len)
{
    (void)user;
    (void)socket;
    (void)data;
    (void)len;
    return -1;
}

static void on_close(void *user, ptrdiff_t socket)
{
    (void)user;
    (void)socket;
}

static size_t needed(uint32_t subscriptions, uint32_t queue_len)
{
    static iot_thing_sockets_t sockets = IOT_THING_SOCKETS_INIT;
    static iot_thing_port_t port = IOT_THING_PORT_INIT;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
    size_t size = 0;
    sockets.open = on_open;
    sockets.connect = on_connect;
    sockets.send = on_send;
    sockets.recv = on_recv;
    sockets.close = on_close;
    port.now_ms = now_ms;
    port.random = random_bytes;
    config.endpoint = "example.com";
    config.mqtt_id = "thing";
    config.sockets = &sockets;
    config.port = &port;
    config.subscriptions = subscriptions;
    config.queue_len = queue_len;
    return iot_thing_memory_needed(&config, &size) == IOT_THING_OK ? size : 0;
}

int main(void)
{
    size_t base = needed(1, 2);
    if (base == 0) {
        return 1;
    }
    printf("RAM on this machine (pointers of %u bytes):\n", (unsigned)sizeof(void *));
    printf("  per subscription   %4u bytes and its filter (in filter_size)\n",
           (unsigned)((needed(50, 2) - base) / 49));
    printf("  per message        %4u bytes in queue_len, and its topic, properties and payload in the\n"
           "                     outbox (tx_size)\n",
           (unsigned)((needed(1, 256) - base) / 254));
    return 0;
}
