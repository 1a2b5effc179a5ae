//! The functions of the C header: check what C gave, call the safe code, turn errors into codes.

use core::ffi::{c_char, c_void};

use super::guard::{self, Versioned, check};
use super::thing::{self, iot_thing_t};
use super::types::*;
use super::{app, config, verify};
use crate::Error;
use crate::mqtt::topic::check_publish;
use crate::mqtt::{Properties, SubscribeOptions, Will, properties};
use crate::thing::control::{Login, Publish};

// SAFETY: integers and pointers.
unsafe impl Versioned for iot_thing_mqtt_publish_t {}

/// Version of the linked library: major * 65536 + minor * 256 + patch. Compare it with
/// `IOT_THING_VERSION_NUMBER`, the version of the header.
///
/// Callable from anywhere.
#[unsafe(no_mangle)]
pub extern "C" fn iot_thing_version() -> u32 {
    (IOT_THING_VERSION_MAJOR << 16) | (IOT_THING_VERSION_MINOR << 8) | IOT_THING_VERSION_PATCH
}

/// Name of an error, for example "IOT_THING_ERR_BUSY"; "IOT_THING_OK" for 0;
/// "IOT_THING_ERR_UNKNOWN" for anything else. Never NULL; a constant string.
///
/// Callable from anywhere.
#[unsafe(no_mangle)]
pub extern "C" fn iot_thing_err_name(error: i32) -> *const c_char {
    guard::error_from_code(error)
        .map_or_else(
            || {
                if error == IOT_THING_OK {
                    c"IOT_THING_OK"
                } else {
                    c"IOT_THING_ERR_UNKNOWN"
                }
            },
            Error::c_name,
        )
        .as_ptr()
}

/// What an error means and what to do about it, in one English sentence. Never NULL; a constant
/// string.
///
/// Callable from anywhere.
#[unsafe(no_mangle)]
pub extern "C" fn iot_thing_err_text(error: i32) -> *const c_char {
    guard::error_from_code(error)
        .map_or_else(
            || {
                if error == IOT_THING_OK {
                    c"success"
                } else {
                    c"not an error of this library"
                }
            },
            Error::c_text,
        )
        .as_ptr()
}

/// Tells how many bytes of memory `iot_thing_init` needs for this configuration: at most what
/// `IOT_THING_MEMORY_SIZE` says when the program is compiled, if the configuration is as that macro
/// demands.
///
/// Checks the configuration as `iot_thing_init` does and returns the same errors, but does not
/// look into certificates and key.
/// Callable from any thread; not from an interrupt (it decodes certificates).
///
/// @param config  The configuration, not NULL.
/// @param needed  [out] Bytes, for memory aligned to `IOT_THING_MEMORY_ALIGN`. Not NULL.
///
/// @return IOT_THING_OK or the error of the first field that is wrong: see `iot_thing_init`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_memory_needed(
    config: *const iot_thing_config_t,
    needed: *mut usize,
) -> i32 {
    check(|| {
        let config = config::read(config)?;
        let plan = thing::plan(&config)?;
        guard::write_out(needed, plan.size)
    })
}

