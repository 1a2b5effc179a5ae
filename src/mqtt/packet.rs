//! What the broker sends (MQTT 5, 2.1 and 3), read strictly: a packet that is not exactly what the
//! standard describes is none.

use super::FILTERS_PER_SUBSCRIBE;
use super::connack::Connack;
use super::properties::{self, Properties};

// First bytes of packets (2.1.2, 2.1.3).
pub(super) const CONNACK: u8 = 0x20;
pub(super) const PUBLISH: u8 = 0x30;
pub(super) const PUBACK: u8 = 0x40;
const SUBACK: u8 = 0x90;
const UNSUBACK: u8 = 0xB0;
const PINGRESP: u8 = 0xD0;
const DISCONNECT: u8 = 0xE0;

/// The reason code of an acknowledgement or DISCONNECT that has none (3.4.2.1, 3.14.2.1).
const SUCCESS: u8 = 0;

/// What the beginning of a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// More bytes of its fixed header are to come.
    Partial,
    /// Its length has more than four bytes.
    Malformed,
    /// It is complete: bytes of the fixed header, and of the whole packet.
    Complete { header: usize, size: usize },
}

/// Reads a fixed header (2.1.4).
pub fn header(bytes: &[u8]) -> Header {
    let mut left = 0_usize;
    for at in 1..=4_u8 {
        let Some(digit) = bytes.get(usize::from(at)) else {
            return Header::Partial;
        };
        left |= usize::from(digit & 0x7F) << (7 * u32::from(at - 1));
        if digit & 0x80 == 0 {
            let header = usize::from(at) + 1;
            let size = header.saturating_add(left);
            return Header::Complete { header, size };
        }
    }
    Header::Malformed
}

/// A packet that is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    Connack(Connack),
    Ack(Ack),
    Pingresp,
    /// With its reason code.
    Disconnect(u8),
}

/// What an acknowledgement acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckOf {
    /// A message.
    Publish,
    /// New subscriptions.
    Subscribe,
    /// Subscriptions that ended.
    Unsubscribe,
}

/// What the broker says of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Which kind of operation.
    pub of: AckOf,
    /// Its packet identifier.
    pub id: u16,
    codes: [u8; FILTERS_PER_SUBSCRIBE],
    count: u8,
}

impl Ack {
    fn new(of: AckOf, id: u16, codes: &[u8]) -> Option<Self> {
        let mut all = [0; FILTERS_PER_SUBSCRIBE];
        all.get_mut(..codes.len())?.copy_from_slice(codes);
        Some(Self {
            of,
            id,
            codes: all,
            count: codes.len() as u8,
        })
    }

    /// The only reason code.
    pub fn code(&self) -> u8 {
        self.codes.first().copied().unwrap_or(SUCCESS)
    }

    /// The reason codes, one for each filter, in their order.
    pub fn codes(&self) -> &[u8] {
        self.codes
            .get(..usize::from(self.count))
            .unwrap_or_default()
    }
}

/// Reads a packet that is not a message.
pub fn parse(first: u8, body: &[u8]) -> Option<Packet> {
    Some(match first {
        CONNACK => Packet::Connack(Connack::parse(body)?),
        PUBACK => {
            let (id, rest) = take_id(body)?;
            let codes = [reason(rest)?];
            Packet::Ack(Ack::new(AckOf::Publish, id, &codes)?)
        }
        SUBACK | UNSUBACK => {
            let (id, rest) = take_id(body)?;
            let (_, codes) = properties::split(rest)?;
            let of = match first {
                SUBACK => AckOf::Subscribe,
                _ => AckOf::Unsubscribe,
            };
            Packet::Ack(Ack::new(of, id, codes)?)
        }
        PINGRESP if body.is_empty() => Packet::Pingresp,
        DISCONNECT => Packet::Disconnect(reason(body)?),
        _ => return None,
    })
}

/// The packet identifier is never 0 (2.2.1).
fn take_id(body: &[u8]) -> Option<(u16, &[u8])> {
    let (id, rest) = body.split_first_chunk::<2>()?;
    let id = u16::from_be_bytes(*id);
    (id != 0).then_some((id, rest))
}

/// A reason code and properties; both, or the latter, may be left out.
fn reason(rest: &[u8]) -> Option<u8> {
    let Some((&code, rest)) = rest.split_first() else {
        return Some(SUCCESS);
    };
    if !rest.is_empty() {
        let (_, behind) = properties::split(rest)?;
        if !behind.is_empty() {
            return None;
        }
    }
    Some(code)
}

