//! The size of records: what is asked for, and what is obeyed (RFC 8449; RFC 6066, 4).

use super::super::{
    alert::Alert,
    connection::Connection,
    hello::Limit,
    limit::{ask, obey},
    messages::Limited,
    record::{APPLICATION_DATA, HEADER, MAX_CONTENT, SEALING, TAG, header},
    transmit::RESERVE,
};
use crate::tls::RecordLimit;

#[test]
fn what_fits_is_asked_for() {
    let all = MAX_CONTENT + SEALING;
    assert_eq!(ask(RecordLimit::None, 1000), Limit::None);
    // Type and contents, without the tag.
    assert_eq!(ask(RecordLimit::Size, 1000), Limit::Size(984));
    assert_eq!(ask(RecordLimit::Size, all - 1), Limit::Size(1 << 14));
    assert_eq!(ask(RecordLimit::Size, all), Limit::None);
    for (largest, expected) in [
        (512 + SEALING - 1, Limit::None),
        (512 + SEALING, Limit::Fragment(1)),
        (1024 + SEALING - 1, Limit::Fragment(1)),
        (1024 + SEALING, Limit::Fragment(2)),
        (2048 + SEALING, Limit::Fragment(3)),
        (4096 + SEALING, Limit::Fragment(4)),
        (all - 1, Limit::Fragment(4)),
        (all, Limit::None),
    ] {
        assert_eq!(ask(RecordLimit::Fragment, largest), expected, "{largest}");
    }
}

#[test]
fn what_was_agreed_on_is_obeyed_to_the_byte() {
    let all = MAX_CONTENT + SEALING;
    let (size, fragment) = (Limit::Size(100), Limit::Fragment(1));
    for (asked, answer, contents, payload) in [
        // No answer, no limit.
        (size, Limited::No, MAX_CONTENT, MAX_CONTENT + 256),
        // Theirs counts the type, too; it may be more than there is.
        (size, Limited::Size(64), 63, 100 + TAG),
        (size, Limited::Size(1 << 14), MAX_CONTENT - 1, 100 + TAG),
        (size, Limited::Size((1 << 14) + 1), MAX_CONTENT, 100 + TAG),
        (size, Limited::Size(u16::MAX), MAX_CONTENT, 100 + TAG),
        (fragment, Limited::No, MAX_CONTENT, MAX_CONTENT + 256),
        (fragment, Limited::Fragment, 512, 512 + 256),
    ] {
        let (mut receive, mut transmit) = (vec![0; all + 300], vec![0; HEADER + all + RESERVE]);
        let mut connection = Connection::new(&mut receive, &mut transmit);
        obey(&mut connection, asked, &answer);
        assert_eq!(connection.transmit.capacity(), contents, "{answer:?}");
        assert_eq!(connection.transmit.room(), contents, "{answer:?}");
        for (length, too_long) in [(payload, false), (payload + 1, true)] {
            connection.receive.wipe();
            let header = header(APPLICATION_DATA, length).unwrap();
            connection.receive.space()[..HEADER].copy_from_slice(&header);
            connection.receive.fill(HEADER);
            let refusal = connection.receive.record().err().and_then(|f| f.alert);
            let expected = too_long.then_some(Alert::RecordOverflow);
            assert_eq!(refusal, expected, "{answer:?} {length}");
        }
    }
}