/// Makes a Thing in `memory`. Does not connect.
///
/// The configuration is checked completely: what can be wrong with it is found here and not in
/// the field. The memory belongs to the Thing until `iot_thing_deinit`; it need not be zeroed.
/// Several Things, each with its own memory, may live side by side.
/// Callable from any thread, but the first call of a program must not run beside another one; not
/// from a callback or an interrupt.
///
/// @param thing   [out] The Thing. Written on success only. Not NULL.
/// @param memory  Memory of the Thing; unaligned memory loses the bytes up to the next multiple of
///                `IOT_THING_MEMORY_ALIGN`.
/// @param size    Its size in bytes: `IOT_THING_MEMORY_SIZE(...)` or `iot_thing_memory_needed`.
/// @param config  The configuration, not NULL; see `iot_thing_config_t` for what must outlive it.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL         `thing` or `config` is NULL.
/// @return IOT_THING_ERR_STRUCT_SIZE  A `struct_size` is 0 or from a newer header.
/// @return IOT_THING_ERR_TRANSPORT, _ENDPOINT, _MQTT_ID, _THING_NAME, _CLIENT_CERT, _PRIVATE_KEY,
///         _KEY_MISMATCH, _CA_CERTS, _SOCKETS, _PORT  That field is wrong: see the error's text.
/// @return IOT_THING_ERR_CLIENT_CERT_EXPIRED, _CLIENT_CERT_NOT_YET_VALID, _CLIENT_CERT_USAGE,
///         _KEY_WEAK, _KEY_UNSUPPORTED  The client certificate or its key is of no use.
/// @return IOT_THING_ERR_ARGUMENT     A number is outside its documented range, or `tls_ticket`
///                                    overlaps `memory`, the certificates or the key.
/// @return IOT_THING_ERR_TOO_LARGE    A signature of the RSA key does not fit a record of
///                                    `tls_tx_size`; with iot_thing_transport_embedded_tls, the
///                                    client certificate.
/// @return IOT_THING_ERR_RANDOM       The port's random source failed.
/// @return IOT_THING_ERR_STATE        `memory` already holds a Thing that was not deinitialised.
/// @return IOT_THING_ERR_MEMORY       `memory` is NULL or too small.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_init(
    thing: *mut *mut iot_thing_t,
    memory: *mut c_void,
    size: usize,
    config: *const iot_thing_config_t,
) -> i32 {
    check(|| {
        guard::not_null(thing)?;
        let config = config::read(config)?;
        let made = thing::init(memory, size, &config)?;
        guard::write_out(thing, made)
    })
}

/// Verifies the certificates of a server on their own, exactly as the TLS client does: a path of
/// valid signatures to one of the CA certificates, validity, usage, constraints (RFC 5280), and the
/// host name in the subject alternative names (RFC 6125: a wildcard stands for the left-most label;
/// the common name is not looked at). It says nothing of who holds the key.
///
/// Needs no Thing and no port; keeps nothing. Takes up to 10 KB of stack and up to a second on a
/// small processor. Callable from any thread and from callbacks, not from an interrupt.
///
/// @param verification  What to verify, not NULL.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_CERT_UNKNOWN_ISSUER, _CERT_EXPIRED, _CERT_NOT_YET_VALID, _CERT_HOST_NAME,
///         _CERT_USAGE, _CERT_SIGNATURE, _CERT_MALFORMED, _CERT_UNSUPPORTED  That check failed.
/// @return IOT_THING_ERR_CERT_TIME_UNKNOWN  `unix_time` and `earliest_unix_time` are 0.
/// @return IOT_THING_ERR_CA_CERTS     `ca_certs` is not a list of at most 16 certificates.
/// @return IOT_THING_ERR_ENDPOINT     `host` is not a host name or IP address of at most 253 bytes.
/// @return IOT_THING_ERR_MEMORY       `memory` is too small.
/// @return IOT_THING_ERR_ARGUMENT     `memory` overlaps with the certificates or `host`.
/// @return IOT_THING_ERR_NULL, IOT_THING_ERR_STRUCT_SIZE
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_verify_server_chain(
    verification: *const iot_thing_verification_t,
) -> i32 {
    check(|| verify::server_chain(verification))
}

/// Ends a Thing: closes its socket without ceremony, completes every operation that is still
/// open with `IOT_THING_ERR_CANCELLED` (their callbacks are called from here), wipes keys, and
/// gives the memory back. To end the connection politely, call `iot_thing_disconnect` first and
/// poll until the state is `IOT_THING_STATE_IDLE`.
///
/// Callable from the thread that polls, or when nobody polls; not from a callback or an interrupt.
/// No other thread or interrupt may be inside a function of this Thing, or call one afterwards.
///
/// @return IOT_THING_OK, or IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing), or
///         IOT_THING_ERR_BUSY (called from a callback, or another thread is inside poll).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_deinit(thing: *mut iot_thing_t) -> i32 {
    check(|| thing::deinit(thing))
}

/// Asks for a connection. Returns at once; `iot_thing_poll` makes the connection, keeps it, and
/// makes it again for ever when it fails, until `iot_thing_disconnect`. Progress is told by events.
/// Calling it again while it is in force changes nothing, but ends a wait for the next attempt
/// (unless it is called from the event that tells of the failure: the delay stands).
///
/// Callable from callbacks and other threads.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_connect(thing: *mut iot_thing_t) -> i32 {
    check(|| thing::with(thing, |t| t.connect(true, 0)))
}

