//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Train a diffusion model on your own pictures or points, watch it learn, scrub the reverse process.
///
/// Without a command the studio opens in a window.
#[derive(Debug, Parser)]
#[command(name = "diffusion-studio", version, args_conflicts_with_subcommands = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) studio: StudioArgs,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(super) struct Common {
    /// What computes: auto, cpu, cpu-candle, cuda, cuda:N or metal
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE")]
    pub(super) device: String,
    /// Number of processor threads for training and sampling
    #[arg(long, global = true, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Print how long each stage of the start took
    #[arg(long, global = true)]
    pub(super) timings: bool,
}

/// Options of the window.
#[derive(Clone, Debug, Args)]
pub(super) struct StudioArgs {
    /// Recipes, run folders, pictures, folders of pictures or data files to open
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// How the window is drawn
    #[arg(long, value_enum, default_value_t = Renderer::Auto)]
    pub(super) renderer: Renderer,
}

/// How the window is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Renderer {
    /// wgpu, and OpenGL when that fails
    Auto,
    /// Vulkan, Metal or DirectX 12
    Wgpu,
    /// OpenGL
    Glow,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Train without a window
    Train(TrainArgs),
    /// Make samples with a trained model
    Sample(SampleArgs),
    /// Fill, sharpen, colour or clean a picture with a trained model
    Restore(RestoreArgs),
    /// Turn a model of diffusers into a run folder
    Import(ImportArgs),
    /// Write a model for other programs
    Export(ExportArgs),
    /// Measure how fast this machine trains the standard networks
    Bench(BenchArgs),
    /// Measure a trained model, with errors
    Eval(EvalArgs),
    /// Compare all samplers: error by network calls
    Laboratory(LaboratoryArgs),
    /// Train a classifier of labelled pictures, for `eval` and `sample --classifier`
    Judge(JudgeArgs),
    /// Say in plain words what is wrong with a recipe, and with how samples would be made
    Check(CheckArgs),
    /// List what can be chosen, with parameters and papers
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// Recipe file, the id of a bundled recipe, or a picture or film that carries a recipe
    #[arg(value_name = "RECIPE")]
    pub(super) recipe: Option<PathBuf>,
    /// Data set by name, or a folder or file of your own
    #[arg(long, value_name = "NAME|PATH", conflicts_with = "recipe")]
    pub(super) data: Option<String>,
    /// Start from the weights of this model, with its network, and else with its recipe or with RECIPE: a run folder, a
    /// checkpoint, a model of diffusers, or the id of a bundled model
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["preset", "resume"])]
    pub(super) from: Option<PathBuf>,
    /// Size of the network: tiny, small or base
    #[arg(long, value_name = "NAME")]
    pub(super) preset: Option<String>,
    /// Training steps
    #[arg(long, value_name = "N")]
    pub(super) steps: Option<u64>,
    /// Stop after this many minutes
    #[arg(long, value_name = "M")]
    pub(super) minutes: Option<f64>,
    /// Seed of weights, batches and noise
    #[arg(long, value_name = "S")]
    pub(super) seed: Option<u64>,
    /// Any entry of the recipe, e.g. --set train.lr=3e-4
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
    /// Run folder to write (default: a new one in the platform's data folder)
    #[arg(long, value_name = "RUN")]
    pub(super) out: Option<PathBuf>,
    /// Go on from the newest checkpoint of --out
    #[arg(long, requires = "out")]
    pub(super) resume: bool,
}

