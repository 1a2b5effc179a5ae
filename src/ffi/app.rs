//! The application behind C callbacks, and the board behind the port.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_void};

use heapless::Deque;

use super::config::{Config, Signer};
use super::crypto::CCrypto;
use super::json::{self, iot_thing_json_t};
use super::port;
use super::shadow::{
    iot_thing_shadow_delta_fn, iot_thing_shadow_delta_t, iot_thing_shadow_documents_fn,
    iot_thing_shadow_t, iot_thing_shadow_write_fn,
};
use super::thing::iot_thing_t;
use super::types::*;
use crate::Error;
use crate::error::Retry;
use crate::json::{Value, Writer};
use crate::mqtt::Message;
use crate::port::{Board, LogLevel};
use crate::shadow::property::Attached;
use crate::thing::event::{Event, EventKind, Outcome};
use crate::thing::{Answer, App, Delta};
use crate::tls;

/// Events that wait for `iot_thing_next_event`.
///
/// None is lost: from `EVENTS_HELD` on the Thing stops after the step it is in, and a step makes
/// fewer events than there is room for then. (The longest runs from the first attempt over every
/// state to the failure of the connection: 10 events.)
pub type EventQueue = RefCell<Deque<iot_thing_event_t, 24>>;
const EVENTS_HELD: usize = 8;

/// Whom to tell of an operation's end.
#[derive(Clone, Copy)]
pub struct Done {
    callback: iot_thing_done_fn,
    user: *mut c_void,
    /// Writes the state of an update, if it is one that is written late.
    write: iot_thing_shadow_write_fn,
}

// SAFETY: a function and a pointer that are only passed on to each other, on the polling thread.
unsafe impl Send for Done {}

impl Done {
    /// What the application gave with an operation.
    pub fn new(callback: iot_thing_done_fn, user: *mut c_void) -> Self {
        Self {
            callback,
            user,
            write: None,
        }
    }

    /// The same, with who writes the state.
    pub fn writing(
        write: iot_thing_shadow_write_fn,
        callback: iot_thing_done_fn,
        user: *mut c_void,
    ) -> Result<Self, Error> {
        if write.is_none() {
            return Err(Error::Null);
        }
        Ok(Self {
            callback,
            user,
            write,
        })
    }
}

/// Who opened a shadow, and gets what concerns it.
#[derive(Clone, Copy)]
pub struct CShadow {
    /// Its handle; NULL for the Thing's own.
    pub handle: *mut iot_thing_shadow_t,
    /// Gets deltas.
    pub on_delta: (iot_thing_shadow_delta_fn, *mut c_void),
    /// Gets documents.
    pub on_documents: (iot_thing_shadow_documents_fn, *mut c_void),
    /// Its properties, if it has any.
    pub table: Option<&'static dyn Attached>,
}

// SAFETY: functions and pointers that are only passed on to each other, or used as their
// descriptions in the header allow for any thread.
unsafe impl Send for CShadow {}

impl CShadow {
    /// The Thing's own classic shadow.
    pub const CLASSIC: Self = Self::of(core::ptr::null_mut());

    /// The shadow of this handle.
    pub const fn of(handle: *mut iot_thing_shadow_t) -> Self {
        Self {
            handle,
            on_delta: (None, core::ptr::null_mut()),
            on_documents: (None, core::ptr::null_mut()),
            table: None,
        }
    }
}

/// Who gets the messages of a subscription.
#[derive(Clone, Copy)]
pub struct Handler {
    callback: iot_thing_mqtt_message_fn,
    user: *mut c_void,
}

// SAFETY: a function and a pointer that are only passed on to each other, on the polling thread.
unsafe impl Send for Handler {}

impl Handler {
    /// What the application gave with a subscription.
    pub fn new(callback: iot_thing_mqtt_message_fn, user: *mut c_void) -> Self {
        Self { callback, user }
    }
}

/// The callbacks of one Thing. Used by the polling thread only.
pub struct CApp {
    thing: *mut iot_thing_t,
    on_event: Cell<(iot_thing_event_fn, *mut c_void)>,
    on_request: Cell<(iot_thing_shadow_request_fn, *mut c_void)>,
    /// Gets the messages that nobody subscribed to.
    on_message: Cell<(iot_thing_mqtt_message_fn, *mut c_void)>,
    on_retry: (iot_thing_retry_fn, *mut c_void),
    sign: Option<Signer>,
    /// Its cryptography.
    pub crypto: CCrypto,
    /// Where events wait to be pulled, if they are.
    events: Option<&'static EventQueue>,
    /// Requests are pulled, too.
    pull_requests: bool,
}

