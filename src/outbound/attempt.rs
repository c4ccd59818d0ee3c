//! The words of an outbound registration: what is sent, how it ends, what follows from it.

use crate::config::model;
use crate::sip::status;
use std::fmt;

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Send {
    /// A REGISTER that asks for so many seconds.
    Register {
        /// Its Expires.
        expires_secs: u32,
    },
    /// A REGISTER with Expires 0 for our Contact.
    Unregister,
}

/// What `pjsip show registrations` calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Not yet, or not any more.
    #[default]
    Unregistered,
    /// The registrar has granted it.
    Registered,
    /// The last attempt failed and another one follows.
    RejectedForNow,
    /// The last attempt failed and none follows.
    Rejected,
}

impl Status {
    /// Asterisk's word.
    pub fn word(self) -> &'static str {
        match self {
            Status::Unregistered => "Unregistered",
            Status::Registered => "Registered",
            Status::RejectedForNow | Status::Rejected => "Rejected",
        }
    }
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this final answer.
    Answer(Answer),
    /// Nobody answered.
    Silence,
    /// There was no way to send it, in words.
    NoWay(String),
}

/// What a final answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its reason phrase, or why its challenge is not answered.
    pub note: String,
    /// `Retry-After`.
    pub retry_after_secs: Option<u32>,
    /// `Min-Expires`.
    pub min_expires_secs: Option<u32>,
    /// What a 2xx grants.
    pub granted_secs: u32,
}

/// What follows from an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// To be sent now.
    pub send: Option<Send>,
    /// To be told.
    pub outcome: Option<Outcome>,
    /// It is over: nothing is sent or expected any more, and its owner forgets it.
    pub over: bool,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Granted.
    Registered {
        /// For so long.
        granted_secs: u32,
        /// It was not registered before.
        anew: bool,
    },
    /// The registrar has forgotten us.
    Unregistered,
    /// It did not confirm that it forgot us.
    NotUnregistered(Failure),
    /// 423: asked again, for longer.
    Longer {
        /// Seconds asked for now.
        expires_secs: u32,
    },
    /// Tried again later.
    Retry {
        /// What went wrong.
        failure: Failure,
        /// Which rule decided.
        rule: Rule,
        /// When, in seconds from now.
        secs: u32,
    },
    /// Not tried again.
    GaveUp {
        /// What went wrong.
        failure: Failure,
        /// Which rule decided: [`Rule::Temporal`] after `max_retries`, else [`Rule::Fatal`].
        rule: Rule,
    },
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status; `None` when nobody answered or nothing could be sent.
    pub status: Option<u16>,
    /// In words.
    pub note: String,
}

/// The rule by which the next attempt is timed, and so the option behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The registrar said when.
    RetryAfter,
    /// A failure that passes: `retry_interval`, and no more than `max_retries`.
    Temporal,
    /// 403: `forbidden_retry_interval`.
    Forbidden,
    /// Any other: `fatal_retry_interval`.
    Fatal,
}

impl Rule {
    /// The option that gives its interval.
    pub fn option(self) -> Option<&'static str> {
        match self {
            Rule::RetryAfter => None,
            Rule::Temporal => Some("retry_interval"),
            Rule::Forbidden => Some("forbidden_retry_interval"),
            Rule::Fatal => Some("fatal_retry_interval"),
        }
    }
}

/// The options that time it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `expiration`, in seconds.
    pub expiration_secs: u32,
    /// `retry_interval`, in seconds.
    pub retry_secs: u32,
    /// `forbidden_retry_interval`, in seconds.
    pub forbidden_secs: u32,
    /// `fatal_retry_interval`, in seconds.
    pub fatal_secs: u32,
    /// `max_retries`.
    pub max_retries: u32,
    /// `auth_rejection_permanent`.
    pub auth_rejection_permanent: bool,
    /// `max_random_initial_delay`, in seconds.
    pub initial_delay_secs: u32,
}

impl From<&model::Registration> for Settings {
    fn from(config: &model::Registration) -> Settings {
        Settings {
            expiration_secs: config.expiration_secs,
            retry_secs: config.retry_interval_secs,
            forbidden_secs: config.forbidden_retry_interval_secs,
            fatal_secs: config.fatal_retry_interval_secs,
            max_retries: config.max_retries,
            auth_rejection_permanent: config.auth_rejection_permanent,
            initial_delay_secs: config.max_random_initial_delay_secs,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = self.status else { return f.write_str(&self.note) };
        let phrase = status::reason_phrase(code);
        match self.note.is_empty() || self.note == phrase {
            true => write!(f, "{code} {phrase}"),
            false => write!(f, "{code} {}", self.note),
        }
    }
}
