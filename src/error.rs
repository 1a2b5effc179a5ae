//! The one list of errors, shared by every module and, under the same names, by the C header.

/// What went wrong. Every function of the library that can fail returns one of these negative
/// values, or `IOT_THING_OK` (0). Numbers are never reused or changed; new ones are only added.
/// Print one with `iot_thing_err_name()`, explain one with `iot_thing_err_text()`.
// Rust names in CamelCase; cbindgen prints them as IOT_THING_ERR_SCREAMING_SNAKE_CASE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
#[non_exhaustive]
pub enum Error {
    // ---- the call was wrong: nothing was changed -------------------------------------------
    /// A pointer that must not be NULL is NULL.
    Null = -1,
    /// A value or a length is outside the documented range.
    Argument = -2,
    /// The call does not fit the current state: not a Thing (any more), or already one.
    State = -3,
    /// `iot_thing_poll` or `iot_thing_deinit` was called from a callback, or by a second thread
    /// while the first is inside.
    Busy = -4,
    /// The memory given to `iot_thing_init` is too small, or is NULL; `iot_thing_memory_needed`
    /// tells the size.
    Memory = -5,
    /// `struct_size` is 0 or larger than this library knows: initialise with the `_INIT` macro.
    StructSize = -6,
    /// The port lacks a required function, or is not the port given to the first
    /// `iot_thing_init` of this program.
    Port = -7,
    /// The socket table lacks a required function.
    Sockets = -8,
    /// `transport` is NULL: use `IOT_THING_CONFIG_INIT`.
    Transport = -9,
    /// The endpoint is missing, longer than 253 bytes, or not a host name.
    Endpoint = -10,
    /// `mqtt_id` is missing, too long, or starts with `$`.
    MqttId = -11,
    /// `thing_name` is too long or has a character outside `[a-zA-Z0-9:_-]`.
    ThingName = -12,
    /// The client certificate is missing or is not one PEM or DER X.509 certificate chain.
    ClientCert = -13,
    /// The private key is missing or is not an unencrypted private key as PEM or DER (SEC1, PKCS#8
    /// or PKCS#1), or not consistent in itself.
    PrivateKey = -14,
    /// The private key does not belong to the client certificate.
    KeyMismatch = -15,
    /// The CA certificates are not PEM or DER X.509 certificates.
    CaCerts = -16,
    /// A topic or filter is empty, not UTF-8, has a wildcard where none may be, or breaks an AWS IoT
    /// limit (256 bytes, 8 levels).
    Topic = -17,
    /// The message can never fit: larger than the AWS limit or than the configured buffer.
    /// `iot_thing_last_needed` tells the size that was needed.
    TooLarge = -18,
    /// The outbox is full for now: poll, and try again when something has been acknowledged.
    QueueFull = -19,
    /// The port's random source failed.
    Random = -20,
    /// The client certificate has expired, by the clock at `iot_thing_init`.
    ClientCertExpired = -21,
    /// The client certificate is not valid yet, by the clock at `iot_thing_init`.
    ClientCertNotYetValid = -22,
    /// The client certificate says that it may not be used to authenticate a TLS client.
    ClientCertUsage = -23,
    /// The client certificate or the private key is for RSA with fewer than 2048 bits.
    KeyWeak = -24,
    /// The client certificate or the private key is for a kind of key that is not supported:
    /// another curve than P-256, RSA with more than 4096 bits or an unusual exponent or primes of
    /// different lengths, RSA together with `sign`, or RSA where the library was built without it.
    KeyUnsupported = -25,
    /// There is none of that name or number.
    NotFound = -26,
    /// The name of a shadow is too long or has a character outside `[a-zA-Z0-9:_-]`.
    ShadowName = -27,
    /// A function of `iot_thing_crypto_t` failed.
    Crypto = -28,

    // ---- JSON --------------------------------------------------------------------------------
    /// The text is not JSON as RFC 8259 defines it.
    JsonSyntax = -30,
    /// The text is not valid UTF-8, or has an unpaired surrogate escape.
    JsonUtf8 = -31,
    /// Nested deeper than `IOT_THING_JSON_MAX_DEPTH`.
    JsonDepth = -32,
    /// No member of that name, no element of that index, or the iteration is over.
    JsonNotFound = -33,
    /// The value has another type than the one asked for.
    JsonType = -34,
    /// The number does not fit the type asked for, or has more decimals than asked for.
    JsonRange = -35,
    /// The buffer is too small; the size needed was reported.
    JsonNoSpace = -36,
    /// Writer calls in an impossible order (a value where a key is due, an end without a begin).
    JsonNesting = -37,

