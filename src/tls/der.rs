//! The little DER that is needed outside webpki: to split lists of certificates, to find a public
//! key, and for private keys.

/// What precedes the 65 bytes of the point in the SubjectPublicKeyInfo of a P-256 key.
const P256_KEY_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// id-ecPublicKey, then the curve: the contents of the AlgorithmIdentifier in there.
const P256_ALGORITHM: &[u8] = P256_KEY_INFO.split_at(4).1.split_at(19).0;
/// The curve alone.
const P256_CURVE: &[u8] = P256_ALGORITHM.split_at(9).1;

/// Tag of a SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// Tag of an INTEGER.
const INTEGER: u8 = 0x02;
/// Tag of a BIT STRING.
const BIT_STRING: u8 = 0x03;
/// Tag of an OCTET STRING.
const OCTET_STRING: u8 = 0x04;
/// Tags of explicit elements 0 and 1, and of an implicit 1 that is a string.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
const IMPLICIT_1: u8 = 0x81;

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

/// The SubjectPublicKeyInfo of an X.509 certificate. Checks the structure on the way there, not
/// the contents.
pub(super) fn public_key_info(certificate: &[u8]) -> Option<&[u8]> {
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
    let (_, rest) = optional(tbs.contents, CONTEXT_0);
    let (_, rest) = expect(rest, INTEGER)?; // serialNumber
    let (_, rest) = expect(rest, SEQUENCE)?; // signature
    let (_, rest) = expect(rest, SEQUENCE)?; // issuer
    let (_, rest) = expect(rest, SEQUENCE)?; // validity
    let (_, rest) = expect(rest, SEQUENCE)?; // subject
    let (key, _) = expect(rest, SEQUENCE)?;
    Some(key.whole)
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

/// The number in a P-256 private key as SEC1 (RFC 5915) or PKCS#8 (RFC 5958) has it, big-endian. A
/// public key beside it is not looked at.
pub(super) fn p256_private_key(der: &[u8]) -> Option<&[u8]> {
    sec1_private_key(der).or_else(|| sec1_private_key(pkcs8_private_key(der)?))
}

/// The number in an ECPrivateKey, unless it is for another curve than P-256.
fn sec1_private_key(der: &[u8]) -> Option<&[u8]> {
    let (info, after) = expect(der, SEQUENCE)?;
    let (version, rest) = expect(info.contents, INTEGER)?;
    let (key, rest) = expect(rest, OCTET_STRING)?;
    let (parameters, rest) = optional(rest, CONTEXT_0);
    let (_, rest) = optional(rest, CONTEXT_1);
    let good = version.contents == [1]
        && parameters.is_none_or(|curve| curve == P256_CURVE)
        && rest.is_empty()
        && after.is_empty();
    good.then_some(key.contents)
}

/// The ECPrivateKey in a PrivateKeyInfo.
fn pkcs8_private_key(der: &[u8]) -> Option<&[u8]> {
    let (info, after) = expect(der, SEQUENCE)?;
    let (version, rest) = expect(info.contents, INTEGER)?;
    let (algorithm, rest) = expect(rest, SEQUENCE)?;
    let (key, rest) = expect(rest, OCTET_STRING)?;
    // Attributes; and the public key, since version 1.
    let (_, rest) = optional(rest, CONTEXT_0);
    let (_, rest) = optional(rest, IMPLICIT_1);
    let good = matches!(version.contents, [0 | 1])
        && algorithm.contents == P256_ALGORITHM
        && rest.is_empty()
        && after.is_empty();
    good.then_some(key.contents)
}

/// The contents of the first element of `input` and what follows, if it has this tag.
fn optional(input: &[u8], tag: u8) -> (Option<&[u8]>, &[u8]) {
    match expect(input, tag) {
        Some((element, rest)) => (Some(element.contents), rest),
        None => (None, input),
    }
}

/// The two positive numbers in a SEQUENCE, big-endian without leading zeros.
pub(super) fn two_positive_integers(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (list, rest) = expect(input, SEQUENCE)?;
    let (first, after) = positive_integer(list.contents)?;
    let (second, after) = positive_integer(after)?;
    (rest.is_empty() && after.is_empty()).then_some((first, second))
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
    fn private_keys_are_for_p256_and_whole() {
        // Version, key, curve, public key.
        let mut sec1 = vec![0x30, 24, 2, 1, 1, 4, 2, 7, 8, 0xa0, 10];
        sec1.extend(P256_CURVE);
        sec1.extend([0xa1, 3, 3, 1, 0]);
        assert_eq!(p256_private_key(&sec1), Some(&[7, 8][..]));
        for end in 0..sec1.len() {
            assert_eq!(p256_private_key(&sec1[..end]), None);
        }
        // Another curve, another version, what does not belong there.
        for (index, byte) in [(20, 6), (4, 2), (21, 0xa2), (9, 0xa1)] {
            let mut bad = sec1.clone();
            bad[index] = byte;
            assert_eq!(p256_private_key(&bad), None, "{index}");
        }
        let shortest = [0x30, 6, 2, 1, 1, 4, 1, 9];
        assert_eq!(p256_private_key(&shortest), Some(&[9][..]));

        let mut pkcs8 = vec![0x30, 34, 2, 1, 0, 0x30, 19];
        pkcs8.extend(P256_ALGORITHM);
        pkcs8.extend([4, 8]);
        pkcs8.extend(shortest);
        assert_eq!(p256_private_key(&pkcs8), Some(&[9][..]));
        for end in 0..pkcs8.len() {
            assert_eq!(p256_private_key(&pkcs8[..end]), None);
        }
        let mut other = pkcs8.clone();
        other[15] ^= 1;
        assert_eq!(p256_private_key(&other), None);
        // With attributes and public key.
        pkcs8[1] += 5;
        pkcs8.extend([0xa0, 0, 0x81, 1, 0]);
        assert_eq!(p256_private_key(&pkcs8), Some(&[9][..]));
        pkcs8.push(0);
        assert_eq!(p256_private_key(&pkcs8), None);
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
