//! Turns the built-in CA certificates from PEM, which people can read and compare, into the DER
//! that the library links.

use std::{env, fs, path::Path};

/// The roots behind AWS IoT endpoints: RSA 2048 and P-256.
const ROOTS: [&str; 2] = ["amazon_root_ca_1", "amazon_root_ca_3"];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(iot_thing_umaal)");
    if env::var_os("CARGO_FEATURE_P256_DSP").is_some() && has_umaal() {
        println!("cargo::rustc-cfg=iot_thing_umaal");
    }
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

/// Whether the target has the instruction UMAAL, which came with the DSP extension.
fn has_umaal() -> bool {
    let target = env::var("TARGET").expect("cargo sets it");
    if target.starts_with("thumbv7em-") {
        return true;
    }
    // An option of ARMv8-M, which a stable compiler does not tell: known by the flags that chose it.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let flags = flags.replace('\x1f', " ");
    let cores = ["cortex-m33", "cortex-m35p", "cortex-m55", "cortex-m85"];
    target.starts_with("thumbv8m.main-")
        && !flags.contains("-dsp")
        && (flags.contains("+dsp")
            || cores
                .iter()
                .any(|core| flags.contains(&format!("target-cpu={core}"))))
}
