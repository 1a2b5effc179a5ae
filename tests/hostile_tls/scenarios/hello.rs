//! ServerHello messages that do not answer ours: groups 9 and 10.

use super::*;
use crate::server::{Event, extension, list16};

/// An honest ServerHello with these places, when there is no session id.
mod place {
    pub const VERSION: usize = 4;
    pub const RANDOM: usize = 6;
    pub const SESSION_ID: usize = 38;
    pub const SUITE: usize = 39;
    pub const COMPRESSION: usize = 41;
    pub const EXTENSIONS: usize = 42;
    /// The extension with the version, and its value.
    pub const SUPPORTED_VERSION: usize = 44;
    pub const SELECTED_VERSION: usize = 48;
    /// The extension with the key share: its group, its point.
    pub const KEY_SHARE: usize = 50;
    pub const GROUP: usize = 54;
    pub const POINT: usize = 58;
}

/// The session id of the client stands in the way of places; this takes it out and puts it back.
fn hello(
    name: impl Into<String>,
    change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    alert: u8,
) -> Scenario {
    let flight = changed(at::HELLO, move |message| {
        let length = usize::from(message[place::SESSION_ID]);
        let start = place::SESSION_ID + 1;
        let id = message.drain(start..start + length).collect::<Vec<_>>();
        message[place::SESSION_ID] = 0;
        change(message);
        // Only if it still says that there is none.
        if message.get(place::SESSION_ID) == Some(&0) && message.len() > start {
            message[place::SESSION_ID] = length as u8;
            message.splice(start..start, id);
        }
        let body = message.split_off(4);
        *message = self::message(message[0], &body);
    });
    breach(name, flight, alert)
}

/// With another list of extensions.
fn extensions(
    name: &str,
    list: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
    alert: u8,
) -> Scenario {
    hello(
        name,
        move |message| {
            let old = message.split_off(place::EXTENSIONS);
            message.extend(list16(&list(&old[2..])));
        },
        alert,
    )
}

