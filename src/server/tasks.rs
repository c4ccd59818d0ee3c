//! `pjsip show scheduled_tasks`: the switch's timers with the local clock.

use super::runtime::Server;
use super::zone;
use crate::admin;
use crate::admin::shape::Like;
use crate::admin::text::TaskView;
use crate::base::time::WallTime;
use crate::switch::view::{Command, Reply, TimerView};

impl Server {
    pub(super) async fn scheduled_tasks(&self, like: Option<&Like>) -> Reply {
        let replies = self.ask_at_once(vec![Command::Timers]).await;
        match replies.and_then(|mut replies| replies.pop()) {
            Some(Reply::Timers(all)) => {
                let all: Vec<TaskView> = all.iter().map(task).collect();
                Reply::Done(admin::text::scheduled_tasks(&all, like))
            }
            _ => Reply::Refused("The server is stopping.".into()),
        }
    }
}

fn task(timer: &TimerView) -> TaskView {
    TaskView {
        name: timer.name.clone(),
        interval_secs: timer.interval_secs,
        runs: timer.runs,
        running: timer.running,
        times: [
            clock(timer.set, zone::offset_secs(timer.set)),
            timer.last.map_or_else(|| "not yet run".to_owned(), |last| clock(last, zone::offset_secs(last))),
            clock(timer.next, zone::offset_secs(timer.next)),
        ],
        next_secs: timer.next_secs,
    }
}

/// `Fri 20:44:16`
fn clock(at: WallTime, offset_secs: i32) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let secs = at.secs().saturating_add_signed(i64::from(offset_secs));
    let (day, rest) = (secs / 86_400, secs % 86_400);
    let name = DAYS[usize::try_from(day % 7).unwrap_or(0)];
    format!("{name} {:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_weekday_and_clock_of_the_local_zone() {
        let at = WallTime::from_secs(1_795_207_456);
        assert_eq!(clock(at, 0), "Fri 20:44:16");
        assert_eq!(clock(at, 3_600 * 4), "Sat 00:44:16");
    }
}
