//! The types of the C header. Their layout is the ABI: fields are only ever added at the end.

use core::ffi::{c_char, c_void};

use super::json::{iot_thing_json_t, iot_thing_json_writer_t};

/// Major version of the library and of this header.
pub const IOT_THING_VERSION_MAJOR: u32 = 0;
/// Minor version; while the major version is 0 a new minor version may break the ABI.
pub const IOT_THING_VERSION_MINOR: u32 = 1;
/// Patch version.
pub const IOT_THING_VERSION_PATCH: u32 = 0;

/// Success. Every error is negative: see `iot_thing_err`.
pub const IOT_THING_OK: i32 = 0;

/// `pull_events`: events are taken with `iot_thing_next_event`.
pub const IOT_THING_PULL_EVENTS: u32 = 1;
/// `pull_events`: events and shadow requests are.
pub const IOT_THING_PULL_ALL: u32 = 2;

/// `iot_thing_poll`: nothing to do until a socket is ready or a call queues something.
pub const IOT_THING_FOREVER: i32 = i32::MAX;

/// Returned by a sign function: the signature is not ready, call again.
pub const IOT_THING_SIGN_PENDING: i32 = 1;
/// `sign_form`: `sign` writes DER.
pub const IOT_THING_SIGN_DER: u32 = 0;
/// `sign_form`: `sign` writes r and then s, 32 bytes each.
pub const IOT_THING_SIGN_RAW: u32 = 1;

/// Port used when `tcp_port` is 0 (MQTT over TLS, AWS IoT Core's default).
pub const IOT_THING_DEFAULT_PORT: u16 = 8883;
/// Default of `rx_size`: the largest MQTT packet that can be received, in bytes.
pub const IOT_THING_DEFAULT_RX_SIZE: u32 = 4096;
/// Default of `tx_size`: bytes of messages that can wait in the outbox, or for their end.
pub const IOT_THING_DEFAULT_TX_SIZE: u32 = 2048;
/// Default of `reply_size`: the largest answer an `on_shadow_request` callback can write, in bytes.
pub const IOT_THING_DEFAULT_REPLY_SIZE: u32 = 512;
/// Default of `queue_len`: messages that can wait in the outbox or for their answer.
pub const IOT_THING_DEFAULT_QUEUE_LEN: u32 = 16;
/// Default of `tls_rx_size`: the largest TLS record a server may send (RFC 8446, 5.2). AWS IoT
/// ignores requests for smaller records, so less is safe only when the server is known.
pub const IOT_THING_DEFAULT_TLS_RX_SIZE: u32 = 16640;
/// Default of `tls_tx_size`: the largest TLS record sent.
pub const IOT_THING_DEFAULT_TLS_TX_SIZE: u32 = 2048;
/// Bytes of the memory that hold PEM certificates once decoded, in `IOT_THING_MEMORY_SIZE`.
/// Certificates given as DER are used where they are and need none of it.
pub const IOT_THING_CREDENTIALS_SIZE: u32 = 3072;

/// Default of `keep_alive_s`, in seconds.
pub const IOT_THING_DEFAULT_KEEP_ALIVE_S: u16 = 60;
/// Smallest `keep_alive_s` (AWS IoT Core grants no less).
pub const IOT_THING_MIN_KEEP_ALIVE_S: u16 = 30;
/// Largest `keep_alive_s` (AWS IoT Core grants no more).
pub const IOT_THING_MAX_KEEP_ALIVE_S: u16 = 1200;
/// Default of `session_expiry_s`: AWS IoT Core's default limit, one hour.
pub const IOT_THING_DEFAULT_SESSION_EXPIRY_S: u32 = 3600;
/// `session_expiry_s`: the session ends with the connection.
pub const IOT_THING_SESSION_NONE: u32 = u32::MAX;

/// Default of `connect_timeout_ms`: name resolution and TCP connection together.
pub const IOT_THING_DEFAULT_CONNECT_TIMEOUT_MS: u32 = 20_000;
/// Default of `tls_timeout_ms`: the whole TLS handshake.
pub const IOT_THING_DEFAULT_TLS_TIMEOUT_MS: u32 = 30_000;
/// Default of `mqtt_timeout_ms`: CONNACK.
pub const IOT_THING_DEFAULT_MQTT_TIMEOUT_MS: u32 = 10_000;
/// Default of `ack_timeout_ms`: PUBACK and SUBACK.
pub const IOT_THING_DEFAULT_ACK_TIMEOUT_MS: u32 = 30_000;
/// Default of `ping_timeout_ms`: PINGRESP.
pub const IOT_THING_DEFAULT_PING_TIMEOUT_MS: u32 = 10_000;
/// Default of `stall_timeout_ms`: how long the network may refuse to take bytes.
pub const IOT_THING_DEFAULT_STALL_TIMEOUT_MS: u32 = 20_000;
/// Default of `shadow_timeout_ms`: from the acknowledgement of a shadow request to its answer.
pub const IOT_THING_DEFAULT_SHADOW_TIMEOUT_MS: u32 = 10_000;
/// Default of `backoff_base_ms`.
pub const IOT_THING_DEFAULT_BACKOFF_BASE_MS: u32 = 1_000;
/// Default of `backoff_cap_ms`.
pub const IOT_THING_DEFAULT_BACKOFF_CAP_MS: u32 = 128_000;
/// Default of `backoff_stable_ms`.
pub const IOT_THING_DEFAULT_BACKOFF_STABLE_MS: u32 = 20_000;

