//! The little DER that is needed outside webpki: to split lists of certificates, to look at one,
//! and to read keys.

use rustls_pki_types::alg_id;

/// What precedes the 65 bytes of the point in the SubjectPublicKeyInfo of a P-256 key.
const P256_KEY_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Tag of a SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// Tag of an INTEGER.
const INTEGER: u8 = 0x02;
/// Tag of a BIT STRING.
const BIT_STRING: u8 = 0x03;
/// Tag of a BOOLEAN.
const BOOLEAN: u8 = 0x01;
/// Tag of an OCTET STRING.
const OCTET_STRING: u8 = 0x04;
/// Tag of an OBJECT IDENTIFIER.
const OID: u8 = 0x06;
/// Tag of a UTCTime.
const UTC_TIME: u8 = 0x17;
/// Tag of a GeneralizedTime.
const GENERALIZED_TIME: u8 = 0x18;
/// Tag of the explicit extensions of a certificate.
const EXTENSIONS: u8 = 0xa3;
/// Tag of the explicit parameters of a SEC1 key.
const PARAMETERS: u8 = 0xa0;
/// Tag of the explicit version of a certificate.
const VERSION: u8 = 0xa0;

/// One element: tag, contents, and both together.
struct Element<'a> {
    tag: u8,
    contents: &'a [u8],
    whole: &'a [u8],
}

/// Splits the first element off `input`.
fn split(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    // Tags above 30 take several bytes; nothing here uses them.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Three length bytes are enough for anything that TLS can carry.
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
            // DER: the shortest form only.
            let shortest = match bytes.len() {
                1 => length > 0x7f,
                2 => length > 0xff,
                _ => length > 0xffff,
            };
            if !shortest {
                return None;
            }
            (length, rest)
        }
        _ => return None,
    };
    let (contents, after) = rest.split_at_checked(length)?;
    let whole = input.get(..input.len().checked_sub(after.len())?)?;
    let element = Element {
        tag,
        contents,
        whole,
    };
    Some((element, after))
}

/// Splits the first element off `input` if it has this tag.
#[inline(never)]
fn expect(input: &[u8], tag: u8) -> Option<(Element<'_>, &[u8])> {
    split(input).filter(|(element, _)| element.tag == tag)
}

/// The SEQUENCE at the start of `list` and what follows it.
pub(super) fn split_sequence(list: &[u8]) -> Option<(&[u8], &[u8])> {
    expect(list, SEQUENCE).map(|(element, rest)| (element.whole, rest))
}

/// Whether `input` is one or more SEQUENCEs and nothing else.
pub(super) fn is_sequences(input: &[u8]) -> bool {
    let mut rest = input;
    while let Some((_, after)) = split_sequence(rest) {
        if after.is_empty() {
            return true;
        }
        rest = after;
    }
    false
}

