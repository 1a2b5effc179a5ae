//! The verifier on chains that are made to be difficult; tests/limbo.rs has the common ones.

#[path = "hostile_tls/pki.rs"]
mod pki;

use iot_thing::{
    Error,
    tls::{Clock, parse_certificates, verify_chain},
};
use rustls_pki_types::ServerName;

/// Verifies a chain, its leaf first, under these roots.
fn verify(chain: &[Vec<u8>], roots: &[Vec<u8>], clock: Clock) -> Result<(), Error> {
    let (chain, roots) = (chain.concat(), roots.concat());
    let (chain, _) = parse_certificates(&chain, &mut [], Error::CertMalformed).unwrap();
    let (roots, _) = parse_certificates(&roots, &mut [], Error::CaCerts).unwrap();
    let host = ServerName::try_from(pki::HOST).unwrap();
    let mut chain = chain.iter();
    let leaf = chain.next().unwrap();
    verify_chain(leaf, chain, roots, &host, clock).map(|_| ())
}

const NOW: Clock = Clock::At(pki::NOW);

/// A certificate of a CA with the key of this number.
fn ca(subject: &str, key: u8, issuer: &str, issuer_key: u8) -> Vec<u8> {
    pki::Spec::ca(subject, issuer, &pki::key(key)).sign(&pki::key(issuer_key))
}

#[test]
fn the_key_of_a_server_must_be_for_signatures() {
    let with_usage = |value: &[u8]| {
        let mut leaf = pki::Spec::leaf("server", "ca", &pki::key(pki::SERVER_KEY));
        leaf.further.push((pki::KEY_USAGE, true, value.to_vec()));
        let leaf = leaf.sign(&pki::key(pki::CA_KEY));
        verify(&[leaf, pki::intermediate()], &[pki::root()], NOW)
    };
    // digitalSignature, alone and with keyEncipherment.
    assert_eq!(with_usage(&[3, 2, 7, 0x80]), Ok(()));
    assert_eq!(with_usage(&[3, 2, 5, 0xa0]), Ok(()));
    // keyEncipherment; keyAgreement; keyCertSign.
    assert_eq!(with_usage(&[3, 2, 5, 0x20]), Err(Error::CertUsage));
    assert_eq!(with_usage(&[3, 2, 3, 8]), Err(Error::CertUsage));
    assert_eq!(with_usage(&[3, 2, 2, 4]), Err(Error::CertUsage));
    // No use at all, and what is no list of uses.
    assert_eq!(with_usage(&[3, 1, 0]), Err(Error::CertMalformed));
    assert_eq!(with_usage(&[4, 2, 7, 0x80]), Err(Error::CertMalformed));
}

#[test]
fn surplus_and_cross_signed_certificates_do_no_harm() {
    // As AWS does it: the root that is trusted comes again, signed by an older one, which is not.
    let cross_signed = ca("root", pki::ROOT_KEY, "older", 40);
    let older = ca("older", 40, "older", 40);
    let stranger = ca("stranger", 41, "stranger", 41);
    let (leaf, intermediate) = (pki::server(), pki::intermediate());
    let good = [leaf.clone(), intermediate.clone()];
    for surplus in [
        vec![],
        vec![cross_signed.clone()],
        vec![cross_signed.clone(), older.clone()],
        vec![cross_signed.clone(), older, stranger.clone(), leaf.clone()],
        vec![leaf.clone(), leaf.clone(), leaf.clone(), stranger.clone()],
    ] {
        let chain = [&good[..], &surplus].concat();
        assert_eq!(
            verify(&chain, &[pki::root()], NOW),
            Ok(()),
            "{}",
            surplus.len()
        );
    }
    // In another order, and under either of several roots.
    let chain = [
        leaf.clone(),
        cross_signed,
        stranger.clone(),
        intermediate.clone(),
    ];
    assert_eq!(
        verify(&chain, &[stranger.clone(), pki::root()], NOW),
        Ok(())
    );
    assert_eq!(
        verify(&chain, &[pki::root(), stranger.clone()], NOW),
        Ok(())
    );
    assert_eq!(
        verify(&chain, std::slice::from_ref(&stranger), NOW),
        Err(Error::CertUnknownIssuer)
    );
    // The seventh is not looked at.
    let mut chain = vec![leaf];
    chain.extend(vec![stranger; 5]);
    chain.push(intermediate);
    assert_eq!(
        verify(&chain, &[pki::root()], NOW),
        Err(Error::CertUnknownIssuer)
    );
}

#[test]
fn as_many_roots_as_documented() {
    let chain = [pki::server(), pki::intermediate()];
    let mut roots = vec![ca("stranger", 41, "stranger", 41); 15];
    roots.push(pki::root());
    assert_eq!(verify(&chain, &roots, NOW), Ok(()));
    roots.push(pki::root());
    assert_eq!(verify(&chain, &roots, NOW), Err(Error::CaCerts));
}

