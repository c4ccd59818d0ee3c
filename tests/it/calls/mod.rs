//! Calls through a whole switch in virtual time: what each phone is sent, and that nothing is left behind.

pub mod basic;
mod desk;
mod dialplan;
mod direct;
mod early;
mod endpoint_options;
mod features;
mod flows;
mod functions;
mod glare;
mod identity;
mod local;
mod options;
mod parking;
pub mod phone;
mod reasons;
mod sounds;
mod touch;
mod transfers;
