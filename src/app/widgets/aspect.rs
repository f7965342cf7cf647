//! What one step of a trajectory can be looked at as: state, clean guess, noise guess, change.

use super::pictures::Spot;
use crate::{
    app::trajectories::TrajectoryView,
    draw::ColorMap,
    engine::event::StepFrame,
    math::{Frame, domain::unit_from_byte},
};

/// The steps of a reverse process, however many of them were kept.
pub trait Steps {
    /// The kept step nearest to `index`; `None` before the first one.
    fn step(&self, index: usize) -> Option<&StepFrame>;
    /// The newest kept step older than `index`.
    fn before(&self, index: usize) -> Option<&StepFrame>;
    /// Frames that can be reached so far: one more than the newest index.
    fn reached(&self) -> usize;
    /// Frames of the finished process.
    fn frames(&self) -> usize;
    /// The numbers under a spot where the bytes of the picture do not tell them, as in a picture of differences.
    fn reading(&self, _spot: Spot) -> Option<Vec<f32>> {
        None
    }
}

impl Steps for TrajectoryView {
    fn step(&self, index: usize) -> Option<&StepFrame> {
        self.at(index).map(|step| &**step)
    }
    fn before(&self, index: usize) -> Option<&StepFrame> {
        let after = self.steps.partition_point(|s| s.index < index);
        self.steps.get(after.checked_sub(1)?).map(|step| &**step)
    }
    fn reached(&self) -> usize {
        self.reached()
    }
    fn frames(&self) -> usize {
        self.frames()
    }
}

/// A whole path, as previews of a training bring it.
impl Steps for [StepFrame] {
    fn step(&self, index: usize) -> Option<&StepFrame> {
        self.get(index)
    }
    fn before(&self, index: usize) -> Option<&StepFrame> {
        self.get(index.checked_sub(1)?)
    }
    fn reached(&self) -> usize {
        self.len()
    }
    fn frames(&self) -> usize {
        self.len()
    }
}

/// One of the four views of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// `x_t`, the noisy state.
    State,
    /// `x̂0`, the clean sample as the network guesses it.
    Clean,
    /// `ε̂`, the noise as the network guesses it.
    Noise,
    /// How far each value moved since the step before.
    Change,
}

impl Aspect {
    /// All of them, in the order of the window.
    pub const ALL: [Self; 4] = [Self::State, Self::Clean, Self::Noise, Self::Change];

    /// Name in the window.
    pub fn label(self) -> &'static str {
        match self {
            Self::State => "State",
            Self::Clean => "Clean guess",
            Self::Noise => "Noise guess",
            Self::Change => "Change",
        }
    }

    /// Its symbol in formulas.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::State => "xₜ",
            Self::Clean => "x\u{302}₀",
            Self::Noise => "ε\u{302}",
            Self::Change => "Δx",
        }
    }

    /// One sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::State => "The state at the cursor: clean signal and noise, mixed as the noise level says",
            Self::Clean => "The finished sample as the network guesses it from this state alone",
            Self::Noise => "The noise that the network believes is in this state",
            Self::Change => "How far each value moved in the step that led here",
        }
    }

    /// The frame of step `index`, where it exists. The change is coloured by its size; see [`change_scale`].
    pub fn frame<S: Steps + ?Sized>(self, steps: &S, index: usize) -> Option<Frame> {
        let step = steps.step(index)?;
        Some(match self {
            Self::State => step.x.clone(),
            Self::Clean => step.x0.clone(),
            Self::Noise => step.eps.clone(),
            Self::Change => change(steps.before(step.index).map(|s| &s.x), &step.x),
        })
    }

    /// The value of a stored byte in sample units.
    pub fn value(self, byte: u8) -> f32 {
        match self {
            // The engine shows noise at a third of its size, so that three deviations fit the range of a picture.
            Self::Noise => 3.0 * unit_from_byte(byte),
            _ => unit_from_byte(byte),
        }
    }
}

