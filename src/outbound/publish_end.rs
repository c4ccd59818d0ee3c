//! How a PUBLISH of ours ended, and what that meant.

use crate::sip::status;
use std::fmt;

/// How a PUBLISH ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With an answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its SIP-ETag.
        tag: Option<Box<str>>,
        /// Its Expires.
        granted_secs: Option<u32>,
        /// Its Min-Expires.
        min_expires_secs: Option<u32>,
        /// Its Retry-After.
        retry_after_secs: Option<u32>,
        /// What else to say of it.
        note: String,
    },
    /// Without: no target answered, or there was no way.
    NoWay(String),
}

/// Why a PUBLISH failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// What else to say.
    pub note: String,
}

/// What became of the last PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken, for so long.
    Stands {
        /// Seconds.
        granted_secs: u32,
        /// The first time, or after a failure.
        anew: bool,
    },
    /// The server has forgotten what stood there (412).
    Forgotten,
    /// The server wants it for longer (423).
    Longer {
        /// Its Min-Expires.
        expires_secs: u32,
    },
    /// That body was refused; what stands still stands.
    Dropped(Failure),
    /// Our credentials were refused, but we may try again.
    Refused(Failure),
    /// It failed; all is told again after so long.
    Retry {
        /// How.
        failure: Failure,
        /// Seconds.
        secs: u32,
    },
    /// Nothing is sent any more until the section or its credentials change.
    Stopped(Failure),
    /// It was taken back.
    Removed,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            None => f.write_str(&self.note),
            Some(code) if self.note.is_empty() => write!(f, "{code} {}", status::reason_phrase(code)),
            Some(code) => write!(f, "{code} {}", self.note),
        }
    }
}
