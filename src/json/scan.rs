//! Validation of a whole text in one pass, capturing members of the outermost object on the way.
//!
//! This is the hot loop of the library: nearly all of the work for an incoming shadow document
//! is here. What it costs is printed by `tools/bench`.

use super::lex::{self, Reader, Stop};
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
    members(text, &names, &mut found).map_err(|stop| failure(text, &stop))?;
    Ok(found)
}

/// Validates `text`, nested at most `max_depth` (up to [`MAX_DEPTH`]) deep, and returns its value.
pub(super) fn scan(text: &[u8], max_depth: u32) -> Result<Value<'_>, Failure> {
    document(text, max_depth).map_err(|stop| failure(text, &stop))
}

fn failure(text: &[u8], stop: &Stop) -> Failure {
    Failure {
        error: stop.error,
        offset: text.len().saturating_sub(stop.left),
    }
}

fn document(text: &[u8], max_depth: u32) -> Result<Value<'_>, Stop> {
    let start = lex::behind_space(text);
    let end = value(start, max_depth)?;
    nothing(end)?;
    Ok(Value::assume_valid(lex::before(start, end)))
}

/// Reads the outermost object member by member.
fn members<'a>(
    text: &'a [u8],
    names: &[&str],
    found: &mut [Option<Value<'a>>],
) -> Result<(), Stop> {
    let start = lex::behind_space(text);
    let mut at = Reader::new(start);
    if next_token(&mut at)? != b'{' {
        // What is wrong with it otherwise comes first.
        document(text, MAX_DEPTH)?;
        return Err(Stop::new(Error::JsonType, text.len()));
    }
    let mut byte = next_token(&mut at)?;
    if byte != b'}' {
        loop {
            if byte != b'"' {
                return Err(syntax(&at));
            }
            let name = at.rest();
            let escaped = string(&mut at)?;
            let name = Text::new(at.taken(name), escaped);
            if next_token(&mut at)? != b':' {
                return Err(syntax(&at));
            }
            let start = lex::behind_space(at.rest());
            let end = value(start, MAX_DEPTH - 1)?;
            if let Some(place) = names.iter().position(|wanted| name.eq_str(wanted))
                && let Some(slot) = found.get_mut(place)
            {
                *slot = Some(Value::assume_valid(lex::before(start, end)));
            }
            at.advance_to(end);
            byte = next_token(&mut at)?;
            if byte != b',' {
                break;
            }
            byte = next_token(&mut at)?;
        }
        if byte != b'}' {
            return Err(syntax(&at));
        }
    }
    nothing(at.rest())
}

/// Nothing but white space may be left.
fn nothing(rest: &[u8]) -> Result<(), Stop> {
    match lex::behind_space(rest) {
        [] => Ok(()),
        garbage => Err(Stop::syntax(garbage.len())),
    }
}

/// The stack of open containers, one bit each: 1 an object, 0 an array, below a leading 1 and a 0
/// for what is around the value. It is the depth and the kinds at once, and compares with a
/// constant.
const NOTHING_OPEN: u32 = 0b10;

/// Checks the value that the text starts with, nested at most `max_depth` deep; returns what
/// follows it.
#[inline(never)]
fn value(text: &[u8], max_depth: u32) -> Result<&[u8], Stop> {
    let deepest = NOTHING_OPEN << max_depth.min(MAX_DEPTH);
    let mut stack = NOTHING_OPEN;
    let mut at = Reader::new(text);
    let mut byte = next(&mut at)?;
    // Each turn reads one value, or the beginning of one that has something in it. White space is
    // looked for where nothing else fits: machines write JSON without it.
    'item: loop {
        if stack & 1 != 0 {
            if byte != b'"' {
                return Err(syntax(&at));
            }
            string(&mut at)?;
            byte = next(&mut at)?;
            if byte != b':' && space(byte, &mut at)? != b':' {
                return Err(syntax(&at));
            }
            byte = next(&mut at)?;
        }

        'value: loop {
            if byte == b'"' {
                string(&mut at)?;
            } else if byte.is_ascii_digit() {
                // It has taken what follows the number already.
                match number(byte, &mut at)? {
                    Some(behind) if stack != NOTHING_OPEN => byte = behind,
                    Some(_) => return Ok(at.rest_with_last(text)),
                    None if stack != NOTHING_OPEN => return Err(Stop::at_end()),
                    None => return Ok(&[]),
                }
                break 'value;
            } else if byte == b'{' || byte == b'[' {
                if stack >= deepest {
                    return Err(Stop::new(Error::JsonDepth, at.left_with_last()));
                }
                stack = stack << 1 | u32::from(byte == b'{');
                byte = next_token(&mut at)?;
                if byte != closing(stack) {
                    continue 'item;
                }
                break 'value;
            } else if let Some(behind) = literal(byte, at.rest()) {
                at.advance_to(behind);
            } else if byte == b'-' {
                byte = digit(&mut at)?;
                continue 'value;
            } else if byte.is_ascii_lowercase() {
                return Err(no_literal(byte, at.rest()));
            } else {
                byte = space(byte, &mut at)?;
                continue 'value;
            }
            if stack == NOTHING_OPEN {
                return Ok(at.rest());
            }
            byte = next(&mut at)?;
            break 'value;
        }

        // A value has ended; so do all containers that end here.
        loop {
            if byte == b',' {
                break;
            }
            if byte == closing(stack) {
                stack >>= 1;
                if stack == NOTHING_OPEN {
                    return Ok(at.rest());
                }
                byte = next(&mut at)?;
            } else {
                byte = space(byte, &mut at)?;
            }
        }
        byte = next_token(&mut at)?;
    }
}