/// Whether a PUBLISH that begins with `first` is at QoS 1, else at QoS 0; `None` when it is neither.
pub fn is_qos1(first: u8) -> Option<bool> {
    match first & 0xFE {
        PUBLISH => Some(false),
        0x32 | 0x3A => Some(true),
        // More than QoS 1 was not subscribed to; what is sent once is not sent again.
        _ => None,
    }
}

/// Whether a topic has a character that only filters have, or none at all may have (1.5.4).
fn has_wildcard(topic: &[u8]) -> bool {
    // All three are below what topics are mostly made of, which is found out for four at once.
    const ABOVE: u8 = b'+' + 1;
    let usual = topic.strip_prefix(b"$").unwrap_or(topic);
    let (fours, rest) = usual.as_chunks::<4>();
    let any_low = fours.iter().any(|four| {
        let four = u32::from_ne_bytes(*four);
        let above = u32::from_ne_bytes([ABOVE; 4]);
        four.wrapping_sub(above) & !four & 0x8080_8080 != 0
    });
    (any_low || rest.iter().any(|b| *b < ABOVE))
        && topic.iter().any(|b| matches!(b, b'+' | b'#' | 0))
}

/// A message that arrived (3.3).
#[derive(Clone, Copy, Debug)]
pub struct Message<'p> {
    topic: &'p str,
    payload: &'p [u8],
    /// Well-formed, as `properties` has checked.
    properties: &'p [u8],
    read: Properties<'p>,
    /// The packet identifier, at QoS 1.
    id: Option<u16>,
    retain: bool,
}

impl<'p> Message<'p> {
    /// Reads the body of a PUBLISH that begins with `first`.
    pub fn parse(first: u8, body: &'p [u8]) -> Option<Self> {
        let qos1 = is_qos1(first)?;
        let (topic, rest) = properties::take_data(body)?;
        // The topic aliases that would allow an empty one were not offered.
        if topic.is_empty() || has_wildcard(topic) {
            return None;
        }
        let topic = core::str::from_utf8(topic).ok()?;
        let (id, rest) = match qos1 {
            true => take_id(rest).map(|(id, rest)| (Some(id), rest))?,
            false => (None, rest),
        };
        let (properties, payload) = properties::split(rest)?;
        Some(Self {
            topic,
            payload,
            properties,
            read: properties::read(properties)?,
            id,
            retain: first & 1 != 0,
        })
    }

