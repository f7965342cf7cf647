//! A process of 10 000 points, every one of which moves with each step, and a view of it.

use diffusion_studio::{
    app::widgets::{
        aspect::Aspect,
        cloud::{Cloud, Clouds, Layers, cloud_view},
        pictures::Lens,
    },
    draw::noising::noise_of,
    engine::event::StepFrame,
    math::{Frame, Level},
};
use eframe::egui::Ui;

pub(crate) const POINTS: usize = 10_000;
const STEPS: usize = 16;

/// The view, each time one step further.
pub(crate) struct Moving {
    steps: Vec<StepFrame>,
    index: usize,
    clouds: Clouds,
    lens: Lens,
}

impl Moving {
    pub(crate) fn new() -> Self {
        Self {
            steps: (0..STEPS).map(step).collect(),
            index: 0,
            clouds: Clouds::default(),
            lens: Lens::default(),
        }
    }

    /// Shows the next step over all the room there is.
    pub(crate) fn show(&mut self, ui: &mut Ui) {
        self.index = (self.index + 1) % STEPS;
        let cloud = Cloud {
            owner: 1,
            steps: &self.steps[..],
            index: self.index,
            fraction: 0.0,
            aspect: Aspect::State,
            data: None,
            field: None,
            layers: Layers::default(),
            name: "cloud",
        };
        cloud_view(ui, ui.available_size(), &cloud, &mut self.clouds, &mut self.lens);
    }
}

fn step(index: usize) -> StepFrame {
    let frame = || Frame::Points {
        xy: noise_of(index as u64, 1, 2 * POINTS).into(),
    };
    StepFrame {
        index,
        level: Level::clean(0.0),
        x: frame(),
        x0: frame(),
        eps: frame(),
        change: 0.0,
        x_stats: (0.0, 1.0),
        x0_stats: (0.0, 1.0),
    }
}
