//! The file of a lesson: Markdown with a few lines of TOML between `+++`, one block at the top and one at the beginning of
//! each step that does or awaits something.
//!
//! ```text
//! +++
//! title = "Noise in one step"
//! about = "How a picture turns into noise"
//! minutes = 3
//! hide = ["Network"]              # groups of the Lab's form that the lesson does not need
//! +++
//!
//! ## First step
//!
//! +++
//! show = "trajectory"             # the workspace that comes to the front
//! do = [{ sample = { model = "moons", sampler = "ddim", steps = 50 } }]
//! until = [{ sampled = { sampler = "ddim", steps = 50 } }]
//! +++
//!
//! Text.
//! ```

use serde::Deserialize;

use super::{doing::Doing, until::Until};
use crate::app::action::Workspace;

/// The longest file that is taken for a lesson, in bytes.
pub const LONGEST: u64 = 1 << 20;

/// Fence around TOML.
const FENCE: &str = "+++";

/// A lesson.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// Its name.
    pub title: String,
    /// What it is about, one sentence.
    pub about: String,
    /// How long it takes.
    pub minutes: u32,
    /// Groups of the Lab's form that are not shown.
    pub hide: Vec<String>,
    /// At least one.
    pub steps: Vec<Step>,
}

/// A page of a lesson.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its heading.
    pub title: String,
    /// Markdown.
    pub text: String,
    /// The workspace that comes to the front with it.
    pub show: Option<Workspace>,
    /// What "Show me" does.
    pub doing: Vec<Doing>,
    /// What the reader is to do; all of it.
    pub until: Vec<Until>,
}

/// The block at the top.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    title: String,
    about: String,
    minutes: u32,
    #[serde(default)]
    hide: Vec<String>,
}

/// The block of a step.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    show: Option<String>,
    #[serde(rename = "do")]
    doing: Vec<Doing>,
    until: Vec<Until>,
}

impl Lesson {
    /// Reads a lesson; the message says in which step what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (head, rest) = fenced(text.trim_start());
        let head = head.ok_or("A lesson begins with a block of settings between two lines +++.")?;
        let head: Head = toml::from_str(head).map_err(|e| format!("The settings of the lesson: {}", e.message()))?;
        let sections = rest.split("\n## ").skip(1);
        let steps = sections.map(Step::parse).collect::<Result<Vec<_>, _>>()?;
        if steps.is_empty() {
            return Err("The lesson has no step; each begins with a line ## and its title.".into());
        }
        Ok(Self {
            title: head.title,
            about: head.about,
            minutes: head.minutes,
            hide: head.hide,
            steps,
        })
    }
}

impl Step {
    fn parse(section: &str) -> Result<Self, String> {
        let (title, rest) = section.split_once('\n').unwrap_or((section, ""));
        let (settings, text) = fenced(rest.trim_start());
        let wrong = |e: &dyn std::fmt::Display| format!("The step “{}”: {e}", title.trim());
        let settings: Settings = toml::from_str(settings.unwrap_or("")).map_err(|e| wrong(&e.message()))?;
        let show = settings.show.as_deref().map(workspace).transpose();
        Ok(Self {
            title: title.trim().into(),
            text: text.trim().into(),
            show: show.map_err(|e| wrong(&e))?,
            doing: settings.doing,
            until: settings.until,
        })
    }
}

/// The block that a text begins with, if it does, and what follows.
fn fenced(text: &str) -> (Option<&str>, &str) {
    let inside = text.strip_prefix(FENCE).and_then(|rest| rest.split_once("\n+++"));
    inside.map_or((None, text), |(block, rest)| (Some(block), rest))
}

/// The workspace of that name.
pub(super) fn workspace(name: &str) -> Result<Workspace, String> {
    let all = || [Workspace::Start].into_iter().chain(Workspace::TABS);
    all().find(|w| w.label().eq_ignore_ascii_case(name)).ok_or_else(|| {
        let known: Vec<_> = all().map(|w| w.label().to_lowercase()).collect();
        format!("there is no workspace “{name}”; choose from: {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "+++\ntitle = \"T\"\nabout = \"A\"\nminutes = 2\nhide = [\"Network\"]\n+++\n";

    #[test]
    fn settings_and_text_are_told_apart() {
        let text = format!("{HEAD}\n## One\n\nA *b*.\n\n## Two\n\n+++\nshow = \"Lab\"\n+++\n\nC\n");
        let lesson = Lesson::parse(&text).unwrap();
        assert_eq!((lesson.title.as_str(), lesson.minutes, lesson.hide.len()), ("T", 2, 1));
        assert_eq!(
            (lesson.steps[0].title.as_str(), lesson.steps[0].text.as_str()),
            ("One", "A *b*.")
        );
        assert_eq!(
            (lesson.steps[1].show, lesson.steps[1].text.as_str()),
            (Some(Workspace::Lab), "C")
        );
    }

    #[test]
    fn mistakes_are_named() {
        let fault = |body: &str| Lesson::parse(&format!("{HEAD}{body}")).unwrap_err();
        assert!(Lesson::parse("# Notes").unwrap_err().contains("+++"));
        assert!(fault("text").contains("no step"));
        assert!(fault("\n## One\n\n+++\nshow = \"moon\"\n+++\n").contains("“One”: there is no workspace “moon”"));
        assert!(fault("\n## One\n\n+++\nsow = 1\n+++\n").contains("sow"));
        assert!(fault("\n## One\n\n+++\ndo = [{ fly = 1 }]\n+++\n").contains("fly"));
    }
}
