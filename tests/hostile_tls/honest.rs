//! Honest servers over bad networks, and devices of which a part fails.

use iot_thing::{
    Error,
    tls::{Inputs, KeyInput, Random, SignatureForm, Signer, load},
};

use crate::{
    engine::Engine,
    offer::Offer,
    pki,
    scenarios::{GROUP, honest::flight},
    server::Server,
    world::{Client, Counter, Pace, Report, SMOOTH, run, run_with},
};

/// All tests of this file, for one engine.
macro_rules! tests {
    ($engine:ident) => {
        honest::tests!($engine: both_sides_are_authenticated_and_data_goes_both_ways, the_hello_is_in_order, what_belongs_together_leaves_together, any_segmentation_of_the_flight_will_do, dropped_futures_lose_nothing, without_random_bytes_nothing_is_sent, a_failing_secure_element_is_an_error, a_secure_element_signs);
    };
    ($engine:ident: $($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                honest::$name::<$engine>();
            }
        )*
    };
}
pub(crate) use tests;

fn honest_server(echo: usize) -> Server {
    Server::new(flight(), Vec::new(), Some(echo))
}

fn works(report: &Report, client: &Client, server: &Server) {
    assert_eq!(report.failure, None);
    assert_eq!(server.seen.wrong, None);
    for moved in [&report.received, &server.seen.data] {
        assert_eq!(moved.len(), client.message.len());
        assert!(*moved == client.message, "other bytes arrived");
    }
    assert_eq!(server.seen.chain, vec![pki::client()]);
    assert!(server.seen.proven && server.seen.finished && server.seen.closed);
}

pub fn both_sides_are_authenticated_and_data_goes_both_ways<E: Engine>() {
    // Several records each way.
    let client = Client {
        message: (0..5000_u32).map(|n| n as u8).collect(),
        ..Client::default()
    };
    let mut server = honest_server(300);
    let report = run::<E>(&client, &mut server);
    works(&report, &client, &server);
    let info = report.info.unwrap();
    assert_eq!(
        (info.version, info.cipher_suite, info.group),
        (0x0304, 0x1301, GROUP)
    );
    // The records are as full as can be: 1024 bytes less type and tag.
    assert_eq!(server.seen.records, [1007, 1007, 1007, 1007, 972]);
}

pub fn the_hello_is_in_order<E: Engine>() {
    let mut server = honest_server(300);
    run::<E>(&Client::default(), &mut server);
    let hello = Offer::parse(&server.seen.hellos[0]).expect("it is well-formed");
    let mut kinds = hello
        .extensions
        .iter()
        .map(|(kind, _)| *kind)
        .collect::<Vec<_>>();
    kinds.sort();
    let count = kinds.len();
    kinds.dedup();
    assert_eq!(kinds.len(), count, "no extension comes twice");
    // What RFC 8446 section 9.2 demands, and the name and protocol of the server.
    let host = [&[0, 0, pki::HOST.len() as u8], pki::HOST.as_bytes()].concat();
    let name = hello.extension(0).expect("server_name");
    assert_eq!(&name[2..], host);
    assert_eq!(hello.extension(16), Some(&b"\0\x0f\x0ex-amzn-mqtt-ca"[..]));
    assert!(
        hello.list(10).contains(&23),
        "secp256r1 in supported_groups"
    );
    let (group, share) = hello.first_share().expect("key_share");
    let length = if group == 23 { 65 } else { 32 };
    assert_eq!((group, share.len()), (GROUP, length));
    assert_eq!(
        hello.extension(43),
        Some(&[2, 3, 4][..]),
        "TLS 1.3 and nothing else"
    );
    assert!(hello.list(13).contains(&0x0403), "ecdsa_secp256r1_sha256");
    assert!(hello.list(13).contains(&0x0804), "rsa_pss_rsae_sha256");
    assert_eq!(hello.suites[0], 0x1301);
    // AWS IoT grades a client that offers anything else.
    assert!(
        hello
            .suites
            .iter()
            .all(|suite| (0x1301..=0x1303).contains(suite))
    );
}

pub fn what_belongs_together_leaves_together<E: Engine>() {
    let client = Client::default();
    let mut server = honest_server(300);
    let report = run::<E>(&client, &mut server);
    works(&report, &client, &server);
    // ClientHello; the rest of the handshake with the message; close_notify.
    assert_eq!(report.sends, 3);
}

pub fn any_segmentation_of_the_flight_will_do<E: Engine>() {
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
        let report = run::<E>(&client, &mut server);
        works(&report, &client, &server);
    }
}

pub fn dropped_futures_lose_nothing<E: Engine>() {
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
        let report = run::<E>(&client, &mut server);
        works(&report, &client, &server);
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

pub fn without_random_bytes_nothing_is_sent<E: Engine>() {
    for random in [Broken(Err(Error::Random)), Broken(Ok(()))] {
        let mut server = honest_server(300);
        let client = Client::default();
        let report = client.with_credentials(|credentials| {
            run_with::<E>(&client, &mut server, credentials, random)
        });
        assert_eq!(report.failure.unwrap().error, Error::Random);
        assert_eq!(report.sends, 0);
    }
    // No key on P-256 comes of ones; on X25519 they are one like any other.
    if GROUP != 23 {
        return;
    }
    struct Ones;
    impl Random for Ones {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            out.fill(0xff);
            Ok(())
        }
    }
    let mut server = honest_server(300);
    let client = Client::default();
    let report = client
        .with_credentials(|credentials| run_with::<E>(&client, &mut server, credentials, Ones));
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

fn run_with_element<E: Engine>(element: &dyn Signer) -> (Report, Server) {
    let (certificate, ca) = (pki::client(), pki::root());
    let inputs = Inputs {
        certificate: &certificate,
        key: KeyInput::Signer(element, SignatureForm::Der),
        ca: &ca,
    };
    let credentials = load(&inputs, &mut []).unwrap();
    let mut server = honest_server(300);
    let report = run_with::<E>(&Client::default(), &mut server, &credentials, Counter(1));
    (report, server)
}

pub fn a_failing_secure_element_is_an_error<E: Engine>() {
    for (answer, expected) in [
        (Err(Error::Argument), Error::TlsSign),
        (Ok(vec![]), Error::TlsSign),
        (Ok(vec![0x30; 72]), Error::TlsSign),
        (Ok(vec![0; 1000]), Error::TlsSign),
        // A signature, but not by the key of the certificate.
        (Ok(vec![0x30, 6, 2, 1, 1, 2, 1, 1]), Error::KeyMismatch),
    ] {
        let (report, server) = run_with_element::<E>(&Element(answer));
        assert_eq!(report.failure.unwrap().error, expected);
        assert!(!server.seen.proven && !server.seen.finished);
        assert_eq!(server.seen.data, []);
    }
}

pub fn a_secure_element_signs<E: Engine>() {
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
    let (report, server) = run_with_element::<E>(&Key);
    works(&report, &Client::default(), &server);
}
