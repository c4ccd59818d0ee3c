//! Rank 5: what an administrator reads and types. Prints values of `switch::view`, never live state.
//!
//! ```text
//! a line ──cli::parse──► Parsed::Ask(commands, shape) ─► switch ─► replies ──print(shape)──► Answer (text or JSON)
//!                        Parsed::Server(order)        ─► server (uptime, reload, stop, …)
//!                        Parsed::Text(answer)             answered on the spot (help, faults)
//! events ──events::text──► lines of a log (security, log_line, trace_text)
//! ```
//! The layouts are Asterisk's: tools read them column by column, so a change here is a change of a contract.

pub mod cli;
pub mod console;
pub mod events;
pub mod explain;
pub mod json;
pub mod log_line;
pub mod metrics;
pub mod metrics_http;
pub mod security;
pub mod shape;
pub mod text;
pub mod trace_text;

pub use shape::{Answer, Format, Layout, Like, Shape};

use crate::switch::view::Reply;

/// The answer to a question, in the shape it was asked in. `replies` are those to the commands of
/// [`cli::Parsed::Ask`], in their order.
pub fn print(replies: Vec<Reply>, shape: &Shape) -> Answer {
    let replies: Vec<Reply> = replies.into_iter().map(|reply| shape::narrow(reply, shape)).collect();
    match shape.format {
        Format::Json => json::print(&replies, shape),
        Format::Text { .. } => text::print(&replies, shape),
    }
}
