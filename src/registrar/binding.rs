//! One registered contact, as kept in memory and in the store.

use crate::base::ids::{FlowId, Name};
use crate::base::time::WallTime;
use std::net::IpAddr;

/// A dynamic contact of an aor: what `ps_contacts` holds, plus what RFC 3261 10.3 and RFC 5626 need.
/// Text fields are bytes as the phone sent them where SIP allows more than UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The aor it belongs to.
    pub aor: Name,
    /// The URI after NAT rewriting, parameters included, no brackets. At most [`crate::base::limits::CONTACT_URI_BYTES`].
    pub uri: Box<str>,
    /// MD5 of `uri`: the hash in its id `<aor>;@<hash>` and in `show contacts`.
    pub hash: [u8; 16],
    /// When it ends.
    pub expires: WallTime,
    /// `q` of the Contact in thousandths; 1000 when absent.
    pub q: u16,
    /// The endpoint that registered it.
    pub endpoint: Name,
    /// Call-ID of the REGISTER that made or last refreshed it.
    pub call_id: Box<str>,
    /// CSeq of that REGISTER (RFC 3261 10.3).
    pub cseq: u32,
    /// User-Agent header, empty when none.
    pub user_agent: Box<str>,
    /// Path values joined with `,` when the aor has `support_path`, else empty.
    pub path: Box<str>,
    /// Sent-by host and port of the bottom Via (port 0 when absent).
    pub via: (Box<str>, u16),
    /// `+sip.instance` without its quotes, empty when none (RFC 5626).
    pub instance: Box<str>,
    /// `reg-id`, 0 when none (RFC 5626).
    pub reg_id: u32,
    /// The transport it came by, for `symmetric_transport` and for showing.
    pub transport: Name,
    /// The packet source, so that the operator can see who really holds a slot.
    pub source: (IpAddr, u16),
    /// `systemname` of the server that took it.
    pub reg_server: Name,
    /// Lives and dies with its connection (rewritten contact on a stream, WebSocket).
    pub prune_on_boot: bool,
    /// The connection it came by in this life of the process; not stored.
    pub flow: FlowId,
}

impl Binding {
    /// The hash as 32 hexadecimal digits.
    pub fn hash_hex(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.hash))
    }

    /// Whether `new` differs from this only in what [`ContactChange::Refresh`] carries.
    pub fn same_but_expiry(&self, new: &Binding) -> bool {
        self.uri == new.uri
            && self.q == new.q
            && self.endpoint == new.endpoint
            && self.call_id == new.call_id
            && self.user_agent == new.user_agent
            && self.path == new.path
            && self.via == new.via
            && self.instance == new.instance
            && self.reg_id == new.reg_id
            && self.transport == new.transport
            && self.source == new.source
            && self.reg_server == new.reg_server
            && self.prune_on_boot == new.prune_on_boot
    }

    /// `<aor>;@<hash>`: the id of its `ps_contacts` row.
    pub fn id(&self) -> String {
        format!("{};@{}", self.aor, self.hash_hex())
    }
}

/// A change to the stored contacts. Changes are committed in order, grouped; a REGISTER's 200 leaves after the commit
/// of the last of its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactChange {
    /// A new binding, or an old one with changed fields.
    Put(Box<Binding>),
    /// Only its expiry, Call-ID and CSeq changed: the everyday refresh.
    Refresh {
        /// Its aor.
        aor: Name,
        /// Its hash.
        hash: [u8; 16],
        /// The new end.
        expires: WallTime,
        /// The CSeq of the refreshing REGISTER.
        cseq: u32,
    },
    /// Gone: expired, replaced, unregistered, pruned.
    Remove {
        /// Its aor.
        aor: Name,
        /// Its hash.
        hash: [u8; 16],
    },
}
