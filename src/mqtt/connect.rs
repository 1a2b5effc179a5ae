//! CONNECT (MQTT 5, 3.1). It may be larger than the transmit buffer, so it is written in pieces.

use super::outbound::fixed_header;
use super::properties::Properties;
use crate::{Error, bytes};

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

/// Writes the bytes of CONNECT from the one with the number `from` on, as many as `out` holds, and
/// returns how many that are. `rx_size` is the largest packet that can be received. `TooLarge` when
/// user name, password or will are larger than MQTT allows.
pub(super) fn write(
    connect: &Connect<'_>,
    rx_size: usize,
    from: usize,
    out: &mut [u8],
) -> Result<usize, Error> {
    let len = measure(|count| put_body(count, connect, rx_size))?;
    let (head, used) = fixed_header(0x10, len);
    let mut window = Window {
        from,
        out,
        at: 0,
        len: 0,
    };
    window.put(head.get(..used).unwrap_or_default());
    put_body(&mut window, connect, rx_size)?;
    Ok(window.len)
}

/// How many bytes something writes.
fn measure(write: impl FnOnce(&mut Window<'_>) -> Result<(), Error>) -> Result<usize, Error> {
    let mut count = Window {
        from: 0,
        out: &mut [],
        at: 0,
        len: 0,
    };
    write(&mut count)?;
    Ok(count.at)
}

/// A part of the bytes that are put, in memory.
struct Window<'o> {
    /// The number of its first byte.
    from: usize,
    out: &'o mut [u8],
    /// How many bytes were put, and how many of them are in the window.
    at: usize,
    len: usize,
}

impl Window<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let skipped = self.from.saturating_sub(self.at);
        let inside = bytes.get(skipped..).unwrap_or_default();
        let room = self.out.get_mut(self.len..).unwrap_or_default();
        self.len = self.len.saturating_add(bytes::copy(inside, room));
        self.at = self.at.saturating_add(bytes.len());
    }

    /// Data with its length (1.5.4, 1.5.6).
    fn put_data(&mut self, data: &[u8]) -> Result<(), Error> {
        let len = u16::try_from(data.len()).map_err(|_| Error::TooLarge)?;
        self.put(&len.to_be_bytes());
        self.put(data);
        Ok(())
    }

    fn put_property(&mut self, id: u8, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        self.put(&[id]);
        self.put_data(data)
    }
}

fn put_body(body: &mut Window<'_>, connect: &Connect<'_>, rx_size: usize) -> Result<(), Error> {
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
    body.put(b"\0\x04MQTT\x05");
    body.put(&[flags]);
    body.put(&connect.keep_alive_s.to_be_bytes());
    // Session Expiry Interval, Receive Maximum, Maximum Packet Size: 13 bytes.
    body.put(&[13, 0x11]);
    body.put(&connect.session_expiry_s.to_be_bytes());
    body.put(&[0x21]);
    body.put(&RECEIVE_MAXIMUM.to_be_bytes());
    body.put(&[0x27]);
    let rx_size = u32::try_from(rx_size).unwrap_or(u32::MAX);
    body.put(&rx_size.to_be_bytes());
    body.put_data(connect.client_id.as_bytes())?;
    if let Some(will) = &connect.will {
        let len = measure(|count| put_properties(count, &will.properties))?;
        let (length, used) = fixed_header(0, len);
        body.put(length.get(1..used).unwrap_or_default());
        put_properties(body, &will.properties)?;
        body.put_data(will.topic.as_bytes())?;
        body.put_data(will.payload)?;
    }
    if let Some(user_name) = connect.user_name {
        body.put_data(user_name.as_bytes())?;
    }
    if let Some(password) = connect.password {
        body.put_data(password)?;
    }
    Ok(())
}

fn put_properties(body: &mut Window<'_>, properties: &Properties<'_>) -> Result<(), Error> {
    if properties.payload_is_text {
        body.put(&[0x01, 1]);
    }
    if properties.message_expiry_s > 0 {
        body.put(&[0x02]);
        body.put(&properties.message_expiry_s.to_be_bytes());
    }
    body.put_property(0x03, properties.content_type.as_bytes())?;
    body.put_property(0x08, properties.response_topic.as_bytes())?;
    body.put_property(0x09, properties.correlation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    fn written(connect: &Connect<'_>) -> Vec<u8> {
        let mut whole = vec![0; 2000];
        let len = write(connect, 4096, 0, &mut whole).unwrap();
        whole.truncate(len);
        // The same in windows of any size.
        for size in 1..=len {
            let mut pieces: Vec<u8> = vec![];
            loop {
                let mut piece = vec![0; size];
                let n = write(connect, 4096, pieces.len(), &mut piece).unwrap();
                if n == 0 {
                    break;
                }
                pieces.extend(&piece[..n]);
            }
            assert_eq!(pieces, whole);
        }
        assert_eq!(whole[0], 0x10);
        let digits = if whole[1] < 0x80 { 1 } else { 2 };
        whole.split_off(1 + digits)
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
            written(&connect),
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
        let bytes = written(&connect);
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
        assert_eq!(
            write(&too_long, 512, 0, &mut []).err(),
            Some(Error::TooLarge)
        );
    }
}
