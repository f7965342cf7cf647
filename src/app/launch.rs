//! Opening the window: which renderer, and what to say when there is none.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use eframe::{
    NativeOptions, egui,
    egui_wgpu::{self, wgpu},
};

use super::{
    icon,
    shell::App,
    state::Machine,
    worker::{Wake, Worker},
};
use crate::{engine::Settings, nn::DeviceChoice};

/// How the window is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renderer {
    /// wgpu on a graphics processor, OpenGL where there is none, and wgpu on the processor as the last resort.
    #[default]
    Auto,
    /// Vulkan, Metal or DirectX 12 through wgpu.
    Wgpu,
    /// OpenGL.
    Glow,
}

/// Settings of the window.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the window is drawn.
    pub renderer: Renderer,
    /// What computes.
    pub device: DeviceChoice,
    /// What to open at the start.
    pub open: Vec<PathBuf>,
    /// Where runs are kept; `None` for nowhere that the window looks at.
    pub runs: Option<PathBuf>,
    /// When the program started; start times count from here.
    pub started: Instant,
    /// Where lines about start and frame times go; `None` for nowhere.
    pub timings: Option<fn(&str)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            renderer: Renderer::Auto,
            device: DeviceChoice::default(),
            open: Vec::new(),
            runs: None,
            started: Instant::now(),
            timings: None,
        }
    }
}

/// Why the window could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No X11 or Wayland display.
    #[error(
        "there is no display to open a window on ({0}); to train without a window: diffusion-studio train --data moons"
    )]
    NoDisplay(String),
    /// Neither renderer works.
    #[error(
        "the window could not be drawn: {0}; try --renderer glow or --renderer wgpu, or train without a window: \
         diffusion-studio train --data moons"
    )]
    NoRenderer(String),
    /// The engine could not be started.
    #[error("the engine could not be started: {0}")]
    Engine(String),
}

/// Opens the window and stays until it is closed.
pub fn run(options: &Options) -> Result<(), RunError> {
    let settings = Settings {
        device: options.device,
        runs: options.runs.clone(),
    };
    run_with(options, &|wake| {
        Worker::start(settings.clone(), wake).map_err(|e| e.to_string())
    })
}

/// Opens the window and stays until it is closed. `connect` starts the engine; it is given what wakes the window up.
pub fn run_with(options: &Options, connect: &dyn Fn(Arc<Wake>) -> Result<Worker, String>) -> Result<(), RunError> {
    let (last, first) = match options.renderer {
        Renderer::Auto => (Drawn::Anyhow, &[Drawn::ByGraphicsProcessor, Drawn::WithOpenGl][..]),
        Renderer::Wgpu => (Drawn::Anyhow, &[][..]),
        Renderer::Glow => (Drawn::WithOpenGl, &[][..]),
    };
    for &way in first {
        match open(options, way, connect) {
            Err(fault) if is_graphics(&fault) => tracing::info!("drawing {way:?} does not work here: {fault}"),
            outcome => return outcome.map_err(explain),
        }
    }
    open(options, last, connect).map_err(explain)
}

/// Ways to draw, best first. Computed on the processor, OpenGL takes a seventh of wgpu's time for the same frame: egui's
/// shader for wgpu has both kinds of texture filtering in it, and a processor works through both for each pixel.
#[derive(Clone, Copy, Debug)]
enum Drawn {
    /// wgpu, on hardware.
    ByGraphicsProcessor,
    /// OpenGL on whatever there is.
    WithOpenGl,
    /// wgpu on whatever there is.
    Anyhow,
}

/// wgpu where a graphics processor can draw the window, its own memory preferred.
fn hardware_only() -> egui_wgpu::WgpuSetup {
    egui_wgpu::WgpuSetup::CreateNew(egui_wgpu::WgpuSetupCreateNew {
        native_adapter_selector: Some(Arc::new(|adapters, surface| {
            let rank = |adapter: &wgpu::Adapter| match adapter.get_info().device_type {
                wgpu::DeviceType::DiscreteGpu => Some(0),
                wgpu::DeviceType::IntegratedGpu => Some(1),
                wgpu::DeviceType::VirtualGpu | wgpu::DeviceType::Other => Some(2),
                wgpu::DeviceType::Cpu => None,
            };
            let fits = |adapter: &&wgpu::Adapter| surface.is_none_or(|s| adapter.is_surface_supported(s));
            let ranked = adapters.iter().filter(fits).filter_map(|a| Some((rank(a)?, a)));
            let best = ranked.min_by_key(|(rank, _)| *rank);
            best.map(|(_, adapter)| adapter.clone())
                .ok_or_else(|| "there is no graphics processor".into())
        })),
        ..egui_wgpu::WgpuSetupCreateNew::without_display_handle()
    })
}

