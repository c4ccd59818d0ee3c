//! Where a request goes in the dialplan, and whom a dial string names.

use crate::base::ids::Name;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::dialplan::{Match, Query};
use crate::outbound::qualify::Status;
use crate::registrar::Binding;
use crate::sip::wire::{NameAddr, Uri};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::route::Known;
use crate::switch::view::Level;
use std::sync::Arc;

/// What `behaviour-session` 1 calls the destination of an INVITE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::switch) enum Destination {
    /// This extension exists.
    Found(String),
    /// More digits could make one, and the endpoint allows overlap: 484.
    Incomplete,
    /// 404: this context has none.
    Missing(Name),
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
            _ => Destination::Missing(context.clone()),
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
            return Err((3, EMPTY_AOR_LIST.to_owned()));
        }
        let known = names.iter().any(|name| self.directory.aor(name).is_some());
        if location.is_empty() || known {
            let aors = names.join(",");
            return Err((3, format!("Endpoint '{}': {INVALID_URI} '{aors}'.  {REACHABLE}", endpoint.name)));
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

    /// The first contact of an aor that is not known to be unreachable.
    fn contact_of(&self, endpoint: &Arc<Endpoint>, name: &Name) -> Option<Located> {
        let aor = self.directory.aor(name)?;
        // The aor's own `outbound_proxy` is for qualify alone.
        let proxy = endpoint.options.outbound_proxy.to_string();
        let endpoint = endpoint.clone();
        match self.callable(name, &aor.contact).next()? {
            (_, Callable::Registered(binding)) => Some(Located {
                endpoint,
                uri: binding.uri.to_string(),
                path: binding.path.to_string(),
                known: self.known(binding),
                proxy,
                user: None,
                contact: Some((name.clone(), format!("{name};@{}", binding.hash_hex()).into())),
            }),
            (hash, Callable::Fixed(uri)) => Some(Located {
                endpoint,
                uri: uri.to_string(),
                path: String::new(),
                known: None,
                proxy,
                user: None,
                contact: Some((name.clone(), format!("{name}@@{:x}", md5::Digest(hash)).into())),
            }),
        }
    }

    /// Contacts of an aor that may be reachable, in the order of their ids: registered ones (`aor;@hash`), then static
    /// ones (`aor@@hash`).
    fn callable<'s>(
        &'s self,
        name: &Name,
        fixed: &'s [Name],
    ) -> impl Iterator<Item = ([u8; 16], Callable<'s>)> {
        let by_hash = |mut all: Vec<([u8; 16], Callable<'s>)>| {
            all.sort_by_key(|(hash, _)| *hash);
            all
        };
        let bound =
            self.registrar.contacts(name).map(|binding| (binding.hash, Callable::Registered(binding)));
        let fixed = fixed.iter().map(|uri| (md5::compute(uri.as_bytes()).0, Callable::Fixed(uri)));
        let all = by_hash(bound.collect()).into_iter().chain(by_hash(fixed.collect()));
        let name = name.clone();
        all.filter(move |(hash, _)| self.qualify.status(&(name.clone(), *hash)) != Status::Unavailable)
    }
}

/// A contact that can be called.
enum Callable<'s> {
    /// One that was registered.
    Registered(&'s Binding),
    /// A `contact` of the aor.
    Fixed(&'s Name),
}

impl Callable<'_> {
    fn uri(&self) -> &str {
        match self {
            Callable::Registered(binding) => &binding.uri,
            Callable::Fixed(uri) => uri,
        }
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
            let Some(aor) = self.directory.aor(name) else { continue };
            let all = self.callable(name, &aor.contact);
            dial.extend(all.map(|(_, contact)| format!("PJSIP/{target}/{}", contact.uri())));
        }
        dial.join("&")
    }

    /// Why a destination is not called, in Asterisk's lines (S4-87, S4-90, S4-92, S4-93).
    pub(super) fn tell_uncalled(
        &self,
        (technology, resource): (&str, &str),
        (cause, why): (u8, String),
        out: &mut Actions,
    ) {
        let without_aors = why == EMPTY_AOR_LIST;
        let (level, origin) = match technology.eq_ignore_ascii_case("PJSIP") {
            true if without_aors => (Level::Warning, "res_pjsip/location.c"),
            true if why.ends_with(REACHABLE) => (Level::Error, "res_pjsip.c"),
            true => (Level::Error, "chan_pjsip.c"),
            false => (Level::Warning, "channel.c"),
        };
        self.ears.log(out, level, origin, || why);
        if without_aors {
            self.ears.log(out, Level::Error, "res_pjsip_session.c", || {
                let target = resource.split('/').next().unwrap_or_default();
                let name = target.rsplit('@').next().unwrap_or_default();
                format!("Endpoint '{name}': No URI available.  Is endpoint registered?")
            });
        }
        self.ears.log(out, Level::Warning, "app_dial.c", || {
            let words = crate::dialplan::apps::cause::description(cause);
            format!("Unable to create channel of type '{technology}' (cause {cause} - {words})")
        });
    }
}

/// An endpoint has no aors.
const EMPTY_AOR_LIST: &str = "Unable to determine contacts from empty aor list";
/// None of its aors has a contact that can be called: their names stand where a URI would.
const INVALID_URI: &str = "Could not create dialog to invalid URI";
const REACHABLE: &str = "Is endpoint registered and reachable?";
