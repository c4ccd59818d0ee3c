//! `confbridge.conf`: what conferences are like (bridge profiles), what their parties may (user profiles), and what
//! parties do by digits (menus). `CONFBRIDGE()` changes the same options for one channel.

mod bridge;
mod menu;
mod user;

pub use bridge::BridgeProfile;
pub use menu::{Menu, MenuAction};
pub use user::UserProfile;

use crate::config::conf::Tree;
use crate::config::finding::Finding;
use crate::config::suggest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The bridge profile where none is named.
pub const DEFAULT_BRIDGE: &str = "default_bridge";
/// The user profile where none is named.
pub const DEFAULT_USER: &str = "default_user";
/// The menu where none is named, if there is one of that name.
pub const DEFAULT_MENU: &str = "default_menu";

/// Everything of `confbridge.conf`, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conferences {
    /// `type=bridge`
    pub bridges: BTreeMap<String, Arc<BridgeProfile>>,
    /// `type=user`
    pub users: BTreeMap<String, Arc<UserProfile>>,
    /// `type=menu`
    pub menus: BTreeMap<String, Arc<Menu>>,
}

impl Default for Conferences {
    fn default() -> Conferences {
        Conferences {
            bridges: BTreeMap::from([(
                DEFAULT_BRIDGE.to_owned(),
                Arc::new(BridgeProfile::named(DEFAULT_BRIDGE)),
            )]),
            users: BTreeMap::from([(DEFAULT_USER.to_owned(), Arc::new(UserProfile::named(DEFAULT_USER)))]),
            menus: BTreeMap::new(),
        }
    }
}

/// Why an option is not as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSet {
    /// There is none of that name; the nearest that there is.
    Unknown(Option<&'static str>),
    /// Asterisk has it, and this version does not obey it; what happens instead.
    Later(&'static str),
    /// It cannot have this value; what it can have.
    Value(String),
}

impl std::fmt::Display for NotSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotSet::Unknown(None) => f.write_str("there is no such option"),
            NotSet::Unknown(Some(near)) => write!(f, "there is no such option (nearest: {near})"),
            NotSet::Later(instead) => write!(f, "not obeyed by this version: {instead}"),
            NotSet::Value(why) => f.write_str(why),
        }
    }
}

pub(super) fn unknown(name: &str, known: &[&'static str]) -> NotSet {
    NotSet::Unknown(suggest::nearest(name, known.iter().copied()))
}

pub(super) fn truth(text: &str) -> Result<bool, NotSet> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" | "y" | "t" | "1" | "on" => Ok(true),
        "no" | "false" | "n" | "f" | "0" | "off" => Ok(false),
        other => Err(NotSet::Value(format!("'{other}' is neither yes nor no"))),
    }
}

pub(super) fn number(text: &str) -> Result<u32, NotSet> {
    text.trim().parse().map_err(|_| NotSet::Value(format!("'{text}' is no number")))
}

