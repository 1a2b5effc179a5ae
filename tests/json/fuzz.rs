//! Random documents and mutations, with fixed seeds: the same run every time. `serde_json` is the
//! other opinion. `JSON_FUZZ_ROUNDS` multiplies the number of rounds, for a long run.

use iot_thing::json::{MAX_DEPTH, Value, Writer};
use serde_json::Value as Other;

use crate::judge::{agree, copy, judge};

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
