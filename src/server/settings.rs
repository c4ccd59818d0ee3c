//! `core show settings`: what the process runs with.

use super::runtime::Server;
use crate::admin::log_line::iso;
use crate::admin::text::CoreSettings;
use crate::base::time::{Moment, Now};
use nix::sys::resource::{Resource, getrlimit};

impl Server {
    /// The values of this moment, in Asterisk's order where it has them.
    pub(super) fn core_settings(&self) -> CoreSettings {
        let row = |name: &str, value: String| (name.to_owned(), value);
        let current = self.in_force();
        let asterisk = &current.objects.asterisk;
        let (verbose, debug) = self.log.levels();
        let now = self.clock.now();
        let at = |moment| clock(now, moment);
        let system = nix::sys::utsname::uname().map_or_else(
            |_| "unknown".to_owned(),
            |name| {
                let part = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
                format!("{}/{} on {}", part(name.sysname()), part(name.release()), part(name.machine()))
            },
        );
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
        let core = vec![
            row("Version", format!("Jackfield {}", env!("CARGO_PKG_VERSION"))),
            row("Maximum open file handles", files.to_string()),
            row("Root console verbosity", verbose.to_string()),
            row("Debug level", debug.to_string()),
            row("Startup time", at(self.started)),
            row("Last reload time", at(current.at)),
            row("System", system),
            row("System name", asterisk.systemname.to_string()),
            row("User name and group", user_and_group()),
        ];
        let on = |yes: bool| if yes { "Enabled" } else { "Disabled" }.to_owned();
        let subsystems = vec![
            row("Manager (AMI)", on(false)),
            row("Call data records", on(false)),
            row("Realtime Architecture (ARA)", on(!self.realtime.status().is_empty())),
            row("Metrics", on(current.objects.jackfield.metrics)),
        ];
        let path = |path: &std::path::Path| path.display().to_string();
        let layout = &self.layout;
        let directories = vec![
            row("Configuration directory", path(&layout.config_dir)),
            row("Log directory", path(&layout.log_dir)),
            row("Run/Sockets directory", path(&layout.run_dir)),
            row("PID file", path(&layout.run_dir.join(super::lock::FILE))),
            row("Contacts directory", path(&layout.state_dir)),
        ];
        CoreSettings {
            groups: vec![
                ("PBX Core settings".to_owned(), core),
                ("Subsystems".to_owned(), subsystems),
                ("Directories".to_owned(), directories),
            ],
        }
    }
}

/// When that was, by the wall clock.
fn clock(now: Now, moment: Moment) -> String {
    let ago = u64::try_from(now.at.since(moment).as_micros()).unwrap_or(u64::MAX);
    let wall = crate::base::time::WallTime(now.wall.0.saturating_sub(ago));
    iso(wall, super::zone::offset_secs(wall))
}

fn user_and_group() -> String {
    use nix::unistd::{Gid, Group, Uid, User};
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let user = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let group = Group::from_gid(gid).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name);
    format!("{user}/{group}")
}
