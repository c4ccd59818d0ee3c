//! `pjsip_notify.conf`: the NOTIFYs that `pjsip send notify` knows by name.

use super::conf::Tree;
use super::finding::Finding;
use crate::base::ids::Name;
use std::collections::BTreeMap;

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyConf {
    /// By name in lower case.
    kinds: BTreeMap<String, NotifyKind>,
}

/// What one of them says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyKind {
    /// Header names and values, in order.
    headers: Vec<(Name, Name)>,
    /// Lines of the body.
    content: Vec<Name>,
}

impl NotifyConf {
    /// What a file says; mistakes are added to `findings`.
    pub fn of(tree: &Tree, findings: &mut Vec<Finding>) -> NotifyConf {
        let mut kinds = BTreeMap::new();
        let sections = tree.sections().filter(|section| !section.is_template());
        for section in sections.filter(|section| !section.name().eq_ignore_ascii_case("general")) {
            let mut kind = NotifyKind::default();
            for entry in section.entries() {
                if let Err(why) = kind.add(entry.name, entry.value) {
                    let message = format!("[{}]: {why}", section.name());
                    findings.push(Finding::warning("ignored-header", entry.at, message));
                }
            }
            if !kind.content.is_empty() && kind.content_type().is_none() {
                let message =
                    format!("[{}]: its Content is not sent, for there is no Content-Type", section.name());
                findings.push(
                    Finding::warning("ignored-content", section.at(), message).help("add Content-Type=…"),
                );
            }
            kinds.insert(section.name().to_ascii_lowercase(), kind);
        }
        NotifyConf { kinds }
    }

    /// The one of that name, whatever its case.
    pub fn kind(&self, name: &str) -> Option<&NotifyKind> {
        self.kinds.get(&name.to_ascii_lowercase())
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }
}

impl NotifyKind {
    /// Adds a header, or a line of the body (`Content`).
    ///
    /// # Errors
    /// Why it is left out, in words.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name.eq_ignore_ascii_case("Content") {
            self.content.push(value.into());
            return Ok(());
        }
        if OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            return Err(format!("{name} is ignored: it is written by the server"));
        }
        if name.is_empty() || !crate::sip::wire::text::is_token(name.as_bytes()) {
            return Err(format!("'{name}' is no name of a header"));
        }
        let known = |wanted: &str| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(wanted));
        if name.eq_ignore_ascii_case("Event") && known("Event") {
            return Err("a second Event is ignored".into());
        }
        self.headers.push((name.into(), value.into()));
        Ok(())
    }

    /// Its headers as whole lines, `Subscription-State: terminated` first; Content-Type comes with the body.
    pub fn lines(&self) -> Vec<u8> {
        let mut lines = b"Subscription-State: terminated\r\n".to_vec();
        for (name, value) in self.headers.iter().filter(|(name, _)| !is_content_type(name)) {
            let value = value.replace(['\r', '\n'], " ");
            lines.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        lines
    }

    /// Content-Type and body; `None` without a Content-Type.
    pub fn body(&self) -> Option<(String, Vec<u8>)> {
        let kind = self.content_type()?;
        let mut body = Vec::new();
        for line in &self.content {
            body.extend_from_slice(line.as_bytes());
            body.extend_from_slice(b"\r\n");
        }
        Some((kind.replace(['\r', '\n'], " "), body))
    }

    fn content_type(&self) -> Option<&str> {
        self.headers.iter().find(|(name, _)| is_content_type(name)).map(|(_, value)| &**value)
    }
}

fn is_content_type(name: &str) -> bool {
    name.eq_ignore_ascii_case("Content-Type")
}

/// Headers that the server writes itself.
const OWN: [&str; 13] = [
    "Call-ID",
    "Contact",
    "CSeq",
    "To",
    "From",
    "Record-Route",
    "Route",
    "Request-URI",
    "Via",
    "Content-Length",
    "Max-Forwards",
    "User-Agent",
    "Subscription-State",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::conf;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;

    #[test]
    fn sections_are_notifys_and_what_cannot_be_sent_is_said() {
        let text = "[general]\n[Reboot]\nEvent=>check-sync\\;reboot=true\nEvent=>another\nX-A=1\nX-A=2\nFrom=me\n\
            [text]\nEvent=x\nContent-Type=text/plain\nContent=one\nContent=two\n[bare]\nEvent=x\nContent=lost\n";
        let files = MemoryFiles::new().with("pjsip_notify.conf", text);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let tree = conf::read(&files, "pjsip_notify.conf", &mut sources, &mut findings);
        let notify = NotifyConf::of(&tree, &mut findings);
        assert_eq!(notify.names().collect::<Vec<_>>(), ["bare", "reboot", "text"]);
        let reboot = notify.kind("REBOOT").expect("known");
        let lines = "Subscription-State: terminated\r\nEvent: check-sync;reboot=true\r\nX-A: 1\r\nX-A: 2\r\n";
        assert_eq!(String::from_utf8_lossy(&reboot.lines()), lines);
        assert_eq!(reboot.body(), None);
        let text = notify.kind("text").expect("known");
        assert_eq!(text.body(), Some(("text/plain".into(), b"one\r\ntwo\r\n".to_vec())));
        assert_eq!(notify.kind("bare").expect("known").body(), None);
        let said: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "[Reboot]: a second Event is ignored",
                "[Reboot]: From is ignored: it is written by the server",
                "[bare]: its Content is not sent, for there is no Content-Type"
            ]
        );
    }
}
