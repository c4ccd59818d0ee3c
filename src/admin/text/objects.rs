//! Endpoints, aors, contacts, auths, identifies, transports, channels: legends and lines.
//!
//! ```text
//! Endpoint                 level 0
//!   OutAuth InAuth Aor     level 1
//!     Contact              level 2
//!   Transport Identify     level 1
//!     Match                level 2
//!   Channel                level 1
//!     Exten                level 2
//! ```

use super::columns::{TAB_STOP, cell, clock, indent, label, left, right, title};
use crate::switch::view::{
    AorView, AuthView, ChannelView, ContactView, EndpointView, IdentifyView, Kind, TransportView,
};

/// The legend of a kind; `deep` for what hangs below it too.
pub(super) fn legend(out: &mut String, kind: Kind, deep: bool) {
    match kind {
        Kind::Endpoint => {
            endpoint_legend(out);
            if deep {
                auth_legend(out, 1);
                aor_legend(out, 1);
                contact_legend(out, 2);
                transport_legend(out, 1);
                identify_legend(out, 1);
                match_legend(out, 2);
                channel_legend(out, 1);
                exten_legend(out, 2);
            }
        }
        Kind::Aor => {
            aor_legend(out, 0);
            if deep {
                contact_legend(out, 1);
            }
        }
        Kind::Identify => {
            identify_legend(out, 0);
            if deep {
                match_legend(out, 1);
            }
        }
        Kind::Channel => {
            channel_legend(out, 0);
            if deep {
                exten_legend(out, 1);
            }
        }
        Kind::Auth => auth_legend(out, 0),
        Kind::Contact => contact_legend(out, 0),
        Kind::Transport => transport_legend(out, 0),
        Kind::Registration => registration_legend(out),
        Kind::Acl | Kind::DomainAlias | Kind::Global | Kind::System => {}
    }
}

fn endpoint_legend(out: &mut String) {
    title(out, "Endpoint", 0);
    columns(out, "  ", &[("Endpoint/CID", TAB_STOP - indent(0) - 2), ("State", 12), ("Channels", 11)]);
}

fn auth_legend(out: &mut String, level: isize) {
    title(out, "I/OAuth", level);
    columns(out, "  ", &[("AuthId/UserName", 87 - indent(level))]);
}

fn aor_legend(out: &mut String, level: isize) {
    title(out, "Aor", level);
    columns(out, "  ", &[("Aor", TAB_STOP - indent(level) - 2), ("MaxContact", 12)]);
}

fn contact_legend(out: &mut String, level: isize) {
    title(out, "Contact", level);
    out.push_str("  ");
    label(out, "Aor/ContactUri", TAB_STOP - indent(level) - 7);
    out.push(' ');
    label(out, "Hash", 10);
    out.push(' ');
    label(out, "Status", 8);
    out.push(' ');
    label(out, "RTT(ms)", 11);
    out.push('\n');
}

fn transport_legend(out: &mut String, level: isize) {
    title(out, "Transport", level);
    let bind = 42 - indent(level);
    columns(out, "  ", &[("TransportId", 21), ("Type", 6), ("cos", 5), ("tos", 5), ("BindAddress", bind)]);
}

fn identify_legend(out: &mut String, level: isize) {
    title(out, "Identify", level);
    columns(out, "  ", &[("Identify/Endpoint", 87 - indent(level))]);
}

fn match_legend(out: &mut String, level: isize) {
    title(out, "Match", level);
    columns(out, "  ", &[("criteria", 48 - indent(level))]);
}

fn channel_legend(out: &mut String, level: isize) {
    title(out, "Channel", level);
    columns(out, "  ", &[("ChannelId", TAB_STOP - indent(level) - 2), ("State", 12), ("Time", 11)]);
}

fn exten_legend(out: &mut String, level: isize) {
    title(out, "Exten", level);
    out.push(' ');
    label(out, "DialedExten", 37 - indent(level));
    out.push_str("  CLCID: ");
    label(out, "ConnectedLineCID", 25);
    out.push('\n');
}

fn registration_legend(out: &mut String) {
    out.push(' ');
    label(out, "Registration/ServerURI", 54);
    out.push_str("  ");
    label(out, "Auth", 26);
    out.push_str("  ");
    label(out, "Status", 15);
    out.push('\n');
}

fn columns(out: &mut String, gap: &str, labels: &[(&str, isize)]) {
    for (name, width) in labels {
        out.push_str(gap);
        label(out, name, *width);
    }
    out.push('\n');
}

