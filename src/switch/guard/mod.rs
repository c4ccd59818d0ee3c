//! What keeps strangers from costing much: their log lines are thinned, who offends too often is barred for a while,
//! and under overload the least needed requests are refused first. All three are pure and bounded.

pub mod bans;
pub mod shed;
pub mod thin;
