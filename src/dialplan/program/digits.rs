//! Digits that become an extension: after `WaitExten`, `Incomplete`, or the last priority without `autofallthrough`.

use super::super::action::Hears;
use super::*;
use crate::base::limits::DIALLED_DIGITS;

impl Program {
    /// Waits for the next digit as long as more digits could make an extension, then goes to what was dialled.
    pub(super) fn collect(
        &mut self,
        digits: Digits,
        now: Now,
        plan: &Dialplan,
        host: &mut dyn Host,
    ) -> Option<Step> {
        if digits.text.len() < DIALLED_DIGITS && self.has(&digits.text, Mode::MatchMore, now, plan, host) {
            let timeouts = &self.memory.timeouts;
            let wait = if digits.text.is_empty() { timeouts.response } else { timeouts.digit };
            let app = super::super::apps::find("WaitExten").expect("it is in the table of applications");
            let action = Action::WaitDigit { until: Some(now.at + wait), hears: Hears::Unchanged };
            return self.wait_for(app, Awaits::Digit(digits), false, action);
        }
        if digits.given > 0 && digits.text.len() == digits.given {
            return self.invalid(&digits.text, Miss::NoExtension, now, plan, host);
        }
        self.dialled(digits, now, plan, host)
    }

    /// Goes to what was dialled.
    pub(super) fn dialled(
        &mut self,
        digits: Digits,
        now: Now,
        plan: &Dialplan,
        host: &mut dyn Host,
    ) -> Option<Step> {
        if digits.text.len() == digits.given {
            return self.response_timeout(now, plan, host);
        }
        if self.has(&digits.text, Mode::Match, now, plan, host) {
            return self.go_to(&digits.text);
        }
        self.invalid(&digits.text, Miss::NoExtension, now, plan, host)
    }

    /// Nothing was dialled: to `t`, else `e`, else the end.
    pub(super) fn response_timeout(
        &mut self,
        now: Now,
        plan: &Dialplan,
        host: &mut dyn Host,
    ) -> Option<Step> {
        if self.has("t", Mode::Match, now, plan, host) {
            return self.go_to("t");
        }
        if self.has("e", Mode::Match, now, plan, host) {
            return self.raise("RESPONSETIMEOUT");
        }
        self.stop(End::NoDigits)
    }
}
