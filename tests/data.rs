//! Data sets from the outside: the bundled ones against their sources, the user's own in all shapes, and bad input.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that make test files fail the test when they fail"
)]

use std::{
    fmt::Write as _,
    fs,
    io::{Cursor, Write as _},
    path::Path,
    sync::Arc,
};

use diffusion_studio::{
    data::{self, Augment, Batcher, Colour, DataRecipe, Dataset, Fit, Picture, Progress, Samples, Split, Stats},
    math::{
        Domain,
        noise::{Address, Stream},
    },
};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use npyz::WriterBuilder as _;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

fn recipe(source: impl AsRef<Path>) -> DataRecipe {
    DataRecipe {
        source: source.as_ref().to_str().unwrap().into(),
        ..DataRecipe::default()
    }
}

fn load(recipe: &DataRecipe) -> Result<Dataset, String> {
    data::load(recipe, 1, &Progress::default()).map_err(|e| e.to_string())
}

fn pixels(data: &Dataset) -> &[u8] {
    match &data.samples {
        Samples::Pixels(bytes) => bytes,
        Samples::Points(_) => panic!("{} holds points", data.id),
    }
}

fn points(data: &Dataset) -> &[f32] {
    match &data.samples {
        Samples::Points(xy) => xy,
        Samples::Pixels(_) => panic!("{} holds pictures", data.id),
    }
}

/// `(channels, height, width)` of a picture set.
fn shape(data: &Dataset) -> (usize, usize, usize) {
    match data.domain {
        Domain::Image {
            channels,
            height,
            width,
        } => (channels, height, width),
        Domain::Points => panic!("{} holds points", data.id),
    }
}

fn skipped(data: &Dataset) -> Vec<String> {
    data.skipped.iter().map(|s| format!("{} {}", s.what, s.why)).collect()
}

fn sha(bytes: impl IntoIterator<Item = u8>) -> String {
    let bytes: Vec<u8> = bytes.into_iter().collect();
    Sha256::digest(bytes).iter().take(8).fold(String::new(), |mut text, b| {
        write!(text, "{b:02x}").unwrap();
        text
    })
}

/// Id; count; (C, H, W); samples per class; SHA-256 of pixels and of labels (as little-endian u32), first 8 bytes.
type Fact = (
    &'static str,
    usize,
    (usize, usize, usize),
    &'static [u64],
    &'static str,
    &'static str,
);

