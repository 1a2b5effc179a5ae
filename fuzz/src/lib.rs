//! Fuzzers. Each target is a function of bytes that must neither panic nor come to no end, and
//! checks that what it got is what it may get: no server is taken for another one.
//!
//! `tests/short.rs` runs them briefly, the same way every time; tools/fuzz guided by coverage.

pub mod certificates;
pub mod keys;
pub mod session;
pub mod wire;

#[path = "../../tests/hostile_tls/deviations.rs"]
mod deviations;
#[allow(dead_code, reason = "there for the tests with the hostile server")]
#[path = "../../tests/hostile_tls/engine.rs"]
mod engine;
#[allow(dead_code, reason = "there for the tests with the hostile server")]
#[path = "../../tests/hostile_tls/offer.rs"]
mod offer;
#[allow(dead_code, reason = "there for the tests with the hostile server")]
#[path = "../../tests/hostile_tls/outcome.rs"]
mod outcome;
#[path = "../../tests/hostile_tls/pki.rs"]
mod pki;
#[allow(dead_code, reason = "there for the tests with the hostile server")]
#[path = "../../tests/hostile_tls/server.rs"]
mod server;
#[allow(dead_code, reason = "there for the tests with the hostile server")]
#[path = "../../tests/hostile_tls/traffic.rs"]
mod traffic;
#[allow(dead_code, reason = "there for the tests with the hostile server")]
#[path = "../../tests/hostile_tls/world.rs"]
mod world;

/// A fuzzer.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "session",
        run: session::run,
        seeds: session::seeds,
    },
    Target {
        name: "wire",
        run: wire::run,
        seeds: wire::seeds,
    },
    Target {
        name: "certificates",
        run: certificates::run,
        seeds: certificates::seeds,
    },
    Target {
        name: "keys",
        run: keys::run,
        seeds: keys::seeds,
    },
];

/// Words of TLS and X.509 that random bytes would rarely hit, in the form of libFuzzer.
pub const DICTIONARY: &str = include_str!("../tls.dict");
