//! What names a dialog: Call-ID, our tag, the peer's tag (RFC 3261 12).

use crate::sip::wire::Envelope;
use std::fmt;
use std::hash::{BuildHasher, Hasher};

/// The three parts, borrowed from a message. A peer without a tag (RFC 2543) has an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialogKey<'m> {
    /// Byte for byte.
    pub call_id: &'m [u8],
    /// Ours.
    pub local_tag: &'m [u8],
    /// The peer's.
    pub remote_tag: &'m [u8],
}

impl<'m> DialogKey<'m> {
    /// Of a request we received: To is us. `None` without a To tag: it is outside any dialog. A To tag that finds no
    /// dialog is answered 481, whatever the method.
    pub fn of_request(envelope: &Envelope<'m>) -> Option<DialogKey<'m>> {
        Some(DialogKey {
            call_id: envelope.call_id,
            local_tag: envelope.to.tag()?,
            remote_tag: envelope.from.tag().unwrap_or_default(),
        })
    }

    /// Of a response to a request of ours: From is us. `None` while the To has no tag.
    pub fn of_response(envelope: &Envelope<'m>) -> Option<DialogKey<'m>> {
        Some(DialogKey {
            call_id: envelope.call_id,
            local_tag: envelope.from.tag().unwrap_or_default(),
            remote_tag: envelope.to.tag()?,
        })
    }

    /// For a table.
    pub fn hash(&self, state: &impl BuildHasher) -> u64 {
        let mut hasher = state.build_hasher();
        for part in [self.call_id, self.local_tag, self.remote_tag] {
            hasher.write(part);
            hasher.write_u8(0);
        }
        hasher.finish()
    }
}

/// The three parts, owned.
#[derive(Clone, PartialEq, Eq)]
pub struct DialogId {
    text: Box<[u8]>,
    local_tag: usize,
    remote_tag: usize,
}

impl DialogId {
    /// A copy.
    pub fn new(key: DialogKey<'_>) -> DialogId {
        let text = [key.call_id, key.local_tag, key.remote_tag].concat().into_boxed_slice();
        let local_tag = key.call_id.len();
        DialogId { text, local_tag, remote_tag: local_tag + key.local_tag.len() }
    }

    /// The parts.
    pub fn key(&self) -> DialogKey<'_> {
        DialogKey {
            call_id: &self.text[..self.local_tag],
            local_tag: &self.text[self.local_tag..self.remote_tag],
            remote_tag: &self.text[self.remote_tag..],
        }
    }
}

impl fmt::Debug for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DialogKey { call_id, local_tag, remote_tag } = self.key();
        let [call_id, local, remote] = [call_id, local_tag, remote_tag].map(String::from_utf8_lossy);
        write!(f, "DialogId({call_id} local={local} remote={remote})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;
    use foldhash::fast::FixedState;

    #[test]
    fn the_same_dialog_seen_from_both_sides() {
        let text = "BYE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=aa\r\n\
                    To: <sip:b@h>;tag=bb\r\nCall-ID: c\r\nCSeq: 1 BYE\r\n\r\n";
        let mut index = Index::default();
        let message = index.scan(text.as_bytes()).expect("sound");
        let envelope = message.envelope().expect("whole");
        let received = DialogKey::of_request(&envelope).expect("in a dialog");
        let answered = DialogKey::of_response(&envelope).expect("in a dialog");
        assert_eq!((received.local_tag, received.remote_tag), (&b"bb"[..], &b"aa"[..]));
        assert_eq!((answered.local_tag, answered.remote_tag), (&b"aa"[..], &b"bb"[..]));
        let id = DialogId::new(received);
        assert_eq!(id.key(), received);
        let state = FixedState::with_seed(1);
        assert_eq!(id.key().hash(&state), received.hash(&state));
        assert_ne!(received.hash(&state), answered.hash(&state));
        assert_eq!(format!("{id:?}"), "DialogId(c local=bb remote=aa)");
        let text = text.replace(";tag=bb", "");
        let message = index.scan(text.as_bytes()).expect("sound");
        assert!(DialogKey::of_request(&message.envelope().expect("whole")).is_none());
    }
}
