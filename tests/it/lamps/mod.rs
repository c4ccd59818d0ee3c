//! Subscriptions through a whole switch in virtual time: what each watcher is sent, and that nothing is left behind.

mod dialogs;
mod exchange;
mod lists;
mod mailboxes;
mod publish;
mod refused;
mod restart;
mod storms;
mod watcher;
