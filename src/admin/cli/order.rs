//! Orders that the server carries out itself.

use crate::admin::shape::Like;

/// An order for the server.
#[derive(Clone, Debug)]
pub enum ServerOrder {
    /// Time since start and since the last reload; print with [`crate::admin::text::uptime`].
    Uptime {
        /// In seconds only.
        seconds: bool,
    },
    /// Print with [`crate::admin::text::core_settings`].
    CoreSettings,
    /// Set the verbosity of the console; answer with [`level_changed`]`("Console verbose", …)`.
    Verbose {
        /// The new level, 0 is off.
        level: u8,
        /// Only ever raise it.
        at_least: bool,
    },
    /// Set the debug level; answer with [`level_changed`]`("Core debug", …)`.
    Debug {
        /// The new level, 0 is off.
        level: u8,
        /// Only ever raise it.
        at_least: bool,
    },
    /// Answer once everything is up.
    WaitFullyBooted,
    /// End the program.
    Stop(When),
    /// Forget a stop that waits.
    AbortStop,
    /// Read configuration again.
    Reload {
        /// Which part.
        scope: Scope,
        /// Only say what would change.
        plan: bool,
    },
    /// Open log files again (after a rotation).
    LogReopen,
    /// Whether messages of `pjsip set logger` go to the verbose log.
    LoggerVerbose(bool),
    /// Write messages of `pjsip set logger` to a capture file too.
    LoggerPcap {
        /// The file.
        file: String,
    },
    /// Print with [`crate::admin::text::scheduled_tasks`].
    ScheduledTasks {
        /// Names to keep.
        like: Option<Like>,
    },
    /// Print with [`crate::admin::text::transport_monitors`].
    TransportMonitors {
        /// Peers to keep.
        like: Option<Like>,
    },
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once; calls are hung up.
    Now,
    /// When the last call has ended; new ones are refused.
    Gracefully,
    /// When no call is up; new ones are let in.
    Convenient,
}

/// What a reload reads again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// The objects of `pjsip.conf`, its TOML or its tables.
    Pjsip,
    /// Outbound registrations only; failed ones start again.
    Registrations,
    /// `extensions.conf`.
    Dialplan,
    /// `pjsip_notify.conf`.
    Notify,
    /// `features.conf`, `res_parking.conf`, `musiconhold.conf`, `indications.conf`.
    Services,
    /// `rtp.conf`.
    Rtp,
    /// Qualify options of one aor, or of all aors of one endpoint, from their tables.
    Qualify {
        /// The object's name.
        name: String,
        /// Whether it is an endpoint; else an aor.
        endpoint: bool,
    },
}

impl ServerOrder {
    /// Asterisk's sentence for an order carried out, where it has a fixed one. `line` is the line as typed.
    pub fn said(&self, line: &str) -> String {
        match self {
            ServerOrder::Reload { scope: Scope::Dialplan, .. } if !line.starts_with("module") => {
                "Dialplan reloaded.".into()
            }
            ServerOrder::Reload { scope: Scope::Qualify { name, endpoint: true }, .. } => {
                format!("Synchronizing AORs on endpoint '{name}'")
            }
            ServerOrder::Reload { scope: Scope::Qualify { name, endpoint: false }, .. } => {
                format!("Synchronizing AOR '{name}'")
            }
            ServerOrder::Reload { .. } => match line.split_whitespace().nth(2) {
                Some(module) if line.starts_with("module") => {
                    format!("Module '{module}' reloaded successfully.")
                }
                _ => "Configuration reloaded.".into(),
            },
            ServerOrder::WaitFullyBooted => "Jackfield has fully booted.".into(),
            ServerOrder::LoggerVerbose(true) => "PJSIP Logging to verbose has been enabled".into(),
            ServerOrder::LoggerVerbose(false) => "PJSIP Logging to verbose has been disabled".into(),
            ServerOrder::LoggerPcap { file } => {
                format!("PJSIP logging to pcap file '{file}' has been enabled")
            }
            _ => String::new(),
        }
    }
}

/// `Console verbose was OFF and is now 4.`: what Asterisk says of a changed level. `what` is `Console verbose` or
/// `Core debug`.
pub fn level_changed(what: &str, old: u8, new: u8) -> String {
    let was = if old == 0 { "OFF".to_owned() } else { old.to_string() };
    match old == new {
        true => format!("{what} is still {was}."),
        false => format!("{what} was {was} and is now {new}."),
    }
}
