//! Codec lists: `allow` and `disallow`, in order, with packetisation.

use std::fmt;

use super::spec::{Codec, Cx, Fault};
use crate::config::suggest;

/// What a codec carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Media {
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Still pictures and fax.
    Image,
    /// Real-time text.
    Text,
}

/// Every codec name of Asterisk, in the order in which `all` adds them.
const FORMATS: &[(&str, Media)] = &[
    ("codec2", Media::Audio),
    ("g723", Media::Audio),
    ("ulaw", Media::Audio),
    ("alaw", Media::Audio),
    ("gsm", Media::Audio),
    ("g726", Media::Audio),
    ("g726aal2", Media::Audio),
    ("adpcm", Media::Audio),
    ("slin", Media::Audio),
    ("slin12", Media::Audio),
    ("slin16", Media::Audio),
    ("slin24", Media::Audio),
    ("slin32", Media::Audio),
    ("slin44", Media::Audio),
    ("slin48", Media::Audio),
    ("slin96", Media::Audio),
    ("slin192", Media::Audio),
    ("lpc10", Media::Audio),
    ("g729", Media::Audio),
    ("speex", Media::Audio),
    ("speex16", Media::Audio),
    ("speex32", Media::Audio),
    ("ilbc", Media::Audio),
    ("g722", Media::Audio),
    ("siren7", Media::Audio),
    ("siren14", Media::Audio),
    ("testlaw", Media::Audio),
    ("g719", Media::Audio),
    ("opus", Media::Audio),
    ("silk8", Media::Audio),
    ("silk12", Media::Audio),
    ("silk16", Media::Audio),
    ("silk24", Media::Audio),
    ("none", Media::Audio),
    ("jpeg", Media::Image),
    ("png", Media::Image),
    ("h261", Media::Video),
    ("h263", Media::Video),
    ("h263p", Media::Video),
    ("h264", Media::Video),
    ("h265", Media::Video),
    ("mpeg4", Media::Video),
    ("vp8", Media::Video),
    ("vp9", Media::Video),
    ("red", Media::Text),
    ("t140", Media::Text),
    ("t38", Media::Image),
];

/// A codec, by Asterisk's name for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Format(u8);

impl Format {
    /// The codec of that name, compared without case.
    pub fn named(name: &str) -> Option<Format> {
        let at = FORMATS.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        u8::try_from(at).ok().map(Format)
    }

