//! Strings: compared and unescaped on demand.

use super::lex;
use crate::{Error, bytes};

/// A JSON string as it stands in the text, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

/// What a string is made of.
enum Piece<'a> {
    /// Characters that stand for themselves.
    Plain(&'a [u8]),
    /// The character of an escape.
    Escape(char),
}

impl<'a> Text<'a> {
    pub(super) const fn new(raw: &'a [u8], escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// The characters between the quotes, escapes as they are.
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Whether it has escapes.
    pub const fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// Whether this string, unescaped, is `other`.
    #[inline]
    pub fn eq_str(&self, other: impl AsRef<[u8]>) -> bool {
        let other = other.as_ref();
        if self.escaped {
            return self.eq_unescaped(other);
        }
        // Mostly asked of the names of a table one after the other: their lengths or their last
        // bytes differ (`s1`, `s2`), and a call of memcmp would cost more than this loop.
        self.raw.len() == other.len() && self.raw.iter().rev().eq(other.iter().rev())
    }

    #[cold]
    fn eq_unescaped(&self, mut other: &[u8]) -> bool {
        let all_equal = self.pieces(|piece| {
            let rest = match piece {
                Piece::Plain(run) => other.strip_prefix(run),
                Piece::Escape(c) => other.strip_prefix(c.encode_utf8(&mut [0; 4]).as_bytes()),
            };
            other = rest.ok_or(Error::JsonNotFound)?;
            Ok(())
        });
        all_equal.is_ok() && other.is_empty()
    }

    /// Copies the unescaped string to the start of `out` and returns its length in bytes.
    ///
    /// If that length is larger than `out`, nothing useful is in `out`: call again with as much.
    pub fn copy_to(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut len = 0;
        self.pieces(|piece| {
            let mut utf8 = [0; 4];
            let bytes = match piece {
                Piece::Plain(run) => run,
                Piece::Escape(c) => c.encode_utf8(&mut utf8).as_bytes(),
            };
            let room = out.get_mut(len..).unwrap_or_default();
            bytes::copy(bytes, room);
            len += bytes.len();
            Ok(())
        })?;
        Ok(len)
    }

    /// Hands the string over piece by piece until it ends or `take` fails.
    fn pieces(&self, mut take: impl FnMut(Piece) -> Result<(), Error>) -> Result<(), Error> {
        if !self.escaped {
            return take(Piece::Plain(self.raw));
        }
        let mut rest = self.raw;
        while let [byte, tail @ ..] = rest {
            if *byte == b'\\' {
                let (character, next) = lex::escape(tail).map_err(|stop| stop.error)?;
                take(Piece::Escape(character))?;
                rest = next;
            } else {
                // Non-ASCII ends a run, too, but stands for itself: it goes with the next run.
                let next = lex::run_end(tail);
                take(Piece::Plain(lex::before(rest, next)))?;
                rest = next;
            }
        }
        Ok(())
    }
}
