#include "network.h"

#include "board.h"

void network_init(iot_thing_config_t *config)
{
    config->sockets = &board_sockets;
    config->port = &board_port;
}

uint32_t network_now_ms(void)
{
    return board_now_ms();
}
