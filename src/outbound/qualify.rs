//! Qualify: is a contact reachable, and how far away is it (behaviour of `pjsip_options.c`).
//!
//! ```text
//!              qualify_frequency > 0                 any answer (or 2xx only)
//!   NonQual ────────────────────────► pinged ───────────────────────────────► Avail(rtt)
//!      ▲                                 │  ▲  next period                       │
//!      │ frequency set to 0              │  └───────────────────────────────────┤
//!      │                                 └── timeout, error, refused ──► Unavail ┘
//! ```
//! Each contact has its own timer, jittered, and all together are capped at
//! [`limits::QUALIFY_PER_SEC`]: 50,000 contacts do not storm after a restart. A ping put off by the cap waits its turn;
//! none is lost.

use crate::base::ids::Name;
use crate::base::limits;
use crate::base::rng::Rng;
use crate::base::time::Moment;
use crate::base::wheel::{TimerId, Wheel};
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// A contact: its aor and the MD5 of its URI.
pub type ContactKey = (Name, [u8; 16]);

/// What is known of a contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It is not qualified, or was not heard of yet.
    #[default]
    NonQualified,
    /// It answered, this long after we asked.
    Available(Duration),
    /// It did not answer, or not as `qualify_2xx_only` wants.
    Unavailable,
}

impl Status {
    /// Asterisk's long word (AMI).
    pub fn long(self) -> &'static str {
        match self {
            Status::NonQualified => "NonQualified",
            Status::Available(_) => "Reachable",
            Status::Unavailable => "Unreachable",
        }
    }

    /// Asterisk's short word (CLI).
    pub fn short(self) -> &'static str {
        match self {
            Status::NonQualified => "NonQual",
            Status::Available(_) => "Avail",
            Status::Unavailable => "Unavail",
        }
    }

    /// Round trip of the last answer.
    pub fn rtt(self) -> Option<Duration> {
        match self {
            Status::Available(rtt) => Some(rtt),
            _ => None,
        }
    }
}

/// `qualify_*` of an aor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `qualify_frequency`; zero: not qualified.
    pub every: Duration,
    /// `qualify_timeout`; zero: the transaction's own timeout.
    pub timeout: Duration,
    /// `qualify_2xx_only`.
    pub only_2xx: bool,
}

/// Why a contact is asked for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// It was there at start: any time within the period, or `max_initial_qualify_time` when that is shorter and not 0.
    AtStart {
        /// `max_initial_qualify_time`.
        within: Duration,
    },
    /// It registered just now: at once.
    Registered,
}

#[derive(Debug)]
struct Probe {
    settings: Settings,
    status: Status,
    timer: Option<TimerId>,
    /// When the ping that is out was sent.
    asked: Option<Moment>,
    /// When it began to be qualified.
    since: Moment,
    /// When it was asked last, and when it is asked next.
    last: Option<Moment>,
    next: Moment,
    /// How often it was asked.
    runs: u32,
}

/// The timer of one contact, for `pjsip show scheduled_tasks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer<'a> {
    /// Whose.
    pub contact: &'a ContactKey,
    /// `qualify_frequency`.
    pub every: Duration,
    /// How often it was asked.
    pub runs: u32,
    /// Whether a ping is out.
    pub running: bool,
    /// Since when it is qualified.
    pub since: Moment,
    /// When it was asked last.
    pub last: Option<Moment>,
    /// When it is asked next.
    pub next: Moment,
}

#[derive(Clone, Debug)]
enum Due {
    Ask(ContactKey),
    Timeout(ContactKey),
}

/// All qualified contacts. One owner: the switch.
#[derive(Debug)]
pub struct Qualify {
    probes: HashMap<ContactKey, Probe, RandomState>,
    wheel: Wheel<Due>,
    waiting: VecDeque<ContactKey>,
    /// The same of contacts that are not qualified.
    once: VecDeque<ContactKey>,
    /// Pings that may go out now, refilled with time.
    allowance: f64,
    refilled: Moment,
}

/// A contact's status changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub contact: ContactKey,
    /// From what.
    pub before: Status,
    /// To what.
    pub after: Status,
}

const TICK: Duration = Duration::from_millis(10);
const RATE: f64 = limits::QUALIFY_PER_SEC as f64;

impl Qualify {
    /// Nothing to ask yet.
    pub fn new(start: Moment) -> Qualify {
        Qualify {
            probes: HashMap::default(),
            wheel: Wheel::new(start, TICK, 8192),
            waiting: VecDeque::new(),
            once: VecDeque::new(),
            allowance: RATE / 10.0,
            refilled: start,
        }
    }

    /// Whether no contact is qualified.
    pub fn is_empty(&self) -> bool {
        self.probes.is_empty()
    }

