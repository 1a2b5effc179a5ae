//! Messages in another order, more than once, or out of place: group 13.

use super::*;
use crate::server::{APPLICATION_DATA, HANDSHAKE};

/// The places and names of the messages from this one on.
fn messages(from: usize) -> impl Iterator<Item = (usize, &'static str)> {
    NAMES.into_iter().enumerate().skip(from)
}

/// What must come of a flight whose messages are not in order.
fn disorder(name: String, flight: Vec<Step>) -> Scenario {
    breach(name, flight, alert::UNEXPECTED_MESSAGE)
}

pub fn all() -> Vec<Scenario> {
    [swapped(), repeated(), left_out(), foreign()]
        .into_iter()
        .flatten()
        .collect()
}

fn swapped() -> Vec<Scenario> {
    let mut list = Vec::new();
    for (first, one) in messages(at::EXTENSIONS) {
        for (second, other) in messages(first + 1) {
            let mut flight = honest::flight();
            flight.swap(first, second);
            let name = format!("{one} and {other} swapped");
            let mut scenario = disorder(name, flight);
            if second == at::FINISHED {
                // It comes to its end without having proven who it is.
                let (error, alert) = (Error::TlsNotAuthenticated, alert::UNEXPECTED_MESSAGE);
                scenario.expected = Outcome::refused(error, alert);
            }
            list.push(scenario);
        }
    }
    list
}

fn repeated() -> Vec<Scenario> {
    let mut list = Vec::new();
    for (place, name) in messages(at::EXTENSIONS).take(4) {
        let flight = with(place, [honest::flight()[place].clone()]);
        list.push(disorder(format!("{name} twice"), flight));
    }
    let again = honest::flight()[at::EXTENSIONS].clone();
    for (place, name) in messages(at::CERTIFICATE) {
        let name = format!("EncryptedExtensions again before {name}");
        list.push(disorder(name, with(place, [again.clone()])));
    }
    let certificate = honest::flight()[at::CERTIFICATE].clone();
    list.push(disorder(
        "Certificate again before Finished".into(),
        with(at::FINISHED, [certificate]),
    ));
    list.push(disorder(
        "40 EncryptedExtensions".into(),
        with(at::REQUEST, vec![Extensions(vec![]); 40]),
    ));
    list
}

fn left_out() -> Vec<Scenario> {
    vec![
        disorder("no EncryptedExtensions".into(), without(&[at::EXTENSIONS])),
        disorder(
            "no EncryptedExtensions, no request".into(),
            without(&[at::EXTENSIONS, at::REQUEST]),
        ),
        disorder("no ServerHello".into(), {
            vec![Message(message(8, &[0, 0]))]
        }),
        scenario("no Finished", without(&[at::FINISHED]), Outcome::Waits),
    ]
}

fn foreign() -> Vec<Scenario> {
    let mut list = Vec::new();
    let foreign: [(&str, u8, &[u8]); 11] = [
        ("HelloRequest", 0, &[]),
        ("ClientHello", 1, &[3, 3]),
        ("ServerHello", 2, &[3, 3]),
        ("NewSessionTicket", 4, &honest::new_session_ticket()[4..]),
        ("EndOfEarlyData", 5, &[]),
        ("ServerKeyExchange", 12, &[0]),
        ("ServerHelloDone", 14, &[]),
        ("ClientKeyExchange", 16, &[0]),
        ("KeyUpdate", 24, &[0]),
        ("message_hash", 254, &[7; 32]),
        ("a message that nobody knows", 99, &[1, 2, 3]),
    ];
    for (name, kind, body) in foreign {
        for place in [at::EXTENSIONS, at::CERTIFICATE, at::FINISHED] {
            let name = format!("{name} before {}", NAMES[place]);
            list.push(disorder(name, with(place, [Message(message(kind, body))])));
        }
    }
    for (name, kind, body) in foreign.into_iter().filter(|foreign| foreign.1 != 2) {
        let flight = with(at::HELLO, [Message(message(kind, body))]);
        list.push(disorder(format!("{name} before ServerHello"), flight));
    }
    for (place, name) in messages(at::EXTENSIONS) {
        let data = Sealed(APPLICATION_DATA, b"too early".to_vec(), 0);
        let name = format!("application data before {name}");
        list.push(disorder(name, with(place, [data])));
    }
    // After its Finished the server may send application data: it cannot be known whether we
    // have the handshake complete. It must not be taken before that.
    list.push(scenario(
        "ticket in one record with Finished",
        [
            with(at::FINISHED, [Hold]),
            vec![Message(honest::new_session_ticket()), Release],
        ]
        .concat(),
        Outcome::refused(Error::TlsProtocol, alert::UNEXPECTED_MESSAGE),
    ));
    list.push(disorder(
        "a byte of another message in one record with Finished".into(),
        changed(at::FINISHED, |message| message.push(4)),
    ));
    list.push(disorder(
        "a record of another type within a message".into(),
        [
            vec![
                Hello,
                Sealed(HANDSHAKE, vec![8, 0], 0),
                Sealed(APPLICATION_DATA, vec![1], 0),
            ],
            vec![Sealed(HANDSHAKE, vec![0, 2, 0, 0], 0)],
        ]
        .concat(),
    ));
    list
}
