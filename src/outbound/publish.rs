//! One outbound publication (RFC 3903; behaviour of `res_pjsip_outbound_publish.c`): which PUBLISH goes out next, and
//! what its answer means.
//!
//! ```text
//!          due, or something to tell             2xx
//!   Resting ───────────────────────► Asking ─────────► Resting    it stands until refreshed, changed or removed
//!      ▲                              │ 412 ─► Resting, everything is told anew under a new entity tag
//!      │                              │ 423 ─► Resting, the same again for longer
//!      │                              │ credentials refused ─► Resting, or Stopped after `max_auth_attempts`
//!      └────── waits ─────────────────┤ no answer, 408, 5xx, 6xx; refused before anything stands
//!                                     └ refused while something stands ─► Resting, that body is dropped
//! ```
//! One PUBLISH is out at a time. What is to be told waits as names, not as bodies: it is written when its turn has come,
//! so that many changes of one thing become one. What changes goes before what is told in full.

pub use super::publish_end::{End, Failure, Outcome};
use crate::base::time::Moment;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// The options that govern it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `expiration`, in seconds.
    pub expiration_secs: u32,
    /// `max_auth_attempts`
    pub max_auth_attempts: u32,
}

/// A PUBLISH that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Send<T> {
    /// It tells this.
    Tell(T),
    /// It has no body: what was told stays true.
    Refresh,
    /// Expires: 0.
    Remove,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Nothing now.
    Rest,
    /// Queue everything there is to tell ([`Publication::tell_later`]), then ask again.
    TellAll,
    /// Send this.
    Send(Send<T>),
    /// It is over and can be forgotten.
    Over,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State<T> {
    Resting,
    Asking(Send<T>),
    Stopped,
    Over,
}

/// One publication. `T` names what it tells.
#[derive(Clone, Debug)]
pub struct Publication<T> {
    settings: Settings,
    state: State<T>,
    /// The entity tag of what stands.
    tag: Option<Box<str>>,
    urgent: VecDeque<T>,
    /// What is in `urgent`.
    hasty: BTreeSet<T>,
    rest: BTreeSet<T>,
    /// Everything is to be told.
    all: bool,
    ending: bool,
    /// `expiration`, or what a 423 made of it.
    interval_secs: u32,
    /// Nothing is sent before.
    not_before: Moment,
    /// When what stands is to be refreshed.
    refresh_at: Moment,
    asked_at: Moment,
    refusals: u32,
    last: Option<Outcome>,
}

impl<T: Clone + Ord> Publication<T> {
    /// One that tells everything at once.
    pub fn new(now: Moment, settings: Settings) -> Publication<T> {
        Publication {
            settings,
            state: State::Resting,
            tag: None,
            urgent: VecDeque::new(),
            hasty: BTreeSet::new(),
            rest: BTreeSet::new(),
            all: true,
            ending: false,
            interval_secs: settings.expiration_secs,
            not_before: now,
            refresh_at: now,
            asked_at: now,
            refusals: 0,
            last: None,
        }
    }

    /// Something changed.
    pub fn tell(&mut self, what: T) {
        self.rest.remove(&what);
        // What is told in full anyway will be told as it is then.
        if self.state != State::Stopped && !self.all && self.hasty.insert(what.clone()) {
            self.urgent.push_back(what);
        }
    }

    /// Something that has no haste.
    pub fn tell_later(&mut self, what: T) {
        if self.state != State::Stopped && !self.hasty.contains(&what) {
            self.rest.insert(what);
        }
    }

    /// Everything is to be told again.
    pub fn tell_all(&mut self) {
        self.all = true;
    }

    /// The section is gone, or the server ends: what stands is taken back.
    pub fn end(&mut self) {
        self.ending = true;
    }

    /// Credentials changed: one that stopped begins anew.
    pub fn retry_if_stopped(&mut self, now: Moment) -> bool {
        let stopped = self.state == State::Stopped;
        if stopped {
            *self = Publication::new(now, self.settings);
        }
        stopped
    }

