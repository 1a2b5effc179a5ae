//! Tests of the engine's parts. Whole handshakes, good and bad, are in tests/hostile_tls and
//! tests/openssl.

mod connection;
mod limit;
mod messages;
mod record;
mod schedule;
mod share;
mod ticket;

use super::{record::Keys, suite::Suite};
use crate::tls::crypto::hash::Digest;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
        .collect()
}

fn digest(text: &str) -> Digest {
    Digest::from_slice(&hex(text)).unwrap()
}

/// The keys that come of a secret of this byte.
fn keys(suite: Suite, byte: u8) -> Keys {
    let secret = vec![byte; suite.hash().digest_len()];
    Keys::new(suite, Digest::from_slice(&secret).unwrap()).unwrap()
}
