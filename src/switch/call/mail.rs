//! `VoiceMail`, `VoiceMailMain`, `Directory`, `MailboxExists`: a call and its machine of [`crate::voicemail`]. What the machine wants
//! said is played, what it wants written is ordered of the thread of the mailboxes.
//!
//! Who hangs up while he speaks leaves his message all the same: the machine waits, without a channel, until the
//! recording is complete.

use super::channel::{ChannelId, Doing};
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::bridge::{Record, RecordPlace, Sides, SoundEnd, SoundId};
use crate::dialplan::action::Indication;
use crate::dialplan::arguments::{nth, split};
use crate::dialplan::sound::number_files;
use crate::dialplan::{Outcome, Place};
use crate::pubsub::Counts;
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use crate::voicemail::{Answer, Do, End, Input, Mail, Order, Prompt, RecordEnd, Told};
use std::collections::VecDeque;

pub(super) const APP: &str = "app_voicemail.c";

/// A call in one of the applications.
#[derive(Debug)]
pub(super) struct Mailing {
    mail: Mail,
    /// What plays, or is recorded.
    sound: Option<(SoundId, Sound)>,
    /// When it goes on by itself.
    pub until: Option<Moment>,
    /// A password that is being written.
    password: Option<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sound {
    Plays,
    Records,
}

impl Switch {
    pub(super) fn mail_application(
        &mut self,
        now: Now,
        id: ChannelId,
        (name, arguments): (&str, &str),
        out: &mut Actions,
    ) -> Option<Outcome> {
        if name == "MailboxExists" {
            let full = split(arguments, ',', 2);
            let found = self.services.voicemail.find_full(nth(&full, 0)).is_some();
            return Some(Outcome::Status(if found { "SUCCESS" } else { "FAILED" }.to_owned()));
        }
        let begun = match name {
            "VoiceMail" => self.leave_call(now, id, arguments, out),
            "Directory" => self.directory_call(now, id, arguments, out),
            _ => self.listen_call(now, id, arguments, out),
        };
        let (mail, early) = match begun {
            Ok(begun) => begun,
            Err(why) => {
                let channel = self.calls.channels.get(&id).map(|c| c.name.clone()).unwrap_or_default();
                self.ears.log(out, Level::Warning, APP, || format!("{channel}: {name}({arguments}): {why}"));
                return Some(Outcome::Status("FAILED".to_owned()));
            }
        };
        self.transfer_progress(now, id, 200, out);
        self.hush(id, out);
        if early {
            self.indicate(now, id, Indication::Progress, out);
            self.aim(id, out);
        }
        let mut mailing = Box::new(Mailing { mail, sound: None, until: None, password: None });
        let steps = mailing.mail.start();
        self.wait(id, Doing::Mail(mailing));
        self.mail_steps(now, id, steps, out);
        None
    }

    fn mailing(&mut self, id: ChannelId) -> Option<&mut Mailing> {
        match &mut self.calls.channels.get_mut(&id)?.doing {
            Doing::Mail(mailing) => Some(mailing),
            _ => None,
        }
    }

    /// The machine hears something, and what it wants is done.
    fn mail_hears(&mut self, now: Now, id: ChannelId, input: Input, out: &mut Actions) {
        let Some(mailing) = self.mailing(id) else { return };
        mailing.until = None;
        let steps = mailing.mail.hear(now.at, input);
        self.mail_steps(now, id, steps, out);
    }

