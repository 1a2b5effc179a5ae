//! The library's shadow state and table of properties, without sockets or clock, against the shadow
//! service of the local cloud: whatever goes wrong between them, they come to the same state.

use cloud::faults::{Fate, Faults, Misfortune, OTHER_UPDATE, refusal};
use cloud::service::Store;
use cloud::shadow::{Limits, Response};
use cloud::topic::{Operation as CloudOperation, ShadowId};
use critical_section::{CriticalSection, Mutex};
use iot_thing::json::{Value, Writer};
use iot_thing::shadow::property::{self, Kind, Mark, Problem, Row, Table, Wanted};
use iot_thing::shadow::topic::{Inbound, Operation};
use iot_thing::shadow::{Envelope, Reaction, Reporter, Section, State, Token, tail, update_head};
use std::cell::Cell;
use std::collections::VecDeque;

const NAMES: [&str; 4] = ["a", "b", "c.d", "c.e"];
const TIMEOUT_MS: u64 = 10_000;

/// The firmware: four integers.
struct Firmware {
    integers: [Integer; NAMES.len()],
    marks: [Mutex<Cell<Mark>>; NAMES.len()],
}

struct Integer {
    path: &'static str,
    value: Cell<i64>,
}

impl Row for Integer {
    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn behind(&self, object: &[u8], name: &[u8]) -> Option<u8> {
        let behind = self.path().strip_prefix(object)?.strip_prefix(name)?;
        Some(behind.first().copied().unwrap_or(0))
    }

    fn kind(&self) -> Kind {
        Kind::Integer {
            bits: 32,
            signed: true,
            decimals: 0,
        }
    }

    fn range(&self) -> Option<(i64, i64)> {
        Some((0, 99))
    }

    fn deadband(&self) -> u32 {
        0
    }

