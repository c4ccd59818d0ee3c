//! Transactions from outside: both tables, one at a time and against each other.

mod client;
mod hostile;
mod server;
mod simulation;

use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::time::Moment;
use jackfield::sip::flow::{Destination, Protocol};
use jackfield::sip::mint::Shard;
use jackfield::sip::outbox::Outbox;
use jackfield::sip::transaction::{Event, Table, Target, Timers};
use jackfield::sip::wire::{Envelope, Index, Message, ViaStamp, Writer};
use std::time::Duration;

/// A table with the RFC's timers, and what came out of it.
struct Side {
    table: Table<u64>,
    out: Outbox,
    events: Vec<Event<u64>>,
    now: Moment,
}

impl Side {
    fn new() -> Side {
        let now = Moment(7_000_000);
        Side {
            table: Table::new(now, Timers::default(), Shard(3), 42),
            out: Outbox::default(),
            events: Vec::new(),
            now,
        }
    }

    /// What was sent since the last call: port and text.
    fn sent(&mut self) -> Vec<(u16, String)> {
        let sent = self.out.iter().map(|(to, bytes)| (to.remote.port(), text(bytes))).collect();
        self.out.clear();
        sent
    }

    /// Lets time pass, firing each timer when it is due.
    fn pass(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some(at) = self.table.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.table.expire(self.now, 1_000, &mut self.out, &mut self.events);
        }
        self.now = end;
    }

    fn alive(&self) -> (usize, usize) {
        (self.table.servers.len(), self.table.clients.len())
    }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn to(port: u16, protocol: Protocol) -> Destination {
    Destination {
        transport: TransportId(0),
        protocol,
        flow: if protocol.is_reliable() { FlowId(u64::from(port)) } else { FlowId::DATAGRAM },
        remote: ([127, 0, 0, 1], port).into(),
        local: Some(([127, 0, 0, 9], 5060).into()),
    }
}

fn target(port: u16, protocol: Protocol) -> Target {
    Target {
        to: to(port, protocol),
        sent_by: "127.0.0.9:5060".into(),
        contact: Some("<sip:us@127.0.0.9>".into()),
    }
}

/// A request as a phone sends it.
fn request(method: &str, via: &str, cseq: u32) -> String {
    format!(
        "{method} sip:b@127.0.0.9 SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=f1\r\n\
         To: <sip:b@h>\r\nCall-ID: call-1\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A request of ours, as the table takes it: without Via and Contact.
fn ours(method: &str) -> String {
    format!(
        "{method} sip:b@127.0.0.1 SIP/2.0\r\nRoute: <sip:p1;lr>, <sip:p2;lr>\r\nMax-Forwards: 70\r\n\
         From: \"Us\" <sip:us@h>;tag=u1\r\nTo: <sip:b@h>\r\nCall-ID: call-2\r\nCSeq: 9 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn read<T>(text: &str, then: impl FnOnce(&Message<'_>, &Envelope<'_>) -> T) -> T {
    let mut index = Index::default();
    let message = index.scan(text.as_bytes()).expect("a sound message");
    let envelope = message.envelope().expect("a whole message");
    then(&message, &envelope)
}

/// The answer to a request.
fn answer(request: &str, code: u16, tag: &str) -> String {
    let mut out = Vec::new();
    read(request, |message, _| {
        let stamp = ViaStamp { source: ([127, 0, 0, 1], 5080).into(), force_rport: true };
        let tag = (code > 100).then_some(tag.as_bytes());
        Writer::response(&mut out, message, stamp, (code, ""), tag).finish();
    });
    text(&out)
}
