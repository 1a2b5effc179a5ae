//! The thing's shadow on an open connection: the cloud's requests and the answers to ours.

use embassy_time::Instant;

use super::control::Shared;
use super::env::Env;
use super::event::{Event, EventKind, Outcome};
use super::fetch::Fetch;
use super::outbox::{Kind, copy_all};
use super::serve::later_or_failure;
use super::stats::{count, mark};
use super::wait::next_poll;
use super::{Answer, App, Failure};
use crate::Error;
use crate::error::Retry;
use crate::json::{self, Value, Writer};
use crate::mqtt::{Ack, Client, PublishOptions, Standing};
use crate::net::ByteStream;
use crate::port::Board;
use crate::shadow::topic::Inbound;
use crate::shadow::{self, Envelope, Filter, Request, Versions};

/// Filters for the answers to updates.
const ANSWERS: [Filter; 2] = [Filter::UpdateAccepted, Filter::UpdateRejected];
/// Filters for the cloud's requests.
const REQUESTS: [Filter; 2] = [Filter::Delta, Filter::Get];

/// Most subscriptions of the library's own.
pub const OWN_FILTERS: usize = ANSWERS.len() + REQUESTS.len();

/// What is known of the shadow; lives as long as the Thing.
pub struct Desk<'m, A: App> {
    env: Env<'m, A>,
    fetch: Fetch,
    versions: Versions,
    /// The first `reply_len` bytes are an answer that waits for room in the outbox.
    reply: &'m mut [u8],
    reply_len: usize,
}

impl<'m, A: App + Board> Desk<'m, A> {
    /// `reply` holds the largest answer to a request.
    pub fn new(env: Env<'m, A>, reply: &'m mut [u8]) -> Self {
        Self {
            env,
            fetch: Fetch::default(),
            versions: Versions::default(),
            reply,
            reply_len: 0,
        }
    }

    /// A connection was opened.
    pub fn begin(&mut self, resumed: bool, now: Instant) {
        if resumed {
            // What was in flight is sent again.
            let settings = self.env.settings;
            let ack_by = now + settings.ack_timeout;
            self.fetch.resent(ack_by, now + settings.shadow_timeout);
        } else {
            self.fetch.forget();
        }
    }

    /// Says which filters are wanted now.
    pub fn want(&mut self) -> Result<(), Error> {
        let missed = self.env.control.with(|shared| {
            let requests = shared.requests_wanted;
            // Answers stay subscribed: who updated once will do so again.
            if shared
                .outbox
                .any_due(|kind| kind == Kind::Shadow(Request::Update))
            {
                for filter in ANSWERS {
                    shared.subscriptions.want_own(filter, true)?;
                }
            }
            let mut news = false;
            for filter in REQUESTS {
                news |= shared.subscriptions.want_own(filter, requests)?;
            }
            let granted = REQUESTS.iter().all(|f| shared.subscriptions.is_granted(*f));
            Ok::<_, Error>(news && requests && granted)
        })?;
        if missed {
            // Nobody listened for a while.
            self.fetch.want();
        }
        Ok(())
    }

    /// The broker has granted a filter.
    pub fn granted(&mut self, filter: Filter) {
        if REQUESTS.contains(&filter) {
            self.fetch.want();
        }
    }

    /// Whether a request can be sent now: without the filters for its answer that would be missed.
    pub fn is_ready(&self, request: Request) -> bool {
        let filters = match request {
            Request::Update => ANSWERS.as_slice(),
            Request::Get => REQUESTS.as_slice(),
        };
        self.env
            .control
            .with(|shared| filters.iter().all(|f| shared.subscriptions.is_granted(*f)))
    }

    /// Reads the shadow if a request may have been missed.
    pub async fn fetch<IO: ByteStream>(
        &mut self,
        client: &mut Client<'_, '_, IO>,
    ) -> Result<(), Failure> {
        let now = Instant::now();
        if self.fetch.expire(now) {
            self.fetch_failed(Error::TimedOut, -1);
        }
        // While an answer waits for room, what would be found could not be acted on.
        if self.reply_len > 0 || !self.fetch.is_due(now) || !self.is_ready(Request::Get) {
            return Ok(());
        }
        let settings = self.env.settings;
        let token = self.env.control.with(Shared::next_token);
        let text = token.text();
        let options = PublishOptions {
            qos1: true,
            ..PublishOptions::default()
        };
        let topic = settings.topics.request(Request::Get);
        let sent = client
            .publish(topic, options, |out| {
                copy_all(&shadow::get_request(&text), out).ok_or(())
            })
            .await;
        match sent {
            Ok(Some(ticket)) => {
                self.env
                    .control
                    .with(|shared| count(&mut shared.statistics.messages_out));
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

    /// Settles what the last turn decided; takes `ack` if it was meant for the shadow.
    pub fn settle<IO: ByteStream>(&mut self, client: &Client<'_, '_, IO>, ack: &mut Option<Ack>) {
        if let Some(open) = self.fetch.open()
            && open.ack_by.is_some()
            && client.standing(&open.ticket) != Standing::Open
        {
            self.fetch.acknowledged();
            if let Some(code) = ack.take().map(|ack| ack.code()).filter(|c| *c >= 0x80) {
                self.fetch.failed(Instant::now());
                self.fetch_failed(Error::Rejected, i32::from(code));
            }
        }
    }

    /// When the next acknowledgement is overdue.
    pub fn ack_deadline(&self) -> Option<Instant> {
        self.fetch.open().and_then(|open| open.ack_by)
    }

    /// When there is something to do.
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        let can_ask = self.reply_len == 0 && self.is_ready(Request::Get);
        self.fetch.wake_at(now, can_ask)
    }

    /// Takes a message if it is one of the shadow service's.
    pub async fn message(&mut self, topic: &str, payload: &[u8]) -> bool {
        let Some(inbound) = self.env.settings.topics.route(topic) else {
            return false;
        };
        self.inbound(inbound, payload).await;
        true
    }

    async fn inbound(&mut self, inbound: Inbound, payload: &[u8]) {
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
            .with(|shared| shared.outbox.answered(|_, own| own == token.text()))
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
            needed: 0,
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

    /// Queues the answer that waits for room in the outbox.
    pub fn queue_reply(&mut self) {
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
