//! Who is sent a re-INVITE (or UPDATE) with whose address, and who refrains.
//!
//! ```text
//!               technology becomes direct                   it does so no more
//!   Ours ─────────────────────────────────▶ Peer(address) ──────────────────▶ Ours
//!     ▲     the other side resumes            │    ▲
//!     └───────────────────────────────────────┘    └─ the peer's address changes (its answer moved it)
//!                 the other side holds
//! ```
//! Each leg is on its own: both are sent at once, and neither waits for the other.

use super::choose::{DirectMedia, Technology};
use super::facts::{Facts, GlareMitigation, Leg, Method};
use crate::sdp::Codec;
use std::net::SocketAddr;

/// Whose address a leg is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Ours: media comes here.
    #[default]
    Ours,
    /// The other phone's.
    Peer(SocketAddr),
}

/// One request to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which leg, 0 or 1.
    pub leg: usize,
    /// With what.
    pub method: Method,
    /// Whose address goes into it.
    pub target: Target,
    /// The codecs to offer; empty for all that were agreed.
    pub codecs: Vec<Codec>,
}

/// What both legs were told last. Made with the bridge, dropped with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Direct {
    told: [Told; 2],
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    target: Target,
    codecs: Vec<Codec>,
    /// What it was told before: what holds again if it refuses.
    before: Target,
    /// The first redirection of the dialog was left to the other server.
    refrained: bool,
    moves: u8,
    refused: Option<u16>,
}

impl Direct {
    /// A bridge whose legs have their media here.
    pub fn new() -> Direct {
        Direct::default()
    }

    /// What a description for this leg must carry, also one that answers its own re-INVITE.
    pub fn target(&self, leg: usize) -> Target {
        self.told.get(leg).map_or(Target::Ours, |told| told.target)
    }

    /// Whether any leg is told the other's address.
    pub fn is_active(&self) -> bool {
        self.told.iter().any(|told| told.target != Target::Ours)
    }

    /// What to send now that `technology` was chosen; nothing where a leg knows it already. While a fax is being
    /// negotiated nothing is sent at all: its own re-INVITEs are on the way.
    pub fn steps(
        &mut self,
        facts: &Facts,
        technology: Technology,
        direct: Option<&DirectMedia>,
    ) -> Vec<Step> {
        let fax = facts.legs.iter().any(|leg| leg.has_fax);
        let mut steps = Vec::new();
        for (at, leg) in facts.legs.iter().enumerate().take(2) {
            let other = facts.legs.get(1 - at);
            let wanted = match direct.filter(|_| technology == Technology::Direct) {
                // Who is put on hold comes back, to hear music; who holds stays as he is.
                Some(_) if other.is_some_and(|other| other.is_held_by_it) => Target::Ours,
                Some(direct) => Target::Peer(direct.targets[at]),
                None => Target::Ours,
            };
            let codecs = match (wanted, direct) {
                (Target::Peer(_), Some(direct)) => direct.codecs.clone(),
                _ => Vec::new(),
            };
            let told = &mut self.told[at];
            if told.target == wanted && (told.codecs == codecs || wanted == Target::Ours) {
                continue;
            }
            let first = !told.refrained && matches!(wanted, Target::Peer(_)) && told.target == Target::Ours;
            let refrain = first && refrains(leg);
            told.before = told.target;
            told.target = wanted;
            told.codecs.clone_from(&codecs);
            told.refrained |= refrain;
            if !refrain && !fax {
                steps.push(Step { leg: at, method: method(leg), target: wanted, codecs });
            }
        }
        steps
    }

    /// A leg refused a step with something other than 491 (which is tried again): what it was told before holds still
    /// (RFC 3261 14.1). It is not redirected again in this call; the next [`Direct::steps`] brings the other one back.
    pub fn refused(&mut self, leg: usize, code: u16) {
        if let Some(told) = self.told.get_mut(leg) {
            told.target = told.before;
            told.codecs.clear();
            told.refused = Some(code);
        }
    }

    /// A leg answered a step with another address than it had: the other leg must follow it.
    pub fn moved(&mut self, leg: usize) {
        if let Some(told) = self.told.get_mut(leg) {
            told.moves = told.moves.saturating_add(1);
        }
    }

    /// For [`Leg::moves`].
    pub fn moves(&self, leg: usize) -> u8 {
        self.told.get(leg).map_or(0, |told| told.moves)
    }

    /// For [`Leg::refused`].
    pub fn refusal(&self, leg: usize) -> Option<u16> {
        self.told.get(leg).and_then(|told| told.refused)
    }
}

/// With a mitigation, a leg of the named direction sends and the other direction waits: the server at its far end has
/// the same leg in the opposite direction, so exactly one of them sends.
fn refrains(leg: &Leg) -> bool {
    match leg.glare_mitigation.value {
        GlareMitigation::None => false,
        GlareMitigation::Outgoing => !leg.is_outgoing,
        GlareMitigation::Incoming => leg.is_outgoing,
    }
}

fn method(leg: &Leg) -> Method {
    match leg.method.value {
        Method::Update if leg.allows_update => Method::Update,
        _ => Method::Invite,
    }
}
