//! Our own TLS 1.3 client behind the TLS boundary. docs/tls.md introduces it to its maintainers.
//!
//! All of TLS is synchronous and knows no socket: [`client`] is the handshake, [`connection`] what
//! it has in common with the time after it. This file drives the two over a socket.

mod alert;
mod client;
mod codec;
mod connection;
mod hello;
mod messages;
mod receive;
mod record;
mod schedule;
mod sign;
mod suite;
mod transmit;

use core::{
    cell::RefCell,
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, ready},
};

use embedded_io_async::{ErrorType, Read, Write};
use rustls_pki_types::ServerName;

use self::{
    alert::Fatal,
    client::{Handshake, Step},
    connection::Connection,
    record::{APPLICATION_DATA, HEADER, SEALING},
    transmit::RESERVE,
};
use super::{
    Authenticated, Config, Credentials, Failure, Info, MAX_RX, MAX_TX, MIN_RX, MIN_TX, Random,
};
use crate::Error;

/// The bytes of memory that a [`Slot`] needs for records with a payload of up to `rx` bytes from
/// the server and `tx` bytes from us, as they are on the wire (17 bytes more than their contents).
pub const fn memory_size(rx: usize, tx: usize) -> usize {
    rx + tx + 2 * HEADER + RESERVE
}

/// The most bytes of application data in one record of `tx` bytes.
pub const fn application_bytes(tx: usize) -> usize {
    tx.saturating_sub(SEALING)
}

/// The least `tx` that these credentials need. Certificates may take several records; only the
/// signature must fit one.
pub fn tx_needed(_: &Credentials<'_>) -> usize {
    MIN_TX
}

/// What a connection consists of.
struct Line<'a, S> {
    connection: Connection<'a>,
    socket: S,
}

/// The place of one connection: its socket and its buffers. It serves one handshake and the
/// connection that comes of it; make a new one for the next.
///
/// The futures of the socket are polled once and dropped, again and again: while they are pending
/// they must have taken nothing. A read of 0 bytes is the end of the stream.
pub struct Slot<'a, S>(RefCell<Line<'a, S>>);

impl<'a, S> Slot<'a, S> {
    /// Carves the buffers out of `memory`, which has at least [`memory_size`] bytes.
    ///
    /// [`Error::Argument`] if `rx` or `tx` is out of range, [`Error::Memory`] if the memory is too
    /// small.
    pub fn new(socket: S, memory: &'a mut [u8], rx: usize, tx: usize) -> Result<Self, Error> {
        if !(MIN_RX..=MAX_RX).contains(&rx) || !(MIN_TX..=MAX_TX).contains(&tx) {
            return Err(Error::Argument);
        }
        let (receive, rest) = memory
            .split_at_mut_checked(HEADER + rx)
            .ok_or(Error::Memory)?;
        let transmit = rest.get_mut(..HEADER + tx + RESERVE).ok_or(Error::Memory)?;
        Ok(Self(RefCell::new(Line {
            connection: Connection::new(receive, transmit),
            socket,
        })))
    }

    /// Why the handshake or the connection failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.0.try_borrow().ok()?.connection.failure()
    }

    /// Polls a function of the connection.
    fn poll<T>(
        &self,
        function: impl FnOnce(&mut Line<'a, S>) -> Poll<Result<T, Error>>,
    ) -> Poll<Result<T, Error>> {
        // Never borrowed twice: nothing that runs within a borrow knows the slot.
        match self.0.try_borrow_mut() {
            Ok(mut line) => function(&mut line),
            Err(_) => Poll::Ready(Err(Error::State)),
        }
    }
}

