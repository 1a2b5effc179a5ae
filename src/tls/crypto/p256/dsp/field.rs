//! The field of P-256: numbers modulo the prime 2^256 - 2^224 + 2^192 + 2^96 - 1.
//!
//! A number v is held as v 2^256 modulo the prime (Montgomery's form), always less than the prime.

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq};

use super::{
    inverse::invert,
    modular::{Limbs, Modulus, from_bytes, to_bytes},
};

/// The prime.
static P: Modulus = Modulus::new([!0, !0, !0, 0, 0, 0, 1, !0]);

/// 2^512 and 2^768 modulo the prime.
const R2: Fe = Fe([3, 0, !0, 0xffff_fffb, 0xffff_fffe, !0, 0xffff_fffd, 4]);
const R3: Fe = Fe([
    10,
    0xffff_fffd,
    0xffff_fff7,
    0xffff_ffed,
    0xffff_fffc,
    5,
    1,
    0x18,
]);

/// Calculates modulo the prime, in place: the core's own way where there is one.
#[cfg(not(iot_thing_umaal))]
mod arithmetic {
    use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

    use super::{Limbs, P};

    pub(super) fn add(a: &mut Limbs, b: &Limbs) {
        P.add(a, b);
    }

    pub(super) fn subtract(a: &mut Limbs, b: &Limbs) {
        P.subtract(a, b);
    }

    pub(super) fn halve(a: &mut Limbs) {
        P.halve(a);
    }

    pub(super) fn multiply(a: &mut Limbs, b: &Limbs) {
        P.multiply(a, b);
    }

    pub(super) fn square(a: &mut Limbs) {
        let b = *a;
        P.multiply(a, &b);
    }

    pub(super) fn select<const WIDTH: usize, const SIZE: usize>(
        table: &[[Limbs; WIDTH]; SIZE],
        index: u32,
    ) -> [Limbs; WIDTH] {
        let mut selected = [[0; 8]; WIDTH];
        for (position, entry) in (0_u32..).zip(table) {
            let hit = position.ct_eq(&index);
            let limbs = selected.as_flattened_mut().iter_mut();
            for (limb, other) in limbs.zip(entry.as_flattened()) {
                limb.conditional_assign(other, hit);
            }
        }
        selected
    }
}
#[cfg(iot_thing_umaal)]
use super::umaal as arithmetic;

/// A table of `SIZE` entries of `WIDTH` elements each.
pub(super) type Table<const WIDTH: usize, const SIZE: usize> = [[Limbs; WIDTH]; SIZE];

/// The entry of a table at `index`, in constant time: all of them are read.
pub(super) fn select<const WIDTH: usize, const SIZE: usize>(
    table: &Table<WIDTH, SIZE>,
    index: u32,
) -> [Fe; WIDTH] {
    arithmetic::select(table, index).map(Fe)
}

/// An element of the field.
#[derive(Clone, Copy)]
pub(super) struct Fe(pub(super) Limbs);

impl Fe {
    pub(super) const ZERO: Self = Self([0; 8]);
    pub(super) const ONE: Self = Self([1, 0, 0, !0, !0, !0, 0xffff_fffe, 0]);

    /// A big-endian number; `None` unless it is less than the prime. Not for secrets.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Self::from_limbs(from_bytes(bytes))
    }

    /// The same, of limbs.
    pub(super) fn from_limbs(limbs: Limbs) -> Option<Self> {
        if !bool::from(P.exceeds(&limbs)) {
            return None;
        }
        let mut element = Self(limbs);
        element.multiply(&R2);
        Some(element)
    }

    /// The element as a big-endian number.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut element = self;
        element.multiply(&Self([1, 0, 0, 0, 0, 0, 0, 0]));
        to_bytes(&element.0)
    }

    pub(super) fn add(&mut self, other: &Self) {
        arithmetic::add(&mut self.0, &other.0);
    }

    pub(super) fn halve(&mut self) {
        arithmetic::halve(&mut self.0);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        arithmetic::subtract(&mut self.0, &other.0);
    }

    pub(super) fn multiply(&mut self, other: &Self) {
        arithmetic::multiply(&mut self.0, &other.0);
    }

    pub(super) fn square(&mut self) {
        arithmetic::square(&mut self.0);
    }

    pub(super) fn negate_if(&mut self, choice: Choice) {
        let mut negative = Self::ZERO;
        negative.subtract(self);
        self.assign_if(&negative, choice);
    }

    pub(super) fn assign_if(&mut self, other: &Self, choice: Choice) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            a.conditional_assign(b, choice);
        }
    }

    /// 0 stays 0.
    pub(super) fn invert(&mut self) {
        // Of v 2^256 that makes 2^-256 / v, but what is wanted is 2^256 / v.
        invert(&P, &mut self.0);
        self.multiply(&R3);
    }

    pub(super) fn is_zero(&self) -> Choice {
        self.ct_eq(&Self::ZERO)
    }
}

impl ConstantTimeEq for Fe {
    fn ct_eq(&self, other: &Self) -> Choice {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |all, (a, b)| all | (a ^ b)).ct_eq(&0)
    }
}
