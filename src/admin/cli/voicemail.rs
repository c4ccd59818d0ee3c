//! `voicemail …`

use super::build::{Built, Call, Fault};
use super::order::{Scope, ServerOrder};
use super::table::{Entry, entry};
use crate::switch::view::{Command, VoicemailOrder};

pub(super) static ENTRIES: &[Entry] = &[
    entry("voicemail reload", "", "Reload voicemail configuration", |c| {
        c.nothing()?;
        c.server(ServerOrder::Reload { scope: Scope::Services, plan: false })
    }),
    entry("voicemail show users", "[for <context>]", "List defined voicemail boxes", users).helped(&[
        "Lists all mailboxes of voicemail.conf, or those of one context, with their new messages.",
    ]),
    entry("voicemail show zones", "", "List zone message formats", |c| {
        c.nothing()?;
        c.order(Command::Voicemail(VoicemailOrder::Zones))
    }),
];

fn users(call: &Call<'_>) -> Built {
    let context = match call.rest() {
        [] => None,
        [word, context] if word.text == "for" => Some(context.text.clone()),
        _ => return Err(Fault::Usage),
    };
    call.order(Command::Voicemail(VoicemailOrder::Users { context }))
}
