//! What time does to a session: repetitions, the session timer, patience.

use super::cause::Cause;
use super::events::*;
use super::reply::Reply;
use super::requests::carry;
use super::types::*;
use super::{Session, Stage};
use crate::base::time::Moment;
use crate::sip::dialog::rel100::Expired;
use crate::sip::dialog::repeat::Waiting;
use crate::sip::dialog::session_timer::{Due, Timer};
use std::time::Duration;

/// A running session timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refreshing {
    timer: Timer,
    since: Moment,
    at: Moment,
    due: Due,
}

impl Refreshing {
    pub fn agreed(&self) -> Timer {
        self.timer
    }
}

/// A refresh that failed is not tried again sooner.
const REFRESH_AGAIN: Duration = Duration::from_secs(5);

impl Session {
    /// A 2xx agreed on a session timer, or on none.
    pub(super) fn set_timer(&mut self, now: Moment, timer: Option<Timer>) {
        self.timer = timer.map(|timer| {
            let (at, due) = timer.due(now);
            Refreshing { timer, since: now, at, due }
        });
    }

    /// When [`Session::expire`] is due.
    pub fn deadline(&self) -> Option<Moment> {
        let callee = match &self.stage {
            Stage::Incoming(callee) => callee.reliable.as_ref().and_then(|sender| sender.deadline()),
            _ => None,
        };
        let expires = match &self.stage {
            Stage::Incoming(callee) => callee.expires,
            _ => None,
        };
        let lingers = match &self.stage {
            Stage::Ending(_) => self.caller.as_ref().and_then(|caller| caller.lingers),
            _ => None,
        };
        let waits = self.requests.is_empty().then_some(lingers).flatten();
        [
            self.accepted.as_ref().map(|accepted| accepted.deadline()),
            callee,
            expires,
            self.timer.map(|timer| timer.at),
            self.fax_deadline(),
            self.retry_deadline(),
            self.bye_guard(),
            self.requests.iter().filter_map(|request| request.until).min(),
            waits,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due.
    pub fn expire(&mut self, cx: &mut Cx<'_>) {
        let (now, timers) = (cx.now.at, cx.timers);
        if let Some(accepted) = &mut self.accepted
            && carry(cx, |out| accepted.expire(now, &timers, out)) == Waiting::Unacknowledged
        {
            self.accepted = None;
            self.media.give_up();
            self.lose(cx, Cause::TIMER, By::AckMissing);
        }
        if let Stage::Incoming(callee) = &mut self.stage
            && let Some(sender) = &mut callee.reliable
            && carry(cx, |out| sender.expire(now, &timers, out)) == Expired::Unacknowledged
        {
            callee.asked.respond(cx, Reply::code(504));
            cx.events.push(Event::HungUp { cause: Cause::TIMER, by: By::PrackMissing });
            self.over(cx);
        }
        if let Stage::Incoming(callee) = &self.stage
            && callee.expires.is_some_and(|at| now >= at)
        {
            let lines = self.reason_lines(Cause::TIMER);
            callee.asked.respond(cx, Reply::with(487, &lines));
            cx.events.push(Event::HungUp { cause: Cause::TIMER, by: By::Expired });
            self.over(cx);
        }
        if self.fax_deadline().is_some_and(|until| now >= until) {
            // Nobody took it.
            let _ = self.refuse_fax(cx);
        }
        self.reinvites_due(cx);
        self.refresh_due(cx);
        // What is under way may still stand in the change's way; then its end brings the turn.
        self.retry_at = self.retry_at.filter(|at| now < *at);
        if self.caller.as_ref().and_then(|caller| caller.lingers).is_some_and(|at| now >= at)
            && let Some(caller) = &mut self.caller
        {
            caller.lingers = None;
        }
        self.settle(cx);
    }

    fn refresh_due(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now.at;
        let Some(mut timer) = self.timer.filter(|timer| now >= timer.at) else { return };
        let interval = Duration::from_secs(u64::from(timer.timer.secs));
        // A refresher that gets no refresh through gives up when the other side would.
        let end = timer.since + (interval - (interval / 3).min(Duration::from_secs(32)));
        if timer.due == Due::Expired || now >= end {
            self.timer = None;
            return self.lose(cx, Cause::TIMER, By::TimerExpired);
        }
        timer.at = end.min(now + (end.since(now) / 2).max(REFRESH_AGAIN));
        self.timer = Some(timer);
        self.refresh();
    }
}
