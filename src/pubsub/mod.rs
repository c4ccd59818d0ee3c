//! Rank 3: subscriptions (RFC 6665), what they watch, and what their NOTIFYs say.
//!
//! ```text
//! device ──┐                 ┌─ subscription ─ NOTIFY
//! device ──┼─► hint (index) ─┼─ subscription ─ NOTIFY     only what changed is looked at: device → hints → watchers
//! presence ┘                 └─ list ─ batch ─ NOTIFY
//! mailbox ─────────────────────► subscription, endpoints (unsolicited)
//!
//! one subscription:
//!   SUBSCRIBE ─► Active ──────────────┐ refresh: Active, full state
//!                 │ Expires: 0, timeout, hint gone, shutdown
//!                 ▼
//!               Ending(why) ─ last NOTIFY answered, refused or lost ─► removed
//!
//!   notifying:  Idle ─ change ─► Sent ─ 2xx ─► Idle        one NOTIFY is out at a time; each holds the full state,
//!                                 │ change: again           so many changes meanwhile become one
//!                                 └ 481, 408, no answer ─► removed
//! ```
//! Everything here is a value or a pure step; `switch::lamps` writes messages and sends them.

pub mod body;
pub mod index;
pub mod kept;
pub mod list;
pub mod mailbox;
pub mod package;
pub mod presence;
pub mod publish;
pub mod slots;
pub mod subscription;
pub mod table;

pub use index::{HintId, Index, Source, Watched};
pub use kept::{Kept, StoredSubscription};
pub use list::{Leaf, List, ListConfig, Member};
pub use mailbox::{Counts, Mailboxes};
pub use package::{BodyType, Package};
pub use presence::{Presence, PresenceState};
pub use slots::SlotId;
pub use subscription::{Ended, Gone, Life, Next, Notifying, Resource, Subscription, Way};
pub use table::Subscriptions;
