//! Presence: what a person says of himself, beside what his devices do.

use crate::base::limits;

/// The words of `PRESENCE_STATE()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PresenceState {
    /// Nothing was said.
    #[default]
    NotSet,
    /// Not there.
    Unavailable,
    /// There.
    Available,
    /// Away.
    Away,
    /// Away for longer.
    ExtendedAway,
    /// Ready to talk.
    Chat,
    /// Not to be disturbed.
    DoNotDisturb,
}

impl PresenceState {
    /// From its word, without regard to case.
    pub fn of(word: &str) -> Option<PresenceState> {
        use PresenceState::*;
        [NotSet, Unavailable, Available, Away, ExtendedAway, Chat, DoNotDisturb]
            .into_iter()
            .find(|state| state.word().eq_ignore_ascii_case(word))
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            PresenceState::NotSet => "not_set",
            PresenceState::Unavailable => "unavailable",
            PresenceState::Available => "available",
            PresenceState::Away => "away",
            PresenceState::ExtendedAway => "xa",
            PresenceState::Chat => "chat",
            PresenceState::DoNotDisturb => "dnd",
        }
    }
}

/// A presence state with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// The state.
    pub state: PresenceState,
    /// What kind of it.
    pub subtype: Box<str>,
    /// A text for people.
    pub message: Box<str>,
}

impl Presence {
    /// From `state,subtype,message,options` of `PRESENCE_STATE(CustomPresence:x)=…` and `presencestate change`. Option
    /// `e`: subtype and message are Base64.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Presence, String> {
        let mut parts = text.splitn(4, ',');
        let word = parts.next().unwrap_or_default().trim();
        let state = PresenceState::of(word).ok_or_else(|| {
            format!("'{word}' is none of not_set, unavailable, available, away, xa, chat, dnd")
        })?;
        let (subtype, message) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let encoded = parts.next().is_some_and(|options| options.contains('e'));
        let text = |part: &str| -> Result<Box<str>, String> {
            let part = part.trim();
            if !encoded {
                return Ok(part.into());
            }
            let bytes = base64(part).ok_or_else(|| format!("'{part}' is no Base64"))?;
            String::from_utf8(bytes).map(Into::into).map_err(|_| "what Base64 holds is no text".to_owned())
        };
        let (subtype, message) = (text(subtype)?, text(message)?);
        let bytes = subtype.len().max(message.len());
        if bytes > limits::PRESENCE_TEXT_BYTES {
            return Err(format!("{bytes} bytes are too many; {} are allowed", limits::PRESENCE_TEXT_BYTES));
        }
        Ok(Presence { state, subtype, message })
    }

    /// A field of `PRESENCE_STATE(provider,field)`: `value`, `subtype` or `message`.
    pub fn field(&self, name: &str) -> Option<&str> {
        Some(match name {
            "" | "value" => self.state.word(),
            "subtype" => &self.subtype,
            "message" => &self.message,
            _ => return None,
        })
    }
}

/// Bytes of a Base64 text (RFC 4648 4); `None` when it is none.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let (mut bits, mut held, mut out) = (0u32, 0u32, Vec::with_capacity(text.len() * 3 / 4));
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_read_and_told() {
        let away = Presence::parse("away,lunch,back at one").expect("sound");
        assert_eq!((away.field("value"), away.field("message")), (Some("away"), Some("back at one")));
        let encoded = Presence::parse("DND,bHVuY2g=,aGk=,e").expect("sound");
        assert_eq!((&*encoded.subtype, &*encoded.message), ("lunch", "hi"));
        assert!(Presence::parse("gone").is_err() && Presence::parse("dnd,%,,e").is_err());
        assert_eq!(away.field("x"), None);
    }
}
