//! The properties of a message (MQTT 5, 3.3.2.3), as far as AWS IoT knows them.

use heapless::Vec;
use minimq::Property;

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

/// Most properties that [`encode`] writes.
const MOST: usize = 5 + MAX_USER_PROPERTIES;

/// Properties that [`encode`] wrote, as minimq wants them.
pub(super) fn decode(mut encoded: &[u8]) -> Vec<Property<'_>, MOST> {
    let mut list = Vec::new();
    while let Some((property, rest)) = decode_one(encoded) {
        if list.push(property).is_err() {
            break;
        }
        encoded = rest;
    }
    list
}

fn decode_one(encoded: &[u8]) -> Option<(Property<'_>, &[u8])> {
    let (&id, rest) = encoded.split_first()?;
    Some(match id {
        PAYLOAD_FORMAT => {
            let (&value, rest) = rest.split_first()?;
            (Property::PayloadFormatIndicator(value), rest)
        }
        MESSAGE_EXPIRY => {
            let (seconds, rest) = rest.split_first_chunk::<4>()?;
            let seconds = u32::from_be_bytes(*seconds);
            (Property::MessageExpiryInterval(seconds), rest)
        }
        CONTENT_TYPE | RESPONSE_TOPIC | USER => {
            let (text, rest) = take_text(rest)?;
            match id {
                CONTENT_TYPE => (Property::ContentType(text), rest),
                RESPONSE_TOPIC => (Property::ResponseTopic(text), rest),
                _ => {
                    let (value, rest) = take_text(rest)?;
                    (Property::UserProperty(text, value), rest)
                }
            }
        }
        CORRELATION => {
            let (data, rest) = take_data(rest)?;
            (Property::CorrelationData(data), rest)
        }
        _ => return None,
    })
}

fn take_data(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (data, rest) = take_data(bytes)?;
    Some((core::str::from_utf8(data).ok()?, rest))
}

/// The properties of a message that arrived; `None` when they are malformed, or what no message may
/// have.
pub(super) fn read<'p>(properties: &'p minimq::Properties<'p>) -> Option<Properties<'p>> {
    let mut read = Properties::default();
    for property in properties.iter() {
        match property.ok()? {
            Property::PayloadFormatIndicator(value) => read.payload_is_text = value == 1,
            Property::MessageExpiryInterval(seconds) => read.message_expiry_s = seconds,
            Property::ContentType(text) => read.content_type = text,
            Property::ResponseTopic(topic) => read.response_topic = topic,
            Property::CorrelationData(data) => read.correlation = data,
            Property::UserProperty(..) | Property::SubscriptionIdentifier(_) => {}
            // Aliases were not offered, and the others are not for messages.
            _ => return None,
        }
    }
    Some(read)
}

/// The user property with this number.
pub(super) fn read_user<'p>(
    properties: &'p minimq::Properties<'p>,
    index: usize,
) -> Option<(&'p str, &'p str)> {
    properties
        .iter()
        .filter_map(|property| match property {
            Ok(Property::UserProperty(name, value)) => Some((name, value)),
            _ => None,
        })
        .nth(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_and_decoded() {
        let properties = Properties {
            payload_is_text: true,
            message_expiry_s: 60,
            content_type: "text/plain",
            response_topic: "answers/here",
            correlation: &[1, 2, 3],
        };
        let user = [("a", "b"), ("", "x")];
        let encoded = encode(&properties, user.into_iter()).unwrap();
        assert_eq!(
            decode(&encoded).as_slice(),
            [
                Property::PayloadFormatIndicator(1),
                Property::MessageExpiryInterval(60),
                Property::ContentType("text/plain"),
                Property::ResponseTopic("answers/here"),
                Property::CorrelationData(&[1, 2, 3]),
                Property::UserProperty("a", "b"),
                Property::UserProperty("", "x"),
            ]
        );
        let none = encode(&Properties::default(), [].into_iter()).unwrap();
        assert!(none.is_empty());
        for cut in 0..encoded.len() {
            decode(&encoded[..cut]); // does not panic
        }
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
