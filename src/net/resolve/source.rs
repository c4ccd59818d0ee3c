//! Where records come from.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

/// Kinds of record that RFC 3263 uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Which protocols a domain offers (RFC 3403).
    Naptr,
    /// Which hosts and ports serve it (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A naming authority pointer.
    Naptr {
        /// Lower ones first, and only they.
        order: u16,
        /// Among equal orders, lower ones first.
        preference: u16,
        /// `s`: the replacement is the name of SRV records.
        flags: String,
        /// `SIP+D2U`, `SIP+D2T`, `SIPS+D2T`.
        service: String,
        /// The next name.
        replacement: String,
    },
    /// A server.
    Srv(Srv),
    /// An address.
    Address(IpAddr),
}

/// A server of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones first.
    pub priority: u16,
    /// Share among those of equal priority.
    pub weight: u16,
    /// Port.
    pub port: u16,
    /// Host; empty for "this service is decidedly not available here".
    pub target: String,
}

/// An answer; without records when the name has none of that kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The records.
    pub records: Vec<Record>,
    /// How long they, or their absence, hold.
    pub ttl_secs: u64,
}

/// No answer: servers were silent, or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsFault(pub String);

impl fmt::Display for DnsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DnsFault {}

/// Something that answers DNS questions.
pub trait Source: Send + Sync {
    /// Looks up the records of one kind at a name.
    fn lookup<'a>(
        &'a self,
        name: &'a str,
        kind: Kind,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, DnsFault>> + Send + 'a>>;
}
