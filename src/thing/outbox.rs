//! The outbox: messages that wait to be sent, for their acknowledgement, or for the service's
//! answer. A message keeps its place until it is over, so that nothing is lost when the broker
//! forgets the session, and order is kept.

use crate::Error;
use crate::mqtt::{Standing, Ticket};
use crate::shadow::Token;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message of the application, to a topic of its own; over when the broker has it.
    Publish {
        /// At QoS 1, else 0.
        qos1: bool,
    },
    /// A shadow update; over when the service has answered.
    Update(Token),
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Waits to be sent.
    Queued,
    /// Sent; waits for the broker's acknowledgement.
    Sent(Ticket),
    /// The broker has it; waits for the service's answer.
    Answer,
    /// Nothing more to come: the place is freed when it is the oldest.
    Over,
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Entry<D> {
    kind: Kind,
    phase: Phase,
    /// The topic, then the payload, in the ring.
    start: usize,
    topic_len: usize,
    payload_len: usize,
    /// When the acknowledgement (if sent) or the answer (if acknowledged) is overdue, in
    /// milliseconds of the library's clock.
    deadline: u64,
    /// Whom to tell.
    done: Option<D>,
}

/// A message that is due to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Names it as long as it is in the outbox.
    pub id: u32,
    /// What it is.
    pub kind: Kind,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The broker has acknowledged it.
    Acknowledged,
    /// The broker refused it with this reason code.
    Refused(u8),
    /// It can never be sent.
    TooLarge,
}

/// A bounded queue of messages in two slices: one of entries, one of bytes.
pub struct Outbox<'m, D> {
    /// A ring: `len` entries from `first`, whose message has the number `first_id`; the others
    /// follow.
    entries: &'m mut [Option<Entry<D>>],
    first: usize,
    first_id: u32,
    len: usize,
    /// Each message is contiguous; they follow one another, the oldest first, around the end.
    bytes: &'m mut [u8],
    bytes_max: usize,
    len_max: usize,
}

impl<'m, D: Copy> Outbox<'m, D> {
    /// An empty outbox for `entries.len()` messages of `bytes.len()` bytes together.
    pub fn new(entries: &'m mut [Option<Entry<D>>], bytes: &'m mut [u8]) -> Self {
        Self {
            entries,
            first: 0,
            first_id: 0,
            len: 0,
            bytes,
            bytes_max: 0,
            len_max: 0,
        }
    }

    /// Queues a message whose payload is made of `parts`.
    pub fn push(
        &mut self,
        kind: Kind,
        topic: &str,
        parts: &[&[u8]],
        done: Option<D>,
    ) -> Result<(), Error> {
        let payload_len = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let size = topic.len().saturating_add(payload_len);
        if size > self.bytes.len() {
            return Err(Error::TooLarge);
        }
        if self.len >= self.entries.len() {
            return Err(Error::QueueFull);
        }
        let start = self.place(size).ok_or(Error::QueueFull)?;
        let mut at = start;
        for part in core::iter::once(topic.as_bytes()).chain(parts.iter().copied()) {
            let end = at.saturating_add(part.len());
            if let Some(room) = self.bytes.get_mut(at..end) {
                room.copy_from_slice(part);
            }
            at = end;
        }
        let index = self.wrap(self.len);
        if let Some(place) = self.entries.get_mut(index) {
            *place = Some(Entry {
                kind,
                phase: Phase::Queued,
                start,
                topic_len: topic.len(),
                payload_len,
                deadline: u64::MAX,
                done,
            });
            self.len = self.len.saturating_add(1);
        }
        self.len_max = self.len_max.max(self.len);
        self.bytes_max = self.bytes_max.max(self.used());
        Ok(())
    }

    /// The size that [`push`](Self::push) needs for a message.
    pub fn size_of(topic: &str, parts: &[&[u8]]) -> usize {
        parts
            .iter()
            .fold(topic.len(), |sum, part| sum.saturating_add(part.len()))
    }

    /// The oldest message that is to be sent.
    pub fn next_due(&self) -> Option<Due> {
        (0..self.len).find_map(|index| {
            let entry = self.entry(index)?;
            matches!(entry.phase, Phase::Queued).then_some(Due {
                id: self.first_id.wrapping_add(index as u32),
                kind: entry.kind,
            })
        })
    }

