//! The thread that owns the switch: input in, decisions, output out, then sleep until the next deadline.
//!
//! ```text
//!        ┌────────── orders (store, control, reload, names) ──┐
//! epoll ─┤── UDP sockets: recvmmsg ───────────────────────────┼─► Switch::handle ─► Actions ─► sendmmsg, streams, store, log
//!        └────────── streams' events ─────────────────────────┘
//! ```
//! The clock is read once per turn; each source gets at most one batch per turn, so none starves the others.

mod intake;

use super::asked::Asked;
use super::clock::Clock;
use super::heartbeat::Heartbeat;
use super::log::Log;
use super::names::Names;
pub use super::order::{NewConfig, Order, Resolved};
use super::stop::{Phase, Stop};
use crate::base::limits;
use crate::base::time::Now;
use crate::bridge::MediaEvent;
use crate::media::Media;
use crate::net::stream::{Gone, Heard, StreamEvent, Streams};
use crate::net::udp::{Receiver, Sender, Udp};
use crate::net::wait::Poller;
use crate::sip::flow::{Destination, Protocol};
use crate::store::contacts::Writer;
use crate::store::database::DatabaseStore;
use crate::store::lamps::LampWriter;
use crate::store::mail::MailStore;
use crate::switch::Switch;
use crate::switch::guard::shed::Backlog;
use crate::switch::guard::thin::Nuisance;
use crate::switch::io::{Action, Actions, Input};
use crate::switch::view::Level;
use crate::voicemail::Told;
use intake::Changes;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::sync::mpsc;

/// The loop's parts.
#[derive(Debug)]
pub struct Shard {
    /// The decisions.
    pub switch: Switch,
    /// Time.
    pub clock: Clock,
    /// Sleep and readiness.
    pub poller: Poller,
    /// Connections.
    pub streams: Streams,
    /// What connections tell.
    pub stream_events: mpsc::Receiver<StreamEvent>,
    /// What other threads want.
    pub orders: mpsc::Receiver<Order>,
    /// The way to the contact store.
    pub store: Writer,
    /// The way to the store of subscriptions and mailboxes.
    pub lamps: LampWriter,
    /// The dialplan's key store; `None` when its file cannot be opened, and entries last until the end only.
    pub database: Option<DatabaseStore>,
    /// Resolves names.
    pub names: Names,
    /// The media threads.
    pub media: Media,
    /// What they tell.
    pub media_events: mpsc::Receiver<MediaEvent>,
    /// The log.
    pub log: Log,
    /// Counts turns: the watchdog looks whether it rises.
    pub heartbeat: Heartbeat,
    /// The thread of the mailboxes. The last to go: it must not wait for room among `orders`.
    pub mail: MailStore,
}

/// How soon changes are offered again to a store whose queue was full.
const STORE_RETRY: Duration = Duration::from_millis(5);

/// What lives as long as the loop, on its own thread.
#[derive(Default)]
struct Turn {
    udp: Vec<Udp>,
    /// Whether each of them may have datagrams.
    ready: Vec<bool>,
    /// How long the oldest datagram of the last turn's full batches had waited.
    waited: Duration,
    /// Datagrams of this turn.
    messages: usize,
    receiver: Receiver,
    sender: Sender,
    actions: Actions,
    asked: Asked,
    failed: Vec<(Destination, String)>,
    resolved: Vec<Resolved>,
    media: Vec<MediaEvent>,
    /// Orders that the thread of the mailboxes had no room for.
    refused: Vec<(u64, Told)>,
    changes: Changes,
    /// Changes that the store had no room for.
    store_full: bool,
}

impl Shard {
    /// Runs until an [`Order::Stop`] was obeyed. `udp` are the sockets to begin with, `actions` what the first inputs asked for.
    pub fn run(mut self, udp: Vec<Udp>, actions: Actions) {
        let mut turn = Turn { actions, ..Turn::default() };
        let mut phase = Phase::Serving;
        self.take_sockets(udp, &mut turn);
        loop {
            self.heartbeat.turn();
            let now = self.clock.now();
            if let Some(stop) = self.take_orders(now, &mut turn) {
                phase = phase.ordered(now.at, stop);
                if phase.is_closing() {
                    self.switch.handle(now, Input::HangUpAll, &mut turn.actions);
                }
                let drain = Input::Drain(matches!(phase, Phase::Draining(_)));
                self.switch.handle(now, drain, &mut turn.actions);
            }
            self.take_changes(now, &mut turn);
            if !phase.is_closing() {
                self.look_back(&mut turn);
                self.take_stream_events(now, &mut turn);
                self.take_datagrams(now, &mut turn);
            }
            self.take_media_events(&mut turn);
            self.switch.expire(now, &mut turn.actions);
            self.flush(now, &mut turn);
            let before = phase;
            phase = phase.next(now.at, self.switch.is_idle());
            if phase.is_closing() && !before.is_closing() {
                self.switch.handle(now, Input::HangUpAll, &mut turn.actions);
                self.flush(now, &mut turn);
            }
            if phase.is_over(now.at, self.switch.is_committed()) {
                return;
            }
            self.sleep(now, phase, &mut turn);
        }
    }

