//! REGISTER, from an admitted request to a 200 that waits for its commit.

use super::Switch;
use super::counters::Counter;
use super::guard::thin::Nuisance;
use super::inbound::{Admitted, Inbound};
use super::io::{Action, Actions};
use super::view::Level;
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::Now;
use crate::config::model::{Aor, Endpoint, endpoint_words::IdentifyBy};
use crate::registrar::{Policy, Refusal, Registrant};
use crate::sip::flow::Protocol;
use crate::sip::nat;
use crate::sip::transaction::ServerTx;
use crate::sip::wire::{Header, Uri, Writer};
use std::io::Write as _;
use std::sync::Arc;

const REGISTRAR: &str = "res_pjsip_registrar.c";

impl Switch {
    pub(super) fn register(&mut self, now: Now, admitted: &Admitted<'_, '_>, out: &mut Actions) {
        let mut request = *admitted.request();
        if !self.begin(now, &mut request, out) {
            return;
        }
        let admitted = &admitted.within(&request);
        let aor = match self.aor_of(admitted) {
            Ok(aor) => aor,
            Err(refusal) => return self.refuse_register(admitted, None, &refusal, out),
        };
        match self.bind(now, admitted, &aor, out) {
            Ok(()) => self.counters.count(Counter::Registered),
            Err(refusal) => self.refuse_register(admitted, Some(&aor), &refusal, out),
        }
    }

    /// The aor that To names, among those the endpoint lists.
    fn aor_of(&self, admitted: &Admitted<'_, '_>) -> Result<Arc<Aor>, Refusal> {
        let endpoint = admitted.endpoint();
        if endpoint.aors.is_empty() {
            return Err(Refusal::NoAors);
        }
        let request = admitted.request();
        let to = request.envelope.to.uri().map_err(|_| Refusal::ToScheme)?;
        if !to.is_sip() {
            return Err(Refusal::ToScheme);
        }
        let user = self.directory.chain.user_of(&to);
        let by_to = self.listed_aor(endpoint, &user, || to.host.to_string());
        let found = by_to.or_else(|| {
            if !endpoint.options.identify_by.contains(&IdentifyBy::AuthUsername) {
                return None;
            }
            let credentials = request.message.auth_fields(Header::Authorization);
            credentials.filter(|fields| fields.is_digest()).find_map(|fields| {
                let text = |name: &[u8]| {
                    String::from_utf8_lossy(fields.field(name).unwrap_or_default()).into_owned()
                };
                self.listed_aor(endpoint, &text(b"username"), || text(b"realm"))
            })
        });
        found.ok_or(Refusal::AorNotFound)
    }

    /// `user@host`, `user@alias domain`, `user`: the first that the endpoint lists and that exists.
    fn listed_aor(&self, endpoint: &Endpoint, user: &str, host: impl FnOnce() -> String) -> Option<Arc<Aor>> {
        let listed = |name: &str| {
            let name = endpoint.aors.iter().find(|aor| ***aor == *name)?;
            self.directory.aor(name).cloned()
        };
        // Nearly every aor is called by its user alone; the longer names are built only when some aor has an '@'.
        if endpoint.aors.iter().any(|aor| aor.contains('@')) {
            let host = host();
            let alias = self.directory.objects.domain_aliases.get(host.as_str()).map(|alias| &*alias.domain);
            let domains = [Some(host.as_str()), alias].into_iter().flatten();
            let long = domains.filter_map(|domain| listed(&format!("{user}@{domain}"))).next();
            if long.is_some() {
                return long;
            }
        }
        if user.is_empty() { None } else { listed(user) }
    }