/// Taken with NumPy from the source arrays, transparent ones composed on white:
/// `hashlib.sha256(((c * a + 255 * (255 - a) + 127) // 255).astype(np.uint8).tobytes()).hexdigest()[:16]`.
const FACTS: [Fact; 6] = [
    (
        "fashion-mnist",
        20_000,
        (1, 28, 28),
        &[1935, 2025, 1982, 2011, 1967, 2010, 2068, 2003, 1971, 2028],
        "58e4771950337033",
        "6c4163cb5933d733",
    ),
    (
        "digits8x8",
        1797,
        (1, 8, 8),
        &[178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
        "b41ca9fd335466ee",
        "3a0e68456f9a3c60",
    ),
    (
        "pixel-avatars16",
        16_000,
        (3, 16, 16),
        &[1528, 1490, 1422, 1493, 1414, 1382, 1477, 1446, 1499, 1451, 1398],
        "6cbf3ada85fcc686",
        "49a0c97eede2fb90",
    ),
    (
        "dungeon-tiles32",
        3694,
        (3, 32, 32),
        &[422, 410, 304, 763, 600, 542, 180, 221, 252],
        "803771cc44df409e",
        "43677874ee13828d",
    ),
    (
        "fluent-emoji64",
        1590,
        (3, 64, 64),
        &[],
        "d667dd787247021d",
        "e3b0c44298fc1c14",
    ),
    (
        "brain-slices64",
        433,
        (1, 64, 64),
        &[128, 168, 137],
        "8973ed9a37057f3f",
        "7a742c8dcc888fcd",
    ),
];

#[test]
fn bundled_sets_equal_their_sources() {
    for (id, count, chw, per_class, pixel_sha, label_sha) in FACTS {
        let data = load(&recipe(id)).unwrap();
        assert_eq!((data.id.as_str(), data.count, shape(&data)), (id, count, chw));
        assert_eq!(Stats::of(&data).per_class, per_class, "{id}");
        assert_eq!(sha(pixels(&data).iter().copied()), pixel_sha, "{id}");
        let labels = data
            .labels
            .iter()
            .flat_map(|l| l.of.iter().flat_map(|c| c.to_le_bytes()));
        assert_eq!(sha(labels), label_sha, "{id}");
        assert!(data.skipped.is_empty() && !data.licence.is_empty());
    }
}

#[test]
fn every_bundled_set_states_its_licence_twice_alike() {
    for entry in data::ENTRIES.iter().filter(|e| FACTS.iter().any(|f| f.0 == e.id)) {
        let file = |ending: &str| {
            let path = format!("{}/assets/data/{}{ending}", env!("CARGO_MANIFEST_DIR"), entry.id);
            fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
        };
        let about: serde_json::Value = serde_json::from_str(&file(".json")).unwrap();
        assert_eq!(about["licence"], entry.source, "{}", entry.id);
        assert!(file(".licence.txt").len() > 500, "{}", entry.id);
    }
}

#[test]
fn statistics_agree_with_numpy() {
    // z = np.load('fashion_mnist_train20k.npz')['images'] / 127.5 - 1; z.mean(), z.std()
    let fashion = Stats::of(&load(&recipe("fashion-mnist")).unwrap());
    assert!(
        (fashion.mean[0] + 0.42845915966386555).abs() < 1e-9 && (fashion.sigma_data - 0.7064246623088833).abs() < 1e-9
    );
    // z = np.load('pixel_avatars16.npz')['images'] / 127.5 - 1; z.mean((0, 1, 2)), z.std((0, 1, 2))
    let avatars = Stats::of(&load(&recipe("pixel-avatars16")).unwrap());
    for (ours, numpy) in avatars.mean.iter().zip([0.51190835, 0.36467057, 0.25328486]) {
        assert!((ours - numpy).abs() < 1e-8, "{ours}");
    }
    for (ours, numpy) in avatars.std.iter().zip([0.48973781, 0.49462823, 0.57854319]) {
        assert!((ours - numpy).abs() < 1e-8, "{ours}");
    }
}

#[test]
fn the_registry_holds_the_promised_names() {
    let ids: Vec<_> = data::ENTRIES.iter().map(|e| e.id).collect();
    let promised = "fashion-mnist digits8x8 pixel-avatars16 dungeon-tiles32 fluent-emoji64 brain-slices64 moons \
                    swiss-roll rings checkerboard gaussians spiral pinwheel letters";
    assert_eq!(ids, promised.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn bundled_pictures_can_be_resized_and_made_grey() {
    let small = DataRecipe {
        size: Some(16),
        colour: Colour::Grey,
        ..recipe("brain-slices64")
    };
    assert_eq!(shape(&load(&small).unwrap()), (1, 16, 16));
    let colour = DataRecipe {
        colour: Colour::Colour,
        ..recipe("digits8x8")
    };
    let (colour, grey) = (load(&colour).unwrap(), load(&recipe("digits8x8")).unwrap());
    assert_eq!(shape(&colour), (3, 8, 8));
    let thrice: Vec<u8> = pixels(&grey).iter().flat_map(|&v| [v; 3]).collect();
    assert_eq!(pixels(&colour), thrice);
}

#[test]
fn the_background_shows_through_transparent_tiles() {
    let red = DataRecipe {
        background: "#ff0000".into(),
        ..recipe("dungeon-tiles32")
    };
    let (white, red) = (load(&recipe("dungeon-tiles32")).unwrap(), load(&red).unwrap());
    let pairs = || pixels(&white).chunks(3).zip(pixels(&red).chunks(3));
    assert!(pairs().all(|(w, r)| w[0] == r[0]), "both backgrounds are full in red");
    assert!(pairs().any(|(w, r)| w == [255, 255, 255] && r == [255, 0, 0]));
    assert!(pairs().any(|(w, r)| w == r));
}

#[test]
fn wrong_recipe_values_are_named() {
    let fails = |recipe: DataRecipe| load(&recipe).unwrap_err();
    assert_eq!(
        fails(DataRecipe {
            background: "white".into(),
            ..recipe("digits8x8")
        }),
        "data.background: is “white”, but must be a colour like #ffffff"
    );
    assert_eq!(
        fails(DataRecipe {
            size: Some(3),
            ..recipe("digits8x8")
        }),
        "data.size: is 3, but must be 4 to 512 pixels"
    );
    assert!(fails(recipe("mons")).starts_with(
        "there is no data set, file or folder called “mons” (did you mean “moons”?); choose from fashion-mnist, "
    ));
}

// ---- own pictures -------------------------------------------------------------------------------------------------

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    encoded(picture, ImageFormat::Png)
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn grey(width: u32, height: u32, value: u8) -> GrayImage {
    GrayImage::from_pixel(width, height, Luma([value]))
}

fn noisy(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, (x ^ y) as u8])
    })
}

