//! What objects say of each other: named lists and default algorithms are put in, dangling names are told.

use std::collections::HashSet;
use std::sync::Arc;

use super::compile::Compiler;
use super::finding::Finding;
use super::kind::Kind;
use super::model::{Acl, Auth, Endpoint, Object, Registration};
use super::objects::{Objects, Table};
use super::suggest;
use super::value::access::Access;
use crate::base::ids::Name;
use crate::base::limits;

impl Compiler<'_> {
    /// Fills in what objects take from others.
    pub(super) fn resolve(&mut self) {
        self.resolve_endpoint_lists();
        let acls: Vec<Arc<Acl>> =
            self.objects.acls.values().filter(|acl| names_lists(acl)).cloned().collect();
        for acl in acls {
            let mut acl = Acl::clone(&acl);
            find_lists(&mut acl.source, &self.objects);
            find_lists(&mut acl.contact, &self.objects);
            self.put(acl);
        }
        self.resolve_algorithms();
    }

    fn resolve_endpoint_lists(&mut self) {
        let named = |access: &Access| !access.names.is_empty();
        let endpoints: Vec<Arc<Endpoint>> = self
            .objects
            .endpoints
            .values()
            .filter(|endpoint| named(&endpoint.options.access) || named(&endpoint.options.contact_access))
            .cloned()
            .collect();
        for endpoint in endpoints {
            let mut endpoint = Endpoint::clone(&endpoint);
            let options = Arc::make_mut(&mut endpoint.options);
            find_lists(&mut options.access, &self.objects);
            find_lists(&mut options.contact_access, &self.objects);
            endpoint.share(&mut self.pool);
            self.put(endpoint);
        }
    }

    /// Auths without algorithms of their own take the global ones.
    fn resolve_algorithms(&mut self) {
        let global = self.objects.global.clone();
        let (uas, uac) = (&global.default_auth_algorithms_uas.list, &global.default_auth_algorithms_uac.list);
        let differs = |auth: &Auth| {
            let options = &*auth.options;
            (options.algorithms_uas.inherited && options.algorithms_uas.list != *uas)
                || (options.algorithms_uac.inherited && options.algorithms_uac.list != *uac)
        };
        let auths: Vec<Arc<Auth>> =
            self.objects.auths.values().filter(|auth| differs(auth)).cloned().collect();
        for auth in auths {
            let mut auth = Auth::clone(&auth);
            let options = Arc::make_mut(&mut auth.options);
            for (own, global) in [(&mut options.algorithms_uas, uas), (&mut options.algorithms_uac, uac)] {
                if own.inherited {
                    own.list.clone_from(global);
                }
            }
            for algorithm in
                auth.options.algorithms_uas.list.iter().filter(|algorithm| !auth.can(**algorithm))
            {
                let message = format!(
                    "default_auth_algorithms_uas asks for {algorithm:?}, for which it has neither password nor digest"
                );
                self.report(
                    Finding::error("missing-secret", auth.at(), message).about(Kind::Auth, &auth.name),
                );
            }
            auth.share(&mut self.pool);
            self.put(auth);
        }
    }

    /// Tells names that nothing answers to.
    pub(super) fn check_references(&mut self) {
        let mut found: Vec<Finding> = Vec::new();
        let objects = &self.objects;
        let mut checker = Checker {
            objects,
            untyped: &self.untyped,
            failed: &self.failed,
            found: &mut found,
            seen: HashSet::new(),
            comparisons: COMPARISONS,
        };
        for endpoint in objects.endpoints.values() {
            checker.endpoint(endpoint);
        }
        for identify in objects.identifies.values() {
            let what = Named { kind: Kind::Endpoint, name: &identify.endpoint, option: "endpoint" };
            if !objects.endpoints.contains_key(&identify.endpoint) {
                checker.dangling(&**identify, what, objects.endpoints.keys());
            }
        }
        for registration in objects.registrations.values() {
            checker.registration(registration);
        }
        for acl in objects.acls.values() {
            checker.lists(&**acl, &acl.source, "acl");
            checker.lists(&**acl, &acl.contact, "contact_acl");
        }
        found.into_iter().for_each(|finding| self.report(finding));
    }
}

fn names_lists(acl: &Acl) -> bool {
    !acl.source.names.is_empty() || !acl.contact.names.is_empty()
}

fn find_lists(access: &mut Access, objects: &Objects) {
    access.named = access
        .names
        .iter()
        .map(|name| (name.clone(), objects.named_acls.get(name).map(|acl| acl.shared_rules())))
        .collect();
}

/// A name that an object mentions.
#[derive(Clone, Copy)]
struct Named<'a> {
    kind: Kind,
    name: &'a Name,
    option: &'static str,
}

struct Checker<'a> {
    objects: &'a Objects,
    untyped: &'a HashSet<Name>,
    failed: &'a HashSet<(Kind, Name)>,
    found: &'a mut Vec<Finding>,
    /// Shared options that were looked at already: many endpoints name the same transport.
    seen: HashSet<usize>,
    /// Comparisons of names left for suggestions: a table of a million dangling names gets a few suggestions, not a
    /// million searches through a million names.
    comparisons: usize,
}

/// Names compared in one load to find nearest ones: a second's work at most.
const COMPARISONS: usize = 2_000_000;

