//! Checks the configuration of a Thing, field by field.

use core::ffi::{CStr, c_char};

use embassy_time::Duration;
use rustls_pki_types::DnsName;

use super::guard::{self, Versioned};
use super::sockets;
use super::transport::iot_thing_transport_t;
use super::types::*;
use super::{port, types};
use crate::Error;
use crate::shadow::topic::is_thing_name;
use crate::thing::backoff::Backoff;
use crate::thing::env::CleanStart;
use crate::thing::outbox::Policy;
use crate::tls::SignatureForm;

// SAFETY: integers, pointers and nullable function pointers.
unsafe impl Versioned for iot_thing_config_t {}

/// A configuration whose every field was checked and defaulted.
#[derive(Clone, Copy)]
pub struct Config {
    pub transport: &'static iot_thing_transport_t,
    /// The endpoint with its NUL, as C functions want it.
    pub endpoint_c: *const c_char,
    pub endpoint: &'static str,
    pub mqtt_id: &'static str,
    pub thing_name: &'static str,
    pub client_cert: &'static [u8],
    pub private_key: &'static [u8],
    pub ca_certs: &'static [u8],
    pub sign: Option<Signer>,
    pub sign_form: SignatureForm,
    pub crypto: iot_thing_crypto_t,
    pub earliest_unix_time: u64,
    pub sockets: types::iot_thing_sockets_t,
    pub port: *const iot_thing_port_t,
    pub port_functions: iot_thing_port_t,
    pub on_event: iot_thing_event_fn,
    pub on_event_user: *mut core::ffi::c_void,
    pub pull_events: bool,
    pub pull_requests: bool,
    pub tcp_port: u16,
    pub keep_alive_s: u16,
    pub session_expiry_s: u32,
    pub rx_size: usize,
    pub tx_size: usize,
    pub reply_size: usize,
    pub queue_len: usize,
    pub tls_rx_size: usize,
    pub tls_tx_size: usize,
    pub connect_timeout: Duration,
    pub tls_timeout: Duration,
    pub mqtt_timeout: Duration,
    pub ack_timeout: Duration,
    pub stall_timeout: Duration,
    pub shadow_timeout: Duration,
    pub backoff: Backoff,
    pub subscriptions: usize,
    pub filter_size: usize,
    pub queue_policy: Policy,
    pub drain_interval: Duration,
    pub clean_start: CleanStart,
    pub ping_timeout: Duration,
    pub on_retry: (iot_thing_retry_fn, *mut core::ffi::c_void),
    pub alpn: Option<&'static [u8]>,
    pub tls_ticket: (*mut u8, usize),
}

/// Longest name of an ALPN protocol, in bytes.
const MAX_ALPN: usize = 32;

/// All in software.
const NO_CRYPTO: iot_thing_crypto_t = iot_thing_crypto_t {
    struct_size: size_of::<iot_thing_crypto_t>() as u32,
    user: core::ptr::null_mut(),
    p256_keygen: None,
    p256_ecdh: None,
    p256_verify: None,
    aead_seal: None,
    aead_open: None,
};

/// A key elsewhere: the function and what it is passed.
pub type Signer = (
    unsafe extern "C" fn(
        user: *mut core::ffi::c_void,
        hash: *const u8,
        signature: *mut u8,
        capacity: usize,
        len: *mut usize,
    ) -> i32,
    *mut core::ffi::c_void,
);

