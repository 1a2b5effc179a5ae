//! The shadows on an open connection: the cloud's requests, the answers to ours, the reports of
//! properties, and reading a shadow when something may have been missed.

use super::control::{Ask, Shared};
use super::env::Env;
use super::event::{Event, EventKind, Outcome};
use super::outbox::{Gone, Kind};
use super::shadows::{Node, ShadowId};
use super::stats::{count, mark};
use super::{Answer, App, Delta};
use crate::Error;
use crate::bytes;
use crate::error::Retry;
use crate::json::{self, Value, Writer};
use crate::mqtt::{Body, Unwritten};
use crate::port::Board;
use crate::shadow::topic::{self, Filters, Inbound};
use crate::shadow::{
    self, Envelope, MAX_CONFLICTS, Operation, Purpose, Reaction, Read, Request, Section, State,
    Token,
};

/// Requests that AWS IoT lets one connection have unanswered.
const MAX_OPEN: usize = 10;

/// Works on the shadows; lives as long as the Thing.
pub struct Desk<'m, A: App> {
    env: Env<'m, A>,
    /// The first `reply_len` bytes are an answer that waits for room in the outbox,
    reply: &'m mut [u8],
    reply_len: usize,
    /// of this shadow.
    reply_of: ShadowId,
}

/// Whether a message is for a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is not.
    No,
    /// It is, and it was worked on.
    Yes,
    /// It is, and it is looked at after this poll: until then it must stay where it is.
    Later,
}

/// A message, as it concerns one shadow.
struct Incoming<'a> {
    id: ShadowId,
    inbound: Inbound,
    envelope: Envelope<'a>,
}

impl<'m, A: App + Board> Desk<'m, A> {
    /// `reply` holds the largest answer to a request of the cloud, and the largest report.
    pub fn new(env: Env<'m, A>, reply: &'m mut [u8]) -> Self {
        Self {
            env,
            reply,
            reply_len: 0,
            reply_of: 0,
        }
    }

    /// A connection was opened.
    pub fn begin(&mut self, resumed: bool) {
        if resumed {
            return;
        }
        let control = self.env.control;
        // Shadows are read when their subscriptions are there again; earlier readings are over.
        let is_fetch =
            |kind| matches!(kind, Kind::Shadow(request) if request.purpose == Purpose::Fetch);
        while control.with(|shared| {
            let gone = shared.outbox.finish_kind(is_fetch).map(|gone| gone.kind);
            if let Some(Kind::Shadow(request)) = gone
                && let Some(node) = shared.shadows.get(request.shadow)
            {
                node.state.closed(request.operation);
            }
            gone.is_some()
        }) {}
        control.with(|shared| shared.shadows.each(|node| node.state.session_lost()));
        while let Some(gone) = control.with(|shared| shared.outbox.answers_lost()) {
            let outcome = Outcome::plain(Some(Error::Disconnected), Retry::Refresh);
            self.env.finish(gone, &outcome);
        }
    }

    /// The broker has refused a filter with this reason code: requests whose answers cannot arrive
    /// are over, and whoever listens is told.
    // Not inlined, as it is rare.
    #[inline(never)]
    pub fn refused(&self, id: ShadowId, filter: Filters, code: u8) {
        let owner = self.env.control.with(|shared| {
            // It may have been closed meanwhile.
            let node = shared.shadows.get(id)?;
            node.state.refused(filter);
            shared.outbox.refuse(code, |request| {
                request.shadow == id && Filters::answers_to(request.operation).contain(filter)
            });
            node.state.tell_refused(filter).then_some(node.owner)
        });
        if let (Some(owner), Some((_, end))) = (owner, filter.each().next()) {
            self.env.app.shadow_refused(owner, end, code);
        }
    }

    /// Queues readings and reports that are due; whether it did.
    pub fn queue(&mut self) -> bool {
        // While an answer waits for room, what would be found could not be acted on.
        if self.reply_len > 0 {
            return false;
        }
        let now = self.env.slot.now();
        let before = self.env.control.changes();
        let mut at = None;
        while let Some((id, fetch)) = self.env.control.with(|shared| {
            let id = shared.shadows.next(at, |node| node.has_to_queue(now))?;
            Some((id, shared.shadows.get(id)?.state.may_fetch(now)))
        }) {
            at = Some(id);
            if fetch {
                self.queue_fetch(id, now);
            }
            self.queue_report(id, now);
        }
        self.env.control.changes() != before
    }

