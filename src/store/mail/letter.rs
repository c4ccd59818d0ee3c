//! Mails about messages, as `mailcmd` reads them: headers, a text, and the message itself.

use super::message::{one_line, value};
use super::said::Clock;
use crate::config::services::{MailLetters, Mailbox};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters of a line of Base64 (RFC 2045 6.8).
const LINE: usize = 76;

/// What a mail is about.
#[derive(Debug)]
pub(super) struct About<'a> {
    mailbox: &'a Mailbox,
    letters: &'a MailLetters,
    number: usize,
    callerid: String,
    duration_secs: u64,
    date: String,
    pager_date: String,
    sent: String,
    id: String,
}

impl<'a> About<'a> {
    /// The message with this text, whose number in its folder that is.
    pub fn new(
        text: &str,
        number: usize,
        mailbox: &'a Mailbox,
        letters: &'a MailLetters,
        clock: &mut Clock,
    ) -> About<'a> {
        let secs = value(text, "origtime").parse::<i64>().unwrap_or(0);
        About {
            mailbox,
            letters,
            number: number + 1,
            callerid: value(text, "callerid").to_owned(),
            duration_secs: value(text, "duration").parse().unwrap_or(0),
            date: clock.date(&letters.date, secs, ""),
            pager_date: clock.date(&letters.pager_date, secs, ""),
            sent: clock.date("%a, %d %b %Y %H:%M:%S %z", secs, ""),
            id: super::message::key(text),
        }
    }

    /// The mail to an address.
    pub fn mail(&self, address: &str, sound: Option<&Path>) -> io::Result<Vec<u8>> {
        let mailbox = self.mailbox;
        let subject = match self.letters.subject.as_str() {
            "" => {
                let begins = if self.letters.pbxskip { "" } else { "[PBX]: " };
                format!("{begins}New message {} in mailbox {}", self.number, mailbox.name)
            }
            own => self.filled(own, &self.date),
        };
        let body = match self.letters.body.as_str() {
            "" => format!(
                "Dear {}:\n\n\tA message of {} (number {}) was left in your mailbox {}\nby {}, on {}.\n",
                mailbox.fullname,
                self.duration(),
                self.number,
                mailbox.name,
                self.caller(),
                self.date
            ),
            own => self.filled(own, &self.date),
        };
        let mut out = self.head(address, &self.letters.from_name, &subject);
        let sound = match sound {
            Some(sound) if super::copy::attachable(sound)? => Some(sound),
            _ => None,
        };
        let Some(sound) = sound else {
            out.push_str("Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n");
            out.push_str(&body);
            return Ok(out.into_bytes());
        };
        let boundary = format!("----voicemail_{}_{}", self.number, self.id.replace(['#', '-'], "_"));
        let extension = sound.extension().and_then(|extension| extension.to_str()).unwrap_or("raw");
        let kind =
            if extension.eq_ignore_ascii_case("wav") { "wav".into() } else { format!("x-{extension}") };
        let name = format!("msg{:04}.{extension}", self.number - 1);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n\
             This is a multi-part message in MIME format.\n\n--{boundary}\n\
             Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n{body}\n--{boundary}\n\
             Content-Type: audio/{kind}; name=\"{name}\"\nContent-Transfer-Encoding: base64\n\
             Content-Description: Voicemail sound attachment.\n\
             Content-Disposition: attachment; filename=\"{name}\"\n\n"
        );
        base64(&fs::read(sound)?, &mut out);
        let _ = writeln!(out, "--{boundary}--");
        Ok(out.into_bytes())
    }

    /// The short notice.
    pub fn page(&self, address: &str) -> Vec<u8> {
        let letters = self.letters;
        let subject = match letters.pager_subject.as_str() {
            "" => "New VM".to_owned(),
            own => self.filled(own, &self.pager_date),
        };
        let body = match letters.pager_body.as_str() {
            "" => {
                let (long, name) = (self.duration(), &self.mailbox.name);
                format!("New {long} long msg in box {name}\nfrom {}, on {}\n", self.caller(), self.pager_date)
            }
            own => self.filled(own, &self.pager_date),
        };
        let mut out = self.head(address, &letters.pager_from_name, &subject);
        out.push_str("Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n");
        out.push_str(&body);
        out.into_bytes()
    }

    fn head(&self, address: &str, from_name: &str, subject: &str) -> String {
        let own = &self.mailbox.options.server_email;
        let from = one_line(if own.is_empty() { &self.letters.from } else { own });
        format!(
            "Date: {}\nFrom: {} <{from}>\nTo: {} <{}>\nSubject: {}\nMessage-ID: <{}@{}.voicemail>\n\
             MIME-Version: 1.0\n",
            self.sent,
            phrase(from_name),
            phrase(&self.mailbox.fullname),
            one_line(address),
            word(&one_line(subject)),
            self.id.replace('#', "h"),
            self.mailbox.name
        )
    }

    fn duration(&self) -> String {
        format!("{}:{:02}", self.duration_secs / 60, self.duration_secs % 60)
    }

    fn caller(&self) -> &str {
        if self.callerid.is_empty() { "an unknown caller" } else { &self.callerid }
    }

    /// A text of the configuration with its variables.
    fn filled(&self, text: &str, date: &str) -> String {
        let (name, number) = match self.callerid.rsplit_once('<') {
            Some((name, number)) => (name.trim().trim_matches('"'), number.trim_end_matches('>')),
            None => ("", self.callerid.as_str()),
        };
        [
            ("${VM_NAME}", self.mailbox.fullname.as_str()),
            ("${VM_DUR}", &self.duration()),
            ("${VM_MSGNUM}", &self.number.to_string()),
            ("${VM_CONTEXT}", &self.mailbox.context),
            ("${VM_MAILBOX}", &self.mailbox.name),
            ("${VM_CALLERID}", self.caller()),
            ("${VM_CIDNAME}", if name.is_empty() { "an unknown caller" } else { name }),
            ("${VM_CIDNUM}", if number.is_empty() { "an unknown caller" } else { number }),
            ("${VM_DATE}", date),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// A name before an address.
fn phrase(name: &str) -> String {
    let name = one_line(name);
    if name.is_ascii() { format!("\"{}\"", name.replace(['"', '\\'], "")) } else { word(&name) }
}

/// An encoded word where there is more than ASCII (RFC 2047).
fn word(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    // An encoded word has at most 75 characters: 45 bytes of text, cut where a character ends.
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let cut = (0..=rest.len().min(45)).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let mut coded = String::new();
        base64(&rest.as_bytes()[..cut], &mut coded);
        words.push(format!("=?UTF-8?B?{}?=", coded.trim_end()));
        rest = &rest[cut..];
    }
    words.join("\n ")
}

fn base64(bytes: &[u8], out: &mut String) {
    for line in bytes.chunks(LINE / 4 * 3) {
        for three in line.chunks(3) {
            let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
            let bits = at(0) << 16 | at(1) << 8 | at(2);
            for place in 0..4 {
                let digit = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
                out.push(if place > three.len() { '=' } else { char::from(digit) });
            }
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_words_are_coded() {
        let coded = |bytes: &[u8]| {
            let mut out = String::new();
            base64(bytes, &mut out);
            out
        };
        assert_eq!(coded(b"Man"), "TWFu\n");
        assert_eq!(
            (coded(b"Ma"), coded(b"M"), coded(b"")),
            ("TWE=\n".into(), "TQ==\n".into(), String::new())
        );
        assert_eq!(coded(&[0; 60]).lines().map(str::len).collect::<Vec<_>>(), [76, 4]);
        assert_eq!(word("plain"), "plain");
        assert_eq!(word("Jörg"), "=?UTF-8?B?SsO2cmc=?=");
        assert!(word(&"ö".repeat(50)).lines().all(|line| line.len() <= 76));
        assert_eq!(phrase("A \"B\"\nBcc: x"), "\"A B Bcc: x\"");
    }
}
