//! The group of P-256: points of y^2 = x^3 - 3 x + b, and their multiples.
//!
//! Multiples by secret numbers are made in constant time: the same steps for every number, and
//! what they read from memory does not depend on it either. [`Point::double_base_vartime`] is for
//! verifying, where all is public.
//!
//! The formula for the sum of two points fails where they are equal or one is infinity. Where the
//! number is secret such cases are not handled but ruled out: it is taken odd (of k and -k the one
//! that is, as a number from 1 to n - 1), and all its digits are odd. So at every step the sum is
//! a positive even number, and what is added an odd one of either sign; the new sum is positive
//! and less than n. Neither is infinity, nor is the result, and they are not equal unless they
//! differ by n. That takes a sum as large as there is after the last doublings only, where twice
//! the last point is computed as well, and taken if they were equal.

use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroize;

use super::{
    field::{Fe, Table, select},
    scalar::Scalar,
    table::{COLUMNS, COMB, TEETH},
};

/// b of the curve.
const B: Fe = Fe([
    0x29c4_bddf,
    0xd89c_df62,
    0x7884_3090,
    0xacf0_05cd,
    0xf721_2ed6,
    0xe5a2_20ab,
    0x0487_4834,
    0xdc30_061d,
]);

/// The bits of a digit when a point is multiplied.
const WINDOW: usize = 4;
/// The digits are odd and have a sign: half of half of 2^4.
const MULTIPLES: usize = 1 << (WINDOW - 1);

/// A point that is not infinity.
#[derive(Clone, Copy)]
pub(super) struct Affine {
    pub(super) x: Fe,
    pub(super) y: Fe,
}

/// The point (x / z^2, y / z^3), or infinity if z is 0 (Jacobian coordinates).
#[derive(Clone, Copy)]
pub(super) struct Point {
    x: Fe,
    y: Fe,
    z: Fe,
}

impl Affine {
    /// Big-endian coordinates; `None` if that is no point of the curve.
    pub(super) fn from_bytes(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        let point = Self {
            x: Fe::from_bytes(x)?,
            y: Fe::from_bytes(y)?,
        };
        // x (x^2 - 3) + b
        let mut right = point.x;
        right.square();
        for _ in 0..3 {
            right.subtract(&Fe::ONE);
        }
        right.multiply(&point.x);
        right.add(&B);
        let mut left = point.y;
        left.square();
        bool::from(left.ct_eq(&right)).then_some(point)
    }
}

impl From<Affine> for Point {
    fn from(point: Affine) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: Fe::ONE,
        }
    }
}

impl Point {
    const INFINITY: Self = Self {
        x: Fe::ONE,
        y: Fe::ONE,
        z: Fe::ZERO,
    };

    /// `k` times the base point. Constant time.
    pub(super) fn base_times(k: &Scalar) -> Self {
        let (digits, negative) = Digits::comb(k);
        let (mut sum, mut doubled) = (Self::INFINITY, Self::INFINITY);
        for column in (0..COLUMNS).rev() {
            let (index, sign) = digits.column(column);
            let [x, mut y] = select(&COMB, index);
            y.negate_if(sign);
            if column == COLUMNS - 1 {
                sum = Affine { x, y }.into();
                continue;
            }
            sum.double();
            let equal = sum.add(&x, &y, None);
            if column == 0 {
                doubled = Affine { x, y }.into();
                doubled.double();
                sum.assign_if(&doubled, equal);
            }
        }
        doubled.zeroize();
        sum.y.negate_if(negative);
        sum
    }

    /// The x coordinate of `k` times a point. Constant time.
    pub(super) fn x_of_multiple(point: &Affine, k: &Scalar) -> Fe {
        let mut multiples = [[[0; 8]; 3]; MULTIPLES];
        odd_multiples(point, &mut multiples);
        // The sign of the result does not matter: x has none.
        let (digits, _) = Digits::windows(k);
        let (mut sum, mut doubled) = (Self::INFINITY, Self::INFINITY);
        for window in (0..256 / WINDOW).rev() {
            let (index, sign) = digits.window(window);
            let [x, mut y, z] = select(&multiples, index);
            y.negate_if(sign);
            if window == 256 / WINDOW - 1 {
                sum = Self { x, y, z };
                continue;
            }
            for _ in 0..WINDOW {
                sum.double();
            }
            let equal = sum.add(&x, &y, Some(&z));
            if window == 0 {
                doubled = Self { x, y, z };
                doubled.double();
                sum.assign_if(&doubled, equal);
            }
        }
        let x = sum.to_affine().x;
        sum.zeroize();
        doubled.zeroize();
        x
    }