    /// What is to be done now. Whatever is to be sent is out until [`Publication::ended`].
    pub fn next(&mut self, now: Moment) -> Next<T> {
        match self.state {
            State::Asking(_) => return Next::Rest,
            State::Over => return Next::Over,
            State::Stopped if self.ending => return Next::Over,
            State::Stopped => return Next::Rest,
            State::Resting => {}
        }
        if self.ending {
            return match self.tag {
                Some(_) => self.ask(now, Send::Remove),
                None => Next::Over,
            };
        }
        if now < self.not_before {
            return Next::Rest;
        }
        if self.all {
            self.forget_queue();
            self.all = false;
            return Next::TellAll;
        }
        if let Some(what) = self.urgent.pop_front().or_else(|| self.rest.pop_first()) {
            self.hasty.remove(&what);
            return self.ask(now, Send::Tell(what));
        }
        match self.tag {
            Some(_) if now >= self.refresh_at => self.ask(now, Send::Refresh),
            _ => Next::Rest,
        }
    }

    /// When [`Publication::next`] has something to do by itself.
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.state != State::Resting {
            return None;
        }
        if self.ending || self.all || !self.urgent.is_empty() || !self.rest.is_empty() {
            return Some(self.not_before);
        }
        self.tag.as_ref().map(|_| self.refresh_at.max(self.not_before))
    }

    /// What the next PUBLISH carries: SIP-If-Match.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Seconds the next PUBLISH asks for.
    pub fn interval_secs(&self) -> u32 {
        self.interval_secs
    }

    /// What is under way.
    pub fn asking(&self) -> Option<&Send<T>> {
        match &self.state {
            State::Asking(send) => Some(send),
            _ => None,
        }
    }

    /// Whether nothing is sent any more.
    pub fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// How many things wait to be told.
    pub fn waiting(&self) -> usize {
        self.urgent.len() + self.rest.len()
    }

    /// What became of the last PUBLISH.
    pub fn last(&self) -> Option<&Outcome> {
        self.last.as_ref()
    }

    /// The PUBLISH that was out has ended. What it told, if it was taken.
    pub fn ended(&mut self, now: Moment, end: End) -> Option<T> {
        let State::Asking(asked) = std::mem::replace(&mut self.state, State::Resting) else { return None };
        if asked == Send::Remove {
            self.state = State::Over;
            self.last = Some(Outcome::Removed);
            return None;
        }
        let (outcome, told) = match end {
            End::Answer { status, tag, granted_secs, .. } if (200..300).contains(&status) => {
                (self.taken(now, tag, granted_secs), matches!(asked, Send::Tell(_)))
            }
            End::Answer { status: 412, .. } if self.tag.is_some() => {
                self.tag = None;
                self.all = true;
                (Outcome::Forgotten, false)
            }
            End::Answer { status: 423, min_expires_secs: Some(least), .. } if least > self.interval_secs => {
                self.interval_secs = least;
                self.again(&asked);
                (Outcome::Longer { expires_secs: least }, false)
            }
            End::Answer { status, retry_after_secs, note, .. } => {
                let failure = Failure { status: Some(status), note };
                (self.refused(now, &asked, failure, retry_after_secs), false)
            }
            End::NoWay(note) => (self.wait(now, Failure { status: None, note }, RETRY_SECS), false),
        };
        self.last = Some(outcome);
        match asked {
            Send::Tell(what) if told => Some(what),
            _ => None,
        }
    }

    fn ask(&mut self, now: Moment, send: Send<T>) -> Next<T> {
        self.asked_at = now;
        self.state = State::Asking(send.clone());
        Next::Send(send)
    }

    fn taken(&mut self, now: Moment, tag: Option<Box<str>>, granted_secs: Option<u32>) -> Outcome {
        let anew = !matches!(self.last, Some(Outcome::Stands { .. } | Outcome::Dropped(_)));
        let granted_secs = granted_secs.filter(|secs| *secs > 0).unwrap_or(self.interval_secs);
        self.refusals = 0;
        self.tag = tag;
        let refresh = self.asked_at + Duration::from_secs(u64::from(refresh_secs(granted_secs)));
        self.refresh_at = refresh.max(now + Duration::from_secs(1));
        Outcome::Stands { granted_secs, anew }
    }

    fn refused(
        &mut self,
        now: Moment,
        asked: &Send<T>,
        failure: Failure,
        retry_after: Option<u32>,
    ) -> Outcome {
        let status = failure.status.unwrap_or_default();
        if matches!(status, 401 | 407) {
            self.refusals += 1;
            if self.refusals < self.settings.max_auth_attempts {
                self.again(asked);
                return Outcome::Refused(failure);
            }
            return self.stop(failure);
        }
        self.refusals = 0;
        let passes = matches!(status, 408 | 500..=699);
        match (passes, &self.tag) {
            // 423 that names no longer time, or none.
            (false, _) if status == 423 => self.stop(failure),
            (true, _) => self.wait(now, failure, retry_after.filter(|secs| *secs > 0).unwrap_or(RETRY_SECS)),
            (false, Some(_)) if matches!(asked, Send::Tell(_)) => Outcome::Dropped(failure),
            (false, _) => {
                self.tag = None;
                let secs = retry_after.filter(|secs| *secs > 0).unwrap_or(self.interval_secs.max(RETRY_SECS));
                self.wait(now, failure, secs)
            }
        }
    }

    fn wait(&mut self, now: Moment, failure: Failure, secs: u32) -> Outcome {
        self.not_before = now + Duration::from_secs(u64::from(secs));
        self.forget_queue();
        self.all = true;
        Outcome::Retry { failure, secs }
    }

    fn stop(&mut self, failure: Failure) -> Outcome {
        self.state = State::Stopped;
        self.forget_queue();
        self.tag = None;
        Outcome::Stopped(failure)
    }

    fn forget_queue(&mut self) {
        self.urgent.clear();
        self.hasty.clear();
        self.rest.clear();
    }

    fn again(&mut self, asked: &Send<T>) {
        if let Send::Tell(what) = asked
            && self.hasty.insert(what.clone())
        {
            self.rest.remove(what);
            self.urgent.push_front(what.clone());
        }
    }
}

