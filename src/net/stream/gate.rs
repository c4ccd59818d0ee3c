//! How many connections there may be: in all, from one source, and from one source before it has said anything.

use crate::base::limits;
use crate::base::party::party;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections. Passing it gives a `Place`, whose end frees it.
#[derive(Debug, Default)]
pub struct Gate {
    open: AtomicUsize,
    sources: Mutex<Sources>,
}

type Sources = HashMap<IpAddr, Counts, foldhash::fast::RandomState>;

/// Accepted connections of one source; an IPv6 network of 64 bits is one.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    open: usize,
    /// Those that have not yet delivered a whole message.
    silent: usize,
}

/// One connection's place among all.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    /// Whose, when we accepted it.
    source: Option<IpAddr>,
    /// It has not yet delivered a whole message.
    silent: bool,
}

impl Gate {
    /// Open connections, those not yet through TLS included.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Accepted connections that have not yet delivered a whole message.
    pub fn silent(&self) -> usize {
        self.lock().values().map(|counts| counts.silent).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Sources> {
        // The map is whole after each of its own operations.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection that we open.
    pub(super) fn outbound(self: &Arc<Gate>) -> Result<Place, &'static str> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= limits::CONNECTIONS {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err("too many connections");
        }
        Ok(Place { gate: Arc::clone(self), source: None, silent: false })
    }

    /// A place for a connection from `source`.
    pub(super) fn inbound(self: &Arc<Gate>, source: IpAddr) -> Result<Place, &'static str> {
        let (mut place, source) = (self.outbound()?, party(source));
        let mut sources = self.lock();
        let counts = sources.entry(source).or_default();
        if counts.silent >= limits::HALF_OPEN_PER_SOURCE {
            return Err("too many silent connections from this address");
        }
        if counts.open >= limits::CONNECTIONS_PER_SOURCE {
            return Err("too many connections from this address");
        }
        counts.open += 1;
        counts.silent += 1;
        (place.source, place.silent) = (Some(source), true);
        Ok(place)
    }
}

impl Place {
    /// The first whole message came: this connection is no longer suspect.
    pub(super) fn spoke(&mut self) {
        if std::mem::take(&mut self.silent)
            && let Some(source) = self.source
            && let Some(counts) = self.gate.lock().get_mut(&source)
        {
            counts.silent -= 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.spoke();
        if let Some(source) = self.source {
            let mut sources = self.gate.lock();
            if let Some(counts) = sources.get_mut(&source) {
                counts.open -= 1;
                if counts.open == 0 {
                    sources.remove(&source);
                }
            }
        }
        self.gate.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_may_hold_so_many_silent_connections_and_no_more() {
        let gate = Arc::new(Gate::default());
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let mut places: Vec<Place> =
            (0..limits::HALF_OPEN_PER_SOURCE).map(|_| gate.inbound(one).expect("room")).collect();
        assert!(gate.inbound(one).is_err());
        assert!(gate.inbound(two).is_ok(), "others are not punished");
        places[0].spoke();
        assert!(gate.inbound(one).is_ok());
        assert_eq!(
            (gate.open(), gate.silent()),
            (limits::HALF_OPEN_PER_SOURCE, limits::HALF_OPEN_PER_SOURCE - 1)
        );
        drop(places);
        assert_eq!((gate.open(), gate.silent()), (0, 0));
        assert!(gate.lock().is_empty());
    }

    #[test]
    fn a_source_may_hold_so_many_connections_even_if_they_speak() {
        let (gate, one) = (Arc::new(Gate::default()), "2001:db8::1".parse().expect("an address"));
        let held: Vec<Place> = (0..limits::CONNECTIONS_PER_SOURCE)
            .map(|_| {
                let mut place = gate.inbound(one).expect("room");
                place.spoke();
                place
            })
            .collect();
        let neighbour = "2001:db8::2".parse().expect("an address");
        assert_eq!(
            gate.inbound(neighbour).expect_err("the same /64"),
            "too many connections from this address"
        );
        assert!(gate.inbound("2001:db8:0:1::1".parse().expect("an address")).is_ok());
        assert!(gate.outbound().is_ok(), "our own are not counted to anybody");
        drop(held);
        assert!(gate.inbound(one).is_ok());
    }
}
