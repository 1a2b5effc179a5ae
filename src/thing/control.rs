//! What the API side and the running Thing share: the outbox, what is wanted, and what is known.
//!
//! The API side may be another thread or an interrupt, so everything here is behind the critical
//! section, which is held for one bounded operation at a time and never while a callback runs.

use core::cell::RefCell;

use critical_section::Mutex;

use super::event::State;
use super::outbox::{Kind, New, Outbox};
use super::stats::Statistics;
use super::subscriptions::Subscriptions;
use crate::Error;
use crate::json::{Kind as JsonKind, Value};
use crate::mqtt::{SubscribeOptions, Will, topic};
use crate::shadow::{self, Token};

/// Largest payload of a message, in bytes (AWS IoT limit).
pub const MAX_PAYLOAD: usize = 131_072;

/// The shared state of one Thing. `H` names who gets the messages of a subscription, `D` whom to
/// tell of an operation's end.
pub struct Control<'m, H, D> {
    shared: Mutex<RefCell<Shared<'m, H, D>>>,
}

/// What is behind the critical section.
pub struct Shared<'m, H, D> {
    /// Messages to be sent, or waiting for their end.
    pub outbox: Outbox<'m, D>,
    /// What is subscribed to.
    pub subscriptions: Subscriptions<'m, H, D>,
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
    /// The reason code of the DISCONNECT that ends the connection when it is not wanted any more.
    pub goodbye: u8,
    /// What the broker publishes when the connection is lost.
    pub will: Option<Will<'m>>,
    /// User name and password.
    pub login: Login<'m>,
    last_needed: usize,
    boot: u32,
    tokens: u32,
}

/// Who the device is, for a custom authorizer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Login<'m> {
    /// User name.
    pub user_name: Option<&'m str>,
    /// Password.
    pub password: Option<&'m [u8]>,
}

/// A message of the application to be queued.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Where to.
    pub topic: &'a [u8],
    /// What.
    pub payload: &'a [u8],
    /// At QoS 1, else 0.
    pub qos1: bool,
    /// The broker keeps it for later subscribers.
    pub retain: bool,
    /// As [`crate::mqtt::properties::encode`] wrote them.
    pub properties: &'a [u8],
    /// Milliseconds after which it is over if it was not acknowledged; 0: never.
    pub timeout_ms: u64,
}

/// So many milliseconds from now on the library's clock; 0: never.
fn deadline(timeout_ms: u64) -> u64 {
    match timeout_ms {
        0 => u64::MAX,
        ms => embassy_time::Instant::now().as_millis().saturating_add(ms),
    }
}

/// What is known about the current connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// 0x0304, or 0 without TLS.
    pub tls_version: u16,
    /// 0x1301, or 0 without TLS.
    pub tls_cipher_suite: u16,
    /// TLS went on from an earlier connection.
    pub tls_resumed: bool,
    /// The broker had the session.
    pub session_resumed: bool,
    /// Seconds.
    pub keep_alive_s: u32,
    /// Seconds.
    pub session_expiry_s: u32,
    /// Messages at QoS 1 in flight to the broker.
    pub receive_maximum: u32,
    /// Bytes; 0: no limit.
    pub maximum_packet_size: u32,
}

impl<'m, H: Copy + Send, D: Copy + Send> Control<'m, H, D> {
    /// `boot` is a random number, different at each start.
    pub fn new(outbox: Outbox<'m, D>, subscriptions: Subscriptions<'m, H, D>, boot: u32) -> Self {
        Self {
            shared: Mutex::new(RefCell::new(Shared {
                outbox,
                subscriptions,
                wanted: false,
                requests_wanted: false,
                state: State::Idle,
                statistics: Statistics::default(),
                connection: ConnectionInfo::default(),
                asked: 0,
                changes: 0,
                polling: false,
                ending: false,
                goodbye: 0,
                will: None,
                login: Login::default(),
                last_needed: 0,
                boot,
                tokens: 0,
            })),
        }
    }

    /// Works on the shared state. `work` must be short and must not call back.
    pub fn with<R>(&self, work: impl FnOnce(&mut Shared<'m, H, D>) -> R) -> R {
        critical_section::with(|cs| work(&mut self.shared.borrow(cs).borrow_mut()))
    }

    /// Asks for a connection, or for its end with this reason code.
    pub fn want_connection(&self, wanted: bool, goodbye: u8) {
        self.with(|shared| {
            shared.wanted = wanted;
            shared.goodbye = goodbye;
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
    pub fn publish(&self, message: &Publish<'_>, done: Option<D>) -> Result<(), Error> {
        let topic = topic::check_publish(message.topic)?;
        if message.payload.len() > MAX_PAYLOAD {
            return self.refused(Error::TooLarge, topic.len() + message.payload.len());
        }
        let new = New {
            kind: Kind::Publish {
                qos1: message.qos1,
                retain: message.retain,
            },
            head: [topic.as_bytes(), message.properties],
            expires: deadline(message.timeout_ms),
            answer_ms: 0,
            done,
        };
        self.push(new, &[message.payload])
    }

    /// Wants a filter of the application; the result of subscribing is told to `done`.
    pub fn subscribe(
        &self,
        filter: &[u8],
        options: SubscribeOptions,
        timeout_ms: u64,
        handler: H,
        done: Option<D>,
    ) -> Result<(), Error> {
        let filter = topic::check_filter(filter)?;
        let expires = deadline(timeout_ms);
        self.change(|shared| {
            let result = shared
                .subscriptions
                .subscribe(filter, options, handler, done, expires);
            if result == Err(Error::QueueFull) {
                shared.last_needed = filter.len();
            }
            result
        })
    }

    /// Wants a filter of the application no more; the result is told to `done`.
    pub fn unsubscribe(
        &self,
        filter: &[u8],
        timeout_ms: u64,
        done: Option<D>,
    ) -> Result<(), Error> {
        let filter = topic::check_filter(filter)?;
        let expires = deadline(timeout_ms);
        self.change(|shared| shared.subscriptions.unsubscribe(filter, done, expires))
    }

    /// Works on the shared state, unless the Thing is ending, and notes that there is something to
    /// do if that succeeds.
    fn change(
        &self,
        work: impl FnOnce(&mut Shared<'m, H, D>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.with(|shared| {
            if shared.ending {
                return Err(Error::State);
            }
            work(shared)?;
            shared.changed();
            Ok(())
        })
    }

    /// Queues an update of the reported state; `reported` is checked to be a JSON object.
    pub fn update(&self, reported: &[u8], done: Option<D>) -> Result<(), Error> {
        if reported.len() > shadow::MAX_DOCUMENT {
            return self.refused(Error::TooLarge, shadow::update_size(reported.len()));
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
        let size = shadow::update_size(reported.len());
        if size > shadow::MAX_DOCUMENT {
            return self.refused(Error::TooLarge, size);
        }
        let new = New {
            kind: Kind::Shadow(shadow::Request::Update),
            head: [&text, b""],
            expires: u64::MAX,
            answer_ms: 0,
            done,
        };
        self.push(new, &parts)
    }

    fn push(&self, new: New<'_, D>, parts: &[&[u8]]) -> Result<(), Error> {
        let size = new
            .head
            .iter()
            .chain(parts)
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        self.change(|shared| {
            let pushed = shared.outbox.push(new, parts);
            if pushed.is_err() {
                shared.last_needed = size;
            }
            pushed
        })
    }

    fn refused(&self, error: Error, needed: usize) -> Result<(), Error> {
        self.with(|shared| shared.last_needed = needed);
        Err(error)
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

impl<H, D> Shared<'_, H, D> {
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
