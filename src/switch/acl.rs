//! Who may send at all: `type=acl` objects (403), then the lists of the endpoint (a stranger from there on). Both look at
//! the packet's source and at the hosts of the Contacts, names too (`behaviour-identify-auth` 3).
//!
//! ```text
//! Contact host ─┬─ address ─────────────► judged
//!               └─ name ─┬─ known ──────► every address judged; looked up again after a while
//!                        ├─ unknown ────► asked for; the request waits for its next try
//!                        └─ nowhere ────► refused: what cannot be judged is not let in
//! ```

use super::Switch;
use super::counters::Counter;
use super::guard::bans::Offence;
use super::guard::thin::Nuisance;
use super::inbound::Inbound;
use super::io::Actions;
use super::requests::Owner;
use super::route::Targets;
use super::view::Level;
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::config::model::Endpoint;
use crate::sip::flow::Protocol;
use crate::sip::wire::{Contact, Header};
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// Time until a name is asked for again, on the next request that bears it.
const FRESH: Duration = Duration::from_secs(60);
/// The same for a name without an address.
const FRESH_FAILURE: Duration = Duration::from_secs(5);

/// Names that stood in Contacts, and their addresses.
#[derive(Debug, Default)]
pub(super) struct ContactHosts {
    known: HashMap<Box<str>, Known, RandomState>,
    /// Oldest first: who goes when there are too many.
    order: VecDeque<Box<str>>,
    /// Names asked for, by the number of the question.
    asked: HashMap<u64, Box<str>, RandomState>,
    last: u64,
}

#[derive(Debug)]
struct Known {
    /// `None` until the first answer came.
    addresses: Option<Vec<IpAddr>>,
    until: Moment,
    is_asked: bool,
}

/// The hosts of a request's Contacts.
enum Hosts {
    /// Their addresses.
    Known(Vec<IpAddr>),
    /// One of them is being looked up.
    Asked,
    /// One of them has no address.
    Nowhere,
}

impl ContactHosts {
    /// An answer; empty for none.
    fn answered(&mut self, now: Moment, number: u64, addresses: Vec<IpAddr>) {
        let Some(known) = self.asked.remove(&number).and_then(|name| self.known.get_mut(&name)) else {
            return;
        };
        known.is_asked = false;
        known.until = now + if addresses.is_empty() { FRESH_FAILURE } else { FRESH };
        known.addresses = Some(addresses);
    }

    /// Whether a name must be asked for now: the number of the question.
    fn ask(&mut self, now: Moment, name: &str) -> Option<u64> {
        match self.known.get_mut(name) {
            Some(known) if known.is_asked || known.until > now => return None,
            Some(known) => known.is_asked = true,
            None => {
                if self.order.len() >= limits::CONTACT_HOSTS
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.known.remove(&oldest);
                }
                self.order.push_back(name.into());
                self.known.insert(name.into(), Known { addresses: None, until: now, is_asked: true });
            }
        }
        self.last += 1;
        self.asked.insert(self.last, name.into());
        Some(self.last)
    }
}

impl Switch {
    /// `type=acl` objects: the source, then every host in Contact. 403.
    pub(super) fn acl_refuses(&mut self, now: Now, inbound: &Inbound<'_>, out: &mut Actions) -> bool {
        let acls = &self.directory.objects.acls;
        if acls.is_empty() {
            return false;
        }
        let source = inbound.arrival.source.ip();
        let by_source = acls.values().find(|acl| !acl.source.permits(source));
        let judges = by_source.is_none() && acls.values().any(|acl| !acl.contact.is_empty());
        let refusing = match by_source.map(|acl| acl.name.clone()) {
            None if judges => match self.contact_hosts(now, inbound, out) {
                Hosts::Asked => {
                    self.wait_for_hosts(inbound, out);
                    return true;
                }
                hosts => {
                    let mut acls = self.directory.objects.acls.values();
                    let found = acls.find(|acl| match &hosts {
                        Hosts::Known(all) => all.iter().any(|host| !acl.contact.permits(*host)),
                        _ => !acl.contact.is_empty(),
                    });
                    found.map(|acl| acl.name.clone())
                }
            },
            by_source => by_source,
        };
        let Some(name) = refusing else { return false };
        self.counters.count(Counter::AclRefused);
        self.offend(&inbound.arrival, Offence::Acl, out);
        if self.tells(&inbound.arrival, Nuisance::Acl) {
            self.ears.log(out, Level::Warning, "res_pjsip_acl.c", || {
                format!("Incoming SIP message from {} did not pass ACL test '{name}'", inbound.arrival.source)
            });
            self.security(inbound, out, ("FailedACL", "<unknown>"), || vec![("ACLName", name.to_string())]);
        }
        self.refuse(inbound, (403, ""), out);
        true
    }

