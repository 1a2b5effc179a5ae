//! The bytes that arrive, cut into packets where they lie.

use super::oversize::Oversize;
use super::packet::{self, Header};

/// The receive buffer.
pub struct Inbound<'m> {
    buffer: &'m mut [u8],
    /// `buffer[start..end]` has arrived and was not taken yet.
    start: usize,
    end: usize,
    /// Bytes of the packet that was handed out, and of its fixed header.
    current: (usize, usize),
    /// The message that is passed over, and how many bytes of it are to come.
    oversize: Option<(Oversize, usize)>,
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A packet that begins with this byte: [`Inbound::body`] has the rest of it.
    Packet(u8),
    /// A message that is larger than the buffer was passed over.
    PassedOver(Oversize),
    /// More has to arrive.
    More,
    /// This is no packet.
    Malformed,
    /// A packet that has to fit does not: it has so many bytes.
    TooLarge(usize),
}

impl<'m> Inbound<'m> {
    /// For packets of up to `buffer.len()` bytes.
    pub fn new(buffer: &'m mut [u8]) -> Self {
        Self {
            buffer,
            start: 0,
            end: 0,
            current: (0, 0),
            oversize: None,
        }
    }

    /// Bytes of the largest packet that can be received.
    pub fn size(&self) -> usize {
        self.buffer.len()
    }

    /// What is next. The packet that was handed out before is over.
    pub fn next(&mut self) -> Next {
        let (size, _) = core::mem::take(&mut self.current);
        self.start = self.start.saturating_add(size).min(self.end);
        if self.oversize.is_some() {
            return self.pass_over();
        }
        let arrived = self.arrived();
        let Some(&first) = arrived.first() else {
            return Next::More;
        };
        match packet::header(arrived) {
            Header::Partial => Next::More,
            Header::Malformed => Next::Malformed,
            Header::Complete { header, size } if size <= self.buffer.len() => {
                if size > arrived.len() {
                    return Next::More;
                }
                self.current = (size, header);
                Next::Packet(first)
            }
            Header::Complete { header, size } => {
                // Only a message can be passed over, and only one whose flags are possible.
                let Some(qos1) = packet::is_qos1(first) else {
                    return Next::TooLarge(size);
                };
                self.start = self.start.saturating_add(header).min(self.end);
                let left = size.saturating_sub(header);
                self.oversize = Some((Oversize::new(qos1, size), left));
                self.pass_over()
            }
        }
    }

    fn pass_over(&mut self) -> Next {
        let arrived = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some((oversize, left)) = &mut self.oversize else {
            return Next::More;
        };
        let n = arrived.len().min(*left);
        oversize.hear(arrived.get(..n).unwrap_or_default());
        *left = left.saturating_sub(n);
        let over = *left == 0;
        self.start = self.start.saturating_add(n);
        match self.oversize.take() {
            Some((oversize, _)) if over && oversize.is_message() => Next::PassedOver(oversize),
            Some(_) if over => Next::Malformed,
            other => {
                self.oversize = other;
                Next::More
            }
        }
    }

    /// What follows the fixed header of the packet that was handed out.
    pub fn body(&self) -> &[u8] {
        let (size, header) = self.current;
        self.arrived().get(header..size).unwrap_or_default()
    }

    fn arrived(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Where what arrives next is to be put; never empty, after [`Next::More`].
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            let arrived = self.end.saturating_sub(self.start);
            if arrived > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
            }
            (self.start, self.end) = (0, arrived);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were put there.
    pub fn add(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.buffer.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes;

    /// Feeds `bytes` in pieces of `size`; what came of it.
    fn feed(bytes: &[u8], size: usize, buffer: usize) -> std::vec::Vec<(Next, std::vec::Vec<u8>)> {
        let mut memory = std::vec![0; buffer];
        let mut inbound = Inbound::new(&mut memory);
        let mut found = std::vec::Vec::new();
        let mut rest = bytes;
        loop {
            match inbound.next() {
                Next::More => {
                    let piece = rest.get(..size.min(rest.len())).unwrap();
                    if piece.is_empty() {
                        return found;
                    }
                    let n = bytes::copy(piece, inbound.room());
                    assert!(n > 0);
                    inbound.add(n);
                    rest = &rest[n..];
                }
                next => {
                    let is_end = matches!(next, Next::Malformed | Next::TooLarge(_));
                    found.push((next, inbound.body().to_vec()));
                    if is_end {
                        return found;
                    }
                }
            }
        }
    }

    #[test]
    fn packets_are_the_same_however_they_arrive() {
        let mut bytes = std::vec![0xD0, 0, 0x40, 2, 0, 7];
        bytes.extend([0x32, 0xC8, 0x01, 0, 3]);
        bytes.extend(b"a/b\x12\x34");
        bytes.extend([9; 193]);
        bytes.extend([0xE0, 1, 0x8E]);
        for size in 1..=bytes.len() {
            let found = feed(&bytes, size, 203);
            assert_eq!(found.len(), 4);
            assert_eq!(found[0], (Next::Packet(0xD0), std::vec![]));
            assert_eq!(found[1], (Next::Packet(0x40), std::vec![0, 7]));
            assert_eq!((&found[2].0, found[2].1.len()), (&Next::Packet(0x32), 200));
            assert_eq!(found[3], (Next::Packet(0xE0), std::vec![0x8E]));
            let found = feed(&bytes, size, 202);
            assert_eq!(found.len(), 4);
            let Next::PassedOver(oversize) = &found[2].0 else {
                panic!("{found:?}");
            };
            assert_eq!((oversize.topic(), oversize.size()), ("a/b", 203));
            assert_eq!(oversize.packet_id(), Some(0x1234));
            assert_eq!(found[3], (Next::Packet(0xE0), std::vec![0x8E]));
        }
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert_eq!(
            feed(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 1, 64),
            [(Next::Malformed, std::vec![])]
        );
        let mut nobody = std::vec![0x32, 0x7F, 0, 3];
        nobody.extend(b"a/b\0\0");
        nobody.extend([9; 122]);
        for size in [1, 7, 129] {
            assert_eq!(feed(&nobody, size, 64), [(Next::Malformed, std::vec![])]);
        }
        for first in [0x20, 0x34, 0x36, 0x38, 0x90] {
            assert_eq!(
                feed(&[first, 0x7F], 1, 64),
                [(Next::TooLarge(129), std::vec![])]
            );
        }
    }
}
