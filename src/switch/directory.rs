//! The configuration as requests need it: objects by name, the identifier chain, the challenges in use. Kept current
//! change by change, so that one row among a million costs one row's work.

use super::accounts::{ListedAuth, OutboundAuth, algorithms_as_client, algorithms_of};
use crate::authenticate::Shape;
use crate::authenticate::dummy::Shapes;
use crate::base::ids::Name;
use crate::config::model::{Aor, Auth, Endpoint, Identify};
use crate::config::value::network::Match;
use crate::config::{Change, Kind, Objects};
use crate::identify::{self, Chain, Identifier, Rule, Section, ip::Sections};
use crate::session::Credentials;
use crate::sip::digest::{Algorithm, Hex};
use foldhash::fast::RandomState;
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// Objects and what is derived from them.
#[derive(Debug)]
pub(super) struct Directory {
    pub objects: Objects,
    pub chain: Chain,
    pub shapes: Shapes,
    shape_of: HashMap<Name, Shape, RandomState>,
    /// Endpoints by an auth or aor they list under another name than their own.
    odd_users: HashMap<(Kind, Name), BTreeSet<Name>, RandomState>,
    /// Addresses of host names in `match`, `media_address` and `external_*_address`, as far as they are known.
    pub hosts: HashMap<Name, Vec<IpAddr>, RandomState>,
    /// How many endpoints have a domain in their name; none, and nobody need be looked up by one.
    with_domain: usize,
    /// `line` values of outbound registrations.
    pub lines: HashMap<Box<str>, Name, RandomState>,
}

/// What changed besides the objects: for the rooms that keep state per object.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub aors: BTreeSet<Name>,
    pub endpoints: BTreeSet<Name>,
    pub registrations: BTreeSet<Name>,
    /// Credentials are others.
    pub auths: bool,
    /// What is published, or our name among servers, is another.
    pub publishing: bool,
    /// `systemname` is another.
    pub systemname: bool,
}

impl Directory {
    pub fn new() -> Directory {
        let objects = Objects::default();
        let fallback = fallback_shape(&objects);
        Directory {
            chain: chain_of(&objects, &HashMap::default()),
            objects,
            shapes: Shapes::new(fallback),
            shape_of: HashMap::default(),
            odd_users: HashMap::default(),
            hosts: HashMap::default(),
            with_domain: 0,
            lines: HashMap::default(),
        }
    }

    pub fn endpoint(&self, name: &str) -> Option<&Arc<Endpoint>> {
        self.objects.endpoints.get(name)
    }

    pub fn aor(&self, name: &str) -> Option<&Arc<Aor>> {
        self.objects.aors.get(name)
    }

    pub fn auth(&self, name: &str) -> Option<&Arc<Auth>> {
        self.objects.auths.get(name)
    }

    /// Takes a whole configuration over, in place of an empty one.
    pub fn load(&mut self, objects: Objects) {
        self.objects = objects;
        let objects = &self.objects;
        self.shapes = Shapes::new(fallback_shape(objects));
        self.shape_of = HashMap::with_capacity_and_hasher(objects.endpoints.len(), RandomState::default());
        self.odd_users.clear();
        self.with_domain = 0;
        for (name, endpoint) in &objects.endpoints {
            self.with_domain += usize::from(name.contains('@'));
            odd_users(endpoint, |key| {
                self.odd_users.entry(key).or_default().insert(name.clone());
            });
            if let Some(shape) = shape_of(endpoint, objects) {
                self.shape_of.insert(name.clone(), self.shapes.add(shape));
            }
        }
        self.chain = chain_of(objects, &self.hosts);
    }

    /// Applies changes in order; everything derived follows.
    pub fn apply(&mut self, changes: &[Change]) -> Touched {
        let mut touched = Touched::default();
        let mut reshape: BTreeSet<Name> = BTreeSet::new();
        let (mut chain, mut all_shapes) = (false, false);
        for change in changes {
            let (kind, name) = match change {
                Change::Put(object) => (object.kind(), object.name().clone()),
                Change::Remove(kind, name) => (*kind, name.clone()),
                Change::Moved(_) => {
                    self.objects.apply(change);
                    continue;
                }
            };
            match kind {
                Kind::Endpoint => {
                    self.unlink(&name);
                    reshape.insert(name.clone());
                    touched.endpoints.insert(name.clone());
                }
                Kind::Auth => {
                    touched.auths = true;
                    reshape.extend(self.users(Kind::Auth, &name));
                }
                Kind::Aor => drop(touched.aors.insert(name.clone())),
                Kind::Identify => chain = true,
                Kind::Global => (chain, all_shapes) = (true, true),
                Kind::Registration => drop(touched.registrations.insert(name.clone())),
                Kind::OutboundPublish | Kind::AsteriskPublication | Kind::Asterisk => {
                    touched.publishing = true
                }
                _ => {}
            }
            let before = (kind == Kind::Asterisk).then(|| self.objects.asterisk.systemname.clone());
            self.objects.apply(change);
            touched.systemname |= before.is_some_and(|before| before != self.objects.asterisk.systemname);
            if kind == Kind::Endpoint {
                self.link(&name);
            }
            if kind == Kind::Auth {
                reshape.extend(self.users(Kind::Auth, &name));
            }
        }
        if all_shapes {
            self.shapes.set_fallback(fallback_shape(&self.objects));
            reshape.extend(self.objects.endpoints.keys().cloned());
        }
        for name in reshape {
            self.reshape(&name);
        }
        if chain {
            self.chain = chain_of(&self.objects, &self.hosts);
        }
        touched
    }

