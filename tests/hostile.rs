//! Files that are damaged or made up: no panic, and no memory beyond the file's size times a stated factor.
//!
//! A share of the inputs is tried always; `HOSTILE_CASES=1000000` asks for more.

#![allow(unsafe_code, reason = "an allocator that counts")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fs,
    io::Cursor,
    path::Path,
};

use diffusion_studio::{
    data::{self, DataRecipe, Progress},
    diffusion::scheduler_config::Scheduler,
    draw::Raster,
    files::{
        Document, Recipe, Tensor, Tensors,
        diffusers::{pickle, scheduler_of},
        film, picture,
        tensors::Notes,
    },
    nn::unet,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

thread_local! {
    /// Bytes that this thread holds now, and the most it held since it was asked to watch.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

/// The system's allocator, counting for each thread.
struct Counting;

fn count(bytes: isize) {
    // At the end of a thread there is nothing left to count with.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        let now = now + bytes;
        held.set((now, most.max(now)));
    });
}

// SAFETY: everything is handed to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that `f` held at once.
fn most_held(f: impl FnOnce()) -> usize {
    let start = HELD.with(|held| {
        let (now, _) = held.get();
        held.set((now, now));
        now
    });
    f();
    HELD.with(|held| (held.get().1 - start).max(0) as usize)
}

fn cases() -> u32 {
    std::env::var("HOSTILE_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2000)
}

/// A damaged copy of one of the seeds: bytes changed, cut out, doubled, or numbers put in place of others.
fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0_u8..7,
        any::<u8>(),
    );
    let changes = prop::collection::vec(change, 1..6);
    (prop::sample::select(seeds), changes).prop_map(|(mut bytes, changes)| {
        for (from, to, kind, value) in changes {
            let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
            let range = from.min(to)..from.max(to);
            let near = range.start..(range.start + 8).min(bytes.len());
            match kind {
                0 | 1 => bytes[near].iter_mut().take(1).for_each(|b| *b = value),
                2 => bytes[near].iter_mut().take(1).for_each(|b| *b ^= 1 << (value % 8)),
                3 => bytes[near].fill(value),
                4 => bytes.truncate(range.start),
                5 => drop(bytes.drain(range)),
                _ => {
                    let part = bytes[range.start..range.end.min(range.start + 64)].to_vec();
                    bytes.splice(range.start..range.start, part);
                }
            }
        }
        bytes
    })
}

/// Reads damaged copies of the seeds, and bytes at random. `factor` bytes may be held for each byte of the file, and
/// `fixed` whatever its size.
fn survives(seeds: &[Vec<u8>], factor: usize, fixed: usize, read: impl Fn(&[u8])) {
    let random = prop::collection::vec(any::<u8>(), 0..200).boxed();
    let inputs = prop_oneof![9 => damaged(seeds.to_vec()).boxed(), 1 => random];
    let within = |bytes: &[u8]| {
        let held = most_held(|| read(bytes));
        let most = factor * bytes.len() + fixed;
        prop_assert!(held <= most, "{held} bytes held for a file of {}", bytes.len());
        Ok(())
    };
    for seed in seeds {
        within(seed).unwrap();
    }
    let config = Config {
        cases: cases(),
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config).run(&inputs, |bytes| within(&bytes)).unwrap();
}

/// Readers that want a file get one. The file is written anew for each input.
fn in_file(name: &str, read: impl Fn(&Path)) -> impl Fn(&[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let name = name.to_owned();
    move |bytes| {
        let path = folder.path().join(&name);
        fs::write(&path, bytes).unwrap();
        read(&path);
    }
}

fn golden(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)).unwrap()
}

#[test]
fn recipes() {
    let mut recipe = Recipe::default();
    recipe.set("net", "unet").unwrap();
    let seeds = vec![
        recipe.to_toml().unwrap().into_bytes(),
        Recipe::default().to_toml().unwrap().into_bytes(),
    ];
    survives(&seeds, 400, 1 << 20, |bytes| {
        drop(Recipe::parse(&String::from_utf8_lossy(bytes), "recipe.toml"));
    });
}

#[test]
fn headers_of_safetensors() {
    let tensor = Tensor {
        shape: vec![2, 3],
        data: vec![1.0; 6],
    };
    let tensors = Tensors([("a".to_owned(), tensor.clone()), ("b".to_owned(), tensor)].into());
    let mut file = Vec::new();
    tensors
        .write(&Notes::from([("k".into(), "v".into())]), &mut file)
        .unwrap();
    let mut half = Vec::new();
    tensors.write_half(&Notes::new(), &mut half).unwrap();
    survives(&[file, half], 100, 1 << 16, |bytes| {
        drop(Tensors::parse(bytes));
        drop(Tensors::parse_any_float(bytes));
    });
}

#[test]
fn descriptions_of_networks() {
    let seeds =
        ["unet_plain", "unet_attention", "unet_class_conditional"].map(|name| golden(&format!("{name}/config.json")));
    survives(&seeds, 100, 1 << 16, |bytes| {
        drop(unet::Config::from_json(&String::from_utf8_lossy(bytes)));
    });
}

#[test]
fn lists_of_a_pipelines_parts() {
    survives(&[golden("pipeline/model_index.json")], 100, 1 << 16, |bytes| {
        drop(scheduler_of(&String::from_utf8_lossy(bytes)));
    });
}

