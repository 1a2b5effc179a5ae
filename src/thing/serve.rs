//! The open MQTT connection: subscriptions, the outbox, the shadow.
//!
//! One loop: bring the subscriptions up to date, send what is due, take one step of MQTT, settle
//! what that step decided. Nothing else waits for the network, so there are no nested waits.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use embassy_time::Instant;

use super::control::Shared;
use super::env::{End, Env};
use super::event::{Event, EventKind, Outcome, State};
use super::fetch::Fetch;
use super::outbox::{self, Kind};
use super::stats::{count, mark};
use super::wait::{Either, before, either, next_poll, until};
use super::{Answer, App, Failure};
use crate::Error;
use crate::error::Retry;
use crate::json::{self, Value, Writer};
use crate::mqtt::topic::MAX_TOPIC;
use crate::mqtt::{self, Client, Ended, NotTaken, Session, Standing, Ticket, Turn};
use crate::net::ByteStream;
use crate::port::{Board, LogLevel};
use crate::shadow::topic::Inbound;
use crate::shadow::{self, Envelope, Versions};

/// What uses a connection; lives as long as the Thing.
pub struct Service<'m, A: App> {
    session: Session<'m>,
    desk: Desk<'m, A>,
}

/// Everything but the MQTT session, so that both can be used at once.
struct Desk<'m, A: App> {
    env: Env<'m, A>,
    subscriptions: Subscriptions,
    fetch: Fetch,
    versions: Versions,
    /// The first `reply_len` bytes are an answer that waits for room in the outbox.
    reply: &'m mut [u8],
    reply_len: usize,
    online_since: Option<Instant>,
}

/// Which groups of the library's own subscriptions something applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Groups {
    /// Answers to updates.
    answers: bool,
    /// The cloud's requests.
    requests: bool,
}

impl Groups {
    fn without(self, other: Self) -> Self {
        Self {
            answers: self.answers && !other.answers,
            requests: self.requests && !other.requests,
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            answers: self.answers || other.answers,
            requests: self.requests || other.requests,
        }
    }

    fn any(self) -> bool {
        self.answers || self.requests
    }
}

#[derive(Default)]
struct Subscriptions {
    needed: Groups,
    confirmed: Groups,
    /// Asked for and not confirmed, with the moment at which that takes too long.
    open: Option<(Ticket, Groups, Instant)>,
}

impl<'m, A: App + Board> Service<'m, A> {
    /// `reply` holds the largest answer to a request.
    pub fn new(env: Env<'m, A>, session: Session<'m>, reply: &'m mut [u8]) -> Self {
        Self {
            session,
            desk: Desk {
                env,
                subscriptions: Subscriptions::default(),
                fetch: Fetch::default(),
                versions: Versions::default(),
                reply,
                reply_len: 0,
                online_since: None,
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
        let mut client = match before(deadline, pin!(self.session.connect(io))).await {
            Some(Ok(client)) => client,
            Some(Err(ended)) => return ended.into(),
            None => return Error::MqttTimeout.into(),
        };
        match desk.work(&mut client).await {
            Ok(()) => {
                desk.env.set_state(State::Closing);
                let deadline = Instant::now() + desk.env.settings.mqtt_timeout;
                before(deadline, pin!(client.disconnect())).await;
                End::Asked
            }
            Err(failure) => failure.into(),
        }
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

impl<A: App + Board> Desk<'_, A> {
    /// Works until the connection is no longer wanted or fails.
    async fn work<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
    ) -> Result<(), Failure> {
        self.begin(client);
        let control = self.env.control;
        loop {
            let seen = control.changes();
            if !control.with(|shared| shared.wanted) {
                return Ok(());
            }
            self.subscribe(client).await?;
            self.announce(client.resumed());
            self.queue_reply();
            self.fetch(client).await?;
            self.send(client).await?;

            let mut refused = None;
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
                    Either::First(Ok(Turn::Message { topic, payload })) => {
                        self.message(topic, payload).await;
                    }
                    Either::First(Ok(Turn::Progress)) | Either::Second(_) => {}
                    Either::First(Ok(Turn::Refused(code))) => refused = Some(code),
                    Either::First(Err(ended)) => return Err(ended.into()),
                }
            }
            self.settle(client, refused)?;
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
        self.env
            .control
            .with(|shared| shared.connection.session_resumed = resumed);
        let settings = self.env.settings;
        let now = Instant::now();
        let ack_by = now + settings.ack_timeout;
        if resumed {
            // What was in flight is sent again.
            self.fetch.resent(ack_by, now + settings.shadow_timeout);
            if let Some((_, _, deadline)) = &mut self.subscriptions.open {
                *deadline = ack_by;
            }
        } else {
            self.subscriptions.confirmed = Groups::default();
            self.subscriptions.open = None;
            self.fetch.forget();
        }
        self.env
            .control
            .with(|shared| shared.outbox.resent(ack_by.as_millis()));
        // What was in flight when the session was lost is queued again.
        self.settle_outbox(client, None);
    }

    // ---- subscriptions ------------------------------------------------------------------------

    async fn subscribe<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
    ) -> Result<(), Failure> {
        let (updates, requests) = self.env.control.with(|shared| {
            let is_update = |kind| matches!(kind, Kind::Update(_));
            (shared.outbox.any_due(is_update), shared.requests_wanted)
        });
        let subscriptions = &mut self.subscriptions;
        // Answers stay subscribed: who updated once will do so again.
        subscriptions.needed.answers |= updates;
        if requests && !subscriptions.needed.requests && subscriptions.confirmed.requests {
            // Nobody listened for a while.
            self.fetch.want();
        }
        subscriptions.needed.requests = requests;
        if subscriptions.open.is_some() {
            return Ok(());
        }
        let missing = subscriptions.needed.without(subscriptions.confirmed);
        if !missing.any() {
            return Ok(());
        }
        if self.online_since.is_none() {
            self.env.set_state(State::Subscribing);
        }
        let topics = self.env.settings.topics;
        let answers = topics.answers().into_iter().filter(|_| missing.answers);
        let requests = topics.requests().into_iter().filter(|_| missing.requests);
        match client.subscribe(answers.chain(requests)).await {
            Ok(ticket) => {
                let deadline = Instant::now() + self.env.settings.ack_timeout;
                self.subscriptions.open = Some((ticket, missing, deadline));
                Ok(())
            }
            Err(not_taken) => later_or_failure(not_taken),
        }
    }