/// Longest `mqtt_id`, in bytes (AWS IoT limit).
pub const IOT_THING_MAX_MQTT_ID: usize = 128;
/// Longest `thing_name`, in bytes (AWS IoT limit).
pub const IOT_THING_MAX_THING_NAME: usize = 128;
/// Longest `endpoint`, in bytes (DNS limit).
pub const IOT_THING_MAX_ENDPOINT: usize = 253;
/// Default of `subscriptions`: filters that can be subscribed to.
pub const IOT_THING_DEFAULT_SUBSCRIPTIONS: u32 = 4;
/// Default of `filter_size`: bytes of all filters together.
pub const IOT_THING_DEFAULT_FILTER_SIZE: u32 = 256;

/// `queue_policy`: a message for which there is no room is refused.
pub const IOT_THING_QUEUE_REFUSE_NEW: i32 = 0;
/// `queue_policy`: the oldest messages that were not sent yet make room for it; each is told to its
/// owner with `IOT_THING_ERR_DROPPED`. Shadow requests are never dropped.
pub const IOT_THING_QUEUE_DROP_OLDEST: i32 = 1;

/// `clean_start`: the broker forgets an earlier session when the program connects for the first
/// time; later connections resume the session.
pub const IOT_THING_CLEAN_START_FIRST: i32 = 0;
/// `clean_start`: every connection begins a new session.
pub const IOT_THING_CLEAN_START_ALWAYS: i32 = 1;
/// `clean_start`: the session outlives a restart of the program; messages that came meanwhile are
/// delivered. Subscriptions of the program before it may still be in force.
pub const IOT_THING_CLEAN_START_NEVER: i32 = 2;

/// `iot_thing_disconnect_with`: an ordinary end; the broker discards the will.
pub const IOT_THING_DISCONNECT_NORMAL: i32 = 0x00;
/// `iot_thing_disconnect_with`: the broker publishes the will.
pub const IOT_THING_DISCONNECT_WITH_WILL: i32 = 0x04;

/// Most bytes of the MQTT 5 properties of a message that is sent, as MQTT encodes them.
pub const IOT_THING_MAX_PROPERTIES: usize = 512;
/// Most user properties of a message that is sent.
pub const IOT_THING_MAX_USER_PROPERTIES: usize = 8;

/// Longest topic, in bytes (AWS IoT limit).
pub const IOT_THING_MAX_TOPIC: usize = 256;
/// Largest shadow request, in bytes (AWS IoT limit).
pub const IOT_THING_MAX_SHADOW_DOCUMENT: usize = 8192;
/// Largest payload of a message, in bytes (AWS IoT limit).
pub const IOT_THING_MAX_PAYLOAD: usize = 131_072;

/// One device: opaque, lives in the memory given to `iot_thing_init`.
// The fields are in `thing.rs`; C sees an incomplete type.
pub use super::thing::iot_thing_t;

/// How the bytes of a connection are protected: one of the `iot_thing_transport_...` objects.
/// A firmware links only the ones it names.
pub use super::transport::iot_thing_transport_t;

/// Bytes with a length; not copied. `{ NULL, 0 }` means "not given".
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_bytes_t {
    /// First byte; may be NULL when `len` is 0.
    pub data: *const u8,
    /// Number of bytes. For PEM text the terminating NUL may be counted or not.
    pub len: usize,
}

// ---- sockets ------------------------------------------------------------------------------------

/// Returned by a socket function: nothing possible now, call again when the socket is ready.
/// Chosen so that a port may return `-errno` for every real error.
pub const IOT_THING_SOCKET_WOULD_BLOCK: i32 = -65536;
/// Returned by `send` and `recv`: the peer has closed the connection.
pub const IOT_THING_SOCKET_CLOSED: i32 = -65537;

/// An IP address, as `resolve` fills it in.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_address_t {
    /// 4 or 6.
    pub family: u32,
    /// The address in network byte order: the first 4 bytes for IPv4, all 16 for IPv6.
    pub ip: [u8; 16],
}

/// The sockets of the firmware: non-blocking TCP.
///
/// All functions are called by `iot_thing_poll` (and `close` also by `iot_thing_deinit`), on the
/// thread that calls it, never from an interrupt and never while a critical section is held. None
/// of them may block, call the library back, or keep a pointer it was given. The table must
/// outlive the Thing; several Things may share it.
///
/// Below, WOULD_BLOCK and CLOSED stand for `IOT_THING_SOCKET_WOULD_BLOCK` and
/// `IOT_THING_SOCKET_CLOSED`. Any other negative value is an error of the port's own (for example
/// `-errno`): it ends the connection and is reported in `iot_thing_event_t.port_error`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_sockets_t {
    /// `sizeof(iot_thing_sockets_t)`: `IOT_THING_SOCKETS_INIT` sets it.
    pub struct_size: u32,
    /// Passed to every function.
    pub user: *mut c_void,
    /// Optional. Looks `host` (NUL-terminated) up. 0: `address` is filled in; WOULD_BLOCK: not
    /// yet, called again with the same `host` until it settles or times out. NULL: `connect`
    /// gets the host name instead, as modems want it.
    pub resolve: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            host: *const c_char,
            address: *mut iot_thing_address_t,
        ) -> i32,
    >,
    /// Required. Makes a socket and stores its handle (any value but -1). 0 or an error.
    pub open: Option<unsafe extern "C" fn(user: *mut c_void, socket: *mut isize) -> i32>,
    /// Required. Connects to `address`, or to `host` when there is no `resolve` (`address` is
    /// then NULL). 0: connected; WOULD_BLOCK: under way, called again every 100 ms, or when the
    /// socket becomes writable, until it settles.
    pub connect: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            socket: isize,
            host: *const c_char,
            address: *const iot_thing_address_t,
            port: u16,
        ) -> i32,
    >,
    /// Required. Sends up to `len` bytes (`len` is at least 1). Returns how many were taken, at
    /// least 1; WOULD_BLOCK when none; CLOSED; or an error. 0 is not allowed.
    pub send: Option<
        unsafe extern "C" fn(user: *mut c_void, socket: isize, data: *const u8, len: usize) -> i32,
    >,
    /// Required. Receives up to `len` bytes (`len` is at least 1). Returns how many, at least 1;
    /// WOULD_BLOCK when there are none yet; CLOSED when the peer has closed; or an error. 0 is
    /// not allowed.
    pub recv: Option<
        unsafe extern "C" fn(user: *mut c_void, socket: isize, data: *mut u8, len: usize) -> i32,
    >,
    /// Required. Closes the socket; called exactly once for each successful `open`.
    pub close: Option<unsafe extern "C" fn(user: *mut c_void, socket: isize)>,
    /// Optional, for `iot_thing_wait` only. Blocks until the socket is ready for what `interest`
    /// names (`IOT_THING_IO_READ`, `_WRITE`), the port's `wake` was called, or `timeout_ms` has
    /// passed. `socket` is -1 and `interest` 0 when there is no connection. This one may block.
    pub wait: Option<
        unsafe extern "C" fn(user: *mut c_void, socket: isize, interest: u32, timeout_ms: i32),
    >,
}

