//! The shadow service: takes requests from the broker and publishes what `shadow` decides.

use crate::mqtt::{Connection, Message};
use crate::shadow::{self, Limits, Response, Shadow};
use crate::topic::{self, Operation, ShadowId};
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// All shadows. They live as long as the program.
#[derive(Default)]
pub struct Store {
    shadows: HashMap<ShadowId, Shadow>,
    limits: Limits,
}

impl Store {
    pub fn new(limits: Limits) -> Self {
        Self {
            shadows: HashMap::new(),
            limits,
        }
    }

    /// Decides about one request and remembers the outcome.
    pub fn answer(
        &mut self,
        id: &ShadowId,
        operation: Operation,
        payload: &[u8],
        now: u64,
    ) -> Vec<Response> {
        let known = self.shadows.get(id);
        let unknown = Shadow::default();
        let before = known.unwrap_or(&unknown);
        let (after, responses) = shadow::handle(before, id, operation, payload, now, &self.limits);
        if after != *before {
            self.shadows.insert(id.clone(), after);
        }
        responses
    }
}

/// Serves until the connection ends; says why it did. `report` gets a line for all that happens.
pub fn run(mut connection: Connection, mut store: Store, report: &dyn Fn(&str)) -> String {
    loop {
        let message = match connection.next(None) {
            Ok(Some(message)) => message,
            Ok(None) => continue,
            Err(why) => return why,
        };
        if let Err(why) = serve_one(&connection, &mut store, &message, report) {
            return why;
        }
    }
}

fn serve_one(
    connection: &Connection,
    store: &mut Store,
    message: &Message,
    report: &dyn Fn(&str),
) -> Result<(), String> {
    // AWS refuses retained messages on its own topics; mosquitto stores them.
    if message.retained {
        return Ok(());
    }
    let Some((id, operation)) = topic::parse_request(&message.topic) else {
        report(&format!(
            "? {}: not a shadow request, ignored",
            message.topic
        ));
        return Ok(());
    };
    report(&format!(
        "> {} {} {}",
        id.label(),
        operation.as_str(),
        String::from_utf8_lossy(&message.payload)
    ));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    for response in store.answer(&id, operation, &message.payload, now) {
        deliver(connection, &id, &response, report)?;
    }
    Ok(())
}

/// The only way out for responses: faults on command (reordering, dropping, delaying,
/// duplicating) belong here.
fn deliver(
    connection: &Connection,
    id: &ShadowId,
    response: &Response,
    report: &dyn Fn(&str),
) -> Result<(), String> {
    report(&format!(
        "< {} {} {}",
        id.label(),
        response.suffix,
        response.payload
    ));
    connection.publish(&id.topic(&response.suffix), response.payload.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(store: &mut Store, id: &ShadowId, operation: Operation, payload: &str) -> Response {
        store
            .answer(id, operation, payload.as_bytes(), 1_700_000_000)
            .remove(0)
    }

    #[test]
    fn shadows_of_different_names_and_things_are_separate() {
        let mut store = Store::default();
        let ids = [
            ShadowId::classic("a"),
            ShadowId::named("a", "cfg"),
            ShadowId::named("a", "other"),
            ShadowId::named("b", "cfg"),
        ];
        for (value, id) in ids.iter().enumerate() {
            let update = format!(r#"{{"state":{{"reported":{{"v":{value}}}}}}}"#);
            let response = answer(&mut store, id, Operation::Update, &update);
            assert_eq!(response.suffix, "update/accepted");
            assert!(response.payload.contains(r#""version":1,"#), "{id:?}");
        }
        answer(&mut store, &ids[1], Operation::Delete, "");
        for (value, id) in ids.iter().enumerate() {
            let response = answer(&mut store, id, Operation::Get, "");
            if value == 1 {
                assert_eq!(response.suffix, "get/rejected");
            } else {
                let expected = format!(r#"{{"state":{{"reported":{{"v":{value}}}}}"#);
                assert!(response.payload.starts_with(&expected), "{id:?}");
            }
        }
    }
}
