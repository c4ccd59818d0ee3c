//! What tells one server transaction from another (RFC 3261 17.2.3), and how a transaction remembers it.

use super::arena::{Arena, Place};
use crate::sip::method::Method;
use crate::sip::wire::{Envelope, Header, Message};
use std::hash::{BuildHasher, Hasher};

/// A request's identity, borrowed from it.
///
/// By RFC 3261 that is branch, sent-by and method. Call-ID and CSeq number are compared as well: a retransmission, an
/// ACK and a CANCEL repeat them by definition, and phones behind different NATs that call themselves
/// `192.168.1.10:5060` and count their branches from one would otherwise be taken for each other.
///
/// Without the magic cookie (RFC 2543) the branch is replaced by request URI, From tag and the whole topmost Via.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'m> {
    branch: &'m [u8],
    sent_by: &'m [u8],
    call_id: &'m [u8],
    cseq: u32,
    method: Method,
}

impl<'m> Key<'m> {
    /// Of a request; `scratch` holds what is no single span of the message.
    pub fn of(message: &Message<'m>, envelope: &Envelope<'m>, scratch: &'m mut Vec<u8>) -> Key<'m> {
        let method = match envelope.cseq.method {
            Method::Ack => Method::Invite,
            method => method,
        };
        let (call_id, cseq, via) = (envelope.call_id, envelope.cseq.number, &envelope.via);
        scratch.clear();
        let Some(branch) = via.unique_branch() else {
            let tag = envelope.from.tag().unwrap_or_default();
            // The NUL first: no branch with the cookie looks like this.
            for piece in [message.uri_text(), tag, via.raw, method_text(method, envelope)] {
                scratch.push(0);
                scratch.extend_from_slice(piece);
            }
            return Key { branch: scratch, sent_by: b"", call_id, cseq, method };
        };
        if method != Method::Other {
            return Key { branch, sent_by: via.sent_by, call_id, cseq, method };
        }
        scratch.extend_from_slice(via.sent_by);
        scratch.push(0);
        scratch.extend_from_slice(envelope.cseq.method_text);
        Key { branch, sent_by: scratch, call_id, cseq, method }
    }

    /// The same for any method, so that a CANCEL finds what it cancels.
    pub fn hash(&self, state: &impl BuildHasher) -> u64 {
        let mut hasher = state.build_hasher();
        hasher.write(self.branch);
        hasher.write(self.call_id);
        hasher.write_u32(self.cseq);
        hasher.finish()
    }

    /// What a new transaction keeps of it.
    pub fn store(&self, arena: &mut Arena) -> Stored {
        let parts = [self.branch, self.sent_by, self.call_id];
        let mut end = 0;
        let [branch, sent_by, call_id] = parts.map(|part| next_span(&mut end, part.len()));
        // Ringing lasts as long as somebody likes; all else ends with a timer.
        let bytes = match self.method {
            Method::Invite => Bytes::Own(parts.concat().into_boxed_slice()),
            _ => Bytes::Shared(arena.push(&parts)),
        };
        Stored { bytes, end, response_len: 0, branch, sent_by, call_id, cseq: self.cseq, method: self.method }
    }
}

/// Only where the method's name is not told by its kind.
fn method_text<'m>(method: Method, envelope: &Envelope<'m>) -> &'m [u8] {
    if method == Method::Other { envelope.cseq.method_text } else { b"" }
}

/// The number that a forked request arriving twice has in common with itself (RFC 3261 8.2.2.2): From tag, Call-ID,
/// CSeq. `None` for requests inside a dialog, whose To tag tells forks apart, and for CANCEL. Never 0.
pub(super) fn merge_hash(envelope: &Envelope<'_>, state: &impl BuildHasher) -> Option<u64> {
    if envelope.to.tag().is_some() || matches!(envelope.cseq.method, Method::Cancel | Method::Ack) {
        return None;
    }
    let mut hasher = state.build_hasher();
    hasher.write(envelope.from.tag()?);
    hasher.write(envelope.call_id);
    hasher.write_u32(envelope.cseq.number);
    hasher.write(envelope.cseq.method_text);
    Some(hasher.finish().max(1))
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u16,
    len: u16,
}

