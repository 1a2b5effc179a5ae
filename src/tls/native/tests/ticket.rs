//! Tickets: the binder of RFC 8448, section 4, and what a server may say of them.

use super::{
    super::{
        alert::Alert,
        hello::{Limit, Offered, ServerHello, read_server_hello},
        schedule::{Schedule, expand_label, verify_data},
        suite::Suite,
        ticket::Tickets,
    },
    digest, hex,
};
use crate::tls::crypto::hash::{self, Digest, Hash};

/// The resumption master secret and the nonce of the trace, and the key that comes of them.
const SECRET: &str = "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c";
const KEY: &str = "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3";

#[test]
fn key_and_binder_are_those_of_rfc_8448() {
    let mut key = Digest::zero(Hash::Sha256);
    let secret = digest(SECRET);
    expand_label(
        Hash::Sha256,
        &secret,
        b"resumption",
        &[0, 0],
        key.as_mut_slice(),
    )
    .unwrap();
    assert_eq!(key.as_slice(), hex(KEY));
    let early = Schedule::early(Hash::Sha256, Some(key.as_slice())).unwrap();
    let nothing = hash::digest(Hash::Sha256, &[]);
    let secret = early.derive(b"res binder", &nothing).unwrap();
    let truncated = digest("63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14");
    let binder = verify_data(Hash::Sha256, &secret, &truncated).unwrap();
    let expected = hex("3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d");
    assert_eq!(binder.as_slice(), expected);
}

/// A ServerHello with these extensions besides the version and a key share.
fn server_hello(further: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([1; 32]);
    body.extend([32]);
    body.extend([2; 32]);
    body.extend([0x13, 1, 0]);
    let share = [&[0, 51, 0, 69, 0, 23, 0, 65][..], &[4; 65]].concat();
    let list = [&[0, 43, 0, 2, 3, 4], &share[..], further].concat();
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    body
}

#[test]
fn a_server_can_only_take_the_ticket_that_was_offered() {
    let read = |ticket, further: &[u8]| {
        let offered = Offered {
            host: true,
            alpn: false,
            limit: Limit::None,
            tickets: true,
            ticket,
        };
        let body = server_hello(further);
        read_server_hello(&body, &[2; 32], offered)
            .map(|hello| matches!(hello, ServerHello::Go { resumes: true, .. }))
    };
    assert_eq!(read(true, &[]), Ok(false));
    assert_eq!(read(true, &[0, 41, 0, 2, 0, 0]), Ok(true));
    let illegal = Err(Alert::IllegalParameter);
    assert_eq!(read(true, &[0, 41, 0, 2, 0, 1]), illegal);
    assert_eq!(read(true, &[0, 41, 0, 2, 0, 0, 0, 41, 0, 2, 0, 0]), illegal);
    for length in [0, 1, 3] {
        let further = [&[0, 41, 0, length][..], &vec![0; length.into()]].concat();
        assert_eq!(read(true, &further), Err(Alert::DecodeError));
    }
    let unsupported = Err(Alert::UnsupportedExtension);
    assert_eq!(read(false, &[0, 41, 0, 2, 0, 0]), unsupported);
    // The mode is ours to say.
    assert_eq!(read(false, &[0, 45, 0, 1, 1]), illegal);
}

#[test]
fn a_connection_that_did_not_begin_keeps_no_ticket() {
    let mut memory = [0; 1024];
    let mut tickets = Tickets::new(&mut memory);
    tickets.store(3600, 1, &[0], b"ticket").unwrap();
    tickets.keep(Suite::Aes128GcmSha256, digest(SECRET), false);
    // The time is not known either.
    tickets.store(3600, 1, &[0], b"ticket").unwrap();
    assert!(tickets.offered().is_none());
    assert_eq!(memory, [0; 1024]);
}
