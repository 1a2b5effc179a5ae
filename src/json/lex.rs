//! The bytes of JSON: classes, runs, white space, escapes, UTF-8.
//!
//! The position in a text is the rest of the text (`rest`), not an index: a slice needs one
//! comparison to take a byte off its front, and none to be split where it was just looked at.

use crate::Error;

/// What is wrong, and how much text is left from there.
pub(super) struct Stop {
    pub(super) error: Error,
    pub(super) left: usize,
}

impl Stop {
    #[cold]
    pub(super) fn new(error: Error, rest: &[u8]) -> Self {
        Self {
            error,
            left: rest.len(),
        }
    }

    #[cold]
    pub(super) fn syntax(rest: &[u8]) -> Self {
        Self::new(Error::JsonSyntax, rest)
    }

    /// The text ends too early.
    #[cold]
    pub(super) fn at_end() -> Self {
        Self::syntax(&[])
    }
}

/// In a string: ends a run of plain characters (quote, backslash, control, non-ASCII).
pub(super) const ENDS_RUN: u8 = 1;
/// Outside strings: changes the nesting or starts a string.
pub(super) const NESTS: u8 = 2;
/// Outside strings: cannot be part of a number or of `true`, `false`, `null`.
pub(super) const ENDS_SCALAR: u8 = 4;

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which would refuse it"
)]
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        if byte < b' ' || byte >= 0x80 || byte == b'"' || byte == b'\\' {
            class[i] |= ENDS_RUN;
        }
        if matches!(byte, b'"' | b'{' | b'}' | b'[' | b']') {
            class[i] |= NESTS;
        }
        if byte <= b' ' || matches!(byte, b',' | b':' | b'"' | b'{' | b'}' | b'[' | b']') {
            class[i] |= ENDS_SCALAR;
        }
        i += 1;
    }
    class
};

#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "a u8 cannot leave a table of 256: no check is generated"
)]
fn is_class(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// A byte that matters, in its text.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) byte: u8,
    /// The rest from the byte on.
    pub(super) from: &'a [u8],
    /// The rest behind it.
    pub(super) next: &'a [u8],
}

/// The text before `end`, which is a rest of `start`.
#[inline(always)]
pub(super) fn before<'a>(start: &'a [u8], end: &[u8]) -> &'a [u8] {
    let len = start.len().saturating_sub(end.len());
    start.get(..len).unwrap_or_default()
}

/// The first byte that `keep` does not want; `None` at the end of the text.
///
/// Four bytes per comparison of lengths: most of a document is spent here.
#[inline(always)]
fn run(mut rest: &[u8], keep: impl Fn(u8) -> bool) -> Option<Token<'_>> {
    let stop = |from, byte: u8| {
        let (_, next) = <[u8]>::split_first(from)?;
        Some(Token { byte, from, next })
    };
    while let [a, b, c, d, next @ ..] = rest {
        if !keep(*a) {
            return stop(rest, *a);
        }
        if !keep(*b) {
            return stop(rest.get(1..)?, *b);
        }
        if !keep(*c) {
            return stop(rest.get(2..)?, *c);
        }
        if !keep(*d) {
            return stop(rest.get(3..)?, *d);
        }
        rest = next;
    }
    while let [byte, next @ ..] = rest {
        if !keep(*byte) {
            return Some(Token {
                byte: *byte,
                from: rest,
                next,
            });
        }
        rest = next;
    }
    None
}

/// The first byte of `class`.
#[inline(always)]
pub(super) fn find(rest: &[u8], class: u8) -> Option<Token<'_>> {
    run(rest, |byte| !is_class(byte, class))
}

/// The end of a run of plain characters in a string: `find` where speed matters less than flash.
#[inline(never)]
pub(super) fn run_end(rest: &[u8]) -> Option<Token<'_>> {
    find(rest, ENDS_RUN)
}

