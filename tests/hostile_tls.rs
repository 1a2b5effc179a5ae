//! The TLS engines against servers that misbehave, and against honest ones over bad networks.
//!
//! `scenarios` is the table: what a server does and what must come of it. `table` holds every
//! engine to it and prints the sums; what an engine does otherwise stands in `deviations`, exactly.

#[path = "hostile_tls/deviations.rs"]
mod deviations;
#[path = "hostile_tls/engine.rs"]
mod engine;
#[path = "hostile_tls/honest.rs"]
mod honest;
#[path = "hostile_tls/memory.rs"]
mod memory;
#[path = "hostile_tls/offer.rs"]
mod offer;
#[path = "hostile_tls/outcome.rs"]
mod outcome;
#[path = "hostile_tls/pki.rs"]
mod pki;
#[path = "hostile_tls/scenarios/mod.rs"]
mod scenarios;
#[path = "hostile_tls/server.rs"]
mod server;
#[path = "hostile_tls/table.rs"]
mod table;
#[path = "hostile_tls/traffic.rs"]
mod traffic;
#[path = "hostile_tls/world.rs"]
mod world;

/// The tests, once for each engine.
macro_rules! for_engine {
    ($(#[$attribute:meta])* $module:ident, $engine:ident) => {
        $(#[$attribute])*
        mod $module {
            use crate::{engine::$engine, honest, table};

            #[test]
            fn table() {
                table::smooth::<$engine>();
            }

            #[test]
            fn table_byte_by_byte() {
                table::byte_by_byte::<$engine>();
            }

            #[test]
            fn ends_too_early() {
                table::cut_short::<$engine>();
            }

            honest::tests!($engine);
        }
    };
}

for_engine!(native, Native);
for_engine!(
    #[cfg(feature = "embedded-tls")]
    embedded,
    Embedded
);

/// The table with the suites that the native engine has by features; with `x25519` on that group.
#[cfg(feature = "aes256")]
#[test]
fn native_with_aes_256() {
    table::with_suite::<engine::Native>(traffic::Suite::Aes256);
}

#[cfg(feature = "chacha20")]
#[test]
fn native_with_chacha20() {
    table::with_suite::<engine::Native>(traffic::Suite::ChaCha20);
}
