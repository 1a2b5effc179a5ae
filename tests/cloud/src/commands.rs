//! Commands over a running cloud. They are MQTT clients like any other: what they ask goes
//! through the shadow service and is seen by every subscriber.

use crate::access;
use crate::faults::Faults;
use crate::mqtt::{Connection, Message};
use crate::place::Place;
use crate::serve::check_thing;
use crate::service::FAULTS_TOPIC;
use crate::topic::{Operation, ShadowId};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long the cloud may take to answer; it does so within milliseconds.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the shadow service answered.
pub enum Reply {
    Accepted(Value),
    Rejected(Value),
}

/// Sets members of `desired`, as an application in the cloud does.
pub fn request(dir: &Path, id: &ShadowId, desired: &str) -> Result<(), String> {
    let desired: Value =
        serde_json::from_str(desired).map_err(|e| format!("not JSON: {e}: {desired}"))?;
    let update = json!({ "state": { "desired": desired } }).to_string();
    match ask(dir, id, Operation::Update, &update)? {
        Reply::Accepted(body) => {
            let state = &body["state"]["desired"];
            say(&format!("requested, version {}: {state}", body["version"]))
        }
        Reply::Rejected(body) => Err(refused(id, &body)),
    }
}

/// Prints the whole shadow for human eyes.
pub fn show(dir: &Path, id: &ShadowId) -> Result<(), String> {
    match ask(dir, id, Operation::Get, "")? {
        Reply::Accepted(mut body) => {
            if let Some(members) = body.as_object_mut() {
                members.shift_remove("clientToken");
            }
            say(&format!("{body:#}"))
        }
        Reply::Rejected(body) => Err(refused(id, &body)),
    }
}

/// Sends a request as it is and prints the reply as it came.
pub fn raw(dir: &Path, id: &ShadowId, operation: Operation, payload: &str) -> Result<(), String> {
    match ask(dir, id, operation, payload)? {
        Reply::Accepted(body) => say(&body.to_string()),
        Reply::Rejected(body) => {
            say(&body.to_string())?;
            Err(refused(id, &body))
        }
    }
}

/// Prints all that is published under `filter` until it is stopped.
pub fn watch(dir: &Path, filter: &str) -> Result<(), String> {
    let mut connection = connect(dir)?;
    connection.subscribe([filter])?;
    loop {
        if let Some(message) = connection.next(None)? {
            let payload = String::from_utf8_lossy(&message.payload);
            say(&format!("{} {payload}", message.topic))?;
        }
    }
}

/// Waits until `reported` contains these members.
pub fn wait_reported(
    dir: &Path,
    id: &ShadowId,
    members: &str,
    timeout: Duration,
) -> Result<(), String> {
    let wanted: Value =
        serde_json::from_str(members).map_err(|e| format!("not JSON: {e}: {members}"))?;
    let deadline = Instant::now() + timeout;
    let documents = id.topic("update/documents");
    let accepted = id.topic("get/accepted");
    let mut connection = connect(dir)?;
    connection.subscribe([&documents, &accepted])?;
    // What was reported before the subscription; no answer is needed when there is no shadow.
    connection.publish(&id.topic("get"), "")?;

    let mut last = Value::Null;
    while let Some(message) = connection.next(Some(deadline))? {
        let body: Value = serde_json::from_slice(&message.payload)
            .map_err(|e| format!("not JSON on {}: {e}", message.topic))?;
        let document = if message.topic == documents {
            &body["current"]
        } else {
            &body
        };
        last = document["state"]["reported"].clone();
        if contains(&last, &wanted) {
            return Ok(());
        }
    }
    let seconds = timeout.as_secs_f32();
    let label = id.label();
    Err(match last {
        Value::Null => format!("{label} reported nothing within {seconds} s"),
        last => format!("{label} did not report {wanted} within {seconds} s; it has {last}"),
    })
}

/// Makes a certificate for one more thing and lets it in.
pub fn add(dir: &Path, thing: &str) -> Result<(), String> {
    check_thing(thing)?;
    let place = Place::open(dir);
    // First, so that nothing is made where no cloud runs.
    let mut connection = connect(dir)?;
    let known = place.things()?.iter().any(|other| other == thing);
    place.make_certificates(&[thing.to_owned()])?;
    if !known {
        control(&mut connection, &access::add(thing))?;
    }
    say(&format!(
        "{thing}: {} and .key",
        place.file(&format!("device-{thing}.pem")).display()
    ))
}

/// Cuts the connections of a thing by the broker's administration (MQTT 5 reason 0x98).
pub fn drop_thing(dir: &Path, thing: &str) -> Result<(), String> {
    control(&mut connect(dir)?, &access::kick(thing))
}

