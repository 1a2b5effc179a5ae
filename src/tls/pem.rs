//! PEM (RFC 7468) as it is found in the field: several blocks, text around them, a NUL at the end,
//! any line ending and any line length.

use pem_rfc7468::Decoder;

/// Starts every block.
const BEGIN: &[u8] = b"-----BEGIN ";
/// Ends every block, before the label.
const END: &[u8] = b"-----END ";
/// Ends a boundary line.
const DASHES: &[u8] = b"-----";

/// One block, not yet decoded.
pub(super) struct Block<'a> {
    decoder: Decoder<'a>,
}

impl<'a> Block<'a> {
    fn new(text: &'a [u8]) -> Option<Self> {
        // The decoder wants to know the length of the lines; the first one of the body tells.
        let mut lines = text.split(|&byte| byte == b'\n' || byte == b'\r');
        let _boundary = lines.next()?;
        let first = lines.find(|line| !line.is_empty())?;
        let decoder = Decoder::new_wrapped(text, first.len().max(4)).ok()?;
        Some(Self { decoder })
    }

    /// What the block says it is, such as `CERTIFICATE`.
    pub(super) fn label(&self) -> &'a str {
        self.decoder.type_label()
    }

    /// The size of the contents.
    pub(super) fn decoded_len(&self) -> usize {
        self.decoder.remaining_len()
    }

    /// Decodes into the start of `storage`; returns the contents and the rest of the storage.
    pub(super) fn decode(mut self, storage: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
        let (contents, rest) = storage.split_at_mut_checked(self.decoded_len())?;
        self.decoder.decode(contents).ok()?;
        self.decoder.is_finished().then_some((contents, rest))
    }
}

/// The blocks of a PEM text in their order; a malformed one is `Err`, and the last.
pub(super) struct Blocks<'a> {
    text: &'a [u8],
}

impl<'a> Blocks<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text }
    }

    /// Cuts the next block out of the text.
    fn cut(&mut self) -> Option<&'a [u8]> {
        let text = self.text;
        let end = find(text, END)?;
        let label = text.get(end..)?.get(END.len()..)?;
        let close = find(label, DASHES)?;
        let length = end
            .checked_add(END.len())?
            .checked_add(close)?
            .checked_add(DASHES.len())?;
        let (block, rest) = text.split_at_checked(length)?;
        self.text = rest;
        Some(block)
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = find(self.text, BEGIN)?;
        self.text = self.text.get(start..)?;
        let block = self.cut().and_then(Block::new).ok_or(());
        if block.is_err() {
            self.text = &[];
        }
        Some(block)
    }
}

/// Where `needle` starts in `haystack`.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(text: &str) -> Vec<Result<(String, Vec<u8>), ()>> {
        Blocks::new(text.as_bytes())
            .map(|block| {
                let block = block?;
                let mut storage = vec![0; block.decoded_len()];
                let label = block.label().to_string();
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
        ] {
            assert_eq!(contents(text), [Err(())], "{text}");
        }
    }
}