    // ---- how an accepted operation ended -------------------------------------------------------
    /// The service or the broker refused it; the code it gave is reported with it.
    Rejected = -40,
    /// No answer in time. Whether the service acted on it is unknown.
    TimedOut = -41,
    /// Ended by `iot_thing_deinit`, or withdrawn.
    Cancelled = -42,
    /// It was in the outbox and made room for a newer message, as `queue_policy` says.
    Dropped = -43,
    /// The broker forgot the session after it had taken the request and before the answer came.
    /// Whether the service acted on it is unknown: read the shadow.
    Disconnected = -44,

    // ---- why a property was not set --------------------------------------------------------------
    /// The table has no property of that name.
    PropertyUnknown = -46,
    /// The property is the device's alone.
    PropertyReadOnly = -47,
    /// The property's callback refused the value; what it returned is reported with it.
    PropertyRefused = -48,

    // ---- why a connection failed or ended ------------------------------------------------------
    /// The host name could not be resolved.
    Resolve = -50,
    /// The TCP connection could not be made.
    TcpConnect = -51,
    /// The socket reported an error on an established connection.
    TcpReset = -52,
    /// The peer closed the connection.
    TcpClosed = -53,
    /// The connection was not established, or the peer took no bytes, within the time allowed.
    TcpTimeout = -54,
    /// A socket function returned a value its contract does not allow.
    SocketContract = -55,

    /// The TLS handshake failed for a reason that has no code of its own.
    Tls = -60,
    /// The server sent a TLS alert; its number is reported with it.
    TlsAlert = -61,
    /// The TLS handshake did not finish in time.
    TlsTimeout = -62,
    /// The server sent a TLS record larger than `tls_rx_size`; the size needed is reported.
    TlsRecordTooLarge = -63,
    /// The server sent something that TLS 1.3 does not allow at that point.
    TlsProtocol = -64,
    /// The server did not prove who it is: it omitted its certificate or the proof of its key.
    TlsNotAuthenticated = -65,
    /// Signing with the private key failed (the secure element reported an error).
    TlsSign = -66,

    /// The server's certificate does not lead to one of the configured CA certificates.
    CertUnknownIssuer = -70,
    /// A certificate of the server has expired.
    CertExpired = -71,
    /// A certificate of the server is not valid yet (or the device's clock is wrong).
    CertNotYetValid = -72,
    /// The server's certificate is for another host name.
    CertHostName = -73,
    /// A certificate of the server may not be used for this purpose.
    CertUsage = -74,
    /// A signature made by the server or on its certificates is wrong.
    CertSignature = -75,
    /// A certificate of the server is malformed.
    CertMalformed = -76,
    /// The server's certificate uses an algorithm that this build does not support.
    CertUnsupported = -77,
    /// The time is unknown (`unix_time` returned 0, and there is no `earliest_unix_time`), so validity
    /// cannot be checked.
    CertTimeUnknown = -78,

    /// The broker refused the connection; its CONNACK reason code is reported.
    MqttRefused = -80,
    /// The broker did not answer CONNECT, or did not acknowledge a message, in time.
    MqttTimeout = -81,
    /// The broker sent something that MQTT 5 does not allow, or an acknowledgement larger than
    /// `rx_size`.
    MqttProtocol = -82,
    /// The broker ended the connection with DISCONNECT; its reason code is reported when known.
    MqttDisconnected = -83,
    /// The broker did not answer a PINGREQ.
    MqttKeepAlive = -84,
    /// The connection was closed before CONNACK: on AWS IoT usually an unknown or inactive
    /// certificate, or a policy that does not allow this client id to connect.
    MqttClosedBeforeConnack = -85,
    /// The broker refused a subscription that a shadow needs, on AWS IoT usually by the policy; the
    /// SUBACK's reason code is reported with it. It ends requests whose answers could not arrive, not
    /// the connection.
    MqttSubscribeRefused = -86,
    /// Another client connected with the same client id, and the broker ended this connection.
    MqttTakenOver = -87,
    /// The broker ended the connection because of a limit or quota; its reason code is reported.
    MqttQuota = -88,
    /// The connection was closed without a word right after SUBSCRIBE or UNSUBSCRIBE: on AWS IoT
    /// usually the policy does not allow a filter.
    MqttClosedAfterSubscribe = -89,
    /// The connection was closed without a word right after PUBLISH: on AWS IoT usually the policy
    /// does not allow the topic.
    MqttClosedAfterPublish = -90,
}

/// Whether an operation that was rejected can be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Retry {
    /// Not rejected, or no retry will help: the request itself is wrong (400, 401, 403, 413, ...).
    No = 0,
    /// The same request may succeed later (429, 500, 503, timed out).
    Later = 1,
    /// Read the shadow's current version first (409).
    Refresh = 2,
}

