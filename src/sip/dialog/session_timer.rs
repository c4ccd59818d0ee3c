//! Session timers (RFC 4028): who refreshes a session and when it counts as dead. Negotiated anew by each INVITE and
//! UPDATE; "uac" and "uas" are the roles of that one transaction.

use crate::base::time::Moment;
use crate::sip::wire::params::Params;
use crate::sip::wire::text;
use crate::sip::wire::{Header, Message};
use std::fmt;
use std::time::Duration;

/// What we want: option `timers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `no`: not supported.
    Off,
    /// `yes`: supported; used when the peer supports it too.
    Supported,
    /// `required`: demanded of the peer.
    Required,
    /// `always`, `forced`: used even with a peer that does not know it; then we refresh.
    Always,
}

/// What we want, with the values of `timers_sess_expires` and `timers_min_se`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whether.
    pub policy: Policy,
    /// Interval we propose. 1800.
    pub expires_secs: u32,
    /// Shortest interval we accept. 90.
    pub min_secs: u32,
}

/// Who refreshes, by role in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answered it.
    Uas,
}

/// The value of Session-Expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval.
    pub secs: u32,
    /// Who refreshes; absent in a request that leaves it open.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// Reads the header's value.
    pub fn parse(value: &[u8]) -> Option<SessionExpires> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let refresher = match Params(&value[end..]).value(b"refresher") {
            Some(who) if who.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            _ => None,
        };
        Some(SessionExpires { secs: text::number(text::trim(&value[..end]))?, refresher })
    }

    /// That of a message.
    pub fn of(message: &Message<'_>) -> Option<SessionExpires> {
        SessionExpires::parse(message.header(Header::SessionExpires)?)
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.secs)?;
        match self.refresher {
            None => Ok(()),
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
        }
    }
}

/// What a request we answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No timer: the 2xx says nothing about one.
    None,
    /// The 2xx carries this Session-Expires; with `require` also `Require: timer`, because the other side must act.
    Timer {
        /// The header's value.
        header: SessionExpires,
        /// Whether the peer must know of timers.
        require: bool,
        /// What we do.
        timer: Timer,
    },
    /// 422 with this Min-SE: the proposed interval is too short.
    TooSmall {
        /// Our least.
        min_secs: u32,
    },
    /// 420 with `Unsupported: timer`: the peer requires what we do not do.
    BadExtension,
    /// 421 with `Require: timer`: we demand what the peer does not support.
    ExtensionRequired,
}

/// A running agreement: the interval, and whether we are the ones who refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The interval.
    pub secs: u32,
    /// Whether refreshing is ours.
    pub ours: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// We refresh: UPDATE, or re-INVITE.
    Refresh,
    /// The peer did not refresh: BYE.
    Expired,
}

impl Timer {
    /// What is due next, and when, counted from the 2xx that made this agreement. A refresher acts at half of the
    /// interval; the other side ends the call the smaller of 32 s and a third of the interval before its end
    /// (RFC 4028 10).
    pub fn due(&self, since: Moment) -> (Moment, Due) {
        let interval = Duration::from_secs(u64::from(self.secs));
        if self.ours {
            (since + interval / 2, Due::Refresh)
        } else {
            (since + (interval - (interval / 3).min(Duration::from_secs(32))), Due::Expired)
        }
    }
}

/// Answers a request (INVITE or UPDATE) that we received: RFC 4028 9.
pub fn answer(wish: &Wish, request: &Message<'_>) -> Answer {
    let required = request.has_token(Header::Require, OPTION);
    let supported = required || request.has_token(Header::Supported, OPTION);
    let asked = SessionExpires::of(request);
    match wish.policy {
        Policy::Off if required => return Answer::BadExtension,
        Policy::Off => return Answer::None,
        Policy::Required if !supported => return Answer::ExtensionRequired,
        // Without an interval from a proxy on the way there is nobody to agree with.
        Policy::Supported if !supported && asked.is_none() => return Answer::None,
        _ => {}
    }
    let their_min = request.number(Header::MinSe).flatten().unwrap_or(0);
    let secs = match asked {
        // Only a peer that knows of timers can make use of a 422.
        Some(asked) if asked.secs < wish.min_secs && supported => {
            return Answer::TooSmall { min_secs: wish.min_secs };
        }
        // It may be lowered, but not below what somebody on the way asked for, and raised only to what is legal.
        Some(asked) => asked.secs.min(wish.expires_secs.max(their_min)).max(SHORTEST_SECS),
        None => wish.expires_secs.max(their_min),
    };
    // RFC 4028 table 2: who does not know of timers cannot refresh; the choice of one who does is kept.
    let refresher = match asked.and_then(|asked| asked.refresher) {
        _ if !supported => Refresher::Uas,
        Some(refresher) => refresher,
        None => Refresher::Uac,
    };
    Answer::Timer {
        header: SessionExpires { secs, refresher: Some(refresher) },
        require: refresher == Refresher::Uac,
        timer: Timer { secs, ours: refresher == Refresher::Uas },
    }
}

