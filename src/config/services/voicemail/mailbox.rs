//! One mailbox, and the options that `[general]` gives to all and each may have of its own.

use super::super::conference::{NotSet, number, truth, unknown};
use crate::base::limits;
use std::time::Duration;

/// `100 => 4711,Alice,alice@example.org,pager@example.org,tz=central|review=yes`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its context.
    pub context: String,
    /// Its name, mostly a number.
    pub name: String,
    /// What its owner must dial; empty: nothing.
    pub password: String,
    /// Written with `-` before it: its owner cannot change it.
    pub fixed_password: bool,
    /// Its owner.
    pub fullname: String,
    /// Where messages are told, and sent to; several with `|`. Empty for nowhere.
    pub email: String,
    /// Where a short notice is sent; empty for nowhere.
    pub pager: String,
    /// Options.
    pub options: MailboxOptions,
    /// File and line where it stands.
    pub place: (String, u32),
}

/// Options of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxOptions {
    /// `attach`: the message is attached to the mail.
    pub attach: bool,
    /// `delete`: a message that was mailed is not kept.
    pub delete: bool,
    /// `review`: callers may hear what they said, and say it again.
    pub review: bool,
    /// `operator`: `0` leads to the operator while leaving a message.
    pub operator: bool,
    /// `saycid`: who called is said before a message.
    pub saycid: bool,
    /// `envelope`: when it came is said before a message.
    pub envelope: bool,
    /// `sayduration` and `saydurationm`: how long it is is said, from so many minutes on.
    pub sayduration: Option<u32>,
    /// `moveheard`: what was heard is moved to folder Old.
    pub moveheard: bool,
    /// `messagewrap`: the first message follows the last.
    pub wrap: bool,
    /// `nextaftercmd`: the next message follows one that was deleted or saved.
    pub next_after: bool,
    /// `tempgreetwarn`: its owner is reminded of a temporary greeting.
    pub warns_temporary: bool,
    /// `hidefromdir`: the directory does not know its owner.
    pub hidden: bool,
    /// `maxmsg`: messages of one folder; 0: callers are greeted, and leave nothing.
    pub maxmsg: usize,
    /// `maxsecs` (`maxmessage`): the longest message.
    pub most: Option<Duration>,
    /// `minsecs` (`minmessage`): a shorter message is not kept.
    pub least: Duration,
    /// `tz`: an entry of `[zonemessages]`; empty for local time.
    pub zone: String,
    /// `exitcontext`: where `0` and `*` lead; empty: where the dialplan is.
    pub exit_context: String,
    /// `serveremail`: who sends its mails; empty: as in `[general]`.
    pub server_email: String,
}

impl Default for MailboxOptions {
    /// Asterisk's defaults.
    fn default() -> MailboxOptions {
        MailboxOptions {
            attach: true,
            delete: false,
            review: false,
            operator: false,
            saycid: false,
            envelope: true,
            sayduration: Some(2),
            moveheard: true,
            wrap: false,
            next_after: false,
            warns_temporary: false,
            hidden: false,
            maxmsg: 100,
            most: None,
            least: Duration::ZERO,
            zone: String::new(),
            exit_context: String::new(),
            server_email: String::new(),
        }
    }
}

/// Options that stand in `[general]` and in a mailbox's line.
pub(super) const OPTIONS: &[&str] = &[
    "attach",
    "delete",
    "review",
    "operator",
    "saycid",
    "envelope",
    "sayduration",
    "saydurationm",
    "moveheard",
    "messagewrap",
    "nextaftercmd",
    "tempgreetwarn",
    "hidefromdir",
    "maxmsg",
    "maxsecs",
    "maxmessage",
    "minsecs",
    "minmessage",
    "tz",
    "exitcontext",
    "serveremail",
];

