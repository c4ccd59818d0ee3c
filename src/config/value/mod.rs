//! Values of options: how each kind of value is read, checked and printed, and the table that ties option names to
//! fields. One line of an `options!` table gives an option's field, reader, default, printer, status and description.

pub mod access;
pub mod algorithms;
pub mod callerid;
pub mod codecs;
pub mod lists;
pub mod network;
pub mod scalar;
pub mod spec;
pub mod words;

pub use spec::{Cx, Fault, Spec, Specs, Status};
