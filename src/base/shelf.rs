//! A map of large values, each in a place of its own.
//!
//! A B-tree keeps its values in its nodes, and moves up to ten of them whenever one comes or goes. For a channel of some
//! kilobytes that was a tenth of what a whole call costs.

use std::collections::{BTreeMap, btree_map};
use std::ops::Index;

/// A [`BTreeMap`] whose values never move.
#[derive(Debug)]
pub struct Shelf<K, V>(BTreeMap<K, Box<V>>);

impl<K: Ord, V> Default for Shelf<K, V> {
    fn default() -> Shelf<K, V> {
        Shelf(BTreeMap::new())
    }
}

impl<K: Ord, V> Shelf<K, V> {
    /// The value of that key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key).map(|value| &**value)
    }

    /// The value of that key, to change it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key).map(|value| &mut **value)
    }

    /// Whether the key is there.
    pub fn contains_key(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Puts a value in; the one that it replaces.
    pub fn insert(&mut self, key: K, value: impl Into<Box<V>>) -> Option<Box<V>> {
        self.0.insert(key, value.into())
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<Box<V>> {
        self.0.remove(key)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys, in order.
    pub fn keys(&self) -> btree_map::Keys<'_, K, Box<V>> {
        self.0.keys()
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.values().map(|value| &**value)
    }

    /// The values, in the order of their keys, to change them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.values_mut().map(|value| &mut **value)
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, &**value))
    }
}

impl<K: Ord, V> Index<&K> for Shelf<K, V> {
    type Output = V;

    /// # Panics
    /// The key is not there.
    fn index(&self, key: &K) -> &V {
        &self.0[key]
    }
}