/// Those parts of an X.509 certificate that are of use here.
pub(super) struct Certificate<'a> {
    /// The contents of `validity`.
    validity: &'a [u8],
    /// The whole `subjectPublicKeyInfo`.
    pub(super) key_info: &'a [u8],
    /// What follows it.
    rest: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Checks the structure on the way to these parts, not their contents.
    pub(super) fn from_der(certificate: &'a [u8]) -> Option<Self> {
        let (certificate, rest) = expect(certificate, SEQUENCE)?;
        if !rest.is_empty() {
            return None;
        }
        let (tbs, rest) = expect(certificate.contents, SEQUENCE)?;
        let (_, rest) = expect(rest, SEQUENCE)?; // signatureAlgorithm
        let (_, rest) = expect(rest, BIT_STRING)?; // signature
        if !rest.is_empty() {
            return None;
        }
        // The version is absent in version 1 certificates.
        let rest = match expect(tbs.contents, VERSION) {
            Some((_, rest)) => rest,
            None => tbs.contents,
        };
        let (_, rest) = expect(rest, INTEGER)?; // serialNumber
        let (_, rest) = expect(rest, SEQUENCE)?; // signature
        let (_, rest) = expect(rest, SEQUENCE)?; // issuer
        let (validity, rest) = expect(rest, SEQUENCE)?;
        let (_, rest) = expect(rest, SEQUENCE)?; // subject
        let (key, rest) = expect(rest, SEQUENCE)?;
        Some(Self {
            validity: validity.contents,
            key_info: key.whole,
            rest,
        })
    }

    /// The first and the last second at which it is valid, since 1970; 0 stands for all before.
    pub(super) fn validity(&self) -> Option<(u64, u64)> {
        let (not_before, rest) = split(self.validity)?;
        let (not_after, rest) = split(rest)?;
        let times = (time(&not_before)?, time(&not_after)?);
        rest.is_empty().then_some(times)
    }

    /// Whether its key may make signatures (RFC 5280 4.2.1.3), as TLS demands of both sides (RFC
    /// 8446 4.4.2.2); one that says nothing of it may. `None` if what it says cannot be read.
    pub(super) fn may_sign(&self) -> Option<bool> {
        const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
        const DIGITAL_SIGNATURE: u8 = 0x80;
        match self.extension(KEY_USAGE)? {
            Some(usage) => Some(first_bits(usage)? & DIGITAL_SIGNATURE != 0),
            None => Some(true),
        }
    }

    /// The value of an extension with an OID of these contents; `Some(None)` if there is none,
    /// `None` if what there is cannot be read.
    pub(super) fn extension(&self, id: &[u8]) -> Option<Option<&'a [u8]>> {
        let mut rest = self.rest;
        while !rest.is_empty() {
            let (part, after) = split(rest)?;
            rest = after;
            if part.tag != EXTENSIONS {
                continue;
            }
            let (list, _) = expect(part.contents, SEQUENCE)?;
            let mut extensions = list.contents;
            while !extensions.is_empty() {
                let (extension, after) = expect(extensions, SEQUENCE)?;
                extensions = after;
                let (oid, value) = expect(extension.contents, OID)?;
                let value = match expect(value, BOOLEAN) {
                    Some((_, value)) => value,
                    None => value,
                };
                let (value, _) = expect(value, OCTET_STRING)?;
                if oid.contents == id {
                    return Some(Some(value.contents));
                }
            }
        }
        Some(None)
    }
}

/// Whether a list of OIDs, such as an extended key usage, has one of these.
pub(super) fn lists_oid(list: &[u8], wanted: &[&[u8]]) -> Option<bool> {
    let (list, _) = expect(list, SEQUENCE)?;
    let mut rest = list.contents;
    while !rest.is_empty() {
        let (oid, after) = expect(rest, OID)?;
        if wanted.contains(&oid.contents) {
            return Some(true);
        }
        rest = after;
    }
    Some(false)
}

/// The first byte of a BIT STRING, which holds its bits from 0 to 7, the first one highest.
fn first_bits(value: &[u8]) -> Option<u8> {
    let (bits, _) = expect(value, BIT_STRING)?;
    bits.contents.get(1).copied()
}

/// The seconds from 1970 to a UTCTime or GeneralizedTime as X.509 has it; 0 for those before.
fn time(element: &Element<'_>) -> Option<u64> {
    let digits = element.contents.strip_suffix(b"Z")?;
    let (year, rest) = match element.tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2000 } else { 1900 } + year, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let mut parts = [0; 5];
    if rest.len() != 2 * parts.len() {
        return None;
    }
    for (part, digits) in parts.iter_mut().zip(rest.chunks(2)) {
        *part = number(digits)?;
    }
    let [
        month @ 1..=12,
        day @ 1..=31,
        hour @ 0..=23,
        minute @ 0..=59,
        second @ 0..=59,
    ] = parts
    else {
        return None;
    };
    // Years that begin in March end with the leap day.
    let shifted = if month < 3 {
        year.checked_sub(1)?
    } else {
        year
    };
    let month = (month + 9) % 12;
    let days =
        365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * month + 2) / 5 + day;
    // 1970-01-01 is day 719469 in that count.
    let Some(days) = days.checked_sub(719_469) else {
        return Some(0);
    };
    Some(u64::from(days) * 86_400 + u64::from((hour * 60 + minute) * 60 + second))
}

/// A decimal number of a few digits.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })
}

/// The point of a SubjectPublicKeyInfo of a P-256 key.
pub(super) fn p256_point(info: &[u8]) -> Option<&[u8; 65]> {
    info.strip_prefix(&P256_KEY_INFO)?.try_into().ok()
}

