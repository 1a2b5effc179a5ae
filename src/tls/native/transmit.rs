//! The one transmit buffer: records that wait for the socket, and the one that is being written.
//!
//! ```text
//! | sent | sealed records | header | contents of the open record | room | reserve |
//! ```
//!
//! The reserve is there for a KeyUpdate and an alert, which must never wait for room.

use zeroize::Zeroize as _;

use super::record::{HEADER, Keys, MAX_CONTENT, SEALING, header};
use crate::{Error, tls::crypto::Crypto};

/// A KeyUpdate, sealed.
pub(super) const KEY_UPDATE: usize = HEADER + 5 + SEALING;
/// An alert, sealed.
const ALERT: usize = HEADER + 2 + SEALING;
/// What the buffer has beyond one record with its header.
pub(super) const RESERVE: usize = KEY_UPDATE + ALERT;

pub struct Transmit<'a> {
    buffer: &'a mut [u8],
    /// Records that are ready: those bytes from `head` to `tail`.
    head: usize,
    tail: usize,
    /// The bytes in the record that is being written, which begins at `tail`.
    open: usize,
    /// The most contents of a record that the server takes.
    limit: usize,
}

impl<'a> Transmit<'a> {
    /// Records with a payload of up to [`HEADER`] + [`RESERVE`] bytes less than `buffer` has.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            buffer,
            head: 0,
            tail: 0,
            open: 0,
            limit: MAX_CONTENT,
        }
    }

    /// The server takes no more contents than this in one record.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(MAX_CONTENT);
    }

    /// The bytes for the socket.
    pub fn pending(&self) -> &[u8] {
        self.buffer.get(self.head..self.tail).unwrap_or_default()
    }

    /// The socket took so many of them.
    pub fn sent(&mut self, length: usize) {
        self.head = self.head.saturating_add(length).min(self.tail);
        if self.head == self.tail {
            let from = self.tail.saturating_add(HEADER);
            if self.tail > 0 && self.open > 0 {
                self.buffer
                    .copy_within(from..from.saturating_add(self.open), HEADER);
            }
            self.head = 0;
            self.tail = 0;
        }
    }

    /// The bytes in the record that is being written.
    pub fn open(&self) -> usize {
        self.open
    }

    /// The bytes that still fit into it.
    #[inline(never)]
    pub fn room(&self) -> usize {
        let taken = self
            .tail
            .saturating_add(HEADER)
            .saturating_add(self.open)
            .saturating_add(SEALING)
            .saturating_add(RESERVE);
        self.buffer
            .len()
            .saturating_sub(taken)
            .min(self.limit.saturating_sub(self.open))
    }

    /// The bytes that fit into a record when the buffer is empty.
    pub fn capacity(&self) -> usize {
        let sealing = HEADER + SEALING + RESERVE;
        self.buffer.len().saturating_sub(sealing).min(self.limit)
    }

    /// The place where the open record goes on.
    #[inline(never)]
    pub fn place(&mut self) -> &mut [u8] {
        let room = self.room();
        let at = self.tail.saturating_add(HEADER).saturating_add(self.open);
        self.buffer
            .get_mut(at..at.saturating_add(room))
            .unwrap_or_default()
    }

    /// So many bytes were written to the place.
    #[inline(never)]
    pub fn extend(&mut self, length: usize) {
        self.open = self.open.saturating_add(length.min(self.room()));
    }

    /// Throws the open record away.
    pub fn discard(&mut self) {
        self.open = 0;
    }

    /// Forgets and wipes everything.
    pub fn wipe(&mut self) {
        self.buffer.zeroize();
        self.clear();
    }

    /// Throws everything away.
    pub fn clear(&mut self) {
        self.head = 0;
        self.tail = 0;
        self.open = 0;
    }

    /// Seals the open record, if there is one.
    pub fn seal(&mut self, kind: u8, keys: &mut Keys, crypto: &dyn Crypto) -> Result<(), Error> {
        if self.open == 0 {
            return Ok(());
        }
        let end = self
            .tail
            .saturating_add(HEADER)
            .saturating_add(self.open)
            .saturating_add(SEALING);
        let record = self.buffer.get_mut(self.tail..end).ok_or(Error::Tls)?;
        keys.seal(crypto, kind, record)?;
        self.tail = end;
        self.open = 0;
        Ok(())
    }

    /// Seals a short message of its own, before the open record. `None` if there is no room, which
    /// there always is for one KeyUpdate and one alert.
    pub fn insert(
        &mut self,
        kind: u8,
        message: &[u8],
        keys: &mut Keys,
        crypto: &dyn Crypto,
    ) -> Result<Option<()>, Error> {
        let size = HEADER.saturating_add(message.len()).saturating_add(SEALING);
        if !self.make_way(
            size,
            if kind == super::record::ALERT {
                0
            } else {
                ALERT
            },
        ) {
            return Ok(None);
        }
        let end = self.tail.saturating_add(size);
        let record = self.buffer.get_mut(self.tail..end).ok_or(Error::Tls)?;
        if let Some(place) = record.get_mut(HEADER..HEADER.saturating_add(message.len())) {
            place.copy_from_slice(message);
        }
        keys.seal(crypto, kind, record)?;
        self.tail = end;
        Ok(Some(()))
    }

    /// Adds a record without protection, before the open one; `None` if there is no room.
    pub fn insert_plain(&mut self, kind: u8, message: &[u8]) -> Option<()> {
        let size = HEADER.saturating_add(message.len());
        if !self.make_way(size, 0) {
            return None;
        }
        let end = self.tail.saturating_add(size);
        let (head, body) = self
            .buffer
            .get_mut(self.tail..end)?
            .split_first_chunk_mut()?;
        *head = header(kind, message.len())?;
        body.copy_from_slice(message);
        self.tail = end;
        Some(())
    }

    /// Moves the open record by `size`, if then `spare` bytes are still left behind it.
    fn make_way(&mut self, size: usize, spare: usize) -> bool {
        let mut used = self.tail.saturating_add(size).saturating_add(spare);
        if self.open > 0 {
            used = used
                .saturating_add(HEADER + SEALING)
                .saturating_add(self.open);
        }
        if used > self.buffer.len() {
            return false;
        }
        if self.open > 0 {
            let from = self.tail.saturating_add(HEADER);
            self.buffer.copy_within(
                from..from.saturating_add(self.open),
                from.saturating_add(size),
            );
        }
        true
    }

    /// Lets `write` make a record without protection in all the space there is for one, and returns
    /// what `write` does: the bytes it wrote, or the bytes it would have needed. Only while no
    /// record is open.
    pub fn write_plain(
        &mut self,
        kind: u8,
        write: impl FnOnce(&mut [u8]) -> Result<usize, usize>,
    ) -> Result<Result<(), usize>, Error> {
        let start = self.tail.saturating_add(HEADER);
        let end = start.saturating_add(MAX_CONTENT).min(self.buffer.len());
        let space = self.buffer.get_mut(start..end).unwrap_or_default();
        let length = match write(space) {
            Ok(length) => length,
            Err(needed) => return Ok(Err(needed)),
        };
        let head = self.buffer.get_mut(self.tail..start).ok_or(Error::Tls)?;
        head.copy_from_slice(&header(kind, length).ok_or(Error::Tls)?);
        self.tail = start.saturating_add(length);
        Ok(Ok(()))
    }
}
