//! Writing into a slice. What does not fit is counted, so that the size needed is known.

use super::scan::scan;
use super::{MAX_DECIMALS, MAX_DEPTH, lex};
use crate::{Error, bytes};

/// What may be written next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the outermost value is complete.
    Nothing,
    /// The outermost value.
    Outermost,
    /// The first item of the container just begun, or its end.
    FirstItem,
    /// Another item of the container, or its end.
    NextItem,
    /// The value of the name just written.
    MemberValue,
}

/// How far a [`Writer`] is, apart from its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes written, or that would have been written had there been room.
    pub needed: usize,
    /// Open containers, a bit each: 1 an object, 0 an array, below a leading 1.
    pub open: u32,
    /// What may be written next.
    pub due: Due,
    /// The first error.
    pub error: Option<Error>,
}

impl Progress {
    /// Nothing is written yet.
    pub const START: Self = Self {
        needed: 0,
        open: 1,
        due: Due::Outermost,
        error: None,
    };
}

/// Writes one JSON value into a slice.
///
/// No call fails by itself: the first error is kept, later calls do nothing (or, after
/// `JsonNoSpace`, count), and [`finish`](Self::finish) tells.
///
/// ```
/// let mut buffer = [0; 64];
/// let mut writer = iot_thing::json::Writer::new(&mut buffer);
/// writer.begin_object();
/// writer.name("led").bool(true);
/// writer.name("celsius").scaled(2157, 2);
/// writer.end_object();
/// assert_eq!(writer.finish(), Ok(&br#"{"led":true,"celsius":21.57}"#[..]));
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    progress: Progress,
}

