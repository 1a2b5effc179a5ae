//! What the API side and the running Thing share: the outbox, what is wanted, and what is known.
//!
//! The API side may be another thread or an interrupt, so everything here is behind the critical
//! section, which is held for one bounded operation at a time and never while a callback runs.

use core::cell::RefCell;

use critical_section::Mutex;

use super::event::State;
use super::outbox::{Entry, Kind, Outbox};
use super::stats::Statistics;
use crate::Error;
use crate::json::{Kind as JsonKind, Value};
use crate::mqtt::topic;
use crate::shadow::{self, Token};

/// Largest payload of a message, in bytes (AWS IoT limit).
pub const MAX_PAYLOAD: usize = 131_072;

/// The shared state of one Thing. `D` tells whom to notify of an operation's end.
pub struct Control<'m, D> {
    shared: Mutex<RefCell<Shared<'m, D>>>,
}

/// What is behind the critical section.
pub struct Shared<'m, D> {
    /// Messages to be sent, or waiting for their end.
    pub outbox: Outbox<'m, D>,
    /// A connection is wanted.
    pub wanted: bool,
    /// The application listens to the cloud's requests.
    pub requests_wanted: bool,
    /// Where the connection stands.
    pub state: State,
    /// Counters.
    pub statistics: Statistics,
    /// The current connection.
    pub connection: ConnectionInfo,
    /// Counts the calls that asked for a connection or for its end.
    pub asked: u32,
    /// Counts the calls that gave the Thing something to do.
    changes: u32,
    polling: bool,
    /// Nothing more is taken.
    pub ending: bool,
    last_needed: usize,
    boot: u32,
    tokens: u32,
}

/// What is known about the current connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// 0x0304, or 0 without TLS.
    pub tls_version: u16,
    /// 0x1301, or 0 without TLS.
    pub tls_cipher_suite: u16,
    /// The broker had the session.
    pub session_resumed: bool,
}

impl<'m, D: Copy + Send> Control<'m, D> {
    /// `boot` is a random number, different at each start.
    pub fn new(entries: &'m mut [Option<Entry<D>>], bytes: &'m mut [u8], boot: u32) -> Self {
        Self {
            shared: Mutex::new(RefCell::new(Shared {
                outbox: Outbox::new(entries, bytes),
                wanted: false,
                requests_wanted: false,
                state: State::Idle,
                statistics: Statistics::default(),
                connection: ConnectionInfo::default(),
                asked: 0,
                changes: 0,
                polling: false,
                ending: false,
                last_needed: 0,
                boot,
                tokens: 0,
            })),
        }
    }

    /// Works on the shared state. `work` must be short and must not call back.
    pub fn with<R>(&self, work: impl FnOnce(&mut Shared<'m, D>) -> R) -> R {
        critical_section::with(|cs| work(&mut self.shared.borrow(cs).borrow_mut()))
    }

    /// Asks for a connection, or for its end.
    pub fn want_connection(&self, wanted: bool) {
        self.with(|shared| {
            shared.wanted = wanted;
            shared.asked = shared.asked.wrapping_add(1);
            shared.changed();
        });
    }

    /// Asks for the cloud's requests, or for no more of them.
    pub fn want_requests(&self, wanted: bool) {
        self.with(|shared| {
            shared.requests_wanted = wanted;
            shared.changed();
        });
    }

    /// Queues a message of the application.
    pub fn publish(
        &self,
        topic: &[u8],
        payload: &[u8],
        qos: i32,
        done: Option<D>,
    ) -> Result<(), Error> {
        let qos1 = match qos {
            0 => false,
            1 => true,
            _ => return Err(Error::Argument),
        };
        let topic = topic::check_publish(topic)?;
        self.push(Kind::Publish { qos1 }, topic, &[payload], MAX_PAYLOAD, done)
    }

    /// Queues an update of the reported state; `reported` is checked to be a JSON object.
    pub fn update(&self, reported: &[u8], done: Option<D>) -> Result<(), Error> {
        if reported.len() > shadow::MAX_DOCUMENT {
            let needed = shadow::update_size(reported.len());
            self.with(|shared| shared.last_needed = needed);
            return Err(Error::TooLarge);
        }
        let value = Value::parse(reported)?;
        if value.kind() != JsonKind::Object {
            return Err(Error::JsonType);
        }
        self.update_checked(value.raw(), done)
    }

    /// Queues an update whose text is known to be a JSON object; `None` for answers to requests.
    pub fn update_checked(&self, reported: &[u8], done: Option<D>) -> Result<(), Error> {
        let token = self.with(Shared::next_token);
        let text = token.text();
        let parts = shadow::update_request(reported, &text);
        self.push(Kind::Update(token), "", &parts, shadow::MAX_DOCUMENT, done)
    }

    fn push(
        &self,
        kind: Kind,
        topic: &str,
        parts: &[&[u8]],
        limit: usize,
        done: Option<D>,
    ) -> Result<(), Error> {
        let size = Outbox::<D>::size_of(topic, parts);
        self.with(|shared| {
            if shared.ending {
                return Err(Error::State);
            }
            let pushed = if size.saturating_sub(topic.len()) > limit {
                Err(Error::TooLarge)
            } else {
                shared.outbox.push(kind, topic, parts, done)
            };
            match pushed {
                Ok(()) => shared.changed(),
                Err(_) => shared.last_needed = size,
            }
            pushed
        })
    }

    /// Bytes that the last refused call needed.
    pub fn last_needed(&self) -> usize {
        self.with(|shared| shared.last_needed)
    }

    /// Where the connection stands.
    pub fn state(&self) -> State {
        self.with(|shared| shared.state)
    }

    /// How many calls have given the Thing something to do.
    pub fn changes(&self) -> u32 {
        self.with(|shared| shared.changes)
    }

    /// Begins a poll (or another call that only one thread may be in); `Busy` when one is running.
    pub fn enter(&self) -> Result<(), Error> {
        self.with(|shared| {
            if shared.polling {
                return Err(Error::Busy);
            }
            shared.polling = true;
            Ok(())
        })
    }

    /// Ends it.
    pub fn leave(&self) {
        self.with(|shared| shared.polling = false);
    }
}

impl<D> Shared<'_, D> {
    /// A token that was not used before.
    pub fn next_token(&mut self) -> Token {
        self.tokens = self.tokens.wrapping_add(1);
        Token::new(self.boot, self.tokens)
    }

    /// Notes that there is something to do.
    pub fn changed(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }
}
