//! The curve arithmetic on an emulated Cortex-M4: right, in constant time, and how much it takes.
//! `tests/p256/run` builds and runs it.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    println!("this program is for a Cortex-M4: see tests/p256/run");
}

#[cfg(target_os = "none")]
mod arithmetic;
#[cfg(target_os = "none")]
mod board;
#[cfg(target_os = "none")]
mod measure;
#[cfg(target_os = "none")]
mod vectors;

#[cfg(target_os = "none")]
fn run() -> bool {
    // Each of them even if one before has failed.
    let arithmetic = arithmetic::check();
    let vectors = vectors::check();
    let measured = measure::check();
    arithmetic && vectors && measured
}
