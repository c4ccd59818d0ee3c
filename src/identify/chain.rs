//! The identifiers and the order they are tried in.

use super::ip::Sections;
use super::names::Candidates;
use super::pattern::{fits, header_fits};
use crate::base::ids::Name;
use crate::sip::wire::{Header, Message, Uri, text};
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

/// The ways to find an endpoint; names as in `endpoint_identifier_order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// The `line` parameter of an outbound registration.
    Line,
    /// Source address.
    Ip,
    /// User part of From.
    Username,
    /// The endpoint called `anonymous`.
    Anonymous,
    /// User name of the credentials.
    AuthUsername,
    /// A header.
    Header,
    /// The request URI.
    RequestUri,
}

impl Identifier {
    /// All that have a name, in the order they come when the configured list leaves them out.
    const NAMED: [Identifier; 6] = [
        Identifier::Ip,
        Identifier::Username,
        Identifier::Anonymous,
        Identifier::AuthUsername,
        Identifier::Header,
        Identifier::RequestUri,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Identifier::Line => "line",
            Identifier::Ip => "ip",
            Identifier::Username => "username",
            Identifier::Anonymous => "anonymous",
            Identifier::AuthUsername => "auth_username",
            Identifier::Header => "header",
            Identifier::RequestUri => "request_uri",
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the chain asks of the configuration.
pub trait Directory {
    /// The endpoint of exactly that name.
    fn endpoint(&self, name: &str) -> Option<Name>;
    /// Whether its `identify_by` lists the identifier.
    fn wants(&self, endpoint: &str, by: Identifier) -> bool;
    /// The domain a `domain_alias` of that host stands for.
    fn domain_alias(&self, host: &str) -> Option<&str>;
    /// Whether any endpoint has a domain in its name; if none has, no domain is looked up.
    fn has_domains(&self) -> bool;
    /// The endpoint of the outbound registration with that `line` value.
    fn line(&self, value: &str) -> Option<Name>;
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a, 'm> {
    /// The message.
    pub message: &'a Message<'m>,
    /// Its From URI.
    pub from: &'a Uri<'m>,
    /// Its To URI, when it can be read.
    pub to: Option<&'a Uri<'m>>,
    /// The packet's source.
    pub source: SocketAddr,
    /// `domain` of the transport it came by.
    pub transport_domain: Option<&'a str>,
}

/// The endpoint, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The endpoint.
    pub endpoint: Name,
    /// By which identifier.
    pub by: Identifier,
    /// By which `identify` section, for ip, header and request_uri.
    pub section: Option<Name>,
}

/// The steps of a search, kept only when somebody asked for them.
#[derive(Debug, Default)]
pub struct Trace {
    /// `None`: nobody asked.
    pub steps: Option<Vec<(Identifier, &'static str, String)>>,
}

impl Trace {
    /// Keeping steps.
    pub fn kept() -> Trace {
        Trace { steps: Some(Vec::new()) }
    }

    /// An identifier looked at something and passed on.
    pub fn pass(&mut self, by: Identifier, text: impl FnOnce() -> String) {
        self.note(by, "pass", text);
    }

    fn note(&mut self, by: Identifier, outcome: &'static str, text: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            steps.push((by, outcome, text()));
        }
    }
}

/// The configured chain.
#[derive(Clone, Debug)]
pub struct Chain {
    order: Vec<Identifier>,
    sections: Sections,
    disable_multi_domain: bool,
    ignore_uri_user_options: bool,
}

impl Chain {
    /// From `endpoint_identifier_order` and its companions. Names in `order` that are no identifier are ignored here
    /// (`check` reports them).
    pub fn new<'a>(
        order: impl Iterator<Item = &'a str>,
        sections: Sections,
        disable_multi_domain: bool,
        ignore_uri_user_options: bool,
    ) -> Chain {
        let mut all = vec![Identifier::Line];
        let named = order.filter_map(|name| Identifier::NAMED.into_iter().find(|i| i.name() == name));
        for identifier in named.chain(Identifier::NAMED) {
            if !all.contains(&identifier) {
                all.push(identifier);
            }
        }
        Chain { order: all, sections, disable_multi_domain, ignore_uri_user_options }
    }

    /// The identifiers in the order they are tried.
    pub fn order(&self) -> &[Identifier] {
        &self.order
    }

    /// The `identify` sections.
    pub fn sections(&self) -> &Sections {
        &self.sections
    }

