//! Ports on their way between two threads: given away, awaited, gone before they came.

use super::handle::{Command, WorkerHandle};
use super::worker::Worker;
use crate::bridge::{Plan, PortId};

/// What is kept for a port on its way between two threads.
#[derive(Debug)]
pub(super) enum Waiting {
    Plan(Plan),
    /// It goes on to that thread.
    Release(WorkerHandle),
}

impl Worker {
    /// Gives a port to another thread, or tells that it is gone.
    pub(super) fn release(&mut self, id: PortId, to: WorkerHandle) {
        if let Some(orders) = self.expected.get_mut(&id) {
            // It is on its way here, and goes on at once.
            return orders.push(Waiting::Release(to));
        }
        if let Some(&index) = self.by_id.get(&id) {
            self.unjoin(index);
        }
        let command = match self.detach(id) {
            Some(mut port) => {
                self.stop_watching(&mut port);
                port.others.has_moved = true;
                Command::Adopt(port)
            }
            None => Command::Gone(id),
        };
        self.handovers.push_back((to, command));
        self.hand_over();
    }

    /// A port that was to come here was closed on its way.
    pub(super) fn never_came(&mut self, id: PortId) {
        for waiting in self.expected.remove(&id).into_iter().flatten() {
            if let Waiting::Release(to) = waiting {
                self.handovers.push_back((to, Command::Gone(id)));
            }
        }
        self.hand_over();
    }

    /// Tries what goes to other threads. Waiting for a full queue is not allowed here: the other thread may be waiting
    /// for ours.
    pub(super) fn hand_over(&mut self) {
        while let Some((to, command)) = self.handovers.pop_front() {
            if let Err(command) = to.try_send(command) {
                return self.handovers.push_front((to, command));
            }
        }
    }
}
