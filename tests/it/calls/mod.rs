//! Calls through a whole switch in virtual time: what each phone is sent, and that nothing is left behind.

mod basic;
mod desk;
mod direct;
mod endpoint_options;
mod identity;
mod options;
pub mod phone;
mod reasons;
mod sounds;
mod transfers;
