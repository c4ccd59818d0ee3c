//! Rank 3: which way media takes, and why.

pub mod media_event;
pub mod plan;

pub use media_event::{MediaEvent, OpenError, PortReport};
pub use plan::*;
