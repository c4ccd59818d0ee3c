//! What runs on a timer, for `pjsip show scheduled_tasks`: qualify, outbound registrations, housekeeping.

use super::Switch;
use super::view::TimerView;
use crate::base::time::{Moment, Now, WallTime};
use std::time::Duration;

impl Switch {
    /// All timers that an administrator knows, sorted by name.
    pub(super) fn timer_views(&self, now: Now) -> Vec<TimerView> {
        let wall = |at: Moment| wall_of(now, at);
        let mut all: Vec<TimerView> = Vec::new();
        for timer in self.qualify.timers() {
            let (aor, hash) = timer.contact;
            let uri = self.uri_of(timer.contact).unwrap_or_else(|| {
                // A contact that is going: its hash is what is left of it.
                hash.iter().map(|byte| format!("{byte:02x}")).collect()
            });
            all.push(TimerView {
                name: format!("pjsip/options/{aor}/{uri}"),
                interval_secs: timer.every.as_secs(),
                runs: Some(u64::from(timer.runs)),
                running: timer.running,
                set: wall(timer.since),
                last: timer.last.map(wall),
                next: wall(timer.next),
                next_secs: timer.next.since(now.at).as_secs(),
            });
        }
        all.extend(self.trunks.timers(now, wall));
        let interval = self.directory.objects.global.unidentified_request_prune_interval_secs.max(1);
        let last = self.prune_at - Duration::from_secs(u64::from(interval));
        all.push(TimerView {
            name: "pjsip/distributor/unidentified_requests".to_owned(),
            interval_secs: u64::from(interval),
            runs: Some(now.at.since(self.started.at).as_secs() / u64::from(interval)),
            running: false,
            set: self.started.wall,
            last: Some(wall(last)),
            next: wall(self.prune_at),
            next_secs: self.prune_at.since(now.at).as_secs(),
        });
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

/// The wall clock's time of a moment.
fn wall_of(now: Now, at: Moment) -> WallTime {
    if at >= now.at {
        return now.wall + at.since(now.at);
    }
    let ago = u64::try_from(now.at.since(at).as_micros()).unwrap_or(u64::MAX);
    WallTime(now.wall.0.saturating_sub(ago))
}
