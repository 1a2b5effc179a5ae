//! What is legal after the handshake, and how a connection ends.

use super::{
    super::{
        alert::{Alert, Fatal},
        connection::{Connection, Taken},
        record::{
            ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, Keys, SEALING, header,
        },
        suite::Suite,
        transmit::RESERVE,
    },
    keys,
};
use crate::{
    Error,
    tls::{Failure, crypto::Software},
};

const SUITE: Suite = Suite::Aes128GcmSha256;
const ROOM: usize = 200;

/// A connection after the handshake, and the server's keys to write and read with.
struct World<'a> {
    connection: Connection<'a>,
    write: Keys,
    read: Keys,
}

fn connected<T>(test: impl FnOnce(&mut World<'_>) -> T) -> T {
    let (mut receive, mut transmit) = ([0; HEADER + ROOM], [0; HEADER + ROOM + RESERVE]);
    let mut connection = Connection::new(&mut receive, &mut transmit);
    connection.spoke();
    connection.read_with(keys(SUITE, 1)).unwrap();
    connection.write_with(keys(SUITE, 2));
    connection.enter_application();
    test(&mut World {
        connection,
        write: keys(SUITE, 1),
        read: keys(SUITE, 2),
    })
}

impl World<'_> {
    fn feed(&mut self, bytes: &[u8]) {
        let space = self.connection.receive.space();
        space[..bytes.len()].copy_from_slice(bytes);
        self.connection.receive.fill(bytes.len());
    }

    /// The server sends a sealed record.
    fn send(&mut self, kind: u8, contents: &[u8]) {
        let mut record = vec![0; HEADER];
        record.extend(contents);
        record.extend([0; SEALING]);
        self.write.seal(&Software, kind, &mut record).unwrap();
        self.feed(&record);
    }

    /// The server receives what is to be sent: the records, opened.
    fn receive(&mut self) -> Vec<(u8, Vec<u8>)> {
        let bytes = self.connection.transmit.pending().to_vec();
        self.connection.transmit.sent(bytes.len());
        let mut seen = Vec::new();
        self.open(&bytes, &mut seen);
        seen
    }

    /// The server opens these records.
    fn open(&mut self, bytes: &[u8], seen: &mut Vec<(u8, Vec<u8>)>) {
        let mut bytes = bytes.to_vec();
        while !bytes.is_empty() {
            let size = HEADER + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
            let rest = bytes.split_off(size);
            let (header, payload) = bytes.split_first_chunk_mut().unwrap();
            let (kind, length) = self.read.open(&Software, header, payload).unwrap();
            let contents = payload[..length].to_vec();
            if kind == HANDSHAKE && contents[0] == 24 {
                self.read = self.read.next().unwrap();
            }
            seen.push((kind, contents));
            bytes = rest;
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let place = self.connection.transmit.place();
        place[..bytes.len()].copy_from_slice(bytes);
        self.connection.transmit.extend(bytes.len());
    }

    /// The alert that is refused with.
    fn refusal(&mut self) -> Option<Alert> {
        self.connection.take_data().err().and_then(|fatal| {
            assert_eq!(fatal.failure, Failure::new(Error::TlsProtocol));
            fatal.alert
        })
    }
}

fn key_update(requested: u8) -> [u8; 5] {
    [24, 0, 0, 1, requested]
}

#[test]
fn data_and_new_keys_both_ways() {
    connected(|world| {
        world.send(APPLICATION_DATA, b"one");
        assert_eq!(world.connection.take_data(), Ok(true));
        assert_eq!(world.connection.receive.contents(), b"one");
        world.connection.receive.consume(3);
        for requested in [0, 1, 1] {
            world.send(HANDSHAKE, &key_update(requested));
            world.write = world.write.next().unwrap();
            assert_eq!(world.connection.take_data(), Ok(false));
        }
        // Something is being written: the answer goes before it, and one is enough.
        world.write(b"two");
        assert_eq!(world.connection.seal(APPLICATION_DATA), Ok(true));
        assert_eq!(
            world.receive(),
            [
                (HANDSHAKE, key_update(0).to_vec()),
                (APPLICATION_DATA, b"two".to_vec())
            ]
        );
        world.send(APPLICATION_DATA, b"three");
        assert_eq!(world.connection.take_data(), Ok(true));
    });
}

#[test]
fn an_answer_without_room_waits_and_nothing_overtakes_it() {
    connected(|world| {
        let full = world.connection.transmit.capacity();
        world.write(&vec![1; full]);
        for _ in 0..2 {
            world.send(HANDSHAKE, &key_update(1));
            world.write = world.write.next().unwrap();
            assert_eq!(world.connection.take_data(), Ok(false));
            world.connection.settle().unwrap();
        }
        // The first found room in the reserve, the second did not.
        assert_eq!(world.connection.seal(APPLICATION_DATA), Ok(false));
        assert_eq!(world.receive(), [(HANDSHAKE, key_update(0).to_vec())]);
        assert_eq!(world.connection.seal(APPLICATION_DATA), Ok(true));
        assert_eq!(
            world.receive(),
            [
                (HANDSHAKE, key_update(0).to_vec()),
                (APPLICATION_DATA, vec![1; full])
            ]
        );
    });
}

#[test]
fn worn_keys_are_changed() {
    connected(|world| {
        let worn = (1 << 24) - (1 << 16);
        let mut old = keys(SUITE, 2);
        old.set_sequence(worn);
        world.connection.write_with(old);
        world.read.set_sequence(worn);
        world.write(b"data");
        assert_eq!(world.connection.seal(APPLICATION_DATA), Ok(true));
        assert_eq!(
            world.receive(),
            [
                (HANDSHAKE, key_update(0).to_vec()),
                (APPLICATION_DATA, b"data".to_vec())
            ]
        );
        // The server is asked to change its own, once.
        let mut old = keys(SUITE, 1);
        old.set_sequence(worn);
        world.write.set_sequence(worn);
        world.connection.read_with(old).unwrap();
        for _ in 0..3 {
            assert_eq!(world.connection.settle(), Ok(true));
        }
        assert_eq!(world.receive(), [(HANDSHAKE, key_update(1).to_vec())]);
        world.send(HANDSHAKE, &key_update(0));
        world.write = world.write.next().unwrap();
        world.send(APPLICATION_DATA, b"new");
        assert_eq!(world.connection.take_data(), Ok(true));
        assert_eq!(world.connection.settle(), Ok(true));
        assert_eq!(world.receive(), []);
    });
}

#[test]
fn key_updates_that_are_none() {
    let refused = |message: &[u8], alert| {
        connected(|world| {
            world.send(HANDSHAKE, message);
            assert_eq!(world.refusal(), Some(alert), "{message:?}");
        });
    };
    refused(&key_update(2), Alert::IllegalParameter);
    refused(&[24, 0, 0, 0], Alert::DecodeError);
    refused(&[24, 0, 0, 2, 0, 0], Alert::DecodeError);
    // The new keys begin with a new record.
    refused(
        &[key_update(0), key_update(0)].concat(),
        Alert::UnexpectedMessage,
    );
    refused(&[24, 0, 0, 1, 0, 4], Alert::UnexpectedMessage);
    for kind in (0..=255).filter(|kind| ![4, 24].contains(kind)) {
        refused(&[kind, 0, 0, 0], Alert::UnexpectedMessage);
    }
}

#[test]
fn records_that_are_not_legal_any_more() {
    for (kind, contents) in [
        (HANDSHAKE, &[4, 0, 0, 0][..]),
        (ALERT, &[1, 0]),
        (CHANGE_CIPHER_SPEC, &[1]),
    ] {
        connected(|world| {
            let record = [&header(kind, contents.len()).unwrap()[..], contents].concat();
            world.feed(&record);
            assert_eq!(world.refusal(), Some(Alert::UnexpectedMessage), "{kind}");
        });
    }
    for (kind, contents, alert) in [
        (CHANGE_CIPHER_SPEC, &[1][..], Alert::UnexpectedMessage),
        (24, &[1], Alert::UnexpectedMessage),
        (HANDSHAKE, &[], Alert::UnexpectedMessage),
        (ALERT, &[], Alert::UnexpectedMessage),
        (ALERT, &[2], Alert::DecodeError),
        (ALERT, &[2, 80, 0], Alert::DecodeError),
    ] {
        connected(|world| {
            world.send(kind, contents);
            assert_eq!(world.refusal(), Some(alert), "{kind} {contents:?}");
        });
    }
    // Nothing may come between the parts of a message.
    for kind in [APPLICATION_DATA, ALERT] {
        connected(|world| {
            world.send(HANDSHAKE, &[4, 0]);
            world.send(kind, &[1, 0]);
            assert_eq!(world.refusal(), Some(Alert::UnexpectedMessage));
        });
    }
}

/// A connection in whose handshake the server's keys are known, if they shall be.
fn shaking_hands(sealed: bool, test: impl FnOnce(&mut World<'_>)) {
    let (mut receive, mut transmit) = ([0; HEADER + ROOM], [0; HEADER + ROOM + RESERVE]);
    let mut connection = Connection::new(&mut receive, &mut transmit);
    connection.spoke();
    if sealed {
        connection.read_with(keys(SUITE, 1)).unwrap();
        connection.write_with(keys(SUITE, 2));
    }
    test(&mut World {
        connection,
        write: keys(SUITE, 1),
        read: keys(SUITE, 2),
    });
}

#[test]
fn an_open_alert_counts_until_the_first_sealed_record() {
    const OPEN_ALERT: [u8; 7] = [ALERT, 3, 3, 0, 2, 2, 40];
    for sealed in [false, true] {
        shaking_hands(sealed, |world| {
            world.feed(&OPEN_ALERT);
            let failure = world.connection.take_record().unwrap_err().failure;
            assert_eq!((failure.error, failure.alert), (Error::TlsAlert, Some(40)));
        });
    }
    shaking_hands(true, |world| {
        world.send(HANDSHAKE, &[8]);
        assert_eq!(world.connection.take_record(), Ok(Taken::Handshake));
        world.connection.receive.consume(1);
        world.feed(&OPEN_ALERT);
        assert_eq!(world.refusal(), Some(Alert::UnexpectedMessage));
    });
}

#[test]
fn a_change_cipher_spec_is_overlooked_twice_and_not_within_a_message() {
    const CCS: [u8; 6] = [CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1];
    for sealed in [false, true] {
        shaking_hands(sealed, |world| {
            for _ in 0..2 {
                world.feed(&CCS);
                assert_eq!(world.connection.take_record(), Ok(Taken::Nothing));
            }
            world.feed(&CCS);
            assert_eq!(world.refusal(), Some(Alert::UnexpectedMessage));
        });
        shaking_hands(sealed, |world| {
            if sealed {
                world.send(HANDSHAKE, &[8, 0]);
            } else {
                world.feed(&[HANDSHAKE, 3, 3, 0, 2, 2, 0]);
            }
            assert_eq!(world.connection.take_record(), Ok(Taken::Handshake));
            world.feed(&CCS);
            assert_eq!(world.refusal(), Some(Alert::UnexpectedMessage));
        });
    }
}

#[test]
fn floods_of_nothing_end() {
    for (kind, contents) in [
        (APPLICATION_DATA, &[][..]),
        (HANDSHAKE, &[4]),
        (ALERT, &[1, 90]),
    ] {
        connected(|world| {
            for _ in 0..32 {
                world.send(kind, contents);
                if kind == HANDSHAKE {
                    assert_eq!(world.connection.take_record(), Ok(Taken::Handshake));
                    world.connection.receive.consume(1);
                } else {
                    assert_eq!(world.connection.take_data(), Ok(false));
                }
            }
            // Data in between, and it begins anew.
            world.send(APPLICATION_DATA, &[1]);
            assert_eq!(world.connection.take_data(), Ok(true));
            world.connection.receive.consume(1);
            for _ in 0..32 {
                world.send(APPLICATION_DATA, &[]);
                assert_eq!(world.connection.take_data(), Ok(false));
            }
            world.send(APPLICATION_DATA, &[]);
            assert_eq!(world.refusal(), Some(Alert::UnexpectedMessage));
        });
    }
}

#[test]
fn each_kind_of_nothing_counts() {
    for (kind, first, contents) in [
        (APPLICATION_DATA, &[][..], &[][..]),
        // A part of a ticket that is long.
        (HANDSHAKE, &[4, 0, 0, 100], &[0]),
        (ALERT, &[1, 90], &[1, 90]),
    ] {
        connected(|world| {
            world.send(kind, first);
            assert_eq!(world.connection.take_data(), Ok(false));
            for _ in 1..32 {
                world.send(kind, contents);
                assert_eq!(world.connection.take_data(), Ok(false), "{kind}");
            }
            world.send(kind, contents);
            assert_eq!(world.refusal(), Some(Alert::UnexpectedMessage), "{kind}");
        });
    }
}

#[test]
fn many_messages_in_a_record_are_many() {
    connected(|world| {
        let ticket = [
            &[4, 0, 0, 14][..],
            &[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0],
        ];
        let tickets = ticket.concat().repeat(8);
        for _ in 0..4 {
            world.send(HANDSHAKE, &tickets);
            assert_eq!(world.connection.take_data(), Ok(false));
        }
        world.send(HANDSHAKE, &tickets);
        assert_eq!(world.refusal(), Some(Alert::UnexpectedMessage));
    });
}

#[test]
fn alerts_are_told_with_their_number() {
    for number in (1..=255).filter(|&number| number != 90) {
        connected(|world| {
            world.write(b"not sent");
            world.send(ALERT, &[1, number]);
            let fatal = world.connection.take_data().unwrap_err();
            assert_eq!(fatal.failure.error, Error::TlsAlert);
            assert_eq!(fatal.failure.alert, Some(number));
            // It is not answered.
            assert_eq!(world.connection.fail(fatal), Error::TlsAlert);
            assert_eq!(world.receive(), []);
            assert_eq!(world.connection.check(), Err(Error::TlsAlert));
        });
    }
    connected(|world| {
        world.send(ALERT, &[1, 0]);
        let fatal = world.connection.take_data().unwrap_err();
        assert_eq!(fatal.failure.error, Error::TcpClosed);
        assert_eq!(fatal.failure.alert, Some(0));
        world.connection.fail(fatal);
        // An orderly end is answered by one.
        assert_eq!(world.receive(), [(ALERT, vec![1, 0])]);
    });
}

#[test]
fn a_refusal_is_sent_once_and_without_what_was_not_sealed() {
    connected(|world| {
        world.write(b"sealed");
        world.connection.seal(APPLICATION_DATA).unwrap();
        world.write(b"not sealed");
        let error = world.connection.fail(Alert::DecodeError.into());
        assert_eq!(error, Error::TlsProtocol);
        // The first cause counts.
        let error = world.connection.fail(Fatal::silent(Error::TcpReset));
        assert_eq!(error, Error::TlsProtocol);
        assert_eq!(
            world.receive(),
            [(APPLICATION_DATA, b"sealed".to_vec()), (ALERT, vec![2, 50])]
        );
        assert!(world.connection.seal(APPLICATION_DATA).is_err());
    });
}

#[test]
fn whoever_has_not_spoken_refuses_in_silence() {
    let (mut receive, mut transmit) = ([0; HEADER + ROOM], [0; HEADER + ROOM + RESERVE]);
    let mut connection = Connection::new(&mut receive, &mut transmit);
    connection.fail(Error::Random.into());
    assert!(connection.transmit.pending().is_empty());
    let mut connection = Connection::new(&mut receive, &mut transmit);
    connection.spoke();
    connection.fail(Alert::ProtocolVersion.into());
    assert_eq!(connection.transmit.pending(), [21, 3, 3, 0, 2, 2, 70]);
}

#[test]
fn closing_ends_it() {
    connected(|world| {
        world.connection.close();
        world.connection.close();
        assert_eq!(world.receive(), [(ALERT, vec![1, 0])]);
        assert_eq!(world.connection.check(), Err(Error::State));
    });
}

#[test]
fn nothing_is_left_after_a_wipe() {
    let (mut receive, mut transmit) = ([7; HEADER + ROOM], [7; HEADER + ROOM + RESERVE]);
    let mut connection = Connection::new(&mut receive, &mut transmit);
    connection.wipe();
    assert_eq!(receive, [0; HEADER + ROOM]);
    assert_eq!(transmit, [0; HEADER + ROOM + RESERVE]);
}

/// Random numbers that are always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn whatever_happens_the_server_can_open_what_is_sent() {
    for seed in 0..2000 {
        connected(|world| {
            let mut dice = Dice(seed);
            let (mut written, mut sent, mut seen) = (0_u8, Vec::new(), Vec::new());
            let mut expected = Vec::new();
            for _ in 0..dice.below(200) {
                match dice.below(8) {
                    0 | 1 => {
                        let length = dice.below(60).min(world.connection.transmit.room());
                        let bytes = (0..length)
                            .map(|_| {
                                written = written.wrapping_add(1);
                                written
                            })
                            .collect::<Vec<_>>();
                        world.write(&bytes);
                        expected.extend(bytes);
                    }
                    2 => drop(world.connection.seal(APPLICATION_DATA).unwrap()),
                    3 => drop(world.connection.settle().unwrap()),
                    4 => {
                        world.send(HANDSHAKE, &key_update(dice.below(2) as u8));
                        world.write = world.write.next().unwrap();
                        assert_eq!(world.connection.take_data(), Ok(false));
                    }
                    5 => {
                        world.send(APPLICATION_DATA, b"data");
                        assert_eq!(world.connection.take_data(), Ok(true));
                        world.connection.receive.consume(4);
                    }
                    _ => {
                        let pending = world.connection.transmit.pending();
                        let length = dice.below(pending.len() + 1);
                        sent.extend_from_slice(&pending[..length]);
                        world.connection.transmit.sent(length);
                    }
                }
            }
            let whole = dice.below(2) == 0;
            if whole {
                while !world.connection.seal(APPLICATION_DATA).unwrap() {
                    let pending = world.connection.transmit.pending().to_vec();
                    sent.extend_from_slice(&pending);
                    world.connection.transmit.sent(pending.len());
                }
                world.connection.close();
            } else {
                world.connection.fail(Alert::DecodeError.into());
            }
            sent.extend_from_slice(world.connection.transmit.pending());
            world.connection.transmit.sent(usize::MAX);
            world.open(&sent, &mut seen);
            let (last, before) = seen.split_last().unwrap();
            assert_eq!(
                last,
                &(ALERT, vec![2 - u8::from(whole), if whole { 0 } else { 50 }])
            );
            let data = before
                .iter()
                .filter(|(kind, _)| *kind == APPLICATION_DATA)
                .flat_map(|(_, contents)| contents.clone())
                .collect::<Vec<_>>();
            if whole {
                assert_eq!(data, expected, "{seed}");
            } else {
                assert!(expected.starts_with(&data), "{seed}");
            }
        });
    }
}
