//! `[general]` of `voicemail.conf`: what is no option of a single mailbox.

use super::super::conference::{NotSet, number, truth, unknown};
use super::mailbox::OPTIONS as OF_BOXES;
use crate::codec::wav::FileFormat;
use std::time::Duration;

/// `[general]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoicemailSettings {
    /// `format`: the first one that is written here.
    pub extension: String,
    /// `maxsilence`: so much silence ends a message.
    pub silence: Option<Duration>,
    /// `maxgreet`: the longest greeting.
    pub longest_greeting: Option<Duration>,
    /// `maxlogins`
    pub logins: u32,
    /// `minpassword`: digits of a new password at least.
    pub least_password: usize,
    /// `passwordlocation`
    pub passwords: PasswordPlace,
    /// `externnotify`: a program that is run when the messages of a mailbox changed; empty for none.
    pub notify: String,
    /// What mails say.
    pub letters: MailLetters,
}

/// Where a new password is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordPlace {
    /// Into the mailbox's line of `voicemail.conf`.
    #[default]
    Conf,
    /// `spooldir`: into `secret.conf` in the mailbox's directory.
    Spool,
}

/// How mails are made. In texts, `${VM_NAME}` and its relatives are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailLetters {
    /// `mailcmd`: gets the mail.
    pub command: String,
    /// `serveremail`: an address, or its user part.
    pub from: String,
    /// `fromstring`
    pub from_name: String,
    /// `emailsubject`; empty for the usual one.
    pub subject: String,
    /// `emailbody`; empty for the usual one.
    pub body: String,
    /// `emaildateformat`
    pub date: String,
    /// `pbxskip`: the usual subject does not begin with `[PBX]:`.
    pub pbxskip: bool,
    /// `pagerfromstring`
    pub pager_from_name: String,
    /// `pagersubject`; empty for the usual one.
    pub pager_subject: String,
    /// `pagerbody`; empty for the usual one.
    pub pager_body: String,
    /// `pagerdateformat`
    pub pager_date: String,
}

impl Default for VoicemailSettings {
    /// Asterisk's defaults.
    fn default() -> VoicemailSettings {
        const DATE: &str = "%A, %B %d, %Y at %r";
        VoicemailSettings {
            extension: "wav".to_owned(),
            silence: None,
            longest_greeting: None,
            logins: 3,
            least_password: 0,
            passwords: PasswordPlace::Conf,
            notify: String::new(),
            letters: MailLetters {
                command: "/usr/sbin/sendmail -t".to_owned(),
                from: "asterisk".to_owned(),
                from_name: "The Asterisk PBX".to_owned(),
                subject: String::new(),
                body: String::new(),
                date: DATE.to_owned(),
                pbxskip: false,
                pager_from_name: "The Asterisk PBX".to_owned(),
                pager_subject: String::new(),
                pager_body: String::new(),
                pager_date: DATE.to_owned(),
            },
        }
    }
}

const OPTIONS: &[&str] = &[
    "format",
    "maxsilence",
    "silencethreshold",
    "maxgreet",
    "maxlogins",
    "minpassword",
    "passwordlocation",
    "externnotify",
    "mailcmd",
    "fromstring",
    "emailsubject",
    "emailbody",
    "emaildateformat",
    "charset",
    "pbxskip",
    "pagerfromstring",
    "pagersubject",
    "pagerbody",
    "pagerdateformat",
];

/// What Asterisk has and we do not: what happens instead.
const LATER: &[(&str, &str)] = &[
    ("skipms", "there is no skipping within a message"),
    ("pollmailboxes", "the spool is looked at every second in any case"),
    ("pollfreq", "the spool is looked at every second"),
    ("externpass", "a new password is written by this server"),
    ("externpassnotify", "nobody is told of a new password"),
    ("externpasscheck", "a new password is judged by minpassword only"),
    ("searchcontexts", "a mailbox without a context is in default"),
    ("userscontext", "users.conf is not read"),
    ("aliasescontext", "a mailbox has one name"),
    ("forward_urgent_auto", "a forwarded message is not urgent"),
    ("directoryintro", "the directory begins with its usual prompts"),
    ("smdienable", "there is no SMDI"),
    ("smdiport", "there is no SMDI"),
    ("odbcstorage", "messages are files"),
    ("odbctable", "messages are files"),
    ("odbc_audio_on_disk", "messages are files"),
    ("imapserver", "messages are files"),
    ("imapport", "messages are files"),
    ("imapflags", "messages are files"),
    ("imapfolder", "messages are files"),
    ("imapgreetings", "messages are files"),
    ("imapparentfolder", "messages are files"),
    ("greetingsfolder", "messages are files"),
    ("authuser", "messages are files"),
    ("authpassword", "messages are files"),
    ("expungeonhangup", "messages are files"),
    ("adsifdn", "there is no ADSI"),
    ("adsisec", "there is no ADSI"),
    ("adsiver", "there is no ADSI"),
    ("vm-password", "prompts have their usual names"),
    ("vm-newpassword", "prompts have their usual names"),
    ("vm-passchanged", "prompts have their usual names"),
    ("vm-reenterpassword", "prompts have their usual names"),
    ("vm-mismatch", "prompts have their usual names"),
    ("vm-invalid-password", "prompts have their usual names"),
    ("vm-pls-try-again", "prompts have their usual names"),
    ("listen-control-forward-key", "there is no skipping within a message"),
    ("listen-control-reverse-key", "there is no skipping within a message"),
    ("listen-control-pause-key", "there is no pausing within a message"),
    ("listen-control-restart-key", "5 repeats a message"),
    ("listen-control-stop-key", "every command ends the playing of a message"),
    ("maxmessage_review", "there is one limit of length"),
];

