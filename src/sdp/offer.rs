//! Making an offer and reading its answer (RFC 3264 5, 7, 8).

use super::agreement::*;
use super::answer::{event_numbers, fax_parameters, is_fax, remote_of, send_ptime};
use super::attribute::{Attributes, Direction};
use super::capability::{Capabilities, Encryption, Numbered};
use super::codec::{Codec, Format};
use super::description::*;
use super::payload::{Encoding, Numbers};
use super::preference;
use super::section::*;

/// One stream of an offer to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// RTP.
    Rtp {
        /// Audio, video or text.
        kind: MediaKind,
        /// Where we (or the other phone) take it.
        local: Local,
        /// What to offer, most wanted first; from [`Capabilities::offered`].
        formats: Vec<Format>,
        /// What we want to do.
        direction: Direction,
    },
    /// T.38 over UDPTL with these parameters, passed on from the other leg (S3-23).
    Fax {
        /// Where we take it.
        local: Local,
        /// `a=T38…` lines.
        parameters: Attributes,
    },
    /// No stream here (any more): port 0. Keeps the place of a stream that was (S3-31).
    Removed {
        /// Its media type.
        kind: MediaKind,
    },
}

/// An offer we made: what its answer is measured against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    streams: Vec<Offered>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Offered {
    proposal: Proposal,
    transport: Transport,
    payloads: Vec<Written>,
}

/// Makes an offer. Streams that `previous` had and `proposals` have no more are added as removed ones, so that the
/// number of media lines never shrinks; payload numbers in use keep their meaning (RFC 3264 8.3.2).
pub fn offer(mut proposals: Vec<Proposal>, local: &Capabilities, previous: Option<&Agreement>) -> Offer {
    let before = previous.map_or(&[][..], |p| &p.streams);
    for stream in before.iter().skip(proposals.len()) {
        proposals.push(Proposal::Removed { kind: stream.kind.clone() });
    }
    let build = |(at, proposal): (usize, Proposal)| {
        let before = before.get(at);
        let udptl = || match before {
            Some(stream) if stream.transport.is_udptl() => stream.transport.clone(),
            _ => Transport::Other("udptl".into()),
        };
        let (transport, payloads) = match &proposal {
            Proposal::Rtp { kind, formats, .. } => {
                let before = before.filter(|stream| stream.kind == *kind);
                // An answerer's profile stays for the session: its own offers repeat what it accepted.
                let transport = match before {
                    Some(stream) if stream.is_active() => stream.transport.clone(),
                    _ => local.profile.offered(),
                };
                let events = local.telephone_event && *kind == MediaKind::Audio;
                (transport, number(formats, events, before.and_then(Stream::rtp), &local.numbers))
            }
            Proposal::Fax { .. } => (udptl(), Vec::new()),
            Proposal::Removed { kind: MediaKind::Image } => (udptl(), Vec::new()),
            Proposal::Removed { .. } => {
                (before.map_or(Transport::AVP, |stream| stream.transport.clone()), Vec::new())
            }
        };
        Offered { proposal, transport, payloads }
    };
    Offer { streams: proposals.into_iter().enumerate().map(build).collect() }
}

impl Offer {
    /// Writes the offer. Give the result to [`super::OwnOrigin::stamp`] before it is sent.
    pub fn describe(&self, who: &Identity, local: &Capabilities) -> Description {
        let write = |offered: &Offered| match &offered.proposal {
            Proposal::Rtp { kind, local: place, formats, direction } => rtp_section(&RtpSection {
                kind,
                transport: &offered.transport,
                local: place,
                payloads: &offered.payloads,
                ptime_ms: formats.first().map_or(0, Format::packet_ms),
                direction: *direction,
                rtcp_mux: local.rtcp_mux && place.rtcp_mux,
            }),
            Proposal::Fax { local, parameters } => fax_section(&offered.transport, local, parameters),
            Proposal::Removed { kind } => declined_section(kind, &offered.transport, &[]),
        };
        assemble(self.streams.iter().map(write).collect(), who)
    }
}

