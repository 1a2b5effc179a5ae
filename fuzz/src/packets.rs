//! MQTT 5 packets, read independently of the library: those of a client strictly, those of a broker
//! as far as they go.

/// A packet that a client sends.
#[derive(Debug)]
pub enum Packet<'b> {
    /// With the largest packet that it takes.
    Connect {
        maximum: u32,
    },
    Publish {
        size: usize,
        topic: &'b [u8],
    },
    Puback {
        id: u16,
        reason: u8,
    },
    Subscribe {
        size: usize,
    },
    Unsubscribe {
        size: usize,
    },
    Pingreq,
    Disconnect {
        reason: u8,
    },
}

/// The bytes that are still to be read.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes.
    fn number(&mut self, bytes: usize) -> Option<u32> {
        let bytes = self.take(bytes)?.iter();
        Some(bytes.fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn byte(&mut self) -> Option<u8> {
        self.number(1).map(|byte| byte as u8)
    }

    /// An identifier is never 0.
    fn id(&mut self) -> Option<u16> {
        self.number(2).map(|id| id as u16).filter(|id| *id != 0)
    }

    /// Data with its length.
    fn data(&mut self) -> Option<&'b [u8]> {
        let length = self.number(2)?;
        self.take(length as usize)
    }

    /// A Variable Byte Integer.
    fn varying(&mut self) -> Option<usize> {
        let mut value = 0;
        for place in 0..4 {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7F) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// First byte and body of a packet, with its size, if it is complete.
    fn packet(&mut self) -> Option<(u8, Reader<'b>, usize)> {
        let mut ahead = Reader(self.0);
        let first = ahead.byte()?;
        let length = ahead.varying()?;
        let body = ahead.take(length)?;
        let size = self.0.len() - ahead.0.len();
        self.0 = ahead.0;
        Some((first, Reader(body), size))
    }
}

/// The packets of a client, and the beginning of one that is not complete. Panics at one that is
/// not what the standard says, or what the client here has no reason to send.
pub fn parse(bytes: &[u8]) -> (Vec<Packet<'_>>, &[u8]) {
    let mut reader = Reader(bytes);
    let mut packets = Vec::new();
    while let Some((first, mut body, size)) = reader.packet() {
        let packet = one(first, &mut body, size);
        let packet = packet.unwrap_or_else(|| panic!("malformed: {first:x} {size} of {bytes:x?}"));
        assert!(body.0.is_empty(), "{:x?} behind {packet:?}", body.0);
        packets.push(packet);
    }
    (packets, reader.0)
}

fn one<'b>(first: u8, body: &mut Reader<'b>, size: usize) -> Option<Packet<'b>> {
    Some(match first {
        0x10 => connect(body)?,
        // QoS 0 without DUP, QoS 1 with and without; RETAIN.
        0x30 | 0x31 | 0x32 | 0x33 | 0x3A | 0x3B => {
            let topic = body.data()?;
            if first & 2 != 0 {
                body.id()?;
            }
            properties(body)?;
            body.0 = &[];
            Packet::Publish { size, topic }
        }
        0x40 => Packet::Puback {
            id: body.id()?,
            reason: reason(body)?,
        },
        0x82 | 0xA2 => {
            body.id()?;
            properties(body)?;
            // There is one filter at least.
            loop {
                body.data()?;
                if first == 0x82 && body.byte()? & 0xC2 != 0 {
                    return None;
                }
                if body.0.is_empty() {
                    break;
                }
            }
            match first {
                0x82 => Packet::Subscribe { size },
                _ => Packet::Unsubscribe { size },
            }
        }
        0xC0 => Packet::Pingreq,
        0xE0 => Packet::Disconnect {
            reason: reason(body)?,
        },
        _ => return None,
    })
}

/// CONNECT without will, user name and password.
fn connect<'b>(body: &mut Reader<'_>) -> Option<Packet<'b>> {
    if body.data()? != b"MQTT" || body.byte()? != 5 || body.byte()? & !2 != 0 {
        return None;
    }
    body.number(2)?;
    let length = body.varying()?;
    let mut properties = Reader(body.take(length)?);
    let mut maximum = None;
    while !properties.0.is_empty() {
        match properties.byte()? {
            0x11 => properties.number(4).map(|_| ())?,
            0x21 => properties.id().map(|_| ())?,
            0x27 => maximum = properties.number(4),
            _ => return None,
        }
    }
    body.data()?;
    let maximum = maximum?;
    Some(Packet::Connect { maximum })
}

/// The properties that the client here sends: none.
fn properties(body: &mut Reader<'_>) -> Option<()> {
    (body.varying()? == 0).then_some(())
}

/// A reason code and properties, which may be left out.
fn reason(body: &mut Reader<'_>) -> Option<u8> {
    if body.0.is_empty() {
        return Some(0);
    }
    let code = body.byte()?;
    if !body.0.is_empty() {
        properties(body)?;
    }
    Some(code)
}

/// A PUBLISH of a broker.
pub struct Published<'b> {
    pub size: usize,
    pub topic: &'b [u8],
    /// Its identifier, at QoS 1 and 2.
    pub id: Option<u16>,
    /// What follows the properties; `None` if something before it is malformed.
    pub payload: Option<&'b [u8]>,
}

/// The messages among the packets of a broker that are complete, in their order.
pub fn published(bytes: &[u8]) -> impl Iterator<Item = Published<'_>> {
    let mut reader = Reader(bytes);
    let packets = std::iter::from_fn(move || reader.packet());
    packets
        .filter(|(first, ..)| first & 0xF0 == 0x30)
        .map(|(first, mut body, size)| {
            let topic = body.data();
            let mut id = None;
            if first & 6 != 0 {
                id = body.id();
            }
            let properties = body.varying().and_then(|length| body.take(length));
            Published {
                size,
                topic: topic.unwrap_or_default(),
                id,
                payload: properties.map(|_| body.0),
            }
        })
}
