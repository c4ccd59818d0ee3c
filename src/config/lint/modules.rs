//! `modules.conf`: modules that Asterisk would not load, and objects that need them. Here their functions are always
//! there.

use std::collections::HashSet;

use super::{Lint, is_anonymous};
use crate::config::conf::Tree;
use crate::config::finding::Finding;
use crate::config::model::Object;
use crate::config::origin::Origin;

/// Modules that `modules.conf` keeps from loading: `noload`, or not named with `autoload=no`.
pub fn unloaded(tree: &Tree) -> HashSet<String> {
    let Some(section) = tree.section("modules") else { return HashSet::new() };
    let value_of = |name: &str, value: &str| {
        let module = value.trim_end_matches(".so").to_owned();
        (name.to_ascii_lowercase(), module)
    };
    let lines: Vec<(String, String)> =
        section.entries().map(|entry| value_of(entry.name, entry.value)).collect();
    let autoload = lines.iter().rev().find(|(name, _)| name == "autoload");
    let all = autoload.is_none_or(|(_, value)| crate::config::value::scalar::is_true(value));
    let has = |words: &[&str], module: &str| {
        lines.iter().any(|(name, value)| words.contains(&name.as_str()) && value == module)
    };
    MODULES
        .iter()
        .map(|(module, _)| *module)
        .filter(|module| {
            has(&["noload"], module)
                || (!all && !has(&["load", "preload", "require", "preload-require"], module))
        })
        .map(str::to_owned)
        .collect()
}

/// Modules, and what does not work in Asterisk without them.
const MODULES: &[(&str, &str)] = &[
    ("res_pjsip_endpoint_identifier_ip", "identify sections"),
    ("res_pjsip_endpoint_identifier_anonymous", "the endpoint 'anonymous'"),
    ("res_pjsip_endpoint_identifier_user", "endpoints found by the From user"),
    ("res_pjsip_registrar", "registration of phones"),
    ("res_pjsip_outbound_registration", "registration sections"),
    ("res_pjsip_authenticator_digest", "auth of endpoints"),
    ("res_pjsip_acl", "acl sections"),
];

/// S4-11, S4-25, S4-47, S4-144, S4-161.
pub(super) fn look(lint: &mut Lint<'_>) {
    let objects = lint.objects;
    for (module, what) in MODULES {
        if !lint.subject.unloaded.contains(*module) {
            continue;
        }
        let at = match *module {
            "res_pjsip_endpoint_identifier_ip" => {
                objects.identifies.values().next().map(|object| object.at())
            }
            "res_pjsip_endpoint_identifier_anonymous" => objects
                .endpoints
                .values()
                .find(|endpoint| is_anonymous(&endpoint.name))
                .map(|object| object.at()),
            "res_pjsip_endpoint_identifier_user" => {
                objects.endpoints.values().map(|object| object.at()).min()
            }
            "res_pjsip_registrar" => objects
                .aors
                .values()
                .filter(|aor| aor.options.max_contacts > 0)
                .map(|object| object.at())
                .min(),
            "res_pjsip_outbound_registration" => {
                objects.registrations.values().next().map(|object| object.at())
            }
            "res_pjsip_authenticator_digest" => {
                objects.endpoints.values().filter(|e| !e.auth.is_empty()).map(|object| object.at()).min()
            }
            _ => objects.acls.values().next().map(|object| object.at()),
        };
        if let Some(at) = at {
            tell(lint, module, what, at);
        }
    }
}

fn tell(lint: &mut Lint<'_>, module: &str, what: &str, at: Origin) {
    let message =
        format!("modules.conf does not load {module}.so: in Asterisk {what} would not work; here they do");
    lint.push(Finding::warning("module-not-loaded", at, message))
        .help(format!("load {module}.so, or remove them"));
}