    /// Whether a message of the kind that `wanted` names is waiting to be sent.
    pub fn any_due(&self, wanted: impl Fn(Kind) -> bool) -> bool {
        (0..self.len).any(|index| {
            self.entry(index)
                .is_some_and(|e| matches!(e.phase, Phase::Queued) && wanted(e.kind))
        })
    }

    /// Topic and payload of a message.
    pub fn message(&self, id: u32) -> Option<(&[u8], &[u8])> {
        let entry = self.entry(self.index(id))?;
        let end = entry
            .start
            .checked_add(entry.topic_len)?
            .checked_add(entry.payload_len)?;
        self.bytes
            .get(entry.start..end)?
            .split_at_checked(entry.topic_len)
    }

    /// A message was handed to MQTT and must be acknowledged by `ack_by`.
    pub fn sent(&mut self, id: u32, ticket: Ticket, ack_by: u64) {
        if let Some(entry) = self.entry_mut(self.index(id)) {
            // It may have ended meanwhile.
            if matches!(entry.phase, Phase::Queued) {
                entry.phase = Phase::Sent(ticket);
                entry.deadline = ack_by;
            }
        }
    }

    /// What was sent is sent again and must be acknowledged by `ack_by`.
    pub fn resent(&mut self, ack_by: u64) {
        for index in 0..self.len {
            if let Some(entry) = self.entry_mut(index)
                && matches!(entry.phase, Phase::Sent(_))
            {
                entry.deadline = ack_by;
            }
        }
    }

    /// Ends a message; `None` if it has ended already, else whom to tell.
    pub fn finish(&mut self, id: u32) -> Option<Option<D>> {
        let index = self.index(id);
        match self.entry(index)?.phase {
            Phase::Over => None,
            _ => Some(self.finish_at(index)),
        }
    }

    /// Where the message with this number is; out of range when it has gone.
    fn index(&self, id: u32) -> usize {
        id.wrapping_sub(self.first_id) as usize
    }

    fn finish_at(&mut self, index: usize) -> Option<D> {
        let entry = self.entry_mut(index)?;
        entry.phase = Phase::Over;
        entry.deadline = u64::MAX;
        let done = entry.done.take();
        self.free_oldest();
        done
    }

    /// Ends the update with this token; `None` when there is none (any more), else whom to tell.
    pub fn answered(&mut self, token: Token) -> Option<Option<D>> {
        let index = (0..self.len).find(|index| {
            self.entry(*index).is_some_and(|e| {
                e.kind == Kind::Update(token) && matches!(e.phase, Phase::Sent(_) | Phase::Answer)
            })
        })?;
        Some(self.finish_at(index))
    }

    /// Looks how sent messages stand and settles the first one that changed: acknowledged ones
    /// are over or wait for the service's answer until `answer_by`, ones whose session is lost are
    /// queued again.
    /// `refused` is the reason code if the broker refused one. Returns whom to tell what; to be
    /// called until it returns `None`.
    pub fn settle(
        &mut self,
        standing: impl Fn(&Ticket) -> Standing,
        answer_by: u64,
        refused: &mut Option<u8>,
    ) -> Option<(Option<D>, End)> {
        for index in 0..self.len {
            let Some(entry) = self.entry_mut(index) else {
                continue;
            };
            let Phase::Sent(ticket) = entry.phase else {
                continue;
            };
            match standing(&ticket) {
                Standing::Open => {}
                Standing::Lost => {
                    entry.phase = Phase::Queued;
                    entry.deadline = u64::MAX;
                }
                Standing::Settled => {
                    if let Some(code) = refused.take() {
                        return Some((self.finish_at(index), End::Refused(code)));
                    }
                    if matches!(entry.kind, Kind::Update(_)) {
                        entry.phase = Phase::Answer;
                        entry.deadline = answer_by;
                    } else {
                        return Some((self.finish_at(index), End::Acknowledged));
                    }
                }
            }
        }
        None
    }

    /// Ends one message whose answer is overdue at `now`.
    pub fn expire(&mut self, now: u64) -> Option<Option<D>> {
        let index = (0..self.len).find(|index| {
            self.entry(*index)
                .is_some_and(|e| matches!(e.phase, Phase::Answer) && e.deadline <= now)
        })?;
        Some(self.finish_at(index))
    }

