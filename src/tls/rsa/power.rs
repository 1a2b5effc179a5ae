//! Powers modulo a public odd number of up to 4096 bits: all the arithmetic that verifying takes.
//!
//! Montgomery's multiplication on limbs of 32 bits, least significant first. How long it takes and
//! which way it goes depends on the numbers, which is no harm: all of them are public.

use core::cell::Cell;

/// The most bytes of a modulus.
pub(super) const MAX_BYTES: usize = 512;
/// The bits of a limb.
const BITS: usize = 32;
const MAX_LIMBS: usize = MAX_BYTES * 8 / BITS;

/// Writes `base` to the power of `exponent`, modulo `modulus`, to `out`. All are big-endian and
/// equally long.
///
/// `None` unless the modulus is odd, without a leading zero byte and at most [`MAX_BYTES`] long,
/// the base is less than it, and the exponent is odd and at least 3.
// On the stack are four numbers of 512 bytes.
#[inline(never)]
pub(super) fn power(base: &[u8], exponent: u64, modulus: &[u8], out: &mut [u8]) -> Option<()> {
    // Slices of bytes compare like big-endian numbers if they are equally long.
    if base.len() != modulus.len() || out.len() != modulus.len() || base >= modulus {
        return None;
    }
    if exponent < 3 || exponent & 1 == 0 || modulus.first() == Some(&0) {
        return None;
    }
    let length = modulus.len().div_ceil(BITS / 8);
    let mut places = [[0; MAX_LIMBS]; 4];
    let [n, x, y, b] = &mut places;
    let n = n.get_mut(..length)?;
    let mut x = x.get_mut(..length)?;
    let mut y = y.get_mut(..length)?;
    let b = b.get_mut(..length)?;
    load(n, modulus);
    let modulus = Modulus::new(n)?;

    // With R = 2^(32 length), Montgomery's form of a number v is v R, and `multiply` makes
    // u v / R of u and v. To bring a number into that form takes R^2, which is 2^(32 length) in
    // that form: 2^length by doubling, and squared five times.
    modulus.highest_power_of_two(x)?;
    for _ in 0..modulus.doublings_to_form().saturating_add(length) {
        modulus.double(x);
    }
    for _ in 0..BITS.trailing_zeros() {
        modulus.multiply(y, x, x);
        core::mem::swap(&mut x, &mut y);
    }
    load(b, base);
    modulus.multiply(y, x, b);
    b.copy_from_slice(y);
    core::mem::swap(&mut x, &mut y);

    // The bits of the exponent below the highest, which x stands for, and above the lowest.
    for position in (1..exponent.ilog2()).rev() {
        modulus.multiply(y, x, x);
        core::mem::swap(&mut x, &mut y);
        if exponent >> position & 1 == 1 {
            modulus.multiply(y, x, b);
            core::mem::swap(&mut x, &mut y);
        }
    }
    // For the lowest, multiplying by the base as it is leads out of Montgomery's form.
    modulus.multiply(y, x, x);
    load(b, base);
    modulus.multiply(x, y, b);
    store(out, x);
    Some(())
}

/// Makes limbs of big-endian bytes.
fn load(limbs: &mut [u32], bytes: &[u8]) {
    for (limb, bytes) in limbs.iter_mut().zip(bytes.rchunks(BITS / 8)) {
        *limb = bytes
            .iter()
            .fold(0, |limb, &byte| limb << 8 | u32::from(byte));
    }
}

/// Makes big-endian bytes of limbs.
fn store(bytes: &mut [u8], limbs: &[u32]) {
    for (bytes, limb) in bytes.rchunks_mut(BITS / 8).zip(limbs) {
        for (to, from) in bytes.iter_mut().rev().zip(limb.to_le_bytes()) {
            *to = from;
        }
    }
}

/// An odd number, the highest limb of which is not 0. The numbers that it works with have as many
/// limbs.
struct Modulus<'n> {
    limbs: &'n [u32],
    /// What, times the lowest limb, is -1 modulo 2^32.
    factor: u32,
}

