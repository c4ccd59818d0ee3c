//! Values of conferences, and orders about them.

use serde::Serialize;

/// A conference.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConferenceView {
    /// Its name.
    pub name: String,
    /// Its bridge's id.
    pub id: String,
    /// Nobody but administrators comes in.
    pub locked: bool,
    /// All but administrators are muted.
    pub muted: bool,
    /// Whether it is recorded.
    pub recorded: bool,
    /// Seconds since the first one came.
    pub duration_secs: u64,
    /// Its bridge profile.
    pub bridge_profile: String,
    /// Its parties, in the order they came.
    pub parties: Vec<ConferencePartyView>,
}

/// A party of a conference.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConferencePartyView {
    /// Its channel.
    pub channel: String,
    /// Its user profile.
    pub user_profile: String,
    /// Its menu; empty for none.
    pub menu: String,
    /// Its caller id's number.
    pub caller: String,
    /// `admin`
    pub admin: bool,
    /// `marked`
    pub marked: bool,
    /// `wait_marked`
    pub wait_marked: bool,
    /// `end_marked`
    pub end_marked: bool,
    /// The others do not hear it.
    pub muted: bool,
    /// It waits for a marked one.
    pub waiting: bool,
}

/// What an administrator does with conferences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConferenceOrder {
    /// All of them.
    List,
    /// One, with its parties.
    Show {
        /// Which.
        name: String,
    },
    /// Throw parties out.
    Kick {
        /// Which conference.
        name: String,
        /// A channel's name or its beginning, `all`, or `participants`: all but administrators.
        who: String,
    },
    /// Mute parties, or no more.
    Mute {
        /// Which conference.
        name: String,
        /// As in [`ConferenceOrder::Kick`].
        who: String,
        /// Mute.
        on: bool,
    },
    /// Lock it, or no more.
    Lock {
        /// Which conference.
        name: String,
        /// Lock.
        on: bool,
    },
    /// Record it, or no more.
    Record {
        /// Which conference.
        name: String,
        /// The file; `None`: as its profile says.
        file: Option<String>,
        /// Begin.
        on: bool,
    },
    /// Names of user or bridge profiles.
    Profiles {
        /// Users'.
        users: bool,
    },
    /// Options of a profile.
    Profile {
        /// A user's.
        users: bool,
        /// Which.
        name: String,
    },
    /// Names of menus.
    Menus,
    /// One menu.
    Menu {
        /// Which.
        name: String,
    },
}