impl<S: Read<Error = Error> + Write<Error = Error>> Line<'_, S> {
    /// Hands the socket what waits for it. Ready when nothing does.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let bytes = self.connection.transmit.pending();
            let length = bytes.len();
            if length == 0 {
                return Poll::Ready(Ok(()));
            }
            let sent = ready!(pin!(self.socket.write(bytes)).poll(context));
            match sent {
                Ok(sent) if (1..=length).contains(&sent) => self.connection.transmit.sent(sent),
                Ok(_) => return Poll::Ready(Err(Error::SocketContract)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Takes bytes from the socket, and sends meanwhile what is to be sent.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fatal>> {
        let sent = self.poll_send(context);
        let space = self.connection.receive.space();
        let room = space.len();
        let read = match pin!(self.socket.read(space)).poll(context) {
            Poll::Ready(read) => read,
            // What the server has said last counts more than that it hears us no more.
            Poll::Pending => {
                return match sent {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(Fatal::silent(error))),
                    _ => Poll::Pending,
                };
            }
        };
        Poll::Ready(match read {
            Ok(0) => Err(Fatal::silent(Error::TcpClosed)),
            Ok(length) if length <= room => {
                self.connection.receive.fill(length);
                Ok(())
            }
            Ok(_) => Err(Fatal::silent(Error::SocketContract)),
            Err(error) => Err(Fatal::silent(error)),
        })
    }

    /// Ends a connection that has failed: ready when the server was told, or cannot be.
    fn poll_end<T>(&mut self, error: Error, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        if let Err(_gone) = ready!(self.poll_send(context)) {
            self.connection.transmit.clear();
        }
        Poll::Ready(Err(error))
    }

    /// The same for one that fails now.
    fn poll_fail<T>(&mut self, fatal: Fatal, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        let error = self.connection.fail(fatal);
        self.poll_end(error, context)
    }

    fn poll_handshake(
        &mut self,
        handshake: &mut Handshake<'_>,
        random: &mut dyn Random,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if let Err(error) = self.connection.check() {
            return self.poll_end(error, context);
        }
        loop {
            let step = match handshake.advance(&mut self.connection, random) {
                Ok(step) => step,
                Err(fatal) => return self.poll_fail(fatal, context),
            };
            let done = match step {
                Step::Again => continue,
                Step::Done => return Poll::Ready(Ok(())),
                Step::Input => ready!(self.poll_receive(context)),
                Step::Room => ready!(self.poll_send(context)).map_err(Fatal::silent),
                Step::Worked | Step::Later => {
                    // The next poll goes on, so that one does not take long.
                    // If sending fails, the next read tells why.
                    let _ = self.poll_send(context);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            };
            if let Err(fatal) = done {
                return self.poll_fail(fatal, context);
            }
        }
    }
}

/// Who uses a slot; wipes what is in it when done.
struct Lease<'a, S>(&'a Slot<'a, S>);

impl<S> Drop for Lease<'_, S> {
    fn drop(&mut self) {
        if let Ok(mut line) = self.0.0.try_borrow_mut() {
            line.connection.wipe();
        }
    }
}

impl<'a, S> core::ops::Deref for Lease<'a, S> {
    type Target = Slot<'a, S>;

    fn deref(&self) -> &Slot<'a, S> {
        self.0
    }
}

/// Makes a connection secure, or finds out why that is impossible.
///
/// This future lives until it is done or the connection is given up: it cannot be resumed by
/// another call. It has no deadline of its own. The last messages of the handshake leave with the
/// first flush or read of [`Secured`], together with what was written until then. After a failure
/// it still waits until the server was told; [`Slot::failure`] knows the cause already.
///
/// Before the server has proven who it is, nothing but ClientHellos and an alert are sent.
pub async fn handshake<'a, S, R>(
    slot: &'a Slot<'a, S>,
    config: &Config<'_>,
    mut random: R,
) -> Result<Secured<'a, S>, Failure>
where
    S: Read<Error = Error> + Write<Error = Error>,
    R: Random,
{
    let host = ServerName::try_from(config.host).map_err(|_| Error::Endpoint)?;
    config.clock.check()?;
    let slot = Lease(slot);
    let mut handshake = Handshake::new(config, &host);
    let outcome = poll_fn(|context| {
        slot.poll(|line| line.poll_handshake(&mut handshake, &mut random, context))
    })
    .await;
    if let Err(error) = outcome {
        return Err(slot.failure().unwrap_or(Failure::new(error)));
    }
    let (info, proof) = handshake.finish()?;
    Ok(Secured::new(slot, info, proof))
}

/// An authenticated connection, the only thing that carries application bytes.
///
/// Every method may be dropped while it is pending: nothing is lost, torn or sent twice. The first
/// error of any kind ends the connection: every later call fails with it.
///
/// Reading goes on sending what is still to be sent, so nobody has to flush while waiting.
pub struct Secured<'a, S> {
    slot: Lease<'a, S>,
    info: Info,
    /// What waits in the receive buffer is application data.
    unread: bool,
    /// The record that is being written was flushed while it could not be sealed.
    flush_due: bool,
}

impl<'a, S: Read<Error = Error> + Write<Error = Error>> Secured<'a, S> {
    /// There is no other way than with a proof.
    fn new(slot: Lease<'a, S>, info: Info, _: Authenticated) -> Self {
        Self {
            slot,
            info,
            unread: false,
            flush_due: false,
        }
    }

    /// What was agreed on in the handshake.
    pub fn info(&self) -> Info {
        self.info
    }

    /// Why the connection failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.slot.failure()
    }

    /// The bytes that wait for the socket.
    pub fn unsent(&self) -> usize {
        match self.slot.0.0.try_borrow() {
            Ok(line) => line.connection.transmit.pending().len(),
            Err(_) => 0,
        }
    }

    /// Sends what was written and an orderly end, then ends the connection on our side; the socket
    /// stays open. If dropped while pending, call it again.
    pub async fn close(&mut self) -> Result<(), Error> {
        poll_fn(|context| {
            self.slot.poll(|line| {
                while !line.connection.is_closed() {
                    if let Err(error) = line.connection.check() {
                        return line.poll_end(error, context);
                    }
                    match line.connection.seal(APPLICATION_DATA) {
                        Ok(true) => line.connection.close(),
                        Ok(false) => match ready!(line.poll_send(context)) {
                            Ok(()) => {}
                            Err(error) => return line.poll_fail(Fatal::silent(error), context),
                        },
                        Err(fatal) => return line.poll_fail(fatal, context),
                    }
                }
                line.poll_send(context)
            })
        })
        .await
    }
}

