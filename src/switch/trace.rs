//! What `trace` tells: the messages of the last calls and the decisions between them, kept in a ring of bounded size.
//!
//! ```text
//! leg       linked id, channel, endpoint, Call-ID        when a channel has its session
//! decision  linked id, words                             dialled, answered, bridge and why, ended and why
//! step      linked id, place, application, arguments     each priority of a dialplan, so many of a channel
//! judgement Call-ID, words                               who sent an INVITE, by which rule; what its credentials were
//! message   sent or received, peer, bytes                INVITE, ACK, BYE … and their responses, whoever's they are
//! ```
//! Messages are kept before anybody knows whose they are: a question finds the legs of its call, and by their Call-IDs the
//! messages, those of the challenge before the call included.

use super::view::{TraceLeg, TraceStep, TraceView, Traced};
use crate::base::limits;
use crate::base::time::WallTime;
use crate::dialplan::Place;
use crate::sip::flow::Destination;
use crate::sip::wire::{Header, Index, Message};
use std::collections::VecDeque;
use std::net::SocketAddr;

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `linked NUL channel NUL endpoint NUL Call-ID`
    Leg,
    /// `linked NUL words`
    Decision,
    /// `Call-ID NUL words`
    Judgement,
    Message {
        sent: bool,
        protocol: &'static str,
        peer: SocketAddr,
    },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: WallTime,
    kind: Kind,
    length: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Trace {
    entries: VecDeque<Entry>,
    bytes: VecDeque<u8>,
}

/// Between the parts of a leg or decision: in none of them.
const NUL: u8 = 0;

impl Trace {
    /// A message that came in, read so far.
    pub fn received(
        &mut self,
        at: WallTime,
        protocol: &'static str,
        peer: SocketAddr,
        message: &Message<'_>,
        bytes: &[u8],
    ) {
        let method = match message.method() {
            Some(_) => message.method_text(),
            None => message.cseq().map_or(&[][..], |cseq| cseq.method_text),
        };
        if is_of_calls(method) {
            self.push(at, Kind::Message { sent: false, protocol, peer }, &[bytes]);
        }
    }

    /// Messages that leave.
    pub fn sent<'m>(&mut self, at: WallTime, messages: impl Iterator<Item = (Destination, &'m [u8])>) {
        for (to, bytes) in messages {
            if is_of_calls(method_of(bytes)) {
                let kind = Kind::Message { sent: true, protocol: to.protocol.via_token(), peer: to.remote };
                self.push(at, kind, &[bytes]);
            }
        }
    }

    /// A channel has its session.
    pub fn leg(&mut self, at: WallTime, linked: &str, channel: &str, endpoint: &str, call_id: &[u8]) {
        let parts =
            [linked.as_bytes(), &[NUL], channel.as_bytes(), &[NUL], endpoint.as_bytes(), &[NUL], call_id];
        self.push(at, Kind::Leg, &parts);
    }

    /// Something was decided about a call.
    pub fn decision(&mut self, at: WallTime, linked: &str, words: &str) {
        self.push(at, Kind::Decision, &[linked.as_bytes(), &[NUL], words.as_bytes()]);
    }

    /// A priority of a dialplan is about to run. The words are put together without making any.
    pub fn step(&mut self, at: WallTime, linked: &str, place: &Place, (app, arguments): (&str, &str)) {
        let mut digits = [0; 10];
        let priority = decimal(u32::try_from(place.priority).unwrap_or(0), &mut digits);
        let arguments = &arguments.as_bytes()[..floor_char(arguments, limits::TRACE_ARGUMENTS)];
        let (exten, context) = (place.exten.as_bytes(), place.context.as_bytes());
        let parts: [&[u8]; 13] = [
            linked.as_bytes(),
            &[NUL],
            b"[",
            exten,
            b"@",
            context,
            b":",
            priority,
            b"] ",
            app.as_bytes(),
            b"(",
            arguments,
            b")",
        ];
        self.push(at, Kind::Decision, &parts);
    }

    /// Something was decided about a request before it became a call.
    pub fn judged(&mut self, at: WallTime, call_id: &[u8], words: &[&[u8]]) {
        let mut parts: [&[u8]; 10] = [&[]; 10];
        (parts[0], parts[1]) = (call_id, &[NUL]);
        for (part, word) in parts[2..].iter_mut().zip(words) {
            *part = word;
        }
        self.push(at, Kind::Judgement, &parts);
    }

    fn push(&mut self, at: WallTime, kind: Kind, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length > limits::TRACE_BYTES {
            return;
        }
        while self.bytes.len() + length > limits::TRACE_BYTES || self.entries.len() >= limits::TRACE_ENTRIES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes.drain(..oldest.length as usize);
        }
        for part in parts {
            self.bytes.extend(*part);
        }
        self.entries.push_back(Entry { at, kind, length: u32::try_from(length).unwrap_or(u32::MAX) });
    }

    /// The latest call that `key` names: a channel, an endpoint, a unique id or a Call-ID.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub fn view(&mut self, key: &str) -> Result<TraceView, String> {
        self.bytes.make_contiguous();
        let (bytes, _) = self.bytes.as_slices();
        let mut place = 0;
        let entries: Vec<(Entry, &[u8])> = self
            .entries
            .iter()
            .map(|entry| {
                let from = place;
                place += entry.length as usize;
                (*entry, &bytes[from..place])
            })
            .collect();
        let legs: Vec<Leg<'_>> = entries.iter().filter_map(Leg::read).collect();
        let chosen = legs.iter().rev().find(|leg| leg.is(key));
        let linked = chosen.map_or("", |leg| leg.linked);
        let legs_of_call: Vec<&Leg<'_>> =
            legs.iter().filter(|leg| chosen.is_some() && leg.linked == linked).collect();
        let mut others: Vec<String> = Vec::new();
        for leg in legs.iter().rev().filter(|leg| leg.is(key) && leg.linked != linked) {
            if !others.iter().any(|other| other == leg.linked) {
                others.push(leg.linked.to_owned());
            }
        }
        let is_ours = |call_id: &str| legs_of_call.iter().any(|leg| leg.call_id == call_id) || call_id == key;
        let steps: Vec<TraceStep> =
            entries.iter().filter_map(|(entry, text)| step(entry, text, linked, &is_ours)).collect();
        if steps.is_empty() {
            return Err(nothing(key, &legs));
        }
        let legs = legs_of_call.iter().map(|leg| TraceLeg {
            channel: leg.channel.to_owned(),
            endpoint: leg.endpoint.to_owned(),
            call_id: leg.call_id.to_owned(),
        });
        Ok(TraceView { call: linked.to_owned(), legs: legs.collect(), others, steps })
    }
}