    /// A contact's status; [`Status::NonQualified`] for one never told of.
    pub fn status(&self, contact: &ContactKey) -> Status {
        self.probes.get(contact).map(|probe| probe.status).unwrap_or_default()
    }

    /// The timers, in no order.
    pub fn timers(&self) -> impl Iterator<Item = Timer<'_>> {
        self.probes.iter().map(|(contact, probe)| Timer {
            contact,
            every: probe.settings.every,
            runs: probe.runs,
            running: probe.asked.is_some(),
            since: probe.since,
            last: probe.last,
            next: probe.next,
        })
    }

    /// Starts, changes or stops qualifying a contact. What it knows stays, as Asterisk keeps it: a contact that
    /// becomes qualified counts as unavailable until it answers if it was available, and one no longer qualified is
    /// `NonQual`.
    pub fn set(&mut self, now: Moment, rng: &mut Rng, contact: ContactKey, settings: Settings, first: First) {
        if settings.every.is_zero() {
            self.remove(&contact);
            return;
        }
        if let Some(probe) = self.probes.get_mut(&contact) {
            let changed = probe.settings.every != settings.every;
            probe.settings = settings;
            if !changed && first != First::Registered {
                return;
            }
            if let Some(timer) = probe.timer.take() {
                self.wheel.cancel(timer);
            }
        }
        let delay = match first {
            First::Registered => Duration::ZERO,
            First::AtStart { within } => {
                let most = if within.is_zero() { settings.every } else { settings.every.min(within) };
                Duration::from_micros(rng.below(most.as_micros() as u64))
            }
        };
        let timer = self.wheel.insert(now + delay, Due::Ask(contact.clone()));
        let probe = self.probes.entry(contact).or_insert(Probe {
            settings,
            status: Status::NonQualified,
            timer: None,
            asked: None,
            since: now,
            last: None,
            next: now,
            runs: 0,
        });
        probe.timer = Some(timer);
        probe.next = now + delay;
    }

    /// Asks a contact now, whatever its timer says (`pjsip qualify`): one that is not qualified too, whose answer counts
    /// for nothing.
    pub fn ask_now(&mut self, contact: &ContactKey) {
        match self.probes.contains_key(contact) {
            true => self.waiting.push_back(contact.clone()),
            false => self.once.push_back(contact.clone()),
        }
    }

    /// Forgets a contact.
    pub fn remove(&mut self, contact: &ContactKey) {
        if let Some(timer) = self.probes.remove(contact).and_then(|probe| probe.timer) {
            self.wheel.cancel(timer);
        }
    }

    /// What is due: contacts to send OPTIONS to are appended to `ask`, contacts that did not answer in time to `silent`.
    /// For each one asked, [`Qualify::answered`] or [`Qualify::failed`] should follow; for each silent one, `failed`.
    pub fn expire(&mut self, now: Moment, ask: &mut Vec<ContactKey>, silent: &mut Vec<ContactKey>) {
        let mut due = Vec::new();
        self.wheel.expire(now, limits::BATCH * 16, &mut due);
        for due in due {
            match due {
                Due::Ask(contact) => self.waiting.push_back(contact),
                Due::Timeout(contact) => silent.push(contact),
            }
        }
        self.refill(now);
        while self.allowance >= 1.0
            && let Some(contact) = self.once.pop_front()
        {
            self.allowance -= 1.0;
            ask.push(contact);
        }
        while self.allowance >= 1.0
            && let Some(contact) = self.waiting.pop_front()
        {
            let Some(probe) = self.probes.get_mut(&contact) else { continue };
            if probe.asked.is_some() {
                continue;
            }
            self.allowance -= 1.0;
            if let Some(timer) = probe.timer.take() {
                self.wheel.cancel(timer);
            }
            probe.asked = Some(now);
            probe.last = Some(now);
            probe.next = now + probe.settings.every;
            probe.runs = probe.runs.saturating_add(1);
            let wait = if probe.settings.timeout.is_zero() {
                Duration::from_secs(32)
            } else {
                probe.settings.timeout
            };
            probe.timer = Some(self.wheel.insert(now + wait, Due::Timeout(contact.clone())));
            ask.push(contact);
        }
    }

    /// When to call [`Qualify::expire`] next.
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.waiting.is_empty() && self.once.is_empty() {
            return self.wheel.next_deadline();
        }
        Some(self.refilled + TICK)
    }

    /// A contact answered with that status code. `None` when nothing changed or the answer is late.
    pub fn answered(&mut self, now: Moment, contact: &ContactKey, code: u16) -> Option<Changed> {
        let probe = self.probes.get(contact)?;
        let rtt = now.since(probe.asked?);
        let reachable = !probe.settings.only_2xx || (200..300).contains(&code);
        self.settle(now, contact, if reachable { Status::Available(rtt) } else { Status::Unavailable })
    }

    /// A contact could not be reached.
    pub fn failed(&mut self, now: Moment, contact: &ContactKey) -> Option<Changed> {
        self.probes.get(contact)?.asked?;
        self.settle(now, contact, Status::Unavailable)
    }

    fn settle(&mut self, now: Moment, contact: &ContactKey, after: Status) -> Option<Changed> {
        let probe = self.probes.get_mut(contact)?;
        if let Some(timer) = probe.timer.take() {
            self.wheel.cancel(timer);
        }
        let asked = probe.asked.take()?;
        // The period counts from when we asked, so that a slow answer does not stretch it.
        let next = (asked + probe.settings.every).max(now + TICK);
        probe.next = next;
        probe.timer = Some(self.wheel.insert(next, Due::Ask(contact.clone())));
        let before = std::mem::replace(&mut probe.status, after);
        let same = before == after || (before.rtt().is_some() && after.rtt().is_some());
        (!same).then(|| Changed { contact: contact.clone(), before, after })
    }

    fn refill(&mut self, now: Moment) {
        let passed = now.since(self.refilled).as_secs_f64();
        // A tenth of a second's worth may be saved up, so that pings spread instead of bursting after a pause.
        self.allowance = (self.allowance + passed * RATE).min(RATE / 10.0);
        self.refilled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> ContactKey {
        (format!("aor{n}").as_str().into(), [n as u8; 16])
    }

    const EVERY_60: Settings =
        Settings { every: Duration::from_secs(60), timeout: Duration::from_secs(3), only_2xx: false };

    #[test]
    fn a_contact_is_asked_answers_falls_silent_and_comes_back() {
        let (mut q, mut rng) = (Qualify::new(Moment(0)), Rng::seeded(1));
        q.set(Moment(0), &mut rng, key(1), EVERY_60, First::Registered);
        assert_eq!(q.status(&key(1)).short(), "NonQual", "until it answers or is found silent");
        let (mut ask, mut silent) = (vec![], vec![]);
        let at = |ms: u64| Moment(ms * 1000);
        q.expire(at(10), &mut ask, &mut silent);
        assert_eq!(ask, [key(1)]);
        let change = q.answered(at(15), &key(1), 401).expect("now reachable: any answer counts");
        assert_eq!(change.after, Status::Available(Duration::from_millis(5)));
        assert_eq!(q.answered(at(16), &key(1), 200), None, "a second answer is late");
        ask.clear();
        q.expire(at(59_000), &mut ask, &mut silent);
        assert!(ask.is_empty());
        q.expire(at(60_030), &mut ask, &mut silent);
        assert_eq!(ask, [key(1)]);
        q.expire(at(63_100), &mut ask, &mut silent);
        assert_eq!(silent, [key(1)]);
        assert_eq!(q.failed(at(63_100), &key(1)).map(|change| change.after), Some(Status::Unavailable));
        assert_eq!(q.status(&key(1)).long(), "Unreachable");
        ask.clear();
        q.expire(at(120_100), &mut ask, &mut silent);
        assert_eq!(ask.len(), 1, "asked again a period later");
        assert!(q.answered(at(120_101), &key(1), 200).is_some());
    }

    #[test]
    fn only_2xx_counts_when_asked_for() {
        let (mut q, mut rng) = (Qualify::new(Moment(0)), Rng::seeded(1));
        q.set(Moment(0), &mut rng, key(1), Settings { only_2xx: true, ..EVERY_60 }, First::Registered);
        let (mut ask, mut silent) = (vec![], vec![]);
        q.expire(Moment(20_000), &mut ask, &mut silent);
        assert_eq!(q.answered(Moment(30_000), &key(1), 404).map(|c| c.after), Some(Status::Unavailable));
    }

    /// 50,000 contacts after a restart: never more than the cap in any second, and all asked in time.
    #[test]
    fn fifty_thousand_contacts_do_not_storm() {
        let (mut q, mut rng) = (Qualify::new(Moment(0)), Rng::seeded(9));
        for n in 0..50_000u32 {
            let contact = ("a".into(), md5::compute(n.to_le_bytes()).0);
            q.set(Moment(0), &mut rng, contact, EVERY_60, First::AtStart { within: Duration::from_secs(5) });
        }
        let (mut total, mut silent, mut second) = (0, vec![], vec![]);
        for tick in 1..=6000u64 {
            let now = Moment(tick * 10_000);
            let mut ask = vec![];
            q.expire(now, &mut ask, &mut silent);
            for contact in &ask {
                q.answered(now, contact, 200);
            }
            total += ask.len();
            second.push(ask.len());
            if second.len() == 100 {
                assert!(second.iter().sum::<usize>() <= limits::QUALIFY_PER_SEC as usize * 11 / 10);
                second.clear();
            }
            if total >= 50_000 {
                return;
            }
        }
        panic!("only {total} of 50,000 were asked within a minute");
    }
}
