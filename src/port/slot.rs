//! Where one Thing notes, during one poll, when it must be polled again and what it waits for.

use core::cell::Cell;

/// What the socket is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Bytes from the peer.
    Read,
    /// Room for bytes to the peer.
    Write,
}

/// Filled in while a poll runs, read when it is over. Only the polling thread touches it.
///
/// There is no timer queue: every future that waits for a moment names it again in every poll, so
/// the earliest moment named during one poll is the Thing's next deadline.
#[derive(Debug)]
pub struct PollSlot {
    deadline: Cell<u64>,
    woken: Cell<bool>,
    budget: Cell<u16>,
    interest: Cell<u32>,
    now: Cell<u64>,
    changes: Cell<u32>,
}

/// Steps (socket calls and messages) in one poll. It bounds the time a poll takes when the peer
/// sends faster than the device can work; what is left is done in the next poll, which is asked
/// for at once.
const STEPS_PER_POLL: u16 = 64;

/// Bytes that take as much of the budget as a step: 16 KB in one poll.
const BYTES_PER_STEP: usize = 256;

impl PollSlot {
    /// A slot that waits for nothing.
    pub const fn new() -> Self {
        Self {
            deadline: Cell::new(u64::MAX),
            woken: Cell::new(false),
            budget: Cell::new(0),
            interest: Cell::new(0),
            now: Cell::new(0),
            changes: Cell::new(0),
        }
    }

    /// Starts a poll at `now`, in milliseconds of the library's clock, after so many changes from
    /// outside.
    pub fn arm(&self, now: u64, changes: u32) {
        self.now.set(now);
        self.changes.set(changes);
        self.deadline.set(u64::MAX);
        self.woken.set(false);
        self.budget.set(STEPS_PER_POLL);
        self.interest.set(0);
    }

    /// When the poll began, or when it was noted that it has taken long.
    ///
    /// Reading the clock is a call of the port inside the critical section, so whether a deadline has
    /// passed is judged by this. New deadlines are counted from the clock itself.
    pub fn now(&self) -> u64 {
        self.now.get()
    }

    /// The poll has taken long: it is `now`.
    pub fn note_time(&self, now: u64) {
        self.now.set(now);
    }

    /// So many changes were looked at.
    pub fn note_changes(&self, changes: u32) {
        self.changes.set(changes);
    }

    /// How many changes were looked at.
    pub fn changes(&self) -> u32 {
        self.changes.get()
    }

    /// Poll again at `at`, in milliseconds of the library's clock.
    pub fn wake_at(&self, at: u64) {
        if at < self.deadline.get() {
            self.deadline.set(at);
        }
    }

    /// Poll again at once.
    pub fn wake(&self) {
        self.woken.set(true);
    }

    /// Takes one step from the poll's budget; `false` when it is used up, and then the next poll
    /// is asked for.
    pub fn step(&self) -> bool {
        match self.budget.get().checked_sub(1) {
            Some(left) => {
                self.budget.set(left);
                true
            }
            None => {
                self.wake();
                false
            }
        }
    }

    /// Takes what it costs to work on so many received bytes: with TLS they are decrypted, and a whole
    /// window of them may be waiting.
    pub fn received(&self, bytes: usize) {
        let steps = u16::try_from(bytes / BYTES_PER_STEP).unwrap_or(u16::MAX);
        self.budget.set(self.budget.get().saturating_sub(steps));
    }

    /// The poll's budget is used up: not everything that could be read was read.
    pub fn is_spent(&self) -> bool {
        self.budget.get() == 0
    }

    /// The socket was found not ready.
    pub fn want(&self, interest: Interest) {
        let bit = match interest {
            Interest::Read => 1,
            Interest::Write => 2,
        };
        self.interest.set(self.interest.get() | bit);
    }

    /// The interest of the last poll: bit 0 read, bit 1 write.
    pub fn interest(&self) -> u32 {
        self.interest.get()
    }

    /// Milliseconds from `now` to the next poll; `None` when nothing but I/O or a call can wake it.
    pub fn remaining(&self, now: u64) -> Option<u64> {
        if self.woken.get() {
            return Some(0);
        }
        match self.deadline.get() {
            u64::MAX => None,
            at => Some(at.saturating_sub(now)),
        }
    }
}

impl Default for PollSlot {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_counts() {
        let slot = PollSlot::new();
        slot.arm(7, 0);
        assert_eq!(slot.remaining(5), None);
        slot.wake_at(30);
        slot.wake_at(20);
        slot.wake_at(25);
        assert_eq!(slot.remaining(5), Some(15));
        assert_eq!(slot.remaining(50), Some(0));
        slot.arm(7, 0);
        assert_eq!(slot.remaining(5), None);
    }

    #[test]
    fn a_used_up_budget_asks_for_the_next_poll() {
        let slot = PollSlot::new();
        slot.arm(7, 0);
        for _ in 0..STEPS_PER_POLL {
            assert!(slot.step());
        }
        assert_eq!(slot.remaining(0), None);
        assert!(!slot.step());
        assert_eq!(slot.remaining(0), Some(0));
        slot.arm(0, 0);
        slot.received(255);
        slot.received(63 * 256);
        assert!(slot.step() && slot.is_spent() && !slot.step());
        slot.arm(0, 0);
        slot.received(usize::MAX);
        assert!(slot.is_spent());
    }
}
