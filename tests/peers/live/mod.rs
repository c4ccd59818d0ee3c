//! Every service that keeps the media here, started and stopped in mid-call (D1), heard by phones that each send a tone
//! of their own: two talk directly, the service begins, the sound comes from the server and tells that the service
//! works, `explain direct-media` names it, it ends, and the sound comes from the other phone again.
//!
//! Scenes of one test run at the same time on one server.

mod features;
mod line;
mod loudness;
mod phone;
mod recording;
mod rooms;
mod stage;
mod together;
mod ways;

use phone::{From, Keys, Phone};
use stage::{Stage, endpoint};
