//! The transports a firmware can name. Each is a table of functions for one type of root future,
//! so the linker keeps only what is named.

use core::task::{Context, Poll};

use super::app::CApp;
use super::config::Config;
use super::guard;
use super::place;
use super::sockets::CStack;
use crate::Error;
use crate::port::Board as _;
use crate::thing::run::{Args, run};
use crate::thing::serve::Service;
#[cfg(feature = "embedded-tls")]
use crate::thing::transport::EmbeddedTls;
use crate::thing::transport::{SecureSocket, Tls};
#[cfg(feature = "embedded-tls")]
use crate::tls::embedded;
use crate::tls::{self, Clock, Inputs, KeyInput, native};

/// How the bytes of a connection are protected: one of the `iot_thing_transport_...` objects. A
/// firmware links only those that it names.
pub struct iot_thing_transport_t {
    /// Size and alignment of the root future.
    pub(super) layout: (usize, usize),
    /// Bytes of memory for buffers and credentials of its own.
    pub(super) memory: fn(&Config) -> Result<usize, Error>,
    /// Makes the root future in a place of that layout.
    pub(super) start: unsafe fn(*mut u8, Parts) -> Result<(), Error>,
    /// Polls it.
    pub(super) poll: unsafe fn(*mut u8, &mut Context<'_>) -> Poll<()>,
    /// Drops it.
    pub(super) finish: unsafe fn(*mut u8),
}

/// What every root future is made of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// Its callbacks.
    pub app: &'static CApp,
    /// Its sockets.
    pub stack: CStack,
    /// What it does with a connection.
    pub service: Service<'static, CApp>,
    /// The memory that `memory` asked for.
    pub memory: &'static mut [u8],
}

impl Parts {
    fn with<T>(self, transport: T) -> Args<'static, CApp, CStack, T> {
        Args {
            stack: self.stack,
            transport,
            service: self.service,
        }
    }
}

