//! Final responses that wait for something else to be done first.

use super::servers::{Entry, Refused, ServerTx, Servers, State};
use crate::base::limits;
use crate::base::time::Moment;
use crate::sip::flow::Destination;
use crate::sip::outbox::Outbox;

impl<O: Copy> Servers<O> {
    /// Prepares the final response to a request that is no INVITE, to leave when [`Servers::release`] reaches
    /// `sequence`: a REGISTER's 200 waits for its commit. Until then retransmissions get nothing. Sequence numbers
    /// never go down.
    ///
    /// # Errors
    /// As [`Servers::respond`]; also when too many wait already.
    pub fn hold(
        &mut self,
        now: Moment,
        tx: ServerTx,
        code: u16,
        to: Destination,
        sequence: u64,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Refused> {
        let entry = self.entries.get(tx.0).ok_or(Refused::Gone)?;
        let State::Other(state) = entry.state else { return Err(Refused::Forbidden) };
        if code < 200 {
            return Err(Refused::Forbidden);
        }
        entry.state.respond(now, code, to.protocol.is_reliable(), &self.timers)?;
        if self.held.len() >= limits::HELD_REGISTERS {
            return Err(Refused::TooManyHeld);
        }
        debug_assert!(self.held.back().is_none_or(|(last, _)| *last <= sequence), "sequences only rise");
        let way = self.locals.shorten(to);
        let entry = self.entries.get_mut(tx.0).ok_or(Refused::Gone)?;
        self.scratch.clear();
        write(&mut self.scratch);
        if !entry.stored.keep(&self.scratch, &mut self.arena) {
            return Err(Refused::TooLong);
        }
        entry.way = Some(way);
        entry.state = State::Held(state);
        self.held.push_back((sequence, tx));
        Ok(())
    }

    /// Queues every held response up to `sequence`. Transactions that timed out meanwhile are left out: nobody waits.
    pub fn release(&mut self, now: Moment, sequence: u64, out: &mut Outbox) {
        while let Some(tx) = self.next_held(sequence) {
            let Some(Entry { stored, way: Some(way), state: state @ State::Held(_), .. }) =
                self.entries.get(tx.0)
            else {
                continue;
            };
            let to = self.locals.lengthen(*way);
            out.push_bytes(to, stored.response(&self.arena));
            // Every final code leads to the same state; the real one was checked when it was held.
            if let Ok(next) = state.respond(now, 200, to.protocol.is_reliable(), &self.timers) {
                self.enter(tx.0, next);
                self.note_finished(tx);
            }
        }
    }

    /// What they waited for, up to `sequence`, failed: these transactions are unanswered again. Each is given back with
    /// the response it would have had, from whose text after the status line its refusal (503) is made.
    pub fn revoke(&mut self, sequence: u64) -> Vec<(ServerTx, Destination, Vec<u8>)> {
        let mut revoked = Vec::new();
        while let Some(tx) = self.next_held(sequence) {
            if let Some(entry) = self.entries.get_mut(tx.0)
                && let (State::Held(state), Some(way)) = (entry.state, entry.way)
            {
                revoked.push((tx, self.locals.lengthen(way), entry.stored.response(&self.arena).to_vec()));
                entry.state = State::Other(state);
                entry.stored.forget(&mut self.arena);
            }
        }
        revoked
    }

    /// How many wait.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn next_held(&mut self, sequence: u64) -> Option<ServerTx> {
        self.held.front().filter(|(at, _)| *at <= sequence)?;
        self.held.pop_front().map(|(_, tx)| tx)
    }
}