impl Span {
    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = usize::from(self.start);
        &bytes[start..start + usize::from(self.len)]
    }
}

/// A transaction's identity and the response it repeats, in one string: the response holds nearly all of the identity
/// (Via and Call-ID are copied into it), so that what it holds is not kept twice.
#[derive(Debug)]
pub(super) struct Stored {
    bytes: Bytes,
    /// Its length.
    end: u16,
    response_len: u16,
    branch: Span,
    sent_by: Span,
    call_id: Span,
    cseq: u32,
    pub method: Method,
}

#[derive(Debug)]
enum Bytes {
    Own(Box<[u8]>),
    Shared(Place),
}

impl Stored {
    pub fn matches(&self, key: &Key<'_>, arena: &Arena) -> bool {
        self.method == key.method && self.same_request(key, arena)
    }

    /// Whether a CANCEL with that key means this transaction: the same but for the method.
    pub fn is_cancelled_by(&self, key: &Key<'_>, arena: &Arena) -> bool {
        self.method != Method::Cancel && self.same_request(key, arena)
    }

    fn same_request(&self, key: &Key<'_>, arena: &Arena) -> bool {
        let [branch, sent_by, call_id] = self.parts(arena);
        self.cseq == key.cseq && branch == key.branch && sent_by == key.sent_by && call_id == key.call_id
    }

    fn parts<'a>(&'a self, arena: &'a Arena) -> [&'a [u8]; 3] {
        let bytes = self.bytes(arena);
        [self.branch, self.sent_by, self.call_id].map(|span| span.of(bytes))
    }

    fn bytes<'a>(&'a self, arena: &'a Arena) -> &'a [u8] {
        match &self.bytes {
            Bytes::Own(bytes) => bytes,
            Bytes::Shared(place) => arena.from(*place),
        }
    }

    /// Whether there is something to send again.
    pub fn has_response(&self) -> bool {
        self.response_len > 0
    }

    /// What is sent again for a retransmission; empty when nothing is.
    pub fn response<'a>(&'a self, arena: &'a Arena) -> &'a [u8] {
        &self.bytes(arena)[..usize::from(self.response_len)]
    }

    /// Keeps `response` from now on, instead of an earlier one. `false` when it is too long for the spans: then none is
    /// kept.
    pub fn keep(&mut self, response: &[u8], arena: &mut Arena) -> bool {
        let parts = self.parts(arena);
        let key_len: usize = parts.iter().map(|part| part.len()).sum();
        if response.len() + key_len > usize::from(u16::MAX) {
            self.forget(arena);
            return false;
        }
        let found = locate(response, parts);
        let mut end = response.len() as u16;
        let mut extra = Vec::new();
        let [branch, sent_by, call_id] = [0, 1, 2].map(|i| {
            found[i].unwrap_or_else(|| {
                extra.extend_from_slice(parts[i]);
                next_span(&mut end, parts[i].len())
            })
        });
        self.replace(&[response, &extra], arena);
        (self.branch, self.sent_by, self.call_id) = (branch, sent_by, call_id);
        (self.end, self.response_len) = (end, response.len() as u16);
        true
    }

    /// Drops the response, keeps the identity.
    pub fn forget(&mut self, arena: &mut Arena) {
        let parts = self.parts(arena);
        let key = parts.concat();
        let mut end = 0;
        let [branch, sent_by, call_id] = parts.map(|part| next_span(&mut end, part.len()));
        self.replace(&[&key], arena);
        (self.branch, self.sent_by, self.call_id) = (branch, sent_by, call_id);
        (self.end, self.response_len) = (end, 0);
    }

    fn replace(&mut self, parts: &[&[u8]], arena: &mut Arena) {
        match &mut self.bytes {
            Bytes::Own(bytes) => *bytes = parts.concat().into_boxed_slice(),
            Bytes::Shared(place) => {
                arena.free(*place, usize::from(self.end));
                *place = arena.push(parts);
            }
        }
    }

    /// Gives its room back.
    pub fn release(self, arena: &mut Arena) {
        if let Bytes::Shared(place) = self.bytes {
            arena.free(place, usize::from(self.end));
        }
    }
}

