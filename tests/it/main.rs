//! Integration tests, one binary: each module is one behaviour.

mod admin;
mod contacts_survive_kill;
mod registering;
mod media_relay;
mod sdp_offer_answer;
mod wire;
mod world;
