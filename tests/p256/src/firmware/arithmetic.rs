//! The assembly against the portable arithmetic that the tests of the library have checked, with
//! numbers at which carries could get lost.

#[path = "../../../../src/tls/crypto/p256/dsp/modular.rs"]
#[allow(dead_code, reason = "the library uses the rest")]
mod modular;
#[path = "../../../../src/tls/crypto/p256/dsp/umaal.rs"]
mod umaal;

use self::modular::{Limbs, Modulus};
use crate::board::say;

static P: Modulus = Modulus::new([!0, !0, !0, 0, 0, 0, 1, !0]);
const ROUNDS: u32 = 30_000;

/// Xorshift: any numbers will do.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// A number less than the prime, often with limbs of all zeros, all ones or the prime's.
    fn number(&mut self) -> Limbs {
        loop {
            let kinds = self.next();
            let mut number = [0; 8];
            for (limb, (number, prime)) in number.iter_mut().zip(P.limbs()).enumerate() {
                *number = match kinds >> (2 * limb) & 3 {
                    0 => 0,
                    1 => !0,
                    2 => *prime,
                    _ => self.next(),
                };
                if kinds >> 16 & 15 == limb as u32 {
                    *number = number.wrapping_add(self.next() % 5).wrapping_sub(2);
                }
            }
            if bool::from(P.exceeds(&number)) {
                return number;
            }
        }
    }
}

pub fn check() -> bool {
    let mut random = Random(1);
    for _ in 0..ROUNDS {
        let (a, b) = (random.number(), random.number());
        let both = |own: fn(&mut Limbs, &Limbs), portable: fn(&mut Limbs, &Limbs)| {
            let (mut left, mut right) = (a, a);
            own(&mut left, &b);
            portable(&mut right, &b);
            left == right
        };
        let good = both(umaal::add, |a, b| P.add(a, b))
            && both(umaal::subtract, |a, b| P.subtract(a, b))
            && both(umaal::multiply, |a, b| P.multiply(a, b))
            && both(|a, _| umaal::halve(a), |a, _| P.halve(a))
            && both(
                |a, _| umaal::square(a),
                |a, _| {
                    let b = *a;
                    P.multiply(a, &b);
                },
            );
        if !good {
            say(format_args!("FAILED: arithmetic with {a:x?} and {b:x?}"));
            return false;
        }
    }
    let table = [(); 16].map(|()| [random.number(), random.number(), random.number()]);
    for (index, entry) in (0..).zip(&table) {
        if umaal::select(&table, index) != *entry {
            say(format_args!("FAILED: selecting {index}"));
            return false;
        }
    }
    say(format_args!("arithmetic: {ROUNDS} pairs of numbers"));
    true
}
