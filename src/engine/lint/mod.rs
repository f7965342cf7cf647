//! Traps that can be seen from the settings, told in plain words with a reason and, where there is one, a remedy.

use super::command::SampleRequest;
use crate::{
    draw::plot::label,
    files::Recipe,
    math::{Domain, Move, Spec, grid, schedule, schedule::NoiseSchedule, spec::Value},
};

mod sampling;
mod shape;
mod training;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// How the model is trained; its schedule is the one that the network knows.
    pub recipe: &'a Recipe,
    /// How samples are made, where that is settled.
    pub request: Option<&'a SampleRequest>,
    /// What is known of the data.
    pub data: About,
}

/// What is known of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct About {
    /// What a sample is.
    pub domain: Option<Domain>,
    /// Standard deviation of the values.
    pub spread: Option<f64>,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Samples suffer.
    Warning,
    /// It cannot work.
    Fault,
}

impl Severity {
    /// In one word.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// What is to be changed to avoid a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The shape of the schedule.
    Schedule,
    /// What is learned on it.
    Training,
    /// How samples are made.
    Sampling,
}

impl Part {
    /// In one word.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Training => "training",
            Self::Sampling => "sampling",
        }
    }
}

/// One kind of trap.
pub struct Trap {
    /// Where it lies.
    pub part: Part,
    /// Kebab-case name.
    pub id: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Why it is one.
    pub reason: &'static str,
    /// The paper, or empty.
    pub source: &'static str,
    look: fn(&Seen<'_>) -> Option<Found>,
}

impl std::fmt::Debug for Trap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trap").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A trap that the settings have walked into.
#[derive(Clone, Debug)]
pub struct Advice {
    /// Which one.
    pub trap: &'static Trap,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong here, in one sentence with the figures of these settings.
    pub text: String,
    /// What would mend it.
    pub remedy: Option<Remedy>,
}

/// A change that mends something.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    /// What it does, for a button.
    pub label: &'static str,
    /// The change.
    pub change: Change,
}

/// A setting that is to be another one.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Noise schedule of the recipe.
    Schedule(Spec),
    /// Target of the recipe.
    Target(Spec),
    /// Weighting of the recipe.
    Weighting(Spec),
    /// Largest decay of the averaged weights.
    EmaDecay(f64),
    /// No mirrored pictures.
    Unmirrored,
    /// Sampler of the request.
    Sampler(Spec),
    /// Spacing of the request.
    Spacing(Spec),
    /// Moves of the request.
    Steps(usize),
    /// Rescaling of its guidance.
    Rescale(f64),
    /// Times along the model's own schedule.
    OwnSchedule,
}

impl Change {
    /// The recipe with the change; `None` where it concerns something else.
    pub fn of_recipe(&self, recipe: &Recipe) -> Option<Recipe> {
        let mut changed = recipe.clone();
        match self {
            Self::Schedule(spec) => changed.schedule.clone_from(spec),
            Self::Target(spec) => changed.target.clone_from(spec),
            Self::Weighting(spec) => changed.weighting.clone_from(spec),
            Self::EmaDecay(decay) => changed.ema.decay = *decay,
            Self::Unmirrored => changed.data.flip = false,
            Self::Sampler(_) | Self::Spacing(_) | Self::Steps(_) | Self::Rescale(_) | Self::OwnSchedule => return None,
        }
        Some(changed)
    }

    /// The request with the change; `None` where it concerns something else.
    pub fn of_request(&self, request: &SampleRequest) -> Option<SampleRequest> {
        let mut changed = request.clone();
        match self {
            Self::Sampler(spec) => changed.sampler.clone_from(spec),
            Self::Spacing(spec) => changed.spacing.clone_from(spec),
            Self::Steps(steps) => changed.steps = *steps,
            Self::Rescale(share) => changed.guidance.rescale = *share,
            Self::OwnSchedule => changed.schedule = None,
            _ => return None,
        }
        Some(changed)
    }
}

