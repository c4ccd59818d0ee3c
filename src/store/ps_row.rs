//! A `ps_contacts` row as a binding, whoever wrote it.

use super::ps_columns::Column;
use super::record::Names;
use crate::base::ids::{FlowId, Name};
use crate::base::time::WallTime;
use crate::registrar::binding::Binding;
use rusqlite::types::ValueRef;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Whether values are stored as they are, or with `;` and `^` written as `^3B` and `^5E`, as Asterisk's ODBC and
/// PostgreSQL drivers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Verbatim,
    Encoded,
}

/// Column values of one row, as read; absent ones keep their defaults.
#[derive(Debug)]
pub(super) struct Values<'a> {
    id: Cow<'a, str>,
    texts: [Cow<'a, str>; 9],
    expires: u64,
    via_port: u16,
    prune_on_boot: bool,
    q: u16,
    cseq: u32,
    reg_id: u32,
    source: (IpAddr, u16),
}

/// Places in `texts`.
const URI: usize = 0;
const PATH: usize = 1;
const USER_AGENT: usize = 2;
const REG_SERVER: usize = 3;
const VIA: usize = 4;
const CALL_ID: usize = 5;
const ENDPOINT: usize = 6;
const INSTANCE: usize = 7;
const TRANSPORT: usize = 8;

impl Default for Values<'_> {
    fn default() -> Self {
        Values {
            id: Cow::Borrowed(""),
            texts: Default::default(),
            expires: 0,
            via_port: 0,
            prune_on_boot: false,
            q: 1000,
            cseq: 0,
            reg_id: 0,
            source: (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        }
    }
}

impl<'a> Values<'a> {
    /// Notes the value of a column.
    pub(super) fn take(&mut self, column: Column, value: ValueRef<'a>) {
        let number = || -> Option<u64> {
            match value {
                ValueRef::Integer(n) => u64::try_from(n).ok(),
                ValueRef::Real(n) => Some(n as u64),
                ValueRef::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
                ValueRef::Null | ValueRef::Blob(_) => None,
            }
        };
        match column {
            Column::Id => self.id = text(value),
            Column::Uri => self.texts[URI] = text(value),
            Column::ExpirationTime => self.expires = number().unwrap_or(0),
            Column::Path => self.texts[PATH] = text(value),
            Column::UserAgent => self.texts[USER_AGENT] = text(value),
            Column::RegServer => self.texts[REG_SERVER] = text(value),
            Column::ViaAddr => self.texts[VIA] = text(value),
            Column::ViaPort => self.via_port = small(number(), 0),
            Column::CallId => self.texts[CALL_ID] = text(value),
            Column::Endpoint => self.texts[ENDPOINT] = text(value),
            Column::PruneOnBoot => self.prune_on_boot = is_true(&text(value)),
            Column::Q => self.q = small(number(), 1000),
            Column::Cseq => self.cseq = small(number(), 0),
            Column::Instance => self.texts[INSTANCE] = text(value),
            Column::RegId => self.reg_id = small(number(), 0),
            Column::Transport => self.texts[TRANSPORT] = text(value),
            Column::Source => {
                if let Ok(source) = text(value).parse::<SocketAddr>() {
                    self.source = (source.ip(), source.port());
                }
            }
            // What contacts copy from their aor is taken from the aor.
            _ => {}
        }
    }

