//! The core of `iot_thing`: an AWS IoT Thing without heap, threads or an operating system.
//!
//! C firmware uses it through `include/iot_thing.h`; that face is `ffi/`, the only module with
//! unsafe code but for some assembly in `tls/crypto/p256`. The modules below it are safe Rust, each
//! usable and tested on its own: bytes and time come in as values, so none of them needs a network
//! or a clock to be tested.

#![cfg_attr(not(test), no_std)]
#![deny(
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    clippy::undocumented_unsafe_blocks
)]
#![warn(missing_docs)]

mod bytes;
pub mod error;
#[allow(unsafe_code)]
pub mod ffi;
#[forbid(unsafe_code)]
pub mod json;
#[forbid(unsafe_code)]
pub mod mqtt;
#[forbid(unsafe_code)]
pub mod net;
#[forbid(unsafe_code)]
pub mod port;
#[forbid(unsafe_code)]
pub mod shadow;
#[forbid(unsafe_code)]
pub mod thing;
pub mod tls;

pub use error::Error;
