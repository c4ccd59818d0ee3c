//! Integration tests, one binary: each module is one behaviour.

mod admin;
mod contacts_survive_kill;
mod media_relay;
mod registering;
mod config;
mod sdp_offer_answer;
mod transaction;
mod wire;
mod world;
