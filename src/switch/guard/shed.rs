//! What is refused first when more comes than can be done: a pure function of how far behind we are.
//!
//! ```text
//! oldest waits   200 ms   300 ms      400 ms         600 ms            1 s      2 s
//! refused        OPTIONS  SUBSCRIBE   REGISTER new   REGISTER refresh  INVITE   BYE, CANCEL     (never: within dialogs)
//! ```
//! A phone repeats its request after 500 ms (T1): what waits longer than that is done twice. Refusing costs less than
//! doing, and `Retry-After` keeps the sender away.

use crate::base::time::Moment;
use crate::sip::method::Method;
use std::time::Duration;

/// How much a request is needed, least first: under overload they are refused in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// OPTIONS, and every method without a place of its own: nothing is lost by asking later.
    Optional,
    /// SUBSCRIBE, PUBLISH, MESSAGE: a lamp that comes late.
    Subscribe,
    /// REGISTER of somebody who has no contact here.
    RegisterNew,
    /// REGISTER of somebody who has one, and would lose it.
    RegisterRefresh,
    /// INVITE, REFER: a call to come.
    Invite,
    /// BYE and CANCEL outside a dialog we know: they free what calls take.
    Ending,
    /// Everything within a dialog, and ACK: a call that is there.
    Dialog,
}

/// All classes with the name used in logs.
const NEEDS: [(Need, &str); 7] = [
    (Need::Optional, "OPTIONS"),
    (Need::Subscribe, "SUBSCRIBE"),
    (Need::RegisterNew, "new REGISTER"),
    (Need::RegisterRefresh, "REGISTER"),
    (Need::Invite, "INVITE"),
    (Need::Ending, "BYE and CANCEL"),
    (Need::Dialog, "in-dialog"),
];

impl Need {
    /// The class of a request. `bound` is asked for a REGISTER only: whether its aor has a contact.
    pub fn of(method: Method, in_dialog: bool, bound: impl FnOnce() -> bool) -> Need {
        match method {
            Method::Ack | Method::Prack => Need::Dialog,
            // A tag in a REGISTER's To means nothing.
            Method::Register if bound() => Need::RegisterRefresh,
            Method::Register => Need::RegisterNew,
            _ if in_dialog => Need::Dialog,
            Method::Bye | Method::Cancel => Need::Ending,
            Method::Invite | Method::Refer => Need::Invite,
            Method::Subscribe | Method::Publish | Method::Message => Need::Subscribe,
            _ => Need::Optional,
        }
    }
}

/// How far behind we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How long the oldest datagram of a full batch has waited in the kernel; zero when no batch was full, because then
    /// nothing waits behind it.
    pub waited: Duration,
    /// Messages of connections that wait, in thousandths of what their queue holds.
    pub queued_milli: u16,
}

/// The least needed class that is still served.
pub fn served_from(backlog: Backlog) -> Need {
    let by_time = match backlog.waited.as_millis() {
        0..200 => Need::Optional,
        200..300 => Need::Subscribe,
        300..400 => Need::RegisterNew,
        400..600 => Need::RegisterRefresh,
        600..1_000 => Need::Invite,
        1_000..2_000 => Need::Ending,
        _ => Need::Dialog,
    };
    // Connections are slowed down by TCP when the queue is full, so it may fill further before anything is refused.
    let by_queue = match backlog.queued_milli {
        0..500 => Need::Optional,
        500..600 => Need::Subscribe,
        600..700 => Need::RegisterNew,
        700..800 => Need::RegisterRefresh,
        800..900 => Need::Invite,
        900..975 => Need::Ending,
        _ => Need::Dialog,
    };
    by_time.max(by_queue)
}

/// The state between two looks at the backlog, and what was refused since the last sentence about it.
#[derive(Debug)]
pub struct Shedding {
    served_from: Need,
    backlog: Backlog,
    worst: Backlog,
    refused: [u64; NEEDS.len()],
    /// When the next sentence is due.
    say_at: Option<Moment>,
}

impl Default for Shedding {
    fn default() -> Shedding {
        Shedding {
            served_from: Need::Optional,
            backlog: Backlog::default(),
            worst: Backlog::default(),
            refused: [0; NEEDS.len()],
            say_at: None,
        }
    }
}

/// Time between two sentences.
const INTERVAL: Duration = Duration::from_secs(10);

impl Shedding {
    /// A look at the backlog.
    pub fn observe(&mut self, backlog: Backlog) {
        if backlog != self.backlog {
            (self.backlog, self.served_from) = (backlog, served_from(backlog));
            let Backlog { waited, queued_milli } = self.worst;
            self.worst = Backlog {
                waited: waited.max(backlog.waited),
                queued_milli: queued_milli.max(backlog.queued_milli),
            };
        }
    }

