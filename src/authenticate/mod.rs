//! Rank 3: digest authentication (RFC 8760 over RFC 7616): challenge, verify, and tell a stranger nothing.
//!
//! A request is admitted, challenged or failed; the answer on the wire is always 401 with fresh challenges, the reason
//! is for the operator. Who nobody knows is challenged like somebody: [`dummy`] draws realm and algorithms per name
//! from those in use.

pub mod challenge;
pub mod dummy;
pub mod inbound;
pub mod nonce;
pub mod outbound;

pub use challenge::Shape;
pub use inbound::{Account, Secret, Verdict, Why};
pub use nonce::Nonces;
