/*
 * The board of the minimal example on Linux. Who the device is comes from the environment:
 * IOT_THING_ENDPOINT and IOT_THING_NAME, and the PEM files named by IOT_THING_CERT,
 * IOT_THING_KEY and IOT_THING_CA; IOT_THING_PORT when the TCP port is not 8883.
 */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

#include "iot_thing_posix.h"

static iot_thing_posix_t posix;
static board_t board;

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "board: the environment variable %s is not set\n", name);
        exit(2);
    }
    return value;
}

static uint16_t tcp_port(void)
{
    const char *value = getenv("IOT_THING_PORT");
    unsigned long number = value != NULL ? strtoul(value, NULL, 10) : 0;
    return (uint16_t)(number <= UINT16_MAX ? number : 0);
}

static iot_thing_bytes_t pem_file(const char *name, uint8_t *buffer, size_t capacity)
{
    iot_thing_bytes_t bytes = {buffer, 0};
    const char *path = setting(name);
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        bytes.len = fread(buffer, 1, capacity, file);
        fclose(file);
    }
    if (bytes.len == 0 || bytes.len == capacity) {
        fprintf(stderr, "board: %s cannot be read or is larger than %lu bytes\n", path,
                (unsigned long)capacity);
        exit(2);
    }
    return bytes;
}

const board_t *board_start(void)
{
    static uint8_t cert[8192];
    static uint8_t key[4096];
    static uint8_t ca[16384];

    board.endpoint = setting("IOT_THING_ENDPOINT");
    board.tcp_port = tcp_port();
    board.thing_name = setting("IOT_THING_NAME");
    board.client_cert = pem_file("IOT_THING_CERT", cert, sizeof cert);
    board.private_key = pem_file("IOT_THING_KEY", key, sizeof key);
    board.ca_certs = pem_file("IOT_THING_CA", ca, sizeof ca);
    if (iot_thing_posix_init(&posix) != 0) {
        fprintf(stderr, "board: the system has no file descriptors left\n");
        exit(2);
    }
    board.sockets = &posix.sockets;
    board.port = posix.port;
    return &board;
}

void board_stop(int32_t error)
{
    fprintf(stderr, "board: %s: %s\n", iot_thing_err_name(error), iot_thing_err_text(error));
    exit(1);
}