/// What Asterisk has and we do not: what happens instead.
const LATER: &[(&str, &str)] = &[
    ("forcename", "nobody is made to record a name"),
    ("forcegreetings", "nobody is made to record greetings"),
    ("sendvoicemail", "the owner of a mailbox sends no messages but those he forwards"),
    ("callback", "nobody is called back out of a mailbox"),
    ("dialout", "nobody is called out of a mailbox"),
    ("usedirectory", "a mailbox to forward to is dialled by its number"),
    ("volgain", "mails have messages as loud as they are"),
    ("attachfmt", "mails have the format that is kept"),
    ("emailsubject", "all mailboxes have that of [general]"),
    ("emailbody", "all mailboxes have that of [general]"),
    ("language", "prompts are in the channel's language"),
    ("locale", "mails are in English"),
    ("backupdeleted", "what is deleted is gone"),
    ("alias", "a mailbox has one name"),
    ("cidinternalcontexts", "callers are said by their numbers"),
    ("leaveurgent", "callers cannot mark messages as urgent; VoiceMail's option U does"),
];

impl MailboxOptions {
    /// Sets an option; `None` when it is none of a mailbox.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Option<Result<(), NotSet>> {
        if name == "emailsubject" || name == "emailbody" {
            return None;
        }
        self.put(name, value.trim()).transpose()
    }

    fn put(&mut self, name: &str, value: &str) -> Result<Option<()>, NotSet> {
        let secs = || number(value).map(|secs| Duration::from_secs(u64::from(secs)));
        match name.to_ascii_lowercase().as_str() {
            "attach" => self.attach = truth(value)?,
            "delete" => self.delete = truth(value)?,
            "review" => self.review = truth(value)?,
            "operator" => self.operator = truth(value)?,
            "saycid" => self.saycid = truth(value)?,
            "envelope" => self.envelope = truth(value)?,
            "sayduration" => {
                self.sayduration = truth(value)?.then(|| self.sayduration.unwrap_or(2));
            }
            "saydurationm" => self.sayduration = Some(number(value)?),
            "moveheard" => self.moveheard = truth(value)?,
            "messagewrap" => self.wrap = truth(value)?,
            "nextaftercmd" => self.next_after = truth(value)?,
            "tempgreetwarn" => self.warns_temporary = truth(value)?,
            "hidefromdir" => self.hidden = truth(value)?,
            "maxmsg" => {
                let most = number(value)? as usize;
                if most > limits::VOICEMAIL_MESSAGES {
                    let why = format!("a folder has at most {} messages", limits::VOICEMAIL_MESSAGES);
                    return Err(NotSet::Value(why));
                }
                self.maxmsg = most;
            }
            "maxsecs" | "maxmessage" => self.most = Some(secs()?).filter(|most| !most.is_zero()),
            "minsecs" | "minmessage" => self.least = secs()?,
            "tz" => self.zone = value.to_owned(),
            "exitcontext" => self.exit_context = value.to_owned(),
            "serveremail" => self.server_email = value.to_owned(),
            other => {
                let Some((_, instead)) = LATER.iter().find(|(later, _)| *later == other) else {
                    return Ok(None);
                };
                return if truth(value) == Ok(false) { Ok(Some(())) } else { Err(NotSet::Later(instead)) };
            }
        }
        Ok(Some(()))
    }
}

impl Mailbox {
    /// Reads the line of a mailbox; what is wrong in it costs the option only.
    pub(super) fn parse(
        (context, name): (&str, &str),
        line: &str,
        (common, place): (&MailboxOptions, (String, u32)),
        say: &mut impl FnMut(&str, NotSet),
    ) -> Mailbox {
        let mut parts = line.splitn(5, ',').map(str::trim);
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (password, fullname, email, pager, options) = (part(), part(), part(), part(), part());
        let fixed_password = password.starts_with('-');
        let mut mailbox = Mailbox {
            context: context.to_owned(),
            name: name.to_owned(),
            password: password.trim_start_matches('-').to_owned(),
            fixed_password,
            fullname,
            email,
            pager,
            options: common.clone(),
            place,
        };
        for option in options.split('|').map(str::trim).filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let set = match name.trim() {
                named @ ("emailsubject" | "emailbody") => {
                    let later = LATER.iter().find(|(later, _)| *later == named);
                    Err(NotSet::Later(later.map_or("", |(_, instead)| instead)))
                }
                other => mailbox.options.set(other, value).unwrap_or_else(|| Err(unknown(other, OPTIONS))),
            };
            if let Err(why) = set {
                say(name, why);
            }
        }
        mailbox
    }

    /// `box@context`
    pub fn full_name(&self) -> String {
        format!("{}@{}", self.name, self.context)
    }
}