/// All traps: those of the schedule, of training, of sampling.
pub const TRAPS: &[&Trap] = &[
    &shape::UNSCALED_BETAS,
    &shape::PALE_END,
    &shape::SMALL_RANGE,
    &shape::NOISY_START,
    &shape::WASTED_END,
    &training::UNDEFINED_TARGET,
    &training::AMPLIFIED_GUESS,
    &training::UNEVEN_TARGET,
    &training::WEIGHTLESS_END,
    &training::OTHER_SPREAD,
    &training::UNTAUGHT_VARIANCE,
    &training::BOUND_SHARE,
    &training::NETWORK_TIME,
    &training::NO_AVERAGE,
    &training::MIRRORED_WRITING,
    &sampling::LATE_START,
    &sampling::LAST_JUMP,
    &sampling::GAPS,
    &sampling::FEWER_STEPS,
    &sampling::BEYOND_TRAINING,
    &sampling::CUT_SCHEDULE,
    &sampling::CHANGED_SPREAD,
    &sampling::STRONG_GUIDANCE,
    &sampling::SATURATED_CHURN,
    &sampling::CLIPPED_INVERSION,
];

/// Everything that is wrong with the settings, the worst first. Nothing is said of a schedule that cannot be built: its own
/// error tells why.
pub fn look(settings: Settings<'_>) -> Vec<Advice> {
    let Some(seen) = Seen::new(settings) else {
        return Vec::new();
    };
    let told = TRAPS.iter().filter_map(|trap| {
        let Found { severity, text, remedy } = (trap.look)(&seen)?;
        Some(Advice {
            trap,
            severity,
            text,
            remedy,
        })
    });
    let mut told: Vec<Advice> = told.collect();
    told.sort_by_key(|advice| std::cmp::Reverse(advice.severity));
    told
}

/// The settings, and what follows from them.
struct Seen<'a> {
    recipe: &'a Recipe,
    request: Option<&'a SampleRequest>,
    data: About,
    schedule: Box<dyn NoiseSchedule>,
    /// Empty where nothing is sampled.
    moves: Vec<Move>,
}

impl<'a> Seen<'a> {
    fn new(settings: Settings<'a>) -> Option<Self> {
        let Settings { recipe, request, data } = settings;
        let schedule = schedule::build(&recipe.schedule).ok()?;
        let moves = |request: &SampleRequest| {
            let spacing = grid::build(&request.spacing).ok()?;
            Some(match &request.schedule {
                Some(path) => grid::along(&*schedule, &*schedule::build(path).ok()?, spacing, request.steps),
                None => grid::time_grid(&*schedule, spacing, request.steps),
            })
        };
        Some(Self {
            moves: request.and_then(moves).unwrap_or_default(),
            recipe,
            request,
            data,
            schedule,
        })
    }

    /// Standard deviation of the data, or what is usual.
    fn spread(&self) -> f64 {
        self.data.spread.unwrap_or(0.5)
    }
}

/// What one look found.
struct Found {
    severity: Severity,
    text: String,
    remedy: Option<Remedy>,
}

impl Found {
    fn new(severity: Severity, text: impl Into<String>) -> Self {
        Self {
            severity,
            text: text.into(),
            remedy: None,
        }
    }

    fn mended(self, label: &'static str, change: Change) -> Self {
        Self {
            remedy: Some(Remedy { label, change }),
            ..self
        }
    }
}

/// Three significant digits.
fn figure(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return label(value);
    }
    let scale = 10_f64.powi(2 - value.abs().log10().floor() as i32);
    label((value * scale).round() / scale)
}

fn is_set(spec: &Spec, key: &str) -> bool {
    spec.values.get(key) == Some(&Value::Flag(true))
}

/// A real parameter of a choice, where it differs from its default.
fn real(spec: &Spec, key: &str) -> Option<f64> {
    match spec.values.get(key)? {
        Value::Real(v) => Some(*v),
        Value::Int(v) => Some(*v as f64),
        Value::Flag(_) | Value::Text(_) => None,
    }
}

#[cfg(test)]
mod tests;
