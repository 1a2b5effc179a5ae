//! The handshake of a TLS 1.3 client (RFC 8446, 2 and A.1): which message is due, and what it
//! changes. docs/tls.md has the picture.
//!
//! [`Handshake::advance`] does one thing at a time and says what it waits for. It never waits by
//! itself, and may be called again at any time.

use rustls_pki_types::ServerName;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    alert::{Alert, Fatal},
    codec::Writer,
    connection::{Connection, Taken},
    hello::{self, ClientHello, Limit, ServerHello},
    messages::{self, Limited},
    record::{CHANGE_CIPHER_SPEC, HANDSHAKE, Keys, MAX_CONTENT, TAG},
    schedule::{Schedule, Transcript, verify_data},
    suite::{Group, Suite},
    transmit::Transmit,
};
use crate::{
    Error,
    tls::{
        Authenticated, Config, Info, Random, RecordLimit,
        crypto::{Crypto, hash::Digest, p256},
        verifier::{CERTIFICATE_SIGNATURE_SCHEMES, SIGNATURE_SCHEMES, ServerAuth},
    },
};

/// What is due next. There is no way through but one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Our ClientHello.
    Start,
    /// The server's ServerHello, or once a HelloRetryRequest.
    ServerHello,
    EncryptedExtensions,
    /// The server's CertificateRequest or Certificate.
    RequestOrCertificate,
    Certificate,
    CertificateVerify,
    Finished,
    /// Our answer, of which this part is next.
    Answer(Part),
    Done,
}

/// The parts of our answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    ChangeCipherSpec,
    /// Certificate, of which so many bytes were written.
    Certificate(usize),
    CertificateVerify,
    Finished,
    /// The record of Finished must be sealed.
    Seal,
}

/// What a handshake waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: call again.
    Again,
    /// Nothing, but that was a lot of work.
    Worked,
    /// Bytes from the server.
    Input,
    /// Room: bytes must be sent first.
    Room,
    /// The device's key: call again later.
    Later,
    /// It is done.
    Done,
}

/// Whether the server asked for a certificate, and the scheme we can sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    No,
    /// There is none that both know: we show no certificate.
    Hopeless,
    Scheme(u16),
}

/// What a message changes in the connection, once it is out of the buffer.
enum Outcome {
    Nothing,
    /// Nothing, but that was a lot of work.
    Worked,
    /// It must wait: bytes must be sent first.
    Room,
    Read(Keys),
    Both(Keys, Keys),
    Limit(Limited),
}

/// Our half of a key exchange.
struct Share {
    group: Group,
    secret: p256::Secret,
}

pub struct Handshake<'h> {
    config: &'h Config<'h>,
    /// The host, if it is a name.
    sni: bool,
    auth: ServerAuth<'h>,
    state: State,
    random: [u8; 32],
    session_id: [u8; 32],
    share: Option<Share>,
    /// The suite of a HelloRetryRequest.
    retried: Option<Suite>,
    limit: Limit,
    request: Request,
    transcript: Transcript,
    schedule: Option<Schedule>,
    /// The secret of our application data.
    client_secret: Option<Digest>,
    suite: Suite,
}

impl<'h> Handshake<'h> {
    pub fn new(config: &'h Config<'h>, host: &'h ServerName<'h>) -> Self {
        Self {
            config,
            sni: matches!(host, ServerName::DnsName(_)),
            auth: ServerAuth::new(
                host,
                config.credentials.roots(),
                config.clock,
                config.crypto,
            ),
            state: State::Start,
            random: [0; 32],
            session_id: [0; 32],
            share: None,
            retried: None,
            limit: Limit::None,
            request: Request::No,
            transcript: Transcript::new(),
            schedule: None,
            client_secret: None,
            suite: Suite::Aes128GcmSha256,
        }
    }

    /// Goes one step on.
    pub fn advance(
        &mut self,
        connection: &mut Connection<'_>,
        random: &mut dyn Random,
    ) -> Result<Step, Fatal> {
        match self.state {
            State::Start => self.start(connection, random),
            State::ServerHello
            | State::EncryptedExtensions
            | State::RequestOrCertificate
            | State::Certificate
            | State::CertificateVerify
            | State::Finished => self.receive(connection, random),
            State::Answer(part) => self.answer(part, connection, random),
            State::Done => Ok(Step::Done),
        }
    }

