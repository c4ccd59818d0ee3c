//! Versions in `o=`: ours go up by one when, and only when, the description changes; theirs are watched (RFC 3264 8; S3-41).

use super::description::Description;
use foldhash::fast::FixedState;
use std::hash::BuildHasher;

/// Our side's `o=` through the life of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnOrigin {
    id: u64,
    version: u64,
    last: Option<u64>,
}

impl OwnOrigin {
    /// A new session. The random number is both id and first version, as Asterisk does.
    pub fn new(random: u32) -> OwnOrigin {
        // Two billion lower than the top of what old phones keep in 32 signed bits.
        let id = u64::from(random >> 1);
        OwnOrigin { id, version: id, last: None }
    }

    /// Writes id and version into a description about to be sent. Its fingerprint without them.
    pub fn stamp(&mut self, description: &mut Description) -> u64 {
        let now = fingerprint(description);
        if self.last.is_some_and(|last| last != now) {
            self.version += 1;
        }
        self.last = Some(now);
        description.origin.id = self.id;
        description.origin.version = self.version;
        now
    }
}

/// The other side's `o=` through the life of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TheirOrigin {
    last: Option<(u64, u64, u64)>,
}

/// How a description relates to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The first of the session.
    First,
    /// Same version, same text.
    None,
    /// Version and text changed.
    Proper,
    /// The text changed and the version did not go up: obeyed all the same, and worth a line in the log.
    WithoutVersion,
    /// The version changed and the text did not: nothing to do.
    VersionOnly,
    /// Another session id: the peer was replaced or restarted; everything counts as new.
    NewSession,
}

impl Change {
    /// Whether streams must be looked at again.
    pub fn is_change(self) -> bool {
        !matches!(self, Change::None | Change::VersionOnly)
    }
}

impl TheirOrigin {
    /// Compares with the last description and remembers this one.
    pub fn observe(&mut self, description: &Description) -> Change {
        let o = &description.origin;
        let now = (o.id, o.version, fingerprint(description));
        let change = match self.last {
            None => Change::First,
            Some((id, ..)) if id != now.0 => Change::NewSession,
            Some((_, version, text)) => match (version == now.1, text == now.2) {
                (true, true) => Change::None,
                (false, true) => Change::VersionOnly,
                (false, false) if now.1 > version => Change::Proper,
                (_, false) => Change::WithoutVersion,
            },
        };
        self.last = Some(now);
        change
    }
}

/// Everything but id and version, folded into 64 bits.
pub fn fingerprint(description: &Description) -> u64 {
    let Description {
        origin,
        session_name,
        other,
        connection,
        bandwidth,
        timing,
        attributes,
        media,
        oddities: _,
    } = description;
    FixedState::with_seed(0).hash_one((
        (&origin.user, &origin.address),
        (session_name, other, connection, bandwidth, timing),
        (attributes, media),
    ))
}
