//! The table: what the server does, and what the client must make of it.

use iot_thing::Error;

use crate::{
    pki::{self, Spec, key},
    server::{
        ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE,
        Step::{self, *},
        Verify as V, message,
    },
    world::Client,
};

/// What must come of a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Connected, and the message came back.
    Works,
    /// Refused in the handshake, before anything but the ClientHello was sent.
    Refused(Error),
    /// Refused in the handshake, with this alert of the server.
    RefusedBy(u8),
    /// Refused in the handshake, as the record needs this size.
    TooLarge(usize),
    /// Connected, but ended with this error before the client took application data.
    Ended(Error),
    /// Connected, but ended by this alert.
    EndedBy(Error, u8),
}
use Verdict::{Ended, EndedBy, Refused, RefusedBy, Works};

/// One line of the table.
pub struct Scenario {
    pub name: &'static str,
    pub flight: Vec<Step>,
    /// After the client's Finished.
    pub after: Vec<Step>,
    pub client: Client,
    pub verdict: Verdict,
}

fn scenario(name: &'static str, flight: Vec<Step>, verdict: Verdict) -> Scenario {
    Scenario {
        name,
        flight,
        after: Vec::new(),
        client: Client::default(),
        verdict,
    }
}

fn after(name: &'static str, after: Vec<Step>, verdict: Verdict) -> Scenario {
    Scenario {
        after,
        ..scenario(name, honest(), verdict)
    }
}

/// The chain of an honest server.
fn good_chain() -> Vec<Vec<u8>> {
    vec![pki::server(), pki::intermediate()]
}

/// What an honest server sends.
pub fn honest() -> Vec<Step> {
    with_chain(good_chain())
}

fn with_chain(chain: Vec<Vec<u8>>) -> Vec<Step> {
    vec![
        Hello,
        Extensions,
        Request,
        Certificate(chain),
        Verify(V::By(pki::SERVER_KEY)),
        Finished(true),
    ]
}

