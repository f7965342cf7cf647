//! Paint a hole in a picture and have it filled: the canvas with its tools, where the picture comes from, what is to be
//! done, and the answers.

mod bench;
mod job;
mod source;
mod tools;
mod tray;
mod work;

use eframe::egui::{
    self, Align, Align2, CentralPanel, CursorIcon, Frame as Pane, Label, Layout, Margin, Panel, RichText, ScrollArea,
    Sense, Shape, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, vec2,
};
use egui_material_icons::icons;

use self::{job::Job, work::Wish};
use super::time_bar::{clock_keys_without_space, time_bar_panel};
use crate::{
    app::{
        action::Action,
        easel::Easel,
        export::{Content, Saving},
        keys::{self, Does},
        playback::PlaybackCommand,
        state::AppState,
        theme,
        widgets::{
            button,
            canvas::{self, Canvas, Face, Placed, Shown},
            form,
            hand::{Hand, Tool, hand_is_down},
            levels::level_line,
        },
    },
    data::{Dataset, Picture},
    draw::{
        Raster,
        mask::{Coverage, Edit},
    },
    engine::{
        Command,
        command::{Model, SampleRequest},
    },
    math::Domain,
};

/// The picture that is worked on, the tools, what was asked for, and what is uploaded.
#[derive(Debug, Default)]
pub struct InpaintDraft {
    /// The picture with its drawing; `None` before one was chosen.
    pub easel: Option<Easel>,
    /// The tools.
    pub hand: Hand,
    /// What is uploaded.
    pub canvas: Canvas,
    source: source::SourceDraft,
    tools: tools::ToolsDraft,
    work: work::WorkDraft,
    tray: tray::TrayDraft,
    bench: bench::BenchDraft,
    /// Whether the answers are shown in place of the settings.
    answers: bool,
    jobs: Vec<Job>,
    /// Jobs so far.
    asked: u64,
    /// What was drawn when the panel was shown last.
    drawn: u64,
}

impl InpaintDraft {
    /// Works on another picture from now on. Answers to the one before cannot be laid over it.
    pub fn take(&mut self, easel: Easel, state: &AppState, out: &mut Vec<Action>) {
        self.cancel(state, out);
        self.jobs.clear();
        if let Some(source) = easel.source() {
            self.work.suggest(state, source);
        }
        self.tray = tray::TrayDraft::default();
        self.answers = false;
        self.work.forget();
        self.easel = Some(easel);
        self.canvas.forget();
    }

    /// Takes pictures from these data; the next one.
    pub fn take_data(&mut self, data: Dataset) -> Option<Action> {
        let easel = self.source.take(data)?;
        Some(Action::Work(Box::new(easel)))
    }

    /// Puts a picture in place of the mask.
    pub fn take_mask(&mut self, picture: &Picture) -> Result<(), String> {
        let Some(easel) = &mut self.easel else {
            return Err("Choose a picture first; the mask is then put over it.".into());
        };
        let mask = Coverage::from_light(&crate::app::easel::on_white(picture));
        self.hand.edit(easel, Edit::Picture(mask));
        Ok(())
    }

    /// What some weights make was found out.
    pub fn learn(&mut self, model: Model, domain: Result<Domain, String>) {
        self.work.learn(model, domain);
    }

    /// Ends what is under way.
    pub fn cancel(&self, state: &AppState, out: &mut Vec<Action>) {
        for job in &self.jobs {
            work::cancel(state, job, out);
        }
    }

    /// Asks the engine for what the form wishes.
    fn fulfil(&mut self, wish: Wish, state: &AppState, out: &mut Vec<Action>) {
        match wish {
            Wish::Run(requests) => {
                self.end_previews(state, out);
                self.answers = true;
                let alone = requests.len() == 1;
                for request in requests {
                    let number = self.ask(request, false, out);
                    number.filter(|_| alone).into_iter().for_each(|n| self.tray.follow(n));
                }
            }
            Wish::Preview(request) => {
                self.end_previews(state, out);
                if let Some(number) = self.ask(*request, true, out) {
                    self.tray.follow(number);
                }
            }
            Wish::Cancel => self.cancel(state, out),
            Wish::Compare => self.bench.open = true,
        }
    }