/// `interest` bit: the Thing waits for the socket to become readable.
pub const IOT_THING_IO_READ: u32 = 1;
/// `interest` bit: the Thing waits for the socket to become writable.
pub const IOT_THING_IO_WRITE: u32 = 2;

// ---- port ---------------------------------------------------------------------------------------

/// Level of `iot_thing_port_t.log`: something is wrong for good. Not used by this version.
pub const IOT_THING_LOG_ERROR: i32 = 1;
/// Level of `log`: something went wrong and will be tried again.
pub const IOT_THING_LOG_WARNING: i32 = 2;
/// Level of `log`: a milestone, such as connected.
pub const IOT_THING_LOG_INFO: i32 = 3;

/// What the library needs from the board. One per program: every Thing must be given the same
/// object, because the clock and the critical section are global. It must never go away.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_port_t {
    /// `sizeof(iot_thing_port_t)`: `IOT_THING_PORT_INIT` sets it.
    pub struct_size: u32,
    /// Passed to every function.
    pub user: *mut c_void,
    /// Required. Milliseconds since any moment, never going back by more than a minute; may wrap at
    /// 32 bits. Called inside the critical section: it must be short and must not call the library.
    pub now_ms: Option<unsafe extern "C" fn(user: *mut c_void) -> u32>,
    /// Seconds since 1970-01-01 UTC, or 0 while unknown. Required with TLS, else optional.
    /// Certificates are checked against it: while it is 0 every server is refused with
    /// `IOT_THING_ERR_CERT_TIME_UNKNOWN`, unless `earliest_unix_time` says what to go by. Called by
    /// `iot_thing_init` and `iot_thing_poll`.
    pub unix_time: Option<unsafe extern "C" fn(user: *mut c_void) -> u64>,
    /// Required. Fills `out` with `len` bytes from a cryptographic random source. 0, or negative
    /// when it cannot: `iot_thing_init` or the connection attempt then fails with
    /// `IOT_THING_ERR_RANDOM`. Called by `iot_thing_init` and `iot_thing_poll`.
    pub random: Option<unsafe extern "C" fn(user: *mut c_void, out: *mut u8, len: usize) -> i32>,
    /// Optional pair. Needed as soon as the library is called by more than one thread, or by an
    /// interrupt: also for two Things polled by two threads, because the clock is shared. It must
    /// exclude them all, on other cores too. Enter returns a state that exit gets back; sections
    /// may nest. Held for copies and searches bounded by `tx_size` and `queue_len`, never while a
    /// callback or a socket function runs.
    pub enter_critical: Option<unsafe extern "C" fn(user: *mut c_void) -> usize>,
    /// The other half of the pair.
    pub exit_critical: Option<unsafe extern "C" fn(user: *mut c_void, state: usize)>,
    /// Optional. Something was queued for `thing`: wake the thread that polls it, which may be
    /// waiting. Called by the API function that queued it, on its thread or interrupt. It must
    /// latch: a wake-up that comes just before the wait begins must still end it.
    pub wake: Option<unsafe extern "C" fn(user: *mut c_void, thing: *mut iot_thing_t)>,
    /// Optional. One line of text (NUL-terminated, no newline) at an `IOT_THING_LOG_...` level:
    /// connections and the reasons of failures. Never contains keys, payloads or topics. Called by
    /// `iot_thing_poll`; must not call the library.
    pub log: Option<unsafe extern "C" fn(user: *mut c_void, level: i32, text: *const c_char)>,
    /// Optional. The library found itself in an impossible state and must stop the program:
    /// reset the device. Must not return; if it does or is NULL, the library loops for ever so
    /// that the watchdog resets the device. `file` is not NUL-terminated.
    pub panic: Option<
        unsafe extern "C" fn(user: *mut c_void, file: *const u8, file_len: usize, line: u32),
    >,
}

// ---- events -------------------------------------------------------------------------------------

