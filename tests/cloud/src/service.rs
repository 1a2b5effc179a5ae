//! The shadow service: takes requests from the broker and publishes what `shadow` decides.

use crate::faults::{self, Fate, Faults, Misfortune};
use crate::mqtt::{Connection, Message};
use crate::shadow::{self, Limits, Response, Shadow};
use crate::topic::{self, Operation, ShadowId};
use std::collections::HashMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

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

/// Messages on this topic, a list of faults with spaces between them, replace the faults.
pub const FAULTS_TOPIC: &str = "local-cloud/faults";

/// The shadow service on a connection that subscribed to the requests and to [`FAULTS_TOPIC`].
pub struct Service<'r> {
    pub connection: Connection,
    pub store: Store,
    pub luck: Misfortune,
    /// Gets a line for all that happens.
    pub report: &'r dyn Fn(&str),
    /// Responses that come late, and when.
    late: Vec<(Instant, ShadowId, Response)>,
}

impl<'r> Service<'r> {
    pub fn new(
        connection: Connection,
        store: Store,
        luck: Misfortune,
        report: &'r dyn Fn(&str),
    ) -> Self {
        Self {
            connection,
            store,
            luck,
            report,
            late: Vec::new(),
        }
    }

    /// Serves until the connection ends; says why it did.
    pub fn run(mut self) -> String {
        loop {
            if let Err(why) = self.turn() {
                return why;
            }
        }
    }

    fn turn(&mut self) -> Result<(), String> {
        let next = self.late.iter().map(|(at, ..)| *at).min();
        if let Some(message) = self.connection.next(next)? {
            self.serve(&message)?;
        }
        let now = Instant::now();
        self.late.sort_by_key(|(at, ..)| *at);
        while self.late.first().is_some_and(|(at, ..)| *at <= now) {
            let (_, id, response) = self.late.remove(0);
            self.publish(&id, &response)?;
        }
        Ok(())
    }

    fn serve(&mut self, message: &Message) -> Result<(), String> {
        // AWS refuses retained messages on its own topics; mosquitto stores them.
        if message.retained {
            return Ok(());
        }
        if message.topic == FAULTS_TOPIC {
            self.set_faults(&message.payload);
            return Ok(());
        }
        let Some((id, operation)) = topic::parse_request(&message.topic) else {
            (self.report)(&format!(
                "? {}: not a shadow request, ignored",
                message.topic
            ));
            return Ok(());
        };
        (self.report)(&format!(
            "> {} {} {}",
            id.label(),
            operation.as_str(),
            String::from_utf8_lossy(&message.payload)
        ));
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let payload = &message.payload;
        match self.luck.fate(operation, payload) {
            Fate::Served => {}
            Fate::Overtaken => {
                let other = faults::OTHER_UPDATE.as_bytes();
                let responses = self.store.answer(&id, Operation::Update, other, now);
                self.deliver(&id, responses)?;
            }
            Fate::Refused(code) => {
                let refusal = faults::refusal(operation, payload, code, now);
                return self.deliver(&id, vec![refusal]);
            }
        }
        let responses = self.store.answer(&id, operation, payload, now);
        self.deliver(&id, responses)
    }

    /// The only way out for responses.
    fn deliver(&mut self, id: &ShadowId, responses: Vec<Response>) -> Result<(), String> {
        let now = Instant::now();
        for (late, response) in self.luck.responses(responses) {
            if late.is_zero() {
                self.publish(id, &response)?;
            } else {
                self.late.push((now + late, id.clone(), response));
            }
        }
        Ok(())
    }

    fn publish(&self, id: &ShadowId, response: &Response) -> Result<(), String> {
        (self.report)(&format!(
            "< {} {} {}",
            id.label(),
            response.suffix,
            response.payload
        ));
        self.connection
            .publish(&id.topic(&response.suffix), response.payload.as_bytes())
    }

    fn set_faults(&mut self, list: &[u8]) {
        let list = String::from_utf8_lossy(list);
        match Faults::parse(list.split_whitespace()) {
            Ok(faults) => {
                self.luck.faults = faults;
                (self.report)(&format!("! faults: {list}"));
            }
            Err(why) => (self.report)(&format!("? {FAULTS_TOPIC}: {why}")),
        }
    }
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
