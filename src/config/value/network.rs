//! Addresses: networks with masks in either form, `match` entries, bind addresses.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::lists::parts;
use super::spec::{Codec, Cx, Fault};
use crate::base::ids::Name;

/// Reads `address[/mask]`, the mask as prefix length or dotted. The host bits are cut off.
pub fn network(text: &str) -> Result<IpNet, Fault> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
    let Ok(address) = bare.trim().parse::<IpAddr>() else {
        return Err(Fault::new("bad-address", format!("'{address}' is not an IP address")));
    };
    let address = unmapped(address);
    let width = if address.is_ipv4() { 32 } else { 128 };
    let len = match mask.map(str::trim) {
        None => width,
        Some(mask) => prefix_len(mask, address, width)?,
    };
    let net =
        IpNet::new(address, len).map_err(|_| Fault::new("bad-mask", format!("'/{len}' is too long")))?;
    Ok(net.trunc())
}

fn prefix_len(mask: &str, address: IpAddr, width: u8) -> Result<u8, Fault> {
    if let Ok(len) = mask.parse::<u8>() {
        if len > width {
            let message = format!("prefix length /{len} is too long: this address has {width} bits");
            return Err(Fault::new("bad-mask", message));
        }
        return Ok(len);
    }
    let Ok(mask_address) = mask.parse::<IpAddr>() else {
        let fault = Fault::new("bad-mask", format!("'{mask}' is not a netmask"));
        let wrong = mask.split('.').find(|part| part.parse::<u8>().is_err());
        return Err(match wrong {
            Some(part) if mask.split('.').count() == 4 => {
                fault.help(format!("'{part}' is not a number from 0 to 255"))
            }
            _ => fault.help("write a prefix length (/24) or a dotted mask (/255.255.255.0)"),
        });
    };
    let len = ipnet::ip_mask_to_prefix(mask_address)
        .ok()
        .filter(|_| mask_address.is_ipv4() == address.is_ipv4())
        .ok_or_else(|| {
            Fault::new("bad-mask", format!("'{mask}' is not a netmask: its ones are not contiguous"))
        })?;
    Ok(len)
}

/// An IPv4-mapped IPv6 address is compared as the IPv4 address it stands for.
pub fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// `address/dotted.mask`, as Asterisk prints rules.
pub fn with_mask(net: &IpNet) -> String {
    format!("{}/{}", net.addr(), net.netmask())
}

/// One entry of `match`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Match {
    /// Addresses.
    Net {
        /// The network.
        net: IpNet,
        /// The source port, where one is demanded.
        port: Option<u16>,
        /// `!`: an exclusion.
        negated: bool,
    },
    /// A host name, to be resolved.
    Host {
        /// The name.
        host: Name,
        /// The source port, where one is demanded.
        port: Option<u16>,
    },
}

impl Match {
    /// Whether this entry speaks of that source, negated or not. A host name speaks of none until it is resolved.
    pub fn covers(&self, source: SocketAddr) -> bool {
        match self {
            Match::Net { net, port, .. } => {
                net.contains(&unmapped(source.ip())) && port.is_none_or(|port| port == source.port())
            }
            Match::Host { .. } => false,
        }
    }
}

/// `match`: comma list, repeatable.
#[derive(Debug)]
pub struct MatchList;

impl Codec<Vec<Match>> for MatchList {
    fn apply(field: &mut Vec<Match>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        for (offset, part) in parts(text) {
            field.push(match_entry(part, cx).map_err(|fault| fault.offset(offset))?);
        }
        Ok(())
    }

    fn print(field: &Vec<Match>, lines: &mut Vec<String>) {
        lines.extend(field.iter().map(|entry| match entry {
            Match::Net { net, port, negated } => {
                let sign = if *negated { "!" } else { "" };
                match port {
                    Some(port) if net.addr().is_ipv6() => {
                        format!("{sign}[{}]:{port}/{}", net.addr(), net.netmask())
                    }
                    Some(port) => format!("{sign}{}:{port}/{}", net.addr(), net.netmask()),
                    None => format!("{sign}{}", with_mask(net)),
                }
            }
            Match::Host { host, port: Some(port) } => format!("{host}:{port}"),
            Match::Host { host, port: None } => host.to_string(),
        }));
        if field.is_empty() {
            lines.push(String::new());
        }
    }