    fn queue_fetch(&self, id: ShadowId, now: u64) {
        let control = self.env.control;
        let asked = control.request(&Ask {
            purpose: Purpose::Fetch,
            ..Ask::new(id, Operation::Get)
        });
        // Without room now, whatever makes room is a reason to try again.
        if let Ok(token) = asked {
            control.with(|shared| {
                if let Some(node) = shared.shadows.get(id) {
                    node.state.fetch.asked(token, now);
                }
            });
        }
    }

    fn queue_report(&mut self, id: ShadowId, now: u64) {
        let control = self.env.control;
        let owner = control.with(|shared| {
            let node = shared.shadows.get(id)?;
            node.may_report(now).then_some(node.owner)
        });
        let Some(table) = owner.and_then(|owner| self.env.app.table(owner)) else {
            return;
        };
        let room = self.reply.len().min(shadow::MAX_STATE);
        let mut writer = Writer::new(self.reply);
        if !table.report(&mut writer, room) {
            self.with_reporter(id, |reporter| reporter.idle());
            return;
        }
        let asked = writer.finish().and_then(|state| {
            control.request(&Ask {
                purpose: Purpose::Report,
                section: Section::Both,
                state,
                ..Ask::new(id, Operation::Update)
            })
        });
        match asked {
            Ok(_) => self.with_reporter(id, |reporter| reporter.sent()),
            Err(error) => {
                table.unsent();
                if error != Error::QueueFull {
                    let needed = control.last_needed();
                    self.with_reporter(id, |reporter| reporter.failed(now));
                    self.reply_failed(error, -1, needed);
                }
            }
        }
    }

    fn with_reporter(&self, id: ShadowId, work: impl FnOnce(&mut shadow::Reporter)) {
        self.env.control.with(|shared| {
            if let Some(node) = shared.shadows.get(id) {
                work(&mut node.reporter);
            }
        });
    }

    // ---- sending ------------------------------------------------------------------------------

