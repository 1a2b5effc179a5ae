//! What the parts of a running Thing share: its settings, its surroundings, and how they tell the
//! application what happened.

use embassy_time::Duration;

use super::backoff::Backoff;
use super::control::{Control, Shared};
use super::event::{Event, EventKind, Outcome, State};
use super::outbox::{Gone, Kind};
use super::stats::count;
use super::subscriptions::Told;
use super::{App, Failure, outbox};
use crate::Error;
use crate::error::Retry;
use crate::mqtt;
use crate::port::PollSlot;
use crate::shadow::{Purpose, Request};

/// What does not change during the life of a Thing.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'m> {
    /// Host name of the endpoint.
    pub endpoint: &'m str,
    /// TCP port.
    pub port: u16,
    /// Name of the thing.
    pub thing_name: &'m str,
    /// MQTT client id.
    pub mqtt_id: &'m str,
    /// MQTT keep alive, in seconds.
    pub keep_alive_s: u16,
    /// For which the broker keeps the session, in seconds.
    pub session_expiry_s: u32,
    /// When the broker is to forget the session it has.
    pub clean_start: CleanStart,
    /// ALPN protocol; `None`: as the port asks for.
    pub alpn: Option<&'m [u8]>,
    /// Name resolution and TCP connection together.
    pub connect_timeout: Duration,
    /// TLS handshake.
    pub tls_timeout: Duration,
    /// CONNACK.
    pub mqtt_timeout: Duration,
    /// PINGRESP.
    pub ping_timeout: Duration,
    /// PUBACK and SUBACK.
    pub ack_timeout: Duration,
    /// Network that takes no bytes.
    pub stall_timeout: Duration,
    /// From the acknowledgement of a shadow request to its answer.
    pub shadow_timeout: Duration,
    /// Between two messages that waited for a connection.
    pub drain_interval: Duration,
    /// Reconnection.
    pub backoff: Backoff,
}

/// When the broker is to forget the session it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CleanStart {
    /// At the first connection after the start of the program.
    #[default]
    First,
    /// At every connection.
    Always,
    /// Never: the session outlives a restart of the program.
    Never,
}

/// What the parts of a running Thing work with.
pub struct Env<'m, A: App> {
    /// Shared with the API side.
    pub control: &'m Control<'m, A::Handler, A::Done, A::Shadow>,
    /// The application.
    pub app: &'m A,
    /// Deadlines and interest of the current poll.
    pub slot: &'m PollSlot,
    /// Settings.
    pub settings: &'m Settings<'m>,
}

impl<A: App> Clone for Env<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: App> Copy for Env<'_, A> {}

/// How the use of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to.
    Asked,
    /// It failed.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for End {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}

impl<A: App> Env<'_, A> {
    /// Notes and tells where the connection stands.
    pub fn set_state(&self, state: State) {
        let changed = self
            .control
            .with(|shared| core::mem::replace(&mut shared.state, state) != state);
        if changed {
            self.tell(Event {
                kind: EventKind::State,
                code: -1,
                ..Event::default()
            });
        }
    }

    /// Tells an event, with the current state.
    pub fn tell(&self, event: Event) {
        self.app.event(&Event {
            state: self.control.state(),
            ..event
        });
    }

    /// Tells how a message of the outbox ended.
    pub fn finish(&self, gone: Gone<A::Done>, outcome: &Outcome<'_>) {
        if let Kind::Shadow(request) = gone.kind {
            self.request_ended(request, gone.done, outcome);
        } else if let Some(done) = gone.done {
            self.app.done(done, outcome);
        }
    }

    /// Notes how a request of the shadow service ended, and tells whoever asked for it. What nobody
    /// asked for is told by an event when it failed.
    pub fn request_ended(&self, request: Request, done: Option<A::Done>, outcome: &Outcome<'_>) {
        let now = self.slot.now();
        // What the broker did not let be heard it may allow one day; nobody else would try again.
        let unheard = outcome.error == Some(Error::MqttSubscribeRefused);
        let again = outcome.retry != Retry::No || unheard;
        let owner = self.control.with(|shared| {
            let node = shared.shadows.get(request.shadow)?;
            node.state.closed(request.operation);
            match request.purpose {
                Purpose::Fetch if outcome.error.is_some() => node.state.fetch.failed(now),
                Purpose::Report if outcome.error.is_some() && again => node.reporter.failed(now),
                Purpose::Report => node.reporter.ended(now),
                _ => {}
            }
            Some(node.owner)
        });
        let told = match request.purpose {
            Purpose::Call | Purpose::Written | Purpose::Modify(_) => {
                if let Some(done) = done {
                    self.app.done(done, outcome);
                }
                return;
            }
            Purpose::Fetch => EventKind::FetchFailed,
            Purpose::Answer | Purpose::Report => EventKind::ReplyFailed,
        };
        if request.purpose == Purpose::Report
            && let Some(table) = owner.and_then(|owner| self.app.table(owner))
        {
            table.ended(outcome.error.map(|_| again));
        }
        if outcome.error.is_some() {
            self.tell(Event {
                kind: told,
                error: outcome.error,
                code: outcome.code,
                ..Event::default()
            });
        }
    }

    /// Tells how an operation on a subscription ended.
    pub fn tell_subscription(&self, told: Told<A::Handler, A::Done>) {
        let (done, outcome) = match told {
            Told::Done(done, code) => (done, outbox::End::Acknowledged(i32::from(code)).outcome()),
            Told::Refused(done, code) => (done, outbox::End::Refused(code).outcome()),
            Told::Cancelled(done) => (done, Outcome::plain(Some(Error::Cancelled), Retry::No)),
            Told::Expired(done) => (done, outbox::End::Expired.outcome()),
            Told::Lost(handler, code) => {
                let retry = mqtt::retry_verdict(code);
                self.app.subscription_lost(handler, i32::from(code), retry);
                return;
            }
        };
        self.app.done(done, &outcome);
    }

    /// Ends what is over whether there is a connection or not: what has waited too long, what was
    /// dropped, what another call took back. `unsent`: only what was not sent. Returns when something
    /// is over by itself next, in milliseconds of the library's clock; `u64::MAX`: never.
    pub fn expire(&self, unsent: bool) -> u64 {
        let now = self.slot.now();
        // Mostly there is nothing, which one look tells.
        let next = self.control.with(Shared::next_end);
        if next > now {
            return next;
        }
        let mut changed = false;
        while !self.app.backed_up()
            && let Some(done) = self.control.with(|shared| shared.outbox.take_dropped())
        {
            self.control
                .with(|shared| count(&mut shared.statistics.messages_dropped));
            if let Some(done) = done {
                self.app.done(done, &outbox::End::Dropped.outcome());
            }
        }
        while !self.app.backed_up()
            && let Some((gone, end)) = self.control.with(|shared| {
                let over = shared.outbox.expire(now, unsent);
                if matches!(over, Some((_, outbox::End::Expired))) {
                    count(&mut shared.statistics.messages_expired);
                }
                over
            })
        {
            self.finish(gone, &end.outcome());
            changed = true;
        }
        while !self.app.backed_up()
            && let Some(told) = self.control.with(|shared| shared.subscriptions.settle(now))
        {
            self.tell_subscription(told);
        }
        if changed {
            // There is room again, which what is connected may be waiting for.
            self.control.changed();
        }
        self.control.with(Shared::next_end)
    }
}
