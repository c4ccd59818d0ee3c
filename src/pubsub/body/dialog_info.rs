//! `application/dialog-info+xml` (RFC 4235), with the one dialog element that stands for the extension.

use super::{End, Facts, XML, attribute, element};
use crate::base::device::ExtensionState;

/// Appends the document. A held extension says so as Asterisk does (`pvalue`) and as RFC 4235 names it (`pval`).
pub fn dialog_info(out: &mut String, facts: &Facts<'_>) {
    let (state, early) = state_of(facts);
    out.push_str(XML);
    out.push_str("<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\"");
    attribute(out, "version", &facts.version.to_string());
    attribute(out, "state", "full");
    attribute(out, "entity", facts.local);
    out.push_str(">\n<dialog");
    attribute(out, "id", facts.exten);
    if early {
        attribute(out, "direction", "recipient");
    }
    out.push_str(">\n");
    element(out, "state", state);
    match facts.ringing.filter(|_| early) {
        Some((caller, called)) => {
            end(out, "local", called, facts.local);
            end(out, "remote", caller, &caller.uri);
        }
        None if facts.state == ExtensionState::OnHold => {
            out.push_str("<local>\n<target");
            attribute(out, "uri", facts.local);
            out.push_str(
                ">\n<param pname=\"+sip.rendering\" pval=\"no\" pvalue=\"no\"/>\n</target>\n</local>\n",
            );
        }
        None => {}
    }
    out.push_str("</dialog>\n</dialog-info>\n");
}

fn state_of(facts: &Facts<'_>) -> (&'static str, bool) {
    match facts.state {
        ExtensionState::NotInUse | ExtensionState::Unavailable => ("terminated", false),
        ExtensionState::Ringing => ("early", true),
        ExtensionState::InUseRinging if facts.early_beside_call => ("early", true),
        _ => ("confirmed", false),
    }
}

fn end(out: &mut String, name: &str, end: &End, target: &str) {
    out.push('<');
    out.push_str(name);
    out.push_str(">\n<identity");
    if !end.display.is_empty() {
        attribute(out, "display", &end.display);
    }
    out.push('>');
    super::escape(out, &end.uri);
    out.push_str("</identity>\n<target");
    attribute(out, "uri", target);
    out.push_str("/>\n</");
    out.push_str(name);
    out.push_str(">\n");
}
