//! Where a request goes in the dialplan, and whom a dial string names.

use crate::base::ids::Name;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::dialplan::{Match, Query};
use crate::outbound::qualify::Status;
use crate::sip::wire::{NameAddr, Uri};
use crate::switch::Switch;
use crate::switch::route::Known;
use std::sync::Arc;

/// What `behaviour-session` 1 calls the destination of an INVITE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::switch) enum Destination {
    /// This extension exists.
    Found(String),
    /// More digits could make one, and the endpoint allows overlap: 484.
    Incomplete,
    /// 404; in words, for the log.
    Missing(String),
}

/// One place to call an endpoint at.
#[derive(Clone, Debug)]
pub(in crate::switch) struct Located {
    pub endpoint: Arc<Endpoint>,
    /// The request URI before the dialled user is put in.
    pub uri: String,
    /// Path of the contact.
    pub path: String,
    /// How the contact came to us.
    pub known: Option<Known>,
    /// `outbound_proxy`, empty for none.
    pub proxy: String,
    /// User dialled before the `@`.
    pub user: Option<String>,
    /// Aor, and id of the contact; `None` for a URI that was dialled.
    pub contact: Option<(Name, Name)>,
}

impl Switch {
    /// The user of a request URI: empty is `s`, cut at `;` where the global option says so, a number for tel.
    pub(in crate::switch) fn dialled_user(&self, uri: &Uri<'_>) -> String {
        let mut text = uri.user_text();
        if self.directory.objects.global.ignore_uri_user_options
            && let Some(at) = text.find(';')
        {
            text.truncate(at);
        }
        if text.is_empty() { "s".to_owned() } else { text }
    }

    /// Looks an extension up for an endpoint: found, incomplete or missing.
    pub(in crate::switch) fn destination(
        &self,
        now: Now,
        endpoint: &Endpoint,
        exten: &str,
        caller: &str,
    ) -> Destination {
        let options = &endpoint.options;
        let context =
            if options.overlap_context.is_empty() { &options.context } else { &options.overlap_context };
        let found = self.calls.plan.find(Query { context, exten, caller, now: now.wall });
        match found {
            Match::Found => Destination::Found(exten.to_owned()),
            Match::CouldMatchMore if options.allow_overlap => Destination::Incomplete,
            _ => Destination::Missing(format!(
                "Call ({}) to extension '{exten}' rejected because extension not found in context '{context}'.",
                endpoint.name
            )),
        }
    }

    /// Resolves `PJSIP/…`: `endpoint`, `user@endpoint`, `endpoint/aor,aor` or `endpoint/uri`.
    ///
    /// # Errors
    /// The hangup cause, and the reason in words.
    pub(in crate::switch) fn locate(&self, resource: &str) -> Result<Located, (u8, String)> {
        if resource.is_empty() {
            return Err((6, "there is nothing to dial".to_owned()));
        }
        let (target, location) = resource.split_once('/').unwrap_or((resource, ""));
        let multi = !self.directory.objects.global.disable_multi_domain;
        let whole = self.directory.endpoint(target).filter(|_| multi || !target.contains('@'));
        let (endpoint, user) = match (whole, target.split_once('@')) {
            (Some(endpoint), _) => (Some(endpoint), None),
            (None, Some((user, name))) => (self.directory.endpoint(name), Some(user.to_owned())),
            (None, None) => (None, None),
        };
        let Some(endpoint) = endpoint.cloned() else {
            return Err((3, format!("Unable to create PJSIP channel - endpoint '{target}' was not found")));
        };
        let names: Vec<Name> = match location {
            "" => endpoint.aors.iter().cloned().collect(),
            listed => listed.split(',').map(|name| Name::from(name.trim())).collect(),
        };
        for name in &names {
            if let Some(located) = self.contact_of(&endpoint, name) {
                return Ok(Located { user, ..located });
            }
        }
        if names.is_empty() {
            let why =
                format!("Unable to determine contacts from empty aor list (endpoint '{}')", endpoint.name);
            return Err((3, why));
        }
        let known = names.iter().any(|name| self.directory.aor(name).is_some());
        if location.is_empty() || known {
            let why = format!(
                "Unable to create PJSIP channel - endpoint '{}' has no reachable contact",
                endpoint.name
            );
            return Err((3, why));
        }
        // In angle brackets too, as `SIPREFERTOHDR` has it.
        let bare = NameAddr::parse(location.as_bytes()).ok().and_then(|address| address.uri().ok());
        match bare {
            Some(uri) if uri.is_sip() => Ok(Located {
                proxy: endpoint.options.outbound_proxy.to_string(),
                endpoint,
                uri: String::from_utf8_lossy(uri.raw).into_owned(),
                path: String::new(),
                known: None,
                user,
                contact: None,
            }),
            _ => Err((3, format!("'{location}' is neither an aor nor a SIP URI"))),
        }
    }

