//! `VoiceMail`: greeting, beep, recording, what becomes of it.
//!
//! ```text
//! Asking ─ Greetings ─▶ Greeting ─ # or its end ─▶ Beep ─▶ Recording ─ #, silence, time, hangup ─┬─▶ Keeping ─▶ SUCCESS
//!                          │ 0, *, digit: USEREXIT  └ full: FAILED                               ├─▶ Review ─ 1 ─▶ Keeping
//!                          └─ hangup: nothing is kept                                            └─▶ too short: FAILED
//! ```

use super::{Answer, Do, End, Greetings, Input, MessageFacts, NewMessage, Order, Prompt, RecordEnd, file};
use crate::base::time::Moment;
use crate::config::services::{Mailbox, VoicemailSettings};
use std::sync::Arc;
use std::time::Duration;

/// How long a digit is waited for after a question.
const ANSWER_WAIT: Duration = Duration::from_secs(6);
/// How long the question is open whether a message is kept before the operator is called.
const OPERATOR_WAIT: Duration = Duration::from_secs(3);
/// How often a caller is asked what to do with his message.
const REVIEWS: u32 = 3;

/// The letters of `VoiceMail`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaveOptions {
    /// `b`
    pub busy: bool,
    /// `u`
    pub unavail: bool,
    /// `s`: no instructions.
    pub silent: bool,
    /// `S`: no instructions after a greeting that was recorded.
    pub silent_after_greeting: bool,
    /// `e`: greetings are early media.
    pub early: bool,
    /// `t(file)`: another beep; empty for none.
    pub tone: Option<String>,
}

/// What a message is left with.
#[derive(Clone, Debug)]
pub struct LeaveCall {
    /// The mailboxes; the first one greets.
    pub boxes: Vec<Arc<Mailbox>>,
    /// What is said of it.
    pub options: LeaveOptions,
    /// `[general]`
    pub settings: Arc<VoicemailSettings>,
    /// What is written down.
    pub facts: MessageFacts,
    /// Extension `o` is there.
    pub has_operator: bool,
    /// Extension `a` is there.
    pub has_attendant: bool,
    /// `d(context)`: digits that are extensions there.
    pub exits: (String, String),
    /// A name for the recording that no other one has.
    pub unique: String,
}

/// A call that leaves a message.
#[derive(Debug)]
pub struct Leave {
    call: LeaveCall,
    greetings: Greetings,
    stage: Stage,
    /// The caller hears a last word while his message is kept.
    speaking: bool,
    hung_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asking,
    Greeting,
    Full,
    Beep,
    /// Since when, and whether `0` ended it.
    Recording(Moment, bool),
    /// What was recorded is there, and so long; asked so often; it is being heard again.
    Review {
        secs: u64,
        asked: u32,
        again: bool,
    },
    /// The operator was wanted: shall the message be kept?
    Operator(u64),
    /// Its words are kept, and where the call goes then.
    Keeping(Then),
    /// A last word; then the end.
    Leaving(Then),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Success,
    Failed,
    Operator,
}

impl Leave {
    /// A call to at least one mailbox.
    pub fn new(call: LeaveCall) -> Leave {
        Leave { call, greetings: Greetings::default(), stage: Stage::Asking, speaking: false, hung_up: false }
    }

    pub(super) fn start(&mut self) -> Vec<Do> {
        let Some(mailbox) = self.call.boxes.first() else { return vec![Do::End(End::Status("FAILED"))] };
        let ask = Do::Order(Order::Greet(mailbox.clone()));
        if self.call.options.early { vec![ask] } else { vec![Do::Answer, ask] }
    }

    pub(super) fn waits_for_answer(&self) -> bool {
        matches!(self.stage, Stage::Asking | Stage::Keeping(_))
    }

    /// Whether the caller has left something that is kept, as far as that is known.
    pub fn has_message(&self, now: Moment) -> bool {
        match self.stage {
            Stage::Recording(since, _) => self.is_long(now.since(since).as_secs()),
            Stage::Review { .. } | Stage::Keeping(_) => true,
            Stage::Leaving(then) => then == Then::Success,
            _ => false,
        }
    }

    pub(super) fn hear(&mut self, now: Moment, input: Input) -> Vec<Do> {
        match input {
            Input::HungUp => self.hang_up(),
            Input::Digit(digit) => self.digit(digit),
            Input::Answer(answer) => self.answered(answer),
            Input::Recorded(end) => self.recorded(now, end),
            Input::Played => self.played(now),
            Input::TimedOut => self.timed_out(),
        }
    }

    fn mailbox(&self) -> &Mailbox {
        // `start` ends a call without one.
        &self.call.boxes[0]
    }

    fn recording(&self) -> String {
        format!("{}/tmp/{}.{}", self.greetings.dir, self.call.unique, self.call.settings.extension)
    }

    fn is_long(&self, secs: u64) -> bool {
        secs >= self.mailbox().options.least.as_secs()
    }