#[test]
fn descriptions_of_schedulers() {
    let listed = br#"{"_class_name": "DDIMScheduler", "trained_betas": [0.1, 0.2, 0.3], "num_train_timesteps": 3}"#;
    let seeds = vec![golden("pipeline/scheduler/scheduler_config.json"), listed.to_vec()];
    survives(&seeds, 200, 1 << 20, |bytes| {
        drop(Scheduler::from_json(&String::from_utf8_lossy(bytes)));
    });
}

/// An archive of stored files.
fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    use std::io::Write as _;

    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        zip.start_file(*name, stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The list of one tensor of two by three numbers, as PyTorch writes it.
fn list() -> Vec<u8> {
    let mut program =
        b"\x80\x02}q\x00(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\nq\x01((X\x07\x00\x00\x00storage".to_vec();
    program.extend(b"q\x02ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tq\x03QK\x00K\x02K\x03\x86K\x03K\x01\x86");
    program.extend(b"\x89ccollections\nOrderedDict\n)RtRu.");
    program
}

#[test]
fn weights_of_pytorch() {
    let whole = archive(&[("x/data.pkl", list()), ("x/data/0", vec![0; 24])]);
    assert_eq!(
        pickle::parse(Cursor::new(&whole), whole.len() as u64).unwrap().0["a"].shape,
        [2, 3]
    );
    // The list is damaged inside of a sound archive as well, where no checksum of the archive speaks first.
    let read = |bytes: &[u8]| {
        drop(pickle::parse(Cursor::new(bytes), bytes.len() as u64));
    };
    survives(&[whole], 2 + pickle::PER_BYTE, 1 << 18, read);
    survives(&[list()], 16 * (2 + pickle::PER_BYTE), 1 << 18, |program| {
        let file = archive(&[("x/data.pkl", program.to_vec()), ("x/data/0", vec![0; 24])]);
        read(&file);
    });
}

fn load(path: &Path) {
    let recipe = DataRecipe {
        source: path.to_string_lossy().into_owned(),
        ..DataRecipe::default()
    };
    drop(data::load(&recipe, 0, &Progress::default()));
}

#[test]
fn idx() {
    let mut file = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4];
    file.extend([7; 32]);
    survives(&[file], 64, 1 << 20, in_file("a.idx3-ubyte", load));
}

#[test]
fn npy() {
    let header = |text: &str, data: usize| {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((text.len() as u16).to_le_bytes());
        file.extend(text.as_bytes());
        file.resize(file.len() + data, 1);
        file
    };
    let points = header("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }\n", 40);
    let pictures = header("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4, 4), }\n", 32);
    survives(&[points, pictures], 64, 1 << 20, in_file("a.npy", load));
}

#[test]
fn chunks_of_pictures() {
    let raster = Raster::filled(6, 5, 3, [10, 20, 30]);
    let png = picture::png(&raster, None).unwrap();
    let apng = film::apng(&[raster.clone(), raster], film::Timing::default(), None).unwrap();
    // Texts are unpacked up to a megabyte each.
    survives(
        &[png, apng],
        1000,
        4 << 20,
        in_file("a.png", |path| {
            drop(picture::read_provenance(path));
        }),
    );
}

#[test]
fn comments_of_films() {
    let raster = Raster::filled(6, 5, 3, [10, 20, 30]);
    let bare = film::gif(&[raster.clone(), raster], film::Timing::default(), None).unwrap();
    let mut told = bare[..bare.len() - 1].to_vec();
    let text = b"Software = \"diffusion-studio 0\"\nSeed = \"1\"\n";
    told.extend([0x21, 0xfe, text.len() as u8]);
    told.extend(text);
    told.extend([0, 0x3b]);
    survives(
        &[bare, told],
        400,
        1 << 20,
        in_file("a.gif", |path| {
            drop(picture::read_provenance(path));
        }),
    );
}

/// A picture of four by five pixels with a stroke, a mask from a picture and a layer, as a document describes it.
const DRAWN: &str = r#"{
  "version": 1, "workspace": "Inpaint", "recipe": "version = 1\n", "trajectories": [], "front": null,
  "easel": {
    "name": "cat", "source": null, "width": 4, "height": 5, "channels": 1, "original": 0, "alpha": null,
    "frame": { "left": 0, "top": 0, "right": 4, "bottom": 5 },
    "done": [
      { "mark": { "mask": { "stroke": {
        "brush": { "radius": 0.2, "hardness": 0.5 }, "points": [{ "x": 0.1, "y": 0.5, "pressure": 1.0 }], "mode": "add"
      } } } },
      { "mask-picture": { "width": 2, "height": 1, "pixels": 1 } },
      { "layer": { "name": "DDNM", "frame": { "left": 1, "top": 1, "right": 3, "bottom": 2 }, "pixels": 1, "coverage": 1 } }
    ]
  }
}"#;

#[test]
fn descriptions_in_documents() {
    let whole = |text: &[u8]| {
        archive(&[
            ("document.json", text.to_vec()),
            ("0", vec![9; 20]),
            ("1", vec![200, 100]),
        ])
    };
    let drawn = Document::parse(Cursor::new(whole(DRAWN.as_bytes()))).unwrap();
    assert_eq!(drawn.canvas.unwrap().done.len(), 3);
    survives(&[DRAWN.into()], 400, 1 << 20, |text| {
        drop(Document::parse(Cursor::new(whole(text))));
    });
}

#[test]
fn archives_of_documents() {
    let whole = archive(&[
        ("document.json", DRAWN.into()),
        ("0", vec![9; 20]),
        ("1", vec![200, 100]),
    ]);
    survives(&[whole], 400, 1 << 20, |bytes| {
        drop(Document::parse(Cursor::new(bytes)));
    });
}
