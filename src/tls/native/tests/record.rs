//! Sealing and opening, and the two buffers.

use super::{
    super::{
        alert::{Alert, Fatal},
        receive::Receive,
        record::{
            ALERT, APPLICATION_DATA, HANDSHAKE, HEADER, Keys, MAX_CONTENT, MAX_SEALED, SEALING,
            TAG, header,
        },
        suite::Suite,
        transmit::{KEY_UPDATE, RESERVE, Transmit},
    },
    keys,
};
use crate::{
    Error,
    tls::{
        Failure,
        crypto::{
            Crypto, Software,
            aead::{Aead, Nonce, Tag},
        },
    },
};

/// A sealed record with these contents and so many bytes of padding.
fn seal(keys: &mut Keys, kind: u8, contents: &[u8], padding: usize) -> Vec<u8> {
    // Padding is what stands behind the type, so the type that is given is the last zero of it.
    let mut inner = contents.to_vec();
    let last = if padding > 0 {
        inner.push(kind);
        inner.extend(vec![0; padding - 1]);
        0
    } else {
        kind
    };
    let mut record = vec![0; HEADER];
    record.extend(inner);
    record.extend([0; SEALING]);
    keys.seal(&Software, last, &mut record).unwrap();
    record
}

fn open(keys: &mut Keys, record: &[u8]) -> Result<(u8, Vec<u8>), Fatal> {
    let (header, payload) = record.split_first_chunk().unwrap();
    let mut payload = payload.to_vec();
    let (kind, length) = keys.open(&Software, header, &mut payload)?;
    payload.truncate(length);
    Ok((kind, payload))
}

fn refused(alert: Alert) -> Result<(u8, Vec<u8>), Fatal> {
    Err(alert.into())
}

#[test]
fn what_is_sealed_can_be_opened() {
    for &suite in Suite::ALL {
        let (mut ours, mut theirs) = (keys(suite, 1), keys(suite, 1));
        for length in [0, 1, 2, 100, MAX_CONTENT] {
            let contents = vec![0; length];
            for (kind, padding) in [(HANDSHAKE, 0), (ALERT, 0)] {
                let record = seal(&mut ours, kind, &contents, padding);
                assert_eq!(record.len(), HEADER + length + SEALING);
                assert_eq!(record[..3], [APPLICATION_DATA, 3, 3]);
                assert_eq!(open(&mut theirs, &record), Ok((kind, contents.clone())));
            }
        }
        let record = seal(&mut ours, APPLICATION_DATA, b"padded", 100);
        assert_eq!(record.len(), HEADER + 6 + 100 + SEALING);
        assert_eq!(
            open(&mut theirs, &record),
            Ok((APPLICATION_DATA, b"padded".to_vec()))
        );
    }
}

#[test]
fn every_bit_counts() {
    let suite = Suite::Aes128GcmSha256;
    let record = seal(&mut keys(suite, 1), HANDSHAKE, b"hello", 0);
    for bit in 0..8 * record.len() {
        let mut changed = record.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = open(&mut keys(suite, 1), &changed);
        assert_eq!(opened, refused(Alert::BadRecordMac), "{bit}");
    }
    // Another record number, other keys.
    let mut later = keys(suite, 1);
    assert!(open(&mut later, &record).is_ok());
    assert_eq!(open(&mut later, &record), refused(Alert::BadRecordMac));
    assert_eq!(
        open(&mut keys(suite, 2), &record),
        refused(Alert::BadRecordMac)
    );
    let next = keys(suite, 1).next().unwrap();
    let mut next_again = keys(suite, 1).next().unwrap();
    let mut next = next;
    assert_eq!(open(&mut next, &record), refused(Alert::BadRecordMac));
    let record = seal(&mut next_again, HANDSHAKE, b"hello", 0);
    assert_eq!(open(&mut next, &record), refused(Alert::BadRecordMac));
}

