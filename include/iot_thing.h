/*
 * iot_thing: an AWS IoT Thing for C firmware.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from the Rust sources by tools/header; do not edit.
 *
 * Rules that hold everywhere:
 * - A function that can fail returns an int32_t: 0 (IOT_THING_OK) or a positive result on
 *   success, a negative IOT_THING_ERR_... on failure. A call that fails changes nothing, and
 *   out-parameters are written on success only.
 * - Every callback takes the `void *user` it was registered with first, and is called from
 *   iot_thing_poll() (or, where it says so, iot_thing_deinit()) on the thread that called it.
 * - Nothing blocks but iot_thing_wait(); nothing allocates; nothing keeps a pointer unless its
 *   description says so.
 * - Structures that may grow start with `struct_size`: initialise them with their _INIT macro.
 */

#ifndef IOT_THING_H
#define IOT_THING_H

#include <stddef.h>
#include <stdint.h>

/*
 * Marks functions whose result must be looked at. Define it empty before the #include to
 * silence it.
 */
#ifndef IOT_THING_NODISCARD
#if (defined(__cplusplus) && __cplusplus >= 201703L) || \
    (!defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
#define IOT_THING_NODISCARD [[nodiscard]]
#elif defined(__GNUC__) || defined(__clang__)
#define IOT_THING_NODISCARD __attribute__((warn_unused_result))
#else
#define IOT_THING_NODISCARD
#endif
#endif

/**
 * The deepest nesting of objects and arrays that is read or written.
 */
#define IOT_THING_JSON_MAX_DEPTH 16

/**
 * The most decimals of a scaled integer.
 */
#define IOT_THING_JSON_MAX_DECIMALS 18

/**
 * Type of a property's variable: `int8_t`.
 */
#define IOT_THING_TYPE_I8 1

/**
 * `int16_t`
 */
#define IOT_THING_TYPE_I16 2

/**
 * `int32_t`
 */
#define IOT_THING_TYPE_I32 3

/**
 * `int64_t`
 */
#define IOT_THING_TYPE_I64 4

/**
 * `uint8_t`
 */
#define IOT_THING_TYPE_U8 5

/**
 * `uint16_t`
 */
#define IOT_THING_TYPE_U16 6

/**
 * `uint32_t`
 */
#define IOT_THING_TYPE_U32 7

/**
 * `uint64_t`
 */
#define IOT_THING_TYPE_U64 8

/**
 * `bool` or `uint8_t`: `true` is 1, `false` is 0.
 */
#define IOT_THING_TYPE_BOOL 9

/**
 * `int32_t`: the number of one of the `names`; in the shadow a string, that name.
 */
#define IOT_THING_TYPE_ENUM 10

/**
 * `char[size]`: a NUL-terminated string.
 */
#define IOT_THING_TYPE_STRING 11

/**
 * `char[size]`: any JSON value, as NUL-terminated text.
 */
#define IOT_THING_TYPE_JSON 12

/**
 * Flag of a property: the device's alone. What the cloud desires is refused.
 */
#define IOT_THING_PROPERTY_READ_ONLY 1

/**
 * Flag of a property: a command. What the cloud desires is stored, `on_change` is called, and the
 * member is taken out of `desired`, so that it is obeyed once; it is never reported.
 */
#define IOT_THING_PROPERTY_WRITE_ONLY 2

/**
 * Flag of a property: when the firmware changes it, `desired` is changed, too. Without it the
 * cloud, which still desires the other value, asks for that again.
 */
#define IOT_THING_PROPERTY_LOCAL 4

/**
 * Flag of a table: when the session is new everything is reported, not only what differs.
 */
#define IOT_THING_PROPERTIES_REPORT_ALL 1

/**
 * Longest name of a shadow, in bytes (AWS IoT limit).
 */
#define IOT_THING_MAX_SHADOW_NAME 64

/**
 * Longest client token, in bytes (AWS IoT limit).
 */
#define IOT_THING_MAX_CLIENT_TOKEN 64

/**
 * Size of the array that takes a client token with its NUL.
 */
#define IOT_THING_CLIENT_TOKEN_SIZE 65

/**
 * `iot_thing_shadow_open`: the answers' subscriptions are made for each request and left after the
 * last one, instead of being kept. For a device that asks rarely and is short of AWS IoT's 50
 * subscriptions for each connection.
 */
#define IOT_THING_SHADOW_PER_REQUEST 1

/**
 * `section`: the JSON is the reported state.
 */
#define IOT_THING_SHADOW_REPORTED 0

/**
 * `section`: the JSON is the desired state.
 */
#define IOT_THING_SHADOW_DESIRED 1

/**
 * `section`: the JSON has members `reported` and `desired`, or one of them.
 */
#define IOT_THING_SHADOW_BOTH 2

/**
 * Words of private storage in a handle.
 */
#define IOT_THING_SHADOW_STORAGE 27

/**
 * Bytes of a Thing besides its configurable buffers, on 32-bit targets.
 */
#define IOT_THING_FIXED_SIZE_32 4680

/**
 * The same on 64-bit targets.
 */
#define IOT_THING_FIXED_SIZE_64 6464

/**
 * What TLS adds to it, on 32-bit targets.
 */
#define IOT_THING_TLS_FIXED_SIZE_32 1776

/**
 * The same on 64-bit targets.
 */
#define IOT_THING_TLS_FIXED_SIZE_64 1840

/**
 * Major version of the library and of this header.
 */
#define IOT_THING_VERSION_MAJOR 0

/**
 * Minor version; while the major version is 0 a new minor version may break the ABI.
 */
#define IOT_THING_VERSION_MINOR 1

/**
 * Patch version.
 */
#define IOT_THING_VERSION_PATCH 0

/**
 * Success. Every error is negative: see `iot_thing_err`.
 */
#define IOT_THING_OK 0

/**
 * `pull_events`: events are taken with `iot_thing_next_event`.
 */
#define IOT_THING_PULL_EVENTS 1

/**
 * `pull_events`: events and shadow requests are.
 */
#define IOT_THING_PULL_ALL 2

/**
 * `iot_thing_poll`: nothing to do until a socket is ready or a call queues something.
 */
#define IOT_THING_FOREVER INT32_MAX

/**
 * Returned by a sign function: the signature is not ready, call again.
 */
#define IOT_THING_SIGN_PENDING 1

/**
 * `sign_form`: `sign` writes DER.
 */
#define IOT_THING_SIGN_DER 0

/**
 * `sign_form`: `sign` writes r and then s, 32 bytes each.
 */
#define IOT_THING_SIGN_RAW 1

/**
 * Port used when `tcp_port` is 0 (MQTT over TLS, AWS IoT Core's default).
 */
#define IOT_THING_DEFAULT_PORT 8883

/**
 * Default of `rx_size`: the largest MQTT packet that can be received, in bytes.
 */
#define IOT_THING_DEFAULT_RX_SIZE 4096

/**
 * Default of `tx_size`: bytes of messages that can wait in the outbox, or for their end.
 */
#define IOT_THING_DEFAULT_TX_SIZE 2048

/**
 * Default of `reply_size`: the largest answer an `on_shadow_request` callback can write, in bytes.
 */
#define IOT_THING_DEFAULT_REPLY_SIZE 512

/**
 * Default of `queue_len`: messages that can wait in the outbox or for their answer.
 */
#define IOT_THING_DEFAULT_QUEUE_LEN 16

/**
 * Default of `tls_rx_size`: the largest TLS record a server may send (RFC 8446, 5.2). AWS IoT
 * ignores requests for smaller records, so less is safe only when the server is known.
 */
#define IOT_THING_DEFAULT_TLS_RX_SIZE 16640

/**
 * Default of `tls_tx_size`: the largest TLS record sent.
 */
#define IOT_THING_DEFAULT_TLS_TX_SIZE 2048

/**
 * Bytes of the memory that hold PEM certificates once decoded, in `IOT_THING_MEMORY_SIZE`.
 * Certificates given as DER are used where they are and need none of it.
 */
#define IOT_THING_CREDENTIALS_SIZE 3072

/**
 * Default of `keep_alive_s`, in seconds.
 */
#define IOT_THING_DEFAULT_KEEP_ALIVE_S 60

/**
 * Smallest `keep_alive_s` (AWS IoT Core grants no less).
 */
#define IOT_THING_MIN_KEEP_ALIVE_S 30

/**
 * Largest `keep_alive_s` (AWS IoT Core grants no more).
 */
#define IOT_THING_MAX_KEEP_ALIVE_S 1200

/**
 * Default of `session_expiry_s`: AWS IoT Core's default limit, one hour.
 */
#define IOT_THING_DEFAULT_SESSION_EXPIRY_S 3600

/**
 * `session_expiry_s`: the session ends with the connection.
 */
#define IOT_THING_SESSION_NONE UINT32_MAX

/**
 * Default of `connect_timeout_ms`: name resolution and TCP connection together.
 */
#define IOT_THING_DEFAULT_CONNECT_TIMEOUT_MS 20000

/**
 * Default of `tls_timeout_ms`: the whole TLS handshake.
 */
#define IOT_THING_DEFAULT_TLS_TIMEOUT_MS 30000

/**
 * Default of `mqtt_timeout_ms`: CONNACK.
 */
#define IOT_THING_DEFAULT_MQTT_TIMEOUT_MS 10000

/**
 * Default of `ack_timeout_ms`: PUBACK and SUBACK.
 */
#define IOT_THING_DEFAULT_ACK_TIMEOUT_MS 30000

/**
 * Default of `ping_timeout_ms`: PINGRESP.
 */
#define IOT_THING_DEFAULT_PING_TIMEOUT_MS 10000

/**
 * Default of `stall_timeout_ms`: how long the network may refuse to take bytes.
 */
#define IOT_THING_DEFAULT_STALL_TIMEOUT_MS 20000

/**
 * Default of `shadow_timeout_ms`: from the acknowledgement of a shadow request to its answer.
 */
#define IOT_THING_DEFAULT_SHADOW_TIMEOUT_MS 10000

/**
 * Default of `backoff_base_ms`.
 */
#define IOT_THING_DEFAULT_BACKOFF_BASE_MS 1000

/**
 * Default of `backoff_cap_ms`.
 */
#define IOT_THING_DEFAULT_BACKOFF_CAP_MS 128000

/**
 * Default of `backoff_stable_ms`.
 */
#define IOT_THING_DEFAULT_BACKOFF_STABLE_MS 20000

/**
 * Longest `mqtt_id`, in bytes (AWS IoT limit).
 */
#define IOT_THING_MAX_MQTT_ID 128

/**
 * Longest `thing_name`, in bytes (AWS IoT limit).
 */
#define IOT_THING_MAX_THING_NAME 128

/**
 * Longest `endpoint`, in bytes (DNS limit).
 */
#define IOT_THING_MAX_ENDPOINT 253

/**
 * Default of `subscriptions`: filters that can be subscribed to.
 */
#define IOT_THING_DEFAULT_SUBSCRIPTIONS 4

/**
 * Default of `filter_size`: bytes of all filters together.
 */
#define IOT_THING_DEFAULT_FILTER_SIZE 256

/**
 * `queue_policy`: a message for which there is no room is refused.
 */
#define IOT_THING_QUEUE_REFUSE_NEW 0

/**
 * `queue_policy`: the oldest messages that were not sent yet make room for it; each is told to its
 * owner with `IOT_THING_ERR_DROPPED`. Shadow requests are never dropped.
 */
#define IOT_THING_QUEUE_DROP_OLDEST 1

/**
 * `clean_start`: the broker forgets an earlier session when the program connects for the first
 * time; later connections resume the session.
 */
#define IOT_THING_CLEAN_START_FIRST 0

/**
 * `clean_start`: every connection begins a new session.
 */
#define IOT_THING_CLEAN_START_ALWAYS 1

/**
 * `clean_start`: the session outlives a restart of the program; messages that came meanwhile are
 * delivered. Subscriptions of the program before it may still be in force.
 */
#define IOT_THING_CLEAN_START_NEVER 2

/**
 * `iot_thing_disconnect_with`: an ordinary end; the broker discards the will.
 */
#define IOT_THING_DISCONNECT_NORMAL 0

/**
 * `iot_thing_disconnect_with`: the broker publishes the will.
 */
#define IOT_THING_DISCONNECT_WITH_WILL 4

/**
 * Most bytes of the MQTT 5 properties of a message that is sent, as MQTT encodes them.
 */
#define IOT_THING_MAX_PROPERTIES 512

/**
 * Most user properties of a message that is sent.
 */
#define IOT_THING_MAX_USER_PROPERTIES 8

/**
 * Longest topic, in bytes (AWS IoT limit).
 */
#define IOT_THING_MAX_TOPIC 256

/**
 * Largest shadow request, in bytes (AWS IoT limit).
 */
#define IOT_THING_MAX_SHADOW_DOCUMENT 8192

/**
 * Largest payload of a message, in bytes (AWS IoT limit).
 */
#define IOT_THING_MAX_PAYLOAD 131072

/**
 * Returned by a socket function: nothing possible now, call again when the socket is ready.
 * Chosen so that a port may return `-errno` for every real error.
 */
#define IOT_THING_SOCKET_WOULD_BLOCK (-65536)

/**
 * Returned by `send` and `recv`: the peer has closed the connection.
 */
#define IOT_THING_SOCKET_CLOSED (-65537)

/**
 * `interest` bit: the Thing waits for the socket to become readable.
 */
#define IOT_THING_IO_READ 1

/**
 * `interest` bit: the Thing waits for the socket to become writable.
 */
#define IOT_THING_IO_WRITE 2

/**
 * Level of `iot_thing_port_t.log`: something is wrong for good. Not used by this version.
 */
#define IOT_THING_LOG_ERROR 1

/**
 * Level of `log`: something went wrong and will be tried again.
 */
#define IOT_THING_LOG_WARNING 2

/**
 * Level of `log`: a milestone, such as connected.
 */
#define IOT_THING_LOG_INFO 3

/**
 * `aead_seal` and `aead_open`: AES-GCM with a key of 16 bytes.
 */
#define IOT_THING_AEAD_AES_128_GCM 1

/**
 * The same with a key of 32 bytes; only in a library built with the feature `aes256`.
 */
#define IOT_THING_AEAD_AES_256_GCM 2

/**
 * ChaCha20-Poly1305, with a key of 32 bytes; only in a library built with the feature `chacha20`.
 */
#define IOT_THING_AEAD_CHACHA20_POLY1305 3

/**
 * Returned by a function of `iot_thing_crypto_t`: what was to be checked is wrong.
 */
#define IOT_THING_CRYPTO_WRONG 1

/**
 * What went wrong. Every function of the library that can fail returns one of these negative
 * values, or `IOT_THING_OK` (0). Numbers are never reused or changed; new ones are only added.
 * Print one with `iot_thing_err_name()`, explain one with `iot_thing_err_text()`.
 */
enum iot_thing_err
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A pointer that must not be NULL is NULL.
     */
    IOT_THING_ERR_NULL = -1,
    /**
     * A value or a length is outside the documented range.
     */
    IOT_THING_ERR_ARGUMENT = -2,
    /**
     * The call does not fit the current state: not a Thing (any more), or already one.
     */
    IOT_THING_ERR_STATE = -3,
    /**
     * `iot_thing_poll` or `iot_thing_deinit` was called from a callback, or by a second thread
     * while the first is inside.
     */
    IOT_THING_ERR_BUSY = -4,
    /**
     * The memory given to `iot_thing_init` is too small, or is NULL; `iot_thing_memory_needed`
     * tells the size.
     */
    IOT_THING_ERR_MEMORY = -5,
    /**
     * `struct_size` is 0 or larger than this library knows: initialise with the `_INIT` macro.
     */
    IOT_THING_ERR_STRUCT_SIZE = -6,
    /**
     * The port lacks a required function, or is not the port given to the first
     * `iot_thing_init` of this program.
     */
    IOT_THING_ERR_PORT = -7,
    /**
     * The socket table lacks a required function.
     */
    IOT_THING_ERR_SOCKETS = -8,
    /**
     * `transport` is NULL: use `IOT_THING_CONFIG_INIT`.
     */
    IOT_THING_ERR_TRANSPORT = -9,
    /**
     * The endpoint is missing, longer than 253 bytes, or not a host name.
     */
    IOT_THING_ERR_ENDPOINT = -10,
    /**
     * `mqtt_id` is missing, too long, or starts with `$`.
     */
    IOT_THING_ERR_MQTT_ID = -11,
    /**
     * `thing_name` is too long or has a character outside `[a-zA-Z0-9:_-]`.
     */
    IOT_THING_ERR_THING_NAME = -12,
    /**
     * The client certificate is missing or is not one PEM or DER X.509 certificate chain.
     */
    IOT_THING_ERR_CLIENT_CERT = -13,
    /**
     * The private key is missing or is not an unencrypted private key as PEM or DER (SEC1, PKCS#8
     * or PKCS#1), or not consistent in itself.
     */
    IOT_THING_ERR_PRIVATE_KEY = -14,
    /**
     * The private key does not belong to the client certificate.
     */
    IOT_THING_ERR_KEY_MISMATCH = -15,
    /**
     * The CA certificates are not PEM or DER X.509 certificates.
     */
    IOT_THING_ERR_CA_CERTS = -16,
    /**
     * A topic or filter is empty, not UTF-8, has a wildcard where none may be, or breaks an AWS IoT
     * limit (256 bytes, 8 levels).
     */
    IOT_THING_ERR_TOPIC = -17,
    /**
     * The message can never fit: larger than the AWS limit or than the configured buffer.
     * `iot_thing_last_needed` tells the size that was needed.
     */
    IOT_THING_ERR_TOO_LARGE = -18,
    /**
     * The outbox is full for now: poll, and try again when something has been acknowledged.
     */
    IOT_THING_ERR_QUEUE_FULL = -19,
    /**
     * The port's random source failed.
     */
    IOT_THING_ERR_RANDOM = -20,
    /**
     * The client certificate has expired, by the clock at `iot_thing_init`.
     */
    IOT_THING_ERR_CLIENT_CERT_EXPIRED = -21,
    /**
     * The client certificate is not valid yet, by the clock at `iot_thing_init`.
     */
    IOT_THING_ERR_CLIENT_CERT_NOT_YET_VALID = -22,
    /**
     * The client certificate says that it may not be used to authenticate a TLS client.
     */
    IOT_THING_ERR_CLIENT_CERT_USAGE = -23,
    /**
     * The client certificate or the private key is for RSA with fewer than 2048 bits.
     */
    IOT_THING_ERR_KEY_WEAK = -24,
    /**
     * The client certificate or the private key is for a kind of key that is not supported:
     * another curve than P-256, RSA with more than 4096 bits or an unusual exponent or primes of
     * different lengths, RSA together with `sign`, or RSA where the library was built without it.
     */
    IOT_THING_ERR_KEY_UNSUPPORTED = -25,
    /**
     * There is none of that name or number.
     */
    IOT_THING_ERR_NOT_FOUND = -26,
    /**
     * The name of a shadow is too long or has a character outside `[a-zA-Z0-9:_-]`.
     */
    IOT_THING_ERR_SHADOW_NAME = -27,
    /**
     * A function of `iot_thing_crypto_t` failed.
     */
    IOT_THING_ERR_CRYPTO = -28,
    /**
     * The text is not JSON as RFC 8259 defines it.
     */
    IOT_THING_ERR_JSON_SYNTAX = -30,
    /**
     * The text is not valid UTF-8, or has an unpaired surrogate escape.
     */
    IOT_THING_ERR_JSON_UTF8 = -31,
    /**
     * Nested deeper than `IOT_THING_JSON_MAX_DEPTH`.
     */
    IOT_THING_ERR_JSON_DEPTH = -32,
    /**
     * No member of that name, no element of that index, or the iteration is over.
     */
    IOT_THING_ERR_JSON_NOT_FOUND = -33,
    /**
     * The value has another type than the one asked for.
     */
    IOT_THING_ERR_JSON_TYPE = -34,
    /**
     * The number does not fit the type asked for, or has more decimals than asked for.
     */
    IOT_THING_ERR_JSON_RANGE = -35,
    /**
     * The buffer is too small; the size needed was reported.
     */
    IOT_THING_ERR_JSON_NO_SPACE = -36,
    /**
     * Writer calls in an impossible order (a value where a key is due, an end without a begin).
     */
    IOT_THING_ERR_JSON_NESTING = -37,
    /**
     * The service or the broker refused it; the code it gave is reported with it.
     */
    IOT_THING_ERR_REJECTED = -40,
    /**
     * No answer in time. Whether the service acted on it is unknown.
     */
    IOT_THING_ERR_TIMED_OUT = -41,
    /**
     * Ended by `iot_thing_deinit`, or withdrawn.
     */
    IOT_THING_ERR_CANCELLED = -42,
    /**
     * It was in the outbox and made room for a newer message, as `queue_policy` says.
     */
    IOT_THING_ERR_DROPPED = -43,
    /**
     * The broker forgot the session after it had taken the request and before the answer came.
     * Whether the service acted on it is unknown: read the shadow.
     */
    IOT_THING_ERR_DISCONNECTED = -44,
    /**
     * The table has no property of that name.
     */
    IOT_THING_ERR_PROPERTY_UNKNOWN = -46,
    /**
     * The property is the device's alone.
     */
    IOT_THING_ERR_PROPERTY_READ_ONLY = -47,
    /**
     * The property's callback refused the value; what it returned is reported with it.
     */
    IOT_THING_ERR_PROPERTY_REFUSED = -48,
    /**
     * The host name could not be resolved.
     */
    IOT_THING_ERR_RESOLVE = -50,
    /**
     * The TCP connection could not be made.
     */
    IOT_THING_ERR_TCP_CONNECT = -51,
    /**
     * The socket reported an error on an established connection.
     */
    IOT_THING_ERR_TCP_RESET = -52,
    /**
     * The peer closed the connection.
     */
    IOT_THING_ERR_TCP_CLOSED = -53,
    /**
     * The connection was not established, or the peer took no bytes, within the time allowed.
     */
    IOT_THING_ERR_TCP_TIMEOUT = -54,
    /**
     * A socket function returned a value its contract does not allow.
     */
    IOT_THING_ERR_SOCKET_CONTRACT = -55,
    /**
     * The TLS handshake failed for a reason that has no code of its own.
     */
    IOT_THING_ERR_TLS = -60,
    /**
     * The server sent a TLS alert; its number is reported with it.
     */
    IOT_THING_ERR_TLS_ALERT = -61,
    /**
     * The TLS handshake did not finish in time.
     */
    IOT_THING_ERR_TLS_TIMEOUT = -62,
    /**
     * The server sent a TLS record larger than `tls_rx_size`; the size needed is reported.
     */
    IOT_THING_ERR_TLS_RECORD_TOO_LARGE = -63,
    /**
     * The server sent something that TLS 1.3 does not allow at that point.
     */
    IOT_THING_ERR_TLS_PROTOCOL = -64,
    /**
     * The server did not prove who it is: it omitted its certificate or the proof of its key.
     */
    IOT_THING_ERR_TLS_NOT_AUTHENTICATED = -65,
    /**
     * Signing with the private key failed (the secure element reported an error).
     */
    IOT_THING_ERR_TLS_SIGN = -66,
    /**
     * The server's certificate does not lead to one of the configured CA certificates.
     */
    IOT_THING_ERR_CERT_UNKNOWN_ISSUER = -70,
    /**
     * A certificate of the server has expired.
     */
    IOT_THING_ERR_CERT_EXPIRED = -71,
    /**
     * A certificate of the server is not valid yet (or the device's clock is wrong).
     */
    IOT_THING_ERR_CERT_NOT_YET_VALID = -72,
    /**
     * The server's certificate is for another host name.
     */
    IOT_THING_ERR_CERT_HOST_NAME = -73,
    /**
     * A certificate of the server may not be used for this purpose.
     */
    IOT_THING_ERR_CERT_USAGE = -74,
    /**
     * A signature made by the server or on its certificates is wrong.
     */
    IOT_THING_ERR_CERT_SIGNATURE = -75,
    /**
     * A certificate of the server is malformed.
     */
    IOT_THING_ERR_CERT_MALFORMED = -76,
    /**
     * The server's certificate uses an algorithm that this build does not support.
     */
    IOT_THING_ERR_CERT_UNSUPPORTED = -77,
    /**
     * The time is unknown (`unix_time` returned 0, and there is no `earliest_unix_time`), so validity
     * cannot be checked.
     */
    IOT_THING_ERR_CERT_TIME_UNKNOWN = -78,
    /**
     * The broker refused the connection; its CONNACK reason code is reported.
     */
    IOT_THING_ERR_MQTT_REFUSED = -80,
    /**
     * The broker did not answer CONNECT, or did not acknowledge a message, in time.
     */
    IOT_THING_ERR_MQTT_TIMEOUT = -81,
    /**
     * The broker sent something that MQTT 5 does not allow, or an acknowledgement larger than
     * `rx_size`.
     */
    IOT_THING_ERR_MQTT_PROTOCOL = -82,
    /**
     * The broker ended the connection with DISCONNECT; its reason code is reported when known.
     */
    IOT_THING_ERR_MQTT_DISCONNECTED = -83,
    /**
     * The broker did not answer a PINGREQ.
     */
    IOT_THING_ERR_MQTT_KEEP_ALIVE = -84,
    /**
     * The connection was closed before CONNACK: on AWS IoT usually an unknown or inactive
     * certificate, or a policy that does not allow this client id to connect.
     */
    IOT_THING_ERR_MQTT_CLOSED_BEFORE_CONNACK = -85,
    /**
     * The broker refused a subscription that a shadow needs, on AWS IoT usually by the policy; the
     * SUBACK's reason code is reported with it. It ends requests whose answers could not arrive, not
     * the connection.
     */
    IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED = -86,
    /**
     * Another client connected with the same client id, and the broker ended this connection.
     */
    IOT_THING_ERR_MQTT_TAKEN_OVER = -87,
    /**
     * The broker ended the connection because of a limit or quota; its reason code is reported.
     */
    IOT_THING_ERR_MQTT_QUOTA = -88,
    /**
     * The connection was closed without a word right after SUBSCRIBE or UNSUBSCRIBE: on AWS IoT
     * usually the policy does not allow a filter.
     */
    IOT_THING_ERR_MQTT_CLOSED_AFTER_SUBSCRIBE = -89,
    /**
     * The connection was closed without a word right after PUBLISH: on AWS IoT usually the policy
     * does not allow the topic.
     */
    IOT_THING_ERR_MQTT_CLOSED_AFTER_PUBLISH = -90,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum iot_thing_err iot_thing_err;
#else
typedef int32_t iot_thing_err;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where the connection stands, see `iot_thing_get_state`. New values may be added.
 */
enum iot_thing_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not connected, and not asked to be.
     */
    IOT_THING_STATE_IDLE = 0,
    /**
     * Looking up the endpoint's address.
     */
    IOT_THING_STATE_RESOLVING = 1,
    /**
     * Opening the TCP connection.
     */
    IOT_THING_STATE_CONNECTING = 2,
    /**
     * TLS handshake.
     */
    IOT_THING_STATE_SECURING = 3,
    /**
     * CONNECT sent, waiting for CONNACK.
     */
    IOT_THING_STATE_OPENING = 4,
    /**
     * Waiting for the SUBACK of the subscriptions that are needed.
     */
    IOT_THING_STATE_SUBSCRIBING = 5,
    /**
     * Connected and ready.
     */
    IOT_THING_STATE_ONLINE = 6,
    /**
     * Disconnecting, as asked.
     */
    IOT_THING_STATE_CLOSING = 7,
    /**
     * The last attempt failed; waiting to try again.
     */
    IOT_THING_STATE_WAITING = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum iot_thing_state iot_thing_state;
#else
typedef int32_t iot_thing_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an event tells. New values may be added: ignore those you do not know.
 */
enum iot_thing_event
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * No event (`iot_thing_next_event` only).
     */
    IOT_THING_EVENT_NONE = 0,
    /**
     * `state` has changed.
     */
    IOT_THING_EVENT_STATE = 1,
    /**
     * Online; `session_resumed` tells whether the broker kept the session.
     */
    IOT_THING_EVENT_CONNECTED = 2,
    /**
     * The connection that was online has ended: `error` is 0 when `iot_thing_disconnect` asked
     * for it, else it says why, with `code` and `port_error`; `retry_ms` until the next attempt.
     */
    IOT_THING_EVENT_DISCONNECTED = 3,
    /**
     * An attempt to connect failed: `error`, `code`, `port_error`, `needed`, `retry_ms`.
     */
    IOT_THING_EVENT_CONNECT_FAILED = 4,
    /**
     * The answer written by the `on_shadow_request` callback did not reach the cloud: `error`.
     * `IOT_THING_ERR_TOO_LARGE` with `needed`: raise `reply_size` or `tx_size`.
     * `IOT_THING_ERR_CANCELLED` with `code`: the callback returned that value.
     * `IOT_THING_ERR_REJECTED` or `_MQTT_SUBSCRIBE_REFUSED` with `code`, `IOT_THING_ERR_TIMED_OUT`: as
     * for any update.
     * Another: the JSON writer's error.
     */
    IOT_THING_EVENT_REPLY_FAILED = 5,
    /**
     * A shadow message could not be used: `error` (`IOT_THING_ERR_JSON_...`).
     */
    IOT_THING_EVENT_BAD_MESSAGE = 6,
    /**
     * An operation that was given no callback has failed: `user`, `error`, `code`. With
     * `pull_events` also told when it succeeded, if it was given a `user`.
     */
    IOT_THING_EVENT_DONE = 7,
    /**
     * A shadow request (`pull_events` only): `data`, the JSON object of the requested state,
     * borrowed until the next `iot_thing_poll`. Answer with `iot_thing_update_shadow`.
     */
    IOT_THING_EVENT_SHADOW_REQUEST = 8,
    /**
     * The shadow could not be read, which is done to find the requests that were missed:
     * `error`, `IOT_THING_ERR_REJECTED` with `code`, or `IOT_THING_ERR_TIMED_OUT` (also when the
     * shadow document is larger than `rx_size`). It is tried again, less and less often.
     */
    IOT_THING_EVENT_FETCH_FAILED = 9,
    /**
     * A message on a topic that was subscribed to without a callback, or that nobody subscribed to
     * and `iot_thing_mqtt_on_message` has no callback for (`pull_events` only): `topic` and `data`,
     * borrowed until the next `iot_thing_poll`; `user` as given with the subscription.
     */
    IOT_THING_EVENT_MESSAGE = 10,
    /**
     * A subscription that stood was refused when the session was lost and it was made again:
     * `user`, `code` (MQTT 5 reason code of the SUBACK). It is gone; subscribe anew.
     */
    IOT_THING_EVENT_SUBSCRIPTION_LOST = 11,
    /**
     * A message was larger than `rx_size`: `needed`, the size of its packet, and the beginning of its
     * `topic`, borrowed during the callback. It was passed over, and acknowledged with "quota
     * exceeded" so that it does not come again; the connection goes on. (With `pull_events` there
     * is no `topic`.)
     */
    IOT_THING_EVENT_MESSAGE_TOO_LARGE = 12,
    /**
     * The broker refused a filter that listening to a shadow needs, on AWS IoT usually by the policy:
     * `error` (`IOT_THING_ERR_MQTT_SUBSCRIBE_REFUSED`), `code` (MQTT 5 reason code of the SUBACK),
     * `topic`, the end of the filter (it stays valid), `user`, the `iot_thing_shadow_t` or NULL for
     * the Thing's own. Without "update/delta" no live deltas come, without "update/documents" no
     * documents; without "get/+" what was missed is not found. All else goes on. The filter is asked
     * for again, and this told again, on the next connection, or when a callback was removed and is
     * set again.
     */
    IOT_THING_EVENT_SHADOW_REFUSED = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum iot_thing_event iot_thing_event;
#else
typedef int32_t iot_thing_event;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether an operation that was rejected can be tried again.
 */
enum iot_thing_retry
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not rejected, or no retry will help: the request itself is wrong (400, 401, 403, 413, ...).
     */
    IOT_THING_RETRY_NO = 0,
    /**
     * The same request may succeed later (429, 500, 503, timed out).
     */
    IOT_THING_RETRY_LATER = 1,
    /**
     * Read the shadow's current version first (409).
     */
    IOT_THING_RETRY_REFRESH = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum iot_thing_retry iot_thing_retry;
#else
typedef int32_t iot_thing_retry;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * One device, opaque: it lives in the memory given to `iot_thing_init`.
 */
typedef struct iot_thing_t iot_thing_t;

/**
 * How the bytes of a connection are protected: one of the `iot_thing_transport_...` objects. A
 * firmware links only those that it names.
 */
typedef struct iot_thing_transport_t iot_thing_transport_t;

/**
 * Bytes with a length; not copied. `{ NULL, 0 }` means "not given".
 */
typedef struct {
    /**
     * First byte; may be NULL when `len` is 0.
     */
    const uint8_t *data;
    /**
     * Number of bytes. For PEM text the terminating NUL may be counted or not.
     */
    size_t len;
} iot_thing_bytes_t;

/**
 * Signs with a P-256 key that the library never sees (secure element), with ECDSA.
 *
 * `hash` is the SHA-256 of the message, 32 bytes. Write the signature to `signature`, which holds
 * `capacity` bytes (at least 72), and its length to `len`: as DER (`ECDSA-Sig-Value`, RFC 3279
 * 2.2.3, at most 72 bytes), or, with `sign_form` `IOT_THING_SIGN_RAW`, as r and then s, 32 bytes
 * each. Return
 * - 0 when that is done;
 * - `IOT_THING_SIGN_PENDING` when it is still being made: called again with the same hash by a
 *   later `iot_thing_poll`, until `tls_timeout_ms` has passed;
 * - a negative value on failure: the connection attempt then fails with
 *   `IOT_THING_ERR_TLS_SIGN`, and is made again after the usual delay.
 *
 * After a timeout the next call may come with another hash: forget the one before. The first
 * signature is checked against the client certificate, and `IOT_THING_ERR_KEY_MISMATCH` ends the
 * attempt if another key made it. Called inside `iot_thing_poll` only; must not call the library.
 */
typedef int32_t (*iot_thing_sign_fn)(void *user,
                                     const uint8_t *hash,
                                     uint8_t *signature,
                                     size_t capacity,
                                     size_t *len);

/**
 * An IP address, as `resolve` fills it in.
 */
typedef struct {
    /**
     * 4 or 6.
     */
    uint32_t family;
    /**
     * The address in network byte order: the first 4 bytes for IPv4, all 16 for IPv6.
     */
    uint8_t ip[16];
} iot_thing_address_t;

/**
 * The sockets of the firmware: non-blocking TCP.
 *
 * All functions are called by `iot_thing_poll` (and `close` also by `iot_thing_deinit`), on the
 * thread that calls it, never from an interrupt and never while a critical section is held. None
 * of them may block, call the library back, or keep a pointer it was given. The table must
 * outlive the Thing; several Things may share it.
 *
 * Below, WOULD_BLOCK and CLOSED stand for `IOT_THING_SOCKET_WOULD_BLOCK` and
 * `IOT_THING_SOCKET_CLOSED`. Any other negative value is an error of the port's own (for example
 * `-errno`): it ends the connection and is reported in `iot_thing_event_t.port_error`.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_sockets_t)`: `IOT_THING_SOCKETS_INIT` sets it.
     */
    uint32_t struct_size;
    /**
     * Passed to every function.
     */
    void *user;
    /**
     * Optional. Looks `host` (NUL-terminated) up. 0: `address` is filled in; WOULD_BLOCK: not
     * yet, called again with the same `host` until it settles or times out. NULL: `connect`
     * gets the host name instead, as modems want it.
     */
    int32_t (*resolve)(void *user, const char *host, iot_thing_address_t *address);
    /**
     * Required. Makes a socket and stores its handle (any value but -1). 0 or an error.
     */
    int32_t (*open)(void *user, ptrdiff_t *socket);
    /**
     * Required. Connects to `address`, or to `host` when there is no `resolve` (`address` is
     * then NULL). 0: connected; WOULD_BLOCK: under way, called again every 100 ms, or when the
     * socket becomes writable, until it settles.
     */
    int32_t (*connect)(void *user,
                       ptrdiff_t socket,
                       const char *host,
                       const iot_thing_address_t *address,
                       uint16_t port);
    /**
     * Required. Sends up to `len` bytes (`len` is at least 1). Returns how many were taken, at
     * least 1; WOULD_BLOCK when none; CLOSED; or an error. 0 is not allowed.
     */
    int32_t (*send)(void *user, ptrdiff_t socket, const uint8_t *data, size_t len);
    /**
     * Required. Receives up to `len` bytes (`len` is at least 1). Returns how many, at least 1;
     * WOULD_BLOCK when there are none yet; CLOSED when the peer has closed; or an error. 0 is
     * not allowed.
     */
    int32_t (*recv)(void *user, ptrdiff_t socket, uint8_t *data, size_t len);
    /**
     * Required. Closes the socket; called exactly once for each successful `open`.
     */
    void (*close)(void *user, ptrdiff_t socket);
    /**
     * Optional, for `iot_thing_wait` only. Blocks until the socket is ready for what `interest`
     * names (`IOT_THING_IO_READ`, `_WRITE`), the port's `wake` was called, or `timeout_ms` has
     * passed. `socket` is -1 and `interest` 0 when there is no connection. This one may block.
     */
    void (*wait)(void *user, ptrdiff_t socket, uint32_t interest, int32_t timeout_ms);
} iot_thing_sockets_t;

