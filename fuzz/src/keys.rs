//! What an application configures: private keys, certificates and roots, as PEM and DER.

use iot_thing::tls::{Inputs, KeyInput, load, storage_needed};

use crate::pki;

pub fn run(data: &[u8]) {
    let Some((&what, bytes)) = data.split_first() else {
        return;
    };
    let (certificate, key, ca) = (pki::client(), pki::sec1(pki::CLIENT_KEY), pki::root());
    let pick = |number: u8, usual| if what % 3 == number { bytes } else { usual };
    let inputs = Inputs {
        certificate: pick(0, &certificate),
        key: KeyInput::Bytes(pick(1, &key)),
        ca: pick(2, &ca),
    };
    let Ok(needed) = storage_needed(&inputs) else {
        return;
    };
    assert!(needed <= 3 * (bytes.len() + certificate.len() + key.len() + ca.len()) + 4096);
    let mut storage = vec![0; needed];
    if let Ok(credentials) = load(&inputs, &mut storage) {
        // What was taken can be used.
        assert!(credentials.chain().iter().next().is_some());
        assert!(credentials.roots().iter().next().is_some());
    }
    // One byte less than what is needed is noticed.
    if let Some(small) = storage.get_mut(1..) {
        let _ = load(&inputs, small);
    }
}

/// Every form, as itself and where another one should be.
pub fn seeds() -> Vec<Vec<u8>> {
    let key = pki::CLIENT_KEY;
    let forms = [
        pki::client(),
        pki::root(),
        pki::sec1(key),
        pki::pkcs8(key),
        pki::pem("CERTIFICATE", &pki::client()).into_bytes(),
        pki::pem("EC PRIVATE KEY", &pki::sec1(key)).into_bytes(),
        pki::pem("PRIVATE KEY", &pki::pkcs8(key)).into_bytes(),
        [
            pki::pem("CERTIFICATE", &pki::root()),
            "Subject: text between\r\n".into(),
            pki::pem("CERTIFICATE", &pki::client()).replace('\n', "\r\n"),
        ]
        .concat()
        .into_bytes(),
    ];
    let what = 0..3_u8;
    what.flat_map(|what| forms.iter().map(move |form| [&[what], &form[..]].concat()))
        .collect()
}
