//! A hashed timer wheel: insert and cancel cost a few nanoseconds however many timers run.
//!
//! ```text
//! slots:  [ . ][ k3 k9 ][ . ][ k1 ] …   one per tick, `slots` of them; a timer beyond one turn waits its rounds
//! bitmap:   0      1      0     1       so that the next deadline is found without walking empty slots
//! ```
//! A timer fires at the first [`Wheel::expire`] at or after its deadline rounded **up** to the tick, never early.

use super::time::Moment;
use std::time::Duration;

/// A running timer, to cancel it with. Using it after the timer fired or was cancelled does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

impl TimerId {
    /// No timer: cancelling it does nothing. Smaller than an `Option<TimerId>`.
    pub const NONE: TimerId = TimerId { index: NONE, generation: 0 };
}

#[derive(Debug)]
struct Entry<K> {
    key: Option<K>,
    due_tick: u64,
    generation: u32,
    prev: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;
const CHUNK: usize = 1024;

/// Timers that carry a key of type `K`. See the module's picture.
#[derive(Debug)]
pub struct Wheel<K> {
    tick_micros: u64,
    heads: Vec<u32>,
    occupied: Vec<u64>,
    /// By chunks, so that a full house never copies itself.
    entries: Vec<Vec<Entry<K>>>,
    made: u32,
    free: u32,
    /// Every tick before this one has been expired.
    current: u64,
    /// No timer is due before this tick; asked for with every message, so it is kept rather than looked for.
    soonest: u64,
    len: usize,
}

impl<K> Wheel<K> {
    /// A wheel of `slots` slots (rounded up to a multiple of 64), each `tick` long, starting at `start`.
    pub fn new(start: Moment, tick: Duration, slots: usize) -> Wheel<K> {
        let tick_micros = u64::try_from(tick.as_micros()).unwrap_or(u64::MAX).max(1);
        let slots = slots.max(64).next_multiple_of(64);
        Wheel {
            tick_micros,
            heads: vec![NONE; slots],
            occupied: vec![0; slots / 64],
            entries: Vec::new(),
            made: 0,
            free: NONE,
            current: start.0 / tick_micros,
            soonest: u64::MAX,
            len: 0,
        }
    }

    /// Running timers.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no timer runs.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Starts a timer that yields `key` at `deadline`.
    pub fn insert(&mut self, deadline: Moment, key: K) -> TimerId {
        let due_tick = deadline.0.div_ceil(self.tick_micros).max(self.current);
        let slot = (due_tick % self.heads.len() as u64) as usize;
        let head = self.heads[slot];
        let index = self.allocate(Entry { key: Some(key), due_tick, generation: 0, prev: NONE, next: head });
        if head != NONE {
            self.entry_mut(head).prev = index;
        }
        self.heads[slot] = index;
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.len += 1;
        self.soonest = self.soonest.min(due_tick);
        TimerId { index, generation: self.entry(index).generation }
    }

    /// Stops a timer and gives its key back; `None` if it fired or was cancelled already.
    pub fn cancel(&mut self, id: TimerId) -> Option<K> {
        if id.index >= self.made {
            return None;
        }
        let entry = self.entry(id.index);
        if entry.generation != id.generation || entry.key.is_none() {
            return None;
        }
        Some(self.unlink(id.index))
    }

    /// Moves every timer due at `now` into `fired`, at most `limit` of them; the rest stay for the next call.
    /// Order among timers of one tick is that of the latest insert first.
    pub fn expire(&mut self, now: Moment, limit: usize, fired: &mut Vec<K>) {
        let now_tick = now.0 / self.tick_micros;
        if now_tick < self.soonest {
            self.current = self.current.max(now_tick);
            return;
        }
        let slots = self.heads.len() as u64;
        // A long sleep needs one turn at most: every slot is visited once and looked at against `now_tick`.
        let last = now_tick.min(self.current.saturating_add(slots - 1));
        let mut tick = self.current;
        while tick <= last {
            let slot = (tick % slots) as usize;
            if self.occupied[slot / 64] & (1 << (slot % 64)) != 0 {
                let mut index = self.heads[slot];
                while index != NONE {
                    let entry = self.entry(index);
                    let next = entry.next;
                    if entry.due_tick <= now_tick {
                        if fired.len() >= limit {
                            (self.current, self.soonest) = (tick, tick);
                            return;
                        }
                        let key = self.unlink(index);
                        fired.push(key);
                    }
                    index = next;
                }
            }
            tick += 1;
        }
        self.current = self.current.max(now_tick);
        // Whoever is left in the present slot is some turns away.
        self.soonest = self.occupied_from(self.current + 1);
    }

    /// When to call [`Wheel::expire`] next: never later than the next deadline, possibly earlier (a timer some turns
    /// away wakes once per turn, a cancelled one once). `None` when no timer runs.
    pub fn next_deadline(&self) -> Option<Moment> {
        (self.len > 0).then(|| Moment(self.soonest.saturating_mul(self.tick_micros)))
    }

