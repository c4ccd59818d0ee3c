//! Two sides against each other over a link that loses, doubles and reorders, in virtual time, with many seeds: at the
//! end nothing is left alive, whatever crossed whatever.

use super::*;

#[derive(Clone, Copy, Debug)]
struct Link {
    loss: u64,
    double: u64,
    delay_ms: u64,
}

#[derive(Debug)]
enum Due {
    /// A message for the caller's side (0) or the called one (1).
    Arrives(usize, String),
    /// Somebody does something with his call.
    Acts(usize, u32, Act),
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Provide(usize),
    Ring,
    Progress,
    Answer,
    Reject,
    Hangup,
    Hold(RefreshWith),
    Resume,
    Identity,
    Digit,
}

struct World {
    rng: Rng,
    link: Link,
    sides: [Side; 2],
    due: BTreeMap<(u64, u64), Due>,
    count: u64,
    answered: u32,
    reoffers: (u32, u32),
    /// Nobody hangs up before this moment.
    patient_until: u64,
}

const CALLS: u32 = 6;

impl World {
    fn new(seed: u64, link: Link, set: fn(&mut EndpointOptions)) -> World {
        let mut sides = [Side::new(5060, seed), Side::new(5080, seed + 1_000)];
        for side in &mut sides {
            side.endpoint = endpoint(set);
        }
        World {
            rng: Rng::seeded(seed),
            link,
            sides,
            due: BTreeMap::new(),
            count: 0,
            answered: 0,
            reoffers: (0, 0),
            patient_until: 0,
        }
    }

    fn later(&mut self, ms: u64, due: Due) {
        self.count += 1;
        self.due.insert((self.sides[0].now.at.0 + ms * 1_000, self.count), due);
    }

    /// Moves what was sent onto the link, and lets the users react to what they are told.
    fn turn(&mut self) {
        for at in 0..2 {
            for text in self.sides[at].sent() {
                let copies = match self.rng.below(100) {
                    n if n < self.link.loss => 0,
                    n if n < self.link.loss + self.link.double => 2,
                    _ => 1,
                };
                for _ in 0..copies {
                    let delay = 1 + self.rng.below(self.link.delay_ms);
                    self.later(delay, Due::Arrives(1 - at, text.clone()));
                }
            }
            let calls: Vec<u32> = self.sides[at].sessions.keys().copied().collect();
            for call in calls {
                for event in self.sides[at].events(call) {
                    self.react(at, call, event);
                }
            }
        }
    }

    fn react(&mut self, at: usize, call: u32, event: Event) {
        match event {
            Event::PortsNeeded { streams } => {
                for (stream, _) in streams {
                    let wait = self.rng.below(80);
                    self.later(wait, Due::Acts(at, call, Act::Provide(stream)));
                }
                if matches!(self.sides[at].session(call).state(), State::Incoming { .. }) {
                    self.plan_answer(at, call);
                }
            }
            Event::Answered | Event::Acknowledged => {
                self.answered += 1;
                for _ in 0..self.rng.below(5) {
                    let act = match self.rng.below(5) {
                        0 => Act::Hold(RefreshWith::Invite),
                        1 => Act::Hold(RefreshWith::Update),
                        2 => Act::Resume,
                        3 => Act::Identity,
                        _ => Act::Digit,
                    };
                    let wait = self.rng.below(3_000);
                    self.later(wait, Due::Acts(at, call, act));
                }
                let wait = self.rng.below(9_000);
                self.later(wait, Due::Acts(at, call, Act::Hangup));
            }
            Event::ReofferDone { result: Reoffered::Ok, .. } => self.reoffers.0 += 1,
            Event::ReofferDone { .. } => self.reoffers.1 += 1,
            _ => {}
        }
    }

    fn plan_answer(&mut self, at: usize, call: u32) {
        let mut wait = 0;
        for act in [Act::Ring, Act::Progress, Act::Ring] {
            if self.rng.below(2) == 0 {
                wait += self.rng.below(1_500);
                self.later(wait, Due::Acts(at, call, act));
            }
        }
        wait += self.rng.below(3_000);
        let last = if self.rng.below(6) == 0 { Act::Reject } else { Act::Answer };
        self.later(wait, Due::Acts(at, call, last));
        // Whatever happens, somebody loses patience.
        self.later(70_000, Due::Acts(at, call, Act::Hangup));
    }

    fn run(&mut self) {
        for _ in 0..CALLS {
            let call = self.sides[0].call();
            // Some callers lose patience early.
            let patience = if self.rng.below(4) == 0 { self.rng.below(4_000) } else { 60_000 };
            self.later(patience, Due::Acts(0, call, Act::Hangup));
        }
        self.go_on(u64::MAX);
    }

