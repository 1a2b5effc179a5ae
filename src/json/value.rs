//! Navigation in a validated text: skips what it does not need, checks nothing again.

use super::lex::{self, Reader};
use super::scan::{Failure, scan};
use super::{MAX_DECIMALS, MAX_DEPTH, Text, number};
use crate::Error;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No value: the default of [`Value`].
    None,
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// One JSON value, as a view on the text that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Value<'a> {
    text: &'a [u8],
}

impl<'a> Value<'a> {
    /// Validates a whole text, white space around the value allowed, anything else refused.
    pub fn parse(text: &'a [u8]) -> Result<Self, Failure> {
        scan(text, MAX_DEPTH, &[], &mut [])
    }

    /// Takes a text that was validated before, without white space around it.
    ///
    /// Should the text not be valid, the answers of this value are meaningless: errors, missing
    /// or wrong members. They still come from within the text and in finite time.
    pub const fn assume_valid(text: &'a [u8]) -> Self {
        Self { text }
    }

    /// The text of this value, to be stored or sent as it is.
    pub const fn raw(&self) -> &'a [u8] {
        self.text
    }

    /// What this value is.
    pub fn kind(&self) -> Kind {
        match self.text {
            [b'n', ..] => Kind::Null,
            [b't' | b'f', ..] => Kind::Bool,
            [b'-' | b'0'..=b'9', ..] => Kind::Number,
            [b'"', ..] => Kind::String,
            [b'[', ..] => Kind::Array,
            [b'{', ..] => Kind::Object,
            _ => Kind::None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.text == b"null"
    }

    /// `true` or `false`; `JsonType` for anything else.
    pub fn as_bool(&self) -> Result<bool, Error> {
        match self.text {
            b"true" => Ok(true),
            b"false" => Ok(false),
            _ => Err(Error::JsonType),
        }
    }

    /// An integer, in any notation (`100`, `1e2`, `100.0`); `JsonRange` if it does not fit or has
    /// a fraction.
    pub fn as_i64(&self) -> Result<i64, Error> {
        self.as_scaled(0)
    }

    /// An integer that is not negative, in any notation; `JsonRange` if it does not fit or has a
    /// fraction.
    pub fn as_u64(&self) -> Result<u64, Error> {
        match number::scaled(self.text, 0)? {
            (true, 1..) => Err(Error::JsonRange),
            (_, magnitude) => Ok(magnitude),
        }
    }

    /// A number multiplied by `10^decimals`: `21.57` with 2 decimals is 2157.
    ///
    /// `JsonRange` if it has more decimals than that (other than zeros) or does not fit;
    /// `Argument` if `decimals` is above [`MAX_DECIMALS`].
    pub fn as_scaled(&self, decimals: u8) -> Result<i64, Error> {
        if decimals > MAX_DECIMALS {
            return Err(Error::Argument);
        }
        let (negative, magnitude) = number::scaled(self.text, decimals)?;
        number::signed(negative, magnitude)
    }

    /// The digits of a number as they stand in the text.
    pub fn number_text(&self) -> Result<&'a [u8], Error> {
        match self.kind() {
            Kind::Number => Ok(self.text),
            _ => Err(Error::JsonType),
        }
    }

    /// A string, to be compared or unescaped.
    pub fn as_text(&self) -> Result<Text<'a>, Error> {
        match self.text {
            [b'"', raw @ .., b'"'] => Ok(Text::new(raw, raw.contains(&b'\\'))),
            _ => Err(Error::JsonType),
        }
    }

    /// Whether this is a string that, unescaped, is `other`.
    pub fn eq_str(&self, other: impl AsRef<[u8]>) -> bool {
        let mut other = other.as_ref();
        let [b'"', raw @ .., b'"'] = self.text else {
            return false;
        };
        let mut rest = raw;
        // Mostly it differs soon: an escape behind the difference need not be looked for.
        while let [byte, next @ ..] = rest {
            if *byte == b'\\' {
                return Text::new(rest, true).eq_str(other);
            }
            match other {
                [first, tail @ ..] if first == byte => other = tail,
                _ => return false,
            }
            rest = next;
        }
        other.is_empty()
    }

    /// The member with this name (the last one, should there be several).
    ///
    /// Reads the whole object. To take several members out of a large object, iterate it once.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Result<Value<'a>, Error> {
        self.find(name.as_ref())
    }

    fn find(&self, name: &[u8]) -> Result<Value<'a>, Error> {
        let mut found = Err(Error::JsonNotFound);
        for member in self.members()? {
            if member.name.eq_str(name) {
                found = Ok(member.value);
            }
        }
        found
    }

    /// The value at a path of names and array indices separated by dots: `state.leds.2.on`.
    ///
    /// The empty path is the value itself. A name that has a dot cannot be part of a path: use
    /// [`get`](Self::get). `JsonType` if the path leads into a value that is neither object nor
    /// array.
    pub fn at_path(&self, path: impl AsRef<[u8]>) -> Result<Value<'a>, Error> {
        let path = path.as_ref();
        let mut value = *self;
        if path.is_empty() {
            return Ok(value);
        }
        for step in path.split(|&byte| byte == b'.') {
            value = match value.kind() {
                Kind::Array => value.at_index(index(step).ok_or(Error::JsonNotFound)?)?,
                _ => value.find(step)?,
            };
        }
        Ok(value)
    }

    /// The element of an array, counted from 0.
    pub fn at_index(&self, index: usize) -> Result<Value<'a>, Error> {
        self.elements()?.nth(index).ok_or(Error::JsonNotFound)
    }

    /// How many members or elements there are; a duplicate member counts each time.
    pub fn count(&self) -> Result<usize, Error> {
        match self.kind() {
            Kind::Array => Ok(self.elements()?.count()),
            _ => Ok(self.members()?.count()),
        }
    }

    /// The members of an object, in the order of the text, duplicates included.
    pub fn members(&self) -> Result<Members<'a>, Error> {
        match self.text {
            [b'{', rest @ ..] => Ok(Members::resume(rest)),
            _ => Err(Error::JsonType),
        }
    }

    /// The elements of an array.
    pub fn elements(&self) -> Result<Elements<'a>, Error> {
        match self.text {
            [b'[', rest @ ..] => Ok(Elements::resume(rest)),
            _ => Err(Error::JsonType),
        }
    }
}

