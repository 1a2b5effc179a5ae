//! Authenticated encryption in place: AES-GCM and, by feature, ChaCha20-Poly1305.

use aes_gcm::{AeadInPlace, Aes128Gcm, KeyInit, aead::generic_array::GenericArray};

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
        Aead::Aes128Gcm => seal_with::<Aes128Gcm>(key, nonce, additional, in_out),
        #[cfg(feature = "aes256")]
        Aead::Aes256Gcm => seal_with::<aes_gcm::Aes256Gcm>(key, nonce, additional, in_out),
        #[cfg(feature = "chacha20")]
        Aead::ChaCha20Poly1305 => {
            seal_with::<chacha20poly1305::ChaCha20Poly1305>(key, nonce, additional, in_out)
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
        Aead::Aes128Gcm => open_with::<Aes128Gcm>(key, nonce, additional, in_out, tag),
        #[cfg(feature = "aes256")]
        Aead::Aes256Gcm => open_with::<aes_gcm::Aes256Gcm>(key, nonce, additional, in_out, tag),
        #[cfg(feature = "chacha20")]
        Aead::ChaCha20Poly1305 => {
            open_with::<chacha20poly1305::ChaCha20Poly1305>(key, nonce, additional, in_out, tag)
        }
    }
}

fn seal_with<A: AeadInPlace + KeyInit>(
    key: &[u8],
    nonce: &Nonce,
    additional: &[u8],
    in_out: &mut [u8],
) -> Result<Tag, Error> {
    let cipher = A::new_from_slice(key).map_err(|_| Error::Argument)?;
    let tag = cipher
        .encrypt_in_place_detached(exactly(nonce)?, additional, in_out)
        .map_err(|_| Error::Argument)?;
    tag.as_slice().try_into().map_err(|_| Error::Argument)
}

fn open_with<A: AeadInPlace + KeyInit>(
    key: &[u8],
    nonce: &Nonce,
    additional: &[u8],
    in_out: &mut [u8],
    tag: &Tag,
) -> Result<bool, Error> {
    let cipher = A::new_from_slice(key).map_err(|_| Error::Argument)?;
    let opened =
        cipher.decrypt_in_place_detached(exactly(nonce)?, additional, in_out, exactly(tag)?);
    Ok(opened.is_ok())
}

/// A slice as the array of the length that an algorithm has; they all have the lengths above.
fn exactly<N: aes_gcm::aead::generic_array::ArrayLength<u8>>(
    bytes: &[u8],
) -> Result<&GenericArray<u8, N>, Error> {
    if bytes.len() == N::to_usize() {
        Ok(GenericArray::from_slice(bytes))
    } else {
        Err(Error::Argument)
    }
}
