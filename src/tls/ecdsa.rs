//! ECDSA over P-256 with SHA-256, and by feature over P-384 with SHA-384: for webpki, and between the two ways to write a signature, DER
//! (in certificates and TLS) and r with s behind it (in the crypto seam).

use core::fmt::{self, Debug, Formatter};

use super::crypto::{Crypto, hash};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

/// The most bytes of a DER `ECDSA-Sig-Value` of two numbers of 32 bytes.
pub(super) const MAX_DER: usize = 2 + 2 * (2 + 33);

/// ECDSA with SHA-256 over P-256.
///
/// SHA-384 with a P-256 key is left out: no CA that AWS uses signs so.
pub(super) struct P256Sha256<'c>(pub(super) &'c dyn Crypto);

impl SignatureVerificationAlgorithm for P256Sha256<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        verify(self.0, public_key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

/// webpki wants one; nobody reads it.
impl Debug for P256Sha256<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("ECDSA")
    }
}

/// Verifies a DER signature of `message` by an uncompressed SEC1 point.
pub(super) fn verify(
    crypto: &dyn Crypto,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Option<()> {
    let public_key = public_key.try_into().ok()?;
    let signature = raw_from_der(signature)?;
    let digest = hash::sha256(message);
    let valid = crypto.p256_verify(public_key, &digest, &signature);
    valid.is_ok_and(|valid| valid).then_some(())
}

/// ECDSA with SHA-384 over P-384.
#[cfg(feature = "p384")]
#[derive(Debug)]
pub(super) struct P384Sha384;

#[cfg(feature = "p384")]
impl SignatureVerificationAlgorithm for P384Sha384 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        verify_p384(public_key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P384
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA384
    }
}

/// The same as [`verify`] with SHA-384 over P-384.
#[cfg(feature = "p384")]
pub(super) fn verify_p384(public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let public_key = public_key.try_into().ok()?;
    let signature = raw_from_der(signature)?;
    let mut digest = [0; 48];
    hash::long_digest(&[message], &mut digest)?;
    super::crypto::p384::verify(public_key, &digest, &signature).then_some(())
}

/// r, then s, of a DER `ECDSA-Sig-Value`; `None` unless it is exactly that, in DER.
pub(super) fn raw_from_der<const N: usize>(der: &[u8]) -> Option<[u8; N]> {
    let (&[0x30, length], numbers) = der.split_first_chunk::<2>()? else {
        return None;
    };
    // Two numbers of at most 49 bytes: the length is one byte.
    if usize::from(length) != numbers.len() {
        return None;
    }
    let mut raw = [0; N];
    let (r, s) = raw.split_at_mut(N / 2);
    let rest = number(numbers, r)?;
    number(rest, s)?.is_empty().then_some(raw)
}

/// Takes an INTEGER that is not negative off `der`, and writes it to all of `out`.
fn number<'d>(der: &'d [u8], out: &mut [u8]) -> Option<&'d [u8]> {
    let (&[2, length], rest) = der.split_first_chunk::<2>()? else {
        return None;
    };
    let (bytes, rest) = rest.split_at_checked(length.into())?;
    let digits = match bytes {
        [] => return None,
        [0, second, ..] if *second < 0x80 => return None,
        [0, digits @ ..] => digits,
        [first, ..] if *first >= 0x80 => return None,
        digits => digits,
    };
    let start = out.len().checked_sub(digits.len())?;
    out.get_mut(start..)?.copy_from_slice(digits);
    Some(rest)
}

/// Writes r, then s, as a DER `ECDSA-Sig-Value` to the start of `out`; returns its length. `None` if
/// there is no room.
pub(super) fn der_from_raw(raw: &[u8; 64], out: &mut [u8]) -> Option<usize> {
    let (header, numbers) = out.split_first_chunk_mut::<2>()?;
    let (r, s) = raw.split_at(32);
    let first = write_number(r, numbers)?;
    let second = write_number(s, numbers.get_mut(first..)?)?;
    let length = first.checked_add(second)?;
    *header = [0x30, u8::try_from(length).ok()?];
    length.checked_add(header.len())
}

/// Writes a big-endian number as an INTEGER to the start of `out`; returns its length.
fn write_number(bytes: &[u8], out: &mut [u8]) -> Option<usize> {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let digits = bytes.get(zeros..)?;
    // A zero keeps a number from being negative, and zero from being nothing.
    let zero = digits.first().is_none_or(|&first| first >= 0x80);
    let length = digits.len().checked_add(usize::from(zero))?;
    let (header, rest) = out.split_first_chunk_mut::<2>()?;
    *header = [2, u8::try_from(length).ok()?];
    let (sign, rest) = rest.split_at_mut_checked(usize::from(zero))?;
    sign.fill(0);
    rest.get_mut(..digits.len())?.copy_from_slice(digits);
    length.checked_add(header.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_der_is_a_signature() {
        let mut good = vec![0x30, 9, 2, 2, 0, 0x80, 2, 3, 1, 2, 3];
        let raw = raw_from_der::<64>(&good).unwrap();
        assert_eq!(raw[31], 0x80);
        assert_eq!(raw[61..], [1, 2, 3]);
        for length in 0..good.len() {
            assert_eq!(raw_from_der::<64>(&good[..length]), None);
        }
        good.push(0);
        assert_eq!(raw_from_der::<64>(&good), None);
        for bad in [
            // A byte too many inside, one too many and too few in the length, a negative number, a
            // zero too many, none at all, no length.
            &[0x30, 10, 2, 2, 0, 0x80, 2, 3, 1, 2, 3, 0][..],
            &[0x30, 7, 2, 1, 1, 2, 1, 1],
            &[0x30, 5, 2, 1, 1, 2, 1, 1],
            &[0x30, 6, 2, 1, 0x80, 2, 1, 1],
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 1],
            &[0x30, 5, 2, 0, 2, 1, 1],
            &[0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 1],
        ] {
            assert_eq!(raw_from_der::<64>(bad), None, "{bad:x?}");
        }
        // 33 digits do not fit.
        let mut long = vec![0x30, 38, 2, 33, 1];
        long.extend([0; 32]);
        long.extend([2, 1, 1]);
        assert_eq!(raw_from_der::<64>(&long), None);
    }

    #[test]
    fn zero_is_a_number() {
        // Which no signature has, but that is for the verification to say.
        assert_eq!(raw_from_der(&[0x30, 6, 2, 1, 0, 2, 1, 0]), Some([0; 64]));
    }

    #[test]
    fn both_forms_say_the_same() {
        for (r, s) in [
            (&[0xff; 32][..], &[0x7f; 32][..]),
            (&[1], &[0x80]),
            (&[], &[1, 0]),
        ] {
            let mut raw = [0; 64];
            raw[32 - r.len()..32].copy_from_slice(r);
            raw[64 - s.len()..].copy_from_slice(s);
            let mut der = [0xee; MAX_DER];
            let length = der_from_raw(&raw, &mut der).unwrap();
            assert_eq!(raw_from_der(&der[..length]), Some(raw));
            assert_eq!(der_from_raw(&raw, &mut der[..length - 1]), None);
        }
    }
}
