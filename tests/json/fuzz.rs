//! Random documents and mutations, with fixed seeds: the same run every time. `serde_json` is the
//! other opinion. `JSON_FUZZ_ROUNDS` multiplies the number of rounds, for a long run.

use iot_thing::json::{Kind, MAX_DEPTH, Value, Writer, scan_members};
use serde_json::Value as Other;

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 32) as usize % limit.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

fn rounds(usual: usize) -> usize {
    let factor = std::env::var("JSON_FUZZ_ROUNDS")
        .ok()
        .and_then(|factor| factor.parse().ok());
    usual * factor.unwrap_or(1)
}

const TOKENS: [&str; 48] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\"a\"",
    "\"state\":",
    "\"version\":",
    "\"\\u0061\"",
    "null",
    "true",
    "false",
    "0",
    "-",
    "1",
    "-0",
    "1.5",
    "e",
    "E+",
    "1e5",
    "18446744073709551616",
    "-9223372036854775808",
    ".",
    " ",
    "\n",
    "\t",
    "\\u",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\n",
    "\\\"",
    "é",
    "😀",
    "\u{7f}",
    "\0",
    "\u{1}",
    "{}",
    "[]",
    "{\"a\":1}",
    "[1,2]",
    "\"\"",
    "\u{feff}",
    "//",
    "[[[[[[[[",
    "]]]]]]]]",
];

/// Reads everything that can be read, in every way; `depth` bounds the walk through garbage.
pub fn exercise(value: Value<'_>, depth: u32) {
    let mut buffer = [0; 16];
    let _ = (
        value.kind(),
        value.is_null(),
        value.as_bool(),
        value.as_i64(),
        value.as_u64(),
    );
    let _ = (
        value.as_scaled(3),
        value.as_scaled(18),
        value.number_text(),
        value.count(),
    );
    let _ = (
        value.get("a"),
        value.at_path("a.0.state"),
        value.at_index(1),
    );
    if let Ok(text) = value.as_text() {
        let _ = (
            text.eq_str("a"),
            text.copy_to(&mut buffer),
            text.copy_to(&mut []),
        );
    }
    let mut writer = Writer::new(&mut buffer);
    writer.raw(value.raw()).string(value.raw());
    let _ = writer.finish();
    if depth > MAX_DEPTH {
        return;
    }
    for member in value.members().into_iter().flatten() {
        let _ = (
            member.name.eq_str("state"),
            member.name.copy_to(&mut buffer),
        );
        assert!(member.value.raw().len() < value.raw().len());
        exercise(member.value, depth + 1);
    }
    for element in value.elements().into_iter().flatten() {
        assert!(element.raw().len() < value.raw().len());
        exercise(element, depth + 1);
    }
}

/// Whether both see the same in a valid document.
fn agree(ours: Value<'_>, other: &Other) {
    match other {
        Other::Null => assert!(ours.is_null()),
        Other::Bool(value) => assert_eq!(ours.as_bool(), Ok(*value)),
        Other::Number(number) => {
            assert_eq!(ours.kind(), Kind::Number);
            if let Some(value) = number.as_i64() {
                assert_eq!(ours.as_i64(), Ok(value));
                assert_eq!(ours.as_scaled(0), Ok(value));
            }
            if let Some(value) = number.as_u64() {
                assert_eq!(ours.as_u64(), Ok(value));
            }
        }
        Other::String(plain) => {
            let text = ours.as_text().expect("string");
            assert!(text.eq_str(plain), "{plain:?}");
            let mut buffer = vec![0; plain.len()];
            assert_eq!(text.copy_to(&mut buffer), Ok(plain.len()));
            assert_eq!(buffer, plain.as_bytes());
        }
        Other::Array(elements) => {
            assert_eq!(ours.count(), Ok(elements.len()));
            for (i, (ours_i, other)) in ours.elements().expect("array").zip(elements).enumerate() {
                assert_eq!(ours.at_index(i), Ok(ours_i));
                agree(ours_i, other);
            }
        }
        Other::Object(members) => {
            for (name, other) in members {
                agree(ours.get(name).expect("member"), other);
            }
            for member in ours.members().expect("object") {
                assert!(members.keys().any(|name| member.name.eq_str(name)));
            }
        }
    }
}