/// The span of the next `len` bytes. A key longer than 16 bits can count would belong to a message longer than a
/// message may be; cut, it matches nothing.
fn next_span(end: &mut u16, len: usize) -> Span {
    let span = Span { start: *end, len: u16::try_from(len).unwrap_or(u16::MAX).min(u16::MAX - *end) };
    *end += span.len;
    span
}

/// Finds branch, sent-by and Call-ID in a response as we print it: Via first, Call-ID close behind. Any place that
/// holds the same bytes would do; `None` means the caller keeps a copy.
fn locate(response: &[u8], [branch, sent_by, call_id]: [&[u8]; 3]) -> [Option<Span>; 3] {
    let mut found = [None; 3];
    let mut at = 0;
    for newline in memchr::memchr_iter(b'\n', response).take(LINES_SEARCHED) {
        let line = &response[at..newline];
        if found[0].is_none() && line.starts_with(b"Via: ") {
            found[1] = find_after(line, b' ', sent_by).map(|start| span(at + start, sent_by.len()));
            found[0] = find_after(line, b'=', branch).map(|start| span(at + start, branch.len()));
        } else if let Some(value) = line.strip_prefix(Header::CallId.name().as_bytes())
            && value[2.min(value.len())..].starts_with(call_id)
        {
            found[2] = Some(span(at + line.len() - value.len() + 2, call_id.len()));
            break;
        }
        at = newline + 1;
    }
    found
}

/// Where `part` stands right behind a `mark`.
fn find_after(line: &[u8], mark: u8, part: &[u8]) -> Option<usize> {
    memchr::memchr_iter(mark, line).map(|i| i + 1).find(|start| line[*start..].starts_with(part))
}

fn span(start: usize, len: usize) -> Span {
    Span { start: start as u16, len: len as u16 }
}