fn open(
    options: &Options,
    drawn: Drawn,
    connect: &dyn Fn(Arc<Wake>) -> Result<Worker, String>,
) -> Result<(), eframe::Error> {
    let mut wgpu_options =
        egui_wgpu::WgpuConfiguration::default().with_surface_config(egui_wgpu::SurfaceConfig::LOW_LATENCY);
    if let Drawn::ByGraphicsProcessor = drawn {
        wgpu_options.wgpu_setup = hardware_only();
    }
    let native = NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Diffusion Studio")
            .with_app_id("diffusion-studio")
            .with_inner_size([1360.0, 850.0])
            .with_clamp_size_to_monitor_size(true)
            .with_min_inner_size([800.0, 520.0])
            .with_icon(icon::window_icon()),
        renderer: match drawn {
            Drawn::ByGraphicsProcessor | Drawn::Anyhow => eframe::Renderer::Wgpu,
            Drawn::WithOpenGl => eframe::Renderer::Glow,
        },
        wgpu_options,
        // Pictures are shown as they are; nothing here has slow gradients.
        dithering: false,
        ..NativeOptions::default()
    };
    eframe::run_native(
        "Diffusion Studio",
        native,
        Box::new(|cc| {
            let machine = machine(cc);
            let wake = Arc::new(Wake::new(cc.egui_ctx.clone(), refresh(&machine)));
            let worker = connect(wake.clone()).map_err(RunError::Engine)?;
            Ok(Box::new(App::new(cc, worker, wake, machine, options)))
        }),
    )
}

/// Shortest time between two frames that the engine asks for. A software renderer works on the cores that train.
fn refresh(machine: &Machine) -> Duration {
    Duration::from_millis(if machine.software { 110 } else { 33 })
}

fn machine(cc: &eframe::CreationContext<'_>) -> Machine {
    if let Some(state) = &cc.wgpu_render_state {
        let info = state.adapter.get_info();
        return Machine {
            adapter: format!("{} · {}", info.backend, info.name),
            software: info.device_type == wgpu::DeviceType::Cpu,
            ..Machine::default()
        };
    }
    let version = cc.gl.as_ref().map(|gl| {
        use eframe::glow::HasContext as _;
        gl.version().clone()
    });
    Machine {
        adapter: version.map_or_else(
            || "OpenGL".into(),
            |v| format!("OpenGL {}.{} {}", v.major, v.minor, v.vendor_info.trim()),
        ),
        // OpenGL does not tell; on machines where wgpu found no graphics processor it is the likely answer, and the cautious one.
        software: true,
        ..Machine::default()
    }
}

/// The part of a message of the window library that is not about its own source code.
fn reason(message: &str) -> String {
    let reason = message.rsplit(".rs:").next().unwrap_or(message);
    let after_line = reason.split_once(": ").map_or(reason, |(_, rest)| rest);
    after_line.trim_end_matches('.').to_owned()
}

fn is_graphics(fault: &eframe::Error) -> bool {
    matches!(
        fault,
        eframe::Error::Wgpu(_)
            | eframe::Error::OpenGL(_)
            | eframe::Error::Glutin(_)
            | eframe::Error::NoGlutinConfigs(..)
    )
}

fn explain(fault: eframe::Error) -> RunError {
    match fault {
        eframe::Error::AppCreation(inner) => match inner.downcast::<RunError>() {
            Ok(own) => *own,
            Err(other) => RunError::Engine(other.to_string()),
        },
        eframe::Error::WinitEventLoop(e) => RunError::NoDisplay(reason(&e.to_string())),
        eframe::Error::Winit(e) => RunError::NoDisplay(reason(&e.to_string())),
        other => RunError::NoRenderer(other.to_string()),
    }
}

/// Lines about the start, each told once.
#[derive(Debug)]
pub struct StartTimes {
    started: Instant,
    tell: Option<fn(&str)>,
    first_frame: OnceLock<()>,
    first_motion: OnceLock<()>,
}

impl StartTimes {
    /// Counts from `options.started`.
    pub fn new(options: &Options) -> Self {
        Self {
            started: options.started,
            tell: options.timings,
            first_frame: OnceLock::new(),
            first_motion: OnceLock::new(),
        }
    }

    /// The first frame with widgets was laid out.
    pub fn frame(&self) {
        self.once(&self.first_frame, "first frame");
    }

    /// The first trajectory moved on the screen.
    pub fn motion(&self) {
        self.once(&self.first_motion, "first moving trajectory");
    }

    /// Any other line.
    pub fn line(&self, text: &str) {
        if let Some(tell) = self.tell {
            tell(text);
        }
    }

    fn once(&self, cell: &OnceLock<()>, what: &str) {
        if cell.set(()).is_ok() {
            self.line(&format!(
                "{what}: {:.2} s after the start",
                self.started.elapsed().as_secs_f64()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_display_and_not_the_source_code() {
        let raw = "os error at /a/winit-0.30/src/mod.rs:765: neither WAYLAND_DISPLAY nor DISPLAY is set.";
        assert_eq!(reason(raw), "neither WAYLAND_DISPLAY nor DISPLAY is set");
        assert_eq!(reason("no server"), "no server");
        let text = RunError::NoDisplay(reason(raw)).to_string();
        assert!(text.contains("train --data moons"), "{text}");
    }
}
