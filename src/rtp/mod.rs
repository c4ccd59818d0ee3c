//! Rank 1: RTP and RTCP as bytes and rules. No sockets and no clocks: packets and moments come in, decisions go out.

pub mod continuity;
pub mod dtmf;
pub mod jitter;
pub mod packet;
pub mod quality;
pub mod rtcp;
pub mod sequence;
pub mod source;

pub use continuity::Continuity;
pub use dtmf::{Digit, DtmfEvent, DtmfReader, DtmfSender, EventPayload};
pub use jitter::{JitterBuffer, JitterRules, Taken};
pub use packet::{Header, Kind};
pub use sequence::{Reception, ReportNumbers};
pub use source::{Source, SourceRules, StrictRtp, Verdict};
