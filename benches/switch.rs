//! What one registration costs the switch itself, sockets and store left out: REGISTER, 401, REGISTER with digest, 200.
//!
//! `cargo bench --bench switch`
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads clocks and prints")]

use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::time::{Moment, Now, WallTime};
use jackfield::config::{Objects, Sources, compile, conf, files::MemoryFiles, pjsip_conf};
use jackfield::sip::digest::{Algorithm, Challenge, Form, Qop};
use jackfield::sip::flow::{Arrival, Protocol};
use jackfield::switch::io::{Action, Actions, BoundTransport, Input};
use jackfield::switch::{Seed, Switch};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

struct Counting;
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[allow(unsafe_code, reason = "a counting allocator is unsafe by its trait")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USERS: usize = 2000;
const ROUNDS: usize = 40;

fn main() {
    let mut conf = String::from(
        "[udp]\ntype=transport\nbind=127.0.0.1\n[ep](!)\ntype=endpoint\n[au](!)\ntype=auth\n[ao](!)\ntype=aor\nmax_contacts=1\nremove_existing=yes\n",
    );
    for n in 0..USERS {
        let u = format!("u{n:06}");
        write!(
            conf,
            "[{u}](ep)\nauth={u}\naors={u}\n[{u}](au)\nusername={u}\npassword=pw{n:06}\n[{u}](ao)\n"
        )
        .expect("a String");
    }
    let files = MemoryFiles::new().with("pjsip.conf", conf);
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let tree = conf::read(&files, "pjsip.conf", &mut sources, &mut findings);
    let drafts = pjsip_conf::drafts(&tree, &sources, &mut findings);
    let (objects, _) = compile(drafts, sources, None);
    let plan = Objects::default().plan(&objects);

    let mut now = Now { at: Moment(1_000_000), wall: WallTime::from_secs(1_800_000_000) };
    let mut switch = Switch::new(Seed { now, random: 1, key: [1; 32], systemname: "".into() });
    let mut out = Actions::default();
    switch.handle(now, Input::Config { changes: &plan.changes, sources: &objects.sources }, &mut out);
    let bound = BoundTransport {
        id: TransportId(0),
        name: "udp".into(),
        bound: "127.0.0.1:5060".parse().expect("address"),
        interface: "127.0.0.1".parse().expect("address"),
        interface_v4: None,
        networks: Default::default(),
    };
    switch.handle(now, Input::Transports(&[bound]), &mut out);
    let arrival = Arrival {
        transport: TransportId(0),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        source: "127.0.0.1:16000".parse().expect("address"),
        local: "127.0.0.1:5060".parse().expect("address"),
    };
    let (mut spent, mut allocations, mut granted) = (Duration::ZERO, 0u64, 0usize);
    let (mut first, mut second) = (Duration::ZERO, Duration::ZERO);
    for round in 0..ROUNDS {
        for n in 0..USERS {
            now = now.later(Duration::from_micros(50));
            let request = register(n, round * 2 + 1, "");
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            let start = Instant::now();
            switch.handle(now, Input::Sip { arrival, bytes: &request }, &mut out);
            first += start.elapsed();
            let mut made = ALLOCATIONS.load(Ordering::Relaxed) - before;
            let challenge = String::from_utf8_lossy(out.outbox.last_bytes()).into_owned();
            drain(&mut switch, now, &mut out);
            let credentials = credentials(n, &challenge);
            let request = register(n, round * 2 + 2, &credentials);
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            let start = Instant::now();
            switch.handle(now, Input::Sip { arrival, bytes: &request }, &mut out);
            granted += drain(&mut switch, now, &mut out);
            second += start.elapsed();
            made += ALLOCATIONS.load(Ordering::Relaxed) - before;
            if round > 0 {
                allocations += made;
            }
        }
        if round == 0 {
            (first, second) = (Duration::ZERO, Duration::ZERO);
        }
    }
    spent += first + second;
    let each = (USERS * (ROUNDS - 1)) as f64;
    println!("granted {granted} of {}", USERS * ROUNDS);
    println!(
        "401 {:.2} us, grant {:.2} us, both {:.2} us, {:.1} allocations per registration (refresh)",
        first.as_secs_f64() * 1e6 / each,
        second.as_secs_f64() * 1e6 / each,
        spent.as_secs_f64() * 1e6 / each,
        allocations as f64 / each
    );
}

/// Commits at once; how many 200s left.
fn drain(switch: &mut Switch, now: Now, out: &mut Actions) -> usize {
    out.outbox.clear();
    let last = out.queue.iter().rev().find_map(|action| match action {
        Action::Commit { sequence, .. } => Some(*sequence),
        _ => None,
    });
    out.queue.clear();
    let Some(sequence) = last else { return 0 };
    switch.handle(now, Input::Committed { sequence }, out);
    let granted = out.outbox.iter().filter(|(_, bytes)| bytes.starts_with(b"SIP/2.0 200")).count();
    out.outbox.clear();
    granted
}

fn register(n: usize, cseq: usize, more: &str) -> Vec<u8> {
    format!(
        "REGISTER sip:bench.local SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:16000;rport;branch=z9hG4bK{n}x{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:u{n:06}@bench.local>;tag=f{n}\r\nTo: <sip:u{n:06}@bench.local>\r\n\
         Call-ID: c{n}@127.0.0.1\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:u{n:06}@127.0.0.1:16000>\r\n\
         User-Agent: bench\r\nExpires: 3600\r\n{more}Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn credentials(n: usize, challenge: &str) -> String {
    let nonce =
        challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let challenge = Challenge {
        algorithm: Algorithm::Md5,
        form: Form::Plain,
        nonce: nonce.as_bytes(),
        method: b"REGISTER",
        uri: b"sip:bench.local",
        qop: Qop::Auth { nc: b"00000001", cnonce: b"c" },
        cnonce: b"c",
    };
    let ha1 = Algorithm::Md5.ha1(format!("u{n:06}").as_bytes(), b"asterisk", format!("pw{n:06}").as_bytes());
    format!(
        "Authorization: Digest username=\"u{n:06}\",realm=\"asterisk\",nonce=\"{nonce}\",uri=\"sip:bench.local\",\
         response=\"{}\",algorithm=MD5,qop=auth,nc=00000001,cnonce=\"c\"\r\n",
        challenge.response(&ha1).as_str()
    )
}