/// A folder with the given files; a name may contain one `/`.
fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

#[test]
fn a_folder_of_bad_files_gives_the_good_ones_and_names_the_others() {
    let jpeg = encoded(noisy(64, 64), ImageFormat::Jpeg);
    let wide = GrayImage::from_fn(9000, 9000, |x, _| Luma([(x * 255 / 8999) as u8]));
    let folder = folder(&[
        ("a.png", png(grey(32, 32, 10))),
        ("b.png", png(grey(32, 32, 20))[..50].to_vec()),
        ("c.png", b"just some text".to_vec()),
        ("d.png", png(grey(1, 1, 0))),
        ("e.png", png(wide)),
        ("f.png", Vec::new()),
        ("g.jpg", jpeg[..jpeg.len() / 2].to_vec()),
        ("notes.txt", b"hello".to_vec()),
        (".hidden", b"x".to_vec()),
        ("really-png.jpg", png(grey(32, 32, 30))),
    ]);
    let data = load(&DataRecipe {
        size: Some(32),
        ..recipe(folder.path())
    })
    .unwrap();
    assert_eq!((data.count, shape(&data)), (3, (1, 32, 32)));
    assert_eq!(
        skipped(&data),
        [
            "notes.txt does not end like a PNG, JPEG, GIF, BMP, WebP or TIFF file",
            "b.png is cut off",
            "c.png is not a picture: its content is not PNG, JPEG, GIF, BMP, WebP or TIFF",
            "d.png is 1×1 pixels; the smallest usable picture is 4×4",
            "f.png is not a picture: its content is not PNG, JPEG, GIF, BMP, WebP or TIFF",
            "g.jpg is cut off",
        ]
    );
    // The 9000 pixels of the ramp became 32: each holds the mean of its piece.
    let ramp = &pixels(&data)[32 * 32..][..32];
    for (i, &v) in ramp.iter().enumerate() {
        assert!((f64::from(v) - (i as f64 + 0.5) / 32.0 * 255.0).abs() < 3.0, "{ramp:?}");
    }
}

#[test]
fn too_little_to_learn_from_is_an_error_that_says_what_to_do() {
    let fails = |folder: &TempDir| {
        let place = folder.path().display().to_string();
        load(&recipe(folder.path())).unwrap_err().replace(&place, "FOLDER")
    };
    assert_eq!(
        fails(&folder(&[])),
        "FOLDER: 0 of at least 2 usable samples found; put PNG, JPEG, GIF, BMP, WebP or TIFF files into it, or into \
         one sub-folder per class"
    );
    assert_eq!(
        fails(&folder(&[("a.png", png(grey(8, 8, 0))), ("b.png", b"text".to_vec())])),
        "FOLDER: 1 of at least 2 usable samples found; b.png is not a picture: its content is not PNG, JPEG, GIF, BMP, \
         WebP or TIFF"
    );
    assert_eq!(
        fails(&folder(&[("notes.txt", Vec::new())])),
        "FOLDER: 0 of at least 2 usable samples found; notes.txt does not end like a PNG, JPEG, GIF, BMP, WebP or TIFF \
         file"
    );
}

#[test]
fn a_single_picture_is_refused_with_advice() {
    let folder = folder(&[("a.png", png(grey(8, 8, 0)))]);
    let error = load(&recipe(folder.path().join("a.png"))).unwrap_err();
    assert!(
        error.ends_with("a.png: is a single picture; give the folder of all pictures"),
        "{error}"
    );
}

