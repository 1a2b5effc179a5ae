//! The wall around minimq: what the rest of the library may ask of MQTT, in its own words.
//!
//! What is contained here: minimq reports a refused operation without naming it (see
//! [`Client::take_ack`]), opens and keeps alive a connection with limits of its own and loses track
//! of a message whose write failed ([`stream`]), does not pass on why the broker disconnected
//! ([`tap`]), and takes topics that AWS IoT refuses ([`topic`]).

mod connack;
mod connect;
mod frame;
mod oversize;
pub mod properties;
mod stream;
mod tap;
pub mod topic;

pub use connack::Connack;
pub use connect::{Connect, MAX_CLIENT_ID, Will};
pub use oversize::Oversize;
pub use properties::Properties;
pub use tap::Ack;

use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_time::Duration;
use minimq::{
    Buffers, ConfigBuilder, Connection, InboundPublish, Io, Op, PeerError, PubError, Publication,
    QoS, ResourceError, SubscriptionOptions, TopicFilter,
};

use crate::Error;
use crate::error::Retry;
use stream::Stream;
use tap::Tap;

/// Bytes of the transmit arena beyond the largest message: what minimq sets aside for its CONNECT
/// (which is never sent), and the header of the message itself. With the smallest `tx_size` it holds
/// any SUBSCRIBE.
pub const ARENA_OVERHEAD: usize = 576;

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
    /// A message that is larger than `rx` was passed over.
    TooLarge(Oversize),
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
    /// A session. `rx` holds the largest packet that can be received, `tx` the packets in flight.
    pub fn new(rx: &'m mut [u8], tx: &'m mut [u8]) -> Result<Self, Error> {
        // What minimq would say of itself is never sent: see `stream`.
        let config = ConfigBuilder::new(Buffers::new(rx, tx))
            .client_id("-")
            .map_err(|_| Error::MqttId)?
            .keepalive_interval(0);
        Ok(Self {
            inner: minimq::Session::new(config),
            tap: RefCell::default(),
        })
    }

    /// Opens the MQTT connection over `io`. `in_flight` messages wait for their acknowledgement.
    /// Not to be dropped before it is done, unless with `io`.
    pub async fn connect<IO: Io<Error = Error>>(
        &mut self,
        io: IO,
        connect: &Connect<'_>,
        ping_timeout: Duration,
        in_flight: usize,
    ) -> Result<Client<'_, 'm, IO>, Ended> {
        self.tap.replace(Tap::default());
        let rx_size = self.inner.max_rx_packet_size();
        let stream = Stream::open(io, &self.tap, connect, rx_size, ping_timeout, in_flight).await?;
        match self.inner.connect(stream).await {
            Ok(connection) => Ok(Client {
                connection,
                tap: &self.tap,
                rx_size,
            }),
            Err(e) => Err(explain(e, &self.tap.borrow(), rx_size)),
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
    /// Whether the broker still had the session: its subscriptions stand, and it has messages for us.
    pub fn resumed(&self) -> bool {
        self.connack().session_present
    }

    /// Whether what was in flight is being sent again; else it is [`Standing::Lost`].
    pub fn replays(&self) -> bool {
        self.tap.borrow().replays
    }

    /// The time from the last ping to its answer, if there was one since the last call.
    pub fn take_round_trip(&mut self) -> Option<Duration> {
        self.tap.borrow_mut().round_trip.take()
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
        self.tap.borrow_mut().flush_now = !options.qos1;
        let published = self.connection.publish(publication).await;
        self.tap.borrow_mut().flush_now = false;
        match published {
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
        let mut progress = pin!(self.connection.poll());
        let progress = poll_fn(|cx| match progress.as_mut().poll(cx) {
            Poll::Ready(progress) => Poll::Ready(Ok(progress)),
            Poll::Pending => match tap.borrow_mut().oversize.take() {
                Some(oversize) => Poll::Ready(Err(oversize)),
                None => Poll::Pending,
            },
        })
        .await;
        match progress {
            Err(oversize) => Ok(Turn::TooLarge(oversize)),
            Ok(Ok(Some(inner))) if !is_well_formed(&inner) => {
                Err(Ended::plain(Error::MqttProtocol))
            }
            Ok(Ok(Some(inner))) => Ok(Turn::Message(Message { inner })),
            // A refusal is an acknowledgement: its code is in the tap.
            Ok(Ok(None) | Err(minimq::Error::Peer(PeerError::Rejected(_)))) => Ok(Turn::Progress),
            Ok(Err(e)) => Err(explain(e, &tap.borrow(), rx_size)),
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

    /// Ends the connection: sends what is to be acknowledged, and DISCONNECT with this reason.
    pub async fn disconnect(mut self, reason: u8) {
        // The connection ends either way.
        let _ = self.connection.drive().await;
        self.connection.into_inner().disconnect(reason).await;
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

/// What minimq leaves to be checked: properties that no message may have, a topic that is none (the
/// topic aliases that would allow it were not offered).
fn is_well_formed(message: &InboundPublish<'_>) -> bool {
    let topic = message.topic();
    !topic.is_empty()
        && !topic.contains(['+', '#', '\0'])
        && properties::read(message.properties()).is_some()
}

/// What a DISCONNECT of the broker means.
fn disconnected(code: u8) -> Ended {
    let error = match code {
        0x8E => Error::MqttTakenOver,
        0x93 | 0x96 | 0x97 | 0x9F => Error::MqttQuota,
        _ => Error::MqttDisconnected,
    };
    Ended::with_code(error, code)
}

/// Says what minimq's error and what was heard mean together.
fn explain(error: minimq::Error<Error>, tap: &Tap, rx_size: usize) -> Ended {
    match error {
        minimq::Error::Transport(e) if e != Error::MqttProtocol => Ended::plain(e),
        minimq::Error::Disconnected => match tap.disconnect {
            Some(code) => disconnected(code),
            None => Ended::plain(Error::TcpClosed),
        },
        minimq::Error::Resource(_) => Ended::plain(Error::TooLarge),
        _ if tap.largest > rx_size => Ended {
            needed: tap.largest,
            ..Ended::plain(Error::MqttProtocol)
        },
        _ => Ended::plain(Error::MqttProtocol),
    }
}
