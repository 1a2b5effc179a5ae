//! The record gate: between the socket and embedded-tls, both ways, whole records only.
//!
//! **In**: a record is collected here until it is complete and its header was found legal; only
//! then does the engine see its first byte, and from there on it never has to wait for the rest.
//! So a read that is dropped half-way loses nothing.
//!
//! **Out**: a sealed record is taken whole or, while there is no room for it, not at all. The
//! engine is only asked to seal when there is room, so its writes neither wait nor fail half-way,
//! and no record is ever sealed twice under one number.
//!
//! **Poison**: the first failure of any kind is kept and answers every later call.

use core::{
    pin::pin,
    task::{Context, Poll, ready},
};

use embedded_io_async::{Read, Write};

use super::server_hello;
use crate::{
    Error,
    tls::{Authenticated, Failure},
};

/// The header of a record.
pub(super) const HEADER: usize = 5;
/// The least payload of an encrypted record: one byte, its type, the tag.
// An empty one is legal, but embedded-tls does not survive a record without even a type, and
// nobody has a reason to send either.
const MIN_ENCRYPTED: usize = 17;
/// The largest legal payload of an encrypted record.
const MAX_ENCRYPTED: usize = 16384 + 256;
/// The largest legal payload of a plaintext record.
const MAX_PLAIN: usize = 16384;
/// The ChangeCipherSpec records that are overlooked in a handshake (middlebox compatibility mode
/// has one).
const MAX_CHANGE_CIPHER_SPEC: u8 = 2;
/// The records that may follow each other without bringing application data: messages of the
/// handshake, session tickets. One poll takes no more than these.
const MAX_BARREN_RECORDS: u8 = 32;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// How far the connection is, as far as it decides which records are legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waiting for the ServerHello.
    Hello,
    /// The rest of the handshake, encrypted.
    Flight,
    /// The handshake is over.
    Application,
}

/// The gate of one connection. It has no socket of its own: it is handed one at each call.
pub(super) struct Gate<'a> {
    /// The record that is being collected or taken, with its header.
    record: &'a mut [u8],
    /// The bytes of it that have arrived.
    filled: usize,
    /// The bytes of it that the engine has taken.
    taken: usize,
    /// Sealed records for the socket: those bytes from `head` to `tail`.
    out: &'a mut [u8],
    head: usize,
    tail: usize,
    phase: Phase,
    change_cipher_specs: u8,
    barren: u8,
    server: Option<Authenticated>,
    failure: Option<Failure>,
}

impl<'a> Gate<'a> {
    /// With room for one record in each direction, header included.
    pub(super) fn new(record: &'a mut [u8], out: &'a mut [u8]) -> Self {
        Self {
            record,
            filled: 0,
            taken: 0,
            out,
            head: 0,
            tail: 0,
            phase: Phase::Hello,
            change_cipher_specs: 0,
            barren: 0,
            server: None,
            failure: None,
        }
    }

    /// The first failure, which is also the last.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Poisons the connection, unless it was before; returns the error that counts.
    pub(super) fn fail(&mut self, failure: impl Into<Failure>) -> Error {
        self.failure.get_or_insert(failure.into()).error
    }

