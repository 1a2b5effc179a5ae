//! SHA-2 of a growing transcript, HMAC and HKDF.

use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
#[cfg(feature = "aes256")]
use sha2::Sha384;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Error;

/// The longest digest of any hash in this build.
pub const MAX_DIGEST: usize = if cfg!(feature = "aes256") { 48 } else { 32 };

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    #[cfg(feature = "aes256")]
    Sha384,
}

impl Hash {
    /// The bytes of a digest.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            #[cfg(feature = "aes256")]
            Self::Sha384 => 48,
        }
    }
}

/// A digest or a secret of the same length; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Digest {
    bytes: [u8; MAX_DIGEST],
    len: usize,
}

impl Digest {
    /// As many zeros as the hash has bytes.
    pub fn zero(hash: Hash) -> Self {
        Self {
            bytes: [0; MAX_DIGEST],
            len: hash.digest_len(),
        }
    }

    /// A digest with these bytes; `None` if there are more than any has.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut digest = Self {
            bytes: [0; MAX_DIGEST],
            len: bytes.len(),
        };
        digest.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(digest)
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The same, to be written to.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len).unwrap_or_default()
    }
}

/// The hash of bytes that come one after the other.
#[derive(Clone)]
pub enum Hasher {
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-384.
    #[cfg(feature = "aes256")]
    Sha384(Sha384),
}

impl Hasher {
    /// The hash of nothing yet.
    pub fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256(Sha256::new()),
            #[cfg(feature = "aes256")]
            Hash::Sha384 => Self::Sha384(Sha384::new()),
        }
    }

    /// Which hash it is.
    pub fn hash(&self) -> Hash {
        match self {
            Self::Sha256(_) => Hash::Sha256,
            #[cfg(feature = "aes256")]
            Self::Sha384(_) => Hash::Sha384,
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            #[cfg(feature = "aes256")]
            Self::Sha384(hasher) => hasher.update(bytes),
        }
    }

    /// The hash of all bytes so far.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::zero(self.hash());
        let out = digest.as_mut_slice();
        match self {
            Self::Sha256(hasher) => out.copy_from_slice(&hasher.clone().finalize()),
            #[cfg(feature = "aes256")]
            Self::Sha384(hasher) => out.copy_from_slice(&hasher.clone().finalize()),
        }
        digest
    }
}

/// The hash of some bytes.
pub fn digest(hash: Hash, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(hash);
    hasher.update(bytes);
    hasher.digest()
}

/// HMAC (RFC 2104).
pub fn hmac(hash: Hash, key: &[u8], bytes: &[u8]) -> Result<Digest, Error> {
    let mut digest = Digest::zero(hash);
    let out = digest.as_mut_slice();
    // No length of key is refused.
    match hash {
        Hash::Sha256 => {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::Argument)?;
            mac.update(bytes);
            out.copy_from_slice(&mac.finalize().into_bytes());
        }
        #[cfg(feature = "aes256")]
        Hash::Sha384 => {
            let mut mac = Hmac::<Sha384>::new_from_slice(key).map_err(|_| Error::Argument)?;
            mac.update(bytes);
            out.copy_from_slice(&mac.finalize().into_bytes());
        }
    }
    Ok(digest)
}

/// HKDF-Extract (RFC 5869).
pub fn hkdf_extract(hash: Hash, salt: &[u8], secret: &[u8]) -> Result<Digest, Error> {
    hmac(hash, salt, secret)
}

/// HKDF-Expand (RFC 5869); `info` is the concatenation of its parts. [`Error::Argument`] if more is
/// asked for than 255 digests, or the key is shorter than one.
pub fn hkdf_expand(hash: Hash, key: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    match hash {
        Hash::Sha256 => Hkdf::<Sha256>::from_prk(key)
            .map_err(|_| Error::Argument)?
            .expand_multi_info(info, out)
            .map_err(|_| Error::Argument),
        #[cfg(feature = "aes256")]
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(key)
            .map_err(|_| Error::Argument)?
            .expand_multi_info(info, out)
            .map_err(|_| Error::Argument),
    }
}
