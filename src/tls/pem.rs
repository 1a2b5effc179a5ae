//! PEM (RFC 7468) as it is found in the field: several blocks, text around them, a NUL at the end,
//! any line ending and any line length.

/// Starts every block.
const BEGIN: &[u8] = b"-----BEGIN ";
/// Ends every block, before the label.
const END: &[u8] = b"-----END ";
/// Ends a boundary line.
const DASHES: &[u8] = b"-----";

/// One block, not yet decoded.
pub(super) struct Block<'a> {
    label: &'a [u8],
    /// The Base64, with its line ends, without its padding.
    body: &'a [u8],
    /// The size of the contents.
    length: usize,
}

impl<'a> Block<'a> {
    /// Reads a block from behind its [`BEGIN`] on; returns what follows it, too.
    fn read(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (label, text) = split(text, DASHES)?;
        let (body, text) = split(text, END)?;
        let (end_label, rest) = split(text, DASHES)?;
        let framed = |body: &[u8]| {
            let mut ends = [body.first(), body.last()].into_iter();
            ends.all(|end| end.is_some_and(|&byte| is_line_end(byte)))
        };
        if label != end_label || label.iter().any(u8::is_ascii_control) || !framed(body) {
            return None;
        }
        let last = body.iter().rposition(|&byte| !is_line_end(byte))?;
        let padded = body.get(..=last)?;
        let body = padded.strip_suffix(b"=").unwrap_or(padded);
        let body = body.strip_suffix(b"=").unwrap_or(body);
        let padding = padded.len().saturating_sub(body.len());
        let digits = digits(body).count();
        if digits == 0 || digits.saturating_add(padding) % 4 != 0 {
            return None;
        }
        let length = digits.saturating_sub(digits.div_ceil(4));
        let block = Self {
            label,
            body,
            length,
        };
        Some((block, rest))
    }

    /// What the block says it is, such as `CERTIFICATE`.
    pub(super) fn label(&self) -> &'a [u8] {
        self.label
    }

    /// The size of the contents.
    pub(super) fn decoded_len(&self) -> usize {
        self.length
    }

    /// Decodes into the start of `storage`; returns the contents and the rest of the storage.
    ///
    /// In constant time, because keys pass through it: nothing depends on the value of a digit until
    /// all of them were looked at.
    pub(super) fn decode(self, storage: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
        let (contents, rest) = storage.split_at_mut_checked(self.length)?;
        let mut places = contents.iter_mut();
        // The bits that have not made a byte yet, and everything that is wrong.
        let (mut bits, mut count, mut wrong) = (0_u32, 0_u32, 0);
        for digit in digits(self.body) {
            let value = value(digit);
            wrong |= value & !63;
            bits = bits << 6 | value & 63;
            count = count.wrapping_add(6);
            if count >= 8 {
                count = count.wrapping_sub(8);
                *places.next()? = (bits >> count) as u8;
                bits &= !(u32::MAX << count);
            }
        }
        // What is left over must be zero: there is only one way to write each byte.
        (wrong | bits == 0).then_some((contents, rest))
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Base64 without its line ends.
fn digits(body: &[u8]) -> impl Iterator<Item = u8> {
    body.iter().copied().filter(|&byte| !is_line_end(byte))
}

/// The value of a Base64 digit; more than 63 if it is none. Without branches, and without tables.
fn value(digit: u8) -> u32 {
    let digit = u32::from(digit);
    // All ones if the digit is one of these, or else zero: both differences are negative then.
    let within = |first: u8, last: u8| {
        let (below, above) = (
            u32::from(first).wrapping_sub(1),
            u32::from(last).wrapping_add(1),
        );
        let both = below.wrapping_sub(digit) & digit.wrapping_sub(above);
        (both >> 31).wrapping_neg()
    };
    // One more than the value, so that what is no digit gives 0 here and the largest number at last.
    let more = within(b'A', b'Z') & digit.wrapping_sub(64)
        | within(b'a', b'z') & digit.wrapping_sub(70)
        | within(b'0', b'9') & digit.wrapping_add(5)
        | within(b'+', b'+') & 63
        | within(b'/', b'/') & 64;
    more.wrapping_sub(1)
}

/// The blocks of a PEM text in their order; a malformed one is `Err`, and the last.
pub(super) struct Blocks<'a> {
    text: &'a [u8],
}

