//! A switch in virtual time: text in, text out. What it commits is committed when the test says so.

use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::time::{Moment, Now, WallTime};
use jackfield::bridge::{MediaEvent, Plan, PortId, PromptOrder};
use jackfield::config::{self, Finding, Objects, conf, files::MemoryFiles, pjsip_conf};
use jackfield::pubsub::Kept;
use jackfield::registrar::ContactChange;
use jackfield::sip::digest::{Algorithm, Challenge, Qop};
use jackfield::sip::flow::{Arrival, Destination, Protocol};
use jackfield::sip::wire::{AuthFields, Header, Index};
use jackfield::switch::io::{Action, Actions, BoundTransport, Input, Resolve};
use jackfield::switch::view::{Command, Event, Kind, Reply};
use jackfield::switch::{Seed, Switch};
use std::collections::BTreeSet;
use std::time::Duration;

/// The configuration that the recordings of the real server were made with.
pub const PROBE: &str = include_str!("probe.conf");

/// Objects of a `pjsip.conf` text, and what was found wrong with it.
pub fn objects(text: &str, last_good: Option<&Objects>) -> (Objects, Vec<Finding>) {
    let files = MemoryFiles::new().with("pjsip.conf", text);
    let mut sources = last_good.map(|objects| objects.sources.clone()).unwrap_or_default();
    let mut findings = Vec::new();
    let tree = conf::read(&files, "pjsip.conf", &mut sources, &mut findings);
    let drafts = pjsip_conf::drafts(&tree, &sources, &mut findings);
    let (objects, more) = config::compile(drafts, sources.clone(), last_good);
    findings.extend(more);
    (objects, findings)
}

/// The world around one switch.
pub struct World {
    pub switch: Switch,
    pub now: Now,
    pub objects: Objects,
    /// Changes handed out, with their numbers.
    pub commits: Vec<(u64, ContactChange)>,
    pub events: Vec<Event>,
    /// What was to be written down, in order.
    pub kept: Vec<Kept>,
    pub replies: Vec<Reply>,
    /// Entries of the dialplan's key store that were handed out.
    pub stored: Vec<jackfield::dialplan::database::Change>,
    /// Orders for the thread of the mailboxes, with their numbers.
    pub mails: Vec<(u64, jackfield::voicemail::Order)>,
    /// Orders for the media threads, in order.
    pub plans: Vec<Plan>,
    /// Orders about prompts.
    pub prompts: Vec<PromptOrder>,
    ports: BTreeSet<PortId>,
    /// Names asked for, with their numbers.
    pub resolves: Vec<(u64, Resolve)>,
    /// Where the messages went that left last.
    pub destinations: Vec<Destination>,
    /// Whether a commit is reported as soon as it is asked for.
    pub commit_at_once: bool,
    next_cseq: u32,
}

pub const HERE: &str = "127.0.0.1:5070";

impl World {
    /// A switch with this `pjsip.conf`, which must be without faults.
    pub fn with(text: &str) -> World {
        let now = Now { at: Moment(1_000_000), wall: WallTime::from_secs(1_800_000_000) };
        let seed = Seed { now, random: 7, key: [7; 32], systemname: "".into() };
        let mut world = World {
            switch: Switch::new(seed),
            now,
            objects: Objects::default(),
            commits: Vec::new(),
            events: Vec::new(),
            kept: Vec::new(),
            replies: Vec::new(),
            resolves: Vec::new(),
            stored: Vec::new(),
            mails: Vec::new(),
            plans: Vec::new(),
            prompts: Vec::new(),
            ports: BTreeSet::new(),
            destinations: Vec::new(),
            commit_at_once: true,
            next_cseq: 1,
        };
        world.reload(text);
        let bound = BoundTransport {
            id: TransportId(0),
            name: "transport-udp".into(),
            bound: "127.0.0.1:5060".parse().expect("an address"),
            interface: "127.0.0.1".parse().expect("an address"),
            interface_v4: None,
            networks: Default::default(),
        };
        world.handle(Input::Transports(&[bound]));
        world
    }

    pub fn reload(&mut self, text: &str) {
        let (objects, findings) = objects(text, Some(&self.objects));
        let errors: Vec<_> =
            findings.iter().filter(|f| f.severity == config::Severity::Error).map(|f| &f.message).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let plan = self.objects.plan(&objects);
        self.objects = objects;
        let sources = self.objects.sources.clone();
        self.handle(Input::Config { changes: &plan.changes, sources: &sources });
    }