    /// Until nothing happens any more, or that moment.
    fn go_on(&mut self, until: u64) {
        for _ in 0..200_000 {
            self.turn();
            let next = self.sides.iter().filter_map(Side::deadline).map(|at| at.0);
            let next = next.chain(self.due.keys().next().map(|(at, _)| *at)).min();
            let Some(at) = next.filter(|at| *at <= until) else { return };
            for side in &mut self.sides {
                side.now = side.now.later(Moment(at).since(side.now.at));
                side.expire();
            }
            while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= at) {
                let due = entry.remove();
                self.happens(due);
            }
        }
        panic!("the world never comes to rest");
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::Arrives(to, text) => {
                let from = self.sides[1 - to].port;
                self.sides[to].hear(from, &text);
            }
            Due::Acts(at, call, act) => self.acts(at, call, act),
        }
    }

    fn acts(&mut self, at: usize, call: u32, act: Act) {
        if matches!(act, Act::Hangup | Act::Reject) && self.sides[0].now.at.0 < self.patient_until {
            return;
        }
        let some = self.rng.below(20) > 0;
        let port = 4_000 + self.rng.below(1_000) as u16 * 2;
        // Every command is legal in every state; what makes no sense says so.
        let _ = self.sides[at].with(call, |session, cx| match act {
            Act::Provide(stream) => {
                session.provide(cx, stream, some.then(|| local(port)));
                Ok(())
            }
            Act::Ring => session.ring(cx, RingWith::Plain180, b""),
            Act::Progress => session.progress(cx, b""),
            Act::Answer => session.answer(cx, AnswerWith::default()),
            Act::Reject => session.reject(cx, 486, "", None, b""),
            Act::Hangup => session.hangup(cx, Cause::NORMAL),
            Act::Hold(method) => {
                let direction = Some(Direction::SendOnly);
                session.reoffer(cx, Reoffer { direction, ..Reoffer::new(method, Why::Hold) })
            }
            Act::Resume => {
                let direction = Some(Direction::SendRecv);
                session.reoffer(cx, Reoffer { direction, ..Reoffer::new(RefreshWith::Invite, Why::Unhold) })
            }
            Act::Identity => session.reoffer(cx, Reoffer::new(RefreshWith::Update, Why::ConnectedLine)),
            Act::Digit => session.dtmf_info(cx, '5', 100).map(|_| ()),
        });
    }
}

fn settles(seed: u64, link: Link, set: fn(&mut EndpointOptions)) -> World {
    let mut world = World::new(seed, link, set);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.run();
        for side in &world.sides {
            for (call, leg) in &side.sessions {
                assert!(leg.ended, "{}: session {call} is {:?}", side.port, leg.session.state());
            }
            assert!(side.is_at_rest(), "{}: something stayed behind", side.port);
        }
    }));
    if let Err(panic) = caught {
        let text = panic.downcast_ref::<String>().cloned();
        panic!(
            "seed {seed}, {link:?}: {}",
            text.as_deref().or(panic.downcast_ref::<&str>().copied()).unwrap_or("?")
        );
    }
    world
}

const REL: fn(&mut EndpointOptions) =
    |o| o.rel100 = jackfield::config::model::endpoint_words::Rel100::PeerSupported;

#[test]
fn a_clean_link_leaves_nothing_behind() {
    let (mut answered, mut changed) = (0, 0);
    for seed in 0..150 {
        let link = Link { loss: 0, double: 0, delay_ms: 30 };
        let world = settles(seed, link, if seed % 2 == 0 { REL } else { |_| {} });
        answered += world.answered;
        changed += world.reoffers.0;
    }
    assert!(answered > 500 && changed > 300, "{answered} answered, {changed} changed");
}

/// S3-40 and everything that can cross: glare, CANCEL and 200, BYE and BYE, BYE and re-INVITE, lost ACKs and PRACKs.
#[test]
fn a_bad_link_leaves_nothing_behind() {
    let (mut answered, mut refused) = (0, 0);
    for seed in 0..300 {
        let link = Link { loss: seed % 45, double: 15, delay_ms: 10 + 60 * (seed % 8) };
        let world = settles(1_000 + seed, link, if seed % 2 == 0 { REL } else { |_| {} });
        answered += world.answered;
        refused += world.reoffers.1;
    }
    assert!(answered > 500 && refused > 0, "{answered} answered, {refused} changes refused");
}

#[test]
fn a_dead_link_ends_every_call() {
    for seed in 0..5 {
        let world = settles(2_000 + seed, Link { loss: 100, double: 0, delay_ms: 1 }, |_| {});
        assert_eq!(world.answered, 0);
    }
}

/// Whatever was changed by whom, and whatever got lost on the way: once it is quiet both sides agree on who sends, and
/// each sends to where the other takes it (RFC 3264).
#[test]
fn both_sides_agree_when_it_is_quiet() {
    let (mut compared, mut held) = (0, 0);
    for seed in 0..200 {
        let link = Link { loss: seed % 12, double: 10, delay_ms: 10 + 40 * (seed % 6) };
        let mut world = World::new(3_000 + seed, link, if seed % 2 == 0 { REL } else { |_| {} });
        world.patient_until = world.sides[0].now.at.0 + 200_000_000;
        for _ in 0..CALLS {
            world.sides[0].call();
        }
        world.go_on(world.patient_until - 1);
        let [ours, theirs] = &world.sides;
        for leg in ours.sessions.values().filter(|leg| leg.session.is_up()) {
            let call_id = leg.session.dialog().expect("up").id().key().call_id;
            let same = |other: &&Leg| {
                other.session.dialog().is_some_and(|dialog| dialog.id().key().call_id == call_id)
            };
            let Some(other) = theirs.sessions.values().find(same).filter(|leg| leg.session.is_up()) else {
                continue;
            };
            let audio = |leg: &Leg| leg.session.agreement().and_then(|a| a.audio()).expect("up").clone();
            let (a, b) = (audio(leg), audio(other));
            assert_eq!(a.direction, b.direction.reversed(), "seed {seed}");
            assert_eq!(Some(a.remote.port), other.session.local(0).map(|local| local.port), "seed {seed}");
            assert_eq!(Some(b.remote.port), leg.session.local(0).map(|local| local.port), "seed {seed}");
            compared += 1;
            held += u32::from(a.direction != Direction::SendRecv);
        }
    }
    assert!(compared > 600 && held > 100, "{compared} compared, {held} held");
}
