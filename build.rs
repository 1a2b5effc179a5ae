//! Turns the built-in CA certificates from PEM, which people can read and compare, into the DER
//! that the library links.

use std::{env, fs, path::Path};

/// The roots behind AWS IoT endpoints: RSA 2048 and P-256.
const ROOTS: [&str; 2] = ["amazon_root_ca_1", "amazon_root_ca_3"];

fn main() {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    for name in ROOTS {
        let source = format!("assets/{name}.pem");
        println!("cargo::rerun-if-changed={source}");
        let pem = fs::read(Path::new(&manifest).join(&source)).expect("the asset is readable");
        let (label, der) = pem_rfc7468::decode_vec(&pem).expect("the asset is PEM");
        assert_eq!(label, "CERTIFICATE");
        fs::write(Path::new(&out).join(format!("{name}.der")), der).expect("OUT_DIR is writable");
    }
}
