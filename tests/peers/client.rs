//! UDP phones: a crowd that registers new contacts at a steady rate, and one with a password.

use jackfield::sip::digest::Algorithm;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Sends REGISTERs without passwords, each with a contact of its own, and remembers which were granted.
#[derive(Debug)]
pub struct Registrants {
    socket: UdpSocket,
    server: SocketAddr,
    aors: u32,
    next: u32,
    waiting: BTreeSet<u32>,
    /// By user, the newest contact that a 200 acknowledged.
    pub granted: BTreeMap<u32, u32>,
    /// How many 200s came.
    pub answered: u32,
}

/// Unanswered REGISTERs at a time: fewer than there are users, so that each has one at most.
const AT_ONCE: usize = 1_000;

impl Registrants {
    /// Contact `n` is registered at aor `u{n % aors}`.
    pub fn new(server: SocketAddr, aors: u32) -> Registrants {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let (waiting, granted) = (BTreeSet::new(), BTreeMap::new());
        Registrants { socket, server, aors, next: 0, waiting, granted, answered: 0 }
    }

    fn send(&self, n: u32) {
        let (user, server) = (n % self.aors, self.server);
        let own = self.socket.local_addr().expect("bound");
        let text = format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK-n{n}\r\nMax-Forwards: 70\r\n\
             From: <sip:u{user}@{server}>;tag=n{n}\r\nTo: <sip:u{user}@{server}>\r\nCall-ID: n{n}\r\nCSeq: 1 REGISTER\r\n\
             Contact: <sip:n{n}@{own}>\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n"
        );
        // A server that was killed a moment ago refuses; the number stays unacknowledged.
        let _ = self.socket.send_to(text.as_bytes(), server);
    }

    /// Registers one contact after the other, so many a second, whatever is answered.
    #[expect(clippy::disallowed_methods, reason = "a load needs a clock")]
    pub fn register_for(&mut self, lasts: Duration, per_sec: u32) {
        let (start, first) = (Instant::now(), self.next);
        self.socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket option");
        loop {
            let passed = start.elapsed();
            if passed >= lasts {
                return;
            }
            let due = first + (passed.as_secs_f64() * f64::from(per_sec)) as u32;
            while self.next < due && self.waiting.len() < AT_ONCE {
                self.waiting.insert(self.next);
                self.send(self.next);
                self.next += 1;
            }
            self.hear();
        }
    }

    /// Takes one answer. `false` when none came for a while.
    fn hear(&mut self) -> bool {
        let mut buffer = [0; 65_536];
        let Ok((length, _)) = self.socket.recv_from(&mut buffer) else { return false };
        let text = String::from_utf8_lossy(&buffer[..length]);
        let n = text.lines().find_map(|line| line.strip_prefix("Call-ID: n")).and_then(|n| n.parse().ok());
        let n: u32 = n.unwrap_or_else(|| panic!("an answer without our Call-ID: {text}"));
        assert!(text.starts_with("SIP/2.0 200 "), "REGISTER {n}: {text}");
        self.waiting.remove(&n);
        self.granted.insert(n % self.aors, n);
        self.answered += 1;
        true
    }

    /// Takes the answers that are left; nobody answers the others any more.
    pub fn forget(&mut self) {
        self.socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket option");
        while self.hear() {}
        self.waiting.clear();
    }
}

/// A phone with a password, which registers one contact.
#[derive(Debug)]
pub struct Phone {
    socket: UdpSocket,
    server: SocketAddr,
    user: String,
    password: String,
    call: u16,
    cseq: u32,
}

impl Phone {
    /// A phone on a port of its own.
    pub fn new(server: SocketAddr, user: &str, password: &str) -> Phone {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket option");
        let call = socket.local_addr().expect("bound").port();
        Phone { socket, server, user: user.into(), password: password.into(), call, cseq: 0 }
    }

    /// From now on it has this one.
    pub fn set_password(&mut self, password: &str) {
        self.password = password.into();
    }

    /// Registers; gives the status of the last answer: 401 when the server does not take our credentials.
    pub fn register(&mut self) -> u16 {
        let challenged = self.ask("");
        if !challenged.starts_with("SIP/2.0 401 ") {
            return status(&challenged);
        }
        let header = challenged.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: Digest "));
        let header = header.unwrap_or_else(|| panic!("a 401 without a challenge: {challenged}"));
        let value = |name: &str| {
            let from = header.find(&format!("{name}=\""))? + name.len() + 2;
            header[from..].split('"').next()
        };
        let (realm, nonce) = (value("realm").expect("has one"), value("nonce").expect("has one"));
        let uri = format!("sip:{}", self.server);
        let hash = |text: String| Algorithm::Md5.hash(&[text.as_bytes()]).as_str().to_owned();
        let ha1 = hash(format!("{}:{realm}:{}", self.user, self.password));
        let ha2 = hash(format!("REGISTER:{uri}"));
        let response = hash(format!("{ha1}:{nonce}:00000001:abcdef:auth:{ha2}"));
        let opaque = value("opaque").map(|opaque| format!(", opaque=\"{opaque}\"")).unwrap_or_default();
        status(&self.ask(&format!(
            "Authorization: Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"abcdef\"{opaque}\r\n",
            self.user
        )))
    }

    /// One REGISTER, sent again until it is answered.
    fn ask(&mut self, header: &str) -> String {
        self.cseq += 1;
        let (user, server, call, cseq) = (&self.user, self.server, self.call, self.cseq);
        let own = self.socket.local_addr().expect("bound");
        let text = format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK-{call}-{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{server}>;tag={call}\r\nTo: <sip:{user}@{server}>\r\n\
             Call-ID: {call}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{own}>\r\nExpires: 600\r\n{header}\
             Content-Length: 0\r\n\r\n"
        );
        let mut buffer = [0; 65_536];
        for _ in 0..20 {
            self.socket.send_to(text.as_bytes(), server).expect("loopback");
            while let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
                let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if answer.contains(&format!("CSeq: {cseq} REGISTER\r\n")) {
                    return answer;
                }
            }
        }
        panic!("{user}'s REGISTER is not answered");
    }
}

fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no status: {answer}"))
}
