//! The embedded-tls crate behind the TLS boundary, contained.
//!
//! Under it lies the record [`gate`]; into it goes our [verifier](super::verifier); what comes out
//! is [`Secured`], which needs the verifier's proof to exist. What the crate would take from a
//! server unchecked is checked by the gate, as far as that can be seen from outside.
//!
//! TLS_AES_128_GCM_SHA256 on secp256r1 is all it speaks; the server proves itself with ECDSA P-256
//! or RSA, the client with ECDSA P-256. Of the client's certificates only the first is sent: the
//! crate has no place for more.

mod gate;
mod provider;
mod server_hello;

use core::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_io_async::{ErrorType, Read, Write};
use embedded_tls::{Aes128GcmSha256, FlushPolicy, TlsConfig, TlsConnection, TlsContext, TlsError};
use rustls_pki_types::ServerName;

use self::{
    gate::{Gate, HEADER},
    provider::{Provider, Verifier, WithGate},
};
use super::{
    Authenticated, Config, Credentials, Failure, Info, MAX_RX, MAX_TX, MIN_RX, MIN_TX, Random,
    verifier::{ECDSA_SECP256R1_SHA256, ServerAuth},
};
use crate::Error;

/// What encryption adds to the contents of a record: its type and the tag.
const SEALING: usize = 17;
/// What embedded-tls wants to have in its write buffer beyond a record, so that it never thinks
/// the record full, which would make it send without being asked to.
const ENGINE_SPARE: usize = embedded_tls::TLS_RECORD_OVERHEAD - SEALING + HEADER + 1;
/// What a Certificate message adds to one certificate, without a request context.
const CERTIFICATE_MESSAGE: usize = 4 + 1 + 3 + 3 + 2;
/// An alert, sealed, with its header.
const SEALED_ALERT: usize = HEADER + 2 + SEALING;

/// The bytes of memory that a [`Slot`] needs for records with a payload of up to `rx` bytes from
/// the server and `tx` bytes from us, as they are on the wire (17 bytes more than their contents).
///
/// Each direction has two buffers: the record in the making and the record in use.
pub const fn memory_size(rx: usize, tx: usize) -> usize {
    2 * (rx + tx) + 2 * HEADER + ENGINE_SPARE
}

/// The most bytes of application data in one record of `tx` bytes.
pub const fn application_bytes(tx: usize) -> usize {
    tx.saturating_sub(SEALING)
}

/// The least `tx` that these credentials need: the certificate is sent in one record.
pub fn tx_needed(credentials: &Credentials<'_>) -> usize {
    credentials.certificate().len() + CERTIFICATE_MESSAGE + SEALING
}

/// Whether embedded-tls has a place for our signature: of RSA keys it has none.
pub fn can_sign(credentials: &Credentials<'_>) -> bool {
    let scheme = credentials.choose_scheme([ECDSA_SECP256R1_SHA256].into_iter());
    scheme.is_some()
}

/// The buffers that embedded-tls works in.
struct EngineBuffers<'a> {
    rx: &'a mut [u8],
    tx: &'a mut [u8],
}

/// What the gate and the socket share.
struct Line<'a, S> {
    gate: Gate<'a>,
    socket: S,
}

/// The place of one connection: its socket, its record gate and its buffers. It serves one
/// handshake and the connection that comes of it; make a new one for the next.
///
/// The futures of the socket are polled once and dropped, again and again: while they are pending
/// they must have taken nothing. A read of 0 bytes is the end of the stream.
pub struct Slot<'a, S> {
    line: RefCell<Line<'a, S>>,
    engine: Cell<Option<EngineBuffers<'a>>>,
    tx: usize,
}

impl<'a, S> Slot<'a, S> {
    /// Carves the buffers out of `memory`, which has at least [`memory_size`] bytes.
    ///
    /// [`Error::Argument`] if `rx` or `tx` is out of range, [`Error::Memory`] if the memory is too
    /// small.
    pub fn new(socket: S, memory: &'a mut [u8], rx: usize, tx: usize) -> Result<Self, Error> {
        if !(MIN_RX..=MAX_RX).contains(&rx) || !(MIN_TX..=MAX_TX).contains(&tx) {
            return Err(Error::Argument);
        }
        let mut carve = Carve(memory);
        let gate = Gate::new(carve.take(HEADER + rx)?, carve.take(HEADER + tx)?);
        let engine = EngineBuffers {
            rx: carve.take(rx)?,
            tx: carve.take(tx + ENGINE_SPARE)?,
        };
        Ok(Self {
            line: RefCell::new(Line { gate, socket }),
            engine: Cell::new(Some(engine)),
            tx,
        })
    }

