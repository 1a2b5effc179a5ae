//! Our answer to the server's Finished: ChangeCipherSpec for middleboxes, Certificate and
//! CertificateVerify if it asked for them, Finished. It takes as many records as it must.

use super::{
    alert::Fatal,
    client::{Handshake, Request, State, Step},
    codec::Writer,
    connection::Connection,
    messages,
    record::{CHANGE_CIPHER_SPEC, HANDSHAKE, Keys, SEALING},
    schedule::verify_data,
    sign::{verify_size, write_certificate, write_verify},
};
use crate::{Error, tls::Random};

/// The parts of our answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    ChangeCipherSpec,
    /// Certificate, of which so many bytes were written.
    Certificate(usize),
    CertificateVerify,
    Finished,
    /// The record of Finished must be sealed.
    Seal,
}

impl Handshake<'_> {
    /// Writes a part.
    #[inline(never)]
    pub(super) fn answer(
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
                let (length, all) = write_certificate(chain, shown, written, place);
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
                let needed = verify_size(self.config.credentials);
                if connection.transmit.room() < needed {
                    return make_room(connection, needed);
                }
                let mut writer = Writer::new(connection.transmit.place());
                let signed = write_verify(
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
                self.transcript.update(writer.written());
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
                if let Some(tickets) = &mut connection.tickets {
                    let schedule = self.schedule.as_ref().ok_or(Error::State)?;
                    let transcript = self.transcript.digest();
                    let secret = schedule.derive(b"res master", &transcript)?;
                    tickets.keep(self.suite, secret, self.resumes);
                }
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
        let needed = needed.saturating_add(SEALING);
        return Err(Fatal::too_large(Error::TooLarge, needed));
    }
    if connection.transmit.open() > 0 {
        connection.seal(HANDSHAKE)?;
    }
    Ok(Step::Room)
}