    /// Online is who can do everything that is wanted.
    fn announce(&mut self, resumed: bool) {
        let subscriptions = &self.subscriptions;
        if self.online_since.is_some()
            || subscriptions.needed.without(subscriptions.confirmed).any()
        {
            return;
        }
        self.online_since = Some(Instant::now());
        self.env.control.with(|shared| {
            count(&mut shared.statistics.connects);
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

    // ---- reading the whole shadow ---------------------------------------------------------------

    async fn fetch<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
    ) -> Result<(), Failure> {
        let now = Instant::now();
        if self.fetch.expire(now) {
            self.fetch_failed(Error::TimedOut, -1);
        }
        // While an answer waits for room, what would be found could not be acted on.
        if !self.subscriptions.confirmed.requests || self.reply_len > 0 || !self.fetch.is_due(now) {
            return Ok(());
        }
        let settings = self.env.settings;
        let token = self.env.control.with(Shared::next_token);
        let text = token.text();
        let sent = client
            .publish(settings.topics.get(), true, |out| {
                copy_all(&shadow::get_request(&text), out)
            })
            .await;
        match sent {
            Ok(Some(ticket)) => {
                self.sent_one();
                let ack_by = now + settings.ack_timeout;
                let answer_by = now + settings.shadow_timeout;
                self.fetch.sent(token, ticket, now, ack_by, answer_by);
                Ok(())
            }
            // At QoS 1 there is a ticket.
            Ok(None) => Ok(()),
            Err(not_taken) => later_or_failure(not_taken),
        }
    }

    fn fetch_failed(&self, error: Error, code: i32) {
        self.env.tell(Event {
            kind: EventKind::FetchFailed,
            error: Some(error),
            code,
            ..Event::default()
        });
    }

    // ---- sending ----------------------------------------------------------------------------------

    async fn send<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
    ) -> Result<(), Failure> {
        let control = self.env.control;
        while let Some(due) = control.with(|shared| shared.outbox.next_due()) {
            let mut own_topic = heapless::String::<MAX_TOPIC>::new();
            let (topic, qos1) = match due.kind {
                Kind::Publish { qos1 } => {
                    control.with(|shared| {
                        if let Some((topic, _)) = shared.outbox.message(due.id) {
                            let topic = core::str::from_utf8(topic).unwrap_or_default();
                            // It was checked to fit when it was queued.
                            let _ = own_topic.push_str(topic);
                        }
                    });
                    (own_topic.as_str(), qos1)
                }
                // Its answer would be missed: the order is kept, so everything waits.
                Kind::Update(_) if !self.subscriptions.confirmed.answers => return Ok(()),
                Kind::Update(_) => (self.env.settings.topics.update(), true),
            };
            let sent = client
                .publish(topic, qos1, |out| {
                    control.with(|shared| {
                        let (_, payload) = shared.outbox.message(due.id).unwrap_or_default();
                        copy_all(&[payload], out)
                    })
                })
                .await;
            match sent {
                Ok(Some(ticket)) => {
                    self.sent_one();
                    let ack_by = (Instant::now() + self.env.settings.ack_timeout).as_millis();
                    control.with(|shared| shared.outbox.sent(due.id, ticket, ack_by));
                }
                Ok(None) => {
                    self.sent_one();
                    self.end(due.id, outbox::End::Acknowledged);
                }
                Err(NotTaken::Later) => return Ok(()),
                Err(NotTaken::TooLarge) => {
                    self.end(due.id, outbox::End::TooLarge);
                }
                // Reading tells why.
                Err(NotTaken::Broken(_)) => return Ok(()),
            }
            self.pause().await;
        }
        Ok(())
    }

    fn sent_one(&self) {
        self.env
            .control
            .with(|shared| count(&mut shared.statistics.messages_out));
    }

    // ---- settling -----------------------------------------------------------------------------------

    /// Settles what the last turn decided; `refused` is the reason code of the one refusal in it.
    fn settle<IO: ByteStream>(
        &mut self,
        client: &Client<'_, '_, IO>,
        mut refused: Option<u8>,
    ) -> Result<(), Failure> {
        if let Some((ticket, groups, _)) = self.subscriptions.open
            && client.standing(&ticket) == Standing::Settled
        {
            self.subscriptions.open = None;
            if let Some(code) = refused.take() {
                return Err(Ended::with_code(Error::MqttSubscribeRefused, code).into());
            }
            self.subscriptions.confirmed = self.subscriptions.confirmed.with(groups);
            if groups.requests {
                self.fetch.want();
            }
        }
        if let Some(open) = self.fetch.open()
            && open.ack_by.is_some()
            && client.standing(&open.ticket) != Standing::Open
        {
            self.fetch.acknowledged();
            if let Some(code) = refused.take() {
                self.fetch.failed(Instant::now());
                self.fetch_failed(Error::Rejected, i32::from(code));
            }
        }
        self.settle_outbox(client, refused);
        self.overdue()
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
        let subscription = self.subscriptions.open.map(|(_, _, deadline)| deadline);
        let fetch = self.fetch.open().and_then(|open| open.ack_by);
        let message = self
            .env
            .control
            .with(|shared| shared.outbox.ack_deadline())
            .map(Instant::from_millis);
        [subscription, fetch, message].into_iter().flatten().min()
    }

    fn settle_outbox<IO: ByteStream>(&self, client: &Client<'_, '_, IO>, mut refused: Option<u8>) {
        let answer_by = (Instant::now() + self.env.settings.shadow_timeout).as_millis();
        while let Some((done, end)) = self.env.control.with(|shared| {
            shared
                .outbox
                .settle(|ticket| client.standing(ticket), answer_by, &mut refused)
        }) {
            self.deliver(done, end);
        }
    }

    fn end(&self, id: u32, end: outbox::End) {
        // While it was being sent it may have ended otherwise.
        if let Some(done) = self.env.control.with(|shared| shared.outbox.finish(id)) {
            self.deliver(done, end);
        }
    }

    fn deliver(&self, done: Option<A::Done>, end: outbox::End) {
        self.env.finish(done, &end.outcome());
    }

    fn next_deadline(&self) -> Option<Instant> {
        let can_ask = self.subscriptions.confirmed.requests && self.reply_len == 0;
        let fetch = self.fetch.wake_at(Instant::now(), can_ask);
        let ack = self.ack_deadline();
        [fetch, ack].into_iter().flatten().min()
    }

    // ---- receiving ------------------------------------------------------------------------------------

    async fn message(&mut self, topic: &str, payload: &[u8]) {
        let route = self.env.settings.topics.route(topic);
        self.env.control.with(|shared| {
            count(&mut shared.statistics.messages_in);
            mark(&mut shared.statistics.payload_in_max, payload.len());
            if route.is_none() {
                count(&mut shared.statistics.messages_unrouted);
            }
        });
        let Some(inbound) = route else { return };
        let envelope = match Envelope::parse(payload) {
            Ok(envelope) => envelope,
            Err(error) => {
                self.bad_message(error);
                return;
            }
        };
        match inbound {
            Inbound::UpdateAccepted => self.answered(&envelope, None),
            Inbound::UpdateRejected => self.answered(&envelope, Some(Error::Rejected)),
            Inbound::Delta => {
                self.fetch.saw(envelope.version);
                if !self.versions.accept_delta(envelope.version) {
                    self.env
                        .control
                        .with(|shared| count(&mut shared.statistics.shadow_stale));
                    // Old, or of a shadow that was deleted and made anew: the shadow itself tells.
                    self.fetch.want();
                } else if let Some(state) = envelope.state {
                    self.request(state).await;
                }
            }
            Inbound::GetAccepted if self.fetch.is_answer(envelope.token) => {
                if self.fetch.answered(envelope.version) {
                    self.versions.reset(envelope.version);
                    if let Some(state) = envelope.delta_of_get() {
                        self.request(state).await;
                    }
                }
            }
            // No shadow yet: nothing was requested.
            Inbound::GetRejected
                if self.fetch.is_answer(envelope.token) && envelope.code == 404 =>
            {
                if self.fetch.answered(0) {
                    self.versions.reset(0);
                }
            }
            Inbound::GetRejected if self.fetch.is_answer(envelope.token) => {
                self.fetch.failed(Instant::now());
                self.fetch_failed(Error::Rejected, envelope.code);
            }
            // The answer to somebody else's question.
            Inbound::GetAccepted | Inbound::GetRejected => {}
        }
    }

    fn answered(&self, envelope: &Envelope<'_>, error: Option<Error>) {
        let Some(token) = envelope.token else { return };
        let Some(done) = self
            .env
            .control
            .with(|shared| shared.outbox.answered(token))
        else {
            return;
        };
        let outcome = Outcome {
            error,
            code: envelope.code,
            retry: if error.is_some() {
                shadow::retry_verdict(envelope.code)
            } else {
                Retry::No
            },
            version: if error.is_some() { 0 } else { envelope.version },
            document: Some(envelope.document),
        };
        self.env.finish(done, &outcome);
    }

    /// Passes a request to the application and keeps what it answers.
    async fn request(&mut self, requested: Value<'_>) {
        if self.reply_len > 0 {
            // The last answer still waits for room. The whole shadow is read again afterwards, and
            // this request with it.
            self.fetch.want();
            return;
        }
        if requested.kind() != json::Kind::Object {
            self.bad_message(Error::JsonType);
            return;
        }
        self.env
            .control
            .with(|shared| count(&mut shared.statistics.shadow_requests));
        let mut writer = Writer::new(self.reply);
        writer.begin_object();
        let untouched = writer.needed();
        match self.env.app.shadow_request(requested, &mut writer) {
            Answer::Written if writer.needed() == untouched && writer.error().is_none() => {}
            Answer::Written => {
                writer.end_object();
                let needed = writer.needed();
                self.env
                    .control
                    .with(|shared| mark(&mut shared.statistics.reply_max, needed));
                match writer.finish().map(<[u8]>::len) {
                    Ok(len) => self.reply_len = len,
                    Err(Error::JsonNoSpace) => self.reply_failed(Error::TooLarge, -1, needed),
                    Err(error) => self.reply_failed(error, -1, 0),
                }
            }
            Answer::Discard(code) => self.reply_failed(Error::Cancelled, code, 0),
            Answer::Later => next_poll().await,
            Answer::Nobody => {}
        }
    }

    fn bad_message(&self, error: Error) {
        self.env.tell(Event {
            kind: EventKind::BadMessage,
            error: Some(error),
            code: -1,
            ..Event::default()
        });
    }

    fn queue_reply(&mut self) {
        let Some(reply) = self.reply.get(..self.reply_len).filter(|r| !r.is_empty()) else {
            return;
        };
        match self.env.control.update_checked(reply, None) {
            Ok(()) => {}
            // Room is made by acknowledgements, and then this is tried again.
            Err(Error::QueueFull) => return,
            Err(error) => {
                let needed = self.env.control.last_needed();
                self.reply_failed(error, -1, needed);
            }
        }
        self.reply_len = 0;
    }

    fn reply_failed(&self, error: Error, code: i32, needed: usize) {
        self.env.tell(Event {
            kind: EventKind::ReplyFailed,
            error: Some(error),
            code,
            needed,
            ..Event::default()
        });
    }
}

impl outbox::End {
    /// What is told of it.
    pub fn outcome(self) -> Outcome<'static> {
        match self {
            Self::Acknowledged => Outcome::plain(None, Retry::No),
            Self::Refused(code) => Outcome {
                code: i32::from(code),
                ..Outcome::plain(Some(Error::Rejected), mqtt::retry_verdict(code))
            },
            Self::TooLarge => Outcome::plain(Some(Error::TooLarge), Retry::No),
        }
    }
}

/// No room now is no failure, and of a broken connection reading tells why.
fn later_or_failure(not_taken: NotTaken) -> Result<(), Failure> {
    match not_taken {
        NotTaken::Later | NotTaken::Broken(_) => Ok(()),
        NotTaken::TooLarge => Err(Error::TooLarge.into()),
    }
}

/// Copies `parts` one after another; `Err` when there is no room.
fn copy_all(parts: &[&[u8]], out: &mut [u8]) -> Result<usize, ()> {
    let mut at = 0_usize;
    for part in parts {
        let end = at.checked_add(part.len()).ok_or(())?;
        out.get_mut(at..end).ok_or(())?.copy_from_slice(part);
        at = end;
    }
    Ok(at)
}
