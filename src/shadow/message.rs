//! Reading what the shadow service sends.

use super::{TOKEN_LEN, Token};
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
    /// `clientToken`, when it is one of ours.
    pub token: Option<Token>,
    /// `code` of a rejection, -1 when there is none.
    pub code: i32,
}

impl<'a> Envelope<'a> {
    /// Reads a message; members of an unexpected type count as absent.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        let [state, version, token, code] =
            json::scan_members(payload, ["state", "version", "clientToken", "code"])?;
        Ok(Self {
            document: Value::assume_valid(payload),
            state,
            version: version.and_then(|v| v.as_u64().ok()).unwrap_or(0),
            token: token.and_then(read_token),
            code: code
                .and_then(|v| v.as_i64().ok())
                .and_then(|code| i32::try_from(code).ok())
                .unwrap_or(-1),
        })
    }

    /// What the cloud asks for in the answer to a get: `state.delta`.
    pub fn delta_of_get(&self) -> Option<Value<'a>> {
        self.state.and_then(|state| state.get("delta").ok())
    }
}

fn read_token(value: Value<'_>) -> Option<Token> {
    let mut text = [0; TOKEN_LEN];
    let len = value.as_text().ok()?.copy_to(&mut text).ok()?;
    Token::parse(text.get(..len)?)
}

/// Tells stale requests from current ones.
///
/// The answers to one update share its version and arrive in any order, so a request is stale
/// only when its version is lower than that of an earlier request, never when it is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    requested: u64,
}

impl Versions {
    /// Whether a delta of this version is to be acted on.
    pub fn accept_delta(&mut self, version: u64) -> bool {
        if version != 0 && version < self.requested {
            return false;
        }
        self.requested = self.requested.max(version);
        true
    }

    /// The whole shadow was read at this version, whatever was seen before: a shadow that was
    /// deleted and made anew may count from a lower number.
    pub fn reset(&mut self, version: u64) {
        self.requested = version;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta() {
        let text = br#"{"version":7,"timestamp":1,"state":{"color":"blue"},"metadata":{"color":{"timestamp":1}},"clientToken":"somebody"}"#;
        let delta = Envelope::parse(text).unwrap();
        assert_eq!(delta.version, 7);
        assert_eq!(delta.state.unwrap().raw(), br#"{"color":"blue"}"#);
        assert_eq!(delta.token, None);
        assert_eq!(delta.code, -1);
        assert_eq!(delta.document.raw(), text);
    }

    #[test]
    fn an_answer_to_a_get() {
        let token = Token::new(1, 2);
        let text = [
            br#"{"state":{"desired":{"a":1},"delta":{"a":1}},"version":5,"clientToken":""#,
            &token.text()[..],
            br#""}"#,
        ]
        .concat();
        let got = Envelope::parse(&text).unwrap();
        assert_eq!(got.token, Some(token));
        assert_eq!(got.delta_of_get().unwrap().raw(), br#"{"a":1}"#);
        let in_sync = Envelope::parse(br#"{"state":{"reported":{"a":1}},"version":5}"#).unwrap();
        assert!(in_sync.delta_of_get().is_none());
    }

    #[test]
    fn a_rejection() {
        let no = Envelope::parse(br#"{"code":409,"message":"Version conflict"}"#).unwrap();
        assert_eq!(no.code, 409);
        assert!(no.state.is_none());
    }

    #[test]
    fn odd_members_count_as_absent() {
        let odd =
            Envelope::parse(br#"{"version":"x","code":{},"clientToken":7,"state":1}"#).unwrap();
        assert_eq!((odd.version, odd.code, odd.token), (0, -1, None));
        assert!(odd.delta_of_get().is_none());
        assert_eq!(Envelope::parse(b"[]").unwrap_err(), Error::JsonType);
        assert_eq!(Envelope::parse(b"{").unwrap_err(), Error::JsonSyntax);
        assert_eq!(Envelope::parse(b"").unwrap_err(), Error::JsonSyntax);
    }

    #[test]
    fn only_lower_versions_are_stale() {
        let mut versions = Versions::default();
        assert!(versions.accept_delta(5));
        assert!(versions.accept_delta(5), "a redelivery");
        assert!(versions.accept_delta(7));
        assert!(!versions.accept_delta(6));
        assert!(versions.accept_delta(0), "a message without a version");
        versions.reset(2);
        assert!(
            versions.accept_delta(3),
            "the shadow was deleted and made anew"
        );
    }
}
