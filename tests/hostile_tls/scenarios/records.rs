//! Records that are not as they should be: groups 15 to 18.

use super::*;
use crate::server::{ALERT, APPLICATION_DATA, HANDSHAKE};

/// The header of a record that does not come.
fn header(kind: u8, length: u16) -> Step {
    let [high, low] = length.to_be_bytes();
    Raw(vec![kind, 3, 3, high, low])
}

fn ccs(contents: &[u8]) -> Step {
    Plain(CHANGE_CIPHER_SPEC, contents.to_vec())
}

pub fn all() -> Vec<Scenario> {
    [
        plain(),
        plain_in_flight(),
        lengths(),
        protection(),
        contents(),
        change_cipher_spec(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn plain() -> Vec<Scenario> {
    let unexpected = alert::UNEXPECTED_MESSAGE;
    vec![
        breach(
            "record of an unknown type",
            vec![Plain(24, vec![1])],
            unexpected,
        ),
        breach("record of type 0", vec![Plain(0, vec![1])], unexpected),
        breach("record of type 255", vec![Plain(255, vec![1])], unexpected),
        breach("SSL 2", vec![Raw(vec![0x80, 0x2e, 1, 3, 1])], unexpected),
        breach(
            "HTTP",
            vec![Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())],
            unexpected,
        ),
        breach("MQTT", vec![Raw(vec![0x20, 3, 0, 0x87, 0])], unexpected),
        breach(
            "empty plaintext handshake record",
            vec![Plain(HANDSHAKE, vec![])],
            unexpected,
        ),
        breach(
            "encrypted before ServerHello",
            vec![Plain(APPLICATION_DATA, vec![0; 40])],
            unexpected,
        ),
        breach(
            "plaintext record of 16385 bytes",
            vec![header(HANDSHAKE, 16385)],
            alert::RECORD_OVERFLOW,
        ),
        breach(
            "plaintext record of 65535 bytes",
            vec![header(HANDSHAKE, 65535)],
            alert::RECORD_OVERFLOW,
        ),
    ]
}

fn plain_in_flight() -> Vec<Scenario> {
    let mut list = Vec::new();
    let places = [at::EXTENSIONS, at::CERTIFICATE, at::VERIFY, at::FINISHED];
    for place in places {
        list.push(breach(
            format!("plaintext message before {}", NAMES[place]),
            with(place, [Plain(HANDSHAKE, message(8, &[0, 0]))]),
            alert::UNEXPECTED_MESSAGE,
        ));
        list.push(breach(
            format!("record of an unknown type before {}", NAMES[place]),
            with(place, [Plain(99, vec![1])]),
            alert::UNEXPECTED_MESSAGE,
        ));
    }
    for (place, name) in NAMES.iter().enumerate().skip(1) {
        // The message itself, but not encrypted.
        let step = match place {
            at::CERTIFICATE => Plain(HANDSHAKE, crate::server::certificate(&honest::chain())),
            at::EXTENSIONS => Plain(HANDSHAKE, message(8, &[0, 0])),
            at::FINISHED => Plain(HANDSHAKE, message(20, &[7; 32])),
            _ => continue,
        };
        list.push(breach(
            format!("{name} in plaintext"),
            instead(place, step),
            alert::UNEXPECTED_MESSAGE,
        ));
    }
    list
}

fn lengths() -> Vec<Scenario> {
    let mac = alert::BAD_RECORD_MAC;
    let too_large =
        |needed| Outcome::refused(Error::TlsRecordTooLarge, alert::INTERNAL_ERROR).needed(needed);
    let mut list = vec![
        breach(
            "encrypted record of 16641 bytes",
            vec![Hello, header(23, 16641)],
            alert::RECORD_OVERFLOW,
        ),
        breach(
            "encrypted record of 65535 bytes",
            vec![Hello, header(23, 65535)],
            alert::RECORD_OVERFLOW,
        ),
        scenario(
            "record larger than the buffer",
            vec![Hello, header(23, 2049)],
            too_large(2049),
        ),
        scenario(
            "record as large as can be",
            vec![Hello, header(23, 16640)],
            too_large(16640),
        ),
        breach(
            "more than 16 KB in a record",
            vec![Hello, Sealed(HANDSHAKE, vec![8; 16390], 0)],
            alert::RECORD_OVERFLOW,
        )
        .rx(16640),
        breach(
            "more than 16 KB with its padding",
            vec![Hello, Sealed(HANDSHAKE, message(8, &[0, 0]), 16390)],
            alert::RECORD_OVERFLOW,
        )
        .rx(16640),
    ];
    for length in [0, 1, 15, 16] {
        list.push(breach(
            format!("encrypted record of {length} bytes"),
            vec![Hello, Plain(APPLICATION_DATA, vec![7; length])],
            mac,
        ));
    }
    list
}

fn protection() -> Vec<Scenario> {
    let mac = alert::BAD_RECORD_MAC;
    let flipped = |name: String, place, at: usize| {
        breach(
            name,
            with(
                place,
                [tamper(move |record| {
                    let at = at.min(record.len() - 1);
                    record[at] ^= 1;
                })],
            ),
            mac,
        )
    };
    let mut list = vec![
        breach(
            "record that is not encrypted at all",
            vec![Hello, Plain(APPLICATION_DATA, vec![0; 40])],
            mac,
        ),
        breach("record sent twice", with(at::REQUEST, [Replay]), mac),
        breach("record lost", with(at::REQUEST, [Lose]), mac),
        breach(
            "record cut short",
            with(
                at::CERTIFICATE,
                [tamper(|record| {
                    record.pop();
                    let length = record.len() - 5;
                    record[3..5].copy_from_slice(&(length as u16).to_be_bytes());
                })],
            ),
            mac,
        ),
        breach(
            "two records in one",
            with(
                at::EXTENSIONS,
                [tamper(|record| {
                    let length = record.len();
                    record.extend([7; 30]);
                    record[4] = (length + 25) as u8;
                })],
            ),
            mac,
        ),
    ];
    for (place, name) in NAMES.iter().enumerate().skip(1) {
        list.push(flipped(format!("{name} with a bit flipped"), place, 5));
        list.push(flipped(
            format!("{name} with a bit of its tag flipped"),
            place,
            usize::MAX,
        ));
    }
    list
}

fn contents() -> Vec<Scenario> {
    let unexpected = alert::UNEXPECTED_MESSAGE;
    let inner = |name: &str, step: Step| breach(name, with(at::EXTENSIONS, [step]), unexpected);
    let padding_only = |name: &str, length| inner(name, Sealed(0, vec![0; length], 0));
    vec![
        inner("encrypted record without a type", SealedNothing),
        padding_only("encrypted record of one zero", 0),
        padding_only("encrypted record of zeroes", 40),
        padding_only("encrypted record of a thousand zeroes", 1000),
        inner(
            "encrypted record of an unknown type",
            Sealed(99, vec![1], 0),
        ),
        inner("encrypted record of type 255", Sealed(255, vec![1], 0)),
        inner(
            "encrypted ChangeCipherSpec",
            Sealed(CHANGE_CIPHER_SPEC, vec![1], 0),
        ),
        inner("encrypted heartbeat", Sealed(24, vec![1, 0, 1], 0)),
        inner("encrypted alert of no bytes", Sealed(ALERT, vec![], 0)),
        inner("encrypted alert of one byte", Sealed(ALERT, vec![2], 0)).decode(),
        inner(
            "encrypted alert of three bytes",
            Sealed(ALERT, vec![2, 40, 0], 0),
        )
        .decode(),
        inner(
            "empty application data in the handshake",
            Sealed(APPLICATION_DATA, vec![], 0),
        ),
    ]
}

impl Scenario {
    /// The alert is decode_error.
    fn decode(mut self) -> Self {
        self.expected = Outcome::refused(Error::TlsProtocol, alert::DECODE_ERROR);
        self
    }
}

fn change_cipher_spec() -> Vec<Scenario> {
    let unexpected = alert::UNEXPECTED_MESSAGE;
    let first = |name: &str, contents: &[u8]| breach(name, vec![ccs(contents)], unexpected);
    let later = |name: &str, contents: &[u8]| {
        breach(name, with(at::EXTENSIONS, [ccs(contents)]), unexpected)
    };
    vec![
        first("ChangeCipherSpec of two bytes", &[1, 1]),
        first("ChangeCipherSpec of value 2", &[2]),
        first("ChangeCipherSpec of no bytes", &[]),
        first("ChangeCipherSpec of value 0", &[0]),
        later("ChangeCipherSpec of two bytes in the flight", &[1, 1]),
        later("ChangeCipherSpec of value 2 in the flight", &[2]),
        later("ChangeCipherSpec of no bytes in the flight", &[]),
        breach(
            "ChangeCipherSpec without end",
            vec![ccs(&[1]); 300],
            unexpected,
        ),
        breach(
            "ChangeCipherSpec without end in the flight",
            with(at::EXTENSIONS, vec![ccs(&[1]); 300]),
            unexpected,
        ),
    ]
}