    /// The same chain over other sections: host names were resolved anew.
    pub fn set_sections(&mut self, sections: Sections) {
        self.sections = sections;
    }

    /// Finds the endpoint of a request.
    pub fn identify<D: Directory>(
        &self,
        request: &Request<'_, '_>,
        directory: &D,
        trace: &mut Trace,
    ) -> Option<Found> {
        for by in &self.order {
            let found = match by {
                Identifier::Line => by_line(request, directory).map(|endpoint| (endpoint, None)),
                Identifier::Ip => self.by_ip(request, directory, trace),
                Identifier::Header | Identifier::RequestUri => {
                    self.by_pattern(*by, request, directory, trace)
                }
                Identifier::Username => self.by_username(request, directory, trace).map(|e| (e, None)),
                Identifier::AuthUsername => {
                    self.by_auth_username(request, directory, trace).map(|e| (e, None))
                }
                Identifier::Anonymous => self.by_anonymous(request, directory, trace).map(|e| (e, None)),
            };
            if let Some((endpoint, section)) = found {
                trace.note(*by, "match", || match &section {
                    Some(section) => format!("identify '{section}' leads to endpoint '{endpoint}'"),
                    None => format!("endpoint '{endpoint}'"),
                });
                return Some(Found { endpoint, by: *by, section });
            }
        }
        None
    }

    fn by_ip<D: Directory>(
        &self,
        request: &Request<'_, '_>,
        directory: &D,
        trace: &mut Trace,
    ) -> Option<(Name, Option<Name>)> {
        let found = self.sections.find(request.source);
        if trace.steps.is_some() {
            let others = self.sections.all().iter().filter(|s| !s.rules.is_empty());
            for section in others.filter(|s| found.is_none_or(|f| f.name != s.name)) {
                let (name, source) = (&section.name, request.source);
                trace.pass(Identifier::Ip, || match section.means(source) {
                    true => {
                        format!("identify '{name}' matches too, but less specifically or by a later name")
                    }
                    false => format!("Source address {source} does not match identify '{name}'"),
                });
            }
        }
        self.lead(Identifier::Ip, found?, directory, trace)
    }

    fn by_pattern<D: Directory>(
        &self,
        by: Identifier,
        request: &Request<'_, '_>,
        directory: &D,
        trace: &mut Trace,
    ) -> Option<(Name, Option<Name>)> {
        let uri = request.message.uri_text();
        let section = self.sections.all().iter().find(|section| match by {
            Identifier::Header => {
                section.header.as_ref().is_some_and(|rule| header_fits(rule, request.message))
            }
            _ => section.request_uri.as_ref().is_some_and(|pattern| fits(pattern, uri)),
        })?;
        self.lead(by, section, directory, trace)
    }

    /// A section that names an endpoint which does not exist ends its identifier: later sections are not tried.
    fn lead<D: Directory>(
        &self,
        by: Identifier,
        section: &super::ip::Section,
        directory: &D,
        trace: &mut Trace,
    ) -> Option<(Name, Option<Name>)> {
        let endpoint = directory.endpoint(&section.endpoint);
        if endpoint.is_none() {
            let (name, endpoint) = (&section.name, &section.endpoint);
            trace.pass(by, || format!("identify '{name}' names endpoint '{endpoint}', which does not exist"));
        }
        Some((endpoint?, Some(section.name.clone())))
    }

    fn by_username<D: Directory>(
        &self,
        request: &Request<'_, '_>,
        directory: &D,
        trace: &mut Trace,
    ) -> Option<Name> {
        if !request.from.is_sip() {
            trace.pass(Identifier::Username, || "From is no SIP URI".into());
            return None;
        }
        let user = self.user_of(request.from);
        let host = self.host_of(request, directory);
        let found = self.candidates(&user, &host, request).find(directory, trace, Identifier::Username);
        if found.is_none() {
            trace.pass(Identifier::Username, || format!("Could not identify endpoint by username '{user}'"));
        }
        self.wanted(found?, Identifier::Username, directory, trace)
    }

