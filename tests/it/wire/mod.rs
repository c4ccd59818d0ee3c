//! Messages as bytes: corpora, streams, printing, hostile input, price.

mod corpus;
mod exercise;
mod gates;
mod hostile;
#[cfg(feature = "rsip")]
mod interop;
mod multipart;
mod mutation;
mod ops;
mod print;
mod reference;
mod second_opinion;
mod stream;
mod table;