/// An endpoint; `deep` with everything below it.
pub(super) fn endpoint(out: &mut String, view: &EndpointView, deep: bool) {
    title(out, "Endpoint", 0);
    out.push_str("  ");
    let id = if view.callerid_number.is_empty() {
        view.name.to_string()
    } else {
        format!("{}/{}", view.name, view.callerid_number)
    };
    cell(out, &id, TAB_STOP - indent(0) - 2);
    out.push_str("  ");
    cell(out, view.state, 12);
    out.push_str(&format!("  {} of ", view.active_channels));
    match view.busy_at {
        0 => out.push_str("inf"),
        limit => out.push_str(&limit.to_string()),
    }
    out.push('\n');
    if !deep {
        return;
    }
    for one in &view.outbound_auths {
        auth(out, one, "OutAuth", 1);
    }
    for one in &view.inbound_auths {
        auth(out, one, "InAuth", 1);
    }
    for one in &view.aors {
        aor(out, one, 1, true);
    }
    if let Some(one) = &view.transport {
        transport(out, one, 1);
    }
    for one in &view.identifies {
        identify(out, one, 1, true);
    }
    for one in &view.channels {
        channel(out, one, 1, true);
    }
}

/// An auth under the title that says for whom.
pub(super) fn auth(out: &mut String, view: &AuthView, name: &str, level: isize) {
    title(out, name, level);
    out.push_str("  ");
    left(out, &format!("{}/{}", view.name, view.username), 0);
    out.push('\n');
}

/// An aor; `deep` with its contacts.
pub(super) fn aor(out: &mut String, view: &AorView, level: isize, deep: bool) {
    title(out, "Aor", level);
    out.push_str("  ");
    cell(out, &view.name, TAB_STOP - indent(level) - 12);
    out.push(' ');
    right(out, &view.max_contacts.to_string(), 12);
    out.push('\n');
    if deep {
        for one in &view.contacts {
            contact(out, one, level + 1);
        }
    }
}

/// A contact.
pub(super) fn contact(out: &mut String, view: &ContactView, level: isize) {
    title(out, "Contact", level);
    out.push_str("  ");
    left(out, &view.aor, 0);
    out.push('/');
    let aor = isize::try_from(view.aor.chars().count()).unwrap_or(isize::MAX);
    cell(out, &view.uri, (TAB_STOP - indent(level) - 8).saturating_sub(aor));
    out.push(' ');
    cell(out, &view.hash, 10);
    out.push(' ');
    cell(out, view.status, 7);
    out.push(' ');
    match view.rtt_micros {
        Some(micros) => right(out, &millis(micros), 11),
        None => right(out, "nan", 11),
    }
    out.push('\n');
}

/// Microseconds as milliseconds with three decimals.
fn millis(micros: u64) -> String {
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

/// A transport.
pub(super) fn transport(out: &mut String, view: &TransportView, level: isize) {
    title(out, "Transport", level);
    out.push_str("  ");
    cell(out, &view.name, 21);
    out.push_str("  ");
    right(out, view.protocol, 6);
    out.push_str("  ");
    right(out, &view.cos.to_string(), 5);
    out.push_str("  ");
    right(out, &view.tos.to_string(), 5);
    out.push_str("  ");
    left(out, &view.bind, 0);
    out.push('\n');
}

/// An identify; `deep` with what it matches.
pub(super) fn identify(out: &mut String, view: &IdentifyView, level: isize, deep: bool) {
    title(out, "Identify", level);
    out.push_str("  ");
    left(out, &format!("{}/{}", view.name, view.endpoint), 0);
    out.push('\n');
    if !deep {
        return;
    }
    let mut line = |name: &str, text: &str| {
        title(out, name, level + 1);
        out.push(' ');
        left(out, text, 0);
        out.push('\n');
    };
    for one in &view.matches {
        line("Match", one);
    }
    if !view.header.is_empty() {
        line("Header", &view.header);
    }
    if !view.request_uri.is_empty() {
        line("RequestURI", &view.request_uri);
    }
}

/// A channel; `deep` with its extension and connected line.
pub(super) fn channel(out: &mut String, view: &ChannelView, level: isize, deep: bool) {
    title(out, "Channel", level);
    out.push(' ');
    let name = format!("{}/{}", view.name, view.application);
    cell(out, &name, TAB_STOP - indent(level));
    out.push(' ');
    cell(out, view.state, 12);
    out.push_str("  ");
    cell(out, &clock(view.duration_secs), 11);
    out.push('\n');
    if !deep {
        return;
    }
    let level = level + 1;
    title(out, "Exten", level);
    out.push(' ');
    cell(out, &view.extension, TAB_STOP - indent(level) - 25);
    out.push_str("  CLCID: ");
    left(out, &format!("\"{}\" <{}>", view.connected.0, view.connected.1), 0);
    out.push('\n');
}