    /// The order of the entries decides, so they go into one line each, in order.
    fn write(field: &Vec<Match>, lines: &mut Vec<String>) {
        lines.extend(field.iter().map(|entry| match entry {
            Match::Net { net, port, negated } => {
                let sign = if *negated { "!" } else { "" };
                let mask = if net.prefix_len() == net.max_prefix_len() {
                    String::new()
                } else {
                    format!("/{}", net.prefix_len())
                };
                match port {
                    Some(port) if net.addr().is_ipv6() => format!("{sign}[{}]:{port}{mask}", net.addr()),
                    Some(port) => format!("{sign}{}:{port}{mask}", net.addr()),
                    None => format!("{sign}{}{mask}", net.addr()),
                }
            }
            Match::Host { host, port: Some(port) } => format!("{host}:{port}"),
            Match::Host { host, port: None } => host.to_string(),
        }));
    }
}

fn match_entry(text: &str, cx: &mut Cx) -> Result<Match, Fault> {
    let (negated, rest) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    if let Some((address, mask)) = rest.split_once('/') {
        let (address, port) = split_port(address);
        remark_host_bits(address, mask, cx);
        return Ok(Match::Net { net: network(&format!("{address}/{mask}"))?, port, negated });
    }
    let (address, port) = split_port(rest);
    if let Ok(net) = network(address) {
        return Ok(Match::Net { net, port, negated });
    }
    if negated {
        return Err(Fault::new(
            "bad-address",
            format!("'!{rest}': only addresses can be excluded, not host names"),
        ));
    }
    host_name(address)?;
    Ok(Match::Host { host: cx.name(address), port })
}

/// A network whose address has bits beyond its mask, or a whole-world or single-host mask that hardly is meant.
fn remark_host_bits(address: &str, mask: &str, cx: &mut Cx) {
    let Ok(net) = network(&format!("{address}/{mask}")) else { return };
    let Ok(address) = address.trim_matches(['[', ']']).parse::<IpAddr>() else { return };
    let address = unmapped(address);
    if net.addr() == address || net.prefix_len() == 0 {
        return;
    }
    cx.remark(
        Fault::new("host-bits", format!("{address}/{mask} has bits beyond the mask; it means {net}"))
            .help(format!("write {net}, or {address} for that host alone")),
    );
}

/// `host:port`, `[v6]:port`, or either without port.
pub fn split_port(text: &str) -> (&str, Option<u16>) {
    let colon = match text.rfind(']') {
        Some(close) => text[close..].find(':').map(|at| at + close),
        // More than one colon without brackets is an IPv6 address.
        None => text.find(':').filter(|first| text.rfind(':') == Some(*first)),
    };
    let Some(colon) = colon else { return (text, None) };
    match text[colon + 1..].parse() {
        Ok(port) => (&text[..colon], Some(port)),
        Err(_) => (text, None),
    }
}

/// Whether a text can be a host name, with the reason if not.
pub fn host_name(text: &str) -> Result<(), Fault> {
    let dotted_number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let legal = !text.is_empty()
        && text.len() <= 253
        && !dotted_number
        && text.trim_end_matches('.').split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
        });
    if legal {
        return Ok(());
    }
    Err(Fault::new("bad-address", format!("'{text}' is neither an IP address nor a host name")))
}

/// A list of networks, comma separated and repeatable.
#[derive(Debug)]
pub struct NetworkList;

impl Codec<Vec<IpNet>> for NetworkList {
    fn apply(field: &mut Vec<IpNet>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        for (offset, part) in parts(text) {
            field.push(network(part).map_err(|fault| fault.offset(offset))?);
            if let Some((address, mask)) = part.split_once('/') {
                remark_host_bits(address, mask, cx);
            }
        }
        Ok(())
    }

    fn print(field: &Vec<IpNet>, lines: &mut Vec<String>) {
        lines.extend(field.iter().map(with_mask));
        if field.is_empty() {
            lines.push(String::new());
        }
    }

    fn write(field: &Vec<IpNet>, lines: &mut Vec<String>) {
        lines.extend(field.iter().map(IpNet::to_string));
    }
}

