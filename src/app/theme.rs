//! All colours, sizes and fonts.

use std::sync::Arc;

use eframe::egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, RichText, Shadow, Stroke,
    Style, TextStyle, Theme, ThemePreference, Ui, Visuals,
    style::{HandleShape, Selection, Spacing, WidgetVisuals, Widgets},
    vec2,
};

use super::action::ThemeChoice;

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
    /// A control under the pointer.
    pub hover: Color32,
    /// Edge of a control under the pointer.
    pub edge: Color32,
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

/// Seconds in which a control changes its looks.
const FADE_SECS: f32 = 0.12;

/// Share of its ink in the background of a chip.
pub const CHIP: f32 = 0.08;

/// Light on dark.
pub const DARK: Palette = Palette {
    ground: Color32::from_rgb(0x10, 0x12, 0x16),
    panel: Color32::from_rgb(0x17, 0x1a, 0x20),
    raised: Color32::from_rgb(0x22, 0x26, 0x2e),
    sunken: Color32::from_rgb(0x0c, 0x0e, 0x12),
    line: Color32::from_rgb(0x30, 0x35, 0x40),
    hover: Color32::from_rgb(0x2c, 0x31, 0x3b),
    edge: Color32::from_rgb(0x4a, 0x52, 0x61),
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
    hover: Color32::from_rgb(0xee, 0xf2, 0xfa),
    edge: Color32::from_rgb(0xa9, 0xb1, 0xbe),
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

/// The semi-bold family.
pub fn strong() -> FontFamily {
    FontFamily::Name("strong".into())
}

/// A title of a whole page.
pub fn title(text: impl Into<String>) -> RichText {
    RichText::new(text).font(FontId::new(30.0, strong()))
}

/// A title of a part of a page.
pub fn heading(text: impl Into<String>) -> RichText {
    RichText::new(text).font(FontId::new(15.0, strong()))
}

/// A number in columns that must not jump.
pub fn number(text: impl Into<String>) -> RichText {
    RichText::new(text).text_style(TextStyle::Monospace)
}

/// Width of each character of a [`number`], in points.
pub fn number_width(ui: &Ui) -> f32 {
    let font = TextStyle::Monospace.resolve(ui.style());
    ui.fonts_mut(|fonts| fonts.glyph_width(&font, '0'))
}

/// Small secondary text.
pub fn caption(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).small().color(palette(ui).weak)
}

impl From<ThemeChoice> for ThemePreference {
    fn from(choice: ThemeChoice) -> Self {
        match choice {
            ThemeChoice::System => Self::System,
            ThemeChoice::Light => Self::Light,
            ThemeChoice::Dark => Self::Dark,
        }
    }
}

/// Gives the context its fonts and both styles.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    ctx.set_style_of(Theme::Dark, style(&DARK, Visuals::dark()));
    ctx.set_style_of(Theme::Light, style(&LIGHT, Visuals::light()));
    ctx.options_mut(|o| o.zoom_with_keyboard = false);
}

/// Whether controls change at once instead of fading.
pub fn set_still(ctx: &Context, still: bool) {
    ctx.all_styles_mut(|style| style.animation_time = if still { 0.0 } else { FADE_SECS });
}

/// Inter for text, `JetBrains` Mono for numbers, Material Symbols for icons; egui's own fonts behind them.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let files: [(&str, &'static [u8]); 3] = [
        ("inter", include_bytes!("../../assets/fonts/Inter-Regular.otf")),
        (
            "inter-semibold",
            include_bytes!("../../assets/fonts/Inter-SemiBold.otf"),
        ),
        (
            "jetbrains-mono",
            include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf"),
        ),
    ];
    for (name, bytes) in files {
        fonts
            .font_data
            .insert(name.into(), Arc::new(FontData::from_static(bytes)));
    }
    let icons = egui_material_icons::font_insert();
    fonts.font_data.insert(icons.name.clone(), Arc::new(icons.data));
    let behind = fonts
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    let mut family = |family: FontFamily, first: &[&str]| {
        let names = first.iter().map(|&n| n.to_owned()).chain([icons.name.clone()]);
        fonts
            .families
            .insert(family, names.chain(behind.iter().cloned()).collect());
    };
    family(FontFamily::Proportional, &["inter"]);
    family(strong(), &["inter-semibold"]);
    family(FontFamily::Monospace, &["jetbrains-mono", "inter"]);
    family(FontFamily::Name(egui_material_icons::FONT_FAMILY.into()), &[]);
    fonts
}

