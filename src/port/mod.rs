//! What the core needs from the board, and the slot in which one Thing notes when it must be
//! polled again.

mod slot;

pub use slot::{Interest, PollSlot};

use crate::Error;

/// The board, as the core sees it.
pub trait Board {
    /// Seconds since 1970, 0 while unknown.
    fn unix_time(&self) -> u64;
    /// Fills `out` from a cryptographic random source.
    fn random(&self, out: &mut [u8]) -> Result<(), Error>;
    /// One line for the log.
    fn log(&self, level: LogLevel, text: &core::ffi::CStr);
}

/// Importance of a log line; the values are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum LogLevel {
    /// Needs somebody's attention.
    Error = 1,
    /// Went wrong, will be tried again.
    Warning = 2,
    /// A milestone.
    Info = 3,
}