/// Both verdicts on a text that may be anything.
fn judge(text: &[u8]) {
    let shown = || text.escape_ascii().to_string();
    let ours = Value::parse(text);
    let other = serde_json::from_slice::<Other>(text);
    match (&ours, &other) {
        (Ok(ours), Ok(other)) => {
            agree(*ours, other);
            exercise(*ours, 0);
        }
        (Err(failure), _) => {
            assert!(failure.offset <= text.len());
            let too_deep = failure.error == iot_thing::Error::JsonDepth;
            assert!(
                other.is_err() || too_deep,
                "refused: {} {failure:?}",
                shown()
            );
        }
        // It reads numbers as floating point, where 1e400 does not fit; the standard allows it.
        (Ok(_), Err(error)) if error.to_string().contains("number out of range") => {}
        (Ok(_), Err(error)) => panic!("accepted: {} {error}", shown()),
    }
    // The scanner that captures sees what navigation finds.
    let names = ["a", "state", "version", ""];
    match scan_members(text, names) {
        Ok(found) => {
            let ours = ours.expect("the same verdict");
            for (name, value) in names.iter().zip(found) {
                assert_eq!(value, ours.get(name).ok(), "{name} in {}", shown());
            }
        }
        Err(failure) => assert!(
            ours.map_or_else(|ours| ours == failure, |ours| ours.kind() != Kind::Object),
            "{}",
            shown()
        ),
    }
    // Whatever it is, navigation ends and stays inside.
    exercise(Value::assume_valid(text), 0);
}

/// A valid document, with every notation JSON has for the same thing.
fn document(random: &mut Random, depth: u32, out: &mut String) {
    let space = |random: &mut Random, out: &mut String| {
        if random.below(6) == 0 {
            out.push_str(random.pick(&[" ", "\n", "\t", "\r", "  "]));
        }
    };
    space(random, out);
    let container = depth < MAX_DEPTH - 1 && random.below(100) < 60 / (1 + depth as usize / 3);
    match (container, random.below(6)) {
        (true, 0..=2) => {
            out.push('{');
            for i in 0..random.below(5) {
                if i > 0 {
                    out.push(',');
                }
                space(random, out);
                string(random, out);
                space(random, out);
                out.push(':');
                document(random, depth + 1, out);
            }
            space(random, out);
            out.push('}');
        }
        (true, _) => {
            out.push('[');
            for i in 0..random.below(5) {
                if i > 0 {
                    out.push(',');
                }
                document(random, depth + 1, out);
            }
            space(random, out);
            out.push(']');
        }
        (false, 0) => out.push_str(random.pick(&["null", "true", "false"])),
        (false, 1..=2) => string(random, out),
        (false, _) => number(random, out),
    }
    space(random, out);
}

fn string(random: &mut Random, out: &mut String) {
    let pieces = [
        "a",
        "b",
        "state",
        "version",
        "{",
        "]",
        ",",
        ":",
        " ",
        "\u{7f}",
        "é",
        "€",
        "😀",
        "\\\"",
        "\\\\",
        "\\/",
        "\\b",
        "\\n",
        "\\u0000",
        "\\u0061",
        "\\u00E9",
        "\\u20ac",
        "\\ud83d\\ude00",
    ];
    out.push('"');
    for _ in 0..random.below(4) {
        out.push_str(random.pick(&pieces));
    }
    out.push('"');
}

fn number(random: &mut Random, out: &mut String) {
    let bits = random.below(64);
    let value = random.next() >> bits;
    match random.below(6) {
        0 => out.push_str(&format!("{}", value as i64)),
        1 => out.push_str(&value.to_string()),
        2 => out.push_str(&format!("-{value}.{:03}", random.below(1000))),
        3 => out.push_str(&format!("{value}e{}", random.below(30))),
        4 => out.push_str(&format!("{value}.0E-{}", random.below(30))),
        _ => out.push_str(random.pick(&[
            "0",
            "-0",
            "0.0",
            "-0.5e+07",
            "1e400",
            "123456789012345678901234567890",
        ])),
    }
}

#[test]
fn valid_documents_agree() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..rounds(3_000) {
        let mut text = String::new();
        document(&mut random, 0, &mut text);
        assert!(Value::parse(text.as_bytes()).is_ok(), "{text}");
        judge(text.as_bytes());
    }
}

#[test]
fn mutated_documents_agree() {
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    for _ in 0..rounds(10_000) {
        let mut text = String::new();
        document(&mut random, 0, &mut text);
        let mut text = text.into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len() + 1);
            let end = (at + random.below(4)).min(text.len());
            match random.below(5) {
                0 => text.truncate(at),
                1 => drop(text.drain(at..end)),
                2 => drop(text.splice(at..end, [random.next() as u8])),
                3 => drop(text.splice(at..end, random.pick(&TOKENS).bytes())),
                _ => {
                    let copied = text[at..end].to_vec();
                    let to = random.below(text.len() + 1);
                    drop(text.splice(to..to, copied));
                }
            }
        }
        judge(&text);
    }
}

#[test]
fn token_soup_agrees() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for _ in 0..rounds(20_000) {
        let count = 1 + random.below(9);
        let text: String = (0..count).map(|_| random.pick(&TOKENS)).collect();
        judge(text.as_bytes());
    }
}

