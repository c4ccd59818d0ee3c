//! Why a socket could not be opened.

use crate::base::ids::Name;
use crate::sip::flow::Protocol;
use std::fmt;
use std::net::SocketAddr;

/// A transport that does not listen, and why. Displays as one sentence that names the object.
#[derive(Debug)]
pub struct OpenFault {
    /// The `type=transport` section's name.
    pub transport: Name,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its `bind`.
    pub bind: SocketAddr,
    /// The step that failed.
    pub step: &'static str,
    /// The system's words.
    pub error: std::io::Error,
}

impl fmt::Display for OpenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OpenFault { transport, protocol, bind, step, error } = self;
        write!(f, "Transport '{transport}' could not be started: {step} {protocol} {bind}: {error}")?;
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                write!(f, "; another program or another transport listens there (see: ss -ltunp)")
            }
            std::io::ErrorKind::AddrNotAvailable => {
                write!(f, "; no interface of this machine has that address (see: ip address)")
            }
            std::io::ErrorKind::PermissionDenied => {
                write!(f, "; ports below 1024 need root or CAP_NET_BIND_SERVICE")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for OpenFault {}
