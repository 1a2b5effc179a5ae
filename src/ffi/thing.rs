//! One Thing in the memory of C.

use core::cell::Cell;
use core::ffi::c_void;
use core::task::Context;

use super::app::{self, CApp, CShadow, Done, EventQueue, Handler};
use super::config::Config;
use super::guard::{self, Versioned};
use super::port;
use super::shadow;
use super::slab::{self, Place, Planner, Slab};
use super::sockets::{CStack, NO_SOCKET};
use super::transport::{Parts, iot_thing_transport_t};
use super::types::*;
use super::waker;
use crate::Error;
use crate::error::Retry;
use crate::json::{Kind, Value};
use crate::mqtt::{PACKET_OVERHEAD, Session, SubscribeOptions, Will};
use crate::port::PollSlot;
use crate::shadow::{MAX_STATE, Operation};
use crate::thing::App;
use crate::thing::control::{Ask, Control, Login, Publish};
use crate::thing::env::{Env, Settings};
use crate::thing::event::Outcome;
use crate::thing::outbox::{self, Entry, Outbox};
use crate::thing::serve::Service;
use crate::thing::shadows::{Node, ShadowId};
use crate::thing::subscriptions::{Subscription, Subscriptions};

// SAFETY: integers only.
unsafe impl Versioned for iot_thing_statistics_t {}
// SAFETY: integers only.
unsafe impl Versioned for iot_thing_connection_t {}
// SAFETY: integers and pointers.
unsafe impl Versioned for iot_thing_event_t {}

/// Marks memory that holds a Thing; mixed with its address, so that a copy is none, and with a
/// random number of this run, so that memory which survived a reset is none.
const MAGIC: u64 = 0x0107_7419_6F74_5F31;

/// One device, opaque: it lives in the memory given to `iot_thing_init`.
// Only `control` is used by other threads than the polling one; it brings its own exclusion. The
// future lies outside, and only `poll` and `deinit` reach it, so there is never more than one
// reference to it.
pub struct iot_thing_t {
    magic: Cell<u64>,
    control: Control<'static, Handler, Done, CShadow>,
    app: CApp,
    slot: PollSlot,
    settings: Settings<'static>,
    /// When it was made, on the library's clock.
    made_at: Cell<u64>,
    /// The socket that is open.
    socket: Cell<isize>,
    /// The classic shadow, for the functions that need no handle.
    classic: Cell<ShadowId>,
    sockets: iot_thing_sockets_t,
    transport: &'static iot_thing_transport_t,
    future: *mut u8,
    /// Where the memory begins and how much of it is in use.
    base: *mut u8,
    size: usize,
}

/// Where everything lies.
pub struct Plan {
    /// Bytes in all.
    pub size: usize,
    thing: Place,
    future: Place,
    entries: Place,
    outbox: Place,
    subscriptions: Place,
    filters: Place,
    rx: Place,
    tx: Place,
    reply: Place,
    classic: Place,
    /// Only with `pull_events`.
    events: Option<Place>,
    transport: Place,
}

