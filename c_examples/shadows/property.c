#include "board.h" /* sockets, clock and credentials of this device */
#include "iot_thing.h"

static uint8_t memory[IOT_THING_MEMORY_SIZE_DEFAULT];
static uint32_t publish_period = 1000; /* ms; kept in sync with the cloud, within its range */

static const iot_thing_property_t table[] = {
    {.name = "publish_period", .type = IOT_THING_TYPE_U32, .value = &publish_period,
     .min = 100, .max = 60000},
};
static iot_thing_property_state_t states[1];
static iot_thing_properties_t properties = IOT_THING_PROPERTIES_INIT(table, states);
static iot_thing_shadow_t shadow;

int main(void)
{
    const board_t *board = board_start();
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    config.endpoint = board->endpoint;
    config.tcp_port = board->tcp_port; /* left out: 8883 */
    config.mqtt_id = board->thing_name;
    config.client_cert = board->client_cert;
    config.private_key = board->private_key;
    config.ca_certs = board->ca_certs; /* left out: Amazon's */
    config.sockets = board->sockets;
    config.port = board->port;
    iot_thing_t *thing;
    int32_t error = iot_thing_init(&thing, memory, sizeof memory, &config);
    if (error == IOT_THING_OK &&
        (error = iot_thing_shadow_open(thing, &shadow, NULL, 0)) == IOT_THING_OK &&
        (error = iot_thing_shadow_properties(&shadow, &properties)) == IOT_THING_OK) {
        error = iot_thing_connect(thing);
    }
    while (error == IOT_THING_OK) {
        error = iot_thing_wait(thing, iot_thing_poll(thing));
    }
    board_stop(error);
}
