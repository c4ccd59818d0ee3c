//! Where the switch asks its guard: packets of barred sources, what offends, requests refused under overload.

use super::Switch;
use super::counters::Counter;
use super::guard::bans::{Bans, Offence, Policy};
use super::guard::shed::{Backlog, Need, Shedding};
use super::guard::thin::Nuisance;
use super::inbound::Inbound;
use super::io::{Action, Actions};
use super::pipeline::DISTRIBUTOR;
use super::view::{BanView, Event, Level, Reply, RequestFailed};
use crate::authenticate::Why;
use crate::base::ids::{FlowId, Name};
use crate::base::party::party;
use crate::base::time::{Moment, Now};
use crate::config::model::global::OverloadTrigger;
use crate::config::value::network::Match;
use crate::config::{Change, Kind};
use crate::identify::{Identifier, Trace};
use crate::sip::flow::Arrival;
use crate::sip::wire::Header;
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// What the guard remembers.
#[derive(Debug, Default)]
pub(super) struct Guard {
    pub bans: Bans,
    pub shedding: Shedding,
}

impl Switch {
    /// How far behind the edge is; looked at once per turn.
    pub fn observe_backlog(&mut self, backlog: Backlog) {
        self.guard.shedding.observe(backlog);
    }

    /// A packet of a barred source: gone, and its connection with it.
    pub(super) fn barred(&mut self, arrival: &Arrival, out: &mut Actions) {
        self.counters.count(Counter::Barred);
        if arrival.flow != FlowId::DATAGRAM {
            out.queue.push(Action::CloseFlow { flow: arrival.flow, why: "its address is barred" });
        }
    }

    /// Whether the log shall tell what `arrival` brought.
    pub(super) fn tells(&mut self, arrival: &Arrival, kind: Nuisance) -> bool {
        self.ears.thin.admits(self.now.at, arrival.source.ip(), kind)
    }

    /// Counts an offence; the last one of too many bars its source.
    pub(super) fn offend(&mut self, arrival: &Arrival, offence: Offence, out: &mut Actions) {
        let source = arrival.source.ip();
        let Some(time) = self.guard.bans.offend(self.now.at, source, offence) else { return };
        self.counters.count(Counter::Bans);
        if self.tells(arrival, Nuisance::Ban) {
            self.ears.log(out, Level::Notice, "jackfield.conf", || {
                let (secs, why) = (time.as_secs(), offence.words());
                format!("Barred {} for {secs} s: {why}", party(source))
            });
        }
    }

    /// Refuses what is least needed while more comes than can be done. Whether it is dealt with.
    pub(super) fn sheds(&mut self, now: Now, inbound: &Inbound<'_>, out: &mut Actions) -> bool {
        if self.directory.objects.global.taskprocessor_overload_trigger == OverloadTrigger::None {
            return false;
        }
        let bound = || {
            let user = inbound.envelope.to.uri().ok().map(|to| self.directory.chain.user_of(&to));
            user.is_some_and(|user| self.registrar.contacts(&user).len() > 0)
        };
        let need = Need::of(inbound.method, inbound.envelope.to.tag().is_some(), bound);
        if self.guard.shedding.serves(need) {
            return false;
        }
        // What was taken on is not refused when it comes again.
        if !self.repeated(inbound, out) {
            self.guard.shedding.refused(now.at, need);
            self.overloaded(inbound, out);
        }
        true
    }

    /// When [`Switch::sum_up`] has something to say.
    pub(super) fn sum_up_at(&self) -> Option<Moment> {
        [self.ears.thin.next_deadline(), self.guard.shedding.next_deadline()].into_iter().flatten().min()
    }

    /// What was left out of the log, and what was refused.
    pub(super) fn sum_up(&mut self, now: Now, out: &mut Actions) {
        for text in self.ears.thin.summary(now.at) {
            self.ears.log(out, Level::Notice, "logger.c", || text);
        }
        if let Some(text) = self.guard.shedding.summary(now.at) {
            self.ears.log(out, Level::Warning, "taskprocessor.c", || text);
        }
    }

    /// The `ban_*` options and what they exempt may have changed.
    pub(super) fn guard_by(&mut self, changes: &[Change]) {
        let concerns =
            |kind| matches!(kind, Kind::Jackfield | Kind::NamedAcl | Kind::Transport | Kind::Identify);
        if changes.iter().any(|change| match change {
            Change::Put(object) => concerns(object.kind()),
            Change::Remove(kind, _) => concerns(*kind),
            Change::Moved(_) => false,
        }) {
            self.set_bans();
        }
    }

    pub(super) fn set_bans(&mut self) {
        let options = &self.directory.objects.jackfield;
        let secs = |secs: u32| Duration::from_secs(u64::from(secs));
        let networks = if options.ban { self.own_networks() } else { Vec::new() };
        self.guard.bans.set_policy(Policy {
            on: options.ban,
            threshold: options.ban_threshold,
            period: secs(options.ban_period_secs),
            ban: secs(options.ban_time_secs),
            networks,
            exempt: options.ban_exempt.clone(),
        });
    }

