//! Record protection (RFC 8446, 5): one direction's keys, sealing and opening in place.

use super::{
    alert::{Alert, Fatal},
    schedule::expand_label,
    suite::Suite,
};
use zeroize::Zeroize as _;

use crate::{
    Error,
    tls::crypto::{Crypto, aead::MAX_KEY, hash::Digest},
};

/// The header of a record.
pub(super) const HEADER: usize = 5;
/// The tag of every algorithm.
pub(super) const TAG: usize = 16;
/// What protection adds to the contents of a record: the type and the tag.
pub(super) const SEALING: usize = 1 + TAG;
/// The most contents of a record.
pub(super) const MAX_CONTENT: usize = 1 << 14;
/// The largest payload of a protected record.
pub(super) const MAX_SEALED: usize = MAX_CONTENT + 256;

/// The records under one key after which ours is changed. RFC 8446 5.5 allows 2^24.5 full records
/// with AES-GCM; ChaCha20-Poly1305 has no limit that can be reached, and is treated alike.
const MAX_RECORDS: u64 = 1 << 24;
/// So many records before that the change begins: it waits for room among what is to be sent.
const EARLY: u64 = 1 << 16;

/// Types of records.
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// The header of a record with so many bytes of payload.
pub fn header(kind: u8, length: usize) -> Option<[u8; HEADER]> {
    let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
    Some([kind, 3, 3, high, low])
}

/// The keys of one direction, and the number of its next record.
pub struct Keys {
    suite: Suite,
    secret: Digest,
    key: [u8; MAX_KEY],
    iv: [u8; 12],
    sequence: u64,
}

impl Keys {
    /// The keys that a traffic secret gives.
    pub fn new(suite: Suite, secret: Digest) -> Result<Self, Error> {
        let mut keys = Self {
            suite,
            secret,
            key: [0; MAX_KEY],
            iv: [0; 12],
            sequence: 0,
        };
        let length = suite.aead().key_len();
        let key = keys.key.get_mut(..length).unwrap_or_default();
        expand_label(suite.hash(), &keys.secret, b"key", &[], key)?;
        expand_label(suite.hash(), &keys.secret, b"iv", &[], &mut keys.iv)?;
        Ok(keys)
    }

    /// The traffic secret, which Finished is made with.
    pub fn secret(&self) -> &Digest {
        &self.secret
    }

    /// The keys after these (KeyUpdate).
    pub fn next(&self) -> Result<Self, Error> {
        let hash = self.suite.hash();
        let secret = super::schedule::derive(hash, &self.secret, b"traffic upd", &[])?;
        Self::new(self.suite, secret)
    }

    /// These have protected as many records as they soon may.
    pub fn are_worn(&self) -> bool {
        self.sequence >= MAX_RECORDS - EARLY
    }

    fn key(&self) -> &[u8] {
        self.key
            .get(..self.suite.aead().key_len())
            .unwrap_or_default()
    }

    /// The nonce of the next record. It counts as used from here on, whatever comes of the record.
    fn nonce(&mut self) -> Result<[u8; 12], Error> {
        let sequence = self.sequence.to_be_bytes();
        self.sequence = self.sequence.checked_add(1).ok_or(Error::Tls)?;
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().skip(4).zip(sequence) {
            *byte ^= number;
        }
        Ok(nonce)
    }

    /// Makes a record of its contents, which lie in `record` between the place for the header and
    /// [`SEALING`] bytes.
    pub fn seal(&mut self, crypto: &dyn Crypto, kind: u8, record: &mut [u8]) -> Result<(), Error> {
        if self.sequence >= MAX_RECORDS {
            return Err(Error::Tls);
        }
        let nonce = self.nonce()?;
        let (head, payload) = record.split_first_chunk_mut().ok_or(Error::Tls)?;
        *head = header(APPLICATION_DATA, payload.len()).ok_or(Error::Tls)?;
        let (inner, tag) = payload.split_last_chunk_mut().ok_or(Error::Tls)?;
        *inner.last_mut().ok_or(Error::Tls)? = kind;
        *tag = crypto.seal(self.suite.aead(), self.key(), &nonce, head, inner)?;
        Ok(())
    }

    /// Opens the payload of a record in place: the type and the number of bytes of its contents,
    /// which begin where the payload does.
    ///
    /// `limit` is the most that type and contents, with padding, may have.
    pub fn open(
        &mut self,
        crypto: &dyn Crypto,
        header: &[u8; HEADER],
        payload: &mut [u8],
    ) -> Result<(u8, usize), Fatal> {
        let nonce = self.nonce()?;
        let (inner, tag) = payload
            .split_last_chunk_mut::<TAG>()
            .ok_or(Alert::BadRecordMac)?;
        if !crypto.open(self.suite.aead(), self.key(), &nonce, header, inner, tag)? {
            return Err(Alert::BadRecordMac.into());
        }
        if inner.len() > MAX_CONTENT + 1 {
            return Err(Alert::RecordOverflow.into());
        }
        let end = inner
            .iter()
            .rposition(|&byte| byte != 0)
            .ok_or(Alert::UnexpectedMessage)?;
        let kind = inner.get(end).copied().unwrap_or(0);
        Ok((kind, end))
    }
}

impl Drop for Keys {
    #[inline(never)]
    fn drop(&mut self) {
        self.key.zeroize();
        self.iv.zeroize();
    }
}

#[cfg(test)]
impl Keys {
    /// As if so many records had been protected.
    pub fn set_sequence(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    pub fn key_and_iv(&self) -> (&[u8], &[u8; 12]) {
        (self.key(), &self.iv)
    }
}
