//! One outbound registration (behaviour of `res_pjsip_outbound_registration.c`): when to REGISTER, what an answer
//! means, and why it is as it is.
//!
//! ```text
//!            due                    2xx, granted > 0
//!   Waiting ─────► Asking(Register) ─────────────────► Waiting   Registered; again before it ends
//!      ▲                │ 423 ──► Asking, for longer
//!      │                ├ Retry-After, temporal, 403, other ─► Waiting   Rejected; again after the option's interval
//!      │                └ no interval, too many retries ─────► Quiet     Rejected, until told or changed
//!      └── register ──  Quiet  ◄── 2xx ── Asking(Unregister) ◄── unregister, or the object is gone
//! ```
//! One transaction at a time: an order that comes while one is out is carried out when it has ended. What the machine
//! asks for (`Step::send`) is sent by its owner, who answers challenges on the way and reports only how it ended.

pub use super::attempt::{Answer, End, Failure, Outcome, Rule, Send, Settings, Status, Step};
use crate::base::rng::Rng;
use crate::base::time::Moment;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The timer runs.
    Waiting,
    /// A transaction is out.
    Asking(Send),
    /// Nothing happens by itself.
    Quiet,
}

/// An order that waits for the running transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    None,
    Restart,
    Stop,
    End,
}

/// One registration.
#[derive(Clone, Debug)]
pub struct Registration {
    settings: Settings,
    state: State,
    status: Status,
    wish: Wish,
    retries: u32,
    /// What is asked for: `expiration`, or what a 423 made of it.
    interval_secs: u32,
    /// When the timer is due, or was due last.
    due: Moment,
    asked_at: Option<Moment>,
    /// When what was granted ends, if it is not granted again.
    until: Moment,
    last: Option<Outcome>,
}

