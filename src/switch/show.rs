//! Live state as values to print.

use super::Switch;
use super::view::{
    AorView, AuthView, ContactView, EndpointView, IdentifyView, Kind, Options, Reply, TransportView,
};
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::Now;
use crate::config::Object;
use crate::config::model::{Aor, Auth, Endpoint, Identify, Transport};
use crate::config::value::network::Match;
use crate::outbound::qualify::Status;
use crate::registrar::Binding;
use std::sync::Arc;

impl Switch {
    /// Objects of a kind, sorted by name; one with its options, or all without.
    pub(super) fn show(&self, now: Now, kind: Kind, name: Option<&str>) -> Reply {
        let objects = &self.directory.objects;
        let single = name.is_some();
        match kind {
            Kind::Endpoint => Reply::Endpoints(
                self.each(objects.endpoints.iter(), name, |e| self.endpoint_view(now, e, single)),
            ),
            Kind::Aor => Reply::Aors(self.each(objects.aors.iter(), name, |a| self.aor_view(now, a, single))),
            Kind::Auth => Reply::Auths(self.each(objects.auths.iter(), name, |a| auth_view(a, single))),
            Kind::Contact => Reply::Contacts(self.contacts_view(now, name)),
            Kind::Transport => Reply::Transports(
                self.each(objects.transports.iter(), name, |t| self.transport_view(t, single)),
            ),
            Kind::Identify => {
                Reply::Identifies(self.each(objects.identifies.iter(), name, |i| identify_view(i, single)))
            }
            Kind::Registration => Reply::Registrations(self.registration_views(now, name)),
            Kind::Channel => Reply::Channels(self.channel_views(now, name)),
            Kind::Acl => {
                Reply::Options(self.each(objects.acls.iter(), name, |o| (o.name.to_string(), o.options())))
            }
            Kind::DomainAlias => Reply::Options(
                self.each(objects.domain_aliases.iter(), name, |o| (o.name.to_string(), o.options())),
            ),
            Kind::Global => Reply::Options(vec![("global".into(), objects.global.options())]),
            Kind::System => Reply::Options(vec![("system".into(), objects.system.options())]),
        }
    }

    /// [`Command::ShowSome`](super::view::Command::ShowSome).
    pub(super) fn show_some(&self, now: Now, kind: Kind, names: &[Name]) -> Reply {
        let objects = &self.directory.objects;
        let aors = || names.iter().filter_map(|name| objects.aors.get(name));
        match kind {
            Kind::Endpoint => {
                let some = names.iter().filter_map(|name| objects.endpoints.get(name));
                Reply::Endpoints(some.map(|endpoint| self.endpoint_view(now, endpoint, false)).collect())
            }
            Kind::Aor => Reply::Aors(aors().map(|aor| self.aor_view(now, aor, false)).collect()),
            Kind::Auth => {
                let some = names.iter().filter_map(|name| objects.auths.get(name));
                Reply::Auths(some.map(|auth| auth_view(auth, false)).collect())
            }
            Kind::Contact => {
                let mut all = Vec::new();
                for aor in aors() {
                    all.extend(aor.contact.iter().map(|uri| self.static_contact(aor, uri)));
                    all.extend(self.own_contacts(&aor.name).map(|binding| self.contact_view(now, binding)));
                }
                Reply::Contacts(all)
            }
            other => Reply::Refused(format!("{other:?}s are shown all at once")),
        }
    }

    /// Registered contacts of an aor that this server took; others' are theirs to show.
    fn own_contacts(&self, aor: &Name) -> impl Iterator<Item = &Binding> {
        self.registrar.contacts(aor).filter(|binding| binding.reg_server == self.systemname)
    }

    fn each<'a, T: 'a, V>(
        &self,
        all: impl Iterator<Item = (&'a Name, &'a Arc<T>)>,
        name: Option<&str>,
        view: impl Fn(&T) -> V,
    ) -> Vec<V> {
        let mut wanted: Vec<(&Name, &Arc<T>)> =
            all.filter(|(n, _)| name.is_none_or(|name| ***n == *name)).collect();
        wanted.sort_by(|a, b| a.0.cmp(b.0));
        wanted.into_iter().map(|(_, object)| view(object)).collect()
    }

