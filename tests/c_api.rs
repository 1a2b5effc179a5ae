//! The C API, driven from Rust the way C drives it, so that Miri can watch every pointer:
//! `MIRIFLAGS=-Zmiri-ignore-leaks cargo +nightly miri test --test c_api`. The behaviour itself is tested from C in tests/c.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Mutex;

use iot_thing::ffi::api::*;
use iot_thing::ffi::json::*;
use iot_thing::ffi::thing::iot_thing_t;
use iot_thing::ffi::transport::iot_thing_transport_secure_socket;
use iot_thing::ffi::types::*;

// ---- the world ------------------------------------------------------------------------------------

/// The port has no critical section, so only one thread may be in the library.
static ALONE: Mutex<()> = Mutex::new(());

/// Time stands still: nothing here waits for it.
unsafe extern "C" fn now_ms(_: *mut c_void) -> u32 {
    1
}

unsafe extern "C" fn random(_: *mut c_void, out: *mut u8, len: usize) -> i32 {
    for i in 0..len {
        unsafe { out.add(i).write(0x5A) };
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
    unix_time: None,
    random: Some(random),
    enter_critical: None,
    exit_critical: None,
    wake: None,
    log: None,
    panic: None,
});

/// A broker at the other end of one socket, with as much of a shadow service as is needed.
#[derive(Default)]
struct Broker {
    from_device: Vec<u8>,
    to_device: VecDeque<u8>,
    open: Cell<i32>,
    updates: usize,
    published: Vec<String>,
    deltas_to_send: usize,
}

impl Broker {
    fn packet(&mut self, first: u8, body: &[u8]) {
        self.to_device.push_back(first);
        let mut len = body.len();
        loop {
            let more = len > 127;
            self.to_device
                .push_back((len % 128) as u8 | if more { 0x80 } else { 0 });
            len /= 128;
            if !more {
                break;
            }
        }
        self.to_device.extend(body);
    }

    fn publish(&mut self, topic: &str, payload: &str) {
        let mut body = vec![(topic.len() >> 8) as u8, topic.len() as u8];
        body.extend(topic.as_bytes());
        body.push(0); // no properties; QoS 0 has no packet identifier
        body.extend(payload.as_bytes());
        self.packet(0x30, &body);
    }

    /// Answers whole packets.
    fn work(&mut self) {
        while let Some((first, body)) = take_packet(&mut self.from_device) {
            match first >> 4 {
                1 => self.packet(0x20, &[0, 0, 0]),
                8 => {
                    let filters = body.windows(4).filter(|w| *w == b"$aws").count();
                    let mut ack = vec![body[0], body[1], 0];
                    ack.extend(vec![1; filters]);
                    self.packet(0x90, &ack);
                }
                3 => self.on_publish(first, &body),
                _ => {}
            }
        }
    }

    fn on_publish(&mut self, first: u8, body: &[u8]) {
        let topic_len = usize::from(body[0]) << 8 | usize::from(body[1]);
        let topic = String::from_utf8(body[2..2 + topic_len].to_vec()).unwrap();
        let mut at = 2 + topic_len;
        if first & 6 != 0 {
            self.packet(0x40, &[body[at], body[at + 1]]);
            at += 2;
        }
        let payload = String::from_utf8(body[at + 1..].to_vec()).unwrap();
        self.published.push(payload.clone());
        if !topic.ends_with("/shadow/update") {
            return;
        }
        self.updates += 1;
        let (_, token) = payload.split_once("\"clientToken\":\"").unwrap();
        let accepted = format!(
            "{{\"version\":{},\"clientToken\":\"{}\"}}",
            self.updates,
            &token[..16]
        );
        self.publish(&format!("{topic}/accepted"), &accepted);
        if self.deltas_to_send > 0 {
            self.deltas_to_send -= 1;
            let delta = format!(
                "{{\"version\":{},\"state\":{{\"n\":{}}}}}",
                self.updates, self.updates
            );
            self.publish(&format!("{topic}/delta"), &delta);
        }
    }
}

