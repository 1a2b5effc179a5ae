//! Where in the stream of packets the bytes are (MQTT 5, 2.1.4): which packet, and how much of it is
//! to come. The same in both directions.

/// Follows packets through bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    head: [u8; 5],
    known: u8,
    left: usize,
}

/// What a byte of a fixed header made known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// More bytes of it are to come.
    Partial,
    /// It is complete: the size of the whole packet.
    Complete(usize),
    /// The length has more than four bytes.
    Malformed,
}

impl Frame {
    /// Between two packets.
    pub fn at_boundary(&self) -> bool {
        self.known == 0
    }

    /// The next byte belongs to a fixed header.
    pub fn in_header(&self) -> bool {
        self.left == 0
    }

    /// The first byte of the current packet: its type and flags.
    pub fn first(&self) -> u8 {
        self.head.first().copied().unwrap_or_default()
    }

    /// The fixed header as far as it is known.
    pub fn header(&self) -> &[u8] {
        self.head.get(..usize::from(self.known)).unwrap_or_default()
    }

    /// Bytes of the packet's body that are to come.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Takes a byte of a fixed header.
    pub fn take_header(&mut self, byte: u8) -> Header {
        let Some(place) = self.head.get_mut(usize::from(self.known)) else {
            return Header::Malformed;
        };
        *place = byte;
        self.known = self.known.saturating_add(1);
        if self.known == 1 || byte & 0x80 != 0 {
            let full = usize::from(self.known) == self.head.len();
            return if full {
                Header::Malformed
            } else {
                Header::Partial
            };
        }
        let digits = self.header().iter().skip(1).rev();
        self.left = digits.fold(0, |len, digit| (len << 7) | usize::from(digit & 0x7F));
        Header::Complete(usize::from(self.known).saturating_add(self.left))
    }

    /// Takes so many bytes of the body.
    pub fn take_body(&mut self, n: usize) {
        self.left = self.left.saturating_sub(n);
    }

    /// The packet is over: the next one begins.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// Follows bytes that are known to be well formed.
    pub fn follow(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.in_header() {
                let header = self.take_header(byte);
                bytes = rest;
                if header != Header::Partial && self.left == 0 {
                    self.end();
                }
            } else {
                let n = self.left.min(bytes.len());
                self.take_body(n);
                bytes = bytes.get(n..).unwrap_or_default();
                if self.left == 0 {
                    self.end();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_packets_however_they_are_cut() {
        let mut bytes = vec![0xC0, 0, 0x30, 0xC8, 0x01];
        bytes.extend([0x30; 200]);
        bytes.extend([0x40, 2, 0, 1]);
        let boundaries = [0, 2, 205, 209];
        for size in 1..bytes.len() {
            let mut frame = Frame::default();
            let mut at = 0;
            for piece in bytes.chunks(size) {
                frame.follow(piece);
                at += piece.len();
                assert_eq!(frame.at_boundary(), boundaries.contains(&at), "{size} {at}");
            }
        }
    }

    #[test]
    fn headers() {
        let mut frame = Frame::default();
        assert_eq!(frame.take_header(0x30), Header::Partial);
        assert_eq!(frame.take_header(0x80), Header::Partial);
        assert_eq!(frame.take_header(0x01), Header::Complete(131));
        assert_eq!(
            (frame.header(), frame.first()),
            (&[0x30, 0x80, 1][..], 0x30)
        );
        let mut frame = Frame::default();
        for _ in 0..4 {
            assert_eq!(frame.take_header(0xFF), Header::Partial);
        }
        assert_eq!(frame.take_header(0xFF), Header::Malformed);
        let mut frame = Frame::default();
        frame.take_header(0xD0);
        assert_eq!(frame.take_header(0), Header::Complete(2));
    }
}
