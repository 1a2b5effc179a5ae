//! The open MQTT connection: subscriptions, the outbox, and whom messages are for.
//!
//! One loop: bring the subscriptions up to date, send what is due, take one step of MQTT, settle
//! what that step decided. Nothing else waits for the network, so there are no nested waits.

use core::cell::Cell;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use embassy_time::{Duration, Instant};

use super::control::Shared;
use super::env::{CleanStart, End, Env};
use super::event::{Event, EventKind, Outcome, State};
use super::outbox::{self, Due, Kind};
use super::shadow;
use super::shadows::Part;
use super::stats::{count, mark};
use super::subscriptions::{Batch, Told};
use super::wait::{Either, before, either, next_poll, until};
use super::{App, Failure};
use crate::Error;
use crate::error::Retry;
use crate::mqtt::{
    self, Ack, Client, Connect, Ended, FILTERS_PER_SUBSCRIBE, Message, NotTaken, Oversize,
    PublishOptions, Session, Standing, SubscribeOptions, Ticket, Turn,
};
use crate::net::ByteStream;
use crate::port::{Board, LogLevel};
use crate::shadow::Request;
use crate::shadow::topic::Name;

/// Bytes in which the topic and the properties of a message to be sent, or the filters of one
/// SUBSCRIBE, are put together.
pub const SCRATCH: usize = mqtt::topic::MAX_TOPIC + mqtt::properties::MAX_PROPERTIES;

/// What uses a connection; lives as long as the Thing.
pub struct Service<'m, A: App> {
    session: Session<'m>,
    desk: Desk<'m, A>,
}

/// Everything but the MQTT session, so that both can be used at once.
struct Desk<'m, A: App> {
    env: Env<'m, A>,
    shadow: shadow::Desk<'m, A>,
    /// The SUBSCRIBE or UNSUBSCRIBE under way.
    open: Option<Open>,
    scratch: &'m mut [u8],
    online_since: Option<Instant>,
    drain: Drain,
    /// There was a connection before.
    had_session: bool,
    /// Subscriptions have to be looked at: a call has changed something, or the broker has answered.
    review: bool,
    /// When the last message left on this connection.
    published_at: Option<Instant>,
}

struct Open {
    ticket: Ticket,
    batch: Batch,
    /// After the application's filters come those of shadows.
    shadows: heapless::Vec<Part, FILTERS_PER_SUBSCRIBE>,
    sent_at: Instant,
    ack_by: Instant,
}

/// A connection that is closed without a word so soon after a packet was closed because of it.
const SUSPICIOUS: Duration = Duration::from_secs(5);

/// Reason code of our DISCONNECT when the broker broke the protocol (MQTT 5, 3.14.2.1).
const PROTOCOL_ERROR: u8 = 0x82;

/// Paces what was queued before the connection came up.
#[derive(Default)]
struct Drain {
    /// The first message that is not paced.
    end: u32,
    /// When the next one may be sent.
    next: Option<Instant>,
}

impl<'m, A: App + Board> Service<'m, A> {
    /// `scratch` has [`SCRATCH`] bytes; `reply` holds the largest answer to a shadow request.
    pub fn new(
        env: Env<'m, A>,
        session: Session<'m>,
        scratch: &'m mut [u8],
        reply: &'m mut [u8],
    ) -> Self {
        Self {
            session,
            desk: Desk {
                env,
                shadow: shadow::Desk::new(env, reply),
                open: None,
                scratch,
                online_since: None,
                drain: Drain::default(),
                had_session: false,
                review: true,
                published_at: None,
            },
        }
    }

