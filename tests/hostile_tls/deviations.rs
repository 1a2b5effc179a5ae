//! What the engines do otherwise than the table wants. The tests hold them to this list exactly:
//! what gets better or worse must be changed here. docs/security.md sums it up by who can cause it.

#![cfg_attr(
    not(feature = "embedded-tls"),
    allow(dead_code, reason = "the other engine has none")
)]

use crate::outcome::Outcome;

/// One scenario that comes out otherwise.
pub struct Deviation {
    pub scenario: &'static str,
    pub outcome: Outcome,
}

/// Of the embedded-tls engine. That it sends no alerts is not listed scenario by scenario.
pub const EMBEDDED: &[Deviation] = &[];
