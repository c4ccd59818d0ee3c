//! Cancelling an INVITE of ours (RFC 3261 9.1).

use super::client::Client;
use super::clients::{CancelOutcome, ClientTx, Clients, Entry, State, Target};
use super::slab::Id;
use super::text;
use crate::base::time::Moment;
use crate::base::wheel::TimerId;
use crate::sip::method::Method;
use crate::sip::outbox::Outbox;

/// How far a cancellation is.
#[derive(Debug)]
pub(super) enum Cancel {
    /// Not wanted.
    None,
    /// Wanted; goes out with the first provisional response. Holds its extra header lines.
    Waits(Box<[u8]>),
    /// Its own transaction.
    Sent(Id),
}

impl<O: Copy> Clients<O> {
    /// Cancels an INVITE: at once when it rings, else with the first provisional response. The final response (487,
    /// or a 2xx that crossed the CANCEL) comes as any other; without one in 64·T1 the INVITE times out. `extra` holds
    /// whole header lines, such as Reason.
    pub fn cancel(&mut self, now: Moment, tx: ClientTx, extra: &[u8], out: &mut Outbox) -> CancelOutcome {
        let Some(entry) = self.entries.get_mut(tx.0) else { return CancelOutcome::TooLate };
        let State::Invite(state) = entry.state else { return CancelOutcome::TooLate };
        if state.is_final() {
            return CancelOutcome::TooLate;
        }
        match entry.cancel {
            Cancel::Sent(_) => return CancelOutcome::Sent,
            Cancel::Waits(_) => return CancelOutcome::Waits,
            Cancel::None => entry.cancel = Cancel::Waits(extra.into()),
        }
        self.send_waiting_cancel(now, tx.0, out);
        match self.entries.get(tx.0).map(|entry| &entry.cancel) {
            Some(Cancel::Sent(_)) => CancelOutcome::Sent,
            _ => CancelOutcome::Waits,
        }
    }

    /// Sends a CANCEL that waits, if the INVITE rings.
    pub(super) fn send_waiting_cancel(&mut self, now: Moment, id: Id, out: &mut Outbox) {
        let Some(invite) = self.entries.get(id) else { return };
        let Cancel::Waits(extra) = &invite.cancel else { return };
        let State::Invite(state) = invite.state else { return };
        if !state.rings() {
            return;
        }
        let mut cancel = Vec::with_capacity(512);
        text::write_cancel(&mut cancel, &invite.text, extra, &mut self.index);
        let entry = Entry {
            state: State::Other(Client::start(now, invite.is_reliable(), &self.timers)),
            method: Method::Cancel,
            branch: invite.branch,
            text: cancel.into_boxed_slice(),
            target: Target { contact: None, ..invite.target.clone() },
            later: Vec::new(),
            owner: None,
            timer: TimerId::NONE,
            cancel: Cancel::None,
            reached: false,
            links: None,
            residue: None,
        };
        entry.write(out);
        // With a full table the CANCEL is on its way all the same, only not repeated.
        let sent = self.insert(entry);
        if let Some(invite) = self.entries.get_mut(id) {
            invite.state = State::Invite(state.cancelled(now, &self.timers));
            if let Ok(cancel) = sent {
                invite.cancel = Cancel::Sent(cancel);
            }
        }
        self.schedule(id);
    }
}