    /// Host names of options were resolved anew.
    pub fn set_hosts(&mut self, hosts: Vec<(Name, Vec<IpAddr>)>) {
        self.hosts.extend(hosts);
        self.chain = chain_of(&self.objects, &self.hosts);
    }

    /// The address that an option names: as it is written, or one of the host's, of `beside`'s family if it has one.
    /// `None` where nothing is written, and while the host's addresses are not known.
    pub fn address(&self, written: &str, beside: IpAddr) -> Option<IpAddr> {
        if written.is_empty() {
            return None;
        }
        written.parse().ok().or_else(|| {
            let all = self.hosts.get(written)?;
            all.iter().find(|ip| ip.is_ipv4() == beside.is_ipv4()).or(all.first()).copied()
        })
    }

    /// The endpoints that list an auth or aor.
    pub fn users(&self, kind: Kind, name: &Name) -> Vec<Name> {
        let lists = |endpoint: &Endpoint| listed(endpoint, kind).contains(name);
        let own = self.endpoint(name).filter(|e| lists(e)).map(|e| e.name.clone());
        let odd = self.odd_users.get(&(kind, name.clone())).into_iter().flatten().cloned();
        own.into_iter().chain(odd).collect()
    }

    /// What an endpoint's challenge looks like; `None` when it asks for no authentication.
    pub fn shape(&self, endpoint: &str) -> Option<&Shape> {
        self.shape_of.get(endpoint)
    }

    /// The accounts of an endpoint, in its order. `None` when an auth it names does not exist.
    pub fn accounts<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> Option<impl Iterator<Item = ListedAuth<'a>> + Clone + use<'a>> {
        let all = endpoint.auth.iter().all(|name| self.objects.auths.contains_key(name));
        let listed = endpoint.auth.iter().filter_map(|name| self.auth(name));
        all.then(|| listed.map(|auth| ListedAuth { auth, objects: &self.objects }))
    }

    /// What an endpoint answers challenges with, in its order (`outbound_auth`).
    pub fn logins<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> impl Iterator<Item = OutboundAuth<'a>> + Clone + use<'a> {
        self.logins_of(&endpoint.extra().outbound_auth)
    }

    /// The same for a list of auths, as far as they exist.
    pub fn logins_of<'a>(
        &'a self,
        auths: &'a [Name],
    ) -> impl Iterator<Item = OutboundAuth<'a>> + Clone + use<'a> {
        auths
            .iter()
            .filter_map(|name| self.auth(name))
            .map(|auth| OutboundAuth { auth, objects: &self.objects })
    }

    /// Credentials of `outbound_auth`, as far as its objects exist.
    pub fn credentials(&self, names: &[Name]) -> Vec<Credentials> {
        let auths = names.iter().filter_map(|name| self.auth(name));
        let one = |auth: &Arc<Auth>| {
            let algorithms = algorithms_as_client(auth, &self.objects);
            let digest = |algorithm: &Algorithm| {
                let text = auth.digests.as_deref().and_then(|digests| digests.of(*algorithm))?;
                Some((*algorithm, Hex::from_text(*algorithm, text.as_bytes())?))
            };
            Credentials {
                realm: (*auth.options.realm).into(),
                username: (*auth.username).into(),
                password: auth.password.clone(),
                digests: algorithms.iter().filter_map(digest).collect(),
                algorithms: algorithms.to_vec(),
            }
        };
        auths.map(one).collect()
    }

    fn unlink(&mut self, name: &Name) {
        let Some(endpoint) = self.objects.endpoints.get(name).cloned() else { return };
        self.with_domain -= usize::from(name.contains('@'));
        odd_users(&endpoint, |key| {
            if let Some(users) = self.odd_users.get_mut(&key) {
                users.remove(name);
                if users.is_empty() {
                    self.odd_users.remove(&key);
                }
            }
        });
    }

    fn link(&mut self, name: &Name) {
        let Some(endpoint) = self.objects.endpoints.get(name).cloned() else { return };
        self.with_domain += usize::from(name.contains('@'));
        odd_users(&endpoint, |key| {
            self.odd_users.entry(key).or_default().insert(name.clone());
        });
    }

    fn reshape(&mut self, name: &Name) {
        if let Some(old) = self.shape_of.remove(name) {
            self.shapes.remove(&old);
        }
        let endpoint = self.objects.endpoints.get(name);
        if let Some(shape) = endpoint.and_then(|endpoint| shape_of(endpoint, &self.objects)) {
            self.shape_of.insert(name.clone(), self.shapes.add(shape));
        }
    }
}

