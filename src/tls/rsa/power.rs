//! Powers modulo odd numbers of up to 4096 bits: all the arithmetic that RSA takes.
//!
//! Montgomery's multiplication on limbs of 32 bits, least significant first. Which way it goes, and
//! which memory it looks at, depends on the lengths of the numbers only, not on what they are:
//! signing is done with it, too. (A processor whose multiplication itself takes longer for some
//! numbers, as the Cortex-M3's does, tells a little by that.) Only the exponent of [`power`] is
//! public, and shows.

use core::cell::Cell;

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::{Zeroize as _, Zeroizing};

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
    // u v / R of u and v. To bring a number into that form takes R^2.
    modulus.square_of_r(&mut x, &mut y)?;
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

/// The most limbs of a prime.
const MAX_HALF: usize = MAX_LIMBS / 2;
/// The bits of an exponent that are worked on at a time.
const WINDOW: u32 = 4;

/// A number of the length of a prime.
type Half = [u32; MAX_HALF];

/// The private numbers of an RSA key, big-endian: two primes of the same length, which is a
/// multiple of 4 bytes and has no leading zero, and, less than them, the exponent for each and the
/// inverse of `q` modulo `p`.
#[derive(Clone, Copy)]
pub(super) struct Primes<'k> {
    pub(super) p: &'k [u8],
    pub(super) q: &'k [u8],
    pub(super) dp: &'k [u8],
    pub(super) dq: &'k [u8],
    pub(super) q_inverse: &'k [u8],
}

impl Primes<'_> {
    /// Whether the primes are as they must be, and their product is `modulus`.
    pub(super) fn make(&self, modulus: &[u8]) -> bool {
        let fits = self.p.len() == self.q.len()
            && modulus.len() == self.p.len().saturating_add(self.q.len())
            && modulus.len() <= MAX_BYTES
            && self.p.len().is_multiple_of(BITS / 8)
            && [self.dp, self.dq, self.q_inverse]
                .iter()
                .all(|number| number.len() <= self.p.len());
        let mut product = Zeroizing::new([0; MAX_BYTES]);
        fits && self.odd()
            && multiply_add(self.p, self.q, &[0; MAX_HALF], product.as_mut_slice())
                .is_some_and(|product| &*product == modulus)
    }

    fn odd(&self) -> bool {
        let lowest_bits = self.p.last().zip(self.q.last());
        lowest_bits.is_some_and(|(p, q)| p & q & 1 == 1)
    }

    /// Writes `base`, less than `p q` and twice as long, to the power of the private exponent,
    /// modulo `p q`, to `out`. `None` unless all lengths are right.
    pub(super) fn power(&self, base: &[u8], out: &mut [u8]) -> Option<()> {
        let mut halves = Zeroizing::new([[0; MAX_HALF]; 2]);
        let [x, y] = &mut *halves;
        half_power(base, self.dp, self.p, x)?;
        half_power(base, self.dq, self.q, y)?;
        // What is x modulo p and y modulo q is y + q ((x - y) / q modulo p).
        self.quotient(x, y)?;
        let mut bytes = Zeroizing::new([0; MAX_BYTES / 2]);
        let factor = bytes.get_mut(..self.p.len())?;
        store(factor, x);
        multiply_add(factor, self.q, y, out)?;
        Some(())
    }

    /// Makes `x` `(x - y) / q` modulo `p`.
    #[inline(never)]
    fn quotient(&self, x: &mut Half, y: &Half) -> Option<()> {
        let length = self.p.len() / (BITS / 8);
        let mut places = Zeroizing::new([[0; MAX_HALF]; 4]);
        let [n, a, b, c] = &mut *places;
        let n = n.get_mut(..length)?;
        load(n, self.p);
        let modulus = Modulus::new(n)?;
        let mut a = a.get_mut(..length)?;
        let mut b = b.get_mut(..length)?;
        let c = c.get_mut(..length)?;
        let (x, y) = (x.get_mut(..length)?, y.get(..length)?);
        modulus.square_of_r(&mut a, &mut b)?;
        // Both in Montgomery's form, and y, which may be more than p, modulo p.
        modulus.multiply(b, a, x);
        modulus.multiply(c, a, y);
        modulus.subtract(b, c);
        // Multiplying by a number as it is leads out of the form.
        load(a, self.q_inverse);
        modulus.multiply(x, b, a);
        Some(())
    }
}

/// Sets `out` to `base`, which is twice as long as `prime`, to the power of `exponent`, modulo
/// `prime`.
// On the stack are 20 numbers of 256 bytes.
#[inline(never)]
fn half_power(base: &[u8], exponent: &[u8], prime: &[u8], out: &mut Half) -> Option<()> {
    // Wiped at the end and not by a wrapper, which would be filled from a copy on the stack.
    let mut numbers = [[0; MAX_HALF]; 4 + (1 << WINDOW)];
    let done = half_power_with(&mut numbers, base, exponent, prime, out);
    numbers.zeroize();
    done
}

