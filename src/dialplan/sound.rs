//! What applications ask of sound: files, tones, music, recordings, and the digits pressed meanwhile.

use std::time::Duration;

/// One thing to do with the sound of the channel.
#[derive(Clone, Debug, PartialEq)]
pub enum SoundAction {
    /// Play files, one after the other. The answer is [`super::Outcome::Status`] with `SUCCESS` or `FAILED`.
    Playback {
        /// Names, without extension.
        files: Vec<String>,
        /// When the channel is not answered yet.
        unanswered: Unanswered,
    },
    /// The same, until a digit is pressed: [`super::Outcome::Digit`].
    Background {
        /// Names.
        files: Vec<String>,
        /// When the channel is not answered yet.
        unanswered: Unanswered,
        /// Another language than the channel's.
        language: Option<String>,
        /// `m`: only these digits interrupt; `None`: all.
        only: Option<String>,
    },
    /// Play `files` and read digits into a variable.
    Read(Box<Read>),
    /// Music on hold for so long (`None`: until the hangup).
    Music {
        /// The class; empty for the channel's.
        class: String,
        /// How long.
        most: Option<Duration>,
    },
    /// `StartMusicOnHold`: done at once, and the music goes on.
    StartMusic {
        /// The class; empty for the channel's.
        class: String,
    },
    /// `StopMusicOnHold`.
    StopMusic,
    /// A tone until the hangup.
    Tone {
        /// As `PlayTones` has it.
        tones: String,
    },
}

/// What to do with a sound when the channel is not answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unanswered {
    /// Answer.
    #[default]
    Answer,
    /// `noanswer`: play it as early media.
    Early,
    /// `skip`: do not play it.
    Skip,
}

/// `Read(variable[,files[,max[,options[,attempts[,timeout]]]]])`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The variable.
    pub variable: String,
    /// What is played first.
    pub files: Vec<String>,
    /// `i`: the first name is a tone instead.
    pub tone: bool,
    /// Most digits.
    pub most: usize,
    /// When the channel is not answered yet.
    pub unanswered: Unanswered,
    /// The digits that end it (`t(…)`); `#` without.
    pub terminators: String,
    /// `e`: an ending digit alone is read as itself.
    pub keep_terminator: bool,
    /// How often it is tried.
    pub attempts: u32,
    /// How long to wait for each digit; `None`: the channel's time-outs.
    pub timeout: Option<Duration>,
}