    fn bind(
        &mut self,
        now: Now,
        admitted: &Admitted<'_, '_>,
        aor: &Aor,
        out: &mut Actions,
    ) -> Result<(), Refusal> {
        let request = admitted.request();
        if self.transactions.servers.held() >= limits::HELD_REGISTERS {
            return Err(Refusal::Unavailable);
        }
        let symmetric = self.symmetric(request.arrival.transport);
        let policy = policy(aor, admitted.endpoint(), (request.arrival.protocol, symmetric));
        let transport = self.transport_name(request.arrival.transport);
        let who = Registrant {
            aor: &aor.name,
            endpoint: &admitted.endpoint().name,
            transport: &transport,
            reg_server: &self.systemname,
            arrival: request.arrival,
        };
        let qualify = &self.qualify;
        self.registrar.register(
            now,
            (&request.message, &request.envelope),
            (&policy, &who),
            &|binding| {
                let key = (binding.aor.clone(), binding.hash);
                qualify.status(&key) == crate::outbound::qualify::Status::Unavailable
            },
            &mut self.changes,
            &mut self.happened,
        )?;
        let changed = !self.changes.is_empty();
        self.commit(out);
        self.tell_contacts(now, out);
        let granted = |switch: &mut Switch, writer: &mut Writer<'_>| {
            switch.write_granted(now, admitted, aor, &policy, writer);
        };
        match request.transaction.filter(|_| changed && self.sequence > self.committed) {
            Some(tx) => self.hold_granted(now, (request, tx), granted, out),
            None => self.answer(request, (200, ""), out, granted),
        }
        Ok(())
    }

    /// The 200 that leaves once its changes are on disk.
    fn hold_granted(
        &mut self,
        now: Now,
        (request, tx): (&Inbound<'_>, ServerTx),
        granted: impl FnOnce(&mut Switch, &mut Writer<'_>),
        out: &mut Actions,
    ) {
        let (to, _) = nat::response_destination(&request.envelope.via, &request.arrival, request.force_rport);
        let bytes = self.written_answer(request, (200, ""), granted);
        let write = |out: &mut Vec<u8>| out.extend_from_slice(&bytes);
        let held = self.transactions.servers.hold(now.at, tx, 200, to, self.sequence, write);
        self.scratch = bytes;
        if held.is_err() {
            // More contacts than one message can list.
            self.refuse(request, (500, "Too many contacts to list"), out);
        }
    }

    /// Hands the collected contact changes out, each with its number.
    pub(super) fn commit(&mut self, out: &mut Actions) {
        for change in self.changes.drain(..) {
            self.sequence += 1;
            out.queue.push(Action::Commit { sequence: self.sequence, change });
        }
    }

    /// Date, every Contact of the aor with its remaining time, Path, and Expires if the request had one.
    fn write_granted(
        &mut self,
        now: Now,
        admitted: &Admitted<'_, '_>,
        aor: &Aor,
        policy: &Policy,
        writer: &mut Writer<'_>,
    ) {
        let request = admitted.request();
        writer.begin(Header::Date.name());
        self.date.write(now.wall, writer.raw());
        writer.end();
        for binding in self.registrar.contacts(&aor.name) {
            writer.begin(Header::Contact.name());
            let raw = writer.raw();
            raw.push(b'<');
            match Uri::parse(binding.uri.as_bytes()) {
                Ok(uri) => nat::write_restored(raw, &uri),
                Err(_) => raw.extend_from_slice(binding.uri.as_bytes()),
            }
            write!(raw, ">;expires={}", binding.expires.secs_after(now.wall))
                .expect("writing to a Vec cannot fail");
            writer.end();
        }
        for contact in aor.contact.iter() {
            writer.pieces(Header::Contact, &[b"<", contact.as_bytes(), b">"]);
        }
        if policy.support_path && request.message.header(Header::Path).is_some() {
            writer.header(Header::Supported, b"path");
            writer.copy(&request.message, Header::Path);
        }
        if let Some(Some(secs)) = request.message.number(Header::Expires) {
            writer.number(Header::Expires, u64::from(policy.clamp(secs)));
        }
    }

    fn refuse_register(
        &mut self,
        admitted: &Admitted<'_, '_>,
        aor: Option<&Aor>,
        refusal: &Refusal,
        out: &mut Actions,
    ) {
        self.counters.count(Counter::RegisterRefused);
        let (request, endpoint) = (admitted.request(), &admitted.endpoint().name);
        let source = request.arrival.source;
        let name: &str = aor.map_or("", |aor| &aor.name);
        let tells = self.tells(&request.arrival, Nuisance::Register);
        match refusal {
            _ if !tells => {}
            Refusal::NotPermitted => self.ears.log(out, Level::Warning, REGISTRAR, || {
                format!("AOR '{name}' has no configured max_contacts. Endpoint '{endpoint}' unable to register ({source})")
            }),
            Refusal::TooMany { max_contacts, holders } => self.ears.log(out, Level::Warning, REGISTRAR, || {
                let holders = holders.join("; ");
                format!(
                    "Registration attempt from endpoint '{endpoint}' ({source}) to AOR '{name}' will exceed max contacts \
                     of {max_contacts}. Holding the slots: {holders}. remove_existing or a larger max_contacts would let it in"
                )
            }),
            Refusal::AorNotFound => {
                let to = String::from_utf8_lossy(request.envelope.to.uri_text).into_owned();
                self.ears.log(out, Level::Warning, REGISTRAR, || {
                    format!("AOR '{to}' not found for endpoint '{endpoint}' ({source})")
                });
            }
            Refusal::NoAors => self.ears.log(out, Level::Warning, REGISTRAR, || {
                format!("Endpoint '{endpoint}' ({source}) has no configured AORs")
            }),
            other => self.ears.log(out, Level::Warning, REGISTRAR, || {
                format!("Endpoint '{endpoint}' ({source}) unable to register to AOR '{name}': {other}")
            }),
        }
        let event = match refusal {
            Refusal::AorNotFound => "RequestNotSupported",
            Refusal::Unavailable => return self.overloaded(request, out),
            _ => "FailedACL",
        };
        if tells {
            self.security(request, out, (event, endpoint), || {
                let key = if event == "FailedACL" { "ACLName" } else { "RequestType" };
                vec![(key, refusal.security_word().to_owned())]
            });
        }
        let status = refusal.status();
        self.refuse(request, status, out);
    }
}

/// What decides a REGISTER to this aor by this endpoint.
fn policy(aor: &Aor, endpoint: &Endpoint, (protocol, symmetric_transport): (Protocol, bool)) -> Policy {
    let options = &aor.options;
    Policy {
        max_contacts: options.max_contacts,
        remove_existing: options.remove_existing,
        remove_unavailable: options.remove_unavailable,
        minimum_secs: options.minimum_expiration_secs,
        maximum_secs: options.maximum_expiration_secs,
        default_secs: options.default_expiration_secs,
        support_path: options.support_path,
        rewrite_contact: endpoint.options.rewrite_contact || matches!(protocol, Protocol::Ws | Protocol::Wss),
        symmetric_transport,
    }
}

/// The Date header's value, made once a second (RFC 3261 20.17: always GMT).
#[derive(Debug, Default)]
pub(super) struct DateCache {
    secs: u64,
    text: String,
}

impl DateCache {
    pub fn write(&mut self, now: crate::base::time::WallTime, out: &mut Vec<u8>) {
        if self.secs != now.secs() || self.text.is_empty() {
            self.secs = now.secs();
            self.text = http_date(self.secs);
        }
        out.extend_from_slice(self.text.as_bytes());
    }
}

/// `Sat, 21 Nov 2026 10:00:00 GMT` (RFC 1123).
fn http_date(secs: u64) -> String {
    let (days, time) = (secs / 86_400, secs % 86_400);
    // Civil date from days since 1970, after Howard Hinnant's algorithm.
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        MONTHS[(month - 1) as usize],
        time / 3600,
        time / 60 % 60,
        time % 60
    )
}

/// A name for a transport that is not configured any more.
pub(super) fn no_transport() -> Name {
    "".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_rfc_1123() {
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(1_709_210_096), "Thu, 29 Feb 2024 12:34:56 GMT");
        assert_eq!(http_date(1_795_255_200), "Sat, 21 Nov 2026 10:00:00 GMT");
    }
}
