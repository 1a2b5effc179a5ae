//! Messages of a shadow service that sends anything, on any topic, to a table of properties.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use critical_section::{CriticalSection, Mutex};
use iot_thing::{
    Error,
    json::{Value, Writer},
    shadow::{
        Envelope, Operation,
        property::{self, Kind, Mark, Problem, Row, Table, Wanted},
        topic::{self, Inbound, MAX_SHADOW_TOPIC},
    },
};
use serde_json::Value as Other;

use crate::judge::judge;

/// What separates messages: it is in no UTF-8.
const END: u8 = 0xFF;
/// The values that one property can have had; more are refused.
const VALUES: usize = 40;

/// What a property is.
#[derive(Clone, Copy)]
struct Property {
    path: &'static str,
    kind: Kind,
    range: Option<(i64, i64)>,
    deadband: u32,
    capacity: usize,
    read_only: bool,
    write_only: bool,
    local: bool,
}

const fn plain(path: &'static str, kind: Kind) -> Property {
    Property {
        path,
        kind,
        range: None,
        deadband: 0,
        capacity: 24,
        read_only: false,
        write_only: false,
        local: false,
    }
}

const fn integer(bits: u8, signed: bool, decimals: u8) -> Kind {
    Kind::Integer {
        bits,
        signed,
        decimals,
    }
}

const PROPERTIES: [Property; 9] = [
    plain("on", Kind::Bool),
    Property {
        range: Some((1, 100)),
        ..plain("level", integer(8, false, 0))
    },
    Property {
        deadband: 5,
        ..plain("t.now", integer(32, true, 2))
    },
    plain("t.unit", Kind::Enum),
    plain("name", Kind::Text),
    plain("config", Kind::Json),
    Property {
        read_only: true,
        ..plain("serial", Kind::Text)
    },
    Property {
        write_only: true,
        ..plain("reboot", Kind::Bool)
    },
    Property {
        local: true,
        ..plain("count", integer(64, false, 0))
    },
];

const NAMES: [&str; 3] = ["C", "F", "K"];

/// A variable.
#[derive(Clone)]
enum Var {
    Number(i64),
    Bytes(Vec<u8>),
}

/// A variable with all the values that it had, so that they can be lent.
struct Variable {
    property: Property,
    current: Cell<usize>,
    values: Vec<OnceCell<Var>>,
    /// What the application was asked for last and has taken.
    asked: Rc<Cell<Option<i64>>>,
}

impl Variable {
    fn new(property: Property, asked: Rc<Cell<Option<i64>>>) -> Self {
        let values = vec![OnceCell::new(); VALUES];
        let _ = values[0].set(match property.kind {
            Kind::Text => Var::Bytes(b"x".to_vec()),
            Kind::Json => Var::Bytes(b"{}".to_vec()),
            _ => Var::Number(1),
        });
        Self {
            property,
            current: Cell::new(0),
            values,
            asked,
        }
    }

    fn value(&self) -> &Var {
        self.values[self.current.get()].get().expect("it was set")
    }

    fn set(&self, value: Var) {
        let property = &self.property;
        assert!(!property.read_only, "the cloud changed {}", property.path);
        self.current.set(self.current.get() + 1);
        let _ = self.values[self.current.get()].set(value);
    }

    /// Whether this is what the variable has.
    fn has(&self, json: Value<'_>) -> bool {
        match self.value() {
            Var::Number(number) => self.means(*number, json),
            Var::Bytes(text) if self.property.kind == Kind::Text => json.eq_str(text),
            Var::Bytes(text) => json.raw() == text,
        }
    }

    /// Whether this is the number that a message has.
    fn means(&self, number: i64, json: Value<'_>) -> bool {
        match self.property.kind {
            Kind::Bool => json.as_bool().map(i64::from) == Ok(number),
            Kind::Integer {
                signed: true,
                decimals,
                ..
            } => json.as_scaled(decimals) == Ok(number),
            Kind::Integer { .. } => json.as_u64() == Ok(number as u64),
            Kind::Enum => json.eq_str(NAMES[number as usize]),
            Kind::Text | Kind::Json => true,
        }
    }
}

impl Row for Variable {
    fn path(&self) -> &[u8] {
        self.property.path.as_bytes()
    }

    fn behind(&self, object: &[u8], name: &[u8]) -> Option<u8> {
        let behind = self.path().strip_prefix(object)?.strip_prefix(name)?;
        Some(behind.first().copied().unwrap_or(0))
    }

    fn kind(&self) -> Kind {
        self.property.kind
    }

    fn range(&self) -> Option<(i64, i64)> {
        self.property.range
    }

    fn deadband(&self) -> u32 {
        self.property.deadband
    }

    fn capacity(&self) -> usize {
        self.property.capacity
    }

    fn is_read_only(&self) -> bool {
        self.property.read_only
    }

    fn is_write_only(&self) -> bool {
        self.property.write_only
    }

    fn is_local(&self) -> bool {
        self.property.local
    }

    fn enum_name(&self, n: usize) -> Option<&[u8]> {
        NAMES.get(n).map(|name| name.as_bytes())
    }

