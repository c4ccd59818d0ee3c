//! Rank 3: contacts of aors: who is reachable where, until when, and who holds the slots.
//!
//! [`request`] reads what a REGISTER asks for, [`plan`] decides what it would do, [`table`] does it and hands every
//! change out to be committed. Absent: identification, digest (done before), the answer's printing (the switch).

pub mod binding;
pub mod plan;
pub mod refusal;
pub mod request;
pub mod table;

pub use binding::{Binding, ContactChange};
pub use refusal::Refusal;
pub use request::{Policy, Registrant};
pub use table::{Ended, Happened, Registrar};
