//! Is this server who it says it is? On rustls-webpki, and independent of the TLS engine.
//!
//! An engine reports the two messages that prove it, Certificate and CertificateVerify, to a
//! [`ServerAuth`]. Only that, and only after both were good, yields [`Authenticated`]; without it
//! no engine can make the type that carries application bytes.

use core::{
    fmt::{self, Debug, Formatter},
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, Der, InvalidSignature, ServerName,
    SignatureVerificationAlgorithm, TrustAnchor, UnixTime, alg_id,
};
use webpki::{EndEntityCert, KeyUsage};

use super::{
    credentials::CertList,
    crypto::{Crypto, Software},
    der, ecdsa,
    rsa::{self, PublicKey},
};
use crate::Error;

/// The most certificates of the server that are looked at, its own included; more are ignored.
/// Verification happens within one poll, so there must be a bound.
pub const MAX_CERTIFICATES: usize = 6;

/// The most CA certificates that can be configured.
pub(super) const MAX_ROOTS: usize = 16;

/// The most signatures that are verified for one chain. A path has six at most; what is more is for
/// certificates that could have several issuers.
const MAX_SIGNATURES: u8 = 12;

/// The signature schemes that a server may prove its key with, the best first.
pub const SIGNATURE_SCHEMES: &[u16] = &[
    ECDSA_SECP256R1_SHA256,
    #[cfg(feature = "p384")]
    ECDSA_SECP384R1_SHA384,
    #[cfg(feature = "rsa")]
    RSA_PSS_RSAE_SHA256,
    #[cfg(feature = "rsa")]
    RSA_PSS_RSAE_SHA384,
    #[cfg(feature = "rsa")]
    RSA_PSS_RSAE_SHA512,
];

/// The signature schemes that may stand on its certificates.
pub const CERTIFICATE_SIGNATURE_SCHEMES: &[u16] = &[
    ECDSA_SECP256R1_SHA256,
    #[cfg(feature = "p384")]
    ECDSA_SECP384R1_SHA384,
    #[cfg(feature = "rsa")]
    RSA_PSS_RSAE_SHA256,
    #[cfg(feature = "rsa")]
    RSA_PSS_RSAE_SHA384,
    #[cfg(feature = "rsa")]
    RSA_PSS_RSAE_SHA512,
    #[cfg(feature = "rsa")]
    RSA_PKCS1_SHA256,
    #[cfg(feature = "rsa")]
    RSA_PKCS1_SHA384,
    #[cfg(feature = "rsa")]
    RSA_PKCS1_SHA512,
];

/// `rsa_pkcs1_sha256`.
#[cfg(feature = "rsa")]
const RSA_PKCS1_SHA256: u16 = 0x0401;
/// `rsa_pkcs1_sha384`.
#[cfg(feature = "rsa")]
const RSA_PKCS1_SHA384: u16 = 0x0501;
/// `rsa_pkcs1_sha512`.
#[cfg(feature = "rsa")]
const RSA_PKCS1_SHA512: u16 = 0x0601;
/// `ecdsa_secp256r1_sha256`.
pub(super) const ECDSA_SECP256R1_SHA256: u16 = 0x0403;
/// `ecdsa_secp384r1_sha384`.
#[cfg(feature = "p384")]
const ECDSA_SECP384R1_SHA384: u16 = 0x0503;
/// `rsa_pss_rsae_sha256`.
pub(super) const RSA_PSS_RSAE_SHA256: u16 = 0x0804;
/// `rsa_pss_rsae_sha384`.
pub(super) const RSA_PSS_RSAE_SHA384: u16 = 0x0805;
/// `rsa_pss_rsae_sha512`.
pub(super) const RSA_PSS_RSAE_SHA512: u16 = 0x0806;

/// The public key of a server whose certificate chain was found good.
// It waits for the proof in the memory of the handshake, so it is no larger than it must be.
#[derive(Clone)]
pub struct LeafKey {
    /// The bytes of `key` that are used.
    length: u16,
    /// An uncompressed SEC1 point or, which is longer, an `RSAPublicKey`.
    key: [u8; MAX_KEY],
}