fn style(p: &Palette, base: Visuals) -> Style {
    Style {
        text_styles: [
            (TextStyle::Small, FontId::proportional(12.0)),
            (TextStyle::Body, FontId::proportional(13.5)),
            (TextStyle::Button, FontId::proportional(13.5)),
            (TextStyle::Heading, FontId::new(18.0, strong())),
            (TextStyle::Monospace, FontId::monospace(12.5)),
        ]
        .into(),
        animation_time: FADE_SECS,
        spacing: spacing(),
        visuals: visuals(p, base),
        ..Style::default()
    }
}

fn spacing() -> Spacing {
    Spacing {
        item_spacing: vec2(8.0, 6.0),
        button_padding: vec2(10.0, 4.0),
        window_margin: Margin::same(14),
        menu_margin: Margin::same(8),
        interact_size: vec2(36.0, 26.0),
        slider_rail_height: 4.0,
        icon_width: 16.0,
        icon_width_inner: 9.0,
        icon_spacing: 6.0,
        tooltip_width: 340.0,
        combo_height: 320.0,
        ..Spacing::default()
    }
}

fn visuals(p: &Palette, base: Visuals) -> Visuals {
    let shadow = Shadow {
        offset: [0, 6],
        blur: 20,
        spread: 0,
        color: Color32::from_black_alpha(if base.dark_mode { 110 } else { 40 }),
    };
    Visuals {
        weak_text_color: Some(p.weak),
        widgets: widgets(p),
        selection: Selection {
            bg_fill: p.selected,
            stroke: Stroke::new(1.0, p.text),
        },
        hyperlink_color: p.accent,
        faint_bg_color: p.raised.gamma_multiply(0.5),
        extreme_bg_color: p.sunken,
        code_bg_color: p.raised,
        warn_fg_color: p.warn,
        error_fg_color: p.bad,
        window_corner_radius: CornerRadius::same(10),
        window_shadow: shadow,
        window_fill: p.panel,
        window_stroke: Stroke::new(1.0, p.line),
        menu_corner_radius: CornerRadius::same(8),
        panel_fill: p.panel,
        popup_shadow: shadow,
        slider_trailing_fill: true,
        handle_shape: HandleShape::Circle,
        indent_has_left_vline: false,
        disabled_alpha: 0.45,
        ..base
    }
}

fn widgets(p: &Palette) -> Widgets {
    let look = |fill: Color32, edge: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, edge),
        fg_stroke: Stroke::new(1.0, text),
        corner_radius: CornerRadius::same(6),
        expansion: 0.0,
    };
    Widgets {
        noninteractive: look(p.panel, p.line, p.text),
        inactive: look(p.raised, p.line, p.text),
        hovered: look(p.hover, p.edge, p.text),
        active: look(p.selected, p.accent, p.text),
        open: look(p.hover, p.edge, p.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.
    fn luminance(c: Color32) -> f64 {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(c.r()) + 0.7152 * linear(c.g()) + 0.0722 * linear(c.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_of_black_and_white_is_21() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-9);
    }

    #[test]
    fn all_text_can_be_read() {
        for p in [&DARK, &LIGHT] {
            for (back, on) in [p.ground, p.panel, p.raised, p.sunken]
                .iter()
                .zip(["ground", "panel", "raised", "sunken"])
            {
                let inks = [p.text, p.weak, p.accent, p.good, p.warn, p.bad];
                for (ink, name) in inks.into_iter().zip(["text", "weak", "accent", "good", "warn", "bad"]) {
                    let c = contrast(*back, ink);
                    assert!(c >= 4.5, "{name} on {on}: {c:.2}");
                }
            }
            for (back, ink) in [
                (p.accent, p.on_accent),
                (p.selected, p.text),
                (p.selected, p.weak),
                (p.hover, p.text),
            ] {
                assert!(
                    contrast(back, ink) >= 4.5,
                    "{back:?} {ink:?}: {:.2}",
                    contrast(back, ink)
                );
            }
        }
    }

    #[test]
    fn chips_can_be_read() {
        for p in [&DARK, &LIGHT] {
            for back in [p.ground, p.panel, p.raised] {
                for ink in [p.good, p.warn, p.bad, p.weak] {
                    let chip = back.blend(ink.gamma_multiply(CHIP));
                    assert!(
                        contrast(chip, ink) >= 4.5,
                        "{ink:?} on {back:?}: {:.2}",
                        contrast(chip, ink)
                    );
                }
            }
        }
    }

    #[test]
    fn all_marks_can_be_seen() {
        for p in [&DARK, &LIGHT] {
            for mark in [
                p.data,
                p.sample,
                p.noise,
                p.field,
                p.curve,
                p.curve_other,
                p.good,
                p.bad,
            ] {
                assert!(
                    contrast(p.sunken, mark) >= 3.0,
                    "{mark:?}: {:.2}",
                    contrast(p.sunken, mark)
                );
            }
        }
    }
}
