//! The outbox: messages that wait to be sent, for their acknowledgement, or for a service's
//! answer. A message keeps its place until it is over, so that nothing is lost when the broker
//! forgets the session, and order is kept.

use heapless::Deque;

use crate::Error;
use crate::shadow;

/// What a message is. It decides what the head of a message holds, where it goes, and when it is
/// over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message of the application; over when the broker has it. Head: topic, properties.
    Publish {
        /// At QoS 1, else 0.
        qos1: bool,
        /// The broker keeps it for later subscribers.
        retain: bool,
    },
    /// A request of the shadow service; over when the service has answered. Head: client token.
    Shadow(shadow::Request),
}

impl Kind {
    /// It is sent at QoS 1, else at QoS 0.
    pub fn is_qos1(self) -> bool {
        match self {
            Self::Publish { qos1, .. } => qos1,
            Self::Shadow(_) => true,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Waits to be sent.
    Queued,
    /// Will not be sent: the broker refused, with this reason code, to let its answer be received.
    Refused(u8),
    /// Sent with this packet identifier; waits for the broker's acknowledgement.
    Sent(u16),
    /// The same, on a connection that was lost: the session was resumed, and it waits to be sent
    /// again.
    Again(u16),
    /// The broker has it; waits for the service's answer.
    Answer,
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Entry<D> {
    id: u32,
    kind: Kind,
    phase: Phase,
    /// Where it lies in the bytes: the two parts of its head, then the payload.
    start: usize,
    head: [u16; 2],
    payload_len: usize,
    /// When the acknowledgement (if sent) or the answer (if acknowledged) is overdue, in
    /// milliseconds of the library's clock.
    deadline: u64,
    /// When it is over even if it was not sent.
    expires: u64,
    /// Milliseconds for the service to answer once the broker has it; 0: as configured.
    answer_ms: u32,
    /// Whom to tell.
    done: Option<D>,
}

impl<D> Entry<D> {
    /// Names it as long as it is in the outbox. Counts up in the order of queueing, and wraps.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// It was sent before, in this session, with this packet identifier.
    pub fn again(&self) -> Option<u16> {
        match self.phase {
            Phase::Again(packet) => Some(packet),
            _ => None,
        }
    }

    /// Its bytes, the head included.
    pub fn size(&self) -> usize {
        size(self.head.map(usize::from), self.payload_len)
    }
}

fn size(head: [usize; 2], payload_len: usize) -> usize {
    let [first, second] = head;
    first.saturating_add(second).saturating_add(payload_len)
}

/// A message to be queued.
#[derive(Clone, Copy, Debug)]
pub struct New<'a, D> {
    /// What it is.
    pub kind: Kind,
    /// Its head: see [`Kind`].
    pub head: [&'a [u8]; 2],
    /// When it is over even if it was not sent, in milliseconds of the library's clock;
    /// `u64::MAX`: never.
    pub expires: u64,
    /// Milliseconds for the service to answer once the broker has it; 0: as configured.
    pub answer_ms: u32,
    /// Whom to tell.
    pub done: Option<D>,
}

/// The parts of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Its head: see [`Kind`].
    pub head: [&'a [u8]; 2],
    /// Its payload.
    pub payload: &'a [u8],
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The broker has acknowledged it with this reason code; -1 when there is none, at QoS 0.
    Acknowledged(i32),
    /// The broker refused it with this reason code.
    Refused(u8),
    /// It can never be sent: it needs so many bytes.
    TooLarge(usize),
    /// It was not acknowledged in the time that it was given.
    Expired,
    /// The broker refused, with this reason code, to let its answer be received.
    Unheard(u8),
    /// It made room for a newer one.
    Dropped,
}

/// What gives way when there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The new message is refused.
    #[default]
    RefuseNew,
    /// The application's oldest message that was not sent is dropped.
    DropOldest,
}

/// Messages that were dropped and not told yet; when there are more, new ones are refused until
/// they have been told.
const DROPPED: usize = 8;

/// A message that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone<D> {
    /// What it was.
    pub kind: Kind,
    /// Whom to tell.
    pub done: Option<D>,
}

/// A bounded queue of messages in two slices: one of entries, one of bytes.
pub struct Outbox<'m, D> {
    /// The first `len` are messages, the oldest first.
    entries: &'m mut [Option<Entry<D>>],
    len: usize,
    /// The messages' bytes, in the same order, without gaps.
    bytes: &'m mut [u8],
    next_id: u32,
    policy: Policy,
    dropped: Deque<Option<D>, DROPPED>,
    bytes_max: usize,
    len_max: usize,
}

