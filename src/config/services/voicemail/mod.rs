//! `voicemail.conf`: mailboxes by context (`box => password,name,e-mail,pager,options`), what holds for all of them
//! (`[general]`), and how times are said (`[zonemessages]`).

mod mailbox;
mod settings;

pub use mailbox::{Mailbox, MailboxOptions};
pub use settings::{MailLetters, PasswordPlace, VoicemailSettings};

use super::conference::NotSet;
use crate::base::limits;
use crate::config::conf::{Entry, Tree};
use crate::config::finding::Finding;
use crate::config::origin::Sources;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything of `voicemail.conf`. Without the file there is no mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Voicemail {
    /// `[general]`
    pub settings: Arc<VoicemailSettings>,
    /// Mailboxes by context and name.
    pub contexts: BTreeMap<String, Arc<BTreeMap<String, Arc<Mailbox>>>>,
    /// `[zonemessages]`
    pub zones: Arc<BTreeMap<String, VoicemailZone>>,
}

/// How times are said: `zone=America/New_York|'vm-received' Q 'digits/at' IMp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoicemailZone {
    /// A time zone of the system.
    pub timezone: String,
    /// What is said of a time: files in quotes, and letters.
    pub format: String,
}

impl Voicemail {
    /// A mailbox; in context `default` where none is named.
    pub fn find(&self, name: &str, context: &str) -> Option<&Arc<Mailbox>> {
        self.contexts.get(if context.is_empty() { "default" } else { context })?.get(name)
    }

    /// A mailbox by `box@context`.
    pub fn find_full(&self, full: &str) -> Option<&Arc<Mailbox>> {
        let (name, context) = full.trim().split_once('@').unwrap_or((full.trim(), ""));
        self.find(name, context)
    }

    /// All mailboxes, by context and name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.contexts.values().flat_map(|boxes| boxes.values())
    }

    /// How the owner of a mailbox is told times.
    pub fn zone_of(&self, mailbox: &Mailbox) -> Option<&VoicemailZone> {
        self.zones.get(&mailbox.options.zone)
    }
}

pub(super) fn read(tree: &Tree, sources: &Sources, findings: &mut Vec<Finding>) -> Voicemail {
    let mut all = Voicemail::default();
    let (mut settings, mut common) = (VoicemailSettings::default(), MailboxOptions::default());
    for entry in tree.section("general").into_iter().flat_map(|section| section.entries()) {
        let set = common.set(entry.name, entry.value).or_else(|| settings.set(entry.name, entry.value));
        let set = set.unwrap_or_else(|| Err(settings::unknown_option(entry.name)));
        tell("[general]", &entry, set, findings);
    }
    all.settings = Arc::new(settings);
    for section in tree.sections().filter(|section| !section.is_template()) {
        match section.name() {
            "general" => {}
            "zonemessages" => {
                for entry in section.entries() {
                    tell("[zonemessages]", &entry, all.add_zone(entry.name, entry.value), findings);
                }
            }
            context => {
                for entry in section.entries() {
                    all.add_mailbox((context, &common), &entry, sources, findings);
                }
            }
        }
    }
    for section in tree.sections() {
        for entry in section.entries() {
            let zone = all.contexts.get(section.name()).and_then(|boxes| boxes.get(entry.name));
            let zone = zone.map(|mailbox| mailbox.options.zone.as_str()).filter(|zone| !zone.is_empty());
            if let Some(zone) = zone.filter(|zone| !all.zones.contains_key(*zone)) {
                let message = format!("{}: [zonemessages] has no zone '{zone}'; times are local", entry.name);
                findings.push(Finding::warning("unknown-zone", entry.at, message));
            }
        }
    }
    all
}

impl Voicemail {
    fn add_zone(&mut self, name: &str, value: &str) -> Result<(), NotSet> {
        let (timezone, format) = value.split_once('|').unwrap_or((value, ""));
        if timezone.trim().is_empty() {
            return Err(NotSet::Value("the form is zone=Continent/City|format".to_owned()));
        }
        let zone = VoicemailZone { timezone: timezone.trim().to_owned(), format: format.trim().to_owned() };
        Arc::make_mut(&mut self.zones).insert(name.to_owned(), zone);
        Ok(())
    }

