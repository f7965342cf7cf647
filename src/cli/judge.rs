//! `judge`: trains the classifier that looks at samples and leads samplers.

use super::{args::JudgeArgs, sample::refuse_existing, say};
use crate::{
    engine::{
        Settings,
        judge::train::{JudgeRequest, train},
    },
    files::Overwrite,
};

/// The text that `judge` prints.
pub(super) fn judge(args: &JudgeArgs, settings: &Settings) -> anyhow::Result<String> {
    refuse_existing(&args.out)?;
    let request = JudgeRequest {
        data: args.data.clone(),
        epochs: args.epochs as usize,
        seed: args.seed,
    };
    let judge = train(&request, settings.device, say)?;
    let path = judge.write(&args.out, Overwrite::Refuse)?;
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    Ok(format!(
        "{}: {} of unseen pictures in the right class, sure of {}",
        path.display(),
        percent(judge.about.accuracy),
        percent(judge.about.sure)
    ))
}
