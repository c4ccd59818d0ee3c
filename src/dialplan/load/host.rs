//! What `[globals]` and the directives are expanded with: no channel, only globals and the environment.

use crate::dialplan::functions;
use crate::dialplan::host::{Host, Level, Unavailable};
use std::sync::Arc;

/// The host while loading: globals and the environment, no channel.
pub(super) struct Globals<'a> {
    pub(super) values: Vec<(Arc<str>, Arc<str>)>,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) said: Vec<String>,
}

impl Globals<'_> {
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.values.retain(|(known, _)| **known != *name);
        self.values.push((name.into(), value.into()));
    }
}

impl Host for Globals<'_> {
    fn builtin(&self, _: &str) -> Option<String> {
        None
    }

    fn caller_number(&self) -> String {
        String::new()
    }

    fn is_up(&self) -> bool {
        false
    }

    fn global(&self, name: &str) -> Option<String> {
        self.values.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.to_string())
    }

    fn set_global(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.set(name, value),
            None => self.values.retain(|(known, _)| **known != *name),
        }
    }

    fn read(&mut self, function: &str, arguments: &str) -> Result<String, Unavailable> {
        match function {
            "ENV" => Ok((self.environment)(arguments).unwrap_or_default()),
            _ => Err(Unavailable::Failed("there is no channel while the dialplan loads".into())),
        }
    }

    fn write(&mut self, function: &str, _: &str, _: &str) -> Result<(), Unavailable> {
        let known = if functions::find(function).is_some() {
            "there is no channel"
        } else {
            "there is no such function"
        };
        Err(Unavailable::Failed(format!("{known} while the dialplan loads")))
    }

    fn random(&mut self) -> u64 {
        // A dialplan loads the same way each time.
        4
    }

    fn verbosity(&self) -> u8 {
        0
    }

    fn say(&mut self, level: Level, text: &str) {
        if matches!(level, Level::Warning | Level::Error) {
            // The place in front is that of no channel.
            self.said.push(text.trim_start_matches("[@:0] ").to_owned());
        }
    }
}
