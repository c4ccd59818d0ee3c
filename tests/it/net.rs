//! Several whole switches and phones on one link, in virtual time: messages are delayed, lost and doubled as a seed says,
//! and who sent what to whom is counted.

use crate::calls::phone::plan_of;
use crate::session::{Leg, Side};
use crate::world::objects;
use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::rng::Rng;
use jackfield::base::time::{Moment, Now, WallTime};
use jackfield::bridge::{MediaEvent, Plan, PortId};
use jackfield::config::{self, Objects};
use jackfield::sdp::MediaKind;
use jackfield::session::{Event, Outgoing, Session};
use jackfield::sip::flow::{Arrival, Protocol};
use jackfield::switch::io::{Action, Actions, BoundTransport, Input};
use jackfield::switch::view::{Command, Kind, Reply};
use jackfield::switch::{Seed, Switch};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the link does to messages, in percent and milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub loss: u64,
    pub double: u64,
    pub delay_ms: (u64, u64),
}

/// Something the test wants done later, or is told.
#[derive(Debug)]
pub enum Happening<A> {
    /// A phone's session tells something: which phone, which of its calls.
    Told(u16, u32, Event),
    /// What was planned.
    Act(A),
}

/// A message that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub millis: u64,
    pub from: u16,
    pub to: u16,
    /// Method, or status.
    pub what: String,
    pub cseq: String,
    /// The port of its audio.
    pub audio: Option<u16>,
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sent { millis, from, to, what, cseq, audio } = self;
        write!(f, "{millis:7} {from} → {to} {what} [{cseq}]")?;
        audio.map_or(Ok(()), |port| write!(f, " audio {port}"))
    }
}

#[derive(Debug)]
enum Due<A> {
    Arrives { from: u16, to: u16, bytes: Vec<u8> },
    Act(A),
}

/// One server: everything but sockets.
pub struct Node {
    pub switch: Switch,
    pub port: u16,
    media: u16,
    open: BTreeSet<PortId>,
    replies: Vec<Reply>,
}

/// The whole world.
pub struct Net<A> {
    pub now: Now,
    pub rng: Rng,
    pub link: Link,
    pub nodes: Vec<Node>,
    pub phones: BTreeMap<u16, Side>,
    /// How often each status went from one port to another.
    pub statuses: BTreeMap<(u16, u16, u16), u32>,
    /// Every message that was sent; only kept when asked for.
    pub log: Option<Vec<Sent>>,
    due: BTreeMap<(u64, u64), Due<A>>,
    count: u64,
}

impl<A: std::fmt::Debug> Net<A> {
    pub fn new(seed: u64, link: Link) -> Net<A> {
        Net {
            now: Now { at: Moment(9_000_000), wall: WallTime::from_secs(1_800_000_000) },
            rng: Rng::seeded(seed),
            link,
            nodes: Vec::new(),
            phones: BTreeMap::new(),
            statuses: BTreeMap::new(),
            log: None,
            due: BTreeMap::new(),
            count: 0,
        }
    }

    /// A server on that port of 127.0.0.1, its media from `media` on.
    pub fn server(&mut self, port: u16, media: u16, pjsip: &str, dialplan: &str) {
        let seed = Seed { now: self.now, random: self.rng.next_u64(), key: [7; 32], systemname: "".into() };
        let mut node =
            Node { switch: Switch::new(seed), port, media, open: BTreeSet::new(), replies: Vec::new() };
        let (objects, findings) = objects(pjsip, None);
        let errors: Vec<_> =
            findings.iter().filter(|f| f.severity == config::Severity::Error).map(|f| &f.message).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let plan = Objects::default().plan(&objects);
        let bound = BoundTransport {
            id: TransportId(0),
            name: "transport-udp".into(),
            bound: ([127, 0, 0, 1], port).into(),
            interface: [127, 0, 0, 1].into(),
            interface_v4: None,
            networks: Default::default(),
        };
        let dialplan = plan_of(dialplan, self.now);
        for input in [
            Input::Config { changes: &plan.changes, sources: &objects.sources },
            Input::Transports(&[bound]),
            Input::Dialplan(dialplan),
        ] {
            node.handle(self.now, input);
        }
        self.nodes.push(node);
    }

    /// A phone on that port; its calls have audio at the port given with each.
    pub fn phone(&mut self, port: u16) -> &mut Side {
        let seed = self.rng.next_u64();
        self.phones.entry(port).or_insert_with(|| Side::new(port, seed))
    }

    /// A phone calls an extension of a server. The number of its call.
    pub fn call(&mut self, from: u16, server: u16, exten: &str, audio: u16) -> u32 {
        let now = self.now;
        let side = self.phones.get_mut(&from).expect("a phone");
        side.now = now;
        let uri = format!("sip:{exten}@127.0.0.1:{server}").into_bytes();
        let outgoing = Outgoing {
            endpoint: side.endpoint.clone(),
            to: [b"<", &uri[..], b">"].concat().into(),
            request_uri: uri.into(),
            routes: Vec::new(),
            from: format!("<sip:{from}@127.0.0.1>").into_bytes().into(),
            contact: side.contact(),
            path: false,
            secure: false,
            targets: vec![side.target(server)],
            extra: Vec::new(),
            proposals: vec![side.proposal(MediaKind::Audio, audio)],
            media: side.media(),
            auths: Vec::new(),
        };
        let call = side.begin(|cx| Session::outgoing(cx, outgoing));
        self.flush();
        call
    }

