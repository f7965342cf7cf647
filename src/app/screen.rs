//! What a frame costs beyond the program's own code: drawing and waiting for the screen, and pictures that are uploaded.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::{
    egui::{
        self, Context, FullOutput, ImageData, Plugin, RawInput, Rect, Shape, TextureId,
        epaint::{ClippedShape, textures::TexturesDelta},
        mutex::Mutex,
    },
    egui_wgpu::{self, CallbackResources, CallbackTrait, wgpu},
};

/// Pictures that were handed to the renderer; letters are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uploads {
    /// Number of textures, or parts of them.
    pub pictures: usize,
    /// Their size.
    pub bytes: usize,
}

impl std::ops::AddAssign for Uploads {
    fn add_assign(&mut self, other: Self) {
        self.pictures += other.pictures;
        self.bytes += other.bytes;
    }
}

impl Uploads {
    fn of(delta: &TexturesDelta) -> Self {
        let mut all = Self::default();
        let pictures = delta.set.iter().filter(|(id, _)| **id != TextureId::default());
        for change in pictures.flat_map(|(_, changes)| changes) {
            let ImageData::Color(image) = &change.image;
            all += Self {
                pictures: 1,
                bytes: size_of_val(&*image.pixels),
            };
        }
        all
    }
}

/// When a frame began.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// Frames are counted from 1.
    pub number: u64,
    /// When its input was taken in.
    pub at: Instant,
}

/// A frame that is on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// When it began.
    pub begun: Begun,
    /// When it was on the screen.
    pub at: Instant,
    /// What it uploaded.
    pub uploads: Uploads,
}

impl Shown {
    /// The whole frame.
    pub fn time(&self) -> Duration {
        self.at.duration_since(self.begun.at)
    }
}

#[derive(Debug, Default)]
struct Noted {
    begun: Option<Begun>,
    /// The frame is laid out once more before it is painted.
    again: bool,
    uploads: Uploads,
    shown: Vec<Shown>,
}

/// Follows frames from their input to the screen.
#[derive(Clone, Default)]
pub struct Screen(Arc<Mutex<Noted>>);

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl Screen {
    /// Follows the frames of a window from now on.
    pub fn watch(ctx: &Context) -> Self {
        let screen = Self::default();
        ctx.add_plugin(Watch(screen.clone()));
        screen
    }

    /// The frame that is being made.
    pub fn begun(&self) -> Option<Begun> {
        self.0.lock().begun
    }

    /// The frames that came to the screen since the last call.
    pub fn shown(&self) -> Vec<Shown> {
        std::mem::take(&mut self.0.lock().shown)
    }
}

struct Watch(Screen);

impl Plugin for Watch {
    fn debug_name(&self) -> &'static str {
        "screen"
    }

    fn input_hook(&mut self, _ctx: &Context, _input: &mut RawInput) {
        let noted = &mut *self.0.0.lock();
        if !std::mem::take(&mut noted.again) {
            noted.begun = Some(Begun {
                number: noted.begun.map_or(1, |b| b.number + 1),
                at: Instant::now(),
            });
        }
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        let noted = &mut *self.0.0.lock();
        noted.uploads += Uploads::of(&output.textures_delta);
        let (passes, most) = (
            output.platform_output.num_completed_passes,
            ctx.options(|options| options.max_passes.get()),
        );
        noted.again = output.platform_output.requested_discard() && passes < most;
        let Some(begun) = noted.begun.filter(|_| !noted.again) else {
            return;
        };
        let ticket = Ticket {
            screen: self.0.clone(),
            begun,
            uploads: std::mem::take(&mut noted.uploads),
        };
        // Nothing is drawn in an empty rectangle.
        let shape = egui_wgpu::Callback::new_paint_callback(Rect::ZERO, ticket);
        output
            .shapes
            .push(ClippedShape::new(Rect::EVERYTHING, Shape::Callback(shape)));
    }
}

/// Goes with the shapes of a frame. No library tells when a frame is on the screen, but that is when they are dropped.
struct Ticket {
    screen: Screen,
    begun: Begun,
    uploads: Uploads,
}

impl CallbackTrait for Ticket {
    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        _pass: &mut wgpu::RenderPass<'static>,
        _resources: &CallbackResources,
    ) {
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.screen.0.lock().shown.push(Shown {
            begun: self.begun,
            at: Instant::now(),
            uploads: self.uploads,
        });
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{ColorImage, TextureOptions};

    use super::*;

    fn frame(ctx: &Context) -> FullOutput {
        ctx.run_ui(RawInput::default(), |_| {})
    }

    #[test]
    fn a_frame_is_shown_when_its_shapes_are_dropped() {
        let ctx = Context::default();
        let screen = Screen::watch(&ctx);
        let mut output = frame(&ctx);
        output.textures_delta.clear();
        let drawn = ctx.tessellate(output.shapes, 1.0);
        assert!(screen.shown().is_empty());
        drop(drawn);
        assert_eq!(screen.shown()[0].begun.number, 1);
    }

    #[test]
    fn a_frame_that_is_laid_out_twice_is_one_frame() {
        let ctx = Context::default();
        let screen = Screen::watch(&ctx);
        let mut passes = 0;
        let mut output = ctx.run_ui(RawInput::default(), |ui| {
            passes += 1;
            if passes == 1 {
                ui.ctx().request_discard("test");
            }
        });
        output.textures_delta.clear();
        assert!(passes == 2 && screen.shown().is_empty());
        drop(output);
        let shown = screen.shown();
        assert_eq!((shown.len(), shown[0].begun.number), (1, 1));
    }

    #[test]
    fn pictures_are_counted_once_and_letters_never() {
        let ctx = Context::default();
        let screen = Screen::watch(&ctx);
        let uploads = |ctx: &Context| {
            let mut output = frame(ctx);
            output.textures_delta.clear();
            drop(output);
            screen.shown()[0].uploads
        };
        assert_eq!(uploads(&ctx), Uploads::default());
        let image = ColorImage::example();
        let bytes = 4 * image.pixels.len();
        let _kept = ctx.load_texture("picture", image, TextureOptions::default());
        assert_eq!(uploads(&ctx), Uploads { pictures: 1, bytes });
        assert_eq!(uploads(&ctx), Uploads::default());
    }
}
