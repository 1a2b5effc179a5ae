//! The P-256 curve (secp256r1): plain functions on byte arrays, and the only place in the library
//! that calculates with the curve. Another implementation replaces this module and nothing else.
//!
//! Points are uncompressed SEC1 (0x04, x, y); numbers and coordinates are big-endian. A point or a
//! number that is not what it should be is an error or `false`, never a panic.

#[cfg(any(iot_thing_umaal, test))]
mod dsp;
#[cfg(any(not(iot_thing_umaal), test))]
mod rustcrypto;

use zeroize::Zeroizing;

#[cfg(iot_thing_umaal)]
use self::dsp as implementation;
#[cfg(not(iot_thing_umaal))]
use self::rustcrypto as implementation;

use crate::{Error, tls::Random};

/// A private key, or the x coordinate that two parties share; wiped when dropped.
pub type Secret = Zeroizing<[u8; 32]>;
/// An uncompressed point.
pub type Public = [u8; 65];

/// The most attempts at a random private key. One in 2^32 fails, unless the source is broken.
const MAX_ATTEMPTS: u8 = 4;

/// Makes a key pair; [`Error::Random`] if the source fails or gives no usable number.
pub fn keygen(random: &mut dyn Random) -> Result<(Secret, Public), Error> {
    let mut secret = Secret::default();
    for _ in 0..MAX_ATTEMPTS {
        random.fill(secret.as_mut_slice())?;
        if let Ok(public) = public_key(&secret) {
            return Ok((secret, public));
        }
    }
    Err(Error::Random)
}

/// The public key of a private key; [`Error::PrivateKey`] if it is 0 or not below the order.
pub fn public_key(secret: &[u8; 32]) -> Result<Public, Error> {
    implementation::public_key(secret)
}

/// The shared secret of our private and a peer's public key; [`Error::TlsProtocol`] if that is no
/// point of the curve.
pub fn ecdh(secret: &[u8; 32], peer: &Public) -> Result<Secret, Error> {
    implementation::ecdh(secret, peer)
}

/// Signs a digest: r, then s. The same key and digest always give the same signature (RFC 6979
/// with SHA-256).
pub fn sign(secret: &[u8; 32], digest: &[u8; 32]) -> Result<[u8; 64], Error> {
    implementation::sign(secret, digest)
}

/// Whether `signature` (r, then s) is one of `digest` by the holder of the key. A point that is
/// not on the curve has signed nothing.
pub fn verify(public: &Public, digest: &[u8; 32], signature: &[u8; 64]) -> bool {
    implementation::verify(public, digest, signature)
}
