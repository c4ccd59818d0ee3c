//! The options of `ChanSpy`, and what its digits do.

use super::super::channel::ChannelId;
use super::{APP, Mode, Options, Spying, Whom};
use crate::base::time::Now;
use crate::dialplan::arguments::letters;
use crate::dialplan::{Match, Place, Query};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

/// The loudest, in steps.
const LOUDEST: i32 = 4;

impl Switch {
    pub(super) fn spy_options(&self, name: &str, text: &str, out: &mut Actions) -> (Options, Mode) {
        let mut options = Options { cycle: '*', ..Options::default() };
        let mut mode = Mode::Listen;
        let digit =
            |argument: &Option<String>| argument.as_deref().and_then(|text| text.trim().chars().next());
        for option in letters(text).unwrap_or_else(|read| read) {
            match option.letter {
                'b' => options.bridged = true,
                'B' => mode = Mode::Barge,
                'c' => options.cycle = digit(&option.argument).unwrap_or('*'),
                'd' => options.modes_by_digit = true,
                'E' => options.ends_with_target = true,
                'g' => {
                    let groups = option.argument.unwrap_or_default();
                    options.groups = groups.split(':').map(|group| group.trim().to_owned()).collect();
                }
                'o' => options.one_way = true,
                'q' => options.quiet = true,
                's' => options.untyped = true,
                'r' => options.record = Some(option.argument.unwrap_or_else(|| "chanspy".to_owned())),
                'S' => options.stops_when_none = true,
                'v' => {
                    let steps = option.argument.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
                    options.volume = i32::clamp(steps, -LOUDEST, LOUDEST);
                }
                'w' => mode = Mode::Whisper,
                'W' => (mode, options.private) = (Mode::Whisper, true),
                'x' => options.exit = digit(&option.argument),
                'X' => options.exits_to_extension = true,
                other => self.ears.log(out, Level::Warning, APP, || {
                    format!("{name}: option {other} of ChanSpy is not obeyed by this version")
                }),
            }
        }
        (options, mode)
    }

    /// A digit of a spy.
    pub(in crate::switch::call) fn spy_digit(
        &mut self,
        now: Now,
        id: ChannelId,
        digit: char,
        out: &mut Actions,
    ) {
        let Some(spying) = self.spying_mut(id) else { return };
        let options = spying.options.clone();
        if options.exit == Some(digit) {
            return self.end_spying(id, out);
        }
        if options.exits_to_extension && self.exit_to_extension(now, id, digit, out) {
            return;
        }
        let Some(spying) = self.spying_mut(id) else { return };
        match digit {
            '4' | '5' | '6' if options.modes_by_digit => {
                spying.mode = match digit {
                    '4' => Mode::Listen,
                    '5' => Mode::Whisper,
                    _ => Mode::Barge,
                };
                self.tap(id, out);
            }
            _ if digit == options.cycle => {
                spying.typed.clear();
                self.spy_on_next(now, id, out);
            }
            '#' if spying.typed.is_empty() => {
                let louder = options.volume + 1;
                spying.options.volume = if louder > LOUDEST { -LOUDEST } else { louder };
                self.tap(id, out);
            }
            '#' => self.spy_on_typed(now, id, out),
            '0'..='9' if spying.typed.len() < 32 => spying.typed.push(digit),
            _ => {}
        }
    }

    /// `1234#`: the channel whose name is the prefix and these digits.
    fn spy_on_typed(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(spying) = self.spying_mut(id) else { return };
        let typed = std::mem::take(&mut spying.typed);
        let technology = match &spying.of {
            Whom::Prefix(prefix) if !prefix.is_empty() => {
                prefix.split('/').next().unwrap_or("PJSIP").to_owned()
            }
            _ => "PJSIP".to_owned(),
        };
        let wanted = format!("{technology}/{typed}-");
        let Some(spying) = self.spying(id) else { return };
        let any = Spying { of: Whom::Prefix(wanted), ..spying.copy() };
        let mut fit = self.calls.channels.values().filter(|channel| self.may_be_spied(id, &any, channel));
        let target = fit.next().map(|channel| channel.id);
        drop(fit);
        if let Some(target) = target {
            self.untap(id, out);
            self.spy_on(now, id, target, out);
        }
    }

    /// `X`: a digit that is an extension of `SPY_EXIT_CONTEXT`, or of where the dialplan is.
    fn exit_to_extension(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) -> bool {
        let Some(channel) = self.calls.channels.get(&id) else { return false };
        let own = channel.variables().value("SPY_EXIT_CONTEXT").map(str::to_owned);
        let Some(context) = own.or_else(|| channel.place().map(|place| place.context.to_string())) else {
            return false;
        };
        let (exten, caller) = (digit.to_string(), channel.caller.number.clone());
        let query = Query { context: &context, exten: &exten, caller: &caller, now: now.wall };
        if self.calls.plan.find(query) != Match::Found {
            return false;
        }
        self.leave_spying(id, out);
        self.send_to(now, id, Place::new(&context, &exten, 1), out);
        true
    }
}