/// An event. Fields that an event type does not mention are 0 (`code`: -1).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_event_t {
    /// `sizeof(iot_thing_event_t)`; for `iot_thing_next_event` set by the caller:
    /// `IOT_THING_EVENT_INIT`.
    pub struct_size: u32,
    /// One of `iot_thing_event`.
    pub r#type: i32,
    /// One of `iot_thing_state`, at the time of the event.
    pub state: i32,
    /// 0 or one of `iot_thing_err`.
    pub error: i32,
    /// The protocol's own code where there is one: TLS alert number, MQTT reason code, or the
    /// code of a shadow rejection. -1 when there is none.
    pub code: i32,
    /// The negative value that a socket function returned, or 0.
    pub port_error: i32,
    /// Milliseconds until the next connection attempt.
    pub retry_ms: u32,
    /// Bytes that would have been needed, when something was too large.
    pub needed: u32,
    /// 1 when the broker resumed the earlier session.
    pub session_resumed: i32,
    /// The `user` given with the operation; else see the event's type.
    pub user: *mut c_void,
    /// Data of the event; borrowed, see the event's type.
    pub data: iot_thing_bytes_t,
    /// Topic of a message, borrowed like `data`; else see the event's type.
    pub topic: iot_thing_bytes_t,
}

/// Receives events. Called inside `iot_thing_poll`; may call every function of the Thing but
/// `iot_thing_poll`, `iot_thing_wait`, `iot_thing_next_event` and `iot_thing_deinit`.
/// `event` is valid during the call only.
pub type iot_thing_event_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        thing: *mut iot_thing_t,
        event: *const iot_thing_event_t,
    ),
>;

/// How an operation ended. Valid during the callback only.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_result_t {
    /// 0: done (accepted by the service, or acknowledged by the broker). Else
    /// `IOT_THING_ERR_REJECTED` (with `code`), `_TIMED_OUT`, `_CANCELLED`, `_DROPPED` or
    /// `_TOO_LARGE`; of a shadow's request also `_DISCONNECTED`, `_MQTT_SUBSCRIBE_REFUSED`
    /// (with `code`), and what its function says.
    pub error: i32,
    /// The service's or the broker's code: for a shadow 400..500; for a publish the MQTT 5 reason
    /// code of the PUBACK, for a subscription that of the SUBACK (0 or 1: the QoS granted), so also
    /// with `_MQTT_SUBSCRIBE_REFUSED`; with `_CANCELLED` what the callback that writes a shadow's
    /// state returned; -1 when there is none.
    pub code: i32,
    /// One of `iot_thing_retry`.
    pub retry: i32,
    /// Version of the shadow after an accepted update, else 0.
    pub version: u64,
    /// The service's answer (the accepted document, or the error document), empty if none.
    pub document: iot_thing_json_t,
    /// With `IOT_THING_ERR_TOO_LARGE`: bytes of topic, properties and payload, which are more than
    /// the broker takes or `tx_size` holds; else 0.
    pub needed: u32,
}

/// Receives the result of one operation, exactly once. Called inside `iot_thing_poll` or
/// `iot_thing_deinit`; inside poll it may call what an event callback may call.
pub type iot_thing_done_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        thing: *mut iot_thing_t,
        result: *const iot_thing_result_t,
    ),
>;

// ---- MQTT ---------------------------------------------------------------------------------------

/// A user property of a message to be sent: both NUL-terminated UTF-8.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_mqtt_property_t {
    /// Its name. A name may come more than once.
    pub name: *const c_char,
    /// Its value.
    pub value: *const c_char,
}

/// A message to be sent. Start from `IOT_THING_MQTT_PUBLISH_INIT`; 0 and NULL stand for "none".
/// Everything is copied.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_mqtt_publish_t {
    /// `sizeof(iot_thing_mqtt_publish_t)`: `IOT_THING_MQTT_PUBLISH_INIT` sets it.
    pub struct_size: u32,
    /// 0 or 1; AWS IoT has no QoS 2.
    pub qos: i32,
    /// Required. NUL-terminated UTF-8, 1..256 bytes, at most 7 slashes (AWS IoT limits), no `+` and
    /// `#`.
    pub topic: *const c_char,
    /// At most 131072 bytes (AWS IoT limit).
    pub payload: iot_thing_bytes_t,
    /// 1: the broker keeps it for later subscribers of exactly this topic, in place of what it kept
    /// before; with an empty payload it keeps nothing any more.
    pub retain: i32,
    /// 1: the payload is UTF-8 text (MQTT 5, 3.3.2.3.2).
    pub payload_is_text: i32,
    /// Seconds for which the message is of use, 1..604800 (AWS IoT limit); 0: no end. One that
    /// waits longer in the outbox ends with `IOT_THING_ERR_TIMED_OUT` and is not sent.
    pub message_expiry_s: u32,
    /// Milliseconds from this call for the broker to acknowledge it; 0: no end. After that it ends
    /// with `IOT_THING_ERR_TIMED_OUT`, and is not sent if it was not.
    pub timeout_ms: u32,
    /// What the payload is, for example a MIME type: NUL-terminated UTF-8, up to 256 bytes.
    pub content_type: *const c_char,
    /// Where an answer is to be sent: like `topic`. It, `content_type`, `correlation` and the user
    /// properties have `IOT_THING_MAX_PROPERTIES` bytes together.
    pub response_topic: *const c_char,
    /// What an answer has to repeat.
    pub correlation: iot_thing_bytes_t,
    /// User properties, `user_property_count` of them.
    pub user_properties: *const iot_thing_mqtt_property_t,
    /// 0..`IOT_THING_MAX_USER_PROPERTIES`.
    pub user_property_count: usize,
}

