//! What `VoiceMail` and `VoiceMailMain` begin with: mailboxes, option letters, and where digits may lead.

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
use crate::voicemail::{Leave, LeaveCall, LeaveOptions, Listen, ListenCall, Mail, MessageFacts, folder_of};
use std::sync::Arc;

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
        let mut boxes: Vec<Arc<Mailbox>> = Vec::new();
        for full in nth(&parts, 0).split('&').take(limits::VOICEMAIL_COPIES) {
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

    fn has_exten(&self, now: Now, context: &str, exten: &str) -> bool {
        self.calls.plan.find(Query { context, exten, caller: "", now: now.wall }) == Match::Found
    }

    /// Digits that are extensions of a context.
    fn digits_of(&self, now: Now, context: &str) -> String {
        "0123456789*#".chars().filter(|digit| self.has_exten(now, context, &digit.to_string())).collect()
    }
}