/**
 * What the library needs from the board. One per program: every Thing must be given the same
 * object, because the clock and the critical section are global. It must never go away.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_port_t)`: `IOT_THING_PORT_INIT` sets it.
     */
    uint32_t struct_size;
    /**
     * Passed to every function.
     */
    void *user;
    /**
     * Required. Milliseconds since any moment, never going back by more than a minute; may wrap at
     * 32 bits. Called inside the critical section: it must be short and must not call the library.
     */
    uint32_t (*now_ms)(void *user);
    /**
     * Seconds since 1970-01-01 UTC, or 0 while unknown. Required with TLS, else optional.
     * Certificates are checked against it: while it is 0 every server is refused with
     * `IOT_THING_ERR_CERT_TIME_UNKNOWN`, unless `earliest_unix_time` says what to go by. Called by
     * `iot_thing_init` and `iot_thing_poll`.
     */
    uint64_t (*unix_time)(void *user);
    /**
     * Required. Fills `out` with `len` bytes from a cryptographic random source. 0, or negative
     * when it cannot: `iot_thing_init` or the connection attempt then fails with
     * `IOT_THING_ERR_RANDOM`. Called by `iot_thing_init` and `iot_thing_poll`.
     */
    int32_t (*random)(void *user, uint8_t *out, size_t len);
    /**
     * Optional pair. Needed as soon as the library is called by more than one thread, or by an
     * interrupt: also for two Things polled by two threads, because the clock is shared. It must
     * exclude them all, on other cores too. Enter returns a state that exit gets back; sections
     * may nest. Held for copies and searches bounded by `tx_size` and `queue_len`, never while a
     * callback or a socket function runs.
     */
    size_t (*enter_critical)(void *user);
    /**
     * The other half of the pair.
     */
    void (*exit_critical)(void *user, size_t state);
    /**
     * Optional. Something was queued for `thing`: wake the thread that polls it, which may be
     * waiting. Called by the API function that queued it, on its thread or interrupt. It must
     * latch: a wake-up that comes just before the wait begins must still end it.
     */
    void (*wake)(void *user, iot_thing_t *thing);
    /**
     * Optional. One line of text (NUL-terminated, no newline) at an `IOT_THING_LOG_...` level:
     * connections and the reasons of failures. Never contains keys, payloads or topics. Called by
     * `iot_thing_poll`; must not call the library.
     */
    void (*log)(void *user, int32_t level, const char *text);
    /**
     * Optional. The library found itself in an impossible state and must stop the program:
     * reset the device. Must not return; if it does or is NULL, the library loops for ever so
     * that the watchdog resets the device. `file` is not NUL-terminated.
     */
    void (*panic)(void *user, const uint8_t *file, size_t file_len, uint32_t line);
} iot_thing_port_t;

