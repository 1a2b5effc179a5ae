//! What a client makes of a server.

use iot_thing::Error;

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Connected, data went both ways, an orderly end.
    Works,
    /// Refused in the handshake: not one byte of application data moved, either way.
    Refused(Failed),
    /// Connected, but ended before the client took application data.
    Ended(Failed),
    /// Waits for the server, as it must; the caller's deadline ends that.
    Waits,
    /// Panicked.
    Crash,
    /// Came to no end, or turned in a circle.
    Hang,
}

/// A failure and what was said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    pub error: Error,
    /// The number of the alert that the client sent.
    pub ours: Option<u8>,
    /// The number of the server's alert, as the client reports it.
    pub theirs: Option<u8>,
    /// The size that would have been enough, as the client reports it.
    pub needed: usize,
}

impl Failed {
    const fn new(error: Error, ours: Option<u8>) -> Self {
        Self {
            error,
            ours,
            theirs: None,
            needed: 0,
        }
    }
}

impl Outcome {
    /// Refused with this error, and this alert sent.
    pub const fn refused(error: Error, alert: u8) -> Self {
        Self::Refused(Failed::new(error, Some(alert)))
    }

    /// Refused with this error, and nothing sent.
    pub const fn refused_silently(error: Error) -> Self {
        Self::Refused(Failed::new(error, None))
    }

    /// Connected, but ended with this error, and this alert sent.
    pub const fn ended(error: Error, alert: u8) -> Self {
        Self::Ended(Failed::new(error, Some(alert)))
    }

    /// Connected, but ended with this error, and nothing sent.
    pub const fn ended_silently(error: Error) -> Self {
        Self::Ended(Failed::new(error, None))
    }

    /// The server's alert is part of it.
    pub const fn theirs(self, alert: u8) -> Self {
        let theirs = Some(alert);
        match self {
            Self::Refused(failed) => Self::Refused(Failed { theirs, ..failed }),
            Self::Ended(failed) => Self::Ended(Failed { theirs, ..failed }),
            other => other,
        }
    }

    /// The size needed is part of it.
    pub const fn needed(self, needed: usize) -> Self {
        match self {
            Self::Refused(failed) => Self::Refused(Failed { needed, ..failed }),
            Self::Ended(failed) => Self::Ended(Failed { needed, ..failed }),
            other => other,
        }
    }

    /// The same from a client that never sends an alert.
    pub const fn without_alert(self) -> Self {
        match self {
            Self::Refused(failed) => Self::Refused(Failed {
                ours: None,
                ..failed
            }),
            Self::Ended(failed) => Self::Ended(Failed {
                ours: None,
                ..failed
            }),
            other => other,
        }
    }
}

/// The alerts of RFC 8446 section 6 that a client has reason to send.
pub mod alert {
    pub const UNEXPECTED_MESSAGE: u8 = 10;
    pub const BAD_RECORD_MAC: u8 = 20;
    pub const RECORD_OVERFLOW: u8 = 22;
    pub const BAD_CERTIFICATE: u8 = 42;
    pub const UNSUPPORTED_CERTIFICATE: u8 = 43;
    pub const CERTIFICATE_EXPIRED: u8 = 45;
    pub const ILLEGAL_PARAMETER: u8 = 47;
    pub const UNKNOWN_CA: u8 = 48;
    pub const DECODE_ERROR: u8 = 50;
    pub const DECRYPT_ERROR: u8 = 51;
    pub const PROTOCOL_VERSION: u8 = 70;
    pub const INTERNAL_ERROR: u8 = 80;
    pub const MISSING_EXTENSION: u8 = 109;
    pub const UNSUPPORTED_EXTENSION: u8 = 110;
}