#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    /// Run folder, checkpoint folder, diffusers folder, the id of a bundled model, or an exact one such as `exact:moons`
    /// (see `list exact`)
    #[arg(value_name = "MODEL")]
    pub(super) model: PathBuf,
    /// With the weights that a run had after K training steps: those of a checkpoint, or kept in its folder as it learned
    #[arg(long, value_name = "K")]
    pub(super) at_training_step: Option<u64>,
    /// Noise schedule: of an exact model its own, of a trained one what the times are chosen along, by their noise. By id with
    /// parameters, see `list schedules`, or a recipe or picture that has it
    #[arg(long, value_name = "ID[,KEY=VALUE…]|FILE")]
    pub(super) schedule: Option<String>,
    /// Repeat what a picture or film of this program says of itself; with the same model the samples are the same
    #[arg(long, value_name = "PICTURE", conflicts_with_all = [
        "schedule", "sampler", "steps", "spacing", "eta", "guidance", "interval", "rescale", "classifier", "class", "count",
        "seed", "sets",
    ])]
    pub(super) from: Option<PathBuf>,
    /// Continue what a picture or film of this program was made as, from step --at on; what is not said stays as it was
    #[arg(long, value_name = "PICTURE", requires = "at", conflicts_with = "from")]
    pub(super) branch: Option<PathBuf>,
    /// How many moves the branch shares with it
    #[arg(long, value_name = "STEP", requires = "branch")]
    pub(super) at: Option<usize>,
    /// Continue this sample alone, --count times (default: 8); the seed is raised by one for each
    #[arg(long, value_name = "SAMPLE", requires = "branch")]
    pub(super) of: Option<usize>,
    /// New moves of the branch from there to the end, with times of --spacing (default: the times as they were)
    #[arg(long, value_name = "N", requires = "branch", conflicts_with = "steps")]
    pub(super) remaining: Option<usize>,
    /// Sampler, see `list samplers` (default: ddim, or what a diffusers folder names)
    #[arg(long, value_name = "ID")]
    pub(super) sampler: Option<String>,
    /// Number of moves from noise to sample
    #[arg(long, default_value_t = 50, value_name = "N", conflicts_with = "branch", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) steps: u64,
    /// How the times are chosen, see `list spacings` (default: trailing, or what a diffusers folder says)
    #[arg(long, value_name = "ID")]
    pub(super) spacing: Option<String>,
    /// Share of fresh noise in DDIM, 0 to 1
    #[arg(long, value_name = "X")]
    pub(super) eta: Option<f64>,
    /// Guidance: how strongly the class is amplified (default: 1, which is off)
    #[arg(long, value_name = "W")]
    pub(super) guidance: Option<f64>,
    /// Guidance acts only at noise levels sigma / alpha from LOW to HIGH
    #[arg(long, value_name = "LOW..HIGH", value_parser = interval)]
    pub(super) interval: Option<(f64, f64)>,
    /// How far guidance is brought back to the contrast of the class, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "PHI", value_parser = share)]
    pub(super) rescale: f64,
    /// Guide away from this weaker model instead of from the one without a class
    #[arg(long, value_name = "MODEL")]
    pub(super) autoguide: Option<PathBuf>,
    /// Follow a classifier towards the class so strongly; 1 is Bayes' rule
    #[arg(long, value_name = "SCALE", value_parser = strength, requires = "class")]
    pub(super) classifier: Option<f64>,
    /// The classifier, made with `judge` (default: the one that ships with the program); for --classifier and --from
    #[arg(long, value_name = "F.safetensors")]
    pub(super) judge: Option<PathBuf>,
    /// Class by name or index, or `each`
    #[arg(long, value_name = "C")]
    pub(super) class: Option<String>,
    /// How many samples (default: as many as --noise holds, or 16)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(super) count: Option<u64>,
    /// Seed of the starting noise and of every step (default: 0)
    #[arg(long, value_name = "S")]
    pub(super) seed: Option<u64>,
    /// Starting noise from a file (tensor `x_init`, float32, standard normal)
    #[arg(long, value_name = "F.safetensors")]
    pub(super) noise: Option<PathBuf>,
    /// Also write every step exactly
    #[arg(long, value_name = "F.safetensors")]
    pub(super) trajectory: Option<PathBuf>,
    /// A parameter of the sampler, e.g. --set variance=large
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
    /// .png (grid), .gif or .apng (the process), .safetensors (raw numbers), or a folder (one PNG each)
    #[arg(long, value_name = "F")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Run folder, checkpoint folder, or the id of a bundled model
    #[arg(value_name = "MODEL")]
    pub(super) model: PathBuf,
    /// Methods, see `list methods`; several are compared
    #[arg(long, value_name = "ID[,ID…]", value_delimiter = ',', required = true)]
    pub(super) method: Vec<String>,
    /// The original, which the task degrades; with --measurement what was measured
    #[arg(long, value_name = "F")]
    pub(super) image: PathBuf,
    /// What inpainting is to fill: white is filled, black is kept; as large as the picture
    #[arg(long, value_name = "F")]
    pub(super) mask: Option<PathBuf>,
    /// What is to be undone, see `list tasks`
    #[arg(long, default_value = "inpaint", value_name = "ID")]
    pub(super) task: String,
    /// Number of moves, before any jumps (default: the method's published number)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) steps: Option<u64>,
    /// How the times are chosen, see `list spacings` (default: the method's)
    #[arg(long, value_name = "ID")]
    pub(super) spacing: Option<String>,
    /// Seed of the first candidate's noise
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(super) seed: u64,
    /// How many candidates of each method
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) count: u64,
    /// What is done with a picture of another size than the model's (default: inpainting works on a frame around the mask,
    /// everything else crops)
    #[arg(long, value_enum, value_name = "HOW")]
    pub(super) fit: Option<FitTo>,
    /// The picture is the measurement itself, not the original
    #[arg(long)]
    pub(super) measurement: bool,
    /// Class by name or index
    #[arg(long, value_name = "C")]
    pub(super) class: Option<String>,
    /// Guidance: how strongly the class is amplified; 1 is off
    #[arg(long, default_value_t = 1.0, value_name = "W", requires = "class")]
    pub(super) guidance: f64,
    /// Follow a classifier towards the class so strongly; 1 is Bayes' rule
    #[arg(long, value_name = "SCALE", value_parser = strength, requires = "class")]
    pub(super) classifier: Option<f64>,
    /// The classifier, made with `judge` (default: the one that ships with the program)
    #[arg(long, value_name = "F.safetensors", requires = "classifier")]
    pub(super) judge: Option<PathBuf>,
    /// A parameter of the methods that have it, of one method or of the task, e.g. `--set eta=1`, `--set ddrm.eta=1` or
    /// `--set task.noise=0.1`
    #[arg(long = "set", value_name = "[ID.]KEY=VALUE")]
    pub(super) sets: Vec<String>,
    /// The figures as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// .png (the restored picture; a sheet of all where there are several), .safetensors (raw numbers), or a folder (one PNG a
    /// candidate)
    #[arg(long, value_name = "F")]
    pub(super) out: PathBuf,
}

