//! CONNECT (MQTT 5, 3.1). It may be larger than the transmit buffer, so it is sent from where its
//! parts lie.

use heapless::Vec;

use super::outbound::fixed_header;
use super::properties::Properties;
use crate::Error;

/// Longest client id, in bytes (AWS IoT limit).
pub const MAX_CLIENT_ID: usize = 128;

/// Messages at QoS 1 that the broker may send without waiting for their acknowledgement. Each may
/// make the application answer, so there should not be more of them than the outbox has room for.
const RECEIVE_MAXIMUM: u16 = 8;

/// How to connect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connect<'m> {
    /// The client id.
    pub client_id: &'m str,
    /// Seconds.
    pub keep_alive_s: u16,
    /// Seconds for which the broker keeps the session after a connection was lost.
    pub session_expiry_s: u32,
    /// The broker is to forget the session it has.
    pub clean_start: bool,
    /// For a custom authorizer; AWS IoT ignores it when the client has a certificate.
    pub user_name: Option<&'m str>,
    /// The same.
    pub password: Option<&'m [u8]>,
    /// What the broker publishes when the connection is lost.
    pub will: Option<Will<'m>>,
}

/// A message that the broker publishes when the connection is lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Will<'m> {
    /// Where to.
    pub topic: &'m str,
    /// What.
    pub payload: &'m [u8],
    /// At QoS 1, else 0.
    pub qos1: bool,
    /// The broker keeps it for later subscribers.
    pub retain: bool,
    /// Its properties.
    pub properties: Properties<'m>,
}

// Flags (3.1.2.3).
const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS1: u8 = 0x08;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;

/// A packet in pieces: short ones that are made here, and long ones that stay where they are.
#[derive(Default)]
struct Pieces<'a> {
    made: Vec<u8, 96>,
    list: Vec<Piece<'a>, 24>,
}

enum Piece<'a> {
    Made { start: usize, end: usize },
    Given(&'a [u8]),
}

impl<'a> Pieces<'a> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let start = self.made.len();
        self.made
            .extend_from_slice(bytes)
            .map_err(|_| Error::TooLarge)?;
        let end = self.made.len();
        // One piece with what was made just before.
        if let Some(Piece::Made { end: last, .. }) = self.list.last_mut() {
            *last = end;
            return Ok(());
        }
        self.push(Piece::Made { start, end })
    }

    /// Data with its length (1.5.4, 1.5.6).
    fn put_data(&mut self, data: &'a [u8]) -> Result<(), Error> {
        let len = u16::try_from(data.len()).map_err(|_| Error::TooLarge)?;
        self.put(&len.to_be_bytes())?;
        self.push(Piece::Given(data))
    }

    fn put_property(&mut self, id: u8, data: &'a [u8]) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        self.put(&[id])?;
        self.put_data(data)
    }

    fn push(&mut self, piece: Piece<'a>) -> Result<(), Error> {
        self.list.push(piece).map_err(|_| Error::TooLarge)
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.list.iter().map(|piece| match piece {
            Piece::Made { start, end } => self.made.get(*start..*end).unwrap_or_default(),
            Piece::Given(data) => data,
        })
    }

    fn len(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }
}

/// CONNECT, in the order of its parts.
pub(super) struct Packet<'a> {
    head: ([u8; 5], usize),
    body: Pieces<'a>,
}

impl<'a> Packet<'a> {
    /// `rx_size` is the largest packet that can be received. `TooLarge` when user name, password or
    /// will are larger than MQTT allows.
    pub fn new(connect: &Connect<'a>, rx_size: usize) -> Result<Self, Error> {
        let body = body(connect, rx_size)?;
        let head = fixed_header(0x10, body.len());
        Ok(Self { head, body })
    }

    /// Its bytes.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let (head, len) = &self.head;
        let head = head.get(..*len).unwrap_or_default();
        core::iter::once(head).chain(self.body.iter())
    }
}

