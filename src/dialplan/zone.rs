//! Civil time: days, weeks and time zones as arithmetic. Zone files are bytes handed in by an edge (RFC 8536).

use std::collections::BTreeMap;
use std::sync::Arc;

/// A point of time as people write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// Month, 1–12.
    pub month: u32,
    /// Day of the month, 1–31.
    pub day: u32,
    /// Hour, 0–23.
    pub hour: u32,
    /// Minute, 0–59.
    pub minute: u32,
    /// Second, 0–59.
    pub second: u32,
    /// Day of the week, 0 is Sunday.
    pub weekday: u32,
    /// Day of the year, 0–365.
    pub yearday: u32,
    /// Seconds east of UTC.
    pub offset_secs: i32,
    /// The zone's short name (`CET`).
    pub zone: Arc<str>,
}

/// The zones a dialplan uses.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    /// The machine's own zone.
    pub local: Zone,
    /// Zones by name (`Europe/Berlin`).
    pub named: BTreeMap<String, Zone>,
}

impl Zones {
    /// Whether the zone is known; the empty name is the machine's own.
    pub fn has(&self, name: &str) -> bool {
        matches!(name, "" | "UTC" | "GMT") || self.named.contains_key(name)
    }

    /// `secs` since 1970 in the zone `name`; the machine's zone when it is empty; `None` for a zone not loaded.
    pub fn civil(&self, secs: i64, name: &str) -> Option<Civil> {
        let zone = match name {
            "" => &self.local,
            "UTC" | "GMT" if !self.named.contains_key(name) => &UTC_ZONE,
            _ => self.named.get(name)?,
        };
        Some(zone.civil(secs))
    }
}

static UTC_ZONE: Zone = Zone { changes: Vec::new(), kinds: Vec::new(), rule: None };

/// One time zone. The default is UTC.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    /// From which second on which kind holds, ascending.
    changes: Vec<(i64, u8)>,
    kinds: Vec<Kind>,
    /// What holds after the last change.
    rule: Option<Rule>,
}

#[derive(Clone, Debug)]
struct Kind {
    offset_secs: i32,
    name: Arc<str>,
}

/// The POSIX rule at the end of a zone file: `CET-1CEST,M3.5.0,M10.5.0/3`.
#[derive(Clone, Debug)]
struct Rule {
    standard: Kind,
    summer: Option<(Kind, Day, Day)>,
}

/// When a rule switches: a day of the year and the second of that day, in the time that held before.
#[derive(Clone, Copy, Debug)]
enum Day {
    /// `Jn`: 1–365, 29 February never counted.
    Julian(u32, i32),
    /// `n`: 0–365.
    Ordinal(u32, i32),
    /// `Mm.w.d`: the w-th weekday d of month m, 5 being the last.
    Month(u32, u32, u32, i32),
}

impl Zone {
    /// Reads a zone file (TZif, RFC 8536). `None` if it is none.
    pub fn parse(bytes: &[u8]) -> Option<Zone> {
        let (first, rest) = block(bytes, 4)?;
        if bytes.get(4) == Some(&0) {
            return Some(first);
        }
        let (mut zone, footer) = block(rest, 8)?;
        let rule = std::str::from_utf8(footer).ok()?.trim_matches('\n');
        zone.rule = parse_rule(rule);
        Some(zone)
    }

    /// A zone that follows one POSIX rule for ever (`CET-1CEST,M3.5.0,M10.5.0/3`).
    pub fn from_rule(rule: &str) -> Option<Zone> {
        Some(Zone { changes: Vec::new(), kinds: Vec::new(), rule: Some(parse_rule(rule)?) })
    }

    /// `secs` since 1970 as this zone's clocks show it.
    pub fn civil(&self, secs: i64) -> Civil {
        let (offset_secs, zone) = self.kind(secs);
        civil(secs, offset_secs, zone)
    }

    fn kind(&self, secs: i64) -> (i32, Arc<str>) {
        let after = self.changes.partition_point(|(at, _)| *at <= secs);
        let kind = match (after.checked_sub(1), &self.rule) {
            (last, Some(rule))
                if last.is_none_or(|last| last + 1 == self.changes.len()) && after == self.changes.len() =>
            {
                rule.kind(secs)
            }
            (Some(last), _) => self.kinds.get(usize::from(self.changes[last].1)),
            (None, _) => self.kinds.first(),
        };
        kind.map_or_else(|| (0, "UTC".into()), |kind| (kind.offset_secs, kind.name.clone()))
    }
}

