//! Ends of every kind: group 20.

use super::*;
use crate::server::{ALERT, APPLICATION_DATA, Event, HANDSHAKE};

pub fn all() -> Vec<Scenario> {
    [closed(), silent(), alerts(), late_alerts()]
        .into_iter()
        .flatten()
        .collect()
}

fn closed() -> Vec<Scenario> {
    let closed = Outcome::refused_silently(Error::TcpClosed);
    let mut list = vec![
        scenario("end at once", vec![Eof], closed),
        scenario("end in a header", vec![Raw(vec![22, 3]), Eof], closed),
        scenario(
            "end in a record",
            vec![Raw(vec![22, 3, 3, 0, 9, 2]), Eof],
            closed,
        ),
        scenario(
            "end in an encrypted record",
            vec![Hello, Raw(vec![23, 3, 3, 0, 90, 2]), Eof],
            closed,
        ),
        after(
            "end after the handshake",
            vec![Eof],
            Outcome::ended_silently(Error::TcpClosed),
        ),
        after(
            "end in a record, later",
            vec![Raw(vec![23, 3, 3, 0, 90, 2]), Eof],
            Outcome::ended_silently(Error::TcpClosed),
        ),
        after(
            "end after a ticket",
            vec![honest::ticket(), Eof],
            Outcome::ended_silently(Error::TcpClosed),
        ),
    ];
    for (place, name) in NAMES.iter().enumerate() {
        let mut flight = honest::flight();
        flight.truncate(place);
        flight.push(Eof);
        list.push(scenario(format!("end before {name}"), flight, closed));
    }
    list
}

fn silent() -> Vec<Scenario> {
    let mut list = vec![
        scenario(
            "silence in a header",
            vec![Raw(vec![22, 3])],
            Outcome::Waits,
        ),
        scenario(
            "silence in a record",
            vec![Raw(vec![22, 3, 3, 0, 9, 2])],
            Outcome::Waits,
        ),
        scenario(
            "silence in an encrypted record",
            vec![Hello, Raw(vec![23, 3, 3, 0, 90, 2])],
            Outcome::Waits,
        ),
    ];
    for (place, name) in NAMES.iter().enumerate() {
        let mut flight = honest::flight();
        flight.truncate(place);
        // An event that cannot happen: what comes after the flight is not to be done.
        flight.push(Await(Event::Data));
        list.push(scenario(
            format!("silence before {name}"),
            flight,
            Outcome::Waits,
        ));
    }
    // What it would send back is lost in a record that never ends.
    list.push(after(
        "silence after the handshake",
        vec![Raw(vec![23, 3, 3, 1, 0])],
        Outcome::Waits,
    ));
    list
}

fn told(error: Error, number: u8) -> Outcome {
    Outcome::refused_silently(error).theirs(number)
}

fn alerts() -> Vec<Scenario> {
    let mut list = Vec::new();
    for number in [10, 40, 42, 47, 70, 80, 86, 112, 116, 120, 250] {
        list.push(scenario(
            format!("alert {number}"),
            vec![Plain(ALERT, vec![2, number])],
            told(Error::TlsAlert, number),
        ));
    }
    for number in [40, 80, 250] {
        list.push(scenario(
            format!("alert {number}, encrypted"),
            vec![Hello, Sealed(ALERT, vec![2, number], 0)],
            told(Error::TlsAlert, number),
        ));
        list.push(scenario(
            format!("alert {number} of level 1"),
            vec![Plain(ALERT, vec![1, number])],
            told(Error::TlsAlert, number),
        ));
    }
    list.extend([
        scenario(
            "alert of level 7",
            vec![Plain(ALERT, vec![7, 40])],
            told(Error::TlsAlert, 40),
        ),
        scenario(
            "close_notify instead of ServerHello",
            vec![Plain(ALERT, vec![1, 0])],
            told(Error::TcpClosed, 0),
        ),
        scenario(
            "close_notify in the flight",
            vec![Hello, Sealed(ALERT, vec![1, 0], 0)],
            told(Error::TcpClosed, 0),
        ),
        breach(
            "alert of no bytes",
            vec![Plain(ALERT, vec![])],
            alert::UNEXPECTED_MESSAGE,
        ),
        breach(
            "alert of one byte",
            vec![Plain(ALERT, vec![2])],
            alert::DECODE_ERROR,
        ),
        breach(
            "alert of three bytes",
            vec![Plain(ALERT, vec![2, 40, 0])],
            alert::DECODE_ERROR,
        ),
        breach(
            "two alerts in a record",
            vec![Plain(ALERT, vec![1, 90, 2, 40])],
            alert::DECODE_ERROR,
        ),
        // Nothing may come between the parts of a message (RFC 8446, 5.1).
        breach(
            "alert within a message",
            vec![
                Hello,
                Sealed(HANDSHAKE, vec![8, 0], 0),
                Sealed(ALERT, vec![2, 40], 0),
            ],
            alert::UNEXPECTED_MESSAGE,
        ),
    ]);
    list
}

fn late_alerts() -> Vec<Scenario> {
    let ended = |error, number| Outcome::ended_silently(error).theirs(number);
    let mut list = Vec::new();
    for number in [20, 42, 45, 48, 49, 80, 116, 250] {
        list.push(after(
            format!("alert {number} after the handshake"),
            vec![Sealed(ALERT, vec![2, number], 0)],
            ended(Error::TlsAlert, number),
        ));
    }
    let broken = |name: &str, contents: &[u8]| {
        late_breach(
            name,
            vec![Sealed(ALERT, contents.to_vec(), 0)],
            alert::DECODE_ERROR,
        )
    };
    list.extend([
        after(
            "orderly end",
            vec![Sealed(ALERT, vec![1, 0], 0)],
            ended(Error::TcpClosed, 0),
        ),
        after(
            "orderly end of level 2",
            vec![Sealed(ALERT, vec![2, 0], 0)],
            ended(Error::TcpClosed, 0),
        ),
        after(
            "user_canceled and an orderly end",
            vec![Sealed(ALERT, vec![1, 90], 0), Sealed(ALERT, vec![1, 0], 0)],
            ended(Error::TcpClosed, 0),
        ),
        after(
            "data after an orderly end",
            vec![
                Sealed(ALERT, vec![1, 0], 0),
                Sealed(APPLICATION_DATA, b"too late".to_vec(), 0),
            ],
            ended(Error::TcpClosed, 0),
        ),
        late_breach(
            "alert of no bytes, later",
            vec![Sealed(ALERT, vec![], 0)],
            alert::UNEXPECTED_MESSAGE,
        ),
        broken("alert of one byte, later", &[1]),
        broken("alert of three bytes, later", &[1, 0, 0]),
    ]);
    list
}
