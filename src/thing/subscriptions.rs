//! The subscriptions: what is wanted, what the broker has, and whom a message is for.
//!
//! A subscription is a wish that outlives connections. The open connection compares wishes with
//! what the broker has and sends what is missing: up to eight filters in one SUBSCRIBE, one packet
//! under way at a time. A broker that forgot the session has nothing, and everything is asked for
//! again.

use heapless::Vec;

use crate::Error;
use crate::mqtt::topic::matches;
use crate::mqtt::{FILTERS_PER_SUBSCRIBE, SubscribeOptions};

/// Where the text of a filter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Filter {
    start: u16,
    len: u16,
}

/// What the broker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    /// Not this one.
    Absent,
    /// In the SUBSCRIBE under way.
    Asked,
    /// This one.
    Granted,
    /// This one, but it is to be asked for again: its options changed.
    Stale,
    /// In the UNSUBSCRIBE under way.
    Leaving,
}

/// One subscription. `H` names who gets its messages, `D` whom to tell of an operation's end.
#[derive(Clone, Copy, Debug)]
pub struct Subscription<H, D> {
    filter: Filter,
    options: SubscribeOptions,
    wanted: bool,
    broker: Broker,
    handler: Option<H>,
    subscribed: Operation<D>,
    unsubscribed: Operation<D>,
}

/// Whom to tell of the end of subscribing or unsubscribing.
#[derive(Clone, Copy, Debug)]
struct Operation<D> {
    done: Option<D>,
    /// When it ends even if it was not carried out, in milliseconds of the library's clock.
    expires: u64,
}

impl<D> Operation<D> {
    const NONE: Self = Self {
        done: None,
        expires: u64::MAX,
    };
}

/// How an operation ended, or what a subscription that stood met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<H, D> {
    /// Tell this one: carried out, with the reason code (the granted QoS).
    Done(D, u8),
    /// Tell this one: refused with this reason code.
    Refused(D, u8),
    /// Tell this one: another call took it back.
    Cancelled(D),
    /// Tell this one: it took too long.
    Expired(D),
    /// A subscription that stood was refused with this reason code when it was made again; its
    /// messages went to this one.
    Lost(H, u8),
}

/// The application's part of a packet to be sent: which subscriptions it is about, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// UNSUBSCRIBE, else SUBSCRIBE.
    pub leaving: bool,
    slots: Vec<u16, FILTERS_PER_SUBSCRIBE>,
}

impl Batch {
    /// How many filters are in it.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// A bounded table of subscriptions.
pub struct Subscriptions<'m, H, D> {
    slots: &'m mut [Option<Subscription<H, D>>],
    /// The application's filters, without gaps.
    text: &'m mut [u8],
    used: usize,
    /// Something may have to be told.
    untold: bool,
}

impl<'m, H: Copy, D: Copy> Subscriptions<'m, H, D> {
    /// An empty table for `slots.len()` subscriptions, whose texts have `text.len()` bytes together.
    pub fn new(slots: &'m mut [Option<Subscription<H, D>>], text: &'m mut [u8]) -> Self {
        Self {
            slots,
            text,
            used: 0,
            untold: false,
        }
    }

    // ---- what is wanted -----------------------------------------------------------------------