/// The same with the numbers that it takes, all 0.
fn half_power_with(
    numbers: &mut [Half; 4 + (1 << WINDOW)],
    base: &[u8],
    exponent: &[u8],
    prime: &[u8],
    out: &mut Half,
) -> Option<()> {
    let length = prime.len() / (BITS / 8);
    let (high, low) = base.split_at_checked(prime.len())?;
    if low.len() != prime.len() || exponent.len() > prime.len() {
        return None;
    }
    let (places, table) = numbers.split_first_chunk_mut()?;
    let [n, x, y, t] = places;
    let n = n.get_mut(..length)?;
    load(n, prime);
    let modulus = Modulus::new(n)?;
    let mut x = x.get_mut(..length)?;
    let mut y = y.get_mut(..length)?;
    let t = t.get_mut(..length)?;

    // The powers of the base from 0 to 15, in Montgomery's form. The first and the second are made
    // with R^2: R, and (high R + low) R.
    let (ones, powers) = table.split_first_mut()?;
    let (first, powers) = powers.split_first_mut()?;
    let ones = ones.get_mut(..length)?;
    let first = first.get_mut(..length)?;
    modulus.square_of_r(&mut x, &mut y)?;
    *t.first_mut()? = 1;
    modulus.multiply(ones, x, t);
    load(t, high);
    modulus.multiply(y, x, t);
    modulus.multiply(first, x, y);
    load(t, low);
    modulus.multiply(y, x, t);
    modulus.add(first, y);
    let mut before = &*first;
    for power in powers {
        let power = power.get_mut(..length)?;
        modulus.multiply(power, before, first);
        before = power;
    }

    x.copy_from_slice(ones);
    let zeros = prime.len().checked_sub(exponent.len())?;
    let digits = core::iter::repeat_n(&0, zeros).chain(exponent);
    for digit in digits.flat_map(|byte| [byte >> WINDOW, byte & 0xf]) {
        for _ in 0..WINDOW {
            modulus.multiply(y, x, x);
            core::mem::swap(&mut x, &mut y);
        }
        look_up(table, digit, t);
        modulus.multiply(y, x, t);
        core::mem::swap(&mut x, &mut y);
    }
    // Multiplying by 1 as it is leads out of the form.
    t.fill(0);
    *t.first_mut()? = 1;
    modulus.multiply(out.get_mut(..length)?, x, t);
    Some(())
}

/// Sets `out` to an entry of the table, looking at all of them.
fn look_up(table: &[Half], index: u8, out: &mut [u32]) {
    for (number, entry) in (0_u8..).zip(table) {
        let wanted = number.ct_eq(&index);
        for (to, from) in out.iter_mut().zip(entry) {
            to.conditional_assign(from, wanted);
        }
    }
}

/// Writes `a b + c` to the start of `out`, as long as `a` and `b` together; returns that part.
/// `None` if there is no room, or the numbers are not whole limbs.
fn multiply_add<'o>(a: &[u8], b: &[u8], c: &Half, out: &'o mut [u8]) -> Option<&'o mut [u8]> {
    let out = out.get_mut(..a.len().checked_add(b.len())?)?;
    let mut sum = Zeroizing::new([0; MAX_LIMBS]);
    for (to, from) in sum.iter_mut().zip(c.iter()) {
        *to = *from;
    }
    for (start, a) in a.rchunks_exact(BITS / 8).enumerate() {
        let a = u32::from_be_bytes(a.try_into().ok()?);
        let mut places = sum.get_mut(start..)?.iter_mut();
        let mut carry = 0;
        for (b, place) in b.rchunks_exact(BITS / 8).zip(&mut places) {
            let sum = product(a, u32::from_be_bytes(b.try_into().ok()?), *place, carry);
            *place = sum as u32;
            carry = (sum >> BITS) as u32;
        }
        // With c, less than b, the sum has no more limbs than a b.
        for place in places {
            let sum = u64::from(*place).wrapping_add(u64::from(carry));
            *place = sum as u32;
            carry = (sum >> BITS) as u32;
        }
    }
    store(out, sum.as_slice());
    Some(out)
}

/// Makes limbs of big-endian bytes.
fn load(limbs: &mut [u32], bytes: &[u8]) {
    limbs.fill(0);
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

    /// Sets `x`, which is 0, to R^2, with the help of `y`.
    ///
    /// That is 2^(32 length) in Montgomery's form: 2^length by doubling, and squared five times.
    fn square_of_r<'x>(&self, x: &mut &'x mut [u32], y: &mut &'x mut [u32]) -> Option<()> {
        self.highest_power_of_two(x)?;
        for _ in 0..self.doublings_to_form().saturating_add(self.limbs.len()) {
            self.double(x);
        }
        for _ in 0..BITS.trailing_zeros() {
            self.multiply(y, x, x);
            core::mem::swap(x, y);
        }
        Some(())
    }

    /// Adds `y` to `x`; both are less than the modulus, and `x` stays so.
    fn add(&self, x: &mut [u32], y: &[u32]) {
        let mut carry = 0;
        for (x, &y) in x.iter_mut().zip(y) {
            let sum = product(y, 1, *x, carry);
            *x = sum as u32;
            carry = (sum >> BITS) as u32;
        }
        self.reduce(x, carry);
    }

    /// Subtracts `y` from `x`; both are less than the modulus, and `x` stays so.
    fn subtract(&self, x: &mut [u32], y: &[u32]) {
        let less = subtract_if(Choice::from(1), x, y);
        let mut carry = 0;
        for (x, n) in x.iter_mut().zip(self.limbs) {
            let sum = product(u32::conditional_select(&0, n, less), 1, *x, carry);
            *x = sum as u32;
            carry = (sum >> BITS) as u32;
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
        let less = subtract_if(Choice::from(0), x, self.limbs);
        subtract_if(!less | highest.ct_eq(&1), x, self.limbs);
    }
}

/// Subtracts `y` from `x` if it shall; returns whether `x` is less than `y`.
fn subtract_if(shall: Choice, x: &mut [u32], y: &[u32]) -> Choice {
    let mut borrow = 0;
    for (x, &y) in x.iter_mut().zip(y) {
        let difference = u64::from(*x)
            .wrapping_sub(u64::from(y))
            .wrapping_sub(borrow);
        x.conditional_assign(&(difference as u32), shall);
        borrow = difference >> 63;
    }
    Choice::from(borrow as u8)
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