/// What our own request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Session-Expires.
    pub header: SessionExpires,
    /// Min-SE.
    pub min_secs: u32,
    /// Whether it carries `Require: timer`; `Supported: timer` it carries in any case.
    pub require: bool,
}

/// What our request proposes; `None` with `timers=no`. In a running session the refresher stays who it is (RFC 4028
/// 7.4): `running` is that agreement.
pub fn propose(wish: &Wish, running: Option<Timer>) -> Option<Proposal> {
    if wish.policy == Policy::Off {
        return None;
    }
    // In this transaction we are the UAC.
    let refresher = running.map(|timer| if timer.ours { Refresher::Uac } else { Refresher::Uas });
    let secs = running.map_or(wish.expires_secs, |timer| timer.secs).max(wish.min_secs);
    Some(Proposal {
        header: SessionExpires { secs, refresher },
        min_secs: wish.min_secs,
        require: wish.policy == Policy::Required,
    })
}

/// The next proposal after a 422 (RFC 4028 7.3): `None` when its Min-SE is missing or asks for nothing new, so that
/// two stubborn sides do not loop.
pub fn propose_after_422(before: &Proposal, response: &Message<'_>) -> Option<Proposal> {
    let min_secs = response.number(Header::MinSe).flatten()?;
    if min_secs <= before.header.secs {
        return None;
    }
    let header = SessionExpires { secs: min_secs, ..before.header };
    Some(Proposal { header, min_secs, ..*before })
}

/// Reads the 2xx to our request: RFC 4028 7.2. `None`: this session has no timer.
pub fn accepted(wish: &Wish, proposal: &Proposal, response: &Message<'_>) -> Option<Timer> {
    match SessionExpires::of(response) {
        // One who refreshes and said so; without a name it is us, who asked.
        Some(agreed) => {
            let ours = agreed.refresher.unwrap_or(Refresher::Uac) == Refresher::Uac;
            Some(Timer { secs: agreed.secs.max(SHORTEST_SECS), ours })
        }
        // The peer knows nothing of timers. With `always` we refresh all the same, and notice a dead peer by it.
        None if wish.policy == Policy::Always => Some(Timer { secs: proposal.header.secs, ours: true }),
        None => None,
    }
}

