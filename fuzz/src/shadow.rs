//! Messages of a shadow service that sends anything, on any topic, to a table of properties.

use std::cell::{Cell, OnceCell};

use critical_section::Mutex;
use iot_thing::{
    Error,
    json::{Value, Writer},
    shadow::{
        Envelope, Operation,
        property::{self, Current, Kind, Mark, Problem, Property, Table, Wanted},
        topic::{self, Inbound, MAX_SHADOW_TOPIC},
    },
};
use serde_json::Value as Other;

use crate::judge::judge;

/// What separates messages: it is in no UTF-8.
const END: u8 = 0xFF;
/// The values that one property can have had; more are refused.
const VALUES: usize = 40;

const fn plain(path: &'static str, kind: Kind) -> Property<'static> {
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

const PROPERTIES: [Property<'static>; 9] = [
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

/// Variables with all the values that they had, so that they can be lent.
struct Device {
    marks: Vec<Mutex<Cell<Mark>>>,
    values: Vec<(Cell<usize>, Vec<OnceCell<Var>>)>,
    /// The property that was asked about last.
    asked: Cell<Option<usize>>,
}

impl Device {
    fn new() -> Self {
        let first = |property: &Property<'_>| match property.kind {
            Kind::Text => Var::Bytes(b"x".to_vec()),
            Kind::Json => Var::Bytes(b"{}".to_vec()),
            _ => Var::Number(1),
        };
        let values = PROPERTIES.iter().map(|property| {
            let values = vec![OnceCell::new(); VALUES];
            let _ = values[0].set(first(property));
            (Cell::new(0), values)
        });
        Self {
            marks: PROPERTIES
                .iter()
                .map(|_| Mutex::new(Cell::default()))
                .collect(),
            values: values.collect(),
            asked: Cell::new(None),
        }
    }

    /// Whether this is what the variable has.
    fn has(&self, index: usize, json: Value<'_>) -> bool {
        match (self.load(index).unwrap(), PROPERTIES[index].kind) {
            (Current::Bool(value), _) => json.as_bool() == Ok(value),
            (Current::Signed(value), Kind::Integer { decimals, .. }) => {
                json.as_scaled(decimals) == Ok(value)
            }
            (Current::Unsigned(value), _) => json.as_u64() == Ok(value),
            (Current::Enum(number), _) => json.eq_str(NAMES[number]),
            (Current::Text(text), _) => json.eq_str(text),
            (Current::Json(text), _) => json.raw() == text,
            (current, kind) => panic!("{current:?} of {kind:?}"),
        }
    }
}

impl Table for Device {
    fn len(&self) -> usize {
        PROPERTIES.len()
    }

    fn property(&self, index: usize) -> Option<Property<'_>> {
        PROPERTIES.get(index).copied()
    }

    fn path(&self, index: usize) -> Option<&[u8]> {
        Some(PROPERTIES.get(index)?.path.as_bytes())
    }

    fn mark(&self, index: usize) -> Option<&Mutex<Cell<Mark>>> {
        self.marks.get(index)
    }

    fn load(&self, index: usize) -> Option<Current<'_>> {
        let (current, values) = self.values.get(index)?;
        Some(
            match (values[current.get()].get()?, PROPERTIES[index].kind) {
                (Var::Number(value), Kind::Integer { signed: true, .. }) => Current::Signed(*value),
                (Var::Number(value), Kind::Integer { .. }) => Current::Unsigned(*value as u64),
                (Var::Number(value), Kind::Bool) => Current::Bool(*value != 0),
                (Var::Number(value), _) => Current::Enum(*value as usize),
                (Var::Bytes(text), Kind::Text) => Current::Text(text),
                (Var::Bytes(text), _) => Current::Json(text),
            },
        )
    }

    fn store(&self, index: usize, wanted: &Wanted<'_>) {
        assert_eq!(self.asked.take(), Some(index), "stored without asking");
        let property = &PROPERTIES[index];
        assert!(!property.read_only, "the cloud changed {}", property.path);
        let var = match property.kind {
            Kind::Bool => {
                assert!(matches!(wanted.number, 0 | 1));
                Var::Number(wanted.number)
            }
            Kind::Integer { bits, .. } => {
                let (min, max) = property.range.unwrap_or(match bits {
                    32 => (i32::MIN.into(), i32::MAX.into()),
                    _ => (i64::MIN, i64::MAX),
                });
                assert!((min..=max).contains(&wanted.number), "{}", property.path);
                Var::Number(wanted.number)
            }
            Kind::Enum => {
                assert!(wanted.json.eq_str(NAMES[wanted.number as usize]));
                Var::Number(wanted.number)
            }
            Kind::Text => {
                let mut text = vec![0; property.capacity];
                let unescaped = wanted.json.as_text().expect("a text");
                let length = unescaped.copy_to(&mut text).expect("it fits");
                text.truncate(length);
                assert!(!text.contains(&0), "C would take it for the end");
                std::str::from_utf8(&text).expect("UTF-8");
                Var::Bytes(text)
            }
            Kind::Json => {
                let text = wanted.json.raw();
                assert!(text.len() <= property.capacity && Value::parse(text).is_ok());
                Var::Bytes(text.to_vec())
            }
        };
        let (current, values) = &self.values[index];
        current.set(current.get() + 1);
        let _ = values[current.get()].set(var);
        assert!(self.has(index, wanted.json), "it is what was wanted");
    }

    fn enum_name(&self, _: usize, n: usize) -> Option<&[u8]> {
        NAMES.get(n).map(|name| name.as_bytes())
    }

    fn ask(&self, index: usize, _: &Wanted<'_>) -> i32 {
        self.asked.set(Some(index));
        let is_full = self.values[index].0.get() + 1 == VALUES;
        if is_full { -7 } else { 0 }
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
    for (index, property) in PROPERTIES.iter().enumerate() {
        let path = |section: &str| state.at_path(format!("{section}.{}", property.path)).ok();
        if let Some(value) = path("reported") {
            assert!(!property.write_only, "reported {}", property.path);
            assert!(device.has(index, value), "{}", property.path);
        }
        if let Some(value) = path("desired") {
            let is_own = property.local && device.has(index, value);
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
            (Some(Inbound::Accepted(_)), _) => property::accepted(&device),
            (Some(Inbound::Rejected(_)), envelope) => {
                let code = envelope.as_ref().map_or(-1, |envelope| envelope.code);
                property::failed(&device, code >= 500);
            }
            _ => {
                let index = payload.len() % (PROPERTIES.len() + 1);
                let known = property::changed(&device, index).is_ok();
                assert_eq!(known, index < PROPERTIES.len());
            }
        }
        if report(&device, room) {
            match payload.len() % 4 {
                0 => property::unsent(&device),
                _ => property::sent(&device),
            }
        }
    }
    // With a service that accepts, it comes to an end.
    property::accepted(&device);
    let mut rounds = 0;
    while report(&device, room) {
        property::sent(&device);
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
