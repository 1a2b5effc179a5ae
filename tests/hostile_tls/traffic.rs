//! The server's side of the key schedule and of record protection.

use aes_gcm::{
    Aes128Gcm, Aes256Gcm, KeyInit as _,
    aead::{
        AeadInPlace,
        consts::{U0, U12, U16},
    },
};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256, Sha384};

use crate::server::APPLICATION_DATA;

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    Aes128 = 0x1301,
    Aes256 = 0x1302,
    ChaCha20 = 0x1303,
}

/// Evaluates an expression with the hash of a suite.
macro_rules! with_hash {
    ($suite:expr, $hash:ident => $body:expr) => {
        match $suite {
            Suite::Aes256 => {
                type $hash = Sha384;
                $body
            }
            Suite::Aes128 | Suite::ChaCha20 => {
                type $hash = Sha256;
                $body
            }
        }
    };
}

impl Suite {
    pub fn hash(self, bytes: &[u8]) -> Vec<u8> {
        with_hash!(self, H => H::digest(bytes).to_vec())
    }

    /// As many zeros as the hash has bytes.
    pub fn zeros(self) -> Vec<u8> {
        vec![0; self.hash(&[]).len()]
    }

    /// HKDF-Extract.
    pub fn extract(self, salt: &[u8], input: &[u8]) -> Vec<u8> {
        with_hash!(self, H => Hkdf::<H>::extract(Some(salt), input).0.to_vec())
    }

    /// HKDF-Expand-Label.
    fn expand(self, secret: &[u8], label: &str, context: &[u8], length: usize) -> Vec<u8> {
        let mut info = (length as u16).to_be_bytes().to_vec();
        info.push(6 + label.len() as u8);
        info.extend(b"tls13 ");
        info.extend(label.as_bytes());
        info.push(context.len() as u8);
        info.extend(context);
        let mut out = vec![0; length];
        with_hash!(self, H => Hkdf::<H>::from_prk(secret).unwrap().expand(&info, &mut out).unwrap());
        out
    }

    /// The same, as long as the hash.
    pub fn derive(self, secret: &[u8], label: &str, context: &[u8]) -> Vec<u8> {
        self.expand(secret, label, context, self.zeros().len())
    }

    /// The secret that follows in the key schedule: what goes in is shared by both sides.
    pub fn next_secret(self, secret: &[u8], shared: &[u8]) -> Vec<u8> {
        let salt = self.derive(secret, "derived", &self.hash(&[]));
        self.extract(&salt, shared)
    }

    /// The verify_data of a Finished, or a binder.
    pub fn finished(self, secret: &[u8], hash: &[u8]) -> Vec<u8> {
        let key = self.derive(secret, "finished", &[]);
        with_hash!(self, H => {
            let mut mac = <Hmac<H> as hmac::Mac>::new_from_slice(&key).unwrap();
            mac.update(hash);
            mac.finalize().into_bytes().to_vec()
        })
    }
}

type Cipher = Box<dyn AeadInPlace<NonceSize = U12, TagSize = U16, CiphertextOverhead = U0>>;

/// Key, IV and record number of one direction.
pub struct Traffic {
    suite: Suite,
    pub secret: Vec<u8>,
    cipher: Cipher,
    iv: Vec<u8>,
    number: u64,
}

impl Traffic {
    pub fn new(suite: Suite, secret: Vec<u8>) -> Self {
        let key = |length| suite.expand(&secret, "key", &[], length);
        let cipher: Cipher = match suite {
            Suite::Aes128 => Box::new(Aes128Gcm::new_from_slice(&key(16)).unwrap()),
            Suite::Aes256 => Box::new(Aes256Gcm::new_from_slice(&key(32)).unwrap()),
            Suite::ChaCha20 => Box::new(ChaCha20Poly1305::new_from_slice(&key(32)).unwrap()),
        };
        Self {
            suite,
            cipher,
            iv: suite.expand(&secret, "iv", &[], 12),
            secret,
            number: 0,
        }
    }

    /// The keys after a KeyUpdate.
    pub fn next(&self) -> Self {
        let secret = self.suite.derive(&self.secret, "traffic upd", &[]);
        Self::new(self.suite, secret)
    }

    fn nonce(&mut self) -> [u8; 12] {
        let mut nonce: [u8; 12] = self.iv[..].try_into().unwrap();
        for (byte, number) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        self.number += 1;
        nonce
    }

    /// A record of this inner plaintext.
    pub fn seal(&mut self, mut inner: Vec<u8>) -> Vec<u8> {
        let mut record = vec![APPLICATION_DATA, 3, 3];
        record.extend(((inner.len() + 16) as u16).to_be_bytes());
        let nonce = self.nonce();
        self.cipher
            .encrypt_in_place(&nonce.into(), &record, &mut inner)
            .unwrap();
        record.extend(inner);
        record
    }

    /// Type and contents of a record.
    pub fn open(&mut self, record: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (header, payload) = record.split_at(5);
        let mut inner = payload.to_vec();
        let nonce = self.nonce();
        self.cipher
            .decrypt_in_place(&nonce.into(), header, &mut inner)
            .ok()?;
        let end = inner.iter().rposition(|&byte| byte != 0)?;
        let kind = inner[end];
        inner.truncate(end);
        Some((kind, inner))
    }
}
