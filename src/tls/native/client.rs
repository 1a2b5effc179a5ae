//! The handshake of a TLS 1.3 client (RFC 8446, 2 and A.1): which message is due, and what it
//! changes. docs/tls.md has the picture.
//!
//! [`Handshake::advance`] does one thing at a time and says what it waits for. It never waits by
//! itself, and may be called again at any time.
//!
//! What deals with one message is never inlined: in one function they would all have their stack at
//! once, also beneath the deepest calls of the verifier, and take more code.

use rustls_pki_types::ServerName;
use subtle::ConstantTimeEq as _;

use super::{
    alert::{Alert, Fatal},
    answer::Part,
    codec::Writer,
    connection::{Connection, Taken},
    hello::{self, ClientHello, Limit, Offered, ServerHello},
    limit,
    messages::{self, Limited},
    record::{CHANGE_CIPHER_SPEC, HANDSHAKE, Keys},
    schedule::{Schedule, Transcript, verify_data},
    share::{Checked, Share},
    suite::{Group, Suite},
    ticket::Tickets,
    transmit::Transmit,
};
use crate::{
    Error,
    tls::{
        Authenticated, Config, Info, Random,
        crypto::hash::Digest,
        verifier::{CERTIFICATE_SIGNATURE_SCHEMES, SIGNATURE_SCHEMES, ServerAuth},
    },
};

