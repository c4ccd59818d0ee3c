//! Messages as bytes: read in place, printed into a buffer.
//!
//! ```text
//! bytes ──Index::scan──► Message (start, header slots, body: offsets)
//!                          ├─ envelope()  Via, From, To, Call-ID, CSeq, checked once
//!                          ├─ header(…), contacts(), …  typed when asked for
//!                          └─ part("application/sdp")   the body or the part of it
//! stream ──frame::Stream──► one message's bytes
//! Writer ──► bytes
//! ```
//! Values are bytes, not `str`. Raw URI text is compared, hashed and digested; escapes are decoded only to compare.
//! A fault is a kind and a header, never a copy of the input. Work is bounded by [`crate::base::limits`].

pub mod address;
pub mod check;
pub mod credentials;
pub mod frame;
pub mod header;
pub mod host;
#[cfg(feature = "rsip")]
pub mod interop;
pub mod message;
pub mod multipart;
pub mod params;
pub mod print;
pub mod scan;
pub mod text;
pub mod uri;
pub mod via;

pub use address::{Contact, NameAddr};
pub use check::check_request;
pub use credentials::{AuthFields, DigestFields};
pub use header::Header;
pub use host::Host;
pub use message::{Envelope, Message, Start};
pub use multipart::{Part, Parts};
pub use params::Params;
pub use print::{ViaStamp, Writer};
pub use scan::{Fault, Index};
pub use uri::{Scheme, Uri, escape_user};
pub use via::{CSeq, Via};
