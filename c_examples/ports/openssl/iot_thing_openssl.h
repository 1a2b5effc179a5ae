/*
 * Sockets that speak TLS themselves, by OpenSSL, for iot_thing_transport_secure_socket. A pattern
 * for a modem's or an operating system's TLS sockets, and a way to use TLS 1.2 or a PKCS#11 key.
 *
 *     static iot_thing_openssl_t tls;
 *     iot_thing_openssl_init(&tls, &posix.sockets, host, ca, cert, key);
 *     config.transport = &iot_thing_transport_secure_socket;
 *     config.sockets = &tls.sockets;
 *
 * The server is authenticated here, not by the library: its certificate must lead to `ca` and be
 * for `host`, or the connection fails.
 */
#ifndef IOT_THING_OPENSSL_H
#define IOT_THING_OPENSSL_H

#include <openssl/ssl.h>

#include "iot_thing.h"

/* One per Thing. Read `sockets`; the rest is private. */
typedef struct {
    iot_thing_sockets_t sockets;
    const iot_thing_sockets_t *tcp;
    const char *host;
    SSL_CTX *context;
    SSL *session;    /* of the connection, once TCP is there */
    int wants_read;  /* the handshake waits for the server */
} iot_thing_openssl_t;

/*
 * Makes `o` ready. `tcp` are the sockets underneath (their handles must be file descriptors);
 * `host`, which must stay valid, is sent as SNI and must be in the server's certificate; `ca`,
 * `cert` and `key` are PEM files. Ignores SIGPIPE in the whole program, which OpenSSL's own
 * sockets cause. Returns 0, or -1 when OpenSSL cannot use a file.
 */
int iot_thing_openssl_init(iot_thing_openssl_t *o, const iot_thing_sockets_t *tcp,
                           const char *host, const char *ca, const char *cert, const char *key);

/* Gives back what iot_thing_openssl_init took. The Thing must be gone. */
void iot_thing_openssl_deinit(iot_thing_openssl_t *o);

/* `port_error` in events is this, less OpenSSL's reason, when TLS failed. */
#define IOT_THING_OPENSSL_ERROR (-20000)

#endif