/// Layout of the root future with TLS.
pub(super) const TLS_LAYOUT: (usize, usize) = place::layout(&run::<CApp, CStack, Tls<'static>>);
/// Layout of the root future without.
pub(super) const SECURE_SOCKET_LAYOUT: (usize, usize) =
    place::layout(&run::<CApp, CStack, SecureSocket>);

/// TLS 1.3 with mutual authentication, by this library. The default.
#[unsafe(no_mangle)]
pub static iot_thing_transport_tls: iot_thing_transport_t = iot_thing_transport_t {
    layout: TLS_LAYOUT,
    memory: |config| tls_memory(config, native::memory_size),
    start: |at, mut parts| {
        let (rx, tx) = (parts.config.tls_rx_size, parts.config.tls_tx_size);
        let (buffers, credentials) = tls_parts(&mut parts, native::memory_size(rx, tx))?;
        if native::tx_needed(&credentials) > tx {
            return Err(Error::TooLarge);
        }
        let earliest = parts.config.earliest_unix_time;
        let crypto = &parts.app.crypto;
        let (ticket, size) = parts.config.tls_ticket;
        let ticket = guard::bytes_mut(ticket, size)?;
        let transport = Tls::new(buffers, rx, tx, credentials, earliest, crypto, ticket);
        // SAFETY: the caller provides a place of `layout`, which is that of this future.
        unsafe { place::start(run::<CApp, CStack, Tls<'static>>, at, parts.with(transport)) };
        Ok(())
    },
    // SAFETY: the caller demands what `place` demands.
    poll: |at, cx| unsafe { place::poll(run::<CApp, CStack, Tls<'static>>, at, cx) },
    // SAFETY: the caller demands what `place` demands.
    finish: |at| unsafe { place::finish(run::<CApp, CStack, Tls<'static>>, at) },
};

/// The same on the published crate embedded-tls: a second opinion, larger and with more limits
/// (docs/security.md). Its buffers take twice the memory: ask `iot_thing_memory_needed`.
///
/// Only in a library that was built with it: CMake option `IOT_THING_EMBEDDED_TLS`, cargo feature
/// `embedded-tls`.
#[cfg(feature = "embedded-tls")]
#[unsafe(no_mangle)]
pub static iot_thing_transport_embedded_tls: iot_thing_transport_t = iot_thing_transport_t {
    layout: place::layout(&run::<CApp, CStack, EmbeddedTls<'static>>),
    memory: |config| tls_memory(config, embedded::memory_size),
    start: |at, mut parts| {
        let (rx, tx) = (parts.config.tls_rx_size, parts.config.tls_tx_size);
        let (buffers, credentials) = tls_parts(&mut parts, embedded::memory_size(rx, tx))?;
        if embedded::tx_needed(&credentials) > tx {
            return Err(Error::TooLarge);
        }
        if !embedded::can_sign(&credentials) {
            return Err(Error::KeyUnsupported);
        }
        let earliest = parts.config.earliest_unix_time;
        let crypto = &parts.app.crypto;
        // It has no use for tickets.
        let transport = EmbeddedTls::new(buffers, rx, tx, credentials, earliest, crypto, &mut []);
        // SAFETY: the caller provides a place of `layout`, which is that of this future.
        unsafe {
            place::start(
                run::<CApp, CStack, EmbeddedTls<'static>>,
                at,
                parts.with(transport),
            );
        }
        Ok(())
    },
    // SAFETY: the caller demands what `place` demands.
    poll: |at, cx| unsafe { place::poll(run::<CApp, CStack, EmbeddedTls<'static>>, at, cx) },
    // SAFETY: the caller demands what `place` demands.
    finish: |at| unsafe { place::finish(run::<CApp, CStack, EmbeddedTls<'static>>, at) },
};

/// No protection by this library: for sockets that already speak TLS (a modem's, an operating
/// system's), which must then authenticate the server themselves.
#[unsafe(no_mangle)]
pub static iot_thing_transport_secure_socket: iot_thing_transport_t = iot_thing_transport_t {
    layout: SECURE_SOCKET_LAYOUT,
    memory: |_| Ok(0),
    start: |at, parts| {
        // SAFETY: the caller provides a place of `layout`, which is that of this future.
        unsafe {
            place::start(
                run::<CApp, CStack, SecureSocket>,
                at,
                parts.with(SecureSocket),
            );
        }
        Ok(())
    },
    // SAFETY: the caller demands what `place` demands.
    poll: |at, cx| unsafe { place::poll(run::<CApp, CStack, SecureSocket>, at, cx) },
    // SAFETY: the caller demands what `place` demands.
    finish: |at| unsafe { place::finish(run::<CApp, CStack, SecureSocket>, at) },
};

/// The memory of a TLS transport whose engine needs `buffers` of it.
fn tls_memory(config: &Config, buffers: fn(usize, usize) -> usize) -> Result<usize, Error> {
    if config.port_functions.unix_time.is_none() {
        return Err(Error::Port);
    }
    let credentials = tls::storage_needed(&inputs(config, None)?)?;
    buffers(config.tls_rx_size, config.tls_tx_size)
        .checked_add(credentials)
        .ok_or(Error::Memory)
}

/// That memory, divided into the engine's buffers and the credentials.
fn tls_parts(
    parts: &mut Parts,
    buffers: usize,
) -> Result<(&'static mut [u8], tls::Credentials<'static>), Error> {
    let memory = core::mem::take(&mut parts.memory);
    let (buffers, storage) = memory.split_at_mut_checked(buffers).ok_or(Error::Memory)?;
    let credentials = tls::load(&inputs(&parts.config, Some(parts.app))?, storage)?;
    let clock = Clock::new(parts.app.unix_time(), parts.config.earliest_unix_time);
    credentials.check_validity(clock)?;
    Ok((buffers, credentials))
}

/// The credentials as they were configured. Without an `app` only their sizes are wanted.
fn inputs(config: &Config, app: Option<&'static CApp>) -> Result<Inputs<'static>, Error> {
    if config.client_cert.is_empty() {
        return Err(Error::ClientCert);
    }
    let key = match (config.sign, app) {
        (Some(_), Some(app)) if config.private_key.is_empty() => {
            KeyInput::Signer(app, config.sign_form)
        }
        (Some(_), None) if config.private_key.is_empty() => KeyInput::Bytes(&[]),
        // Both, or neither.
        (None, _) if !config.private_key.is_empty() => KeyInput::Bytes(config.private_key),
        _ => return Err(Error::PrivateKey),
    };
    Ok(Inputs {
        certificate: config.client_cert,
        key,
        ca: config.ca_certs,
    })
}
