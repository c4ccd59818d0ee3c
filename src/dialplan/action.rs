//! What a dialplan asks the switch to do, and how the switch tells what came of it.

use super::apps::App;
use super::apps::bridge::BridgeOptions;
use super::apps::dial::Dial;
use super::apps::originate::Originate;
use super::scope::Place;
use super::sound::SoundAction;
use crate::base::time::Moment;
use std::fmt;
use std::time::Duration;

/// One thing to do on the channel. The switch does it and then calls `Program::resume`.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Answer, if the channel is not up. Then wait for the first media, half a second or `delay` at most; with a delay
    /// the whole of it.
    Answer {
        /// The delay asked for.
        delay: Duration,
        /// `i`: no waiting for media.
        at_once: bool,
    },
    /// Call others and bridge with the one that answers. When one does, set `DIALSTATUS=ANSWER`, `DIALEDPEERNAME` and
    /// `DIALEDPEERNUMBER` on the program, for subroutines and the hangup extension.
    Dial(Box<Dial>),
    /// Do nothing until then.
    Wait {
        /// When to go on.
        until: Moment,
    },
    /// Wait for one digit; the answer is [`Outcome::Digit`] or [`Outcome::TimedOut`].
    WaitDigit {
        /// When to stop waiting; `None`: never.
        until: Option<Moment>,
        /// What the caller hears meanwhile.
        hears: Hears,
    },
    /// Tell the caller how the call is getting on; done at once.
    Indicate(Indication),
    /// The caller is told busy (486 before the answer, a tone after it) or congestion (503). The call ends after it.
    Refuse {
        /// Which of the two.
        indication: Indication,
        /// Seconds the tone plays; `None`: until the caller hangs up.
        until: Option<Moment>,
    },
    /// The number is incomplete: 484 before the answer.
    Incomplete {
        /// Whether the channel may be answered to collect further digits.
        may_answer: bool,
    },
    /// Start a tone or a list of tones; done at once.
    PlayTones {
        /// Its name, or the list.
        tones: String,
    },
    /// Stop the tones.
    StopPlayTones,
    /// Make sound, or take it.
    Sound(Box<SoundAction>),
    /// Send the caller's media back until `#` or the hangup.
    Echo {
        /// `StreamEcho(n)`: how many streams; `None` for `Echo()`.
        streams: Option<u32>,
        /// `StreamEcho(n,type)`
        kind: Option<String>,
    },
    /// Send DTMF.
    SendDtmf {
        /// `0-9*#a-d`; `w` waits half a second, `W` one, `f` flashes.
        digits: String,
        /// Pause between digits.
        pause: Duration,
        /// Length of a digit.
        length: Duration,
        /// Another channel than this.
        channel: Option<String>,
        /// `a`: answer first.
        answers: bool,
    },
    /// Raise the AMI event `UserEvent`; done at once.
    UserEvent {
        /// Its name.
        name: String,
        /// Its headers.
        headers: Vec<(String, String)>,
    },
    /// Send the caller elsewhere: 302 before the answer, REFER after it.
    Transfer {
        /// Technology, where one was given.
        technology: Option<String>,
        /// An endpoint's name or a URI.
        target: String,
    },
    /// Join another channel.
    Bridge {
        /// Its name.
        channel: String,
        /// How.
        options: Box<BridgeOptions>,
    },
    /// Answer a call that rings elsewhere.
    Pickup(Vec<PickupTarget>),
    /// End an unanswered inbound PJSIP call with this status.
    PjsipHangup {
        /// 400–699.
        status: u16,
    },
    /// Call somebody for nobody; the answer is the word for `ORIGINATE_STATUS`.
    Originate(Box<Originate>),
    /// Hang up another channel.
    SoftHangup {
        /// Its name.
        channel: String,
        /// `a`: all channels of that device.
        all: bool,
    },
    /// Send another channel to a place of the dialplan.
    ChannelRedirect {
        /// Its name.
        channel: String,
        /// Where to: `[[context,]exten,]priority`.
        target: String,
    },
    /// An application that needs more than a dialplan and a bridge. A switch that does not do it answers
    /// [`Outcome::Unsupported`].
    Later {
        /// Which.
        application: &'static App,
        /// Its arguments, expanded.
        arguments: String,
    },
}

/// What a caller hears while a digit is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hears {
    /// What was playing before.
    #[default]
    Unchanged,
    /// `m(class)`: music.
    Music(String),
    /// `d(tone)`: a tone.
    Tone(String),
}

/// A call to pick up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickupTarget {
    /// Any call of the caller's pickup groups.
    Group,
    /// A call to this extension.
    Extension {
        /// The extension.
        exten: String,
        /// Its context; `None`: the caller's.
        context: Option<String>,
    },
    /// The ringing channel whose `PICKUPMARK` is this.
    Mark(String),
    /// A channel by its name.
    Channel {
        /// Its name.
        name: String,
        /// `p`: the beginning of it is enough.
        partial: bool,
    },
}

