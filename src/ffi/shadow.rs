//! Shadows and properties for C: handles and tables in the caller's memory.

use core::ffi::{c_char, c_void};

use super::app::{CShadow, Done};
use super::guard::{self, Versioned, check};
use super::json::{iot_thing_json_t, iot_thing_json_writer_t};
use super::property::{self as table, iot_thing_properties_t};
use super::thing::{self, iot_thing_t};
use super::types::*;
use crate::Error;
use crate::error::Retry;
use crate::json::{Kind, Value};
use crate::shadow::property;
use crate::shadow::{MAX_STATE, Operation, Purpose, Section, Token, is_token, topic};
use crate::thing::control::Ask;
use crate::thing::event::Outcome;
use crate::thing::shadows::{Node, ShadowId};
use crate::thing::{App, close_shadow};

/// Longest name of a shadow, in bytes (AWS IoT limit).
pub const IOT_THING_MAX_SHADOW_NAME: usize = 64;
const _: () = assert!(IOT_THING_MAX_SHADOW_NAME == topic::MAX_SHADOW_NAME);
/// Longest client token, in bytes (AWS IoT limit).
pub const IOT_THING_MAX_CLIENT_TOKEN: usize = 64;
const _: () = assert!(IOT_THING_MAX_CLIENT_TOKEN == crate::shadow::MAX_TOKEN);
/// Size of the array that takes a client token with its NUL.
pub const IOT_THING_CLIENT_TOKEN_SIZE: usize = 65;

/// `iot_thing_shadow_open`: the answers' subscriptions are made for each request and left after the
/// last one, instead of being kept. For a device that asks rarely and is short of AWS IoT's 50
/// subscriptions for each connection.
pub const IOT_THING_SHADOW_PER_REQUEST: u32 = 1;

/// `section`: the JSON is the reported state.
pub const IOT_THING_SHADOW_REPORTED: i32 = 0;
/// `section`: the JSON is the desired state.
pub const IOT_THING_SHADOW_DESIRED: i32 = 1;
/// `section`: the JSON has members `reported` and `desired`, or one of them.
pub const IOT_THING_SHADOW_BOTH: i32 = 2;

/// Words of private storage in a handle.
pub const IOT_THING_SHADOW_STORAGE: usize = 27;

/// A shadow of a Thing: the classic one, or a named one. Belongs to the caller, who starts with one
/// that is zero (`static`, or `IOT_THING_SHADOW_INIT`); its members belong to the library from
/// `iot_thing_shadow_open` to `iot_thing_shadow_close`, and it must not be moved or copied in
/// between. Any number may be open, several for the same shadow, too.
#[repr(C)]
pub struct iot_thing_shadow_t {
    /// Private; NULL while it is not open.
    pub thing: *mut iot_thing_t,
    /// Private.
    pub id: u32,
    /// Private.
    pub reserved: u32,
    /// Private.
    pub storage: [u64; IOT_THING_SHADOW_STORAGE],
}

type Place = Node<'static, CShadow>;
const _: () = assert!(
    size_of::<Place>() <= 8 * IOT_THING_SHADOW_STORAGE && align_of::<Place>() <= 8,
    "raise IOT_THING_SHADOW_STORAGE"
);

/// What may be said about a request. All zero is the sane default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_shadow_options_t {
    /// `sizeof(iot_thing_shadow_options_t)`: `IOT_THING_SHADOW_OPTIONS_INIT` sets it.
    pub struct_size: u32,
    /// Of an update: one of `IOT_THING_SHADOW_REPORTED`, `_DESIRED`, `_BOTH`.
    pub section: i32,
    /// Of an update: the version that the shadow must have, else it is rejected with 409; 0: any.
    pub version: u64,
    /// Ties the answer to the request: 1..64 printable ASCII characters but `"` and `\`,
    /// NUL-terminated, copied. It must not be in use by another request. NULL: the library makes
    /// one that is unique for this Thing and this start.
    pub client_token: *const c_char,
    /// Milliseconds for the service to answer, from the broker's acknowledgement on; 0: the
    /// configuration's `shadow_timeout_ms`.
    pub timeout_ms: u32,
    /// Milliseconds from the call after which the request is over in any case, also while there is
    /// no connection; 0: it waits as long as it takes.
    pub within_ms: u32,
}

