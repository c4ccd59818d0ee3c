//! `confbridge …`

use super::build::{Built, Call, Fault};
use super::table::{Entry, entry};
use crate::admin::shape::Layout;
use crate::switch::view::{Command, ConferenceOrder};

pub(super) static ENTRIES: &[Entry] = &[
    entry("confbridge kick", "<conference> <channel>", "Kick participants out of conference bridges", |c| {
        let (name, who) = two(c)?;
        c.order(Command::Conference(ConferenceOrder::Kick { name, who }))
    })
    .helped(&[
        "Kicks a channel out of the conference bridge",
        "(all to kick everyone, participants to kick non-admins).",
    ]),
    entry("confbridge list", "[<name>]", "List conference bridges and participants", list).helped(&[
        "Lists all currently active conference bridges or a specific conference bridge.",
        "Flags: A - admin, M - marked, W - must wait for a marked user, E - kicked after the last marked user leaves,",
        "m - muted, w - waiting for a marked user to join.",
    ]),
    entry("confbridge lock", "<conference>", "Lock a conference", |c| lock(c, true))
        .helped(&["While locked, no new non-admins may join the conference."]),
    entry("confbridge mute", "<conference> <channel>", "Mute participants", |c| mute(c, true)).helped(&[
        "Mutes a channel in a conference (all to mute everyone, participants to mute non-admins);",
        "the first one whose name begins so.",
    ]),
    entry("confbridge record start", "<conference> [<file>]", "Start recording a conference", |c| {
        let (name, file) = match c.rest() {
            [name] => (name.text.clone(), None),
            [name, file] => (name.text.clone(), Some(file.text.clone())),
            _ => return Err(Fault::Usage),
        };
        c.order(Command::Conference(ConferenceOrder::Record { name, file, on: true }))
    })
    .helped(&[
        "Without a file, that of the bridge profile is used, or one in the monitor directory is named for it.",
    ]),
    entry("confbridge record stop", "<conference>", "Stop recording a conference", |c| {
        let name = c.only()?.to_owned();
        c.order(Command::Conference(ConferenceOrder::Record { name, file: None, on: false }))
    }),
    entry("confbridge show menu", "<menu name>", "Show a conference menu", |c| {
        let name = c.only()?.to_owned();
        c.order(Command::Conference(ConferenceOrder::Menu { name }))
    }),
    entry("confbridge show menus", "", "Show a list of conference menus", |c| {
        c.nothing()?;
        c.order(Command::Conference(ConferenceOrder::Menus))
    }),
    entry("confbridge show profile bridge", "<profile>", "Show a conference bridge profile", |c| profile(c, false)),
    entry("confbridge show profile bridges", "", "Show a list of conference bridge profiles", |c| {
        c.nothing()?;
        c.order(Command::Conference(ConferenceOrder::Profiles { users: false }))
    }),
    entry("confbridge show profile user", "<profile>", "Show a conference user profile", |c| profile(c, true)),
    entry("confbridge show profile users", "", "Show a list of conference user profiles", |c| {
        c.nothing()?;
        c.order(Command::Conference(ConferenceOrder::Profiles { users: true }))
    }),
    entry("confbridge unlock", "<conference>", "Unlock a conference", |c| lock(c, false)),
    entry("confbridge unmute", "<conference> <channel>", "Unmute participants", |c| mute(c, false)),
];

fn two(call: &Call<'_>) -> Result<(String, String), Fault> {
    match call.rest() {
        [name, who] => Ok((name.text.clone(), who.text.clone())),
        _ => Err(Fault::Usage),
    }
}

fn list(call: &Call<'_>) -> Built {
    match call.rest() {
        [] => call.ask(Command::Conference(ConferenceOrder::List), Layout::Conferences { one: false }),
        [name] => {
            let name = name.text.clone();
            call.ask(Command::Conference(ConferenceOrder::Show { name }), Layout::Conferences { one: true })
        }
        _ => Err(Fault::Usage),
    }
}

fn lock(call: &Call<'_>, on: bool) -> Built {
    let name = call.only()?.to_owned();
    call.order(Command::Conference(ConferenceOrder::Lock { name, on }))
}

fn mute(call: &Call<'_>, on: bool) -> Built {
    let (name, who) = two(call)?;
    call.order(Command::Conference(ConferenceOrder::Mute { name, who, on }))
}

fn profile(call: &Call<'_>, users: bool) -> Built {
    let name = call.only()?.to_owned();
    call.order(Command::Conference(ConferenceOrder::Profile { users, name }))
}
