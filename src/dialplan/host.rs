//! What a running dialplan asks of the switch: the channel it runs on, shared variables, chance, and the log.

use super::scope::Place;
use std::fmt;

/// Why a function of the channel or the switch has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// The switch does not do this function, or not this part of it.
    Unsupported,
    /// It does, but not now, or not with these arguments; the text says why.
    Failed(String),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unavailable::Unsupported => f.write_str("not supported here"),
            Unavailable::Failed(why) => f.write_str(why),
        }
    }
}

/// How a line the dialplan writes is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `Verbose(n,…)`: shown at verbosity `n` and above. Each executed priority is told at 3.
    Verbose(u8),
    /// `Log(DEBUG,…)`
    Debug,
    /// `Log(NOTICE,…)`
    Notice,
    /// `Log(WARNING,…)`, and everything suspicious the dialplan itself does.
    Warning,
    /// `Log(ERROR,…)`
    Error,
    /// `Log(DTMF,…)`
    Dtmf,
}

/// The switch, as one channel's dialplan sees it.
pub trait Host {
    /// A read-only variable of the channel or the system: `CHANNEL`, `UNIQUEID`, `HANGUPCAUSE`, `CALLINGPRES`,
    /// `SYSTEMNAME`, `ASTETCDIR` …; `None` where it has none. `EXTEN`, `CONTEXT`, `PRIORITY`, `HINT`, `HINTNAME` and
    /// `EPOCH` are answered before it is asked.
    fn builtin(&self, name: &str) -> Option<String>;

    /// The caller's number, which patterns after `/` are matched against; empty when there is none.
    fn caller_number(&self) -> String;

    /// Whether the channel is answered.
    fn is_up(&self) -> bool;

    /// A global variable.
    fn global(&self, name: &str) -> Option<String>;

    /// Sets a global variable; `None` removes it.
    fn set_global(&mut self, name: &str, value: Option<&str>);

    /// Reads `function(arguments)`, a function of the channel or the switch.
    fn read(&mut self, function: &str, arguments: &str) -> Result<String, Unavailable>;

    /// Writes `function(arguments)=value`.
    fn write(&mut self, function: &str, arguments: &str, value: &str) -> Result<(), Unavailable>;

    /// 64 random bits.
    fn random(&mut self) -> u64;

    /// The verbosity somebody listens at; lines above it need not be made.
    fn verbosity(&self) -> u8;

    /// A priority is about to run its application. Told of every one, so it must cost next to nothing.
    fn executes(&mut self, _place: &Place, _application: &'static str, _arguments: &str) {}

    /// A line for the log or the console.
    fn say(&mut self, level: Level, text: &str);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A channel without a switch: what a test writes it reads back.
    #[derive(Debug, Default)]
    pub(crate) struct TestHost {
        pub(crate) globals: BTreeMap<String, String>,
        pub(crate) values: BTreeMap<String, String>,
        pub(crate) builtins: BTreeMap<String, String>,
        pub(crate) caller: String,
        pub(crate) up: bool,
        pub(crate) said: Vec<(Level, String)>,
        pub(crate) seed: u64,
    }

    impl TestHost {
        /// What was said at warning or above.
        pub(crate) fn complaints(&self) -> Vec<&str> {
            let bad = |level: &Level| matches!(level, Level::Warning | Level::Error);
            self.said.iter().filter(|(level, _)| bad(level)).map(|(_, text)| text.as_str()).collect()
        }
    }

    impl Host for TestHost {
        fn builtin(&self, name: &str) -> Option<String> {
            self.builtins.get(name).cloned()
        }

        fn caller_number(&self) -> String {
            self.caller.clone()
        }

        fn is_up(&self) -> bool {
            self.up
        }

        fn global(&self, name: &str) -> Option<String> {
            self.globals.get(name).cloned()
        }

        fn set_global(&mut self, name: &str, value: Option<&str>) {
            match value {
                Some(value) => self.globals.insert(name.into(), value.into()),
                None => self.globals.remove(name),
            };
        }

        fn read(&mut self, function: &str, arguments: &str) -> Result<String, Unavailable> {
            self.values.get(&format!("{function}({arguments})")).cloned().ok_or(Unavailable::Unsupported)
        }

        fn write(&mut self, function: &str, arguments: &str, value: &str) -> Result<(), Unavailable> {
            self.values.insert(format!("{function}({arguments})"), value.into());
            Ok(())
        }

        fn random(&mut self) -> u64 {
            self.seed =
                self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.seed
        }

        fn verbosity(&self) -> u8 {
            9
        }

        fn say(&mut self, level: Level, text: &str) {
            self.said.push((level, text.into()));
        }
    }
}
