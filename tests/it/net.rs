//! Several whole switches and phones on one link, in virtual time: messages are delayed, lost and doubled as a seed says,
//! and who sent what to whom is counted.

use crate::calls::phone::plan_of;
use crate::session::{Leg, Side};
use crate::world::objects;
use jackfield::admin::cli::{self, Parsed};
use jackfield::admin::shape::Format;
use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::rng::Rng;
use jackfield::base::time::{Moment, Now, WallTime};
use jackfield::bridge::{
    MediaEvent, Plan, PortId, PromptOrder, RoomId, SoundEnd, SoundId, SoundOrder, SoundSource,
};
use jackfield::config::services::Services;
use jackfield::config::{self, Objects};
use jackfield::rtp::{Digit, DtmfEvent};
use jackfield::sdp::MediaKind;
use jackfield::session::{Event, Outgoing, Session};
use jackfield::sip::flow::{Arrival, Protocol};
use jackfield::switch::io::{Action, Actions, BoundTransport, Input};
use jackfield::switch::view::{self, Command, Kind, Reply};
use jackfield::switch::{Seed, Switch};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
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
    Media { node: usize, event: MediaEvent },
    Ends { node: usize, sound: SoundId, end: SoundEnd },
    Act(A),
}

/// One server: everything but sockets.
pub struct Node {
    pub switch: Switch,
    pub port: u16,
    media: u16,
    open: BTreeSet<PortId>,
    replies: Vec<Reply>,
    sounds: Sounds,
    /// How often the media threads were ordered what.
    pub done: BTreeMap<String, u32>,
    /// How often it was woken by a timer.
    pub ticks: u32,
    /// Prints what the server logs.
    verbose: bool,
}