    /// The error that poisoned the connection, if it was.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.failure {
            Some(failure) => Err(failure.error),
            None => Ok(()),
        }
    }

    /// The server was authenticated: the engine may send encrypted records.
    pub(super) fn authenticated(&mut self, proof: Authenticated) {
        self.server = Some(proof);
    }

    /// The handshake is over. From now on only encrypted records are legal.
    pub(super) fn enter_application(&mut self) {
        self.phase = Phase::Application;
        self.barren = 0;
    }

    /// Application data came out of the last record.
    pub(super) fn fruitful(&mut self) {
        self.barren = 0;
    }

    /// The bytes that wait for the socket.
    pub(super) fn unsent(&self) -> usize {
        self.tail.saturating_sub(self.head)
    }

    /// Whether a sealed record of this size can be taken now.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.out.len().saturating_sub(self.unsent()) >= size
    }

    /// Hands the socket what waits for it. Ready when nothing does.
    pub(super) fn poll_send<S: Write<Error = Error>>(
        &mut self,
        socket: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.check()?;
        while let Some(bytes) = self
            .out
            .get(self.head..self.tail)
            .filter(|bytes| !bytes.is_empty())
        {
            let length = bytes.len();
            let sent = ready!(pin!(socket.write(bytes)).poll(context));
            let sent = match sent {
                Ok(sent) if (1..=length).contains(&sent) => sent,
                Ok(_) => return Poll::Ready(Err(self.fail(Error::SocketContract))),
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            };
            self.head = self.head.saturating_add(sent);
        }
        self.head = 0;
        self.tail = 0;
        Poll::Ready(Ok(()))
    }

    /// Ready when a sealed record of this size can be taken. Nothing is lost if the caller goes
    /// away meanwhile.
    pub(super) fn poll_room<S: Write<Error = Error>>(
        &mut self,
        size: usize,
        socket: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.check()?;
        if size > self.out.len() {
            let failure = Failure {
                needed: size.saturating_sub(HEADER),
                ..Failure::new(Error::TooLarge)
            };
            return Poll::Ready(Err(self.fail(failure)));
        }
        if self.has_room(size) {
            return Poll::Ready(Ok(()));
        }
        let _pending = self.poll_send(socket, context)?;
        if self.has_room(size) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Takes a sealed record, once there is room for it.
    pub(super) fn poll_take_sealed<S: Write<Error = Error>>(
        &mut self,
        sealed: &[u8],
        socket: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.check()?;
        let legal = match sealed.first() {
            Some(&HANDSHAKE) if self.phase == Phase::Hello => Ok(()),
            // Not one encrypted byte, and so neither our certificate nor application data, to a
            // server that has not proven who it is.
            Some(&APPLICATION_DATA) if self.server.is_some() => Ok(()),
            Some(&APPLICATION_DATA) => Err(Error::TlsNotAuthenticated),
            // The alerts that the engine sends in plaintext are malformed.
            _ => Err(Error::TlsProtocol),
        };
        if let Err(error) = legal {
            return Poll::Ready(Err(self.fail(error)));
        }
        ready!(self.poll_room(sealed.len(), socket, context))?;
        if self.out.len().saturating_sub(self.tail) < sealed.len() {
            self.out.copy_within(self.head..self.tail, 0);
            self.tail = self.unsent();
            self.head = 0;
        }
        let end = self.tail.saturating_add(sealed.len());
        match self.out.get_mut(self.tail..end) {
            Some(place) => place.copy_from_slice(sealed),
            None => return Poll::Ready(Err(self.fail(Error::Tls))),
        }
        self.tail = end;
        Poll::Ready(Ok(()))
    }

    /// Ready when a whole, legal record waits for the engine. Sends what is to be sent meanwhile.
    /// Nothing is lost if the caller goes away.
    pub(super) fn poll_record<S: Read<Error = Error> + Write<Error = Error>>(
        &mut self,
        socket: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        // That the socket takes nothing now is no reason not to read.
        let _pending = self.poll_send(socket, context)?;
        loop {
            let size = self.size();
            if self.filled >= HEADER && self.filled == size {
                return Poll::Ready(Ok(()));
            }
            let Some(place) = self.record.get_mut(self.filled..size) else {
                return Poll::Ready(Err(self.fail(Error::Tls)));
            };
            let room = place.len();
            let read = ready!(pin!(socket.read(place)).poll(context));
            let read = match read {
                Ok(0) => return Poll::Ready(Err(self.fail(Error::TcpClosed))),
                Ok(read) if read <= room => read,
                Ok(_) => return Poll::Ready(Err(self.fail(Error::SocketContract))),
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            };
            self.filled = self.filled.saturating_add(read);
            let admitted = if self.filled == HEADER {
                self.admit_header()
            } else if self.filled > HEADER && self.filled == self.size() {
                self.admit_record()
            } else {
                Ok(())
            };
            if let Err(failure) = admitted {
                return Poll::Ready(Err(self.fail(failure)));
            }
        }
    }

    /// Gives the engine bytes of the record, once it is whole.
    pub(super) fn poll_take<S: Read<Error = Error> + Write<Error = Error>>(
        &mut self,
        bytes: &mut [u8],
        socket: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<usize, Error>> {
        ready!(self.poll_record(socket, context))?;
        let whole = self.record.get(self.taken..self.filled).unwrap_or_default();
        let length = whole.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..length), whole.get(..length)) {
            to.copy_from_slice(from);
        }
        self.taken = self.taken.saturating_add(length);
        if self.taken == self.filled {
            self.discard();
        }
        Poll::Ready(Ok(length))
    }

    /// Makes room for the next record.
    fn discard(&mut self) {
        self.filled = 0;
        self.taken = 0;
    }

    /// Type, version and payload length of the record, from its header.
    fn header(&self) -> (u8, [u8; 2], usize) {
        match *self.record {
            [kind, major, minor, high, low, ..] => (
                kind,
                [major, minor],
                usize::from(u16::from_be_bytes([high, low])),
            ),
            _ => (0, [0, 0], 0),
        }
    }

    /// The size of the record as far as it is known.
    fn size(&self) -> usize {
        if self.filled < HEADER {
            HEADER
        } else {
            HEADER.saturating_add(self.header().2)
        }
    }

    /// Whether a record with this header is legal now, and fits.
    fn admit_header(&self) -> Result<(), Failure> {
        let (kind, version, length) = self.header();
        let handshaking = self.phase != Phase::Application;
        let legal = version[0] == 3
            && match kind {
                CHANGE_CIPHER_SPEC => {
                    handshaking && length == 1 && self.change_cipher_specs < MAX_CHANGE_CIPHER_SPEC
                }
                ALERT => handshaking && length == 2,
                HANDSHAKE => self.phase == Phase::Hello && (1..=MAX_PLAIN).contains(&length),
                APPLICATION_DATA => {
                    self.phase != Phase::Hello
                        && version == [3, 3]
                        && (MIN_ENCRYPTED..=MAX_ENCRYPTED).contains(&length)
                        && self.barren < MAX_BARREN_RECORDS
                }
                _ => false,
            };
        if !legal {
            return Err(Error::TlsProtocol.into());
        }
        if self.size() > self.record.len() {
            return Err(Failure {
                needed: length,
                ..Failure::new(Error::TlsRecordTooLarge)
            });
        }
        Ok(())
    }

    /// Looks into a whole record that is not encrypted.
    fn admit_record(&mut self) -> Result<(), Failure> {
        let size = self.size();
        let payload = self.record.get(HEADER..size).unwrap_or_default();
        match self.header().0 {
            CHANGE_CIPHER_SPEC => {
                if payload != [1] {
                    return Err(Error::TlsProtocol.into());
                }
                self.change_cipher_specs = self.change_cipher_specs.saturating_add(1);
                self.discard();
            }
            ALERT => {
                return Err(Failure {
                    alert: payload.get(1).copied(),
                    ..Failure::new(Error::TlsAlert)
                });
            }
            HANDSHAKE => {
                server_hello::check(payload)?;
                self.phase = Phase::Flight;
            }
            _ => self.barren = self.barren.saturating_add(1),
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