    /// What it works with.
    pub fn env(&self) -> Env<'m, A> {
        self.desk.env
    }

    /// When the connection that has ended came online, if it did.
    pub fn take_online_since(&mut self) -> Option<Instant> {
        self.desk.online_since.take()
    }

    /// Uses a connection until it ends.
    pub async fn serve<IO: ByteStream>(&mut self, io: IO) -> End {
        let desk = &mut self.desk;
        desk.env.set_state(State::Opening);
        let deadline = Instant::now() + desk.env.settings.mqtt_timeout;
        let (connect, in_flight) = desk.connect();
        let ping_timeout = desk.env.settings.ping_timeout;
        let session = &mut self.session;
        // The block keeps the making of the future, a large value, out of the polls to come.
        let connecting = async { session.connect(io, &connect, ping_timeout, in_flight).await };
        let mut client = match before(deadline, pin!(connecting)).await {
            Some(Ok(client)) => client,
            Some(Err(ended)) => return ended.into(),
            None => return Error::MqttTimeout.into(),
        };
        desk.had_session = true;
        let (end, reason) = match desk.work(&mut client).await {
            Ok(()) => {
                desk.env.set_state(State::Closing);
                let reason = desk.env.control.with(|shared| shared.goodbye);
                (End::Asked, Some(reason))
            }
            Err(failure) => {
                let reason = (failure.error == Error::MqttProtocol).then_some(PROTOCOL_ERROR);
                (End::Failed(desk.suspect(failure)), reason)
            }
        };
        if let Some(reason) = reason {
            let deadline = Instant::now() + desk.env.settings.mqtt_timeout;
            before(deadline, pin!(client.disconnect(reason))).await;
        }
        end
    }
}

impl From<Ended> for Failure {
    fn from(ended: Ended) -> Self {
        Self {
            code: ended.code.map_or(-1, i32::from),
            needed: ended.needed,
            ..ended.error.into()
        }
    }
}

impl<'m, A: App + Board> Desk<'m, A> {
    /// How to connect now, and how many messages wait for their acknowledgement.
    fn connect(&self) -> (Connect<'m>, usize) {
        let settings = self.env.settings;
        let clean_start = match settings.clean_start {
            CleanStart::First => !self.had_session,
            CleanStart::Always => true,
            CleanStart::Never => false,
        };
        self.env.control.with(|shared| {
            let connect = Connect {
                client_id: settings.mqtt_id,
                keep_alive_s: settings.keep_alive_s,
                session_expiry_s: settings.session_expiry_s,
                clean_start,
                user_name: shared.login.user_name,
                password: shared.login.password,
                will: shared.will,
            };
            (connect, shared.outbox.in_flight())
        })
    }

    /// Says more of a connection that was closed without a word, if something was sent just before.
    fn suspect(&self, failure: Failure) -> Failure {
        let now = Instant::now();
        let just = |at: Instant| now.saturating_duration_since(at) <= SUSPICIOUS;
        let error = match failure.error {
            Error::TcpClosed | Error::TcpReset if failure.code < 0 => {
                if self.open.as_ref().is_some_and(|open| just(open.sent_at)) {
                    Error::MqttClosedAfterSubscribe
                } else if self.published_at.is_some_and(just) {
                    Error::MqttClosedAfterPublish
                } else {
                    failure.error
                }
            }
            error => error,
        };
        Failure { error, ..failure }
    }

