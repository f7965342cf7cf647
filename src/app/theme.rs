//! All colours, sizes and fonts.

use eframe::egui::{Color32, Context, Theme, Ui, Visuals};

/// The colours of one theme. Nothing outside this file names a colour.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Behind everything.
    pub ground: Color32,
    /// Panels.
    pub panel: Color32,
    /// Cards and fields that stand out from a panel.
    pub raised: Color32,
    /// Plots and picture areas that lie below a panel.
    pub sunken: Color32,
    /// Hairlines.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Secondary text; still 4.5:1 on every background above.
    pub weak: Color32,
    /// The one thing to press, the cursor, what is selected.
    pub accent: Color32,
    /// Text on `accent`.
    pub on_accent: Color32,
    /// Selected rows and tabs.
    pub selected: Color32,
    /// Went well, runs.
    pub good: Color32,
    /// Be careful, slower than it could be.
    pub warn: Color32,
    /// Failed, diverged.
    pub bad: Color32,
    /// Training data.
    pub data: Color32,
    /// What the network made.
    pub sample: Color32,
    /// Noise.
    pub noise: Color32,
    /// Score arrows.
    pub field: Color32,
    /// First curve of a plot.
    pub curve: Color32,
    /// The same curve, raw and faint.
    pub curve_faint: Color32,
    /// Curve to compare with.
    pub curve_other: Color32,
}

/// Light on dark.
pub const DARK: Palette = Palette {
    ground: Color32::from_rgb(0x10, 0x12, 0x16),
    panel: Color32::from_rgb(0x17, 0x1a, 0x20),
    raised: Color32::from_rgb(0x22, 0x26, 0x2e),
    sunken: Color32::from_rgb(0x0c, 0x0e, 0x12),
    line: Color32::from_rgb(0x30, 0x35, 0x40),
    text: Color32::from_rgb(0xe8, 0xea, 0xf0),
    weak: Color32::from_rgb(0xa3, 0xaa, 0xb8),
    accent: Color32::from_rgb(0x6e, 0xa8, 0xff),
    on_accent: Color32::from_rgb(0x0b, 0x15, 0x27),
    selected: Color32::from_rgb(0x24, 0x3a, 0x5e),
    good: Color32::from_rgb(0x5f, 0xd0, 0x96),
    warn: Color32::from_rgb(0xf2, 0xb8, 0x4b),
    bad: Color32::from_rgb(0xff, 0x86, 0x7c),
    data: Color32::from_rgb(0x8f, 0x99, 0xab),
    sample: Color32::from_rgb(0xff, 0xa6, 0x57),
    noise: Color32::from_rgb(0xb6, 0x9c, 0xff),
    field: Color32::from_rgb(0x4f, 0xc7, 0xc4),
    curve: Color32::from_rgb(0x6e, 0xa8, 0xff),
    curve_faint: Color32::from_rgb(0x31, 0x4a, 0x70),
    curve_other: Color32::from_rgb(0xff, 0xa6, 0x57),
};

/// Dark on light.
pub const LIGHT: Palette = Palette {
    ground: Color32::from_rgb(0xe9, 0xeb, 0xef),
    panel: Color32::from_rgb(0xf6, 0xf7, 0xf9),
    raised: Color32::from_rgb(0xff, 0xff, 0xff),
    sunken: Color32::from_rgb(0xff, 0xff, 0xff),
    line: Color32::from_rgb(0xd3, 0xd7, 0xde),
    text: Color32::from_rgb(0x1a, 0x1d, 0x23),
    weak: Color32::from_rgb(0x56, 0x5d, 0x6b),
    accent: Color32::from_rgb(0x1f, 0x5f, 0xd0),
    on_accent: Color32::from_rgb(0xff, 0xff, 0xff),
    selected: Color32::from_rgb(0xd5, 0xe3, 0xfb),
    good: Color32::from_rgb(0x0f, 0x70, 0x42),
    warn: Color32::from_rgb(0x8a, 0x56, 0x00),
    bad: Color32::from_rgb(0xb8, 0x24, 0x1c),
    data: Color32::from_rgb(0x7d, 0x86, 0x95),
    sample: Color32::from_rgb(0xc4, 0x50, 0x0c),
    noise: Color32::from_rgb(0x6b, 0x46, 0xc8),
    field: Color32::from_rgb(0x0b, 0x76, 0x78),
    curve: Color32::from_rgb(0x1f, 0x5f, 0xd0),
    curve_faint: Color32::from_rgb(0xb4, 0xc9, 0xee),
    curve_other: Color32::from_rgb(0xc4, 0x50, 0x0c),
};

/// The colours that are in use where `ui` draws.
pub fn palette(ui: &Ui) -> &'static Palette {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// Gives the context its fonts and both styles.
pub fn install(ctx: &Context) {
    egui_material_icons::initialize(ctx);
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_visuals_of(theme, visuals(theme));
    }
}

fn visuals(theme: Theme) -> Visuals {
    let (mut v, p) = match theme {
        Theme::Dark => (Visuals::dark(), &DARK),
        Theme::Light => (Visuals::light(), &LIGHT),
    };
    v.panel_fill = p.panel;
    v
}
