//! Inverses modulo an odd number, in constant time, by the division steps of Bernstein and Yang
//! ("Fast constant-time gcd computation and modular inversion", 2019).
//!
//! Numbers are in nine limbs of 30 bits, least significant first; all but the highest are from 0
//! to 2^30 - 1, the highest has the sign. 30 steps depend on the lowest limbs of f and g alone, so
//! they are done on these, collected in a matrix, and then applied to the whole numbers.

use super::modular::{Limbs, Modulus};

/// The bits of a limb, and the steps that one matrix stands for.
const BITS: u32 = 30;
const MASK: i32 = (1 << BITS) - 1;
/// 590 steps are enough for numbers of 256 bits when they start with delta = 1/2.
const BATCHES: usize = 20;

type Number = [i32; 9];

/// What 30 steps make of f and g, times 2^30: (u f + v g, q f + r g). |u| + |v| and |q| + |r| are
/// at most 2^30.
struct Matrix {
    u: i32,
    v: i32,
    q: i32,
    r: i32,
}

/// `a = 1 / a` for a number less than the modulus that has no divisor in common with it; 0 stays
/// 0.
pub(super) fn invert(modulus: &Modulus, a: &mut Limbs) {
    let m = split(modulus.limbs());
    // Throughout, d a = f and e a = g modulo m. In the end g is 0, f is 1 or -1.
    let (mut f, mut g) = (m, split(a));
    let (mut d, mut e): (Number, Number) = ([0; 9], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    // -(delta + 1/2)
    let mut zeta = -1;
    for _ in 0..BATCHES {
        let matrix = steps(&mut zeta, f[0], g[0]);
        matrix.apply_modulo(&mut d, &mut e, &m, modulus.inverse_of_lowest());
        matrix.apply(&mut f, &mut g);
    }
    let negative = f[8] >> 31;
    // From between -2 m and m to between -m and m; with the sign of f; to between 0 and m.
    add_if_negative(&mut d, &m);
    for limb in &mut d {
        *limb = (*limb ^ negative).wrapping_sub(negative);
    }
    carry(&mut d);
    add_if_negative(&mut d, &m);
    *a = join(&d);
}

/// Thirty division steps.
fn steps(zeta: &mut i32, f: i32, g: i32) -> Matrix {
    let (mut f, mut g) = (f, g);
    let (mut u, mut v, mut q, mut r) = (1_i32, 0_i32, 0_i32, 1_i32);
    for _ in 0..BITS {
        let positive = *zeta >> 31;
        let odd = (g & 1).wrapping_neg();
        // If g is odd, add f, or subtract it if delta is positive.
        let sign = |value: i32| (value ^ positive).wrapping_sub(positive) & odd;
        g = g.wrapping_add(sign(f));
        q = q.wrapping_add(sign(u));
        r = r.wrapping_add(sign(v));
        // In the second case f becomes what g was, and delta changes its sign.
        let swap = positive & odd;
        *zeta = (*zeta ^ swap).wrapping_sub(1);
        f = f.wrapping_add(g & swap);
        u = u.wrapping_add(q & swap);
        v = v.wrapping_add(r & swap);
        // Instead of halving q and r, double u and v.
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    Matrix { u, v, q, r }
}

impl Matrix {
    /// Applies the steps to f and g, which they make divisible by 2^30.
    fn apply(&self, f: &mut Number, g: &mut Number) {
        let (mut above_f, mut above_g) = (0, 0);
        for limb in 0..9 {
            above_f += product(self.u, f[limb]) + product(self.v, g[limb]);
            above_g += product(self.q, f[limb]) + product(self.r, g[limb]);
            if limb > 0 {
                f[limb - 1] = low(above_f);
                g[limb - 1] = low(above_g);
            }
            above_f >>= BITS;
            above_g >>= BITS;
        }
        f[8] = above_f as i32;
        g[8] = above_g as i32;
    }

    /// Applies the steps to d and e modulo `m`; both are and stay between -2 m and m. What makes
    /// them divisible by 2^30 is a multiple of `m`.
    fn apply_modulo(&self, d: &mut Number, e: &mut Number, m: &Number, inverse: u32) {
        // With m added to what is negative, the results stay in range.
        let (sign_d, sign_e) = (d[8] >> 31, e[8] >> 31);
        let multiple = |x: i32, y: i32| {
            let start = (x & sign_d).wrapping_add(y & sign_e);
            let lowest = x.wrapping_mul(d[0]).wrapping_add(y.wrapping_mul(e[0]));
            let surplus = (inverse as i32).wrapping_mul(lowest).wrapping_add(start);
            start.wrapping_sub(surplus & MASK)
        };
        let multiple_d = multiple(self.u, self.v);
        let multiple_e = multiple(self.q, self.r);
        let (mut above_d, mut above_e) = (0, 0);
        for limb in 0..9 {
            above_d += product(self.u, d[limb]) + product(self.v, e[limb]);
            above_e += product(self.q, d[limb]) + product(self.r, e[limb]);
            above_d += product(multiple_d, m[limb]);
            above_e += product(multiple_e, m[limb]);
            if limb > 0 {
                d[limb - 1] = low(above_d);
                e[limb - 1] = low(above_e);
            }
            above_d >>= BITS;
            above_e >>= BITS;
        }
        d[8] = above_d as i32;
        e[8] = above_e as i32;
    }
}

fn product(a: i32, b: i32) -> i64 {
    i64::from(a) * i64::from(b)
}

fn low(sum: i64) -> i32 {
    sum as i32 & MASK
}

/// `a += b` if `a` is negative.
fn add_if_negative(a: &mut Number, b: &Number) {
    let mask = a[8] >> 31;
    for (a, b) in a.iter_mut().zip(b) {
        *a = a.wrapping_add(b & mask);
    }
    carry(a);
}

/// Brings all limbs but the highest back to 30 bits.
fn carry(a: &mut Number) {
    for limb in 0..8 {
        a[limb + 1] = a[limb + 1].wrapping_add(a[limb] >> BITS);
        a[limb] &= MASK;
    }
}

/// Limbs of 32 bits as limbs of 30.
fn split(limbs: &Limbs) -> Number {
    let mut number = [0; 9];
    let (mut bits, mut have) = (0_u64, 0);
    let mut limbs = limbs.iter();
    for part in &mut number {
        if have < BITS {
            bits |= u64::from(limbs.next().copied().unwrap_or(0)) << have;
            have += 32;
        }
        *part = low(bits as i64);
        bits >>= BITS;
        have -= BITS;
    }
    number
}

/// The reverse, for a number that is not negative.
fn join(number: &Number) -> Limbs {
    let mut limbs = [0; 8];
    let (mut bits, mut have) = (0_u64, 0);
    let mut parts = number.iter();
    for limb in &mut limbs {
        while have < 32 {
            bits |= (parts.next().copied().unwrap_or(0) as u64) << have;
            have += BITS;
        }
        *limb = bits as u32;
        bits >>= 32;
        have -= 32;
    }
    limbs
}
