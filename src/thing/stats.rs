//! Counters of one Thing.

/// Counters since the start, and high-water marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connection attempts.
    pub attempts: u32,
    /// Connections that came online.
    pub connects: u32,
    /// Of these, with the session resumed.
    pub resumed: u32,
    /// Connections that ended unasked.
    pub disconnects: u32,
    /// Messages handed to MQTT.
    pub messages_out: u32,
    /// Messages received.
    pub messages_in: u32,
    /// Messages on topics nobody asked for.
    pub messages_unrouted: u32,
    /// Requests passed to the application.
    pub shadow_requests: u32,
    /// Requests left out as stale.
    pub shadow_stale: u32,
    /// The last error that ended an attempt or a connection, 0 if none.
    pub last_error: i32,
    /// Largest payload received.
    pub payload_in_max: u32,
    /// Largest answer written by a request callback.
    pub reply_max: u32,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
}

/// Counts one more; a counter stays at its end instead of starting over.
pub fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

/// Notes a new high-water mark.
pub fn mark(high: &mut u32, value: usize) {
    *high = (*high).max(u32::try_from(value).unwrap_or(u32::MAX));
}
