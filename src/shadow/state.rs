//! What one shadow remembers between messages: what is subscribed to, which versions were
//! delivered, and whether the whole shadow has to be read. Who sent which request is not here:
//! a request's record is its place in the outbox, which outlives connections.
//!
//! The rules:
//! - A request is sent when the filters of its answers are confirmed.
//! - Messages of one kind are compared with those of that kind only: the answers, the delta and
//!   the documents of one update share its version and come in any order. Lower is stale, the
//!   same again is a repetition.
//! - A shadow that was deleted may count from a lower number: when that is known, or may be, the
//!   shadow is read, and what is read is how things stand.
//! - Whenever a delta may have been missed (the subscription is new, a message was stale, the
//!   application could not take one, somebody deleted the shadow), the shadow is read, and the
//!   difference is delivered once.
//! - A filter that the broker refused is asked for again on the next connection, and on this one
//!   only when the application makes a request that needs it, or begins to listen.

use super::fetch::Fetch;
use super::topic::{Filters, Inbound, Operation};
use super::{Envelope, Token};
use crate::json::{Kind, Value};

/// One shadow.
#[derive(Clone, Copy, Debug)]
pub struct State {
    listens: Filters,
    /// Answers stay subscribed after the last request.
    persistent: bool,
    /// Answers that a persistent subscription has been needed for.
    kept: Filters,
    /// Requests that are open, per operation.
    open: [u16; 3],
    confirmed: Filters,
    /// Not to be asked for on this connection: that was done.
    asked: Filters,
    /// Of these: what the broker has refused.
    refused: Filters,
    /// Connections in a row that were closed while [`LUXURY`] was asked for.
    closings: u8,
    /// What whoever listens was told on this connection that the broker has refused.
    told: Filters,
    delta: Mark,
    documents: Mark,
    /// When the whole shadow is read.
    pub fetch: Fetch,
}

/// The last message of one kind that was delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    version: u64,
    /// 0: of any time.
    timestamp: u64,
}

/// What it takes to miss no delta: the live ones, the answers to reading the shadow, and, if the
/// broker allows it, that somebody deleted the shadow.
const TO_HEAR_DELTAS: Filters = Filters::DELTA
    .with(Filters::answers_to(Operation::Get))
    .with(Filters::answers_to(Operation::Delete));

/// What listening can do without.
const LUXURY: Filters = Filters::answers_to(Operation::Delete);
/// So many closed connections are no coincidence.
const MAX_CLOSINGS: u8 = 2;

enum Age {
    New,
    Repeated,
    Stale,
}

impl Mark {
    fn age(&self, version: u64, timestamp: u64) -> Age {
        let any_time = self.timestamp == 0 || timestamp == 0;
        match version {
            0 => Age::New,
            _ if version < self.version => Age::Stale,
            _ if version > self.version => Age::New,
            // A shadow made anew could have come to the same number.
            _ if any_time || timestamp == self.timestamp => Age::Repeated,
            _ => Age::New,
        }
    }

    fn set(&mut self, version: u64, timestamp: u64) {
        if version != 0 {
            *self = Self { version, timestamp };
        }
    }
}

