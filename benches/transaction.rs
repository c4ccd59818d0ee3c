//! What a REGISTER's server transaction costs: time for insert, reply and expiry; memory while it is finished.
//! `cargo bench --bench transaction`
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark reads the clock and prints")]

use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::time::Moment;
use jackfield::sip::flow::{Destination, Protocol};
use jackfield::sip::mint::Shard;
use jackfield::sip::outbox::Outbox;
use jackfield::sip::transaction::{Received, Table, Timers};
use jackfield::sip::wire::{Header, Index, Message, ViaStamp, Writer};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COUNT: usize = 200_000;
const BATCH: usize = 32;

fn register(n: usize) -> String {
    format!(
        "REGISTER sip:pbx.example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.168.1.10:5060;rport;branch=z9hG4bKPj{n:032x}\r\n\
         Max-Forwards: 70\r\n\
         From: \"Desk {n}\" <sip:{n}@pbx.example.com>;tag={n:016x}\r\n\
         To: \"Desk {n}\" <sip:{n}@pbx.example.com>\r\n\
         Call-ID: {n:032x}@192.168.1.10\r\n\
         CSeq: 1234 REGISTER\r\n\
         User-Agent: Bench/1.0\r\n\
         Contact: <sip:{n}@192.168.1.10:5060>\r\n\
         Expires: 3600\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

fn main() {
    let to = Destination {
        transport: TransportId(0),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        remote: ([192, 0, 2, 1], 5060).into(),
        local: Some(([192, 0, 2, 9], 5060).into()),
    };
    let requests: Vec<String> = (0..COUNT).map(register).collect();
    let mut bench = Bench { to, indexes: vec![Index::default(); BATCH], out: Outbox::default(), bytes: 0 };

    let before = resident();
    let mut table: Table<u32> = Table::new(Moment(0), Timers::default(), Shard(0), 1);
    // One by one, each answered at once, as a switch does.
    for one in requests.chunks(1) {
        bench.register(&mut table, Moment(0), one);
    }
    let each = resident().saturating_sub(before) / COUNT;
    println!("finished REGISTER ({} byte response): {each} bytes each, {COUNT} of them", bench.bytes);
    drop(table);

    // 5,000 per second, 32 seconds each: 160,000 alive; medians once that many are.
    let mut table: Table<u32> = Table::new(Moment(0), Timers::default(), Shard(0), 1);
    let (mut now, mut events) = (Moment(0), Vec::new());
    let mut took: [Vec<Duration>; 4] = Default::default();
    for batch in requests.chunks(BATCH).cycle().take(4 * COUNT / BATCH) {
        now += Duration::from_micros(200) * BATCH as u32;
        let start = Instant::now();
        table.expire(now, 64, &mut bench.out, &mut events);
        let expire = start.elapsed();
        let [receive, respond, write] = bench.register(&mut table, now, batch);
        if now.0 > 40_000_000 {
            for (all, one) in took.iter_mut().zip([receive, respond, write, expire]) {
                all.push(one);
            }
        }
    }
    let [receive, respond, write, expire] = took.map(|mut all| {
        all.sort_unstable();
        all[all.len() / 2].as_nanos() / BATCH as u128
    });
    println!(
        "{} alive: receive {receive} ns, respond {respond} ns (of which writing the text {write} ns), expire {expire} ns",
        table.servers.len()
    );
}

struct Bench {
    to: Destination,
    indexes: Vec<Index>,
    out: Outbox,
    bytes: usize,
}

impl Bench {
    fn register(&mut self, table: &mut Table<u32>, now: Moment, batch: &[String]) -> [Duration; 3] {
        let Bench { to, indexes, out, bytes } = self;
        let messages: Vec<Message<'_>> =
            indexes.iter_mut().zip(batch).map(|(i, text)| i.scan(text.as_bytes()).expect("sound")).collect();
        let envelopes: Vec<_> = messages.iter().map(|m| m.envelope().expect("whole")).collect();
        let start = Instant::now();
        let received: Vec<Received> =
            messages.iter().zip(&envelopes).map(|(m, e)| table.servers.receive(now, m, e, out)).collect();
        let receive = start.elapsed();
        let start = Instant::now();
        for (message, received) in messages.iter().zip(&received) {
            let Received::New(tx) = received else { panic!("{received:?}") };
            let written = table.servers.respond(now, *tx, 200, *to, out, |b| answer(b, message, to.remote));
            written.expect("first answer");
        }
        let respond = start.elapsed();
        *bytes = out.last_bytes().len();
        out.clear();
        let start = Instant::now();
        for message in &messages {
            out.push(*to, |b| answer(b, message, to.remote));
        }
        let write = start.elapsed();
        out.clear();
        [receive, respond, write]
    }
}

fn answer(out: &mut Vec<u8>, request: &Message<'_>, source: SocketAddr) {
    let stamp = ViaStamp { source, force_rport: true };
    let mut w = Writer::response(out, request, stamp, (200, ""), Some(b"0123456789abcdef"));
    w.header(Header::Date, b"Sat, 01 Aug 2026 12:00:00 GMT")
        .copy(request, Header::Contact)
        .number(Header::Expires, 3600)
        .header(Header::Server, b"Jackfield 0.1.0");
    w.finish();
}
