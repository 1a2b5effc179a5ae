//! The firmware's linker script.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=firmware.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let directory = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bin=p256-firmware=-T{directory}/firmware.ld");
    }
}
