//! The one receive buffer: records as they came from the socket, and what was in them.
//!
//! ```text
//! | contents | taken | records, the last one not whole yet | space |
//! ```
//!
//! A record is opened where it lies. Its contents stay there too, or, if a part of a handshake
//! message waits already, move down behind it. They are either handshake messages or application
//! data, never both.

use zeroize::Zeroize as _;

use super::{
    alert::{Alert, Fatal},
    record::{
        ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, MAX_CONTENT, MAX_SEALED,
        SEALING,
    },
};
use crate::Error;

/// The header of a handshake message.
pub(super) const MESSAGE_HEADER: usize = 4;

/// A whole record in the buffer.
#[derive(Clone, Copy)]
pub struct Record {
    pub kind: u8,
    pub header: [u8; HEADER],
    /// Where its payload begins.
    start: usize,
    /// The bytes of its payload.
    length: usize,
}

pub struct Receive<'a> {
    buffer: &'a mut [u8],
    /// Contents: those bytes from `start` to `end`.
    start: usize,
    end: usize,
    /// Records: those bytes from `first` to `filled`.
    first: usize,
    filled: usize,
    /// The largest payload of a protected record that the server may send.
    limit: usize,
}

impl<'a> Receive<'a> {
    /// Records with a payload of up to [`HEADER`] bytes less than `buffer` has.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            buffer,
            start: 0,
            end: 0,
            first: 0,
            filled: 0,
            limit: MAX_SEALED,
        }
    }

    /// Forgets and wipes everything.
    pub fn wipe(&mut self) {
        self.buffer.zeroize();
        (self.start, self.end, self.first, self.filled) = (0, 0, 0, 0);
    }

    /// The largest payload of a record that fits.
    pub fn largest(&self) -> usize {
        self.buffer.len().saturating_sub(HEADER)
    }

    /// The server has agreed to send no larger payload.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(MAX_SEALED);
    }

    /// The space for bytes from the socket. There is some unless a record waits to be taken.
    pub fn space(&mut self) -> &mut [u8] {
        let contents = self.end.saturating_sub(self.start);
        let used = self.filled;
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = contents;
        }
        if self.first > contents {
            self.buffer.copy_within(self.first..self.filled, contents);
            self.filled = contents.saturating_add(self.filled.saturating_sub(self.first));
            self.first = contents;
        }
        // What was moved, now or when a record was taken, has left a copy behind.
        if let Some(copies) = self.buffer.get_mut(self.filled..used) {
            copies.fill(0);
        }
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// So many bytes were put into the space.
    pub fn fill(&mut self, length: usize) {
        self.filled = self.filled.saturating_add(length).min(self.buffer.len());
    }

    /// The next record, once it is whole. It stays until it is kept or dropped.
    ///
    /// The type must be one of TLS, and the length legal for it; the version means nothing.
    pub fn record(&self) -> Result<Option<Record>, Fatal> {
        let bytes = self.buffer.get(self.first..self.filled).unwrap_or_default();
        let Some((header, payload)) = bytes.split_first_chunk::<HEADER>() else {
            // A type that is none is refused at once; who knows what the rest would be.
            return match bytes {
                [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, ..] | [] => Ok(None),
                _ => Err(Alert::UnexpectedMessage.into()),
            };
        };
        let [kind, _, _, high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let most = match kind {
            APPLICATION_DATA => self.limit,
            CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE => MAX_CONTENT,
            _ => return Err(Alert::UnexpectedMessage.into()),
        };
        if length > most {
            return Err(Alert::RecordOverflow.into());
        }
        let contents = self.end.saturating_sub(self.start);
        let needed = contents.saturating_add(length);
        if needed > self.largest() {
            return Err(Fatal::too_large(Error::TlsRecordTooLarge, needed));
        }
        if payload.len() < length {
            return Ok(None);
        }
        Ok(Some(Record {
            kind,
            header: *header,
            start: self.first.saturating_add(HEADER),
            length,
        }))
    }

    /// The payload of a record.
    #[inline(never)]
    pub fn payload(&mut self, record: &Record) -> &mut [u8] {
        let end = record.start.saturating_add(record.length);
        self.buffer.get_mut(record.start..end).unwrap_or_default()
    }

    /// Is done with a record, of whose payload the first `contents` bytes are kept.
    #[inline(never)]
    pub fn take(&mut self, record: &Record, contents: usize) {
        self.first = record.start.saturating_add(record.length);
        let from = record.start..record.start.saturating_add(contents);
        if self.start == self.end {
            self.start = from.start;
            self.end = from.end;
        } else {
            self.buffer.copy_within(from, self.end);
            self.end = self.end.saturating_add(contents);
        }
    }

    /// The contents that wait.
    pub fn contents(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// So many bytes of the contents were used.
    #[inline(never)]
    pub fn consume(&mut self, length: usize) {
        if let Some(used) = self.buffer.get_mut(self.start..self.end)
            && let Some(used) = used.get_mut(..length)
        {
            // They were secret to all but us.
            used.fill(0);
            self.start = self.start.saturating_add(length);
        }
    }

    /// The first handshake message of the contents, with its header, once it is whole.
    pub fn message(&self) -> Result<Option<&[u8]>, Fatal> {
        let contents = self.contents();
        let Some(&[_, a, b, c]) = contents.first_chunk() else {
            return Ok(None);
        };
        let length = MESSAGE_HEADER.saturating_add(
            usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX),
        );
        match contents.get(..length) {
            Some(message) => Ok(Some(message)),
            None => {
                // The rest comes in records of its own, the last of which must fit beside it all.
                let needed = length.saturating_add(SEALING);
                if needed > self.largest() {
                    return Err(Fatal::too_large(Error::TlsRecordTooLarge, needed));
                }
                Ok(None)
            }
        }
    }
}
