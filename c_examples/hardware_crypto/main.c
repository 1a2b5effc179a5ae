/*
 * A device whose chip does P-256 and AES-GCM itself.
 *
 *   iot_thing_hardware_crypto HOST PORT THING CERT KEY CA [broken=NAME] [wrong=NAME]
 *
 * broken and wrong make a function of hardware_crypto.h fail, or find everything wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hardware_crypto.h"
#include "iot_thing.h"
#include "iot_thing_posix.h"
#include "report_once.h"

int main(int argc, char **argv)
{
    static iot_thing_posix_t posix;
    static hardware_crypto_t hardware;
    const iot_thing_crypto_t table = hardware_crypto_table(&hardware);
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;

    if (argc < 7 || iot_thing_posix_init(&posix) != 0) {
        fprintf(stderr, "usage: %s HOST PORT THING CERT KEY CA [broken=NAME] [wrong=NAME]\n",
                argv[0]);
        return 2;
    }
    if (argc > 7 && strncmp(argv[7], "broken=", 7) == 0) {
        hardware.broken = argv[7] + 7;
        hardware.answer = -1;
    } else if (argc > 7 && strncmp(argv[7], "wrong=", 6) == 0) {
        hardware.broken = argv[7] + 6;
        hardware.answer = IOT_THING_CRYPTO_WRONG;
    }
    config.endpoint = argv[1];
    config.tcp_port = (uint16_t)atoi(argv[2]);
    config.mqtt_id = argv[3];
    config.client_cert = report_once_file(argv[4]);
    config.private_key = report_once_file(argv[5]);
    config.ca_certs = report_once_file(argv[6]);
    config.crypto = &table;
    config.sockets = &posix.sockets;
    config.port = posix.port;
    int result = report_once(&config, hardware.broken != NULL ? 1 : 15);
    if (result == 0 && hardware.keygen && hardware.ecdh && hardware.verify && hardware.seal &&
        hardware.open) {
        printf("the hardware did all of it\n");
    }
    return result;
}
