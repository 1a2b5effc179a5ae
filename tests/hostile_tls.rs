//! The TLS client against servers that misbehave, and against honest ones over bad networks.

#![cfg(feature = "embedded-tls")]

#[path = "hostile_tls/pki.rs"]
mod pki;
#[path = "hostile_tls/scenarios.rs"]
mod scenarios;
#[path = "hostile_tls/server.rs"]
mod server;
#[path = "hostile_tls/world.rs"]
mod world;

use iot_thing::{
    Error,
    tls::{Inputs, KeyInput, Random, SignatureForm, Signer, load},
};
use scenarios::{Scenario, Verdict, all, honest};
use server::Server;
use world::{Client, Counter, DRIP, Pace, Report, SMOOTH, run, run_with, with_credentials};

/// Runs a scenario and holds it to its verdict.
fn judge(scenario: &Scenario, pace: Pace) {
    let name = scenario.name;
    let mut server = Server::new(scenario.flight.clone(), scenario.after.clone(), Some(7));
    let client = Client {
        message: scenario.client.message.clone(),
        pace,
        ..scenario.client
    };
    let report = run(&client, &mut server);
    let seen = &server.seen;
    assert!(!report.stalled, "{name}: stalled");
    assert_eq!(seen.wrong, None, "{name}");
    let error = report.failure.map(|failure| failure.error);
    let alert = report.failure.and_then(|failure| failure.alert);
    let needed = report.failure.map_or(0, |failure| failure.needed);

    let refused = report.info.is_none();
    if refused {
        assert_eq!(seen.encrypted, 0, "{name}: sent more than the ClientHello");
        assert_eq!(seen.data, [], "{name}: sent application data");
        assert_eq!(report.received, [], "{name}: took application data");
    }
    match scenario.verdict {
        Verdict::Works => {
            assert_eq!(report.failure, None, "{name}");
            assert_eq!(report.received, client.message, "{name}");
            assert_eq!(seen.data, client.message, "{name}");
            assert!(seen.finished && seen.closed, "{name}");
        }
        Verdict::Refused(expected) => {
            assert!(refused, "{name}: not refused");
            assert_eq!((error, alert), (Some(expected), None), "{name}");
        }
        Verdict::RefusedBy(number) => {
            assert!(refused, "{name}: not refused");
            assert_eq!(
                (error, alert),
                (Some(Error::TlsAlert), Some(number)),
                "{name}"
            );
        }
        Verdict::TooLarge(size) => {
            assert!(refused, "{name}: not refused");
            assert_eq!(
                (error, needed),
                (Some(Error::TlsRecordTooLarge), size),
                "{name}"
            );
        }
        Verdict::Ended(expected) => {
            assert!(!refused, "{name}: refused with {error:?}");
            assert_eq!((error, alert), (Some(expected), None), "{name}");
            assert_eq!(report.received, [], "{name}: took application data");
        }
        Verdict::EndedBy(expected, number) => {
            assert!(!refused, "{name}: refused with {error:?}");
            assert_eq!((error, alert), (Some(expected), Some(number)), "{name}");
            assert_eq!(report.received, [], "{name}: took application data");
        }
    }
}

#[test]
fn the_table() {
    for scenario in all() {
        judge(&scenario, SMOOTH);
    }
}

#[test]
fn the_table_byte_by_byte() {
    for scenario in all() {
        judge(&scenario, DRIP);
    }
}

#[test]
fn the_names_are_unique() {
    let mut names = all()
        .iter()
        .map(|scenario| scenario.name)
        .collect::<Vec<_>>();
    names.sort();
    let count = names.len();
    names.dedup();
    // "bad tag" is one for the handshake and one for later.
    assert_eq!(names.len() + 1, count);
}

fn honest_server(echo: usize) -> Server {
    Server::new(honest(), Vec::new(), Some(echo))
}

fn works(report: &Report, client: &Client, server: &Server) {
    assert_eq!(report.failure, None);
    assert_eq!(report.received, client.message);
    assert_eq!(server.seen.data, client.message);
    assert_eq!(server.seen.wrong, None);
    assert_eq!(server.seen.certificate, Some(pki::client()));
    assert!(server.seen.proven && server.seen.finished && server.seen.closed);
}

#[test]
fn both_sides_are_authenticated_and_data_goes_both_ways() {
    // Several records each way.
    let client = Client {
        message: (0..5000_u32).map(|n| n as u8).collect(),
        ..Client::default()
    };
    let mut server = honest_server(300);
    let report = run(&client, &mut server);
    works(&report, &client, &server);
    let info = report.info.unwrap();
    assert_eq!(
        (info.version, info.cipher_suite, info.group),
        (0x0304, 0x1301, 23)
    );
    // The records are as full as can be: 1024 bytes less type and tag.
    assert_eq!(server.seen.records, [1007, 1007, 1007, 1007, 972]);
    let hello = &server.seen.hello;
    let sent = |text: &[u8]| hello.windows(text.len()).any(|window| window == text);
    assert!(sent(pki::HOST.as_bytes()), "SNI");
    assert!(sent(b"x-amzn-mqtt-ca"), "ALPN");
}

