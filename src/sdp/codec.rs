//! Codecs: the names of `allow` and `disallow`, their RTP encodings, rates, packet times and payload numbers.
//! Payload numbers that RFC 3551 leaves open are Asterisk's, so that traces look familiar.

use std::fmt;

/// A codec of the table below. Compares and copies as a small number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Codec(u8);

/// What a codec carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodecKind {
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Still pictures and fax.
    Image,
    /// Real-time text.
    Text,
}

struct Row {
    name: &'static str,
    kind: CodecKind,
    /// RTP encoding names; the first is written, all are read. Empty: not carried in RTP.
    encodings: &'static [&'static str],
    clock_rate: u32,
    sample_rate: u32,
    channels: u8,
    /// The number offered unless it is taken; 0..=34 are fixed by RFC 3551, `NONE` takes any free one.
    payload: u8,
    default_ms: u16,
    max_ms: u16,
    fmtp: &'static str,
}

const NONE: u8 = 255;

const fn audio(
    name: &'static str,
    encodings: &'static [&'static str],
    rate: u32,
    payload: u8,
    max_ms: u16,
) -> Row {
    Row {
        name,
        kind: CodecKind::Audio,
        encodings,
        clock_rate: rate,
        sample_rate: rate,
        channels: 1,
        payload,
        default_ms: 20,
        max_ms,
        fmtp: "",
    }
}

