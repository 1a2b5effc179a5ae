//! The properties of a message (MQTT 5, 3.3.2.3), as far as AWS IoT knows them.

use heapless::Vec;

use super::topic;
use crate::Error;

/// Most bytes of the properties of one message that is sent, as MQTT encodes them.
pub const MAX_PROPERTIES: usize = 512;
/// Most user properties of one message that is sent.
pub const MAX_USER_PROPERTIES: usize = 8;
/// Longest content type, in bytes (AWS IoT limit).
pub const MAX_CONTENT_TYPE: usize = 256;
/// Longest time after which a message expires, in seconds (AWS IoT limit).
pub const MAX_MESSAGE_EXPIRY_S: u32 = 604_800;

/// The properties of a message but for the user's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a> {
    /// The payload is UTF-8 text.
    pub payload_is_text: bool,
    /// Seconds for which the message is of use; 0: no end.
    pub message_expiry_s: u32,
    /// What the payload is, as a MIME type for example; empty: not said.
    pub content_type: &'a str,
    /// Where an answer is to be sent; empty: none is expected.
    pub response_topic: &'a str,
    /// What an answer has to repeat; empty: nothing.
    pub correlation: &'a [u8],
}

// Identifiers (2.2.2.2).
const PAYLOAD_FORMAT: u8 = 0x01;
const MESSAGE_EXPIRY: u8 = 0x02;
const CONTENT_TYPE: u8 = 0x03;
const RESPONSE_TOPIC: u8 = 0x08;
const CORRELATION: u8 = 0x09;
const SUBSCRIPTION: u8 = 0x0B;
const USER: u8 = 0x26;

/// Properties as MQTT encodes them: what the outbox keeps.
#[derive(Debug, Default)]
pub struct Encoded(Vec<u8, MAX_PROPERTIES>);

impl core::ops::Deref for Encoded {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Encodes properties for a message to be sent. Errors: `Argument` when one is outside AWS IoT's
/// limits, `Topic` for a response topic that is none, `TooLarge` for more than [`MAX_PROPERTIES`].
pub fn encode<'a>(
    properties: &Properties<'_>,
    user: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> Result<Encoded, Error> {
    let mut out = Encoded::default();
    if properties.payload_is_text {
        put(&mut out, &[PAYLOAD_FORMAT, 1])?;
    }
    if properties.message_expiry_s > MAX_MESSAGE_EXPIRY_S
        || properties.content_type.len() > MAX_CONTENT_TYPE
        || user.len() > MAX_USER_PROPERTIES
    {
        return Err(Error::Argument);
    }
    if properties.message_expiry_s > 0 {
        put(&mut out, &[MESSAGE_EXPIRY])?;
        put(&mut out, &properties.message_expiry_s.to_be_bytes())?;
    }
    put_data(&mut out, CONTENT_TYPE, properties.content_type.as_bytes())?;
    if !properties.response_topic.is_empty() {
        topic::check_publish(properties.response_topic.as_bytes())?;
        put_data(
            &mut out,
            RESPONSE_TOPIC,
            properties.response_topic.as_bytes(),
        )?;
    }
    put_data(&mut out, CORRELATION, properties.correlation)?;
    for (name, value) in user {
        put(&mut out, &[USER])?;
        put_text(&mut out, name.as_bytes())?;
        put_text(&mut out, value.as_bytes())?;
    }
    Ok(out)
}

fn put(out: &mut Encoded, bytes: &[u8]) -> Result<(), Error> {
    out.0.extend_from_slice(bytes).map_err(|_| Error::TooLarge)
}

fn put_text(out: &mut Encoded, text: &[u8]) -> Result<(), Error> {
    let len = u16::try_from(text.len()).map_err(|_| Error::TooLarge)?;
    put(out, &len.to_be_bytes())?;
    put(out, text)
}

fn put_data(out: &mut Encoded, id: u8, data: &[u8]) -> Result<(), Error> {
    if data.is_empty() {
        return Ok(());
    }
    put(out, &[id])?;
    put_text(out, data)
}

/// Bytes of the value of the property with this identifier, which `value` begins with (2.2.2.2).
fn value_size(id: u8, value: &[u8]) -> Option<usize> {
    let data = |value: &[u8]| {
        let len = u16::from_be_bytes(*value.first_chunk::<2>()?);
        Some(usize::from(len).saturating_add(2))
    };
    match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2A => Some(1),
        0x13 | 0x21..=0x23 => Some(2),
        0x02 | 0x11 | 0x18 | 0x27 => Some(4),
        0x0B => Some(take_number(value)?.1),
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1A | 0x1C | 0x1F => data(value),
        USER => {
            let name = data(value)?;
            Some(name.saturating_add(data(value.get(name..)?)?))
        }
        _ => None,
    }
}

/// A number of up to four digits (1.5.5), and how many it has.
fn take_number(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (at, digit) in bytes.iter().take(4).enumerate() {
        number |= usize::from(digit & 0x7F) << (7 * at);
        if digit & 0x80 == 0 {
            return Some((number, at.saturating_add(1)));
        }
    }
    None
}

/// The properties that `bytes` begin with (2.2.2), and what follows them.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, digits) = take_number(bytes)?;
    bytes.get(digits..)?.split_at_checked(len)
}