impl CApp {
    /// For the Thing at `thing`, which is only passed on to callbacks.
    pub fn new(
        thing: *mut iot_thing_t,
        config: &Config,
        events: Option<&'static EventQueue>,
    ) -> Self {
        Self {
            thing,
            on_event: Cell::new((config.on_event, config.on_event_user)),
            on_request: Cell::new((None, core::ptr::null_mut())),
            on_message: Cell::new((None, core::ptr::null_mut())),
            on_retry: config.on_retry,
            sign: config.sign,
            crypto: CCrypto::new(config.crypto),
            events,
            pull_requests: config.pull_requests,
        }
    }

    /// Events are pulled.
    pub fn pulls(&self) -> bool {
        self.events.is_some()
    }

    /// Requests are pulled.
    pub fn pulls_requests(&self) -> bool {
        self.pull_requests
    }

    /// Sets the event callback.
    pub fn set_on_event(&self, callback: iot_thing_event_fn, user: *mut c_void) {
        self.on_event.set((callback, user));
    }

    /// Sets the callback for requests.
    pub fn set_on_request(&self, callback: iot_thing_shadow_request_fn, user: *mut c_void) {
        self.on_request.set((callback, user));
    }

    /// Sets the callback for messages that nobody subscribed to.
    pub fn set_on_message(&self, callback: iot_thing_mqtt_message_fn, user: *mut c_void) {
        self.on_message.set((callback, user));
    }

    /// Takes the oldest event.
    pub fn next_event(&self) -> Result<iot_thing_event_t, Error> {
        let events = self.events.as_ref().ok_or(Error::State)?;
        Ok(events
            .borrow_mut()
            .pop_front()
            .unwrap_or_else(|| to_c(&Event::default())))
    }

    fn deliver(&self, event: &iot_thing_event_t) {
        if let Some(events) = self.events {
            // There is room: see EventQueue.
            let _ = events.borrow_mut().push_back(*event);
        } else if let (Some(callback), user) = self.on_event.get() {
            // SAFETY: the application's callback, called as its description in the header says.
            unsafe { callback(user, self.thing, event) };
        }
    }
}

fn to_c(event: &Event) -> iot_thing_event_t {
    iot_thing_event_t {
        struct_size: size_of::<iot_thing_event_t>() as u32,
        r#type: event.kind as i32,
        state: event.state as i32,
        error: event.error.map_or(IOT_THING_OK, Error::code),
        code: event.code,
        port_error: event.port_error,
        retry_ms: event.retry_ms,
        needed: u32::try_from(event.needed).unwrap_or(u32::MAX),
        session_resumed: i32::from(event.session_resumed),
        user: core::ptr::null_mut(),
        data: NOTHING,
        topic: NOTHING,
    }
}

const NOTHING: iot_thing_bytes_t = iot_thing_bytes_t {
    data: core::ptr::null(),
    len: 0,
};

/// Bytes that C borrows.
fn lend(bytes: &[u8]) -> iot_thing_bytes_t {
    iot_thing_bytes_t {
        data: bytes.as_ptr(),
        len: bytes.len(),
    }
}

impl App for CApp {
    type Done = Done;
    type Handler = Handler;
    type Shadow = CShadow;

    fn backed_up(&self) -> bool {
        self.events.is_some_and(|events| {
            let events = events.borrow();
            // One that borrows what the next step would overwrite has to be taken first.
            events.len() >= EVENTS_HELD || events.iter().any(|e| !e.data.data.is_null())
        })
    }

    fn event(&self, event: &Event) {
        self.deliver(&to_c(event));
    }

    fn done(&self, done: Done, outcome: &Outcome<'_>) {
        let error = outcome.error.map_or(IOT_THING_OK, Error::code);
        let Some(callback) = done.callback else {
            // Whoever wants to know of success says so with `user`; failures are told anyway.
            let pulled = self.pulls() && !done.user.is_null();
            let failed = error != IOT_THING_OK && outcome.error != Some(Error::Cancelled);
            if pulled || failed {
                self.deliver(&iot_thing_event_t {
                    user: done.user,
                    error,
                    ..to_c(&Event {
                        kind: EventKind::Done,
                        code: outcome.code,
                        ..Event::default()
                    })
                });
            }
            return;
        };
        let result = iot_thing_result_t {
            error,
            code: outcome.code,
            retry: outcome.retry as i32,
            version: outcome.version,
            document: outcome
                .document
                .map_or_else(iot_thing_json_t::default, iot_thing_json_t::from),
            needed: u32::try_from(outcome.needed).unwrap_or(u32::MAX),
        };
        // SAFETY: the application's callback, called as its description in the header says.
        unsafe { callback(done.user, self.thing, &raw const result) };
    }

