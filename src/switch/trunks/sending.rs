//! A request of ours outside any dialog, from the search of its way to its final answer: REGISTER, PUBLISH, NOTIFY, MESSAGE
//! (behaviour of `ast_sip_send_out_of_dialog_request`). Challenges are answered and further targets tried on the way;
//! whoever wanted it hears only how it ended.
//!
//! ```text
//! begin ─ way ─► sent ─┬─ 401, 407 ─► sent again with credentials
//!                      ├─ 408, 503, silence ─► the next target
//!                      └─ anything else final ─► its Purpose hears of it
//! ```

use super::request::{Purpose, Request};
use crate::authenticate::outbound::{Answers, Stop};
use crate::base::limits;
use crate::base::time::Now;
use crate::sip::flow::{Arrival, Destination, Protocol};
use crate::sip::transaction::{ClientTx, Target};
use crate::sip::wire::{Contact, Header, Message, Uri, Writer};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::qualify::{Hop, first_uri};
use crate::switch::requests::Owner;
use crate::switch::route::{Routed, Targets, Way};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(in crate::switch) enum Ended<'a, 'm> {
    /// With this final answer; a challenge that is not answered says why.
    Answer(&'a Message<'m>, &'a Arrival, Option<&'a Stop>),
    /// No target answered.
    Silence,
    /// It could be sent to no target, or its connection broke.
    Unreachable,
    /// There was no way, in words.
    NoWay(&'a str),
}

/// One that is out.
#[derive(Debug)]
pub(in crate::switch) struct Sending {
    pub request: Request,
    /// DNS is asked.
    route: Option<u64>,
    tx: Option<ClientTx>,
    /// Where it went last.
    pub to: Option<Destination>,
    /// Our Contact there.
    pub contact: Option<Arc<str>>,
    answers: Answers,
    /// Targets that failed this time.
    tried: Vec<(Protocol, SocketAddr)>,
    /// How many there are beyond those.
    left: usize,
}

/// All that are out.
#[derive(Debug, Default)]
pub(in crate::switch) struct Sendings {
    all: HashMap<u64, Sending, RandomState>,
    last: u64,
}

impl Switch {
    /// Sends a request. Whatever happens, its purpose hears how it ended once, perhaps before this returns.
    pub(in crate::switch) fn send_outside(&mut self, now: Now, request: Request, out: &mut Actions) {
        let sendings = &mut self.trunks.sendings;
        sendings.last += 1;
        let number = sendings.last;
        let sending = Sending {
            request,
            route: None,
            tx: None,
            to: None,
            contact: None,
            answers: Answers::default(),
            tried: Vec::new(),
            left: 0,
        };
        sendings.all.insert(number, sending);
        self.seek_sending(now, number, out);
    }

    /// Nobody wants to know any more: nothing is sent again, a late answer is a stray.
    pub(in crate::switch) fn forget_sending(&mut self, purpose: &Purpose) {
        self.forget_sendings(|of| of == purpose);
    }

    /// The same for all of a kind.
    pub(in crate::switch) fn forget_sendings(&mut self, of: impl Fn(&Purpose) -> bool) {
        let all = self.trunks.sendings.all.iter();
        let numbers: Vec<u64> =
            all.filter(|(_, sending)| of(&sending.request.purpose)).map(|(number, _)| *number).collect();
        numbers.into_iter().for_each(|number| self.forget_one(number));
    }

    fn forget_one(&mut self, number: u64) {
        let Some(sending) = self.trunks.sendings.all.remove(&number) else { return };
        if let Some(token) = sending.route {
            self.routes.forget(token);
        }
        if let Some(tx) = sending.tx {
            self.transactions.clients.abandon(tx);
        }
    }

    fn seek_sending(&mut self, now: Now, number: u64, out: &mut Actions) {
        let Some(sending) = self.trunks.sendings.all.get(&number) else { return };
        let request = &sending.request;
        let (route, uri) = (request.route.clone(), request.uri.clone());
        let (transport, known) = (request.transport.clone(), request.known);
        let hop = first_uri(&route).map_or(&uri[..], str::as_bytes);
        let routed = Uri::parse(hop).map_err(|fault| fault.to_string()).and_then(|hop| {
            let way = Way { hop, transport: &transport, known, contact_user: "" };
            self.route(now, &way, Owner::Sending(number), out)
        });
        match routed {
            Ok(Routed::Now(targets)) => self.sending_routed(now, number, Ok(targets), out),
            Ok(Routed::Wait(token)) => {
                if let Some(sending) = self.trunks.sendings.all.get_mut(&number) {
                    sending.route = Some(token);
                }
            }
            Err(why) => self.sending_routed(now, number, Err(why), out),
        }
    }

    /// The way of such a request is known, or why there is none.
    pub(in crate::switch) fn sending_routed(
        &mut self,
        now: Now,
        number: u64,
        targets: Result<Targets, String>,
        out: &mut Actions,
    ) {
        if let Some(sending) = self.trunks.sendings.all.get_mut(&number) {
            sending.route = None;
        }
        let sent = targets.and_then(|targets| self.send_towards(now, number, targets, out));
        if let Err(why) = sent {
            self.sending_ended(now, number, Ended::NoWay(&why), out);
        }
    }

    fn send_towards(
        &mut self,
        now: Now,
        number: u64,
        targets: Targets,
        out: &mut Actions,
    ) -> Result<(), String> {
        let gone = || "nobody waits for it any more".to_owned();
        let sending = self.trunks.sendings.all.get(&number).ok_or_else(gone)?;
        let request = &sending.request;
        let all = std::iter::once(targets.first).chain(targets.later);
        let all = all.filter(|target| !sending.tried.contains(&(target.to.protocol, target.to.remote)));
        let (failed, mut sound): (Vec<Target>, Vec<Target>) =
            all.partition(|target| request.avoid.contains(&target.to.remote));
        sound.extend(failed);
        let mut targets = sound.into_iter().filter_map(|target| self.with_contact(target, request));
        let first = targets.next().ok_or("no further address is known, or its transport is not open")?;
        let later: Vec<Target> = targets.collect();
        let text = self.sending_text(request, &sending.answers, &self.interface_host(&first.to));
        let (to, contact, left) = (first.to, first.contact.clone(), later.len());
        let clients = &mut self.transactions.clients;
        let sent = clients.send(now.at, Owner::Sending(number), &text, first, later, &mut out.outbox);
        let tx = sent.map_err(|_| "too many transactions are alive")?;
        self.told(out, to.remote);
        let mut registers = None;
        if let Some(sending) = self.trunks.sendings.all.get_mut(&number) {
            (sending.tx, sending.to, sending.contact, sending.left) = (Some(tx), Some(to), contact, left);
            if let Purpose::Registration(number) = sending.request.purpose {
                registers = Some(number);
            }
        }
        if let Some(registration) = registers {
            self.registration_sent(registration, to.remote);
        }
        Ok(())
    }

    /// A target with the Contact that this request shows there.
    fn with_contact(&self, target: Target, request: &Request) -> Option<Target> {
        let Some(form) = &request.contact else { return Some(Target { contact: None, ..target }) };
        let target = self.target_at(target.to, (form.secure, &form.user))?;
        let plain = target.contact.as_deref()?;
        let mut contact = plain.strip_suffix('>').unwrap_or(plain).to_owned();
        contact.push_str(&form.uri_params);
        contact.push('>');
        if !form.header_params.is_empty() {
            contact.push(';');
            contact.push_str(form.header_params.trim_start_matches(';'));
        }
        Some(Target { contact: Some(contact.into()), ..target })
    }

    /// Everything of the request but Via and Contact.
    fn sending_text(&self, request: &Request, answers: &Answers, own_host: &str) -> Vec<u8> {
        let global = &self.directory.objects.global;
        let Hop { request_uri, routes } = request.hop();
        let mut text = Vec::with_capacity(512);
        let mut writer = Writer::request(&mut text, request.method.as_bytes(), &request_uri);
        writer
            .pieces(Header::From, &[&request.from.at(own_host), b";tag=", &request.tag])
            .header(Header::To, &request.to)
            .header(Header::CallId, &request.call_id)
            .pieces(Header::CSeq, &[format!("{} {}", request.cseq, request.method).as_bytes()]);
        for route in &routes {
            writer.header(Header::Route, route);
        }
        let agent = if request.user_agent.is_empty() { &global.user_agent } else { &request.user_agent };
        writer
            .lines(&request.lines)
            .number(Header::MaxForwards, u64::from(global.max_forwards))
            .header(Header::UserAgent, agent.as_bytes())
            .lines(&answers.lines());
        match &request.body {
            None => writer.finish(),
            Some((kind, body)) => writer.finish_with_body(kind, body),
        }
        text
    }

    /// A response came.
    pub(in crate::switch) fn sending_answered(
        &mut self,
        now: Now,
        number: u64,
        (message, arrival): (&Message<'_>, &Arrival),
        out: &mut Actions,
    ) {
        let Some(code) = message.status().filter(|code| *code >= 200) else { return };
        let mut stop = None;
        match code {
            401 | 407 => match self.answer_challenge(now, number, message, out) {
                Ok(()) => return,
                Err(why) => stop = Some(why),
            },
            300..=399 if self.follow_redirection(now, number, message, out) => return,
            // The next target is another server, which may know better.
            408 if self.next_target(now, number, out) => return,
            _ => {}
        }
        self.sending_ended(now, number, Ended::Answer(message, arrival, stop.as_ref()), out);
    }

    fn answer_challenge(
        &mut self,
        now: Now,
        number: u64,
        challenge: &Message<'_>,
        out: &mut Actions,
    ) -> Result<(), Stop> {
        let Some(sending) = self.trunks.sendings.all.get_mut(&number) else { return Err(Stop::NoChallenge) };
        let request_uri = sending.request.hop().request_uri;
        let logins = self.directory.logins_of(&sending.request.auths);
        let asked = (sending.request.method.as_bytes(), &request_uri[..]);
        sending.answers.hear(challenge, asked, logins, &mut self.rng)?;
        sending.request.cseq = sending.request.cseq.saturating_add(1);
        let Some(to) = sending.to else { return Err(Stop::NoChallenge) };
        // Its transport was closed while the challenge was on its way.
        let Some(target) = self.target_at(to, (false, "")) else { return Err(Stop::NoChallenge) };
        let again = Targets { first: target, later: Vec::new() };
        if let Err(why) = self.send_towards(now, number, again, out) {
            self.sending_ended(now, number, Ended::NoWay(&why), out);
        }
        Ok(())
    }

    /// Sends it to the first Contact of a redirection that it was not sent to yet (`follow_redirect_methods`); `false`
    /// when it does not follow.
    fn follow_redirection(
        &mut self,
        now: Now,
        number: u64,
        response: &Message<'_>,
        out: &mut Actions,
    ) -> bool {
        let Some(sending) = self.trunks.sendings.all.get_mut(&number) else { return false };
        let request = &mut sending.request;
        if !request.follows || request.been.len() >= limits::REDIRECTIONS {
            return false;
        }
        let fresh = |uri: &&[u8]| **uri != *request.uri && !request.been.iter().any(|been| *been == **uri);
        let contacts = response.contacts().filter_map(|contact| match contact {
            Ok(Contact::Address(address)) => address.uri().ok().filter(|uri| uri.is_sip()).map(|uri| uri.raw),
            _ => None,
        });
        let Some(uri) = { contacts }.find(fresh).map(<[u8]>::to_vec) else { return false };
        let before = std::mem::replace(&mut request.uri, uri);
        request.been.push(before);
        request.cseq = request.cseq.saturating_add(1);
        // How the old address came to us says nothing of the new one.
        request.known = None;
        sending.answers = Answers::default();
        sending.tried.clear();
        self.seek_sending(now, number, out);
        true
    }

    /// Sends it to a target that was not tried yet; `false` when there is none.
    fn next_target(&mut self, now: Now, number: u64, out: &mut Actions) -> bool {
        let Some(sending) = self.trunks.sendings.all.get_mut(&number) else { return false };
        let Some(to) = sending.to.filter(|_| sending.left > 0) else { return false };
        sending.tried.push((to.protocol, to.remote));
        sending.request.cseq = sending.request.cseq.saturating_add(1);
        sending.answers = Answers::default();
        self.seek_sending(now, number, out);
        true
    }

    /// It went to its next target: the one before did not answer, or with `status`.
    pub(in crate::switch) fn sending_moved(
        &mut self,
        number: u64,
        to: Destination,
        status: Option<u16>,
        out: &mut Actions,
    ) {
        let Some(sending) = self.trunks.sendings.all.get_mut(&number) else { return };
        let before = sending.to.replace(to);
        sending.left = sending.left.saturating_sub(1);
        let (form, purpose) = (sending.request.contact.clone(), sending.request.purpose.clone());
        sending.tried.extend(before.map(|before| (before.protocol, before.remote)));
        // Its Contact is that of the way it takes now.
        if let (Some(_), Some(target)) = (form, self.target_at(to, (false, "")))
            && let Some(sending) = self.trunks.sendings.all.get(&number)
            && let Some(target) = self.with_contact(target, &sending.request)
            && let Some(sending) = self.trunks.sendings.all.get_mut(&number)
        {
            sending.contact = target.contact;
        }
        let Some(before) = before else { return };
        match purpose {
            Purpose::Registration(trunk) => {
                self.registration_moved(trunk, (before.remote, to.remote), status, out);
            }
            Purpose::Publication(_) | Purpose::Told { .. } => {}
        }
    }

    /// It is over.
    pub(in crate::switch) fn sending_ended(
        &mut self,
        now: Now,
        number: u64,
        how: Ended<'_, '_>,
        out: &mut Actions,
    ) {
        let Some(sending) = self.trunks.sendings.all.remove(&number) else { return };
        match &sending.request.purpose {
            Purpose::Registration(trunk) => self.registration_ended(now, *trunk, &sending, how, out),
            Purpose::Publication(number) => self.publication_ended(now, *number, (&sending, how), out),
            Purpose::Told { what, to } => self.letter_ended((what, to), how, out),
        }
    }
}
