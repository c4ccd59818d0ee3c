//! Dialogs (RFC 3261 12, 13): who talks to whom, along which way, with which number next. Pure values: a dialog is
//! made from a message, writes the requests it sends and judges those it receives.
//!
//! ```text
//! INVITE in  ──► Dialog::from_request ──► 18x (rel100::Sender) ──► 2xx (repeat::Accepted until its ACK)
//! INVITE out ──► Forks: one early dialog for each To tag ──► 2xx: Won, others Lost ──► repeat::SentAck
//! in dialog  ──► Directory::find ──► Dialog::receive (CSeq) ──► its usage
//! both       ──► session_timer: who refreshes, and when it is too late
//! ```
//! Deliberately absent: offer and answer, authentication, DNS. Text is kept as it was written.

pub mod directory;
pub mod forks;
pub mod id;
pub mod rel100;
pub mod repeat;
pub mod session_timer;
mod state;

pub use directory::Directory;
pub use forks::{Fork, Forks};
pub use id::{DialogId, DialogKey};
pub use state::{Dialog, Incoming, Phase, Role};
