//! What a request outside any dialog says, wherever it goes, and who wants to know how it ends.

use crate::base::ids::Name;
use crate::sip::wire::Uri;
use crate::switch::qualify::{Hop, hop_of};
use crate::switch::route::Known;
use std::net::SocketAddr;

/// Who wants to know how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::switch) enum Purpose {
    /// An outbound registration, by its number.
    Registration(u64),
    /// An outbound publication, by its number.
    Publication(u64),
    /// Nobody but the log.
    Told {
        /// `MESSAGE`, `NOTIFY`.
        what: &'static str,
        /// To whom, as it was asked for.
        to: Box<str>,
    },
}

/// Who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::switch) enum From {
    /// This From without its tag.
    Whole(Vec<u8>),
    /// This user at our own address, or at `domain` where that is not empty.
    Own {
        /// The user part.
        user: String,
        /// `from_domain`.
        domain: String,
    },
}

/// What our Contact looks like.
#[derive(Clone, Debug, Default)]
pub(in crate::switch) struct ContactForm {
    /// Its user part.
    pub user: String,
    /// `sips:`.
    pub secure: bool,
    /// Parameters of the URI, each with its `;`.
    pub uri_params: String,
    /// Parameters of the header, without the first `;`.
    pub header_params: String,
}

/// Everything that is said, wherever it goes.
#[derive(Clone, Debug)]
pub(in crate::switch) struct Request {
    /// Who wants to know.
    pub purpose: Purpose,
    /// `REGISTER`, …
    pub method: &'static str,
    /// The request URI.
    pub uri: Vec<u8>,
    /// Route values; empty for none.
    pub route: String,
    /// The transport that must be used; empty for any.
    pub transport: Name,
    /// How the peer came to us, when it did.
    pub known: Option<Known>,
    /// From.
    pub from: From,
    /// Its tag.
    pub tag: Vec<u8>,
    /// To.
    pub to: Vec<u8>,
    /// Call-ID.
    pub call_id: Vec<u8>,
    /// CSeq of the next time it is sent.
    pub cseq: u32,
    /// Our Contact; `None` for a request without one.
    pub contact: Option<ContactForm>,
    /// Further whole header lines.
    pub lines: Vec<u8>,
    /// User-Agent; the global one when empty.
    pub user_agent: Name,
    /// Content-Type and body.
    pub body: Option<(String, Vec<u8>)>,
    /// What challenges are answered with.
    pub auths: Vec<Name>,
    /// Targets that failed lately: tried last.
    pub avoid: Vec<SocketAddr>,
    /// Whether a 3xx is followed.
    pub follows: bool,
    /// Request URIs that redirected it.
    pub been: Vec<Vec<u8>>,
}

impl From {
    /// As written where our own host is this one.
    pub(super) fn at(&self, own: &str) -> Vec<u8> {
        match self {
            From::Whole(value) => value.clone(),
            From::Own { user, domain } => {
                format!("<sip:{user}@{}>", if domain.is_empty() { own } else { domain }).into_bytes()
            }
        }
    }
}

impl Request {
    /// The request line's URI and the Route values: a strict router takes its place in the request line.
    pub(super) fn hop(&self) -> Hop {
        let Ok(uri) = Uri::parse(&self.uri) else {
            return Hop { request_uri: self.uri.clone(), routes: Vec::new() };
        };
        hop_of(&uri, &self.route)
    }
}
