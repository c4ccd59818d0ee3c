//! The thread that owns the switch: input in, decisions, output out, then sleep until the next deadline.
//!
//! ```text
//!        ┌────────── queue (store, control, reload) ──┐
//! epoll ─┤── UDP sockets: recvmmsg ───────────────────┼─► Switch::handle ─► Actions ─► sendmmsg, streams, store, log
//!        └────────── streams' events ─────────────────┘
//! ```
//! The clock is read once per turn; each source gets at most one batch per turn, so none starves the others.

use super::clock::Clock;
use super::log::Log;
use crate::base::limits;
use crate::base::time::Now;
use crate::config::{Change, Sources};
use crate::net::stream::{Heard, StreamEvent, Streams};
use crate::net::udp::{Receiver, Sender, Udp};
use crate::net::wait::Poller;
use crate::sip::flow::Destination;
use crate::store::committer::Report;
use crate::store::contacts::Writer;
use crate::switch::Switch;
use crate::switch::io::{Action, Actions, Input};
use crate::switch::view::{Command, Event, Level, Reply};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What other threads want of the switch.
#[derive(Debug)]
pub enum Order {
    /// The store says something.
    Store(Report),
    /// An administrator asks; the replies come in the order of the commands.
    Ask(Vec<Command>, oneshot::Sender<Vec<Reply>>),
    /// The configuration changed.
    Config(Vec<Change>, Sources, oneshot::Sender<()>),
    /// Stop once everything acknowledged is on disk, or after a while.
    Stop,
}

/// The loop's parts.
#[derive(Debug)]
pub struct Shard {
    /// The decisions.
    pub switch: Switch,
    /// Time.
    pub clock: Clock,
    /// Sleep and readiness.
    pub poller: Poller,
    /// Datagram sockets; their place is their number at the poller.
    pub udp: Vec<Udp>,
    /// Connections.
    pub streams: Streams,
    /// What connections tell.
    pub stream_events: mpsc::Receiver<StreamEvent>,
    /// What other threads want.
    pub orders: mpsc::Receiver<Order>,
    /// The way to the contact store.
    pub store: Writer,
    /// The log.
    pub log: Log,
    /// Turns of the loop: the watchdog looks whether it rises.
    pub turns: Arc<AtomicU64>,
}

/// How long a stop waits for commits.
const DRAIN: Duration = Duration::from_secs(3);
/// The longest sleep, so that the watchdog sees life.
const NAP: Duration = Duration::from_millis(1_000);

#[derive(Default)]
struct Turn {
    actions: Actions,
    asked: HashMap<u64, Asked>,
    next_token: u64,
    failed: Vec<(Destination, String)>,
}

struct Asked {
    missing: usize,
    replies: Vec<Option<Reply>>,
    first_token: u64,
    to: oneshot::Sender<Vec<Reply>>,
}

impl Shard {
    /// Runs until [`Order::Stop`].
    pub fn run(mut self) {
        let mut receiver = Receiver::new();
        let mut sender = Sender::new();
        let mut turn = Turn::default();
        let mut ready = vec![true; self.udp.len()];
        let mut stopping = None;
        loop {
            self.turns.fetch_add(1, Ordering::Relaxed);
            let now = self.clock.now();
            if self.take_orders(now, &mut turn) && stopping.is_none() {
                stopping = Some(now.at + DRAIN);
            }
            self.take_stream_events(now, &mut turn);
            self.take_datagrams(now, &mut receiver, &mut ready, &mut turn);
            self.switch.expire(now, &mut turn.actions);
            self.flush(now, &mut sender, &mut turn);
            if stopping.is_some_and(|until| self.switch.is_idle() || now.at >= until) {
                return;
            }
            self.sleep(now, &mut ready);
        }
    }

    /// Whether a stop was among them.
    fn take_orders(&mut self, now: Now, turn: &mut Turn) -> bool {
        for _ in 0..limits::BATCH {
            let Ok(order) = self.orders.try_recv() else { break };
            match order {
                Order::Store(report) => self.store_report(now, report, turn),
                Order::Ask(commands, to) => self.ask(now, commands, to, turn),
                Order::Config(changes, sources, done) => {
                    let input = Input::Config { changes: &changes, sources: &sources };
                    self.switch.handle(now, input, &mut turn.actions);
                    // The asker may have given up; the change stands all the same.
                    let _ = done.send(());
                }
                Order::Stop => return true,
            }
        }
        false
    }

    fn store_report(&mut self, now: Now, report: Report, turn: &mut Turn) {
        let actions = &mut turn.actions;
        match report {
            Report::Committed { sequence, .. } => {
                self.switch.handle(now, Input::Committed { sequence }, actions)
            }
            Report::Failed { sequence, why, .. } => {
                self.switch.handle(now, Input::CommitFailed { sequence, why: &why }, actions);
            }
            Report::Changed(changes) => self.switch.handle(now, Input::ContactsChanged(changes), actions),
            Report::PutAll { why } => {
                self.log.line(
                    now,
                    Level::Error,
                    "contacts",
                    &format!("{why}; all contacts are written again"),
                );
                self.switch.handle(now, Input::PutAll, actions);
            }
            Report::Note(text) => self.log.line(now, Level::Warning, "contacts", &text),
        }
    }

