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
        scan(text, MAX_DEPTH)
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
        match number::digits_only(self.text) {
            // 18 digits always fit.
            Some(integer) => Ok(integer as i64),
            None => self.as_scaled(0),
        }
    }

    /// An integer that is not negative, in any notation; `JsonRange` if it does not fit or has a
    /// fraction.
    pub fn as_u64(&self) -> Result<u64, Error> {
        if let Some(integer) = number::digits_only(self.text) {
            return Ok(integer);
        }
        match number::scaled(self.text, 0)? {
            (true, 1..) => Err(Error::JsonRange),
            (_, magnitude) => Ok(magnitude),
        }
    }

    /// An integer of 1 to 9 digits and nothing else.
    pub(crate) fn as_short(&self) -> Option<u32> {
        number::short(self.text)
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
        let mut names = self.names()?;
        while let Some(text) = names.next() {
            if text.eq_str(name)
                && let Some(value) = names.value()
            {
                found = Ok(value);
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

    pub(crate) fn names(&self) -> Result<Names<'a>, Error> {
        let Members { rest } = self.members()?;
        Ok(Names { rest })
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

    #[inline(never)]
    fn next(&mut self) -> Option<Member<'a>> {
        let mut names = Names { rest: self.rest };
        let name = names.next()?;
        let value = names.value()?;
        self.rest = names.rest;
        Some(Member { name, value })
    }
}

/// Goes through the names of an object, and takes the values that are asked for. The others are
/// skipped together with what is between two names, which takes less.
pub(crate) struct Names<'a> {
    rest: &'a [u8],
}

impl<'a> Names<'a> {
    /// The next name.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Text<'a>> {
        let start = match self.rest {
            [b',', b'"', start @ ..] => start,
            rest => next_name(rest)?,
        };
        let mut at = Reader::new(start);
        let escaped = skip_string(&mut at)?;
        self.rest = at.rest();
        Some(Text::new(at.taken(start), escaped))
    }

    /// The value of the name just taken.
    #[inline(never)]
    pub(crate) fn value(&mut self) -> Option<Value<'a>> {
        let mut at = Reader::new(self.rest);
        if token(&mut at)? != b':' {
            return None;
        }
        let start = behind_space(at.rest());
        self.rest = behind_value(start)?;
        Some(Value {
            text: lex::before(start, self.rest),
        })
    }
}

/// What follows the quote that starts the next name of an object, from the end of a name or of a
/// value on, or from the start; `None` where the object ends.
#[inline(never)]
fn next_name(rest: &[u8]) -> Option<&[u8]> {
    let mut at = Reader::new(rest);
    let mut depth = 0usize;
    let mut byte = token(&mut at)?;
    let mut is_value = false;
    if byte == b':' {
        byte = token(&mut at)?;
        is_value = byte == b'"';
    }
    loop {
        // What is not in a string and not below `[` has no brackets: white space, commas, colons,
        // numbers.
        while byte != b'"' && byte < b'[' {
            byte = at.next()?;
        }
        if byte == b'"' {
            if depth == 0 && !is_value {
                return Some(at.rest());
            }
            is_value = false;
            skip_string(&mut at)?;
        } else {
            match byte | 0x20 {
                b'{' => depth += 1,
                b'}' => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        byte = at.next()?;
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
        let start = item(self.rest)?;
        self.rest = behind_value(start)?;
        Some(Value {
            text: lex::before(start, self.rest),
        })
    }
}

/// The next byte that is not white space: of bytes that are not above it, a validated text has no
/// others outside strings.
#[inline(always)]
fn token(at: &mut Reader<'_>) -> Option<u8> {
    loop {
        let byte = at.next()?;
        if byte > b' ' {
            return Some(byte);
        }
    }
}

/// What follows any white space.
#[inline(always)]
fn behind_space(mut rest: &[u8]) -> &[u8] {
    while let [0..=b' ', next @ ..] = rest {
        rest = next;
    }
    rest
}

/// The text from the next item of a container on.
#[inline(always)]
fn item(rest: &[u8]) -> Option<&[u8]> {
    match behind_space(rest) {
        [] => None,
        [b',', next @ ..] => Some(behind_space(next)),
        first => Some(first),
    }
}

/// What follows the value that starts here; `None` if none does, or it does not end.
#[inline(never)]
fn behind_value(start: &[u8]) -> Option<&[u8]> {
    let mut at = Reader::new(start);
    let mut byte = at.next()?;
    match byte {
        b'"' | b'{' | b'[' => {}
        b'}' | b']' => return None,
        _ => return behind_scalar(at.rest()),
    }
    let mut depth = 0usize;
    loop {
        if byte == b'"' {
            skip_string(&mut at)?;
        } else if byte >= b'[' {
            match byte | 0x20 {
                b'{' => depth += 1,
                b'}' => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        if depth == 0 {
            return Some(at.rest());
        }
        byte = at.next()?;
    }
}

/// What follows the number, `true`, `false` or `null` of which this is the rest.
#[inline(always)]
fn behind_scalar(mut rest: &[u8]) -> Option<&[u8]> {
    while let [byte, next @ ..] = rest {
        let is_number = matches!(byte, b'-'..=b'9');
        if !is_number && (*byte <= b',' && *byte != b'+' || byte | 0x20 == b'}') {
            return Some(rest);
        }
        rest = next;
    }
    None
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
