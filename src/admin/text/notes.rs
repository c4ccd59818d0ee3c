//! What stands out of one object, said below its table by our plain `show …`: what a guide would have one look for.

use super::columns::left;
use crate::switch::view::{AorView, ContactView, EndpointView, Reply};

/// Appends the notes of a single object; nothing when nothing stands out.
pub(super) fn print(out: &mut String, reply: &Reply) {
    let notes = match reply {
        Reply::Endpoints(all) => all.first().map(endpoint),
        Reply::Aors(all) => all.first().map(aor),
        Reply::Contacts(all) => all.first().map(|one| held(one).into_iter().collect()),
        Reply::Registrations(all) => all.first().map(|one| said(&one.why)),
        Reply::Transports(all) => all.first().map(|one| {
            let fault = one.fault.as_ref().map(|why| format!("Its socket is not open: {why}"));
            fault.into_iter().collect()
        }),
        _ => None,
    };
    for note in notes.into_iter().flatten() {
        out.push_str(" * ");
        left(out, &note, 0);
        out.push('\n');
    }
}

/// Why each registration is as it is, below our plain list of them.
pub(super) fn registrations(out: &mut String, reply: &Reply) {
    let Reply::Registrations(all) = reply else { return };
    for one in all {
        out.push_str(" * ");
        left(out, &format!("{}: {}", one.name, one.why), 0);
        out.push('\n');
    }
}

fn said(why: &str) -> Vec<String> {
    if why.is_empty() { Vec::new() } else { vec![why.to_owned()] }
}

/// S4-33, S4-71, S4-94, S4-105, S4-142: lines whose absence is the fault.
fn endpoint(view: &EndpointView) -> Vec<String> {
    let mut notes = Vec::new();
    let option = |name: &str| view.options.iter().find(|row| row.0 == name).map_or("", |row| row.1.as_str());
    if view.aors.is_empty() {
        let configured = match option("aors") {
            "" => "its option 'aors' is not set".to_owned(),
            names => format!("none of its 'aors' ({names}) is loaded"),
        };
        notes.push(format!("It cannot be called nor register: {configured}."));
    } else if view.aors.iter().all(|aor| aor.contacts.is_empty()) {
        notes.push(
            "It cannot be called: none of its aors has a contact, neither registered nor static.".into(),
        );
    }
    if view.inbound_auths.is_empty() {
        notes.push(match option("auth") {
            "" => "Its requests are not challenged: its option 'auth' is not set.".into(),
            names => format!("Its requests are refused: none of its 'auth' ({names}) is loaded."),
        });
    }
    let by_ip = option("identify_by").split(',').any(|word| word.trim() == "ip");
    let by_name = option("identify_by").split(',').any(|word| word.trim() != "ip");
    if by_ip && !by_name && view.identifies.is_empty() {
        notes.push("Nothing identifies it: 'identify_by' is ip, and no identify section leads to it.".into());
    }
    notes.extend(view.aors.iter().flat_map(aor));
    notes
}

/// S4-145, S4-149, S4-152: who holds the places of an aor.
fn aor(view: &AorView) -> Vec<String> {
    let registered: Vec<&ContactView> = view.contacts.iter().filter(|contact| contact.dynamic).collect();
    let mut notes: Vec<String> = registered.iter().filter_map(|contact| held(contact)).collect();
    match view.max_contacts {
        0 if view.contacts.is_empty() => {
            notes.push(format!("Nothing can register to aor '{}': its 'max_contacts' is 0.", view.name));
        }
        0 => {}
        max if registered.len() >= max as usize => {
            let taken = match max {
                1 => format!("The only place of aor '{}' is taken", view.name),
                _ => format!("All {max} places of aor '{}' are taken", view.name),
            };
            notes.push(format!(
                "{taken}: a further device gets 403 unless 'remove_existing' or 'remove_unavailable' makes room, a \
                 contact expires, or 'remove contact {}' frees one.",
                view.name
            ));
        }
        _ => {}
    }
    notes
}

/// Where a registered contact came from.
fn held(contact: &ContactView) -> Option<String> {
    let source = contact.source?;
    let agent = match contact.user_agent.as_str() {
        "" => String::new(),
        agent => format!(", {agent}"),
    };
    Some(format!("{}/{} was registered from {source}{agent}.", contact.aor, contact.uri))
}
