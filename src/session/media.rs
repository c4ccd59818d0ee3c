//! Offer and answer of one session (RFC 3264, RFC 6337): whose turn it is, what is agreed, where our streams are.

use super::streams::MediaChange;
use super::types::MediaSetup;
use crate::sdp::{
    self, Agreement, Answer, Attributes, Change, Declined, Description, Direction, Fax, Format, Local,
    MediaFormat, MediaKind, Offer, Outcome, OwnOrigin, Proposal, Refusal, Situation, Stream, TheirOrigin,
    accept_answer,
};
use std::borrow::Cow;
use std::mem;

/// Where one stream of ours is taken.
#[derive(Clone, Debug)]
struct Place {
    kind: MediaKind,
    local: Local,
}

/// Whose turn it is.
///
/// ```text
///          their offer                    our offer
/// Theirs ◄───────────── Idle ─────────────────────► Ours
///    └── our answer ────► ▲ ◄── their answer, refusal ──┘
/// ```
#[derive(Debug)]
enum Exchange {
    Idle,
    Theirs(Box<Theirs>),
    Ours(Box<Ours>),
}

/// Their offer, decided but for the ports.
#[derive(Debug)]
struct Theirs {
    offer: Description,
    /// What all codecs of the endpoint would agree on, where that was found when the offer came.
    prospect: Option<Agreement>,
    fax: Option<Attributes>,
    /// Streams that wait for a place.
    missing: Vec<usize>,
}

/// Our offer, and what to go back to when it is refused.
#[derive(Debug)]
struct Ours {
    offer: Offer,
    before: (Vec<Option<Place>>, Direction, u64),
}

/// The media of one session.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) setup: MediaSetup,
    own: OwnOrigin,
    theirs: TheirOrigin,
    pub(super) agreement: Option<Agreement>,
    places: Vec<Option<Place>>,
    /// Where a stream of ours is in truth, while its place is another phone's: told to a peer that holds.
    home: Option<Box<(usize, Local)>>,
    pub(super) willing: Direction,
    /// Codecs that answers are limited to.
    pub(super) only: Option<Vec<Format>>,
    /// Our own T.38 parameters.
    pub(super) fax: Attributes,
    /// The offer of our INVITE and the places it named, until it is answered.
    first: Option<Box<(Offer, Vec<Option<Place>>)>>,
    exchange: Exchange,
    /// The peer changed its description without raising its version (S3-41).
    unversioned: bool,
    /// What our last description said, apart from its version.
    pub(super) said: u64,
}

impl Media {
    pub fn new(setup: MediaSetup, random: u64) -> Media {
        Media {
            setup,
            own: OwnOrigin::new(random as u32),
            theirs: TheirOrigin::default(),
            agreement: None,
            places: Vec::new(),
            home: None,
            willing: Direction::SendRecv,
            only: None,
            fax: Attributes::default(),
            first: None,
            exchange: Exchange::Idle,
            unversioned: false,
            said: 0,
        }
    }

    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    pub fn setup(&self) -> &MediaSetup {
        &self.setup
    }

    pub fn willing(&self) -> Direction {
        self.willing
    }

    pub fn set_willing(&mut self, willing: Direction) {
        self.willing = willing;
    }

    /// Limits the codecs of answers.
    pub fn set_only(&mut self, only: Option<Vec<Format>>) {
        self.only = only;
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        matches!(self.exchange, Exchange::Idle)
    }

    /// Whether an offer of ours waits for its answer.
    pub fn awaits_answer(&self) -> bool {
        matches!(self.exchange, Exchange::Ours(_))
    }

    /// Their offer, while it waits for our answer.
    pub fn offered(&self) -> Option<&Description> {
        match &self.exchange {
            Exchange::Theirs(theirs) => Some(&theirs.offer),
            _ => None,
        }
    }

    /// Whether the peer changed its description without raising its version; said once.
    pub fn take_oddity(&mut self) -> bool {
        mem::take(&mut self.unversioned)
    }

    /// Takes their offer: which streams need a place before [`Media::write_answer`]. `fax`: our parameters, when T.38 is
    /// to be taken.
    pub fn take_offer(
        &mut self,
        offer: Description,
        fax: Option<Attributes>,
    ) -> Result<Vec<(usize, MediaKind)>, Refusal> {
        let answer = self.decide(&offer, fax.as_ref())?;
        let needed: Vec<(usize, MediaKind)> = answer
            .running()
            .filter(|(at, stream)| self.place(*at, &stream.kind).is_none())
            .map(|(at, stream)| (at, stream.kind.clone()))
            .collect();
        self.unversioned |= self.theirs.observe(&offer) == Change::WithoutVersion;
        let missing = needed.iter().map(|(at, _)| *at).collect();
        let prospect = self.only.is_none().then_some(answer.agreement);
        self.exchange = Exchange::Theirs(Box::new(Theirs { offer, prospect, fax, missing }));
        Ok(needed)
    }

