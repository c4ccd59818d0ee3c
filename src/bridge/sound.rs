//! What signalling orders of sound that is opened up: coded, mixed, played, recorded, listened to.
//!
//! ```text
//! port ─▶ decode ─▶ heard ─┬─▶ room: everybody's sum, less one's own ─▶ said ─▶ encode ─▶ port
//!                          ├─▶ recorders, listeners                ▲
//!                          └─▶ tone and talk detection             └─ players: files, tones
//! ```

use super::plan::PortId;
use crate::codec::{Coding, Gain, ToneList, Wishes};
use crate::rtp::JitterRules;
use crate::sdp::RtpStream;
use std::time::Duration;

/// A room: ports that hear each other. Chosen by the switch, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// Something that plays, records or listens. Chosen by the switch, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SoundId(pub u64);

/// How the packets of a stream become samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCoding {
    /// What arriving numbers hold, of those we can read.
    pub receive: Vec<(u8, Coding)>,
    /// The number we send with.
    pub send_number: u8,
    /// What we send.
    pub send: Coding,
    /// Milliseconds of sound in the packets we send.
    pub packet_ms: u16,
    /// What the other side asks of what we send.
    pub wishes: Wishes,
}

impl StreamCoding {
    /// Of what was agreed. `None` when the codec to send with is not one of ours to make.
    pub fn of(stream: &RtpStream) -> Option<StreamCoding> {
        let coded = |name: &str| Coding::from_name(name);
        let (send_number, send) =
            stream.formats.iter().find_map(|format| Some((format.send, coded(format.codec.name())?)))?;
        let receive =
            stream.formats.iter().filter_map(|f| Some((f.receive, coded(f.codec.name())?))).collect();
        let packet_ms = if stream.ptime_ms == 0 { 20 } else { stream.ptime_ms };
        let sent = stream.formats.iter().find(|format| format.send == send_number);
        let wishes = sent.and_then(|format| format.theirs.as_deref()).map(Wishes::read).unwrap_or_default();
        Some(StreamCoding { receive, send_number, send, packet_ms: packet_ms.clamp(10, 120), wishes })
    }

    /// The same for sound of so many samples a second, where a coding leaves the choice.
    pub fn at_rate(&self, rate: u32) -> StreamCoding {
        let receive = self.receive.iter().map(|(number, coding)| (*number, coding.at_rate(rate))).collect();
        StreamCoding { receive, send: self.send.at_rate(rate), ..self.clone() }
    }
}

/// What to do with the sound of a port.
#[derive(Clone, Debug, PartialEq)]
pub enum SoundOrder {
    /// Enter a room, out of any other and of any join.
    Enter {
        /// Which.
        room: RoomId,
        /// What the port may there.
        seat: Seat,
    },
    /// Leave the room.
    Leave,
    /// Play something to it. [`super::MediaEvent::SoundEnded`] at its end.
    Play {
        /// The name of this.
        id: SoundId,
        /// What.
        source: SoundSource,
        /// Whether the rest is still heard.
        over: Over,
    },
    /// Write its sound to a file. [`super::MediaEvent::SoundEnded`] at its end.
    Record {
        /// The name of this.
        id: SoundId,
        /// What and where.
        record: Box<Record>,
    },
    /// Play something to all of the room it is in, over what is said there.
    PlayRoom {
        /// The name of this.
        id: SoundId,
        /// What.
        source: SoundSource,
    },
    /// Write what is said in the room it is in to a file, until the room is empty or this is stopped.
    RecordRoom {
        /// The name of this.
        id: SoundId,
        /// What and where; the sides do not matter.
        record: Box<Record>,
    },
    /// Hear another port, or be its whisperer; `None`: no more.
    Spy(Option<Box<Spy>>),
    /// Stop a player or recorder, its own or of its room; its end is told.
    Stop {
        /// Which.
        id: SoundId,
    },
    /// How its jitter is smoothed while its sound is opened up.
    Smooth(JitterRules),
    /// What is listened for from now on.
    Listen(Listening),
    /// How loud.
    Volume {
        /// What comes from it.
        heard: Gain,
        /// What goes to it.
        said: Gain,
    },
    /// Brought to a level, 1 to 32,768 (`AGC`); `None`: as it is.
    Level {
        /// What comes from it.
        heard: Option<u16>,
        /// What goes to it.
        said: Option<u16>,
    },
    /// Remove a recording, once what plays it by now has begun.
    Remove {
        /// As in [`Record::path`].
        path: Box<str>,
        /// Which directory a relative path is under.
        place: RecordPlace,
    },
}

/// What a port may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The others hear it.
    pub speaks: bool,
    /// It hears the others.
    pub hears: bool,
    /// Only this one hears it (whispering).
    pub only_to: Option<PortId>,
    /// It is heard only while it talks, as [`Listening::talk`] judges that.
    pub only_talk: bool,
}