    fn ask(&mut self, request: SampleRequest, live: bool, out: &mut Vec<Action>) -> Option<u64> {
        let easel = self.easel.as_ref()?;
        self.asked += 1;
        self.jobs.push(Job::new(self.asked, &request, easel, live)?);
        out.push(Action::Engine(Command::Sample(Box::new(request))));
        Some(self.asked)
    }

    /// Takes quick looks away.
    fn end_previews(&mut self, state: &AppState, out: &mut Vec<Action>) {
        for job in self.jobs.iter().filter(|job| job.live) {
            work::cancel(state, job, out);
            out.extend(job.view(state).map(|view| Action::Forget(view.info.id)));
        }
        self.jobs.retain(|job| !job.live);
    }
}

/// Paint a hole in a picture, and have it filled.
pub fn inpaint_panel(ui: &mut Ui, state: &AppState, draft: &mut InpaintDraft, out: &mut Vec<Action>) {
    let form = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    let pane = form;
    let Some(mut easel) = draft.easel.take() else {
        CentralPanel::default()
            .frame(pane)
            .show(ui, |ui| empty(ui, &mut draft.source, state, out));
        return;
    };
    draft.work.measure(state, &draft.jobs);
    // There from the start, so that the picture does not move under the hand as answers come and go.
    clock(ui, state, draft, out);
    let known = draft.work.known(state, out);
    let size = known.domain.and_then(job::size_of).map(|(size, _)| size);
    Panel::left("inpaint tools")
        .frame(form)
        .default_size(272.0)
        .size_range(256.0..=360.0)
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                source::source_form(ui, state, &mut draft.source, out);
                let framed = size.filter(|size| *size != [easel.picture().width, easel.picture().height]);
                tools::tools_form(ui, &mut easel, &mut draft.hand, &mut draft.tools, framed, out);
            });
        });
    if let Some(size) = size {
        easel.suit(size);
        draft.work.look(&easel, size, draft.hand.drawn());
    }
    let mut wish = None;
    Panel::right("inpaint work")
        .frame(form)
        .default_size(290.0)
        .size_range(270.0..=420.0)
        .show(ui, |ui| {
            Panel::bottom("inpaint run")
                .resizable(false)
                .frame(Pane::new())
                .show(ui, |ui| {
                    ui.add_space(8.0);
                    wish = work::run_bar(ui, state, &mut draft.work, &easel, &draft.jobs, &known);
                });
            let answers = draft.jobs.iter().map(|job| job.candidates(state).len()).sum();
            tabs(ui, &mut draft.answers, answers);
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                if draft.answers {
                    tray::tray(ui, state, &mut draft.jobs, &mut easel, &mut draft.tray, out);
                } else {
                    work::work_form(ui, state, &mut draft.work, &easel, &known, out);
                }
            });
        });
    CentralPanel::default().frame(pane).show(ui, |ui| {
        draft.hand.keys(ui, &mut easel);
        header(ui, &easel, &mut draft.canvas, out);
        ui.add_space(4.0);
        sheet(ui, state, &mut easel, draft, size);
    });
    let hand = (draft.hand.is_down(), draft.hand.drawn());
    let live = draft.work.live(ui, state, &easel, &known, hand);
    let methods = bench::bench_window(ui.ctx(), state, &mut draft.bench, &draft.work, &draft.jobs, out);
    let compared = methods.map(|methods| {
        let requests = methods.iter().map(|method| draft.work.request(&easel, &known, method));
        Wish::Run(requests.collect())
    });
    draft.easel = Some(easel);
    if draft.hand.is_down() && draft.hand.tool != Tool::Frame {
        // What is drawn must be seen.
        draft.tray.selected = None;
        draft.end_previews(state, out);
    }
    if draft.hand.drawn() != std::mem::replace(&mut draft.drawn, draft.hand.drawn()) {
        draft.tray.selected = None;
    }
    for wish in [wish, live, compared].into_iter().flatten() {
        ui.ctx().request_repaint();
        draft.fulfil(wish, state, out);
    }
}

/// Settings, or the answers.
fn tabs(ui: &mut Ui, answers: &mut bool, count: usize) {
    ui.horizontal(|ui| {
        let text = if count == 0 {
            "Answers".into()
        } else {
            format!("Answers {count}")
        };
        for (value, text, name) in [(false, "Settings".into(), "Settings"), (true, text, "Answers")] {
            if button::tab(ui, text, name, *answers == value).clicked() {
                *answers = value;
            }
        }
    });
    ui.add_space(6.0);
}