struct Leg<'m> {
    linked: &'m str,
    channel: &'m str,
    endpoint: &'m str,
    call_id: &'m str,
}

impl<'m> Leg<'m> {
    fn read((entry, text): &(Entry, &'m [u8])) -> Option<Leg<'m>> {
        let Kind::Leg = entry.kind else { return None };
        let mut parts = std::str::from_utf8(text).ok()?.split('\0');
        let [linked, channel, endpoint, call_id] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        Some(Leg { linked, channel, endpoint, call_id })
    }

    fn is(&self, key: &str) -> bool {
        [self.linked, self.channel, self.endpoint, self.call_id].contains(&key)
            || self.channel.strip_prefix("PJSIP/").is_some_and(|name| name == key)
    }
}

fn step(entry: &Entry, text: &[u8], linked: &str, is_ours: &impl Fn(&str) -> bool) -> Option<TraceStep> {
    let what = match entry.kind {
        Kind::Leg => return None,
        Kind::Decision => {
            let words = std::str::from_utf8(text).ok()?;
            let (of, words) = words.split_once('\0')?;
            if linked.is_empty() || of != linked {
                return None;
            }
            Traced::Decision(words.to_owned())
        }
        Kind::Judgement => {
            let (of, words) = std::str::from_utf8(text).ok()?.split_once('\0')?;
            if !is_ours(of) {
                return None;
            }
            Traced::Decision(words.to_owned())
        }
        Kind::Message { sent, protocol, peer } => {
            let mut index = Index::default();
            let message = index.scan(text).ok()?;
            if !is_ours(&String::from_utf8_lossy(message.header(Header::CallId)?)) {
                return None;
            }
            Traced::Message { sent, protocol, peer, label: label(&message), message: text.to_vec() }
        }
    };
    Some(TraceStep { at: entry.at, what })
}

/// A number's digits.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 || at == 0 {
            return &digits[at..];
        }
    }
}

