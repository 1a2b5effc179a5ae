//! Servers to which a client comes with a ticket of an earlier connection: those that take it, those
//! that do not, and those that only pretend (RFC 8446, 2.2, 4.2.11, 4.6.1).

use super::*;
use crate::{
    outcome::alert::{
        BAD_RECORD_MAC, DECODE_ERROR, DECRYPT_ERROR, ILLEGAL_PARAMETER, MISSING_EXTENSION,
        UNEXPECTED_MESSAGE, UNKNOWN_CA, UNSUPPORTED_EXTENSION,
    },
    pki::{Spec, key},
    server::{ALERT, APPLICATION_DATA, Event, HANDSHAKE, Resume::*, extension, list16, with_body},
};

/// The seconds between the two connections.
const LATER: u64 = 10;
const WEEK: u64 = 7 * 24 * 3600;

/// The ticket of the earlier connection, and one that the later one brings.
const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 40] = [8; 40];

/// A client with memory for a ticket.
fn keeper() -> Client {
    Client {
        tickets: vec![0; 2048],
        ..Client::default()
    }
}

/// A ticket that has not to do with early data.
fn give(lifetime: u32, nonce: &[u8], ticket: &[u8]) -> Step {
    Message(honest::new_session_ticket_with(
        lifetime,
        nonce,
        ticket,
        &[],
    ))
}

fn give_new() -> Step {
    give(60, &[2], &NEW)
}

/// An earlier connection after which the server sent this, and of which the client now offers
/// nothing.
fn earlier(after: Vec<Step>) -> Earlier {
    Earlier {
        client: keeper(),
        suite: None,
        after,
        offered: None,
    }
}

impl Earlier {
    fn offers(self, nonce: &[u8], ticket: &[u8]) -> Self {
        let offered = Some((nonce.to_vec(), ticket.to_vec()));
        Self { offered, ..self }
    }
}

impl Scenario {
    /// What came before is this.
    fn since(self, earlier: Earlier) -> Self {
        let earlier = Some(earlier);
        Self { earlier, ..self }
    }

    fn after(self, after: Vec<Step>) -> Self {
        Self { after, ..self }
    }

    /// The client that comes now.
    fn by(self, change: impl FnOnce(&mut Client)) -> Self {
        let mut client = self.client;
        change(&mut client);
        Self { client, ..self }
    }

    /// The client that came before and comes now.
    fn always(mut self, change: impl Fn(&mut Client)) -> Self {
        if let Some(earlier) = &mut self.earlier {
            change(&mut earlier.client);
        }
        self.by(change)
    }

    fn next(self, ticket: &[u8]) -> Self {
        let next = Some(ticket.to_vec());
        Self { next, ..self }
    }
}

/// A server that gets this flight after it gave out one ticket.
fn returning(name: impl Into<String>, flight: Vec<Step>, expected: Outcome) -> Scenario {
    let client = Client {
        unix_time: pki::NOW + LATER,
        ..Client::default()
    };
    Scenario {
        client,
        ..scenario(name, flight, expected)
    }
    .since(earlier(vec![honest::ticket()]).offers(&[1], &OLD))
}

fn works(name: &str, flight: Vec<Step>) -> Scenario {
    returning(name, flight, Outcome::Works)
}

/// What a server sends that goes on from the ticket.
fn resumed() -> Vec<Step> {
    vec![Resume(Knowing), Extensions(vec![]), Finished]
}

/// The same with steps put in at a place.
fn resumed_with(at: usize, steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut flight = resumed();
    flight.splice(at..at, steps);
    flight
}

/// The same with EncryptedExtensions of this list.
fn resumed_saying(extensions: Vec<u8>) -> Vec<Step> {
    vec![Resume(Knowing), Extensions(extensions), Finished]
}

/// A retry with a cookie before this flight.
fn retried(flight: Vec<Step>) -> Vec<Step> {
    retried_with(extension(44, &list16(&[7; 32])), flight)
}

