//! What administrators read and type.

mod ban_lines;
mod grammar;
mod json;
mod layouts;
mod metrics;
mod probe;