    /// What was agreed on, and the proof that the server is who it is.
    pub fn finish(&self) -> Result<(Info, Authenticated), Error> {
        let group = self.share.as_ref().ok_or(Error::State)?.group;
        let info = Info {
            version: hello::VERSION,
            cipher_suite: self.suite.code(),
            group: group.code(),
        };
        match self.state {
            State::Done => Ok((info, self.auth.proof()?)),
            _ => Err(Error::State),
        }
    }

    // ---- ClientHello -----------------------------------------------------------------------

    fn start(
        &mut self,
        connection: &mut Connection<'_>,
        random: &mut dyn Random,
    ) -> Result<Step, Fatal> {
        if self
            .config
            .alpn
            .is_some_and(|name| !(1..=255).contains(&name.len()))
        {
            return Err(Error::Argument.into());
        }
        connection.crypto = self.config.crypto;
        self.limit = limit(self.config.record_limit, connection.receive.largest());
        let mut random = Checked(random);
        random.fill(&mut self.random)?;
        random.fill(&mut self.session_id)?;
        self.write_hello(Group::FIRST, None, &mut connection.transmit, &mut random)?;
        connection.spoke();
        self.state = State::ServerHello;
        Ok(Step::Worked)
    }

    /// Writes a ClientHello with a new key share.
    fn write_hello(
        &mut self,
        group: Group,
        cookie: Option<&[u8]>,
        transmit: &mut Transmit<'_>,
        random: &mut dyn Random,
    ) -> Result<(), Fatal> {
        let mut public = [0; 65];
        let (secret, length) = generate(group, self.config.crypto, random, &mut public)?;
        self.share = Some(Share { group, secret });
        let hello = ClientHello {
            random: &self.random,
            session_id: &self.session_id,
            host: self.sni.then_some(self.config.host),
            alpn: self.config.alpn,
            limit: self.limit,
            schemes: SIGNATURE_SCHEMES,
            certificate_schemes: CERTIFICATE_SIGNATURE_SCHEMES,
            group,
            share: public.get(..length).unwrap_or_default(),
            cookie,
        };
        let transcript = &mut self.transcript;
        transmit
            .write_plain(HANDSHAKE, |space| {
                let mut writer = Writer::new(space);
                hello.write(&mut writer);
                transcript.update(writer.written());
                writer.finish()
            })?
            .map_err(|needed| Fatal::too_large(Error::TooLarge, needed))
    }

    // ---- the server's messages -------------------------------------------------------------

    /// Whether a message of this type is due.
    fn admit(&self, kind: u8) -> Result<(), Fatal> {
        match (self.state, kind) {
            (State::ServerHello, hello::SERVER_HELLO)
            | (State::EncryptedExtensions, messages::ENCRYPTED_EXTENSIONS)
            | (State::RequestOrCertificate, messages::CERTIFICATE_REQUEST)
            | (State::RequestOrCertificate | State::Certificate, messages::CERTIFICATE)
            | (State::CertificateVerify, messages::CERTIFICATE_VERIFY)
            | (State::Finished, messages::FINISHED) => Ok(()),
            // Out of order like any other, but worth a word of its own: the server has come to its
            // end and has not proven who it is.
            (
                State::EncryptedExtensions
                | State::RequestOrCertificate
                | State::Certificate
                | State::CertificateVerify,
                messages::FINISHED,
            ) => Err(Error::TlsNotAuthenticated.into()),
            _ => Err(Alert::UnexpectedMessage.into()),
        }
    }

    fn receive(
        &mut self,
        connection: &mut Connection<'_>,
        random: &mut dyn Random,
    ) -> Result<Step, Fatal> {
        if let Some(&kind) = connection.receive.contents().first() {
            self.admit(kind)?;
        }
        let Some(message) = connection.receive.message()? else {
            return match connection.take_record()? {
                Taken::None => Ok(Step::Input),
                Taken::Nothing | Taken::Handshake | Taken::Data => Ok(Step::Again),
            };
        };
        let length = message.len();
        let body = message.get(4..).unwrap_or_default();
        let outcome = match (self.state, message.first()) {
            (State::ServerHello, _) => {
                self.server_hello(message, body, &mut connection.transmit, random)?
            }
            (State::EncryptedExtensions, _) => self.encrypted_extensions(message, body)?,
            (State::RequestOrCertificate, Some(&messages::CERTIFICATE_REQUEST)) => {
                self.certificate_request(message, body)?
            }
            (State::RequestOrCertificate | State::Certificate, _) => {
                self.certificate(message, body)?
            }
            (State::CertificateVerify, _) => self.certificate_verify(message, body)?,
            (State::Finished, _) => self.finished(message, body, connection.read_keys()?)?,
            (State::Start | State::Answer(_) | State::Done, _) => return Err(Error::State.into()),
        };
        if matches!(outcome, Outcome::Room) {
            return Ok(Step::Room);
        }
        connection.receive.consume(length);
        match outcome {
            Outcome::Nothing | Outcome::Room => Ok(Step::Again),
            Outcome::Worked => Ok(Step::Worked),
            Outcome::Read(keys) => connection.read_with(keys).map(|()| Step::Again),
            Outcome::Both(read, write) => {
                connection.read_with(read)?;
                connection.write_with(write);
                Ok(Step::Worked)
            }
            Outcome::Limit(limited) => {
                limit_records(connection, self.limit, &limited);
                Ok(Step::Again)
            }
        }
    }

