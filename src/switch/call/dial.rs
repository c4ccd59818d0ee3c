//! `Dial`: calling several at once; the first who answers wins.

use super::channel::{ChannelId, Doing, State};
use super::screen::Screening;
use super::subroutine::Then;
use crate::base::time::{Moment, Now};
use crate::bridge::{SoundId, SoundSource};
use crate::dialplan::action::Indication;
use crate::dialplan::apps::dial::Dial;
use crate::dialplan::{After, DialStatus, Dialled, Outcome};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::sync::Arc;

const APP_DIAL: &str = "app_dial.c";

/// A `Dial` under way, in the caller's channel.
#[derive(Debug)]
pub(super) struct Dialling {
    pub dial: Box<Dial>,
    pub started: Moment,
    /// When nobody has answered by then: NOANSWER.
    pub deadline: Option<Moment>,
    /// When nothing rings by then: CHANUNAVAIL.
    pub progress_deadline: Option<Moment>,
    /// Option `A`: what is played to who answered and to the caller before they are joined.
    pub announcing: Vec<(ChannelId, SoundId)>,
    /// When nobody waits for that any longer.
    pub announced_by: Option<Moment>,
    /// Options `P` and `p`: who answers is asked whether he takes the call.
    pub screening: Option<Box<Screening>>,
    /// Somebody answered: when the digits of option `D` are out.
    pub joins_at: Option<Moment>,
    pub legs: Vec<Leg>,
    pub rang: Option<Moment>,
    pub progressed: Option<Moment>,
    pub answered: Option<Answered>,
    /// How often a leg was forwarded: bounded, so that forwards cannot go round for ever.
    pub forwards: u8,
}

/// One called leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub channel: Option<ChannelId>,
    /// What was dialled to reach it: `DIALEDPEERNUMBER`.
    pub number: String,
    /// Its hangup cause, once it has ended.
    pub cause: Option<u8>,
}

/// Who answered.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub channel: ChannelId,
    pub at: Moment,
    pub name: Arc<str>,
    pub number: String,
}

impl Dialling {
    /// When something is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        match self.answered {
            Some(_) => {
                let asked = self.screening.as_ref().and_then(|screening| screening.until);
                [self.joins_at, self.announced_by, asked].into_iter().flatten().min()
            }
            None => [self.deadline, self.progress_deadline].into_iter().flatten().min(),
        }
    }

    /// The legs that are still called.
    pub fn ringing(&self) -> impl Iterator<Item = ChannelId> + '_ {
        self.legs.iter().filter(|leg| leg.cause.is_none()).filter_map(|leg| leg.channel)
    }

    /// The result, when it is over now.
    pub fn result(&self, now: Moment, status: DialStatus, after: After) -> Dialled {
        let since = |at: Moment| at.since(self.started);
        let answered = self.answered.as_ref();
        Dialled {
            status,
            peer_name: answered.map(|a| a.name.to_string()).unwrap_or_default(),
            peer_number: answered.map(|a| a.number.clone()).unwrap_or_default(),
            dialled: since(now),
            answered: answered.map(|a| now.since(a.at)),
            ringing: self.rang.map(since),
            progress: self.progressed.map(since),
            after,
        }
    }
}

impl Switch {
    /// Begins a `Dial`: who is screened is asked for his name first.
    pub(super) fn start_dial(
        &mut self,
        now: Now,
        id: ChannelId,
        dial: Box<Dial>,
        out: &mut Actions,
    ) -> Option<Outcome> {
        match dial.options.privacy.is_some() || dial.options.screening {
            true => self.screen_caller(now, id, dial, out),
            false => self.begin_dial(now, id, (dial, None), out),
        }
    }

    /// Runs the subroutine of option `B`, and calls the targets.
    pub(super) fn begin_dial(
        &mut self,
        now: Now,
        id: ChannelId,
        (dial, screening): (Box<Dial>, Option<Box<Screening>>),
        out: &mut Actions,
    ) -> Option<Outcome> {
        let here = self.calls.channels.get(&id)?.place();
        let (Some(jump), Some(here)) = (dial.options.predial_caller.clone(), here) else {
            return self.dial_targets(now, id, (dial, screening), out);
        };
        match self.call_subroutine(now, id, (&jump, &here), Then::Dial(dial, screening), out) {
            Ok(()) => None,
            Err(Then::Dial(dial, screening)) => self.dial_targets(now, id, (dial, screening), out),
            Err(_) => None,
        }
    }

