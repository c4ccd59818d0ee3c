//! Whether the switch's thread turns. It counts its turns; a watcher wakes it and looks whether the count moves. Only
//! while it does, systemd's watchdog is fed: a server that is up but answers nothing is started anew.

use crate::net::wait::Waker;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often to look when systemd asks for nothing.
const DEFAULT: Duration = Duration::from_secs(5);

/// The switch's side: counts turns.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat {
    turns: Arc<AtomicU64>,
}

/// A change in what the watcher sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// It has not turned for so long.
    Stuck(Duration),
    /// It turns again.
    Back,
}

impl Heartbeat {
    /// One turn of the loop.
    pub fn turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Watches until dropped. `say` is told of changes.
    pub async fn watch(self, switch: Waker, say: impl FnMut(Pulse)) {
        let watchdog = sd_notify::watchdog_enabled();
        // systemd advises half of its interval; a missed beat then still leaves one.
        let interval = watchdog.map_or(DEFAULT, |asked| asked / 2);
        let feed = || {
            if watchdog.is_some() {
                // A socket that is gone cannot be told so.
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
        };
        self.watch_every(interval, switch, feed, say).await;
    }

    async fn watch_every(
        self,
        interval: Duration,
        switch: Waker,
        mut feed: impl FnMut(),
        mut say: impl FnMut(Pulse),
    ) {
        let (mut seen, mut missed) = (self.count(), 0u32);
        loop {
            // An idle switch sleeps: it turns because it is woken.
            switch.wake();
            tokio::time::sleep(interval).await;
            let now = self.count();
            if now != seen {
                if missed > 0 {
                    say(Pulse::Back);
                }
                missed = 0;
                feed();
            } else {
                missed += 1;
                say(Pulse::Stuck(interval * missed));
            }
            seen = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::wait::Poller;
    use std::sync::Mutex;

    #[test]
    fn the_watchdog_is_fed_only_while_the_switch_turns() {
        let (mut poller, waker) = Poller::new().expect("epoll");
        let heart = Heartbeat::default();
        let (fed, said) = (Arc::new(Mutex::new(0u32)), Arc::new(Mutex::new(Vec::new())));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("rt");
        let (feed, say) = (Arc::clone(&fed), Arc::clone(&said));
        runtime.spawn(heart.clone().watch_every(
            Duration::from_millis(20),
            waker,
            move || *feed.lock().expect("lock") += 1,
            move |pulse| say.lock().expect("lock").push(pulse),
        ));
        // Turns because it is woken, though it would sleep for a minute.
        while *fed.lock().expect("lock") < 3 {
            poller.wait(Some(Duration::from_secs(60)), 0, || true, |_| ()).expect("wait");
            heart.turn();
        }
        // Stuck.
        while !said.lock().expect("lock").iter().any(|p| matches!(p, Pulse::Stuck(_))) {
            std::thread::yield_now();
        }
        heart.turn();
        while said.lock().expect("lock").last() != Some(&Pulse::Back) {
            heart.turn();
            std::thread::yield_now();
        }
    }
}