#[test]
fn look_alikes_cannot_keep_us_busy() {
    // Five CAs of the same name, each of which could have issued each other and the leaf.
    let mut chain =
        vec![pki::Spec::leaf("server", "x", &pki::key(pki::SERVER_KEY)).sign(&pki::key(20))];
    chain.extend((21..26).map(|key| ca("x", key, "x", 20)));
    let roots = [ca("x", 30, "x", 30), ca("x", 31, "x", 31)];
    assert_eq!(verify(&chain, &roots, NOW), Err(Error::CertMalformed));
}

#[test]
fn twelve_signatures_are_verified_and_no_more() {
    // Roots of the same name and of other keys are tried before the one that signed.
    let chain = [pki::server(), pki::intermediate()];
    for (others, expected) in [
        (0, Ok(())),
        (10, Ok(())),
        (11, Err(Error::CertMalformed)),
        (14, Err(Error::CertMalformed)),
    ] {
        let mut roots = vec![ca("root", 41, "root", 41); others];
        roots.push(pki::root());
        assert_eq!(verify(&chain, &roots, NOW), expected, "{others}");
    }
}

#[test]
fn a_lower_bound_of_the_time() {
    let dated = |from: &'static str, to: &'static str, subject, issuer, key, issuer_key| {
        let key = pki::key(key);
        let spec = if subject == "server" {
            pki::Spec::leaf(subject, issuer, &key)
        } else {
            pki::Spec::ca(subject, issuer, &key)
        };
        pki::Spec {
            not_before: from,
            not_after: to,
            ..spec
        }
        .sign(&pki::key(issuer_key))
    };
    // The CA from 2024 to 2028, the leaf from 2026 to 2027.
    let ca = dated(
        "20240101000000Z",
        "20280101000000Z",
        "ca",
        "root",
        pki::CA_KEY,
        pki::ROOT_KEY,
    );
    let leaf = |from, to| dated(from, to, "server", "ca", pki::SERVER_KEY, pki::CA_KEY);
    let chain = [leaf("20260101000000Z", "20270101000000Z"), ca.clone()];
    let (start, end) = (1_767_225_600, 1_798_761_600);
    for (clock, expected) in [
        (Clock::At(start), Ok(())),
        (Clock::At(start - 1), Err(Error::CertNotYetValid)),
        (Clock::At(end + 1), Err(Error::CertExpired)),
        (Clock::AtLeast(1), Ok(())),
        (Clock::AtLeast(start - 1), Ok(())),
        (Clock::AtLeast(end), Ok(())),
        (Clock::AtLeast(end + 1), Err(Error::CertExpired)),
        (Clock::Unknown, Err(Error::CertTimeUnknown)),
    ] {
        assert_eq!(verify(&chain, &[pki::root()], clock), expected, "{clock:?}");
    }
    // A leaf that begins when its CA has ended was never good.
    let chain = [leaf("20290101000000Z", "20300101000000Z"), ca];
    assert!(verify(&chain, &[pki::root()], Clock::AtLeast(1)).is_err());
    // When the leaf begins, one of two certificates of its CA has ended, and the other not begun.
    let of_ca = |from, to| dated(from, to, "ca", "root", pki::CA_KEY, pki::ROOT_KEY);
    let ended = of_ca("20240101000000Z", "20250101000000Z");
    let later = of_ca("20270101000000Z", "20300101000000Z");
    let leaf_then = leaf("20260101000000Z", "20290101000000Z");
    for cas in [[&ended, &later], [&later, &ended]] {
        let chain = [leaf_then.clone(), cas[0].clone(), cas[1].clone()];
        assert_eq!(verify(&chain, &[pki::root()], Clock::AtLeast(1)), Ok(()));
    }
    let chain = [leaf_then, ended];
    assert!(verify(&chain, &[pki::root()], Clock::AtLeast(1)).is_err());
    // What is not signed by the right one is not excused by the time.
    let forged = dated(
        "20260101000000Z",
        "20270101000000Z",
        "server",
        "ca",
        pki::SERVER_KEY,
        9,
    );
    let chain = [forged, pki::intermediate()];
    let verdict = verify(&chain, &[pki::root()], Clock::AtLeast(1));
    assert_eq!(verdict, Err(Error::CertSignature));
}

#[test]
fn a_clock_that_is_behind_is_none() {
    for (time, earliest, expected) in [
        (0, 0, Clock::Unknown),
        (5, 0, Clock::At(5)),
        (5, 5, Clock::At(5)),
        (4, 5, Clock::AtLeast(5)),
        (0, 5, Clock::AtLeast(5)),
    ] {
        assert_eq!(Clock::new(time, earliest), expected);
    }
}
