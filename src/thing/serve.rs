//! The open MQTT connection: subscriptions, the outbox, and whom messages are for.
//!
//! One loop: bring the subscriptions up to date, send what is due, take one step of MQTT, settle
//! what that step decided. Nothing else waits for the network, so there are no nested waits.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use embassy_time::{Duration, Instant};

use super::env::{CleanStart, End, Env};
use super::event::{Event, EventKind, Outcome, State};
use super::outbox::{self, Kind};
use super::shadow;
use super::shadows::{Node, Part};
use super::stats::{count, mark};
use super::subscriptions::{Batch, Told};
use super::wait::{Either, apart, before, either, next_poll};
use super::{App, Failure};
use crate::Error;
use crate::error::Retry;
use crate::mqtt::{
    self, Ack, AckOf, Client, Connect, Ended, FILTERS_PER_SUBSCRIBE, Message, NotSent, Oversize,
    PublishOptions, Session, SubscribeOptions, Turn, Unwritten,
};
use crate::net::ByteStream;
use crate::port::{Board, LogLevel};
use crate::shadow::topic::Name;
use crate::shadow::{Operation, Purpose};

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
    /// Its packet identifier.
    id: u16,
    batch: Batch,
    /// After the application's filters come those of shadows.
    shadows: heapless::Vec<Part, FILTERS_PER_SUBSCRIBE>,
    sent_at: Instant,
    ack_by: Instant,
}

/// What there is to do.
struct Look<'m> {
    /// The message that can be sent now.
    ready: Option<Ready<'m>>,
    /// Shadows have something to queue.
    shadows: bool,
    /// When there is more to do, in milliseconds of the library's clock; `u64::MAX`: never.
    wake_at: u64,
}

/// A message that can be sent.
struct Ready<'m> {
    /// Its number in the outbox.
    id: u32,
    what: What<'m>,
    /// Its packet identifier, at QoS 1.
    packet: Option<u16>,
    /// It was sent before.
    again: bool,
    /// Presumable bytes of its packet.
    size: usize,
}

enum What<'m> {
    /// A message of the application.
    Message { retain: bool },
    /// A request of the shadow service, for this shadow.
    Request {
        shadow: Option<&'m str>,
        operation: Operation,
        /// The application writes the state.
        written: bool,
    },
}

/// A connection that is closed without a word so soon after a packet was closed because of it.
const SUSPICIOUS: Duration = Duration::from_secs(5);

