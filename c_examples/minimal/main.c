#include "board.h" /* sockets, clock and credentials of this device */
#include "iot_thing.h"

static uint8_t memory[IOT_THING_MEMORY_SIZE_DEFAULT];
static uint32_t publish_period = 1000; /* ms; kept in sync with the cloud */

/* The cloud wants another state: apply it, and report what is in force now. */
static int32_t on_request(void *user, const iot_thing_json_t *wanted, iot_thing_json_writer_t *out)
{
    (void)user;
    if (iot_thing_json_get_u32(wanted, "publish_period", &publish_period) == IOT_THING_OK) {
        iot_thing_json_put_u32(out, "publish_period", publish_period);
    }
    return IOT_THING_OK;
}

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
    if (error == IOT_THING_OK) {
        iot_thing_on_shadow_request(thing, on_request, NULL);
        iot_thing_connect(thing);
        error = iot_thing_update_shadow(thing, "{\"publish_period\":1000}", NULL, NULL);
    }
    while (error == IOT_THING_OK) {
        error = iot_thing_wait(thing, iot_thing_poll(thing));
    }
    board_stop(error);
}
