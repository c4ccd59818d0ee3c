//! Channel variables. A later value of a name hides an earlier one until it is taken away again, which is how the
//! arguments of a `Gosub` hide the caller's.

use crate::base::limits::CHANNEL_VARIABLES;
use std::fmt;

/// Who gets a copy of a variable when a channel is created from this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inherit {
    No,
    /// Set with `_`: the new channel, but none created from that.
    Once,
    /// Set with `__`: every channel down the line.
    Always,
}

#[derive(Clone, Debug)]
struct Variable {
    name: Box<str>,
    value: Box<str>,
    inherit: Inherit,
}

/// The variables of one channel, newest last.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    list: Vec<Variable>,
}

/// There are as many variables as `base/limits.rs` allows, so many; the new one was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany(pub usize);

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are at most {} variables", self.0)
    }
}

impl Variables {
    /// The value of a name (written without underscores); `None` when it was never set.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.list.iter().rev().find(|v| *v.name == *name).map(|v| &*v.value)
    }

    /// The value of a name that `deeper` newer ones hide.
    pub(super) fn hidden(&self, name: &str, deeper: usize) -> Option<&str> {
        self.list.iter().rev().filter(|v| *v.name == *name).nth(deeper).map(|v| &*v.value)
    }

    /// `Set(name=value)`: `_name` and `__name` are inherited. Replaces the newest value of that name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TooMany> {
        let (name, inherit) = bare(name);
        if let Some(at) = self.list.iter().rposition(|v| *v.name == *name) {
            self.list.remove(at);
        }
        self.add(name, value, inherit)
    }

    /// Sets a value that hides an older one of the same name until it is removed.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), TooMany> {
        let (name, inherit) = bare(name);
        self.add(name, value, inherit)
    }

    /// Removes the newest value of a name.
    pub fn remove(&mut self, name: &str) {
        if let Some(at) = self.list.iter().rposition(|v| *v.name == *name) {
            self.list.remove(at);
        }
    }

    /// What a channel created from this one begins with.
    pub fn inherited(&self) -> Variables {
        let list = self.list.iter().filter(|v| v.inherit != Inherit::No).map(|v| {
            let inherit = if v.inherit == Inherit::Always { Inherit::Always } else { Inherit::No };
            Variable { inherit, ..v.clone() }
        });
        Variables { list: list.collect() }
    }

    /// Names (with the underscores they are inherited by) and values, newest first, as `dialplan show chanvar` has them.
    pub fn iter(&self) -> impl Iterator<Item = (String, &str)> {
        self.list.iter().rev().map(|v| {
            let mark = match v.inherit {
                Inherit::No => "",
                Inherit::Once => "_",
                Inherit::Always => "__",
            };
            (format!("{mark}{}", v.name), &*v.value)
        })
    }

    fn add(&mut self, name: &str, value: &str, inherit: Inherit) -> Result<(), TooMany> {
        if self.list.len() >= CHANNEL_VARIABLES {
            return Err(TooMany(CHANNEL_VARIABLES));
        }
        self.list.push(Variable { name: name.into(), value: value.into(), inherit });
        Ok(())
    }
}

fn bare(name: &str) -> (&str, Inherit) {
    match name.strip_prefix("__") {
        Some(name) => (name, Inherit::Always),
        None => match name.strip_prefix('_') {
            Some(name) => (name, Inherit::Once),
            None => (name, Inherit::No),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_underscore_reaches_one_channel_and_two_reach_all() {
        let mut caller = Variables::default();
        for (name, value) in [("a", "1"), ("_b", "2"), ("__c", "3")] {
            caller.set(name, value).expect("room");
        }
        let called = caller.inherited();
        assert_eq!(called.iter().collect::<Vec<_>>(), [("__c".to_owned(), "3"), ("b".to_owned(), "2")]);
        assert_eq!(called.inherited().iter().collect::<Vec<_>>(), [("__c".to_owned(), "3")]);
        assert_eq!((caller.value("b"), caller.value("_b")), (Some("2"), None));
    }

    #[test]
    fn overwriting_drops_the_underscores_and_removing_uncovers() {
        let mut v = Variables::default();
        v.set("_x", "1").expect("room");
        v.set("x", "2").expect("room");
        assert!(v.inherited().value("x").is_none());
        v.push("x", "").expect("room");
        assert_eq!(v.value("x"), Some(""));
        v.remove("x");
        assert_eq!(v.value("x"), Some("2"));
    }

    #[test]
    fn a_full_channel_refuses_and_keeps_what_it_has() {
        let mut v = Variables::default();
        for n in 0..CHANNEL_VARIABLES {
            v.set(&format!("v{n}"), "x").expect("room");
        }
        assert_eq!(v.set("one_more", "x"), Err(TooMany(CHANNEL_VARIABLES)));
        assert_eq!(v.set("v0", "changed"), Ok(()));
        assert_eq!(v.value("v0"), Some("changed"));
    }
}