/// A word to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indication {
    /// 180
    Ringing,
    /// 183 with SDP
    Progress,
    /// 100
    Proceeding,
    /// 486, or a busy tone
    Busy,
    /// 503, or a congestion tone
    Congestion,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It failed in a way that ends the call; why.
    Failed(String),
    /// The channel hung up meanwhile.
    HungUp,
    /// The caller pressed this.
    Digit(char),
    /// Nothing was pressed in time.
    TimedOut,
    /// The end of [`Action::Dial`].
    Dialled(Box<Dialled>),
    /// Set these variables, and then this.
    Variables {
        /// Names and values.
        set: Vec<(String, String)>,
        /// What else came of it.
        then: Box<Outcome>,
    },
    /// The word for the application's status variable (`TRANSFERSTATUS`, `BRIDGERESULT`, `PLAYBACKSTATUS` …).
    Status(String),
    /// `TRANSFERSTATUS`, and the SIP status behind it.
    Transferred {
        /// `SUCCESS`, `FAILURE`, `UNSUPPORTED`
        status: &'static str,
        /// SIP status.
        protocol: u16,
    },
    /// This switch does not do that.
    Unsupported,
}

/// The end of a `Dial`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialled {
    /// `DIALSTATUS`
    pub status: DialStatus,
    /// `DIALEDPEERNAME`: the channel that answered.
    pub peer_name: String,
    /// `DIALEDPEERNUMBER`: what was dialled to reach it.
    pub peer_number: String,
    /// From the start to the end.
    pub dialled: Duration,
    /// From the answer to the end.
    pub answered: Option<Duration>,
    /// From the start to the first ringing.
    pub ringing: Option<Duration>,
    /// From the start to the first progress.
    pub progress: Option<Duration>,
    /// What the caller does next.
    pub after: After,
}

impl Dialled {
    /// An unanswered `Dial` after which the dialplan goes on.
    pub fn unanswered(status: DialStatus) -> Dialled {
        Dialled {
            status,
            peer_name: String::new(),
            peer_number: String::new(),
            dialled: Duration::ZERO,
            answered: None,
            ringing: None,
            progress: None,
            after: After::GoOn,
        }
    }
}

/// Where a caller goes after a `Dial`.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    /// As the options say: on after a failure, and after a bridge only with `g`.
    GoOn,
    /// The caller hung up.
    HungUp,
    /// The caller left by pressing a digit (`d`).
    Digit(char),
    /// To this place (`G`, or `GOSUB_RESULT=GOTO:`).
    Goto(Place),
}

/// `DIALSTATUS`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialStatus {
    /// Bridged.
    Answer,
    /// Nobody answered in time.
    NoAnswer,
    /// Somebody was busy.
    Busy,
    /// The way there was congested.
    Congestion,
    /// Nobody could be reached.
    ChanUnavail,
    /// The caller gave up.
    Cancel,
    /// Privacy: never call again.
    DontCall,
    /// Privacy: send to torment.
    Torture,
    /// There was nothing to dial.
    InvalidArgs,
}

impl DialStatus {
    /// The word in the variable.
    pub fn word(self) -> &'static str {
        match self {
            DialStatus::Answer => "ANSWER",
            DialStatus::NoAnswer => "NOANSWER",
            DialStatus::Busy => "BUSY",
            DialStatus::Congestion => "CONGESTION",
            DialStatus::ChanUnavail => "CHANUNAVAIL",
            DialStatus::Cancel => "CANCEL",
            DialStatus::DontCall => "DONTCALL",
            DialStatus::Torture => "TORTURE",
            DialStatus::InvalidArgs => "INVALIDARGS",
        }
    }

    /// What a `Dial` is whose legs all ended, from their hangup causes (Q.850).
    pub fn from_causes(causes: impl IntoIterator<Item = u8>) -> DialStatus {
        let (mut busy, mut congestion, mut absent, mut legs) = (0, 0, 0, 0);
        for cause in causes {
            legs += 1;
            match cause {
                17 => busy += 1,
                34 => congestion += 1,
                // Normal clearing and no answer count as a leg that simply was not answered.
                16 | 19 => {}
                _ => absent += 1,
            }
        }
        if legs == 0 {
            return DialStatus::ChanUnavail;
        }
        if busy + congestion + absent < legs {
            DialStatus::NoAnswer
        } else if busy > 0 {
            DialStatus::Busy
        } else if congestion > 0 {
            DialStatus::Congestion
        } else {
            DialStatus::ChanUnavail
        }
    }
}

impl fmt::Display for DialStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dial_is_what_its_legs_were() {
        use DialStatus::*;
        let table: &[(&[u8], DialStatus)] = &[
            (&[], ChanUnavail),
            (&[17], Busy),
            (&[34], Congestion),
            (&[3], ChanUnavail),
            (&[21], ChanUnavail),
            (&[19], NoAnswer),
            (&[16], NoAnswer),
            (&[17, 19], NoAnswer),
            (&[17, 34, 1], Busy),
            (&[34, 1], Congestion),
            (&[1, 18, 58], ChanUnavail),
        ];
        for (causes, status) in table {
            assert_eq!(DialStatus::from_causes(causes.iter().copied()), *status, "{causes:?}");
        }
    }
}