    /// Something happens with a phone's call.
    pub fn with<T>(
        &mut self,
        phone: u16,
        call: u32,
        then: impl FnOnce(&mut Session, &mut jackfield::session::Cx<'_>) -> T,
    ) -> Option<T> {
        let now = self.now;
        let side = self.phones.get_mut(&phone)?;
        side.now = now;
        let result = side.sessions.contains_key(&call).then(|| side.with(call, then));
        self.flush();
        result
    }

    pub fn leg(&self, phone: u16, call: u32) -> Option<&Leg> {
        self.phones.get(&phone)?.sessions.get(&call)
    }

    /// Plans something.
    pub fn later(&mut self, millis: u64, act: A) {
        self.enter(millis * 1_000, Due::Act(act));
    }

    fn enter(&mut self, micros: u64, due: Due<A>) {
        self.count += 1;
        self.due.insert((self.now.at.0 + micros, self.count), due);
    }

    /// Puts on the link what everybody has to say.
    fn flush(&mut self) {
        let mut all = Vec::new();
        for (port, side) in &mut self.phones {
            all.extend(side.out.iter().map(|(to, bytes)| (*port, to.remote.port(), bytes.to_vec())));
            side.out.clear();
        }
        for (from, to, bytes) in all {
            self.send(from, to, bytes);
        }
    }

    fn send(&mut self, from: u16, to: u16, bytes: Vec<u8>) {
        if let Some(log) = &mut self.log {
            let text = String::from_utf8_lossy(&bytes);
            let find = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
            let words = |line: Option<&str>, from: usize, count: usize| {
                line.map(|l| l.split(' ').skip(from).take(count).collect::<Vec<_>>().join(" "))
                    .unwrap_or_default()
            };
            let first = text.lines().next();
            let is_response = text.starts_with("SIP/2.0");
            log.push(Sent {
                millis: self.now.at.0 / 1_000 - 9_000,
                from,
                to,
                what: words(first, usize::from(is_response), 1),
                cseq: words(find("CSeq: "), 0, 2),
                audio: find("m=audio ").and_then(|line| line.split(' ').next()?.parse().ok()),
            });
        }
        if let Some(code) = bytes.strip_prefix(b"SIP/2.0 ").and_then(|rest| rest.get(..3)) {
            let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok()).unwrap_or(0);
            *self.statuses.entry((from, to, code)).or_default() += 1;
        }
        let copies = match self.rng.below(100) {
            n if n < self.link.loss => 0,
            n if n < self.link.loss + self.link.double => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let (least, most) = self.link.delay_ms;
            let micros = 1_000 * least + self.rng.below(1_000 * (most - least) + 1);
            self.enter(micros, Due::Arrives { from, to, bytes: bytes.clone() });
        }
    }

    fn input(&mut self, at: usize, input: Input<'_>) {
        let node = &mut self.nodes[at];
        let port = node.port;
        for (to, bytes) in node.handle(self.now, input) {
            self.send(port, to, bytes);
        }
    }

    /// Lets time pass until that long from now. Whatever phones are told and what was planned goes to `react`.
    pub fn run(&mut self, millis: u64, react: &mut impl FnMut(&mut Net<A>, Happening<A>)) {
        let until = self.now.at.0 + millis * 1_000;
        for _ in 0..2_000_000u32 {
            self.flush();
            self.tell(react);
            let nodes = self.nodes.iter().filter_map(|node| node.switch.next_deadline());
            let phones = self.phones.values().filter_map(Side::deadline);
            let next =
                nodes.chain(phones).map(|at| at.0).chain(self.due.keys().next().map(|(at, _)| *at)).min();
            let at = next.unwrap_or(until).clamp(self.now.at.0, until);
            self.now = self.now.later(Duration::from_micros(at - self.now.at.0));
            if next.is_none_or(|next| next > until) {
                return;
            }
            self.turn(react);
        }
        panic!("the world never comes to rest");
    }

