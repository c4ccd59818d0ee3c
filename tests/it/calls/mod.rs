//! Calls through a whole switch in virtual time: what each phone is sent, and that nothing is left behind.

pub mod basic;
mod desk;
mod dialplan;
mod digits;
mod direct;
mod early;
mod endpoint_options;
mod fax;
mod features;
mod flows;
mod functions;
mod glare;
mod holding;
mod homes;
mod identity;
mod jitter;
mod limits;
mod local;
mod options;
mod parking;
pub mod phone;
mod reasons;
mod rooms;
pub mod sounds;
mod spying;
mod touch;
mod transfers;
