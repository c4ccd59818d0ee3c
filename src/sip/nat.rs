//! Address rules: where a response goes, which Contact or Record-Route is replaced by the packet's source, which of
//! our addresses a message names. Each answer names the rule that gave it.

use super::flow::{Arrival, Destination, Protocol};
use super::wire::{Contact, Header, Host, Message, NameAddr, Uri, Via};
use crate::base::digits;
use crate::base::ids::FlowId;
use crate::sip::method::Method;
use ipnet::IpNet;
use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which rule sent a response where it went (RFC 3261 18.2.2, RFC 3581 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseRule {
    /// Along the connection that brought the request.
    SameConnection,
    /// `force_rport`: to the packet's source, whatever the Via says.
    ForceRport,
    /// The Via asked for it with `rport`: to the packet's source.
    Rport,
    /// To the Via's `maddr`.
    Maddr,
    /// To the packet's source address, at the port the Via names (or 5060).
    SentByPort,
}

impl fmt::Display for ResponseRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResponseRule::SameConnection => "same connection",
            ResponseRule::ForceRport => "force_rport",
            ResponseRule::Rport => "rport in Via",
            ResponseRule::Maddr => "maddr in Via",
            ResponseRule::SentByPort => "port in Via",
        })
    }
}

/// Where the response to a request with this topmost Via goes.
///
/// `force_rport` stands above `maddr`: it is the default of every endpoint and of strangers, so nobody can have our
/// answers sent to a third party by writing that party's address into a Via.
pub fn response_destination(
    via: &Via<'_>,
    arrival: &Arrival,
    force_rport: bool,
) -> (Destination, ResponseRule) {
    let back = arrival.back();
    if arrival.protocol.is_reliable() {
        return (back, ResponseRule::SameConnection);
    }
    if force_rport {
        return (back, ResponseRule::ForceRport);
    }
    let sent_by_port = via.port.unwrap_or(arrival.protocol.default_port());
    if let Some(maddr) = via.params.value(b"maddr").and_then(Host::parse).and_then(Host::ip) {
        // A multicast answer leaves by the interface its group is routed to.
        let local = if maddr.is_multicast() { None } else { back.local };
        return (Destination { remote: (maddr, sent_by_port).into(), local, ..back }, ResponseRule::Maddr);
    }
    if via.params.has(b"rport") {
        return (back, ResponseRule::Rport);
    }
    let remote = SocketAddr::new(arrival.source.ip(), sent_by_port);
    (Destination { remote, ..back }, ResponseRule::SentByPort)
}

/// Where a response goes when the connection that brought its request is gone: a new connection to the same host, at
/// the port the Via names (RFC 3261 18.2.2). `None` for datagrams and for WebSocket clients, which cannot be called.
pub fn response_without_connection(via: &Via<'_>, arrival: &Arrival) -> Option<Destination> {
    if !matches!(arrival.protocol, Protocol::Tcp | Protocol::Tls) {
        return None;
    }
    let port = via.port.unwrap_or(arrival.protocol.default_port());
    let remote = SocketAddr::new(arrival.source.ip(), port);
    Some(Destination { flow: FlowId::DATAGRAM, remote, local: None, ..arrival.back() })
}

/// Whether an address is reachable inside one site only: RFC 1918, RFC 6598 (carrier NAT), RFC 4193, link local.
pub fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => private_v4(a),
        IpAddr::V6(a) => match a.to_ipv4_mapped() {
            Some(a) => private_v4(a),
            None => private_v6(a),
        },
    }
}

fn private_v4(a: Ipv4Addr) -> bool {
    let [first, second, ..] = a.octets();
    a.is_private() || a.is_link_local() || (first == 100 && (64..128).contains(&second))
}

fn private_v6(a: Ipv6Addr) -> bool {
    a.is_unique_local() || a.is_unicast_link_local()
}