    /// The binding, and how its id is spelled; `None` for a row that is none of ours.
    pub(super) fn binding(self, names: &mut Names) -> Option<(Binding, Spelling)> {
        let (aor, hash, spelling) = split_id(&self.id)?;
        let plain = |index: usize| unspell(&self.texts[index], spelling);
        let uri = plain(URI);
        if uri.is_empty() {
            return None;
        }
        let aor = Name::from(aor);
        let endpoint = plain(ENDPOINT);
        let binding = Binding {
            hash,
            expires: WallTime::from_secs(self.expires),
            q: self.q,
            endpoint: if *endpoint == *aor { aor.clone() } else { names.share(&endpoint) },
            call_id: plain(CALL_ID).into(),
            cseq: self.cseq,
            user_agent: plain(USER_AGENT).into(),
            path: plain(PATH).into(),
            via: (plain(VIA).into(), self.via_port),
            instance: plain(INSTANCE).into(),
            reg_id: self.reg_id,
            transport: names.share(&plain(TRANSPORT)),
            source: self.source,
            reg_server: names.share(&plain(REG_SERVER)),
            prune_on_boot: self.prune_on_boot,
            flow: FlowId::DATAGRAM,
            uri: uri.into(),
            aor,
        };
        Some((binding, spelling))
    }
}

/// Aor, hash and spelling of an id.
fn split_id(id: &str) -> Option<(Cow<'_, str>, [u8; 16], Spelling)> {
    let (aor, digits, spelling) = match (id.rsplit_once(";@"), id.rsplit_once("^3B@")) {
        (Some((aor, digits)), _) => (Cow::Borrowed(aor), digits, Spelling::Verbatim),
        (None, Some((aor, digits))) => (unspell(aor, Spelling::Encoded), digits, Spelling::Encoded),
        (None, None) => return None,
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != 16 {
        return None;
    }
    let mut hash = [0; 16];
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some((aor, hash, spelling))
}

/// A text as the table spells it.
pub(super) fn spell(text: Cow<'_, str>, spelling: Spelling) -> Cow<'_, str> {
    if spelling == Spelling::Verbatim || !text.contains(['^', ';']) {
        return text;
    }
    Cow::Owned(text.replace('^', "^5E").replace(';', "^3B"))
}

fn unspell(text: &str, spelling: Spelling) -> Cow<'_, str> {
    if spelling == Spelling::Verbatim || !text.contains('^') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("^3B", ";").replace("^3b", ";").replace("^5E", "^").replace("^5e", "^"))
}

fn text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
        ValueRef::Integer(number) => Cow::Owned(number.to_string()),
        ValueRef::Real(number) => Cow::Owned(number.to_string()),
        ValueRef::Null => Cow::Borrowed(""),
    }
}

fn small<T: TryFrom<u64>>(number: Option<u64>, default: T) -> T {
    number.and_then(|number| T::try_from(number).ok()).unwrap_or(default)
}

/// As Asterisk reads a boolean.
fn is_true(text: &str) -> bool {
    ["yes", "true", "y", "t", "1", "on"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_both_spellings() {
        let digits = "000102030405060708090a0b0c0d0e0f";
        let hash: [u8; 16] = std::array::from_fn(|n| n as u8);
        let cases = [
            (format!("100;@{digits}"), Some(("100", Spelling::Verbatim))),
            (format!("100^3B@{digits}"), Some(("100", Spelling::Encoded))),
            (format!("a^3Bb^5Ec^3B@{digits}"), Some(("a;b^c", Spelling::Encoded))),
            (format!("a;@b;@{digits}"), Some(("a;@b", Spelling::Verbatim))),
            (format!("100@@{digits}"), None),
            ("100;@12".to_owned(), None),
            (format!("100;@{}g", &digits[1..]), None),
            (String::new(), None),
        ];
        for (id, expected) in cases {
            let got = split_id(&id);
            let got = got.as_ref().map(|(aor, _, spelling)| (&**aor, *spelling));
            assert_eq!(got, expected, "{id}");
        }
        assert_eq!(split_id(&format!("1;@{digits}")).map(|(_, hash, _)| hash), Some(hash));
    }

    #[test]
    fn spelling_is_undone() {
        for text in ["sip:a@h;transport=tcp", "^3B", "a^b;c", ""] {
            let spelled = spell(Cow::Borrowed(text), Spelling::Encoded);
            assert!(!spelled.contains(';'));
            assert_eq!(unspell(&spelled, Spelling::Encoded), text);
        }
    }
}
