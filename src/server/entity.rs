//! Who this machine is among servers that publish states with each other, as Asterisk's default: the hardware address of
//! its first interface.

use crate::base::ids::Name;
use std::fs;

/// `02:1a:…`; empty where no interface has such an address.
pub fn of_machine() -> Name {
    let Ok(interfaces) = fs::read_dir("/sys/class/net") else { return Name::default() };
    let number =
        |path: &std::path::Path| fs::read_to_string(path.join("ifindex")).ok()?.trim().parse::<u32>().ok();
    let mut all: Vec<_> = interfaces.filter_map(|entry| Some(entry.ok()?.path())).collect();
    // The order in which the kernel found them, which a restart does not change as a rule.
    all.sort_by_key(|path| number(path).unwrap_or(u32::MAX));
    let address = all.iter().find_map(|path| {
        let text = fs::read_to_string(path.join("address")).ok()?;
        let text = text.trim();
        (is_address(text) && text != "00:00:00:00:00:00").then(|| Name::from(text))
    });
    address.unwrap_or_default()
}

fn is_address(text: &str) -> bool {
    text.len() == 17 && text.split(':').all(|octet| octet.len() == 2 && u8::from_str_radix(octet, 16).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_octets_are_an_address() {
        for (text, good) in
            [("02:fc:00:00:00:01", true), ("", false), ("02:fc:00:00:00:0x", false), ("02:fc", false)]
        {
            assert_eq!(is_address(text), good, "{text}");
        }
        let own = of_machine();
        assert!(own.is_empty() || is_address(&own), "{own}");
    }
}
