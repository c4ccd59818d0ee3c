//! Programs that are run beside all calls: `mailcmd` and `externnotify`. So many at once, so many waiting, each so long.

use super::Job;
use crate::base::limits;
use crate::voicemail::Order;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a running program is looked after.
const LOOK: Duration = Duration::from_millis(20);

/// A program to be run.
#[derive(Debug)]
pub(super) struct Program {
    /// For a shell.
    pub command: String,
    /// What it reads.
    pub input: Vec<u8>,
    /// What is done when it ended well.
    pub then: Option<Order>,
}

/// The way to those who run them.
#[derive(Debug)]
pub(super) struct Programs {
    /// `None` at the end.
    queue: Option<SyncSender<Program>>,
    /// To start one more.
    waiting: Arc<Mutex<Receiver<Program>>>,
    jobs: SyncSender<Job>,
    threads: Vec<JoinHandle<()>>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    lost: AtomicU64,
    failed: Mutex<Option<String>>,
}

impl Programs {
    pub fn start(jobs: SyncSender<Job>) -> Programs {
        let (queue, waiting) = mpsc::sync_channel(limits::VOICEMAIL_PROGRAMS_WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        Programs { queue: Some(queue), waiting, jobs, threads: Vec::new(), faults: Arc::default() }
    }

    /// Has it run some time.
    pub fn run(&mut self, program: Program) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(program).is_err() {
            self.faults.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if self.threads.len() < limits::VOICEMAIL_PROGRAMS {
            let (waiting, jobs, faults) = (self.waiting.clone(), self.jobs.clone(), self.faults.clone());
            let thread = std::thread::Builder::new().name("voicemail-program".into());
            self.threads.extend(thread.spawn(move || serve(&waiting, &jobs, &faults)));
        }
    }

    /// The server ends: what waits is run, as far as that takes a few seconds only.
    pub fn finish(&mut self) {
        self.queue = None;
        for _ in 0..Duration::from_secs(limits::LEAVE_SECS).as_millis() / LOOK.as_millis() {
            if self.threads.iter().all(JoinHandle::is_finished) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What went wrong since this was asked last.
    pub fn lost(&self) -> Vec<String> {
        let lost = self.faults.lost.swap(0, Ordering::Relaxed);
        let failed = self.faults.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let many = (lost > 0).then(|| format!("{lost} mails or notices are not sent: too many wait"));
        many.into_iter().chain(failed).collect()
    }
}

fn serve(waiting: &Mutex<Receiver<Program>>, jobs: &SyncSender<Job>, faults: &Faults) {
    loop {
        // Whoever holds the lock waits for all of them.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Program { command, input, then }) = next else { return };
        match run(&command, &input) {
            Ok(()) => {
                if let Some(order) = then {
                    // It fails only when the server ends: then the message stays.
                    let _ = jobs.send(Job { token: None, order });
                }
            }
            Err(why) => {
                let mut failed = faults.failed.lock().unwrap_or_else(PoisonError::into_inner);
                *failed = Some(format!("'{command}': {why}"));
            }
        }
    }
}

/// Runs a program to its end, or for as long as it may.
fn run(command: &str, input: &[u8]) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    let mut shell = Command::new("/bin/sh");
    let shell = shell.arg("-c").arg(command).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = shell.spawn().map_err(words)?;
    // A program that reads nothing must not hold us up: a thread of its own fills its pipe.
    std::thread::scope(|scope| {
        if let Some(mut stdin) = child.stdin.take() {
            scope.spawn(move || {
                // It may not want to read; its status tells whether that was a fault.
                let _ = stdin.write_all(input);
            });
        }
        wait(&mut child)
    })
}

fn wait(child: &mut Child) -> Result<(), String> {
    let most = Duration::from_secs(limits::VOICEMAIL_PROGRAM_SECS).as_millis() / LOOK.as_millis();
    for _ in 0..most {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Ok(None) => std::thread::sleep(LOOK),
            Err(error) => return Err(error.to_string()),
        }
    }
    // One that has ended meanwhile cannot be ended again.
    let _ = child.kill();
    let _ = child.wait();
    Err(format!("did not end within {} s", limits::VOICEMAIL_PROGRAM_SECS))
}