/// Reads the answer to our offer. Streams the answer leaves out are taken as declined. A refusal means that nothing
/// is left to talk with: the call ends, or the re-INVITE counts as failed (S3-42).
pub fn accept_answer(
    offer: &Offer,
    answer: &Description,
    local: &Capabilities,
) -> Result<Agreement, Refusal> {
    let mut streams = Vec::with_capacity(offer.streams.len());
    for (at, offered) in offer.streams.iter().enumerate() {
        let kind = match &offered.proposal {
            Proposal::Rtp { kind, .. } | Proposal::Removed { kind } => kind.clone(),
            Proposal::Fax { .. } => MediaKind::Image,
        };
        let outcome = match (&offered.proposal, answer.media.get(at)) {
            (Proposal::Removed { .. }, _) => Err(Declined::ByUs),
            (_, None) => Err(Declined::ByAnswer),
            (_, Some(media)) if media.is_disabled() => Err(Declined::ByAnswer),
            (_, Some(media)) if media.kind != kind => Err(Declined::UnknownKind),
            (Proposal::Fax { .. }, Some(media)) if !is_fax(media) => Err(Declined::Transport),
            (Proposal::Fax { .. }, Some(media)) => {
                let remote = remote_of(answer, media, false).ok_or(Refusal::NoAddress { stream: at })?;
                Ok(Outcome::Fax(Box::new(FaxStream { remote, attributes: fax_parameters(media) })))
            }
            (Proposal::Rtp { formats, direction, .. }, Some(media)) => {
                rtp_answer(offered, formats, *direction, answer, at, media, local)?
            }
        };
        let outcome = outcome.unwrap_or_else(|why| Outcome::Declined { why, formats: Vec::new() });
        streams.push(Stream { kind, transport: offered.transport.clone(), outcome });
    }
    let wanted = offer.streams.iter().any(|s| !matches!(s.proposal, Proposal::Removed { .. }));
    if wanted && !streams.iter().any(Stream::is_active) {
        let reason = |s: &Stream| match s.outcome {
            Outcome::Declined { why, .. } => Some((s.kind.clone(), why)),
            _ => None,
        };
        return Err(Refusal::NothingAcceptable(streams.iter().filter_map(reason).collect()));
    }
    Ok(Agreement { streams })
}

fn rtp_answer(
    offered: &Offered,
    formats: &[Format],
    direction: Direction,
    answer: &Description,
    at: usize,
    media: &Media,
    local: &Capabilities,
) -> Result<Result<Outcome, Declined>, Refusal> {
    let Transport::Rtp(profile) = media.transport else { return Ok(Err(Declined::Transport)) };
    let encryption = if offered.transport == media.transport && local.profile.encryption == Encryption::None {
        Encryption::None
    } else {
        local.profile.accept(media, profile).map_err(|mismatch| Refusal::Profile { stream: at, mismatch })?
    };
    let agreed = answered_formats(offered, formats, media);
    let Some(first) = agreed.first() else { return Ok(Err(Declined::NoCommonCodec)) };
    let mux = local.rtcp_mux && matches!(&offered.proposal, Proposal::Rtp { local, .. } if local.rtcp_mux);
    let remote = remote_of(answer, media, mux).ok_or(Refusal::NoAddress { stream: at })?;
    let remote_direction = answer.direction_of(media);
    let seen =
        if remote.address.is_null() { remote_direction.and(Direction::SendOnly) } else { remote_direction };
    let mut events = event_numbers(media);
    for event in &mut events {
        event.receive = offered.event(event.clock_rate).unwrap_or(event.send);
    }
    events.retain(|event| offered.event(event.clock_rate).is_some());
    let remote_ptime_ms = media.attributes.ptime_ms();
    let leading: Vec<Format> = formats.iter().filter(|f| f.codec == first.codec).cloned().collect();
    Ok(Ok(Outcome::Rtp(Box::new(RtpStream {
        ptime_ms: send_ptime(&leading, remote_ptime_ms, local.use_ptime),
        formats: agreed,
        events,
        remote,
        remote_direction,
        direction: direction.and(seen.reversed()),
        remote_ptime_ms,
        encryption,
    }))))
}

