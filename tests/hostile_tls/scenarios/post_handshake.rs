//! What a server that is who it says may not do later on, either: group 19, and 15 to 18 again.

use super::*;
use crate::{
    outcome::alert::{BAD_RECORD_MAC, DECODE_ERROR, ILLEGAL_PARAMETER, UNEXPECTED_MESSAGE},
    server::{ALERT, APPLICATION_DATA, HANDSHAKE, extension, list16},
};

pub fn all() -> Vec<Scenario> {
    [messages(), tickets(), key_updates(), floods(), records()]
        .into_iter()
        .flatten()
        .collect()
}

fn messages() -> Vec<Scenario> {
    let one = |name: &str, kind, body: &[u8]| {
        late_breach(
            format!("{name} after the handshake"),
            vec![Message(message(kind, body))],
            UNEXPECTED_MESSAGE,
        )
    };
    let schemes = extension(13, &list16(&[4, 3]));
    vec![
        one("HelloRequest", 0, &[]),
        one("ClientHello", 1, &[3, 3]),
        one("ServerHello", 2, &[3, 3]),
        one("EndOfEarlyData", 5, &[]),
        one("EncryptedExtensions", 8, &[0, 0]),
        one("Certificate", 11, &[0, 0, 0, 0]),
        // We did not say that we would answer one.
        one(
            "CertificateRequest",
            13,
            &[&[1, 7], &list16(&schemes)[..]].concat(),
        ),
        one("CertificateVerify", 15, &[4, 3, 0, 0]),
        one("Finished", 20, &[7; 32]),
        one("CertificateStatus", 22, &[1]),
        one("message_hash", 254, &[7; 32]),
        one("a message that nobody knows", 99, &[1]),
        one("a message of type 255", 255, &[]),
    ]
}

fn tickets() -> Vec<Scenario> {
    let ticket =
        |name: &str, body: &[u8], alert| late_breach(name, vec![Message(message(4, body))], alert);
    let good = honest::new_session_ticket()[4..].to_vec();
    let mut longer_nonce = good.clone();
    longer_nonce[8] = 255;
    let mut list = vec![
        ticket("ticket of no bytes", &[], DECODE_ERROR),
        ticket("ticket with half a lifetime", &[0, 0], DECODE_ERROR),
        ticket(
            "ticket with a nonce beyond its end",
            &longer_nonce,
            DECODE_ERROR,
        ),
        ticket("ticket cut off", &good[..good.len() - 3], DECODE_ERROR),
        ticket(
            "ticket with a byte too many",
            &[&good[..], &[0]].concat(),
            DECODE_ERROR,
        ),
        late_breach(
            "ticket without ticket",
            vec![Message(honest::new_session_ticket_with(60, &[1], &[], &[]))],
            DECODE_ERROR,
        ),
        late_breach(
            "ticket with half an extension",
            vec![Message(honest::new_session_ticket_with(
                60,
                &[1],
                &[7; 32],
                &[0, 42, 0],
            ))],
            DECODE_ERROR,
        ),
        after(
            "ticket of which the end never comes",
            vec![Sealed(HANDSHAKE, vec![4, 0, 1, 0, 7], 0)],
            Outcome::ended(Error::TlsProtocol, UNEXPECTED_MESSAGE),
        ),
    ];
    for (label, length) in [("16 MB", 0xff_ffff_usize), ("64 KB", 0xffff)] {
        let header = [&[4], &(length as u32).to_be_bytes()[1..], &[0, 0]].concat();
        list.push(after(
            format!("ticket of {label}"),
            vec![Sealed(HANDSHAKE, header, 0)],
            Outcome::ended(Error::TlsRecordTooLarge, alert::INTERNAL_ERROR).needed(length + 4 + 17),
        ));
    }
    list
}

fn key_updates() -> Vec<Scenario> {
    let update =
        |name: &str, body: &[u8], alert| late_breach(name, vec![Message(message(24, body))], alert);
    let in_one = [message(24, &[0]), honest::new_session_ticket()].concat();
    vec![
        update("KeyUpdate with value 2", &[2], ILLEGAL_PARAMETER),
        update("KeyUpdate with value 255", &[255], ILLEGAL_PARAMETER),
        update("KeyUpdate of no bytes", &[], DECODE_ERROR),
        update("KeyUpdate of two bytes", &[0, 0], DECODE_ERROR),
        late_breach(
            "KeyUpdate in one record with a ticket",
            vec![Message(in_one)],
            UNEXPECTED_MESSAGE,
        ),
        late_breach(
            "KeyUpdate and a byte of another message",
            vec![Message([message(24, &[0]), vec![4]].concat())],
            UNEXPECTED_MESSAGE,
        ),
        late_breach(
            "KeyUpdate without new keys",
            vec![
                Message(message(24, &[0])),
                Sealed(APPLICATION_DATA, vec![1], 0),
            ],
            BAD_RECORD_MAC,
        ),
        late_breach(
            "new keys without KeyUpdate",
            // The step changes the keys; its message is lost.
            vec![Lose, KeyUpdate(0), Sealed(APPLICATION_DATA, vec![1], 0)],
            BAD_RECORD_MAC,
        ),
    ]
}