    /// `permit`/`deny`/`acl` and their `contact_` forms. Failing one, the sender is a stranger: 401 for ever.
    pub(super) fn endpoint_acl_allows(
        &mut self,
        now: Now,
        inbound: &Inbound<'_>,
        endpoint: &Endpoint,
        out: &mut Actions,
    ) -> bool {
        let (access, contacts) = (&endpoint.options.access, &endpoint.options.contact_access);
        let (reason, list) = match access.permits(inbound.arrival.source.ip()) {
            false => ("Not match Endpoint ACL", "not_match_endpoint_acl"),
            true if contacts.is_empty() => return true,
            true => match self.contact_hosts(now, inbound, out) {
                Hosts::Known(all) if all.iter().all(|host| contacts.permits(*host)) => return true,
                // Like a stranger until it is known; by its next try it is.
                Hosts::Asked => return false,
                _ => ("Not match Endpoint Contact ACL", "not_match_endpoint_contact_acl"),
            },
        };
        self.counters.count(Counter::AclRefused);
        self.offend(&inbound.arrival, Offence::Acl, out);
        if self.tells(&inbound.arrival, Nuisance::Acl) {
            self.security(inbound, out, ("FailedACL", &endpoint.name), || vec![("ACLName", list.to_owned())]);
            self.request_failed(inbound, out, (reason, None));
        }
        false
    }

    /// The addresses of all Contact hosts. Names that are not known are asked for.
    fn contact_hosts(&mut self, now: Now, inbound: &Inbound<'_>, out: &mut Actions) -> Hosts {
        let mut all = Vec::new();
        let (mut asked, mut nowhere) = (false, false);
        for contact in inbound.message.contacts() {
            let Ok(Contact::Address(address)) = contact else { continue };
            let Ok(uri) = address.uri() else { continue };
            if let Some(ip) = uri.host.ip() {
                all.push(ip);
                continue;
            }
            let name = uri.host.to_string().to_ascii_lowercase();
            if let Some(number) = self.contact_names.ask(now.at, &name) {
                let (protocol, owner) = (inbound.arrival.protocol, Owner::ContactHost(number));
                let port = uri.port.unwrap_or(protocol.default_port());
                if let Err(why) = self.look_up(now, owner, (&name, port, protocol), out) {
                    self.contact_host_found(now, number, Err(why), out);
                }
            }
            match self.contact_names.known.get(&*name).and_then(|known| known.addresses.as_deref()) {
                None => asked = true,
                Some([]) => nowhere = true,
                Some(addresses) => all.extend(addresses),
            }
        }
        match (nowhere, asked) {
            (true, _) => Hosts::Nowhere,
            (false, true) => Hosts::Asked,
            (false, false) => Hosts::Known(all),
        }
    }

    /// The addresses of a name that stood in a Contact, or why there are none.
    pub(super) fn contact_host_found(
        &mut self,
        now: Now,
        number: u64,
        found: Result<Targets, String>,
        out: &mut Actions,
    ) {
        let addresses = match found {
            Ok(targets) => {
                let mut all: Vec<IpAddr> =
                    [&targets.first].into_iter().chain(&targets.later).map(|at| at.to.remote.ip()).collect();
                all.dedup();
                all
            }
            Err(why) => {
                self.ears.log(out, Level::Debug, "res_pjsip_acl.c", || format!("Contact host: {why}"));
                Vec::new()
            }
        };
        self.contact_names.answered(now.at, number, addresses);
    }

    /// Nothing over UDP, where it comes again by itself in half a second; elsewhere it is asked to.
    fn wait_for_hosts(&mut self, inbound: &Inbound<'_>, out: &mut Actions) {
        if inbound.arrival.protocol != Protocol::Udp {
            self.answer(inbound, (503, ""), out, |_, writer| {
                writer.number(Header::RetryAfter, 1);
            });
        }
    }
}
