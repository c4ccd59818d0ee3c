//! Rank 5: RTP ports and relays. Threads of their own own the sockets; signalling sends [`Plan`]s and gets
//! [`MediaEvent`]s. A relayed packet takes no lock, allocates nothing and is copied by nobody but the system.
//!
//! ```text
//!  Media::submit ──Open──▶ binds here, answers Opened at once ──Command::Adopt──▶ worker (epoll, ports, timers)
//!                ──other──────────────────────────────────────Command::Plan────▶   │ recv ▸ source ▸ count ▸ renumber ▸ send
//!  Receiver<MediaEvent> ◀──────────────────────────────────────────────────────────┘
//! ```
//! Both ports of a join live on one thread; joining ports of two threads moves one of them.

mod ear;
mod files;
mod handle;
mod moving;
mod outgoing;
mod port;
mod port_range;
mod relay;
mod resting;
mod rtcp;
mod service;
mod sound;
mod table;
mod worker;

use crate::base::limits;
use crate::bridge::{MediaEvent, OpenError, Plan, PortId, PromptOrder, RoomId, SoundOrder};
use crate::rtp::Continuity;
use ear::Ear;
use files::Files;
use handle::{Command, WorkerHandle};
use port_range::PortTable;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

pub use ear::Wake;
pub use files::Directories;

/// A handle to the media threads. Each shard has its own, made with [`Media::another`]; the threads stop when the last
/// one is dropped.
#[derive(Debug)]
pub struct Media {
    shared: Arc<Shared>,
    /// Which thread has which of this handle's ports.
    places: HashMap<PortId, usize, foldhash::fast::RandomState>,
    /// Which thread has which room, and how many ports went in.
    rooms: HashMap<RoomId, (usize, Vec<PortId>), foldhash::fast::RandomState>,
    /// The room that each port is in.
    room_of: HashMap<PortId, RoomId, foldhash::fast::RandomState>,
    /// Ports that spy, and whom: they are on the same thread.
    spies: Vec<(PortId, PortId)>,
    ear: Ear,
    random: crate::base::rng::Rng,
    /// Threads that have orders and were not told so yet.
    unrung: Vec<bool>,
}

#[derive(Debug)]
struct Shared {
    workers: Vec<WorkerHandle>,
    table: Arc<PortTable>,
    open: Arc<AtomicUsize>,
    /// `None` only while the last handle goes.
    files: Option<Files>,
    file_thread: Mutex<Option<JoinHandle<()>>>,
}

/// Goes with its thread. Calls whose thread is gone would stay silent for ever, so whoever runs the server must know.
struct Watched(Wake);

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.workers.iter().for_each(WorkerHandle::stop);
        // Sockets at rest hold the table that holds them.
        self.table.close_resting();
        self.files = None;
        // With the media threads the last way to the file thread is gone: it completes its files and ends.
        if let Some(thread) = self.file_thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

impl Media {
    /// Starts `threads` media threads (at least one). `seed` draws SSRCs, first sequence numbers and the first port:
    /// it must come from the operating system's randomness, so that a stranger cannot guess them.
    pub fn start(threads: usize, seed: u64) -> io::Result<(Media, mpsc::Receiver<MediaEvent>)> {
        Media::start_waking(threads, seed, (Arc::new(|| ()), Arc::new(|| ())), Directories::default())
    }

    /// The same; `wake` is called after each event, for a receiver that sleeps on something else than its channel, `died`
    /// when a thread ends by a fault of the program, and sound files are in `directories`.
    pub fn start_waking(
        threads: usize,
        seed: u64,
        (wake, died): (Wake, Wake),
        directories: Directories,
    ) -> io::Result<(Media, mpsc::Receiver<MediaEvent>)> {
        let mut random = crate::base::rng::Rng::seeded(seed);
        let mut workers = Vec::new();
        let (files, file_thread) = Files::start(directories, Watched(died.clone()))?;
        for number in 0..threads.max(1) {
            workers.push(WorkerHandle::start(
                number,
                random.next_u64(),
                files.clone(),
                Watched(died.clone()),
            )?);
        }
        let shared = Arc::new(Shared {
            workers,
            table: Arc::new(PortTable::new(random.next_u64())),
            open: Arc::new(AtomicUsize::new(0)),
            files: Some(files),
            file_thread: Mutex::new(Some(file_thread)),
        });
        Ok(Media::with(shared, random, wake))
    }

    /// A second handle to the same threads, with its own events.
    pub fn another(&mut self) -> (Media, mpsc::Receiver<MediaEvent>) {
        let seed = self.random.next_u64();
        Media::with(self.shared.clone(), crate::base::rng::Rng::seeded(seed), self.ear.wake.clone())
    }

    fn with(
        shared: Arc<Shared>,
        random: crate::base::rng::Rng,
        wake: Wake,
    ) -> (Media, mpsc::Receiver<MediaEvent>) {
        let (sender, receiver) = mpsc::channel(limits::MEDIA_EVENTS);
        let unrung = vec![false; shared.workers.len()];
        (
            Media {
                shared,
                places: HashMap::default(),
                rooms: HashMap::default(),
                room_of: HashMap::default(),
                spies: Vec::new(),
                ear: Ear { sender, wake },
                random,
                unrung,
            },
            receiver,
        )
    }

