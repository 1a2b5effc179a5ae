//! A broker that sends any bytes, cut in any way, to a client that publishes and subscribes
//! meanwhile.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embassy_time::Duration;
use embedded_io_async::{ErrorType, Read, Write};
use iot_thing::{
    Error,
    mqtt::{
        AckOf, Body, Client, Connect, Ended, NotSent, PublishOptions, Session, SubscribeOptions,
        Turn, Unwritten,
    },
};

use crate::packets::{self, Packet};

/// The transmit buffer.
const TX: usize = 128;
/// The most bytes of a receive buffer.
const RX: usize = 96;
/// What the application does before a turn.
#[derive(Clone, Copy, Debug)]
enum Act {
    Nothing,
    Publish { qos1: bool, retain: bool, size: u8 },
    Subscribe { leaving: bool, filters: u8 },
}

impl Act {
    fn of(byte: u8) -> Self {
        let size = byte >> 2;
        match byte & 3 {
            0 => Self::Nothing,
            1 => Self::Publish {
                qos1: size & 1 == 1,
                retain: size & 2 == 2,
                size: size * 2,
            },
            2 => Self::Subscribe {
                leaving: false,
                filters: 1 + size % 8,
            },
            _ => Self::Subscribe {
                leaving: true,
                filters: 1 + size % 8,
            },
        }
    }
}

/// A turn of the client, as an application sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message {
        topic: String,
        payload: Vec<u8>,
        qos1: bool,
        retain: bool,
        response: String,
        user: Vec<(String, String)>,
    },
    TooLarge {
        topic: String,
        size: usize,
    },
    Acknowledged(u8, u16, Vec<u8>),
    Ping,
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    turns: Vec<Seen>,
    sends: Vec<Result<(), NotSent>>,
    end: Ended,
    connected: bool,
    /// Bytes of the largest packet that the broker takes.
    limit: Option<u32>,
    /// What the client wrote.
    written: Vec<u8>,
}

/// The network: what the broker sends arrives in pieces, and then it closes the connection.
struct Stream<'d> {
    arrives: &'d [u8],
    /// The sizes of the pieces, over and over; none: all that there is.
    pieces: &'d [u8],
    reads: usize,
    writes: usize,
    pended: bool,
    /// Bytes that are taken until writing fails.
    takes: usize,
    written: &'d RefCell<Vec<u8>>,
}

impl Stream<'_> {
    fn piece(&self, number: usize) -> usize {
        match self.pieces.get(number % self.pieces.len().max(1)) {
            Some(size) => 1 + usize::from(*size & 0x3F),
            None => usize::MAX,
        }
    }

    /// Whether to be pending first, as every other call is when the pieces say so.
    fn pends(&mut self) -> bool {
        let wants = self.pieces.first().is_some_and(|size| size & 0x80 != 0);
        self.pended = wants && !self.pended;
        self.pended
    }
}

impl ErrorType for Stream<'_> {
    type Error = Error;
}

impl Read for Stream<'_> {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        assert!(!bytes.is_empty(), "nothing can be read into no room");
        poll_fn(|_| {
            if self.pends() {
                return Poll::Pending;
            }
            let size = self.piece(self.reads);
            self.reads += 1;
            let size = size.min(bytes.len()).min(self.arrives.len());
            let (now, later) = self.arrives.split_at(size);
            bytes[..size].copy_from_slice(now);
            self.arrives = later;
            Poll::Ready(Ok(size))
        })
        .await
    }
}

