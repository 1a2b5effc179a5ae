//! Credentials in every form in which they are found in the field, and malformed in every place.

#[path = "hostile_tls/pki.rs"]
mod pki;

use iot_thing::{
    Error,
    tls::{
        Inputs, KeyInput, MAX_SIGNATURE, Random, SignatureForm, Signer, amazon_roots, load,
        storage_needed,
    },
};

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
