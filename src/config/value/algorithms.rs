//! Digest algorithms and pre-hashed credentials (RFC 7616, RFC 8760).

use super::lists::parts;
use super::spec::{Codec, Cx, Fault};
use super::words::{Word, unknown};

pub use crate::sip::digest::Algorithm;

impl Word for Algorithm {
    const WORDS: &'static [(&'static str, Self)] =
        &[("MD5", Algorithm::Md5), ("SHA-256", Algorithm::Sha256), ("SHA-512-256", Algorithm::Sha512_256)];
}

/// Algorithms in order of preference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Algorithms {
    /// The algorithms, each once, never none.
    pub list: Box<[Algorithm]>,
    /// Whether the object names none itself and these are the global ones.
    pub inherited: bool,
}

impl Default for Algorithms {
    fn default() -> Self {
        Algorithms { list: Box::new([Algorithm::Md5]), inherited: true }
    }
}

/// A comma list of algorithms; empty means the global ones.
#[derive(Debug)]
pub struct AlgorithmList;

impl Codec<Algorithms> for AlgorithmList {
    fn apply(field: &mut Algorithms, text: &str, _: &mut Cx) -> Result<(), Fault> {
        let mut list: Vec<Algorithm> = Vec::new();
        for (offset, part) in parts(text) {
            let algorithm = Algorithm::of(part).ok_or_else(|| unknown::<Algorithm>(part).offset(offset))?;
            if !list.contains(&algorithm) {
                list.push(algorithm);
            }
        }
        *field = if list.is_empty() {
            Algorithms::default()
        } else {
            Algorithms { list: list.into(), inherited: false }
        };
        Ok(())
    }

    fn print(field: &Algorithms, lines: &mut Vec<String>) {
        let words: Vec<&str> = field.list.iter().map(|algorithm| algorithm.word()).collect();
        lines.push(words.join(","));
    }

    fn write(field: &Algorithms, lines: &mut Vec<String>) {
        if !field.inherited {
            Self::print(field, lines);
        }
    }
}

/// `H(username:realm:password)` for some algorithms, in lower-case hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digests {
    /// One digest per algorithm.
    pub list: Vec<(Algorithm, Box<str>)>,
}

impl Digests {
    /// The digest of an algorithm.
    pub fn of(&self, algorithm: Algorithm) -> Option<&str> {
        self.list.iter().find(|(known, _)| *known == algorithm).map(|(_, hex)| &**hex)
    }

    fn set(&mut self, algorithm: Algorithm, hex: &str) {
        let hex: Box<str> = hex.to_ascii_lowercase().into();
        match self.list.iter_mut().find(|(known, _)| *known == algorithm) {
            Some((_, old)) => *old = hex,
            None => self.list.push((algorithm, hex)),
        }
    }
}

/// `ALG:hex`, comma list, several lines add up.
#[derive(Debug)]
pub struct DigestList;

/// `md5_cred`: 32 hexadecimal characters, the same as `password_digest=MD5:…`.
#[derive(Debug)]
pub struct Md5Cred;

impl Codec<Option<Box<Digests>>> for DigestList {
    fn apply(field: &mut Option<Box<Digests>>, text: &str, _: &mut Cx) -> Result<(), Fault> {
        for (offset, part) in parts(text) {
            let (name, hex) = part.split_once(':').ok_or_else(|| {
                Fault::new("bad-digest", "a digest is written ALGORITHM:hex")
                    .help("MD5:0123… for one")
                    .offset(offset)
            })?;
            let algorithm =
                Algorithm::of(name.trim()).ok_or_else(|| unknown::<Algorithm>(name).offset(offset))?;
            let hex = hex.trim();
            hexadecimal(hex, algorithm.hex_len()).map_err(|fault| fault.offset(offset))?;
            field.get_or_insert_default().set(algorithm, hex);
        }
        Ok(())
    }

    fn print(field: &Option<Box<Digests>>, lines: &mut Vec<String>) {
        let list = field.as_deref().map(|digests| {
            digests
                .list
                .iter()
                .map(|(algorithm, hex)| format!("{}:{hex}", algorithm.word()))
                .collect::<Vec<_>>()
        });
        lines.push(list.unwrap_or_default().join(","));
    }
}

impl Codec<Option<Box<Digests>>> for Md5Cred {
    fn apply(field: &mut Option<Box<Digests>>, text: &str, _: &mut Cx) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        hexadecimal(text, Algorithm::Md5.hex_len())?;
        field.get_or_insert_default().set(Algorithm::Md5, text);
        Ok(())
    }

    fn print(field: &Option<Box<Digests>>, lines: &mut Vec<String>) {
        let md5 = field.as_deref().and_then(|digests| digests.of(Algorithm::Md5));
        lines.push(md5.unwrap_or_default().to_owned());
    }

    /// `password_digest` says it all.
    fn write(_: &Option<Box<Digests>>, _: &mut Vec<String>) {}
}

/// Whether a text is a digest of that length; says what is wrong with it otherwise.
fn hexadecimal(hex: &str, len: usize) -> Result<(), Fault> {
    let how =
        "it is the digest of 'username:realm:password' as hexadecimal, hashed without blank or line end";
    if hex.contains(char::is_whitespace) {
        return Err(Fault::new("bad-digest", "the digest holds white space").help(how));
    }
    if let Some(wrong) = hex.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(Fault::new("bad-digest", format!("'{wrong}' is not a hexadecimal character")).help(how));
    }
    if hex.len() != len {
        let message = format!("the digest has {} characters, it must have {len}", hex.len());
        return Err(Fault::new("bad-digest", message).help(how));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_checked_and_add_up() {
        let mut field = None;
        let mut cx = Cx::default();
        let md5 = "0123456789abcdef0123456789ABCDEF";
        Md5Cred::apply(&mut field, md5, &mut cx).expect("digest");
        DigestList::apply(&mut field, &format!("SHA-256:{}", "a".repeat(64)), &mut cx).expect("digest");
        let digests = field.as_deref().expect("set");
        assert_eq!(digests.of(Algorithm::Md5), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!(digests.list.len(), 2);
        for bad in ["0123", "0123456789abcdef 123456789abcdef", "0123456789abcdef0123456789abcdeg"] {
            assert_eq!(Md5Cred::apply(&mut field, bad, &mut cx).expect_err(bad).code, "bad-digest");
        }
        assert!(DigestList::apply(&mut field, "SHA1:00", &mut cx).is_err());
    }
}
