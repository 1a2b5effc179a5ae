//! The TLS cases of AWS IoT Device Advisor, rebuilt: what it demands of a device, and how it
//! grades. No contact with AWS; RSA certificates, as it presents them.

#[path = "rustls/server.rs"]
mod server;

use iot_thing::{Error, tls::Failure};
use peers::client::{Client, NATIVE, lines, read};
use rustls::AlertDescription;
use server::{Course, Seen, Setup};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Pass,
    /// "Pass with warnings".
    Warnings,
    Fail,
}
use Grade::{Fail, Pass, Warnings};

/// A device connects to a server with this chain. What it made of it, and what the server saw.
fn connect(chain: &str, course: Course) -> (Result<(), Failure>, Seen) {
    // Device Advisor asks for the device's certificate.
    let server = server::start(chain, Setup::default(), course);
    let outcome = Client::trusting(chain).connect(&server.address, async |secured| match course {
        Course::Send(length) => {
            read(secured, length).await?;
            secured.close().await
        }
        Course::Echo | Course::NewKeys => lines(secured, &[100], false).await,
    });
    (outcome, server.seen())
}

/// A handshake that must succeed; an alert on either side is a warning.
fn succeeds(chain: &str) -> Grade {
    match connect(chain, Course::Echo) {
        (Ok(()), seen) if seen.outcome == Ok(()) => Pass,
        (Ok(()), _) => Warnings,
        (Err(_), _) => Fail,
    }
}

/// A handshake that the device must refuse; without an alert that is a warning, where
/// `wants_alert`.
fn refuses(chain: &str, error: Error, wants_alert: Option<AlertDescription>) -> Grade {
    let (outcome, seen) = connect(chain, Course::Echo);
    let Err(failure) = outcome else { return Fail };
    assert_eq!(failure.error, error, "{chain}");
    match (wants_alert, seen.outcome) {
        (_, Ok(())) => Fail,
        (None, Err(_)) => Pass,
        (Some(wanted), Err(rustls::Error::AlertReceived(alert))) if alert == wanted => Pass,
        (Some(_), Err(_)) => Warnings,
    }
}

/// The suites that AWS IoT supports with TLS 1.3.
const SUPPORTED: [u16; 3] = [0x1301, 0x1302, 0x1303];

fn cipher_suites() -> Grade {
    let (_, seen) = connect("rsa", Course::Echo);
    assert_eq!(
        seen.name.as_deref(),
        Some("localhost"),
        "SNI must be the endpoint"
    );
    let supported = |suite| SUPPORTED.contains(suite);
    if !seen.suites.iter().any(supported) {
        Fail
    } else if seen.suites.iter().all(supported) && seen.suites.contains(&SUPPORTED[0]) {
        Pass
    } else {
        Warnings
    }
}

/// The TLS half of the case: the bytes of a large message in records as large as can be.
fn maximum_size_fragments() -> Grade {
    match connect("rsa", Course::Send(100_000)) {
        (Ok(()), seen) if seen.outcome == Ok(()) => Pass,
        _ => Fail,
    }
}

#[test]
fn graded() {
    // Certificates of 4 to 5.3 KB are usual; the case has a fifth more.
    let large = connect("rsa-large", Course::Echo).1.sent;
    assert!(large > 5300 * 6 / 5, "{large} bytes");
    let expired = Some(AlertDescription::CertificateExpired);
    let cases = [
        ("TLS_Connect", succeeds("rsa"), Pass),
        ("TLS_Connect (4 certificates)", succeeds("aws"), Pass),
        ("TLS_Support_AWS_IoT_Cipher_Suites", cipher_suites(), Pass),
        (
            "TLS_Receive_Maximum_Size_Fragments",
            maximum_size_fragments(),
            Pass,
        ),
        ("TLS_Large_Size_Server_Cert", succeeds("rsa-large"), Pass),
        (
            "TLS_Unsecure_Server_Cert",
            refuses("rsa-rogue", Error::CertSignature, None),
            Pass,
        ),
        (
            "TLS_Incorrect_Subject_Name_Server_Cert",
            refuses("rsa-wrong-host", Error::CertHostName, None),
            Pass,
        ),
        // Without a word on the reason it passes with warnings.
        (
            "TLS_Expired_Server_Cert",
            refuses("rsa-expired", Error::CertExpired, expired),
            if NATIVE { Pass } else { Warnings },
        ),
    ];
    println!(
        "Device Advisor, rebuilt: TLS 1.3; its cases for TLS 1.2 do not apply, as the library"
    );
    println!("does not speak it");
    for (name, grade, _) in cases {
        println!("  {name:<40} {grade:?}");
    }
    for (name, grade, wanted) in cases {
        assert_eq!(grade, wanted, "{name}");
    }
}
