//! Servers that do not prove who they are: groups 1 to 6.

use super::*;
use crate::server::{list16, with_body};

fn verify(name: &str, verify: V, error: Error, alert: u8) -> Scenario {
    scenario(
        name,
        instead(at::VERIFY, Verify(verify)),
        Outcome::refused(error, alert),
    )
}

/// A CertificateVerify with this scheme and signature.
fn signature(name: &str, scheme: u16, bytes: &[u8], error: Error, alert: u8) -> Scenario {
    let body = [&scheme.to_be_bytes()[..], &list16(bytes)].concat();
    scenario(
        name,
        instead(at::VERIFY, Message(message(15, &body))),
        Outcome::refused(error, alert),
    )
}

fn finished(
    name: &str,
    change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    alert: u8,
) -> Scenario {
    breach(name, changed(at::FINISHED, change), alert)
}

pub fn all() -> Vec<Scenario> {
    [omissions(), proofs(), schemes(), finisheds()]
        .into_iter()
        .flatten()
        .collect()
}

fn omissions() -> Vec<Scenario> {
    let not = Outcome::refused(Error::TlsNotAuthenticated, alert::UNEXPECTED_MESSAGE);
    vec![
        scenario("no Certificate", without(&[3, 4]), not),
        scenario("no Certificate, no request", without(&[2, 3, 4]), not),
        scenario("no CertificateVerify", without(&[4]), not),
        scenario("no CertificateVerify, no request", without(&[2, 4]), not),
        scenario("only Finished", without(&[1, 2, 3, 4]), not),
        breach(
            "CertificateVerify without Certificate",
            without(&[3]),
            alert::UNEXPECTED_MESSAGE,
        ),
        breach(
            "CertificateVerify without Certificate, no request",
            without(&[2, 3]),
            alert::UNEXPECTED_MESSAGE,
        ),
        scenario(
            "empty Certificate",
            honest::with_chain(vec![]),
            Outcome::refused(Error::TlsNotAuthenticated, alert::DECODE_ERROR),
        ),
        scenario(
            "empty Certificate, no CertificateVerify",
            vec![Hello, Extensions(vec![]), Certificate(vec![]), Finished],
            Outcome::refused(Error::TlsNotAuthenticated, alert::DECODE_ERROR),
        ),
    ]
}

fn proofs() -> Vec<Scenario> {
    let wrong = |name, how| verify(name, how, Error::CertSignature, alert::DECRYPT_ERROR);
    let cut = |name, by: usize| {
        scenario(
            name,
            changed(at::VERIFY, move |message| {
                with_body(message, |body| {
                    body.truncate(body.len() - by);
                    let length = body.len() - 4;
                    body[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                });
            }),
            Outcome::refused(Error::CertSignature, alert::DECRYPT_ERROR),
        )
    };
    let mut list = vec![
        wrong("proof by another key", V::By(pki::OTHER_KEY)),
        wrong("proof by the CA's key", V::By(pki::CA_KEY)),
        wrong("proof by the root's key", V::By(pki::ROOT_KEY)),
        wrong("proof by the client's key", V::By(pki::CLIENT_KEY)),
        wrong("proof over another transcript", V::OtherTranscript),
        wrong("proof of a client", V::ClientContext),
        wrong("proof without context", V::NoContext),
        cut("proof of which a byte is missing", 1),
        cut("proof of which half is missing", 35),
    ];
    for (name, at) in [("r", 12), ("s", 60)] {
        list.push(scenario(
            format!("proof with a bit of {name} flipped"),
            changed(at::VERIFY, move |message| message[at] ^= 1),
            Outcome::refused(Error::CertSignature, alert::DECRYPT_ERROR),
        ));
    }
    let zeroes = [0x30, 6, 2, 1, 0, 2, 1, 0];
    let order = [
        [0x30, 0x46, 2, 0x21, 0].as_slice(),
        &[0xff; 32],
        &[2, 0x21, 0],
        &[0xff; 32],
    ]
    .concat();
    for (name, bytes) in [
        ("proof of no bytes", &[][..]),
        ("proof of zeroes", &zeroes),
        ("proof with numbers beyond the order", &order),
        ("proof that is no DER", &[0xff; 70]),
        ("proof of 64 bytes without DER", &[7; 64]),
        ("proof of 700 bytes", &[0x30; 700]),
    ] {
        let (error, number) = (Error::CertSignature, alert::DECRYPT_ERROR);
        list.push(signature(name, 0x0403, bytes, error, number));
    }
    list
}

fn schemes() -> Vec<Scenario> {
    let wrong = |name, scheme| {
        verify(
            name,
            V::Scheme(scheme),
            Error::CertUnsupported,
            alert::ILLEGAL_PARAMETER,
        )
    };
    vec![
        wrong("scheme for RSA keys", 0x0804),
        wrong("scheme of PKCS#1 v1.5", 0x0401),
        wrong("scheme of ECDSA with SHA-1", 0x0203),
        wrong("scheme of P-384", 0x0503),
        wrong("scheme of Ed25519", 0x0807),
        wrong("scheme of RSA-PSS keys", 0x0809),
        wrong("scheme 0", 0),
        wrong("scheme that nobody knows", 0xfefe),
    ]
}

fn finisheds() -> Vec<Scenario> {
    vec![
        finished(
            "Finished with its first bit flipped",
            |message| message[4] ^= 1,
            alert::DECRYPT_ERROR,
        ),
        finished(
            "Finished with its last bit flipped",
            |message| message[35] ^= 0x80,
            alert::DECRYPT_ERROR,
        ),
        finished(
            "Finished of zeroes",
            |message| message[4..].fill(0),
            alert::DECRYPT_ERROR,
        ),
        finished(
            "Finished of no bytes",
            |message| *message = self::message(20, &[]),
            alert::DECODE_ERROR,
        ),
        finished(
            "Finished of which a byte is missing",
            |message| {
                with_body(message, |body| {
                    body.pop();
                });
            },
            alert::DECODE_ERROR,
        ),
        finished(
            "Finished with a byte too many",
            |message| with_body(message, |body| body.push(0)),
            alert::DECODE_ERROR,
        ),
        finished(
            "Finished with its halves swapped",
            |message| message[4..].rotate_left(16),
            alert::DECRYPT_ERROR,
        ),
    ]
}
