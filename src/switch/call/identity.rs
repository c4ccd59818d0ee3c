//! Who calls: caller ids taken from requests, and those put into the requests we send (`behaviour-session` 6).

use super::channel::{Party, Redirecting};
use crate::config::model::Endpoint;
use crate::config::model::endpoint_words::Presentation;
use crate::sip::wire::{Envelope, Header, Message, NameAddr, Uri};

impl Default for Party {
    fn default() -> Party {
        Party {
            name: String::new(),
            number: String::new(),
            presentation: Presentation::AllowedNotScreened,
            tag: String::new(),
        }
    }
}

impl Party {
    /// Whether others may see it.
    pub fn is_shown(&self) -> bool {
        matches!(
            self.presentation,
            Presentation::Allowed
                | Presentation::AllowedNotScreened
                | Presentation::AllowedPassedScreen
                | Presentation::AllowedFailedScreen
        )
    }
}

/// The caller id of an INVITE from an endpoint.
pub(super) fn caller_of(endpoint: &Endpoint, message: &Message<'_>, envelope: &Envelope<'_>) -> Party {
    let mut party = None;
    if endpoint.options.trust_id_inbound {
        party = asserted(message).or_else(|| remote_party(message));
    }
    let configured = &endpoint.callerid;
    let mut party = party.unwrap_or_else(|| {
        let presentation = endpoint.options.callerid_privacy;
        if !configured.number().is_empty() {
            let (name, number) = (configured.name().to_owned(), configured.number().to_owned());
            return Party { name, number, presentation, ..Party::default() };
        }
        Party { presentation, ..party_of(&envelope.from) }
    });
    party.tag = endpoint.extra().callerid_tag.to_string();
    party
}

/// Name and number of a From, To or asserted identity. The number is cut at `;`.
pub(super) fn party_of(address: &NameAddr<'_>) -> Party {
    let mut number = address.uri().map(|uri| uri.user_text()).unwrap_or_default();
    if let Some(at) = number.find(';') {
        number.truncate(at);
    }
    Party { name: address.display_text(), number, ..Party::default() }
}

fn asserted(message: &Message<'_>) -> Option<Party> {
    let mut values =
        message.values(Header::PAssertedIdentity).filter_map(|value| NameAddr::parse(value).ok());
    let found = values
        .find(|address| address.uri().is_ok_and(|uri| uri.user.is_some_and(|user| !user.is_empty())))?;
    let private = message
        .header(Header::Privacy)
        .is_some_and(|privacy| !privacy.trim_ascii().eq_ignore_ascii_case(b"none"));
    let presentation = if private { Presentation::Prohib } else { Presentation::AllowedNotScreened };
    Some(Party { presentation, ..party_of(&found) })
}

fn remote_party(message: &Message<'_>) -> Option<Party> {
    let address = NameAddr::parse(message.values(Header::RemotePartyId).next()?).ok()?;
    let is =
        |name: &[u8], word: &[u8]| address.params.value(name).is_some_and(|v| v.eq_ignore_ascii_case(word));
    let screened = is(b"screen", b"yes");
    let presentation = match (is(b"privacy", b"full"), screened) {
        (true, true) => Presentation::ProhibPassedScreen,
        (true, false) => Presentation::ProhibNotScreened,
        (false, true) => Presentation::AllowedPassedScreen,
        (false, false) => Presentation::AllowedNotScreened,
    };
    let party = Party { presentation, ..party_of(&address) };
    (!party.number.is_empty()).then_some(party)
}

/// Diversion: the topmost value redirected last.
pub(super) fn redirecting_of(message: &Message<'_>) -> Redirecting {
    let mut values = message.values(Header::Diversion).filter_map(|value| NameAddr::parse(value).ok());
    let Some(first) = values.next() else { return Redirecting::default() };
    let reason = first.params.value(b"reason").unwrap_or(b"unknown");
    let unquoted = String::from_utf8_lossy(reason).trim_matches('"').to_owned();
    let count = 1 + u32::try_from(values.count()).unwrap_or(u32::MAX);
    Redirecting { from: party_of(&first), to: Party::default(), reason: unquoted, count }
}

