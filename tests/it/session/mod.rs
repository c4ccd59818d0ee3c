//! Sessions from outside: over real transaction tables, against texts of a peer and against each other.

mod calls;
mod changes;
mod hostile;
mod simulation;
mod transfers;

use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::rng::Rng;
use jackfield::base::time::{Moment, Now, WallTime};
use jackfield::config::model::{Endpoint, EndpointOptions};
use jackfield::sdp::{Capabilities, Codec, Direction, Format, Identity, Local, MediaKind, Proposal};
use jackfield::session::*;
use jackfield::sip::dialog::repeat::SentAck;
use jackfield::sip::dialog::{DialogKey, Directory};
use jackfield::sip::flow::{Arrival, Destination, Protocol};
use jackfield::sip::method::Method;
use jackfield::sip::mint::Shard;
use jackfield::sip::outbox::Outbox;
use jackfield::sip::transaction::Event as Timed;
use jackfield::sip::transaction::{ClientTx, Heard, Received, ServerTx, Table, Target, Timers};
use jackfield::sip::wire::{Index, ViaStamp, Writer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Which session, and which of its requests (0: a server transaction).
pub type Owner = (u32, u32);

/// One machine: its transactions, dialogs and sessions. What it sends is fetched by the test.
pub struct Side {
    pub port: u16,
    pub now: Now,
    pub table: Table<Owner>,
    pub directory: Directory<u32>,
    pub sessions: BTreeMap<u32, Leg>,
    pub count: u32,
    pub rng: Rng,
    pub out: Outbox,
    pub endpoint: Arc<Endpoint>,
    pub capabilities: Capabilities,
    pub auths: Vec<Credentials>,
    pub refused: Vec<Refused>,
    /// Cancels that find no transaction.
    pub lost_cancels: u32,
}

pub struct Leg {
    pub session: Session,
    pub requests: BTreeMap<u32, ClientTx>,
    pub events: Vec<Event>,
    pub ended: bool,
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub fn local(port: u16) -> Local {
    Local::at([127, 0, 0, 1].into(), port)
}

fn capabilities() -> Capabilities {
    Capabilities { formats: [Codec::ULAW, Codec::ALAW].map(Format::of).to_vec(), ..Capabilities::default() }
}

/// An endpoint with some options set.
fn endpoint(set: impl FnOnce(&mut EndpointOptions)) -> Arc<Endpoint> {
    let mut endpoint = Endpoint::default();
    endpoint.name = "phone".into();
    set(Arc::make_mut(&mut endpoint.options));
    Arc::new(endpoint)
}

fn destination(port: u16) -> Destination {
    Destination {
        transport: TransportId(0),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        remote: ([127, 0, 0, 1], port).into(),
        local: None,
    }
}

/// What a session is lent in these tests.
fn lent<'a>(now: Now, rng: &'a mut Rng, effects: &'a mut Vec<Effect>, events: &'a mut Vec<Event>) -> Cx<'a> {
    let timers = Timers::default();
    Cx {
        now,
        rng,
        shard: Shard(1),
        timers,
        user_agent: "Jackfield",
        norefersub: true,
        max_forwards: 70,
        follow_early_media_fork: true,
        accept_multiple_sdp_answers: true,
        effects,
        events,
    }
}

impl Side {
    pub fn new(port: u16, seed: u64) -> Side {
        let now = Now { at: Moment(9_000_000), wall: WallTime::from_secs(1_000_000) };
        Side {
            port,
            now,
            table: Table::new(now.at, Timers::default(), Shard(1), seed),
            directory: Directory::new(seed),
            sessions: BTreeMap::new(),
            count: 0,
            rng: Rng::seeded(seed),
            out: Outbox::default(),
            endpoint: endpoint(|_| {}),
            capabilities: capabilities(),
            auths: Vec::new(),
            refused: Vec::new(),
            lost_cancels: 0,
        }
    }

    pub fn with_options(set: impl FnOnce(&mut EndpointOptions)) -> Side {
        Side { endpoint: endpoint(set), ..Side::new(5060, 7) }
    }

    pub fn media(&self) -> MediaSetup {
        let identity =
            Identity { owner: "-".into(), session: "Jackfield".into(), address: [127, 0, 0, 1].into() };
        MediaSetup { identity, capabilities: self.capabilities.clone(), all_codecs_on_empty_reinvite: false }
    }

    pub fn contact(&self) -> Arc<str> {
        format!("<sip:jackfield@127.0.0.1:{}>", self.port).into()
    }

    pub fn target(&self, port: u16) -> Target {
        let sent_by = format!("127.0.0.1:{}", self.port).into();
        Target { to: destination(port), sent_by, contact: Some(self.contact()) }
    }

