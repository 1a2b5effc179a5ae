//! Checks the ServerHello, which the engine takes as it comes.

use crate::Error;

/// The Random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
/// `supported_versions` with TLS 1.3.
const VERSION: (u16, &[u8]) = (43, &[0x03, 0x04]);
/// `key_share`.
const KEY_SHARE: u16 = 51;
/// The start of a key share on secp256r1: group, length, uncompressed point.
const P256_SHARE: [u8; 5] = [0x00, 0x17, 0x00, 0x41, 0x04];

/// Takes bytes off the front.
fn take<'m>(message: &mut &'m [u8], length: usize) -> Option<&'m [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn take_u16(message: &mut &[u8]) -> Option<u16> {
    let bytes = take(message, 2)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

/// Whether `record` (its payload) is exactly one ServerHello that answers our ClientHello: the
/// version, suite and group that were offered, our (empty) session id, nothing that was not asked
/// for.
pub(super) fn check(record: &[u8]) -> Result<(), Error> {
    let (random, rest) = start(record).ok_or(Error::TlsProtocol)?;
    if random == HELLO_RETRY_REQUEST {
        // Legal, but there is no other group to offer.
        return Err(Error::Tls);
    }
    body(rest).ok_or(Error::TlsProtocol)
}

/// The Random and what follows it.
fn start(mut record: &[u8]) -> Option<(&[u8], &[u8])> {
    let record = &mut record;
    let [2, length @ ..] = take(record, 4)? else {
        return None;
    };
    let length = length
        .iter()
        .fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
    if length != record.len() || take(record, 2)? != [0x03, 0x03] {
        return None;
    }
    Some((take(record, 32)?, record))
}

fn body(mut rest: &[u8]) -> Option<()> {
    let rest = &mut rest;
    // Session id (echo of ours), suite, compression.
    if take(rest, 4)? != [0x00, 0x13, 0x01, 0x00] || usize::from(take_u16(rest)?) != rest.len() {
        return None;
    }
    let (mut version, mut share) = (false, false);
    while !rest.is_empty() {
        let kind = take_u16(rest)?;
        let length = take_u16(rest)?;
        let data = take(rest, usize::from(length))?;
        if !version && (kind, data) == VERSION {
            version = true;
        } else if !share && kind == KEY_SHARE && data.len() == 69 && data.starts_with(&P256_SHARE) {
            share = true;
        } else {
            return None;
        }
    }
    (version && share).then_some(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A ServerHello as it should be.
    pub fn good() -> Vec<u8> {
        let mut hello = vec![2, 0, 0, 119, 3, 3];
        hello.extend([7; 32]);
        hello.extend([0, 0x13, 0x01, 0, 0, 79, 0, 43, 0, 2, 3, 4, 0, 51, 0, 69]);
        hello.extend(P256_SHARE);
        hello.extend([9; 64]);
        hello
    }

    #[test]
    fn only_an_answer_to_our_offer_passes() {
        let good = good();
        assert_eq!(check(&good), Ok(()));
        // Whatever byte is changed outside the Random and the point, it is refused.
        for at in (0..6).chain(38..good.len() - 64) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(check(&bad), Err(Error::TlsProtocol), "byte {at}");
        }
        for end in 0..good.len() {
            assert_eq!(check(&good[..end]), Err(Error::TlsProtocol));
        }
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(check(&longer), Err(Error::TlsProtocol));
    }

    #[test]
    fn a_retry_request_is_named() {
        let mut retry = good();
        retry[6..38].copy_from_slice(&HELLO_RETRY_REQUEST);
        assert_eq!(check(&retry), Err(Error::Tls));
    }
}