/// What identifies us in an INVITE to an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outbound {
    /// From without its tag.
    pub from: Vec<u8>,
    /// Whole header lines: P-Asserted-Identity, Privacy, Remote-Party-ID, Diversion.
    pub lines: Vec<u8>,
    /// User of our Contact.
    pub contact_user: String,
}

/// Identity of an INVITE to `endpoint` on behalf of `caller`; `own_host` is our address towards it.
pub(super) fn outbound(
    endpoint: &Endpoint,
    caller: &Party,
    redirecting: &Redirecting,
    (own_host, default_from_user): (&str, &str),
) -> Outbound {
    let (options, extra) = (&endpoint.options, endpoint.extra());
    let shown = caller.is_shown() || options.trust_id_outbound;
    let named = |own: &str, other: &str| if own.is_empty() { other.to_owned() } else { own.to_owned() };
    let number = if caller.number.is_empty() { default_from_user } else { &caller.number };
    let (mut display, mut user, mut host) = (caller.name.clone(), number.to_owned(), own_host.to_owned());
    if !caller.is_shown() && !options.trust_id_outbound {
        display = "Anonymous".into();
        user = "anonymous".into();
        host = "anonymous.invalid".into();
    }
    if !extra.from_user.is_empty() {
        user = extra.from_user.to_string();
        display = String::new();
    }
    host = named(&options.from_domain, &host);
    let phone = options.user_eq_phone && is_phone(&user);
    let mut out = Outbound { from: address(&display, &user, &host, phone), ..Outbound::default() };
    out.contact_user = match (extra.contact_user.is_empty(), user.is_empty()) {
        (false, _) => extra.contact_user.to_string(),
        (true, _) => user,
    };
    if shown && !caller.number.is_empty() {
        out.lines =
            identity_lines(endpoint, caller, &host_of_identity(options.from_domain.as_ref(), own_host), true);
    }
    if options.send_diversion && redirecting.count > 0 && !redirecting.from.number.is_empty() {
        let from = address(&redirecting.from.name, &redirecting.from.number, own_host, false);
        let line = [b"Diversion: ", &from[..], b";reason=", redirecting.reason.as_bytes(), b"\r\n"].concat();
        out.lines.extend_from_slice(&line);
    }
    out
}

fn host_of_identity(from_domain: &str, own_host: &str) -> String {
    if from_domain.is_empty() { own_host.to_owned() } else { from_domain.to_owned() }
}

/// P-Asserted-Identity and Remote-Party-ID lines about a party; `calling`: it is the caller's side.
pub(super) fn identity_lines(endpoint: &Endpoint, party: &Party, host: &str, calling: bool) -> Vec<u8> {
    let options = &endpoint.options;
    let mut lines = Vec::new();
    if party.number.is_empty() || !(party.is_shown() || options.trust_id_outbound) {
        return lines;
    }
    let who = address(&party.name, &party.number, host, options.user_eq_phone && is_phone(&party.number));
    if options.send_pai {
        lines.extend_from_slice(&[b"P-Asserted-Identity: ", &who[..], b"\r\n"].concat());
        if !party.is_shown() {
            lines.extend_from_slice(b"Privacy: id\r\n");
        }
    }
    if options.send_rpid {
        let screen = matches!(
            party.presentation,
            Presentation::AllowedPassedScreen | Presentation::ProhibPassedScreen
        );
        let text = format!(
            ";party={};privacy={};screen={}\r\n",
            if calling { "calling" } else { "called" },
            if party.is_shown() { "off" } else { "full" },
            if screen { "yes" } else { "no" },
        );
        lines.extend_from_slice(&[b"Remote-Party-ID: ", &who[..], text.as_bytes()].concat());
    }
    lines
}

