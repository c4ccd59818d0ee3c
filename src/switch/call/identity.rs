//! Who calls: caller ids taken from requests, and those put into the requests we send (`behaviour-session` 6).

use super::channel::{Party, Redirecting};
use super::redirecting;
use crate::config::model::Endpoint;
use crate::config::model::endpoint_words::Presentation;
use crate::session::ConnectedLine;
use crate::sip::wire::{Envelope, Header, Host, Message, NameAddr, Uri, escape_user};

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
    /// Whether it says the same of the same one.
    pub fn is_same(&self, other: &Party) -> bool {
        (&self.name, &self.number, self.presentation) == (&other.name, &other.number, other.presentation)
    }

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

/// What a peer says of itself in a call: P-Asserted-Identity first. `None` without a number.
pub(super) fn connected_of(line: &ConnectedLine) -> Option<Party> {
    let addresses = line.asserted.iter().filter_map(|value| NameAddr::parse(value).ok());
    let asserted = of_asserted(addresses, line.privacy.as_deref());
    asserted.or_else(|| of_remote_party(&NameAddr::parse(line.remote_party.first()?).ok()?))
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
    let values = message.values(Header::PAssertedIdentity).filter_map(|value| NameAddr::parse(value).ok());
    of_asserted(values, message.header(Header::Privacy))
}

/// The first with a user counts; Privacy other than `none` hides it.
fn of_asserted<'m>(mut values: impl Iterator<Item = NameAddr<'m>>, privacy: Option<&[u8]>) -> Option<Party> {
    let found = values
        .find(|address| address.uri().is_ok_and(|uri| uri.user.is_some_and(|user| !user.is_empty())))?;
    let private = privacy.is_some_and(|privacy| !privacy.trim_ascii().eq_ignore_ascii_case(b"none"));
    let presentation = if private { Presentation::Prohib } else { Presentation::AllowedNotScreened };
    Some(Party { presentation, ..party_of(&found) })
}

fn remote_party(message: &Message<'_>) -> Option<Party> {
    of_remote_party(&NameAddr::parse(message.values(Header::RemotePartyId).next()?).ok()?)
}

fn of_remote_party(address: &NameAddr<'_>) -> Option<Party> {
    let is =
        |name: &[u8], word: &[u8]| address.params.value(name).is_some_and(|v| v.eq_ignore_ascii_case(word));
    let screened = is(b"screen", b"yes");
    let presentation = match (is(b"privacy", b"full"), screened) {
        (true, true) => Presentation::ProhibPassedScreen,
        (true, false) => Presentation::ProhibNotScreened,
        (false, true) => Presentation::AllowedPassedScreen,
        (false, false) => Presentation::AllowedNotScreened,
    };
    let party = Party { presentation, ..party_of(address) };
    (!party.number.is_empty()).then_some(party)
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

/// What is ours in an identity.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own<'a> {
    /// Our address towards the endpoint.
    pub host: &'a str,
    /// `default_from_user`: for calls without a number.
    pub default_from_user: &'a str,
    /// `SIPFROMDOMAIN`; empty for none. It goes before `from_domain`.
    pub from_domain: &'a str,
    /// `use_callerid_contact`: our Contact has the caller's number.
    pub callerid_contact: bool,
}

