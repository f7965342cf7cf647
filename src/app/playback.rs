//! The clock of the present trajectory: a cursor and how it moves. No egui, no wall clock.

/// Where the cursor is and how it moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Playback {
    /// Frame under the cursor, `0..len`.
    pub cursor: usize,
    /// Number of frames.
    pub len: usize,
    /// Whether the cursor moves by itself.
    pub playing: bool,
    /// Frames per second.
    pub speed: f32,
    /// Starts again at the end.
    pub looping: bool,
    /// Stays on the newest frame while more arrive.
    pub follow: bool,
    /// Part of a frame that has passed, `0..1`.
    pub fraction: f32,
}

impl Default for Playback {
    fn default() -> Self {
        Self {
            cursor: 0,
            len: 0,
            playing: false,
            speed: 20.0,
            looping: true,
            follow: true,
            fraction: 0.0,
        }
    }
}

/// What can be asked of the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlaybackCommand {
    /// Plays or pauses.
    Toggle,
    /// Goes to a frame and stays there.
    Seek(usize),
    /// Goes some frames forward or back and stays there.
    Step(isize),
    /// Goes to the newest frame and follows it.
    End,
    /// Frames per second.
    Speed(f32),
    /// Starts again at the end, or not.
    Loop(bool),
}

impl Playback {
    /// Follows a command.
    pub fn apply(&mut self, command: PlaybackCommand) {
        match command {
            PlaybackCommand::Toggle => self.toggle(),
            PlaybackCommand::Seek(frame) => self.seek(frame),
            PlaybackCommand::Step(by) => self.seek(self.cursor.saturating_add_signed(by)),
            PlaybackCommand::End => {
                self.seek(usize::MAX);
                self.follow = true;
            }
            PlaybackCommand::Speed(speed) => self.speed = speed.clamp(0.5, 240.0),
            PlaybackCommand::Loop(on) => self.looping = on,
        }
    }

    fn toggle(&mut self) {
        self.playing = !self.playing && self.len > 1;
        self.follow = false;
        if self.playing && self.cursor + 1 >= self.len {
            self.cursor = 0;
        }
    }

    fn seek(&mut self, frame: usize) {
        self.cursor = frame.min(self.len.saturating_sub(1));
        self.playing = false;
        self.follow = false;
        self.fraction = 0.0;
    }

    /// The trajectory now has `len` frames.
    pub fn grow(&mut self, len: usize) {
        self.len = len;
        if self.follow {
            self.cursor = len.saturating_sub(1);
        }
    }

    /// `secs` have passed.
    pub fn tick(&mut self, secs: f32) {
        if !self.playing || self.len < 2 {
            return;
        }
        self.fraction += secs * self.speed;
        let whole = self.fraction.floor();
        self.fraction -= whole;
        let next = self.cursor + whole as usize;
        if next < self.len {
            self.cursor = next;
        } else if self.looping {
            self.cursor = next % self.len;
        } else {
            self.seek(usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(len: usize) -> Playback {
        let mut p = Playback::default();
        p.grow(len);
        p.apply(PlaybackCommand::Toggle);
        p
    }

    #[test]
    fn following_stays_on_the_newest_frame_until_the_hand_takes_over() {
        let mut p = Playback::default();
        p.grow(5);
        assert_eq!(p.cursor, 4);
        p.apply(PlaybackCommand::Step(-1));
        p.grow(9);
        assert_eq!(p.cursor, 3);
        p.apply(PlaybackCommand::End);
        p.grow(10);
        assert_eq!(p.cursor, 9);
    }

    #[test]
    fn playing_from_the_end_starts_again_and_loops() {
        let mut p = playing(10);
        assert_eq!(p.cursor, 0);
        p.tick(0.5);
        assert_eq!(p.cursor, 0, "10 frames at 20 a second are one round");
        p.apply(PlaybackCommand::Loop(false));
        p.tick(3.0);
        assert_eq!((p.cursor, p.playing), (9, false));
    }
}
