//! Rank 2: configuration: text and rows become drafts with provenance, then one typed immutable snapshot.
//!
//! ```text
//! .conf → conf::Tree ─┐
//! TOML ───────────────┼→ Draft → Compiler → (Objects, findings)
//! rows ───────────────┘                         │
//!                            Objects::plan(new) → changes, and words for people
//! ```
//! A [`Draft`] knows the place of each setting; an object can say where each of its options comes from.

pub mod check;
pub mod compile;
pub mod conf;
pub mod draft;
pub mod export;
pub mod files;
pub mod finding;
pub mod hints;
pub mod import;
pub mod kind;
pub mod lint;
pub mod load;
pub mod mapping;
pub mod model;
pub mod notify;
mod obeyed;
pub mod objects;
pub mod origin;
pub mod pjsip_conf;
pub mod plan;
mod read;
mod references;
pub mod rows;
pub mod services;
pub mod suggest;
pub mod toml_file;
pub mod value;
pub mod wizard;

pub use compile::{Compiler, compile, compile_one};
pub use draft::{Draft, RowStyle, Setting};
pub use finding::{Finding, Severity};
pub use kind::Kind;
pub use load::{Loaded, Loader, load};
pub use model::Object;
pub use objects::{AnyObject, Change, Objects};
pub use origin::{Origin, Sources};
pub use plan::Plan;

/// The configuration in force, as the rooms hold it.
pub type Snapshot = std::sync::Arc<Objects>;