    fn turn(&mut self, react: &mut impl FnMut(&mut Net<A>, Happening<A>)) {
        for at in 0..self.nodes.len() {
            if self.nodes[at].switch.next_deadline().is_some_and(|due| due <= self.now.at) {
                self.input(at, Input::Tick);
            }
        }
        for side in self.phones.values_mut() {
            side.now = self.now;
            if side.deadline().is_some_and(|due| due <= self.now.at) {
                side.expire();
            }
        }
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.now.at.0) {
            match entry.remove() {
                Due::Act(act) => react(self, Happening::Act(act)),
                Due::Arrives { from, to, bytes } => self.arrives(from, to, &bytes),
            }
        }
    }

    fn arrives(&mut self, from: u16, to: u16, bytes: &[u8]) {
        if let Some(side) = self.phones.get_mut(&to) {
            side.hear(from, std::str::from_utf8(bytes).expect("text"));
        } else if let Some(at) = self.nodes.iter().position(|node| node.port == to) {
            let arrival = Arrival {
                transport: TransportId(0),
                protocol: Protocol::Udp,
                flow: FlowId::DATAGRAM,
                source: ([127, 0, 0, 1], from).into(),
                local: ([127, 0, 0, 1], to).into(),
            };
            self.input(at, Input::Sip { arrival, bytes });
        }
    }

    fn tell(&mut self, react: &mut impl FnMut(&mut Net<A>, Happening<A>)) {
        let mut told = Vec::new();
        for (port, side) in &mut self.phones {
            for (call, leg) in &mut side.sessions {
                told.extend(leg.events.drain(..).map(|event| (*port, *call, event)));
            }
        }
        for (port, call, event) in told {
            react(self, Happening::Told(port, call, event));
        }
        self.flush();
    }

    /// How often that status was sent at all.
    pub fn count_of(&self, code: u16) -> u32 {
        self.statuses.iter().filter(|((.., known), _)| *known == code).map(|(_, count)| count).sum()
    }

    /// What is left of calls anywhere.
    pub fn leftovers(&mut self) -> Vec<String> {
        let now = self.now;
        let mut left = Vec::new();
        for node in &mut self.nodes {
            let (channels, bridges, status) = node.view(now);
            if channels.len() + bridges + status.0 + status.1 + node.open.len() > 0 {
                left.push(format!(
                    "server {}: channels {channels:?}, {bridges} bridges, {} dialogs, {} transactions, ports {:?}",
                    node.port, status.0, status.1, node.open
                ));
            }
        }
        for (port, side) in &self.phones {
            if !side.is_at_rest() {
                left.push(format!("phone {port} is not at rest"));
            }
        }
        left
    }
}

impl Node {
    /// One input; the messages that leave, with the ports they go to.
    fn handle(&mut self, now: Now, input: Input<'_>) -> Vec<(u16, Vec<u8>)> {
        let mut sent = Vec::new();
        let mut out = Actions::default();
        self.switch.handle(now, input, &mut out);
        for _ in 0..1_000 {
            sent.extend(out.outbox.iter().map(|(to, bytes)| (to.remote.port(), bytes.to_vec())));
            let mut told = Vec::new();
            for action in std::mem::take(&mut out.queue) {
                match action {
                    Action::Media(plan) => told.extend(self.media(plan)),
                    Action::Reply { reply, .. } => self.replies.push(reply),
                    Action::Commit { .. } | Action::Resolve { .. } => {
                        panic!("nothing is stored or looked up here")
                    }
                    _ => {}
                }
            }
            out = Actions::default();
            if told.is_empty() {
                return sent;
            }
            for event in told {
                self.switch.handle(now, Input::Media(event), &mut out);
            }
        }
        panic!("media and signalling never come to rest");
    }

    fn media(&mut self, plan: Plan) -> Option<MediaEvent> {
        match plan {
            Plan::Open(open) => {
                assert!(self.open.insert(open.port), "{:?} is opened twice", open.port);
                let port = self.media + u16::try_from(2 * (open.port.0 % 2_000)).expect("small");
                let rtp = ([127, 0, 0, 1], port).into();
                Some(MediaEvent::Opened { port: open.port, rtp, rtcp_port: Some(port + 1) })
            }
            Plan::Close { port } => {
                assert!(self.open.remove(&port), "{port:?} is closed, and was not open");
                Some(MediaEvent::Closed { port, report: Box::default() })
            }
            Plan::Join { a, b, .. } => {
                assert!(self.open.contains(&a) && self.open.contains(&b), "{a:?} or {b:?} is not open");
                None
            }
            _ => None,
        }
    }

    fn ask(&mut self, now: Now, command: Command) -> Reply {
        self.replies.clear();
        self.handle(now, Input::Command { token: 1, command });
        self.replies.pop().expect("every command is answered")
    }

    /// Names of channels, number of bridges, and of dialogs and transactions.
    fn view(&mut self, now: Now) -> (Vec<String>, usize, (usize, usize)) {
        let channels = match self.ask(now, Command::Show { kind: Kind::Channel, name: None }) {
            Reply::Channels(all) => all.into_iter().map(|channel| channel.name).collect(),
            other => panic!("{other:?}"),
        };
        let bridges = match self.ask(now, Command::Bridges) {
            Reply::Bridges(all) => all.len(),
            other => panic!("{other:?}"),
        };
        match self.ask(now, Command::Status) {
            Reply::Status(status) => (channels, bridges, (status.dialogs, status.transactions)),
            other => panic!("{other:?}"),
        }
    }
}

/// How many seeds a test takes: `JACKFIELD_SEEDS`, or `default`.
pub fn seeds(default: u64) -> u64 {
    std::env::var("JACKFIELD_SEEDS").map_or(default, |n| n.parse().expect("JACKFIELD_SEEDS is a number"))
}
