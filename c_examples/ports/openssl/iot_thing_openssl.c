#define _POSIX_C_SOURCE 200809L

#include "iot_thing_openssl.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#include <openssl/err.h>

/* What the result of an operation of OpenSSL that did not succeed is in the library's terms. */
static int32_t failure(iot_thing_openssl_t *o, int result)
{
    switch (SSL_get_error(o->session, result)) {
    case SSL_ERROR_WANT_READ:
        o->wants_read = 1;
        return IOT_THING_SOCKET_WOULD_BLOCK;
    case SSL_ERROR_WANT_WRITE:
        o->wants_read = 0;
        return IOT_THING_SOCKET_WOULD_BLOCK;
    case SSL_ERROR_ZERO_RETURN:
        return IOT_THING_SOCKET_CLOSED;
    case SSL_ERROR_SYSCALL:
        return errno != 0 ? -errno : IOT_THING_SOCKET_CLOSED;
    default:
        return IOT_THING_OPENSSL_ERROR - ERR_GET_REASON(ERR_peek_last_error());
    }
}

/* OpenSSL keeps errors until they are fetched, and takes old ones for its own. */
static void forget_errors(void)
{
    ERR_clear_error();
    errno = 0;
}

static int bounded(size_t len)
{
    return len < INT_MAX ? (int)len : INT_MAX;
}

static int32_t tls_resolve(void *user, const char *host, iot_thing_address_t *address)
{
    iot_thing_openssl_t *o = user;
    return o->tcp->resolve(o->tcp->user, host, address);
}

static int32_t tls_open(void *user, intptr_t *socket)
{
    iot_thing_openssl_t *o = user;
    return o->tcp->open(o->tcp->user, socket);
}

static int begin_session(iot_thing_openssl_t *o, intptr_t socket)
{
    o->session = SSL_new(o->context);
    return o->session != NULL && SSL_set_fd(o->session, (int)socket) == 1 &&
           SSL_set_tlsext_host_name(o->session, o->host) == 1 &&
           SSL_set1_host(o->session, o->host) == 1;
}

static int32_t tls_connect(void *user, intptr_t socket, const char *host,
                           const iot_thing_address_t *address, uint16_t port)
{
    iot_thing_openssl_t *o = user;
    forget_errors();
    if (o->session == NULL) {
        int32_t result = o->tcp->connect(o->tcp->user, socket, host, address, port);
        if (result != 0) {
            return result;
        }
        if (!begin_session(o, socket)) {
            return IOT_THING_OPENSSL_ERROR;
        }
    }
    int result = SSL_connect(o->session);
    if (result != 1) {
        return failure(o, result);
    }
    o->wants_read = 0;
    return 0;
}

static int32_t tls_send(void *user, intptr_t socket, const uint8_t *data, size_t len)
{
    iot_thing_openssl_t *o = user;
    (void)socket;
    forget_errors();
    int result = SSL_write(o->session, data, bounded(len));
    return result > 0 ? result : failure(o, result);
}

static int32_t tls_recv(void *user, intptr_t socket, uint8_t *data, size_t len)
{
    iot_thing_openssl_t *o = user;
    (void)socket;
    forget_errors();
    int result = SSL_read(o->session, data, bounded(len));
    return result > 0 ? result : failure(o, result);
}

static void tls_close(void *user, intptr_t socket)
{
    iot_thing_openssl_t *o = user;
    if (o->session != NULL) {
        if (SSL_is_init_finished(o->session)) {
            SSL_shutdown(o->session); /* as far as it goes without waiting */
        }
        SSL_free(o->session);
        o->session = NULL;
    }
    o->wants_read = 0;
    o->tcp->close(o->tcp->user, socket);
}

static void tls_wait(void *user, intptr_t socket, uint32_t interest, int32_t timeout_ms)
{
    iot_thing_openssl_t *o = user;
    /* The library thinks that it connects, and so waits for the socket to become writable. */
    int handshake = o->session != NULL && !SSL_is_init_finished(o->session);
    if (handshake && o->wants_read) {
        interest = IOT_THING_IO_READ;
    }
    o->tcp->wait(o->tcp->user, socket, interest, timeout_ms);
}

int iot_thing_openssl_init(iot_thing_openssl_t *o, const iot_thing_sockets_t *tcp,
                           const char *host, const char *ca, const char *cert, const char *key)
{
    static const iot_thing_sockets_t functions = {
        .struct_size = sizeof(iot_thing_sockets_t),
        .open = tls_open,
        .connect = tls_connect,
        .send = tls_send,
        .recv = tls_recv,
        .close = tls_close,
    };
    struct sigaction ignore;

    memset(o, 0, sizeof *o);
    o->sockets = functions;
    o->sockets.user = o;
    o->sockets.resolve = tcp->resolve != NULL ? tls_resolve : NULL;
    o->sockets.wait = tcp->wait != NULL ? tls_wait : NULL;
    o->tcp = tcp;
    o->host = host;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, NULL);

    o->context = SSL_CTX_new(TLS_client_method());
    if (o->context == NULL || SSL_CTX_set_min_proto_version(o->context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_load_verify_locations(o->context, ca, NULL) != 1 ||
        SSL_CTX_use_certificate_chain_file(o->context, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(o->context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(o->context) != 1) {
        iot_thing_openssl_deinit(o);
        return -1;
    }
    SSL_CTX_set_verify(o->context, SSL_VERIFY_PEER, NULL);
    /* What was not sent may be offered again from another place, and in part. */
    SSL_CTX_set_mode(o->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return 0;
}

void iot_thing_openssl_deinit(iot_thing_openssl_t *o)
{
    SSL_CTX_free(o->context);
    o->context = NULL;
}
