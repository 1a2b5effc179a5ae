//! How long to wait before the next connection attempt.

use embassy_time::{Duration, Instant};

/// Full jitter (a random delay between 0 and a bound), the bound doubling with each failure up
/// to a cap. It is set back only by a connection that lasted: one that is accepted and dropped at
/// once is a failure too.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    base_ms: u32,
    cap_ms: u32,
    stable: Duration,
    bound_ms: u32,
    attempt: u32,
}

impl Backoff {
    /// The first bound is `base_ms`.
    pub fn new(base_ms: u32, cap_ms: u32, stable_ms: u32) -> Self {
        Self {
            base_ms,
            cap_ms: cap_ms.max(base_ms),
            stable: Duration::from_millis(u64::from(stable_ms)),
            bound_ms: base_ms,
            attempt: 0,
        }
    }

    /// The connection that came online at `since` has ended at `now`, perhaps because it was asked
    /// to.
    pub fn ended(&mut self, since: Instant, now: Instant, asked: bool) {
        if asked || now.saturating_duration_since(since) >= self.stable {
            self.bound_ms = self.base_ms;
            self.attempt = 0;
        }
    }

    /// Delays that were asked for since it was set back.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The delay before the next attempt, from a random number.
    pub fn next(&mut self, random: u32) -> Duration {
        let bound = self.bound_ms;
        self.attempt = self.attempt.saturating_add(1);
        self.bound_ms = bound.saturating_mul(2).min(self.cap_ms);
        let scaled = (u64::from(random) * (u64::from(bound) + 1)) >> 32;
        Duration::from_millis(scaled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_the_cap_and_stays_in_bounds() {
        let mut backoff = Backoff::new(1_000, 10_000, 20_000);
        for bound in [1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            let mut low = backoff;
            assert_eq!(low.next(0).as_millis(), 0);
            assert_eq!(backoff.next(u32::MAX).as_millis(), bound);
        }
    }

    #[test]
    fn only_a_stable_connection_sets_it_back() {
        let mut backoff = Backoff::new(1_000, 64_000, 20_000);
        backoff.next(0);
        backoff.next(0);
        let start = Instant::from_millis(5_000);
        backoff.ended(start, Instant::from_millis(24_999), false);
        assert_eq!(backoff.next(u32::MAX).as_millis(), 4_000);
        backoff.ended(start, Instant::from_millis(25_000), false);
        assert_eq!(backoff.next(u32::MAX).as_millis(), 1_000);
        backoff.ended(start, start, true);
        assert_eq!(backoff.next(u32::MAX).as_millis(), 1_000);
    }

    #[test]
    fn a_cap_below_the_base_is_the_base() {
        let mut backoff = Backoff::new(500, 1, 0);
        assert_eq!(backoff.next(u32::MAX).as_millis(), 500);
        assert_eq!(backoff.next(u32::MAX).as_millis(), 500);
    }
}
