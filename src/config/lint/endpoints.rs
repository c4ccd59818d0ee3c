//! Endpoints: how they are found, what they may do, where their calls go.

use std::collections::HashSet;

use super::{Lint, endpoints_with_identify, is_anonymous};
use crate::base::ids::Name;
use crate::config::model::endpoint_words::{GlareMitigation, IdentifyBy};
use crate::config::model::{Endpoint, Object};
use crate::config::suggest;
use crate::config::value::codecs::Media;

pub(super) fn look(lint: &mut Lint<'_>) {
    let identified = endpoints_with_identify(lint.objects);
    for endpoint in lint.endpoints() {
        found(lint, endpoint, identified.contains(&endpoint.name));
        codecs(lint, endpoint);
        media(lint, endpoint);
        mailboxes(lint, endpoint);
        contexts(lint, endpoint);
    }
}

/// How requests are matched to it, and whether they must prove anything. S4-72, S4-96, S4-142.
fn found(lint: &mut Lint<'_>, endpoint: &Endpoint, identified: bool) {
    let name = &endpoint.name;
    let by = |method| endpoint.options.identify_by.contains(&method);
    let by_name = by(IdentifyBy::Username) || by(IdentifyBy::AuthUsername);
    if endpoint.auth.is_empty() && !identified && by_name && !is_anonymous(name) {
        let (message, help) = if lint.objects.auths.contains_key(name) {
            let message = format!(
                "it has no auth, though there is an auth '{name}': whoever writes '{name}' into From is taken for it"
            );
            (message, format!("add auth={name}"))
        } else {
            let message = format!("it has no auth: whoever writes '{name}' into From is taken for it");
            (message, "add auth=NAME, or an identify section for its address".to_owned())
        };
        lint.warn("no-auth", endpoint, "auth", message).help(help);
    }
    if !by_name && !identified && !is_anonymous(name) {
        let by = endpoint.option("identify_by").unwrap_or_default();
        let message =
            format!("identify_by={by}, but no identify section names it: its requests are never matched");
        lint.warn("never-identified", endpoint, "identify_by", message)
            .help(format!("add a type=identify section with endpoint={name} and match=ADDRESS"));
    }
    if by(IdentifyBy::AuthUsername) && !by(IdentifyBy::Username) && !order_has(lint, "auth_username") {
        let message = "identify_by=auth_username, but endpoint_identifier_order of the global section lacks auth_username";
        lint.warn("never-identified", endpoint, "identify_by", message)
            .help("add auth_username to endpoint_identifier_order, before anonymous");
    }
    if is_anonymous(name) && !order_has(lint, "anonymous") {
        let message = "endpoint_identifier_order of the global section lacks anonymous: it is never tried";
        lint.warn("never-identified", endpoint, "identify_by", message).help("add anonymous, last");
    }
    if endpoint.aors.is_empty() && !is_anonymous(name) {
        let there = lint.objects.aors.contains_key(name);
        let message = if there {
            format!(
                "it has no aors, though there is an aor '{name}': it cannot register, and is not dialled by name"
            )
        } else {
            "it has no aors: it cannot register, and is not dialled by name".to_owned()
        };
        // A trunk that only sends calls here needs none.
        let said = if identified && !there {
            lint.note("no-aors", endpoint, "aors", message)
        } else {
            lint.warn("no-aors", endpoint, "aors", message)
        };
        said.help(if there {
            format!("add aors={name}")
        } else {
            "add aors=NAME and a type=aor section".to_owned()
        });
    }
}

fn order_has(lint: &Lint<'_>, identifier: &str) -> bool {
    lint.objects.global.endpoint_identifier_order.iter().any(|name| **name == *identifier)
}

fn codecs(lint: &mut Lint<'_>, endpoint: &Endpoint) {
    if endpoint.options.codecs.of(Media::Audio).next().is_none() {
        let message = "no audio codec is allowed: its calls fail with 488";
        let option = if endpoint.origin_of("allow").is_some() { "allow" } else { "disallow" };
        lint.warn("no-codecs", endpoint, option, message).help("add allow=ulaw,alaw after disallow=all");
    }
}