impl Write for Stream<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        assert!(!bytes.is_empty(), "nothing is written");
        poll_fn(|_| {
            if self.pends() {
                return Poll::Pending;
            }
            let size = self.piece(self.writes).min(bytes.len());
            self.writes += 1;
            if self.takes < size {
                return Poll::Ready(Err(Error::TcpReset));
            }
            self.takes -= size;
            self.written.borrow_mut().extend(&bytes[..size]);
            Poll::Ready(Ok(size))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// What one input says.
struct Case<'d> {
    rx: usize,
    clean_start: bool,
    takes: usize,
    acts: &'d [u8],
    pieces: &'d [u8],
    bytes: &'d [u8],
}

impl<'d> Case<'d> {
    fn of(data: &'d [u8]) -> Option<Self> {
        let (&[rx, flags, acts, pieces], rest) = data.split_first_chunk::<4>()?;
        let (acts, rest) = rest.split_at_checked(usize::from(acts % 16))?;
        let (pieces, bytes) = rest.split_at_checked(usize::from(pieces % 16))?;
        Some(Self {
            rx: 8 + usize::from(rx) % (RX - 7),
            clean_start: flags & 1 == 0,
            // Past CONNECT, mostly.
            takes: match flags & 2 {
                0 => usize::MAX,
                _ => 20 + usize::from(flags >> 2),
            },
            acts,
            pieces,
            bytes,
        })
    }
}

/// The polls after which a future comes to no end: each takes a byte at least.
const POLLS: usize = 20_000;

/// Polls until it is ready: everything that is pending here goes on at once.
fn block_on<T>(what: &str, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..POLLS {
        if let Some(output) = once(future.as_mut()) {
            return output;
        }
    }
    panic!("{what} does not end");
}

fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn publish(body: &mut Body<'_>, id: Option<u16>, size: u8) -> Result<(), Unwritten> {
    let mut put = |topic: &[u8]| {
        body.put_head(
            |out| {
                out.get_mut(..topic.len())?.copy_from_slice(topic);
                Some(topic.len())
            },
            id,
            &[],
        )
    };
    put(b"out/topic")?;
    body.put(&vec![0xA5; usize::from(size)])
}

fn filters(body: &mut Body<'_>, leaving: bool, count: u8) -> Result<(), Unwritten> {
    for number in 0..count {
        let filter = format!("in/{number}/#");
        let options = (!leaving).then_some(SubscribeOptions {
            qos1: number & 1 == 1,
        });
        body.put_filter(
            |out| {
                out.get_mut(..filter.len())?
                    .copy_from_slice(filter.as_bytes());
                Some(filter.len())
            },
            options,
        )?;
    }
    Ok(())
}

fn see(turn: &Turn<'_>) -> Seen {
    match turn {
        Turn::Message(message) => Seen::Message {
            topic: message.topic().to_owned(),
            payload: message.payload().to_vec(),
            qos1: message.qos1(),
            retain: message.retain(),
            response: message.properties().response_topic.to_owned(),
            user: (0..)
                .map_while(|index| message.user_property(index))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        },
        Turn::TooLarge(message) => Seen::TooLarge {
            topic: message.topic().to_owned(),
            size: message.size(),
        },
        Turn::Acknowledged(ack) => {
            let of = match ack.of {
                AckOf::Publish => 0,
                AckOf::Subscribe => 1,
                AckOf::Unsubscribe => 2,
            };
            Seen::Acknowledged(of, ack.id, ack.codes().to_vec())
        }
        Turn::Ping(_) => Seen::Ping,
    }
}

/// Does something again when what was collected has left.
fn patient<'d>(
    what: &str,
    client: &mut Client<'_, Stream<'d>>,
    act: impl Fn(&mut Client<'_, Stream<'d>>) -> Result<(), NotSent>,
) -> Result<(), NotSent> {
    match act(client) {
        Err(NotSent::Full) => {
            let _ = block_on(what, client.flush());
            act(client)
        }
        sent => sent,
    }
}

