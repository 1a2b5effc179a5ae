/*
 * A device whose memory is lost while it sleeps: each run of this program is one time awake. What
 * it keeps is the session ticket of TLS, with which the next connection needs no certificates.
 *
 *   iot_thing_deep_sleep HOST PORT THING CERT KEY CA KEPT
 *
 * KEPT is a file, in place of what survives the sleep: RTC memory, or a page of flash.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "iot_thing.h"
#include "iot_thing_posix.h"
#include "report_once.h"

static uint8_t ticket[2048]; /* zeros: there is none */

/* A ticket is for one connection: it is gone there before it is used. */
static void wake_up(const char *kept)
{
    FILE *file = fopen(kept, "rb");
    if (file != NULL) {
        size_t size = fread(ticket, 1, sizeof ticket, file);
        printf("woke up with %lu bytes\n", (unsigned long)size);
        fclose(file);
        remove(kept);
    }
}

/* It is as secret as the private key, and nobody else may write it. */
static int fall_asleep(const char *kept)
{
    umask(S_IRWXG | S_IRWXO);
    FILE *file = fopen(kept, "wb");
    size_t size = file != NULL ? fwrite(ticket, 1, sizeof ticket, file) : 0;
    return file != NULL && fclose(file) == 0 && size == sizeof ticket ? 0 : 1;
}

int main(int argc, char **argv)
{
    static iot_thing_posix_t posix;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;

    if (argc != 8 || iot_thing_posix_init(&posix) != 0) {
        fprintf(stderr, "usage: %s HOST PORT THING CERT KEY CA KEPT\n", argv[0]);
        return 2;
    }
    wake_up(argv[7]);
    config.endpoint = argv[1];
    config.tcp_port = (uint16_t)atoi(argv[2]);
    config.mqtt_id = argv[3];
    config.client_cert = report_once_file(argv[4]);
    config.private_key = report_once_file(argv[5]);
    config.ca_certs = report_once_file(argv[6]);
    config.sockets = &posix.sockets;
    config.port = posix.port;
    config.tls_ticket = ticket;
    config.tls_ticket_size = sizeof ticket;
    int result = report_once(&config, 15);
    return result == 0 ? fall_asleep(argv[7]) : result;
}
