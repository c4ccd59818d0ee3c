//! What an attacker meets at the running program: lines that fail2ban's stock filter understands, a log that does not
//! grow with the flood, bans, and connections that cannot be held for nothing.

use crate::tree::{PHONES, Tree, poll, read, text_of};
use regex::Regex;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Somebody on a loopback address of his own.
struct Stranger {
    socket: UdpSocket,
    server: SocketAddr,
    cseq: u32,
}

impl Stranger {
    fn at(last: u8, server: SocketAddr) -> Stranger {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 66, last), 0)).expect("a loopback address");
        socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket option");
        Stranger { socket, server, cseq: 0 }
    }

    fn send(&mut self, user: &str, lines: &str) {
        self.cseq += 1;
        let (server, cseq, own) = (self.server, self.cseq, self.socket.local_addr().expect("bound"));
        let text = format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK-s{cseq}\r\nMax-Forwards: 70\r\n\
             From: \"A: b\" <sip:{user}@{server}>;tag=s\r\nTo: <sip:{user}@{server}>\r\nCall-ID: s{own}: {cseq}\r\n\
             CSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{own}>\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        self.socket.send_to(text.as_bytes(), server).expect("loopback");
    }

    /// The answer's status; `None` when there is none.
    fn ask(&mut self, user: &str, lines: &str) -> Option<u16> {
        self.send(user, lines);
        let mut buffer = [0; 4_096];
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        text.split(' ').nth(1)?.parse().ok()
    }
}

/// Credentials of the right form that nothing fits.
fn wrong(user: &str) -> String {
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"asterisk\", nonce=\"1/00\", uri=\"sip:x\", \
         response=\"0123456789abcdef0123456789abcdef\", algorithm=MD5\r\n"
    )
}

/// The patterns of fail2ban 1.0's `filter.d/asterisk.conf` that concern PJSIP, written without the look-ahead that Rust's
/// patterns lack. Its date is gone from the line by then, the brackets are left.
fn stock(line: &str) -> Option<String> {
    let prefix = r"^\[\]\s*(?:NOTICE|SECURITY|WARNING)(?:\s*\[\d+\]):?(?:\[C-[\da-f]*\])?:? [^:]+:\d*(?:(?: in)? [^:]+:)? ";
    let host = r"(?P<host>[0-9.]+|\[?[0-9A-Fa-f:.]+\]?)";
    let patterns = [
        format!(
            r#"{prefix}SecurityEvent="(?:FailedACL|InvalidAccountID|ChallengeResponseFailed|InvalidPassword)"(?:,\w+="[^"]*")*?,RemoteAddress="IPV[46]/[^/"]+/{host}/\d+"(?:,\w+="[^"]*")*$"#
        ),
        format!(
            r"{prefix}Request (?:'[^']*' )?from '(?:[^']*|.*?)' failed for '{host}(?::\d+)?'\s\(callid: [^\)]*\) - (?:No matching endpoint found|Not match Endpoint(?: Contact)? ACL|(?:Failed|Error) to authenticate)\s*$"
        ),
    ];
    let (_, rest) = line.split_once(']')?;
    let dateless = format!("[]{rest}");
    let mut found = patterns.iter().filter_map(|pattern| {
        let pattern = Regex::new(pattern).expect("a pattern");
        Some(pattern.captures(&dateless)?["host"].to_owned())
    });
    found.next()
}

const LOGGER_CONF: &str =
    "[logfiles]\nconsole => notice,warning,error\nmessages => notice,warning\nsecurity => security\n";
const FENCED: &str = "[fenced](phone)\nauth=fenced\naors=fenced\ndeny=0.0.0.0/0\n[fenced]\ntype=auth\nusername=fenced\n\
                      password=x\n[fenced]\ntype=aor\n";

/// Issue 2, part 9. With `SECURITY_LINES=DIR` the files stay there, for `fail2ban-regex` itself.
#[test]
fn the_stock_filter_of_fail2ban_finds_who_attacks() {
    let mut tree = Tree::new("fail2ban", &format!("{PHONES}{FENCED}"));
    std::fs::write(tree.dir.join("logger.conf"), LOGGER_CONF).expect("written");
    tree.start();
    let server = tree.target(V4, false);
    assert_eq!(Stranger::at(1, server).ask("nobody", ""), Some(401), "unknown endpoint");
    assert_eq!(Stranger::at(2, server).ask("100", &wrong("100")), Some(401), "wrong password");
    assert_eq!(Stranger::at(3, server).ask("fenced", ""), Some(401), "no ACL match");
    assert_eq!(Stranger::at(4, server).ask("100", ""), Some(401), "a phone's first request");
    let file = |name: &str, last: &str| {
        let path = tree.dir.join("run").join(name);
        let found = poll(|| Some(read(&path)).filter(|text| text.contains(last)));
        found.unwrap_or_else(|| panic!("{name} lacks {last}: {}", read(&path)))
    };
    for (name, last) in [("security", "127.0.66.4"), ("messages", "127.0.66.3")] {
        let text = file(name, last);
        let hosts: Vec<String> = text.lines().filter_map(stock).collect();
        assert_eq!(hosts, ["127.0.66.1", "127.0.66.2", "127.0.66.3"], "{name}:\n{text}");
        let with = |words: &str| text.lines().filter(|line| line.contains(words)).count();
        if name == "security" {
            let failed =
                r#",Challenge="1/00",Response="0123456789abcdef0123456789abcdef",ExpectedResponse="""#;
            assert_eq!((with(failed), with(",Challenge=\"\"")), (1, 0), "{text}");
        }
        if let Some(dir) = std::env::var_os("SECURITY_LINES") {
            std::fs::write(std::path::Path::new(&dir).join(name), text).expect("written");
        }
    }
}