/// The time bar under the levels of the selected answer; without one, empty.
fn clock(ui: &mut Ui, state: &AppState, draft: &InpaintDraft, out: &mut Vec<Action>) {
    let job = draft
        .tray
        .selected
        .and_then(|(number, _)| draft.jobs.iter().find(|job| job.number == number));
    let id = job.and_then(|job| job.view(state)).map(|view| view.info.id);
    let view = state.trajectory().filter(|view| Some(view.info.id) == id);
    if view.is_some() {
        clock_keys_without_space(ui, state, out);
    }
    Panel::bottom("time bar").resizable(false).show(ui, |ui| {
        let size = vec2(ui.available_width(), 44.0);
        if let Some(view) = view {
            let seek = level_line(ui, view, state.playback.index(), size);
            out.extend(seek.map(|frame| Action::Playback(PlaybackCommand::Seek(frame))));
        } else {
            let (area, _) = ui.allocate_exact_size(size, Sense::hover());
            let colours = theme::palette(ui);
            ui.painter().rect_filled(area, 4.0, colours.sunken);
            let text = "Here you scrub the way to an answer, from noise to the filled picture.";
            let font = TextStyle::Small.resolve(ui.style());
            ui.painter()
                .text(area.center(), Align2::CENTER_CENTER, text, font, colours.weak);
        }
        ui.add_enabled_ui(view.is_some(), |ui| time_bar_panel(ui, state, out));
    });
}

fn empty(ui: &mut Ui, draft: &mut source::SourceDraft, state: &AppState, out: &mut Vec<Action>) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.28).max(20.0));
        ui.set_max_width(460.0);
        ui.label(theme::title("Paint what is to be filled"));
        ui.add_space(6.0);
        let text = "Choose a picture, or drop one here. Then paint over the part that is to be made anew.";
        ui.label(RichText::new(text).color(theme::palette(ui).weak));
        ui.add_space(12.0);
        source::source_buttons(ui, state, draft, out);
    });
}

/// What is worked on, how large it is shown, and what can be written of it.
fn header(ui: &mut Ui, easel: &Easel, canvas: &mut Canvas, out: &mut Vec<Action>) {
    let size = vec2(ui.available_width(), 30.0);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        save_menu(ui, easel, out);
        let fits = if canvas.camera.fits() {
            Err("All of it is shown")
        } else {
            Ok(())
        };
        if button::icon_if(ui, icons::ICON_FIT_SCREEN, "Fit the picture", fits).clicked() {
            canvas.camera.fit();
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(theme::heading(&easel.name)).truncate());
            let picture = easel.picture();
            let colour = if picture.channels == 1 { "grey" } else { "colour" };
            let facts = format!("{}×{}, {colour}", picture.width, picture.height);
            ui.add(Label::new(theme::caption(ui, facts)).truncate());
            if !easel.layers().is_empty() {
                let layers = format!("{} filled in", easel.layers().len());
                form::chip(ui, &layers, theme::palette(ui).good);
            }
        });
    });
}

fn save_menu(ui: &mut Ui, easel: &Easel, out: &mut Vec<Action>) {
    let stem = std::path::Path::new(&easel.name).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy().to_lowercase().replace(' ', "-");
    let mask = easel.sketch().mask();
    let choices = [
        (
            "Picture…",
            "The picture with everything that was accepted and painted",
            "picture",
        ),
        ("Mask…", "White is filled, black stays", "mask"),
    ];
    let label = (icons::ICON_DOWNLOAD.rich_text(), "Save");
    let menu = ui.menu_button(label, |ui| {
        for (text, help, kind) in choices {
            if ui.button(text).on_hover_text(help).clicked() {
                let raster = match kind {
                    "mask" => Raster {
                        width: mask.width(),
                        height: mask.height(),
                        channels: 1,
                        data: mask.to_pixels().into_flattened(),
                    },
                    _ => easel.sketch().over(easel.picture()),
                };
                out.push(Action::Save(Box::new(Saving {
                    title: format!("Save the {kind}"),
                    name: format!("{stem}-{kind}.png"),
                    content: Content::Picture(raster),
                })));
                ui.close();
            }
        }
    });
    button::name(&menu.response, "Save");
}

