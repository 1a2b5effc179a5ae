//! MQTT 5, the client's side: packets, their acknowledgement, keeping the connection alive.
//!
//! ```text
//! broker -> inbound.rs (cut into packets) -> packet.rs (read) -> Client::turn
//! Client::publish, subscribe -> outbound.rs (collected) -> broker
//! ```
//!
//! Nothing of what is in flight is kept here: who publishes keeps the message until it is
//! acknowledged, and sends it again when the session is resumed. So a session is two buffers.

mod connack;
mod connect;
mod inbound;
mod outbound;
mod oversize;
mod packet;
pub mod properties;
pub mod topic;

pub use connack::Connack;
pub use connect::{Connect, MAX_CLIENT_ID, Will};
pub use outbound::{Body, Unwritten};
pub use oversize::Oversize;
pub use packet::{Ack, AckOf, Message};
pub use properties::Properties;

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_time::{Duration, Instant};

use crate::Error;
use crate::error::Retry;
use crate::net::ByteStream;
use inbound::{Inbound, Next};
use outbound::{Outbound, RESERVE};
use packet::{PUBACK, PUBLISH, Packet};

/// Bytes of the transmit buffer beyond the largest message: the longest topic, what MQTT puts around
/// it, and the reserve.
pub const PACKET_OVERHEAD: usize = topic::MAX_TOPIC + 16 + RESERVE;

/// The largest number of topic filters in one SUBSCRIBE (AWS IoT limit).
pub const FILTERS_PER_SUBSCRIBE: usize = 8;

/// How long before the keep alive is over a PINGREQ is sent, at most: time for it to arrive.
const PING_LEAD: Duration = Duration::from_secs(5);

// First bytes of packets (2.1.2, 2.1.3).
const SUBSCRIBE: u8 = 0x82;
const UNSUBSCRIBE: u8 = 0xA2;
const DISCONNECT: u8 = 0xE0;
const PINGREQ: [u8; 2] = [0xC0, 0];

// Flags of PUBLISH (3.3.1).
const RETAIN: u8 = 0x01;
const QOS1: u8 = 0x02;
const DUP: u8 = 0x08;

/// Reason code "quota exceeded": an implementation limit was exceeded (3.4.2.1).
const QUOTA_EXCEEDED: u8 = 0x97;

/// What outlives a connection.
pub struct Session<'m> {
    rx: &'m mut [u8],
    tx: &'m mut [u8],
    last_id: u16,
}

/// How a filter is subscribed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Messages are delivered at QoS 1 at most, else at QoS 0.
    pub qos1: bool,
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishOptions {
    /// Its packet identifier, at QoS 1; else it is sent at QoS 0.
    pub id: Option<u16>,
    /// The broker keeps it for later subscribers.
    pub retain: bool,
    /// It was sent before, with this packet identifier.
    pub again: bool,
    /// Presumable bytes of the packet.
    pub size: usize,
}

/// What one step of the connection brought.
pub enum Turn<'p> {
    /// A message.
    Message(Message<'p>),
    /// A message that is larger than `rx` was passed over.
    TooLarge(Oversize),
    /// An operation was acknowledged, or refused.
    Acknowledged(Ack),
    /// A ping was answered after this time.
    Ping(Duration),
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// What was collected before must leave first: [`Client::flush`], and then again.
    Full,
    /// It will never fit.
    TooLarge,
    /// It is not wanted any more.
    Unwanted,
    /// The connection is gone; reading tells why.
    Broken,
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
    /// A session. `rx` holds the largest packet that can be received, `tx` the largest that can be
    /// sent.
    pub fn new(rx: &'m mut [u8], tx: &'m mut [u8]) -> Self {
        Self { rx, tx, last_id: 0 }
    }

    /// Begins a connection over `io`, which [`Client::open`] then opens. A ping is to be answered
    /// within `ping_timeout`.
    pub fn start<IO: ByteStream>(&mut self, io: IO, ping_timeout: Duration) -> Client<'_, IO> {
        Client {
            io,
            rx: Inbound::new(self.rx),
            tx: Outbound::new(self.tx),
            last_id: &mut self.last_id,
            connack: Connack::default(),
            unacknowledged: 0,
            due: None,
            unflushed: false,
            failure: None,
            keep_alive: None,
            ping_timeout,
            last_sent: Instant::MIN,
            ping_by: None,
        }
    }
}