    /// Calls `function` with gate and socket.
    fn with_line<T>(&self, function: impl FnOnce(&mut Line<'a, S>) -> T) -> Result<T, Error> {
        // Never borrowed twice: nothing that runs within a borrow knows the slot.
        match self.line.try_borrow_mut() {
            Ok(mut line) => Ok(function(&mut line)),
            Err(_) => Err(Error::State),
        }
    }

    /// Polls a function of gate and socket.
    fn poll_line<T>(
        &self,
        function: impl FnOnce(&mut Gate<'a>, &mut S) -> Poll<Result<T, Error>>,
    ) -> Poll<Result<T, Error>> {
        match self.with_line(|line| function(&mut line.gate, &mut line.socket)) {
            Ok(poll) => poll,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The crate does not resume sessions.
    pub fn keep_tickets(&mut self, _: &'a mut [u8]) {}

    /// Why the handshake or the connection failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.with_gate(|gate| gate.failure()).ok().flatten()
    }

    /// Poisons the connection with an error of the engine, unless it was before, which then is
    /// the cause.
    fn fail_with(&self, error: &TlsError, established: bool) -> Failure {
        let failure = explain(error, established);
        self.with_gate(|gate| {
            gate.fail(failure);
            gate.failure()
        })
        .ok()
        .flatten()
        .unwrap_or(failure)
    }
}

impl<S> WithGate for &Slot<'_, S> {
    fn with_gate<T>(self, function: impl FnOnce(&mut Gate<'_>) -> T) -> Result<T, Error> {
        self.with_line(|line| function(&mut line.gate))
    }
}

/// Memory of which one buffer after the other is taken.
struct Carve<'a>(&'a mut [u8]);

impl<'a> Carve<'a> {
    fn take(&mut self, size: usize) -> Result<&'a mut [u8], Error> {
        let (taken, rest) = core::mem::take(&mut self.0)
            .split_at_mut_checked(size)
            .ok_or(Error::Memory)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// The slot as embedded-tls sees it: a stream that hands over whole records.
struct Wire<'a, S>(&'a Slot<'a, S>);

impl<S> ErrorType for Wire<'_, S> {
    type Error = Error;
}

impl<S: Read<Error = Error> + Write<Error = Error>> Read for Wire<'_, S> {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        poll_fn(|context| {
            self.0
                .poll_line(|gate, socket| gate.poll_take(bytes, socket, context))
        })
        .await
    }
}

impl<S: Read<Error = Error> + Write<Error = Error>> Write for Wire<'_, S> {
    async fn write(&mut self, sealed: &[u8]) -> Result<usize, Error> {
        poll_fn(|context| {
            self.0
                .poll_line(|gate, socket| gate.poll_take_sealed(sealed, socket, context))
        })
        .await?;
        Ok(sealed.len())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        // The gate sends when the connection waits or is flushed, so that what belongs together
        // leaves together.
        Ok(())
    }
}

/// Makes a connection secure, or finds out why that is impossible.
///
/// This future lives until it is done or the connection is given up: it cannot be resumed by
/// another call. It has no deadline of its own. The last messages of the handshake leave with the
/// first flush or read of [`Secured`], together with what was written until then.
///
/// Before the server has proven who it is, nothing but the ClientHello is sent.
pub async fn handshake<'a, S, R>(
    slot: &'a Slot<'a, S>,
    config: &Config<'_>,
    random: R,
) -> Result<Secured<'a, S>, Failure>
where
    S: Read<Error = Error> + Write<Error = Error>,
    R: Random,
{
    let host = ServerName::try_from(config.host).map_err(|_| Error::Endpoint)?;
    config.clock.check()?;
    let certificate = tx_needed(config.credentials);
    if certificate > slot.tx {
        return Err(Failure {
            needed: certificate,
            ..Failure::new(Error::TooLarge)
        });
    }
    if !can_sign(config.credentials) {
        return Err(Error::KeyUnsupported.into());
    }
    let buffers = slot.engine.take().ok_or(Error::State)?;
    let mut tls = TlsConnection::new(Wire(slot), buffers.rx, buffers.tx);
    tls.set_flush_policy(FlushPolicy::Relaxed);

    let mut provider = Provider {
        gate: slot,
        credentials: config.credentials,
        verifier: Verifier {
            gate: slot,
            auth: ServerAuth::new(
                &host,
                config.credentials.roots(),
                config.clock,
                config.crypto,
            ),
            transcript_hash: [0; 32],
        },
        random,
        fills: 0,
    };
    let protocols = [config.alpn.unwrap_or_default()];
    let mut offer = TlsConfig::new().enable_rsa_signatures();
    // SNI is for names only.
    if matches!(host, ServerName::DnsName(_)) {
        offer = offer.with_server_name(config.host);
    }
    if config.alpn.is_some() {
        offer = offer.with_alpn(&protocols);
    }
    let opened = tls.open(TlsContext::new(&offer, &mut provider)).await;
    if let Err(error) = opened {
        return Err(slot.fail_with(&error, false));
    }
    // embedded-tls is content with a server that sent neither certificate nor proof.
    match provider.verifier.auth.proof() {
        Ok(proof) => Ok(Secured::new(slot, tls, proof)?),
        Err(error) => {
            slot.fail(error);
            Err(error.into())
        }
    }
}

