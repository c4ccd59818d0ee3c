//! Outbound registrations: the objects, their state machines and what they send. How an answer is judged is
//! [`outbound::registration`](crate::outbound::registration)'s.

use super::request::{ContactForm, From, Purpose, Request};
use super::sending::{Ended, Sending};
use super::words;
use crate::base::ids::{FlowId, Name};
use crate::base::limits;
use crate::base::rng::Rng;
use crate::base::time::{Moment, Now};
use crate::config::Object;
use crate::config::model;
use crate::outbound::granted_secs;
use crate::outbound::registration::{Answer, End, Registration, Send, Settings, Status, Step};
use crate::sip::mint::{self, Shard};
use crate::sip::wire::{Header, NameAddr, Scheme, Uri};
use crate::switch::Switch;
use crate::switch::counters::Counter;
use crate::switch::directory::Touched;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const ORIGIN: &str = "res_pjsip_outbound_registration.c";

/// All outbound registrations, those included that take their leave.
#[derive(Debug, Default)]
pub(in crate::switch) struct Registrations {
    pub(super) all: BTreeMap<u64, Trunk>,
    /// The one of each object.
    pub(super) current: BTreeMap<Name, u64>,
    timers: BTreeSet<(Moment, u64)>,
    last: u64,
    /// The server drains: nothing is registered, and nobody is waited for beyond this.
    pub(super) leaving_until: Option<Moment>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Trunk {
    pub config: Arc<model::Registration>,
    pub machine: Registration,
    /// By which calls to it are known; empty without `line`.
    line: Box<str>,
    from: Vec<u8>,
    tag: Vec<u8>,
    call_id: Vec<u8>,
    cseq: u32,
    /// The timer in `Registrations::timers`.
    timer: Option<Moment>,
    /// The connection over which it is registered.
    flow: FlowId,
    /// Where the last REGISTER was answered, or went.
    pub server: Option<SocketAddr>,
    /// Where the one that is out went.
    pub sent_to: Option<SocketAddr>,
    /// Targets that failed, and until when they are tried last.
    avoid: Vec<(SocketAddr, Moment)>,
}

impl Registrations {
    pub fn next_deadline(&self) -> Option<Moment> {
        let timer = self.timers.first().map(|(at, _)| *at);
        match self.leaving_until {
            // Timers rest while the server drains.
            Some(until) => self.are_leaving().then_some(until),
            None => timer,
        }
    }

    pub fn are_leaving(&self) -> bool {
        self.leaving_until.is_some() && self.all.values().any(|trunk| trunk.machine.asking().is_some())
    }

    pub(super) fn named(&self, name: &str) -> Option<u64> {
        self.current.get(name).copied()
    }

    /// Makes the timer that of the machine.
    pub(super) fn set_timer(&mut self, number: u64) {
        let Some(trunk) = self.all.get_mut(&number) else { return };
        let next = trunk.machine.next_deadline();
        let before = std::mem::replace(&mut trunk.timer, next);
        if let Some(at) = before {
            self.timers.remove(&(at, number));
        }
        self.timers.extend(next.map(|at| (at, number)));
    }

    fn remove(&mut self, number: u64) {
        if let Some(at) = self.all.remove(&number).and_then(|trunk| trunk.timer) {
            self.timers.remove(&(at, number));
        }
    }
}

impl Trunk {
    fn new(now: Moment, config: Arc<model::Registration>, rng: &mut Rng) -> Trunk {
        let machine = Registration::new(now, <Settings as std::convert::From<_>>::from(&*config), rng);
        let mut line = String::new();
        for _ in 0..if config.line { LINE_LETTERS } else { 0 } {
            line.push(char::from(b'a' + u8::try_from(rng.below(26)).unwrap_or(0)));
        }
        let from = format!("<{}>", bare(&config.client_uri)).into_bytes();
        let mut tag = Vec::new();
        mint::tag(Shard(0), rng, &mut tag);
        let mut call_id = Vec::new();
        mint::call_id(rng, &mut call_id);
        let cseq = 1 + u32::try_from(rng.below(30_000)).unwrap_or(0);
        let flow = FlowId::DATAGRAM;
        let (timer, server, avoid, line) = (None, None, Vec::new(), line.into());
        let sent_to = None;
        Trunk { config, machine, line, from, tag, call_id, cseq, timer, flow, server, sent_to, avoid }
    }

