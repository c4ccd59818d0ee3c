//! Values that are one word out of a few.

use super::spec::{Codec, Cx, Fault};
use crate::config::suggest;

/// An enumeration with its spellings.
pub trait Word: Copy + PartialEq + 'static {
    /// Every spelling. The first one of a value is the one that is printed.
    const WORDS: &'static [(&'static str, Self)];

    /// The spelling that is printed.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }

    /// The value of a spelling, compared without case.
    fn of(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
    }
}

/// Reads a [`Word`].
#[derive(Debug)]
pub struct OneOf;

impl<T: Word> Codec<T> for OneOf {
    fn apply(field: &mut T, text: &str, _: &mut Cx) -> Result<(), Fault> {
        *field = T::of(text).ok_or_else(|| unknown::<T>(text))?;
        Ok(())
    }

    fn print(field: &T, lines: &mut Vec<String>) {
        lines.push(field.word().to_owned());
    }
}

/// The fault of a word that is not among the spellings.
pub fn unknown<T: Word>(text: &str) -> Fault {
    let mut words: Vec<&str> = Vec::new();
    for (index, (word, value)) in T::WORDS.iter().enumerate() {
        if T::WORDS[..index].iter().all(|(_, earlier)| earlier != value) {
            words.push(word);
        }
    }
    let near = suggest::nearest(text, T::WORDS.iter().map(|(word, _)| *word));
    let list = words.join(", ");
    let fault = Fault::new("bad-value", format!("'{text}' is not one of {list}"));
    match near {
        Some(near) => fault.help(format!("did you mean '{near}'?")),
        None => fault,
    }
}

/// Declares an enumeration and its spellings.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $($word:literal)|+, )* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[doc = $doc])+ $variant, )* }

        impl $crate::config::value::words::Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[ $( $( ($word, $name::$variant), )+ )* ];
        }
    };
}
pub(crate) use words;