fn run_case(case: &Case<'_>, pieces: &[u8]) -> Report {
    let drops = pieces.first().is_some_and(|size| size & 0x40 != 0);
    let written = RefCell::new(Vec::new());
    let stream = Stream {
        arrives: case.bytes,
        pieces,
        reads: 0,
        writes: 0,
        pended: false,
        takes: case.takes,
        written: &written,
    };
    let (mut rx, mut tx) = (vec![0; case.rx], [0; TX]);
    let mut session = Session::new(&mut rx, &mut tx);
    let connect = Connect {
        client_id: "fuzzed",
        keep_alive_s: 60,
        clean_start: case.clean_start,
        ..Connect::default()
    };
    let (mut turns, mut sends) = (Vec::new(), Vec::new());
    let mut client = session.start(stream, Duration::from_secs(5));
    let opened = block_on("opening", client.open(&connect));
    let limit = client.connack().maximum_packet_size;
    let (connected, end) = match opened {
        Err(end) => (false, end),
        Ok(()) => {
            let mut acts = case.acts.iter();
            let end = loop {
                let id = client.new_id(|_| false);
                match acts.next().map_or(Act::Nothing, |byte| Act::of(*byte)) {
                    Act::Nothing => {}
                    Act::Publish { qos1, retain, size } => {
                        let id = qos1.then_some(id);
                        let options = PublishOptions {
                            id,
                            retain,
                            ..PublishOptions::default()
                        };
                        let mut sent = patient("publishing", &mut client, |client| {
                            client.publish(options, |body| publish(body, id, size))
                        });
                        if sent.is_ok() && !qos1 {
                            sent = block_on("publishing", client.flush());
                        }
                        sends.push(sent);
                    }
                    Act::Subscribe {
                        leaving,
                        filters: count,
                    } => {
                        sends.push(patient("subscribing", &mut client, |client| {
                            client.subscribe(id, leaving, |body| filters(body, leaving, count))
                        }));
                    }
                }
                let mut turn = async || client.turn().await.map(|turn| see(&turn));
                let turn = match drops {
                    false => block_on("a turn", turn()),
                    // Dropping it loses nothing.
                    true => (0..POLLS)
                        .find_map(|_| once(turn()))
                        .expect("a turn that ends"),
                };
                match turn {
                    Ok(turn) => turns.push(turn),
                    Err(end) => break end,
                }
                // Each turn takes at least the two bytes of a packet.
                assert!(turns.len() <= case.bytes.len() / 2, "turns out of nothing");
            };
            block_on("disconnecting", client.disconnect(0));
            (true, end)
        }
    };
    Report {
        turns,
        sends,
        end,
        connected,
        limit,
        written: written.into_inner(),
    }
}

/// What holds whatever the broker sends.
fn check(case: &Case<'_>, report: &Report) {
    let limit = report.limit.map_or(usize::MAX, |limit| limit as usize);
    let mut acknowledged = Vec::new();
    let (written, rest) = packets::parse(&report.written);
    assert!(
        rest.is_empty() || case.takes != usize::MAX,
        "half a packet: {rest:x?}"
    );
    for (number, packet) in written.iter().enumerate() {
        match packet {
            Packet::Connect { maximum, .. } => {
                assert_eq!((number, *maximum), (0, case.rx as u32));
            }
            Packet::Puback { id, reason } => acknowledged.push((*id, *reason)),
            Packet::Publish { size, topic } => {
                assert_eq!(topic, b"out/topic");
                assert!(*size <= limit, "larger than the broker takes");
            }
            Packet::Subscribe { size } | Packet::Unsubscribe { size } => {
                assert!(*size <= limit, "larger than the broker takes");
            }
            // Time stands still.
            Packet::Pingreq => panic!("a ping without need"),
            // Nothing follows it.
            Packet::Disconnect { reason } => assert_eq!((number, *reason), (written.len() - 1, 0)),
        }
        assert_eq!(number == 0, matches!(packet, Packet::Connect { .. }));
    }
    // The broker's messages, read by another reader, are those that were delivered.
    let mut due = Vec::new();
    let mut arrived = packets::published(case.bytes);
    for turn in &report.turns {
        match turn {
            Seen::Message {
                topic,
                payload,
                qos1,
                ..
            } => {
                let message = arrived.next().expect("a message that was sent");
                assert!(message.size <= case.rx, "larger than the buffer");
                assert!(!topic.is_empty() && !topic.contains(['+', '#', '\0']));
                assert_eq!(
                    (message.topic, message.payload),
                    (topic.as_bytes(), Some(&payload[..]))
                );
                assert_eq!(message.id.is_some(), *qos1);
                due.extend(message.id.map(|id| (id, 0)));
            }
            Seen::TooLarge { topic, size } => {
                let message = arrived.next().expect("a message that was sent");
                assert!(*size > case.rx && message.size == *size);
                assert!(message.topic.starts_with(topic.as_bytes()));
                due.extend(message.id.map(|id| (id, 0x97)));
            }
            Seen::Acknowledged(..) | Seen::Ping => {}
        }
    }
    // Once each, in this order; those that writing could not take any more are left out.
    if case.takes == usize::MAX {
        assert_eq!(acknowledged, due);
    } else {
        assert!(due.starts_with(&acknowledged));
    }
    assert!(report.connected || (report.turns.is_empty() && report.sends.is_empty()));
}

