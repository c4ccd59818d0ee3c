//! What an operator does to a running server: renew certificates, move transports, rotate logs, ask what runs; and
//! what systemd hears of it.

use crate::tree::{PHONES, Tree, free_port, poll, read, text_of};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn options(cseq: u32, via: &str) -> String {
    format!(
        "OPTIONS sip:100@localhost SIP/2.0\r\nVia: SIP/2.0/{via};rport;branch=z9hG4bKo{cseq}\r\nMax-Forwards: 70\r\n\
         From: <sip:100@localhost>;tag=o\r\nTo: <sip:100@localhost>\r\nCall-ID: o{cseq}\r\nCSeq: {cseq} OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// Whether something answers SIP over UDP at that address within a moment.
fn answers(server: SocketAddr) -> bool {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a socket option");
    let own = socket.local_addr().expect("bound");
    let mut buffer = [0; 4_096];
    // A closed port may refuse the datagram at once.
    socket.send_to(options(1, &format!("UDP {own}")).as_bytes(), server).is_ok()
        && socket.recv_from(&mut buffer).is_ok_and(|(length, _)| buffer[..length].starts_with(b"SIP/2.0 "))
}

/// A TLS connection to a server that shows exactly this certificate.
type Tls = StreamOwned<ClientConnection, TcpStream>;

fn dial(tree: &Tree, certificate: &[u8]) -> Result<Tls, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate).expect("a certificate")).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a configuration");
    let tcp = TcpStream::connect(tree.target(V4, true)).expect("it listens");
    tcp.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket option");
    let mut stream = StreamOwned::new(client, tcp);
    ask(&mut stream, 1)?;
    Ok(stream)
}

/// One OPTIONS and its answer.
fn ask(stream: &mut Tls, cseq: u32) -> Result<(), String> {
    stream.write_all(options(cseq, "TLS 127.0.0.1:9").as_bytes()).map_err(|error| error.to_string())?;
    let mut answer = [0; 4_096];
    let length = stream.read(&mut answer).map_err(|error| error.to_string())?;
    match answer[..length].starts_with(b"SIP/2.0 ") {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&answer[..length]).into_owned()),
    }
}

