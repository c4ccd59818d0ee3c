//! Transports: nothing to listen on, two on one port, addresses that cannot be right.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::{Lint, place};
use crate::config::finding::Finding;
use crate::config::model::transport::{Protocol, TlsMethod};
use crate::config::model::{Object, Transport};
use crate::config::origin::Origin;

pub(super) fn look(lint: &mut Lint<'_>) {
    let objects = lint.objects;
    if objects.transports.is_empty() && !objects.endpoints.is_empty() {
        let message = "there is no type=transport section: nothing listens for SIP";
        let finding = Finding::warning("no-transport", Origin::BUILT_IN, message);
        lint.push(finding).help("add [transport-udp] with type=transport, protocol=udp and bind=0.0.0.0");
    }
    let mut bound: HashMap<(bool, SocketAddr), &Transport> = HashMap::new();
    for transport in objects.transports.values().map(|transport| &**transport) {
        same_port(lint, transport, &mut bound);
        addresses(lint, transport);
        tls(lint, transport);
        if matches!(transport.protocol, Protocol::Ws | Protocol::Wss | Protocol::Flow) {
            let message = format!(
                "protocol={} is not yet obeyed: nothing listens there",
                option(transport, "protocol")
            );
            lint.warn("not-yet-obeyed", transport, "protocol", message).help("use udp, tcp or tls");
        }
    }
}

fn option(transport: &Transport, name: &str) -> String {
    transport.option(name).unwrap_or_default()
}

fn same_port<'a>(
    lint: &mut Lint<'_>,
    transport: &'a Transport,
    bound: &mut HashMap<(bool, SocketAddr), &'a Transport>,
) {
    let Some(bind) = transport.bind else { return };
    if let Some(other) = bound.insert((transport.protocol.is_stream(), bind), transport) {
        let at = place(&lint.subject, other.at());
        let message = format!("it listens on {bind}, as '{}' at {at} does: only one of them can", other.name);
        lint.warn("same-port", transport, "bind", message).help("give one of them another address or port");
    }
}

/// S4-83 to S4-86, S4-108.
fn addresses(lint: &mut Lint<'_>, transport: &Transport) {
    let external = ["external_signaling_address", "external_signaling_hostname", "external_media_address"];
    let set: Vec<&str> = external.into_iter().filter(|name| !option(transport, name).is_empty()).collect();
    if let Some(first) = set.first()
        && transport.local_net.is_empty()
    {
        let message = format!("{first} is set without local_net: phones in the local network get it as well");
        lint.warn("no-local-net", transport, first, message)
            .help("add local_net=NETWORK/BITS for each local network");
    }
    if set.is_empty() && !transport.local_net.is_empty() {
        let message = "local_net has no effect without external_signaling_address or external_media_address";
        lint.note("no-external-address", transport, "local_net", message);
    }
    if set.contains(&"external_media_address")
        != set.iter().any(|name| name.starts_with("external_signaling"))
    {
        let (has, lacks) = match set.first() {
            Some(&"external_media_address") => ("external_media_address", "external_signaling_address"),
            _ => ("external_signaling_address", "external_media_address"),
        };
        let message =
            format!("{has} is set, but not {lacks}: only half of what is said goes out with that address");
        lint.note("half-external-address", transport, has, message);
    }
}

fn tls(lint: &mut Lint<'_>, transport: &Transport) {
    if transport.protocol != Protocol::Tls {
        return;
    }
    for (name, value) in [("cert_file", &transport.cert_file), ("priv_key_file", &transport.priv_key_file)] {
        if value.is_empty() {
            let message = format!("it has no {name}: no phone can connect by TLS");
            lint.warn("no-certificate", transport, name, message)
                .help(format!("add {name}=/path/to/file.pem"));
        }
    }
    if matches!(transport.method, TlsMethod::Tlsv1 | TlsMethod::Tlsv1_1 | TlsMethod::Sslv2 | TlsMethod::Sslv3)
    {
        let message =
            format!("method={} is broken cryptography and is not offered", option(transport, "method"));
        lint.warn("old-tls", transport, "method", message)
            .help("use method=tlsv1_2 or tlsv1_3, or leave it away");
    }
}
