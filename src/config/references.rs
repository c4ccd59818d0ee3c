//! What objects say of each other: named lists and default algorithms are put in, dangling names are told.

use std::collections::HashSet;
use std::sync::Arc;

use super::compile::Compiler;
use super::finding::Finding;
use super::kind::Kind;
use super::model::{Auth, Endpoint, Object, Registration};
use super::objects::{Objects, Stored, Table, VisitKinds, visit_kinds};
use super::suggest;
use super::value::access::Access;
use crate::base::ids::Name;
use crate::base::limits;

impl Compiler<'_> {
    /// Fills in what objects take from others: named lists, default algorithms.
    pub(super) fn resolve(&mut self) {
        visit_kinds(&mut Resolver(self));
        self.check_secrets();
    }

    /// Auths that take algorithms from the global section for which they hold no secret.
    fn check_secrets(&mut self) {
        let lacking = |auth: &&Arc<Auth>| {
            let uas = &auth.options.algorithms_uas;
            uas.inherited && uas.list.iter().any(|algorithm| !auth.can(*algorithm))
        };
        let auths: Vec<Arc<Auth>> = self.objects.auths.values().filter(lacking).cloned().collect();
        for auth in auths {
            let asked = auth.option("supported_algorithms_uas").unwrap_or_default();
            let message = format!(
                "default_auth_algorithms_uas asks for {asked}, but there is neither a password nor a digest for each"
            );
            self.report(Finding::error("missing-secret", auth.at(), message).about(Kind::Auth, &auth.name));
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

struct Resolver<'a, 'g>(&'a mut Compiler<'g>);

impl VisitKinds for Resolver<'_, '_> {
    fn visit<T: Stored>(&mut self) {
        let compiler = &mut *self.0;
        let resolved: Vec<T> = T::table(&compiler.objects)
            .all()
            .filter_map(|object| object.resolved(&compiler.objects))
            .collect();
        for mut object in resolved {
            object.share(&mut compiler.pool);
            compiler.put(object);
        }
    }
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
        self.lists(endpoint, &endpoint.options.direct_media_access, "directmedia_acl");
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
