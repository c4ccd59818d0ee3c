//! `type=transport`: where we listen, and what we say of ourselves there.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::value::Fault;
use crate::config::value::lists::TextList;
use crate::config::value::network::{Bind, NetworkList, unmapped};
use crate::config::value::scalar::{Between, CapitalYesNo, Text, Tos, Truth, Uint};
use crate::config::value::spec::options;
use crate::config::value::words::{OneOf, words};

words! {
    /// `protocol`.
    Protocol {
        /// UDP.
        Udp = "udp",
        /// TCP.
        Tcp = "tcp",
        /// TLS over TCP.
        Tls = "tls",
        /// WebSocket; listens through http.conf.
        Ws = "ws",
        /// WebSocket over TLS; listens through http.conf.
        Wss = "wss",
        /// Takes its socket from an inbound connection.
        Flow = "flow",
    }
}

impl Protocol {
    /// The port when none is written.
    pub fn default_port(self) -> u16 {
        match self {
            Protocol::Tls => 5061,
            _ => 5060,
        }
    }

    /// Whether it is a byte stream.
    pub fn is_stream(self) -> bool {
        self != Protocol::Udp
    }
}

words! {
    /// `method`: the TLS version.
    TlsMethod {
        /// Whatever is safe.
        Unspecified = "unspecified" | "default",
        /// TLS 1.0.
        Tlsv1 = "tlsv1",
        /// TLS 1.1.
        Tlsv1_1 = "tlsv1_1",
        /// TLS 1.2.
        Tlsv1_2 = "tlsv1_2",
        /// TLS 1.3.
        Tlsv1_3 = "tlsv1_3",
        /// SSL 2.
        Sslv2 = "sslv2",
        /// SSL 3.
        Sslv3 = "sslv3",
        /// SSL 2 or 3 or TLS: the old word for "any".
        Sslv23 = "sslv23",
    }
}

options! {
    struct
    /// Where we listen, and what we say of ourselves there.
    #[derive(Clone, Debug, PartialEq)]
    Transport {
        /// Its name.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
    }
    OPTIONS: Transport, Transport::this, Transport::this_mut;

    /// Let reload rebind this transport.
    Obeyed "allow_reload" allow_reload: bool = false, Truth;
    /// With verify_server, accept wildcards in the leftmost label.
    Obeyed "allow_wildcard_certs" allow_wildcard_certs: bool = false, CapitalYesNo;
    /// Accepted, and always treated as 1, as in Asterisk.
    Moot "async_operations" async_operations: u32 = 1, Uint;
    /// Local address; the port is 5060, or 5061 for tls, where none is written.
    Obeyed "bind" bind: Option<SocketAddr> = None, Bind;
    /// File of trusted authorities.
    Obeyed "ca_list_file" ca_list_file: Name = Name::default(), Text;
    /// Directory of trusted authorities.
    Obeyed "ca_list_path" ca_list_path: Name = Name::default(), Text;
    /// Certificate chain; read again when the file changes.
    Obeyed "cert_file" cert_file: Name = Name::default(), Text;
    /// Allowed ciphers.
    Obeyed "cipher" cipher: Box<[Name]> = Box::default(), TextList;
    /// 802.1p class of signalling.
    Obeyed "cos" cos: u8 = 0, Between<0, 7>;
    /// Domain the transport serves; used in looking up endpoints.
    Obeyed "domain" domain: Name = Name::default(), Text;
    /// Address in SDP for peers outside local_net.
    Obeyed "external_media_address" external_media_address: Name = Name::default(), Text;
    /// Host in Via and Contact for destinations outside local_net.
    Obeyed "external_signaling_address" external_signaling_address: Name = Name::default(), Text;
    /// The same, written as it is and never resolved.
    Obeyed "external_signaling_hostname" external_signaling_hostname: Name = Name::default(), Text;
    /// Port beside the external address; 0 keeps the bound one.
    Obeyed "external_signaling_port" external_signaling_port: u16 = 0, Between<0, 65535>;
    /// Networks that need no external addresses.
    Obeyed "local_net" local_net: Vec<IpNet> = Vec::new(), NetworkList;
    /// TLS version.
    Obeyed "method" method: TlsMethod = TlsMethod::Unspecified, OneOf;
    /// Password of the private key.
    Later "password" password: Name = Name::default(), Text;
    /// Private key; read again when the file changes.
    Obeyed "priv_key_file" priv_key_file: Name = Name::default(), Text;
    /// What carries the messages.
    Obeyed "protocol" protocol: Protocol = Protocol::Udp, OneOf;
    /// Refuse TLS clients without certificate.
    Obeyed "require_client_cert" require_client_cert: bool = false, CapitalYesNo;
    /// Later requests to a peer go out by the transport it used.
    Obeyed "symmetric_transport" symmetric_transport: bool = false, Truth;
    /// SO_KEEPALIVE on streams.
    Obeyed "tcp_keepalive_enable" tcp_keepalive_enable: bool = false, Truth;
    /// TCP_KEEPIDLE in seconds.
    Obeyed "tcp_keepalive_idle_time" tcp_keepalive_idle_time_secs: u32 = 30, Uint;
    /// TCP_KEEPINTVL in seconds.
    Obeyed "tcp_keepalive_interval_time" tcp_keepalive_interval_time_secs: u32 = 1, Uint;
    /// TCP_KEEPCNT.
    Obeyed "tcp_keepalive_probe_count" tcp_keepalive_probe_count: u32 = 5, Uint;
    /// Type-of-service byte of signalling.
    Obeyed "tos" tos: u8 = 0, Tos;
    /// Check the client's certificate when one is given.
    Obeyed "verify_client" verify_client: bool = false, CapitalYesNo;
    /// Check the server's certificate of TLS we open.
    Obeyed "verify_server" verify_server: bool = false, CapitalYesNo;
    /// WebSocket write timeout in milliseconds.
    Later "websocket_write_timeout" websocket_write_timeout_ms: u32 = 100, Between<1, 2147483647>;
}

flat_object!(Transport, Transport, [OPTIONS], {
    fn settle(&mut self, faults: &mut Vec<(&'static str, Fault)>) {
        self.async_operations = 1;
        match &mut self.bind {
            Some(bind) if bind.port() == 0 => bind.set_port(self.protocol.default_port()),
            Some(_) => {}
            None if matches!(self.protocol, Protocol::Flow | Protocol::Ws | Protocol::Wss) => {}
            None => {
                let fault =
                    Fault::new("missing-option", "it has no address to listen on").help("add bind=0.0.0.0");
                faults.push(("bind", fault));
            }
        }
        if !self.external_signaling_address.is_empty() && !self.external_signaling_hostname.is_empty() {
            let message = "it cannot be set together with external_signaling_address";
            faults.push(("external_signaling_hostname", Fault::new("contradiction", message)));
        }
    }
});

impl Transport {
    /// Whether an address needs no external address: it lies in `local_net`. Without `local_net` none does.
    pub fn is_local(&self, address: IpAddr) -> bool {
        let address = unmapped(address);
        self.local_net.iter().any(|net| net.contains(&address))
    }
}
