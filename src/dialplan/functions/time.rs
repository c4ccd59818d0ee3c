//! `STRFTIME STRPTIME TIMEOUT`.

use super::super::arguments::{nth, split, split_raw};
use super::super::scope::Scope;
use super::super::zone::{Civil, days_from_civil};
use super::Answer;
use std::fmt::Write;
use std::time::Duration;

/// `STRFTIME([epoch][,[zone][,format]])`
pub(super) fn format_time(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 3);
    let (secs, micros) = match nth(&parts, 0).trim() {
        "" => (i64::try_from(scope.now.wall.secs()).unwrap_or(0), scope.now.wall.0 % 1_000_000),
        epoch => {
            let value: f64 = epoch.parse().map_err(|_| format!("'{epoch}' is no time"))?;
            // Years beyond those a calendar is asked for would only overflow it.
            let value = value.clamp(-6e10, 2.5e11);
            (value.floor() as i64, ((value - value.floor()) * 1e6) as u64)
        }
    };
    let zone = nth(&parts, 1);
    let civil =
        scope.plan.zones.civil(secs, zone).ok_or_else(|| format!("there is no time zone '{zone}'"))?;
    let format = match nth(&parts, 2) {
        "" => "%c",
        format => format,
    };
    let mut out = String::new();
    write_time(&mut out, format, &civil, secs, micros, 0);
    Ok(out)
}

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `strftime` of a point of time, `secs` since 1970.
pub fn strftime(format: &str, civil: &Civil, secs: i64) -> String {
    let mut out = String::new();
    write_time(&mut out, format, civil, secs, 0, 0);
    out
}

fn write_time(out: &mut String, format: &str, c: &Civil, secs: i64, micros: u64, depth: u8) {
    let weekday = WEEKDAYS[c.weekday as usize % 7];
    let month = MONTHS[(c.month as usize + 11) % 12];
    let hour12 = (c.hour + 11) % 12 + 1;
    let mut chars = format.chars();
    while let Some(letter) = chars.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut conversion = chars.next();
        let mut places = 3;
        if let Some(digit) = conversion.and_then(|d| d.to_digit(10)).filter(|d| (1..=6).contains(d)) {
            places = digit as usize;
            conversion = chars.next();
        }
        let composed = composed(conversion);
        if !composed.is_empty() && depth == 0 {
            write_time(out, composed, c, secs, micros, 1);
            continue;
        }
        // Writing to a String cannot fail.
        let _ = match conversion {
            Some('Y') => write!(out, "{}", c.year),
            Some('C') => write!(out, "{:02}", c.year.div_euclid(100)),
            Some('y') => write!(out, "{:02}", c.year.rem_euclid(100)),
            Some('m') => write!(out, "{:02}", c.month),
            Some('d') => write!(out, "{:02}", c.day),
            Some('e') => write!(out, "{:2}", c.day),
            Some('j') => write!(out, "{:03}", c.yearday + 1),
            Some('H') => write!(out, "{:02}", c.hour),
            Some('k') => write!(out, "{:2}", c.hour),
            Some('I') => write!(out, "{hour12:02}"),
            Some('l') => write!(out, "{hour12:2}"),
            Some('M') => write!(out, "{:02}", c.minute),
            Some('S') => write!(out, "{:02}", c.second),
            Some('q') => write!(out, "{}", &format!("{micros:06}")[..places]),
            Some('p') => write!(out, "{}", if c.hour < 12 { "AM" } else { "PM" }),
            Some('P') => write!(out, "{}", if c.hour < 12 { "am" } else { "pm" }),
            Some('a') => write!(out, "{}", &weekday[..3]),
            Some('A') => write!(out, "{weekday}"),
            Some('b' | 'h') => write!(out, "{}", &month[..3]),
            Some('B') => write!(out, "{month}"),
            Some('u') => write!(out, "{}", (c.weekday + 6) % 7 + 1),
            Some('w') => write!(out, "{}", c.weekday),
            Some('U') => write!(out, "{:02}", (c.yearday + 7 - c.weekday) / 7),
            Some('W') => write!(out, "{:02}", (c.yearday + 7 - (c.weekday + 6) % 7) / 7),
            Some('V') => write!(out, "{:02}", iso_week(c).1),
            Some('G') => write!(out, "{}", iso_week(c).0),
            Some('g') => write!(out, "{:02}", iso_week(c).0.rem_euclid(100)),
            Some('s') => write!(out, "{secs}"),
            Some('Z') => write!(out, "{}", c.zone),
            Some('z') => {
                let sign = if c.offset_secs < 0 { '-' } else { '+' };
                let minutes = c.offset_secs.unsigned_abs() / 60;
                write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
            }
            Some('n') => writeln!(out),
            Some('t') => write!(out, "\t"),
            Some(other) => write!(out, "{other}"),
            None => Ok(()),
        };
    }
}

