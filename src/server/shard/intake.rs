//! What the loop takes over from reloads, realtime tables and the store.
//!
//! A configuration may bring hundreds of thousands of changes. They are applied a slice per turn, in an order in which
//! nothing ever names what is not there yet: what endpoints need comes before them and goes after them.

use super::{NewConfig, Shard, Turn};
use crate::base::time::Now;
use crate::config::{Change, Kind, Sources};
use crate::net::udp::{Receiver, Udp};
use crate::store::committer::Report;
use crate::switch::io::Input;
use crate::switch::view::Level;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;

/// Changes of the configuration that are still to be applied, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Changes(VecDeque<Lot>);

#[derive(Debug)]
struct Lot {
    changes: VecDeque<Change>,
    sources: Sources,
    done: Option<oneshot::Sender<()>>,
}

/// How long applying changes may keep the loop from its other work.
const SLICE: Duration = Duration::from_millis(1);
/// Changes applied between two looks at the clock.
const STEP: usize = 32;

/// Steps of one lot. What all others need is one step, and so are identifies: they are compiled into one table.
fn stage(change: &Change) -> u8 {
    let gone = matches!(change, Change::Remove(..));
    match (change.kind(), gone) {
        (Kind::Auth | Kind::Aor, false) => 1,
        (Kind::Endpoint, false) => 2,
        (Kind::Identify, _) => 3,
        (Kind::Endpoint, true) => 4,
        (Kind::Auth | Kind::Aor, true) => 5,
        _ => 0,
    }
}

fn is_one_step(stage: u8) -> bool {
    matches!(stage, 0 | 3)
}

impl Changes {
    /// Adds changes; `done` is told when they are in force.
    pub fn push(&mut self, mut changes: Vec<Change>, sources: Sources, done: Option<oneshot::Sender<()>>) {
        changes.sort_by_key(stage);
        self.0.push_back(Lot { changes: changes.into(), sources, done });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Lot {
    /// The next step.
    fn step(&mut self) -> Vec<Change> {
        let Some(stage) = self.changes.front().map(stage) else { return Vec::new() };
        let most = if is_one_step(stage) { usize::MAX } else { STEP };
        let same = self.changes.iter().take(most).take_while(|change| self::stage(change) == stage).count();
        self.changes.drain(..same).collect()
    }
}

impl Shard {
    pub(super) fn take_config(
        &mut self,
        now: Now,
        new: NewConfig,
        done: oneshot::Sender<()>,
        turn: &mut Turn,
    ) {
        self.streams.configure(new.in_use.dialers);
        self.names.set_routes(new.in_use.routes);
        self.take_sockets(new.in_use.udp, turn);
        self.switch.handle(now, Input::Transports(&new.in_use.bound), &mut turn.actions);
        turn.changes.push(new.changes, new.sources, Some(done));
    }

    /// Applies a slice of the changes that wait.
    pub(super) fn take_changes(&mut self, now: Now, turn: &mut Turn) {
        let Turn { changes, actions, .. } = turn;
        while let Some(lot) = changes.0.front_mut() {
            let step = lot.step();
            let input = Input::Config { changes: &step, sources: &lot.sources };
            self.switch.handle(now, input, actions);
            if lot.changes.is_empty()
                && let Some(done) = changes.0.pop_front().and_then(|lot| lot.done)
            {
                // The asker may have given up; the change stands all the same.
                let _ = done.send(());
            }
            if self.clock.now().at.since(now.at) > SLICE {
                return;
            }
        }
    }

    /// Polls these sockets and no others.
    pub(super) fn take_sockets(&mut self, udp: Vec<Udp>, turn: &mut Turn) {
        for socket in &turn.udp {
            // A socket that was closed elsewhere is not watched any more anyway.
            let _ = self.poller.remove(socket);
        }
        turn.udp = udp;
        turn.ready = vec![true; turn.udp.len()];
        // The kernel's headers belong to the places of the old ones.
        turn.receiver = Receiver::new();
        for (slot, socket) in turn.udp.iter().enumerate() {
            if let Err(error) = self.poller.add(socket, slot as u64) {
                let text = format!("{} cannot be polled: {error}", socket.bound());
                self.log.line(self.clock.now(), Level::Error, "config_transport.c", &text);
            }
        }
    }

    pub(super) fn store_report(&mut self, now: Now, report: Report, turn: &mut Turn) {
        let actions = &mut turn.actions;
        match report {
            Report::Committed { sequence, .. } => {
                self.switch.handle(now, Input::Committed { sequence }, actions);
            }
            Report::Failed { sequence, why, .. } => {
                self.switch.handle(now, Input::CommitFailed { sequence, why: &why }, actions);
            }
            Report::Changed(changes) => self.switch.handle(now, Input::ContactsChanged(changes), actions),
            Report::PutAll { why } => {
                let text = format!("{why}; all contacts are written again");
                self.log.line(now, Level::Error, "contacts", &text);
                self.switch.handle(now, Input::PutAll, actions);
            }
            Report::Note(text) => self.log.line(now, Level::Warning, "contacts", &text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AnyObject, model::Auth};
    use std::sync::Arc;

    #[test]
    fn nothing_names_what_is_not_there() {
        let gone = |kind, name: &str| Change::Remove(kind, name.into());
        let put = Change::Put(AnyObject::Auth(Arc::new(Auth::default())));
        let mut changes = Changes::default();
        let mut all = vec![gone(Kind::Auth, "a"), gone(Kind::Endpoint, "a"), gone(Kind::Identify, "i"), put];
        all.extend((0..40).map(|n| gone(Kind::Aor, &n.to_string())));
        changes.push(all, Sources::default(), None);
        let lot = &mut changes.0[0];
        let mut steps = Vec::new();
        while !lot.changes.is_empty() {
            steps.push(lot.step().iter().map(Change::kind).collect::<Vec<_>>());
        }
        let kinds: Vec<_> = steps.iter().map(|step| (step[0], step.len())).collect();
        assert_eq!(
            kinds,
            [(Kind::Auth, 1), (Kind::Identify, 1), (Kind::Endpoint, 1), (Kind::Auth, 32), (Kind::Aor, 9)]
        );
    }
}