    /// Networks of whom we know: `local_net`, and what identifies endpoints by address.
    fn own_networks(&self) -> Vec<IpNet> {
        let objects = &self.directory.objects;
        let local = objects.transports.values().flat_map(|transport| transport.local_net.iter().copied());
        let mut networks: Vec<IpNet> = local.collect();
        for entry in objects.identifies.values().flat_map(|identify| identify.matches.iter()) {
            match entry {
                Match::Net { net, negated: false, .. } => networks.push(*net),
                Match::Net { .. } => {}
                Match::Host { host, .. } => {
                    let addresses = self.directory.hosts.get(host).into_iter().flatten();
                    networks.extend(addresses.map(|address| IpNet::from(*address)));
                }
            }
        }
        networks
    }

    pub(super) fn show_bans(&self, now: Now) -> Reply {
        let standing = self.guard.bans.standing(now.at).into_iter();
        Reply::Bans(
            standing
                .map(|ban| BanView {
                    source: ban.source,
                    left_secs: ban.left.as_secs() + u64::from(ban.left.subsec_nanos() > 0),
                    reason: ban.last.words(),
                    dropped: ban.dropped,
                })
                .collect(),
        )
    }

    /// `security unban ADDR|all`.
    pub(super) fn unban(&mut self, now: Now, source: Option<IpAddr>) -> Reply {
        match source {
            None => Reply::Done(format!("Lifted {} ban(s)", self.guard.bans.lift_all(now.at))),
            Some(source) if self.guard.bans.lift(now.at, source) => {
                Reply::Done(format!("Lifted the ban on {source}"))
            }
            Some(source) => Reply::Refused(format!("{source} is not barred")),
        }
    }

    /// The security event of the 401 queued last.
    pub(super) fn tell_challenge(&mut self, inbound: &Inbound<'_>, account: &str, out: &mut Actions) {
        if !self.ears.security || !self.tells(&inbound.arrival, Nuisance::Challenge) {
            return;
        }
        let sent = String::from_utf8_lossy(out.outbox.last_bytes());
        let nonce = sent.split_once("nonce=\"").and_then(|(_, rest)| rest.split('"').next());
        let nonce = nonce.unwrap_or_default().to_owned();
        self.security(inbound, out, ("ChallengeSent", account), || vec![("Challenge", nonce)]);
    }

    /// Credentials that are not good: counted, and told unless it is only a first try or an old nonce.
    pub(super) fn failed_credentials(
        &mut self,
        inbound: &Inbound<'_>,
        account: &Name,
        why: &Why,
        out: &mut Actions,
    ) {
        self.judge_challenged(inbound, why);
        match why {
            Why::NoCredentials => return,
            Why::StaleNonce => return,
            Why::Replay => self.counters.count(Counter::Replays),
            _ => self.offend(&inbound.arrival, Offence::Credentials, out),
        }
        self.counters.count(Counter::AuthenticationFailed);
        if !self.tells(&inbound.arrival, Nuisance::Credentials) {
            return;
        }
        self.ears
            .log(out, Level::Debug, DISTRIBUTOR, || format!("Endpoint '{account}' not authenticated: {why}"));
        self.security(inbound, out, ("ChallengeResponseFailed", account), || {
            let fields = inbound.message.auth_fields(Header::Authorization).next();
            let text = |name: &[u8]| {
                let value = fields.as_ref().and_then(|fields| fields.field(name)).unwrap_or_default();
                String::from_utf8_lossy(value).trim_matches('"').to_owned()
            };
            vec![("Challenge", text(b"nonce")), ("Response", text(b"response"))]
        });
        self.request_failed(inbound, out, ("Failed to authenticate", None));
    }

    /// Where the search for an endpoint passed on, at debug level (S4-8, S4-9).
    pub(super) fn tell_search(&self, trace: Trace, out: &mut Actions) {
        for (by, outcome, text) in trace.steps.into_iter().flatten() {
            let origin = match by {
                Identifier::Ip | Identifier::Header | Identifier::RequestUri => {
                    "res_pjsip_endpoint_identifier_ip.c"
                }
                Identifier::Anonymous => "res_pjsip_endpoint_identifier_anonymous.c",
                Identifier::Line => "res_pjsip_outbound_registration.c",
                Identifier::Username | Identifier::AuthUsername => "res_pjsip_endpoint_identifier_user.c",
            };
            self.ears.log(out, Level::Debug, origin, || match outcome {
                "match" => format!("Identified by {by}: {text}"),
                _ => text,
            });
        }
    }

    /// The NOTICE that ban tools read: why, and where tries are counted how many there were in how many milliseconds.
    pub(super) fn request_failed(
        &self,
        inbound: &Inbound<'_>,
        out: &mut Actions,
        (reason, tries): (&'static str, Option<(u32, f64)>),
    ) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let event = RequestFailed {
            method: text(inbound.message.method_text()),
            from: text(inbound.message.header(Header::From).unwrap_or_default()),
            source: inbound.arrival.source,
            call_id: text(inbound.envelope.call_id),
            reason,
            tries,
        };
        out.queue.push(Action::Event(Box::new(Event::RequestFailed(Box::new(event)))));
    }
}
