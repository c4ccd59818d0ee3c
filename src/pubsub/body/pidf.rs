//! `application/pidf+xml` (RFC 3863), with the person element of RFC 4479 and the activities of RFC 4480 that phones
//! light their lamps by.

use super::{Facts, XML, attribute, element, escape};
use crate::base::device::ExtensionState;

/// Appends the document. Elements stand in the order of the RFC's schema, and the tuple's id, which a schema wants to
/// begin with a letter or `_`, is `_` and the extension.
pub fn pidf(out: &mut String, facts: &Facts<'_>) {
    out.push_str(XML);
    out.push_str(
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\"",
    );
    attribute(out, "entity", facts.local);
    out.push_str(">\n<tuple");
    attribute(out, "id", &tuple_id(facts.exten));
    out.push_str(">\n<status>\n");
    let closed = facts.state == ExtensionState::Unavailable;
    element(out, "basic", if closed { "closed" } else { "open" });
    out.push_str("</status>\n<contact priority=\"1\">");
    escape(out, facts.remote);
    out.push_str("</contact>\n</tuple>\n");
    if facts.digium {
        digium(out, facts);
    }
    element(out, "note", note(facts.state));
    out.push_str("<dm:person id=\"person\">\n");
    if facts.is_on_the_phone() {
        out.push_str("<rpid:activities>\n<rpid:on-the-phone/>\n</rpid:activities>\n");
    }
    out.push_str("</dm:person>\n</presence>\n");
}

fn note(state: ExtensionState) -> &'static str {
    match state {
        ExtensionState::NotInUse => "Ready",
        ExtensionState::InUse | ExtensionState::Busy => "On the phone",
        ExtensionState::Ringing | ExtensionState::InUseRinging => "Ringing",
        ExtensionState::OnHold => "On hold",
        ExtensionState::Unavailable => "Unavailable",
    }
}

fn tuple_id(exten: &str) -> String {
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    std::iter::once('_').chain(exten.chars().map(|c| if name(c) { c } else { '_' })).collect()
}

fn digium(out: &mut String, facts: &Facts<'_>) {
    out.push_str("<tuple id=\"digium-presence\">\n<status>\n<digium_presence");
    attribute(out, "type", facts.presence.state.word());
    attribute(out, "subtype", &facts.presence.subtype);
    out.push('>');
    escape(out, &facts.presence.message);
    out.push_str("</digium_presence>\n</status>\n</tuple>\n");
}
