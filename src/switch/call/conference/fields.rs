//! `CONFBRIDGE()`, `CONFBRIDGE_INFO()`, `CONFBRIDGE_CHANNELS()`.

use super::super::functions::{Answer, failed};
use super::super::host::ChannelHost;
use super::{Attending, Wishes};
use crate::config::services::{BridgeProfile, DEFAULT_BRIDGE, DEFAULT_USER, Menu, UserProfile};
use crate::dialplan::host::Unavailable;

impl ChannelHost<'_> {
    /// `None` when it is none of these functions.
    pub(in super::super) fn read_conference(&self, function: &str, arguments: &str) -> Option<Answer> {
        let (what, name) = arguments.split_once(',').unwrap_or((arguments, ""));
        let (what, name) = (what.trim(), name.trim());
        Some(match function {
            "CONFBRIDGE_INFO" => self.conference_info(what, name),
            "CONFBRIDGE_CHANNELS" => {
                let count = |attending: &Attending| match what {
                    "parties" => Some(true),
                    "admins" => Some(attending.user.admin),
                    "marked" => Some(attending.user.marked),
                    "active" => Some(attending.seated.is_some()),
                    "waiting" => Some(attending.seated.is_none()),
                    _ => None,
                };
                let mut names = Vec::new();
                for (channel, attending) in self.switch.members(name) {
                    match count(attending) {
                        Some(true) => names.push(&*channel.name),
                        Some(false) => {}
                        None => {
                            let why = "parties, admins, marked, active or waiting are asked for";
                            return Some(Err(failed(format!("'{what}': {why}"))));
                        }
                    }
                }
                Ok(names.join(","))
            }
            _ => return None,
        })
    }

    fn conference_info(&self, what: &str, name: &str) -> Answer {
        let conference = self.switch.calls.conferences.get(name);
        let flag = |on: Option<bool>| Ok(u8::from(on.unwrap_or(false)).to_string());
        let count = |wanted: fn(&Attending) -> bool| {
            Ok(self.switch.members(name).filter(|(_, attending)| wanted(attending)).count().to_string())
        };
        match what {
            "parties" => count(|_| true),
            "admins" => count(|attending| attending.user.admin),
            "marked" => count(|attending| attending.user.marked),
            "locked" => flag(conference.map(|conference| conference.locked)),
            "muted" => flag(conference.map(|conference| conference.muted)),
            other => {
                Err(failed(format!("'{other}': parties, admins, marked, locked or muted are asked for")))
            }
        }
    }

    /// `CONFBRIDGE(bridge|user|menu,option)=value`, `CONFBRIDGE(…,template)=name`, `CONFBRIDGE(…,clear)=`
    pub(in super::super) fn write_conference(
        &mut self,
        function: &str,
        arguments: &str,
        value: &str,
    ) -> Option<Result<(), Unavailable>> {
        (function == "CONFBRIDGE").then(|| self.wish(arguments, value))
    }

    fn wish(&mut self, arguments: &str, value: &str) -> Result<(), Unavailable> {
        let (kind, option) = arguments.split_once(',').unwrap_or((arguments, ""));
        let (kind, option) = (kind.trim(), option.trim());
        let known = self.switch.services.conferences.clone();
        let channel = self.channel_mut().ok_or_else(|| failed("the channel is gone"))?;
        let wishes: &mut Wishes = channel.wishes.get_or_insert_default();
        if kind == "clear" {
            *wishes = Wishes::default();
            return Ok(());
        }
        let none = |what: &str| failed(format!("there is no {what} '{value}'"));
        let set = match (kind, option) {
            ("bridge", "clear") => {
                wishes.bridge = None;
                Ok(())
            }
            ("user", "clear") => {
                wishes.user = None;
                Ok(())
            }
            ("menu", "clear") => {
                wishes.menu = None;
                Ok(())
            }
            ("bridge", "template") => {
                let found = known.bridges.get(value).ok_or_else(|| none("bridge profile"))?;
                wishes.bridge = Some((**found).clone());
                Ok(())
            }
            ("user", "template") => {
                let found = known.users.get(value).ok_or_else(|| none("user profile"))?;
                wishes.user = Some((**found).clone());
                Ok(())
            }
            ("menu", "template") => {
                let found = known.menus.get(value).ok_or_else(|| none("menu"))?;
                wishes.menu = Some((**found).clone());
                Ok(())
            }
            ("bridge", option) => {
                let default = || known.bridges.get(DEFAULT_BRIDGE).map(|default| (**default).clone());
                let bridge = wishes
                    .bridge
                    .get_or_insert_with(|| default().unwrap_or_else(|| BridgeProfile::named(DEFAULT_BRIDGE)));
                bridge.set(option, value)
            }
            ("user", option) => {
                let default = || known.users.get(DEFAULT_USER).map(|default| (**default).clone());
                let user = wishes
                    .user
                    .get_or_insert_with(|| default().unwrap_or_else(|| UserProfile::named(DEFAULT_USER)));
                user.set(option, value)
            }
            ("menu", digits) => {
                let menu = wishes
                    .menu
                    .get_or_insert_with(|| Menu { name: "dynamic".to_owned(), entries: Vec::new() });
                menu.set(digits, value)
            }
            (other, _) => return Err(failed(format!("'{other}' is neither bridge, user nor menu"))),
        };
        set.map_err(|why| failed(format!("{kind} option {option}: {why}")))
    }
}
