//! The verifier against the cases of x509-limbo (C2SP) in which a client verifies a server by a DNS
//! name or an IP address. Where we decide otherwise than the case expects, the list below says why
//! nobody outside can make use of it. Skipped, in words, where the file with the cases is absent.

use std::{collections::BTreeSet, fs, path::PathBuf};

use iot_thing::{
    Error,
    tls::{Clock, parse_certificates, verify_chain},
};
use rustls_pki_types::ServerName;
use serde_json::Value;

/// Relative to the repository.
const CASES: &str = "../shared/data/x509-limbo-core.json";

/// When cases that do not say take place: 2025-01-01.
const NOW: u64 = 1_735_689_600;

/// The cases that we decide otherwise, by the reason why nobody outside can make use of it.
const DEVIATIONS: &[(&str, &[&str])] = &[
    (
        "Accepted: what is wrong is the root itself, which whoever configured the device chose. Of a \
         root its name, key and name constraints are used, as of any trust anchor (RFC 5280 6.1.1).",
        &[
            "rfc5280::ski::root-missing-ski",
            "rfc5280::validity::expired-root",
            "rfc5280::ca-empty-subject",
            "rfc5280::unknown-critical-extension-root",
            "rfc5280::root-missing-basic-constraints",
            "rfc5280::root-non-critical-basic-constraints",
            "rfc5280::root-inconsistent-ca-extensions",
            "rfc5280::nc::permitted-dns-match-noncritical",
            "rfc5280::nc::invalid-dnsname-leading-period",
            "webpki::aki::root-with-aki-missing-keyidentifier",
            "webpki::aki::root-with-aki-authoritycertissuer",
            "webpki::aki::root-with-aki-authoritycertserialnumber",
            "webpki::aki::root-with-aki-all-fields",
            "webpki::aki::root-with-aki-ski-mismatch",
            "webpki::eku::root-has-eku",
            "webpki::forbidden-rsa-not-divisible-by-8-in-root",
        ],
    ),
    (
        "Accepted: a trusted CA issued a certificate in a form that it should not have; who is \
         named, for what use, for how long and under which constraints is as it says, and only \
         that CA can make one.",
        &[
            "rfc5280::aki::critical-aki",
            "rfc5280::aki::leaf-missing-aki",
            "rfc5280::aki::intermediate-missing-aki",
            "rfc5280::aki::cross-signed-root-missing-aki",
            "rfc5280::nc::not-allowed-in-ee-noncritical",
            "rfc5280::nc::not-allowed-in-ee-critical",
            "rfc5280::pc::ica-noncritical-pc",
            "rfc5280::san::noncritical-with-empty-subject",
            "rfc5280::san::underscore-dns",
            "rfc5280::serial::too-long",
            "rfc5280::serial::zero",
            "rfc5280::ski::critical-ski",
            "rfc5280::ski::intermediate-missing-ski",
            "rfc5280::leaf-ku-keycertsign",
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-null",
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences",
            "webpki::san::san-critical-with-nonempty-subject",
            "webpki::malformed-aia",
            "webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf",
        ],
    ),
    (
        "Accepted: the common name, which differs from the alternative names, is never looked at.",
        &[
            "webpki::cn::ipv4-hex-mismatch",
            "webpki::cn::ipv4-leading-zeros-mismatch",
            "webpki::cn::ipv6-uppercase-mismatch",
            "webpki::cn::ipv6-uncompressed-mismatch",
            "webpki::cn::ipv6-non-rfc5952-mismatch",
            "webpki::cn::punycode-not-in-san",
            "webpki::cn::utf8-vs-punycode-mismatch",
            "webpki::cn::not-in-san",
            "webpki::cn::case-mismatch",
        ],
    ),
    (
        "Accepted: a rule of the public web's CAs only. RFC 5280 lets a certificate say that it is \
         for any use, or say nothing of it, or say so critically. A CA that issues certificates for \
         other uses under the name of a server does not exist in a device's PKI.",
        &[
            "webpki::eku::ee-anyeku",
            "webpki::eku::ee-critical-eku",
            "webpki::eku::ee-without-eku",
        ],
    ),
    (
        "Accepted: which names are public suffixes is a list of the web. The endpoint is one full \
         name that was configured, and only a CA can issue a wildcard for it.",
        &[
            "webpki::san::public-suffix-multi-label-wildcard-san",
            "webpki::san::public-suffix-private-namespace-wildcard-san",
        ],
    ),
    (
        "Accepted: these cases hand the verifier a revocation list. A device has none, and nobody to \
         ask before it is connected; that revocation is not checked is said in docs/security.md.",
        &[
            "crl::revoked-certificate-with-crl",
            "crl::crlnumber-missing",
            "crl::crlnumber-critical",
            "crl::issuer-missing-crlsign",
        ],
    ),
    (
        "Accepted: these cases ask for a limit of the path that is lower than ours.",
        &[
            "pathlen::max-chain-depth-0-exhausted",
            "pathlen::max-chain-depth-1-exhausted",
        ],
    ),
    #[cfg(not(feature = "p384"))]
    (
        "Refused: P-384 is verified with the feature p384 only.",
        &[
            "online::apple.com",
            "online::stackoverflow.com",
            "online::cloudflare.com",
            "online::akamai.com",
        ],
    ),
    (
        "Refused: a certificate of a CA as the server's own. Nobody gains by a refusal.",
        &[
            "pathlen::validation-ignores-pathlen-in-leaf",
            "rfc5280::ca-as-leaf",
        ],
    ),
    (
        "Refused: intermediates that carry their issuer's name count for lengths and constraints \
         like any other. Nobody gains by a refusal.",
        &[
            "pathlen::self-issued-certs-pathlen",
            "rfc5280::nc::permitted-self-issued",
        ],
    ),
];