/// Asks to end the connection: MQTT DISCONNECT, TLS close_notify, close. Returns at once;
/// `iot_thing_poll` does it, within 5 seconds if the network stands still. What waits in the outbox
/// stays there for the next connection. A connect that follows before the next poll takes it back.
///
/// Callable from callbacks and other threads.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_disconnect(thing: *mut iot_thing_t) -> i32 {
    check(|| thing::with(thing, |t| t.connect(false, 0)))
}

/// `iot_thing_disconnect` with a reason for the broker.
///
/// @param reason  `IOT_THING_DISCONNECT_NORMAL`, or `IOT_THING_DISCONNECT_WITH_WILL`: the broker
///                publishes the will (see `iot_thing_mqtt_set_will`).
///
/// Callable as `iot_thing_disconnect`.
///
/// @return As `iot_thing_disconnect`, or IOT_THING_ERR_ARGUMENT for another reason.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_disconnect_with(thing: *mut iot_thing_t, reason: i32) -> i32 {
    check(|| {
        let code = match reason {
            IOT_THING_DISCONNECT_NORMAL | IOT_THING_DISCONNECT_WITH_WILL => reason as u8,
            _ => return Err(Error::Argument),
        };
        thing::with(thing, |t| t.connect(false, code))
    })
}

/// Does the Thing's work: everything happens in here. Never blocks; does a bounded amount of work
/// and returns how long the caller may sleep. Calling it earlier is always allowed.
///
/// The longest polls are those of a TLS handshake: a step of it calculates on elliptic curves, tens
/// of millions of instructions. Set watchdogs accordingly.
///
/// One thread at a time. All callbacks are called from here.
///
/// @return 0..IOT_THING_FOREVER  Milliseconds until it must be called again, unless before that
///         the socket becomes ready (`iot_thing_io_wanted`) or a call queues something (the
///         port's `wake`). 0: there is more to do now. IOT_THING_FOREVER: no deadline at all.
/// @return IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing) or IOT_THING_ERR_BUSY (called
///         from a callback, or by a second thread while the first is inside).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_poll(thing: *mut iot_thing_t) -> i32 {
    thing::poll(thing).unwrap_or_else(Error::code)
}

/// Sleeps until the Thing has something to do or `timeout_ms` has passed, by the `wait` function
/// of its sockets. Made for the main loop `for (;;) iot_thing_wait(t, iot_thing_poll(t));`.
///
/// Blocks. Callable from the thread that polls; not from a callback or an interrupt. While it waits,
/// poll and deinit from other threads return IOT_THING_ERR_BUSY.
///
/// @param timeout_ms  What `iot_thing_poll` returned. A negative value (an error of poll) is
///                    returned unchanged.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing), IOT_THING_ERR_BUSY
///         (from a callback) or IOT_THING_ERR_SOCKETS (the sockets have no `wait`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_wait(thing: *mut iot_thing_t, timeout_ms: i32) -> i32 {
    if timeout_ms < 0 {
        return timeout_ms;
    }
    check(|| thing::wait(thing, timeout_ms))
}

/// Polls and waits until the Thing is in a state: for programs that want to connect, or disconnect,
/// in one call.
///
/// Blocks, by the `wait` function of the sockets. Callable as `iot_thing_wait`; callbacks are called
/// as in `iot_thing_poll`.
///
/// @param state       One of `iot_thing_state`.
/// @param timeout_ms  Milliseconds; 0: one poll.
///
/// @return IOT_THING_OK             It is in that state.
/// @return IOT_THING_ERR_TIMED_OUT  It is not. Everything goes on at the next poll.
/// @return As `iot_thing_poll` and `iot_thing_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_run_until_state(
    thing: *mut iot_thing_t,
    state: i32,
    timeout_ms: u32,
) -> i32 {
    check(|| thing::run(thing, timeout_ms, |t| t.control().state() as i32 == state))
}

/// Polls and waits until a flag is set, by a callback or another thread: the way to wait for one
/// operation. With NULL it runs for the whole time.
///
/// Blocks, by the `wait` function of the sockets. Callable as `iot_thing_wait`; callbacks are called
/// as in `iot_thing_poll`.
///
/// @param flag        Looked at after each poll; over when it is not 0. May be NULL.
/// @param timeout_ms  Milliseconds; 0: one poll.
///
/// @return IOT_THING_OK             The flag is set.
/// @return IOT_THING_ERR_TIMED_OUT  It is not, or `flag` is NULL and the time is over.
/// @return As `iot_thing_poll` and `iot_thing_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_run(
    thing: *mut iot_thing_t,
    flag: *const i32,
    timeout_ms: u32,
) -> i32 {
    check(|| thing::run(thing, timeout_ms, |_| guard::is_set(flag)))
}

