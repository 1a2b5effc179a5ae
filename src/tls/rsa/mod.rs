//! RSA (RFC 8017) with keys of 2048 to 4096 bits: verifying PKCS#1 v1.5 and PSS, signing PSS.
//!
//! When verifying, nothing is parsed that was signed: what must stand in the block is known to the
//! last bit, apart from PSS's salt. What is done with a private key takes the same steps whatever
//! its numbers are; see [`power`].
//!
//! Verifying takes under 3 KB of stack, signing under 8 KB, whatever the key.

mod power;
mod private;
#[cfg(test)]
mod tests;

use core::fmt::{self, Debug, Formatter};

use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

use self::power::{MAX_BYTES, power};
use super::{
    crypto::hash::{self, Hasher},
    der,
};
use crate::bytes::copy;

pub(super) use self::private::PrivateKey;

/// The fewest bits of a modulus.
const MIN_BITS: usize = 2048;
/// The largest exponent. Real certificates have 65537, a few 3; the time that one takes grows with
/// its bits.
const MAX_EXPONENT: u64 = (1 << 33) - 1;

/// The RSA algorithms that may sign the server's certificates.
pub(super) static PKCS1_SHA256: Algorithm =
    Algorithm::new(pkcs1, &SHA256, alg_id::RSA_PKCS1_SHA256);
pub(super) static PKCS1_SHA384: Algorithm =
    Algorithm::new(pkcs1, &SHA384, alg_id::RSA_PKCS1_SHA384);
pub(super) static PKCS1_SHA512: Algorithm =
    Algorithm::new(pkcs1, &SHA512, alg_id::RSA_PKCS1_SHA512);
/// The same, and the proof of the server.
pub(super) static PSS_SHA256: Algorithm = Algorithm::new(pss, &SHA256, alg_id::RSA_PSS_SHA256);
pub(super) static PSS_SHA384: Algorithm = Algorithm::new(pss, &SHA384, alg_id::RSA_PSS_SHA384);
pub(super) static PSS_SHA512: Algorithm = Algorithm::new(pss, &SHA512, alg_id::RSA_PSS_SHA512);

/// Compares what was signed, as many bytes as the modulus has, with the hash of the message.
/// The last argument is how many bits the modulus has.
type Padding = fn(&Hash, &Digest, &mut [u8], usize) -> Option<()>;

/// An algorithm for webpki.
pub(in crate::tls) struct Algorithm {
    padding: Padding,
    hash: &'static Hash,
    id: AlgorithmIdentifier,
}

impl Algorithm {
    const fn new(padding: Padding, hash: &'static Hash, id: AlgorithmIdentifier) -> Self {
        Self { padding, hash, id }
    }

    /// Verifies a signature of `message`.
    pub(super) fn verify(
        &self,
        key: &PublicKey<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Option<()> {
        let mut block = [0; MAX_BYTES];
        let block = block.get_mut(..key.modulus.len())?;
        power(signature, key.exponent, key.modulus, block)?;
        let hash = self.hash.digest(&[message])?;
        (self.padding)(self.hash, &hash, block, bits(key.modulus))
    }
}

/// webpki wants one; nobody reads it.
impl Debug for Algorithm {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("RSA")
    }
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        PublicKey::from_der(public_key)
            .and_then(|key| self.verify(&key, message, signature))
            .ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.id
    }
}

/// A public key whose size and exponent are acceptable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::tls) struct PublicKey<'k> {
    /// Big-endian, without leading zeros; odd.
    modulus: &'k [u8],
    /// Odd.
    exponent: u64,
}

impl<'k> PublicKey<'k> {
    /// A key from its DER, an `RSAPublicKey`.
    pub(super) fn from_der(key: &'k [u8]) -> Option<Self> {
        let (modulus, exponent) = der::two_positive_integers(key)?;
        Self::new(modulus, exponent)
    }

    /// The bytes of the modulus, and of a signature.
    pub(super) fn len(&self) -> usize {
        self.modulus.len()
    }

    /// A key from its numbers, big-endian without leading zeros.
    fn new(modulus: &'k [u8], exponent: &[u8]) -> Option<Self> {
        if exponent.len() > size_of::<u64>() {
            return None;
        }
        let exponent = exponent
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
        let acceptable = modulus.last()? & 1 == 1
            && (MIN_BITS..=MAX_BYTES * 8).contains(&bits(modulus))
            && exponent & 1 == 1
            && (3..=MAX_EXPONENT).contains(&exponent);
        acceptable.then_some(Self { modulus, exponent })
    }
}

/// Whether a public key, as DER, has too few bits to protect anything.
pub(super) fn is_weak(key: &[u8]) -> bool {
    der::two_positive_integers(key).is_some_and(|(modulus, _)| bits(modulus) < MIN_BITS)
}

/// How many bits a number without leading zero bytes has.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros());
    number
        .len()
        .saturating_mul(8)
        .saturating_sub(unused as usize)
}

/// The longest hash; of a shorter one the rest is not used.
type Digest = [u8; 64];

/// A hash function.
struct Hash {
    length: usize,
    /// The last number of its OID, 2.16.840.1.101.3.4.2.n.
    id: u8,
}

