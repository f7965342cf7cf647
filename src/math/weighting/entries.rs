//! The registry of weightings.

use super::Weighting;
use crate::math::{Entry, Param, target::SIGMA_DATA};

const GAMMA: Param = Param::real(
    "gamma",
    0.1,
    100.0,
    5.0,
    "Signal-to-noise ratio above which the weight is held",
);

/// All weightings.
pub const ENTRIES: &[&Entry<Weighting>] = &[
    &Entry {
        id: "simple",
        label: "Simple",
        help: "Every noise level counts the same in the network's own answer",
        source: "arXiv:2006.11239",
        params: &[],
        build: |_| Ok(Box::new(Weighting::Simple)),
    },
    &Entry {
        id: "snr",
        label: "SNR",
        help: "As if the noise were the target; favours little noise",
        source: "arXiv:2202.00512",
        params: &[],
        build: |_| Ok(Box::new(Weighting::Snr)),
    },
    &Entry {
        id: "min-snr",
        label: "Min-SNR",
        help: "Holds the weight of almost clean samples; trains faster",
        source: "arXiv:2303.09556",
        params: &[GAMMA],
        build: |p| Ok(Box::new(Weighting::MinSnr { gamma: p.real("gamma") })),
    },
    &Entry {
        id: "soft-min-snr",
        label: "Soft Min-SNR",
        help: "Min-SNR without the corner",
        source: "arXiv:2401.11605",
        params: &[GAMMA],
        build: |p| Ok(Box::new(Weighting::SoftMinSnr { gamma: p.real("gamma") })),
    },
    &Entry {
        id: "p2",
        label: "P2",
        help: "Favours the middle, where the content is decided",
        source: "arXiv:2204.00227",
        params: &[
            Param::real("k", 0.01, 10.0, 1.0, "Keeps the weight finite at pure noise"),
            Param::real("gamma", 0.0, 2.0, 1.0, "Strength; 0 is off"),
        ],
        build: |p| {
            Ok(Box::new(Weighting::P2 {
                k: p.real("k"),
                gamma: p.real("gamma"),
            }))
        },
    },
    &Entry {
        id: "edm",
        label: "EDM",
        help: "Every noise level counts the same in the preconditioned network",
        source: "arXiv:2206.00364",
        params: &[SIGMA_DATA],
        build: |p| {
            Ok(Box::new(Weighting::Edm {
                sigma_data: p.real("sigma-data"),
            }))
        },
    },
    &Entry {
        id: "vlb",
        label: "Likelihood",
        help: "The variational bound itself: good likelihoods, plainer pictures",
        source: "arXiv:2107.00630",
        params: &[],
        build: |_| Ok(Box::new(Weighting::Vlb)),
    },
    &Entry {
        id: "hybrid",
        label: "Hybrid",
        help: "Simple, with a little of the bound to learn the variance by; needs a net with variance",
        source: "arXiv:2102.09672",
        params: &[Param::real("share", 1e-6, 1.0, 0.001, "Factor of the bound")],
        build: |p| Ok(Box::new(Weighting::Hybrid { share: p.real("share") })),
    },
    &Entry {
        id: "learned",
        label: "Learned uncertainty",
        help: "Every noise level is divided by its own expected loss, learned on the way; EDM2's choice",
        source: "arXiv:2312.02696",
        params: &[],
        build: |_| Ok(Box::new(Weighting::Learned)),
    },
];
