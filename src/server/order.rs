//! What other threads tell the thread of the switch.

use super::stop::Stop;
use super::transports::InUse;
use crate::base::ids::Name;
use crate::config::notify::NotifyConf;
use crate::config::services::Services;
use crate::config::{Change, Sources};
use crate::dialplan::Dialplan;
use crate::net::stream::ConnectionFacts;
use crate::pubsub::Counts;
use crate::sip::flow::Destination;
use crate::store::committer::Report;
use crate::switch::view::{Command, Level, Reply};
use crate::voicemail::Told;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What other threads want of the switch.
#[derive(Debug)]
pub enum Order {
    /// The store says something.
    Store(Report),
    /// An administrator asks; the replies come in the order of the commands.
    Ask(Vec<Command>, oneshot::Sender<Vec<Reply>>),
    /// The configuration changed; told when it is in force.
    Config(Box<NewConfig>, oneshot::Sender<()>),
    /// Rows of realtime tables changed.
    Rows {
        /// What is different.
        changes: Vec<Change>,
        /// The names of files and tables.
        sources: Sources,
    },
    /// Host names of identify sections have these addresses.
    HostAddresses(Vec<(Name, Vec<IpAddr>)>),
    /// Mailboxes changed on disk.
    Mailboxes(Vec<(String, Counts)>),
    /// The thread of the mailboxes says something.
    Mail {
        /// The number of the order that it answers.
        token: Option<u64>,
        /// What it says.
        told: Box<Told>,
    },
    /// Another dialplan.
    Dialplan(Arc<Dialplan>),
    /// Tones, music and other services.
    Services(Arc<Services>),
    /// Another `pjsip_notify.conf`.
    Notify(Arc<NotifyConf>),
    /// A name the switch asked for was resolved.
    Resolved(Resolved),
    /// Which events are worth making.
    Hear {
        /// The least grave log line.
        level: Level,
        /// Whether security events are.
        security: bool,
    },
    /// Which connections there are.
    Connections(oneshot::Sender<Vec<ConnectionFacts>>),
    /// End, or think better of it.
    Stop(Stop),
}

/// A configuration to take over.
#[derive(Debug)]
pub struct NewConfig {
    /// What is different.
    pub changes: Vec<Change>,
    /// The names of files and tables.
    pub sources: Sources,
    /// Transports that are open.
    pub in_use: InUse,
}

/// An answer of RFC 3263.
#[derive(Debug)]
pub struct Resolved {
    /// The switch's number.
    pub token: u64,
    /// Where to try, or why nowhere.
    pub found: Result<Vec<Destination>, String>,
    /// The name, which a TLS certificate must bear.
    pub host: String,
}
