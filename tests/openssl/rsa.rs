//! RSA certificates, made by the openssl program when the tests run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Identity, pki};

/// A root and an intermediate CA of 2048 bits in a folder of their own.
pub struct Authority {
    folder: PathBuf,
}

/// The options that make a signature PSS as TLS wants it.
pub const PSS: &[&str] = &[
    "-sigopt",
    "rsa_padding_mode:pss",
    "-sigopt",
    "rsa_pss_saltlen:-1",
];

/// Runs openssl in a folder.
fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {errors}");
}

impl Authority {
    /// `None` if there is no openssl.
    pub fn new(name: &str) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("SKIPPED: there is no openssl on this machine");
            return None;
        }
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let authority = Self { folder };
        authority.key("root", 2048);
        let command = "req -x509 -new -key root.key -subj /CN=root -days 30 -sha256 -out root.pem";
        openssl(&authority.folder, &command.split(' ').collect::<Vec<_>>());
        authority.key("ca", 2048);
        let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign";
        authority.certificate("ca", "root", extensions, &["-sha256"]);
        Some(authority)
    }

    /// The certificate of the root, as PEM.
    pub fn root(&self) -> String {
        self.read("root.pem")
    }

    /// A server with a key of so many bits, its certificate signed with these options.
    pub fn server(&self, bits: u32, signing: &[&str]) -> Identity {
        self.key("server", bits);
        let extensions = format!("subjectAltName=DNS:{}", pki::HOST);
        self.certificate("server", "ca", &extensions, signing);
        Identity {
            certificate: self.read("server.pem"),
            chain: self.read("ca.pem"),
            key: self.read("server.key"),
        }
    }

    /// The signature of a message by the last server, with these options.
    pub fn sign(&self, message: &[u8], options: &[&str]) -> Vec<u8> {
        fs::write(self.folder.join("message"), message).unwrap();
        let command = ["dgst", "-sign", "server.key", "-out", "signature"];
        openssl(
            &self.folder,
            &[&command[..], options, &["message"]].concat(),
        );
        fs::read(self.folder.join("signature")).unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }

    fn key(&self, name: &str, bits: u32) {
        let (file, bits) = (format!("{name}.key"), bits.to_string());
        openssl(&self.folder, &["genrsa", "-out", &file, &bits]);
    }

    fn certificate(&self, name: &str, issuer: &str, extensions: &str, signing: &[&str]) {
        fs::write(self.folder.join("extensions"), extensions).unwrap();
        let request = format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr");
        openssl(&self.folder, &request.split(' ').collect::<Vec<_>>());
        let sign = format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial \
             -days 30 -extfile extensions -out {name}.pem"
        );
        let sign = sign.split(' ').collect::<Vec<_>>();
        openssl(&self.folder, &[&sign[..], signing].concat());
    }
}

/// The DER of the first certificate in a PEM text.
pub fn der(pem: &str) -> Vec<u8> {
    pem_rfc7468::decode_vec(pem.as_bytes()).unwrap().1
}
