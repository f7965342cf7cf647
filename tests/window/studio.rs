//! The real program in a real window on a screen of its own, driven through egui's inspection port.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use eframe::egui::{
    Event, Key, Modifiers, PointerButton, Pos2, Rect,
    accesskit::{Node, NodeId, Role, Toggled},
    pos2,
};
use egui_inspection::protocol::{Request, Response, read_handshake, read_message, write_message};
use image::{RgbaImage, imageops};
use tempfile::TempDir;

/// Far longer than anything here takes: only a hanging program meets it.
const PATIENCE: Duration = Duration::from_mins(3);

/// Between two looks at a window that is expected to change.
const LOOK_AGAIN: Duration = Duration::from_millis(60);

/// Height of the status bar, whose numbers change by themselves.
const STATUS: u32 = 36;

/// A virtual X screen.
struct Screen {
    size: [u32; 2],
    server: Child,
    display: String,
}

impl Screen {
    fn open(size: [u32; 2]) -> Self {
        let [width, height] = size;
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &format!("{width}x{height}x24")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the window test needs Xvfb (Debian: apt-get install xvfb)");
        let mut number = String::new();
        let out = server.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut number).unwrap();
        Self {
            size,
            server,
            display: format!(":{}", number.trim()),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// The program with a clean profile.
pub(crate) struct Studio {
    program: Child,
    port: TcpStream,
    home: TempDir,
    screen: Screen,
}

/// A widget as assistive technology sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Widget {
    pub(crate) id: NodeId,
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) toggled: Option<Toggled>,
    pub(crate) disabled: bool,
    pub(crate) rect: Rect,
}

impl Widget {
    fn new(id: NodeId, node: &Node) -> Self {
        let bounds = node.bounds().unwrap_or_default();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            id,
            role: node.role(),
            name: text(node.label()),
            value: node
                .numeric_value()
                .map_or_else(|| text(node.value()), |v| v.to_string()),
            toggled: node.toggled(),
            disabled: node.is_disabled(),
            rect: Rect::from_min_max(
                pos2(bounds.x0 as f32, bounds.y0 as f32),
                pos2(bounds.x1 as f32, bounds.y1 as f32),
            ),
        }
    }

    /// Whether it is there to be clicked.
    pub(crate) fn is_clickable(&self) -> bool {
        let roles = [
            Role::Button,
            Role::CheckBox,
            Role::RadioButton,
            Role::ComboBox,
            Role::Link,
        ];
        roles.contains(&self.role) && self.rect.area() > 0.0
    }

    /// Whether it is switched on, or chosen among others.
    pub(crate) fn is_on(&self) -> bool {
        self.toggled == Some(Toggled::True)
    }
}

impl Studio {
    /// Starts it on a screen of this size, with files that it is to open.
    pub(crate) fn start(size: [u32; 2], files: &[(&str, &str)]) -> Self {
        Self::start_with(size, files, |_, _| {})
    }

    /// The same with other arguments; `prepare` is given the program and the folder that stands for the person's home.
    pub(crate) fn start_with(
        size: [u32; 2],
        files: &[(&str, &str)],
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> Self {
        let screen = Screen::open(size);
        let home = tempfile::tempdir().unwrap();
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| {
                let path = home.path().join(name);
                std::fs::write(&path, text).unwrap();
                path
            })
            .collect();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_diffusion-studio"));
        prepare(&mut program, home.path());
        let program = program
            .args(files)
            .env("EGUI_INSPECTION", address.to_string())
            .env("DISPLAY", &screen.display)
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let mut port = loop {
            match TcpStream::connect(address) {
                Ok(port) => break port,
                Err(e) => assert!(begun.elapsed() < PATIENCE, "no inspection port: {e}"),
            }
            sleep(LOOK_AGAIN);
        };
        port.set_read_timeout(Some(PATIENCE)).unwrap();
        read_handshake(&mut port).unwrap();
        let mut studio = Self {
            program,
            port,
            home,
            screen,
        };
        let [width, height] = size;
        studio.request(&Request::Resize { width, height });
        studio
    }

    /// The folder that stands for the person's home.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The program's number among the processes.
    pub(crate) fn process(&self) -> u32 {
        self.program.id()
    }

    /// Frames since the start.
    pub(crate) fn frames(&mut self) -> u64 {
        match self.request(&Request::GetTree) {
            Response::Tree { step, .. } => step,
            other => panic!("no tree: {other:?}"),
        }
    }

    fn request(&mut self, request: &Request) -> Response {
        write_message(&mut self.port, request).unwrap();
        match read_message(&mut self.port).unwrap() {
            Response::Error { message } => panic!("{request:?}: {message}"),
            response => response,
        }
    }

    fn apply(&mut self, events: Vec<Event>) {
        self.request(&Request::ApplyEvents { events });
    }

    /// All widgets of the present frame.
    pub(crate) fn widgets(&mut self) -> Vec<Widget> {
        let Response::Tree { accesskit, .. } = self.request(&Request::GetTree) else {
            panic!("no tree");
        };
        let nodes = accesskit.map(|tree| tree.nodes).unwrap_or_default();
        nodes.iter().map(|(id, node)| Widget::new(*id, node)).collect()
    }

    /// The window as PNG.
    fn screenshot(&mut self) -> Vec<u8> {
        match self.request(&Request::GetScreenshot { pixels_per_point: None }) {
            Response::Screenshot(png) => png.bytes,
            other => panic!("no picture: {other:?}"),
        }
    }