/// Bytes of most states that the application writes when the request is sent.
const USUAL_STATE: usize = 100;
/// Bytes of lengths and of the packet identifier in a message (3.3.2).
const AROUND_TOPIC: usize = 5;

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
    /// `reply` holds the largest answer to a shadow request.
    pub fn new(env: Env<'m, A>, session: Session<'m>, reply: &'m mut [u8]) -> Self {
        Self {
            session,
            desk: Desk {
                env,
                shadow: shadow::Desk::new(env, reply),
                open: None,
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
        let Self { session, desk } = self;
        let mut client = session.start(io, desk.env.settings.ping_timeout);
        // What happens once in a connection happens apart from what happens all the time: the stack
        // of the one is not there in the polls of the other.
        if let Err(failure) = apart(pin!(desk.open(&mut client))).await {
            return End::Failed(failure);
        }
        let worked = desk.work(&mut client).await;
        apart(pin!(desk.close(&mut client, worked))).await
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
    /// Opens the MQTT connection.
    async fn open<IO: ByteStream>(&mut self, client: &mut Client<'_, IO>) -> Result<(), Failure> {
        self.env.set_state(State::Opening);
        let now = Instant::now();
        // The handshake took long.
        self.env.slot.note_time(now.as_millis());
        let deadline = now + self.env.settings.mqtt_timeout;
        let connect = self.connect();
        match before(deadline, pin!(client.open(&connect))).await {
            Some(opened) => opened?,
            None => return Err(Error::MqttTimeout.into()),
        }
        self.had_session = true;
        Ok(())
    }

    /// Says goodbye, if there is somebody to say it to.
    async fn close<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, IO>,
        worked: Result<(), Failure>,
    ) -> End {
        let (end, reason) = match worked {
            Ok(()) => {
                self.env.set_state(State::Closing);
                let reason = self.env.control.with(|shared| shared.goodbye);
                (End::Asked, Some(reason))
            }
            Err(failure) => {
                let reason = (failure.error == Error::MqttProtocol).then_some(PROTOCOL_ERROR);
                let failure = self.suspect(failure);
                if failure.error == Error::MqttClosedAfterSubscribe {
                    let each = |node: &mut Node<'_, _>| node.state.closed_after_subscribe();
                    self.env.control.with(|shared| shared.shadows.each(each));
                }
                (End::Failed(failure), reason)
            }
        };
        if let Some(reason) = reason {
            let deadline = Instant::now() + self.env.settings.mqtt_timeout;
            before(deadline, pin!(client.disconnect(reason))).await;
        }
        end
    }

    /// How to connect now.
    fn connect(&self) -> Connect<'m> {
        let settings = self.env.settings;
        let clean_start = match settings.clean_start {
            CleanStart::First => !self.had_session,
            CleanStart::Always => true,
            CleanStart::Never => false,
        };
        self.env.control.with(|shared| Connect {
            client_id: settings.mqtt_id,
            keep_alive_s: settings.keep_alive_s,
            session_expiry_s: settings.session_expiry_s,
            clean_start,
            user_name: shared.login.user_name,
            password: shared.login.password,
            will: shared.will,
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
    async fn work<IO: ByteStream>(&mut self, client: &mut Client<'_, IO>) -> Result<(), Failure> {
        self.begin(client);
        let control = self.env.control;
        let mut reviewed = control.changes();
        loop {
            self.shadow.queue_answer();
            let seen = control.changes();
            if !control.wanted() {
                return Ok(());
            }
            if self.review || seen != reviewed {
                reviewed = seen;
                self.subscribe(client).await?;
                self.announce(client.resumed());
            }
            let Look {
                ready,
                shadows,
                wake_at,
            } = self.look(client);
            let more = shadows && self.shadow.queue()
                || match ready {
                    Some(ready) => self.send(client, ready).await,
                    None => false,
                };
            if more {
                // What was queued may need filters, and sending may have taken several polls.
                self.pause().await;
                continue;
            }

            // The futures end with the block, before the message is worked on: that takes memory, too.
            let turn = {
                let interrupted = poll_fn(|_| {
                    if control.changes() != seen || wake_at <= self.env.slot.now() {
                        return Poll::Ready(());
                    }
                    self.env.slot.wake_at(wake_at);
                    self.env.slot.note_changes(seen);
                    Poll::Pending
                });
                either(pin!(client.turn()), pin!(interrupted)).await
            };
            let mut heard = true;
            match turn {
                Either::First(Ok(Turn::Message(message))) => {
                    self.message(&message).await;
                    self.review = true;
                }
                Either::First(Ok(Turn::TooLarge(message))) => self.too_large(&message),
                Either::First(Ok(Turn::Acknowledged(ack))) => self.acknowledged(&ack)?,
                Either::First(Ok(Turn::Ping(round_trip))) => {
                    self.round_trip(round_trip.as_millis());
                }
                Either::Second(_) => {
                    heard = false;
                    self.review = true;
                }
                Either::First(Err(ended)) => return Err(ended.into()),
            }
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

    fn begin<IO: ByteStream>(&mut self, client: &Client<'_, IO>) {
        let resumed = client.resumed();
        let connack = client.connack();
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
            shared.outbox.reconnected(resumed);
            if resumed {
                // MQTT sends messages again, but not this.
                shared.subscriptions.interrupted();
                shared.shadows.each(|node| node.state.interrupted());
            } else {
                shared.subscriptions.forget();
            }
        });
        self.published_at = None;
        self.review = true;
        self.shadow.begin(resumed);
        self.open = None;
        self.drain = Drain {
            end: self.env.control.with(|shared| shared.outbox.next_id()),
            next: None,
        };
    }

    // ---- subscriptions ------------------------------------------------------------------------

    async fn subscribe<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, IO>,
    ) -> Result<(), Failure> {
        self.review = false;
        if self.open.is_some() {
            return Ok(());
        }
        // Mostly there is nothing, which one look tells.
        let due = self
            .env
            .control
            .with(|shared| shared.subscriptions.any_due() || shared.shadows.any_due());
        // Filters to leave go first.
        if due && !apart(pin!(self.ask(client, true))).await? {
            apart(pin!(self.ask(client, false))).await?;
        }
        Ok(())
    }

    /// Asks for as many filters as fit into one packet, or leaves them; `false`: there are none.
    async fn ask<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, IO>,
        leaving: bool,
    ) -> Result<bool, Failure> {
        let control = self.env.control;
        let thing = self.env.settings.thing_name;
        let id = client.new_id(|id| control.with(|shared| shared.outbox.uses(id)));
        let mut batch = None;
        let mut of_shadows = heapless::Vec::new();
        let sent = loop {
            let sent = client.subscribe(id, leaving, |body| {
                of_shadows.clear();
                let mut count = 0_usize;
                let mut full = false;
                control.with(|shared| {
                    let mut put = |filter: &dyn Fn(&mut [u8]) -> Option<usize>, options| {
                        full = full || count == FILTERS_PER_SUBSCRIBE;
                        if full {
                            return None;
                        }
                        let options = (!leaving).then_some(options);
                        full = body.put_filter(filter, options).is_err();
                        count = count.saturating_add(1);
                        (!full).then_some(())
                    };
                    batch = Some(shared.subscriptions.batch(leaving, |text, options| {
                        put(&|out| outbox::copy_all(&[text], out), options)
                    }));
                    let qos1 = SubscribeOptions { qos1: true };
                    shared
                        .shadows
                        .batch(thing, leaving, &mut of_shadows, |name, end| {
                            put(&|out| name.topic(end, out), qos1)
                        });
                });
                match count {
                    0 => Err(Unwritten::Unwanted),
                    1 if full => Err(Unwritten::NoRoom),
                    _ => Ok(()),
                }
            });
            if sent != Err(NotSent::Full) {
                break sent;
            }
            // If that fails, the next try tells.
            let _ = client.flush().await;
        };
        let batch = match (sent, batch) {
            (Ok(()), Some(batch)) => batch,
            (Err(NotSent::TooLarge), _) => return Err(Error::TooLarge.into()),
            (Err(_), _) | (Ok(()), None) => return Ok(false),
        };
        if self.online_since.is_none() {
            self.env.set_state(State::Subscribing);
        }
        control.with(|shared| {
            shared.subscriptions.asked(&batch);
            shared.shadows.asked(&of_shadows, leaving);
        });
        let sent_at = Instant::now();
        self.open = Some(Open {
            id,
            batch,
            shadows: of_shadows,
            sent_at,
            ack_by: sent_at + self.env.settings.ack_timeout,
        });
        Ok(true)
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

    /// Looks for what is to be done.
    fn look<IO: ByteStream>(&self, client: &mut Client<'_, IO>) -> Look<'m> {
        let now = self.env.slot.now();
        let open = self.open.as_ref();
        let takes_more = client.takes_more();
        let mut look = Look {
            ready: None,
            shadows: false,
            wake_at: open.map_or(u64::MAX, |open| open.ack_by.as_millis()),
        };
        self.env.control.with(|shared| {
            let at;
            (look.shadows, at) = shared.shadows.look(now);
            look.wake_at = look.wake_at.min(at).min(shared.outbox.ack_deadline());
            let Some(due) = shared.outbox.next_due() else {
                return;
            };
            // The order is kept, so what cannot be sent now has all others wait.
            if due.kind().is_qos1() && !takes_more {
                // Until the broker has acknowledged one.
                return;
            }
            let mut size = due.size() + AROUND_TOPIC;
            let what = match due.kind() {
                Kind::Publish { retain, .. } => {
                    if let Some(at) = self.drain.next
                        && at.as_millis() > now
                        && self.is_paced(due.id())
                    {
                        look.wake_at = look.wake_at.min(at.as_millis());
                        return;
                    }
                    What::Message { retain: *retain }
                }
                Kind::Shadow(request) => {
                    let Some(node) = shared.shadows.get(request.shadow) else {
                        return;
                    };
                    let operation = request.operation;
                    let open = shared.outbox.requests_open();
                    if due.again().is_none() && !shadow::is_ready(&node.state, operation, open) {
                        return;
                    }
                    let shadow = node.name();
                    let written = request.purpose == Purpose::Written;
                    size += self.name(shadow).topic_len(operation.end())
                        + request.overhead(b"")
                        + if written { USUAL_STATE } else { 0 };
                    What::Request {
                        shadow,
                        operation,
                        written,
                    }
                }
            };
            let packet = due.kind().is_qos1().then(|| {
                due.again().unwrap_or_else(|| {
                    let open = open.map(|open| open.id);
                    client.new_id(|id| open == Some(id) || shared.outbox.uses(id))
                })
            });
            look.ready = Some(Ready {
                id: due.id(),
                what,
                packet,
                again: due.again().is_some(),
                size,
            });
        });
        look
    }

    fn name(&self, shadow: Option<&'m str>) -> Name<'m> {
        Name {
            thing: self.env.settings.thing_name,
            shadow,
        }
    }

    /// Sends one message, or makes room for it; `false` when the next one is not to be looked for now.
    async fn send<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, IO>,
        ready: Ready<'m>,
    ) -> bool {
        let Ready {
            id,
            what,
            packet,
            again,
            size,
        } = ready;
        let control = self.env.control;
        let mut options = PublishOptions {
            id: packet,
            retain: false,
            again,
            size,
        };
        let mut refused = None;
        let mut sent = match what {
            What::Message { retain } => {
                options.retain = retain;
                client.publish(options, |body| {
                    control.with(|shared| {
                        // It may have ended meanwhile.
                        let parts = shared.outbox.message(id).ok_or(Unwritten::Unwanted)?;
                        let [topic, properties] = parts.head;
                        let topic = |out: &mut [u8]| outbox::copy_all(&[topic], out);
                        body.put_head(topic, packet, properties)?;
                        body.put(parts.payload)
                    })
                })
            }
            What::Request {
                shadow,
                operation,
                written,
            } => client.publish(options, |body| {
                let topic = |out: &mut [u8]| self.name(shadow).topic(operation.end(), out);
                body.put_head(topic, packet, &[])?;
                self.shadow.write(id, written, &mut refused, body)
            }),
        };
        if sent == Err(NotSent::Full) {
            // That may take several polls, in which the shadow may be closed and its name be gone.
            let _ = client.flush().await;
            return true;
        }
        if let Some(outcome) = refused {
            // The application does not want it any more; the next message may be due.
            if let Some(gone) = control.with(|shared| shared.outbox.finish(id)) {
                self.env.finish(gone, &outcome);
                control.changed();
            }
            return false;
        }
        if sent.is_ok() && packet.is_none() {
            sent = client.flush().await;
        }
        match sent {
            Ok(()) => self.sent(id, packet),
            Err(NotSent::TooLarge) => {
                let size = control.with(|shared| shared.outbox.size_of(id));
                self.end(id, outbox::End::TooLarge(size));
            }
            Err(_) => return false,
        }
        true
    }

    /// Whether a message was queued before the connection came up.
    fn is_paced(&self, id: u32) -> bool {
        // Numbers wrap; there are never more than a few hundred messages.
        self.drain.end.wrapping_sub(id) as i32 > 0
    }

    /// A message was sent, at QoS 1 with this packet identifier.
    fn sent(&mut self, id: u32, packet: Option<u16>) {
        let now = Instant::now();
        self.published_at = Some(now);
        let settings = self.env.settings;
        if settings.drain_interval.as_ticks() > 0 && self.is_paced(id) {
            self.drain.next = Some(now + settings.drain_interval);
        }
        let gone = self.env.control.with(|shared| {
            count(&mut shared.statistics.messages_out);
            match packet {
                Some(packet) => {
                    let ack_by = (now + settings.ack_timeout).as_millis();
                    shared.outbox.sent(id, packet, ack_by);
                    None
                }
                // At QoS 0 nobody will ever tell whether it arrived, but it has left.
                None => shared.outbox.finish(id),
            }
        });
        if let Some(gone) = gone {
            self.env
                .finish(gone, &outbox::End::Acknowledged(-1).outcome());
        }
    }

    // ---- settling -----------------------------------------------------------------------------

    /// The broker has acknowledged or refused an operation.
    fn acknowledged(&mut self, ack: &Ack) -> Result<(), Failure> {
        // A refusal may be a reason to subscribe again.
        self.review |= ack.code() >= 0x80;
        if ack.of == AckOf::Publish {
            let now = self.env.slot.now();
            let answer_ms = self.env.settings.shadow_timeout.as_millis();
            let ended = self.env.control.with(|shared| {
                shared
                    .outbox
                    .acknowledged(ack.id, ack.code(), now, answer_ms)
            });
            if let Some((gone, end)) = ended {
                self.env.finish(gone, &end.outcome());
            }
            return Ok(());
        }
        let is_answered = |open: &mut Open| {
            open.id == ack.id && open.batch.leaving == (ack.of == AckOf::Unsubscribe)
        };
        let Some(open) = self.open.take_if(is_answered) else {
            return Err(Error::MqttProtocol.into());
        };
        self.review = true;
        self.subscribed(&open, ack)
    }

    // Not inlined: what it collects would be on the stack of every acknowledgement.
    #[inline(never)]
    fn subscribed(&mut self, open: &Open, ack: &Ack) -> Result<(), Failure> {
        // There is a reason code for each filter.
        if ack.codes().len() != open.batch.len().saturating_add(open.shadows.len()) {
            return Err(Error::MqttProtocol.into());
        }
        // Callbacks run outside the critical section, so what is to be told is collected first.
        let mut all: heapless::Vec<Told<A::Handler, A::Done>, FILTERS_PER_SUBSCRIBE> =
            heapless::Vec::new();
        let mut codes = ack.codes().iter().copied();
        let parts = open.shadows.iter().filter(|_| !open.batch.leaving);
        self.env.control.with(|shared| {
            shared
                .subscriptions
                .answered(&open.batch, codes.by_ref(), |told| {
                    // At most one for each filter.
                    let _ = all.push(told);
                });
            for ((id, filter), code) in parts.clone().zip(codes.clone()) {
                if code < 0x80
                    && let Some(node) = shared.shadows.get(*id)
                {
                    node.state.subscribed(*filter);
                }
            }
        });
        for told in all {
            self.env.tell_subscription(told);
        }
        for ((id, filter), code) in parts.zip(codes) {
            if code >= 0x80 {
                self.shadow.refused(*id, *filter, code);
            }
        }
        Ok(())
    }

    /// Fails when the broker has left something unacknowledged for too long. MQTT 5 sends nothing
    /// again on a live connection, so only a new one helps.
    fn overdue(&self) -> Result<(), Failure> {
        let subscription = self.open.as_ref().map(|open| open.ack_by.as_millis());
        let message = self.env.control.with(|shared| shared.outbox.ack_deadline());
        if message.min(subscription.unwrap_or(u64::MAX)) <= self.env.slot.now() {
            return Err(Error::MqttTimeout.into());
        }
        Ok(())
    }

    fn end(&self, id: u32, end: outbox::End) {
        // While it was being sent it may have ended otherwise.
        if let Some(gone) = self.env.control.with(|shared| shared.outbox.finish(id)) {
            self.env.finish(gone, &end.outcome());
        }
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
        let of_shadow = self.shadow.message(topic, payload);
        if of_shadow == shadow::Taken::Later {
            next_poll().await;
        }
        let mut taken = of_shadow != shadow::Taken::No;
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
            Self::Unheard(code) => Outcome {
                code: i32::from(code),
                ..Outcome::plain(Some(Error::MqttSubscribeRefused), mqtt::retry_verdict(code))
            },
            Self::Dropped => Outcome::plain(Some(Error::Dropped), Retry::Later),
        }
    }
}
