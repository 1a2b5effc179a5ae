//! A message that is larger than the buffer: what is kept of it while it is passed over.

use heapless::Vec;

/// How much of its topic is kept.
const TOPIC: usize = 64;

/// A message that is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oversize {
    qos1: bool,
    size: usize,
    /// Bytes of the body so far.
    heard: usize,
    topic_len: usize,
    topic: Vec<u8, TOPIC>,
    id: u16,
}

impl Oversize {
    /// For a PUBLISH of `size` bytes in all.
    pub fn new(qos1: bool, size: usize) -> Self {
        Self {
            qos1,
            size,
            heard: 0,
            topic_len: 0,
            topic: Vec::new(),
            id: 0,
        }
    }

    /// Takes bytes of the body, in order: topic with its length, packet identifier, the rest
    /// (MQTT 5, 3.3.2).
    pub fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let behind = self
                .heard
                .checked_sub(2)
                .and_then(|at| at.checked_sub(self.topic_len));
            match (self.heard, behind) {
                (0 | 1, _) => self.topic_len = (self.topic_len << 8) | usize::from(*byte),
                (_, None) => {
                    // The beginning is enough to know it by.
                    let _ = self.topic.push(*byte);
                }
                (_, Some(0 | 1)) => self.id = (self.id << 8) | u16::from(*byte),
                (_, Some(_)) => return,
            }
            self.heard = self.heard.saturating_add(1);
        }
    }

    /// Whether what was heard can be the beginning of a message: what has neither a topic nor an
    /// identifier can be neither told nor acknowledged.
    pub fn is_message(&self) -> bool {
        let head = if self.qos1 { 4_usize } else { 2 };
        self.heard >= head.saturating_add(self.topic_len)
            && !self.topic.is_empty()
            && !self.topic.iter().any(|b| matches!(b, b'+' | b'#' | 0))
            && (!self.qos1 || self.id != 0)
    }

    /// Bytes of the whole packet.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The beginning of its topic.
    pub fn topic(&self) -> &str {
        match core::str::from_utf8(&self.topic) {
            Ok(topic) => topic,
            Err(error) => self
                .topic
                .get(..error.valid_up_to())
                .and_then(|valid| core::str::from_utf8(valid).ok())
                .unwrap_or_default(),
        }
    }

    /// What it is acknowledged by, at QoS 1.
    pub fn packet_id(&self) -> Option<u16> {
        self.qos1.then_some(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::packet::is_qos1;

    #[test]
    fn topic_and_identifier_are_kept() {
        let mut body = b"\0\x03a/b\x12\x34\0payload".to_vec();
        body.extend([7; 500]);
        for size in [1, 2, 3, 7, 64] {
            let mut oversize = Oversize::new(true, 600);
            body.chunks(size).for_each(|piece| oversize.hear(piece));
            assert_eq!(oversize.topic(), "a/b");
            assert_eq!(oversize.packet_id(), Some(0x1234));
            assert_eq!(oversize.size(), 600);
        }
        let mut at_qos0 = Oversize::new(false, 600);
        at_qos0.hear(&body);
        assert_eq!(at_qos0.packet_id(), None);
        let mut long = Oversize::new(false, 600);
        long.hear(&[1, 0]);
        long.hear("é".repeat(128).as_bytes());
        assert_eq!(long.topic(), "é".repeat(32));
    }
    #[test]
    fn what_is_no_message() {
        let is_message = |first, body: &[u8]| {
            let mut oversize = Oversize::new(is_qos1(first).unwrap(), 600);
            oversize.hear(body);
            oversize.is_message()
        };
        assert!(is_message(0x30, b"\0\x01t"));
        assert!(is_message(0x32, b"\0\x01t\0\x01"));
        for (first, body) in [
            (0x30, &b""[..]),
            (0x30, b"\0"),
            (0x30, b"\0\0\0"),
            (0x30, b"\0\x02t"),
            (0x30, b"\0\x01+"),
            (0x30, b"\0\x01#"),
            (0x30, b"\0\x01\0"),
            (0x32, b"\0\x01t\0"),
            (0x32, b"\0\x01t\0\0"),
        ] {
            assert!(!is_message(first, body), "{first:x} {body:x?}");
        }
    }
}