impl<'a> Blocks<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, text) = split(self.text, BEGIN)?;
        let block = Block::read(text);
        self.text = block.as_ref().map_or(&[], |(_, rest)| rest);
        Some(block.map(|(block, _)| block).ok_or(()))
    }
}

/// What is before and behind the first `mark` in a text.
fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(mark.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(text: &str) -> Vec<Result<(String, Vec<u8>), ()>> {
        Blocks::new(text.as_bytes())
            .map(|block| {
                let block = block?;
                let mut storage = vec![0; block.decoded_len()];
                let label = String::from_utf8(block.label().to_vec()).unwrap();
                block.decode(&mut storage).ok_or(())?;
                Ok((label, storage))
            })
            .collect()
    }

    #[test]
    fn blocks_are_found_whatever_surrounds_them() {
        let block = "-----BEGIN X-----\nAAEC\nAwQF\nBg==\n-----END X-----";
        let expected = Ok(("X".to_string(), vec![0, 1, 2, 3, 4, 5, 6]));
        for line_end in ["\n", "\r\n", "\r"] {
            let found = contents(&block.replace('\n', line_end));
            assert_eq!(found, std::slice::from_ref(&expected));
        }
        assert_eq!(
            contents(&format!("subject\0\n{block}\nissuer {block}\n\0")),
            [expected.clone(), expected]
        );
        assert_eq!(contents("no block"), []);
    }

    #[test]
    fn a_malformed_block_is_told() {
        for text in [
            "-----BEGIN X-----",
            "-----BEGIN X-----\nAAEC\n",
            "-----BEGIN X-----\nAA!C\n-----END X-----",
            "-----BEGIN X-----\nAAEC\n-----END Y-----",
            "-----BEGIN X-----\n-----END X-----",
            "-----BEGIN X-----\nAAECA\n-----END X-----",
            "-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nAAEC\n-----END X-----",
            "-----BEGIN X-----AAEC\n-----END X-----",
            "-----BEGIN X-----\nAAEC-----END X-----",
            "-----BEGIN X\nY-----\nAAEC\n-----END X\nY-----",
            "-----BEGIN X-----\nAA=C\n-----END X-----",
            "-----BEGIN X-----\nA===\n-----END X-----",
            "-----BEGIN X-----\nAAEC=\n-----END X-----",
            "-----BEGIN X-----\nAAEC====\n-----END X-----",
            "-----BEGIN X-----\nAA E\n-----END X-----",
            "-----BEGIN X-----\nAAEC \n-----END X-----",
            // The last bits belong to no byte.
            "-----BEGIN X-----\nAB==\n-----END X-----",
            "-----BEGIN X-----\nAAF=\n-----END X-----",
        ] {
            assert_eq!(contents(text), [Err(())], "{text}");
        }
    }

    #[test]
    fn every_digit_has_its_value() {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for byte in 0..=u8::MAX {
            match DIGITS.iter().position(|&digit| digit == byte) {
                Some(expected) => assert_eq!(value(byte) as usize, expected),
                None => assert!(value(byte) > 63, "{byte}"),
            }
        }
    }

    #[test]
    fn what_others_wrote_comes_back() {
        let bytes = (0..300_u32).map(|i| (i * i * 7 + i / 3) as u8);
        let bytes = bytes.collect::<Vec<_>>();
        for length in 1..bytes.len() {
            let written = &bytes[..length];
            let text = pem_rfc7468::encode_string("X Y", pem_rfc7468::LineEnding::CRLF, written);
            let expected = Ok(("X Y".to_string(), written.to_vec()));
            assert_eq!(contents(&text.unwrap()), [expected]);
        }
    }
}