impl Checker<'_> {
    fn endpoint(&mut self, endpoint: &Endpoint) {
        let objects = self.objects;
        for name in endpoint.auth.iter().filter(|name| !objects.auths.contains_key(*name)) {
            let what = Named { kind: Kind::Auth, name, option: "auth" };
            self.dangling(endpoint, what, objects.auths.keys());
        }
        for name in endpoint.extra().outbound_auth.iter().filter(|name| !objects.auths.contains_key(*name)) {
            let what = Named { kind: Kind::Auth, name, option: "outbound_auth" };
            self.dangling(endpoint, what, objects.auths.keys());
        }
        for name in endpoint.aors.iter().filter(|name| !objects.aors.contains_key(*name)) {
            let what = Named { kind: Kind::Aor, name, option: "aors" };
            self.dangling(endpoint, what, objects.aors.keys());
        }
        if !self.seen.insert(Arc::as_ptr(&endpoint.options) as usize) {
            return;
        }
        let transport = &endpoint.options.transport;
        if !transport.is_empty() && !objects.transports.contains_key(transport) {
            let what = Named { kind: Kind::Transport, name: transport, option: "transport" };
            self.dangling(endpoint, what, objects.transports.keys());
        }
        self.lists(endpoint, &endpoint.options.access, "acl");
        self.lists(endpoint, &endpoint.options.contact_access, "contact_acl");
    }

    fn registration(&mut self, registration: &Registration) {
        let objects = self.objects;
        for name in registration.outbound_auth.iter().filter(|name| !objects.auths.contains_key(*name)) {
            let what = Named { kind: Kind::Auth, name, option: "outbound_auth" };
            self.dangling(registration, what, objects.auths.keys());
        }
        let transport = &registration.transport;
        if !transport.is_empty() && !objects.transports.contains_key(transport) {
            let what = Named { kind: Kind::Transport, name: transport, option: "transport" };
            self.dangling(registration, what, objects.transports.keys());
        }
        let endpoint = &registration.endpoint;
        if !endpoint.is_empty() && !objects.endpoints.contains_key(endpoint) {
            let what = Named { kind: Kind::Endpoint, name: endpoint, option: "endpoint" };
            self.dangling(registration, what, objects.endpoints.keys());
        }
    }

    fn lists<T: Object>(&mut self, object: &T, access: &Access, option: &'static str) {
        let objects = self.objects;
        for (name, _) in access.named.iter().filter(|(_, rules)| rules.is_none()) {
            let what = Named { kind: Kind::NamedAcl, name, option };
            self.dangling(object, what, objects.named_acls.keys());
        }
    }

    fn dangling<'n, T: Object>(
        &mut self,
        object: &T,
        what: Named<'_>,
        known: impl Iterator<Item = &'n Name>,
    ) {
        let Named { kind, name, option } = what;
        if self.found.len() > limits::FINDINGS {
            return;
        }
        let at = object.origin_of(option).filter(|at| at.is_known()).unwrap_or_else(|| object.at());
        let message = match kind {
            Kind::NamedAcl => {
                format!("{option} names '{name}', which is no section of acl.conf: all addresses are refused")
            }
            _ if self.failed.contains(&(kind, name.clone())) => {
                format!("{option} names '{name}', a {kind} that did not load")
            }
            _ => format!("{option} names '{name}', but there is no {kind} of that name"),
        };
        let help = self.help(what, known);
        self.found.push(
            Finding::error("dangling-reference", at, message)
                .about(T::KIND, object.name())
                .option(option)
                .help(help),
        );
    }

    fn help<'n>(&mut self, what: Named<'_>, known: impl Iterator<Item = &'n Name>) -> String {
        let Named { kind, name, .. } = what;
        if self.failed.contains(&(kind, name.clone())) {
            return "see what is said about it".to_owned();
        }
        if kind != Kind::NamedAcl && self.untyped.contains(name) {
            return format!("section [{name}] is there, but has no type: add type={kind}");
        }
        // Of two numbers, neither is a slip of the pen for the other.
        if !name.bytes().all(|b| b.is_ascii_digit()) {
            let left = &mut self.comparisons;
            let known = known.take_while(|_| {
                *left = left.saturating_sub(1);
                *left > 0
            });
            if let Some(near) = suggest::nearest(name, known.map(|name| &**name)) {
                return format!("did you mean '{near}'?");
            }
        }
        match kind {
            Kind::NamedAcl => format!("add [{name}] to acl.conf"),
            _ => self
                .other_kind(kind, name)
                .unwrap_or_else(|| format!("add a section [{name}] with type={kind}")),
        }
    }

    /// The name exists, but as something else.
    fn other_kind(&self, wanted: Kind, name: &str) -> Option<String> {
        let objects = self.objects;
        let is = [
            (Kind::Endpoint, objects.endpoints.contains_key(name)),
            (Kind::Aor, objects.aors.contains_key(name)),
            (Kind::Auth, objects.auths.contains_key(name)),
            (Kind::Transport, objects.transports.named(name).is_some()),
        ];
        let kinds: Vec<&str> = is
            .iter()
            .filter(|(kind, yes)| *yes && *kind != wanted)
            .map(|(kind, _)| kind.type_name())
            .collect();
        (!kinds.is_empty()).then(|| {
            format!("[{name}] exists as {}; add a section [{name}] with type={wanted}", kinds.join(" and "))
        })
    }
}
