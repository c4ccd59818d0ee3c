//! Options of `Dial` that act while it rings, at the answer, at a forward and at the end: `a d D e F f G o s u`.

use super::channel::{Channel, ChannelId, Doing, Party, Side};
use super::dial::Dialling;
use crate::base::time::{Moment, Now};
use crate::config::model::endpoint_words::Presentation;
use crate::config::value::callerid::CallerId;
use crate::config::value::words::Word;
use crate::dialplan::{After, DialStatus, Outcome, Place, Program};
use crate::session::AnswerWith;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

const APP_DIAL: &str = "app_dial.c";

/// Pause and length of the digits of option `D`, as in Asterisk.
const DIGITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_millis(100));

/// A caller id as written: `"Name" <number>`, or a number.
fn party_of(text: &str) -> Party {
    let id = CallerId::read(text);
    Party { name: id.name().to_owned(), number: id.number().to_owned(), ..Party::default() }
}

impl Switch {
    /// `o`: the called channel's own caller id is the caller's, or the one given.
    pub(super) fn own_caller_id(
        &mut self,
        caller: ChannelId,
        leg: ChannelId,
        given: Option<&Option<String>>,
    ) {
        let party = match given {
            None => return,
            Some(Some(text)) => party_of(text),
            Some(None) => match self.calls.channels.get(&caller) {
                Some(caller) => caller.caller.clone(),
                None => return,
            },
        };
        if let Some(leg) = self.calls.channels.get_mut(&leg) {
            leg.caller = party;
        }
    }

    /// `f`, `s`, `u`: who calls, as a forwarded leg is told.
    pub(super) fn forwarded_caller_id(&mut self, caller: ChannelId, leg: ChannelId) {
        let Some(channel) = self.calls.channels.get(&caller) else { return };
        let Doing::Dialling(dialling) = &channel.doing else { return };
        let options = &dialling.dial.options;
        let Some(given) = options.forwarded_caller_id.clone() else { return };
        let tag = options.caller_id_tag.clone();
        let presentation = options.presentation.as_deref().map(|word| match word {
            // Without an argument the identity is shown.
            "" => Some(Party::default().presentation),
            word => Presentation::of(word),
        });
        // Without a value: the extension that this Dial stands in.
        let party = match given {
            Some(text) => party_of(&text),
            None => Party {
                number: channel.place().map(|place| place.exten.to_string()).unwrap_or_default(),
                ..Party::default()
            },
        };
        let Some(leg) = self.calls.channels.get_mut(&leg) else { return };
        leg.connected.number = party.number;
        if !party.name.is_empty() {
            leg.connected.name = party.name;
        }
        if let Some(tag) = tag {
            leg.connected.tag = tag;
        }
        if let Some(Some(presentation)) = presentation {
            leg.connected.presentation = presentation;
        }
    }

    /// The caller pressed a digit while it rings: with `d` he leaves.
    pub(super) fn digit_while_dialling(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        let leaves =
            self.dialling_mut(id).is_some_and(|d| d.dial.options.digit_exits && d.answered.is_none());
        if leaves {
            self.end_dial(now, id, DialStatus::Cancel, After::Digit(digit), out);
        }
    }

    /// `D`: digits to both sides before they are joined; when they will be out.
    pub(super) fn digits_before_bridge(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        out: &mut Actions,
    ) -> Option<Moment> {
        let digits = match self.calls.channels.get(&caller).map(|caller| &caller.doing) {
            Some(Doing::Dialling(dialling)) => dialling.dial.options.digits.clone()?,
            _ => return None,
        };
        let ends =
            [(leg, digits.called), (caller, digits.calling)].map(|(to, digits)| match digits.is_empty() {
                true => None,
                false => Some(self.send_digits(now, to, &digits, DIGITS, out)),
            });
        ends.into_iter().flatten().max()
    }

    /// `D(::digits)`: digits to a leg that makes progress.
    pub(super) fn digits_on_progress(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        out: &mut Actions,
    ) {
        let Some(Channel { doing: Doing::Dialling(dialling), .. }) = self.calls.channels.get_mut(&caller)
        else {
            return;
        };
        let Some(digits) = &mut dialling.dial.options.digits else { return };
        let digits = std::mem::take(&mut digits.progress);
        if !digits.is_empty() {
            self.send_digits(now, leg, &digits, DIGITS, out);
        }
    }

