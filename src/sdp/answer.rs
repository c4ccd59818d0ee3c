//! Answering an offer (RFC 3264 6), in two steps: [`answer`] decides which streams run with which codecs and needs no
//! port; [`Answer::describe`] writes the text once the ports are known.

use super::agreement::*;
use super::attribute::{Attribute, Attributes, Direction};
use super::capability::Capabilities;
use super::codec::{Codec, CodecKind, Format};
use super::description::*;
use super::payload::Encoding;
use super::preference;
use super::section::*;

/// What an answer depends on besides the offer and the endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation<'a> {
    /// The agreement in force; `None` for the first offer of a session.
    pub previous: Option<&'a Agreement>,
    /// Take only these codecs: those the other leg can carry. `None`: all the endpoint allows.
    pub only: Option<&'a [Format]>,
    /// What we are willing to do on every stream: sendonly when we hold the call, inactive …
    pub willing: Direction,
    /// The other leg's decision about T.38.
    pub fax: Fax<'a>,
}

/// What to answer to a T.38 stream.
#[derive(Clone, Copy, Debug, Default)]
pub enum Fax<'a> {
    /// No; the reason is [`Declined::FaxRefused`].
    #[default]
    Refuse,
    /// Yes, with these parameters.
    Accept(&'a Attributes),
}

/// A decided answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What holds once the answer is sent.
    pub agreement: Agreement,
    fax_parameters: Attributes,
}

/// Decides how to answer. A refusal is a 488 and leaves a running session as it was (RFC 3261 14.1; S3-42).
pub fn answer(offer: &Description, local: &Capabilities, now: &Situation<'_>) -> Result<Answer, Refusal> {
    if offer.media.is_empty() {
        return Err(Refusal::NoStreams);
    }
    let mut running = Running::default();
    let mut streams = Vec::with_capacity(offer.media.len());
    for (at, media) in offer.media.iter().enumerate() {
        let outcome = match decide(offer, at, media, local, now, &mut running)? {
            Ok(outcome) => outcome,
            Err(why) => Outcome::Declined { why, formats: media.formats.clone() },
        };
        streams.push(Stream { kind: media.kind.clone(), transport: media.transport.clone(), outcome });
    }
    // RFC 3264 8.2 lets a running session take all its streams away (S3-32); a first offer must bring one.
    if !streams.iter().any(Stream::is_active) {
        if offer.media.iter().any(|m| !m.is_disabled()) {
            let reason = |s: &Stream| match s.outcome {
                Outcome::Declined { why, .. } => Some((s.kind.clone(), why)),
                _ => None,
            };
            return Err(Refusal::NothingAcceptable(streams.iter().filter_map(reason).collect()));
        }
        if now.previous.is_none() {
            return Err(Refusal::NoStreams);
        }
    }
    let fax_parameters = match now.fax {
        Fax::Accept(parameters) => parameters.clone(),
        Fax::Refuse => Attributes::default(),
    };
    Ok(Answer { agreement: Agreement { streams }, fax_parameters })
}

impl Answer {
    /// Streams that need a local address before [`Answer::describe`], by position.
    pub fn running(&self) -> impl Iterator<Item = (usize, &Stream)> {
        self.agreement.streams.iter().enumerate().filter(|(_, s)| s.is_active())
    }

    /// Writes the answer. `local` gives the place of each running stream, by position; a stream without one is
    /// written declined. Give the result to [`super::OwnOrigin::stamp`] before it is sent.
    pub fn describe(&self, who: &Identity, local: impl Fn(usize) -> Option<Local>) -> Description {
        let write = |(at, stream): (usize, &Stream)| match (&stream.outcome, local(at)) {
            (Outcome::Rtp(rtp), Some(local)) => rtp_section(&RtpSection {
                kind: &stream.kind,
                transport: &stream.transport,
                local: &local,
                payloads: &written(rtp),
                ptime_ms: rtp.ptime_ms,
                direction: rtp.direction,
                rtcp_mux: rtp.remote.rtcp_mux && local.rtcp_mux,
            }),
            (Outcome::Fax(_), Some(local)) => fax_section(&stream.transport, &local, &self.fax_parameters),
            (Outcome::Declined { formats, .. }, _) => {
                declined_section(&stream.kind, &stream.transport, formats)
            }
            (Outcome::Rtp(rtp), None) => {
                let formats: Vec<_> = rtp.formats.iter().map(|f| MediaFormat::Payload(f.receive)).collect();
                declined_section(&stream.kind, &stream.transport, &formats)
            }
            (Outcome::Fax(_), None) => declined_section(&stream.kind, &stream.transport, &[]),
        };
        assemble(self.agreement.streams.iter().enumerate().map(write).collect(), who)
    }
}