/// An authenticated connection, the only thing that carries application bytes.
///
/// Every method may be dropped while it is pending: nothing is lost, torn or sent twice. The first
/// error of any kind ends the connection: every later call fails with it.
///
/// Reading goes on sending what is still to be sent, so nobody has to flush while waiting.
pub struct Secured<'a, S: Read<Error = Error> + Write<Error = Error>> {
    slot: &'a Slot<'a, S>,
    /// Gone once the connection was closed.
    tls: Option<TlsConnection<'a, Wire<'a, S>, Aes128GcmSha256>>,
    /// The bytes in the record that is being written.
    written: usize,
    /// The bytes of the last record that were not read yet.
    unread: usize,
    /// The record that is being written was flushed while there was no room for it.
    flush_due: bool,
}

/// What a reader waits for.
enum Turn {
    /// A record can be read.
    Record,
    /// A record that was to be sent can be.
    Room,
}

impl<'a, S: Read<Error = Error> + Write<Error = Error>> Secured<'a, S> {
    /// There is no other way than with a proof.
    fn new(
        slot: &'a Slot<'a, S>,
        tls: TlsConnection<'a, Wire<'a, S>, Aes128GcmSha256>,
        _: Authenticated,
    ) -> Result<Self, Error> {
        slot.with_gate(|gate| {
            gate.enter_application();
            gate.check()
        })??;
        Ok(Self {
            slot,
            tls: Some(tls),
            written: 0,
            unread: 0,
            flush_due: false,
        })
    }

    /// What was agreed on in the handshake.
    pub fn info(&self) -> Info {
        // The gate lets nothing else pass.
        Info {
            version: 0x0304,
            cipher_suite: 0x1301,
            group: 23,
            resumed: false,
        }
    }

    /// Why the connection failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.slot.failure()
    }

    /// The bytes that wait for the socket.
    pub fn unsent(&self) -> usize {
        self.slot.with_gate(|gate| gate.unsent()).unwrap_or(0)
    }

    /// Sends what was written and an orderly end, then ends the connection on our side; the socket
    /// stays open. If dropped while pending, call it again.
    pub async fn close(&mut self) -> Result<(), Error> {
        if self.tls.is_some() {
            self.seal_when_possible().await?;
            let slot = self.slot;
            poll_fn(|context| {
                slot.poll_line(|gate, socket| gate.poll_room(SEALED_ALERT, socket, context))
            })
            .await?;
            if let Some(tls) = self.tls.take() {
                match at_once(tls.close()) {
                    Some(Ok(_)) => {}
                    Some(Err((_, error))) => return Err(self.slot.fail_with(&error, true).error),
                    None => return Err(self.broken()),
                }
            }
        }
        let slot = self.slot;
        poll_fn(|context| slot.poll_line(|gate, socket| gate.poll_send(socket, context))).await
    }

    /// Something happened that cannot.
    fn broken(&self) -> Error {
        self.slot.fail(Error::Tls);
        Error::Tls
    }

    fn check(&self) -> Result<(), Error> {
        self.slot.with_gate(|gate| gate.check())??;
        if self.tls.is_some() {
            Ok(())
        } else {
            Err(Error::State)
        }
    }

    /// The size that the record being written will have.
    fn sealed_size(&self) -> usize {
        HEADER + self.written + SEALING
    }

    /// Seals the record being written. There is room for it.
    fn seal(&mut self) -> Result<(), Error> {
        let Some(tls) = &mut self.tls else {
            return Err(Error::State);
        };
        match at_once(tls.flush()) {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(self.slot.fail_with(&error, true).error),
            None => return Err(self.broken()),
        }
        self.written = 0;
        self.flush_due = false;
        Ok(())
    }

    /// Seals the record being written, if there is one, as soon as there is room for it.
    async fn seal_when_possible(&mut self) -> Result<(), Error> {
        if self.written == 0 {
            return Ok(());
        }
        let (slot, size) = (self.slot, self.sealed_size());
        poll_fn(|context| slot.poll_line(|gate, socket| gate.poll_room(size, socket, context)))
            .await?;
        self.seal()
    }

    /// Waits until there is something to do for a reader.
    async fn turn(&self) -> Result<Turn, Error> {
        let due = (self.flush_due && self.written > 0).then(|| self.sealed_size());
        poll_fn(|context| {
            self.slot.poll_line(|gate, socket| {
                if let Some(size) = due
                    && gate.poll_room(size, socket, context)?.is_ready()
                {
                    return Poll::Ready(Ok(Turn::Room));
                }
                gate.poll_record(socket, context)
                    .map(|ready| ready.map(|()| Turn::Record))
            })
        })
        .await
    }

    /// Reads what the engine has, or has in the record that the gate holds; nothing if that was no
    /// application data.
    fn poll_engine(
        &mut self,
        bytes: &mut [u8],
        context: &mut Context<'_>,
    ) -> Poll<Result<usize, Error>> {
        let Some(tls) = &mut self.tls else {
            return Poll::Ready(Err(Error::State));
        };
        let read = match pin!(tls.read_buffered()).poll(context) {
            Poll::Ready(Ok(mut contents)) => {
                let length = contents.len().min(bytes.len());
                if let Some(to) = bytes.get_mut(..length) {
                    to.copy_from_slice(contents.pop(length));
                }
                self.unread = contents.len();
                Ok(length)
            }
            Poll::Ready(Err(error)) => Err(error),
            // The engine waits for the next record and has not begun to take it: it can be left.
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(match read {
            Ok(length) => self.slot.with_gate(|gate| gate.fruitful()).map(|()| length),
            Err(error) => Err(self.slot.fail_with(&error, true).error),
        })
    }
}