/// A message that arrived. Everything is borrowed for the time of the callback; texts are not
/// NUL-terminated.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_mqtt_message_t {
    /// `sizeof(iot_thing_mqtt_message_t)`.
    pub struct_size: u32,
    /// 0 or 1: how it was delivered. AWS IoT may deliver a message more than once at either.
    pub qos: i32,
    /// Its topic, UTF-8.
    pub topic: iot_thing_bytes_t,
    /// Its payload.
    pub payload: iot_thing_bytes_t,
    /// 1: the broker had kept it from before the subscription.
    pub retain: i32,
    /// 1: the sender says that the payload is UTF-8 text.
    pub payload_is_text: i32,
    /// Seconds for which it is still of use; 0: no end.
    pub message_expiry_s: u32,
    /// What the payload is; empty when not said.
    pub content_type: iot_thing_bytes_t,
    /// Where the sender wants an answer; empty when it wants none.
    pub response_topic: iot_thing_bytes_t,
    /// What an answer has to repeat.
    pub correlation: iot_thing_bytes_t,
    /// Of the library: for `iot_thing_mqtt_user_property`.
    pub reserved: *const c_void,
}

/// Receives messages. Called inside `iot_thing_poll`; may call what an event callback may call. The
/// broker gets its acknowledgement after the callback has returned.
pub type iot_thing_mqtt_message_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        thing: *mut iot_thing_t,
        message: *const iot_thing_mqtt_message_t,
    ),
>;

/// The cloud asks for another state. `requested` is the JSON object of the members that differ
/// from what was reported; `reported` writes the answer, as the members of an object that is
/// already open: what is written is published as reported state, nothing when nothing was
/// written. Both are valid during the call only. Called inside `iot_thing_poll`, may call what an
/// event callback may call. Return `IOT_THING_OK`, or a negative value to discard the answer.
pub type iot_thing_shadow_request_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        requested: *const iot_thing_json_t,
        reported: *mut iot_thing_json_writer_t,
    ) -> i32,
>;

/// Chooses the delay before an attempt to connect. `attempt` counts from 1, since the last connection
/// that was stable; `delay_ms` is what the backoff drew. Returns the milliseconds to wait.
/// Called inside `iot_thing_poll`, before the event that tells of the failure; may call what an
/// event callback may call.
pub type iot_thing_retry_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        thing: *mut iot_thing_t,
        attempt: u32,
        delay_ms: u32,
    ) -> u32,
>;

/// Signs with a P-256 key that the library never sees (secure element), with ECDSA.
///
/// `hash` is the SHA-256 of the message, 32 bytes. Write the signature to `signature`, which holds
/// `capacity` bytes (at least 72), and its length to `len`: as DER (`ECDSA-Sig-Value`, RFC 3279
/// 2.2.3, at most 72 bytes), or, with `sign_form` `IOT_THING_SIGN_RAW`, as r and then s, 32 bytes
/// each. Return
/// - 0 when that is done;
/// - `IOT_THING_SIGN_PENDING` when it is still being made: called again with the same hash by a
///   later `iot_thing_poll`, until `tls_timeout_ms` has passed;
/// - a negative value on failure: the connection attempt then fails with
///   `IOT_THING_ERR_TLS_SIGN`, and is made again after the usual delay.
///
/// After a timeout the next call may come with another hash: forget the one before. The first
/// signature is checked against the client certificate, and `IOT_THING_ERR_KEY_MISMATCH` ends the
/// attempt if another key made it. Called inside `iot_thing_poll` only; must not call the library.
pub type iot_thing_sign_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        hash: *const u8,
        signature: *mut u8,
        capacity: usize,
        len: *mut usize,
    ) -> i32,
>;

/// `aead_seal` and `aead_open`: AES-GCM with a key of 16 bytes.
pub const IOT_THING_AEAD_AES_128_GCM: u32 = 1;
/// The same with a key of 32 bytes; only in a library built with the feature `aes256`.
pub const IOT_THING_AEAD_AES_256_GCM: u32 = 2;
/// ChaCha20-Poly1305, with a key of 32 bytes; only in a library built with the feature `chacha20`.
pub const IOT_THING_AEAD_CHACHA20_POLY1305: u32 = 3;
/// Returned by a function of `iot_thing_crypto_t`: what was to be checked is wrong.
pub const IOT_THING_CRYPTO_WRONG: i32 = 1;

/// Cryptography of the firmware's own, for hardware that is faster, smaller or keeps secrets better:
/// each function given here is used by `iot_thing_transport_tls` instead of the library's software,
/// each one left NULL is not. Start from `IOT_THING_CRYPTO_INIT`.
///
/// All functions are called inside `iot_thing_poll` only. None may call the library, keep a pointer,
/// or block longer than the software would take. Buffers do not overlap. Return 0; a negative value
/// when the operation could not be done, which ends the connection with `IOT_THING_ERR_CRYPTO`
/// (from `p256_verify`: with `IOT_THING_ERR_CERT_SIGNATURE`); and where it says so
/// `IOT_THING_CRYPTO_WRONG`. A function that says 0 where it should not have makes the connection
/// insecure: the library cannot check it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_crypto_t {
    /// `sizeof(iot_thing_crypto_t)`: `IOT_THING_CRYPTO_INIT` sets it.
    pub struct_size: u32,
    /// Passed to every function.
    pub user: *mut c_void,
    /// Makes an ephemeral key pair on P-256. `secret`: 32 bytes that are given to `p256_ecdh`, and to
    /// nobody else: the key, big-endian (it must be, if `p256_ecdh` is NULL), or a name of it.
    /// `public_key`: 65 bytes, 0x04, x, y.
    pub p256_keygen: Option<
        unsafe extern "C" fn(user: *mut c_void, secret: *mut u8, public_key: *mut u8) -> i32,
    >,
    /// Writes the x coordinate (32 bytes) of `secret` times the point `peer` (65 bytes) to `shared`.
    /// WRONG if `peer` is not a point of the curve, which must be checked.
    pub p256_ecdh: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            secret: *const u8,
            peer: *const u8,
            shared: *mut u8,
        ) -> i32,
    >,
    /// Verifies an ECDSA signature (r and then s, 64 bytes) of `hash` (32 bytes) by `public_key` (65
    /// bytes): the server's, and those on its certificates. WRONG if it is not one, or the key is not
    /// a point of the curve, or r or s is not from 1 to the order less 1, which must be checked.
    pub p256_verify: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            public_key: *const u8,
            hash: *const u8,
            signature: *const u8,
        ) -> i32,
    >,
    /// Encrypts `len` bytes in place, and writes the tag, 16 bytes, which also covers `additional`.
    /// `algorithm` is an `IOT_THING_AEAD_...` (AES-GCM: NIST SP 800-38D; ChaCha20-Poly1305: RFC
    /// 8439); the nonce has 12 bytes. Neither key nor nonce may be used for another call.
    pub aead_seal: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            algorithm: u32,
            key: *const u8,
            nonce: *const u8,
            additional: *const u8,
            additional_len: usize,
            in_out: *mut u8,
            len: usize,
            tag: *mut u8,
        ) -> i32,
    >,
    /// Decrypts in place. WRONG if the tag is not right, which must be found without telling by time
    /// how much of it is.
    pub aead_open: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            algorithm: u32,
            key: *const u8,
            nonce: *const u8,
            additional: *const u8,
            additional_len: usize,
            in_out: *mut u8,
            len: usize,
            tag: *const u8,
        ) -> i32,
    >,
}