    /// Ends at an order to stop: what follows it waits for the next turn.
    fn take_orders(&mut self, now: Now, turn: &mut Turn) -> Option<Stop> {
        for _ in 0..limits::BATCH {
            let Ok(order) = self.orders.try_recv() else { break };
            match order {
                Order::Store(report) => self.store_report(now, report, turn),
                Order::Ask(commands, to) => {
                    for (token, command) in turn.asked.begin(commands, to) {
                        self.switch.handle(now, Input::Command { token, command }, &mut turn.actions);
                    }
                }
                Order::Config(new, done) => self.take_config(now, *new, done, turn),
                Order::Rows { changes, sources } => turn.changes.push(changes, sources, None),
                Order::HostAddresses(hosts) => {
                    self.switch.handle(now, Input::HostAddresses(hosts), &mut turn.actions);
                }
                Order::Dialplan(dialplan) => {
                    self.switch.handle(now, Input::Dialplan(dialplan), &mut turn.actions);
                }
                Order::Mailboxes(all) => {
                    self.switch.handle(now, Input::Mailboxes(all), &mut turn.actions);
                }
                Order::Mail { token, told } => {
                    self.switch.handle(now, Input::Mail { token, told }, &mut turn.actions);
                }
                Order::Services(services) => {
                    self.switch.handle(now, Input::Services(services), &mut turn.actions);
                }
                Order::Notify(conf) => self.switch.handle(now, Input::NotifyConf(conf), &mut turn.actions),
                Order::Resolved(resolved) => turn.resolved.push(resolved),
                Order::Hear { level, security } => {
                    let ears = self.switch.ears();
                    (ears.level, ears.security) = (level, security);
                }
                Order::Connections(to) => {
                    // The asker may have given up.
                    let _ = to.send(self.streams.facts().collect());
                }
                Order::Stop(stop) => return Some(stop),
            }
        }
        None
    }

    fn take_media_events(&mut self, turn: &mut Turn) {
        for _ in 0..limits::BATCH {
            let Ok(event) = self.media_events.try_recv() else { return };
            turn.media.push(event);
        }
    }

