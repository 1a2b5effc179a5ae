//! Validation of a whole text in one pass, capturing members of the outermost object on the way.
//!
//! This is the hot loop of the library: nearly all of the work for an incoming shadow document
//! is here. What it costs is printed by `tools/bench`.

use super::lex::{self, ENDS_RUN, Stop, Token};
use super::{MAX_DEPTH, Text, Value};
use crate::Error;

/// Why a text was refused, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// `JsonSyntax`, `JsonUtf8` or `JsonDepth`; from [`scan_members`] also `JsonType`.
    pub error: Error,
    /// Offset in bytes of what is wrong; the length of the text if the text is incomplete.
    pub offset: usize,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// Validates a whole text that must be an object and finds the members with these names in the
/// same pass; `None` where the object has no such member.
///
/// ```
/// let text = br#"{"version":7,"state":{"led":true}}"#;
/// let [state, version] = iot_thing::json::scan_members(text, ["state", "version"])?;
/// assert_eq!(version.map(|v| v.as_u64()), Some(Ok(7)));
/// assert_eq!(state.map(|s| s.raw()), Some(&br#"{"led":true}"#[..]));
/// # Ok::<(), iot_thing::json::Failure>(())
/// ```
pub fn scan_members<'a, const N: usize>(
    text: &'a [u8],
    names: [&str; N],
) -> Result<[Option<Value<'a>>; N], Failure> {
    let mut found = [None; N];
    let value = scan(text, MAX_DEPTH, &names, &mut found)?;
    match value.raw() {
        [b'{', ..] => Ok(found),
        _ => Err(Failure {
            error: Error::JsonType,
            offset: 0,
        }),
    }
}

/// The stack of open containers, one bit each: 1 an object, 0 an array, below a leading 1 and a 0
/// for the text itself. It is the depth and the kinds at once, and compares with a constant.
const NOTHING_OPEN: u32 = 0b10;
/// The outermost object is open, and nothing in it.
const OUTERMOST_OBJECT: u32 = 0b101;

/// Validates `text`, nested at most `max_depth` (up to [`MAX_DEPTH`]) deep, and returns its value.
pub(super) fn scan<'a>(
    text: &'a [u8],
    max_depth: u32,
    names: &[&str],
    found: &mut [Option<Value<'a>>],
) -> Result<Value<'a>, Failure> {
    let deepest = NOTHING_OPEN << max_depth.min(MAX_DEPTH);
    scan_value(text, deepest, names, found).map_err(|stop| Failure {
        error: stop.error,
        offset: text.len().saturating_sub(stop.left),
    })
}

#[inline(always)]
fn scan_value<'a>(
    text: &'a [u8],
    deepest: u32,
    names: &[&str],
    found: &mut [Option<Value<'a>>],
) -> Result<Value<'a>, Stop> {
    let mut stack = NOTHING_OPEN;
    // The current member of the outermost object: what follows its name, its place in `found`.
    let mut member: &[u8] = &[];
    let mut wanted = usize::MAX;

    let mut token = next_token(text)?;
    let start = token.from;
    // Each turn reads one value, or the beginning of one that has something in it. What follows
    // the value:
    let mut rest;
    'item: loop {
        if stack & 1 != 0 {
            if token.byte != b'"' {
                return Err(Stop::syntax(token.from));
            }
            let name = token.next;
            let (quote, escaped) = string(name)?;
            if stack == OUTERMOST_OBJECT {
                let name = Text::new(lex::before(name, quote.from), escaped);
                let place = names.iter().position(|wanted| name.eq_str(wanted));
                wanted = place.unwrap_or(usize::MAX);
                member = quote.next;
            }
            token = next_token(quote.next)?;
            if token.byte != b':' {
                return Err(Stop::syntax(token.from));
            }
            token = next_token(token.next)?;
        }

        if token.byte == b'"' {
            rest = string(token.next)?.0.next;
        } else if token.byte == b'-' || token.byte.is_ascii_digit() {
            rest = number(token)?;
        } else if token.byte == b'{' || token.byte == b'[' {
            if stack >= deepest {
                return Err(Stop::new(Error::JsonDepth, token.from));
            }
            let inner = stack << 1 | u32::from(token.byte == b'{');
            token = next_token(token.next)?;
            if token.byte != closing(inner) {
                stack = inner;
                continue 'item;
            }
            rest = token.next;
        } else {
            rest = literal(token.from)?;
        }

        // A value has ended; so do all containers that end here.
        loop {
            if stack <= OUTERMOST_OBJECT {
                if stack == NOTHING_OPEN {
                    break 'item;
                }
                if let Some(slot) = found.get_mut(wanted) {
                    *slot = member_value(member, rest);
                }
            }
            token = next_token(rest)?;
            if token.byte == b',' {
                token = next_token(token.next)?;
                continue 'item;
            }
            if token.byte != closing(stack) {
                return Err(Stop::syntax(token.from));
            }
            stack >>= 1;
            rest = token.next;
        }
    }

    match lex::token(rest) {
        None => Ok(Value::assume_valid(lex::before(start, rest))),
        Some(garbage) => Err(Stop::syntax(garbage.from)),
    }
}

