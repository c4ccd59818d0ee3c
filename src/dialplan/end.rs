//! Why a dialplan came to its end, and what the log says of it.

use std::fmt;

/// Why a dialplan came to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// `Hangup()`, or an application after which the call ends.
    Hangup {
        /// The application.
        application: &'static str,
        /// The cause it gave; otherwise the channel's, or 16.
        cause: Option<u8>,
    },
    /// The priorities were used up.
    OutOfPriorities,
    /// There was nothing to run, and no `i` or `e` to go to.
    NoExtension(super::plan::Miss),
    /// Nothing was dialled in time, and there is no `t` or `e`.
    NoDigits,
    /// The priority names an application that does not exist.
    UnknownApplication(String),
    /// An application failed.
    Failed {
        /// Which.
        application: &'static str,
        /// Why.
        why: String,
    },
    /// The channel hung up.
    ChannelGone,
    /// `TIMEOUT(absolute)` is over.
    TimedOut,
    /// The subroutine this program was made for returned, with this value.
    Returned(String),
    /// Too many priorities without anything done on the channel.
    Looped,
}

impl End {
    /// The hangup cause the dialplan gave, if it gave one.
    pub fn cause(&self) -> Option<u8> {
        match self {
            End::Hangup { cause, .. } => *cause,
            _ => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Hangup { application, cause: Some(cause) } => write!(f, "{application} with cause {cause}"),
            End::Hangup { application, cause: None } => write!(f, "{application}"),
            End::OutOfPriorities => f.write_str("no further priority"),
            End::NoExtension(miss) => write!(f, "{miss}, nor an i or e extension"),
            End::NoDigits => f.write_str("nothing was dialled in time, and there is no t or e extension"),
            End::UnknownApplication(name) => write!(f, "there is no application '{name}'"),
            End::Failed { application, why } => write!(f, "{application} failed: {why}"),
            End::ChannelGone => f.write_str("the channel hung up"),
            End::TimedOut => f.write_str("TIMEOUT(absolute) is over"),
            End::Returned(_) => f.write_str("the subroutine returned"),
            End::Looped => f.write_str("the dialplan loops without doing anything"),
        }
    }
}
