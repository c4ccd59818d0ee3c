//! Reading what lights lamps: rows that are odd are counted and passed over.

use super::fault::{Fault, wall_now};
use crate::base::device::DeviceState;
use crate::base::time::WallTime;
use crate::pubsub::{Counts, Kept, Presence, PresenceState, StoredSubscription};
use rusqlite::{Connection, Row};

/// All that is written down, and how many rows are odd.
pub(super) fn read(conn: &Connection) -> Result<(Vec<Kept>, usize), Fault> {
    let (mut all, mut odd) = (Vec::new(), 0);
    let mut take = |rows: &mut rusqlite::Rows<'_>, one: fn(&Row<'_>) -> Result<Kept, rusqlite::Error>| {
        while let Some(row) = rows.next()? {
            match one(row) {
                Ok(kept) => all.push(kept),
                Err(_) => odd += 1,
            }
        }
        Ok::<(), Fault>(())
    };
    let mut rows = conn.prepare("SELECT name, new, old FROM mailbox")?;
    take(&mut rows.query([])?, |row| {
        let counts = Counts { new: row.get(1)?, old: row.get(2)? };
        Ok(Kept::Mailbox { name: row.get::<_, String>(0)?.into(), counts })
    })?;
    let mut rows = conn.prepare("SELECT name, state FROM device_state")?;
    take(&mut rows.query([])?, |row| {
        let state = DeviceState::parse(&row.get::<_, String>(1)?);
        Ok(Kept::Device { name: row.get::<_, String>(0)?.into(), state })
    })?;
    let mut rows = conn.prepare("SELECT name, state, subtype, message FROM presence_state")?;
    take(&mut rows.query([])?, |row| {
        let presence = Presence {
            state: PresenceState::of(&row.get::<_, String>(1)?).unwrap_or_default(),
            subtype: row.get::<_, String>(2)?.into(),
            message: row.get::<_, String>(3)?.into(),
        };
        Ok(Kept::Presence { name: row.get::<_, String>(0)?.into(), presence })
    })?;
    let mut rows = conn.prepare(
        "SELECT id, packet, src_name || ':' || src_port, transport_key, local_name || ':' || local_port, cseq, tag,
                endpoint, expires, contact_uri, prune_on_boot, generator_data
         FROM ps_subscription_persistence WHERE expires >= ?1 ORDER BY id",
    )?;
    take(&mut rows.query([super::lamps::seconds(wall_now())])?, subscription)?;
    Ok((all, odd))
}

fn subscription(row: &Row<'_>) -> Result<Kept, rusqlite::Error> {
    let text = |at: usize| -> Result<String, rusqlite::Error> { row.get(at) };
    let id = u64::from_str_radix(&text(0)?, 16).map_err(|_| rusqlite::Error::InvalidQuery)?;
    let data = text(11)?;
    let version = data.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    Ok(Kept::Subscription(Box::new(StoredSubscription {
        id,
        packet: row.get::<_, Vec<u8>>(1)?.into(),
        source: text(2)?.into(),
        transport: text(3)?.into(),
        local: text(4)?.into(),
        cseq: row.get(5)?,
        tag: text(6)?.into(),
        endpoint: text(7)?.into(),
        expires: WallTime::from_secs(u64::try_from(row.get::<_, i64>(8)?).unwrap_or(0)),
        contact: text(9)?.into(),
        prune_on_boot: row.get(10)?,
        version,
    })))
}
