//! The device shadow service as a pure function: shadow and request in, shadow and responses out.
//!
//! The rules are those of AWS IoT Core. Where AWS's documentation is silent the choice is marked
//! "our choice" and listed in `docs/local-cloud.md`.

mod check;
mod merge;
#[cfg(test)]
mod tests;

use crate::topic::{Operation, ShadowId};
use check::{Rejection, SectionChange, StateChange, Update};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// The account quotas that AWS can raise.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of compact JSON of desired and reported together, metadata not counted.
    pub document_bytes: usize,
    /// Levels of non-empty containers, the section (`desired`, `reported`) being the first.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 8192,
            // AWS's pages say 6 (error text) and 8 (quota page); the stricter one finds more bugs.
            depth: 6,
        }
    }
}

/// Everything the cloud remembers about one shadow, also after it was deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shadow {
    document: Option<Document>,
    /// Version of the last change; the deletion itself counts as one.
    last_version: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Document {
    desired: Section,
    reported: Section,
    version: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Section {
    state: Object,
    metadata: Object,
}

/// One message to publish under the shadow's topic prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub suffix: String,
    pub payload: String,
}

/// Decides about one request. `now` is in seconds since 1970.
pub fn handle(
    shadow: &Shadow,
    id: &ShadowId,
    operation: Operation,
    payload: &[u8],
    now: u64,
    limits: &Limits,
) -> (Shadow, Vec<Response>) {
    let mut after = shadow.clone();
    let decided = match operation {
        Operation::Get => get(shadow, id, payload, now),
        Operation::Update => update(&mut after, id, payload, now, limits),
        Operation::Delete => delete(&mut after, id, payload, now),
    };
    match decided {
        Ok(responses) => (after, responses),
        Err(rejection) => (
            shadow.clone(),
            vec![response(
                operation.as_str(),
                "rejected",
                rejection.into_json(now),
            )],
        ),
    }
}

fn get(
    shadow: &Shadow,
    id: &ShadowId,
    payload: &[u8],
    now: u64,
) -> Result<Vec<Response>, Rejection> {
    let request = check::plain_request(id, payload)?;
    let document = existing(shadow, id, &request.token)?;

    let mut state = document.state();
    let delta = document.delta();
    if !delta.is_empty() {
        state.insert("delta".into(), delta.into());
    }
    let body = json!({
        "state": state,
        "metadata": document.metadata(),
        "version": document.version,
        "timestamp": now,
    });
    Ok(vec![response(
        "get",
        "accepted",
        with_token(body, &request.token),
    )])
}

fn delete(
    shadow: &mut Shadow,
    id: &ShadowId,
    payload: &[u8],
    now: u64,
) -> Result<Vec<Response>, Rejection> {
    let request = check::plain_request(id, payload)?;
    let version = existing(shadow, id, &request.token)?.version;
    *shadow = Shadow {
        document: None,
        // A shadow that is made again continues at N + 2.
        last_version: version + 1,
    };
    let body = json!({ "version": version, "timestamp": now });
    Ok(vec![response(
        "delete",
        "accepted",
        with_token(body, &request.token),
    )])
}

fn update(
    shadow: &mut Shadow,
    id: &ShadowId,
    payload: &[u8],
    now: u64,
    limits: &Limits,
) -> Result<Vec<Response>, Rejection> {
    let request = check::update_request(id, payload, limits)?;
    let reject = |code, message: &str| Rejection::new(code, message, &request.token);

    match (&shadow.document, request.version) {
        (_, None) => {}
        (Some(document), Some(version)) if document.version == version => {}
        (Some(_), Some(_)) => return Err(reject(409, "Version conflict")),
        // Our choice, as AWS's ShadowManager does: a new shadow can only be asked for as version 1.
        (None, Some(1)) => {}
        (None, Some(_)) => return Err(reject(400, "Invalid version")),
    }

    let previous = shadow.document.clone();
    let mut current = previous.clone().unwrap_or_default();
    current.apply(&request.change, now);
    current.version = shadow.last_version + 1;
    if compact_len(&current.state()) > limits.document_bytes {
        return Err(reject(413, check::TOO_LARGE));
    }

    let responses = update_responses(&request, previous.as_ref(), &current, now);
    shadow.last_version = current.version;
    shadow.document = Some(current);
    Ok(responses)
}

fn update_responses(
    request: &Update,
    previous: Option<&Document>,
    current: &Document,
    now: u64,
) -> Vec<Response> {
    let accepted = json!({
        "state": request.echo,
        "metadata": merge::stamps(&request.echo, now),
        "version": current.version,
        "timestamp": now,
    });
    let mut responses = vec![response(
        "update",
        "accepted",
        with_token(accepted, &request.token),
    )];

    let delta = current.delta();
    if !delta.is_empty() {
        let metadata = merge::restrict(&current.desired.metadata, &delta);
        let message = json!({
            "version": current.version,
            "timestamp": now,
            "state": delta,
            "metadata": metadata,
        });
        responses.push(response(
            "update",
            "delta",
            with_token(message, &request.token),
        ));
    }

    let documents = json!({
        "previous": previous.map(Document::snapshot),
        "current": current.snapshot(),
        "timestamp": now,
    });
    responses.push(response(
        "update",
        "documents",
        with_token(documents, &request.token),
    ));
    responses
}

fn existing<'a>(
    shadow: &'a Shadow,
    id: &ShadowId,
    token: &Option<String>,
) -> Result<&'a Document, Rejection> {
    shadow.document.as_ref().ok_or_else(|| {
        let text = format!("No shadow exists with name: '{}'", id.label());
        Rejection::new(404, &text, token)
    })
}

impl Document {
    fn apply(&mut self, change: &StateChange, now: u64) {
        match change {
            StateChange::Clear => {
                self.desired = Section::default();
                self.reported = Section::default();
            }
            StateChange::Sections { desired, reported } => {
                self.desired.apply(desired, now);
                self.reported.apply(reported, now);
            }
        }
    }

    fn state(&self) -> Object {
        self.sections(|section| &section.state)
    }

    fn metadata(&self) -> Object {
        self.sections(|section| &section.metadata)
    }

    /// Both sections under their names; an empty one is absent, as in AWS's messages.
    fn sections(&self, part: fn(&Section) -> &Object) -> Object {
        [("desired", &self.desired), ("reported", &self.reported)]
            .into_iter()
            .filter(|(_, section)| !section.state.is_empty())
            .map(|(name, section)| (name.to_owned(), part(section).clone().into()))
            .collect()
    }

    fn delta(&self) -> Object {
        merge::delta(&self.desired.state, &self.reported.state)
    }

    fn snapshot(&self) -> Value {
        json!({ "state": self.state(), "metadata": self.metadata(), "version": self.version })
    }
}

impl Section {
    fn apply(&mut self, change: &SectionChange, now: u64) {
        match change {
            SectionChange::Untouched => {}
            SectionChange::Remove => *self = Section::default(),
            SectionChange::Merge(members) => {
                merge::merge(&mut self.state, &mut self.metadata, members, now);
            }
        }
    }
}

fn compact_len(state: &Object) -> usize {
    Value::from(state.clone()).to_string().len()
}

fn with_token(mut body: Value, token: &Option<String>) -> Value {
    if let Some(token) = token {
        body["clientToken"] = token.as_str().into();
    }
    body
}

fn response(operation: &str, verdict: &str, body: Value) -> Response {
    Response {
        suffix: format!("{operation}/{verdict}"),
        payload: body.to_string(),
    }
}