    /// One input; the messages it made leave, as text.
    pub fn handle(&mut self, input: Input<'_>) -> Vec<String> {
        self.destinations.clear();
        self.drive(input)
    }

    fn drive(&mut self, input: Input<'_>) -> Vec<String> {
        let mut out = Actions::default();
        self.switch.handle(self.now, input, &mut out);
        self.drain(&mut out)
    }

    fn drain(&mut self, out: &mut Actions) -> Vec<String> {
        self.destinations.extend(out.outbox.iter().map(|(to, _)| to));
        let mut sent: Vec<String> =
            out.outbox.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
        let (mut highest, mut told) = (None, Vec::new());
        for action in out.queue.drain(..) {
            match action {
                Action::Commit { sequence, change } => {
                    self.commits.push((sequence, change));
                    highest = Some(sequence);
                }
                Action::Event(event) => self.events.push(*event),
                Action::Reply { reply, .. } => self.replies.push(reply),
                Action::Resolve { token, question } => self.resolves.push((token, question)),
                Action::Database(change) => self.stored.push(change),
                Action::Mail { token, order } => self.mails.push((token, *order)),
                Action::Media(plan) => told.extend(self.media(plan)),
                Action::Prompt(order) => self.prompts.push(order),
                Action::Keep(kept) => self.kept.push(*kept),
                _ => {}
            }
        }
        if let Some(sequence) = highest.filter(|_| self.commit_at_once) {
            sent.extend(self.drive(Input::Committed { sequence }));
        }
        for event in told {
            sent.extend(self.drive(Input::Media(event)));
        }
        sent
    }

    /// What media threads would do at once: every port opens, as 127.0.0.1:20000 and so on.
    fn media(&mut self, plan: Plan) -> Option<MediaEvent> {
        let event = match &plan {
            Plan::Open(open) => {
                self.ports.insert(open.port);
                let port = 20_000 + 2 * u16::try_from(open.port.0).expect("few ports");
                let rtp = ([127, 0, 0, 1], port).into();
                Some(MediaEvent::Opened { port: open.port, rtp, rtcp_port: Some(port + 1) })
            }
            Plan::Close { port } => {
                self.ports.remove(port);
                Some(MediaEvent::Closed { port: *port, report: Box::default() })
            }
            _ => None,
        };
        self.plans.push(plan);
        event
    }

    /// Ports that are open.
    pub fn open_ports(&self) -> usize {
        self.ports.len()
    }

    /// Joins of two different ports that were ordered.
    pub fn joins(&self) -> usize {
        self.plans.iter().filter(|plan| matches!(plan, Plan::Join { a, b, .. } if a != b)).count()
    }

    /// A datagram from `source`.
    pub fn datagram(&mut self, source: &str, bytes: &[u8]) -> Vec<String> {
        let arrival = Arrival {
            transport: TransportId(0),
            protocol: Protocol::Udp,
            flow: FlowId::DATAGRAM,
            source: source.parse().expect("an address"),
            local: "127.0.0.1:5060".parse().expect("an address"),
        };
        self.handle(Input::Sip { arrival, bytes })
    }

    pub fn wait(&mut self, by: Duration) -> Vec<String> {
        self.now = self.now.later(by);
        self.handle(Input::Tick)
    }

    pub fn cseq(&mut self) -> u32 {
        self.next_cseq += 1;
        self.next_cseq
    }

    /// Sends a request as a phone does: when challenged and a password is known, again with credentials.
    pub fn ask(&mut self, request: &Ask<'_>) -> Vec<String> {
        let cseq = self.cseq();
        let first = self.datagram(request.source, request.text(cseq, "").as_bytes());
        let challenged = first.len() == 1 && first[0].starts_with("SIP/2.0 401");
        let Some(password) = request.password.filter(|_| challenged) else { return first };
        let cseq = self.cseq();
        let credentials = answer(&first[0], request, password, 1);
        let mut all = first;
        all.extend(self.datagram(request.source, request.text(cseq, &credentials).as_bytes()));
        all
    }