fn cases() -> Option<Vec<Value>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(CASES);
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("SKIPPED: there is no {}", path.display());
        return None;
    };
    let root: Value = serde_json::from_str(&text).unwrap();
    Some(root["testcases"].as_array().unwrap().clone())
}

fn pems(list: &Value) -> String {
    let texts = list.as_array().unwrap().iter();
    texts.map(|pem| pem.as_str().unwrap()).collect()
}

/// Seconds since 1970 of a time like 2024-01-01T00:00:00+00:00.
fn seconds(text: &str) -> u64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    assert!(text.ends_with("+00:00") || text.ends_with('Z'), "{text}");
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let lengths = [
        31,
        if leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let days = (1970..year)
        .map(|year| if leap(year) { 366 } else { 365 })
        .sum::<u64>()
        + lengths[..month as usize - 1].iter().sum::<u64>()
        + day
        - 1;
    ((days * 24 + number(11..13)) * 60 + number(14..16)) * 60 + number(17..19)
}

fn decide(case: &Value) -> Result<(), Error> {
    let chain = case["peer_certificate"].as_str().unwrap().to_string()
        + &pems(&case["untrusted_intermediates"]);
    let roots = pems(&case["trusted_certs"]);
    let mut memory = vec![0; chain.len() + roots.len()];
    let (chain, rest) = parse_certificates(chain.as_bytes(), &mut memory, Error::CertMalformed)?;
    let (roots, _) = parse_certificates(roots.as_bytes(), rest, Error::CaCerts)?;
    let host = case["expected_peer_name"]["value"].as_str().unwrap();
    let host = ServerName::try_from(host).map_err(|_| Error::Endpoint)?;
    let time = case["validation_time"].as_str().map_or(NOW, seconds);
    let mut chain = chain.iter();
    let leaf = chain.next().unwrap();
    verify_chain(leaf, chain, roots, &host, Clock::At(time)).map(|_| ())
}

#[test]
fn every_case_of_limbo() {
    let Some(cases) = cases() else { return };
    let mut listed = DEVIATIONS
        .iter()
        .flat_map(|(_, ids)| ids.iter().copied())
        .collect::<BTreeSet<_>>();
    let deviations = listed.len();
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for case in &cases {
        let server = case["validation_kind"] == "SERVER";
        if !server || case["expected_peer_name"].is_null() {
            continue;
        }
        let id = case["id"].as_str().unwrap();
        let expected = case["expected_result"] == "SUCCESS";
        let decision = decide(case);
        if decision.is_ok() == expected {
            if expected {
                accepted += 1
            } else {
                refused += 1
            }
        } else if !listed.remove(id) {
            wrong.push(format!("{id}: {decision:?}"));
        }
    }
    println!(
        "limbo: {accepted} accepted and {refused} refused as wanted, {} otherwise",
        deviations - listed.len()
    );
    assert!(wrong.is_empty(), "not listed:\n{}", wrong.join("\n"));
    assert!(listed.is_empty(), "no deviations any more: {listed:?}");
}

#[test]
fn times_are_read() {
    assert_eq!(seconds("1970-01-01T00:00:00+00:00"), 0);
    assert_eq!(seconds("2024-03-01T12:30:15+00:00"), 1_709_296_215);
}
