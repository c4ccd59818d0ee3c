//! Whether a text is a SIP URI. The wire's parser decides; what is said here is why, and what to write instead.

use crate::base::ids::Name;
use crate::config::value::network::{host_name, split_port};
use crate::config::value::spec::{Codec, Cx};
use crate::config::value::{Fault, lists};
use crate::sip::wire::Uri;

/// One `sip:` or `sips:` URI, or nothing.
#[derive(Debug)]
pub struct SipUri;

/// A comma list of URIs, repeatable: `contact` of an aor.
#[derive(Debug)]
pub struct SipUris;

/// Whether a text is a SIP URI.
pub fn check(text: &str) -> Result<(), Fault> {
    let text = unbracket(text)?;
    explain(text)?;
    match Uri::parse(text.as_bytes()) {
        Ok(uri) if uri.is_sip() => Ok(()),
        Ok(_) => Err(Fault::new("bad-uri", format!("'{text}' is not a SIP URI"))),
        Err(fault) => Err(Fault::new("bad-uri", format!("'{text}' is not a SIP URI: {fault}"))),
    }
}

/// What people get wrong, in words that help: no scheme, no host, an IPv6 address without brackets.
fn explain(text: &str) -> Result<(), Fault> {
    let scheme_end = text.find(':');
    let scheme = scheme_end.map_or("", |end| &text[..end]);
    if !scheme.eq_ignore_ascii_case("sip") && !scheme.eq_ignore_ascii_case("sips") {
        return Err(no_scheme(text, scheme));
    }
    let rest = &text[scheme.len() + 1..];
    let rest = rest.split('?').next().unwrap_or_default();
    // The user part may hold ';', and '@' only once unescaped: the last '@' before the parameters ends it.
    let host_part = match rest.split_once('@') {
        Some(("", _)) => {
            return Err(Fault::new("bad-uri", "there is nothing before the '@'"));
        }
        Some((_, host)) => host,
        None => rest,
    };
    let host_port = host_part.split(';').next().unwrap_or_default();
    if host_port.contains('@') {
        return Err(
            Fault::new("bad-uri", "it holds more than one '@'").help("write '%40' for '@' in the user part")
        );
    }
    host_and_port(host_port)?;
    if let Some(wrong) = text.chars().find(|c| c.is_whitespace() || c.is_control() || "<>\"".contains(*c)) {
        return Err(Fault::new("bad-uri", format!("{wrong:?} cannot stand in a URI")));
    }
    Ok(())
}

fn unbracket(text: &str) -> Result<&str, Fault> {
    match (text.strip_prefix('<'), text.ends_with('>')) {
        (Some(inner), true) => Ok(&inner[..inner.len() - 1]),
        (None, false) => Ok(text),
        _ => Err(Fault::new("bad-uri", "'<' and '>' do not pair")),
    }
}

fn no_scheme(text: &str, scheme: &str) -> Fault {
    if scheme.eq_ignore_ascii_case("tel") {
        return Fault::new("bad-uri", "a tel: URI cannot be sent to; a sip: or sips: URI is needed");
    }
    let fault =
        Fault::new("bad-uri", format!("'{text}' is not a SIP URI: it must begin with 'sip:' or 'sips:'"));
    if check(&format!("sip:{text}")).is_ok() {
        return fault.help(format!("write sip:{text}"));
    }
    fault
}

fn host_and_port(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::new("bad-uri", "it names no host"));
    }
    let (host, port) = split_port(text);
    if port.is_none() && !host.starts_with('[') && host.contains(':') {
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Err(Fault::new("bad-uri", format!("the IPv6 address needs brackets: [{text}]")));
        }
        return Err(Fault::new("bad-uri", format!("the port in '{text}' is not a number up to 65535")));
    }
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').unwrap_or(inner);
        if inner.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(Fault::new("bad-uri", format!("'{inner}' is not an IPv6 address")));
        }
        return Ok(());
    }
    if host.parse::<std::net::Ipv4Addr>().is_ok() || host_name(host).is_ok() {
        return Ok(());
    }
    Err(Fault::new("bad-uri", format!("'{host}' is neither an IP address nor a host name")))
}

impl Codec<Name> for SipUri {
    fn apply(field: &mut Name, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        if !text.is_empty() {
            check(text)?;
        }
        *field = cx.name(text);
        Ok(())
    }

    fn print(field: &Name, lines: &mut Vec<String>) {
        lines.push(field.to_string());
    }
}

impl Codec<Box<[Name]>> for SipUris {
    fn apply(field: &mut Box<[Name]>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        let mut uris = std::mem::take(field).into_vec();
        for (offset, part) in lists::parts(text) {
            check(part).map_err(|fault| fault.offset(offset))?;
            let uri = cx.name(part);
            if !uris.contains(&uri) {
                uris.push(uri);
            }
        }
        *field = uris.into();
        Ok(())
    }

    fn print(field: &Box<[Name]>, lines: &mut Vec<String>) {
        lines.extend(field.iter().map(|uri| uri.to_string()));
        if field.is_empty() {
            lines.push(String::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sip_uris_pass() {
        for uri in [
            "sip:127.0.0.1",
            "sip:callee@127.0.0.1:6070",
            "sips:a@example.com;transport=tls",
            "sip:a;b=c@host",
            "sip:[2001:db8::1]:5060;lr",
            "sip:u@[::1]",
            "<sip:a@b>",
            "sip:a@b?X=y",
            "sip:j_doe@under_score.example",
        ] {
            assert_eq!(check(uri), Ok(()), "{uri}");
        }
    }

    /// S4-101, S4-102, S4-155, S4-157.
    #[test]
    fn what_is_no_uri_is_explained() {
        let help = |text: &str| check(text).expect_err(text).help.unwrap_or_default();
        assert_eq!(help("10.0.0.1"), "write sip:10.0.0.1");
        assert_eq!(help("example.com:5060"), "write sip:example.com:5060");
        assert_eq!(help("me@example.com"), "write sip:me@example.com");
        for bad in [
            "",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a@h:x",
            "sip:a@h:70000",
            "sip:::1",
            "sip:a@b c",
            "tel:1",
            "<sip:a",
        ] {
            assert_eq!(check(bad).expect_err(bad).code, "bad-uri");
        }
    }
}
