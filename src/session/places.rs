//! Places of streams: asked for, and waited for.

use super::types::*;
use super::{Session, Stage};
use crate::sdp::{Local, MediaKind};

/// The streams of an offer to be made.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub missing: Vec<(usize, MediaKind)>,
    pub found: Vec<(usize, MediaKind, Local)>,
}

impl Session {
    /// The place of a stream of [`super::Event::PortsNeeded`]; `None` when none could be had: the stream is declined, and
    /// without any stream the offer is refused. `false`: nobody waits for it any more, and the port can be closed.
    pub fn provide(&mut self, cx: &mut Cx<'_>, stream: usize, local: Option<Local>) -> bool {
        let taken = match &mut self.stage {
            Stage::Incoming(callee) => {
                let offered =
                    callee.places.as_mut().is_some_and(|places| places.provide(stream, local.as_ref()));
                offered || self.media.provide(stream, local)
            }
            _ => self.media.provide(stream, local),
        };
        if taken && self.offered.is_some() && !self.media.waits_for_places() {
            self.answer_offered(cx);
        }
        self.places_changed(cx);
        self.settle(cx);
        taken
    }

    fn places_changed(&mut self, cx: &mut Cx<'_>) {
        let waits = self.media.waits_for_places();
        let Stage::Incoming(callee) = &mut self.stage else { return };
        if waits || callee.waits_for_places() {
            return;
        }
        if let Some(extra) = callee.progress.take()
            && let Ok(body) = self.first_body(cx)
        {
            self.send_provisional(cx, 183, &extra, body);
        }
        self.try_answer(cx);
    }
}

impl Places {
    /// `false`: nobody waits for it.
    fn provide(&mut self, at: usize, local: Option<&Local>) -> bool {
        let Some(found) = self.missing.iter().position(|(missing, _)| *missing == at) else { return false };
        let (at, kind) = self.missing.swap_remove(found);
        if let Some(local) = local {
            self.found.push((at, kind, local.clone()));
        }
        true
    }
}