    /// The REGISTER, all but where it goes.
    fn request(&mut self, now: Moment, number: u64, send: Send) -> Request {
        let config = &self.config;
        let expires = match send {
            Send::Register { expires_secs } => expires_secs,
            Send::Unregister => 0,
        };
        let mut lines = format!("Expires: {expires}\r\n").into_bytes();
        let extensions = [(config.support_path, "path"), (config.support_outbound, "outbound")];
        let named: Vec<&str> = extensions.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        if !named.is_empty() {
            lines.extend_from_slice(format!("Supported: {}\r\n", named.join(", ")).as_bytes());
        }
        self.avoid.retain(|(_, until)| *until > now);
        let server_uri = bare(&config.server_uri);
        let user = if config.contact_user.is_empty() { "s" } else { &config.contact_user };
        let contact = ContactForm {
            user: user.to_owned(),
            secure: Uri::parse(server_uri.as_bytes()).is_ok_and(|uri| uri.scheme == Scheme::Sips),
            uri_params: if self.line.is_empty() { String::new() } else { format!(";line={}", self.line) },
            header_params: config.contact_header_params.to_string(),
        };
        Request {
            purpose: Purpose::Registration(number),
            method: "REGISTER",
            uri: server_uri.as_bytes().to_vec(),
            route: route_of(&config.outbound_proxy),
            transport: config.transport.clone(),
            known: None,
            from: From::Whole(self.from.clone()),
            tag: self.tag.clone(),
            to: format!("<{}>", bare(&config.client_uri)).into_bytes(),
            call_id: self.call_id.clone(),
            cseq: self.cseq,
            contact: Some(contact),
            lines,
            user_agent: config.user_agent.clone(),
            body: None,
            auths: config.outbound_auth.to_vec(),
            avoid: self.avoid.iter().map(|(remote, _)| *remote).collect(),
            follows: false,
            been: Vec::new(),
        }
    }
}

impl Switch {
    /// Objects came, went or changed; so did credentials, perhaps.
    pub(in crate::switch) fn registrations_changed(
        &mut self,
        now: Now,
        touched: &Touched,
        out: &mut Actions,
    ) {
        for name in &touched.registrations {
            let new = self.directory.objects.registrations.get(name).cloned();
            let old = self.trunks.registrations.named(name);
            if let (Some(number), Some(config)) = (old, &new)
                && let Some(trunk) = self.trunks.registrations.all.get_mut(&number)
                && trunk.config.all_options() == config.all_options()
            {
                // The same at another place in the files: it stands, and nothing is sent.
                trunk.config = Arc::clone(config);
                continue;
            }
            if let Some(number) = old {
                self.registration_goes(now, number, out);
            }
            if let Some(config) = new {
                self.registration_comes(now, config);
            }
        }
        if touched.auths {
            self.retry_given_up(now);
        }
    }

    fn registration_comes(&mut self, now: Now, config: Arc<model::Registration>) {
        let trunk = Trunk::new(now.at, Arc::clone(&config), &mut self.rng);
        let registrations = &mut self.trunks.registrations;
        registrations.last += 1;
        let number = registrations.last;
        if !trunk.line.is_empty() {
            self.directory.lines.insert(trunk.line.clone(), config.endpoint.clone());
        }
        registrations.all.insert(number, trunk);
        registrations.current.insert(config.name.clone(), number);
        registrations.set_timer(number);
    }

    fn registration_goes(&mut self, now: Now, number: u64, out: &mut Actions) {
        let Some(trunk) = self.trunks.registrations.all.get_mut(&number) else { return };
        self.directory.lines.remove(&trunk.line);
        let name = trunk.config.name.clone();
        let step = trunk.machine.end(now.at);
        self.trunks.registrations.current.remove(&name);
        self.follow(now, number, step, out);
    }

    /// Those that gave up begin anew.
    pub(in crate::switch) fn retry_given_up(&mut self, now: Now) -> usize {
        let registrations = &mut self.trunks.registrations;
        let numbers: Vec<u64> = registrations.current.values().copied().collect();
        let mut begun = 0;
        for number in numbers {
            if let Some(trunk) = registrations.all.get_mut(&number)
                && trunk.machine.status() == Status::Rejected
            {
                trunk.machine.retry_if_given_up(now.at, &mut self.rng);
                begun += 1;
            }
            registrations.set_timer(number);
        }
        begun
    }

    /// What is due.
    pub(in crate::switch) fn trunks_due(&mut self, now: Now, out: &mut Actions) {
        self.publishers_due(now, out);
        if let Some(until) = self.trunks.registrations.leaving_until {
            if until <= now.at {
                self.stop_leaving();
            }
            return;
        }
        for _ in 0..limits::BATCH {
            let registrations = &mut self.trunks.registrations;
            let Some((at, number)) = registrations.timers.first().copied() else { return };
            if at > now.at {
                return;
            }
            let step = match registrations.all.get_mut(&number) {
                Some(trunk) => trunk.machine.due(now.at),
                None => Step::default(),
            };
            registrations.set_timer(number);
            self.follow(now, number, step, out);
        }
    }

    /// A connection is gone: what was registered over it is registered again.
    pub(in crate::switch) fn registrations_lost(
        &mut self,
        now: Now,
        flow: FlowId,
        named: Option<FlowId>,
        out: &mut Actions,
    ) {
        if self.trunks.registrations.leaving_until.is_some() {
            return;
        }
        let lost = |trunk: &Trunk| {
            trunk.machine.status() == Status::Registered
                && trunk.flow.is_connection()
                && (trunk.flow == flow || Some(trunk.flow) == named)
        };
        let all = &self.trunks.registrations.all;
        let numbers: Vec<u64> =
            all.iter().filter(|(_, trunk)| lost(trunk)).map(|(number, _)| *number).collect();
        for number in numbers {
            let Some(trunk) = self.trunks.registrations.all.get_mut(&number) else { continue };
            trunk.flow = FlowId::DATAGRAM;
            let step = trunk.machine.connection_lost(now.at);
            let (name, server) = (trunk.config.name.clone(), trunk.config.server_uri.clone());
            self.ears.log(out, Level::Notice, ORIGIN, || {
                format!(
                    "Outbound registration '{name}': its connection to '{server}' is gone, registering again"
                )
            });
            self.follow(now, number, step, out);
        }
    }

