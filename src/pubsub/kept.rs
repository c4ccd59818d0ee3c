//! What outlives a restart.

use super::mailbox::Counts;
use super::presence::Presence;
use crate::base::device::DeviceState;
use crate::base::ids::Name;
use crate::base::time::WallTime;

/// One thing to write down, or found written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A mailbox.
    Mailbox {
        /// `box@context`
        name: Name,
        /// Its messages.
        counts: Counts,
    },
    /// A mailbox is counted elsewhere now: what is written of it is not true any more.
    ForgetMailbox {
        /// `box@context`
        name: Name,
    },
    /// A `Custom:` device.
    Device {
        /// Without its prefix.
        name: Name,
        /// Its state.
        state: DeviceState,
    },
    /// A `CustomPresence:` provider.
    Presence {
        /// Without its prefix.
        name: Name,
        /// What it says.
        presence: Presence,
    },
    /// A new subscription.
    Subscription(Box<StoredSubscription>),
    /// A subscription was refreshed, or sent a NOTIFY.
    Progress {
        /// Which.
        id: u64,
        /// Number of the last NOTIFY.
        cseq: u32,
        /// When it ends.
        expires: WallTime,
        /// The subscriber's Contact.
        contact: Box<str>,
        /// Version of its next body.
        version: u32,
    },
    /// A subscription is over.
    Forget {
        /// Which.
        id: u64,
    },
}

/// A row of `ps_subscription_persistence`: what is needed to go on with a subscription after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredSubscription {
    /// Random, never used twice.
    pub id: u64,
    /// The SUBSCRIBE that made it.
    pub packet: Box<[u8]>,
    /// Where that came from.
    pub source: Box<str>,
    /// The transport section it came by.
    pub transport: Name,
    /// Our address it was sent to.
    pub local: Box<str>,
    /// Number of the last NOTIFY.
    pub cseq: u32,
    /// Our tag.
    pub tag: Box<str>,
    /// The endpoint.
    pub endpoint: Name,
    /// When it ends.
    pub expires: WallTime,
    /// The subscriber's Contact by its latest SUBSCRIBE.
    pub contact: Box<str>,
    /// It lives on a connection, which no restart survives.
    pub prune_on_boot: bool,
    /// Version of its next body.
    pub version: u32,
}