/// Data with its length (1.5.4, 1.5.6), and what follows it.
pub(super) fn take_data(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// Text has no NUL (1.5.4).
fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (data, rest) = take_data(bytes)?;
    if data.contains(&0) {
        return None;
    }
    Some((core::str::from_utf8(data).ok()?, rest))
}

/// One property, and those that follow it.
pub(super) fn take_property(properties: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&id, rest) = properties.split_first()?;
    let (value, rest) = rest.split_at_checked(value_size(id, rest)?)?;
    Some((id, value, rest))
}

/// The properties of a message that arrived; `None` when they are malformed, or what no message may
/// have, or no message may have twice.
pub(super) fn read(mut properties: &[u8]) -> Option<Properties<'_>> {
    let mut read = Properties::default();
    let mut seen = 0_u64;
    while !properties.is_empty() {
        let (id, value, rest) = take_property(properties)?;
        properties = rest;
        match id {
            PAYLOAD_FORMAT => match value {
                [0] => {}
                [1] => read.payload_is_text = true,
                _ => return None,
            },
            MESSAGE_EXPIRY => {
                read.message_expiry_s = u32::from_be_bytes(*value.first_chunk::<4>()?);
            }
            CONTENT_TYPE => (read.content_type, _) = take_text(value)?,
            RESPONSE_TOPIC => (read.response_topic, _) = take_text(value)?,
            CORRELATION => (read.correlation, _) = take_data(value)?,
            USER => {
                let (_, value) = take_text(value)?;
                take_text(value)?;
                continue;
            }
            SUBSCRIPTION => continue,
            // Aliases were not offered, and the others are not for messages.
            _ => return None,
        }
        let bit = 1 << u32::from(id);
        if seen & bit != 0 {
            return None;
        }
        seen |= bit;
    }
    Some(read)
}

/// The user property with this number, of properties that were read.
pub(super) fn read_user(mut properties: &[u8], index: usize) -> Option<(&str, &str)> {
    let mut left = index;
    loop {
        let (id, value, rest) = take_property(properties)?;
        properties = rest;
        if id != USER {
            continue;
        }
        if left == 0 {
            let (name, value) = take_text(value)?;
            let (value, _) = take_text(value)?;
            return Some((name, value));
        }
        left = left.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_and_read() {
        let properties = Properties {
            payload_is_text: true,
            message_expiry_s: 60,
            content_type: "text/plain",
            response_topic: "answers/here",
            correlation: &[1, 2, 3],
        };
        let user = [("a", "b"), ("", "x")];
        let encoded = encode(&properties, user.into_iter()).unwrap();
        assert_eq!(read(&encoded), Some(properties));
        assert_eq!(read_user(&encoded, 0), Some(("a", "b")));
        assert_eq!(read_user(&encoded, 1), Some(("", "x")));
        assert_eq!(read_user(&encoded, 2), None);
        let none = encode(&Properties::default(), [].into_iter()).unwrap();
        assert!(none.is_empty());
        for cut in 0..encoded.len() {
            read(&encoded[..cut]); // does not panic
            read_user(&encoded[..cut], 1);
        }
    }

    #[test]
    fn what_no_message_may_have() {
        for good in [&[][..], &[0x0B, 0x80, 1, 0x0B, 2], &[0x01, 0]] {
            assert!(read(good).is_some(), "{good:x?}");
        }
        for bad in [
            &[0x01, 2][..],
            &[0x01, 1, 0x01, 1],
            &[0x02, 0, 0, 0],
            &[0x03, 0, 1, 0xFF],
            &[0x03, 0, 1, 0],
            &[0x03, 0, 2, b'x'],
            &[0x0B, 0x80, 0x80, 0x80, 0x80, 1],
            &[0x11, 0, 0, 0, 1],
            &[0x23, 0, 1],
            &[0x26, 0, 1, b'n', 0],
            &[0x26, 0, 1, b'n', 0, 1, 0xFF],
            &[0x77, 0],
        ] {
            assert!(read(bad).is_none(), "{bad:x?}");
        }
        assert_eq!(split(&[2, 1, 1, 9]), Some((&[1, 1][..], &[9][..])));
        assert_eq!(split(&[0x80, 0x80, 0x80, 0x80, 0]), None);
        assert_eq!(split(&[2, 1]), None);
        assert_eq!(split(&[]), None);
    }

    #[test]
    fn limits() {
        let encode_one = |properties: Properties<'_>| encode(&properties, [].into_iter()).err();
        let long = "c".repeat(MAX_CONTENT_TYPE + 1);
        for (properties, error) in [
            (
                Properties {
                    content_type: &long,
                    ..Properties::default()
                },
                Error::Argument,
            ),
            (
                Properties {
                    message_expiry_s: MAX_MESSAGE_EXPIRY_S + 1,
                    ..Properties::default()
                },
                Error::Argument,
            ),
            (
                Properties {
                    response_topic: "a/#",
                    ..Properties::default()
                },
                Error::Topic,
            ),
            (
                Properties {
                    correlation: &[0; MAX_PROPERTIES],
                    ..Properties::default()
                },
                Error::TooLarge,
            ),
        ] {
            assert_eq!(encode_one(properties), Some(error));
        }
        let many = [("n", "v"); MAX_USER_PROPERTIES + 1];
        assert_eq!(
            encode(&Properties::default(), many.into_iter()).err(),
            Some(Error::Argument)
        );
    }
}