/// It is no option of `[general]`.
pub(super) fn unknown_option(name: &str) -> NotSet {
    let all: Vec<&'static str> = OPTIONS.iter().chain(OF_BOXES).copied().collect();
    unknown(name, &all)
}

impl VoicemailSettings {
    /// Sets an option; `None` when it is none.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Option<Result<(), NotSet>> {
        self.put(&name.to_ascii_lowercase(), value.trim()).transpose()
    }

    fn put(&mut self, name: &str, value: &str) -> Result<Option<()>, NotSet> {
        let secs = || number(value).map(|secs| Duration::from_secs(u64::from(secs)));
        let letters = &mut self.letters;
        match name {
            "format" => return self.set_formats(value).map(Some),
            "maxsilence" => self.silence = Some(secs()?).filter(|time| !time.is_zero()),
            "silencethreshold" if number(value)? == 128 => {}
            "silencethreshold" => return Err(NotSet::Later("silence is judged as by 128")),
            "maxgreet" => self.longest_greeting = Some(secs()?).filter(|time| !time.is_zero()),
            "maxlogins" => self.logins = number(value)?.max(1),
            "minpassword" => self.least_password = number(value)? as usize,
            "passwordlocation" => {
                self.passwords = match value.to_ascii_lowercase().as_str() {
                    "spooldir" => PasswordPlace::Spool,
                    "voicemail.conf" => PasswordPlace::Conf,
                    other => {
                        return Err(NotSet::Value(format!(
                            "'{other}' is neither voicemail.conf nor spooldir"
                        )));
                    }
                }
            }
            "externnotify" => self.notify = value.to_owned(),
            "mailcmd" => letters.command = value.to_owned(),
            "fromstring" => letters.from_name = value.to_owned(),
            "emailsubject" => letters.subject = value.to_owned(),
            "emailbody" => letters.body = unescaped(value),
            "emaildateformat" => letters.date = value.to_owned(),
            "charset" if value.eq_ignore_ascii_case("utf-8") => {}
            "charset" => return Err(NotSet::Later("mails are in UTF-8")),
            "pbxskip" => letters.pbxskip = truth(value)?,
            "pagerfromstring" => letters.pager_from_name = value.to_owned(),
            "pagersubject" => letters.pager_subject = value.to_owned(),
            "pagerbody" => letters.pager_body = unescaped(value),
            "pagerdateformat" => letters.pager_date = value.to_owned(),
            other => {
                let Some((_, instead)) = LATER.iter().find(|(later, _)| *later == other) else {
                    return Ok(None);
                };
                return if truth(value) == Ok(false) { Ok(Some(())) } else { Err(NotSet::Later(instead)) };
            }
        }
        Ok(Some(()))
    }

    /// `wav49|gsm|wav`: one of them is written.
    fn set_formats(&mut self, value: &str) -> Result<(), NotSet> {
        let all: Vec<&str> = value.split(['|', '&', ',']).map(str::trim).filter(|f| !f.is_empty()).collect();
        let Some(first) = all.iter().find(|format| FileFormat::of_extension(format).is_some()) else {
            return Err(NotSet::Value(format!("none of '{value}' is written by this version: it stays wav")));
        };
        self.extension = (*first).to_owned();
        if all.len() == 1 {
            return Ok(());
        }
        Err(NotSet::Later("of these formats, the first that this version writes is written"))
    }
}

/// `\n` and `\t` as they are meant.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('\\')) => out.push('\\'),
            _ => {
                out.push(c);
                continue;
            }
        }
        chars.next();
    }
    out
}
