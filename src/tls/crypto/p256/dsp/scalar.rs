//! Numbers modulo the order of P-256's group: private keys, nonces, halves of signatures.

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroize as _;

use super::{
    inverse::invert,
    modular::{self, Limbs, Modulus, from_bytes, to_bytes},
};

/// The order of the group.
static N: Modulus = Modulus::new([
    0xfc63_2551,
    0xf3b9_cac2,
    0xa717_9e84,
    0xbce6_faad,
    !0,
    !0,
    0,
    !0,
]);

/// 2^512 modulo the order.
const R2: Limbs = [
    0xbe79_eea2,
    0x8324_4c95,
    0x49bd_6fa6,
    0x4699_799c,
    0x2b6b_ec59,
    0x2845_b239,
    0xf3d9_5620,
    0x66e1_2d94,
];

/// A number less than the order; wiped when dropped.
#[derive(Clone)]
pub(super) struct Scalar(Limbs);

impl Drop for Scalar {
    #[inline(never)]
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Scalar {
    /// A big-endian number from 1 to the order less 1, otherwise `None`. That is all that the time
    /// it takes says of it.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let scalar = Self(from_bytes(bytes));
        bool::from(N.exceeds(&scalar.0) & !scalar.is_zero()).then_some(scalar)
    }

    /// A big-endian number of 256 bits, modulo the order.
    pub(super) fn reduce(bytes: &[u8; 32]) -> Self {
        let mut limbs = from_bytes(bytes);
        N.reduce(&mut limbs, 0);
        Self(limbs)
    }

    pub(super) fn to_bytes(&self) -> [u8; 32] {
        to_bytes(&self.0)
    }

    pub(super) fn limbs(&self) -> &Limbs {
        &self.0
    }

    pub(super) fn is_zero(&self) -> Choice {
        let all = self.0.iter().fold(0, |all, limb| all | limb);
        all.ct_eq(&0)
    }

    pub(super) fn add(&mut self, other: &Self) {
        N.add(&mut self.0, &other.0);
    }

    pub(super) fn multiply(&mut self, other: &Self) {
        N.multiply(&mut self.0, &other.0);
        N.multiply(&mut self.0, &R2);
    }

    /// 0 stays 0.
    pub(super) fn invert(&mut self) {
        invert(&N, &mut self.0);
    }

    /// The number plus the order; `None` if that takes more than 256 bits. Not for secrets.
    pub(super) fn plus_order(&self) -> Option<Limbs> {
        let mut sum = *N.limbs();
        (modular::add(&mut sum, &self.0, u32::MAX) == 0).then_some(sum)
    }

    /// The one of this number and its negative that is odd (0 counts as the order), and whether
    /// that is the negative.
    pub(super) fn odd(&self) -> (Self, Choice) {
        let mut negative = Self(*N.limbs());
        let even = !Choice::from((self.0[0] & 1) as u8);
        // Not modulo the order: the order less 0 is the order, which is odd.
        N.subtract(&mut negative.0, &self.0);
        for (limb, own) in negative.0.iter_mut().zip(&self.0) {
            limb.conditional_assign(own, !even);
        }
        (negative, even)
    }
}
