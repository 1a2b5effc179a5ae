//! Counters of one Thing.

use crate::Error;

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
    /// Messages that were larger than the buffer.
    pub messages_too_large: u32,
    /// Messages that ended because their time was over.
    pub messages_expired: u32,
    /// Messages that made room for newer ones.
    pub messages_dropped: u32,
    /// Milliseconds from the last ping to its answer, and the longest.
    pub round_trip_ms: u32,
    /// The longest.
    pub round_trip_max_ms: u32,
    /// Failed attempts and lost connections, by reason.
    pub failures: Failures,
    /// Milliseconds online, but for the current connection.
    pub online_ms: u64,
    /// When the current connection came online, on the library's clock.
    pub online_since_ms: Option<u64>,
}

/// Failed attempts and lost connections, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Name resolution.
    pub resolve: u32,
    /// TCP: not connected, reset, closed, stalled.
    pub tcp: u32,
    /// TLS and certificates.
    pub tls: u32,
    /// Refused by the broker: CONNACK.
    pub refused: u32,
    /// Ended by the broker with DISCONNECT.
    pub disconnect: u32,
    /// Closed without a word before CONNACK, or right after SUBSCRIBE or PUBLISH.
    pub closed: u32,
    /// PINGRESP missing.
    pub keep_alive: u32,
    /// CONNACK or another acknowledgement missing.
    pub timeout: u32,
    /// The broker, or a socket function, broke its contract; and what is none of the others.
    pub other: u32,
}

impl Failures {
    /// Counts one.
    pub fn count(&mut self, error: Error) {
        let counter = match error {
            Error::Resolve => &mut self.resolve,
            Error::TcpConnect | Error::TcpReset | Error::TcpClosed | Error::TcpTimeout => {
                &mut self.tcp
            }
            Error::MqttRefused => &mut self.refused,
            Error::MqttDisconnected | Error::MqttTakenOver | Error::MqttQuota => {
                &mut self.disconnect
            }
            Error::MqttClosedBeforeConnack
            | Error::MqttClosedAfterSubscribe
            | Error::MqttClosedAfterPublish => &mut self.closed,
            Error::MqttKeepAlive => &mut self.keep_alive,
            Error::MqttTimeout => &mut self.timeout,
            // TLS and certificates have their own decades.
            tls if (-79..=-60).contains(&tls.code()) => &mut self.tls,
            _ => &mut self.other,
        };
        count(counter);
    }
}

/// Counts one more; a counter stays at its end instead of starting over.
pub fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

/// Notes a new high-water mark.
pub fn mark(high: &mut u32, value: usize) {
    *high = (*high).max(u32::try_from(value).unwrap_or(u32::MAX));
}