/// `"name" <sip:user@host>`. What may not stand in a URI is escaped; a `@` in the user brings its own host.
pub(super) fn address(display: &str, user: &str, host: &str, phone: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    if !display.is_empty() {
        out.push(b'"');
        for b in display.bytes().filter(|b| *b >= b' ' && *b != 0x7f) {
            if matches!(b, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(b);
        }
        out.extend_from_slice(b"\" ");
    }
    out.extend_from_slice(b"<sip:");
    let (user, host) = user.split_once('@').unwrap_or((user, host));
    if !user.is_empty() {
        escape_user(user, &mut out);
        out.push(b'@');
    }
    out.extend_from_slice(host.as_bytes());
    if phone {
        out.extend_from_slice(b";user=phone");
    }
    out.push(b'>');
    out
}

/// Writes a user part with what RFC 3261 25.1 does not allow in it escaped.
pub(super) fn escape_user(user: &str, out: &mut Vec<u8>) {
    for b in user.bytes() {
        let plain = b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&b);
        if plain {
            out.push(b);
        } else {
            out.extend_from_slice(format!("%{b:02X}").as_bytes());
        }
    }
}

/// Puts a dialled user into a contact's URI.
pub(super) fn with_user(uri: &Uri<'_>, user: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(uri.raw.len() + user.len());
    let scheme: &[u8] = if uri.scheme == crate::sip::wire::Scheme::Sips { b"sips:" } else { b"sip:" };
    out.extend_from_slice(scheme);
    escape_user(user, &mut out);
    out.push(b'@');
    let after = uri.raw.iter().position(|b| *b == b'@').map_or(scheme.len(), |at| at + 1);
    out.extend_from_slice(uri.raw.get(after..).unwrap_or_default());
    out
}

/// Digits, `+`, `*` and `#` only.
fn is_phone(user: &str) -> bool {
    !user.is_empty() && user.bytes().all(|b| b.is_ascii_digit() || b"+*#-.()".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn caller(presentation: Presentation) -> Party {
        Party { name: "An \"A\"".into(), number: "100".into(), presentation, ..Party::default() }
    }

    fn endpoint(change: impl FnOnce(&mut Endpoint)) -> Endpoint {
        let mut endpoint = Endpoint::default();
        change(&mut endpoint);
        endpoint
    }

    #[test]
    fn from_and_asserted_identities_follow_the_trust_options() {
        let all = endpoint(|e| {
            let options = Arc::make_mut(&mut e.options);
            (options.send_pai, options.send_rpid) = (true, true);
        });
        let shown =
            outbound(&all, &caller(Presentation::Allowed), &Redirecting::default(), ("h", "asterisk"));
        assert_eq!(text(&shown.from), "\"An \\\"A\\\"\" <sip:100@h>");
        assert_eq!(
            text(&shown.lines),
            "P-Asserted-Identity: \"An \\\"A\\\"\" <sip:100@h>\r\n\
             Remote-Party-ID: \"An \\\"A\\\"\" <sip:100@h>;party=calling;privacy=off;screen=no\r\n"
        );
        let hidden = caller(Presentation::Prohib);
        let out = outbound(&all, &hidden, &Redirecting::default(), ("h", "asterisk"));
        assert_eq!(text(&out.from), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        assert!(out.lines.is_empty());
        let trusted = endpoint(|e| {
            let options = Arc::make_mut(&mut e.options);
            (options.send_pai, options.trust_id_outbound) = (true, true);
        });
        let out = outbound(&trusted, &hidden, &Redirecting::default(), ("h", "asterisk"));
        assert!(text(&out.lines).ends_with("Privacy: id\r\n"));
        let nobody = outbound(&all, &Party::default(), &Redirecting::default(), ("h", "asterisk"));
        assert_eq!(text(&nobody.from), "<sip:asterisk@h>");
    }

    #[test]
    fn a_dialled_user_takes_the_place_of_the_contacts() {
        let put = |uri: &str, user: &str| text(&with_user(&Uri::parse(uri.as_bytes()).expect("a URI"), user));
        assert_eq!(
            put("sip:gw@10.0.0.1:5070;transport=tcp", "49 30"),
            "sip:49%2030@10.0.0.1:5070;transport=tcp"
        );
        assert_eq!(put("sips:10.0.0.1", "1"), "sips:1@10.0.0.1");
    }
}
