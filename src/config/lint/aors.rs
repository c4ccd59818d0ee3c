//! Aors: who can be bound to them, and who uses them.

use super::endpoints::mailbox_contexts;
use super::{Lint, sorted};
use crate::config::model::{Aor, Object};

pub(super) fn look(lint: &mut Lint<'_>) {
    let objects = lint.objects;
    for aor in sorted(objects.aors.values().map(|aor| &**aor)) {
        mailbox_contexts(lint, aor, &aor.mailboxes);
        contacts(lint, aor);
        expiry(lint, aor);
    }
}

fn contacts(lint: &mut Lint<'_>, aor: &Aor) {
    let options = &aor.options;
    let Some(users) = lint.endpoints_of_aor.get(&aor.name) else {
        // An endpoint of the same name is told that it lacks aors; others may not need to be told.
        if !lint.objects.endpoints.contains_key(&aor.name) {
            lint.note("unused", aor, "", "no endpoint names it in aors: nobody registers to it or dials it");
        }
        return;
    };
    let rewrites = users.iter().any(|endpoint| endpoint.options.rewrite_contact);
    // S4-107, S4-145.
    if options.max_contacts == 0 && aor.contact.is_empty() {
        let message = "it has neither max_contacts nor a static contact: registration is refused, and nothing can be dialled";
        lint.warn("no-contacts", aor, "max_contacts", message)
            .help("add max_contacts=1 for a phone that registers, contact=sip:HOST for one that does not");
    }
    // S4-149, S4-152.
    if options.max_contacts == 1 && rewrites && !options.remove_existing && !options.remove_unavailable {
        let message = "max_contacts=1 with rewrite_contact: a phone behind a NAT that restarts (another port and Call-ID, no +sip.instance) is refused until its old contact expires";
        lint.warn("max-contacts-too-small", aor, "max_contacts", message).help("add remove_existing=yes");
    }
}

fn expiry(lint: &mut Lint<'_>, aor: &Aor) {
    let options = &aor.options;
    let range = options.minimum_expiration_secs..=options.maximum_expiration_secs;
    if range.is_empty() {
        let (least, most) = (options.minimum_expiration_secs, options.maximum_expiration_secs);
        let message = format!(
            "minimum_expiration={least} is more than maximum_expiration={most}: shorter requests are raised to {least} s, \
             longer ones lowered to {most} s"
        );
        let written = ["maximum_expiration", "minimum_expiration"];
        let option = written.into_iter().find(|option| aor.origin_of(option).is_some()).unwrap_or(written[0]);
        lint.warn("expiration-contradiction", aor, option, message).help(format!(
            "set minimum_expiration to {most} or less, or maximum_expiration to {least} or more"
        ));
    } else if !range.contains(&options.default_expiration_secs) {
        let message = format!(
            "default_expiration={} lies outside minimum_expiration={} to maximum_expiration={}",
            options.default_expiration_secs, options.minimum_expiration_secs, options.maximum_expiration_secs
        );
        let option = if aor.origin_of("default_expiration").is_some() {
            "default_expiration"
        } else {
            "maximum_expiration"
        };
        lint.note("default-expiration", aor, option, message);
    }
}
