//! Reading and writing the presentation language of TLS (RFC 8446, 3): numbers and vectors.

use super::alert::Alert;

type Read<T> = Result<T, Alert>;

/// Bytes of a message that are read one after the other. What is not there is a decode_error.
#[derive(Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may follow.
    pub fn end(&self) -> Read<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Alert::DecodeError)
        }
    }

    pub fn bytes(&mut self, length: usize) -> Read<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Alert::DecodeError)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub fn array<const N: usize>(&mut self) -> Read<&'a [u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Alert::DecodeError)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub fn u8(&mut self) -> Read<u8> {
        self.array().map(|&[byte]| byte)
    }

    pub fn u16(&mut self) -> Read<u16> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    pub fn u24(&mut self) -> Read<usize> {
        self.array().map(|bytes: &[u8; 3]| {
            bytes
                .iter()
                .fold(0, |all, &byte| all << 8 | usize::from(byte))
        })
    }

    pub fn u32(&mut self) -> Read<u32> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// A vector with a length of one byte.
    pub fn vector8(&mut self) -> Read<&'a [u8]> {
        let length = self.u8()?;
        self.bytes(length.into())
    }

    /// A vector with a length of two bytes.
    pub fn vector16(&mut self) -> Read<&'a [u8]> {
        let length = self.u16()?;
        self.bytes(length.into())
    }

    /// A vector with a length of three bytes.
    pub fn vector24(&mut self) -> Read<&'a [u8]> {
        let length = self.u24()?;
        self.bytes(length)
    }

    /// One extension: its type and its contents.
    pub fn extension(&mut self) -> Read<(u16, Reader<'a>)> {
        Ok((self.u16()?, Reader(self.vector16()?)))
    }
}

/// Writes to a buffer. What does not fit is counted and not written.
pub struct Writer<'a> {
    out: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, length: 0 }
    }

    /// The bytes that were written, or else the size that would have been enough.
    pub fn finish(self) -> Result<usize, usize> {
        if self.length <= self.out.len() {
            Ok(self.length)
        } else {
            Err(self.length)
        }
    }

    /// What was written so far; nothing if it did not fit.
    pub fn written(&self) -> &[u8] {
        self.out.get(..self.length).unwrap_or_default()
    }

    // Inlined wherever a number is written, these would take two kilobytes.
    #[inline(never)]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(place) = self.out.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
        }
        self.length = end;
    }

    #[inline(never)]
    pub fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    #[inline(never)]
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// A length of three bytes.
    pub fn u24(&mut self, value: usize) {
        let [.., a, b, c] = value.to_be_bytes();
        self.bytes(&[a, b, c]);
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A vector whose contents `write` writes, with a length of `N` bytes.
    pub fn vector<const N: usize>(&mut self, write: impl FnOnce(&mut Self)) {
        self.bytes(&[0; N]);
        let start = self.length;
        write(self);
        self.set_length(start, N);
    }

    /// Puts the length of what was written from `start` on into the `size` bytes before.
    #[inline(never)]
    fn set_length(&mut self, start: usize, size: usize) {
        let length = self.length.saturating_sub(start).to_be_bytes();
        let place = self.out.get_mut(start.saturating_sub(size)..start);
        for (to, from) in place.into_iter().flatten().rev().zip(length.iter().rev()) {
            *to = *from;
        }
    }

    /// An extension whose contents `write` writes.
    pub fn extension(&mut self, kind: u16, write: impl FnOnce(&mut Self)) {
        self.u16(kind);
        self.vector::<2>(write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_vectors_come_back() {
        let mut out = [0; 40];
        let mut writer = Writer::new(&mut out);
        writer.u8(1);
        writer.u16(0x203);
        writer.u24(0x40506);
        writer.u32(0x708090a);
        writer.vector::<1>(|w| w.bytes(b"a"));
        writer.vector::<2>(|w| w.bytes(b"bc"));
        writer.vector::<3>(|w| w.bytes(b"def"));
        writer.extension(7, |w| w.u8(8));
        let length = writer.finish().unwrap();
        let mut reader = Reader::new(&out[..length]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(0x203));
        assert_eq!(reader.u24(), Ok(0x40506));
        assert_eq!(reader.u32(), Ok(0x708090a));
        assert_eq!(reader.vector8(), Ok(&b"a"[..]));
        assert_eq!(reader.vector16(), Ok(&b"bc"[..]));
        assert_eq!(reader.vector24(), Ok(&b"def"[..]));
        let (kind, mut contents) = reader.extension().unwrap();
        assert_eq!((kind, contents.u8()), (7, Ok(8)));
        assert_eq!((contents.end(), reader.end()), (Ok(()), Ok(())));
        assert_eq!(reader.u8(), Err(Alert::DecodeError));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let mut reader = Reader::new(&[3, 1, 2]);
        assert_eq!(reader.vector8(), Err(Alert::DecodeError));
        let mut reader = Reader::new(&[0xff; 5]);
        assert_eq!(reader.vector24(), Err(Alert::DecodeError));
        assert_eq!(Reader::new(&[1]).end(), Err(Alert::DecodeError));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut out = [0; 3];
        let mut writer = Writer::new(&mut out);
        writer.vector::<2>(|w| w.bytes(b"abc"));
        assert_eq!(writer.finish(), Err(5));
        assert_eq!(out, [0, 3, 0]);
    }
}
