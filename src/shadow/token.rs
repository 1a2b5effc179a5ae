//! Client tokens: what ties an answer to the request it answers.

/// Length of the library's own tokens as text.
pub const TOKEN_LEN: usize = 16;
/// Longest client token, in bytes (AWS IoT limit).
pub const MAX_TOKEN: usize = 64;

/// Names a client token in 64 bits.
///
/// The library's own tokens are unique for each request of each start of each Thing, so that
/// answers to other clients' requests, which AWS IoT sends to everybody, are told apart. A token
/// that the application chose is named by a hash of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u64);

impl Token {
    /// The `count`th token since a start that drew the random number `boot`.
    pub const fn new(boot: u32, count: u32) -> Self {
        Self(((boot as u64) << 32) | count as u64)
    }

    /// Whether it was made since the start that drew the random number `boot`.
    pub const fn is_of(self, boot: u32) -> bool {
        self.0 >> 32 == boot as u64
    }

    /// The text of one of the library's own.
    pub fn text(self) -> [u8; TOKEN_LEN] {
        let mut text = [0; TOKEN_LEN];
        let (high, low) = text.split_at_mut(TOKEN_LEN / 2);
        write_hex((self.0 >> 32) as u32, high);
        write_hex(self.0 as u32, low);
        text
    }

    /// The token with this text; `None` when it is empty or longer than the service allows.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if !(1..=MAX_TOKEN).contains(&text.len()) {
            return None;
        }
        Some(Self(own(text).unwrap_or_else(|| super::hash(text))))
    }
}

/// What the library's own text stands for.
fn own(text: &[u8]) -> Option<u64> {
    // In two halves: shifting 64 bits is slow on a Cortex-M.
    let (high, low) = text.split_at_checked(TOKEN_LEN / 2)?;
    if low.len() != TOKEN_LEN / 2 {
        return None;
    }
    Some(u64::from(read_hex(high)?) << 32 | u64::from(read_hex(low)?))
}

#[inline(never)]
fn read_hex(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u32::from(digit))
    })
}

#[inline(never)]
fn write_hex(mut value: u32, text: &mut [u8]) {
    for place in text.iter_mut().rev() {
        *place = match (value & 0xF) as u8 {
            digit @ 0..=9 => b'0' + digit,
            digit => b'a' - 10 + digit,
        };
        value >>= 4;
    }
}

/// Whether a text can be a client token without being escaped in JSON: 1 to 64 printable ASCII
/// characters other than `"` and `\`.
pub fn is_token(text: &[u8]) -> bool {
    (1..=MAX_TOKEN).contains(&text.len())
        && text
            .iter()
            .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for (boot, count) in [
            (0, 0),
            (1, 2),
            (0xDEAD_BEEF, 0x0000_0A0F),
            (u32::MAX, u32::MAX),
        ] {
            let token = Token::new(boot, count);
            assert_eq!(Token::parse(&token.text()), Some(token));
        }
        assert_eq!(&Token::new(0xDEAD_BEEF, 10).text(), b"deadbeef0000000a");
        assert!(Token::new(0xDEAD_BEEF, 10).is_of(0xDEAD_BEEF));
        assert!(!Token::new(0xDEAD_BEEF, 10).is_of(10));
    }

    #[test]
    fn other_tokens_are_told_apart() {
        let ours = Token::parse(b"deadbeef0000000a");
        for other in [
            &b"deadbeef0000000"[..],
            b"DEADBEEF0000000A",
            b"deadbeef0000000g",
            b"cloud-1",
            &[b'x'; MAX_TOKEN],
        ] {
            assert_ne!(Token::parse(other), ours);
            assert_eq!(Token::parse(other), Token::parse(other));
            assert!(is_token(other));
        }
        for none in [&b""[..], &[b'x'; MAX_TOKEN + 1]] {
            assert_eq!(Token::parse(none), None);
            assert!(!is_token(none));
        }
        for odd in [&b"a\"b"[..], b"a\\b", b"a\nb", "é".as_bytes()] {
            assert!(!is_token(odd), "it would need an escape");
        }
    }
}
