//! The local time zone's offset: ban tools read a log line's clock as local time.

use crate::base::time::WallTime;
use std::sync::OnceLock;

/// Seconds east of UTC at that moment, by the `TZ` variable or `/etc/localtime`; 0 when neither can be read.
pub fn offset_secs(at: WallTime) -> i32 {
    static ZONE: OnceLock<Vec<(i64, i32)>> = OnceLock::new();
    let changes = ZONE.get_or_init(|| zone_file().and_then(|bytes| read(&bytes)).unwrap_or_default());
    let secs = i64::try_from(at.secs()).unwrap_or(i64::MAX);
    changes.iter().rev().find(|(from, _)| *from <= secs).map_or(0, |(_, offset)| *offset)
}

fn zone_file() -> Option<Vec<u8>> {
    let path = match std::env::var("TZ") {
        Ok(zone) if zone.is_empty() || zone == "UTC" => return None,
        Ok(zone) => {
            let name = zone.trim_start_matches(':');
            if name.starts_with('/') { name.to_owned() } else { format!("/usr/share/zoneinfo/{name}") }
        }
        Err(_) => "/etc/localtime".to_owned(),
    };
    std::fs::read(path).ok()
}

/// The changes of a TZif file of version 2 or later (RFC 8536): from when, seconds east of UTC. Rules for the time
/// after the last change are not read; the last offset goes on.
fn read(bytes: &[u8]) -> Option<Vec<(i64, i32)>> {
    let header = |at: usize| -> Option<[usize; 6]> {
        if bytes.get(at..at + 4)? != b"TZif" {
            return None;
        }
        let mut counts = [0; 6];
        for (place, count) in counts.iter_mut().enumerate() {
            let from = at + 20 + place * 4;
            *count = u32::from_be_bytes(bytes.get(from..from + 4)?.try_into().ok()?) as usize;
        }
        Some(counts)
    };
    let [isutc, isstd, leap, time, kind, text] = header(0)?;
    let second = 44 + time * 5 + kind * 6 + text + leap * 8 + isstd + isutc;
    let [_, _, _, time, kind, _] = header(second)?;
    let (times, kinds) = (second + 44, second + 44 + time * 8);
    let infos = kinds + time;
    let offset = |index: usize| -> Option<i32> {
        let from = infos + index * 6;
        (index < kind).then(|| bytes.get(from..from + 4)?.try_into().ok().map(i32::from_be_bytes)).flatten()
    };
    let mut changes = vec![(i64::MIN, offset(0)?)];
    for place in 0..time {
        let from = times + place * 8;
        let at = i64::from_be_bytes(bytes.get(from..from + 8)?.try_into().ok()?);
        changes.push((at, offset(usize::from(*bytes.get(kinds + place)?))?));
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_file_gives_summer_and_winter_offsets() {
        let Ok(bytes) = std::fs::read("/usr/share/zoneinfo/Europe/Berlin") else { return };
        let changes = read(&bytes).expect("a zone file");
        let at = |secs: i64| changes.iter().rev().find(|(from, _)| *from <= secs).map(|(_, offset)| *offset);
        assert_eq!(at(1_700_000_000), Some(3_600));
        assert_eq!(at(1_690_000_000), Some(7_200));
        assert_eq!(read(b"TZif2"), None);
        assert_eq!(read(b""), None);
    }
}
