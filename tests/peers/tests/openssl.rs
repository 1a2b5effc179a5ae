//! OpenSSL's server in all the ways that it can be.

use std::time::Duration;

use embedded_io_async::Write as _;
use iot_thing::{Error, tls::Failure};
use peers::{
    client::{Client, NATIVE, OPTIONS, lines, read},
    pki,
    server::{Server, slow},
};

/// Starts a server with this chain and further arguments, if there is OpenSSL.
fn server(chain: &str, further: &[&str]) -> Option<Server> {
    Server::start("openssl", |port| {
        let files = [
            pki::file(&format!("{chain}-leaf.key")),
            pki::file(&format!("{chain}-chain.pem")),
            pki::file("device-ca.pem"),
        ];
        let port = format!("127.0.0.1:{port}");
        let fixed = ["s_server", "-accept", &port, "-key", &files[0]];
        // The first certificate of the file is the server's own.
        let chains = [
            "-cert",
            &files[1],
            "-cert_chain",
            &files[1],
            "-CAfile",
            &files[2],
        ];
        let all = [&fixed[..], &chains, further].concat();
        all.into_iter().map(String::from).collect()
    })
}

const ASKS: &[&str] = &["-tls1_3", "-Verify", "3", "-verify_return_error"];

/// Lines to a server that sends them back reversed.
fn talk(client: &Client, chain: &str, further: &[&str], lengths: &[usize]) -> Result<(), Failure> {
    let Some(server) = server(chain, &[&["-rev"], ASKS, further].concat()) else {
        return Ok(());
    };
    client.connect(&server.address, async |secured| {
        lines(secured, lengths, true).await
    })
}

/// What the server is told to do must work.
fn works(further: &[&str]) {
    for chain in ["server", "aws"] {
        let outcome = talk(&Client::trusting(chain), chain, further, &[1, 100, 2500]);
        assert_eq!(outcome, Ok(()), "{chain} {further:?}");
    }
}

/// What the server is told to do must end with its alert.
fn told(further: &[&str], number: u8) {
    let Err(failure) = talk(&Client::trusting("server"), "server", further, &[1]) else {
        // Only where there is no OpenSSL.
        assert!(
            server("server", &["-tls1_3"]).is_none(),
            "{further:?} works"
        );
        return;
    };
    // Before the handshake is over the other engine cannot read alerts, and later not their number.
    if NATIVE {
        assert_eq!(
            (failure.error, failure.alert),
            (Error::TlsAlert, Some(number))
        );
    }
}

#[test]
fn every_chain() {
    for chain in ["server", "rsa", "aws", "rsa-large"] {
        for most in [usize::MAX, 11] {
            let client = Client {
                most,
                ..Client::trusting(chain)
            };
            let outcome = talk(&client, chain, &[], &[1, 100, 2500]);
            assert_eq!(outcome, Ok(()), "{chain} {most}");
        }
    }
}

#[test]
fn small_records() {
    if !NATIVE {
        return eprintln!("SKIPPED: this engine needs every message in one record");
    }
    works(&["-max_send_frag", "512"]);
    works(&["-max_send_frag", "777"]);
    works(&["-split_send_frag", "512"]);
}

#[test]
fn padded_records() {
    works(&["-record_padding", "512"]);
    works(&["-record_padding", "4096"]);
}

#[test]
fn tickets() {
    for count in ["0", "1", "10"] {
        works(&["-num_tickets", count]);
    }
}

#[test]
fn a_retry_with_a_cookie() {
    if !NATIVE {
        return eprintln!("SKIPPED: this engine cannot try again");
    }
    works(&["-stateless"]);
}

#[test]
fn groups() {
    works(&["-groups", "P-256"]);
    works(&["-groups", "X25519:P-521:P-256"]);
    // handshake_failure
    told(&["-groups", "P-384"], 40);
    if OPTIONS && NATIVE {
        // Our share is on the other one: the server asks for a second hello.
        works(&["-groups", "X25519"]);
    } else {
        told(&["-groups", "X25519"], 40);
    }
}

#[test]
fn suites() {
    works(&["-ciphersuites", "TLS_AES_128_GCM_SHA256"]);
    for suite in ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
        if OPTIONS && NATIVE {
            works(&["-ciphersuites", suite]);
        } else {
            told(&["-ciphersuites", suite], 40);
        }
    }
    told(&["-ciphersuites", "TLS_AES_128_CCM_SHA256"], 40);
}

#[test]
fn another_version() {
    let Some(server) = server("server", &["-rev", "-tls1_2"]) else {
        return;
    };
    let outcome = Client::trusting("server").connect(&server.address, async |_| Ok(()));
    let failure = outcome.unwrap_err();
    // protocol_version
    assert_eq!((failure.error, failure.alert), (Error::TlsAlert, Some(70)));
}

