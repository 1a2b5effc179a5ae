//! Merging, comparing and time-stamping of JSON objects.

use super::Object;
use serde_json::{Number, Value, json};

/// Merges `change` into `state` and keeps the time of every member's last change in `metadata`.
/// `null` removes a member; objects merge; everything else replaces. A nested object that runs
/// empty stays (our choice).
pub fn merge(state: &mut Object, metadata: &mut Object, change: &Object, now: u64) {
    for (key, value) in change {
        match value {
            // shift_remove: the plain remove would disturb the order of the other members.
            Value::Null => {
                state.shift_remove(key);
                metadata.shift_remove(key);
            }
            Value::Object(members) => {
                // The state decides: a leaf's metadata is an object, too.
                if !state.get(key).is_some_and(Value::is_object) {
                    state.insert(key.clone(), json!({}));
                    metadata.insert(key.clone(), json!({}));
                }
                if let (Some(Value::Object(state)), Some(Value::Object(metadata))) =
                    (state.get_mut(key), metadata.get_mut(key))
                {
                    merge(state, metadata, members, now);
                }
            }
            _ => {
                state.insert(key.clone(), value.clone());
                metadata.insert(key.clone(), stamps(value, now));
            }
        }
    }
}

/// The metadata of a value that was sent just now: the same shape, each leaf a time stamp.
pub fn stamps(value: &Value, now: u64) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), stamps(value, now)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| stamps(item, now)).collect(),
        _ => json!({ "timestamp": now }),
    }
}

/// What `desired` asks for and `reported` does not have. Members only in `reported` do not count.
pub fn delta(desired: &Object, reported: &Object) -> Object {
    let mut difference = Object::new();
    for (key, wanted) in desired {
        match (wanted, reported.get(key)) {
            (Value::Object(wanted), Some(Value::Object(had))) => {
                let inner = delta(wanted, had);
                if !inner.is_empty() {
                    difference.insert(key.clone(), inner.into());
                }
            }
            (wanted, Some(had)) if same(wanted, had) => {}
            (wanted, _) => {
                difference.insert(key.clone(), wanted.clone());
            }
        }
    }
    difference
}

/// The part of `metadata` that belongs to the members of `delta`.
pub fn restrict(metadata: &Object, delta: &Object) -> Object {
    delta
        .iter()
        .filter_map(|(key, value)| {
            let stamped = match (value, metadata.get(key)?) {
                (Value::Object(inner), Value::Object(stamped)) => restrict(stamped, inner).into(),
                (_, stamped) => stamped.clone(),
            };
            Some((key.clone(), stamped))
        })
        .collect()
}

/// Equality of JSON values: numbers by value (1 is 1.0), arrays in order, objects in any order.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    // Integers are compared as such: beyond 2^53 different ones share a double.
    a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}
