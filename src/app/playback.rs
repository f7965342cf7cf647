//! The diffusion clock: one cursor over the frames of a trajectory.
//!
//! Plain arithmetic without a window and without a clock of its own: whoever draws says how much time went by.

/// How long one pass over a whole trajectory takes at speed 1, however many frames it has.
const PASS_SECS: f64 = 4.0;

/// How long the last frame stays before a loop begins again.
const HOLD_SECS: f64 = 1.0;

/// Speeds offered in the time bar.
pub const SPEEDS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 4.0];

/// What can be asked of the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlaybackCommand {
    /// Plays when paused, pauses otherwise. Playing from the last frame begins at the first.
    Toggle,
    /// To a frame; beyond the last one it means the last one. Pauses.
    Seek(usize),
    /// Some frames on (or back); stops at both ends. Pauses.
    Step(isize),
    /// To the first frame. Pauses.
    Home,
    /// To the last frame, and on with every new one.
    End,
    /// Passes per `PASS_SECS`, see [`SPEEDS`].
    SetSpeed(f64),
    /// Whether playing begins again after the last frame.
    SetLoop(bool),
}

/// What the clock does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Stands still.
    Paused,
    /// Goes on with time.
    Playing,
    /// Stands at the newest frame while a trajectory is being made.
    Following,
}

/// The cursor, between frame 0 and frame `len - 1`.
///
/// ```
/// use diffusion_studio::app::playback::{Mode, Playback, PlaybackCommand};
///
/// let mut clock = Playback::default();
/// clock.grow(11, true);
/// clock.apply(PlaybackCommand::Home);
/// clock.apply(PlaybackCommand::Step(3));
/// assert_eq!((clock.index(), clock.mode()), (3, Mode::Paused));
///
/// // A whole pass takes four seconds, so a tenth of it takes 0.4 s.
/// clock.apply(PlaybackCommand::Toggle);
/// clock.tick(0.4);
/// assert_eq!((clock.index(), clock.mode()), (4, Mode::Playing));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Playback {
    /// Cursor in frames; whole unless playing.
    position: f64,
    len: usize,
    complete: bool,
    mode: Mode,
    looping: bool,
    speed: f64,
    /// Seconds that the last frame of a loop was already shown.
    held: f64,
}

impl Default for Playback {
    fn default() -> Self {
        Self {
            position: 0.0,
            len: 0,
            complete: false,
            mode: Mode::Following,
            looping: true,
            speed: 1.0,
            held: 0.0,
        }
    }
}

impl Playback {
    /// The frame under the cursor.
    pub fn index(&self) -> usize {
        self.position as usize
    }

    /// How far the clock is on its way to the next frame, `0..1`; 0 unless playing.
    pub fn fraction(&self) -> f64 {
        self.position.fract()
    }

    /// Number of frames there are so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether no more frames come.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What the clock does by itself.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether playing begins again after the last frame.
    pub fn looping(&self) -> bool {
        self.looping
    }

    /// Speed, 1 for a pass in `PASS_SECS`.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Another trajectory: `len` frames, of which no more come when `complete`. Speed and loop stay; a complete one is
    /// shown at its last frame, a growing one is followed.
    pub fn open(&mut self, len: usize, complete: bool) {
        self.mode = Mode::Following;
        self.position = 0.0;
        self.held = 0.0;
        (self.len, self.complete) = (0, false);
        self.grow(len, complete);
    }

    /// Frames arrived, or the trajectory ended.
    pub fn grow(&mut self, len: usize, complete: bool) {
        self.len = len;
        self.complete = complete;
        self.position = self.position.min(self.last());
        if self.mode == Mode::Following {
            self.position = self.last();
            if complete {
                self.mode = Mode::Paused;
            }
        }
    }

    /// Does what was asked.
    pub fn apply(&mut self, command: PlaybackCommand) {
        match command {
            PlaybackCommand::Toggle => self.toggle(),
            PlaybackCommand::Seek(index) => self.rest_at(index as f64),
            PlaybackCommand::Step(frames) => self.rest_at(self.position.floor() + frames as f64),
            PlaybackCommand::Home => self.rest_at(0.0),
            PlaybackCommand::End => {
                self.rest_at(self.last());
                if !self.complete {
                    self.mode = Mode::Following;
                }
            }
            PlaybackCommand::SetSpeed(speed) => self.speed = speed.clamp(0.01, 100.0),
            PlaybackCommand::SetLoop(looping) => self.looping = looping,
        }
    }

    /// Lets time pass. Returns whether another frame is under the cursor now.
    pub fn tick(&mut self, secs: f64) -> bool {
        let before = self.index();
        if self.mode == Mode::Playing && self.len > 1 {
            self.advance(secs.max(0.0));
        }
        self.index() != before
    }

    /// Frames per second while playing.
    pub fn rate(&self) -> f64 {
        self.last() / PASS_SECS * self.speed
    }

    /// Seconds until the cursor reaches the next frame by itself; `None` while it stands.
    pub fn next_change_secs(&self) -> Option<f64> {
        if self.mode != Mode::Playing || self.len < 2 {
            None
        } else if self.position < self.last() {
            Some((1.0 - self.fraction()) / self.rate())
        } else {
            Some((HOLD_SECS - self.held).max(0.0))
        }
    }

