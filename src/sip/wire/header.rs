//! Header field names: long and compact forms, found without allocation.

use super::text;

/// The header fields we look at by name. Every other is kept as bytes and can be found with
/// [`super::Message::other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the header field of its own name")]
pub enum Header {
    Accept,
    AcceptEncoding,
    AcceptLanguage,
    Allow,
    AllowEvents,
    Authorization,
    CallId,
    Contact,
    ContentEncoding,
    ContentLength,
    ContentType,
    CSeq,
    Date,
    Diversion,
    Event,
    Expires,
    From,
    HistoryInfo,
    IdentityInfo,
    MaxForwards,
    MinExpires,
    MinSe,
    PAssertedIdentity,
    PPreferredIdentity,
    Path,
    Privacy,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyRequire,
    Rack,
    Reason,
    RecordRoute,
    ReferTo,
    ReferredBy,
    RemotePartyId,
    Replaces,
    Require,
    RetryAfter,
    Route,
    RSeq,
    Server,
    ServiceRoute,
    SessionExpires,
    SipEtag,
    SipIfMatch,
    Subject,
    SubscriptionState,
    Supported,
    To,
    Unsupported,
    UserAgent,
    Via,
    Warning,
    WwwAuthenticate,
    /// Any other field name.
    Other,
}

/// Long name, compact name (0 for none).
const TABLE: [(Header, &str, u8); Header::Other as usize] = [
    (Header::Accept, "Accept", 0),
    (Header::AcceptEncoding, "Accept-Encoding", 0),
    (Header::AcceptLanguage, "Accept-Language", 0),
    (Header::Allow, "Allow", 0),
    (Header::AllowEvents, "Allow-Events", b'u'),
    (Header::Authorization, "Authorization", 0),
    (Header::CallId, "Call-ID", b'i'),
    (Header::Contact, "Contact", b'm'),
    (Header::ContentEncoding, "Content-Encoding", b'e'),
    (Header::ContentLength, "Content-Length", b'l'),
    (Header::ContentType, "Content-Type", b'c'),
    (Header::CSeq, "CSeq", 0),
    (Header::Date, "Date", 0),
    (Header::Diversion, "Diversion", 0),
    (Header::Event, "Event", b'o'),
    (Header::Expires, "Expires", 0),
    (Header::From, "From", b'f'),
    (Header::HistoryInfo, "History-Info", 0),
    (Header::IdentityInfo, "Identity-Info", b'n'),
    (Header::MaxForwards, "Max-Forwards", 0),
    (Header::MinExpires, "Min-Expires", 0),
    (Header::MinSe, "Min-SE", 0),
    (Header::PAssertedIdentity, "P-Asserted-Identity", 0),
    (Header::PPreferredIdentity, "P-Preferred-Identity", 0),
    (Header::Path, "Path", 0),
    (Header::Privacy, "Privacy", 0),
    (Header::ProxyAuthenticate, "Proxy-Authenticate", 0),
    (Header::ProxyAuthorization, "Proxy-Authorization", 0),
    (Header::ProxyRequire, "Proxy-Require", 0),
    (Header::Rack, "RAck", 0),
    (Header::Reason, "Reason", 0),
    (Header::RecordRoute, "Record-Route", 0),
    (Header::ReferTo, "Refer-To", b'r'),
    (Header::ReferredBy, "Referred-By", b'b'),
    (Header::RemotePartyId, "Remote-Party-ID", 0),
    (Header::Replaces, "Replaces", 0),
    (Header::Require, "Require", 0),
    (Header::RetryAfter, "Retry-After", 0),
    (Header::Route, "Route", 0),
    (Header::RSeq, "RSeq", 0),
    (Header::Server, "Server", 0),
    (Header::ServiceRoute, "Service-Route", 0),
    (Header::SessionExpires, "Session-Expires", b'x'),
    (Header::SipEtag, "SIP-ETag", 0),
    (Header::SipIfMatch, "SIP-If-Match", 0),
    (Header::Subject, "Subject", b's'),
    (Header::SubscriptionState, "Subscription-State", 0),
    (Header::Supported, "Supported", b'k'),
    (Header::To, "To", b't'),
    (Header::Unsupported, "Unsupported", 0),
    (Header::UserAgent, "User-Agent", 0),
    (Header::Via, "Via", b'v'),
    (Header::Warning, "Warning", 0),
    (Header::WwwAuthenticate, "WWW-Authenticate", 0),
];

/// How many header kinds there are, [`Header::Other`] included.
pub(super) const KINDS: usize = Header::Other as usize + 1;

impl Header {
    /// Finds the kind of a field name, long or compact, without regard to case.
    pub fn from_name(name: &[u8]) -> Header {
        if let [letter] = name {
            return COMPACT[usize::from(letter.to_ascii_lowercase())];
        }
        let row = hash(name).map_or(0, |slot| LONG[slot]);
        match usize::from(row).checked_sub(1).map(|row| &TABLE[row]) {
            Some((kind, long, _)) if text::same_token(name, long.as_bytes()) => *kind,
            _ => Header::Other,
        }
    }

    /// The long name, as printed; `""` for [`Header::Other`].
    pub fn name(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |(_, name, _)| name)
    }

    /// The compact form if the RFCs give one, for `[system] compact_headers`.
    pub fn compact(self) -> Option<char> {
        TABLE.get(self as usize).and_then(|(_, _, c)| (*c != 0).then_some(char::from(*c)))
    }
}

/// Kinds by compact letter.
const COMPACT: [Header; 256] = {
    let mut kinds = [Header::Other; 256];
    let mut i = 0;
    while i < TABLE.len() {
        if TABLE[i].2 != 0 {
            kinds[TABLE[i].2 as usize] = TABLE[i].0;
        }
        i += 1;
    }
    kinds
};

const SLOTS: usize = 256;

/// A slot no other name of [`TABLE`] has: made of length, first, middle and last letter in lower case. `None` for the
/// empty name.
const fn hash(name: &[u8]) -> Option<usize> {
    let [first, .., last] = name else { return None };
    let middle = (name[name.len() / 2] | 0x20) as usize;
    Some((name.len() + (*first | 0x20) as usize + middle * 15 + (*last | 0x20) as usize) % SLOTS)
}

/// Rows of [`TABLE`], plus one, by [`hash`] of their long name; 0 for none. The compiler proves that no two share a slot.
static LONG: [u8; SLOTS] = {
    let mut slots = [0; SLOTS];
    let mut row = 0;
    while row < TABLE.len() {
        let Some(slot) = hash(TABLE[row].1.as_bytes()) else { panic!("names have letters") };
        assert!(slots[slot] == 0, "two header names share a slot: choose another factor in hash()");
        slots[slot] = row as u8 + 1;
        row += 1;
    }
    slots
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_own_row_in_any_case() {
        for (row, (kind, long, compact)) in TABLE.iter().enumerate() {
            assert_eq!(*kind as usize, row, "{long} stands in its own row");
            assert_eq!(Header::from_name(long.as_bytes()), *kind);
            assert_eq!(Header::from_name(long.to_ascii_uppercase().as_bytes()), *kind);
            if *compact != 0 {
                assert_eq!(Header::from_name(&[*compact]), *kind);
            }
        }
        assert_eq!(Header::from_name(b"X-Mine"), Header::Other);
        assert_eq!(Header::from_name(b"z"), Header::Other);
        assert_eq!(Header::from_name(b""), Header::Other);
    }
}
