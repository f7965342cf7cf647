//! The runs on disk in the real window: one is copied, the copy moved to the trash, the run sampled from.

use std::path::Path;

use eframe::egui::{Key, Modifiers};

use crate::{
    studio::{Studio, runs},
    with_recipe,
};

fn name(run: &Path) -> String {
    run.file_name().unwrap().to_str().unwrap().to_owned()
}

/// The names of the runs once there are so many.
fn wait_for_runs(studio: &mut Studio, count: usize) -> Vec<String> {
    let home = studio.home().to_owned();
    studio.wait_for("runs on disk", |_| {
        let found = runs(&home);
        (found.len() == count).then(|| found.iter().map(|run| name(run)).collect())
    })
}

#[test]
fn a_copy_of_a_run_goes_to_the_trash_and_the_run_is_sampled_from() {
    let mut studio = with_recipe([1280, 720], 30);
    studio.press("Train");
    studio.wait_for_text("finished");
    let run = wait_for_runs(&mut studio, 1).remove(0);
    studio.key(Modifiers::ALT, Key::Num7);
    studio.press(&run);
    studio.press("Copy");
    let both = wait_for_runs(&mut studio, 2);
    let copy = both.into_iter().find(|name| *name != run).unwrap();
    studio.wait_for_text(&copy);
    // The window still holds the run that it trained; the copy is nobody's.
    studio.press(&copy);
    studio.press("Delete");
    assert_eq!(wait_for_runs(&mut studio, 1), [run.clone()]);
    let trash = studio.home().join(".local/share/Trash/files");
    assert!(trash.join(&copy).join("recipe.toml").is_file());

    studio.press(&run);
    studio.press("Sample from it");
    studio.wait_for_text("step 50/50");
    let home = studio.quit();
    assert_eq!(runs(home.path()).len(), 1);
}
