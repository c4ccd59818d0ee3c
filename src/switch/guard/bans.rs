//! Built-in bans, off by default: each source has a score that rises with its offences and drains with time; at the
//! threshold every packet of it is dropped for a while, before anything of it is read.
//!
//! The score is a leaky bucket of `ban_threshold` points that empties in `ban_period`: a phone with a wrong password
//! that tries once a minute never fills it, a dictionary attack does within seconds.

use crate::base::limits;
use crate::base::party::party;
use crate::base::time::Moment;
use crate::config::value::access::Access;
use foldhash::fast::RandomState;
use ipnet::IpNet;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// What a source did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// A message that cannot be read.
    Malformed,
    /// A request that an acl refuses.
    Acl,
    /// A request for a name that is no endpoint's.
    Unidentified,
    /// Credentials that are wrong.
    Credentials,
}

impl Offence {
    /// Its points. Names that do not exist are never typed by mistake for long, passwords are.
    fn points(self) -> u64 {
        match self {
            Offence::Unidentified | Offence::Acl => 2,
            Offence::Malformed | Offence::Credentials => 1,
        }
    }

    /// For the log and the CLI.
    pub fn words(self) -> &'static str {
        match self {
            Offence::Malformed => "malformed messages",
            Offence::Acl => "addresses an acl refuses",
            Offence::Unidentified => "names that do not exist",
            Offence::Credentials => "wrong credentials",
        }
    }
}

/// The `ban_*` options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether anybody is barred at all.
    pub on: bool,
    /// Points at which a source is barred.
    pub threshold: u32,
    /// Time in which as many points drain away.
    pub period: Duration,
    /// How long a ban lasts.
    pub ban: Duration,
    /// Networks that are never barred.
    pub networks: Vec<IpNet>,
    /// Who is permitted here, by a rule of its own or by one of the named lists, is never barred either.
    pub exempt: Access,
}

/// Points in thousandths, so that they drain evenly.
#[derive(Clone, Copy, Debug)]
struct Score {
    milli: u64,
    at: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Ban {
    until: Moment,
    last: Offence,
    dropped: u64,
}

/// A ban that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose.
    pub source: IpAddr,
    /// How long it lasts from now.
    pub left: Duration,
    /// What filled the measure.
    pub last: Offence,
    /// Packets dropped so far.
    pub dropped: u64,
}

/// Scores and bans.
#[derive(Debug, Default)]
pub struct Bans {
    policy: Policy,
    /// Two generations: when the young one is full, the old one is forgotten.
    young: HashMap<IpAddr, Score, RandomState>,
    old: HashMap<IpAddr, Score, RandomState>,
    bans: HashMap<IpAddr, Ban, RandomState>,
    /// In the order they end, for bans all last equally long. One that was lifted stays here until its time.
    order: VecDeque<(Moment, IpAddr)>,
}

impl Bans {
    /// Other options. Who is exempt now is barred no longer; switched off, nobody is.
    pub fn set_policy(&mut self, policy: Policy) {
        if policy == self.policy {
            return;
        }
        if !policy.on {
            *self = Bans::default();
        }
        self.bans.retain(|source, _| !policy.exempts(*source));
        self.policy = policy;
    }

    /// Whether bans are switched on.
    pub fn is_on(&self) -> bool {
        self.policy.on
    }

    /// Whether a packet of `source` shall be dropped. The first thing that is done with a packet.
    #[inline]
    pub fn bars(&mut self, now: Moment, source: IpAddr) -> bool {
        !self.bans.is_empty() && self.looks_up(now, party(source))
    }

    fn looks_up(&mut self, now: Moment, source: IpAddr) -> bool {
        let Some(ban) = self.bans.get_mut(&source) else { return false };
        if now >= ban.until {
            self.bans.remove(&source);
            return false;
        }
        ban.dropped += 1;
        true
    }

