//! A server on two IPv4 addresses and one of IPv6: phones on each call each other, and packets cross (S1-53).

use crate::tree::{PATIENCE, Tree};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// A phone of text: its signalling and its audio.
struct Phone {
    name: &'static str,
    server: SocketAddr,
    sip: UdpSocket,
    rtp: UdpSocket,
}

impl Phone {
    fn new(name: &'static str, address: &str, server: &str, port: u16) -> Phone {
        let socket = || {
            let socket = UdpSocket::bind((address, 0)).expect("a loopback address");
            socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket option");
            socket
        };
        let server = SocketAddr::new(server.parse().expect("an address"), port);
        Phone { name, server, sip: socket(), rtp: socket() }
    }

    fn at(&self) -> SocketAddr {
        self.sip.local_addr().expect("bound")
    }

    fn description(&self) -> String {
        let rtp = self.rtp.local_addr().expect("bound");
        let family = if rtp.is_ipv4() { "IP4" } else { "IP6" };
        let (ip, port) = (rtp.ip(), rtp.port());
        format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
    }

    fn send(&self, text: &str) {
        self.sip.send_to(text.as_bytes(), self.server).expect("loopback");
    }

    /// The next message that begins so; it comes from the server's address beside this phone.
    fn hear(&self, start: &str) -> String {
        let mut buffer = [0; 65_536];
        for _ in 0..PATIENCE.as_millis() / 200 {
            let Ok((length, from)) = self.sip.recv_from(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            assert_eq!(from, self.server, "{}: {text}", self.name);
            if text.starts_with(start) {
                return text;
            }
        }
        panic!("{} never hears '{start}'", self.name);
    }

    /// Sends audio to where a description says until the other phone has some; where it came from.
    fn talks_to(&self, to: SocketAddr, other: &Phone) -> SocketAddr {
        let mut buffer = [0; 2_048];
        for n in 0..PATIENCE.as_millis() / 200 {
            let mut packet = vec![0x80, 0, 0, n as u8, 0, 0, 0, (n * 160 % 256) as u8, 1, 2, 3, 4];
            packet.extend_from_slice(&[0x55; 160]);
            self.rtp.send_to(&packet, to).expect("loopback");
            if let Ok((length, from)) = other.rtp.recv_from(&mut buffer)
                && buffer[12..length].starts_with(&[0x55; 160])
            {
                return from;
            }
        }
        panic!("nothing of {} comes through to {}", self.name, other.name);
    }
}

fn header<'t>(text: &'t str, name: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn media(text: &str) -> SocketAddr {
    let ip = text.lines().find_map(|line| line.strip_prefix("c=IN ")).and_then(|line| line.split(' ').nth(1));
    let port =
        text.lines().find_map(|line| line.strip_prefix("m=audio ")).and_then(|line| line.split(' ').next());
    let parts = ip.zip(port).unwrap_or_else(|| panic!("no audio in {text}"));
    SocketAddr::new(parts.0.parse().expect("an address"), parts.1.parse().expect("a port"))
}

fn call(from: &Phone, to: &Phone) {
    let (at, own, body) = (from.at(), from.server, from.description());
    let key = format!("{}{}", from.name, to.name);
    let head = |method: &str, cseq: u32, target: &str| {
        format!(
            "{method} sip:{}@{own} SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch=z9hG4bK{key}{cseq}{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:{}@{own}>;tag={key}\r\nTo: {target}\r\nCall-ID: {key}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{}@{at}>\r\n",
            to.name, from.name, from.name
        )
    };
    let target = format!("<sip:{}@{own}>", to.name);
    from.send(&format!(
        "{}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        head("INVITE", 1, &target),
        body.len()
    ));
    let leg = to.hear("INVITE ");
    assert!(header(&leg, "Via").starts_with(&format!("SIP/2.0/UDP {};", to.server)), "{leg}");
    assert!(header(&leg, "Contact").contains(&format!("@{}>", to.server)), "{leg}");
    assert_eq!(media(&leg).ip(), to.server.ip(), "{leg}");
    let body = to.description();
    let answer = |request: &str, body: &str| {
        let (tag, kind) = match body {
            "" => ("", ""),
            _ => (";tag=t", "Content-Type: application/sdp\r\n"),
        };
        format!(
            "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:{}@{}>\r\n{kind}\
             Content-Length: {}\r\n\r\n{body}",
            header(request, "Via"),
            header(request, "From"),
            header(request, "To"),
            header(request, "Call-ID"),
            header(request, "CSeq"),
            to.name,
            to.at(),
            body.len()
        )
    };
    to.send(&answer(&leg, &body));
    to.hear("ACK ");
    let ok = from.hear("SIP/2.0 200");
    assert!(header(&ok, "Contact").contains(&format!("@{own}>")), "{ok}");
    assert_eq!(media(&ok).ip(), own.ip(), "{ok}");
    let dialog = header(&ok, "To");
    from.send(&format!("{}Content-Length: 0\r\n\r\n", head("ACK", 1, dialog)));
    assert_eq!(from.talks_to(media(&ok), to), media(&leg), "audio leaves by the address that was told");
    assert_eq!(to.talks_to(media(&leg), from), media(&ok));
    from.send(&format!("{}Content-Length: 0\r\n\r\n", head("BYE", 2, dialog)));
    let bye = to.hear("BYE ");
    to.send(&answer(&bye, ""));
}

/// Each bound address serves the phones beside it; the calls between them are relayed, IPv4 and IPv6 too.
#[test]
fn phones_on_each_address_of_the_server_call_each_other() {
    let mut tree = Tree::new("homes", "");
    let port = tree.port;
    let mut objects = String::new();
    let places = [("a", "127.0.0.11", "127.0.0.1"), ("b", "127.0.0.22", "127.0.0.2"), ("c", "::1", "::1")];
    let phones = places.map(|(name, address, server)| Phone::new(name, address, server, port));
    for (name, address, server) in places {
        let bind = SocketAddr::new(server.parse().expect("an address"), port);
        let at = phones.iter().find(|phone| phone.name == name).expect("made above").at();
        objects += &format!(
            "[t{name}]\ntype=transport\nprotocol=udp\nbind={bind}\n\
             [{name}]\ntype=endpoint\ncontext=phones\ntransport=t{name}\ndisallow=all\nallow=ulaw\naors={name}\ndirect_media=no\n\
             [{name}]\ntype=aor\ncontact=sip:{name}@{at}\n[{name}]\ntype=identify\nendpoint={name}\nmatch={address}\n"
        );
    }
    std::fs::write(tree.dir.join("pjsip.conf"), objects).expect("written");
    std::fs::write(tree.dir.join("extensions.conf"), "[phones]\nexten => _[abc],1,Dial(PJSIP/${EXTEN},30)\n")
        .expect("written");
    tree.start();
    let [a, b, c] = &phones;
    call(a, b);
    call(b, c);
    call(c, a);
}