/// Which header of a received message has its host replaced by the packet's source.
#[derive(Clone, Copy, Debug)]
pub enum Rewrite<'m> {
    /// The Record-Route next to us. Contact is left alone: the proxy knows the way to it.
    RecordRoute(NameAddr<'m>),
    /// The first Contact.
    Contact(NameAddr<'m>),
    /// None.
    Nothing(Untouched),
}

/// Why nothing is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Untouched {
    /// `rewrite_contact=no`.
    Off,
    /// There is no Contact.
    NoContact,
    /// The Contact is `*`, no SIP URI, or broken.
    NotAnAddress,
}

/// Applies `rewrite_contact` to a received message. Over WebSockets the Contact is rewritten whatever the option says:
/// a browser cannot know its address.
pub fn rewrite_rule<'m>(message: &Message<'m>, protocol: Protocol, rewrite_contact: bool) -> Rewrite<'m> {
    let web = matches!(protocol, Protocol::Ws | Protocol::Wss);
    if !rewrite_contact && !web {
        return Rewrite::Nothing(Untouched::Off);
    }
    if rewrite_contact && let Some(route) = nearest_record_route(message) {
        return Rewrite::RecordRoute(route);
    }
    match message.contacts().next() {
        None => Rewrite::Nothing(Untouched::NoContact),
        Some(Ok(Contact::Address(address))) if address.uri().is_ok_and(|uri| uri.is_sip()) => {
            Rewrite::Contact(address)
        }
        Some(_) => Rewrite::Nothing(Untouched::NotAnAddress),
    }
}

/// The Record-Route value of the hop next to us: the first of a request, the last of a response. A REGISTER builds no
/// route, so its own is not looked at.
fn nearest_record_route<'m>(message: &Message<'m>) -> Option<NameAddr<'m>> {
    let mut values = message.values(Header::RecordRoute);
    let value = match message.method() {
        Some(Method::Register) => None,
        Some(_) => values.next(),
        None => values.last(),
    };
    NameAddr::parse(value?).ok().filter(|address| address.uri().is_ok_and(|uri| uri.is_sip()))
}

/// The parameter that remembers what a phone called itself before its Contact was rewritten.
pub const ORIGINAL_HOST: &str = "x-ast-orig-host";

/// The parameter in which a stored Contact names the transport it came by (`symmetric_transport`).
pub const TRANSPORT_NAME: &str = "x-ast-txp";

/// Writes `uri` with the packet's source as host and port and the transport it came by (none for UDP). For a REGISTER
/// (`keep_original`) whose host changes, the old `host:port` is appended as [`ORIGINAL_HOST`], port 0 for none.
///
/// Parameters are written as pjproject orders them (user, transport, ttl, method, maddr, lr, others), because stored
/// contacts are named by a hash of this text and a shared table must not hold one phone twice.
pub fn write_rewritten(
    out: &mut Vec<u8>,
    uri: &Uri<'_>,
    source: SocketAddr,
    protocol: Protocol,
    keep_original: bool,
) {
    write_stem(out, uri, ip_host(source.ip()), Some(source.port()));
    let transport = match protocol {
        Protocol::Udp => None,
        Protocol::Ws | Protocol::Wss => Some("ws"),
        stream => Some(stream.via_token()),
    };
    let known: [&[u8]; 6] = [b"user", b"transport", b"ttl", b"method", b"maddr", b"lr"];
    for name in known {
        if name == b"transport" {
            if let Some(transport) = transport {
                push_all(out, &[b";transport=", transport.as_bytes()]);
            }
        } else if let Some(value) = uri.params.find(name) {
            write_param(out, name, value);
        }
    }
    for (name, value) in uri.params.iter() {
        if !known.iter().any(|k| name.eq_ignore_ascii_case(k)) && !is_internal(name) {
            write_param(out, name, value);
        }
    }
    if keep_original && uri.host.ip() != Some(source.ip()) {
        write!(out, ";{ORIGINAL_HOST}={}:{}", uri.host, uri.port.unwrap_or(0)).expect(INTO_A_VEC);
    }
    write_headers(out, uri);
}

/// Appends [`TRANSPORT_NAME`] to a URI without headers; what a parameter may not hold is escaped.
pub fn write_transport_name(out: &mut Vec<u8>, transport: &str) {
    push_all(out, &[b";", TRANSPORT_NAME.as_bytes(), b"="]);
    for byte in transport.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$".contains(&byte) {
            out.push(byte);
        } else {
            write!(out, "%{byte:02X}").expect(INTO_A_VEC);
        }
    }
}

