//! Integration tests, one binary: each module is one behaviour.

mod admin;
mod bridge_choice;
mod calls;
mod config;
mod contacts_survive_kill;
mod convert;
mod dialog;
mod dialplan;
mod draining;
mod lamps;
mod log_words;
mod media_relay;
mod media_room;
mod media_sound;
mod net;
mod realtime;
mod registering;
mod sdp_offer_answer;
mod session;
#[path = "../shared/mod.rs"]
mod shared;
mod show_as_recorded;
mod strangers;
mod transaction;
mod trunks;
mod ways;
mod wire;
mod world;