impl<S> ErrorType for Secured<'_, S> {
    type Error = Error;
}

impl<S: Read<Error = Error> + Write<Error = Error>> Read for Secured<'_, S> {
    /// Reads application data. Never 0 bytes unless `bytes` is empty: the end of the connection is
    /// [`Error::TcpClosed`].
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        let Self {
            slot,
            unread,
            flush_due,
            ..
        } = self;
        poll_fn(|context| slot.poll(|line| poll_read(line, unread, flush_due, bytes, context)))
            .await
    }
}

fn poll_read<S: Read<Error = Error> + Write<Error = Error>>(
    line: &mut Line<'_, S>,
    unread: &mut bool,
    flush_due: &mut bool,
    bytes: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<Result<usize, Error>> {
    if let Err(error) = line.connection.check() {
        return line.poll_end(error, context);
    }
    if bytes.is_empty() {
        return Poll::Ready(Ok(0));
    }
    while !*unread {
        let taken = line.connection.take_data().and_then(|taken| {
            // An answer to a KeyUpdate, a record that was to be flushed: as soon as they can.
            *flush_due = *flush_due && !line.connection.seal(APPLICATION_DATA)?;
            line.connection.settle()?;
            Ok(taken)
        });
        match taken {
            Ok(taken) => *unread = taken,
            Err(fatal) => return line.poll_fail(fatal, context),
        }
        if !*unread && let Err(fatal) = ready!(line.poll_receive(context)) {
            return line.poll_fail(fatal, context);
        }
    }
    let contents = line.connection.receive.contents();
    let length = contents.len().min(bytes.len());
    if let (Some(to), Some(from)) = (bytes.get_mut(..length), contents.get(..length)) {
        to.copy_from_slice(from);
    }
    *unread = contents.len() > length;
    line.connection.receive.consume(length);
    Poll::Ready(Ok(length))
}

impl<S: Read<Error = Error> + Write<Error = Error>> Write for Secured<'_, S> {
    /// Adds to the record that is being written, as much as fits. Waits only if it is full, and
    /// then before taking anything.
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        poll_fn(|context| self.slot.poll(|line| poll_write(line, bytes, context))).await
    }

    /// Seals what was written and hands the socket what it takes. Waits only for room, not until
    /// all was sent; what the socket did not take now is sent by every later call.
    ///
    /// If dropped while waiting, the next read or flush does the rest.
    async fn flush(&mut self) -> Result<(), Error> {
        let Self {
            slot, flush_due, ..
        } = self;
        poll_fn(|context| {
            slot.poll(|line| {
                line.connection.check()?;
                *flush_due = true;
                match line.connection.seal(APPLICATION_DATA) {
                    Ok(sealed) => *flush_due = !sealed,
                    Err(fatal) => return Poll::Ready(Err(line.connection.fail(fatal))),
                }
                match line.poll_send(context) {
                    Poll::Ready(Err(error)) => {
                        Poll::Ready(Err(line.connection.fail(Fatal::silent(error))))
                    }
                    // There was no room for a KeyUpdate; now there is.
                    Poll::Ready(Ok(())) if *flush_due => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Pending if *flush_due => Poll::Pending,
                    _ => Poll::Ready(Ok(())),
                }
            })
        })
        .await
    }
}

fn poll_write<S: Read<Error = Error> + Write<Error = Error>>(
    line: &mut Line<'_, S>,
    bytes: &[u8],
    context: &mut Context<'_>,
) -> Poll<Result<usize, Error>> {
    line.connection.check()?;
    if bytes.is_empty() {
        return Poll::Ready(Ok(0));
    }
    loop {
        let transmit = &mut line.connection.transmit;
        let room = transmit.room();
        // Rather a full record than a small one behind others, unless it takes all.
        let begin = transmit.open() > 0 || transmit.pending().is_empty() || bytes.len() <= room;
        if room > 0 && begin {
            let length = room.min(bytes.len());
            if let (Some(to), Some(from)) =
                (transmit.place().get_mut(..length), bytes.get(..length))
            {
                to.copy_from_slice(from);
            }
            transmit.extend(length);
            return Poll::Ready(Ok(length));
        }
        if let Err(fatal) = line.connection.seal(APPLICATION_DATA) {
            return Poll::Ready(Err(line.connection.fail(fatal)));
        }
        if let Err(error) = ready!(line.poll_send(context)) {
            return Poll::Ready(Err(line.connection.fail(Fatal::silent(error))));
        }
    }
}
