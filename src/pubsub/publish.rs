//! Publications that others make with us (RFC 3903): which step a PUBLISH is, and how long each lasts.

use super::mailbox::Counts;
use crate::base::device::DeviceState;
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a PUBLISH is, by its SIP-If-Match, its body and its Expires (RFC 3903 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A new publication.
    Initial,
    /// It lives on unchanged.
    Refresh(u64),
    /// It says something else.
    Modify(u64),
    /// It ends.
    Remove(u64),
}

/// A publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The `type=inbound-publication` section.
    pub name: Name,
    /// Who makes it.
    pub endpoint: Name,
    /// Its event, exactly.
    pub event: Name,
    /// The `type=asterisk-publication` section that says what of it is taken.
    pub handler: Name,
    /// Its number, the same for as long as it lives: what it said is known by it.
    pub serial: u64,
    /// When it ends.
    pub expires: Moment,
}

/// All publications.
#[derive(Debug, Default)]
pub struct Publications {
    by_tag: BTreeMap<u64, Publication>,
    deadlines: BTreeSet<(Moment, u64)>,
    last: u64,
}

impl Publication {
    /// A new one, not entered yet: it has no number before [`Publications::enter`].
    pub fn new(name: Name, endpoint: Name, event: Name, handler: Name) -> Publication {
        Publication { name, endpoint, event, handler, serial: 0, expires: Moment(0) }
    }
}

impl Publications {
    /// None yet; tags count on from `first`, so that one of an earlier life of the server means nothing now.
    pub fn starting_at(first: u64) -> Publications {
        Publications { last: first, ..Publications::default() }
    }

    /// What a PUBLISH is.
    ///
    /// # Errors
    /// The code it is refused with: 400 or 412.
    pub fn judge(&self, if_match: Option<&[u8]>, has_body: bool, secs: u32) -> Result<Step, u16> {
        let Some(text) = if_match else {
            return if has_body { Ok(Step::Initial) } else { Err(400) };
        };
        let tag =
            std::str::from_utf8(text).ok().and_then(|text| text.trim().parse::<u64>().ok()).ok_or(400u16)?;
        if !self.by_tag.contains_key(&tag) {
            return Err(412);
        }
        Ok(match (secs, has_body) {
            (0, _) => Step::Remove(tag),
            (_, false) => Step::Refresh(tag),
            (_, true) => Step::Modify(tag),
        })
    }

    /// Enters one, or one that goes on, under a new tag. `None`: there are too many.
    pub fn enter(&mut self, now: Moment, publication: &mut Publication, secs: u32) -> Option<u64> {
        if self.by_tag.len() >= limits::PUBLICATIONS {
            return None;
        }
        self.last += 1;
        if publication.serial == 0 {
            publication.serial = self.last;
        }
        publication.expires = now + Duration::from_secs(u64::from(secs));
        self.deadlines.insert((publication.expires, self.last));
        self.by_tag.insert(self.last, publication.clone());
        Some(self.last)
    }

    /// Takes one out.
    pub fn take(&mut self, tag: u64) -> Option<Publication> {
        let publication = self.by_tag.remove(&tag)?;
        self.deadlines.remove(&(publication.expires, tag));
        Some(publication)
    }

    /// All, oldest tag first.
    pub fn iter(&self) -> impl Iterator<Item = &Publication> {
        self.by_tag.values()
    }

    /// One.
    pub fn get(&self, tag: u64) -> Option<&Publication> {
        self.by_tag.get(&tag)
    }

    /// Those whose time is over, taken out.
    pub fn expire(&mut self, now: Moment) -> Vec<Publication> {
        let mut over = Vec::new();
        while let Some((_, tag)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            over.extend(self.take(tag));
        }
        over
    }

    /// When [`Publications::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_tag.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_tag.is_empty()
    }
}

/// What another server's publication says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A device is in this state there.
    Device {
        /// Its name.
        device: Name,
        /// Its state.
        state: DeviceState,
        /// The server.
        eid: Name,
    },
    /// A mailbox has these messages.
    Mailbox {
        /// `box@context`
        name: Name,
        /// Its messages.
        counts: Counts,
        /// The server.
        eid: Name,
    },
    /// It wants to be told everything.
    Refresh {
        /// The server.
        eid: Name,
    },
}

impl Told {
    /// Who says it.
    pub fn eid(&self) -> &Name {
        match self {
            Told::Device { eid, .. } | Told::Mailbox { eid, .. } | Told::Refresh { eid } => eid,
        }
    }

