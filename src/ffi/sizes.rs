//! The literal sizes that the header promises, proved for the target that is being compiled.
//!
//! They are literals because C needs them in constant expressions; a few percent of slack let
//! compilers differ. `iot_thing_memory_needed` tells the exact figure.

use super::app::{CShadow, Done, Handler};
use super::slab::ALIGN;
use super::thing::iot_thing_t;
use super::transport::{SECURE_SOCKET_LAYOUT, TLS_LAYOUT};
use super::types::*;
use crate::mqtt::PACKET_OVERHEAD;
use crate::thing::outbox::Entry;
use crate::thing::shadows::Node;
use crate::thing::subscriptions::Subscription;
use crate::tls;

/// Bytes of a Thing besides its configurable buffers, on 32-bit targets.
pub const IOT_THING_FIXED_SIZE_32: u32 = 4680;
/// The same on 64-bit targets.
pub const IOT_THING_FIXED_SIZE_64: u32 = 6464;
/// What TLS adds to it, on 32-bit targets.
pub const IOT_THING_TLS_FIXED_SIZE_32: u32 = 1776;
/// The same on 64-bit targets.
pub const IOT_THING_TLS_FIXED_SIZE_64: u32 = 1840;

#[cfg(target_pointer_width = "64")]
const PROMISED: (u32, u32) = (IOT_THING_FIXED_SIZE_64, IOT_THING_TLS_FIXED_SIZE_64);
#[cfg(not(target_pointer_width = "64"))]
const PROMISED: (u32, u32) = (IOT_THING_FIXED_SIZE_32, IOT_THING_TLS_FIXED_SIZE_32);

/// Bytes of the root future, in which a Thing runs: without TLS, and with it. Part of the fixed size;
/// for those who measure it.
pub const fn root_futures() -> [usize; 2] {
    [SECURE_SOCKET_LAYOUT.0, TLS_LAYOUT.0]
}

/// Places in the plan of a Thing, each of which may lose some bytes to alignment, and so may the
/// memory itself.
const PLACES: usize = 12;

const FIXED: usize = size_of::<iot_thing_t>()
    + SECURE_SOCKET_LAYOUT.0
    + IOT_THING_DEFAULT_QUEUE_LEN as usize * size_of::<Option<Entry<Done>>>()
    + IOT_THING_DEFAULT_SUBSCRIPTIONS as usize * size_of::<Option<Subscription<Handler, Done>>>()
    + IOT_THING_DEFAULT_FILTER_SIZE as usize
    + PACKET_OVERHEAD
    + size_of::<Node<'static, CShadow>>()
    + PLACES * (ALIGN - 1);

const TLS: usize = TLS_LAYOUT.0 - SECURE_SOCKET_LAYOUT.0 + tls::memory_size(0, 0);

const _: () = assert!(FIXED <= PROMISED.0 as usize, "raise IOT_THING_FIXED_SIZE");
const _: () = assert!(TLS <= PROMISED.1 as usize, "raise IOT_THING_TLS_FIXED_SIZE");
// What the header's formulas say of buffers: each of tls_rx_size and tls_tx_size once.
const _: () = assert!(tls::memory_size(1000, 500) - tls::memory_size(0, 0) == 1000 + 500);
