/*
 * For tools/bench-mqtt: COUNT messages out, or in, over the simulated network, which callgrind does
 * not count. The difference between two counts is the cost of a message.
 *
 *     mqtt_instructions publish|queue|inbound COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static sim_device_t device;
static unsigned long got;

static void on_message(void *user, iot_thing_t *thing, const iot_thing_mqtt_message_t *message)
{
    (void)user;
    (void)thing;
    got += message->payload.len;
}

int main(int argc, char **argv)
{
    int count = argc == 3 ? atoi(argv[2]) : -1;
    if (count < 0) {
        return 2;
    }
    sim_start(0);
    sim_device_init(&device, "bench");
    if (sim_device_make(&device) != IOT_THING_OK ||
        iot_thing_mqtt_subscribe(device.thing, "bench/in", 1, 0, on_message, NULL, NULL) !=
            IOT_THING_OK ||
        iot_thing_connect(device.thing) != IOT_THING_OK ||
        !sim_run_until_state(&device, IOT_THING_STATE_ONLINE, 60000)) {
        return 1;
    }
    sim_run(&device, 1000);
    for (int i = 0; i < count; i++) {
        if (strcmp(argv[1], "inbound") == 0) {
            broker_publish_as(&device.broker, "bench/in", "0123456789abcdef", 16, 1, 0, NULL, 0);
        } else if (iot_thing_publish(device.thing, "bench/out", (const uint8_t *)"0123456789abcdef",
                                     16, 1, NULL, NULL) != IOT_THING_OK) {
            return 1;
        }
        device.broker.message_count = 0;
        sim_run(&device, 1);
    }
    return 0;
}