/// When what was granted for so long is refreshed: a transaction's time ahead where there is room, and never in a loop.
fn refresh_secs(granted_secs: u32) -> u32 {
    let ahead = if granted_secs >= 64 { 32 } else { granted_secs / 2 };
    (granted_secs - ahead).max(1)
}

/// Seconds after a failure that passes.
const RETRY_SECS: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { expiration_secs: 3600, max_auth_attempts: 2 };

    fn at(secs: u64) -> Moment {
        Moment(0) + Duration::from_secs(secs)
    }

    fn answer(status: u16) -> End {
        let tag = (status == 200).then(|| "t".into());
        End::Answer {
            status,
            tag,
            granted_secs: None,
            min_expires_secs: None,
            retry_after_secs: None,
            note: String::new(),
        }
    }

    /// One that stands, having told 1.
    fn standing() -> Publication<u8> {
        let mut one = Publication::new(at(0), SETTINGS);
        assert_eq!(one.next(at(0)), Next::TellAll);
        one.tell_later(1);
        assert_eq!(one.next(at(0)), Next::Send(Send::Tell(1)));
        assert_eq!(one.next(at(0)), Next::Rest);
        assert_eq!(one.ended(at(0), answer(200)), Some(1));
        one
    }

    #[test]
    fn it_tells_refreshes_and_goes() {
        let mut one = standing();
        assert_eq!(one.next(at(1)), Next::Rest);
        assert_eq!(one.tag(), Some("t"));
        assert_eq!(one.next_deadline(), Some(at(3568)));
        // Changes go before the rest, and each waits once.
        one.tell_later(3);
        one.tell_later(4);
        one.tell(2);
        one.tell(2);
        one.tell(4);
        for expected in [2, 4, 3] {
            assert_eq!(one.next(at(9)), Next::Send(Send::Tell(expected)));
            assert_eq!(one.ended(at(9), answer(200)), Some(expected));
        }
        assert_eq!(one.next(at(9)), Next::Rest);
        assert_eq!(one.next(at(3577)), Next::Send(Send::Refresh));
        assert_eq!(one.ended(at(3577), answer(200)), None);
        one.end();
        assert_eq!(one.next(at(3578)), Next::Send(Send::Remove));
        one.ended(at(3578), answer(500));
        assert_eq!(one.next(at(3578)), Next::Over);
    }

    #[test]
    fn what_is_forgotten_or_lost_is_told_again() {
        let mut one = standing();
        one.tell(2);
        assert_eq!(one.next(at(1)), Next::Send(Send::Tell(2)));
        one.ended(at(1), answer(412));
        assert_eq!(one.tag(), None);
        assert_eq!(one.next(at(1)), Next::TellAll);
        one.tell_later(2);
        assert_eq!(one.next(at(1)), Next::Send(Send::Tell(2)));
        one.ended(at(1), End::NoWay("no answer".into()));
        assert_eq!((one.next(at(30)), one.next_deadline()), (Next::Rest, Some(at(31))));
        one.tell(2);
        assert_eq!(one.next(at(31)), Next::TellAll);
        one.tell_later(2);
        assert_eq!(one.next(at(31)), Next::Send(Send::Tell(2)));
        let End::Answer { status, note, .. } = answer(503) else { panic!() };
        let busy = End::Answer {
            status,
            tag: None,
            granted_secs: None,
            min_expires_secs: None,
            retry_after_secs: Some(7),
            note,
        };
        one.ended(at(31), busy);
        assert_eq!(one.next_deadline(), Some(at(38)));
    }

    #[test]
    fn refusals_drop_the_body_wait_or_stop() {
        let mut one = standing();
        one.tell(2);
        one.next(at(1));
        assert_eq!(one.ended(at(1), answer(500)), None);
        assert!(matches!(one.last(), Some(Outcome::Retry { secs: 30, .. })));
        let mut one = standing();
        one.tell(2);
        one.next(at(1));
        one.ended(at(1), answer(404));
        assert!(matches!(one.last(), Some(Outcome::Dropped(_))));
        // Nothing stands yet: refused is refused, until the time asked for is over.
        let mut one: Publication<u8> = Publication::new(at(0), SETTINGS);
        one.next(at(0));
        one.tell_later(1);
        one.next(at(0));
        one.ended(at(0), answer(403));
        assert_eq!(one.next_deadline(), Some(at(3600)));
        // A server that wants more time than it names is asked for it; one that names none is left alone.
        let mut one = standing();
        one.tell(2);
        one.next(at(1));
        let End::Answer { status, note, .. } = answer(423) else { panic!() };
        let end = End::Answer {
            status,
            tag: None,
            granted_secs: None,
            min_expires_secs: Some(7200),
            retry_after_secs: None,
            note,
        };
        one.ended(at(1), end);
        assert_eq!((one.next(at(1)), one.interval_secs()), (Next::Send(Send::Tell(2)), 7200));
        one.ended(at(1), answer(423));
        assert!(one.is_stopped() && one.next_deadline().is_none());
    }

    /// `max_auth_attempts`, and new credentials.
    #[test]
    fn wrong_credentials_end_it_until_they_change() {
        let mut one = standing();
        one.tell(2);
        for _ in 0..2 {
            assert_eq!(one.next(at(1)), Next::Send(Send::Tell(2)));
            one.ended(at(1), answer(401));
        }
        assert!(one.is_stopped());
        one.tell(3);
        assert_eq!(one.next(at(9000)), Next::Rest);
        assert!(one.retry_if_stopped(at(9000)));
        assert_eq!(one.next(at(9000)), Next::TellAll);
    }
}