    /// Calls the targets of a `Dial`.
    pub(super) fn dial_targets(
        &mut self,
        now: Now,
        id: ChannelId,
        (mut dial, screening): (Box<Dial>, Option<Box<Screening>>),
        out: &mut Actions,
    ) -> Option<Outcome> {
        let channel = self.calls.channels.get(&id)?;
        let (name, forwards_left) = (channel.name.clone(), channel.forwards_left);
        let letters = channel.variables().value("BRIDGE_FEATURES").unwrap_or_default();
        super::features::add_letters(&mut dial.options, letters);
        let mut dialling = Dialling {
            started: now.at,
            deadline: dial.timeout.map(|timeout| now.at + timeout),
            progress_deadline: dial.progress_timeout.map(|timeout| now.at + timeout),
            announcing: Vec::new(),
            announced_by: None,
            joins_at: None,
            legs: Vec::new(),
            rang: None,
            progressed: None,
            answered: None,
            forwards: 0,
            screening,
            dial,
        };
        let targets = dialling.dial.targets.clone();
        for target in &targets {
            let resource = &target.resource;
            let placed = match forwards_left {
                0 => Err((16, "max forwards exceeded: calls lead to calls without an end".into())),
                _ => self.place_leg(now, Some(id), (&target.technology, resource), out),
            };
            let leg = match placed {
                Ok(channel) => {
                    self.decided(id, || format!("{name} dials {}/{resource}", target.technology));
                    self.own_caller_id(id, channel, dialling.dial.options.original_caller_id.as_ref());
                    self.ears.log(out, Level::Verbose, APP_DIAL, || {
                        format!("Called {}/{resource}", target.technology)
                    });
                    Leg { channel: Some(channel), number: resource.clone(), cause: None }
                }
                Err((cause, why)) => {
                    self.decided(id, || format!("cannot call {}/{resource}: {why}", target.technology));
                    self.tell_uncalled((&target.technology, resource), (cause, why), out);
                    Leg { channel: None, number: resource.clone(), cause: Some(cause) }
                }
            };
            dialling.legs.push(leg);
        }
        if dialling.ringing().next().is_none() {
            let causes = dialling.legs.iter().filter_map(|leg| leg.cause);
            let status = DialStatus::from_causes(causes);
            if let Some(cause) = dialling.legs.last().and_then(|leg| leg.cause)
                && let Some(channel) = self.calls.channels.get_mut(&id)
            {
                channel.cause = cause;
            }
            self.end_legs(now, &dialling, 16, out);
            return Some(Outcome::Dialled(Box::new(dialling.result(now.at, status, After::GoOn))));
        }
        let options = &dialling.dial.options;
        let (music, ringing, until_media) =
            (options.music.clone(), options.ringing.clone(), options.ringing_until_media);
        self.wait(id, Doing::Dialling(Box::new(dialling)));
        match (music, ringing) {
            (Some(class), _) => {
                let music = self.music(id, &class);
                self.hear_meanwhile(now, id, music, out);
            }
            (None, Some(tone)) if !tone.is_empty() => {
                let tone = self.tone(id, &tone).ok().map(SoundSource::Tones);
                self.hear_meanwhile(now, id, tone, out);
            }
            (None, Some(_)) => drop(self.indicate(now, id, Indication::Ringing, out)),
            (None, None) if until_media => drop(self.indicate(now, id, Indication::Ringing, out)),
            (None, None) => {}
        }
        None
    }

    /// `m` and `r(tone)`: the caller hears something of ours instead of ringing, before the answer as early media.
    fn hear_meanwhile(&mut self, now: Now, id: ChannelId, source: Option<SoundSource>, out: &mut Actions) {
        let Some(source) = source else {
            self.indicate(now, id, Indication::Ringing, out);
            return;
        };
        if !self.has_state(id, State::Up) {
            self.indicate(now, id, Indication::Progress, out);
            self.aim(id, out);
        }
        self.play_behind(id, source, out);
    }

    /// Makes a channel of that technology that calls `resource`.
    ///
    /// # Errors
    /// The hangup cause, and why in words.
    pub(super) fn place_leg(
        &mut self,
        now: Now,
        caller: Option<ChannelId>,
        (technology, resource): (&str, &str),
        out: &mut Actions,
    ) -> Result<ChannelId, (u8, String)> {
        match technology.to_ascii_uppercase().as_str() {
            "PJSIP" => self.place_call(now, caller, resource, out),
            "LOCAL" => self.place_local(now, caller, resource, out),
            _ => Err((66, format!("No channel type registered for '{technology}'"))),
        }
    }

    pub(super) fn dialling_mut(&mut self, id: ChannelId) -> Option<&mut Dialling> {
        match &mut self.calls.channels.get_mut(&id)?.doing {
            Doing::Dialling(dialling) => Some(dialling),
            _ => None,
        }
    }

