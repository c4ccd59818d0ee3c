//! Applications that play something and may listen for digits meanwhile: `Playback`, `BackGround`, `Read`,
//! `MusicOnHold`.

use super::channel::{ChannelId, Doing, State};
use crate::base::time::{Moment, Now};
use crate::bridge::{Feature, Over, SoundEnd, SoundId, SoundSource};
use crate::dialplan::Outcome;
use crate::dialplan::action::Indication;
use crate::dialplan::sound::{Read, RecordCall, SoundAction, Unanswered};
use crate::switch::Switch;
use crate::switch::io::Actions;
use std::time::Duration;

/// How long `Read` waits for the first digit, and for each further one.
const FIRST_DIGIT: Duration = Duration::from_secs(10);
const NEXT_DIGIT: Duration = Duration::from_secs(5);

/// An application that makes sound, under way.
#[derive(Debug)]
pub(super) struct Sounding {
    /// What plays now.
    pub playing: Option<SoundId>,
    /// When it goes on without a digit.
    pub until: Option<Moment>,
    what: What,
}

#[derive(Debug)]
enum What {
    Playback,
    Background { only: Option<String> },
    Read { read: Box<Read>, digits: String, attempt: u32 },
    Music,
    Record { call: Box<RecordCall>, recording: bool, pressed: Option<char> },
}

impl Switch {
    /// Begins what an application asks of sound.
    pub(super) fn do_sound(
        &mut self,
        now: Now,
        id: ChannelId,
        action: SoundAction,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let quiet = matches!(
            action,
            SoundAction::MixMonitor(_) | SoundAction::StopMonitor { .. } | SoundAction::StopMusic
        );
        if !quiet && self.has_state(id, State::Up) {
            // Who was transferred here hears something: so has the transfer come to its end.
            self.transfer_progress(now, id, 200, out);
        }
        match action {
            SoundAction::Playback { files, unanswered } => self
                .make_heard(now, id, unanswered, out)
                .or_else(|| self.play_list(id, &files, None, What::Playback, out)),
            SoundAction::Background { files, unanswered, language, only } => {
                let waiting = self.next_digit(id).filter(|digit| interrupts(only.as_deref(), *digit));
                if let Some(digit) = waiting {
                    return Some(Outcome::Digit(digit));
                }
                let what = What::Background { only };
                self.make_heard(now, id, unanswered, out)
                    .or_else(|| self.play_list(id, &files, language.as_deref(), what, out))
            }
            SoundAction::Read(read) => match self.make_heard(now, id, read.unanswered, out) {
                Some(_) => Some(read_outcome(&read, "SKIPPED", "")),
                None => self.read_again(now, id, read, 1, out),
            },
            SoundAction::Record(call) => match self.make_heard(now, id, call.unanswered, out) {
                Some(_) => Some(Outcome::Status("SKIP".into())),
                None => self.start_record(id, call, out),
            },
            SoundAction::MixMonitor(order) => self.mix_monitor(id, *order, out),
            SoundAction::StopMonitor { id: which, is_monitor } => {
                let feature = if is_monitor { Feature::Monitor } else { Feature::MixMonitor };
                self.stop_monitor(id, &which, feature, out)
            }
            SoundAction::Music { class, most } => {
                let until = most.map(|most| now.at + most);
                let playing = self.music(id, &class).map(|music| self.play_over(id, music, out));
                self.wait(id, Doing::Sounding(Box::new(Sounding { playing, until, what: What::Music })))
            }
            SoundAction::StartMusic { class } => {
                if let Some(music) = self.music(id, &class) {
                    self.play_behind(id, music, out);
                }
                Some(Outcome::Done)
            }
            SoundAction::StopMusic => {
                self.hush(id, out);
                Some(Outcome::Done)
            }
            SoundAction::Tone { tones } => {
                self.answer_channel(now, id, None, out);
                self.play_tone(id, &tones, out);
                self.wait(
                    id,
                    Doing::Sounding(Box::new(Sounding { playing: None, until: None, what: What::Music })),
                )
            }
        }
    }

