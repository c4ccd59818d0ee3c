//! Rank 3: extensions. What `extensions.conf` says, which extension a number is, and what happens on the channel then.
//!
//! ```text
//! conf::Tree → line::Section ─┐
//! TOML (toml_file) ───────────┼→ load ──▶ Dialplan (immutable) + findings
//! rows (realtime::Table) ─────┘              │ find: Found | CouldMatchMore | NotFound
//!                                            ▼
//!                    Program::step(now, &Dialplan, &mut dyn Host) → Do(Action) | Yield | Finished(End)
//!                    Program::resume(Outcome)
//! ```
//! Deliberately absent: channels, media, databases. Applications that need them become [`action::Action`]s for the
//! switch; functions that need them are asked of [`host::Host`].

pub mod action;
pub mod apps;
pub mod arguments;
mod check;
pub mod expr;
pub mod functions;
pub mod hints;
pub mod host;
pub mod line;
pub mod load;
pub mod number;
pub mod pattern;
pub mod plan;
pub mod program;
pub mod realtime;
mod scope;
pub mod show;
pub mod timing;
pub mod variables;
pub mod zone;

pub use action::{Action, After, DialStatus, Dialled, End, Outcome};
pub use host::Host;
pub use load::{Loaded, Surroundings, load};
pub use plan::{Dialplan, Match, Query};
pub use program::{Program, Step};
pub use scope::Place;
