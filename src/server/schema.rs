//! `jackfield schema`: makes the realtime tables, brings older ones up to date, prints them.

use crate::store::schema::{STEPS, migrate};
use std::io::{self, Write};
use std::path::Path;

/// Makes the tables in the database at `path`, or adds to existing ones what they lack; says what it did.
///
/// # Errors
/// Why the database cannot be changed, or `out` not be written.
pub fn init(path: &Path, out: &mut dyn Write) -> Result<(), String> {
    let done = migrate(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let mut print = || -> io::Result<()> {
        for line in &done.done {
            writeln!(out, "{line}")?;
        }
        match (done.from, done.to) {
            (from, to) if from == to => writeln!(out, "{}: version {to}, nothing to do", path.display()),
            (0, to) => writeln!(out, "{}: version {to}", path.display()),
            (from, to) => writeln!(out, "{}: version {from} became {to}", path.display()),
        }
    };
    print().map_err(|error| error.to_string())
}

/// Prints the SQL of every step, ready for `sqlite3`.
///
/// # Errors
/// `out` cannot be written.
pub fn print(out: &mut dyn Write) -> io::Result<()> {
    for step in STEPS {
        writeln!(out, "-- step {}: {}\n{}", step.number, step.name, step.sql.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_once_and_printed_sql_makes_the_same() {
        let path = std::env::temp_dir().join(format!("jackfield-schema-{}.sqlite3", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let run = || {
            let mut out = Vec::new();
            init(&path, &mut out).expect("writable");
            String::from_utf8(out).expect("text")
        };
        assert!(run().contains("table ps_endpoints created"));
        assert!(run().ends_with(&format!("version {}, nothing to do\n", STEPS.len())));
        let mut sql = Vec::new();
        print(&mut sql).expect("memory");
        let sql = String::from_utf8(sql).expect("text");
        assert!(sql.contains("CREATE TABLE") && sql.contains("jackfield_changes"), "{sql}");
        std::fs::remove_file(&path).expect("made above");
        assert!(init(Path::new("/nonexistent/x"), &mut Vec::new()).is_err());
    }
}