impl<'n> Modulus<'n> {
    fn new(limbs: &'n [u32]) -> Option<Self> {
        let (&lowest, &highest) = (limbs.first()?, limbs.last()?);
        if lowest & 1 == 0 || highest == 0 {
            return None;
        }
        // Newton's iteration for the inverse: three bits of an odd number are right to begin
        // with, and every step doubles them.
        let mut inverse = lowest;
        for _ in 0..4 {
            inverse = inverse.wrapping_mul(2_u32.wrapping_sub(lowest.wrapping_mul(inverse)));
        }
        Some(Self {
            limbs,
            factor: inverse.wrapping_neg(),
        })
    }

    /// Makes `x`, which is 0, the highest power of two below the modulus.
    fn highest_power_of_two(&self, x: &mut [u32]) -> Option<()> {
        *x.last_mut()? = 1 << self.limbs.last()?.checked_ilog2()?;
        Some(())
    }

    /// How often that power must be doubled to be R.
    fn doublings_to_form(&self) -> usize {
        match self.limbs.last() {
            Some(highest) => highest.leading_zeros().saturating_add(1) as usize,
            None => 0,
        }
    }

    /// Doubles `x`, which is less than the modulus and stays so.
    fn double(&self, x: &mut [u32]) {
        let mut carry = 0;
        for limb in x.iter_mut() {
            let next = *limb >> (BITS - 1);
            *limb = *limb << 1 | carry;
            carry = next;
        }
        self.reduce(x, carry);
    }

    /// Sets `out` to `a b / R`. `a` is less than the modulus; so is `out` then.
    fn multiply(&self, out: &mut [u32], a: &[u32], b: &[u32]) {
        out.fill(0);
        let mut highest = 0;
        for &b in b {
            highest = self.multiply_limb(out, highest, a, b);
        }
        self.reduce(out, highest);
    }

    /// Sets `out`, with `highest` as its highest limb, to `(out + a b + m n) / 2^32`, where `n` is
    /// the modulus and `m` makes it come out even. Returns the highest limb.
    ///
    /// It starts with less than 2n and ends so, as `a` is less than `n`: 2n + 2n (2^32 - 1) is
    /// 2n 2^32. So the highest limb is 0 or 1.
    fn multiply_limb(&self, out: &mut [u32], highest: u32, a: &[u32], b: u32) -> u32 {
        // Each limb goes to the place below.
        let places = Cell::from_mut(out).as_slice_of_cells();
        let Some((first, above)) = places.split_first() else {
            return 0;
        };
        let (Some((&a_first, a_above)), Some((&n_first, n_above))) =
            (a.split_first(), self.limbs.split_first())
        else {
            return 0;
        };
        let low = product(a_first, b, first.get(), 0);
        let m = (low as u32).wrapping_mul(self.factor);
        let mut carry_b = (low >> BITS) as u32;
        let mut carry_m = (product(n_first, m, low as u32, 0) >> BITS) as u32;
        let limbs = above.iter().zip(a_above).zip(n_above);
        for (below, ((place, &a), &n)) in places.iter().zip(limbs) {
            let sum = product(a, b, place.get(), carry_b);
            carry_b = (sum >> BITS) as u32;
            let sum = product(n, m, sum as u32, carry_m);
            carry_m = (sum >> BITS) as u32;
            below.set(sum as u32);
        }
        let sum = u64::from(carry_b)
            .wrapping_add(u64::from(carry_m))
            .wrapping_add(u64::from(highest));
        if let Some(last) = places.last() {
            last.set(sum as u32);
        }
        (sum >> BITS) as u32
    }

    /// Subtracts the modulus from `x`, with `highest` as its highest limb, if that is possible.
    fn reduce(&self, x: &mut [u32], highest: u32) {
        if highest == 0 && x.iter().rev().lt(self.limbs.iter().rev()) {
            return;
        }
        let mut borrow = 0;
        for (limb, &n) in x.iter_mut().zip(self.limbs) {
            let difference = u64::from(*limb)
                .wrapping_sub(u64::from(n))
                .wrapping_sub(borrow);
            *limb = difference as u32;
            borrow = difference >> 63;
        }
    }
}