/// What the media threads of a server have in hand.
#[derive(Default)]
struct Sounds {
    /// Players and recorders; with the room when they are a room's.
    alive: BTreeMap<SoundId, (PortId, Option<RoomId>)>,
    rooms: BTreeMap<PortId, RoomId>,
    /// Where ports send their audio.
    aims: BTreeMap<PortId, u16>,
    /// What began, and will end by itself.
    begun: Vec<SoundId>,
    /// What will be told in a moment.
    told: Vec<MediaEvent>,
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
        let mut node = Node {
            switch: Switch::new(seed),
            port,
            media,
            open: BTreeSet::new(),
            replies: Vec::new(),
            sounds: Sounds::default(),
            done: BTreeMap::new(),
            ticks: 0,
            verbose: std::env::var("JACKFIELD_SEED").is_ok(),
        };
        if node.verbose {
            node.switch.ears().level = view::Level::Verbose;
        }
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
        let sent = node.handle(self.now, input);
        let told = std::mem::take(&mut node.sounds.told);
        let begun = std::mem::take(&mut node.sounds.begun);
        for (to, bytes) in sent {
            self.send(port, to, bytes);
        }
        for event in told {
            let micros = self.rng.below(40_000);
            self.enter(micros, Due::Media { node: at, event });
        }
        for sound in begun {
            let micros = 100_000 + self.rng.below(5_000_000);
            let end = match self.rng.below(10) {
                0 => SoundEnd::Failed("by chance".to_owned()),
                1 => SoundEnd::Silence,
                _ => SoundEnd::Done,
            };
            self.enter(micros, Due::Ends { node: at, sound, end });
        }
    }

    /// Tones, codes, parking lots, conferences of every server.
    pub fn services(&mut self, services: Arc<Services>) {
        for at in 0..self.nodes.len() {
            self.input(at, Input::Services(Arc::clone(&services)));
        }
    }

    /// An order of the administrator's; what follows from it happens.
    pub fn order(&mut self, at: usize, command: Command) {
        self.nodes[at].replies.clear();
        self.input(at, Input::Command { token: 1, command });
        assert!(!self.nodes[at].replies.is_empty(), "every command is answered");
    }

    /// Names of a server's channels.
    pub fn channels(&mut self, at: usize) -> Vec<String> {
        let now = self.now;
        self.nodes[at].view(now).0
    }

    /// Names of a server's channels, where each is half of a Local channel that waits in a room; else none.
    pub fn seated_halves(&mut self, at: usize) -> Vec<String> {
        let now = self.now;
        let Reply::Channels(all) = self.nodes[at].ask(now, Command::Show { kind: Kind::Channel, name: None })
        else {
            panic!("channels were asked for")
        };
        let waits = |channel: &view::ChannelView| {
            channel.name.starts_with("Local/")
                && matches!(channel.application.as_str(), "ConfBridge" | "BridgeWait")
        };
        if all.iter().all(waits) { all.into_iter().map(|channel| channel.name).collect() } else { Vec::new() }
    }

    /// A key of a phone is heard in what it sends to the first server, if it sends there.
    pub fn press(&mut self, phone: u16, call: u32, key: char) {
        let Some(audio) = self.leg(phone, call).and_then(|leg| Some(leg.session.local(0)?.port)) else {
            return;
        };
        let aims = &self.nodes[0].sounds.aims;
        let Some(port) = aims.iter().find(|(_, to)| **to == audio).map(|(port, _)| *port) else { return };
        let digit = Digit::from_char(key).expect("a key");
        let event = DtmfEvent::End { digit, duration: Duration::from_millis(100) };
        self.input(0, Input::Media(MediaEvent::Digit { port, event }));
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
                self.nodes[at].ticks += 1;
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
                Due::Media { node, event } => self.input(node, Input::Media(event)),
                Due::Ends { node, sound, end } => {
                    if let Some((port, _)) = self.nodes[node].sounds.alive.remove(&sound) {
                        self.input(node, Input::Media(MediaEvent::SoundEnded { port, id: sound, end }));
                    }
                }
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
            let rooms = node.rooms(now);
            if channels.len() + bridges + status.0 + status.1 + node.open.len() + rooms.len() > 0 {
                left.push(format!(
                    "server {}: channels {channels:?}, {bridges} bridges, {} dialogs, {} transactions, ports {:?}, {rooms:?}",
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
                    Action::Event(event) if self.verbose => {
                        if let view::Event::Log { text, .. } = &*event {
                            eprintln!("{:7} {text}", now.at.0 / 1_000 - 9_000);
                        }
                    }
                    Action::Prompt(PromptOrder::Find { token, .. }) => {
                        told.push(MediaEvent::PromptFound { token, found: token % 2 == 0 });
                    }
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
                self.sounds.close(port);
                Some(MediaEvent::Closed { port, report: Box::default() })
            }
            Plan::Join { a, b, .. } => {
                assert!(self.open.contains(&a) && self.open.contains(&b), "{a:?} or {b:?} is not open");
                *self.done.entry("Join".to_owned()).or_default() += 1;
                None
            }
            Plan::Aim { port, aim } => {
                self.sounds.aims.extend(aim.remote.address().map(|to| (port, to.port())));
                None
            }
            Plan::Direct { on: true, .. } => {
                *self.done.entry("Direct".to_owned()).or_default() += 1;
                None
            }
            Plan::Sound { port, order } => {
                assert!(self.open.contains(&port), "{port:?} is not open for {order:?}");
                *self.done.entry(name_of(&order)).or_default() += 1;
                self.sounds.order(port, *order);
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

    /// What the command line tells of conferences and parked calls that are left.
    fn rooms(&mut self, now: Now) -> Vec<String> {
        let mut left = Vec::new();
        for (line, empty) in [("confbridge list", "=====\n"), ("parking show default", "(none)")] {
            let Parsed::Ask(commands, shape) = cli::parse(line, Format::PLAIN) else { panic!("'{line}'") };
            let replies = commands.into_iter().map(|command| self.ask(now, command)).collect();
            let text = jackfield::admin::print(replies, &shape).text;
            // Without a lot of that name there is nobody in it.
            if !text.trim_end().ends_with(empty.trim_end())
                && !text.contains(empty)
                && !text.starts_with("Could not")
            {
                left.push(text);
            }
        }
        left.extend(self.sounds.alive.iter().map(|(id, at)| format!("{id:?} goes on at {at:?}")));
        left
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

impl Sounds {
    fn order(&mut self, port: PortId, order: SoundOrder) {
        match order {
            SoundOrder::Enter { room, .. } => drop(self.rooms.insert(port, room)),
            SoundOrder::Leave => drop(self.rooms.remove(&port)),
            SoundOrder::Play { id, source, .. } => self.begin(id, (port, None), ends(&source)),
            SoundOrder::PlayRoom { id, source } => self.begin(id, (port, self.room(port)), ends(&source)),
            // A recording seldom ends by itself.
            SoundOrder::Record { id, .. } => self.begin(id, (port, None), id.0 % 8 == 0),
            SoundOrder::RecordRoom { id, .. } => self.begin(id, (port, self.room(port)), id.0 % 8 == 0),
            SoundOrder::Stop { id } => {
                let alive = self.alive.remove(&id);
                self.told.extend(alive.map(|_| MediaEvent::SoundEnded { port, id, end: SoundEnd::Stopped }));
            }
            _ => {}
        }
    }

    fn room(&self, port: PortId) -> Option<RoomId> {
        self.rooms.get(&port).copied()
    }

    fn begin(&mut self, id: SoundId, place: (PortId, Option<RoomId>), ends: bool) {
        assert!(self.alive.insert(id, place).is_none(), "{id:?} begins twice");
        if ends {
            self.begun.push(id);
        }
    }

    /// What is a port's ends with it, what is a room's with the last who is in it. Nobody is told.
    fn close(&mut self, port: PortId) {
        self.aims.remove(&port);
        self.rooms.remove(&port);
        let Sounds { alive, rooms, .. } = self;
        alive.retain(|_, (its, room)| match room {
            Some(room) => rooms.values().any(|known| known == room),
            None => *its != port,
        });
    }
}

/// Whether it is over some time.
fn ends(source: &SoundSource) -> bool {
    match source {
        SoundSource::Tones(list) => list.ends(),
        SoundSource::Files(files) => !files.repeat,
        SoundSource::Silence(lasts) => lasts.is_some(),
    }
}

/// `Play`, `RecordRoom`.
fn name_of(order: &SoundOrder) -> String {
    let text = format!("{order:?}");
    text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_owned()
}

/// How many seeds a test takes: `JACKFIELD_SEEDS`, or `default`.
pub fn seeds(default: u64) -> u64 {
    std::env::var("JACKFIELD_SEEDS").map_or(default, |n| n.parse().expect("JACKFIELD_SEEDS is a number"))
}