#[test]
fn client_certificates() {
    // Required is the rule of all other tests; here wanted, and not asked for.
    for asks in [&["-verify", "3"][..], &[]] {
        let Some(server) = server("server", &[&["-rev", "-tls1_3"], asks].concat()) else {
            return;
        };
        let client = Client::trusting("server");
        let outcome = client.connect(&server.address, async |secured| {
            lines(secured, &[1, 100], true).await
        });
        assert_eq!(outcome, Ok(()), "{asks:?}");
    }
    // unknown_ca
    let other = pki::file("rsa-rogue-root.pem");
    let no_default = ["-no-CApath", "-no-CAstore"];
    told(&[&["-CAfile", &other], &no_default[..]].concat(), 48);
}

#[test]
fn protocols() {
    works(&["-alpn", "x-amzn-mqtt-ca"]);
    works(&["-alpn", "h2,x-amzn-mqtt-ca"]);
    // no_application_protocol
    told(&["-alpn", "h2"], 120);
    let client = Client {
        alpn: None,
        ..Client::trusting("server")
    };
    assert_eq!(talk(&client, "server", &["-alpn", "h2"], &[1]), Ok(()));
}

#[test]
fn large_records() {
    let client = Client {
        rx: 16640,
        ..Client::trusting("server")
    };
    assert_eq!(talk(&client, "server", &[], &[16000, 5, 16000]), Ok(()));
}

#[test]
fn a_slow_server() {
    let Some(server) = server("aws", &[&["-rev"], ASKS].concat()) else {
        return;
    };
    let address = slow(&server.address, 40, Duration::from_millis(2));
    let outcome = Client::trusting("aws").connect(&address, async |secured| {
        lines(secured, &[1, 300], true).await
    });
    assert_eq!(outcome, Ok(()));
}

/// Without -rev the server takes commands: k for new keys, K for new keys of both sides. With -msg
/// it tells what it does.
#[test]
fn new_keys() {
    if !NATIVE {
        return eprintln!("SKIPPED: this engine ends the connection then");
    }
    let Some(mut server) = server("server", &[ASKS, &["-msg"]].concat()) else {
        return;
    };
    let client = Client::trusting("server");
    let address = server.address.clone();
    let outcome = client.connect(&address, async |secured| {
        for command in ["k", "K", "k", "k", "K", "K"] {
            secured.write_all(b"to the server\n").await?;
            secured.flush().await?;
            server.wait_for("to the server");
            // Now and then it takes the command for text, and sends it.
            let mut expected = b"to the client\n".to_vec();
            server.type_line(command);
            while !server.says(">>> TLS 1.3, Handshake [length 0005], KeyUpdate") {
                expected.splice(0..0, format!("{command}\n").into_bytes());
                server.type_line(command);
            }
            server.type_line("to the client");
            assert_eq!(read(secured, expected.len()).await?, expected);
            if command == "K" {
                secured.flush().await?;
                server.wait_for("<<< TLS 1.3, Handshake [length 0005], KeyUpdate");
            }
        }
        secured.close().await
    });
    assert_eq!(outcome, Ok(()));
}

#[test]
fn servers_that_are_not_who_they_should_be() {
    for (chain, error) in [
        ("rsa-expired", Error::CertExpired),
        ("rsa-wrong-host", Error::CertHostName),
        ("rsa-rogue", Error::CertSignature),
        ("future", Error::CertNotYetValid),
        ("no-server-auth", Error::CertUsage),
        ("leaf-as-ca", Error::CertUsage),
    ] {
        if server(chain, &[]).is_none() {
            return;
        }
        let failure = talk(&Client::trusting(chain), chain, &[], &[1]).unwrap_err();
        assert_eq!(failure.error, error, "{chain}");
    }
}

#[test]
fn resumption() {
    if !NATIVE {
        return eprintln!("SKIPPED: this engine does not resume");
    }
    let resumes = |chain, most, further: &[&str]| {
        let Some(server) = server(chain, &[&["-rev"], ASKS, further].concat()) else {
            return;
        };
        let client = Client {
            most,
            ..Client::trusting(chain)
        };
        client.resumes(&server.address, async |secured| {
            lines(secured, &[1, 100, 2500], true).await
        });
    };
    resumes("aws", usize::MAX, &[]);
    resumes("server", 11, &[]);
    resumes("server", usize::MAX, &["-num_tickets", "1"]);
    // In the server's memory instead of in the ticket.
    resumes("server", usize::MAX, &["-no_ticket"]);
    if OPTIONS {
        // After a retry: our share is on X25519.
        resumes("server", usize::MAX, &["-groups", "P-256"]);
        for suite in ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
            resumes("server", usize::MAX, &["-ciphersuites", suite]);
        }
    }
}