    /// When the next answer is overdue.
    pub fn answer_deadline(&self) -> Option<u64> {
        self.earliest(|phase| matches!(phase, Phase::Answer))
    }

    /// When the next acknowledgement is overdue.
    pub fn ack_deadline(&self) -> Option<u64> {
        self.earliest(|phase| matches!(phase, Phase::Sent(_)))
    }

    fn earliest(&self, of: impl Fn(&Phase) -> bool) -> Option<u64> {
        (0..self.len)
            .filter_map(|index| self.entry(index))
            .filter(|entry| of(&entry.phase))
            .map(|entry| entry.deadline)
            .min()
    }

    /// Ends the oldest message that is still open, whatever it waits for.
    pub fn cancel(&mut self) -> Option<Option<D>> {
        (self.len > 0).then(|| self.finish_at(0))
    }

    /// Largest number of bytes and of messages that were ever here.
    pub fn high_water(&self) -> (usize, usize) {
        (self.bytes_max, self.len_max)
    }

    fn wrap(&self, offset: usize) -> usize {
        let index = self.first.saturating_add(offset);
        if index >= self.entries.len() {
            index.saturating_sub(self.entries.len())
        } else {
            index
        }
    }

    fn entry(&self, index: usize) -> Option<&Entry<D>> {
        if index >= self.len {
            return None;
        }
        self.entries.get(self.wrap(index))?.as_ref()
    }

    fn entry_mut(&mut self, index: usize) -> Option<&mut Entry<D>> {
        if index >= self.len {
            return None;
        }
        let at = self.wrap(index);
        self.entries.get_mut(at)?.as_mut()
    }

    /// The bytes in use: from the start of the oldest message to the end of the newest.
    fn bounds(&self) -> Option<(usize, usize)> {
        let oldest = self.entry(0)?;
        let newest = self.entry(self.len.checked_sub(1)?)?;
        let end = newest
            .start
            .saturating_add(newest.topic_len)
            .saturating_add(newest.payload_len);
        Some((oldest.start, end))
    }

    fn used(&self) -> usize {
        match self.bounds() {
            None => 0,
            Some((start, end)) if start < end => end.saturating_sub(start),
            Some((start, end)) => self.bytes.len().saturating_sub(start).saturating_add(end),
        }
    }

    /// Where `size` contiguous bytes are free.
    fn place(&self, size: usize) -> Option<usize> {
        let capacity = self.bytes.len();
        let Some((start, end)) = self.bounds() else {
            return (size <= capacity).then_some(0);
        };
        if start < end {
            if capacity.saturating_sub(end) >= size {
                Some(end)
            } else {
                (size <= start).then_some(0)
            }
        } else {
            // Wrapped around (or, when they are equal, full).
            (start.saturating_sub(end) >= size).then_some(end)
        }
    }

    fn free_oldest(&mut self) {
        while self
            .entry(0)
            .is_some_and(|e| matches!(e.phase, Phase::Over))
        {
            if let Some(place) = self.entries.get_mut(self.first) {
                *place = None;
            }
            self.first = self.wrap(1);
            self.first_id = self.first_id.wrapping_add(1);
            self.len = self.len.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISH: Kind = Kind::Publish { qos1: true };

    fn update(count: u32) -> Kind {
        Kind::Update(Token::new(7, count))
    }

    fn store() -> (Vec<Option<Entry<u32>>>, Vec<u8>) {
        (vec![None; 4], vec![0; 32])
    }

    #[test]
    fn keeps_topic_and_payload_in_order() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes);
        outbox
            .push(PUBLISH, "a/b", &[b"12", b"", b"3"], Some(1))
            .unwrap();
        outbox.push(update(1), "", &[b"{}"], None).unwrap();
        assert_eq!(outbox.message(0), Some((&b"a/b"[..], &b"123"[..])));
        assert_eq!(outbox.message(1), Some((&b""[..], &b"{}"[..])));
        assert_eq!(outbox.message(2), None);
        assert_eq!(outbox.next_due().unwrap().kind, PUBLISH);
        assert!(outbox.any_due(|kind| kind == update(1)));
        assert_eq!(outbox.finish(0), Some(Some(1)));
        assert_eq!(outbox.finish(0), None, "it is over");
        assert_eq!(
            outbox.next_due(),
            Some(Due {
                id: 1,
                kind: update(1)
            })
        );
        assert_eq!(outbox.high_water(), (8, 2));
    }