    /// As Asterisk's JSON.
    pub fn write(&self) -> String {
        let value = match self {
            Told::Device { device, state, eid } => serde_json::json!({
                "type": "devicestate", "device": &**device, "state": state.word(), "cachable": 1, "eid": &**eid,
            }),
            Told::Mailbox { name, counts, eid } => serde_json::json!({
                "type": "mailboxstate", "uniqueid": &**name, "new": counts.new, "old": counts.old, "eid": &**eid,
            }),
            Told::Refresh { eid } => serde_json::json!({ "type": "refresh", "eid": &**eid }),
        };
        value.to_string()
    }

    /// Reads Asterisk's JSON.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(body: &[u8]) -> Result<Told, String> {
        let value: serde_json::Value =
            serde_json::from_slice(body).map_err(|why| format!("its body is no JSON: {why}"))?;
        let text = |name: &str| -> Result<&str, String> {
            value.get(name).and_then(serde_json::Value::as_str).ok_or_else(|| format!("'{name}' is missing"))
        };
        let number = |name: &str| -> Result<u32, String> {
            let number = value.get(name).and_then(serde_json::Value::as_u64);
            number
                .and_then(|number| u32::try_from(number).ok())
                .ok_or_else(|| format!("'{name}' is no number"))
        };
        let eid = Name::from(text("eid")?);
        Ok(match text("type")? {
            "devicestate" => {
                let word = text("state")?;
                let state =
                    DeviceState::of(word).ok_or_else(|| format!("there is no device state '{word}'"))?;
                Told::Device { device: text("device")?.into(), state, eid }
            }
            "mailboxstate" => {
                let counts = Counts { new: number("new")?, old: number("old")? };
                Told::Mailbox { name: text("uniqueid")?.into(), counts, eid }
            }
            "refresh" => Told::Refresh { eid },
            other => return Err(format!("'{other}' is none of devicestate, mailboxstate, refresh")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_publish_is_one_step() {
        let mut all = Publications::default();
        let mut one = Publication::new("p".into(), "e".into(), "x".into(), "h".into());
        let tag = all.enter(Moment(0), &mut one, 60).expect("room");
        let text = tag.to_string();
        let known = Some(text.as_bytes());
        let table = [
            (None, true, 60, Ok(Step::Initial)),
            (None, false, 60, Err(400)),
            (known, false, 60, Ok(Step::Refresh(tag))),
            (known, true, 60, Ok(Step::Modify(tag))),
            (known, true, 0, Ok(Step::Remove(tag))),
            (Some(&b"99"[..]), true, 60, Err(412)),
            (Some(&b"x"[..]), true, 60, Err(400)),
        ];
        for (if_match, body, secs, step) in table {
            assert_eq!(all.judge(if_match, body, secs), step, "{if_match:?} {body} {secs}");
        }
        let mut again = all.take(tag).expect("there");
        let next = all.enter(Moment(30_000_000), &mut again, 60).expect("room");
        assert_ne!(next, tag);
        assert!(all.expire(Moment(60_000_000)).is_empty());
        assert_eq!(all.expire(Moment(90_000_000)).len(), 1);
        assert!(all.is_empty() && all.next_deadline().is_none());
    }

    #[test]
    fn what_other_servers_say_is_read() {
        let told = Told::read(
            br#"{"type":"devicestate","device":"PJSIP/1","state":"INUSE","cachable":"1","eid":"a"}"#,
        );
        assert!(matches!(told, Ok(Told::Device { state: DeviceState::InUse, .. })), "{told:?}");
        let told = Told::read(br#"{"type":"mailboxstate","uniqueid":"1@d","new":2,"old":1,"eid":"a"}"#);
        assert!(matches!(told, Ok(Told::Mailbox { counts: Counts { new: 2, old: 1 }, .. })), "{told:?}");
        for told in [
            Told::Device { device: "PJSIP/\"1".into(), state: DeviceState::OnHold, eid: "b".into() },
            Told::Mailbox { name: "1@d".into(), counts: Counts { new: 3, old: 4 }, eid: "b".into() },
            Told::Refresh { eid: "b".into() },
        ] {
            assert_eq!(Told::read(told.write().as_bytes()), Ok(told));
        }
        for broken in
            ["", "{}", "[1]", r#"{"type":"x","eid":"a"}"#, r#"{"type":"devicestate","device":"d","eid":"a"}"#]
        {
            assert!(Told::read(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
