//! `times,weekdays,mdays,months[,timezone]`: the conditions of includes, `GotoIfTime`, `ExecIfTime` and `IFTIME`.

use super::zone::{Civil, Zones};
use crate::base::time::WallTime;

/// A set of minutes, weekdays, days of the month and months. Ranges wrap: `22:00-06:00`, `fri-mon`.
#[derive(Clone, Debug)]
pub struct Timing {
    /// One bit per minute of the day.
    minutes: Box<[u64; 23]>,
    weekdays: u32,
    days: u32,
    months: u32,
    zone: Box<str>,
}

impl Timing {
    /// Reads a condition; what cannot be read is left out of it, as Asterisk does, and named in `faults`.
    pub fn parse(text: &str, faults: &mut Vec<String>) -> Timing {
        let fields: Vec<&str> = text.split([',', '|']).map(str::trim).collect();
        let field = |i: usize| fields.get(i).copied().unwrap_or_default();
        if fields.len() > 5 {
            faults.push(format!("'{}' follows the time zone and is ignored", fields[5]));
        }
        Timing {
            minutes: minutes(field(0), faults),
            weekdays: range(field(1), 7, &WEEKDAYS, "day of the week", faults),
            days: range(field(2), 31, &[], "day of the month", faults),
            months: range(field(3), 12, &MONTHS, "month", faults),
            zone: field(4).into(),
        }
    }

    /// The zone it names; empty for the machine's own.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// Whether `now` is inside. A zone that is not loaded counts as the machine's own.
    pub fn holds(&self, now: WallTime, zones: &Zones) -> bool {
        let secs = i64::try_from(now.secs()).unwrap_or(i64::MAX);
        let civil = zones.civil(secs, &self.zone).unwrap_or_else(|| zones.local.civil(secs));
        self.contains(&civil)
    }

    fn contains(&self, c: &Civil) -> bool {
        let minute = (c.hour * 60 + c.minute) as usize;
        self.months & (1 << (c.month - 1)) != 0
            && self.days & (1 << (c.day - 1)) != 0
            && self.weekdays & (1 << c.weekday) != 0
            && self.minutes[minute / 64] & (1 << (minute % 64)) != 0
    }
}

fn minutes(text: &str, faults: &mut Vec<String>) -> Box<[u64; 23]> {
    let mut mask = Box::new([0u64; 23]);
    if text.is_empty() || text == "*" {
        mask.fill(u64::MAX);
        return mask;
    }
    for part in text.split('&') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        // Asterisk skips anything before the first digit of the end.
        let to = to.trim_start_matches(|c: char| !c.is_ascii_digit());
        let (Some(first), Some(last)) = (clock(from), clock(to)) else {
            faults.push(format!("'{part}' is no time or range of times (hh:mm-hh:mm)"));
            continue;
        };
        let mut minute = first;
        loop {
            mask[minute / 64] |= 1 << (minute % 64);
            if minute == last {
                break;
            }
            minute = (minute + 1) % 1440;
        }
    }
    mask
}

/// `hh:mm` as a minute of the day.
fn clock(text: &str) -> Option<usize> {
    let (hour, minute) = text.trim().split_once(':')?;
    let hour = hour.parse::<usize>().ok().filter(|hour| *hour < 24)?;
    let minute = minute.parse::<usize>().ok().filter(|minute| *minute < 60)?;
    Some(hour * 60 + minute)
}

fn range(text: &str, size: u32, names: &[&str], what: &str, faults: &mut Vec<String>) -> u32 {
    if text.is_empty() || text == "*" {
        return u32::MAX;
    }
    let mut mask = 0;
    for part in text.split('&') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (Some(first), Some(last)) = (place(from, size, names), place(to, size, names)) else {
            faults.push(format!("'{part}' is no {what} and is left out"));
            continue;
        };
        let mut at = first;
        loop {
            mask |= 1 << at;
            if at == last {
                break;
            }
            at = (at + 1) % size;
        }
    }
    mask
}

/// A name or number as a place from 0.
fn place(text: &str, size: u32, names: &[&str]) -> Option<u32> {
    let text = text.trim();
    if let Some(at) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return u32::try_from(at).ok();
    }
    text.parse::<u32>().ok().filter(|n| (1..=size).contains(n)).map(|n| n - 1)
}

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-02-02 is a Monday.
    fn at(day: u64, hour: u64, minute: u64) -> WallTime {
        WallTime::from_secs(1_769_817_600 + day * 86_400 + hour * 3600 + minute * 60)
    }

    fn holds(text: &str, now: WallTime) -> bool {
        let mut faults = Vec::new();
        let timing = Timing::parse(text, &mut faults);
        assert_eq!(faults, Vec::<String>::new(), "{text}");
        timing.holds(now, &Zones::default())
    }

    #[test]
    fn times_days_and_months_hold_with_both_ends() {
        assert!(holds("09:00-17:00,mon-fri,*,*", at(2, 9, 0)));
        assert!(holds("09:00-17:00,mon-fri,*,*", at(2, 17, 0)));
        assert!(!holds("09:00-17:00,mon-fri,*,*", at(2, 17, 1)));
        assert!(!holds("09:00-17:00,mon-fri,*,*", at(1, 10, 0)));
        assert!(holds("*,*,1-7,feb", at(2, 0, 0)));
        assert!(!holds("*,*,1-7,mar", at(2, 0, 0)));
        assert!(holds("", at(2, 0, 0)));
    }

    #[test]
    fn ranges_wrap_and_join() {
        assert!(holds("22:00-06:00", at(2, 23, 30)));
        assert!(holds("22:00-06:00", at(2, 5, 59)));
        assert!(!holds("22:00-06:00", at(2, 12, 0)));
        assert!(holds("*,fri-mon", at(1, 12, 0)));
        assert!(!holds("*,fri-mon", at(3, 12, 0)));
        assert!(holds("08:00-09:00&13:15,Mon&WED,*,nov-feb", at(2, 13, 15)));
        assert!(holds("*,2", at(2, 0, 0)), "2 is Monday, as in Asterisk");
    }

    #[test]
    fn what_cannot_be_read_is_named_and_left_out() {
        let mut faults = Vec::new();
        let timing = Timing::parse("25:00-26:00,monday&tue,32,*,Mars/Base,x", &mut faults);
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert_eq!(timing.zone(), "Mars/Base");
        assert!(!timing.holds(at(2, 10, 0), &Zones::default()));
    }

    #[test]
    fn a_named_zone_shifts_the_clock() {
        use super::super::zone::Zone;
        let mut zones = Zones::default();
        zones
            .named
            .insert("Europe/Berlin".into(), Zone::from_rule("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule"));
        let timing = Timing::parse("09:00-09:59,*,*,*,Europe/Berlin", &mut Vec::new());
        assert!(timing.holds(at(2, 8, 30), &zones));
        assert!(!timing.holds(at(2, 9, 30), &Zones { local: Zone::default(), ..zones.clone() }));
        assert!(
            timing.holds(at(2, 9, 30), &Zones::default()),
            "a zone not loaded counts as the machine's own"
        );
    }
}