/// What is done with a picture of another size than the model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FitTo {
    /// The middle part is restored, the rest stays
    Crop,
    /// All of it is scaled to the model and back
    Resize,
    /// An error
    Refuse,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Pipeline folder, `unet` folder, or a file of weights beside its config.json
    #[arg(value_name = "DIR")]
    pub(super) model: PathBuf,
    /// Run folder to write
    #[arg(long, value_name = "RUN")]
    pub(super) out: PathBuf,
    /// An entry of the recipe that the folder does not tell, e.g. --set schedule=cosine
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Run folder, checkpoint folder, diffusers folder, or the id of a bundled model
    #[arg(value_name = "MODEL")]
    pub(super) model: PathBuf,
    /// What for
    #[arg(long, value_enum)]
    pub(super) to: Exchange,
    /// The raw weights instead of the averaged ones (diffusers only)
    #[arg(long)]
    pub(super) raw: bool,
    /// Samples on the card of a model for diffusers; 0 for none
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1024))]
    pub(super) samples: u64,
    /// Folder to write
    #[arg(value_name = "DIR")]
    pub(super) out: PathBuf,
}

/// What an export is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Exchange {
    /// A folder that diffusers' `DDPMPipeline` opens
    Diffusers,
    /// Event files of the run's curves for TensorBoard
    Tensorboard,
    /// The run's curves as SVG, PNG and CSV
    Plots,
}

/// `0.3..5`; an end that is left out is open.
fn interval(text: &str) -> Result<(f64, f64), String> {
    let expected = || "expected LOW..HIGH, as in 0.3..5 or ..5".to_owned();
    let (low, high) = text.split_once("..").ok_or_else(expected)?;
    let end = |text: &str, open: f64| match text.trim() {
        "" => Ok(open),
        text => text.parse().map_err(|_not_a_number| expected()),
    };
    let (low, high): (f64, f64) = (end(low, 0.0)?, end(high, f64::INFINITY)?);
    // Written so that not-a-number is refused.
    if low >= 0.0 && low <= high {
        Ok((low, high))
    } else {
        Err(expected())
    }
}

fn share(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|v| (0.0..=1.0).contains(v));
    value.ok_or_else(|| "expected a share from 0 to 1".into())
}

