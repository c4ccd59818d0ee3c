//! What one REGISTER would do to an aor's contacts, decided before anything is done: which contacts are the same, how
//! many there would be, whom `remove_existing` and `remove_unavailable` make go (behaviour of
//! `register_aor_core`; RFC 3261 10.3, RFC 5626 6).

use super::binding::Binding;
use super::refusal::Refusal;
use super::request::{Policy, Registrant, Wanted, Wish};
use super::table::Ended;
use crate::base::time::WallTime;
use crate::sip::nat;
use crate::sip::wire::{Envelope, Message, Uri};

/// The changes of one REGISTER.
#[derive(Debug, Default)]
pub struct Plan {
    /// Hashes of contacts that go, and why.
    pub remove: Vec<([u8; 16], Ended)>,
    /// Contacts that stay, with their new fields.
    pub refresh: Vec<Binding>,
    /// New contacts.
    pub add: Vec<Binding>,
}

/// Plans one REGISTER over the unexpired contacts of its aor.
///
/// # Errors
/// Over the limit, or out of order.
pub fn plan(
    existing: &[&Binding],
    wish: &Wish<'_>,
    (message, envelope): (&Message<'_>, &Envelope<'_>),
    now: WallTime,
    (policy, who): (&Policy, &Registrant<'_>),
    unavailable: &dyn Fn(&Binding) -> bool,
) -> Result<Plan, Refusal> {
    let mut plan = Plan::default();
    let wanted = match wish {
        Wish::Query => return Ok(plan),
        Wish::RemoveAll => {
            for old in existing {
                in_order(old, envelope)?;
                plan.remove.push((old.hash, Ended::Request));
            }
            return Ok(plan);
        }
        Wish::Contacts(wanted) => wanted,
    };
    for want in wanted {
        let new = want.binding(message, envelope, now, policy, who);
        // The same contact named twice in one request: the last one counts.
        plan.add.retain(|other| other.hash != new.hash);
        match existing.iter().find(|old| same_contact(old, &new)) {
            Some(old) => {
                in_order(old, envelope)?;
                match want.expires_secs {
                    0 => plan.remove.push((old.hash, Ended::Request)),
                    _ => plan.refresh.push(refreshed(old, new)),
                }
            }
            None if want.expires_secs == 0 => {}
            None => {
                if let Some(old) = existing.iter().find(|old| same_phone(old, &new, want, policy)) {
                    in_order(old, envelope)?;
                    plan.remove.push((old.hash, Ended::Moved));
                }
                plan.add.push(new);
            }
        }
    }
    enforce(existing, &mut plan, policy, now, unavailable)?;
    Ok(plan)
}

/// RFC 3261 10.3 step 7: within one Call-ID the CSeq must rise. An equal one is a retransmission and repeats itself.
fn in_order(old: &Binding, envelope: &Envelope<'_>) -> Result<(), Refusal> {
    let same_call = old.call_id.as_bytes() == envelope.call_id;
    if same_call && envelope.cseq.number < old.cseq { Err(Refusal::OutOfOrder) } else { Ok(()) }
}

/// The comparison of Contacts: equal text, or equal by RFC 3261 19.1.4.
fn same_contact(old: &Binding, new: &Binding) -> bool {
    if old.hash == new.hash {
        return true;
    }
    match (Uri::parse(old.uri.as_bytes()), Uri::parse(new.uri.as_bytes())) {
        (Ok(a), Ok(b)) => a.same(&b),
        _ => false,
    }
}

/// The same phone at a new address: same instance and reg-id (RFC 5626 6), or, where we rewrite contacts, the same
/// Call-ID with the same contact behind a NAT that gave it another port. Otherwise each rebinding of a NAT would fill
/// another slot until the old one expires.
fn same_phone(old: &Binding, new: &Binding, want: &Wanted<'_>, policy: &Policy) -> bool {
    if !new.instance.is_empty() {
        return old.instance == new.instance && old.reg_id == new.reg_id;
    }
    if !policy.rewrite_contact || !old.instance.is_empty() || old.call_id != new.call_id {
        return false;
    }
    let uris = (Uri::parse(old.uri.as_bytes()), Uri::parse(new.uri.as_bytes()), want.address.uri());
    let (Ok(before), Ok(after), Ok(sent)) = uris else { return false };
    let original = nat::original_host(&before);
    before.user == sent.user && original.is_some() && original == nat::original_host(&after)
}

/// What a refresh changes: expiry, ordering, path, user agent, flow. URI, Via and the rest keep their first values.
fn refreshed(old: &Binding, new: Binding) -> Binding {
    Binding {
        uri: old.uri.clone(),
        hash: old.hash,
        via: old.via.clone(),
        path: if new.path.is_empty() { old.path.clone() } else { new.path },
        user_agent: if new.user_agent.is_empty() { old.user_agent.clone() } else { new.user_agent },
        endpoint: old.endpoint.clone(),
        ..new
    }
}

/// `max_contacts` with its two ways of making room. A refreshed contact never counts as new.
fn enforce(
    existing: &[&Binding],
    plan: &mut Plan,
    policy: &Policy,
    now: WallTime,
    unavailable: &dyn Fn(&Binding) -> bool,
) -> Result<(), Refusal> {
    let max = policy.max_contacts as usize;
    let asked = plan.refresh.len() + plan.add.len();
    let mut untouched: Vec<&&Binding> = existing
        .iter()
        .filter(|old| {
            !plan.refresh.iter().any(|b| b.hash == old.hash)
                && !plan.remove.iter().any(|(hash, _)| *hash == old.hash)
        })
        .collect();
    // The sooner-expiring go first; with remove_unavailable those that do not answer before all others.
    untouched.sort_by_key(|old| (!(policy.remove_unavailable && unavailable(old)), old.expires));
    let over = (asked + untouched.len()).saturating_sub(max);
    // A mere refresh is never refused, even when the limit was lowered meanwhile.
    if over == 0 || (plan.add.is_empty() && !policy.remove_existing) {
        return Ok(());
    }
    let reachable_over = over > untouched.iter().filter(|old| unavailable(old)).count();
    if policy.remove_unavailable && !reachable_over && !policy.remove_existing {
        let gone = untouched.iter().filter(|old| unavailable(old)).take(over);
        plan.remove.extend(gone.map(|old| (old.hash, Ended::RemoveUnavailable)));
        return Ok(());
    }
    if policy.remove_existing && asked <= max {
        for old in untouched.iter().take(over) {
            let dead = policy.remove_unavailable && unavailable(old);
            plan.remove.push((old.hash, if dead { Ended::RemoveUnavailable } else { Ended::RemoveExisting }));
        }
        return Ok(());
    }
    let holders = existing.iter().map(|old| holder(old, now, unavailable(old))).collect();
    Err(Refusal::TooMany { max_contacts: policy.max_contacts, holders })
}

/// One line about who holds a slot.
fn holder(old: &Binding, now: WallTime, unavailable: bool) -> String {
    let (ip, port) = old.source;
    let state = if unavailable { ", does not answer qualify" } else { "" };
    let agent = if old.user_agent.is_empty() { "no User-Agent" } else { &old.user_agent };
    format!("{} from {ip}:{port} ({agent}), expires in {} s{state}", old.uri, old.expires.secs_after(now))
}
