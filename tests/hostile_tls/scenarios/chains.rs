//! Servers whose certificates do not lead to who they claim to be: group 7.

use super::*;
use crate::pki::{Spec, key};

/// The server's own certificate is this one.
fn leaf(name: &str, change: impl FnOnce(&mut Spec<'_>), error: Error, alert: u8) -> Scenario {
    scenario(
        name,
        honest::with_leaf(change),
        Outcome::refused(error, alert),
    )
}

fn chain(name: &str, chain: Vec<Vec<u8>>, error: Error, alert: u8) -> Scenario {
    scenario(
        name,
        honest::with_chain(chain),
        Outcome::refused(error, alert),
    )
}

pub fn all() -> Vec<Scenario> {
    [hosts(), times(), issuers(), uses(), contents()]
        .into_iter()
        .flatten()
        .collect()
}

fn hosts() -> Vec<Scenario> {
    let wrong = |name, names| {
        leaf(
            name,
            move |leaf| leaf.names = names,
            Error::CertHostName,
            alert::BAD_CERTIFICATE,
        )
    };
    vec![
        wrong("wrong host", &["other.example.com"]),
        wrong("wildcard in the middle", &["thing.*.com"]),
        wrong("wildcard for two labels", &["*.com"]),
        wrong("wildcard for half a label", &["th*.example.com"]),
        wrong("wildcard for everything", &["*"]),
        wrong("wildcard for no label", &["*.thing.example.com"]),
        wrong("name with NUL", &["thing.example.com\0.evil.org"]),
        wrong("name with a dot before it", &[".thing.example.com"]),
        wrong("name that ours begins with", &["thing.example.co"]),
        wrong(
            "name that begins with ours",
            &["thing.example.com.evil.org"],
        ),
        wrong("name with a space", &["thing.example.com "]),
        leaf(
            "common name only",
            |leaf| {
                leaf.subject = pki::HOST;
                leaf.names = &[];
            },
            Error::CertHostName,
            alert::BAD_CERTIFICATE,
        ),
        leaf(
            "common name is right, the names are not",
            |leaf| {
                leaf.subject = pki::HOST;
                leaf.names = &["other.example.com"];
            },
            Error::CertHostName,
            alert::BAD_CERTIFICATE,
        ),
    ]
}

fn times() -> Vec<Scenario> {
    let ca = |change: fn(&mut Spec<'_>)| {
        let mut ca = Spec::ca("ca", "root", &key(pki::CA_KEY));
        change(&mut ca);
        vec![pki::server(), ca.sign(&key(pki::ROOT_KEY))]
    };
    let mut list = vec![
        leaf(
            "expired a second ago",
            |leaf| leaf.not_after = "20251231235959Z",
            Error::CertExpired,
            alert::CERTIFICATE_EXPIRED,
        ),
        leaf(
            "valid in a second",
            |leaf| leaf.not_before = "20260101000001Z",
            Error::CertNotYetValid,
            alert::CERTIFICATE_EXPIRED,
        ),
        chain(
            "expired CA",
            ca(|ca| ca.not_after = "20251231235959Z"),
            Error::CertExpired,
            alert::CERTIFICATE_EXPIRED,
        ),
        chain(
            "CA valid in a second",
            ca(|ca| ca.not_before = "20260101000001Z"),
            Error::CertNotYetValid,
            alert::CERTIFICATE_EXPIRED,
        ),
        leaf(
            "ends before it begins",
            |leaf| {
                leaf.not_before = "20270101000000Z";
                leaf.not_after = "20250101000000Z";
            },
            Error::CertMalformed,
            alert::BAD_CERTIFICATE,
        ),
    ];
    let mut unknown = scenario(
        "unknown time",
        honest::flight(),
        Outcome::refused_silently(Error::CertTimeUnknown),
    );
    unknown.client.unix_time = 0;
    list.push(unknown);
    list
}

fn issuers() -> Vec<Scenario> {
    let signed = |ca: Spec<'_>, by: u8| vec![pki::server(), ca.sign(&key(by))];
    let ca = |issuer| Spec::ca("ca", issuer, &key(pki::CA_KEY));
    let unknown = |name, list| chain(name, list, Error::CertUnknownIssuer, alert::UNKNOWN_CA);
    let forged = |name, list| chain(name, list, Error::CertSignature, alert::BAD_CERTIFICATE);
    let own = Spec::leaf("server", "server", &key(pki::SERVER_KEY));
    let mut flipped = pki::server();
    *flipped.last_mut().unwrap() ^= 1;
    let own_root = Spec::ca("root", "root", &key(pki::OTHER_KEY)).sign(&key(pki::OTHER_KEY));
    vec![
        unknown("unknown issuer", signed(ca("other"), pki::OTHER_KEY)),
        unknown("missing intermediate", vec![pki::server()]),
        unknown("self-signed", vec![own.sign(&key(pki::SERVER_KEY))]),
        unknown(
            "own root in the chain",
            vec![
                pki::server(),
                ca("other").sign(&key(pki::OTHER_KEY)),
                Spec::ca("other", "other", &key(pki::OTHER_KEY)).sign(&key(pki::OTHER_KEY)),
            ],
        ),
        forged("forged intermediate", signed(ca("root"), pki::OTHER_KEY)),
        forged(
            "own root of the right name in the chain",
            vec![
                pki::server(),
                ca("root").sign(&key(pki::OTHER_KEY)),
                own_root,
            ],
        ),
        forged(
            "signature with a bit flipped",
            vec![flipped, pki::intermediate()],
        ),
        unknown(
            "certificates in reverse",
            vec![pki::intermediate(), pki::server()],
        )
        .expecting(Outcome::refused(
            Error::CertUsage,
            alert::UNSUPPORTED_CERTIFICATE,
        )),
    ]
}

impl Scenario {
    fn expecting(mut self, expected: Outcome) -> Self {
        self.expected = expected;
        self
    }
}

fn uses() -> Vec<Scenario> {
    let unfit = |name, list| chain(name, list, Error::CertUsage, alert::UNSUPPORTED_CERTIFICATE);
    let under = |change: fn(&mut Spec<'_>)| {
        let mut issuer = Spec::ca("ca", "root", &key(pki::CA_KEY));
        change(&mut issuer);
        vec![pki::server(), issuer.sign(&key(pki::ROOT_KEY))]
    };
    let no_more_cas = {
        // The CA "top" must not have CAs under it, but has one.
        let mut top = Spec::ca("top", "root", &key(pki::OTHER_KEY));
        top.ca = None;
        let value = pki::tlv(0x30, &[&[1, 1, 0xff], &[2, 1, 0]]);
        top.further.push((pki::BASIC_CONSTRAINTS, true, value));
        let ca = Spec::ca("ca", "top", &key(pki::CA_KEY)).sign(&key(pki::OTHER_KEY));
        vec![pki::server(), ca, top.sign(&key(pki::ROOT_KEY))]
    };
    let for_other_names = {
        // May certify names under example.org only.
        let subtree = pki::tlv(0x30, &[&pki::tlv(0x82, &[b"example.org"])]);
        let value = pki::tlv(0x30, &[&pki::tlv(0xa0, &[&subtree])]);
        let mut ca = Spec::ca("ca", "root", &key(pki::CA_KEY));
        ca.further.push((pki::NAME_CONSTRAINTS, true, value));
        vec![pki::server(), ca.sign(&key(pki::ROOT_KEY))]
    };
    vec![
        unfit("leaf as CA", under(|issuer| issuer.ca = Some(false))),
        unfit("CA without constraints", under(|issuer| issuer.ca = None)),
        unfit(
            "CA for clients",
            under(|issuer| issuer.usage = Some(pki::CLIENT_AUTH)),
        ),
        unfit("CA that may have no CA under it", no_more_cas),
        unfit("CA for other names", for_other_names),
        leaf(
            "certificate for clients",
            |leaf| leaf.usage = Some(pki::CLIENT_AUTH),
            Error::CertUsage,
            alert::UNSUPPORTED_CERTIFICATE,
        ),
        leaf(
            "CA as server",
            |leaf| leaf.ca = Some(true),
            Error::CertUsage,
            alert::UNSUPPORTED_CERTIFICATE,
        ),
    ]
}

fn contents() -> Vec<Scenario> {
    let mut short = pki::server();
    short.pop();
    let mut long = pki::server();
    long.push(0);
    let broken = |name, first| {
        chain(
            name,
            vec![first, pki::intermediate()],
            Error::CertMalformed,
            alert::BAD_CERTIFICATE,
        )
    };
    let unsupported = |name: &str, change: fn(&mut Spec<'_>)| {
        leaf(
            name,
            change,
            Error::CertUnsupported,
            alert::UNSUPPORTED_CERTIFICATE,
        )
    };
    vec![
        broken("certificate of which a byte is missing", short),
        broken("certificate with a byte too many", long),
        broken("certificate of zeroes", vec![0; 300]),
        broken(
            "certificate of one long length",
            vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        ),
        broken(
            "certificate that is a sequence of sequences",
            [0x30, 0x80].repeat(200),
        ),
        chain(
            "intermediate that is no certificate",
            vec![pki::server(), vec![0x30, 0]],
            Error::CertMalformed,
            alert::BAD_CERTIFICATE,
        ),
        unsupported("unknown critical extension", |leaf| {
            leaf.further.push((&[6, 3, 0x2a, 3, 4], true, vec![5, 0]));
        }),
        unsupported("RSA key that is none", |leaf| {
            leaf.key_info = pki::tlv(
                0x30,
                &[
                    &[
                        0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0,
                    ],
                    &[3, 3, 0, 0x30, 0],
                ],
            );
        }),
        {
            let mut scenario = unsupported("P-384 key", |leaf| {
                leaf.key_info = pki::tlv(
                    0x30,
                    &[
                        &[
                            0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81,
                            4, 0, 0x22,
                        ],
                        &pki::tlv(3, &[&[0, 4], &[7; 96]]),
                    ],
                );
            });
            // Then it is the proof, by another curve, that is refused.
            if cfg!(feature = "p384") {
                let alert = alert::ILLEGAL_PARAMETER;
                scenario.expected = Outcome::refused(Error::CertUnsupported, alert);
            }
            scenario
        },
        unsupported("Ed25519 key", |leaf| {
            leaf.key_info = pki::tlv(
                0x30,
                &[
                    &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70],
                    &pki::tlv(3, &[&[0], &[9; 32]]),
                ],
            );
        }),
        unsupported("signature of another kind", |leaf| {
            leaf.algorithm = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11, 5, 0];
        }),
        unsupported("signature with SHA-1", |leaf| {
            leaf.algorithm = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
        }),
    ]
}
