//! What a media thread tells signalling, and what waits when that is slow.

use super::ear::Ear;
use crate::base::limits;
use crate::bridge::MediaEvent;
use std::collections::VecDeque;
use tokio::sync::mpsc::error::TrySendError;

/// Events that found their queue full.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub backlog: VecDeque<(Ear, MediaEvent)>,
    /// Events that found no room, and who is told how many once there is some.
    lost: Option<(Ear, u64)>,
}

impl Outgoing {
    /// Tells signalling something about a port.
    pub fn tell(&mut self, to: &Ear, event: MediaEvent) {
        if let Err(TrySendError::Full(event)) = to.try_send(event) {
            // Somebody waits for these, and there are no more of them than ports and sounds.
            let awaited = matches!(event, MediaEvent::SoundEnded { .. } | MediaEvent::Closed { .. });
            if awaited || self.backlog.len() < limits::MEDIA_EVENTS {
                self.backlog.push_back((to.clone(), event));
            } else {
                self.lost.get_or_insert_with(|| (to.clone(), 0)).1 += 1;
            }
        }
    }

    /// Tries what waits again.
    pub fn retry(&mut self) {
        while let Some((sender, event)) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(event)) = sender.try_send(event) {
                self.backlog.push_front((sender, event));
                return;
            }
        }
        if let Some((ear, count)) = self.lost.take()
            && let Err(TrySendError::Full(_)) = ear.try_send(MediaEvent::EventsLost { count })
        {
            self.lost = Some((ear, count));
        }
    }
}
