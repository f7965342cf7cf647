//! The bench: several methods on the same mask and seed, their figures as a table, their answers as a matrix.

use eframe::egui::{self, Align2, Context, Grid, RichText, ScrollArea, Ui, Window};
use egui_material_icons::icons;

use super::{
    job::{self, Job},
    work::{WorkDraft, able},
};
use crate::{
    app::{
        action::Action,
        export::{Content, Saving},
        keys,
        quantities::{Quantity, picture},
        state::AppState,
        theme,
        widgets::{button, number::number},
        words,
    },
    draw::Raster,
    engine::event::{Candidate, Figures},
    math::Spec,
};

/// Which methods are compared, and how the table is sorted.
#[derive(Debug, Default)]
pub(super) struct BenchDraft {
    pub(super) open: bool,
    /// Ids of the chosen methods; `None` before anything was chosen.
    chosen: Option<Vec<String>>,
    sorted: Option<(Column, bool)>,
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Method,
    Candidate,
    Psnr,
    Ssim,
    Seam,
    Residual,
    Diversity,
    Calls,
    Secs,
}

impl Column {
    const ALL: [Self; 9] = [
        Self::Method,
        Self::Candidate,
        Self::Psnr,
        Self::Ssim,
        Self::Seam,
        Self::Residual,
        Self::Diversity,
        Self::Calls,
        Self::Secs,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Method => "Method",
            Self::Candidate => "No.",
            Self::Psnr => "PSNR dB",
            Self::Ssim => "SSIM",
            Self::Seam => "Seam",
            Self::Residual => "Residual",
            Self::Diversity => "Diversity",
            Self::Calls => "Calls",
            Self::Secs => "Seconds",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Method => "With its steps and seed",
            Self::Candidate => "Which candidate; each has its own noise",
            _ => self.quantity().map_or("", |of| of.said),
        }
    }

    /// A figure in its formula.
    fn values(self, value: f64) -> String {
        match self {
            Self::Psnr => picture::psnr(value),
            _ => picture::plain(self.label(), value),
        }
    }

    fn quantity(self) -> Option<&'static Quantity> {
        match self {
            Self::Method | Self::Candidate => None,
            Self::Psnr => Some(&picture::PSNR),
            Self::Ssim => Some(&picture::SSIM),
            Self::Seam => Some(&picture::SEAM),
            Self::Residual => Some(&picture::RESIDUAL),
            Self::Diversity => Some(&picture::DIVERSITY),
            Self::Calls => Some(&picture::CALLS),
            Self::Secs => Some(&picture::SECS),
        }
    }
}

/// A line of the table.
#[derive(Clone, Debug)]
struct Line {
    name: String,
    sample: usize,
    one: Candidate,
    diversity: Option<f64>,
    calls: f64,
    secs: f64,
}

impl Line {
    fn new(name: &str, sample: usize, figures: &Figures) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            sample,
            one: figures.candidates.get(sample)?.clone(),
            diversity: figures.diversity,
            calls: figures.calls,
            secs: figures.secs,
        })
    }

    fn number(&self, column: Column) -> Option<f64> {
        match column {
            Column::Method => None,
            Column::Candidate => Some((self.sample + 1) as f64),
            Column::Psnr => self.one.psnr_db,
            Column::Ssim => self.one.ssim,
            Column::Seam => self.one.seam,
            Column::Residual => Some(self.one.residual),
            Column::Diversity => self.diversity,
            Column::Calls => Some(self.calls),
            Column::Secs => Some(self.secs),
        }
    }

    fn text(&self, column: Column) -> String {
        match column {
            Column::Method => self.name.clone(),
            Column::Candidate | Column::Calls => self.number(column).map_or_else(String::new, |v| format!("{v:.0}")),
            Column::Psnr => self.number(column).map_or_else(|| "–".into(), |v| format!("{v:.2}")),
            _ => self.number(column).map_or_else(|| "–".into(), words::number),
        }
    }
}