/// An MQTT connection.
pub struct Client<'s, IO> {
    io: IO,
    rx: Inbound<'s>,
    tx: Outbound<'s>,
    last_id: &'s mut u16,
    connack: Connack,
    /// Messages that the broker has not acknowledged on this connection.
    unacknowledged: u16,
    /// The message that was handed out last is to be acknowledged.
    due: Option<u16>,
    unflushed: bool,
    /// Writing has failed. What is written after that is discarded, and the connection ends as soon
    /// as everything that has arrived was read, for that may say why.
    failure: Option<Error>,
    keep_alive: Option<Duration>,
    ping_timeout: Duration,
    last_sent: Instant,
    /// When PINGRESP is overdue.
    ping_by: Option<Instant>,
}

impl<IO: ByteStream> Client<'_, IO> {
    /// Whether the broker still had the session: its subscriptions stand, it has messages for us,
    /// and what was in flight is to be sent again.
    pub fn resumed(&self) -> bool {
        self.connack.session_present
    }

    /// What the broker said of this connection.
    pub fn connack(&self) -> Connack {
        self.connack
    }

    /// Whether the broker takes another message at QoS 1 before it has acknowledged one.
    pub fn takes_more(&self) -> bool {
        self.unacknowledged < self.connack.receive_maximum.unwrap_or(u16::MAX)
    }

    /// A packet identifier that is not in use.
    pub fn new_id(&mut self, is_used: impl Fn(u16) -> bool) -> u16 {
        // There are far fewer operations in flight than identifiers.
        loop {
            *self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !is_used(*self.last_id) {
                return *self.last_id;
            }
        }
    }

    // ---- sending ------------------------------------------------------------------------------

    /// Subscribes to filters, or unsubscribes when `leaving`, up to [`FILTERS_PER_SUBSCRIBE`];
    /// `write` puts them by [`Body::put_filter`].
    pub fn subscribe(
        &mut self,
        id: u16,
        leaving: bool,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), Unwritten>,
    ) -> Result<(), NotSent> {
        let first = if leaving { UNSUBSCRIBE } else { SUBSCRIBE };
        self.packet(first, topic::MAX_TOPIC, |body| {
            body.put(&id.to_be_bytes())?;
            body.put_properties(&[])?;
            write(body)
        })
    }

    /// Publishes; `write` puts topic and properties by [`Body::put_head`], and then the payload. The
    /// message leaves with the next turn, or by [`flush`](Self::flush): at QoS 0 nothing else tells
    /// whether it did.
    pub fn publish(
        &mut self,
        options: PublishOptions,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), Unwritten>,
    ) -> Result<(), NotSent> {
        let mut first = PUBLISH;
        if options.id.is_some() {
            first |= QOS1;
        }
        if options.retain {
            first |= RETAIN;
        }
        if options.again {
            first |= DUP;
        }
        self.packet(first, options.size, write)?;
        if options.id.is_some() {
            self.unacknowledged = self.unacknowledged.saturating_add(1);
        }
        Ok(())
    }

    fn packet(
        &mut self,
        first: u8,
        size: usize,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), Unwritten>,
    ) -> Result<(), NotSent> {
        if self.failure.is_some() {
            return Err(NotSent::Broken);
        }
        self.tx
            .packet(first, size, write)
            .map_err(|error| match error {
                Unwritten::Unwanted => NotSent::Unwanted,
                // There is room behind nothing.
                Unwritten::NoRoom if self.tx.is_empty() => NotSent::TooLarge,
                Unwritten::NoRoom => NotSent::Full,
            })?;
        self.unflushed = true;
        Ok(())
    }

    /// Sends what was collected; fails when that failed, with it or before. Dropping the future loses
    /// nothing.
    pub async fn flush(&mut self) -> Result<(), NotSent> {
        while self.failure.is_none() && !self.tx.is_empty() {
            match self.io.write(self.tx.waiting()).await {
                Ok(n) => self.tx.sent(n),
                Err(error) => self.failure = Some(error),
            }
        }
        if self.failure.is_none()
            && self.unflushed
            && let Err(error) = self.io.flush().await
        {
            self.failure = Some(error);
        }
        if core::mem::take(&mut self.unflushed) {
            self.last_sent = Instant::now();
        }
        if self.failure.is_some() {
            self.tx.clear();
            return Err(NotSent::Broken);
        }
        Ok(())
    }

    /// Adds a packet of the connection itself; there is room, by the reserve.
    fn add(&mut self, packet: &[u8]) {
        if self.failure.is_none() && self.tx.add(packet).is_some() {
            self.unflushed = true;
        }
    }

    fn acknowledge(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.add(&[PUBACK, 2, high, low]);
    }

    /// Ends the connection: sends what was collected, and DISCONNECT with this reason.
    pub async fn disconnect(&mut self, reason: u8) {
        if let Some(id) = self.due.take() {
            self.acknowledge(id);
        }
        self.add(&[DISCONNECT, 1, reason]);
        // There is nobody left to tell.
        let _ = self.flush().await;
    }

    // ---- keeping alive ------------------------------------------------------------------------

    /// When something has to be sent, or should have arrived.
    fn deadline(&self) -> Option<Instant> {
        let ping_at = self.keep_alive.map(|keep_alive| {
            let lead = PING_LEAD.min(keep_alive / 4);
            self.last_sent + (keep_alive - lead)
        });
        self.ping_by.or(ping_at)
    }

    /// The deadline has passed.
    fn keep_alive(&mut self) -> Result<(), Ended> {
        if self.ping_by.is_some() {
            return Err(Ended::plain(Error::MqttKeepAlive));
        }
        self.add(&PINGREQ);
        self.ping_by = Some(Instant::now() + self.ping_timeout);
        Ok(())
    }

    // ---- receiving ----------------------------------------------------------------------------

    /// Takes the next step: waits for a packet and keeps the connection alive meanwhile. The message
    /// of the step before is acknowledged. Safe to drop.
    pub async fn turn(&mut self) -> Result<Turn<'_>, Ended> {
        if let Some(id) = self.due.take() {
            self.acknowledge(id);
        }
        let first = loop {
            if !self.tx.has_reserve() {
                // Reading tells why it failed.
                let _ = self.flush().await;
            }
            match self.rx.next() {
                Next::Packet(first) if first & 0xF0 == PUBLISH => break first,
                Next::Packet(first) => {
                    if let Some(turn) = self.heard(first)? {
                        return Ok(turn);
                    }
                }
                Next::PassedOver(message) => {
                    if let Some(id) = message.packet_id() {
                        let [high, low] = id.to_be_bytes();
                        self.add(&[PUBACK, 3, high, low, QUOTA_EXCEEDED]);
                    }
                    return Ok(Turn::TooLarge(message));
                }
                Next::More => self.receive().await?,
                Next::Malformed => return Err(Ended::plain(Error::MqttProtocol)),
                Next::TooLarge(size) => return Err(self.too_large(size)),
            }
        };
        let message = Message::parse(first, self.rx.body());
        let message = message.ok_or(Ended::plain(Error::MqttProtocol))?;
        self.due = message.packet_id();
        Ok(Turn::Message(message))
    }

    /// A packet that is no message has arrived.
    fn heard(&mut self, first: u8) -> Result<Option<Turn<'static>>, Ended> {
        match packet::parse(first, self.rx.body()) {
            Some(Packet::Ack(ack)) => {
                if ack.of == AckOf::Publish {
                    self.unacknowledged = self.unacknowledged.saturating_sub(1);
                }
                Ok(Some(Turn::Acknowledged(ack)))
            }
            Some(Packet::Pingresp) => Ok(self.ping_by.take().and_then(|by| {
                let left = by.saturating_duration_since(Instant::now());
                self.ping_timeout.checked_sub(left).map(Turn::Ping)
            })),
            Some(Packet::Disconnect(code)) => Err(disconnected(code)),
            Some(Packet::Connack(_)) | None => Err(Ended::plain(Error::MqttProtocol)),
        }
    }

    fn too_large(&self, size: usize) -> Ended {
        Ended {
            needed: size,
            ..Ended::plain(Error::MqttProtocol)
        }
    }

    /// Opens the MQTT connection. Not to be dropped before it is done, unless with the client.
    pub async fn open(&mut self, connect: &Connect<'_>) -> Result<(), Ended> {
        // When it fails, what has arrived may say why.
        self.failure = self.send_connect(connect).await.err();
        let connack = self.opened(connect).await?;
        self.connack = connack;
        self.last_sent = Instant::now();
        self.keep_alive = match connack.server_keep_alive_s.unwrap_or(connect.keep_alive_s) {
            0 => None,
            seconds => Some(Duration::from_secs(u64::from(seconds))),
        };
        if let Some(size) = connack.maximum_packet_size {
            self.tx.limit(size as usize);
        }
        Ok(())
    }

    async fn send_connect(&mut self, connect: &Connect<'_>) -> Result<(), Error> {
        let rx_size = self.rx.size();
        let mut at = 0_usize;
        loop {
            let n = connect::write(connect, rx_size, at, self.tx.room())?;
            self.tx.fill(n);
            self.unflushed = true;
            let sent = self.flush().await;
            at = at.saturating_add(n);
            if n == 0 || sent.is_err() {
                return self.failure.map_or(Ok(()), Err);
            }
        }
    }

    /// Waits for the answer to CONNECT.
    async fn opened(&mut self, connect: &Connect<'_>) -> Result<Connack, Ended> {
        let protocol = || Ended::plain(Error::MqttProtocol);
        let first = loop {
            match self.rx.next() {
                Next::Packet(first) => break first,
                Next::More => {}
                Next::TooLarge(size) => return Err(self.too_large(size)),
                Next::PassedOver(_) | Next::Malformed => return Err(protocol()),
            }
            self.receive().await.map_err(|ended| match ended.error {
                Error::TcpClosed => Ended::plain(Error::MqttClosedBeforeConnack),
                _ => ended,
            })?;
        };
        let connack = match packet::parse(first, self.rx.body()) {
            Some(Packet::Connack(connack)) => connack,
            Some(Packet::Disconnect(code)) => return Err(disconnected(code)),
            _ => return Err(protocol()),
        };
        if connack.session_present && (connect.clean_start || connack.reason != 0) {
            return Err(protocol());
        }
        if connack.reason != 0 {
            return Err(Ended::with_code(Error::MqttRefused, connack.reason));
        }
        if connack.receive_maximum == Some(0) || connack.maximum_packet_size == Some(0) {
            return Err(protocol());
        }
        Ok(connack)
    }

    /// Sends what was collected and waits until something arrives, or until a ping is due. Dropping
    /// the future loses nothing.
    async fn receive(&mut self) -> Result<(), Ended> {
        // When it failed, what has arrived may say why.
        let _ = self.flush().await;
        let (failure, deadline) = (self.failure, self.deadline());
        let read = {
            let mut read = pin!(self.io.read(self.rx.room()));
            poll_fn(|cx| {
                // What has arrived counts before any deadline.
                if let Poll::Ready(read) = read.as_mut().poll(cx) {
                    return Poll::Ready(Some(read));
                }
                if let Some(failure) = failure {
                    return Poll::Ready(Some(Err(failure)));
                }
                match deadline {
                    Some(at) if at <= Instant::now() => Poll::Ready(None),
                    Some(at) => {
                        embassy_time_driver::schedule_wake(at.as_ticks(), cx.waker());
                        Poll::Pending
                    }
                    None => Poll::Pending,
                }
            })
            .await
        };
        match read {
            None => self.keep_alive(),
            Some(Ok(0)) => Err(Ended::plain(Error::TcpClosed)),
            Some(Ok(n)) => {
                self.rx.add(n);
                Ok(())
            }
            Some(Err(error)) => Err(Ended::plain(failure.unwrap_or(error))),
        }
    }
}

