//! The bytes of JSON: runs, white space, escapes, UTF-8.
//!
//! The position in a text is a [`Reader`]: a pointer that moves towards an end that does not. A byte
//! is taken with one comparison, and what has to be kept in registers is short.

use core::slice;

use crate::Error;

/// What is wrong, and how much text is left from there.
pub(super) struct Stop {
    pub(super) error: Error,
    pub(super) left: usize,
}

impl Stop {
    #[cold]
    pub(super) fn new(error: Error, left: usize) -> Self {
        Self { error, left }
    }

    #[cold]
    pub(super) fn syntax(left: usize) -> Self {
        Self::new(Error::JsonSyntax, left)
    }

    /// The text ends too early.
    #[cold]
    pub(super) fn at_end() -> Self {
        Self::syntax(0)
    }
}

/// Not 0: ends a run of plain characters in a string (quote, backslash, control, non-ASCII).
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which would refuse it"
)]
static ENDS_RUN: [u8; 256] = {
    let mut ends = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        if byte < b' ' || byte >= 0x80 || byte == b'"' || byte == b'\\' {
            ends[i] = 1;
        }
        i += 1;
    }
    ends
};

#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "a u8 cannot leave a table of 256: no check is generated"
)]
fn ends_run(byte: u8) -> bool {
    ENDS_RUN[byte as usize] != 0
}

/// The text before `end`, which is a rest of `start`.
#[inline(always)]
pub(super) fn before<'a>(start: &'a [u8], end: &[u8]) -> &'a [u8] {
    let len = start.len().saturating_sub(end.len());
    start.get(..len).unwrap_or_default()
}

/// A position in a text.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    bytes: slice::Iter<'a, u8>,
}

impl<'a> Reader<'a> {
    #[inline(always)]
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { bytes: rest.iter() }
    }

    /// The text from here on.
    #[inline(always)]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.as_slice()
    }

    /// The length of the text from the byte on that was taken last.
    #[inline(always)]
    pub(super) fn left_with_last(&self) -> usize {
        self.rest().len() + 1
    }

    /// That text; `text` is what this has started with.
    #[inline(always)]
    pub(super) fn rest_with_last(&self, text: &'a [u8]) -> &'a [u8] {
        let taken = text.len().saturating_sub(self.left_with_last());
        text.get(taken..).unwrap_or_default()
    }

    /// The text from `start` up to the byte that was taken last, without it.
    #[inline(always)]
    pub(super) fn taken(&self, start: &'a [u8]) -> &'a [u8] {
        let len = start.len().saturating_sub(self.left_with_last());
        start.get(..len).unwrap_or_default()
    }

    /// Takes a byte.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<u8> {
        self.bytes.next().copied()
    }

    /// Takes white space and the byte that follows it.
    #[inline(always)]
    pub(super) fn token(&mut self) -> Option<u8> {
        match self.next()? {
            // Machines write JSON without white space.
            byte if byte > b' ' => Some(byte),
            byte => self.space(byte).unwrap_or(Some(byte)),
        }
    }

    /// Takes white space, of which `first` was taken already, and the byte that follows it; `None`
    /// if that is no white space.
    #[inline(always)]
    pub(super) fn space(&mut self, first: u8) -> Option<Option<u8>> {
        self.advance_to(behind_space_of(first, self.rest())?);
        Some(self.next())
    }

    /// Goes on at a later position.
    // The end stays the same, and the compiler can see it.
    #[inline(always)]
    pub(super) fn advance_to(&mut self, rest: &[u8]) {
        let len = self.rest().len().saturating_sub(rest.len());
        if let Some(last) = len.checked_sub(1) {
            self.bytes.nth(last);
        }
    }

    /// Takes the plain characters of a string and the byte that ends them.
    ///
    /// Eight bytes per comparison of lengths: most of a document is spent here.
    #[inline(always)]
    pub(super) fn plain(&mut self) -> Option<u8> {
        while let [a, b, c, d, e, f, g, h, ..] = self.rest() {
            if ends_run(*a) {
                self.bytes.nth(0);
                return Some(*a);
            }
            if ends_run(*b) {
                self.bytes.nth(1);
                return Some(*b);
            }
            if ends_run(*c) {
                self.bytes.nth(2);
                return Some(*c);
            }
            if ends_run(*d) {
                self.bytes.nth(3);
                return Some(*d);
            }
            if ends_run(*e) {
                self.bytes.nth(4);
                return Some(*e);
            }
            if ends_run(*f) {
                self.bytes.nth(5);
                return Some(*f);
            }
            if ends_run(*g) {
                self.bytes.nth(6);
                return Some(*g);
            }
            self.bytes.nth(7);
            if ends_run(*h) {
                return Some(*h);
            }
        }
        loop {
            let byte = self.next()?;
            if ends_run(byte) {
                return Some(byte);
            }
        }
    }

    /// Takes digits and the byte that ends them.
    #[inline(always)]
    pub(super) fn digits(&mut self) -> Option<u8> {
        let end = loop {
            let Some(chunk) = self.rest().first_chunk() else {
                let last = self.rest().iter();
                break last.take_while(|byte| byte.is_ascii_digit()).count();
            };
            // Four bytes at once: the highest bit of a byte that is no digit, and perhaps of bytes
            // behind it.
            let digits = u32::from_le_bytes(*chunk) ^ 0x3030_3030;
            let others = (digits.wrapping_add(0x7676_7676) | digits) & 0x8080_8080;
            if others != 0 {
                break others.trailing_zeros() as usize / 8;
            }
            self.bytes.nth(3);
        };
        self.bytes.nth(end).copied()
    }
}

