//! Reading a description. Strict where a guess would send media to a wrong place (`m=`), lenient everywhere else: what the
//! field sends (LF only, no `s=`, odd spacing, Latin-1 names) is read and noted as an [`Oddity`].

use super::description::*;
use crate::base::limits;
use std::fmt;
use std::net::IpAddr;

/// Why a text is no usable session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdpError {
    /// Neither `v=` nor `m=` was found: this is something else.
    NotSdp,
    /// More lines than [`limits::SDP_LINES`].
    TooManyLines,
    /// More `m=` lines than [`limits::SDP_MEDIA`].
    TooManyMedia,
    /// An `m=` line that cannot be read. Its stream cannot even be declined, so nothing can be answered.
    BadMedia {
        /// Line number, from 1.
        line: u32,
    },
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SdpError::NotSdp => f.write_str("not a session description: neither v= nor m= found"),
            SdpError::TooManyLines => write!(f, "more than {} lines", limits::SDP_LINES),
            SdpError::TooManyMedia => write!(f, "more than {} media lines", limits::SDP_MEDIA),
            SdpError::BadMedia { line } => write!(f, "line {line}: m= line without type, port and transport"),
        }
    }
}

impl std::error::Error for SdpError {}

impl Description {
    /// Reads a description. The work and memory are bounded by the text's length and the limits named in [`SdpError`].
    pub fn parse(text: &[u8]) -> Result<Description, SdpError> {
        let mut reader = Reader::default();
        match std::str::from_utf8(text) {
            Ok(text) => reader.read(text)?,
            Err(_) => {
                reader.odd(0, OddityKind::NotUtf8);
                reader.read(&String::from_utf8_lossy(text))?;
            }
        }
        reader.finish()
    }
}

#[derive(Default)]
struct Reader {
    description: Description,
    seen_version: bool,
    seen_origin: bool,
    seen_name: bool,
}

impl Reader {
    fn odd(&mut self, line: u32, what: OddityKind) {
        if self.description.oddities.len() < limits::SDP_ODDITIES {
            self.description.oddities.push(Oddity { line, what });
        }
    }

    fn read(&mut self, text: &str) -> Result<(), SdpError> {
        let mut number = 0u32;
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = &rest[end..];
            rest = rest.strip_prefix("\r\n").unwrap_or_else(|| rest.get(1..).unwrap_or(""));
            number += 1;
            if number as usize > limits::SDP_LINES {
                return Err(SdpError::TooManyLines);
            }
            self.line(number, line)?;
        }
        Ok(())
    }

    fn line(&mut self, number: u32, line: &str) -> Result<(), SdpError> {
        if line.contains('\0') {
            // Terminators copied from somebody's buffer.
            return self.line(number, &line.replace('\0', " "));
        }
        let line = line.trim_start();
        if line.is_empty() {
            return Ok(());
        }
        let mut chars = line.chars();
        let letter = chars.next().unwrap_or(' ').to_ascii_lowercase();
        let Some(raw) = chars.as_str().trim_start().strip_prefix('=') else {
            self.odd(number, OddityKind::UnknownLine);
            return Ok(());
        };
        let value = raw.trim();
        match letter {
            'v' => self.seen_version |= value == "0",
            'o' => self.origin(number, value),
            's' => {
                self.seen_name = true;
                self.description.session_name = raw.into();
            }
            't' => self.description.timing.push(value.into()),
            'c' => self.connection(number, value),
            'b' => match self.description.media.last_mut() {
                Some(media) => media.bandwidth.push(value.into()),
                None => self.description.bandwidth.push(value.into()),
            },
            'a' if value.is_empty() => self.odd(number, OddityKind::UnknownLine),
            'a' => match self.description.media.last_mut() {
                Some(media) => media.attributes.push(value),
                None => self.description.attributes.push(value),
            },
            'm' => self.media(number, value)?,
            'i' | 'u' | 'e' | 'p' | 'r' | 'z' | 'k' => {
                let line = Line { letter, value: raw.into() };
                match self.description.media.last_mut() {
                    Some(media) => media.other.push(line),
                    None => self.description.other.push(line),
                }
            }
            _ => self.odd(number, OddityKind::UnknownLine),
        }
        Ok(())
    }

    fn origin(&mut self, number: u32, value: &str) {
        let mut words = value.split_ascii_whitespace();
        let (Some(user), Some(id), Some(version)) = (words.next(), words.next(), words.next()) else {
            return self.odd(number, OddityKind::BadOrigin);
        };
        self.seen_origin = true;
        let address = read_connection(words);
        if address.is_none() {
            self.odd(number, OddityKind::BadOrigin);
        }
        self.description.origin = Origin {
            user: user.into(),
            id: number_or_hash(id),
            version: number_or_hash(version),
            address: address.map(|c| c.address).unwrap_or_default(),
        };
    }

    fn connection(&mut self, number: u32, value: &str) {
        let Some(connection) = read_connection(value.split_ascii_whitespace()) else {
            return self.odd(number, OddityKind::BadConnection);
        };
        match self.description.media.last_mut() {
            Some(media) => media.connections.push(connection),
            None => self.description.connection = Some(connection),
        }
    }

    fn media(&mut self, number: u32, value: &str) -> Result<(), SdpError> {
        if self.description.media.len() >= limits::SDP_MEDIA {
            return Err(SdpError::TooManyMedia);
        }
        let bad = SdpError::BadMedia { line: number };
        let mut words = value.split_ascii_whitespace();
        let (Some(kind), Some(ports), Some(transport)) = (words.next(), words.next(), words.next()) else {
            return Err(bad);
        };
        let (port, count) = ports.split_once('/').unwrap_or((ports, "1"));
        let port = port.parse().map_err(|_| bad)?;
        let mut media = Media::new(MediaKind::from_token(kind), port, Transport::from_token(transport));
        media.port_count = count.parse().unwrap_or(1);
        let mut seen = 0u128;
        for word in words.take(MEDIA_FORMATS) {
            match &media.transport {
                Transport::Other(_) => media.formats.push(MediaFormat::Token(word.into())),
                Transport::Rtp(_) => match word.parse::<u8>() {
                    Ok(payload) if payload < 128 && seen & (1 << payload) == 0 => {
                        seen |= 1 << payload;
                        media.formats.push(MediaFormat::Payload(payload));
                    }
                    _ => self.odd(number, OddityKind::BadPayload),
                },
            }
        }
        self.description.media.push(media);
        Ok(())
    }

    fn finish(mut self) -> Result<Description, SdpError> {
        if !self.seen_version && self.description.media.is_empty() {
            return Err(SdpError::NotSdp);
        }
        for (seen, what) in [
            (self.seen_version, OddityKind::NoVersion),
            (self.seen_origin, OddityKind::BadOrigin),
            (self.seen_name, OddityKind::NoSessionName),
            (!self.description.timing.is_empty(), OddityKind::NoTiming),
        ] {
            if !seen {
                self.odd(0, what);
            }
        }
        Ok(self.description)
    }
}

