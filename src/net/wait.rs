//! Sleeping until something happens: a datagram, another thread's knock, or a deadline.
//!
//! Waking up, receiving and sending cost more than what is done with one message. When messages come thick, the thread
//! naps a moment before it looks again, so that a turn has several of them; an idle thread is woken by the first one.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Wakes the thread that waits at a [`Poller`]. Knocking at one that is awake costs one atomic exchange.
#[derive(Clone, Debug)]
pub struct Waker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    event: EventFd,
    asleep: AtomicBool,
}

impl Waker {
    /// Makes the sleeper look at its queues. Call it after the queue was filled.
    pub fn wake(&self) {
        if self.shared.asleep.swap(false, Ordering::SeqCst) {
            // It fails only when the counter is full, and then the sleeper wakes anyway.
            let _ = self.shared.event.write(1);
        }
    }
}

/// Readiness of the sockets of one thread.
#[derive(Debug)]
pub struct Poller {
    epoll: Epoll,
    shared: Arc<Shared>,
    events: [EpollEvent; 32],
    brisk: Brisk,
}

/// Whether messages come thick.
#[derive(Debug)]
struct Brisk {
    last: Instant,
    turns: u32,
}

/// A turn this soon after the one before is brisk: 4,000 a second.
const BRISK_GAP: Duration = Duration::from_micros(250);
/// So many brisk turns on end, and naps begin.
const BRISK_TURNS: u32 = 8;
/// Of one nap; the system adds about as much.
const NAP: Duration = Duration::from_micros(50);

impl Brisk {
    /// After a turn with so many messages: whether to nap. A nap that gathered no second message was the last.
    fn naps(&mut self, now: Instant, messages: usize) -> bool {
        let soon = now.duration_since(self.last) < BRISK_GAP;
        let enough = if self.turns < BRISK_TURNS { 1 } else { 2 };
        self.turns = if soon && messages >= enough { self.turns.saturating_add(1) } else { 0 };
        self.last = now;
        self.turns >= BRISK_TURNS
    }
}

/// The waker's own event; sockets use what [`Poller::add`] was given.
const KNOCK: u64 = u64::MAX;

impl Poller {
    /// A poller that knows no socket yet, and what wakes it.
    pub fn new() -> io::Result<(Poller, Waker)> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let event = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        epoll.add(&event, EpollEvent::new(EpollFlags::EPOLLIN, KNOCK))?;
        let shared = Arc::new(Shared { event, asleep: AtomicBool::new(false) });
        let waker = Waker { shared: Arc::clone(&shared) };
        #[expect(clippy::disallowed_methods, reason = "an edge that waits")]
        let brisk = Brisk { last: Instant::now(), turns: 0 };
        Ok((Poller { epoll, shared, events: [EpollEvent::empty(); 32], brisk }, waker))
    }

    /// Watches a socket for input under a number (not [`u64::MAX`]).
    pub fn add(&self, socket: impl AsFd, number: u64) -> io::Result<()> {
        Ok(self.epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, number))?)
    }

    /// Stops watching a socket.
    pub fn remove(&self, socket: impl AsFd) -> io::Result<()> {
        Ok(self.epoll.delete(socket)?)
    }

    /// Waits until a socket is readable, the waker is used or `timeout` is over (rounded up to milliseconds; `None`
    /// waits without end), and hands each ready number to `ready`. `is_idle` is asked once the waker works: work that
    /// was queued before that is found by it, and then there is no sleep. Sockets beyond 32 get their turn next time.
    /// `messages` is how many the turn had that ends now.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        messages: usize,
        is_idle: impl FnOnce() -> bool,
        mut ready: impl FnMut(u64),
    ) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "an edge that waits")]
        let now = Instant::now();
        if self.brisk.naps(now, messages) && timeout.is_none_or(|timeout| timeout > BRISK_GAP) {
            std::thread::sleep(NAP);
        }
        self.shared.asleep.store(true, Ordering::SeqCst);
        let timeout = if is_idle() { timeout.map_or(EpollTimeout::NONE, millis) } else { EpollTimeout::ZERO };
        let result = self.epoll.wait(&mut self.events, timeout);
        self.shared.asleep.store(false, Ordering::SeqCst);
        let count = match result {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        for event in &self.events[..count] {
            match event.data() {
                KNOCK => {
                    let _ = self.shared.event.read();
                }
                number => ready(number),
            }
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> EpollTimeout {
    let millis = duration.as_micros().div_ceil(1_000);
    i32::try_from(millis).ok().and_then(|m| EpollTimeout::try_from(m).ok()).unwrap_or(EpollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knock_before_or_during_the_sleep_ends_it() {
        let (mut poller, waker) = Poller::new().expect("poller");
        // Before: the queue is looked at after the waker was armed, so nothing is missed.
        poller.wait(None, 0, || false, |_| panic!("no socket")).expect("wait");
        let other = std::thread::spawn(move || {
            for _ in 0..1_000 {
                waker.wake();
                std::thread::yield_now();
            }
            waker
        });
        poller.wait(Some(Duration::from_secs(20)), 0, || !other.is_finished(), |_| ()).expect("wait");
        drop(other.join().expect("no panic"));
        let before = millis(Duration::from_micros(1));
        assert_eq!(before, EpollTimeout::from(1u8), "never earlier than asked");
    }

    #[test]
    fn naps_begin_when_messages_come_thick_and_end_when_they_gather_none() {
        #[expect(clippy::disallowed_methods, reason = "any moment")]
        let mut now = Instant::now();
        let mut brisk = Brisk { last: now, turns: 0 };
        let mut turn = |micros: u64, messages: usize| {
            now += Duration::from_micros(micros);
            brisk.naps(now, messages)
        };
        // One message after the other, slowly: never.
        assert!((0..100).all(|_| !turn(300, 1)));
        // A busy minute: from the eighth turn on.
        assert_eq!((0..20).filter(|_| turn(50, 3)).count(), 13);
        assert!(turn(120, 2) && turn(120, 5));
        // A single phone that answers each answer at once gains nothing by waiting.
        assert!(!turn(120, 1));
        assert_eq!((0..90).filter(|_| turn(60, 1)).count(), 10);
    }
}
