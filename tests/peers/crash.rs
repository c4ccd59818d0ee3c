//! `kill -9` at any moment loses no contact that a 200 acknowledged.
//!
//! Every run kills 3 times. `JACKFIELD_KILLS=50 JACKFIELD_REGISTERS_PER_SEC=5000 cargo test --release --test peers kill_9`
//! is the long form; it prints how much was acknowledged.
#![allow(clippy::print_stderr, reason = "figures of the long form")]

use crate::client::Registrants;
use crate::tree::Tree;
use jackfield::base::rng::Rng;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const SEED: u64 = 20_260;
const AORS: u32 = 2_000;

fn open_phones() -> String {
    let user = |n| {
        format!("[u{n}]\ntype=endpoint\naors=u{n}\n[u{n}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n")
    };
    (0..AORS).map(user).collect()
}

fn setting(name: &str, default: u32) -> u32 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is a number, not '{text}'"))
}

#[test]
fn kill_9_under_a_stream_of_registers_loses_no_acknowledged_contact() {
    let (kills, rate) = (setting("JACKFIELD_KILLS", 3), setting("JACKFIELD_REGISTERS_PER_SEC", 1_000));
    let mut tree = Tree::new("crash", &open_phones());
    let mut rng = Rng::seeded(SEED);
    let mut phones = Registrants::new(tree.target(IpAddr::V4(Ipv4Addr::LOCALHOST), false), AORS);
    let (mut acknowledged, mut busy) = (0, Duration::ZERO);
    for round in 0..=kills {
        tree.start();
        let shown = contacts(&tree);
        for (user, newest) in &phones.granted {
            // A later one may be there: committed, but not yet acknowledged when the server died.
            assert!(
                shown.get(user).is_some_and(|there| there >= newest),
                "seed {SEED}, round {round}: contact {newest} of u{user} was acknowledged with 200 and is gone after \
                 kill -9; there is {:?}; {acknowledged} were acknowledged\n{}",
                shown.get(user),
                tree.log()
            );
        }
        if round == kills {
            break;
        }
        // The last bit falls into the middle of a commit.
        let lasts = Duration::from_micros(200_000 + rng.below(800_000));
        let before = phones.answered;
        phones.register_for(lasts, rate);
        tree.kill();
        phones.forget();
        assert!(phones.answered > before, "no answers in round {round}:\n{}", tree.log());
        acknowledged += phones.answered - before;
        busy += lasts;
    }
    eprintln!(
        "{kills} kills, {rate} REGISTER/s asked for: {acknowledged} acknowledged in {:.1} s ({:.0}/s), 0 lost",
        busy.as_secs_f64(),
        f64::from(acknowledged) / busy.as_secs_f64()
    );
}

/// The contact of each user, by its number.
fn contacts(tree: &Tree) -> BTreeMap<u32, u32> {
    let output = tree.command().args(["--json", "show", "contacts"]).output().expect("runs");
    assert!(output.status.success(), "{}", crate::tree::text_of(&output));
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    let numbers = text.split("sip:n").skip(1).filter_map(|rest| rest.split('@').next()?.parse::<u32>().ok());
    numbers.map(|n| (n % AORS, n)).collect()
}

/// D5: a recording is complete after `kill -9`, up to its last second, and its header says so.
#[test]
fn kill_9_leaves_recordings_complete_to_the_last_second() {
    let objects =
        "[u]\ntype=endpoint\ncontext=phones\nallow=ulaw\n[u]\ntype=identify\nendpoint=u\nmatch=127.0.0.1\n";
    let mut tree = Tree::new("crash-recording", objects);
    let path = tree.dir.join("call.wav");
    let dialplan = format!(
        "[phones]\nexten => 900,1,Answer()\n same => n,MixMonitor({})\n same => n,Wait(60)\n",
        path.display()
    );
    std::fs::write(tree.dir.join("extensions.conf"), dialplan).expect("written");
    tree.start();
    let (sip, rtp) = (phone_socket(), phone_socket());
    let (own, media) = (sip.local_addr().expect("bound"), rtp.local_addr().expect("bound").port());
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {media} RTP/AVP 0\r\n"
    );
    let invite = format!(
        "INVITE sip:900@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKkill\r\nMax-Forwards: 70\r\n\
         From: <sip:u@127.0.0.1>;tag=u\r\nTo: <sip:900@127.0.0.1>\r\nCall-ID: kill\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:u@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    sip.send_to(invite.as_bytes(), tree.target(IpAddr::V4(Ipv4Addr::LOCALHOST), false)).expect("sent");
    let mut bytes = [0; 2048];
    let port: u16 = loop {
        let length = sip.recv(&mut bytes).unwrap_or_else(|why| panic!("no answer: {why}\n{}", tree.log()));
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if text.starts_with("SIP/2.0 200") {
            let line = text.split("m=audio ").nth(1).expect("audio");
            break line.split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
        }
        assert!(text.starts_with("SIP/2.0 1"), "{text}\n{}", tree.log());
    };
    // Three seconds of sound, at the pace of a phone.
    for n in 0..150u16 {
        let mut packet = vec![0x80, 0];
        packet.extend_from_slice(&n.to_be_bytes());
        packet.extend_from_slice(&(u32::from(n) * 160).to_be_bytes());
        packet.extend_from_slice(&7u32.to_be_bytes());
        packet.extend((0..160).map(|at| if at % 8 < 4 { 0x10 } else { 0x90 }));
        rtp.send_to(&packet, ("127.0.0.1", port)).expect("sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    tree.kill();
    let bytes =
        std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}\n{}", path.display(), tree.log()));
    let header = jackfield::codec::wav::WavHeader::read(&bytes).expect("a WAVE file");
    let told = header.data_bytes as usize;
    assert!(told >= 2 * 16_000 - 1_600, "the header tells of {told} bytes");
    assert!(bytes.len() >= 44 + told && bytes.len() >= 44 + 3 * 16_000 - 8_000, "{} bytes", bytes.len());
    let loud =
        bytes[44..44 + told].chunks_exact(2).filter(|two| i16::from_le_bytes([two[0], two[1]]).abs() > 1000);
    assert!(loud.count() * 2 > told * 8 / 10, "it holds the sound");
}

fn phone_socket() -> std::net::UdpSocket {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    socket
}
