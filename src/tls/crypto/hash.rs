//! SHA-2 of a growing transcript, HMAC and HKDF.

#[cfg(feature = "aes256")]
use sha2::Sha384;
use sha2::{
    Sha256, Sha512VarCore,
    digest::{FixedOutput as _, Update as _, VariableOutput as _, core_api::RtVariableCoreWrapper},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Error, bytes::copy};

/// The longest digest of any hash in this build.
pub const MAX_DIGEST: usize = if cfg!(feature = "aes256") { 48 } else { 32 };

/// The longest block of any hash in this build.
const MAX_BLOCK: usize = if cfg!(feature = "aes256") { 128 } else { 64 };

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

    /// The bytes that it takes at a time.
    const fn block_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            #[cfg(feature = "aes256")]
            Self::Sha384 => 128,
        }
    }
}

/// A digest or a secret of the same length; wiped when dropped.
#[derive(Clone)]
pub struct Digest {
    bytes: [u8; MAX_DIGEST],
    len: usize,
}

impl Drop for Digest {
    // At the end of many functions.
    #[inline(never)]
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
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
    #[inline(never)]
    pub fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256(Sha256::default()),
            #[cfg(feature = "aes256")]
            Hash::Sha384 => Self::Sha384(Sha384::default()),
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
    #[inline(never)]
    pub fn digest(&self) -> Digest {
        self.clone().finish()
    }

    /// The hash of all bytes.
    #[inline(never)]
    fn finish(self) -> Digest {
        let mut digest = Digest::zero(self.hash());
        let out = digest.as_mut_slice();
        match self {
            Self::Sha256(hasher) => out.copy_from_slice(&hasher.finalize_fixed()),
            #[cfg(feature = "aes256")]
            Self::Sha384(hasher) => out.copy_from_slice(&hasher.finalize_fixed()),
        }
        digest
    }
}

/// The hash of some bytes.
pub fn digest(hash: Hash, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(hash);
    hasher.update(bytes);
    hasher.finish()
}

/// SHA-256 of some bytes.
#[inline(never)]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    copy(digest(Hash::Sha256, bytes).as_slice(), &mut out);
    out
}

/// SHA-384 or SHA-512 of these parts, as long as `out`; `None` if neither is. Certificates may be
/// signed with them in every build.
pub fn long_digest(parts: &[&[u8]], out: &mut [u8]) -> Option<()> {
    let length = match out.len() {
        length @ (48 | 64) => length,
        _ => return None,
    };
    let mut hasher = RtVariableCoreWrapper::<Sha512VarCore>::new(length).ok()?;
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize_variable(out).ok()
}

/// HMAC (RFC 2104) of bytes that come one after the other.
struct Hmac {
    inner: Hasher,
    outer: Hasher,
}

impl Hmac {
    fn new(hash: Hash, key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; MAX_BLOCK]);
        let block = block.get_mut(..hash.block_len()).unwrap_or_default();
        let digest = (key.len() > block.len()).then(|| digest(hash, key));
        let key = digest.as_ref().map_or(key, Digest::as_slice);
        copy(key, block);
        let mut padded = |pad| {
            let mut hasher = Hasher::new(hash);
            block.iter_mut().for_each(|byte| *byte ^= pad);
            hasher.update(block);
            hasher
        };
        Self {
            inner: padded(0x36),
            // Takes the pad before away.
            outer: padded(0x36 ^ 0x5c),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    fn finish(mut self) -> Digest {
        self.outer.update(self.inner.finish().as_slice());
        self.outer.finish()
    }
}

/// HMAC (RFC 2104) of these parts, one after the other.
pub fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Digest {
    let mut mac = Hmac::new(hash, key);
    for part in parts {
        mac.update(part);
    }
    mac.finish()
}

/// HKDF-Extract (RFC 5869).
pub fn hkdf_extract(hash: Hash, salt: &[u8], secret: &[u8]) -> Digest {
    hmac(hash, salt, &[secret])
}

/// HKDF-Expand (RFC 5869); `info` is the concatenation of its parts. [`Error::Argument`] if more is
/// asked for than 255 digests, or the key is shorter than one.
pub fn hkdf_expand(hash: Hash, key: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    let length = hash.digest_len();
    if key.len() < length || out.len().div_ceil(length) > 255 {
        return Err(Error::Argument);
    }
    let mut before = None;
    for (place, number) in out.chunks_mut(length).zip(1..=u8::MAX) {
        let mut mac = Hmac::new(hash, key);
        mac.update(before.as_ref().map_or(&[], Digest::as_slice));
        for part in info {
            mac.update(part);
        }
        mac.update(&[number]);
        let digest = mac.finish();
        copy(digest.as_slice(), place);
        before = Some(digest);
    }
    Ok(())
}
