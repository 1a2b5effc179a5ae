//! The wall around minimq: what the rest of the library may ask of MQTT, in its own words.
//!
//! What is contained here: minimq reports a refused operation without naming it (see
//! [`Client::take_ack`]), loses track of a message whose write failed ([`stream`]), does not pass on
//! why the broker disconnected ([`tap`]), and takes topics that AWS IoT refuses ([`topic`]).

mod connack;
pub mod properties;
mod stream;
mod tap;
pub mod topic;

pub use connack::Connack;
pub use properties::Properties;
pub use tap::Ack;

use core::cell::RefCell;

use minimq::{
    Buffers, ConfigBuilder, ConnectEvent, Connection, InboundPublish, Io, Op, PeerError, PubError,
    Publication, QoS, ResourceError, SubscriptionOptions, TopicFilter,
};

use crate::Error;
use crate::error::Retry;
use stream::Stream;
use tap::Tap;

/// Bytes of the transmit arena beyond the largest message: what minimq sets aside for a CONNECT,
/// and the headers of the message itself.
pub const ARENA_OVERHEAD: usize = 512;

/// The largest number of topic filters in one SUBSCRIBE (AWS IoT limit).
pub const FILTERS_PER_SUBSCRIBE: usize = 8;

/// The session: what outlives a connection.
pub struct Session<'m> {
    inner: minimq::Session<'m>,
    /// What was heard on the current connection.
    tap: RefCell<Tap>,
}

/// Identifies one operation that the broker has to acknowledge.
#[derive(Clone, Copy, Debug)]
pub struct Ticket(Op);

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not acknowledged yet; sent again by itself when the session is resumed.
    Open,
    /// Acknowledged, or refused: [`Turn::Refused`] tells.
    Settled,
    /// The broker has forgotten the session, and with it the operation.
    Lost,
}

/// How a filter is subscribed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Messages are delivered at QoS 1 at most, else at QoS 0.
    pub qos1: bool,
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishOptions<'a> {
    /// At QoS 1, else 0.
    pub qos1: bool,
    /// The broker keeps it for later subscribers.
    pub retain: bool,
    /// Its properties, as [`properties::encode`] wrote them.
    pub properties: &'a [u8],
}

/// A message that arrived.
pub struct Message<'p> {
    inner: InboundPublish<'p>,
}

impl Message<'_> {
    /// Its topic.
    pub fn topic(&self) -> &str {
        self.inner.topic()
    }

    /// Its payload.
    pub fn payload(&self) -> &[u8] {
        self.inner.payload()
    }

    /// It was delivered at QoS 1.
    pub fn qos1(&self) -> bool {
        self.inner.qos() != QoS::AtMostOnce
    }

    /// It was kept by the broker from before the subscription.
    pub fn retain(&self) -> bool {
        self.inner.retained()
    }

    /// Its properties.
    pub fn properties(&self) -> Properties<'_> {
        // Malformed ones have ended the connection already.
        properties::read(self.inner.properties()).unwrap_or_default()
    }

    /// Its user property with this number: name and value.
    pub fn user_property(&self, index: usize) -> Option<(&str, &str)> {
        properties::read_user(self.inner.properties(), index)
    }
}

/// What one step of the connection brought.
pub enum Turn<'p> {
    /// A message.
    Message(Message<'p>),
    /// Progress without a message: an acknowledgement ([`Client::take_ack`]), a ping.
    Progress,
}

/// Why a publish was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// No room among the messages in flight: try again after progress.
    Later,
    /// It will never fit.
    TooLarge,
    /// The connection is gone.
    Broken(Ended),
}

/// Why the connection could not be opened or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The error.
    pub error: Error,
    /// The broker's reason code, where it gave one.
    pub code: Option<u8>,
    /// Bytes that `rx` would have needed, if that was it.
    pub needed: usize,
}

impl Ended {
    /// An end without a reason code.
    pub fn plain(error: Error) -> Self {
        Self {
            error,
            code: None,
            needed: 0,
        }
    }

    /// An end that the broker gave a reason code for.
    pub fn with_code(error: Error, code: u8) -> Self {
        Self {
            code: Some(code),
            ..Self::plain(error)
        }
    }
}

