//! Listens to the bytes that arrive, for what minimq does not pass on.

use embassy_time::Duration;
use heapless::Vec;

use super::FILTERS_PER_SUBSCRIBE;
use super::connack::Connack;
use super::oversize::Oversize;
use crate::Error;

/// How much of the body of an acknowledgement is kept. A CONNACK of AWS IoT has about 40 bytes;
/// of a longer one the properties within this many are known.
const KEPT: usize = 96;

/// What was heard, and where in the stream of packets it is.
#[derive(Debug, Default)]
pub struct Tap {
    state: State,
    /// The beginning of the current packet's body, unless it is a message.
    body: Vec<u8, KEPT>,
    /// The last bytes of the current packet's body.
    tail: [u8; FILTERS_PER_SUBSCRIBE],
    /// The peer ended the stream.
    pub ended: bool,
    /// What the broker said of the connection.
    pub connack: Option<Connack>,
    /// The last acknowledgement of an operation.
    pub ack: Option<Ack>,
    /// Reason code of the broker's DISCONNECT.
    pub disconnect: Option<u8>,
    /// Bytes of the largest packet that was announced.
    pub largest: usize,
    /// Writing has failed.
    pub write_failure: Option<Error>,
    /// What is flushed is to be sent at once.
    pub flush_now: bool,
    /// PINGRESP has arrived.
    pub pingresp: bool,
    /// A message was passed over.
    pub oversize: Option<Oversize>,
    /// Minimq knows what was in flight when the connection was opened.
    pub replays: bool,
    /// From the last PINGREQ to its PINGRESP.
    pub round_trip: Option<Duration>,
}

/// What the broker says of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The reason codes are the last of these: as many as the operation had filters, one for a
    /// message.
    codes: [u8; FILTERS_PER_SUBSCRIBE],
}

impl Ack {
    /// An acknowledgement with one reason code.
    pub fn one(code: u8) -> Self {
        let mut codes = [0; FILTERS_PER_SUBSCRIBE];
        if let Some(last) = codes.last_mut() {
            *last = code;
        }
        Self { codes }
    }

    /// The only reason code.
    pub fn code(&self) -> u8 {
        self.codes.last().copied().unwrap_or(SUCCESS)
    }

    /// The reason codes of an operation with `count` filters, in their order.
    pub fn codes(&self, count: usize) -> impl Iterator<Item = u8> + '_ {
        let skipped = self.codes.len().saturating_sub(count);
        self.codes.iter().skip(skipped).copied()
    }
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// The first byte of a packet is next.
    #[default]
    Start,
    /// A byte of the remaining length is next.
    Length { first: u8, shift: u32, len: usize },
    /// So many bytes of the packet are to come.
    Body { first: u8, left: usize },
}

// First bytes of packets (MQTT 5, 2.1).
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const SUBACK: u8 = 0x90;
const UNSUBACK: u8 = 0xB0;
const PINGRESP: u8 = 0xD0;
const DISCONNECT: u8 = 0xE0;

/// The reason code of an acknowledgement or DISCONNECT that has none (3.4.2.1, 3.14.2.1).
const SUCCESS: u8 = 0;

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
                    if byte & 0x80 != 0 && digits < 4 {
                        self.state = State::Length {
                            first,
                            shift: shift + 7,
                            len,
                        };
                    } else {
                        self.largest = self.largest.max(1 + digits + len);
                        self.body.clear();
                        self.expect(first, len);
                    }
                    bytes = rest;
                }
                State::Body { first, left } => {
                    let n = left.min(bytes.len());
                    let (part, rest) = bytes.split_at_checked(n).unwrap_or_default();
                    if first & 0xF0 != PUBLISH {
                        self.keep(part);
                    }
                    bytes = rest;
                    self.expect(first, left.saturating_sub(n));
                }
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        for byte in part {
            // What does not fit is not needed.
            let _ = self.body.push(*byte);
            self.tail.rotate_left(1);
            if let Some(last) = self.tail.last_mut() {
                *last = *byte;
            }
        }
    }

    /// `left` bytes of the packet's body are to come.
    fn expect(&mut self, first: u8, left: usize) {
        if left > 0 {
            self.state = State::Body { first, left };
            return;
        }
        self.state = State::Start;
        match first {
            CONNACK => self.connack = Connack::parse(&self.body),
            PUBACK => {
                // After the packet identifier.
                self.ack = Some(Ack::one(self.body.get(2).copied().unwrap_or(SUCCESS)));
            }
            SUBACK | UNSUBACK => self.ack = Some(Ack { codes: self.tail }),
            PINGRESP => self.pingresp = true,
            DISCONNECT => {
                self.disconnect = Some(self.body.first().copied().unwrap_or(SUCCESS));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CONNACK, a PUBLISH of 200 bytes, PUBACK, SUBACK, PINGRESP, DISCONNECT with reason 0x8E.
    fn stream() -> Vec<u8, 300> {
        let mut bytes: Vec<u8, 300> = Vec::new();
        let mut add = |part: &[u8]| bytes.extend_from_slice(part).unwrap();
        add(&[0x20, 6, 0, 0, 3, 0x21, 0, 100]);
        add(&[0x30, 0xC8, 0x01]);
        add(&[0xE0; 200]);
        add(&[0x40, 3, 0, 1, 0x10]);
        add(&[0x90, 8, 0, 2, 2, 0x1F, 0, 1, 0x87, 0]);
        add(&[0xD0, 0, 0xE0, 2, 0x8E, 0]);
        bytes
    }

    #[test]
    fn hears_the_same_however_it_arrives() {
        let bytes = stream();
        for size in 1..=bytes.len() {
            let mut tap = Tap::default();
            for piece in bytes.chunks(size) {
                tap.hear(piece);
            }
            assert_eq!(tap.disconnect, Some(0x8E));
            assert_eq!(tap.largest, 203);
            assert!(tap.pingresp);
            assert_eq!(tap.connack.unwrap().receive_maximum, Some(100));
            let codes: std::vec::Vec<u8> = tap.ack.unwrap().codes(3).collect();
            assert_eq!(codes, [1, 0x87, 0]);
        }
    }

    #[test]
    fn what_is_not_there_is_not_heard() {
        let bytes = stream();
        for end in 0..=bytes.len() {
            let mut tap = Tap::default();
            tap.hear(&bytes[..end]);
            let all = end == bytes.len();
            assert_eq!(tap.disconnect, all.then_some(0x8E), "{end}");
            assert_eq!(tap.ack.is_some(), end >= 216, "{end}");
            if (216..226).contains(&end) {
                assert_eq!(tap.ack, Some(Ack::one(0x10)));
            }
        }
        for (bytes, heard) in [(&[0xE0, 0][..], SUCCESS), (&[0xE0, 1, 4], 4)] {
            let mut tap = Tap::default();
            tap.hear(bytes);
            assert_eq!(tap.disconnect, Some(heard));
        }
        let mut tap = Tap::default();
        tap.hear(&[0x40, 2, 0, 1]);
        assert_eq!(tap.ack, Some(Ack::one(SUCCESS)));
        let mut tap = Tap::default();
        tap.hear(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0xE0, 1, 2]);
        assert_eq!(tap.disconnect, None, "an impossible length");
    }
}