    /// Does what the machine asks for.
    pub(super) fn follow(&mut self, now: Now, number: u64, step: Step, out: &mut Actions) {
        if let (Some(outcome), Some(trunk)) = (&step.outcome, self.trunks.registrations.all.get(&number)) {
            let (level, text) = words::line(trunk, outcome);
            self.ears.log(out, level, ORIGIN, || text);
        }
        if step.over && !self.draining {
            return self.trunks.registrations.remove(number);
        }
        self.trunks.registrations.set_timer(number);
        let Some(send) = step.send else { return };
        let Some(trunk) = self.trunks.registrations.all.get_mut(&number) else { return };
        let request = trunk.request(now.at, number, send);
        self.counters.count(Counter::RegisterSent);
        self.send_outside(now, request, out);
    }

    /// A REGISTER has gone out.
    pub(super) fn registration_sent(&mut self, number: u64, to: SocketAddr) {
        if let Some(trunk) = self.trunks.registrations.all.get_mut(&number) {
            trunk.sent_to = Some(to);
        }
    }

    /// A REGISTER of ours has ended.
    pub(super) fn registration_ended(
        &mut self,
        now: Now,
        number: u64,
        sending: &Sending,
        how: Ended<'_, '_>,
        out: &mut Actions,
    ) {
        let Some(trunk) = self.trunks.registrations.all.get_mut(&number) else { return };
        trunk.cseq = sending.request.cseq.saturating_add(1);
        trunk.server = sending.to.map(|to| to.remote).or(trunk.server);
        let unreachable = |why: &str| (End::NoWay(why.to_owned()), FlowId::DATAGRAM);
        let (end, flow) = match how {
            Ended::Answer(message, arrival, stop) => {
                let number = |header| message.number(header).flatten();
                let own = sending.contact.as_deref().and_then(|contact| {
                    let address = NameAddr::parse(contact.as_bytes()).ok()?;
                    std::str::from_utf8(address.uri_text).ok()
                });
                let asked = match trunk.machine.asking() {
                    Some(Send::Register { expires_secs }) => expires_secs,
                    Some(Send::Unregister) | None => 0,
                };
                let answer = Answer {
                    status: message.status().unwrap_or_default(),
                    note: words::note(message, stop),
                    retry_after_secs: number(Header::RetryAfter),
                    min_expires_secs: number(Header::MinExpires),
                    granted_secs: granted_secs(message, own.unwrap_or_default(), asked),
                };
                (End::Answer(answer), arrival.flow)
            }
            Ended::Silence => (End::Silence, FlowId::DATAGRAM),
            Ended::Unreachable => unreachable("it cannot be reached"),
            Ended::NoWay(why) => unreachable(why),
        };
        trunk.flow = flow;
        let step = trunk.machine.ended(now.at, end, &mut self.rng);
        self.follow(now, number, step, out);
    }

    /// A REGISTER went to the next target.
    pub(super) fn registration_moved(
        &mut self,
        number: u64,
        (from, to): (SocketAddr, SocketAddr),
        status: Option<u16>,
        out: &mut Actions,
    ) {
        let until = self.now.at + Duration::from_secs(limits::AVOID_TARGET_SECS);
        let Some(trunk) = self.trunks.registrations.all.get_mut(&number) else { return };
        (trunk.server, trunk.sent_to) = (Some(to), Some(to));
        trunk.machine.moved(self.now.at);
        trunk.avoid.retain(|(remote, _)| *remote != from);
        if trunk.avoid.len() < limits::DNS_TARGETS {
            trunk.avoid.push((from, until));
        }
        let name = trunk.config.name.clone();
        self.ears.log(out, Level::Notice, ORIGIN, || {
            let what = status.map_or("did not answer".to_owned(), |status| format!("answered {status}"));
            format!("Outbound registration '{name}': {from} {what}, trying {to}")
        });
    }
}

/// A URI option without the brackets that it may have.
pub(super) fn bare(uri: &str) -> &str {
    let uri = uri.trim();
    uri.strip_prefix('<').and_then(|uri| uri.split('>').next()).unwrap_or(uri)
}

/// `outbound_proxy` as a Route value.
pub(super) fn route_of(proxy: &str) -> String {
    match proxy {
        "" => String::new(),
        named if named.starts_with('<') => named.to_owned(),
        bare => format!("<{bare}>"),
    }
}

/// Letters of a line, as in Asterisk.
const LINE_LETTERS: usize = 7;
