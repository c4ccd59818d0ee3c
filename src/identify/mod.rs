//! Rank 3: which endpoint sent a request, and why.
//!
//! [`Chain`] tries identifiers in the configured order; the first that finds an endpoint wins. `line` comes first,
//! then `endpoint_identifier_order`, then the identifiers that list leaves out. Addresses are looked up by longest
//! prefix ([`ip`]), so a more specific network wins over a wider one whatever their sections are called.

pub mod chain;
pub mod ip;
pub mod names;
mod pattern;

pub use chain::{Chain, Directory, Found, Identifier, Request, Trace};
pub use ip::{Rule, Section};
