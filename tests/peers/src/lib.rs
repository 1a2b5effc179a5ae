//! What the tests against other people's servers have in common.

pub mod client;
pub mod pki;
pub mod server;
