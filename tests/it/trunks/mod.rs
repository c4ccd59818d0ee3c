//! Trunks: registering elsewhere, and requests outside dialogs.

mod messages;
pub mod pair;
mod publishing;
mod registering;
mod registrar;
