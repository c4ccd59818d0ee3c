//! Auths: names and hashes that will not fit.

use std::collections::{HashMap, HashSet};

use super::{Lint, sorted};
use crate::base::ids::Name;
use crate::config::model::Auth;
use crate::config::model::auth::AuthType;

pub(super) fn look(lint: &mut Lint<'_>) {
    let objects = lint.objects;
    let lower: HashMap<String, &Name> =
        objects.endpoints.keys().map(|name| (name.to_ascii_lowercase(), name)).collect();
    for auth in sorted(objects.auths.values().map(|auth| &**auth)) {
        names(lint, auth, &lower);
        hashes(lint, auth);
        if !auth.password.is_empty() && *auth.password == *auth.username {
            let message = "the password is the user name: scanners try that first";
            lint.warn("weak-password", auth, "password", message).help("use a long random password");
        }
        if auth.options.auth_type == AuthType::GoogleOauth {
            lint.warn("not-yet-obeyed", auth, "auth_type", "auth_type=google_oauth is not yet obeyed");
        }
    }
    used(lint);
}

/// S4-61: user names are compared byte for byte.
fn names(lint: &mut Lint<'_>, auth: &Auth, lower: &HashMap<String, &Name>) {
    let objects = lint.objects;
    let user = &auth.username;
    if objects.endpoints.contains_key(user) {
        return;
    }
    if let Some(name) = lower.get(&user.to_ascii_lowercase()) {
        let message = format!(
            "username '{user}' and endpoint '{name}' differ in upper and lower case: they are not the same"
        );
        lint.warn("case-differs", auth, "username", message)
            .help(format!("write username={name}, and the same in the phone"));
    }
}

/// S4-62, S4-63, S4-68.
fn hashes(lint: &mut Lint<'_>, auth: &Auth) {
    let hashed = auth.digests.is_some();
    if hashed && auth.options.realm.is_empty() {
        let realm = &lint.objects.global.default_realm;
        let message = format!(
            "the digest must have been made with realm '{realm}' (default_realm), because no realm is set"
        );
        lint.note("hashed-realm", auth, "md5_cred", message).help("set realm to the one that was hashed");
    }
    if auth.options.auth_type == AuthType::Md5 && !hashed {
        let message = "auth_type is md5, but there is no md5_cred; the password is used";
        lint.note("auth-type", auth, "auth_type", message);
    }
}

/// An auth that no endpoint and no registration names. One whose endpoint lacks `auth` is told there.
fn used(lint: &mut Lint<'_>) {
    let objects = lint.objects;
    let mut named: HashSet<&str> = HashSet::new();
    for endpoint in objects.endpoints.values() {
        named.extend(endpoint.auth.iter().chain(endpoint.extra().outbound_auth.iter()).map(|name| &**name));
    }
    for registration in objects.registrations.values() {
        named.extend(registration.outbound_auth.iter().map(|name| &**name));
    }
    for auth in sorted(objects.auths.values().map(|auth| &**auth)) {
        if !named.contains(&*auth.name) && !objects.endpoints.contains_key(&auth.name) {
            lint.note("unused", auth, "", "no endpoint and no registration names it");
        }
    }
}