/// Adds up the memory that a Thing with this configuration needs.
pub fn plan(config: &Config) -> Result<Plan, Error> {
    // What the header promises for its fixed part is proved in sizes.rs from the same types.
    const { assert!(align_of::<iot_thing_t>() <= slab::ALIGN) };
    if config.transport.layout.1 > slab::ALIGN {
        return Err(Error::Memory);
    }
    let mut planner = Planner::default();
    let entry = size_of::<Option<Entry<Done>>>();
    let thing = planner.take(size_of::<iot_thing_t>())?;
    let future = planner.take(config.transport.layout.0)?;
    let entries = planner.take(entry * config.queue_len)?;
    let outbox = planner.take(config.tx_size)?;
    let subscription = size_of::<Option<Subscription<Handler, Done>>>();
    let subscriptions = planner.take(subscription * config.subscriptions)?;
    let filters = planner.take(config.filter_size)?;
    let rx = planner.take(config.rx_size)?;
    let tx = planner.take(config.tx_size + PACKET_OVERHEAD)?;
    let reply = planner.take(config.reply_size)?;
    let classic = planner.take(size_of::<Node<'static, CShadow>>())?;
    let events = match config.pull_events {
        true => Some(planner.take(size_of::<EventQueue>())?),
        false => None,
    };
    let transport = planner.take((config.transport.memory)(config)?)?;
    Ok(Plan {
        size: planner.size(),
        thing,
        future,
        entries,
        outbox,
        subscriptions,
        filters,
        rx,
        tx,
        reply,
        classic,
        events,
        transport,
    })
}

/// Makes a Thing in `memory`.
pub fn init(memory: *mut c_void, size: usize, config: &Config) -> Result<*mut iot_thing_t, Error> {
    let plan = plan(config)?;
    let (ticket, ticket_size) = config.tls_ticket;
    if guard::overlap(guard::bytes(ticket, ticket_size)?, memory, size) {
        return Err(Error::Argument);
    }
    let slab = Slab::new(memory.cast(), size, plan.size)?;
    let at = slab.pointer(plan.thing).cast::<iot_thing_t>();
    if mark_of(at).is_some_and(|mark| is_marked(at, mark)) {
        return Err(Error::State);
    }
    let mut random = [0; 8];
    port::random_of(&config.port_functions, &mut random)?;
    let [a, b, c, d, nonce @ ..] = random;
    let (boot, nonce) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(nonce));

    // SAFETY: every place comes from this plan, the slab was checked for it, each is handed out
    // once, and all that uses them is dropped by `deinit`, before the memory goes back.
    let (entries, outbox, subscriptions, filters) = unsafe {
        (
            slab.options(plan.entries, config.queue_len),
            slab.bytes(plan.outbox),
            slab.options(plan.subscriptions, config.subscriptions),
            slab.bytes(plan.filters),
        )
    };
    // SAFETY: as above.
    let (rx, tx, reply, transport_memory) = unsafe {
        (
            slab.bytes(plan.rx),
            slab.bytes(plan.tx),
            slab.bytes(plan.reply),
            slab.bytes(plan.transport),
        )
    };
    let events = plan.events.map(|place| {
        // SAFETY: as above; the place was taken for this type.
        unsafe { &*slab.value(place, EventQueue::default()) }
    });
    // SAFETY: as above; the place was taken for this type.
    let classic = unsafe { slab.value(plan.classic, Node::new(None, CShadow::CLASSIC, true)) };
    let session = Session::new(rx, tx);
    // SAFETY: the slab holds the Thing, aligned; writing drops nothing.
    unsafe {
        at.write(iot_thing_t {
            // Not a Thing until all is done.
            magic: Cell::new(0),
            control: Control::new(
                Outbox::new(entries, outbox, config.queue_policy),
                Subscriptions::new(subscriptions, filters),
                boot,
            ),
            app: CApp::new(at, config, events),
            slot: PollSlot::new(),
            settings: Settings {
                endpoint: config.endpoint,
                port: config.tcp_port,
                thing_name: config.thing_name,
                mqtt_id: config.mqtt_id,
                keep_alive_s: config.keep_alive_s,
                session_expiry_s: config.session_expiry_s,
                clean_start: config.clean_start,
                alpn: config.alpn,
                connect_timeout: config.connect_timeout,
                tls_timeout: config.tls_timeout,
                mqtt_timeout: config.mqtt_timeout,
                ping_timeout: config.ping_timeout,
                ack_timeout: config.ack_timeout,
                stall_timeout: config.stall_timeout,
                shadow_timeout: config.shadow_timeout,
                drain_interval: config.drain_interval,
                backoff: config.backoff,
            },
            made_at: Cell::new(0),
            socket: Cell::new(NO_SOCKET),
            classic: Cell::new(0),
            sockets: config.sockets,
            transport: config.transport,
            future: slab.pointer(plan.future),
            base: slab.pointer(plan.thing).cast(),
            size: plan.size,
        });
    }
    // SAFETY: it was just written, and from here on it is only used through shared references.
    let thing: &'static iot_thing_t = unsafe { &*at };
    let env = Env {
        control: &thing.control,
        app: &thing.app,
        slot: &thing.slot,
        settings: &thing.settings,
    };
    let parts = Parts {
        config: *config,
        app: &thing.app,
        stack: CStack::new(config.sockets, config.endpoint_c, &thing.socket),
        service: Service::new(env, session, reply),
        memory: transport_memory,
    };
    // SAFETY: the place was planned with this transport's layout and is unused.
    let started = unsafe { (config.transport.start)(thing.future, parts) };
    if let Err(error) = started {
        // Decoded credentials may be there already.
        // SAFETY: the memory is ours, and nothing in it is used any more.
        unsafe { slab::wipe(thing.base, thing.size) };
        return Err(error);
    }
    let classic = thing.control.with(|shared| shared.shadows.open(classic));
    thing.classic.set(classic);
    // Only now, so that a call that fails changes nothing.
    port::install(config.port, nonce)?;
    if config.pull_requests {
        thing.listen_to_requests(true);
    }
    thing.made_at.set(port::now());
    thing.magic.set(mark_of(at).unwrap_or_default());
    Ok(at)
}

