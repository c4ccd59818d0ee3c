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
//!
//! With `direct_media_glare_mitigation` a leg of one direction refrains once (S2-10, S2-11):
//! ```text
//!   Fresh ── first redirection, not sent ──▶ Waiting ── the other server's offer: our answer tells it ──▶ Over
//!                                              └────── patience is over: now it is sent ────────────────────┘
//! ```

use super::choose::{DirectMedia, Technology};
use super::facts::{Facts, Fax, GlareMitigation, Leg, Method};
use crate::sdp::Codec;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a leg that refrained waits for the other server's offer, before it is redirected after all: the peer is a
/// phone, or a server that refrains, too. A server that redirects does so as soon as its own call is up. Media is
/// relayed meanwhile. A leg that called us waits a second longer, lest two servers end their waiting together.
pub fn patience(leg_called_us: bool) -> Duration {
    Duration::from_secs(if leg_called_us { 3 } else { 2 })
}

/// Whose address a leg is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Ours: media comes here.
    #[default]
    Ours,
    /// The other phone's.
    Peer(SocketAddr, Rtcp),
}

/// Where a phone takes the reports that belong to its media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rtcp {
    /// At the port after that of its media.
    #[default]
    NextPort,
    /// At this port (RFC 3605).
    Port(u16),
    /// With its media, as both phones agreed with us (RFC 5761).
    Multiplexed,
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
    /// Nothing is sent: it is only what the leg's own offers are answered with from now on.
    pub quiet: bool,
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
    refrained: Refrained,
    moves: u8,
    refused: Option<u16>,
}

/// The first redirection of the dialog is left to the other server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Refrained {
    #[default]
    Fresh,
    Waiting,
    /// `resend`: what it was not sent is due.
    Over {
        resend: bool,
    },
}

impl Direct {
    /// A bridge whose legs were told something already: in a bridge before, or in their first offer and answer
    /// (`directrtpsetup`).
    pub fn already(targets: [Target; 2]) -> Direct {
        Direct { told: targets.map(|target| Told { target, before: target, ..Told::default() }) }
    }

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

    /// What to do now that `technology` was chosen; nothing where a leg knows it already. While a fax runs or is being
    /// negotiated nothing is sent at all: its own re-INVITEs are on the way. Where it took the place of the sound, the
    /// sound that follows it is described with our address; where it was refused, the next steps bring the legs back.
    pub fn steps(
        &mut self,
        facts: &Facts,
        technology: Technology,
        direct: Option<&DirectMedia>,
    ) -> Vec<Step> {
        let fax = facts.legs.iter().any(|leg| leg.fax == Fax::Runs);
        let mut steps = Vec::new();
        for (at, leg) in facts.legs.iter().enumerate().take(2) {
            let other = facts.legs.get(1 - at);
            let wanted = match direct.filter(|_| technology == Technology::Direct) {
                // Who holds was told our place in the answer to that, and is told the other's in the one to its end.
                Some(_) if leg.is_held_by_it => continue,
                // Who is put on hold comes back, to hear music.
                Some(_) if other.is_some_and(|other| other.is_held_by_it) => Target::Ours,
                Some(direct) => Target::Peer(direct.targets[at], direct.rtcp[at]),
                None => Target::Ours,
            };
            let codecs = match (wanted, direct) {
                (Target::Peer(..), Some(direct)) => direct.codecs.clone(),
                _ => Vec::new(),
            };
            let told = &mut self.told[at];
            if fax {
                if leg.audio.is_none() {
                    (told.target, told.before) = (Target::Ours, Target::Ours);
                    told.codecs.clear();
                }
                continue;
            }
            let resend = told.refrained == Refrained::Over { resend: true };
            // What a leg was told before this bridge went with the codecs it has.
            let same = told.codecs == codecs || told.codecs.is_empty() || wanted == Target::Ours;
            if !resend && told.target == wanted && same {
                continue;
            }
            told.before = told.target;
            told.target = wanted;
            told.codecs.clone_from(&codecs);
            let quiet = told.refrain(refrains(leg));
            steps.push(Step { leg: at, method: method(leg), target: wanted, codecs, quiet });
        }
        steps
    }

    /// The step that brings a leg back which is in no bridge any more.
    pub fn step_home(method: Method) -> Step {
        Step { leg: 0, method, target: Target::Ours, codecs: Vec::new(), quiet: false }
    }

    /// Whether a leg refrained and waits for the other server.
    pub fn is_waiting(&self, leg: usize) -> bool {
        self.told.get(leg).is_some_and(|told| told.refrained == Refrained::Waiting)
    }

    /// A leg made an offer of its own, and was told in the answer what it should know.
    pub fn offered(&mut self, leg: usize) {
        if let Some(told) = self.told.get_mut(leg)
            && told.refrained != Refrained::Fresh
        {
            told.refrained = Refrained::Over { resend: false };
        }
    }

    /// A leg waited for its [`patience`]: what it was not sent is due.
    pub fn patience_over(&mut self, leg: usize) {
        if let Some(told) = self.told.get_mut(leg)
            && told.refrained == Refrained::Waiting
        {
            told.refrained = Refrained::Over { resend: true };
        }
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

    /// A leg answered a step and stayed where it was: earlier moves count no more, unless they were too many.
    pub fn stayed(&mut self, leg: usize) {
        if let Some(told) = self.told.get_mut(leg)
            && told.moves <= super::choose::MOVES_ALLOWED
        {
            told.moves = 0;
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

impl Told {
    /// Whether the step that was just taken is left to the other server.
    fn refrain(&mut self, refrains: bool) -> bool {
        let redirects = matches!(self.target, Target::Peer(..));
        let (next, refrain) = match self.refrained {
            Refrained::Fresh if refrains && redirects && self.before == Target::Ours => {
                (Refrained::Waiting, true)
            }
            Refrained::Fresh => (Refrained::Fresh, false),
            Refrained::Waiting if redirects => (Refrained::Waiting, true),
            Refrained::Waiting | Refrained::Over { .. } => (Refrained::Over { resend: false }, false),
        };
        self.refrained = next;
        refrain
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
