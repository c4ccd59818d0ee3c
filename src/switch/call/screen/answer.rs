//! Who answered a screened call is asked whether he takes it.

use super::super::channel::{ChannelId, Doing, Side};
use super::{APP_DIAL, Forgets, Screening, Step};
use crate::base::time::Now;
use crate::bridge::SoundId;
use crate::dialplan::{After, DialStatus, Dialled, Outcome};
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use std::time::Duration;

/// How long words may take whose end nobody tells.
const WORDS: Duration = Duration::from_secs(60);
/// How often who answers is asked.
const ROUNDS: u8 = 3;

impl Switch {
    /// Asks who answered whether he takes the call. `false`: nobody is to be asked. Who picked the call up took it.
    pub(in crate::switch::call) fn ask_called(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        out: &mut Actions,
    ) -> bool {
        let called = self.calls.channels.get(&leg).is_some_and(|leg| leg.side == Side::Called(Some(caller)));
        let Some(dialling) = self.dialling_mut(caller) else { return false };
        if !called || dialling.screening.is_none() {
            if let Some(screening) = dialling.screening.take() {
                self.forget_introduction(&screening, out);
            }
            return false;
        }
        // The caller hears no more of the phone than before: its ringing, or music.
        let early = self.calls.channels.get_mut(&caller).and_then(|caller| caller.early.take());
        if early == Some(leg) {
            self.unjoin_all(leg, out);
        }
        self.say_step(now, (leg, caller), Step::Pending, out);
        true
    }

    fn say_step(&mut self, now: Now, (leg, caller): (ChannelId, ChannelId), step: Step, out: &mut Actions) {
        let Some(screening) = self.screening(caller) else { return };
        (screening.step, screening.until) = (Some(step), Some(now.at + WORDS));
        let (before, words) = (screening.playing.take(), screening.words(step));
        if let Some(sound) = before {
            self.stop_sound(leg, sound, out);
        }
        let source = self.prompts(leg, &words, None);
        let playing = Some(self.play_over(leg, source, out));
        if let Some(screening) = self.screening(caller) {
            screening.playing = playing;
        }
        self.calls.touched.insert(caller);
    }

    fn screening(&mut self, caller: ChannelId) -> Option<&mut Screening> {
        self.dialling_mut(caller)?.screening.as_deref_mut()
    }

    /// After one step the next one; after the last round it is over.
    fn next_step(&mut self, now: Now, (leg, caller): (ChannelId, ChannelId), out: &mut Actions) {
        let Some(screening) = self.screening(caller) else { return };
        let next = match screening.step {
            None => return,
            Some(Step::Pending) => Step::Name,
            Some(Step::Name) => Step::Menu,
            Some(Step::Menu) => Step::Sorry,
            Some(Step::Sorry) => {
                screening.round += 1;
                if screening.round >= ROUNDS {
                    return self.decide(now, (leg, caller), None, out);
                }
                Step::Pending
            }
        };
        self.say_step(now, (leg, caller), next, out);
    }

    /// Words to who answered are over.
    pub(in crate::switch::call) fn screen_played(
        &mut self,
        now: Now,
        id: ChannelId,
        sound: SoundId,
        out: &mut Actions,
    ) {
        let Some(caller) = self.asks(id) else { return };
        let Some(screening) = self.screening(caller).filter(|asked| asked.playing == Some(sound)) else {
            return;
        };
        screening.playing = None;
        self.next_step(now, (id, caller), out);
    }

    /// The caller for whom a called channel is asked.
    fn asks(&mut self, id: ChannelId) -> Option<ChannelId> {
        let Side::Called(Some(caller)) = self.calls.channels.get(&id)?.side else { return None };
        let dialling = self.dialling_mut(caller)?;
        let asked = dialling.answered.as_ref()?.channel == id && dialling.screening.is_some();
        asked.then_some(caller)
    }

    /// Nobody told the end of words: whoever answered has another phone by now.
    pub(in crate::switch::call) fn screening_due(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        out: &mut Actions,
    ) -> bool {
        let Some(screening) = self.screening(caller) else { return false };
        if screening.until.is_some_and(|until| until <= now.at) {
            self.next_step(now, (leg, caller), out);
        }
        true
    }

    /// Who answered pressed a key. `false`: he was not asked for one.
    pub(in crate::switch::call) fn screening_digit(
        &mut self,
        now: Now,
        id: ChannelId,
        digit: char,
        out: &mut Actions,
    ) -> bool {
        let Some(caller) = self.asks(id) else { return false };
        match self.screening(caller).is_some_and(|screening| screening.takes(digit)) {
            true => self.decide(now, (id, caller), Some(digit), out),
            false => self.next_step(now, (id, caller), out),
        }
        true
    }

    /// What who answered wants, or that he said nothing.
    fn decide(
        &mut self,
        now: Now,
        (leg, caller): (ChannelId, ChannelId),
        choice: Option<char>,
        out: &mut Actions,
    ) {
        let Some(screening) = self.screening(caller) else { return };
        let (playing, entry) = (screening.playing.take(), screening.entry());
        if let Some(sound) = playing {
            self.stop_sound(leg, sound, out);
        }
        let (kept, status) = match choice {
            Some('1') => (Some("allow"), None),
            Some('2') => (Some("deny"), Some(DialStatus::NoAnswer)),
            Some('3') => (Some("torture"), Some(DialStatus::Torture)),
            Some('4') => (Some("kill"), Some(DialStatus::DontCall)),
            Some(_) => (Some("allow"), Some(DialStatus::NoAnswer)),
            None => {
                self.ears.log(out, Level::Notice, APP_DIAL, || {
                    "privacy: no valid response from the callee. Sending the caller to voicemail, the callee isn't responding"
                        .to_owned()
                });
                (None, Some(DialStatus::NoAnswer))
            }
        };
        if let (Some(entry), Some(value)) = (entry, kept) {
            self.keep_choice(&entry, value, out);
        }
        match status {
            Some(status) => {
                if let Some(leg) = self.calls.channels.get_mut(&leg) {
                    leg.side = Side::Called(None);
                }
                self.turned_away(now, caller, status, out);
                self.hang_up(now, leg, 16, out);
            }
            None => {
                let screening = self.dialling_mut(caller).and_then(|dialling| dialling.screening.take());
                if let Some(screening) = screening {
                    match screening.forgets {
                        Forgets::Taken => self.remove_introduction(&screening, out),
                        Forgets::Always | Forgets::Never => self.forget_introduction(&screening, out),
                    }
                }
                self.admit(now, leg, caller, out);
            }
        }
    }

    fn keep_choice(&mut self, entry: &str, value: &str, out: &mut Actions) {
        match self.calls.database.put(entry, value) {
            Ok(change) => {
                self.ears.log(out, Level::Verbose, APP_DIAL, || {
                    format!("--Set privacy database entry {entry} to {}", value.to_ascii_uppercase())
                });
                out.queue.push(Action::Database(change));
            }
            Err(why) => self.ears.log(out, Level::Warning, APP_DIAL, || format!("{entry}: {why}")),
        }
    }

    /// A `Dial` ends because who answered does not want the call, or is gone: as if nobody had answered.
    pub(in crate::switch::call) fn turned_away(
        &mut self,
        now: Now,
        caller: ChannelId,
        status: DialStatus,
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return };
        let Doing::Dialling(dialling) = std::mem::take(&mut channel.doing) else { return };
        self.hush(caller, out);
        self.end_legs(now, &dialling, 16, out);
        let result = Dialled { answered: None, ..dialling.result(now.at, status, After::GoOn) };
        self.resume(caller, Outcome::Dialled(Box::new(result)));
    }
}