/// Conversions that stand for a row of others.
fn composed(conversion: Option<char>) -> &'static str {
    match conversion {
        Some('D' | 'x') => "%m/%d/%y",
        Some('F') => "%Y-%m-%d",
        Some('T' | 'X') => "%H:%M:%S",
        Some('R') => "%H:%M",
        Some('r') => "%I:%M:%S %p",
        Some('c') => "%a %b %e %H:%M:%S %Y",
        Some('+') => "%a %b %e %H:%M:%S %Z %Y",
        Some('v') => "%e-%b-%Y",
        _ => "",
    }
}

/// Year and week of ISO 8601: the week belongs to the year its Thursday is in.
fn iso_week(c: &Civil) -> (i64, i64) {
    let day = days_from_civil(c.year, c.month, c.day);
    let thursday = day - i64::from((c.weekday + 6) % 7) + 3;
    let mut year = c.year;
    if thursday < days_from_civil(year, 1, 1) {
        year -= 1;
    } else if thursday >= days_from_civil(year + 1, 1, 1) {
        year += 1;
    }
    (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
}

/// `STRPTIME(text,zone,format)`: seconds since 1970.
pub(super) fn parse_time(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split_raw(arguments, ',', 3);
    if parts.len() < 3 || parts[2].is_empty() {
        return Err("the form is STRPTIME(text,zone,format)".into());
    }
    let zone = &parts[1];
    let mut reader =
        Reader { rest: &parts[0], year: 1970, month: 1, day: 1, clock: [0; 3], half: 0, epoch: None };
    reader
        .read(&parts[2], 0)
        .ok_or_else(|| format!("'{}' does not have the form '{}'", parts[0], parts[2]))?;
    if let Some(epoch) = reader.epoch {
        return Ok(epoch.to_string());
    }
    let [hour, minute, second] = reader.clock;
    let hour = if reader.half > 0 { hour % 12 + 12 * (reader.half - 1) } else { hour };
    let days = days_from_civil(reader.year, reader.month, reader.day);
    let local = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    // The offset at the result, found from the offset near it: right except inside the hour that is skipped or repeated.
    let offset = |at: i64| scope.plan.zones.civil(at, zone).map(|c| i64::from(c.offset_secs));
    let near = offset(local).ok_or_else(|| format!("there is no time zone '{zone}'"))?;
    Ok((local - offset(local - near).unwrap_or(near)).to_string())
}

struct Reader<'t> {
    rest: &'t str,
    year: i64,
    month: u32,
    day: u32,
    clock: [u32; 3],
    /// 1 for AM, 2 for PM, 0 for neither.
    half: u32,
    epoch: Option<i64>,
}

impl Reader<'_> {
    fn read(&mut self, format: &str, depth: u8) -> Option<()> {
        let mut chars = format.chars();
        while let Some(letter) = chars.next() {
            if letter.is_whitespace() {
                self.rest = self.rest.trim_start();
                continue;
            }
            if letter != '%' {
                self.rest = self.rest.strip_prefix(letter)?;
                continue;
            }
            match chars.next()? {
                'Y' => self.year = i64::from(self.number(4, 9999)?),
                'y' => {
                    let year = i64::from(self.number(2, 99)?);
                    self.year = if year < 69 { 2000 + year } else { 1900 + year };
                }
                'm' => self.month = self.number(2, 12).filter(|m| *m > 0)?,
                'd' | 'e' => self.day = self.number(2, 31).filter(|d| *d > 0)?,
                'H' | 'k' | 'I' | 'l' => self.clock[0] = self.number(2, 23)?,
                'M' => self.clock[1] = self.number(2, 59)?,
                'S' => self.clock[2] = self.number(2, 60)?,
                's' => self.epoch = Some(i64::from(self.number(10, u32::MAX)?)),
                'p' => self.half = self.name(&["am", "pm"], 2)? + 1,
                'b' | 'B' | 'h' => self.month = self.name(&MONTHS, 3)? + 1,
                'a' | 'A' => {
                    self.name(&WEEKDAYS, 3)?;
                }
                'T' if depth == 0 => self.read("%H:%M:%S", 1)?,
                'R' if depth == 0 => self.read("%H:%M", 1)?,
                'D' if depth == 0 => self.read("%m/%d/%y", 1)?,
                'F' if depth == 0 => self.read("%Y-%m-%d", 1)?,
                '%' => self.rest = self.rest.strip_prefix('%')?,
                _ => return None,
            }
        }
        Some(())
    }

    fn number(&mut self, most_digits: usize, most: u32) -> Option<u32> {
        self.rest = self.rest.trim_start();
        let end = self.rest.bytes().take(most_digits).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().ok().filter(|n| *n <= most)
    }

    /// A name in full or by its first letters; its place.
    fn name(&mut self, names: &[&str], short: usize) -> Option<u32> {
        let begins =
            |name: &str| self.rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name));
        let full = names.iter().position(|name| begins(name)).map(|at| (at, names[at].len()));
        let found =
            full.or_else(|| names.iter().position(|name| begins(&name[..short])).map(|at| (at, short)));
        let (at, used) = found?;
        self.rest = &self.rest[used..];
        u32::try_from(at).ok()
    }
}

