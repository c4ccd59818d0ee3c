//! Registrations, identifiers, unmatched sources, maintenance, the status page.

use super::columns::{TAB_STOP, cell, label, left, right, title};
use super::machine::duration_words;
use crate::switch::view::{RegistrationView, Reply, StatusView};

/// One outbound registration (behaviour of `pjsip show registrations`).
pub(super) fn registration(out: &mut String, view: &RegistrationView) {
    out.push(' ');
    left(out, &view.name, 0);
    out.push('/');
    let name = isize::try_from(view.name.chars().count()).unwrap_or(isize::MAX);
    cell(out, &view.server_uri, 53_isize.saturating_sub(name));
    out.push_str("  ");
    cell(out, view.auth.as_deref().unwrap_or("n/a"), 26);
    out.push_str("  ");
    cell(out, view.status, 16);
    match view.next_secs {
        Some(secs) if secs < 0 => out.push_str(&format!("  (exp. {}s ago)", secs.unsigned_abs())),
        Some(secs) => out.push_str(&format!("  (exp. {secs}s)")),
        None => out.push_str(" 0"),
    }
    out.push('\n');
}

/// `pjsip show identifiers`.
pub(super) fn identifiers(out: &mut String, reply: &Reply) {
    let Reply::Identifiers(names) = reply else { return };
    for name in std::iter::once(&"Identifier Names:").chain(names) {
        left(out, if name.is_empty() { "name not specified" } else { name }, 20);
        out.push('\n');
    }
}

/// `pjsip show unidentified_requests`.
pub(super) fn unidentified(out: &mut String, reply: &Reply) {
    let Reply::Unidentified(all) = reply else { return };
    if all.is_empty() {
        out.push_str(super::NOTHING);
        return;
    }
    out.push('\n');
    title(out, "Request", 0);
    out.push_str("  ");
    label(out, "IP Address", TAB_STOP - 4);
    out.push_str("  <Count> <Age(sec)>\n");
    out.push_str(&"=".repeat(90));
    out.push_str("\n\n");
    for one in all {
        title(out, "Request", 0);
        out.push_str("  ");
        cell(out, &one.source.to_string(), TAB_STOP - 4);
        out.push_str(&format!("  {:7} {:10.3}\n", one.count, one.age_secs));
    }
    out.push_str(&format!("\nObjects found: {}\n\n", all.len()));
}

/// `pjsip show maintenance`.
pub(super) fn maintenance(out: &mut String, reply: &Reply) {
    let Reply::Maintenance(all) = reply else { return };
    if all.is_empty() {
        out.push_str("No endpoints are in maintenance mode.\n");
        return;
    }
    cell(out, "Endpoint", 40);
    out.push_str(" Maintenance\n");
    for one in all {
        cell(out, &one.endpoint, 40);
        out.push_str(if one.enabled { " enabled\n" } else { " disabled\n" });
    }
}

/// `security show bans`.
pub(super) fn bans(out: &mut String, reply: &Reply) {
    let Reply::Bans(all) = reply else { return };
    if all.is_empty() {
        out.push_str("No source is barred.\n");
        return;
    }
    cell(out, "Source", 40);
    out.push_str(" Seconds left  Packets dropped  Reason\n");
    for one in all {
        cell(out, &one.source.to_string(), 40);
        out.push_str(&format!(" {:12}  {:15}  {}\n", one.left_secs, one.dropped, one.reason));
    }
}

/// `show status`: the server at a glance. Our own layout: names left, numbers ending in one column.
pub(super) fn status(out: &mut String, reply: &Reply) {
    let Reply::Status(view) = reply else { return };
    out.push_str(&format!("Jackfield {}, up {}\n", view.version, duration_words(view.uptime_secs)));
    let named = |(name, count): &(&str, usize)| ((*name).to_owned(), count.to_string());
    let now = [
        ("registered contacts", view.contacts),
        ("transactions", view.transactions),
        ("dialogs", view.dialogs),
        ("REGISTERs waiting for the disk", view.held_registers),
    ];
    let counters = view.counters.iter().map(|(name, count)| (name.replace('_', " "), count.to_string()));
    let sections: [(&str, Vec<(String, String)>); 3] = [
        ("Now", now.iter().map(named).collect()),
        ("Loaded", view.objects.iter().map(named).collect()),
        ("Since start", counters.collect()),
    ];
    let rows = || sections.iter().flat_map(|section| &section.1);
    let name =
        rows().map(|row| row.0.chars().count()).chain(view.stores.iter().map(|s| s.0.chars().count())).max();
    let (name, value) = (name.unwrap_or(0), rows().map(|row| row.1.len()).max().unwrap_or(0));
    for (head, rows) in &sections {
        if !rows.is_empty() {
            out.push_str(&format!("\n{head}\n"));
        }
        for (key, count) in rows {
            out.push_str("  ");
            left(out, key, name);
            out.push_str("  ");
            right(out, count, value);
            out.push('\n');
        }
    }
    heard(out, view, name);
}

/// Stores and findings: texts, not numbers.
fn heard(out: &mut String, view: &StatusView, name: usize) {
    if !view.stores.is_empty() {
        out.push_str("\nStores\n");
    }
    for (key, state) in &view.stores {
        out.push_str("  ");
        left(out, key, name);
        out.push_str("  ");
        left(out, state, 0);
        out.push('\n');
    }
    if !view.findings.is_empty() {
        out.push_str(&format!("\nConfiguration findings: {}\n", view.findings.len()));
    }
    for finding in &view.findings {
        out.push_str("  ");
        left(out, finding, 0);
        out.push('\n');
    }
}
