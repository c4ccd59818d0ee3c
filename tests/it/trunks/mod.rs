//! Trunks: registering elsewhere, and requests outside dialogs.

mod messages;
mod pair;
mod registering;
mod registrar;
