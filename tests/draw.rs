//! Exported pictures and films, read back with independent decoders.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::{fs, io::Cursor};

use diffusion_studio::{
    diffusion::Guidance,
    draw::{Look, Raster, Sheet, strip},
    files::{
        Overwrite, Provenance, Recipe,
        film::{self, Timing},
        picture,
        provenance::{Branched, Prints, Restoration},
    },
    math::{Frame, Spec, Value},
};
use image::{AnimationDecoder as _, ImageDecoder as _};

/// Frames whose values differ everywhere.
fn frames(channels: usize, count: usize) -> Vec<Raster> {
    let frame = |i: usize| Raster {
        width: 7,
        height: 5,
        channels,
        data: (0..35 * channels)
            .map(|j| ((i * 53 + j * 29 + j * j) % 256) as u8)
            .collect(),
    };
    (0..count).map(frame).collect()
}

fn provenance() -> Provenance {
    let made = unbranched();
    let grandparent = Branched {
        parent: Provenance {
            step: None,
            noise: Some("0e".into()),
            ..made.clone()
        },
        step: 3,
        sample: Some(5),
        remaining: None,
    };
    let parent = Provenance {
        seed: 8,
        noise: None,
        step: None,
        branch: Some(Box::new(grandparent)),
        ..made.clone()
    };
    Provenance {
        branch: Some(Box::new(Branched {
            parent,
            step: 9,
            sample: None,
            remaining: Some(40),
        })),
        ..made
    }
}

fn unbranched() -> Provenance {
    Provenance {
        recipe: Recipe {
            net: Spec::new("unet").with("attention", Value::Text("1-2 — ünïcode\n".into())),
            ..Recipe::default()
        },
        model: "moons-0001, step 1200".into(),
        training_step: 1200,
        sampler: Spec::new("ddim").with("eta", Value::Real(0.1 + 0.2)),
        spacing: Spec::new("trailing"),
        schedule: Some(Spec::new("custom").with("log-snr-4", Value::Real(0.1 + 0.2))),
        steps: 50,
        seed: u64::MAX,
        count: 64,
        class: "each".into(),
        guidance: Guidance {
            scale: 1.0 / 3.0,
            interval: (0.2, 1e3),
            rescale: 0.7,
        },
        weaker: Some("moons-0001, step 300".into()),
        classifier: Some(2.5),
        noise: Some("0f".into()),
        prints: Prints {
            model: Some("a1".into()),
            weaker: Some("b2".into()),
            judge: Some("c3".into()),
        },
        restored: Some(Restoration {
            task: Spec::new("denoise").with("noise", Value::Real(0.1)),
            measured: true,
        }),
        branch: None,
        step: Some(17),
        sample: None,
    }
}

fn pixels(bytes: &[u8]) -> image::DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

#[test]
fn a_png_has_the_exact_pixels() {
    let grey = &frames(1, 1)[0];
    let read = pixels(&picture::png(grey, None).unwrap());
    assert_eq!((read.color(), read.as_bytes()), (image::ColorType::L8, &grey.data[..]));
    let colour = &frames(3, 1)[0];
    let read = pixels(&picture::png(colour, None).unwrap());
    assert_eq!(
        (read.color(), read.as_bytes()),
        (image::ColorType::Rgb8, &colour.data[..])
    );
}

#[test]
fn a_picture_tells_how_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    picture::write_png(&path, &frames(3, 1)[0], Some(&provenance()), Overwrite::Refuse).unwrap();
    assert_eq!(picture::read_provenance(&path).unwrap(), Some(provenance()));
    let bare = picture::write_png(&path, &frames(3, 1)[0], None, Overwrite::Numbered).unwrap();
    assert_eq!(picture::read_provenance(&bare).unwrap(), None);
}

#[test]
fn damaged_provenance_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let broken = |texts: &[(&str, &str)]| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
        for (key, text) in texts {
            encoder.add_text_chunk((*key).into(), (*text).into()).unwrap();
        }
        encoder.write_header().unwrap().write_image_data(&[0]).unwrap();
        fs::write(&path, bytes).unwrap();
        picture::read_provenance(&path).unwrap_err().to_string()
    };
    let ours = ("Software", "diffusion-studio 9");
    assert!(broken(&[ours]).contains("“Recipe” is missing"));
    assert!(broken(&[ours, ("Recipe", "sed = 1")]).contains("did you mean “seed”?"));
    let message = broken(&[ours, ("Recipe", ""), ("Model", ""), ("Training step", "x")]);
    assert!(
        message.contains("a.png") && message.contains("“x”, not a number"),
        "{message}"
    );
    fs::write(&path, "no picture").unwrap();
    assert!(
        picture::read_provenance(&path)
            .unwrap_err()
            .to_string()
            .contains("a.png")
    );
}

