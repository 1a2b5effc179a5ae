/*
 * A device whose sockets bring their own TLS: OpenSSL's here, a modem's or an operating system's
 * elsewhere. The library speaks MQTT over them and has no TLS of its own.
 *
 *   iot_thing_secure_socket HOST PORT THING CERT KEY CA
 */
#include <stdio.h>
#include <stdlib.h>

#include "iot_thing.h"
#include "iot_thing_openssl.h"
#include "iot_thing_posix.h"
#include "report_once.h"

int main(int argc, char **argv)
{
    static iot_thing_posix_t posix;
    static iot_thing_openssl_t tls;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);

    if (argc != 7) {
        fprintf(stderr, "usage: %s HOST PORT THING CERT KEY CA\n", argv[0]);
        return 2;
    }
    if (iot_thing_posix_init(&posix) != 0 ||
        iot_thing_openssl_init(&tls, &posix.sockets, argv[1], argv[6], argv[4], argv[5]) != 0) {
        fprintf(stderr, "OpenSSL cannot use these certificates or this key\n");
        return 2;
    }
    config.endpoint = argv[1];
    config.tcp_port = (uint16_t)atoi(argv[2]);
    config.mqtt_id = argv[3];
    config.sockets = &tls.sockets;
    config.port = posix.port;
    int result = report_once(&config, 15);
    iot_thing_openssl_deinit(&tls);
    return result;
}
