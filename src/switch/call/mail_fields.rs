//! `MAILBOX_EXISTS()`, `VM_INFO()`, `VMCOUNT()`, and what `voicemail show …` tells.

use super::functions::{Answer, failed};
use super::host::ChannelHost;
use crate::config::services::Mailbox;
use crate::dialplan::arguments::{nth, split};
use crate::pubsub::Counts;
use crate::switch::Switch;
use crate::switch::view::{Reply, VoicemailOrder};
use std::fmt::Write as _;

impl ChannelHost<'_> {
    /// `None` when it is none of these functions.
    pub(super) fn read_mailbox(&self, function: &str, arguments: &str) -> Option<Answer> {
        let parts = split(arguments, ',', 3);
        let part = |at| nth(&parts, at).trim();
        let found = self.switch.services.voicemail.find_full(part(0));
        Some(match function {
            "MAILBOX_EXISTS" => Ok(u8::from(found.is_some()).to_string()),
            "VMCOUNT" => match found {
                // Several of them count together.
                _ if part(0).contains('&') => {
                    let all = part(0).split('&').map(|full| self.counted(full.trim(), part(1)));
                    let sum: Result<u32, _> = all.sum();
                    sum.map(|sum| sum.to_string())
                }
                _ => self.counted(part(0), part(1)).map(|count| count.to_string()),
            },
            "VM_INFO" => self.mailbox_info(found.map(|found| &**found), part(0), (part(1), part(2))),
            _ => return None,
        })
    }

    fn mailbox_info(&self, found: Option<&Mailbox>, full: &str, (what, folder): (&str, &str)) -> Answer {
        if what == "exists" {
            return Ok(u8::from(found.is_some()).to_string());
        }
        let Some(mailbox) = found else { return Err(failed(format!("there is no mailbox '{full}'"))) };
        match what {
            "count" => self.counted(full, folder).map(|count| count.to_string()),
            "email" => Ok(mailbox.email.clone()),
            "fullname" => Ok(mailbox.fullname.clone()),
            "pager" => Ok(mailbox.pager.clone()),
            "password" => {
                let changed = self.switch.calls.passwords.get(&mailbox.full_name());
                Ok(changed.unwrap_or(&mailbox.password).clone())
            }
            "tz" => Ok(mailbox.options.zone.clone()),
            "language" | "locale" => Ok(String::new()),
            other => Err(failed(format!(
                "'{other}': count, email, exists, fullname, language, locale, pager, password or tz is asked for"
            ))),
        }
    }

    /// Messages of a folder; those of INBOX and Old are known here, others are not.
    fn counted(&self, full: &str, folder: &str) -> Result<u32, crate::dialplan::host::Unavailable> {
        let counts = self.switch.counted_messages(full);
        match folder.to_ascii_lowercase().as_str() {
            "" | "inbox" => Ok(counts.new),
            "old" => Ok(counts.old),
            other => Err(failed(format!("messages of folder '{other}' are not counted by this version"))),
        }
    }
}

impl Switch {
    fn counted_messages(&self, full: &str) -> Counts {
        self.counts_of_mailbox(&crate::pubsub::mailbox::full_name(full))
    }

    /// `voicemail show users|zones`, in Asterisk's columns.
    pub(in crate::switch) fn voicemail_order(&self, order: &VoicemailOrder) -> Reply {
        let all = &self.services.voicemail;
        let mut text = String::new();
        match order {
            VoicemailOrder::Users { context } => {
                let wanted = |mailbox: &&std::sync::Arc<Mailbox>| {
                    context.as_ref().is_none_or(|context| *context == mailbox.context)
                };
                if all.all().next().is_none() {
                    return Reply::Done("There are no voicemail users currently defined".to_owned());
                }
                if let Some(context) = context
                    && !all.contexts.contains_key(context)
                {
                    return Reply::Refused(format!("No such voicemail context \"{context}\""));
                }
                // Writing to a String cannot fail.
                let mut row = |cells: [&str; 5]| {
                    let [context, name, user, zone, new] = cells;
                    let _ = writeln!(text, "{context:<10} {name:<5} {user:<25} {zone:<10} {new:>6}");
                };
                row(["Context", "Mbox", "User", "Zone", "NewMsg"]);
                let mut count = 0;
                for mailbox in all.all().filter(wanted) {
                    let new = self.counted_messages(&mailbox.full_name()).new.to_string();
                    let zone = &mailbox.options.zone;
                    row([&mailbox.context, &mailbox.name, &mailbox.fullname, zone, &new]);
                    count += 1;
                }
                let _ = write!(text, "{count} voicemail users configured.");
            }
            VoicemailOrder::Zones => {
                if all.zones.is_empty() {
                    return Reply::Done("There are no voicemail zones currently defined".to_owned());
                }
                let _ = write!(text, "{:<15} {:<20} {:<45}", "Zone", "Timezone", "Message Format");
                for (name, zone) in all.zones.iter() {
                    let _ = write!(text, "\n{name:<15} {:<20} {:<45}", zone.timezone, zone.format);
                }
            }
        }
        Reply::Done(text)
    }
}
