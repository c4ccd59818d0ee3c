//! For how long a registrar has registered us (RFC 3261 10.2.4; behaviour of pjproject's `sip_reg.c`).

use crate::sip::wire::{Contact, Header, Message, NameAddr, Uri, text};

/// Seconds that a 2xx to our REGISTER grants to the Contact whose URI is `own`, of `asked` seconds. The shortest
/// `expires` of the Contacts that equal ours; one without `expires` has what the Expires header says, else what was
/// asked. When the registrar rewrote our Contact, so that none equals ours, the one there is stands for it. Never 0
/// unless 0 was asked for.
pub fn granted_secs(response: &Message<'_>, own: &str, asked: u32) -> u32 {
    let header = response.number(Header::Expires).flatten();
    let fallback = header.unwrap_or(asked);
    let ours = Uri::parse(own.as_bytes()).ok();
    let (mut matching, mut first, mut count) = (None::<u32>, None::<u32>, 0u32);
    for contact in response.contacts() {
        let Ok(Contact::Address(address)) = contact else { continue };
        let granted = expires_of(&address).unwrap_or(fallback);
        count += 1;
        first.get_or_insert(granted);
        let same = ours.as_ref().is_some_and(|ours| address.uri().is_ok_and(|uri| uri.same(ours)));
        if same {
            matching = Some(matching.map_or(granted, |least| least.min(granted)));
        }
    }
    let granted = match (matching, count) {
        (Some(granted), _) => granted,
        // We send one, so one that came back is it.
        (None, 1) => first.unwrap_or(fallback),
        (None, _) => fallback,
    };
    if granted > 0 || asked == 0 {
        return granted;
    }
    let positive = |secs: u32| (secs > 0).then_some(secs);
    header.and_then(positive).unwrap_or(asked)
}

fn expires_of(contact: &NameAddr<'_>) -> Option<u32> {
    text::number(contact.params.value(b"expires")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;

    fn granted(lines: &str, asked: u32) -> u32 {
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 1 REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        let mut index = Index::default();
        granted_secs(&index.scan(text.as_bytes()).expect("sound"), "sip:s@192.0.2.1:5060;line=abc", asked)
    }

    #[test]
    fn the_contact_that_is_ours_says_how_long_then_the_header_then_what_was_asked() {
        let own = "<sip:s@192.0.2.1:5060;line=abc>";
        let other = "<sip:t@192.0.2.9>";
        let cases = [
            (format!("Contact: {own};expires=120\r\nExpires: 600\r\n"), 120),
            (format!("Contact: {other};expires=50, {own};expires=120\r\n"), 120),
            (format!("Contact: {own};expires=200, {own};expires=120\r\n"), 120),
            (format!("Contact: {own}\r\nExpires: 600\r\n"), 600),
            (format!("Contact: {own}\r\n"), 3600),
            // The registrar put another address in its place.
            (format!("Contact: {other};expires=77\r\n"), 77),
            (format!("Contact: {other};expires=77, {other};expires=66\r\nExpires: 600\r\n"), 600),
            ("Expires: 300\r\n".into(), 300),
            (String::new(), 3600),
            // Nobody registers for no time at all.
            (format!("Contact: {own};expires=0\r\nExpires: 90\r\n"), 90),
            (format!("Contact: {own};expires=0\r\n"), 3600),
            (format!("Contact: {own};expires=junk\r\nExpires: 90\r\n"), 90),
        ];
        for (lines, want) in cases {
            assert_eq!(granted(&lines, 3600), want, "{lines}");
        }
        assert_eq!(granted(&format!("Contact: {other};expires=77\r\n"), 0), 77, "others may stay registered");
        assert_eq!(granted("", 0), 0);
    }
}
