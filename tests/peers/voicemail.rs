//! D4: voicemail through a running server with real audio: one phone leaves a message, the other's lamp lights with it,
//! its owner hears it, and whatever moment the server is killed at, no half message counts.

use crate::tree::{Tree, poll};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

/// A phone made of two sockets.
struct Phone {
    sip: UdpSocket,
    rtp: UdpSocket,
    server: SocketAddr,
    call: String,
    exten: &'static str,
    to: String,
    media: u16,
    sequence: u16,
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    socket
}

impl Phone {
    fn new(tree: &Tree, call: &str) -> Phone {
        let server = tree.target(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
        let (sip, rtp) = (socket(), socket());
        Phone { sip, rtp, server, call: call.into(), exten: "", to: String::new(), media: 0, sequence: 0 }
    }

    fn request(&self, method: &str, cseq: u32, lines: &str, body: &str) -> String {
        let (own, call, exten) = (self.sip.local_addr().expect("bound"), &self.call, self.exten);
        let to = if self.to.is_empty() { format!("<sip:{exten}@127.0.0.1>") } else { self.to.clone() };
        format!(
            "{method} sip:{exten}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call}{cseq}{method}\r\n\
             Max-Forwards: 70\r\nFrom: \"Alice\" <sip:u@127.0.0.1>;tag={call}\r\nTo: {to}\r\nCall-ID: {call}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:u@{own}>\r\n{lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn send(&self, text: &str) {
        self.sip.send_to(text.as_bytes(), self.server).expect("sent");
    }

    /// The next message that begins so; others are passed over.
    fn receive(&self, start: &str, tree: &Tree) -> String {
        let mut bytes = [0; 4096];
        loop {
            let length =
                self.sip.recv(&mut bytes).unwrap_or_else(|why| panic!("no {start}: {why}\n{}", tree.log()));
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if text.starts_with(start) {
                return text;
            }
        }
    }

    /// Calls, and is answered.
    fn call(&mut self, exten: &'static str, tree: &Tree) {
        self.exten = exten;
        let port = self.rtp.local_addr().expect("bound").port();
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\n"
        );
        self.send(&self.request("INVITE", 1, "Content-Type: application/sdp\r\n", &body));
        let ok = self.receive("SIP/2.0 200", tree);
        let line = ok.split("m=audio ").nth(1).expect("audio");
        self.media = line.split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
        let to = ok.lines().find_map(|line| line.strip_prefix("To: ")).expect("a To");
        self.to = to.to_owned();
        self.send(&self.request("ACK", 1, "", ""));
    }

    fn packet(&mut self, number: u8, timestamp: u32, payload: &[u8]) {
        let mut packet = vec![0x80, number];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&7u32.to_be_bytes());
        packet.extend_from_slice(payload);
        self.sequence += 1;
        self.rtp.send_to(&packet, ("127.0.0.1", self.media)).expect("sent");
    }