/// Tells which socket the Thing waits for, and for what, for programs with a `select()` loop of
/// their own.
///
/// Callable from the thread that polls, not from an interrupt.
///
/// @param socket    [out] The handle from the sockets' `open`, or -1 without a connection.
/// @param interest  [out] `IOT_THING_IO_READ` | `IOT_THING_IO_WRITE`, or 0.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_io_wanted(
    thing: *mut iot_thing_t,
    socket: *mut isize,
    interest: *mut u32,
) -> i32 {
    check(|| {
        guard::not_null(socket)?;
        guard::not_null(interest)?;
        let (handle, wanted) = thing::with(thing, |t| Ok(t.io_wanted()))?;
        guard::write_out(socket, handle)?;
        guard::write_out(interest, wanted)
    })
}

/// Where the connection stands.
///
/// Callable from callbacks, other threads and interrupts.
///
/// @return One of `iot_thing_state` (0 or positive), IOT_THING_ERR_NULL or IOT_THING_ERR_STATE
///         (not a Thing).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_get_state(thing: *mut iot_thing_t) -> i32 {
    thing::with(thing, |t| Ok(t.control().state() as i32)).unwrap_or_else(Error::code)
}

/// Tells how the current connection is protected and whether its session was resumed.
///
/// Callable from callbacks and other threads.
///
/// @param connection  [in, out] `struct_size` must be set: `IOT_THING_CONNECTION_INIT`.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing) or
///         IOT_THING_ERR_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_get_connection(
    thing: *mut iot_thing_t,
    connection: *mut iot_thing_connection_t,
) -> i32 {
    check(|| {
        let size = guard::struct_size(connection.cast())?;
        let info = thing::with(thing, |t| Ok(t.connection(size)))?;
        guard::write_versioned(connection, info, size)
    })
}

/// Counters and high-water marks since `iot_thing_init`.
///
/// Callable from callbacks and other threads.
///
/// @param statistics  [in, out] `struct_size` must be set: `IOT_THING_STATISTICS_INIT`.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing) or
///         IOT_THING_ERR_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_get_statistics(
    thing: *mut iot_thing_t,
    statistics: *mut iot_thing_statistics_t,
) -> i32 {
    check(|| {
        let size = guard::struct_size(statistics.cast())?;
        let values = thing::with(thing, |t| Ok(t.statistics(size)))?;
        guard::write_versioned(statistics, values, size)
    })
}

/// Bytes of the outbox (topic and payload together; of a shadow request client token and state, or
/// the whole document when that is over AWS IoT's limit or `tx_size`) that the last call refused
/// with `IOT_THING_ERR_TOO_LARGE` or `IOT_THING_ERR_QUEUE_FULL` would have needed.
///
/// Callable from callbacks and other threads. 0 when `thing` is NULL or not a Thing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_last_needed(thing: *mut iot_thing_t) -> usize {
    thing::with(thing, |t| Ok(t.control().last_needed())).unwrap_or(0)
}

/// Sets the event callback; NULL removes it. Events that have no callback are not kept, unless
/// the configuration says `pull_events`.
///
/// Callable from callbacks and from the thread that polls.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_on_event(
    thing: *mut iot_thing_t,
    on_event: iot_thing_event_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        thing::with(thing, |t| {
            t.app().set_on_event(on_event, user);
            Ok(())
        })
    })
}

/// Takes the oldest event, in programs that set `pull_events`.
///
/// Callable from the thread that polls, between polls.
///
/// @param event  [in, out] `struct_size` must be set: `IOT_THING_EVENT_INIT`. Its `type` is `IOT_THING_EVENT_NONE` when there is none.
///               What it borrows is valid until the next `iot_thing_poll`.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STRUCT_SIZE, or IOT_THING_ERR_STATE
///         (not a Thing, or not made with `pull_events`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_next_event(
    thing: *mut iot_thing_t,
    event: *mut iot_thing_event_t,
) -> i32 {
    check(|| {
        let size = guard::struct_size(event.cast())?;
        guard::known::<iot_thing_event_t>(size)?;
        let next = thing::with(thing, |t| t.app().next_event())?;
        let next = iot_thing_event_t {
            struct_size: size,
            ..next
        };
        guard::write_versioned(event, next, size)
    })
}