    /// The status lines of what [`World::ask`] got, as the recordings print them.
    pub fn statuses(&mut self, request: &Ask<'_>) -> String {
        let answers = self.ask(request);
        if answers.is_empty() {
            return "nothing".into();
        }
        answers.iter().map(|text| status_of(text)).collect::<Vec<_>>().join(" / ")
    }

    pub fn show(&mut self, kind: Kind, name: Option<&str>) -> Reply {
        self.command(Command::Show { kind, name: name.map(str::to_owned) })
    }

    pub fn command(&mut self, command: Command) -> Reply {
        self.replies.clear();
        self.handle(Input::Command { token: 1, command });
        self.replies.pop().expect("every command is answered")
    }
}

pub fn status_of(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("SIP/2.0 ").to_owned()
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub uri: &'a str,
    pub user: &'a str,
    pub to: Option<&'a str>,
    pub password: Option<&'a str>,
    pub auth_user: Option<&'a str>,
    pub source: &'a str,
    pub call_id: &'a str,
    /// Further lines, each ended by CR LF.
    pub lines: &'a str,
    pub body: &'a str,
}

impl<'a> Ask<'a> {
    pub fn new(method: &'a str, user: &'a str, password: &'a str) -> Ask<'a> {
        Ask {
            method,
            uri: "sip:127.0.0.1:5060",
            user,
            to: None,
            password: (!password.is_empty()).then_some(password),
            auth_user: None,
            source: HERE,
            call_id: "call-1",
            lines: "",
            body: "",
        }
    }

    pub fn lines(self, lines: &'a str) -> Ask<'a> {
        Ask { lines, ..self }
    }

    pub fn text(&self, cseq: u32, more: &str) -> String {
        let (method, uri, user, call_id) = (self.method, self.uri, self.user, self.call_id);
        let to = self.to.map_or_else(|| format!("<sip:{user}@127.0.0.1>"), str::to_owned);
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};rport;branch=z9hG4bK{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@127.0.0.1>;tag=f\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             {}{more}Content-Length: {}\r\n\r\n{}",
            self.source,
            self.lines,
            self.body.len(),
            self.body
        )
    }
}

/// The Authorization line that answers a 401.
pub fn answer(challenged: &str, request: &Ask<'_>, password: &str, nc: u32) -> String {
    let mut index = Index::default();
    let message = index.scan(challenged.as_bytes()).expect("our own answers can be read");
    let value = message.header(Header::WwwAuthenticate).expect("a challenge");
    let fields = AuthFields::parse(value).expect("a challenge");
    let field =
        |name: &str| String::from_utf8_lossy(fields.field(name.as_bytes()).expect("a field")).into_owned();
    let (realm, nonce, algorithm) = (field("realm"), field("nonce"), field("algorithm"));
    credentials(request, password, (&realm, &nonce, &algorithm), nc)
}

/// An Authorization line.
pub fn credentials(
    request: &Ask<'_>,
    password: &str,
    (realm, nonce, algorithm): (&str, &str, &str),
    nc: u32,
) -> String {
    let (hash, form) = Algorithm::from_token(algorithm.as_bytes()).expect("an algorithm");
    let user = request.auth_user.unwrap_or(request.user);
    let nc = format!("{nc:08x}");
    let challenge = Challenge {
        algorithm: hash,
        form,
        nonce: nonce.as_bytes(),
        method: request.method.as_bytes(),
        uri: request.uri.as_bytes(),
        qop: Qop::Auth { nc: nc.as_bytes(), cnonce: b"cn" },
        cnonce: b"cn",
    };
    let response = challenge.response(&hash.ha1(user.as_bytes(), realm.as_bytes(), password.as_bytes()));
    format!(
        "Authorization: Digest username=\"{user}\",realm=\"{realm}\",nonce=\"{nonce}\",uri=\"{}\",response=\"{}\",\
         algorithm={algorithm},qop=auth,nc={nc},cnonce=\"cn\"\r\n",
        request.uri,
        response.as_str()
    )
}

/// The values of a header of an answer.
pub fn values(answer: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in answer.lines().take_while(|line| !line.is_empty()) {
        if let Some((key, value)) = line.split_once(':')
            && key.eq_ignore_ascii_case(name)
        {
            found.push(value.trim().to_owned());
        }
    }
    found
}