impl<'m> Session<'m> {
    /// A session for the client `id`. `rx` holds the largest packet that can be received, `tx`
    /// the packets in flight.
    pub fn new(
        id: &str,
        keep_alive_s: u16,
        session_expiry_s: u32,
        rx: &'m mut [u8],
        tx: &'m mut [u8],
    ) -> Result<Self, Error> {
        let config = ConfigBuilder::new(Buffers::new(rx, tx))
            .client_id(id)
            .map_err(|_| Error::MqttId)?
            .keepalive_interval(keep_alive_s)
            .session_expiry_interval(session_expiry_s);
        Ok(Self {
            inner: minimq::Session::new(config),
            tap: RefCell::default(),
        })
    }

    /// Opens the MQTT connection over `io`. Not to be dropped before it is done, unless with `io`.
    pub async fn connect<IO: Io<Error = Error>>(
        &mut self,
        io: IO,
    ) -> Result<Client<'_, 'm, IO>, Ended> {
        self.tap.replace(Tap::default());
        let rx_size = self.inner.max_rx_packet_size();
        match self.inner.connect(Stream::new(io, &self.tap)).await {
            Ok(connection) => Ok(Client {
                connection,
                tap: &self.tap,
                rx_size,
            }),
            Err(minimq::Error::Peer(PeerError::Rejected(code))) => {
                Err(Ended::with_code(Error::MqttRefused, code.into()))
            }
            Err(e) => {
                let ended = explain(e, &self.tap.borrow(), rx_size);
                Err(match ended.error {
                    Error::TcpClosed => Ended::plain(Error::MqttClosedBeforeConnack),
                    _ => ended,
                })
            }
        }
    }
}

/// An open MQTT connection.
pub struct Client<'s, 'm, IO> {
    connection: Connection<'s, 'm, Stream<'s, IO>>,
    tap: &'s RefCell<Tap>,
    rx_size: usize,
}

impl<IO: Io<Error = Error>> Client<'_, '_, IO> {
    /// Whether the broker still had the session: subscriptions and messages in flight stand.
    pub fn resumed(&self) -> bool {
        self.connection.connect_event() == ConnectEvent::Reconnected
    }

    /// What the broker said in the last turn of the one operation that this turn settled, if it
    /// did. (A turn takes at most one packet, so there is only one.)
    pub fn take_ack(&mut self) -> Option<Ack> {
        self.tap.borrow_mut().ack.take()
    }

    /// What the broker said of this connection.
    pub fn connack(&self) -> Connack {
        self.tap.borrow().connack.unwrap_or_default()
    }

    /// Subscribes to up to [`FILTERS_PER_SUBSCRIBE`] filters in one packet.
    pub async fn subscribe(
        &mut self,
        filters: impl Iterator<Item = (&str, SubscribeOptions)>,
    ) -> Result<Ticket, NotTaken> {
        let mut list: Filters<TopicFilter<'_>> = heapless::Vec::new();
        for (filter, options) in filters {
            let qos = if options.qos1 {
                QoS::AtLeastOnce
            } else {
                QoS::AtMostOnce
            };
            let options = SubscriptionOptions::default().maximum_qos(qos);
            list.push(TopicFilter::new(filter).options(options))
                .map_err(|_| NotTaken::TooLarge)?;
        }
        match self.connection.subscribe(&list, &[]).await {
            Ok(op) => Ok(Ticket(op)),
            Err(e) => Err(self.not_taken(e)),
        }
    }

    /// Unsubscribes from up to [`FILTERS_PER_SUBSCRIBE`] filters in one packet.
    pub async fn unsubscribe(
        &mut self,
        filters: impl Iterator<Item = &str>,
    ) -> Result<Ticket, NotTaken> {
        let mut list: Filters<&str> = heapless::Vec::new();
        for filter in filters {
            list.push(filter).map_err(|_| NotTaken::TooLarge)?;
        }
        match self.connection.unsubscribe(&list, &[]).await {
            Ok(op) => Ok(Ticket(op)),
            Err(e) => Err(self.not_taken(e)),
        }
    }

