//! Client tokens: what ties an answer to the request it answers.

/// Length of a client token as text.
pub const TOKEN_LEN: usize = 16;

/// A client token: unique for each request of each start of each device, so that answers to
/// other clients' requests, which AWS IoT sends to everybody, are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u64);

impl Token {
    /// The `count`th token since a start that drew the random number `boot`.
    pub const fn new(boot: u32, count: u32) -> Self {
        Self(((boot as u64) << 32) | count as u64)
    }

    /// As it is written into a request.
    pub fn text(self) -> [u8; TOKEN_LEN] {
        let mut text = [0; TOKEN_LEN];
        let mut rest = self.0;
        for place in text.iter_mut().rev() {
            *place = match (rest & 0xF) as u8 {
                digit @ 0..=9 => b'0' + digit,
                digit => b'a' - 10 + digit,
            };
            rest >>= 4;
        }
        text
    }

    /// Reads a token from an answer; `None` when it cannot be one of ours.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != TOKEN_LEN {
            return None;
        }
        let mut value = 0_u64;
        for byte in text {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            value = (value << 4) | u64::from(digit);
        }
        Some(Self(value))
    }
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
    }

    #[test]
    fn other_clients_tokens_are_not_ours() {
        for other in [
            &b""[..],
            b"deadbeef0000000",
            b"DEADBEEF0000000A",
            b"deadbeef0000000g",
        ] {
            assert_eq!(Token::parse(other), None);
        }
    }
}
