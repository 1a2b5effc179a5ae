//! The firmware's linker script, and the name of a flag that the library's sources use.

use std::env;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(iot_thing_umaal)");
    println!("cargo::rerun-if-changed=firmware.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let directory = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bins=-T{directory}/firmware.ld");
    }
}
