//! What a REGISTER asks for: its contacts, read, checked and clamped before anything is touched
//! (behaviour of `registrar_validate_contacts`; RFC 3261 10.3 steps 6 and 7).

use super::binding::Binding;
use super::refusal::Refusal;
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::WallTime;
use crate::sip::flow::Arrival;
use crate::sip::nat;
use crate::sip::wire::{Contact, Envelope, Header, Message, NameAddr, Uri, Via, text};

/// The options of an aor and its endpoint that decide a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `max_contacts`; 0 refuses registration.
    pub max_contacts: u32,
    /// `remove_existing`.
    pub remove_existing: bool,
    /// `remove_unavailable`.
    pub remove_unavailable: bool,
    /// `minimum_expiration`, seconds.
    pub minimum_secs: u32,
    /// `maximum_expiration`, seconds.
    pub maximum_secs: u32,
    /// `default_expiration`, seconds.
    pub default_secs: u32,
    /// `support_path`.
    pub support_path: bool,
    /// The endpoint's `rewrite_contact`, or a WebSocket, where it always happens.
    pub rewrite_contact: bool,
    /// The transport's `symmetric_transport`: its name is remembered in the stored URI.
    pub symmetric_transport: bool,
}

/// Who registers, and how the request came.
#[derive(Clone, Debug)]
pub struct Registrant<'a> {
    /// The aor.
    pub aor: &'a Name,
    /// The endpoint.
    pub endpoint: &'a Name,
    /// The transport's name.
    pub transport: &'a Name,
    /// Our `systemname`.
    pub reg_server: &'a Name,
    /// The packet.
    pub arrival: Arrival,
}

/// What the request asks for.
#[derive(Debug)]
pub enum Wish<'m> {
    /// No Contact: list what is there.
    Query,
    /// `*` with expiry 0: remove every dynamic contact.
    RemoveAll,
    /// These contacts, each added, refreshed or removed (expiry 0).
    Contacts(Vec<Wanted<'m>>),
}

/// One contact of the request.
#[derive(Debug)]
pub struct Wanted<'m> {
    /// Its address as sent.
    pub address: NameAddr<'m>,
    /// The URI to store: rewritten when the endpoint asks for it.
    pub uri: String,
    /// Seconds granted, clamped; 0 removes.
    pub expires_secs: u32,
}

impl Policy {
    /// 0 stays 0; everything else is moved into the aor's bounds, silently: 423 is never sent. Where the bounds
    /// contradict each other, the lower one is looked at first, as in Asterisk.
    pub fn clamp(&self, secs: u32) -> u32 {
        match secs {
            0 => 0,
            secs if secs < self.minimum_secs => self.minimum_secs,
            secs => secs.min(self.maximum_secs),
        }
    }
}

/// Reads the Contacts of a REGISTER.
///
/// # Errors
/// [`Refusal::BadContacts`] with what is wrong, or 420 for Path without `Supported: path`.
pub fn read<'m>(message: &Message<'m>, policy: &Policy, who: &Registrant<'_>) -> Result<Wish<'m>, Refusal> {
    let header_secs = match message.number(Header::Expires) {
        Some(None) => return Err(Refusal::BadContacts("Expires is no number")),
        Some(Some(secs)) => Some(secs),
        None => None,
    };
    let mut contacts = Vec::new();
    let mut star = false;
    for contact in message.contacts() {
        match contact.map_err(|_| Refusal::BadContacts("a Contact cannot be read"))? {
            Contact::Star => star = true,
            Contact::Address(address) => {
                if contacts.len() >= limits::CONTACTS_PER_REGISTER {
                    return Err(Refusal::BadContacts("more Contacts than one REGISTER may carry"));
                }
                contacts.push(wanted(address, header_secs, policy, who)?);
            }
        }
    }
    if policy.support_path
        && message.header(Header::Path).is_some()
        && !message.has_token(Header::Supported, b"path")
    {
        return Err(Refusal::PathNotSupported);
    }
    match (star, contacts.is_empty()) {
        (true, false) => Err(Refusal::BadContacts("* together with another Contact")),
        (true, true) if header_secs == Some(0) => Ok(Wish::RemoveAll),
        (true, true) => Err(Refusal::BadContacts("* without Expires: 0")),
        (false, true) => Ok(Wish::Query),
        (false, false) => Ok(Wish::Contacts(contacts)),
    }
}

fn wanted<'m>(
    address: NameAddr<'m>,
    header_secs: Option<u32>,
    policy: &Policy,
    who: &Registrant<'_>,
) -> Result<Wanted<'m>, Refusal> {
    let uri = address.uri().map_err(|_| Refusal::BadContacts("a Contact's URI cannot be read"))?;
    if !uri.is_sip() {
        return Err(Refusal::ContactScheme);
    }
    let param_secs = match address.params.value(b"expires") {
        Some(value) => Some(text::number(value).ok_or(Refusal::BadContacts("expires= is no number"))?),
        None => None,
    };
    let secs = param_secs.or(header_secs).unwrap_or(policy.default_secs);
    let stored = stored_uri(&uri, policy, who)?;
    Ok(Wanted { address, uri: stored, expires_secs: policy.clamp(secs) })
}

