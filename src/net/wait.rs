//! Sleeping until something happens: a datagram, another thread's knock, or a deadline.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
        Ok((Poller { epoll, shared, events: [EpollEvent::empty(); 32] }, waker))
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
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        is_idle: impl FnOnce() -> bool,
        mut ready: impl FnMut(u64),
    ) -> io::Result<()> {
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
        poller.wait(None, || false, |_| panic!("no socket")).expect("wait");
        let other = std::thread::spawn(move || {
            for _ in 0..1_000 {
                waker.wake();
                std::thread::yield_now();
            }
            waker
        });
        poller.wait(Some(Duration::from_secs(20)), || !other.is_finished(), |_| ()).expect("wait");
        drop(other.join().expect("no panic"));
        let before = millis(Duration::from_micros(1));
        assert_eq!(before, EpollTimeout::from(1u8), "never earlier than asked");
    }
}
