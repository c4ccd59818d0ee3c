//! One outbound publication: what its PUBLISH says, and what is said of it.

use super::publications::Publishers;
use super::registrations::{bare, route_of};
use super::request::{From, Purpose, Request};
use crate::base::ids::Name;
use crate::base::rng::Rng;
use crate::base::time::{Moment, Now};
use crate::config::model::OutboundPublish;
use crate::outbound::publish::{Outcome, Publication, Send, Settings};
use crate::sip::mint::{self, Shard};
use crate::switch::Switch;
use crate::switch::lamps::{Ends, Item};
use crate::switch::view::{Level, PublicationView};
use std::net::SocketAddr;
use std::sync::Arc;

/// One of them.
#[derive(Debug)]
pub(super) struct Publisher {
    pub config: Arc<OutboundPublish>,
    /// The extension it is about; empty without `multi_user`.
    pub user: Name,
    pub machine: Publication<Item>,
    /// Whether the other server shall be asked to tell us everything.
    pub asks: bool,
    tag: Vec<u8>,
    call_id: Vec<u8>,
    pub cseq: u32,
    /// Version of the next dialog-info body.
    version: u32,
    pub timer: Option<Moment>,
    /// Where the last PUBLISH was answered, or went.
    pub server: Option<SocketAddr>,
}

impl Publisher {
    pub fn new(
        from: Moment,
        config: Arc<OutboundPublish>,
        (user, asks): (Name, bool),
        rng: &mut Rng,
    ) -> Publisher {
        let settings =
            Settings { expiration_secs: config.expiration_secs, max_auth_attempts: config.max_auth_attempts };
        let mut tag = Vec::new();
        mint::tag(Shard(0), rng, &mut tag);
        let mut call_id = Vec::new();
        mint::call_id(rng, &mut call_id);
        let cseq = 1 + u32::try_from(rng.below(30_000)).unwrap_or(0);
        let machine = Publication::new(from, settings);
        Publisher { config, user, machine, asks, tag, call_id, cseq, version: 0, timer: None, server: None }
    }

    /// One of the section's URIs, about an extension where there is one.
    fn uri(&self, uri: &str, exten: &str) -> String {
        if exten.is_empty() { bare(uri).to_owned() } else { with_user(bare(uri), exten) }
    }
}

impl Switch {
    /// The PUBLISH, all but where it goes.
    pub(super) fn publish_request(&mut self, number: u64, send: &Send<Item>) -> Option<Request> {
        let publisher = self.trunks.publishers.all.get(&number)?;
        let config = Arc::clone(&publisher.config);
        let exten = match send {
            Send::Tell(Item::Hint(hint)) => self.lamps.published.hint(*hint).map(|hint| hint.exten.clone()),
            _ => None,
        };
        // The document is about its extension even where the request is not.
        let about = exten.unwrap_or_else(|| publisher.user.clone());
        let (local, remote) =
            (publisher.uri(&config.from_uri, &about), publisher.uri(&config.to_uri, &about));
        let ends = Ends { local: &local, remote: &remote, version: publisher.version };
        let body = match send {
            Send::Tell(item) => Some(self.published_body(&config, item, &ends)),
            Send::Refresh | Send::Remove => None,
        };
        let publisher = self.trunks.publishers.all.get_mut(&number)?;
        publisher.version = publisher.version.wrapping_add(u32::from(body.is_some()));
        let expires = if *send == Send::Remove { 0 } else { publisher.machine.interval_secs() };
        let mut lines = format!("Event: {}\r\nExpires: {expires}\r\n", config.event.word());
        if let Some(tag) = publisher.machine.tag() {
            lines.push_str(&format!("SIP-If-Match: {tag}\r\n"));
        }
        let user = &publisher.user;
        Some(Request {
            purpose: Purpose::Publication(number),
            method: "PUBLISH",
            uri: publisher.uri(&config.server_uri, user).into_bytes(),
            route: route_of(&config.outbound_proxy),
            transport: config.transport.clone(),
            known: None,
            from: From::Whole(format!("<{}>", publisher.uri(&config.from_uri, user)).into_bytes()),
            tag: publisher.tag.clone(),
            to: format!("<{}>", publisher.uri(&config.to_uri, user)).into_bytes(),
            call_id: publisher.call_id.clone(),
            cseq: publisher.cseq,
            contact: None,
            lines: lines.into_bytes(),
            user_agent: Name::default(),
            body: body.map(|(kind, text)| (kind.to_owned(), text.into_bytes())),
            auths: config.outbound_auth.clone(),
            avoid: Vec::new(),
            follows: false,
            been: Vec::new(),
        })
    }