/// Reports state: publishes `{"state":{"reported":<json>}}` to the thing's classic shadow.
///
/// The text is checked and copied before return, and sent when there is a connection. Messages
/// are sent in the order in which they were queued. With a callback, exactly one result follows:
/// accepted, rejected by the service, timed out (`shadow_timeout_ms` after the broker acknowledged
/// it), or cancelled. While there is no connection it waits; a connection that breaks before the
/// broker has acknowledged it does not lose it.
///
/// Callable from callbacks, other threads and interrupts (the last two need the port's critical
/// section; from an interrupt keep the text short, as the check is part of the call).
///
/// @param thing  The Thing, not NULL.
/// @param json   One JSON object, NUL-terminated UTF-8: the members to report; `null` as a value
///               deletes a member. At most 8192 bytes with the envelope (AWS IoT limit).
/// @param done   Receives the result; may be NULL.
/// @param user   Passed to `done`.
///
/// @return IOT_THING_OK             Queued.
/// @return IOT_THING_ERR_NULL       `thing` or `json` is NULL.
/// @return IOT_THING_ERR_STATE      Not a Thing.
/// @return IOT_THING_ERR_JSON_SYNTAX, _JSON_UTF8, _JSON_DEPTH  `json` is not JSON.
/// @return IOT_THING_ERR_JSON_TYPE  `json` is not an object.
/// @return IOT_THING_ERR_TOO_LARGE  Larger than `tx_size` or the AWS IoT limit can ever take.
/// @return IOT_THING_ERR_QUEUE_FULL No room now: poll and try again.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_update_shadow(
    thing: *mut iot_thing_t,
    json: *const c_char,
    done: iot_thing_done_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        let text = guard::c_str(json, IOT_THING_MAX_PAYLOAD)?;
        thing::with(thing, |t| t.update_shadow(text, done, user))
    })
}

/// `iot_thing_update_shadow` for text with a length, in bytes, instead of a terminating NUL. For all
/// else see there.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_update_shadow_n(
    thing: *mut iot_thing_t,
    json: *const u8,
    json_len: usize,
    done: iot_thing_done_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        let text = guard::bytes(json, json_len)?;
        thing::with(thing, |t| t.update_shadow(text, done, user))
    })
}

/// Sets the callback for the cloud's requests to change state (the shadow's delta); NULL removes
/// it. From then on the Thing listens to `$aws/things/<thing>/shadow/update/delta`, and whenever
/// the broker did not keep the session it fetches the shadow, so that what was requested while
/// the device was away arrives like a live request. A subscription that the broker refuses is told
/// by `IOT_THING_EVENT_SHADOW_REFUSED`.
///
/// Callable from callbacks and from the thread that polls.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_on_shadow_request(
    thing: *mut iot_thing_t,
    on_request: iot_thing_shadow_request_fn,
    user: *mut c_void,
) -> i32 {
    check(|| thing::with(thing, |t| t.on_shadow_request(on_request, user)))
}

/// Publishes a message: `iot_thing_mqtt_publish` for one without properties.
///
/// @param thing        The Thing, not NULL.
/// @param topic        See `iot_thing_mqtt_publish_t`.
/// @param payload      May be NULL when `payload_len` is 0.
/// @param payload_len  At most 131072 bytes (AWS IoT limit).
/// @param qos          0 or 1.
/// @param done         Receives the result; may be NULL.
/// @param user         Passed to `done`.
///
/// @return As `iot_thing_mqtt_publish`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_publish(
    thing: *mut iot_thing_t,
    topic: *const c_char,
    payload: *const u8,
    payload_len: usize,
    qos: i32,
    done: iot_thing_done_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        let message = Publish {
            topic: topic_text(topic)?,
            payload: guard::bytes(payload, payload_len)?,
            qos1: qos1(qos)?,
            retain: false,
            properties: &[],
            timeout_ms: 0,
        };
        thing::with(thing, |t| t.publish(&message, done, user))
    })
}