/// The key of a SubjectPublicKeyInfo whose algorithm is `algorithm`, the contents of an
/// AlgorithmIdentifier.
pub(super) fn key_of<'a>(info: &'a [u8], algorithm: &[u8]) -> Option<&'a [u8]> {
    let (info, rest) = expect(info, SEQUENCE)?;
    let (identifier, key) = expect(info.contents, SEQUENCE)?;
    let (key, after) = expect(key, BIT_STRING)?;
    let exact = rest.is_empty() && after.is_empty() && identifier.contents == algorithm;
    // All bits of the last byte are used.
    key.contents.strip_prefix(&[0]).filter(|_| exact)
}

/// The two positive numbers in a SEQUENCE, big-endian without leading zeros.
#[cfg(feature = "rsa")]
pub(super) fn two_positive_integers(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (list, rest) = expect(input, SEQUENCE)?;
    let (first, after) = positive_integer(list.contents)?;
    let (second, after) = positive_integer(after)?;
    (rest.is_empty() && after.is_empty()).then_some((first, second))
}

/// The numbers of a private key.
pub(super) enum PrivateKey<'a> {
    /// Of P-256, 32 bytes.
    P256(&'a [u8; 32]),
    /// Those of an `RSAPrivateKey` after its version.
    Rsa([&'a [u8]; 8]),
    /// A key of another kind.
    Unsupported,
}

impl<'a> PrivateKey<'a> {
    /// A key from SEC1 (RFC 5915), PKCS#1 (RFC 8017) or PKCS#8 (RFC 5208 and 5958).
    pub(super) fn from_der(key: &'a [u8]) -> Option<Self> {
        let (key, rest) = expect(key, SEQUENCE)?;
        let (version, parts) = expect(key.contents, INTEGER)?;
        if !rest.is_empty() {
            return None;
        }
        let (second, rest) = split(parts)?;
        match (version.contents, second.tag) {
            ([0], INTEGER) => Self::from_pkcs1(parts),
            ([1], OCTET_STRING) => Self::from_sec1(second.contents, rest),
            ([0 | 1], SEQUENCE) => {
                let (inner, _) = expect(rest, OCTET_STRING)?;
                Self::from_pkcs8(second.contents, inner.contents)
            }
            _ => None,
        }
    }

    fn from_pkcs8(algorithm: &[u8], key: &'a [u8]) -> Option<Self> {
        let is_p256 = algorithm == alg_id::ECDSA_P256.as_ref();
        if !is_p256 && algorithm != alg_id::RSA_ENCRYPTION.as_ref() {
            return Some(Self::Unsupported);
        }
        let (key, rest) = expect(key, SEQUENCE)?;
        let (version, parts) = expect(key.contents, INTEGER)?;
        if !rest.is_empty() {
            return None;
        }
        match version.contents {
            [1] if is_p256 => {
                let (secret, rest) = expect(parts, OCTET_STRING)?;
                Self::from_sec1(secret.contents, rest)
            }
            [0] if !is_p256 => Self::from_pkcs1(parts),
            _ => None,
        }
    }

    /// The secret of an `ECPrivateKey`, and what follows it.
    fn from_sec1(secret: &'a [u8], rest: &[u8]) -> Option<Self> {
        if let Some((curve, _)) = expect(rest, PARAMETERS) {
            let (curve, _) = expect(curve.contents, OID)?;
            if !alg_id::ECDSA_P256.as_ref().ends_with(curve.whole) {
                return Some(Self::Unsupported);
            }
        }
        // Without the name of the curve the length must do.
        Some(match secret.try_into() {
            Ok(secret) => Self::P256(secret),
            Err(_) => Self::Unsupported,
        })
    }

    fn from_pkcs1(mut parts: &'a [u8]) -> Option<Self> {
        let mut numbers = [[].as_slice(); 8];
        for number in &mut numbers {
            (*number, parts) = positive_integer(parts)?;
        }
        parts.is_empty().then_some(Self::Rsa(numbers))
    }
}

/// The positive number at the start of `input` and what follows it.
fn positive_integer(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (integer, rest) = expect(input, INTEGER)?;
    let number = match integer.contents {
        // A leading zero only if it keeps the number from being negative.
        [0, number @ ..] if *number.first()? >= 0x80 => number,
        number @ [1..=0x7f, ..] => number,
        _ => return None,
    };
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_only_when_whole() {
        let two = [0x30, 1, 0xff, 0x30, 0];
        assert_eq!(
            split_sequence(&two),
            Some((&[0x30, 1, 0xff][..], &[0x30, 0][..]))
        );
        assert!(is_sequences(&two));
        assert!(!is_sequences(&two[..4]));
        assert!(!is_sequences(&[]));
        assert!(!is_sequences(&[0x30, 0, 0]));
    }

    #[test]
    #[cfg(feature = "rsa")]
    fn integers_are_strict() {
        let good = [0x30, 7, 2, 2, 0, 0x80, 2, 1, 0x7f];
        assert_eq!(
            two_positive_integers(&good),
            Some((&[0x80][..], &[0x7f][..]))
        );
        for end in 0..good.len() {
            assert_eq!(two_positive_integers(&good[..end]), None);
        }
        for bad in [
            &[0x30, 7, 2, 2, 0, 0x7f, 2, 1, 0x7f][..], // a leading zero without need
            &[0x30, 6, 2, 1, 0x80, 2, 1, 0x7f],        // negative
            &[0x30, 6, 2, 1, 0, 2, 1, 0x7f],           // zero
            &[0x30, 5, 2, 0, 2, 1, 0x7f],              // no number
            &[0x30, 6, 2, 1, 1, 4, 1, 0x7f],           // no integer
            &[0x31, 6, 2, 1, 1, 2, 1, 0x7f],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1],
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 0],
        ] {
            assert_eq!(two_positive_integers(bad), None, "{bad:x?}");
        }
    }

    #[test]
    fn times_are_seconds_since_1970() {
        let at = |tag, contents: &[u8]| {
            time(&Element {
                tag,
                contents,
                whole: &[],
            })
        };
        for (text, expected) in [
            ("700101000000Z", 0),
            ("700101000001Z", 1),
            ("500101000000Z", 0),
            ("691231235959Z", 0),
            ("000229120000Z", 951_825_600),
            ("000301000000Z", 951_868_800),
            ("260101000000Z", 1_767_225_600),
            ("491231235959Z", 2_524_607_999),
        ] {
            assert_eq!(at(UTC_TIME, text.as_bytes()), Some(expected), "{text}");
        }
        for (text, expected) in [
            ("20500101000000Z", 2_524_608_000),
            ("21000228235959Z", 4_107_542_399),
            ("21000301000000Z", 4_107_542_400),
            ("99991231235959Z", 253_402_300_799),
        ] {
            assert_eq!(
                at(GENERALIZED_TIME, text.as_bytes()),
                Some(expected),
                "{text}"
            );
        }
        for text in [
            "",
            "Z",
            "260101000000",
            "2601010000Z",
            "261301000000Z",
            "260132000000Z",
            "260101240000Z",
            "260101006000Z",
            "260101000060Z",
            "2601010000-1Z",
            "260001000000Z",
            "260100000000Z",
            "20260101000000Z",
        ] {
            assert_eq!(at(UTC_TIME, text.as_bytes()), None, "{text}");
        }
        assert_eq!(at(GENERALIZED_TIME, b"00000101000000Z"), None);
        assert_eq!(at(GENERALIZED_TIME, b"20260101000000.5Z"), None);
        assert_eq!(at(INTEGER, b"260101000000Z"), None);
    }

    #[test]
    fn keys_are_found_by_algorithm() {
        let info = [0x30, 9, 0x30, 2, 5, 0, 3, 3, 0, 7, 8];
        assert_eq!(key_of(&info, &[5, 0]), Some(&[7, 8][..]));
        assert_eq!(key_of(&info, &[5]), None);
        assert_eq!(key_of(&info[..10], &[5, 0]), None);
        assert_eq!(
            key_of(&[0x30, 9, 0x30, 2, 5, 0, 3, 3, 1, 7, 8], &[5, 0]),
            None
        );
        assert_eq!(
            key_of(&[0x30, 9, 0x30, 2, 5, 0, 3, 2, 0, 7, 8], &[5, 0]),
            None
        );
    }

    #[test]
    fn lengths_are_strict() {
        let mut long = [0_u8; 3 + 0x80];
        long[..3].copy_from_slice(&[0x30, 0x81, 0x80]);
        assert!(is_sequences(&long));
        assert!(!is_sequences(&long[..long.len() - 1]));
        for bad in [
            &[0x30, 0x80, 0, 0][..],
            &[0x30, 0x81, 1, 0],
            &[0x30, 0x82, 0, 1, 0],
            &[0x30, 0x84, 0, 0, 0, 1, 0],
            &[0x3f, 1, 0],
        ] {
            assert!(!is_sequences(bad), "{bad:x?}");
        }
    }
}