    /// Writes a request into a packet. When the application does not want it after all, what it said
    /// goes to `refused`.
    pub fn write(
        &self,
        id: u32,
        written: bool,
        refused: &mut Option<Outcome<'static>>,
        body: &mut Body<'_>,
    ) -> Result<(), Unwritten> {
        let control = self.env.control;
        let put_head = |body: &mut Body<'_>, request: &Request| match request.changed_section() {
            Some(section) => body.put(shadow::update_head(section)),
            None => Ok(()),
        };
        // It may have ended meanwhile.
        let gone = Unwritten::Unwanted;
        if written {
            let done = control.with(|shared| {
                let (request, _) = shared.outbox.request(id).ok_or(gone)?;
                put_head(body, request)?;
                Ok(shared.outbox.done(id))
            })?;
            body.write(|out| self.write_state(done, refused, out))?;
        }
        control.with(|shared| {
            let (request, parts) = shared.outbox.request(id).ok_or(gone)?;
            if !written {
                put_head(body, request)?;
                body.put(parts.payload)?;
            }
            let [token, _] = parts.head;
            let section = request.changed_section();
            shadow::tail(section, request.version, token, |part| body.put(part))
        })
    }

    /// Has the application write the state.
    fn write_state(
        &self,
        done: Option<A::Done>,
        refused: &mut Option<Outcome<'static>>,
        out: &mut [u8],
    ) -> Result<usize, Unwritten> {
        let done = done.ok_or(Unwritten::Unwanted)?;
        let most = out.len().min(shadow::MAX_STATE);
        let mut writer = Writer::new(out.get_mut(..most).unwrap_or_default());
        writer.begin_object();
        let code = self.env.app.write_state(done, None, &mut writer);
        writer.end_object();
        let needed = writer.needed();
        let outcome = match writer.finish().map(<[u8]>::len) {
            _ if code < 0 => Outcome {
                code,
                ..Outcome::plain(Some(Error::Cancelled), Retry::No)
            },
            Ok(len) => return Ok(len),
            // There may be room for it when what was collected before it has left.
            Err(Error::JsonNoSpace) if needed <= shadow::MAX_STATE => {
                return Err(Unwritten::NoRoom);
            }
            Err(Error::JsonNoSpace) => Outcome::plain(Some(Error::TooLarge), Retry::No),
            Err(error) => Outcome::plain(Some(error), Retry::No),
        };
        *refused = Some(outcome);
        Err(Unwritten::Unwanted)
    }

    // ---- receiving ----------------------------------------------------------------------------

    /// Takes a message if it is for an open shadow.
    pub fn message(&mut self, topic: &str, payload: &[u8]) -> Taken {
        let Some((name, inbound)) = topic::parse(topic) else {
            return Taken::No;
        };
        let thing = self.env.settings.thing_name;
        if !bytes::equal(name.thing.as_bytes(), thing.as_bytes()) {
            return Taken::No;
        }
        let is_it = |node: &Node<'_, A::Shadow>| node.name() == name.shadow;
        let control = self.env.control;
        if control.with(|shared| shared.shadows.next(None, is_it).is_none()) {
            return Taken::No;
        }
        let envelope = match Envelope::parse(payload) {
            Ok(envelope) => envelope,
            Err(error) => {
                self.bad_message(error);
                return Taken::Yes;
            }
        };
        let now = self.env.slot.now();
        let mut taken = Taken::Yes;
        let mut at = None;
        loop {
            // Several handles may be open for one shadow.
            let reacted = control.with(|shared| {
                let id = shared.shadows.next(at, is_it)?;
                let is_last = shared.shadows.next(Some(id), is_it).is_none();
                let node = shared.shadows.get(id)?;
                let reaction = node.state.message(inbound, &envelope, now);
                Some((id, node.owner, reaction, is_last))
            });
            let Some((id, owner, reaction, is_last)) = reacted else {
                return taken;
            };
            let message = Incoming {
                id,
                inbound,
                envelope,
            };
            if self.incoming(&message, owner, reaction) {
                taken = Taken::Later;
            }
            if is_last {
                return taken;
            }
            at = Some(id);
        }
    }

    /// Returns whether the message is looked at later, as the others below do.
    fn incoming(
        &mut self,
        message: &Incoming<'_>,
        owner: A::Shadow,
        reaction: Reaction<'_>,
    ) -> bool {
        let control = self.env.control;
        match reaction {
            Reaction::None => self.fetch_answered(message),
            Reaction::Stale => control.with(|shared| count(&mut shared.statistics.shadow_stale)),
            Reaction::Answer { token, accepted } => {
                let own = self.answered(message, token, accepted);
                if message.inbound == Inbound::Accepted(Operation::Delete) {
                    self.deleted(message, owner, own);
                }
            }
            Reaction::Deleted => self.deleted(message, owner, false),
            Reaction::Delta(state) => return self.delta(message, owner, state, None),
            Reaction::Documents(documents) => self.env.app.documents(owner, documents),
            Reaction::Read(read) => {
                self.fetch_answered(message);
                return self.read(message, owner, read);
            }
            Reaction::ReadRefused => {
                self.fetch_answered(message);
                self.env.tell(Event {
                    kind: EventKind::FetchFailed,
                    error: Some(Error::Rejected),
                    code: message.envelope.code,
                    ..Event::default()
                });
            }
        }
        false
    }

    /// The reading under way is over, if this was its answer.
    fn fetch_answered(&self, message: &Incoming<'_>) {
        let Some(token) = message.envelope.token else {
            return;
        };
        self.env.control.with(|shared| {
            let gone = shared.outbox.answered(|request, own| {
                request.shadow == message.id
                    && request.purpose == Purpose::Fetch
                    && Token::parse(own) == Some(token)
            });
            if gone.is_some()
                && let Some(node) = shared.shadows.get(message.id)
            {
                node.state.closed(Operation::Get);
            }
        });
    }

    /// A request may have been answered; whether it was.
    fn answered(&mut self, message: &Incoming<'_>, token: Token, accepted: bool) -> bool {
        let (Inbound::Accepted(operation) | Inbound::Rejected(operation)) = message.inbound else {
            return false;
        };
        let envelope = &message.envelope;
        let Some(gone) = self.env.control.with(|shared| {
            shared.outbox.answered(|request, own| {
                request.shadow == message.id
                    && request.operation == operation
                    && Token::parse(own) == Some(token)
            })
        }) else {
            return false;
        };
        if self.modify(message, &gone, accepted) {
            return true;
        }
        let outcome = Outcome {
            error: (!accepted).then_some(Error::Rejected),
            code: envelope.code,
            retry: match accepted {
                true => Retry::No,
                false => shadow::retry_verdict(envelope.code),
            },
            version: if accepted { envelope.version } else { 0 },
            document: Some(envelope.document),
            needed: 0,
        };
        self.env.finish(gone, &outcome);
        true
    }

    /// The shadow was deleted; `own`: as a request of this handle.
    // Not inlined, as it is rare.
    #[inline(never)]
    fn deleted(&self, message: &Incoming<'_>, owner: A::Shadow, own: bool) {
        let own = self.env.control.with(|shared| {
            let made = |token| shared.has_made(token);
            let own = own || message.envelope.token.is_some_and(made);
            if !own && let Some(node) = shared.shadows.get(message.id) {
                node.state.deleted();
            }
            own
        });
        if own && let Some(table) = self.env.app.table(owner) {
            // As this program wants it, until it has something to report: then that is everything.
            table.compare(None, true);
        }
    }

    /// Goes on with a change that reads first; `false` when it is over.
    fn modify(&mut self, message: &Incoming<'_>, gone: &Gone<A::Done>, accepted: bool) -> bool {
        let (Kind::Shadow(request), Some(done)) = (gone.kind, gone.done) else {
            return false;
        };
        let Purpose::Modify(tries) = request.purpose else {
            return false;
        };
        let envelope = &message.envelope;
        let step = match (request.operation, accepted, envelope.code) {
            (Operation::Get, true, _) => {
                self.modified(message, request, done, Some(envelope.document))
            }
            // There is none yet: it is made.
            (Operation::Get, false, 404) => self.modified(message, request, done, None),
            (Operation::Update, false, 409) if tries < MAX_CONFLICTS => {
                self.env.control.request(&Ask {
                    purpose: Purpose::Modify(tries + 1),
                    section: request.section,
                    done: Some(done),
                    ..Ask::new(message.id, Operation::Get)
                })
            }
            _ => return false,
        };
        match step {
            Ok(_) => self.env.control.with(|shared| {
                if let Some(node) = shared.shadows.get(message.id) {
                    node.state.closed(request.operation);
                }
            }),
            Err(error) => {
                let retry = match error {
                    Error::QueueFull => Retry::Later,
                    _ => Retry::No,
                };
                let outcome = Outcome::plain(Some(error), retry);
                self.env.request_ended(request, Some(done), &outcome);
            }
        }
        true
    }

    /// Has the application change what was read, and asks for that.
    fn modified(
        &mut self,
        message: &Incoming<'_>,
        request: Request,
        done: A::Done,
        document: Option<Value<'_>>,
    ) -> Result<Token, Error> {
        let (_, free) = self
            .reply
            .split_at_mut_checked(self.reply_len)
            .ok_or(Error::QueueFull)?;
        let mut writer = Writer::new(free);
        writer.begin_object();
        if self.env.app.write_state(done, document, &mut writer) < 0 {
            return Err(Error::Cancelled);
        }
        writer.end_object();
        let state = writer.finish().map_err(|error| match error {
            Error::JsonNoSpace => Error::TooLarge,
            error => error,
        })?;
        self.env.control.request(&Ask {
            purpose: request.purpose,
            section: request.section,
            version: message.envelope.version,
            state,
            done: Some(done),
            ..Ask::new(message.id, Operation::Update)
        })
    }

    /// The whole shadow was read.
    fn read(&mut self, message: &Incoming<'_>, owner: A::Shadow, read: Read<'_>) -> bool {
        if let Some(table) = self.env.app.table(owner) {
            let all = self.env.control.with(|shared| {
                let node = shared.shadows.get(message.id)?;
                node.reporter.hurry(self.env.slot.now());
                Some(node.reporter.all)
            });
            table.compare(read.reported, all.unwrap_or_default());
        }
        let Some(delta) = read.delta else {
            return false;
        };
        if read.is_new {
            return self.delta(message, owner, delta, read.desired);
        }
        if let Some(table) = self.env.app.table(owner) {
            // What was obeyed may have been overtaken by the firmware's own change before it was
            // reported. The table knows what it has answered.
            table.apply(delta, read.desired);
        }
        false
    }

    /// Passes a delta to the table and to the application, and keeps what it answers.
    fn delta(
        &mut self,
        message: &Incoming<'_>,
        owner: A::Shadow,
        requested: Value<'_>,
        desired: Option<Value<'_>>,
    ) -> bool {
        let control = self.env.control;
        if self.reply_len > 0 {
            // The last answer still waits for room. The shadow is read again afterwards, and this
            // request with it.
            control.with(|shared| delivered(shared, message, false));
            return false;
        }
        if requested.kind() != json::Kind::Object {
            self.bad_message(Error::JsonType);
            return false;
        }
        let mut whole = true;
        if let Some(table) = self.env.app.table(owner) {
            whole = !table.apply(requested, desired);
            let now = self.env.slot.now();
            self.with_reporter(message.id, |reporter| reporter.hurry(now));
        }
        control.with(|shared| {
            count(&mut shared.statistics.shadow_requests);
            delivered(shared, message, whole);
        });

        let mut writer = Writer::new(self.reply);
        writer.begin_object();
        let untouched = writer.needed();
        let delta = Delta {
            requested,
            document: message.envelope.document,
            version: message.envelope.version,
            timestamp: message.envelope.timestamp,
            is_live: message.inbound == Inbound::Delta,
        };
        match self.env.app.delta(owner, &delta, &mut writer) {
            Answer::Written if writer.needed() == untouched && writer.error().is_none() => {}
            Answer::Written => {
                writer.end_object();
                let needed = writer.needed();
                control.with(|shared| mark(&mut shared.statistics.reply_max, needed));
                match writer.finish().map(<[u8]>::len) {
                    Ok(len) => {
                        self.reply_len = len;
                        self.reply_of = message.id;
                    }
                    Err(Error::JsonNoSpace) => self.reply_failed(Error::TooLarge, -1, needed),
                    Err(error) => self.reply_failed(error, -1, 0),
                }
            }
            Answer::Discard(code) => self.reply_failed(Error::Cancelled, code, 0),
            Answer::Later => return true,
            Answer::Nobody => {}
        }
        false
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
    pub fn queue_answer(&mut self) {
        let Some(state) = self.reply.get(..self.reply_len).filter(|r| !r.is_empty()) else {
            return;
        };
        let asked = self.env.control.request(&Ask {
            purpose: Purpose::Answer,
            state,
            ..Ask::new(self.reply_of, Operation::Update)
        });
        match asked {
            Ok(_) => {}
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

/// The delta of a message was delivered, or not all of it.
fn delivered<H, D, S>(shared: &mut Shared<'_, H, D, S>, message: &Incoming<'_>, delivered: bool) {
    if let Some(node) = shared.shadows.get(message.id) {
        match delivered {
            true => node.state.delivered(message.inbound, &message.envelope),
            false => node.state.missed(),
        }
    }
}

/// Whether a request can be sent now that so many are unanswered: its answer would arrive, and the
/// service would take it.
pub fn is_ready(state: &State, operation: Operation, open: usize) -> bool {
    open < MAX_OPEN && state.may_send(operation)
}

/// Ends everything that a shadow which is being closed has open; `tell` whoever asked for it.
pub fn close<H: Copy + Send, D: Copy + Send, S: Copy + Send>(
    control: &super::control::Control<'_, H, D, S>,
    id: ShadowId,
    mut tell: impl FnMut(D),
) -> bool {
    let of_it = |kind| matches!(kind, Kind::Shadow(request) if request.shadow == id);
    let closed = control.with(|shared| shared.shadows.close(id));
    while let Some(gone) = control.with(|shared| shared.outbox.finish_kind(of_it)) {
        if let Some(done) = gone.done {
            tell(done);
        }
    }
    control.changed();
    closed
}
