//! The size of records: what we ask the server for, and what came of it.

use super::{
    connection::Connection,
    hello::Limit,
    messages::Limited,
    record::{MAX_CONTENT, TAG},
};
use crate::tls::RecordLimit;

/// What to ask the server for, if records of at most `largest` bytes of payload fit.
pub fn ask(wanted: RecordLimit, largest: usize) -> Limit {
    // Without room to spare for everything that is legal there would be nothing to ask for.
    if largest >= MAX_CONTENT + 1 + TAG {
        return Limit::None;
    }
    match wanted {
        RecordLimit::None => Limit::None,
        RecordLimit::Size => match u16::try_from(largest.saturating_sub(TAG)) {
            Ok(size) => Limit::Size(size),
            Err(_) => Limit::None,
        },
        RecordLimit::Fragment => (1..=4)
            .rev()
            .find(|&code| fragment(code).saturating_add(1 + TAG) <= largest)
            .map_or(Limit::None, Limit::Fragment),
    }
}

/// The contents that a code of max_fragment_length stands for.
fn fragment(code: u8) -> usize {
    256_usize << code.min(4)
}

/// Obeys what was agreed on about the size of records.
pub fn obey(connection: &mut Connection<'_>, limit: Limit, limited: &Limited) {
    match (limit, limited) {
        (Limit::Size(ours), &Limited::Size(theirs)) => {
            // The numbers count the type and the contents.
            let contents = usize::from(theirs).saturating_sub(1);
            connection.transmit.set_limit(contents);
            connection
                .receive
                .set_limit(usize::from(ours).saturating_add(TAG));
        }
        (Limit::Fragment(code), Limited::Fragment) => {
            connection.transmit.set_limit(fragment(code));
            // Padding and type come on top, as much as there may be in any record.
            connection
                .receive
                .set_limit(fragment(code).saturating_add(256));
        }
        _ => {}
    }
}
