/* The header in C: it must compile without a warning, alone, and twice. */
#include "iot_thing.h"
#include "iot_thing.h"

static uint8_t memory[IOT_THING_MEMORY_SIZE(4096, 2048, 16640)];
static uint8_t memory_default[IOT_THING_MEMORY_SIZE_DEFAULT];
static uint8_t memory_plain[IOT_THING_MEMORY_SIZE_SECURE_SOCKET(1024, 1024)];

#if IOT_THING_MEMORY_SIZE_DEFAULT < 1000
#error "the size is not usable by the preprocessor"
#endif

int32_t use(iot_thing_t **thing);
int32_t use(iot_thing_t **thing)
{
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    iot_thing_config_t plain = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
    iot_thing_sockets_t sockets = IOT_THING_SOCKETS_INIT;
    iot_thing_port_t port = IOT_THING_PORT_INIT;
    iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    iot_thing_statistics_t statistics = IOT_THING_STATISTICS_INIT;
    config.rx_size = IOT_THING_MAX_PAYLOAD;
    config.session_expiry_s = IOT_THING_SESSION_NONE;
    plain.tcp_port = IOT_THING_DEFAULT_PORT;
    config.sockets = &sockets;
    config.port = &port;
    iot_thing_get_connection(*thing, &connection);
    iot_thing_get_statistics(*thing, &statistics);
    if (iot_thing_init(thing, memory_plain, sizeof memory_plain, &plain) != IOT_THING_OK) {
        return IOT_THING_SOCKET_WOULD_BLOCK - IOT_THING_SOCKET_CLOSED;
    }
    if (iot_thing_version() != IOT_THING_VERSION_NUMBER) {
        return iot_thing_init(thing, memory_default, sizeof memory_default, &config);
    }
    return iot_thing_init(thing, memory, sizeof memory, &config);
}