/// The bytes of an uncompressed SEC1 point on P-256.
const P256_POINT: usize = 65;
/// The bytes of one on P-384.
const P384_POINT: usize = 97;
/// The most bytes of the `RSAPublicKey` of an RSA key that is supported: a SEQUENCE of a modulus
/// of 4096 bits and an exponent of 33.
const MAX_RSA_KEY: usize = 4 + 4 + 1 + 512 + 2 + 5;
/// The most bytes of any key in this build.
const MAX_KEY: usize = if cfg!(feature = "rsa") {
    MAX_RSA_KEY
} else if cfg!(feature = "p384") {
    P384_POINT
} else {
    P256_POINT
};

impl LeafKey {
    /// The key of a certificate; `None` if it is of no kind that is supported.
    fn from_info(info: &[u8]) -> Option<Self> {
        let bytes = match der::p256_point(info) {
            Some(point) => point,
            None => Self::other(info)?,
        };
        let mut key = [0; MAX_KEY];
        key.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self {
            length: u16::try_from(bytes.len()).ok()?,
            key,
        })
    }

    /// A key that is not one of P-256.
    fn other(info: &[u8]) -> Option<&[u8]> {
        #[cfg(feature = "p384")]
        if let Some(point) = der::key_of(info, &alg_id::ECDSA_P384) {
            return Some(point).filter(|point| point.len() == P384_POINT);
        }
        let key = der::key_of(info, &alg_id::RSA_ENCRYPTION)?;
        PublicKey::from_der(key).map(|_| key)
    }

    /// Verifies a signature. What is proven in TLS 1.3 is never signed with PKCS#1 v1.5.
    fn verify(
        &self,
        crypto: &dyn Crypto,
        scheme: u16,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let key = self.key.get(..self.length.into()).unwrap_or_default();
        let valid = match (key.len(), scheme) {
            (P256_POINT, ECDSA_SECP256R1_SHA256) => ecdsa::verify(crypto, key, message, signature),
            #[cfg(feature = "p384")]
            (P384_POINT, ECDSA_SECP384R1_SHA384) => ecdsa::verify_p384(key, message, signature),
            _ => {
                let key = PublicKey::from_der(key).ok_or(Error::CertUnsupported)?;
                let algorithm = rsa_algorithm(scheme).ok_or(Error::CertUnsupported)?;
                algorithm.verify(&key, message, signature)
            }
        };
        valid.ok_or(Error::CertSignature)
    }
}

/// The algorithm of a signature scheme with RSA that may prove the possession of a key.
pub(super) fn rsa_algorithm(scheme: u16) -> Option<&'static rsa::Algorithm> {
    match scheme {
        #[cfg(feature = "rsa")]
        RSA_PSS_RSAE_SHA256 => Some(&rsa::PSS_SHA256),
        #[cfg(feature = "rsa")]
        RSA_PSS_RSAE_SHA384 => Some(&rsa::PSS_SHA384),
        #[cfg(feature = "rsa")]
        RSA_PSS_RSAE_SHA512 => Some(&rsa::PSS_SHA512),
        _ => None,
    }
}

/// The proof that a server was authenticated: its chain, its name, and its possession of the key.
///
/// Nothing outside the verifier can make one.
#[derive(Clone, Copy)]
pub struct Authenticated(());

/// What is known of the time, in seconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Nothing: no certificate can be judged, so none is accepted.
    Unknown,
    /// The time.
    At(u64),
    /// It is this or later. A chain is accepted if there is a moment from then on at which all of
    /// it is valid: what expired earlier is refused, what only becomes valid later is not.
    AtLeast(u64),
}

