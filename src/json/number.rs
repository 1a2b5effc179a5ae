//! Numbers: exact integers out of decimal text, without floating point.

use super::lex;
use crate::Error;

/// Sign and magnitude of a number multiplied by `10^decimals`.
///
/// `JsonRange` if the result is not an integer or its magnitude exceeds 64 bits; `JsonType` if
/// the text is not one number.
pub(super) fn scaled(text: &[u8], decimals: u8) -> Result<(bool, u64), Error> {
    let (negative, unsigned) = match text {
        [b'-', unsigned @ ..] => (true, unsigned),
        unsigned => (false, unsigned),
    };
    let mut rest = skip_digits(unsigned);
    let whole = lex::before(unsigned, rest);
    let mut fraction: &[u8] = &[];
    if let [b'.', digits @ ..] = rest {
        rest = skip_digits(digits);
        fraction = lex::before(digits, rest);
    }
    let exponent = match rest {
        [] if !whole.is_empty() => 0,
        [b'e' | b'E', digits @ ..] => exponent(digits)?,
        _ => return Err(Error::JsonType),
    };

    // The number is all its digits * 10^shift. Lengths are far below i64::MAX.
    let shift = exponent + i64::from(decimals) - fraction.len() as i64;
    // With a negative shift the last digits are cut off, and must be 0.
    let kept = (whole.len() + fraction.len()) as i64 + shift.min(0);

    let mut magnitude: u64 = 0;
    for (i, digit) in (0..).zip(whole.iter().chain(fraction)) {
        let digit = u64::from(digit & 0x0F);
        if i < kept {
            magnitude = (magnitude.checked_mul(10))
                .and_then(|tens| tens.checked_add(digit))
                .ok_or(Error::JsonRange)?;
        } else if digit != 0 {
            return Err(Error::JsonRange);
        }
    }
    if magnitude != 0 {
        // At most 20 turns: then a magnitude of 1 does not fit any more.
        for _ in 0..shift {
            magnitude = magnitude.checked_mul(10).ok_or(Error::JsonRange)?;
        }
    }
    Ok((negative, magnitude))
}

/// What follows any digits.
#[inline(never)]
fn skip_digits(mut rest: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', next @ ..] = rest {
        rest = next;
    }
    rest
}

/// The usual case, with hardly any 64-bit arithmetic: 1 to 18 digits and nothing else.
#[inline(never)]
pub(super) fn digits_only(text: &[u8]) -> Option<u64> {
    match text.len().checked_sub(9) {
        None | Some(0) => short(text).map(u64::from),
        Some(high) => {
            let (high, low) = text.split_at_checked(high)?;
            Some(u64::from(short(high)?) * 1_000_000_000 + u64::from(short(low)?))
        }
    }
}

/// 1 to 9 digits and nothing else.
#[inline(never)]
pub(super) fn short(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    let mut integer = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        integer = integer * 10 + u32::from(digit);
    }
    Some(integer)
}

/// Far beyond any digits a text can have, far from overflow.
const EXPONENT_LIMIT: i64 = 1 << 60;

fn exponent(text: &[u8]) -> Result<i64, Error> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let rest = skip_digits(digits);
    if digits.is_empty() || !rest.is_empty() {
        return Err(Error::JsonType);
    }
    let mut exponent: i64 = 0;
    for digit in digits {
        exponent = (exponent.saturating_mul(10))
            .saturating_add(i64::from(digit & 0x0F))
            .min(EXPONENT_LIMIT);
    }
    Ok(if negative { -exponent } else { exponent })
}

/// Puts sign and magnitude together.
pub(super) fn signed(negative: bool, magnitude: u64) -> Result<i64, Error> {
    let value = if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        0i64.checked_add_unsigned(magnitude)
    };
    value.ok_or(Error::JsonRange)
}