// ---- configuration --------------------------------------------------------------------------------

/// Everything about one Thing. Start from `IOT_THING_CONFIG_INIT`, then set what differs: 0 and
/// NULL stand for the default everywhere. The struct itself may go away after `iot_thing_init`;
/// what its pointers lead to must stay valid and unchanged until `iot_thing_deinit` (but see
/// `private_key`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_config_t {
    /// `sizeof(iot_thing_config_t)`: `IOT_THING_CONFIG_INIT` sets it. A smaller value (an
    /// application built against an older header) is accepted: the missing fields are defaults.
    pub struct_size: u32,
    /// Set by `IOT_THING_CONFIG_INIT`: `&iot_thing_transport_tls`.
    pub transport: *const iot_thing_transport_t,
    /// Required. Host name of the account's AWS IoT data endpoint, NUL-terminated, 1..253 bytes.
    /// The server's certificate must be for this name. No IP address.
    pub endpoint: *const c_char,
    /// Required. MQTT client id, NUL-terminated UTF-8, 1..128 bytes, not starting with `$`.
    pub mqtt_id: *const c_char,
    /// Name of the thing, NUL-terminated, 1..128 of `[a-zA-Z0-9:_-]`; NULL: `mqtt_id`, which must
    /// then be such a name.
    pub thing_name: *const c_char,
    /// Required with TLS. X.509 certificate of the device, PEM or DER; CA certificates to be sent
    /// with it may follow. Must be valid when `iot_thing_init` is called, if the time is known then.
    pub client_cert: iot_thing_bytes_t,
    /// The certificate's private key, PEM or DER, not encrypted: P-256 as SEC1 or PKCS#8, or RSA with
    /// 2048 to 4096 bits as PKCS#1 or PKCS#8. Copied by `iot_thing_init`, so this buffer may be wiped
    /// after it; the copy is wiped by `iot_thing_deinit`. An RSA key needs as much more memory as its
    /// DER is long. Not given when `sign` is.
    pub private_key: iot_thing_bytes_t,
    /// Certificates that the server's must lead to: 1..16, PEM or DER one after the other. Not given:
    /// Amazon Root CA 1 and Amazon Root CA 3 (built without RSA: only the second).
    pub ca_certs: iot_thing_bytes_t,
    /// Signs instead of `private_key`; the certificate must be for a P-256 key.
    pub sign: iot_thing_sign_fn,
    /// Passed to `sign`.
    pub sign_user: *mut c_void,
    /// Required. The sockets.
    pub sockets: *const iot_thing_sockets_t,
    /// Required. The board.
    pub port: *const iot_thing_port_t,
    /// Receives events; may also be set later with `iot_thing_on_event`.
    pub on_event: iot_thing_event_fn,
    /// Passed to `on_event`.
    pub on_event_user: *mut c_void,
    /// For programs that cannot be called back: `IOT_THING_PULL_EVENTS` keeps events for
    /// `iot_thing_next_event` instead of passing them to `on_event`, `IOT_THING_PULL_ALL` also the
    /// cloud's requests (no `iot_thing_on_shadow_request` needed). Needs about 1 KB more memory.
    /// While 8 events wait, or one that borrows data, `iot_thing_poll` does nothing but return 0,
    /// so that none is lost. Operations still open at `iot_thing_deinit` are not told.
    pub pull_events: u32,
    /// TCP port, 0: 8883. With 443 the ALPN protocol `x-amzn-mqtt-ca` is sent, as AWS IoT needs, if
    /// `alpn` names no other.
    pub tcp_port: u16,
    /// MQTT keep alive in seconds, 30..1200; 0: 60.
    pub keep_alive_s: u16,
    /// How long the broker keeps subscriptions and messages after a connection was lost, in
    /// seconds; 0: 3600; `IOT_THING_SESSION_NONE`: not at all.
    pub session_expiry_s: u32,
    /// Largest MQTT packet that can be received, 512..131072 bytes; 0: 4096. It must hold the largest
    /// shadow document with its metadata. The broker is told (Maximum Packet Size), and should drop
    /// larger messages; one that comes all the same is `IOT_THING_EVENT_MESSAGE_TOO_LARGE`.
    pub rx_size: u32,
    /// Bytes for messages in the outbox, where they stay until they are over, and as many again in
    /// which packets that leave together are put together, 256..131072; 0: 2048.
    pub tx_size: u32,
    /// Largest answer that an `on_shadow_request` or `on_delta` callback can write, largest report of
    /// a table of properties, and largest change by `iot_thing_shadow_modify`, 64..8192 bytes; 0: 512.
    pub reply_size: u32,
    /// Messages in the outbox or waiting for their answer, 2..256; 0: 16.
    pub queue_len: u32,
    /// Largest TLS record that can be received, 512..16640 bytes; 0: 16640. A larger one ends the
    /// connection with `IOT_THING_ERR_TLS_RECORD_TOO_LARGE`, which tells the size.
    pub tls_rx_size: u32,
    /// Largest TLS record sent, 512..16384 bytes; 0: 2048. An RSA key of 4096 bits needs 537, as its
    /// signature must fit.
    pub tls_tx_size: u32,
    /// Milliseconds for name resolution and TCP connection; 0: 20 s.
    pub connect_timeout_ms: u32,
    /// Milliseconds for the TLS handshake; 0: 30 s.
    pub tls_timeout_ms: u32,
    /// Milliseconds for the broker to answer CONNECT; 0: 10 s.
    pub mqtt_timeout_ms: u32,
    /// Milliseconds for which the network may refuse to take bytes; 0: 20 s.
    pub stall_timeout_ms: u32,
    /// Milliseconds from the broker's acknowledgement of a shadow request to the service's answer;
    /// 0: 10 s.
    pub shadow_timeout_ms: u32,
    /// Reconnect: the first delay is random between 0 and this many milliseconds; 0: 1 s.
    pub backoff_base_ms: u32,
    /// Reconnect: the bound doubles with each failure up to this; 0: 128 s.
    pub backoff_cap_ms: u32,
    /// Reconnect: a connection that lasted this long sets the bound back; 0: 20 s.
    pub backoff_stable_ms: u32,
    /// Milliseconds for the broker to acknowledge a message or a subscription; 0: 30 s. When they
    /// have passed, the connection is made anew, and the message is sent again.
    pub ack_timeout_ms: u32,
    /// Filters that can be subscribed to, 1..50 (AWS IoT limit); 0: 4. The library's own come on
    /// top.
    pub subscriptions: u32,
    /// Bytes for these filters together, 64..16384; 0: 256.
    pub filter_size: u32,
    /// What happens when the outbox is full: `IOT_THING_QUEUE_REFUSE_NEW` or
    /// `IOT_THING_QUEUE_DROP_OLDEST`.
    pub queue_policy: i32,
    /// Milliseconds between two messages that waited for the connection; 0: none. Keeps a device
    /// that comes back after an outage below the broker's limit of messages per second (AWS IoT:
    /// 100).
    pub drain_interval_ms: u32,
    /// How `sign` writes signatures: `IOT_THING_SIGN_DER` (0) or `IOT_THING_SIGN_RAW`.
    pub sign_form: u32,
    /// For devices whose clock may be unknown or wrong: a time that has certainly passed, in seconds
    /// since 1970-01-01 UTC, such as that of the firmware's build, or one stored before the last
    /// reset; 0: none. If `unix_time` returns 0 or less than this, a server is accepted whose
    /// certificates were all valid at one moment from this time on: those that expired before are
    /// refused, those that are not valid yet are not. Only who holds the key of a certificate that
    /// has expired since can make use of that. Set the clock as soon as the device knows the time.
    pub earliest_unix_time: u64,
    /// One of `IOT_THING_CLEAN_START_...`.
    pub clean_start: i32,
    /// Milliseconds for the broker to answer a ping; 0: 10 s.
    pub ping_timeout_ms: u32,
    /// Optional. Chooses the delay before each further attempt to connect.
    pub on_retry: iot_thing_retry_fn,
    /// Passed to `on_retry`.
    pub on_retry_user: *mut c_void,
    /// ALPN protocol, NUL-terminated, at most 32 bytes; NULL: `x-amzn-mqtt-ca` on port 443, none on
    /// others. A custom authorizer on port 443 wants `mqtt`.
    pub alpn: *const c_char,
    /// Cryptography of the firmware's own; NULL: the library's. Copied by `iot_thing_init`.
    pub crypto: *const iot_thing_crypto_t,
    /// Optional, for TLS session resumption: memory of yours in which the library keeps the newest
    /// session ticket of the server. The next connection then goes on from it without certificates,
    /// if the server still knows it; if not, it makes a full handshake as ever. NULL: always a full
    /// one.
    ///
    /// Fill it with zeros at first. It is for one Thing and nothing else; overlapping the Thing's
    /// memory or what is configured here is `IOT_THING_ERR_ARGUMENT`. Written to within `iot_thing_poll` only and left as it is by
    /// `iot_thing_deinit`, so that it can lie in memory that survives deep sleep, or be copied to
    /// such a place between polls and back before `iot_thing_init`. It is a secret like a private
    /// key, and must not be written to by others either: who can put a ticket there can pass for the
    /// server. A ticket counts for the same `endpoint`, ALPN and certificates only, for as long as the
    /// server said, but not over 7 days, while `unix_time` is known; it is used once. The server has to
    /// show its certificate again 7 days after it did at the latest. RFC 8446, 2.2.
    /// Whether AWS IoT gives tickets that it accepts is not documented.
    pub tls_ticket: *mut u8,
    /// Its size in bytes; too small for a ticket: no resumption. Tickets of OpenSSL take 1,500 bytes
    /// and must also fit `tls_tx_size` together with 400 bytes more.
    pub tls_ticket_size: u32,
}