fn strength(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|v: &f64| v.is_finite() && *v >= 0.0);
    value.ok_or_else(|| "expected a number from 0, e.g. 2".into())
}

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Run folder, checkpoint folder, or the id of a bundled model
    #[arg(value_name = "MODEL")]
    pub(super) model: PathBuf,
    /// Other data than the model learned from, by name or path
    #[arg(long, value_name = "NAME|PATH")]
    pub(super) data: Option<String>,
    /// Sampler, see `list samplers`
    #[arg(long, default_value = "ddim", value_name = "ID")]
    pub(super) sampler: String,
    /// Number of moves from noise to sample
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) steps: u64,
    /// Samples of each round
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000))]
    pub(super) count: u64,
    /// Rounds, from whose spread the errors come
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) rounds: u64,
    /// Seed of the first round
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(super) seed: u64,
    /// Lead the samples towards each class in turn, as `sample --classifier` does
    #[arg(long, value_name = "SCALE", value_parser = strength)]
    pub(super) classifier: Option<f64>,
    /// Classifier that looks at pictures, made with `judge` (default: the one that ships with the program)
    #[arg(long, value_name = "F.safetensors")]
    pub(super) judge: Option<PathBuf>,
    /// Unseen data samples whose likelihood is measured; 0 for none
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=100_000))]
    pub(super) likelihood: u64,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct JudgeArgs {
    /// Labelled pictures by name, or a folder or file of your own
    #[arg(long, value_name = "NAME|PATH")]
    pub(super) data: String,
    /// Passes over the pictures
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) epochs: u64,
    /// Seed of weights, batches and noise
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(super) seed: u64,
    /// File to write
    #[arg(long, value_name = "F.safetensors")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Recipe file, the id of a bundled recipe, or a picture or film that carries a recipe
    #[arg(value_name = "RECIPE")]
    pub(super) recipe: PathBuf,
    /// Sampler, see `list samplers`
    #[arg(long, default_value = "ddim", value_name = "ID")]
    pub(super) sampler: String,
    /// Number of moves from noise to sample
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) steps: u64,
    /// How the times are chosen, see `list spacings`
    #[arg(long, default_value = "trailing", value_name = "ID")]
    pub(super) spacing: String,
    /// Guidance: how strongly the class is amplified
    #[arg(long, default_value_t = 1.0, value_name = "W")]
    pub(super) guidance: f64,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Which registry
    #[arg(value_enum)]
    pub(super) what: Registry,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
    /// As a table for documents
    #[arg(long, conflicts_with = "json")]
    pub(super) markdown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Registry {
    Samplers,
    Methods,
    Tasks,
    Spacings,
    Schedules,
    Targets,
    Weightings,
    Times,
    Nets,
    Data,
    Recipes,
    Models,
    Exact,
    Traps,
}

#[derive(Debug, Args)]
pub(super) struct LaboratoryArgs {
    /// An exact model (see `list exact`), or a trained one
    #[arg(value_name = "MODEL", default_value = "exact-smooth:gaussians")]
    pub(super) model: PathBuf,
    /// Noise schedule of an exact model, see `list schedules`
    #[arg(long, value_name = "ID")]
    pub(super) schedule: Option<String>,
    /// How the times are chosen, see `list spacings`
    #[arg(long, default_value = "karras", value_name = "ID")]
    pub(super) spacing: String,
    /// Network calls that each sampler may make
    #[arg(long, value_delimiter = ',', default_value = "5,10,20,40,80,160", value_name = "N,…")]
    pub(super) calls: Vec<usize>,
    /// How many samples
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=10_000))]
    pub(super) count: u64,
    /// Seed of all noise
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(super) seed: u64,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Which cases: `points_mlp`, gray28, rgb16, rgb32, rgb64 (default: all)
    #[arg(value_name = "CASE")]
    pub(super) cases: Vec<String>,
    /// Compute 3x3 convolutions without Winograd's transforms
    #[arg(long)]
    pub(super) no_winograd: bool,
    /// Measure each case at several batch sizes, picture sizes or widths: how cost grows
    #[arg(long, value_enum, value_name = "AXIS")]
    pub(super) sweep: Option<Sweep>,
    /// How long to measure training and sampling of each case
    #[arg(long, default_value_t = 8.0, value_name = "S", value_parser = seconds)]
    pub(super) seconds: f64,
    /// One JSON object a line, as the PyTorch yardstick prints
    #[arg(long)]
    pub(super) json: bool,
}

/// What `bench --sweep` varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sweep {
    /// Samples in a batch, 1 to 128
    Batch,
    /// Rows and columns of a picture, 8 to 64
    Side,
    /// Channels of the finest level, 16 to 128
    Width,
}

fn seconds(text: &str) -> Result<f64, String> {
    let found = text.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0);
    found.ok_or_else(|| "a number of seconds, e.g. 8".to_owned())
}
