//! A scanned message: typed, lazy views over its bytes.

use super::address::{Contact, NameAddr};
use super::credentials::AuthFields;
use super::header::Header;
use super::scan::{Fault, Index, StartIndex};
use super::text::{self, List};
use super::uri::{Uri, UriFault};
use super::via::{CSeq, Via};
use crate::sip::method::Method;

/// One message: its bytes and where its parts stand. Cheap to copy; everything read from it borrows the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    pub(super) bytes: &'m [u8],
    pub(super) index: &'m Index,
}

/// The first line.
#[derive(Clone, Copy, Debug)]
pub enum Start<'m> {
    /// A request.
    Request {
        /// The method, or [`Method::Other`].
        method: Method,
        /// Its text.
        method_text: &'m [u8],
        /// The request URI, raw.
        uri: &'m [u8],
    },
    /// A response.
    Response {
        /// 100 to 699.
        code: u16,
        /// As the peer wrote it, possibly empty.
        reason: &'m [u8],
    },
}

/// The header fields every message must have, read and checked once (RFC 3261 8.1.1).
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'m> {
    /// The topmost Via.
    pub via: Via<'m>,
    /// From.
    pub from: NameAddr<'m>,
    /// Its URI.
    pub from_uri: Uri<'m>,
    /// To.
    pub to: NameAddr<'m>,
    /// Its URI.
    pub to_uri: Uri<'m>,
    /// Call-ID, byte for byte.
    pub call_id: &'m [u8],
    /// CSeq; its method is the request's.
    pub cseq: CSeq<'m>,
}

