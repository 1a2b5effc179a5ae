/*
 * A device whose private key is in a secure element: the library gets a function instead of a key.
 *
 *   iot_thing_secure_element HOST PORT THING CERT KEY CA [raw] [busy=N] [broken=N]
 *
 * KEY is put into the element, as a factory would do; raw, busy and broken are how the element
 * behaves (secure_element.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iot_thing.h"
#include "iot_thing_posix.h"
#include "report_once.h"
#include "secure_element.h"

int main(int argc, char **argv)
{
    static iot_thing_posix_t posix;
    static secure_element_t element;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;

    if (argc < 7) {
        fprintf(stderr, "usage: %s HOST PORT THING CERT KEY CA [raw] [busy=N] [broken=N]\n",
                argv[0]);
        return 2;
    }
    for (int i = 7; i < argc; i++) {
        if (strcmp(argv[i], "raw") == 0) {
            element.raw = 1;
        } else if (strncmp(argv[i], "busy=", 5) == 0) {
            element.busy = atoi(argv[i] + 5);
        } else if (strncmp(argv[i], "broken=", 7) == 0) {
            element.broken = atoi(argv[i] + 7);
        }
    }
    if (secure_element_personalise(argv[5]) != 0 || iot_thing_posix_init(&posix) != 0) {
        fprintf(stderr, "no key in %s\n", argv[5]);
        return 2;
    }
    config.endpoint = argv[1];
    config.tcp_port = (uint16_t)atoi(argv[2]);
    config.mqtt_id = argv[3];
    config.client_cert = report_once_file(argv[4]);
    config.sign = secure_element_sign;
    config.sign_user = &element;
    config.sign_form = element.raw ? IOT_THING_SIGN_RAW : IOT_THING_SIGN_DER;
    config.ca_certs = report_once_file(argv[6]);
    config.sockets = &posix.sockets;
    config.port = posix.port;
    return report_once(&config, 15);
}
