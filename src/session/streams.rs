//! The streams of our own offers, and how two agreements differ.

use super::media::Media;
use crate::sdp::fingerprint;
use crate::sdp::{self, Agreement, Direction, Format, Local, MediaKind, Outcome, Proposal, Stream};

/// How an agreement differs from the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaChange {
    /// The peer holds the call now, or no more (S3-16, S3-17, S3-29); `None` when that did not change.
    pub held: Option<bool>,
    /// An address or port to send to changed.
    pub address: bool,
    /// The codecs, their numbers or their parameters changed.
    pub codecs: bool,
    /// What we may send or take changed.
    pub direction: bool,
    /// A stream began, ended, or changed its kind.
    pub streams: bool,
    /// T.38 began or ended.
    pub fax: Option<bool>,
}

impl MediaChange {
    /// Whether anything changed.
    pub fn is_change(&self) -> bool {
        *self != MediaChange::default()
    }

    pub(super) fn between(old: Option<&Agreement>, new: &Agreement) -> MediaChange {
        let empty = Agreement::default();
        let old = old.unwrap_or(&empty);
        let held = new.is_remotely_held();
        let fax = new.fax().is_some();
        let mut change = MediaChange {
            held: (held != old.is_remotely_held()).then_some(held),
            fax: (fax != old.fax().is_some()).then_some(fax),
            ..MediaChange::default()
        };
        for (at, stream) in new.streams.iter().enumerate() {
            match (old.streams.get(at).map(|s| (&s.kind, &s.outcome)), &stream.outcome) {
                (Some((kind, Outcome::Rtp(before))), Outcome::Rtp(now)) if *kind == stream.kind => {
                    change.address |= before.remote != now.remote;
                    change.codecs |= (&before.formats, &before.events) != (&now.formats, &now.events);
                    change.direction |= before.direction != now.direction;
                }
                (Some((_, Outcome::Fax(before))), Outcome::Fax(now)) => {
                    change.address |= before.remote != now.remote;
                }
                (Some((_, Outcome::Declined { .. })) | None, Outcome::Declined { .. }) => {}
                _ => change.streams = true,
            }
        }
        change
    }
}

impl Media {
    /// The streams in use as an offer repeats them: `formats` of the endpoint's instead of those agreed.
    pub fn proposals(&self, formats: Option<&[Format]>, willing: Direction) -> Vec<Proposal> {
        let Some(agreement) = &self.agreement else { return Vec::new() };
        // While the peer holds us we ask for nothing else (behaviour: held remotely means recvonly).
        let direction = if agreement.is_remotely_held() { willing.and(Direction::RecvOnly) } else { willing };
        let propose = |(at, stream): (usize, &Stream)| match (&stream.outcome, self.place(at, &stream.kind)) {
            (Outcome::Rtp(rtp), Some(local)) => {
                let allowed = formats.map(|formats| self.allowed(&stream.kind, formats));
                let agreed = || {
                    let ptime_ms = rtp.ptime_ms;
                    rtp.formats
                        .iter()
                        .map(|f| Format { codec: f.codec, fmtp: f.ours.clone(), ptime_ms })
                        .collect()
                };
                let formats = allowed.filter(|formats| !formats.is_empty()).unwrap_or_else(agreed);
                Proposal::Rtp { kind: stream.kind.clone(), local: local.clone(), formats, direction }
            }
            (Outcome::Fax(_), Some(local)) => {
                Proposal::Fax { local: local.clone(), parameters: self.fax.clone() }
            }
            _ => Proposal::Removed { kind: stream.kind.clone() },
        };
        agreement.streams.iter().enumerate().map(propose).collect()
    }

    /// The streams in use as an offer of all we are willing to do, whether the peer holds us or not (S3-36).
    pub fn full_proposals(&self) -> Vec<Proposal> {
        let all = self.setup.all_codecs_on_empty_reinvite.then_some(&*self.setup.capabilities.formats);
        let mut proposals = self.proposals(all, self.willing);
        for proposal in &mut proposals {
            if let Proposal::Rtp { direction, .. } = proposal {
                *direction = self.willing;
            }
        }
        proposals
    }

    /// The kinds of stream that the endpoint allows, in the order they are offered.
    pub fn kinds(&self) -> Vec<(usize, MediaKind)> {
        let capabilities = &self.setup.capabilities;
        [MediaKind::Audio, MediaKind::Video, MediaKind::Text]
            .into_iter()
            .filter(|kind| {
                let kind = kind.codec_kind();
                kind.is_some_and(|kind| {
                    capabilities.max_streams(kind) > 0 && !capabilities.of_kind(kind).is_empty()
                })
            })
            .enumerate()
            .collect()
    }

    /// The streams of an offer to somebody who called without one: the kinds of [`Media::kinds`], at these places.
    pub fn first_proposals(&self, mut found: Vec<(usize, MediaKind, Local)>) -> Vec<Proposal> {
        let propose = |(at, kind): (usize, MediaKind)| {
            let place = found.iter().position(|(found, ..)| *found == at).map(|i| found.swap_remove(i));
            match (place, kind.codec_kind()) {
                (Some((_, _, local)), Some(codec_kind)) => {
                    let formats = self.setup.capabilities.offered(codec_kind, self.only.as_deref());
                    Proposal::Rtp { kind, local, formats, direction: self.willing }
                }
                _ => Proposal::Removed { kind },
            }
        };
        self.kinds().into_iter().map(propose).collect()
    }

    /// The endpoint's formats of a kind that are among `formats`, in the endpoint's order.
    fn allowed(&self, kind: &MediaKind, formats: &[Format]) -> Vec<Format> {
        let Some(kind) = kind.codec_kind() else { return Vec::new() };
        let mut own = self.setup.capabilities.of_kind(kind);
        own.retain(|format| sdp::preference::find(formats, format).is_some());
        own
    }

    /// Whether these proposals would say what our last description said.
    pub fn says_nothing_new(&self, proposals: &[Proposal]) -> bool {
        let offer = sdp::offer(proposals.to_vec(), &self.setup.capabilities, self.agreement.as_ref());
        self.said == fingerprint(&offer.describe(&self.setup.identity, &self.setup.capabilities))
    }
}