fn media(lint: &mut Lint<'_>, endpoint: &Endpoint) {
    let options = &endpoint.options;
    let behind_nat = options.rewrite_contact || options.rtp_symmetric;
    // S1-25, S1-57.
    if options.direct_media && !options.disable_direct_media_on_nat && behind_nat {
        let message = "direct_media is on, and rewrite_contact or rtp_symmetric expect NAT: with both ends behind NAT there is no audio";
        lint.note("direct-media-behind-nat", endpoint, "direct_media", message)
            .help("set disable_direct_media_on_nat=yes, or direct_media=no");
    }
    // S2-10.
    if options.direct_media_glare_mitigation != GlareMitigation::None {
        let message = match options.direct_media_glare_mitigation {
            GlareMitigation::Outgoing => {
                "outgoing: only legs we call send re-INVITEs; legs that call us refrain once. Asterisk does the reverse"
            }
            _ => {
                "incoming: only legs that call us send re-INVITEs; legs we call refrain once. Asterisk does the reverse"
            }
        };
        lint.note("differs-from-asterisk", endpoint, "direct_media_glare_mitigation", message)
            .help("set the same word at both ends of a line between two servers");
    }
    // S4-130.
    if options.disable_direct_media_on_nat {
        let message = "disable_direct_media_on_nat works here; in Asterisk it is read, but without effect";
        lint.note("differs-from-asterisk", endpoint, "disable_direct_media_on_nat", message);
    }
    // S3-25.
    if options.fax_detect && !options.t38_udptl {
        let message = "fax_detect is on, but t38_udptl is off: a T.38 offer gets 488";
        lint.note("fax-without-t38", endpoint, "fax_detect", message).help("set t38_udptl=yes");
    }
}

fn mailboxes(lint: &mut Lint<'_>, endpoint: &Endpoint) {
    mailbox_contexts(lint, endpoint, &endpoint.mailboxes);
    let options = &endpoint.options;
    if options.mwi_subscribe_replaces_unsolicited {
        return;
    }
    let objects = lint.objects;
    // S4-174, S4-175.
    for aor in endpoint.aors.iter().filter_map(|name| objects.aors.get(name)) {
        let own: HashSet<&Name> = endpoint.mailboxes.iter().collect();
        if let Some(both) = aor.mailboxes.iter().find(|mailbox| own.contains(mailbox)) {
            let message = format!(
                "mailbox '{both}' is on the endpoint and on its aor '{}': SUBSCRIBE for it is denied",
                aor.name
            );
            lint.warn("mailbox-twice", endpoint, "mailboxes", message)
                .help("remove it from the endpoint, or set mwi_subscribe_replaces_unsolicited=yes");
        }
    }
}

/// S4-177.
pub(super) fn mailbox_contexts<T: Object>(lint: &mut Lint<'_>, object: &T, mailboxes: &[Name]) {
    for mailbox in mailboxes.iter().filter(|mailbox| !mailbox.contains('@')) {
        let message = format!("mailbox '{mailbox}' has no context: voicemail's updates do not reach it");
        lint.warn("mailbox-without-context", object, "mailboxes", message)
            .help(format!("write {mailbox}@default"));
    }
}

/// S4-77, S4-168.
fn contexts(lint: &mut Lint<'_>, endpoint: &Endpoint) {
    let Some(dialplan) = lint.subject.dialplan else { return };
    let options = &endpoint.options;
    let named: [(&str, &Name); 4] = [
        ("context", &options.context),
        ("message_context", &options.message_context),
        ("subscribe_context", &options.subscribe_context),
        ("overlap_context", &options.overlap_context),
    ];
    for (option, context) in named.into_iter().filter(|(_, context)| !context.is_empty()) {
        if dialplan.has(context) || !lint.wants("no-such-context") {
            continue;
        }
        let message = format!("{option}={context}, but extensions.conf has no such context");
        let near = suggest::nearest(context, dialplan.contexts());
        let help = near.map_or_else(
            || format!("add [{context}] to extensions.conf"),
            |near| format!("did you mean '{near}'?"),
        );
        lint.warn("no-such-context", endpoint, option, message).help(help);
    }
    let context = endpoint.subscribe_context();
    if !lint.wants("no-hints") {
        return;
    }
    if options.allow_subscribe
        && dialplan.has(context)
        && dialplan.has_hints()
        && !dialplan.reaches_hint(context)
    {
        let message = format!("context '{context}' reaches no hint: subscriptions for lamps are refused");
        let option = if options.subscribe_context.is_empty() { "context" } else { "subscribe_context" };
        let places: Vec<&str> = dialplan.contexts_with_hints().take(3).collect();
        lint.note("no-hints", endpoint, option, message).help(format!("hints are in {}", places.join(", ")));
    }
}
