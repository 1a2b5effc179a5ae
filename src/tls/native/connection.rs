//! What the handshake and the time after it have in common: the two buffers, the keys of the two
//! directions, alerts, and which records are legal when.
//!
//! No socket, no future: bytes are put into [`Receive::space`] and taken from
//! [`Transmit::pending`] by whoever has them.

use super::{
    alert::{Alert, CLOSE_NOTIFY, Fatal, USER_CANCELED},
    codec::Reader,
    messages::read_ticket,
    receive::Receive,
    record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Keys},
    ticket::Tickets,
    transmit::Transmit,
};
use crate::{
    Error,
    tls::{
        Failure,
        crypto::{Crypto, Software},
    },
};

/// The ChangeCipherSpec records that are overlooked in a handshake. Middlebox compatibility mode
/// has one.
const MAX_CHANGE_CIPHER_SPEC: u8 = 2;
/// The records, or messages in them, that may follow each other after the handshake without bringing
/// application data: session tickets, key updates, nothing at all.
const MAX_BARREN: u8 = 32;

/// Types of handshake messages that are legal after the handshake.
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

/// How far the connection is, as far as it decides which records are legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is encrypted: up to the ServerHello.
    Hello,
    /// Keys are there, and no record has been opened with them.
    FirstSealed,
    /// The rest of the handshake.
    Handshake,
    /// The handshake is over.
    Application,
}

/// What the next record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// There is no whole record: more bytes are needed.
    None,
    /// One with nothing that anybody waits for.
    Nothing,
    /// A part of handshake messages, or some of them.
    Handshake,
    /// Application data.
    Data,
}

/// A KeyUpdate that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Update {
    NotRequested = 0,
    Requested = 1,
}

pub struct Connection<'a> {
    pub receive: Receive<'a>,
    pub transmit: Transmit<'a>,
    pub crypto: &'static dyn Crypto,
    /// Where tickets are kept, if they are.
    pub tickets: Option<Tickets<'a>>,
    read: Option<Keys>,
    write: Option<Keys>,
    phase: Phase,
    change_cipher_specs: u8,
    barren: u8,
    update: Option<Update>,
    /// The server was asked for new keys and has not sent them yet.
    asked: bool,
    /// The server has heard from us, or will.
    spoken: bool,
    closed: bool,
    failure: Option<Failure>,
}

impl<'a> Connection<'a> {
    pub fn new(receive: &'a mut [u8], transmit: &'a mut [u8]) -> Self {
        Self {
            receive: Receive::new(receive),
            transmit: Transmit::new(transmit),
            crypto: &Software,
            tickets: None,
            read: None,
            write: None,
            phase: Phase::Hello,
            change_cipher_specs: 0,
            barren: 0,
            update: None,
            asked: false,
            spoken: false,
            closed: false,
            failure: None,
        }
    }

    /// Nobody uses the connection any more: its secrets go.
    pub fn wipe(&mut self) {
        self.tickets = None;
        self.read = None;
        self.write = None;
        self.receive.wipe();
        self.transmit.wipe();
        self.closed = true;
    }

    // ---- failure ---------------------------------------------------------------------------

    /// The first failure, which is also the last.
    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// The error that ended the connection, if it has ended.
    pub fn check(&self) -> Result<(), Error> {
        match self.failure {
            Some(failure) => Err(failure.error),
            None if self.closed => Err(Error::State),
            None => Ok(()),
        }
    }

    /// Ends the connection, unless it has ended before; returns the error that counts. What the
    /// server is told waits in the transmit buffer.
    pub fn fail(&mut self, fatal: Fatal) -> Error {
        if let Some(failure) = self.failure {
            return failure.error;
        }
        self.failure = Some(fatal.failure);
        self.transmit.discard();
        match fatal.alert {
            Some(alert) if self.spoken => self.send_alert(alert),
            _ => self.transmit.clear(),
        }
        self.read = None;
        self.write = None;
        fatal.failure.error
    }

    /// The reserve always has room for one alert; should sealing it fail, there is nobody to tell.
    fn send_alert(&mut self, alert: Alert) {
        let message = alert.message();
        let _ = match &mut self.write {
            Some(keys) => self.transmit.insert(ALERT, &message, keys, self.crypto),
            None => Ok(self.transmit.insert_plain(ALERT, &message)),
        };
    }