/// What marks a Thing at this address; `None` as long as there was none in this program.
fn mark_of(at: *const iot_thing_t) -> Option<u64> {
    let nonce = u64::from(port::nonce()?);
    Some(MAGIC ^ (at.addr() as u64) ^ (nonce << 32))
}

/// Whether the memory carries this mark.
fn is_marked(at: *const iot_thing_t, mark: u64) -> bool {
    // SAFETY: the caller has checked that the address is aligned and, by the header's demands, leads
    // to memory of the size of a Thing, which may hold anything. Only the mark is read.
    unsafe { (&raw const (*at).magic).cast::<u64>().read() == mark }
}

/// The Thing that a pointer from C leads to.
fn get<'a>(thing: *mut iot_thing_t) -> Result<&'a iot_thing_t, Error> {
    if thing.is_null() {
        return Err(Error::Null);
    }
    if !thing.is_aligned() {
        return Err(Error::State);
    }
    match mark_of(thing) {
        // SAFETY: the mark says that there is a Thing; init has made all of it.
        Some(mark) if is_marked(thing, mark) => Ok(unsafe { &*thing }),
        _ => Err(Error::State),
    }
}

/// Works on a Thing, and wakes its poller if that gave it something to do.
pub fn with<R>(
    thing: *mut iot_thing_t,
    work: impl FnOnce(&iot_thing_t) -> Result<R, Error>,
) -> Result<R, Error> {
    let t = get(thing)?;
    let before = t.control.changes();
    let result = work(t)?;
    if t.control.changes() != before {
        app::wake(thing);
    }
    Ok(result)
}

/// Does the Thing's work; returns milliseconds until it must be done again.
pub fn poll(thing: *mut iot_thing_t) -> Result<i32, Error> {
    let t = get(thing)?;
    t.control.enter()?;
    let wait = t.poll_once();
    t.control.leave();
    Ok(wait)
}

/// Waits by the sockets' own `wait`.
pub fn wait(thing: *mut iot_thing_t, timeout_ms: i32) -> Result<(), Error> {
    let t = get(thing)?;
    let wait = t.sockets.wait.ok_or(Error::Sockets)?;
    t.control.enter()?;
    let (socket, interest) = t.io_wanted();
    // SAFETY: the firmware's function, called as its description in the header says.
    unsafe { wait(t.sockets.user, socket, interest, timeout_ms) };
    t.control.leave();
    Ok(())
}

/// Polls and waits until `over` says so, or until `timeout_ms` has passed.
pub fn run(
    thing: *mut iot_thing_t,
    timeout_ms: u32,
    over: impl Fn(&iot_thing_t) -> bool,
) -> Result<(), Error> {
    let end = port::now().saturating_add(u64::from(timeout_ms));
    loop {
        let pause = poll(thing)?;
        let t = get(thing)?;
        if over(t) {
            return Ok(());
        }
        let left = end.saturating_sub(port::now());
        if left == 0 {
            return Err(Error::TimedOut);
        }
        let left = i32::try_from(left).unwrap_or(IOT_THING_FOREVER);
        wait(thing, pause.min(left))?;
    }
}