#[test]
fn records_without_contents_or_with_too_much() {
    let suite = Suite::Aes128GcmSha256;
    for length in 0..TAG {
        let record = [
            &header(APPLICATION_DATA, length).unwrap()[..],
            &vec![0; length],
        ]
        .concat();
        let opened = open(&mut keys(suite, 1), &record);
        assert_eq!(opened, refused(Alert::BadRecordMac));
    }
    for padding in [0, 1, 40] {
        let record = seal(&mut keys(suite, 1), 0, &[], padding);
        let opened = open(&mut keys(suite, 1), &record);
        assert_eq!(opened, refused(Alert::UnexpectedMessage));
    }
    let record = seal(&mut keys(suite, 1), HANDSHAKE, &[1; MAX_CONTENT], 1);
    let opened = open(&mut keys(suite, 1), &record);
    assert_eq!(opened, refused(Alert::RecordOverflow));
}

/// Hardware that does not work.
struct Broken;

impl Crypto for Broken {
    fn seal(&self, _: Aead, _: &[u8], _: &Nonce, _: &[u8], _: &mut [u8]) -> Result<Tag, Error> {
        Err(Error::TlsSign)
    }
}

#[test]
fn a_record_number_is_used_up_even_if_sealing_fails() {
    let suite = Suite::Aes128GcmSha256;
    let (mut ours, mut theirs) = (keys(suite, 1), keys(suite, 1));
    let mut record = vec![0; HEADER + SEALING];
    let failed = ours.seal(&Broken, HANDSHAKE, &mut record);
    assert_eq!(failed, Err(Error::TlsSign));
    let record = seal(&mut ours, HANDSHAKE, b"1", 0);
    assert_eq!(open(&mut theirs, &record), refused(Alert::BadRecordMac));
    assert!(open(&mut theirs, &record).is_ok());
}

#[test]
fn keys_wear_out() {
    let suite = Suite::Aes128GcmSha256;
    let mut ours = keys(suite, 1);
    assert!(!ours.are_worn());
    ours.set_sequence((1 << 24) - 1);
    assert!(ours.are_worn());
    let mut record = vec![0; HEADER + SEALING];
    assert_eq!(ours.seal(&Software, HANDSHAKE, &mut record), Ok(()));
    let worn = ours.seal(&Software, HANDSHAKE, &mut record);
    assert_eq!(worn, Err(Error::Tls));
    assert!(!ours.next().unwrap().are_worn());
    // The server's may: it is the one to count. But never a number twice.
    let mut theirs = keys(suite, 1);
    theirs.set_sequence(u64::MAX);
    assert_eq!(open(&mut theirs, &record), Err(Fatal::from(Error::Tls)));
}

/// Puts bytes into the space, as many as fit; returns the rest.
fn feed<'b>(receive: &mut Receive<'_>, bytes: &'b [u8]) -> &'b [u8] {
    let space = receive.space();
    let length = space.len().min(bytes.len());
    space[..length].copy_from_slice(&bytes[..length]);
    receive.fill(length);
    &bytes[length..]
}

#[test]
fn contents_are_joined_whatever_the_pieces() {
    let messages = (0..10_u8)
        .flat_map(|n| {
            let body = vec![n; usize::from(n) * 9];
            [&[n, 0, 0, body.len() as u8][..], &body].concat()
        })
        .collect::<Vec<_>>();
    for size in [1, 2, 3, 7, 50, 100] {
        let records = messages
            .chunks(size)
            .flat_map(|part| [&header(HANDSHAKE, part.len()).unwrap()[..], part].concat())
            .collect::<Vec<_>>();
        for step in [1, 4, 13, 1000] {
            let mut buffer = [0; 256];
            let mut receive = Receive::new(&mut buffer);
            let mut rest = &records[..];
            let mut seen: Vec<u8> = Vec::new();
            while seen.len() < messages.len() {
                if let Some(message) = receive.message().unwrap() {
                    let length = message.len();
                    seen.extend(message);
                    receive.consume(length);
                } else if let Some(record) = receive.record().unwrap() {
                    let length = receive.payload(&record).len();
                    receive.take(&record, length);
                } else {
                    assert!(!rest.is_empty());
                    let piece = &rest[..step.min(rest.len())];
                    let left = feed(&mut receive, piece).len();
                    assert!(left < piece.len(), "there is always some space");
                    rest = &rest[piece.len() - left..];
                }
            }
            assert_eq!(seen, messages);
            assert!(rest.is_empty() && receive.contents().is_empty());
        }
    }
}