const fn video(name: &'static str, encodings: &'static [&'static str], payload: u8) -> Row {
    let kind = CodecKind::Video;
    Row { kind, clock_rate: 90_000, default_ms: 0, ..audio(name, encodings, 90_000, payload, 0) }
}

const fn still(name: &'static str, encodings: &'static [&'static str], payload: u8) -> Row {
    Row { kind: CodecKind::Image, ..video(name, encodings, payload) }
}

const fn text(name: &'static str, encodings: &'static [&'static str], payload: u8) -> Row {
    let kind = CodecKind::Text;
    Row { kind, default_ms: 0, ..audio(name, encodings, 1000, payload, 0) }
}

const TABLE: &[Row] = &[
    audio("ulaw", &["PCMU", "G711U"], 8000, 0, 140),
    audio("alaw", &["PCMA", "G711A"], 8000, 8, 140),
    // RFC 3551 4.5.2: the clock says 8000 although the sound has 16000 samples a second.
    Row { sample_rate: 16_000, ..audio("g722", &["G722"], 8000, 9, 140) },
    audio("gsm", &["GSM"], 8000, 3, 300),
    audio("g729", &["G729", "G729A", "G.729"], 8000, 18, 220),
    audio("g726", &["G726-32"], 8000, 111, 300),
    audio("g726aal2", &["AAL2-G726-32"], 8000, 112, 300),
    Row { default_ms: 30, ..audio("g723", &["G723"], 8000, 4, 300) },
    audio("adpcm", &["DVI4"], 8000, 5, 300),
    audio("lpc10", &["LPC"], 8000, 7, 20),
    audio("ilbc", &["iLBC"], 8000, 97, 300),
    audio("speex", &["speex"], 8000, 110, 60),
    audio("speex16", &["speex"], 16_000, 117, 60),
    audio("speex32", &["speex"], 32_000, 119, 60),
    Row { channels: 2, ..audio("opus", &["opus"], 48_000, 107, 60) },
    audio("slin", &["L16"], 8000, NONE, 60),
    audio("slin12", &["L16"], 12_000, 122, 60),
    audio("slin16", &["L16", "L16-256"], 16_000, 118, 60),
    audio("slin24", &["L16"], 24_000, 123, 60),
    audio("slin32", &["L16"], 32_000, 124, 60),
    audio("slin44", &["L16"], 44_100, 125, 60),
    audio("slin48", &["L16"], 48_000, 126, 60),
    audio("slin96", &["L16"], 96_000, 127, 60),
    audio("slin192", &["L16"], 192_000, 96, 60),
    Row { fmtp: "bitrate=32000", ..audio("siren7", &["G7221"], 16_000, 102, 80) },
    Row { fmtp: "bitrate=48000", ..audio("siren14", &["G7221"], 32_000, 115, 80) },
    Row { fmtp: "bitrate=64000", ..audio("g719", &["G719"], 48_000, 116, 80) },
    audio("codec2", &["CODEC2"], 8000, NONE, 300),
    audio("silk8", &["SILK"], 8000, NONE, 100),
    audio("silk12", &["SILK"], 12_000, NONE, 100),
    audio("silk16", &["SILK"], 16_000, NONE, 100),
    audio("silk24", &["SILK"], 24_000, NONE, 100),
    video("h261", &["H261"], 31),
    video("h263", &["H263"], 34),
    video("h263p", &["h263-1998", "h263-2000"], 103),
    video("h264", &["H264"], 99),
    video("h265", &["H265"], 109),
    video("mpeg4", &["MP4V-ES"], 104),
    video("vp8", &["VP8"], 100),
    video("vp9", &["VP9"], 108),
    video("av1", &["AV1"], NONE),
    still("jpeg", &["JPEG"], 26),
    still("png", &["PNG"], NONE),
    still("t38", &[], NONE),
    text("t140", &["T140"], 106),
    text("red", &["RED"], 105),
];

impl Codec {
    /// G.711 µ-law, payload 0.
    pub const ULAW: Codec = Codec(0);
    /// G.711 A-law, payload 8.
    pub const ALAW: Codec = Codec(1);
    /// G.722, payload 9.
    pub const G722: Codec = Codec(2);
    /// Opus.
    pub const OPUS: Codec = Codec(14);

    /// Every codec, in the order `allow=all` means.
    pub fn all() -> impl Iterator<Item = Codec> {
        (0..TABLE.len()).map(|index| Codec(index as u8))
    }

    /// The codec of an `allow` word; case does not matter.
    pub fn from_name(name: &str) -> Option<Codec> {
        Codec::all().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// The codec of an rtpmap in a section of this kind. Channels count only where they tell codecs apart (L16).
    pub fn from_encoding(encoding: &str, clock_rate: u32, channels: u8) -> Option<Codec> {
        Codec::all().find(|c| {
            let row = c.row();
            row.clock_rate == clock_rate
                && row.encodings.iter().any(|e| encoding.eq_ignore_ascii_case(e))
                && (channels == row.channels || channels == 1 || row.encodings[0] != "L16")
        })
    }

    /// The codec of a payload type that needs no rtpmap (RFC 3551 6), with number 2 as old Cisco gateways use it.
    pub fn from_static(payload: u8) -> Option<Codec> {
        match payload {
            2 => Codec::from_name("g726"),
            35.. => None,
            _ => Codec::all().find(|c| c.row().payload == payload),
        }
    }

    fn row(self) -> &'static Row {
        &TABLE[usize::from(self.0)]
    }

    /// The word in `allow` and in Asterisk's tables.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What it carries.
    pub fn kind(self) -> CodecKind {
        self.row().kind
    }

    /// The encoding name of its rtpmap; `None` if it does not go over RTP.
    pub fn encoding(self) -> Option<&'static str> {
        self.row().encodings.first().copied()
    }

    /// Hertz of the RTP timestamp.
    pub fn clock_rate(self) -> u32 {
        self.row().clock_rate
    }

    /// Samples a second of the sound; differs from the clock rate for G.722 only.
    pub fn sample_rate(self) -> u32 {
        self.row().sample_rate
    }

    /// Channels written in its rtpmap.
    pub fn channels(self) -> u8 {
        self.row().channels
    }

    /// The payload number it is offered with unless that is taken.
    pub fn payload(self) -> Option<u8> {
        (self.row().payload != NONE).then_some(self.row().payload)
    }

    /// Milliseconds of sound per packet when nothing else is said; 0 for what is not sound.
    pub fn default_ms(self) -> u16 {
        self.row().default_ms
    }

    /// The longest packet we take, in milliseconds; 0 for what is not sound.
    pub fn max_ms(self) -> u16 {
        self.row().max_ms
    }

    /// Format parameters offered when nobody gives any.
    pub fn default_fmtp(self) -> Option<&'static str> {
        (!self.row().fmtp.is_empty()).then_some(self.row().fmtp)
    }

    /// How well two sets of format parameters of this codec go together.
    pub fn compare_fmtp(self, a: Option<&str>, b: Option<&str>) -> Fit {
        if a == b {
            return Fit::Exact;
        }
        let (a, b) = (a.or(self.default_fmtp()).unwrap_or(""), b.or(self.default_fmtp()).unwrap_or(""));
        let differs = |key: &str, default: &str| {
            let (a, b) = (fmtp_value(a, key).unwrap_or(default), fmtp_value(b, key).unwrap_or(default));
            !a.eq_ignore_ascii_case(b)
        };
        let clash = match self.name() {
            // RFC 6184 8.2.2: another packetization is another format; levels and, in practice, profiles may differ.
            "h264" => differs("packetization-mode", "0"),
            "siren7" | "siren14" | "g719" => differs("bitrate", ""),
            _ => false,
        };
        match () {
            () if clash => Fit::Not,
            () if a == b => Fit::Exact,
            () => Fit::Compatible,
        }
    }
}

/// How two formats of the same codec fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Different formats.
    Not,
    /// The same format with other parameters.
    Compatible,
    /// The same in every parameter.
    Exact,
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A codec with its parameters: one entry of `allow`, or one payload of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Which codec.
    pub codec: Codec,
    /// Format parameters (`a=fmtp`) carried from the other leg; `None` for the codec's own defaults.
    pub fmtp: Option<Box<str>>,
    /// Milliseconds per packet, of `allow=ulaw:30`; 0 for the codec's default.
    pub ptime_ms: u16,
}

