//! How others reach a media thread: a bounded queue of commands and a bell.

use super::Watched;
use super::files::Files;
use super::port::Port;
use super::worker::Worker;
use crate::base::limits;
use crate::bridge::plan::{Plan, PortId};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

/// What a media thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// A port, new or from another thread.
    Adopt(Box<Port>),
    /// A port is on its way: keep orders for it.
    Expect(PortId),
    /// An announced port is gone: forget the orders for it.
    Gone(PortId),
    /// Give a port to another thread.
    Release { port: PortId, to: WorkerHandle },
    /// An order for a port.
    Plan(Plan),
    /// End.
    Stop,
}

/// How others reach a media thread.
#[derive(Clone, Debug)]
pub(super) struct WorkerHandle {
    commands: mpsc::SyncSender<Command>,
    bell: Arc<Bell>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// Wakes the thread, once for any number of commands.
#[derive(Debug)]
pub(super) struct Bell {
    pub event: EventFd,
    pub rung: AtomicBool,
    pub queued: AtomicUsize,
}

impl WorkerHandle {
    /// Starts a thread.
    pub fn start(number: usize, seed: u64, files: Files, watched: Watched) -> io::Result<WorkerHandle> {
        let (handle, worker) = WorkerHandle::with_worker(seed, files)?;
        let thread = std::thread::Builder::new().name(format!("media-{number}")).spawn(move || {
            let _watched = watched;
            worker.run();
        })?;
        *handle.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(handle)
    }

    /// A worker that no thread runs yet, and the way to reach it.
    pub fn with_worker(seed: u64, files: Files) -> io::Result<(WorkerHandle, Worker)> {
        let (commands, receiver) = mpsc::sync_channel(limits::MEDIA_PLANS);
        let event = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        let bell = Arc::new(Bell { event, rung: AtomicBool::new(false), queued: AtomicUsize::new(0) });
        let worker = Worker::new(receiver, bell.clone(), seed, files)?;
        Ok((WorkerHandle { commands, bell, thread: Arc::default() }, worker))
    }

    /// Whether the queue can take more than a trickle.
    pub fn has_room(&self) -> bool {
        self.bell.queued.load(Ordering::Relaxed) < limits::MEDIA_PLANS / 2
    }

    /// Queues a command and rings.
    pub fn send(&self, command: Command) {
        self.queue(command);
        self.ring();
    }

    /// Queues a command. Waits while the queue is full: the thread never waits for us, so it will drain.
    pub fn queue(&self, command: Command) {
        self.bell.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(mpsc::TrySendError::Full(command)) = self.commands.try_send(command) {
            self.ring();
            // It fails only when the thread has ended.
            let _ = self.commands.send(command);
        }
    }

    /// Queues a command, or gives it back when the queue is full.
    pub fn try_send(&self, command: Command) -> Result<(), Command> {
        self.commands.try_send(command).map_err(|e| match e {
            mpsc::TrySendError::Full(command) | mpsc::TrySendError::Disconnected(command) => command,
        })?;
        self.bell.queued.fetch_add(1, Ordering::Relaxed);
        self.ring();
        Ok(())
    }

    /// Wakes the thread.
    pub fn ring(&self) {
        if !self.bell.rung.swap(true, Ordering::AcqRel) {
            // A full counter is a rung bell, too.
            let _ = self.bell.event.write(1);
        }
    }

    /// Ends the thread and waits for it.
    pub fn stop(&self) {
        self.send(Command::Stop);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}