/// What `iot_thing_verify_server_chain` shall verify. Start from `IOT_THING_VERIFICATION_INIT`.
/// Nothing in it is kept after the call.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_verification_t {
    /// `sizeof(iot_thing_verification_t)`: `IOT_THING_VERIFICATION_INIT` sets it.
    pub struct_size: u32,
    /// Required. The server's certificates, its own first, PEM or DER one after the other. At most 6
    /// are used.
    pub chain: iot_thing_bytes_t,
    /// Certificates that it must lead to, at most 16, PEM or DER one after the other. Not given:
    /// Amazon Root CA 1 and Amazon Root CA 3 (built without RSA: only the second).
    pub ca_certs: iot_thing_bytes_t,
    /// Required. The host name, or IP address, that its certificate must be for, NUL-terminated.
    pub host: *const c_char,
    /// The time, in seconds since 1970-01-01 UTC; 0: unknown.
    pub unix_time: u64,
    /// As in `iot_thing_config_t`.
    pub earliest_unix_time: u64,
    /// Memory to decode PEM into; may be NULL when all is DER.
    pub memory: *mut u8,
    /// Its size: three quarters of the length of the PEM texts is always enough.
    pub memory_size: usize,
}

// ---- information ----------------------------------------------------------------------------------

/// What is known about the current connection, see `iot_thing_get_connection`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_connection_t {
    /// `sizeof(iot_thing_connection_t)`, set by the caller: `IOT_THING_CONNECTION_INIT`.
    pub struct_size: u32,
    /// One of `iot_thing_state`.
    pub state: i32,
    /// 0x0304 for TLS 1.3; 0 when there is no TLS of the library's own.
    pub tls_version: u16,
    /// IANA number of the cipher suite, 0x1301 for TLS_AES_128_GCM_SHA256; 0 without TLS.
    pub tls_cipher_suite: u16,
    /// 1 when the server's certificate was verified for `endpoint`: always so when
    /// `tls_version` is not 0.
    pub server_authenticated: u32,
    /// 1 when the broker resumed the earlier session.
    pub session_resumed: u32,
    /// What the broker granted, 0 while not connected: the keep alive in seconds;
    pub keep_alive_s: u32,
    /// for how many seconds it keeps the session;
    pub session_expiry_s: u32,
    /// messages at QoS 1 that may be in flight to it;
    pub receive_maximum: u32,
    /// bytes of the largest packet that it takes, 0: no limit.
    pub maximum_packet_size: u32,
    /// 1 when TLS went on from an earlier connection, see `tls_ticket`.
    pub tls_resumed: u32,
}