impl Error {
    /// It guesses why a connection was closed, which the socket cannot know.
    pub const fn is_suspicion(self) -> bool {
        matches!(
            self,
            Self::MqttClosedBeforeConnack
                | Self::MqttClosedAfterSubscribe
                | Self::MqttClosedAfterPublish
        )
    }

    /// The value that C sees.
    pub const fn code(self) -> i32 {
        self as i32
    }
}

/// A text with two NULs. One alone would make it a "mergeable string": the compiler puts all of these
/// into one section, which a firmware that uses any of them links as a whole (7 KB).
const fn unmerged(text: &'static str) -> &'static core::ffi::CStr {
    match core::ffi::CStr::from_bytes_until_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    }
}

/// Declares name and explanation of every error once; an error without an entry does not compile.
macro_rules! describe {
    ($($variant:ident, $name:literal, $text:literal;)*) => {
        /// Every error, for tests and for looking one up by its code.
        pub const ALL: &[Error] = &[$(Error::$variant),*];

        impl Error {
            /// The name of the constant in the C header, NUL-terminated.
            pub const fn c_name(self) -> &'static core::ffi::CStr {
                match self { $(Error::$variant => {
                    const NAME: &core::ffi::CStr =
                        unmerged(concat!("IOT_THING_ERR_", $name, "\0\0"));
                    NAME
                })* }
            }

            /// What it means and what to do, in a few words, NUL-terminated.
            pub const fn c_text(self) -> &'static core::ffi::CStr {
                match self { $(Error::$variant => {
                    const TEXT: &core::ffi::CStr = unmerged(concat!($text, "\0\0"));
                    TEXT
                })* }
            }
        }
    };
}

