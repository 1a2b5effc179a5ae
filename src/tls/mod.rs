//! TLS: from the first byte on, application bytes move only over an authenticated connection.
//!
//! The rest of the library sees this boundary and nothing behind it: a [`Slot`] holds the socket
//! and the record buffers, [`handshake`] turns it into [`Secured`], the only type that carries
//! application bytes, or into a [`Failure`] with its cause. Behind the boundary stand two engines
//! that offer the same: [`native`], our own, whose names are also those of this module, and by
//! feature `embedded`, the published embedded-tls crate, contained. The verifier and the
//! credentials belong to no engine.
//!
//! Everything here is driven by polling: a future that returns *pending* is simply polled again,
//! and every future but the handshake may be dropped at any time without harm.

mod credentials;
pub mod crypto;
mod der;
mod ecdsa;
#[cfg(feature = "embedded-tls")]
pub mod embedded;
pub mod native;
mod pem;
#[cfg(feature = "rsa")]
mod rsa;
#[cfg(not(feature = "rsa"))]
#[path = "rsa_absent.rs"]
mod rsa;
mod verifier;

pub use credentials::{
    CertList, Credentials, Inputs, KeyInput, MAX_SIGNATURE, SignatureForm, amazon_roots, load,
    parse_certificates, storage_needed,
};
pub use native::{Secured, Slot, application_bytes, handshake, memory_size, tx_needed};
pub use verifier::{
    Authenticated, CERTIFICATE_SIGNATURE_SCHEMES, Clock, LeafKey, MAX_CERTIFICATES,
    SIGNATURE_SCHEMES, verify_chain, verify_signature,
};

use self::crypto::{Crypto, Software};
use crate::Error;

/// The least `rx`: a smaller one takes no server's handshake.
pub const MIN_RX: usize = 512;
/// The largest `rx` that makes sense: no legal record is larger.
pub const MAX_RX: usize = 16384 + 256;
/// The least `tx`: a ClientHello with the longest host name fits.
pub const MIN_TX: usize = 512;
/// The largest `tx` that makes sense: no legal record that we send is larger.
pub const MAX_TX: usize = 16384 + 17;

/// What one handshake needs to know.
#[derive(Clone, Copy)]
pub struct Config<'a> {
    /// The host name (or IP address) that the server's certificate must carry. A host name is
    /// also sent as SNI.
    pub host: &'a str,
    /// The one application protocol to offer (ALPN), or none.
    pub alpn: Option<&'a [u8]>,
    /// Who we are and whom we trust.
    pub credentials: &'a Credentials<'a>,
    /// What is known of the time.
    pub clock: Clock,
    /// How the server is asked for records that fit the receive buffer, where that is smaller
    /// than the largest.
    pub record_limit: RecordLimit,
    /// Who calculates.
    pub crypto: &'static dyn Crypto,
}

/// How a server is asked for small records. It may ignore it, as AWS IoT does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordLimit {
    /// Not at all.
    None,
    /// By record_size_limit (RFC 8449): no record larger than what fits.
    Size,
    /// By max_fragment_length (RFC 6066), which older servers know: 512, 1024, 2048 or 4096 bytes,
    /// both ways.
    Fragment,
}

impl<'a> Config<'a> {
    /// What every handshake needs; the rest is off.
    pub fn new(host: &'a str, credentials: &'a Credentials<'a>, clock: Clock) -> Self {
        Self {
            host,
            alpn: None,
            credentials,
            clock,
            record_limit: RecordLimit::Size,
            crypto: &Software,
        }
    }
}

/// Why a handshake or a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The cause.
    pub error: Error,
    /// The alert that the server sent, where its number is known. 0 (close_notify) beside
    /// [`Error::TcpClosed`] is an orderly end; without it the connection was cut.
    pub alert: Option<u8>,
    /// The size in bytes that would have been enough, with [`Error::TlsRecordTooLarge`] (for `rx`)
    /// and [`Error::TooLarge`] (for `tx`); otherwise 0.
    pub needed: usize,
}

impl Failure {
    /// A failure with nothing but a cause.
    pub const fn new(error: Error) -> Self {
        Self {
            error,
            alert: None,
            needed: 0,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}

/// What was agreed on in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// The protocol version, 0x0304 for TLS 1.3.
    pub version: u16,
    /// The cipher suite, 0x1301 for TLS_AES_128_GCM_SHA256.
    pub cipher_suite: u16,
    /// The key exchange group, 23 for secp256r1.
    pub group: u16,
    /// It went on from an earlier connection, without certificates.
    pub resumed: bool,
}

/// A source of cryptographically secure random bytes.
pub trait Random {
    /// Fills all of `out`. After an error nothing that was built from this source is sent.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error>;
}

impl<R: Random + ?Sized> Random for &mut R {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }
}

/// A P-256 key that never enters our memory, such as one in a secure element.
pub trait Signer {
    /// Signs a SHA-256 digest with ECDSA over P-256. Writes the signature to the start of
    /// `signature`, which holds 72 bytes, and returns its length; `None` if it is still being
    /// made: then the same is asked again at the next poll.
    ///
    /// Any error ends the handshake with [`Error::TlsSign`].
    fn sign(&self, sha256: &[u8; 32], signature: &mut [u8]) -> Result<Option<usize>, Error>;
}