    fn by_auth_username<D: Directory>(
        &self,
        request: &Request<'_, '_>,
        directory: &D,
        trace: &mut Trace,
    ) -> Option<Name> {
        let by = Identifier::AuthUsername;
        for fields in request.message.auth_fields(Header::Authorization) {
            if !fields.is_digest() {
                break;
            }
            let unquoted =
                |name: &[u8]| String::from_utf8_lossy(fields.field(name).unwrap_or_default()).into_owned();
            let (user, realm) = (unquoted(b"username"), unquoted(b"realm"));
            let found = self.candidates(&user, &realm, request).find(directory, trace, by);
            if let Some(found) = found.and_then(|found| self.wanted(found, by, directory, trace)) {
                return Some(found);
            }
        }
        None
    }

    fn by_anonymous<D: Directory>(
        &self,
        request: &Request<'_, '_>,
        directory: &D,
        trace: &mut Trace,
    ) -> Option<Name> {
        if !request.from.is_sip() {
            return None;
        }
        let host = self.host_of(request, directory);
        self.candidates("anonymous", &host, request).find(directory, trace, Identifier::Anonymous)
    }

    /// The From host as text; empty when nobody is looked up by it.
    fn host_of<D: Directory>(&self, request: &Request<'_, '_>, directory: &D) -> String {
        if directory.has_domains() { request.from.host.to_string() } else { String::new() }
    }

    fn candidates<'a>(&self, user: &'a str, host: &'a str, request: &Request<'a, '_>) -> Candidates<'a> {
        Candidates {
            user,
            host,
            transport_domain: request.transport_domain,
            bare_only: self.disable_multi_domain,
        }
    }

    fn wanted<D: Directory>(
        &self,
        found: Name,
        by: Identifier,
        directory: &D,
        trace: &mut Trace,
    ) -> Option<Name> {
        if directory.wants(&found, by) {
            return Some(found);
        }
        trace.pass(by, || format!("endpoint '{found}' exists, but its identify_by does not list {by}"));
        None
    }

    /// The user part as a name: escapes decoded, cut at `;` with `ignore_uri_user_options`.
    pub fn user_of<'m>(&self, uri: &Uri<'m>) -> Cow<'m, str> {
        let user = uri.user.unwrap_or_default();
        let user = match memchr::memchr(b';', user) {
            Some(end) if self.ignore_uri_user_options => &user[..end],
            _ => user,
        };
        if memchr::memchr(b'%', user).is_none() {
            return String::from_utf8_lossy(user);
        }
        Cow::Owned(String::from_utf8_lossy(&text::percent_decode(user)).into_owned())
    }
}