    /// Looks until `wanted` gives something.
    pub(crate) fn wait_for<T>(&mut self, what: &str, mut wanted: impl FnMut(&[Widget]) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            let widgets = self.widgets();
            if let Some(found) = wanted(&widgets) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what} among\n{}", listed(&widgets));
            sleep(LOOK_AGAIN);
        }
    }

    /// Waits for a text that contains `part`.
    pub(crate) fn wait_for_text(&mut self, part: &str) -> Widget {
        self.wait_for(part, |widgets| {
            let says = |w: &&Widget| w.value.contains(part) || w.name.contains(part);
            widgets.iter().find(says).cloned()
        })
    }

    /// The button or tab of that name, once it can be pressed.
    pub(crate) fn button(&mut self, name: &str) -> Widget {
        self.wait_for(name, |widgets| {
            let fits = |w: &&Widget| (w.is_clickable() || w.role == Role::Tab) && !w.disabled && w.name == name;
            widgets.iter().find(fits).cloned()
        })
    }

    /// Presses a button by name.
    pub(crate) fn press(&mut self, name: &str) {
        let at = self.button(name).rect.center();
        self.click(at);
    }

    /// Clicks and takes the pointer away again.
    pub(crate) fn click(&mut self, at: Pos2) {
        let button = |pressed| Event::PointerButton {
            pos: at,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        self.hover(at);
        self.apply(vec![button(true)]);
        self.apply(vec![button(false)]);
        self.leave();
    }

    /// Draws a line with the button held down, as a hand does: in some steps.
    pub(crate) fn drag(&mut self, from: Pos2, to: Pos2) {
        let button = |pos, pressed| Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        self.hover(from);
        self.apply(vec![button(from, true)]);
        for step in 1..=8 {
            self.hover(from + (to - from) * (step as f32 / 8.0));
        }
        self.apply(vec![button(to, false)]);
        self.leave();
    }

    /// Puts the pointer somewhere.
    pub(crate) fn hover(&mut self, at: Pos2) {
        self.apply(vec![Event::PointerMoved(at)]);
    }

    /// Takes the pointer away.
    pub(crate) fn leave(&mut self) {
        self.apply(vec![Event::PointerGone]);
    }

    /// Presses a key.
    pub(crate) fn key(&mut self, modifiers: Modifiers, key: Key) {
        let event = |pressed| Event::Key {
            key,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers,
        };
        self.apply(vec![event(true)]);
        self.apply(vec![event(false)]);
    }

    /// Replaces what the focused field holds.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.key(Modifiers::COMMAND, Key::A);
        self.apply(vec![Event::Text(text.to_owned())]);
    }

    /// What [`Self::above`] gives, once it no longer changes.
    pub(crate) fn still(&mut self) -> Vec<Widget> {
        let begun = Instant::now();
        let mut before = self.above();
        loop {
            sleep(LOOK_AGAIN);
            let now = self.above();
            if now == before {
                return now;
            }
            assert!(begun.elapsed() < PATIENCE, "the window does not come to rest");
            before = now;
        }
    }

    /// Pauses what plays.
    pub(crate) fn hold(&mut self) {
        let playing = |w: &&Widget| w.is_clickable() && w.name.starts_with("Pause");
        if let Some(button) = self.widgets().iter().find(playing) {
            self.click(button.rect.center());
        }
    }

    /// The widgets above the status bar.
    pub(crate) fn above(&mut self) -> Vec<Widget> {
        let below = (self.screen.size[1] - STATUS) as f32;
        let mut widgets = self.widgets();
        widgets.retain(|w| w.rect.max.y < below);
        widgets
    }

    /// The picture above the status bar.
    pub(crate) fn picture(&mut self) -> RgbaImage {
        let picture = image::load_from_memory(&self.screenshot()).unwrap().into_rgba8();
        let above = picture.height() - STATUS;
        imageops::crop_imm(&picture, 0, 0, picture.width(), above).to_image()
    }

    /// Closes the window as a person does, and waits until the program has saved and ended.
    pub(crate) fn quit(mut self) -> TempDir {
        self.key(Modifiers::COMMAND, Key::Q);
        let status = self.program.wait().unwrap();
        assert!(status.success(), "{status}");
        std::mem::replace(&mut self.home, tempfile::tempdir().unwrap())
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

/// Runs the same program on the command line.
pub(crate) fn command(home: &Path, line: &str) {
    let out = Command::new(env!("CARGO_BIN_EXE_diffusion-studio"))
        .args(line.split(' '))
        .env("HOME", home)
        .output()
        .unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Widgets with a name or a value, one a line.
pub(crate) fn listed(widgets: &[Widget]) -> String {
    let mut text = String::new();
    for w in widgets.iter().filter(|w| !w.name.is_empty() || !w.value.is_empty()) {
        let disabled = if w.disabled { " (disabled)" } else { "" };
        writeln!(text, "{:?} {:?} {:?}{disabled} {:?}", w.role, w.name, w.value, w.rect).unwrap();
    }
    text
}

/// Where the program keeps its runs.
pub(crate) fn runs(home: &Path) -> Vec<PathBuf> {
    let folder = home.join(".local/share/diffusion-studio/runs");
    let mut runs: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    runs.sort();
    runs
}