    /// `source` offended. The ban's length when that was once too often.
    pub fn offend(&mut self, now: Moment, source: IpAddr, offence: Offence) -> Option<Duration> {
        if !self.policy.on {
            return None;
        }
        let source = party(source);
        let full = 1_000 * u64::from(self.policy.threshold);
        let period = self.policy.period.as_micros().max(1);
        let known = self.young.get(&source).or_else(|| self.old.get(&source)).copied();
        let kept = known.map_or(0, |score| {
            let drained = u128::from(full) * now.since(score.at).as_micros() / period;
            score.milli.saturating_sub(u64::try_from(drained).unwrap_or(u64::MAX))
        });
        let milli = kept + 1_000 * offence.points();
        if milli < full {
            self.remember(source, Score { milli, at: now });
            return None;
        }
        self.forget(source);
        if self.policy.exempts(source) {
            return None;
        }
        self.bar(now, source, offence);
        Some(self.policy.ban)
    }

    fn remember(&mut self, source: IpAddr, score: Score) {
        if self.young.len() >= limits::SOURCES / 2 && !self.young.contains_key(&source) {
            // The old generation's memory is used again.
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(source, score);
    }

    fn forget(&mut self, source: IpAddr) {
        self.young.remove(&source);
        self.old.remove(&source);
    }

    fn bar(&mut self, now: Moment, source: IpAddr, last: Offence) {
        let until = now + self.policy.ban;
        while self.order.front().is_some_and(|(end, _)| *end <= now || self.order.len() >= limits::BANS) {
            if let Some((end, gone)) = self.order.pop_front()
                && self.bans.get(&gone).is_some_and(|ban| ban.until == end)
            {
                self.bans.remove(&gone);
            }
        }
        self.bans.insert(source, Ban { until, last, dropped: 0 });
        self.order.push_back((until, source));
    }

    /// Lifts the ban on an address. Whether there was one.
    pub fn lift(&mut self, now: Moment, source: IpAddr) -> bool {
        let source = party(source);
        self.forget(source);
        self.bans.remove(&source).is_some_and(|ban| now < ban.until)
    }

    /// Lifts every ban and forgets every score; how many bans.
    pub fn lift_all(&mut self, now: Moment) -> usize {
        let standing = self.standing(now).len();
        let policy = std::mem::take(&mut self.policy);
        *self = Bans { policy, ..Bans::default() };
        standing
    }

    /// The bans that stand, the one that lasts longest first.
    pub fn standing(&self, now: Moment) -> Vec<Standing> {
        let mut all: Vec<Standing> = self
            .bans
            .iter()
            .filter(|(_, ban)| now < ban.until)
            .map(|(source, ban)| Standing {
                source: *source,
                left: ban.until.since(now),
                last: ban.last,
                dropped: ban.dropped,
            })
            .collect();
        all.sort_by(|a, b| b.left.cmp(&a.left).then(a.source.cmp(&b.source)));
        all
    }

    /// Sources with a score: for the status.
    pub fn scored(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

impl Policy {
    /// Whether a source is never barred. Asked only when it would be.
    fn exempts(&self, source: IpAddr) -> bool {
        let named = self.exempt.named.iter().filter_map(|(_, rules)| rules.as_deref());
        self.networks.iter().any(|network| network.contains(&source))
            || [&self.exempt.own]
                .into_iter()
                .chain(named)
                .any(|rules| rules.deciding(source).is_some_and(|rule| rule.permit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::access::Rule;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + n).into())
    }

    fn bans() -> Bans {
        let mut bans = Bans::default();
        bans.set_policy(Policy {
            on: true,
            threshold: 20,
            period: Duration::from_secs(600),
            ban: Duration::from_secs(3_600),
            networks: vec!["10.9.0.0/16".parse().expect("a network")],
            exempt: Access::default(),
        });
        bans
    }

    const SEC: Duration = Duration::from_secs(1);

    #[test]
    fn the_twentieth_point_bars_for_an_hour() {
        let (mut bans, now) = (bans(), Moment(1_000));
        for _ in 0..9 {
            assert_eq!(bans.offend(now, ip(1), Offence::Unidentified), None);
            assert!(!bans.bars(now, ip(1)));
        }
        assert_eq!(bans.offend(now, ip(1), Offence::Unidentified), Some(3_600 * SEC));
        assert!(bans.bars(now, ip(1)) && !bans.bars(now, ip(2)));
        assert!(bans.bars(now + 3_599 * SEC, ip(1)));
        let standing = bans.standing(now + 3_599 * SEC);
        assert_eq!((standing[0].source, standing[0].left, standing[0].dropped), (ip(1), SEC, 2));
        assert!(!bans.bars(now + 3_600 * SEC, ip(1)) && bans.standing(now + 3_600 * SEC).is_empty());
        assert_eq!(bans.offend(now + 3_600 * SEC, ip(1), Offence::Acl), None, "it begins anew");
    }

    #[test]
    fn a_phone_with_a_wrong_password_is_not_barred() {
        let mut bans = bans();
        for minute in 0..10_000 {
            assert_eq!(bans.offend(Moment(0) + 60 * minute * SEC, ip(1), Offence::Credentials), None);
        }
    }

    #[test]
    fn exempt_networks_are_never_barred_and_off_is_off() {
        let (mut bans, now) = (bans(), Moment(0));
        let inside = "10.9.1.1".parse().expect("an address");
        for _ in 0..1_000 {
            bans.offend(now, inside, Offence::Unidentified);
            bans.offend(now, ip(2), Offence::Unidentified);
            bans.offend(now, ip(3), Offence::Unidentified);
        }
        assert!(!bans.bars(now, inside) && bans.bars(now, ip(3)));
        let mut exempt = Access::default();
        let rule = |permit, net: &str| Rule { permit, net: net.parse().expect("a network") };
        exempt.own.0 = vec![rule(true, "10.0.0.0/24"), rule(false, "10.0.0.2/32")];
        bans.set_policy(Policy { exempt, ..bans.policy.clone() });
        assert!(bans.bars(now, ip(2)), "excluded from the exempt network");
        assert!(!bans.bars(now, ip(3)), "exempt now");
        bans.set_policy(Policy::default());
        for _ in 0..1_000 {
            assert_eq!(bans.offend(now, ip(4), Offence::Unidentified), None);
        }
        assert_eq!((bans.scored(), bans.is_on()), (0, false));
    }

    #[test]
    fn an_administrator_lifts_bans() {
        let (mut bans, now) = (bans(), Moment(0));
        for n in 1..=3 {
            for _ in 0..10 {
                bans.offend(now, ip(n), Offence::Unidentified);
            }
        }
        assert!(bans.lift(now, ip(2)) && !bans.lift(now, ip(2)) && !bans.bars(now, ip(2)));
        assert_eq!((bans.lift_all(now), bans.standing(now).len()), (2, 0));
        for _ in 0..10 {
            bans.offend(now, ip(1), Offence::Unidentified);
        }
        assert!(bans.bars(now, ip(1)), "it still works");
    }

    #[test]
    fn a_million_sources_take_a_bounded_table() {
        let (mut bans, mut now) = (bans(), Moment(0));
        for n in 0..1_000_000 {
            now += Duration::from_micros(10);
            bans.offend(now, ip(n), Offence::Malformed);
        }
        assert!(bans.scored() <= limits::SOURCES);
        for n in 0..200_000 {
            for _ in 0..10 {
                bans.offend(now, ip(n), Offence::Unidentified);
            }
        }
        assert!(bans.bans.len() <= limits::BANS && bans.order.len() <= limits::BANS);
        assert!(bans.bars(now, ip(199_999)) && !bans.bars(now, ip(0)), "the oldest made room");
    }
}
