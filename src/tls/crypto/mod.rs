//! The crypto seam: the few plain operations that TLS is made of, on byte arrays.
//!
//! Each file wraps the RustCrypto crate that does the work; nothing else in `tls/` knows those
//! crates. What hardware may take over goes through the trait [`Crypto`], whose default methods
//! are this software. Hashing stays in software: a transcript is hashed piece by piece and asked
//! for its value half-way, which few accelerators can do.

pub mod aead;
mod gcm;
pub mod hash;
pub mod p256;
#[cfg(feature = "p384")]
pub mod p384;
#[cfg(feature = "x25519")]
pub mod x25519;

use self::{
    aead::{Aead, Nonce, Tag},
    p256::{Public, Secret},
};
use crate::{Error, tls::Random};

/// The operations that can be replaced one by one: override a method, and the engine uses it.
///
/// An error that a method returns ends the handshake or the connection with it. None may block
/// longer than the software would take. Signing with the device's key is not here but in
/// [`Credentials`](crate::tls::Credentials): only that may take its time.
// Sync, because webpki wants that of what verifies for it.
pub trait Crypto: Sync {
    /// Makes an ephemeral P-256 key pair. The 32 secret bytes are only ever given back to
    /// [`p256_ecdh`](Self::p256_ecdh), once, so they may name a key in hardware.
    fn p256_keygen(&self, random: &mut dyn Random) -> Result<(Secret, Public), Error> {
        p256::keygen(random)
    }

    /// The x coordinate shared with a peer; [`Error::TlsProtocol`] if its point is not on the
    /// curve.
    fn p256_ecdh(&self, secret: &Secret, peer: &Public) -> Result<Secret, Error> {
        p256::ecdh(secret, peer)
    }

    /// Makes an ephemeral X25519 key pair; the secret is used as with P-256.
    #[cfg(feature = "x25519")]
    fn x25519_keygen(&self, random: &mut dyn Random) -> Result<(Secret, [u8; 32]), Error> {
        x25519::keygen(random)
    }

    /// The secret shared with a peer; [`Error::TlsProtocol`] if it is all zeros.
    #[cfg(feature = "x25519")]
    fn x25519_agree(&self, secret: &Secret, peer: &[u8; 32]) -> Result<Secret, Error> {
        x25519::agree(secret, peer)
    }

    /// Whether `signature` (r, then s) is one of `digest` by the holder of the key. An error counts as
    /// `false`.
    fn p256_verify(
        &self,
        public: &Public,
        digest: &[u8; 32],
        signature: &[u8; 64],
    ) -> Result<bool, Error> {
        Ok(p256::verify(public, digest, signature))
    }

    /// Encrypts in place. `key` is as long as the algorithm wants it; no nonce comes twice with
    /// the same key.
    fn seal(
        &self,
        aead: Aead,
        key: &[u8],
        nonce: &Nonce,
        additional: &[u8],
        in_out: &mut [u8],
    ) -> Result<Tag, Error> {
        aead::seal(aead, key, nonce, additional, in_out)
    }

    /// Decrypts in place. `false`, and then nobody looks at the bytes, if the tag is wrong.
    fn open(
        &self,
        aead: Aead,
        key: &[u8],
        nonce: &Nonce,
        additional: &[u8],
        in_out: &mut [u8],
        tag: &Tag,
    ) -> Result<bool, Error> {
        aead::open(aead, key, nonce, additional, in_out, tag)
    }
}

/// All in software.
#[derive(Debug, Clone, Copy, Default)]
pub struct Software;

impl Crypto for Software {}

#[cfg(test)]
mod tests;