impl Clock {
    /// `unix_time` is the time, 0 if it is unknown; `earliest` is a time that has certainly passed,
    /// 0 if there is none. A clock that is behind that is wrong, and as good as none.
    pub fn new(unix_time: u64, earliest: u64) -> Self {
        match (unix_time, earliest) {
            (0, 0) => Self::Unknown,
            (time, earliest) if time >= earliest => Self::At(time),
            (_, earliest) => Self::AtLeast(earliest),
        }
    }

    /// [`Error::CertTimeUnknown`] if no certificate can be judged.
    pub fn check(self) -> Result<(), Error> {
        match self {
            Self::Unknown => Err(Error::CertTimeUnknown),
            Self::At(_) | Self::AtLeast(_) => Ok(()),
        }
    }
}

/// Verifies that `leaf` leads to one of `roots`, is valid by `clock`, may be used for a server and
/// for signatures, and carries the name `host`. Of `intermediates` at most [`MAX_CERTIFICATES`] - 1 are used.
///
/// The name is looked up in the subject alternative names only; a wildcard may stand for the
/// left-most label.
pub fn verify_chain<'c>(
    leaf: &[u8],
    intermediates: impl Iterator<Item = &'c [u8]>,
    roots: CertList<'_>,
    host: &ServerName<'_>,
    clock: Clock,
) -> Result<LeafKey, Error> {
    let info = check_chain(&Software, leaf, intermediates, roots, host, clock)?;
    LeafKey::from_info(info).ok_or(Error::CertUnsupported)
}

/// The same, calculated by `crypto` where it can; returns the key of the leaf as it stands there
/// (SubjectPublicKeyInfo).
// Not inlined: what else a caller has on its stack would lie beneath the deepest calls of all.
#[inline(never)]
fn check_chain<'l, 'c>(
    crypto: &dyn Crypto,
    leaf: &'l [u8],
    intermediates: impl Iterator<Item = &'c [u8]>,
    roots: CertList<'_>,
    host: &ServerName<'_>,
    clock: Clock,
) -> Result<&'l [u8], Error> {
    let time = match clock {
        Clock::Unknown => return Err(Error::CertTimeUnknown),
        Clock::At(time) | Clock::AtLeast(time) => time,
    };
    if roots.iter().nth(MAX_ROOTS).is_some() {
        return Err(Error::CaCerts);
    }
    let (ders, count) = collect::<MAX_ROOTS>(roots.iter());
    let mut anchors = [const { NO_ANCHOR }; MAX_ROOTS];
    for (place, der) in anchors.iter_mut().zip(&ders).take(count) {
        *place = webpki::anchor_from_trusted_cert(der).map_err(|_| Error::CaCerts)?;
    }
    let anchors = anchors.get(..count).unwrap_or_default();
    let (chain, count) = collect::<{ MAX_CERTIFICATES - 1 }>(intermediates);
    let chain = chain.get(..count).unwrap_or_default();

    let leaf_der = CertificateDer::from(leaf);
    let certificate = EndEntityCert::try_from(&leaf_der).map_err(map)?;
    let left = AtomicU8::new(MAX_SIGNATURES);
    let count = |inner| Counted { inner, left: &left };
    let p256 = ecdsa::P256Sha256(crypto);
    let algorithms = [
        count(&p256),
        #[cfg(feature = "p384")]
        count(&ecdsa::P384Sha384),
        #[cfg(feature = "rsa")]
        count(&rsa::PKCS1_SHA256),
        #[cfg(feature = "rsa")]
        count(&rsa::PSS_SHA256),
        #[cfg(feature = "rsa")]
        count(&rsa::PKCS1_SHA384),
        #[cfg(feature = "rsa")]
        count(&rsa::PKCS1_SHA512),
        #[cfg(feature = "rsa")]
        count(&rsa::PSS_SHA384),
        #[cfg(feature = "rsa")]
        count(&rsa::PSS_SHA512),
    ];
    let algorithms = algorithms
        .each_ref()
        .map(|algorithm| algorithm as &dyn SignatureVerificationAlgorithm);
    let check_at = |time| match check_path(&certificate, &algorithms, anchors, chain, time) {
        Err(_) if left.load(Ordering::Relaxed) == 0 => Err(Error::CertMalformed),
        verdict => verdict,
    };
    let mut verdict = check_at(time);
    if matches!(clock, Clock::AtLeast(_)) {
        // The first moment at which a whole path is valid is this one, or that at which one of its
        // certificates becomes so. One that is not valid yet fails before signatures are checked.
        for der in [&leaf_der].into_iter().chain(chain) {
            if verdict != Err(Error::CertNotYetValid) {
                break;
            }
            if let Some((not_before, _)) =
                der::Certificate::from_der(der).and_then(|c| c.validity())
                && not_before > time
            {
                let then = check_at(not_before);
                if then != Err(Error::CertExpired) {
                    verdict = then;
                }
            }
        }
    }
    verdict?;
    certificate
        .verify_is_valid_for_subject_name(host)
        .map_err(map)?;

    let leaf = der::Certificate::from_der(leaf).ok_or(Error::CertMalformed)?;
    // webpki leaves the key usage to others.
    if !leaf.may_sign().ok_or(Error::CertMalformed)? {
        return Err(Error::CertUsage);
    }
    Ok(leaf.key_info)
}