#[test]
fn random_bytes_are_survived() {
    let mut random = Random(0x1234_5678_9ABC_DEF1);
    for _ in 0..rounds(5_000) {
        let len = random.below(24);
        let mut text: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        judge(&text);
        for open in [b'"', b'{', b'['] {
            text.insert(0, open);
            judge(&text);
        }
    }
}

#[test]
fn every_truncation_of_random_documents_is_survived() {
    let mut random = Random(0xA076_1D64_78BD_642F);
    for _ in 0..rounds(60) {
        let mut text = String::from("[");
        document(&mut random, 1, &mut text);
        text.push(']');
        for len in 0..text.len() {
            assert!(Value::parse(&text.as_bytes()[..len]).is_err());
            judge(&text.as_bytes()[..len]);
        }
    }
}

/// Copies a document through the writer.
fn copy(value: Value<'_>, writer: &mut Writer<'_>) {
    let unescaped = |text: iot_thing::json::Text<'_>| {
        let mut buffer = vec![0; text.raw().len()];
        let len = text.copy_to(&mut buffer).expect("valid");
        buffer.truncate(len);
        buffer
    };
    match value.kind() {
        Kind::Null => drop(writer.null()),
        Kind::Bool => drop(writer.bool(value.as_bool().expect("bool"))),
        Kind::String => drop(writer.string(unescaped(value.as_text().expect("string")))),
        Kind::Array => {
            writer.begin_array();
            for element in value.elements().expect("array") {
                copy(element, writer);
            }
            writer.end_array();
        }
        Kind::Object => {
            writer.begin_object();
            for member in value.members().expect("object") {
                writer.name(unescaped(member.name));
                copy(member.value, writer);
            }
            writer.end_object();
        }
        _ => match (value.as_i64(), value.as_u64()) {
            (Ok(value), _) => drop(writer.i64(value)),
            (_, Ok(value)) => drop(writer.u64(value)),
            _ => drop(writer.raw(value.raw())),
        },
    }
}

#[test]
fn written_documents_read_the_same_and_need_what_they_say() {
    let mut random = Random(0xE703_7ED1_A0B4_28DB);
    for round in 0..rounds(400) {
        let mut text = String::new();
        document(&mut random, 0, &mut text);
        let value = Value::parse(text.as_bytes()).expect("valid");
        let mut measuring = Writer::new(&mut []);
        copy(value, &mut measuring);
        let needed = measuring.needed();

        let mut buffer = vec![0; needed];
        let mut writer = Writer::new(&mut buffer);
        copy(value, &mut writer);
        let copied = writer.finish().expect("exactly large enough").to_vec();
        assert_eq!(copied.len(), needed);
        let again = Value::parse(&copied).expect("valid");
        match serde_json::from_slice::<Other>(&copied) {
            Ok(other) => agree(again, &other),
            Err(error) => assert!(error.to_string().contains("number out of range")),
        }

        let step = if round % 20 == 0 { 1 } else { 17 };
        for size in (0..needed).step_by(step) {
            let mut writer = Writer::new(&mut buffer[..size]);
            copy(value, &mut writer);
            assert_eq!(writer.needed(), needed);
            assert!(writer.finish().is_err());
        }
    }
}

#[test]
fn integers_and_decimals_come_back() {
    let mut random = Random(0x8EBC_6AF0_9C88_C6E3);
    let mut buffer = [0; 32];
    for _ in 0..rounds(20_000) {
        let bits = random.below(64);
        let value = random.next() as i64 >> bits;
        let decimals = random.below(19) as u8;
        let mut writer = Writer::new(&mut buffer);
        let text = writer.scaled(value, decimals).finish().expect("fits");
        let number = Value::parse(text).expect("valid");
        assert_eq!(number.as_scaled(decimals), Ok(value));
        if decimals < 18 {
            let larger = value.checked_mul(10).ok_or(iot_thing::Error::JsonRange);
            assert_eq!(number.as_scaled(decimals + 1), larger);
        }
        if decimals > 0 {
            let exact = value % 10 == 0;
            let smaller = exact
                .then_some(value / 10)
                .ok_or(iot_thing::Error::JsonRange);
            assert_eq!(number.as_scaled(decimals - 1), smaller);
        }
        // The same number in another notation.
        let shift = random.below(40) as i64 - 20;
        let text = format!("{value}e{}", shift - i64::from(decimals));
        let expected = i32::try_from(shift.unsigned_abs()).ok().and_then(|places| {
            let power = 10i128.pow(places as u32);
            let value = i128::from(value);
            match shift {
                0.. => value.checked_mul(power),
                _ => (value % power == 0).then_some(value / power),
            }
        });
        let expected = expected.and_then(|value| i64::try_from(value).ok());
        let number = Value::parse(text.as_bytes()).expect("valid");
        assert_eq!(
            number.as_scaled(decimals).ok(),
            expected,
            "{text} {decimals}"
        );
    }
}
