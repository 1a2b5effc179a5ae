//! The shadows that are open: a list of places in the memory of whoever opened them, so there can
//! be any number.

use crate::mqtt::FILTERS_PER_SUBSCRIBE;
use crate::shadow::topic::{Filters, Name};
use crate::shadow::{Reporter, State};

/// Names an open shadow. Never used again.
pub type ShadowId = u32;

/// One open shadow. `S` names who opened it.
pub struct Node<'m, S> {
    next: Option<&'m mut Self>,
    id: ShadowId,
    name: Option<&'m str>,
    /// Who opened it.
    pub owner: S,
    /// What it remembers.
    pub state: State,
    /// When its properties are reported.
    pub reporter: Reporter,
}

impl<'m, S> Node<'m, S> {
    /// A shadow to be opened; `name` is `None` for the classic one.
    pub fn new(name: Option<&'m str>, owner: S, persistent: bool) -> Self {
        Self {
            next: None,
            id: 0,
            name,
            owner,
            state: State::new(persistent),
            reporter: Reporter::NEW,
        }
    }

    /// Which one it is.
    pub fn id(&self) -> ShadowId {
        self.id
    }

    /// Whether there is something to queue for it.
    pub fn has_to_queue(&self, now: u64) -> bool {
        self.state.may_fetch(now) || self.may_report(now)
    }

    /// Whether its properties are to be reported now.
    pub fn may_report(&self, now: u64) -> bool {
        self.reporter.is_due(now) && self.state.is_read()
    }

    /// Its name; `None` for the classic one.
    pub fn name(&self) -> Option<&'m str> {
        self.name
    }
}

/// A filter of a shadow in a packet to be sent.
pub type Part = (ShadowId, Filters);

/// All open shadows.
pub struct Shadows<'m, S> {
    first: Option<&'m mut Node<'m, S>>,
    last_id: ShadowId,
}

impl<S> Default for Shadows<'_, S> {
    fn default() -> Self {
        Self {
            first: None,
            last_id: 0,
        }
    }
}

impl<'m, S> Shadows<'m, S> {
    /// Opens a shadow.
    pub fn open(&mut self, node: &'m mut Node<'m, S>) -> ShadowId {
        self.last_id = self.last_id.wrapping_add(1);
        node.id = self.last_id;
        node.next = self.first.take();
        self.first = Some(node);
        self.last_id
    }

    /// Closes a shadow: its place is free again. Returns whether there was one.
    pub fn close(&mut self, id: ShadowId) -> bool {
        // Taken apart and put together without it; the order does not matter.
        let mut rest = self.first.take();
        let mut found = false;
        while let Some(node) = rest {
            rest = node.next.take();
            if node.id == id {
                found = true;
            } else {
                node.next = self.first.take();
                self.first = Some(node);
            }
        }
        found
    }