impl Registration {
    /// One that sends its first REGISTER after 1 s and a random part of `max_random_initial_delay`.
    pub fn new(now: Moment, settings: Settings, rng: &mut Rng) -> Registration {
        Registration {
            settings,
            state: State::Waiting,
            status: Status::Unregistered,
            wish: Wish::None,
            retries: 0,
            interval_secs: settings.expiration_secs,
            due: now + initial_delay(settings, rng),
            asked_at: None,
            until: now,
            last: None,
        }
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether what was granted has ended while the refresh is still unanswered: nobody can call us there.
    pub fn has_lapsed(&self, now: Moment) -> bool {
        self.status == Status::Registered && now >= self.until
    }

    /// What became of the last attempt.
    pub fn last(&self) -> Option<&Outcome> {
        self.last.as_ref()
    }

    /// What is under way, if anything.
    pub fn asking(&self) -> Option<Send> {
        match self.state {
            State::Asking(send) => Some(send),
            State::Waiting | State::Quiet => None,
        }
    }

    /// When it was asked last.
    pub fn asked_at(&self) -> Option<Moment> {
        self.asked_at
    }

    /// Whether nothing happens until somebody orders it.
    pub fn is_quiet(&self) -> bool {
        self.state == State::Quiet
    }

    /// Failures so far that count against `max_retries`.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// When [`Registration::due`] is to be called.
    pub fn next_deadline(&self) -> Option<Moment> {
        (self.state == State::Waiting).then_some(self.due)
    }

    /// Whole seconds until its timer fires; negative when it fired so long ago.
    pub fn next_secs(&self, now: Moment) -> i64 {
        let secs = |from: Moment, to: Moment| i64::try_from(to.since(from).as_secs()).unwrap_or(i64::MAX);
        if self.due >= now { secs(now, self.due) } else { -secs(self.due, now) }
    }

    /// The timer fired.
    pub fn due(&mut self, now: Moment) -> Step {
        if self.next_deadline().is_none_or(|due| due > now) {
            return Step::default();
        }
        self.ask(now, Send::Register { expires_secs: self.interval_secs })
    }

    /// What was asked for went to another address of the registrar's, which hears us now.
    pub fn moved(&mut self, now: Moment) {
        self.asked_at = Some(now);
    }

    /// The connection over which it is registered is gone: at once again.
    pub fn connection_lost(&mut self, now: Moment) -> Step {
        if self.status != Status::Registered || self.state != State::Waiting {
            return Step::default();
        }
        // A registrar that closes after each answer is not asked in a tight loop.
        let soonest = self.asked_at.map_or(now, |asked| asked + BETWEEN);
        self.due = soonest.max(now);
        self.due(now)
    }

    /// Credentials changed: one that gave up starts again (an auth object was loaded anew).
    pub fn retry_if_given_up(&mut self, now: Moment, rng: &mut Rng) {
        if self.status == Status::Rejected && self.state == State::Quiet {
            self.begin(now, rng);
        }
    }

    /// `pjsip send register`: un-REGISTER if registered, then as if new.
    pub fn restart(&mut self, now: Moment, rng: &mut Rng) -> Step {
        match self.state {
            State::Asking(_) => {
                self.wish = Wish::Restart;
                Step::default()
            }
            State::Waiting | State::Quiet if self.status == Status::Registered => {
                self.wish = Wish::Restart;
                self.ask(now, Send::Unregister)
            }
            State::Waiting | State::Quiet => {
                self.begin(now, rng);
                Step::default()
            }
        }
    }

    /// `pjsip send unregister`: un-REGISTER whatever the status, then nothing until told.
    pub fn stop(&mut self, now: Moment) -> Step {
        self.wish = Wish::Stop;
        match self.state {
            State::Asking(_) => Step::default(),
            State::Waiting | State::Quiet => self.ask(now, Send::Unregister),
        }
    }

    /// The object is gone, or the server ends: un-REGISTER if registered, then over.
    pub fn end(&mut self, now: Moment) -> Step {
        self.wish = Wish::End;
        match self.state {
            State::Asking(_) => Step::default(),
            State::Waiting | State::Quiet if self.status == Status::Registered => {
                self.ask(now, Send::Unregister)
            }
            State::Waiting | State::Quiet => Step { over: true, ..Step::default() },
        }
    }

    /// What was asked for has ended.
    pub fn ended(&mut self, now: Moment, end: End, rng: &mut Rng) -> Step {
        let State::Asking(asked) = self.state else { return Step::default() };
        let mut step = match asked {
            Send::Register { expires_secs } => self.register_ended(now, expires_secs, end),
            Send::Unregister => self.unregister_ended(now, end),
        };
        if step.send.is_none() {
            self.grant_wish(now, asked, &mut step, rng);
        }
        if step.outcome.is_some() {
            self.last = step.outcome.clone();
        }
        step
    }

    fn register_ended(&mut self, now: Moment, asked_secs: u32, end: End) -> Step {
        let (failure, retry_after) = match end {
            End::Answer(answer) if (200..300).contains(&answer.status) => {
                return self.granted(now, answer.granted_secs);
            }
            End::Answer(answer) => {
                if answer.status == 423 {
                    let least = answer.min_expires_secs.unwrap_or(MIN_EXPIRES_UNSAID);
                    if least > asked_secs {
                        self.interval_secs = least;
                        let step = self.ask(now, Send::Register { expires_secs: least });
                        return Step { outcome: Some(Outcome::Longer { expires_secs: least }), ..step };
                    }
                }
                let after = answer.retry_after_secs.filter(|secs| *secs > 0);
                (Failure { status: Some(answer.status), note: answer.note }, after)
            }
            End::Silence => (Failure { status: None, note: "no answer".into() }, None),
            End::NoWay(why) => (Failure { status: None, note: why }, None),
        };
        let outcome = self.judge(now, failure, retry_after);
        Step { outcome: Some(outcome), ..Step::default() }
    }

    fn granted(&mut self, now: Moment, granted_secs: u32) -> Step {
        let anew = self.status != Status::Registered;
        self.status = Status::Registered;
        self.retries = 0;
        // The registrar counts from when it heard us, and its answer may be a repetition of one that was lost.
        let heard = self.asked_at.unwrap_or(now);
        self.until = heard + Duration::from_secs(u64::from(granted_secs));
        self.wait(heard, refresh_secs(granted_secs));
        self.due = self.due.max(now + Duration::from_secs(1));
        let outcome = Outcome::Registered { granted_secs, anew };
        Step { outcome: Some(outcome), ..Step::default() }
    }

    fn unregister_ended(&mut self, now: Moment, end: End) -> Step {
        let outcome = match end {
            End::Answer(answer) if (200..300).contains(&answer.status) => Outcome::Unregistered,
            End::Answer(answer) => {
                Outcome::NotUnregistered(Failure { status: Some(answer.status), note: answer.note })
            }
            End::Silence => Outcome::NotUnregistered(Failure { status: None, note: "no answer".into() }),
            End::NoWay(note) => Outcome::NotUnregistered(Failure { status: None, note }),
        };
        self.status = Status::Unregistered;
        self.state = State::Quiet;
        self.due = now;
        Step { outcome: Some(outcome), ..Step::default() }
    }

    /// The rules of Asterisk's `handle_registration_response`, in its order.
    fn judge(&mut self, now: Moment, failure: Failure, retry_after: Option<u32>) -> Outcome {
        let settings = self.settings;
        let retries_left = self.retries < settings.max_retries;
        let decided = if let Some(secs) = retry_after {
            return self.again(now, failure, Rule::RetryAfter, secs);
        } else if self.is_temporal(failure.status) && settings.retry_secs > 0 {
            (Rule::Temporal, settings.retry_secs)
        } else if failure.status == Some(403) && settings.forbidden_secs > 0 && retries_left {
            (Rule::Forbidden, settings.forbidden_secs)
        } else {
            (Rule::Fatal, settings.fatal_secs)
        };
        let (rule, secs) = decided;
        if secs > 0 && retries_left {
            self.retries += 1;
            return self.again(now, failure, rule, secs);
        }
        self.status = Status::Rejected;
        self.state = State::Quiet;
        self.due = now;
        Outcome::GaveUp { failure, rule }
    }

    fn again(&mut self, now: Moment, failure: Failure, rule: Rule, secs: u32) -> Outcome {
        self.status = Status::RejectedForNow;
        self.wait(now, secs);
        Outcome::Retry { failure, rule, secs }
    }

    fn is_temporal(&self, status: Option<u16>) -> bool {
        match status {
            // Nobody answered: as 408.
            None | Some(408 | 500 | 502 | 503 | 504 | 600..=699) => true,
            Some(401 | 407) => !self.settings.auth_rejection_permanent,
            Some(_) => false,
        }
    }

    /// Orders that came meanwhile. The object that goes takes back what was just granted.
    fn grant_wish(&mut self, now: Moment, asked: Send, step: &mut Step, rng: &mut Rng) {
        let registered = self.status == Status::Registered;
        match self.wish {
            Wish::None => {}
            Wish::Stop if asked == Send::Unregister => self.wish = Wish::None,
            Wish::Stop => step.send = self.ask(now, Send::Unregister).send,
            Wish::End | Wish::Restart if registered => step.send = self.ask(now, Send::Unregister).send,
            Wish::End => {
                self.state = State::Quiet;
                step.over = true;
            }
            Wish::Restart => {
                self.wish = Wish::None;
                self.begin(now, rng);
            }
        }
    }

    fn begin(&mut self, now: Moment, rng: &mut Rng) {
        self.retries = 0;
        self.status = Status::Unregistered;
        self.state = State::Waiting;
        self.due = now + initial_delay(self.settings, rng);
    }

    fn wait(&mut self, now: Moment, secs: u32) {
        self.state = State::Waiting;
        self.due = now + Duration::from_secs(u64::from(secs));
    }

    fn ask(&mut self, now: Moment, send: Send) -> Step {
        self.state = State::Asking(send);
        self.asked_at = Some(now);
        Step { send: Some(send), ..Step::default() }
    }
}

/// 1 s, and a random part of `max_random_initial_delay`, so that many of them do not begin together.
fn initial_delay(settings: Settings, rng: &mut Rng) -> Duration {
    let most = Duration::from_secs(u64::from(settings.initial_delay_secs.saturating_sub(1)));
    let random = rng.below(u64::try_from(most.as_micros()).unwrap_or(u64::MAX));
    Duration::from_secs(1) + Duration::from_micros(random)
}

/// Asterisk's: 10 s before it ends. A short one is refreshed at its half, where Asterisk would ask again at once and
/// without end.
fn refresh_secs(granted_secs: u32) -> u32 {
    if granted_secs >= 2 * EARLY_SECS { granted_secs - EARLY_SECS } else { (granted_secs / 2).max(1) }
}

const EARLY_SECS: u32 = 10;
/// What pjproject takes from a 423 without Min-Expires.
const MIN_EXPIRES_UNSAID: u32 = 3601;
/// Between two REGISTERs that lost connections cause.
const BETWEEN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Settings = Settings {
        expiration_secs: 3600,
        retry_secs: 60,
        forbidden_secs: 0,
        fatal_secs: 0,
        max_retries: 10,
        auth_rejection_permanent: true,
        initial_delay_secs: 10,
    };

