//! Mailboxes: how many messages wait in each.

use crate::base::ids::Name;
use crate::base::limits;
use std::collections::BTreeMap;

/// Messages of a mailbox, or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not yet heard.
    pub new: u32,
    /// Heard.
    pub old: u32,
}

impl Counts {
    /// Both together.
    pub fn and(self, other: Counts) -> Counts {
        Counts { new: self.new.saturating_add(other.new), old: self.old.saturating_add(other.old) }
    }

    /// From the body of a `message-summary` NOTIFY (RFC 3842 5.2): `Voice-Message: 2/8 (0/2)`. `Messages-Waiting: yes`
    /// alone is one new message. `None`: it is no such body.
    pub fn parse(body: &str) -> Option<Counts> {
        let mut waiting = None;
        for line in body.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            if name.trim().eq_ignore_ascii_case("Voice-Message") {
                let counts = value.split(['(', ' ']).next().unwrap_or_default();
                let (new, old) = counts.split_once('/')?;
                return Some(Counts { new: new.trim().parse().ok()?, old: old.trim().parse().ok()? });
            }
            if name.trim().eq_ignore_ascii_case("Messages-Waiting") {
                waiting = Some(value.eq_ignore_ascii_case("yes"));
            }
        }
        waiting.map(|waiting| Counts { new: u32::from(waiting), old: 0 })
    }
}

/// The mailboxes that are known of. Names are `box@context`.
#[derive(Debug, Default)]
pub struct Mailboxes {
    counts: BTreeMap<Name, Counts>,
}

impl Mailboxes {
    /// The counts of one; nothing is known of it: none wait.
    pub fn of(&self, name: &str) -> Counts {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// Several together.
    pub fn sum<'a>(&self, names: impl Iterator<Item = &'a Name>) -> Counts {
        names.fold(Counts::default(), |sum, name| sum.and(self.of(name)))
    }

    /// Sets one. Whether that is a change.
    ///
    /// # Errors
    /// As many as [`limits::MAILBOXES`] are known already.
    pub fn set(&mut self, name: &str, counts: Counts) -> Result<bool, Full> {
        if let Some(known) = self.counts.get_mut(name) {
            return Ok(std::mem::replace(known, counts) != counts);
        }
        if self.counts.len() >= limits::MAILBOXES {
            return Err(Full);
        }
        self.counts.insert(name.into(), counts);
        Ok(true)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, Counts)> {
        self.counts.iter().map(|(name, counts)| (name, *counts))
    }
}

/// There are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A mailbox as configured: without a context it is in `default`. App_voicemail wants `box@context`; without it no
/// update would arrive in Asterisk (S4-177).
pub fn full_name(name: &str) -> Name {
    if name.contains('@') { name.into() } else { format!("{name}@default").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_read() {
        let of = |new, old| Some(Counts { new, old });
        assert_eq!(
            Counts::parse(
                "Messages-Waiting: yes\r\nMessage-Account: sip:1@h\r\nVoice-Message: 2/8 (0/2)\r\n"
            ),
            of(2, 8)
        );
        assert_eq!(Counts::parse("messages-waiting: YES\r\n"), of(1, 0));
        assert_eq!(Counts::parse("Messages-Waiting: no"), of(0, 0));
        for broken in ["", "v=0", "Voice-Message: x/1", "Voice-Message: 3"] {
            assert_eq!(Counts::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn counts_add_up_and_only_changes_are_changes() {
        let mut all = Mailboxes::default();
        assert_eq!(all.set("1@d", Counts { new: 1, old: 2 }), Ok(true));
        assert_eq!(all.set("1@d", Counts { new: 1, old: 2 }), Ok(false));
        assert_eq!(all.set("2@d", Counts { new: 3, old: 0 }), Ok(true));
        let names: Vec<Name> = ["1@d", "2@d", "3@d"].map(Name::from).into();
        assert_eq!(all.sum(names.iter()), Counts { new: 4, old: 2 });
        assert_eq!(&*full_name("100"), "100@default");
    }
}
