//! One shadow delta, handled once: `bench-json <bytes> <fields>`.
//!
//! `tools/bench-json` counts the instructions of `measured_delta` (validate the document, take its
//! version, read 1 or 10 integers of its state) or of `measured_parse`.
//! Instead of 1 or 10, `parse` validates only and `print` prints the document.

use std::hint::black_box;

use iot_thing::json::{Failure, Value, scan_members};

fn main() {
    let mut args = std::env::args().skip(1);
    let bytes: usize = (args.next().and_then(|arg| arg.parse().ok())).expect("200, 1024 or 8192");
    let fields = args.next().expect("1, 10, parse or print");
    let document = delta(bytes);
    if fields == "print" {
        return println!("{document}");
    }
    let document = black_box(document.as_bytes());
    if fields == "parse" {
        measured_parse(document).expect("the document is JSON");
        return;
    }
    let names = &NAMES[..fields.parse().expect("1 or 10")];
    let mut values = [0; NAMES.len()];
    let found = measured_delta(document, black_box(names), 41, &mut values).expect("valid");
    assert_eq!(found, names.len());
    for (i, value) in values.iter().take(found).enumerate() {
        assert_eq!(*value, if i == 0 { 30 } else { 100 + i as i64 });
    }
}

const NAMES: [&str; 10] = [
    "publish_period",
    "s0",
    "s1",
    "s2",
    "s3",
    "s4",
    "s5",
    "s6",
    "s7",
    "s8",
];

#[inline(never)]
fn measured_parse(document: &[u8]) -> Result<Value<'_>, Failure> {
    Value::parse(document)
}

/// Validates everything, checks that the version rises, then reads the named integers.
#[inline(never)]
fn measured_delta(
    document: &[u8],
    names: &[&str],
    last_version: u64,
    values: &mut [i64],
) -> Result<usize, iot_thing::Error> {
    let [state, version] = scan_members(document, ["state", "version"])?;
    let version = version.unwrap_or_default().as_u64()?;
    let mut found = 0;
    if version > last_version {
        for member in state.unwrap_or_default().members()? {
            if let Some(i) = names.iter().position(|name| member.name.eq_str(name)) {
                values[i] = member.value.as_i64()?;
                found += 1;
            }
        }
    }
    Ok(found)
}

/// A delta of exactly this many bytes: 11, 16 or 113 state fields, among them integers, nested
/// objects, escapes, non-integers and booleans; with metadata, except in the smallest.
/// `publish_period` is in the middle, `s0` to `s8` are spread evenly.
fn delta(bytes: usize) -> String {
    let count = match bytes {
        ..=511 => 11,
        512..=4095 => 16,
        _ => 113,
    };
    // The integers that are read: `publish_period` in the middle, the others at the next free place.
    let mut integers = vec![None; count];
    integers[count / 2] = Some(("publish_period".to_string(), 30));
    for s in 0..9 {
        let near = (2 * s + 1) * count / 18;
        let place = (near..count).find(|i| integers[*i].is_none());
        integers[place.expect("a free place")] = Some((format!("s{s}"), 101 + s));
    }

    let mut state = Vec::new();
    let mut metadata = Vec::new();
    let time = |name: &str| format!(r#""{name}":{{"timestamp":1700000000}}"#);
    for (i, integer) in integers.into_iter().enumerate() {
        if let Some((name, value)) = integer {
            state.push(format!(r#""{name}":{value}"#));
            metadata.push(time(&name));
            continue;
        }
        let name = match count {
            113 => format!("param_{i:03}"),
            16 => format!("param_{i}"),
            _ => format!("p{i}"),
        };
        let nested = i % 5 == 2;
        let value = match i % 5 {
            2 => r#"{"x":-1.25,"t":"a\"\u00e9"}"#,
            3 => r#""first line\nsecond""#,
            4 => r#"[true,false,null,2.54e-3]"#,
            _ => "21.57",
        };
        state.push(format!(r#""{name}":{value}"#));
        metadata.push(if nested {
            format!(r#""{name}":{{{},{}}}"#, time("x"), time("t"))
        } else {
            time(&name)
        });
    }
    let metadata = match count {
        11 => String::new(),
        _ => format!(r#","metadata":{{{}}}"#, metadata.join(",")),
    };
    let document = |token: &str| {
        let state = state.join(",");
        format!(
            r#"{{"version":42,"timestamp":1700000000,"state":{{{state}}}{metadata},"clientToken":"{token}"}}"#
        )
    };
    let least = document("").len();
    let token = bytes
        .checked_sub(least)
        .unwrap_or_else(|| panic!("needs {least} bytes"));
    document(&"k".repeat(token))
}
