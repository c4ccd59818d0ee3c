//! Answers by their time to live: fetched once however many ask, refreshed before they end while they are in use,
//! kept beyond their end while DNS fails.

use super::source::{DnsFault, Source};
use super::walk::{Found, literal, walk, walk_host};
use super::{Route, Wanted, order};
use crate::base::limits;
use crate::base::rng::Rng;
use crate::sip::flow::Destination;
use crate::switch::io::Resolve;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Names refreshed at one time in the background.
const WALKS: usize = 16;

/// Longest wait between attempts while DNS fails.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Resolves names; cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn Source>,
    slots: Mutex<HashMap<Key, Arc<Slot>, foldhash::fast::RandomState>>,
    rng: Mutex<Rng>,
    /// How long all look-ups for one name may take together.
    patience: Duration,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Sip(Wanted),
    Host { host: String, srv: bool },
}

impl Key {
    fn host(&self) -> &str {
        match self {
            Key::Sip(wanted) => &wanted.host,
            Key::Host { host, .. } => host,
        }
    }
}

/// One name's answer.
struct Slot {
    state: Mutex<State>,
    /// Held while the walk runs, so that it runs once.
    walking: tokio::sync::Mutex<()>,
}

struct State {
    found: Option<Arc<Found>>,
    /// Until when `found` holds, or, after a failure, until when not to ask again.
    fresh_until: Instant,
    fetched: Instant,
    used: Instant,
    failures: u32,
    fault: Option<DnsFault>,
}

/// The addresses of a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddresses {
    /// All of them, sorted.
    pub addresses: Vec<IpAddr>,
    /// How long they hold.
    pub fresh_for: Duration,
    /// Why they are older than they should be, while DNS fails.
    pub stale: Option<DnsFault>,
}

impl Resolver {
    /// An empty cache before `source`. `seed` draws the weights of SRV.
    pub fn new(source: Arc<dyn Source>, seed: u64) -> Resolver {
        Resolver::with_patience(source, seed, Duration::from_secs(limits::DNS_TOTAL_SECS))
    }

    pub(super) fn with_patience(source: Arc<dyn Source>, seed: u64, patience: Duration) -> Resolver {
        let inner = Inner { source, slots: Mutex::default(), rng: Mutex::new(Rng::seeded(seed)), patience };
        Resolver { inner: Arc::new(inner) }
    }

    /// Where to try for a question, first to last; `Err` says why there is nothing.
    pub async fn resolve(&self, question: &Resolve, routes: &[Route]) -> Result<Vec<Destination>, DnsFault> {
        if let Some(known) = self.known(question, routes) {
            return known;
        }
        let found = self.found(Key::Sip(wanted(question, routes)?), Instant::now()).await?.0;
        Ok(self.ordered(&found, question, routes))
    }

    /// The same without waiting: `None` when DNS must be asked.
    pub fn known(&self, question: &Resolve, routes: &[Route]) -> Option<Result<Vec<Destination>, DnsFault>> {
        let wanted = match wanted(question, routes) {
            Ok(wanted) => wanted,
            Err(fault) => return Some(Err(fault)),
        };
        if let Some(found) = literal(&wanted) {
            return Some(Ok(self.ordered(&found, question, routes)));
        }
        let now = Instant::now();
        let slot = self.inner.slot(&Key::Sip(wanted), now);
        Some(slot.answer(now)?.map(|(found, ..)| self.ordered(&found, question, routes)))
    }

    fn ordered(&self, found: &Found, question: &Resolve, routes: &[Route]) -> Vec<Destination> {
        order(found, routes, (question.transport, question.preferred), &mut lock(&self.inner.rng))
    }

    /// Every address that requests of `host` may come from; with `srv` those of its SIP servers too (`srv_lookups`).
    pub async fn addresses(&self, host: &str, srv: bool) -> Result<HostAddresses, DnsFault> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let (found, fresh_for, stale) = self.found(Key::Host { host, srv }, Instant::now()).await?;
        let mut addresses: Vec<IpAddr> = found.addresses.values().flatten().copied().collect();
        addresses.sort();
        addresses.dedup();
        Ok(HostAddresses { addresses, fresh_for, stale })
    }

    /// Names kept.
    pub fn len(&self) -> usize {
        lock(&self.inner.slots).len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn found(&self, key: Key, now: Instant) -> SlotAnswer {
        let slot = self.inner.slot(&key, now);
        if let Some(answer) = slot.answer(now) {
            return answer;
        }
        let walking = slot.walking.lock().await;
        // Another may have walked meanwhile.
        if let Some(answer) = slot.answer(now) {
            return answer;
        }
        self.inner.fetch(&key, &slot, now).await;
        drop(walking);
        slot.last_answer(now)
    }

    /// Refreshes what is in use and soon ends, forgets what nobody uses; runs until dropped. Spawn it once.
    pub async fn keep_fresh(self) {
        let mut walks = JoinSet::new();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.refresh_due(Instant::now(), &mut walks);
            while walks.try_join_next().is_some() {}
        }
    }

    fn refresh_due(&self, now: Instant, walks: &mut JoinSet<()>) {
        for (key, slot) in self.inner.due(now) {
            if walks.len() >= WALKS {
                return;
            }
            let inner = Arc::clone(&self.inner);
            walks.spawn(async move {
                if let Ok(_walking) = slot.walking.try_lock() {
                    inner.fetch(&key, &slot, now).await;
                }
            });
        }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("names", &self.len()).finish_non_exhaustive()
    }
}

