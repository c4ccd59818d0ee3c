//! What makes requests outside dialogs one conversation: From with its tag, Call-ID, CSeq.

use super::Switch;
use crate::config::model::Endpoint;
use crate::sip::mint::{self, Shard};
use crate::sip::wire::{Header, Message};

/// What makes requests one conversation.
pub(super) struct Identity {
    pub from: Vec<u8>,
    pub call_id: Vec<u8>,
    pub cseq: u32,
}

impl Identity {
    /// That of the request which this answers, one CSeq higher.
    pub fn next(response: &Message<'_>) -> Option<Identity> {
        let copy = |header| response.header(header).map(<[u8]>::to_vec);
        let cseq = response.cseq()?.number.checked_add(1)?;
        Some(Identity { from: copy(Header::From)?, call_id: copy(Header::CallId)?, cseq })
    }
}

impl Switch {
    /// A new one for `user`, on behalf of an endpoint.
    pub(super) fn identity_of(&mut self, user: &str, endpoint: &Endpoint, own_host: &str) -> Identity {
        let domain = &endpoint.options.from_domain;
        let host: &str = if domain.is_empty() { own_host } else { domain };
        let mut from = format!("<sip:{user}@{host}>;tag=").into_bytes();
        mint::tag(Shard(0), &mut self.rng, &mut from);
        let mut call_id = Vec::new();
        mint::call_id(&mut self.rng, &mut call_id);
        let cseq = 1 + u32::try_from(self.rng.below(65_000)).unwrap_or(0);
        Identity { from, call_id, cseq }
    }
}