    /// Answers the caller with what the called side took.
    pub(super) fn answer_caller(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        let phone = self.media_of(leg).and_then(|phone| self.calls.channels.get(&phone));
        let formats = phone.and_then(|called| called.agreed_formats());
        let theirs =
            self.calls.channels.get(&caller).map(super::channel::Channel::formats).unwrap_or_default();
        let formats = formats.and_then(|called| super::core::answer_with(&theirs, &called));
        let extra = self.connected_lines(now, caller, leg, out);
        self.early_answer(caller, leg);
        self.answer_channel(now, caller, Some(AnswerWith { extra, only: formats }), out);
    }

    /// `G`: the caller goes to a place, the called side to the priority after it. Whether that is what happens.
    pub(super) fn split(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) -> bool {
        let Some(channel) = self.calls.channels.get(&caller) else { return false };
        let Doing::Dialling(dialling) = &channel.doing else { return false };
        let (Some(jump), Some(here)) = (dialling.dial.options.split_to.clone(), channel.place()) else {
            return false;
        };
        let number = channel.caller.number.clone();
        let place = match self.calls.plan.resolve(&jump, &here, &number, now.wall) {
            Ok(place) => place,
            Err(why) => {
                self.ears
                    .log(out, Level::Warning, APP_DIAL, || format!("Dial: option G leads nowhere: {why}"));
                return false;
            }
        };
        self.answer_caller(now, leg, caller, out);
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return true };
        let Doing::Dialling(dialling) = std::mem::take(&mut channel.doing) else { return true };
        let next = Place { priority: place.priority.saturating_add(1), ..place.clone() };
        let result = dialling.result(now.at, DialStatus::Answer, After::Goto(place));
        self.resume(caller, Outcome::Dialled(Box::new(result)));
        self.sent_on(leg, next);
        true
    }

    /// A called channel that goes on by itself.
    fn sent_on(&mut self, leg: ChannelId, place: Place) {
        let Some(channel) = self.calls.channels.get_mut(&leg) else { return };
        channel.side = Side::Called(None);
        channel.is_kept = true;
        channel.send_to(place);
        self.calls.work.push_back(super::Work::Run(leg));
        self.calls.touched.insert(leg);
    }

    /// `F`: the caller hung up; the called side goes on where the option says. Whether it does.
    pub(super) fn called_continues(
        &mut self,
        now: Now,
        caller: ChannelId,
        dialling: &Dialling,
        out: &mut Actions,
    ) -> Option<(ChannelId, Place)> {
        let leg = dialling.answered.as_ref()?.channel;
        let wanted = dialling.dial.options.called_continues.as_ref()?;
        let channel = self.calls.channels.get(&caller)?;
        let here = channel.place()?;
        let place = match wanted {
            None => Ok(Place { priority: here.priority.saturating_add(1), ..here }),
            Some(jump) => self.calls.plan.resolve(jump, &here, &channel.caller.number, now.wall),
        };
        match place {
            Ok(place) => {
                let channel = self.calls.channels.get_mut(&leg).filter(|leg| !leg.hung_up)?;
                // Not to be hung up with its bridge.
                channel.is_kept = true;
                Some((leg, place))
            }
            Err(why) => {
                self.ears
                    .log(out, Level::Warning, APP_DIAL, || format!("Dial: option F leads nowhere: {why}"));
                None
            }
        }
    }

    /// The called side of option `F` begins its dialplan.
    pub(super) fn continue_called(&mut self, (leg, place): (ChannelId, Place)) {
        self.sent_on(leg, place);
    }

    /// Runs the `h` extension of a place's context on a channel that has no dialplan and is hung up.
    pub(super) fn run_hangup_exten(&mut self, id: ChannelId, place: Place) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.program.is_some() || channel.suspended.is_some() {
            return;
        }
        let mut program = Program::new(place);
        program.inherit(std::mem::take(&mut channel.variables));
        program.hung_up();
        channel.program = Some(program);
        self.calls.work.push_back(super::Work::Run(id));
        self.calls.touched.insert(id);
    }
}
