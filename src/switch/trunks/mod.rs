//! Requests that we start towards other servers: outbound registrations and publications, and whatever is sent outside a dialog.

mod letters;
mod notices;
mod orders;
mod publications;
mod publisher;
mod registrations;
mod request;
mod sending;
mod words;

pub(super) use letters::{Letter, Notice};
pub(super) use sending::Ended;

use super::view::TimerView;
use crate::base::time::{Moment, Now, WallTime};
use crate::config::notify::NotifyConf;
use publications::Publishers;
use registrations::Registrations;
use sending::Sendings;
use std::sync::Arc;

/// State of all of them.
#[derive(Debug, Default)]
pub(super) struct Trunks {
    registrations: Registrations,
    publishers: Publishers,
    sendings: Sendings,
    /// `pjsip_notify.conf`.
    notify: Arc<NotifyConf>,
}

impl Trunks {
    /// When something is due next.
    pub fn next_deadline(&self) -> Option<Moment> {
        [self.registrations.next_deadline(), self.publishers.next_deadline()].into_iter().flatten().min()
    }

    /// The timers of registrations.
    pub fn timers(&self, now: Now, wall: impl Fn(Moment) -> WallTime) -> Vec<TimerView> {
        self.registrations.timers(now, wall)
    }

    /// Takes what `pjsip_notify.conf` says now.
    pub fn set_notify(&mut self, conf: Arc<NotifyConf>) {
        self.notify = conf;
    }

    /// Whether a registrar or another server is still being told that we go.
    pub fn are_leaving(&self) -> bool {
        self.registrations.are_leaving() || self.publishers.are_leaving()
    }
}
