//! Numbers modulo an odd number of 256 bits, in portable code.
//!
//! Nothing here branches on a number or uses one as an address.

use subtle::Choice;

/// A number of 256 bits in limbs of 32, least significant first.
pub(super) type Limbs = [u32; 8];

/// An odd modulus with its highest bit set.
pub(super) struct Modulus {
    limbs: Limbs,
    /// What, times the lowest limb, is -1 modulo 2^32.
    factor: u32,
}

impl Modulus {
    pub(super) const fn new(limbs: Limbs) -> Self {
        // Newton's iteration for the inverse: three bits of an odd number are right to begin
        // with, and every step doubles them.
        let lowest = limbs[0];
        let mut inverse = lowest;
        let mut step = 0;
        while step < 4 {
            inverse = inverse.wrapping_mul(2_u32.wrapping_sub(lowest.wrapping_mul(inverse)));
            step += 1;
        }
        Self {
            limbs,
            factor: inverse.wrapping_neg(),
        }
    }

    pub(super) const fn limbs(&self) -> &Limbs {
        &self.limbs
    }

    /// What, times the modulus, is 1 modulo 2^32.
    pub(super) const fn inverse_of_lowest(&self) -> u32 {
        self.factor.wrapping_neg()
    }

    /// Whether `a` is less than the modulus.
    pub(super) fn exceeds(&self, a: &Limbs) -> Choice {
        let mut difference = *a;
        let borrow = subtract(&mut difference, &self.limbs);
        // 0 or 1.
        Choice::from(borrow as u8)
    }

    /// `a += b`, for numbers less than the modulus.
    pub(super) fn add(&self, a: &mut Limbs, b: &Limbs) {
        let carry = add(a, b, u32::MAX);
        self.reduce(a, carry);
    }

    /// `a -= b`, for numbers less than the modulus.
    pub(super) fn subtract(&self, a: &mut Limbs, b: &Limbs) {
        let borrow = subtract(a, b);
        add(a, &self.limbs, borrow.wrapping_neg());
    }

    /// `a /= 2`, for a number less than the modulus.
    #[cfg(not(iot_thing_umaal))]
    pub(super) fn halve(&self, a: &mut Limbs) {
        // The modulus makes it even, if need be.
        let mut above = add(a, &self.limbs, (a[0] & 1).wrapping_neg());
        for limb in a.iter_mut().rev() {
            let next = *limb & 1;
            *limb = *limb >> 1 | above << 31;
            above = next;
        }
    }

    /// `a = a b / 2^256`, for numbers less than the modulus (Montgomery).
    pub(super) fn multiply(&self, a: &mut Limbs, b: &Limbs) {
        let mut sum = [0; 8];
        // The bit above the limbs: the sum stays below twice the modulus.
        let mut highest = 0;
        for &b in b {
            let mut carry = 0;
            for (sum, &a) in sum.iter_mut().zip(a.iter()) {
                (*sum, carry) = multiply_add(a, b, *sum, carry);
            }
            let (above, over) = multiply_add(1, highest, carry, 0);
            // What makes the lowest limb 0, so that it can be dropped.
            let factor = sum[0].wrapping_mul(self.factor);
            let (_, mut carry) = multiply_add(factor, self.limbs[0], sum[0], 0);
            for limb in 1..8 {
                (sum[limb - 1], carry) = multiply_add(factor, self.limbs[limb], sum[limb], carry);
            }
            (sum[7], carry) = multiply_add(1, above, carry, 0);
            highest = over.wrapping_add(carry);
        }
        self.reduce(&mut sum, highest);
        *a = sum;
    }

    /// Subtracts the modulus once from what is below twice of it, if it is in there.
    pub(super) fn reduce(&self, a: &mut Limbs, highest: u32) {
        let borrow = subtract(a, &self.limbs);
        // Add it back if that was too much: the borrow is more than the highest limb has.
        add(a, &self.limbs, highest.wrapping_sub(borrow));
    }
}

/// `a b + c + d`, low and high half. It cannot overflow.
fn multiply_add(a: u32, b: u32, c: u32, d: u32) -> (u32, u32) {
    let sum = u64::from(a) * u64::from(b) + u64::from(c) + u64::from(d);
    (sum as u32, (sum >> 32) as u32)
}

/// `a += b & mask`; returns the carry.
pub(super) fn add(a: &mut Limbs, b: &Limbs, mask: u32) -> u32 {
    let mut carry = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        let sum = u64::from(*a) + u64::from(b & mask) + carry;
        *a = sum as u32;
        carry = sum >> 32;
    }
    carry as u32
}

/// `a -= b`; returns the borrow, 0 or 1.
fn subtract(a: &mut Limbs, b: &Limbs) -> u32 {
    let mut borrow = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        let difference = u64::from(*a)
            .wrapping_sub(u64::from(b))
            .wrapping_sub(borrow);
        *a = difference as u32;
        borrow = difference >> 63;
    }
    borrow as u32
}

/// Big-endian bytes as limbs.
pub(super) fn from_bytes(bytes: &[u8; 32]) -> Limbs {
    let mut limbs = [0; 8];
    let (chunks, _) = bytes.as_chunks();
    for (limb, chunk) in limbs.iter_mut().rev().zip(chunks) {
        *limb = u32::from_be_bytes(*chunk);
    }
    limbs
}

/// Limbs as big-endian bytes.
pub(super) fn to_bytes(limbs: &Limbs) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (chunks, _) = bytes.as_chunks_mut();
    for (limb, chunk) in limbs.iter().rev().zip(chunks) {
        *chunk = limb.to_be_bytes();
    }
    bytes
}