/**
 * An event. Fields that an event type does not mention are 0 (`code`: -1).
 */
typedef struct {
    /**
     * `sizeof(iot_thing_event_t)`; for `iot_thing_next_event` set by the caller:
     * `IOT_THING_EVENT_INIT`.
     */
    uint32_t struct_size;
    /**
     * One of `iot_thing_event`.
     */
    int32_t type;
    /**
     * One of `iot_thing_state`, at the time of the event.
     */
    int32_t state;
    /**
     * 0 or one of `iot_thing_err`.
     */
    int32_t error;
    /**
     * The protocol's own code where there is one: TLS alert number, MQTT reason code, or the
     * code of a shadow rejection. -1 when there is none.
     */
    int32_t code;
    /**
     * The negative value that a socket function returned, or 0.
     */
    int32_t port_error;
    /**
     * Milliseconds until the next connection attempt.
     */
    uint32_t retry_ms;
    /**
     * Bytes that would have been needed, when something was too large.
     */
    uint32_t needed;
    /**
     * 1 when the broker resumed the earlier session.
     */
    int32_t session_resumed;
    /**
     * The `user` given with the operation; else see the event's type.
     */
    void *user;
    /**
     * Data of the event; borrowed, see the event's type.
     */
    iot_thing_bytes_t data;
    /**
     * Topic of a message, borrowed like `data`; else see the event's type.
     */
    iot_thing_bytes_t topic;
} iot_thing_event_t;

/**
 * Receives events. Called inside `iot_thing_poll`; may call every function of the Thing but
 * `iot_thing_poll`, `iot_thing_wait`, `iot_thing_next_event` and `iot_thing_deinit`.
 * `event` is valid during the call only.
 */
typedef void (*iot_thing_event_fn)(void *user, iot_thing_t *thing, const iot_thing_event_t *event);

/**
 * Chooses the delay before an attempt to connect. `attempt` counts from 1, since the last connection
 * that was stable; `delay_ms` is what the backoff drew. Returns the milliseconds to wait.
 * Called inside `iot_thing_poll`, before the event that tells of the failure; may call what an
 * event callback may call.
 */
typedef uint32_t (*iot_thing_retry_fn)(void *user,
                                       iot_thing_t *thing,
                                       uint32_t attempt,
                                       uint32_t delay_ms);

/**
 * Cryptography of the firmware's own, for hardware that is faster, smaller or keeps secrets better:
 * each function given here is used by `iot_thing_transport_tls` instead of the library's software,
 * each one left NULL is not. Start from `IOT_THING_CRYPTO_INIT`.
 *
 * All functions are called inside `iot_thing_poll` only. None may call the library, keep a pointer,
 * or block longer than the software would take. Buffers do not overlap. Return 0; a negative value
 * when the operation could not be done, which ends the connection with `IOT_THING_ERR_CRYPTO`
 * (from `p256_verify`: with `IOT_THING_ERR_CERT_SIGNATURE`); and where it says so
 * `IOT_THING_CRYPTO_WRONG`. A function that says 0 where it should not have makes the connection
 * insecure: the library cannot check it.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_crypto_t)`: `IOT_THING_CRYPTO_INIT` sets it.
     */
    uint32_t struct_size;
    /**
     * Passed to every function.
     */
    void *user;
    /**
     * Makes an ephemeral key pair on P-256. `secret`: 32 bytes that are given to `p256_ecdh`, and to
     * nobody else: the key, big-endian (it must be, if `p256_ecdh` is NULL), or a name of it.
     * `public_key`: 65 bytes, 0x04, x, y.
     */
    int32_t (*p256_keygen)(void *user, uint8_t *secret, uint8_t *public_key);
    /**
     * Writes the x coordinate (32 bytes) of `secret` times the point `peer` (65 bytes) to `shared`.
     * WRONG if `peer` is not a point of the curve, which must be checked.
     */
    int32_t (*p256_ecdh)(void *user, const uint8_t *secret, const uint8_t *peer, uint8_t *shared);
    /**
     * Verifies an ECDSA signature (r and then s, 64 bytes) of `hash` (32 bytes) by `public_key` (65
     * bytes): the server's, and those on its certificates. WRONG if it is not one, or the key is not
     * a point of the curve, or r or s is not from 1 to the order less 1, which must be checked.
     */
    int32_t (*p256_verify)(void *user,
                           const uint8_t *public_key,
                           const uint8_t *hash,
                           const uint8_t *signature);
    /**
     * Encrypts `len` bytes in place, and writes the tag, 16 bytes, which also covers `additional`.
     * `algorithm` is an `IOT_THING_AEAD_...` (AES-GCM: NIST SP 800-38D; ChaCha20-Poly1305: RFC
     * 8439); the nonce has 12 bytes. Neither key nor nonce may be used for another call.
     */
    int32_t (*aead_seal)(void *user,
                         uint32_t algorithm,
                         const uint8_t *key,
                         const uint8_t *nonce,
                         const uint8_t *additional,
                         size_t additional_len,
                         uint8_t *in_out,
                         size_t len,
                         uint8_t *tag);
    /**
     * Decrypts in place. WRONG if the tag is not right, which must be found without telling by time
     * how much of it is.
     */
    int32_t (*aead_open)(void *user,
                         uint32_t algorithm,
                         const uint8_t *key,
                         const uint8_t *nonce,
                         const uint8_t *additional,
                         size_t additional_len,
                         uint8_t *in_out,
                         size_t len,
                         const uint8_t *tag);
} iot_thing_crypto_t;

/**
 * Everything about one Thing. Start from `IOT_THING_CONFIG_INIT`, then set what differs: 0 and
 * NULL stand for the default everywhere. The struct itself may go away after `iot_thing_init`;
 * what its pointers lead to must stay valid and unchanged until `iot_thing_deinit` (but see
 * `private_key`).
 */
typedef struct {
    /**
     * `sizeof(iot_thing_config_t)`: `IOT_THING_CONFIG_INIT` sets it. A smaller value (an
     * application built against an older header) is accepted: the missing fields are defaults.
     */
    uint32_t struct_size;
    /**
     * Set by `IOT_THING_CONFIG_INIT`: `&iot_thing_transport_tls`.
     */
    const iot_thing_transport_t *transport;
    /**
     * Required. Host name of the account's AWS IoT data endpoint, NUL-terminated, 1..253 bytes.
     * The server's certificate must be for this name. No IP address.
     */
    const char *endpoint;
    /**
     * Required. MQTT client id, NUL-terminated UTF-8, 1..128 bytes, not starting with `$`.
     */
    const char *mqtt_id;
    /**
     * Name of the thing, NUL-terminated, 1..128 of `[a-zA-Z0-9:_-]`; NULL: `mqtt_id`, which must
     * then be such a name.
     */
    const char *thing_name;
    /**
     * Required with TLS. X.509 certificate of the device, PEM or DER; CA certificates to be sent
     * with it may follow. Must be valid when `iot_thing_init` is called, if the time is known then.
     */
    iot_thing_bytes_t client_cert;
    /**
     * The certificate's private key, PEM or DER, not encrypted: P-256 as SEC1 or PKCS#8, or RSA with
     * 2048 to 4096 bits as PKCS#1 or PKCS#8. Copied by `iot_thing_init`, so this buffer may be wiped
     * after it; the copy is wiped by `iot_thing_deinit`. An RSA key needs as much more memory as its
     * DER is long. Not given when `sign` is.
     */
    iot_thing_bytes_t private_key;
    /**
     * Certificates that the server's must lead to: 1..16, PEM or DER one after the other. Not given:
     * Amazon Root CA 1 and Amazon Root CA 3 (built without RSA: only the second).
     */
    iot_thing_bytes_t ca_certs;
    /**
     * Signs instead of `private_key`; the certificate must be for a P-256 key.
     */
    iot_thing_sign_fn sign;
    /**
     * Passed to `sign`.
     */
    void *sign_user;
    /**
     * Required. The sockets.
     */
    const iot_thing_sockets_t *sockets;
    /**
     * Required. The board.
     */
    const iot_thing_port_t *port;
    /**
     * Receives events; may also be set later with `iot_thing_on_event`.
     */
    iot_thing_event_fn on_event;
    /**
     * Passed to `on_event`.
     */
    void *on_event_user;
    /**
     * For programs that cannot be called back: `IOT_THING_PULL_EVENTS` keeps events for
     * `iot_thing_next_event` instead of passing them to `on_event`, `IOT_THING_PULL_ALL` also the
     * cloud's requests (no `iot_thing_on_shadow_request` needed). Needs about 1 KB more memory.
     * While 8 events wait, or one that borrows data, `iot_thing_poll` does nothing but return 0,
     * so that none is lost. Operations still open at `iot_thing_deinit` are not told.
     */
    uint32_t pull_events;
    /**
     * TCP port, 0: 8883. With 443 the ALPN protocol `x-amzn-mqtt-ca` is sent, as AWS IoT needs, if
     * `alpn` names no other.
     */
    uint16_t tcp_port;
    /**
     * MQTT keep alive in seconds, 30..1200; 0: 60.
     */
    uint16_t keep_alive_s;
    /**
     * How long the broker keeps subscriptions and messages after a connection was lost, in
     * seconds; 0: 3600; `IOT_THING_SESSION_NONE`: not at all.
     */
    uint32_t session_expiry_s;
    /**
     * Largest MQTT packet that can be received, 512..131072 bytes; 0: 4096. It must hold the largest
     * shadow document with its metadata. The broker is told (Maximum Packet Size), and should drop
     * larger messages; one that comes all the same is `IOT_THING_EVENT_MESSAGE_TOO_LARGE`.
     */
    uint32_t rx_size;
    /**
     * Bytes for messages in the outbox, where they stay until they are over, and as many again in
     * which packets that leave together are put together, 256..131072; 0: 2048.
     */
    uint32_t tx_size;
    /**
     * Largest answer that an `on_shadow_request` or `on_delta` callback can write, largest report of
     * a table of properties, and largest change by `iot_thing_shadow_modify`, 64..8192 bytes; 0: 512.
     */
    uint32_t reply_size;
    /**
     * Messages in the outbox or waiting for their answer, 2..256; 0: 16.
     */
    uint32_t queue_len;
    /**
     * Largest TLS record that can be received, 512..16640 bytes; 0: 16640. A larger one ends the
     * connection with `IOT_THING_ERR_TLS_RECORD_TOO_LARGE`, which tells the size.
     */
    uint32_t tls_rx_size;
    /**
     * Largest TLS record sent, 512..16384 bytes; 0: 2048. An RSA key of 4096 bits needs 537, as its
     * signature must fit.
     */
    uint32_t tls_tx_size;
    /**
     * Milliseconds for name resolution and TCP connection; 0: 20 s.
     */
    uint32_t connect_timeout_ms;
    /**
     * Milliseconds for the TLS handshake; 0: 30 s.
     */
    uint32_t tls_timeout_ms;
    /**
     * Milliseconds for the broker to answer CONNECT; 0: 10 s.
     */
    uint32_t mqtt_timeout_ms;
    /**
     * Milliseconds for which the network may refuse to take bytes; 0: 20 s.
     */
    uint32_t stall_timeout_ms;
    /**
     * Milliseconds from the broker's acknowledgement of a shadow request to the service's answer;
     * 0: 10 s.
     */
    uint32_t shadow_timeout_ms;
    /**
     * Reconnect: the first delay is random between 0 and this many milliseconds; 0: 1 s.
     */
    uint32_t backoff_base_ms;
    /**
     * Reconnect: the bound doubles with each failure up to this; 0: 128 s.
     */
    uint32_t backoff_cap_ms;
    /**
     * Reconnect: a connection that lasted this long sets the bound back; 0: 20 s.
     */
    uint32_t backoff_stable_ms;
    /**
     * Milliseconds for the broker to acknowledge a message or a subscription; 0: 30 s. When they
     * have passed, the connection is made anew, and the message is sent again.
     */
    uint32_t ack_timeout_ms;
    /**
     * Filters that can be subscribed to, 1..50 (AWS IoT limit); 0: 4. The library's own come on
     * top.
     */
    uint32_t subscriptions;
    /**
     * Bytes for these filters together, 64..16384; 0: 256.
     */
    uint32_t filter_size;
    /**
     * What happens when the outbox is full: `IOT_THING_QUEUE_REFUSE_NEW` or
     * `IOT_THING_QUEUE_DROP_OLDEST`.
     */
    int32_t queue_policy;
    /**
     * Milliseconds between two messages that waited for the connection; 0: none. Keeps a device
     * that comes back after an outage below the broker's limit of messages per second (AWS IoT:
     * 100).
     */
    uint32_t drain_interval_ms;
    /**
     * How `sign` writes signatures: `IOT_THING_SIGN_DER` (0) or `IOT_THING_SIGN_RAW`.
     */
    uint32_t sign_form;
    /**
     * For devices whose clock may be unknown or wrong: a time that has certainly passed, in seconds
     * since 1970-01-01 UTC, such as that of the firmware's build, or one stored before the last
     * reset; 0: none. If `unix_time` returns 0 or less than this, a server is accepted whose
     * certificates were all valid at one moment from this time on: those that expired before are
     * refused, those that are not valid yet are not. Only who holds the key of a certificate that
     * has expired since can make use of that. Set the clock as soon as the device knows the time.
     */
    uint64_t earliest_unix_time;
    /**
     * One of `IOT_THING_CLEAN_START_...`.
     */
    int32_t clean_start;
    /**
     * Milliseconds for the broker to answer a ping; 0: 10 s.
     */
    uint32_t ping_timeout_ms;
    /**
     * Optional. Chooses the delay before each further attempt to connect.
     */
    iot_thing_retry_fn on_retry;
    /**
     * Passed to `on_retry`.
     */
    void *on_retry_user;
    /**
     * ALPN protocol, NUL-terminated, at most 32 bytes; NULL: `x-amzn-mqtt-ca` on port 443, none on
     * others. A custom authorizer on port 443 wants `mqtt`.
     */
    const char *alpn;
    /**
     * Cryptography of the firmware's own; NULL: the library's. Copied by `iot_thing_init`.
     */
    const iot_thing_crypto_t *crypto;
    /**
     * Optional, for TLS session resumption: memory of yours in which the library keeps the newest
     * session ticket of the server. The next connection then goes on from it without certificates,
     * if the server still knows it; if not, it makes a full handshake as ever. NULL: always a full
     * one.
     *
     * Fill it with zeros at first. It is for one Thing and nothing else; overlapping the Thing's
     * memory or what is configured here is `IOT_THING_ERR_ARGUMENT`. Written to within `iot_thing_poll` only and left as it is by
     * `iot_thing_deinit`, so that it can lie in memory that survives deep sleep, or be copied to
     * such a place between polls and back before `iot_thing_init`. It is a secret like a private
     * key, and must not be written to by others either: who can put a ticket there can pass for the
     * server. A ticket counts for the same `endpoint`, ALPN and certificates only, for as long as the
     * server said, but not over 7 days, while `unix_time` is known; it is used once. The server has to
     * show its certificate again 7 days after it did at the latest. RFC 8446, 2.2.
     * Whether AWS IoT gives tickets that it accepts is not documented.
     */
    uint8_t *tls_ticket;
    /**
     * Its size in bytes; too small for a ticket: no resumption. Tickets of OpenSSL take 1,500 bytes
     * and must also fit `tls_tx_size` together with 400 bytes more.
     */
    uint32_t tls_ticket_size;
} iot_thing_config_t;