/// `TIMEOUT(absolute|digit|response)`
pub(super) fn timeout(scope: &mut Scope<'_>, which: &str) -> Answer {
    let timeouts = scope.memory.timeouts;
    let secs = match which.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b'a') => match timeouts.absolute {
            Some(at) => at.since(scope.now.at),
            None => return Ok("0".into()),
        },
        Some(b'd') => timeouts.digit,
        Some(b'r') => timeouts.response,
        _ => return Err(format!("'{which}' is no timeout; absolute, digit and response are")),
    };
    Ok(format!("{:.3}", secs.as_secs_f64()))
}

pub(super) fn set_timeout(scope: &mut Scope<'_>, which: &str, value: &str) -> Result<(), String> {
    let secs: f64 = value.trim().parse().map_err(|_| format!("'{value}' is no number of seconds"))?;
    let wait = Duration::try_from_secs_f64(secs.clamp(0.0, 1e9)).map_err(|why| why.to_string())?;
    let timeouts = &mut scope.memory.timeouts;
    match which.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b'a') => timeouts.absolute = (!wait.is_zero()).then_some(scope.now.at + wait),
        Some(b'd') => timeouts.digit = wait,
        Some(b'r') => timeouts.response = wait,
        _ => return Err(format!("'{which}' is no timeout; absolute, digit and response are")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::zone::Zone;
    use super::super::tests::Bench;
    use std::sync::Arc;

    fn bench() -> Bench {
        let mut bench = Bench::new(&[]);
        let zones = Arc::make_mut(&mut bench.plan.zones);
        zones
            .named
            .insert("Europe/Berlin".into(), Zone::from_rule("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule"));
        bench
    }

    #[test]
    fn times_are_written_as_strftime_does() {
        bench().check(&[
            ("${STRFTIME()}", "Mon Feb  2 10:00:00 2026"),
            ("${STRFTIME(,,%Y-%m-%d %H:%M:%S %Z %z)}", "2026-02-02 10:00:00 UTC +0000"),
            ("${STRFTIME(,Europe/Berlin,%H:%M %Z %z)}", "11:00 CET +0100"),
            ("${STRFTIME(0,,%F %T|%D|%R|%r)}", "1970-01-01 00:00:00|01/01/70|00:00|12:00:00 AM"),
            (
                "${STRFTIME(1709210096.25,,%A %a %B %b %e %j %I %l %p %P)}",
                "Thursday Thu February Feb 29 060 12 12 PM pm",
            ),
            (
                "${STRFTIME(1709210096.25,,%u %w %U %W %V %G %g %C %y %s %q %2q %%)}",
                "4 4 08 09 09 2024 24 20 24 1709210096 250 25 %",
            ),
            ("${STRFTIME(1767225600,,%G-%V)}", "2026-01"),
            ("${STRFTIME(1798761599,,%G-%V)}", "2026-53"),
        ]);
        bench().check_faulty(&[("${STRFTIME(x)}", ""), ("${STRFTIME(,Mars/Base,%H)}", "")]);
        let _ = bench().expand("${STRFTIME(1e300)}${STRFTIME(-1e300)}${STRFTIME(nan)}");
    }

    #[test]
    fn times_are_read_back() {
        bench().check(&[
            ("${STRPTIME(2024-02-29 12:34:56,,%Y-%m-%d %H:%M:%S)}", "1709210096"),
            ("${STRPTIME(2024-07-01 12:00,Europe/Berlin,%F %R)}", "1719828000"),
            ("${STRPTIME(Feb 2 2026 10:00 PM,,%b %d %Y %I:%M %p)}", "1770069600"),
            ("${STRPTIME(Monday February 2 2026,,%A %B %e %Y)}", "1769990400"),
            ("${STRPTIME(86400,,%s)}", "86400"),
        ]);
        bench().check_faulty(&[
            ("${STRPTIME(x,,%Y)}", ""),
            ("${STRPTIME(1,,%Q)}", ""),
            ("${STRPTIME(1)}", ""),
        ]);
    }

    #[test]
    fn timeouts_have_their_defaults_and_absolute_counts_down() {
        let mut bench = bench();
        bench.check(&[("${TIMEOUT(digit)} ${TIMEOUT(response)} ${TIMEOUT(absolute)}", "5.000 10.000 0")]);
        bench.scope().assign("TIMEOUT(absolute)", "60");
        bench.scope().assign("TIMEOUT(digit)", "1.5");
        bench.now = bench.now.later(std::time::Duration::from_secs(20));
        bench.check(&[("${TIMEOUT(absolute)} ${TIMEOUT(digit)}", "40.000 1.500")]);
        bench.scope().assign("TIMEOUT(absolute)", "0");
        bench.check(&[("${TIMEOUT(absolute)}", "0")]);
        bench.check_faulty(&[("${TIMEOUT(total)}", "")]);
    }
}
