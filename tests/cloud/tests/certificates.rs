//! tools/pki: every certificate is good or bad for exactly the reason its name says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{fs, str};

const PKI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/pki");

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn scratch(name: &str) -> Scratch {
    let dir = std::env::temp_dir().join(format!("cloud-pki-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    Scratch(dir)
}

fn pki(dir: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(PKI).arg(dir).args(arguments).output();
    output.expect("tools/pki runs")
}

fn openssl(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("openssl is installed");
    let both = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn verify_server(dir: &Path, name: &str, host: &str, root: &str) -> String {
    let chain = format!("{name}-chain.pem");
    let strict = ["verify", "-x509_strict", "-purpose", "sslserver"];
    let rest = [
        "-verify_hostname",
        host,
        "-CAfile",
        root,
        "-untrusted",
        &chain,
        &chain,
    ];
    openssl(dir, &[&strict[..], &rest].concat())
}

#[test]
fn every_server_chain_is_what_its_name_says() {
    let dir = scratch("chains");
    let dir = &dir.0;
    assert!(pki(dir, &["--extra"]).status.success());

    for (name, root) in [("server", "server-root.pem"), ("rsa", "rsa-root.pem")] {
        for host in [
            "localhost",
            "iot.us-east-1.amazonaws.com",
            "a1b2.iot.us-east-1.amazonaws.com",
        ] {
            let verdict = verify_server(dir, name, host, root);
            assert!(verdict.ends_with(": OK\n"), "{name} for {host}: {verdict}");
        }
    }
    let reasons = [
        ("expired", vec!["certificate has expired"]),
        ("future", vec!["certificate is not yet valid"]),
        ("wrong-host", vec!["hostname mismatch"]),
        ("no-server-auth", vec!["unsuitable certificate purpose"]),
        (
            "rogue",
            vec!["self-signed certificate in certificate chain"],
        ),
        (
            "leaf-as-ca",
            vec![
                "invalid CA certificate",
                "unsuitable certificate purpose",
                "key usage does not include certificate signing",
            ],
        ),
    ];
    for (name, expected) in reasons {
        let verdict = verify_server(dir, name, "localhost", "server-root.pem");
        let found: Vec<&str> = verdict
            .lines()
            .filter_map(|line| Some(line.split_once("lookup: ")?.1))
            .collect();
        assert_eq!(found, expected, "{name}: {verdict}");
    }
    // The rogue is consistent in itself: only the trust is missing.
    let verdict = verify_server(dir, "rogue", "localhost", "rogue-root.pem");
    assert!(verdict.ends_with(": OK\n"), "{verdict}");
}

#[test]
fn devices_have_their_name_and_one_key_in_two_formats() {
    let dir = scratch("devices");
    let dir = &dir.0;
    assert!(pki(dir, &["demo-thing"]).status.success());
    let first = fs::read(dir.join("device-demo-thing.pem")).unwrap();
    let root = fs::read(dir.join("server-root.pem")).unwrap();
    assert!(pki(dir, &["demo-thing", "a:b_c-2"]).status.success());
    // Adding one keeps what was there.
    assert_eq!(fs::read(dir.join("device-demo-thing.pem")).unwrap(), first);
    assert_eq!(fs::read(dir.join("server-root.pem")).unwrap(), root);

    for thing in ["demo-thing", "a:b_c-2"] {
        let certificate = format!("device-{thing}.pem");
        let verify = ["verify", "-x509_strict", "-purpose", "sslclient"];
        let rest = ["-CAfile", "device-ca.pem", &certificate];
        let verdict = openssl(dir, &[&verify[..], &rest].concat());
        assert!(verdict.ends_with(": OK\n"), "{verdict}");
        let subject = openssl(dir, &["x509", "-noout", "-subject", "-in", &certificate]);
        assert_eq!(subject, format!("subject=CN = {thing}\n"));

        let public = openssl(dir, &["x509", "-noout", "-pubkey", "-in", &certificate]);
        for (suffix, label) in [("key", "EC PRIVATE KEY"), ("pk8", "PRIVATE KEY")] {
            let key = format!("device-{thing}.{suffix}");
            let text = fs::read_to_string(dir.join(&key)).unwrap();
            assert!(
                text.starts_with(&format!("-----BEGIN {label}-----")),
                "{key}"
            );
            assert_eq!(openssl(dir, &["pkey", "-pubout", "-in", &key]), public);
        }
    }
}

#[test]
fn names_that_cannot_be_a_thing_are_refused_with_words() {
    let dir = scratch("names");
    for name in ["a b", "a/b", "ca", "../x", &"t".repeat(65)] {
        let output = pki(&dir.0, &[name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let words = str::from_utf8(&output.stderr).unwrap();
        assert!(words.contains("cannot be a thing"), "{words}");
    }
    assert!(!dir.0.exists(), "nothing is made for a wrong name");
}
