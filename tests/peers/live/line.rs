//! The inside of a phone: its two sockets, its dialogs, the packets that came.

use super::phone::clock;
use crate::shared::message::{audio_of, body, header};
use crate::shared::sound::{LOUD, tone};
use jackfield::base::time::Moment;
use jackfield::codec::{Coding, Decoder, Encoder};
use jackfield::rtp::packet::{Header, payload};
use jackfield::rtp::{Digit, DtmfEvent, DtmfReader, DtmfSender, EventPayload};
use std::collections::{HashMap, VecDeque};
use std::f64::consts::TAU;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Packets that are remembered: half a minute.
const REMEMBERED: usize = 1_500;
/// Between two packets.
const PACE: Duration = Duration::from_millis(20);
/// Payload number of events.
const EVENTS: u8 = 101;
/// Method names of Allow.
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, UPDATE, INFO, REFER, NOTIFY";

/// A packet of sound that came.
#[derive(Debug)]
pub struct Packet {
    /// When.
    pub at: Instant,
    /// Who sent it.
    pub from: SocketAddr,
    /// What is in it.
    pub samples: Vec<i16>,
}

#[derive(Debug)]
struct Dialog {
    call_id: String,
    ours: String,
    theirs: String,
    cseq: u32,
    up: bool,
    /// Where it was told to send, and whether it may.
    told: Option<(SocketAddr, bool)>,
    /// The INVITE that it rings for, or sent.
    invite: Option<String>,
}

/// A key that is held.
#[derive(Debug)]
enum Pressed {
    Event(DtmfSender),
    /// Its two tones, and for how many packets more; then as many of silence.
    Tones(f64, f64, u32),
}

/// A phone.
pub struct Line {
    server: SocketAddr,
    number: u32,
    hertz: f64,
    sip: UdpSocket,
    rtp: UdpSocket,
    coding: Coding,
    /// Payload number of its codec, as the other side calls it.
    payload_type: u8,
    encoder: Encoder,
    decoder: Decoder,
    buffer: Vec<u8>,
    began: Instant,
    next: Instant,
    sequence: u16,
    sent: u32,
    pressed: Option<Pressed>,
    reader: DtmfReader,
    dialogs: Vec<Dialog>,
    direction: &'static str,
    counter: u32,
    answers: HashMap<u32, u16>,
    /// Responses by branch and method, for requests that come again.
    given: HashMap<String, String>,
    pub registered: bool,
    pub rings: bool,
    pub silent: bool,
    /// What it hears went through Opus, for which a tone is no speech: levels are told roughly.
    pub rough: bool,
    pub digits: String,
    pub packets: VecDeque<Packet>,
    /// Messages, for a failure's words.
    pub log: VecDeque<String>,
}

impl Line {
    pub fn new(
        server: SocketAddr,
        number: u32,
        (hertz, codec): (f64, &str),
        sip: UdpSocket,
        rtp: UdpSocket,
    ) -> Line {
        let coding = Coding::from_name(codec).expect("a codec of ours");
        let now = clock();
        Line {
            server,
            number,
            hertz,
            sip,
            rtp,
            coding,
            payload_type: number_of(coding),
            encoder: Encoder::new(coding),
            decoder: Decoder::new(coding),
            buffer: vec![0; 65_536],
            began: now,
            next: now,
            sequence: number as u16,
            sent: 0,
            pressed: None,
            reader: DtmfReader::default(),
            dialogs: Vec::new(),
            direction: "sendrecv",
            counter: 0,
            answers: HashMap::new(),
            given: HashMap::new(),
            registered: false,
            rings: false,
            silent: false,
            rough: codec == "opus",
            digits: String::new(),
            packets: VecDeque::new(),
            log: VecDeque::new(),
        }
    }

    pub fn rate(&self) -> u32 {
        self.coding.sample_rate()
    }

    pub fn is_up(&self) -> bool {
        self.dialogs.iter().any(|dialog| dialog.up)
    }

    pub fn is_idle(&self) -> bool {
        self.dialogs.is_empty()
    }

    pub fn answered_with(&self, cseq: u32) -> Option<u16> {
        self.answers.get(&cseq).copied()
    }

    pub fn is_released(&self) -> bool {
        self.pressed.is_none()
    }

