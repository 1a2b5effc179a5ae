//! Parsing: whole messages, and the same ones cut, stretched and changed.

use super::super::{
    alert::Alert,
    codec::{Reader, Writer},
    hello::{ClientHello, Limit, Offered, ServerHello, read_server_hello},
    messages::{
        Limited, read_certificate, read_certificate_request, read_certificate_verify,
        read_encrypted_extensions, read_ticket,
    },
    suite::{Group, Suite},
};

const SESSION: [u8; 32] = [0xab; 32];
const ALPN: &[u8] = b"x-amzn-mqtt-ca";

const OFFERED: Offered = Offered {
    host: true,
    alpn: true,
    limit: Limit::Size(1000),
    tickets: false,
    ticket: false,
};

fn vector(length: usize, bytes: &[u8]) -> Vec<u8> {
    let size = (bytes.len() as u32).to_be_bytes();
    [&size[4 - length..], bytes].concat()
}

fn extension(kind: u16, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(2, bytes)].concat()
}

/// The body of a ServerHello with these extensions.
fn server_hello(random: &[u8; 32], extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random);
    body.extend(vector(1, &SESSION));
    body.extend([0x13, 1, 0]);
    body.extend(vector(2, &extensions.concat()));
    body
}

fn share() -> Vec<u8> {
    extension(51, &[&[0, 23][..], &vector(2, &[4; 65])].concat())
}

fn version() -> Vec<u8> {
    extension(43, &[3, 4])
}

const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

fn retry() -> Vec<u8> {
    let cookie = extension(44, &vector(2, b"cookie"));
    server_hello(&RETRY, &[version(), extension(51, &[0, 23]), cookie])
}

fn encrypted_extensions() -> Vec<u8> {
    let list = [
        extension(0, &[]),
        extension(10, &vector(2, &[0, 23, 0, 29])),
        extension(16, &vector(2, &vector(1, ALPN))),
        extension(28, &[4, 0]),
    ];
    vector(2, &list.concat())
}

fn certificate() -> Vec<u8> {
    let entry = |der: &[u8]| [vector(3, der), vec![0, 0]].concat();
    let list = [entry(b"leaf"), entry(b"intermediate")].concat();
    [vec![0], vector(3, &list)].concat()
}

fn request() -> Vec<u8> {
    let list = [
        extension(13, &vector(2, &[4, 3, 0xfe, 0xed])),
        extension(0xfafa, b"whatever"),
    ];
    [vec![0], vector(2, &list.concat())].concat()
}

fn ticket() -> Vec<u8> {
    [
        vec![0, 0, 1, 0, 1, 2, 3, 4],
        vector(1, &[9, 9]),
        vector(2, b"ticket"),
        vector(2, &extension(42, &[0, 0, 1, 0])),
    ]
    .concat()
}

fn read_hello(body: &[u8]) -> Result<(), Alert> {
    read_server_hello(body, &SESSION, OFFERED).map(drop)
}

fn read_extensions(body: &[u8]) -> Result<(), Alert> {
    read_encrypted_extensions(body, Some(ALPN), Limit::Size(1000), OFFERED).map(drop)
}

type Parser = fn(&[u8]) -> Result<(), Alert>;

/// Each kind of message with its parser.
fn all() -> Vec<(&'static str, Vec<u8>, Parser)> {
    vec![
        (
            "ServerHello",
            server_hello(&[1; 32], &[version(), share()]),
            read_hello,
        ),
        ("HelloRetryRequest", retry(), read_hello),
        (
            "EncryptedExtensions",
            encrypted_extensions(),
            read_extensions,
        ),
        ("CertificateRequest", request(), |body| {
            read_certificate_request(body).map(drop)
        }),
        ("Certificate", certificate(), |body| {
            read_certificate(body).map(drop)
        }),
        (
            "CertificateVerify",
            [&[4, 3][..], &vector(2, &[7; 70])].concat(),
            |body| read_certificate_verify(body).map(drop),
        ),
        ("NewSessionTicket", ticket(), |body| {
            read_ticket(Reader::new(body)).map(drop)
        }),
    ]
}

