//! Extensions that nobody asked for, twice, or in the wrong place: group 12.

use super::*;
use crate::server::{extension, list16};

/// EncryptedExtensions with this list.
fn encrypted(name: &str, list: Vec<u8>, alert: u8) -> Scenario {
    breach(name, instead(at::EXTENSIONS, Extensions(list)), alert)
}

/// A CertificateRequest with this list.
fn request(name: &str, list: Vec<u8>, alert: u8) -> Scenario {
    breach(name, instead(at::REQUEST, honest::request(&list)), alert)
}

fn protocol(names: &[u8]) -> Vec<u8> {
    extension(16, &list16(names))
}

pub fn all() -> Vec<Scenario> {
    [unasked(), protocols(), shapes(), requests()]
        .into_iter()
        .flatten()
        .collect()
}

fn unasked() -> Vec<Scenario> {
    let unsupported = alert::UNSUPPORTED_EXTENSION;
    let illegal = alert::ILLEGAL_PARAMETER;
    let one = |name, kind, data: &[u8], alert| encrypted(name, extension(kind, data), alert);
    vec![
        one("unknown extension", 0xfafa, &[], unsupported),
        one("early data accepted", 42, &[], unsupported),
        one("heartbeat", 15, &[1], unsupported),
        one("largest fragment not asked for", 1, &[2], unsupported),
        one("client certificate type", 19, &[0], unsupported),
        one("server certificate type", 20, &[2], unsupported),
        one("OCSP response in EncryptedExtensions", 5, &[], unsupported),
        one("renegotiation", 0xff01, &[0], unsupported),
        one("extended master secret", 23, &[], unsupported),
        one("session ticket of TLS 1.2", 35, &[], unsupported),
        one(
            "pre-shared key in EncryptedExtensions",
            41,
            &[0, 0],
            unsupported,
        ),
        one("version in EncryptedExtensions", 43, &[3, 4], illegal),
        one(
            "key share in EncryptedExtensions",
            51,
            &[0, 23, 0, 1, 4],
            illegal,
        ),
        one(
            "signature schemes in EncryptedExtensions",
            13,
            &[0, 2, 4, 3],
            illegal,
        ),
        encrypted(
            "server name twice",
            [extension(0, &[]), extension(0, &[])].concat(),
            illegal,
        ),
        encrypted(
            "groups twice",
            [extension(10, &[0, 2, 0, 23]), extension(10, &[0, 2, 0, 23])].concat(),
            illegal,
        ),
        encrypted(
            "unknown extension after a good one",
            [extension(0, &[]), extension(0xfafa, &[])].concat(),
            unsupported,
        ),
    ]
}

fn protocols() -> Vec<Scenario> {
    let illegal = alert::ILLEGAL_PARAMETER;
    let decode = alert::DECODE_ERROR;
    vec![
        encrypted("another protocol", protocol(b"\x02h2"), illegal),
        encrypted(
            "protocol that ours begins with",
            protocol(b"\x06x-amzn"),
            illegal,
        ),
        encrypted(
            "protocol in other letters",
            protocol(b"\x0eX-AMZN-MQTT-CA"),
            illegal,
        ),
        encrypted(
            "two protocols",
            protocol(b"\x0ex-amzn-mqtt-ca\x02h2"),
            decode,
        ),
        encrypted("no protocol", protocol(b""), decode),
        encrypted("protocol without name", protocol(b"\0"), illegal),
        encrypted(
            "protocol longer than its list",
            protocol(b"\x0fx-amzn-mqtt-ca"),
            decode,
        ),
        encrypted("protocols of no bytes", extension(16, &[]), decode),
        encrypted(
            "protocol twice",
            [
                protocol(b"\x0ex-amzn-mqtt-ca"),
                protocol(b"\x0ex-amzn-mqtt-ca"),
            ]
            .concat(),
            illegal,
        ),
    ]
}

fn shapes() -> Vec<Scenario> {
    let decode = alert::DECODE_ERROR;
    let body = |name: &str, body: &[u8]| {
        breach(
            name,
            instead(at::EXTENSIONS, Message(message(8, body))),
            decode,
        )
    };
    vec![
        body("EncryptedExtensions of no bytes", &[]),
        body("EncryptedExtensions of one byte", &[0]),
        body("list longer than EncryptedExtensions", &[0, 4, 0, 0]),
        body("list shorter than EncryptedExtensions", &[0, 0, 0, 0, 0, 0]),
        body("half an extension", &[0, 2, 0, 0]),
        body("extension longer than the list", &[0, 4, 0, 0, 0, 1]),
        encrypted("server name that is not empty", extension(0, &[0]), decode),
        encrypted("groups of an odd length", extension(10, &[0, 1, 0]), decode),
        encrypted(
            "groups longer than they are",
            extension(10, &[0, 4, 0, 23]),
            decode,
        ),
    ]
}

fn requests() -> Vec<Scenario> {
    let schemes = || extension(13, &list16(&[4, 3]));
    let decode = alert::DECODE_ERROR;
    let body = |name: &str, body: &[u8]| {
        breach(
            name,
            instead(at::REQUEST, Message(message(13, body))),
            decode,
        )
    };
    vec![
        request("request without schemes", vec![], alert::MISSING_EXTENSION),
        request(
            "request with schemes for certificates only",
            extension(50, &list16(&[4, 3])),
            alert::MISSING_EXTENSION,
        ),
        request(
            "request with schemes twice",
            [schemes(), schemes()].concat(),
            alert::ILLEGAL_PARAMETER,
        ),
        request(
            "request with no scheme",
            extension(13, &list16(&[])),
            decode,
        ),
        request(
            "request with half a scheme",
            extension(13, &list16(&[4])),
            decode,
        ),
        request(
            "request with schemes longer than they are",
            extension(13, &[0, 4, 4, 3]),
            decode,
        ),
        breach(
            "request with a context",
            instead(
                at::REQUEST,
                Message(message(13, &[&[1, 7], &list16(&schemes())[..]].concat())),
            ),
            alert::ILLEGAL_PARAMETER,
        ),
        body("request of no bytes", &[]),
        body("request of its context", &[0]),
        body("request with a list longer than it is", &[0, 0, 9, 0, 13]),
        body(
            "request with bytes after its list",
            &[0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3, 0],
        ),
    ]
}
