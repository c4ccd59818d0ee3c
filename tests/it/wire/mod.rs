//! Messages as bytes: corpora, streams, printing, hostile input, price.

mod corpus;
mod gates;
#[cfg(feature = "rsip")]
mod interop;
mod multipart;
mod ops;
mod print;
mod second_opinion;
mod stream;
mod table;
