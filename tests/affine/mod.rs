//! The whole distribution of what a sampler makes of a Gaussian, from one walk: there every sampler is an affine map of the
//! start and of each noise.

use std::sync::{Arc, Mutex};

use candle_core::{Device, Tensor};
use diffusion_studio::{
    diffusion::{Trajectory, oracle::Mixture, sampler},
    math::{Move, Spec, noise::NoiseSource, schedule::NoiseSchedule},
};

/// Sample 0 starts at 0 and sample 1 at 1, both without noise; every other sample starts at 0 and gets one unit of noise
/// in one draw.
pub(crate) struct OneByOne {
    draws: u64,
    asked: Arc<Mutex<u64>>,
}

impl OneByOne {
    /// For a sampler that draws so often in each move.
    pub(crate) fn new(draws: u64) -> Self {
        Self {
            draws,
            asked: Arc::default(),
        }
    }
}

impl NoiseSource for OneByOne {
    fn normals(&self, sample: u64, mv: u64, draw: u64, out: &mut [f32]) {
        let mut asked = self.asked.lock().unwrap();
        *asked = (*asked).max(draw + 1);
        out.fill(if sample == 2 + mv * self.draws + draw { 1.0 } else { 0.0 });
    }
}

/// Mean and standard deviation of the samples that a start of variance `start_var` (in the sampler's own scale) leads to,
/// where the data are N(0.3, 0.5²).
pub(crate) fn statistics(
    spec: &Spec,
    schedule: &Arc<dyn NoiseSchedule>,
    moves: &[Move],
    draws: u64,
    start_var: f64,
) -> (f64, f64) {
    let mut start = vec![0.0; 2 + moves.len() * draws as usize];
    start[1] = 1.0;
    let start = Tensor::from_slice(&start, (start.len(), 1), &Device::Cpu).unwrap();
    let noise = OneByOne::new(draws);
    let asked = noise.asked.clone();
    let walk = Trajectory::new(
        moves.to_vec(),
        sampler::build(spec).unwrap(),
        Box::new(Mixture::gaussian(vec![0.3], 0.5)),
        schedule.clone(),
        Box::new(noise),
        &start,
        0,
    );
    let last = walk.unwrap().map(Result::unwrap).last().unwrap().next;
    assert!(*asked.lock().unwrap() <= draws, "{}: more draws than expected", spec.id);
    let last: Vec<f64> = last.flatten_all().unwrap().to_vec1().unwrap();
    let variance: f64 = last[2..].iter().map(|v| (v - last[0]).powi(2)).sum();
    (last[0], (variance + start_var * (last[1] - last[0]).powi(2)).sqrt())
}
