//! Messages whose length is not theirs: group 14.

use super::*;
use crate::server::HANDSHAKE;

pub fn all() -> Vec<Scenario> {
    let mut list = Vec::new();
    for (place, name) in NAMES.iter().enumerate() {
        // The largest length that there is, and one beyond what the buffer holds.
        for (label, length) in [
            ("16 MB", 0xff_ffff_usize),
            ("64 KB", 0xffff),
            ("4 KB", 4096),
        ] {
            let expected = Outcome::refused(Error::TlsRecordTooLarge, alert::INTERNAL_ERROR);
            list.push(scenario(
                format!("{name} of {label}"),
                changed(place, move |message| {
                    message[1..4].copy_from_slice(&(length as u32).to_be_bytes()[1..]);
                }),
                expected.needed(needed(length)),
            ));
        }
    }
    for (place, name) in NAMES.iter().enumerate() {
        list.push(scenario(
            format!("{name} that is never completed"),
            {
                let mut flight = changed(place, |message| {
                    message.pop();
                });
                flight.truncate(place + 2);
                flight
            },
            Outcome::Waits,
        ));
        list.push(scenario(
            format!("header of {name}, then silence"),
            {
                let mut flight = changed(place, |message| message.truncate(4));
                flight.truncate(place + 2);
                flight
            },
            Outcome::Waits,
        ));
        list.push(scenario(
            format!("{name} of which the end is cut off"),
            {
                let mut flight = changed(place, |message| {
                    message.pop();
                });
                flight.truncate(place + 2);
                flight.push(Eof);
                flight
            },
            Outcome::refused_silently(Error::TcpClosed),
        ));
    }
    list.push(breach(
        "empty handshake records without end",
        [vec![Hello], vec![Sealed(HANDSHAKE, vec![], 0); 200]].concat(),
        alert::UNEXPECTED_MESSAGE,
    ));
    list.push(breach(
        "one empty handshake record",
        with(at::EXTENSIONS, [Sealed(HANDSHAKE, vec![], 0)]),
        alert::UNEXPECTED_MESSAGE,
    ));
    list
}

/// What a client with too little room must say that it needs: the message with its header, type
/// and tag.
fn needed(length: usize) -> usize {
    length + 4 + 17
}