/**
 * What `iot_thing_verify_server_chain` shall verify. Start from `IOT_THING_VERIFICATION_INIT`.
 * Nothing in it is kept after the call.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_verification_t)`: `IOT_THING_VERIFICATION_INIT` sets it.
     */
    uint32_t struct_size;
    /**
     * Required. The server's certificates, its own first, PEM or DER one after the other. At most 6
     * are used.
     */
    iot_thing_bytes_t chain;
    /**
     * Certificates that it must lead to, at most 16, PEM or DER one after the other. Not given:
     * Amazon Root CA 1 and Amazon Root CA 3 (built without RSA: only the second).
     */
    iot_thing_bytes_t ca_certs;
    /**
     * Required. The host name, or IP address, that its certificate must be for, NUL-terminated.
     */
    const char *host;
    /**
     * The time, in seconds since 1970-01-01 UTC; 0: unknown.
     */
    uint64_t unix_time;
    /**
     * As in `iot_thing_config_t`.
     */
    uint64_t earliest_unix_time;
    /**
     * Memory to decode PEM into; may be NULL when all is DER.
     */
    uint8_t *memory;
    /**
     * Its size: three quarters of the length of the PEM texts is always enough.
     */
    size_t memory_size;
} iot_thing_verification_t;

/**
 * What is known about the current connection, see `iot_thing_get_connection`.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_connection_t)`, set by the caller: `IOT_THING_CONNECTION_INIT`.
     */
    uint32_t struct_size;
    /**
     * One of `iot_thing_state`.
     */
    int32_t state;
    /**
     * 0x0304 for TLS 1.3; 0 when there is no TLS of the library's own.
     */
    uint16_t tls_version;
    /**
     * IANA number of the cipher suite, 0x1301 for TLS_AES_128_GCM_SHA256; 0 without TLS.
     */
    uint16_t tls_cipher_suite;
    /**
     * 1 when the server's certificate was verified for `endpoint`: always so when
     * `tls_version` is not 0.
     */
    uint32_t server_authenticated;
    /**
     * 1 when the broker resumed the earlier session.
     */
    uint32_t session_resumed;
    /**
     * What the broker granted, 0 while not connected: the keep alive in seconds;
     */
    uint32_t keep_alive_s;
    /**
     * for how many seconds it keeps the session;
     */
    uint32_t session_expiry_s;
    /**
     * messages at QoS 1 that may be in flight to it;
     */
    uint32_t receive_maximum;
    /**
     * bytes of the largest packet that it takes, 0: no limit.
     */
    uint32_t maximum_packet_size;
    /**
     * 1 when TLS went on from an earlier connection, see `tls_ticket`.
     */
    uint32_t tls_resumed;
} iot_thing_connection_t;

/**
 * Counters since `iot_thing_init`, and high-water marks of every buffer, in bytes.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_statistics_t)`, set by the caller: `IOT_THING_STATISTICS_INIT`.
     */
    uint32_t struct_size;
    /**
     * Connection attempts.
     */
    uint32_t attempts;
    /**
     * Connections that came online.
     */
    uint32_t connects;
    /**
     * Of these, with the session resumed.
     */
    uint32_t resumed;
    /**
     * Connections that ended without being asked to.
     */
    uint32_t disconnects;
    /**
     * MQTT messages published, and published again.
     */
    uint32_t messages_out;
    /**
     * MQTT messages received.
     */
    uint32_t messages_in;
    /**
     * Messages received on a topic nobody asked for.
     */
    uint32_t messages_unrouted;
    /**
     * Shadow requests passed to the application.
     */
    uint32_t shadow_requests;
    /**
     * Shadow requests left out because a newer one had been seen.
     */
    uint32_t shadow_stale;
    /**
     * The last error that ended an attempt or a connection.
     */
    int32_t last_error;
    /**
     * Largest number of bytes in the outbox.
     */
    uint32_t outbox_bytes_max;
    /**
     * Largest number of messages in the outbox.
     */
    uint32_t outbox_messages_max;
    /**
     * Largest MQTT payload received.
     */
    uint32_t payload_in_max;
    /**
     * Largest answer written by an `on_shadow_request` or `on_delta` callback.
     */
    uint32_t reply_max;
    /**
     * Bytes sent on the sockets.
     */
    uint64_t bytes_out;
    /**
     * Bytes received on them.
     */
    uint64_t bytes_in;
    /**
     * Messages that were larger than `rx_size` and passed over.
     */
    uint32_t messages_too_large;
    /**
     * Messages and requests that ended because their time was over.
     */
    uint32_t messages_expired;
    /**
     * Messages that made room for newer ones.
     */
    uint32_t messages_dropped;
    /**
     * Bytes in the outbox now.
     */
    uint32_t outbox_bytes;
    /**
     * Messages in the outbox now.
     */
    uint32_t outbox_messages;
    /**
     * Filters subscribed to now, the library's own included.
     */
    uint32_t subscriptions;
    /**
     * Milliseconds from the last ping to its answer; 0: none yet.
     */
    uint32_t round_trip_ms;
    /**
     * The longest of these.
     */
    uint32_t round_trip_max_ms;
    /**
     * Attempts that failed and connections that were lost: name resolution,
     */
    uint32_t failures_resolve;
    /**
     * TCP (not connected, reset, closed, stalled),
     */
    uint32_t failures_tcp;
    /**
     * TLS and certificates,
     */
    uint32_t failures_tls;
    /**
     * refused by the broker with CONNACK,
     */
    uint32_t failures_refused;
    /**
     * ended by the broker with DISCONNECT,
     */
    uint32_t failures_disconnect;
    /**
     * closed without a word before CONNACK, or right after SUBSCRIBE or PUBLISH,
     */
    uint32_t failures_closed;
    /**
     * PINGRESP missing,
     */
    uint32_t failures_keep_alive;
    /**
     * CONNACK or another acknowledgement missing,
     */
    uint32_t failures_timeout;
    /**
     * and everything else.
     */
    uint32_t failures_other;
    /**
     * Milliseconds since `iot_thing_init`.
     */
    uint64_t uptime_ms;
    /**
     * Milliseconds online of these.
     */
    uint64_t online_ms;
} iot_thing_statistics_t;

/**
 * One JSON value: a view on the text it stands in, as long as that text stays where it is and
 * unchanged. It owns nothing and may be copied.
 *
 * Made by `iot_thing_json_parse`, or given to a callback; everything taken out of it is such a
 * view again. A zero-initialised one is no value: reading it gives `IOT_THING_ERR_JSON_TYPE`.
 *
 * Rules of all functions: names are compared by their unescaped form; of members with the same
 * name the last one counts; `1.0` and `1e2` are integers.
 */
typedef struct {
    /**
     * The text of the value, JSON itself; not NUL-terminated. May be read.
     */
    const char *text;
    /**
     * Its length in bytes.
     */
    size_t len;
} iot_thing_json_t;

/**
 * How an operation ended. Valid during the callback only.
 */
typedef struct {
    /**
     * 0: done (accepted by the service, or acknowledged by the broker). Else
     * `IOT_THING_ERR_REJECTED` (with `code`), `_TIMED_OUT`, `_CANCELLED`, `_DROPPED` or
     * `_TOO_LARGE`; of a shadow's request also `_DISCONNECTED`, `_MQTT_SUBSCRIBE_REFUSED`
     * (with `code`), and what its function says.
     */
    int32_t error;
    /**
     * The service's or the broker's code: for a shadow 400..500; for a publish the MQTT 5 reason
     * code of the PUBACK, for a subscription that of the SUBACK (0 or 1: the QoS granted), so also
     * with `_MQTT_SUBSCRIBE_REFUSED`; with `_CANCELLED` what the callback that writes a shadow's
     * state returned; -1 when there is none.
     */
    int32_t code;
    /**
     * One of `iot_thing_retry`.
     */
    int32_t retry;
    /**
     * Version of the shadow after an accepted update, else 0.
     */
    uint64_t version;
    /**
     * The service's answer (the accepted document, or the error document), empty if none.
     */
    iot_thing_json_t document;
    /**
     * With `IOT_THING_ERR_TOO_LARGE`: bytes of topic, properties and payload, which are more than
     * the broker takes or `tx_size` holds; else 0.
     */
    uint32_t needed;
} iot_thing_result_t;

/**
 * Receives the result of one operation, exactly once. Called inside `iot_thing_poll` or
 * `iot_thing_deinit`; inside poll it may call what an event callback may call.
 */
typedef void (*iot_thing_done_fn)(void *user, iot_thing_t *thing, const iot_thing_result_t *result);

/**
 * Writes one JSON value into a buffer. Belongs to the caller; its members to the library.
 *
 * The first error is kept: every later call returns it and writes nothing. So a sequence of
 * calls needs one check, at `iot_thing_json_writer_finish`. After `IOT_THING_ERR_JSON_NO_SPACE`
 * calls go on counting, so that `iot_thing_json_writer_needed` tells the exact size.
 * A zero-initialised writer refuses everything with `IOT_THING_ERR_JSON_NESTING`.
 */
typedef struct {
    /**
     * Where the text goes.
     */
    char *buffer;
    /**
     * Size of the buffer in bytes.
     */
    size_t size;
    /**
     * Bytes written, or that would have been.
     */
    size_t needed;
    /**
     * Open objects and arrays.
     */
    uint32_t open;
    /**
     * What may be written next.
     */
    int32_t due;
    /**
     * The first error.
     */
    int32_t error;
} iot_thing_json_writer_t;

/**
 * The cloud asks for another state. `requested` is the JSON object of the members that differ
 * from what was reported; `reported` writes the answer, as the members of an object that is
 * already open: what is written is published as reported state, nothing when nothing was
 * written. Both are valid during the call only. Called inside `iot_thing_poll`, may call what an
 * event callback may call. Return `IOT_THING_OK`, or a negative value to discard the answer.
 */
typedef int32_t (*iot_thing_shadow_request_fn)(void *user,
                                               const iot_thing_json_t *requested,
                                               iot_thing_json_writer_t *reported);

/**
 * A user property of a message to be sent: both NUL-terminated UTF-8.
 */
typedef struct {
    /**
     * Its name. A name may come more than once.
     */
    const char *name;
    /**
     * Its value.
     */
    const char *value;
} iot_thing_mqtt_property_t;

/**
 * A message to be sent. Start from `IOT_THING_MQTT_PUBLISH_INIT`; 0 and NULL stand for "none".
 * Everything is copied.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_mqtt_publish_t)`: `IOT_THING_MQTT_PUBLISH_INIT` sets it.
     */
    uint32_t struct_size;
    /**
     * 0 or 1; AWS IoT has no QoS 2.
     */
    int32_t qos;
    /**
     * Required. NUL-terminated UTF-8, 1..256 bytes, at most 7 slashes (AWS IoT limits), no `+` and
     * `#`.
     */
    const char *topic;
    /**
     * At most 131072 bytes (AWS IoT limit).
     */
    iot_thing_bytes_t payload;
    /**
     * 1: the broker keeps it for later subscribers of exactly this topic, in place of what it kept
     * before; with an empty payload it keeps nothing any more.
     */
    int32_t retain;
    /**
     * 1: the payload is UTF-8 text (MQTT 5, 3.3.2.3.2).
     */
    int32_t payload_is_text;
    /**
     * Seconds for which the message is of use, 1..604800 (AWS IoT limit); 0: no end. One that
     * waits longer in the outbox ends with `IOT_THING_ERR_TIMED_OUT` and is not sent.
     */
    uint32_t message_expiry_s;
    /**
     * Milliseconds from this call for the broker to acknowledge it; 0: no end. After that it ends
     * with `IOT_THING_ERR_TIMED_OUT`, and is not sent if it was not.
     */
    uint32_t timeout_ms;
    /**
     * What the payload is, for example a MIME type: NUL-terminated UTF-8, up to 256 bytes.
     */
    const char *content_type;
    /**
     * Where an answer is to be sent: like `topic`. It, `content_type`, `correlation` and the user
     * properties have `IOT_THING_MAX_PROPERTIES` bytes together.
     */
    const char *response_topic;
    /**
     * What an answer has to repeat.
     */
    iot_thing_bytes_t correlation;
    /**
     * User properties, `user_property_count` of them.
     */
    const iot_thing_mqtt_property_t *user_properties;
    /**
     * 0..`IOT_THING_MAX_USER_PROPERTIES`.
     */
    size_t user_property_count;
} iot_thing_mqtt_publish_t;

/**
 * A message that arrived. Everything is borrowed for the time of the callback; texts are not
 * NUL-terminated.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_mqtt_message_t)`.
     */
    uint32_t struct_size;
    /**
     * 0 or 1: how it was delivered. AWS IoT may deliver a message more than once at either.
     */
    int32_t qos;
    /**
     * Its topic, UTF-8.
     */
    iot_thing_bytes_t topic;
    /**
     * Its payload.
     */
    iot_thing_bytes_t payload;
    /**
     * 1: the broker had kept it from before the subscription.
     */
    int32_t retain;
    /**
     * 1: the sender says that the payload is UTF-8 text.
     */
    int32_t payload_is_text;
    /**
     * Seconds for which it is still of use; 0: no end.
     */
    uint32_t message_expiry_s;
    /**
     * What the payload is; empty when not said.
     */
    iot_thing_bytes_t content_type;
    /**
     * Where the sender wants an answer; empty when it wants none.
     */
    iot_thing_bytes_t response_topic;
    /**
     * What an answer has to repeat.
     */
    iot_thing_bytes_t correlation;
    /**
     * Of the library: for `iot_thing_mqtt_user_property`.
     */
    const void *reserved;
} iot_thing_mqtt_message_t;

/**
 * Receives messages. Called inside `iot_thing_poll`; may call what an event callback may call. The
 * broker gets its acknowledgement after the callback has returned.
 */
typedef void (*iot_thing_mqtt_message_fn)(void *user,
                                          iot_thing_t *thing,
                                          const iot_thing_mqtt_message_t *message);

/**
 * What a JSON value is: one of the constants `IOT_THING_JSON_NONE` to `IOT_THING_JSON_OBJECT`.
 */
typedef int32_t iot_thing_json_type_t;

/**
 * Position in an object or array. Belongs to the caller; its members to the library.
 */
typedef struct {
    /**
     * The text not looked at yet.
     */
    const char *rest;
    /**
     * Its length in bytes.
     */
    size_t len;
    /**
     * `IOT_THING_JSON_OBJECT` or `IOT_THING_JSON_ARRAY`.
     */
    iot_thing_json_type_t container;
} iot_thing_json_iter_t;

/**
 * A shadow of a Thing: the classic one, or a named one. Belongs to the caller, who starts with one
 * that is zero (`static`, or `IOT_THING_SHADOW_INIT`); its members belong to the library from
 * `iot_thing_shadow_open` to `iot_thing_shadow_close`, and it must not be moved or copied in
 * between. Any number may be open, several for the same shadow, too.
 */
typedef struct {
    /**
     * Private; NULL while it is not open.
     */
    iot_thing_t *thing;
    /**
     * Private.
     */
    uint32_t id;
    /**
     * Private.
     */
    uint32_t reserved;
    /**
     * Private.
     */
    uint64_t storage[IOT_THING_SHADOW_STORAGE];
} iot_thing_shadow_t;

/**
 * What may be said about a request. All zero is the sane default.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_shadow_options_t)`: `IOT_THING_SHADOW_OPTIONS_INIT` sets it.
     */
    uint32_t struct_size;
    /**
     * Of an update: one of `IOT_THING_SHADOW_REPORTED`, `_DESIRED`, `_BOTH`.
     */
    int32_t section;
    /**
     * Of an update: the version that the shadow must have, else it is rejected with 409; 0: any.
     */
    uint64_t version;
    /**
     * Ties the answer to the request: 1..64 printable ASCII characters but `"` and `\`,
     * NUL-terminated, copied. It must not be in use by another request. NULL: the library makes
     * one that is unique for this Thing and this start.
     */
    const char *client_token;
    /**
     * Milliseconds for the service to answer, from the broker's acknowledgement on; 0: the
     * configuration's `shadow_timeout_ms`.
     */
    uint32_t timeout_ms;
    /**
     * Milliseconds from the call after which the request is over in any case, also while there is
     * no connection; 0: it waits as long as it takes.
     */
    uint32_t within_ms;
} iot_thing_shadow_options_t;

/**
 * Writes the state of an update. `state` writes members of an object that is already open: of
 * `reported`, or what the `section` of the request's options says. `document` is the shadow as it
 * was read (`state`, `version`, ...), NULL when none was or there is none. Both are valid during
 * the callback only. Called inside `iot_thing_poll`; must not call the Thing. Return
 * `IOT_THING_OK`, or a negative value to cancel the request.
 */
typedef int32_t (*iot_thing_shadow_write_fn)(void *user,
                                             const iot_thing_json_t *document,
                                             iot_thing_json_writer_t *state);

/**
 * What the cloud wants, see `iot_thing_shadow_delta_fn`. Valid during the callback only.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_shadow_delta_t)`.
     */
    uint32_t struct_size;
    /**
     * 1: it was sent when the difference arose; 0: it was found by reading the shadow, because it
     * may have been missed.
     */
    int32_t is_live;
    /**
     * The members of `desired` that differ from `reported`: an object.
     */
    iot_thing_json_t requested;
    /**
     * The whole message, with its metadata.
     */
    iot_thing_json_t document;
    /**
     * Version of the shadow.
     */
    uint64_t version;
    /**
     * When the message was made, in seconds since 1970; 0: unknown.
     */
    uint64_t timestamp;
} iot_thing_shadow_delta_t;

/**
 * Receives deltas: the members of `desired` that differ from `reported`.
 *
 * `reported` writes the answer, as the members of an object that is already open: what is written
 * is published as reported state, nothing when nothing was written. Called inside
 * `iot_thing_poll`; may call what an event callback may call. Return `IOT_THING_OK`, or a negative
 * value to discard the answer (told by `IOT_THING_EVENT_REPLY_FAILED`).
 */
typedef int32_t (*iot_thing_shadow_delta_fn)(void *user,
                                             iot_thing_shadow_t *shadow,
                                             const iot_thing_shadow_delta_t *delta,
                                             iot_thing_json_writer_t *reported);

/**
 * Receives the documents of an update, by whomever it was made: an object with `previous`,
 * `current`, `timestamp`, as AWS IoT sends it. Valid during the callback only. Called inside
 * `iot_thing_poll`; may call what an event callback may call.
 */