impl Inner {
    fn slot(&self, key: &Key, now: Instant) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        if slots.len() >= limits::DNS_NAMES
            && let Some(oldest) =
                slots.iter().min_by_key(|(_, slot)| lock(&slot.state).used).map(|(k, _)| k.clone())
        {
            slots.remove(&oldest);
        }
        let state =
            State { found: None, fresh_until: now, fetched: now, used: now, failures: 0, fault: None };
        let slot = Arc::new(Slot { state: Mutex::new(state), walking: tokio::sync::Mutex::default() });
        slots.insert(key.clone(), Arc::clone(&slot));
        slot
    }

    /// Walks, and stores the outcome; its time to live counts from `now`, before the walk.
    async fn fetch(&self, key: &Key, slot: &Slot, now: Instant) {
        let source = self.source.as_ref();
        let total = self.patience;
        let walked = match key {
            Key::Sip(wanted) => tokio::time::timeout(total, walk(source, wanted)).await,
            Key::Host { host, srv } => tokio::time::timeout(total, walk_host(source, host, *srv)).await,
        };
        let walked =
            walked.unwrap_or_else(|_| Err(DnsFault(format!("{}: DNS did not answer in time", key.host()))));
        slot.take(walked, now);
    }

    /// Slots to refresh now. Those unused for long are dropped.
    fn due(&self, now: Instant) -> Vec<(Key, Arc<Slot>)> {
        let unused = Duration::from_secs(limits::DNS_UNUSED_SECS);
        let mut slots = lock(&self.slots);
        slots.retain(|_, slot| now.duration_since(lock(&slot.state).used) < unused);
        slots
            .iter()
            .filter(|(_, slot)| lock(&slot.state).is_due(now))
            .map(|(key, slot)| (key.clone(), Arc::clone(slot)))
            .collect()
    }
}

type SlotAnswer = Result<(Arc<Found>, Duration, Option<DnsFault>), DnsFault>;

impl Slot {
    /// The answer without asking: fresh, or old while DNS fails, or a failure too young to be tried again.
    fn answer(&self, now: Instant) -> Option<SlotAnswer> {
        let mut state = lock(&self.state);
        state.used = now;
        (now < state.fresh_until || state.failures > 0 && state.found.is_some()).then(|| state.answer(now))
    }

    fn last_answer(&self, now: Instant) -> SlotAnswer {
        lock(&self.state).answer(now)
    }

    fn take(&self, walked: Result<Found, DnsFault>, now: Instant) {
        let mut state = lock(&self.state);
        match walked {
            Ok(found) => {
                let ttl = found.ttl_secs.clamp(*limits::DNS_TTL_SECS.start(), *limits::DNS_TTL_SECS.end());
                state.fresh_until = now + Duration::from_secs(ttl);
                state.fetched = now;
                state.found = Some(Arc::new(found));
                state.failures = 0;
                state.fault = None;
            }
            Err(fault) => {
                let stale = Duration::from_secs(limits::DNS_STALE_SECS);
                if now.duration_since(state.fetched) > stale {
                    state.found = None;
                }
                state.failures = state.failures.saturating_add(1);
                let wait = Duration::from_secs(5) * state.failures.min(12);
                state.fresh_until = now + wait.min(RETRY_MAX);
                state.fault = Some(fault);
            }
        }
    }
}

impl State {
    fn answer(&self, now: Instant) -> SlotAnswer {
        match (&self.found, &self.fault) {
            (Some(found), fault) => {
                Ok((Arc::clone(found), self.fresh_until.saturating_duration_since(now), fault.clone()))
            }
            (None, Some(fault)) => Err(fault.clone()),
            (None, None) => Err(DnsFault("DNS was not asked yet".to_owned())),
        }
    }

    /// Whether it ends within a tenth of its life (or five seconds), or a retry is due.
    fn is_due(&self, now: Instant) -> bool {
        if self.failures > 0 {
            return now >= self.fresh_until;
        }
        let life = self.fresh_until.saturating_duration_since(self.fetched);
        let early = (life / 10).max(Duration::from_secs(2));
        self.found.is_some() && now + early >= self.fresh_until
    }
}

fn wanted(question: &Resolve, routes: &[Route]) -> Result<Wanted, DnsFault> {
    Wanted::new(question, routes).map_err(|why| DnsFault(format!("{}: {why}", question.host)))
}

/// Every lock here guards a value that is whole between its statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
