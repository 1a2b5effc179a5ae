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

    let start = lex::behind_space(text);
    let mut at = Reader::new(start);
    let mut byte = next_token(&mut at)?;
    // Each turn reads one value, or the beginning of one that has something in it.
    'item: loop {
        if stack & 1 != 0 {
            if byte != b'"' {
                return Err(syntax(&at));
            }
            let name = at.rest();
            let escaped = string(&mut at)?;
            if stack == OUTERMOST_OBJECT {
                wanted = place(names, Text::new(at.taken(name), escaped));
                member = at.rest();
            }
            if next_token(&mut at)? != b':' {
                return Err(syntax(&at));
            }
            byte = next_token(&mut at)?;
        }

        if byte == b'"' {
            string(&mut at)?;
        } else if byte == b'-' || byte.is_ascii_digit() {
            number(byte, &mut at)?;
        } else if byte == b'{' || byte == b'[' {
            if stack >= deepest {
                return Err(Stop::new(Error::JsonDepth, at.left_with_last()));
            }
            let inner = stack << 1 | u32::from(byte == b'{');
            byte = next_token(&mut at)?;
            if byte != closing(inner) {
                stack = inner;
                continue 'item;
            }
        } else {
            at = Reader::new(literal(byte, at.rest())?);
        }

        // A value has ended; so do all containers that end here.
        loop {
            if stack <= OUTERMOST_OBJECT {
                if stack == NOTHING_OPEN {
                    break 'item;
                }
                if let Some(slot) = found.get_mut(wanted) {
                    *slot = member_value(member, at.rest());
                }
            }
            byte = next_token(&mut at)?;
            if byte == b',' {
                byte = next_token(&mut at)?;
                continue 'item;
            }
            if byte != closing(stack) {
                return Err(syntax(&at));
            }
            stack >>= 1;
        }
    }

    let end = at.rest();
    match lex::behind_space(end) {
        [] => Ok(Value::assume_valid(lex::before(start, end))),
        garbage => Err(Stop::syntax(garbage.len())),
    }
}

/// The place of a name among the wanted ones.
#[inline(never)]
fn place(names: &[&str], name: Text<'_>) -> usize {
    let place = names.iter().position(|wanted| name.eq_str(wanted));
    place.unwrap_or(usize::MAX)
}

/// The value between a name and `end`. Finds its start again: only few members are wanted.
#[inline(never)]
fn member_value<'a>(behind_name: &'a [u8], end: &[u8]) -> Option<Value<'a>> {
    let mut at = Reader::new(behind_name);
    at.token()?;
    let start = lex::behind_space(at.rest());
    Some(Value::assume_valid(lex::before(start, end)))
}

/// The byte that was taken last is wrong.
#[cold]
fn syntax(at: &Reader<'_>) -> Stop {
    Stop::syntax(at.left_with_last())
}

/// The next byte that is not white space, where the text may not end.
#[inline(always)]
fn next_token(at: &mut Reader<'_>) -> Result<u8, Stop> {
    at.token().ok_or_else(Stop::at_end)
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
        *at = Reader::new(character(byte, at.rest())?);
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
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Part {
    Integer,
    Fraction,
    Exponent,
}

/// Takes the number of this first byte. What may follow it is the caller's business: `01` is the
/// number 0 and then a digit where none can be.
#[inline(always)]
fn number(mut first: u8, at: &mut Reader<'_>) -> Result<(), Stop> {
    if first == b'-' {
        first = digit(at.next(), at)?;
    }
    let mut part = Part::Integer;
    let mut next = if first == b'0' {
        at.rest().first().copied()
    } else {
        at.digits()
    };
    loop {
        match next {
            Some(b'.') if part == Part::Integer => {
                part = Part::Fraction;
                at.next();
            }
            Some(b'e' | b'E') if part != Part::Exponent => {
                part = Part::Exponent;
                at.next();
                if let [b'+' | b'-', ..] = at.rest() {
                    at.next();
                }
            }
            _ => return Ok(()),
        }
        digit(at.next(), at)?;
        next = at.digits();
    }
}

/// The byte just taken, which must be a digit.
#[inline(always)]
fn digit(byte: Option<u8>, at: &Reader<'_>) -> Result<u8, Stop> {
    match byte {
        Some(digit) if digit.is_ascii_digit() => Ok(digit),
        Some(_) => Err(syntax(at)),
        None => Err(Stop::at_end()),
    }
}

/// Checks `true`, `false` or `null`, of this first byte and the rest; returns what follows it.
#[inline(never)]
fn literal(first: u8, mut rest: &[u8]) -> Result<&[u8], Stop> {
    let word: &[u8] = match first {
        b't' => b"rue",
        b'f' => b"alse",
        b'n' => b"ull",
        _ => return Err(Stop::syntax(rest.len() + 1)),
    };
    for letter in word {
        rest = match rest {
            [byte, next @ ..] if byte == letter => next,
            _ => return Err(Stop::syntax(rest.len())),
        };
    }
    Ok(rest)
}