/// `a b + c + d`, which is less than 2^64 whatever they are.
fn product(a: u32, b: u32, c: u32, d: u32) -> u64 {
    u64::from(a)
        .wrapping_mul(u64::from(b))
        .wrapping_add(u64::from(c))
        .wrapping_add(u64::from(d))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same with numbers of the machine.
    fn small(base: u64, exponent: u64, modulus: u64) -> u64 {
        let times = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64;
        let (mut result, mut square, mut rest) = (1, base, exponent);
        while rest > 0 {
            if rest & 1 == 1 {
                result = times(result, square);
            }
            square = times(square, square);
            rest >>= 1;
        }
        result
    }

    fn large(base: u64, exponent: u64, modulus: u64) -> Option<u64> {
        let bytes = modulus.to_be_bytes();
        let skip = modulus.leading_zeros() as usize / 8;
        let mut out = [0; 8];
        power(
            &base.to_be_bytes()[skip..],
            exponent,
            &bytes[skip..],
            &mut out[skip..],
        )?;
        Some(u64::from_be_bytes(out))
    }

    #[test]
    fn small_numbers_agree_with_the_machine() {
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        };
        for round in 0..20_000 {
            // Of any length, with all bits, few bits, or a neighbour of a power of two.
            let modulus = match round % 3 {
                0 => next() >> (round / 3 % 62) | 1,
                1 => (1 << (1 + next() % 63)) | 1,
                _ => u64::MAX >> (next() % 62),
            };
            if modulus < 3 {
                continue;
            }
            let base = match round % 5 {
                0 => modulus - 1,
                1 => 0,
                2 => 1,
                _ => next() % modulus,
            };
            let exponent = match round % 4 {
                0 => 65537,
                1 => 3,
                2 => next() >> 31 | 1,
                _ => next() | 1,
            };
            if exponent < 3 {
                continue;
            }
            assert_eq!(
                large(base, exponent, modulus),
                Some(small(base, exponent, modulus)),
                "{base}^{exponent} mod {modulus}"
            );
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(large(2, 3, 15), Some(8));
        for (base, exponent, modulus) in [
            (2, 3, 16),
            (15, 3, 15),
            (16, 3, 15),
            (2, 1, 15),
            (2, 0, 15),
            (2, 4, 15),
        ] {
            assert_eq!(large(base, exponent, modulus), None);
        }
        let mut out = [0; 600];
        assert_eq!(power(&[], 3, &[], &mut []), None);
        assert_eq!(power(&[1], 3, &[0, 15], &mut out[..2]), None);
        assert_eq!(power(&[0, 1], 3, &[0, 15], &mut out[..2]), None);
        assert_eq!(power(&[1], 3, &[15], &mut out[..2]), None);
        let long = [0xff; MAX_BYTES + 1];
        assert_eq!(
            power(&[0; MAX_BYTES + 1], 3, &long, &mut out[..MAX_BYTES + 1]),
            None
        );
    }

    #[test]
    fn the_longest_numbers() {
        // Modulo 2^4096 - 1 a power of two is a rotation: (2^k)^e = 2^(k e mod 4096).
        let modulus = [0xff; MAX_BYTES];
        let bit = |n: usize| {
            let mut number = [0; MAX_BYTES];
            number[MAX_BYTES - 1 - n / 8] = 1 << (n % 8);
            number
        };
        for (k, exponent) in [(1, 3), (4095, 3), (77, 65537), (3001, 0x1_ffff_ffff)] {
            let mut out = [0; MAX_BYTES];
            power(&bit(k), exponent, &modulus, &mut out).unwrap();
            assert!(out == bit(k * exponent as usize % 4096), "{k}^{exponent}");
        }
        // -1 to an odd power is -1.
        let mut minus_one = modulus;
        minus_one[MAX_BYTES - 1] = 0xfe;
        let mut out = [0; MAX_BYTES];
        power(&minus_one, 65537, &modulus, &mut out).unwrap();
        assert!(out == minus_one);
    }
}