    /// Wants a filter of the application, which was checked; one with the same text is replaced.
    /// `QueueFull` without a free place or with too little room for the text.
    pub fn subscribe(
        &mut self,
        filter: &str,
        options: SubscribeOptions,
        handler: H,
        done: Option<D>,
        expires: u64,
    ) -> Result<(), Error> {
        let operation = Operation { done, expires };
        if let Some(slot) = self.find_text(filter) {
            let subscription = self.slot_mut(slot).ok_or(Error::State)?;
            if subscription.subscribed.done.is_some() {
                return Err(Error::State);
            }
            subscription.wanted = true;
            subscription.options = options;
            subscription.handler = Some(handler);
            subscription.subscribed = operation;
            if subscription.broker == Broker::Granted {
                subscription.broker = Broker::Stale;
            }
            self.untold = true;
            return Ok(());
        }
        let place = self
            .slots
            .iter()
            .position(Option::is_none)
            .ok_or(Error::QueueFull)?;
        let start = self.used;
        let end = start.saturating_add(filter.len());
        let room = self.text.get_mut(start..end).ok_or(Error::QueueFull)?;
        let (Ok(at), Ok(len)) = (u16::try_from(start), u16::try_from(filter.len())) else {
            return Err(Error::QueueFull);
        };
        room.copy_from_slice(filter.as_bytes());
        self.used = end;
        self.put(
            place,
            Subscription {
                filter: Filter { start: at, len },
                options,
                wanted: true,
                broker: Broker::Absent,
                handler: Some(handler),
                subscribed: operation,
                unsubscribed: Operation::NONE,
            },
        );
        Ok(())
    }

    /// Wants a filter of the application no more. `NotFound` when it is not wanted anyway; `State`
    /// while the end of an earlier call has to be told.
    pub fn unsubscribe(
        &mut self,
        filter: &str,
        done: Option<D>,
        expires: u64,
    ) -> Result<(), Error> {
        let slot = self.find_text(filter).ok_or(Error::NotFound)?;
        let subscription = self.slot_mut(slot).ok_or(Error::NotFound)?;
        if !subscription.wanted {
            return Err(Error::NotFound);
        }
        if subscription.unsubscribed.done.is_some() {
            // One that was taken back has still to be told.
            return Err(Error::State);
        }
        subscription.wanted = false;
        subscription.unsubscribed = Operation { done, expires };
        self.untold = true;
        Ok(())
    }

    // ---- what the broker has ------------------------------------------------------------------

    /// The broker has forgotten the session, and every subscription with it.
    pub fn forget(&mut self) {
        for subscription in self.slots.iter_mut().flatten() {
            subscription.broker = Broker::Absent;
        }
        self.untold = true;
    }

