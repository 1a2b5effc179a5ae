//! Reading what the shadow service sends.

use super::Token;
use super::token::MAX_TOKEN;
use crate::Error;
use crate::json::{self, Value};

/// The members of a message that decide what happens, found in one pass over its text.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The whole message.
    pub document: Value<'a>,
    /// `state`.
    pub state: Option<Value<'a>>,
    /// `version`, 0 when there is none.
    pub version: u64,
    /// `timestamp`, in seconds since 1970, 0 when there is none.
    pub timestamp: u64,
    /// `clientToken`, if it is one.
    pub token: Option<Token>,
    /// `code` of a rejection, -1 when there is none.
    pub code: i32,
    /// `current`, of the documents of an update.
    pub current: Option<Value<'a>>,
}

impl<'a> Envelope<'a> {
    /// Reads a message; members of an unexpected type count as absent.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        let [state, version, timestamp, token, code, current] = json::scan_members(
            payload,
            [
                "state",
                "version",
                "timestamp",
                "clientToken",
                "code",
                "current",
            ],
        )?;
        Ok(Self {
            document: Value::assume_valid(payload),
            state,
            version: number(version),
            timestamp: number(timestamp),
            token: token.and_then(read_token),
            code: code
                .and_then(|v| v.as_i64().ok())
                .and_then(|code| i32::try_from(code).ok())
                .unwrap_or(-1),
            current,
        })
    }

    /// A section of `state`: `desired`, `reported`, or `delta` in the answer to a get.
    pub fn section(&self, name: &str) -> Option<Value<'a>> {
        let section = self.state?.get(name).ok()?;
        (section.kind() == json::Kind::Object).then_some(section)
    }
}

fn number(value: Option<Value<'_>>) -> u64 {
    value.and_then(|v| v.as_u64().ok()).unwrap_or(0)
}

fn read_token(value: Value<'_>) -> Option<Token> {
    let text = value.as_text().ok()?;
    if !text.is_escaped() {
        return Token::parse(text.raw());
    }
    let mut unescaped = [0; MAX_TOKEN];
    let len = text.copy_to(&mut unescaped).ok()?;
    Token::parse(unescaped.get(..len)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta() {
        let text = br#"{"version":7,"timestamp":1,"state":{"color":"blue"},"metadata":{"color":{"timestamp":1}},"clientToken":"somebody"}"#;
        let delta = Envelope::parse(text).unwrap();
        assert_eq!((delta.version, delta.timestamp), (7, 1));
        assert_eq!(delta.state.unwrap().raw(), br#"{"color":"blue"}"#);
        assert_eq!(delta.code, -1);
        assert_eq!(delta.document.raw(), text);
    }

    #[test]
    fn an_answer_to_a_get() {
        let token = Token::new(1, 2);
        let text = [
            br#"{"state":{"desired":{"a":1},"delta":{"a":1}},"version":5,"clientToken":""#,
            token.text().as_slice(),
            br#""}"#,
        ]
        .concat();
        let got = Envelope::parse(&text).unwrap();
        assert_eq!(got.token, Some(token));
        assert_eq!(got.section("delta").unwrap().raw(), br#"{"a":1}"#);
        assert_eq!(got.section("desired").unwrap().raw(), br#"{"a":1}"#);
        assert!(got.section("reported").is_none());
        let in_sync = Envelope::parse(br#"{"state":{"reported":{"a":1}},"version":5}"#).unwrap();
        assert!(in_sync.section("delta").is_none());
    }

    #[test]
    fn documents_and_rejections() {
        let text = br#"{"previous":null,"current":{"state":{},"version":7},"timestamp":4}"#;
        let documents = Envelope::parse(text).unwrap();
        assert_eq!(
            documents.current.unwrap().raw(),
            br#"{"state":{},"version":7}"#
        );
        let no = Envelope::parse(br#"{"code":409,"message":"Version conflict"}"#).unwrap();
        assert_eq!(no.code, 409);
        assert!(no.state.is_none() && no.current.is_none());
    }

    #[test]
    fn odd_members_count_as_absent() {
        let odd = Envelope::parse(
            br#"{"version":"x","code":{},"clientToken":7,"state":1,"timestamp":-1}"#,
        )
        .unwrap();
        assert_eq!(
            (odd.version, odd.code, odd.token, odd.timestamp),
            (0, -1, None, 0)
        );
        assert!(odd.section("delta").is_none());
        assert_eq!(Envelope::parse(b"[]").unwrap_err(), Error::JsonType);
        assert_eq!(Envelope::parse(b"{").unwrap_err(), Error::JsonSyntax);
        assert_eq!(Envelope::parse(b"").unwrap_err(), Error::JsonSyntax);
        let long = format!(r#"{{"clientToken":"{}"}}"#, "x".repeat(65));
        assert_eq!(Envelope::parse(long.as_bytes()).unwrap().token, None);
    }
}