    fn offers(&self) -> impl Fn(u16) -> bool + use<> {
        let (host, alpn, limit) = (self.sni, self.config.alpn.is_some(), self.limit);
        move |kind| ClientHello::offers(kind, host, alpn, limit)
    }

    fn server_hello(
        &mut self,
        message: &[u8],
        body: &[u8],
        transmit: &mut Transmit<'_>,
        random: &mut dyn Random,
    ) -> Result<Outcome, Fatal> {
        let share = self.share.as_ref().ok_or(Error::State)?;
        match hello::read_server_hello(body, &self.session_id, self.offers())? {
            ServerHello::Go {
                suite,
                group,
                share: peer,
            } => {
                if group != share.group || self.retried.is_some_and(|retried| retried != suite) {
                    return Err(Alert::IllegalParameter.into());
                }
                let shared = agree(share, peer, self.config.crypto)?;
                self.suite = suite;
                self.transcript.choose(suite.hash())?;
                self.transcript.update(message);
                let transcript = self.transcript.digest();
                let mut schedule = Schedule::early(suite.hash(), None)?;
                schedule.step(Some(shared.as_slice()))?;
                let read = Keys::new(suite, schedule.derive(b"s hs traffic", &transcript)?)?;
                let write = Keys::new(suite, schedule.derive(b"c hs traffic", &transcript)?)?;
                self.schedule = Some(schedule);
                self.state = State::EncryptedExtensions;
                Ok(Outcome::Both(read, write))
            }
            ServerHello::Retry {
                suite,
                group,
                cookie,
            } => {
                if self.retried.is_some() {
                    return Err(Alert::UnexpectedMessage.into());
                }
                // It must change something, and may only ask for what there was no share of.
                if group == Some(share.group) || (group.is_none() && cookie.is_none()) {
                    return Err(Alert::IllegalParameter.into());
                }
                if !transmit.pending().is_empty() {
                    return Ok(Outcome::Room);
                }
                let group = group.unwrap_or(share.group);
                self.retried = Some(suite);
                self.transcript.choose(suite.hash())?;
                self.transcript.retry();
                self.transcript.update(message);
                transmit
                    .insert_plain(CHANGE_CIPHER_SPEC, &[1])
                    .ok_or(Error::Tls)?;
                self.write_hello(group, cookie, transmit, &mut Checked(random))?;
                Ok(Outcome::Worked)
            }
        }
    }

    fn encrypted_extensions(&mut self, message: &[u8], body: &[u8]) -> Result<Outcome, Fatal> {
        let limited =
            messages::read_encrypted_extensions(body, self.config.alpn, self.limit, self.offers())?;
        self.transcript.update(message);
        self.state = State::RequestOrCertificate;
        Ok(Outcome::Limit(limited))
    }

    fn certificate_request(&mut self, message: &[u8], body: &[u8]) -> Result<Outcome, Fatal> {
        let schemes = messages::read_certificate_request(body)?;
        self.request = match self.config.credentials.choose_scheme(schemes) {
            Some(scheme) => Request::Scheme(scheme),
            None => Request::Hopeless,
        };
        self.transcript.update(message);
        self.state = State::Certificate;
        Ok(Outcome::Nothing)
    }

    fn certificate(&mut self, message: &[u8], body: &[u8]) -> Result<Outcome, Fatal> {
        let mut chain = messages::read_certificate(body)?.peekable();
        if chain.peek().is_none() {
            return Err(Fatal {
                alert: Some(Alert::DecodeError),
                ..Error::TlsNotAuthenticated.into()
            });
        }
        self.auth.certificate(chain)?;
        self.transcript.update(message);
        self.state = State::CertificateVerify;
        Ok(Outcome::Worked)
    }

