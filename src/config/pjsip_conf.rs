//! `pjsip.conf`: its sections as drafts. A section's `type` says what it is; templates are passed over.

use std::borrow::Cow;
use std::collections::HashSet;

use super::conf::{Entry, Section, Tree};
use super::draft::{Draft, REPEATED, Setting};
use super::finding::Finding;
use super::hints;
use super::kind::Kind;
use super::origin::Sources;
use super::suggest;
use crate::base::ids::Name;
use crate::base::limits;

/// The draft of a section, if it describes an object. What is wrong with its `type` goes to the findings.
pub fn draft<'a>(section: Section<'a>, sources: &Sources, findings: &mut Vec<Finding>) -> Option<Draft<'a>> {
    if section.is_template() {
        return None;
    }
    if section.len() > limits::SETTINGS_PER_OBJECT {
        let message = format!(
            "[{}] has {} lines; {} is the limit",
            section.name(),
            section.len(),
            limits::SETTINGS_PER_OBJECT
        );
        findings.push(Finding::error("too-many-settings", section.at(), message));
        return None;
    }
    let kind = kind_of(section, sources, findings)?;
    let mut draft = Draft::new(kind, section.name(), section.at());
    draft.settings.reserve_exact(section.len().saturating_sub(1));
    draft.settings.extend(section.entries().filter(|entry| !is_type(entry)).map(setting));
    overridden(section, kind, sources, findings);
    Some(draft)
}

/// Whether a section says what it is.
pub fn has_type(section: Section<'_>) -> bool {
    section.entries().any(|entry| is_type(&entry))
}

/// Says which of a section's own lines another one takes the place of: easily missed when `(+)` adds lines from another
/// file. That a section overrides its templates is what templates are for.
fn overridden(section: Section<'_>, kind: Kind, sources: &Sources, findings: &mut Vec<Finding>) {
    let own: Vec<Entry<'_>> =
        section.entries().skip(section.inherited()).filter(|entry| !is_type(entry)).collect();
    let mut names: HashSet<&str, foldhash::fast::FixedState> = HashSet::default();
    if own.iter().all(|entry| names.insert(entry.name) || is_repeated(entry.name)) {
        return;
    }
    for (index, entry) in own.iter().enumerate() {
        let later = own[index + 1..].iter().find(|later| later.name.eq_ignore_ascii_case(entry.name));
        let Some(later) = later.filter(|later| later.value != entry.value) else { continue };
        if is_repeated(entry.name) || kind == Kind::Phoneprov {
            continue;
        }
        let message = format!(
            "{}={} is overridden by {}={} at {}",
            entry.name,
            entry.value,
            later.name,
            later.value,
            sources.place(later.at)
        );
        findings.push(
            Finding::note("overridden", entry.at, message)
                .about(kind, &Name::from(section.name()))
                .option(entry.name),
        );
    }
}

/// A line as a setting.
pub fn setting(entry: Entry<'_>) -> Setting<'_> {
    Setting {
        option: Cow::Borrowed(entry.name),
        value: Cow::Borrowed(entry.value),
        at: entry.at,
        value_column: entry.value_column,
    }
}

/// All objects of a tree.
pub fn drafts<'a>(tree: &'a Tree, sources: &Sources, findings: &mut Vec<Finding>) -> Vec<Draft<'a>> {
    tree.sections().filter_map(|section| draft(section, sources, findings)).collect()
}

/// Whether lines of that option add up.
fn is_repeated(option: &str) -> bool {
    REPEATED.iter().any(|name| name.eq_ignore_ascii_case(option))
}

fn is_type(entry: &Entry<'_>) -> bool {
    entry.name.eq_ignore_ascii_case("type")
}