    /// What their waiting offer and all codecs of the endpoint have in common.
    pub fn prospect(&self) -> Option<Cow<'_, Agreement>> {
        let Exchange::Theirs(theirs) = &self.exchange else { return None };
        theirs.prospect.as_ref().map(Cow::Borrowed).or_else(|| {
            let all = sdp::answer(&theirs.offer, &self.setup.capabilities, &Situation::default()).ok()?;
            Some(Cow::Owned(all.agreement))
        })
    }

    /// With the codecs of the other leg only; when that leaves nothing, with all of ours: then media is transcoded or
    /// silent, and the call layer knows by the agreement.
    fn decide(&self, offer: &Description, fax: Option<&Attributes>) -> Result<Answer, Refusal> {
        let fax = fax.map_or(Fax::Refuse, Fax::Accept);
        let previous = self.agreement.as_ref();
        let situation = Situation { previous, only: self.only.as_deref(), willing: self.willing, fax };
        let capabilities = &self.setup.capabilities;
        sdp::answer(offer, capabilities, &situation).or_else(|refusal| match self.only {
            Some(_) => sdp::answer(offer, capabilities, &Situation { only: None, ..situation }),
            None => Err(refusal),
        })
    }

    pub(super) fn place(&self, at: usize, kind: &MediaKind) -> Option<&Local> {
        self.places.get(at)?.as_ref().filter(|place| place.kind == *kind).map(|place| &place.local)
    }

    fn set_place(&mut self, at: usize, place: Option<Place>) {
        if self.places.len() <= at {
            self.places.resize(at + 1, None);
        }
        self.places[at] = place;
    }

    /// Changes what later descriptions say about a stream.
    pub fn set_local(&mut self, at: usize, local: Local) {
        let agreed = self.agreement.as_ref().and_then(|agreement| agreement.streams.get(at));
        let known = self.places.get(at).and_then(|place| place.as_ref().map(|place| place.kind.clone()));
        if let Some(kind) = known.or_else(|| agreed.map(|stream| stream.kind.clone())) {
            self.set_place(at, Some(Place { kind, local }));
        }
    }

    /// What a peer is told about a stream while it holds; `None`: the same as otherwise.
    pub fn set_home(&mut self, home: Option<(usize, Local)>) {
        self.home = home.map(Box::new);
    }

    /// The place of a stream that was waited for; `None` when none could be had. `false` when nobody waits for it.
    pub fn provide(&mut self, at: usize, local: Option<Local>) -> bool {
        let Exchange::Theirs(theirs) = &mut self.exchange else { return false };
        let Some(found) = theirs.missing.iter().position(|missing| *missing == at) else { return false };
        theirs.missing.swap_remove(found);
        let kind = theirs.offer.media.get(at).map(|media| media.kind.clone());
        if let (Some(kind), Some(local)) = (kind, local) {
            self.set_place(at, Some(Place { kind, local }));
        }
        true
    }

    /// Whether a place is waited for.
    pub fn waits_for_places(&self) -> bool {
        matches!(&self.exchange, Exchange::Theirs(theirs) if !theirs.missing.is_empty())
    }

    /// Answers their offer: the body, and what it changes. Streams without a place are declined.
    pub fn write_answer(&mut self) -> Result<(Vec<u8>, MediaChange), Refusal> {
        let Exchange::Theirs(theirs) = mem::replace(&mut self.exchange, Exchange::Idle) else {
            return Err(Refusal::NoStreams);
        };
        let mut answer = self.decide(&theirs.offer, theirs.fax.as_ref())?;
        // Who holds and sends all the same would disturb the music of who is held.
        let home = self.home.as_ref().filter(|_| answer.agreement.is_remotely_held());
        let places = &self.places;
        let place = |at: usize, kind: &MediaKind| {
            let place = places.get(at)?.as_ref().filter(|place| place.kind == *kind)?;
            Some(home.filter(|home| home.0 == at).map_or(&place.local, |home| &home.1).clone())
        };
        let mut declined = Vec::new();
        for (at, stream) in answer.agreement.streams.iter_mut().enumerate() {
            if stream.is_active() && place(at, &stream.kind).is_none() {
                decline(stream);
                declined.push((stream.kind.clone(), Declined::ByUs));
            }
        }
        if !declined.is_empty() && !answer.agreement.streams.iter().any(Stream::is_active) {
            return Err(Refusal::NothingAcceptable(declined));
        }
        let kinds: Vec<MediaKind> =
            answer.agreement.streams.iter().map(|stream| stream.kind.clone()).collect();
        let mut description = answer.describe(&self.setup.identity, |at| place(at, kinds.get(at)?));
        self.said = self.own.stamp(&mut description);
        if let Some(fax) = theirs.fax {
            self.fax = fax;
        }
        let change = self.commit(answer.agreement);
        Ok((description.to_bytes(), change))
    }

    /// Makes an offer: its body. It is ours until [`Media::take_answer`] or [`Media::give_up`].
    pub fn write_offer(&mut self, proposals: Vec<Proposal>, willing: Direction) -> Vec<u8> {
        let before = (self.places.clone(), mem::replace(&mut self.willing, willing), self.said);
        for (at, proposal) in proposals.iter().enumerate() {
            let place = match proposal {
                Proposal::Rtp { kind, local, .. } => Some(Place { kind: kind.clone(), local: local.clone() }),
                Proposal::Fax { local, parameters } => {
                    self.fax = parameters.clone();
                    Some(Place { kind: MediaKind::Image, local: local.clone() })
                }
                Proposal::Removed { .. } => None,
            };
            self.set_place(at, place);
        }
        let offer = sdp::offer(proposals, &self.setup.capabilities, self.agreement.as_ref());
        let mut description = offer.describe(&self.setup.identity, &self.setup.capabilities);
        self.said = self.own.stamp(&mut description);
        self.exchange = Exchange::Ours(Box::new(Ours { offer, before }));
        description.to_bytes()
    }

    /// Takes their answer to our offer. One that leaves nothing to talk with leaves all as it was (S3-42).
    pub fn take_answer(&mut self, answer: &Description) -> Result<MediaChange, Refusal> {
        let Exchange::Ours(ours) = &self.exchange else { return Ok(MediaChange::default()) };
        let agreement = accept_answer(&ours.offer, answer, &self.setup.capabilities);
        self.unversioned |= self.theirs.observe(answer) == Change::WithoutVersion;
        match agreement {
            Ok(agreement) => {
                self.exchange = Exchange::Idle;
                Ok(self.commit(agreement))
            }
            Err(refusal) => {
                self.give_up();
                Err(refusal)
            }
        }
    }

    /// Makes the offer of an INVITE of ours, which each fork may answer: [`Media::take_first_answer`].
    pub fn write_first_offer(&mut self, proposals: Vec<Proposal>, willing: Direction) -> Vec<u8> {
        let body = self.write_offer(proposals, willing);
        if let Exchange::Ours(ours) = &self.exchange {
            self.first = Some(Box::new((ours.offer.clone(), self.places.clone())));
        }
        body
    }

    /// Takes a fork's answer to the INVITE's offer. With `settled` it is the last of that fork, so that offers may
    /// follow.
    pub fn take_first_answer(&mut self, answer: &Description, settled: bool) -> Result<MediaChange, Refusal> {
        let Some(first) = &self.first else { return Ok(MediaChange::default()) };
        let agreement = accept_answer(&first.0, answer, &self.setup.capabilities)?;
        // Another fork may take what this one declined, and the other way round.
        self.places.clone_from(&first.1);
        self.theirs = TheirOrigin::default();
        self.theirs.observe(answer);
        if settled {
            self.exchange = Exchange::Idle;
        }
        Ok(self.commit(agreement))
    }

    /// The INVITE is answered: no fork's answer counts any more.
    pub fn end_first(&mut self) {
        self.first = None;
        self.exchange = Exchange::Idle;
    }

    /// What is under way came to nothing: what was agreed before holds (RFC 3261 14.1; S3-42).
    pub fn give_up(&mut self) {
        if let Exchange::Ours(ours) = mem::replace(&mut self.exchange, Exchange::Idle) {
            (self.places, self.willing, self.said) = ours.before;
        }
    }

    fn commit(&mut self, agreement: Agreement) -> MediaChange {
        let change = MediaChange::between(self.agreement.as_ref(), &agreement);
        for (at, stream) in agreement.streams.iter().enumerate() {
            if !stream.is_active()
                && let Some(place) = self.places.get_mut(at)
            {
                *place = None;
            }
        }
        self.agreement = Some(agreement);
        change
    }

    /// Places by position, to change some of them in an offer.
    pub fn local(&self, at: usize) -> Option<&Local> {
        self.places.get(at)?.as_ref().map(|place| &place.local)
    }
}

fn decline(stream: &mut Stream) {
    let formats = match &stream.outcome {
        Outcome::Rtp(rtp) => rtp.formats.iter().map(|f| MediaFormat::Payload(f.receive)).collect(),
        _ => Vec::new(),
    };
    stream.outcome = Outcome::Declined { why: Declined::ByUs, formats };
}
