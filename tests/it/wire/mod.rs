//! Messages as bytes: corpora, streams, printing, hostile input, price.

mod corpus;
mod gates;
mod ops;
mod print;
mod table;
