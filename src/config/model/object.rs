//! What all objects have in common.

use super::aor::AorOptions;
use super::auth::AuthOptions;
use super::endpoint_options::EndpointOptions;
use super::provenance::{Lines, Provenance};
use crate::base::ids::Name;
use crate::config::kind::Kind;
use crate::config::objects::Objects;
use crate::config::origin::Origin;
use crate::config::value::spec::{Cx, Shared};
use crate::config::value::{Fault, Spec, Specs};

/// Values shared by the objects of one load.
#[derive(Debug, Default)]
pub struct Pool {
    /// Interned texts.
    pub cx: Cx,
    /// Options of endpoints.
    pub endpoints: Shared<EndpointOptions>,
    /// Options of aors.
    pub aors: Shared<AorOptions>,
    /// Options of auths.
    pub auths: Shared<AuthOptions>,
    /// Patterns of lines.
    pub lines: Shared<Lines>,
}

/// An object of a configuration.
pub trait Object: Clone + PartialEq + Sized + Send + Sync + 'static {
    /// Which kind.
    const KIND: Kind;

    /// One with every option at its default.
    fn blank(name: Name) -> Self;

    /// Its name: the `[section]` or the row's `id`.
    fn name(&self) -> &Name;

    /// Where it and its options were written.
    fn provenance(&self) -> &Provenance;

    /// The same, to be set.
    fn provenance_mut(&mut self) -> &mut Provenance;

    /// Its options.
    fn specs() -> &'static Specs<Self>;

    /// Options that `pjsip show` does not print, as in Asterisk.
    fn hidden() -> &'static [&'static str] {
        &[]
    }

    /// Whether a bad line is passed over instead of keeping the object from loading.
    fn lenient() -> bool {
        false
    }

    /// What stands in for an object that does not load and has no last good version: for one whose absence would open
    /// what it is to close.
    fn stand_in(_name: &Name) -> Option<Self> {
        None
    }

    /// Looks at the options together once all are set: what one implies for another, what contradicts. Faults are told
    /// with the option they are about; any fault keeps the object from loading.
    fn settle(&mut self, _faults: &mut Vec<(&'static str, Fault)>) {}

    /// The object with what it takes from others filled in; `None` when it takes nothing, or has it already.
    fn resolved(&self, _objects: &Objects) -> Option<Self> {
        None
    }

    /// Lets equal parts be shared with other objects.
    fn share(&mut self, _pool: &mut Pool) {}

    /// A number that objects share whose common options are the same; 0 for an object that shares none.
    fn shared_part(&self) -> usize {
        0
    }

    /// The options as `pjsip show` prints them, in alphabetical order; a repeatable option gives one pair per value.
    fn options(&self) -> Vec<(&'static str, String)> {
        printed(self, |spec| !Self::hidden().contains(&spec.name))
    }

    /// The same with the options that Asterisk does not print.
    fn all_options(&self) -> Vec<(&'static str, String)> {
        printed(self, |_| true)
    }

    /// One option as `pjsip show` prints it; several values are joined by commas. `None` for an unknown name.
    fn option(&self, name: &str) -> Option<String> {
        let spec = Self::specs().get(Self::specs().index(name)?)?;
        let mut lines = Vec::new();
        (spec.print)(self, &mut lines);
        Some(lines.join(","))
    }

    /// Where the object begins.
    fn at(&self) -> Origin {
        self.provenance().at()
    }

    /// Where the value of an option comes from; `None` for a default.
    fn origin_of(&self, option: &str) -> Option<Origin> {
        self.provenance().of(Self::specs().index(option)?)
    }
}

fn printed<T: Object>(object: &T, wanted: impl Fn(&Spec<T>) -> bool) -> Vec<(&'static str, String)> {
    let mut options = Vec::new();
    let mut lines = Vec::new();
    for spec in T::specs().iter().filter(|spec| wanted(spec)) {
        (spec.print)(object, &mut lines);
        options.extend(lines.drain(..).map(|line| (spec.name, line)));
    }
    options
}

/// Ties an object of flat fields to its table.
macro_rules! flat_object {
    ($object:ident, $kind:ident, [$($table:expr),+], { $($more:item)* }) => {
        impl $object {
            fn this(object: &$object) -> &$object {
                object
            }

            fn this_mut(object: &mut $object) -> &mut $object {
                object
            }
        }
        $crate::config::model::object::named_object!($object, $kind, [$($table),+], { $($more)* });
    };
}
pub(crate) use flat_object;

/// Implements [`Object`] for a struct with `name` and `provenance`.
macro_rules! named_object {
    ($object:ident, $kind:ident, [$($table:expr),+], { $($more:item)* }) => {
        impl $crate::config::model::object::Object for $object {
            const KIND: $crate::config::kind::Kind = $crate::config::kind::Kind::$kind;

            fn blank(name: $crate::base::ids::Name) -> Self {
                $object { name, ..$object::default() }
            }

            fn name(&self) -> &$crate::base::ids::Name {
                &self.name
            }

            fn provenance(&self) -> &$crate::config::model::provenance::Provenance {
                &self.provenance
            }

            fn provenance_mut(&mut self) -> &mut $crate::config::model::provenance::Provenance {
                &mut self.provenance
            }

            fn specs() -> &'static $crate::config::value::Specs<Self> {
                static SPECS: std::sync::LazyLock<$crate::config::value::Specs<$object>> =
                    std::sync::LazyLock::new(|| $crate::config::value::Specs::of(&[$($table),+]));
                &SPECS
            }

            $($more)*
        }
    };
}
pub(crate) use named_object;
