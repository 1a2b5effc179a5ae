//! The C face: pointers to safe types, NULL, length and state checks, error codes, construction
//! in the caller's memory. Decides nothing. The only unsafe code of the library.

#![allow(non_camel_case_types, non_upper_case_globals)]
// The demands on pointers are part of the C documentation of each function.
#![allow(clippy::missing_safety_doc, clippy::not_unsafe_ptr_arg_deref)]

pub mod api;
mod app;
mod config;
mod crypto;
mod guard;
pub mod json;
mod place;
mod port;
pub mod property;
pub mod shadow;
pub mod sizes;
mod slab;
mod sockets;
pub mod thing;
pub mod transport;
pub mod types;
mod verify;
mod waker;