impl<S: Read<Error = Error> + Write<Error = Error>> ErrorType for Secured<'_, S> {
    type Error = Error;
}

impl<S: Read<Error = Error> + Write<Error = Error>> Read for Secured<'_, S> {
    /// Reads application data. Never 0 bytes unless `bytes` is empty: the end of the connection is
    /// [`Error::TcpClosed`].
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        self.check()?;
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            if self.unread == 0 {
                match self.turn().await? {
                    Turn::Record => {}
                    Turn::Room => {
                        self.seal()?;
                        continue;
                    }
                }
            }
            let read = poll_fn(|context| Poll::Ready(self.poll_engine(bytes, context))).await;
            if let Poll::Ready(outcome) = read {
                return outcome;
            }
        }
    }
}

impl<S: Read<Error = Error> + Write<Error = Error>> Write for Secured<'_, S> {
    /// Adds to the record that is being written, as much as fits. Waits only if it is full, and
    /// then before taking anything.
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.check()?;
        let full = application_bytes(self.slot.tx);
        if self.written >= full && !bytes.is_empty() {
            self.seal_when_possible().await?;
        }
        let room = full.saturating_sub(self.written).min(bytes.len());
        let (Some(bytes), Some(tls)) = (bytes.get(..room), &mut self.tls) else {
            return Err(Error::State);
        };
        if bytes.is_empty() {
            return Ok(0);
        }
        match at_once(tls.write(bytes)) {
            Some(Ok(length)) if length == room => {}
            Some(Err(error)) => return Err(self.slot.fail_with(&error, true).error),
            _ => return Err(self.broken()),
        }
        self.written = self.written.saturating_add(room);
        Ok(room)
    }

    /// Seals what was written and hands the socket what it takes. Waits only for room, not until
    /// all was sent; what the socket did not take now is sent by every later call.
    ///
    /// If dropped while waiting, the next read or flush does the rest.
    async fn flush(&mut self) -> Result<(), Error> {
        self.check()?;
        if self.written > 0 {
            self.flush_due = true;
            self.seal_when_possible().await?;
        }
        let slot = self.slot;
        poll_fn(|context| {
            let sent = slot.poll_line(|gate, socket| gate.poll_send(socket, context));
            Poll::Ready(match sent {
                Poll::Ready(sent) => sent,
                Poll::Pending => Ok(()),
            })
        })
        .await
    }
}

/// The result of a future that does not wait; `None` if it does after all.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// What an error of embedded-tls means, if nothing better is known.
fn explain(error: &TlsError, established: bool) -> Failure {
    let error = match error {
        TlsError::ConnectionClosed => {
            return Failure {
                alert: Some(0),
                ..Failure::new(Error::TcpClosed)
            };
        }
        TlsError::HandshakeAborted(_, alert) => {
            return Failure {
                alert: Some(*alert as u8),
                ..Failure::new(Error::TlsAlert)
            };
        }
        // All that is known of an encrypted alert.
        TlsError::InternalError if established => Error::TlsAlert,
        // Legal messages that the crate does not know, among them KeyUpdate.
        TlsError::Unimplemented | TlsError::InternalError => Error::Tls,
        TlsError::InsufficientSpace | TlsError::OutOfMemory | TlsError::EncodeError => {
            Error::TooLarge
        }
        TlsError::MissingHandshake => Error::State,
        TlsError::IoError | TlsError::Io(_) => Error::Tls,
        _ => Error::TlsProtocol,
    };
    error.into()
}