    fn ask(&mut self, now: Now, commands: Vec<Command>, to: oneshot::Sender<Vec<Reply>>, turn: &mut Turn) {
        let first_token = turn.next_token;
        let replies = commands.iter().map(|_| None).collect();
        turn.asked.insert(first_token, Asked { missing: commands.len(), replies, first_token, to });
        for command in commands {
            let token = turn.next_token;
            turn.next_token += 1;
            self.switch.handle(now, Input::Command { token, command }, &mut turn.actions);
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
                Some(Heard::Closed(flow, why)) => {
                    self.switch.handle(now, Input::FlowClosed { flow, why: &why }, actions);
                }
                Some(Heard::Unreachable(faults)) => {
                    for fault in faults {
                        let input = Input::SendFailed { to: fault.to, why: &fault.why };
                        self.switch.handle(now, input, actions);
                    }
                }
                Some(Heard::Refused(_, source, why)) => {
                    let source = source.map_or_else(|| "a peer".to_owned(), |source| source.to_string());
                    self.log.line(
                        now,
                        Level::Warning,
                        "transport",
                        &format!("Connection of {source} refused: {why}"),
                    );
                }
                None => {}
            }
        }
    }

    fn take_datagrams(&mut self, now: Now, receiver: &mut Receiver, ready: &mut [bool], turn: &mut Turn) {
        for (slot, socket) in self.udp.iter().enumerate() {
            if !ready[slot] {
                continue;
            }
            let (switch, actions) = (&mut self.switch, &mut turn.actions);
            let received = receiver.receive(slot, socket, |arrival, bytes| {
                switch.handle(now, Input::Sip { arrival, bytes }, actions);
            });
            match received {
                Ok(received) => ready[slot] = received.more,
                Err(errno) => {
                    ready[slot] = false;
                    self.log.line(now, Level::Error, "transport", &format!("{}: {errno}", socket.bound()));
                }
            }
        }
    }

    /// Everything the turn decided leaves. What could not be sent is told to the switch, which may decide more.
    fn flush(&mut self, now: Now, sender: &mut Sender, turn: &mut Turn) {
        // A failed send can make the switch try another way; bounded, because each target list is.
        for _ in 0..8 {
            self.send(sender, turn);
            self.act(now, turn);
            for (to, why) in std::mem::take(&mut turn.failed) {
                self.switch.handle(now, Input::SendFailed { to, why: &why }, &mut turn.actions);
            }
            if turn.actions.outbox.is_empty() && turn.actions.queue.is_empty() {
                break;
            }
        }
        self.store.flush();
    }

    fn send(&mut self, sender: &mut Sender, turn: &mut Turn) {
        let (outbox, failed) = (&turn.actions.outbox, &mut turn.failed);
        if outbox.is_empty() {
            return;
        }
        let datagrams = outbox.iter().filter(|(to, _)| !to.protocol.is_reliable());
        sender.send(&self.udp, datagrams, |fault| failed.push((fault.to, fault.why.to_owned())));
        for (to, bytes) in outbox.iter().filter(|(to, _)| to.protocol.is_reliable()) {
            if let Err(fault) = self.streams.send(to, bytes) {
                failed.push((fault.to, fault.why.into_owned()));
            }
        }
        turn.actions.outbox.clear();
    }

    fn act(&mut self, now: Now, turn: &mut Turn) {
        for action in turn.actions.queue.drain(..) {
            match action {
                Action::Commit { sequence, change } => self.store.push(sequence, change),
                Action::CloseFlow { flow, why } => self.streams.close(flow, why),
                Action::Event(event) => self.log.event(now, *event),
                Action::Reply { token, reply } => answer(&mut turn.asked, token, reply),
                Action::Resolve { .. } => {}
            }
        }
    }

    fn sleep(&mut self, now: Now, ready: &mut [bool]) {
        if ready.contains(&true) {
            return;
        }
        let until = self.switch.next_deadline().map_or(NAP, |at| at.since(now.at));
        let (orders, events) = (&self.orders, &self.stream_events);
        let waited = self.poller.wait(
            Some(until.min(NAP)),
            || orders.is_empty() && events.is_empty(),
            |slot| {
                if let Some(flag) = usize::try_from(slot).ok().and_then(|slot| ready.get_mut(slot)) {
                    *flag = true;
                }
            },
        );
        if let Err(error) = waited {
            self.log.event(
                now,
                Event::Log { level: Level::Error, origin: "shard", text: format!("waiting failed: {error}") },
            );
        }
    }
}

/// Puts a reply to its question; the last one sends them all.
fn answer(asked: &mut HashMap<u64, Asked>, token: u64, reply: Reply) {
    let owner = asked
        .iter_mut()
        .find(|(first, question)| (**first..**first + question.replies.len() as u64).contains(&token));
    let Some((first, question)) = owner else { return };
    let first = *first;
    let place = usize::try_from(token - question.first_token).unwrap_or(usize::MAX);
    if let Some(slot) = question.replies.get_mut(place)
        && slot.replace(reply).is_none()
    {
        question.missing -= 1;
    }
    if question.missing == 0
        && let Some(question) = asked.remove(&first)
    {
        // Who asked may be gone; then nobody misses the answer.
        let _ = question.to.send(question.replies.into_iter().flatten().collect());
    }
}