pub fn run(data: &[u8]) {
    let Some(case) = Case::of(data) else { return };
    let whole = run_case(&case, &[]);
    check(&case, &whole);
    let pieces = run_case(&case, case.pieces);
    check(&case, &pieces);
    if case.takes == usize::MAX {
        assert_eq!(whole, pieces, "it depends on how the bytes were cut");
    } else {
        // When writing fails depends on what is written at once, but not what comes before that.
        let turns = whole.turns.len().min(pieces.turns.len());
        assert_eq!(whole.turns[..turns], pieces.turns[..turns]);
    }
}

/// A packet with a body that is shorter than 128 bytes.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first, body.len() as u8], body].concat()
}

/// A connection in which everything happens, in one piece and in many, and broken off.
pub fn seeds() -> Vec<Vec<u8>> {
    let accepted = packet(
        0x20,
        &[0, 0, 13, 0x11, 0, 0, 14, 16, 0x21, 0, 9, 0x27, 0, 0, 0, 90],
    );
    let user = b"\0\x01t\0\x02\x10\x26\0\x01n\0\x01v\x08\0\x01r\x0B\x80\x01\x01\x01payload";
    let packets = [
        packet(0x20, &[0, 0, 0]),
        packet(0x20, &[1, 0, 0]),
        packet(0x20, &[0, 0x87, 0]),
        accepted.clone(),
        packet(0x30, b"\0\x03a/b\0at QoS 0"),
        packet(0x33, user),
        packet(0x3A, b"\0\x03a/b\x12\x34\0"),
        packet(0x32, &[b"\0\x03a/b\0\x07\0", &[b'x'; 100][..]].concat()),
        packet(0x30, &[b"\0\x03a/b\0", &[b'x'; 100][..]].concat()),
        [&[0x32, 0xC8, 0x01, 0, 3][..], b"a/b\0\x09\0", &[9; 192]].concat(),
        // Larger than the buffer, and with an identifier that there is not.
        packet(0x32, &[b"\0\x03a/b\0\0\0", &[b'x'; 100][..]].concat()),
        packet(0x40, &[0, 1]),
        packet(0x40, &[0, 2, 0x97, 0]),
        packet(0x90, &[0, 3, 0, 0, 1]),
        packet(0xB0, &[0, 4, 0, 0, 0x11]),
        packet(0xD0, &[]),
        packet(0xE0, &[0x8E, 0]),
    ];
    let acts = [0x05, 0x1D, 0x46, 0x07, 0x81, 0x0E];
    let mut seeds = Vec::new();
    let mut seed = |flags: u8, pieces: &[u8], bytes: &[u8]| {
        let head = [60, flags, acts.len() as u8, pieces.len() as u8];
        seeds.push([&head[..], &acts, pieces, bytes].concat());
    };
    for pieces in [
        &[][..],
        &[0x00],
        &[0x83, 0x01],
        &[0xC0],
        &[0xC4, 0x20, 0x00],
    ] {
        for flags in [0, 1, 2, 0x82] {
            seed(flags, pieces, &packets[3..].concat());
        }
        for packet in &packets {
            seed(1, pieces, packet);
            seed(0, pieces, &[&accepted[..], packet, packet].concat());
        }
    }
    seeds
}
