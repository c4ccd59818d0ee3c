//! Rank 3: requests we start on our own: [`qualify`] pings, outbound registrations.

pub mod qualify;