#[test]
fn whole_messages_are_read() {
    for (name, body, read) in all() {
        assert_eq!(read(&body), Ok(()), "{name}");
    }
    let hello = server_hello(&[1; 32], &[share(), version()]);
    assert_eq!(
        read_server_hello(&hello, &SESSION, OFFERED),
        Ok(ServerHello::Go {
            suite: Suite::Aes128GcmSha256,
            group: Group::Secp256r1,
            share: &[4; 65],
            resumes: false,
        })
    );
    assert_eq!(
        read_server_hello(&retry(), &SESSION, OFFERED),
        Ok(ServerHello::Retry {
            suite: Suite::Aes128GcmSha256,
            group: Some(Group::Secp256r1),
            cookie: Some(b"cookie"),
        })
    );
    let limited = read_encrypted_extensions(
        &encrypted_extensions(),
        Some(ALPN),
        Limit::Size(1000),
        OFFERED,
    );
    assert_eq!(limited, Ok(Limited::Size(0x400)));
    let schemes = request();
    let schemes = read_certificate_request(&schemes).unwrap();
    assert_eq!(schemes.collect::<Vec<_>>(), [0x0403, 0xfeed]);
    let chain = certificate();
    let chain = read_certificate(&chain).unwrap();
    assert_eq!(
        chain.collect::<Vec<_>>(),
        [&b"leaf"[..], &b"intermediate"[..]]
    );
}

#[test]
fn no_cut_message_is_read() {
    for (name, body, read) in all() {
        for length in 0..body.len() {
            let outcome = read(&body[..length]);
            // A ServerHello may end where TLS 1.2 has no extensions.
            let expected = if name.ends_with("Hello") || name.starts_with("Hello") {
                outcome == Err(Alert::DecodeError) || outcome == Err(Alert::ProtocolVersion)
            } else {
                outcome == Err(Alert::DecodeError)
            };
            assert!(expected, "{name} {length} {outcome:?}");
        }
        let longer = [&body[..], &[0]].concat();
        assert_eq!(read(&longer), Err(Alert::DecodeError), "{name}");
    }
}

#[test]
fn changed_messages_do_no_harm() {
    for (_, body, read) in all() {
        for at in 0..body.len() {
            for value in 0..=255 {
                let mut changed = body.clone();
                changed[at] = value;
                // Whatever it says now: it must not panic.
                let _ = read(&changed);
                changed.truncate(at + 1);
                let _ = read(&changed);
            }
        }
    }
}

#[test]
fn every_wrong_length_is_refused() {
    // Where the lengths are, in messages that have nothing but lengths and bytes.
    let cases: [(Vec<u8>, Parser, &[usize]); 3] = [
        (certificate(), all()[4].2, &[1, 2, 3, 4, 5, 6, 11, 12]),
        (all()[5].1.clone(), all()[5].2, &[2, 3]),
        (ticket(), all()[6].2, &[8, 11, 12, 19, 20, 23, 24]),
    ];
    for (body, read, places) in cases {
        for &at in places {
            for change in [1, 0xff, 0x80, 7] {
                let mut changed = body.clone();
                changed[at] = changed[at].wrapping_add(change);
                assert!(read(&changed).is_err(), "{at} {change}");
            }
        }
    }
}

#[test]
fn what_stands_twice_is_refused() {
    let illegal = Err(Alert::IllegalParameter);
    for list in [
        [version(), version(), share()],
        [version(), share(), share()],
    ] {
        assert_eq!(read_hello(&server_hello(&[1; 32], &list)), illegal);
    }
    let list = encrypted_extensions();
    let (_, list) = list.split_at(2);
    let mut reader = Reader::new(list);
    while !reader.is_empty() {
        let (kind, _) = reader.extension().unwrap();
        let mut copy = Reader::new(list);
        let mut again = Vec::new();
        while !copy.is_empty() {
            let (other, mut contents) = copy.extension().unwrap();
            if other == kind {
                let length = list.len();
                let bytes = (0..length).map_while(|_| contents.u8().ok());
                again = extension(kind, &bytes.collect::<Vec<_>>());
            }
        }
        let twice = vector(2, &[list, &again].concat());
        assert_eq!(read_extensions(&twice), illegal, "{kind}");
    }
}

#[test]
fn what_was_not_offered_is_refused() {
    let extensions = |kind, bytes: &[u8]| read_extensions(&vector(2, &extension(kind, bytes)));
    // Offered, but not for this message.
    for kind in [13, 43, 50, 51] {
        assert_eq!(extensions(kind, &[]), Err(Alert::IllegalParameter));
    }
    for kind in [1, 5, 18, 41, 42, 44, 0xfafa] {
        assert_eq!(extensions(kind, &[]), Err(Alert::UnsupportedExtension));
    }
    for kind in [0, 10, 16] {
        let list = [version(), share(), extension(kind, &[])];
        let hello = server_hello(&[1; 32], &list);
        assert_eq!(read_hello(&hello), Err(Alert::IllegalParameter));
    }
    for kind in [41, 44, 0xfafa] {
        let list = [version(), share(), extension(kind, &[])];
        let hello = server_hello(&[1; 32], &list);
        assert_eq!(read_hello(&hello), Err(Alert::UnsupportedExtension));
    }
    let alpn = |name: &[u8]| extensions(16, &vector(2, &vector(1, name)));
    assert_eq!(alpn(ALPN), Ok(()));
    assert_eq!(alpn(b"http/1.1"), Err(Alert::IllegalParameter));
    assert_eq!(extensions(28, &[0, 64]), Ok(()));
    assert_eq!(extensions(28, &[0, 63]), Err(Alert::IllegalParameter));
}

