//! Authenticated encryption in place: AES-GCM and, by feature, ChaCha20-Poly1305.

use aes::Aes128;
#[cfg(feature = "aes256")]
use aes::Aes256;
#[cfg(feature = "chacha20")]
use chacha20poly1305::{AeadInPlace as _, ChaCha20Poly1305, KeyInit as _};

use super::gcm;
use crate::Error;

/// What makes each encryption under one key different.
pub type Nonce = [u8; 12];
/// What proves that nothing was changed.
pub type Tag = [u8; 16];

/// The longest key of any algorithm.
pub const MAX_KEY: usize = 32;

/// An algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aead {
    /// AES-GCM with a key of 128 bits.
    Aes128Gcm,
    /// AES-GCM with a key of 256 bits.
    #[cfg(feature = "aes256")]
    Aes256Gcm,
    /// ChaCha20-Poly1305.
    #[cfg(feature = "chacha20")]
    ChaCha20Poly1305,
}

impl Aead {
    /// The bytes of a key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            #[cfg(feature = "aes256")]
            Self::Aes256Gcm => 32,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20Poly1305 => 32,
        }
    }
}

/// Encrypts in place; [`Error::Argument`] if the key is not as long as it must be.
pub fn seal(
    aead: Aead,
    key: &[u8],
    nonce: &Nonce,
    additional: &[u8],
    in_out: &mut [u8],
) -> Result<Tag, Error> {
    match aead {
        Aead::Aes128Gcm => gcm::seal::<Aes128>(key, nonce, additional, in_out),
        #[cfg(feature = "aes256")]
        Aead::Aes256Gcm => gcm::seal::<Aes256>(key, nonce, additional, in_out),
        #[cfg(feature = "chacha20")]
        Aead::ChaCha20Poly1305 => {
            let cipher = ChaCha20Poly1305::new_from_slice(key).map_err(|_| Error::Argument)?;
            cipher
                .encrypt_in_place_detached(nonce.into(), additional, in_out)
                .map(Into::into)
                .map_err(|_| Error::Argument)
        }
    }
}

/// Decrypts in place; `false` if the tag is wrong, [`Error::Argument`] if the key is not as long as
/// it must be.
pub fn open(
    aead: Aead,
    key: &[u8],
    nonce: &Nonce,
    additional: &[u8],
    in_out: &mut [u8],
    tag: &Tag,
) -> Result<bool, Error> {
    match aead {
        Aead::Aes128Gcm => gcm::open::<Aes128>(key, nonce, additional, in_out, tag),
        #[cfg(feature = "aes256")]
        Aead::Aes256Gcm => gcm::open::<Aes256>(key, nonce, additional, in_out, tag),
        #[cfg(feature = "chacha20")]
        Aead::ChaCha20Poly1305 => {
            let cipher = ChaCha20Poly1305::new_from_slice(key).map_err(|_| Error::Argument)?;
            let opened =
                cipher.decrypt_in_place_detached(nonce.into(), additional, in_out, tag.into());
            Ok(opened.is_ok())
        }
    }
}