    /// Whether anything is refused now: asked for every request.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.served_from != Need::Optional
    }

    /// Whether a request of that class is served now.
    pub fn serves(&self, need: Need) -> bool {
        need >= self.served_from
    }

    /// A request of that class was refused.
    pub fn refused(&mut self, now: Moment, need: Need) {
        self.refused[need as usize] += 1;
        self.say_at.get_or_insert(now + INTERVAL);
    }

    /// When [`Shedding::summary`] has something to say.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.say_at
    }

    /// What was refused in the last interval, once it is over.
    pub fn summary(&mut self, now: Moment) -> Option<String> {
        if self.say_at.is_none_or(|at| now < at) {
            return None;
        }
        let each = NEEDS.iter().zip(self.refused).filter(|(_, refused)| *refused > 0);
        let each: Vec<String> = each.map(|((_, name), refused)| format!("{refused} {name}")).collect();
        let text = format!(
            "Overload: messages waited up to {} ms, {} % of the connections' queue was full; refused with 503 in {} s: {}",
            self.worst.waited.as_millis(),
            self.worst.queued_milli / 10,
            INTERVAL.as_secs(),
            each.join(", ")
        );
        (self.refused, self.worst, self.say_at) = ([0; NEEDS.len()], self.backlog, None);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waited(millis: u64) -> Backlog {
        Backlog { waited: Duration::from_millis(millis), queued_milli: 0 }
    }

    #[test]
    fn requests_are_refused_in_the_order_of_decision_11() {
        let order = [
            (Method::Options, false, false),
            (Method::Subscribe, false, false),
            (Method::Register, false, false),
            (Method::Register, false, true),
            (Method::Invite, false, false),
            (Method::Bye, false, false),
            (Method::Invite, true, false),
        ];
        let needs: Vec<Need> =
            order.map(|(method, in_dialog, bound)| Need::of(method, in_dialog, || bound)).into();
        assert!(needs.is_sorted() && needs.windows(2).all(|pair| pair[0] < pair[1]));
        let mut before = 0;
        for (refused, millis) in
            [(0, 0), (0, 199), (1, 200), (2, 300), (3, 400), (4, 600), (5, 1_000), (6, 2_000)]
        {
            let from = served_from(waited(millis));
            assert_eq!(needs.iter().filter(|need| **need < from).count(), refused, "{millis} ms");
            assert!(refused >= before);
            before = refused;
        }
        assert_eq!(served_from(waited(u64::MAX / 1_000)), Need::Dialog, "calls that stand are never refused");
        for method in [Method::Ack, Method::Prack] {
            assert_eq!(
                Need::of(method, false, || unreachable!("only a REGISTER is looked up")),
                Need::Dialog
            );
        }
        assert_eq!(Need::of(Method::Options, true, || false), Need::Dialog);
    }

    #[test]
    fn a_full_queue_of_connections_counts_as_well() {
        let queued = |queued_milli| served_from(Backlog { waited: Duration::ZERO, queued_milli });
        assert_eq!(
            (queued(499), queued(500), queued(1_000)),
            (Need::Optional, Need::Subscribe, Need::Dialog)
        );
        let both = Backlog { waited: Duration::from_millis(650), queued_milli: 500 };
        assert_eq!(served_from(both), Need::Invite);
    }

    #[test]
    fn what_was_refused_is_said_once_per_interval() {
        let (mut shedding, now) = (Shedding::default(), Moment(0));
        assert!(!shedding.is_on() && shedding.serves(Need::Optional));
        shedding.observe(waited(450));
        for _ in 0..1_000 {
            for need in [Need::Optional, Need::RegisterNew] {
                assert!(!shedding.serves(need));
                shedding.refused(now, need);
            }
            assert!(shedding.serves(Need::RegisterRefresh));
        }
        shedding.observe(waited(0));
        assert!(!shedding.is_on());
        assert_eq!(shedding.summary(now + Duration::from_secs(9)), None);
        assert_eq!(
            shedding.summary(now + INTERVAL).as_deref(),
            Some(
                "Overload: messages waited up to 450 ms, 0 % of the connections' queue was full; refused with 503 in \
                 10 s: 1000 OPTIONS, 1000 new REGISTER"
            )
        );
        assert_eq!((shedding.summary(now + 9 * INTERVAL), shedding.next_deadline()), (None, None));
    }
}