fn take_packet(bytes: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let mut len = 0;
    for i in 1..=4 {
        let byte = *bytes.get(i)?;
        len |= usize::from(byte & 0x7F) << (7 * (i - 1));
        if byte & 0x80 == 0 {
            let body = bytes.get(i + 1..i + 1 + len)?.to_vec();
            let first = bytes[0];
            bytes.drain(..i + 1 + len);
            return Some((first, body));
        }
    }
    None
}

unsafe fn broker<'a>(user: *mut c_void) -> std::cell::RefMut<'a, Broker> {
    unsafe { &*user.cast::<RefCell<Broker>>() }.borrow_mut()
}

unsafe extern "C" fn open(user: *mut c_void, socket: *mut isize) -> i32 {
    let broker = unsafe { broker(user) };
    broker.open.set(broker.open.get() + 1);
    unsafe { socket.write(7) };
    0
}

unsafe extern "C" fn connect(
    _: *mut c_void,
    socket: isize,
    host: *const c_char,
    address: *const iot_thing_address_t,
    port: u16,
) -> i32 {
    assert_eq!((socket, port), (7, 8883));
    assert!(address.is_null() && unsafe { *host } != 0);
    0
}

/// One byte a call.
unsafe extern "C" fn send(user: *mut c_void, _: isize, data: *const u8, _: usize) -> i32 {
    let mut broker = unsafe { broker(user) };
    broker.from_device.push(unsafe { *data });
    broker.work();
    1
}

unsafe extern "C" fn recv(user: *mut c_void, _: isize, data: *mut u8, _: usize) -> i32 {
    match unsafe { broker(user) }.to_device.pop_front() {
        Some(byte) => {
            unsafe { data.write(byte) };
            1
        }
        None => IOT_THING_SOCKET_WOULD_BLOCK,
    }
}

unsafe extern "C" fn close(user: *mut c_void, socket: isize) {
    assert_eq!(socket, 7);
    let broker = unsafe { broker(user) };
    broker.open.set(broker.open.get() - 1);
}

// ---- a device ---------------------------------------------------------------------------------------

struct Device {
    thing: *mut iot_thing_t,
    memory: &'static [Cell<u64>],
    /// Leaked: a box that moves would invalidate the pointers that the library holds.
    broker: &'static RefCell<Broker>,
    seen: &'static Seen,
}

#[derive(Default)]
struct Seen {
    events: RefCell<Vec<i32>>,
    results: RefCell<Vec<i32>>,
    requests: RefCell<Vec<i64>>,
}

