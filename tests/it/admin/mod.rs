//! What administrators read and type.

mod ban_lines;
mod layouts;
mod probe;
