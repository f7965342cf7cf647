//! The registry of spacings.

use super::{End, Ends, Landing, Rule, SigmaRange, Spacing, Told};
use crate::math::{Entry, Param, Params, SpecError};

const EXCLUSIVE: Param = Param::flag("exclusive", false, "Make one step more and leave out the clean end");
const TOLD: Param = Param::choice(
    "told",
    &["exact", "rounded", "truncated"],
    "What becomes of times between two indices",
);
const LANDING: Param = Param::choice(
    "landing",
    &["next", "stride"],
    "Where a move lands: where the next begins, or T / steps below",
);
const END: Param = Param::choice("end", &["clean", "first"], "Without noise, or at the schedule's least");
const SIGMA_MIN: Param =
    Param::real("sigma-min", 0.0, 1e6, 0.0, "Least noise; 0 for the schedule's").or_else("by schedule");
const SIGMA_MAX: Param =
    Param::real("sigma-max", 0.0, 1e6, 0.0, "Greatest noise; 0 for the schedule's").or_else("by schedule");

/// All spacings.
pub const ENTRIES: &[&Entry<Spacing>] = &[
    &Entry {
        id: "trailing",
        label: "Trailing",
        help: "Starts at the noisiest level and ends at no noise; the safe choice",
        source: "arXiv:2305.08891",
        params: &[LANDING, END],
        build: |p| spacing(Rule::Trailing, Told::Rounded, p),
    },
    &Entry {
        id: "leading",
        label: "Leading",
        help: "diffusers' default; never sees the noisiest level",
        source: "arXiv:2305.08891",
        params: &[
            Param::int("offset", 0, 10, 0, "Added to every index"),
            EXCLUSIVE,
            LANDING,
            END,
        ],
        build: |p| {
            let rule = Rule::Leading {
                offset: p.count("offset"),
                exclusive: p.flag("exclusive"),
            };
            spacing(rule, Told::Rounded, p)
        },
    },
    &Entry {
        id: "linspace",
        label: "Linspace",
        help: "Both ends, evenly between",
        source: "arXiv:2305.08891",
        params: &[
            Param::flag("rounded", true, "Only whole indices of a discrete schedule"),
            EXCLUSIVE,
            LANDING,
            END,
        ],
        build: |p| {
            let rule = Rule::Linspace {
                exclusive: p.flag("exclusive"),
            };
            let told = if p.flag("rounded") { Told::Rounded } else { Told::Exact };
            spacing(rule, told, p)
        },
    },
    &Entry {
        id: "quadratic",
        label: "Quadratic",
        help: "More steps near the clean end",
        source: "arXiv:2010.02502",
        params: &[END],
        build: |p| spacing(Rule::Quadratic, Told::Rounded, p),
    },
    &Entry {
        id: "karras",
        label: "Karras",
        help: "Many small steps near the clean end; the best choice for few steps",
        source: "arXiv:2206.00364",
        params: &[
            Param::real("rho", 1.0, 100.0, 7.0, "How strongly steps gather near the clean end"),
            SIGMA_MIN,
            SIGMA_MAX,
            TOLD,
            END,
        ],
        build: |p| {
            let rule = Rule::Karras {
                rho: p.real("rho"),
                range: sigma_range(p),
            };
            spacing(rule, told(p), p)
        },
    },
    &Entry {
        id: "exponential",
        label: "Even in log-SNR",
        help: "The noise falls by the same factor at every step",
        source: "arXiv:2206.00927",
        params: &[SIGMA_MIN, SIGMA_MAX, TOLD, END],
        build: |p| spacing(Rule::Exponential { range: sigma_range(p) }, told(p), p),
    },
    &Entry {
        id: "beta",
        label: "Beta",
        help: "Many small steps at both ends",
        source: "arXiv:2407.12173",
        params: &[
            Param::real("alpha", 0.05, 10.0, 0.6, "Below 1: steps gather at the clean end"),
            Param::real("beta", 0.05, 10.0, 0.6, "Below 1: steps gather at the noisy end"),
            SIGMA_MIN,
            SIGMA_MAX,
            TOLD,
            END,
        ],
        build: |p| {
            let rule = Rule::Beta {
                alpha: p.real("alpha"),
                beta: p.real("beta"),
                range: sigma_range(p),
            };
            spacing(rule, told(p), p)
        },
    },
    &Entry {
        id: "shifted",
        label: "Shifted",
        help: "For the flow schedule: more steps at the noisy end",
        source: "arXiv:2403.03206",
        params: &[
            Param::real("shift", 0.1, 20.0, 1.0, "1 is even; larger pictures want more"),
            Param::choice(
                "ends",
                &["both", "noisy", "neither"],
                "Which ends of the schedule are among the times",
            ),
            TOLD,
            END,
        ],
        build: |p| {
            let ends = match p.text("ends") {
                "noisy" => Ends::Noisy,
                "neither" => Ends::Neither,
                _ => Ends::Both,
            };
            let rule = Rule::Shifted {
                shift: p.real("shift"),
                ends,
            };
            spacing(rule, told(p), p)
        },
    },
];

#[expect(clippy::unnecessary_wraps, reason = "the type of Entry::build")]
fn spacing(rule: Rule, told: Told, p: &Params) -> Result<Box<Spacing>, SpecError> {
    let chosen = |id, word| p.has(id) && p.text(id) == word;
    Ok(Box::new(Spacing {
        rule,
        told,
        landing: if chosen("landing", "stride") {
            Landing::Stride
        } else {
            Landing::Next
        },
        end: if chosen("end", "first") { End::First } else { End::Clean },
    }))
}

fn told(p: &Params) -> Told {
    match p.text("told") {
        "rounded" => Told::Rounded,
        "truncated" => Told::Truncated,
        _ => Told::Exact,
    }
}

fn sigma_range(p: &Params) -> SigmaRange {
    let given = |id| Some(p.real(id)).filter(|&v| v > 0.0);
    SigmaRange {
        min: given("sigma-min"),
        max: given("sigma-max"),
    }
}
