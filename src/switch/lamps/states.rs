//! States that are set rather than found out: `Custom:` devices and `CustomPresence:` providers.

use super::devices::{Kind, custom_presence, kind_of};
use crate::base::device::DeviceState;
use crate::base::ids::Name;
use crate::base::limits;
use crate::pubsub::{Kept, Presence};
use crate::switch::Switch;
use crate::switch::view::{Reply, StateView};

impl Switch {
    /// `devstate change`, `DEVICE_STATE(Custom:x)=…`.
    ///
    /// # Errors
    /// Why not, in words.
    pub(in crate::switch) fn set_custom_state(&mut self, device: &str, word: &str) -> Result<(), String> {
        let Some((Kind::Custom, name)) = kind_of(device) else {
            return Err(format!("'{device}' is no Custom: device; only those can be set"));
        };
        let state = DeviceState::of(word.trim()).ok_or_else(|| {
            format!(
                "'{word}' is none of UNKNOWN, NOT_INUSE, INUSE, BUSY, INVALID, UNAVAILABLE, RINGING, RINGINUSE, ONHOLD"
            )
        })?;
        let custom = &mut self.lamps.custom;
        if !custom.contains_key(name) && custom.len() >= limits::CUSTOM_STATES {
            return Err(format!("there are {} custom devices already", custom.len()));
        }
        custom.insert(name.into(), state);
        self.lamps.kept.push(Kept::Device { name: name.into(), state });
        self.lamps.touch(&format!("Custom:{name}"));
        Ok(())
    }

    /// `PRESENCE_STATE(CustomPresence:x)=state,subtype,message`, `presencestate change`.
    ///
    /// # Errors
    /// Why not, in words.
    pub(in crate::switch) fn set_presence(&mut self, provider: &str, text: &str) -> Result<(), String> {
        let name = custom_presence(provider)
            .ok_or_else(|| format!("'{provider}' is no CustomPresence: provider; only those can be set"))?;
        let presence = Presence::parse(text)?;
        let presences = &mut self.lamps.presences;
        if !presences.contains_key(name) && presences.len() >= limits::CUSTOM_STATES {
            return Err(format!("there are {} presence states already", presences.len()));
        }
        presences.insert(name.into(), presence.clone());
        self.lamps.kept.push(Kept::Presence { name: name.into(), presence: presence.clone() });
        let mut told = std::mem::take(&mut self.lamps.told);
        self.lamps.index.presence_changed(&format!("CustomPresence:{name}"), &presence, &mut told);
        self.lamps.told = told;
        Ok(())
    }

    /// `PRESENCE_STATE(CustomPresence:x,field)`
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(in crate::switch) fn presence_field(&self, arguments: &str) -> Result<String, String> {
        let (provider, field) = arguments.split_once(',').unwrap_or((arguments, "value"));
        let name =
            custom_presence(provider).ok_or_else(|| format!("there is no presence provider '{provider}'"))?;
        let field = field.split(',').next().unwrap_or_default().trim();
        let presence = self.lamps.presences.get(name).cloned().unwrap_or_default();
        let value = presence.field(field).map(str::to_owned);
        value.ok_or_else(|| format!("'{field}' is none of value, subtype, message"))
    }

    /// `devstate list`
    pub(in crate::switch) fn custom_states(&self) -> Vec<StateView> {
        let view = |(name, state): (&Name, &DeviceState)| StateView {
            name: format!("Custom:{name}"),
            state: state.word().to_owned(),
            ..StateView::default()
        };
        self.lamps.custom.iter().map(view).collect()
    }

    /// `presencestate list`
    pub(in crate::switch) fn presence_states(&self) -> Vec<StateView> {
        let view = |(name, presence): (&Name, &Presence)| StateView {
            name: format!("CustomPresence:{name}"),
            state: presence.state.word().to_owned(),
            subtype: presence.subtype.to_string(),
            message: presence.message.to_string(),
        };
        self.lamps.presences.iter().map(view).collect()
    }

    /// An order's answer: Asterisk's sentence, or why not.
    pub(in crate::switch) fn told_state(&self, what: &str, to: &str, done: Result<(), String>) -> Reply {
        match done {
            Ok(()) => Reply::Done(format!("Changing {what} to {}", to.trim())),
            Err(why) => Reply::Refused(why),
        }
    }
}
