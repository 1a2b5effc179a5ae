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
    let factor = std::env::var("JSON_FUZZ_ROUNDS").ok().and_then(|factor| factor.parse().ok());
    usual * factor.unwrap_or(1)
}

const TOKENS: [&str; 48] = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\"state\":", "\"version\":", "\"\\u0061\"", "null", "true", "false", "0", "-", "1", "-0",
    "1.5", "e", "E+", "1e5", "18446744073709551616", "-9223372036854775808", ".", " ", "\n", "\t", "\\u", "\\ud83d\\ude00", "\\ud800", "\\n",
    "\\\"", "é", "😀", "\u{7f}", "\0", "\u{1}", "{}", "[]", "{\"a\":1}", "[1,2]", "\"\"", "\u{feff}", "//", "[[[[[[[[", "]]]]]]]]",
];

/// Reads everything that can be read, in every way; `depth` bounds the walk through garbage.
pub fn exercise(value: Value<'_>, depth: u32) {
    let mut buffer = [0; 16];
    let _ = (value.kind(), value.is_null(), value.as_bool(), value.as_i64(), value.as_u64());
    let _ = (value.as_scaled(3), value.as_scaled(18), value.number_text(), value.count());
    let _ = (value.get("a"), value.at_path("a.0.state"), value.at_index(1));
    if let Ok(text) = value.as_text() {
        let _ = (text.eq_str("a"), text.copy_to(&mut buffer), text.copy_to(&mut []));
    }
    let mut writer = Writer::new(&mut buffer);
    writer.raw(value.raw()).string(value.raw());
    let _ = writer.finish();
    if depth > MAX_DEPTH {
        return;
    }
    for member in value.members().into_iter().flatten() {
        let _ = (member.name.eq_str("state"), member.name.copy_to(&mut buffer));
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
            let text = number.to_string();
            if let Some(value) = number.as_i64() {
                assert_eq!(ours.as_i64(), Ok(value), "{text}");
                assert_eq!(ours.as_scaled(0), Ok(value));
            }
            if let Some(value) = number.as_u64() {
                assert_eq!(ours.as_u64(), Ok(value), "{text}");
            }
            let digits = ours.number_text().expect("number");
            assert_eq!(digits.to_ascii_lowercase(), text.replace("e+", "e").into_bytes().to_ascii_lowercase().as_slice().to_vec().as_slice().to_vec().as_slice(), "{text}");
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
            for (i, (ours, other)) in ours.elements().expect("array").zip(elements).enumerate() {
                assert_eq!(Ok(ours), ours_at(&ours, ours));
                let _ = i;
                agree(ours, other);
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