impl Format {
    /// A codec without any parameters.
    pub fn of(codec: Codec) -> Format {
        Format { codec, fmtp: None, ptime_ms: 0 }
    }

    /// Milliseconds per packet: the configured or the default ones.
    pub fn packet_ms(&self) -> u16 {
        if self.ptime_ms == 0 { self.codec.default_ms() } else { self.ptime_ms }
    }
}

impl From<Codec> for Format {
    fn from(codec: Codec) -> Format {
        Format::of(codec)
    }
}

/// The value of `key=value` in format parameters separated by `;`.
pub fn fmtp_value<'a>(fmtp: &'a str, key: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|part| {
        let (k, v) = part.split_once('=')?;
        k.trim().eq_ignore_ascii_case(key).then(|| v.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_encodings_are_told_apart() {
        let named = |name| Codec::from_name(name).expect("known");
        assert_eq!(named("ULAW"), Codec::ULAW);
        assert_eq!((named("alaw"), named("g722"), named("opus")), (Codec::ALAW, Codec::G722, Codec::OPUS));
        assert_eq!(Codec::from_name("g7111"), None);
        assert_eq!(Codec::from_encoding("pcmu", 8000, 1), Some(Codec::ULAW));
        assert_eq!(Codec::from_encoding("opus", 48_000, 2), Some(Codec::OPUS));
        assert_eq!(Codec::from_encoding("OPUS", 48_000, 1), Some(Codec::OPUS));
        assert_eq!(Codec::from_encoding("L16", 16_000, 1), Some(named("slin16")));
        assert_eq!(Codec::from_encoding("L16", 44_100, 2), None);
        assert_eq!(Codec::from_encoding("speex", 16_000, 1), Some(named("speex16")));
        assert_eq!(Codec::from_encoding("telephone-event", 8000, 1), None);
        assert_eq!(
            (Codec::from_static(18), Codec::from_static(2)),
            (Some(named("g729")), Some(named("g726")))
        );
        assert_eq!(
            (Codec::from_static(13), Codec::from_static(97), Codec::from_static(255)),
            (None, None, None)
        );
        assert_eq!((Codec::G722.clock_rate(), Codec::G722.sample_rate()), (8000, 16_000));
    }

    #[test]
    fn every_name_and_number_occurs_once() {
        let names: Vec<_> = Codec::all().map(Codec::name).collect();
        let numbers: Vec<_> = Codec::all().filter_map(Codec::payload).collect();
        for (i, name) in names.iter().enumerate() {
            assert!(!names[..i].contains(name), "{name}");
        }
        for (i, number) in numbers.iter().enumerate() {
            assert!(
                !numbers[..i].contains(number) && *number < 128 && *number != 101 && *number != 13,
                "{number}"
            );
        }
    }

    #[test]
    fn parameters_decide_where_they_change_the_packets() {
        let h264 = Codec::from_name("h264").expect("known");
        assert_eq!(h264.compare_fmtp(Some("packetization-mode=1"), None), Fit::Not);
        assert_eq!(
            h264.compare_fmtp(
                Some("profile-level-id=42e01f; packetization-mode=1"),
                Some("packetization-mode=1")
            ),
            Fit::Compatible
        );
        let siren7 = Codec::from_name("siren7").expect("known");
        assert_eq!(siren7.compare_fmtp(Some("bitrate=24000"), None), Fit::Not);
        assert_eq!(siren7.compare_fmtp(Some("bitrate=32000"), None), Fit::Exact);
        assert_eq!(Codec::OPUS.compare_fmtp(Some("useinbandfec=1"), None), Fit::Compatible);
    }
}
