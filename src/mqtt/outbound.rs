//! The packets that are to be sent, collected so that what is made together leaves in one send.

/// Bytes that packets of the connection itself find free whatever else was collected: an
/// acknowledgement with its reason code, a ping, and DISCONNECT.
pub(super) const RESERVE: usize = 16;

/// Bytes of the longest fixed header.
const MAX_HEADER: usize = 5;

/// The transmit buffer.
pub struct Outbound<'m> {
    buffer: &'m mut [u8],
    /// `buffer[sent..filled]` is still to be sent.
    sent: usize,
    filled: usize,
    /// Bytes of the largest packet that the broker takes.
    limit: usize,
}

/// Why a packet was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// It needs more room.
    NoRoom,
    /// It is not wanted any more.
    Unwanted,
}

impl<'m> Outbound<'m> {
    /// An empty one.
    pub fn new(buffer: &'m mut [u8]) -> Self {
        Self {
            buffer,
            sent: 0,
            filled: 0,
            limit: usize::MAX,
        }
    }

    /// No packet has more bytes than this from now on.
    pub fn limit(&mut self, size: usize) {
        self.limit = size;
    }

    /// Nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// What is to be sent.
    pub fn waiting(&self) -> &[u8] {
        self.buffer.get(self.sent..self.filled).unwrap_or_default()
    }

    /// So many bytes of it were sent.
    pub fn sent(&mut self, n: usize) {
        self.sent = self.sent.saturating_add(n).min(self.filled);
        if self.sent == self.filled {
            self.clear();
        }
    }

    /// Throws away what is to be sent.
    pub fn clear(&mut self) {
        (self.sent, self.filled) = (0, 0);
    }

    /// Whether the packets of the connection itself would find room.
    pub fn has_reserve(&self) -> bool {
        self.buffer.len().saturating_sub(self.filled) >= RESERVE
    }

    /// Room for the next part of a packet that may be larger than the buffer.
    pub fn room(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// So many bytes were put there.
    pub fn fill(&mut self, n: usize) {
        self.filled = self.filled.saturating_add(n).min(self.buffer.len());
    }

    /// Adds a small packet that the reserve is for.
    pub fn add(&mut self, packet: &[u8]) -> Option<()> {
        let end = self.filled.checked_add(packet.len())?;
        self.buffer
            .get_mut(self.filled..end)?
            .copy_from_slice(packet);
        self.filled = end;
        Some(())
    }

    /// Adds a packet that begins with `first`; its body, of presumably `expected` bytes, is written by
    /// `write`. If that fails, nothing has happened.
    pub fn packet(
        &mut self,
        first: u8,
        expected: usize,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), Unwritten>,
    ) -> Result<(), Unwritten> {
        let end = self.buffer.len().saturating_sub(RESERVE);
        let out = self.buffer.get_mut(self.filled..end);
        let out = out.ok_or(Unwritten::NoRoom)?;
        let gap = fixed_header(first, expected).1;
        let mut body = Body {
            out: out.get_mut(gap..).ok_or(Unwritten::NoRoom)?,
            len: 0,
        };
        write(&mut body)?;
        let len = body.len;
        let (header, digits) = fixed_header(first, len);
        let size = digits.saturating_add(len);
        if size > self.limit || size > out.len() {
            return Err(Unwritten::NoRoom);
        }
        if digits != gap {
            out.copy_within(gap..gap.saturating_add(len), digits);
        }
        for (place, byte) in out.iter_mut().zip(header.iter().take(digits)) {
            *place = *byte;
        }
        self.filled = self.filled.saturating_add(size);
        Ok(())
    }
}

/// The fixed header of a packet with a body of `len` bytes (2.1.4), and how many bytes it has.
pub(super) fn fixed_header(first: u8, mut len: usize) -> ([u8; MAX_HEADER], usize) {
    if len < 0x80 {
        return ([first, len as u8, 0, 0, 0], 2);
    }
    let mut header = [first, 0, 0, 0, 0];
    let mut used = 1;
    for digit in header.iter_mut().skip(1) {
        *digit = (len & 0x7F) as u8;
        len >>= 7;
        used += 1;
        if len == 0 {
            break;
        }
        *digit |= 0x80;
    }
    (header, used)
}

/// The body of a packet that is being written.
pub struct Body<'o> {
    out: &'o mut [u8],
    len: usize,
}