    fn advance(&mut self, secs: f64) {
        let to_end = (self.last() - self.position) / self.rate();
        if secs < to_end {
            self.position += secs * self.rate();
            return;
        }
        self.position = self.last();
        if self.looping {
            self.held += secs - to_end;
            if self.held >= HOLD_SECS {
                (self.position, self.held) = (0.0, 0.0);
            }
        } else if self.complete {
            self.mode = Mode::Paused;
        } else {
            self.mode = Mode::Following;
        }
    }

    fn toggle(&mut self) {
        if self.mode == Mode::Playing {
            return self.rest_at(self.position.floor());
        }
        if self.position >= self.last() {
            self.position = 0.0;
        }
        self.held = 0.0;
        self.mode = Mode::Playing;
    }

    fn rest_at(&mut self, position: f64) {
        self.position = position.clamp(0.0, self.last());
        self.held = 0.0;
        self.mode = Mode::Paused;
    }

    fn last(&self) -> f64 {
        self.len.saturating_sub(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(len: usize) -> Playback {
        let mut clock = Playback::default();
        clock.open(len, true);
        clock
    }

    #[test]
    fn a_growing_trajectory_is_followed_until_someone_takes_the_cursor() {
        let mut clock = Playback::default();
        clock.open(0, false);
        clock.grow(5, false);
        assert_eq!((clock.index(), clock.mode()), (4, Mode::Following));
        clock.apply(PlaybackCommand::Step(-1));
        clock.grow(9, false);
        assert_eq!((clock.index(), clock.mode()), (3, Mode::Paused));
        clock.apply(PlaybackCommand::End);
        clock.grow(20, false);
        clock.grow(21, true);
        assert_eq!((clock.index(), clock.mode()), (20, Mode::Paused));
    }

    #[test]
    fn playing_stops_at_the_end_or_begins_again() {
        let mut clock = full(5);
        clock.apply(PlaybackCommand::SetLoop(false));
        clock.apply(PlaybackCommand::Toggle);
        assert_eq!(clock.index(), 0);
        clock.tick(100.0);
        assert_eq!((clock.index(), clock.mode()), (4, Mode::Paused));

        clock.apply(PlaybackCommand::SetLoop(true));
        clock.apply(PlaybackCommand::Toggle);
        clock.tick(PASS_SECS + HOLD_SECS / 2.0);
        assert_eq!((clock.index(), clock.mode()), (4, Mode::Playing));
        clock.tick(HOLD_SECS / 2.0);
        assert_eq!((clock.index(), clock.mode()), (0, Mode::Playing));
    }

    #[test]
    fn a_pass_takes_as_long_whatever_the_number_of_frames() {
        for len in [2, 11, 1001] {
            let mut clock = full(len);
            clock.apply(PlaybackCommand::SetSpeed(2.0));
            clock.apply(PlaybackCommand::Toggle);
            clock.tick(PASS_SECS / 4.0 + 1e-9);
            assert_eq!(clock.index(), (len - 1) / 2, "{len} frames");
        }
    }

    #[test]
    fn nothing_moves_without_frames() {
        let mut clock = full(0);
        clock.apply(PlaybackCommand::Toggle);
        assert!(!clock.tick(10.0) && clock.next_change_secs().is_none() && clock.index() == 0);
    }

    fn any_command() -> impl Strategy<Value = PlaybackCommand> {
        prop_oneof![
            Just(PlaybackCommand::Toggle),
            Just(PlaybackCommand::Home),
            Just(PlaybackCommand::End),
            (0_usize..2000).prop_map(PlaybackCommand::Seek),
            (-50_isize..50).prop_map(PlaybackCommand::Step),
            (0.0..10.0).prop_map(PlaybackCommand::SetSpeed),
            any::<bool>().prop_map(PlaybackCommand::SetLoop),
        ]
    }

    proptest! {
        #[test]
        fn the_cursor_never_leaves_the_frames(
            commands in prop::collection::vec((any_command(), 0.0..3.0, 0_usize..1500, any::<bool>()), 0..60)
        ) {
            let mut clock = Playback::default();
            for (command, secs, len, complete) in commands {
                clock.grow(len, complete);
                clock.apply(command);
                clock.tick(secs);
                prop_assert!(clock.index() < len.max(1));
                prop_assert!(clock.mode() == Mode::Playing || clock.fraction() == 0.0);
            }
        }

        #[test]
        fn small_ticks_arrive_where_one_large_tick_does(len in 2_usize..1200, parts in 1_usize..40, secs in 0.0..3.9) {
            let (mut fine, mut coarse) = (full(len), full(len));
            for clock in [&mut fine, &mut coarse] {
                clock.apply(PlaybackCommand::Toggle);
            }
            for _ in 0..parts {
                fine.tick(secs / parts as f64);
            }
            coarse.tick(secs);
            prop_assert!((fine.position - coarse.position).abs() < 1e-6);
        }

        #[test]
        fn waiting_for_the_next_change_changes_the_frame(len in 2_usize..1200, start in 0_usize..1200) {
            let mut clock = full(len);
            clock.apply(PlaybackCommand::Seek(start));
            clock.apply(PlaybackCommand::Toggle);
            let wait = clock.next_change_secs();
            prop_assert!(wait.is_some());
            prop_assert!(clock.tick(wait.unwrap_or_default() + 1e-9));
        }
    }
}
