//! Losses gathered into few messages, and the speed of training.

use std::time::Duration;

use super::{event::Progress, learner::Report};

/// Least time between two messages: about thirty a second.
const PAUSE: Duration = Duration::from_millis(33);

/// The speed is an average over about this many seconds.
const MEMORY: f64 = 3.0;

/// Gathers what the training steps report.
#[derive(Debug, Default)]
pub(super) struct Meter {
    pending: Progress,
    sent: Option<Duration>,
    secs: f64,
    /// Steps and seconds, both fading alike.
    recent: (f64, f64),
}

impl Meter {
    /// Goes on from `secs` of earlier training.
    pub(super) fn new(secs: f64) -> Self {
        Self {
            secs,
            ..Self::default()
        }
    }

    /// Time that the trainer used, for `steps` completed steps (0 or 1).
    pub(super) fn spend(&mut self, time: Duration, steps: f64) {
        let secs = time.as_secs_f64();
        let fade = (-secs / MEMORY).exp();
        self.secs += secs;
        self.recent = (self.recent.0 * fade + steps, self.recent.1 * fade + secs);
    }

    /// Takes in one step.
    pub(super) fn add(&mut self, report: &Report) {
        let pending = &mut self.pending;
        pending.losses.push((report.step, report.loss as f32));
        pending.by_level.extend(&report.by_level);
        pending.lr = report.lr;
        pending.grad_norm = report.grad_norm;
        pending.ema_decay = report.ema_decay;
    }

    /// Seconds of training so far, resumes included.
    pub(super) fn secs(&self) -> f64 {
        self.secs
    }

    /// Training steps per second, averaged over the last seconds.
    pub(super) fn steps_per_sec(&self) -> f64 {
        let (steps, secs) = self.recent;
        if secs > 0.0 { steps / secs } else { 0.0 }
    }

    /// The message that is due, if it is.
    pub(super) fn due(&mut self, now: Duration, steps_left: u64) -> Option<Progress> {
        let waited = self.sent.is_none_or(|sent| now.saturating_sub(sent) >= PAUSE);
        if waited { self.flush(now, steps_left) } else { None }
    }

    /// Everything gathered, if there is anything.
    pub(super) fn flush(&mut self, now: Duration, steps_left: u64) -> Option<Progress> {
        if self.pending.losses.is_empty() {
            return None;
        }
        self.sent = Some(now);
        let speed = self.steps_per_sec();
        let progress = std::mem::take(&mut self.pending);
        Some(Progress {
            steps_per_sec: speed,
            secs_left: if speed > 0.0 { steps_left as f64 / speed } else { 0.0 },
            secs: self.secs,
            ..progress
        })
    }

    /// Forgets the gathered steps beyond `step`.
    pub(super) fn rewind(&mut self, step: u64) {
        self.pending.losses.retain(|(s, _)| *s <= step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(step: u64) -> Report {
        Report {
            step,
            loss: 0.5,
            grad_norm: 1.0,
            lr: 1e-3,
            ema_decay: 0.9,
            by_level: Vec::new(),
            dissection: None,
        }
    }

    #[test]
    fn a_thousand_steps_a_second_make_thirty_messages() {
        let mut meter = Meter::new(0.0);
        let mut messages = Vec::new();
        for step in 1..=1000 {
            meter.spend(Duration::from_millis(1), 1.0);
            meter.add(&report(step));
            messages.extend(meter.due(Duration::from_millis(step), 1000 - step));
        }
        messages.extend(meter.flush(Duration::from_secs(1), 0));
        assert!((28..=32).contains(&messages.len()), "{}", messages.len());
        let steps: Vec<u64> = messages.iter().flat_map(|m| m.losses.iter().map(|(s, _)| *s)).collect();
        assert_eq!(steps, (1..=1000).collect::<Vec<_>>());
        assert!(
            (meter.steps_per_sec() - 1000.0).abs() < 1.0,
            "{}",
            meter.steps_per_sec()
        );
        assert!((meter.secs() - 1.0).abs() < 1e-9);
    }
}
