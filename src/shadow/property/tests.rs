use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// A property with its path.
#[derive(Clone, Copy)]
struct Property<'t> {
    path: &'t str,
    kind: Kind,
    range: Option<(i64, i64)>,
    deadband: u32,
    capacity: usize,
    read_only: bool,
    write_only: bool,
    local: bool,
}

/// A variable.
#[derive(Clone, Debug, PartialEq)]
enum Var {
    Signed(i64),
    Unsigned(u64),
    Bool(bool),
    Enum(usize),
    Text(Vec<u8>),
    Json(Vec<u8>),
}

/// Which property, what is wrong, the callback's code, bytes needed.
type Told = (Option<usize>, Error, i32, usize);

/// A table whose variables are Rust's.
struct Device {
    rows: Vec<Variable>,
    marks: Vec<Mutex<Cell<Mark>>>,
    /// What `ask` answers, per property.
    refuses: RefCell<BTreeMap<usize, i32>>,
    asked: RefCell<Vec<usize>>,
    told: RefCell<Vec<Told>>,
}

/// A property and its variable.
struct Variable {
    property: Property<'static>,
    var: RefCell<Var>,
    /// Texts that were lent: kept until the end of the test.
    lent: RefCell<Vec<&'static [u8]>>,
    /// What an interrupt does while the name of an enumeration is looked for.
    interrupt: Cell<Option<Box<dyn FnOnce()>>>,
}

const NAMES: [&str; 3] = ["off", "eco", "full"];

impl Device {
    fn new(properties: Vec<(Property<'static>, Var)>) -> Self {
        Self {
            marks: properties
                .iter()
                .map(|_| Mutex::new(Cell::default()))
                .collect(),
            rows: properties
                .into_iter()
                .map(|(property, var)| Variable {
                    property,
                    var: var.into(),
                    lent: RefCell::default(),
                    interrupt: Cell::new(None),
                })
                .collect(),
            refuses: RefCell::default(),
            asked: RefCell::default(),
            told: RefCell::default(),
        }
    }

    fn set(&self, index: usize, var: Var) {
        self.rows[index].var.replace(var);
        changed(self, index).unwrap();
    }

    fn var(&self, index: usize) -> Var {
        self.rows[index].var.borrow().clone()
    }

    fn delta(&self, delta: &str) -> bool {
        apply(self, Value::parse(delta.as_bytes()).unwrap(), None)
    }

    /// The next report, accepted; "" when there is none.
    fn report(&self) -> String {
        let text = self.report_open(1000);
        accepted(self);
        text
    }

    fn report_open(&self, room: usize) -> String {
        let mut buffer = vec![0; room];
        let mut writer = Writer::new(&mut buffer);
        if !report(self, &mut writer, room) {
            return String::new();
        }
        String::from_utf8(writer.finish().unwrap().to_vec()).unwrap()
    }

    fn told(&self) -> Vec<Told> {
        self.told.take()
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
        if let Some(interrupt) = self.interrupt.take() {
            interrupt();
        }
        NAMES.get(n).map(|name| name.as_bytes())
    }

    fn number(&self, _: CriticalSection<'_>) -> i64 {
        match *self.var.borrow() {
            Var::Signed(value) => value,
            Var::Unsigned(value) => value as i64,
            Var::Bool(value) => value.into(),
            Var::Enum(value) => value as i64,
            Var::Text(_) | Var::Json(_) => 0,
        }
    }

    fn set_number(&self, number: i64, _: CriticalSection<'_>) {
        match &mut *self.var.borrow_mut() {
            Var::Signed(value) => *value = number,
            Var::Unsigned(value) => *value = number as u64,
            Var::Bool(value) => *value = number != 0,
            Var::Enum(value) => *value = number as usize,
            Var::Text(_) | Var::Json(_) => {}
        }
    }

    fn text(&self) -> &[u8] {
        match &*self.var.borrow() {
            Var::Text(text) | Var::Json(text) => {
                let text: &'static [u8] = text.to_vec().leak();
                self.lent.borrow_mut().push(text);
                text
            }
            _ => &[],
        }
    }

    fn set_text(&self, json: Value<'_>) {
        match &mut *self.var.borrow_mut() {
            Var::Text(value) => {
                let mut text = vec![0; 100];
                let text_len = json.as_text().unwrap().copy_to(&mut text).unwrap();
                text.truncate(text_len);
                *value = text;
            }
            Var::Json(value) => *value = json.raw().to_vec(),
            _ => {}
        }
    }
}

impl Table for Device {
    type Row = Variable;

