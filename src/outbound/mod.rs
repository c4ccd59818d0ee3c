//! Rank 3: requests we start on our own: [`qualify`] pings, outbound [`registration`]s.

mod attempt;
mod granted;
pub mod qualify;
pub mod registration;

pub use granted::granted_secs;
