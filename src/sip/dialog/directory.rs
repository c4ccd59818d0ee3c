//! Finding whose a request inside a dialog is, without copying any of its text.

use super::id::{DialogId, DialogKey};
use crate::base::limits;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// All dialogs of one shard, and whose each is: `T` names a call or a subscription.
#[derive(Debug)]
pub struct Directory<T> {
    table: HashTable<(DialogId, T)>,
    hash: FixedState,
    limit: usize,
}

/// As many dialogs as [`Directory::set_limit`] allows are alive: no further one may be made (503).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl<T: Copy> Directory<T> {
    /// An empty one. `seed` comes from the system, so that nobody can aim names at one place.
    pub fn new(seed: u64) -> Directory<T> {
        Directory { table: HashTable::new(), hash: FixedState::with_seed(seed), limit: limits::DIALOGS }
    }

    /// Enters a dialog; replaces what stood under its name.
    ///
    /// # Errors
    /// When there are too many.
    pub fn insert(&mut self, id: DialogId, whose: T) -> Result<(), Full> {
        let hash = id.key().hash(&self.hash);
        if let Some(known) = self.table.find_mut(hash, |(known, _)| *known == id) {
            known.1 = whose;
            return Ok(());
        }
        if self.table.len() >= self.limit {
            return Err(Full);
        }
        self.table.insert_unique(hash, (id, whose), |(id, _)| id.key().hash(&self.hash));
        Ok(())
    }

    /// Whose it is; `None` when there is no such dialog.
    pub fn find(&self, key: &DialogKey<'_>) -> Option<T> {
        self.table.find(key.hash(&self.hash), |(id, _)| id.key() == *key).map(|(_, whose)| *whose)
    }

    /// Takes a dialog out.
    pub fn remove(&mut self, id: &DialogId) -> Option<T> {
        let found = self.table.find_entry(id.key().hash(&self.hash), |(known, _)| known == id).ok()?;
        Some(found.remove().0.1)
    }

    /// At most so many at once: this shard's share of [`limits::DIALOGS`].
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Dialogs entered.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(call_id: &'a str, local: &'a str, remote: &'a str) -> DialogKey<'a> {
        let [call_id, local_tag, remote_tag] = [call_id, local, remote].map(str::as_bytes);
        DialogKey { call_id, local_tag, remote_tag }
    }

    /// S3-43: an unknown To tag finds nothing, and the caller answers 481.
    #[test]
    fn only_all_three_parts_find_a_dialog() {
        let mut directory = Directory::new(1);
        let id = DialogId::new(key("c", "l", "r"));
        directory.insert(id.clone(), 1).expect("room");
        assert_eq!(directory.find(&key("c", "l", "r")), Some(1));
        for other in [key("x", "l", "r"), key("c", "x", "r"), key("c", "l", "x"), key("cl", "", "r")] {
            assert_eq!(directory.find(&other), None);
        }
        directory.insert(id.clone(), 2).expect("the same");
        directory.set_limit(1);
        assert_eq!(directory.insert(DialogId::new(key("c", "l", "r2")), 3), Err(Full));
        assert_eq!(
            (directory.remove(&id), directory.remove(&id), directory.is_empty()),
            (Some(2), None, true)
        );
    }
}