#[test]
fn the_header_decides_at_once() {
    let outcome = |bytes: &[u8]| {
        let mut buffer = [0; 64];
        let mut receive = Receive::new(&mut buffer);
        feed(&mut receive, bytes);
        receive.record().map(|record| record.is_some())
    };
    let refused = |alert: Alert| Err(Fatal::from(alert));
    let too_large = |needed| Err(Fatal::too_large(Error::TlsRecordTooLarge, needed));
    for kind in (0..20).chain(24..=255) {
        assert_eq!(outcome(&[kind]), refused(Alert::UnexpectedMessage));
    }
    assert_eq!(outcome(&[]), Ok(false));
    assert_eq!(outcome(&[22, 9, 9, 0]), Ok(false));
    assert_eq!(outcome(&[22, 9, 9, 0, 1]), Ok(false));
    // The version means nothing.
    assert_eq!(outcome(&[22, 9, 9, 0, 1, 1]), Ok(true));
    assert_eq!(outcome(&[22, 3, 3, 0, 59]), Ok(false));
    assert_eq!(outcome(&[22, 3, 3, 0, 60]), too_large(60));
    assert_eq!(outcome(&[22, 3, 3, 0x40, 0]), too_large(MAX_CONTENT));
    assert_eq!(
        outcome(&[22, 3, 3, 0x40, 1]),
        refused(Alert::RecordOverflow)
    );
    assert_eq!(outcome(&[23, 3, 3, 0x41, 0]), too_large(MAX_SEALED));
    assert_eq!(
        outcome(&[23, 3, 3, 0x41, 1]),
        refused(Alert::RecordOverflow)
    );

    let mut buffer = [0; 64];
    let mut receive = Receive::new(&mut buffer);
    receive.set_limit(40);
    feed(&mut receive, &[23, 3, 3, 0, 41]);
    let record = receive.record().map(|record| record.is_some());
    assert_eq!(record, refused(Alert::RecordOverflow));
}

#[test]
fn a_message_that_can_never_fit_is_told_with_its_size() {
    let mut buffer = [0; 64];
    let mut receive = Receive::new(&mut buffer);
    for (length, needed) in [(38, 0), (39, 60), (0xff_ffff, 4 + 0xff_ffff + 17)] {
        receive.wipe();
        let [_, a, b, c] = u32::to_be_bytes(length);
        feed(&mut receive, &[22, 3, 3, 0, 5, 11, a, b, c, 0]);
        let record = receive.record().unwrap().unwrap();
        receive.take(&record, 5);
        let needs = match receive.message() {
            Ok(None) => 0,
            Err(Fatal {
                failure:
                    Failure {
                        error: Error::TlsRecordTooLarge,
                        needed,
                        ..
                    },
                ..
            }) => needed,
            other => panic!("{other:?}"),
        };
        assert_eq!(needs, needed);
    }
}

#[test]
fn used_contents_are_wiped() {
    let mut buffer = [0; 64];
    let mut receive = Receive::new(&mut buffer);
    feed(&mut receive, &[22, 3, 3, 0, 4, 1, 2, 3, 4]);
    let record = receive.record().unwrap().unwrap();
    receive.take(&record, 4);
    assert_eq!(receive.contents(), [1, 2, 3, 4]);
    receive.consume(3);
    assert_eq!(receive.contents(), [4]);
    receive.consume(1);
    assert_eq!(buffer[5..9], [0; 4]);
}

#[test]
fn moved_contents_are_wiped() {
    let mut buffer = [0; 64];
    let mut receive = Receive::new(&mut buffer);
    // Two parts of a message, the second of which moves to the first, and the beginning of a record.
    feed(
        &mut receive,
        &[
            22, 3, 3, 0, 4, 4, 0, 0, 6, 22, 3, 3, 0, 6, 7, 7, 7, 7, 7, 7, 23, 3,
        ],
    );
    for length in [4, 6] {
        let record = receive.record().unwrap().unwrap();
        receive.take(&record, length);
    }
    receive.consume(2);
    receive.space();
    assert_eq!(receive.contents(), [0, 6, 7, 7, 7, 7, 7, 7]);
    receive.consume(8);
    receive.space();
    assert_eq!(buffer[..2], [23, 3]);
    assert_eq!(buffer[2..], [0; 62]);
}