/// Streams accepted so far, by kind.
#[derive(Default)]
struct Running {
    audio: usize,
    video: usize,
    text: usize,
}

impl Running {
    fn count(&mut self, kind: CodecKind) -> &mut usize {
        match kind {
            CodecKind::Audio => &mut self.audio,
            CodecKind::Video => &mut self.video,
            CodecKind::Text | CodecKind::Image => &mut self.text,
        }
    }
}

/// One stream: runs, is declined (`Ok(Err)`), or spoils the whole description (`Err`).
fn decide(
    offer: &Description,
    at: usize,
    media: &Media,
    local: &Capabilities,
    now: &Situation<'_>,
    running: &mut Running,
) -> Result<Result<Outcome, Declined>, Refusal> {
    if media.is_disabled() {
        return Ok(Err(Declined::ByOffer));
    }
    let kind = match media.kind.codec_kind() {
        None => return Ok(Err(Declined::UnknownKind)),
        Some(CodecKind::Image) => return fax(offer, at, media, local, now),
        Some(kind) => kind,
    };
    let mut allowed = local.of_kind(kind);
    if allowed.is_empty() {
        return Ok(Err(Declined::KindNotAllowed));
    }
    let Transport::Rtp(profile) = media.transport else { return Ok(Err(Declined::Transport)) };
    if *running.count(kind) >= local.max_streams(kind) {
        return Ok(Err(Declined::TooMany));
    }
    let encryption =
        local.profile.accept(media, profile).map_err(|mismatch| Refusal::Profile { stream: at, mismatch })?;
    if let Some(only) = now.only {
        allowed.retain(|format| preference::find(only, format).is_some());
    }
    let chosen = local.incoming.choose(&allowed, &media.codec_formats());
    let formats = agreed_formats(media, &chosen, now.only);
    if formats.is_empty() {
        return Ok(Err(Declined::NoCommonCodec));
    }
    let remote = remote_of(offer, media, local.rtcp_mux).ok_or(Refusal::NoAddress { stream: at })?;
    let remote_direction = offer.direction_of(media);
    // A null address asks for silence as sendonly does, whatever the attribute says.
    let seen =
        if remote.address.is_null() { remote_direction.and(Direction::SendOnly) } else { remote_direction };
    *running.count(kind) += 1;
    let events = if local.telephone_event { event_numbers(media) } else { Vec::new() };
    let remote_ptime_ms = media.attributes.ptime_ms();
    Ok(Ok(Outcome::Rtp(Box::new(RtpStream {
        ptime_ms: send_ptime(&chosen, remote_ptime_ms, local.use_ptime),
        formats,
        events,
        remote,
        remote_direction,
        direction: seen.answer(now.willing),
        remote_ptime_ms,
        encryption,
    }))))
}

fn fax(
    offer: &Description,
    at: usize,
    media: &Media,
    local: &Capabilities,
    now: &Situation<'_>,
) -> Result<Result<Outcome, Declined>, Refusal> {
    if !is_fax(media) {
        return Ok(Err(Declined::Transport));
    }
    if !local.fax {
        return Ok(Err(Declined::FaxOff));
    }
    let Fax::Accept(_) = now.fax else { return Ok(Err(Declined::FaxRefused)) };
    let remote = remote_of(offer, media, false).ok_or(Refusal::NoAddress { stream: at })?;
    Ok(Ok(Outcome::Fax(Box::new(FaxStream { remote, attributes: fax_parameters(media) }))))
}

