//! Certificates for tests, written by hand so that they can be wrong in any way; deterministic.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::{collections::BTreeMap, sync::Mutex};

use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    elliptic_curve::sec1::ToEncodedPoint as _,
};

/// 2026-01-01, when the tests take place.
pub const NOW: u64 = 1_767_225_600;
/// The server that the client wants to talk to.
pub const HOST: &str = "thing.example.com";

/// A TLV of DER.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let mut out = vec![tag];
    match contents.len() {
        length @ 0..=0x7f => out.push(length as u8),
        length @ 0x80..=0xff => out.extend([0x81, length as u8]),
        length => {
            out.push(0x82);
            out.extend((length as u16).to_be_bytes());
        }
    }
    out.extend(contents);
    out
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

const ECDSA_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
pub const BASIC_CONSTRAINTS: &[u8] = &[0x06, 3, 0x55, 0x1d, 19];
pub const KEY_USAGE: &[u8] = &[0x06, 3, 0x55, 0x1d, 15];
pub const ALT_NAME: &[u8] = &[0x06, 3, 0x55, 0x1d, 17];
pub const EXTENDED_USAGE: &[u8] = &[0x06, 3, 0x55, 0x1d, 37];
pub const NAME_CONSTRAINTS: &[u8] = &[0x06, 3, 0x55, 0x1d, 30];
pub const SERVER_AUTH: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
pub const CLIENT_AUTH: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];

/// The `n`-th key.
pub fn key(n: u8) -> SigningKey {
    SigningKey::from_slice(&[n; 32]).unwrap()
}

/// A signature as DER. The same one is asked for many times, and takes time.
pub fn sign(signer: &SigningKey, message: &[u8]) -> Vec<u8> {
    type Known = BTreeMap<(Vec<u8>, Vec<u8>), Vec<u8>>;
    static KNOWN: Mutex<Known> = Mutex::new(BTreeMap::new());
    let key = (signer.to_bytes().to_vec(), message.to_vec());
    let known = KNOWN.lock().unwrap().get(&key).cloned();
    known.unwrap_or_else(|| {
        let signature: Signature = signer.sign(message);
        let der = signature.to_der().as_bytes().to_vec();
        let mut known = KNOWN.lock().unwrap();
        // A fuzzer asks for ever new ones.
        if known.len() > 10_000 {
            known.clear();
        }
        known.insert(key, der.clone());
        der
    })
}

/// A distinguished name with nothing but a common name.
fn name(common: &str) -> Vec<u8> {
    let value = tlv(0x0c, &[common.as_bytes()]);
    sequence(&[&tlv(0x31, &[&sequence(&[COMMON_NAME, &value])])])
}

/// The SubjectPublicKeyInfo of a key.
pub fn key_info(key: &SigningKey) -> Vec<u8> {
    let algorithm = [
        0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        3, 1, 7,
    ];
    let point = key.verifying_key().to_encoded_point(false);
    sequence(&[&algorithm, &tlv(3, &[&[0], point.as_bytes()])])
}

/// What a certificate shall say.
#[derive(Clone)]
pub struct Spec<'a> {
    pub subject: &'a str,
    pub issuer: &'a str,
    pub key_info: Vec<u8>,
    pub not_before: &'a str,
    pub not_after: &'a str,
    /// BasicConstraints with this value of CA.
    pub ca: Option<bool>,
    pub names: &'a [&'a str],
    pub usage: Option<&'a [u8]>,
    /// Further extensions: OID, critical, value.
    pub further: Vec<(&'a [u8], bool, Vec<u8>)>,
    /// The OID of the signature algorithm.
    pub algorithm: &'a [u8],
}

impl<'a> Spec<'a> {
    /// A certificate of a CA.
    pub fn ca(subject: &'a str, issuer: &'a str, key: &SigningKey) -> Self {
        Self {
            ca: Some(true),
            names: &[],
            usage: None,
            ..Self::leaf(subject, issuer, key)
        }
    }

    /// A certificate of the server.
    pub fn leaf(subject: &'a str, issuer: &'a str, key: &SigningKey) -> Self {
        Self {
            subject,
            issuer,
            key_info: key_info(key),
            not_before: "20200101000000Z",
            not_after: "20491231235959Z",
            ca: None,
            names: &[HOST],
            usage: Some(SERVER_AUTH),
            further: Vec::new(),
            algorithm: ECDSA_SHA256,
        }
    }

