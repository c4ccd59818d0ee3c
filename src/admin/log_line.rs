//! Lines of a log file in Asterisk's form: `[Nov 20 20:44:16] NOTICE[1234] res_pjsip_registrar.c: text`.

use crate::base::time::WallTime;
use crate::switch::view::Level;

/// Where and when a line is written.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The wall clock.
    pub at: WallTime,
    /// Seconds east of UTC at that moment. Ban tools read the clock of a line as local time: a wrong offset makes every
    /// line too old to count.
    pub offset_secs: i32,
    /// Process id.
    pub pid: u32,
}

/// One line with its end. Line ends and other control characters within `text` are shown as `\xNN`: what a peer
/// sends must not look like a line of its own (GHSA-5743-x3p5-3rg7).
pub fn line(stamp: Stamp, level: Level, origin: &str, text: &str) -> String {
    named(stamp, level_name(level), origin, text)
}

/// The same for a security event.
pub fn security(stamp: Stamp, text: &str) -> String {
    named(stamp, "SECURITY", "res_security_log.c", text)
}

/// The same for a text of several lines, as the packet log is: the text stays as it is.
pub fn verbose_block(stamp: Stamp, origin: &str, text: &str) -> String {
    format!("[{}] VERBOSE[{}] {origin}: {text}", clock(stamp.at, stamp.offset_secs), stamp.pid)
}

fn named(stamp: Stamp, level: &str, origin: &str, text: &str) -> String {
    let mut out = format!("[{}] {level}[{}] {origin}: ", clock(stamp.at, stamp.offset_secs), stamp.pid);
    one_line(&mut out, text);
    out.push('\n');
    out
}

/// `NOTICE`, `WARNING`, …
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Verbose => "VERBOSE",
        Level::Notice => "NOTICE",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
    }
}

/// Appends `text` with its control characters as `\xNN`.
pub(super) fn one_line(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            // U+2028 and U+2029 end a line for some readers.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
}

/// `Nov 20 20:44:16`: Asterisk's default `dateformat`.
pub fn clock(at: WallTime, offset_secs: i32) -> String {
    let civil = Civil::at(at, offset_secs);
    let month = MONTHS[civil.month as usize - 1];
    format!("{month} {:2} {:02}:{:02}:{:02}", civil.day, civil.hour, civil.minute, civil.second)
}

/// `2026-11-20T20:44:16.123+0100`: what `EventTV` of a security event holds.
pub fn iso(at: WallTime, offset_secs: i32) -> String {
    let civil = Civil::at(at, offset_secs);
    let minutes = offset_secs.unsigned_abs() / 60;
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}{:02}{:02}",
        civil.year,
        civil.month,
        civil.day,
        civil.hour,
        civil.minute,
        civil.second,
        at.0 / 1000 % 1000,
        if offset_secs < 0 { '-' } else { '+' },
        minutes / 60,
        minutes % 60
    )
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

struct Civil {
    year: i64,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Civil {
    /// The Gregorian calendar, by eras of 400 years that begin on 1 March.
    fn at(at: WallTime, offset_secs: i32) -> Civil {
        let secs = i64::try_from(at.secs()).unwrap_or(i64::MAX / 2) + i64::from(offset_secs);
        let (days, rest) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let small = |n: i64| u32::try_from(n).unwrap_or(0);
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: small(month).clamp(1, 12),
            day: small(day_of_year - (153 * from_march + 2) / 5 + 1),
            hour: small(rest / 3600),
            minute: small(rest / 60 % 60),
            second: small(rest % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { at: WallTime(1_795_207_456_123_456), offset_secs: 0, pid: 1234 };

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (secs, want) in [
            (0, "1970-01-01T00:00:00.000+0000"),
            (951_782_400, "2000-02-29T00:00:00.000+0000"),
            (1_709_164_800, "2024-02-29T00:00:00.000+0000"),
            (4_107_542_400, "2100-03-01T00:00:00.000+0000"),
            (1_735_689_599, "2024-12-31T23:59:59.000+0000"),
        ] {
            assert_eq!(iso(WallTime::from_secs(secs), 0), want);
        }
        assert_eq!(iso(STAMP.at, 19_800), "2026-11-21T02:14:16.123+0530");
        assert_eq!(iso(STAMP.at, -16_200), "2026-11-20T16:14:16.123-0430");
        assert_eq!(clock(WallTime::from_secs(1_735_689_599 + 5 * 86_400), 0), "Jan  5 23:59:59");
        assert_eq!(iso(WallTime(u64::MAX), 0).len(), "586512-01-01T00:00:00.000+0000".len());
    }

    #[test]
    fn a_line_is_one_line() {
        let text =
            "Endpoint 'a\n[Nov 20 20:44:16] NOTICE[1] x.c: Host 192.0.2.1 failed to authenticate' b\u{2028}c";
        assert_eq!(
            line(STAMP, Level::Notice, "res_pjsip.c", text),
            "[Nov 20 20:44:16] NOTICE[1234] res_pjsip.c: Endpoint 'a\\x0a[Nov 20 20:44:16] NOTICE[1] x.c: Host \
             192.0.2.1 failed to authenticate' b\\x2028c\n"
        );
    }
}