/// The window. Answers the methods that are to be run.
pub(super) fn bench_window(
    ctx: &Context,
    state: &AppState,
    draft: &mut BenchDraft,
    work: &WorkDraft,
    jobs: &[Job],
    out: &mut Vec<Action>,
) -> Option<Vec<Spec>> {
    if !draft.open {
        return None;
    }
    let mut run = None;
    let mut open = true;
    Window::new("Compare methods")
        .open(&mut open)
        .pivot(Align2::CENTER_CENTER)
        .default_pos(ctx.content_rect().center())
        .default_width(880.0)
        .default_height(460.0)
        .collapsible(false)
        .show(ctx, |ui| {
            run = choices(ui, draft, work);
            ui.separator();
            let lines = lines(state, jobs, draft.sorted);
            if lines.is_empty() {
                ui.label(theme::caption(
                    ui,
                    "Here come the figures of every answer, also of those made before.",
                ));
                return;
            }
            exports(ui, state, jobs, &lines, out);
            ScrollArea::both()
                .auto_shrink(false)
                .show(ui, |ui| table(ui, draft, &lines));
        });
    draft.open = open && !keys::closes(ctx);
    run
}

fn choices(ui: &mut Ui, draft: &mut BenchDraft, work: &WorkDraft) -> Option<Vec<Spec>> {
    let mut able = able(&work.task);
    able.retain(|entry| work.can_lead(entry.id));
    let chosen = draft
        .chosen
        .get_or_insert_with(|| able.iter().take(3).map(|e| e.id.to_owned()).collect());
    ui.horizontal_wrapped(|ui| {
        for entry in &able {
            let mut is_chosen = chosen.iter().any(|id| id == entry.id);
            if ui
                .checkbox(&mut is_chosen, entry.label)
                .on_hover_text(entry.help)
                .changed()
            {
                chosen.retain(|id| id != entry.id);
                if is_chosen {
                    chosen.push(entry.id.to_owned());
                }
            }
        }
    });
    let methods: Vec<Spec> = able
        .iter()
        .filter(|entry| chosen.iter().any(|id| id == entry.id))
        .map(|entry| {
            if entry.id == work.method.id {
                work.method.clone()
            } else {
                Spec::new(entry.id)
            }
        })
        .collect();
    let text = format!("Run {} methods, {} candidates each", methods.len(), work.count);
    let can = if methods.is_empty() {
        Err("Choose a method")
    } else {
        Ok(())
    };
    let press = button::primary(ui, icons::ICON_PLAY_ARROW, &text, can);
    let press = press.on_hover_text("Same picture, mask, seed and steps; every method with its published settings");
    press.clicked().then_some(methods)
}

/// Figures of all answers that are left, sorted.
fn lines(state: &AppState, jobs: &[Job], sorted: Option<(Column, bool)>) -> Vec<Line> {
    let mut lines: Vec<Line> = jobs
        .iter()
        .filter(|job| !job.live)
        .filter_map(|job| Some((job, job.view(state)?.figures.as_ref()?)))
        .flat_map(|(job, figures)| {
            let candidates = job.candidates(state).into_iter();
            candidates.filter_map(|sample| Line::new(&job.name, sample, figures))
        })
        .collect();
    if let Some((column, falling)) = sorted {
        lines.sort_by(|a, b| {
            let order = match (a.number(column), b.number(column)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                (None, None) => a.text(column).cmp(&b.text(column)),
                // What is not known comes last.
                (a, b) => return b.is_some().cmp(&a.is_some()),
            };
            if falling { order.reverse() } else { order }
        });
    }
    lines
}

fn table(ui: &mut Ui, draft: &mut BenchDraft, lines: &[Line]) {
    Grid::new("figures").striped(true).spacing([12.0, 4.0]).show(ui, |ui| {
        for column in Column::ALL {
            let arrow = match draft.sorted {
                Some((sorted, falling)) if sorted == column => {
                    if falling {
                        " ↓"
                    } else {
                        " ↑"
                    }
                }
                _ => "",
            };
            let text = RichText::new(format!("{}{arrow}", column.label())).strong();
            let head = ui.add(egui::Button::new(text).frame_when_inactive(false));
            button::name(&head, &format!("Sort by {}", column.label()));
            if head.on_hover_text(column.help()).clicked() {
                let falling = draft.sorted == Some((column, false));
                draft.sorted = Some((column, falling));
            }
        }
        ui.end_row();
        for line in lines {
            for column in Column::ALL {
                let text = theme::number(line.text(column));
                match column.quantity().zip(line.number(column)) {
                    Some((of, value)) => {
                        let subject = format!("{} of {}, {}", of.name, line.name, line.sample + 1);
                        number(ui, text, of, &subject, || column.values(value))
                    }
                    None if column == Column::Method => ui.label(line.text(column)),
                    None => ui.label(text),
                };
            }
            ui.end_row();
        }
    });
}

