//! Voicemail as decisions: leaving a message ([`Leave`]), the owner's menu ([`Listen`]), finding people by their names
//! ([`Directory`]). Files, sound and time are
//! somebody else's: each machine takes an [`Input`] and returns what is to be done ([`Do`]).
//!
//! ```text
//! dialplan ─ VoiceMail, VoiceMailMain ─▶ Leave, Listen ── Do::Play, Record ──▶ media ── Played, Recorded ─┐
//!                                          ▲   └──────── Do::Order ─────────▶ store ── Answer ────────────┤
//!                                          └──────────────────────────────────────────────────────────────┘
//! ```
//! A message is told apart from the others by its key, never by its number: another session may have renumbered its
//! folder meanwhile.

mod directory;
mod leave;
mod listen;
mod login;
mod menu;
mod options;
mod orders;
mod record;

pub use directory::{ByName, Directory, DirectoryCall};
pub use leave::{Leave, LeaveCall, LeaveOptions};
pub use listen::{Listen, ListenCall};
pub use orders::{
    Answer, Changes, Count, FOLDERS, Greetings, KeptWhere, Message, MessageFacts, NewMessage, Opened, Order,
    Told, folder_of,
};

use std::time::Duration;

/// Something happened to the call.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// What played is over, or could not be played.
    Played,
    /// A recording is complete.
    Recorded(RecordEnd),
    /// The caller pressed this.
    Digit(char),
    /// The time of [`Do::Wait`] is over.
    TimedOut,
    /// The answer to the last order that has one.
    Answer(Answer),
    /// The caller is gone. Only orders are carried out from now on.
    HungUp,
}

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordEnd {
    /// It was stopped, or is as long as it may be.
    Done,
    /// So much silence.
    Silence,
    /// There is no file.
    Failed,
}

/// What is to be done for the call, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// Answer it, where it is not answered.
    Answer,
    /// Play this, in the place of what plays. What is missing is passed over; [`Input::Played`] follows in any case.
    Play(Vec<Prompt>),
    /// Record what it says; [`Input::Recorded`] follows.
    Record {
        /// The file, with its extension.
        file: String,
        /// The longest it may be.
        most: Option<Duration>,
        /// So much silence ends it.
        silence: Option<Duration>,
    },
    /// Stop what plays, without a word, or end the recording.
    Stop,
    /// [`Input::TimedOut`] after so long, unless something is done before.
    Wait(Duration),
    /// Files are to be read or written.
    Order(Order),
    /// The application is over.
    End(End),
}

/// One thing that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A sound file: of the sound packages, or with its whole path.
    File(String),
    /// A number.
    Number(u64),
    /// Each digit.
    Digits(String),
}

/// How an application ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The dialplan goes on; the word for the application's variable (`VMSTATUS`, `DIRECTORY_RESULT`).
    Status(&'static str),
    /// The caller goes to another extension.
    Exit {
        /// Which.
        exten: String,
        /// Where; empty: where the dialplan is.
        context: String,
        /// The word for the application's variable.
        result: &'static str,
    },
    /// The dialplan goes on with a variable more.
    Told {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// The word for the application's variable.
        result: &'static str,
    },
}

/// A file of the sound packages.
fn file(name: &str) -> Prompt {
    Prompt::File(name.to_owned())
}

/// Either of the machines.
#[derive(Debug)]
pub enum Mail {
    /// `VoiceMail`.
    Leave(Box<Leave>),
    /// `VoiceMailMain`.
    Listen(Box<Listen>),
    /// `Directory`.
    Directory(Box<Directory>),
}

impl Mail {
    /// What is to be done first.
    pub fn start(&mut self) -> Vec<Do> {
        match self {
            Mail::Leave(leave) => leave.start(),
            Mail::Listen(listen) => listen.start(),
            Mail::Directory(directory) => directory.start(),
        }
    }

    /// Something happened.
    pub fn hear(&mut self, now: crate::base::time::Moment, input: Input) -> Vec<Do> {
        match self {
            Mail::Leave(leave) => leave.hear(now, input),
            Mail::Listen(listen) => listen.hear(now, input),
            Mail::Directory(directory) => directory.hear(input),
        }
    }

    /// It waits for files: what is pressed meanwhile is for later.
    pub fn waits_for_answer(&self) -> bool {
        match self {
            Mail::Leave(leave) => leave.waits_for_answer(),
            Mail::Listen(listen) => listen.waits_for_answer(),
            Mail::Directory(directory) => directory.waits_for_answer(),
        }
    }

    /// The variable that tells how it went, and its word for a caller who is gone at that moment.
    pub fn result_of_hangup(&self, now: crate::base::time::Moment) -> Option<(&'static str, &'static str)> {
        match self {
            Mail::Leave(leave) if leave.has_message(now) => Some(("VMSTATUS", "SUCCESS")),
            Mail::Leave(_) => Some(("VMSTATUS", "FAILED")),
            Mail::Listen(_) => None,
            Mail::Directory(_) => Some(("DIRECTORY_RESULT", "HANGUP")),
        }
    }

    /// The variable that tells how it went.
    pub fn result_variable(&self) -> &'static str {
        if let Mail::Directory(_) = self { "DIRECTORY_RESULT" } else { "VMSTATUS" }
    }
}
