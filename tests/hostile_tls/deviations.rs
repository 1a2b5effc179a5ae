//! What the engines do otherwise than the table wants. The tests hold them to this list exactly:
//! what gets better or worse must be changed here. docs/security.md sums it up by who can cause it.

#![cfg_attr(
    not(feature = "embedded-tls"),
    allow(dead_code, reason = "the other engine has none")
)]

use iot_thing::Error;

use crate::outcome::Outcome;

/// One scenario that comes out otherwise.
pub struct Deviation {
    pub scenario: &'static str,
    pub outcome: Outcome,
}

const fn deviation(scenario: &'static str, outcome: Outcome) -> Deviation {
    Deviation { scenario, outcome }
}

/// Of the embedded-tls engine. That it sends no alerts is not listed scenario by scenario.
pub const EMBEDDED: &[Deviation] = &[
    // ---- legal, but refused: a server that does nothing wrong is left
    deviation(
        "legacy version TLS 1.1",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "legacy version 3.4",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "messages over many records",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "messages in records of one byte",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "messages cut across one another",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "groups that nobody knows yet",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "records of 16 KB",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "request with schemes that nobody knows yet",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "request with 201 schemes",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "a ticket over two records",
        Outcome::ended_silently(Error::TlsProtocol),
    ),
    deviation("new keys", Outcome::ended_silently(Error::Tls)),
    deviation("new keys three times", Outcome::ended_silently(Error::Tls)),
    deviation(
        "new keys for both sides",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "new keys for both sides, twice in a row",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "new keys between tickets",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation("retry with a cookie", Outcome::refused_silently(Error::Tls)),
    deviation(
        "retry with a cookie of 300 bytes",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry in compatibility mode",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry over many records",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "silence after our second hello",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "ServerHello that is never completed",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "header of ServerHello, then silence",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "EncryptedExtensions that is never completed",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "header of EncryptedExtensions, then silence",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "CertificateRequest that is never completed",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "header of CertificateRequest, then silence",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "Certificate that is never completed",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "header of Certificate, then silence",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "CertificateVerify that is never completed",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "header of CertificateVerify, then silence",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "Finished that is never completed",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "header of Finished, then silence",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    // ---- illegal, but taken: a server can do so that proves who it is
    deviation("Certificate with a context", Outcome::Works),
    deviation("OCSP response not asked for", Outcome::Works),
    deviation("SCT list not asked for", Outcome::Works),
    deviation("entry with an unknown extension", Outcome::Works),
    deviation("OCSP response not asked for, of the CA", Outcome::Works),
    deviation("unknown extension", Outcome::Works),
    deviation("early data accepted", Outcome::Works),
    deviation("heartbeat", Outcome::Works),
    deviation("largest fragment not asked for", Outcome::Works),
    deviation("client certificate type", Outcome::Works),
    deviation("server certificate type", Outcome::Works),
    deviation("renegotiation", Outcome::Works),
    deviation("extended master secret", Outcome::Works),
    deviation("session ticket of TLS 1.2", Outcome::Works),
    deviation("server name twice", Outcome::Works),
    deviation("groups twice", Outcome::Works),
    deviation("unknown extension after a good one", Outcome::Works),
    deviation("another protocol", Outcome::Works),
    deviation("protocol that ours begins with", Outcome::Works),
    deviation("protocol in other letters", Outcome::Works),
    deviation("two protocols", Outcome::Works),
    deviation("no protocol", Outcome::Works),
    deviation("protocol twice", Outcome::Works),
    deviation("request without schemes", Outcome::Works),
    deviation("request with schemes for certificates only", Outcome::Works),
    deviation("request with schemes twice", Outcome::Works),
    deviation("request with no scheme", Outcome::Works),
    deviation("request with a context", Outcome::Works),
    deviation(
        "EncryptedExtensions and CertificateRequest swapped",
        Outcome::Works,
    ),
    deviation("EncryptedExtensions twice", Outcome::Works),
    deviation("CertificateRequest twice", Outcome::Works),
    deviation(
        "EncryptedExtensions again before Certificate",
        Outcome::Works,
    ),
    deviation("EncryptedExtensions again before Finished", Outcome::Works),
    deviation("no EncryptedExtensions", Outcome::Works),
    deviation("no EncryptedExtensions, no request", Outcome::Works),
    deviation("EncryptedExtensions of 16 MB", Outcome::Works),
    deviation("EncryptedExtensions of 64 KB", Outcome::Works),
    deviation("EncryptedExtensions of 4 KB", Outcome::Works),
    deviation("CertificateRequest of 16 MB", Outcome::Works),
    deviation("CertificateRequest of 64 KB", Outcome::Works),
    deviation("CertificateRequest of 4 KB", Outcome::Works),
    deviation("Certificate of 16 MB", Outcome::Works),
    deviation("Certificate of 64 KB", Outcome::Works),
    deviation("Certificate of 4 KB", Outcome::Works),
    deviation("CertificateVerify of 16 MB", Outcome::Works),
    deviation("CertificateVerify of 64 KB", Outcome::Works),
    deviation("CertificateVerify of 4 KB", Outcome::Works),
    deviation("Finished of 16 MB", Outcome::Works),
    deviation("Finished of 64 KB", Outcome::Works),
    deviation("Finished of 4 KB", Outcome::Works),
    deviation("one empty handshake record", Outcome::Works),
    deviation("more than 16 KB with its padding", Outcome::Waits),
    deviation("ticket without ticket", Outcome::Works),
    deviation("empty handshake record, later", Outcome::Works),
    // ---- panics: such a server can cause them as well
    deviation("EncryptedExtensions after the handshake", Outcome::Crash),
    deviation("Certificate after the handshake", Outcome::Crash),
    deviation("CertificateRequest after the handshake", Outcome::Crash),
    deviation("CertificateVerify after the handshake", Outcome::Crash),
    deviation("Finished after the handshake", Outcome::Crash),
    // ---- refused, but for another reason than the one that is told
    deviation("scheme 0", Outcome::refused_silently(Error::TlsProtocol)),
    deviation(
        "scheme that nobody knows",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "entry of no bytes",
        Outcome::refused_silently(Error::CertMalformed),
    ),
    deviation(
        "Certificate larger than the buffer, in small records",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "retry that changes nothing",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry for the group we sent a share on",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry for the group we sent a share on, with a cookie",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry for a group we did not offer",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation("retry for P-521", Outcome::refused_silently(Error::Tls)),
    deviation(
        "retry with an empty cookie",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry with a cookie longer than it is",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry with a cookie twice",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry with a key share",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry with an extension that nobody asked for",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry with a cookie that no buffer holds",
        Outcome::refused_silently(Error::TlsRecordTooLarge).needed(4056),
    ),
    deviation(
        "retry with another version",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry with another suite",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "retry with a byte too many",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation("retry, and another", Outcome::refused_silently(Error::Tls)),
    deviation(
        "ServerHello with another suite than the retry",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "EncryptedExtensions and Certificate swapped",
        Outcome::refused_silently(Error::CertSignature),
    ),
    deviation(
        "CertificateRequest and Certificate swapped",
        Outcome::refused_silently(Error::CertSignature),
    ),
    deviation(
        "EncryptedExtensions again before CertificateVerify",
        Outcome::refused_silently(Error::CertSignature),
    ),
    deviation(
        "ClientHello before EncryptedExtensions",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "ClientHello before Certificate",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "ClientHello before Finished",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "EndOfEarlyData before EncryptedExtensions",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "EndOfEarlyData before Certificate",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "EndOfEarlyData before Finished",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdate before EncryptedExtensions",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdate before Certificate",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdate before Finished",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "message_hash before EncryptedExtensions",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "message_hash before Certificate",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "message_hash before Finished",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "ServerHello of 16 MB",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "ServerHello of 64 KB",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "ServerHello of 4 KB",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "ServerHello of which the end is cut off",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "EncryptedExtensions of which the end is cut off",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "CertificateRequest of which the end is cut off",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "Certificate of which the end is cut off",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "CertificateVerify of which the end is cut off",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "Finished of which the end is cut off",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "encrypted record of one zero",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "encrypted record of zeroes",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "encrypted record of a thousand zeroes",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "encrypted ChangeCipherSpec",
        Outcome::refused_silently(Error::Tls),
    ),
    deviation(
        "ClientHello after the handshake",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "EndOfEarlyData after the handshake",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "message_hash after the handshake",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "ticket of 16 MB",
        Outcome::ended_silently(Error::TlsProtocol),
    ),
    deviation(
        "ticket of 64 KB",
        Outcome::ended_silently(Error::TlsProtocol),
    ),
    deviation(
        "KeyUpdate with value 2",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdate with value 255",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation("KeyUpdate of no bytes", Outcome::ended_silently(Error::Tls)),
    deviation(
        "KeyUpdate of two bytes",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdate in one record with a ticket",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdate and a byte of another message",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdate without new keys",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdates without end",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "KeyUpdates that ask, without end",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "tickets and KeyUpdates without end",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "record of zeroes, later",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "encrypted ChangeCipherSpec, later",
        Outcome::ended_silently(Error::Tls),
    ),
    deviation(
        "alert 40, encrypted",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "alert 80, encrypted",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "alert 250, encrypted",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "close_notify instead of ServerHello",
        Outcome::refused_silently(Error::TlsAlert).theirs(0),
    ),
    deviation(
        "close_notify in the flight",
        Outcome::refused_silently(Error::TlsProtocol),
    ),
    deviation(
        "alert 20 after the handshake",
        Outcome::ended_silently(Error::TlsAlert),
    ),
    deviation(
        "alert 42 after the handshake",
        Outcome::ended_silently(Error::TlsAlert),
    ),
    deviation(
        "alert 45 after the handshake",
        Outcome::ended_silently(Error::TlsAlert),
    ),
    deviation(
        "alert 48 after the handshake",
        Outcome::ended_silently(Error::TlsAlert),
    ),
    deviation(
        "alert 49 after the handshake",
        Outcome::ended_silently(Error::TlsAlert),
    ),
    deviation(
        "alert 80 after the handshake",
        Outcome::ended_silently(Error::TlsAlert),
    ),
    deviation(
        "alert 116 after the handshake",
        Outcome::ended_silently(Error::TlsAlert),
    ),
    deviation(
        "alert 250 after the handshake",
        Outcome::ended_silently(Error::TlsProtocol),
    ),
    deviation(
        "user_canceled and an orderly end",
        Outcome::ended_silently(Error::TlsAlert),
    ),
    deviation(
        "alert of three bytes, later",
        Outcome::ended_silently(Error::TcpClosed).theirs(0),
    ),
];