impl<'a> Writer<'a> {
    /// Writes to the start of `out`; an empty slice is fine to find out the size needed.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self::resume(out, Progress::START)
    }

    /// Continues after `progress` in the same slice.
    pub fn resume(out: &'a mut [u8], progress: Progress) -> Self {
        Self { out, progress }
    }

    /// How far writing is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The slice and how far writing is in it, for somebody else to [`resume`](Self::resume).
    pub fn parts(&mut self) -> (&mut [u8], &mut Progress) {
        (self.out, &mut self.progress)
    }

    /// The size of everything written so far, whether it fitted or not. Exact unless there was an
    /// error other than `JsonNoSpace`.
    pub fn needed(&self) -> usize {
        self.progress.needed
    }

    /// The first error.
    pub fn error(&self) -> Option<Error> {
        self.progress.error
    }

    /// The text, if there was no error and the outermost value is complete.
    pub fn finish(&self) -> Result<&[u8], Error> {
        if let Some(error) = self.progress.error {
            return Err(error);
        }
        if self.progress.open != 1 || self.progress.due != Due::Nothing {
            return Err(Error::JsonNesting);
        }
        self.out.get(..self.needed()).ok_or(Error::JsonNoSpace)
    }

    /// Begins an object as the next value.
    pub fn begin_object(&mut self) -> &mut Self {
        self.begin(b'{', 1)
    }

    /// Begins an array as the next value.
    pub fn begin_array(&mut self) -> &mut Self {
        self.begin(b'[', 0)
    }

    /// Ends the innermost container, which must be an object.
    pub fn end_object(&mut self) -> &mut Self {
        self.end(b'}', 1)
    }

    /// Ends the innermost container, which must be an array.
    pub fn end_array(&mut self) -> &mut Self {
        self.end(b']', 0)
    }

    /// The name of the next member; its value must follow. `JsonUtf8` if it is not UTF-8.
    pub fn name(&mut self, name: impl AsRef<[u8]>) -> &mut Self {
        self.quoted_name(name.as_ref())
    }

    /// A string. `JsonUtf8` if it is not UTF-8.
    pub fn string(&mut self, string: impl AsRef<[u8]>) -> &mut Self {
        if self.begin_value() {
            self.quoted(string.as_ref());
        }
        self
    }

    /// `true` or `false`
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.word(if value { b"true" } else { b"false" })
    }

    /// `null`
    pub fn null(&mut self) -> &mut Self {
        self.word(b"null")
    }

    /// An integer.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.number(value < 0, value.unsigned_abs(), 0)
    }

    /// An integer.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.number(false, value, 0)
    }

    /// `value / 10^decimals`, with exactly that many decimals: 2150 with 2 is `21.50`.
    /// `Argument` if `decimals` is above [`MAX_DECIMALS`].
    pub fn scaled(&mut self, value: i64, decimals: u8) -> &mut Self {
        if decimals > MAX_DECIMALS {
            self.fail(Error::Argument);
            return self;
        }
        self.number(value < 0, value.unsigned_abs(), decimals)
    }

    /// A value that is JSON already. It is validated, and white space around it dropped.
    pub fn raw(&mut self, json: &[u8]) -> &mut Self {
        let depth = self.progress.open.checked_ilog2().unwrap_or(0);
        match scan(json, MAX_DEPTH.saturating_sub(depth)) {
            Ok(value) => self.word(value.raw()),
            Err(failure) => {
                self.fail(failure.error);
                self
            }
        }
    }

    /// Makes `error` the first error, unless there is one already.
    pub fn fail(&mut self, error: Error) {
        self.progress.error.get_or_insert(error);
    }

    fn in_object(&self) -> bool {
        self.progress.open > 1 && self.progress.open & 1 != 0
    }

    /// Whether writing goes on, if only to count.
    fn goes_on(&self) -> bool {
        matches!(self.progress.error, None | Some(Error::JsonNoSpace))
    }

    fn begin_value(&mut self) -> bool {
        if !self.goes_on() {
            return false;
        }
        match self.progress.due {
            Due::Outermost | Due::MemberValue => {}
            Due::FirstItem if !self.in_object() => {}
            Due::NextItem if !self.in_object() => self.put(b','),
            _ => {
                self.fail(Error::JsonNesting);
                return false;
            }
        }
        self.end_value();
        true
    }

    fn end_value(&mut self) {
        self.progress.due = if self.progress.open > 1 {
            Due::NextItem
        } else {
            Due::Nothing
        };
    }

    fn begin(&mut self, bracket: u8, kind: u32) -> &mut Self {
        if self.begin_value() {
            if self.progress.open >> MAX_DEPTH != 0 {
                self.fail(Error::JsonDepth);
                return self;
            }
            self.put(bracket);
            self.progress.open = self.progress.open << 1 | kind;
            self.progress.due = Due::FirstItem;
        }
        self
    }

    fn end(&mut self, bracket: u8, kind: u32) -> &mut Self {
        if !self.goes_on() {
            return self;
        }
        let item_due = matches!(self.progress.due, Due::FirstItem | Due::NextItem);
        if !item_due || self.progress.open <= 1 || self.progress.open & 1 != kind {
            self.fail(Error::JsonNesting);
            return self;
        }
        self.put(bracket);
        self.progress.open >>= 1;
        self.end_value();
        self
    }

    fn quoted_name(&mut self, name: &[u8]) -> &mut Self {
        if !self.goes_on() {
            return self;
        }
        match self.progress.due {
            Due::FirstItem if self.in_object() => {}
            Due::NextItem if self.in_object() => self.put(b','),
            _ => {
                self.fail(Error::JsonNesting);
                return self;
            }
        }
        self.quoted(name);
        self.put(b':');
        self.progress.due = Due::MemberValue;
        self
    }

    fn word(&mut self, word: &[u8]) -> &mut Self {
        if self.begin_value() {
            self.push(word);
        }
        self
    }

    fn quoted(&mut self, string: &[u8]) {
        self.put(b'"');
        let mut rest = string;
        loop {
            let special = lex::run_end(rest);
            self.push(lex::before(rest, special));
            let [byte, next @ ..] = special else {
                break;
            };
            rest = next;
            match *byte {
                byte @ (b'"' | b'\\') => self.push(&[b'\\', byte]),
                b'\x08' => self.push(br"\b"),
                b'\x0C' => self.push(br"\f"),
                b'\n' => self.push(br"\n"),
                b'\r' => self.push(br"\r"),
                b'\t' => self.push(br"\t"),
                0x80.. => match lex::utf8(*byte, next) {
                    Some(next) => {
                        self.push(lex::before(special, next));
                        rest = next;
                    }
                    None => return self.fail(Error::JsonUtf8),
                },
                control => {
                    let hex = |digit: u8| digit + if digit < 10 { b'0' } else { b'a' - 10 };
                    self.push(br"\u00");
                    self.push(&[hex(control >> 4), hex(control & 0x0F)]);
                }
            }
        }
        self.put(b'"');
    }

    fn number(&mut self, negative: bool, mut magnitude: u64, decimals: u8) -> &mut Self {
        if !self.begin_value() {
            return self;
        }
        // From the last digit: at most 20 digits and a point.
        let mut text = [0; 21];
        let mut start = text.len();
        let mut prepend = |byte| {
            start -= 1;
            if let Some(slot) = text.get_mut(start) {
                *slot = byte;
            }
        };
        for _ in 0..decimals {
            prepend(last_digit(&mut magnitude));
        }
        if decimals > 0 {
            prepend(b'.');
        }
        loop {
            prepend(last_digit(&mut magnitude));
            if magnitude == 0 {
                break;
            }
        }
        if negative {
            self.put(b'-');
        }
        self.push(text.get(start..).unwrap_or_default());
        self
    }

    /// Appends one byte, as [`push`](Self::push) does: most of what is written are single ones.
    #[inline(never)]
    fn put(&mut self, byte: u8) {
        let at = self.progress.needed;
        self.progress.needed = at.saturating_add(1);
        match self.out.get_mut(at) {
            Some(place) => *place = byte,
            None => self.fail(Error::JsonNoSpace),
        }
    }

    /// Appends, or counts if there is no room.
    // Not inlined: called from everywhere, and writing is not where the time goes.
    #[inline(never)]
    fn push(&mut self, bytes: &[u8]) {
        let start = self.progress.needed;
        self.progress.needed = start.saturating_add(bytes.len());
        match self.out.get_mut(start..self.progress.needed) {
            Some(room) => {
                bytes::copy(bytes, room);
            }
            None => self.fail(Error::JsonNoSpace),
        }
    }
}

/// Takes the last digit off a number.
fn last_digit(number: &mut u64) -> u8 {
    let digit;
    // A 64-bit division is a slow library call on a 32-bit core; most numbers do not need it.
    (*number, digit) = match u32::try_from(*number) {
        Ok(small) => (u64::from(small / 10), (small % 10) as u8),
        Err(_) => (*number / 10, (*number % 10) as u8),
    };
    b'0' + digit
}