/// Pain 10: certbot writes new files, new connections get them, old ones go on.
#[test]
fn a_renewed_certificate_serves_new_connections_and_drops_none() {
    let mut tree = Tree::new("renewal", PHONES).with_tls();
    tree.start();
    let old = std::fs::read(tree.dir.join("cert.pem")).expect("written");
    let mut first = dial(&tree, &old).expect("the first certificate");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let new = made.cert.pem();
    std::fs::write(tree.dir.join("cert.pem"), &new).expect("written");
    // Half done: the key is still the old one. A reload must not break what works.
    let words = text_of(&tree.command().arg("reload").output().expect("runs"));
    tree.wait_for_log("keeps its certificate: cert_file=");
    dial(&tree, &old).unwrap_or_else(|why| panic!("the old certificate serves on: {why}\n{words}"));
    std::fs::write(tree.dir.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    // Nobody says reload: the files are looked at.
    let taken = poll(|| dial(&tree, new.as_bytes()).ok());
    assert!(taken.is_some(), "the new certificate is never shown:\n{}", tree.log());
    ask(&mut first, 2).expect("the first connection is up");
}

#[test]
fn a_transport_moves_only_when_it_may_and_registrations_survive() {
    let mut tree = Tree::new("moving", PHONES);
    tree.start();
    let path = tree.dir.join("pjsip.conf");
    let good = std::fs::read_to_string(&path).expect("written");
    let (here, there) = (tree.target(V4, false), SocketAddr::new(V4, crate::tree::free_port()));
    assert!(answers(here) && !answers(there));
    let moved = good.replacen(&format!("bind={here}"), &format!("bind={there}"), 1);
    std::fs::write(&path, &moved).expect("writable");
    let reload = |tree: &Tree| text_of(&tree.command().arg("reload").output().expect("runs"));
    let words = reload(&tree);
    assert!(words.contains("Transport 'udp' is not reloadable, maintaining previous values"), "{words}");
    assert!(answers(here) && !answers(there));
    // allow_reload=yes comes with the same bind first: nothing moves. Then it moves.
    let may = |conf: &str| conf.replacen("protocol=udp\n", "protocol=udp\nallow_reload=yes\n", 1);
    std::fs::write(&path, may(&good)).expect("writable");
    reload(&tree);
    assert!(answers(here));
    std::fs::write(&path, may(&moved)).expect("writable");
    let words = reload(&tree);
    assert!(words.contains("Transport 'udp' is open anew"), "{words}");
    assert!(answers(there) && !answers(here), "{}", tree.log());
    assert!(tree.show(&["transports"]).contains(&there.to_string()));
}

/// `identify` by host name: the name is resolved in the background, through /etc/hosts too.
#[test]
fn a_host_name_identifies_once_it_is_resolved() {
    let trunk = "[trunk]\ntype=endpoint\naors=trunk\n[trunk]\ntype=aor\n[trunk]\ntype=identify\nendpoint=trunk\n\
                 match=localhost\nsrv_lookups=no\n";
    let mut tree = Tree::new("hostname", trunk);
    tree.start();
    tree.wait_for_log("Identify host 'localhost' is 127.0.0.1");
    let question = ["explain", "identify", "--from", "sip:x@y", "--source", "127.0.0.1:5060"];
    let words = text_of(&tree.command().args(question).output().expect("runs"));
    assert!(words.contains("trunk"), "{words}");
}

#[test]
fn log_files_are_those_of_logger_conf_and_survive_rotation() {
    let mut tree = Tree::new("logfiles", PHONES);
    let conf = "[logfiles]\nconsole => notice,warning,error\nmessages => notice,warning,error\n\
                security => security\n";
    std::fs::write(tree.dir.join("logger.conf"), conf).expect("written");
    tree.start();
    let logs = tree.dir.join("run");
    let path = logs.join("messages");
    assert!(poll(|| read(&path).contains(" Ready: ").then_some(())).is_some(), "{}", tree.log());
    std::fs::rename(&path, logs.join("messages.1")).expect("it is there");
    nix::sys::signal::kill(tree.pid(), nix::sys::signal::SIGHUP).expect("a child of ours");
    let again = poll(|| path.exists().then_some(()));
    assert!(again.is_some(), "the file is not made again:\n{}", tree.log());
    // A stranger with credentials is a security event, and its line is that of Asterisk.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let own = socket.local_addr().expect("bound");
    let text = format!(
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bKs\r\nMax-Forwards: 70\r\n\
         From: <sip:stranger@h>;tag=s\r\nTo: <sip:stranger@h>\r\nCall-ID: s\r\nCSeq: 1 REGISTER\r\n\
         Authorization: Digest username=\"stranger\",realm=\"asterisk\",nonce=\"1/2\",uri=\"sip:h\",response=\"x\"\r\n\
         Content-Length: 0\r\n\r\n"
    );
    socket.send_to(text.as_bytes(), tree.target(V4, false)).expect("sent");
    let wanted = "SECURITY[";
    let seen = poll(|| Some(read(&logs.join("security"))).filter(|text| text.contains(wanted)));
    let seen = seen.unwrap_or_else(|| panic!("no security event:\n{}", tree.log()));
    let remote = format!("RemoteAddress=\"IPV4/UDP/127.0.0.1/{}\"", own.port());
    assert!(seen.contains("res_security_log.c: SecurityEvent=\"") && seen.contains(&remote), "{seen}");
}

/// Type=notify and WatchdogSec of the unit: readiness once it serves, life signs while it turns, the end announced.
#[test]
fn systemd_hears_of_readiness_life_reload_and_the_end() {
    let mut tree = Tree::new("notify", PHONES);
    let path = tree.dir.join("notify.sock");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(crate::tree::PATIENCE)).expect("a socket option");
    let hear = |wanted: &str| {
        let mut buffer = [0; 4_096];
        loop {
            let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == wanted) {
                return;
            }
        }
    };
    tree.start_with(|command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    });
    hear("READY=1");
    hear("WATCHDOG=1");
    nix::sys::signal::kill(tree.pid(), nix::sys::signal::SIGHUP).expect("a child of ours");
    hear("RELOADING=1");
    hear("READY=1");
    hear("WATCHDOG=1");
    tree.terminate();
    hear("STOPPING=1");
}

