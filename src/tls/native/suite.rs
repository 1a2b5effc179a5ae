//! The cipher suites and the key exchange groups that are offered, and their numbers.

use crate::tls::crypto::{aead::Aead, hash::Hash};

/// A cipher suite (RFC 8446, B.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    Aes128GcmSha256,
    #[cfg(feature = "aes256")]
    Aes256GcmSha384,
    #[cfg(feature = "chacha20")]
    ChaCha20Poly1305Sha256,
}

impl Suite {
    /// All of this build, the preferred one first.
    pub(super) const ALL: &[Self] = &[
        Self::Aes128GcmSha256,
        #[cfg(feature = "aes256")]
        Self::Aes256GcmSha384,
        #[cfg(feature = "chacha20")]
        Self::ChaCha20Poly1305Sha256,
    ];

    pub const fn code(self) -> u16 {
        match self {
            Self::Aes128GcmSha256 => 0x1301,
            #[cfg(feature = "aes256")]
            Self::Aes256GcmSha384 => 0x1302,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20Poly1305Sha256 => 0x1303,
        }
    }

    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.code() == code)
    }

    pub const fn hash(self) -> Hash {
        match self {
            #[cfg(feature = "aes256")]
            Self::Aes256GcmSha384 => Hash::Sha384,
            _ => Hash::Sha256,
        }
    }

    pub const fn aead(self) -> Aead {
        match self {
            Self::Aes128GcmSha256 => Aead::Aes128Gcm,
            #[cfg(feature = "aes256")]
            Self::Aes256GcmSha384 => Aead::Aes256Gcm,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20Poly1305Sha256 => Aead::ChaCha20Poly1305,
        }
    }
}

/// A key exchange group (RFC 8446, 4.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    #[cfg(feature = "x25519")]
    X25519,
    Secp256r1,
}

impl Group {
    /// All of this build, the one first for which a key share is sent at once.
    pub(super) const ALL: &[Self] = &[
        #[cfg(feature = "x25519")]
        Self::X25519,
        Self::Secp256r1,
    ];

    /// The group of the key share in the first ClientHello.
    pub(super) const FIRST: Self = Self::ALL[0];

    pub const fn code(self) -> u16 {
        match self {
            #[cfg(feature = "x25519")]
            Self::X25519 => 29,
            Self::Secp256r1 => 23,
        }
    }

    /// The bytes of a public key.
    pub const fn public_len(self) -> usize {
        match self {
            #[cfg(feature = "x25519")]
            Self::X25519 => 32,
            Self::Secp256r1 => 65,
        }
    }

    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|group| group.code() == code)
    }
}