    fn at(secs: u64) -> Moment {
        Moment(secs * 1_000_000)
    }

    fn answer(status: u16) -> End {
        End::Answer(Answer { status, ..Answer::default() })
    }

    fn granted(granted_secs: u32) -> End {
        End::Answer(Answer { status: 200, granted_secs, ..Answer::default() })
    }

    /// One whose first REGISTER is out, and the moment.
    fn asking(settings: Settings) -> (Registration, Moment, Rng) {
        let mut rng = Rng::seeded(3);
        let mut machine = Registration::new(at(0), settings, &mut rng);
        let now = machine.next_deadline().expect("it begins by itself");
        assert_eq!(machine.due(now).send, Some(Send::Register { expires_secs: settings.expiration_secs }));
        (machine, now, rng)
    }

    /// What one answer to a fresh REGISTER leads to: status, and seconds to the next.
    fn after(settings: Settings, end: End) -> (Status, Option<u64>) {
        let (mut machine, now, mut rng) = asking(settings);
        machine.ended(now, end, &mut rng);
        (machine.status(), machine.next_deadline().map(|next| next.since(now).as_secs()))
    }

    #[test]
    fn the_first_register_is_spread_over_max_random_initial_delay() {
        let mut rng = Rng::seeded(1);
        let mut delays = Vec::new();
        for _ in 0..200 {
            let machine = Registration::new(at(0), USUAL, &mut rng);
            delays.push(machine.next_deadline().expect("it begins").0);
        }
        assert!(delays.iter().all(|delay| (1_000_000..10_000_000).contains(delay)));
        assert!(delays.iter().max() > Some(&9_000_000) && delays.iter().min() < Some(&2_000_000));
        let at_once = Registration::new(at(0), Settings { initial_delay_secs: 0, ..USUAL }, &mut rng);
        assert_eq!(at_once.next_deadline(), Some(at(1)));
    }