/// With another key share.
fn share(
    name: &str,
    group: u16,
    point: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> Scenario {
    extensions(
        name,
        move |old| {
            let point = point(&old[place::POINT - place::SUPPORTED_VERSION..]);
            let share = [&group.to_be_bytes()[..], &list16(&point)].concat();
            [extension(43, &[3, 4]), extension(51, &share)].concat()
        },
        alert::ILLEGAL_PARAMETER,
    )
}

pub fn all() -> Vec<Scenario> {
    [values(), lists(), shares(), shapes()]
        .into_iter()
        .flatten()
        .collect()
}

fn values() -> Vec<Scenario> {
    // Beside supported_versions this version has no meaning (RFC 8446, 4.2.1).
    let legacy = |name: &str, minor| Scenario {
        expected: Outcome::Works,
        ..hello(name, move |message| message[place::VERSION + 1] = minor, 0)
    };
    let illegal = alert::ILLEGAL_PARAMETER;
    let suite = |name: &str, high, low| {
        hello(
            name,
            move |message| message[place::SUITE..place::SUITE + 2].copy_from_slice(&[high, low]),
            illegal,
        )
    };
    let old = |message: &mut Vec<u8>, random_end: &[u8]| {
        // As a server that has no TLS 1.3.
        let end = place::RANDOM + 32;
        message[end - random_end.len()..end].copy_from_slice(random_end);
        message.truncate(place::EXTENSIONS);
        message.extend(list16(&extension(0xff01, &[0])));
        message[place::SUITE..place::SUITE + 2].copy_from_slice(&[0xc0, 0x2b]);
    };
    vec![
        legacy("legacy version TLS 1.1", 2),
        legacy("legacy version 3.4", 4),
        hello(
            "TLS 1.2",
            move |message| old(message, &[]),
            alert::PROTOCOL_VERSION,
        ),
        hello(
            "TLS 1.2, and the mark of a downgrade",
            move |message| old(message, b"DOWNGRD\x01"),
            alert::PROTOCOL_VERSION,
        ),
        hello(
            "TLS 1.2 selected by extension",
            |message| message[place::SELECTED_VERSION + 1] = 3,
            illegal,
        ),
        hello(
            "TLS 1.4",
            |message| message[place::SELECTED_VERSION + 1] = 5,
            illegal,
        ),
        hello(
            "a draft of TLS 1.3",
            |message| {
                message[place::SELECTED_VERSION..place::KEY_SHARE].copy_from_slice(&[0x7f, 28])
            },
            illegal,
        ),
        suite("suite of TLS 1.2", 0xc0, 0x2b),
        suite("suite 0", 0, 0),
        suite("suite AES_128_CCM", 0x13, 4),
        suite("suite AES_128_CCM_8", 0x13, 5),
        suite("suite that nobody knows", 0x13, 0x7f),
        hello(
            "compression",
            |message| message[place::COMPRESSION] = 1,
            illegal,
        ),
        hello(
            "another session id",
            |message| {
                message[place::SESSION_ID] = 32;
                let start = place::SESSION_ID + 1;
                message.splice(start..start, [7; 32]);
            },
            illegal,
        ),
        hello(
            "a session id of one byte",
            |message| {
                message[place::SESSION_ID] = 1;
                message.insert(place::SESSION_ID + 1, 7);
            },
            illegal,
        ),
        hello(
            "a session id of 33 bytes",
            |message| {
                message[place::SESSION_ID] = 33;
                let start = place::SESSION_ID + 1;
                message.splice(start..start, [7; 33]);
            },
            illegal,
        ),
    ]
}

fn lists() -> Vec<Scenario> {
    let added = |name: &str, kind: u16, data: &'static [u8], alert| {
        extensions(
            name,
            move |old| [old, &extension(kind, data)].concat(),
            alert,
        )
    };
    let at = place::KEY_SHARE - place::SUPPORTED_VERSION;
    let illegal = alert::ILLEGAL_PARAMETER;
    vec![
        extensions(
            "no key share",
            move |old| old[..at].to_vec(),
            alert::MISSING_EXTENSION,
        ),
        extensions(
            "no version",
            move |old| old[at..].to_vec(),
            alert::PROTOCOL_VERSION,
        ),
        extensions("no extensions", |_| vec![], alert::PROTOCOL_VERSION),
        extensions(
            "version twice",
            move |old| [old, &old[..at]].concat(),
            illegal,
        ),
        extensions(
            "key share twice",
            move |old| [old, &old[at..]].concat(),
            illegal,
        ),
        added(
            "extension that nobody asked for",
            0xfafa,
            &[],
            alert::UNSUPPORTED_EXTENSION,
        ),
        added(
            "pre-shared key that nobody offered",
            41,
            &[0, 0],
            alert::UNSUPPORTED_EXTENSION,
        ),
        added(
            "heartbeat that nobody asked for",
            15,
            &[1],
            alert::UNSUPPORTED_EXTENSION,
        ),
        added("server name in ServerHello", 0, &[], illegal),
        added(
            "protocol in ServerHello",
            16,
            b"\0\x0f\x0ex-amzn-mqtt-ca",
            illegal,
        ),
        added("groups in ServerHello", 10, &[0, 2, 0, 23], illegal),
        added(
            "cookie in ServerHello",
            44,
            &[0, 1, 7],
            alert::UNSUPPORTED_EXTENSION,
        ),
    ]
}

fn shares() -> Vec<Scenario> {
    let mut list = vec![
        share("point as of another group", 24, <[u8]>::to_vec),
        share("share on P-384", 24, |_| [&[4], &[7; 96][..]].concat()),
        share("share on X448", 30, |_| vec![9; 56]),
        share("share on a group that nobody knows", 0xfafa, |_| {
            vec![9; 32]
        }),
        share("share on group 0", 0, <[u8]>::to_vec),
    ];
    list.extend(points());
    if TWO_GROUPS {
        list.extend(coordinates());
    }
    list
}

/// Shares on P-256.
fn points() -> Vec<Scenario> {
    let share = |name: &str, with: fn(&[u8]) -> Vec<u8>| {
        let mut scenario = share(name, P256, with);
        if TWO_GROUPS {
            let retry = [
                Retry(extension(51, &P256.to_be_bytes())),
                Await(Event::Hello),
            ];
            scenario.flight.splice(0..0, retry);
        }
        scenario
    };
    vec![
        share("point beside the curve", |point| {
            let mut point = point.to_vec();
            point[64] ^= 1;
            point
        }),
        share("point of zeroes", |_| [&[4], &[0; 64][..]].concat()),
        share("point of ones", |_| [&[4], &[0xff; 64][..]].concat()),
        share("point at infinity", |_| vec![0]),
        share("point without bytes", |_| vec![]),
        share("point in compressed form", |point| {
            [&[2 + (point[64] & 1)], &point[1..33]].concat()
        }),
        share("point in hybrid form", |point| {
            [&[6 + (point[64] & 1)], &point[1..]].concat()
        }),
        share("point of which a byte is missing", |point| {
            point[..64].to_vec()
        }),
        share("point with a byte too many", |point| [point, &[0]].concat()),
    ]
}