/// Counters since `iot_thing_init`, and high-water marks of every buffer, in bytes.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct iot_thing_statistics_t {
    /// `sizeof(iot_thing_statistics_t)`, set by the caller: `IOT_THING_STATISTICS_INIT`.
    pub struct_size: u32,
    /// Connection attempts.
    pub attempts: u32,
    /// Connections that came online.
    pub connects: u32,
    /// Of these, with the session resumed.
    pub resumed: u32,
    /// Connections that ended without being asked to.
    pub disconnects: u32,
    /// MQTT messages published, and published again.
    pub messages_out: u32,
    /// MQTT messages received.
    pub messages_in: u32,
    /// Messages received on a topic nobody asked for.
    pub messages_unrouted: u32,
    /// Shadow requests passed to the application.
    pub shadow_requests: u32,
    /// Shadow requests left out because a newer one had been seen.
    pub shadow_stale: u32,
    /// The last error that ended an attempt or a connection.
    pub last_error: i32,
    /// Largest number of bytes in the outbox.
    pub outbox_bytes_max: u32,
    /// Largest number of messages in the outbox.
    pub outbox_messages_max: u32,
    /// Largest MQTT payload received.
    pub payload_in_max: u32,
    /// Largest answer written by an `on_shadow_request` or `on_delta` callback.
    pub reply_max: u32,
    /// Bytes sent on the sockets.
    pub bytes_out: u64,
    /// Bytes received on them.
    pub bytes_in: u64,
    /// Messages that were larger than `rx_size` and passed over.
    pub messages_too_large: u32,
    /// Messages and requests that ended because their time was over.
    pub messages_expired: u32,
    /// Messages that made room for newer ones.
    pub messages_dropped: u32,
    /// Bytes in the outbox now.
    pub outbox_bytes: u32,
    /// Messages in the outbox now.
    pub outbox_messages: u32,
    /// Filters subscribed to now, the library's own included.
    pub subscriptions: u32,
    /// Milliseconds from the last ping to its answer; 0: none yet.
    pub round_trip_ms: u32,
    /// The longest of these.
    pub round_trip_max_ms: u32,
    /// Attempts that failed and connections that were lost: name resolution,
    pub failures_resolve: u32,
    /// TCP (not connected, reset, closed, stalled),
    pub failures_tcp: u32,
    /// TLS and certificates,
    pub failures_tls: u32,
    /// refused by the broker with CONNACK,
    pub failures_refused: u32,
    /// ended by the broker with DISCONNECT,
    pub failures_disconnect: u32,
    /// closed without a word before CONNACK, or right after SUBSCRIBE or PUBLISH,
    pub failures_closed: u32,
    /// PINGRESP missing,
    pub failures_keep_alive: u32,
    /// CONNACK or another acknowledgement missing,
    pub failures_timeout: u32,
    /// and everything else.
    pub failures_other: u32,
    /// Milliseconds since `iot_thing_init`.
    pub uptime_ms: u64,
    /// Milliseconds online of these.
    pub online_ms: u64,
}
