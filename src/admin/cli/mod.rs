//! The command language: Asterisk's grammar, and our plain words beside it.
//!
//! ```text
//! words::split ─► grammar::find (exact words, else unique prefixes) ─► the entry's `build` ─► Parsed
//! ```
//! `table` holds every command once: words, arguments, help, what completes it, what it means.

mod build;
mod build_dialplan;
mod codecs;
mod complete;
mod conferences;
mod explain;
mod grammar;
mod help;
pub mod history_filter;
mod lamps;
pub mod modules;
mod order;
mod table;
mod table_core;
mod voicemail;
pub mod words;

pub use complete::{Names, complete};
pub use grammar::parse;
pub use order::{Scope, ServerOrder, When, level_changed};

use super::shape::{Answer, Shape};
use crate::switch::view::Command;

/// What a line means.
#[derive(Debug)]
pub enum Parsed {
    /// Ask the switch these in order; [`super::print`] the replies in this shape.
    Ask(Vec<Command>, Shape),
    /// The server's own business; it answers in this shape with a [`crate::switch::view::Reply::Done`] or
    /// `Refused`, or with one of [`super::text`]'s printers.
    Server(ServerOrder, Shape),
    /// Answered on the spot: help, faults of the line.
    Text(Answer),
}