#[test]
fn what_belongs_together_leaves_together() {
    let client = Client::default();
    let mut server = honest_server(300);
    let report = run(&client, &mut server);
    works(&report, &client, &server);
    // ClientHello; the rest of the handshake with the message; close_notify.
    assert_eq!(report.sends, 3);
}

#[test]
fn any_segmentation_of_the_flight_will_do() {
    for read in 1..200 {
        let client = Client {
            pace: Pace {
                read,
                write: 1 + read % 11,
                pends: read % 2 == 0,
                ..SMOOTH
            },
            ..Client::default()
        };
        let mut server = honest_server(1 + read % 13);
        let report = run(&client, &mut server);
        works(&report, &client, &server);
    }
}

#[test]
fn dropped_futures_lose_nothing() {
    for (read, write, pends) in [(1, 1, true), (1, 1, false), (3, 700, true), (700, 1, true)] {
        let client = Client {
            message: (0..3000_u32).map(|n| ((n * 7) >> 3) as u8).collect(),
            cancels: true,
            tx: 512,
            pace: Pace {
                read,
                write,
                pends,
                ..SMOOTH
            },
            ..Client::default()
        };
        let mut server = honest_server(29);
        let report = run(&client, &mut server);
        works(&report, &client, &server);
    }
}

#[test]
fn an_end_at_any_byte_is_an_end() {
    let mut server = honest_server(300);
    let whole = run(&Client::default(), &mut server);
    for cut in 0..whole.taken {
        let client = Client {
            pace: Pace { cut, ..SMOOTH },
            ..Client::default()
        };
        let mut server = honest_server(300);
        let report = run(&client, &mut server);
        let failure = report.failure.expect("it was cut");
        assert_eq!((failure.error, failure.alert), (Error::TcpClosed, None));
        assert_eq!(report.received, []);
        if report.info.is_none() {
            assert_eq!(server.seen.encrypted, 0);
        }
    }
}

/// A source that does not work.
struct Broken(Result<(), Error>);

impl Random for Broken {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        self.0
    }
}

#[test]
fn without_random_bytes_nothing_is_sent() {
    for random in [Broken(Err(Error::Random)), Broken(Ok(()))] {
        let mut server = honest_server(300);
        let report = with_credentials(|credentials| {
            run_with(&Client::default(), &mut server, credentials, random)
        });
        assert_eq!(report.failure.unwrap().error, Error::Random);
        assert_eq!(report.sends, 0);
    }
    struct Ones;
    impl Random for Ones {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            out.fill(0xff);
            Ok(())
        }
    }
    let mut server = honest_server(300);
    let report = with_credentials(|credentials| {
        run_with(&Client::default(), &mut server, credentials, Ones)
    });
    assert_eq!(report.failure.unwrap().error, Error::Random);
    assert_eq!(report.sends, 0);
}

/// A secure element that answers with this.
struct Element(Result<Vec<u8>, Error>);

impl Signer for Element {
    fn sign(&self, _: &[u8; 32], signature_der: &mut [u8]) -> Result<Option<usize>, Error> {
        let answer = self.0.as_ref().map_err(|&error| error)?;
        let length = answer.len().min(signature_der.len());
        signature_der[..length].copy_from_slice(&answer[..length]);
        Ok(Some(answer.len()))
    }
}

fn run_with_element(element: &dyn Signer) -> (Report, Server) {
    let (certificate, ca) = (pki::client(), pki::root());
    let inputs = Inputs {
        certificate: &certificate,
        key: KeyInput::Signer(element, SignatureForm::Der),
        ca: &ca,
    };
    let credentials = load(&inputs, &mut []).unwrap();
    let mut server = honest_server(300);
    let report = run_with(&Client::default(), &mut server, &credentials, Counter(1));
    (report, server)
}

#[test]
fn a_failing_secure_element_is_an_error() {
    for (answer, expected) in [
        (Err(Error::Argument), Error::TlsSign),
        (Ok(vec![]), Error::TlsSign),
        (Ok(vec![0x30; 72]), Error::TlsSign),
        (Ok(vec![0; 1000]), Error::TlsSign),
        // A signature, but not by the key of the certificate.
        (Ok(vec![0x30, 6, 2, 1, 1, 2, 1, 1]), Error::KeyMismatch),
    ] {
        let (report, server) = run_with_element(&Element(answer));
        assert_eq!(report.failure.unwrap().error, expected);
        assert!(!server.seen.proven && !server.seen.finished);
        assert_eq!(server.seen.data, []);
    }
}

#[test]
fn a_secure_element_signs() {
    use p256::ecdsa::{Signature, signature::hazmat::PrehashSigner as _};
    struct Key;
    impl Signer for Key {
        fn sign(
            &self,
            sha256: &[u8; 32],
            signature_der: &mut [u8],
        ) -> Result<Option<usize>, Error> {
            let signature: Signature = pki::key(pki::CLIENT_KEY).sign_prehash(sha256).unwrap();
            let der = signature.to_der();
            signature_der[..der.as_bytes().len()].copy_from_slice(der.as_bytes());
            Ok(Some(der.as_bytes().len()))
        }
    }
    let (report, server) = run_with_element(&Key);
    works(&report, &Client::default(), &server);
}
