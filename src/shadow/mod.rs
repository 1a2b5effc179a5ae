//! Shadows: topics, requests and answers, what one shadow remembers, and the table of properties.
//! Pure: bytes and times in, values out.
//!
//! ```text
//! topic ----> state: subscriptions, versions, when to read it all (fetch) ----> Reaction
//! message ---/                                                                     |
//! token                                              property: delta -> variables -> report
//! ```

pub mod fetch;
mod message;
pub mod property;
mod report;
pub mod state;
mod token;
pub mod topic;

pub use message::Envelope;
pub use report::Reporter;
pub use state::{Reaction, Read, State};
pub use token::{MAX_TOKEN, TOKEN_LEN, Token, is_token};
pub use topic::Operation;

use crate::error::Retry;

/// Largest shadow request, in bytes (AWS IoT limit).
pub const MAX_DOCUMENT: usize = 8192;

/// What an update changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Section {
    /// What the device reports.
    #[default]
    Reported,
    /// What is wanted of it.
    Desired,
    /// Either or both, named in the text.
    Both,
}

/// Why a request is made, which decides what becomes of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The application asked for it.
    Call,
    /// So it did, and it writes the state when the request is sent.
    Written,
    /// The application changes what it is shown: reading and updating, so many times again.
    Modify(u8),
    /// The application's answer to a delta.
    Answer,
    /// To find what was missed.
    Fetch,
    /// The table of properties.
    Report,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which of the open shadows it is for.
    pub shadow: u32,
    /// What is asked.
    pub operation: Operation,
    /// Why.
    pub purpose: Purpose,
    /// What an update changes.
    pub section: Section,
    /// The version that the shadow must have; 0: any.
    pub version: u64,
}

impl Request {
    /// Whether it can be sent again without knowing whether it was obeyed.
    pub fn is_repeatable(&self) -> bool {
        self.operation != Operation::Delete && self.version == 0
    }

    /// What it changes, if it changes anything.
    pub fn changed_section(&self) -> Option<Section> {
        (self.operation == Operation::Update).then_some(self.section)
    }

    /// Bytes of its text around the state, with this token.
    pub fn overhead(&self, token: &[u8]) -> usize {
        let section = self.changed_section();
        let mut size = section.map_or(0, |section| update_head(section).len());
        let Ok(()) = tail(section, self.version, token, |part| {
            size = size.saturating_add(part.len());
            Ok::<(), core::convert::Infallible>(())
        });
        size
    }
}

/// How often a change that met another one is tried again.
pub const MAX_CONFLICTS: u8 = 8;

/// The text around the state of an update, and the longest there can be.
const TAIL_MAX: usize = r#"},"version":18446744073709551615,"clientToken":""}"#.len() + MAX_TOKEN;
const HEAD_MAX: usize = r#"{"state":{"reported":"#.len();

/// The largest state that fits into an update in any case.
pub const MAX_STATE: usize = MAX_DOCUMENT - HEAD_MAX - TAIL_MAX;

/// What comes before the state in an update.
pub const fn update_head(section: Section) -> &'static [u8] {
    match section {
        Section::Reported => br#"{"state":{"reported":"#,
        Section::Desired => br#"{"state":{"desired":"#,
        Section::Both => br#"{"state":"#,
    }
}

/// What comes after the state in an update, and alone (`section` is `None`) makes up the other
/// requests, part by part. `version` 0: whatever version the shadow has.
pub fn tail<E>(
    section: Option<Section>,
    version: u64,
    token: &[u8],
    mut put: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    put(match section {
        None => b"{",
        Some(Section::Both) => b",",
        Some(_) => b"},",
    })?;
    if version != 0 {
        let mut number = [0; 20];
        let mut writer = crate::json::Writer::new(&mut number);
        writer.u64(version);
        put(br#""version":"#)?;
        put(writer.finish().unwrap_or_default())?;
        put(b",")?;
    }
    put(br#""clientToken":""#)?;
    put(token)?;
    put(br#""}"#)
}

/// Whether a request that the service rejected with `code` can be tried again.
pub const fn retry_verdict(code: i32) -> Retry {
    match code {
        409 => Retry::Refresh,
        429 | 500..=599 => Retry::Later,
        _ => Retry::No,
    }
}

/// A hash of a text (FNV-1a, 64 bits): to tell texts apart that nobody chose to collide.
fn hash(text: &[u8]) -> u64 {
    text.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(section: Option<Section>, state: &str, version: u64, token: &[u8]) -> String {
        let mut text = section.map_or(&b""[..], update_head).to_vec();
        text.extend(state.as_bytes());
        let put = |part: &[u8]| {
            text.extend(part);
            Ok::<(), ()>(())
        };
        tail(section, version, token, put).unwrap();
        let request = Request {
            shadow: 0,
            operation: section.map_or(Operation::Get, |_| Operation::Update),
            purpose: Purpose::Call,
            section: section.unwrap_or_default(),
            version,
        };
        assert_eq!(request.overhead(token) + state.len(), text.len());
        String::from_utf8(text).unwrap()
    }

    fn update(section: Section, state: &str, version: u64, token: &[u8]) -> String {
        let text = request(Some(section), state, version, token);
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
        text
    }

    #[test]
    fn requests() {
        assert_eq!(
            update(Section::Reported, r#"{"a":1}"#, 0, b"t"),
            r#"{"state":{"reported":{"a":1}},"clientToken":"t"}"#
        );
        assert_eq!(
            update(Section::Desired, "null", 7, b"t"),
            r#"{"state":{"desired":null},"version":7,"clientToken":"t"}"#
        );
        assert_eq!(
            update(Section::Both, r#"{"desired":{}}"#, 0, b"t"),
            r#"{"state":{"desired":{}},"clientToken":"t"}"#
        );
        assert_eq!(request(None, "", 0, b"t"), r#"{"clientToken":"t"}"#);
        let largest = update(
            Section::Reported,
            &format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_STATE - 8)),
            u64::MAX,
            &[b't'; MAX_TOKEN],
        );
        assert_eq!(largest.len(), MAX_DOCUMENT);
    }

    #[test]
    fn verdicts() {
        for (code, verdict) in [
            (400, Retry::No),
            (404, Retry::No),
            (409, Retry::Refresh),
            (413, Retry::No),
            (429, Retry::Later),
            (500, Retry::Later),
            (503, Retry::Later),
            (-1, Retry::No),
        ] {
            assert_eq!(retry_verdict(code), verdict);
        }
    }
}