    /// Answers, or opens early media, or skips: then the outcome.
    fn make_heard(
        &mut self,
        now: Now,
        id: ChannelId,
        unanswered: Unanswered,
        out: &mut Actions,
    ) -> Option<Outcome> {
        self.hush(id, out);
        if self.has_state(id, State::Up) {
            return None;
        }
        match unanswered {
            Unanswered::Skip => return Some(Outcome::Status("SUCCESS".into())),
            Unanswered::Answer => self.answer_channel(now, id, None, out),
            Unanswered::Early => {
                self.indicate(now, id, Indication::Progress, out);
                self.aim(id, out);
            }
        }
        None
    }

    /// Plays something in the place of what goes on in the background.
    pub(super) fn play_over(&mut self, id: ChannelId, source: SoundSource, out: &mut Actions) -> SoundId {
        self.hush(id, out);
        self.play(id, source, Over::Replaces, out)
    }

    fn play_list(
        &mut self,
        id: ChannelId,
        files: &[String],
        language: Option<&str>,
        what: What,
        out: &mut Actions,
    ) -> Option<Outcome> {
        if files.is_empty() {
            return Some(Outcome::Status("FAILED".into()));
        }
        let source = self.prompts(id, files, language);
        let playing = Some(self.play_over(id, source, out));
        self.wait(id, Doing::Sounding(Box::new(Sounding { playing, until: None, what })))
    }

    /// The beep of `Record`, or its beginning.
    fn start_record(&mut self, id: ChannelId, call: Box<RecordCall>, out: &mut Actions) -> Option<Outcome> {
        let recording = call.quiet;
        let playing = Some(match recording {
            true => self.begin_record(id, &call, out),
            false => {
                let beep = self.prompts(id, &["beep".to_owned()], None);
                self.play_over(id, beep, out)
            }
        });
        let what = What::Record { call, recording, pressed: None };
        self.wait(id, Doing::Sounding(Box::new(Sounding { playing, until: None, what })))
    }

    /// The beep of `Record` is over, or the recording itself.
    fn record_played(&mut self, now: Now, id: ChannelId, end: &SoundEnd, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Doing::Sounding(mut sounding) = std::mem::take(&mut channel.doing) else { return };
        let What::Record { call, recording, pressed } = &mut sounding.what else { return };
        if *recording {
            return self.record_over(now, id, call, *pressed, end);
        }
        *recording = true;
        sounding.playing = Some(self.begin_record(id, call, out));
        self.wait(id, Doing::Sounding(sounding));
    }

    /// One attempt of `Read`.
    fn read_again(
        &mut self,
        now: Now,
        id: ChannelId,
        read: Box<Read>,
        attempt: u32,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let source = match (read.tone, read.files.first()) {
            (true, Some(tone)) => self.tone(id, tone).ok().map(SoundSource::Tones),
            (false, Some(_)) => Some(self.prompts(id, &read.files, None)),
            (_, None) => None,
        };
        let playing = source.map(|source| self.play_over(id, source, out));
        // A tone goes on while digits are waited for; a file is heard to its end first.
        let waits = playing.is_none() || read.tone;
        let until = waits.then(|| now.at + read.timeout.unwrap_or(FIRST_DIGIT));
        let what = What::Read { read, digits: String::new(), attempt };
        self.wait(id, Doing::Sounding(Box::new(Sounding { playing, until, what })));
        // What was pressed before counts.
        while let Some(digit) = self.next_digit(id) {
            self.digit_while_sounding(now, id, digit, out);
            if !matches!(self.calls.channels.get(&id).map(|c| &c.doing), Some(Doing::Sounding(_))) {
                break;
            }
        }
        None
    }

    fn sounding(&mut self, id: ChannelId) -> Option<&mut Sounding> {
        match &mut self.calls.channels.get_mut(&id)?.doing {
            Doing::Sounding(sounding) => Some(sounding),
            _ => None,
        }
    }