/// The transport that a stored Contact names.
pub fn transport_name(uri: &Uri<'_>) -> Option<Vec<u8>> {
    uri.params.value(TRANSPORT_NAME.as_bytes()).map(crate::sip::wire::text::percent_decode)
}

/// The host and port a rewritten Contact had, when it remembers them; port 0 means none was written.
pub fn original_host<'m>(uri: &Uri<'m>) -> Option<(Host<'m>, u16)> {
    let value = uri.params.value(ORIGINAL_HOST.as_bytes())?;
    let colon = value.iter().rposition(|b| *b == b':')?;
    let port = std::str::from_utf8(&value[colon + 1..]).ok()?.parse().ok()?;
    Some((Host::parse(&value[..colon])?, port))
}

/// Writes `uri` as the phone itself wrote it: host and port taken back from [`ORIGINAL_HOST`], internal parameters
/// gone. For the Contacts of a REGISTER's 200.
pub fn write_restored(out: &mut Vec<u8>, uri: &Uri<'_>) {
    let (host, port) = match original_host(uri) {
        Some((host, port)) => (host, Some(port).filter(|p| *p != 0)),
        None => (uri.host, uri.port),
    };
    write_stem(out, uri, host, port);
    write_public_params(out, uri);
}

/// Whether a URI has a parameter that is ours alone (`x-ast-…`). A peer may not send them, and no peer gets them.
pub fn has_internal_params(uri: &Uri<'_>) -> bool {
    uri.params.iter().any(|(name, _)| is_internal(name))
}

/// Writes `uri` without our own parameters, everything else byte for byte.
pub fn write_without_internal(out: &mut Vec<u8>, uri: &Uri<'_>) {
    if !uri.is_sip() || !has_internal_params(uri) {
        out.extend_from_slice(uri.raw);
        return;
    }
    write_stem(out, uri, uri.host, uri.port);
    write_public_params(out, uri);
}

fn is_internal(name: &[u8]) -> bool {
    name.get(..INTERNAL_PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(INTERNAL_PREFIX))
}

const INTERNAL_PREFIX: &[u8] = b"x-ast-";
const INTO_A_VEC: &str = "writing to a Vec cannot fail";

/// `scheme:user:password@host:port`.
fn write_stem(out: &mut Vec<u8>, uri: &Uri<'_>, host: Host<'_>, port: Option<u16>) {
    let scheme_end = memchr::memchr(b':', uri.raw).map_or(0, |colon| colon + 1);
    out.extend_from_slice(&uri.raw[..scheme_end]);
    if let Some(user) = uri.user {
        out.extend_from_slice(user);
        if let Some(password) = uri.password {
            push_all(out, &[b":", password]);
        }
        out.push(b'@');
    }
    match host {
        Host::Name(name) => out.extend_from_slice(name),
        address => write!(out, "{address}").expect(INTO_A_VEC),
    }
    if let Some(port) = port {
        write!(out, ":{port}").expect(INTO_A_VEC);
    }
}

fn ip_host(address: IpAddr) -> Host<'static> {
    match address {
        IpAddr::V4(a) => Host::V4(a),
        IpAddr::V6(a) => Host::V6(a),
    }
}

fn write_public_params(out: &mut Vec<u8>, uri: &Uri<'_>) {
    for (name, value) in uri.params.iter().filter(|(name, _)| !is_internal(name)) {
        write_param(out, name, value);
    }
    write_headers(out, uri);
}

fn write_param(out: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>) {
    push_all(out, &[b";", name]);
    if let Some(value) = value {
        push_all(out, &[b"=", value]);
    }
}

fn write_headers(out: &mut Vec<u8>, uri: &Uri<'_>) {
    if !uri.headers.is_empty() {
        push_all(out, &[b"?", uri.headers]);
    }
}

fn push_all(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    pieces.iter().for_each(|piece| out.extend_from_slice(piece));
}

