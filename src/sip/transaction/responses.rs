//! What a response does to the request it answers.

use super::cancel::Cancel;
use super::client::{self, Client};
use super::client_invite::{self, ClientInvite};
use super::clients::{ClientTx, Clients, Heard, State, Target};
use super::slab::Id;
use super::{Next, text};
use crate::base::time::Moment;
use crate::sip::method::Method;
use crate::sip::mint::Branch;
use crate::sip::outbox::Outbox;
use crate::sip::wire::{Header, Message, Via};

impl<O: Copy> Clients<O> {
    /// Says whose a response is, acknowledges failures of INVITE, tries the next target after a 503.
    pub fn receive(&mut self, now: Moment, response: &Message<'_>, out: &mut Outbox) -> Heard<O> {
        let Some(code) = response.status() else { return Heard::Stray };
        let Some(id) = self.find(response) else { return Heard::Stray };
        let Some(entry) = self.entries.get_mut(id) else { return Heard::Stray };
        entry.reached |= (101..200).contains(&code);
        match entry.state {
            State::Other(state) => self.hear_other(now, id, state, code, out),
            State::Invite(state) => self.hear_invite(now, id, state, response, code, out),
        }
    }

    /// The transaction a response belongs to (RFC 3261 17.1.3): our branch, and the method of its CSeq. A response
    /// with a second Via is not for us (RFC 3261 8.1.3.3).
    fn find(&self, response: &Message<'_>) -> Option<Id> {
        let mut vias = response.values(Header::Via);
        let via = Via::parse(vias.next()?)?;
        if vias.next().is_some() {
            return None;
        }
        let branch = Branch::read(via.branch()?)?;
        let method = response.cseq()?.method;
        let (mut id, mut entry) = self.entries.at(branch.index)?;
        while entry.branch != branch {
            id = entry.residue?;
            entry = self.entries.get(id)?;
        }
        if method == Method::Cancel && entry.method == Method::Invite {
            let Cancel::Sent(cancel) = entry.cancel else { return None };
            return self.entries.get(cancel).map(|_| cancel);
        }
        (method == entry.method).then_some(id)
    }

    fn hear_other(&mut self, now: Moment, id: Id, state: Client, code: u16, out: &mut Outbox) -> Heard<O> {
        let Some(entry) = self.entries.get(id) else { return Heard::Stray };
        let heard = match entry.owner {
            Some(owner) => Heard::Response { tx: ClientTx(id), owner },
            None => Heard::Absorbed,
        };
        match state.hear(now, code, entry.is_reliable(), &self.timers) {
            client::Heard::Absorbed => return Heard::Absorbed,
            client::Heard::Provisional(next) => self.enter(id, Next::State(State::Other(next))),
            client::Heard::Final(next) => {
                if code == 503
                    && let Some((owner, to)) = self.fail_over(now, id, out)
                {
                    return Heard::FailedOver { tx: ClientTx(id), owner, to };
                }
                self.settle(id);
                self.enter(id, next.map(State::Other));
            }
        }
        heard
    }

    fn hear_invite(
        &mut self,
        now: Moment,
        id: Id,
        state: ClientInvite,
        response: &Message<'_>,
        code: u16,
        out: &mut Outbox,
    ) -> Heard<O> {
        let Some(entry) = self.entries.get(id) else { return Heard::Stray };
        let heard = match entry.owner {
            Some(owner) => Heard::Response { tx: ClientTx(id), owner },
            None => Heard::Absorbed,
        };
        match state.hear(now, code, entry.is_reliable(), &self.timers) {
            client_invite::Heard::Absorbed => return Heard::Absorbed,
            client_invite::Heard::AckAgain => {
                entry.write(out);
                return Heard::Absorbed;
            }
            client_invite::Heard::Provisional(next) => {
                self.enter(id, Next::State(State::Invite(next)));
                self.send_waiting_cancel(now, id, out);
            }
            client_invite::Heard::Success(next) => {
                self.settle(id);
                self.enter(id, Next::State(State::Invite(next)));
            }
            client_invite::Heard::Failure(next) => {
                let ack = self.acknowledge(id, response, out);
                if code == 503
                    && let Some((owner, to)) = self.fail_over_after_ack(now, id, next, &ack, out)
                {
                    return Heard::FailedOver { tx: ClientTx(id), owner, to };
                }
                self.settle(id);
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.text = ack;
                    entry.target.contact = None;
                }
                self.enter(id, next.map(State::Invite));
            }
        }
        heard
    }

    /// Sends the ACK of a failure and gives its text, to send it again.
    fn acknowledge(&mut self, id: Id, response: &Message<'_>, out: &mut Outbox) -> Box<[u8]> {
        let Some(entry) = self.entries.get(id) else { return Box::default() };
        let mut ack = Vec::with_capacity(512);
        text::write_ack(&mut ack, &entry.text, response, &mut self.index);
        let target = Target { contact: None, ..entry.target.clone() };
        out.push(target.to, |bytes| text::write_request(bytes, &ack, &target, entry.branch));
        ack.into_boxed_slice()
    }

    /// A final response came: nothing is sent again, no further target is tried.
    fn settle(&mut self, id: Id) {
        self.unlink(id);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.text = Box::default();
            entry.later = Vec::new();
        }
    }
}
