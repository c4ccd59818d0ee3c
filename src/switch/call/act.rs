//! What a dialplan asks for, done on its channel.

use super::channel::{ChannelId, Doing, State};
use super::ports::SlotState;
use crate::base::time::Now;
use crate::bridge::{Path, Plan};
use crate::dialplan::action::{Hears, Indication, PickupTarget};
use crate::dialplan::{Action as Wanted, Outcome};
use crate::session::{AnswerWith, Cause, Event, RingWith, State as SessionState};
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use std::time::Duration;

/// How long `Answer` waits for the first media.
const ANSWER_WAIT: Duration = Duration::from_millis(500);

impl Switch {
    /// Does an action. The outcome, or `None` when it comes later through [`Switch::resume`].
    pub(super) fn act(
        &mut self,
        now: Now,
        id: ChannelId,
        wanted: Wanted,
        out: &mut Actions,
    ) -> Option<Outcome> {
        match wanted {
            Wanted::Answer { delay, at_once } => self.do_answer(now, id, (delay, at_once), out),
            Wanted::Dial(dial) => self.start_dial(now, id, dial, out),
            Wanted::Wait { until } => self.wait(id, Doing::Waiting(until)),
            Wanted::WaitDigit { until, hears } => match self.next_digit(id) {
                Some(digit) => Some(Outcome::Digit(digit)),
                None => {
                    match hears {
                        Hears::Unchanged => {}
                        Hears::Tone(tone) => self.play_tone(id, &tone, out),
                        Hears::Music(class) => {
                            if let Some(music) = self.music(id, &class) {
                                self.play_behind(id, music, out);
                            }
                        }
                    }
                    self.wait(id, Doing::Digit(until))
                }
            },
            Wanted::Indicate(indication) => self.indicate(now, id, indication, out),
            Wanted::Refuse { indication, until } => self.refuse_call(now, id, indication, until, out),
            Wanted::Incomplete { .. } => {
                self.reject(now, id, (484, 28), out);
                Some(Outcome::HungUp)
            }
            Wanted::Echo { streams, .. } => {
                if streams.is_some_and(|streams| streams > 0) {
                    self.tell_undone(id, "the number of streams of StreamEcho", out);
                }
                self.transfer_progress(now, id, 200, out);
                self.echo(id, out)
            }
            Wanted::SendDtmf { digits, pause, length, channel, answers } => {
                let to = match channel {
                    Some(name) => self.channel_named(&name),
                    None => Some(id),
                };
                if answers {
                    self.answer_channel(now, id, None, out);
                }
                match to {
                    Some(to) => {
                        let until = self.send_digits(now, to, &digits, (pause, length), out);
                        self.wait(id, Doing::Sending(until))
                    }
                    None => Some(Outcome::Failed("there is no such channel".into())),
                }
            }
            Wanted::UserEvent { name, headers } => {
                let text = headers.iter().map(|(key, value)| format!(" {key}={value}")).collect::<String>();
                self.ears.log(out, Level::Verbose, "app_userevent.c", || format!("UserEvent {name}{text}"));
                Some(Outcome::Done)
            }
            Wanted::Transfer { technology, target } => self.transfer(now, id, (technology, &target), out),
            Wanted::Bridge { channel, options } => self.bridge_with(now, id, (&channel, &options), out),
            Wanted::Pickup(targets) => self.pickup(now, id, &targets, out),
            Wanted::Originate(wanted) => self.do_originate(now, id, *wanted, out),
            Wanted::PjsipHangup { status } => {
                self.reject(now, id, (status, Cause::of_status(status).0), out);
                Some(Outcome::HungUp)
            }
            Wanted::SoftHangup { channel, all } => {
                let found = match all {
                    true => self.channels_of_device(&channel),
                    false => self.channel_named(&channel).into_iter().collect(),
                };
                for other in found {
                    self.hang_up(now, other, 16, out);
                }
                Some(Outcome::Done)
            }
            Wanted::Later { application, arguments } => {
                let what = (application.name, &*arguments);
                match application.name {
                    "ConfBridge" => self.conf_bridge(now, id, &arguments, out),
                    "ConfKick" => self.conf_kick(now, &arguments, out),
                    "BridgeWait" => self.bridge_wait(now, id, &arguments, out),
                    "HangupCauseClear" => {
                        if let Some(channel) = self.calls.channels.get_mut(&id) {
                            channel.causes.clear();
                        }
                        Some(Outcome::Done)
                    }
                    "ChanSpy" | "ExtenSpy" => self.chan_spy(now, id, what, out),
                    "VoiceMail" | "VoiceMailMain" | "MailboxExists" | "Directory" => {
                        self.mail_application(now, id, what, out)
                    }
                    "Park" | "ParkAndAnnounce" | "ParkedCall" => self.park_application(now, id, what, out),
                    _ => self.text_application(now, id, what, out).unwrap_or(Some(Outcome::Unsupported)),
                }
            }
            Wanted::ChannelRedirect { channel, target } => {
                Some(self.redirect(now, id, (&channel, &target), out))
            }
            Wanted::PlayTones { tones } => {
                self.play_tone(id, &tones, out);
                Some(Outcome::Done)
            }
            Wanted::StopPlayTones => {
                self.hush(id, out);
                Some(Outcome::Done)
            }
            Wanted::Sound(action) => self.do_sound(now, id, *action, out),
        }
    }

