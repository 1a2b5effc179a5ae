//! Our own TLS 1.3 client behind the TLS boundary. docs/tls.md introduces it to its maintainers.
//!
//! All of TLS is synchronous and knows no socket: [`client`] is the handshake, [`connection`] what
//! it has in common with the time after it. This file drives the two over a socket.

mod alert;
mod answer;
mod client;
mod codec;
mod connection;
mod hello;
mod limit;
mod messages;
mod receive;
mod record;
mod schedule;
mod secured;
mod share;
mod sign;
mod suite;
#[cfg(test)]
mod tests;
mod ticket;
mod transmit;

use core::{
    cell::RefCell,
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, ready},
};

use embedded_io_async::{Read, Write};
use rustls_pki_types::ServerName;

pub use self::secured::Secured;
use self::{
    alert::Fatal,
    client::{Handshake, Step},
    connection::Connection,
    record::{HEADER, SEALING},
    ticket::Tickets,
    transmit::RESERVE,
};
use super::{Config, Credentials, Failure, MAX_RX, MAX_TX, MIN_RX, MIN_TX, Random};
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
pub fn tx_needed(credentials: &Credentials<'_>) -> usize {
    MIN_TX.max(sign::verify_size(credentials).saturating_add(SEALING))
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

    /// Keeps the newest session ticket in this memory, and goes on from the one in it if that can be
    /// (resumption). The memory is a secret like a private key. Zeros are no ticket, and neither is
    /// anything else that was not put there by an earlier connection. Without memory there is no
    /// resumption.
    pub fn keep_tickets(&mut self, memory: &'a mut [u8]) {
        self.0.get_mut().connection.tickets = (!memory.is_empty()).then(|| Tickets::new(memory));
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
                    // The next poll goes on, so that one does not take long. Nothing is sent before
                    // it must be: what belongs together shall leave together.
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
/// Before the server has proven who it is, nothing but ClientHellos, the ChangeCipherSpec before the
/// second one, and an alert are sent.
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
