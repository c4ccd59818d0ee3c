//! What `VoiceMail`, `VoiceMailMain` and `Directory` begin with: mailboxes, option letters, and where digits may lead.

use super::channel::ChannelId;
use super::mail::APP;
use crate::base::limits;
use crate::base::time::Now;
use crate::config::services::Mailbox;
use crate::dialplan::arguments::{letters, nth, split};
use crate::dialplan::{Match, Query};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use crate::voicemail::{
    ByName, Directory, DirectoryCall, Leave, LeaveCall, LeaveOptions, Listen, ListenCall, Mail, MessageFacts,
    folder_of,
};
use std::sync::Arc;
use std::time::Duration;

impl Switch {
    /// `VoiceMail(box[@context][&box…][,options])`
    pub(super) fn leave_call(
        &mut self,
        now: Now,
        id: ChannelId,
        arguments: &str,
        out: &mut Actions,
    ) -> Result<(Mail, bool), String> {
        let parts = split(arguments, ',', 2);
        let all = self.services.clone();
        let boxes = self.boxes_named(nth(&parts, 0), out)?;
        let channel = self.calls.channels.get(&id).ok_or("the channel is gone")?;
        let place = channel.place().ok_or("it has no dialplan")?;
        let mut facts = MessageFacts {
            context: place.context.to_string(),
            exten: place.exten.to_string(),
            priority: place.priority.to_string(),
            rdnis: channel.redirecting.from.number.clone(),
            channel: channel.name.to_string(),
            caller_name: channel.caller.name.clone(),
            caller_number: channel.caller.number.clone(),
            origtime: now.wall.secs(),
            serial: self.rng.next_u64() & 0xffff_ffff,
            ..MessageFacts::default()
        };
        let mut options = LeaveOptions::default();
        let mut exits = (String::new(), String::new());
        for option in letters(nth(&parts, 1)).unwrap_or_else(|read| read) {
            match option.letter {
                'b' => options.busy = true,
                'u' => options.unavail = true,
                's' => options.silent = true,
                'S' => options.silent_after_greeting = true,
                'e' => options.early = true,
                't' => options.tone = Some(option.argument.unwrap_or_default()),
                'U' => facts.flag = "Urgent",
                'P' => facts.flag = "PRIORITY",
                'd' => {
                    let context = option.argument.filter(|context| !context.is_empty());
                    exits.0 = context.unwrap_or_else(|| place.context.to_string());
                    exits.1 = self.digits_of(now, &exits.0);
                }
                'g' => {}
                other => self
                    .ears
                    .log(out, Level::Warning, APP, || format!("VoiceMail: there is no option '{other}'")),
            }
        }
        let (early, exit) = (options.early, &boxes[0].options.exit_context);
        let context = if exit.is_empty() { place.context.to_string() } else { exit.clone() };
        let call = LeaveCall {
            options,
            settings: all.voicemail.settings.clone(),
            facts,
            has_operator: self.has_exten(now, &context, "o"),
            has_attendant: self.has_exten(now, &context, "a"),
            exits,
            unique: format!("{}-{:x}", now.wall.secs(), self.rng.next_u64()),
            boxes,
        };
        Ok((Mail::Leave(Box::new(Leave::new(call))), early))
    }

    /// The mailboxes that a message goes to.
    fn boxes_named(&mut self, names: &str, out: &mut Actions) -> Result<Vec<Arc<Mailbox>>, String> {
        let all = self.services.clone();
        let mut boxes: Vec<Arc<Mailbox>> = Vec::new();
        for full in names.split('&').take(limits::VOICEMAIL_COPIES) {
            match all.voicemail.find_full(full) {
                Some(mailbox) => boxes.push(mailbox.clone()),
                None if boxes.is_empty() => {
                    return Err(format!("there is no mailbox '{full}' in voicemail.conf"));
                }
                None => self.ears.log(out, Level::Warning, APP, || {
                    format!("VoiceMail: there is no mailbox '{full}' to copy to")
                }),
            }
        }
        let named = names.split('&').count();
        if named > limits::VOICEMAIL_COPIES {
            self.ears.log(out, Level::Warning, APP, || {
                format!(
                    "VoiceMail: {named} mailboxes are named; only the first {} get the message. Call VoiceMail again for the rest",
                    limits::VOICEMAIL_COPIES
                )
            });
        }
        Ok(boxes)
    }

