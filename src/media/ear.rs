//! Where a port's events go.

use crate::bridge::MediaEvent;
use std::fmt;
use std::sync::Arc;
use tokio::sync::mpsc::{Sender, error::TrySendError};

/// Wakes whoever takes the events.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Where a port's events go, and who is woken for them.
#[derive(Clone)]
pub(super) struct Ear {
    pub sender: Sender<MediaEvent>,
    pub wake: Wake,
}

impl Ear {
    /// Tells an event, or gives it back when there is no room.
    pub fn try_send(&self, event: MediaEvent) -> Result<(), TrySendError<MediaEvent>> {
        self.sender.try_send(event)?;
        (self.wake)();
        Ok(())
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").finish_non_exhaustive()
    }
}
