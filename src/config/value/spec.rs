//! The declarative table of options.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use crate::base::ids::Name;

/// Why a value cannot be taken, or is taken with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable identifier of the finding.
    pub code: &'static str,
    /// What is wrong, without naming option and place.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// Bytes into the value where it is wrong.
    pub offset: usize,
    /// What Asterisk logs in this case, where that is not `Error parsing option=value`.
    pub log: Option<String>,
}

impl Fault {
    /// A value that is wrong as a whole.
    pub fn new(code: &'static str, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into(), help: None, offset: 0, log: None }
    }

    /// With a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }

    /// With Asterisk's own words.
    #[must_use]
    pub fn log(mut self, line: impl Into<String>) -> Fault {
        self.log = Some(line.into());
        self
    }

    /// Wrong from this byte of the value on.
    #[must_use]
    pub fn offset(mut self, offset: usize) -> Fault {
        self.offset = offset;
        self
    }
}

/// What readers of values share: interned texts, and remarks that do not stop a value from being taken.
#[derive(Debug, Default)]
pub struct Cx {
    names: HashSet<Name, foldhash::fast::RandomState>,
    /// Remarks about the value just read.
    pub remarks: Vec<Fault>,
}

impl Cx {
    /// Room for so many more texts.
    pub fn reserve(&mut self, count: usize) {
        self.names.reserve(count);
    }

    /// The one copy of this text.
    pub fn name(&mut self, text: &str) -> Name {
        if text.is_empty() {
            return Name::default();
        }
        if let Some(name) = self.names.get(text) {
            return name.clone();
        }
        let name = Name::from(text);
        self.names.insert(name.clone());
        name
    }

    /// Takes the value, but says something about it.
    pub fn remark(&mut self, fault: Fault) {
        self.remarks.push(fault);
    }
}

/// Equal values shared: most endpoints differ in name, credentials and caller id only.
#[derive(Debug)]
pub struct Shared<T> {
    values: HashSet<Arc<T>, foldhash::fast::RandomState>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared { values: HashSet::default() }
    }
}

impl<T: Eq + Hash> Shared<T> {
    /// Makes `value` point to the one copy of its equals.
    pub fn share(&mut self, value: &mut Arc<T>) {
        if let Some(known) = self.values.get(&**value) {
            *value = known.clone();
        } else {
            self.values.insert(value.clone());
        }
    }

    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Reads and prints one kind of value in fields of type `T`.
pub trait Codec<T> {
    /// Applies one line `option = text` to the field. A repeatable option adds to it, any other replaces it.
    fn apply(field: &mut T, text: &str, cx: &mut Cx) -> Result<(), Fault>;

    /// The values as `pjsip show` prints them, one per line; none is printed as one empty line.
    fn print(field: &T, lines: &mut Vec<String>);

    /// The values as a file would set them, one per line: what [`Codec::apply`] reads back to the same. No line leaves
    /// the default.
    fn write(field: &T, lines: &mut Vec<String>) {
        Self::print(field, lines);
    }
}

/// Whether this server does what an option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Obeyed,
    /// Not yet; nothing bad comes of it.
    Later,
    /// Not yet, and someone relies on it (encryption, for one): a value other than the default is a warning.
    Missed,
    /// There is nothing here that it could govern (thread pools, for one); accepted for the sake of old files.
    Moot,
}

/// One option of an object of type `T`.
pub struct Spec<T: 'static> {
    /// The option's name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// Whether it is obeyed.
    pub status: Status,
    /// Applies one line.
    pub apply: fn(&mut T, &str, &mut Cx) -> Result<(), Fault>,
    /// Prints the values, as `pjsip show` does.
    pub print: fn(&T, &mut Vec<String>),
    /// Writes the values, as a file would set them.
    pub write: fn(&T, &mut Vec<String>),
}

/// All options of an object, sorted by name.
pub struct Specs<T: 'static> {
    specs: Vec<&'static Spec<T>>,
    by_name: HashMap<&'static str, u16, foldhash::fast::RandomState>,
}

impl<T> Specs<T> {
    /// Joins the tables of an object.
    pub fn of(tables: &[&'static [Spec<T>]]) -> Specs<T> {
        let mut specs: Vec<&'static Spec<T>> = tables.iter().flat_map(|table| table.iter()).collect();
        specs.sort_by_key(|spec| spec.name);
        let by_name = (0u16..).zip(&specs).map(|(index, spec)| (spec.name, index)).collect();
        Specs { specs, by_name }
    }

    /// The options in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &'static Spec<T>> {
        self.specs.iter().copied()
    }

    /// The number of an option, by its name compared without case, as Asterisk does.
    pub fn index(&self, name: &str) -> Option<usize> {
        let found = self.by_name.get(name).or_else(|| self.by_name.get(name.to_ascii_lowercase().as_str()));
        found.copied().map(usize::from)
    }

    /// The option of that number.
    pub fn get(&self, index: usize) -> Option<&'static Spec<T>> {
        self.specs.get(index).copied()
    }
}

/// Declares fields and the table of their options, one line each:
/// `/// what it does` / `status "option" field: Type = default, Codec;`
///
/// `own` puts the table beside an existing struct, `struct` makes the struct as well.
macro_rules! options {
    (own $(#[$meta:meta])* $table:ident: $object:ty, $get:path, $edit:path;
     $( $(#[doc = $doc:literal])+ $status:ident $name:literal $field:ident, $codec:ty; )*) => {
        $(#[$meta])*
        pub static $table: &[$crate::config::value::Spec<$object>] = &[ $(
            $crate::config::value::Spec {
                name: $name,
                doc: concat!($($doc),+),
                status: $crate::config::value::Status::$status,
                apply: |object, text, cx| {
                    <$codec as $crate::config::value::spec::Codec<_>>::apply(&mut $edit(object).$field, text, cx)
                },
                print: |object, lines| {
                    <$codec as $crate::config::value::spec::Codec<_>>::print(&$get(object).$field, lines)
                },
                write: |object, lines| {
                    <$codec as $crate::config::value::spec::Codec<_>>::write(&$get(object).$field, lines)
                },
            },
        )* ];
    };
    (struct $(#[$meta:meta])* $struct:ident { $( $(#[doc = $fixed_doc:literal])+ $fixed:ident: $fixed_ty:ty = $fixed_default:expr; )* }
     $table:ident: $object:ty, $get:path, $edit:path;
     $( $(#[doc = $doc:literal])+ $status:ident $name:literal $field:ident: $ty:ty = $default:expr, $codec:ty; )*) => {
        $(#[$meta])*
        pub struct $struct {
            $( $(#[doc = $fixed_doc])+ pub $fixed: $fixed_ty, )*
            $( $(#[doc = $doc])+ pub $field: $ty, )*
        }

        impl Default for $struct {
            fn default() -> Self {
                $struct { $( $fixed: $fixed_default, )* $( $field: $default, )* }
            }
        }

        $crate::config::value::spec::options! {
            own
            /// The options of this struct.
            $table: $object, $get, $edit;
            $( $(#[doc = $doc])+ $status $name $field, $codec; )*
        }
    };
}
pub(crate) use options;