/// What is due next. There is no way through but one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
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
pub(super) enum Request {
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

pub struct Handshake<'h> {
    pub(super) config: &'h Config<'h>,
    /// The host, if it is a name.
    sni: bool,
    auth: ServerAuth<'h>,
    pub(super) state: State,
    random: [u8; 32],
    session_id: [u8; 32],
    share: Option<Share>,
    /// The suite of a HelloRetryRequest.
    pub(super) retried: Option<Suite>,
    /// The server knows the ticket that was offered.
    pub(super) resumes: bool,
    limit: Limit,
    pub(super) request: Request,
    pub(super) transcript: Transcript,
    pub(super) schedule: Option<Schedule>,
    /// The secret of our application data.
    pub(super) client_secret: Option<Digest>,
    pub(super) suite: Suite,
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
            resumes: false,
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
            resumed: self.resumes,
        };
        match self.state {
            State::Done => Ok((info, self.auth.proof()?)),
            _ => Err(Error::State),
        }
    }

    // ---- ClientHello -----------------------------------------------------------------------

    #[inline(never)]
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
        self.limit = limit::ask(self.config.record_limit, connection.receive.largest());
        let mut random = Checked(random);
        random.fill(&mut self.random)?;
        random.fill(&mut self.session_id)?;
        self.share = Some(Share::generate(
            Group::FIRST,
            self.config.crypto,
            &mut random,
        )?);
        if let Some(tickets) = &mut connection.tickets {
            tickets.take(self.config);
        }
        self.write_hello(None, &mut connection.transmit, &mut connection.tickets)?;
        connection.spoke();
        self.state = State::ServerHello;
        Ok(Step::Worked)
    }

    /// Writes a ClientHello, with the ticket if there is one and it fits.
    fn write_hello(
        &mut self,
        cookie: Option<&[u8]>,
        transmit: &mut Transmit<'_>,
        tickets: &mut Option<Tickets<'_>>,
    ) -> Result<(), Fatal> {
        let share = self.share.as_ref().ok_or(Error::State)?;
        loop {
            let hello = ClientHello {
                random: &self.random,
                session_id: &self.session_id,
                host: self.sni.then_some(self.config.host),
                alpn: self.config.alpn,
                limit: self.limit,
                schemes: SIGNATURE_SCHEMES,
                certificate_schemes: CERTIFICATE_SIGNATURE_SCHEMES,
                group: share.group,
                share: share.public(),
                cookie,
                tickets: tickets.as_ref(),
            };
            let transcript = &mut self.transcript;
            let mut bound = Ok(());
            let written = transmit.write_plain(HANDSHAKE, |space| {
                let mut writer = Writer::new(space);
                hello.write(&mut writer);
                let length = writer.finish()?;
                let message = space.get_mut(..length).unwrap_or_default();
                if let Some(tickets) = hello.tickets {
                    bound = tickets.bind(message, transcript);
                }
                transcript.update(message);
                Ok(length)
            })?;
            bound?;
            match (written, tickets.as_mut()) {
                (Ok(()), _) => return Ok(()),
                (Err(_), Some(tickets)) if tickets.offered().is_some() => tickets.withdraw(),
                (Err(needed), _) => return Err(Fatal::too_large(Error::TooLarge, needed)),
            }
        }
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

    #[inline(never)]
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
                let (transmit, tickets) = (&mut connection.transmit, &mut connection.tickets);
                self.server_hello(message, body, transmit, tickets, random)?
            }
            (State::EncryptedExtensions, _) => {
                self.encrypted_extensions(message, body, connection.tickets.as_ref())?
            }
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
                limit::obey(connection, self.limit, &limited);
                Ok(Step::Again)
            }
        }
    }

    fn offered(&self, tickets: Option<&Tickets<'_>>) -> Offered {
        Offered {
            host: self.sni,
            alpn: self.config.alpn.is_some(),
            limit: self.limit,
            tickets: tickets.is_some(),
            ticket: tickets.is_some_and(|tickets| tickets.offered().is_some()),
        }
    }

    #[inline(never)]
    fn server_hello(
        &mut self,
        message: &[u8],
        body: &[u8],
        transmit: &mut Transmit<'_>,
        tickets: &mut Option<Tickets<'_>>,
        random: &mut dyn Random,
    ) -> Result<Outcome, Fatal> {
        let share = self.share.as_ref().ok_or(Error::State)?;
        let offered = self.offered(tickets.as_ref());
        match hello::read_server_hello(body, &self.session_id, offered)? {
            ServerHello::Go {
                suite,
                group,
                share: peer,
                resumes,
            } => {
                if group != share.group || self.retried.is_some_and(|retried| retried != suite) {
                    return Err(Alert::IllegalParameter.into());
                }
                let shared = share.agree(peer, self.config.crypto)?;
                self.suite = suite;
                self.transcript.choose(suite.hash())?;
                self.transcript.update(message);
                let transcript = self.transcript.digest();
                let key = match tickets.as_ref().and_then(Tickets::key) {
                    Some(key) if resumes => Some(key.as_slice()),
                    _ => None,
                };
                if resumes && tickets.as_ref().and_then(Tickets::offered) != Some(suite.hash()) {
                    return Err(Alert::IllegalParameter.into());
                }
                self.resumes = resumes;
                let mut schedule = Schedule::early(suite.hash(), key);
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
                // All but what it asked for stays as it was.
                if let Some(group) = group {
                    let share = Share::generate(group, self.config.crypto, &mut Checked(random))?;
                    self.share = Some(share);
                }
                self.retried = Some(suite);
                self.transcript.choose(suite.hash())?;
                self.transcript.retry();
                self.transcript.update(message);
                transmit
                    .insert_plain(CHANGE_CIPHER_SPEC, &[1])
                    .ok_or(Error::Tls)?;
                // A ticket that goes with another hash is of no use any more.
                if let Some(tickets) = tickets
                    && tickets.offered() != Some(suite.hash())
                {
                    tickets.withdraw();
                }
                self.write_hello(cookie, transmit, tickets)?;
                Ok(Outcome::Worked)
            }
        }
    }

    #[inline(never)]
    fn encrypted_extensions(
        &mut self,
        message: &[u8],
        body: &[u8],
        tickets: Option<&Tickets<'_>>,
    ) -> Result<Outcome, Fatal> {
        let limited = messages::read_encrypted_extensions(
            body,
            self.config.alpn,
            self.limit,
            self.offered(tickets),
        )?;
        self.transcript.update(message);
        // Whoever knows the ticket's key needs no other proof.
        self.state = if self.resumes {
            State::Finished
        } else {
            State::RequestOrCertificate
        };
        Ok(Outcome::Limit(limited))
    }

    #[inline(never)]
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

    #[inline(never)]
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

    #[inline(never)]
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

    #[inline(never)]
    fn finished(&mut self, message: &[u8], body: &[u8], server: &Keys) -> Result<Outcome, Fatal> {
        let hash = self.suite.hash();
        let expected = verify_data(hash, server.secret(), &self.transcript.digest())?;
        if body.len() != hash.digest_len() {
            return Err(Alert::DecodeError.into());
        }
        if !bool::from(expected.as_slice().ct_eq(body)) {
            return Err(Alert::DecryptError.into());
        }
        if self.resumes {
            self.auth.resumed()?;
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
}