    /// `pjsip show publications outbound`
    pub(in crate::switch) fn outbound_publication_views(&self, now: Now) -> Vec<PublicationView> {
        let publishers: &Publishers = &self.trunks.publishers;
        let all = publishers.current.values().filter_map(|number| publishers.all.get(number));
        let view = |publisher: &Publisher| PublicationView {
            name: publisher.config.name.to_string(),
            peer: publisher.config.server_uri.to_string(),
            event: publisher.config.event.word().to_owned(),
            user: publisher.user.to_string(),
            state: state(publisher),
            expires_secs: publisher.machine.next_deadline().map(|at| at.since(now.at).as_secs()),
            why: why(publisher),
        };
        all.map(view).collect()
    }
}

fn state(publisher: &Publisher) -> &'static str {
    match (publisher.machine.is_stopped(), publisher.machine.tag()) {
        (true, _) => "Stopped",
        (false, Some(_)) => "Active",
        (false, None) => "Inactive",
    }
}

/// Why it is as it is.
fn why(publisher: &Publisher) -> String {
    let last = match publisher.machine.last() {
        None => "Nothing was answered yet".to_owned(),
        Some(Outcome::Stands { granted_secs, .. }) => {
            let at = publisher.server.map_or_else(String::new, |server| format!(" by {server}"));
            format!("Taken for {granted_secs} s{at}")
        }
        Some(Outcome::Forgotten) => "The server has forgotten it; everything is told again".to_owned(),
        Some(Outcome::Longer { expires_secs }) => format!("The server wants at least {expires_secs} s"),
        Some(Outcome::Dropped(failure)) => format!("The last change was refused: {failure}"),
        Some(Outcome::Refused(failure)) => format!("{failure}; tried again"),
        Some(Outcome::Retry { failure, secs }) => {
            format!("{failure}; everything is told again {secs} s after it")
        }
        Some(Outcome::Stopped(failure)) => {
            format!("{failure}; given up until the section or its outbound_auth changes")
        }
        Some(Outcome::Removed) => "Taken back".to_owned(),
    };
    let waiting = publisher.machine.waiting();
    let out = if publisher.machine.asking().is_some() { "; a PUBLISH is out, unanswered yet" } else { "" };
    if waiting > 0 { format!("{last}{out}; {waiting} states wait") } else { format!("{last}{out}") }
}

/// The log line of an outcome.
pub(super) fn log_line(publisher: &Publisher, outcome: &Outcome) -> (Level, String) {
    let (name, server) = (&publisher.config.name, &publisher.config.server_uri);
    let about = if publisher.user.is_empty() { String::new() } else { format!(" of '{}'", publisher.user) };
    let what = format!("Outbound publish '{name}'{about} at '{server}'");
    match outcome {
        Outcome::Stands { granted_secs, anew: true } if publisher.user.is_empty() => {
            (Level::Notice, format!("{what} stands for {granted_secs} s"))
        }
        Outcome::Stands { granted_secs, .. } => (Level::Debug, format!("{what} stands for {granted_secs} s")),
        Outcome::Forgotten => {
            (Level::Notice, format!("{what} was forgotten there, telling everything again"))
        }
        Outcome::Longer { expires_secs } => {
            (Level::Notice, format!("{what}: the server wants at least {expires_secs} s, asking for them"))
        }
        Outcome::Dropped(failure) => (Level::Warning, format!("{what}: a change was refused: {failure}")),
        Outcome::Refused(failure) => (Level::Warning, format!("{what}: {failure}, trying again")),
        Outcome::Retry { failure, secs } => {
            (Level::Warning, format!("{what} failed: {failure}, telling everything again in {secs} s"))
        }
        Outcome::Stopped(failure) if matches!(failure.status, Some(401 | 407)) => {
            let text = format!(
                "Reached maximum number of PUBLISH authentication attempts on outbound publish '{name}'"
            );
            (Level::Error, format!("{text} ({failure})"))
        }
        Outcome::Stopped(failure) => (Level::Error, format!("{what} is given up: {failure}")),
        Outcome::Removed => (Level::Notice, format!("{what} is taken back")),
    }
}

/// A SIP URI with another user part. What cannot stand there is escaped (RFC 3261 25.1).
fn with_user(uri: &str, user: &str) -> String {
    let (scheme, rest) = uri.split_once(':').unwrap_or(("sip", uri));
    let host = rest.rfind('@').map_or(0, |at| at + 1);
    let mut text = format!("{scheme}:");
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text.push('@');
    text.push_str(&rest[host..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_part_of_a_uri_is_replaced() {
        let table = [
            ("sip:127.0.0.1", "100", "sip:100@127.0.0.1"),
            ("sips:a@h:5061;transport=tls", "*7#", "sips:*7%23@h:5061;transport=tls"),
            ("sip:a;b@h", "100", "sip:100@h"),
            ("sip:[::1]:5060;lr", "100", "sip:100@[::1]:5060;lr"),
        ];
        for (uri, user, expected) in table {
            assert_eq!(with_user(uri, user), expected);
        }
    }
}
