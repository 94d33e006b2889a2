//! Turning requests away before they wait: how far the process is behind its work is measured, not guessed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How often the delay is measured.
const EVERY: Duration = Duration::from_millis(100);
/// The delay counts when every one of the last measurements had it: one hiccup of the machine sheds nobody (as CoDel does, RFC 8289).
const MEASUREMENTS: usize = 5;
/// Signed-in users are turned away at this multiple of the delay at which strangers are.
const PATIENCE: u32 = 4;

/// Who is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shed {
    Nobody,
    Strangers,
    Everybody,
}

/// Knows how far the process is behind.
#[derive(Debug)]
pub(crate) struct Shedder {
    /// Milliseconds of delay from which on strangers are turned away; 0: never anybody.
    threshold: u32,
    delay: AtomicU32,
}

impl Shedder {
    pub(crate) fn new(threshold: u32) -> Self {
        Self { threshold, delay: AtomicU32::new(0) }
    }

    pub(crate) fn now(&self) -> Shed {
        let delay = self.delay_milliseconds();
        match self.threshold {
            0 => Shed::Nobody,
            threshold if delay >= threshold.saturating_mul(PATIENCE) => Shed::Everybody,
            threshold if delay >= threshold => Shed::Strangers,
            _ => Shed::Nobody,
        }
    }

    /// What work that becomes ready waits before it runs.
    pub(crate) fn delay_milliseconds(&self) -> u32 {
        self.delay.load(Ordering::Relaxed)
    }

    /// Measures for ever: how late a timer's task gets to run is how long everything else that is ready waits.
    pub(crate) async fn measure(&self) {
        let mut last = [0; MEASUREMENTS];
        for at in (0..MEASUREMENTS).cycle() {
            let begun = Instant::now();
            tokio::time::sleep(EVERY).await;
            let late = begun.elapsed().saturating_sub(EVERY);
            last[at] = u32::try_from(late.as_millis()).unwrap_or(u32::MAX);
            self.note(&last);
        }
    }

    fn note(&self, last: &[u32; MEASUREMENTS]) {
        self.delay.store(last.iter().copied().min().unwrap_or(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_delay_that_lasts_sheds_and_strangers_go_first() {
        let shedder = Shedder::new(500);
        shedder.note(&[9_000, 9_000, 9_000, 9_000, 3]);
        assert_eq!(shedder.now(), Shed::Nobody);
        shedder.note(&[900, 700, 500, 800, 9_000]);
        assert_eq!(shedder.now(), Shed::Strangers);
        shedder.note(&[2_000; MEASUREMENTS]);
        assert_eq!(shedder.now(), Shed::Everybody);
        let never = Shedder::new(0);
        never.note(&[u32::MAX; MEASUREMENTS]);
        assert_eq!(never.now(), Shed::Nobody);
    }
}
