//! GnuTLS's server.

use peers::{
    client::{Client, NATIVE, lines},
    pki,
    server::Server,
};

/// A server with this chain and further arguments, which sends everything back.
fn start(chain: &str, further: &[&str]) -> Option<Server> {
    Server::start("gnutls-serv", |port| {
        let files = [
            format!("--x509keyfile={}", pki::file(&format!("{chain}-leaf.key"))),
            format!(
                "--x509certfile={}",
                pki::file(&format!("{chain}-chain.pem"))
            ),
            format!("--x509cafile={}", pki::file("device-ca.pem")),
            format!("--port={port}"),
        ];
        let fixed = ["--echo", "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3"];
        let arguments = fixed.iter().chain(further).map(|text| text.to_string());
        files.into_iter().chain(arguments).collect()
    })
}

/// Lines to a server with this chain and further arguments.
fn works(chain: &str, further: &[&str]) {
    let Some(server) = start(chain, further) else {
        return;
    };
    let outcome = Client::trusting(chain).connect(&server.address, async |secured| {
        lines(secured, &[1, 100, 2500], false).await
    });
    assert_eq!(outcome, Ok(()), "{chain} {further:?}");
}

#[test]
fn every_chain() {
    for chain in ["server", "rsa", "aws", "rsa-large"] {
        works(chain, &["--require-client-cert", "--verify-client-cert"]);
    }
}

#[test]
fn its_options() {
    works("aws", &["--disable-client-cert"]);
    works("server", &["--noticket"]);
    works("server", &["--alpn=x-amzn-mqtt-ca"]);
    works("server", &["--alpn=h2"]);
    if NATIVE {
        works("aws", &["--require-client-cert", "--recordsize=512"]);
    }
}

#[test]
fn resumption() {
    if !NATIVE {
        return eprintln!("SKIPPED: this engine does not resume");
    }
    for (chain, asks) in [
        ("aws", "--require-client-cert"),
        ("server", "--disable-client-cert"),
    ] {
        let Some(server) = start(chain, &[asks]) else {
            return;
        };
        Client::trusting(chain).resumes(&server.address, async |secured| {
            lines(secured, &[1, 100, 2500], false).await
        });
    }
}