#[test]
fn a_picture_too_large_to_open_is_left_out() {
    // A PNG header that promises 20000 x 20000 pixels, with nothing behind it.
    let mut huge = png(grey(8, 8, 0));
    huge[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    let crc = crc32(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    let folder = folder(&[
        ("a.png", png(grey(8, 8, 0))),
        ("b.png", png(grey(8, 8, 1))),
        ("huge.png", huge),
    ]);
    let data = load(&recipe(folder.path())).unwrap();
    assert_eq!(data.count, 2);
    assert!(skipped(&data)[0].contains("16384"), "{:?}", skipped(&data));
}

/// CRC-32 as PNG uses it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes
        .iter()
        .fold(!0_u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[test]
fn sub_folders_are_classes() {
    let folder = folder(&[
        ("cat/1.png", png(grey(8, 8, 1))),
        ("dog/1.png", png(grey(8, 8, 2))),
        ("cat/2.png", png(grey(8, 8, 3))),
        ("dog/deep/1.png", png(grey(8, 8, 4))),
    ]);
    let data = load(&recipe(folder.path())).unwrap();
    let labels = data.labels.as_ref().unwrap();
    assert_eq!(
        (&labels.names[..], &labels.of[..]),
        (&["cat".to_owned(), "dog".into()][..], &[0, 0, 1][..])
    );
    assert_eq!(
        skipped(&data),
        ["dog/deep is a folder two levels down; only one level of sub-folders is read"]
    );
    assert_eq!(pixels(&data).chunks(64).map(|p| p[0]).collect::<Vec<_>>(), [1, 3, 2]);
}

#[test]
fn a_csv_gives_classes() {
    for header in ["file,label\n", ""] {
        let csv = format!("{header}a.png,x\nsub/c.png,y\ngone.png,x\n");
        let folder = folder(&[
            ("a.png", png(grey(8, 8, 1))),
            ("b.png", png(grey(8, 8, 2))),
            ("sub/c.png", png(grey(8, 8, 3))),
            ("labels.csv", csv.into_bytes()),
        ]);
        let with_labels = DataRecipe {
            labels: Some("labels.csv".into()),
            ..recipe(folder.path())
        };
        let data = load(&with_labels).unwrap();
        let labels = data.labels.as_ref().unwrap();
        assert_eq!(
            (&labels.names[..], &labels.of[..]),
            (&["x".to_owned(), "y".into()][..], &[0, 1][..])
        );
        assert_eq!(
            skipped(&data),
            [
                "b.png has no row in labels.csv",
                "gone.png is named in labels.csv but is not there"
            ]
        );
    }
}

/// Two pictures of 8 by 4: black, white, white, black in columns of two; and a grey one.
fn banded() -> TempDir {
    let bands = GrayImage::from_fn(8, 4, |x, _| Luma([if (2..6).contains(&x) { 255 } else { 0 }]));
    folder(&[("a.png", png(bands)), ("b.png", png(grey(8, 4, 128)))])
}

#[test]
fn other_shapes_are_cropped_stretched_padded_or_refused() {
    let folder = banded();
    let fitted = |fit| DataRecipe {
        fit,
        size: Some(4),
        background: "#404040".into(),
        ..recipe(folder.path())
    };
    let first = |fit| pixels(&load(&fitted(fit)).unwrap())[..16].to_vec();
    assert_eq!(first(Fit::Crop), [255; 16]);
    let padded = first(Fit::Pad);
    assert_eq!((&padded[..4], &padded[12..]), (&[64; 4][..], &[64; 4][..]));
    assert!(padded[4] < 40 && padded[5] > 215, "{padded:?}");
    let stretched = first(Fit::Stretch);
    assert_eq!(stretched[..4], stretched[12..]);
    assert!(
        stretched[0] < 40 && stretched[1] > 215 && stretched[2] > 215,
        "{stretched:?}"
    );
    let refused = load(&fitted(Fit::Refuse)).unwrap_err();
    assert!(
        refused.ends_with("0 of at least 2 usable samples found; a.png is 8×4 pixels, not 4×4"),
        "{refused}"
    );
}

#[test]
fn a_size_is_chosen_from_the_pictures() {
    let chosen = |sizes: &[(u32, u32)], fit| {
        let names: Vec<String> = (0..sizes.len()).map(|i| format!("{i}.png")).collect();
        let files: Vec<_> = names
            .iter()
            .zip(sizes)
            .map(|(n, &(w, h))| (n.as_str(), png(grey(w, h, 7))))
            .collect();
        let folder = folder(&files);
        let data = load(&DataRecipe {
            fit,
            ..recipe(folder.path())
        })
        .unwrap();
        (shape(&data).1, data.count, data.note)
    };
    assert_eq!(
        chosen(&[(24, 24), (24, 24)], Fit::Crop),
        (24, 2, "24×24 as stored".into())
    );
    let note = "brought to 64×64: the middle square, scaled".to_owned();
    assert_eq!(chosen(&[(300, 200), (90, 90)], Fit::Crop), (64, 2, note));
    let note = "brought to 32×32: stretched".to_owned();
    assert_eq!(chosen(&[(40, 50), (50, 40), (200, 200)], Fit::Stretch), (32, 3, note));
    let note = "16×16 as stored, other sizes left out".to_owned();
    assert_eq!(chosen(&[(16, 16), (20, 20), (16, 16)], Fit::Refuse), (16, 2, note));
}

#[test]
fn enlarging_by_a_whole_factor_repeats_pixels() {
    let board = GrayImage::from_fn(8, 8, |x, y| Luma([((x + y) % 2 * 255) as u8]));
    let folder = folder(&[("a.png", png(board.clone())), ("b.png", png(board.clone()))]);
    let data = load(&DataRecipe {
        size: Some(16),
        ..recipe(folder.path())
    })
    .unwrap();
    let expected: Vec<u8> = (0..256).map(|i| board.get_pixel(i % 16 / 2, i / 32).0[0]).collect();
    assert_eq!(pixels(&data)[..256], expected);
}

#[test]
fn transparency_is_composed_and_grey_is_noticed() {
    let veil = RgbaImage::from_pixel(8, 8, Rgba([100, 100, 100, 51]));
    let folder = folder(&[("a.png", png(veil.clone())), ("b.png", png(veil))]);
    let over = |background: &str| DataRecipe {
        background: background.into(),
        ..recipe(folder.path())
    };
    // 0.2 * 100 + 0.8 * background
    let on_white = load(&over("#ffffff")).unwrap();
    assert_eq!((shape(&on_white).0, pixels(&on_white)[0]), (1, 224));
    let on_red = load(&over("#ff0000")).unwrap();
    assert_eq!((shape(&on_red).0, &pixels(&on_red)[..3]), (3, &[224, 20, 20][..]));
}

#[test]
fn all_formats_and_sixteen_bits_are_read() {
    let picture = || DynamicImage::from(noisy(16, 16));
    let deep = DynamicImage::from(picture().into_rgb16());
    let folder = folder(&[
        ("a.png", png(picture())),
        ("b.bmp", encoded(picture(), ImageFormat::Bmp)),
        ("c.tiff", encoded(picture(), ImageFormat::Tiff)),
        ("d.webp", encoded(picture(), ImageFormat::WebP)),
        ("e.png", png(deep)),
        ("f.gif", encoded(picture(), ImageFormat::Gif)),
        ("g.jpeg", encoded(picture(), ImageFormat::Jpeg)),
    ]);
    let data = load(&recipe(folder.path())).unwrap();
    assert_eq!((data.count, skipped(&data)), (7, vec![]));
    let each: Vec<_> = pixels(&data).chunks(16 * 16 * 3).collect();
    assert!(
        each[1..5].iter().all(|p| *p == each[0]),
        "lossless formats agree to the byte"
    );
}

#[test]
fn photographs_are_turned_upright() {
    // Black on the left, white on the right; the camera says that the left side is the top.
    let sideways = GrayImage::from_fn(16, 16, |x, _| Luma([if x < 8 { 0 } else { 255 }]));
    let plain = encoded(sideways, ImageFormat::Jpeg);
    // TIFF, little-endian, one entry: tag 0x0112 (orientation), one short, value 6.
    let exif = b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let turned = [&plain[..2], &[0xff, 0xe1], &length, exif, &plain[2..]].concat();
    let folder = folder(&[("a.jpg", plain), ("b.jpg", turned)]);
    let data = load(&recipe(folder.path())).unwrap();
    let is_white = |picture: usize, x: usize, y: usize| pixels(&data)[(picture * 16 + y) * 16 + x] > 128;
    assert_eq!([is_white(0, 12, 3), is_white(0, 3, 12)], [true, false]);
    assert_eq!([is_white(1, 12, 3), is_white(1, 3, 12)], [false, true]);
}

#[test]
fn dropped_files_and_folders_are_taken_together() {
    let folder = folder(&[
        ("a/1.png", png(grey(8, 8, 1))),
        ("b/1.png", png(grey(8, 8, 2))),
        ("b/2.png", png(grey(8, 8, 3))),
    ]);
    let drop = |names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|n| folder.path().join(n)).collect();
        data::from_files(&paths, &DataRecipe::default(), &Progress::default()).unwrap()
    };
    let classes = drop(&["a", "b"]).labels.unwrap();
    assert_eq!(
        (&classes.names[..], &classes.of[..]),
        (&["a".to_owned(), "b".into()][..], &[0, 1, 1][..])
    );
    let files = drop(&["b/1.png", "b/2.png"]);
    assert_eq!((files.count, files.labels), (2, None));
    assert_eq!(drop(&["b"]).count, 2);
}

#[test]
fn pasted_pictures_are_data() {
    let pasted = |value: u8| Picture {
        name: format!("paste {value}"),
        width: 8,
        height: 8,
        rgba: [value, value, value, 255].repeat(64),
    };
    let short = Picture {
        rgba: vec![0; 7],
        ..pasted(9)
    };
    let load = |pictures: &[Picture]| data::from_pictures(pictures, &DataRecipe::default(), &Progress::default());
    let data = load(&[pasted(1), short, pasted(2)]).unwrap();
    assert_eq!((data.count, shape(&data)), (2, (1, 8, 8)));
    assert_eq!(skipped(&data), ["paste 9 does not hold 8×8 pixels with 4 channels"]);
    let error = load(&[pasted(1)]).unwrap_err().to_string();
    assert_eq!(error, "pasted pictures: 1 of at least 2 usable samples found");
}

#[test]
fn loading_can_be_watched_and_cancelled() {
    let folder = banded();
    let progress = Progress::default();
    data::load(&recipe(folder.path()), 1, &progress).unwrap();
    assert_eq!(progress.get(), (2, 2));
    progress.cancel();
    let error = data::load(&recipe(folder.path()), 1, &progress).unwrap_err();
    assert!(matches!(error, data::DataError::Cancelled));
}

// ---- arrays -------------------------------------------------------------------------------------------------------

fn idx(kind: u8, shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, kind, shape.len() as u8];
    file.extend(shape.iter().flat_map(|d| d.to_be_bytes()));
    file.extend(bytes);
    file
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn ramp(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7) as u8).collect()
}