#[test]
fn extensions_of_other_messages_are_refused() {
    let schemes = extension(13, &vector(2, &[4, 3]));
    let request = |kind| {
        let list = [&schemes[..], &extension(kind, &[])].concat();
        read_certificate_request(&[vec![0], vector(2, &list)].concat()).map(drop)
    };
    let ticket = |kind| {
        let mut body = vec![0, 0, 1, 0, 1, 2, 3, 4, 0];
        body.extend(vector(2, b"ticket"));
        body.extend(vector(2, &extension(kind, &[])));
        read_ticket(Reader::new(&body)).map(drop)
    };
    // Those that this client knows and that are not for these messages (RFC 8446, 4.2).
    for kind in [0, 1, 10, 16, 28, 41, 43, 44, 45, 51] {
        assert_eq!(request(kind), Err(Alert::IllegalParameter), "{kind}");
        assert_eq!(ticket(kind), Err(Alert::IllegalParameter), "{kind}");
    }
    assert_eq!(request(42), Err(Alert::IllegalParameter));
    for kind in [13, 50] {
        assert_eq!(ticket(kind), Err(Alert::IllegalParameter), "{kind}");
    }
    for kind in [5, 18, 47, 48, 50, 0xfafa] {
        assert_eq!(request(kind), Ok(()), "{kind}");
    }
    assert_eq!(ticket(0xfafa), Ok(()));
}

#[test]
fn the_client_hello_is_as_long_as_it_says() {
    let hello = ClientHello {
        random: &[1; 32],
        session_id: &[2; 32],
        host: Some("a.example.com"),
        alpn: Some(ALPN),
        limit: Limit::Fragment(2),
        schemes: &[0x0403],
        certificate_schemes: &[0x0403, 0x0401],
        group: Group::Secp256r1,
        share: &[4; 65],
        cookie: Some(b"cookie"),
        tickets: None,
    };
    let mut out = [0; 400];
    let mut writer = Writer::new(&mut out);
    hello.write(&mut writer);
    let length = writer.finish().unwrap();
    let mut reader = Reader::new(&out[..length]);
    assert_eq!(reader.u8(), Ok(1));
    let mut body = Reader::new(reader.vector24().unwrap());
    assert_eq!(reader.end(), Ok(()));
    assert_eq!(body.bytes(34).unwrap()[..2], [3, 3]);
    assert_eq!(body.vector8(), Ok(&[2; 32][..]));
    assert_eq!(body.vector16().unwrap()[..2], [0x13, 1]);
    assert_eq!(body.vector8(), Ok(&[0][..]));
    let mut list = Reader::new(body.vector16().unwrap());
    assert_eq!(body.end(), Ok(()));
    let mut kinds = Vec::new();
    while !list.is_empty() {
        kinds.push(list.extension().unwrap().0);
    }
    kinds.sort();
    assert_eq!(kinds, [0, 1, 10, 13, 16, 43, 44, 50, 51]);
    // Without enough room the size is told.
    let mut writer = Writer::new(&mut out[..100]);
    hello.write(&mut writer);
    assert_eq!(writer.finish(), Err(length));
}

#[test]
fn a_client_hello_fits_the_smallest_buffer() {
    let host = "a".repeat(253);
    let hello = ClientHello {
        random: &[1; 32],
        session_id: &[2; 32],
        host: Some(&host),
        alpn: Some(ALPN),
        limit: Limit::Size(1000),
        schemes: crate::tls::SIGNATURE_SCHEMES,
        certificate_schemes: crate::tls::CERTIFICATE_SIGNATURE_SCHEMES,
        group: Group::Secp256r1,
        share: &[4; 65],
        cookie: None,
        tickets: None,
    };
    let mut out = [0; crate::tls::MIN_TX];
    let mut writer = Writer::new(&mut out);
    hello.write(&mut writer);
    assert!(writer.finish().is_ok());
}