    /// S4-159, S4-160: every row of Asterisk's table.
    #[test]
    fn each_answer_leads_to_the_next_attempt_that_its_option_names() {
        use Status::{Registered, Rejected, RejectedForNow};
        let fatal = Settings { fatal_secs: 30, ..USUAL };
        let forbidden = Settings { forbidden_secs: 20, fatal_secs: 30, ..USUAL };
        let no_interval = Settings { retry_secs: 0, ..USUAL };
        let none_left = Settings { max_retries: 0, forbidden_secs: 20, fatal_secs: 30, ..USUAL };
        let lenient = Settings { auth_rejection_permanent: false, ..USUAL };
        let soon = End::Answer(Answer { status: 404, retry_after_secs: Some(7), ..Answer::default() });
        let zero = End::Answer(Answer { status: 404, retry_after_secs: Some(0), ..Answer::default() });
        let rows = [
            (USUAL, granted(3600), (Registered, Some(3590))),
            (USUAL, granted(20), (Registered, Some(10))),
            (USUAL, granted(8), (Registered, Some(4))),
            (USUAL, granted(1), (Registered, Some(1))),
            (USUAL, soon.clone(), (RejectedForNow, Some(7))),
            (none_left, soon, (RejectedForNow, Some(7))),
            (USUAL, zero, (Rejected, None)),
            (USUAL, answer(408), (RejectedForNow, Some(60))),
            (USUAL, End::Silence, (RejectedForNow, Some(60))),
            (USUAL, End::NoWay("x".into()), (RejectedForNow, Some(60))),
            (USUAL, answer(500), (RejectedForNow, Some(60))),
            (USUAL, answer(501), (Rejected, None)),
            (USUAL, answer(502), (RejectedForNow, Some(60))),
            (USUAL, answer(503), (RejectedForNow, Some(60))),
            (USUAL, answer(504), (RejectedForNow, Some(60))),
            (USUAL, answer(603), (RejectedForNow, Some(60))),
            (none_left, answer(503), (Rejected, None)),
            (no_interval, answer(503), (Rejected, None)),
            (Settings { fatal_secs: 30, ..no_interval }, answer(503), (RejectedForNow, Some(30))),
            (USUAL, answer(401), (Rejected, None)),
            (lenient, answer(401), (RejectedForNow, Some(60))),
            (lenient, answer(407), (RejectedForNow, Some(60))),
            (fatal, answer(401), (RejectedForNow, Some(30))),
            (USUAL, answer(403), (Rejected, None)),
            (fatal, answer(403), (RejectedForNow, Some(30))),
            (forbidden, answer(403), (RejectedForNow, Some(20))),
            (forbidden, answer(404), (RejectedForNow, Some(30))),
            (none_left, answer(403), (Rejected, None)),
            (USUAL, answer(302), (Rejected, None)),
            (fatal, answer(302), (RejectedForNow, Some(30))),
        ];
        for (settings, end, want) in rows {
            assert_eq!(after(settings, end.clone()), want, "{end:?} with {settings:?}");
        }
    }

