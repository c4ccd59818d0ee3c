//! What is ordered of the thread that reads and writes mailboxes, and what it answers.

use crate::config::services::{Mailbox, VoicemailSettings, VoicemailZone};
use std::sync::Arc;

/// Folders by the digit that names them. `INBOX` is heard with the urgent messages before its own.
pub const FOLDERS: [&str; 10] =
    ["INBOX", "Old", "Work", "Family", "Friends", "Cust1", "Cust2", "Cust3", "Cust4", "Cust5"];

/// The number of a folder by its name or number.
pub fn folder_of(text: &str) -> Option<usize> {
    let text = text.trim();
    let named = FOLDERS.iter().position(|name| name.eq_ignore_ascii_case(text));
    named.or_else(|| text.parse().ok().filter(|number| *number < FOLDERS.len()))
}

/// Something to be done with files.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// What callers hear of a mailbox, and how full it is: [`Answer::Greetings`].
    Greet(Arc<Mailbox>),
    /// Keep a recorded message: [`Answer::Kept`].
    Keep(Box<NewMessage>),
    /// A recording is not wanted. No answer.
    Discard {
        /// The file.
        file: String,
    },
    /// The messages of a folder, and how many the others have: [`Answer::Opened`].
    Open {
        /// Whose.
        mailbox: Arc<Mailbox>,
        /// Which, in [`FOLDERS`].
        folder: usize,
        /// How times are said.
        zone: Option<VoicemailZone>,
    },
    /// Where a message is by now: [`Answer::At`].
    Find {
        /// Whose.
        mailbox: Arc<Mailbox>,
        /// Its folder.
        folder: &'static str,
        /// Its key.
        key: String,
    },
    /// Copy a message to other folders or mailboxes: [`Answer::Kept`].
    Copy {
        /// Whose.
        mailbox: Arc<Mailbox>,
        /// Its folder.
        folder: &'static str,
        /// Its key.
        key: String,
        /// Where to.
        to: KeptWhere,
        /// For mails and `externnotify`.
        settings: Arc<VoicemailSettings>,
    },
    /// What a session leaves behind: deleted and heard messages, then numbers without holes. No answer but counts.
    Close {
        /// Whose.
        mailbox: Arc<Mailbox>,
        /// What is to be done.
        changes: Vec<Changes>,
        /// For `externnotify`.
        settings: Arc<VoicemailSettings>,
    },
    /// A recorded greeting takes its place: [`Answer::Done`].
    Install {
        /// Whose.
        mailbox: Arc<Mailbox>,
        /// The recording; `None`: the greeting is removed.
        file: Option<String>,
        /// `unavail`, `busy`, `greet`, `temp`.
        name: &'static str,
    },
    /// Which of these have recorded their names: [`Answer::Names`].
    Names(Vec<Arc<Mailbox>>),
    /// Another password: [`Answer::Done`] or [`Answer::Failed`].
    Password {
        /// Whose.
        mailbox: Arc<Mailbox>,
        /// The new one.
        password: String,
        /// Where it is written.
        settings: Arc<VoicemailSettings>,
    },
}

/// Where a copy goes.
#[derive(Clone, Debug, PartialEq)]
pub enum KeptWhere {
    /// Another folder of the same mailbox.
    Folder(&'static str),
    /// The mailboxes of others, as new messages.
    Boxes(Vec<Arc<Mailbox>>),
}

/// What a session did to the messages of one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Which.
    pub folder: &'static str,
    /// Keys of those to be removed.
    pub deleted: Vec<String>,
    /// Keys of those to be moved to folder Old.
    pub heard: Vec<String>,
}

/// A message to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// The recording, with its extension.
    pub file: String,
    /// In which mailboxes; the first one's limits hold.
    pub to: Vec<Arc<Mailbox>>,
    /// What is written down of it.
    pub facts: MessageFacts,
    /// For mails and `externnotify`.
    pub settings: Arc<VoicemailSettings>,
}

/// What is known of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFacts {
    /// Where the dialplan was.
    pub context: String,
    /// Where the dialplan was.
    pub exten: String,
    /// Who redirected the call.
    pub rdnis: String,
    /// Where the dialplan was.
    pub priority: String,
    /// The channel.
    pub channel: String,
    /// Who calls.
    pub caller_name: String,
    /// Who calls.
    pub caller_number: String,
    /// When, in seconds since 1970.
    pub origtime: u64,
    /// `Urgent`, `PRIORITY` or nothing.
    pub flag: &'static str,
    /// How long it is.
    pub duration_secs: u64,
    /// A number that no other message of this second has.
    pub serial: u64,
}

/// An answer, and what else there is to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The answer; `None` to orders that have none.
    pub answer: Option<Answer>,
    /// Messages of mailboxes that changed.
    pub counts: Vec<Count>,
    /// What is to be logged as a warning.
    pub said: Vec<String>,
}

/// Messages of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// `box@context`
    pub mailbox: String,
    /// Not yet heard.
    pub new: u32,
    /// Heard.
    pub old: u32,
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Order::Greet`].
    Greetings(Greetings),
    /// To [`Order::Keep`] and [`Order::Copy`]: how many copies there are.
    Kept(usize),
    /// To [`Order::Open`].
    Opened(Box<Opened>),
    /// To [`Order::Find`]: the file without its extension; `None` when it is gone.
    At(Option<String>),
    /// To [`Order::Names`], in its order: the files, without extension.
    Names(Vec<Option<String>>),
    /// It is done.
    Done,
    /// It could not be done; why.
    Failed(String),
}

/// What callers hear of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greetings {
    /// Its directory.
    pub dir: String,
    /// `unavail` is recorded.
    pub unavail: bool,
    /// `busy` is recorded.
    pub busy: bool,
    /// Its owner's name is recorded.
    pub greet: bool,
    /// `temp` is recorded: it goes before the others.
    pub temp: bool,
    /// New messages, which `maxmsg` limits.
    pub messages: usize,
}

/// A mailbox that was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// What callers hear.
    pub greetings: Greetings,
    /// The password of `secret.conf`, where there is one.
    pub secret: Option<String>,
    /// New and heard messages.
    pub counts: (usize, usize),
    /// Those of the folder that was asked for.
    pub messages: Vec<Message>,
}

/// A message that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What tells it apart from others.
    pub key: String,
    /// The name of its folder.
    pub folder: &'static str,
    /// Who called; empty when that is unknown.
    pub number: String,
    /// When it came, as files that are said.
    pub received: Vec<String>,
    /// How long it is.
    pub duration_secs: u64,
}