    /// The first contact of an aor that is not known to be unreachable: dynamic ones by `q`, then static ones.
    fn contact_of(&self, endpoint: &Arc<Endpoint>, name: &Name) -> Option<Located> {
        let aor = self.directory.aor(name)?;
        let of_aor = &aor.options.outbound_proxy;
        let proxy = if of_aor.is_empty() { &endpoint.options.outbound_proxy } else { of_aor }.to_string();
        let reachable = |hash: [u8; 16]| self.qualify.status(&(name.clone(), hash)) != Status::Unavailable;
        let fixed = aor.contact.iter().find(|uri| reachable(md5::compute(uri.as_bytes()).0));
        if let Some(uri) = fixed {
            return Some(Located {
                endpoint: endpoint.clone(),
                uri: uri.to_string(),
                path: String::new(),
                known: None,
                proxy,
                user: None,
                contact: Some((name.clone(), format!("{name}@@{:x}", md5::compute(uri.as_bytes())).into())),
            });
        }
        let mut bindings: Vec<_> =
            self.registrar.contacts(name).filter(|binding| reachable(binding.hash)).collect();
        // The newest of equals: an old one may be a phone that is gone.
        bindings.sort_by_key(|binding| std::cmp::Reverse((binding.q, binding.expires)));
        let binding = bindings.first()?;
        Some(Located {
            endpoint: endpoint.clone(),
            uri: binding.uri.to_string(),
            path: binding.path.to_string(),
            known: self.known(binding),
            proxy,
            user: None,
            contact: Some((name.clone(), format!("{name};@{}", binding.hash_hex()).into())),
        })
    }
}

impl Located {
    /// Whether it is reached through an outbound proxy.
    pub fn has_proxy(&self) -> bool {
        !self.proxy.is_empty()
    }

    /// The request URI: `bare` with the dialled user put in.
    ///
    /// # Errors
    /// Why it is no URI.
    pub fn target(&self, bare: &[u8]) -> Result<Vec<u8>, String> {
        let Some(user) = &self.user else { return Ok(bare.to_vec()) };
        let uri = Uri::parse(bare).map_err(|fault| fault.to_string())?;
        Ok(super::identity::with_user(&uri, user))
    }
}

impl Switch {
    /// `PJSIP_DIAL_CONTACTS(endpoint[,aors][,user])`: a dial string of every contact that may be reachable.
    pub(super) fn dial_contacts(&self, arguments: &str) -> String {
        let mut parts = arguments.split(',').map(str::trim);
        let Some(endpoint) = parts.next().and_then(|name| self.directory.endpoint(name)) else {
            return String::new();
        };
        let aors = parts.next().filter(|aors| !aors.is_empty());
        let user = parts.next().filter(|user| !user.is_empty());
        let names: Vec<Name> = match aors {
            Some(aors) => aors.split('&').map(|name| Name::from(name.trim())).collect(),
            None => endpoint.aors.iter().cloned().collect(),
        };
        let target = match user {
            Some(user) => format!("{user}@{}", endpoint.name),
            None => endpoint.name.to_string(),
        };
        let mut dial = Vec::new();
        for name in &names {
            let reachable = |hash| self.qualify.status(&(name.clone(), hash)) != Status::Unavailable;
            let fixed = self.directory.aor(name).into_iter().flat_map(|aor| aor.contact.iter());
            let fixed = fixed.filter(|uri| reachable(md5::compute(uri.as_bytes()).0));
            dial.extend(fixed.map(|uri| format!("PJSIP/{target}/{uri}")));
            let bound = self.registrar.contacts(name).filter(|binding| reachable(binding.hash));
            dial.extend(bound.map(|binding| format!("PJSIP/{target}/{}", binding.uri)));
        }
        dial.join("&")
    }
}