/// Status line, a long list of Vias, Call-ID.
const LINES_SEARCHED: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::{Index, ViaStamp, Writer};
    use foldhash::fast::FixedState;

    fn request(method: &str, via: &str, cseq: u32) -> String {
        format!(
            "{method} sip:b@h SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@h>;tag=f\r\nTo: <sip:b@h>\r\n\
             Call-ID: c1@h\r\nCSeq: {cseq} {method}\r\n\r\n"
        )
    }

    fn with_key<T>(text: &str, then: impl FnOnce(&Key<'_>, &Message<'_>) -> T) -> T {
        let (mut index, mut scratch) = (Index::default(), Vec::new());
        let message = index.scan(text.as_bytes()).expect("scans");
        let envelope = message.envelope().expect("whole");
        let key = Key::of(&message, &envelope, &mut scratch);
        then(&key, &message)
    }

    /// A stored key with the arena it lives in.
    struct Kept(Stored, Arena);

    fn stored(text: &str) -> Kept {
        let mut arena = Arena::default();
        Kept(with_key(text, |key, _| key.store(&mut arena)), arena)
    }

    impl Kept {
        fn matches(&self, key: &Key<'_>) -> bool {
            self.0.matches(key, &self.1)
        }

        fn is_cancelled_by(&self, key: &Key<'_>) -> bool {
            self.0.is_cancelled_by(key, &self.1)
        }

        fn keep(&mut self, response: &[u8]) -> bool {
            self.0.keep(response, &mut self.1)
        }

        fn response(&self) -> &[u8] {
            self.0.response(&self.1)
        }
    }

    const VIA: &str = "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport";
    const OLD: &str = "SIP/2.0/UDP 10.0.0.1:5060";

    #[test]
    fn ack_shares_the_key_of_its_invite_and_cancel_the_hash() {
        for via in [VIA, OLD] {
            let invite = stored(&request("INVITE", via, 1));
            let state = FixedState::with_seed(1);
            with_key(&request("ACK", via, 1), |ack, _| assert!(invite.matches(ack)));
            let hash = with_key(&request("INVITE", via, 1), |key, _| key.hash(&state));
            with_key(&request("CANCEL", via, 1), |cancel, _| {
                assert!(!invite.matches(cancel) && invite.is_cancelled_by(cancel));
                assert_eq!(cancel.hash(&state), hash);
            });
            with_key(&request("INVITE", via, 2), |other, _| assert!(!invite.matches(other)));
            with_key(&request("BYE", via, 1), |other, _| assert!(!invite.matches(other)));
        }
        let cancel = stored(&request("CANCEL", VIA, 1));
        with_key(&request("CANCEL", VIA, 1), |again, _| {
            assert!(cancel.matches(again) && !cancel.is_cancelled_by(again));
        });
    }

    #[test]
    fn other_branches_senders_and_unknown_methods_differ() {
        let one = stored(&request("OPTIONS", VIA, 1));
        for via in
            ["SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK2", "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK1", OLD]
        {
            with_key(&request("OPTIONS", via, 1), |key, _| assert!(!one.matches(key)));
        }
        let foo = stored(&request("FOO", VIA, 1));
        with_key(&request("FOO", VIA, 1), |key, _| assert!(foo.matches(key)));
        with_key(&request("BAR", VIA, 1), |key, _| assert!(!foo.matches(key)));
        let foo = stored(&request("FOO", OLD, 1));
        with_key(&request("FOO", OLD, 1), |key, _| assert!(foo.matches(key)));
        with_key(&request("BAR", OLD, 1), |key, _| assert!(!foo.matches(key)));
    }

    #[test]
    fn a_kept_response_holds_the_key_and_can_be_forgotten() {
        for (method, via, shared) in
            [("REGISTER", VIA, true), ("INVITE", VIA, true), ("REGISTER", OLD, false), ("INVITE", OLD, false)]
        {
            let text = request(method, via, 7);
            let mut kept = stored(&text);
            let mut response = Vec::new();
            with_key(&text, |_, message| {
                let source = "10.0.0.1:5060".parse().expect("address");
                let stamp = ViaStamp { source, force_rport: true };
                Writer::response(&mut response, message, stamp, (200, ""), Some(b"t")).finish();
            });
            assert!(kept.keep(&response));
            assert_eq!(kept.response(), response);
            assert_eq!(usize::from(kept.0.end) == response.len(), shared, "{via}");
            with_key(&text, |key, _| assert!(kept.matches(key)));
            // A response that repeats nothing of the request is kept with a copy of the key.
            assert!(kept.keep(b"SIP/2.0 200 OK\r\n\r\n"));
            with_key(&text, |key, _| assert!(kept.matches(key)));
            kept.0.forget(&mut kept.1);
            assert_eq!(kept.response(), b"");
            with_key(&text, |key, _| assert!(kept.matches(key)));
            assert!(!kept.keep(&vec![b'x'; 65_530]));
            assert_eq!(kept.response(), b"");
            with_key(&text, |key, _| assert!(kept.matches(key)));
        }
    }

    #[test]
    fn merged_requests_share_a_number_whatever_their_branch() {
        let state = FixedState::with_seed(1);
        let hash = |text: String| {
            let mut index = Index::default();
            let message = index.scan(text.as_bytes()).expect("scans");
            merge_hash(&message.envelope().expect("whole"), &state)
        };
        let one = hash(request("INVITE", VIA, 1));
        assert!(one.is_some());
        assert_eq!(one, hash(request("INVITE", OLD, 1)));
        assert_ne!(one, hash(request("INVITE", VIA, 2)));
        assert_ne!(one, hash(request("OPTIONS", VIA, 1)));
        assert_eq!(hash(request("CANCEL", VIA, 1)), None);
        assert_eq!(hash(request("BYE", VIA, 1).replace("To: <sip:b@h>", "To: <sip:b@h>;tag=t")), None);
    }
}