    fn number(&self, _: CriticalSection<'_>) -> i64 {
        match self.value() {
            Var::Number(number) => *number,
            Var::Bytes(_) => 0,
        }
    }

    fn set_number(&self, number: i64, _: CriticalSection<'_>) {
        assert_eq!(self.asked.take(), Some(number), "stored without asking");
        if let Var::Number(_) = self.value() {
            self.set(Var::Number(number));
        }
    }

    fn text(&self) -> &[u8] {
        match self.value() {
            Var::Bytes(text) => text,
            Var::Number(_) => &[],
        }
    }

    fn set_text(&self, json: Value<'_>) {
        assert!(self.asked.get().is_some(), "stored without asking");
        let capacity = self.property.capacity;
        match self.property.kind {
            Kind::Text => {
                let mut text = vec![0; capacity];
                let unescaped = json.as_text().expect("a text");
                let length = unescaped.copy_to(&mut text).expect("it fits");
                text.truncate(length);
                assert!(!text.contains(&0), "C would take it for the end");
                std::str::from_utf8(&text).expect("UTF-8");
                self.set(Var::Bytes(text));
            }
            Kind::Json => {
                let text = json.raw();
                assert!(text.len() <= capacity && Value::parse(text).is_ok());
                self.set(Var::Bytes(text.to_vec()));
            }
            _ => return,
        }
        assert!(self.has(json), "it is what was wanted");
    }
}

struct Device {
    variables: Vec<Variable>,
    marks: Vec<Mutex<Cell<Mark>>>,
    asked: Rc<Cell<Option<i64>>>,
}

impl Device {
    fn new() -> Self {
        let asked = Rc::new(Cell::new(None));
        Self {
            variables: PROPERTIES
                .iter()
                .map(|property| Variable::new(*property, asked.clone()))
                .collect(),
            marks: PROPERTIES
                .iter()
                .map(|_| Mutex::new(Cell::default()))
                .collect(),
            asked,
        }
    }
}

impl Table for Device {
    type Row = Variable;

    fn rows(&self) -> &[Variable] {
        &self.variables
    }

    fn marks(&self) -> &[Mutex<Cell<Mark>>] {
        &self.marks
    }

    fn ask(&self, index: usize, wanted: &Wanted<'_>) -> i32 {
        let variable = &self.variables[index];
        let number = wanted.number;
        assert!(variable.means(number, wanted.json), "it is what was wanted");
        if let Kind::Integer { bits, .. } = variable.property.kind {
            let (min, max) = variable.property.range.unwrap_or(match bits {
                32 => (i32::MIN.into(), i32::MAX.into()),
                _ => (i64::MIN, i64::MAX),
            });
            assert!((min..=max).contains(&number), "{}", variable.property.path);
        }
        if variable.current.get() + 1 == VALUES {
            return -7;
        }
        self.asked.set(Some(number));
        0
    }

    fn is_told(&self) -> bool {
        true
    }

    fn tell(&self, problem: &Problem<'_>) {
        match problem.index {
            None => assert_eq!(problem.error, Error::PropertyUnknown),
            Some(index) => assert!(index < PROPERTIES.len()),
        }
    }
}

/// Writes the next report, and whether there was one.
fn report(device: &Device, room: usize) -> bool {
    let mut buffer = vec![0; room];
    let mut writer = Writer::new(&mut buffer);
    if !property::report(device, &mut writer, room) {
        return false;
    }
    let text = writer.finish().expect("it fits");
    judge(text);
    let state = Value::parse(text).expect("valid");
    for variable in &device.variables {
        let property = &variable.property;
        let path = |section: &str| state.at_path(format!("{section}.{}", property.path)).ok();
        if let Some(value) = path("reported") {
            assert!(!property.write_only, "reported {}", property.path);
            assert!(variable.has(value), "{}", property.path);
        }
        if let Some(value) = path("desired") {
            let is_own = property.local && variable.has(value);
            assert!(is_own || (property.write_only && value.is_null()));
        }
    }
    let sections = state.members().expect("an object");
    assert!(
        sections
            .into_iter()
            .all(|section| { section.name.eq_str("reported") || section.name.eq_str("desired") })
    );
    true
}

/// The envelope of a message, which the other reader sees the same.
fn envelope(payload: &[u8]) -> Option<Envelope<'_>> {
    judge(payload);
    let envelope = Envelope::parse(payload).ok();
    match serde_json::from_slice(payload) {
        Ok(Other::Object(other)) => {
            // Unless it is nested deeper than ours goes.
            if let Some(envelope) = &envelope {
                let version = other.get("version").and_then(Other::as_u64);
                assert!(version.is_none_or(|version| version == envelope.version));
                let state = other.get("state");
                assert_eq!(state.is_some(), envelope.state.is_some());
                for name in ["desired", "reported", "delta"] {
                    let section = state.and_then(|state| state.get(name));
                    let is_there = section.is_some_and(Other::is_object);
                    assert_eq!(is_there, envelope.section(name).is_some());
                }
            }
        }
        Ok(_) => assert!(envelope.is_none(), "no object"),
        Err(_) => {}
    }
    envelope
}