    /// A tone of 1,000 Hz for so many packets of 20 ms, at the pace of a phone.
    fn speak(&mut self, packets: u32) {
        let payload: Vec<u8> = (0..160).map(|at| if at % 8 < 4 { 0x10 } else { 0x90 }).collect();
        for n in 0..packets {
            self.packet(0, n * 160, &payload);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A digit (RFC 4733), its end three times.
    fn press(&mut self, event: u8) {
        let timestamp = u32::from(self.sequence) * 160 + 1_000_000;
        self.packet(101, timestamp, &[event, 10, 0, 160]);
        for _ in 0..3 {
            self.packet(101, timestamp, &[event, 0x80 | 10, 3, 32]);
        }
    }

    /// Milliseconds of loud sound among the next packets, until `wanted` came.
    fn hears_loud_ms(&self, wanted: usize) -> usize {
        let (mut loud, mut bytes) = (0, [0; 512]);
        self.rtp.set_read_timeout(Some(Duration::from_millis(500))).expect("set");
        for _ in 0..500 {
            if loud >= wanted {
                break;
            }
            let Ok(length) = self.rtp.recv(&mut bytes) else { continue };
            // Beyond a tenth of full scale in µ-law.
            let peaks = bytes[12.min(length)..length].iter().filter(|byte| **byte & 0x70 < 0x30).count();
            loud += usize::from(peaks > 80) * 20;
        }
        loud
    }
}

fn tree(name: &str) -> Tree {
    let objects = "[u]\ntype=endpoint\ncontext=phones\nallow=ulaw\naors=u\n[u]\ntype=aor\nmailboxes=200@default\n\
                   [u]\ntype=identify\nendpoint=u\nmatch=127.0.0.1\n";
    let tree = Tree::new(name, objects);
    let dialplan = "[phones]\nexten => 500,1,VoiceMail(200,u)\nexten => 600,1,VoiceMailMain(200,s)\n";
    fs::write(tree.dir.join("extensions.conf"), dialplan).expect("written");
    let conf = "[general]\nformat=wav\nminsecs=1\n[default]\n200 => 4711,Bob\n";
    fs::write(tree.dir.join("voicemail.conf"), conf).expect("written");
    let conf = format!("[directories]\nastspooldir = {}\n", tree.dir.join("spool").display());
    fs::write(tree.dir.join("asterisk.conf"), conf).expect("written");
    tree
}

fn inbox(tree: &Tree) -> PathBuf {
    tree.dir.join("spool/voicemail/default/200/INBOX")
}

fn beginning_to_record(tree: &Tree) {
    let tmp = tree.dir.join("spool/voicemail/default/200/tmp");
    let there = poll(|| fs::read_dir(&tmp).ok()?.next()?.ok());
    assert!(there.is_some(), "nothing is recorded\n{}", tree.log());
}

/// D4: the lamp lights with the message, sooner than the spool is looked at; the message holds what was said, its owner
/// hears it, and the lamp goes out.
#[test]
fn a_message_left_by_one_phone_lights_the_others_lamp() {
    let mut tree = tree("voicemail-lamp");
    tree.start();
    let mut lamp = Phone::new(&tree, "lamp");
    lamp.exten = "u";
    let lines = "Event: message-summary\r\nAccept: application/simple-message-summary\r\nExpires: 600\r\n";
    lamp.send(&lamp.request("SUBSCRIBE", 1, lines, ""));
    // A mailbox that is seen for the first time is told once more.
    let shows = |words: &str| loop {
        let text = lamp.receive("NOTIFY", &tree);
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"].iter().filter_map(|name| {
            let line = text.lines().find(|line| line.starts_with(&format!("{name}:")))?;
            Some(format!("{line}\r\n"))
        });
        lamp.send(&format!("SIP/2.0 200 OK\r\n{}Content-Length: 0\r\n\r\n", copied.collect::<String>()));
        if text.contains(words) {
            break;
        }
    };
    shows("Voice-Message: 0/0");

    let mut caller = Phone::new(&tree, "caller");
    caller.call("500", &tree);
    beginning_to_record(&tree);
    caller.speak(100);
    // Sooner than the next look at the spool, as a rule.
    lamp.sip.set_read_timeout(Some(Duration::from_millis(700))).expect("set");
    caller.send(&caller.request("BYE", 2, "", ""));
    shows("Voice-Message: 1/0");
    lamp.sip.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let text = fs::read_to_string(inbox(&tree).join("msg0000.txt")).expect("a message");
    for words in ["origmailbox=200\n", "callerid=\"Alice\" <u>\n", "exten=500\n", "duration=2\n"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let sound = fs::read(inbox(&tree).join("msg0000.wav")).expect("its words");
    let header = jackfield::codec::wav::WavHeader::read(&sound).expect("a WAVE file");
    assert_eq!(header.data_bytes as usize, sound.len() - 44, "it is complete");
    let peak =
        sound[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]).unsigned_abs()).max();
    assert!(sound.len() > 44 + 16_000 * 3 / 2 && peak > Some(5_000), "{} bytes, {peak:?}", sound.len());

    let mut owner = Phone::new(&tree, "owner");
    owner.call("600", &tree);
    owner.press(1);
    assert!(owner.hears_loud_ms(1_000) >= 1_000, "the owner hears the message\n{}", tree.log());
    owner.press(11);
    shows("Voice-Message: 0/1");
    assert!(!inbox(&tree).join("msg0000.txt").exists());
    assert!(tree.dir.join("spool/voicemail/default/200/Old/msg0000.wav").exists());
}

/// D4, D5: a server that is killed while somebody speaks leaves no half message that counts, and the next one is whole.
#[test]
fn kill_9_while_somebody_speaks_leaves_no_half_message() {
    let mut tree = tree("voicemail-kill");
    tree.start();
    let mut caller = Phone::new(&tree, "first");
    caller.call("500", &tree);
    beginning_to_record(&tree);
    caller.speak(60);
    tree.kill();
    assert!(!inbox(&tree).join("msg0000.txt").exists(), "half a message counts");
    tree.start();
    let mut caller = Phone::new(&tree, "second");
    caller.call("500", &tree);
    caller.speak(90);
    caller.send(&caller.request("BYE", 2, "", ""));
    let counted = poll(|| inbox(&tree).join("msg0000.txt").exists().then_some(()));
    assert!(counted.is_some(), "the next message is kept\n{}", tree.log());
    let shown = String::from_utf8_lossy(
        &tree.command().args(["-x", "voicemail show users"]).output().expect("runs").stdout,
    )
    .into_owned();
    assert!(shown.contains("default    200   Bob                                       1"), "{shown}");
}