    #[test]
    fn tells_full_from_never() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::<u32>::new(&mut entries, &mut bytes);
        assert_eq!(
            outbox.push(PUBLISH, "t", &[&[0; 32]], None),
            Err(Error::TooLarge)
        );
        outbox.push(PUBLISH, "t", &[&[0; 31]], None).unwrap();
        assert_eq!(outbox.push(PUBLISH, "t", &[], None), Err(Error::QueueFull));
        outbox.finish(0);
        for _ in 0..4 {
            outbox.push(PUBLISH, "t", &[], None).unwrap();
        }
        assert_eq!(outbox.push(PUBLISH, "t", &[], None), Err(Error::QueueFull));
    }

    #[test]
    fn an_answer_ends_its_update_once() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes);
        outbox.push(update(1), "", &[b"{}"], Some(5)).unwrap();
        assert_eq!(
            outbox.answered(Token::new(7, 1)),
            None,
            "it was not sent yet"
        );
        outbox.force_sent(0, 100);
        assert_eq!(
            outbox.answered(Token::new(7, 2)),
            None,
            "another request's answer"
        );
        assert_eq!(outbox.answered(Token::new(7, 1)), Some(Some(5)));
        assert_eq!(outbox.answered(Token::new(7, 1)), None, "a redelivery");
    }

    #[test]
    fn what_is_overdue_ends_and_frees_its_place() {
        let (mut entries, mut bytes) = store();
        let mut outbox = Outbox::new(&mut entries, &mut bytes);
        for count in 1..=3 {
            outbox
                .push(update(count), "", &[b"{}"], Some(count))
                .unwrap();
            outbox.force_sent(count as usize - 1, 100 * u64::from(count));
        }
        assert_eq!(outbox.answer_deadline(), Some(100));
        assert_eq!(outbox.expire(99), None);
        assert_eq!(outbox.expire(200), Some(Some(1)));
        assert_eq!(outbox.expire(200), Some(Some(2)));
        assert_eq!(outbox.expire(200), None);
        assert_eq!(outbox.answer_deadline(), Some(300));
        assert_eq!(outbox.cancel(), Some(Some(3)));
        assert_eq!(outbox.cancel(), None);
        assert_eq!(outbox.answer_deadline(), None);
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
            let mut outbox = Outbox::new(&mut entries, &mut bytes);
            // What is in the outbox, oldest first; `None` is over and waits for older ones.
            let mut list: Vec<Option<(u32, Vec<u8>)>> = Vec::new();
            let mut gone = 0_u32;
            for id in 0..300_u32 {
                if random(3) < 2 {
                    let payload = vec![id as u8; random(capacity + 2)];
                    let result = outbox.push(PUBLISH, "t", &[&payload], Some(id));
                    match result {
                        Ok(()) => list.push(Some((id, payload))),
                        Err(Error::TooLarge) => assert!(payload.len() + 1 > capacity),
                        Err(Error::QueueFull) => {
                            // What is free is in two pieces at most, so the larger holds half.
                            let free = capacity - outbox.used();
                            assert!(list.len() == places || payload.len() + 1 > free / 2);
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                } else if !list.is_empty() {
                    let index = random(list.len());
                    let expected = list[index].take().map(|(id, _)| id);
                    if expected.is_some() {
                        assert_eq!(outbox.finish(gone + index as u32), Some(expected));
                    }
                    while list.first().is_some_and(Option::is_none) {
                        list.remove(0);
                        gone += 1;
                    }
                }
                for (index, entry) in list.iter().enumerate() {
                    if let Some((_, payload)) = entry {
                        assert_eq!(
                            outbox.message(gone + index as u32),
                            Some((&b"t"[..], &payload[..]))
                        );
                    }
                }
            }
        }
    }

    impl<D: Copy> Outbox<'_, D> {
        /// As if it had been sent and acknowledged: tickets are made by MQTT only.
        fn force_sent(&mut self, index: usize, deadline: u64) {
            let entry = self.entry_mut(index).unwrap();
            entry.phase = Phase::Answer;
            entry.deadline = deadline;
        }
    }
}