// SAFETY: integers and a pointer.
unsafe impl Versioned for iot_thing_shadow_options_t {}

/// What the cloud wants, see `iot_thing_shadow_delta_fn`. Valid during the callback only.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct iot_thing_shadow_delta_t {
    /// `sizeof(iot_thing_shadow_delta_t)`.
    pub struct_size: u32,
    /// 1: it was sent when the difference arose; 0: it was found by reading the shadow, because it
    /// may have been missed.
    pub is_live: i32,
    /// The members of `desired` that differ from `reported`: an object.
    pub requested: iot_thing_json_t,
    /// The whole message, with its metadata.
    pub document: iot_thing_json_t,
    /// Version of the shadow.
    pub version: u64,
    /// When the message was made, in seconds since 1970; 0: unknown.
    pub timestamp: u64,
}

/// Receives deltas: the members of `desired` that differ from `reported`.
///
/// `reported` writes the answer, as the members of an object that is already open: what is written
/// is published as reported state, nothing when nothing was written. Called inside
/// `iot_thing_poll`; may call what an event callback may call. Return `IOT_THING_OK`, or a negative
/// value to discard the answer (told by `IOT_THING_EVENT_REPLY_FAILED`).
pub type iot_thing_shadow_delta_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        shadow: *mut iot_thing_shadow_t,
        delta: *const iot_thing_shadow_delta_t,
        reported: *mut iot_thing_json_writer_t,
    ) -> i32,
>;

/// Receives the documents of an update, by whomever it was made: an object with `previous`,
/// `current`, `timestamp`, as AWS IoT sends it. Valid during the callback only. Called inside
/// `iot_thing_poll`; may call what an event callback may call.
pub type iot_thing_shadow_documents_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        shadow: *mut iot_thing_shadow_t,
        documents: *const iot_thing_json_t,
    ),
>;

/// Writes the state of an update. `state` writes members of an object that is already open: of
/// `reported`, or what the `section` of the request's options says. `document` is the shadow as it
/// was read (`state`, `version`, ...), NULL when none was or there is none. Both are valid during
/// the callback only. Called inside `iot_thing_poll`; must not call the Thing. Return
/// `IOT_THING_OK`, or a negative value to cancel the request.
pub type iot_thing_shadow_write_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        document: *const iot_thing_json_t,
        state: *mut iot_thing_json_writer_t,
    ) -> i32,
>;

/// Opens a shadow. Nothing is sent or subscribed to yet: that comes with the first request or
/// callback.
///
/// Callable from the thread that polls, and from callbacks.
///
/// @param thing   The Thing, not NULL.
/// @param shadow  The handle, not NULL, zero: see `iot_thing_shadow_t`.
/// @param name    Name of the shadow, NUL-terminated, 1..64 of `[a-zA-Z0-9:_-]`, or "$package";
///                NULL: the classic, unnamed shadow. Must stay valid and unchanged until close.
/// @param flags   0 or `IOT_THING_SHADOW_PER_REQUEST`.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL         `thing` or `shadow` is NULL.
/// @return IOT_THING_ERR_STATE        Not a Thing, or the handle is open already (or was not zero).
/// @return IOT_THING_ERR_SHADOW_NAME  The name is not one that a shadow can have.
/// @return IOT_THING_ERR_ARGUMENT     Unknown flags.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_open(
    thing: *mut iot_thing_t,
    shadow: *mut iot_thing_shadow_t,
    name: *const c_char,
    flags: u32,
) -> i32 {
    check(|| open(thing, shadow, name, flags))
}

