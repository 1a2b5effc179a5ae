//! What the API side and the running Thing share: the outbox, what is wanted, and what is known.
//!
//! The API side may be another thread or an interrupt, so everything here is behind the critical
//! section, which is held for one bounded operation at a time and never while a callback runs.

use core::cell::RefCell;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use critical_section::{CriticalSection, Mutex};

use super::event::State;
use super::outbox::{Kind, New, Outbox};
use super::shadows::{ShadowId, Shadows};
use super::stats::Statistics;
use super::subscriptions::Subscriptions;
use crate::Error;
use crate::mqtt::{SubscribeOptions, Will, topic};
use crate::shadow::{self, Operation, Purpose, Request, Section, Token};

/// Largest payload of a message, in bytes (AWS IoT limit).
pub const MAX_PAYLOAD: usize = 131_072;

/// The shared state of one Thing. `H` names who gets the messages of a subscription, `D` whom to
/// tell of an operation's end, `S` who opened a shadow.
pub struct Control<'m, H, D, S> {
    shared: Mutex<RefCell<Shared<'m, H, D, S>>>,
    // What every poll looks at several times. It is read outside the critical section; what several
    // may write is written inside, for not all cores have an atomic exchange.
    /// A connection is wanted.
    wanted: AtomicBool,
    /// Counts the calls that gave the Thing something to do.
    changes: AtomicU32,
    polling: AtomicBool,
}

/// What is behind the critical section.
pub struct Shared<'m, H, D, S> {
    /// Messages to be sent, or waiting for their end.
    pub outbox: Outbox<'m, D>,
    /// What is subscribed to.
    pub subscriptions: Subscriptions<'m, H, D>,
    /// The open shadows.
    pub shadows: Shadows<'m, S>,
    /// Where the connection stands.
    pub state: State,
    /// Counters.
    pub statistics: Statistics,
    /// The current connection.
    pub connection: ConnectionInfo,
    /// Counts the calls that asked for a connection or for its end.
    pub asked: u32,
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

/// A request of the shadow service to be queued.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a, D> {
    /// For which shadow.
    pub shadow: ShadowId,
    /// What is asked.
    pub operation: Operation,
    /// Why.
    pub purpose: Purpose,
    /// What an update changes.
    pub section: Section,
    /// The state of an update, JSON that was checked.
    pub state: &'a [u8],
    /// The version that the shadow must have; 0: any.
    pub version: u64,
    /// A client token of the application's own; it was checked.
    pub token: Option<&'a [u8]>,
    /// Milliseconds for the service to answer once the broker has it; 0: as configured.
    pub answer_ms: u32,
    /// Milliseconds after which it is over in any case; 0: never.
    pub within_ms: u32,
    /// Whom to tell.
    pub done: Option<D>,
}

impl<D> Ask<'_, D> {
    /// The plain request.
    pub fn new(shadow: ShadowId, operation: Operation) -> Self {
        Self {
            shadow,
            operation,
            purpose: Purpose::Call,
            section: Section::Reported,
            state: b"",
            version: 0,
            token: None,
            answer_ms: 0,
            within_ms: 0,
            done: None,
        }
    }
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

impl<'m, H: Copy + Send, D: Copy + Send, S: Copy + Send> Control<'m, H, D, S> {
    /// `boot` is a random number, different at each start.
    pub fn new(outbox: Outbox<'m, D>, subscriptions: Subscriptions<'m, H, D>, boot: u32) -> Self {
        Self {
            shared: Mutex::new(RefCell::new(Shared {
                outbox,
                subscriptions,
                shadows: Shadows::default(),
                state: State::Idle,
                statistics: Statistics::default(),
                connection: ConnectionInfo::default(),
                asked: 0,
                ending: false,
                goodbye: 0,
                will: None,
                login: Login::default(),
                last_needed: 0,
                boot,
                tokens: 0,
            })),
            wanted: AtomicBool::new(false),
            changes: AtomicU32::new(0),
            polling: AtomicBool::new(false),
        }
    }