fn exports(ui: &mut Ui, state: &AppState, jobs: &[Job], lines: &[Line], out: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        if button::icon_text(ui, icons::ICON_TABLE_ROWS, "Save as CSV…").clicked() {
            out.push(Action::Save(Box::new(Saving {
                title: "Save the figures".into(),
                name: "figures.csv".into(),
                content: Content::Text(csv(lines)),
            })));
        }
        let matrix = matrix(state, jobs);
        let can = matrix.as_ref().map(|_| ()).ok_or("The answers have different sizes");
        if button::icon_text_if(ui, icons::ICON_GRID_ON, "Save the pictures…", can).clicked()
            && let Some(raster) = matrix
        {
            out.push(Action::Save(Box::new(Saving {
                title: "Save the answers: a row for each run".into(),
                name: "answers.png".into(),
                content: Content::Picture(raster),
            })));
        }
    });
}

fn csv(lines: &[Line]) -> String {
    let number = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
    let mut text = String::from("run,candidate,psnr_db,ssim,seam,residual,diversity,calls,secs\n");
    for line in lines {
        let numbers = Column::ALL[1..].iter().map(|&column| number(line.number(column)));
        let numbers: Vec<String> = numbers.collect();
        let name = line.name.replace('"', "'");
        text.extend(["\"", &name, "\",", &numbers.join(","), "\n"]);
    }
    text
}

/// All answers, a row for each run, with a gap of two pixels; `None` where their sizes differ.
fn matrix(state: &AppState, jobs: &[Job]) -> Option<Raster> {
    let rows: Vec<Vec<Raster>> = jobs
        .iter()
        .filter(|job| !job.live)
        .filter_map(|job| Some((job, job.view(state)?.steps.last()?)))
        .map(|(job, step)| {
            job.candidates(state)
                .into_iter()
                .filter_map(|i| job::picture(&step.x, i))
                .collect()
        })
        .collect();
    arranged(&rows)
}

fn arranged(rows: &[Vec<Raster>]) -> Option<Raster> {
    const GAP: usize = 2;
    let first = rows.iter().flatten().next()?;
    let (width, height, channels) = (first.width, first.height, first.channels);
    let same = |p: &Raster| (p.width, p.height, p.channels) == (width, height, channels);
    if !rows.iter().flatten().all(same) {
        return None;
    }
    let columns = rows.iter().map(Vec::len).max()?;
    let side = |n: usize, of: usize| n * (of + GAP) - GAP;
    let mut sheet = Raster::filled(side(columns, width), side(rows.len(), height), channels, [255; 3]);
    for (y, row) in rows.iter().enumerate() {
        for (x, picture) in row.iter().enumerate() {
            sheet.paste(picture, x * (width + GAP), y * (height + GAP));
        }
    }
    Some(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, psnr_db: Option<f64>) -> Line {
        Line {
            name: name.into(),
            sample: 0,
            one: Candidate {
                residual: 0.0,
                consistency_db: None,
                psnr_db,
                ssim: Some(0.5),
                seam: None,
                class: None,
                class_probability: None,
            },
            diversity: None,
            calls: 50.0,
            secs: 1.5,
        }
    }

    #[test]
    fn a_line_of_csv_has_all_figures() {
        let text = csv(&[line("DDRM · \"x\"", Some(20.5)), line("DPS", None)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "\"DDRM · 'x'\",1,20.5,0.5,,0,,50,1.5");
        assert_eq!(lines[2], "\"DPS\",1,,0.5,,0,,50,1.5");
        assert!(lines.iter().all(|line| line.split(',').count() == 9));
    }

    #[test]
    fn the_matrix_has_a_row_for_each_run() {
        let picture = |v: u8| Raster::filled(4, 3, 1, [v; 3]);
        let sheet = arranged(&[vec![picture(1), picture(2)], vec![picture(3)]]).unwrap();
        assert_eq!((sheet.width, sheet.height), (10, 8));
        let at = |x: usize, y: usize| sheet.data[y * 10 + x];
        assert_eq!([at(0, 0), at(6, 2), at(3, 5), at(6, 5), at(4, 0)], [1, 2, 3, 255, 255]);
        assert!(arranged(&[vec![picture(1)], vec![Raster::filled(5, 3, 1, [0; 3])]]).is_none());
        assert!(arranged(&[]).is_none());
    }
}