impl Seat {
    /// Speaks and hears.
    pub const FULL: Seat = Seat { speaks: true, hears: true, only_to: None, only_talk: false };
    /// Hears only.
    pub const LISTENER: Seat = Seat { speaks: false, ..Seat::FULL };
    /// Speaks only.
    pub const SPEAKER: Seat = Seat { hears: false, ..Seat::FULL };
}

/// Listening in on a port: what comes from it and goes to it, whatever it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spy {
    /// Whom.
    pub target: PortId,
    /// What of it is heard; `None`: nothing. [`Sides::Stereo`] is heard as [`Sides::Mixed`].
    pub hears: Option<Sides>,
    /// Who hears the spy over everything else: the target to whisper, its partner as well to barge in.
    pub whispers: Vec<PortId>,
    /// How loud the target is heard, in Asterisk's steps.
    pub volume: i32,
}

/// What is played.
#[derive(Clone, Debug, PartialEq)]
pub enum SoundSource {
    /// Tones.
    Tones(ToneList),
    /// Files, one after the other.
    Files(Box<FileOrder>),
    /// Nothing, for so long; `None`: until stopped.
    Silence(Option<Duration>),
}

/// Files to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOrder {
    /// Which, in order.
    pub pieces: Vec<Piece>,
    /// Begin again at the end.
    pub repeat: bool,
    /// `CHANNEL(language)`, where prompts are looked for first.
    pub language: Box<str>,
}

/// One thing of a [`FileOrder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A prompt: a name relative to the sounds directory, or a path; the format is chosen.
    Prompt(Box<str>),
    /// All files of a directory.
    Directory {
        /// Its path, absolute or relative to the data directory.
        path: Box<str>,
        /// In an order drawn anew, instead of by name.
        shuffled: bool,
    },
}

/// An order about the files of a prompt that no port is needed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptOrder {
    /// Is there one? Answered by [`super::MediaEvent::PromptFound`].
    Find {
        /// To know the answer by.
        token: u64,
        /// Its name, as in [`Piece::Prompt`].
        name: Box<str>,
        /// Where it is looked for first.
        language: Box<str>,
    },
    /// Remove it, in all formats, without a word. Only of those without a language.
    Remove {
        /// Its name, relative to the sounds directory.
        name: Box<str>,
    },
}

/// Whether the rest is heard while something plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Only this is heard.
    Replaces,
    /// This is added.
    Mixed,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The file, with its extension; relative to the recordings' directory.
    pub path: Box<str>,
    /// Which directory a relative path is under.
    pub place: RecordPlace,
    /// What is written.
    pub sides: Sides,
    /// Write after what is there.
    pub append: bool,
    /// Only while it is in a room with somebody (`MixMonitor` option `b`).
    pub only_bridged: bool,
    /// Ends by itself after so much silence, once anything was heard.
    pub silence: Option<Duration>,
    /// Ends by itself after so long.
    pub most: Option<Duration>,
    /// A beep into the recorded conversation, at the beginning and then this often (`B`).
    pub beep: Option<Duration>,
    /// Loudness of what comes from and goes to the channel, in Asterisk's steps.
    pub volumes: (i32, i32),
    /// A program that is run when the file is complete.
    pub then: Option<Box<str>>,
    /// The file is removed when nobody ends the recording before the port closes.
    pub lost_unended: bool,
}

/// Directories of recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPlace {
    /// `astspooldir/monitor`.
    Monitor,
    /// `astdatadir/sounds`.
    Sounds,
}

/// Which side of a channel is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// What comes from it.
    Heard,
    /// What goes to it.
    Said,
    /// Both, added.
    Mixed,
    /// Both, as two channels.
    Stereo,
}

/// What is listened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    /// Digits as tones (`dtmf_mode=inband`): told as [`super::MediaEvent::Digit`].
    pub tones: bool,
    /// Such a digit is not heard by others while it is pressed: it goes on to them in another form.
    pub mutes: bool,
    /// Begin and end of talking.
    pub talk: Option<TalkRules>,
    /// The tone of a calling fax machine: told as [`super::MediaEvent::FaxTone`].
    pub fax: bool,
}

/// When somebody talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TalkRules {
    /// Mean size of samples from which it is talk.
    pub threshold: u32,
    /// So much silence ends it.
    pub silence: Duration,
}

/// How a player or recorder ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoundEnd {
    /// Played or recorded to its end, or as long as it may.
    Done,
    /// Stopped.
    Stopped,
    /// The silence that ends a recording.
    Silence,
    /// A file cannot be found, read or written; why.
    Failed(String),
}