fn kind_of(section: Section<'_>, sources: &Sources, findings: &mut Vec<Finding>) -> Option<Kind> {
    let mut types = section.entries().filter(is_type);
    let Some(first) = types.next() else {
        findings.push(without_type(section));
        return None;
    };
    if let Some(other) = types.find(|other| other.value != first.value) {
        let message = format!(
            "[{}] has two types: '{}' at {}, and '{}'",
            section.name(),
            first.value,
            sources.place(first.at),
            other.value
        );
        let help = "'(+)' adds to the first section of a name; pick another with '(+type=…)', or begin a new section";
        findings.push(Finding::error("two-types", other.at, message).help(help));
        return None;
    }
    let kind = Kind::of_type(first.value);
    if kind.is_none() {
        let message = format!("[{}]: there is no type '{}'", section.name(), first.value);
        let mut finding = Finding::error("unknown-type", first.at.at_column(first.value_column), message);
        let near = suggest::nearest(first.value, Kind::all().map(Kind::type_name));
        finding.help = near.map(|near| format!("did you mean '{near}'?"));
        findings.push(finding);
    }
    kind
}

/// S4-23, S4-36, S4-74, S4-99, S4-153: a section without `type` is passed over by Asterisk without a word.
fn without_type(section: Section<'_>) -> Finding {
    let message = format!("[{}] has no type: the whole section is passed over", section.name());
    let finding = Finding::warning("no-type", section.at(), message);
    let options = section.entries().map(|entry| entry.name);
    let options: Vec<&str> = options.take(64).collect();
    match hints::likely_kind(options.iter().copied()) {
        Some(kind) => finding.help(format!("its options look like type={kind}")),
        None => finding.help("add type=…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::objects::Objects;
    use crate::config::{Object, compile, conf};

    fn load(text: &str) -> (Objects, Vec<Finding>) {
        let mut sources = Sources::new();
        let mut findings = Vec::new();
        let files = MemoryFiles::new().with("pjsip.conf", text);
        let tree = conf::read(&files, "pjsip.conf", &mut sources, &mut findings);
        let drafts = drafts(&tree, &sources, &mut findings);
        let (objects, more) = compile(drafts, sources, None);
        findings.extend(more);
        (objects, findings)
    }

    #[test]
    fn the_sections_of_the_recorded_server_load() {
        let text = "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:6065\n\
            [ep](!)\ntype=endpoint\ncontext=probe\ndisallow=all\nallow=ulaw,alaw\ndirect_media=no\n\
            [acct](!)\ntype=auth\nauth_type=userpass\n\
            [alice](ep)\nauth=alice\naors=alice\ncallerid=\"Alice\" <100>\n\
            [alice](acct)\nusername=alice\npassword=alicepw\n[alice]\ntype=aor\nmax_contacts=1\n";
        let (objects, findings) = load(text);
        assert_eq!(findings, []);
        let alice = &objects.endpoints["alice"];
        assert_eq!(alice.option("allow").as_deref(), Some("(ulaw|alaw)"));
        assert_eq!(alice.option("callerid").as_deref(), Some("\"Alice\" <100>"));
        assert_eq!(&*alice.options.context, "probe");
        assert_eq!(alice.origin_of("context").map(|at| at.line), Some(7));
        assert_eq!(alice.origin_of("auth").map(|at| at.line), Some(15));
        assert_eq!(alice.origin_of("rtp_symmetric"), None);
        assert_eq!(objects.auths["alice"].password.as_ref(), "alicepw");
    }

    #[test]
    fn an_unknown_option_is_told_with_asterisks_words_too() {
        let (objects, findings) = load("[100]\ntype=endpoint\nsetvar=A=1\ncontext=x\ndtmf_mode=rfc2833\n");
        assert!(objects.endpoints.is_empty());
        assert_eq!(findings.len(), 2, "all faults at once: {findings:?}");
        assert_eq!(
            crate::config::finding::log_lines(&findings),
            [
                "Could not find option suitable for category '100' named 'setvar' at line 3 of pjsip.conf",
                "Error parsing dtmf_mode=rfc2833 at line 5 of pjsip.conf",
                "Could not create an object of type 'endpoint' with id '100' from configuration file 'pjsip.conf'",
            ]
        );
    }
}
