//! The states of devices and of the extensions that watch them.

/// The state of a device, in the order of `aggregate`'s ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceState {
    /// There is no such device.
    Invalid,
    /// Nothing is known.
    Unknown,
    /// Not registered.
    Unavailable,
    /// Idle.
    NotInUse,
    /// On hold.
    OnHold,
    /// Ringing.
    Ringing,
    /// In a call.
    InUse,
    /// In as many calls as it takes.
    Busy,
    /// In a call, and ringing.
    RingInUse,
}

impl DeviceState {
    /// From the word of `DEVICE_STATE()`; anything else is unknown.
    pub fn parse(word: &str) -> DeviceState {
        DeviceState::of(word).unwrap_or(DeviceState::Unknown)
    }

    /// From the word of `DEVICE_STATE()`, without regard to case; `None` for anything else.
    pub fn of(word: &str) -> Option<DeviceState> {
        use DeviceState::*;
        [Unknown, NotInUse, InUse, Busy, Invalid, Unavailable, Ringing, RingInUse, OnHold]
            .into_iter()
            .find(|state| state.word().eq_ignore_ascii_case(word))
    }

    /// The word of `DEVICE_STATE()` and `devstate list`.
    pub fn word(self) -> &'static str {
        match self {
            DeviceState::Unknown => "UNKNOWN",
            DeviceState::NotInUse => "NOT_INUSE",
            DeviceState::InUse => "INUSE",
            DeviceState::Busy => "BUSY",
            DeviceState::Invalid => "INVALID",
            DeviceState::Unavailable => "UNAVAILABLE",
            DeviceState::Ringing => "RINGING",
            DeviceState::RingInUse => "RINGINUSE",
            DeviceState::OnHold => "ONHOLD",
        }
    }

    /// As `pjsip show endpoints` says it.
    pub fn text(self) -> &'static str {
        match self {
            DeviceState::Unknown => "Unknown",
            DeviceState::NotInUse => "Not in use",
            DeviceState::InUse => "In use",
            DeviceState::Busy => "Busy",
            DeviceState::Invalid => "Invalid",
            DeviceState::Unavailable => "Unavailable",
            DeviceState::Ringing => "Ringing",
            DeviceState::RingInUse => "Ring+Inuse",
            DeviceState::OnHold => "On Hold",
        }
    }

    /// Several devices as one: ringing while another is in use is both; otherwise the highest rank.
    pub fn aggregate(states: impl IntoIterator<Item = DeviceState>) -> DeviceState {
        let (mut highest, mut ringing, mut used) = (DeviceState::Invalid, false, false);
        for state in states {
            highest = highest.max(state);
            ringing |= state == DeviceState::Ringing;
            used |= matches!(state, DeviceState::InUse | DeviceState::OnHold | DeviceState::Busy);
        }
        if ringing && used { DeviceState::RingInUse } else { highest }
    }

    /// What an extension is whose devices together are in this state.
    pub fn of_extension(self) -> ExtensionState {
        match self {
            DeviceState::OnHold => ExtensionState::OnHold,
            DeviceState::Busy => ExtensionState::Busy,
            DeviceState::Unknown | DeviceState::NotInUse => ExtensionState::NotInUse,
            DeviceState::Unavailable | DeviceState::Invalid => ExtensionState::Unavailable,
            DeviceState::RingInUse => ExtensionState::InUseRinging,
            DeviceState::Ringing => ExtensionState::Ringing,
            DeviceState::InUse => ExtensionState::InUse,
        }
    }
}

/// What a lamp shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtensionState {
    /// Nobody uses it.
    NotInUse,
    /// In a call.
    InUse,
    /// In as many calls as it takes.
    Busy,
    /// Nobody is there.
    Unavailable,
    /// It rings.
    Ringing,
    /// It rings, and is in a call.
    InUseRinging,
    /// Its call is on hold.
    OnHold,
}

impl ExtensionState {
    /// The word of `EXTENSION_STATE()`.
    pub fn word(self) -> &'static str {
        match self {
            ExtensionState::NotInUse => "NOT_INUSE",
            ExtensionState::InUse => "INUSE",
            ExtensionState::Busy => "BUSY",
            ExtensionState::Unavailable => "UNAVAILABLE",
            ExtensionState::Ringing => "RINGING",
            ExtensionState::InUseRinging => "RINGINUSE",
            ExtensionState::OnHold => "ONHOLD",
        }
    }

    /// As `core show hints` says it.
    pub fn text(self) -> &'static str {
        match self {
            ExtensionState::NotInUse => "Idle",
            ExtensionState::InUse => "InUse",
            ExtensionState::Busy => "Busy",
            ExtensionState::Unavailable => "Unavailable",
            ExtensionState::Ringing => "Ringing",
            ExtensionState::InUseRinging => "InUse&Ringing",
            ExtensionState::OnHold => "Hold",
        }
    }

    /// Asterisk's number, as AMI says it.
    pub fn number(self) -> i32 {
        match self {
            ExtensionState::NotInUse => 0,
            ExtensionState::InUse => 1,
            ExtensionState::Busy => 2,
            ExtensionState::Unavailable => 4,
            ExtensionState::Ringing => 8,
            ExtensionState::InUseRinging => 9,
            ExtensionState::OnHold => 16,
        }
    }

    /// Whether it rings, alone or beside a call.
    pub fn rings(self) -> bool {
        matches!(self, ExtensionState::Ringing | ExtensionState::InUseRinging)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        use DeviceState::*;
        for state in [Unknown, NotInUse, InUse, Busy, Invalid, Unavailable, Ringing, RingInUse, OnHold] {
            assert_eq!(DeviceState::of(&state.word().to_lowercase()), Some(state));
        }
        assert_eq!((DeviceState::of("x"), DeviceState::parse("x")), (None, Unknown));
        assert_eq!(DeviceState::aggregate([Busy, Ringing]).of_extension().number(), 9);
    }
}