    fn answered(&mut self, answer: Answer) -> Vec<Do> {
        match (self.stage, answer) {
            (Stage::Asking, Answer::Greetings(greetings)) => {
                self.greetings = greetings;
                self.greet()
            }
            (Stage::Keeping(then), Answer::Kept(copies)) => {
                let then = if copies == 0 && then == Then::Success { Then::Failed } else { then };
                self.stage = Stage::Leaving(then);
                if self.speaking && !self.hung_up { Vec::new() } else { self.end(then) }
            }
            (Stage::Asking | Stage::Keeping(_), Answer::Failed(_)) => self.over(Then::Failed),
            _ => Vec::new(),
        }
    }

    /// The owner's words, or ours about him; then what to do.
    fn greet(&mut self) -> Vec<Do> {
        self.stage = Stage::Greeting;
        let (own, options) = (&self.greetings, &self.call.options);
        let recorded = |name: &str| Prompt::File(format!("{}/{name}", own.dir));
        let mut prompts = Vec::new();
        let mut is_own = true;
        if own.temp {
            prompts.push(recorded("temp"));
        } else if options.busy && own.busy {
            prompts.push(recorded("busy"));
        } else if options.unavail && !options.busy && own.unavail {
            prompts.push(recorded("unavail"));
        } else if options.busy || options.unavail {
            is_own = false;
            if own.greet {
                prompts.push(recorded("greet"));
            } else {
                prompts.extend([file("vm-theperson"), Prompt::Digits(self.mailbox().name.clone())]);
            }
            prompts.push(file(if options.busy { "vm-isonphone" } else { "vm-isunavail" }));
        } else {
            is_own = false;
        }
        if !(options.silent || options.silent_after_greeting && is_own || self.only_greets()) {
            prompts.push(file("vm-intro"));
        }
        if prompts.is_empty() { self.beep() } else { vec![Do::Play(prompts)] }
    }

    /// `maxmsg=0`: a mailbox that tells and does not listen.
    fn only_greets(&self) -> bool {
        self.mailbox().options.maxmsg == 0
    }

    fn beep(&mut self) -> Vec<Do> {
        if self.only_greets() {
            return self.over(Then::Success);
        }
        if self.greetings.messages >= self.mailbox().options.maxmsg {
            self.stage = Stage::Full;
            return vec![Do::Play(vec![file("vm-mailboxfull")])];
        }
        self.stage = Stage::Beep;
        let tone = self.call.options.tone.clone().unwrap_or_else(|| "beep".to_owned());
        let mut steps = if self.call.options.early { vec![Do::Answer] } else { Vec::new() };
        // Where no beep is wanted, nothing is waited for either.
        steps.push(Do::Play(if tone.is_empty() { Vec::new() } else { vec![Prompt::File(tone)] }));
        steps
    }

    fn played(&mut self, now: Moment) -> Vec<Do> {
        match self.stage {
            Stage::Greeting => self.beep(),
            Stage::Full => self.over(Then::Failed),
            Stage::Beep => {
                self.stage = Stage::Recording(now, false);
                vec![Do::Record {
                    file: self.recording(),
                    most: self.mailbox().options.most,
                    silence: self.call.settings.silence,
                }]
            }
            Stage::Review { secs, asked, again: true } => self.review(secs, asked),
            Stage::Review { .. } => vec![Do::Wait(ANSWER_WAIT)],
            Stage::Operator(_) => vec![Do::Wait(OPERATOR_WAIT)],
            Stage::Leaving(then) => self.end(then),
            Stage::Keeping(_) => {
                self.speaking = false;
                Vec::new()
            }
            Stage::Asking | Stage::Recording(..) => Vec::new(),
        }
    }

    fn timed_out(&mut self) -> Vec<Do> {
        match self.stage {
            Stage::Review { secs, asked, .. } if asked < REVIEWS => self.review(secs, asked + 1),
            Stage::Review { secs, .. } => self.keep(secs, Then::Success),
            Stage::Operator(_) => self.drop_for_operator(),
            _ => Vec::new(),
        }
    }

    fn digit(&mut self, digit: char) -> Vec<Do> {
        let has_operator = self.call.has_operator && self.mailbox().options.operator;
        match (self.stage, digit) {
            (Stage::Greeting, '#') => stopped(self.beep()),
            (Stage::Greeting, '*') if self.call.has_attendant => vec![Do::Stop, self.exit('a')],
            (Stage::Greeting, '0') if has_operator => vec![Do::Stop, self.exit('o')],
            (Stage::Greeting, digit) if self.call.exits.1.contains(digit) => {
                let (context, _) = self.call.exits.clone();
                vec![Do::Stop, Do::End(End::Exit { exten: digit.to_string(), context, result: "USEREXIT" })]
            }
            (Stage::Recording(since, _), '#') => {
                self.stage = Stage::Recording(since, false);
                vec![Do::Stop]
            }
            (Stage::Recording(since, _), '0') if has_operator => {
                self.stage = Stage::Recording(since, true);
                vec![Do::Stop]
            }
            (Stage::Review { secs, .. }, '1') => self.accept(secs),
            (Stage::Review { secs, asked, .. }, '2') => {
                self.stage = Stage::Review { secs, asked, again: true };
                vec![Do::Stop, Do::Play(vec![self.recorded_prompt()])]
            }
            (Stage::Review { .. }, '3') => stopped(self.beep()),
            (Stage::Review { secs, .. }, '0') if has_operator => stopped(self.ask_operator(secs)),
            (Stage::Operator(secs), '1') => stopped(self.keep(secs, Then::Operator)),
            (Stage::Operator(_), _) => stopped(self.drop_for_operator()),
            _ => Vec::new(),
        }
    }