/// Whether there is a path to an anchor that is valid at this time.
#[inline(never)]
fn check_path(
    leaf: &EndEntityCert<'_>,
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    anchors: &[TrustAnchor<'_>],
    chain: &[CertificateDer<'_>],
    time: u64,
) -> Result<(), Error> {
    let time = UnixTime::since_unix_epoch(Duration::from_secs(time));
    let usage = KeyUsage::server_auth();
    match leaf.verify_for_usage(algorithms, anchors, chain, time, usage, None, None) {
        Ok(_) => Ok(()),
        Err(error) => Err(map(error)),
    }
}

/// An algorithm for webpki that verifies only so many signatures, together with the others.
struct Counted<'a> {
    inner: &'a dyn SignatureVerificationAlgorithm,
    // Never used by two threads, but webpki wants what could be.
    left: &'a AtomicU8,
}

impl Debug for Counted<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl SignatureVerificationAlgorithm for Counted<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let left = self.left.load(Ordering::Relaxed);
        let left = left.checked_sub(1).ok_or(InvalidSignature)?;
        self.left.store(left, Ordering::Relaxed);
        self.inner.verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.signature_alg_id()
    }
}

/// Verifies the signature in the server's CertificateVerify. `transcript_hash`, which is that of the
/// cipher suite, covers all messages up to and including Certificate.
pub fn verify_signature(
    key: &LeafKey,
    scheme: u16,
    transcript_hash: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    verify_signature_with(&Software, key, scheme, transcript_hash, signature)
}

/// The same, calculated by `crypto` where it can.
fn verify_signature_with(
    crypto: &dyn Crypto,
    key: &LeafKey,
    scheme: u16,
    transcript_hash: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    const CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify\0";
    const PADDING: usize = 64;
    const MAX_HASH: usize = 48;
    let mut message = [0x20; PADDING + CONTEXT.len() + MAX_HASH];
    let (_, rest) = message.split_at_mut(PADDING);
    let (context, rest) = rest.split_at_mut(CONTEXT.len());
    context.copy_from_slice(CONTEXT);
    let length = transcript_hash.len();
    let hash = rest.get_mut(..length).ok_or(Error::Argument)?;
    hash.copy_from_slice(transcript_hash);
    let unused = MAX_HASH.saturating_sub(length);
    let message = message.get(..message.len().saturating_sub(unused));
    key.verify(crypto, scheme, message.unwrap_or_default(), signature)
}

/// Fills the places of anchors that are not used.
const NO_ANCHOR: TrustAnchor<'static> = TrustAnchor {
    subject: Der::from_slice(&[]),
    subject_public_key_info: Der::from_slice(&[]),
    name_constraints: None,
};

