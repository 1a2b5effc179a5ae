//! Listens to the bytes that arrive, for what minimq does not pass on.

use crate::Error;

/// What was heard, and where in the stream of packets it is.
#[derive(Debug, Default)]
pub struct Tap {
    state: State,
    /// The peer ended the stream.
    pub ended: bool,
    /// Reason code of the broker's DISCONNECT.
    pub disconnect: Option<u8>,
    /// Bytes of the largest packet that was announced.
    pub largest: usize,
    /// Writing has failed.
    pub write_failure: Option<Error>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// The first byte of a packet is next.
    #[default]
    Start,
    /// A byte of the remaining length is next.
    Length { first: u8, shift: u32, len: usize },
    /// So many bytes of the packet are to come.
    Body {
        first: u8,
        at_start: bool,
        left: usize,
    },
}

/// First byte of a DISCONNECT (MQTT 5, 3.14.1).
const DISCONNECT: u8 = 0xE0;
/// Its reason code when it has none (3.14.2.1).
const NORMAL: u8 = 0;

impl Tap {
    /// Listens to bytes in the order in which they arrive.
    pub fn hear(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.state {
                State::Start => {
                    self.state = State::Length {
                        first: byte,
                        shift: 0,
                        len: 0,
                    };
                    bytes = rest;
                }
                State::Length { first, shift, len } => {
                    let len = len | (usize::from(byte & 0x7F) << shift);
                    let digits = shift as usize / 7 + 1;
                    self.state = if byte & 0x80 != 0 && digits < 4 {
                        State::Length {
                            first,
                            shift: shift + 7,
                            len,
                        }
                    } else {
                        self.largest = self.largest.max(1 + digits + len);
                        if first == DISCONNECT && len == 0 {
                            self.disconnect = Some(NORMAL);
                        }
                        State::body(first, true, len)
                    };
                    bytes = rest;
                }
                State::Body {
                    first,
                    at_start,
                    left,
                } => {
                    if at_start && first == DISCONNECT {
                        self.disconnect = Some(byte);
                    }
                    let n = left.min(bytes.len());
                    self.state = State::body(first, false, left.saturating_sub(n));
                    bytes = bytes.get(n..).unwrap_or_default();
                }
            }
        }
    }
}

impl State {
    fn body(first: u8, at_start: bool, left: usize) -> Self {
        if left == 0 {
            Self::Start
        } else {
            Self::Body {
                first,
                at_start,
                left,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CONNACK, a PUBLISH of 200 bytes, PINGRESP, DISCONNECT with reason 0x8E.
    fn stream() -> Vec<u8> {
        let mut bytes = vec![0x20, 3, 0, 0, 0, 0x30, 0xC8, 0x01];
        bytes.extend([0xE0; 200]);
        bytes.extend([0xD0, 0, 0xE0, 2, 0x8E, 0]);
        bytes
    }

    #[test]
    fn hears_the_reason_however_it_arrives() {
        let bytes = stream();
        for size in 1..=bytes.len() {
            let mut tap = Tap::default();
            for piece in bytes.chunks(size) {
                tap.hear(piece);
            }
            assert_eq!(tap.disconnect, Some(0x8E));
            assert_eq!(tap.largest, 203);
        }
    }

    #[test]
    fn what_is_not_there_is_not_heard() {
        let bytes = stream();
        for end in 0..bytes.len() - 1 {
            let mut tap = Tap::default();
            tap.hear(&bytes[..end]);
            assert_eq!(tap.disconnect, (end > 212).then_some(0x8E), "{end}");
        }
        let mut tap = Tap::default();
        tap.hear(&[0xE0, 0]);
        assert_eq!(tap.disconnect, Some(NORMAL));
        let mut tap = Tap::default();
        tap.hear(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0xE0, 1, 2]);
        assert_eq!(tap.disconnect, None, "an impossible length");
    }
}
