//! Messages as bytes: corpora, streams, printing, hostile input, price.

mod corpus;
mod gates;
mod multipart;
mod ops;
mod print;
mod stream;
mod table;
