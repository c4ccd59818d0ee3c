//! Requests that we start towards other servers: outbound registrations, and whatever is sent outside a dialog.

mod orders;
mod registrations;
mod sending;
mod words;

pub(super) use sending::Ended;

use crate::base::time::Moment;
use registrations::Registrations;
use sending::Sendings;

/// State of all of them.
#[derive(Debug, Default)]
pub(super) struct Trunks {
    registrations: Registrations,
    sendings: Sendings,
}

impl Trunks {
    /// When something is due next.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.registrations.next_deadline()
    }

    /// Whether a registrar elsewhere is still being told that we go.
    pub fn are_leaving(&self) -> bool {
        self.registrations.are_leaving()
    }
}