typedef void (*iot_thing_shadow_documents_fn)(void *user,
                                              iot_thing_shadow_t *shadow,
                                              const iot_thing_json_t *documents);

/**
 * One property: a member of the shadow that is kept equal to a variable. Constant; starts with
 * zero, and what is zero is the sane default.
 *
 * Integers may be changed anywhere, also by interrupts, if that is one store for the core, or is
 * done inside the port's critical section; the library reads and writes them inside of it. Strings
 * and JSON may be changed on the thread that polls only.
 */
typedef struct {
    /**
     * Its place in the section: names with dots between them, at most 6 ("led.color.red"),
     * NUL-terminated. Not NULL. Properties of the same object must stand together in the table.
     */
    const char *name;
    /**
     * One of `IOT_THING_TYPE_...`.
     */
    int32_t type;
    /**
     * `IOT_THING_PROPERTY_...`, or 0.
     */
    uint32_t flags;
    /**
     * The variable. Not NULL.
     */
    void *value;
    /**
     * Of a string or JSON: size of the variable in bytes, with the NUL. Of an enumeration: how many
     * `names` there are.
     */
    size_t size;
    /**
     * Of an enumeration: the names, NUL-terminated; the first belongs to 0. Else NULL.
     */
    const char *const *names;
    /**
     * Of an integer: the smallest value that is taken. `min` and `max` both 0: what the type holds.
     */
    int64_t min;
    /**
     * Of an integer: the largest value that is taken.
     */
    int64_t max;
    /**
     * Of an integer: a change is reported when it differs by at least so much from what was
     * reported.
     */
    uint32_t deadband;
    /**
     * Of an integer: digits behind the point, 0..18. With 2 the variable 2157 is 21.57 in the
     * shadow; `min`, `max` and `deadband` count like the variable.
     */
    uint32_t decimals;
    /**
     * Optional. Called before the variable is set to what the cloud desires and the table allows;
     * a negative value refuses it, and the old value is reported. `index` is the property's place in
     * the table; `number` the new value of an integer (scaled; of a `uint64_t` its bits), of a truth
     * value or of an enumeration, else 0; `json` the value as it was received, valid during the call
     * only. Not called for a value that the variable has already. Called inside `iot_thing_poll`;
     * may call what an event callback may call.
     */
    int32_t (*on_change)(void *user, size_t index, int64_t number, const iot_thing_json_t *json);
    /**
     * Passed to `on_change`.
     */
    void *user;
} iot_thing_property_t;

/**
 * What the library remembers of one property. Belongs to the library; need not be initialised.
 */
typedef struct {
    /**
     * Private.
     */
    uint64_t reserved[2];
} iot_thing_property_state_t;

/**
 * Something about a property that did not go as it was wanted, see `iot_thing_properties_t`.
 * Valid during the callback only.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_property_problem_t)`.
     */
    uint32_t struct_size;
    /**
     * `IOT_THING_ERR_PROPERTY_UNKNOWN` (the cloud desires a member that is not in the table),
     * `_PROPERTY_READ_ONLY`, `_PROPERTY_REFUSED` (by `on_change`), `_JSON_TYPE`, `_JSON_RANGE`
     * (outside `min`..`max` or the type, too many decimals, not one of the names), `_JSON_NO_SPACE`
     * (the string or JSON does not fit). When reporting: `_TOO_LARGE` (it does not fit `reply_size`
     * even alone), `_JSON_...` (the variable holds no UTF-8 or no JSON).
     */
    int32_t error;
    /**
     * What `on_change` returned, or -1.
     */
    int32_t code;
    /**
     * Bytes that would have been needed, or 0.
     */
    uint32_t needed;
    /**
     * The property; NULL: it is not in the table.
     */
    const iot_thing_property_t *property;
    /**
     * Name of the member that is not in the table, as it stands in the message (without quotes,
     * escapes as they are); else empty.
     */
    iot_thing_json_t name;
    /**
     * What was desired; empty when it is about reporting.
     */
    iot_thing_json_t value;
} iot_thing_property_problem_t;

/**
 * A table of properties and how it is reported: `IOT_THING_PROPERTIES_INIT(table, states)`.
 *
 * - What the cloud desires (a live delta, or the difference found when the shadow was read) is
 *   checked, `on_change` is asked, and the variable is set; all of it is reported in one update.
 *   What cannot be is told to `on_problem`, once for each value, and the old value is reported.
 * - What `iot_thing_property_changed` names is reported, together with what else changes within
 *   `interval_ms`, if it differs from what was reported.
 * - When the session is new, the shadow is read, and what it has not or otherwise is reported; the
 *   first time that makes the shadow.
 * - A report that is rejected with 429 or 500 or is not answered is made again, less and less
 *   often, with the values of then. What does not fit into one (`reply_size`) goes into the next.
 */
typedef struct {
    /**
     * `sizeof(iot_thing_properties_t)`: `IOT_THING_PROPERTIES_INIT` sets it.
     */
    uint32_t struct_size;
    /**
     * `IOT_THING_PROPERTIES_...`, or 0.
     */
    uint32_t flags;
    /**
     * The properties. Not NULL.
     */
    const iot_thing_property_t *table;
    /**
     * One for each property. Not NULL.
     */
    iot_thing_property_state_t *states;
    /**
     * How many there are, 1..65535.
     */
    size_t count;
    /**
     * Milliseconds for which changes are collected into one update. 0: none.
     */
    uint32_t interval_ms;
    /**
     * Optional. Gets what did not go as it was wanted. Called inside `iot_thing_poll`; may call
     * what an event callback may call.
     */
    void (*on_problem)(void *user, const iot_thing_property_problem_t *problem);
    /**
     * Passed to `on_problem`.
     */
    void *user;
} iot_thing_properties_t;

/**
 * No value: a zero-initialised `iot_thing_json_t`.
 */
#define IOT_THING_JSON_NONE 0

/**
 * `null`
 */
#define IOT_THING_JSON_NULL 1

/**
 * `true` or `false`
 */
#define IOT_THING_JSON_BOOL 2

/**
 * A number.
 */
#define IOT_THING_JSON_NUMBER 3

/**
 * A string.
 */
#define IOT_THING_JSON_STRING 4

/**
 * An array.
 */
#define IOT_THING_JSON_ARRAY 5

/**
 * An object.
 */
#define IOT_THING_JSON_OBJECT 6

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * TLS 1.3 with mutual authentication, by this library. The default.
 */
extern const iot_thing_transport_t iot_thing_transport_tls;

#if defined(IOT_THING_EMBEDDED_TLS)
/**
 * The same on the published crate embedded-tls: a second opinion, larger and with more limits
 * (docs/security.md). Its buffers take twice the memory: ask `iot_thing_memory_needed`.
 *
 * Only in a library that was built with it: CMake option `IOT_THING_EMBEDDED_TLS`, cargo feature
 * `embedded-tls`.
 */
extern const iot_thing_transport_t iot_thing_transport_embedded_tls;
#endif

/**
 * No protection by this library: for sockets that already speak TLS (a modem's, an operating
 * system's), which must then authenticate the server themselves.
 */
extern const iot_thing_transport_t iot_thing_transport_secure_socket;

/**
 * Version of the linked library: major * 65536 + minor * 256 + patch. Compare it with
 * `IOT_THING_VERSION_NUMBER`, the version of the header.
 *
 * Callable from anywhere.
 */
uint32_t iot_thing_version(void);

/**
 * Name of an error, for example "IOT_THING_ERR_BUSY"; "IOT_THING_OK" for 0;
 * "IOT_THING_ERR_UNKNOWN" for anything else. Never NULL; a constant string.
 *
 * Callable from anywhere.
 */
const char *iot_thing_err_name(int32_t error);

/**
 * What an error means and what to do about it, in one English sentence. Never NULL; a constant
 * string.
 *
 * Callable from anywhere.
 */
const char *iot_thing_err_text(int32_t error);

/**
 * Tells how many bytes of memory `iot_thing_init` needs for this configuration: at most what
 * `IOT_THING_MEMORY_SIZE` says when the program is compiled, if the configuration is as that macro
 * demands.
 *
 * Checks the configuration as `iot_thing_init` does and returns the same errors, but does not
 * look into certificates and key.
 * Callable from any thread; not from an interrupt (it decodes certificates).
 *
 * @param config  The configuration, not NULL.
 * @param needed  [out] Bytes, for memory aligned to `IOT_THING_MEMORY_ALIGN`. Not NULL.
 *
 * @return IOT_THING_OK or the error of the first field that is wrong: see `iot_thing_init`.
 */
IOT_THING_NODISCARD
int32_t iot_thing_memory_needed(const iot_thing_config_t *config,
                                size_t *needed);

/**
 * Makes a Thing in `memory`. Does not connect.
 *
 * The configuration is checked completely: what can be wrong with it is found here and not in
 * the field. The memory belongs to the Thing until `iot_thing_deinit`; it need not be zeroed.
 * Several Things, each with its own memory, may live side by side.
 * Callable from any thread, but the first call of a program must not run beside another one; not
 * from a callback or an interrupt.
 *
 * @param thing   [out] The Thing. Written on success only. Not NULL.
 * @param memory  Memory of the Thing; unaligned memory loses the bytes up to the next multiple of
 *                `IOT_THING_MEMORY_ALIGN`.
 * @param size    Its size in bytes: `IOT_THING_MEMORY_SIZE(...)` or `iot_thing_memory_needed`.
 * @param config  The configuration, not NULL; see `iot_thing_config_t` for what must outlive it.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL         `thing` or `config` is NULL.
 * @return IOT_THING_ERR_STRUCT_SIZE  A `struct_size` is 0 or from a newer header.
 * @return IOT_THING_ERR_TRANSPORT, _ENDPOINT, _MQTT_ID, _THING_NAME, _CLIENT_CERT, _PRIVATE_KEY,
 *         _KEY_MISMATCH, _CA_CERTS, _SOCKETS, _PORT  That field is wrong: see the error's text.
 * @return IOT_THING_ERR_CLIENT_CERT_EXPIRED, _CLIENT_CERT_NOT_YET_VALID, _CLIENT_CERT_USAGE,
 *         _KEY_WEAK, _KEY_UNSUPPORTED  The client certificate or its key is of no use.
 * @return IOT_THING_ERR_ARGUMENT     A number is outside its documented range, or `tls_ticket`
 *                                    overlaps `memory`, the certificates or the key.
 * @return IOT_THING_ERR_TOO_LARGE    A signature of the RSA key does not fit a record of
 *                                    `tls_tx_size`; with iot_thing_transport_embedded_tls, the
 *                                    client certificate.
 * @return IOT_THING_ERR_RANDOM       The port's random source failed.
 * @return IOT_THING_ERR_STATE        `memory` already holds a Thing that was not deinitialised.
 * @return IOT_THING_ERR_MEMORY       `memory` is NULL or too small.
 */
IOT_THING_NODISCARD
int32_t iot_thing_init(iot_thing_t **thing,
                       void *memory,
                       size_t size,
                       const iot_thing_config_t *config);

/**
 * Verifies the certificates of a server on their own, exactly as the TLS client does: a path of
 * valid signatures to one of the CA certificates, validity, usage, constraints (RFC 5280), and the
 * host name in the subject alternative names (RFC 6125: a wildcard stands for the left-most label;
 * the common name is not looked at). It says nothing of who holds the key.
 *
 * Needs no Thing and no port; keeps nothing. Takes up to 10 KB of stack and up to a second on a
 * small processor. Callable from any thread and from callbacks, not from an interrupt.
 *
 * @param verification  What to verify, not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_CERT_UNKNOWN_ISSUER, _CERT_EXPIRED, _CERT_NOT_YET_VALID, _CERT_HOST_NAME,
 *         _CERT_USAGE, _CERT_SIGNATURE, _CERT_MALFORMED, _CERT_UNSUPPORTED  That check failed.
 * @return IOT_THING_ERR_CERT_TIME_UNKNOWN  `unix_time` and `earliest_unix_time` are 0.
 * @return IOT_THING_ERR_CA_CERTS     `ca_certs` is not a list of at most 16 certificates.
 * @return IOT_THING_ERR_ENDPOINT     `host` is not a host name or IP address of at most 253 bytes.
 * @return IOT_THING_ERR_MEMORY       `memory` is too small.
 * @return IOT_THING_ERR_ARGUMENT     `memory` overlaps with the certificates or `host`.
 * @return IOT_THING_ERR_NULL, IOT_THING_ERR_STRUCT_SIZE
 */
IOT_THING_NODISCARD
int32_t iot_thing_verify_server_chain(const iot_thing_verification_t *verification);

/**
 * Ends a Thing: closes its socket without ceremony, completes every operation that is still
 * open with `IOT_THING_ERR_CANCELLED` (their callbacks are called from here), wipes keys, and
 * gives the memory back. To end the connection politely, call `iot_thing_disconnect` first and
 * poll until the state is `IOT_THING_STATE_IDLE`.
 *
 * Callable from the thread that polls, or when nobody polls; not from a callback or an interrupt.
 * No other thread or interrupt may be inside a function of this Thing, or call one afterwards.
 *
 * @return IOT_THING_OK, or IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing), or
 *         IOT_THING_ERR_BUSY (called from a callback, or another thread is inside poll).
 */
int32_t iot_thing_deinit(iot_thing_t *thing);

/**
 * Asks for a connection. Returns at once; `iot_thing_poll` makes the connection, keeps it, and
 * makes it again for ever when it fails, until `iot_thing_disconnect`. Progress is told by events.
 * Calling it again while it is in force changes nothing, but ends a wait for the next attempt
 * (unless it is called from the event that tells of the failure: the delay stands).
 *
 * Callable from callbacks and other threads.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
 */
int32_t iot_thing_connect(iot_thing_t *thing);

/**
 * Asks to end the connection: MQTT DISCONNECT, TLS close_notify, close. Returns at once;
 * `iot_thing_poll` does it, within 5 seconds if the network stands still. What waits in the outbox
 * stays there for the next connection. A connect that follows before the next poll takes it back.
 *
 * Callable from callbacks and other threads.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
 */
int32_t iot_thing_disconnect(iot_thing_t *thing);

/**
 * `iot_thing_disconnect` with a reason for the broker.
 *
 * @param reason  `IOT_THING_DISCONNECT_NORMAL`, or `IOT_THING_DISCONNECT_WITH_WILL`: the broker
 *                publishes the will (see `iot_thing_mqtt_set_will`).
 *
 * Callable as `iot_thing_disconnect`.
 *
 * @return As `iot_thing_disconnect`, or IOT_THING_ERR_ARGUMENT for another reason.
 */
int32_t iot_thing_disconnect_with(iot_thing_t *thing, int32_t reason);

/**
 * Does the Thing's work: everything happens in here. Never blocks; does a bounded amount of work
 * and returns how long the caller may sleep. Calling it earlier is always allowed.
 *
 * The longest polls are those of a TLS handshake: a step of it calculates on elliptic curves, tens
 * of millions of instructions. Set watchdogs accordingly.
 *
 * One thread at a time. All callbacks are called from here.
 *
 * @return 0..IOT_THING_FOREVER  Milliseconds until it must be called again, unless before that
 *         the socket becomes ready (`iot_thing_io_wanted`) or a call queues something (the
 *         port's `wake`). 0: there is more to do now. IOT_THING_FOREVER: no deadline at all.
 * @return IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing) or IOT_THING_ERR_BUSY (called
 *         from a callback, or by a second thread while the first is inside).
 */
int32_t iot_thing_poll(iot_thing_t *thing);

/**
 * Sleeps until the Thing has something to do or `timeout_ms` has passed, by the `wait` function
 * of its sockets. Made for the main loop `for (;;) iot_thing_wait(t, iot_thing_poll(t));`.
 *
 * Blocks. Callable from the thread that polls; not from a callback or an interrupt. While it waits,
 * poll and deinit from other threads return IOT_THING_ERR_BUSY.
 *
 * @param timeout_ms  What `iot_thing_poll` returned. A negative value (an error of poll) is
 *                    returned unchanged.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing), IOT_THING_ERR_BUSY
 *         (from a callback) or IOT_THING_ERR_SOCKETS (the sockets have no `wait`).
 */
int32_t iot_thing_wait(iot_thing_t *thing, int32_t timeout_ms);

/**
 * Polls and waits until the Thing is in a state: for programs that want to connect, or disconnect,
 * in one call.
 *
 * Blocks, by the `wait` function of the sockets. Callable as `iot_thing_wait`; callbacks are called
 * as in `iot_thing_poll`.
 *
 * @param state       One of `iot_thing_state`.
 * @param timeout_ms  Milliseconds; 0: one poll.
 *
 * @return IOT_THING_OK             It is in that state.
 * @return IOT_THING_ERR_TIMED_OUT  It is not. Everything goes on at the next poll.
 * @return As `iot_thing_poll` and `iot_thing_wait`.
 */
int32_t iot_thing_run_until_state(iot_thing_t *thing, int32_t state, uint32_t timeout_ms);

/**
 * Polls and waits until a flag is set, by a callback or another thread: the way to wait for one
 * operation. With NULL it runs for the whole time.
 *
 * Blocks, by the `wait` function of the sockets. Callable as `iot_thing_wait`; callbacks are called
 * as in `iot_thing_poll`.
 *
 * @param flag        Looked at after each poll; over when it is not 0. May be NULL.
 * @param timeout_ms  Milliseconds; 0: one poll.
 *
 * @return IOT_THING_OK             The flag is set.
 * @return IOT_THING_ERR_TIMED_OUT  It is not, or `flag` is NULL and the time is over.
 * @return As `iot_thing_poll` and `iot_thing_wait`.
 */
int32_t iot_thing_run(iot_thing_t *thing, const int32_t *flag, uint32_t timeout_ms);

/**
 * Tells which socket the Thing waits for, and for what, for programs with a `select()` loop of
 * their own.
 *
 * Callable from the thread that polls, not from an interrupt.
 *
 * @param socket    [out] The handle from the sockets' `open`, or -1 without a connection.
 * @param interest  [out] `IOT_THING_IO_READ` | `IOT_THING_IO_WRITE`, or 0.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
 */
int32_t iot_thing_io_wanted(iot_thing_t *thing, ptrdiff_t *socket, uint32_t *interest);

/**
 * Where the connection stands.
 *
 * Callable from callbacks, other threads and interrupts.
 *
 * @return One of `iot_thing_state` (0 or positive), IOT_THING_ERR_NULL or IOT_THING_ERR_STATE
 *         (not a Thing).
 */
int32_t iot_thing_get_state(iot_thing_t *thing);