    /// An open shadow.
    pub fn get(&mut self, id: ShadowId) -> Option<&mut Node<'m, S>> {
        let mut at = self.first.as_deref_mut();
        while let Some(node) = at {
            if node.id == id {
                return Some(node);
            }
            at = node.next.as_deref_mut();
        }
        None
    }

    /// The shadow with the next higher number than `after` that `is` recognises. So each is seen
    /// once, whatever is opened and closed meanwhile.
    pub fn next(
        &self,
        after: Option<ShadowId>,
        is: impl Fn(&Node<'m, S>) -> bool,
    ) -> Option<ShadowId> {
        self.iter()
            .filter(|node| after.is_none_or(|after| node.id > after) && is(node))
            .map(|node| node.id)
            .min()
    }

    /// Does something with each.
    pub fn each(&mut self, mut work: impl FnMut(&mut Node<'m, S>)) {
        let mut at = self.first.as_deref_mut();
        while let Some(node) = at {
            work(node);
            at = node.next.as_deref_mut();
        }
    }

    /// Whether there is something to queue for one of them, and when there will be; `u64::MAX`: never.
    pub fn look(&mut self, now: u64) -> (bool, u64) {
        let mut due = false;
        let mut at = u64::MAX;
        self.each(|node| {
            node.reporter.collect(now);
            // Mostly there is neither.
            if node.reporter.is_waiting() || node.state.fetch.is_wanted() {
                let times = [node.state.fetch.wake_at(now), node.reporter.wake_at(now)];
                at = times.iter().flatten().fold(at, |at, time| at.min(*time));
                due |= node.has_to_queue(now);
            }
        });
        (due, at)
    }

    fn iter(&self) -> impl Iterator<Item = &Node<'m, S>> {
        core::iter::successors(self.first.as_deref(), |node| node.next.as_deref())
    }

    // ---- subscriptions ------------------------------------------------------------------------

    /// Whether there may be filters to leave or to ask for.
    pub fn any_due(&self) -> bool {
        self.iter().any(|node| !node.state.is_settled())
    }

    /// Collects filters to leave or to ask for, as many as there is room for and `write` takes.
    pub fn batch(
        &self,
        thing: &str,
        leaving: bool,
        batch: &mut heapless::Vec<Part, FILTERS_PER_SUBSCRIBE>,
        mut write: impl FnMut(Name<'_>, &str) -> Option<()>,
    ) {
        for node in self.iter() {
            let filters = match leaving {
                true => self.not_shared(node, node.state.superfluous()),
                false => node.state.missing(),
            };
            let name = Name {
                thing,
                shadow: node.name,
            };
            for (filter, end) in filters.each() {
                if batch.is_full() || write(name, end).is_none() {
                    return;
                }
                // It is not full.
                let _ = batch.push((node.id, filter));
            }
        }
    }

    /// Without the filters that another handle for the same shadow has.
    fn not_shared(&self, one: &Node<'m, S>, filters: Filters) -> Filters {
        self.iter()
            .filter(|other| other.id != one.id && other.name == one.name)
            .fold(filters, |left, other| left.without(other.state.held()))
    }

    /// The packet was sent.
    pub fn asked(&mut self, batch: &[Part], leaving: bool) {
        for (id, filter) in batch {
            if let Some(node) = self.get(*id) {
                match leaving {
                    true => node.state.unsubscribing(*filter),
                    false => node.state.subscribing(*filter),
                }
            }
        }
    }

    /// How many filters are confirmed or asked for.
    pub fn filters(&self) -> usize {
        self.iter().map(|node| node.state.held().len()).sum()
    }

    /// Whether everything that is needed is confirmed, but for what the broker refused.
    pub fn complete(&self) -> bool {
        self.iter().all(|node| node.state.unconfirmed().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::topic::Operation;

    fn node(name: Option<&'static str>) -> &'static mut Node<'static, u8> {
        Box::leak(Box::new(Node::new(name, 0, false)))
    }

    fn topics(
        shadows: &Shadows<'_, u8>,
        leaving: bool,
    ) -> (heapless::Vec<Part, FILTERS_PER_SUBSCRIBE>, Vec<String>) {
        let mut batch = heapless::Vec::new();
        let mut list = Vec::new();
        shadows.batch("t", leaving, &mut batch, |name, end| {
            let mut text = [0; 256];
            let len = name.topic(end, &mut text).unwrap();
            list.push(String::from_utf8(text[..len].to_vec()).unwrap());
            Some(())
        });
        (batch, list)
    }

    #[test]
    fn each_is_seen_once_whatever_is_opened_and_closed() {
        let mut shadows = Shadows::default();
        let a = shadows.open(node(None));
        let b = shadows.open(node(Some("b")));
        let c = shadows.open(node(Some("b")));
        assert_eq!(shadows.get(b).unwrap().name(), Some("b"));
        assert_eq!(shadows.next(None, |_| true), Some(a));
        assert_eq!(shadows.next(Some(a), |_| true), Some(b));
        assert!(shadows.close(b) && !shadows.close(b));
        assert_eq!(shadows.next(Some(b), |_| true), Some(c));
        assert_eq!(shadows.next(None, |n| n.name() == Some("b")), Some(c));
        assert!(shadows.get(b).is_none());
        let d = shadows.open(node(None));
        assert_eq!(shadows.next(Some(c), |_| true), Some(d));
        assert_eq!(shadows.next(Some(d), |_| true), None);
    }

    #[test]
    fn filters_of_many_shadows_go_into_few_packets() {
        let mut shadows = Shadows::default();
        let ids: Vec<_> = [None, Some("a"), Some("b")]
            .map(|name| shadows.open(node(name)))
            .into();
        for id in &ids {
            let state = &mut shadows.get(*id).unwrap().state;
            state.listen_to_deltas(true);
            state.opened(Operation::Update);
        }
        assert!(!shadows.complete());
        let (first, list) = topics(&shadows, false);
        assert_eq!(list.len(), FILTERS_PER_SUBSCRIBE);
        shadows.asked(&first, false);
        let (second, list) = topics(&shadows, false);
        assert_eq!(list.len(), 15 - FILTERS_PER_SUBSCRIBE);
        shadows.asked(&second, false);
        assert!(topics(&shadows, false).0.is_empty());
        for (id, filter) in first.iter().chain(&second) {
            shadows.get(*id).unwrap().state.subscribed(*filter);
        }
        assert!(shadows.complete());
    }

    #[test]
    fn what_another_handle_has_is_not_left() {
        let mut shadows = Shadows::default();
        let ids = [0, 1].map(|_| shadows.open(node(Some("a"))));
        let update = Filters::answers_to(Operation::Update);
        for id in ids {
            let state = &mut shadows.get(id).unwrap().state;
            state.opened(Operation::Update);
            state.subscribed(update);
        }
        shadows.get(ids[0]).unwrap().state.closed(Operation::Update);
        assert!(topics(&shadows, true).0.is_empty());
        shadows.get(ids[1]).unwrap().state.closed(Operation::Update);
        let (batch, list) = topics(&shadows, true);
        assert_eq!(list.len(), 4, "now both leave");
        shadows.asked(&batch, true);
    }
}
