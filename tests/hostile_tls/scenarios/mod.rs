//! The table: what the server does, and what the client must make of it. One file for each kind of
//! misdeed, and `honest` for the rest.

mod authentication;
mod certificates;
mod chains;
mod ends;
mod extensions;
mod hello;
pub mod honest;
mod lengths;
mod order;
mod post_handshake;
mod records;
mod resumption;
mod retry;

use std::sync::Arc;

use iot_thing::Error;

use crate::{
    outcome::{Outcome, alert},
    pki,
    server::{
        CHANGE_CIPHER_SPEC,
        Step::{self, *},
        Verify as V, message,
    },
    traffic::Suite,
    world::Client,
};

/// One line of the table.
pub struct Scenario {
    pub group: &'static str,
    pub name: String,
    pub flight: Vec<Step>,
    /// After the client's Finished.
    pub after: Vec<Step>,
    pub client: Client,
    /// The cipher suite that it must be; otherwise any.
    pub suite: Option<Suite>,
    /// The connection before, if there was one.
    pub earlier: Option<Earlier>,
    pub expected: Outcome,
    /// The ticket that the client will offer next time, if it has memory for one.
    pub next: Option<Vec<u8>>,
}

/// A connection that brought tickets.
pub struct Earlier {
    /// The client as it was then.
    pub client: Client,
    pub suite: Option<Suite>,
    /// What its server sent after the handshake.
    pub after: Vec<Step>,
    /// Nonce and contents of the ticket that the client offers now; `None` if it must offer none.
    pub offered: Option<(Vec<u8>, Vec<u8>)>,
}

/// A server that sends this flight.
fn scenario(name: impl Into<String>, flight: Vec<Step>, expected: Outcome) -> Scenario {
    Scenario {
        group: "",
        name: name.into(),
        flight,
        after: Vec::new(),
        client: Client::default(),
        suite: None,
        earlier: None,
        expected,
        next: None,
    }
}

/// A server that breaks the protocol in its flight.
fn breach(name: impl Into<String>, flight: Vec<Step>, alert: u8) -> Scenario {
    scenario(name, flight, Outcome::refused(Error::TlsProtocol, alert))
}

/// A server that is honest until the handshake is over.
fn after(name: impl Into<String>, after: Vec<Step>, expected: Outcome) -> Scenario {
    Scenario {
        after,
        ..scenario(name, honest::flight(), expected)
    }
}

/// A server that breaks the protocol after the handshake.
fn late_breach(name: impl Into<String>, steps: Vec<Step>, alert: u8) -> Scenario {
    after(name, steps, Outcome::ended(Error::TlsProtocol, alert))
}

impl Scenario {
    /// Whether the client can make keys from what the server sends: then its alerts are encrypted.
    pub fn gives_keys(&self) -> bool {
        let harmless = |step: &&Step| {
            matches!(
                step,
                Fragment(_) | Pad(_) | Retry(_) | Await(_) | Plain(CHANGE_CIPHER_SPEC, _)
            )
        };
        let before = self.flight.iter().take_while(harmless).count();
        matches!(self.flight.get(before), Some(Hello | Resume(_)))
    }

    /// The client has room for records of so many bytes.
    fn rx(mut self, rx: usize) -> Self {
        self.client.rx = rx;
        self
    }
}

/// Changes the next message.
fn change(change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Step {
    Change(Arc::new(change))
}

/// Changes the next record.
fn tamper(change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Step {
    Tamper(Arc::new(change))
}

/// The group of the share in the client's first hello, and whether it has another group.
pub const GROUP: u16 = if TWO_GROUPS { X25519 } else { P256 };
const TWO_GROUPS: bool = cfg!(feature = "x25519");
const P256: u16 = 23;
const X25519: u16 = 29;

/// The places of the messages in the honest flight.
mod at {
    pub const HELLO: usize = 0;
    pub const EXTENSIONS: usize = 1;
    pub const REQUEST: usize = 2;
    pub const CERTIFICATE: usize = 3;
    pub const VERIFY: usize = 4;
    pub const FINISHED: usize = 5;
}

/// The names of those messages.
const NAMES: [&str; 6] = [
    "ServerHello",
    "EncryptedExtensions",
    "CertificateRequest",
    "Certificate",
    "CertificateVerify",
    "Finished",
];

/// The honest flight with steps put in at a place.
fn with(at: usize, steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut flight = honest::flight();
    flight.splice(at..at, steps);
    flight
}

/// The honest flight with one step replaced.
fn instead(at: usize, step: Step) -> Vec<Step> {
    let mut flight = honest::flight();
    flight[at] = step;
    flight
}

/// The honest flight without some steps.
fn without(places: &[usize]) -> Vec<Step> {
    let mut index = 0;
    let mut flight = honest::flight();
    flight.retain(|_| {
        index += 1;
        !places.contains(&(index - 1))
    });
    flight
}

/// The honest flight with one message changed.
fn changed(at: usize, with: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Vec<Step> {
    self::with(at, [change(with)])
}

/// All of it.
pub fn all() -> Vec<Scenario> {
    let groups = [
        ("honest", honest::all()),
        ("authentication", authentication::all()),
        ("chains", chains::all()),
        ("certificate lists", certificates::all()),
        ("ServerHello", hello::all()),
        ("HelloRetryRequest", retry::all()),
        ("resumption", resumption::all()),
        ("extensions", extensions::all()),
        ("order", order::all()),
        ("lengths", lengths::all()),
        ("records", records::all()),
        ("after the handshake", post_handshake::all()),
        ("ends", ends::all()),
    ];
    let named = |(group, scenarios): (&'static str, Vec<Scenario>)| {
        scenarios
            .into_iter()
            .map(move |scenario| Scenario { group, ..scenario })
    };
    groups.into_iter().flat_map(named).collect()
}