/// What follows any digits.
#[inline(always)]
pub(super) fn digits(rest: &[u8]) -> &[u8] {
    run(rest, |byte| byte.is_ascii_digit()).map_or(&[], |token| token.from)
}

/// The first byte that is not white space.
#[inline(always)]
pub(super) fn token(rest: &[u8]) -> Option<Token<'_>> {
    match rest {
        // Machines write JSON without white space.
        [byte, next @ ..] if *byte > b' ' => Some(Token {
            byte: *byte,
            from: rest,
            next,
        }),
        _ => space(rest),
    }
}

#[inline(never)]
fn space(mut rest: &[u8]) -> Option<Token<'_>> {
    while let [b' ' | b'\n' | b'\r' | b'\t', next @ ..] = rest {
        rest = next;
    }
    let (byte, next) = rest.split_first()?;
    Some(Token {
        byte: *byte,
        from: rest,
        next,
    })
}

/// What follows the non-ASCII character that starts the rest; `None` if its bytes are overlong,
/// a surrogate, beyond U+10FFFF, or incomplete (The Unicode Standard, table 3-7).
pub(super) fn utf8(rest: &[u8]) -> Option<&[u8]> {
    let continues = |byte: &u8| byte & 0xC0 == 0x80;
    match rest {
        [0xC2..=0xDF, b, next @ ..] if continues(b) => Some(next),
        [0xE0, 0xA0..=0xBF, c, next @ ..]
        | [0xE1..=0xEC | 0xEE..=0xEF, 0x80..=0xBF, c, next @ ..]
        | [0xED, 0x80..=0x9F, c, next @ ..]
            if continues(c) =>
        {
            Some(next)
        }
        [0xF0, 0x90..=0xBF, c, d, next @ ..]
        | [0xF1..=0xF3, 0x80..=0xBF, c, d, next @ ..]
        | [0xF4, 0x80..=0x8F, c, d, next @ ..]
            if continues(c) && continues(d) =>
        {
            Some(next)
        }
        _ => None,
    }
}

/// The character of the escape whose backslash starts the rest, and what follows it.
pub(super) fn escape(rest: &[u8]) -> Result<(char, &[u8]), Stop> {
    let [_, from_kind @ ..] = rest else {
        return Err(Stop::at_end());
    };
    let [kind, next @ ..] = from_kind else {
        return Err(Stop::at_end());
    };
    let plain = match kind {
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'b' => '\u{8}',
        b'f' => '\u{C}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(rest, next),
        _ => return Err(Stop::syntax(from_kind)),
    };
    Ok((plain, next))
}

/// `\uXXXX` from its digits on, or two of them that are a surrogate pair.
fn unicode_escape<'a>(start: &[u8], digits: &'a [u8]) -> Result<(char, &'a [u8]), Stop> {
    let (mut code, mut next) = hex4(digits)?;
    if code & 0xFC00 == 0xD800 {
        let [b'\\', b'u', digits @ ..] = next else {
            return Err(Stop::new(Error::JsonUtf8, start));
        };
        let low;
        (low, next) = hex4(digits)?;
        // Anything but a low surrogate leaves `code` what it is: no `char`.
        if low & 0xFC00 == 0xDC00 {
            code = 0x1_0000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
        }
    }
    match char::from_u32(code) {
        Some(character) => Ok((character, next)),
        None => Err(Stop::new(Error::JsonUtf8, start)),
    }
}

fn hex4(mut rest: &[u8]) -> Result<(u32, &[u8]), Stop> {
    let mut code = 0;
    for _ in 0..4 {
        let (digit, next) = match rest {
            [byte @ b'0'..=b'9', next @ ..] => (byte - b'0', next),
            [byte @ b'a'..=b'f', next @ ..] => (byte - b'a' + 10, next),
            [byte @ b'A'..=b'F', next @ ..] => (byte - b'A' + 10, next),
            _ => return Err(Stop::syntax(rest)),
        };
        code = code << 4 | u32::from(digit);
        rest = next;
    }
    Ok((code, rest))
}
