//! Subscriptions through a whole switch in virtual time: what each watcher is sent, and that nothing is left behind.

mod dialogs;
mod lists;
mod mailboxes;
mod refused;
mod restart;
mod watcher;
