//! The dialplan's key store in the running server.

use super::clock::Clock;
use super::log::Log;
use crate::store::database::DatabaseStore;
use crate::switch::Switch;
use crate::switch::io::{Actions, Input};
use crate::switch::view::Level;
use std::path::Path;

/// The origin of log lines.
const ORIGIN: &str = "db.c";

/// Opens the file in the state directory and gives its entries to the switch. A file that cannot be opened stops no
/// call: it is said, and entries last until the end of the program.
pub fn open(
    state_dir: &Path,
    (clock, log): (Clock, &Log),
    switch: &mut Switch,
    actions: &mut Actions,
) -> Option<DatabaseStore> {
    let path = state_dir.join("astdb.sqlite3");
    let own = log.clone();
    let opened = DatabaseStore::open(&path, move |text| own.line(clock.now(), Level::Error, ORIGIN, &text));
    match opened {
        Ok((store, entries)) => {
            switch.handle(clock.now(), Input::Database(entries), actions);
            Some(store)
        }
        Err(fault) => {
            let text = format!("The dialplan's database is not kept: {fault}");
            log.line(clock.now(), Level::Error, ORIGIN, &text);
            None
        }
    }
}
