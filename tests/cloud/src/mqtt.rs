//! A blocking MQTT 5 connection to the cloud's plain listener.
//!
//! `rumqttc` does the protocol. Its connection is driven by a thread of its own that is never
//! interrupted, since a time-out inside its event loop could cut a packet that is being written.

use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, SubscribeReasonCode};
use rumqttc::v5::{Client, Event, MqttOptions};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Client ids of the service and the commands start so; `serve` keeps them out of its report.
pub const OWN_CLIENT_PREFIX: &str = "cloud-";

/// Largest packet the broker lets through; the library's own default is 10 KB.
const MAX_PACKET: u32 = crate::broker::MAX_PACKET_BYTES;
/// AWS's default for the longest life of a session without connection.
const SESSION_EXPIRY_S: u32 = 3600;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_QUEUE: usize = 100;

/// A message that was published.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    /// Stored by the broker before the subscription was made.
    pub retained: bool,
}

enum Incoming {
    Connected,
    Subscribed(Result<(), String>),
    Message(Message),
    Lost(String),
}

pub struct Connection {
    client: Client,
    incoming: Receiver<Incoming>,
    /// Messages that came while an answer was awaited.
    early: VecDeque<Message>,
}

impl Connection {
    /// Connects as `OWN_CLIENT_PREFIX` + `role`.
    pub fn open(port: u16, role: &str) -> Result<Self, String> {
        Self::open_as(port, &format!("{OWN_CLIENT_PREFIX}{role}"), |_| {})
    }

    /// Connects with exactly this client id; a session that it has is continued, not ended.
    pub fn take_over(port: u16, client_id: &str) -> Result<Self, String> {
        Self::open_as(port, client_id, |options| {
            // Without an expiry of its own this connection would end the session with itself.
            options
                .set_clean_start(false)
                .set_session_expiry_interval(Some(SESSION_EXPIRY_S));
        })
    }

    fn open_as(
        port: u16,
        client_id: &str,
        adjust: impl FnOnce(&mut MqttOptions),
    ) -> Result<Self, String> {
        let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
        options
            .set_keep_alive(Duration::from_secs(60))
            .set_clean_start(true)
            .set_max_packet_size(Some(MAX_PACKET));
        let mut network = NetworkOptions::new();
        // Otherwise a reply may wait 40 ms for the acknowledgement of the segment before it.
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        adjust(&mut options);

        let (client, mut connection) = Client::new(options, REQUEST_QUEUE);
        let (sender, incoming) = channel();
        thread::spawn(move || {
            for event in connection.iter() {
                let (item, last) = match event {
                    Ok(Event::Incoming(packet)) => match translate(packet) {
                        Some(item) => (item, false),
                        None => continue,
                    },
                    Ok(Event::Outgoing(_)) => continue,
                    // No reconnecting: the broker is on this machine, so it is gone for good.
                    Err(error) => (Incoming::Lost(error.to_string()), true),
                };
                if sender.send(item).is_err() || last {
                    return;
                }
            }
        });

        let mut connection = Self {
            client,
            incoming,
            early: VecDeque::new(),
        };
        match connection.answer()? {
            Incoming::Connected => Ok(connection),
            _ => Err("the broker sent something else before its CONNACK".into()),
        }
    }

    /// Subscribes with QoS 1 and waits for the broker's word on it.
    pub fn subscribe<S: Into<String>>(
        &mut self,
        filters: impl IntoIterator<Item = S>,
    ) -> Result<(), String> {
        let filters = filters
            .into_iter()
            .map(|filter| Filter::new(filter.into(), QoS::AtLeastOnce));
        self.client
            .subscribe_many(filters)
            .map_err(|error| format!("cannot subscribe: {error}"))?;
        match self.answer()? {
            Incoming::Subscribed(verdict) => verdict,
            _ => Err("the broker sent something else than a SUBACK".into()),
        }
    }

    /// Publishes with QoS 1, not retained.
    pub fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>) -> Result<(), String> {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload.into())
            .map_err(|error| format!("cannot publish to {topic}: {error}"))
    }

    /// The next message. `None`: nothing came before `deadline`.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Option<Message>, String> {
        if let Some(message) = self.early.pop_front() {
            return Ok(Some(message));
        }
        loop {
            match self.receive(deadline)? {
                None => return Ok(None),
                Some(Incoming::Message(message)) => return Ok(Some(message)),
                Some(Incoming::Connected | Incoming::Subscribed(_)) => {}
                Some(Incoming::Lost(why)) => return Err(lost(&why)),
            }
        }
    }

    /// The next item that is not a message.
    fn answer(&mut self) -> Result<Incoming, String> {
        let deadline = Some(Instant::now() + ANSWER_TIMEOUT);
        loop {
            match self.receive(deadline)? {
                None => return Err("the broker does not answer".into()),
                Some(Incoming::Message(message)) => self.early.push_back(message),
                Some(Incoming::Lost(why)) => return Err(lost(&why)),
                Some(item) => return Ok(item),
            }
        }
    }

    fn receive(&self, deadline: Option<Instant>) -> Result<Option<Incoming>, String> {
        let ended = || "the connection to the broker has ended".to_owned();
        match deadline {
            None => self.incoming.recv().map(Some).map_err(|_| ended()),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                match self.incoming.recv_timeout(left) {
                    Ok(item) => Ok(Some(item)),
                    Err(RecvTimeoutError::Timeout) => Ok(None),
                    Err(RecvTimeoutError::Disconnected) => Err(ended()),
                }
            }
        }
    }
}

fn lost(why: &str) -> String {
    format!("lost the connection to the broker: {why}")
}

fn translate(packet: Packet) -> Option<Incoming> {
    match packet {
        Packet::ConnAck(_) => Some(Incoming::Connected),
        Packet::SubAck(suback) => {
            let refused = suback
                .return_codes
                .iter()
                .find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
            Some(Incoming::Subscribed(match refused {
                None => Ok(()),
                Some(code) => Err(format!("the broker refused the subscription: {code:?}")),
            }))
        }
        Packet::Publish(publish) => Some(Incoming::Message(Message {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload.to_vec(),
            retained: publish.retain,
        })),
        _ => None,
    }
}
