//! What must hold for any text, with `serde_json` as the other opinion. The fuzzer asks the same.

use iot_thing::json::{Kind, MAX_DEPTH, Value, Writer, scan_members};
use serde_json::Value as Other;

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
pub fn agree(ours: Value<'_>, other: &Other) {
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
pub fn judge(text: &[u8]) {
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

/// Copies a document through the writer.
pub fn copy(value: Value<'_>, writer: &mut Writer<'_>) {
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
