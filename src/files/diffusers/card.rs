//! The card of an exported model: what it is, what it learned from, how it is used.

use std::fmt::Write as _;

use crate::{
    data,
    files::{Recipe, Result, SavedModel, metrics::Row},
};

/// Name of the picture of samples beside the card.
pub(super) const SAMPLES: &str = "samples.png";
/// Name of the plot of the loss beside the card.
pub(super) const CURVES: &str = "loss.svg";

/// What a card tells besides the model itself.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// The run's metrics; empty where there are none.
    pub rows: Vec<Row>,
    /// A grid of samples as PNG, and how they were made, for people.
    pub samples: Option<(Vec<u8>, String)>,
}

/// `README.md` of the folder.
pub(super) fn text(model: &SavedModel, card: &Card, name: &str) -> Result<String> {
    let SavedModel { recipe, step, .. } = model;
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    line(
        "---\nlibrary_name: diffusers\npipeline_tag: unconditional-image-generation\ntags:\n- diffusion\n- diffusion-studio\n---",
    );
    line(&format!("# {name}\n"));
    line(&format!(
        "A diffusion model of pictures, trained with Diffusion Studio for {step} steps.\n"
    ));
    line(&format!("- **Data**: {}. {}", recipe.data.source, licence(recipe)));
    line(&format!("- **Network**: UNet2DModel, told {}", told(model)));
    line(&format!(
        "- **Schedule and target**: {}, {}",
        recipe.schedule.id, recipe.target.id
    ));
    if let Some(start) = &recipe.start {
        line(&format!(
            "- **Trained on from**: {} (weights {})",
            start.model, start.weights
        ));
    }
    for (what, value) in figures(&card.rows) {
        line(&format!("- **{what}**: {value:.5}"));
    }
    if let Some((_, how)) = &card.samples {
        line(&format!("\n## Samples\n\n![{how}]({SAMPLES})\n\n{how}."));
    }
    if !card.rows.is_empty() {
        line(&format!("\n## Curves\n\n![Loss over the training steps]({CURVES})"));
    }
    line(&format!("\n## Use\n\n```python\n{}\n```", usage(model)));
    line(&format!("\n## Recipe\n\n```toml\n{}```", recipe.to_toml()?));
    Ok(text)
}

fn licence(recipe: &Recipe) -> String {
    let entry = data::ENTRIES.iter().find(|entry| entry.id == recipe.data.source);
    match entry.map(|entry| entry.source).filter(|source| !source.is_empty()) {
        Some(source) => format!("Origin and licence: {source}"),
        None => {
            "Its licence is not known to the program that wrote this; add it here before you publish the model.".into()
        }
    }
}

fn told(model: &SavedModel) -> String {
    match &model.class_names[..] {
        [] => "the time alone".into(),
        names => format!(
            "the time and the class: {}; index {} is no class",
            listed(names),
            names.len()
        ),
    }
}

fn listed(names: &[String]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(text, "{comma}{index} {name}").expect("text grows without error");
    }
    text
}

/// The last figures of the curves.
fn figures(rows: &[Row]) -> Vec<(&'static str, f64)> {
    let last = rows.iter().rev().find_map(|row| row.validation);
    last.map_or_else(Vec::new, |(raw, ema)| {
        vec![
            ("Validation loss", raw),
            ("Validation loss of the averaged weights", ema),
        ]
    })
}

fn usage(model: &SavedModel) -> &'static str {
    if model.class_names.is_empty() {
        "from diffusers import DDPMPipeline\n\npipeline = DDPMPipeline.from_pretrained(\".\")\n\
         pipeline(batch_size=4, num_inference_steps=50).images[0].save(\"sample.png\")"
    } else {
        // The pipeline has no place for the class.
        "import torch\nfrom diffusers import DDPMPipeline\n\npipeline = DDPMPipeline.from_pretrained(\".\")\n\
         net, scheduler = pipeline.unet, pipeline.scheduler\nscheduler.set_timesteps(50)\n\
         side = net.config.sample_size\nx = torch.randn(4, net.config.in_channels, side, side)\n\
         classes = torch.zeros(4, dtype=torch.long)\nfor t in scheduler.timesteps:\n    with torch.no_grad():\n\
         \x20       out = net(x, t, class_labels=classes).sample\n    x = scheduler.step(out, t, x).prev_sample"
    }
}