    fn capacity(&self) -> usize {
        0
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn is_write_only(&self) -> bool {
        false
    }

    fn is_local(&self) -> bool {
        self.path == NAMES[1]
    }

    fn enum_name(&self, _: usize) -> Option<&[u8]> {
        None
    }

    fn number(&self, _: CriticalSection<'_>) -> i64 {
        self.value.get()
    }

    fn set_number(&self, number: i64, _: CriticalSection<'_>) {
        self.value.set(number);
    }

    fn text(&self) -> &[u8] {
        &[]
    }

    fn set_text(&self, _: Value<'_>) {}
}

impl Table for Firmware {
    type Row = Integer;

    fn rows(&self) -> &[Integer] {
        &self.integers
    }

    fn marks(&self) -> &[Mutex<Cell<Mark>>] {
        &self.marks
    }

    fn ask(&self, _: usize, _: &Wanted<'_>) -> i32 {
        0
    }

    fn is_told(&self) -> bool {
        true
    }

    fn tell(&self, _: &Problem<'_>) {}
}

#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Fetch,
    Report,
}

/// Device, network and cloud.
struct World {
    firmware: Firmware,
    state: State,
    reporter: Reporter,
    /// Requests without an answer, with the moment at which they have waited too long.
    open: Vec<(Token, Purpose, u64)>,
    tokens: u32,
    now: u64,
    store: Store,
    luck: Misfortune,
    /// On their way to the device, with the moment of arrival.
    messages: VecDeque<(u64, Response)>,
    outages: u64,
}

impl World {
    fn new(faults: Faults, seed: u64) -> Self {
        let mut state = State::new(true);
        state.listen_to_deltas(true);
        Self {
            firmware: Firmware {
                integers: std::array::from_fn(|index| Integer {
                    path: NAMES[index],
                    value: Cell::new(index as i64 + 1),
                }),
                marks: std::array::from_fn(|_| Mutex::new(Cell::default())),
            },
            state,
            reporter: Reporter::NEW,
            open: Vec::new(),
            tokens: 0,
            now: 0,
            store: Store::new(Limits::default()),
            luck: Misfortune::new(faults, seed),
            messages: VecDeque::new(),
            outages: 0,
        }
    }

    fn cloud(&mut self, operation: CloudOperation, payload: &[u8]) {
        let id = ShadowId::named("thing", "shadow");
        let seconds = 1_700_000_000 + self.now / 1000;
        let responses = match self.luck.fate(operation, payload) {
            Fate::Refused(code) => vec![refusal(operation, payload, code, seconds)],
            Fate::Overtaken => self.store.answer(
                &id,
                CloudOperation::Update,
                OTHER_UPDATE.as_bytes(),
                seconds,
            ),
            Fate::Served => self.store.answer(&id, operation, payload, seconds),
        };
        for (late, response) in self.luck.responses(responses) {
            let at = self.now + late.as_millis() as u64;
            self.messages.push_back((at, response));
        }
    }

    fn ask(&mut self, operation: Operation, purpose: Purpose, state: &str) -> Token {
        self.tokens += 1;
        let token = Token::new(7, self.tokens);
        let section = (operation == Operation::Update).then_some(Section::Both);
        let mut text = section.map_or(Vec::new(), |s| update_head(s).to_vec());
        text.extend_from_slice(state.as_bytes());
        let Ok(()) = tail(section, 0, &token.text(), |part| {
            text.extend_from_slice(part);
            Ok::<(), std::convert::Infallible>(())
        });
        self.open.push((token, purpose, self.now + TIMEOUT_MS));
        self.state.opened(operation);
        let operation = match operation {
            Operation::Get => CloudOperation::Get,
            _ => CloudOperation::Update,
        };
        self.cloud(operation, &text);
        token
    }

    /// What the library does in each turn of its loop.
    fn turn(&mut self) {
        // The broker confirms at once.
        let missing = self.state.missing();
        self.state.subscribing(missing);
        self.state.subscribed(missing);
        let now = self.now;
        while let Some(at) = self.open.iter().position(|(_, _, end)| *end <= now) {
            let (_, purpose, _) = self.open.remove(at);
            self.ended(purpose, false, true);
        }
        if self.state.may_fetch(now) {
            let token = self.ask(Operation::Get, Purpose::Fetch, "");
            self.state.fetch.asked(token, now);
        }
        self.reporter.collect(now);
        if self.reporter.is_due(now) && self.state.is_read() {
            let mut buffer = [0; 300];
            let mut writer = Writer::new(&mut buffer);
            if property::report(&self.firmware, &mut writer, 300) {
                let text = String::from_utf8(writer.finish().unwrap().to_vec()).unwrap();
                self.reporter.sent();
                self.ask(Operation::Update, Purpose::Report, &text);
            } else {
                self.reporter.idle();
            }
        }
        while let Some(at) = self.messages.iter().position(|(at, _)| *at <= now) {
            let (_, response) = self.messages.remove(at).unwrap();
            self.message(&response);
        }
    }

    /// A request has ended: accepted, or not, and then to be made again or not.
    fn ended(&mut self, purpose: Purpose, accepted: bool, again: bool) {
        match purpose {
            Purpose::Fetch => {
                self.state.closed(Operation::Get);
                if !accepted && again {
                    self.state.fetch.failed(self.now);
                }
            }
            Purpose::Report => {
                self.state.closed(Operation::Update);
                match accepted {
                    true => property::accepted(&self.firmware),
                    false => property::failed(&self.firmware, again),
                }
                match !accepted && again {
                    true => self.reporter.failed(self.now),
                    false => self.reporter.ended(self.now),
                }
            }
        }
    }

    fn message(&mut self, response: &Response) {
        let inbound = match response.suffix.as_str() {
            "update/accepted" => Inbound::Accepted(Operation::Update),
            "update/rejected" => Inbound::Rejected(Operation::Update),
            "update/delta" => Inbound::Delta,
            "get/accepted" => Inbound::Accepted(Operation::Get),
            "get/rejected" => Inbound::Rejected(Operation::Get),
            "delete/accepted" => Inbound::Accepted(Operation::Delete),
            _ => return,
        };
        let envelope = Envelope::parse(response.payload.as_bytes()).unwrap();
        let reaction = self.state.message(inbound, &envelope, self.now);
        let own = envelope
            .token
            .and_then(|token| self.open.iter().position(|(open, ..)| *open == token));
        match reaction {
            Reaction::Answer { accepted, .. } => {
                if let Some(at) = own {
                    let (_, purpose, _) = self.open.remove(at);
                    assert!(purpose == Purpose::Report, "readings are no answers");
                    self.ended(purpose, accepted, envelope.code >= 429);
                }
            }
            Reaction::Delta(delta) => {
                property::apply(&self.firmware, delta, None);
                self.state.delivered(inbound, &envelope);
                self.reporter.hurry(self.now);
            }
            Reaction::Read(read) => {
                property::compare(&self.firmware, read.reported, false);
                if let Some(delta) = read.delta {
                    property::apply(&self.firmware, delta, read.desired);
                    self.state.delivered(inbound, &envelope);
                }
                self.reporter.hurry(self.now);
            }
            Reaction::Deleted => self.state.deleted(),
            Reaction::None | Reaction::Stale | Reaction::ReadRefused | Reaction::Documents(_) => {}
        }
        if let Some(at) = own
            && self
                .open
                .get(at)
                .is_some_and(|open| Some(open.0) == envelope.token)
        {
            let (_, purpose, _) = self.open.remove(at);
            self.ended(purpose, true, false);
        }
    }

    /// The session is lost: what is on its way, and the answers to what was asked. What was asked is
    /// asked again, as the outbox does.
    fn outage(&mut self) {
        self.outages += 1;
        self.messages.clear();
        self.state.session_lost();
        for (_, purpose, _) in std::mem::take(&mut self.open) {
            match purpose {
                Purpose::Fetch => self.state.closed(Operation::Get),
                Purpose::Report => self.ended(purpose, false, true),
            }
        }
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms / 50 {
            self.now += 50;
            self.turn();
        }
    }

    fn step(&mut self) {
        let index = self.luck.roll(NAMES.len() as u64) as usize;
        let value = self.luck.roll(120);
        match self.luck.roll(9) {
            8 => self.cloud(CloudOperation::Delete, b""),
            0..=2 => {
                let member = match NAMES[index].split_once('.') {
                    Some((outer, inner)) => format!(r#""{outer}":{{"{inner}":{value}}}"#),
                    None => format!(r#""{}":{value}"#, NAMES[index]),
                };
                let update = format!(r#"{{"state":{{"desired":{{{member}}}}}}}"#);
                self.cloud(CloudOperation::Update, update.as_bytes());
            }
            3 | 4 => {
                self.firmware.integers[index].value.set(value as i64 % 100);
                property::changed(&self.firmware, index).unwrap();
                self.reporter.changed = true;
            }
            5 => self.outage(),
            _ => {
                let ms = self.luck.roll(5_000);
                self.run(ms);
            }
        }
        self.run(100);
    }

    fn check(&mut self, seed: u64) {
        let id = ShadowId::named("thing", "shadow");
        let answer = self
            .store
            .answer(&id, CloudOperation::Get, b"", 0)
            .remove(0);
        let document = Value::parse(answer.payload.as_bytes()).unwrap();
        for Integer { path: name, value } in &self.firmware.integers {
            let value = value.get();
            let at = |section: &str| {
                let path = format!("state.{section}.{name}");
                document.at_path(path).ok().and_then(|v| v.as_i64().ok())
            };
            assert_eq!(at("reported"), Some(value), "{seed} {name}: {answer:?}");
            // What is outside the range is refused, and the value that stays is reported.
            if let Some(desired) = at("desired").filter(|v| *v < 100) {
                assert_eq!(desired, value, "{seed} {name}: {answer:?}");
            }
        }
        assert!(self.open.is_empty(), "{seed}: a request without an end");
    }
}

#[test]
fn device_and_cloud_converge() {
    let faults = "reorder=40 duplicate=20 delay=30 delay_ms=15000 throttle=10 fail=5";
    let (mut count, mut outages) = (0, 0);
    const RUNS: u64 = 500;
    for seed in 0..RUNS {
        let mut faults = Faults::parse(faults.split(' ')).unwrap();
        let lossy = seed % 2 == 1;
        if lossy {
            faults.lose = 20;
        }
        let mut world = World::new(faults, seed);
        for _ in 0..60 {
            world.step();
        }
        world.luck.faults = Faults::default();
        world.run(20_000);
        if lossy {
            // A delta that was lost can only be found in a new session.
            world.outage();
        }
        world.run(900_000);
        world.check(seed);
        count += world.luck.count;
        outages += world.outages;
    }
    println!("{RUNS} runs, {count} faults, {outages} outages");
    assert!(count > 10_000 && outages > 1_000);
}
