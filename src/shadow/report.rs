//! When the table of properties is reported. Times are milliseconds of any clock that does not go
//! back.

/// Pause after a report that failed; it doubles with each further one, up to 64 times.
const RETRY_MS: u64 = 5_000;
const MAX_DOUBLINGS: u32 = 6;

/// The state of reporting.
#[derive(Clone, Copy, Debug)]
pub struct Reporter {
    /// Changes are collected for so long.
    pub interval_ms: u32,
    /// Everything is reported when the session is new, not only what differs.
    pub all: bool,
    /// Set from anywhere: something was changed.
    pub changed: bool,
    due: Option<u64>,
    not_before: u64,
    open: bool,
    failures: u32,
}

impl Reporter {
    /// Nothing to report.
    pub const NEW: Self = Self {
        interval_ms: 0,
        all: false,
        changed: false,
        due: None,
        not_before: 0,
        open: false,
        failures: 0,
    };

    /// Takes note of changes made from anywhere.
    pub fn collect(&mut self, now: u64) {
        if core::mem::take(&mut self.changed) {
            let at = now.saturating_add(u64::from(self.interval_ms));
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// Whether there is anything to report, now or later.
    pub fn is_waiting(&self) -> bool {
        self.due.is_some()
    }

    /// The cloud waits for a report.
    pub fn hurry(&mut self, now: u64) {
        self.due = Some(now);
    }

    /// Whether to report now.
    pub fn is_due(&self, now: u64) -> bool {
        !self.open && self.due.is_some_and(|due| due.max(self.not_before) <= now)
    }

    /// A report is under way.
    pub fn sent(&mut self) {
        self.open = true;
        self.due = None;
    }

    /// There was nothing to say.
    pub fn idle(&mut self) {
        self.due = None;
    }

    /// The report was accepted, or refused for good. What did not fit into it is due.
    pub fn ended(&mut self, now: u64) {
        self.open = false;
        self.failures = 0;
        self.due.get_or_insert(now);
    }

    /// The report failed, and is to be made again, later.
    pub fn failed(&mut self, now: u64) {
        let doublings = self.failures.min(MAX_DOUBLINGS);
        self.open = false;
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.saturating_add(RETRY_MS << doublings);
        self.due = Some(now);
    }

    /// When it is due; `None` when it is not, or at once: then only room was missing.
    pub fn wake_at(&self, now: u64) -> Option<u64> {
        let at = self.due?.max(self.not_before);
        (!self.open && at > now).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_collected() {
        let mut reporter = Reporter {
            interval_ms: 500,
            ..Reporter::NEW
        };
        reporter.collect(0);
        assert_eq!(reporter.wake_at(0), None);
        reporter.changed = true;
        reporter.collect(100);
        reporter.changed = true;
        reporter.collect(300);
        assert_eq!(reporter.wake_at(300), Some(600), "from the first one on");
        assert!(reporter.is_waiting() && !reporter.is_due(599) && reporter.is_due(600));
        reporter.sent();
        reporter.changed = true;
        reporter.collect(700);
        assert!(!reporter.is_due(9_999), "one at a time");
        reporter.ended(800);
        assert!(!reporter.is_due(1_199) && reporter.is_due(1_200));
        reporter.idle();
        assert_eq!(reporter.wake_at(0), None);
    }

    #[test]
    fn failures_are_retried_less_and_less_often() {
        let mut reporter = Reporter::NEW;
        let mut now = 0;
        let mut pauses = Vec::new();
        reporter.hurry(now);
        for _ in 0..8 {
            assert!(reporter.is_due(now));
            reporter.sent();
            reporter.failed(now);
            let next = reporter.wake_at(now).unwrap();
            pauses.push((next - now) / 1000);
            now = next;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 320]);
    }
}
