//! Certificate chains.

use iot_thing::tls::{Clock, Inputs, KeyInput, load, storage_needed, verify_chain};
use rustls_pki_types::ServerName;

use crate::pki;

/// The bytes are a list of certificates, each with two bytes of length before it.
pub fn run(data: &[u8]) {
    let mut chain = Vec::new();
    let mut rest = data;
    while let Some((&[high, low], tail)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(tail.len());
        let (certificate, tail) = tail.split_at(length);
        chain.push(certificate);
        rest = tail;
    }
    let Some((leaf, intermediates)) = chain.split_first() else {
        return;
    };
    let (certificate, key, ca) = (pki::client(), pki::sec1(pki::CLIENT_KEY), pki::root());
    let inputs = Inputs {
        certificate: &certificate,
        key: KeyInput::Bytes(&key),
        ca: &ca,
    };
    let mut storage = vec![0; storage_needed(&inputs).unwrap()];
    let credentials = load(&inputs, &mut storage).unwrap();
    let verified = verify_chain(
        leaf,
        intermediates.iter().copied(),
        credentials.roots(),
        &ServerName::try_from(pki::HOST).unwrap(),
        Clock::At(pki::NOW),
    );
    if verified.is_ok() {
        // What was signed is what was signed; its signature has more than one form.
        let server = pki::server();
        let signed = signed(&server);
        assert!(leaf.windows(signed.len()).any(|window| window == signed));
    }
}

/// The part of a certificate that is signed: the first element of the sequence.
fn signed(certificate: &[u8]) -> &[u8] {
    let header = |der: &[u8]| match der[1] {
        0x81 => (3, usize::from(der[2])),
        0x82 => (4, usize::from(u16::from_be_bytes([der[2], der[3]]))),
        _ => panic!("another form of certificate"),
    };
    let contents = &certificate[header(certificate).0..];
    let (start, length) = header(contents);
    &contents[..start + length]
}

fn list(chain: &[Vec<u8>]) -> Vec<u8> {
    chain
        .iter()
        .flat_map(|certificate| {
            [&(certificate.len() as u16).to_be_bytes(), &certificate[..]].concat()
        })
        .collect()
}

/// The usual chain, and others.
pub fn seeds() -> Vec<Vec<u8>> {
    let (server, ca, root) = (pki::server(), pki::intermediate(), pki::root());
    vec![
        list(&[server.clone(), ca.clone()]),
        list(&[server.clone(), ca, root]),
        list(&[server]),
        list(&[pki::client()]),
    ]
}