/**
 * Tells how the current connection is protected and whether its session was resumed.
 *
 * Callable from callbacks and other threads.
 *
 * @param connection  [in, out] `struct_size` must be set: `IOT_THING_CONNECTION_INIT`.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing) or
 *         IOT_THING_ERR_STRUCT_SIZE.
 */
int32_t iot_thing_get_connection(iot_thing_t *thing, iot_thing_connection_t *connection);

/**
 * Counters and high-water marks since `iot_thing_init`.
 *
 * Callable from callbacks and other threads.
 *
 * @param statistics  [in, out] `struct_size` must be set: `IOT_THING_STATISTICS_INIT`.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing) or
 *         IOT_THING_ERR_STRUCT_SIZE.
 */
int32_t iot_thing_get_statistics(iot_thing_t *thing, iot_thing_statistics_t *statistics);

/**
 * Bytes of the outbox (topic and payload together; of a shadow request client token and state, or
 * the whole document when that is over AWS IoT's limit or `tx_size`) that the last call refused
 * with `IOT_THING_ERR_TOO_LARGE` or `IOT_THING_ERR_QUEUE_FULL` would have needed.
 *
 * Callable from callbacks and other threads. 0 when `thing` is NULL or not a Thing.
 */
size_t iot_thing_last_needed(iot_thing_t *thing);

/**
 * Sets the event callback; NULL removes it. Events that have no callback are not kept, unless
 * the configuration says `pull_events`.
 *
 * Callable from callbacks and from the thread that polls.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
 */
int32_t iot_thing_on_event(iot_thing_t *thing, iot_thing_event_fn on_event, void *user);

/**
 * Takes the oldest event, in programs that set `pull_events`.
 *
 * Callable from the thread that polls, between polls.
 *
 * @param event  [in, out] `struct_size` must be set: `IOT_THING_EVENT_INIT`. Its `type` is `IOT_THING_EVENT_NONE` when there is none.
 *               What it borrows is valid until the next `iot_thing_poll`.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STRUCT_SIZE, or IOT_THING_ERR_STATE
 *         (not a Thing, or not made with `pull_events`).
 */
int32_t iot_thing_next_event(iot_thing_t *thing,
                             iot_thing_event_t *event);

/**
 * Reports state: publishes `{"state":{"reported":<json>}}` to the thing's classic shadow.
 *
 * The text is checked and copied before return, and sent when there is a connection. Messages
 * are sent in the order in which they were queued. With a callback, exactly one result follows:
 * accepted, rejected by the service, timed out (`shadow_timeout_ms` after the broker acknowledged
 * it), or cancelled. While there is no connection it waits; a connection that breaks before the
 * broker has acknowledged it does not lose it.
 *
 * Callable from callbacks, other threads and interrupts (the last two need the port's critical
 * section; from an interrupt keep the text short, as the check is part of the call).
 *
 * @param thing  The Thing, not NULL.
 * @param json   One JSON object, NUL-terminated UTF-8: the members to report; `null` as a value
 *               deletes a member. At most 8192 bytes with the envelope (AWS IoT limit).
 * @param done   Receives the result; may be NULL.
 * @param user   Passed to `done`.
 *
 * @return IOT_THING_OK             Queued.
 * @return IOT_THING_ERR_NULL       `thing` or `json` is NULL.
 * @return IOT_THING_ERR_STATE      Not a Thing.
 * @return IOT_THING_ERR_JSON_SYNTAX, _JSON_UTF8, _JSON_DEPTH  `json` is not JSON.
 * @return IOT_THING_ERR_JSON_TYPE  `json` is not an object.
 * @return IOT_THING_ERR_TOO_LARGE  Larger than `tx_size` or the AWS IoT limit can ever take.
 * @return IOT_THING_ERR_QUEUE_FULL No room now: poll and try again.
 */
IOT_THING_NODISCARD
int32_t iot_thing_update_shadow(iot_thing_t *thing,
                                const char *json,
                                iot_thing_done_fn done,
                                void *user);

/**
 * `iot_thing_update_shadow` for text with a length, in bytes, instead of a terminating NUL. For all
 * else see there.
 */
IOT_THING_NODISCARD
int32_t iot_thing_update_shadow_n(iot_thing_t *thing,
                                  const uint8_t *json,
                                  size_t json_len,
                                  iot_thing_done_fn done,
                                  void *user);

/**
 * Sets the callback for the cloud's requests to change state (the shadow's delta); NULL removes
 * it. From then on the Thing listens to `$aws/things/<thing>/shadow/update/delta`, and whenever
 * the broker did not keep the session it fetches the shadow, so that what was requested while
 * the device was away arrives like a live request. A subscription that the broker refuses is told
 * by `IOT_THING_EVENT_SHADOW_REFUSED`.
 *
 * Callable from callbacks and from the thread that polls.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
 */
int32_t iot_thing_on_shadow_request(iot_thing_t *thing,
                                    iot_thing_shadow_request_fn on_request,
                                    void *user);

/**
 * Publishes a message: `iot_thing_mqtt_publish` for one without properties.
 *
 * @param thing        The Thing, not NULL.
 * @param topic        See `iot_thing_mqtt_publish_t`.
 * @param payload      May be NULL when `payload_len` is 0.
 * @param payload_len  At most 131072 bytes (AWS IoT limit).
 * @param qos          0 or 1.
 * @param done         Receives the result; may be NULL.
 * @param user         Passed to `done`.
 *
 * @return As `iot_thing_mqtt_publish`.
 */
IOT_THING_NODISCARD
int32_t iot_thing_publish(iot_thing_t *thing,
                          const char *topic,
                          const uint8_t *payload,
                          size_t payload_len,
                          int32_t qos,
                          iot_thing_done_fn done,
                          void *user);

/**
 * Publishes a message.
 *
 * Everything is copied before return; the message is sent when there is a connection, in the order
 * in which messages were queued. QoS 1 is sent again after a lost connection until the broker
 * acknowledges it; QoS 0 is done when it was handed to the network. With a callback, exactly one
 * result follows.
 *
 * Callable from callbacks, other threads and interrupts (the last two need the port's critical
 * section).
 *
 * @param thing    The Thing, not NULL.
 * @param message  The message, not NULL.
 * @param done     Receives the result; may be NULL.
 * @param user     Passed to `done`.
 *
 * @return IOT_THING_OK               Queued.
 * @return IOT_THING_ERR_NULL         `thing`, `message` or its topic is NULL, or data with a length.
 * @return IOT_THING_ERR_STATE        Not a Thing.
 * @return IOT_THING_ERR_STRUCT_SIZE  `struct_size` is 0 or from a newer header.
 * @return IOT_THING_ERR_TOPIC        The topic, or the response topic, is none to publish to.
 * @return IOT_THING_ERR_ARGUMENT     `qos` is not 0 or 1, or another field is outside its range.
 * @return IOT_THING_ERR_TOO_LARGE    Larger than `tx_size` or the AWS IoT limit can ever take:
 *         `iot_thing_last_needed` tells the size. Or properties of more than
 *         `IOT_THING_MAX_PROPERTIES` bytes.
 * @return IOT_THING_ERR_QUEUE_FULL   No room now: poll and try again.
 */
IOT_THING_NODISCARD
int32_t iot_thing_mqtt_publish(iot_thing_t *thing,
                               const iot_thing_mqtt_publish_t *message,
                               iot_thing_done_fn done,
                               void *user);

/**
 * Subscribes to a topic filter.
 *
 * The filter is copied. The subscription stands until `iot_thing_mqtt_unsubscribe`: it is made when
 * there is a connection, and made again whenever the broker has lost the session. With a `done`
 * callback, exactly one result follows: granted, refused (by the policy, usually) or timed out; in
 * the last two cases the subscription is gone. A subscription that stood and is refused when it is
 * made again is told with `IOT_THING_EVENT_SUBSCRIPTION_LOST`.
 *
 * Every subscription whose filter matches gets a message. A filter that is subscribed to already
 * is subscribed to anew, with the new callback (retained messages come again).
 *
 * Callable from callbacks, other threads and interrupts (the last two need the port's critical
 * section).
 *
 * @param thing       The Thing, not NULL.
 * @param filter      NUL-terminated UTF-8, 1..256 bytes, at most 7 slashes (AWS IoT limits, in
 *                    which `$share/NAME/` does not count); `+` and `#` as MQTT 5 (4.7) allows.
 * @param qos         0 or 1: the highest QoS of delivery.
 * @param timeout_ms  Milliseconds from this call for the broker to grant it; 0: no end.
 * @param on_message  Receives the messages; NULL only with `pull_events`.
 * @param done        Receives the result; may be NULL.
 * @param user        Passed to both.
 *
 * @return IOT_THING_OK              Noted.
 * @return IOT_THING_ERR_NULL        `thing`, `filter` or `on_message` is NULL.
 * @return IOT_THING_ERR_STATE       Not a Thing, or the end of an earlier call for this filter has not
 *                                   been told yet: poll and try again.
 * @return IOT_THING_ERR_TOPIC       Not a filter.
 * @return IOT_THING_ERR_ARGUMENT    `qos` is not 0 or 1.
 * @return IOT_THING_ERR_QUEUE_FULL  `subscriptions` or `filter_size` is used up.
 */
IOT_THING_NODISCARD
int32_t iot_thing_mqtt_subscribe(iot_thing_t *thing,
                                 const char *filter,
                                 int32_t qos,
                                 uint32_t timeout_ms,
                                 iot_thing_mqtt_message_fn on_message,
                                 iot_thing_done_fn done,
                                 void *user);

/**
 * Unsubscribes from a topic filter: its callback gets no more messages from now on.
 *
 * With a `done` callback, exactly one result follows. If the broker has not answered after
 * `timeout_ms` the result is `IOT_THING_ERR_TIMED_OUT`; it is told again all the same.
 *
 * Callable as `iot_thing_mqtt_subscribe`.
 *
 * @param thing       The Thing, not NULL.
 * @param filter      As it was subscribed to.
 * @param timeout_ms  Milliseconds from this call for the broker to answer; 0: no end.
 * @param done        Receives the result; may be NULL.
 * @param user        Passed to `done`.
 *
 * @return IOT_THING_OK             Noted.
 * @return IOT_THING_ERR_NULL       `thing` or `filter` is NULL.
 * @return IOT_THING_ERR_STATE      Not a Thing, or the end of an earlier call for this filter has not
 *                                  been told yet: poll and try again.
 * @return IOT_THING_ERR_TOPIC      Not a filter.
 * @return IOT_THING_ERR_NOT_FOUND  Not subscribed to.
 */
IOT_THING_NODISCARD
int32_t iot_thing_mqtt_unsubscribe(iot_thing_t *thing,
                                   const char *filter,
                                   uint32_t timeout_ms,
                                   iot_thing_done_fn done,
                                   void *user);

/**
 * Sets the callback for messages that match no subscription (AWS IoT sends some, for example with
 * its SendDirectMessage API); NULL removes it. Without one they are acknowledged and counted.
 *
 * Callable from callbacks and from the thread that polls.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
 */
int32_t iot_thing_mqtt_on_message(iot_thing_t *thing,
                                  iot_thing_mqtt_message_fn on_message,
                                  void *user);

/**
 * A user property of a message that arrived. A message may have any number of them, and a name may
 * come more than once.
 *
 * Callable from the callback that got the message.
 *
 * @param message  The message, not NULL.
 * @param index    From 0 on, in the order of the message.
 * @param name     [out] Borrowed until the callback returns. Not NULL.
 * @param value    [out] Borrowed until the callback returns. Not NULL.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_NOT_FOUND (there are not so many).
 */
int32_t iot_thing_mqtt_user_property(const iot_thing_mqtt_message_t *message,
                                     size_t index,
                                     iot_thing_bytes_t *name,
                                     iot_thing_bytes_t *value);

/**
 * Sets the last will: the message that the broker publishes when the connection is lost. Takes
 * effect with the next connection. NULL clears it.
 *
 * Callable from callbacks and from the thread that polls.
 *
 * @param will  Not copied, but for the structure itself: what it points to must stay unchanged until
 *              it is replaced or cleared, or until `iot_thing_deinit`. `timeout_ms` must be 0 and
 *              there are no user properties.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL, _STATE, _STRUCT_SIZE, _TOPIC, _ARGUMENT  As `iot_thing_mqtt_publish`.
 * @return IOT_THING_ERR_TOO_LARGE  The payload has more than 65535 bytes (MQTT limit).
 */
IOT_THING_NODISCARD
int32_t iot_thing_mqtt_set_will(iot_thing_t *thing,
                                const iot_thing_mqtt_publish_t *will);

/**
 * Sets user name and password, for custom authorizers and other brokers (AWS IoT ignores them when
 * the device has a certificate). Takes effect with the next connection: a token that expires can be
 * replaced in the event that tells of a refusal. NULL clears either.
 *
 * Callable from callbacks and from the thread that polls.
 *
 * @param user_name  NUL-terminated UTF-8, up to 65535 bytes, or NULL. Not copied: must stay
 *                   unchanged until it is replaced or cleared, or until `iot_thing_deinit`.
 * @param password   Up to 65535 bytes, or `{ NULL, 0 }`. Not copied either.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing), or
 *         IOT_THING_ERR_ARGUMENT (not UTF-8, or too long).
 */
IOT_THING_NODISCARD
int32_t iot_thing_mqtt_set_login(iot_thing_t *thing,
                                 const char *user_name,
                                 iot_thing_bytes_t password);

/**
 * Tells the library that its clock stood still: adds `ms` milliseconds to the time since the last
 * poll. Call it after a deep sleep in which `now_ms` did not advance, before the next poll.
 *
 * Callable from any thread, not from an interrupt. Affects every Thing of the program.
 *
 * @return IOT_THING_OK, or IOT_THING_ERR_STATE when no Thing was ever initialised.
 */
int32_t iot_thing_clock_skip(uint32_t ms);

/**
 * Checks that a text is JSON (RFC 8259), completely and in one pass, and makes a view on it.
 *
 * White space around the value is allowed; a byte order mark, a NUL and anything else behind the
 * value are not. The text must stay unchanged as long as the view, or one taken out of it, is
 * used.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param text    UTF-8; need not be NUL-terminated.
 * @param len     Its length in bytes.
 * @param json    [out] The value. Not NULL.
 * @param offset  [out, nullable] Where the text is wrong, in bytes; written when the text is
 *                refused, and only then. `len` if the text is incomplete.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL         `json` is NULL, or `text` is NULL and `len` is not 0.
 * @return IOT_THING_ERR_JSON_SYNTAX  Not JSON.
 * @return IOT_THING_ERR_JSON_UTF8    A string is not UTF-8 or has an unpaired surrogate escape.
 * @return IOT_THING_ERR_JSON_DEPTH   Nested deeper than `IOT_THING_JSON_MAX_DEPTH`.
 */
int32_t iot_thing_json_parse(const char *text, size_t len, iot_thing_json_t *json, size_t *offset);

/**
 * Tells what a value is; `IOT_THING_JSON_NONE` for NULL and for a zero-initialised value.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 */
iot_thing_json_type_t iot_thing_json_type(const iot_thing_json_t *json);

/**
 * Takes a member out of an object. Reads the whole object: to take several members out of a
 * large one, use `iot_thing_json_get_members` or iterate over it.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json   An object, not NULL.
 * @param name   NUL-terminated name of the member, as it is without escapes. Not NULL.
 * @param value  [out] The member's value. Not NULL; may be `json`.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  It has no such member.
 */
int32_t iot_thing_json_get(const iot_thing_json_t *json, const char *name, iot_thing_json_t *value);

/**
 * `iot_thing_json_get` for a name with a length instead of a NUL.
 */
int32_t iot_thing_json_get_n(const iot_thing_json_t *json,
                             const char *name,
                             size_t name_len,
                             iot_thing_json_t *value);

/**
 * Takes several members out of an object in one pass: for a large object, a fraction of what as
 * many calls of `iot_thing_json_get` cost. Of members with the same name the last one counts.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json    An object, not NULL.
 * @param names   [count] NUL-terminated names, as they are without escapes, each another. Not
 *                NULL, nor any of them.
 * @param values  [out, count] The values in the order of the names; no value
 *                (`IOT_THING_JSON_NONE`) where the object has no such member. Not NULL; must not
 *                overlap the names or the text. On an error it is unchanged.
 * @param count   How many names there are. The time is proportional to it and to the length of
 *                the object.
 *
 * @return >= 0  How many of the names were found.
 * @return IOT_THING_ERR_NULL       A pointer, or a name, is NULL.
 * @return IOT_THING_ERR_ARGUMENT   `values` overlaps the names or the text, or `count` is above
 *                                  32767.
 * @return IOT_THING_ERR_JSON_TYPE  `json` is not an object.
 */
int32_t iot_thing_json_get_members(const iot_thing_json_t *json,
                                   const char *const *names,
                                   iot_thing_json_t *values,
                                   size_t count);

/**
 * Takes a value out of nested objects and arrays.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json   The value to start from, not NULL.
 * @param path   NUL-terminated names and array indices (from 0), separated by dots, for example
 *               "state.leds.2.on". The empty path is the value itself. A name that has a dot
 *               itself can only be reached with `iot_thing_json_get`. Not NULL.
 * @param value  [out] The value there. Not NULL; may be `json`.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE       The path leads into a value that is no object or array.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member or element.
 */
int32_t iot_thing_json_at_path(const iot_thing_json_t *json,
                               const char *path,
                               iot_thing_json_t *value);

/**
 * Takes an element out of an array.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json   An array, not NULL.
 * @param index  From 0.
 * @param value  [out] The element. Not NULL; may be `json`.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an array.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  It has no such element.
 */
int32_t iot_thing_json_at_index(const iot_thing_json_t *json,
                                size_t index,
                                iot_thing_json_t *value);

/**
 * Counts the members of an object (those with the same name each) or the elements of an array.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json   An object or array, not NULL.
 * @param count  [out] How many. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL       A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE  `json` is neither object nor array.
 */
int32_t iot_thing_json_count(const iot_thing_json_t *json, size_t *count);

/**
 * Starts going through the members of an object or the elements of an array.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  An object or array, not NULL.
 * @param iter  [out] The position before the first one. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL       A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE  `json` is neither object nor array.
 */
int32_t iot_thing_json_iter_init(const iot_thing_json_t *json, iot_thing_json_iter_t *iter);

/**
 * Goes to the next member or element, in the order of the text. Members with the same name all
 * come; the last one counts.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param iter   The position, not NULL; moved on success.
 * @param name   [out, nullable] The member's name, a JSON string: see `iot_thing_json_equals` and
 *               `iot_thing_json_as_string`. For an array no value (`IOT_THING_JSON_NONE`).
 * @param value  [out] Its value. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            `iter` or `value` is NULL.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There are no more.
 */
