//! Calls through a whole switch in virtual time: what each phone is sent, and that nothing is left behind.

pub mod basic;
mod desk;
mod dialplan;
mod digits;
mod direct;
mod early;
mod endings;
mod endpoint_options;
mod features;
mod flows;
mod functions;
mod glare;
mod holding;
mod homes;
mod identity;
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