    /// Its topic.
    pub fn topic(&self) -> &'p str {
        self.topic
    }

    /// Its payload.
    pub fn payload(&self) -> &'p [u8] {
        self.payload
    }

    /// It was delivered at QoS 1.
    pub fn qos1(&self) -> bool {
        self.id.is_some()
    }

    /// What it is acknowledged by, at QoS 1.
    pub(super) fn packet_id(&self) -> Option<u16> {
        self.id
    }

    /// It was kept by the broker from before the subscription.
    pub fn retain(&self) -> bool {
        self.retain
    }

    /// Its properties.
    pub fn properties(&self) -> Properties<'p> {
        self.read
    }

    /// Its user property with this number: name and value.
    pub fn user_property(&self, index: usize) -> Option<(&'p str, &'p str)> {
        properties::read_user(self.properties, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let complete = |header, size| Header::Complete { header, size };
        for (bytes, expected) in [
            (&[][..], Header::Partial),
            (&[0x30], Header::Partial),
            (&[0xD0, 0], complete(2, 2)),
            (&[0x30, 0x7F, 1], complete(2, 129)),
            (&[0x30, 0x80], Header::Partial),
            (&[0x30, 0x80, 1], complete(3, 131)),
            (&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], complete(5, 268_435_460)),
            (&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], Header::Malformed),
        ] {
            assert_eq!(header(bytes), expected, "{bytes:x?}");
        }
    }

    fn ack(of: AckOf, id: u16, codes: &[u8]) -> Option<Packet> {
        Some(Packet::Ack(Ack::new(of, id, codes).unwrap()))
    }

    #[test]
    fn acknowledgements() {
        for (first, body, expected) in [
            (PUBACK, &[0, 1][..], ack(AckOf::Publish, 1, &[0])),
            (PUBACK, &[0, 1, 0x10], ack(AckOf::Publish, 1, &[0x10])),
            (PUBACK, &[1, 0, 0x87, 0], ack(AckOf::Publish, 256, &[0x87])),
            (
                PUBACK,
                &[0, 1, 0x87, 4, 0x1F, 0, 1, b'x'],
                ack(AckOf::Publish, 1, &[0x87]),
            ),
            (PUBACK, &[0, 1, 0x87, 1], None),
            (PUBACK, &[0, 1, 0x87, 0, 0], None),
            (PUBACK, &[0, 0], None),
            (PUBACK, &[0], None),
            (PUBACK | 2, &[0, 1], None),
            (
                SUBACK,
                &[0, 2, 4, 0x1F, 0, 1, b'x', 1, 0x87, 0],
                ack(AckOf::Subscribe, 2, &[1, 0x87, 0]),
            ),
            (SUBACK, &[0, 2, 0, 1], ack(AckOf::Subscribe, 2, &[1])),
            (SUBACK, &[0, 2], None),
            (SUBACK, &[0, 2, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1], None),
            (
                UNSUBACK,
                &[0, 3, 0, 0x11],
                ack(AckOf::Unsubscribe, 3, &[0x11]),
            ),
            (PINGRESP, &[], Some(Packet::Pingresp)),
            (PINGRESP, &[0], None),
            (PINGRESP | 1, &[], None),
            (DISCONNECT, &[], Some(Packet::Disconnect(0))),
            (DISCONNECT, &[0x8E], Some(Packet::Disconnect(0x8E))),
            (DISCONNECT, &[0x8E, 0], Some(Packet::Disconnect(0x8E))),
            (0x00, &[], None),
            (0x10, &[0, 4], None),
            (0x50, &[0, 1], None),
            (0x62, &[0, 1], None),
            (0x70, &[0, 1], None),
            (0xC0, &[], None),
            (0xF0, &[], None),
        ] {
            assert_eq!(parse(first, body), expected, "{first:x} {body:x?}");
        }
    }

    #[test]
    fn wildcards_are_found_wherever_they_are() {
        for len in 1..=9 {
            for at in 0..len {
                for byte in 0..=255 {
                    let mut topic = [b'x'; 9];
                    topic[at] = byte;
                    let is_one = matches!(byte, b'+' | b'#' | 0);
                    assert_eq!(has_wildcard(&topic[..len]), is_one, "{byte:x} at {at}");
                    topic[0] = b'$';
                    let is_one = is_one && at > 0;
                    assert_eq!(has_wildcard(&topic[..len]), is_one, "{byte:x} at {at}");
                }
            }
        }
    }

    #[test]
    fn messages() {
        let body = b"\0\x03a/b\x12\x34\x07\x26\0\x01n\0\x01vpayload";
        let message = Message::parse(0x33, body).unwrap();
        assert_eq!(
            (message.topic(), message.payload()),
            ("a/b", &b"payload"[..])
        );
        assert_eq!(message.packet_id(), Some(0x1234));
        assert!(message.retain());
        assert_eq!(message.user_property(0), Some(("n", "v")));
        assert_eq!(message.user_property(1), None);
        let plain = Message::parse(0x30, b"\0\x01t\0").unwrap();
        assert_eq!(
            (plain.topic(), plain.payload(), plain.qos1()),
            ("t", &b""[..], false)
        );
        for (first, body) in [
            (0x30, &b""[..]),
            (0x30, b"\0\0\0"),
            (0x30, b"\0\x01t"),
            (0x30, b"\0\x02t\0"),
            (0x30, b"\0\x01+\0"),
            (0x30, b"\0\x01#\0"),
            (0x30, b"\0\x01\0\0"),
            (0x30, b"\0\x01\xFF\0"),
            (0x30, b"\0\x01t\x05\x26\0\x01n"),
            (0x30, b"\0\x01t\x03\x23\0\x01"),
            (0x32, b"\0\x01t\0\0\0"),
            (0x32, b"\0\x01t\0"),
            (0x34, b"\0\x01t\0\x01\0"),
            (0x36, b"\0\x01t\0\x01\0"),
            (0x38, b"\0\x01t\0"),
        ] {
            assert!(Message::parse(first, body).is_none(), "{first:x} {body:x?}");
        }
        for cut in 0..17 {
            assert!(
                Message::parse(0x33, &body[..cut.min(14)]).is_none(),
                "{cut}"
            );
        }
    }
}
