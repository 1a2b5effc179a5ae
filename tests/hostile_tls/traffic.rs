//! The server's side of the key schedule and of record protection, for TLS_AES_128_GCM_SHA256.

use aes_gcm::{Aes128Gcm, aead::AeadInPlace as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::server::APPLICATION_DATA;

/// Key, IV and record number of one direction.
pub struct Traffic {
    pub secret: [u8; 32],
    cipher: Aes128Gcm,
    iv: [u8; 12],
    number: u64,
}

impl Traffic {
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            cipher: aes_gcm::KeyInit::new(&expand::<16>(&secret, "key", &[]).into()),
            iv: expand(&secret, "iv", &[]),
            number: 0,
        }
    }

    /// The keys after a KeyUpdate.
    pub fn next(&self) -> Self {
        Self::new(expand(&self.secret, "traffic upd", &[]))
    }

    fn nonce(&mut self) -> [u8; 12] {
        let mut nonce = self.iv;
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

/// HKDF-Expand-Label.
pub fn expand<const N: usize>(secret: &[u8; 32], label: &str, context: &[u8]) -> [u8; N] {
    let mut info = (N as u16).to_be_bytes().to_vec();
    info.push(6 + label.len() as u8);
    info.extend(b"tls13 ");
    info.extend(label.as_bytes());
    info.push(context.len() as u8);
    info.extend(context);
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(secret)
        .unwrap()
        .expand(&info, &mut out)
        .unwrap();
    out
}

/// HKDF-Extract.
pub fn extract(salt: &[u8], input: &[u8]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(salt), input).0.into()
}

/// The verify_data of a Finished.
pub fn finished(secret: &[u8; 32], hash: &[u8]) -> Vec<u8> {
    let key: [u8; 32] = expand(secret, "finished", &[]);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(hash);
    mac.finalize().into_bytes().to_vec()
}