fn by_line<D: Directory>(request: &Request<'_, '_>, directory: &D) -> Option<Name> {
    let from_to = request.to.and_then(|to| to.params.value(b"line"));
    let line = match from_to {
        Some(line) => Some(line),
        None if memchr::memmem::find(request.message.uri_text(), b"line=").is_some() => {
            request.message.uri().ok().and_then(|uri| uri.params.value(b"line"))
        }
        None => None,
    };
    directory.line(std::str::from_utf8(line?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::{Sources, compile, conf, pjsip_conf};
    use crate::identify::{Rule, Section};
    use crate::sip::wire::Index;

    struct Conf {
        endpoints: &'static [(&'static str, &'static [Identifier])],
        aliases: &'static [(&'static str, &'static str)],
    }

    impl Directory for Conf {
        fn endpoint(&self, name: &str) -> Option<Name> {
            self.endpoints.iter().find(|(have, _)| *have == name).map(|(have, _)| (*have).into())
        }
        fn wants(&self, endpoint: &str, by: Identifier) -> bool {
            self.endpoints.iter().any(|(have, by_list)| *have == endpoint && by_list.contains(&by))
        }
        fn domain_alias(&self, host: &str) -> Option<&str> {
            self.aliases.iter().find(|(alias, _)| *alias == host).map(|(_, domain)| *domain)
        }
        fn has_domains(&self) -> bool {
            true
        }
        fn line(&self, value: &str) -> Option<Name> {
            (value == "abcdefg").then(|| "trunk".into())
        }
    }

    const BOTH: &[Identifier] = &[Identifier::Username, Identifier::Ip];
    const CONF: Conf = Conf {
        endpoints: &[
            ("alice", BOTH),
            ("bob@example.com", BOTH),
            ("bob", BOTH),
            ("iponly", &[Identifier::Ip]),
            ("byauth", &[Identifier::AuthUsername]),
            ("trunk", &[Identifier::Ip]),
            ("blue", &[]),
        ],
        aliases: &[("alias.example.com", "example.com")],
    };

    fn chain(order: &str) -> Chain {
        let (mut header, mut request_uri) = (None, None);
        let text =
            "[h]\ntype=identify\nendpoint=blue\nmatch_header=X-Trunk: blue\nmatch_request_uri=/^sip:blue@/\n";
        let files = MemoryFiles::new().with("pjsip.conf", text);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let tree = conf::read(&files, "pjsip.conf", &mut sources, &mut findings);
        let drafts = pjsip_conf::drafts(&tree, &sources, &mut findings);
        for identify in compile(drafts, sources, None).0.identifies.values() {
            header = identify.match_header.clone();
            request_uri = identify.match_request_uri.clone();
        }
        assert!(header.is_some() && request_uri.is_some(), "{findings:?}");
        let section = |name: &str, endpoint: &str| Section {
            name: name.into(),
            endpoint: endpoint.into(),
            rules: vec![],
            header: None,
            request_uri: None,
        };
        let net = |text: &str| Rule { net: text.parse().expect("a network"), port: None, exclude: false };
        Chain::new(
            order.split(','),
            Sections::new(vec![
                Section { rules: vec![net("10.0.0.0/8")], ..section("t", "trunk") },
                Section { rules: vec![net("10.9.0.0/16")], ..section("gone", "ghost") },
                Section { header, request_uri, ..section("h", "blue") },
            ]),
            false,
            false,
        )
    }

    fn found(chain: &Chain, from: &str, source: &str, extra: &str) -> Option<(String, Identifier)> {
        let text = format!(
            "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <{from}>;tag=1\r\nTo: <sip:x@h>\r\nCall-ID: 1\r\n\
             CSeq: 1 REGISTER\r\n{extra}\r\n"
        );
        let mut index = Index::default();
        let message = index.scan(text.as_bytes()).expect("scans");
        let envelope = message.envelope().expect("whole");
        let from = envelope.from.uri().expect("checked by envelope");
        let request = Request {
            message: &message,
            from: &from,
            to: None,
            source: source.parse().expect("an address"),
            transport_domain: None,
        };
        let mut trace = Trace::kept();
        let found = chain.identify(&request, &CONF, &mut trace);
        assert!(trace.steps.is_some_and(|steps| !steps.is_empty()), "a search always leaves steps");
        found.map(|f| (f.endpoint.to_string(), f.by))
    }

    /// S4-6…S4-16, S4-24, S4-35 and the order of identifiers.
    #[test]
    fn the_first_identifier_that_finds_an_endpoint_wins() {
        let standard = chain("ip,username,anonymous");
        type Case<'a> = (&'a str, &'a str, &'a str, Option<(&'a str, Identifier)>);
        let cases: &[Case<'_>] = &[
            ("sip:alice@h", "192.0.2.1:5060", "", Some(("alice", Identifier::Username))),
            ("sip:alice@h", "10.1.1.1:5060", "", Some(("trunk", Identifier::Ip))),
            ("sip:bob@example.com", "192.0.2.1:5060", "", Some(("bob@example.com", Identifier::Username))),
            (
                "sip:bob@alias.example.com",
                "192.0.2.1:5060",
                "",
                Some(("bob@example.com", Identifier::Username)),
            ),
            ("sip:bob@else", "192.0.2.1:5060", "", Some(("bob", Identifier::Username))),
            ("sip:iponly@h", "192.0.2.1:5060", "", None),
            ("sip:Alice@h", "192.0.2.1:5060", "", None),
            ("tel:alice", "192.0.2.1:5060", "", None),
            ("sip:ghost@h", "10.9.1.1:5060", "", None),
            ("sip:ghost@h", "192.0.2.1:5060", "X-Trunk:  blue \r\n", Some(("blue", Identifier::Header))),
            (
                "sip:ghost@h",
                "192.0.2.1:5060",
                "Authorization: Digest username=\"byauth\", realm=\"asterisk\"\r\n",
                Some(("byauth", Identifier::AuthUsername)),
            ),
        ];
        for (from, source, extra, want) in cases {
            let want = want.map(|(name, by)| (name.to_owned(), by));
            assert_eq!(found(&standard, from, source, extra), want, "{from} {source} {extra}");
        }
        let users_first = chain("username,ip");
        assert_eq!(
            found(&users_first, "sip:alice@h", "10.1.1.1:5060", ""),
            Some(("alice".into(), Identifier::Username))
        );
    }
}