/// A retry with these extensions before this flight.
fn retried_with(extensions: Vec<u8>, flight: Vec<Step>) -> Vec<Step> {
    [vec![Retry(extensions), Await(Event::Hello)], flight].concat()
}

fn bad(name: &str, flight: Vec<Step>, alert: u8) -> Scenario {
    returning(name, flight, Outcome::refused(Error::TlsProtocol, alert))
}

/// The extension pre_shared_key of a ServerHello, which is its last.
const TAKEN: [u8; 6] = [0, 41, 0, 2, 0, 0];

/// Changes the extensions of the next ServerHello; they end with [`TAKEN`].
fn hello_extensions(with: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Step {
    change(move |hello| {
        with_body(hello, |body| {
            // Version, Random, session id, suite, compression.
            let start = 2 + 32 + 1 + usize::from(body[34]) + 3;
            let mut list = body.split_off(start).split_off(2);
            with(&mut list);
            body.extend(list16(&list));
        });
    })
}

/// A server that takes the ticket in a ServerHello with changed extensions.
fn bad_hello(
    name: &str,
    with: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    alert: u8,
) -> Scenario {
    bad(name, resumed_with(0, [hello_extensions(with)]), alert)
}

/// A server that says this instead of [`TAKEN`].
fn bad_taken(name: &str, extension: &'static [u8], alert: u8) -> Scenario {
    let with = move |list: &mut Vec<u8>| {
        let at = list.len() - TAKEN.len();
        list.truncate(at);
        list.extend(extension);
    };
    bad_hello(name, with, alert)
}

/// A server that takes a ticket which the client did not offer.
fn taken_unoffered(name: &str) -> Scenario {
    let alert = UNSUPPORTED_EXTENSION;
    bad(name, resumed_with(0, [change(|_| {})]), alert)
}

pub fn all() -> Vec<Scenario> {
    [
        taken(),
        not_taken(),
        tickets(),
        not_offered(),
        pretenders(),
        hellos(),
        flights(),
        endings(),
        later(),
        by_features(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn taken() -> Vec<Scenario> {
    let ccs = || Plain(CHANGE_CIPHER_SPEC, vec![1]);
    let mut coalesced = resumed_with(1, [Hold]);
    coalesced.push(Release);
    vec![
        works("resumed", resumed()),
        works("resumed after a retry", retried(resumed())),
        works("resumed, a new ticket", resumed())
            .after(vec![give_new()])
            .next(&NEW),
        works("resumed, compatibility mode", resumed_with(1, [ccs()])),
        works("resumed, one record for the flight", coalesced),
        works(
            "resumed, records of one byte",
            resumed_with(0, [Fragment(1)]),
        ),
        works("resumed, padded records", resumed_with(0, [Pad(300)])),
        works(
            "resumed, our protocol chosen",
            resumed_saying(extension(16, &list16(b"\x0ex-amzn-mqtt-ca"))),
        ),
        works(
            "resumed, server name acknowledged",
            resumed_saying(extension(0, &[])),
        ),
        works(
            "resumed, ServerHello in another order",
            resumed_with(0, [hello_extensions(|list| list.rotate_right(TAKEN.len()))]),
        ),
        works("resumed, new keys for both sides", resumed())
            .after(vec![give_new(), KeyUpdate(1), Await(Event::KeyUpdate)])
            .next(&NEW),
        works("resumed within the second", resumed()).by(|client| client.unix_time = pki::NOW),
    ]
}

fn not_taken() -> Vec<Scenario> {
    vec![
        works("ticket not taken", honest::flight()),
        works("ticket not taken, a new one", honest::flight())
            .after(vec![give_new()])
            .next(&NEW),
        works("ticket not taken after a retry", retried(honest::flight())),
        bad(
            "ticket not taken, and no certificate",
            without(&[at::REQUEST, at::CERTIFICATE, at::VERIFY]),
            UNEXPECTED_MESSAGE,
        )
        .with_error(Error::TlsNotAuthenticated),
        bad(
            "ticket not taken after a retry, and no certificate",
            retried(without(&[at::REQUEST, at::CERTIFICATE, at::VERIFY])),
            UNEXPECTED_MESSAGE,
        )
        .with_error(Error::TlsNotAuthenticated),
        bad(
            "ticket not taken, and no proof",
            without(&[at::VERIFY]),
            UNEXPECTED_MESSAGE,
        )
        .with_error(Error::TlsNotAuthenticated),
        bad(
            "ticket not taken, and another's certificate",
            honest::with_chain(vec![
                Spec::leaf("server", "other", &key(pki::SERVER_KEY)).sign(&key(pki::OTHER_KEY)),
            ]),
            UNKNOWN_CA,
        )
        .with_error(Error::CertUnknownIssuer),
        bad(
            "ticket not taken, and another's proof",
            instead(at::VERIFY, Verify(V::By(pki::OTHER_KEY))),
            DECRYPT_ERROR,
        )
        .with_error(Error::CertSignature),
    ]
}

impl Scenario {
    /// Refused for this reason.
    fn with_error(mut self, error: Error) -> Self {
        if let Outcome::Refused(failed) = &mut self.expected {
            failed.error = error;
        }
        self
    }
}

/// What is kept of the tickets that come, as the next connection shows.
fn tickets() -> Vec<Scenario> {
    let kept = |name: &str, after: Vec<Step>, nonce: &[u8], ticket: &[u8]| {
        works(name, resumed()).since(earlier(after).offers(nonce, ticket))
    };
    let with_extensions =
        |extensions: &[u8]| Message(honest::new_session_ticket_with(60, &[2], &NEW, extensions));
    let large = [9; 1500];
    let both = [
        honest::new_session_ticket(),
        honest::new_session_ticket_with(60, &[2], &NEW, &[]),
    ];
    vec![
        kept("ticket without nonce", vec![give(60, &[], &NEW)], &[], &NEW),
        kept(
            "ticket with a nonce of 255 bytes",
            vec![give(60, &[5; 255], &NEW)],
            &[5; 255],
            &NEW,
        ),
        kept("ticket of one byte", vec![give(60, &[2], &[0])], &[2], &[0]),
        kept(
            "ticket of 1500 bytes",
            vec![give(60, &[2], &large)],
            &[2],
            &large,
        )
        .always(|client| (client.rx, client.tx) = (4096, 2048)),
        kept(
            "ticket of 1500 bytes over many records",
            vec![Fragment(100), give(60, &[2], &large)],
            &[2],
            &large,
        )
        .always(|client| (client.rx, client.tx) = (4096, 2048)),
        kept(
            "ticket for early data",
            vec![with_extensions(&extension(42, &[0, 0, 0x40, 0]))],
            &[2],
            &NEW,
        ),
        kept(
            "ticket with unknown extensions",
            vec![with_extensions(
                &[extension(0xfafa, &[1]), extension(0xfafb, &[])].concat(),
            )],
            &[2],
            &NEW,
        ),
        kept(
            "the newest of ten tickets",
            [vec![honest::ticket(); 9], vec![give_new()]].concat(),
            &[2],
            &NEW,
        ),
        kept(
            "the last ticket of a record",
            vec![Sealed(HANDSHAKE, both.concat(), 0)],
            &[2],
            &NEW,
        ),
        kept(
            "ticket after new keys",
            vec![KeyUpdate(0), give_new()],
            &[2],
            &NEW,
        ),
        kept(
            "ticket that one of lifetime 0 follows",
            vec![honest::ticket(), give(0, &[2], &NEW)],
            &[1],
            &OLD,
        ),
        kept(
            "ticket that one too large for its memory follows",
            vec![honest::ticket(), give(60, &[2], &large)],
            &[1],
            &OLD,
        )
        .always(|client| client.tickets.truncate(512)),
        kept(
            "ticket of a week, a second before",
            vec![give(WEEK as u32, &[1], &OLD)],
            &[1],
            &OLD,
        )
        .by(|client| client.unix_time = pki::NOW + WEEK - 1),
        kept(
            "ticket of 136 years, within the week",
            vec![give(u32::MAX, &[1], &OLD)],
            &[1],
            &OLD,
        )
        .by(|client| client.unix_time = pki::NOW + WEEK - 1),
        kept(
            "ticket of a minute, a second before",
            vec![honest::ticket()],
            &[1],
            &OLD,
        )
        .by(|client| client.unix_time = pki::NOW + 59),
    ]
}

/// Another client certificate with the same key.
fn other_certificate() -> Vec<u8> {
    let spec = Spec {
        names: &[],
        usage: Some(pki::CLIENT_AUTH),
        ca: Some(false),
        ..Spec::leaf("client, renewed", "root", &key(pki::CLIENT_KEY))
    };
    spec.sign(&key(pki::ROOT_KEY))
}

/// Another root beside ours.
fn two_roots() -> Vec<u8> {
    let other = Spec::ca("other", "other", &key(pki::OTHER_KEY)).sign(&key(pki::OTHER_KEY));
    [pki::root(), other]
        .map(|root| pki::pem("CERTIFICATE", &root))
        .concat()
        .into_bytes()
}

/// What makes the client begin anew.
fn not_offered() -> Vec<Scenario> {
    let anew = |name: &str, after: Vec<Step>| works(name, honest::flight()).since(earlier(after));
    let usual = |name: &str| anew(name, vec![honest::ticket()]);
    let other_host = honest::with_leaf(|leaf| leaf.names = &["other.example.com"]);
    vec![
        anew("no ticket", vec![]),
        anew("ticket of lifetime 0", vec![give(0, &[1], &OLD)]),
        anew(
            "ticket too large for its memory",
            vec![give(60, &[1], &[9; 1500])],
        )
        .always(|client| client.tickets.truncate(512)),
        usual("no memory for tickets").always(|client| client.tickets.clear()),
        usual("memory that is too small for any ticket")
            .always(|client| client.tickets.truncate(20)),
        usual("ticket of a minute, at its end").by(|client| client.unix_time = pki::NOW + 60),
        anew(
            "ticket of a week, at its end",
            vec![give(WEEK as u32, &[1], &OLD)],
        )
        .by(|client| client.unix_time = pki::NOW + WEEK),
        anew(
            "ticket of 136 years, after a week",
            vec![give(u32::MAX, &[1], &OLD)],
        )
        .by(|client| client.unix_time = pki::NOW + WEEK),
        usual("ticket of the future").by(|client| client.unix_time = pki::NOW - 1),
        usual("ticket while the clock is unknown").by(|client| {
            client.unix_time = 0;
            client.earliest = pki::NOW;
        }),
        usual("ticket while the clock is behind").by(|client| {
            client.unix_time = pki::NOW + 1;
            client.earliest = pki::NOW + 2;
        }),
        {
            let mut scenario = usual("ticket that came while the clock was unknown");
            if let Some(earlier) = &mut scenario.earlier {
                earlier.client.unix_time = 0;
                earlier.client.earliest = pki::NOW;
            }
            scenario
        },
        Scenario {
            flight: other_host,
            ..usual("ticket of another host").by(|client| client.host = "other.example.com")
        },
        usual("ticket of the host in other letters").by(|client| client.host = "THING.example.com"),
        usual("ticket for another protocol").by(|client| client.alpn = b"mqtt"),
        usual("ticket for other roots").by(|client| client.ca = two_roots),
        usual("ticket for another certificate of ours")
            .by(|client| client.certificate = other_certificate),
        anew(
            "ticket too large for our hello",
            vec![give(60, &[1], &[9; 1500])],
        )
        .always(|client| client.rx = 4096),
        taken_unoffered("ticket taken, but there was none").since(earlier(vec![])),
        taken_unoffered("ticket taken, but it was for another host")
            .since(earlier(vec![honest::ticket()]))
            .by(|client| client.host = "other.example.com"),
        taken_unoffered("ticket taken, but it was too large for our hello")
            .since(earlier(vec![give(60, &[1], &[9; 1500])]))
            .always(|client| client.rx = 4096),
        // It still fitted beside the first hello, which had no cookie.
        works(
            "ticket that does not fit beside the cookie",
            retried_with(extension(44, &list16(&[7; 400])), honest::flight()),
        )
        .since(earlier(vec![give(60, &[1], &[9; 400])]).offers(&[1], &[9; 400])),
        Scenario {
            flight: retried_with(
                extension(44, &list16(&[7; 400])),
                resumed_with(0, [change(|_| {})]),
            ),
            ..taken_unoffered("ticket taken that did not fit beside the cookie")
        }
        .since(earlier(vec![give(60, &[1], &[9; 400])]).offers(&[1], &[9; 400])),
    ]
}

/// Servers that do not know the ticket's key, or keep it to themselves.
fn pretenders() -> Vec<Scenario> {
    let mut not_knowing = resumed();
    not_knowing[0] = Resume(NotKnowing);
    let mut not_saying = resumed();
    not_saying[0] = Resume(NotSaying);
    let mut not_saying_in_full = honest::flight();
    not_saying_in_full[0] = Resume(NotSaying);
    vec![
        bad(
            "ticket taken without its key",
            not_knowing.clone(),
            BAD_RECORD_MAC,
        ),
        bad(
            "ticket taken without its key, after a retry",
            retried(not_knowing),
            BAD_RECORD_MAC,
        ),
        bad("ticket taken in silence", not_saying, BAD_RECORD_MAC),
        bad(
            "ticket taken in silence, and certificates",
            not_saying_in_full,
            BAD_RECORD_MAC,
        ),
        bad(
            "resumed, wrong Finished",
            resumed_with(2, [change(|finished| finished[4] ^= 1)]),
            DECRYPT_ERROR,
        ),
        bad(
            "resumed, Finished with its last bit wrong",
            resumed_with(
                2,
                [change(|finished| *finished.last_mut().unwrap() ^= 0x80)],
            ),
            DECRYPT_ERROR,
        ),
        bad(
            "resumed, Finished of zeros",
            resumed_with(2, [change(|finished| finished[4..].fill(0))]),
            DECRYPT_ERROR,
        ),
        bad(
            "resumed, Finished cut off",
            resumed_with(
                2,
                [change(|message| {
                    with_body(message, |body| body.truncate(31))
                })],
            ),
            DECODE_ERROR,
        ),
        bad(
            "resumed, Finished of no bytes",
            resumed_with(2, [change(|message| with_body(message, Vec::clear))]),
            DECODE_ERROR,
        ),
    ]
}

/// ServerHello and HelloRetryRequest.
fn hellos() -> Vec<Scenario> {
    let mut late = retried(resumed());
    late.insert(0, Resume(Knowing));
    let twice = retried(retried(resumed()));
    let without_share = |list: &mut Vec<u8>| {
        list.drain(6..list.len() - TAKEN.len());
    };
    let other_group = |list: &mut Vec<u8>| list[10..12].copy_from_slice(&[0, 24]);
    let unknown_suite = change(|hello| {
        let at = 40 + usize::from(hello[38]);
        hello[at] = 0x7f;
    });
    let in_retry = |name: &str, kind: u16, data: &[u8], alert| {
        let extensions = [extension(44, &list16(&[7; 32])), extension(kind, data)].concat();
        bad(name, retried_with(extensions, resumed()), alert)
    };
    let in_hello =
        |name: &str, added: Vec<u8>, alert| bad_hello(name, move |list| list.extend(&added), alert);
    vec![
        bad_taken(
            "second ticket taken of one",
            &[0, 41, 0, 2, 0, 1],
            ILLEGAL_PARAMETER,
        ),
        bad_taken(
            "ticket 65535 taken of one",
            &[0, 41, 0, 2, 0xff, 0xff],
            ILLEGAL_PARAMETER,
        ),
        bad_taken("ticket taken in no bytes", &[0, 41, 0, 0], DECODE_ERROR),
        bad_taken("ticket taken in one byte", &[0, 41, 0, 1, 0], DECODE_ERROR),
        bad_taken(
            "ticket taken in three bytes",
            &[0, 41, 0, 3, 0, 0, 0],
            DECODE_ERROR,
        ),
        bad_taken("ticket taken, cut off", &[0, 41, 0, 2, 0], DECODE_ERROR),
        bad_taken(
            "ticket taken as a client would say it",
            &[0, 41, 0, 8, 0, 6, 0, 0, 0, 0, 0, 0],
            DECODE_ERROR,
        ),
        in_hello("ticket taken twice", TAKEN.to_vec(), ILLEGAL_PARAMETER),
        in_hello(
            "ticket taken, and the mode said",
            extension(45, &[1]),
            ILLEGAL_PARAMETER,
        ),
        in_hello(
            "ticket taken, and early data in ServerHello",
            extension(42, &[]),
            UNSUPPORTED_EXTENSION,
        ),
        bad_hello(
            "ticket taken without a key exchange",
            without_share,
            MISSING_EXTENSION,
        ),
        bad_hello(
            "ticket taken with a share on another group",
            other_group,
            ILLEGAL_PARAMETER,
        ),
        bad_hello(
            "ticket taken without a version",
            |list| drop(list.drain(..6)),
            alert::PROTOCOL_VERSION,
        ),
        bad(
            "ticket taken with a suite that nobody knows",
            resumed_with(0, [unknown_suite]),
            ILLEGAL_PARAMETER,
        ),
        bad(
            "ticket taken with a suite of another hash",
            resumed_with(
                0,
                [change(|hello| {
                    let at = 40 + usize::from(hello[38]);
                    hello[at] = if hello[at] == 2 { 1 } else { 2 };
                })],
            ),
            ILLEGAL_PARAMETER,
        ),
        in_retry("ticket taken in a retry", 41, &[0, 0], ILLEGAL_PARAMETER),
        in_retry("mode said in a retry", 45, &[1], ILLEGAL_PARAMETER),
        in_retry("early data in a retry", 42, &[], UNSUPPORTED_EXTENSION),
        bad("two retries with a ticket", twice, UNEXPECTED_MESSAGE),
        bad("retry after the ticket was taken", late, UNEXPECTED_MESSAGE),
    ]
}

/// What follows ServerHello.
fn flights() -> Vec<Scenario> {
    let certificate = || Certificate(honest::chain());
    let verify = || Verify(V::By(pki::SERVER_KEY));
    let unexpected = |name: &str, at: usize, steps: Vec<Step>| {
        bad(name, resumed_with(at, steps), UNEXPECTED_MESSAGE)
    };
    let saying = |name: &str, kind: u16, data: &[u8], alert| {
        bad(name, resumed_saying(extension(kind, data)), alert)
    };
    let mut in_full = honest::flight();
    in_full[0] = Resume(Knowing);
    vec![
        bad("resumed, and everything shown", in_full, UNEXPECTED_MESSAGE),
        unexpected("resumed, CertificateRequest", 2, vec![Request]),
        unexpected("resumed, Certificate", 2, vec![certificate()]),
        unexpected("resumed, CertificateVerify", 2, vec![verify()]),
        unexpected(
            "resumed, Certificate and its proof",
            2,
            vec![certificate(), verify()],
        ),
        unexpected("resumed, CertificateRequest first", 1, vec![Request]),
        unexpected("resumed, Certificate first", 1, vec![certificate()]),
        unexpected(
            "resumed, EncryptedExtensions twice",
            2,
            vec![Extensions(vec![])],
        ),
        unexpected(
            "resumed, ServerHello twice",
            1,
            vec![Message(message(2, &[3, 3]))],
        ),
        unexpected("resumed, a ticket too early", 2, vec![give_new()]),
        unexpected(
            "resumed, KeyUpdate too early",
            2,
            vec![Message(message(24, &[0]))],
        ),
        unexpected(
            "resumed, application data too early",
            2,
            vec![Sealed(APPLICATION_DATA, b"x".to_vec(), 0)],
        ),
        unexpected("resumed, EndOfEarlyData", 2, vec![Message(message(5, &[]))]),
        bad(
            "resumed, no EncryptedExtensions",
            vec![Resume(Knowing), Finished],
            UNEXPECTED_MESSAGE,
        )
        .with_error(Error::TlsNotAuthenticated),
        bad(
            "resumed, no Finished",
            vec![
                Resume(Knowing),
                Extensions(vec![]),
                Sealed(APPLICATION_DATA, b"x".to_vec(), 0),
            ],
            UNEXPECTED_MESSAGE,
        ),
        bad(
            "resumed, Finished and a byte of another message",
            resumed_with(2, [change(|finished| finished.push(4))]),
            UNEXPECTED_MESSAGE,
        ),
        saying(
            "resumed, early data accepted",
            42,
            &[],
            UNSUPPORTED_EXTENSION,
        ),
        saying(
            "resumed, ticket in EncryptedExtensions",
            41,
            &[0, 0],
            ILLEGAL_PARAMETER,
        ),
        saying(
            "resumed, mode in EncryptedExtensions",
            45,
            &[1],
            ILLEGAL_PARAMETER,
        ),
        saying(
            "resumed, another protocol",
            16,
            &list16(b"\x02h2"),
            ILLEGAL_PARAMETER,
        ),
        bad(
            "ticket not taken, early data accepted",
            instead(at::EXTENSIONS, Extensions(extension(42, &[]))),
            UNSUPPORTED_EXTENSION,
        ),
    ]
}

/// Servers that end it, or say no more.
fn endings() -> Vec<Scenario> {
    let alert = |name: &str, number: u8| {
        returning(
            name,
            vec![Plain(ALERT, vec![2, number])],
            Outcome::refused_silently(Error::TlsAlert).theirs(number),
        )
    };
    let cut = |name: &str, steps: Vec<Step>| {
        let flight = [steps, vec![Eof]].concat();
        returning(name, flight, Outcome::refused_silently(Error::TcpClosed))
    };
    let silent = |name: &str, steps: Vec<Step>| {
        let flight = [steps, vec![Await(Event::Data)]].concat();
        returning(name, flight, Outcome::Waits)
    };
    let begun = || vec![Resume(Knowing), Extensions(vec![])];
    vec![
        alert("alert for the ticket: decrypt_error", 51),
        alert("alert for the ticket: unknown_psk_identity", 115),
        alert("alert for the ticket: handshake_failure", 40),
        cut("end after the ticket was offered", vec![]),
        cut("end after the ticket was taken", begun()),
        silent("silence after the ticket was offered", vec![]),
        silent("silence after the ticket was taken", begun()),
    ]
}

/// What comes after a resumed handshake.
fn later() -> Vec<Scenario> {
    let late = |name: &str, steps: Vec<Step>, alert| {
        let expected = Outcome::ended(Error::TlsProtocol, alert);
        returning(name, resumed(), expected).after(steps)
    };
    let ticket =
        |extensions: &[u8]| Message(honest::new_session_ticket_with(60, &[1], &NEW, extensions));
    let early_data = |data: &[u8]| ticket(&extension(42, data));
    vec![
        late(
            "resumed, Finished twice",
            vec![Message(message(20, &[7; 32]))],
            UNEXPECTED_MESSAGE,
        ),
        late(
            "resumed, CertificateRequest afterwards",
            vec![Request],
            UNEXPECTED_MESSAGE,
        ),
        late("resumed, record of before", vec![Replay], BAD_RECORD_MAC),
        late(
            "resumed, a ticket without ticket",
            vec![give(60, &[2], &[])],
            DECODE_ERROR,
        ),
        late(
            "resumed, a good ticket, then a bad one",
            vec![give_new(), give(60, &[2], &[])],
            DECODE_ERROR,
        )
        .next(&NEW),
        late(
            "resumed, tickets without end",
            vec![give_new(); 200],
            UNEXPECTED_MESSAGE,
        )
        .next(&NEW),
        late(
            "ticket with early data of no bytes",
            vec![early_data(&[])],
            DECODE_ERROR,
        ),
        late(
            "ticket with early data of three bytes",
            vec![early_data(&[0, 0, 1])],
            DECODE_ERROR,
        ),
        late(
            "ticket with early data of five bytes",
            vec![early_data(&[0, 0, 0, 0, 1])],
            DECODE_ERROR,
        ),
        late(
            "ticket with early data twice",
            vec![ticket(
                &[extension(42, &[0; 4]), extension(42, &[0; 4])].concat(),
            )],
            ILLEGAL_PARAMETER,
        ),
        late(
            "ticket with an extension of another message",
            vec![ticket(&extension(51, &[0, 23]))],
            ILLEGAL_PARAMETER,
        ),
        late(
            "33 tickets in a row",
            vec![Sealed(
                HANDSHAKE,
                honest::new_session_ticket_with(60, &[2], &[8], &[]).repeat(33),
                0,
            )],
            UNEXPECTED_MESSAGE,
        )
        .next(&[8]),
        returning("32 tickets in a row", resumed(), Outcome::Works)
            .after(vec![Sealed(
                HANDSHAKE,
                honest::new_session_ticket_with(60, &[2], &[8], &[]).repeat(32),
                0,
            )])
            .next(&[8]),
        late(
            "ticket with an extension beyond its end",
            vec![ticket(&[0xfa, 0xfa, 0, 5, 1])],
            DECODE_ERROR,
        ),
        {
            let header = [&[4], &0x1_000e_u32.to_be_bytes()[1..], &[0, 0]].concat();
            returning(
                "ticket of 65535 bytes",
                resumed(),
                Outcome::ended(Error::TlsRecordTooLarge, alert::INTERNAL_ERROR)
                    .needed(0x1_000e + 4 + 17),
            )
            .after(vec![Sealed(HANDSHAKE, header, 0)])
            .rx(16640)
        },
        returning("ticket of 16000 bytes", resumed(), Outcome::Works)
            .after(vec![give(60, &[2], &[9; 16000])])
            .rx(16640),
        returning(
            "ticket of lifetime 0 after a good one",
            resumed(),
            Outcome::Works,
        )
        .after(vec![give_new(), give(0, &[3], &OLD)])
        .next(&NEW),
    ]
}

/// What depends on what is built in: tickets of one cipher suite in a connection with another.
fn by_features() -> Vec<Scenario> {
    let mixed = |scenario: Scenario, suite: Suite| Scenario {
        suite: Some(suite),
        earlier: scenario.earlier.map(|earlier| Earlier {
            suite: Some(Suite::Aes128),
            ..earlier
        }),
        ..scenario
    };
    let mut list = Vec::new();
    if TWO_GROUPS {
        let retry = || retried_with(extension(51, &P256.to_be_bytes()), resumed());
        list.push(works("resumed after a retry for another group", retry()));
    }
    if cfg!(feature = "chacha20") {
        list.push(mixed(
            works("resumed with another suite of the same hash", resumed()),
            Suite::ChaCha20,
        ));
    }
    if cfg!(feature = "aes256") {
        // What is no longer of use is not offered again.
        list.push(mixed(
            works(
                "retry with a suite of another hash than the ticket's",
                retried(honest::flight()),
            ),
            Suite::Aes256,
        ));
        list.push(mixed(
            bad(
                "retry with a suite of another hash, and the ticket taken",
                retried(resumed_with(0, [change(|_| {})])),
                UNSUPPORTED_EXTENSION,
            ),
            Suite::Aes256,
        ));
    }
    list
}