impl<'m> Message<'m> {
    /// The first line.
    pub fn start(&self) -> Start<'m> {
        match self.index.start {
            StartIndex::Request { method, method_text, uri, .. } => {
                Start::Request { method, method_text: method_text.of(self.bytes), uri: uri.of(self.bytes) }
            }
            StartIndex::Response { code, reason } => Start::Response { code, reason: reason.of(self.bytes) },
        }
    }

    /// The method of a request; `None` for a response.
    pub fn method(&self) -> Option<Method> {
        match self.index.start {
            StartIndex::Request { method, .. } => Some(method),
            StartIndex::Response { .. } => None,
        }
    }

    /// The method's text; empty for a response.
    pub fn method_text(&self) -> &'m [u8] {
        match self.start() {
            Start::Request { method_text, .. } => method_text,
            Start::Response { .. } => b"",
        }
    }

    /// The status of a response; `None` for a request.
    pub fn status(&self) -> Option<u16> {
        match self.index.start {
            StartIndex::Request { .. } => None,
            StartIndex::Response { code, .. } => Some(code),
        }
    }

    /// The request URI's text; empty for a response.
    pub fn uri_text(&self) -> &'m [u8] {
        match self.start() {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } => b"",
        }
    }

    /// The request URI.
    ///
    /// # Errors
    /// Its fault.
    pub fn uri(&self) -> Result<Uri<'m>, UriFault> {
        Uri::parse(self.uri_text())
    }

    /// The whole message as received.
    pub fn bytes(&self) -> &'m [u8] {
        self.bytes
    }

    /// The body, cut to Content-Length.
    pub fn body(&self) -> &'m [u8] {
        self.index.body.of(self.bytes)
    }

    /// The raw value of the first field of that kind.
    pub fn header(&self, header: Header) -> Option<&'m [u8]> {
        match self.index.first[header as usize] {
            0 => None,
            first => Some(self.index.slots[usize::from(first) - 1].value.of(self.bytes)),
        }
    }

    /// The raw values of all fields of that kind, one per line, in order.
    pub fn headers(&self, header: Header) -> Lines<'m> {
        Lines { bytes: self.bytes, index: self.index, next: self.index.first[header as usize] }
    }

    /// The values of a list header: every line split at its commas.
    pub fn values(&self, header: Header) -> Values<'m> {
        Values { lines: self.headers(header), list: List::new(b"") }
    }

    /// Fields by a name that [`Header`] does not know, without regard to case.
    pub fn other<'a>(&self, name: &'a [u8]) -> impl Iterator<Item = &'m [u8]> + use<'m, 'a> {
        self.lines().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every field in order: its name as written and its raw value.
    pub fn lines(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> + use<'m> {
        let (index, bytes) = (self.index, self.bytes);
        index.slots.iter().map(move |slot| (slot.name.of(bytes), slot.value.of(bytes)))
    }

    /// Every field in order with its kind and raw value.
    pub fn fields(&self) -> impl Iterator<Item = (Header, &'m [u8])> + use<'m> {
        let (index, bytes) = (self.index, self.bytes);
        index.slots.iter().map(move |slot| (slot.header, slot.value.of(bytes)))
    }

    /// Whether a list header holds that token, without regard to case.
    pub fn has_token(&self, header: Header, token: &[u8]) -> bool {
        self.values(header).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// The headers every message must have.
    ///
    /// # Errors
    /// The first that is missing or broken, or a CSeq that names another method.
    pub fn envelope(&self) -> Result<Envelope<'m>, Fault> {
        let via = self.via().ok_or(Fault::Missing(Header::Via))?.ok_or(Fault::Value(Header::Via))?;
        let (from, from_uri) = self.address(Header::From)?;
        let (to, to_uri) = self.address(Header::To)?;
        let call_id = self.header(Header::CallId).filter(|id| !id.is_empty());
        let call_id = call_id.ok_or(Fault::Missing(Header::CallId))?;
        let cseq = self.header(Header::CSeq).ok_or(Fault::Missing(Header::CSeq))?;
        let cseq = CSeq::parse(cseq).ok_or(Fault::Value(Header::CSeq))?;
        if self.method().is_some() && cseq.method_text != self.method_text() {
            return Err(Fault::CSeqMethod);
        }
        Ok(Envelope { via, from, from_uri, to, to_uri, call_id, cseq })
    }

    fn address(&self, header: Header) -> Result<(NameAddr<'m>, Uri<'m>), Fault> {
        let value = self.header(header).ok_or(Fault::Missing(header))?;
        let address = NameAddr::parse(value).map_err(|_| Fault::Value(header))?;
        let uri = address.uri().map_err(|_| Fault::Value(header))?;
        Ok((address, uri))
    }

    /// The topmost Via: `None` when there is none, `Some(None)` when its grammar is broken.
    pub fn via(&self) -> Option<Option<Via<'m>>> {
        self.values(Header::Via).next().map(Via::parse)
    }

    /// CSeq, when present and sound.
    pub fn cseq(&self) -> Option<CSeq<'m>> {
        CSeq::parse(self.header(Header::CSeq)?)
    }

    /// From, when present and balanced.
    pub fn from(&self) -> Option<NameAddr<'m>> {
        NameAddr::parse(self.header(Header::From)?).ok()
    }

    /// To, when present and balanced.
    pub fn to(&self) -> Option<NameAddr<'m>> {
        NameAddr::parse(self.header(Header::To)?).ok()
    }

    /// Every Contact value in order.
    ///
    /// # Errors
    /// In place of a value whose quotes or brackets do not balance.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'m>, Fault>> + use<'m> {
        self.values(Header::Contact)
            .map(|value| Contact::parse(value).map_err(|_| Fault::Value(Header::Contact)))
    }

    /// A header that is one number (Expires, Max-Forwards, Min-Expires): outer `None` when absent, inner when it is no
    /// number. Parameters and comments after it are ignored.
    pub fn number(&self, header: Header) -> Option<Option<u32>> {
        let value = self.header(header)?;
        let end = value.iter().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
        Some(match value.get(end) {
            None | Some(b' ' | b'\t' | b';' | b'(' | b'\r' | b'\n') => text::number(&value[..end]),
            Some(_) => None,
        })
    }

    /// Credentials of `Authorization` or `Proxy-Authorization`, challenges of their counterparts, one per line.
    pub fn auth_fields(&self, header: Header) -> impl Iterator<Item = AuthFields<'m>> + use<'m> {
        self.headers(header).filter_map(AuthFields::parse)
    }
}

/// Raw values of one kind of field, from [`Message::headers`].
#[derive(Clone, Debug)]
pub struct Lines<'m> {
    bytes: &'m [u8],
    index: &'m Index,
    next: u16,
}

impl<'m> Iterator for Lines<'m> {
    type Item = &'m [u8];

    #[inline]
    fn next(&mut self) -> Option<&'m [u8]> {
        let slot = &self.index.slots[usize::from(self.next.checked_sub(1)?)];
        self.next = slot.next;
        Some(slot.value.of(self.bytes))
    }
}

/// Values of one kind of list field, from [`Message::values`].
#[derive(Clone, Debug)]
pub struct Values<'m> {
    lines: Lines<'m>,
    list: List<'m>,
}

impl<'m> Iterator for Values<'m> {
    type Item = &'m [u8];

    #[inline]
    fn next(&mut self) -> Option<&'m [u8]> {
        loop {
            if let Some(value) = self.list.next() {
                return Some(value);
            }
            self.list = List::new(self.lines.next()?);
        }
    }
}