/// A server whose own certificate is this one, under the intermediate CA.
fn with_leaf(change: impl FnOnce(&mut Spec<'_>)) -> Vec<Step> {
    let mut spec = Spec::leaf("server", "ca", &key(pki::SERVER_KEY));
    change(&mut spec);
    with_chain(vec![spec.sign(&key(pki::CA_KEY)), pki::intermediate()])
}

fn with_verify(verify: V) -> Vec<Step> {
    let mut flight = honest();
    flight[4] = Verify(verify);
    flight
}

fn with_hello(change: fn(&mut Vec<u8>)) -> Vec<Step> {
    let mut flight = honest();
    flight[0] = HelloWith(change);
    flight
}

/// An honest flight with steps put in at a place.
fn with(at: usize, steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut flight = honest();
    flight.splice(at..at, steps);
    flight
}

/// An honest flight without some steps.
fn without(places: &[usize]) -> Vec<Step> {
    let mut index = 0;
    let mut flight = honest();
    flight.retain(|_| {
        index += 1;
        !places.contains(&(index - 1))
    });
    flight
}

/// All of it.
pub fn all() -> Vec<Scenario> {
    [
        honest_servers(),
        authentication(),
        chains(),
        hellos(),
        records(),
        ends(),
        later(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn honest_servers() -> Vec<Scenario> {
    let ccs = || Plain(CHANGE_CIPHER_SPEC, vec![1]);
    let mut coalesced = honest();
    coalesced.insert(1, Hold);
    coalesced.push(Release);
    let under_root = Spec::leaf("server", "root", &key(pki::SERVER_KEY)).sign(&key(pki::ROOT_KEY));
    vec![
        scenario("honest", honest(), Works),
        scenario("without client certificate", without(&[2]), Works),
        scenario("one record for the flight", coalesced, Works),
        scenario("compatibility mode", with(1, [ccs()]), Works),
        scenario("leaf under the root", with_chain(vec![under_root]), Works),
        scenario(
            "root in the chain",
            with_chain(vec![pki::server(), pki::intermediate(), pki::root()]),
            Works,
        ),
        Scenario {
            client: Client {
                rx: 4096,
                ..Client::default()
            },
            ..scenario(
                "superfluous certificates",
                with_chain([good_chain(), vec![pki::client(); 9]].concat()),
                Works,
            )
        },
        scenario(
            "wildcard",
            with_leaf(|leaf| leaf.names = &["a.org", "b.org", "c.org", "d.org", "*.example.com"]),
            Works,
        ),
        scenario("no EKU", with_leaf(|leaf| leaf.usage = None), Works),
        after("tickets", vec![ticket(), ticket()], Works),
        after(
            "tickets in one record",
            vec![Sealed(
                HANDSHAKE,
                [new_session_ticket(), new_session_ticket()].concat(),
                0,
            )],
            Works,
        ),
        after(
            "empty application data",
            vec![Sealed(APPLICATION_DATA, vec![], 1)],
            Works,
        ),
    ]
}

fn authentication() -> Vec<Scenario> {
    let not_authenticated = Refused(Error::TlsNotAuthenticated);
    let mut finished_first = honest();
    finished_first.swap(3, 5);
    vec![
        scenario("no Certificate", without(&[3, 4]), not_authenticated),
        scenario(
            "no Certificate, no request",
            without(&[2, 3, 4]),
            not_authenticated,
        ),
        scenario("no CertificateVerify", without(&[4]), not_authenticated),
        scenario(
            "no CertificateVerify, no request",
            without(&[2, 4]),
            not_authenticated,
        ),
        scenario("only Finished", without(&[1, 2, 3, 4]), not_authenticated),
        scenario(
            "CertificateVerify without Certificate",
            without(&[3]),
            Refused(Error::TlsProtocol),
        ),
        scenario(
            "Finished before Certificate",
            finished_first,
            not_authenticated,
        ),
        scenario("empty Certificate", with_chain(vec![]), not_authenticated),
        scenario(
            "Certificate twice",
            with(4, [Certificate(good_chain())]),
            Refused(Error::TlsProtocol),
        ),
        scenario(
            "CertificateVerify twice",
            with(5, [Verify(V::By(pki::SERVER_KEY))]),
            Refused(Error::TlsProtocol),
        ),
        scenario(
            "CertificateVerify by another key",
            with_verify(V::By(pki::OTHER_KEY)),
            Refused(Error::CertSignature),
        ),
        scenario(
            "CertificateVerify over another transcript",
            with_verify(V::OtherTranscript),
            Refused(Error::CertSignature),
        ),
        scenario(
            "CertificateVerify of a client",
            with_verify(V::ClientContext),
            Refused(Error::CertSignature),
        ),
        scenario(
            "CertificateVerify with another scheme",
            with_verify(V::Scheme(0x0804)),
            Refused(Error::CertUnsupported),
        ),
        scenario(
            "bad Finished",
            [without(&[5]), vec![Finished(false)]].concat(),
            Refused(Error::TlsProtocol),
        ),
    ]
}

fn chains() -> Vec<Scenario> {
    let leaf_as_ca = {
        let issuer = Spec {
            ca: Some(false),
            ..Spec::leaf("ca", "root", &key(pki::CA_KEY))
        };
        vec![pki::server(), issuer.sign(&key(pki::ROOT_KEY))]
    };
    let no_constraints = {
        let issuer = Spec::leaf("ca", "root", &key(pki::CA_KEY));
        vec![pki::server(), issuer.sign(&key(pki::ROOT_KEY))]
    };
    let other_root = {
        let ca = Spec::ca("ca", "other", &key(pki::CA_KEY));
        vec![pki::server(), ca.sign(&key(pki::OTHER_KEY))]
    };
    let forged = {
        let ca = Spec::ca("ca", "root", &key(pki::CA_KEY));
        vec![pki::server(), ca.sign(&key(pki::OTHER_KEY))]
    };
    let expired_ca = {
        let mut ca = Spec::ca("ca", "root", &key(pki::CA_KEY));
        ca.not_after = "20251231235959Z";
        vec![pki::server(), ca.sign(&key(pki::ROOT_KEY))]
    };
    let mut truncated = pki::server();
    truncated.pop();
    // rsaEncryption with a key that nobody looks at.
    let rsa_key = pki::tlv(
        0x30,
        &[
            &[
                0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0,
            ],
            &[3, 3, 0, 0x30, 0],
        ],
    );
    const SHA256_WITH_RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11, 5, 0];
    let wrong_host = Refused(Error::CertHostName);
    vec![
        scenario(
            "wrong host",
            with_leaf(|leaf| leaf.names = &["other.example.com"]),
            wrong_host,
        ),
        scenario(
            "wildcard in the middle",
            with_leaf(|leaf| leaf.names = &["thing.*.com"]),
            wrong_host,
        ),
        scenario(
            "wildcard for two labels",
            with_leaf(|leaf| leaf.names = &["*.com"]),
            wrong_host,
        ),
        scenario(
            "name with NUL",
            with_leaf(|leaf| leaf.names = &["thing.example.com\0.evil.org"]),
            wrong_host,
        ),
        scenario(
            "common name only",
            with_leaf(|leaf| {
                leaf.subject = pki::HOST;
                leaf.names = &[];
            }),
            wrong_host,
        ),
        scenario(
            "expired",
            with_leaf(|leaf| leaf.not_after = "20251231235959Z"),
            Refused(Error::CertExpired),
        ),
        scenario(
            "not yet valid",
            with_leaf(|leaf| leaf.not_before = "20260101000001Z"),
            Refused(Error::CertNotYetValid),
        ),
        scenario(
            "valid for one second",
            with_leaf(|leaf| {
                leaf.not_before = "20260101000000Z";
                leaf.not_after = "20260101000000Z";
            }),
            Works,
        ),
        scenario(
            "expired CA",
            with_chain(expired_ca),
            Refused(Error::CertExpired),
        ),
        scenario(
            "unknown issuer",
            with_chain(other_root),
            Refused(Error::CertUnknownIssuer),
        ),
        scenario(
            "missing intermediate",
            with_chain(vec![pki::server()]),
            Refused(Error::CertUnknownIssuer),
        ),
        scenario(
            "forged intermediate",
            with_chain(forged),
            Refused(Error::CertSignature),
        ),
        scenario(
            "leaf as CA",
            with_chain(leaf_as_ca),
            Refused(Error::CertUsage),
        ),
        scenario(
            "issuer without constraints",
            with_chain(no_constraints),
            Refused(Error::CertUsage),
        ),
        scenario(
            "EKU clientAuth only",
            with_leaf(|leaf| leaf.usage = Some(pki::CLIENT_AUTH)),
            Refused(Error::CertUsage),
        ),
        scenario(
            "CA as server",
            with_leaf(|leaf| leaf.ca = Some(true)),
            Refused(Error::CertUsage),
        ),
        scenario(
            "unknown critical extension",
            with_leaf(|leaf| leaf.further.push((&[6, 3, 0x2a, 3, 4], true, vec![5, 0]))),
            Refused(Error::CertUnsupported),
        ),
        scenario(
            "RSA key",
            with_leaf(|leaf| leaf.key_info = rsa_key),
            Refused(Error::CertUnsupported),
        ),
        scenario(
            "RSA signature",
            with_leaf(|leaf| leaf.algorithm = SHA256_WITH_RSA),
            Refused(Error::CertUnsupported),
        ),
        scenario(
            "truncated certificate",
            with_chain(vec![truncated, pki::intermediate()]),
            Refused(Error::CertMalformed),
        ),
        scenario(
            "certificate of no bytes",
            with_chain(vec![vec![], pki::intermediate()]),
            Refused(Error::CertMalformed),
        ),
        Scenario {
            client: Client {
                unix_time: 0,
                ..Client::default()
            },
            ..scenario("unknown time", honest(), Refused(Error::CertTimeUnknown))
        },
    ]
}

fn hellos() -> Vec<Scenario> {
    let protocol = Refused(Error::TlsProtocol);
    vec![
        scenario("other suite", with_hello(|hello| hello[40] = 2), protocol),
        scenario("other version", with_hello(|hello| hello[49] = 3), protocol),
        scenario("session id", with_hello(|hello| hello[38] = 1), protocol),
        scenario("other group", with_hello(|hello| hello[55] = 24), protocol),
        scenario(
            "no point",
            with_hello(|hello| hello[60..].fill(7)),
            // Whatever the engine calls it.
            protocol,
        ),
        scenario(
            "retry request",
            with_hello(|hello| {
                hello[6..14].copy_from_slice(&[0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11]);
                hello[14..22].copy_from_slice(&[0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91]);
                hello[22..30].copy_from_slice(&[0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e]);
                hello[30..38].copy_from_slice(&[0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c]);
            }),
            Refused(Error::Tls),
        ),
        scenario(
            "another ServerHello",
            with(1, [Message(message(2, &[3, 3]))]),
            protocol,
        ),
        scenario("ServerHello twice", with(1, [HelloWith(|_| {})]), protocol),
        scenario(
            "plaintext Certificate",
            with(1, [Plain(HANDSHAKE, message(11, &[0, 0, 0, 0]))]),
            protocol,
        ),
    ]
}

fn records() -> Vec<Scenario> {
    let protocol = Refused(Error::TlsProtocol);
    let header = |kind: u8, length: u16| {
        let [high, low] = length.to_be_bytes();
        Raw(vec![kind, 3, 3, high, low])
    };
    let ccs = || Plain(CHANGE_CIPHER_SPEC, vec![1]);
    vec![
        scenario(
            "record of an unknown type",
            vec![Plain(24, vec![1])],
            protocol,
        ),
        scenario("record of type 0", vec![Plain(0, vec![1])], protocol),
        scenario("SSL 2", vec![Raw(vec![0x80, 0x2e, 1, 3, 1])], protocol),
        scenario(
            "HTTP",
            vec![Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())],
            protocol,
        ),
        scenario(
            "empty handshake record",
            vec![Plain(HANDSHAKE, vec![])],
            protocol,
        ),
        scenario(
            "empty encrypted record",
            vec![Hello, header(23, 0)],
            protocol,
        ),
        scenario(
            "encrypted record of 16 bytes",
            vec![Hello, SealedNothing],
            protocol,
        ),
        scenario(
            "all-zero plaintext",
            vec![Hello, Sealed(0, vec![0; 40], 40)],
            Refused(Error::Tls),
        ),
        scenario(
            "encrypted before ServerHello",
            vec![Plain(APPLICATION_DATA, vec![0; 40])],
            protocol,
        ),
        scenario(
            "illegally long record",
            vec![Hello, header(23, 16641)],
            protocol,
        ),
        scenario(
            "illegally long plaintext",
            vec![header(22, 16385)],
            protocol,
        ),
        scenario(
            "legal, but too large",
            vec![Hello, header(23, 2049)],
            Verdict::TooLarge(2049),
        ),
        scenario(
            "as large as can be",
            vec![Hello, header(23, 16640)],
            Verdict::TooLarge(16640),
        ),
        scenario(
            "bad tag",
            vec![Hello, Plain(APPLICATION_DATA, vec![0; 40])],
            protocol,
        ),
        scenario(
            "long ChangeCipherSpec",
            vec![Plain(CHANGE_CIPHER_SPEC, vec![1, 1])],
            protocol,
        ),
        scenario(
            "odd ChangeCipherSpec",
            vec![Plain(CHANGE_CIPHER_SPEC, vec![2])],
            protocol,
        ),
        scenario("many ChangeCipherSpec", with(1, vec![ccs(); 3]), protocol),
        scenario(
            "many messages",
            with(2, vec![Step::Extensions; 40]),
            protocol,
        ),
        scenario("alert", vec![Plain(ALERT, vec![2, 40])], RefusedBy(40)),
        scenario(
            "alert of unknown number",
            vec![Plain(ALERT, vec![2, 250])],
            RefusedBy(250),
        ),
        scenario(
            "alert after ServerHello",
            vec![Hello, Plain(ALERT, vec![2, 80])],
            RefusedBy(80),
        ),
        scenario("alert of one byte", vec![Plain(ALERT, vec![2])], protocol),
        scenario(
            "application data in the handshake",
            with(2, [Sealed(APPLICATION_DATA, vec![1], 0)]),
            protocol,
        ),
    ]
}

fn ends() -> Vec<Scenario> {
    let closed = Refused(Error::TcpClosed);
    vec![
        scenario("end at once", vec![Eof], closed),
        scenario("end after ServerHello", vec![Hello, Eof], closed),
        scenario(
            "end before Finished",
            [without(&[5]), vec![Eof]].concat(),
            closed,
        ),
        after(
            "end after the handshake",
            vec![Eof],
            Ended(Error::TcpClosed),
        ),
        after(
            "orderly end",
            vec![Sealed(ALERT, vec![1, 0], 0)],
            EndedBy(Error::TcpClosed, 0),
        ),
        after(
            "encrypted alert",
            vec![Sealed(ALERT, vec![2, 42], 0)],
            Ended(Error::TlsAlert),
        ),
    ]
}

fn later() -> Vec<Scenario> {
    let protocol = Ended(Error::TlsProtocol);
    vec![
        after(
            "plaintext handshake",
            vec![Plain(HANDSHAKE, message(24, &[0]))],
            protocol,
        ),
        after(
            "plaintext close_notify",
            vec![Plain(ALERT, vec![1, 0])],
            protocol,
        ),
        after(
            "plaintext ChangeCipherSpec",
            vec![Plain(CHANGE_CIPHER_SPEC, vec![1])],
            protocol,
        ),
        after("record without a type", vec![SealedNothing], protocol),
        after("unknown type", vec![Plain(99, vec![1])], protocol),
        after(
            "bad tag",
            vec![Plain(APPLICATION_DATA, vec![0; 40])],
            protocol,
        ),
        after("flood of tickets", vec![ticket(); 40], protocol),
        after(
            "flood of nothing",
            vec![Sealed(APPLICATION_DATA, vec![], 0); 40],
            protocol,
        ),
        after(
            "key update",
            vec![Sealed(HANDSHAKE, message(24, &[0]), 0)],
            Ended(Error::Tls),
        ),
        after("zeroes", vec![Sealed(0, vec![0; 9], 0)], Ended(Error::Tls)),
        after(
            "too large",
            vec![Raw(vec![23, 3, 3, 0x10, 0])],
            Ended(Error::TlsRecordTooLarge),
        ),
    ]
}

fn ticket() -> Step {
    Sealed(HANDSHAKE, new_session_ticket(), 0)
}

fn new_session_ticket() -> Vec<u8> {
    message(4, &[0, 0, 1, 0, 1, 2, 3, 4, 1, 0, 0, 3, 7, 7, 7, 0, 0])
}