const OPTION: &[u8] = b"timer";
/// RFC 4028 5: no interval may be shorter.
const SHORTEST_SECS: u32 = 90;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;

    fn wish(policy: Policy) -> Wish {
        Wish { policy, expires_secs: 1800, min_secs: 120 }
    }

    fn with<T>(first: &str, headers: &str, then: impl FnOnce(&Message<'_>) -> T) -> T {
        let text = format!("{first}\r\n{headers}\r\n");
        let mut index = Index::default();
        then(&index.scan(text.as_bytes()).expect("sound"))
    }

    fn answered(policy: Policy, headers: &str) -> Answer {
        with("INVITE sip:h SIP/2.0", headers, |m| answer(&wish(policy), m))
    }

    fn timer(secs: u32, refresher: Refresher) -> Answer {
        let header = SessionExpires { secs, refresher: Some(refresher) };
        let ours = refresher == Refresher::Uas;
        Answer::Timer { header, require: !ours, timer: Timer { secs, ours } }
    }

    #[test]
    fn the_header_is_read_and_written() {
        for (text, secs, refresher) in [
            ("1800", 1800, None),
            ("90;refresher=UAC", 90, Some(Refresher::Uac)),
            ("4000 ; x=y ; refresher = uas", 4000, Some(Refresher::Uas)),
            ("90;refresher=who", 90, None),
        ] {
            assert_eq!(SessionExpires::parse(text.as_bytes()), Some(SessionExpires { secs, refresher }));
        }
        assert_eq!(SessionExpires::parse(b";refresher=uac"), None);
        assert_eq!(SessionExpires::parse(b"-1"), None);
        let written = SessionExpires { secs: 90, refresher: Some(Refresher::Uas) }.to_string();
        assert_eq!(written, "90;refresher=uas");
    }

    #[test]
    fn each_policy_against_each_caller() {
        use Refresher::{Uac, Uas};
        let knows = "Supported: timer\r\n";
        for (policy, silent, supports, requires) in [
            (Policy::Off, Answer::None, Answer::None, Answer::BadExtension),
            (Policy::Supported, Answer::None, timer(1800, Uac), timer(1800, Uac)),
            (Policy::Required, Answer::ExtensionRequired, timer(1800, Uac), timer(1800, Uac)),
            (Policy::Always, timer(1800, Uas), timer(1800, Uac), timer(1800, Uac)),
        ] {
            assert_eq!(answered(policy, ""), silent, "{policy:?}");
            assert_eq!(answered(policy, knows), supports, "{policy:?}");
            assert_eq!(answered(policy, "Require: timer\r\n"), requires, "{policy:?}");
        }
    }

    /// S3-39.
    #[test]
    fn the_callers_choice_of_refresher_is_kept() {
        use Refresher::{Uac, Uas};
        for (asked, refresher) in [("", Uac), (";refresher=uac", Uac), (";refresher=uas", Uas)] {
            let headers = format!("Supported: timer\r\nSession-Expires: 600{asked}\r\n");
            assert_eq!(answered(Policy::Supported, &headers), timer(600, refresher));
        }
        // One who knows nothing of timers cannot refresh; the interval is a proxy's.
        assert_eq!(answered(Policy::Supported, "x: 600;refresher=uac\r\n"), timer(600, Uas));
    }

    #[test]
    fn intervals_are_lowered_within_bounds_and_refused_when_too_short() {
        let ask = |secs: u32, rest: &str| {
            answered(Policy::Supported, &format!("Supported: timer\r\nSession-Expires: {secs}\r\n{rest}"))
        };
        assert_eq!(ask(7200, ""), timer(1800, Refresher::Uac));
        assert_eq!(ask(7200, "Min-SE: 3600\r\n"), timer(3600, Refresher::Uac));
        assert_eq!(ask(120, ""), timer(120, Refresher::Uac));
        assert_eq!(ask(119, ""), Answer::TooSmall { min_secs: 120 });
        let alone = |secs: u32| answered(Policy::Supported, &format!("Session-Expires: {secs}\r\n"));
        assert_eq!(alone(100), timer(100, Refresher::Uas));
        // Below the legal minimum it would only serve to make us send.
        assert_eq!(alone(1), timer(90, Refresher::Uas));
    }

    #[test]
    fn the_calling_side_proposes_and_takes_the_answer() {
        let w = wish(Policy::Supported);
        assert_eq!(propose(&wish(Policy::Off), None), None);
        let p = propose(&w, None).expect("a proposal");
        assert_eq!((p.header.to_string(), p.min_secs, p.require), ("1800".into(), 120, false));
        assert!(propose(&wish(Policy::Required), None).expect("a proposal").require);
        let agreed = |w: &Wish, headers: &str| with("SIP/2.0 200 OK", headers, |m| accepted(w, &p, m));
        let ok = |secs, ours| Some(Timer { secs, ours });
        assert_eq!(agreed(&w, "Session-Expires: 600;refresher=uas\r\n"), ok(600, false));
        assert_eq!(agreed(&w, "Session-Expires: 600;refresher=uac\r\nRequire: timer\r\n"), ok(600, true));
        assert_eq!(agreed(&w, "x: 3\r\n"), ok(90, true));
        assert_eq!(agreed(&w, ""), None);
        assert_eq!(agreed(&wish(Policy::Always), ""), ok(1800, true));
        // A refresh keeps the refresher, whoever sends it.
        let refresher = |ours| propose(&w, Some(Timer { secs: 600, ours })).expect("one").header.to_string();
        assert_eq!(
            (refresher(true), refresher(false)),
            ("600;refresher=uac".into(), "600;refresher=uas".into())
        );
    }

    #[test]
    fn a_422_raises_the_proposal_once_per_new_minimum() {
        let before = propose(&wish(Policy::Supported), None).expect("a proposal");
        let after = |headers: &str| with("SIP/2.0 422 X", headers, |m| propose_after_422(&before, m));
        let raised = after("Min-SE: 3600\r\n").expect("another try");
        assert_eq!((raised.header.secs, raised.min_secs), (3600, 3600));
        assert_eq!(after(""), None);
        assert_eq!(after("Min-SE: 1800\r\n"), None);
    }

    #[test]
    fn refreshes_are_due_at_half_and_the_end_shortly_before_the_end() {
        let due = |secs, ours| Timer { secs, ours }.due(Moment(1_000_000));
        assert_eq!(due(1800, true), (Moment(901_000_000), Due::Refresh));
        assert_eq!(due(1800, false), (Moment(1_769_000_000), Due::Expired));
        assert_eq!(due(90, false), (Moment(61_000_000), Due::Expired));
    }
}
