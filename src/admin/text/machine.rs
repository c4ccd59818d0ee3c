//! What the server itself knows: uptime, modules, settings, timers, connections.

use super::columns::{cell, left, right};
use crate::admin::shape::Like;

/// `core show uptime`, from seconds. `seconds` prints plain numbers (`core show uptime seconds`).
pub fn uptime(up_secs: u64, last_reload_secs: u64, seconds: bool) -> String {
    let words = |secs| if seconds { secs_only(secs) } else { duration_words(secs) };
    format!("System uptime: {}\nLast reload: {}\n", words(up_secs), words(last_reload_secs))
}

fn secs_only(secs: u64) -> String {
    secs.to_string()
}

/// `1 week, 2 days, 3 hours, 4 minutes, 5 seconds`; units that are zero are left out.
pub fn duration_words(secs: u64) -> String {
    const UNITS: [(u64, &str); 5] =
        [(31_536_000, "year"), (604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    let (mut rest, mut words) = (secs, Vec::new());
    let mut word = |count: u64, unit: &str| {
        let plural = if count == 1 { "" } else { "s" };
        words.push(format!("{count} {unit}{plural}"));
    };
    for (size, unit) in UNITS {
        if rest >= size {
            word(rest / size, unit);
            rest %= size;
        }
    }
    if rest > 0 || secs == 0 {
        word(rest, "second");
    }
    words.join(", ")
}

/// What `core show settings` prints.
#[derive(Clone, Debug, Default)]
pub struct CoreSettings {
    /// Groups, each with its rows in order.
    pub groups: Vec<(String, Vec<(String, String)>)>,
}

/// `core show settings`: `PBX Core settings`, then the further groups under `* Name`.
pub fn core_settings(settings: &CoreSettings) -> String {
    let mut out = String::new();
    for (place, (group, rows)) in settings.groups.iter().enumerate() {
        match place {
            0 => out.push_str(&format!("\n{group}\n{}\n", "-".repeat(17))),
            _ => out.push_str(&format!("\n* {group}\n  -------------\n")),
        }
        for (name, value) in rows {
            out.push_str("  ");
            left(&mut out, &format!("{name}:"), 28);
            out.push(' ');
            left(&mut out, value, 0);
            out.push('\n');
        }
    }
    out.push('\n');
    out
}

/// A part of the server under the name of the Asterisk module that does the same.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// `res_pjsip.so`.
    pub name: &'static str,
    /// Asterisk's description.
    pub description: &'static str,
    /// Whether this version does what it does.
    pub running: bool,
}

/// `module show [like X]`. The count is of those that run. Use counts are not kept: a part of one program cannot be unloaded.
pub fn modules(all: &[Module], like: Option<&str>) -> String {
    let mut out = String::new();
    module_line(&mut out, "Module", "Description", "Use Count", "Status", "Support Level");
    let mut count = 0;
    for one in all {
        let wanted =
            like.is_none_or(|part| one.name.to_ascii_lowercase().contains(&part.to_ascii_lowercase()));
        if wanted {
            count += usize::from(one.running);
            let status = if one.running { "Running" } else { "Not Running" };
            module_line(&mut out, one.name, one.description, "0", status, "core");
        }
    }
    out.push_str(&format!("{count} modules loaded\n"));
    out
}

fn module_line(out: &mut String, name: &str, description: &str, uses: &str, status: &str, level: &str) {
    left(out, name, 30);
    out.push(' ');
    cell(out, description, 40);
    out.push(' ');
    left(out, uses, 10);
    out.push(' ');
    left(out, status, 11);
    out.push(' ');
    right(out, level, 13);
    out.push('\n');
}

/// A timer of `pjsip show scheduled_tasks`.
#[derive(Clone, Debug, Default)]
pub struct TaskView {
    /// Its name.
    pub name: String,
    /// Seconds between runs.
    pub interval_secs: u64,
    /// Runs so far; `None` for one that runs once.
    pub runs: Option<u64>,
    /// Whether it runs now.
    pub running: bool,
    /// Weekday and clock (`Fri 20:44:16`) of when it was set, last started, and will start next.
    pub times: [String; 3],
    /// Seconds until the next start.
    pub next_secs: u64,
}

/// `pjsip show scheduled_tasks`. The total is of all, matched or not, as Asterisk has it.
pub fn scheduled_tasks(all: &[TaskView], like: Option<&Like>) -> String {
    let mut out = String::from("PJSIP Scheduled Tasks:\n\n");
    out.push_str("<Task Name....................................> <Interval> <Times Run> <State>  ");
    out.push_str("<Queued....>  <Last Start>  <Next Start.....secs>\n");
    out.push_str(&"=".repeat(129));
    out.push('\n');
    for one in all.iter().filter(|one| like.is_none_or(|like| like.holds(&one.name))) {
        cell(&mut out, &one.name, 46);
        out.push_str(&format!("   {:9}   ", one.interval_secs));
        right(&mut out, &one.runs.map_or("oneshot".to_owned(), |runs| runs.to_string()), 9);
        out.push_str(if one.running { "   run  " } else { "   wait " });
        for time in &one.times {
            out.push_str("  ");
            cell(&mut out, time, 12);
        }
        out.push_str(&format!(" {:8}\n", one.next_secs));
    }
    out.push_str(&format!("\nTotal Scheduled Tasks: {}\n\n", all.len()));
    out
}

/// A connection of `pjsip show transport-monitors`.
#[derive(Clone, Debug, Default)]
pub struct MonitorView {
    /// The peer's address.
    pub remote: String,
    /// `ACTIVE`, `SHUTDOWN`, `DESTROYING`.
    pub state: &'static str,
    /// Whether we opened it.
    pub outgoing: bool,
    /// Uses of it: transactions and dialogs.
    pub references: usize,
    /// Contacts bound to it.
    pub monitors: usize,
    /// Its name in the log.
    pub object: String,
}

/// `pjsip show transport-monitors`.
pub fn transport_monitors(all: &[MonitorView], like: Option<&Like>) -> String {
    let mut out = String::from("PJSIP Transport Monitors:\n\n");
    out.push_str("<Remote Host...................................> <State.....> <Direction> ");
    out.push_str("<RefCnt> <Monitors> <ObjName............>\n");
    for one in all.iter().filter(|one| like.is_none_or(|like| like.holds(&one.remote))) {
        out.push(' ');
        cell(&mut out, &one.remote, 46);
        out.push_str("   ");
        left(&mut out, one.state, 10);
        out.push_str("   ");
        left(&mut out, if one.outgoing { "Outgoing" } else { "Incoming" }, 9);
        out.push_str(&format!("   {:6}   {:8}   ", one.references, one.monitors));
        left(&mut out, &one.object, 0);
        out.push('\n');
    }
    out.push_str(&format!("\nTotal Transport Monitors: {}\n\n", all.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_is_said_in_words() {
        assert_eq!(uptime(12, 0, false), "System uptime: 12 seconds\nLast reload: 0 seconds\n");
        assert_eq!(duration_words(694_861), "1 week, 1 day, 1 hour, 1 minute, 1 second");
        assert_eq!(duration_words(31_536_000 + 120), "1 year, 2 minutes");
        assert_eq!(uptime(90, 90, true), "System uptime: 90\nLast reload: 90\n");
    }
}