    /// Says what a dialplan asked for and does not get; the call goes on without it.
    fn tell_undone(&self, id: ChannelId, what: &str, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        self.ears.log(out, Level::Warning, "pbx.c", || {
            format!("{}: not obeyed by this version: {what}", channel.name)
        });
    }

    pub(super) fn wait(&mut self, id: ChannelId, doing: Doing) -> Option<Outcome> {
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.doing = doing;
        }
        None
    }

    pub(super) fn next_digit(&mut self, id: ChannelId) -> Option<char> {
        let channel = self.calls.channels.get_mut(&id)?;
        (!channel.digits.is_empty()).then(|| channel.digits.remove(0))
    }

    /// `Answer`: 200, then the first media or half a second.
    fn do_answer(
        &mut self,
        now: Now,
        id: ChannelId,
        (delay, at_once): (Duration, bool),
        out: &mut Actions,
    ) -> Option<Outcome> {
        self.transfer_progress(now, id, 200, out);
        let up = self.calls.channels.get(&id)?.state == State::Up;
        if up && delay.is_zero() {
            return Some(Outcome::Done);
        }
        if !up {
            self.answer_channel(now, id, None, out);
        }
        if at_once {
            return Some(Outcome::Done);
        }
        let until = now.at + delay.max(if up { Duration::ZERO } else { ANSWER_WAIT });
        self.wait(id, Doing::Answering { until, for_media: delay.is_zero() })
    }

    /// Answers a call that came in; `with`: the codecs of the other leg, when there is one.
    pub(super) fn answer_channel(
        &mut self,
        now: Now,
        id: ChannelId,
        with: Option<AnswerWith>,
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if !channel.is_caller() || channel.state == State::Up {
            return;
        }
        channel.state = State::Up;
        channel.answered = Some(now.at);
        if self.say_locally(id, Event::Answered) {
            return;
        }
        let done =
            self.with_session(now, id, out, |session, cx| session.answer(cx, with.unwrap_or_default()));
        if let Some(Err(why)) = done {
            self.ears.log(out, Level::Debug, "chan_pjsip.c", || format!("Answer did nothing: {why}"));
        }
        self.answered_alone(id);
        self.aim(id, out);
    }

    pub(super) fn indicate(
        &mut self,
        now: Now,
        id: ChannelId,
        indication: Indication,
        out: &mut Actions,
    ) -> Option<Outcome> {
        self.transfer_indicated(now, id, indication, out);
        let Some(channel) = self.calls.channels.get(&id) else { return Some(Outcome::HungUp) };
        if channel.state == State::Up {
            if indication == Indication::Ringing {
                self.play_tone(id, "ring", out);
            }
            return Some(Outcome::Done);
        }
        if channel.local.is_some() {
            match indication {
                Indication::Ringing => drop(self.say_locally(id, Event::Ringing)),
                Indication::Progress => drop(self.say_locally(id, Event::Progress { media: true })),
                Indication::Proceeding | Indication::Busy | Indication::Congestion => {}
            }
            return Some(Outcome::Done);
        }
        let inband = channel.endpoint.options.inband_progress;
        // With a description on its way already, 180 would take the early media back.
        let agreed =
            matches!(channel.session.as_ref().map(|s| s.state()), Some(SessionState::Incoming { .. }))
                && channel.early_media;
        let again = self.directory.objects.global.allow_sending_180_after_183;
        // The first response says who is called as far as that is known; later ones where updates are wanted.
        let rang = channel
            .session
            .as_ref()
            .is_some_and(|session| matches!(session.state(), SessionState::Incoming { ringing: true }));
        let lines = match !rang || channel.endpoint.options.send_connected_line {
            true => channel.identity_lines(),
            false => Vec::new(),
        };
        match indication {
            Indication::Ringing if inband || (agreed && !again) => {
                self.with_session(now, id, out, |session, cx| {
                    session.ring(cx, RingWith::Progress183, &lines)
                });
                if inband {
                    self.aim(id, out);
                    self.play_tone(id, "ring", out);
                }
            }
            Indication::Ringing => {
                self.with_session(now, id, out, |session, cx| session.ring(cx, RingWith::Plain180, &lines));
            }
            Indication::Progress => {
                if let Some(channel) = self.calls.channels.get_mut(&id) {
                    channel.early_media = true;
                }
                self.with_session(now, id, out, |session, cx| session.progress(cx, &lines));
                self.aim(id, out);
            }
            Indication::Proceeding | Indication::Busy | Indication::Congestion => {}
        }
        Some(Outcome::Done)
    }

    /// `Busy`, `Congestion`: a status before the answer; after it the line stays until the time is over.
    fn refuse_call(
        &mut self,
        now: Now,
        id: ChannelId,
        indication: Indication,
        until: Option<crate::base::time::Moment>,
        out: &mut Actions,
    ) -> Option<Outcome> {
        self.transfer_indicated(now, id, indication, out);
        let up = self.calls.channels.get(&id)?.state == State::Up;
        if up {
            let tone = if indication == Indication::Busy { "busy" } else { "congestion" };
            self.play_tone(id, tone, out);
            return self.wait(id, Doing::Refusing(until));
        }
        let (status, cause) = if indication == Indication::Busy { (486, 17) } else { (503, 34) };
        self.reject(now, id, (status, cause), out);
        Some(Outcome::HungUp)
    }

    /// Refuses a call that was not answered with a status of its own.
    pub(super) fn reject(&mut self, now: Now, id: ChannelId, (status, cause): (u16, u8), out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.cause = cause;
        if channel.state == State::Up || !channel.is_caller() {
            return self.hang_up(now, id, cause, out);
        }
        self.with_session(now, id, out, |session, cx| {
            session.reject(cx, status, "", Some(Cause(cause)), b"")
        });
        self.channel_gone(now, id, cause, out);
    }

    /// `Echo`: the port is joined with itself.
    pub(super) fn echo(&mut self, id: ChannelId, out: &mut Actions) -> Option<Outcome> {
        let phone = self.media_of(id).and_then(|phone| self.calls.channels.get(&phone));
        let Some(channel) = phone else { return Some(Outcome::Failed("there is no media to echo".into())) };
        let agreement = channel.session.as_ref().and_then(|session| session.agreement());
        let mut joined = false;
        for slot in &channel.slots {
            let stream = agreement.and_then(|agreement| agreement.streams.get(slot.stream)?.rtp());
            if let (SlotState::Open { .. }, Some(rtp)) = (slot.state, stream) {
                let path = Box::new(Path { numbers: rtp.translation(rtp) });
                joined = true;
                out.queue.push(Action::Media(Plan::Join {
                    a: slot.port,
                    b: slot.port,
                    a_to_b: path.clone(),
                    b_to_a: path,
                }));
            }
        }
        // Answered a moment ago: it begins once its media is agreed on (`Switch::acknowledged`).
        if !joined && agreement.is_some() {
            return Some(Outcome::Failed("there is no media to echo".into()));
        }
        self.wait(id, Doing::Echo)
    }

    /// Ends every join of a channel's ports.
    pub(super) fn unjoin_all(&mut self, id: ChannelId, out: &mut Actions) {
        let phone = self.media_of(id).and_then(|phone| self.calls.channels.get(&phone));
        let Some(channel) = phone else { return };
        for slot in channel.slots.iter().filter(|slot| matches!(slot.state, SlotState::Open { .. })) {
            out.queue.push(Action::Media(Plan::Unjoin { port: slot.port }));
        }
    }

    /// `Pickup`: takes a call that rings elsewhere.
    /// With a call in hand it waits: the dialplan ends with the bridge.
    fn pickup(
        &mut self,
        now: Now,
        id: ChannelId,
        targets: &[PickupTarget],
        out: &mut Actions,
    ) -> Option<Outcome> {
        let found = targets.iter().find_map(|target| self.ringing_for(id, target));
        match found {
            Some(ringing) => {
                self.pick_up(now, id, ringing, out);
                None
            }
            None => Some(Outcome::Failed("there is no ringing call to pick up".into())),
        }
    }
}