/// Reads and checks a configuration.
pub fn read(config: *const iot_thing_config_t) -> Result<Config, Error> {
    let c = guard::read_versioned(config)?;
    if c.transport.is_null() {
        return Err(Error::Transport);
    }
    // SAFETY: the header demands one of the library's own constant transport objects.
    let transport: &'static iot_thing_transport_t = unsafe { &*c.transport };

    let endpoint = text(c.endpoint, IOT_THING_MAX_ENDPOINT, Error::Endpoint)?;
    if !is_host_name(endpoint) {
        return Err(Error::Endpoint);
    }
    let mqtt_id = text(c.mqtt_id, IOT_THING_MAX_MQTT_ID, Error::MqttId)?;
    if mqtt_id.is_empty() || mqtt_id.starts_with('$') || mqtt_id.contains(char::is_control) {
        return Err(Error::MqttId);
    }
    let thing_name = if c.thing_name.is_null() {
        mqtt_id
    } else {
        text(c.thing_name, IOT_THING_MAX_THING_NAME, Error::ThingName)?
    };
    if !is_thing_name(thing_name) {
        return Err(Error::ThingName);
    }

    let sockets = sockets::read(c.sockets)?;
    let port_functions = port::check(c.port)?;

    if c.pull_events > IOT_THING_PULL_ALL {
        return Err(Error::Argument);
    }
    let client_cert = data(c.client_cert, Error::ClientCert)?;
    let private_key = data(c.private_key, Error::PrivateKey)?;
    let ca_certs = data(c.ca_certs, Error::CaCerts)?;
    let tls_ticket = match c.tls_ticket_size {
        0 => (c.tls_ticket, 0),
        _ if c.tls_ticket.is_null() => return Err(Error::Null),
        size => (c.tls_ticket, size as usize),
    };
    // It will be written to.
    let read = [client_cert, private_key, ca_certs];
    if read
        .into_iter()
        .any(|text| guard::overlap(text, tls_ticket.0, tls_ticket.1))
    {
        return Err(Error::Argument);
    }
    Ok(Config {
        transport,
        endpoint_c: c.endpoint,
        endpoint,
        mqtt_id,
        thing_name,
        client_cert,
        private_key,
        ca_certs,
        sign: c.sign.map(|sign| (sign, c.sign_user)),
        sign_form: match c.sign_form {
            IOT_THING_SIGN_DER => SignatureForm::Der,
            IOT_THING_SIGN_RAW => SignatureForm::Raw,
            _ => return Err(Error::Argument),
        },
        earliest_unix_time: c.earliest_unix_time,
        crypto: if c.crypto.is_null() {
            NO_CRYPTO
        } else {
            guard::read_versioned(c.crypto)?
        },
        sockets,
        port: c.port,
        port_functions,
        on_event: c.on_event,
        on_event_user: c.on_event_user,
        pull_events: c.pull_events >= IOT_THING_PULL_EVENTS,
        pull_requests: c.pull_events == IOT_THING_PULL_ALL,
        tcp_port: if c.tcp_port == 0 {
            IOT_THING_DEFAULT_PORT
        } else {
            c.tcp_port
        },
        keep_alive_s: keep_alive(c.keep_alive_s)?,
        session_expiry_s: match c.session_expiry_s {
            0 => IOT_THING_DEFAULT_SESSION_EXPIRY_S,
            IOT_THING_SESSION_NONE => 0,
            seconds => seconds,
        },
        rx_size: size(c.rx_size, IOT_THING_DEFAULT_RX_SIZE, 512, 131_072)?,
        tx_size: size(c.tx_size, IOT_THING_DEFAULT_TX_SIZE, 256, 131_072)?,
        reply_size: size(c.reply_size, IOT_THING_DEFAULT_REPLY_SIZE, 64, 8192)?,
        queue_len: size(c.queue_len, IOT_THING_DEFAULT_QUEUE_LEN, 2, 256)?,
        tls_rx_size: size(c.tls_rx_size, IOT_THING_DEFAULT_TLS_RX_SIZE, 512, 16_640)?,
        tls_tx_size: size(c.tls_tx_size, IOT_THING_DEFAULT_TLS_TX_SIZE, 512, 16_384)?,
        connect_timeout: time(c.connect_timeout_ms, IOT_THING_DEFAULT_CONNECT_TIMEOUT_MS),
        tls_timeout: time(c.tls_timeout_ms, IOT_THING_DEFAULT_TLS_TIMEOUT_MS),
        mqtt_timeout: time(c.mqtt_timeout_ms, IOT_THING_DEFAULT_MQTT_TIMEOUT_MS),
        ack_timeout: time(c.ack_timeout_ms, IOT_THING_DEFAULT_ACK_TIMEOUT_MS),
        stall_timeout: time(c.stall_timeout_ms, IOT_THING_DEFAULT_STALL_TIMEOUT_MS),
        shadow_timeout: time(c.shadow_timeout_ms, IOT_THING_DEFAULT_SHADOW_TIMEOUT_MS),
        backoff: Backoff::new(
            or_default(c.backoff_base_ms, IOT_THING_DEFAULT_BACKOFF_BASE_MS),
            or_default(c.backoff_cap_ms, IOT_THING_DEFAULT_BACKOFF_CAP_MS),
            or_default(c.backoff_stable_ms, IOT_THING_DEFAULT_BACKOFF_STABLE_MS),
        ),
        subscriptions: size(c.subscriptions, IOT_THING_DEFAULT_SUBSCRIPTIONS, 1, 50)?,
        filter_size: size(c.filter_size, IOT_THING_DEFAULT_FILTER_SIZE, 64, 16_384)?,
        queue_policy: match c.queue_policy {
            IOT_THING_QUEUE_REFUSE_NEW => Policy::RefuseNew,
            IOT_THING_QUEUE_DROP_OLDEST => Policy::DropOldest,
            _ => return Err(Error::Argument),
        },
        drain_interval: Duration::from_millis(u64::from(c.drain_interval_ms)),
        clean_start: match c.clean_start {
            IOT_THING_CLEAN_START_FIRST => CleanStart::First,
            IOT_THING_CLEAN_START_ALWAYS => CleanStart::Always,
            IOT_THING_CLEAN_START_NEVER => CleanStart::Never,
            _ => return Err(Error::Argument),
        },
        ping_timeout: time(c.ping_timeout_ms, IOT_THING_DEFAULT_PING_TIMEOUT_MS),
        on_retry: (c.on_retry, c.on_retry_user),
        alpn: if c.alpn.is_null() {
            None
        } else {
            Some(text(c.alpn, MAX_ALPN, Error::Argument)?.as_bytes())
        },
        tls_ticket,
    })
}

