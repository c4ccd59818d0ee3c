//! Orders about calls, about what dialplans remember, and about messages in the log.

/// What `pjsip set logger` can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logger {
    /// Everything.
    On,
    /// Nothing.
    Off,
    /// Only messages to or from these addresses; replaces the list, or adds to it.
    Host {
        /// An address or network.
        host: String,
        /// Add to the list.
        add: bool,
    },
    /// Only these methods; replaces the list, or adds to it.
    Method {
        /// The method.
        method: String,
        /// Add to the list.
        add: bool,
    },
}

/// What `pjsip set history` can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryOrder {
    /// Keep messages.
    On,
    /// Stop keeping them.
    Off,
    /// Forget them.
    Clear,
}

/// What `database …` can say. Keys are `family/key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseOrder {
    /// Every entry of `family[/key]`, or of all.
    Show {
        /// Empty for all.
        prefix: String,
    },
    /// Every entry of this key, in whichever family.
    ShowKey {
        /// The key.
        key: String,
    },
    /// One value.
    Get {
        /// Which.
        key: String,
    },
    /// Set one.
    Put {
        /// Which.
        key: String,
        /// Its value.
        value: String,
    },
    /// Remove one.
    Delete {
        /// Which.
        key: String,
    },
    /// Remove a family, or a part of it.
    DeleteTree {
        /// `family[/key]`
        prefix: String,
    },
}

/// What `dialplan show|set globals|chanvar` can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableOrder {
    /// All global variables.
    ShowGlobals,
    /// Set one.
    SetGlobal {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// The variables of a channel.
    ShowChannel {
        /// The channel.
        channel: String,
    },
    /// Set one.
    SetChannel {
        /// The channel.
        channel: String,
        /// The variable's name, with underscores where it is to be inherited.
        name: String,
        /// Its value.
        value: String,
    },
}

/// What `voicemail show …` can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoicemailOrder {
    /// Mailboxes.
    Users {
        /// Of this context only.
        context: Option<String>,
    },
    /// How times are said.
    Zones,
}

/// Where a channel goes that nobody called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginateTo {
    /// To an extension.
    Extension {
        /// The context.
        context: String,
        /// The extension.
        exten: String,
        /// The priority.
        priority: i32,
    },
    /// Into one application.
    Application {
        /// Its name.
        name: String,
        /// Its arguments.
        data: String,
    },
}