/// Identity of an INVITE to `endpoint` on behalf of `caller`.
pub(super) fn outbound(
    endpoint: &Endpoint,
    caller: &Party,
    redirecting: &Redirecting,
    own: &Own<'_>,
) -> Outbound {
    let Own { host: own_host, default_from_user, from_domain, callerid_contact } = *own;
    let (options, extra) = (&endpoint.options, endpoint.extra());
    let shown = caller.is_shown() || options.trust_id_outbound;
    let number = if caller.number.is_empty() { default_from_user } else { &caller.number };
    let (mut display, mut user, mut host) = (caller.name.clone(), number.to_owned(), own_host.to_owned());
    if !extra.from_user.is_empty() {
        user = extra.from_user.to_string();
        display = String::new();
    }
    // Hidden even from a peer that is trusted with the number: that one finds it in P-Asserted-Identity.
    if !caller.is_shown() {
        display = "Anonymous".into();
        host = "anonymous.invalid".into();
        if extra.from_user.is_empty() {
            user = "anonymous".into();
        }
    }
    let named = [from_domain, &options.from_domain].into_iter().find(|named| !named.is_empty());
    if let Some(named) = named {
        host = named.to_owned();
    }
    let phone = options.user_eq_phone && is_phone(&user);
    let mut out = Outbound { from: address(&display, &user, &host, phone), ..Outbound::default() };
    let own = [&*extra.contact_user, if callerid_contact { &caller.number } else { "" }, &*extra.from_user];
    out.contact_user = own.into_iter().find(|user| !user.is_empty()).unwrap_or(default_from_user).to_owned();
    if shown && !caller.number.is_empty() {
        out.lines =
            identity_lines(endpoint, caller, &host_of_identity(options.from_domain.as_ref(), own_host), true);
    }
    out.lines.extend_from_slice(&redirecting::lines(endpoint, redirecting, own_host));
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

/// `"name" <sip:user@host>`. What may not stand in a URI is escaped; a `@` in the user brings its own host, if what
/// follows is one.
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
    let own = user.split_once('@').filter(|(_, host)| Host::parse(host.as_bytes()).is_some());
    let (user, host) = own.unwrap_or((user, host));
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
    use crate::config::value::callerid::CallerId;
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

    const OWN: Own<'_> =
        Own { host: "h", default_from_user: "asterisk", from_domain: "", callerid_contact: false };

    #[test]
    fn from_and_asserted_identities_follow_the_trust_options() {
        let all = endpoint(|e| {
            let options = Arc::make_mut(&mut e.options);
            (options.send_pai, options.send_rpid) = (true, true);
        });
        let shown = outbound(&all, &caller(Presentation::Allowed), &Redirecting::default(), &OWN);
        assert_eq!(text(&shown.from), "\"An \\\"A\\\"\" <sip:100@h>");
        assert_eq!(
            text(&shown.lines),
            "P-Asserted-Identity: \"An \\\"A\\\"\" <sip:100@h>\r\n\
             Remote-Party-ID: \"An \\\"A\\\"\" <sip:100@h>;party=calling;privacy=off;screen=no\r\n"
        );
        let hidden = caller(Presentation::Prohib);
        let out = outbound(&all, &hidden, &Redirecting::default(), &OWN);
        assert_eq!(text(&out.from), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        assert!(out.lines.is_empty());
        let trusted = endpoint(|e| {
            let options = Arc::make_mut(&mut e.options);
            (options.send_pai, options.trust_id_outbound) = (true, true);
        });
        let out = outbound(&trusted, &hidden, &Redirecting::default(), &OWN);
        assert!(text(&out.lines).ends_with("Privacy: id\r\n"));
        assert_eq!(text(&out.from), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        let nobody = outbound(&all, &Party::default(), &Redirecting::default(), &OWN);
        assert_eq!(text(&nobody.from), "<sip:asterisk@h>");
    }

    /// `from_user`, `from_domain`, `SIPFROMDOMAIN`, `user_eq_phone`, `contact_user`, `use_callerid_contact`.
    #[test]
    fn options_name_us() {
        let from = |change: &dyn Fn(&mut Endpoint), who: &Party, own: &Own<'_>| {
            let out = outbound(&endpoint(|e| change(e)), who, &Redirecting::default(), own);
            (text(&out.from), out.contact_user)
        };
        let ann = Party { name: "Ann".into(), number: "+49 30".into(), ..Party::default() };
        let user = |e: &mut Endpoint| Endpoint::extra_mut(e).from_user = "trunk".into();
        assert_eq!(from(&user, &ann, &OWN), ("<sip:trunk@h>".into(), "trunk".into()));
        let hidden = Party { presentation: Presentation::Prohib, ..ann.clone() };
        assert_eq!(from(&user, &hidden, &OWN).0, "\"Anonymous\" <sip:trunk@anonymous.invalid>");
        let domain = |e: &mut Endpoint| Arc::make_mut(&mut e.options).from_domain = "example.com".into();
        assert_eq!(from(&domain, &ann, &OWN).0, "\"Ann\" <sip:+49%2030@example.com>");
        assert_eq!(from(&domain, &hidden, &OWN).0, "\"Anonymous\" <sip:anonymous@example.com>");
        let other = Own { from_domain: "other.example", ..OWN };
        assert_eq!(from(&domain, &ann, &other).0, "\"Ann\" <sip:+49%2030@other.example>");
        let phone = |e: &mut Endpoint| Arc::make_mut(&mut e.options).user_eq_phone = true;
        let digits = Party { number: "4930".into(), ..Party::default() };
        assert_eq!(from(&phone, &digits, &OWN).0, "<sip:4930@h;user=phone>");
        assert_eq!(from(&phone, &ann, &OWN).0, "\"Ann\" <sip:+49%2030@h>");
        let contact = |e: &mut Endpoint| Endpoint::extra_mut(e).contact_user = "gate".into();
        assert_eq!(from(&contact, &digits, &OWN).1, "gate");
        let by_number = Own { callerid_contact: true, ..OWN };
        assert_eq!(from(&user, &digits, &by_number).1, "4930");
        assert_eq!(from(&user, &Party::default(), &by_number).1, "trunk");
        assert_eq!(from(&phone, &digits, &OWN).1, "asterisk", "whoever calls");
    }

    /// `trust_id_inbound`, `callerid`, `callerid_privacy`, `callerid_tag`, and the order they count in.
    #[test]
    fn callers_are_known_by_what_is_trusted() {
        let of = |change: &dyn Fn(&mut Endpoint), lines: &str| {
            let text = format!(
                "INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: \"F\" <sip:1;x=y@h>;tag=1\r\n\
                 To: <sip:x>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{lines}\r\n"
            );
            let mut index = crate::sip::wire::Index::default();
            let message = index.scan(text.as_bytes()).expect("sound");
            caller_of(&endpoint(|e| change(e)), &message, &message.envelope().expect("whole"))
        };
        let said = "P-Asserted-Identity: <sip:h>, \"P\" <sip:2@h>\r\nPrivacy: id\r\n\
                    Remote-Party-ID: \"R\" <sip:3@h>;privacy=full;screen=yes\r\n";
        let rpid = said.split_once("Remote").map(|(_, rest)| format!("Remote{rest}")).expect("two");
        let nothing = |_: &mut Endpoint| {};
        let plain = of(&nothing, said);
        assert_eq!((&*plain.name, &*plain.number, plain.is_shown()), ("F", "1", true));
        let trust = |e: &mut Endpoint| Arc::make_mut(&mut e.options).trust_id_inbound = true;
        let asserted = of(&trust, said);
        assert_eq!(
            (&*asserted.name, &*asserted.number, asserted.presentation),
            ("P", "2", Presentation::Prohib)
        );
        assert!(of(&trust, &said.replace("id\r\n", "none\r\n")).is_shown());
        let remote = of(&trust, &rpid);
        assert_eq!((&*remote.number, remote.presentation), ("3", Presentation::ProhibPassedScreen));
        assert_eq!(of(&trust, "").number, "1", "nothing was asserted");
        let known = |e: &mut Endpoint| {
            e.callerid = CallerId::read("\"Desk\" <200>");
            Endpoint::extra_mut(e).callerid_tag = "t".into();
            Arc::make_mut(&mut e.options).callerid_privacy = Presentation::Prohib;
        };
        let configured = of(&known, said);
        assert_eq!((&*configured.name, &*configured.number, &*configured.tag), ("Desk", "200", "t"));
        assert!(!configured.is_shown());
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
