//! What applications ask of sound: files, tones, music, recordings, and the digits pressed meanwhile.

use std::time::Duration;

/// A number as the files of Asterisk's English sound packages; nothing for one of a thousand millions and more.
pub fn number_files(number: i64) -> Vec<String> {
    let mut files = Vec::new();
    if number < 0 {
        files.push("digits/minus".to_owned());
    }
    let number = number.unsigned_abs();
    if number >= 1_000_000_000 {
        return Vec::new();
    }
    say_below(number, &mut files);
    files
}

fn say_below(number: u64, files: &mut Vec<String>) {
    for (unit, word) in [(1_000_000, "million"), (1_000, "thousand"), (100, "hundred")] {
        if number >= unit {
            say_below(number / unit, files);
            files.push(format!("digits/{word}"));
            if !number.is_multiple_of(unit) {
                say_below(number % unit, files);
            }
            return;
        }
    }
    match number {
        0..=20 => files.push(format!("digits/{number}")),
        _ => {
            files.push(format!("digits/{}", number / 10 * 10));
            if !number.is_multiple_of(10) {
                files.push(format!("digits/{}", number % 10));
            }
        }
    }
}

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
    /// `Record`: the answer has `RECORD_STATUS` and `RECORDED_FILE`.
    Record(Box<RecordCall>),
    /// `MixMonitor`, `Monitor`: begun at once.
    MixMonitor(Box<MixMonitor>),
    /// `StopMixMonitor`, `StopMonitor`.
    StopMonitor {
        /// Its id; empty for all of the kind.
        id: String,
        /// `StopMonitor`.
        is_monitor: bool,
    },
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

/// `Record(file.format[,silence[,maximum[,options]]])`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordCall {
    /// The file with its extension, relative to the sounds directory.
    pub file: String,
    /// So much silence ends it.
    pub silence: Option<Duration>,
    /// Longest duration.
    pub most: Option<Duration>,
    /// `a`: after what is there.
    pub append: bool,
    /// `k`: keep the file when the caller hangs up.
    pub keep: bool,
    /// When the channel is not answered yet.
    pub unanswered: Unanswered,
    /// `o`: `0` ends it with `OPERATOR`.
    pub operator: bool,
    /// `q`: no beep.
    pub quiet: bool,
    /// The digits that end it: `#`, `*` with `t`, all with `y`, none with `x`.
    pub terminators: String,
}

/// `MixMonitor(file.ext[,options[,command]])`, `Monitor([format[,base[,options]]])`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MixMonitor {
    /// `Monitor` and not `MixMonitor`.
    pub is_monitor: bool,
    /// Both sides together; may be empty.
    pub file: String,
    /// `r`: what comes from the channel.
    pub heard: Option<String>,
    /// `t`: what goes to it.
    pub said: Option<String>,
    /// `a`: after what is there.
    pub append: bool,
    /// `b`: only while bridged.
    pub only_bridged: bool,
    /// `B(secs)`: a beep so often.
    pub beep: Option<Duration>,
    /// `D`: two channels.
    pub stereo: bool,
    /// `v`, `V`, `W`: loudness of what is heard and said, -4 to 4.
    pub volumes: (i32, i32),
    /// `i`: the variable that gets the id.
    pub id_variable: Option<String>,
    /// What is run when the file is complete.
    pub command: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_in_english() {
        for (number, said) in [
            (0, "0"),
            (17, "17"),
            (42, "40 2"),
            (100, "1 hundred"),
            (-305, "minus 3 hundred 5"),
            (20_020, "20 thousand 20"),
            (1_234_567, "1 million 2 hundred 30 4 thousand 5 hundred 60 7"),
            (1_000_000_000, ""),
        ] {
            assert_eq!(number_files(number).join(" ").replace("digits/", ""), said, "{number}");
        }
        assert!(number_files(i64::MIN).is_empty());
    }
}