int32_t iot_thing_json_iter_next(iot_thing_json_iter_t *iter,
                                 iot_thing_json_t *name,
                                 iot_thing_json_t *value);

/**
 * Compares a string with a text, without a buffer.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  A JSON string, for example a name from `iot_thing_json_iter_next`. Not NULL.
 * @param text  NUL-terminated UTF-8, as it is without escapes. Not NULL.
 *
 * @return 1  They are equal.
 * @return 0  They differ, or `json` is no string.
 * @return IOT_THING_ERR_NULL  A pointer is NULL.
 */
int32_t iot_thing_json_equals(const iot_thing_json_t *json, const char *text);

/**
 * `iot_thing_json_equals` for a text with a length instead of a NUL.
 */
int32_t iot_thing_json_equals_n(const iot_thing_json_t *json, const char *text, size_t len);

/**
 * Reads a 32-bit integer. Any notation will do: `100`, `1e2`, `100.0`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  A number, not NULL.
 * @param out   [out] An integer from -2147483648 to 2147483647. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL        A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
 * @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has a fraction.
 */
int32_t iot_thing_json_as_i32(const iot_thing_json_t *json, int32_t *out);

/**
 * Reads a 32-bit integer, from a member: `iot_thing_json_get` and `iot_thing_json_as_i32`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  An object, not NULL.
 * @param name  NUL-terminated name of the member. Not NULL.
 * @param out   [out] An integer from -2147483648 to 2147483647. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
 * @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has a fraction.
 */
int32_t iot_thing_json_get_i32(const iot_thing_json_t *json, const char *name, int32_t *out);

/**
 * Reads an unsigned 32-bit integer. Any notation will do: `100`, `1e2`, `100.0`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  A number, not NULL.
 * @param out   [out] An integer from 0 to 4294967295. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL        A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
 * @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has a fraction.
 */
int32_t iot_thing_json_as_u32(const iot_thing_json_t *json, uint32_t *out);

/**
 * Reads an unsigned 32-bit integer, from a member: `iot_thing_json_get` and `iot_thing_json_as_u32`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  An object, not NULL.
 * @param name  NUL-terminated name of the member. Not NULL.
 * @param out   [out] An integer from 0 to 4294967295. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
 * @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has a fraction.
 */
int32_t iot_thing_json_get_u32(const iot_thing_json_t *json,
                               const char *name,
                               uint32_t *out);

/**
 * Reads a 64-bit integer, exactly. Any notation will do: `100`, `1e2`, `100.0`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  A number, not NULL.
 * @param out   [out] An integer from -2^63 to 2^63 - 1. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL        A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
 * @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has a fraction.
 */
int32_t iot_thing_json_as_i64(const iot_thing_json_t *json, int64_t *out);

/**
 * Reads a 64-bit integer, exactly, from a member: `iot_thing_json_get` and `iot_thing_json_as_i64`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  An object, not NULL.
 * @param name  NUL-terminated name of the member. Not NULL.
 * @param out   [out] An integer from -2^63 to 2^63 - 1. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
 * @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has a fraction.
 */
int32_t iot_thing_json_get_i64(const iot_thing_json_t *json, const char *name, int64_t *out);

/**
 * Reads an unsigned 64-bit integer, exactly. Any notation will do: `100`, `1e2`, `100.0`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  A number, not NULL.
 * @param out   [out] An integer from 0 to 2^64 - 1. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL        A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
 * @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has a fraction.
 */
int32_t iot_thing_json_as_u64(const iot_thing_json_t *json, uint64_t *out);

/**
 * Reads an unsigned 64-bit integer, exactly, from a member: `iot_thing_json_get` and `iot_thing_json_as_u64`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  An object, not NULL.
 * @param name  NUL-terminated name of the member. Not NULL.
 * @param out   [out] An integer from 0 to 2^64 - 1. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
 * @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has a fraction.
 */
int32_t iot_thing_json_get_u64(const iot_thing_json_t *json,
                               const char *name,
                               uint64_t *out);

/**
 * Reads `true` or `false`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  `true` or `false`, not NULL.
 * @param out   [out] 1 for true, 0 for false. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL        A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE   `json` is not `true` or `false`.
 */
int32_t iot_thing_json_as_bool(const iot_thing_json_t *json, int32_t *out);

/**
 * Reads `true` or `false` from a member: `iot_thing_json_get` and `iot_thing_json_as_bool`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  An object, not NULL.
 * @param name  NUL-terminated name of the member. Not NULL.
 * @param out   [out] 1 for true, 0 for false. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not `true` or `false`.
 */
int32_t iot_thing_json_get_bool(const iot_thing_json_t *json,
                                const char *name,
                                int32_t *out);

/**
 * Reads a number multiplied by 10^decimals, exactly: `21.57` with 2 decimals is 2157.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json      A number, not NULL.
 * @param decimals  0 to `IOT_THING_JSON_MAX_DECIMALS`.
 * @param out       [out] The scaled integer. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL        A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
 * @return IOT_THING_ERR_JSON_RANGE  It does not fit, or has more decimals (other than zeros).
 * @return IOT_THING_ERR_ARGUMENT    `decimals` is too large.
 */
int32_t iot_thing_json_as_scaled(const iot_thing_json_t *json, uint8_t decimals, int64_t *out);

/**
 * Reads a scaled integer from a member: `iot_thing_json_get` and `iot_thing_json_as_scaled`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json      An object, not NULL.
 * @param name      NUL-terminated name of the member. Not NULL.
 * @param decimals  0 to `IOT_THING_JSON_MAX_DECIMALS`.
 * @param out       [out] The scaled integer. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a number.
 * @return IOT_THING_ERR_JSON_RANGE      It does not fit, or has more decimals (other than zeros).
 * @return IOT_THING_ERR_ARGUMENT        `decimals` is too large.
 */
int32_t iot_thing_json_get_scaled(const iot_thing_json_t *json,
                                  const char *name,
                                  uint8_t decimals,
                                  int64_t *out);

/**
 * Copies a string, its escapes resolved, and terminates it with a NUL.
 *
 * A string may contain NULs itself (`\u0000`): then it is longer than `strlen` says.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json    A string, not NULL.
 * @param buffer  Where it goes; must not overlap the text. May be NULL if `size` is 0.
 * @param size    Size of the buffer in bytes, with room for the NUL.
 * @param len     [out, nullable] Length in bytes without the NUL; written on success and on
 *                IOT_THING_ERR_JSON_NO_SPACE, where the buffer needed is 1 larger.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           `json`, or `buffer` with a `size` above 0, is NULL.
 * @return IOT_THING_ERR_ARGUMENT       The buffer overlaps the text.
 * @return IOT_THING_ERR_JSON_TYPE      `json` is not a string.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; it is unchanged.
 */
int32_t iot_thing_json_as_string(const iot_thing_json_t *json,
                                 char *buffer,
                                 size_t size,
                                 size_t *len);

/**
 * Copies a string from a member: `iot_thing_json_get` and `iot_thing_json_as_string`.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json    An object, not NULL.
 * @param name    NUL-terminated name of the member. Not NULL.
 * @param buffer  Where the string goes; must not overlap the text. May be NULL if `size` is 0.
 * @param size    Size of the buffer in bytes, with room for the NUL.
 * @param len     [out, nullable] Length in bytes without the NUL; written on success and on
 *                IOT_THING_ERR_JSON_NO_SPACE, where the buffer needed is 1 larger.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            `json`, `name`, or `buffer` with a `size` above 0, is NULL.
 * @return IOT_THING_ERR_ARGUMENT        The buffer overlaps the text.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object, or the member not a string.
 * @return IOT_THING_ERR_JSON_NO_SPACE   The buffer is too small; it is unchanged.
 */
int32_t iot_thing_json_get_string(const iot_thing_json_t *json,
                                  const char *name,
                                  char *buffer,
                                  size_t size,
                                  size_t *len);

/**
 * Tells where the text of a member's value is: JSON of any type, to be stored or sent as it is.
 * (Of a value that is at hand, `text` and `len` are members of `iot_thing_json_t`.)
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  An object, not NULL.
 * @param name  NUL-terminated name of the member. Not NULL.
 * @param text  [out] The first byte, inside the text of `json`; not NUL-terminated. Not NULL.
 * @param len   [out] Its length in bytes. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL            A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NOT_FOUND  There is no such member.
 * @return IOT_THING_ERR_JSON_TYPE       `json` is not an object.
 */
int32_t iot_thing_json_get_raw(const iot_thing_json_t *json,
                               const char *name,
                               const char **text,
                               size_t *len);

/**
 * Tells where the digits of a number are, for notations and sizes no integer can hold.
 * Callable from anywhere, callbacks, other threads and interrupts included, as long as nobody
 * writes to the text at the same time.
 *
 * @param json  A number, not NULL.
 * @param text  [out] The first byte, inside the text of `json`; not NUL-terminated. Not NULL.
 * @param len   [out] Its length in bytes. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL        A pointer is NULL.
 * @return IOT_THING_ERR_JSON_TYPE   `json` is not a number.
 */
int32_t iot_thing_json_number_text(const iot_thing_json_t *json, const char **text, size_t *len);

/**
 * Starts writing one JSON value, usually an object, into a buffer.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  [out] The writer, not NULL.
 * @param buffer  Where the text goes. May be NULL if `size` is 0, to find out the size needed.
 * @param size    Size of the buffer in bytes, with room for a terminating NUL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL      `writer`, or `buffer` with a `size` above 0, is NULL.
 * @return IOT_THING_ERR_ARGUMENT  `size` is no size of memory.
 */
int32_t iot_thing_json_writer_init(iot_thing_json_writer_t *writer, char *buffer, size_t size);

/**
 * Ends writing: checks that the value is complete and terminates it with a NUL.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL. It may be asked again, but not written to.
 * @param len     [out, nullable] Length in bytes without the NUL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           `writer` is NULL.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small: see `iot_thing_json_writer_needed`.
 * @return IOT_THING_ERR_JSON_NESTING   Something is still open, or nothing was written.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_writer_finish(const iot_thing_json_writer_t *writer, size_t *len);

/**
 * Tells the buffer size that everything written so far needs, in bytes, with the terminating
 * NUL; 0 if `writer` is NULL. Exact, unless there was an error other than
 * IOT_THING_ERR_JSON_NO_SPACE.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 */
size_t iot_thing_json_writer_needed(const iot_thing_json_writer_t *writer);

/**
 * Tells the first error of a writer; IOT_THING_OK if there was none.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           `writer` is NULL.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small.
 * @return IOT_THING_ERR_...            What the first call that failed returned.
 */
int32_t iot_thing_json_writer_error(const iot_thing_json_writer_t *writer);

/**
 * Begins an object; `iot_thing_json_end_object` ends it.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member that it is the value of, NUL-terminated UTF-8. NULL for an
 *                element of an array and for the outermost value.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   A name is due here, or none is possible.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_DEPTH     Nested deeper than `IOT_THING_JSON_MAX_DEPTH`.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_begin_object(iot_thing_json_writer_t *writer, const char *name);

/**
 * Ends the innermost object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   The innermost thing open is no object.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_end_object(iot_thing_json_writer_t *writer);

/**
 * Begins an array; `iot_thing_json_end_array` ends it.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member that it is the value of, NUL-terminated UTF-8. NULL for an
 *                element of an array and for the outermost value.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   A name is due here, or none is possible.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_DEPTH     Nested deeper than `IOT_THING_JSON_MAX_DEPTH`.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_begin_array(iot_thing_json_writer_t *writer, const char *name);

/**
 * Ends the innermost array.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   The innermost thing open is no array.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_end_array(iot_thing_json_writer_t *writer);

/**
 * Writes the name of a member, with a length instead of a NUL. An `iot_thing_json_add_...` or
 * `iot_thing_json_begin_...` (without a name) must write its value next.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer    The writer, not NULL.
 * @param name      UTF-8.
 * @param name_len  Its length in bytes.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No name is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_name_n(iot_thing_json_writer_t *writer,
                                  const char *name,
                                  size_t name_len);

/**
 * Writes a 32-bit integer, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param value   The integer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_i32(iot_thing_json_writer_t *writer, const char *name, int32_t value);

/**
 * Writes a 32-bit integer, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param value   The integer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_i32(iot_thing_json_writer_t *writer, int32_t value);

/**
 * Writes an unsigned 32-bit integer, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param value   The integer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_u32(iot_thing_json_writer_t *writer, const char *name, uint32_t value);

/**
 * Writes an unsigned 32-bit integer, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param value   The integer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_u32(iot_thing_json_writer_t *writer, uint32_t value);

/**
 * Writes a 64-bit integer, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param value   The integer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_i64(iot_thing_json_writer_t *writer, const char *name, int64_t value);

/**
 * Writes a 64-bit integer, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param value   The integer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_i64(iot_thing_json_writer_t *writer, int64_t value);

/**
 * Writes an unsigned 64-bit integer, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param value   The integer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_u64(iot_thing_json_writer_t *writer, const char *name, uint64_t value);

/**
 * Writes an unsigned 64-bit integer, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param value   The integer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_u64(iot_thing_json_writer_t *writer, uint64_t value);

/**
 * Writes a number: value / 10^decimals, with exactly that many decimals, as a member of an
 * object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param value   The scaled integer: 2157 with 2 decimals is `21.57`.
 * @param decimals 0 to `IOT_THING_JSON_MAX_DECIMALS`.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_ARGUMENT       `decimals` is too large.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_scaled(iot_thing_json_writer_t *writer,
                                  const char *name,
                                  int64_t value,
                                  uint8_t decimals);

/**
 * Writes a number: value / 10^decimals, with exactly that many decimals, as an element of an
 * array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param value   The scaled integer: 2157 with 2 decimals is `21.57`.
 * @param decimals 0 to `IOT_THING_JSON_MAX_DECIMALS`.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_ARGUMENT       `decimals` is too large.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_scaled(iot_thing_json_writer_t *writer, int64_t value, uint8_t decimals);

/**
 * Writes `true` or `false`, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param value   0 for false, anything else for true.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_bool(iot_thing_json_writer_t *writer, const char *name, int32_t value);

/**
 * Writes `true` or `false`, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param value   0 for false, anything else for true.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_bool(iot_thing_json_writer_t *writer, int32_t value);

/**
 * Writes `null`, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_JSON_UTF8      `name` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_null(iot_thing_json_writer_t *writer, const char *name);

/**
 * Writes `null`, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_null(iot_thing_json_writer_t *writer);

/**
 * Writes a string, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param text    NUL-terminated UTF-8, escaped as needed. Not in the buffer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_ARGUMENT       `text` is in the buffer.
 * @return IOT_THING_ERR_JSON_UTF8      `name` or `text` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_string(iot_thing_json_writer_t *writer,
                                  const char *name,
                                  const char *text);

/**
 * Writes a string, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param text    NUL-terminated UTF-8, escaped as needed. Not in the buffer.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_ARGUMENT       `text` is in the buffer.
 * @return IOT_THING_ERR_JSON_UTF8      `text` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_string(iot_thing_json_writer_t *writer, const char *text);

/**
 * Writes a string with a length, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param text    UTF-8, escaped as needed; may contain NULs. Not in the buffer.
 * @param len     Its length in bytes.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_ARGUMENT       `text` is in the buffer.
 * @return IOT_THING_ERR_JSON_UTF8      `name` or `text` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_string_n(iot_thing_json_writer_t *writer,
                                    const char *name,
                                    const char *text,
                                    size_t len);

/**
 * Writes a string with a length, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param text    UTF-8, escaped as needed; may contain NULs. Not in the buffer.
 * @param len     Its length in bytes.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_ARGUMENT       `text` is in the buffer.
 * @return IOT_THING_ERR_JSON_UTF8      `text` is not UTF-8.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_string_n(iot_thing_json_writer_t *writer, const char *text, size_t len);

/**
 * Writes a value that is JSON already, as a member of an object.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param name    Name of the member, NUL-terminated UTF-8. Not NULL.
 * @param json    One JSON value of any type; checked, white space around it dropped. Not in
 *                the buffer.
 * @param len     Its length in bytes.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No member is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_ARGUMENT       `json` is in the buffer.
 * @return IOT_THING_ERR_JSON_SYNTAX, _JSON_UTF8, _JSON_DEPTH  `json` is not JSON, or would nest too
 *         deep here.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_put_raw(iot_thing_json_writer_t *writer,
                               const char *name,
                               const char *json,
                               size_t len);

/**
 * Writes a value that is JSON already, as an element of an array or as the outermost value.
 * Callable from anywhere, as long as nobody else uses the writer or its buffer at the same time.
 *
 * @param writer  The writer, not NULL.
 * @param json    One JSON value of any type; checked, white space around it dropped. Not in
 *                the buffer.
 * @param len     Its length in bytes.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL           A pointer is NULL.
 * @return IOT_THING_ERR_JSON_NESTING   No element is possible here.
 * @return IOT_THING_ERR_JSON_NO_SPACE  The buffer is too small; the bytes were counted.
 * @return IOT_THING_ERR_ARGUMENT       `json` is in the buffer.
 * @return IOT_THING_ERR_JSON_SYNTAX, _JSON_UTF8, _JSON_DEPTH  `json` is not JSON, or would nest too
 *         deep here.
 * @return IOT_THING_ERR_...            The first error of an earlier call.
 */
int32_t iot_thing_json_add_raw(iot_thing_json_writer_t *writer, const char *json, size_t len);

/**
 * Opens a shadow. Nothing is sent or subscribed to yet: that comes with the first request or
 * callback.
 *
 * Callable from the thread that polls, and from callbacks.
 *
 * @param thing   The Thing, not NULL.
 * @param shadow  The handle, not NULL, zero: see `iot_thing_shadow_t`.
 * @param name    Name of the shadow, NUL-terminated, 1..64 of `[a-zA-Z0-9:_-]`, or "$package";
 *                NULL: the classic, unnamed shadow. Must stay valid and unchanged until close.
 * @param flags   0 or `IOT_THING_SHADOW_PER_REQUEST`.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL         `thing` or `shadow` is NULL.
 * @return IOT_THING_ERR_STATE        Not a Thing, or the handle is open already (or was not zero).
 * @return IOT_THING_ERR_SHADOW_NAME  The name is not one that a shadow can have.
 * @return IOT_THING_ERR_ARGUMENT     Unknown flags.
 */