    #[test]
    fn max_retries_failures_are_tolerated_and_a_success_forgives_them() {
        let (mut machine, mut now, mut rng) = asking(Settings { max_retries: 2, ..USUAL });
        for retries in 1..=2 {
            machine.ended(now, answer(503), &mut rng);
            assert_eq!((machine.status(), machine.retries()), (Status::RejectedForNow, retries));
            now = machine.next_deadline().expect("again");
            assert!(machine.due(now).send.is_some());
        }
        let step = machine.ended(now, answer(503), &mut rng);
        assert!(matches!(step.outcome, Some(Outcome::GaveUp { rule: Rule::Temporal, .. })), "{step:?}");
        assert!(machine.is_quiet() && machine.next_deadline().is_none());
        machine.retry_if_given_up(now, &mut rng);
        now = machine.next_deadline().expect("again");
        machine.due(now);
        machine.ended(now, granted(60), &mut rng);
        assert_eq!((machine.status(), machine.retries()), (Status::Registered, 0));
        machine.retry_if_given_up(now, &mut rng);
        assert_eq!(machine.status(), Status::Registered, "only what gave up starts again");
    }

    #[test]
    fn a_423_is_asked_again_for_longer_once() {
        let least = |secs| End::Answer(Answer { status: 423, min_expires_secs: secs, ..Answer::default() });
        let (mut machine, now, mut rng) = asking(Settings { expiration_secs: 60, ..USUAL });
        let step = machine.ended(now, least(Some(300)), &mut rng);
        assert_eq!(step.send, Some(Send::Register { expires_secs: 300 }));
        let step = machine.ended(now, least(Some(300)), &mut rng);
        assert!(
            matches!(step.outcome, Some(Outcome::GaveUp { .. })),
            "no longer than it asked for: {step:?}"
        );
        let (mut machine, now, mut rng) = asking(Settings { expiration_secs: 60, ..USUAL });
        assert_eq!(
            machine.ended(now, least(None), &mut rng).send,
            Some(Send::Register { expires_secs: 3601 })
        );
        machine.ended(now, granted(3601), &mut rng);
        let next = machine.next_deadline().expect("again");
        assert_eq!(machine.due(next).send, Some(Send::Register { expires_secs: 3601 }), "it stays");
    }