describe! {
    Null, "NULL", "a required pointer is NULL";
    Argument, "ARGUMENT", "a value or length is out of range";
    State, "STATE", "the call does not fit the current state";
    Busy, "BUSY", "called from a callback or by a second thread while poll is running";
    Memory, "MEMORY", "the memory is too small: ask iot_thing_memory_needed()";
    StructSize, "STRUCT_SIZE", "struct_size is wrong: initialise the struct with its _INIT macro";
    Port, "PORT", "the port lacks a required function or differs from the first one given";
    Sockets, "SOCKETS", "the socket table lacks a required function";
    Transport, "TRANSPORT", "no transport: use IOT_THING_CONFIG_INIT";
    Endpoint, "ENDPOINT", "endpoint is missing, too long or not a host name";
    MqttId, "MQTT_ID", "mqtt_id is missing, too long or starts with $";
    ThingName, "THING_NAME", "thing_name is too long or has a character outside [a-zA-Z0-9:_-]";
    ClientCert, "CLIENT_CERT", "client_cert is missing or not a PEM or DER certificate";
    PrivateKey, "PRIVATE_KEY", "private_key is missing, encrypted or not a private key in PEM or DER";
    KeyMismatch, "KEY_MISMATCH", "private_key does not belong to client_cert";
    CaCerts, "CA_CERTS", "ca_certs is not a list of PEM or DER certificates";
    Topic, "TOPIC", "the topic or filter is empty, not UTF-8, has a misplaced wildcard or is over the AWS limits";
    TooLarge, "TOO_LARGE", "the message can never fit: iot_thing_last_needed() tells the size";
    QueueFull, "QUEUE_FULL", "the outbox is full: poll and try again";
    Random, "RANDOM", "the random source failed";
    Crypto, "CRYPTO", "a function of the firmware's own cryptography failed";
    ClientCertExpired, "CLIENT_CERT_EXPIRED", "client_cert has expired: check it and the device's clock";
    ClientCertNotYetValid, "CLIENT_CERT_NOT_YET_VALID", "client_cert is not valid yet: check the device's clock";
    ClientCertUsage, "CLIENT_CERT_USAGE", "client_cert may not be used for TLS client authentication";
    KeyWeak, "KEY_WEAK", "the RSA key of client_cert or private_key has fewer than 2048 bits";
    KeyUnsupported, "KEY_UNSUPPORTED", "client_cert or private_key is not for P-256 or RSA 2048 to 4096";
    ShadowName, "SHADOW_NAME", "the shadow's name is too long or has a character outside [a-zA-Z0-9:_-]";
    NotFound, "NOT_FOUND", "there is none of that name or number";
    JsonSyntax, "JSON_SYNTAX", "not JSON (RFC 8259)";
    JsonUtf8, "JSON_UTF8", "not UTF-8, or an unpaired surrogate";
    JsonDepth, "JSON_DEPTH", "nested too deep";
    JsonNotFound, "JSON_NOT_FOUND", "no such member or element";
    JsonType, "JSON_TYPE", "the value has another type";
    JsonRange, "JSON_RANGE", "the number does not fit the type asked for";
    JsonNoSpace, "JSON_NO_SPACE", "the buffer is too small";
    JsonNesting, "JSON_NESTING", "writer calls in an impossible order";
    Rejected, "REJECTED", "refused by the service: see the code reported with it";
    TimedOut, "TIMED_OUT", "no answer in time: the outcome is unknown";
    Cancelled, "CANCELLED", "cancelled before it was done";
    Dropped, "DROPPED", "made room for a newer message";
    Disconnected, "DISCONNECTED", "the session was lost before the answer came: the outcome is unknown";
    PropertyUnknown, "PROPERTY_UNKNOWN", "the table has no such property";
    PropertyReadOnly, "PROPERTY_READ_ONLY", "the property is the device's alone";
    PropertyRefused, "PROPERTY_REFUSED", "the property's callback refused the value";
    Resolve, "RESOLVE", "host name not resolved: check DNS and the endpoint";
    TcpConnect, "TCP_CONNECT", "TCP connection not made: check network, port and firewall";
    TcpReset, "TCP_RESET", "the socket failed on an established connection";
    TcpClosed, "TCP_CLOSED", "the peer closed the connection";
    TcpTimeout, "TCP_TIMEOUT", "the network took no bytes in time";
    SocketContract, "SOCKET_CONTRACT", "a socket function broke its contract: check the port";
    Tls, "TLS", "TLS handshake failed";
    TlsAlert, "TLS_ALERT", "the server sent a TLS alert";
    TlsTimeout, "TLS_TIMEOUT", "TLS handshake not finished in time";
    TlsRecordTooLarge, "TLS_RECORD_TOO_LARGE", "TLS record larger than tls_rx_size";
    TlsProtocol, "TLS_PROTOCOL", "the server broke the TLS 1.3 protocol";
    TlsNotAuthenticated, "TLS_NOT_AUTHENTICATED", "the server did not prove its identity";
    TlsSign, "TLS_SIGN", "signing with the private key failed";
    CertUnknownIssuer, "CERT_UNKNOWN_ISSUER", "server certificate not issued by a configured CA";
    CertExpired, "CERT_EXPIRED", "server certificate expired: check it and the device's clock";
    CertNotYetValid, "CERT_NOT_YET_VALID", "server certificate not valid yet: check the clock";
    CertHostName, "CERT_HOST_NAME", "server certificate is for another host name";
    CertUsage, "CERT_USAGE", "server certificate may not be used for this purpose";
    CertSignature, "CERT_SIGNATURE", "a signature of the server is wrong, or ca_certs has another key of that name";
    CertMalformed, "CERT_MALFORMED", "server certificate is malformed";
    CertUnsupported, "CERT_UNSUPPORTED", "server certificate uses an unsupported algorithm";
    CertTimeUnknown, "CERT_TIME_UNKNOWN", "the time is unknown: unix_time must be set";
    MqttRefused, "MQTT_REFUSED", "the broker refused the connection";
    MqttTimeout, "MQTT_TIMEOUT", "no answer of the broker in time";
    MqttProtocol, "MQTT_PROTOCOL", "the broker broke MQTT 5 or sent more than rx_size";
    MqttDisconnected, "MQTT_DISCONNECTED", "the broker ended the connection";
    MqttKeepAlive, "MQTT_KEEP_ALIVE", "the broker did not answer a ping";
    MqttClosedBeforeConnack, "MQTT_CLOSED_BEFORE_CONNACK", "closed before CONNACK: check certificate status and policy";
    MqttSubscribeRefused, "MQTT_SUBSCRIBE_REFUSED", "subscription refused: check the policy";
    MqttTakenOver, "MQTT_TAKEN_OVER", "another client connected with the same mqtt_id";
    MqttQuota, "MQTT_QUOTA", "the broker ended the connection because of a quota: send less";
    MqttClosedAfterSubscribe, "MQTT_CLOSED_AFTER_SUBSCRIBE", "closed right after SUBSCRIBE: check the policy";
    MqttClosedAfterPublish, "MQTT_CLOSED_AFTER_PUBLISH", "closed right after PUBLISH: check the policy";
}

impl embedded_io_async::Error for Error {
    fn kind(&self) -> embedded_io_async::ErrorKind {
        embedded_io_async::ErrorKind::Other
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.c_text().to_str().unwrap_or_default())
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_texts_are_present() {
        for (i, a) in ALL.iter().enumerate() {
            assert!(a.code() < 0);
            assert!(a.c_name().to_bytes().starts_with(b"IOT_THING_ERR_"));
            assert!(!a.c_text().is_empty());
            for b in &ALL[i + 1..] {
                assert_ne!(a.code(), b.code());
                assert_ne!(a.c_name(), b.c_name());
            }
        }
    }
}
