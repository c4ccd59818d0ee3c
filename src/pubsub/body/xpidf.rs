//! `application/xpidf+xml`, the form of presence before RFC 3863 that MSN clients read.

use super::{Facts, attribute};
use crate::base::device::ExtensionState;

/// Appends the document.
pub fn xpidf(out: &mut String, facts: &Facts<'_>) {
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str("<!DOCTYPE presence PUBLIC \"-//IETF//DTD RFCxxxx XPIDF 1.0//EN\" \"xpidf.dtd\">\n");
    out.push_str("<presence>\n<presentity");
    attribute(out, "uri", &format!("{};method=SUBSCRIBE", facts.local));
    out.push_str("/>\n<atom");
    attribute(out, "id", facts.exten);
    out.push_str(">\n<address");
    attribute(out, "uri", &format!("{};user=ip", facts.remote));
    attribute(out, "priority", "0.80000");
    out.push_str(">\n");
    let (status, substatus) = match facts.state {
        ExtensionState::NotInUse => ("open", "online"),
        ExtensionState::Unavailable => ("closed", "offline"),
        _ => ("inuse", "onthephone"),
    };
    out.push_str("<status");
    attribute(out, "status", status);
    out.push_str("/>\n<msnsubstatus");
    attribute(out, "substatus", substatus);
    out.push_str("/>\n</address>\n</atom>\n</presence>\n");
}