impl Body<'_> {
    /// Puts what comes before the payload of a message: topic, packet identifier, properties as
    /// [`properties::encode`] wrote them. `topic` writes the topic and returns its length.
    pub fn put_head(
        &mut self,
        topic: impl FnOnce(&mut [u8]) -> Option<usize>,
        id: Option<u16>,
        properties: &[u8],
    ) -> Result<(), Unwritten> {
        self.write_data(topic)?;
        if let Some(id) = id {
            self.put(&id.to_be_bytes())?;
        }
        self.put_properties(properties)
    }

    /// Puts a filter, which `filter` writes, with the options of its subscription; without them it is
    /// one to leave. If there is no room, nothing has happened.
    pub fn put_filter(
        &mut self,
        filter: impl FnOnce(&mut [u8]) -> Option<usize>,
        options: Option<SubscribeOptions>,
    ) -> Result<(), Unwritten> {
        self.all_or_none(|body| {
            body.write_data(filter)?;
            match options {
                Some(options) => body.put(&[u8::from(options.qos1)]),
                None => Ok(()),
            }
        })
    }
}

/// Whether a message that the broker refused with this reason code can be sent again later: quota
/// exceeded, message rate too high, server busy.
pub const fn retry_verdict(code: u8) -> Retry {
    match code {
        0x89 | 0x96 | 0x97 => Retry::Later,
        _ => Retry::No,
    }
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