/// Publishes a message.
///
/// Everything is copied before return; the message is sent when there is a connection, in the order
/// in which messages were queued. QoS 1 is sent again after a lost connection until the broker
/// acknowledges it; QoS 0 is done when it was handed to the network. With a callback, exactly one
/// result follows.
///
/// Callable from callbacks, other threads and interrupts (the last two need the port's critical
/// section).
///
/// @param thing    The Thing, not NULL.
/// @param message  The message, not NULL.
/// @param done     Receives the result; may be NULL.
/// @param user     Passed to `done`.
///
/// @return IOT_THING_OK               Queued.
/// @return IOT_THING_ERR_NULL         `thing`, `message` or its topic is NULL, or data with a length.
/// @return IOT_THING_ERR_STATE        Not a Thing.
/// @return IOT_THING_ERR_STRUCT_SIZE  `struct_size` is 0 or from a newer header.
/// @return IOT_THING_ERR_TOPIC        The topic, or the response topic, is none to publish to.
/// @return IOT_THING_ERR_ARGUMENT     `qos` is not 0 or 1, or another field is outside its range.
/// @return IOT_THING_ERR_TOO_LARGE    Larger than `tx_size` or the AWS IoT limit can ever take:
///         `iot_thing_last_needed` tells the size. Or properties of more than
///         `IOT_THING_MAX_PROPERTIES` bytes.
/// @return IOT_THING_ERR_QUEUE_FULL   No room now: poll and try again.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_mqtt_publish(
    thing: *mut iot_thing_t,
    message: *const iot_thing_mqtt_publish_t,
    done: iot_thing_done_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        let m = guard::read_versioned(message)?;
        let properties = encode_properties(&m)?;
        let expiry_ms = u64::from(m.message_expiry_s) * 1000;
        let message = Publish {
            topic: topic_text(m.topic)?,
            payload: guard::bytes(m.payload.data, m.payload.len)?,
            qos1: qos1(m.qos)?,
            retain: m.retain != 0,
            properties: &properties,
            timeout_ms: match (u64::from(m.timeout_ms), expiry_ms) {
                (0, only) | (only, 0) => only,
                (a, b) => a.min(b),
            },
        };
        thing::with(thing, |t| t.publish(&message, done, user))
    })
}

fn encode_properties(m: &iot_thing_mqtt_publish_t) -> Result<properties::Encoded, Error> {
    if m.user_property_count > IOT_THING_MAX_USER_PROPERTIES {
        return Err(Error::Argument);
    }
    let mut user = heapless::Vec::<_, IOT_THING_MAX_USER_PROPERTIES>::new();
    let given = guard::slice(m.user_properties, m.user_property_count)?;
    for property in given {
        let pair = (
            optional_text(property.name)?.ok_or(Error::Null)?,
            optional_text(property.value)?.ok_or(Error::Null)?,
        );
        user.push(pair).map_err(|_| Error::Argument)?;
    }
    properties::encode(&read_properties(m)?, user.iter().copied())
}

fn read_properties<'a>(m: &iot_thing_mqtt_publish_t) -> Result<Properties<'a>, Error> {
    Ok(Properties {
        payload_is_text: m.payload_is_text != 0,
        message_expiry_s: m.message_expiry_s,
        content_type: optional_text(m.content_type)?.unwrap_or_default(),
        response_topic: optional_text(m.response_topic)?.unwrap_or_default(),
        correlation: guard::bytes(m.correlation.data, m.correlation.len)?,
    })
}

/// A property's text; `None` for NULL.
fn optional_text<'a>(text: *const c_char) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    let bytes = guard::c_str(text, IOT_THING_MAX_PROPERTIES)?;
    core::str::from_utf8(bytes)
        .map(Some)
        .map_err(|_| Error::Argument)
}

fn topic_text<'a>(topic: *const c_char) -> Result<&'a [u8], Error> {
    guard::c_str(topic, IOT_THING_MAX_TOPIC).map_err(|error| match error {
        Error::TooLarge => Error::Topic,
        error => error,
    })
}

fn qos1(qos: i32) -> Result<bool, Error> {
    match qos {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Argument),
    }
}