/// Ends a Thing.
pub fn deinit(thing: *mut iot_thing_t) -> Result<(), Error> {
    let t = get(thing)?;
    t.control.enter()?;
    // SAFETY: init made the future there, and nobody uses it: `enter` has shut poll out for good.
    unsafe { (t.transport.finish)(t.future) };
    t.control.with(|shared| shared.ending = true);
    let cancelled = Outcome::plain(Some(Error::Cancelled), Retry::No);
    while let Some(done) = t.control.with(|shared| shared.outbox.take_dropped()) {
        if let Some(done) = done {
            t.app.done(done, &outbox::End::Dropped.outcome());
        }
    }
    while let Some(gone) = t.control.with(|shared| shared.outbox.cancel()) {
        if let Some(done) = gone.done {
            t.app.done(done, &cancelled);
        }
    }
    while let Some(done) = t.control.with(|shared| shared.subscriptions.cancel()) {
        t.app.done(done, &cancelled);
    }
    while let Some(id) = t.control.with(|shared| shared.shadows.next(None, |_| true)) {
        let owner = t.control.with(|shared| {
            let owner = shared.shadows.get(id).map(|node| node.owner);
            shared.shadows.close(id);
            owner
        });
        shadow::forget(owner.map_or(core::ptr::null_mut(), |owner| owner.handle));
    }
    let (base, size) = (t.base, t.size);
    // SAFETY: the memory is still ours, nothing in it needs dropping, and nobody uses it any more.
    unsafe { slab::wipe(base, size) };
    Ok(())
}

