//! The `.conf` dialect of Asterisk, for every file that uses it: sections with templates, inheritance and additions,
//! `=` and `=>`, `+=`, includes with wildcards, `;` and `;-- --;` comments, `\;`.
//!
//! A [`Tree`] is what a file and its includes say, in order, with the place of every line; what the names mean is
//! the reader's business.

mod comments;
mod line;
mod parse;
mod text;
mod tree;

pub use parse::{read, read_optional};
pub use tree::{Entry, Section, Tree};
