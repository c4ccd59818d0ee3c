//! Who sends requests that match no endpoint: counted per source address, so that one log line stands for many
//! (behaviour of `pjsip_distributor.c`).

use super::view::UnidentifiedView;
use crate::base::limits;
use crate::base::time::{Moment, Now};
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
struct Source {
    first: Moment,
    count: u32,
}

/// `unidentified_request_*` of `global`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub count: u32,
    pub period: Duration,
    /// Counting happens only when auth_username is among the identifiers; otherwise each request is told at once.
    pub counting: bool,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Unidentified {
    sources: HashMap<IpAddr, Source, RandomState>,
    order: VecDeque<(IpAddr, Moment)>,
}

impl Unidentified {
    /// An unmatched request from `source`. Whether it shall be told, and then its tries and the milliseconds since the
    /// first, where they are counted.
    pub fn note(&mut self, now: Now, source: IpAddr, policy: Policy) -> Option<Option<(u32, f64)>> {
        let fresh = match self.sources.get_mut(&source) {
            Some(known) => {
                known.count = known.count.saturating_add(1);
                let since = now.at.since(known.first);
                if !policy.counting {
                    return Some(None);
                }
                let told = since < policy.period && policy.count > 0 && known.count >= policy.count;
                return told.then_some(Some((known.count, since.as_secs_f64() * 1_000.0)));
            }
            None => Source { first: now.at, count: 1 },
        };
        // A source that was matched since leaves its place in the order, so both are looked at.
        while self.sources.len() >= limits::SOURCES || self.order.len() >= 2 * limits::SOURCES {
            self.drop_oldest();
        }
        self.sources.insert(source, fresh);
        self.order.push_back((source, now.at));
        (!policy.counting).then_some(None)
    }

    /// A request from `source` was matched or authenticated: it is no stranger.
    pub fn clear(&mut self, source: IpAddr) {
        // Nearly always empty on this path, and then it costs nothing.
        if !self.sources.is_empty() {
            self.sources.remove(&source);
        }
    }

    /// Forgets entries older than four periods, as Asterisk does.
    pub fn prune(&mut self, now: Now, policy: Policy) {
        let age = policy.period * 4;
        while self.order.front().is_some_and(|(_, first)| now.at.since(*first) > age) {
            self.drop_oldest();
        }
    }

    /// Sources with their counts, most requests first.
    pub fn view(&self, now: Now) -> Vec<UnidentifiedView> {
        let mut all: Vec<UnidentifiedView> = self
            .sources
            .iter()
            .map(|(source, known)| UnidentifiedView {
                source: *source,
                count: known.count,
                age_secs: now.at.since(known.first).as_secs_f64(),
            })
            .collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then(a.source.cmp(&b.source)));
        all
    }

    fn drop_oldest(&mut self) {
        if let Some((source, first)) = self.order.pop_front()
            && self.sources.get(&source).is_some_and(|known| known.first == first)
        {
            self.sources.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_come_and_go_leave_nothing_behind() {
        let mut table = Unidentified::default();
        let policy = Policy { count: 5, period: Duration::from_secs(5), counting: true };
        for n in 0..500_000u32 {
            table.note(Now::default(), IpAddr::from([127, 0, 0, 9]), policy);
            table.clear(IpAddr::from([127, 0, 0, 9]));
            table.note(Now::default(), IpAddr::from(n.to_be_bytes()), policy);
        }
        assert!(table.sources.len() <= limits::SOURCES && table.order.len() <= 2 * limits::SOURCES);
    }

    #[test]
    fn the_fifth_request_within_the_period_is_told() {
        let mut table = Unidentified::default();
        let policy = Policy { count: 5, period: Duration::from_secs(5), counting: true };
        let ip = IpAddr::from([127, 0, 0, 9]);
        let mut now = Now::default();
        let told: Vec<Option<Option<(u32, f64)>>> = (0..6)
            .map(|_| {
                now = now.later(Duration::from_millis(500));
                table.note(now, ip, policy)
            })
            .collect();
        assert_eq!(told, [None, None, None, None, Some(Some((5, 2_000.0))), Some(Some((6, 2_500.0)))]);
        assert_eq!(table.view(now)[0].count, 6);
        now = now.later(Duration::from_secs(30));
        assert_eq!(table.note(now, ip, policy), None, "outside the period");
        table.prune(now, policy);
        assert!(table.view(now).is_empty());
        let uncounted = Policy { counting: false, ..policy };
        assert_eq!(table.note(now, ip, uncounted), Some(None), "without counting, each is told");
    }
}
