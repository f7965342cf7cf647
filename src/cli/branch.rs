//! `sample --branch`: what a picture was made as is continued differently.

use std::{path::Path, sync::Arc};

use super::{
    args::SampleArgs,
    repeat,
    sample::{self, guidance, with_options},
};
use crate::{
    engine::{
        command::{Branch, ClassChoice, ClassifierChoice, SampleRequest},
        model,
        sample::class_names,
    },
    math::Spec,
};

/// Futures of one sample, unless another number is wanted.
const FUTURES: usize = 8;

/// A branch of what `picture` says of itself. What no option names stays as it was.
pub(super) fn branched(args: &SampleArgs, picture: &Path, at: usize) -> anyhow::Result<SampleRequest> {
    let parent = repeat::repeated(args, picture)?;
    let info = model::load(&parent.model)?.info;
    let classifier = args.classifier.map(|scale| ClassifierChoice {
        scale,
        judge: args.judge.clone(),
    });
    let classifier = classifier.or_else(|| parent.classifier.clone());
    let names = match &classifier {
        Some(choice) => class_names(&info, choice.judge.as_deref())?,
        None => info.class_names.clone(),
    };
    let is_guided = args.guidance.is_some() || args.interval.is_some() || args.rescale > 0.0;
    let sampler = match &args.sampler {
        Some(id) => Spec::new(id),
        None => parent.sampler.clone(),
    };
    let class = match (&args.class, args.of) {
        (Some(text), _) => sample::class(text, &names)?,
        (None, Some(sample)) => parent.class.of_sample(sample, names.len()),
        (None, None) => parent.class,
    };
    let kept = args.count.map(|count| count as usize);
    Ok(SampleRequest {
        sampler: with_options(sampler, args)?,
        spacing: args.spacing.as_ref().map_or(parent.spacing.clone(), |id| Spec::new(id)),
        schedule: match &args.schedule {
            Some(text) => Some(sample::schedule(text)?),
            None => parent.schedule.clone().filter(|_| args.remaining.is_some()),
        },
        seed: args.seed.unwrap_or(parent.seed),
        count: kept.unwrap_or(if args.of.is_some() { FUTURES } else { parent.count }),
        class,
        guidance: if is_guided {
            guidance(args, class != ClassChoice::None)?
        } else {
            parent.guidance
        },
        classifier,
        noise: None,
        branch: Some(Arc::new(Branch {
            parent: parent.clone(),
            step: at,
            sample: args.of,
            remaining: args.remaining,
        })),
        ..parent
    })
}