    /// The first tick, from this one on, whose slot is not empty.
    fn occupied_from(&self, first: u64) -> u64 {
        let slots = self.heads.len();
        let start = (first % slots as u64) as usize;
        let words = self.occupied.len();
        for step in 0..=words {
            let word = (start / 64 + step) % words;
            let mut bits = self.occupied[word];
            if step == 0 {
                bits &= !0 << (start % 64);
            } else if step == words {
                bits &= !(!0 << (start % 64));
            }
            if bits != 0 {
                let slot = word * 64 + bits.trailing_zeros() as usize;
                let ahead = (slot + slots - start) % slots;
                return first + ahead as u64;
            }
        }
        u64::MAX
    }

    fn allocate(&mut self, mut entry: Entry<K>) -> u32 {
        if self.free == NONE {
            let index = self.made;
            self.made = index.checked_add(1).expect("limits.rs keeps timers far below 2^32");
            if (index as usize).is_multiple_of(CHUNK) {
                self.entries.push(Vec::with_capacity(CHUNK));
            }
            self.entries[index as usize / CHUNK].push(entry);
            return index;
        }
        let index = self.free;
        let slot = self.entry_mut(index);
        let next_free = slot.next;
        entry.generation = slot.generation;
        *slot = entry;
        self.free = next_free;
        index
    }

    fn entry(&self, index: u32) -> &Entry<K> {
        &self.entries[index as usize / CHUNK][index as usize % CHUNK]
    }

    fn entry_mut(&mut self, index: u32) -> &mut Entry<K> {
        &mut self.entries[index as usize / CHUNK][index as usize % CHUNK]
    }

    fn unlink(&mut self, index: u32) -> K {
        let slots = self.heads.len() as u64;
        let free = self.free;
        let entry = self.entry_mut(index);
        let (prev, next, slot) = (entry.prev, entry.next, (entry.due_tick % slots) as usize);
        let key = entry.key.take().expect("only linked entries are unlinked, and they hold a key");
        entry.generation = entry.generation.wrapping_add(1);
        entry.next = free;
        self.free = index;
        if prev == NONE {
            self.heads[slot] = next;
        } else {
            self.entry_mut(prev).next = next;
        }
        if next != NONE {
            self.entry_mut(next).prev = prev;
        }
        if self.heads[slot] == NONE {
            self.occupied[slot / 64] &= !(1 << (slot % 64));
        }
        self.len -= 1;
        if self.len == 0 {
            self.soonest = u64::MAX;
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::collections::BTreeMap;

    /// The wheel against a sorted map: the same timers fire, none early, none later than one tick.
    #[test]
    fn agrees_with_a_sorted_map_over_many_seeds() {
        for seed in 0..50 {
            let mut rng = Rng::seeded(seed);
            let mut wheel = Wheel::new(Moment(0), Duration::from_millis(4), 128);
            let mut model: BTreeMap<u64, (u64, TimerId)> = BTreeMap::new();
            let (mut now, mut next_key, mut fired) = (0u64, 0u64, Vec::new());
            for _ in 0..400 {
                match rng.below(3) {
                    0 | 1 => {
                        let due = now + rng.below(2_000_000);
                        model.insert(next_key, (due, wheel.insert(Moment(due), next_key)));
                        next_key += 1;
                    }
                    _ => {
                        if let Some((&key, &(_, id))) = model.iter().next() {
                            assert_eq!(wheel.cancel(id), Some(key), "seed {seed}");
                            assert_eq!(wheel.cancel(id), None, "seed {seed}");
                            model.remove(&key);
                        }
                    }
                }
                now += rng.below(60_000);
                if let Some(next) = wheel.next_deadline() {
                    let soonest = model.values().map(|(due, _)| *due).min().unwrap_or(u64::MAX);
                    assert!(next.0 <= soonest.max(now).next_multiple_of(4_000), "seed {seed}");
                }
                wheel.expire(Moment(now), usize::MAX, &mut fired);
                for key in fired.drain(..) {
                    let (due, _) = model.remove(&key).expect("fires once");
                    assert!(due <= now, "seed {seed}: fired early");
                }
                assert!(model.values().all(|(due, _)| due + 4_000 > now), "seed {seed}: fired late");
                assert_eq!(wheel.len(), model.len());
                assert!(
                    wheel.next_deadline().is_none_or(|next| next.0 > now),
                    "seed {seed}: wakes for nothing"
                );
            }
        }
    }

    #[test]
    fn a_limit_leaves_the_rest_for_the_next_call() {
        let mut wheel = Wheel::new(Moment(0), Duration::from_millis(1), 64);
        for key in 0..10 {
            wheel.insert(Moment(5_000), key);
        }
        let mut fired = Vec::new();
        wheel.expire(Moment(9_000), 4, &mut fired);
        assert_eq!(fired.len(), 4);
        wheel.expire(Moment(9_000), 100, &mut fired);
        assert_eq!(fired.len(), 10);
        assert!(wheel.is_empty());
    }
}
