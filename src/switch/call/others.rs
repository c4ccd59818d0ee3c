//! Functions about other channels: `MASTER_CHANNEL`, `IMPORT`, `SHARED`, and groups of channels (`GROUP …`).

use super::channel::{Channel, ChannelId};
use super::functions::{Answer, failed};
use super::host::ChannelHost;
use crate::base::limits::CHANNEL_GROUPS;
use crate::dialplan::host::Unavailable;
use crate::switch::Switch;

/// The category of a group that names none.
const DEFAULT_CATEGORY: &str = "";

/// `group[@category]`
fn group_of(text: &str) -> (&str, &str) {
    let (group, category) = text.split_once('@').unwrap_or((text, DEFAULT_CATEGORY));
    (group.trim(), category.trim())
}

impl ChannelHost<'_> {
    /// `None` when it is none of these functions.
    pub(super) fn read_others(&self, function: &str, arguments: &str) -> Option<Answer> {
        Some(match function {
            "MASTER_CHANNEL" => Ok(self.variable_of(self.master(), arguments)),
            "IMPORT" => match arguments.split_once(',') {
                Some((channel, name)) => {
                    Ok(self.variable_of(self.switch.channel_named(channel.trim()), name))
                }
                None => Err(failed("the form is IMPORT(channel,variable)")),
            },
            "SHARED" => {
                let (name, of) = self.shared_of(arguments)?;
                let channel = self.switch.calls.channels.get(&of);
                let found = channel.and_then(|c| c.shared.iter().find(|(known, _)| known == name));
                Ok(found.map(|(_, value)| value.clone()).unwrap_or_default())
            }
            "GROUP" => {
                let category = arguments.trim().trim_start_matches('@');
                let channel = self.channel()?;
                let found = channel.groups.iter().find(|(known, _)| known == category);
                Ok(found.map(|(_, group)| group.clone()).unwrap_or_default())
            }
            "GROUP_COUNT" => Ok(self.group_count(arguments).to_string()),
            "GROUP_MATCH_COUNT" => self.group_match_count(arguments),
            "GROUP_LIST" => {
                let named = |(category, group): &(String, String)| match category.is_empty() {
                    true => group.clone(),
                    false => format!("{group}@{category}"),
                };
                Ok(self.channel()?.groups.iter().map(named).collect::<Vec<_>>().join(" "))
            }
            _ => return None,
        })
    }

    /// `None` when it is none of these functions.
    pub(super) fn write_others(
        &mut self,
        function: &str,
        arguments: &str,
        value: &str,
    ) -> Option<Result<(), Unavailable>> {
        Some(match function {
            "MASTER_CHANNEL" => match self.master().and_then(|id| self.switch.calls.channels.get_mut(&id)) {
                Some(master) => {
                    master.set_variable(arguments.trim(), value).map_err(|full| failed(full.to_string()))
                }
                None => Err(failed("the first channel of the call is gone, or is this one")),
            },
            "SHARED" => match self.shared_of(arguments).map(|(name, id)| (name.to_owned(), id)) {
                Some((name, id)) => set_pair(self.switch, id, name, value, |channel| &mut channel.shared),
                None => Err(failed("the form is SHARED(variable[,channel])")),
            },
            "GROUP" => {
                let (category, id) = (arguments.trim().trim_start_matches('@').to_owned(), self.id);
                set_pair(self.switch, id, category, value, |channel| &mut channel.groups)
            }
            _ => return None,
        })
    }

    /// The first channel of the call, if it is another one.
    fn master(&self) -> Option<ChannelId> {
        let own = self.channel()?;
        let mut channels = self.switch.calls.channels.values();
        channels.find(|channel| channel.unique_id == own.linked_id && channel.id != self.id).map(|c| c.id)
    }

    fn variable_of(&self, channel: Option<ChannelId>, name: &str) -> String {
        let channel = channel.and_then(|id| self.switch.calls.channels.get(&id));
        channel.and_then(|c| c.variables().value(name.trim())).unwrap_or_default().to_owned()
    }

    /// `variable[,channel]`
    fn shared_of<'t>(&self, arguments: &'t str) -> Option<(&'t str, ChannelId)> {
        match arguments.split_once(',') {
            Some((name, channel)) => Some((name.trim(), self.switch.channel_named(channel.trim())?)),
            None => Some((arguments.trim(), self.id)),
        }
    }

    /// `GROUP_COUNT([group][@category])`: channels in a group, by default in this channel's.
    fn group_count(&self, arguments: &str) -> usize {
        let (group, category) = group_of(arguments);
        let own = self.channel().and_then(|c| c.groups.iter().find(|(known, _)| known == category));
        let group = match (group, own) {
            ("", Some((_, own))) => own.as_str(),
            ("", None) => return 0,
            (group, _) => group,
        };
        let is_in = |channel: &&Channel| channel.groups.iter().any(|(c, g)| c == category && g == group);
        self.switch.calls.channels.values().filter(is_in).count()
    }

    /// `GROUP_MATCH_COUNT(regex[@category])`
    fn group_match_count(&self, arguments: &str) -> Answer {
        let (pattern, category) = group_of(arguments);
        let regex = regex::RegexBuilder::new(pattern).size_limit(crate::base::limits::REGEX_BYTES).build();
        let regex = regex.map_err(|fault| failed(fault.to_string()))?;
        let fits = |(c, g): &(String, String)| (category.is_empty() || c == category) && regex.is_match(g);
        let channels = self.switch.calls.channels.values().filter(|channel| channel.groups.iter().any(fits));
        Ok(channels.count().to_string())
    }
}

/// Sets one of a channel's named values; an empty one is removed.
fn set_pair(
    switch: &mut Switch,
    id: ChannelId,
    name: String,
    value: &str,
    of: impl Fn(&mut Channel) -> &mut Vec<(String, String)>,
) -> Result<(), Unavailable> {
    let channel = switch.calls.channels.get_mut(&id).ok_or_else(|| failed("the channel is gone"))?;
    let pairs = of(channel);
    pairs.retain(|(known, _)| *known != name);
    if pairs.len() >= CHANNEL_GROUPS {
        return Err(failed(format!("a channel has at most {CHANNEL_GROUPS} of them")));
    }
    if !value.is_empty() {
        pairs.push((name, value.to_owned()));
    }
    Ok(())
}