/// Whether a section offers T.38 over UDPTL.
pub fn is_fax(media: &Media) -> bool {
    media.kind == MediaKind::Image
        && media.transport.is_udptl()
        && media
            .formats
            .iter()
            .any(|f| matches!(f, MediaFormat::Token(word) if word.eq_ignore_ascii_case("t38")))
}

/// The fax parameters of a section, in order and untouched.
pub fn fax_parameters(media: &Media) -> Attributes {
    let is_fax = |a: &&Attribute| a.purpose() == super::attribute::Purpose::Fax;
    Attributes(media.attributes.0.iter().filter(is_fax).cloned().collect())
}

pub(super) fn remote_of(description: &Description, media: &Media, rtcp_mux: bool) -> Option<Remote> {
    let connection = description.connection_of(media)?;
    let rtcp_mux = rtcp_mux && description.rtcp_mux_of(media);
    let (rtcp_address, rtcp_port) = match (description.rtcp_of(media), rtcp_mux) {
        (_, true) => (None, media.port),
        // They would mux and we would not: the port after RTP is what is left.
        ((None, port), false) if port == media.port => (None, media.port.saturating_add(1)),
        (place, false) => place,
    };
    Some(Remote { address: connection.address, port: media.port, rtcp_address, rtcp_port, rtcp_mux })
}

/// Milliseconds per packet we send: the endpoint's, or with `use_ptime` what the peer asks within the codec's limit.
pub(super) fn send_ptime(chosen: &[Format], remote_ms: Option<u16>, use_ptime: bool) -> u16 {
    let Some(first) = chosen.first() else { return 0 };
    match remote_ms {
        Some(ms) if use_ptime && first.codec.max_ms() > 0 => ms.min(first.codec.max_ms()),
        _ => first.packet_ms(),
    }
}

/// The chosen codecs with the offer's numbers in both directions. `only` brings the parameters of the other leg.
fn agreed_formats(media: &Media, chosen: &[Format], only: Option<&[Format]>) -> Vec<AgreedFormat> {
    let offered = media.codec_formats();
    let agree = |format: &Format| {
        let theirs = preference::find(&offered, format)?;
        let number = media
            .payloads()
            .find(|p| p.encoding == Encoding::Codec(theirs.codec) && p.fmtp == theirs.fmtp.as_deref())?;
        let other_leg = only.and_then(|only| preference::find(only, format)).and_then(|f| f.fmtp.clone());
        let ours = other_leg
            .or_else(|| theirs.fmtp.clone().filter(|_| echoes_fmtp(format.codec)))
            .or_else(|| format.codec.default_fmtp().map(Into::into));
        Some(AgreedFormat {
            codec: format.codec,
            send: number.number,
            receive: number.number,
            theirs: theirs.fmtp.clone(),
            ours,
        })
    };
    chosen.iter().filter_map(agree).collect()
}

/// Codecs whose parameters describe the stream itself rather than one side's wishes: an answer repeats them.
fn echoes_fmtp(codec: Codec) -> bool {
    codec.kind() == CodecKind::Video
        || matches!(codec.name(), "g729" | "ilbc" | "siren7" | "siren14" | "g719" | "red")
}

/// The telephone-event numbers of a section, one per clock rate.
pub(super) fn event_numbers(media: &Media) -> Vec<AgreedNumber> {
    let mut result: Vec<AgreedNumber> = Vec::new();
    for p in media.payloads().filter(|p| p.encoding == Encoding::TelephoneEvent) {
        if result.iter().all(|r| r.clock_rate != p.clock_rate) {
            result.push(AgreedNumber { clock_rate: p.clock_rate, send: p.number, receive: p.number });
        }
    }
    result
}

fn written(rtp: &RtpStream) -> Vec<Written> {
    let codec = |f: &AgreedFormat| Written {
        number: f.receive,
        what: WrittenEncoding::Codec(f.codec),
        fmtp: f.ours.clone(),
    };
    let event = |n: &AgreedNumber| Written::event(n.receive, n.clock_rate);
    rtp.formats.iter().map(codec).chain(rtp.events.iter().map(event)).collect()
}
