//! The stream that minimq gets. It is where minimq's limits are lifted:
//!
//! - It opens the connection: CONNECT is ours, and minimq is shown a CONNACK with what it has to
//!   know. Its own CONNECT is swallowed.
//! - It keeps the connection alive: PINGREQ as this connection's keep alive asks for, PINGRESP in
//!   the time that was configured. minimq believes that there is no keep alive.
//! - A message that is larger than the buffer is passed over and acknowledged with "quota exceeded",
//!   so that the broker does not send it again, and told; the connection goes on.
//! - What is written leaves when minimq reads next, in one piece: an acknowledgement and everything
//!   that the message provoked. Only QoS 0 messages leave at once, for nothing tells later whether they
//!   left.
//! - Writes do not fail: see [`Stream::keep`].

use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{ErrorType, Read, Write};
use heapless::Vec;

use super::connect::{self, Connect, write_all};
use super::frame::{Frame, Header};
use super::oversize::Oversize;
use super::tap::Tap;
use super::{Connack, Ended};
use crate::{Error, bytes};

/// How long before the keep alive is over a PINGREQ is sent, at most: time for it to arrive.
const PING_LEAD: Duration = Duration::from_secs(5);

const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const DISCONNECT: u8 = 0xE0;
const PINGREQ: [u8; 2] = [0xC0, 0];

/// Reason code "quota exceeded": an implementation limit was exceeded (3.4.2.1).
const QUOTA_EXCEEDED: u8 = 0x97;

/// Bytes of a message that is passed over are read in pieces of this size.
const PASS_OVER: usize = 64;

pub struct Stream<'t, IO> {
    io: IO,
    tap: &'t RefCell<Tap>,
    rx_size: usize,
    /// Packets to minimq, and from it.
    inbound: Frame,
    outbound: Frame,
    /// How much of the current packet's fixed header minimq has.
    shown: usize,
    /// The message that is being passed over.
    oversize: Option<Oversize>,
    /// Minimq's CONNECT is not to be sent.
    swallow: bool,
    /// What minimq reads first.
    first: Vec<u8, 32>,
    /// Packets of our own: `own[sent..]` is still to be written.
    own: Vec<u8, 16>,
    sent: usize,
    unflushed: bool,
    keep_alive: Option<Duration>,
    ping_timeout: Duration,
    last_sent: Instant,
    /// When PINGRESP is overdue.
    ping_by: Option<Instant>,
}

impl<'t, IO: Read<Error = Error> + Write<Error = Error>> Stream<'t, IO> {
    /// Opens an MQTT connection over `io`: CONNECT, CONNACK. `in_flight` messages would be sent
    /// again by minimq if the session is resumed.
    pub async fn open(
        io: IO,
        tap: &'t RefCell<Tap>,
        connect: &Connect<'_>,
        rx_size: usize,
        ping_timeout: Duration,
        in_flight: usize,
    ) -> Result<Self, Ended> {
        let mut stream = Self {
            io,
            tap,
            rx_size,
            inbound: Frame::default(),
            outbound: Frame::default(),
            shown: 0,
            oversize: None,
            swallow: true,
            first: Vec::new(),
            own: Vec::new(),
            sent: 0,
            unflushed: false,
            keep_alive: None,
            ping_timeout,
            last_sent: Instant::now(),
            ping_by: None,
        };
        if let Err(error) = connect::send(&mut stream.io, connect, rx_size).await {
            // What has arrived may say why.
            stream.keep(error);
        }
        let connack = stream.connack().await?;
        if connack.session_present && (connect.clean_start || connack.reason != 0) {
            return Err(Ended::plain(Error::MqttProtocol));
        }
        if connack.reason != 0 {
            return Err(Ended::with_code(Error::MqttRefused, connack.reason));
        }
        if connack.receive_maximum == Some(0) || connack.maximum_packet_size == Some(0) {
            return Err(Ended::plain(Error::MqttProtocol));
        }
        stream.last_sent = Instant::now();
        stream.keep_alive = match connack.server_keep_alive_s.unwrap_or(connect.keep_alive_s) {
            0 => None,
            seconds => Some(Duration::from_secs(u64::from(seconds))),
        };
        stream.show(&connack, in_flight);
        Ok(stream)
    }

    /// Reads the answer to CONNECT. (Bytes of it go nowhere but to the tap.)
    async fn connack(&mut self) -> Result<Connack, Ended> {
        let mut bytes = [0; PASS_OVER];
        let closed = || Ended::plain(Error::MqttClosedBeforeConnack);
        let ended = |error| match error {
            Error::TcpClosed => closed(),
            error => Ended::plain(error),
        };
        while !self.header_complete() {
            if !self.read_header().await.map_err(ended)? {
                return Err(closed());
            }
        }
        if self.oversize.is_some() || !matches!(self.inbound.first(), CONNACK | DISCONNECT) {
            return Err(Ended::plain(Error::MqttProtocol));
        }
        while self.inbound.left() > 0 {
            let n = self.inbound.left().min(bytes.len());
            let piece = bytes.get_mut(..n).unwrap_or_default();
            let n = self.receive(piece).await.map_err(ended)?;
            if n == 0 {
                return Err(closed());
            }
            self.inbound.take_body(n);
        }
        self.inbound.end();
        let tap = self.tap.borrow();
        match (tap.disconnect, tap.connack) {
            (Some(code), _) => Err(super::disconnected(code)),
            (None, Some(connack)) => Ok(connack),
            (None, None) => Err(Ended::plain(Error::MqttProtocol)),
        }
    }

