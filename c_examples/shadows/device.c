#include "device.h"

#include "board.h"

static uint8_t memory[IOT_THING_MEMORY_SIZE_DEFAULT];

iot_thing_t *device_start(void)
{
    const board_t *board = board_start();
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    config.endpoint = board->endpoint;
    config.tcp_port = board->tcp_port;
    config.mqtt_id = board->thing_name;
    config.client_cert = board->client_cert;
    config.private_key = board->private_key;
    config.ca_certs = board->ca_certs;
    config.sockets = board->sockets;
    config.port = board->port;
    iot_thing_t *thing = NULL;
    int32_t error = iot_thing_init(&thing, memory, sizeof memory, &config);
    if (error == IOT_THING_OK) {
        error = iot_thing_connect(thing);
    }
    if (error != IOT_THING_OK) {
        board_stop(error);
    }
    return thing;
}

void device_turn(iot_thing_t *thing)
{
    int32_t error = iot_thing_wait(thing, iot_thing_poll(thing));
    if (error != IOT_THING_OK) {
        board_stop(error);
    }
}
