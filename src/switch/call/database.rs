//! The key store: what dialplans and administrators read and change, and the changes for the disk.

use super::functions::{Answer, failed};
use super::host::ChannelHost;
use crate::dialplan::Outcome;
use crate::dialplan::database::{Change, Database};
use crate::dialplan::host::Unavailable;
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::{DatabaseOrder, Reply};
use std::fmt::Write as _;

impl ChannelHost<'_> {
    /// `None` when it is no function of the key store.
    pub(super) fn read_database(&mut self, function: &str, arguments: &str) -> Option<Answer> {
        let database = &mut self.switch.calls.database;
        Some(match function {
            "DB" => database.value(arguments).map(str::to_owned).ok_or_else(|| failed("there is none")),
            "DB_KEYS" => Ok(database.keys(arguments).join(",")),
            "DB_KEYCOUNT" => Ok(database.tree(arguments).count().to_string()),
            "DB_DELETE" => match database.remove(arguments) {
                Some((value, change)) => {
                    self.out.queue.push(Action::Database(change));
                    Ok(value.into())
                }
                None => Err(failed("there is none")),
            },
            _ => return None,
        })
    }

    pub(super) fn put_database(&mut self, key: &str, value: &str) -> Result<(), Unavailable> {
        let change = self.switch.calls.database.put(key, value).map_err(|why| failed(why.to_string()))?;
        self.out.queue.push(Action::Database(change));
        Ok(())
    }
}

impl Switch {
    /// `DBdel(family/key)`, `DBdeltree(family[/key])`. What is not there is no fault.
    pub(super) fn delete_keys(&mut self, application: &str, key: &str, out: &mut Actions) -> Option<Outcome> {
        let key = key.trim().trim_start_matches('/').to_owned();
        let order = match application {
            "DBdel" => DatabaseOrder::Delete { key },
            _ => DatabaseOrder::DeleteTree { prefix: key },
        };
        self.database_order(&order, out);
        Some(Outcome::Done)
    }

    /// What was stored.
    pub(in crate::switch) fn load_database(&mut self, entries: Vec<(Box<str>, Box<str>)>) {
        self.calls.database.load(entries);
    }

    /// `database show|get|put|del|deltree`, in Asterisk's words.
    pub(in crate::switch) fn database_order(&mut self, order: &DatabaseOrder, out: &mut Actions) -> Reply {
        let database = &mut self.calls.database;
        let (changes, reply) = obey(database, order);
        out.queue.extend(changes.into_iter().map(Action::Database));
        reply
    }
}

fn obey(database: &mut Database, order: &DatabaseOrder) -> (Vec<Change>, Reply) {
    let done = |text: &str| Reply::Done(text.to_owned());
    match order {
        DatabaseOrder::Show { prefix } => (Vec::new(), Reply::Done(table(database.tree(prefix)))),
        DatabaseOrder::ShowKey { key } => (Vec::new(), Reply::Done(table(database.with_key(key)))),
        DatabaseOrder::Get { key } => match database.value(key) {
            Some(value) => (Vec::new(), Reply::Done(format!("Value: {value}"))),
            None => (Vec::new(), Reply::Refused("Database entry not found.".to_owned())),
        },
        DatabaseOrder::Put { key, value } => match database.put(key, value) {
            Ok(change) => (vec![change], done("Updated database successfully")),
            Err(why) => (Vec::new(), Reply::Refused(format!("Failed to update entry: {why}"))),
        },
        DatabaseOrder::Delete { key } => match database.remove(key) {
            Some((_, change)) => (vec![change], done("Database entry removed.")),
            None => (Vec::new(), Reply::Refused("Database entry does not exist.".to_owned())),
        },
        DatabaseOrder::DeleteTree { prefix } => match database.remove_tree(prefix) {
            gone if gone.is_empty() => (gone, Reply::Refused("Database entries do not exist.".to_owned())),
            gone => {
                let text = format!("{} database entries removed.", gone.len());
                (gone, Reply::Done(text))
            }
        },
    }
}

/// Asterisk's layout.
fn table<'t>(entries: impl Iterator<Item = (&'t str, &'t str)>) -> String {
    let (mut text, mut count) = (String::new(), 0);
    for (key, value) in entries {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key:<50}: {value:<25}");
        count += 1;
    }
    let _ = write!(text, "{count} results found.");
    text
}