fn floods() -> Vec<Scenario> {
    let flood = |name: &str, steps: Vec<Step>| late_breach(name, steps, UNEXPECTED_MESSAGE);
    let tickets = honest::new_session_ticket().repeat(20);
    vec![
        flood("tickets without end", vec![honest::ticket(); 200]),
        flood(
            "tickets without end, many a record",
            vec![Sealed(HANDSHAKE, tickets, 0); 40],
        ),
        flood("KeyUpdates without end", vec![KeyUpdate(0); 200]),
        flood("KeyUpdates that ask, without end", vec![KeyUpdate(1); 200]),
        flood(
            "empty application data without end",
            vec![Sealed(APPLICATION_DATA, vec![], 0); 200],
        ),
        flood(
            "empty, padded application data without end",
            vec![Sealed(APPLICATION_DATA, vec![], 900); 200],
        ),
        flood(
            "tickets and KeyUpdates without end",
            (0..200)
                .map(|n| {
                    if n % 2 == 0 {
                        honest::ticket()
                    } else {
                        KeyUpdate(0)
                    }
                })
                .collect(),
        ),
    ]
}

fn records() -> Vec<Scenario> {
    let late =
        |name: &str, step: Step, alert| late_breach(format!("{name}, later"), vec![step], alert);
    let data =
        |with: fn(&mut Vec<u8>)| vec![tamper(with), Sealed(APPLICATION_DATA, b"x".to_vec(), 0)];
    let ccs = |contents: &[u8]| Plain(CHANGE_CIPHER_SPEC, contents.to_vec());
    let mut list = vec![
        late(
            "plaintext message",
            Plain(HANDSHAKE, message(24, &[0])),
            UNEXPECTED_MESSAGE,
        ),
        late(
            "plaintext ticket",
            Plain(HANDSHAKE, honest::new_session_ticket()),
            UNEXPECTED_MESSAGE,
        ),
        late(
            "plaintext close_notify",
            Plain(ALERT, vec![1, 0]),
            UNEXPECTED_MESSAGE,
        ),
        late(
            "plaintext alert",
            Plain(ALERT, vec![2, 40]),
            UNEXPECTED_MESSAGE,
        ),
        late("ChangeCipherSpec", ccs(&[1]), UNEXPECTED_MESSAGE),
        late(
            "record of an unknown type",
            Plain(99, vec![1]),
            UNEXPECTED_MESSAGE,
        ),
        late(
            "HTTP",
            Raw(b"HTTP/1.1 400\r\n".to_vec()),
            UNEXPECTED_MESSAGE,
        ),
        late("record without a type", SealedNothing, UNEXPECTED_MESSAGE),
        late(
            "record of zeroes",
            Sealed(0, vec![0; 9], 0),
            UNEXPECTED_MESSAGE,
        ),
        late(
            "encrypted record of an unknown type",
            Sealed(99, vec![1], 0),
            UNEXPECTED_MESSAGE,
        ),
        late(
            "encrypted ChangeCipherSpec",
            Sealed(CHANGE_CIPHER_SPEC, vec![1], 0),
            UNEXPECTED_MESSAGE,
        ),
        late(
            "empty handshake record",
            Sealed(HANDSHAKE, vec![], 0),
            UNEXPECTED_MESSAGE,
        ),
        late(
            "encrypted record of no bytes",
            Plain(APPLICATION_DATA, vec![]),
            BAD_RECORD_MAC,
        ),
        late(
            "encrypted record of 16 bytes",
            Plain(APPLICATION_DATA, vec![7; 16]),
            BAD_RECORD_MAC,
        ),
        late(
            "record that is not encrypted at all",
            Plain(APPLICATION_DATA, vec![0; 40]),
            BAD_RECORD_MAC,
        ),
        late(
            "record of 16641 bytes",
            Raw(vec![23, 3, 3, 0x41, 1]),
            alert::RECORD_OVERFLOW,
        ),
        late_breach(
            "record with a bit flipped, later",
            data(|record| record[5] ^= 1),
            BAD_RECORD_MAC,
        ),
        late_breach(
            "record lost, later",
            vec![
                Lose,
                Sealed(APPLICATION_DATA, vec![1], 0),
                Sealed(APPLICATION_DATA, vec![2], 0),
            ],
            BAD_RECORD_MAC,
        ),
        late_breach(
            "record sent twice, later",
            vec![honest::ticket(), Replay],
            BAD_RECORD_MAC,
        ),
        after(
            "record larger than the buffer, later",
            vec![Raw(vec![23, 3, 3, 0x10, 0])],
            Outcome::ended(Error::TlsRecordTooLarge, alert::INTERNAL_ERROR).needed(4096),
        ),
    ];
    // With the keys of the handshake instead of the new ones: as if Finished had not been.
    list.push(late_breach(
        "record of before, later",
        vec![Replay],
        BAD_RECORD_MAC,
    ));
    list
}