    fn endpoint_view(&self, now: Now, endpoint: &Endpoint, single: bool) -> EndpointView {
        let objects = &self.directory.objects;
        let auths = |names: &[Name]| {
            names
                .iter()
                .filter_map(|name| objects.auths.get(name))
                .map(|auth| auth_view(auth, false))
                .collect()
        };
        let aors = endpoint.aors.iter().filter_map(|name| objects.aors.get(name));
        let transport = objects.transports.get(&endpoint.options.transport);
        let identifies = objects.identifies.values().filter(|identify| identify.endpoint == endpoint.name);
        let channels = self.channels_of(now, &endpoint.name);
        EndpointView {
            name: endpoint.name.clone(),
            callerid_number: endpoint.callerid.number().to_owned(),
            state: self.state_of_endpoint(&endpoint.name).text(),
            active_channels: channels.len(),
            busy_at: endpoint.options.device_state_busy_at,
            outbound_auths: auths(&endpoint.extra().outbound_auth),
            inbound_auths: auths(&endpoint.auth),
            aors: aors.map(|aor| self.aor_view(now, aor, false)).collect(),
            transport: transport.map(|transport| self.transport_view(transport, false)),
            identifies: identifies.map(|identify| identify_view(identify, false)).collect(),
            channels,
            options: options_of(endpoint, single),
        }
    }

    /// How many endpoints are in which state.
    pub(super) fn endpoint_states(&self) -> Vec<(&'static str, usize)> {
        let endpoints = &self.directory.objects.endpoints;
        let mut states: std::collections::BTreeMap<&'static str, usize> = Default::default();
        if endpoints.len() <= limits::METRIC_ENDPOINTS {
            let each = endpoints.keys().map(|name| self.state_of_endpoint(name).text());
            each.for_each(|state| *states.entry(state).or_default() += 1);
        }
        states.into_iter().collect()
    }

    fn aor_view(&self, now: Now, aor: &Aor, single: bool) -> AorView {
        let mut contacts: Vec<ContactView> =
            aor.contact.iter().map(|uri| self.static_contact(aor, uri)).collect();
        contacts.extend(self.registrar.contacts(&aor.name).map(|binding| self.contact_view(now, binding)));
        contacts.sort_by(|a, b| (a.dynamic, &a.hash).cmp(&(b.dynamic, &b.hash)));
        let mut options = options_of(aor, single);
        if !contacts.is_empty()
            && let Some(place) = options.iter().position(|(name, _)| *name == "contact")
        {
            // Asterisk lists every contact here, registered ones too.
            options.retain(|(name, _)| *name != "contact");
            let rows = contacts.iter().map(|contact| ("contact", contact.uri.clone()));
            options.splice(place..place, rows);
        }
        AorView { name: aor.name.clone(), max_contacts: aor.options.max_contacts, contacts, options }
    }

    fn contacts_view(&self, now: Now, name: Option<&str>) -> Vec<ContactView> {
        let mut all = Vec::new();
        for aor in self.directory.objects.aors.values() {
            all.extend(aor.contact.iter().map(|uri| self.static_contact(aor, uri)));
        }
        for aor in self.registrar.aors() {
            all.extend(self.own_contacts(aor).map(|binding| self.contact_view(now, binding)));
        }
        all.retain(|contact| name.is_none_or(|name| contact.id() == name));
        all.sort_by_cached_key(ContactView::id);
        all
    }

    fn static_contact(&self, aor: &Aor, uri: &Name) -> ContactView {
        let digest = md5::compute(uri.as_bytes());
        let status = self.qualify.status(&(aor.name.clone(), digest.0));
        ContactView {
            aor: aor.name.clone(),
            uri: uri.to_string(),
            hash: format!("{digest:x}"),
            dynamic: false,
            status: status.short(),
            rtt_micros: micros(status),
            expires: None,
            options: static_contact_options(uri),
            source: None,
            user_agent: String::new(),
        }
    }