    fn add_mailbox(
        &mut self,
        (context, common): (&str, &MailboxOptions),
        entry: &Entry<'_>,
        sources: &Sources,
        findings: &mut Vec<Finding>,
    ) {
        let count: usize = self.contexts.values().map(|boxes| boxes.len()).sum();
        let mut say = |option: &str, why: NotSet| {
            let about = if option.is_empty() { String::new() } else { format!(" {option}") };
            tell_about(&format!("[{context}] {}{about}", entry.name), entry, Err(why), findings);
        };
        if count >= limits::VOICEMAIL_BOXES {
            let why = format!("there are {count} mailboxes already; this one is left out");
            return say("", NotSet::Value(why));
        }
        if !is_name(entry.name) || !is_name(context) {
            let why =
                "names of mailboxes and contexts are names of directories: letters, digits, - _ . + only";
            return say("", NotSet::Value(why.to_owned()));
        }
        let place = (sources.name(entry.at.source).to_owned(), entry.at.line);
        let mailbox = Mailbox::parse((context, entry.name), entry.value, (common, place), &mut say);
        let boxes = Arc::make_mut(self.contexts.entry(context.to_owned()).or_default());
        if boxes.contains_key(entry.name) {
            let why = format!("mailbox {} is there already; the first one counts", entry.name);
            return say("", NotSet::Value(why));
        }
        boxes.insert(entry.name.to_owned(), Arc::new(mailbox));
    }
}

/// Whether a name can be one of a directory, and of nothing else.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    !name.is_empty() && name.len() <= 80 && !name.starts_with('.') && name.chars().all(plain)
}

fn tell(section: &str, entry: &Entry<'_>, set: Result<(), NotSet>, findings: &mut Vec<Finding>) {
    tell_about(&format!("{section} {}", entry.name), entry, set, findings);
}

fn tell_about(about: &str, entry: &Entry<'_>, set: Result<(), NotSet>, findings: &mut Vec<Finding>) {
    let Err(why) = set else { return };
    let message = format!("{about}: {why}");
    findings.push(match why {
        NotSet::Later(_) => Finding::note("later-option", entry.at, message),
        NotSet::Unknown(_) => Finding::warning("unknown-option", entry.at, message),
        NotSet::Value(_) => Finding::error("bad-value", entry.at, message),
    });
}

#[cfg(test)]
mod tests {
    use super::super::Services;
    use super::*;
    use crate::config::files::MemoryFiles;
    use std::time::Duration;

    fn read(text: &str) -> (Voicemail, Vec<String>) {
        let files = MemoryFiles::new().with("voicemail.conf", text);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let all = Services::read(&files, &mut sources, &mut findings).voicemail;
        (all, findings.iter().map(|finding| finding.text(&sources).to_string()).collect())
    }

    #[test]
    fn mailboxes_are_read_and_what_is_wrong_is_said_with_its_place() {
        let (all, said) = read(
            "[general]\nformat=wav49|gsm|wav\nmaxsecs=120\nminsecs=2\nmaxsilence=5\nforcename=yes\nmaxlogin=3\nmaxmsg=many\n\
             [zonemessages]\ncentral=America/Chicago|'vm-received' Q 'digits/at' IMp\n\
             [default]\n100 => 4711,Alice Adams,alice@example.org,,review=yes|tz=central|maxmsg=5|sendvoicemail=yes\n\
             200 => -1234,Bob\n../x => 1\n[sales]\n100 =>\n300 => 1,C,,,tz=mars|fly=yes\n",
        );
        let alice = all.find("100", "").expect("in default");
        assert_eq!((alice.password.as_str(), alice.fullname.as_str()), ("4711", "Alice Adams"));
        assert_eq!(alice.email, "alice@example.org");
        assert!(alice.options.review && !alice.fixed_password);
        assert_eq!((alice.options.maxmsg, alice.options.most), (5, Some(Duration::from_secs(120))));
        assert_eq!(alice.place, ("voicemail.conf".to_owned(), 12));
        assert_eq!(all.zone_of(alice).map(|zone| zone.timezone.as_str()), Some("America/Chicago"));
        let bob = all.find_full("200@default").expect("there");
        assert_eq!((bob.password.as_str(), bob.fixed_password), ("1234", true));
        assert_eq!(all.find("100", "sales").expect("there").password, "");
        assert_eq!(all.all().count(), 4);
        assert_eq!(all.settings.extension, "gsm", "the first format that is written here");
        for (line, words) in [
            (2, "first that this version writes"),
            (6, "forcename"),
            (7, "nearest: maxlogins"),
            (8, "maxmsg"),
            (12, "sendvoicemail"),
            (14, "directories"),
            (17, "fly"),
            (17, "no zone 'mars'"),
        ] {
            let place = format!("voicemail.conf:{line}");
            let found = said.iter().any(|said| said.contains(&place) && said.contains(words));
            assert!(found, "{place} {words}: {said:#?}");
        }
        assert_eq!(said.len(), 8, "{said:#?}");
    }
}
