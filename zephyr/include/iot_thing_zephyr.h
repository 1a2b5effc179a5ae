/*
 * The port of iot_thing for Zephyr.
 *
 *     iot_thing_config_t config = IOT_THING_ZEPHYR_CONFIG_INIT;
 *     config.endpoint = ...;
 *     ...
 *     iot_thing_init(&thing, memory, sizeof memory, &config);
 *
 * One thread polls all Things, in supervisor mode. Other threads and interrupts may publish and
 * update. Nothing blocks in iot_thing_poll(): a helper thread looks up host names and connects.
 */
#ifndef IOT_THING_ZEPHYR_H
#define IOT_THING_ZEPHYR_H

#include <stddef.h>
#include <stdint.h>

#include <iot_thing.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For iot_thing_config_t.port. */
extern const iot_thing_port_t iot_thing_zephyr_port;

/*
 * For iot_thing_config_t.sockets. With CONFIG_IOT_THING_PORT_SOCKETS they are TCP sockets; with
 * CONFIG_IOT_THING_PORT_TLS_SOCKETS Zephyr's TLS sockets, and iot_thing_zephyr_set_tls() must be
 * called before the first connection.
 */
extern const iot_thing_sockets_t iot_thing_zephyr_sockets;

#if defined(CONFIG_IOT_THING_PORT_TLS_SOCKETS)
#define IOT_THING_ZEPHYR_TRANSPORT_ (&iot_thing_transport_secure_socket)
#define IOT_THING_ZEPHYR_TLS_RX_SIZE_ 0
/* Bytes for iot_thing_init() with the sizes of Kconfig; an integer constant expression. */
#define IOT_THING_ZEPHYR_MEMORY_SIZE \
    IOT_THING_MEMORY_SIZE_SECURE_SOCKET(CONFIG_IOT_THING_RX_SIZE, CONFIG_IOT_THING_TX_SIZE)
#else
#define IOT_THING_ZEPHYR_TRANSPORT_ (&iot_thing_transport_tls)
#define IOT_THING_ZEPHYR_TLS_RX_SIZE_ CONFIG_IOT_THING_TLS_RX_SIZE
/* Bytes for iot_thing_init() with the sizes of Kconfig; an integer constant expression. */
#define IOT_THING_ZEPHYR_MEMORY_SIZE                                                    \
    IOT_THING_MEMORY_SIZE(CONFIG_IOT_THING_RX_SIZE, CONFIG_IOT_THING_TX_SIZE, \
                          CONFIG_IOT_THING_TLS_RX_SIZE)
#endif

/* Sockets, port, transport and sizes, as Kconfig says; C only. */
#define IOT_THING_ZEPHYR_CONFIG_INIT                                      \
    {                                                                     \
        .struct_size = sizeof(iot_thing_config_t),                        \
        .transport = IOT_THING_ZEPHYR_TRANSPORT_,                         \
        .sockets = &iot_thing_zephyr_sockets,                             \
        .port = &iot_thing_zephyr_port,                                   \
        .rx_size = CONFIG_IOT_THING_RX_SIZE,                              \
        .tx_size = CONFIG_IOT_THING_TX_SIZE,                              \
        .tls_rx_size = IOT_THING_ZEPHYR_TLS_RX_SIZE_,                     \
    }

/*
 * Tells the wall clock, in seconds since 1970-01-01 UTC, for example from sntp_simple(). Until then
 * it is unknown, and TLS connections fail with IOT_THING_ERR_CERT_TIME_UNKNOWN. Callable from any
 * thread, again whenever the time is known better.
 */
void iot_thing_zephyr_set_unix_time(uint64_t seconds);

#if defined(CONFIG_IOT_THING_PORT_TLS_SOCKETS)
/*
 * Which credentials (registered with tls_credential_add()) the TLS sockets use: CA certificates,
 * client certificate and private key. `tags` is an array of sec_tag_t and must stay where it is.
 * Call it before iot_thing_connect().
 */
void iot_thing_zephyr_set_tls(const int *tags, size_t count);
#endif

#ifdef __cplusplus
}
#endif

#endif
