//! Who calls, is called, and redirected.

use crate::config::model::endpoint_words::Presentation;

/// A name and a number, as `CALLERID()` and `CONNECTEDLINE()` have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Party {
    /// Display name, empty for none.
    pub name: String,
    /// Number, empty for none.
    pub number: String,
    /// Who may see it.
    pub presentation: Presentation,
    /// `callerid_tag`.
    pub tag: String,
}

/// What redirected a call here: Diversion or History-Info.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Redirecting {
    /// The last to redirect.
    pub from: Party,
    /// Whom it was redirected to.
    pub to: Party,
    /// The first to redirect.
    pub orig: Party,
    /// `unconditional`, `user-busy`, …
    pub reason: String,
    /// How often.
    pub count: u32,
}