    /// Signs it.
    pub fn sign(&self, signer: &SigningKey) -> Vec<u8> {
        let algorithm = sequence(&[self.algorithm]);
        let tbs = sequence(&[
            &[0xa0, 3, 2, 1, 2],
            &[2, 1, 1],
            &algorithm,
            &name(self.issuer),
            &sequence(&[&time(self.not_before), &time(self.not_after)]),
            &name(self.subject),
            &self.key_info,
            &tlv(0xa3, &[&sequence(&[&self.extensions().concat()])]),
        ]);
        let signature = sign(signer, &tbs);
        sequence(&[&tbs, &algorithm, &tlv(3, &[&[0], &signature])])
    }

    fn extensions(&self) -> Vec<Vec<u8>> {
        let mut list = Vec::new();
        let mut add = |oid: &[u8], critical: bool, value: &[u8]| {
            let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
            list.push(sequence(&[oid, critical, &tlv(4, &[value])]));
        };
        if let Some(ca) = self.ca {
            let value = if ca { &[1, 1, 0xff][..] } else { &[] };
            add(BASIC_CONSTRAINTS, true, &sequence(&[value]));
        }
        if !self.names.is_empty() {
            let names = self
                .names
                .iter()
                .flat_map(|name| tlv(0x82, &[name.as_bytes()]))
                .collect::<Vec<_>>();
            add(ALT_NAME, false, &sequence(&[&names]));
        }
        if let Some(usage) = self.usage {
            add(EXTENDED_USAGE, false, &sequence(&[usage]));
        }
        for (oid, critical, value) in &self.further {
            add(oid, *critical, value);
        }
        list
    }
}

/// UTCTime up to 2049, as X.509 wants it, GeneralizedTime after.
fn time(text: &str) -> Vec<u8> {
    match text.strip_prefix("20").filter(|rest| rest < &"50") {
        Some(short) => tlv(0x17, &[short.as_bytes()]),
        None => tlv(0x18, &[text.as_bytes()]),
    }
}

/// The number of the key of each party.
pub const ROOT_KEY: u8 = 1;
pub const CA_KEY: u8 = 2;
pub const SERVER_KEY: u8 = 3;
pub const CLIENT_KEY: u8 = 4;
pub const OTHER_KEY: u8 = 5;

/// The root that the client trusts.
pub fn root() -> Vec<u8> {
    Spec::ca("root", "root", &key(ROOT_KEY)).sign(&key(ROOT_KEY))
}

/// An intermediate CA under the root.
pub fn intermediate() -> Vec<u8> {
    Spec::ca("ca", "root", &key(CA_KEY)).sign(&key(ROOT_KEY))
}

/// The server's certificate under the intermediate CA.
pub fn server() -> Vec<u8> {
    Spec::leaf("server", "ca", &key(SERVER_KEY)).sign(&key(CA_KEY))
}

/// The client's certificate, directly under the root.
pub fn client() -> Vec<u8> {
    let spec = Spec {
        names: &[],
        usage: Some(CLIENT_AUTH),
        ca: Some(false),
        ..Spec::leaf("client", "root", &key(CLIENT_KEY))
    };
    spec.sign(&key(ROOT_KEY))
}

/// The SEC1 DER of a private key.
pub fn sec1(n: u8) -> Vec<u8> {
    SecretKey::from(key(n)).to_sec1().to_vec()
}

/// SEC1 as p256 writes it only with `alloc`.
trait ToSec1 {
    fn to_sec1(&self) -> Vec<u8>;
}

impl ToSec1 for SecretKey {
    fn to_sec1(&self) -> Vec<u8> {
        let curve = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
        let point = self.public_key().to_encoded_point(false);
        sequence(&[
            &[2, 1, 1],
            &tlv(4, &[&self.to_bytes()]),
            &tlv(0xa0, &[&curve]),
            &tlv(0xa1, &[&tlv(3, &[&[0], point.as_bytes()])]),
        ])
    }
}

/// The PKCS#8 DER of a private key.
pub fn pkcs8(n: u8) -> Vec<u8> {
    let key = SecretKey::from(key(n));
    let point = key.public_key().to_encoded_point(false);
    let inner = sequence(&[
        &[2, 1, 1],
        &tlv(4, &[&key.to_bytes()]),
        &tlv(0xa1, &[&tlv(3, &[&[0], point.as_bytes()])]),
    ]);
    let algorithm = [
        0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        3, 1, 7,
    ];
    sequence(&[&[2, 1, 0], &algorithm, &tlv(4, &[&inner])])
}

/// PEM with LF.
pub fn pem(label: &str, der: &[u8]) -> String {
    pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der).unwrap()
}