    /// Works until the connection is no longer wanted or fails.
    async fn work<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
    ) -> Result<(), Failure> {
        self.begin(client);
        let control = self.env.control;
        let mut reviewed = control.changes();
        loop {
            let seen = control.changes();
            if !control.with(|shared| shared.wanted) {
                return Ok(());
            }
            self.shadow.queue();
            if self.review || seen != reviewed {
                reviewed = seen;
                self.subscribe(client).await?;
                self.announce(client.resumed());
            }
            self.send(client).await?;

            let mut heard = true;
            let mut quiet = false;
            {
                let changed = poll_fn(|_| {
                    if control.changes() == seen {
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                });
                let wake = until(self.next_deadline());
                let interrupted = pin!(async { either(pin!(changed), pin!(wake)).await });
                match either(pin!(client.turn()), interrupted).await {
                    Either::First(Ok(Turn::Message(message))) => self.message(&message).await,
                    Either::First(Ok(Turn::TooLarge(message))) => self.too_large(&message),
                    Either::First(Ok(Turn::Progress)) => quiet = true,
                    Either::Second(_) => heard = false,
                    Either::First(Err(ended)) => return Err(ended.into()),
                }
            }
            let ack = client.take_ack();
            // An acknowledgement that is none of a subscription changes nothing about them.
            self.review |= !quiet || ack.is_some_and(|ack| ack.code() >= 0x80);
            if let Some(round_trip) = client.take_round_trip() {
                self.round_trip(round_trip.as_millis());
            }
            self.settle(client, ack)?;
            // What has arrived counts before a deadline that passed meanwhile: a device may have slept.
            if !heard && !self.env.slot.is_spent() {
                self.overdue()?;
            }
            self.pause().await;
        }
    }

    /// Ends the poll here when it has done enough, or the application must take what it was told.
    async fn pause(&self) {
        if !self.env.slot.step() || self.env.app.backed_up() {
            next_poll().await;
        }
    }

    fn begin<IO: ByteStream>(&mut self, client: &Client<'_, '_, IO>) {
        let resumed = client.resumed();
        let connack = client.connack();
        let now = Instant::now();
        let ack_by = now + self.env.settings.ack_timeout;
        self.env.control.with(|shared| {
            let settings = self.env.settings;
            let connection = &mut shared.connection;
            connection.session_resumed = resumed;
            let keep_alive_s = connack.server_keep_alive_s.unwrap_or(settings.keep_alive_s);
            connection.keep_alive_s = u32::from(keep_alive_s);
            connection.session_expiry_s = connack
                .session_expiry_s
                .unwrap_or(settings.session_expiry_s);
            connection.receive_maximum = u32::from(connack.receive_maximum.unwrap_or(u16::MAX));
            connection.maximum_packet_size = connack.maximum_packet_size.unwrap_or(0);
            shared.outbox.resent(ack_by.as_millis());
            if !resumed {
                shared.subscriptions.forget();
            } else if !client.replays() {
                shared.subscriptions.interrupted();
                shared.shadows.each(|node| node.state.interrupted());
            }
        });
        self.published_at = None;
        self.review = true;
        self.shadow.begin(resumed);
        // What was under way is sent again, or gone.
        self.open = self.open.take().filter(|_| resumed && client.replays());
        if let Some(open) = &mut self.open {
            open.ack_by = ack_by;
        }
        // What was in flight when the session was lost is queued again.
        self.settle_outbox(client, None);
        self.drain = Drain {
            end: self.env.control.with(|shared| shared.outbox.next_id()),
            next: None,
        };
    }

    // ---- subscriptions ------------------------------------------------------------------------

    async fn subscribe<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
    ) -> Result<(), Failure> {
        self.review = false;
        if self.open.is_some() {
            return Ok(());
        }
        let mut filters: heapless::Vec<(usize, SubscribeOptions), FILTERS_PER_SUBSCRIBE> =
            heapless::Vec::new();
        let mut of_shadows = heapless::Vec::new();
        let thing = self.env.settings.thing_name;
        let scratch = &mut *self.scratch;
        let batch = self.env.control.with(|shared| {
            let mut used = 0_usize;
            // Filters to leave go first.
            for leaving in [true, false] {
                let batch = shared.subscriptions.batch(leaving, |text, options| {
                    let end = used.checked_add(text.len())?;
                    scratch.get_mut(used..end)?.copy_from_slice(text);
                    filters.push((text.len(), options)).ok()?;
                    used = end;
                    Some(())
                });
                shared
                    .shadows
                    .batch(thing, leaving, &mut of_shadows, |name, end| {
                        let len = name.topic(end, scratch.get_mut(used..)?)?.len();
                        filters.push((len, SubscribeOptions { qos1: true })).ok()?;
                        used = used.checked_add(len)?;
                        Some(())
                    });
                if !filters.is_empty() {
                    return Some(batch);
                }
            }
            None
        });
        let Some(batch) = batch else { return Ok(()) };
        if self.online_since.is_none() {
            self.env.set_state(State::Subscribing);
        }
        let mut rest = &*self.scratch;
        let list = filters.iter().map_while(|(len, options)| {
            let (filter, behind) = rest.split_at_checked(*len)?;
            rest = behind;
            Some((core::str::from_utf8(filter).ok()?, *options))
        });
        let sent = match batch.leaving {
            true => client.unsubscribe(list.map(|(filter, _)| filter)).await,
            false => client.subscribe(list).await,
        };
        match sent {
            Ok(ticket) => {
                self.env.control.with(|shared| {
                    shared.subscriptions.asked(&batch);
                    shared.shadows.asked(&of_shadows, batch.leaving);
                });
                let sent_at = Instant::now();
                self.open = Some(Open {
                    ticket,
                    batch,
                    shadows: of_shadows,
                    sent_at,
                    ack_by: sent_at + self.env.settings.ack_timeout,
                });
                Ok(())
            }
            Err(not_taken) => {
                // Again when there is room.
                self.review = true;
                later_or_failure(not_taken)
            }
        }
    }

    /// Online is who can do everything that is wanted.
    fn announce(&mut self, resumed: bool) {
        if self.online_since.is_some()
            || !self
                .env
                .control
                .with(|shared| shared.subscriptions.complete() && shared.shadows.complete())
        {
            return;
        }
        self.online_since = Some(Instant::now());
        self.env.control.with(|shared| {
            count(&mut shared.statistics.connects);
            shared.statistics.online_since_ms = Some(Instant::now().as_millis());
            if resumed {
                count(&mut shared.statistics.resumed);
            }
        });
        self.env.app.log(LogLevel::Info, c"connected");
        self.env.set_state(State::Online);
        self.env.tell(Event {
            kind: EventKind::Connected,
            code: -1,
            session_resumed: resumed,
            ..Event::default()
        });
    }

    // ---- sending ------------------------------------------------------------------------------

    async fn send<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
    ) -> Result<(), Failure> {
        let control = self.env.control;
        while let Some(due) = control.with(|shared| shared.outbox.next_due()) {
            let Some(sent) = self.send_one(client, due).await else {
                return Ok(());
            };
            match sent {
                Ok(Some(ticket)) => {
                    self.sent_one(due.id);
                    let ack_by = (Instant::now() + self.env.settings.ack_timeout).as_millis();
                    control.with(|shared| shared.outbox.sent(due.id, ticket, ack_by));
                }
                Ok(None) => {
                    self.sent_one(due.id);
                    self.end(due.id, outbox::End::Acknowledged(-1));
                }
                Err(NotTaken::Later) => return Ok(()),
                Err(NotTaken::TooLarge) => {
                    let size = control.with(|shared| shared.outbox.size_of(due.id));
                    self.end(due.id, outbox::End::TooLarge(size));
                }
                // Reading tells why.
                Err(NotTaken::Broken(_)) => return Ok(()),
            }
            self.pause().await;
        }
        Ok(())
    }

    /// Sends one message; `None` when it is not its time. The order is kept, so everything waits
    /// with it.
    async fn send_one<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
        due: Due,
    ) -> Option<Result<Option<Ticket>, NotTaken>> {
        let control = self.env.control;
        let (topic, options) = match due.kind {
            Kind::Publish { qos1, retain } => {
                if self.drain.next.is_some_and(|at| at > Instant::now()) && self.is_paced(due.id) {
                    return None;
                }
                let scratch = &mut *self.scratch;
                let lens = control.with(|shared| {
                    let parts = shared.outbox.message(due.id)?;
                    outbox::copy_all(&parts.head, scratch)?;
                    Some(parts.head.map(<[u8]>::len))
                });
                // It may have ended meanwhile.
                let [topic, properties] = lens.unwrap_or_default();
                let (topic, rest) = self.scratch.split_at_checked(topic)?;
                let options = PublishOptions {
                    qos1,
                    retain,
                    properties: rest.get(..properties)?,
                };
                // It was checked when it was queued.
                (core::str::from_utf8(topic).ok()?, options)
            }
            Kind::Shadow(request) => return self.send_request(client, due.id, request).await,
        };
        let sent = client
            .publish(topic, options, |out| {
                control.with(|shared| {
                    let parts = shared.outbox.message(due.id).ok_or(())?;
                    outbox::copy_all(&[parts.payload], out).ok_or(())
                })
            })
            .await;
        Some(sent)
    }

    /// Sends a request of the shadow service, as [`send_one`](Self::send_one) does.
    async fn send_request<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
        id: u32,
        request: Request,
    ) -> Option<Result<Option<Ticket>, NotTaken>> {
        if !self.shadow.is_ready(request) {
            return None;
        }
        let shadow = self
            .env
            .control
            .with(|shared| Some(shared.shadows.get(request.shadow)?.name()))?;
        let name = Name {
            thing: self.env.settings.thing_name,
            shadow,
        };
        let options = PublishOptions {
            qos1: true,
            ..PublishOptions::default()
        };
        let topic = name.topic(request.operation.end(), self.scratch)?;
        let refused = Cell::new(None);
        let sent = client
            .publish(topic, options, |out| {
                self.shadow.write(id, request, &refused, out)
            })
            .await;
        let Some(outcome) = refused.take() else {
            return Some(sent);
        };
        // The application does not want it any more; the next message may be due.
        if let Some(gone) = self.env.control.with(|shared| shared.outbox.finish(id)) {
            self.env.finish(gone, &outcome);
            self.env.control.with(Shared::changed);
        }
        None
    }

    /// Whether a message was queued before the connection came up.
    fn is_paced(&self, id: u32) -> bool {
        // Numbers wrap; there are never more than a few hundred messages.
        self.drain.end.wrapping_sub(id) as i32 > 0
    }

    fn sent_one(&mut self, id: u32) {
        self.published_at = Some(Instant::now());
        let interval = self.env.settings.drain_interval;
        if interval.as_ticks() > 0 && self.is_paced(id) {
            self.drain.next = Some(Instant::now() + interval);
        }
        self.env
            .control
            .with(|shared| count(&mut shared.statistics.messages_out));
    }

    // ---- settling -----------------------------------------------------------------------------

    /// Settles what the last turn decided; `ack` is what the broker said of one operation in it.
    fn settle<IO: ByteStream>(
        &mut self,
        client: &Client<'_, '_, IO>,
        mut ack: Option<Ack>,
    ) -> Result<(), Failure> {
        if let Some(open) = &self.open
            && client.standing(&open.ticket) == Standing::Settled
            && let Some(open) = self.open.take()
        {
            let ack = ack.take().unwrap_or_else(|| Ack::one(0));
            self.review = true;
            self.subscribed(&open, &ack)?;
        }
        self.settle_outbox(client, ack);
        Ok(())
    }

    fn subscribed(&mut self, open: &Open, ack: &Ack) -> Result<(), Failure> {
        // Callbacks run outside the critical section, so what is to be told is collected first.
        let mut all: heapless::Vec<Told<A::Handler, A::Done>, FILTERS_PER_SUBSCRIBE> =
            heapless::Vec::new();
        let mut codes = ack.codes(open.batch.len().saturating_add(open.shadows.len()));
        let refused = self.env.control.with(|shared| {
            shared
                .subscriptions
                .answered(&open.batch, codes.by_ref(), |told| {
                    // At most one for each filter.
                    let _ = all.push(told);
                });
            let mut refused = None;
            for ((id, filter), code) in open.shadows.iter().zip(codes) {
                if open.batch.leaving {
                    continue;
                }
                match shared.shadows.get(*id) {
                    Some(_) if code >= 0x80 => refused = Some(code),
                    Some(node) => node.state.subscribed(*filter),
                    // Closed meanwhile.
                    None => {}
                }
            }
            refused
        });
        for told in all {
            self.env.tell_subscription(told);
        }
        match refused {
            Some(code) => Err(Ended::with_code(Error::MqttSubscribeRefused, code).into()),
            None => Ok(()),
        }
    }

    /// Fails when the broker has left something unacknowledged for too long. MQTT 5 sends nothing
    /// again on a live connection, so only a new one helps.
    fn overdue(&self) -> Result<(), Failure> {
        let now = Instant::now();
        match self.ack_deadline() {
            Some(deadline) if deadline <= now => Err(Error::MqttTimeout.into()),
            _ => Ok(()),
        }
    }

    fn ack_deadline(&self) -> Option<Instant> {
        let subscription = self.open.as_ref().map(|open| open.ack_by);
        let message = self
            .env
            .control
            .with(|shared| shared.outbox.ack_deadline())
            .map(Instant::from_millis);
        [subscription, message].into_iter().flatten().min()
    }

    fn settle_outbox<IO: ByteStream>(&self, client: &Client<'_, '_, IO>, mut ack: Option<Ack>) {
        let now = Instant::now().as_millis();
        let answer_ms = self.env.settings.shadow_timeout.as_millis();
        while let Some((gone, end)) = self.env.control.with(|shared| {
            let standing = |ticket: &Ticket| client.standing(ticket);
            shared.outbox.settle(standing, now, answer_ms, &mut ack)
        }) {
            self.env.finish(gone, &end.outcome());
        }
    }

    fn end(&self, id: u32, end: outbox::End) {
        // While it was being sent it may have ended otherwise.
        if let Some(gone) = self.env.control.with(|shared| shared.outbox.finish(id)) {
            self.env.finish(gone, &end.outcome());
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let shadow = self.shadow.wake_at(Instant::now());
        [shadow, self.ack_deadline(), self.drain.next]
            .into_iter()
            .flatten()
            .min()
    }

    fn round_trip(&self, ms: u64) {
        let ms = u32::try_from(ms).unwrap_or(u32::MAX);
        self.env.control.with(|shared| {
            let statistics = &mut shared.statistics;
            statistics.round_trip_ms = ms;
            statistics.round_trip_max_ms = statistics.round_trip_max_ms.max(ms);
        });
    }

    // ---- receiving ----------------------------------------------------------------------------

    fn too_large(&self, message: &Oversize) {
        self.env
            .control
            .with(|shared| count(&mut shared.statistics.messages_too_large));
        self.env
            .app
            .message_too_large(message.size(), message.topic());
    }

    /// Finds out whom a message is for: the shadows, then the application's subscriptions that match,
    /// then whoever wants what nobody subscribed to.
    async fn message(&mut self, message: &Message<'_>) {
        let (topic, payload) = (message.topic(), message.payload());
        let control = self.env.control;
        control.with(|shared| {
            count(&mut shared.statistics.messages_in);
            mark(&mut shared.statistics.payload_in_max, payload.len());
        });
        let mut taken = self.shadow.message(topic, payload).await;
        let mut from = 0;
        while let Some((slot, handler)) =
            control.with(|shared| shared.subscriptions.next_match(topic, from))
        {
            taken = true;
            from = slot.saturating_add(1);
            if self.env.app.message(Some(handler), message) {
                next_poll().await;
            }
        }
        if !taken {
            control.with(|shared| count(&mut shared.statistics.messages_unrouted));
            if self.env.app.message(None, message) {
                next_poll().await;
            }
        }
    }
}

impl outbox::End {
    /// What is told of it.
    pub fn outcome(self) -> Outcome<'static> {
        match self {
            Self::Acknowledged(code) => Outcome {
                code,
                ..Outcome::plain(None, Retry::No)
            },
            Self::Refused(code) => Outcome {
                code: i32::from(code),
                ..Outcome::plain(Some(Error::Rejected), mqtt::retry_verdict(code))
            },
            Self::TooLarge(needed) => Outcome {
                needed,
                ..Outcome::plain(Some(Error::TooLarge), Retry::No)
            },
            Self::Expired => Outcome::plain(Some(Error::TimedOut), Retry::Later),
            Self::Dropped => Outcome::plain(Some(Error::Dropped), Retry::Later),
        }
    }
}

/// No room now is no failure, and of a broken connection reading tells why.
pub fn later_or_failure(not_taken: NotTaken) -> Result<(), Failure> {
    match not_taken {
        NotTaken::Later | NotTaken::Broken(_) => Ok(()),
        NotTaken::TooLarge => Err(Error::TooLarge.into()),
    }
}
