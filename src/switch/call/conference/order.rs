//! `confbridge …` on the command line, and `ConfKick`.

use super::super::channel::ChannelId;
use crate::base::time::Now;
use crate::dialplan::Outcome;
use crate::dialplan::arguments::{nth, split};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::{ConferenceOrder, ConferencePartyView, ConferenceView, Reply};
use std::fmt::Write as _;

impl Switch {
    /// An order of an administrator about conferences.
    pub(in crate::switch) fn conference_order(
        &mut self,
        now: Now,
        order: ConferenceOrder,
        out: &mut Actions,
    ) -> Reply {
        let reply = match order {
            ConferenceOrder::List => Reply::Conferences(self.conference_views(now)),
            ConferenceOrder::Show { name } => {
                let mut views = self.conference_views(now);
                views.retain(|view| view.name == name);
                match views.is_empty() {
                    true => no_conference(&name),
                    false => Reply::Conferences(views),
                }
            }
            ConferenceOrder::Kick { name, who } => self.kick(now, &name, &who, out),
            ConferenceOrder::Mute { name, who, on } => self.mute_parties(&name, &who, on, out),
            ConferenceOrder::Lock { name, on } => match self.calls.conferences.get_mut(&name) {
                Some(conference) => {
                    conference.locked = on;
                    Reply::Done(format!("Conference {name} is {}.", if on { "locked" } else { "unlocked" }))
                }
                None => Reply::Refused(format!("Conference {name} is not found")),
            },
            ConferenceOrder::Record { name, file, on } => self.order_recording(&name, file, on, out),
            ConferenceOrder::Profiles { users } => self.list_profiles(users),
            ConferenceOrder::Profile { users, name } => self.show_profile(users, &name),
            ConferenceOrder::Menus => {
                let mut text = "--------- Menus -----------\n".to_owned();
                for name in self.services.conferences.menus.keys() {
                    let _ = writeln!(text, "{name}");
                }
                Reply::Done(text.trim_end().to_owned())
            }
            ConferenceOrder::Menu { name } => self.show_menu(&name),
        };
        self.settle(now, out);
        reply
    }

    /// All conferences, by name.
    pub(in crate::switch) fn conference_views(&self, now: Now) -> Vec<ConferenceView> {
        let all = self.calls.conferences.iter().map(|(name, conference)| ConferenceView {
            name: name.clone(),
            id: conference.unique_id.clone(),
            locked: conference.locked,
            muted: conference.muted,
            recorded: conference.recording.is_some(),
            duration_secs: now.at.since(conference.made.at).as_secs(),
            bridge_profile: conference.profile.name.clone(),
            parties: self
                .members(name)
                .map(|(channel, attending)| ConferencePartyView {
                    channel: channel.name.to_string(),
                    user_profile: attending.user.name.clone(),
                    menu: attending.menu.as_ref().map(|menu| menu.name.clone()).unwrap_or_default(),
                    caller: channel.caller.number.clone(),
                    admin: attending.user.admin,
                    marked: attending.user.marked,
                    wait_marked: attending.user.wait_marked,
                    end_marked: attending.user.end_marked,
                    muted: attending.muted || (conference.muted && !attending.user.admin),
                    waiting: attending.seated.is_none() && !attending.away,
                })
                .collect(),
        });
        all.collect()
    }

    /// Parties meant by a channel's name (or its beginning), `all`, or `participants`: those that are no administrators.
    fn meant(&self, name: &str, who: &str) -> Vec<ChannelId> {
        let named = |text: &str| text.get(..who.len()).is_some_and(|head| head.eq_ignore_ascii_case(who));
        let everybody = who.eq_ignore_ascii_case("all");
        let participants = who.eq_ignore_ascii_case("participants");
        let found = self.members(name).filter(|(channel, attending)| {
            everybody || (participants && !attending.user.admin) || (!participants && named(&channel.name))
        });
        let most = if everybody || participants { usize::MAX } else { 1 };
        found.map(|(channel, _)| channel.id).take(most).collect()
    }

