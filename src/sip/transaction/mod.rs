//! Transactions (RFC 3261 17, RFC 6026, RFC 4320): what was answered is answered again, what was lost is sent again.
//!
//! ```text
//! request  ──► Servers::receive ──► New · Cancel ──► user ──► Servers::respond ──► outbox
//!                     └─ retransmission: the stored response ─────────────────────► outbox
//! user ──► Clients::send ──► outbox          response ──► Clients::receive ──► user
//! time ──► Table::expire ──► outbox, events
//! ```
//! Both tables are values that one switch owns: time is an argument, messages to send go into an
//! [`Outbox`](super::outbox::Outbox). A finished server transaction keeps its response's bytes and where they went,
//! nothing else. Deliberately absent: sockets, DNS (targets come resolved), 2xx retransmission (the dialog's).

mod arena;
mod cancel;
mod client;
mod client_invite;
mod clients;
mod failover;
mod held;
mod key;
mod requests;
mod responses;
mod server;
mod server_invite;
mod servers;
mod slab;
mod table;
mod text;
pub(super) mod timers;
mod way;

pub use clients::{CancelOutcome, ClientTx, Clients, Failover, Full, Heard, Target};
pub use servers::{Received, Refused, ServerTx, Servers};
pub use table::{Event, Table};
pub use timers::{TimerName, Timers};

/// What a transition leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next<S> {
    /// This state.
    State(S),
    /// The end.
    Terminated,
}

impl<S> Next<S> {
    fn map<T>(self, with: impl FnOnce(S) -> T) -> Next<T> {
        match self {
            Next::State(state) => Next::State(with(state)),
            Next::Terminated => Next::Terminated,
        }
    }
}
