//! Alerts (RFC 8446, 6): why we refuse, in the words that the server understands and in ours.

use crate::{Error, tls::Failure};

/// The alerts that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Alert {
    CloseNotify = 0,
    UnexpectedMessage = 10,
    BadRecordMac = 20,
    RecordOverflow = 22,
    BadCertificate = 42,
    UnsupportedCertificate = 43,
    CertificateExpired = 45,
    IllegalParameter = 47,
    UnknownCa = 48,
    DecodeError = 50,
    DecryptError = 51,
    ProtocolVersion = 70,
    InternalError = 80,
    MissingExtension = 109,
    UnsupportedExtension = 110,
}

/// The number of close_notify, the orderly end.
pub(super) const CLOSE_NOTIFY: u8 = 0;
/// The number of user_canceled, which announces close_notify and means nothing by itself.
pub(super) const USER_CANCELED: u8 = 90;

impl Alert {
    /// The two bytes of the message.
    pub fn message(self) -> [u8; 2] {
        // The level says nothing in TLS 1.3, but this is what it has to be.
        let level = if self == Self::CloseNotify { 1 } else { 2 };
        [level, self as u8]
    }
}

/// The end of a connection: what is reported and what, if anything, is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fatal {
    pub failure: Failure,
    pub alert: Option<Alert>,
}

impl Fatal {
    /// An end of which the server is told nothing: it is gone, or has said so itself.
    pub fn silent(failure: impl Into<Failure>) -> Self {
        Self {
            failure: failure.into(),
            alert: None,
        }
    }

    /// The server asks for a larger buffer than there is. Its fault is it not.
    pub fn too_large(error: Error, needed: usize) -> Self {
        Self {
            failure: Failure {
                needed,
                ..Failure::new(error)
            },
            alert: Some(Alert::InternalError),
        }
    }
}

/// The server broke the protocol.
impl From<Alert> for Fatal {
    #[inline(never)]
    fn from(alert: Alert) -> Self {
        Self {
            failure: Failure::new(Error::TlsProtocol),
            alert: Some(alert),
        }
    }
}

/// Something else went wrong: with its certificates, or here.
impl From<Error> for Fatal {
    // At the end of many functions.
    #[inline(never)]
    fn from(error: Error) -> Self {
        let alert = match error {
            Error::CertUnknownIssuer => Alert::UnknownCa,
            // "Has expired or is not currently valid" (RFC 8446, 6.2).
            Error::CertExpired | Error::CertNotYetValid => Alert::CertificateExpired,
            Error::CertHostName | Error::CertSignature | Error::CertMalformed => {
                Alert::BadCertificate
            }
            Error::CertUsage | Error::CertUnsupported => Alert::UnsupportedCertificate,
            Error::TlsNotAuthenticated => Alert::UnexpectedMessage,
            Error::TlsProtocol => Alert::IllegalParameter,
            _ => Alert::InternalError,
        };
        Self {
            failure: Failure::new(error),
            alert: Some(alert),
        }
    }
}