#[test]
fn idx_files_find_their_labels_packed_or_not() {
    let (images, labels) = (idx(8, &[3, 4, 4], &ramp(48)), idx(8, &[3], &[7, 2, 7]));
    for (images_name, images, labels_name, labels) in [
        (
            "t10k-images-idx3-ubyte",
            images.clone(),
            "t10k-labels-idx1-ubyte",
            labels.clone(),
        ),
        (
            "t-images.idx3-ubyte.gz",
            gz(&images),
            "t-labels.idx1-ubyte",
            labels.clone(),
        ),
        (
            "t-images-idx3-ubyte",
            images.clone(),
            "t-labels-idx1-ubyte.gz",
            gz(&labels),
        ),
    ] {
        let folder = folder(&[(images_name, images), (labels_name, labels)]);
        let data = load(&recipe(folder.path().join(images_name))).unwrap();
        assert_eq!((shape(&data), pixels(&data)), ((1, 4, 4), &ramp(48)[..]));
        let found = data.labels.unwrap();
        assert_eq!(
            (&found.names[..], &found.of[..]),
            (&["2".to_owned(), "7".into()][..], &[1, 0, 1][..])
        );
        let error = load(&recipe(folder.path().join(labels_name))).unwrap_err();
        assert!(
            error.ends_with("holds labels; choose the file of the pictures beside it"),
            "{error}"
        );
    }
}

