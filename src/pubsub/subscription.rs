//! One subscription: how long it lives, and when its next NOTIFY may go out.

use super::index::HintId;
use super::package::{BodyType, Package};
use crate::base::ids::{FlowId, Name, TransportId};
use crate::base::time::{Moment, WallTime};
use crate::sip::dialog::Dialog;
use crate::sip::transaction::ClientTx;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An extension's hint.
    Hint(HintId),
    /// Mailboxes, and the extension that plays their messages.
    Mailboxes {
        /// `box@context` each.
        names: Box<[Name]>,
        /// User of Message-Account; empty for none.
        account: Name,
    },
    /// A list of them.
    List(Box<super::list::List>),
}

/// Why a subscription ends (RFC 6665 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The subscriber asked for it.
    Unsubscribed,
    /// It was not refreshed in time.
    Timeout,
    /// What it watched is gone: the hint, the mailbox, the endpoint.
    NoResource,
    /// Another kind of subscription took its place; the subscriber may try again.
    Deactivated,
}

impl Ended {
    /// `reason` in Subscription-State; the subscriber's own end has none.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Ended::Unsubscribed => None,
            Ended::Timeout => Some("timeout"),
            Ended::NoResource => Some("noresource"),
            Ended::Deactivated => Some("deactivated"),
        }
    }
}

/// Whether it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Active,
    /// Its last NOTIFY is due, or on its way.
    Ending(Ended),
}

/// Where its NOTIFY is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notifying {
    /// None is out.
    Idle,
    /// Its way is sought (DNS); it is written when that is known.
    Seeking {
        /// Number of the question.
        route: u64,
    },
    /// It is out.
    Sent {
        /// Its transaction.
        tx: ClientTx,
        /// Whether it was the last one.
        last: bool,
        /// Something changed since.
        again: bool,
    },
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Rest,
    /// Send a NOTIFY.
    Notify,
    /// Forget it.
    Remove(Gone),
}

/// Why a subscription is forgotten without more words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Its last NOTIFY was answered.
    Finished,
    /// The subscriber refused a NOTIFY with this code, which ends the subscription (RFC 6665 4.2.2, RFC 5057 5.1).
    Refused(u16),
    /// The subscriber did not answer a NOTIFY, or cannot be reached.
    Lost,
    /// The connection it came by is closed.
    Closed,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gone::Finished => f.write_str("ended"),
            Gone::Refused(code) => write!(f, "its NOTIFY was refused with {code}"),
            Gone::Lost => f.write_str("its NOTIFY was not answered"),
            Gone::Closed => f.write_str("its connection was closed"),
        }
    }
}

/// How the subscriber is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The transport its last SUBSCRIBE came by.
    pub transport: TransportId,
    /// The connection, or none.
    pub flow: FlowId,
    /// The packet's source.
    pub source: SocketAddr,
    /// Our address it was sent to.
    pub local: SocketAddr,
}

/// A subscription.
#[derive(Debug)]
pub struct Subscription {
    /// The endpoint it belongs to.
    pub endpoint: Name,
    /// Its dialog.
    pub dialog: Dialog,
    /// Its event package.
    pub package: Package,
    /// What its NOTIFYs carry.
    pub body: BodyType,
    /// Event's whole value as subscribed to (`dialog;id=7`).
    pub event: Box<[u8]>,
    /// The user part asked for.
    pub resource: Name,
    /// What that is.
    pub watches: Resource,
    /// How the subscriber is reached.
    pub way: Way,
    /// When the time granted is over.
    pub expires: Moment,
    /// The same for what outlives a restart.
    pub expires_wall: WallTime,
    /// `version` of the next body that has one.
    pub version: u32,
    /// Whether a Digium or Sangoma phone asks: it gets a tuple of its own.
    pub digium: bool,
    /// Whether it lives.
    pub life: Life,
    /// Where its NOTIFY is.
    pub notifying: Notifying,
    /// Number of its row in the store.
    pub stored: u64,
}

impl Subscription {
    /// What it watches changed, or it shall say so once more.
    pub fn change(&mut self) -> Next {
        match &mut self.notifying {
            Notifying::Idle => Next::Notify,
            Notifying::Seeking { .. } => Next::Rest,
            Notifying::Sent { again, .. } => {
                *again = true;
                Next::Rest
            }
        }
    }

    /// It was refreshed: lives for so many seconds more. An ending one stays ending.
    pub fn refresh(&mut self, now: Moment, wall: WallTime, secs: u32) {
        let time = Duration::from_secs(u64::from(secs));
        self.expires = now + time;
        self.expires_wall = wall + time;
    }

    /// It shall end. The first reason stays.
    pub fn end(&mut self, why: Ended) -> Next {
        if self.life == Life::Active {
            self.life = Life::Ending(why);
            return self.change();
        }
        Next::Rest
    }

    /// Its NOTIFY was answered with a final code.
    pub fn answered(&mut self, code: u16) -> Next {
        let (last, again) = match std::mem::replace(&mut self.notifying, Notifying::Idle) {
            Notifying::Sent { last, again, .. } => (last, again),
            other => {
                self.notifying = other;
                return Next::Rest;
            }
        };
        if last {
            return Next::Remove(Gone::Finished);
        }
        if ends_subscription(code) {
            return Next::Remove(Gone::Refused(code));
        }
        if again { Next::Notify } else { Next::Rest }
    }

    /// Its NOTIFY got no answer, or could not be sent.
    pub fn unanswered(&mut self) -> Next {
        self.notifying = Notifying::Idle;
        Next::Remove(match self.life {
            Life::Active => Gone::Lost,
            Life::Ending(_) => Gone::Finished,
        })
    }

    /// Seconds left; 0 when over.
    pub fn left_secs(&self, now: Moment) -> u64 {
        self.expires.since(now).as_micros().div_ceil(1_000_000) as u64
    }
}

/// Whether a refusal of NOTIFY says that nobody wants it any more (RFC 6665 4.2.2; RFC 5057 5.1). Others, a busy
/// subscriber's say, leave the subscription as it is.
fn ends_subscription(code: u16) -> bool {
    matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_end_it() {
        let ends: Vec<u16> = [200, 401, 404, 408, 481, 486, 489, 500, 503, 604]
            .into_iter()
            .filter(|code| ends_subscription(*code))
            .collect();
        assert_eq!(ends, [404, 408, 481, 489, 604]);
        assert_eq!(Ended::Timeout.reason(), Some("timeout"));
        assert_eq!(Gone::Refused(481).to_string(), "its NOTIFY was refused with 481");
    }
}