/// The first `N` certificates, and how many there are.
fn collect<'c, const N: usize>(
    certificates: impl Iterator<Item = &'c [u8]>,
) -> ([CertificateDer<'c>; N], usize) {
    let mut list = [const { CertificateDer::from_slice(&[]) }; N];
    let mut count = 0;
    for (place, der) in list.iter_mut().zip(certificates) {
        *place = CertificateDer::from(der);
        count += 1;
    }
    (list, count)
}

/// Whether a certificate can be trusted as a CA.
pub(super) fn check_root(der: &[u8]) -> Result<(), Error> {
    match webpki::anchor_from_trusted_cert(&CertificateDer::from(der)) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::CaCerts),
    }
}

/// How far a server has come in proving who it is.
#[cfg_attr(
    feature = "rsa",
    expect(
        clippy::large_enum_variant,
        reason = "there is one in a handshake, and no heap to put the key on"
    )
)]
enum Progress {
    /// Nothing was seen.
    Unknown,
    /// The chain is good; the key must still be proven.
    Chain(LeafKey),
    /// The key was proven.
    Proven,
}

/// Follows one handshake of an engine and decides whether the server proved who it is.
pub(super) struct ServerAuth<'a> {
    host: &'a ServerName<'a>,
    roots: CertList<'a>,
    clock: Clock,
    crypto: &'a dyn Crypto,
    progress: Progress,
}

impl<'a> ServerAuth<'a> {
    /// For one handshake with `host`.
    pub(super) fn new(
        host: &'a ServerName<'a>,
        roots: CertList<'a>,
        clock: Clock,
        crypto: &'a dyn Crypto,
    ) -> Self {
        Self {
            host,
            roots,
            clock,
            crypto,
            progress: Progress::Unknown,
        }
    }

    /// The Certificate message.
    pub(super) fn certificate<'c>(
        &mut self,
        mut chain: impl Iterator<Item = &'c [u8]>,
    ) -> Result<(), Error> {
        if !matches!(self.progress, Progress::Unknown) {
            return Err(Error::TlsProtocol);
        }
        let leaf = chain.next().ok_or(Error::TlsNotAuthenticated)?;
        let (roots, host, clock) = (self.roots, self.host, self.clock);
        let info = check_chain(self.crypto, leaf, chain, roots, host, clock)?;
        self.expect_proof(info)
    }

    /// The chain is good; the key that is to be proven is this.
    #[inline(never)]
    fn expect_proof(&mut self, info: &[u8]) -> Result<(), Error> {
        let key = LeafKey::from_info(info).ok_or(Error::CertUnsupported)?;
        self.progress = Progress::Chain(key);
        Ok(())
    }

    /// The CertificateVerify message, with the hash of the transcript before it.
    pub(super) fn signature(
        &mut self,
        scheme: u16,
        transcript_hash: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let Progress::Chain(key) = &self.progress else {
            return Err(Error::TlsProtocol);
        };
        verify_signature_with(self.crypto, key, scheme, transcript_hash, signature)?;
        self.progress = Progress::Proven;
        Ok(())
    }

    /// The server has proven to know a secret that was made in an earlier connection, in which it
    /// was authenticated with the same host, roots and credentials.
    pub(super) fn resumed(&mut self) -> Result<(), Error> {
        if !matches!(self.progress, Progress::Unknown) {
            return Err(Error::TlsProtocol);
        }
        self.progress = Progress::Proven;
        Ok(())
    }

    /// The proof, once there is one.
    pub(super) fn proof(&self) -> Result<Authenticated, Error> {
        match self.progress {
            Progress::Proven => Ok(Authenticated(())),
            _ => Err(Error::TlsNotAuthenticated),
        }
    }
}