#[test]
fn broken_idx_files_say_why() {
    let fails = |bytes: Vec<u8>, labels: Vec<u8>| {
        let folder = folder(&[("x-images", bytes), ("x-labels", labels)]);
        let error = load(&recipe(folder.path().join("x-images"))).unwrap_err();
        error.rsplit('/').next().unwrap().to_owned()
    };
    let images = idx(8, &[3, 4, 4], &ramp(48));
    let labels = idx(8, &[3], &[7, 2, 7]);
    assert_eq!(
        fails(images[..40].to_vec(), labels.clone()),
        "x-images: is cut off: 24 of 48 bytes are there"
    );
    assert_eq!(
        fails(images.clone(), idx(8, &[2], &[7, 2])),
        "x-images: has 3 samples but 2 labels"
    );
    assert!(fails(gz(&images)[..30].to_vec(), labels.clone()).starts_with("x-images: is "));
    assert!(fails(idx(8, &[3, 4], &ramp(12)), labels).contains("has shape [3, 4]; expected (N, H, W)"));
}

fn npy<T: npyz::AutoSerialize + Copy>(shape: &[u64], values: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .writer(&mut bytes)
        .begin_nd()
        .unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

fn load_npy(bytes: Vec<u8>) -> Result<Dataset, String> {
    let folder = folder(&[("x.npy", bytes)]);
    let error = |e: String| e.replace(&folder.path().join("x.npy").display().to_string(), "x.npy");
    load(&recipe(folder.path().join("x.npy"))).map_err(error)
}

#[test]
fn npy_pictures_come_back_in_all_layouts_and_types() {
    let grey = load_npy(npy(&[3, 4, 4], &ramp(48))).unwrap();
    assert_eq!((shape(&grey), pixels(&grey)), ((1, 4, 4), &ramp(48)[..]));
    let last = load_npy(npy(&[2, 4, 4, 3], &ramp(96))).unwrap();
    assert_eq!((shape(&last), pixels(&last)), ((3, 4, 4), &ramp(96)[..]));
    let first = load_npy(npy(&[2, 3, 4, 4], &ramp(96))).unwrap();
    assert_eq!(shape(&first), (3, 4, 4));
    let value = |n: usize, c: usize, p: usize| pixels(&first)[(n * 16 + p) * 3 + c];
    assert_eq!(
        [value(0, 2, 5), value(1, 0, 15)],
        [ramp(96)[2 * 16 + 5], ramp(96)[48 + 15]]
    );
    let unit: Vec<f32> = ramp(48).iter().map(|&v| f32::from(v) / 255.0).collect();
    assert_eq!(pixels(&load_npy(npy(&[3, 4, 4], &unit)).unwrap()), ramp(48));
    let signed: Vec<f64> = ramp(48).iter().map(|&v| f64::from(v) / 127.5 - 1.0).collect();
    assert_eq!(pixels(&load_npy(npy(&[3, 4, 4], &signed)).unwrap()), ramp(48));
    let whole: Vec<i64> = ramp(48).iter().map(|&v| i64::from(v)).collect();
    assert_eq!(pixels(&load_npy(npy(&[3, 4, 4], &whole)).unwrap()), ramp(48));
}

#[test]
fn npy_points_are_standardised_and_bad_ones_left_out() {
    let data = load_npy(npy(
        &[5, 2],
        &[10.0, 0.0, 12.0, 0.0, f32::NAN, 1.0, 10.0, 4.0, 12.0, 4.0],
    ))
    .unwrap();
    // Mean (11, 2), variances 1 and 4: the overall deviation is sqrt(2.5).
    let unit = 1.0 / 2.5_f32.sqrt();
    let expected = [-1.0, -2.0, 1.0, -2.0, -1.0, 2.0, 1.0, 2.0].map(|v| v * unit);
    assert!(
        points(&data).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
        "{:?}",
        points(&data)
    );
    assert_eq!(skipped(&data), ["point 2 is (NaN, 1)"]);
    assert_eq!(data.note, "moved by (-11.0000, -2.0000) and divided by 1.5811");
}

#[test]
fn npy_of_the_wrong_kind_says_what_is_expected() {
    let fails = |bytes| load_npy(bytes).unwrap_err();
    assert_eq!(
        fails(npy(&[2, 3, 4, 5, 6], &ramp(720))),
        "x.npy: has shape [2, 3, 4, 5, 6]; expected (N, H, W), (N, H, W, C) or (N, C, H, W) for pictures, (N, 2) for \
         points"
    );
    assert_eq!(
        fails(npy(&[2, 4, 4], &[500_i32; 32])),
        "x.npy: holds values from 500 to 500; expected 0 to 1, -1 to 1 or 0 to 255"
    );
    assert_eq!(
        fails(npy(&[5, 2], &[1.0_f32; 10])),
        "x.npy: must hold at least two different points"
    );
    assert_eq!(
        fails(npy(&[3, 4, 4], &ramp(48))[..140].to_vec()),
        "x.npy: is cut off: 12 of 48 bytes are there"
    );
    let mut complex = npy(&[5, 2], &[1.0_f64; 10]);
    let at = complex.windows(3).position(|w| w == b"<f8").unwrap();
    complex[at..at + 3].copy_from_slice(b"<c8");
    assert_eq!(
        fails(complex),
        "x.npy: holds “<c8”; expected bool, int8 to int64, uint8 to uint64, float32 or float64"
    );
}

#[test]
fn npz_archives_give_samples_and_classes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.npz");
    let mut archive = npyz::npz::NpzWriter::create(&path).unwrap();
    #[expect(
        clippy::default_trait_access,
        reason = "the type is of a crate that this one does not depend on"
    )]
    let mut put = |name: &str, shape: &[u64], values: &[u8]| {
        let mut writer = archive
            .array(name, Default::default())
            .unwrap()
            .default_dtype()
            .shape(shape)
            .begin_nd()
            .unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
    };
    put("a_mask", &[9, 9, 9], &ramp(729));
    put("images", &[3, 4, 4], &ramp(48));
    put("labels", &[3], &[5, 5, 1]);
    drop(archive);
    let data = load(&recipe(&path)).unwrap();
    assert_eq!(pixels(&data), ramp(48));
    let labels = data.labels.unwrap();
    assert_eq!(
        (&labels.names[..], &labels.of[..]),
        (&["1".to_owned(), "5".into()][..], &[1, 1, 0][..])
    );
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let folder = folder(&[("x.mp3", b"ID3 music".to_vec()), ("y.npz", b"PK not really".to_vec())]);
    let error = load(&recipe(folder.path().join("x.mp3"))).unwrap_err();
    assert!(
        error.ends_with("x.mp3: is neither idx, .npy, .npz nor a CSV of points; for pictures give their folder"),
        "{error}"
    );
    assert!(
        load(&recipe(folder.path().join("y.npz")))
            .unwrap_err()
            .contains("y.npz: is broken: ")
    );
}

