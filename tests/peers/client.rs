//! A UDP phone that registers many contacts as fast as they are acknowledged.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Sends REGISTERs without passwords, each with a contact of its own, and remembers which were granted.
#[derive(Debug)]
pub struct Registrants {
    socket: UdpSocket,
    server: SocketAddr,
    aors: u32,
    next: u32,
    waiting: BTreeSet<u32>,
    /// Numbers of the contacts that a 200 acknowledged.
    pub granted: BTreeSet<u32>,
}

impl Registrants {
    /// Contact `n` is registered at aor `u{n % aors}`.
    pub fn new(server: SocketAddr, aors: u32) -> Registrants {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket option");
        let (waiting, granted) = (BTreeSet::new(), BTreeSet::new());
        Registrants { socket, server, aors, next: 0, waiting, granted }
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

    /// Fills up to this many unanswered REGISTERs.
    pub fn fill(&mut self, most: usize) {
        while self.waiting.len() < most {
            self.waiting.insert(self.next);
            self.send(self.next);
            self.next += 1;
        }
    }

    /// Sends what has no answer yet once more.
    pub fn retransmit(&self) {
        self.waiting.iter().for_each(|n| self.send(*n));
    }

    /// Takes one answer. `false` when none came for a while.
    pub fn hear(&mut self) -> bool {
        let mut buffer = [0; 65_536];
        let Ok((length, _)) = self.socket.recv_from(&mut buffer) else { return false };
        let text = String::from_utf8_lossy(&buffer[..length]);
        let n = text.lines().find_map(|line| line.strip_prefix("Call-ID: n")).and_then(|n| n.parse().ok());
        let n: u32 = n.unwrap_or_else(|| panic!("an answer without our Call-ID: {text}"));
        assert!(text.starts_with("SIP/2.0 200 "), "REGISTER {n}: {text}");
        self.waiting.remove(&n);
        self.granted.insert(n);
        true
    }

    /// Nobody answers these any more.
    pub fn forget(&mut self) {
        while self.hear() {}
        self.waiting.clear();
    }
}