    /// Asterisk's name.
    pub fn name(self) -> &'static str {
        FORMATS[usize::from(self.0)].0
    }

    /// What it carries.
    pub fn media(self) -> Media {
        FORMATS[usize::from(self.0)].1
    }

    /// Every codec, in the order of `all`. The placeholder `none` is not among them.
    pub fn all() -> impl Iterator<Item = Format> {
        (0u8..).zip(FORMATS).filter(|(_, (name, _))| *name != "none").map(|(at, _)| Format(at))
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A codec and how many milliseconds of it go into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Allowed {
    /// The codec.
    pub format: Format,
    /// Milliseconds per packet; 0 is the codec's own.
    pub ptime_ms: u16,
}

/// Codecs in order of preference, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CodecList(pub Box<[Allowed]>);

impl CodecList {
    /// Whether a codec is in it.
    pub fn holds(&self, format: Format) -> bool {
        self.0.iter().any(|allowed| allowed.format == format)
    }

    /// The codecs of one medium.
    pub fn of(&self, media: Media) -> impl Iterator<Item = Allowed> {
        self.0.iter().copied().filter(move |allowed| allowed.format.media() == media)
    }

    fn change(&mut self, text: &str, allowing: bool) -> Result<(), Fault> {
        let mut list = self.0.to_vec();
        for raw in text.split([',', '|']) {
            let part = raw.trim();
            let offset = part.as_ptr() as usize - text.as_ptr() as usize;
            if part.is_empty() {
                continue;
            }
            let (negated, name) = match part.strip_prefix('!') {
                Some(name) => (true, name.trim_start()),
                None => (false, part),
            };
            let (name, ptime_ms) = with_ptime(name).map_err(|fault| fault.offset(offset))?;
            if name.eq_ignore_ascii_case("all") {
                list.clear();
                if allowing != negated {
                    list.extend(Format::all().map(|format| Allowed { format, ptime_ms }));
                }
                continue;
            }
            let format = Format::named(name).ok_or_else(|| unknown(name, allowing).offset(offset))?;
            if allowing == negated {
                list.retain(|allowed| allowed.format != format);
            } else if !list.iter().any(|allowed| allowed.format == format) {
                list.push(Allowed { format, ptime_ms });
            }
        }
        self.0 = list.into();
        Ok(())
    }
}

fn with_ptime(name: &str) -> Result<(&str, u16), Fault> {
    let Some((name, ptime)) = name.rsplit_once(':') else { return Ok((name, 0)) };
    let ptime_ms = ptime
        .trim()
        .parse()
        .map_err(|_| Fault::new("bad-ptime", format!("'{ptime}' is not a number of milliseconds")))?;
    Ok((name.trim_end(), ptime_ms))
}

fn unknown(name: &str, allowing: bool) -> Fault {
    let verb = if allowing { "allow" } else { "disallow" };
    let fault = Fault::new("unknown-codec", format!("cannot {verb} unknown codec '{name}'"));
    let aliases = [
        ("pcmu", "ulaw"),
        ("g711u", "ulaw"),
        ("g711", "ulaw"),
        ("mulaw", "ulaw"),
        ("pcma", "alaw"),
        ("g711a", "alaw"),
        ("h263+", "h263p"),
        ("g729a", "g729"),
    ];
    let alias = aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map(|(_, right)| *right);
    match alias.or_else(|| suggest::nearest(name, FORMATS.iter().map(|(name, _)| *name))) {
        Some(near) => fault.help(format!("did you mean '{near}'?")),
        None => fault,
    }
}

/// `allow` lines.
#[derive(Debug)]
pub struct Allow;
/// `disallow` lines.
#[derive(Debug)]
pub struct Disallow;

impl Codec<CodecList> for Allow {
    fn apply(field: &mut CodecList, text: &str, _: &mut Cx) -> Result<(), Fault> {
        field.change(text, true)
    }

    fn print(field: &CodecList, lines: &mut Vec<String>) {
        if field.0.is_empty() {
            return lines.push("(nothing)".to_owned());
        }
        let names: Vec<&str> = field.0.iter().map(|allowed| allowed.format.name()).collect();
        lines.push(format!("({})", names.join("|")));
    }

    fn write(field: &CodecList, lines: &mut Vec<String>) {
        let names = field.0.iter().map(|allowed| match allowed.ptime_ms {
            0 => allowed.format.name().to_owned(),
            ptime_ms => format!("{}:{ptime_ms}", allowed.format.name()),
        });
        lines.push(names.collect::<Vec<_>>().join(","));
    }
}

impl Codec<CodecList> for Disallow {
    fn apply(field: &mut CodecList, text: &str, _: &mut Cx) -> Result<(), Fault> {
        field.change(text, false)
    }

    fn print(_: &CodecList, lines: &mut Vec<String>) {
        lines.push(String::new());
    }

    /// `allow` says it all.
    fn write(_: &CodecList, _: &mut Vec<String>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: &[(bool, &str)]) -> String {
        let mut codecs = CodecList::default();
        for (allowing, text) in lines {
            codecs.change(text, *allowing).expect(text);
        }
        let mut out = Vec::new();
        Allow::print(&codecs, &mut out);
        out.remove(0)
    }

    #[test]
    fn order_matters_and_marks_negate() {
        assert_eq!(list(&[(false, "all"), (true, "ulaw,alaw")]), "(ulaw|alaw)");
        assert_eq!(list(&[(true, "ulaw"), (false, "all")]), "(nothing)");
        assert_eq!(list(&[(true, "!all,g722,ulaw,!ulaw")]), "(g722)");
        assert_eq!(list(&[(true, "ulaw"), (true, "alaw,ulaw")]), "(ulaw|alaw)");
        assert!(list(&[(true, "all")]).contains("opus"));
    }

    #[test]
    fn packetisation_and_unknown_names() {
        let mut codecs = CodecList::default();
        codecs.change("ulaw:30", true).expect("list");
        assert_eq!(codecs.0[0].ptime_ms, 30);
        assert!(codecs.change("ulaw:x", true).is_err());
        let fault = codecs.change("alaw, pcmu", true).expect_err("unknown");
        assert_eq!((fault.help.as_deref(), fault.offset), (Some("did you mean 'ulaw'?"), 6));
        assert_eq!(codecs.0.len(), 1, "a bad line changes nothing");
    }
}
