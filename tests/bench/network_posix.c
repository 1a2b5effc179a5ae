#include "network.h"

#include <stdlib.h>

#include "counter.h"
#include "iot_thing_posix.h"

static iot_thing_posix_t posix;

void network_init(iot_thing_config_t *config)
{
    const char *tcp_port = getenv("CLOUD_PORT");
    check(tcp_port != NULL, "CLOUD_PORT is not set");
    check(iot_thing_posix_init(&posix) == 0, "file descriptors");
    config->sockets = &posix.sockets;
    config->port = posix.port;
    config->tcp_port = (uint16_t)atoi(tcp_port);
}

uint32_t network_now_ms(void)
{
    return posix.port->now_ms(posix.port->user);
}
