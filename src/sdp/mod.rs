//! Rank 1: session descriptions and offer/answer, as values and pure functions.
//!
//! ```text
//! bytes ──parse──▶ Description ──answer()────────▶ Answer ──describe──▶ Description ──stamp, print──▶ bytes
//! proposals ──offer()──▶ Offer ──describe──▶ …     │ agreement
//!                          └──accept_answer()──▶ Agreement: streams, payload numbers, addresses, directions
//! ```
//! Deliberately absent: sockets, name look-ups, codecs that touch samples.

pub mod agreement;
pub mod answer;
pub mod attribute;
pub mod capability;
pub mod codec;
pub mod description;
pub mod offer;
pub mod origin;
pub mod parse;
pub mod payload;
pub mod preference;
pub mod print;
pub mod section;

pub use agreement::*;
pub use answer::{Answer, Fax, Situation, answer};
pub use attribute::{Attribute, Attributes, Crypto, Direction, Purpose, RtpMap};
pub use capability::{Capabilities, CodecChoice, Encryption, Numbered, ProfileMismatch, ProfileRules};
pub use codec::{Codec, CodecKind, Fit, Format};
pub use description::*;
pub use offer::{Offer, Proposal, accept_answer, offer};
pub use origin::{Change, OwnOrigin, TheirOrigin, fingerprint};
pub use parse::SdpError;
pub use payload::{Encoding, Payload};
pub use preference::{OfferPreference, Operation, StreamPreference};
pub use section::{Identity, Local};
