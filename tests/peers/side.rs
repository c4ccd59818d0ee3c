//! One side of a call, played by SIPp: a scenario written step by step.

use crate::tree::{Process, Tree, free_port, poll, read};
use std::fs::File;
use std::process::{Command, Stdio};

/// One line after the other becomes a scenario: `> text` is sent, `< 200` or `< BYE` waited for, the rest is XML.
pub struct Side {
    pub name: String,
    pub port: u16,
    pub steps: String,
}

/// No media is sent, so the number of the SIP port serves; each side has its own.
const SDP: &str = "\n    v=0\n    o=- 1 VERSION IN IP4 127.0.0.1\n    s=-\n    c=IN IP4 127.0.0.1\n    t=0 0\n    \
                   m=audio [local_port] RTP/AVP 0\n    a=rtpmap:0 PCMU/8000\n    a=MODE\n";

impl Side {
    pub fn new(name: impl Into<String>) -> Side {
        Side { name: name.into(), port: free_port(), steps: String::new() }
    }

    pub fn xml(mut self, text: &str) -> Side {
        self.steps += text;
        self
    }

    pub fn pause(self, milliseconds: u32) -> Side {
        self.xml(&format!("<pause milliseconds=\"{milliseconds}\"/>\n"))
    }

    pub fn hears(self, what: &str) -> Side {
        let kind = if what.starts_with(|c: char| c.is_ascii_digit()) { "response" } else { "request" };
        self.xml(&format!("<recv {kind}=\"{what}\" rrs=\"true\"/>\n"))
    }

    pub fn may_hear(self, what: &str) -> Side {
        self.xml(&format!("<recv response=\"{what}\" optional=\"true\"/>\n"))
    }

    /// Waits for a message and keeps the first number of one of its headers.
    pub fn keeps(self, kind: &str, what: &str, header: &str, name: &str) -> Side {
        self.xml(&format!(
            "<recv {kind}=\"{what}\" rrs=\"true\"><action><ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"{header}:\" \
             assign_to=\"{name}\"/></action></recv>\n"
        ))
    }

    /// A request of the caller's; `sdp`: its o= version and direction.
    pub fn asks(self, request: &str, cseq: u32, lines: &str, sdp: Option<(u32, &str)>) -> Side {
        let method = request.split(' ').next().unwrap_or_default();
        // The ACK of a 2xx (`ACK answer`) is a request of its own, in the dialog; that of a refusal is not.
        let first = cseq == 1 && !request.contains(' ');
        let (uri, tag) = match first {
            true => ("sip:200@[remote_ip]:[remote_port]", ""),
            false => ("[next_url]", "[peer_tag_param]"),
        };
        // A CANCEL has the branch of what it cancels; every other request one of its own.
        let branch = if first { "first" } else { request };
        let again = if method == "ACK" { "" } else { " retrans=\"500\"" };
        self.xml(&format!(
            "<send{again}><![CDATA[\n    {method} {uri} SIP/2.0\n    \
             Via: SIP/2.0/UDP [local_ip]:[local_port];rport;branch=z9hG4bK-[pid]-{}\n    \
             Max-Forwards: 70\n    From: <sip:100@[local_ip]>;tag=ann[pid]\n    To: <sip:200@[remote_ip]>{tag}\n    \
             Call-ID: [call_id]\n    CSeq: {cseq} {method}\n    Contact: <sip:100@[local_ip]:[local_port]>\n{lines}{}]]></send>\n",
            branch.replace(' ', "-"),
            body(sdp),
        ))
    }

    /// A response to what was heard last; `cseq`: to an earlier INVITE with that number.
    pub fn answers(self, status: &str, cseq: Option<&str>, lines: &str, sdp: Option<(u32, &str)>) -> Side {
        let cseq = cseq.map_or("[last_CSeq:]".to_owned(), |cseq| format!("CSeq: [${cseq}] INVITE"));
        self.xml(&format!(
            "<send><![CDATA[\n    SIP/2.0 {status}\n    [last_Via:]\n    [last_From:]\n    [last_To:];tag=bob[pid]\n    \
             [last_Call-ID:]\n    {cseq}\n    Contact: <sip:200@[local_ip]:[local_port]>\n    \
             Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\n{lines}{}]]></send>\n",
            body(sdp),
        ))
    }