/// Closes a shadow: its open requests end with `IOT_THING_ERR_CANCELLED` (their callbacks are
/// called from here), no callback of it is called any more, and the handle's memory is the
/// caller's again. Subscriptions that the broker has are not left: they end with the session.
/// `iot_thing_deinit` closes all shadows of its Thing.
///
/// Callable from the thread that polls, or when nobody polls; not from a callback or an interrupt.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not open), or IOT_THING_ERR_BUSY
///         (called from a callback, or another thread is inside poll).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_close(shadow: *mut iot_thing_shadow_t) -> i32 {
    check(|| close(shadow))
}

/// Reads the whole shadow. The result's `document` is what the service sent: `state` with
/// `desired`, `reported` and `delta`, `metadata`, `version`, `timestamp`. A shadow that does not
/// exist is `IOT_THING_ERR_REJECTED` with code 404: a normal answer.
///
/// With a callback exactly one result follows, in whatever order the answers, time-outs and
/// disconnections come: 0 (accepted), `IOT_THING_ERR_REJECTED` with the service's `code`, `retry`
/// and error document, `_TIMED_OUT`, `_CANCELLED` (close, deinit), `_TOO_LARGE`, or
/// `_MQTT_SUBSCRIBE_REFUSED`: the broker does not let the answer be received, for the reason `code`.
/// Then nothing was sent on this connection; the next request asks the broker again.
/// Like every request it waits until there is a connection and the subscription for its answer is
/// confirmed; if the broker forgets the session before the answer came, it is sent again. A document
/// larger than `rx_size` is dropped by the broker or passed over
/// (`IOT_THING_EVENT_MESSAGE_TOO_LARGE`): then the request times out.
///
/// Callable from callbacks, other threads and interrupts (the last two need the port's critical
/// section).
///
/// @param shadow   An open shadow, not NULL.
/// @param options  NULL: the defaults. `section` and `version` are ignored.
/// @param done     Receives the result; may be NULL.
/// @param user     Passed to `done`.
/// @param token    [out, nullable] The client token, NUL-terminated; an array of
///                 `IOT_THING_CLIENT_TOKEN_SIZE`.
///
/// @return IOT_THING_OK               Queued.
/// @return IOT_THING_ERR_NULL         `shadow` is NULL.
/// @return IOT_THING_ERR_STATE        The shadow is not open.
/// @return IOT_THING_ERR_STRUCT_SIZE  `options->struct_size` is 0 or from a newer header.
/// @return IOT_THING_ERR_ARGUMENT     An option is not what its description allows.
/// @return IOT_THING_ERR_QUEUE_FULL   No room now: poll and try again.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_get(
    shadow: *mut iot_thing_shadow_t,
    options: *const iot_thing_shadow_options_t,
    done: iot_thing_done_fn,
    user: *mut c_void,
    token: *mut c_char,
) -> i32 {
    check(|| {
        let call = Call::read(shadow, options)?;
        call.send(
            Operation::Get,
            Purpose::Call,
            b"",
            Done::new(done, user),
            token,
        )
    })
}