/// What the topic says, which written again is the same topic.
fn inbound(topic: &[u8]) -> Option<Inbound> {
    let topic = std::str::from_utf8(topic).ok()?;
    let (name, inbound) = topic::parse(topic)?;
    let end = match inbound {
        Inbound::Accepted(operation) => format!("{}/accepted", operation.end()),
        Inbound::Rejected(operation) => format!("{}/rejected", operation.end()),
        Inbound::Delta => "update/delta".into(),
        Inbound::Documents => "update/documents".into(),
    };
    let mut again = vec![0; topic.len().max(MAX_SHADOW_TOPIC)];
    let length = name.topic(&end, &mut again).expect("there is room");
    assert_eq!(&again[..length], topic.as_bytes());
    Some(inbound)
}

pub fn run(data: &[u8]) {
    let Some((room, messages)) = data.split_first() else {
        return;
    };
    let room = 48 + usize::from(*room);
    let device = Device::new();
    // One report at a time.
    let mut open = false;
    property::check(&device).expect("a good table");
    for message in messages.split(|byte| *byte == END).take(VALUES) {
        let split = message.iter().position(|byte| *byte == b'\n');
        let (topic, payload) = message.split_at(split.unwrap_or(message.len()));
        let payload = payload.strip_prefix(b"\n").unwrap_or_default();
        let envelope = envelope(payload);
        match (inbound(topic), &envelope) {
            (Some(Inbound::Delta), Some(envelope)) => {
                if let Some(state) = envelope.state {
                    property::apply(&device, state, None);
                }
            }
            (Some(Inbound::Accepted(Operation::Get)), Some(envelope)) => {
                property::compare(&device, envelope.section("reported"), false);
                let desired = envelope.section("desired");
                if let Some(delta) = envelope.section("delta") {
                    let incomplete = property::apply(&device, delta, desired);
                    assert!(!incomplete || desired.is_none(), "all of it was there");
                }
            }
            (Some(Inbound::Accepted(_)), _) => {
                property::accepted(&device);
                open = false;
            }
            (Some(Inbound::Rejected(_)), envelope) => {
                let code = envelope.as_ref().map_or(-1, |envelope| envelope.code);
                property::failed(&device, code >= 500);
                open = false;
            }
            _ => {
                let index = payload.len() % (PROPERTIES.len() + 1);
                let known = property::changed(&device, index).is_ok();
                assert_eq!(known, index < PROPERTIES.len());
            }
        }
        if !open && report(&device, room) {
            open = payload.len() % 4 != 0;
            if !open {
                property::unsent(&device);
            }
        }
    }
    // With a service that accepts, it comes to an end.
    property::accepted(&device);
    let mut rounds = 0;
    while report(&device, room) {
        property::accepted(&device);
        rounds += 1;
        assert!(rounds <= PROPERTIES.len(), "it is reported for ever");
    }
    assert!(!property::is_due(&device));
}

pub fn seeds() -> Vec<Vec<u8>> {
    let classic = "$aws/things/t/shadow/";
    let named = "$aws/things/t/shadow/name/n/";
    let delta = r#"{"version":7,"timestamp":1600000000,"state":{"on":false,"level":50,"t":{"now":-21.50,"unit":"K"},"name":"\u0061b","config":[1,2],"serial":"1","reboot":true,"count":18446744073709551615,"unknown":{}},"metadata":{}}"#;
    let spoilt = r#"{"version":8,"state":{"on":1,"level":0,"t":5,"t":{"now":1e9,"unit":"X"},"name":"\u0000","config":"too long for what there is","count":-1}}"#;
    let got = r#"{"version":9,"state":{"desired":{"config":{"a":1},"on":true},"reported":{"on":true,"t":{"now":0.01}},"delta":{"config":{"a":1},"on":true}},"clientToken":"x"}"#;
    let messages = [
        format!("{classic}update/delta\n{delta}"),
        format!("{named}update/delta\n{spoilt}"),
        format!("{classic}update/accepted\n{{\"version\":8}}"),
        format!("{named}get/accepted\n{got}"),
        format!("{classic}update/rejected\n{{\"code\":500,\"message\":\"x\"}}"),
        format!("{named}update/rejected\n{{\"code\":413}}"),
        format!("{classic}delete/accepted\n{{}}"),
        format!("{classic}get/rejected\n{{\"code\":404}}"),
        format!("{classic}update/documents\n{{\"current\":{got}}}"),
        "other\n".into(),
        "other\nab".into(),
        "other\nabc".into(),
    ];
    let seed = |room: u8, messages: &[String]| {
        let messages = messages.iter().map(String::as_bytes);
        [&[room], &messages.collect::<Vec<_>>().join(&END)[..]].concat()
    };
    let mut seeds = vec![seed(0, &messages), seed(255, &messages)];
    for (number, message) in messages.iter().enumerate() {
        let next = messages[(number + 1) % messages.len()].clone();
        seeds.push(seed(40, std::slice::from_ref(message)));
        seeds.push(seed(
            200,
            &[message.clone(), messages[2].clone(), next, message.clone()],
        ));
    }
    seeds
}