fn body<'a>(connect: &Connect<'a>, rx_size: usize) -> Result<Pieces<'a>, Error> {
    let mut body = Pieces::default();
    let mut flags = 0;
    if connect.clean_start {
        flags |= CLEAN_START;
    }
    if let Some(will) = &connect.will {
        flags |= WILL;
        if will.qos1 {
            flags |= WILL_QOS1;
        }
        if will.retain {
            flags |= WILL_RETAIN;
        }
    }
    if connect.user_name.is_some() {
        flags |= USER_NAME;
    }
    if connect.password.is_some() {
        flags |= PASSWORD;
    }
    body.put(b"\0\x04MQTT\x05")?;
    body.put(&[flags])?;
    body.put(&connect.keep_alive_s.to_be_bytes())?;
    // Session Expiry Interval, Receive Maximum, Maximum Packet Size: 13 bytes.
    body.put(&[13, 0x11])?;
    body.put(&connect.session_expiry_s.to_be_bytes())?;
    body.put(&[0x21])?;
    body.put(&RECEIVE_MAXIMUM.to_be_bytes())?;
    body.put(&[0x27])?;
    let rx_size = u32::try_from(rx_size).unwrap_or(u32::MAX);
    body.put(&rx_size.to_be_bytes())?;
    body.put_data(connect.client_id.as_bytes())?;
    if let Some(will) = &connect.will {
        put_will(&mut body, will)?;
    }
    if let Some(user_name) = connect.user_name {
        body.put_data(user_name.as_bytes())?;
    }
    if let Some(password) = connect.password {
        body.put_data(password)?;
    }
    Ok(body)
}

fn put_will<'a>(body: &mut Pieces<'a>, will: &Will<'a>) -> Result<(), Error> {
    let properties = &will.properties;
    let mut made = Pieces::default();
    if properties.payload_is_text {
        made.put(&[0x01, 1])?;
    }
    if properties.message_expiry_s > 0 {
        made.put(&[0x02])?;
        made.put(&properties.message_expiry_s.to_be_bytes())?;
    }
    made.put_property(0x03, properties.content_type.as_bytes())?;
    made.put_property(0x08, properties.response_topic.as_bytes())?;
    made.put_property(0x09, properties.correlation)?;
    let (length, digits) = fixed_header(0, made.len());
    body.put(length.get(1..digits).unwrap_or_default())?;
    for piece in &made.list {
        match piece {
            Piece::Made { start, end } => {
                body.put(made.made.get(*start..*end).unwrap_or_default())?
            }
            Piece::Given(data) => body.push(Piece::Given(data))?,
        }
    }
    body.put_data(will.topic.as_bytes())?;
    body.put_data(will.payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(connect: &Connect<'_>) -> std::vec::Vec<u8> {
        let body = body(connect, 4096).unwrap();
        body.iter().flatten().copied().collect()
    }

    #[test]
    fn a_plain_one() {
        let connect = Connect {
            client_id: "id",
            keep_alive_s: 1200,
            session_expiry_s: 3600,
            clean_start: true,
            ..Connect::default()
        };
        assert_eq!(
            bytes(&connect),
            [
                &b"\0\x04MQTT\x05\x02\x04\xB0\x0D"[..],
                &[0x11, 0, 0, 0x0E, 0x10, 0x21, 0, 8, 0x27, 0, 0, 0x10, 0],
                b"\0\x02id",
            ]
            .concat()
        );
    }

    #[test]
    fn everything() {
        let id = "i".repeat(MAX_CLIENT_ID);
        let connect = Connect {
            client_id: &id,
            user_name: Some("u"),
            password: Some(b"pw"),
            will: Some(Will {
                topic: "t",
                payload: b"gone",
                qos1: true,
                retain: true,
                properties: Properties {
                    payload_is_text: true,
                    message_expiry_s: 7,
                    content_type: "c",
                    response_topic: "r",
                    correlation: b"k",
                },
            }),
            ..Connect::default()
        };
        let bytes = bytes(&connect);
        assert_eq!(bytes[7], 0x80 | 0x40 | 0x20 | 0x08 | 0x04);
        let behind_id = 10 + 14 + 2 + MAX_CLIENT_ID;
        assert_eq!(
            &bytes[behind_id..],
            [
                &[
                    19, 1, 1, 2, 0, 0, 0, 7, 3, 0, 1, b'c', 8, 0, 1, b'r', 9, 0, 1, b'k'
                ][..],
                b"\0\x01t\0\x04gone\0\x01u\0\x02pw",
            ]
            .concat()
        );
        let long = [0; 65_536];
        let too_long = Connect {
            password: Some(&long),
            ..connect
        };
        assert_eq!(super::body(&too_long, 512).err(), Some(Error::TooLarge));
    }
}
