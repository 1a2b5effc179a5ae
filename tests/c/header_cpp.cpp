// The header in C++: it must compile without a warning, and its initialisers must do what those
// of C do. Included twice, and once inside extern "C", as firmware often does.
#include "iot_thing.h"
extern "C" {
#include "iot_thing.h"
}

namespace {

uint8_t memory[IOT_THING_MEMORY_SIZE(4096, 2048, 16640)];

void on_event(void *, iot_thing_t *, const iot_thing_event_t *) {}

int failures = 0;

void check(bool ok)
{
    failures += ok ? 0 : 1;
}

} // namespace

int main()
{
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    check(config.struct_size == sizeof config);
    check(config.transport == &iot_thing_transport_tls);
    check(config.endpoint == nullptr && config.rx_size == 0 && config.backoff_stable_ms == 0);
    config.on_event = on_event;

    const iot_thing_config_t plain =
        IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
    check(plain.transport == &iot_thing_transport_secure_socket);

    const iot_thing_sockets_t sockets = IOT_THING_SOCKETS_INIT;
    const iot_thing_port_t port = IOT_THING_PORT_INIT;
    const iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    const iot_thing_statistics_t statistics = IOT_THING_STATISTICS_INIT;
    check(sockets.struct_size == sizeof sockets && sockets.open == nullptr);
    check(port.struct_size == sizeof port && port.now_ms == nullptr);
    check(connection.struct_size == sizeof connection && connection.state == 0);
    check(statistics.struct_size == sizeof statistics && statistics.attempts == 0);

    iot_thing_t *thing = nullptr;
    const int32_t error = iot_thing_init(&thing, memory, sizeof memory, &config);
    check(error == IOT_THING_ERR_ENDPOINT && thing == nullptr);
    check(iot_thing_version() == static_cast<uint32_t>(IOT_THING_VERSION_NUMBER));
    return failures;
}
