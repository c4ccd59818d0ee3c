//! How many connections there may be: in all, and from one source before it has said anything.

use crate::base::limits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections. Passing it gives a `Place`, whose end frees it.
#[derive(Debug, Default)]
pub struct Gate {
    open: AtomicUsize,
    silent: Mutex<HashMap<IpAddr, usize, foldhash::fast::RandomState>>,
}

/// One connection's place among all.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    /// The source, while it has not yet delivered a whole message.
    silent: Option<IpAddr>,
}

impl Gate {
    /// Open connections, those not yet through TLS included.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Accepted connections that have not yet delivered a whole message.
    pub fn silent(&self) -> usize {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize, foldhash::fast::RandomState>> {
        // The map is whole after each of its own operations.
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection that we open.
    pub(super) fn outbound(self: &Arc<Gate>) -> Result<Place, &'static str> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= limits::CONNECTIONS {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err("too many connections");
        }
        Ok(Place { gate: Arc::clone(self), silent: None })
    }

    /// A place for a connection from `source`.
    pub(super) fn inbound(self: &Arc<Gate>, source: IpAddr) -> Result<Place, &'static str> {
        let mut place = self.outbound()?;
        let mut silent = self.lock();
        let count = silent.entry(source).or_default();
        if *count >= limits::HALF_OPEN_PER_SOURCE {
            return Err("too many silent connections from this address");
        }
        *count += 1;
        place.silent = Some(source);
        Ok(place)
    }
}

impl Place {
    /// The first whole message came: this connection is no longer suspect.
    pub(super) fn spoke(&mut self) {
        let Some(source) = self.silent.take() else { return };
        let mut silent = self.gate.lock();
        if let Some(count) = silent.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                silent.remove(&source);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.spoke();
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
    }
}