    /// Makes the CONNACK that minimq is shown.
    fn show(&mut self, connack: &Connack, in_flight: usize) {
        // It would send everything that is in flight again at once, whatever the broker takes. What
        // it then does not know any more is sent from the outbox.
        let receive_maximum = connack.receive_maximum.unwrap_or(u16::MAX);
        let replays = connack.session_present && in_flight <= usize::from(receive_maximum);
        self.tap.borrow_mut().replays = replays;
        let size = connack.maximum_packet_size.unwrap_or(u32::MAX);
        for part in [
            &[CONNACK, 11, u8::from(replays), 0, 8, 0x21][..],
            &receive_maximum.to_be_bytes(),
            &[0x27],
            &size.to_be_bytes(),
        ] {
            // 13 bytes in all.
            let _ = self.first.extend_from_slice(part);
        }
    }

    fn failure(&self) -> Option<Error> {
        self.tap.borrow().write_failure
    }

    /// Keeps a failure of a write; what is written after it is discarded.
    ///
    /// minimq retains a QoS 1 message before it writes it, and forgets to say so when the write
    /// fails: the caller cannot know whether to publish it again. With writes that do not fail,
    /// every message is either acknowledged or known to be open, and the failure still ends the
    /// connection: reading reports it once everything that has arrived was read, for that may say
    /// why.
    fn keep(&self, failure: Error) {
        self.tap.borrow_mut().write_failure = Some(failure);
    }

