//! What an administrator orders and sees of outbound registrations, and how they go with the server.

use super::registrations::{Registrations, Trunk};
use super::request::Purpose;
use super::words;
use crate::base::limits;
use crate::base::time::{Moment, Now, WallTime};
use crate::config::Object;
use crate::outbound::registration::{Registration, Settings, Status, Step};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::{RegistrationView, Reply, TimerView};
use std::time::Duration;

impl Registrations {
    /// Those that wait for their next REGISTER, for `pjsip show scheduled_tasks`.
    pub(super) fn timers(&self, now: Now, wall: impl Fn(Moment) -> WallTime) -> Vec<TimerView> {
        let trunks = self.current.values().filter_map(|number| self.all.get(number));
        let timer = |trunk: &Trunk| {
            let next = trunk.machine.next_deadline();
            let asked = trunk.machine.asked_at();
            let running = trunk.machine.asking().is_some();
            (running || next.is_some()).then(|| TimerView {
                name: format!("pjsip/registration/{}", trunk.config.name),
                interval_secs: 0,
                runs: None,
                running,
                set: wall(asked.unwrap_or(now.at)),
                last: asked.map(&wall),
                next: wall(next.unwrap_or(now.at)),
                next_secs: next.map_or(0, |next| next.since(now.at).as_secs()),
            })
        };
        trunks.filter_map(timer).collect()
    }
}

impl Switch {
    /// The server is about to end, or is not any more.
    pub(in crate::switch) fn drain(&mut self, now: Now, on: bool, out: &mut Actions) {
        let before = std::mem::replace(&mut self.draining, on);
        if before == on {
            return;
        }
        self.drain_publishers(now, on, out);
        let numbers: Vec<u64> = self.trunks.registrations.current.values().copied().collect();
        if on {
            let until = now.at + Duration::from_secs(limits::LEAVE_SECS);
            self.trunks.registrations.leaving_until = Some(until);
        } else {
            self.trunks.registrations.leaving_until = None;
        }
        for number in numbers {
            let Some(trunk) = self.trunks.registrations.all.get_mut(&number) else { continue };
            let step = if on {
                // It stays in the table: the end may be called off.
                Step { over: false, ..trunk.machine.end(now.at) }
            } else {
                trunk.machine = Registration::new(now.at, Settings::from(&*trunk.config), &mut self.rng);
                Step::default()
            };
            if !on {
                self.forget_sending(&Purpose::Registration(number));
            }
            self.follow(now, number, step, out);
        }
    }

    /// Nobody is waited for any longer.
    pub(super) fn stop_leaving(&mut self) {
        let numbers: Vec<u64> = self.trunks.registrations.all.keys().copied().collect();
        for number in numbers {
            self.forget_sending(&Purpose::Registration(number));
            if let Some(trunk) = self.trunks.registrations.all.get_mut(&number) {
                trunk.machine = Registration::new(self.now.at, Settings::from(&*trunk.config), &mut self.rng);
            }
            self.trunks.registrations.set_timer(number);
        }
    }

    /// `pjsip send register`, `pjsip send unregister`.
    pub(in crate::switch) fn order_registration(
        &mut self,
        now: Now,
        name: &str,
        on: bool,
        out: &mut Actions,
    ) -> Reply {
        let verb = if on { "Register" } else { "Unregister" };
        let registrations = &self.trunks.registrations;
        let numbers: Vec<u64> = match name {
            "*all" => registrations.current.values().copied().collect(),
            name => registrations.named(name).into_iter().collect(),
        };
        if numbers.is_empty() && name != "*all" {
            return Reply::Refused(format!("Unable to retrieve registration {name}"));
        }
        if self.draining {
            return Reply::Refused("The server is stopping: nothing is registered any more.".into());
        }
        for number in &numbers {
            let Some(trunk) = self.trunks.registrations.all.get_mut(number) else { continue };
            let step =
                if on { trunk.machine.restart(now.at, &mut self.rng) } else { trunk.machine.stop(now.at) };
            self.follow(now, *number, step, out);
        }
        Reply::Done(match name {
            "*all" => format!("{verb} all queued ({} registrations)", numbers.len()),
            name => format!("{verb} queued for registration {name}"),
        })
    }

    /// As they are shown.
    pub(in crate::switch) fn registration_views(
        &self,
        now: Now,
        name: Option<&str>,
    ) -> Vec<RegistrationView> {
        let registrations = &self.trunks.registrations;
        let wanted = registrations.current.iter().filter(|(own, _)| name.is_none_or(|name| ***own == *name));
        let trunks = wanted.filter_map(|(_, number)| registrations.all.get(number));
        let view = |trunk: &Trunk| RegistrationView {
            name: trunk.config.name.clone(),
            server_uri: trunk.config.server_uri.to_string(),
            auth: trunk.config.outbound_auth.first().cloned(),
            status: if trunk.machine.has_lapsed(now.at) {
                Status::Unregistered.word()
            } else {
                trunk.machine.status().word()
            },
            next_secs: Some(trunk.machine.next_secs(now.at)),
            why: words::why(trunk, now.at, &self.directory.objects.sources),
            options: if name.is_some() { trunk.config.options() } else { Vec::new() },
        };
        trunks.map(view).collect()
    }
}