    /// Where it sends now: the newest call it has.
    pub fn told(&self) -> Option<SocketAddr> {
        self.dialogs.iter().rev().find_map(|dialog| dialog.told).filter(|told| told.1).map(|told| told.0)
    }

    /// The last packets, if the newest is of this moment.
    pub fn recent(&self, count: usize, now: Instant) -> Vec<&Packet> {
        let fresh = self.packets.back().is_some_and(|packet| now - packet.at < Duration::from_millis(120));
        let skip = if fresh { self.packets.len().saturating_sub(count) } else { self.packets.len() };
        self.packets.iter().skip(skip).collect()
    }

    /// When a tone was heard last, and for how long until then.
    pub fn last_heard(&self, hertz: f64) -> Option<(Instant, Duration)> {
        let heard = |packet: &&Packet| tone(&packet.samples, hertz, self.rate()) > LOUD / 2.0;
        let mut times = self.packets.iter().rev().filter(heard).map(|packet| packet.at);
        let last = times.next()?;
        let mut first = last;
        for at in times {
            if first - at > Duration::from_millis(200) {
                break;
            }
            first = at;
        }
        Some((last, last - first))
    }

    /// Takes what came and sends what is due.
    pub fn turn(&mut self, now: Instant) {
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Ok(length) = self.sip.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            self.note('<', &text);
            self.hear(&text);
        }
        while let Ok((length, from)) = self.rtp.recv_from(&mut buffer) {
            self.take(now, from, &buffer[..length]);
        }
        self.buffer = buffer;
        if now.saturating_duration_since(self.next) > 10 * PACE {
            // The machine was busy for long: a phone does not send it all at once.
            self.next = now;
        }
        while self.next <= now {
            self.next += PACE;
            self.say(now);
        }
    }

    fn note(&mut self, way: char, text: &str) {
        let now = clock() - self.began;
        self.log.push_back(format!("{way} {:.3} {text}", now.as_secs_f64()));
        if self.log.len() > 60 {
            self.log.pop_front();
        }
    }

    fn moment(&self, now: Instant) -> Moment {
        Moment((now - self.began).as_micros() as u64)
    }

    /// A packet came.
    fn take(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) {
        let (Some(header), Some(sound)) = (Header::read(packet), payload(packet)) else { return };
        if header.payload_type == EVENTS {
            let Some(event) = EventPayload::read(sound) else { return };
            let at = self.moment(now);
            for event in self.reader.packet(at, header.timestamp, event, 8_000).into_iter().flatten() {
                if let DtmfEvent::End { digit, .. } = event {
                    self.digits.push(digit.as_char());
                }
            }
        } else if header.payload_type == self.payload_type {
            let mut samples = vec![0; 5_760];
            let count = self.decoder.decode(sound, &mut samples);
            samples.truncate(count);
            self.packets.push_back(Packet { at: now, from, samples });
            if self.packets.len() > REMEMBERED {
                self.packets.pop_front();
            }
        }
    }

    /// One packet of its tone, or of a key.
    fn say(&mut self, now: Instant) {
        let count = self.coding.samples(20);
        let ticks = self.coding.clock_rate() / 50;
        self.sent = self.sent.wrapping_add(1);
        let timestamp = self.sent.wrapping_mul(ticks);
        let Some(to) = self.told() else {
            self.pressed = None;
            return;
        };
        let moment = self.moment(now);
        let mut packet = [0; 2_048];
        if let Some(Pressed::Event(sender)) = &mut self.pressed {
            while let Some(event) = sender.poll(moment) {
                let header = Header {
                    marker: event.marker,
                    payload_type: EVENTS,
                    sequence: self.sequence,
                    timestamp: event.timestamp,
                    ssrc: self.number,
                };
                let length = header.build(&event.payload, &mut packet).expect("fits");
                // Whoever hung up a moment ago refuses it.
                let _ = self.rtp.send_to(&packet[..length], to);
                self.sequence = self.sequence.wrapping_add(1);
            }
            if sender.is_done() {
                self.pressed = None;
            }
            return;
        }
        let loud = if self.silent { 0.0 } else { LOUD };
        let mut tones = [(self.hertz, loud), (0.0, 0.0)];
        if let Some(Pressed::Tones(low, high, left)) = &mut self.pressed {
            let size = if *left > 5 { 5_000.0 } else { 0.0 };
            tones = [(*low, size), (*high, size)];
            *left -= 1;
            if *left == 0 {
                self.pressed = None;
            }
        }
        let start = self.sent as usize * count;
        let turn = TAU / f64::from(self.rate());
        let samples: Vec<i16> = (start..start + count)
            .map(|at| {
                tones.iter().map(|(hertz, size)| size * (turn * hertz * at as f64).sin()).sum::<f64>() as i16
            })
            .collect();
        let mut payload = [0; 2_000];
        let length = self.encoder.encode(&samples, &mut payload);
        let (sequence, payload_type) = (self.sequence, self.payload_type);
        let header = Header { marker: false, payload_type, sequence, timestamp, ssrc: self.number };
        let length = header.build(&payload[..length], &mut packet).expect("fits");
        // As above.
        let _ = self.rtp.send_to(&packet[..length], to);
        self.sequence = self.sequence.wrapping_add(1);
    }

    pub fn press(&mut self, digit: char, as_tones: bool) {
        self.pressed = Some(match as_tones {
            true => {
                let (low, high) = tones_of(digit);
                Pressed::Tones(low, high, 10)
            }
            false => {
                let timestamp = self.sent.wrapping_mul(self.coding.clock_rate() / 50);
                let digit = Digit::from_char(digit).expect("a key");
                let press = Duration::from_millis(100);
                Pressed::Event(DtmfSender::new(self.moment(clock()), digit, press, timestamp, 8_000))
            }
        });
    }

    fn description(&mut self) -> String {
        self.counter += 1;
        let port = self.rtp.local_addr().expect("bound").port();
        let number = self.payload_type;
        let name = match self.coding {
            Coding::Ulaw => "PCMU/8000",
            Coding::Alaw => "PCMA/8000",
            Coding::G722 => "G722/8000",
            _ => "opus/48000/2",
        };
        format!(
            "v=0\r\no=- 1 {} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {number} {EVENTS}\r\n\
             a=rtpmap:{number} {name}\r\na=rtpmap:{EVENTS} telephone-event/8000\r\na=fmtp:{EVENTS} 0-16\r\na=ptime:20\r\na={}\r\n",
            self.counter, self.direction
        )
    }

    fn send(&mut self, text: &str) {
        self.note('>', text);
        self.sip.send_to(text.as_bytes(), self.server).expect("the server is there");
    }

    pub fn register(&mut self) {
        let (number, server) = (self.number, self.server);
        let own = self.sip.local_addr().expect("bound");
        self.send(&format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bKr{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:{number}@{server}>;tag=r\r\nTo: <sip:{number}@{server}>\r\nCall-ID: r{number}\r\nCSeq: 1 REGISTER\r\n\
             Contact: <sip:{number}@{own}>\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n"
        ));
    }

    pub fn call(&mut self, exten: &str) {
        self.counter += 1;
        let (number, server, counter) = (self.number, self.server, self.counter);
        self.direction = "sendrecv";
        self.dialogs.push(Dialog {
            call_id: format!("c{number}-{counter}"),
            ours: format!("<sip:{number}@{server}>;tag=o{counter}"),
            theirs: format!("<sip:{exten}@{server}>"),
            cseq: 0,
            up: false,
            told: None,
            invite: None,
        });
        let offer = self.description();
        self.request("INVITE", "", &offer);
    }

    /// A request in the newest call; its CSeq.
    fn request(&mut self, method: &str, lines: &str, body: &str) -> u32 {
        self.request_in(self.dialogs.len().saturating_sub(1), method, lines, body)
    }

    fn request_in(&mut self, at: usize, method: &str, lines: &str, body: &str) -> u32 {
        self.counter += 1;
        let own = self.sip.local_addr().expect("bound");
        let (number, counter) = (self.number, self.counter);
        let dialog = self.dialogs.get_mut(at).expect("a call");
        dialog.cseq += 1;
        let kind =
            if body.is_empty() || !lines.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let Dialog { call_id, ours, theirs, cseq, .. } = dialog;
        let uri = theirs.split(['<', '>']).nth(1).expect("a URI");
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{number}-{counter}\r\nMax-Forwards: 70\r\n\
             From: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{number}@{own}>\r\n\
             Allow: {ALLOW}\r\n{lines}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let cseq = *cseq;
        if method == "INVITE" {
            dialog.invite = Some(text.clone());
        }
        self.send(&text);
        cseq
    }

    pub fn reinvite(&mut self, direction: &'static str) {
        self.direction = direction;
        let offer = self.description();
        self.request("INVITE", "", &offer);
    }

    pub fn info(&mut self, lines: &str, body: &str) -> u32 {
        self.request("INFO", lines, body)
    }

    pub fn refer(&mut self, exten: &str) -> u32 {
        let lines = format!("Refer-To: <sip:{exten}@{}>\r\n", self.server);
        self.request("REFER", &lines, "")
    }

    /// REFER in one call that names the dialog of another one.
    pub fn refer_to_call(&mut self, told: usize, other: usize) -> u32 {
        let dialog = &self.dialogs[other];
        let tag = |value: &str| value.split("tag=").nth(1).expect("a tag").to_owned();
        let target = dialog.theirs.split(['<', '>']).nth(1).expect("a URI");
        let lines = format!(
            "Refer-To: <{target}?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>\r\n",
            dialog.call_id,
            tag(&dialog.theirs),
            tag(&dialog.ours)
        );
        self.request_in(told, "REFER", &lines, "")
    }

    pub fn hang_up(&mut self) {
        if self.dialogs.last().is_some_and(|dialog| dialog.up) {
            self.request("BYE", "", "");
            self.dialogs.pop();
        }
    }

    /// Answers the call it rings for; `false`: it does not ring.
    pub fn answer(&mut self) -> bool {
        let rings = |dialog: &&mut Dialog| !dialog.up && dialog.ours.contains(";tag=t");
        let Some(dialog) = self.dialogs.iter_mut().find(rings) else { return false };
        dialog.up = true;
        let invite = dialog.invite.take().expect("what it rings for");
        let answer = self.description();
        self.reply(&invite, 200, &answer);
        true
    }

    fn reply(&mut self, request: &str, code: u16, body: &str) {
        let own = self.sip.local_addr().expect("bound");
        let to = header(request, "To");
        let tag =
            if to.contains(";tag=") { String::new() } else { format!(";tag={}", self.tag_for(request)) };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "SIP/2.0 {code} X\r\nVia: {}\r\nFrom: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:{}@{own}>\r\nAllow: {ALLOW}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            header(request, "Via"),
            header(request, "From"),
            header(request, "Call-ID"),
            header(request, "CSeq"),
            self.number,
            body.len()
        );
        self.given.insert(key_of(request), text.clone());
        self.send(&text);
    }

    fn tag_for(&self, request: &str) -> String {
        format!(
            "t{}",
            header(request, "Call-ID").chars().filter(char::is_ascii_alphanumeric).collect::<String>()
        )
    }

    fn dialog(&mut self, text: &str) -> Option<&mut Dialog> {
        let call_id = header(text, "Call-ID");
        self.dialogs.iter_mut().find(|dialog| dialog.call_id == call_id)
    }

    /// A description came.
    fn described(&mut self, text: &str) {
        let description = body(text);
        let Some(to) = audio_of(description) else { return };
        let refused = ["a=sendonly", "a=inactive"];
        let may = !description.lines().any(|line| refused.contains(&line)) && !to.ip().is_unspecified();
        if matches!(self.coding, Coding::Opus(_)) {
            let number =
                |line: &str| line.strip_prefix("a=rtpmap:")?.strip_suffix(" opus/48000/2")?.parse().ok();
            self.payload_type = description.lines().find_map(number).unwrap_or(self.payload_type);
        }
        if let Some(dialog) = self.dialog(text) {
            dialog.told = Some((to, may));
        }
    }

    fn hear(&mut self, text: &str) {
        if let Some(status) = text.strip_prefix("SIP/2.0 ") {
            let code = status.split(' ').next().and_then(|code| code.parse().ok()).expect("a status");
            return self.hear_answer(code, text);
        }
        let method = text.split(' ').next().expect("a method");
        if method == "ACK" {
            self.described(text);
            return;
        }
        if let Some(before) = self.given.get(&key_of(text)).cloned() {
            return self.send(&before);
        }
        let running = header(text, "To").contains(";tag=");
        match method {
            "INVITE" | "UPDATE" if running => {
                if self.dialog(text).is_none() {
                    return self.reply(text, 481, "");
                }
                self.described(text);
                let empty = method == "UPDATE" && body(text).is_empty();
                let answer = if empty { String::new() } else { self.description() };
                self.reply(text, 200, &answer);
            }
            "INVITE" => {
                self.direction = "sendrecv";
                self.dialogs.push(Dialog {
                    call_id: header(text, "Call-ID").into(),
                    ours: format!("{};tag={}", header(text, "To"), self.tag_for(text)),
                    theirs: header(text, "From").into(),
                    cseq: 100,
                    up: false,
                    told: None,
                    invite: Some(text.to_owned()),
                });
                self.described(text);
                self.reply(text, 180, "");
                if !self.rings {
                    let invite = self.dialogs.last_mut().and_then(|dialog| dialog.invite.take());
                    let answer = self.description();
                    self.reply(&invite.expect("just put there"), 200, &answer);
                }
                if let Some(dialog) = self.dialogs.last_mut() {
                    dialog.up = !self.rings;
                }
            }
            "CANCEL" => {
                self.reply(text, 200, "");
                let invite = self.dialog(text).and_then(|dialog| dialog.invite.take());
                if let Some(invite) = invite {
                    self.reply(&invite, 487, "");
                    self.forget(text);
                }
            }
            "BYE" => {
                self.reply(text, 200, "");
                self.forget(text);
            }
            _ => self.reply(text, 200, ""),
        }
    }

    fn forget(&mut self, text: &str) {
        let call_id = header(text, "Call-ID");
        self.dialogs.retain(|dialog| dialog.call_id != call_id);
    }

    /// A response: a final one to an INVITE is acknowledged.
    fn hear_answer(&mut self, code: u16, text: &str) {
        let (number, method) = header(text, "CSeq").split_once(' ').expect("a CSeq");
        let number: u32 = number.parse().expect("a number");
        if code < 200 {
            return self.described(text);
        }
        match method {
            "REGISTER" => self.registered = code == 200,
            "INVITE" => {
                let own = self.sip.local_addr().expect("bound");
                let (call_id, theirs) = (header(text, "Call-ID"), header(text, "To"));
                let branch =
                    header(text, "Via").split("branch=").nth(1).and_then(|rest| rest.split(';').next());
                let branch = branch.expect("a branch");
                let branch = if code < 300 { format!("{branch}a") } else { branch.to_owned() };
                let from = header(text, "From");
                let uri = theirs.split(['<', '>']).nth(1).expect("a URI");
                self.send(&format!(
                    "ACK {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch={branch}\r\nMax-Forwards: 70\r\nFrom: {from}\r\n\
                     To: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {number} ACK\r\nContent-Length: 0\r\n\r\n"
                ));
                let first = self.dialog(text).is_some_and(|dialog| !dialog.up);
                match code {
                    ..300 => {
                        if let Some(dialog) = self.dialog(text) {
                            dialog.theirs = theirs.to_owned();
                            dialog.up = true;
                        }
                        self.described(text);
                    }
                    _ if first => self.forget(text),
                    _ => {}
                }
            }
            _ => {
                self.answers.insert(number, code);
            }
        }
    }
}

/// The two tones of a key.
pub fn tones_of(key: char) -> (f64, f64) {
    const KEYS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
    let row = KEYS.iter().position(|row| row.contains(key)).expect("a key");
    let column = KEYS[row].find(key).expect("a key");
    ([697.0, 770.0, 852.0, 941.0][row], [1209.0, 1336.0, 1477.0, 1633.0][column])
}

/// What tells a request from all others.
fn key_of(request: &str) -> String {
    let method = request.split(' ').next().expect("a method");
    let branch = header(request, "Via").split("branch=").nth(1).expect("a branch");
    format!("{method} {branch} {}", header(request, "Call-ID"))
}

fn number_of(coding: Coding) -> u8 {
    match coding {
        Coding::Ulaw => 0,
        Coding::Alaw => 8,
        Coding::G722 => 9,
        _ => 96,
    }
}