/// Called by the name `asterisk`, with that program's flags and its asterisk.conf.
#[test]
fn scripts_that_call_asterisk_find_it() {
    let mut tree = Tree::new("asterisk", PHONES);
    let text = |name: &str| tree.dir.join(name).display().to_string();
    let conf = format!(
        "[directories]\nastetcdir => {}\nastrundir => {}\nastdbdir => {}\nastlogdir => {}\n",
        tree.dir.display(),
        text("var-run"),
        text("db"),
        text("log")
    );
    let file = tree.dir.join("asterisk.conf");
    std::fs::write(&file, conf).expect("written");
    let program = tree.dir.join("asterisk");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_jackfield"), &program).expect("a link");
    let mut command = Command::new(&program);
    command.args(["-f", "-n", "-C"]).arg(&file);
    tree.start_command(command);
    let execute = |line: &str| {
        let output = Command::new(&program).arg("-C").arg(&file).args(["-rx", line]).output().expect("runs");
        (output.status.success(), text_of(&output))
    };
    let (good, words) = execute("pjsip show endpoints");
    assert!(good && words.contains("Endpoint:  100") && words.contains("Objects found: 2"), "{words}");
    let (good, words) = execute("core set verbose 3");
    assert!(good && words.contains("Console verbose was OFF and is now 3."), "{words}");
    let (good, words) = execute("no such command");
    assert!(!good && words.contains("No such command"), "{words}");
    assert!(tree.dir.join("db/contacts.sqlite").exists() && tree.dir.join("var-run/jackfield.ctl").exists());
    let (good, _) = execute("core stop now");
    assert!(good);
    assert!(tree.ended().success());
}

/// S4-1 … S4-4, and a capture for Wireshark.
#[test]
fn messages_are_shown_and_captured() {
    let mut tree = Tree::new("capture", PHONES);
    tree.start();
    let execute = |line: &str| {
        let output = tree.command().args(["-x", line]).output().expect("runs");
        (output.status.success(), text_of(&output))
    };
    for line in
        ["core set verbose 4", "core set debug 4", "pjsip set logger pcap trace.pcap", "pjsip set logger on"]
    {
        assert!(execute(line).0, "{line}");
    }
    let (good, words) = execute("pjsip set logger pcap trace.pcap");
    assert!(!good && words.contains("name another file"), "a capture is not overwritten: {words}");
    assert!(answers(tree.target(V4, false)));
    tree.wait_for_log("<--- Received SIP request (");
    tree.wait_for_log("<--- Transmitting SIP response (");
    assert!(execute("pjsip set logger off").0);
    let path = tree.dir.join("run/trace.pcap");
    let captured = poll(|| {
        let bytes = std::fs::read(&path).ok()?;
        let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        (has("OPTIONS sip:") && has("SIP/2.0 ")).then_some(())
    });
    assert!(captured.is_some(), "both messages are in {}", path.display());
    let (good, words) = execute("core show settings");
    assert!(good && words.contains("Configuration directory:"), "{words}");
    assert!(words.contains(&tree.dir.display().to_string()), "{words}");
}

/// One scrape, as Prometheus makes it; nothing when nobody listens.
fn scrape(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200").then_some(text)
}

#[test]
fn metrics_are_served_where_jackfield_conf_says_and_a_taken_port_is_no_fault() {
    let port = free_port();
    let conf = format!("[general]\nmetrics_bind=127.0.0.1:{port}\nmetrics_endpoints=100\n");
    let mut tree = Tree::new("metrics", PHONES);
    std::fs::write(tree.dir.join("jackfield.conf"), &conf).expect("written");
    tree.start();
    let text = scrape(port).expect("it is listened");
    for line in [
        "jackfield_transport_up{transport=\"udp\"} 1",
        "jackfield_endpoints{state=\"Unavailable\"} 2",
        "jackfield_endpoint_up{endpoint=\"100\"} 0",
        "jackfield_store_up{store=\"contacts\"} 1",
        "jackfield_objects{kind=\"endpoints\"} 2",
        "jackfield_contacts 0",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let mut second = Tree::new("metrics-second", PHONES);
    std::fs::write(second.dir.join("jackfield.conf"), &conf).expect("written");
    second.start();
    second.wait_for_log("No metrics: 127.0.0.1");
    std::fs::write(tree.dir.join("jackfield.conf"), "[general]\nmetrics=no\n").expect("written");
    let output = tree.command().arg("reload").output().expect("runs");
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(scrape(port).is_none(), "off after the reload");
}