/// Words read from one format list: as many as there are payload types.
const MEDIA_FORMATS: usize = 128;

/// `IN IP4 192.0.2.1/127`, also without `IN`.
pub(super) fn read_connection<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Connection> {
    let mut word = words.next()?;
    if word.eq_ignore_ascii_case("IN") {
        word = words.next()?;
    }
    let ip6 = word.eq_ignore_ascii_case("IP6");
    if !ip6 && !word.eq_ignore_ascii_case("IP4") {
        return None;
    }
    let text = words.next()?;
    let (host, suffix) = text.split_at(text.find('/').unwrap_or(text.len()));
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let address = match bare.parse::<IpAddr>() {
        Ok(ip) => Address::Ip(ip),
        Err(_) if is_host_name(host) => Address::Name { host: host.into(), ip6 },
        Err(_) => return None,
    };
    Some(Connection { address, suffix: suffix.into() })
}

fn is_host_name(host: &str) -> bool {
    // All digits and dots that are no address (`300.1.1.1`) would only make a look-up fail later.
    !host.is_empty()
        && host.len() <= limits::CONTACT_HOST_BYTES
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && host.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A decimal number of 64 bits; any other text folded into one (FNV-1a), so that a changed text is a changed number.
fn number_or_hash(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| {
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    const PHONE: &str = "v=0\r\no=alice 2890844526 2890844527 IN IP4 198.51.100.7\r\ns=Call\r\ni=A title\r\n\
        u=http://example.com\r\ne=a@example.com\r\np=+1 555\r\nc=IN IP4 198.51.100.7\r\nb=AS:128\r\nt=0 0\r\n\
        k=prompt\r\na=group:BUNDLE 0 1\r\n\
        m=audio 49170 RTP/AVP 0 8 101\r\ni=mic\r\nc=IN IP6 2001:db8::7\r\nb=TIAS:64000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=x-vendor\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n\
        m=image 4000/2 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxRateManagement:transferredTCF\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 224.2.1.1/127/3\r\na=sctp-port:5000\r\n";

    #[test]
    fn what_was_read_prints_byte_for_byte() {
        let d = Description::parse(PHONE.as_bytes()).expect("reads");
        assert!(d.oddities.is_empty(), "{:?}", d.oddities);
        assert_eq!(String::from_utf8(d.to_bytes()).expect("text"), PHONE);
        assert_eq!(d.media.len(), 3);
        assert_eq!(d.media[1].port_count, 2);
        assert!(d.media[1].transport.is_udptl());
        assert_eq!(d.connection_of(&d.media[1]).expect("session's").address.to_string(), "IP4 198.51.100.7");
        assert_eq!(d.address_of(&d.media[0]), "2001:db8::7".parse().ok());
    }

    /// S4-14: the m= line lists payload 0 only, the rtpmaps name 8 and 0.
    #[test]
    fn reads_what_the_field_sends_and_notes_it() {
        let odd = |text: &str| Description::parse(text.as_bytes()).expect("reads");
        let d =
            odd("\n v = 0\no=- 1 1 IN IP4 10.0.0.1\n\nc= IN  IP4   10.0.0.1 \nm=audio  4000   RTP/AVP  0 \n\
            a= rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\n a=sendonly \0");
        assert_eq!(d.address_of(&d.media[0]), "10.0.0.1".parse().ok());
        assert_eq!(d.media[0].attributes.direction(), Some(crate::sdp::Direction::SendOnly));
        let kinds: Vec<_> = d.oddities.iter().map(|o| o.what).collect();
        assert_eq!(kinds, [OddityKind::NoSessionName, OddityKind::NoTiming]);

        let d = odd("v=0\ro=x\rs=\rt=0 0\rzzz\rc=IN IP4 300.1.1.1\rm=audio 1 RTP/AVP 0 0 200 x\r");
        assert_eq!(d.media[0].formats, [MediaFormat::Payload(0)]);
        let lines: Vec<_> = d.oddities.iter().map(|o| (o.line, o.what)).collect();
        assert_eq!(lines[0], (2, OddityKind::BadOrigin));
        assert_eq!(lines[1], (5, OddityKind::UnknownLine));
        assert_eq!(lines[2], (6, OddityKind::BadConnection));
        assert_eq!(lines[3], (7, OddityKind::BadPayload));

        let d = odd("m=audio 4000 RTP/AVP 0\nc=IN IP4 phone.example.com\n");
        assert!(
            matches!(&d.media[0].connections[0].address, Address::Name { host, .. } if &**host == "phone.example.com")
        );
        let d = Description::parse(b"v=0\ns=B\xfcro\nm=audio 0 rtp/avp 0\n").expect("reads");
        assert_eq!(&*d.session_name, "B\u{fffd}ro");
        assert_eq!(d.media[0].transport, Transport::AVP);
    }

    #[test]
    fn refuses_what_cannot_be_answered() {
        let parse = |text: &str| Description::parse(text.as_bytes()).expect_err("refused");
        assert_eq!(parse(""), SdpError::NotSdp);
        assert_eq!(parse("Signal=5\r\nDuration=100\r\n"), SdpError::NotSdp);
        assert_eq!(parse("v=0\nm=audio 70000 RTP/AVP 0\n"), SdpError::BadMedia { line: 2 });
        assert_eq!(parse("v=0\nm=audio\n"), SdpError::BadMedia { line: 2 });
        assert_eq!(parse(&format!("v=0\n{}", "m=audio 1 RTP/AVP 0\n".repeat(65))), SdpError::TooManyMedia);
        assert_eq!(parse(&"a=x\n".repeat(3000)), SdpError::TooManyLines);
    }

    #[test]
    fn versions_that_are_no_numbers_still_differ() {
        let version = |v: &str| {
            let text = format!("v=0\no=- 1 {v} IN IP4 10.0.0.1\n");
            Description::parse(text.as_bytes()).expect("reads").origin.version
        };
        assert_eq!(version("18446744073709551615"), u64::MAX);
        assert_ne!(version("99999999999999999999998"), version("99999999999999999999999"));
    }

    #[test]
    fn a_name_with_a_line_end_adds_no_line() {
        let mut d = Description::parse(PHONE.as_bytes()).expect("reads");
        d.session_name = "x\r\nm=audio 1 RTP/AVP 0".into();
        let again = Description::parse(&d.to_bytes()).expect("reads");
        assert_eq!(again.media.len(), 3);
    }

    /// Seeded mutations: never a panic, and what reads also prints to something that reads as the same.
    #[test]
    fn no_bytes_make_it_panic_and_printing_is_stable() {
        for seed in 0..4_000 {
            let mut rng = Rng::seeded(seed);
            let mut bytes = PHONE.as_bytes().to_vec();
            for _ in 0..=rng.below(12) {
                let at = rng.below(bytes.len() as u64) as usize;
                match rng.below(5) {
                    0 => bytes[at] = rng.next_u64() as u8,
                    1 if bytes.len() > 1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b" :=/\r\n\0a9"[rng.below(9) as usize]),
                    3 => bytes.truncate(at.max(1)),
                    _ => {
                        let end = (at + rng.below(40) as usize).min(bytes.len());
                        let piece = bytes[at..end].to_vec();
                        let to = rng.below(bytes.len() as u64) as usize;
                        bytes.splice(to..to, piece);
                    }
                }
            }
            if let Ok(first) = Description::parse(&bytes) {
                let mut second = Description::parse(&first.to_bytes()).expect("our own text reads");
                for media in &first.media {
                    let _ = (first.rtcp_of(media), first.direction_of(media), first.connection_of(media));
                    let _ = (media.attributes.cryptos().count(), media.attributes.rtpmaps().count());
                }
                second.oddities = first.oddities.clone();
                let mut third = Description::parse(&second.to_bytes()).expect("our own text reads");
                third.oddities = first.oddities.clone();
                assert_eq!(second, third, "seed {seed}");
                assert_eq!(first.media.len(), second.media.len(), "seed {seed}");
            }
        }
    }
}