    fn recorded_prompt(&self) -> Prompt {
        Prompt::File(format!("{}/tmp/{}", self.greetings.dir, self.call.unique))
    }

    fn exit(&self, exten: char) -> Do {
        let context = self.mailbox().options.exit_context.clone();
        Do::End(End::Exit { exten: exten.to_string(), context, result: "USEREXIT" })
    }

    fn recorded(&mut self, now: Moment, end: RecordEnd) -> Vec<Do> {
        let Stage::Recording(since, operator) = self.stage else { return Vec::new() };
        let silence = match end {
            RecordEnd::Silence => self.call.settings.silence.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let secs = now.since(since).saturating_sub(silence).as_secs();
        if end == RecordEnd::Failed {
            return self.discard(Then::Failed);
        }
        if self.hung_up {
            return if self.is_long(secs) {
                self.keep(secs, Then::Success)
            } else {
                self.discard(Then::Failed)
            };
        }
        if operator {
            return self.ask_operator(secs);
        }
        if self.mailbox().options.review {
            return self.review(secs, 1);
        }
        if !self.is_long(secs) {
            return self.discard(Then::Failed);
        }
        let mut steps = self.keep(secs, Then::Success);
        steps.insert(0, self.last_word("auth-thankyou"));
        steps
    }

    fn review(&mut self, secs: u64, asked: u32) -> Vec<Do> {
        self.stage = Stage::Review { secs, asked, again: false };
        vec![Do::Play(vec![file("vm-review")])]
    }

    /// `1` after the recording; too short a one must be said again.
    fn accept(&mut self, secs: u64) -> Vec<Do> {
        if !self.is_long(secs) {
            self.stage = Stage::Review { secs, asked: 1, again: false };
            return vec![Do::Stop, Do::Play(vec![file("vm-tooshort"), file("vm-review")])];
        }
        let mut steps = vec![Do::Stop, self.last_word("vm-msgsaved")];
        steps.extend(self.keep(secs, Then::Success));
        steps
    }

    fn last_word(&mut self, name: &str) -> Do {
        self.speaking = true;
        Do::Play(vec![file(name)])
    }

    fn ask_operator(&mut self, secs: u64) -> Vec<Do> {
        self.stage = Stage::Operator(secs);
        vec![Do::Play(vec![file("vm-saveoper")])]
    }

    fn drop_for_operator(&mut self) -> Vec<Do> {
        let file = self.recording();
        self.stage = Stage::Leaving(Then::Operator);
        vec![Do::Order(Order::Discard { file }), Do::Play(vec![super::file("vm-deleted")])]
    }

    fn keep(&mut self, secs: u64, then: Then) -> Vec<Do> {
        self.stage = Stage::Keeping(then);
        let facts = MessageFacts { duration_secs: secs, ..self.call.facts.clone() };
        vec![Do::Order(Order::Keep(Box::new(NewMessage {
            file: self.recording(),
            to: self.call.boxes.clone(),
            facts,
            settings: self.call.settings.clone(),
        })))]
    }

    fn discard(&mut self, then: Then) -> Vec<Do> {
        let mut steps = vec![Do::Order(Order::Discard { file: self.recording() })];
        steps.extend(self.over(then));
        steps
    }

    fn over(&mut self, then: Then) -> Vec<Do> {
        self.stage = Stage::Leaving(then);
        self.end(then)
    }

    fn end(&mut self, then: Then) -> Vec<Do> {
        vec![match then {
            Then::Success => Do::End(End::Status("SUCCESS")),
            Then::Failed => Do::End(End::Status("FAILED")),
            Then::Operator => self.exit('o'),
        }]
    }

    /// What was said is kept, as far as it is a message.
    fn hang_up(&mut self) -> Vec<Do> {
        self.hung_up = true;
        match self.stage {
            Stage::Recording(..) => vec![Do::Stop],
            Stage::Review { secs, .. } if self.is_long(secs) => self.keep(secs, Then::Success),
            Stage::Review { .. } | Stage::Operator(_) => self.discard(Then::Failed),
            _ => vec![Do::End(End::Status("FAILED"))],
        }
    }
}

/// What plays is cut off first.
fn stopped(mut steps: Vec<Do>) -> Vec<Do> {
    steps.insert(0, Do::Stop);
    steps
}

#[cfg(test)]
mod tests;
