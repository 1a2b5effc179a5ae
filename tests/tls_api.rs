//! TLS through the C API, in simulated time, with the hostile server at the other end: how long a
//! Thing waits for a server that falls silent, what it tells, that it tries again; and how it resumes.

// Of the hostile server's modules not every part is used here.
#[allow(dead_code)]
#[path = "hostile_tls/offer.rs"]
mod offer;
#[path = "hostile_tls/pki.rs"]
mod pki;
#[allow(dead_code)]
#[path = "hostile_tls/server.rs"]
mod server;
#[allow(dead_code)]
#[path = "hostile_tls/traffic.rs"]
mod traffic;

use std::{
    cell::RefCell,
    collections::VecDeque,
    ffi::{c_char, c_void},
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use iot_thing::{
    Error,
    ffi::{api::*, thing::iot_thing_t, transport::iot_thing_transport_tls, types::*},
    thing::event::{EventKind, State},
};

use server::{
    APPLICATION_DATA, CHANGE_CIPHER_SPEC, Event, HANDSHAKE, Known,
    Resume::Knowing,
    Server,
    Step::{self, *},
    Verify as V, extension, list16, message,
};

// ---- the board ----------------------------------------------------------------------------------

/// The library's clock is one for all Things and never goes back.
static ALONE: Mutex<()> = Mutex::new(());
static NOW: AtomicU32 = AtomicU32::new(0);
static RANDOM: AtomicU32 = AtomicU32::new(1);

unsafe extern "C" fn now_ms(_: *mut c_void) -> u32 {
    NOW.load(Relaxed)
}

unsafe extern "C" fn unix_time(_: *mut c_void) -> u64 {
    pki::NOW + u64::from(NOW.load(Relaxed) / 1000)
}

unsafe extern "C" fn random(_: *mut c_void, out: *mut u8, len: usize) -> i32 {
    for i in 0..len {
        let next = RANDOM
            .load(Relaxed)
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        RANDOM.store(next, Relaxed);
        unsafe { out.add(i).write((next >> 24) as u8) };
    }
    0
}

/// The port must never move or go away.
struct Port(iot_thing_port_t);
unsafe impl Sync for Port {}
static PORT: Port = Port(iot_thing_port_t {
    struct_size: size_of::<iot_thing_port_t>() as u32,
    user: ptr::null_mut(),
    now_ms: Some(now_ms),
    unix_time: Some(unix_time),
    random: Some(random),
    enter_critical: None,
    exit_critical: None,
    wake: None,
    log: None,
    panic: None,
});

// ---- the network --------------------------------------------------------------------------------

/// What is at the other end of one connection.
struct Peer {
    server: Server,
    /// When it was met, in seconds.
    at: u64,
    /// The network takes no bytes of the device.
    deaf: bool,
    /// The milliseconds that each byte to the device takes.
    pace: u32,
}

impl Peer {
    fn new(flight: Vec<Step>, after: Vec<Step>) -> Self {
        Self {
            server: Server::new(flight, after, None),
            at: 0,
            deaf: false,
            pace: 0,
        }
    }
}

/// The network, and what it saw.
#[derive(Default)]
struct Network {
    /// Those that are still to come.
    peers: VecDeque<Peer>,
    /// The one that is connected, and those that were.
    peer: Option<Peer>,
    past: Vec<Peer>,
    to_device: VecDeque<u8>,
    /// When the last byte was taken.
    taken_at: u32,
}

impl Network {
    /// The bytes that are there for the device.
    fn arrived(&self) -> usize {
        let Some(peer) = &self.peer else { return 0 };
        match (NOW.load(Relaxed) - self.taken_at).checked_div(peer.pace) {
            Some(bytes) => self.to_device.len().min(bytes as usize),
            None => self.to_device.len(),
        }
    }

    /// Milliseconds to the next byte, if there will be one.
    fn next_byte(&self) -> Option<u32> {
        let pace = self.peer.as_ref()?.pace;
        let since = NOW.load(Relaxed) - self.taken_at;
        (!self.to_device.is_empty()).then(|| pace.saturating_sub(since))
    }
}

unsafe fn network<'a>(user: *mut c_void) -> std::cell::RefMut<'a, Network> {
    unsafe { &*user.cast::<RefCell<Network>>() }.borrow_mut()
}

unsafe extern "C" fn open(user: *mut c_void, socket: *mut isize) -> i32 {
    let mut network = unsafe { network(user) };
    assert!(network.peer.is_none(), "one socket at a time");
    let mut peer = network.peers.pop_front().expect("a peer is there");
    peer.at = unsafe { unix_time(user) };
    // It knows the ticket of the one before.
    if let Some(before) = network.past.last()
        && !before.server.resumption.is_empty()
    {
        let suite = before.server.suite;
        let key = suite.derive(&before.server.resumption, "resumption", &[1]);
        peer.server.known = Some(Known {
            ticket: TICKET.to_vec(),
            key,
            suite,
            age: 1000 * (peer.at - before.at) as u32,
        });
    }
    network.peer = Some(peer);
    network.to_device.clear();
    network.taken_at = NOW.load(Relaxed);
    unsafe { socket.write(7) };
    0
}

unsafe extern "C" fn connect(
    _: *mut c_void,
    _: isize,
    _: *const c_char,
    _: *const iot_thing_address_t,
    _: u16,
) -> i32 {
    0
}

unsafe extern "C" fn send(user: *mut c_void, _: isize, data: *const u8, len: usize) -> i32 {
    let network = &mut *unsafe { network(user) };
    let peer = network.peer.as_mut().unwrap();
    if peer.deaf {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    peer.server
        .receive(unsafe { std::slice::from_raw_parts(data, len) });
    network.to_device.extend(peer.server.take_output());
    len as i32
}

unsafe extern "C" fn recv(user: *mut c_void, _: isize, data: *mut u8, len: usize) -> i32 {
    let mut network = unsafe { network(user) };
    let length = network.arrived().min(len);
    for (i, byte) in network.to_device.drain(..length).enumerate() {
        unsafe { data.add(i).write(byte) };
    }
    if length > 0 {
        network.taken_at = NOW.load(Relaxed);
        return length as i32;
    }
    match &network.peer {
        Some(peer) if peer.server.at_end() => 0,
        _ => IOT_THING_SOCKET_WOULD_BLOCK,
    }
}

unsafe extern "C" fn close(user: *mut c_void, _: isize) {
    let mut network = unsafe { network(user) };
    let peer = network.peer.take().expect("it was open");
    network.past.push(peer);
}

// ---- the device ---------------------------------------------------------------------------------

/// An event, with its time.
#[derive(Clone, Copy)]
struct Told {
    at: u32,
    event: iot_thing_event_t,
}

unsafe extern "C" fn on_event(
    user: *mut c_void,
    _: *mut iot_thing_t,
    event: *const iot_thing_event_t,
) {
    let told = Told {
        at: NOW.load(Relaxed),
        event: unsafe { *event },
    };
    unsafe { &*user.cast::<RefCell<Vec<Told>>>() }
        .borrow_mut()
        .push(told);
}

/// A Thing with all that it borrows. Boxed: what the library points to must not move.
struct Device {
    thing: *mut iot_thing_t,
    network: Box<RefCell<Network>>,
    told: Box<RefCell<Vec<Told>>>,
    _memory: Vec<u64>,
    ticket: Vec<u8>,
    _files: [Vec<u8>; 2],
}

impl Device {
    /// One that connects, with these peers one after the other.
    fn new(peers: Vec<Peer>, configure: impl FnOnce(&mut iot_thing_config_t)) -> Self {
        Self::with_past(vec![], peers, configure)
    }

    /// The same in a network where these peers were before.
    fn with_past(
        past: Vec<Peer>,
        peers: Vec<Peer>,
        configure: impl FnOnce(&mut iot_thing_config_t),
    ) -> Self {
        let network = Box::new(RefCell::new(Network {
            peers: peers.into(),
            past,
            ..Network::default()
        }));
        let told = Box::<RefCell<Vec<Told>>>::default();
        let mut ticket = vec![0; 1024];
        let (certificate, key) = (pki::client(), pki::sec1(pki::CLIENT_KEY));
        let ca = pki::root();
        let bytes = |bytes: &[u8]| iot_thing_bytes_t {
            data: bytes.as_ptr(),
            len: bytes.len(),
        };
        let sockets = iot_thing_sockets_t {
            struct_size: size_of::<iot_thing_sockets_t>() as u32,
            user: ptr::from_ref(&*network).cast_mut().cast(),
            resolve: None,
            open: Some(open),
            connect: Some(connect),
            send: Some(send),
            recv: Some(recv),
            close: Some(close),
            wait: None,
        };
        let mut config: iot_thing_config_t = unsafe { std::mem::zeroed() };
        config.struct_size = size_of::<iot_thing_config_t>() as u32;
        config.transport = &raw const iot_thing_transport_tls;
        config.endpoint = c"thing.example.com".as_ptr();
        config.mqtt_id = c"thing".as_ptr();
        config.client_cert = bytes(&certificate);
        config.private_key = bytes(&key);
        config.ca_certs = bytes(&ca);
        config.sockets = &raw const sockets;
        config.port = &raw const PORT.0;
        config.on_event = Some(on_event);
        config.on_event_user = ptr::from_ref(&*told).cast_mut().cast();
        config.tls_ticket = ticket.as_mut_ptr();
        config.tls_ticket_size = ticket.len() as u32;
        configure(&mut config);
        let mut needed = 0;
        let mut thing = ptr::null_mut();
        let mut memory;
        unsafe {
            let error = iot_thing_memory_needed(&raw const config, &raw mut needed);
            assert_eq!(error, 0);
            memory = vec![0_u64; needed.div_ceil(8)];
            let at = memory.as_mut_ptr().cast();
            let error = iot_thing_init(&raw mut thing, at, needed, &raw const config);
            assert_eq!(error, 0);
            assert_eq!(iot_thing_connect(thing), 0);
        }
        Self {
            thing,
            network,
            told,
            _memory: memory,
            ticket,
            _files: [certificate, ca],
        }
    }

    /// Polls as a main loop would until this is told, and lets the time pass in between.
    fn until(&self, kind: EventKind) -> Told {
        for _ in 0..10_000 {
            let wait = unsafe { iot_thing_poll(self.thing) };
            assert!(wait >= 0, "poll: {wait}");
            if let Some(told) = self.last(kind) {
                self.told.borrow_mut().clear();
                return told;
            }
            let network = self.network.borrow();
            let sleep = network
                .next_byte()
                .map_or(wait as u32, |ms| ms.min(wait as u32));
            NOW.fetch_add(sleep, Relaxed);
        }
        panic!("it turns in a circle");
    }

    fn last(&self, kind: EventKind) -> Option<Told> {
        let told = self.told.borrow();
        let found = told.iter().find(|told| told.event.r#type == kind as i32);
        found.copied()
    }

    /// Fails with this error after so many milliseconds, and tries again when it said it would.
    fn fails(&self, error: Error, after: u32) {
        let begun = NOW.load(Relaxed);
        let told = self.until(EventKind::ConnectFailed);
        assert_eq!(told.event.error, error.code());
        assert_eq!(told.at - begun, after);
        assert_eq!(told.event.state, State::Waiting as i32);
        assert!(self.network.borrow().peer.is_none(), "the socket is closed");
        self.retries(told);
    }

    /// The next attempt begins when it was said to.
    fn retries(&self, told: Told) {
        let wait = unsafe { iot_thing_poll(self.thing) };
        assert_eq!(wait as u32, told.event.retry_ms);
        NOW.fetch_add(told.event.retry_ms, Relaxed);
        while self.network.borrow().peer.is_none() {
            assert_eq!(unsafe { iot_thing_poll(self.thing) }, 0);
        }
    }

    /// Ends the connection in an orderly way, and begins the next one.
    fn reconnect(&self) {
        assert_eq!(unsafe { iot_thing_disconnect(self.thing) }, 0);
        assert_eq!(self.until(EventKind::Disconnected).event.error, 0);
        assert_eq!(unsafe { iot_thing_connect(self.thing) }, 0);
    }

    fn connection(&self) -> iot_thing_connection_t {
        let mut connection: iot_thing_connection_t = unsafe { std::mem::zeroed() };
        connection.struct_size = size_of::<iot_thing_connection_t>() as u32;
        let error = unsafe { iot_thing_get_connection(self.thing, &raw mut connection) };
        assert_eq!(error, 0);
        connection
    }

    /// Ends it; the peers that it has met.
    fn end(self) -> Vec<Peer> {
        assert_eq!(unsafe { iot_thing_deinit(self.thing) }, 0);
        self.network.take().past
    }
}

// ---- the servers --------------------------------------------------------------------------------

/// An honest flight.
fn flight() -> Vec<Step> {
    vec![
        Hello,
        Extensions(vec![]),
        Request,
        Certificate(vec![pki::server(), pki::intermediate()]),
        Verify(V::By(pki::SERVER_KEY)),
        Finished,
    ]
}

/// Answers CONNECT.
fn connack() -> Vec<Step> {
    let connack = Sealed(APPLICATION_DATA, vec![0x20, 3, 0, 0, 0], 0);
    vec![Await(Event::Data), connack]
}

fn honest() -> Peer {
    Peer::new(flight(), connack())
}

/// The ticket of all servers here.
const TICKET: [u8; 32] = [7; 32];

/// A server that gives a ticket for two hours and answers CONNECT.
fn gives_ticket(flight: Vec<Step>) -> Peer {
    let new_session_ticket = [
        &[0, 0, 0x1c, 0x20, 0, 0, 0, 0, 1, 1][..],
        &list16(&TICKET),
        &[0, 0],
    ];
    let ticket = Message(message(4, &new_session_ticket.concat()));
    Peer::new(flight, [vec![ticket], connack()].concat())
}

/// Half of what the next record would be.
fn half() -> Step {
    Tamper(Arc::new(|record| record.truncate(record.len() / 2)))
}

/// Nothing more, while the connection stays.
fn silence() -> Step {
    Await(Event::KeyUpdate)
}

/// The honest flight, of which so many steps are done, the last one by half.
fn up_to_half_of(steps: usize) -> Vec<Step> {
    let mut flight = flight();
    flight.truncate(steps);
    flight.insert(steps - 1, half());
    flight.push(silence());
    flight
}

fn up_to(steps: usize) -> Vec<Step> {
    let mut flight = flight();
    flight.truncate(steps);
    flight.push(silence());
    flight
}

/// A Thing meets a server that falls silent after this, and then an honest one.
fn falls_silent(after: &str, peer: Peer) {
    falls_silent_with(after, peer, Error::TlsTimeout, 30_000, |_| {});
}

fn falls_silent_with(
    after: &str,
    peer: Peer,
    error: Error,
    ms: u32,
    configure: impl FnOnce(&mut iot_thing_config_t),
) {
    println!("silence after {after}");
    let device = Device::new(vec![peer, honest()], configure);
    device.fails(error, ms);
    device.until(EventKind::Connected);
    assert_eq!(device.connection().tls_resumed, 0);
    let past = device.end();
    assert_eq!(past.len(), 2);
    for peer in past {
        assert_eq!(peer.server.seen.wrong, None);
    }
}

#[test]
fn a_silent_server_is_left_at_the_deadline() {
    let _alone = ALONE.lock();
    let peer = |flight| Peer::new(flight, vec![]);
    falls_silent("the connection was made", peer(vec![silence()]));
    let header = vec![Raw(vec![HANDSHAKE, 3, 3]), silence()];
    falls_silent("half a header", peer(header));
    falls_silent("half of ServerHello", peer(up_to_half_of(1)));
    falls_silent("ServerHello", peer(up_to(1)));
    let ccs = vec![Hello, Plain(CHANGE_CIPHER_SPEC, vec![1]), silence()];
    falls_silent("ChangeCipherSpec", peer(ccs));
    falls_silent("EncryptedExtensions", peer(up_to(2)));
    falls_silent("CertificateRequest", peer(up_to(3)));
    falls_silent("half of Certificate", peer(up_to_half_of(4)));
    falls_silent("Certificate", peer(up_to(4)));
    falls_silent("CertificateVerify", peer(up_to(5)));
    falls_silent("half of Finished", peer(up_to_half_of(6)));
    let cookie = extension(44, &list16(&[7; 32]));
    let retry = vec![Retry(cookie), Await(Event::Hello), silence()];
    falls_silent("a retry", peer(retry));
}

#[test]
fn a_server_that_never_comes_to_an_end_is_left_at_the_deadline() {
    let _alone = ALONE.lock();
    // A byte a second is no reason to wait longer.
    let slow = Peer {
        pace: 1000,
        ..honest()
    };
    falls_silent("a byte a second", slow);
    // What comes in time is waited for: some 1100 bytes, each after 20 ms.
    let slow = Peer {
        pace: 20,
        ..honest()
    };
    let device = Device::new(vec![slow], |_| {});
    let begun = NOW.load(Relaxed);
    let told = device.until(EventKind::Connected);
    assert!((20_000..30_000).contains(&(told.at - begun)));
    device.end();
}

#[test]
fn the_deadlines_are_those_that_were_configured() {
    let _alone = ALONE.lock();
    let silent = || Peer::new(up_to(4), vec![]);
    falls_silent_with("Certificate", silent(), Error::TlsTimeout, 7000, |config| {
        config.tls_timeout_ms = 7000;
    });
    // A network that takes nothing has a deadline of its own.
    let deaf = || Peer {
        deaf: true,
        ..honest()
    };
    falls_silent_with("TCP", deaf(), Error::TcpTimeout, 20_000, |_| {});
    falls_silent_with("TCP", deaf(), Error::TlsTimeout, 7000, |config| {
        config.tls_timeout_ms = 7000;
    });
    // The handshake over, it is MQTT's turn.
    let mute = Peer::new(flight(), vec![]);
    falls_silent_with("the handshake", mute, Error::MqttTimeout, 10_000, |_| {});
}

#[test]
fn a_server_that_is_never_heard_of_again_is_tried_for_ever() {
    let _alone = ALONE.lock();
    let mut peers = (0..20)
        .map(|n| Peer::new(up_to(n % 6), vec![]))
        .collect::<Vec<_>>();
    peers.push(honest());
    let device = Device::new(peers, |_| {});
    for _ in 0..20 {
        device.fails(Error::TlsTimeout, 30_000);
    }
    device.until(EventKind::Connected);
    device.end();
}

#[test]
fn a_ticket_that_the_server_falls_silent_at_is_not_offered_again() {
    let _alone = ALONE.lock();
    let gives = gives_ticket(flight());
    let silent = Peer::new(vec![silence()], vec![]);
    let device = Device::new(vec![gives, silent, honest()], |_| {});
    device.until(EventKind::Connected);
    device.reconnect();
    device.fails(Error::TlsTimeout, 30_000);
    device.until(EventKind::Connected);
    assert_eq!(device.connection().tls_resumed, 0);
    let offered = device
        .end()
        .into_iter()
        .map(|peer| peer.server.seen.offered)
        .collect::<Vec<_>>();
    let [first, second, third] = &offered[..] else {
        panic!("{} connections", offered.len());
    };
    assert_eq!(first[..], [None]);
    assert_eq!(second[..], [Some(TICKET.to_vec())]);
    assert_eq!(third[..], [None]);
}

#[test]
fn a_thing_resumes_and_tells_so() {
    let _alone = ALONE.lock();
    let resumed = || vec![Resume(Knowing), Extensions(vec![]), Finished];
    let peers = vec![
        gives_ticket(flight()),
        gives_ticket(resumed()),
        gives_ticket(resumed()),
        // It has forgotten the ticket.
        gives_ticket(flight()),
        gives_ticket(resumed()),
    ];
    let device = Device::new(peers, |_| {});
    for tls_resumed in [0, 1, 1, 0, 1] {
        device.until(EventKind::Connected);
        let connection = device.connection();
        assert_eq!(connection.tls_resumed, tls_resumed);
        assert_eq!(connection.server_authenticated, 1);
        if !device.network.borrow().peers.is_empty() {
            device.reconnect();
        }
    }
    for peer in device.end() {
        let seen = peer.server.seen;
        assert_eq!(seen.wrong, None);
        // Who resumes shows no certificate.
        assert_eq!(seen.chain.is_empty(), peer.server.resumed);
    }
}

#[test]
fn a_ticket_outlasts_the_thing() {
    let _alone = ALONE.lock();
    let first = Device::new(vec![gives_ticket(flight())], |_| {});
    first.until(EventKind::Connected);
    let kept = first.ticket.clone();
    let past = first.end();
    // An hour of sleep, of which the clock of the device knows nothing but the time of day.
    NOW.fetch_add(3_600_000, Relaxed);
    let resumed = vec![Resume(Knowing), Extensions(vec![]), Finished];
    let second = Device::with_past(past, vec![gives_ticket(resumed)], |config| {
        let ticket = unsafe { std::slice::from_raw_parts_mut(config.tls_ticket, kept.len()) };
        ticket.copy_from_slice(&kept);
    });
    second.until(EventKind::Connected);
    assert_eq!(second.connection().tls_resumed, 1);
    assert_eq!(second.end().pop().unwrap().server.seen.wrong, None);
}
