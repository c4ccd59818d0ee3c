//! How an answer shall look, and which objects it keeps.

use super::cli::history_filter::Filter;
use crate::base::limits::PATTERN_BYTES;
use crate::switch::view::{Kind, Reply};
use regex::{Regex, RegexBuilder};

/// Text for people, or JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Asterisk's layouts.
    Text {
        /// Whether colours may be used: the reader sits at a terminal.
        colour: bool,
    },
    /// The same values with stable names; see `docs/cli.md`.
    Json,
}

impl Format {
    /// Text without colours: for pipes and files.
    pub const PLAIN: Format = Format::Text { colour: false };

    /// Whether colours may be used.
    pub fn colour(self) -> bool {
        self == Format::Text { colour: true }
    }
}

/// What is printed for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The text, with its line ends.
    pub text: String,
    /// Whether the order was not carried out or the thing not found: a program's exit status.
    pub failed: bool,
}

impl Answer {
    /// A good answer.
    pub fn good(text: impl Into<String>) -> Answer {
        Answer { text: text.into(), failed: false }
    }

    /// A bad one.
    pub fn bad(text: impl Into<String>) -> Answer {
        Answer { text: text.into(), failed: true }
    }
}

/// Which form an answer takes.
#[derive(Clone, Debug)]
pub enum Layout {
    /// `trace`: a ladder.
    Trace {
        /// Every message in full as well.
        whole: bool,
    },
    /// One line per object (`pjsip list …`).
    List(Kind),
    /// Objects with what hangs below them (`pjsip show …s`).
    Show(Kind),
    /// One object, what hangs below it, and its options.
    One {
        /// Its kind.
        kind: Kind,
        /// Its name, for the sentence that says it is not there.
        name: String,
        /// Whether what stands out is said below it: in our own words, which no tool reads by column.
        notes: bool,
    },
    /// `pjsip show settings`.
    Settings,
    /// `pjsip show qualify endpoint X` and `… aor X`.
    Qualify,
    /// `pjsip show identifiers`.
    Identifiers,
    /// `pjsip show unidentified_requests`.
    Unidentified,
    /// `pjsip show maintenance`.
    Maintenance,
    /// `security show bans`.
    Bans,
    /// `pjsip show history`.
    History(Pick),
    /// `pjsip show channelstats`.
    ChannelStats,
    /// `pjsip show subscriptions`.
    Subscriptions,
    /// `pjsip list subscriptions`.
    SubscriptionList,
    /// `pjsip show subscription CALLID`.
    Subscription {
        /// Call-ID.
        call_id: String,
    },
    /// `core show channels`, by its second word.
    CoreChannels(CoreChannels),
    /// `core show channel X`.
    CoreChannel {
        /// Its name.
        name: String,
    },
    /// `confbridge list`.
    Conferences {
        /// The parties of one conference.
        one: bool,
    },
    /// `bridge show all`.
    Bridges,
    /// `dialplan show`.
    Dialplan,
    /// `core show hints`.
    Hints,
    /// `core show hint X`: hints of one extension.
    Hint {
        /// The extension, or `extension@context`.
        name: String,
    },
    /// `pjsip show publications`.
    Publications,
    /// `mailbox show`.
    Mailboxes,
    /// `devstate list` and `presencestate list`.
    States,
    /// `show status`.
    Status,
    /// `explain …`.
    Explanation,
    /// An order: the reply's own sentence.
    Order,
}

/// The forms of `core show channels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreChannels {
    /// The table.
    Table,
    /// Fields separated by `!`.
    Concise,
    /// The wide table.
    Verbose,
    /// Only the counts (`core show calls`, `core show channels count`).
    Count,
    /// Only the counts of calls (`core show calls`).
    Calls,
}

/// Which messages of the history.
#[derive(Clone, Debug)]
pub enum Pick {
    /// All.
    All,
    /// The one with this number.
    Entry(usize),
    /// Those an expression holds for.
    Where(Filter),
}

/// A `like` pattern: POSIX extended, in linear time.
#[derive(Clone, Debug)]
pub struct Like(Regex);

impl Like {
    /// Compiles `pattern`. The error says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Like, String> {
        RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().map(Like).map_err(|error| {
            format!("Failed to compile '{pattern}' into a regular expression: {}", short(&error))
        })
    }

    /// Without regard to case.
    pub fn any_case(pattern: &str) -> Result<Like, String> {
        Like::new(&format!("(?i:{pattern})"))
    }

    /// Whether it occurs in `text`.
    pub fn holds(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// The last line of a pattern's error: the sentence, without the drawing above it.
fn short(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// How a line's answer is printed.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The line as typed, for `Command '…' failed.`
    pub line: String,
    /// The form.
    pub layout: Layout,
    /// Keep only objects whose id matches.
    pub like: Option<Like>,
    /// Text or JSON.
    pub format: Format,
}

/// Sorts objects by id and keeps those that `like` holds for.
pub(super) fn narrow(mut reply: Reply, shape: &Shape) -> Reply {
    let keep = |id: &str| shape.like.as_ref().is_none_or(|like| like.holds(id));
    match &mut reply {
        Reply::Endpoints(all) => {
            all.retain(|object| keep(&object.name));
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Reply::Aors(all) => {
            all.retain(|object| keep(&object.name));
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Reply::Auths(all) => {
            all.retain(|object| keep(&object.name));
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Reply::Transports(all) => {
            all.retain(|object| keep(&object.name));
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Reply::Identifies(all) => {
            all.retain(|object| keep(&object.name));
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Reply::Registrations(all) => {
            all.retain(|object| keep(&object.name));
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Reply::Contacts(all) => {
            // A registered contact has two ids, `aor/uri` and `aor;@hash`: Asterisk wants the pattern to hold for both.
            all.retain(|contact| {
                keep(&format!("{}/{}", contact.aor, contact.uri))
                    && (!contact.dynamic || keep(&format!("{};@{}", contact.aor, contact.hash)))
            });
            all.sort_by(|a, b| (&a.aor, &a.uri).cmp(&(&b.aor, &b.uri)));
        }
        Reply::Channels(all) => {
            all.retain(|channel| keep(&channel.name) || keep(&channel.application));
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Reply::ChannelStats(all) => all.retain(|channel| keep(&channel.channel)),
        Reply::Subscriptions(all) => all.retain(|one| {
            keep(&format!("{} {}/{} {}", super::text::caller_of(one), one.resource, one.event, one.call_id))
        }),
        _ => {}
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pattern_is_told_in_one_line() {
        let error = Like::new("(alice").expect_err("unclosed");
        assert_eq!(error, "Failed to compile '(alice' into a regular expression: unclosed group");
        assert!(Like::new("(((a{100}){100}){100}){100}").is_err(), "huge patterns are refused");
    }
}