    fn kick(&mut self, now: Now, name: &str, who: &str, out: &mut Actions) -> Reply {
        if !self.calls.conferences.contains_key(name) {
            return no_conference(name);
        }
        let meant = self.meant(name, who);
        if meant.is_empty() {
            return Reply::Refused(
                match who.eq_ignore_ascii_case("all") || who.eq_ignore_ascii_case("participants") {
                    true => "No participants found!".to_owned(),
                    false => format!("No participant named '{who}' found!"),
                },
            );
        }
        for id in meant {
            self.farewell(now, id, Some("kicked"), "KICKED", out);
        }
        Reply::Done(format!("Kicked '{who}' out of conference '{name}'"))
    }

    fn mute_parties(&mut self, name: &str, who: &str, on: bool, out: &mut Actions) -> Reply {
        if !self.calls.conferences.contains_key(name) {
            return no_conference(name);
        }
        let meant = self.meant(name, who);
        if meant.is_empty() {
            return Reply::Refused(
                match who.eq_ignore_ascii_case("all") || who.eq_ignore_ascii_case("participants") {
                    true => format!("No participants found in conference {name}"),
                    false => format!("No channel named '{who}' found in conference {name}"),
                },
            );
        }
        for id in meant {
            if let Some(attending) = self.attending_mut(id) {
                attending.muted = on;
            }
        }
        self.settle_conference(name, out);
        Reply::Done(format!("{} {who} from confbridge {name}", if on { "Muting" } else { "Unmuting" }))
    }

    fn order_recording(&mut self, name: &str, file: Option<String>, on: bool, out: &mut Actions) -> Reply {
        let Some(conference) = self.calls.conferences.get_mut(name) else {
            return Reply::Refused("Conference not found.".to_owned());
        };
        if !on {
            return match self.stop_recording(name, out) {
                true => Reply::Done("Recording stopped.".to_owned()),
                false => Reply::Refused("Recording could not be stopped.".to_owned()),
            };
        }
        if conference.recording.is_some() {
            return Reply::Refused("Conference is already being recorded.".to_owned());
        }
        conference.record = Some(file.unwrap_or_default());
        self.record_conference(name, out);
        Reply::Done("Recording started".to_owned())
    }

    fn list_profiles(&self, users: bool) -> Reply {
        let all = &self.services.conferences;
        let (title, names): (_, Vec<&String>) = match users {
            true => ("--------- User Profiles -----------", all.users.keys().collect()),
            false => ("--------- Bridge Profiles -----------", all.bridges.keys().collect()),
        };
        let mut text = title.to_owned();
        for name in names {
            let _ = write!(text, "\n{name}");
        }
        Reply::Done(text)
    }

    fn show_profile(&self, users: bool, name: &str) -> Reply {
        let all = &self.services.conferences;
        let shown = match users {
            true => all.users.get(name).map(|user| user.shown()),
            false => all.bridges.get(name).map(|bridge| bridge.shown()),
        };
        let Some(shown) = shown else {
            let kind = if users { "user" } else { "bridge" };
            return Reply::Refused(format!("No conference {kind} profile named '{name}' found!"));
        };
        let mut text = "--------------------------------------------".to_owned();
        for (option, value) in shown {
            let _ = write!(text, "\n{:<23}{value}", format!("{option}:"));
        }
        Reply::Done(text)
    }

    fn show_menu(&self, name: &str) -> Reply {
        let Some(menu) = self.services.conferences.menus.get(name) else {
            return Reply::Refused(format!("No conference menu named '{name}' found!"));
        };
        let mut text = format!("Name: {}", menu.name);
        for (digits, actions) in &menu.entries {
            let actions: Vec<String> = actions.iter().map(ToString::to_string).collect();
            let _ = write!(text, "\n{digits}={}", actions.join(", "));
        }
        Reply::Done(text)
    }

    /// `ConfKick(conference[,channel])`
    pub(in super::super) fn conf_kick(
        &mut self,
        now: Now,
        arguments: &str,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let parts = split(arguments, ',', 2);
        let who = match nth(&parts, 1).trim() {
            "" => "all",
            who => who,
        };
        let word = match self.kick(now, nth(&parts, 0).trim(), who, out) {
            Reply::Refused(_) => "FAILURE",
            _ => "SUCCESS",
        };
        Some(Outcome::Variables {
            set: vec![("CONFKICKSTATUS".to_owned(), word.to_owned())],
            then: Box::new(Outcome::Done),
        })
    }
}

fn no_conference(name: &str) -> Reply {
    Reply::Refused(format!("No conference bridge named '{name}' found!"))
}