/// Changes the shadow: the members in `json` are set, `null` deletes one. The text is checked and
/// copied before return. For what follows see `iot_thing_shadow_get`; the result of an accepted
/// update has the shadow's new `version` and what was changed.
///
/// An update without `version` is repeated if the broker forgets the session before the answer
/// came. One with a version is not, because the second would meet the version of the first: it ends
/// with `IOT_THING_ERR_DISCONNECTED` and an unknown outcome; read the shadow.
///
/// Callable from callbacks, other threads and interrupts (the last two need the port's critical
/// section; from an interrupt keep the text short, as the check is part of the call).
///
/// @param shadow    An open shadow, not NULL.
/// @param json      The state, UTF-8: an object, or `null` to delete the section.
/// @param json_len  Its length in bytes. The request may have 8192 bytes with its envelope (AWS
///                  IoT's limit), which is checked here. (The shadow after the update may have no
///                  more either: the service tells that with code 413.)
/// @param options   NULL: the defaults.
/// @param done      Receives the result; may be NULL.
/// @param user      Passed to `done`.
/// @param token     [out, nullable] As for `iot_thing_shadow_get`.
///
/// @return As `iot_thing_shadow_get`, and
/// @return IOT_THING_ERR_NULL        `json` is NULL with a length.
/// @return IOT_THING_ERR_JSON_SYNTAX, _JSON_UTF8, _JSON_DEPTH  `json` is not JSON.
/// @return IOT_THING_ERR_JSON_TYPE   `json` is neither an object nor `null`.
/// @return IOT_THING_ERR_TOO_LARGE   Larger than `tx_size` or the AWS IoT limit can ever take:
///                                   `iot_thing_last_needed`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_update(
    shadow: *mut iot_thing_shadow_t,
    json: *const c_char,
    json_len: usize,
    options: *const iot_thing_shadow_options_t,
    done: iot_thing_done_fn,
    user: *mut c_void,
    token: *mut c_char,
) -> i32 {
    check(|| {
        let text = guard::bytes(json.cast(), json_len)?;
        let call = Call::read(shadow, options)?;
        if text.len() > MAX_STATE {
            return call.too_large(text.len());
        }
        let value = Value::parse(text)?;
        if !matches!(value.kind(), Kind::Object | Kind::Null) {
            return Err(Error::JsonType);
        }
        let done = Done::new(done, user);
        call.send(Operation::Update, Purpose::Call, value.raw(), done, token)
    })
}

/// `iot_thing_shadow_update` whose state is written when it is sent, straight into the outgoing
/// message, so it is never older than the connection. `write` may be called several times: when a
/// message has to be sent again on a new connection (the service may have the earlier one, also if
/// `write` cancels then), or when there was no room for it yet.
///
/// Callable from callbacks, other threads and interrupts (the last two need the port's critical
/// section).
///
/// @param shadow   An open shadow, not NULL.
/// @param write    Writes the state, not NULL. Its `document` is NULL.
/// @param options  NULL: the defaults.
/// @param done     Receives the result: `IOT_THING_ERR_CANCELLED` with `code` when `write` returned
///                 a negative value, the writer's error when it made one. May be NULL.
/// @param user     Passed to `write` and `done`.
/// @param token    [out, nullable] As for `iot_thing_shadow_get`.
///
/// @return As `iot_thing_shadow_get`, and IOT_THING_ERR_NULL when `write` is NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_update_with(
    shadow: *mut iot_thing_shadow_t,
    write: iot_thing_shadow_write_fn,
    options: *const iot_thing_shadow_options_t,
    done: iot_thing_done_fn,
    user: *mut c_void,
    token: *mut c_char,
) -> i32 {
    check(|| {
        let call = Call::read(shadow, options)?;
        let done = Done::writing(write, done, user)?;
        call.send(Operation::Update, Purpose::Written, b"", done, token)
    })
}

/// Changes the shadow depending on what it is: reads it, has `write` write the change, and updates
/// it with the version that was read. If somebody else was faster (409) it starts over, up to 8
/// times; then the result is the rejection. If there is no shadow, `write` gets no document, and
/// the shadow is made.
///
/// Callable from callbacks, other threads and interrupts (the last two need the port's critical
/// section).
///
/// @param shadow   An open shadow, not NULL.
/// @param write    Writes the change, not NULL. At most `reply_size` bytes.
/// @param options  NULL: the defaults. `version` and `client_token` must be 0 and NULL.
/// @param done     Receives the result, exactly once: as for `iot_thing_shadow_update`;
///                 `IOT_THING_ERR_CANCELLED` when `write` returned a negative value,
///                 `_QUEUE_FULL` when there was no room for the update. May be NULL.
/// @param user     Passed to `write` and `done`.
///
/// @return As `iot_thing_shadow_get`, and IOT_THING_ERR_NULL when `write` is NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_modify(
    shadow: *mut iot_thing_shadow_t,
    write: iot_thing_shadow_write_fn,
    options: *const iot_thing_shadow_options_t,
    done: iot_thing_done_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        let call = Call::read(shadow, options)?;
        if call.version != 0 || call.token.is_some() {
            return Err(Error::Argument);
        }
        let done = Done::writing(write, done, user)?;
        let token = core::ptr::null_mut();
        call.send(Operation::Get, Purpose::Modify(0), b"", done, token)
    })
}