/// Subscribes to a topic filter.
///
/// The filter is copied. The subscription stands until `iot_thing_mqtt_unsubscribe`: it is made when
/// there is a connection, and made again whenever the broker has lost the session. With a `done`
/// callback, exactly one result follows: granted, refused (by the policy, usually) or timed out; in
/// the last two cases the subscription is gone. A subscription that stood and is refused when it is
/// made again is told with `IOT_THING_EVENT_SUBSCRIPTION_LOST`.
///
/// Every subscription whose filter matches gets a message. A filter that is subscribed to already
/// is subscribed to anew, with the new callback (retained messages come again).
///
/// Callable from callbacks, other threads and interrupts (the last two need the port's critical
/// section).
///
/// @param thing       The Thing, not NULL.
/// @param filter      NUL-terminated UTF-8, 1..256 bytes, at most 7 slashes (AWS IoT limits, in
///                    which `$share/NAME/` does not count); `+` and `#` as MQTT 5 (4.7) allows.
/// @param qos         0 or 1: the highest QoS of delivery.
/// @param timeout_ms  Milliseconds from this call for the broker to grant it; 0: no end.
/// @param on_message  Receives the messages; NULL only with `pull_events`.
/// @param done        Receives the result; may be NULL.
/// @param user        Passed to both.
///
/// @return IOT_THING_OK              Noted.
/// @return IOT_THING_ERR_NULL        `thing`, `filter` or `on_message` is NULL.
/// @return IOT_THING_ERR_STATE       Not a Thing, or the end of an earlier call for this filter has not
///                                   been told yet: poll and try again.
/// @return IOT_THING_ERR_TOPIC       Not a filter.
/// @return IOT_THING_ERR_ARGUMENT    `qos` is not 0 or 1.
/// @return IOT_THING_ERR_QUEUE_FULL  `subscriptions` or `filter_size` is used up.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_mqtt_subscribe(
    thing: *mut iot_thing_t,
    filter: *const c_char,
    qos: i32,
    timeout_ms: u32,
    on_message: iot_thing_mqtt_message_fn,
    done: iot_thing_done_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        let filter = filter_text(filter)?;
        let options = SubscribeOptions { qos1: qos1(qos)? };
        thing::with(thing, |t| {
            t.subscribe(filter, options, timeout_ms, on_message, done, user)
        })
    })
}

/// Unsubscribes from a topic filter: its callback gets no more messages from now on.
///
/// With a `done` callback, exactly one result follows. If the broker has not answered after
/// `timeout_ms` the result is `IOT_THING_ERR_TIMED_OUT`; it is told again all the same.
///
/// Callable as `iot_thing_mqtt_subscribe`.
///
/// @param thing       The Thing, not NULL.
/// @param filter      As it was subscribed to.
/// @param timeout_ms  Milliseconds from this call for the broker to answer; 0: no end.
/// @param done        Receives the result; may be NULL.
/// @param user        Passed to `done`.
///
/// @return IOT_THING_OK             Noted.
/// @return IOT_THING_ERR_NULL       `thing` or `filter` is NULL.
/// @return IOT_THING_ERR_STATE      Not a Thing, or the end of an earlier call for this filter has not
///                                  been told yet: poll and try again.
/// @return IOT_THING_ERR_TOPIC      Not a filter.
/// @return IOT_THING_ERR_NOT_FOUND  Not subscribed to.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_mqtt_unsubscribe(
    thing: *mut iot_thing_t,
    filter: *const c_char,
    timeout_ms: u32,
    done: iot_thing_done_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        let filter = filter_text(filter)?;
        thing::with(thing, |t| t.unsubscribe(filter, timeout_ms, done, user))
    })
}

/// A filter of a shared subscription may be longer by its prefix.
fn filter_text<'a>(filter: *const c_char) -> Result<&'a [u8], Error> {
    const LONGEST: usize = "$share/".len() + 128 + "/".len() + IOT_THING_MAX_TOPIC;
    guard::c_str(filter, LONGEST).map_err(|error| match error {
        Error::TooLarge => Error::Topic,
        error => error,
    })
}

/// Sets the callback for messages that match no subscription (AWS IoT sends some, for example with
/// its SendDirectMessage API); NULL removes it. Without one they are acknowledged and counted.
///
/// Callable from callbacks and from the thread that polls.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not a Thing).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_mqtt_on_message(
    thing: *mut iot_thing_t,
    on_message: iot_thing_mqtt_message_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        thing::with(thing, |t| {
            t.app().set_on_message(on_message, user);
            Ok(())
        })
    })
}

