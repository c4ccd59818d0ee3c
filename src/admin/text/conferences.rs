//! `confbridge list`, in Asterisk's columns.

use crate::switch::view::{ConferencePartyView, Reply};
use std::fmt::Write as _;

/// All conferences, or the parties of one.
pub(super) fn list(out: &mut String, reply: &Reply, one: bool) {
    let Reply::Conferences(all) = reply else { return };
    if !one {
        out.push_str("Conference Bridge Name           Users  Marked Locked Muted\n");
        out.push_str("================================ ====== ====== ====== =====\n");
        for view in all {
            let yes = |on: bool| if on { "Yes" } else { "No" };
            let marked = view.parties.iter().filter(|party| party.marked).count();
            let _ = writeln!(
                out,
                "{:<32} {:6} {marked:6} {:<6} {}",
                view.name,
                view.parties.len(),
                yes(view.locked),
                yes(view.muted)
            );
        }
        return;
    }
    out.push_str(
        "Channel                        Flags  User Profile     Bridge Profile   Menu             CallerID\n",
    );
    out.push_str(
        "============================== ====== ================ ================ ================ ================\n",
    );
    for view in all {
        let (waiting, present): (Vec<_>, Vec<_>) = view.parties.iter().partition(|party| party.waiting);
        for party in present.into_iter().chain(waiting) {
            let caller = if party.caller.is_empty() { "<unknown>" } else { &party.caller };
            let _ = writeln!(
                out,
                "{:<30} {:<6} {:<16} {:<16} {:<16} {caller}",
                party.channel,
                flags(party),
                party.user_profile,
                view.bridge_profile,
                party.menu
            );
        }
    }
}

fn flags(party: &ConferencePartyView) -> String {
    let all = [
        (party.admin, 'A'),
        (party.marked, 'M'),
        (party.wait_marked, 'W'),
        (party.end_marked, 'E'),
        (party.muted, 'm'),
        (party.waiting, 'w'),
    ];
    all.into_iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect()
}