/// Deletes the shadow. Deleting one that does not exist is `IOT_THING_ERR_REJECTED` with code 404.
/// Not repeated when the broker forgets the session: `IOT_THING_ERR_DISCONNECTED`. A table of
/// properties does not write the shadow again until a property has to be reported, or the session is
/// new; then all of it. For all else, also from where it may be called, see `iot_thing_shadow_get`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_delete(
    shadow: *mut iot_thing_shadow_t,
    options: *const iot_thing_shadow_options_t,
    done: iot_thing_done_fn,
    user: *mut c_void,
    token: *mut c_char,
) -> i32 {
    check(|| {
        let call = Call::read(shadow, options)?;
        let done = Done::new(done, user);
        call.send(Operation::Delete, Purpose::Call, b"", done, token)
    })
}

/// Sets the callback for the cloud's requests to change state; NULL removes it, and the
/// subscription is left. From then on the Thing listens to the shadow's deltas. Whenever one may
/// have been missed (the broker did not keep the session, nobody listened, somebody else deleted the
/// shadow) it reads the shadow, and the difference arrives like a live delta, once. Stale and repeated
/// deltas are left out. What the broker does not allow of that is told by
/// `IOT_THING_EVENT_SHADOW_REFUSED`.
///
/// Callable from the thread that polls, and from callbacks.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not open).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_on_delta(
    shadow: *mut iot_thing_shadow_t,
    on_delta: iot_thing_shadow_delta_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        change(shadow, |node| {
            node.owner.on_delta = (on_delta, user);
            let table = node.owner.table.is_some();
            node.state.listen_to_deltas(on_delta.is_some() || table);
        })
    })
}

/// Sets the callback for the documents of every update, by whomever it was made; NULL removes it,
/// and the subscription is left. What is missed during an outage is not made up for; a subscription
/// that the broker refuses is told by `IOT_THING_EVENT_SHADOW_REFUSED`.
///
/// Callable from the thread that polls, and from callbacks.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL or IOT_THING_ERR_STATE (not open).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_on_documents(
    shadow: *mut iot_thing_shadow_t,
    on_documents: iot_thing_shadow_documents_fn,
    user: *mut c_void,
) -> i32 {
    check(|| {
        change(shadow, |node| {
            node.owner.on_documents = (on_documents, user);
            node.state.listen_to_documents(on_documents.is_some());
        })
    })
}

/// Keeps the variables of a table and the shadow equal, from now until close: what the cloud
/// desires is checked and stored, what the firmware changes is reported. See
/// `iot_thing_properties_t`.
///
/// Callable from the thread that polls, and from callbacks.
///
/// @param shadow      An open shadow without a table, not NULL.
/// @param properties  The table, not NULL. It, and everything that it leads to, must stay valid
///                    until close, and unchanged but for the variables and the states.
///
/// @return IOT_THING_OK
/// @return IOT_THING_ERR_NULL         A pointer is NULL.
/// @return IOT_THING_ERR_STATE        The shadow is not open, or has a table.
/// @return IOT_THING_ERR_STRUCT_SIZE  `properties->struct_size` is not that of this header.
/// @return IOT_THING_ERR_ARGUMENT     The table cannot work: a type, path, range, size or flag is not
///                                    what its description allows, a path comes twice or leads
///                                    through another, or the properties of one object do not
///                                    stand together.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_shadow_properties(
    shadow: *mut iot_thing_shadow_t,
    properties: *const iot_thing_properties_t,
) -> i32 {
    check(|| {
        let table = table::table(properties)?;
        property::check(table)?;
        let mut taken = false;
        change(shadow, |node| {
            taken = node.owner.table.is_some();
        })?;
        if taken {
            return Err(Error::State);
        }
        table.clear();
        change(shadow, |node| {
            node.owner.table = Some(table);
            node.reporter.interval_ms = table.interval_ms;
            node.reporter.all = table.reports_all();
            node.state.listen_to_deltas(true);
        })
    })
}

