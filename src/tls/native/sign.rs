//! Our Certificate and CertificateVerify (RFC 8446, 4.4.2 and 4.4.3).

use super::{
    codec::Writer,
    messages::{CERTIFICATE, CERTIFICATE_VERIFY},
};
use crate::{
    Error,
    bytes::copy,
    tls::{
        CertList, Credentials, MAX_SIGNATURE, Random,
        crypto::hash::{Digest, MAX_DIGEST},
    },
};

const PADDING: usize = 64;
const CONTEXT: &[u8; 34] = b"TLS 1.3, client CertificateVerify\0";

/// What our CertificateVerify signs.
struct Content {
    bytes: [u8; PADDING + CONTEXT.len() + MAX_DIGEST],
    length: usize,
}

impl Content {
    /// For a transcript up to our Certificate.
    fn new(transcript: &Digest) -> Self {
        let mut bytes = [0x20; PADDING + CONTEXT.len() + MAX_DIGEST];
        let (_, rest) = bytes.split_at_mut(PADDING);
        let mut writer = Writer::new(rest);
        writer.bytes(CONTEXT);
        writer.bytes(transcript.as_slice());
        // A digest always fits.
        let length = PADDING.saturating_add(writer.finish().unwrap_or(0));
        Self { bytes, length }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Copies to `out` what our Certificate message has from byte `from` on, with all certificates or
/// with none. Returns how much it copied, and the length of the message.
pub fn write_certificate(
    chain: CertList<'_>,
    shown: bool,
    from: usize,
    out: &mut [u8],
) -> (usize, usize) {
    let certificates = || chain.iter().filter(|_| shown);
    let list = certificates().fold(0_usize, |sum, der| {
        sum.saturating_add(der.len()).saturating_add(3 + 2)
    });
    let mut head = [0; 4 + 1 + 3];
    let mut writer = Writer::new(&mut head);
    writer.u8(CERTIFICATE);
    writer.u24(list.saturating_add(1 + 3));
    // A request in the handshake has no context.
    writer.u8(0);
    writer.u24(list);

    let mut window = Window {
        skip: from,
        out,
        copied: 0,
    };
    window.bytes(&head);
    for der in certificates() {
        let [.., a, b, c] = der.len().to_be_bytes();
        window.bytes(&[a, b, c]);
        window.bytes(der);
        // No extensions.
        window.bytes(&[0, 0]);
    }
    (window.copied, list.saturating_add(head.len()))
}

/// A part of a long message.
struct Window<'a> {
    skip: usize,
    out: &'a mut [u8],
    copied: usize,
}

impl Window<'_> {
    #[inline(never)]
    fn bytes(&mut self, bytes: &[u8]) {
        let wanted = bytes.get(self.skip..).unwrap_or_default();
        self.skip = self.skip.saturating_sub(bytes.len());
        let room = self.out.get_mut(self.copied..).unwrap_or_default();
        self.copied = self.copied.saturating_add(copy(wanted, room));
    }
}

/// The most bytes of a CertificateVerify with these credentials.
pub fn verify_size(credentials: &Credentials<'_>) -> usize {
    credentials.signature_len().saturating_add(4 + 2 + 2)
}

/// Writes our CertificateVerify. `false` if the signature is not there yet.
pub fn write_verify(
    credentials: &Credentials<'_>,
    scheme: u16,
    transcript: &Digest,
    random: &mut dyn Random,
    writer: &mut Writer<'_>,
) -> Result<bool, Error> {
    let mut signature = [0; MAX_SIGNATURE];
    let content = Content::new(transcript);
    let Some(length) = credentials.sign(scheme, content.as_slice(), random, &mut signature)? else {
        return Ok(false);
    };
    writer.u8(CERTIFICATE_VERIFY);
    writer.vector::<3>(|w| {
        w.u16(scheme);
        w.vector::<2>(|w| w.bytes(signature.get(..length).unwrap_or_default()));
    });
    Ok(true)
}