/// The byte that was taken last is wrong.
#[cold]
fn syntax(at: &Reader<'_>) -> Stop {
    Stop::syntax(at.left_with_last())
}

/// The next byte, where the text may not end.
#[inline(always)]
fn next(at: &mut Reader<'_>) -> Result<u8, Stop> {
    at.next().ok_or_else(Stop::at_end)
}

/// The next byte that is not white space, where the text may not end.
#[inline(always)]
fn next_token(at: &mut Reader<'_>) -> Result<u8, Stop> {
    at.token().ok_or_else(Stop::at_end)
}

/// The byte that follows white space, of which `byte` must be the first.
#[inline(always)]
fn space(byte: u8, at: &mut Reader<'_>) -> Result<u8, Stop> {
    match at.space(byte) {
        Some(behind) => behind.ok_or_else(Stop::at_end),
        None => Err(syntax(at)),
    }
}

/// The byte that ends the innermost container.
#[inline(always)]
fn closing(stack: u32) -> u8 {
    if stack & 1 != 0 { b'}' } else { b']' }
}

/// Takes a string from its body on, with its closing quote; returns whether it has escapes.
#[inline(always)]
fn string(at: &mut Reader<'_>) -> Result<bool, Stop> {
    let mut escaped = false;
    loop {
        let byte = at.plain().ok_or_else(Stop::at_end)?;
        if byte == b'"' {
            return Ok(escaped);
        }
        escaped |= byte == b'\\';
        at.advance_to(character(byte, at.rest())?);
    }
}

/// Checks a character that is not a plain one, of this first byte and the rest; returns what
/// follows it.
// Not inlined: rare, and it would cost the scanner's loop registers.
#[inline(never)]
fn character(first: u8, rest: &[u8]) -> Result<&[u8], Stop> {
    match first {
        b'\\' => lex::escape(rest).map(|(_, next)| next),
        0x80.. => lex::utf8(first, rest).ok_or_else(|| Stop::new(Error::JsonUtf8, rest.len() + 1)),
        // A control character.
        _ => Err(Stop::syntax(rest.len() + 1)),
    }
}

/// What a number has been found to have.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Integer,
    Fraction,
    Exponent,
}

/// Takes the number of this first digit and the byte that follows it, if one does. What that may
/// be is the caller's business: `01` is the number 0 and then a digit where none can be.
#[inline(always)]
fn number(first: u8, at: &mut Reader<'_>) -> Result<Option<u8>, Stop> {
    let mut part = Part::Integer;
    let mut behind = if first == b'0' {
        at.next()
    } else {
        at.digits()
    };
    loop {
        match behind {
            Some(b'.') if part == Part::Integer => {
                part = Part::Fraction;
                digit(at)?;
            }
            Some(b'e' | b'E') if part != Part::Exponent => {
                part = Part::Exponent;
                let sign = next(at)?;
                if sign == b'+' || sign == b'-' {
                    digit(at)?;
                } else if !sign.is_ascii_digit() {
                    return Err(syntax(at));
                }
            }
            _ => return Ok(behind),
        }
        behind = at.digits();
    }
}

/// Takes a digit.
#[inline(always)]
fn digit(at: &mut Reader<'_>) -> Result<u8, Stop> {
    let byte = next(at)?;
    if byte.is_ascii_digit() {
        Ok(byte)
    } else {
        Err(syntax(at))
    }
}

/// What follows `true`, `false` or `null`; `None` if it is none of them.
// Not inlined: rare, and it would be mixed with the other first bytes.
#[inline(never)]
fn literal(first: u8, rest: &[u8]) -> Option<&[u8]> {
    match (first, rest) {
        (b't', [b'r', b'u', b'e', next @ ..])
        | (b'f', [b'a', b'l', b's', b'e', next @ ..])
        | (b'n', [b'u', b'l', b'l', next @ ..]) => Some(next),
        _ => None,
    }
}

/// Where the text is something else than `true`, `false` or `null`.
#[cold]
fn no_literal(first: u8, mut rest: &[u8]) -> Stop {
    let word: &[u8] = match first {
        b't' => b"rue",
        b'f' => b"alse",
        b'n' => b"ull",
        _ => return Stop::syntax(rest.len() + 1),
    };
    for letter in word {
        match rest {
            [byte, next @ ..] if byte == letter => rest = next,
            _ => break,
        }
    }
    Stop::syntax(rest.len())
}