/// What an error of webpki means to us.
fn map(error: webpki::Error) -> Error {
    use webpki::Error as E;
    match error {
        E::CertExpired { .. } => Error::CertExpired,
        E::CertNotValidYet { .. } => Error::CertNotYetValid,
        E::CertNotValidForName(_) => Error::CertHostName,

        E::UnknownIssuer | E::CertDistrusted | E::CertRevoked | E::MaximumPathDepthExceeded => {
            Error::CertUnknownIssuer
        }

        E::InvalidSignatureForPublicKey | E::SignatureAlgorithmMismatch => Error::CertSignature,

        E::CaUsedAsEndEntity
        | E::EndEntityUsedAsCa
        | E::EmptyEkuExtension
        | E::RequiredEkuNotFoundContext(_)
        | E::NameConstraintViolation
        | E::PathLenConstraintViolated => Error::CertUsage,

        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | E::UnsupportedCertVersion
        | E::UnsupportedCriticalExtension
        | E::UnsupportedNameType => Error::CertUnsupported,

        // A chain made to exhaust us, or one that cannot be read. Errors about revocation lists
        // cannot occur, as none are given; what webpki adds one day is refused as well.
        _ => Error::CertMalformed,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::tls::amazon_roots;

    /// A proof for tests of those who ask for one.
    #[cfg(feature = "embedded-tls")]
    pub fn proof() -> Authenticated {
        Authenticated(())
    }

    #[test]
    fn proof_takes_both_messages_in_order() {
        let host = ServerName::try_from("example.com").unwrap();
        let mut auth = ServerAuth::new(&host, amazon_roots(), Clock::At(1), &Software);
        assert_eq!(auth.proof().err(), Some(Error::TlsNotAuthenticated));
        assert_eq!(auth.signature(0x0403, &[], &[]), Err(Error::TlsProtocol));
        assert_eq!(
            auth.certificate(core::iter::empty()),
            Err(Error::TlsNotAuthenticated)
        );
        assert_eq!(auth.proof().err(), Some(Error::TlsNotAuthenticated));
        auth.progress = Progress::Chain(LeafKey {
            length: 65,
            key: [0; MAX_KEY],
        });
        assert_eq!(auth.proof().err(), Some(Error::TlsNotAuthenticated));
        assert_eq!(
            auth.certificate(core::iter::empty()),
            Err(Error::TlsProtocol)
        );
        assert_eq!(
            auth.signature(0x0804, &[], &[]),
            Err(Error::CertUnsupported)
        );
        assert_eq!(auth.signature(0x0403, &[], &[]), Err(Error::CertSignature));
        auth.progress = Progress::Proven;
        assert!(auth.proof().is_ok());
        assert_eq!(auth.signature(0x0403, &[], &[]), Err(Error::TlsProtocol));
    }

    #[test]
    fn the_time_must_be_known() {
        let host = ServerName::try_from("example.com").unwrap();
        let outcome = verify_chain(
            &[],
            core::iter::empty(),
            amazon_roots(),
            &host,
            Clock::Unknown,
        );
        assert_eq!(outcome.err(), Some(Error::CertTimeUnknown));
    }

    #[test]
    #[cfg(not(feature = "rsa"))]
    fn without_rsa_neither_schemes_nor_keys_are_of_that_kind() {
        let schemes = SIGNATURE_SCHEMES.iter();
        for scheme in schemes.chain(CERTIFICATE_SIGNATURE_SCHEMES) {
            assert_eq!(scheme & 0xff, 3, "{scheme:x}");
        }
        let root = include_bytes!(concat!(env!("OUT_DIR"), "/amazon_root_ca_1.der"));
        let root = der::Certificate::from_der(root).unwrap();
        assert!(der::key_of(root.key_info, &alg_id::RSA_ENCRYPTION).is_some());
        assert!(LeafKey::from_info(root.key_info).is_none());
    }

    #[test]
    fn only_certificates_can_be_roots() {
        for der in amazon_roots().iter() {
            assert_eq!(check_root(der), Ok(()));
        }
        assert_eq!(check_root(&[0x30, 0]), Err(Error::CaCerts));
    }
}