    /// Sends DISCONNECT with this reason, if the stream is between two packets.
    pub async fn disconnect(&mut self, reason: u8) {
        if !self.outbound.at_boundary() || self.failure().is_some() {
            return;
        }
        self.send_own().await;
        if write_all(&mut self.io, &[DISCONNECT, 1, reason])
            .await
            .is_ok()
        {
            // The connection ends either way.
            let _ = self.io.flush().await;
        }
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

    /// Notes a PINGRESP that has arrived.
    fn note_pingresp(&mut self) {
        let mut tap = self.tap.borrow_mut();
        if core::mem::take(&mut tap.pingresp)
            && let Some(by) = self.ping_by.take()
        {
            let waited = by.saturating_duration_since(Instant::now());
            tap.round_trip = self.ping_timeout.checked_sub(waited);
        }
    }

    /// The deadline has passed.
    fn keep_alive(&mut self, now: Instant) -> Result<(), Error> {
        if self.ping_by.is_some() {
            return Err(Error::MqttKeepAlive);
        }
        // Within a packet its rest is about to be sent, and that is as good.
        if self.outbound.at_boundary() && self.own.extend_from_slice(&PINGREQ).is_ok() {
            self.ping_by = Some(now + self.ping_timeout);
        } else {
            self.last_sent = now;
        }
        Ok(())
    }

    /// Sends the packets of our own.
    async fn send_own(&mut self) {
        if !self.outbound.at_boundary() {
            return;
        }
        while let Some(rest) = self.own.get(self.sent..).filter(|rest| !rest.is_empty())
            && self.tap.borrow().write_failure.is_none()
        {
            match self.io.write(rest).await {
                Ok(n) => self.sent = self.sent.saturating_add(n),
                Err(error) => self.keep(error),
            }
            self.unflushed = true;
        }
        self.own.clear();
        self.sent = 0;
    }

    async fn flush_all(&mut self) {
        self.send_own().await;
        if self.failure().is_none()
            && let Err(error) = self.io.flush().await
        {
            self.keep(error);
        }
        self.last_sent = Instant::now();
        self.unflushed = false;
    }

    // ---- receiving ----------------------------------------------------------------------------

    /// Reads bytes of the broker; meanwhile keeps the connection alive. Dropping the future loses
    /// nothing.
    async fn receive(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        loop {
            self.note_pingresp();
            if !self.own.is_empty() || self.unflushed {
                self.flush_all().await;
            }
            let failure = self.failure();
            let deadline = self.deadline();
            let result = {
                let mut read = pin!(self.io.read(out));
                let mut wake = pin!(until(deadline));
                poll_fn(|cx| {
                    // What has arrived counts before any deadline.
                    if let Poll::Ready(result) = read.as_mut().poll(cx) {
                        return Poll::Ready(Some(result));
                    }
                    if let Some(failure) = failure {
                        return Poll::Ready(Some(Err(failure)));
                    }
                    wake.as_mut().poll(cx).map(|()| None)
                })
                .await
            };
            let Some(result) = result else {
                self.keep_alive(Instant::now())?;
                continue;
            };
            let n = result.map_err(|error| failure.unwrap_or(error))?;
            let mut tap = self.tap.borrow_mut();
            if n == 0 && !out.is_empty() {
                tap.ended = true;
            }
            tap.hear(out.get(..n).unwrap_or_default());
            return Ok(n);
        }
    }

    /// Reads the fixed header of the next packet. `false`: the stream has ended.
    async fn read_header(&mut self) -> Result<bool, Error> {
        // Every packet has two bytes; nothing behind the packet is taken.
        let mut bytes = [0; 2];
        let want = if self.inbound.at_boundary() { 2 } else { 1 };
        let piece = bytes.get_mut(..want).unwrap_or_default();
        let n = self.receive(piece).await?;
        for byte in bytes.into_iter().take(n) {
            match self.inbound.take_header(byte) {
                Header::Partial => {}
                Header::Malformed => return Err(Error::MqttProtocol),
                Header::Complete(size) if size > self.rx_size => {
                    let first = self.inbound.first();
                    if first & 0xF0 != PUBLISH {
                        return Err(Error::MqttProtocol);
                    }
                    self.oversize = Some(Oversize::new(first, size));
                }
                Header::Complete(_) => {}
            }
        }
        Ok(n > 0)
    }

    /// Reads some of a message that is passed over. `false`: the stream has ended.
    async fn pass_over(&mut self) -> Result<bool, Error> {
        let mut bytes = [0; PASS_OVER];
        let n = self.inbound.left().min(bytes.len());
        let piece = bytes.get_mut(..n).unwrap_or_default();
        let n = self.receive(piece).await?;
        if n == 0 {
            return Ok(false);
        }
        let piece = piece.get(..n).unwrap_or_default();
        if let Some(oversize) = &mut self.oversize {
            oversize.hear(piece);
        }
        self.inbound.take_body(n);
        if self.inbound.left() == 0
            && let Some(oversize) = self.oversize.take()
        {
            self.inbound.end();
            if let Some(id) = oversize.packet_id() {
                let [high, low] = id.to_be_bytes();
                // There is room: receiving waits until what was put there is sent.
                let _ = self
                    .own
                    .extend_from_slice(&[0x40, 3, high, low, QUOTA_EXCEEDED]);
            }
            self.tap.borrow_mut().oversize = Some(oversize);
        }
        Ok(true)
    }

    /// Shows minimq the fixed header.
    fn show_header(&mut self, out: &mut [u8]) -> usize {
        let header = self.inbound.header();
        let rest = header.get(self.shown..).unwrap_or_default();
        let n = bytes::copy(rest, out);
        self.shown = self.shown.saturating_add(n);
        if self.shown == header.len() && self.inbound.left() == 0 {
            self.end_packet();
        }
        n
    }

    fn end_packet(&mut self) {
        self.inbound.end();
        self.shown = 0;
    }

    /// The fixed header is known completely.
    fn header_complete(&self) -> bool {
        let header = self.inbound.header();
        header.len() >= 2 && header.last().is_some_and(|digit| digit & 0x80 == 0)
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => Timer::at(at).await,
        None => core::future::pending().await,
    }
}

impl<IO> ErrorType for Stream<'_, IO> {
    type Error = Error;
}

impl<IO: Read<Error = Error> + Write<Error = Error>> Read for Stream<'_, IO> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        if !self.first.is_empty() {
            let n = bytes::copy(&self.first, out);
            self.first.rotate_left(n);
            self.first.truncate(self.first.len().saturating_sub(n));
            return Ok(n);
        }
        loop {
            if self.oversize.is_some() {
                if !self.pass_over().await? {
                    return Ok(0);
                }
            } else if !self.header_complete() {
                if !self.read_header().await? {
                    return Ok(0);
                }
            } else if self.shown < self.inbound.header().len() {
                return Ok(self.show_header(out));
            } else {
                let n = self.inbound.left().min(out.len());
                let n = self.receive(out.get_mut(..n).unwrap_or_default()).await?;
                self.inbound.take_body(n);
                if self.inbound.left() == 0 {
                    self.end_packet();
                }
                return Ok(n);
            }
        }
    }
}

impl<IO: Read<Error = Error> + Write<Error = Error>> Write for Stream<'_, IO> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        if self.swallow {
            return Ok(data.len());
        }
        self.send_own().await;
        if self.failure().is_none() {
            match self.io.write(data).await {
                Ok(n) => {
                    self.outbound.follow(data.get(..n).unwrap_or_default());
                    return Ok(n);
                }
                Err(error) => self.keep(error),
            }
        }
        Ok(data.len())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.swallow {
            // That was CONNECT.
            self.swallow = false;
            return Ok(());
        }
        if self.tap.borrow().flush_now {
            self.flush_all().await;
        } else {
            self.unflushed = true;
        }
        Ok(())
    }
}
