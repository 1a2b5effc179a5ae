//! mosquitto, which is what the local cloud is made of: as far as the answer to a CONNECT.

use std::fs;

use embedded_io_async::Write as _;
use iot_thing::Error;
use peers::{
    client::{Client, NATIVE, Secured, read},
    pki,
    server::Server,
};

/// Starts a broker with this chain that trusts this CA for devices.
fn broker(chain: &str, device_ca: &str) -> Option<Server> {
    Server::start("mosquitto", |port| {
        let configuration = [
            format!("listener {port} 127.0.0.1"),
            format!("certfile {}", pki::file(&format!("{chain}-chain.pem"))),
            format!("keyfile {}", pki::file(&format!("{chain}-leaf.key"))),
            format!("cafile {}", pki::file(device_ca)),
            "require_certificate true".into(),
            "allow_anonymous true".into(),
            // As root it would become another user, who may not read the files.
            "user root".into(),
            "tls_version tlsv1.3".into(),
        ];
        let file = pki::directory().join(format!("mosquitto-{port}.conf"));
        fs::write(&file, configuration.join("\n")).unwrap();
        vec!["-c".into(), file.to_str().unwrap().into()]
    })
}

/// CONNECT of MQTT 5: clean start, keep alive of a minute, client id "device".
const CONNECT: &[u8] = b"\x10\x13\0\x04MQTT\x05\x02\0\x3c\0\0\x06device";

#[test]
fn connack() {
    for chain in ["server", "rsa", "aws", "rsa-large"] {
        let Some(broker) = broker(chain, "device-ca.pem") else {
            return;
        };
        for most in [usize::MAX, 3] {
            let client = Client {
                most,
                ..Client::trusting(chain)
            };
            let outcome = client.connect(&broker.address, is_welcome);
            assert_eq!(outcome, Ok(()), "{chain} {most}");
        }
    }
}

/// CONNECT is answered.
async fn is_welcome(secured: &mut Secured<'_>) -> Result<(), Error> {
    secured.write_all(CONNECT).await?;
    secured.flush().await?;
    // CONNACK, some length, no session, success.
    let answer = read(secured, 4).await?;
    assert_eq!((answer[0], &answer[2..]), (0x20, &[0, 0][..]));
    secured.close().await
}

#[test]
fn resumption() {
    if !NATIVE {
        return eprintln!("SKIPPED: this engine does not resume");
    }
    for chain in ["server", "aws"] {
        let Some(broker) = broker(chain, "device-ca.pem") else {
            return;
        };
        Client::trusting(chain).resumes(&broker.address, is_welcome);
    }
}

#[test]
fn a_device_that_the_broker_does_not_know() {
    let Some(broker) = broker("server", "rsa-root.pem") else {
        return;
    };
    let outcome = Client::trusting("server").connect(&broker.address, async |secured| {
        secured.write_all(CONNECT).await?;
        secured.flush().await?;
        read(secured, 4).await
    });
    let failure = outcome.unwrap_err();
    match failure.error {
        // unknown_ca
        Error::TlsAlert => assert!(!NATIVE || failure.alert == Some(48)),
        // It ends with our CONNECT unread: the reset may overtake its alert.
        error => assert_eq!(error, Error::TcpReset),
    }
}
