//! Averaged weights: samples are made with these.

use rayon::prelude::*;

/// Exponential moving average of flat weights with warm-up, so that the start is forgotten. The fields are the whole state.
#[derive(Clone, Debug, PartialEq)]
pub struct Ema {
    /// The averaged weights.
    pub weights: Vec<f32>,
    /// Updates made so far.
    pub updates: u64,
    /// Largest decay, `0..1`; 0 makes the average equal to the latest weights. May be changed between updates.
    pub decay: f64,
}

impl Ema {
    /// Starts at the initial weights.
    pub fn new(weights: Vec<f32>, decay: f64) -> Self {
        Self {
            weights,
            updates: 0,
            decay,
        }
    }

    /// The decay of the next update, the `n`-th from 0: `min(decay, (1 + n) / (10 + n))`.
    pub fn next_decay(&self) -> f64 {
        let n = self.updates as f64;
        self.decay.min((1.0 + n) / (10.0 + n))
    }

    /// Takes in the weights after a training step.
    pub fn update(&mut self, params: &[f32]) {
        let share = (1.0 - self.next_decay()) as f32;
        let pairs = self.weights.par_iter_mut().zip(params).with_min_len(1 << 14);
        pairs.for_each(|(w, &p)| *w += (p - *w) * share);
        self.updates += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decay_warms_up() {
        let mut ema = Ema::new(vec![0.0], 0.5);
        let decays: Vec<f64> = (0..12)
            .map(|_| {
                let decay = ema.next_decay();
                ema.update(&[1.0]);
                decay
            })
            .collect();
        assert_eq!((decays[0], decays[1], decays[11]), (0.1, 2.0 / 11.0, 0.5));
        let start_left: f64 = decays.iter().product();
        assert!((f64::from(1.0 - ema.weights[0]) - start_left).abs() < 1e-6);
    }

    #[test]
    fn without_decay_the_average_is_the_latest() {
        let mut ema = Ema::new(vec![5.0, -3.0], 0.0);
        ema.update(&[0.25, 7.0]);
        assert_eq!(ema.weights, [0.25, 7.0]);
    }
}
