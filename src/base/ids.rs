//! Small identifiers that cross rooms.

use std::fmt;
use std::sync::Arc;

/// The name of a configured object: a `[section]` of `pjsip.conf` or an `id` of a `ps_*` row. Compared byte for byte,
/// as Asterisk does. Cheap to clone.
pub type Name = Arc<str>;

/// A configured transport, by its place in the running configuration's transport list. Stable for the life of the
/// listening socket: a reload that keeps the transport keeps the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportId(pub u16);

/// One connection of a stream transport, or 0 for datagrams. Never used twice in the life of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

impl FlowId {
    /// No connection: the message came, or goes, as a datagram.
    pub const DATAGRAM: FlowId = FlowId(0);

    /// Whether this names a connection.
    pub fn is_connection(self) -> bool {
        self.0 != 0
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flow-{}", self.0)
    }
}
