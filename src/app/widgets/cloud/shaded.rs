//! The cloud as a graphics processor draws it: places are uploaded when they change, all else is a number.

use std::sync::Arc;

use eframe::egui::{Context, Mesh, Shape};

use super::{
    ARROW_WIDTH, Cloud, Clouds, DATA_DOTS, DATA_RADIUS, DATA_STRENGTH, DOT_STRENGTH, Key, Steps, TRAIL_WIDTH,
    arrow_inks, faded, spread,
};
use crate::{
    app::{
        gpu::{Arrows, Shader, Swarm, View, Window},
        theme::Palette,
    },
    draw::scatter::radius,
    engine::event::Field,
};

/// Places in graphics memory, and what they were made of.
#[derive(Debug, Default)]
pub(super) struct Shaded {
    /// What all else lies on, as it was drawn last: a density is costly to count.
    ground: Option<(Key, Arc<Mesh>)>,
    data: Layer<u64>,
    field: Layer<(u64, f64)>,
    swarm: Layer<(u64, usize, usize, f64, bool)>,
}

#[derive(Debug)]
struct Layer<K> {
    view: Option<View>,
    made: Option<K>,
}

impl<K> Default for Layer<K> {
    fn default() -> Self {
        Self { view: None, made: None }
    }
}

impl<K: PartialEq> Layer<K> {
    /// The view with what belongs to `key` in it. `None` without a graphics processor, or when it is too much.
    fn of(
        &mut self,
        ctx: &Context,
        shader: Shader,
        key: K,
        upload: impl FnOnce(&mut View) -> bool,
    ) -> Option<&mut View> {
        let view = View::within(&mut self.view, ctx, shader)?;
        if self.made.as_ref() != Some(&key) {
            self.made = upload(view).then_some(key);
        }
        self.made.is_some().then_some(view)
    }
}

impl Clouds {
    /// What is drawn, from the ground up. `None` where it is to be drawn as a mesh.
    pub(super) fn shaded<S: Steps + ?Sized>(
        &mut self,
        ctx: &Context,
        cloud: &Cloud<'_, S>,
        here: &[[f32; 2]],
        key: &Key,
        palette: &Palette,
    ) -> Option<Vec<Shape>> {
        let window = Window::new(key.view.area.center(), key.view.centre, key.view.scale);
        let clip = key.view.area;
        let shaded = self.shaded.entry(cloud.aspect).or_default();
        let unmarked = Key {
            chosen: None,
            hovered: None,
            ..*key
        };
        let known = shaded.ground.take().filter(|(drawn, _)| *drawn == unmarked);
        let (_, ground) = shaded.ground.insert(known.unwrap_or_else(|| {
            let mut ground = self.sprite.mesh(ctx);
            cloud.ground(&mut ground, here, &key.view, palette);
            (unmarked, Arc::new(ground))
        }));
        let mut shapes = vec![Shape::Mesh(ground.clone())];

        if let Some(data) = cloud.data_dots() {
            let view = shaded.data.of(ctx, Shader::Points, key.owner, |view| {
                let dots: Vec<_> = spread(data.len(), DATA_DOTS).map(|i| data[i]).collect();
                Swarm::upload(view, [&dots[..]].into_iter())
            })?;
            let ink = (DATA_RADIUS, faded(palette.data, DATA_STRENGTH));
            let swarm = Swarm::new(window, data.len().min(DATA_DOTS), ink, (0.0, &[]));
            shapes.push(swarm.shape(view, clip));
        }
        if let Some(field) = cloud.arrows() {
            let score = field.score.as_chunks().0;
            let made = (key.owner, field.level.t);
            let view = shaded
                .field
                .of(ctx, Shader::Field, made, |view| Arrows::upload(view, score))?;
            shapes.push(arrows(window, field, palette).shape(view, clip, score.len()));
        }
        let older = cloud.trails(here);
        let made = (key.owner, key.index, key.reached, key.fraction, key.layers.trails);
        let view = shaded.swarm.of(ctx, Shader::Points, made, |view| {
            Swarm::upload(view, older.iter().rev().copied().chain([here]))
        })?;
        let colour = cloud.colour(palette);
        let ink = (radius(here.len()), faded(colour, DOT_STRENGTH));
        let inks = cloud.trail_inks(older.len(), here, colour);
        shapes.push(Swarm::new(window, here.len(), ink, (TRAIL_WIDTH, &inks)).shape(view, clip));

        let mut marks = self.sprite.mesh(ctx);
        cloud.marks(&mut marks, here, key, palette);
        shapes.push(Shape::Mesh(Arc::new(marks)));
        Some(shapes)
    }
}

fn arrows(window: Window, field: &Field, palette: &Palette) -> Arrows {
    let grid = (field.side, field.extent, field.level.sigma as f32);
    Arrows::new(window, grid, ARROW_WIDTH, arrow_inks(palette.field))
}