    /// `a` times the base point and `b` times another. Not for secrets.
    pub(super) fn double_base_vartime(a: &Scalar, point: &Affine, b: &Scalar) -> Self {
        let mut multiples = [[[0; 8]; 3]; MULTIPLES];
        odd_multiples(point, &mut multiples);
        let (comb, negative) = Digits::comb(a);
        let naf = NonAdjacent::new(b);
        let use_base = !bool::from(a.is_zero());
        let mut sum = Self::INFINITY;
        for position in (0..NonAdjacent::LENGTH).rev() {
            sum.double();
            let (index, sign) = naf.digit(position);
            if let Some(multiple) = index.and_then(|index| multiples.get(index)) {
                let [x, mut y, z] = multiple.map(Fe);
                y.negate_if(sign);
                sum.add_vartime(&x, &y, Some(&z));
            }
            if position < COLUMNS && use_base {
                let (index, sign) = comb.column(position);
                if let Some(entry) = COMB.get(index as usize) {
                    let [x, mut y] = entry.map(Fe);
                    y.negate_if(sign ^ negative);
                    sum.add_vartime(&x, &y, None);
                }
            }
        }
        sum
    }

    /// The coordinates; of infinity (0, 0).
    pub(super) fn to_affine(self) -> Affine {
        let mut inverse = self.z;
        inverse.invert();
        let mut square = inverse;
        square.square();
        let (mut x, mut y) = (self.x, self.y);
        x.multiply(&square);
        y.multiply(&square);
        y.multiply(&inverse);
        Affine { x, y }
    }

    fn assign_if(&mut self, other: &Self, choice: Choice) {
        self.x.assign_if(&other.x, choice);
        self.y.assign_if(&other.y, choice);
        self.z.assign_if(&other.z, choice);
    }

    /// Whether the point has this x coordinate; infinity has none.
    pub(super) fn has_x(&self, x: &Fe) -> bool {
        let mut scaled = self.z;
        scaled.square();
        scaled.multiply(x);
        bool::from(scaled.ct_eq(&self.x) & !self.z.is_zero())
    }

    /// Twice the point; infinity stays that.
    fn double(&mut self) {
        // m = 3 / 2 (x - z^2) (x + z^2)
        let mut other = self.z;
        other.square();
        let mut m = self.x;
        m.subtract(&other);
        other.add(&self.x);
        m.multiply(&other);
        other = m;
        other.halve();
        m.add(&other);
        // z' = y z, s = x y^2, t = y^4
        self.z.multiply(&self.y);
        let mut t = self.y;
        t.square();
        let mut s = self.x;
        s.multiply(&t);
        t.square();
        // x' = m^2 - 2 s, y' = m (s - x') - t
        self.x = m;
        self.x.square();
        self.x.subtract(&s);
        self.x.subtract(&s);
        s.subtract(&self.x);
        self.y = s;
        self.y.multiply(&m);
        self.y.subtract(&t);
    }

    /// Adds the point (x / z^2, y / z^3), where z is 1 if there is none. The result is wrong if
    /// one of the two is infinity, and if they are equal, which is returned.
    fn add(&mut self, x: &Fe, y: &Fe, z: Option<&Fe>) -> Choice {
        // u2 = x2 z1^2, s2 = y2 z1^3, and the reverse
        let mut u2 = self.z;
        u2.square();
        let mut s2 = u2;
        s2.multiply(&self.z);
        u2.multiply(x);
        s2.multiply(y);
        if let Some(z) = z {
            let mut square = *z;
            square.square();
            self.x.multiply(&square);
            square.multiply(z);
            self.y.multiply(&square);
            self.z.multiply(z);
        }
        // h = u2 - u1, r = s2 - s1, z' = z1 z2 h
        let (mut h, mut r) = (u2, s2);
        h.subtract(&self.x);
        r.subtract(&self.y);
        let equal = h.is_zero() & r.is_zero();
        self.z.multiply(&h);
        // h^2 u1, h^3, h^3 s1
        let mut cube = h;
        h.square();
        self.x.multiply(&h);
        cube.multiply(&h);
        self.y.multiply(&cube);
        // x' = r^2 - h^3 - 2 h^2 u1, y' = r (h^2 u1 - x') - h^3 s1
        let mut v = self.x;
        self.x = r;
        self.x.square();
        self.x.subtract(&cube);
        self.x.subtract(&v);
        self.x.subtract(&v);
        v.subtract(&self.x);
        v.multiply(&r);
        v.subtract(&self.y);
        self.y = v;
        equal
    }

    /// Adds any point that is not infinity to any point. Not for secrets.
    fn add_vartime(&mut self, x: &Fe, y: &Fe, z: Option<&Fe>) {
        let other = Self {
            x: *x,
            y: *y,
            z: *z.unwrap_or(&Fe::ONE),
        };
        if bool::from(self.z.is_zero()) {
            *self = other;
        } else if bool::from(self.add(x, y, z)) {
            *self = other;
            self.double();
        }
    }
}