impl<'m, D: Copy> Outbox<'m, D> {
    /// An empty outbox for `entries.len()` messages of `bytes.len()` bytes together.
    pub fn new(entries: &'m mut [Option<Entry<D>>], bytes: &'m mut [u8], policy: Policy) -> Self {
        Self {
            entries,
            len: 0,
            bytes,
            next_id: 0,
            policy,
            dropped: Deque::new(),
            bytes_max: 0,
            len_max: 0,
        }
    }

    // ---- queueing -----------------------------------------------------------------------------

    /// Queues a message whose payload is made of `parts`.
    pub fn push(&mut self, new: New<'_, D>, parts: &[&[u8]]) -> Result<(), Error> {
        let len = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        self.push_with(new, len, |out| copy_all(parts, out).ok_or(Error::TooLarge))
    }

    /// Queues a message whose payload is written by `write` into at most `max` bytes; it returns
    /// how many it wrote. When it fails nothing is queued. It runs inside the critical section: it
    /// must be short and must not call back.
    pub fn push_with(
        &mut self,
        new: New<'_, D>,
        max: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, Error>,
    ) -> Result<(), Error> {
        let [Ok(first), Ok(second)] = new.head.map(|part| u16::try_from(part.len())) else {
            return Err(Error::TooLarge);
        };
        let needed = size(new.head.map(<[u8]>::len), max);
        if needed > self.bytes.len() {
            return Err(Error::TooLarge);
        }
        self.make_room(needed)?;
        let start = self.used();
        let (head, payload) = self
            .bytes
            .get_mut(start..)
            .and_then(|free| free.split_at_mut_checked(needed.saturating_sub(max)))
            .ok_or(Error::QueueFull)?;
        copy_all(&new.head, head).ok_or(Error::QueueFull)?;
        let payload_len = write(payload.get_mut(..max).ok_or(Error::QueueFull)?)?.min(max);
        let place = self.entries.get_mut(self.len).ok_or(Error::QueueFull)?;
        *place = Some(Entry {
            id: self.next_id,
            kind: new.kind,
            phase: Phase::Queued,
            start,
            head: [first, second],
            payload_len,
            deadline: u64::MAX,
            expires: new.expires,
            answer_ms: new.answer_ms,
            done: new.done,
        });
        self.next_id = self.next_id.wrapping_add(1);
        self.len = self.len.saturating_add(1);
        self.len_max = self.len_max.max(self.len);
        self.bytes_max = self.bytes_max.max(self.used());
        Ok(())
    }

    /// Makes room for one message of `needed` bytes, as the policy allows.
    fn make_room(&mut self, needed: usize) -> Result<(), Error> {
        let fits = |outbox: &Self| outbox.len < outbox.entries.len() && outbox.free() >= needed;
        if fits(self) {
            return Ok(());
        }
        // Nothing is dropped in vain, nor without a place to note whom to tell.
        let (count, bytes) = self.droppable();
        let enough = count > 0 && self.free().saturating_add(bytes) >= needed;
        if self.policy == Policy::RefuseNew || !enough {
            return Err(Error::QueueFull);
        }
        while !fits(self) {
            let oldest = self
                .position(|entry| entry.is_droppable())
                .ok_or(Error::QueueFull)?;
            let gone = self.remove(oldest).ok_or(Error::QueueFull)?;
            self.dropped
                .push_back(gone.done)
                .map_err(|_| Error::QueueFull)?;
        }
        Ok(())
    }

    /// How many messages, and of how many bytes, may be dropped now.
    fn droppable(&self) -> (usize, usize) {
        let noted = DROPPED.saturating_sub(self.dropped.len());
        self.iter()
            .filter(|entry| entry.is_droppable())
            .take(noted)
            .fold((0, 0), |(count, bytes), entry| {
                (count + 1, bytes + entry.size())
            })
    }

    /// Whether somebody is to be told that a message was dropped.
    pub fn any_dropped(&self) -> bool {
        !self.dropped.is_empty()
    }