/// The value between a name and `end`. Finds its start again: only few members are wanted.
#[inline(never)]
fn member_value<'a>(behind_name: &'a [u8], end: &[u8]) -> Option<Value<'a>> {
    let colon = lex::token(behind_name)?;
    let first = lex::token(colon.next)?;
    Some(Value::assume_valid(lex::before(first.from, end)))
}

/// The next byte that is not white space, where the text may not end.
#[inline(always)]
fn next_token(rest: &[u8]) -> Result<Token<'_>, Stop> {
    lex::token(rest).ok_or_else(Stop::at_end)
}

/// The byte that ends the innermost container.
#[inline(always)]
fn closing(stack: u32) -> u8 {
    if stack & 1 != 0 { b'}' } else { b']' }
}

/// Checks a string from its body on; returns its closing quote, and whether it has escapes.
#[inline(always)]
fn string(mut rest: &[u8]) -> Result<(Token<'_>, bool), Stop> {
    let mut escaped = false;
    loop {
        let token = lex::find(rest, ENDS_RUN).ok_or_else(Stop::at_end)?;
        if token.byte == b'"' {
            return Ok((token, escaped));
        }
        escaped |= token.byte == b'\\';
        rest = character(token.from)?;
    }
}

/// Checks a character that is not a plain one; returns what follows it.
// Not inlined: rare, and it would cost the scanner's loop registers.
#[inline(never)]
fn character(rest: &[u8]) -> Result<&[u8], Stop> {
    match rest {
        [b'\\', ..] => lex::escape(rest).map(|(_, next)| next),
        [0x80..=0xFF, ..] => lex::utf8(rest).ok_or_else(|| Stop::new(Error::JsonUtf8, rest)),
        // A control character.
        _ => Err(Stop::syntax(rest)),
    }
}

/// Checks a number; returns what follows it. What that may be is the caller's business: `01` is
/// the number 0 and then a digit where none can be.
#[inline(always)]
fn number(first: Token<'_>) -> Result<&[u8], Stop> {
    let rest = match first.byte {
        b'-' => unsigned(first.next)?,
        b'0' => first.next,
        _ => lex::digits(first.next),
    };
    match rest {
        [b'.' | b'e' | b'E', ..] => fraction(rest),
        _ => Ok(rest),
    }
}

#[inline(never)]
fn unsigned(rest: &[u8]) -> Result<&[u8], Stop> {
    match rest {
        [b'0', next @ ..] => Ok(next),
        _ => some_digits(rest),
    }
}

/// Checks the rest of a number from its point, or the `e` of its exponent, on.
#[inline(never)]
fn fraction(mut rest: &[u8]) -> Result<&[u8], Stop> {
    if let [b'.', next @ ..] = rest {
        rest = some_digits(next)?;
    }
    if let [b'e' | b'E', b'+' | b'-', next @ ..] | [b'e' | b'E', next @ ..] = rest {
        rest = some_digits(next)?;
    }
    Ok(rest)
}

fn some_digits(start: &[u8]) -> Result<&[u8], Stop> {
    let rest = lex::digits(start);
    if rest.len() == start.len() {
        return Err(Stop::syntax(rest));
    }
    Ok(rest)
}

/// Checks `true`, `false` or `null`; returns what follows it.
#[inline(never)]
fn literal(mut rest: &[u8]) -> Result<&[u8], Stop> {
    let word: &[u8] = match rest {
        [b't', ..] => b"true",
        [b'f', ..] => b"false",
        [b'n', ..] => b"null",
        _ => return Err(Stop::syntax(rest)),
    };
    for letter in word {
        rest = match rest {
            [byte, next @ ..] if byte == letter => next,
            _ => return Err(Stop::syntax(rest)),
        };
    }
    Ok(rest)
}