/// A user property of a message that arrived. A message may have any number of them, and a name may
/// come more than once.
///
/// Callable from the callback that got the message.
///
/// @param message  The message, not NULL.
/// @param index    From 0 on, in the order of the message.
/// @param name     [out] Borrowed until the callback returns. Not NULL.
/// @param value    [out] Borrowed until the callback returns. Not NULL.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_NOT_FOUND (there are not so many).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_mqtt_user_property(
    message: *const iot_thing_mqtt_message_t,
    index: usize,
    name: *mut iot_thing_bytes_t,
    value: *mut iot_thing_bytes_t,
) -> i32 {
    check(|| {
        guard::not_null(name)?;
        guard::not_null(value)?;
        // SAFETY: the header demands a message that the callback was given.
        let (its_name, its_value) = unsafe { app::user_property(message, index) }?;
        guard::write_out(name, its_name)?;
        guard::write_out(value, its_value)
    })
}

/// Sets the last will: the message that the broker publishes when the connection is lost. Takes
/// effect with the next connection. NULL clears it.
///
/// Callable from callbacks and from the thread that polls.
///
/// @param will  Not copied, but for the structure itself: what it points to must stay unchanged until
///              it is replaced or cleared, or until `iot_thing_deinit`. `timeout_ms` must be 0 and
///              there are no user properties.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL, _STATE, _STRUCT_SIZE, _TOPIC, _ARGUMENT  As `iot_thing_mqtt_publish`.
/// @return IOT_THING_ERR_TOO_LARGE  The payload has more than 65535 bytes (MQTT limit).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_mqtt_set_will(
    thing: *mut iot_thing_t,
    will: *const iot_thing_mqtt_publish_t,
) -> i32 {
    check(|| {
        let will = match will.is_null() {
            true => None,
            false => Some(read_will(&guard::read_versioned(will)?)?),
        };
        thing::with(thing, |t| {
            t.set_will(will);
            Ok(())
        })
    })
}

fn read_will(m: &iot_thing_mqtt_publish_t) -> Result<Will<'static>, Error> {
    if m.timeout_ms != 0 || m.user_property_count != 0 {
        return Err(Error::Argument);
    }
    let payload = guard::bytes(m.payload.data, m.payload.len)?;
    if payload.len() > usize::from(u16::MAX) {
        return Err(Error::TooLarge);
    }
    let properties = read_properties(m)?;
    // Checks them.
    properties::encode(&properties, [].into_iter())?;
    Ok(Will {
        topic: check_publish(topic_text(m.topic)?)?,
        payload,
        qos1: qos1(m.qos)?,
        retain: m.retain != 0,
        properties,
    })
}

/// Sets user name and password, for custom authorizers and other brokers (AWS IoT ignores them when
/// the device has a certificate). Takes effect with the next connection: a token that expires can be
/// replaced in the event that tells of a refusal. NULL clears either.
///
/// Callable from callbacks and from the thread that polls.
///
/// @param user_name  NUL-terminated UTF-8, up to 65535 bytes, or NULL. Not copied: must stay
///                   unchanged until it is replaced or cleared, or until `iot_thing_deinit`.
/// @param password   Up to 65535 bytes, or `{ NULL, 0 }`. Not copied either.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not a Thing), or
///         IOT_THING_ERR_ARGUMENT (not UTF-8, or too long).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_mqtt_set_login(
    thing: *mut iot_thing_t,
    user_name: *const c_char,
    password: iot_thing_bytes_t,
) -> i32 {
    const LONGEST: usize = u16::MAX as usize;
    check(|| {
        let user_name = match user_name.is_null() {
            true => None,
            false => {
                let bytes = guard::c_str(user_name, LONGEST).map_err(|_| Error::Argument)?;
                Some(core::str::from_utf8(bytes).map_err(|_| Error::Argument)?)
            }
        };
        let password = match password.data.is_null() {
            true => None,
            false => Some(guard::bytes(password.data, password.len)?),
        };
        if password.is_some_and(|p| p.len() > LONGEST) {
            return Err(Error::Argument);
        }
        let login = Login {
            user_name,
            password,
        };
        thing::with(thing, |t| {
            t.set_login(login);
            Ok(())
        })
    })
}

/// Tells the library that its clock stood still: adds `ms` milliseconds to the time since the last
/// poll. Call it after a deep sleep in which `now_ms` did not advance, before the next poll.
///
/// Callable from any thread, not from an interrupt. Affects every Thing of the program.
///
/// @return IOT_THING_OK, or IOT_THING_ERR_STATE when no Thing was ever initialised.
#[unsafe(no_mangle)]
pub extern "C" fn iot_thing_clock_skip(ms: u32) -> i32 {
    check(|| super::port::clock_skip(ms))
}