    fn rows(&self) -> &[Variable] {
        &self.rows
    }

    fn marks(&self) -> &[Mutex<Cell<Mark>>] {
        &self.marks
    }

    fn ask(&self, index: usize, _: &Wanted<'_>) -> i32 {
        self.asked.borrow_mut().push(index);
        self.refuses.borrow().get(&index).copied().unwrap_or(0)
    }

    fn is_told(&self) -> bool {
        true
    }

    fn tell(&self, problem: &Problem<'_>) {
        let Problem {
            index,
            error,
            code,
            needed,
            ..
        } = *problem;
        self.told.borrow_mut().push((index, error, code, needed));
    }
}

fn plain(path: &'static str, kind: Kind) -> Property<'static> {
    Property {
        path,
        kind,
        range: None,
        deadband: 0,
        capacity: 13,
        read_only: false,
        write_only: false,
        local: false,
    }
}

fn int(path: &'static str, bits: u8, signed: bool) -> Property<'static> {
    plain(
        path,
        Kind::Integer {
            bits,
            signed,
            decimals: 0,
        },
    )
}

fn decimal(path: &'static str) -> Property<'static> {
    plain(
        path,
        Kind::Integer {
            bits: 32,
            signed: true,
            decimals: 2,
        },
    )
}

fn thermostat() -> Device {
    Device::new(vec![
        (
            Property {
                range: Some((100, 60_000)),
                ..int("period", 32, false)
            },
            Var::Unsigned(1000),
        ),
        (
            Property {
                deadband: 50,
                read_only: true,
                ..decimal("celsius")
            },
            Var::Signed(2157),
        ),
        (plain("mode", Kind::Enum), Var::Enum(1)),
        (plain("led.on", Kind::Bool), Var::Bool(false)),
        (int("led.color.red", 8, false), Var::Unsigned(7)),
        (int("led.color.blue", 8, false), Var::Unsigned(8)),
        (plain("name", Kind::Text), Var::Text(b"kitchen".to_vec())),
        (plain("plan", Kind::Json), Var::Json(b"[1,2]".to_vec())),
    ])
}

const WHOLE: &str = r#"{"reported":{"period":1000,"celsius":21.57,"mode":"eco","led":{"on":false,"color":{"red":7,"blue":8}},"name":"kitchen","plan":[1,2]}}"#;

fn synced(device: &Device) {
    compare(device, None, false);
    assert_ne!(device.report(), "");
    assert_eq!(device.report(), "", "it is in sync");
}

#[test]
fn everything_is_reported_when_the_cloud_has_nothing() {
    let device = thermostat();
    check(&device).unwrap();
    compare(&device, None, false);
    assert_eq!(device.report(), WHOLE);
    assert_eq!(device.report(), "");
    assert_eq!(device.told(), []);
}

#[test]
fn only_what_differs_is_reported_when_the_cloud_has_something() {
    let device = thermostat();
    let whole = Value::parse(WHOLE.as_bytes()).unwrap();
    compare(&device, whole.get("reported").ok(), false);
    assert_eq!(device.report(), "");
    let other = Value::parse(
        br#"{"period":5,"mode":"eco","led":{"on":"x","color":{"red":7.0}},"celsius":2.157e1,"name":"k","plan":[1, 2]}"#,
    )
    .unwrap();
    compare(&device, Some(other), false);
    assert_eq!(
        device.report(),
        r#"{"reported":{"period":1000,"led":{"on":false,"color":{"blue":8}},"name":"kitchen","plan":[1,2]}}"#
    );
    compare(&device, whole.get("reported").ok(), true);
    assert_eq!(device.report(), WHOLE);
}

#[test]
fn what_the_cloud_has_besides_is_passed_over() {
    let device = thermostat();
    let reported = Value::parse(
        br#"{"x":{"period":7,"led":[{"on":true}]},"period":1000,"":"\"period\":7","celsius":21.57,"mode":"eco","led":{"x":[1,{"on":true}],"on":false,"color":{"red":7,"blue":8,"x":"}"},"y":null},"led.on":true,"name":"kitchen","perio\u0064s":7,"plan":[1,2],"z":[]}"#,
    )
    .unwrap();
    compare(&device, Some(reported), false);
    assert_eq!(device.report(), "");
    assert_eq!(device.told(), []);
}

#[test]
fn a_delta_of_every_kind() {
    let device = thermostat();
    synced(&device);
    device.delta(
        r#"{"plan":{"a":1},"mode":"full","led":{"color":{"blue":255},"on":true},"period":60000,"name":"h\u00e4ll\"o"}"#,
    );
    assert_eq!(device.told(), []);
    assert_eq!(device.var(0), Var::Unsigned(60_000));
    assert_eq!(device.var(2), Var::Enum(2));
    assert_eq!(device.var(3), Var::Bool(true));
    assert_eq!(device.var(5), Var::Unsigned(255));
    assert_eq!(device.var(6), Var::Text("häll\"o".into()));
    assert_eq!(
        device.var(7),
        Var::Json(b"[1,2]".to_vec()),
        "a part of it only"
    );
    assert_eq!(
        device.report(),
        r#"{"reported":{"period":60000,"mode":"full","led":{"on":true,"color":{"blue":255}},"name":"häll\"o"}}"#
    );
    assert_eq!(device.report(), "");
    // The whole of the JSON, as it is desired.
    let desired = Value::parse(br#"{"plan":{"a":1,"b":2}}"#).unwrap();
    let delta = Value::parse(br#"{"plan":{"a":1}}"#).unwrap();
    assert!(!apply(&device, delta, Some(desired)));
    assert_eq!(device.var(7), Var::Json(br#"{"a":1,"b":2}"#.to_vec()));
    assert!(apply(&device, delta, None), "without it, it has to be read");
}

#[test]
fn names_are_found_in_any_order_and_however_they_are_written() {
    let device = thermostat();
    synced(&device);
    device.delta(r#"{"l\u0065d":{"color":{"r\u0065d":9,"blue":10}},"p\u0065riod":2000}"#);
    assert_eq!(device.told(), []);
    assert_eq!(device.var(0), Var::Unsigned(2000));
    assert_eq!(
        (device.var(4), device.var(5)),
        (Var::Unsigned(9), Var::Unsigned(10))
    );
    let before = device.var(5);
    // One level with a dot is not two; the beginning of a name is not the name.
    device.delta(
        r#"{"led.color":{"blue":1},"led.color.blue":1,"peri":1,"periods":1,"":1,"led":{"":1}}"#,
    );
    assert_eq!(device.told().len(), 6);
    assert_eq!(
        (device.var(0), device.var(5)),
        (Var::Unsigned(2000), before)
    );
}

#[test]
fn the_last_of_several_members_of_one_name_counts() {
    let device = thermostat();
    synced(&device);
    device.delta(r#"{"period":2000,"led":{"on":true},"period":3000,"led":{"on":false}}"#);
    assert_eq!(device.told(), []);
    assert_eq!(*device.asked.borrow(), [0, 3, 0, 3], "each is a request");
    assert_eq!(device.var(0), Var::Unsigned(3000));
    assert_eq!(
        device.report(),
        r#"{"reported":{"period":3000,"led":{"on":false}}}"#
    );
    let reported = Value::parse(br#"{"period":3000,"period":1}"#).unwrap();
    compare(&device, Some(reported), false);
    assert!(
        device
            .report()
            .starts_with(r#"{"reported":{"period":3000,"#)
    );
}

#[test]
fn names_may_begin_like_others() {
    let paths = [
        "s", "s1", "s11", "t.s", "t.s1.s", "t.s1.t", "t.s11", "tt", "u.t.s",
    ];
    let expected = r#"{"reported":{"s":0,"s1":1,"s11":2,"t":{"s":3,"s1":{"s":4,"t":5},"s11":6},"tt":7,"u":{"t":{"s":8}}}}"#;
    let state = Value::parse(expected.as_bytes()).unwrap();
    for delta in [
        state.get("reported").unwrap(),
        // Backwards, and the members of one object in two places.
        Value::parse(
            br#"{"u":{"t":{"s":8}},"tt":7,"t":{"s11":6,"s1":{"t":5}},"s11":2,"t":{"s1":{"s":4},"s":3},"s1":1,"s":0}"#,
        )
        .unwrap(),
    ] {
        let rows = paths.map(|path| (int(path, 8, false), Var::Unsigned(100)));
        let device = Device::new(rows.into());
        check(&device).unwrap();
        assert!(!apply(&device, delta, None));
        assert_eq!(device.told(), []);
        assert_eq!(device.asked.borrow().len(), paths.len());
        assert_eq!(device.report(), expected);
        compare(&device, state.get("reported").ok(), false);
        assert_eq!(device.report(), "");
    }
}

#[test]
fn tables_of_no_and_of_one_property() {
    let none = Device::new(Vec::new());
    check(&none).unwrap();
    none.delta(r#"{"a":1,"b":{"c":2}}"#);
    let unknown = (None, Error::PropertyUnknown, -1, 0);
    assert_eq!(none.told(), [unknown; 2]);
    compare(&none, None, true);
    assert_eq!(none.report(), "");
    assert_eq!(changed(&none, 0), Err(Error::Argument));

    let one = Device::new(vec![(int("a", 8, false), Var::Unsigned(0))]);
    one.delta(r#"{"b":1,"a":2,"c":3}"#);
    assert_eq!(one.told(), [unknown; 2]);
    assert_eq!(one.report(), r#"{"reported":{"a":2}}"#);
    one.delta("[1]");
    one.delta("{}");
    assert_eq!((one.report(), one.told()), (String::new(), vec![]));
    assert_eq!(changed(&one, 1), Err(Error::Argument));
}

#[test]
fn reports_of_any_part_of_a_table_have_each_object_once() {
    // Sorted, as `serde_json` writes them.
    let paths = ["a", "b.a", "b.b.a", "b.b.b", "b.c.b", "b.d", "c.c.c", "d"];
    for chosen in 1..1_u32 << paths.len() {
        let rows = paths.map(|path| (int(path, 8, false), Var::Unsigned(1)));
        let device = Device::new(rows.into());
        let mut expected = serde_json::json!({"reported": {}});
        for (index, path) in paths.iter().enumerate() {
            if chosen & 1 << index != 0 {
                changed(&device, index).unwrap();
                let members = path.rsplit('.');
                let state = members.fold(
                    serde_json::json!(1),
                    |inner, name| serde_json::json!({name: inner}),
                );
                merge(&mut expected["reported"], state);
            }
        }
        assert_eq!(device.report(), expected.to_string());
        assert_eq!(device.report(), "");
    }
}

#[test]
fn a_value_that_is_none_is_told_and_leaves_no_trace() {
    let device = Device::new(vec![
        (plain("a.b.json", Kind::Json), Var::Json(b"[1,".to_vec())),
        (plain("a.c", Kind::Bool), Var::Bool(true)),
        (plain("text", Kind::Text), Var::Text(b"\xFF".to_vec())),
    ]);
    compare(&device, None, false);
    assert_eq!(device.report(), r#"{"reported":{"a":{"c":true}}}"#);
    assert_eq!(
        device.told(),
        [
            (Some(0), Error::JsonSyntax, -1, 0),
            (Some(2), Error::JsonUtf8, -1, 0)
        ]
    );
    assert_eq!(device.report(), "", "it does not hold up anything");
}

#[test]
fn what_cannot_be_is_told_once_and_the_value_that_stays_is_reported_once() {
    let device = thermostat();
    synced(&device);
    device.refuses.borrow_mut().insert(3, -77);
    let delta = r#"{"period":99,"celsius":1,"mode":"turbo","led":{"on":true,"x":1,"color":5},"name":"a name too long","plan":"thirteen....","new":[]}"#;
    for turn in 0..2 {
        device.delta(delta);
        let unknown = (None, Error::PropertyUnknown, -1, 0);
        let expected = [
            (Some(0), Error::JsonRange, -1, 0),
            (Some(1), Error::PropertyReadOnly, -1, 0),
            (Some(2), Error::JsonRange, -1, 0),
            (Some(3), Error::PropertyRefused, -77, 0),
            unknown,
            unknown,
            (Some(6), Error::JsonNoSpace, -1, 15),
            (Some(7), Error::JsonNoSpace, -1, 14),
            unknown,
        ];
        if turn == 0 {
            assert_eq!(device.told(), expected);
            assert_eq!(
                device.report(),
                r#"{"reported":{"period":1000,"celsius":21.57,"mode":"eco","led":{"on":false},"name":"kitchen","plan":[1,2]}}"#
            );
        } else {
            // The next delta has it all again, and leads to no report, so there is no loop.
            assert_eq!(device.told(), [unknown; 3]);
            assert_eq!(device.report(), "");
        }
    }
    assert_eq!(*device.asked.borrow(), [3]);
    for (wrong, error) in [
        (r#"{"period":"5"}"#, Error::JsonType),
        (r#"{"period":-1}"#, Error::JsonRange),
        (r#"{"period":100.5}"#, Error::JsonRange),
        (r#"{"mode":1}"#, Error::JsonType),
        (r#"{"led":{"color":{"red":256}}}"#, Error::JsonRange),
        (r#"{"name":{}}"#, Error::JsonType),
        (r#"{"name":"a\u0000b"}"#, Error::JsonRange),
        (r#"{"period":{}}"#, Error::JsonType),
    ] {
        device.delta(wrong);
        let told = device.told();
        assert_eq!((told.len(), told[0].1), (1, error), "{wrong}");
    }
    assert_eq!(device.var(0), Var::Unsigned(1000));
}

#[test]
fn integers_of_all_widths() {
    let limits: [(u8, bool, &str, &str, &str, &str); 8] = [
        (8, true, "-128", "127", "-129", "128"),
        (8, false, "0", "255", "-1", "256"),
        (16, true, "-32768", "32767", "-32769", "32768"),
        (16, false, "0", "65535", "-1", "65536"),
        (
            32,
            true,
            "-2147483648",
            "2147483647",
            "-2147483649",
            "2147483648",
        ),
        (32, false, "0", "4294967295", "-1", "4294967296"),
        (
            64,
            true,
            "-9223372036854775808",
            "9223372036854775807",
            "-9223372036854775809",
            "9223372036854775808",
        ),
        (
            64,
            false,
            "0",
            "18446744073709551615",
            "-1",
            "18446744073709551616",
        ),
    ];
    for (bits, signed, min, max, below, above) in limits {
        let var = if signed {
            Var::Signed(1)
        } else {
            Var::Unsigned(1)
        };
        let device = Device::new(vec![(int("i", bits, signed), var)]);
        check(&device).unwrap();
        for good in [min, max] {
            device.delta(&format!(r#"{{"i":{good}}}"#));
            assert_eq!(device.told(), []);
            assert_eq!(device.report(), format!(r#"{{"reported":{{"i":{good}}}}}"#));
        }
        for bad in [below, above] {
            device.delta(&format!(r#"{{"i":{bad}}}"#));
            assert_eq!(
                device.told()[0].1,
                Error::JsonRange,
                "{bits} {signed} {bad}"
            );
        }
    }
}

#[test]
fn decimals_have_no_more_digits_than_they_are_said_to_have() {
    let device = Device::new(vec![(decimal("d"), Var::Signed(0))]);
    device.delta(r#"{"d":-1.5}"#);
    assert_eq!(device.var(0), Var::Signed(-150));
    assert_eq!(device.report(), r#"{"reported":{"d":-1.50}}"#);
    device.delta(r#"{"d":1.005}"#);
    assert_eq!(device.told()[0].1, Error::JsonRange);
}

#[test]
fn changes_within_the_deadband_are_not_reported() {
    let device = thermostat();
    synced(&device);
    device.set(1, Var::Signed(2157 + 49));
    assert!(is_due(&device));
    assert_eq!(device.report(), "");
    assert!(!is_due(&device));
    device.set(1, Var::Signed(2157 - 50));
    assert_eq!(device.report(), r#"{"reported":{"celsius":21.07}}"#);
    device.set(1, Var::Signed(2107 + 49));
    assert_eq!(device.report(), "", "counted from what was reported");
    device.set(0, Var::Unsigned(1000));
    assert_eq!(device.report(), "", "the same value");
}

#[test]
fn a_report_that_fails_is_made_again_with_the_values_of_then() {
    let device = thermostat();
    synced(&device);
    device.set(0, Var::Unsigned(2000));
    assert_eq!(device.report_open(1000), r#"{"reported":{"period":2000}}"#);
    assert!(!is_due(&device), "it is under way");
    device.set(0, Var::Unsigned(3000));
    failed(&device, true);
    assert_eq!(device.report_open(1000), r#"{"reported":{"period":3000}}"#);
    failed(&device, false);
    assert_eq!(device.report(), "", "it was refused for good");
    device.set(0, Var::Unsigned(3000));
    assert_ne!(device.report(), "", "the cloud does not have it");

    // Changed while a report of it is under way.
    device.set(0, Var::Unsigned(4000));
    device.report_open(1000);
    device.set(0, Var::Unsigned(5000));
    accepted(&device);
    assert_eq!(device.report(), r#"{"reported":{"period":5000}}"#);

    // Not even handed over.
    device.set(0, Var::Unsigned(6000));
    let mut buffer = [0; 100];
    assert!(report(&device, &mut Writer::new(&mut buffer), 100));
    unsent(&device);
    assert_eq!(device.report(), r#"{"reported":{"period":6000}}"#);
}

#[test]
fn a_change_while_it_is_reported_is_reported_next() {
    let device: &'static Device = Box::leak(Box::new(thermostat()));
    synced(device);
    device.set(2, Var::Enum(2));
    let interrupt = || device.set(2, Var::Enum(0));
    device.rows[2].interrupt.set(Some(Box::new(interrupt)));
    assert_eq!(device.report(), r#"{"reported":{"mode":"full"}}"#);
    assert_eq!(device.report(), r#"{"reported":{"mode":"off"}}"#);
    assert_eq!(device.report(), "");
    // And while a value is compared with what the cloud has.
    let reported = Value::parse(br#"{"mode":"off"}"#).unwrap();
    let interrupt = || device.set(2, Var::Enum(1));
    device.rows[2].interrupt.set(Some(Box::new(interrupt)));
    compare(device, Some(reported), false);
    assert!(device.report().contains(r#""mode":"eco""#));
}

#[test]
fn what_does_not_fit_into_one_report_goes_into_the_next() {
    for room in 81..200 {
        let device = thermostat();
        compare(&device, None, false);
        let mut seen = serde_json::json!({});
        for _ in 0..20 {
            let text = device.report_open(room);
            assert!(text.len() <= room, "{room}: {text}");
            if text.is_empty() {
                break;
            }
            accepted(&device);
            merge(&mut seen, serde_json::from_str(&text).unwrap());
        }
        let whole: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
        assert_eq!(seen, whole, "{room}");
        assert_eq!(device.told(), []);
    }
    let device = thermostat();
    compare(&device, None, false);
    while !device.report_open(50).is_empty() {
        accepted(&device);
    }
    let told = device.told();
    assert!(told.iter().all(|t| t.1 == Error::TooLarge) && !told.is_empty());
    assert!(!is_due(&device), "what never fits holds nothing up");
}

fn merge(into: &mut serde_json::Value, from: serde_json::Value) {
    match (into, from) {
        (serde_json::Value::Object(into), serde_json::Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(serde_json::json!({})), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[test]
fn a_command_is_obeyed_once_and_taken_back() {
    let device = Device::new(vec![
        (
            Property {
                write_only: true,
                ..int("beep", 8, false)
            },
            Var::Unsigned(0),
        ),
        (int("other", 8, false), Var::Unsigned(1)),
    ]);
    synced(&device);
    device.delta(r#"{"beep":3}"#);
    assert_eq!(device.var(0), Var::Unsigned(3));
    // A delta that some other update provoked.
    device.delta(r#"{"beep":3}"#);
    device.set(1, Var::Unsigned(2));
    assert_eq!(
        device.report_open(1000),
        r#"{"reported":{"other":2},"desired":{"beep":null}}"#
    );
    device.delta(r#"{"beep":3}"#);
    assert_eq!(*device.asked.borrow(), [0]);
    failed(&device, true);
    assert_eq!(
        device.report(),
        r#"{"reported":{"other":2},"desired":{"beep":null}}"#
    );
    assert_eq!(device.report(), "");
    device.delta(r#"{"beep":3}"#);
    assert_eq!(*device.asked.borrow(), [0, 0], "asked for again");
}

#[test]
fn a_local_change_overrules_the_cloud_if_it_may() {
    let device = Device::new(vec![(
        Property {
            local: true,
            ..int("level", 8, false)
        },
        Var::Unsigned(1),
    )]);
    synced(&device);
    device.delta(r#"{"level":5}"#);
    assert_eq!(device.report(), r#"{"reported":{"level":5}}"#);
    device.set(0, Var::Unsigned(7));
    let both = r#"{"reported":{"level":7},"desired":{"level":7}}"#;
    assert_eq!(device.report_open(1000), both);
    failed(&device, true);
    assert_eq!(device.report(), both);
    assert_eq!(device.report(), "");
}

#[test]
fn what_is_wanted_already_is_confirmed_without_asking() {
    let device = thermostat();
    device.delta(r#"{"period":1000}"#);
    assert_eq!(device.report(), r#"{"reported":{"period":1000}}"#);
    device.delta(r#"{"period":1000}"#);
    assert_eq!(
        device.report(),
        "",
        "the cloud has it: a repetition changes nothing"
    );
    assert!(device.asked.borrow().is_empty());
}

#[test]
fn tables_that_cannot_work_are_refused() {
    let bad = |properties: Vec<Property<'static>>| {
        let with_vars = properties.into_iter().map(|p| (p, Var::Signed(0)));
        assert_eq!(
            check(&Device::new(with_vars.collect())),
            Err(Error::Argument)
        );
    };
    for path in ["", ".", "a.", ".a", "a..b", "a.b.c.d.e.f.g"] {
        bad(vec![int(path, 8, true)]);
    }
    bad(vec![int("a", 8, true), int("a", 8, true)]);
    bad(vec![int("a", 8, true), int("a.b", 8, true)]);
    bad(vec![int("a.b", 8, true), int("a", 8, true)]);
    bad(vec![
        int("a.b", 8, true),
        int("c", 8, true),
        int("a.d", 8, true),
    ]);
    bad(vec![int("a", 7, true)]);
    bad(vec![Property {
        range: Some((0, 128)),
        ..int("a", 8, true)
    }]);
    bad(vec![Property {
        range: Some((-1, 5)),
        ..int("a", 8, false)
    }]);
    bad(vec![Property {
        range: Some((5, 4)),
        ..int("a", 8, true)
    }]);
    bad(vec![Property {
        capacity: 0,
        ..plain("a", Kind::Text)
    }]);
    bad(vec![Property {
        read_only: true,
        write_only: true,
        ..int("a", 8, true)
    }]);
    bad(vec![plain(
        "a",
        Kind::Integer {
            bits: 32,
            signed: true,
            decimals: 19,
        },
    )]);
    check(&Device::new(vec![
        (int("a.b", 8, true), Var::Signed(0)),
        (int("a.c.d", 8, true), Var::Signed(0)),
        (int("a.c.e", 8, true), Var::Signed(0)),
        (int("ab", 8, true), Var::Signed(0)),
    ]))
    .unwrap();
}