    fn certificate_verify(&mut self, message: &[u8], body: &[u8]) -> Result<Outcome, Fatal> {
        let (scheme, signature) = messages::read_certificate_verify(body)?;
        let refused = |error| Fatal {
            alert: Some(match error {
                Error::CertUnsupported => Alert::IllegalParameter,
                _ => Alert::DecryptError,
            }),
            ..Fatal::from(error)
        };
        if !SIGNATURE_SCHEMES.contains(&scheme) {
            return Err(refused(Error::CertUnsupported));
        }
        self.auth
            .signature(scheme, self.transcript.digest().as_slice(), signature)
            .map_err(refused)?;
        self.transcript.update(message);
        self.state = State::Finished;
        Ok(Outcome::Worked)
    }

    fn finished(&mut self, message: &[u8], body: &[u8], server: &Keys) -> Result<Outcome, Fatal> {
        let hash = self.suite.hash();
        let expected = verify_data(hash, server.secret(), &self.transcript.digest())?;
        if body.len() != hash.digest_len() {
            return Err(Alert::DecodeError.into());
        }
        if !bool::from(expected.as_slice().ct_eq(body)) {
            return Err(Alert::DecryptError.into());
        }
        self.transcript.update(message);
        let transcript = self.transcript.digest();
        let schedule = self.schedule.as_mut().ok_or(Error::State)?;
        schedule.step(None)?;
        self.client_secret = Some(schedule.derive(b"c ap traffic", &transcript)?);
        let server_secret = schedule.derive(b"s ap traffic", &transcript)?;
        self.state = State::Answer(Part::ChangeCipherSpec);
        Ok(Outcome::Read(Keys::new(self.suite, server_secret)?))
    }

    // ---- our answer ------------------------------------------------------------------------

    fn answer(
        &mut self,
        part: Part,
        connection: &mut Connection<'_>,
        random: &mut dyn Random,
    ) -> Result<Step, Fatal> {
        let next = match part {
            Part::ChangeCipherSpec => {
                // One is enough (RFC 8446, D.4).
                if self.retried.is_none()
                    && connection
                        .transmit
                        .insert_plain(CHANGE_CIPHER_SPEC, &[1])
                        .is_none()
                {
                    return Ok(Step::Room);
                }
                match self.request {
                    Request::No => Part::Finished,
                    Request::Hopeless | Request::Scheme(_) => Part::Certificate(0),
                }
            }
            Part::Certificate(written) => {
                let shown = matches!(self.request, Request::Scheme(_));
                let chain = self.config.credentials.chain();
                let place = connection.transmit.place();
                let (length, all) = super::sign::write_certificate(chain, shown, written, place);
                self.transcript
                    .update(place.get(..length).unwrap_or_default());
                connection.transmit.extend(length);
                let written = written.saturating_add(length);
                if written < all {
                    if length == 0 || connection.transmit.room() == 0 {
                        self.state = State::Answer(Part::Certificate(written));
                        return make_room(connection, 1);
                    }
                    Part::Certificate(written)
                } else if shown {
                    Part::CertificateVerify
                } else {
                    Part::Finished
                }
            }
            Part::CertificateVerify => {
                let Request::Scheme(scheme) = self.request else {
                    return Err(Error::State.into());
                };
                let needed = super::sign::verify_size(scheme);
                if connection.transmit.room() < needed {
                    return make_room(connection, needed);
                }
                let mut writer = Writer::new(connection.transmit.place());
                let signed = super::sign::write_verify(
                    self.config.credentials,
                    scheme,
                    &self.transcript.digest(),
                    random,
                    &mut writer,
                )?;
                if !signed {
                    return Ok(Step::Later);
                }
                self.transcript.update(writer.written());
                let length = writer.finish().map_err(|_| Error::TlsSign)?;
                connection.transmit.extend(length);
                self.state = State::Answer(Part::Finished);
                return Ok(Step::Worked);
            }
            Part::Finished => {
                let hash = self.suite.hash();
                let needed = 4_usize.saturating_add(hash.digest_len());
                if connection.transmit.room() < needed {
                    return make_room(connection, needed);
                }
                let secret = connection.write_keys()?.secret();
                let data = verify_data(hash, secret, &self.transcript.digest())?;
                let mut writer = Writer::new(connection.transmit.place());
                writer.u8(messages::FINISHED);
                writer.vector::<3>(|w| w.bytes(data.as_slice()));
                let length = writer.finish().map_err(|_| Error::Tls)?;
                connection.transmit.extend(length);
                Part::Seal
            }
            Part::Seal => {
                if !connection.seal(HANDSHAKE)? {
                    return Ok(Step::Room);
                }
                let secret = self.client_secret.take().ok_or(Error::State)?;
                connection.write_with(Keys::new(self.suite, secret)?);
                connection.enter_application();
                self.state = State::Done;
                return Ok(Step::Done);
            }
        };
        self.state = State::Answer(next);
        Ok(Step::Again)
    }
}