unsafe extern "C" fn on_event(
    user: *mut c_void,
    thing: *mut iot_thing_t,
    event: *const iot_thing_event_t,
) {
    let seen = unsafe { &*user.cast::<Seen>() };
    seen.events.borrow_mut().push(unsafe { (*event).r#type });
    // A callback may use the API, but not poll, wait or deinit.
    unsafe {
        assert!(iot_thing_get_state(thing) >= 0);
        assert_eq!(iot_thing_poll(thing), iot_thing::Error::Busy.code());
        assert_eq!(iot_thing_deinit(thing), iot_thing::Error::Busy.code());
    }
}

unsafe extern "C" fn on_done(
    user: *mut c_void,
    thing: *mut iot_thing_t,
    result: *const iot_thing_result_t,
) {
    let seen = unsafe { &*user.cast::<Seen>() };
    let count = {
        let mut results = seen.results.borrow_mut();
        results.push(unsafe { (*result).error });
        results.len()
    };
    // A result may lead to the next operation.
    if count < 3 {
        let again = unsafe {
            iot_thing_update_shadow(thing, c"{\"again\":1}".as_ptr(), Some(on_done), user)
        };
        assert!(again == 0 || again == iot_thing::Error::State.code());
    }
}

unsafe extern "C" fn on_request(
    user: *mut c_void,
    requested: *const iot_thing_json_t,
    reported: *mut iot_thing_json_writer_t,
) -> i32 {
    let seen = unsafe { &*user.cast::<Seen>() };
    let mut n = 0;
    unsafe {
        assert_eq!(
            iot_thing_json_get_i64(requested, c"n".as_ptr(), &raw mut n),
            0
        );
        assert_eq!(iot_thing_json_put_i64(reported, c"n".as_ptr(), n), 0);
    }
    seen.requests.borrow_mut().push(n);
    0
}

impl Device {
    fn new(name: &str) -> Self {
        let broker: &RefCell<Broker> = Box::leak(Box::new(RefCell::new(Broker {
            deltas_to_send: 2,
            ..Broker::default()
        })));
        let seen: &Seen = Box::leak(Box::default());
        let mqtt_id = CString::new(name).unwrap().into_raw();
        let sockets = iot_thing_sockets_t {
            struct_size: size_of::<iot_thing_sockets_t>() as u32,
            user: ptr::from_ref(broker).cast_mut().cast(),
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
        config.transport = &raw const iot_thing_transport_secure_socket;
        config.endpoint = c"broker.example".as_ptr();
        config.mqtt_id = mqtt_id;
        config.sockets = &raw const sockets;
        config.port = &raw const PORT.0;
        config.on_event = Some(on_event);
        config.on_event_user = ptr::from_ref(seen).cast_mut().cast();
        let mut needed = 0;
        let mut thing = ptr::null_mut();
        let memory: &[Cell<u64>];
        unsafe {
            assert_eq!(
                iot_thing_memory_needed(&raw const config, &raw mut needed),
                0
            );
            memory = Vec::leak(vec![Cell::new(0_u64); needed / 8]);
            let at = memory.as_ptr().cast_mut().cast();
            assert_eq!(
                iot_thing_init(&raw mut thing, at, needed, &raw const config),
                0
            );
            assert_eq!(
                iot_thing_on_shadow_request(thing, Some(on_request), config.on_event_user),
                0
            );
            assert_eq!(iot_thing_connect(thing), 0);
            let json = c"{\"a\":1}".as_ptr();
            assert_eq!(
                iot_thing_update_shadow(thing, json, Some(on_done), config.on_event_user),
                0
            );
        }
        Self {
            thing,
            memory,
            broker,
            seen,
        }
    }

    fn poll(&self) -> i32 {
        let wait = unsafe { iot_thing_poll(self.thing) };
        assert!(wait >= 0, "poll: {wait}");
        wait
    }

    fn deinit(&self) {
        assert_eq!(unsafe { iot_thing_deinit(self.thing) }, 0);
        assert_eq!(
            self.broker.borrow().open.get(),
            0,
            "every socket is closed once"
        );
        assert!(
            self.memory.iter().all(|word| word.get() == 0),
            "the memory is wiped"
        );
        assert_eq!(
            unsafe { iot_thing_poll(self.thing) },
            iot_thing::Error::State.code()
        );
    }
}

#[test]
fn two_things_side_by_side() {
    let _alone = ALONE.lock();
    let devices = [Device::new("first"), Device::new("second")];
    for _ in 0..400 {
        let waits = devices.each_ref().map(Device::poll);
        if waits.iter().all(|wait| *wait > 0) {
            break;
        }
    }
    for device in &devices {
        assert_eq!(*device.seen.results.borrow(), [0, 0, 0]);
        assert_eq!(*device.seen.requests.borrow(), [1, 2]);
        let broker = device.broker.borrow();
        assert!(
            broker
                .published
                .iter()
                .any(|p| p.starts_with("{\"state\":{\"reported\":{\"n\":2}}"))
        );
        assert!(device.seen.events.borrow().contains(&2), "connected");
    }
    devices.iter().for_each(Device::deinit);
}

#[test]
fn deinit_after_any_number_of_polls() {
    let _alone = ALONE.lock();
    for polls in 0..if cfg!(miri) { 12 } else { 60 } {
        let device = Device::new("thing");
        for _ in 0..polls {
            device.poll();
        }
        device.deinit();
        // What was not done is cancelled; nothing is told twice.
        let results = device.seen.results.borrow();
        let cancelled = iot_thing::Error::Cancelled.code();
        assert!(
            results.iter().all(|r| *r == 0 || *r == cancelled),
            "{results:?}"
        );
        assert!(results.iter().filter(|r| **r == cancelled).count() <= 1);
    }
}
