//! Messages as text.

use std::net::SocketAddr;

/// The value of the first header of that name.
pub fn header<'t>(text: &'t str, name: &str) -> &'t str {
    let found = text.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    });
    found.unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

/// The body of a message.
pub fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// Where a description takes its audio.
pub fn audio_of(description: &str) -> Option<SocketAddr> {
    let mut address = None;
    let mut port = None;
    for line in description.lines() {
        if let Some(line) = line.strip_prefix("m=") {
            if port.is_some() {
                break;
            }
            port = line.strip_prefix("audio ").and_then(|line| line.split(' ').next()?.parse::<u16>().ok());
        } else if let Some(ip) = line.strip_prefix("c=IN IP4 ")
            && (address.is_none() || port.is_some())
        {
            address = ip.parse().ok();
        }
    }
    Some(SocketAddr::new(address?, port?))
}