/// Seals what was written, so that it can be sent and there is room for `needed` bytes.
fn make_room(connection: &mut Connection<'_>, needed: usize) -> Result<Step, Fatal> {
    if needed > connection.transmit.capacity() {
        let needed = needed.saturating_add(super::record::SEALING);
        return Err(Fatal::too_large(Error::TooLarge, needed));
    }
    if connection.transmit.open() > 0 {
        connection.seal(HANDSHAKE)?;
    }
    Ok(Step::Room)
}

/// What to ask the server for, if records of at most `largest` bytes of payload fit.
fn limit(wanted: RecordLimit, largest: usize) -> Limit {
    // Without room to spare for everything that is legal there would be nothing to ask for.
    if largest >= MAX_CONTENT + 1 + TAG {
        return Limit::None;
    }
    match wanted {
        RecordLimit::None => Limit::None,
        RecordLimit::Size => match u16::try_from(largest.saturating_sub(TAG)) {
            Ok(size) => Limit::Size(size),
            Err(_) => Limit::None,
        },
        RecordLimit::Fragment => (1..=4)
            .rev()
            .find(|&code| fragment(code).saturating_add(1 + TAG) <= largest)
            .map_or(Limit::None, Limit::Fragment),
    }
}

/// The contents that a code of max_fragment_length stands for.
fn fragment(code: u8) -> usize {
    256_usize << code.min(4)
}

/// Obeys what was agreed on about the size of records.
fn limit_records(connection: &mut Connection<'_>, limit: Limit, limited: &Limited) {
    match (limit, limited) {
        (Limit::Size(ours), &Limited::Size(theirs)) => {
            // The numbers count the type and the contents.
            let contents = usize::from(theirs).saturating_sub(1);
            connection.transmit.set_limit(contents);
            connection
                .receive
                .set_limit(usize::from(ours).saturating_add(TAG));
        }
        (Limit::Fragment(code), Limited::Fragment) => {
            connection.transmit.set_limit(fragment(code));
            // Padding and type come on top, as much as there may be in any record.
            connection
                .receive
                .set_limit(fragment(code).saturating_add(256));
        }
        _ => {}
    }
}

/// Makes a key pair of this group. Returns the secret and the length of the public key.
fn generate(
    group: Group,
    crypto: &dyn Crypto,
    random: &mut dyn Random,
    public: &mut [u8; 65],
) -> Result<(p256::Secret, usize), Error> {
    match group {
        #[cfg(feature = "x25519")]
        Group::X25519 => {
            let (secret, key) = crypto.x25519_keygen(random)?;
            let place = public.get_mut(..key.len()).ok_or(Error::Tls)?;
            place.copy_from_slice(&key);
            Ok((secret, key.len()))
        }
        Group::Secp256r1 => {
            let (secret, key) = crypto.p256_keygen(random)?;
            *public = key;
            Ok((secret, public.len()))
        }
    }
}

/// The secret that we share with a server that sent this key.
fn agree(share: &Share, peer: &[u8], crypto: &dyn Crypto) -> Result<Zeroizing<[u8; 32]>, Fatal> {
    let shared = match share.group {
        #[cfg(feature = "x25519")]
        Group::X25519 => {
            let peer = peer.try_into().map_err(|_| Alert::IllegalParameter)?;
            crypto.x25519_agree(&share.secret, peer)
        }
        Group::Secp256r1 => {
            let peer = peer.try_into().map_err(|_| Alert::IllegalParameter)?;
            crypto.p256_ecdh(&share.secret, peer)
        }
    };
    Ok(shared?)
}

/// A random source that says it worked and gave nothing but zeros is as bad as one that fails.
struct Checked<'r>(&'r mut dyn Random);

impl Random for Checked<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill(out)?;
        if out.iter().all(|&byte| byte == 0) {
            return Err(Error::Random);
        }
        Ok(())
    }
}
