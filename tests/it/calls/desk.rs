//! Phones that answer by themselves: each takes what it is sent, says where it was told to send its media, and remembers
//! every redirection.

use super::phone::{CALLED, CALLER, THIRD, body, header, set_dialplan};
pub use crate::shared::message::audio_of;
use crate::world::World;
use jackfield::bridge::{MediaEvent, Piece, Plan, PortId, SoundEnd, SoundOrder, SoundSource};
use jackfield::config::files::MemoryFiles;
use jackfield::config::origin::Sources;
use jackfield::config::services::Services;
use jackfield::rtp::{Digit, DtmfEvent};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, DirectMediaQuestion, Reply};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A phone and what it would say.
pub struct Handset {
    /// Where its audio is: `127.0.0.1:7000`.
    pub audio: SocketAddr,
    /// Payload numbers of its description.
    pub codecs: &'static str,
    /// Whole lines after its audio section: a direction, further media lines.
    pub more: String,
    /// Whole media sections before its audio.
    pub before: String,
    /// How it answers a re-INVITE or UPDATE: 200 unless said otherwise.
    pub answers: u16,
    /// Whether it takes T.38; `None`: it answers any offer with its audio.
    pub takes_fax: Option<bool>,
    /// It only rings.
    pub rings: bool,
    /// It only describes early media.
    pub progresses: bool,
    /// Methods of its Allow.
    pub allow: &'static str,
    /// Where it was told to send its audio.
    pub told: Option<SocketAddr>,
    /// The last description it was sent.
    pub last: String,
    /// The INVITE it rings for.
    ringing: Option<String>,
    dialogs: Vec<Dialog>,
    version: u32,
}

#[derive(Clone)]
struct Dialog {
    call_id: String,
    ours: String,
    theirs: String,
    cseq: u32,
}

/// All phones around one switch.
pub struct Desk {
    pub world: World,
    pub phones: BTreeMap<SocketAddr, Handset>,
    /// Every request that changed a running call, in order: `INVITE 6200 127.0.0.1:7000`.
    pub changes: Vec<String>,
    /// Everything the phones were sent.
    pub sent: Vec<String>,
    branch: u32,
}

/// `pjsip.conf` with these phones, each with options of its own; `more` stands at the end.
pub fn tree(options: [&str; 3], transport: &str, more: &str) -> String {
    let mut text =
        format!("[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n{transport}\n");
    for ((name, at), options) in [("100", CALLER), ("200", CALLED), ("300", THIRD)].into_iter().zip(options) {
        text.push_str(&format!(
            "[{name}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw,alaw\naors={name}\n{options}\n\
             [{name}]\ntype=aor\ncontact=sip:{name}@{at}\n\
             [id{name}]\ntype=identify\nendpoint={name}\nmatch={at}\n"
        ));
    }
    text + more
}

impl Desk {
    pub fn new(options: [&str; 3], dialplan: &str) -> Desk {
        Desk::with(&tree(options, "", ""), dialplan)
    }

    pub fn with(config: &str, dialplan: &str) -> Desk {
        let mut world = World::with(config);
        set_dialplan(&mut world, dialplan);
        let handset = |port: u16| Handset {
            audio: ([127, 0, 0, 1], port).into(),
            codecs: "0 101",
            more: String::new(),
            before: String::new(),
            answers: 200,
            takes_fax: None,
            rings: false,
            progresses: false,
            allow: "INVITE, ACK, BYE, CANCEL, UPDATE, REFER, NOTIFY",
            told: None,
            last: String::new(),
            ringing: None,
            dialogs: Vec::new(),
            version: 0,
        };
        let phones = [(CALLER, 7000), (CALLED, 7200), (THIRD, 7300)];
        let phones = phones.into_iter().map(|(at, port)| (at.parse().expect("an address"), handset(port)));
        Desk { world, phones: phones.collect(), changes: Vec::new(), sent: Vec::new(), branch: 0 }
    }

    pub fn phone(&mut self, at: &str) -> &mut Handset {
        self.phones.get_mut(&at.parse().expect("an address")).expect("a phone")
    }

    /// Where a phone was told to send its audio.
    pub fn told(&mut self, at: &str) -> String {
        self.phone(at).told.map(|at| at.to_string()).unwrap_or_default()
    }

    /// Where the called phones and the caller were told to send: `[caller, called]`.
    pub fn both(&mut self) -> [String; 2] {
        [self.told(CALLER), self.told(CALLED)]
    }