/// Replaces the faults of the running cloud.
pub fn faults(dir: &Path, list: &str) -> Result<(), String> {
    Faults::parse(list.split_whitespace())?;
    // The connection ends when the broker has it: what is sent later meets these faults.
    let mut connection = connect(dir)?;
    connection.subscribe([FAULTS_TOPIC])?;
    connection.publish(FAULTS_TOPIC, list)?;
    let deadline = Instant::now() + REPLY_TIMEOUT;
    match connection.next(Some(deadline))? {
        Some(_) => Ok(()),
        None => Err("the broker did not take the faults".into()),
    }
}

/// Connects with a client's id, which ends the connection that has it.
pub fn take_over(dir: &Path, client: &str) -> Result<(), String> {
    let port = Place::open(dir).running()?.plain_port;
    Connection::take_over(port, client)?;
    Ok(())
}

/// Sends one request and waits for its reply.
pub fn ask(
    dir: &Path,
    id: &ShadowId,
    operation: Operation,
    payload: &str,
) -> Result<Reply, String> {
    let (payload, token) = with_token(operation, payload);
    let name = operation.as_str();
    let accepted = id.topic(&format!("{name}/accepted"));
    let rejected = id.topic(&format!("{name}/rejected"));
    let mut connection = connect(dir)?;
    connection.subscribe([&accepted, &rejected])?;
    connection.publish(&id.topic(name), payload)?;

    let deadline = Instant::now() + REPLY_TIMEOUT;
    while let Some(Message { topic, payload, .. }) = connection.next(Some(deadline))? {
        let body: Value =
            serde_json::from_slice(&payload).map_err(|e| format!("the reply is not JSON: {e}"))?;
        if body.get("clientToken") != token.as_ref() {
            // Somebody else's: replies go to all who subscribed.
            continue;
        }
        return Ok(if topic == accepted {
            Reply::Accepted(body)
        } else {
            Reply::Rejected(body)
        });
    }
    Err(format!("no reply to {name} from {}", id.label()))
}

/// Adds a client token unless there is one, or no place for one. The second part is the token
/// that the reply will have.
fn with_token(operation: Operation, payload: &str) -> (String, Option<Value>) {
    let empty_is_allowed = operation != Operation::Update;
    let text = if payload.is_empty() && empty_is_allowed {
        "{}"
    } else {
        payload
    };
    let Ok(Value::Object(mut body)) = serde_json::from_str(text) else {
        return (payload.to_owned(), None);
    };
    match body.get("clientToken") {
        // The service repeats a valid one only.
        Some(Value::String(token)) if token.len() <= 64 => {
            let token = token.as_str().into();
            (payload.to_owned(), Some(token))
        }
        Some(_) => (payload.to_owned(), None),
        None => {
            let token: Value = format!("cloud-{}", std::process::id()).into();
            body.insert("clientToken".into(), token.clone());
            (Value::from(body).to_string(), Some(token))
        }
    }
}

/// Sends commands to mosquitto's dynamic security plugin.
fn control(connection: &mut Connection, commands: &Value) -> Result<(), String> {
    connection.subscribe([access::CONTROL_ANSWERS])?;
    connection.publish(access::CONTROL_TOPIC, commands.to_string())?;
    let deadline = Instant::now() + REPLY_TIMEOUT;
    let Some(answer) = connection.next(Some(deadline))? else {
        return Err("mosquitto's security plugin does not answer".into());
    };
    let answer: Value = serde_json::from_slice(&answer.payload)
        .map_err(|e| format!("mosquitto's security plugin sent no JSON: {e}"))?;
    let errors: Vec<&str> = answer["responses"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|response| response["error"].as_str())
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(format!("mosquitto refused: {}", errors.join("; ")))
    }
}

fn connect(dir: &Path) -> Result<Connection, String> {
    let running = Place::open(dir).running()?;
    let role = format!(
        "command-{}-{:?}",
        std::process::id(),
        thread::current().id()
    );
    Connection::open(running.plain_port, &role)
        .map_err(|e| format!("cannot reach the cloud in {}: {e}", dir.display()))
}

/// Whether all members of `part` are in `whole` with the same values.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|had| contains(had, value))),
        (whole, part) => whole == part,
    }
}

fn refused(id: &ShadowId, body: &Value) -> String {
    let message = body["message"].as_str().unwrap_or_default();
    format!("{}: {} {message}", id.label(), body["code"])
}

fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|e| format!("cannot print: {e}"))
}
