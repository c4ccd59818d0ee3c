//! Rows taken out of SQLite in batches, so that one thread can read while another makes objects of what was read.

use super::fault::Fault;
use super::realtime::{RowPrint, Table, id_print};
use crate::config::draft::{Draft, Setting};
use crate::config::origin::Origin;
use foldhash::fast::FixedState;
use rusqlite::types::ValueRef;
use rusqlite::{Row, Rows};
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};
use std::sync::mpsc;
use std::thread;

/// Rows per batch: some hundred kilobytes of text.
const ROWS: usize = 2_048;
/// Batches that wait for the thread that makes objects.
const WAITING: usize = 4;

/// What [`Batch::replay`] hands rows to.
pub(super) type Each<'a> = dyn FnMut(&Draft<'_>, RowPrint) + 'a;

/// Rows as text. Kept and filled again, so that nothing is allocated per row.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: String,
    cells: Vec<Cell>,
    rows: Vec<Taken>,
}

/// A value that is set: its column among those selected, and where its text ends; it begins where the one before ends.
#[derive(Clone, Copy, Debug)]
struct Cell {
    column: u16,
    end: usize,
}

/// A row, and where its cells end.
#[derive(Clone, Copy, Debug)]
struct Taken {
    print: RowPrint,
    cells_end: usize,
}

impl Batch {
    /// Takes a row. One without id names nothing and is left out.
    pub fn take(&mut self, table: &Table, row: &Row<'_>) {
        let (first_cell, first_byte) = (self.cells.len(), self.text.len());
        let mut hasher = FixedState::default().build_hasher();
        let mut id = None;
        for column in 0..=table.columns.len() {
            let start = self.text.len();
            match row.get_ref(column) {
                Ok(ValueRef::Null) | Err(_) => continue,
                Ok(ValueRef::Text(text) | ValueRef::Blob(text)) => {
                    self.text.push_str(&String::from_utf8_lossy(text))
                }
                // Numbers are not text in SQLite; here they become it. Writing to a String cannot fail.
                Ok(ValueRef::Integer(whole)) => drop(write!(self.text, "{whole}")),
                Ok(ValueRef::Real(real)) => drop(write!(self.text, "{real:?}")),
            }
            let value = &self.text[start..];
            if value.is_empty() {
                continue;
            }
            match column {
                0 => id = Some(id_print(value)),
                _ => hasher.write_usize(column),
            }
            hasher.write(value.as_bytes());
            self.cells.push(Cell { column: u16::try_from(column).unwrap_or(u16::MAX), end: self.text.len() });
        }
        match id {
            Some(id) => {
                let print = RowPrint { id, row: hasher.finish() };
                self.rows.push(Taken { print, cells_end: self.cells.len() });
            }
            None => {
                self.cells.truncate(first_cell);
                self.text.truncate(first_byte);
            }
        }
    }

    /// Fills itself anew; how many rows were read. Fewer than a batch holds are the last ones.
    fn fill(&mut self, table: &Table, rows: &mut Rows<'_>) -> Result<usize, Fault> {
        self.text.clear();
        self.cells.clear();
        self.rows.clear();
        for number in 0..ROWS {
            let Some(row) = rows.next()? else { return Ok(number) };
            self.take(table, row);
        }
        Ok(ROWS)
    }

    /// Hands its rows to `each`.
    pub fn replay(&self, table: &Table, each: &mut Each<'_>) {
        let wanted = table.wanted();
        let (mut cell, mut byte) = (0, 0);
        for taken in &self.rows {
            let cells = &self.cells[cell..taken.cells_end];
            cell = taken.cells_end;
            // Its id comes first: `take` leaves rows without one out.
            let [id, settings @ ..] = cells else { continue };
            let mut text = |end: usize| {
                let text = &self.text[byte..end];
                byte = end;
                text
            };
            // Rows have no numbers that would stay: a row is found by its table and id, a setting by its column.
            let mut draft = Draft::new(wanted.kind, text(id.end), wanted.at());
            draft.settings.reserve_exact(settings.len());
            for cell in settings {
                let column = &table.columns[usize::from(cell.column) - 1];
                // SQLite's driver has no other way to say "set to the empty text" than a single space.
                let value = match text(cell.end) {
                    " " => "",
                    value => value,
                };
                let at = Origin::new(wanted.source, 0, column.place);
                draft.settings.push(Setting::new(column.name.as_str(), value, at));
            }
            each(&draft, taken.print);
        }
    }
}

/// Hands all rows to `each`, on this thread.
pub(super) fn read(table: &Table, mut rows: Rows<'_>, each: &mut Each<'_>) -> Result<u32, Fault> {
    let (mut batch, mut count) = (Batch::default(), 0);
    loop {
        let filled = batch.fill(table, &mut rows);
        batch.replay(table, each);
        count += batch.rows.len();
        if filled? < ROWS {
            return Ok(u32::try_from(count).unwrap_or(u32::MAX));
        }
    }
}

/// Hands all rows to `each`, which runs on a second thread while this one reads on, where there are many.
pub(super) fn read_ahead(
    table: &Table,
    mut rows: Rows<'_>,
    each: &mut (dyn FnMut(&Draft<'_>, RowPrint) + Send),
) -> Result<u32, Fault> {
    let mut batch = Batch::default();
    let mut filled = batch.fill(table, &mut rows);
    let mut count = batch.rows.len();
    if !matches!(filled, Ok(ROWS)) {
        batch.replay(table, each);
        return filled.map(|_| u32::try_from(count).unwrap_or(u32::MAX));
    }
    thread::scope(|scope| {
        let (full, to_replay) = mpsc::sync_channel::<Batch>(WAITING);
        let (replayed, empty) = mpsc::channel();
        scope.spawn(move || {
            for batch in to_replay {
                batch.replay(table, each);
                // Nobody fills another one at the end.
                let _ = replayed.send(batch);
            }
        });
        loop {
            let more = matches!(filled, Ok(ROWS));
            // The other thread ends before us only by a panic, which the scope passes on.
            if full.send(batch).is_err() || !more {
                break;
            }
            batch = empty.try_recv().unwrap_or_default();
            filled = batch.fill(table, &mut rows);
            count += batch.rows.len();
        }
    });
    filled.map(|_| u32::try_from(count).unwrap_or(u32::MAX))
}