/// What a transport says about addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outside<'c> {
    /// `local_net`: destinations that see our own address. Empty: every destination counts as outside.
    pub local_net: &'c [IpNet],
    /// `external_signaling_address` or `external_signaling_hostname`.
    pub address: Option<AdvertisedHost<'c>>,
    /// `external_signaling_port`; 0 keeps the local port.
    pub port: u16,
}

/// A host as we write it into Via and Contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvertisedHost<'c> {
    /// An address; IPv6 in brackets.
    Ip(IpAddr),
    /// A name, as configured.
    Name(&'c str),
}

impl AdvertisedHost<'_> {
    /// As a message names it.
    pub fn text(&self) -> String {
        match self {
            AdvertisedHost::Ip(ip) => digits::host_text(*ip),
            AdvertisedHost::Name(name) => (*name).to_owned(),
        }
    }
}

impl fmt::Display for AdvertisedHost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdvertisedHost::Ip(IpAddr::V6(a)) => write!(f, "[{a}]"),
            AdvertisedHost::Ip(a) => a.fmt(f),
            AdvertisedHost::Name(name) => f.write_str(name),
        }
    }
}

/// Which rule chose the address a message names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRule {
    /// No external address is configured: the interface's own.
    Interface,
    /// The destination is inside this `local_net`: the interface's own.
    LocalNet(IpNet),
    /// The destination is in none of the `local_net`s: the external address.
    OutsideLocalNet,
    /// There is no `local_net`: the external address for everyone.
    NoLocalNet,
}

impl fmt::Display for AddressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressRule::Interface => f.write_str("no external_signaling_address"),
            AddressRule::LocalNet(net) => write!(f, "destination in local_net {net}"),
            AddressRule::OutsideLocalNet => f.write_str("destination outside local_net"),
            AddressRule::NoLocalNet => f.write_str("external_signaling_address without local_net"),
        }
    }
}