/// The URI that is kept: parameters included, headers not, host and port those of the packet where NAT rewriting asks
/// for it. A URI parameter that only we may set is dropped first.
fn stored_uri(uri: &Uri<'_>, policy: &Policy, who: &Registrant<'_>) -> Result<String, Refusal> {
    // URI headers are no part of a binding.
    let bare = &uri.raw[..uri.raw.len() - if uri.headers.is_empty() { 0 } else { uri.headers.len() + 1 }];
    let bare = Uri::parse(bare).map_err(|_| Refusal::BadContacts("a Contact's URI cannot be read"))?;
    let mut stored = Vec::with_capacity(bare.raw.len() + 64);
    if policy.rewrite_contact {
        nat::write_rewritten(&mut stored, &bare, who.arrival.source, who.arrival.protocol, true);
    } else {
        nat::write_without_internal(&mut stored, &bare);
    }
    if policy.symmetric_transport {
        nat::write_transport_name(&mut stored, who.transport);
    }
    let stored = String::from_utf8(stored)
        .unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned());
    if stored.len() > limits::CONTACT_URI_BYTES {
        return Err(Refusal::BadContacts("a Contact's URI is too long"));
    }
    if uri.host.to_string().len() > limits::CONTACT_HOST_BYTES {
        return Err(Refusal::BadContacts("a Contact's host is too long"));
    }
    Ok(stored)
}

impl Wanted<'_> {
    /// Whether this only prolongs `old`: the everyday refresh, recognised without building a new binding. Anything
    /// that could differ and is not looked at here makes it `false`.
    pub fn only_prolongs(
        &self,
        old: &Binding,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        policy: &Policy,
        who: &Registrant<'_>,
    ) -> bool {
        let agent = message.header(Header::UserAgent).unwrap_or_default();
        self.expires_secs > 0
            && *old.uri == *self.uri
            && old.call_id.as_bytes() == envelope.call_id
            && old.cseq <= envelope.cseq.number
            && old.source == (who.arrival.source.ip(), who.arrival.source.port())
            && old.flow == who.arrival.flow
            && old.transport == *who.transport
            && old.reg_server == *who.reg_server
            && old.user_agent.as_bytes() == agent
            && old.q == quality(self.address.params.value(b"q"))
            && old.instance.is_empty()
            && !self.address.params.has(b"+sip.instance")
            && !policy.support_path
    }

    /// The binding this makes when it is new.
    pub fn binding(
        &self,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        now: WallTime,
        policy: &Policy,
        who: &Registrant<'_>,
    ) -> Binding {
        let uri = self.uri.as_str().into();
        Binding {
            aor: who.aor.clone(),
            hash: md5::compute(&self.uri).0,
            expires: WallTime::from_secs(now.secs() + u64::from(self.expires_secs)),
            q: quality(self.address.params.value(b"q")),
            endpoint: who.endpoint.clone(),
            call_id: lossy(envelope.call_id),
            cseq: envelope.cseq.number,
            user_agent: lossy(message.header(Header::UserAgent).unwrap_or_default()),
            path: if policy.support_path { path(message) } else { "".into() },
            via: registering_via(message),
            instance: instance(&self.address),
            reg_id: self.address.params.value(b"reg-id").and_then(text::number).unwrap_or(0),
            transport: who.transport.clone(),
            source: (who.arrival.source.ip(), who.arrival.source.port()),
            reg_server: who.reg_server.clone(),
            prune_on_boot: dies_with_connection(&self.uri, policy, who),
            flow: who.arrival.flow,
            uri,
        }
    }
}

/// `+sip.instance` without its quotes.
fn instance(address: &NameAddr<'_>) -> Box<str> {
    match address.params.value(b"+sip.instance") {
        Some(value) => lossy(&text::unquote(value)),
        None => "".into(),
    }
}

/// `q` in thousandths (RFC 3261 20.10: 0 to 1 with at most three decimals); 1000 when absent or unreadable.
fn quality(value: Option<&[u8]>) -> u16 {
    let Some(value) = value else { return 1000 };
    match value {
        [b'1', ..] => 1000,
        [b'0', b'.', decimals @ ..] => {
            let mut thousandths = 0u16;
            for place in 0..3 {
                let digit = decimals.get(place).filter(|d| d.is_ascii_digit()).map_or(0, |d| d - b'0');
                thousandths = thousandths * 10 + u16::from(digit);
            }
            thousandths
        }
        [b'0'] => 0,
        _ => 1000,
    }
}

fn lossy(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

/// Path values in order, joined with `,` (RFC 3327).
fn path(message: &Message<'_>) -> Box<str> {
    let mut joined = Vec::new();
    for value in message.values(Header::Path) {
        if !joined.is_empty() {
            joined.push(b',');
        }
        joined.extend_from_slice(value);
    }
    lossy(&joined)
}

/// Sent-by of the bottom Via: the phone's own, not a proxy's.
fn registering_via(message: &Message<'_>) -> (Box<str>, u16) {
    match message.values(Header::Via).last().and_then(Via::parse) {
        Some(via) => (via.host.to_string().trim_matches(['[', ']']).into(), via.port.unwrap_or(0)),
        None => ("".into(), 0),
    }
}

/// A contact that points back at the very connection it came by is of no use without that connection.
fn dies_with_connection(uri: &str, policy: &Policy, who: &Registrant<'_>) -> bool {
    if !who.arrival.flow.is_connection() || !policy.rewrite_contact {
        return false;
    }
    Uri::parse(uri.as_bytes()).is_ok_and(|uri| {
        uri.host.ip() == Some(who.arrival.source.ip()) && uri.port == Some(who.arrival.source.port())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_values_of_the_grammar() {
        for (text, want) in
            [("1", 1000), ("1.0", 1000), ("0.7", 700), ("0.05", 50), ("0", 0), ("0.", 0), ("x", 1000)]
        {
            assert_eq!(quality(Some(text.as_bytes())), want, "{text}");
        }
        assert_eq!(quality(None), 1000);
    }
}