/// What a message means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reaction<'a> {
    /// Nothing to anybody.
    None,
    /// It is older than what was delivered.
    Stale,
    /// The request with this token was accepted or rejected, if it is one of ours. If it is not, and
    /// has deleted the shadow: tell [`State::deleted`].
    Answer {
        /// Which one.
        token: Token,
        /// Or rejected.
        accepted: bool,
    },
    /// Somebody has deleted the shadow, and not by a request of ours: that would be an answer. Tell
    /// [`State::deleted`].
    Deleted,
    /// The cloud wants something changed. Tell [`State::delivered`] or [`State::missed`].
    Delta(Value<'a>),
    /// An update was made, by whomever; the document after it.
    Documents(Value<'a>),
    /// The whole shadow was read, as it was decided here.
    Read(Read<'a>),
    /// It was to be read, and the service refused.
    ReadRefused,
}

/// A shadow as it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Read<'a> {
    /// The difference. Tell [`State::delivered`] or [`State::missed`].
    pub delta: Option<Value<'a>>,
    /// It was not delivered before.
    pub is_new: bool,
    /// Everything desired.
    pub desired: Option<Value<'a>>,
    /// Everything reported.
    pub reported: Option<Value<'a>>,
}

impl State {
    /// A shadow that nobody listens to. `persistent`: answers stay subscribed once they were.
    pub const fn new(persistent: bool) -> Self {
        Self {
            listens: Filters::NONE,
            persistent,
            kept: Filters::NONE,
            open: [0; 3],
            confirmed: Filters::NONE,
            asked: Filters::NONE,
            refused: Filters::NONE,
            told: Filters::NONE,
            closings: 0,
            delta: Mark {
                version: 0,
                timestamp: 0,
            },
            documents: Mark {
                version: 0,
                timestamp: 0,
            },
            fetch: Fetch::NEW,
        }
    }

    // ---- subscriptions ------------------------------------------------------------------------

    /// Somebody listens to deltas, or nobody does any more.
    pub fn listen_to_deltas(&mut self, on: bool) {
        if self.listen(Filters::DELTA, on) {
            self.ask_again(TO_HEAR_DELTAS);
            self.told = self.told.without(TO_HEAR_DELTAS);
            // Nobody listened for a while.
            self.settled(TO_HEAR_DELTAS);
        } else if !on {
            self.fetch.forget();
        }
    }

    /// Somebody listens to documents, or nobody does any more.
    pub fn listen_to_documents(&mut self, on: bool) {
        if self.listen(Filters::DOCUMENTS, on) {
            self.ask_again(Filters::DOCUMENTS);
            self.told = self.told.without(Filters::DOCUMENTS);
        }
    }

    /// Returns whether nobody listened before.
    fn listen(&mut self, filter: Filters, on: bool) -> bool {
        let begins = on && !self.listens.contain(filter);
        self.listens = match on {
            true => self.listens.with(filter),
            false => self.listens.without(filter),
        };
        begins
    }

    /// Whether somebody listens to deltas.
    pub fn hears_deltas(&self) -> bool {
        self.listens.contain(Filters::DELTA)
    }

    /// A request has been queued.
    pub fn opened(&mut self, operation: Operation) {
        self.ask_again(Filters::answers_to(operation));
        if self.persistent {
            self.kept = self.kept.with(Filters::answers_to(operation));
        }
        if let Some(count) = self.open.get_mut(operation as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// What the broker has refused of these is asked for again.
    fn ask_again(&mut self, filters: Filters) {
        let again = self.refused.common(filters);
        self.refused = self.refused.without(again);
        self.asked = self.asked.without(again);
    }

    /// A request has ended.
    pub fn closed(&mut self, operation: Operation) {
        if let Some(count) = self.open.get_mut(operation as usize) {
            *count = count.saturating_sub(1);
        }
    }

    /// Filters that are needed now.
    pub fn needed(&self) -> Filters {
        let mut needed = self.listens.with(self.kept);
        if self.hears_deltas() {
            needed = needed.with(TO_HEAR_DELTAS);
        }
        needed.with(self.awaited())
    }

    /// The answers to open requests.
    fn awaited(&self) -> Filters {
        let mut awaited = Filters::NONE;
        for operation in [Operation::Get, Operation::Update, Operation::Delete] {
            if self.open.get(operation as usize).is_some_and(|n| *n > 0) {
                awaited = awaited.with(Filters::answers_to(operation));
            }
        }
        awaited
    }

    /// Filters to be subscribed to.
    pub fn missing(&self) -> Filters {
        self.needed().without(self.confirmed).without(self.asked)
    }

    /// Filters that are asked for, or still to be, and neither confirmed nor refused.
    pub fn unconfirmed(&self) -> Filters {
        self.needed().without(self.confirmed).without(self.refused)
    }

    /// Filters that are confirmed or asked for, and needed.
    pub fn held(&self) -> Filters {
        self.needed().without(self.missing()).without(self.refused)
    }

    /// Filters that nobody needs any more.
    pub fn superfluous(&self) -> Filters {
        self.confirmed.without(self.needed())
    }

    /// Nothing is missing or superfluous.
    pub fn is_settled(&self) -> bool {
        let needed = self.needed();
        let held = self.confirmed.with(self.asked);
        needed.without(held).is_empty() && self.confirmed.without(needed).is_empty()
    }

    /// These were asked for.
    pub fn subscribing(&mut self, filters: Filters) {
        self.asked = self.asked.with(filters);
    }

    /// The broker has confirmed these.
    pub fn subscribed(&mut self, filters: Filters) {
        self.asked = self.asked.without(filters);
        self.confirmed = self.confirmed.with(filters);
        if filters.contain(LUXURY) {
            self.closings = 0;
        }
        self.settled(filters);
    }

    /// The broker has refused these.
    pub fn refused(&mut self, filters: Filters) {
        self.asked = self.asked.with(filters);
        self.refused = self.refused.with(filters);
        self.settled(filters);
    }

    /// The broker has said the last word on these.
    fn settled(&mut self, filters: Filters) {
        // From here on deltas arrive, if any do; what came before is read.
        let settled = self.confirmed.with(self.refused);
        let ready = self.hears_deltas() && settled.contain(TO_HEAR_DELTAS);
        if ready && self.may_send(Operation::Get) && !filters.common(TO_HEAR_DELTAS).is_empty() {
            self.fetch.want();
        }
    }

    /// Whether to tell whoever listens that the broker has refused this filter: they miss something,
    /// and do not know. Without its own filter a deletion is noticed, too, only later.
    pub fn tell_refused(&mut self, filter: Filters) -> bool {
        let get = Filters::answers_to(Operation::Get);
        let listened = self.listens.contain(filter) || self.hears_deltas() && filter == get;
        let tell = listened && !self.told.contain(filter);
        if tell {
            self.told = self.told.with(filter);
        }
        tell
    }

    /// These are being unsubscribed from.
    pub fn unsubscribing(&mut self, filters: Filters) {
        self.confirmed = self.confirmed.without(filters);
    }

    /// The connection ended and the session did not: a SUBSCRIBE under way is lost, and what was
    /// refused may be allowed by now.
    pub fn interrupted(&mut self) {
        let forgone = match self.closings {
            // A request that is open needs its answer all the same.
            MAX_CLOSINGS.. => LUXURY.without(self.awaited()),
            _ => Filters::NONE,
        };
        self.asked = forgone;
        self.refused = forgone;
        self.told = Filters::NONE;
    }

    /// The connection was closed right after a SUBSCRIBE. If that is the broker's way to refuse what
    /// we could do without, not all must end like this.
    pub fn closed_after_subscribe(&mut self) {
        if self.asked.without(self.refused).contain(LUXURY) {
            self.closings = self.closings.saturating_add(1);
        }
    }

    /// The session is lost, and with it the subscriptions and the answers that were on their way.
    pub fn session_lost(&mut self) {
        self.confirmed = Filters::NONE;
        self.interrupted();
        self.fetch.forget();
    }

    /// Whether a request can be sent: its answer would arrive.
    pub fn may_send(&self, operation: Operation) -> bool {
        self.confirmed.contain(Filters::answers_to(operation))
    }

    /// Whether the whole shadow is to be read now.
    pub fn may_fetch(&self, now: u64) -> bool {
        self.fetch.is_due(now) && self.may_send(Operation::Get)
    }

    /// Whether it is known what was missed, or it cannot be known for now.
    pub fn is_read(&self) -> bool {
        let get = Filters::answers_to(Operation::Get);
        self.refused.contain(get) || self.confirmed.contain(get) && !self.fetch.is_pending()
    }

    // ---- messages -------------------------------------------------------------------------------

    /// A message of this shadow has arrived.
    pub fn message<'a>(
        &mut self,
        inbound: Inbound,
        envelope: &Envelope<'a>,
        now: u64,
    ) -> Reaction<'a> {
        match inbound {
            Inbound::Delta => self.on_delta(envelope),
            Inbound::Documents => self.on_documents(envelope),
            Inbound::Accepted(operation) => self.on_accepted(operation, envelope),
            Inbound::Rejected(_) => self.on_rejected(envelope, now),
        }
    }

    fn on_delta<'a>(&mut self, envelope: &Envelope<'a>) -> Reaction<'a> {
        if !self.hears_deltas() {
            return Reaction::None;
        }
        self.fetch.saw(envelope.version);
        match self.delta.age(envelope.version, envelope.timestamp) {
            Age::New => envelope.state.map_or(Reaction::None, Reaction::Delta),
            Age::Repeated => Reaction::None,
            Age::Stale => {
                // Old, or of a shadow that was deleted and made anew: the shadow itself tells.
                self.fetch.want();
                Reaction::Stale
            }
        }
    }

    fn on_documents<'a>(&mut self, envelope: &Envelope<'a>) -> Reaction<'a> {
        let Some(current) = envelope.current.filter(|v| v.kind() == Kind::Object) else {
            return Reaction::None;
        };
        let version = current.get("version").and_then(|v| v.as_u64()).unwrap_or(0);
        match self.documents.age(version, envelope.timestamp) {
            Age::New => {
                self.documents.set(version, envelope.timestamp);
                Reaction::Documents(envelope.document)
            }
            Age::Repeated => Reaction::None,
            Age::Stale => Reaction::Stale,
        }
    }

    fn on_accepted<'a>(&mut self, operation: Operation, envelope: &Envelope<'a>) -> Reaction<'a> {
        let delete = operation == Operation::Delete;
        if delete {
            // Whoever did it.
            self.forget_versions();
        }
        let Some(token) = envelope.token else {
            return if delete {
                Reaction::Deleted
            } else {
                Reaction::None
            };
        };
        if operation == Operation::Get && self.fetch.is_answer(token) {
            return self.on_read(envelope);
        }
        Reaction::Answer {
            token,
            accepted: true,
        }
    }

    fn on_read<'a>(&mut self, envelope: &Envelope<'a>) -> Reaction<'a> {
        if !self.fetch.answered(envelope.version) {
            // A newer delta was delivered meanwhile: it is read again.
            return Reaction::None;
        }
        // Whatever was delivered before: this is the shadow, perhaps made anew with lower numbers.
        let delivered = envelope.version != 0 && self.delta.version == envelope.version;
        let delta = envelope.section("delta");
        if self.documents.version > envelope.version {
            self.documents = Mark::default();
        }
        if !delivered {
            self.delta = Mark {
                // A difference that is still to be delivered must not count as repeated.
                version: if delta.is_some() { 0 } else { envelope.version },
                timestamp: 0,
            };
        }
        Reaction::Read(Read {
            delta,
            is_new: !delivered,
            desired: envelope.section("desired"),
            reported: envelope.section("reported"),
        })
    }

    fn on_rejected<'a>(&mut self, envelope: &Envelope<'a>, now: u64) -> Reaction<'a> {
        let Some(token) = envelope.token else {
            return Reaction::None;
        };
        if !self.fetch.is_answer(token) {
            return Reaction::Answer {
                token,
                accepted: false,
            };
        }
        if envelope.code == 404 {
            // No shadow yet, or no more: nothing is wanted.
            if self.fetch.answered(0) {
                self.forget_versions();
                return Reaction::Read(Read::default());
            }
            return Reaction::None;
        }
        self.fetch.failed(now);
        Reaction::ReadRefused
    }

    /// The delta of this message was delivered to the application.
    pub fn delivered(&mut self, inbound: Inbound, envelope: &Envelope<'_>) {
        // What a get answers has the time of the get.
        let timestamp = match inbound {
            Inbound::Delta => envelope.timestamp,
            _ => 0,
        };
        self.delta.set(envelope.version, timestamp);
    }

    /// A delta could not be delivered: the shadow is read when the application can take it.
    pub fn missed(&mut self) {
        self.fetch.want();
    }

    /// Somebody else has deleted the shadow: it is read, for it may have been made anew.
    pub fn deleted(&mut self) {
        if self.hears_deltas() {
            self.fetch.want();
        }
    }

    /// The shadow was deleted, or is not there.
    fn forget_versions(&mut self) {
        self.delta = Mark::default();
        self.documents = Mark::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FETCH: Token = Token::new(9, 1);

    fn listening() -> State {
        let mut state = State::new(true);
        state.listen_to_deltas(true);
        state.subscribing(state.missing());
        state.subscribed(TO_HEAR_DELTAS);
        state
    }

    /// Like [`listening`], and the shadow was read at this version, in sync.
    fn read_at(version: u64) -> State {
        let mut state = listening();
        state.fetch.asked(FETCH, 0);
        let text = answer(r#"{"reported":{"a":1}}"#, version);
        assert!(matches!(get(&mut state, &text), Reaction::Read(_)));
        state
    }

    fn answer(state: &str, version: u64) -> String {
        let token = String::from_utf8(FETCH.text().to_vec()).unwrap();
        format!(r#"{{"state":{state},"version":{version},"timestamp":50,"clientToken":"{token}"}}"#)
    }

    fn get<'a>(state: &mut State, text: &'a str) -> Reaction<'a> {
        let envelope = Envelope::parse(text.as_bytes()).unwrap();
        let inbound = Inbound::Accepted(Operation::Get);
        let reaction = state.message(inbound, &envelope, 0);
        if matches!(reaction, Reaction::Read(Read { delta: Some(_), .. })) {
            state.delivered(inbound, &envelope);
        }
        reaction
    }

    /// A delta, delivered if it is to be; whether it was.
    fn delta(state: &mut State, version: u64, timestamp: u64) -> bool {
        let text = format!(r#"{{"version":{version},"timestamp":{timestamp},"state":{{"a":2}}}}"#);
        let envelope = Envelope::parse(text.as_bytes()).unwrap();
        let reaction = state.message(Inbound::Delta, &envelope, 0);
        let delivered = matches!(reaction, Reaction::Delta(_));
        if delivered {
            state.delivered(Inbound::Delta, &envelope);
        }
        delivered
    }

    fn reject(state: &mut State, code: i32, token: Token) -> Reaction<'static> {
        let token = String::from_utf8(token.text().to_vec()).unwrap();
        let text = format!(r#"{{"code":{code},"message":"no","clientToken":"{token}"}}"#);
        let envelope = Envelope::parse(text.as_bytes()).unwrap();
        match state.message(Inbound::Rejected(Operation::Get), &envelope, 0) {
            Reaction::ReadRefused => Reaction::ReadRefused,
            Reaction::Answer { token, accepted } => Reaction::Answer { token, accepted },
            Reaction::Read(read) => {
                assert_eq!(read, Read::default());
                Reaction::Read(Read::default())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn subscribes_to_what_it_needs_and_reads_when_it_hears() {
        let mut state = State::new(true);
        assert!(state.missing().is_empty());
        state.listen_to_deltas(true);
        assert_eq!(state.missing(), TO_HEAR_DELTAS);
        assert!(!state.fetch.is_due(0), "its answer would not arrive");
        state.subscribing(TO_HEAR_DELTAS);
        assert!(state.missing().is_empty());
        state.subscribed(Filters::DELTA);
        state.subscribed(Filters::answers_to(Operation::Get));
        assert!(!state.fetch.is_due(0));
        state.subscribed(Filters::answers_to(Operation::Delete));
        assert!(state.may_fetch(0));

        // A new session starts over.
        state.fetch.asked(FETCH, 0);
        state.session_lost();
        assert_eq!(state.missing(), TO_HEAR_DELTAS);
        assert!(!state.fetch.is_answer(FETCH));
    }

    #[test]
    fn per_request_subscriptions_end_with_the_last_request() {
        let update = Filters::answers_to(Operation::Update);
        for persistent in [true, false] {
            let mut state = State::new(persistent);
            state.opened(Operation::Update);
            state.opened(Operation::Update);
            assert_eq!(state.missing(), update);
            assert!(!state.may_send(Operation::Update));
            state.subscribing(update);
            state.subscribed(update);
            assert!(state.may_send(Operation::Update) && !state.may_send(Operation::Get));
            state.closed(Operation::Update);
            assert!(state.superfluous().is_empty(), "one is still open");
            state.closed(Operation::Update);
            let expected = if persistent { Filters::NONE } else { update };
            assert_eq!(state.superfluous(), expected);
            state.unsubscribing(state.superfluous());
            state.opened(Operation::Update);
            assert_eq!(state.may_send(Operation::Update), persistent);
            assert_eq!(state.missing(), expected);
        }
    }

    #[test]
    fn answers_to_the_reading_are_not_answers_to_requests() {
        let mut state = listening();
        state.fetch.asked(FETCH, 0);
        let other = Token::new(9, 2);
        let answered = Reaction::Answer {
            token: other,
            accepted: false,
        };
        assert_eq!(reject(&mut state, 404, other), answered);
        assert!(state.fetch.is_answer(FETCH));
        assert_eq!(reject(&mut state, 500, FETCH), Reaction::ReadRefused);
        assert!(!state.may_fetch(9_999) && state.may_fetch(10_000));
        state.fetch.asked(FETCH, 10_000);
        assert_eq!(
            reject(&mut state, 404, FETCH),
            Reaction::Read(Read::default())
        );
        assert!(
            !state.may_fetch(u64::MAX),
            "that there is none is an answer"
        );
    }

    #[test]
    fn deltas_in_any_order_and_repeated() {
        let mut state = read_at(4);
        assert!(delta(&mut state, 6, 60));
        assert!(!delta(&mut state, 6, 60), "the same message again");
        assert!(!state.may_fetch(u64::MAX));
        assert!(!delta(&mut state, 5, 50), "an older one");
        assert!(state.may_fetch(u64::MAX), "which may be of a new shadow");
        assert!(delta(&mut state, 7, 70));
        assert!(delta(&mut state, 7, 71), "of a shadow made anew");
        assert!(delta(&mut state, 0, 0), "a message without a version");
        assert!(delta(&mut state, 8, 72));
    }

    #[test]
    fn what_was_missed_is_delivered_once() {
        let mut state = read_at(4);
        state.session_lost();
        state.subscribed(TO_HEAR_DELTAS);
        state.fetch.asked(FETCH, 0);
        let text = answer(r#"{"desired":{"a":2},"delta":{"a":2}}"#, 6);
        let Reaction::Read(read) = get(&mut state, &text) else {
            panic!("it was read");
        };
        assert_eq!(
            (read.delta.unwrap().raw(), read.is_new),
            (&br#"{"a":2}"#[..], true)
        );
        assert!(!delta(&mut state, 6, 60), "the same, live and late");

        // The other way round.
        state.fetch.want();
        state.fetch.asked(FETCH, 0);
        assert!(delta(&mut state, 7, 70));
        let text = answer(r#"{"desired":{"a":2},"delta":{"a":2}}"#, 7);
        let Reaction::Read(read) = get(&mut state, &text) else {
            panic!("it was read");
        };
        assert!(read.delta.is_some() && !read.is_new && read.desired.is_some());
    }

    #[test]
    fn an_answer_overtaken_by_a_delta_is_read_again() {
        let mut state = read_at(4);
        state.fetch.want();
        state.fetch.asked(FETCH, 0);
        assert!(delta(&mut state, 6, 60));
        let text = answer(r#"{"desired":{"a":1},"delta":{"a":1}}"#, 5);
        assert_eq!(get(&mut state, &text), Reaction::None);
        assert!(state.may_fetch(1_000));
    }

    #[test]
    fn a_shadow_made_anew_counts_from_where_it_wants() {
        // Read after an outage.
        let mut state = read_at(90);
        assert!(delta(&mut state, 91, 5));
        state.fetch.want();
        state.fetch.asked(FETCH, 0);
        let text = answer(r#"{"desired":{"a":1},"delta":{"a":1}}"#, 2);
        let Reaction::Read(read) = get(&mut state, &text) else {
            panic!("it was read");
        };
        assert!(read.delta.is_some() && read.is_new);
        assert!(delta(&mut state, 3, 6));

        // The deletion seen.
        let deleted = Envelope::parse(br#"{"version":3,"timestamp":9}"#).unwrap();
        let inbound = Inbound::Accepted(Operation::Delete);
        assert_eq!(state.message(inbound, &deleted, 0), Reaction::Deleted);
        assert!(delta(&mut state, 1, 7));
    }

    #[test]
    fn a_deletion_by_others_is_a_reason_to_read_once() {
        let mut state = read_at(4);
        assert!(!state.may_fetch(u64::MAX));
        state.deleted();
        assert!(state.may_fetch(1_000));
        state.fetch.asked(FETCH, 1_000);
        let read = reject(&mut state, 404, FETCH);
        assert_eq!(read, Reaction::Read(Read::default()));
        assert!(!state.may_fetch(u64::MAX));

        // Nobody wants to know.
        state.listen_to_deltas(false);
        state.deleted();
        assert!(!state.fetch.is_due(u64::MAX));
    }

    #[test]
    fn a_refused_filter_is_asked_for_again_by_the_next_request() {
        let update = Filters::answers_to(Operation::Update);
        for persistent in [true, false] {
            let mut state = State::new(persistent);
            state.opened(Operation::Update);
            state.subscribing(update);
            state.refused(update);
            assert!(!state.may_send(Operation::Update));
            assert!(state.missing().is_empty(), "not by itself");
            assert!(state.unconfirmed().is_empty(), "nobody waits for it");
            assert!(state.held().is_empty());
            assert!(!state.tell_refused(update), "whoever asked is told");
            state.closed(Operation::Update);
            state.opened(Operation::Get);
            assert_eq!(state.missing(), Filters::answers_to(Operation::Get));
            state.opened(Operation::Update);
            assert!(state.missing().contain(update));
            assert!(state.unconfirmed().contain(update));
            state.subscribing(state.missing());
            state.opened(Operation::Update);
            assert!(state.missing().is_empty(), "it is under way");
            state.subscribed(update);
            assert!(state.may_send(Operation::Update));
        }
    }

    #[test]
    fn a_new_connection_asks_for_everything_again() {
        for lost in [true, false] {
            let mut state = State::new(true);
            state.listen_to_deltas(true);
            state.listen_to_documents(true);
            let needed = state.missing();
            state.subscribing(needed);
            state.refused(needed);
            assert!(state.missing().is_empty() && state.unconfirmed().is_empty());
            match lost {
                true => state.session_lost(),
                false => state.interrupted(),
            }
            assert_eq!(state.missing(), needed);
            state.subscribing(needed);
            state.subscribed(needed);
            assert!(state.may_fetch(0));
        }
    }

    #[test]
    fn what_may_have_closed_the_connection_is_done_without() {
        let delete = Filters::answers_to(Operation::Delete);
        let mut state = State::new(true);
        state.listen_to_deltas(true);
        for _ in 0..MAX_CLOSINGS {
            assert_eq!(state.missing(), TO_HEAR_DELTAS);
            state.subscribing(TO_HEAR_DELTAS);
            state.closed_after_subscribe();
            state.session_lost();
        }
        for _ in 0..2 {
            state.session_lost();
            let needed = TO_HEAR_DELTAS.without(delete);
            assert_eq!(state.missing(), needed);
            state.subscribing(needed);
            state.subscribed(needed);
            assert!(state.unconfirmed().is_empty() && state.is_settled());
            assert!(state.may_fetch(0), "it listens");
        }
        // A request of the application's own needs it, on the next connection, too.
        state.opened(Operation::Delete);
        assert_eq!(state.missing(), delete);
        state.interrupted();
        assert!(state.missing().contain(delete));
        // It was not that.
        state.subscribing(delete);
        state.subscribed(delete);
        state.closed(Operation::Delete);
        state.session_lost();
        assert!(state.missing().contain(delete));

        // It was answered, so that was not it.
        let mut state = State::new(true);
        state.listen_to_deltas(true);
        state.subscribing(TO_HEAR_DELTAS);
        state.refused(delete);
        for _ in 0..MAX_CLOSINGS {
            state.closed_after_subscribe();
        }
        state.session_lost();
        assert_eq!(state.missing(), TO_HEAR_DELTAS);

        // Another filter was it.
        let mut state = State::new(true);
        state.listen_to_deltas(true);
        state.subscribing(Filters::DELTA);
        for _ in 0..MAX_CLOSINGS {
            state.closed_after_subscribe();
        }
        state.session_lost();
        assert_eq!(state.missing(), TO_HEAR_DELTAS);
    }

    #[test]
    fn refused_listening_is_told_once_on_a_connection() {
        let get = Filters::answers_to(Operation::Get);
        let delete = Filters::answers_to(Operation::Delete);
        let mut state = State::new(true);
        state.listen_to_deltas(true);
        state.subscribing(TO_HEAR_DELTAS);
        for (filter, told) in [(Filters::DELTA, true), (get, true), (delete, false)] {
            state.refused(filter);
            assert_eq!(state.tell_refused(filter), told);
            assert!(!state.tell_refused(filter));
        }
        assert!(
            !state.tell_refused(Filters::DOCUMENTS),
            "nobody listens to them"
        );

        // A request of the application's own is told its own way.
        state.opened(Operation::Get);
        assert_eq!(state.missing(), get);
        state.subscribing(get);
        state.refused(get);
        assert!(!state.tell_refused(get));

        // Whoever begins to listen, and a new connection, begin anew.
        state.listen_to_deltas(true);
        assert!(state.missing().is_empty(), "somebody listened already");
        state.listen_to_deltas(false);
        state.listen_to_deltas(true);
        assert_eq!(state.missing(), TO_HEAR_DELTAS);
        state.refused(Filters::DELTA);
        assert!(state.tell_refused(Filters::DELTA));
        state.interrupted();
        state.refused(Filters::DELTA);
        assert!(state.tell_refused(Filters::DELTA));
    }

    #[test]
    fn what_is_not_refused_of_listening_goes_on() {
        let get = Filters::answers_to(Operation::Get);
        let delete = Filters::answers_to(Operation::Delete);
        // What is refused, whether the shadow is read.
        for (refused, reads) in [
            (delete, true),
            (Filters::DELTA, true),
            (Filters::DELTA.with(delete), true),
            (get, false),
            (TO_HEAR_DELTAS, false),
        ] {
            for first in [true, false] {
                let mut state = State::new(true);
                state.listen_to_deltas(true);
                state.subscribing(TO_HEAR_DELTAS);
                assert!(!state.is_read());
                if first {
                    state.refused(refused);
                }
                state.subscribed(TO_HEAR_DELTAS.without(refused));
                if !first {
                    state.refused(refused);
                }
                assert_eq!(state.may_fetch(0), reads, "{refused:?}");
                // Reports do not wait for a reading that cannot be.
                assert_eq!(state.is_read(), !reads, "{refused:?}");
                assert!(delta(&mut state, 6, 60), "{refused:?}");
            }
        }
    }

    #[test]
    fn one_that_could_not_be_taken_is_read_later() {
        let mut state = read_at(4);
        let text = br#"{"version":5,"timestamp":50,"state":{"a":2}}"#;
        let envelope = Envelope::parse(text).unwrap();
        assert!(matches!(
            state.message(Inbound::Delta, &envelope, 0),
            Reaction::Delta(_)
        ));
        state.missed();
        state.fetch.asked(FETCH, 1_000);
        let text = answer(r#"{"desired":{"a":2},"delta":{"a":2}}"#, 5);
        let Reaction::Read(read) = get(&mut state, &text) else {
            panic!("it was read");
        };
        assert!(read.delta.is_some() && read.is_new);
    }

    #[test]
    fn documents_by_their_own_versions() {
        let mut state = read_at(4);
        let mut documents = |version: u64| {
            let text = format!(
                r#"{{"previous":null,"current":{{"state":{{}},"version":{version}}},"timestamp":5}}"#
            );
            let envelope = Envelope::parse(text.as_bytes()).unwrap();
            match state.message(Inbound::Documents, &envelope, 0) {
                Reaction::Documents(_) => "told",
                Reaction::Stale => "stale",
                _ => "repeated",
            }
        };
        assert_eq!(documents(5), "told");
        assert_eq!(documents(5), "repeated");
        assert_eq!(documents(7), "told");
        assert_eq!(documents(6), "stale");
        let odd = Envelope::parse(br#"{"previous":null}"#).unwrap();
        assert_eq!(state.message(Inbound::Documents, &odd, 0), Reaction::None);
    }
}
