//! Changes of contacts as SQL statements on a `ps_contacts` table.

use super::fault::Fault;
use super::ps_columns::{AorColumns, Shape};
use crate::base::ids::Name;
use crate::registrar::binding::{Binding, ContactChange};
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params_from_iter};
use std::sync::Arc;

/// What the writer asks about an aor, each time one of its contacts is written. After a reload it shall answer from
/// the new configuration.
pub type AorLookup = Arc<dyn Fn(&str) -> AorColumns + Send + Sync>;

/// Inserts the contacts that the table does not have, and counts them.
pub(super) fn carry_over<'a>(
    conn: &mut Connection,
    shape: &Shape,
    aors: &AorLookup,
    bindings: impl Iterator<Item = &'a Binding>,
) -> Result<usize, Fault> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut inserted = 0;
    for binding in bindings {
        // Asked, because a table made by hand may have no unique key to refuse a second row.
        let there: bool = transaction
            .prepare_cached(&shape.exists)?
            .query_row([shape.id(&binding.aor, &binding.hash)], |row| row.get(0))?;
        if there {
            continue;
        }
        inserted += usize::from(insert(&transaction, shape, binding, &aors(&binding.aor))?);
    }
    transaction.commit()?;
    Ok(inserted)
}

/// Writes one change. `is_known` says whether we have seen a contact's row.
pub(super) fn write(
    conn: &Connection,
    shape: &Shape,
    aors: &AorLookup,
    is_known: &dyn Fn(&Name, [u8; 16]) -> bool,
    change: &ContactChange,
) -> Result<(), Fault> {
    match change {
        ContactChange::Put(binding) => {
            let aor = aors(&binding.aor);
            if is_known(&binding.aor, binding.hash) && update(conn, shape, binding, &aor)? {
                return Ok(());
            }
            // Another program may have put it there meanwhile.
            if !insert(conn, shape, binding, &aor)? {
                update(conn, shape, binding, &aor)?;
            }
        }
        ContactChange::Refresh { aor, hash, expires, cseq } => {
            let columns = aors(aor);
            let values = shape.refreshed().map(|c| shape.refreshed_value(c, (*expires, *cseq), &columns));
            let values = std::iter::once(shape.id(aor, hash).into()).chain(values);
            conn.prepare_cached(&shape.refresh)?.execute(params_from_iter(values))?;
        }
        ContactChange::Remove { aor, hash } => {
            conn.prepare_cached(&shape.delete)?.execute([shape.id(aor, hash)])?;
        }
    }
    Ok(())
}

/// False when there is such a row already.
fn insert(conn: &Connection, shape: &Shape, binding: &Binding, aor: &AorColumns) -> Result<bool, Fault> {
    let values = shape.present().iter().map(|column| shape.value(*column, binding, aor));
    match conn.prepare_cached(&shape.insert)?.execute(params_from_iter(values)) {
        Ok(_) => Ok(true),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// False when there is no such row.
fn update(conn: &Connection, shape: &Shape, binding: &Binding, aor: &AorColumns) -> Result<bool, Fault> {
    let values = shape.present().iter().filter(|column| !column.is_id());
    let values = values.map(|column| shape.value(*column, binding, aor));
    let values = std::iter::once(shape.id(&binding.aor, &binding.hash).into()).chain(values);
    Ok(conn.prepare_cached(&shape.update)?.execute(params_from_iter(values))? > 0)
}
