//! Times as they are written and said.

use crate::config::services::VoicemailZone;
use crate::dialplan::functions::strftime;
use crate::dialplan::sound::number_files;
use crate::dialplan::zone::{Civil, Zone, Zones, days_from_civil};
use std::time::UNIX_EPOCH;

/// Where the system keeps its zones.
const ZONES: &str = "/usr/share/zoneinfo";
/// Most zones that are kept.
const MOST_ZONES: usize = 1_000;
/// What is said where no zone says otherwise.
const USUAL: &str = "'vm-received' Q 'digits/at' IMp";

/// The zones that were used so far.
#[derive(Debug, Default)]
pub(super) struct Clock {
    zones: Option<Zones>,
}

impl Clock {
    fn civil(&mut self, secs: i64, zone: &str) -> Civil {
        let zones = self.zones.get_or_insert_with(|| {
            let local = std::fs::read("/etc/localtime").ok().and_then(|bytes| Zone::parse(&bytes));
            Zones { local: local.unwrap_or_default(), ..Zones::default() }
        });
        // The name comes from the configuration, not from a caller.
        if !zones.has(zone) && zones.named.len() < MOST_ZONES {
            let read = std::fs::read(std::path::Path::new(ZONES).join(zone)).ok();
            let read = read.and_then(|bytes| Zone::parse(&bytes));
            let read = read.unwrap_or_else(|| zones.local.clone());
            zones.named.insert(zone.to_owned(), read);
        }
        zones.civil(secs, zone).unwrap_or_else(|| zones.local.civil(secs))
    }

    /// As `strftime` writes it.
    pub fn date(&mut self, format: &str, secs: i64, zone: &str) -> String {
        let civil = self.civil(secs, zone);
        strftime(format, &civil, secs)
    }

    /// The files that say a time.
    pub fn said(&mut self, secs: i64, zone: Option<&VoicemailZone>) -> Vec<String> {
        let name = zone.map_or("", |zone| &zone.timezone);
        let format =
            zone.map(|zone| zone.format.as_str()).filter(|format| !format.is_empty()).unwrap_or(USUAL);
        let now = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let today = self.civil(i64::try_from(now).unwrap_or(secs), name);
        let civil = self.civil(secs, name);
        say(format, &civil, days(&today) - days(&civil))
    }
}

fn days(civil: &Civil) -> i64 {
    days_from_civil(civil.year, civil.month, civil.day)
}

/// Letters of a format become files; `ago` days lie between.
fn say(format: &str, at: &Civil, ago: i64) -> Vec<String> {
    let mut files = Vec::new();
    let mut rest = format.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\'' => files.push(rest.by_ref().take_while(|c| *c != '\'').collect()),
            'Q' => match ago {
                0 => files.push("digits/today".to_owned()),
                1 => files.push("digits/yesterday".to_owned()),
                _ => files.extend(say("ABdY", at, 0)),
            },
            'q' => match ago {
                0 => {}
                1 => files.push("digits/yesterday".to_owned()),
                2..7 => files.extend(say("A", at, 0)),
                _ => files.extend(say("ABdY", at, 0)),
            },
            'R' => files.extend(say("HM", at, 0)),
            'A' | 'a' => files.push(format!("digits/day-{}", at.weekday)),
            'B' | 'b' | 'h' => files.push(format!("digits/mon-{}", at.month - 1)),
            'm' => files.push(format!("digits/h-{}", at.month)),
            'd' | 'e' => files.extend(ordinal(at.day)),
            'Y' => files.extend(number_files(at.year)),
            'I' | 'l' => files.extend(number_files(i64::from((at.hour + 11) % 12 + 1))),
            'H' | 'k' => files.extend(number_files(i64::from(at.hour))),
            'M' => match at.minute {
                0 if rest.peek().is_some_and(|next| matches!(next, 'p' | 'P')) => {}
                0 => files.push("digits/oclock".to_owned()),
                minute @ 1..10 => files.extend(["digits/oh".to_owned(), format!("digits/{minute}")]),
                minute => files.extend(number_files(i64::from(minute))),
            },
            'S' => files.extend(number_files(i64::from(at.second))),
            'p' | 'P' => files.push(if at.hour < 12 { "digits/a-m" } else { "digits/p-m" }.to_owned()),
            _ => {}
        }
    }
    files
}

/// A day of the month.
fn ordinal(day: u32) -> Vec<String> {
    match day {
        0..=20 | 30 => vec![format!("digits/h-{day}")],
        _ => vec![format!("digits/{}", day / 10 * 10), format!("digits/h-{}", day % 10)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_by_the_files_of_the_sound_packages() {
        let mut clock = Clock::default();
        let at = clock.civil(1_795_298_700, "UTC");
        let heard = |format: &str, ago| say(format, &at, ago).join(" ").replace("digits/", "");
        assert_eq!(heard(USUAL, 0), "vm-received today at 10 oh 5 p-m");
        assert_eq!(heard("Q", 1), "yesterday");
        assert_eq!(heard("q R", 3), "day-6 20 2 oh 5");
        assert_eq!(heard("AdB", 9), "day-6 20 h-1 mon-10");
        assert_eq!(clock.date("%Y-%m-%d %H:%M", 1_795_298_700, "UTC"), "2026-11-21 22:05");
        assert_eq!(clock.date("%H", 1_795_298_700, "No/Such"), clock.date("%H", 1_795_298_700, ""));
    }
}