    /// The changes since the last call.
    pub fn changed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.changes)
    }

    /// The caller calls an extension; all that follows at once happens.
    pub fn call(&mut self, at: &str, exten: &str) {
        self.call_with(at, exten, "");
    }

    /// A phone takes over the call of another one's dialog: INVITE with Replaces.
    pub fn call_replacing(&mut self, at: &str, whose: &str, which: usize) {
        let value = self.replaces(whose, which).replace("%3B", ";").replace("%3D", "=");
        self.call_with(at, "x", &format!("Replaces: {value}\r\n"));
    }

    /// The same with further headers.
    pub fn call_with(&mut self, at: &str, exten: &str, lines: &str) {
        let description = self.description(at);
        self.branch += 1;
        let user = if at == CALLER {
            "100"
        } else if at == CALLED {
            "200"
        } else {
            "300"
        };
        let dialog = Dialog {
            call_id: format!("desk{}", self.branch),
            ours: format!("<sip:{user}@127.0.0.1>;tag=o{}", self.branch),
            theirs: format!("<sip:{exten}@127.0.0.1>"),
            cseq: 0,
        };
        self.phone(at).dialogs.push(dialog);
        self.request(at, usize::MAX, "INVITE", lines, &description);
    }

    /// A request in the phone's last dialog.
    pub fn request(&mut self, at: &str, which: usize, method: &str, lines: &str, body: &str) {
        self.branch += 1;
        let branch = self.branch;
        let phone = self.phone(at);
        let allow = phone.allow;
        let count = phone.dialogs.len();
        let dialog = &mut phone.dialogs[which.min(count - 1)];
        dialog.cseq += 1;
        let told = body.is_empty() || lines.contains("Content-Type:");
        let kind = if told { "" } else { "Content-Type: application/sdp\r\n" };
        let Dialog { call_id, ours, theirs, cseq } = dialog;
        let uri = theirs.split(['<', '>']).nth(1).expect("a URI");
        let user = uri.strip_prefix("sip:").and_then(|uri| uri.split('@').next()).expect("a user");
        let text = format!(
            "{method} sip:{user}@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch=z9hG4bKd{branch}\r\n\
             Max-Forwards: 70\r\nFrom: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:phone@{at}>\r\nAllow: {allow}\r\n{lines}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.send(at, &text);
    }

    /// A phone that rings is picked up.
    pub fn answer_ringing(&mut self, at: &str) {
        let invite = self.phone(at).ringing.take().expect("it rings");
        let description = self.description(at);
        let answer = self.answer(at, &invite, 200, &description);
        self.send(at, &answer);
    }

    /// Digits by INFO, in the phone's last dialog.
    pub fn press_by_info(&mut self, at: &str, digits: &str) {
        for digit in digits.chars() {
            let body = format!("Signal={digit}\r\nDuration=160\r\n");
            self.request(at, usize::MAX, "INFO", "Content-Type: application/dtmf-relay\r\n", &body);
        }
    }

    /// The port of the server's that a phone's audio goes to.
    pub fn port_of(&mut self, at: &str) -> PortId {
        let audio = self.phone(at).audio;
        let aimed = |plan: &Plan| match plan {
            Plan::Aim { port, aim } if aim.remote.address() == Some(audio) => Some(*port),
            _ => None,
        };
        self.world.plans.iter().rev().find_map(aimed).expect("a port for it")
    }

    /// Digits as RFC 4733 events, or heard as tones.
    pub fn press(&mut self, at: &str, digits: &str) {
        let port = self.port_of(at);
        for digit in digits.chars() {
            let digit = Digit::from_char(digit).expect("a digit");
            let event = DtmfEvent::End { digit, duration: Duration::from_millis(100) };
            let sent = self.world.handle(Input::Media(MediaEvent::Digit { port, event }));
            self.deliver(sent);
        }
    }

    /// The files and tones that play to a phone: `pbx-transfer`, `moh/`, `tone`.
    pub fn hears(&mut self, at: &str) -> Vec<String> {
        let port = self.port_of(at);
        let playing = super::sounds::playing(&self.world);
        let name = |piece: &Piece| match piece {
            Piece::Prompt(name) => name.to_string(),
            Piece::Directory { path, .. } => format!("{path}/"),
        };
        let names = |source: &SoundSource| match source {
            SoundSource::Files(order) => order.pieces.iter().map(name).collect::<Vec<_>>().join("&"),
            SoundSource::Tones(_) => "tone".to_owned(),
            SoundSource::Silence(_) => "silence".to_owned(),
        };
        playing.iter().filter(|(its, ..)| *its == port).map(|(.., source)| names(source)).collect()
    }

    /// What plays to a phone is over.
    pub fn played(&mut self, at: &str) {
        let port = self.port_of(at);
        let playing = super::sounds::playing(&self.world);
        for (_, id, _) in playing.into_iter().filter(|(its, ..)| *its == port) {
            // Told once: as if it had been stopped.
            let order = Box::new(SoundOrder::Stop { id });
            self.world.plans.push(Plan::Sound { port, order });
            let ended = MediaEvent::SoundEnded { port, id, end: SoundEnd::Done };
            let sent = self.world.handle(Input::Media(ended));
            self.deliver(sent);
        }
    }

    /// Digits that were sent to a phone as events, in order.
    pub fn digits_to(&mut self, at: &str) -> String {
        let its = self.port_of(at);
        let digit = |plan: &Plan| match plan {
            Plan::SendDigit { port, digit, .. } if *port == its => Some(digit.as_char()),
            _ => None,
        };
        self.world.plans.iter().filter_map(digit).collect()
    }

    /// `musiconhold.conf`, `features.conf` and the like.
    pub fn services(&mut self, files: &[(&str, &str)]) {
        let files = files.iter().fold(MemoryFiles::new(), |files, (name, text)| files.with(name, *text));
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let services = Services::read(&files, &mut sources, &mut findings);
        assert!(findings.is_empty(), "{findings:?}");
        self.world.handle(Input::Services(Arc::new(services)));
    }

    /// Names of the channels alive, and the server's word for their state.
    pub fn alive(&mut self) -> Vec<String> {
        super::phone::channels(&mut self.world).into_iter().map(|channel| channel.name).collect()
    }

    /// Every phone hangs up, and nothing stays.
    pub fn ends_clean(&mut self) {
        for _ in 0..120 {
            self.wait(500);
        }
        assert_eq!(super::phone::leftovers(&mut self.world), (0, 0, 0), "channels, dialogs, transactions");
        assert_eq!(self.world.open_ports(), 0, "ports");
    }

    /// A re-INVITE of the phone with `more` after its audio section.
    pub fn reinvite(&mut self, at: &str, more: &str) {
        self.phone(at).more = more.to_owned();
        let description = self.description(at);
        self.request(at, usize::MAX, "INVITE", "", &description);
    }

    pub fn bye(&mut self, at: &str) {
        self.request(at, usize::MAX, "BYE", "", "");
    }

    /// The Replaces parameter, escaped, that names a dialog of a phone.
    pub fn replaces(&mut self, at: &str, which: usize) -> String {
        let dialog = &self.phone(at).dialogs[which];
        let tag = |value: &str| value.split("tag=").nth(1).expect("a tag").to_owned();
        let (ours, theirs) = (tag(&dialog.ours), tag(&dialog.theirs));
        format!("{}%3Bto-tag%3D{theirs}%3Bfrom-tag%3D{ours}", dialog.call_id)
    }

    /// T.38 in the place of a phone's audio.
    pub fn fax_description(&mut self, at: &str) -> String {
        let phone = self.phone(at);
        phone.version += 1;
        let (version, port) = (phone.version, phone.audio.port() + 10);
        format!(
            "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=image {port} udptl t38\r\na=T38FaxVersion:0\r\n"
        )
    }

    /// What a phone's description is now.
    pub fn description(&mut self, at: &str) -> String {
        let phone = self.phone(at);
        phone.version += 1;
        let maps: String = phone
            .codecs
            .split(' ')
            .map(|number| match number {
                "0" => "a=rtpmap:0 PCMU/8000\r\n",
                "8" => "a=rtpmap:8 PCMA/8000\r\n",
                "96" => "a=rtpmap:96 telephone-event/8000\r\n",
                "101" => "a=rtpmap:101 telephone-event/8000\r\n",
                _ => "",
            })
            .collect();
        let (ip, port, codecs) = (phone.audio.ip(), phone.audio.port(), phone.codecs);
        format!(
            "v=0\r\no=- 1 {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n{}m=audio {port} RTP/AVP {codecs}\r\n{maps}{}",
            phone.version, phone.before, phone.more
        )
    }

    /// A datagram from a phone, and all that follows.
    fn send(&mut self, at: &str, text: &str) {
        let sent = self.world.datagram(at, text.as_bytes());
        self.deliver(sent);
    }

    pub fn wait(&mut self, millis: u64) {
        let sent = self.world.wait(std::time::Duration::from_millis(millis));
        self.deliver(sent);
    }

    /// Gives the phones what was sent, and takes what they say to that, until nobody says anything.
    pub fn deliver(&mut self, sent: Vec<String>) {
        let mut todo: VecDeque<(SocketAddr, String)> =
            self.world.destinations.iter().map(|to| to.remote).zip(sent).collect();
        for _ in 0..200 {
            let Some((to, text)) = todo.pop_front() else { return };
            let at = to.to_string();
            if !self.phones.contains_key(&to) {
                continue;
            }
            for answer in self.hear(&at, &text) {
                let sent = self.world.datagram(&at, answer.as_bytes());
                todo.extend(self.world.destinations.iter().map(|to| to.remote).zip(sent));
            }
            self.sent.push(text);
        }
        panic!("the phones never stop talking");
    }

    fn hear(&mut self, at: &str, text: &str) -> Vec<String> {
        let offered = audio_of(body(text));
        if offered.is_some() && !text.starts_with("SIP/2.0 1") {
            let phone = self.phone(at);
            (phone.told, phone.last) = (offered, body(text).to_owned());
        }
        if let Some(status) = text.strip_prefix("SIP/2.0 ") {
            return self.hear_answer(at, status, text);
        }
        let method = text.split(' ').next().expect("a method");
        let running = header(text, "To").contains(";tag=");
        match method {
            "INVITE" | "UPDATE" if running => {
                let told = offered.map(|at| at.to_string()).unwrap_or_default();
                let port = at.rsplit(':').next().unwrap_or_default();
                self.changes.push(format!("{method} {port} {told}"));
                let described = !body(text).is_empty();
                let fax = self.phone(at).takes_fax.filter(|_| body(text).contains("m=image"));
                let (code, answer) = match self.phone(at).answers {
                    200 if fax == Some(false) => (488, String::new()),
                    200 if fax == Some(true) => (200, self.fax_description(at)),
                    200 if described => (200, self.description(at)),
                    code => (code, String::new()),
                };
                vec![self.answer(at, text, code, &answer)]
            }
            "INVITE" => {
                let dialog = Dialog {
                    call_id: header(text, "Call-ID").into(),
                    ours: format!("{};tag=t{}", header(text, "To"), &at[10..]),
                    theirs: header(text, "From").into(),
                    cseq: 100,
                };
                self.phone(at).dialogs.push(dialog);
                if self.phone(at).progresses {
                    let early = self.description(at);
                    return vec![self.answer(at, text, 183, &early)];
                }
                let ringing = self.answer(at, text, 180, "");
                if self.phone(at).rings {
                    self.phone(at).ringing = Some(text.to_owned());
                    return vec![ringing];
                }
                let answer = self.description(at);
                vec![ringing, self.answer(at, text, 200, &answer)]
            }
            "ACK" => Vec::new(),
            "CANCEL" => {
                let invite = self.phone(at).ringing.take();
                let gone = invite.map(|invite| self.answer(at, &invite, 487, ""));
                [Some(self.answer(at, text, 200, "")), gone].into_iter().flatten().collect()
            }
            _ => vec![self.answer(at, text, 200, "")],
        }
    }

    /// A response to a request of the phone: 2xx to INVITE is acknowledged.
    fn hear_answer(&mut self, at: &str, status: &str, text: &str) -> Vec<String> {
        let (number, method) = header(text, "CSeq").split_once(' ').expect("a CSeq");
        let (call_id, theirs) = (header(text, "Call-ID"), header(text, "To"));
        if method != "INVITE" {
            return Vec::new();
        }
        let good = status.starts_with('2');
        let phone = self.phone(at);
        let Some(dialog) = phone.dialogs.iter_mut().find(|dialog| dialog.call_id == call_id) else {
            return Vec::new();
        };
        if status.starts_with('1') {
            if theirs.contains("tag=") {
                dialog.theirs = theirs.to_owned();
            }
            return Vec::new();
        }
        if good {
            dialog.theirs = theirs.to_owned();
        }
        let ours = &dialog.ours;
        let branch = header(text, "Via").split("branch=").nth(1).expect("a branch");
        let branch = if good { format!("{branch}a") } else { branch.to_owned() };
        vec![format!(
            "ACK sip:x@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch={branch}\r\nMax-Forwards: 70\r\n\
             From: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {number} ACK\r\nContent-Length: 0\r\n\r\n"
        )]
    }

    fn answer(&mut self, at: &str, request: &str, code: u16, body: &str) -> String {
        let to = header(request, "To");
        let tag = if to.contains(";tag=") { String::new() } else { format!(";tag=t{}", &at[10..]) };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let allow = self.phone(at).allow;
        format!(
            "SIP/2.0 {code} X\r\nVia: {}\r\nFrom: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:phone@{at}>\r\nAllow: {allow}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            header(request, "Via"),
            header(request, "From"),
            header(request, "Call-ID"),
            header(request, "CSeq"),
            body.len()
        )
    }

    /// The conditions that keep the media of a channel's call here, as `explain direct-media` tells them.
    pub fn failed(&mut self, channel: &str) -> Vec<String> {
        let question = DirectMediaQuestion::Call { channel: channel.into() };
        match self.world.command(Command::ExplainDirectMedia(question)) {
            Reply::Explanation(explained) => {
                explained.steps.into_iter().filter(|s| s.outcome == "fail").map(|s| s.what).collect()
            }
            other => panic!("{other:?}"),
        }
    }
}