    pub fn arrival(&self, from: u16) -> Arrival {
        Arrival {
            transport: TransportId(0),
            protocol: Protocol::Udp,
            flow: FlowId::DATAGRAM,
            source: ([127, 0, 0, 1], from).into(),
            local: ([127, 0, 0, 1], self.port).into(),
        }
    }

    /// Lets a session do something, and does what it wants.
    pub fn with<T>(&mut self, call: u32, then: impl FnOnce(&mut Session, &mut Cx<'_>) -> T) -> T {
        let (mut effects, mut events) = (Vec::new(), Vec::new());
        let mut cx = lent(self.now, &mut self.rng, &mut effects, &mut events);
        let leg = self.sessions.get_mut(&call).expect("a session");
        let result = then(&mut leg.session, &mut cx);
        leg.events.append(&mut events);
        self.carry_out(call, effects);
        result
    }

    pub fn carry_out(&mut self, call: u32, effects: Vec<Effect>) {
        let now = self.now.at;
        for effect in effects {
            match effect {
                Effect::Respond { tx, code, to, text } => {
                    let write = |out: &mut Vec<u8>| out.extend_from_slice(&text);
                    let _ = self.table.servers.respond(now, tx, code, to, &mut self.out, write);
                }
                Effect::Repeat { to, bytes } => self.out.push_bytes(to, &bytes),
                Effect::Request { id, text, hop } => {
                    let target = self.resolve(call, &hop);
                    let sent =
                        self.table.clients.send(now, (call, id.0), &text, target, Vec::new(), &mut self.out);
                    let leg = self.sessions.get_mut(&call).expect("a session");
                    leg.requests.insert(id.0, sent.expect("room"));
                }
                Effect::Ack { text, hop, remote_tag } => {
                    let target = self.resolve(call, &hop);
                    self.table.clients.send_alone(&text, &target, &mut self.out);
                    let ack = SentAck::new(target.to, self.out.last_bytes());
                    let leg = self.sessions.get_mut(&call).expect("a session");
                    leg.session.acknowledged(&remote_tag, ack);
                }
                Effect::Cancel { .. } if self.lost_cancels > 0 => self.lost_cancels -= 1,
                Effect::Cancel { id, extra } => {
                    let tx = self.sessions[&call].requests[&id.0];
                    self.table.clients.cancel(now, tx, &extra, &mut self.out);
                }
                Effect::Enter(id) => self.directory.insert(id, call).expect("room"),
                Effect::Leave(id) => assert_eq!(self.directory.remove(&id), Some(call)),
                Effect::Ended => {
                    let leg = self.sessions.get_mut(&call).expect("a session");
                    assert!(!leg.ended, "ended once");
                    leg.ended = true;
                }
            }
        }
    }

    /// Where a hop leads: always to the port its URI names.
    pub fn resolve(&self, call: u32, hop: &Hop) -> Target {
        let Hop::Uri(uri) = hop else { return self.sessions[&call].session.targets()[0].clone() };
        let uri = jackfield::sip::wire::Uri::parse(uri).expect("a URI");
        self.target(uri.port.unwrap_or(5060))
    }

    /// A call to the peer at 5080.
    pub fn call(&mut self) -> u32 {
        self.call_with(vec![self.proposal(MediaKind::Audio, 4000)], b"")
    }

    pub fn proposal(&self, kind: MediaKind, port: u16) -> Proposal {
        let formats = self.capabilities.of_kind(kind.codec_kind().expect("with codecs"));
        Proposal::Rtp { kind, local: local(port), formats, direction: Direction::SendRecv }
    }

    pub fn call_with(&mut self, proposals: Vec<Proposal>, extra: &[u8]) -> u32 {
        let outgoing = Outgoing {
            endpoint: self.endpoint.clone(),
            request_uri: b"sip:b@127.0.0.1:5080".as_slice().into(),
            routes: Vec::new(),
            from: b"\"Us\" <sip:us@127.0.0.1>".as_slice().into(),
            to: b"<sip:b@127.0.0.1:5080>".as_slice().into(),
            contact: self.contact(),
            path: false,
            secure: false,
            targets: vec![self.target(5080)],
            extra: extra.to_vec(),
            proposals,
            media: self.media(),
            auths: self.auths.clone(),
        };
        self.begin(|cx| Session::outgoing(cx, outgoing))
    }

    /// Begins a session by hand.
    pub fn begin(&mut self, make: impl FnOnce(&mut Cx<'_>) -> Session) -> u32 {
        let (mut effects, mut events) = (Vec::new(), Vec::new());
        let mut cx = lent(self.now, &mut self.rng, &mut effects, &mut events);
        let session = make(&mut cx);
        self.enter(session, effects, events)
    }

    pub fn enter(&mut self, session: Session, effects: Vec<Effect>, events: Vec<Event>) -> u32 {
        self.count += 1;
        let leg = Leg { session, requests: BTreeMap::new(), events, ended: false };
        self.sessions.insert(self.count, leg);
        self.carry_out(self.count, effects);
        self.count
    }

    /// A message arrives from that port.
    pub fn hear(&mut self, from: u16, text: &str) {
        let mut index = Index::default();
        let message = index.scan(text.as_bytes()).expect("a sound message");
        let envelope = message.envelope().expect("a whole message");
        let arrival = self.arrival(from);
        let Some(method) = message.method() else {
            if let Heard::Response { owner: (call, id), .. } =
                self.table.clients.receive(self.now.at, &message, &mut self.out)
                && self.sessions.contains_key(&call)
            {
                self.with(call, |s, cx| s.response(cx, RequestId(id), &message, &envelope, &arrival));
            }
            return;
        };
        let received = self.table.servers.receive(self.now.at, &message, &envelope, &mut self.out);
        let (tx, of) = match received {
            Received::New(tx) => (Some(tx), None),
            Received::Cancel { cancel, of } => (Some(cancel), Some(of)),
            Received::Ack => (None, None),
            _ => return,
        };
        let request =
            InDialog { message: &message, envelope: &envelope, method, tx, to: destination(from), arrival };
        if method == Method::Cancel {
            return match of.and_then(|of| Some((of, self.table.servers.owner(of)?.0))) {
                Some((of, call)) => self.with(call, |s, cx| s.cancelled(cx, &request, of)),
                None => self.refuse(&request, 481),
            };
        }
        match DialogKey::of_request(&envelope) {
            Some(key) => match self.directory.find(&key) {
                Some(call) => {
                    if let Some(tx) = tx {
                        self.table.servers.set_owner(tx, (call, 0));
                    }
                    self.with(call, |session, cx| session.request(cx, &request));
                }
                None if method == Method::Ack => {}
                // S3-43: an unknown To tag is no new call.
                None => self.refuse(&request, 481),
            },
            None if method == Method::Ack => {}
            None if method == Method::Invite => self.invited(&request, tx.expect("no ACK")),
            None => self.refuse(&request, 481),
        }
    }

    pub fn invited(&mut self, request: &InDialog<'_>, tx: ServerTx) {
        let (mut effects, mut events) = (Vec::new(), Vec::new());
        let incoming = Incoming {
            request: request.message,
            envelope: request.envelope,
            tx,
            to: request.to,
            arrival: request.arrival,
            contact: self.contact(),
            endpoint: self.endpoint.clone(),
            media: self.media(),
        };
        let mut cx = lent(self.now, &mut self.rng, &mut effects, &mut events);
        match Session::incoming(&mut cx, incoming) {
            Ok(session) => {
                let call = self.enter(session, effects, events);
                self.table.servers.set_owner(tx, (call, 0));
            }
            Err(refused) => {
                self.refused.push(refused);
                self.carry_out(0, effects);
            }
        }
    }

    pub fn refuse(&mut self, request: &InDialog<'_>, code: u16) {
        let stamp = ViaStamp { source: request.arrival.source, force_rport: true };
        let write = |out: &mut Vec<u8>| {
            Writer::response(out, request.message, stamp, (code, ""), Some(b"none")).finish();
        };
        let tx = request.tx.expect("no ACK");
        let _ = self.table.servers.respond(self.now.at, tx, code, request.to, &mut self.out, write);
    }

    /// When something is due.
    pub fn deadline(&self) -> Option<Moment> {
        let sessions =
            self.sessions.values().filter(|leg| !leg.ended).filter_map(|leg| leg.session.deadline());
        self.table.next_deadline().into_iter().chain(sessions).min()
    }

    /// Does what is due now.
    pub fn expire(&mut self) {
        let mut events = Vec::new();
        self.table.expire(self.now.at, 1_000, &mut self.out, &mut events);
        for event in events {
            match event {
                Timed::TimedOut { owner: (call, id), .. } => {
                    self.with(call, |s, cx| s.failed(cx, RequestId(id), Failure::Timeout));
                }
                Timed::TransportFailed { .. } | Timed::FailedOver { .. } => panic!("{event:?}"),
                Timed::AckMissing { .. } | Timed::Unanswered { .. } => {}
            }
        }
        let due: Vec<u32> = self
            .sessions
            .iter()
            .filter(|(_, leg)| !leg.ended && leg.session.deadline().is_some_and(|at| at <= self.now.at))
            .map(|(call, _)| *call)
            .collect();
        for call in due {
            self.with(call, |session, cx| session.expire(cx));
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, by: Duration) {
        let end = self.now.later(by);
        for _ in 0..100_000 {
            let Some(at) = self.deadline().filter(|at| *at <= end.at) else {
                self.now = end;
                return;
            };
            self.now = self.now.later(at.since(self.now.at));
            self.expire();
        }
        panic!("time stands still");
    }

    /// What was sent since the last call.
    pub fn sent(&mut self) -> Vec<String> {
        let sent = self.out.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
        self.out.clear();
        sent
    }

    /// The one message sent since the last call.
    pub fn sent_one(&mut self) -> String {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.remove(0)
    }

    pub fn events(&mut self, call: u32) -> Vec<Event> {
        std::mem::take(&mut self.sessions.get_mut(&call).expect("a session").events)
    }

    /// The names of the events since the last call.
    pub fn told(&mut self, call: u32) -> Vec<String> {
        let name = |event: &Event| {
            let text = format!("{event:?}");
            text.split([' ', '(']).next().unwrap_or_default().to_owned()
        };
        self.events(call).iter().map(name).collect()
    }

    pub fn session(&self, call: u32) -> &Session {
        &self.sessions[&call].session
    }

    /// Whether nothing is left of anything.
    pub fn is_at_rest(&self) -> bool {
        self.sessions.values().all(|leg| leg.ended)
            && self.directory.is_empty()
            && self.table.servers.is_empty()
            && self.table.clients.is_empty()
    }
}

/// The value of a header line.
fn header<'t>(text: &'t str, name: &str) -> &'t str {
    let prefix = format!("{name}: ");
    text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn tag_of(value: &str) -> &str {
    value.split("tag=").nth(1).expect("a tag").split(';').next().expect("a tag")
}

fn body_of(text: &str) -> &str {
    text.split_once("\r\n\r\n").expect("a body").1
}

fn status(text: &str) -> u16 {
    text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no response: {text}"))
}

/// A description with one audio stream.
fn sdp(version: u32, address: &str, port: u16, direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

/// A peer made of texts: what a phone says in one dialog, seen from the phone.
struct Phone {
    call_id: String,
    local: String,
    remote: String,
    cseq: u32,
    branch: u32,
}

impl Phone {
    fn caller() -> Phone {
        Phone {
            call_id: "c1@phone".into(),
            local: "<sip:a@127.0.0.1>;tag=pa".into(),
            remote: "<sip:b@127.0.0.1>".into(),
            cseq: 0,
            branch: 0,
        }
    }

    /// The called phone of this INVITE.
    fn called(invite: &str) -> Phone {
        Phone {
            call_id: header(invite, "Call-ID").into(),
            local: format!("{};tag=pb", header(invite, "To")),
            remote: header(invite, "From").into(),
            cseq: 100,
            branch: 0,
        }
    }

    /// Learns the other side's tag.
    fn learn(&mut self, response: &str) {
        self.remote = header(response, "To").into();
    }

    fn request(&mut self, method: &str, extra: &str, body: &str) -> String {
        if !matches!(method, "ACK" | "CANCEL") {
            self.cseq += 1;
            self.branch += 1;
        }
        let Phone { call_id, local, remote, cseq, branch } = self;
        let branch = if method == "ACK" { *branch + 5000 } else { *branch };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let typed = extra.contains("Content-Type");
        let kind = if typed { "" } else { kind };
        format!(
            "{method} sip:b@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKp{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:phone@127.0.0.1:5080>\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// A response to a request of the other side.
    fn response(&self, request: &str, code: u16, extra: &str, body: &str) -> String {
        let (via, cseq) = (header(request, "Via"), header(request, "CSeq"));
        let Phone { call_id, local, remote, .. } = self;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "SIP/2.0 {code} X\r\nVia: {via}\r\nFrom: {remote}\r\nTo: {local}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\
             Contact: <sip:phone@127.0.0.1:5080>\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// A call from the phone, up and acknowledged; nothing is left to be fetched.
fn incoming_call(side: &mut Side) -> (u32, Phone) {
    let mut phone = Phone::caller();
    side.hear(
        5080,
        &phone.request(
            "INVITE",
            "Allow: INVITE, ACK, BYE, UPDATE\r\n",
            &sdp(1, "127.0.0.1", 7000, "sendrecv"),
        ),
    );
    let call = side.count;
    side.with(call, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(call, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    let ok = side.sent().pop().expect("200");
    phone.learn(&ok);
    side.hear(5080, &phone.request("ACK", "", ""));
    assert!(side.session(call).is_up());
    side.events(call);
    side.sent();
    (call, phone)
}

/// A call to the phone, up; nothing is left to be fetched.
fn outgoing_call(side: &mut Side) -> (u32, Phone) {
    let call = side.call();
    let invite = side.sent_one();
    let phone = Phone::called(&invite);
    let allow = "Allow: INVITE, ACK, BYE, UPDATE\r\n";
    side.hear(5080, &phone.response(&invite, 200, allow, &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    assert!(side.sent_one().starts_with("ACK sip:phone@127.0.0.1:5080 "));
    assert!(side.session(call).is_up());
    side.events(call);
    (call, phone)
}
