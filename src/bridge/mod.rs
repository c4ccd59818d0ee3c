//! Rank 3: which way media takes, and why.
//!
//! ```text
//! facts ──choose──▶ (Technology, Why) ──direct──▶ who is sent a re-INVITE with whose address
//!                        │
//!                        └──▶ plans for the media threads (join, unjoin, direct)
//! ```

pub mod choose;
pub mod condition;
pub mod direct;
pub mod facts;
pub mod media_event;
pub mod plan;
mod reach;
pub mod sound;

pub use choose::{DirectMedia, Technology, Why, choose};
pub use condition::{Condition, Culprit, Fault, Verdict};
pub use direct::{Direct, Rtcp, Step, Target};
pub use facts::*;
pub use media_event::{MediaEvent, OpenError, PortReport};
pub use plan::*;
pub use sound::*;