static SHA256: Hash = Hash { id: 1, length: 32 };
static SHA384: Hash = Hash { id: 2, length: 48 };
static SHA512: Hash = Hash { id: 3, length: 64 };

impl Hash {
    /// The hash of these parts, one after the other.
    fn digest(&self, parts: &[&[u8]]) -> Option<Digest> {
        let mut digest = [0; 64];
        let place = digest.get_mut(..self.length)?;
        if self.id == SHA256.id {
            let mut hasher = Hasher::new(hash::Hash::Sha256);
            for part in parts {
                hasher.update(part);
            }
            copy(hasher.digest().as_slice(), place);
        } else {
            hash::long_digest(parts, place)?;
        }
        Some(digest)
    }

    /// The `DigestInfo` up to the hash.
    fn digest_info(&self) -> [u8; 19] {
        let (n, length) = (self.id, self.length as u8);
        let rest = length.wrapping_add(17);
        [
            0x30, rest, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, n, 5, 0, 4, length,
        ]
    }
}

/// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2).
fn pkcs1(hash: &Hash, digest: &Digest, block: &mut [u8], _: usize) -> Option<()> {
    // Every byte of the block has its place, counted from the one end or the other, so this is a
    // comparison with 00 01 FF .. FF 00 DigestInfo of the same length, and there is only one.
    let padding = block
        .strip_suffix(digest.get(..hash.length)?)?
        .strip_suffix(&hash.digest_info())?
        .strip_suffix(&[0])?
        .strip_prefix(&[0, 1])?;
    padding.iter().all(|&byte| byte == 0xff).then_some(())
}

/// RSASSA-PSS (RFC 8017 section 8.1.2) with MGF1 of the same hash and a salt as long as the hash,
/// as TLS 1.3 demands. The steps are those of EMSA-PSS-VERIFY (section 9.1.2).
fn pss(hash: &Hash, digest: &Digest, block: &mut [u8], bits: usize) -> Option<()> {
    let (hash_len, salt_len) = (hash.length, hash.length);
    let em_bits = bits.checked_sub(1)?;
    let em_len = em_bits.div_ceil(8);
    // The encoded message is a byte shorter than a modulus of 8n + 1 bits.
    let (beyond, em) = block.split_at_mut_checked(block.len().checked_sub(em_len)?)?;
    if beyond.iter().any(|&byte| byte != 0) {
        return None;
    }
    // 3. There is room for all that must be in it.
    let zeros = em_len.checked_sub(hash_len.checked_add(salt_len)?.checked_add(2)?)?;
    // 4. and 5. maskedDB, H, 0xbc.
    let (&mut last, em) = em.split_last_mut()?;
    if last != 0xbc {
        return None;
    }
    let (db, h) = em.split_at_mut_checked(em.len().checked_sub(hash_len)?)?;
    // 6. The bits of the first byte that are not part of the message.
    let used = 0xff_u8 >> (em_len.checked_mul(8)?.checked_sub(em_bits)? & 7);
    if db.first()? & !used != 0 {
        return None;
    }
    // 7. and 8. Unmask.
    mask(hash, h, db)?;
    // 9.
    *db.first_mut()? &= used;
    // 10. and 11. Zeros, 0x01, salt.
    let (padding, salt) = db.split_at_checked(zeros.checked_add(1)?)?;
    let (&one, padding) = padding.split_last()?;
    if one != 1 || padding.iter().any(|&byte| byte != 0) || salt.len() != salt_len {
        return None;
    }
    // 12. to 14. The hash of both.
    let expected = hash.digest(&[&[0; 8], digest.get(..hash_len)?, salt])?;
    (expected.get(..hash_len)? == h).then_some(())
}

/// EMSA-PSS-ENCODE (RFC 8017 section 9.1.1), the reverse of the above, into all of `block`.
fn encode_pss(
    hash: &Hash,
    digest: &Digest,
    salt: &[u8],
    block: &mut [u8],
    bits: usize,
) -> Option<()> {
    let em_bits = bits.checked_sub(1)?;
    let em_len = em_bits.div_ceil(8);
    block.fill(0);
    let (_, em) = block.split_at_mut_checked(block.len().checked_sub(em_len)?)?;
    let (last, em) = em.split_last_mut()?;
    *last = 0xbc;
    let (db, h) = em.split_at_mut_checked(em.len().checked_sub(hash.length)?)?;
    let made = hash.digest(&[&[0; 8], digest.get(..hash.length)?, salt])?;
    h.copy_from_slice(made.get(..hash.length)?);
    let (padding, place) = db.split_at_mut_checked(db.len().checked_sub(salt.len())?)?;
    *padding.last_mut()? = 1;
    place.copy_from_slice(salt);
    mask(hash, h, db)?;
    *db.first_mut()? &= 0xff_u8 >> (em_len.checked_mul(8)?.checked_sub(em_bits)? & 7);
    Some(())
}

/// MGF1 (RFC 8017 section B.2.1): what is masked with it twice is as it was.
fn mask(hash: &Hash, seed: &[u8], bytes: &mut [u8]) -> Option<()> {
    for (counter, part) in (0_u32..).zip(bytes.chunks_mut(hash.length)) {
        let mask = hash.digest(&[seed, &counter.to_be_bytes()])?;
        for (byte, mask) in part.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
    Some(())
}