fn or_default(value: u32, default: u32) -> u32 {
    if value == 0 { default } else { value }
}

fn size(value: u32, default: u32, min: u32, max: u32) -> Result<usize, Error> {
    let value = or_default(value, default);
    if (min..=max).contains(&value) {
        Ok(value as usize)
    } else {
        Err(Error::Argument)
    }
}

fn time(value_ms: u32, default_ms: u32) -> Duration {
    Duration::from_millis(u64::from(or_default(value_ms, default_ms)))
}

fn keep_alive(seconds: u16) -> Result<u16, Error> {
    match seconds {
        0 => Ok(IOT_THING_DEFAULT_KEEP_ALIVE_S),
        IOT_THING_MIN_KEEP_ALIVE_S..=IOT_THING_MAX_KEEP_ALIVE_S => Ok(seconds),
        _ => Err(Error::Argument),
    }
}

/// A configuration string; any fault is the field's own error.
fn text(text: *const c_char, max: usize, error: Error) -> Result<&'static str, Error> {
    let bytes = guard::c_str(text, max).map_err(|_| error)?;
    core::str::from_utf8(bytes).map_err(|_| error)
}

pub fn data<'a>(data: iot_thing_bytes_t, error: Error) -> Result<&'a [u8], Error> {
    let bytes = guard::bytes(data.data, data.len).map_err(|_| error)?;
    // PEM text may be given with its NUL counted.
    Ok(match CStr::from_bytes_with_nul(bytes) {
        Ok(text) => text.to_bytes(),
        Err(_) => bytes,
    })
}

fn is_host_name(name: &str) -> bool {
    !name.ends_with('.') && DnsName::try_from(name).is_ok()
}