pub(super) fn read(tree: &Tree, all: &mut Conferences, findings: &mut Vec<Finding>) {
    for section in tree.sections().filter(|s| !s.is_template() && s.name() != "general") {
        let name = section.name();
        let kind = section.entries().filter(|entry| entry.name == "type").last();
        let mut bridge = BridgeProfile::named(name);
        let mut user = UserProfile::named(name);
        let mut menu = Menu { name: name.to_owned(), entries: Vec::new() };
        let kind_word = kind.as_ref().map_or("", |entry| entry.value);
        for entry in section.entries().filter(|entry| entry.name != "type") {
            let set = match kind_word {
                "bridge" => match entry.name {
                    "template" => match all.bridges.get(entry.value) {
                        Some(other) => {
                            bridge.clone_from(other);
                            bridge.name = name.to_owned();
                            Ok(())
                        }
                        None => Err(NotSet::Value(format!("there is no bridge profile '{}'", entry.value))),
                    },
                    option => bridge.set(option, entry.value),
                },
                "user" => match entry.name {
                    "template" => match all.users.get(entry.value) {
                        Some(other) => {
                            user.clone_from(other);
                            user.name = name.to_owned();
                            Ok(())
                        }
                        None => Err(NotSet::Value(format!("there is no user profile '{}'", entry.value))),
                    },
                    option => user.set(option, entry.value),
                },
                "menu" => match (entry.name, all.menus.get(entry.value)) {
                    ("template", Some(other)) => {
                        menu.entries.extend(other.entries.iter().cloned());
                        Ok(())
                    }
                    ("template", None) => Err(NotSet::Value(format!("there is no menu '{}'", entry.value))),
                    (digits, _) => menu.set(digits, entry.value),
                },
                _ => Ok(()),
            };
            if let Err(why) = set {
                let message = format!("[{name}] {}: {why}", entry.name);
                findings.push(match why {
                    NotSet::Later(_) => Finding::note("later-option", entry.at, message),
                    NotSet::Unknown(_) => Finding::warning("unknown-option", entry.at, message),
                    NotSet::Value(_) => Finding::error("bad-value", entry.at, message),
                });
            }
        }
        match kind_word {
            "bridge" => drop(all.bridges.insert(name.to_owned(), Arc::new(bridge))),
            "user" => drop(all.users.insert(name.to_owned(), Arc::new(user))),
            "menu" => drop(all.menus.insert(name.to_owned(), Arc::new(menu))),
            _ => {
                let at = kind.map_or(section.at(), |entry| entry.at);
                let message = format!("[{name}]: type is bridge, user or menu; this section is left out");
                findings.push(Finding::error("bad-value", at, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Services;
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;

    fn read(text: &str) -> (Conferences, Vec<String>) {
        let files = MemoryFiles::new().with("confbridge.conf", text);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let all = Services::read(&files, &mut sources, &mut findings).conferences;
        (all, findings.iter().map(|finding| finding.text(&sources).to_string()).collect())
    }

    #[test]
    fn profiles_and_menus_are_read_and_what_is_wrong_is_said_with_its_place() {
        let (all, said) = read(
            "[general]\n[default_bridge]\ntype=bridge\nmax_members=3\nsound_join=beep\nvideo_mode=follow_talker\n\
             [staff]\ntype=user\nadmin=yes\npin=4711\ntimeout=60\ndenoise=yes\nadmn=yes\nmarked=perhaps\n\
             [boss]\ntype=user\ntemplate=staff\nmarked=yes\nquiet=on\n\
             [keys]\ntype=menu\n*=playback_and_continue(conf-usermenu)\n*1=toggle_mute\n2=dialplan_exec(sub,s,1),no_op\n\
             3=fly\n[odd]\ntype=room\n",
        );
        assert_eq!(
            (all.bridges["default_bridge"].max_members, all.bridges["default_bridge"].sound("join")),
            (3, "beep")
        );
        let boss = &all.users["boss"];
        assert!(boss.admin && boss.marked && boss.quiet && !boss.startmuted);
        assert_eq!((boss.name.as_str(), boss.pin.as_str(), boss.timeout_secs), ("boss", "4711", 60));
        let keys: Vec<&str> = all.menus["keys"].entries.iter().map(|(digits, _)| digits.as_str()).collect();
        assert_eq!(keys, ["*", "*1", "2"]);
        assert_eq!(all.menus["keys"].entries[2].1.len(), 2);
        assert_eq!(said.len(), 6, "{said:#?}");
        let places = ["confbridge.conf:6", ":12", ":13", ":14", ":25", ":27"];
        for (said, place) in said.iter().zip(places) {
            assert!(said.contains(place), "{said} at {place}");
        }
        assert!(said[2].contains("nearest: admin"), "{}", said[2]);
    }

    #[test]
    fn the_defaults_are_there_without_a_file() {
        let all = Services::default().conferences;
        assert!(all.bridges.contains_key(DEFAULT_BRIDGE) && all.users.contains_key(DEFAULT_USER));
        assert_eq!(all.bridges[DEFAULT_BRIDGE].sound("locked"), "conf-locked");
    }
}