    /// A request of the called side's, after [`Side::knows_peer`].
    pub fn asks_back(self, request: &str, cseq: u32, lines: &str, sdp: Option<(u32, &str)>) -> Side {
        let method = request.split(' ').next().unwrap_or_default();
        let again = if method == "ACK" { "" } else { " retrans=\"500\"" };
        self.xml(&format!(
            "<send{again}><![CDATA[\n    {method} [next_url] SIP/2.0\n    \
             Via: SIP/2.0/UDP [local_ip]:[local_port];rport;branch=z9hG4bK-[pid]-{}\n    \
             Max-Forwards: 70\n    From: <sip:200@[local_ip]>;tag=bob[pid]\n    To:[$peer]\n    \
             Call-ID: [call_id]\n    CSeq: {cseq} {method}\n    Contact: <sip:200@[local_ip]:[local_port]>\n{lines}{}]]></send>\n",
            request.replace(' ', "-"),
            body(sdp),
        ))
    }

    /// Waits for the INVITE and keeps who sent it, for [`Side::asks_back`].
    pub fn knows_peer(self) -> Side {
        self.xml(
            "<recv request=\"INVITE\" rrs=\"true\"><action><ereg regexp=\".*\" search_in=\"hdr\" header=\"From:\" \
             assign_to=\"peer\"/></action></recv>\n<Reference variables=\"peer\"/>\n",
        )
    }

    /// Waits for a message and writes a line of its own into the log, see [`Side::noted`].
    pub fn notes(self, kind: &str, what: &str, note: &str) -> Side {
        self.xml(&format!(
            "<recv {kind}=\"{what}\" rrs=\"true\"><action><log message=\"{note}\"/></action></recv>\n"
        ))
    }

    /// What the log has so far.
    pub fn noted(&self, tree: &Tree) -> String {
        std::fs::read_to_string(tree.dir.join(format!("{}.noted", self.name))).unwrap_or_default()
    }

    /// To a re-INVITE or an UPDATE.
    pub fn agrees_with(self, sdp: (u32, &str)) -> Side {
        self.xml(&format!(
            "<send><![CDATA[\n    SIP/2.0 200 OK\n    [last_Via:]\n    [last_From:]\n    [last_To:]\n    [last_Call-ID:]\n    \
             [last_CSeq:]\n    Contact: <sip:phone@[local_ip]:[local_port]>\n{}]]></send>\n",
            body(Some(sdp)),
        ))
    }

    /// To a request that has our tag already.
    pub fn agrees(self) -> Side {
        self.xml(
            "<send><![CDATA[\n    SIP/2.0 200 OK\n    [last_Via:]\n    [last_From:]\n    [last_To:]\n    [last_Call-ID:]\n    \
             [last_CSeq:]\n    Content-Length: 0\n\n]]></send>\n",
        )
    }

    /// Starts it, as caller.
    pub fn start(&self, tree: &Tree) -> Process {
        let path = tree.dir.join(format!("{}.xml", self.name));
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<scenario name=\"{}\">\n{}</scenario>\n",
            self.name, self.steps
        );
        std::fs::write(&path, text).expect("written");
        let log = File::create(tree.dir.join(format!("{}.log", self.name))).expect("writable");
        let mut command = Command::new("sipp");
        command.arg(format!("127.0.0.1:{}", tree.port)).arg("-sf").arg(&path);
        command.args([
            "-i",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-m",
            "1",
            "-nostdin",
            "-timeout",
            "40s",
        ]);
        command.args(["-trace_logs", "-log_file"]).arg(tree.dir.join(format!("{}.noted", self.name)));
        command.args(["-trace_err", "-error_file"]).arg(tree.dir.join(format!("{}.errors", self.name)));
        command.current_dir(&tree.dir).env("TERM", "dumb").stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        Process::peer(&mut command, "sip-tester")
    }

    /// Starts it, and waits until it listens.
    pub fn listen(&self, tree: &Tree) -> Process {
        let process = self.start(tree);
        let listens = poll(|| std::net::UdpSocket::bind(("127.0.0.1", self.port)).is_err().then_some(()));
        assert!(listens.is_some(), "{}", self.told(tree));
        process
    }

    /// It got through its scenario.
    pub fn ended(&self, process: &mut Process, tree: &Tree) {
        let status = process.ended();
        let well = status.is_some_and(|status| status.success());
        assert!(well, "{status:?}\n{}\n{}", self.told(tree), tree.log());
    }

    /// What it complained of.
    pub fn told(&self, tree: &Tree) -> String {
        format!("{}:\n{}", self.name, read(&tree.dir.join(format!("{}.errors", self.name))))
    }
}

fn body(sdp: Option<(u32, &str)>) -> String {
    match sdp {
        None => "    Content-Length: 0\n\n".to_owned(),
        Some((version, mode)) => {
            let sdp = SDP.replace("VERSION", &version.to_string()).replace("MODE", mode);
            format!("    Content-Type: application/sdp\n    Content-Length: [len]\n{sdp}\n")
        }
    }
}