// ---- batches ------------------------------------------------------------------------------------------------------

const FIRST: Address = Address {
    seed: 3,
    stream: Stream::Augment,
    sample: 0,
    mv: 5,
    draw: 0,
};

#[test]
fn a_batch_holds_the_stored_numbers_in_tensor_order() {
    let data = load(&recipe("pixel-avatars16")).unwrap();
    let batch = data.gather(&[7, 100], &Augment::default(), FIRST);
    assert_eq!(batch, data.tensor(&[7, 100]));
    assert_eq!(
        data.domain.frame(&batch),
        data.frame(&[7, 100]),
        "and the frame is the stored bytes again"
    );
    let labels = data.labels.as_ref().unwrap();
    assert_eq!(data.classes(&[7, 100]).unwrap(), [labels.of[7], labels.of[100]]);
}

#[test]
fn augmentation_depends_on_the_place_and_not_on_how_a_batch_is_split() {
    let data = load(&recipe("digits8x8")).unwrap();
    let augment = Augment {
        flip: true,
        shift: 1,
        rotate: 15.0,
    };
    let whole = data.gather(&[4, 4, 4, 4], &augment, FIRST);
    let half = data.gather(&[4, 4], &augment, Address { sample: 2, ..FIRST });
    assert_eq!(whole[2 * 64..], half);
    assert_ne!(whole[..64], whole[64..128], "two places are changed differently");
    assert!(whole.iter().all(|v| (-1.0..=1.0).contains(v)));
}

#[test]
fn batches_come_from_the_training_part_only() {
    let data = load(&recipe("moons")).unwrap();
    let split = Split::new(data.count, 0.1, 9);
    assert_eq!(split.validation.len(), data.count / 10);
    let train: Arc<[u32]> = split.train.clone();
    let mut batcher = Batcher::new(train, 128, 9);
    for step in [0, 1, 70, 71, 1000] {
        assert!(
            batcher
                .indices(step)
                .iter()
                .all(|i| split.validation.binary_search(i).is_err())
        );
    }
    assert_eq!(data.tensor(&[3]), points(&data)[6..8]);
}