/// One data block of a zone file: its zone, and what follows it. `width` is the size of its times.
fn block(bytes: &[u8], width: usize) -> Option<(Zone, &[u8])> {
    if bytes.get(..4)? != b"TZif" {
        return None;
    }
    let count = |i: usize| -> Option<usize> {
        let four: [u8; 4] = bytes.get(20 + i * 4..24 + i * 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(four) as usize)
    };
    let (utc, standard, leaps) = (count(0)?, count(1)?, count(2)?);
    let (times, kinds, chars) = (count(3)?, count(4)?, count(5)?);
    let data = bytes.get(44..)?;
    let sizes = [
        times.checked_mul(width)?,
        times,
        kinds.checked_mul(6)?,
        chars,
        leaps.checked_mul(width + 4)?,
        standard,
        utc,
    ];
    let mut parts = [&data[..0]; 7];
    let mut rest = data;
    for (part, size) in parts.iter_mut().zip(sizes) {
        if rest.len() < size {
            return None;
        }
        (*part, rest) = rest.split_at(size);
    }
    let names = parts[3];
    let kinds = parts[2].chunks_exact(6).map(|k| {
        let name = names.get(usize::from(k[5])..).unwrap_or_default();
        let name = name.split(|c| *c == 0).next().unwrap_or_default();
        Kind {
            offset_secs: i32::from_be_bytes([k[0], k[1], k[2], k[3]]),
            name: String::from_utf8_lossy(name).into(),
        }
    });
    let changes = parts[0].chunks_exact(width).zip(parts[1]).map(|(time, kind)| {
        let mut wide = if time[0] & 0x80 != 0 { [0xff; 8] } else { [0; 8] };
        wide[8 - width..].copy_from_slice(time);
        (i64::from_be_bytes(wide), *kind)
    });
    Some((Zone { changes: changes.collect(), kinds: kinds.collect(), rule: None }, rest))
}

impl Rule {
    fn kind(&self, secs: i64) -> Option<&Kind> {
        let Some((summer, begins, ends)) = &self.summer else { return Some(&self.standard) };
        let year =
            civil_from_days(secs.saturating_add(i64::from(self.standard.offset_secs)).div_euclid(86_400)).0;
        let begins = begins.second(year) - i64::from(self.standard.offset_secs);
        let ends = ends.second(year) - i64::from(summer.offset_secs);
        let is_summer =
            if begins < ends { (begins..ends).contains(&secs) } else { !(ends..begins).contains(&secs) };
        Some(if is_summer { summer } else { &self.standard })
    }
}

impl Day {
    /// The switch in `year`, in seconds of the clock that held before it.
    fn second(self, year: i64) -> i64 {
        let january = days_from_civil(year, 1, 1);
        let (day, time) = match self {
            Day::Julian(n, time) => {
                let leap_day = i64::from(is_leap(year) && n >= 60);
                (january + i64::from(n) - 1 + leap_day, time)
            }
            Day::Ordinal(n, time) => (january + i64::from(n), time),
            Day::Month(month, week, weekday, time) => {
                let first = days_from_civil(year, month, 1);
                let ahead = (i64::from(weekday) - (first + 4)).rem_euclid(7);
                let mut day = first + ahead + 7 * (i64::from(week) - 1);
                let next = if month == 12 {
                    days_from_civil(year + 1, 1, 1)
                } else {
                    days_from_civil(year, month + 1, 1)
                };
                while day >= next {
                    day -= 7;
                }
                (day, time)
            }
        };
        day * 86_400 + i64::from(time)
    }
}

fn parse_rule(rule: &str) -> Option<Rule> {
    let mut parts = rule.split(',');
    let names = parts.next()?;
    let (standard, rest) = rule_name(names)?;
    let (west, rest) = rule_time(rest)?;
    let standard = Kind { offset_secs: -west, name: standard.into() };
    if rest.is_empty() {
        return Some(Rule { standard, summer: None });
    }
    let (summer, rest) = rule_name(rest)?;
    let offset_secs = if rest.is_empty() { standard.offset_secs + 3600 } else { -rule_time(rest)?.0 };
    let begins = rule_day(parts.next().unwrap_or("M3.2.0"))?;
    let ends = rule_day(parts.next().unwrap_or("M11.1.0"))?;
    Some(Rule { standard, summer: Some((Kind { offset_secs, name: summer.into() }, begins, ends)) })
}

fn rule_name(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('<') {
        return rest.split_once('>');
    }
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    (end >= 3).then(|| text.split_at(end))
}