/// The end of a run of plain characters in a string: where speed matters less than flash.
#[inline(never)]
pub(super) fn run_end(rest: &[u8]) -> &[u8] {
    let mut at = Reader::new(rest);
    match at.plain() {
        Some(_) => at.rest_with_last(rest),
        None => &[],
    }
}

/// What follows any white space.
#[inline(always)]
pub(super) fn behind_space(rest: &[u8]) -> &[u8] {
    match rest {
        [byte, next @ ..] if *byte <= b' ' => behind_space_of(*byte, next).unwrap_or(rest),
        _ => rest,
    }
}

/// What follows white space of which this byte is the first; `None` if it is not.
#[inline(never)]
fn behind_space_of(mut first: u8, mut rest: &[u8]) -> Option<&[u8]> {
    let mut behind = None;
    while matches!(first, b' ' | b'\n' | b'\r' | b'\t') {
        behind = Some(rest);
        (first, rest) = match rest {
            [byte, next @ ..] => (*byte, next),
            [] => break,
        };
    }
    behind
}

/// What follows the non-ASCII character of this first byte and the rest; `None` if its bytes are
/// overlong, a surrogate, beyond U+10FFFF, or incomplete (The Unicode Standard, table 3-7).
pub(super) fn utf8(first: u8, rest: &[u8]) -> Option<&[u8]> {
    let continues = |byte: &u8| byte & 0xC0 == 0x80;
    match (first, rest) {
        (0xC2..=0xDF, [b, next @ ..]) if continues(b) => Some(next),
        (0xE0, [0xA0..=0xBF, c, next @ ..])
        | (0xE1..=0xEC | 0xEE..=0xEF, [0x80..=0xBF, c, next @ ..])
        | (0xED, [0x80..=0x9F, c, next @ ..])
            if continues(c) =>
        {
            Some(next)
        }
        (0xF0, [0x90..=0xBF, c, d, next @ ..])
        | (0xF1..=0xF3, [0x80..=0xBF, c, d, next @ ..])
        | (0xF4, [0x80..=0x8F, c, d, next @ ..])
            if continues(c) && continues(d) =>
        {
            Some(next)
        }
        _ => None,
    }
}

/// The character of the escape behind whose backslash the rest starts, and what follows it.
pub(super) fn escape(rest: &[u8]) -> Result<(char, &[u8]), Stop> {
    let [kind, next @ ..] = rest else {
        return Err(Stop::at_end());
    };
    let plain = match kind {
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'b' => '\u{8}',
        b'f' => '\u{C}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(next),
        _ => return Err(Stop::syntax(rest.len())),
    };
    Ok((plain, next))
}

/// `\uXXXX` from its digits on, or two of them that are a surrogate pair.
fn unicode_escape(digits: &[u8]) -> Result<(char, &[u8]), Stop> {
    // It is the whole escape that is wrong: with its backslash and its `u`.
    let unpaired = || Stop::new(Error::JsonUtf8, digits.len() + 2);
    let (mut code, mut next) = hex4(digits)?;
    if code & 0xFC00 == 0xD800 {
        let [b'\\', b'u', low_digits @ ..] = next else {
            return Err(unpaired());
        };
        let low;
        (low, next) = hex4(low_digits)?;
        // Anything but a low surrogate leaves `code` what it is: no `char`.
        if low & 0xFC00 == 0xDC00 {
            code = 0x1_0000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
        }
    }
    match char::from_u32(code) {
        Some(character) => Ok((character, next)),
        None => Err(unpaired()),
    }
}

fn hex4(mut rest: &[u8]) -> Result<(u32, &[u8]), Stop> {
    let mut code = 0;
    for _ in 0..4 {
        let (digit, next) = match rest {
            [byte @ b'0'..=b'9', next @ ..] => (byte - b'0', next),
            [byte @ b'a'..=b'f', next @ ..] => (byte - b'a' + 10, next),
            [byte @ b'A'..=b'F', next @ ..] => (byte - b'A' + 10, next),
            _ => return Err(Stop::syntax(rest.len())),
        };
        code = code << 4 | u32::from(digit);
        rest = next;
    }
    Ok((code, rest))
}
