//! When to read the whole shadow, to find the requests that were missed. Time comes in as a value.

use embassy_time::{Duration, Instant};

use crate::mqtt::Ticket;
use crate::shadow::Token;

/// The shadow is not read more often than this: AWS IoT counts every read.
const INTERVAL: Duration = Duration::from_secs(1);
/// Pause after a failure; it doubles with each further one, up to 64 times.
const RETRY: Duration = Duration::from_secs(10);
const MAX_DOUBLINGS: u32 = 6;

/// The state of reading the shadow.
#[derive(Debug)]
pub struct Fetch {
    stage: Stage,
    /// Asked for while another one was under way.
    again: bool,
    not_before: Instant,
    failures: u32,
    /// The highest version of a request that arrived while the shadow was being read.
    newest: u64,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Idle,
    Due,
    Open(Open),
}

/// A read that is under way.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    token: Token,
    /// Its PUBLISH.
    pub ticket: Ticket,
    /// When the broker must have acknowledged it; `None` when it has.
    pub ack_by: Option<Instant>,
    answer_by: Instant,
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            stage: Stage::Idle,
            again: false,
            not_before: Instant::MIN,
            failures: 0,
            newest: 0,
        }
    }
}

impl Fetch {
    /// A request may have been missed.
    pub fn want(&mut self) {
        match self.stage {
            Stage::Open(_) => self.again = true,
            Stage::Idle | Stage::Due => self.stage = Stage::Due,
        }
    }

    /// The session is lost, and with it the answer.
    pub fn forget(&mut self) {
        self.stage = Stage::Idle;
        self.again = false;
    }

    /// Whether to ask now.
    pub fn is_due(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::Due) && self.not_before <= now
    }

    /// It was asked for.
    pub fn sent(
        &mut self,
        token: Token,
        ticket: Ticket,
        now: Instant,
        ack_by: Instant,
        answer_by: Instant,
    ) {
        self.stage = Stage::Open(Open {
            token,
            ticket,
            ack_by: Some(ack_by),
            answer_by,
        });
        self.again = false;
        self.newest = 0;
        self.not_before = now + INTERVAL;
    }

    /// The one under way.
    pub fn open(&self) -> Option<Open> {
        match self.stage {
            Stage::Open(open) => Some(open),
            Stage::Idle | Stage::Due => None,
        }
    }

    /// The broker has acknowledged it.
    pub fn acknowledged(&mut self) {
        if let Stage::Open(open) = &mut self.stage {
            open.ack_by = None;
        }
    }

    /// The connection is new, and the session was kept: what is under way is sent again.
    pub fn resent(&mut self, acked_by: Instant, answered_by: Instant) {
        if let Stage::Open(open) = &mut self.stage {
            open.ack_by = open.ack_by.map(|_| acked_by);
            open.answer_by = answered_by;
        }
    }

    /// Whether the answer is overdue; then it is asked for again, later.
    pub fn expire(&mut self, now: Instant) -> bool {
        let overdue = self.open().is_some_and(|open| open.answer_by <= now);
        if overdue {
            self.failed(now);
        }
        overdue
    }

    /// Whether this token is that of the one under way.
    pub fn is_answer(&self, token: Option<Token>) -> bool {
        match (self.open(), token) {
            (Some(open), Some(token)) => open.token == token,
            _ => false,
        }
    }

    /// A live request of this version has arrived.
    pub fn saw(&mut self, version: u64) {
        self.newest = self.newest.max(version);
    }

    /// The shadow was read at this version. `false`: a live request was newer, so this is not how
    /// things stand; it is read again.
    pub fn answered(&mut self, version: u64) -> bool {
        let current = version >= self.newest;
        self.failures = 0;
        self.stage = if self.again || !current {
            Stage::Due
        } else {
            Stage::Idle
        };
        current
    }

    /// The service refused, or did not answer.
    pub fn failed(&mut self, now: Instant) {
        let doublings = self.failures.min(MAX_DOUBLINGS);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + RETRY * (1 << doublings);
        self.stage = Stage::Due;
    }

    /// When something has to be done about it, if it can be asked for at all.
    pub fn wake_at(&self, now: Instant, can_ask: bool) -> Option<Instant> {
        match self.stage {
            Stage::Idle => None,
            // Its moment has come and it was not taken: there was no room, and progress, which ends
            // the wait, makes some.
            Stage::Due => (can_ask && self.not_before > now).then_some(self.not_before),
            Stage::Open(open) => Some(open.answer_by),
        }
    }
}