/// The codecs of an answer that we offered, in the answer's order: its first is the one to send (RFC 3264 7). A number
/// without an rtpmap means what we offered under it.
fn answered_formats(offered: &Offered, formats: &[Format], media: &Media) -> Vec<AgreedFormat> {
    let mut agreed: Vec<AgreedFormat> = Vec::new();
    for payload in media.payloads() {
        let codec = match payload.encoding {
            Encoding::Codec(codec) => Some(codec),
            Encoding::Unknown => offered.codec_of(payload.number),
            _ => None,
        };
        let Some(codec) = codec else { continue };
        let format = Format { codec, fmtp: payload.fmtp.map(Into::into), ptime_ms: 0 };
        let Some(ours) = preference::find(formats, &format) else { continue };
        let Some(receive) = offered.number_of(ours) else { continue };
        if agreed.iter().any(|a| a.receive == receive) {
            continue;
        }
        agreed.push(AgreedFormat {
            codec,
            send: payload.number,
            receive,
            theirs: format.fmtp,
            ours: ours.fmtp.clone(),
        });
    }
    agreed
}

impl Offered {
    fn codec_of(&self, number: u8) -> Option<Codec> {
        self.payloads.iter().find(|p| p.number == number).and_then(|p| match p.what {
            WrittenEncoding::Codec(codec) => Some(codec),
            WrittenEncoding::Event { .. } => None,
        })
    }

    fn number_of(&self, format: &Format) -> Option<u8> {
        let same = |p: &&Written| {
            p.what == WrittenEncoding::Codec(format.codec)
                && (format.fmtp.is_none() || p.fmtp.as_deref() == format.fmtp.as_deref())
        };
        self.payloads.iter().find(same).map(|p| p.number)
    }

    fn event(&self, clock_rate: u32) -> Option<u8> {
        self.payloads.iter().find(|p| p.what == WrittenEncoding::Event { clock_rate }).map(|p| p.number)
    }
}

/// Gives every format its number: the one of the running stream, else its fixed one, else the other leg's, else its usual
/// one, else a free one. Events follow, one per clock rate of the codecs and always one at 8000 Hz.
fn number(
    formats: &[Format],
    with_events: bool,
    before: Option<&RtpStream>,
    others: &[(Numbered, u8)],
) -> Vec<Written> {
    let other = |what| others.iter().find(|(known, _)| *known == what).map(|(_, number)| *number);
    let mut numbers = Numbers::default();
    let mut list: Vec<Written> = Vec::with_capacity(formats.len() + 1);
    let running = |codec| before.and_then(|b| b.format(codec)).map(|f| f.receive);
    let mut rates = vec![8000];
    // Numbers in use are handed to their codecs first, so that no other codec gets one of them.
    let kept: Vec<Option<u8>> =
        formats.iter().map(|f| running(f.codec).filter(|number| numbers.take(*number))).collect();
    for event in before.iter().flat_map(|b| &b.events) {
        numbers.take(event.receive);
    }
    for (format, kept) in formats.iter().zip(kept) {
        let codec = format.codec;
        if codec.encoding().is_none() {
            continue;
        }
        let usual = codec.payload();
        let wanted = match usual {
            Some(fixed) if fixed < 35 => usual,
            _ => other(Numbered::Codec(codec)).or(usual),
        };
        let Some(number) = kept.or_else(|| numbers.give(wanted)) else { break };
        let fmtp = match (codec.name(), &format.fmtp) {
            ("red", None) => redundancy(&list),
            (_, fmtp) => fmtp.clone().or_else(|| codec.default_fmtp().map(Into::into)),
        };
        list.push(Written { number, what: WrittenEncoding::Codec(codec), fmtp });
        if !rates.contains(&codec.clock_rate()) {
            rates.push(codec.clock_rate());
        }
    }
    for clock_rate in rates.into_iter().filter(|_| with_events) {
        let running =
            before.and_then(|b| b.events.iter().find(|e| e.clock_rate == clock_rate)).map(|e| e.receive);
        if let Some(number) =
            running.or_else(|| numbers.give(other(Numbered::Events(clock_rate)).or(Some(101))))
        {
            list.push(Written::event(number, clock_rate));
        }
    }
    list
}

/// RFC 4103 5: two generations of redundant T.140 under the T.140 number offered before it.
fn redundancy(list: &[Written]) -> Option<Box<str>> {
    let t140 = Codec::from_name("t140")?;
    let number = list.iter().find(|w| w.what == WrittenEncoding::Codec(t140))?.number;
    Some(format!("{number}/{number}/{number}").into())
}
