//! How long frames take: histograms of the program's own work.

use std::{collections::VecDeque, time::Duration};

/// Buckets from 10 µs on, each 2^(1/8) times the one before: quantiles are right to 9 %, up to 10 s.
const BUCKETS: usize = 160;
const SMALLEST_MS: f64 = 0.01;
const PER_OCTAVE: f64 = 8.0;

/// A histogram of durations.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    largest_ms: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
            largest_ms: 0.0,
        }
    }
}

impl Histogram {
    /// Adds a duration.
    pub fn add(&mut self, time: Duration) {
        let ms = time.as_secs_f64() * 1e3;
        let bucket = (ms / SMALLEST_MS).max(1.0).log2() * PER_OCTAVE;
        self.counts[(bucket as usize).min(BUCKETS - 1)] += 1;
        self.largest_ms = self.largest_ms.max(ms);
    }

    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Milliseconds that a share `q` of the durations stay below; 0 without any.
    pub fn quantile_ms(&self, q: f64) -> f64 {
        let rank = (q * self.count() as f64).ceil() as u64;
        let mut seen = 0;
        for (i, &n) in self.counts.iter().enumerate() {
            seen += n;
            if n > 0 && seen >= rank {
                let upper = SMALLEST_MS * ((i + 1) as f64 / PER_OCTAVE).exp2();
                return upper.min(self.largest_ms);
            }
        }
        0.0
    }

    /// Milliseconds of the longest.
    pub fn largest_ms(&self) -> f64 {
        self.largest_ms
    }

    /// `p50 2.1  p95 4.0  max 9.7 ms`.
    pub fn summary(&self) -> String {
        let (p50, p95) = (self.quantile_ms(0.5), self.quantile_ms(0.95));
        format!("p50 {p50:6.2}  p95 {p95:6.2}  max {:6.2} ms", self.largest_ms)
    }
}

/// The parts of a frame.
#[derive(Clone, Debug, Default)]
pub struct FrameTimes {
    /// Taking in events and letting time pass.
    pub logic: Histogram,
    /// Layout of the interface and everything it draws.
    pub ui: Histogram,
    /// Tessellation, upload and submission, without waiting for the screen.
    pub paint: Histogram,
    /// All together.
    pub total: Histogram,
    /// From the input to the screen: with what the renderer draws, and the wait for the screen.
    pub whole: Histogram,
    /// Seconds of the latest frames, for the rate.
    shown: VecDeque<f64>,
    /// Logic and layout of the newest frame.
    last: Duration,
}

impl FrameTimes {
    /// A frame was laid out at `now` (seconds of any clock). `before` is all work of the frame before, where it is known.
    pub fn frame(&mut self, now: f64, logic: Duration, ui: Duration, before: Option<Duration>) {
        self.logic.add(logic);
        self.ui.add(ui);
        if let Some(work) = before.filter(|_| self.last > Duration::ZERO) {
            self.paint.add(work.saturating_sub(self.last));
            self.total.add(work);
        }
        self.last = logic + ui;
        self.shown.push_back(now);
        while self.shown.front().is_some_and(|&t| t < now - 1.0) {
            self.shown.pop_front();
        }
    }

    /// Frames within the second before the newest frame.
    pub fn per_second(&self) -> usize {
        self.shown.len()
    }

    /// One line a part.
    pub fn report(&self) -> Vec<String> {
        let line = |name: &str, h: &Histogram| format!("{name:<8}{}", h.summary());
        vec![
            format!("frames  {}", self.ui.count()),
            line("logic", &self.logic),
            line("layout", &self.ui),
            line("paint", &self.paint),
            line("total", &self.total),
            line("whole", &self.whole),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_bucket() {
        let mut h = Histogram::default();
        for ms in 1..=100 {
            h.add(Duration::from_millis(ms));
        }
        for (q, expected) in [(0.5, 50.0), (0.95, 95.0), (1.0, 100.0)] {
            let found = h.quantile_ms(q);
            assert!((expected..=expected * 1.1).contains(&found), "{q}: {found}");
        }
        assert_eq!(Histogram::default().quantile_ms(0.5), 0.0);
    }

    #[test]
    fn paint_is_what_is_left_of_the_frame_before() {
        let mut times = FrameTimes::default();
        let ms = Duration::from_millis;
        times.frame(0.0, ms(1), ms(2), None);
        times.frame(0.1, ms(5), ms(5), Some(ms(10)));
        assert_eq!([times.paint.largest_ms(), times.total.largest_ms()], [7.0, 10.0]);
    }

    #[test]
    fn the_rate_counts_the_last_second() {
        let mut times = FrameTimes::default();
        let ms = Duration::from_millis(1);
        for i in 0..100 {
            times.frame(f64::from(i) / 10.0, ms, ms, None);
        }
        assert_eq!(times.per_second(), 11);
        times.frame(60.0, ms, ms, None);
        assert_eq!(times.per_second(), 1);
    }
}
