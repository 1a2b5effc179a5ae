//! What a request must look like, and AWS's words for each way it can be wrong.
//!
//! AWS does not say which fault it reports when there are several. Our order: names, encoding,
//! JSON, client token, shape from the outside in, version, size.

use super::{Limits, Object, compact_len};
use crate::topic::ShadowId;
use serde_json::{Value, json};

/// AWS's limit for a client token, in bytes.
const MAX_TOKEN: usize = 64;

pub const TOO_LARGE: &str = "The payload exceeds the maximum size allowed";

/// A refused request.
#[derive(Debug)]
pub struct Rejection {
    code: u16,
    message: String,
    token: Option<String>,
}

impl Rejection {
    pub fn new(code: u16, message: &str, token: &Option<String>) -> Self {
        Self {
            code,
            message: message.to_owned(),
            token: token.clone(),
        }
    }

    pub fn into_json(self, now: u64) -> Value {
        let mut body = json!({ "code": self.code, "message": self.message });
        // Captured 404 and 409 messages have no time stamp; the documentation shows one.
        if !matches!(self.code, 404 | 409) {
            body["timestamp"] = now.into();
        }
        super::with_token(body, &self.token)
    }
}

/// A get or delete request: nothing but the client token counts.
pub struct PlainRequest {
    pub token: Option<String>,
}

/// An update request that may be applied if version and size allow it.
pub struct Update {
    pub token: Option<String>,
    pub version: Option<u64>,
    pub change: StateChange,
    /// `state` as it was sent: the accepted message repeats exactly that.
    pub echo: Value,
}

pub enum StateChange {
    /// `"state":null`
    Clear,
    Sections {
        desired: SectionChange,
        reported: SectionChange,
    },
}

pub enum SectionChange {
    Untouched,
    /// `"desired":null`
    Remove,
    Merge(Object),
}

pub fn plain_request(id: &ShadowId, payload: &[u8]) -> Result<PlainRequest, Rejection> {
    let payload = if payload.is_empty() { b"{}" } else { payload };
    let (_, token) = envelope(id, payload)?;
    Ok(PlainRequest { token })
}

pub fn update_request(id: &ShadowId, payload: &[u8], limits: &Limits) -> Result<Update, Rejection> {
    let (body, token) = envelope(id, payload)?;
    let reject = |code, message: &str| Rejection::new(code, message, &token);

    let change = match body.get("state") {
        None => return Err(reject(400, "Missing required node: state")),
        Some(Value::Null) => StateChange::Clear,
        Some(Value::Object(state)) => {
            sections(state, limits).map_err(|message| reject(400, &message))?
        }
        Some(_) => return Err(reject(400, "State node must be an object")),
    };
    let version = match body.get("version") {
        None => None,
        Some(value) => match value.as_u64() {
            Some(version) if version > 0 => Some(version),
            _ => return Err(reject(400, "Invalid version")),
        },
    };
    let echo = body["state"].clone();
    if let Value::Object(state) = &echo
        && compact_len(state) > limits.document_bytes
    {
        return Err(reject(413, TOO_LARGE));
    }
    Ok(Update {
        token,
        version,
        change,
        echo,
    })
}

/// The members of the request and its client token.
fn envelope(id: &ShadowId, payload: &[u8]) -> Result<(Object, Option<String>), Rejection> {
    let reject = |code, message| Rejection::new(code, message, &None);
    if let Some(fault) = id.fault() {
        return Err(reject(400, fault));
    }
    let text = std::str::from_utf8(payload).map_err(|_| {
        reject(
            415,
            "Unsupported documented encoding; supported encoding is UTF-8",
        )
    })?;
    let Ok(Value::Object(body)) = serde_json::from_str(text) else {
        return Err(reject(400, "Invalid JSON"));
    };
    let token = match body.get("clientToken") {
        None => None,
        Some(Value::String(token)) if token.len() <= MAX_TOKEN => Some(token.clone()),
        Some(_) => return Err(reject(400, "Invalid clientToken")),
    };
    Ok((body, token))
}

fn sections(state: &Object, limits: &Limits) -> Result<StateChange, String> {
    // Our choice: AWS's pages disagree whether other members are refused or ignored.
    if state
        .keys()
        .any(|key| key != "desired" && key != "reported")
    {
        return Err("State contains an invalid node".into());
    }
    Ok(StateChange::Sections {
        desired: section(state, "desired", "Desired node must be an object", limits)?,
        reported: section(state, "reported", "Reported node must be an object", limits)?,
    })
}

fn section(
    state: &Object,
    name: &str,
    not_an_object: &str,
    limits: &Limits,
) -> Result<SectionChange, String> {
    let members = match state.get(name) {
        None => return Ok(SectionChange::Untouched),
        Some(Value::Null) => return Ok(SectionChange::Remove),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(not_an_object.into()),
    };
    if depth(members) > limits.depth {
        return Err(format!(
            "JSON contains too many levels of nesting; maximum is {}",
            limits.depth
        ));
    }
    if members
        .values()
        .any(|value| has_null_in_array(value, false))
    {
        return Err("State contains an invalid node".into());
    }
    Ok(SectionChange::Merge(members.clone()))
}

/// Levels of containers, empty ones not counted. The JSON reader has bounded the recursion.
fn depth(members: &Object) -> usize {
    fn below(value: &Value) -> usize {
        match value {
            Value::Object(members) => depth(members),
            Value::Array(items) => items.iter().map(below).max().map_or(0, |most| most + 1),
            _ => 0,
        }
    }
    members.values().map(below).max().map_or(0, |most| most + 1)
}

/// A null anywhere below an array: there is no member that it could remove.
fn has_null_in_array(value: &Value, inside: bool) -> bool {
    match value {
        Value::Null => inside,
        Value::Array(items) => items.iter().any(|item| has_null_in_array(item, true)),
        Value::Object(members) => members.values().any(|v| has_null_in_array(v, inside)),
        _ => false,
    }
}
