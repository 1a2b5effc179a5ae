//! What embedded-tls asks of its user during the handshake: random bytes, the verifier, our
//! certificate, our signature.
//!
//! embedded-tls can report none of the failures here in its own error type, and panics on some. So
//! each of them is kept in the gate, which lets nothing more out, and embedded-tls is given
//! something harmless to come to its end with.

use embedded_tls::{
    Aes128GcmSha256, Certificate, CertificateEntryRef, CertificateRef, CertificateVerifyRef,
    CryptoProvider, CryptoRng, CryptoRngCore, SignatureScheme, TlsError, TlsVerifier,
};
use rand_core::RngCore;
use sha2::{Digest as _, Sha256};

use super::gate::Gate;
use crate::{
    Error,
    tls::{
        Credentials, Random,
        ecdsa::MAX_DER,
        verifier::{ECDSA_SECP256R1_SHA256, ServerAuth},
    },
};

/// How often random bytes are asked for in one handshake, with some to spare: two are the rule, and
/// each more has a chance of 2^-32 unless the source is broken.
const MAX_FILLS: u8 = 8;

/// Access to the gate without holding it.
pub(super) trait WithGate: Copy {
    /// Calls `function` with the gate; an error if that is impossible.
    fn with_gate<T>(self, function: impl FnOnce(&mut Gate<'_>) -> T) -> Result<T, Error>;

    /// Poisons the connection.
    fn fail(self, error: Error) {
        // Without access to the gate nothing gets through it either.
        let _ = self.with_gate(|gate| gate.fail(error));
    }
}

/// The provider of one handshake.
pub(super) struct Provider<'p, G, R> {
    pub(super) gate: G,
    pub(super) credentials: &'p Credentials<'p>,
    pub(super) verifier: Verifier<'p, G>,
    pub(super) random: R,
    pub(super) fills: u8,
}

impl<G: WithGate, R: Random> CryptoProvider for Provider<'_, G, R> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = DerSignature;

    fn rng(&mut self) -> impl CryptoRngCore {
        Rng(self)
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Self::CipherSuite>, TlsError> {
        Ok(&mut self.verifier)
    }

    fn signer(
        &mut self,
    ) -> Result<(impl signature::SignerMut<Self::Signature>, SignatureScheme), TlsError> {
        let signing = Signing {
            gate: self.gate,
            credentials: self.credentials,
        };
        Ok((signing, SignatureScheme::EcdsaSecp256r1Sha256))
    }

    fn client_cert(&mut self) -> Option<Certificate<impl AsRef<[u8]>>> {
        Some(Certificate::X509(self.credentials.certificate()))
    }
}

/// Random bytes, or a placeholder after a failure.
struct Rng<'r, 'p, G, R>(&'r mut Provider<'p, G, R>);

impl<G: WithGate, R: Random> RngCore for Rng<'_, '_, G, R> {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        let provider = &mut *self.0;
        provider.fills = provider.fills.saturating_add(1);
        let filled = if provider.fills > MAX_FILLS {
            Err(Error::Random)
        } else {
            provider.random.fill(out)
        };
        // A source that reports success and fills in nothing is as bad as one that fails.
        if filled.is_err() || (out.len() >= 16 && out.iter().all(|&byte| byte == 0)) {
            provider.gate.fail(Error::Random);
            // The key generation asks until it gets a number that it can use; this is one.
            out.fill(1);
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl<G: WithGate, R: Random> CryptoRng for Rng<'_, '_, G, R> {}

/// A signature as bytes.
pub(super) struct DerSignature {
    bytes: [u8; MAX_DER],
    length: usize,
}

impl AsRef<[u8]> for DerSignature {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Signs with our key; after a failure the signature is empty, and does not get out.
struct Signing<'p, G> {
    gate: G,
    credentials: &'p Credentials<'p>,
}

impl<G: WithGate> signature::Signer<DerSignature> for Signing<'_, G> {
    fn try_sign(&self, message: &[u8]) -> Result<DerSignature, signature::Error> {
        let mut bytes = [0; MAX_DER];
        let signed =
            self.credentials
                .sign(ECDSA_SECP256R1_SHA256, message, &mut NoRandom, &mut bytes);
        let length = match signed {
            Ok(Some(length)) => length,
            // embedded-tls cannot wait for a signature.
            Ok(None) => {
                self.gate.fail(Error::TlsSign);
                0
            }
            Err(error) => {
                self.gate.fail(error);
                0
            }
        };
        Ok(DerSignature { bytes, length })
    }
}

/// ECDSA as it is done here takes no random bytes.
struct NoRandom;

impl Random for NoRandom {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::Random)
    }
}

/// Passes the server's messages on to the verifier.
pub(super) struct Verifier<'p, G> {
    pub(super) gate: G,
    pub(super) auth: ServerAuth<'p>,
    /// Of the messages up to and including Certificate.
    pub(super) transcript_hash: [u8; 32],
}

impl<G: WithGate> Verifier<'_, G> {
    fn judge(&self, verdict: Result<(), Error>) -> Result<(), TlsError> {
        verdict.map_err(|error| {
            self.gate.fail(error);
            TlsError::InvalidCertificate
        })
    }
}

impl<G: WithGate> TlsVerifier<Aes128GcmSha256> for Verifier<'_, G> {
    fn set_hostname_verification(&mut self, _: &str) -> Result<(), TlsError> {
        // The verifier was made for a host; there is none without.
        Ok(())
    }

    fn verify_certificate(
        &mut self,
        transcript: &Sha256,
        certificate: CertificateRef<'_>,
    ) -> Result<(), TlsError> {
        self.transcript_hash = transcript.clone().finalize().into();
        let chain = certificate.entries.iter().map_while(|entry| match *entry {
            CertificateEntryRef::X509(der) => Some(der),
            CertificateEntryRef::RawPublicKey(_) => None,
        });
        let verdict = self.auth.certificate(chain);
        self.judge(verdict)
    }

    fn verify_signature(&mut self, verify: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        let verdict = self
            .auth
            .signature(
                verify.signature_scheme.as_u16(),
                &self.transcript_hash,
                verify.signature,
            )
            .and_then(|()| self.auth.proof())
            .and_then(|proof| self.gate.with_gate(|gate| gate.authenticated(proof)));
        self.judge(verdict)
    }
}