IOT_THING_NODISCARD
int32_t iot_thing_shadow_open(iot_thing_t *thing,
                              iot_thing_shadow_t *shadow,
                              const char *name,
                              uint32_t flags);

/**
 * Closes a shadow: its open requests end with `IOT_THING_ERR_CANCELLED` (their callbacks are
 * called from here), no callback of it is called any more, and the handle's memory is the
 * caller's again. Subscriptions that the broker has are not left: they end with the session.
 * `iot_thing_deinit` closes all shadows of its Thing.
 *
 * Callable from the thread that polls, or when nobody polls; not from a callback or an interrupt.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not open), or IOT_THING_ERR_BUSY
 *         (called from a callback, or another thread is inside poll).
 */
int32_t iot_thing_shadow_close(iot_thing_shadow_t *shadow);

/**
 * Reads the whole shadow. The result's `document` is what the service sent: `state` with
 * `desired`, `reported` and `delta`, `metadata`, `version`, `timestamp`. A shadow that does not
 * exist is `IOT_THING_ERR_REJECTED` with code 404: a normal answer.
 *
 * With a callback exactly one result follows, in whatever order the answers, time-outs and
 * disconnections come: 0 (accepted), `IOT_THING_ERR_REJECTED` with the service's `code`, `retry`
 * and error document, `_TIMED_OUT`, `_CANCELLED` (close, deinit), `_TOO_LARGE`, or
 * `_MQTT_SUBSCRIBE_REFUSED`: the broker does not let the answer be received, for the reason `code`.
 * Then nothing was sent on this connection; the next request asks the broker again.
 * Like every request it waits until there is a connection and the subscription for its answer is
 * confirmed; if the broker forgets the session before the answer came, it is sent again. A document
 * larger than `rx_size` is dropped by the broker or passed over
 * (`IOT_THING_EVENT_MESSAGE_TOO_LARGE`): then the request times out.
 *
 * Callable from callbacks, other threads and interrupts (the last two need the port's critical
 * section).
 *
 * @param shadow   An open shadow, not NULL.
 * @param options  NULL: the defaults. `section` and `version` are ignored.
 * @param done     Receives the result; may be NULL.
 * @param user     Passed to `done`.
 * @param token    [out, nullable] The client token, NUL-terminated; an array of
 *                 `IOT_THING_CLIENT_TOKEN_SIZE`.
 *
 * @return IOT_THING_OK               Queued.
 * @return IOT_THING_ERR_NULL         `shadow` is NULL.
 * @return IOT_THING_ERR_STATE        The shadow is not open.
 * @return IOT_THING_ERR_STRUCT_SIZE  `options->struct_size` is 0 or from a newer header.
 * @return IOT_THING_ERR_ARGUMENT     An option is not what its description allows.
 * @return IOT_THING_ERR_QUEUE_FULL   No room now: poll and try again.
 */
IOT_THING_NODISCARD
int32_t iot_thing_shadow_get(iot_thing_shadow_t *shadow,
                             const iot_thing_shadow_options_t *options,
                             iot_thing_done_fn done,
                             void *user,
                             char *token);

/**
 * Changes the shadow: the members in `json` are set, `null` deletes one. The text is checked and
 * copied before return. For what follows see `iot_thing_shadow_get`; the result of an accepted
 * update has the shadow's new `version` and what was changed.
 *
 * An update without `version` is repeated if the broker forgets the session before the answer
 * came. One with a version is not, because the second would meet the version of the first: it ends
 * with `IOT_THING_ERR_DISCONNECTED` and an unknown outcome; read the shadow.
 *
 * Callable from callbacks, other threads and interrupts (the last two need the port's critical
 * section; from an interrupt keep the text short, as the check is part of the call).
 *
 * @param shadow    An open shadow, not NULL.
 * @param json      The state, UTF-8: an object, or `null` to delete the section.
 * @param json_len  Its length in bytes. The request may have 8192 bytes with its envelope (AWS
 *                  IoT's limit), which is checked here. (The shadow after the update may have no
 *                  more either: the service tells that with code 413.)
 * @param options   NULL: the defaults.
 * @param done      Receives the result; may be NULL.
 * @param user      Passed to `done`.
 * @param token     [out, nullable] As for `iot_thing_shadow_get`.
 *
 * @return As `iot_thing_shadow_get`, and
 * @return IOT_THING_ERR_NULL        `json` is NULL with a length.
 * @return IOT_THING_ERR_JSON_SYNTAX, _JSON_UTF8, _JSON_DEPTH  `json` is not JSON.
 * @return IOT_THING_ERR_JSON_TYPE   `json` is neither an object nor `null`.
 * @return IOT_THING_ERR_TOO_LARGE   Larger than `tx_size` or the AWS IoT limit can ever take:
 *                                   `iot_thing_last_needed`.
 */
IOT_THING_NODISCARD
int32_t iot_thing_shadow_update(iot_thing_shadow_t *shadow,
                                const char *json,
                                size_t json_len,
                                const iot_thing_shadow_options_t *options,
                                iot_thing_done_fn done,
                                void *user,
                                char *token);

/**
 * `iot_thing_shadow_update` whose state is written when it is sent, straight into the outgoing
 * message, so it is never older than the connection. `write` may be called several times: when a
 * message has to be sent again on a new connection (the service may have the earlier one, also if
 * `write` cancels then), or when there was no room for it yet.
 *
 * Callable from callbacks, other threads and interrupts (the last two need the port's critical
 * section).
 *
 * @param shadow   An open shadow, not NULL.
 * @param write    Writes the state, not NULL. Its `document` is NULL.
 * @param options  NULL: the defaults.
 * @param done     Receives the result: `IOT_THING_ERR_CANCELLED` with `code` when `write` returned
 *                 a negative value, the writer's error when it made one. May be NULL.
 * @param user     Passed to `write` and `done`.
 * @param token    [out, nullable] As for `iot_thing_shadow_get`.
 *
 * @return As `iot_thing_shadow_get`, and IOT_THING_ERR_NULL when `write` is NULL.
 */
IOT_THING_NODISCARD
int32_t iot_thing_shadow_update_with(iot_thing_shadow_t *shadow,
                                     iot_thing_shadow_write_fn write,
                                     const iot_thing_shadow_options_t *options,
                                     iot_thing_done_fn done,
                                     void *user,
                                     char *token);

/**
 * Changes the shadow depending on what it is: reads it, has `write` write the change, and updates
 * it with the version that was read. If somebody else was faster (409) it starts over, up to 8
 * times; then the result is the rejection. If there is no shadow, `write` gets no document, and
 * the shadow is made.
 *
 * Callable from callbacks, other threads and interrupts (the last two need the port's critical
 * section).
 *
 * @param shadow   An open shadow, not NULL.
 * @param write    Writes the change, not NULL. At most `reply_size` bytes.
 * @param options  NULL: the defaults. `version` and `client_token` must be 0 and NULL.
 * @param done     Receives the result, exactly once: as for `iot_thing_shadow_update`;
 *                 `IOT_THING_ERR_CANCELLED` when `write` returned a negative value,
 *                 `_QUEUE_FULL` when there was no room for the update. May be NULL.
 * @param user     Passed to `write` and `done`.
 *
 * @return As `iot_thing_shadow_get`, and IOT_THING_ERR_NULL when `write` is NULL.
 */
IOT_THING_NODISCARD
int32_t iot_thing_shadow_modify(iot_thing_shadow_t *shadow,
                                iot_thing_shadow_write_fn write,
                                const iot_thing_shadow_options_t *options,
                                iot_thing_done_fn done,
                                void *user);

/**
 * Deletes the shadow. Deleting one that does not exist is `IOT_THING_ERR_REJECTED` with code 404.
 * Not repeated when the broker forgets the session: `IOT_THING_ERR_DISCONNECTED`. A table of
 * properties does not write the shadow again until a property has to be reported, or the session is
 * new; then all of it. For all else, also from where it may be called, see `iot_thing_shadow_get`.
 */
IOT_THING_NODISCARD
int32_t iot_thing_shadow_delete(iot_thing_shadow_t *shadow,
                                const iot_thing_shadow_options_t *options,
                                iot_thing_done_fn done,
                                void *user,
                                char *token);

/**
 * Sets the callback for the cloud's requests to change state; NULL removes it, and the
 * subscription is left. From then on the Thing listens to the shadow's deltas. Whenever one may
 * have been missed (the broker did not keep the session, nobody listened, somebody else deleted the
 * shadow) it reads the shadow, and the difference arrives like a live delta, once. Stale and repeated
 * deltas are left out. What the broker does not allow of that is told by
 * `IOT_THING_EVENT_SHADOW_REFUSED`.
 *
 * Callable from the thread that polls, and from callbacks.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not open).
 */
int32_t iot_thing_shadow_on_delta(iot_thing_shadow_t *shadow,
                                  iot_thing_shadow_delta_fn on_delta,
                                  void *user);

/**
 * Sets the callback for the documents of every update, by whomever it was made; NULL removes it,
 * and the subscription is left. What is missed during an outage is not made up for; a subscription
 * that the broker refuses is told by `IOT_THING_EVENT_SHADOW_REFUSED`.
 *
 * Callable from the thread that polls, and from callbacks.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not open).
 */
int32_t iot_thing_shadow_on_documents(iot_thing_shadow_t *shadow,
                                      iot_thing_shadow_documents_fn on_documents,
                                      void *user);

/**
 * Keeps the variables of a table and the shadow equal, from now until close: what the cloud
 * desires is checked and stored, what the firmware changes is reported. See
 * `iot_thing_properties_t`.
 *
 * Callable from the thread that polls, and from callbacks.
 *
 * @param shadow      An open shadow without a table, not NULL.
 * @param properties  The table, not NULL. It, and everything that it leads to, must stay valid
 *                    until close, and unchanged but for the variables and the states.
 *
 * @return IOT_THING_OK
 * @return IOT_THING_ERR_NULL         A pointer is NULL.
 * @return IOT_THING_ERR_STATE        The shadow is not open, or has a table.
 * @return IOT_THING_ERR_STRUCT_SIZE  `properties->struct_size` is not that of this header.
 * @return IOT_THING_ERR_ARGUMENT     The table cannot work: a type, path, range, size or flag is not
 *                                    what its description allows, a path comes twice or leads
 *                                    through another, or the properties of one object do not
 *                                    stand together.
 */
IOT_THING_NODISCARD
int32_t iot_thing_shadow_properties(iot_thing_shadow_t *shadow,
                                    const iot_thing_properties_t *properties);

/**
 * Tells that the firmware has changed a property's variable: it is reported, together with others
 * that change within `interval_ms`, unless it is what was reported or within the deadband.
 *
 * Callable from callbacks, other threads and interrupts (the last two need the port's critical
 * section, and must change the variable as `iot_thing_property_t` says).
 *
 * @param shadow  An open shadow with a table, not NULL.
 * @param index   Of the property in the table.
 *
 * @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not open, or no table) or
 *         IOT_THING_ERR_ARGUMENT (no such property).
 */
int32_t iot_thing_property_changed(iot_thing_shadow_t *shadow, size_t index);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/** The version of this header; compare with iot_thing_version(). */
#define IOT_THING_VERSION_NUMBER \
    ((IOT_THING_VERSION_MAJOR << 16) | (IOT_THING_VERSION_MINOR << 8) | IOT_THING_VERSION_PATCH)

/** Alignment of a Thing's memory, in bytes. */
#define IOT_THING_MEMORY_ALIGN 8

#if UINTPTR_MAX > 0xFFFFFFFFu
#define IOT_THING_FIXED_SIZE_ IOT_THING_FIXED_SIZE_64
#define IOT_THING_TLS_FIXED_SIZE_ IOT_THING_TLS_FIXED_SIZE_64
#else
#define IOT_THING_FIXED_SIZE_ IOT_THING_FIXED_SIZE_32
#define IOT_THING_TLS_FIXED_SIZE_ IOT_THING_TLS_FIXED_SIZE_32
#endif

/**
 * Bytes of memory for one Thing with TLS: an integer constant expression, for static arrays.
 *
 * rx, tx and tls are the rx_size, tx_size and tls_rx_size of the configuration, in bytes, with
 * its default in place of 0. Everything else that takes memory is as IOT_THING_CONFIG_INIT sets it
 * (tls_tx_size, reply_size, queue_len, subscriptions, filter_size, pull_events), and up to
 * IOT_THING_CREDENTIALS_SIZE bytes of certificates decoded from PEM, and of an RSA key, have room.
 * For anything else ask iot_thing_memory_needed().
 */
#define IOT_THING_MEMORY_SIZE(rx, tx, tls) \
    (IOT_THING_FIXED_SIZE_ + IOT_THING_TLS_FIXED_SIZE_ + (rx) + 2 * (tx) + (tls) + \
     IOT_THING_DEFAULT_TLS_TX_SIZE + IOT_THING_DEFAULT_REPLY_SIZE + IOT_THING_CREDENTIALS_SIZE)

/**
 * The same for iot_thing_transport_secure_socket, where the sockets bring the protection: nothing for
 * TLS, and no room for certificates.
 */
#define IOT_THING_MEMORY_SIZE_SECURE_SOCKET(rx, tx) \
    (IOT_THING_FIXED_SIZE_ + (rx) + 2 * (tx) + IOT_THING_DEFAULT_REPLY_SIZE)

/** IOT_THING_MEMORY_SIZE for a configuration whose sizes are all left at their defaults. */
#define IOT_THING_MEMORY_SIZE_DEFAULT \
    IOT_THING_MEMORY_SIZE(IOT_THING_DEFAULT_RX_SIZE, IOT_THING_DEFAULT_TX_SIZE, \
                          IOT_THING_DEFAULT_TLS_RX_SIZE)

/*
 * Initialisers: the sizes of the structures, the TLS transport, and defaults everywhere else.
 *     iot_thing_config_t config = IOT_THING_CONFIG_INIT;
 */
#ifdef __cplusplus
inline iot_thing_config_t iot_thing_config_init_(const iot_thing_transport_t *transport)
{
    iot_thing_config_t zero = iot_thing_config_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    zero.transport = transport;
    return zero;
}
inline iot_thing_sockets_t iot_thing_sockets_init_()
{
    iot_thing_sockets_t zero = iot_thing_sockets_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
inline iot_thing_port_t iot_thing_port_init_()
{
    iot_thing_port_t zero = iot_thing_port_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
inline iot_thing_connection_t iot_thing_connection_init_()
{
    iot_thing_connection_t zero = iot_thing_connection_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
inline iot_thing_statistics_t iot_thing_statistics_init_()
{
    iot_thing_statistics_t zero = iot_thing_statistics_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
inline iot_thing_mqtt_publish_t iot_thing_mqtt_publish_init_()
{
    iot_thing_mqtt_publish_t zero = iot_thing_mqtt_publish_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
inline iot_thing_shadow_t iot_thing_shadow_init_()
{
    return iot_thing_shadow_t();
}
inline iot_thing_shadow_options_t iot_thing_shadow_options_init_()
{
    iot_thing_shadow_options_t zero = iot_thing_shadow_options_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
inline iot_thing_properties_t iot_thing_properties_init_(const iot_thing_property_t *table,
                                                         iot_thing_property_state_t *states,
                                                         size_t count)
{
    iot_thing_properties_t zero = iot_thing_properties_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    zero.table = table;
    zero.states = states;
    zero.count = count;
    return zero;
}
inline iot_thing_event_t iot_thing_event_init_()
{
    iot_thing_event_t zero = iot_thing_event_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
inline iot_thing_verification_t iot_thing_verification_init_()
{
    iot_thing_verification_t zero = iot_thing_verification_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
inline iot_thing_crypto_t iot_thing_crypto_init_()
{
    iot_thing_crypto_t zero = iot_thing_crypto_t();
    zero.struct_size = static_cast<uint32_t>(sizeof zero);
    return zero;
}
#define IOT_THING_CONFIG_INIT_WITH(transport_) iot_thing_config_init_(transport_)
#define IOT_THING_SOCKETS_INIT iot_thing_sockets_init_()
#define IOT_THING_PORT_INIT iot_thing_port_init_()
#define IOT_THING_CONNECTION_INIT iot_thing_connection_init_()
#define IOT_THING_STATISTICS_INIT iot_thing_statistics_init_()
#define IOT_THING_EVENT_INIT iot_thing_event_init_()
#define IOT_THING_CRYPTO_INIT iot_thing_crypto_init_()
#define IOT_THING_MQTT_PUBLISH_INIT iot_thing_mqtt_publish_init_()
#define IOT_THING_SHADOW_INIT iot_thing_shadow_init_()
#define IOT_THING_SHADOW_OPTIONS_INIT iot_thing_shadow_options_init_()
#define IOT_THING_PROPERTIES_INIT(table_, states_) \
    iot_thing_properties_init_(table_, states_, sizeof(table_) / sizeof((table_)[0]))
#define IOT_THING_VERIFICATION_INIT iot_thing_verification_init_()
#else
#define IOT_THING_CONFIG_INIT_WITH(transport_) \
    { .struct_size = sizeof(iot_thing_config_t), .transport = (transport_) }
#define IOT_THING_SOCKETS_INIT { .struct_size = sizeof(iot_thing_sockets_t) }
#define IOT_THING_PORT_INIT { .struct_size = sizeof(iot_thing_port_t) }
#define IOT_THING_CONNECTION_INIT { .struct_size = sizeof(iot_thing_connection_t) }
#define IOT_THING_STATISTICS_INIT { .struct_size = sizeof(iot_thing_statistics_t) }
#define IOT_THING_EVENT_INIT { .struct_size = sizeof(iot_thing_event_t) }
#define IOT_THING_CRYPTO_INIT { .struct_size = sizeof(iot_thing_crypto_t) }
#define IOT_THING_MQTT_PUBLISH_INIT { .struct_size = sizeof(iot_thing_mqtt_publish_t) }
#define IOT_THING_SHADOW_INIT { .thing = NULL }
#define IOT_THING_SHADOW_OPTIONS_INIT { .struct_size = sizeof(iot_thing_shadow_options_t) }
#define IOT_THING_PROPERTIES_INIT(table_, states_) \
    { .struct_size = sizeof(iot_thing_properties_t), .table = (table_), .states = (states_), \
      .count = sizeof(table_) / sizeof((table_)[0]) }
#define IOT_THING_VERIFICATION_INIT { .struct_size = sizeof(iot_thing_verification_t) }
#endif
/** A configuration with TLS by this library, and defaults everywhere else. */
#define IOT_THING_CONFIG_INIT IOT_THING_CONFIG_INIT_WITH(&iot_thing_transport_tls)

#endif /* IOT_THING_H */