impl iot_thing_t {
    /// What is shared with the API side.
    pub fn control(&self) -> &Control<'static, Handler, Done, CShadow> {
        &self.control
    }

    /// The callbacks.
    pub fn app(&self) -> &CApp {
        &self.app
    }

    fn poll_once(&self) -> i32 {
        if self.app.backed_up() {
            return 0;
        }
        self.slot.arm(port::now(), self.control.changes());
        // SAFETY: the slot lives as long as the future, and wakers stay inside this poll.
        let waker = unsafe { waker::of(&self.slot) };
        // SAFETY: init made the future there, and `enter` has let only us in.
        let _ = unsafe { (self.transport.poll)(self.future, &mut Context::from_waker(&waker)) };
        if self.control.changes() != self.slot.changes() {
            // A callback, or another thread meanwhile, has given it something to do.
            return 0;
        }
        match self.slot.remaining(port::now()) {
            Some(ms) => i32::try_from(ms).unwrap_or(IOT_THING_FOREVER - 1),
            None => IOT_THING_FOREVER,
        }
    }

    /// The open socket and what it is waited for.
    pub fn io_wanted(&self) -> (isize, u32) {
        match self.socket.get() {
            NO_SOCKET => (NO_SOCKET, 0),
            socket => (socket, self.slot.interest()),
        }
    }

    /// Asks for a connection, or for its end with this reason code.
    pub fn connect(&self, wanted: bool, goodbye: u8) -> Result<(), Error> {
        self.control.want_connection(wanted, goodbye);
        Ok(())
    }

    /// Queues an update of the classic shadow's reported state.
    pub fn update_shadow(
        &self,
        json: &[u8],
        done: iot_thing_done_fn,
        user: *mut c_void,
    ) -> Result<(), Error> {
        if json.len() > MAX_STATE {
            let needed = json.len() + (IOT_THING_MAX_SHADOW_DOCUMENT - MAX_STATE);
            return self.control.refused(Error::TooLarge, needed);
        }
        let value = Value::parse(json)?;
        if value.kind() != Kind::Object {
            return Err(Error::JsonType);
        }
        let ask = Ask {
            state: value.raw(),
            done: Some(Done::new(done, user)),
            ..Ask::new(self.classic.get(), Operation::Update)
        };
        self.control.request(&ask).map(|_| ())
    }

    /// Queues a message.
    pub fn publish(
        &self,
        message: &Publish<'_>,
        done: iot_thing_done_fn,
        user: *mut c_void,
    ) -> Result<(), Error> {
        self.control.publish(message, Some(Done::new(done, user)))
    }

    /// Subscribes to a filter.
    pub fn subscribe(
        &self,
        filter: &[u8],
        options: SubscribeOptions,
        timeout_ms: u32,
        on_message: iot_thing_mqtt_message_fn,
        done: iot_thing_done_fn,
        user: *mut c_void,
    ) -> Result<(), Error> {
        if on_message.is_none() && !self.app.pulls() {
            return Err(Error::Null);
        }
        let handler = Handler::new(on_message, user);
        let done = Some(Done::new(done, user));
        self.control
            .subscribe(filter, options, u64::from(timeout_ms), handler, done)
    }

    /// Unsubscribes from a filter.
    pub fn unsubscribe(
        &self,
        filter: &[u8],
        timeout_ms: u32,
        done: iot_thing_done_fn,
        user: *mut c_void,
    ) -> Result<(), Error> {
        let done = Some(Done::new(done, user));
        self.control
            .unsubscribe(filter, u64::from(timeout_ms), done)
    }

    /// Sets the will, or none.
    pub fn set_will(&self, will: Option<Will<'static>>) {
        self.control.with(|shared| shared.will = will);
    }

    /// Sets user name and password.
    pub fn set_login(&self, login: Login<'static>) {
        self.control.with(|shared| shared.login = login);
    }

    /// Sets the callback for requests.
    pub fn on_shadow_request(
        &self,
        callback: iot_thing_shadow_request_fn,
        user: *mut c_void,
    ) -> Result<(), Error> {
        self.app.set_on_request(callback, user);
        self.listen_to_requests(callback.is_some() || self.app.pulls_requests());
        Ok(())
    }

    fn listen_to_requests(&self, on: bool) {
        // A Thing that is ending does not listen any more.
        let _ = self.control.change(|shared| {
            if let Some(node) = shared.shadows.get(self.classic.get()) {
                node.state.listen_to_deltas(on);
            }
            Ok(())
        });
    }

    /// The current connection, for a structure of `struct_size` bytes.
    pub fn connection(&self, struct_size: u32) -> iot_thing_connection_t {
        self.control.with(|shared| iot_thing_connection_t {
            struct_size,
            state: shared.state as i32,
            tls_version: shared.connection.tls_version,
            tls_cipher_suite: shared.connection.tls_cipher_suite,
            // Without it there is no TLS connection: see tls::Secured.
            server_authenticated: u32::from(shared.connection.tls_version != 0),
            session_resumed: u32::from(shared.connection.session_resumed),
            keep_alive_s: shared.connection.keep_alive_s,
            session_expiry_s: shared.connection.session_expiry_s,
            receive_maximum: shared.connection.receive_maximum,
            maximum_packet_size: shared.connection.maximum_packet_size,
            tls_resumed: u32::from(shared.connection.tls_resumed),
        })
    }

    /// The counters, for a structure of `struct_size` bytes.
    pub fn statistics(&self, struct_size: u32) -> iot_thing_statistics_t {
        let now = port::now();
        self.control.with(|shared| {
            let s = shared.statistics;
            let (bytes, messages) = shared.outbox.high_water();
            let (bytes_now, messages_now) = shared.outbox.level();
            let since = s.online_since_ms.map(|at| now.saturating_sub(at));
            iot_thing_statistics_t {
                struct_size,
                attempts: s.attempts,
                connects: s.connects,
                resumed: s.resumed,
                disconnects: s.disconnects,
                messages_out: s.messages_out,
                messages_in: s.messages_in,
                messages_unrouted: s.messages_unrouted,
                shadow_requests: s.shadow_requests,
                shadow_stale: s.shadow_stale,
                last_error: s.last_error,
                outbox_bytes_max: bytes as u32,
                outbox_messages_max: messages as u32,
                payload_in_max: s.payload_in_max,
                reply_max: s.reply_max,
                bytes_out: s.bytes_out,
                bytes_in: s.bytes_in,
                messages_too_large: s.messages_too_large,
                messages_expired: s.messages_expired,
                messages_dropped: s.messages_dropped,
                outbox_bytes: bytes_now as u32,
                outbox_messages: messages_now as u32,
                subscriptions: (shared.subscriptions.count() + shared.shadows.filters()) as u32,
                round_trip_ms: s.round_trip_ms,
                round_trip_max_ms: s.round_trip_max_ms,
                failures_resolve: s.failures.resolve,
                failures_tcp: s.failures.tcp,
                failures_tls: s.failures.tls,
                failures_refused: s.failures.refused,
                failures_disconnect: s.failures.disconnect,
                failures_closed: s.failures.closed,
                failures_keep_alive: s.failures.keep_alive,
                failures_timeout: s.failures.timeout,
                failures_other: s.failures.other,
                uptime_ms: now.saturating_sub(self.made_at.get()),
                online_ms: s.online_ms.saturating_add(since.unwrap_or(0)),
            }
        })
    }
}