    // ---- keys ------------------------------------------------------------------------------

    /// The first bytes for the server are in the transmit buffer.
    pub fn spoke(&mut self) {
        self.spoken = true;
    }

    /// From here on the server's records are opened with these keys. What was sent under the ones
    /// before must end with its record.
    pub fn read_with(&mut self, keys: Keys) -> Result<(), Fatal> {
        if !self.receive.contents().is_empty() {
            return Err(Alert::UnexpectedMessage.into());
        }
        if self.phase == Phase::Hello {
            self.phase = Phase::FirstSealed;
        }
        self.read = Some(keys);
        Ok(())
    }

    /// From here on our records are sealed with these keys.
    pub fn write_with(&mut self, keys: Keys) {
        self.write = Some(keys);
    }

    /// The secret of our keys.
    pub fn write_keys(&self) -> Result<&Keys, Error> {
        self.write.as_ref().ok_or(Error::Tls)
    }

    /// The secret of the server's keys.
    pub fn read_keys(&self) -> Result<&Keys, Error> {
        self.read.as_ref().ok_or(Error::Tls)
    }

    /// The handshake is over.
    pub fn enter_application(&mut self) {
        self.phase = Phase::Application;
        self.barren = 0;
    }

    // ---- receiving -------------------------------------------------------------------------

    /// Takes the next record, if it is whole.
    pub fn take_record(&mut self) -> Result<Taken, Fatal> {
        let Some(record) = self.receive.record()? else {
            return Ok(Taken::None);
        };
        // Between the parts of a message there is nothing else (RFC 8446, 5.1).
        let between = !self.receive.contents().is_empty();
        let unexpected = Err(Alert::UnexpectedMessage.into());
        let (kind, length) = match (record.kind, &mut self.read) {
            (CHANGE_CIPHER_SPEC, _) => {
                let legal = self.phase != Phase::Application
                    && self.spoken
                    && !between
                    && self.change_cipher_specs < MAX_CHANGE_CIPHER_SPEC
                    && *self.receive.payload(&record) == [1];
                if !legal {
                    return unexpected;
                }
                self.change_cipher_specs = self.change_cipher_specs.saturating_add(1);
                self.receive.take(&record, 0);
                return Ok(Taken::Nothing);
            }
            (HANDSHAKE, None) => (HANDSHAKE, self.receive.payload(&record).len()),
            // A server that could not make keys can only say so in the open. It ends the
            // connection, as anybody on the path can.
            (ALERT, _) if matches!(self.phase, Phase::Hello | Phase::FirstSealed) => {
                (ALERT, self.receive.payload(&record).len())
            }
            (APPLICATION_DATA, Some(keys)) => {
                let payload = self.receive.payload(&record);
                let opened = keys.open(self.crypto, &record.header, payload)?;
                if self.phase == Phase::FirstSealed {
                    self.phase = Phase::Handshake;
                }
                opened
            }
            _ => return unexpected,
        };
        match kind {
            HANDSHAKE if length > 0 => {
                self.receive.take(&record, length);
                if self.phase == Phase::Application {
                    self.count_barren()?;
                }
                Ok(Taken::Handshake)
            }
            ALERT if length > 0 && !between => {
                let contents = self.receive.payload(&record).get(..length);
                let number = match contents {
                    Some(&[_, number]) => number,
                    _ => return Err(Alert::DecodeError.into()),
                };
                self.receive.take(&record, 0);
                self.alert(number)
            }
            APPLICATION_DATA if !between && self.phase == Phase::Application => {
                self.receive.take(&record, length);
                if length == 0 {
                    self.count_barren()?;
                    return Ok(Taken::Nothing);
                }
                self.barren = 0;
                Ok(Taken::Data)
            }
            _ => unexpected,
        }
    }