    fn mail_steps(&mut self, now: Now, id: ChannelId, steps: Vec<Do>, out: &mut Actions) {
        let mut steps = VecDeque::from(steps);
        // A machine that has nothing to say goes on at once; each time it does, it comes nearer to a wait or its end.
        while let Some(step) = steps.pop_front() {
            match step {
                Do::Answer => self.answer_channel(now, id, None, out),
                Do::Play(prompts) => {
                    let files: Vec<String> = prompts.into_iter().flat_map(files_of).collect();
                    if files.is_empty() {
                        let Some(mailing) = self.mailing(id) else { return };
                        steps.extend(mailing.mail.hear(now.at, Input::Played));
                        continue;
                    }
                    self.mail_silence(id, out);
                    let source = self.prompts(id, &files, None);
                    let sound = self.play_over(id, source, out);
                    if let Some(channel) = self.calls.channels.get_mut(&id) {
                        // Most of them nobody named: without the sound packages there are none.
                        channel.sound.not_missed(sound);
                    }
                    if let Some(mailing) = self.mailing(id) {
                        mailing.sound = Some((sound, Sound::Plays));
                    }
                }
                Do::Record { file, most, silence } => {
                    let record = Record {
                        path: file.into(),
                        // Its whole path is named.
                        place: RecordPlace::Monitor,
                        sides: Sides::Heard,
                        append: false,
                        only_bridged: false,
                        silence,
                        most,
                        beep: None,
                        volumes: (0, 0),
                        then: None,
                        lost_unended: false,
                    };
                    let sound = self.record(id, record, out);
                    if let Some(mailing) = self.mailing(id) {
                        mailing.sound = Some((sound, Sound::Records));
                    }
                }
                Do::Stop => self.mail_silence(id, out),
                Do::Wait(time) => {
                    if let Some(mailing) = self.mailing(id) {
                        mailing.until = Some(now.at + time);
                    }
                }
                Do::Order(order) => {
                    if let (Order::Password { mailbox, password, .. }, Some(mailing)) =
                        (&order, self.mailing(id))
                    {
                        mailing.password = Some((mailbox.full_name(), password.clone()));
                    }
                    out.queue.push(Action::Mail { token: id.0, order: Box::new(order) });
                }
                Do::End(end) => return self.mail_over(now, id, end, out),
            }
        }
        self.calls.touched.insert(id);
    }

    /// What plays is stopped and forgotten; a recording is stopped, and its end is waited for.
    fn mail_silence(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(mailing) = self.mailing(id) else { return };
        mailing.until = None;
        let Some((sound, kind)) = mailing.sound else { return };
        if kind == Sound::Plays {
            mailing.sound = None;
        }
        self.stop_sound(id, sound, out);
    }

    fn mail_over(&mut self, now: Now, id: ChannelId, end: End, out: &mut Actions) {
        self.mail_silence(id, out);
        match end {
            End::Status(word) => self.resume(id, Outcome::Status(word.to_owned())),
            End::Told { variable, value, result } => {
                let set = vec![(variable.to_owned(), value)];
                let then = Box::new(Outcome::Status(result.to_owned()));
                self.resume(id, Outcome::Variables { set, then });
            }
            End::Exit { exten, context, result } => {
                let variable = self.mailing(id).map_or("VMSTATUS", |mailing| mailing.mail.result_variable());
                let Some(channel) = self.calls.channels.get_mut(&id) else { return };
                channel.doing = Doing::Nothing;
                let own = channel.place().map(|place| place.context.to_string()).unwrap_or_default();
                let context = if context.is_empty() { own } else { context };
                if let Some(program) = &mut channel.program {
                    // A channel with as many variables as it may have goes without.
                    let _ = program.set_variable(variable, result);
                }
                self.send_to(now, id, Place::new(&context, &exten, 1), out);
            }
        }
    }

    pub(super) fn mail_digit(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        let waits = self.mailing(id).is_some_and(|mailing| mailing.mail.waits_for_answer());
        if !waits {
            return self.mail_hears(now, id, Input::Digit(digit), out);
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.digits.len() < limits::CHANNEL_DIGITS {
            channel.digits.push(digit);
        }
    }

    pub(super) fn mail_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        self.mail_hears(now, id, Input::TimedOut, out);
    }

    /// A sound of the machine's is over.
    pub(super) fn mail_played(
        &mut self,
        now: Now,
        id: ChannelId,
        sound: SoundId,
        end: &SoundEnd,
        out: &mut Actions,
    ) {
        let Some(mailing) = self.mailing(id) else { return };
        let Some((_, kind)) = mailing.sound.filter(|(own, _)| *own == sound) else { return };
        mailing.sound = None;
        let input = match kind {
            Sound::Plays => Input::Played,
            Sound::Records => Input::Recorded(recorded(end)),
        };
        self.mail_hears(now, id, input, out);
    }