    fn message(&self, handler: Option<Handler>, message: &Message<'_>) -> bool {
        let (callback, user) = match handler {
            Some(handler) => (handler.callback, handler.user),
            None => self.on_message.get(),
        };
        let Some(callback) = callback else {
            if self.pulls() {
                self.deliver(&iot_thing_event_t {
                    user,
                    topic: lend(message.topic().as_bytes()),
                    data: lend(message.payload()),
                    ..to_c(&Event {
                        kind: EventKind::Message,
                        code: -1,
                        ..Event::default()
                    })
                });
            }
            return self.pulls();
        };
        let properties = message.properties();
        let lent = iot_thing_mqtt_message_t {
            struct_size: size_of::<iot_thing_mqtt_message_t>() as u32,
            qos: i32::from(message.qos1()),
            topic: lend(message.topic().as_bytes()),
            payload: lend(message.payload()),
            retain: i32::from(message.retain()),
            payload_is_text: i32::from(properties.payload_is_text),
            message_expiry_s: properties.message_expiry_s,
            content_type: lend(properties.content_type.as_bytes()),
            response_topic: lend(properties.response_topic.as_bytes()),
            correlation: lend(properties.correlation),
            reserved: core::ptr::from_ref(message).cast(),
        };
        // SAFETY: the application's callback, called as its description in the header says.
        unsafe { callback(user, self.thing, &raw const lent) };
        false
    }

    fn message_too_large(&self, size: usize, topic: &str) {
        let topic = if self.pulls() {
            // It would not last until it is taken.
            NOTHING
        } else {
            lend(topic.as_bytes())
        };
        self.deliver(&iot_thing_event_t {
            topic,
            ..to_c(&Event {
                kind: EventKind::MessageTooLarge,
                error: Some(Error::TooLarge),
                code: -1,
                needed: size,
                ..Event::default()
            })
        });
    }

    fn retry_delay(&self, attempt: u32, delay_ms: u32) -> u32 {
        let (Some(callback), user) = self.on_retry else {
            return delay_ms;
        };
        // SAFETY: the application's callback, called as its description in the header says.
        unsafe { callback(user, self.thing, attempt, delay_ms) }
    }

    fn subscription_lost(&self, handler: Handler, code: i32, _retry: Retry) {
        self.deliver(&iot_thing_event_t {
            user: handler.user,
            ..to_c(&Event {
                kind: EventKind::SubscriptionLost,
                error: Some(Error::Rejected),
                code,
                ..Event::default()
            })
        });
    }

    fn shadow_refused(&self, shadow: CShadow, filter: &'static str, code: u8) {
        self.deliver(&iot_thing_event_t {
            user: shadow.handle.cast(),
            topic: lend(filter.as_bytes()),
            ..to_c(&Event {
                kind: EventKind::ShadowRefused,
                error: Some(Error::MqttSubscribeRefused),
                code: i32::from(code),
                ..Event::default()
            })
        });
    }

    fn table(&self, shadow: CShadow) -> Option<&dyn Attached> {
        // Not `map`: the lifetime gets shorter.
        match shadow.table {
            Some(table) => Some(table),
            None => None,
        }
    }

    fn delta(&self, shadow: CShadow, delta: &Delta<'_>, reported: &mut Writer<'_>) -> Answer {
        if shadow.handle.is_null() {
            return self.shadow_request(delta.requested, reported);
        }
        let (Some(callback), user) = shadow.on_delta else {
            return Answer::Nobody;
        };
        let lent = iot_thing_shadow_delta_t {
            struct_size: size_of::<iot_thing_shadow_delta_t>() as u32,
            is_live: i32::from(delta.is_live),
            requested: delta.requested.into(),
            document: delta.document.into(),
            version: delta.version,
            timestamp: delta.timestamp,
        };
        let result = json::lend_writer(reported, |writer| {
            // SAFETY: the application's callback, called as its description in the header says.
            unsafe { callback(user, shadow.handle, &raw const lent, writer) }
        });
        answer(result)
    }

