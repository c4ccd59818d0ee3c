//! Hints of one extension, and states that were set.

use super::columns::cell;
use super::core::hint_line;
use crate::admin::shape::Answer;
use crate::switch::view::Reply;

/// `core show hint X`.
pub(super) fn hint(reply: &Reply, name: &str) -> Answer {
    let Reply::Hints(all) = reply else { return Answer::bad("no answer\n") };
    let (exten, context) =
        name.split_once('@').map_or((name, None), |(exten, context)| (exten, Some(context)));
    let found = all
        .iter()
        .filter(|one| one.extension == exten && context.is_none_or(|context| one.context == context));
    let mut out = String::new();
    let mut count = 0;
    for one in found {
        hint_line(&mut out, one);
        count += 1;
    }
    if count == 0 {
        return Answer::bad(format!("No hints matching extension {name}\n"));
    }
    out.push_str(&format!("{count} hint{} matching extension {name}\n", if count == 1 { "" } else { "s" }));
    Answer::good(out)
}

/// `devstate list` and `presencestate list`.
pub(super) fn states(out: &mut String, reply: &Reply) {
    let (title, all, presence) = match reply {
        Reply::DeviceStates(all) => ("Custom Device States", all, false),
        Reply::PresenceStates(all) => ("Custom Presence States", all, true),
        _ => return,
    };
    let line = "-".repeat(69);
    let dashes = "-".repeat(64 - title.len());
    out.push_str(&format!("\n{line}\n--- {title} {dashes}\n{line}\n---\n"));
    for one in all {
        if presence {
            out.push_str(&format!(
                "--- Name: '{}'\n  --- State: '{}'\n  --- Subtype: '{}'\n  --- Message: '{}'\n---\n",
                one.name, one.state, one.subtype, one.message
            ));
        } else {
            out.push_str(&format!("--- Name: '{}'  State: '{}'\n---\n", one.name, one.state));
        }
    }
    out.push_str(&format!("{line}\n{line}\n\n"));
}

/// `pjsip show publications inbound|outbound`.
pub(super) fn publications(out: &mut String, reply: &Reply) {
    let Reply::Publications(all) = reply else { return };
    cell(out, "Publication", 24);
    cell(out, "Event", 22);
    cell(out, "User", 12);
    cell(out, "With", 40);
    out.push_str("State     Next\n");
    for one in all {
        cell(out, &one.name, 24);
        cell(out, &one.event, 22);
        cell(out, &one.user, 12);
        cell(out, &one.peer, 40);
        cell(out, one.state, 10);
        match one.expires_secs {
            Some(secs) => out.push_str(&format!("in {secs}s\n")),
            None => out.push_str("-\n"),
        }
        out.push_str(&format!(" * {}\n", one.why));
    }
    out.push_str(&format!("\n{} publications\n", all.len()));
}

/// `mailbox show`.
pub(super) fn mailboxes(out: &mut String, reply: &Reply) {
    let Reply::Mailboxes(all) = reply else { return };
    cell(out, "Mailbox", 40);
    out.push_str("    New    Old  Subscriptions  Endpoints told\n");
    for one in all {
        cell(out, &one.name, 40);
        out.push_str(&format!(
            " {:6} {:6} {:14}  {}\n",
            one.new,
            one.old,
            one.subscriptions,
            one.endpoints.join(",")
        ));
    }
    out.push_str(&format!("{} mailboxes\n", all.len()));
}