#[test]
fn a_text_that_unpacks_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.png");
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    encoder
        .add_ztxt_chunk("Software".into(), "diffusion-studio ".repeat(1 << 20))
        .unwrap();
    encoder.write_header().unwrap().write_image_data(&[0]).unwrap();
    assert!(bytes.len() < 1 << 20);
    fs::write(&path, bytes).unwrap();
    assert!(picture::read_provenance(&path).is_err());
}

#[test]
fn a_folder_of_pictures_numbers_its_samples() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("out");
    let rasters = frames(1, 3);
    let written = picture::write_folder(&folder, &rasters, &provenance(), Overwrite::Refuse).unwrap();
    for (i, raster) in rasters.iter().enumerate() {
        let path = written.join(format!("00{i}.png"));
        assert_eq!(pixels(&fs::read(&path).unwrap()).as_bytes(), raster.data);
        assert_eq!(picture::read_provenance(&path).unwrap().unwrap().sample, Some(i));
    }
}

/// Frames as red, green, blue and their delays in milliseconds.
fn played<'a>(decoder: impl image::AnimationDecoder<'a>) -> Vec<(Vec<u8>, u32)> {
    let frames = decoder.into_frames().collect_frames().unwrap();
    let opened = |f: image::Frame| {
        let (numerator, denominator) = f.delay().numer_denom_ms();
        let rgba = f.into_buffer().into_raw();
        assert!(rgba.chunks_exact(4).all(|p| p[3] == 255), "everything is opaque");
        (
            rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
            numerator / denominator,
        )
    };
    frames.into_iter().map(opened).collect()
}

fn played_gif(bytes: &[u8]) -> Vec<(Vec<u8>, u32)> {
    played(image::codecs::gif::GifDecoder::new(Cursor::new(bytes)).unwrap())
}

const TIMING: Timing = Timing {
    frame_ms: 120,
    last_ms: 2000,
};

fn expected(frames: &[Raster]) -> Vec<(Vec<u8>, u32)> {
    let delay = |i| if i + 1 == frames.len() { 2000 } else { 120 };
    frames
        .iter()
        .enumerate()
        .map(|(i, f)| (f.to_rgb().data, delay(i)))
        .collect()
}

#[test]
fn grey_films_and_films_of_few_colours_are_exact_in_a_gif() {
    let grey = frames(1, 4);
    assert_eq!(played_gif(&film::gif(&grey, TIMING, None).unwrap()), expected(&grey));
    let colours = frames(3, 7);
    let distinct: std::collections::BTreeSet<&[u8]> = colours.iter().flat_map(|f| f.data.chunks_exact(3)).collect();
    assert!((200..=256).contains(&distinct.len()), "{}", distinct.len());
    assert_eq!(
        played_gif(&film::gif(&colours, TIMING, None).unwrap()),
        expected(&colours)
    );
}

#[test]
fn films_of_many_colours_keep_small_frames_exact_and_large_ones_close() {
    let many = frames(3, 20);
    assert_eq!(
        played_gif(&film::gif(&many, TIMING, None).unwrap()),
        expected(&many),
        "35 colours a frame"
    );
    let smooth = Raster {
        width: 64,
        height: 64,
        channels: 3,
        data: (0..64 * 64)
            .flat_map(|i| [(i % 64 * 4) as u8, (i / 64 * 4) as u8, 128])
            .collect(),
    };
    let shown = &played_gif(&film::gif(std::slice::from_ref(&smooth), TIMING, None).unwrap())[0].0;
    let squares = smooth
        .data
        .iter()
        .zip(shown)
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    let rms = (squares.sum::<f64>() / smooth.data.len() as f64).sqrt();
    assert!(rms < 8.0, "4096 colours on 256: {rms}");
}

#[test]
fn a_gif_repeats_and_never_flickers_by_too_short_a_delay() {
    let hasty = Timing {
        frame_ms: 1,
        last_ms: 1,
    };
    let bytes = film::gif(&frames(1, 2), hasty, None).unwrap();
    let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(&bytes)).unwrap();
    assert!(matches!(decoder.loop_count(), image::metadata::LoopCount::Infinite));
    assert!(played_gif(&bytes).iter().all(|(_, delay)| *delay == 20));
}