#[test]
fn a_plain_record_is_no_longer_than_it_may_be() {
    let mut buffer = vec![0; HEADER + MAX_CONTENT + SEALING + RESERVE];
    let mut transmit = Transmit::new(&mut buffer);
    let mut room = 0;
    let written = transmit.write_plain(HANDSHAKE, |space| {
        room = space.len();
        Ok(room)
    });
    assert_eq!(written, Ok(Ok(())));
    assert_eq!(room, MAX_CONTENT);
    assert_eq!(transmit.pending().len(), HEADER + MAX_CONTENT);
}

fn put(transmit: &mut Transmit<'_>, bytes: &[u8]) -> usize {
    let place = transmit.place();
    let length = place.len().min(bytes.len());
    place[..length].copy_from_slice(&bytes[..length]);
    transmit.extend(length);
    length
}

#[test]
fn messages_go_before_the_open_record_and_always_have_room() {
    let suite = Suite::Aes128GcmSha256;
    let mut buffer = [0; HEADER + 60 + RESERVE];
    let mut transmit = Transmit::new(&mut buffer);
    let (mut ours, mut theirs) = (keys(suite, 1), keys(suite, 1));
    let contents = (0..100).collect::<Vec<_>>();
    assert_eq!(transmit.capacity(), 60 - SEALING);
    // As full as can be.
    assert_eq!(put(&mut transmit, &contents), transmit.capacity());
    assert_eq!(transmit.room(), 0);
    let update = [24, 0, 0, 1, 0];
    let mut insert = |transmit: &mut Transmit<'_>, kind, message: &[u8]| {
        transmit
            .insert(kind, message, &mut ours, &Software)
            .unwrap()
    };
    assert_eq!(insert(&mut transmit, HANDSHAKE, &update), Some(()));
    assert_eq!(transmit.pending().len(), KEY_UPDATE);
    assert_eq!(transmit.open(), 43);
    // A second one must wait, for the alert must not.
    assert_eq!(insert(&mut transmit, HANDSHAKE, &update), None);
    assert_eq!(insert(&mut transmit, ALERT, &[2, 80]), Some(()));
    assert_eq!(insert(&mut transmit, ALERT, &[2, 80]), None);
    transmit
        .seal(APPLICATION_DATA, &mut ours, &Software)
        .unwrap();
    let sent = transmit.pending().to_vec();
    let (first, rest) = sent.split_at(KEY_UPDATE);
    let (second, third) = rest.split_at(HEADER + 2 + SEALING);
    assert_eq!(open(&mut theirs, first), Ok((HANDSHAKE, update.to_vec())));
    assert_eq!(open(&mut theirs, second), Ok((ALERT, vec![2, 80])));
    assert_eq!(
        open(&mut theirs, third),
        Ok((APPLICATION_DATA, contents[..43].to_vec()))
    );
}

#[test]
fn what_was_sent_makes_room_and_the_open_record_stays() {
    let suite = Suite::Aes128GcmSha256;
    let mut buffer = [0; HEADER + 60 + RESERVE];
    let mut transmit = Transmit::new(&mut buffer);
    let (mut ours, mut theirs) = (keys(suite, 1), keys(suite, 1));
    assert_eq!(put(&mut transmit, b"one"), 3);
    transmit.seal(HANDSHAKE, &mut ours, &Software).unwrap();
    assert_eq!(put(&mut transmit, b"two"), 3);
    let first = transmit.pending().to_vec();
    for _ in 0..first.len() - 1 {
        transmit.sent(1);
        assert!(!transmit.pending().is_empty());
    }
    transmit.sent(1);
    assert!(transmit.pending().is_empty());
    assert_eq!(put(&mut transmit, &[7; 100]), 60 - SEALING - 3);
    transmit.seal(HANDSHAKE, &mut ours, &Software).unwrap();
    assert_eq!(open(&mut theirs, &first), Ok((HANDSHAKE, b"one".to_vec())));
    let (_, second) = open(&mut theirs, transmit.pending()).unwrap();
    assert_eq!(second, [&b"two"[..], &[7; 40]].concat());
    // The server's limit counts for contents.
    transmit.clear();
    transmit.set_limit(10);
    assert_eq!(put(&mut transmit, &[7; 100]), 10);
}