/// `[+-]hh[:mm[:ss]]` in seconds, and the rest.
fn rule_time(text: &str) -> Option<(i32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | ':')).unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let (sign, time) = match time.strip_prefix('-') {
        Some(time) => (-1, time),
        None => (1, time.strip_prefix('+').unwrap_or(time)),
    };
    let mut secs = 0i32;
    let mut unit = 3600;
    for part in time.split(':') {
        let part: i32 = part.parse().ok().filter(|p| *p <= 200)?;
        secs = secs.checked_add(part.checked_mul(unit)?)?;
        unit /= 60;
    }
    Some((sign * secs, rest))
}

fn rule_day(text: &str) -> Option<Day> {
    let (day, time) = match text.split_once('/') {
        Some((day, time)) => (day, rule_time(time)?.0),
        None => (text, 7_200),
    };
    if let Some(month) = day.strip_prefix('M') {
        let mut numbers = month.split('.').map(|n| n.parse::<u32>().ok());
        let (m, w, d) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let valid = (1..=12).contains(&m) && (1..=5).contains(&w) && d <= 6;
        return valid.then_some(Day::Month(m, w, d, time));
    }
    match day.strip_prefix('J') {
        Some(n) => n.parse().ok().filter(|n| (1..=365).contains(n)).map(|n| Day::Julian(n, time)),
        None => day.parse().ok().filter(|n| *n <= 365).map(|n| Day::Ordinal(n, time)),
    }
}

/// The civil time `offset_secs` east of UTC.
pub fn civil(secs: i64, offset_secs: i32, zone: Arc<str>) -> Civil {
    let secs = secs.saturating_add(i64::from(offset_secs));
    let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400) as u32);
    let (year, month, day) = civil_from_days(days);
    Civil {
        year,
        month,
        day,
        hour: second / 3600,
        minute: second / 60 % 60,
        second: second % 60,
        weekday: (days + 4).rem_euclid(7) as u32,
        yearday: (days - days_from_civil(year, 1, 1)) as u32,
        offset_secs,
        zone,
    }
}

/// Whether the year has 366 days.
pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    // Years begin in March here, so that the leap day is the last of its year.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * month + 2) / 5 + 1) as u32;
    let month = if month < 10 { month + 3 } else { month - 9 } as u32;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(c: &Civil) -> String {
        format!(
            "{}-{:02}-{:02} {:02}:{:02}:{:02} {} {}",
            c.year, c.month, c.day, c.hour, c.minute, c.second, c.weekday, c.zone
        )
    }

    #[test]
    fn days_and_dates_agree_over_four_centuries() {
        for days in -150_000..150_000 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(show(&civil(0, 0, "UTC".into())), "1970-01-01 00:00:00 4 UTC");
        assert_eq!(show(&civil(1_709_210_096, 0, "UTC".into())), "2024-02-29 12:34:56 4 UTC");
        assert_eq!(civil(1_735_603_200, 0, "UTC".into()).yearday, 365);
    }

    #[test]
    fn a_rule_switches_at_its_two_seconds() {
        let berlin = Zone::from_rule("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule");
        assert_eq!(show(&berlin.civil(1_774_745_999)), "2026-03-29 01:59:59 0 CET");
        assert_eq!(show(&berlin.civil(1_774_746_000)), "2026-03-29 03:00:00 0 CEST");
        assert_eq!(show(&berlin.civil(1_792_889_999)), "2026-10-25 02:59:59 0 CEST");
        assert_eq!(show(&berlin.civil(1_792_890_000)), "2026-10-25 02:00:00 0 CET");
        let sydney = Zone::from_rule("AEST-10AEDT,M10.1.0,M4.1.0/3").expect("a rule");
        assert_eq!(sydney.civil(1_767_225_600).zone.as_ref(), "AEDT");
        assert_eq!(sydney.civil(1_782_864_000).zone.as_ref(), "AEST");
        assert_eq!(Zone::from_rule("<+0530>-5:30").expect("a rule").civil(0).offset_secs, 19_800);
        for bad in ["", "C", "CET", "CET-1CEST,M13.1.0,M10.5.0", "CET-1CEST,M3.5.0,x", "CET-999999999999"] {
            assert!(Zone::from_rule(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_zone_file_reads_as_its_clocks_showed() {
        // The machine's own database, where it has one.
        let Ok(bytes) = std::fs::read("/usr/share/zoneinfo/Europe/Berlin") else { return };
        let berlin = Zone::parse(&bytes).expect("a zone file");
        assert_eq!(show(&berlin.civil(1_774_746_000)), "2026-03-29 03:00:00 0 CEST");
        assert_eq!(show(&berlin.civil(1_000_000_000)), "2001-09-09 03:46:40 0 CEST");
        for cut in 0..bytes.len() {
            let _ = Zone::parse(&bytes[..cut]);
        }
    }
}