/// Tells that the firmware has changed a property's variable: it is reported, together with others
/// that change within `interval_ms`, unless it is what was reported or within the deadband.
///
/// Callable from callbacks, other threads and interrupts (the last two need the port's critical
/// section, and must change the variable as `iot_thing_property_t` says).
///
/// @param shadow  An open shadow with a table, not NULL.
/// @param index   Of the property in the table.
///
/// @return IOT_THING_OK, IOT_THING_ERR_NULL, IOT_THING_ERR_STATE (not open, or no table) or
///         IOT_THING_ERR_ARGUMENT (no such property).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iot_thing_property_changed(
    shadow: *mut iot_thing_shadow_t,
    index: usize,
) -> i32 {
    check(|| {
        let mut table = None;
        look(shadow, |node| table = node.owner.table)?;
        table.ok_or(Error::State)?.changed(index)?;
        change(shadow, |node| node.reporter.changed = true)
    })
}

// ---- behind the functions -------------------------------------------------------------------------

/// The Thing and the number of an open handle.
fn read(shadow: *mut iot_thing_shadow_t) -> Result<(*mut iot_thing_t, ShadowId), Error> {
    guard::not_null(shadow)?;
    if !shadow.is_aligned() {
        return Err(Error::State);
    }
    // SAFETY: the header demands a handle. Only the fields outside of the storage are read, to which
    // nobody has a reference.
    let (thing, id) = unsafe { ((*shadow).thing, (*shadow).id) };
    if thing.is_null() {
        return Err(Error::State);
    }
    Ok((thing, id))
}

/// Looks at an open shadow.
fn look(shadow: *mut iot_thing_shadow_t, work: impl FnOnce(&mut Place)) -> Result<(), Error> {
    let (thing, id) = read(shadow)?;
    thing::with(thing, |t| {
        t.control()
            .with(|shared| shared.shadows.get(id).map(work).ok_or(Error::State))
    })
}

/// Changes an open shadow, which gives the Thing something to do.
fn change(shadow: *mut iot_thing_shadow_t, work: impl FnOnce(&mut Place)) -> Result<(), Error> {
    let (thing, id) = read(shadow)?;
    thing::with(thing, |t| {
        t.control()
            .change(|shared| shared.shadows.get(id).map(work).ok_or(Error::State))
    })
}

fn open(
    thing: *mut iot_thing_t,
    shadow: *mut iot_thing_shadow_t,
    name: *const c_char,
    flags: u32,
) -> Result<(), Error> {
    guard::not_null(shadow)?;
    if read(shadow).is_ok() || !shadow.is_aligned() {
        return Err(Error::State);
    }
    if flags & !IOT_THING_SHADOW_PER_REQUEST != 0 {
        return Err(Error::Argument);
    }
    let name = match name.is_null() {
        true => None,
        false => {
            let bytes = guard::c_str(name, IOT_THING_MAX_SHADOW_NAME);
            let text = bytes.ok().and_then(|b| core::str::from_utf8(b).ok());
            Some(
                text.filter(|n| topic::is_shadow_name(n))
                    .ok_or(Error::ShadowName)?,
            )
        }
    };
    thing::with(thing, |t| {
        let persistent = flags & IOT_THING_SHADOW_PER_REQUEST == 0;
        // SAFETY: the header demands a handle, whose storage holds the type (asserted above), is
        // unused, and is left alone by the caller until close has taken the node out of the list:
        // so the only reference to it is the one that goes there.
        let node: &'static mut Place = unsafe {
            let place = (&raw mut (*shadow).storage).cast::<Place>();
            place.write(Node::new(name, CShadow::of(shadow), persistent));
            &mut *place
        };
        let id = t.control().with(|shared| {
            if shared.ending {
                return Err(Error::State);
            }
            Ok(shared.shadows.open(node))
        })?;
        // SAFETY: as in `read`.
        unsafe {
            (*shadow).id = id;
            (*shadow).thing = thing;
        }
        Ok(())
    })
}