/// A flood has its lines, then a number; the program goes on serving.
#[test]
fn a_flood_does_not_fill_the_log() {
    let mut tree = Tree::new("flood", PHONES);
    std::fs::write(tree.dir.join("logger.conf"), LOGGER_CONF).expect("written");
    tree.start();
    let server = tree.target(V4, false);
    let mut stranger = Stranger::at(9, server);
    for n in 0..3_000 {
        assert_eq!(stranger.ask(&format!("u{n}"), ""), Some(401));
    }
    let log = tree.log();
    let lines = log.lines().filter(|line| line.contains("127.0.66.9")).count();
    assert!((20..=60).contains(&lines), "{lines}");
    assert!(read(&tree.dir.join("run").join("security")).lines().count() <= 120);
}

/// Off until it is asked for; `security show bans` and `security unban` on the way out.
#[test]
fn a_guesser_is_barred_and_let_in_again() {
    let mut tree = Tree::new("bans", PHONES);
    std::fs::write(tree.dir.join("jackfield.conf"), "[general]\nban=yes\nban_threshold=10\n")
        .expect("written");
    tree.start();
    let server = tree.target(V4, false);
    let order = |line: &str| {
        let output = tree.command().args(["-x", line]).output().expect("runs");
        text_of(&output)
    };
    let mut guesser = Stranger::at(5, server);
    assert_eq!(order("security show bans"), "No source is barred.\n");
    // Two points each, ten bar him; on a slow machine a little has drained away by the fifth.
    let answered = (0..20).take_while(|n| guesser.ask(&format!("u{n}"), "") == Some(401)).count();
    assert!((5..=6).contains(&answered), "{answered}");
    assert_eq!(guesser.ask("100", ""), None, "whoever he says he is now");
    assert_eq!(Stranger::at(6, server).ask("100", ""), Some(401));
    tree.wait_for_log("Barred 127.0.66.5 for 3600 s: names that do not exist");
    let bans = order("security show bans");
    assert!(bans.contains("127.0.66.5 ") && bans.contains("names that do not exist"), "{bans}");
    assert_eq!(order("security unban 127.0.66.5").trim_end(), "Lifted the ban on 127.0.66.5");
    assert_eq!(guesser.ask("100", ""), Some(401));
}

/// A server that could not run for a while finds a queue: what waited too long is refused by need, calls are not.
#[test]
fn what_waited_too_long_is_refused_by_need() {
    let mut tree = Tree::new("overload", PHONES);
    tree.start();
    let server = tree.target(V4, false);
    // Each method has a socket of its own: one could not hold all the answers.
    let methods = ["OPTIONS", "REGISTER", "INVITE", "BYE"];
    let strangers = methods.map(|_| Stranger::at(7, server));
    let request = |method: &str, stranger: &Stranger, cseq: u32| {
        let own = stranger.socket.local_addr().expect("bound");
        format!(
            "{method} sip:100@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK-o{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:100@{server}>;tag=s\r\nTo: <sip:100@{server}>\r\nCall-ID: o{cseq}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:100@{own}>\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let signal = |signal| nix::sys::signal::kill(tree.pid(), signal).expect("a child of ours");
    signal(nix::sys::signal::Signal::SIGSTOP);
    for cseq in 0..64 {
        for (method, stranger) in methods.iter().zip(&strangers) {
            let text = request(method, stranger, cseq);
            stranger.socket.send_to(text.as_bytes(), server).expect("loopback");
        }
    }
    // It is the waiting that is tested: more than 600 ms, less than the second after which INVITEs are refused.
    std::thread::sleep(Duration::from_millis(750));
    signal(nix::sys::signal::Signal::SIGCONT);
    let refused = strangers.map(|stranger| {
        let mut buffer = [0; 4_096];
        let answers = (0..64).map(|_| {
            let (length, _) = stranger.socket.recv_from(&mut buffer).expect("every request is answered");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            assert_eq!(text.starts_with("SIP/2.0 503 "), text.contains("\r\nRetry-After: "), "{text}");
            text.starts_with("SIP/2.0 503 ")
        });
        answers.filter(|refused| *refused).count()
    });
    assert!((32..=64).contains(&refused[0]) && refused[0] == refused[1], "{refused:?}");
    assert_eq!(refused[2..], [0, 0], "calls are taken on, and ended");
    tree.wait_for_log("Overload: messages waited up to ");
}