    /// Works on the shared state. `work` must be short and must not call back.
    pub fn with<R>(&self, work: impl FnOnce(&mut Shared<'m, H, D, S>) -> R) -> R {
        self.section(|_, shared| work(shared))
    }

    fn section<R>(
        &self,
        work: impl FnOnce(CriticalSection<'_>, &mut Shared<'m, H, D, S>) -> R,
    ) -> R {
        critical_section::with(|cs| work(cs, &mut self.shared.borrow(cs).borrow_mut()))
    }

    /// Works on the shared state, unless the Thing is ending, and notes that there is something to
    /// do if that succeeds.
    pub fn change<R>(
        &self,
        work: impl FnOnce(&mut Shared<'m, H, D, S>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.section(|cs, shared| {
            if shared.ending {
                return Err(Error::State);
            }
            let done = work(shared)?;
            self.count_change(cs);
            Ok(done)
        })
    }

    /// Notes that there is something to do.
    pub fn changed(&self) {
        critical_section::with(|cs| self.count_change(cs));
    }

    fn count_change(&self, _: CriticalSection<'_>) {
        let changes = self.changes.load(Ordering::Relaxed).wrapping_add(1);
        self.changes.store(changes, Ordering::Release);
    }

    /// How many calls have given the Thing something to do.
    pub fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// Asks for a connection, or for its end with this reason code.
    pub fn want_connection(&self, wanted: bool, goodbye: u8) {
        self.section(|cs, shared| {
            shared.goodbye = goodbye;
            shared.asked = shared.asked.wrapping_add(1);
            self.wanted.store(wanted, Ordering::Release);
            self.count_change(cs);
        });
    }

    /// Whether a connection is wanted.
    pub fn wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
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

    /// Queues a request of the shadow service; returns its client token.
    pub fn request(&self, ask: &Ask<'_, D>) -> Result<Token, Error> {
        let request = Request {
            shadow: ask.shadow,
            operation: ask.operation,
            purpose: ask.purpose,
            section: ask.section,
            version: ask.version,
        };
        let given = match ask.token {
            Some(text) => Some((Token::parse(text).ok_or(Error::Argument)?, text)),
            None => None,
        };
        let expires = deadline(u64::from(ask.within_ms));
        self.change(|shared| {
            let own = shared.next_token();
            let own_text = own.text();
            let (token, text) = given.unwrap_or((own, &own_text));
            // What is written around the state must fit, too, with the service and with MQTT.
            let size = request.overhead(text) + ask.state.len();
            if size > shadow::MAX_DOCUMENT || size > shared.outbox.room().0 {
                shared.last_needed = size;
                return Err(Error::TooLarge);
            }
            let new = New {
                kind: Kind::Shadow(request),
                head: [text, b""],
                expires,
                answer_ms: ask.answer_ms,
                done: ask.done,
            };
            let node = shared.shadows.get(ask.shadow).ok_or(Error::State)?;
            match shared.outbox.push(new, &[ask.state]) {
                Ok(()) => node.state.opened(ask.operation),
                Err(error) => {
                    shared.last_needed = text.len() + ask.state.len();
                    return Err(error);
                }
            }
            Ok(token)
        })
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

    /// Notes what a call that is refused would have needed.
    pub fn refused(&self, error: Error, needed: usize) -> Result<(), Error> {
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

    /// Begins a poll (or another call that only one thread may be in); `Busy` when one is running.
    pub fn enter(&self) -> Result<(), Error> {
        critical_section::with(|_| {
            if self.polling.load(Ordering::Acquire) {
                return Err(Error::Busy);
            }
            self.polling.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Ends it.
    pub fn leave(&self) {
        self.polling.store(false, Ordering::Release);
    }
}

impl<H: Copy, D: Copy, S> Shared<'_, H, D, S> {
    /// A token that was not used before.
    pub fn next_token(&mut self) -> Token {
        self.tokens = self.tokens.wrapping_add(1);
        Token::new(self.boot, self.tokens)
    }

    /// Whether a token was made here, by this program.
    pub fn has_made(&self, token: Token) -> bool {
        token.is_of(self.boot)
    }

    /// When something is over by itself next, in milliseconds of the library's clock; 0 when somebody
    /// is to be told of what is over, `u64::MAX` for never.
    pub fn next_end(&mut self) -> u64 {
        if self.outbox.any_dropped() || self.subscriptions.is_untold() {
            return 0;
        }
        self.outbox
            .next_expiry()
            .min(self.subscriptions.next_expiry())
    }
}