    /// The thread of the mailboxes says something.
    pub(in crate::switch) fn mail_told(
        &mut self,
        now: Now,
        token: Option<u64>,
        told: Told,
        out: &mut Actions,
    ) {
        for why in told.said {
            self.ears.log(out, Level::Warning, APP, || why);
        }
        let counts = told.counts.into_iter();
        let counts = counts.map(|count| (count.mailbox, Counts { new: count.new, old: count.old }));
        self.mailboxes_seen(now, counts.collect(), out);
        let (Some(token), Some(answer)) = (token, told.answer) else { return };
        let id = ChannelId(token);
        let password = self.mailing(id).and_then(|mailing| mailing.password.take());
        if let (Some((mailbox, password)), Answer::Done) = (password, &answer) {
            self.calls.passwords.insert(mailbox, password);
        }
        self.mail_hears(now, id, Input::Answer(answer), out);
        // What was pressed meanwhile comes now.
        while self.mailing(id).is_some_and(|mailing| !mailing.mail.waits_for_answer())
            && let Some(digit) = self.next_digit(id)
        {
            self.mail_hears(now, id, Input::Digit(digit), out);
        }
        self.settle(now, out);
    }

    /// The caller goes: what he said is kept when its file is complete.
    pub(super) fn leave_mail(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if !matches!(channel.doing, Doing::Mail(_)) {
            return;
        }
        let Doing::Mail(mut mailing) = std::mem::take(&mut channel.doing) else { return };
        let result = mailing.mail.result_of_hangup(now.at);
        if let (Some((variable, word)), Some(program)) = (result, &mut channel.program) {
            // Its `h` extension sees how it ended; a channel with as many variables as it may have goes without.
            let _ = program.set_variable(variable, word);
        }
        for step in mailing.mail.hear(now.at, Input::HungUp) {
            if let Do::Order(order) = step {
                out.queue.push(Action::Mail { token: id.0, order: Box::new(order) });
            }
        }
        let Some((sound, kind)) = mailing.sound else { return };
        self.stop_sound(id, sound, out);
        if kind == Sound::Records {
            self.calls.completing.insert(sound, *mailing);
        }
    }

    /// A recording is complete whose caller is gone.
    pub(super) fn mail_completed(&mut self, now: Now, sound: SoundId, end: &SoundEnd, out: &mut Actions) {
        let Some(mut mailing) = self.calls.completing.remove(&sound) else { return };
        for step in mailing.mail.hear(now.at, Input::Recorded(recorded(end))) {
            if let Do::Order(order) = step {
                // No channel has this number: nobody waits for the answer.
                out.queue.push(Action::Mail { token: u64::MAX, order: Box::new(order) });
            }
        }
    }

    /// `voicemail.conf` was read again: it has the passwords that were written into it.
    pub(super) fn forget_passwords(&mut self) {
        self.calls.passwords.clear();
    }
}

impl super::Calls {
    /// Whether no message waits for its recording to be complete.
    pub fn no_message_waits(&self) -> bool {
        self.completing.is_empty()
    }
}

fn recorded(end: &SoundEnd) -> RecordEnd {
    match end {
        SoundEnd::Done | SoundEnd::Stopped => RecordEnd::Done,
        SoundEnd::Silence => RecordEnd::Silence,
        SoundEnd::Failed(_) => RecordEnd::Failed,
    }
}

fn files_of(prompt: Prompt) -> Vec<String> {
    match prompt {
        Prompt::File(name) => vec![name],
        Prompt::Number(number) => number_files(i64::try_from(number).unwrap_or(i64::MAX)),
        Prompt::Digits(digits) => digits
            .chars()
            .filter_map(|digit| match digit {
                '0'..='9' => Some(format!("digits/{digit}")),
                '*' => Some("digits/star".to_owned()),
                '#' => Some("digits/pound".to_owned()),
                _ => None,
            })
            .collect(),
    }
}
