//! `PJSIP_HEADER` and its relatives: headers of the INVITE that came, and those for the one that will go out.

use super::channel::Channel;
use super::functions::{Answer, failed, first};
use crate::dialplan::host::Unavailable;
use crate::sip::wire::{Index, Uri};

pub(super) fn read_header(channel: &Channel, arguments: &str) -> Answer {
    let mut parts = arguments.split(',').map(str::trim);
    let (action, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number: usize = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    if !action.eq_ignore_ascii_case("read") {
        return Err(failed(format!("PJSIP_HEADER({action}) cannot be read")));
    }
    let found = headers_of(channel).into_iter().filter(|(known, _)| header_matches(known, name));
    Ok(found.map(|(_, value)| value).nth(number.saturating_sub(1)).unwrap_or_default())
}

pub(super) fn header_names(channel: &Channel, prefix: &str) -> String {
    distinct(headers_of(channel), prefix)
}

impl Channel {
    /// Headers that the legs it calls get: `PJSIP_INHERITABLE_HEADER`, and those added on it for an INVITE to come.
    pub fn inherited_headers(&self) -> Vec<(String, String)> {
        self.inheritable.clone()
    }
}

/// Names that begin so, each once.
fn distinct(headers: Vec<(String, String)>, prefix: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in headers {
        let fits = name.to_ascii_lowercase().starts_with(&prefix.trim().to_ascii_lowercase());
        if fits && !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            names.push(name);
        }
    }
    names.join(",")
}

/// `PJSIP_RESPONSE_HEADER(read,name[,n])`
pub(super) fn read_response(channel: &Channel, arguments: &str) -> Answer {
    let mut parts = arguments.split(',').map(str::trim);
    let (action, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number: usize = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    if !action.eq_ignore_ascii_case("read") {
        return Err(failed(format!("PJSIP_RESPONSE_HEADER has no '{action}'")));
    }
    let found = response_of(channel)?.into_iter().filter(|(known, _)| header_matches(known, name));
    Ok(found.map(|(_, value)| value).nth(number.saturating_sub(1)).unwrap_or_default())
}

/// `PJSIP_RESPONSE_HEADERS([prefix])`
pub(super) fn response_names(channel: &Channel, prefix: &str) -> String {
    distinct(response_of(channel).unwrap_or_default(), prefix)
}

fn response_of(channel: &Channel) -> Result<Vec<(String, String)>, Unavailable> {
    let bytes = channel.response.as_deref();
    let bytes = bytes.ok_or_else(|| failed("the 200 is known in a subroutine of Dial's option U only"))?;
    Ok(lines_of(bytes))
}

/// The header lines of a message.
fn lines_of(bytes: &[u8]) -> Vec<(String, String)> {
    let mut index = Index::default();
    let Ok(message) = index.scan(bytes) else { return Vec::new() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    message.lines().map(|(name, value)| (text(name), text(value))).collect()
}

/// The request URI of the INVITE that came.
pub(super) fn request_uri(channel: &Channel) -> Option<String> {
    let session = channel.session.as_ref().filter(|_| channel.is_caller())?;
    let mut index = Index::default();
    let message = index.scan(session.invite_text()).ok()?;
    message.uri().ok().map(|uri| String::from_utf8_lossy(uri.raw).into_owned())
}

/// A parameter of the From of the INVITE that came.
pub(super) fn read_from(
    channel: &Channel,
    place: super::pjsip_fields::ParamOf,
    name: &str,
) -> Option<String> {
    let from = read_header(channel, "read,From").ok()?;
    let address = crate::sip::wire::NameAddr::parse(from.as_bytes()).ok()?;
    let value = match place {
        super::pjsip_fields::ParamOf::Uri => address.uri().ok()?.params.value(name.as_bytes()),
        super::pjsip_fields::ParamOf::Header => address.params.value(name.as_bytes()),
    };
    value.map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Names compare without case; `*` at the end stands for any rest.
fn header_matches(known: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => known.to_ascii_lowercase().starts_with(&prefix.to_ascii_lowercase()),
        None => known.eq_ignore_ascii_case(wanted),
    }
}

/// Headers of the INVITE that came in, or those added for the one that will go out.
fn headers_of(channel: &Channel) -> Vec<(String, String)> {
    let invite =
        channel.session.as_ref().filter(|_| channel.is_caller()).map(|session| session.invite_text());
    let Some(bytes) = invite.filter(|bytes| !bytes.is_empty()) else { return channel.headers.clone() };
    lines_of(bytes)
}

pub(super) fn set_header(
    channel: &mut Channel,
    action: &str,
    name: &str,
    value: &str,
) -> Result<(), Unavailable> {
    let name = first(name);
    let clean = |text: &str| text.bytes().all(|b| b >= b' ' || b == b'\t');
    if !crate::sip::wire::text::is_token(name.trim_end_matches('*').as_bytes()) && name != "*"
        || !clean(value)
    {
        return Err(failed(format!("'{name}: {value}' cannot stand in a message")));
    }
    match action {
        "add" if channel.headers.len() >= crate::base::limits::ADDED_HEADERS => {
            return Err(failed("too many headers are added already"));
        }
        "add" => channel.headers.push((name.to_owned(), value.to_owned())),
        "update" => match channel.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => value.clone_into(old),
            None => return Err(failed(format!("no header {name} was added"))),
        },
        "remove" => channel.headers.retain(|(known, _)| !header_matches(known, name)),
        _ => return Err(failed(format!("PJSIP_HEADER has no '{action}'"))),
    }
    Ok(())
}

pub(super) fn parse_uri(arguments: &str) -> Answer {
    let (text, part) = arguments.rsplit_once(',').ok_or_else(|| failed("a URI and a part are needed"))?;
    let address = crate::sip::wire::NameAddr::parse(text.trim().as_bytes()).map_err(|_| failed("no URI"))?;
    let uri: Uri<'_> = address.uri().map_err(|fault| failed(fault.to_string()))?;
    let param = |name: &[u8]| uri.params.value(name).map(|v| String::from_utf8_lossy(v).into_owned());
    Ok(match part.trim() {
        "display" => address.display_text(),
        "scheme" => if uri.scheme == crate::sip::wire::Scheme::Sips { "sips" } else { "sip" }.to_owned(),
        "user" => uri.user_text(),
        "passwd" => uri.password.map(|p| String::from_utf8_lossy(p).into_owned()).unwrap_or_default(),
        "host" => uri.host.to_string(),
        "port" => uri.port.map(|port| port.to_string()).unwrap_or_default(),
        "user_param" => param(b"user").unwrap_or_default(),
        "method_param" => param(b"method").unwrap_or_default(),
        "transport_param" => param(b"transport").unwrap_or_default(),
        "ttl_param" => param(b"ttl").unwrap_or_default(),
        "lr_param" => u8::from(uri.params.has(b"lr")).to_string(),
        "maddr_param" => param(b"maddr").unwrap_or_default(),
        other => return Err(failed(format!("a URI has no '{other}'"))),
    })
}