    /// Takes one message that was dropped: whom to tell.
    pub fn take_dropped(&mut self) -> Option<Option<D>> {
        self.dropped.pop_front()
    }

    // ---- sending ------------------------------------------------------------------------------

    /// The oldest message that is to be sent. What was sent before comes first: nothing is sent
    /// before it that was queued before it, but for what was acknowledged.
    pub fn next_due(&self) -> Option<&Entry<D>> {
        let mut queued = None;
        for entry in self.iter() {
            match entry.phase {
                Phase::Again(_) => return Some(entry),
                Phase::Queued if queued.is_none() => queued = Some(entry),
                _ => {}
            }
        }
        queued
    }

    /// The number that the next message will have.
    pub fn next_id(&self) -> u32 {
        self.next_id
    }

    /// Bytes of a message, its head included.
    pub fn size_of(&self, id: u32) -> usize {
        self.find(id).map_or(0, Entry::size)
    }

    /// The parts of a message.
    pub fn message(&self, id: u32) -> Option<Parts<'_>> {
        self.parts(self.find(id)?)
    }

    /// A message was sent with this packet identifier and must be acknowledged by `ack_by`.
    pub fn sent(&mut self, id: u32, packet: u16, ack_by: u64) {
        // It may have ended meanwhile.
        if let Some(entry) = self.iter_mut().find(|entry| entry.id == id)
            && matches!(entry.phase, Phase::Queued | Phase::Again(_))
        {
            entry.phase = Phase::Sent(packet);
            entry.deadline = ack_by;
        }
    }

    /// There is a new connection: what was not acknowledged is sent again, with its packet identifier
    /// if the session was `resumed`, else as if it had never been sent.
    pub fn reconnected(&mut self, resumed: bool) {
        for entry in self.iter_mut() {
            if let Phase::Sent(packet) | Phase::Again(packet) = entry.phase {
                entry.phase = match resumed {
                    true => Phase::Again(packet),
                    false => Phase::Queued,
                };
                entry.deadline = u64::MAX;
            }
        }
    }

    /// Whether a message in flight has this packet identifier.
    pub fn uses(&self, packet: u16) -> bool {
        self.iter()
            .any(|entry| matches!(entry.phase, Phase::Sent(id) | Phase::Again(id) if id == packet))
    }

    // ---- ending -------------------------------------------------------------------------------

    /// Ends a message; `None` if it has ended already.
    pub fn finish(&mut self, id: u32) -> Option<Gone<D>> {
        let index = self.position(|entry| entry.id == id)?;
        self.remove(index)
    }

    /// Ends the oldest message of a kind that `is` recognises.
    pub fn finish_kind(&mut self, is: impl Fn(Kind) -> bool) -> Option<Gone<D>> {
        let index = self.position(|entry| is(entry.kind))?;
        self.remove(index)
    }

    /// Ends the oldest request that was sent and that `is` recognises from its kind and its client
    /// token; `None` when there is none (any more).
    pub fn answered(&mut self, is: impl Fn(shadow::Request, &[u8]) -> bool) -> Option<Gone<D>> {
        let index = (0..self.len).find(|index| {
            let Some(entry) = self.entry(*index) else {
                return false;
            };
            match (entry.kind, self.parts(entry)) {
                (Kind::Shadow(request), Some(parts)) => {
                    let [token, _] = parts.head;
                    !entry.is_queued() && is(request, token)
                }
                _ => false,
            }
        })?;
        self.remove(index)
    }

    /// The session is lost, and with it the answers that were on their way: what can be asked again
    /// is queued again; one that cannot is ended. To be called until it returns `None`.
    pub fn answers_lost(&mut self) -> Option<Gone<D>> {
        for index in 0..self.len {
            let Some(entry) = self.entry_mut(index) else {
                continue;
            };
            let (Phase::Answer, Kind::Shadow(request)) = (entry.phase, entry.kind) else {
                continue;
            };
            if !request.is_repeatable() {
                return self.remove(index);
            }
            entry.phase = Phase::Queued;
            entry.deadline = u64::MAX;
        }
        None
    }

    /// The broker refused with this reason code what the answers need of requests that `is`
    /// recognises: those that wait to be sent are over, and [`Self::expire`] ends them.
    pub fn refuse(&mut self, code: u8, is: impl Fn(shadow::Request) -> bool) {
        for entry in self.iter_mut() {
            let is_waiting = matches!(entry.phase, Phase::Queued);
            if is_waiting && matches!(entry.kind, Kind::Shadow(request) if is(request)) {
                entry.phase = Phase::Refused(code);
            }
        }
    }

    /// How many requests of the shadow service are under way.
    pub fn requests_open(&self) -> usize {
        self.iter()
            .filter(|entry| matches!(entry.kind, Kind::Shadow(_)) && !entry.is_queued())
            .count()
    }

    /// A request of the shadow service, and the parts of its message.
    pub fn request(&self, id: u32) -> Option<(&shadow::Request, Parts<'_>)> {
        let entry = self.find(id)?;
        match &entry.kind {
            Kind::Shadow(request) => Some((request, self.parts(entry)?)),
            Kind::Publish { .. } => None,
        }
    }

    /// Whom to tell of a message.
    pub fn done(&self, id: u32) -> Option<D> {
        self.find(id)?.done
    }

    /// The broker has acknowledged the message with this packet identifier: it is over, or waits for
    /// the service's answer, from `now` on for `answer_ms` unless it has a time of its own. Returns
    /// whom to tell what.
    pub fn acknowledged(
        &mut self,
        packet: u16,
        code: u8,
        now: u64,
        answer_ms: u64,
    ) -> Option<(Gone<D>, End)> {
        let index =
            self.position(|entry| matches!(entry.phase, Phase::Sent(id) if id == packet))?;
        if code >= 0x80 {
            return Some((self.remove(index)?, End::Refused(code)));
        }
        let entry = self.entry_mut(index)?;
        if matches!(entry.kind, Kind::Publish { .. }) {
            let end = End::Acknowledged(i32::from(code));
            return Some((self.remove(index)?, end));
        }
        let own = u64::from(entry.answer_ms);
        entry.phase = Phase::Answer;
        entry.deadline = now.saturating_add(if own > 0 { own } else { answer_ms });
        None
    }

    /// Ends one message whose answer is overdue at `now`, whose own time is over, or that was
    /// [refused](Self::refuse). `unsent`: only one that was not sent.
    pub fn expire(&mut self, now: u64, unsent: bool) -> Option<(Gone<D>, End)> {
        let index =
            self.position(|entry| entry.over_at() <= now && (entry.is_queued() || !unsent))?;
        let end = match self.entry(index)?.phase {
            Phase::Refused(code) => End::Unheard(code),
            _ => End::Expired,
        };
        Some((self.remove(index)?, end))
    }

    /// When the next message ends by itself; `u64::MAX`: never.
    pub fn next_expiry(&self) -> u64 {
        self.iter()
            .fold(u64::MAX, |at, entry| at.min(entry.over_at()))
    }

    /// When the next acknowledgement is overdue; `u64::MAX`: never.
    pub fn ack_deadline(&self) -> u64 {
        self.iter().fold(u64::MAX, |at, entry| match entry.phase {
            Phase::Sent(_) => at.min(entry.deadline),
            _ => at,
        })
    }

    /// Ends the oldest message that is still open, whatever it waits for.
    pub fn cancel(&mut self) -> Option<Gone<D>> {
        self.remove(0)
    }

    // ---- measures -----------------------------------------------------------------------------

    /// Largest number of bytes and of messages that were ever here.
    pub fn high_water(&self) -> (usize, usize) {
        (self.bytes_max, self.len_max)
    }

    /// Bytes and messages that are here.
    pub fn level(&self) -> (usize, usize) {
        (self.used(), self.len)
    }

    /// Bytes that a message may have at most, and that one could have now.
    pub fn room(&self) -> (usize, usize) {
        (self.bytes.len(), self.free())
    }

    // ---- storage ------------------------------------------------------------------------------

    fn iter(&self) -> impl Iterator<Item = &Entry<D>> {
        self.entries.iter().take(self.len).flatten()
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry<D>> {
        self.entries.iter_mut().take(self.len).flatten()
    }

    fn entry(&self, index: usize) -> Option<&Entry<D>> {
        self.iter().nth(index)
    }

    fn entry_mut(&mut self, index: usize) -> Option<&mut Entry<D>> {
        self.iter_mut().nth(index)
    }

    fn find(&self, id: u32) -> Option<&Entry<D>> {
        self.iter().find(|entry| entry.id == id)
    }

    fn position(&self, is: impl Fn(&Entry<D>) -> bool) -> Option<usize> {
        self.iter().position(is)
    }

    fn parts(&self, entry: &Entry<D>) -> Option<Parts<'_>> {
        let [first, second] = entry.head.map(usize::from);
        let (first, rest) = self.bytes.get(entry.start..)?.split_at_checked(first)?;
        let (second, rest) = rest.split_at_checked(second)?;
        Some(Parts {
            head: [first, second],
            payload: rest.get(..entry.payload_len)?,
        })
    }

    fn used(&self) -> usize {
        self.len
            .checked_sub(1)
            .and_then(|last| self.entry(last))
            .map_or(0, |last| last.start.saturating_add(last.size()))
    }

    fn free(&self) -> usize {
        self.bytes.len().saturating_sub(self.used())
    }

    /// Takes a message out and closes the gap.
    fn remove(&mut self, index: usize) -> Option<Gone<D>> {
        let used = self.used();
        let gone = (*self.entry(index)?, self.len.checked_sub(1)?);
        let (gone, len) = gone;
        let end = gone.start.saturating_add(gone.size());
        if end <= used && used <= self.bytes.len() {
            self.bytes.copy_within(end..used, gone.start);
        }
        if let Some(behind) = self.entries.get_mut(index..self.len) {
            behind.rotate_left(1);
        }
        if let Some(place) = self.entries.get_mut(len) {
            *place = None;
        }
        self.len = len;
        for entry in self.iter_mut().skip(index) {
            entry.start = entry.start.saturating_sub(gone.size());
        }
        Some(Gone {
            kind: gone.kind,
            done: gone.done,
        })
    }
}

