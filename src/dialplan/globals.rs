//! Global variables of a running dialplan: what `[globals]` sets, and calls change.

use super::plan::Dialplan;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The global variables of one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globals {
    values: BTreeMap<String, String>,
}

impl Globals {
    /// Takes over a loaded or reloaded dialplan: its `[globals]` are set; others stay, unless `clearglobalvars`.
    pub fn load(&mut self, plan: &Dialplan) {
        if plan.general.clear_global_vars {
            self.values.clear();
        }
        for (name, value) in &plan.globals {
            self.values.insert(name.to_string(), value.to_string());
        }
    }

    /// The value of a name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets a value; `None` removes it. `Err`: there are as many as `base/limits.rs` allows.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), super::variables::TooMany> {
        match value {
            Some(value) => {
                let full = self.values.len() >= crate::base::limits::GLOBAL_VARIABLES;
                if full && !self.values.contains_key(name) {
                    return Err(super::variables::TooMany(crate::base::limits::GLOBAL_VARIABLES));
                }
                self.values.insert(name.to_owned(), value.to_owned());
            }
            None => drop(self.values.remove(name)),
        }
        Ok(())
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `dialplan show globals`
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (name, value) in self.iter() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "   {name}={value}");
        }
        let _ = writeln!(out, "\n    -- {} variable(s)", self.values.len());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load;
    use super::*;

    #[test]
    fn globals_outlive_a_reload_unless_it_clears_them() {
        let mut globals = Globals::default();
        globals.load(&load("[globals]\nA=1\nB=2\n"));
        globals.set("A", Some("changed")).expect("room");
        globals.set("C", Some("3")).expect("room");
        globals.load(&load("[globals]\nA=1\n"));
        assert_eq!(globals.text(), "   A=1\n   B=2\n   C=3\n\n    -- 3 variable(s)\n");
        globals.load(&load("[general]\nclearglobalvars=yes\n[globals]\nA=1\n"));
        assert_eq!(globals.iter().collect::<Vec<_>>(), [("A", "1")]);
        globals.set("A", None).expect("room");
        assert_eq!(globals.value("A"), None);
    }
}