    /// The packet under way is lost, though the session is not.
    pub fn interrupted(&mut self) {
        for subscription in self.slots.iter_mut().flatten() {
            subscription.broker = match subscription.broker {
                Broker::Asked => Broker::Absent,
                Broker::Leaving => Broker::Granted,
                other => other,
            };
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// Whether everything that is wanted is there, but for what the broker refused.
    pub fn complete(&self) -> bool {
        self.iter()
            .all(|s| !s.wanted || s.broker == Broker::Granted)
    }

    /// Whether there are filters to leave or to ask for.
    pub fn any_due(&self) -> bool {
        self.iter().any(|s| s.is_due(true) || s.is_due(false))
    }

    /// Filters to leave, or to ask for, as many as fit into one packet. `write` takes a filter's
    /// text, or returns `None` when there is no room left for it.
    pub fn batch(
        &self,
        leaving: bool,
        mut write: impl FnMut(&[u8], SubscribeOptions) -> Option<()>,
    ) -> Batch {
        let mut batch = Batch {
            leaving,
            slots: Vec::new(),
        };
        for (slot, subscription) in self.slots.iter().enumerate() {
            let Some(s) = subscription else { continue };
            if !s.is_due(leaving) || batch.slots.is_full() {
                continue;
            }
            let text = self.text_of(s.filter).unwrap_or_default();
            if write(text, s.options).is_none() {
                break;
            }
            // There is room: it is not full.
            let _ = batch.slots.push(slot as u16);
        }
        batch
    }

    /// The packet was sent.
    pub fn asked(&mut self, batch: &Batch) {
        for slot in &batch.slots {
            if let Some(subscription) = self.slot_mut(*slot) {
                subscription.broker = match batch.leaving {
                    true => Broker::Leaving,
                    false => Broker::Asked,
                };
            }
        }
    }

    /// The broker has answered the packet, with a reason code for each filter.
    pub fn answered(
        &mut self,
        batch: &Batch,
        codes: impl Iterator<Item = u8>,
        mut tell: impl FnMut(Told<H, D>),
    ) {
        for (slot, code) in batch.slots.iter().zip(codes) {
            if let Some(subscription) = self.slot_mut(*slot) {
                subscription.answered(code, &mut tell);
            }
        }
        self.untold = true;
    }

    /// Settles what is over without the broker: operations that were taken back or took too long at
    /// `now`, and subscriptions that are gone. Returns one thing to tell; to be called until it
    /// returns `None`.
    pub fn settle(&mut self, now: u64) -> Option<Told<H, D>> {
        if !self.untold && self.next_expiry() > now {
            return None;
        }
        for slot in 0..self.slots.len() {
            let slot = slot as u16;
            let Some(subscription) = self.slot_mut(slot) else {
                continue;
            };
            if let Some(told) = subscription.settle(now) {
                self.untold = true;
                return Some(told);
            }
            if subscription.is_gone() {
                self.remove(slot);
            }
        }
        self.untold = false;
        None
    }

    /// Somebody is to be told now of an end that comes without an answer.
    pub fn is_untold(&self) -> bool {
        self.untold
    }

    /// When the next operation ends by itself; `u64::MAX`: never.
    pub fn next_expiry(&self) -> u64 {
        self.iter()
            .flat_map(|s| [&s.subscribed, &s.unsubscribed])
            .filter(|operation| operation.done.is_some())
            .fold(u64::MAX, |at, operation| at.min(operation.expires))
    }

    /// Ends one operation that is still open: whom to tell.
    pub fn cancel(&mut self) -> Option<D> {
        self.slots.iter_mut().flatten().find_map(|s| {
            s.subscribed
                .done
                .take()
                .or_else(|| s.unsubscribed.done.take())
        })
    }

    // ---- whom a message is for ----------------------------------------------------------------

    /// The next subscription of the application from number `from` on that matches `topic`: its
    /// number and who gets its messages.
    pub fn next_match(&self, topic: &str, from: usize) -> Option<(usize, H)> {
        self.slots
            .iter()
            .enumerate()
            .skip(from)
            .find_map(|(slot, s)| {
                let s = s.as_ref().filter(|s| s.wanted)?;
                let filter = core::str::from_utf8(self.text_of(s.filter)?).ok()?;
                matches(filter, topic).then_some((slot, s.handler?))
            })
    }

    // ---- storage ------------------------------------------------------------------------------

    fn iter(&self) -> impl Iterator<Item = &Subscription<H, D>> {
        self.slots.iter().flatten()
    }

    fn position(&self, is: impl Fn(&Subscription<H, D>) -> bool) -> Option<u16> {
        self.slots
            .iter()
            .position(|s| s.as_ref().is_some_and(&is))
            .map(|slot| slot as u16)
    }

    fn slot_mut(&mut self, slot: u16) -> Option<&mut Subscription<H, D>> {
        self.slots.get_mut(usize::from(slot))?.as_mut()
    }

    fn put(&mut self, place: usize, subscription: Subscription<H, D>) {
        if let Some(place) = self.slots.get_mut(place) {
            *place = Some(subscription);
        }
    }

    fn text_of(&self, filter: Filter) -> Option<&[u8]> {
        let start = usize::from(filter.start);
        let end = start.saturating_add(usize::from(filter.len));
        self.text.get(start..end)
    }

    fn find_text(&self, filter: &str) -> Option<u16> {
        self.position(|s| self.text_of(s.filter) == Some(filter.as_bytes()))
    }

    /// Frees a place and closes the gap in the texts.
    fn remove(&mut self, slot: u16) {
        let Some(gone) = self.slots.get_mut(usize::from(slot)).and_then(Option::take) else {
            return;
        };
        let Filter { start, len } = gone.filter;
        let end = usize::from(start).saturating_add(usize::from(len));
        if end <= self.used && self.used <= self.text.len() {
            self.text.copy_within(end..self.used, usize::from(start));
            self.used = self.used.saturating_sub(usize::from(len));
        }
        for subscription in self.slots.iter_mut().flatten() {
            let other = &mut subscription.filter.start;
            if *other > start {
                *other = other.saturating_sub(len);
            }
        }
    }
}

impl<H: Copy, D: Copy> Subscription<H, D> {
    fn is_due(&self, leaving: bool) -> bool {
        match self.broker {
            Broker::Absent => self.wanted && !leaving,
            Broker::Stale => self.wanted != leaving,
            Broker::Granted => !self.wanted && leaving,
            Broker::Asked | Broker::Leaving => false,
        }
    }

    /// Nobody wants it, the broker does not have it, and everybody was told.
    fn is_gone(&self) -> bool {
        !self.wanted
            && self.broker == Broker::Absent
            && self.subscribed.done.is_none()
            && self.unsubscribed.done.is_none()
    }

    fn answered(&mut self, code: u8, tell: &mut impl FnMut(Told<H, D>)) {
        let leaving = self.broker == Broker::Leaving;
        let refused = code >= 0x80;
        // A refused UNSUBSCRIBE is told by its code; asking again would not help.
        self.broker = match leaving || refused {
            true => Broker::Absent,
            false => Broker::Granted,
        };
        let operation = match leaving {
            true => &mut self.unsubscribed,
            false => &mut self.subscribed,
        };
        let done = core::mem::replace(operation, Operation::NONE).done;
        if refused && !leaving {
            self.wanted = false;
        }
        match done {
            Some(done) if refused => tell(Told::Refused(done, code)),
            Some(done) => tell(Told::Done(done, code)),
            None if !refused || leaving => {}
            None => {
                if let Some(handler) = self.handler {
                    tell(Told::Lost(handler, code));
                }
            }
        }
    }

    fn settle(&mut self, now: u64) -> Option<Told<H, D>> {
        // Only one of the two can still be meant.
        let stale = match self.wanted {
            true => &mut self.unsubscribed,
            false => &mut self.subscribed,
        };
        if let Some(done) = core::mem::replace(stale, Operation::NONE).done {
            return Some(Told::Cancelled(done));
        }
        if !self.wanted && self.broker == Broker::Absent {
            let done = core::mem::replace(&mut self.unsubscribed, Operation::NONE).done;
            return done.map(|done| Told::Done(done, 0));
        }
        let current = match self.wanted {
            true => &mut self.subscribed,
            false => &mut self.unsubscribed,
        };
        if current.expires <= now {
            let done = core::mem::replace(current, Operation::NONE).done?;
            // Whoever is told that it was not subscribed must not get messages later.
            self.wanted = false;
            return Some(Told::Expired(done));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QOS1: SubscribeOptions = SubscribeOptions { qos1: true };

    type Table<'m> = Subscriptions<'m, char, u32>;

    fn with_table(test: impl FnOnce(&mut Table<'_>)) {
        let mut slots = vec![None; 10];
        let mut text = vec![0; 40];
        test(&mut Subscriptions::new(&mut slots, &mut text));
    }

    /// What is sent next, as text.
    fn batch(table: &Table<'_>) -> Option<(Batch, Vec<String, 8>)> {
        [true, false].into_iter().find_map(|leaving| {
            let mut texts = Vec::new();
            let batch = table.batch(leaving, |text, _| {
                let text = std::str::from_utf8(text).unwrap().to_owned();
                texts.push(text).ok()
            });
            (!batch.is_empty()).then_some((batch, texts))
        })
    }

    type String = std::string::String;

    /// Sends what is due and has the broker answer with these codes.
    fn exchange(table: &mut Table<'_>, codes: &[u8]) -> std::vec::Vec<Told<char, u32>> {
        let (batch, texts) = batch(table).unwrap();
        assert_eq!(texts.len(), codes.len(), "{texts:?}");
        table.asked(&batch);
        let mut told = std::vec::Vec::new();
        table.answered(&batch, codes.iter().copied(), |t| told.push(t));
        told
    }

    fn settle(table: &mut Table<'_>, now: u64) -> std::vec::Vec<Told<char, u32>> {
        std::iter::from_fn(|| table.settle(now)).collect()
    }

    #[test]
    fn subscribed_matched_and_left() {
        with_table(|table| {
            table
                .subscribe("a/+", QOS1, 'a', Some(1), u64::MAX)
                .unwrap();
            table
                .subscribe("a/b", QOS1, 'b', Some(2), u64::MAX)
                .unwrap();
            assert!(!table.complete());
            let told = exchange(table, &[1, 0]);
            assert_eq!(told, [Told::Done(1, 1), Told::Done(2, 0)]);
            assert!(table.complete());
            assert_eq!(table.next_match("a/b", 0), Some((0, 'a')));
            assert_eq!(table.next_match("a/b", 1), Some((1, 'b')));
            assert_eq!(table.next_match("a/b", 2), None);
            assert_eq!(table.next_match("a/b/c", 0), None);
            table.unsubscribe("a/+", Some(3), u64::MAX).unwrap();
            assert_eq!(table.unsubscribe("a/+", None, 0), Err(Error::NotFound));
            assert_eq!(table.next_match("a/x", 0), None, "it is left at once");
            assert_eq!(settle(table, 0), []);
            assert_eq!(exchange(table, &[0]), [Told::Done(3, 0)]);
            assert_eq!(settle(table, 0), []);
            assert_eq!(batch(table), None);
            // The text behind it was moved.
            assert_eq!(table.next_match("a/b", 0), Some((1, 'b')));
            assert_eq!(table.used, 3);
        });
    }

    #[test]
    fn a_new_session_asks_for_everything_again() {
        with_table(|table| {
            table.subscribe("a", QOS1, 'a', None, u64::MAX).unwrap();
            table.subscribe("b", QOS1, 'b', None, u64::MAX).unwrap();
            assert_eq!(exchange(table, &[1, 1]), []);
            table.unsubscribe("a", Some(7), u64::MAX).unwrap();
            table.subscribe("c", QOS1, 'c', None, u64::MAX).unwrap();
            table.forget();
            assert_eq!(
                settle(table, 0),
                [Told::Done(7, 0)],
                "the broker has it no more"
            );
            let (_, texts) = batch(table).unwrap();
            assert_eq!(texts, ["b", "c"]);
        });
    }

    #[test]
    fn refusals_end_what_was_wanted() {
        with_table(|table| {
            table.subscribe("a", QOS1, 'a', Some(1), u64::MAX).unwrap();
            assert_eq!(exchange(table, &[0x87]), [Told::Refused(1, 0x87)]);
            assert_eq!(settle(table, 0), []);
            assert_eq!(batch(table), None);
            assert!(table.complete());
            // One that stood before is told of, too.
            table.subscribe("a", QOS1, 'a', None, u64::MAX).unwrap();
            exchange(table, &[0]);
            table.forget();
            assert_eq!(exchange(table, &[0x97]), [Told::Lost('a', 0x97)]);
        });
    }

    #[test]
    fn at_most_eight_in_one_packet() {
        with_table(|table| {
            for filter in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
                table.subscribe(filter, QOS1, 'x', None, u64::MAX).unwrap();
            }
            assert_eq!(
                table.subscribe("k", QOS1, 'x', None, u64::MAX),
                Err(Error::QueueFull)
            );
            exchange(table, &[0; 8]);
            exchange(table, &[0; 2]);
            assert!(table.complete());
        });
    }

    #[test]
    fn what_does_not_fit_one_packet_goes_in_the_next() {
        with_table(|table| {
            table.subscribe("abc", QOS1, 'x', None, u64::MAX).unwrap();
            table.subscribe("def", QOS1, 'x', None, u64::MAX).unwrap();
            let mut room = 1;
            let batch = table.batch(false, |_, _| {
                room -= 1;
                (room >= 0).then_some(())
            });
            assert_eq!(batch.slots, [0]);
        });
    }

    #[test]
    fn calls_that_cross_are_all_told() {
        with_table(|table| {
            table.subscribe("a", QOS1, 'a', Some(1), u64::MAX).unwrap();
            assert_eq!(
                table.subscribe("a", QOS1, 'a', Some(2), u64::MAX),
                Err(Error::State),
                "one is under way"
            );
            table.unsubscribe("a", Some(3), u64::MAX).unwrap();
            assert_eq!(settle(table, 0), [Told::Cancelled(1), Told::Done(3, 0)]);
            assert_eq!(batch(table), None);
            assert_eq!(table.used, 0);

            // Taken back while the packet is under way.
            table.subscribe("a", QOS1, 'a', Some(4), u64::MAX).unwrap();
            let (packet, _) = batch(table).unwrap();
            table.asked(&packet);
            table.unsubscribe("a", Some(5), u64::MAX).unwrap();
            assert_eq!(settle(table, 0), [Told::Cancelled(4)]);
            table.answered(&packet, [1].into_iter(), |told| panic!("{told:?}"));
            // And wanted again while it is being left.
            let (packet, _) = batch(table).unwrap();
            assert!(packet.leaving);
            table.asked(&packet);
            table.subscribe("a", QOS1, 'b', Some(6), u64::MAX).unwrap();
            assert_eq!(table.unsubscribe("a", Some(7), u64::MAX), Err(Error::State));
            assert_eq!(settle(table, 0), [Told::Cancelled(5)]);
            table.answered(&packet, [0].into_iter(), |told| panic!("{told:?}"));
            assert_eq!(exchange(table, &[1]), [Told::Done(6, 1)]);
            assert_eq!(table.next_match("a", 0), Some((0, 'b')));
        });
    }

    #[test]
    fn another_subscription_to_the_same_filter_replaces_it() {
        with_table(|table| {
            table.subscribe("a", QOS1, 'a', None, u64::MAX).unwrap();
            exchange(table, &[1]);
            table
                .subscribe(
                    "a",
                    SubscribeOptions { qos1: false },
                    'b',
                    Some(1),
                    u64::MAX,
                )
                .unwrap();
            assert_eq!(exchange(table, &[0]), [Told::Done(1, 0)]);
            assert_eq!(table.next_match("a", 0), Some((0, 'b')));
            assert_eq!(table.next_match("a", 1), None);
        });
    }

    #[test]
    fn operations_end_in_their_time() {
        with_table(|table| {
            table.subscribe("a", QOS1, 'a', Some(1), 100).unwrap();
            assert_eq!(table.next_expiry(), 100);
            assert_eq!(settle(table, 99), []);
            assert_eq!(settle(table, 100), [Told::Expired(1)]);
            assert_eq!(settle(table, 100), []);
            assert_eq!(batch(table), None, "it is not wanted any more");
            table.subscribe("a", QOS1, 'a', Some(2), u64::MAX).unwrap();
            exchange(table, &[1]);
            table.unsubscribe("a", Some(3), 200).unwrap();
            assert_eq!(settle(table, 200), [Told::Expired(3)]);
            assert!(batch(table).unwrap().0.leaving, "it is left all the same");
            table.cancel();
        });
    }

    #[test]
    fn what_is_open_at_the_end_is_cancelled() {
        with_table(|table| {
            table.subscribe("a", QOS1, 'a', Some(1), 100).unwrap();
            table.unsubscribe("a", Some(2), 100).unwrap();
            assert_eq!(table.cancel(), Some(1));
            assert_eq!(table.cancel(), Some(2));
            assert_eq!(table.cancel(), None);
        });
    }
}