    #[test]
    fn a_lost_connection_registers_again_but_not_in_a_tight_loop() {
        let (mut machine, now, mut rng) = asking(USUAL);
        assert_eq!(machine.connection_lost(now), Step::default(), "one transaction at a time");
        machine.ended(now, granted(3600), &mut rng);
        let end = now + Duration::from_secs(3600);
        assert!(!machine.has_lapsed(end - Duration::from_secs(1)) && machine.has_lapsed(end));
        assert_eq!(machine.connection_lost(now).send, None);
        assert_eq!(machine.next_deadline(), Some(now + BETWEEN));
        let later = now + Duration::from_secs(60);
        assert!(machine.due(later).send.is_some());
        machine.ended(later, granted(3600), &mut rng);
        let later = later + Duration::from_secs(600);
        assert!(machine.connection_lost(later).send.is_some(), "at once");
        machine.ended(later, answer(403), &mut rng);
        assert_eq!(machine.connection_lost(later + BETWEEN).send, None, "it is not registered");
    }

    /// The 200 was lost and its repetition came late: what was granted counts from when we asked.
    #[test]
    fn a_late_answer_lengthens_nothing() {
        let (mut machine, asked, mut rng) = asking(USUAL);
        let late = asked + Duration::from_secs(30);
        machine.ended(late, granted(60), &mut rng);
        assert_eq!(machine.next_deadline(), Some(asked + Duration::from_secs(50)));
        assert!(machine.has_lapsed(asked + Duration::from_secs(60)));
        assert!(machine.due(asked + Duration::from_secs(50)).send.is_some());
        let late = asked + Duration::from_secs(50 + 30);
        machine.ended(late, granted(8), &mut rng);
        assert_eq!(machine.next_deadline(), Some(late + Duration::from_secs(1)), "never without a pause");
    }

    #[test]
    fn orders_wait_for_the_running_transaction_and_what_goes_takes_itself_back() {
        // Gone while its REGISTER is out: what is granted is taken back, then it is over.
        let (mut machine, now, mut rng) = asking(USUAL);
        assert_eq!(machine.end(now), Step::default());
        let step = machine.ended(now, granted(3600), &mut rng);
        assert_eq!((step.send, step.over), (Some(Send::Unregister), false));
        assert!(machine.ended(now, granted(0), &mut rng).over);
        // Refused meanwhile: there is nothing to take back.
        let (mut machine, now, mut rng) = asking(USUAL);
        machine.end(now);
        let step = machine.ended(now, answer(503), &mut rng);
        assert_eq!((step.send, step.over), (None, true));
        assert_eq!(machine.next_deadline(), None);
        // 423 while it goes: it is asked again, and taken back afterwards.
        let (mut machine, now, mut rng) = asking(Settings { expiration_secs: 60, ..USUAL });
        machine.end(now);
        assert!(!machine.ended(now, answer(423), &mut rng).over);
        assert_eq!(machine.ended(now, granted(3601), &mut rng).send, Some(Send::Unregister));
        // Not yet begun, or given up: over at once.
        let mut fresh = Registration::new(at(0), USUAL, &mut rng);
        assert!(fresh.end(at(0)).over);
    }

    #[test]
    fn unregister_stops_whatever_the_status_and_register_begins_anew() {
        let (mut machine, now, mut rng) = asking(USUAL);
        assert_eq!(machine.stop(now).send, None, "it waits");
        assert_eq!(machine.ended(now, answer(403), &mut rng).send, Some(Send::Unregister));
        let step = machine.ended(now, End::Silence, &mut rng);
        assert!(matches!(step.outcome, Some(Outcome::NotUnregistered(_))) && !step.over);
        assert_eq!((machine.status(), machine.next_deadline()), (Status::Unregistered, None));
        assert_eq!(machine.restart(now, &mut rng), Step::default());
        let next = machine.next_deadline().expect("it begins anew");
        machine.due(next);
        machine.ended(next, granted(60), &mut rng);
        // Registered: first taken back.
        assert_eq!(machine.restart(next, &mut rng).send, Some(Send::Unregister));
        machine.ended(next, granted(0), &mut rng);
        assert_eq!(machine.status(), Status::Unregistered);
        assert!(machine.next_deadline().is_some_and(|again| again > next));
        // An order during the un-REGISTER counts.
        assert_eq!(machine.stop(next).send, Some(Send::Unregister));
        machine.restart(next, &mut rng);
        machine.ended(next, granted(0), &mut rng);
        assert!(machine.next_deadline().is_some());
    }
}