    /// `VoiceMailMain([box][@context][,options])`
    pub(super) fn listen_call(
        &mut self,
        now: Now,
        id: ChannelId,
        arguments: &str,
        out: &mut Actions,
    ) -> Result<(Mail, bool), String> {
        let parts = split(arguments, ',', 2);
        let (mailbox, context) = nth(&parts, 0).trim().split_once('@').unwrap_or((nth(&parts, 0).trim(), ""));
        let context = if context.is_empty() { "default" } else { context };
        let all = self.services.clone();
        let boxes = all.voicemail.contexts.get(context).cloned();
        let own = self.calls.channels.get(&id).and_then(|channel| channel.place());
        let own = own.ok_or("it has no dialplan")?;
        let mut call = ListenCall {
            mailbox: mailbox.to_owned(),
            is_prefix: false,
            skips_password: false,
            plays: None,
            has_attendant: self.has_exten(now, &own.context, "a"),
            boxes: boxes.ok_or_else(|| format!("voicemail.conf has no context '{context}'"))?,
            zones: all.voicemail.zones.clone(),
            changed: self.calls.passwords.clone(),
            settings: all.voicemail.settings.clone(),
            unique: format!("{}-{:x}", now.wall.secs(), self.rng.next_u64()),
        };
        for option in letters(nth(&parts, 1)).unwrap_or_else(|read| read) {
            match option.letter {
                'p' => call.is_prefix = true,
                's' => call.skips_password = true,
                'a' => {
                    let folder = option.argument.unwrap_or_default();
                    call.plays = folder_of(if folder.is_empty() { "INBOX" } else { &folder });
                    if call.plays.is_none() {
                        self.ears.log(out, Level::Warning, APP, || {
                            format!("VoiceMailMain: there is no folder '{folder}'")
                        });
                    }
                }
                'g' => {}
                other => self.ears.log(out, Level::Warning, APP, || {
                    format!("VoiceMailMain: option '{other}' is not obeyed by this version")
                }),
            }
        }
        Ok((Mail::Listen(Box::new(Listen::new(call))), false))
    }

    /// `Directory([context[,dial context[,options]]])`
    pub(super) fn directory_call(
        &mut self,
        now: Now,
        id: ChannelId,
        arguments: &str,
        out: &mut Actions,
    ) -> Result<(Mail, bool), String> {
        let parts = split(arguments, ',', 3);
        let own = self.calls.channels.get(&id).and_then(|channel| channel.place());
        let own = own.ok_or("it has no dialplan")?.context.to_string();
        let named = |at: usize, usual: &str| match nth(&parts, at).trim() {
            "" => usual.to_owned(),
            given => given.to_owned(),
        };
        let (context, dialled) = (named(0, "default"), named(1, &own));
        let boxes = self.services.voicemail.contexts.get(&context).cloned();
        let mut call = DirectoryCall {
            boxes: boxes.ok_or_else(|| format!("voicemail.conf has no context '{context}'"))?,
            by: ByName::Last,
            letters: 3,
            says_exten: false,
            only_tells: false,
            silent_line: false,
            pause: Duration::ZERO,
            has_operator: self.has_exten(now, &dialled, "o"),
            has_attendant: self.has_exten(now, &dialled, "a"),
            context: dialled,
        };
        for option in letters(nth(&parts, 2)).unwrap_or_else(|read| read) {
            let number = option.argument.as_deref().and_then(|text| text.trim().parse::<u32>().ok());
            let mut found_by = |by| {
                call.by = by;
                let letters = number.and_then(|letters| usize::try_from(letters).ok());
                call.letters =
                    letters.filter(|letters| *letters > 0).unwrap_or(3).min(limits::CHANNEL_DIGITS);
            };
            match option.letter {
                'b' => found_by(ByName::Both),
                'f' => found_by(ByName::First),
                'l' => found_by(ByName::Last),
                'e' => call.says_exten = true,
                'n' => call.silent_line = true,
                'p' => call.pause = Duration::from_millis(u64::from(number.unwrap_or(0).min(60_000))),
                's' => call.only_tells = true,
                other => self.ears.log(out, Level::Warning, APP, || {
                    format!("Directory: option '{other}' is not obeyed by this version")
                }),
            }
        }
        let early = call.silent_line;
        Ok((Mail::Directory(Box::new(Directory::new(call))), early))
    }

    fn has_exten(&self, now: Now, context: &str, exten: &str) -> bool {
        self.calls.plan.find(Query { context, exten, caller: "", now: now.wall }) == Match::Found
    }

    /// Digits that are extensions of a context.
    fn digits_of(&self, now: Now, context: &str) -> String {
        "0123456789*#".chars().filter(|digit| self.has_exten(now, context, &digit.to_string())).collect()
    }
}