    pub(super) fn contact_view(&self, _now: Now, binding: &Binding) -> ContactView {
        let status = self.qualify.status(&(binding.aor.clone(), binding.hash));
        let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let own = vec![
            ("call_id", binding.call_id.to_string()),
            ("endpoint", binding.endpoint.to_string()),
            ("expiration_time", binding.expires.secs().to_string()),
            ("path", binding.path.to_string()),
            ("prune_on_boot", yes_no(binding.prune_on_boot)),
            ("reg_server", binding.reg_server.to_string()),
            ("uri", binding.uri.to_string()),
            ("user_agent", binding.user_agent.to_string()),
            ("via_addr", binding.via.0.to_string()),
            ("via_port", binding.via.1.to_string()),
        ];
        let options = self.directory.aor(&binding.aor).map(|aor| contact_options(&aor.options, own));
        ContactView {
            aor: binding.aor.clone(),
            uri: binding.uri.to_string(),
            hash: binding.hash_hex(),
            dynamic: true,
            status: status.short(),
            rtt_micros: micros(status),
            expires: Some(binding.expires),
            options: options.unwrap_or_default(),
            source: Some(binding.source.into()),
            user_agent: binding.user_agent.to_string(),
        }
    }

    fn transport_view(&self, transport: &Transport, single: bool) -> TransportView {
        let bound = self.transports.values().find(|bound| bound.name == transport.name);
        let bind = transport.bind.map(|bind| bind.to_string()).unwrap_or_default();
        TransportView {
            name: transport.name.clone(),
            protocol: protocol_word(transport),
            cos: transport.cos,
            tos: transport.tos,
            bind: bound.map_or(bind, |bound| bound.bound.to_string()),
            fault: bound.is_none().then(|| "not listening".to_owned()),
            options: options_of(transport, single),
        }
    }
}

fn micros(status: Status) -> Option<u64> {
    status.rtt().map(|rtt| rtt.as_micros() as u64)
}

/// `show contact`'s table: the contact's own fields and what it takes from its aor, in alphabetical order.
fn contact_options(aor: &crate::config::model::AorOptions, own: Vec<(&'static str, String)>) -> Options {
    let mut options = own;
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    options.push(("authenticate_qualify", yes_no(aor.authenticate_qualify)));
    options.push(("outbound_proxy", aor.outbound_proxy.to_string()));
    options.push(("qualify_2xx_only", aor.qualify_2xx_only.to_string()));
    options.push(("qualify_frequency", aor.qualify_frequency_secs.to_string()));
    options.push(("qualify_timeout", format!("{:.6}", aor.qualify_timeout.as_secs_f64())));
    options.sort_by_key(|(name, _)| *name);
    options
}

/// A static contact has nothing but its URI; the rest is shown at its defaults, as in Asterisk.
pub(super) fn static_contact_options(uri: &str) -> Options {
    let own = ["call_id", "endpoint", "path", "reg_server", "user_agent", "via_addr"]
        .map(|name| (name, String::new()));
    let mut own = own.to_vec();
    own.push(("expiration_time", "0".into()));
    own.push(("prune_on_boot", "no".into()));
    own.push(("uri", uri.to_owned()));
    own.push(("via_port", "0".into()));
    contact_options(&crate::config::model::AorOptions::default(), own)
}

fn options_of<T: Object>(object: &T, single: bool) -> Options {
    if single { object.options() } else { Vec::new() }
}

fn auth_view(auth: &Auth, single: bool) -> AuthView {
    AuthView {
        name: auth.name.clone(),
        username: auth.username.to_string(),
        options: options_of(auth, single),
    }
}

fn identify_view(identify: &Identify, single: bool) -> IdentifyView {
    let matches = identify.matches.iter().map(|entry| match entry {
        Match::Net { net, port, negated } => {
            let bang = if *negated { "!" } else { "" };
            match port {
                Some(port) => format!("{bang}{}:{port}/{}", net.addr(), net.prefix_len()),
                None => format!("{bang}{net}"),
            }
        }
        Match::Host { host, port } => match port {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        },
    });
    let option = |name| identify.option(name).unwrap_or_default();
    IdentifyView {
        name: identify.name.clone(),
        endpoint: identify.endpoint.clone(),
        matches: matches.collect(),
        header: option("match_header"),
        request_uri: option("match_request_uri"),
        options: options_of(identify, single),
    }
}

fn protocol_word(transport: &Transport) -> &'static str {
    use crate::config::model::transport::Protocol;
    match transport.protocol {
        Protocol::Udp => "udp",
        Protocol::Tcp => "tcp",
        Protocol::Tls => "tls",
        Protocol::Ws => "ws",
        Protocol::Wss => "wss",
        Protocol::Flow => "flow",
    }
}
