//! Fuzzers. Each target is a function of bytes that must neither panic nor come to no end, and
//! checks that what it got is what it may get: no server is taken for another one.
//!
//! `tests/short.rs` runs them briefly, the same way every time; tools/fuzz guided by coverage.

pub mod certificates;
pub mod json;
pub mod keys;
pub mod mqtt;
mod packets;
pub mod session;
pub mod shadow;
pub mod wire;

#[path = "../../tests/hostile_tls/deviations.rs"]
mod deviations;
#[allow(dead_code, reason = "there for the tests with the hostile server")]
#[path = "../../tests/hostile_tls/engine.rs"]
mod engine;
#[path = "../../tests/json/judge.rs"]
mod judge;
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
    /// Words that random bytes would rarely hit, in the form of libFuzzer.
    pub words: &'static str,
}

const TLS: &str = include_str!("../tls.dict");

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "session",
        run: session::run,
        seeds: session::seeds,
        words: TLS,
    },
    Target {
        name: "wire",
        run: wire::run,
        seeds: wire::seeds,
        words: TLS,
    },
    Target {
        name: "certificates",
        run: certificates::run,
        seeds: certificates::seeds,
        words: TLS,
    },
    Target {
        name: "keys",
        run: keys::run,
        seeds: keys::seeds,
        words: TLS,
    },
    Target {
        name: "mqtt",
        run: mqtt::run,
        seeds: mqtt::seeds,
        words: include_str!("../mqtt.dict"),
    },
    Target {
        name: "json",
        run: json::run,
        seeds: json::seeds,
        words: include_str!("../json.dict"),
    },
    Target {
        name: "shadow",
        run: shadow::run,
        seeds: shadow::seeds,
        words: include_str!("../shadow.dict"),
    },
];
