//! The newest state of each contact, between journal and table.

use super::fault::{Fault, FaultKind};
use super::record::{self, Names, What};
use crate::base::ids::Name;
use crate::base::time::WallTime;
use crate::registrar::binding::Binding;
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// A contact: its aor and the MD5 of its URI.
pub(super) type Key = (Name, [u8; 16]);

/// What is known of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Latest {
    /// All.
    Put {
        /// When it ends.
        expires: WallTime,
        /// CSeq of the REGISTER.
        cseq: u32,
        /// The rest, see [`super::record`].
        record: Box<[u8]>,
    },
    /// It was renewed; the rest is as in an older place.
    Refresh {
        /// When it ends.
        expires: WallTime,
        /// CSeq of the REGISTER.
        cseq: u32,
    },
    /// It is gone, whatever an older place says.
    Remove,
}

/// Newest states by contact.
pub(super) type States = HashMap<Key, Latest, RandomState>;

impl Latest {
    /// As a journal entry.
    pub(super) fn what(&self) -> What<'_> {
        match self {
            Latest::Put { expires, cseq, record } => What::Put { expires: *expires, cseq: *cseq, record },
            Latest::Refresh { expires, cseq } => What::Refresh { expires: *expires, cseq: *cseq },
            Latest::Remove => What::Remove,
        }
    }

    /// Becomes what this state is after `next` follows it.
    pub(super) fn follow(&mut self, next: Latest) {
        match (&mut *self, next) {
            (Latest::Put { expires, cseq, .. }, Latest::Refresh { expires: later, cseq: newer }) => {
                (*expires, *cseq) = (later, newer);
            }
            // What is gone cannot be refreshed.
            (Latest::Remove, Latest::Refresh { .. }) => {}
            (old, next) => *old = next,
        }
    }
}

impl From<What<'_>> for Latest {
    fn from(what: What<'_>) -> Latest {
        match what {
            What::Put { expires, cseq, record } => Latest::Put { expires, cseq, record: record.into() },
            What::Refresh { expires, cseq } => Latest::Refresh { expires, cseq },
            What::Remove => Latest::Remove,
        }
    }
}

/// Adds a newer state.
pub(super) fn absorb(states: &mut States, key: Key, next: Latest) {
    match states.entry(key) {
        std::collections::hash_map::Entry::Occupied(mut place) => place.get_mut().follow(next),
        std::collections::hash_map::Entry::Vacant(place) => {
            place.insert(next);
        }
    }
}

/// The binding of a state, if it describes one whole. A refresh of a contact that no older place knows is nothing.
///
/// # Errors
/// The record is damaged.
pub(super) fn binding(key: Key, state: &Latest, names: &mut Names) -> Result<Option<Binding>, Fault> {
    let Latest::Put { expires, cseq, record } = state else { return Ok(None) };
    match record::read_record(key, (*expires, *cseq), record, names) {
        Ok(binding) => Ok(Some(binding)),
        Err(_) => Err(Fault::new(FaultKind::Corrupt, "a contact record is damaged")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(expires: u64) -> Latest {
        Latest::Put { expires: WallTime(expires), cseq: 1, record: Box::from([1]) }
    }

    fn refresh(expires: u64) -> Latest {
        Latest::Refresh { expires: WallTime(expires), cseq: 1 }
    }

    #[test]
    fn the_newest_state_wins_and_a_refresh_needs_something_to_refresh() {
        let cases = [
            (put(1), refresh(2), put(2)),
            (refresh(1), refresh(2), refresh(2)),
            (Latest::Remove, refresh(2), Latest::Remove),
            (refresh(1), Latest::Remove, Latest::Remove),
            (Latest::Remove, put(3), put(3)),
            (put(1), put(3), put(3)),
        ];
        for (old, next, expected) in cases {
            let (mut states, key) = (States::default(), (Name::from("a"), [0; 16]));
            absorb(&mut states, key.clone(), old);
            absorb(&mut states, key.clone(), next);
            assert_eq!(states[&key], expected);
        }
    }
}