/// The canvas and one line of facts below it.
fn sheet(ui: &mut Ui, state: &AppState, easel: &mut Easel, draft: &mut InpaintDraft, model: Option<[usize; 2]>) {
    let InpaintDraft {
        hand,
        canvas,
        tray,
        jobs,
        ..
    } = draft;
    let size = vec2(ui.available_width(), (ui.available_height() - 24.0).max(80.0));
    let (area, response) = ui.allocate_exact_size(size, Sense::drag());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, "Canvas"));
    let palette = theme::palette(ui);
    ui.painter().rect_filled(area, 4.0, palette.ground);
    let picture = [easel.picture().width, easel.picture().height];
    let ppp = ui.ctx().pixels_per_point();
    let placed = canvas.camera.place(area.shrink(6.0), picture, ppp);
    canvas_keys(ui, &placed, canvas);
    let moves = canvas::steer(ui, &response, &placed, &mut canvas.camera, hand_is_down(ui));
    if !moves {
        hand.work(ui, &response, &placed, easel);
    }
    let placed = canvas.camera.place(area.shrink(6.0), picture, ppp);
    let peeks = keys::held(ui.ctx(), Does::Original);
    let answer = tray.face(state, jobs, easel, state.playback.index());
    let shown = Shown {
        mask: !peeks && answer.is_none() && !keys::held(ui.ctx(), Does::Beneath),
        face: if peeks {
            Face::Original
        } else {
            answer.unwrap_or(Face::Present)
        },
    };
    canvas.paint(ui, &placed, easel, &shown);
    let painter = ui.painter_at(area);
    painter.rect_stroke(placed.whole(), 0.0, Stroke::new(1.0, palette.edge), StrokeKind::Outside);
    if model.is_some_and(|size| size != picture) {
        frame_line(&painter, placed.rect(easel.frame()));
    }
    let pointer = response.hover_pos().filter(|_| !moves);
    let cursor = hand.paint(&painter, &placed, pointer);
    let cursor = if moves { CursorIcon::Grab } else { cursor };
    let response = response.on_hover_cursor(cursor);
    ui.add(
        Label::new(theme::number(facts(easel, canvas, &placed, response.hover_pos())).color(palette.weak)).truncate(),
    );
}

/// The part that the model sees.
fn frame_line(painter: &egui::Painter, rect: egui::Rect) {
    for (width, ink) in [
        (3.0, egui::Color32::from_black_alpha(140)),
        (1.5, egui::Color32::from_white_alpha(230)),
    ] {
        let corners = [
            rect.left_top(),
            rect.right_top(),
            rect.right_bottom(),
            rect.left_bottom(),
            rect.left_top(),
        ];
        painter.extend(Shape::dashed_line(&corners, Stroke::new(width, ink), 7.0, 5.0));
    }
}

fn canvas_keys(ui: &Ui, placed: &Placed, canvas: &mut Canvas) {
    let ctx = ui.ctx();
    let middle = placed.area.center();
    if keys::pressed(ctx, Does::Fit) {
        canvas.camera.fit();
    }
    for times in [1, 2, 4] {
        if keys::pressed(ctx, Does::Magnify(times)) {
            let scale = f32::from(times) / ctx.pixels_per_point();
            canvas.camera.set(placed, middle, scale);
        }
    }
    for (does, factor) in [(Does::ZoomIn, 1.25), (Does::ZoomOut, 0.8)] {
        if keys::pressed(ctx, does) {
            canvas.camera.zoom(placed, middle, factor);
        }
    }
}

/// `400 %  12.5 % is filled  pixel 3,14  200 10 30`.
fn facts(easel: &Easel, canvas: &Canvas, placed: &Placed, pointer: Option<egui::Pos2>) -> String {
    let mut parts = vec![format!("{:.0} %", 100.0 * placed.scale)];
    parts.push(match canvas.share() {
        share if share <= 0.0 => "nothing is to be filled yet".into(),
        share => format!("{:.1} % to be filled", 100.0 * share),
    });
    if let Some(at) = pointer.map(|at| placed.pixel(at)) {
        let inside = (0..2).all(|i| at[i] >= 0.0 && at[i] < placed.size[i] as f32);
        if inside {
            let (x, y) = (at[0] as usize, at[1] as usize);
            let bytes: Vec<String> = canvas::value(easel.picture(), x, y).iter().map(u8::to_string).collect();
            parts.push(format!("pixel {x},{y}  {}", bytes.join(" ")));
        }
    }
    parts.join("   ")
}