    /// An alert of the server, whose level means nothing in TLS 1.3.
    fn alert(&mut self, number: u8) -> Result<Taken, Fatal> {
        let failure = |error| Failure {
            alert: Some(number),
            ..Failure::new(error)
        };
        match number {
            CLOSE_NOTIFY => Err(Fatal {
                failure: failure(Error::TcpClosed),
                alert: Some(Alert::CloseNotify),
            }),
            USER_CANCELED => {
                self.count_barren()?;
                Ok(Taken::Nothing)
            }
            _ => Err(Fatal::silent(failure(Error::TlsAlert))),
        }
    }

    fn count_barren(&mut self) -> Result<(), Fatal> {
        self.barren = self.barren.saturating_add(1);
        if self.barren > MAX_BARREN {
            return Err(Alert::UnexpectedMessage.into());
        }
        Ok(())
    }

    /// Takes records until there is application data (true) or more bytes are needed (false). All
    /// else that is legal after the handshake is dealt with.
    pub fn take_data(&mut self) -> Result<bool, Fatal> {
        loop {
            match self.take_record()? {
                Taken::None => return Ok(false),
                Taken::Nothing => {}
                Taken::Data => return Ok(true),
                Taken::Handshake => self.take_messages()?,
            }
        }
    }

    /// Deals with the messages that are legal after the handshake.
    // Rare, so its stack is kept apart from that of all other reads.
    #[inline(never)]
    fn take_messages(&mut self) -> Result<(), Fatal> {
        while let Some(message) = self.receive.message()? {
            let length = message.len();
            let mut reader = Reader::new(message);
            let kind = reader.u8()?;
            let mut body = Reader::new(reader.vector24()?);
            match kind {
                NEW_SESSION_TICKET => {
                    let new = read_ticket(body)?;
                    if let Some(tickets) = &mut self.tickets {
                        tickets.store(new.lifetime, new.age_add, new.nonce, new.ticket)?;
                    }
                }
                KEY_UPDATE => {
                    let requested = body.u8()?;
                    body.end()?;
                    self.receive.consume(length);
                    self.key_update(requested)?;
                    continue;
                }
                _ => return Err(Alert::UnexpectedMessage.into()),
            }
            self.receive.consume(length);
            // The record was counted. What else is in it counts like one of its own, or many
            // small messages would be work without end.
            if !self.receive.contents().is_empty() {
                self.count_barren()?;
            }
        }
        Ok(())
    }

    fn key_update(&mut self, requested: u8) -> Result<(), Fatal> {
        match requested {
            0 => {}
            1 => self.update = Some(self.update.unwrap_or(Update::NotRequested)),
            _ => return Err(Alert::IllegalParameter.into()),
        }
        let keys = self.read_keys()?.next()?;
        self.asked = false;
        self.read_with(keys)
    }

    // ---- sending ---------------------------------------------------------------------------

    /// Sends the KeyUpdate that is due, if there is one and there is room for it. Returns whether
    /// none is due any more.
    pub fn settle(&mut self) -> Result<bool, Fatal> {
        if let (Some(read), Some(write)) = (&self.read, &self.write) {
            if read.are_worn() && !self.asked {
                self.asked = true;
                self.update = Some(Update::Requested);
            } else if write.are_worn() && self.update.is_none() {
                self.update = Some(Update::NotRequested);
            }
        }
        let Some(update) = self.update else {
            return Ok(true);
        };
        let keys = self.write.as_mut().ok_or(Error::Tls)?;
        let message = [KEY_UPDATE, 0, 0, 1, update as u8];
        let inserted = self
            .transmit
            .insert(HANDSHAKE, &message, keys, self.crypto)?;
        if inserted.is_none() {
            return Ok(false);
        }
        let next = keys.next()?;
        self.write = Some(next);
        self.update = None;
        Ok(true)
    }

    /// Seals the open record, if there is one. Returns whether that was possible: a KeyUpdate that
    /// is due must go first, and may have to wait for room.
    pub fn seal(&mut self, kind: u8) -> Result<bool, Fatal> {
        if !self.settle()? {
            return Ok(false);
        }
        let keys = self.write.as_mut().ok_or(Error::Tls)?;
        self.transmit.seal(kind, keys, self.crypto)?;
        Ok(true)
    }

    /// Ends the connection from our side. What was written before has been sealed.
    pub fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.send_alert(Alert::CloseNotify);
            self.read = None;
            self.write = None;
        }
    }

    /// Whether our side has ended.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}
