//! rustls's server, with other primitives than the library's: what it does goes on in this
//! process, so it can be told more than the others, and asked more.

#[path = "rustls/server.rs"]
mod server;

use embedded_io_async::Write as _;
use peers::client::{Client, NATIVE, OPTIONS, lines, read};
use server::{Course, Setup};

/// Lines that come back, with this setup.
fn works(chain: &str, setup: Setup) {
    let server = server::start(chain, setup, Course::Echo);
    let outcome = Client::trusting(chain).connect(&server.address, async |secured| {
        lines(secured, &[1, 100, 2500], false).await
    });
    assert_eq!(outcome, Ok(()), "{chain}");
    assert_eq!(server.ended(), Ok(()), "{chain}");
}

#[test]
fn every_chain() {
    for chain in ["server", "rsa", "aws", "rsa-large"] {
        works(chain, Setup::default());
    }
}

#[test]
fn client_certificates() {
    works(
        "server",
        Setup {
            asks: false,
            ..Setup::default()
        },
    );
}

#[test]
fn records_down_to_64_bytes() {
    if !NATIVE {
        return eprintln!("SKIPPED: this engine needs every message in one record");
    }
    for record in [64, 100, 512, 4096] {
        for chain in ["server", "aws"] {
            works(
                chain,
                Setup {
                    record: Some(record),
                    ..Setup::default()
                },
            );
        }
    }
}

#[test]
fn tickets() {
    for tickets in [0, 1, 10] {
        works(
            "server",
            Setup {
                tickets,
                ..Setup::default()
            },
        );
    }
}

#[test]
fn resumption() {
    use rustls::crypto::ring::{cipher_suite, kx_group};
    if !NATIVE {
        return eprintln!("SKIPPED: this engine does not resume");
    }
    let resumes = |setup: Setup| {
        let server = server::start_for(3, "aws", setup, Course::Echo);
        Client::trusting("aws").resumes(&server.address, async |secured| {
            lines(secured, &[1, 100, 2500], false).await
        });
        assert_eq!(server.ended(), Ok(()));
    };
    resumes(Setup::default());
    resumes(Setup {
        asks: false,
        record: Some(64),
        ..Setup::default()
    });
    if OPTIONS {
        // After a retry: our share is on X25519.
        resumes(Setup {
            groups: vec![kx_group::SECP256R1],
            ..Setup::default()
        });
        resumes(Setup {
            suites: vec![cipher_suite::TLS13_AES_256_GCM_SHA384],
            ..Setup::default()
        });
    }
}

#[test]
fn protocols() {
    works(
        "server",
        Setup {
            protocols: &["x-amzn-mqtt-ca"],
            ..Setup::default()
        },
    );
    works(
        "server",
        Setup {
            protocols: &["h2", "x-amzn-mqtt-ca"],
            ..Setup::default()
        },
    );
}

#[test]
fn suites_and_groups() {
    use rustls::crypto::ring::{cipher_suite, kx_group};
    works(
        "server",
        Setup {
            suites: vec![cipher_suite::TLS13_AES_128_GCM_SHA256],
            ..Setup::default()
        },
    );
    if OPTIONS && NATIVE {
        for suite in [
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ] {
            works(
                "aws",
                Setup {
                    suites: vec![suite],
                    ..Setup::default()
                },
            );
        }
        works(
            "aws",
            Setup {
                groups: vec![kx_group::X25519],
                ..Setup::default()
            },
        );
    }
}

#[test]
fn records_of_16_kilobytes() {
    let server = server::start("server", Setup::default(), Course::Send(100_000));
    let outcome = Client::trusting("server").connect(&server.address, async |secured| {
        let bytes = read(secured, 100_000).await?;
        assert!(bytes.iter().enumerate().all(|(n, byte)| *byte == n as u8));
        secured.close().await
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(server.ended(), Ok(()));
}

#[test]
fn new_keys_between_all_lines() {
    if !NATIVE {
        return eprintln!("SKIPPED: this engine ends the connection then");
    }
    let server = server::start("server", Setup::default(), Course::NewKeys);
    let outcome = Client::trusting("server").connect(&server.address, async |secured| {
        for _ in 0..10 {
            secured.write_all(b"one line\n").await?;
            secured.flush().await?;
            assert_eq!(read(secured, 9).await?, b"one line\n");
        }
        secured.close().await
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(server.ended(), Ok(()));
}
