//! Real peers over loopback against the real program: SIPp and baresip register, the server is killed and started
//! again, and is refused or ended the way an operator does it.
//!
//! Each test has its own configuration tree and its own ports and ends its processes whatever happens. A peer that is
//! not installed fails its test with the name of the package.

mod baresip;
mod calls;
mod client;
mod crash;
mod direct;
mod flows;
mod homes;
mod lamps;
mod lifecycle;
mod live;
mod natted;
mod operating;
mod phone;
mod proxied;
mod realtime;
mod security;
#[path = "../shared/mod.rs"]
mod shared;
mod side;
mod sipp;
mod tree;
mod trunks;
mod voicemail;