    fn documents(&self, shadow: CShadow, documents: Value<'_>) {
        if let (Some(callback), user) = shadow.on_documents {
            let documents = iot_thing_json_t::from(documents);
            // SAFETY: the application's callback, called as its description in the header says.
            unsafe { callback(user, shadow.handle, &raw const documents) };
        }
    }

    fn write_state(&self, done: Done, document: Option<Value<'_>>, state: &mut Writer<'_>) -> i32 {
        let Some(write) = done.write else {
            return Error::Null.code();
        };
        let document = document.map(iot_thing_json_t::from);
        let document = document
            .as_ref()
            .map_or(core::ptr::null(), core::ptr::from_ref);
        json::lend_writer(state, |writer| {
            // SAFETY: the application's callback, called as its description in the header says.
            unsafe { write(done.user, document, writer) }
        })
    }
}

fn answer(result: i32) -> Answer {
    if result < 0 {
        Answer::Discard(result)
    } else {
        Answer::Written
    }
}

impl CApp {
    fn shadow_request(&self, requested: Value<'_>, reported: &mut Writer<'_>) -> Answer {
        if self.pull_requests {
            self.deliver(&iot_thing_event_t {
                data: lend(requested.raw()),
                ..to_c(&Event {
                    kind: EventKind::ShadowRequest,
                    code: -1,
                    ..Event::default()
                })
            });
            return Answer::Later;
        }
        let (Some(callback), user) = self.on_request.get() else {
            return Answer::Nobody;
        };
        let requested = iot_thing_json_t::from(requested);
        let result = json::lend_writer(reported, |writer| {
            // SAFETY: the application's callback, called as its description in the header says.
            unsafe { callback(user, &raw const requested, writer) }
        });
        answer(result)
    }
}

impl Board for CApp {
    fn unix_time(&self) -> u64 {
        match port::port().and_then(|port| port.unix_time.map(|time| (time, port.user))) {
            // SAFETY: the port's function, called as its description in the header says.
            Some((unix_time, user)) => unsafe { unix_time(user) },
            None => 0,
        }
    }

    fn random(&self, out: &mut [u8]) -> Result<(), Error> {
        port::random_of(port::port().ok_or(Error::Random)?, out)
    }

    fn log(&self, level: LogLevel, text: &CStr) {
        if let Some((log, user)) = port::port().and_then(|port| port.log.map(|l| (l, port.user))) {
            // SAFETY: the port's function, called as its description in the header says.
            unsafe { log(user, level as i32, text.as_ptr()) };
        }
    }
}

impl tls::Signer for CApp {
    fn sign(&self, sha256: &[u8; 32], signature: &mut [u8]) -> Result<Option<usize>, Error> {
        let (sign, user) = self.sign.ok_or(Error::TlsSign)?;
        let mut len = 0;
        // SAFETY: the application's function, called as its description in the header says.
        let result = unsafe {
            sign(
                user,
                sha256.as_ptr(),
                signature.as_mut_ptr(),
                signature.len(),
                &raw mut len,
            )
        };
        match result {
            IOT_THING_OK if len <= signature.len() => Ok(Some(len)),
            IOT_THING_SIGN_PENDING => Ok(None),
            _ => Err(Error::TlsSign),
        }
    }
}

/// A user property of a message that was lent to C: name and value.
///
/// # Safety
/// `message` must be one that a message callback was given and has not returned from, or NULL.
pub unsafe fn user_property(
    message: *const iot_thing_mqtt_message_t,
    index: usize,
) -> Result<(iot_thing_bytes_t, iot_thing_bytes_t), Error> {
    super::guard::not_null(message)?;
    // SAFETY: by the demand above it is one that `message` made, and what it leads to is alive.
    let message = unsafe { (*message).reserved.cast::<Message<'_>>().as_ref() };
    let (name, value) = message
        .ok_or(Error::Null)?
        .user_property(index)
        .ok_or(Error::NotFound)?;
    Ok((lend(name.as_bytes()), lend(value.as_bytes())))
}

/// Wakes whoever polls the Thing at `thing`.
pub fn wake(thing: *mut iot_thing_t) {
    if let Some((wake, user)) = port::port().and_then(|port| port.wake.map(|w| (w, port.user))) {
        // SAFETY: the port's function, called as its description in the header says.
        unsafe { wake(user, thing) };
    }
}