/// Shares on X25519. Those of small order make the shared secret zero (RFC 8446, 7.4.2).
fn coordinates() -> Vec<Scenario> {
    let share = |name: &str, with: fn(&[u8]) -> Vec<u8>| share(name, X25519, with);
    let p_and = |last: u8| [&[last][..], &[0xff; 30], &[0x7f]].concat();
    let small =
        |name: &str, coordinate: Vec<u8>| self::share(name, X25519, move |_| coordinate.clone());
    vec![
        small("coordinate 0", vec![0; 32]),
        small("coordinate 1", [&[1], &[0; 31][..]].concat()),
        small("coordinate p - 1", p_and(0xec)),
        small("coordinate p", p_and(0xed)),
        small("coordinate p + 1", p_and(0xee)),
        small(
            "coordinate of order 8",
            vec![
                0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
                0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
                0x5f, 0x49, 0xb8, 0x00,
            ],
        ),
        share("coordinate of 31 bytes", |coordinate| {
            coordinate[..31].to_vec()
        }),
        share("coordinate of 33 bytes", |coordinate| {
            [coordinate, &[0]].concat()
        }),
        share("coordinate without bytes", |_| vec![]),
        // We know this group, but sent no share on it.
        self::share("share on our other group", P256, |_| {
            // The point is what a SubjectPublicKeyInfo ends with.
            pki::key_info(&pki::key(pki::SERVER_KEY)).split_off(91 - 65)
        }),
    ]
}

fn shapes() -> Vec<Scenario> {
    let decode = alert::DECODE_ERROR;
    let cut =
        |name: &str, length: usize| hello(name, move |message| message.truncate(length), decode);
    vec![
        cut("ServerHello of no bytes", 4),
        cut("ServerHello of its version", 6),
        cut("ServerHello with half a random", 20),
        cut("ServerHello without suite", place::SUITE),
        cut("ServerHello with half a suite", place::SUITE + 1),
        cut("ServerHello without compression", place::COMPRESSION),
        cut("ServerHello with half a length", place::EXTENSIONS + 1),
        cut("ServerHello with half a point", place::POINT + 30),
        hello(
            "ServerHello with a byte too many",
            |message| message.push(0),
            decode,
        ),
        hello(
            "extensions longer than ServerHello",
            |message| message[place::EXTENSIONS + 1] += 1,
            decode,
        ),
        hello(
            "extensions shorter than ServerHello",
            |message| message[place::EXTENSIONS + 1] -= 1,
            decode,
        ),
        hello(
            "key share longer than the extensions",
            |message| message[place::KEY_SHARE + 3] += 1,
            decode,
        ),
        hello(
            "point longer than the key share",
            |message| message[place::GROUP + 3] += 1,
            decode,
        ),
        hello(
            "point shorter than the key share",
            |message| message[place::GROUP + 3] -= 1,
            decode,
        ),
        extensions(
            "key share of one byte",
            |_| [extension(43, &[3, 4]), extension(51, &[0])].concat(),
            decode,
        ),
        extensions(
            "version of one byte",
            |old| [extension(43, &[3]), old[6..].to_vec()].concat(),
            decode,
        ),
        extensions(
            "version of three bytes",
            |old| [extension(43, &[3, 4, 0]), old[6..].to_vec()].concat(),
            decode,
        ),
        breach(
            "ServerHello in one record with EncryptedExtensions",
            changed(at::HELLO, |message| {
                message.extend(self::message(8, &[0, 0]));
            }),
            alert::UNEXPECTED_MESSAGE,
        ),
        breach(
            "ServerHello and a byte of another message",
            changed(at::HELLO, |message| message.push(8)),
            alert::UNEXPECTED_MESSAGE,
        ),
        breach(
            "hello_retry_request of the drafts instead of ServerHello",
            changed(at::HELLO, |message| message[0] = 6),
            alert::UNEXPECTED_MESSAGE,
        ),
    ]
}
