//! Integration tests, one binary: each module is one behaviour.

mod admin;
mod sdp_offer_answer;
mod wire;