/// At most so many bytes of a text, ended where a character does.
fn floor_char(text: &str, most: usize) -> usize {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// `INVITE (SDP)`, `200 OK to BYE`.
fn label(message: &Message<'_>) -> String {
    let sdp = message
        .header(Header::ContentType)
        .is_some_and(|value| value.len() >= 15 && value[..15].eq_ignore_ascii_case(b"application/sdp"));
    let body = match (message.body(), sdp) {
        ([], _) => "",
        (_, true) => " (SDP)",
        (_, false) => " (body)",
    };
    match message.status() {
        None => format!("{}{body}", String::from_utf8_lossy(message.method_text())),
        Some(status) => {
            let method = message.cseq().map_or(&[][..], |cseq| cseq.method_text);
            let of = match method {
                b"INVITE" => String::new(),
                other => format!(" {}", String::from_utf8_lossy(other)),
            };
            format!("{status}{of}{body}")
        }
    }
}

fn nothing(key: &str, legs: &[Leg<'_>]) -> String {
    let mut known: Vec<&str> = legs.iter().rev().map(|leg| leg.channel).collect();
    known.truncate(5);
    match known.as_slice() {
        [] => format!("No call of '{key}' is remembered; none at all is"),
        known => format!("No call of '{key}' is remembered; the latest are {}", known.join(", ")),
    }
}

/// Registrations, lamps and pings have other means, and would push the calls out.
fn is_of_calls(method: &[u8]) -> bool {
    const OTHERS: [&str; 6] = ["REGISTER", "OPTIONS", "SUBSCRIBE", "PUBLISH", "NOTIFY", "MESSAGE"];
    !method.is_empty() && !OTHERS.iter().any(|other| method == other.as_bytes())
}

/// The method of a message of ours.
fn method_of(bytes: &[u8]) -> &[u8] {
    let word_end = |text: &[u8]| text.iter().position(|byte| *byte <= b' ').unwrap_or(text.len());
    if !bytes.starts_with(b"SIP/2.0 ") {
        return &bytes[..word_end(bytes)];
    }
    let Some(at) = memchr::memmem::find(bytes, b"\r\nCSeq: ") else { return &[] };
    let cseq = &bytes[at + 8..];
    let Some(space) = memchr::memchr(b' ', cseq) else { return &[] };
    &cseq[space + 1..][..word_end(&cseq[space + 1..])]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(call_id: &str) -> Vec<u8> {
        format!(
            "INVITE sip:101@pbx SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:100@pbx>;tag=1\r\n\
             To: <sip:101@pbx>\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }

    fn receive(trace: &mut Trace, bytes: &[u8]) {
        let mut index = Index::default();
        let message = index.scan(bytes).expect("whole");
        trace.received(WallTime(1), "UDP", "127.0.0.1:5062".parse().expect("address"), &message, bytes);
    }

    #[test]
    fn a_call_is_found_by_channel_endpoint_and_call_id() {
        let mut trace = Trace::default();
        for (n, call_id) in ["one", "two"].iter().enumerate() {
            receive(&mut trace, &invite(call_id));
            trace.leg(WallTime(2), &format!("9.{n}"), &format!("PJSIP/100-{n}"), "100", call_id.as_bytes());
            trace.decision(WallTime(3), &format!("9.{n}"), "Called PJSIP/101");
        }
        for (key, call) in
            [("PJSIP/100-0", "9.0"), ("100-0", "9.0"), ("one", "9.0"), ("9.0", "9.0"), ("100", "9.1")]
        {
            let view = trace.view(key).expect("remembered");
            assert_eq!((view.call.as_str(), view.steps.len()), (call, 2), "{key}");
        }
        assert_eq!(trace.view("100").expect("remembered").others, ["9.0"]);
        assert!(trace.view("102").expect_err("unknown").contains("PJSIP/100-1, PJSIP/100-0"));
    }

    #[test]
    fn registrations_are_left_out_and_the_oldest_makes_room() {
        let mut trace = Trace::default();
        let register = String::from_utf8(invite("r")).expect("text").replace("INVITE", "REGISTER");
        receive(&mut trace, register.as_bytes());
        assert!(trace.entries.is_empty());
        let answer = b"SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n\r\n";
        assert_eq!(method_of(answer), b"REGISTER");
        let one = invite("x");
        for _ in 0..limits::TRACE_BYTES / one.len() + 10 {
            receive(&mut trace, &one);
        }
        assert!(trace.bytes.len() <= limits::TRACE_BYTES && trace.bytes.len() > limits::TRACE_BYTES / 2);
        assert_eq!(trace.bytes.len(), trace.entries.iter().map(|e| e.length as usize).sum::<usize>());
    }
}
