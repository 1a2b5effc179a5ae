/*
 * For tools/bench-mqtt: publishes COUNT messages of 64 bytes at QoS 1 to a broker on this machine,
 * with at most WINDOW unacknowledged, and prints messages per second and CPU per message.
 *
 *     mqtt_throughput iot_thing|libmosquitto|raw PORT WINDOW COUNT
 *
 * "raw" is the least that can be done: packets made beforehand, acknowledgements counted by length.
 */
#include <arpa/inet.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "iot_thing.h"
#include "iot_thing_posix.h"

#define TOPIC "bench/out"

static uint8_t payload[64];
static int window;
static int count;
static int sent;
static int acked;
static double wall_start;
static double cpu_start;

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
}

static void begin(void)
{
    wall_start = wall();
    cpu_start = cpu();
}

static int end(void)
{
    if (acked < count) {
        fprintf(stderr, "only %d of %d acknowledged\n", acked, count);
        return 1;
    }
    printf("%.0f %.2f\n", count / (wall() - wall_start), (cpu() - cpu_start) * 1e6 / count);
    return 0;
}

/* ---- iot_thing --------------------------------------------------------------------------------- */

static void on_done(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    (void)user;
    (void)thing;
    acked += result->error == IOT_THING_OK;
}

static int with_iot_thing(int port)
{
    static uint64_t memory[(IOT_THING_MEMORY_SIZE_SECURE_SOCKET(4096, 32768) + 65536) / 8];
    static iot_thing_posix_t posix;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_secure_socket);
    iot_thing_t *thing;
    if (iot_thing_posix_init(&posix) != 0) {
        return 1;
    }
    iot_thing_posix_log_level(0);
    config.endpoint = "localhost";
    config.tcp_port = (uint16_t)port;
    config.mqtt_id = "bench";
    config.sockets = &posix.sockets;
    config.port = posix.port;
    config.tx_size = 32768;
    config.queue_len = 128;
    if (iot_thing_init(&thing, memory, sizeof memory, &config) != IOT_THING_OK ||
        iot_thing_connect(thing) != IOT_THING_OK ||
        iot_thing_run_until_state(thing, IOT_THING_STATE_ONLINE, 10000) != IOT_THING_OK) {
        return 1;
    }
    begin();
    while (acked < count) {
        while (sent < count && sent - acked < window &&
               iot_thing_publish(thing, TOPIC, payload, sizeof payload, 1, on_done, NULL) ==
                   IOT_THING_OK) {
            sent++;
        }
        int before = acked;
        int32_t pause = iot_thing_poll(thing);
        /* What was acknowledged makes room for more: nothing to wait for. */
        if (acked == before && iot_thing_wait(thing, pause) != IOT_THING_OK) {
            return 1;
        }
    }
    return end();
}

/* ---- libmosquitto ------------------------------------------------------------------------------ */

static int connected;

static void on_connect(struct mosquitto *client, void *user, int code, int flags,
                       const mosquitto_property *properties)
{
    (void)client;
    (void)user;
    (void)flags;
    (void)properties;
    connected = code == 0;
}

static void on_publish(struct mosquitto *client, void *user, int id, int code,
                       const mosquitto_property *properties)
{
    (void)client;
    (void)user;
    (void)id;
    (void)properties;
    acked += code < 0x80;
}

static int with_libmosquitto(int port)
{
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("bench", true, NULL);
    if (client == NULL) {
        return 1;
    }
    mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, window);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_v5_callback_set(client, on_connect);
    mosquitto_publish_v5_callback_set(client, on_publish);
    if (mosquitto_connect(client, "localhost", port, 60) != MOSQ_ERR_SUCCESS) {
        return 1;
    }
    while (!connected) {
        if (mosquitto_loop(client, 1000, 1) != MOSQ_ERR_SUCCESS) {
            return 1;
        }
    }
    begin();
    while (acked < count) {
        while (sent < count && sent - acked < window) {
            if (mosquitto_publish(client, NULL, TOPIC, sizeof payload, payload, 1, false) !=
                MOSQ_ERR_SUCCESS) {
                return 1;
            }
            sent++;
        }
        if (mosquitto_loop(client, 1000, 1) != MOSQ_ERR_SUCCESS) {
            return 1;
        }
    }
    return end();
}

/* ---- raw sockets ------------------------------------------------------------------------------- */

static int with_raw_sockets(int port)
{
    static const uint8_t connect_packet[] = {0x10, 18, 0,   4,   'M', 'Q', 'T', 'T', 5, 2,
                                             0,    60, 0,   0,   5,   'b', 'e', 'n', 'c', 'h'};
    static uint8_t out[64 * 128];
    static uint8_t in[4096];
    struct sockaddr_in address;
    int one = 1;
    int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(socket_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        write(socket_fd, connect_packet, sizeof connect_packet) != (ssize_t)sizeof connect_packet ||
        read(socket_fd, in, sizeof in) < 5) {
        return 1;
    }
    size_t acks = 0;
    uint16_t id = 0;
    begin();
    while (acked < count) {
        size_t len = 0;
        for (; sent < count && sent - acked < window; sent++) {
            static const char topic[] = TOPIC;
            uint8_t *at = out + len;
            id = (uint16_t)(id % 65535 + 1);
            at[0] = 0x32;
            at[1] = (uint8_t)(2 + sizeof topic - 1 + 2 + 1 + sizeof payload);
            at[2] = 0;
            at[3] = sizeof topic - 1;
            memcpy(at + 4, topic, sizeof topic - 1);
            at += 4 + sizeof topic - 1;
            at[0] = (uint8_t)(id >> 8);
            at[1] = (uint8_t)id;
            at[2] = 0;
            memcpy(at + 3, payload, sizeof payload);
            len = (size_t)(at + 3 + sizeof payload - out);
        }
        if (len > 0 && write(socket_fd, out, len) != (ssize_t)len) {
            return 1;
        }
        /* mosquitto says that nobody listens: five bytes each, with the reason code. */
        ssize_t n = read(socket_fd, in, sizeof in);
        if (n <= 0) {
            return 1;
        }
        acks += (size_t)n;
        acked += (int)(acks / 5);
        acks %= 5;
    }
    close(socket_fd);
    return end();
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        return 2;
    }
    int port = atoi(argv[2]);
    window = atoi(argv[3]);
    count = atoi(argv[4]);
    memset(payload, 'p', sizeof payload);
    if (window < 1 || window > 64 || count < 1) {
        return 2;
    }
    if (strcmp(argv[1], "iot_thing") == 0) {
        return with_iot_thing(port);
    }
    if (strcmp(argv[1], "libmosquitto") == 0) {
        return with_libmosquitto(port);
    }
    return strcmp(argv[1], "raw") == 0 ? with_raw_sockets(port) : 2;
}