    /// Ports open now, of all handles.
    pub fn open_ports(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Carries out one order at once, see [`Media::queue`].
    pub fn submit(&mut self, plan: Plan) -> Option<MediaEvent> {
        let event = self.queue(plan);
        self.ring();
        event
    }

    /// Tells the threads that orders were queued: once for all of them, because each bell costs two context switches.
    pub fn ring(&mut self) {
        for (worker, unrung) in self.shared.workers.iter().zip(&mut self.unrung) {
            if std::mem::take(unrung) {
                worker.ring();
            }
        }
    }

    /// Takes one order; the threads see it with the next [`Media::ring`]. Opening a port is done here and now, and its outcome returned; everything else goes to
    /// the port's thread, in order. An order for a port that is not open is ignored: its `Closed` is on the way.
    pub fn queue(&mut self, plan: Plan) -> Option<MediaEvent> {
        match plan {
            Plan::Open(open) => {
                let id = open.port;
                Some(self.open(*open).unwrap_or_else(|why| MediaEvent::OpenFailed { port: id, why }))
            }
            Plan::Join { a, b, .. } => {
                let (Some(&to), Some(&from)) = (self.places.get(&a), self.places.get(&b)) else {
                    return None;
                };
                self.leave_rooms(a);
                self.leave_rooms(b);
                self.move_port(b, from, to);
                self.send(to, Command::Plan(plan));
                None
            }
            Plan::Sound { port, ref order } => {
                let from = *self.places.get(&port)?;
                let mut at = from;
                match **order {
                    SoundOrder::Enter { room, .. } => {
                        self.leave_rooms(port);
                        // A room is on the thread of who came first.
                        let (to, members) = self.rooms.entry(room).or_insert_with(|| (from, Vec::new()));
                        members.push(port);
                        at = *to;
                        self.room_of.insert(port, room);
                        self.move_port(port, from, at);
                    }
                    SoundOrder::Leave => self.leave_rooms(port),
                    SoundOrder::Spy(ref spy) => {
                        self.spies.retain(|(spying, _)| *spying != port);
                        if let Some(spy) = spy
                            && let Some(&to) = self.places.get(&spy.target)
                        {
                            self.leave_rooms(port);
                            self.spies.push((port, spy.target));
                            at = to;
                            self.move_port(port, from, to);
                        }
                    }
                    _ => {}
                }
                self.send(at, Command::Plan(plan));
                None
            }
            Plan::Close { port } => {
                self.leave_rooms(port);
                self.spies.retain(|(spying, target)| *spying != port && *target != port);
                if let Some(at) = self.places.remove(&port) {
                    self.send(at, Command::Plan(plan));
                }
                None
            }
            Plan::Aim { port, .. }
            | Plan::Unjoin { port }
            | Plan::Direct { port, .. }
            | Plan::SendDigit { port, .. }
            | Plan::Play { port, .. }
            | Plan::StopPlaying { port }
            | Plan::Report { port } => {
                if let Some(&at) = self.places.get(&port) {
                    self.send(at, Command::Plan(plan));
                }
                None
            }
        }
    }

    /// Takes an order about a prompt's files. The answer to a question comes with the events, or at once when it is sure
    /// that nobody will look.
    pub fn prompt(&mut self, order: PromptOrder) -> Option<MediaEvent> {
        let token = match &order {
            PromptOrder::Find { token, .. } => Some(*token),
            PromptOrder::Remove { .. } => None,
        };
        let taken =
            self.shared.files.as_ref().is_some_and(|files| files.prompt(order, self.ear.clone()).is_ok());
        token.filter(|_| !taken).map(|token| MediaEvent::PromptFound { token, found: false })
    }

    /// Gives a port to another thread, which keeps orders for it until it arrives.
    fn move_port(&mut self, port: PortId, from: usize, to: usize) {
        if to != from {
            self.send(to, Command::Expect(port));
            self.send(from, Command::Release { port, to: self.shared.workers[to].clone() });
            self.places.insert(port, to);
            // Who listens in goes along.
            for at in 0..self.spies.len() {
                if let Some((spy, _)) = self.spies.get(at).copied().filter(|(_, target)| *target == port)
                    && let Some(from) = self.places.get(&spy).copied()
                {
                    self.move_port(spy, from, to);
                }
            }
        }
    }

    fn leave_rooms(&mut self, port: PortId) {
        let Some(room) = self.room_of.remove(&port) else { return };
        if let Some((_, members)) = self.rooms.get_mut(&room) {
            members.retain(|member| *member != port);
            if members.is_empty() {
                self.rooms.remove(&room);
            }
        }
    }

    fn send(&mut self, worker: usize, command: Command) {
        self.shared.workers[worker].queue(command);
        self.unrung[worker] = true;
    }

    fn open(&mut self, open: crate::bridge::Open) -> Result<MediaEvent, OpenError> {
        if self.shared.open.load(Ordering::Relaxed) >= limits::MEDIA_PORTS {
            return Err(OpenError::Overloaded);
        }
        let at = (open.affinity % self.shared.workers.len() as u64) as usize;
        let worker = &self.shared.workers[at];
        if !worker.has_room() {
            return Err(OpenError::Overloaded);
        }
        let sockets = self.shared.table.bind(&open, at)?;
        let (rtp, rtcp_port) = (sockets.others.rtp_address, sockets.others.rtcp_port());
        let random = self.random.next_u64();
        let out = Continuity::new(random as u32, (random >> 32) as u16 & 0x7fff, (random >> 16) as u32, 8000);
        let mut cname = Vec::with_capacity(16);
        self.random.token(16, &mut cname);
        let id = open.port;
        let counted = port::Counted::new(self.shared.open.clone());
        let port = port::Port::new(open, sockets, out, cname, self.ear.clone(), counted);
        self.send(at, Command::Adopt(Box::new(port)));
        self.places.insert(id, at);
        Ok(MediaEvent::Opened { port: id, rtp, rtcp_port })
    }
}