fn close(shadow: *mut iot_thing_shadow_t) -> Result<(), Error> {
    let (thing, id) = read(shadow)?;
    thing::with(thing, |t| {
        t.control().enter()?;
        let cancelled = Outcome::plain(Some(Error::Cancelled), Retry::No);
        let closed = close_shadow(t.control(), id, |done| t.app().done(done, &cancelled));
        t.control().leave();
        if !closed {
            return Err(Error::State);
        }
        forget(shadow);
        Ok(())
    })
}

/// Marks a handle as not open; what its storage held must be out of the list.
pub fn forget(shadow: *mut iot_thing_shadow_t) {
    if !shadow.is_null() {
        // SAFETY: it was given to `open` and belongs to the library until now.
        unsafe { (*shadow).thing = core::ptr::null_mut() };
    }
}

/// A call with its options.
struct Call {
    thing: *mut iot_thing_t,
    id: ShadowId,
    section: Section,
    version: u64,
    token: Option<&'static [u8]>,
    answer_ms: u32,
    within_ms: u32,
}

impl Call {
    fn read(
        shadow: *mut iot_thing_shadow_t,
        options: *const iot_thing_shadow_options_t,
    ) -> Result<Self, Error> {
        let (thing, id) = read(shadow)?;
        let mut call = Self {
            thing,
            id,
            section: Section::Reported,
            version: 0,
            token: None,
            answer_ms: 0,
            within_ms: 0,
        };
        if options.is_null() {
            return Ok(call);
        }
        let options = guard::read_versioned(options)?;
        call.section = match options.section {
            IOT_THING_SHADOW_REPORTED => Section::Reported,
            IOT_THING_SHADOW_DESIRED => Section::Desired,
            IOT_THING_SHADOW_BOTH => Section::Both,
            _ => return Err(Error::Argument),
        };
        call.version = options.version;
        call.answer_ms = options.timeout_ms;
        call.within_ms = options.within_ms;
        if !options.client_token.is_null() {
            let token = guard::c_str(options.client_token, IOT_THING_MAX_CLIENT_TOKEN)
                .ok()
                .filter(|token| is_token(token));
            call.token = Some(token.ok_or(Error::Argument)?);
        }
        Ok(call)
    }

    fn too_large(&self, state_len: usize) -> Result<(), Error> {
        let needed = state_len.saturating_add(IOT_THING_MAX_SHADOW_DOCUMENT - MAX_STATE);
        thing::with(self.thing, |t| t.control().refused(Error::TooLarge, needed))
    }

    fn send(
        &self,
        operation: Operation,
        purpose: Purpose,
        state: &[u8],
        done: Done,
        token_out: *mut c_char,
    ) -> Result<(), Error> {
        let update = operation == Operation::Update;
        let token = thing::with(self.thing, |t| {
            t.control().request(&Ask {
                purpose,
                section: self.section,
                state,
                version: if update { self.version } else { 0 },
                token: self.token,
                answer_ms: self.answer_ms,
                within_ms: self.within_ms,
                done: Some(done),
                ..Ask::new(self.id, operation)
            })
        })?;
        if !token_out.is_null() {
            write_token(self.token, token, token_out);
        }
        Ok(())
    }
}

fn write_token(given: Option<&[u8]>, own: Token, out: *mut c_char) {
    let own = own.text();
    let mut text = [0_u8; IOT_THING_CLIENT_TOKEN_SIZE];
    for (to, from) in text.iter_mut().zip(given.unwrap_or(&own)) {
        *to = *from;
    }
    // SAFETY: the header demands an array of this size; it is not NULL.
    unsafe {
        core::ptr::copy_nonoverlapping(text.as_ptr(), out.cast::<u8>(), text.len());
    }
}
