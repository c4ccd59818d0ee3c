//! Trunks: registering elsewhere, and requests outside dialogs.

mod registering;
mod registrar;