impl Body<'_> {
    /// Appends bytes.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Unwritten> {
        let place = self.out.get_mut(self.len..).unwrap_or_default();
        let place = place.get_mut(..bytes.len()).ok_or(Unwritten::NoRoom)?;
        place.copy_from_slice(bytes);
        self.len = self.len.saturating_add(bytes.len());
        Ok(())
    }

    /// Appends data with its length (1.5.4, 1.5.6).
    pub fn put_data(&mut self, data: &[u8]) -> Result<(), Unwritten> {
        let len = u16::try_from(data.len()).map_err(|_| Unwritten::NoRoom)?;
        self.put(&len.to_be_bytes())?;
        self.put(data)
    }

    /// Appends what `write` writes; it returns how many bytes that are.
    pub fn write(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<usize, Unwritten>,
    ) -> Result<(), Unwritten> {
        let place = self.out.get_mut(self.len..).unwrap_or_default();
        let n = write(place)?.min(place.len());
        self.len = self.len.saturating_add(n);
        Ok(())
    }

    /// Appends data that `write` writes, with its length.
    pub fn write_data(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Result<(), Unwritten> {
        let at = self.len;
        self.put(&[0, 0])?;
        self.write(|out| write(out).ok_or(Unwritten::NoRoom))?;
        let len = self.len.saturating_sub(at).saturating_sub(2);
        let len = u16::try_from(len).map_err(|_| Unwritten::NoRoom)?;
        let place = self.out.get_mut(at..).unwrap_or_default();
        let place = place.first_chunk_mut::<2>().ok_or(Unwritten::NoRoom)?;
        *place = len.to_be_bytes();
        Ok(())
    }

    /// Appends properties with their length (2.2.2).
    pub fn put_properties(&mut self, properties: &[u8]) -> Result<(), Unwritten> {
        if properties.is_empty() {
            return self.put(&[0]);
        }
        let (length, digits) = fixed_header(0, properties.len());
        self.put(length.get(1..digits).unwrap_or_default())?;
        self.put(properties)
    }

    /// Does several things or none.
    pub fn all_or_none<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Unwritten>,
    ) -> Result<T, Unwritten> {
        let before = self.len;
        let done = work(self);
        if done.is_err() {
            self.len = before;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_follow_each_other() {
        let mut memory = [0; 400 + RESERVE];
        let mut outbound = Outbound::new(&mut memory);
        let payload = [7; 200];
        for expected in [0, 200, 5000] {
            outbound.clear();
            outbound.add(&[0xC0, 0]).unwrap();
            outbound
                .packet(0x30, expected, |body| body.put(&payload))
                .unwrap();
            let mut wanted = std::vec![0xC0, 0, 0x30, 0xC8, 1];
            wanted.extend(payload);
            assert_eq!(outbound.waiting(), wanted);
        }
        assert_eq!(
            outbound.packet(0x30, 200, |body| body.put(&payload)),
            Err(Unwritten::NoRoom)
        );
        assert_eq!(
            outbound.packet(0x30, 1, |_| Err(Unwritten::Unwanted)),
            Err(Unwritten::Unwanted)
        );
        assert_eq!(outbound.waiting().len(), 205);
        outbound.sent(5);
        assert_eq!(outbound.waiting(), payload);
        outbound.sent(200);
        assert!(outbound.is_empty());
        outbound.limit(100);
        assert!(outbound.packet(0x30, 98, |body| body.put(&[1; 98])).is_ok());
        assert!(
            outbound
                .packet(0x30, 99, |body| body.put(&[1; 99]))
                .is_err()
        );
    }

    #[test]
    fn bodies() {
        let mut memory = [0; 64];
        let mut outbound = Outbound::new(&mut memory);
        outbound
            .packet(0x82, 0, |body| {
                body.put_data(b"ab")?;
                body.write_data(|out| {
                    out[..3].copy_from_slice(b"cde");
                    Some(3)
                })?;
                body.put_properties(&[9])?;
                let failed = body.all_or_none(|body| {
                    body.put(b"x")?;
                    body.put(&[0; 100])
                });
                assert_eq!(failed, Err(Unwritten::NoRoom));
                body.put(b"z")
            })
            .unwrap();
        assert_eq!(outbound.waiting(), b"\x82\x0C\0\x02ab\0\x03cde\x01\x09z");
    }

    #[test]
    fn headers() {
        for (len, digits) in [
            (0, &[0][..]),
            (127, &[0x7F]),
            (128, &[0x80, 1]),
            (16_384, &[0x80, 0x80, 1]),
            (268_435_455, &[0xFF, 0xFF, 0xFF, 0x7F]),
        ] {
            let (header, used) = fixed_header(0x10, len);
            assert_eq!(&header[1..used], digits);
        }
    }
}