    /// Publishes; `payload` writes the payload into the packet and returns its length, or `Err`
    /// when it does not fit. At QoS 1 the result is a ticket; a QoS 0 message has none. To be
    /// polled to its end: a QoS 0 message that is dropped half-way breaks the connection.
    pub async fn publish<F>(
        &mut self,
        topic: &str,
        options: PublishOptions<'_>,
        payload: F,
    ) -> Result<Option<Ticket>, NotTaken>
    where
        F: FnOnce(&mut [u8]) -> Result<usize, ()>,
    {
        let qos = if options.qos1 {
            QoS::AtLeastOnce
        } else {
            QoS::AtMostOnce
        };
        if let Some(error) = self.write_failure() {
            return Err(NotTaken::Broken(error));
        }
        let properties = properties::decode(options.properties);
        let mut publication = Publication::new(topic, payload)
            .qos(qos)
            .properties(&properties);
        if options.retain {
            publication = publication.retain();
        }
        match self.connection.publish(publication).await {
            Ok(Some(op)) => Ok(Some(Ticket(op))),
            // At QoS 0 nobody will ever tell whether it arrived, but that it did not leave is known.
            Ok(None) => match self.write_failure() {
                Some(error) => Err(NotTaken::Broken(error)),
                None => Ok(None),
            },
            Err(PubError::Payload(())) => Err(self.no_room()),
            Err(PubError::Session(e)) => Err(self.not_taken(e)),
        }
    }

    fn write_failure(&self) -> Option<Ended> {
        self.tap.borrow().write_failure.map(Ended::plain)
    }

    /// Takes the next step: waits for a packet or for the moment to send a ping. Safe to drop.
    pub async fn turn(&mut self) -> Result<Turn<'_>, Ended> {
        let (tap, rx_size) = (self.tap, self.rx_size);
        match self.connection.poll().await {
            Ok(Some(inner)) if properties::read(inner.properties()).is_none() => {
                Err(Ended::plain(Error::MqttProtocol))
            }
            Ok(Some(inner)) => Ok(Turn::Message(Message { inner })),
            // A refusal is an acknowledgement: its code is in the tap.
            Ok(None) | Err(minimq::Error::Peer(PeerError::Rejected(_))) => Ok(Turn::Progress),
            Err(e) => Err(explain(e, &tap.borrow(), rx_size)),
        }
    }

    fn explain(&self, error: minimq::Error<Error>) -> Ended {
        explain(error, &self.tap.borrow(), self.rx_size)
    }

    /// Where an operation stands.
    pub fn standing(&self, ticket: &Ticket) -> Standing {
        if self.connection.is_pending(&ticket.0) {
            Standing::Open
        } else if self.connection.is_invalidated(&ticket.0) {
            Standing::Lost
        } else {
            Standing::Settled
        }
    }

    /// Sends DISCONNECT. Not to be dropped before it is done, unless with the connection.
    pub async fn disconnect(&mut self) {
        // The connection ends either way.
        let _ = self.connection.disconnect().await;
    }

    /// With nothing in flight the whole arena was free, so waiting does not help.
    fn no_room(&self) -> NotTaken {
        if self.connection.session().is_publish_quiescent() {
            NotTaken::TooLarge
        } else {
            NotTaken::Later
        }
    }

    fn not_taken(&self, error: minimq::Error<Error>) -> NotTaken {
        match error {
            minimq::Error::NotReady | minimq::Error::Resource(ResourceError::InflightExhausted) => {
                NotTaken::Later
            }
            minimq::Error::Resource(ResourceError::BufferTooSmall) => self.no_room(),
            minimq::Error::Resource(ResourceError::PacketTooLarge)
            | minimq::Error::InvalidRequest => NotTaken::TooLarge,
            e => NotTaken::Broken(self.explain(e)),
        }
    }
}

type Filters<T> = heapless::Vec<T, FILTERS_PER_SUBSCRIBE>;

/// Whether a message that the broker refused with this reason code can be sent again later: quota
/// exceeded, message rate too high, server busy.
pub const fn retry_verdict(code: u8) -> Retry {
    match code {
        0x89 | 0x96 | 0x97 => Retry::Later,
        _ => Retry::No,
    }
}

/// Says what minimq's error and what was heard mean together.
fn explain(error: minimq::Error<Error>, tap: &Tap, rx_size: usize) -> Ended {
    match error {
        minimq::Error::Transport(e) => Ended::plain(e),
        minimq::Error::Disconnected => match tap.disconnect {
            Some(code) => Ended::with_code(Error::MqttDisconnected, code),
            None if tap.ended => Ended::plain(Error::TcpClosed),
            // Nobody ended it but minimq, and it does so when a ping is not answered.
            None => Ended::plain(Error::MqttKeepAlive),
        },
        minimq::Error::Resource(_) => Ended::plain(Error::TooLarge),
        _ if tap.largest > rx_size => Ended {
            needed: tap.largest,
            ..Ended::plain(Error::MqttProtocol)
        },
        _ => Ended::plain(Error::MqttProtocol),
    }
}