    /// Something was played to its end, or could not be.
    pub(super) fn prompt_played(
        &mut self,
        now: Now,
        id: ChannelId,
        sound: SoundId,
        end: SoundEnd,
        out: &mut Actions,
    ) {
        let Some(sounding) = self.sounding(id) else { return };
        if sounding.playing != Some(sound) {
            return;
        }
        if let What::Record { .. } = sounding.what {
            return self.record_played(now, id, &end, out);
        }
        sounding.playing = None;
        let word = if matches!(end, SoundEnd::Failed(_)) { "FAILED" } else { "SUCCESS" };
        match &sounding.what {
            What::Playback | What::Background { .. } => self.resume(id, Outcome::Status(word.into())),
            What::Read { read, digits, .. } => {
                if sounding.until.is_none() {
                    let wait = if digits.is_empty() { FIRST_DIGIT } else { NEXT_DIGIT };
                    sounding.until = Some(now.at + read.timeout.unwrap_or(wait));
                }
                self.calls.touched.insert(id);
            }
            // Music that ends is music that could not be played: the time goes on in silence.
            What::Music | What::Record { .. } => {}
        }
    }

    /// A digit while an application sounds.
    pub(super) fn digit_while_sounding(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        let Some(sounding) = self.sounding(id) else { return };
        let playing = sounding.playing;
        match &mut sounding.what {
            What::Background { only } if interrupts(only.as_deref(), digit) => {
                self.stop_playing(id, playing, out);
                self.resume(id, Outcome::Digit(digit));
            }
            What::Read { read, digits, .. } => {
                let ends = read.terminators.contains(digit);
                if !ends || (read.keep_terminator && digits.is_empty()) {
                    digits.push(digit);
                }
                let full = digits.len() >= read.most;
                let outcome = (ends || full).then(|| read_outcome(read, "OK", digits));
                sounding.until = Some(now.at + read.timeout.unwrap_or(NEXT_DIGIT));
                sounding.playing = None;
                self.stop_playing(id, playing, out);
                self.calls.touched.insert(id);
                if let Some(outcome) = outcome {
                    self.resume(id, outcome);
                }
            }
            What::Record { call, recording: true, pressed }
                if call.terminators.contains(digit) || (call.operator && digit == '0') =>
            {
                *pressed = Some(digit);
                // Its end is told when the file is complete.
                self.stop_playing(id, playing, out);
            }
            _ => {}
        }
    }

    fn stop_playing(&mut self, id: ChannelId, playing: Option<SoundId>, out: &mut Actions) {
        if let Some(sound) = playing {
            self.stop_sound(id, sound, out);
        }
    }

    /// The time of an application that sounds is over.
    pub(super) fn sounding_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Doing::Sounding(sounding) = std::mem::take(&mut channel.doing) else { return };
        let Sounding { playing, what, .. } = *sounding;
        self.stop_playing(id, playing, out);
        match what {
            What::Read { read, digits, attempt } if digits.is_empty() && attempt < read.attempts => {
                self.read_again(now, id, read, attempt + 1, out);
                self.calls.touched.insert(id);
            }
            What::Read { read, digits, .. } => {
                let status = if digits.is_empty() { "TIMEOUT" } else { "OK" };
                self.resume(id, read_outcome(&read, status, &digits));
            }
            What::Music | What::Record { .. } => self.resume(id, Outcome::Done),
            What::Playback | What::Background { .. } => self.resume(id, Outcome::Status("SUCCESS".into())),
        }
    }
}

fn interrupts(only: Option<&str>, digit: char) -> bool {
    only.is_none_or(|only| only.contains(digit))
}

fn read_outcome(read: &Read, status: &str, digits: &str) -> Outcome {
    let set = vec![(read.variable.clone(), digits.to_owned())];
    Outcome::Variables { set, then: Box::new(Outcome::Status(status.into())) }
}