impl Zeroize for Point {
    #[inline(never)]
    fn zeroize(&mut self) {
        self.x.0.zeroize();
        self.y.0.zeroize();
        self.z.0.zeroize();
    }
}

/// 1, 3, 5 and so on times a point.
fn odd_multiples(point: &Affine, multiples: &mut Table<3, MULTIPLES>) {
    let mut sum = Point::from(*point);
    let mut twice = sum;
    twice.double();
    let mut first = true;
    for multiple in multiples {
        if !first {
            sum.add(&twice.x, &twice.y, Some(&twice.z));
        }
        first = false;
        *multiple = [sum.x.0, sum.y.0, sum.z.0];
    }
}

/// An odd number as a sum of powers of two, each of them added or subtracted: bit i of the number
/// here says whether 2^i is added. None is left out, which makes every group of them odd.
#[derive(Zeroize)]
#[zeroize(drop)]
struct Digits([u32; 9]);

impl Digits {
    /// For [`Self::window`]: the sum of 256 powers. Also tells if it is not `k` but -`k`.
    fn windows(k: &Scalar) -> (Self, Choice) {
        Self::new(k, 1 << 31, 0)
    }

    /// For [`Self::column`]: the sum of 260 powers. Also tells if it is not `k` but -`k`.
    fn comb(k: &Scalar) -> (Self, Choice) {
        Self::new(k, 0, 1 << (TEETH * COLUMNS - 1 - 256))
    }

    /// With all bits set the sum of m powers is 2^m - 1, and a bit that is not set takes 2^(i + 1)
    /// away: the bits of an odd k are (k + 2^m - 1) / 2.
    fn new(k: &Scalar, in_limb_7: u32, in_limb_8: u32) -> (Self, Choice) {
        let (odd, negative) = k.odd();
        let mut digits = [0; 9];
        let mut above = in_limb_7;
        for (digit, limb) in digits.iter_mut().zip(odd.limbs()).rev() {
            *digit = limb >> 1 | above;
            above = limb << 31;
        }
        digits[8] = in_limb_8;
        (Self(digits), negative)
    }

    fn bits(&self, position: usize, mask: u32) -> u32 {
        let limb = self.0.get(position / 32).copied().unwrap_or(0);
        limb >> (position % 32) & mask
    }

    /// The digit 2^(4 i) belongs to: index in the table of odd multiples, and sign.
    fn window(&self, window: usize) -> (u32, Choice) {
        sign_and_index(self.bits(WINDOW * window, (1 << WINDOW) - 1), WINDOW)
    }

    /// The powers that are `column` doublings away from those of the comb: index and sign.
    fn column(&self, column: usize) -> (u32, Choice) {
        let teeth = (0..TEETH).rev();
        let bits = teeth.fold(0, |bits, tooth| {
            bits << 1 | self.bits(column + COLUMNS * tooth, 1)
        });
        sign_and_index(bits, TEETH)
    }
}

/// The highest bit is the sign, 0 for minus; the rest is the index, inverted with the sign.
fn sign_and_index(bits: u32, length: usize) -> (u32, Choice) {
    let positive = bits >> (length - 1);
    let index = (bits ^ positive.wrapping_sub(1)) & ((1 << (length - 1)) - 1);
    (index, !Choice::from(positive as u8))
}

/// A number as a sum of few odd multiples, below 16 or their negative, of powers of two.
struct NonAdjacent([i8; Self::LENGTH]);

impl NonAdjacent {
    const LENGTH: usize = 257;
    /// The bits that a digit stands for, its sign included.
    const BITS: usize = WINDOW + 1;

    fn new(k: &Scalar) -> Self {
        let mut digits = [0; Self::LENGTH];
        let limbs = k.limbs();
        let bit = |position: usize| {
            let limb = limbs.get(position / 32).copied().unwrap_or(0);
            limb >> (position % 32) & 1
        };
        let mut carry = 0;
        let mut position = 0;
        while let Some(digit) = digits.get_mut(position) {
            if bit(position) == carry {
                position += 1;
                continue;
            }
            let bits = (0..Self::BITS).rev();
            let value = carry + bits.fold(0, |value, i| value << 1 | bit(position + i));
            carry = value >> (Self::BITS - 1) & 1;
            *digit = (value as i8).wrapping_sub((carry as i8) << Self::BITS);
            position += Self::BITS;
        }
        Self(digits)
    }

    /// Index in the table of odd multiples, if there is a digit, and sign.
    fn digit(&self, position: usize) -> (Option<usize>, Choice) {
        let digit = self.0.get(position).copied().unwrap_or(0);
        let index = (digit != 0).then(|| usize::from(digit.unsigned_abs() / 2));
        (index, Choice::from(u8::from(digit < 0)))
    }
}