    /// A leg rings: so does the caller, unless he hears something else already.
    pub(super) fn leg_rings(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        if self.calls_for_transfer(caller, leg) {
            return self.target_rings(caller, leg, false, out);
        }
        let Some(dialling) = self.dialling_mut(caller) else { return };
        if dialling.answered.is_some() {
            return;
        }
        dialling.rang.get_or_insert(now.at);
        dialling.progress_deadline = None;
        let hears_ours = dialling.dial.options.music.is_some()
            || dialling.dial.options.ringing.as_ref().is_some_and(|tone| !tone.is_empty());
        self.tell_leg(leg, "is ringing", out);
        let sounds = self.calls.channels.get(&caller).is_some_and(|caller| caller.sound.background.is_some());
        if hears_ours && sounds {
            return;
        }
        self.indicate(now, caller, Indication::Ringing, out);
    }

    /// A leg has early media: with one leg the caller hears it, with several he hears ringing only.
    pub(super) fn leg_progresses(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        media: bool,
        out: &mut Actions,
    ) {
        if self.calls_for_transfer(caller, leg) {
            return self.target_rings(caller, leg, media, out);
        }
        let Some(dialling) = self.dialling_mut(caller) else { return };
        if dialling.answered.is_some() {
            return;
        }
        dialling.progressed.get_or_insert(now.at);
        dialling.progress_deadline = None;
        let alone = dialling.legs.len() == 1;
        let options = &dialling.dial.options;
        let other_sound = options.ringing.is_some() || options.music.is_some();
        self.tell_leg(leg, "is making progress passing it to", out);
        if !alone || other_sound {
            return;
        }
        if media {
            self.early_answer(caller, leg);
        }
        self.indicate(now, caller, Indication::Progress, out);
        self.digits_on_progress(now, leg, caller, out);
        if media {
            self.aim(leg, out);
            self.join_early(caller, leg, out);
        }
    }

    fn tell_leg(&self, leg: ChannelId, what: &str, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&leg) else { return };
        self.ears.log(out, Level::Verbose, APP_DIAL, || format!("{} {what}", channel.name));
    }

    /// Nobody answered in time, or the digits of option `D` are out.
    pub(super) fn dial_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(dialling) = self.dialling_mut(id) else { return };
        if dialling.next_deadline().is_none_or(|at| at > now.at) {
            return;
        }
        if let Some(answered) = &dialling.answered {
            let leg = answered.channel;
            if dialling.joins_at.take_if(|at| *at <= now.at).is_some() {
                self.connect_now(now, leg, id, out);
            } else if !self.screening_due(now, leg, id, out) {
                self.announcement_due(now, leg, id, out);
            }
            return;
        }
        let status = match dialling.deadline.is_some_and(|at| at <= now.at) {
            true => DialStatus::NoAnswer,
            false => DialStatus::ChanUnavail,
        };
        self.end_dial(now, id, status, After::GoOn, out);
    }

    /// Ends a `Dial` that nobody answered.
    pub(super) fn end_dial(
        &mut self,
        now: Now,
        id: ChannelId,
        status: DialStatus,
        after: After,
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Doing::Dialling(dialling) = std::mem::take(&mut channel.doing) else { return };
        self.hush(id, out);
        let cause = match status {
            _ if dialling.dial.options.cancel_elsewhere => 26,
            // As recorded: a time that is over has no cause.
            DialStatus::NoAnswer => 0,
            _ => 16,
        };
        self.end_legs(now, &dialling, cause, out);
        let result = dialling.result(now.at, status, after);
        self.resume(id, Outcome::Dialled(Box::new(result)));
    }

    /// Hangs up the legs of a `Dial` that are still called; what its caller said of himself is of no more use.
    pub(super) fn end_legs(&mut self, now: Now, dialling: &Dialling, cause: u8, out: &mut Actions) {
        if let Some(screening) = &dialling.screening {
            self.forget_introduction(screening, out);
        }
        let winner = dialling.answered.as_ref().map(|answered| answered.channel);
        for leg in dialling.ringing().filter(|leg| Some(*leg) != winner) {
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.side = super::channel::Side::Called(None);
            }
            self.hang_up(now, leg, cause, out);
        }
    }

    /// Hangs up who answered a `Dial` and was not joined with its caller yet.
    pub(super) fn end_unjoined(&mut self, now: Now, dialling: &Dialling, cause: u8, out: &mut Actions) {
        let Some(answered) = dialling.answered.as_ref().map(|answered| answered.channel) else { return };
        if let Some(leg) = self.calls.channels.get_mut(&answered)
            && leg.bridge.is_none()
            && !leg.is_kept
        {
            leg.side = super::channel::Side::Called(None);
            self.hang_up(now, answered, cause, out);
        }
    }

    /// Whether a channel is a caller whose call was answered.
    pub(super) fn has_state(&self, id: ChannelId, state: State) -> bool {
        self.calls.channels.get(&id).is_some_and(|channel| channel.state == state)
    }
}