/// An array index as JSON would write it.
fn index(step: &[u8]) -> Option<usize> {
    if step.is_empty() || (step.len() > 1 && step.first() == Some(&b'0')) {
        return None;
    }
    step.iter().try_fold(0usize, |index, &byte| match byte {
        b'0'..=b'9' => (index.checked_mul(10)?).checked_add(usize::from(byte - b'0')),
        _ => None,
    })
}

/// One member of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Its value.
    pub value: Value<'a>,
}

/// Iterates over the members of an object.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    /// Continues where [`rest`](Self::rest) was.
    pub const fn resume(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// The text that has not been looked at yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    #[inline]
    fn next(&mut self) -> Option<Member<'a>> {
        let mut at = Reader::new(item(self.rest)?);
        if at.next()? != b'"' {
            return None;
        }
        let name = at.rest();
        let escaped = skip_string(&mut at)?;
        let name = Text::new(at.taken(name), escaped);
        if at.token()? != b':' {
            return None;
        }
        let value = split_value(trim(at.rest()), &mut self.rest)?;
        Some(Member { name, value })
    }
}

/// Iterates over the elements of an array.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Continues where [`rest`](Self::rest) was.
    pub const fn resume(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// The text that has not been looked at yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        split_value(item(self.rest)?, &mut self.rest)
    }
}

/// The text from its first byte on that is not white space.
#[inline(always)]
fn trim(rest: &[u8]) -> &[u8] {
    match rest {
        [byte, ..] if *byte > b' ' => rest,
        _ => lex::behind_space(rest),
    }
}

/// The text from the next item of a container on.
#[inline(always)]
fn item(rest: &[u8]) -> Option<&[u8]> {
    match trim(rest) {
        [] => None,
        [b',', next @ ..] => Some(trim(next)),
        first => Some(first),
    }
}

/// Takes the value that starts the text `start` off the text; `None` if no value starts there.
#[inline(always)]
fn split_value<'a>(start: &'a [u8], rest: &mut &'a [u8]) -> Option<Value<'a>> {
    let end = behind_value(start)?;
    *rest = end;
    Some(Value {
        text: lex::before(start, end),
    })
}

/// What follows the value that starts here; `None` if none does, or it does not end.
#[inline(never)]
fn behind_value(start: &[u8]) -> Option<&[u8]> {
    let mut at = Reader::new(start);
    let mut depth = 0usize;
    match at.next()? {
        b'"' => {
            skip_string(&mut at)?;
            return Some(at.rest());
        }
        b'{' | b'[' => {}
        _ => return behind_scalar(start),
    }
    loop {
        // Between its items a text has nothing but these and, below, white space and scalars:
        // below `[` are all of their bytes but letters.
        let byte = at.next()?;
        if byte == b'"' {
            skip_string(&mut at)?;
        } else if byte >= b'[' {
            match byte | 0x20 {
                b'{' => depth += 1,
                b'}' => {
                    if depth == 0 {
                        return Some(at.rest());
                    }
                    depth -= 1;
                }
                _ => {}
            }
        }
    }
}

/// What follows the number, `true`, `false` or `null` that starts here.
#[inline(always)]
fn behind_scalar(start: &[u8]) -> Option<&[u8]> {
    let mut rest = start;
    loop {
        match rest {
            [b'-'..=b'9' | b'+' | b'A'..=b'Z' | b'a'..=b'z', next @ ..] => rest = next,
            [_, ..] if rest.len() < start.len() => return Some(rest),
            _ => return None,
        }
    }
}

/// Takes a string from its body on, with its closing quote; returns whether it has escapes.
#[inline(always)]
fn skip_string(at: &mut Reader<'_>) -> Option<bool> {
    let mut escaped = false;
    loop {
        match at.plain()? {
            b'"' => return Some(escaped),
            b'\\' => {
                escaped = true;
                at.next()?;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_compare_unescaped() {
        let equal = |text, other: &str| Value::assume_valid(text).eq_str(other);
        for (text, same) in [
            (&br#""""#[..], ""),
            (br#""led""#, "led"),
            (br#""a\u0062c""#, "abc"),
            (br#""\\n""#, "\\n"),
            (br#""line\n""#, "line\n"),
        ] {
            assert!(equal(text, same), "{same}");
            assert!(!equal(text, &format!("{same}x")), "{same}");
            assert!(!equal(text, "le"), "{same}");
        }
        assert!(!equal(br#""\n""#, "\\n"), "the escape is not its text");
        for no_string in [&b"7"[..], b"", b"\"", b"[\"a\"]"] {
            assert!(!equal(no_string, "7") && !equal(no_string, ""));
        }
    }
}
