//! What the broker says of a new connection: CONNACK (MQTT 5, 3.2).

use super::properties::take_property;

/// The fields and properties that matter to a device; `None` where the broker was silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connack {
    /// The broker has the session of an earlier connection.
    pub session_present: bool,
    /// 0: accepted.
    pub reason: u8,
    /// Seconds for which the broker keeps the session, when it differs from what was asked for.
    pub session_expiry_s: Option<u32>,
    /// Messages at QoS 1 that the broker lets be in flight.
    pub receive_maximum: Option<u16>,
    /// Bytes of the largest packet that the broker takes.
    pub maximum_packet_size: Option<u32>,
    /// Seconds, when the broker does not accept what was asked for.
    pub server_keep_alive_s: Option<u16>,
    /// How many topic aliases the broker takes.
    pub topic_alias_maximum: u16,
    /// The broker has retained messages.
    pub retain_unavailable: bool,
}

// Identifiers of properties (2.2.2.2).
const SESSION_EXPIRY: u8 = 0x11;
const SERVER_KEEP_ALIVE: u8 = 0x13;
const RECEIVE_MAXIMUM: u8 = 0x21;
const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
const RETAIN_AVAILABLE: u8 = 0x25;
const MAXIMUM_PACKET_SIZE: u8 = 0x27;

impl Connack {
    /// Reads a CONNACK's body. Of its properties those count that come before one which is none: a
    /// later broker may have some that we do not know.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let [flags, reason, rest @ ..] = body else {
            return None;
        };
        let mut connack = Self {
            session_present: flags & 1 != 0,
            reason: *reason,
            ..Self::default()
        };
        // The length of the properties: nothing follows them.
        let len = rest.iter().take(4).take_while(|b| **b & 0x80 != 0).count();
        let mut at = rest.get(len.saturating_add(1)..).unwrap_or_default();
        while let Some((id, value, next)) = take_property(at) {
            connack.note(id, value);
            at = next;
        }
        Some(connack)
    }

    fn note(&mut self, id: u8, value: &[u8]) {
        let number = value
            .iter()
            .take(4)
            .fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
        let short = number as u16;
        match id {
            SESSION_EXPIRY => self.session_expiry_s = Some(number),
            SERVER_KEEP_ALIVE => self.server_keep_alive_s = Some(short),
            RECEIVE_MAXIMUM => self.receive_maximum = Some(short),
            TOPIC_ALIAS_MAXIMUM => self.topic_alias_maximum = short,
            RETAIN_AVAILABLE => self.retain_unavailable = short == 0,
            MAXIMUM_PACKET_SIZE => self.maximum_packet_size = Some(number),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_aws_sends_it() {
        let body = [
            &[1, 0, 36][..],
            &[
                0x11, 0, 0, 0x0E, 0x10, 0x13, 0x04, 0xB0, 0x21, 0, 100, 0x24, 1, 0x25, 1,
            ],
            &[0x27, 0, 2, 0x48, 0, 0x22, 0, 8, 0x28, 1, 0x29, 0],
            &[0x26, 0, 1, b'a', 0, 1, b'b', 0x2A, 1],
        ]
        .concat();
        let connack = Connack::parse(&body).unwrap();
        assert!(connack.session_present && !connack.retain_unavailable);
        assert_eq!(connack.session_expiry_s, Some(3600));
        assert_eq!(connack.server_keep_alive_s, Some(1200));
        assert_eq!(connack.receive_maximum, Some(100));
        assert_eq!(connack.maximum_packet_size, Some(149_504));
        assert_eq!(connack.topic_alias_maximum, 8);
    }

    #[test]
    fn short_and_odd_ones() {
        assert_eq!(Connack::parse(&[0]), None);
        let refused = Connack::parse(&[0, 0x87]).unwrap();
        assert_eq!((refused.session_present, refused.reason), (false, 0x87));
        for odd in [
            &[0, 0, 5, 0x21][..],
            &[0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0, 0, 3, 0x1F, 0xFF, 0xFF],
            &[0, 0, 2, 0x77, 0],
            &[0, 0, 4, 0x26, 0, 9, 1],
        ] {
            assert_eq!(
                Connack::parse(odd),
                Some(Connack {
                    session_present: false,
                    ..Connack::default()
                })
            );
        }
    }
}
