//! The key schedule (RFC 8446, 7.1): from shared secrets and the transcript to traffic secrets.

use super::alert::Fatal;
use crate::{
    Error,
    tls::crypto::hash::{self, Digest, Hash, Hasher},
};

/// Where the schedule stands: at the early, the handshake or the master secret.
pub struct Schedule {
    hash: Hash,
    secret: Digest,
}

impl Schedule {
    /// The early secret: from a pre-shared key, or from none.
    pub fn early(hash: Hash, psk: Option<&[u8]>) -> Self {
        let zero = Digest::zero(hash);
        let secret = hash::hkdf_extract(
            hash,
            zero.as_slice(),
            psk.unwrap_or_else(|| zero.as_slice()),
        );
        Self { hash, secret }
    }

    /// The next secret. What goes in is what two parties share, or zeros if there is nothing more.
    pub fn step(&mut self, shared: Option<&[u8]>) -> Result<(), Error> {
        let nothing = hash::digest(self.hash, &[]);
        let salt = self.derive(b"derived", &nothing)?;
        let zero = Digest::zero(self.hash);
        self.secret = hash::hkdf_extract(
            self.hash,
            salt.as_slice(),
            shared.unwrap_or_else(|| zero.as_slice()),
        );
        Ok(())
    }

    /// Derive-Secret with the hash of a transcript.
    pub fn derive(&self, label: &[u8], transcript: &Digest) -> Result<Digest, Error> {
        derive(self.hash, &self.secret, label, transcript.as_slice())
    }
}

/// HKDF-Expand-Label as long as a digest.
pub fn derive(hash: Hash, secret: &Digest, label: &[u8], context: &[u8]) -> Result<Digest, Error> {
    let mut out = Digest::zero(hash);
    expand_label(hash, secret, label, context, out.as_mut_slice())?;
    Ok(out)
}

/// HKDF-Expand-Label.
pub fn expand_label(
    hash: Hash,
    secret: &Digest,
    label: &[u8],
    context: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    const PREFIX: &[u8] = b"tls13 ";
    let out_length = u16::try_from(out.len()).map_err(|_| Error::Argument)?;
    let label_length =
        u8::try_from(PREFIX.len().saturating_add(label.len())).map_err(|_| Error::Argument)?;
    let context_length = u8::try_from(context.len()).map_err(|_| Error::Argument)?;
    hash::hkdf_expand(
        hash,
        secret.as_slice(),
        &[
            &out_length.to_be_bytes(),
            &[label_length],
            PREFIX,
            label,
            &[context_length],
            context,
        ],
        out,
    )
}

/// What a Finished message (or a binder) says: an HMAC of the transcript.
pub fn verify_data(hash: Hash, secret: &Digest, transcript: &Digest) -> Result<Digest, Error> {
    let key = derive(hash, secret, b"finished", &[])?;
    Ok(hash::hmac(hash, key.as_slice(), &[transcript.as_slice()]))
}

/// The hash of all handshake messages. Until the server has chosen a suite, of every kind that it
/// may choose.
pub struct Transcript {
    main: Hasher,
    #[cfg(feature = "aes256")]
    other: Option<Hasher>,
}

impl Transcript {
    pub fn new() -> Self {
        Self {
            main: Hasher::new(Hash::Sha256),
            #[cfg(feature = "aes256")]
            other: Some(Hasher::new(Hash::Sha384)),
        }
    }

    pub fn update(&mut self, message: &[u8]) {
        self.main.update(message);
        #[cfg(feature = "aes256")]
        if let Some(other) = &mut self.other {
            other.update(message);
        }
    }

    /// From here on only the hash of the chosen suite counts.
    pub fn choose(&mut self, hash: Hash) -> Result<(), Fatal> {
        #[cfg(feature = "aes256")]
        if let Some(other) = self.other.take()
            && other.hash() == hash
        {
            self.main = other;
        }
        if self.main.hash() == hash {
            Ok(())
        } else {
            // It was chosen before, in a HelloRetryRequest, which the caller has compared.
            Err(Error::Tls.into())
        }
    }

    /// A HelloRetryRequest was received: the first ClientHello, which is all that was said, is
    /// replaced by its hash (RFC 8446, 4.4.1).
    pub fn retry(&mut self) {
        let digest = self.main.digest();
        let bytes = digest.as_slice();
        let mut hasher = Hasher::new(self.main.hash());
        hasher.update(&[254, 0, 0, u8::try_from(bytes.len()).unwrap_or(0)]);
        hasher.update(bytes);
        self.main = hasher;
    }

    pub fn digest(&self) -> Digest {
        self.main.digest()
    }

    /// The digest by this hash as if this were added; `None` if it was not chosen.
    pub fn digest_with(&self, hash: Hash, bytes: &[u8]) -> Option<Digest> {
        let mut hasher = self.hasher(hash)?.clone();
        hasher.update(bytes);
        Some(hasher.digest())
    }

    fn hasher(&self, hash: Hash) -> Option<&Hasher> {
        #[cfg(feature = "aes256")]
        if let Some(other) = &self.other
            && other.hash() == hash
        {
            return Some(other);
        }
        Some(&self.main).filter(|hasher| hasher.hash() == hash)
    }
}