impl<D> Entry<D> {
    fn is_queued(&self) -> bool {
        matches!(self.phase, Phase::Queued | Phase::Refused(_))
    }

    fn is_droppable(&self) -> bool {
        self.is_queued() && matches!(self.kind, Kind::Publish { .. })
    }

    fn over_at(&self) -> u64 {
        match self.phase {
            Phase::Answer => self.deadline.min(self.expires),
            Phase::Refused(_) => 0,
            Phase::Queued | Phase::Sent(_) | Phase::Again(_) => self.expires,
        }
    }
}

/// Copies `parts` one after another; `None` when there is no room.
pub fn copy_all(parts: &[&[u8]], out: &mut [u8]) -> Option<usize> {
    let mut at = 0_usize;
    for part in parts {
        let end = at.checked_add(part.len())?;
        out.get_mut(at..end)?.copy_from_slice(part);
        at = end;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISH: Kind = Kind::Publish {
        qos1: true,
        retain: false,
    };
    const UPDATE: Kind = Kind::Shadow(shadow::Request {
        shadow: 1,
        operation: shadow::Operation::Update,
        purpose: shadow::Purpose::Call,
        section: shadow::Section::Reported,
        version: 0,
    });

    fn gone(kind: Kind, done: u32) -> Option<Gone<u32>> {
        Some(Gone {
            kind,
            done: Some(done),
        })
    }

    fn over(kind: Kind, done: u32, end: End) -> Option<(Gone<u32>, End)> {
        Some((gone(kind, done)?, end))
    }

    fn new<'a, D>(kind: Kind, first: &'a str, done: Option<D>) -> New<'a, D> {
        New {
            kind,
            head: [first.as_bytes(), b""],
            expires: u64::MAX,
            answer_ms: 0,
            done,
        }
    }

    fn store() -> (Vec<Option<Entry<u32>>>, Vec<u8>) {
        (vec![None; 4], vec![0; 32])
    }

    #[test]
    fn keeps_the_parts_in_order() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::RefuseNew);
        let first = New {
            head: [b"a/b", b"PP"],
            ..new(PUBLISH, "", Some(1))
        };
        outbox.push(first, &[b"12", b"", b"3"]).unwrap();
        outbox.push(new(UPDATE, "tok", None), &[b"{}"]).unwrap();
        let parts = outbox.message(0).unwrap();
        assert_eq!(
            (parts.head, parts.payload),
            ([&b"a/b"[..], b"PP"], &b"123"[..])
        );
        let parts = outbox.message(1).unwrap();
        assert_eq!(
            (parts.head, parts.payload),
            ([&b"tok"[..], b""], &b"{}"[..])
        );
        assert_eq!(outbox.message(2), None);
        assert_eq!(outbox.next_due().unwrap().kind, PUBLISH);
        assert_eq!(outbox.finish(0), gone(PUBLISH, 1));
        assert_eq!(outbox.finish(0), None, "it is over");
        let due = outbox.next_due().unwrap();
        assert_eq!((due.id, due.again(), due.kind), (1, None, UPDATE));
        assert_eq!(outbox.message(1).unwrap().payload, b"{}");
        assert_eq!(outbox.high_water(), (13, 2));
        assert_eq!(outbox.level(), (5, 1));
    }

    #[test]
    fn tells_full_from_never() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::<u32>::new(&mut entries, &mut bytes, Policy::RefuseNew);
        let one = || new(PUBLISH, "t", None);
        assert_eq!(outbox.push(one(), &[&[0; 32]]), Err(Error::TooLarge));
        outbox.push(one(), &[&[0; 31]]).unwrap();
        assert_eq!(outbox.push(one(), &[]), Err(Error::QueueFull));
        outbox.finish(0);
        for _ in 0..4 {
            outbox.push(one(), &[]).unwrap();
        }
        assert_eq!(outbox.push(one(), &[]), Err(Error::QueueFull));
    }

    #[test]
    fn a_payload_that_is_written_takes_what_it_needs() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::<u32>::new(&mut entries, &mut bytes, Policy::RefuseNew);
        outbox
            .push_with(new(PUBLISH, "t", None), 20, |out| {
                out.get_mut(..3).unwrap().copy_from_slice(b"abc");
                Ok(3)
            })
            .unwrap();
        assert_eq!(outbox.message(0).unwrap().payload, b"abc");
        let failed = outbox.push_with(new(PUBLISH, "t", None), 20, |_| Err(Error::JsonNoSpace));
        assert_eq!(failed, Err(Error::JsonNoSpace));
        assert_eq!(outbox.level(), (4, 1), "nothing was queued");
    }

    #[test]
    fn the_oldest_that_was_not_sent_makes_room() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::DropOldest);
        outbox
            .push(new(UPDATE, "token", Some(0)), &[b"{}"])
            .unwrap();
        for id in 1..=3 {
            outbox
                .push(new(PUBLISH, "t", Some(id)), &[&[id as u8; 4]])
                .unwrap();
        }
        // No place: one goes. Then 20 bytes are wanted and 10 are free: two go.
        outbox.push(new(PUBLISH, "t", Some(4)), &[&[4; 4]]).unwrap();
        assert_eq!(outbox.take_dropped(), Some(Some(1)));
        outbox
            .push(new(PUBLISH, "t", Some(5)), &[&[5; 19]])
            .unwrap();
        assert_eq!(outbox.take_dropped(), Some(Some(2)));
        assert_eq!(outbox.take_dropped(), Some(Some(3)));
        assert_eq!(outbox.take_dropped(), None);
        assert_eq!(
            outbox.message(0).unwrap().payload,
            b"{}",
            "requests are never dropped"
        );
        assert_eq!(outbox.message(4).unwrap().payload, [4; 4]);
        assert_eq!(outbox.message(5).unwrap().payload, [5; 19]);
        // What could not fit even then drops nothing.
        assert_eq!(
            outbox.push(new(PUBLISH, "t", Some(6)), &[&[6; 27]]),
            Err(Error::QueueFull)
        );
        assert_eq!(outbox.level().1, 3);
    }

    #[test]
    fn no_more_is_dropped_than_can_be_told() {
        let mut entries = vec![None; 2];
        let mut bytes = vec![0; 64];
        let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::DropOldest);
        for id in 0..2 + DROPPED as u32 {
            outbox.push(new(PUBLISH, "t", Some(id)), &[]).unwrap();
        }
        assert_eq!(
            outbox.push(new(PUBLISH, "t", Some(99)), &[]),
            Err(Error::QueueFull)
        );
        assert_eq!(outbox.take_dropped(), Some(Some(0)));
        outbox.push(new(PUBLISH, "t", Some(99)), &[]).unwrap();
    }

    #[test]
    fn an_answer_ends_its_request_once() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::RefuseNew);
        outbox.push(new(UPDATE, "abc", Some(5)), &[b"{}"]).unwrap();
        let is = |wanted: &'static [u8]| move |_: shadow::Request, token: &[u8]| token == wanted;
        assert_eq!(outbox.answered(is(b"abc")), None, "it was not sent yet");
        outbox.sent(0, 1, 10);
        assert_eq!(outbox.acknowledged(1, 0, 20, 80), None);
        assert_eq!(outbox.answered(is(b"abd")), None, "another's");
        assert_eq!(outbox.answered(is(b"abc")), gone(UPDATE, 5));
        assert_eq!(outbox.answered(is(b"abc")), None, "a redelivery");
    }

    #[test]
    fn what_is_overdue_ends() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::RefuseNew);
        for count in 1..=3_u32 {
            outbox
                .push(new(UPDATE, "t", Some(count)), &[b"{}"])
                .unwrap();
            outbox.sent(count - 1, count as u16, 10);
            let acknowledged = outbox.acknowledged(count as u16, 0, 0, 100 * u64::from(count));
            assert_eq!(acknowledged, None);
        }
        let queued = New {
            expires: 250,
            ..new(PUBLISH, "t", Some(4))
        };
        outbox.push(queued, &[]).unwrap();
        assert_eq!(outbox.next_expiry(), 100);
        assert_eq!(outbox.expire(99, false), None);
        assert_eq!(outbox.expire(200, true), None, "they were sent");
        let expired = |kind, done| over(kind, done, End::Expired);
        assert_eq!(outbox.expire(200, false), expired(UPDATE, 1));
        assert_eq!(outbox.expire(200, false), expired(UPDATE, 2));
        assert_eq!(outbox.expire(200, false), None);
        assert_eq!(outbox.next_expiry(), 250);
        assert_eq!(outbox.expire(250, false), expired(PUBLISH, 4));
        assert_eq!(outbox.cancel(), gone(UPDATE, 3));
        assert_eq!(outbox.cancel(), None);
        assert_eq!(outbox.next_expiry(), u64::MAX);
    }

    #[test]
    fn requests_whose_answers_cannot_come_end_once() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::RefuseNew);
        let own_time = New {
            expires: 50,
            ..new(UPDATE, "b", Some(2))
        };
        outbox.push(new(UPDATE, "a", Some(1)), &[]).unwrap();
        outbox.push(own_time, &[]).unwrap();
        outbox.push(new(PUBLISH, "t", Some(3)), &[]).unwrap();
        outbox.push(new(UPDATE, "c", Some(4)), &[]).unwrap();
        outbox.sent(0, 7, 50);
        let update = |request: shadow::Request| request.operation == shadow::Operation::Update;
        outbox.refuse(0x87, |request| !update(request));
        assert_eq!(outbox.next_expiry(), 50);
        outbox.refuse(0x87, update);
        assert_eq!(outbox.next_due().map(|due| due.id), Some(2));
        assert_eq!(outbox.next_expiry(), 0, "at once");
        assert_eq!(outbox.requests_open(), 1, "the one that was sent");

        // A later refusal is of others; a new connection changes nothing; one is cancelled first.
        outbox.refuse(0x97, update);
        outbox.reconnected(false);
        assert_eq!(outbox.finish(3), gone(UPDATE, 4));
        let refused = over(UPDATE, 2, End::Unheard(0x87));
        assert_eq!(outbox.expire(0, true), refused);
        assert_eq!(outbox.expire(0, false), None);
        assert_eq!(outbox.next_due().map(|due| due.id), Some(0));
        assert_eq!(outbox.level().1, 2);
    }

    #[test]
    fn answers_that_were_lost_with_the_session_are_asked_for_again_or_told() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::RefuseNew);
        let Kind::Shadow(request) = UPDATE else {
            unreachable!()
        };
        let versioned = Kind::Shadow(shadow::Request {
            version: 7,
            ..request
        });
        let delete = Kind::Shadow(shadow::Request {
            operation: shadow::Operation::Delete,
            ..request
        });
        for (index, kind) in [UPDATE, versioned, delete].into_iter().enumerate() {
            outbox
                .push(new(kind, "t", Some(index as u32)), &[])
                .unwrap();
            let packet = index as u16 + 1;
            outbox.sent(index as u32, packet, 10);
            assert_eq!(outbox.acknowledged(packet, 0, 20, 80), None);
        }
        assert_eq!(outbox.requests_open(), 3);
        assert_eq!(outbox.answers_lost(), gone(versioned, 1));
        assert_eq!(outbox.answers_lost(), gone(delete, 2));
        assert_eq!(outbox.answers_lost(), None);
        assert_eq!(outbox.next_due().unwrap().kind, UPDATE);
        assert_eq!(
            (outbox.requests_open(), outbox.next_expiry()),
            (0, u64::MAX)
        );
        assert_eq!(outbox.finish_kind(|kind| kind == versioned), None);
        assert_eq!(outbox.finish_kind(|kind| kind == UPDATE), gone(UPDATE, 0));
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::RefuseNew);
        for id in 0..3 {
            outbox.push(new(PUBLISH, "t", Some(id)), &[]).unwrap();
        }
        outbox.push(new(UPDATE, "u", Some(3)), &[]).unwrap();
        let due = |outbox: &Outbox<'_, u32>| outbox.next_due().map(|due| (due.id, due.again()));
        outbox.sent(0, 7, 50);
        outbox.sent(1, 8, 40);
        assert_eq!((due(&outbox), outbox.ack_deadline()), (Some((2, None)), 40));
        assert!(outbox.uses(7) && outbox.uses(8) && !outbox.uses(9));
        assert_eq!(outbox.acknowledged(9, 0, 0, 0), None, "nobody's");

        // Resumed: the same packet identifiers, before what was not sent.
        outbox.reconnected(true);
        assert_eq!(
            (due(&outbox), outbox.ack_deadline()),
            (Some((0, Some(7))), u64::MAX)
        );
        assert!(outbox.uses(7));
        assert_eq!(
            outbox.acknowledged(7, 0, 0, 0),
            None,
            "not sent on this connection"
        );
        outbox.sent(0, 7, 60);
        outbox.sent(1, 8, 60);
        assert_eq!(
            outbox.acknowledged(8, 0x10, 0, 0),
            over(PUBLISH, 1, End::Acknowledged(0x10))
        );

        // Forgotten: as if they had never been sent.
        outbox.reconnected(false);
        assert_eq!((due(&outbox), outbox.uses(7)), (Some((0, None)), false));
        outbox.sent(0, 9, 60);
        outbox.sent(2, 10, 60);
        assert_eq!(
            outbox.acknowledged(9, 0x97, 0, 0),
            over(PUBLISH, 0, End::Refused(0x97))
        );
        outbox.sent(3, 11, 60);
        assert_eq!(outbox.acknowledged(11, 0, 100, 30), None);
        assert_eq!(outbox.next_expiry(), 130, "it waits for its answer");
        assert_eq!(due(&outbox), None);
    }

    /// Random pushes and ends in any order, against a plain list.
    #[test]
    fn holds_what_a_list_would_hold() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below as u64) as usize
        };
        for _ in 0..200 {
            let mut entries = vec![None; 1 + random(6)];
            let mut bytes = vec![0; 1 + random(64)];
            let (places, capacity) = (entries.len(), bytes.len());
            let mut outbox = Outbox::new(&mut entries, &mut bytes, Policy::RefuseNew);
            let mut list: Vec<(u32, Vec<u8>)> = Vec::new();
            let mut next = 0;
            for _ in 0..300 {
                let used: usize = list.iter().map(|(_, payload)| payload.len() + 1).sum();
                if random(3) < 2 {
                    let payload = vec![next as u8; random(capacity + 2)];
                    let needed = payload.len() + 1;
                    let expected = if needed > capacity {
                        Err(Error::TooLarge)
                    } else if list.len() == places || used + needed > capacity {
                        Err(Error::QueueFull)
                    } else {
                        Ok(())
                    };
                    let pushed = outbox.push(new(PUBLISH, "t", Some(next)), &[&payload]);
                    assert_eq!(pushed, expected);
                    if pushed.is_ok() {
                        list.push((next, payload));
                        next += 1;
                    }
                } else if !list.is_empty() {
                    let (id, _) = list.remove(random(list.len()));
                    assert_eq!(outbox.finish(id), gone(PUBLISH, id));
                }
                for (id, payload) in &list {
                    let parts = outbox.message(*id).unwrap();
                    assert_eq!((parts.head[0], parts.payload), (&b"t"[..], &payload[..]));
                }
                assert_eq!(outbox.level().1, list.len());
            }
        }
    }
}