/// `ip[:port]` to listen on. Port 0 means the protocol's own.
#[derive(Debug)]
pub struct Bind;

impl Codec<Option<SocketAddr>> for Bind {
    fn apply(field: &mut Option<SocketAddr>, text: &str, _: &mut Cx) -> Result<(), Fault> {
        let (address, port) = split_port(text);
        let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
        let ip: IpAddr = bare.parse().map_err(|_| {
            let fault = Fault::new("bad-address", format!("'{text}' is not an address to listen on"));
            if text.starts_with(':') || text.parse::<u16>().is_ok() {
                fault.help("write 0.0.0.0:port for all of IPv4, [::]:port for all of IPv6")
            } else {
                fault.help("write ip, ip:port or [ipv6]:port; a host name will not do")
            }
        })?;
        *field = Some(SocketAddr::new(ip, port.unwrap_or(0)));
        Ok(())
    }

    fn print(field: &Option<SocketAddr>, lines: &mut Vec<String>) {
        lines.push(field.map(|bind| bind.to_string()).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str) -> Result<Vec<Match>, Fault> {
        let mut field = Vec::new();
        MatchList::apply(&mut field, text, &mut Cx::default()).map(|()| field)
    }

    fn printed(text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        MatchList::print(&matches(text).expect(text), &mut lines);
        lines
    }

    #[test]
    fn networks_take_both_forms_of_mask() {
        assert_eq!(network("10.1.2.3/8").expect("net").to_string(), "10.0.0.0/8");
        assert_eq!(network("10.1.2.3/255.255.0.0").expect("net").to_string(), "10.1.0.0/16");
        assert_eq!(network("10.1.2.3").expect("net").to_string(), "10.1.2.3/32");
        assert_eq!(network("2001:db8::/32").expect("net").to_string(), "2001:db8::/32");
        assert_eq!(network("::ffff:10.1.2.3").expect("net").to_string(), "10.1.2.3/32");
    }

    /// S4-39, S4-40.
    #[test]
    fn bad_masks_are_named() {
        let fault = network("10.9.3.4/255.255.255.300").expect_err("mask");
        assert_eq!(fault.help.as_deref(), Some("'300' is not a number from 0 to 255"));
        assert!(network("127.0.0.1/33").expect_err("mask").message.contains("/33 is too long"));
        assert!(network("10.0.0.0/255.0.255.0").is_err());
        assert!(network("300.0.0.1").is_err());
    }

    #[test]
    fn match_entries_are_addresses_or_names() {
        assert_eq!(printed("127.0.0.2"), ["127.0.0.2/255.255.255.255"]);
        assert_eq!(printed("10.0.0.0/8,!10.1.0.0/16"), ["10.0.0.0/255.0.0.0", "!10.1.0.0/255.255.0.0"]);
        assert_eq!(printed("10.0.0.1:5080"), ["10.0.0.1:5080/255.255.255.255"]);
        assert_eq!(printed("sip.example.com:5070, [2001:db8::1]:5060")[0], "sip.example.com:5070");
        assert!(matches("not a host").is_err());
        assert!(matches("1.2.3").is_err());
        assert!(matches("!sip.example.com").is_err());
    }

    #[test]
    fn a_mapped_source_is_its_ipv4_self() {
        let entry = &matches("10.0.0.0/8").expect("net")[0];
        assert!(entry.covers("[::ffff:10.1.1.1]:5060".parse().expect("address")));
        assert!(!entry.covers("[2001:db8::1]:5060".parse().expect("address")));
    }

    /// S4-179.
    #[test]
    fn bind_takes_ipv6() {
        let mut bind = None;
        let mut cx = Cx::default();
        for (text, want) in [
            ("::", "[::]:0"),
            ("[::]:5060", "[::]:5060"),
            ("0.0.0.0", "0.0.0.0:0"),
            ("127.0.0.1:6065", "127.0.0.1:6065"),
            ("[::1]", "[::1]:0"),
        ] {
            Bind::apply(&mut bind, text, &mut cx).expect(text);
            assert_eq!(bind.expect("set").to_string(), want);
        }
        assert!(Bind::apply(&mut bind, "localhost:5060", &mut cx).is_err());
        assert!(Bind::apply(&mut bind, "5060", &mut cx).is_err());
    }
}
