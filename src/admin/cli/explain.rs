//! `explain …` and `trace`: questions of our own.

use super::build::{Built, Call, Fault};
use crate::admin::shape::Layout;
use crate::base::limits::MESSAGE_BYTES;
use crate::switch::view::{Command, DirectMediaQuestion, IdentifyQuestion};
use std::net::{IpAddr, SocketAddr};

/// `trace <call> [messages]`.
pub(super) fn trace(call: &Call<'_>) -> Built {
    let (key, whole) = match call.rest() {
        [key] => (key, false),
        [key, word] if word.is("messages") => (key, true),
        _ => return Err(Fault::Usage),
    };
    call.ask(Command::Trace { key: key.text.clone() }, Layout::Trace { whole })
}

/// `explain auth NAME`.
pub(super) fn auth(call: &Call<'_>) -> Built {
    call.ask(Command::ExplainAuth { name: call.only()?.to_owned() }, Layout::Explanation)
}

/// `explain direct-media CHANNEL`, or `--between A B [--dial-options tT]`.
pub(super) fn direct_media(call: &Call<'_>) -> Built {
    let texts: Vec<&str> = call.rest().iter().map(|word| word.text.as_str()).collect();
    let question = match texts.as_slice() {
        ["--between", caller, callee] => between(caller, callee, ""),
        ["--between", caller, callee, "--dial-options", options] => between(caller, callee, options),
        [channel] if !channel.starts_with("--") => {
            DirectMediaQuestion::Call { channel: (*channel).to_owned() }
        }
        _ => return Err(Fault::Usage),
    };
    call.ask(Command::ExplainDirectMedia(question), Layout::Explanation)
}

fn between(caller: &str, callee: &str, dial_options: &str) -> DirectMediaQuestion {
    DirectMediaQuestion::Between {
        caller: caller.to_owned(),
        callee: callee.to_owned(),
        dial_options: dial_options.to_owned(),
    }
}

/// `explain identify --from URI --source IP:PORT …`.
pub(super) fn identify(call: &Call<'_>) -> Built {
    let (mut from, mut source, mut packet, mut request_uri) = (None, None, None, None);
    let mut headers = Vec::new();
    let mut words = call.rest().iter();
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| Fault::Failed(format!("'{}' needs a value.", flag.text)))?;
        let value = value.text.as_str();
        match flag.text.as_str() {
            "--from" => from = Some(value.to_owned()),
            "--source" => source = Some(address(value)?),
            "--request-uri" => request_uri = Some(value.to_owned()),
            "--packet-hex" => packet = Some(hex(value)?),
            "--header" if value.contains(':') => headers.push(value.to_owned()),
            "--header" => return Err(Fault::Failed(format!("'{value}' is no header: write 'Name: value'."))),
            other => return Err(Fault::Failed(format!("'{other}' is not an option of 'explain identify'."))),
        }
    }
    let source = source
        .ok_or_else(|| Fault::Failed("--source is missing: the address the request comes from.".into()))?;
    let from = match (from, &packet) {
        (Some(from), _) => from,
        (None, Some(_)) => String::new(),
        (None, None) => return Err(Fault::Failed("--from is missing: the URI of the From header.".into())),
    };
    let question = IdentifyQuestion { from, source, packet, headers, request_uri };
    call.ask(Command::ExplainIdentify(Box::new(question)), Layout::Explanation)
}

/// An address with port, or an address alone for port 5060.
fn address(text: &str) -> Result<SocketAddr, Fault> {
    let bare = |text: &str| text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 5060));
    text.parse()
        .ok()
        .or_else(|| bare(text))
        .or_else(|| bare(text.strip_prefix('[')?.strip_suffix(']')?))
        .ok_or_else(|| {
            Fault::Failed(format!("'{text}' is not an address: write 192.0.2.1:5060 or [2001:db8::1]:5060."))
        })
}

fn hex(text: &str) -> Result<Vec<u8>, Fault> {
    if text.len() > 2 * MESSAGE_BYTES {
        return Err(Fault::Failed(format!("The message is longer than {MESSAGE_BYTES} bytes.")));
    }
    let wrong = || Fault::Failed("--packet-hex wants pairs of hexadecimal digits.".into());
    if !text.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(wrong)
}