/// Host and port that Via and Contact of a message to `destination` name. `interface` is the address this machine
/// sends from towards it, with the port its transport listens on.
pub fn advertised<'c>(
    interface: SocketAddr,
    destination: IpAddr,
    outside: &Outside<'c>,
) -> (AdvertisedHost<'c>, u16, AddressRule) {
    let own = AdvertisedHost::Ip(interface.ip());
    if let Some(net) = outside.local_net.iter().find(|net| net.contains(&destination)) {
        return (own, interface.port(), AddressRule::LocalNet(*net));
    }
    let Some(address) = outside.address else {
        return (own, interface.port(), AddressRule::Interface);
    };
    let port = if outside.port == 0 { interface.port() } else { outside.port };
    let rule =
        if outside.local_net.is_empty() { AddressRule::NoLocalNet } else { AddressRule::OutsideLocalNet };
    (address, port, rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::TransportId;
    use crate::sip::wire::Index;

    fn arrival(protocol: Protocol) -> Arrival {
        Arrival {
            transport: TransportId(0),
            protocol,
            flow: FlowId(u64::from(protocol.is_reliable())),
            source: "192.0.2.1:40000".parse().expect("address"),
            local: "198.51.100.1:5060".parse().expect("address"),
        }
    }

    fn routed(via: &str, protocol: Protocol, force_rport: bool) -> (String, ResponseRule) {
        let via = Via::parse(via.as_bytes()).expect("via");
        let (to, rule) = response_destination(&via, &arrival(protocol), force_rport);
        (to.remote.to_string(), rule)
    }

    /// S4-53, S4-81.
    #[test]
    fn responses_follow_rfc_3261_18_2_2_and_rfc_3581() {
        use Protocol::{Tcp, Udp};
        let plain = "SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bK1";
        assert_eq!(routed(plain, Udp, false), ("192.0.2.1:5080".into(), ResponseRule::SentByPort));
        assert_eq!(routed(plain, Udp, true), ("192.0.2.1:40000".into(), ResponseRule::ForceRport));
        let plain = "SIP/2.0/UDP pc.example.com";
        assert_eq!(routed(plain, Udp, false), ("192.0.2.1:5060".into(), ResponseRule::SentByPort));
        let rport = "SIP/2.0/UDP 10.0.0.1:5080;rport;branch=z9hG4bK1";
        assert_eq!(routed(rport, Udp, false), ("192.0.2.1:40000".into(), ResponseRule::Rport));
        let maddr = "SIP/2.0/UDP 10.0.0.1:5080;rport;maddr=224.0.1.75";
        assert_eq!(routed(maddr, Udp, false), ("224.0.1.75:5080".into(), ResponseRule::Maddr));
        assert_eq!(routed(maddr, Udp, true), ("192.0.2.1:40000".into(), ResponseRule::ForceRport));
        let tcp = "SIP/2.0/TCP 10.0.0.1:5080;maddr=203.0.113.9";
        assert_eq!(routed(tcp, Tcp, false), ("192.0.2.1:40000".into(), ResponseRule::SameConnection));
        let via = Via::parse(tcp.as_bytes()).expect("via");
        let to = response_without_connection(&via, &arrival(Tcp)).expect("tcp can be called back");
        assert_eq!((to.remote.to_string(), to.flow), ("192.0.2.1:5080".into(), FlowId::DATAGRAM));
        assert!(response_without_connection(&via, &arrival(Udp)).is_none());
        assert!(response_without_connection(&via, &arrival(Protocol::Wss)).is_none());
    }

    fn rewritten(uri: &str, protocol: Protocol, keep: bool) -> String {
        let uri = Uri::parse(uri.as_bytes()).expect("uri");
        let mut out = Vec::new();
        write_rewritten(&mut out, &uri, arrival(protocol).source, protocol, keep);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_rewritten_contact_names_the_source_and_remembers_itself() {
        let uri = "sip:100;x=1@10.0.0.7;ob;transport=tcp;user=phone?a=b";
        let r = rewritten(uri, Protocol::Udp, true);
        assert_eq!(r, "sip:100;x=1@192.0.2.1:40000;user=phone;ob;x-ast-orig-host=10.0.0.7:0?a=b");
        // A phone cannot say what only we may remember.
        let forged = "sip:100@192.0.2.1;x-ast-orig-host=1.2.3.4:5;X-AST-txp=other;a=b";
        assert_eq!(rewritten(forged, Protocol::Udp, true), "sip:100@192.0.2.1:40000;a=b");
        let r = rewritten("sip:100@phone.lan:5070", Protocol::Tls, true);
        assert_eq!(r, "sip:100@192.0.2.1:40000;transport=TLS;x-ast-orig-host=phone.lan:5070");
        let uri = Uri::parse(r.as_bytes()).expect("uri");
        assert_eq!(original_host(&uri), Some((Host::Name(b"phone.lan"), 5070)));
        let mut out = Vec::new();
        write_restored(&mut out, &uri);
        assert_eq!(out, b"sip:100@phone.lan:5070;transport=TLS");
        out.clear();
        write_without_internal(&mut out, &uri);
        assert_eq!(out, b"sip:100@192.0.2.1:40000;transport=TLS");
        // Only a REGISTER remembers, and only a host that changed.
        assert_eq!(rewritten("sip:100@10.0.0.7", Protocol::Udp, false), "sip:100@192.0.2.1:40000");
        assert_eq!(rewritten("sip:100@192.0.2.1:5070", Protocol::Udp, true), "sip:100@192.0.2.1:40000");
        let web = rewritten("sip:a@x9.invalid;transport=ws", Protocol::Wss, true);
        assert_eq!(web, "sip:a@192.0.2.1:40000;transport=ws;x-ast-orig-host=x9.invalid:0");
        let six = rewritten("sip:a@[2001:db8::7]:5080", Protocol::Udp, true);
        assert_eq!(six, "sip:a@192.0.2.1:40000;x-ast-orig-host=[2001:db8::7]:5080");
        let uri = Uri::parse(six.as_bytes()).expect("uri");
        assert_eq!(
            original_host(&uri).map(|(h, p)| (h.to_string(), p)),
            Some(("[2001:db8::7]".into(), 5080))
        );
    }

    #[test]
    fn text_without_internal_parameters_stays_as_it_is() {
        for raw in ["sip:a%20b@H;LR;Q=x?y=z", "tel:+1;phone-context=x", "sip:h"] {
            let mut out = Vec::new();
            write_without_internal(&mut out, &Uri::parse(raw.as_bytes()).expect("uri"));
            assert_eq!(out, raw.as_bytes());
        }
    }

    #[test]
    fn a_record_route_is_rewritten_before_a_contact() {
        let head =
            "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n";
        let rr = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nContact: <sip:a@10.0.0.7>\r\n\r\n";
        let rule = |text: String, protocol, on| {
            let mut index = Index::default();
            let message = index.scan(text.as_bytes()).expect("message");
            match rewrite_rule(&message, protocol, on) {
                Rewrite::RecordRoute(a) => format!("rr {}", String::from_utf8_lossy(a.uri_text)),
                Rewrite::Contact(a) => format!("contact {}", String::from_utf8_lossy(a.uri_text)),
                Rewrite::Nothing(why) => format!("{why:?}"),
            }
        };
        let invite = format!("INVITE sip:b@h SIP/2.0\r\n{head}CSeq: 1 INVITE\r\n{rr}");
        assert_eq!(rule(invite.clone(), Protocol::Udp, true), "rr sip:p1;lr");
        assert_eq!(rule(invite.clone(), Protocol::Udp, false), "Off");
        assert_eq!(rule(invite, Protocol::Ws, false), "contact sip:a@10.0.0.7");
        let answer = format!("SIP/2.0 200 OK\r\n{head}CSeq: 1 INVITE\r\n{rr}");
        assert_eq!(rule(answer, Protocol::Udp, true), "rr sip:p2;lr");
        let register = format!("REGISTER sip:h SIP/2.0\r\n{head}CSeq: 1 REGISTER\r\n{rr}");
        assert_eq!(rule(register, Protocol::Udp, true), "contact sip:a@10.0.0.7");
        let star = format!("REGISTER sip:h SIP/2.0\r\n{head}CSeq: 1 REGISTER\r\nContact: *\r\n\r\n");
        assert_eq!(rule(star, Protocol::Udp, true), "NotAnAddress");
        let query = format!("REGISTER sip:h SIP/2.0\r\n{head}CSeq: 1 REGISTER\r\n\r\n");
        assert_eq!(rule(query, Protocol::Udp, true), "NoContact");
    }

    #[test]
    fn the_advertised_address_and_the_rule_that_chose_it() {
        let nets: [IpNet; 2] = ["10.0.0.0/8".parse().expect("net"), "fd00::/8".parse().expect("net")];
        let interface: SocketAddr = "10.0.0.5:5060".parse().expect("address");
        let ip = |s: &str| s.parse::<IpAddr>().expect("address");
        let address = Some(AdvertisedHost::Ip(ip("203.0.113.1")));
        let outside = Outside { local_net: &nets, address, port: 5090 };
        let own = AdvertisedHost::Ip(interface.ip());
        assert_eq!(
            advertised(interface, ip("10.1.1.1"), &outside),
            (own, 5060, AddressRule::LocalNet(nets[0]))
        );
        assert_eq!(
            advertised(interface, ip("192.0.2.9"), &outside),
            (AdvertisedHost::Ip(ip("203.0.113.1")), 5090, AddressRule::OutsideLocalNet)
        );
        let all = Outside { local_net: &[], address: Some(AdvertisedHost::Name("pbx.example.com")), port: 0 };
        assert_eq!(
            advertised(interface, ip("10.1.1.1"), &all),
            (AdvertisedHost::Name("pbx.example.com"), 5060, AddressRule::NoLocalNet)
        );
        assert_eq!(
            advertised(interface, ip("192.0.2.9"), &Outside { local_net: &nets, ..Outside::default() }),
            (own, 5060, AddressRule::Interface)
        );
        assert_eq!(AdvertisedHost::Ip(ip("2001:db8::1")).to_string(), "[2001:db8::1]");
    }

    #[test]
    fn private_addresses() {
        for yes in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(private(yes.parse().expect("address")), "{yes}");
        }
        for no in
            ["172.32.0.1", "100.128.0.1", "8.8.8.8", "127.0.0.1", "2001:db8::1", "::1", "::ffff:8.8.8.8"]
        {
            assert!(!private(no.parse().expect("address")), "{no}");
        }
    }
}
