//! Rank 3: requests we start on our own: [`qualify`] pings, outbound [`registration`]s, [`publish`]ed states.

mod attempt;
mod granted;
pub mod publish;
mod publish_end;
pub mod qualify;
pub mod registration;

pub use granted::granted_secs;