/// The largest change that the colours of [`Aspect::Change`] tell apart, in sample units: the greatest one of the step,
/// rounded up to 1, 2 or 5 times a power of ten so that it seldom jumps. 0 where nothing moved.
pub fn change_scale(before: &Frame, now: &Frame) -> f32 {
    let greatest = match (before, now) {
        (Frame::Pixels { data: a, .. }, Frame::Pixels { data: b, .. }) => {
            f32::from(a.iter().zip(&**b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)) / 127.5
        }
        (Frame::Points { xy: a }, Frame::Points { xy: b }) => {
            a.iter().zip(&**b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        }
        _ => 0.0,
    };
    const LADDER: [f32; 8] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0];
    if greatest == 0.0 {
        return 0.0;
    }
    LADDER.into_iter().find(|&rung| greatest <= rung).unwrap_or(greatest)
}

/// The size of the change of each pixel, summed up over its channels, in steps of a byte; and the sum that has the strongest
/// colour. `None` for points and pictures of different sizes.
pub fn change_numbers(before: &Frame, now: &Frame) -> Option<(f32, Vec<u16>)> {
    let (Frame::Pixels { data: a, .. }, Frame::Pixels { channels, data: b, .. }) = (before, now) else {
        return None;
    };
    if a.len() != b.len() {
        return None;
    }
    let full = 127.5 * change_scale(before, now).max(f32::MIN_POSITIVE) * *channels as f32;
    let sum = |(a, b): (&[u8], &[u8])| a.iter().zip(b).map(|(a, b)| u16::from(a.abs_diff(*b))).sum();
    let pixels = a.chunks_exact(*channels).zip(b.chunks_exact(*channels));
    Some((full, pixels.map(sum).collect()))
}

/// The size of the change of each pixel (mean over its channels) as a colour; points: the displacement.
fn change(before: Option<&Frame>, now: &Frame) -> Frame {
    match (before, now) {
        (
            _,
            Frame::Pixels {
                channels,
                height,
                width,
                data,
            },
        ) => {
            let nothing = || (1.0, vec![0; data.len() / channels]);
            let (full, numbers) = before.and_then(|b| change_numbers(b, now)).unwrap_or_else(nothing);
            let colours = numbers.into_iter().flat_map(|n| change_colour(f32::from(n) / full));
            Frame::Pixels {
                channels: 3,
                height: *height,
                width: *width,
                data: colours.collect(),
            }
        }
        (Some(Frame::Points { xy: a }), Frame::Points { xy: b }) => Frame::Points {
            xy: a.iter().zip(&**b).map(|(a, b)| b - a).collect(),
        },
        (_, Frame::Points { xy }) => Frame::Points {
            xy: xy.iter().map(|_| 0.0).collect(),
        },
    }
}

/// Colour of a change, 0 (none) to 1 (the whole scale).
pub fn change_colour(share: f32) -> [u8; 3] {
    ColorMap::Viridis.at(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(data: &[u8], channels: usize) -> Frame {
        Frame::Pixels {
            channels,
            height: 1,
            width: data.len() / channels,
            data: data.into(),
        }
    }

    #[test]
    fn the_change_is_the_mean_over_channels_on_a_round_scale() {
        let (a, b) = (pixels(&[10, 10, 10, 0, 0, 0], 3), pixels(&[10, 10, 10, 51, 0, 0], 3));
        // 51 / 127.5 = 0.4, so the scale ends at 0.5; the second pixel moved by 0.4 / 3 of it.
        assert_eq!(change_scale(&a, &b), 0.5);
        let Frame::Pixels { data, channels: 3, .. } = change(Some(&a), &b) else {
            panic!("not a picture")
        };
        assert_eq!(data[..3], change_colour(0.0));
        assert_eq!(data[3..], change_colour(0.4 / 3.0 / 0.5));
    }

    #[test]
    fn the_first_step_has_not_changed() {
        let x = pixels(&[1, 200], 1);
        assert_eq!(change(None, &x), change(Some(&x), &x));
        assert_eq!(change_scale(&x, &x), 0.0);
    }

    #[test]
    fn noise_is_stored_at_a_third() {
        assert_eq!(Aspect::Noise.value(255), 3.0);
        assert_eq!(Aspect::State.value(0), -1.0);
    }
}
