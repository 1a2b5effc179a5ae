//! When to read the whole shadow, to find the requests that were missed. Times are milliseconds of
//! any clock that does not go back.

use super::Token;

/// The shadow is not read more often than this: AWS IoT counts every read.
const INTERVAL_MS: u64 = 1_000;
/// Pause after a failure; it doubles with each further one, up to 64 times.
const RETRY_MS: u64 = 10_000;
const MAX_DOUBLINGS: u32 = 6;

/// The state of reading the shadow.
#[derive(Clone, Copy, Debug)]
pub struct Fetch {
    stage: Stage,
    /// Asked for while another one was under way.
    again: bool,
    not_before: u64,
    failures: u32,
    /// The highest version of a request that arrived while the shadow was being read.
    newest: u64,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Idle,
    Due,
    Open(Token),
}

impl Fetch {
    /// Nothing to read.
    pub const NEW: Self = Self {
        stage: Stage::Idle,
        again: false,
        not_before: 0,
        failures: 0,
        newest: 0,
    };

    /// A request may have been missed.
    pub fn want(&mut self) {
        match self.stage {
            Stage::Open(_) => self.again = true,
            Stage::Idle | Stage::Due => self.stage = Stage::Due,
        }
    }

    /// Nobody wants to know any more, or what is under way is lost.
    pub fn forget(&mut self) {
        self.stage = Stage::Idle;
        self.again = false;
    }

    /// Whether to ask, now or later.
    pub fn is_wanted(&self) -> bool {
        matches!(self.stage, Stage::Due)
    }

    /// Whether to ask now.
    pub fn is_due(&self, now: u64) -> bool {
        self.is_wanted() && self.not_before <= now
    }

    /// It was asked for with this token.
    pub fn asked(&mut self, token: Token, now: u64) {
        self.stage = Stage::Open(token);
        self.again = false;
        self.newest = 0;
        self.not_before = now.saturating_add(INTERVAL_MS);
    }

    /// Whether it is asked for or about to be, for the first time.
    pub fn is_pending(&self) -> bool {
        !matches!(self.stage, Stage::Idle) && self.failures == 0
    }

    /// Whether this token is that of the one under way.
    pub fn is_answer(&self, token: Token) -> bool {
        matches!(self.stage, Stage::Open(open) if open == token)
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

    /// The service refused, or did not answer: it is asked again, later.
    pub fn failed(&mut self, now: u64) {
        let doublings = self.failures.min(MAX_DOUBLINGS);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.saturating_add(RETRY_MS << doublings);
        self.stage = Stage::Due;
    }

    /// When it has to be asked for; `None` when it has not, or at once: then only room was missing,
    /// and whatever makes room is a reason to look again.
    pub fn wake_at(&self, now: u64) -> Option<u64> {
        (self.is_wanted() && self.not_before > now).then_some(self.not_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token = Token::new(1, 1);

    #[test]
    fn reads_once_a_second_at_most() {
        let mut fetch = Fetch::NEW;
        assert!(!fetch.is_due(0));
        fetch.want();
        assert!(fetch.is_due(0));
        fetch.asked(TOKEN, 0);
        assert!(fetch.is_answer(TOKEN) && !fetch.is_answer(Token::new(1, 2)));
        fetch.want();
        assert!(fetch.answered(3));
        assert!(!fetch.is_due(999));
        assert_eq!(fetch.wake_at(999), Some(1_000));
        assert!(fetch.is_due(1_000));
        assert_eq!(fetch.wake_at(1_000), None);
    }

    #[test]
    fn an_answer_older_than_what_came_meanwhile_is_read_again() {
        let mut fetch = Fetch::NEW;
        fetch.want();
        fetch.asked(TOKEN, 0);
        fetch.saw(7);
        assert!(!fetch.answered(6));
        assert!(fetch.is_due(1_000));
        fetch.asked(TOKEN, 1_000);
        assert!(
            fetch.answered(6),
            "what came before this one does not count"
        );
        assert!(!fetch.is_due(u64::MAX));
    }

    #[test]
    fn failures_are_retried_less_and_less_often() {
        let mut fetch = Fetch::NEW;
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            fetch.want();
            fetch.asked(TOKEN, now);
            fetch.failed(now);
            let next = fetch.wake_at(now).unwrap();
            pauses.push((next - now) / 1_000);
            now = next;
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 640, 640]);
        fetch.asked(TOKEN, now);
        assert!(fetch.answered(1));
        fetch.want();
        fetch.asked(TOKEN, now);
        fetch.failed(now);
        assert_eq!(fetch.wake_at(now), Some(now + 10_000), "it starts over");
    }
}
