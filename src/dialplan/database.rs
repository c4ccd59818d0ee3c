//! The key store of `DB()` and `database put`: families of keys, as Asterisk's `astdb` has them. All of it is in
//! memory; an edge writes each change to disk.

use crate::base::limits::{DATABASE_ENTRIES, DATABASE_KEY_BYTES, DATABASE_VALUE_BYTES};
use std::collections::BTreeMap;
use std::fmt;

/// One entry that is new, or `None` for one that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `/family/key`
    pub key: Box<str>,
    /// Its value.
    pub value: Option<Box<str>>,
}

/// Why an entry is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The family is missing.
    NoFamily,
    /// The key, the family with it, is longer than the limit.
    LongKey,
    /// The value is longer than the limit.
    LongValue,
    /// There are as many entries as there may be.
    Full,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NoFamily => f.write_str("the form is DB(family/key)"),
            Refused::LongKey => write!(f, "family and key have more than {DATABASE_KEY_BYTES} bytes"),
            Refused::LongValue => write!(f, "the value has more than {DATABASE_VALUE_BYTES} bytes"),
            Refused::Full => write!(f, "the database has {DATABASE_ENTRIES} entries and takes no more"),
        }
    }
}

/// All entries, by `/family/key`.
#[derive(Clone, Debug, Default)]
pub struct Database {
    entries: BTreeMap<Box<str>, Box<str>>,
}

/// `/family/key` of `family/key`; both with or without a slash in front.
fn path(text: &str) -> String {
    format!("/{}", text.trim().trim_start_matches('/'))
}

impl Database {
    /// Takes stored entries over; what there is no room for is left out.
    pub fn load(&mut self, entries: impl IntoIterator<Item = (Box<str>, Box<str>)>) {
        self.entries = entries.into_iter().take(DATABASE_ENTRIES).collect();
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of `family/key`.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.entries.get(path(key).as_str()).map(|value| &**value)
    }

    /// Stores a value; what an edge shall write.
    ///
    /// # Errors
    /// It has no family, is too long, or there is no room.
    pub fn put(&mut self, key: &str, value: &str) -> Result<Change, Refused> {
        let path = path(key);
        if !path[1..].contains('/') {
            return Err(Refused::NoFamily);
        }
        if path.len() > DATABASE_KEY_BYTES {
            return Err(Refused::LongKey);
        }
        if value.len() > DATABASE_VALUE_BYTES {
            return Err(Refused::LongValue);
        }
        if self.entries.len() >= DATABASE_ENTRIES && !self.entries.contains_key(path.as_str()) {
            return Err(Refused::Full);
        }
        let key: Box<str> = path.into();
        self.entries.insert(key.clone(), value.into());
        Ok(Change { key, value: Some(value.into()) })
    }

    /// Removes `family/key`; the value it had.
    pub fn remove(&mut self, key: &str) -> Option<(Box<str>, Change)> {
        let key: Box<str> = path(key).into();
        let old = self.entries.remove(&key)?;
        Some((old, Change { key, value: None }))
    }

    /// Removes everything in `family[/key]`.
    pub fn remove_tree(&mut self, prefix: &str) -> Vec<Change> {
        let keys: Vec<Box<str>> = self.tree(prefix).map(|(key, _)| key.into()).collect();
        for key in &keys {
            self.entries.remove(key);
        }
        keys.into_iter().map(|key| Change { key, value: None }).collect()
    }

    /// Entries in `family[/key]`, or all of them: `/family/key` and value, by key.
    pub fn tree(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = path(prefix);
        let prefix = prefix.trim_end_matches('/').to_owned();
        let from: Box<str> = prefix.as_str().into();
        let inside = move |key: &str| {
            key.strip_prefix(&*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let all = self.entries.range(from.clone()..).take_while(move |(key, _)| key.starts_with(&*from));
        all.filter(move |(key, _)| inside(key)).map(|(key, value)| (&**key, &**value))
    }

    /// Entries whose last part is this key, in any family: `database showkey`.
    pub fn with_key(&self, key: &str) -> impl Iterator<Item = (&str, &str)> {
        let end = format!("/{key}");
        let found = self.entries.iter().filter(move |(path, _)| path.ends_with(&end));
        found.map(|(path, value)| (&**path, &**value))
    }

    /// `DB_KEYS([prefix])`: the names one level below, each once, in order.
    pub fn keys(&self, prefix: &str) -> Vec<&str> {
        let skip = path(prefix).trim_end_matches('/').len();
        let mut names: Vec<&str> = Vec::new();
        for (key, _) in self.tree(prefix) {
            let name = key[skip..].trim_start_matches('/').split('/').next().unwrap_or_default();
            if !name.is_empty() && names.last() != Some(&name) {
                names.push(name);
            }
        }
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        let mut database = Database::default();
        for (key, value) in [("CFIM/100", "200"), ("CFIM/101", "300"), ("CF/100/busy", "1"), ("/DND/100", "")]
        {
            database.put(key, value).expect("room");
        }
        database
    }

    #[test]
    fn entries_are_put_read_and_removed() {
        let mut database = database();
        assert_eq!(database.value("CFIM/100"), Some("200"));
        assert_eq!(database.value("/DND/100"), Some(""));
        assert_eq!(database.value("CFIM"), None);
        let change = database.put("CFIM/100", "201").expect("room");
        assert_eq!((&*change.key, change.value.as_deref()), ("/CFIM/100", Some("201")));
        let (old, change) = database.remove("CFIM/100").expect("there");
        assert_eq!((&*old, change.value), ("201", None));
        assert!(database.remove("CFIM/100").is_none());
    }

    #[test]
    fn a_family_is_not_another_one_that_begins_like_it() {
        let mut database = database();
        assert_eq!(database.tree("CF").map(|(key, _)| key).collect::<Vec<_>>(), ["/CF/100/busy"]);
        assert_eq!(database.tree("").count(), 4);
        assert_eq!(database.with_key("100").count(), 2);
        assert_eq!(database.keys(""), ["CF", "CFIM", "DND"]);
        assert_eq!(database.keys("CFIM"), ["100", "101"]);
        assert_eq!(database.keys("CF/100"), ["busy"]);
        assert_eq!(database.remove_tree("CFIM").len(), 2);
        assert_eq!(database.len(), 2);
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let mut database = Database::default();
        assert_eq!(database.put("alone", "1"), Err(Refused::NoFamily));
        assert_eq!(database.put(&format!("a/{}", "x".repeat(300)), "1"), Err(Refused::LongKey));
        assert_eq!(database.put("a/b", &"x".repeat(9_000)), Err(Refused::LongValue));
        assert!(database.is_empty());
    }
}