/// What an endpoint's challenge looks like, by its auths.
fn shape_of(endpoint: &Endpoint, objects: &Objects) -> Option<Shape> {
    let default_realm = &objects.global.default_realm;
    let auths = endpoint.auth.iter().filter_map(|auth| objects.auths.get(auth));
    let shape = || {
        Shape::new(auths.map(|auth| {
            let realm = &auth.options.realm;
            (if realm.is_empty() { default_realm } else { realm }, algorithms_of(auth, objects))
        }))
    };
    (!endpoint.auth.is_empty()).then(shape)
}

/// The auths and aors that an endpoint lists under another name than its own.
fn odd_users(endpoint: &Endpoint, mut each: impl FnMut((Kind, Name))) {
    for kind in [Kind::Auth, Kind::Aor] {
        for used in listed(endpoint, kind).iter().filter(|used| **used != endpoint.name) {
            each((kind, used.clone()));
        }
    }
}

fn listed(endpoint: &Endpoint, kind: Kind) -> &[Name] {
    match kind {
        Kind::Auth => &endpoint.auth,
        _ => &endpoint.aors,
    }
}

fn fallback_shape(objects: &Objects) -> Shape {
    let global = &objects.global;
    Shape::new([(&global.default_realm, &*global.default_auth_algorithms_uas.list)].into_iter())
}

fn chain_of(objects: &Objects, hosts: &HashMap<Name, Vec<IpAddr>, RandomState>) -> Chain {
    let global = &objects.global;
    Chain::new(
        global.endpoint_identifier_order.iter().map(|name| &**name),
        sections_of(objects, hosts),
        global.disable_multi_domain,
        global.ignore_uri_user_options,
    )
}

fn sections_of(objects: &Objects, hosts: &HashMap<Name, Vec<IpAddr>, RandomState>) -> Sections {
    Sections::new(objects.identifies.values().map(|identify| section_of(identify, hosts)).collect())
}

fn section_of(identify: &Identify, hosts: &HashMap<Name, Vec<IpAddr>, RandomState>) -> Section {
    let mut rules = Vec::new();
    for entry in &identify.matches {
        match entry {
            Match::Net { net, port, negated } => {
                rules.push(Rule { net: *net, port: *port, exclude: *negated })
            }
            Match::Host { host, port } => {
                let addresses = hosts.get(host).map(Vec::as_slice).unwrap_or_default();
                rules.extend(addresses.iter().map(|ip| Rule {
                    net: IpNet::from(*ip),
                    port: *port,
                    exclude: false,
                }));
            }
        }
    }
    Section {
        name: identify.name.clone(),
        endpoint: identify.endpoint.clone(),
        rules,
        header: identify.match_header.clone(),
        request_uri: identify.match_request_uri.clone(),
    }
}

impl identify::Directory for Directory {
    fn endpoint(&self, name: &str) -> Option<Name> {
        self.objects.endpoints.get(name).map(|endpoint| endpoint.name.clone())
    }

    fn wants(&self, endpoint: &str, by: Identifier) -> bool {
        use crate::config::model::endpoint_words::IdentifyBy;
        let word = match by {
            Identifier::Username => IdentifyBy::Username,
            Identifier::AuthUsername => IdentifyBy::AuthUsername,
            Identifier::Ip => IdentifyBy::Ip,
            Identifier::Header => IdentifyBy::Header,
            Identifier::RequestUri => IdentifyBy::RequestUri,
            Identifier::Line | Identifier::Anonymous => return true,
        };
        self.objects
            .endpoints
            .get(endpoint)
            .is_some_and(|endpoint| endpoint.options.identify_by.contains(&word))
    }

    fn domain_alias(&self, host: &str) -> Option<&str> {
        self.objects.domain_aliases.get(host).map(|alias| &*alias.domain)
    }

    fn has_domains(&self) -> bool {
        self.with_domain > 0
    }

    fn line(&self, value: &str) -> Option<Name> {
        self.lines.get(value).filter(|endpoint| self.objects.endpoints.contains_key(*endpoint)).cloned()
    }
}
