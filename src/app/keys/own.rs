//! Keys of one's own in place of the table's, and the choice of a new one.

use std::{collections::BTreeMap, sync::Arc};

use eframe::egui::{Context, Event, Id, Key, KeyboardShortcut, Modifiers};
use serde::{Deserialize, Serialize};

use super::{BINDINGS, Binding, Does};

/// What is done by another key than the table says, by the name of [`Does`]. It holds in all places where the table has a
/// line for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnKeys(BTreeMap<String, KeyboardShortcut>);

impl OwnKeys {
    /// Those that are in force.
    pub fn of(ctx: &Context) -> Arc<Self> {
        ctx.data(|d| d.get_temp(in_force())).unwrap_or_default()
    }

    /// From now on these are in force.
    pub fn put_in_force(&self, ctx: &Context) {
        ctx.data_mut(|d| d.insert_temp(in_force(), Arc::new(self.clone())));
    }

    /// Whether nothing differs from the table.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `does` has a key of one's own.
    pub fn has(&self, does: Does) -> bool {
        self.0.contains_key(&name(does))
    }

    /// The keys of a line of the table; the first one is shown.
    pub fn keys(&self, line: &Binding) -> Vec<KeyboardShortcut> {
        match self.0.get(&name(line.does)) {
            Some(&own) => vec![own],
            None => line.keys.to_vec(),
        }
    }

    /// Gives `does` a key of its own, or that of the table back.
    pub fn set(&mut self, does: Does, key: Option<KeyboardShortcut>) {
        match key {
            Some(key) => self.0.insert(name(does), key),
            None => self.0.remove(&name(does)),
        };
    }

    /// What the keys of `does` would do besides, where they meet, once they were `key` or those of the table.
    pub fn rival(&self, does: Does, key: Option<KeyboardShortcut>) -> Option<&'static Binding> {
        let mut after = self.clone();
        after.set(does, key);
        let mine = BINDINGS.iter().filter(|line| line.does == does);
        let others = || BINDINGS.iter().filter(|line| line.does != does);
        let mut pairs = mine.flat_map(|line| others().map(move |other| (line, other)));
        let shared = |(line, other): &(&Binding, &Binding)| {
            let keys = after.keys(line);
            line.meets(other) && after.keys(other).iter().any(|key| keys.contains(key))
        };
        pairs.find(shared).map(|(_, other)| other)
    }
}

/// What waits for its new key.
pub fn awaiting(ctx: &Context) -> Option<Does> {
    ctx.data(|d| d.get_temp::<Option<Does>>(awaited())).flatten()
}

/// Whether the next key is a choice and no command.
pub fn is_awaiting(ctx: &Context) -> bool {
    awaiting(ctx).is_some()
}

/// The next key is for this.
pub fn wait_for(ctx: &Context, does: Option<Does>) {
    ctx.data_mut(|d| d.insert_temp(awaited(), does));
}

/// What was pressed in this frame, taken away from all others.
pub fn any_key(ctx: &Context) -> Option<KeyboardShortcut> {
    ctx.input_mut(|input| {
        let place = input.events.iter().position(|event| {
            matches!(
                event,
                Event::Key {
                    pressed: true,
                    repeat: false,
                    ..
                }
            )
        })?;
        match input.events.remove(place) {
            Event::Key { key, modifiers, .. } => Some(KeyboardShortcut::new(plain(modifiers), key)),
            _ => None,
        }
    })
}

/// Whether a key may be chosen: the toolkit needs these for itself.
pub fn is_allowed(key: Key) -> bool {
    !matches!(key, Key::Tab | Key::Escape)
}

/// The modifiers as the table writes them: Ctrl, or Cmd on a Mac, is `command`.
fn plain(found: Modifiers) -> Modifiers {
    Modifiers {
        ctrl: found.ctrl && !found.command,
        mac_cmd: false,
        ..found
    }
}

fn name(does: Does) -> String {
    format!("{does:?}")
}

fn in_force() -> Id {
    Id::unique("own keys")
}

fn awaited() -> Id {
    Id::unique("awaited key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::Workspace;

    fn ctrl(key: Key) -> KeyboardShortcut {
        KeyboardShortcut::new(Modifiers::COMMAND, key)
    }

    fn line(does: Does) -> &'static Binding {
        BINDINGS.iter().find(|b| b.does == does).unwrap()
    }

    #[test]
    fn an_own_key_takes_the_place_of_the_tables() {
        let mut own = OwnKeys::default();
        own.set(Does::Redo, Some(ctrl(Key::J)));
        assert_eq!(own.keys(line(Does::Redo)), [ctrl(Key::J)]);
        assert!(own.has(Does::Redo) && !own.has(Does::Undo));
        let back: OwnKeys = serde_json::from_str(&serde_json::to_string(&own).unwrap()).unwrap();
        assert_eq!(back, own);
        own.set(Does::Redo, None);
        assert!(own.is_empty());
        assert_eq!(own.keys(line(Does::Redo)), line(Does::Redo).keys);
    }

    #[test]
    fn what_meets_has_different_keys() {
        let mut own = OwnKeys::default();
        let rival = |own: &OwnKeys, does, key| own.rival(does, key).map(|line| line.does);
        assert_eq!(rival(&own, Does::Palette, Some(ctrl(Key::O))), Some(Does::Open));
        // The layers belong to the Lab, and so does R; the eraser to another place.
        let plain = |key| Some(KeyboardShortcut::new(Modifiers::NONE, key));
        assert_eq!(rival(&own, Does::Layer(0), plain(Key::R)), Some(Does::Seed));
        assert_eq!(rival(&own, Does::Layer(0), plain(Key::E)), None);
        // A key that was given away is not had back before it is free.
        own.set(Does::Palette, Some(ctrl(Key::P)));
        own.set(Does::Open, Some(ctrl(Key::K)));
        assert_eq!(rival(&own, Does::Palette, None), Some(Does::Open));
        assert_eq!(rival(&own, Does::Show(Workspace::Lab), None), None);
    }

    #[test]
    fn each_name_is_one_command() {
        let names: BTreeMap<String, Does> = BINDINGS.iter().map(|b| (name(b.does), b.does)).collect();
        assert!(BINDINGS.iter().all(|b| names[&name(b.does)] == b.does));
    }
}
