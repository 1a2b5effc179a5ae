//! JSON (RFC 8259) reader and writer: no heap, no recursion, no floating point, bounded depth.
//!
//! - [`Value::parse`] and [`scan_members`] validate a whole text in one pass ([`scan`]).
//! - A [`Value`] is a view on one value of a validated text; navigating it only skips
//!   ([`value`]), numbers and strings are converted when they are asked for ([`number`],
//!   [`text`]).
//! - A [`Writer`] writes into a slice and says how large the slice had to be ([`writer`]).
//!
//! Decisions that hold everywhere:
//! - Of duplicate names the last one counts, as in JavaScript and most readers.
//! - Names are compared by their unescaped form: `"\u0061"` is the name `a`.
//! - The text must be UTF-8 without byte order mark, and escapes must form whole characters:
//!   an unpaired surrogate is refused, because no UTF-8 string could hold it.
//! - A number counts as an integer when its value is one: `1.0` and `1e2` are 1 and 100.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod lex;
mod number;
mod scan;
mod text;
mod value;
mod writer;

pub use scan::{Failure, scan_members};
pub use text::Text;
pub use value::{Elements, Kind, Member, Members, Value};
pub use writer::{Due, Progress, Writer};

/// The deepest nesting of objects and arrays that is read or written; a number alone has depth 0.
///
/// AWS IoT accepts shadow states of 8 levels; the envelope around them (`current`, `state`,
/// `desired`, ...) and the per-element metadata add 3 each. 16 leaves room and fits the bit set
/// that stands for the stack.
pub const MAX_DEPTH: u32 = 16;

/// The most decimals that a scaled integer may have: 10^18 is the largest power in an `i64`.
pub const MAX_DECIMALS: u8 = 18;
