//! What NOTIFYs carry. Each function appends one whole document.

mod dialog_info;
mod pidf;
mod summary;
mod xpidf;

pub use dialog_info::dialog_info;
pub use pidf::pidf;
pub use summary::summary;
pub use xpidf::xpidf;

use super::presence::Presence;
use crate::base::device::ExtensionState;

/// Who is at one end of a ringing call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Display name; empty for none.
    pub display: String,
    /// SIP URI.
    pub uri: String,
}

/// What a body tells of an extension.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The extension.
    pub exten: &'a str,
    /// Our URI in the subscription's dialog: the To of its SUBSCRIBE.
    pub local: &'a str,
    /// The subscriber's.
    pub remote: &'a str,
    /// What the lamp shows.
    pub state: ExtensionState,
    /// What the person says.
    pub presence: &'a Presence,
    /// The oldest call that rings there: its caller, and who is called.
    pub ringing: Option<(&'a End, &'a End)>,
    /// `notify_early_inuse_ringing`
    pub early_beside_call: bool,
    /// Whether the tuple of Digium's phones is wanted.
    pub digium: bool,
    /// Number of this body in its subscription.
    pub version: u32,
}

impl Facts<'_> {
    /// Whether the phone is in use in the eyes of presence: not idle, not gone.
    fn is_on_the_phone(&self) -> bool {
        !matches!(self.state, ExtensionState::NotInUse | ExtensionState::Unavailable)
    }
}

/// Appends text with what XML wants escaped. Characters that no XML document may hold are left out.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

/// Appends ` name="value"`.
pub(super) fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value);
    out.push('"');
}

/// Appends `<name>text</name>`.
pub(super) fn element(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    escape(out, text);
    out.push_str("</");
    out.push_str(name);
    out.push_str(">\n");
}

pub(super) const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(state: ExtensionState, presence: &'a Presence) -> Facts<'a> {
        Facts {
            exten: "200",
            local: "sip:200@h",
            remote: "sip:\"100\"@h",
            state,
            presence,
            ringing: None,
            early_beside_call: false,
            digium: false,
            version: 3,
        }
    }

    /// `behaviour-pubsub` 4.1.
    #[test]
    fn every_state_has_its_words() {
        use ExtensionState::*;
        let presence = Presence::default();
        let table = [
            (NotInUse, "terminated", "open", "Ready", "open", "online"),
            (InUse, "confirmed", "open", "On the phone", "inuse", "onthephone"),
            (Busy, "confirmed", "open", "On the phone", "inuse", "onthephone"),
            (Ringing, "early", "open", "Ringing", "inuse", "onthephone"),
            (InUseRinging, "confirmed", "open", "Ringing", "inuse", "onthephone"),
            (OnHold, "confirmed", "open", "On hold", "inuse", "onthephone"),
            (Unavailable, "terminated", "closed", "Unavailable", "closed", "offline"),
        ];
        for (state, dialog, basic, note, status, substatus) in table {
            let facts = facts(state, &presence);
            let (mut a, mut b, mut c) = (String::new(), String::new(), String::new());
            dialog_info(&mut a, &facts);
            pidf(&mut b, &facts);
            xpidf(&mut c, &facts);
            assert!(a.contains(&format!("<state>{dialog}</state>")), "{a}");
            assert_eq!(a.contains("direction=\"recipient\""), state == Ringing, "{a}");
            assert_eq!(a.contains("+sip.rendering"), state == OnHold, "{a}");
            assert!(b.contains(&format!("<basic>{basic}</basic>")), "{b}");
            assert!(b.contains(&format!("<note>{note}</note>")), "{b}");
            let busy = !matches!(state, NotInUse | Unavailable);
            assert_eq!(b.contains("<rpid:on-the-phone/>"), busy, "{b}");
            assert!(c.contains(&format!("<status status=\"{status}\"/>")), "{c}");
            assert!(c.contains(&format!("<msnsubstatus substatus=\"{substatus}\"/>")), "{c}");
        }
        let mut text = String::new();
        dialog_info(&mut text, &Facts { early_beside_call: true, ..facts(InUseRinging, &presence) });
        assert!(text.contains("<state>early</state>") && text.contains("direction=\"recipient\""), "{text}");
    }

    #[test]
    fn what_xml_wants_escaped_is_escaped() {
        let mut out = String::new();
        escape(&mut out, "<a & \"b\" 'c'>\u{1}\u{0}ä");
        assert_eq!(out, "&lt;a &amp; &quot;b&quot; &apos;c&apos;&gt;ä");
    }

    #[test]
    fn ringing_tells_who_calls_and_digium_gets_its_tuple() {
        let presence = Presence::parse("away,lunch,b&b").expect("sound");
        let (caller, called) = (
            End { display: "Ann <a>".into(), uri: "sip:100@h".into() },
            End { display: String::new(), uri: "sip:200@h".into() },
        );
        let facts = Facts {
            ringing: Some((&caller, &called)),
            digium: true,
            ..facts(ExtensionState::Ringing, &presence)
        };
        let mut text = String::new();
        dialog_info(&mut text, &facts);
        assert!(text.contains("<identity display=\"Ann &lt;a&gt;\">sip:100@h</identity>"), "{text}");
        assert!(text.contains("<target uri=\"sip:100@h\"/>") && text.contains("version=\"3\""), "{text}");
        let mut text = String::new();
        pidf(&mut text, &facts);
        assert!(
            text.contains("<digium_presence type=\"away\" subtype=\"lunch\">b&amp;b</digium_presence>"),
            "{text}"
        );
    }
}