    fn take_stream_events(&mut self, now: Now, turn: &mut Turn) {
        for _ in 0..limits::BATCH {
            let Ok(event) = self.stream_events.try_recv() else { return };
            let actions = &mut turn.actions;
            match self.streams.hear(event) {
                Some(Heard::Message(arrival, bytes)) => {
                    self.switch.handle(now, Input::Sip { arrival, bytes: &bytes }, actions);
                }
                Some(Heard::Opened(arrival, inbound)) => {
                    self.switch.handle(now, Input::FlowOpened { arrival, inbound }, actions);
                }
                Some(Heard::Closed(Gone { flow, named, peer }, why)) => {
                    let input = Input::FlowClosed { flow, named, peer, why: &why };
                    self.switch.handle(now, input, actions);
                }
                Some(Heard::Unreachable(faults)) => {
                    for fault in faults {
                        let input = Input::SendFailed { to: fault.to, why: &fault.why };
                        self.switch.handle(now, input, actions);
                    }
                }
                Some(Heard::Refused(_, source, why)) => {
                    let ip = source.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |source| source.ip());
                    if self.switch.ears().thin.admits(now.at, ip, Nuisance::Connection) {
                        let source = source.map_or_else(|| "a peer".to_owned(), |source| source.to_string());
                        let text = format!("Connection of {source} refused: {why}");
                        self.log.line(now, Level::Warning, "res_pjsip_transport_management.c", &text);
                    }
                }
                None => {}
            }
        }
    }

    /// How far behind we are, from the streams' queue and the last batch of datagrams: what is least needed is refused.
    fn look_back(&mut self, turn: &mut Turn) {
        let queued = self.stream_events.len() * 1_000 / limits::SWITCH_QUEUE;
        let waited = std::mem::take(&mut turn.waited);
        let queued_milli = u16::try_from(queued).unwrap_or(u16::MAX);
        self.switch.observe_backlog(Backlog { waited, queued_milli });
    }

    fn take_datagrams(&mut self, now: Now, turn: &mut Turn) {
        let Turn { udp, ready, receiver, actions, waited, messages, .. } = turn;
        for (slot, socket) in udp.iter().enumerate() {
            if !ready[slot] {
                continue;
            }
            let switch = &mut self.switch;
            let received = receiver.receive(slot, socket, |arrival, bytes| {
                switch.handle(now, Input::Sip { arrival, bytes }, actions);
            });
            match received {
                Ok(received) => {
                    ready[slot] = received.more;
                    *waited = received.waited.max(*waited);
                    *messages += received.messages;
                }
                Err(errno) => {
                    ready[slot] = false;
                    let text = format!("{}: {}", socket.bound(), errno.desc());
                    self.log.line(now, Level::Error, "config_transport.c", &text);
                }
            }
        }
    }

    /// Everything the turn decided leaves. What could not be sent is told to the switch, which may decide more.
    fn flush(&mut self, now: Now, turn: &mut Turn) {
        // A failed send can make the switch try another way; bounded, because each target list is.
        for _ in 0..limits::DNS_TARGETS {
            self.send(turn);
            self.act(now, turn);
            for (to, why) in std::mem::take(&mut turn.failed) {
                self.switch.handle(now, Input::SendFailed { to, why: &why }, &mut turn.actions);
            }
            for resolved in std::mem::take(&mut turn.resolved) {
                self.take_resolved(now, resolved, turn);
            }
            for (token, told) in std::mem::take(&mut turn.refused) {
                let input = Input::Mail { token: Some(token), told: Box::new(told) };
                self.switch.handle(now, input, &mut turn.actions);
            }
            for event in std::mem::take(&mut turn.media) {
                self.switch.handle(now, Input::Media(event), &mut turn.actions);
            }
            if turn.actions.outbox.is_empty() && turn.actions.queue.is_empty() {
                break;
            }
        }
        self.media.ring();
        turn.store_full = self.store.flush() > 0;
    }

    fn take_resolved(&mut self, now: Now, mut resolved: Resolved, turn: &mut Turn) {
        let found = resolved.found.iter_mut().flatten();
        for to in found.filter(|to| to.protocol == Protocol::Tls) {
            // The certificate must bear the name that was asked for, not those DNS made of it (RFC 5922 4).
            to.flow = self.streams.target(to.transport, to.remote, &resolved.host);
        }
        let Resolved { token, found, .. } = resolved;
        self.switch.handle(now, Input::Resolved { token, found }, &mut turn.actions);
    }

    fn send(&mut self, turn: &mut Turn) {
        let Turn { udp, sender, actions, failed, .. } = turn;
        let outbox = &actions.outbox;
        if outbox.is_empty() {
            return;
        }
        let datagrams = outbox.iter().filter(|(to, _)| !to.protocol.is_reliable());
        sender.send(udp, datagrams, |fault| failed.push((fault.to, fault.why.to_owned())));
        for (to, bytes) in outbox.iter().filter(|(to, _)| to.protocol.is_reliable()) {
            if let Err(fault) = self.streams.send(to, bytes) {
                failed.push((fault.to, fault.why.into_owned()));
            }
        }
        actions.outbox.clear();
    }

    fn act(&mut self, now: Now, turn: &mut Turn) {
        for action in turn.actions.queue.drain(..) {
            match action {
                Action::Commit { sequence, change } => self.store.push(sequence, change),
                Action::Keep(kept) => self.lamps.push(*kept),
                Action::Database(change) => {
                    if let Some(database) = &self.database {
                        database.push(change);
                    }
                }
                Action::Mail { token, order } => {
                    if let Err(told) = self.mail.push(token, *order) {
                        turn.refused.push((token, told));
                    }
                }
                Action::Media(plan) => turn.media.extend(self.media.queue(plan)),
                Action::Prompt(order) => turn.media.extend(self.media.prompt(order)),
                Action::CloseFlow { flow, why } => self.streams.close(flow, why),
                Action::Event(event) => self.log.event(now, *event),
                Action::Reply { token, reply } => turn.asked.answer(token, reply),
                Action::Resolve { token, question } => {
                    turn.resolved.extend(self.names.resolve(token, question));
                }
            }
        }
    }

    fn sleep(&mut self, now: Now, phase: Phase, turn: &mut Turn) {
        let busy = (turn.ready.contains(&true) || !turn.changes.is_empty()) && !phase.is_closing();
        let mut until = [self.switch.next_deadline(), phase.deadline()].into_iter().flatten().min();
        if turn.store_full {
            let retry = now.at + STORE_RETRY;
            until = Some(until.map_or(retry, |at| at.min(retry)));
        }
        let timeout = if busy { Some(Duration::ZERO) } else { until.map(|at| at.since(now.at)) };
        let (orders, events, ready) = (&self.orders, &self.stream_events, &mut turn.ready);
        let media = &self.media_events;
        let waited = self.poller.wait(
            timeout,
            std::mem::take(&mut turn.messages),
            || orders.is_empty() && media.is_empty() && (events.is_empty() || phase.is_closing()),
            |slot| {
                if let Some(flag) = usize::try_from(slot).ok().and_then(|slot| ready.get_mut(slot)) {
                    *flag = true;
                }
            },
        );
        if let Err(error) = waited {
            self.log.line(now, Level::Error, "switch", &format!("waiting failed: {error}"));
            // Without epoll the sockets are tried in turn.
            turn.ready.fill(true);
        }
    }
}
