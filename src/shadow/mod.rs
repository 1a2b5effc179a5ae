//! The thing's shadow: topics, requests and answers. Pure: bytes in, values out.

mod message;
mod token;
pub mod topic;

pub use message::{Envelope, Versions};
pub use token::{TOKEN_LEN, Token};
pub use topic::{Filter, Request};

use crate::error::Retry;

/// Largest shadow request, in bytes (AWS IoT limit).
pub const MAX_DOCUMENT: usize = 8192;

const UPDATE_HEAD: &[u8] = br#"{"state":{"reported":"#;
const UPDATE_TOKEN: &[u8] = br#"},"clientToken":""#;
const GET_HEAD: &[u8] = br#"{"clientToken":""#;
const TAIL: &[u8] = br#""}"#;

/// The parts of the request that reports `reported`, in order.
pub fn update_request<'a>(reported: &'a [u8], token: &'a [u8; TOKEN_LEN]) -> [&'a [u8]; 5] {
    [UPDATE_HEAD, reported, UPDATE_TOKEN, token, TAIL]
}

/// The parts of the request for the whole shadow.
pub fn get_request(token: &[u8; TOKEN_LEN]) -> [&[u8]; 3] {
    [GET_HEAD, token, TAIL]
}

/// The size of an update that reports `reported_len` bytes.
pub const fn update_size(reported_len: usize) -> usize {
    UPDATE_HEAD.len() + UPDATE_TOKEN.len() + TOKEN_LEN + TAIL.len() + reported_len
}

/// Whether a request that the service rejected with `code` can be tried again.
pub const fn retry_verdict(code: i32) -> Retry {
    match code {
        409 => Retry::Refresh,
        429 | 500..=599 => Retry::Later,
        _ => Retry::No,
    }
}
