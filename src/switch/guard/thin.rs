//! Log lines that strangers cause, thinned: each source has a few per minute and kind, all together have a budget, and
//! what was left out is counted and said when the minute ends. A ban tool still sees every source that goes on.

use crate::base::limits;
use crate::base::party::party;
use crate::base::time::Moment;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Kinds of line that anybody can cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Nuisance {
    /// A message that cannot be read.
    Malformed,
    /// An address that an acl refuses.
    Acl,
    /// A request that matches no endpoint.
    Unidentified,
    /// A challenge to nobody.
    Challenge,
    /// Wrong credentials.
    Credentials,
    /// A REGISTER that is refused.
    Register,
    /// A connection that is refused.
    Connection,
    /// A source that is barred.
    Ban,
}

impl fmt::Display for Nuisance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Nuisance::Malformed => "malformed messages",
            Nuisance::Acl => "requests refused by an acl",
            Nuisance::Unidentified => "requests without a matching endpoint",
            Nuisance::Challenge => "challenges",
            Nuisance::Credentials => "failed authentications",
            Nuisance::Register => "refused registrations",
            Nuisance::Connection => "refused connections",
            Nuisance::Ban => "bans",
        })
    }
}

/// How long a minute of the log is.
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    lines: u32,
    left_out: u64,
}

/// The counts of the current minute.
#[derive(Debug, Default)]
pub struct Thin {
    /// Only sources that had a line are here, so the budget bounds the table.
    sources: HashMap<(Nuisance, IpAddr), Told, RandomState>,
    lines: u32,
    /// Lines of sources that had none.
    others: u64,
    until: Option<Moment>,
}

impl Thin {
    /// Whether a line that `source` causes shall be written. Counted either way.
    pub fn admits(&mut self, now: Moment, source: IpAddr, kind: Nuisance) -> bool {
        self.until.get_or_insert(now + WINDOW);
        let room = self.lines < limits::STRANGER_LINES_PER_MIN;
        match self.sources.get_mut(&(kind, party(source))) {
            Some(told) if told.lines >= limits::SOURCE_LINES_PER_MIN || !room => {
                told.left_out += 1;
                return false;
            }
            Some(told) => told.lines += 1,
            None if !room => {
                self.others += 1;
                return false;
            }
            None => {
                self.sources.insert((kind, party(source)), Told { lines: 1, left_out: 0 });
            }
        }
        self.lines += 1;
        true
    }

    /// When [`Thin::summary`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.until
    }

    /// At the end of the minute: a sentence for each of the sources with most lines left out, one for the rest.
    pub fn summary(&mut self, now: Moment) -> Vec<String> {
        if self.until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        let mut sources: Vec<((Nuisance, IpAddr), u64)> = self
            .sources
            .drain()
            .filter(|(_, told)| told.left_out > 0)
            .map(|(who, told)| (who, told.left_out))
            .collect();
        sources.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let named = sources.len().min(limits::SUMMARY_LINES);
        let mut lines: Vec<String> = sources[..named]
            .iter()
            .map(|((kind, source), lines)| {
                format!("Suppressed {lines} further lines about {kind} from {source} in the last minute")
            })
            .collect();
        let rest = self.others + sources[named..].iter().map(|(_, lines)| lines).sum::<u64>();
        if rest > 0 {
            lines.push(format!(
                "Suppressed {rest} lines about requests of further sources in the last minute"
            ));
        }
        *self = Thin::default();
        lines
    }

    /// How many sources have had a line.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether nobody had a line.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn a_source_has_its_lines_and_then_a_sentence() {
        let (mut thin, now) = (Thin::default(), Moment(5));
        let told = (0..1_000).filter(|_| thin.admits(now, ip(1), Nuisance::Unidentified)).count();
        assert_eq!(told, limits::SOURCE_LINES_PER_MIN as usize);
        assert!(thin.admits(now, ip(1), Nuisance::Malformed), "another kind has its own count");
        assert!(thin.admits(now, ip(2), Nuisance::Unidentified), "and so has another source");
        assert!(thin.summary(now + Duration::from_secs(59)).is_empty());
        assert_eq!(
            thin.summary(now + WINDOW),
            [
                "Suppressed 980 further lines about requests without a matching endpoint from 0.0.0.1 in the last minute"
            ]
        );
        assert_eq!((thin.len(), thin.next_deadline()), (0, None));
        assert!(thin.admits(now + WINDOW, ip(1), Nuisance::Unidentified), "a new minute");
    }

    #[test]
    fn a_million_sources_have_a_bounded_log_and_table() {
        let (mut thin, now) = (Thin::default(), Moment(0));
        let told = (0..1_000_000).filter(|n| thin.admits(now, ip(*n), Nuisance::Unidentified)).count();
        assert_eq!(told, limits::STRANGER_LINES_PER_MIN as usize);
        assert_eq!(thin.len(), told);
        let rest = 1_000_000 - told;
        assert_eq!(
            thin.summary(now + WINDOW),
            [format!("Suppressed {rest} lines about requests of further sources in the last minute")]
        );
    }

    #[test]
    fn the_worst_sources_are_named_and_the_rest_summed() {
        let (mut thin, now) = (Thin::default(), Moment(0));
        for source in 0..50 {
            for _ in 0..limits::SOURCE_LINES_PER_MIN + source {
                thin.admits(now, ip(source), Nuisance::Credentials);
            }
        }
        let lines = thin.summary(now + WINDOW);
        assert_eq!(lines.len(), limits::SUMMARY_LINES + 1);
        assert!(
            lines[0].starts_with("Suppressed 49 further lines about failed authentications from 0.0.0.49 ")
        );
        let rest: u32 = (1..50 - limits::SUMMARY_LINES as u32).sum();
        assert!(lines[limits::SUMMARY_LINES].starts_with(&format!("Suppressed {rest} lines ")), "{lines:?}");
    }
}