#[test]
fn an_apng_has_every_pixel_and_its_provenance() {
    let folder = tempfile::tempdir().unwrap();
    for channels in [1, 3] {
        let film = frames(channels, 5);
        let path = folder.path().join(format!("{channels}.png"));
        film::write_apng(&path, &film, TIMING, Some(&provenance()), Overwrite::Refuse).unwrap();
        let bytes = fs::read(&path).unwrap();
        let decoder = image::codecs::png::PngDecoder::new(Cursor::new(&bytes)).unwrap();
        assert_eq!(decoder.dimensions(), (7, 5));
        assert_eq!(played(decoder.apng().unwrap()), expected(&film));
        assert_eq!(picture::read_provenance(&path).unwrap(), Some(provenance()));
        let control = png::Decoder::new(Cursor::new(&bytes))
            .read_info()
            .unwrap()
            .info()
            .animation_control;
        assert_eq!(control.unwrap().num_plays, 0, "repeats for ever");
    }
}

#[test]
fn a_gif_has_its_provenance_as_a_comment_among_those_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.gif");
    let film = frames(3, 4);
    film::write_gif(&path, &film, TIMING, Some(&provenance()), Overwrite::Refuse).unwrap();
    assert_eq!(picture::read_provenance(&path).unwrap(), Some(provenance()));
    let bytes = fs::read(&path).unwrap();
    assert_eq!(played_gif(&bytes), played_gif(&film::gif(&film, TIMING, None).unwrap()));
    // Another program's comment before the end.
    let mut more = bytes[..bytes.len() - 1].to_vec();
    more.extend(b"\x21\xfe\x05hello\x00\x3b");
    fs::write(&path, &more).unwrap();
    assert_eq!(picture::read_provenance(&path).unwrap(), Some(provenance()));
    fs::write(&path, film::gif(&film, TIMING, None).unwrap()).unwrap();
    assert_eq!(picture::read_provenance(&path).unwrap(), None);
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(picture::read_provenance(&path).is_err(), "cut off");
}

#[test]
fn what_cannot_be_a_film_or_picture_is_refused_with_a_reason() {
    let mut odd = frames(1, 2);
    odd[1] = odd[1].enlarged(2);
    let wide = Raster::filled(70_000, 1, 1, [0; 3]);
    let empty = Raster::filled(0, 0, 1, [0; 3]);
    let reasons = [
        film::gif(&odd, TIMING, None).unwrap_err(),
        film::apng(&odd, TIMING, None).unwrap_err(),
        film::gif(&[], TIMING, None).unwrap_err(),
        film::gif(&[wide], TIMING, None).unwrap_err(),
        film::gif(std::slice::from_ref(&empty), TIMING, None).unwrap_err(),
        picture::png(&empty, None).unwrap_err(),
    ];
    let words = [
        "one size",
        "one size",
        "at least one frame",
        "use APNG",
        "make no picture",
        "make no picture",
    ];
    for (reason, words) in reasons.iter().zip(words) {
        assert!(reason.to_string().contains(words), "{reason}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.gif");
    fs::write(&path, "precious").unwrap();
    let refused = film::write_gif(&path, &frames(1, 1), TIMING, None, Overwrite::Refuse)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("a.gif") && refused.contains("already exists"),
        "{refused}"
    );
    let written = film::write_gif(&path, &frames(1, 1), TIMING, None, Overwrite::Numbered).unwrap();
    assert_eq!(written.file_name().unwrap(), "a-2.gif");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

/// A grid of pictures becomes a sheet, a cloud of points a picture of it; both can be saved.
#[test]
fn batches_of_every_kind_can_be_shown() {
    let batch = Frame::Pixels {
        channels: 1,
        height: 2,
        width: 2,
        data: (0..36).collect::<Vec<u8>>().into(),
    };
    let look = Look {
        sheet: Sheet {
            scale: 3,
            ..Sheet::default()
        },
        ..Look::default()
    };
    let sheet = look.draw(&batch);
    // Nine pictures of 2 x 2 at scale 3, with gaps of 2: 3 * 6 + 4 * 2.
    assert_eq!((sheet.width, sheet.height), (26, 26));
    let read = pixels(&picture::png(&sheet, None).unwrap()).into_luma8();
    for (i, corner) in [(0, [2, 2]), (4, [10, 10]), (8, [18, 18])] {
        assert_eq!(read.get_pixel(corner[0], corner[1]).0, [i * 4]);
        assert_eq!(read.get_pixel(corner[0] + 5, corner[1] + 5).0, [i * 4 + 3]);
    }
    let cloud = look.draw(&Frame::Points { xy: [0.0, 0.0].into() });
    assert_eq!((cloud.width, cloud.height), (512, 512));
    assert!(cloud.data.iter().any(|&v| v != 255));
    let film = strip::film_strip(&[batch.clone(), batch], &[0, 5], &look);
    assert_eq!((film.width, film.height), (2 * 6 + 3 * 2, 2 * 6 + 3 * 2));
}
