use super::*;
use crate::base::ids::{FlowId, TransportId};
use crate::net::stream::{Dialer, Heard, Listener, Pace, Shared, StreamEvent, StreamOptions, Streams, serve};
use crate::net::wait::Poller;
use crate::sip::flow::{Arrival, Destination, Protocol};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// A directory of its own that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("jackfield-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("temporary directory");
        Dir(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("written");
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate for a name, its own authority; certificate and key as PEM.
fn certificate(name: &str) -> (String, String) {
    let key = rcgen::generate_simple_self_signed([name.to_owned()]).expect("certificate");
    (key.cert.pem(), key.signing_key.serialize_pem())
}

struct Side {
    runtime: Runtime,
    shared: Shared,
    queue: mpsc::Receiver<StreamEvent>,
    streams: Streams,
}

impl Side {
    fn new() -> Side {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("rt");
        let (_poller, waker) = Poller::new().expect("epoll");
        let (shared, queue) = Shared::new(waker, Pace::default());
        let streams = Streams::new(runtime.handle().clone(), shared.clone());
        Side { runtime, shared, queue, streams }
    }

    fn hear(&mut self) -> Heard {
        loop {
            let next = self.runtime.block_on(async {
                tokio::time::timeout(Duration::from_secs(10), self.queue.recv()).await.expect("in time")
            });
            if let Some(heard) = self.streams.hear(next.expect("open")) {
                return heard;
            }
        }
    }

    fn opened(&mut self) -> Arrival {
        match self.hear() {
            Heard::Opened(arrival, _) => arrival,
            other => panic!("{other:?}"),
        }
    }

    fn unreachable(&mut self) -> String {
        match self.hear() {
            Heard::Unreachable(faults) => faults[0].why.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

fn options(id: u16, tls: TlsOptions) -> StreamOptions {
    StreamOptions {
        id: TransportId(id),
        name: "transport-tls".into(),
        protocol: Protocol::Tls,
        bind: ([127, 0, 0, 1], 0).into(),
        tos: 0,
        cos: 0,
        only_v6: false,
        keepalive: None,
        tls: Some(Arc::new(Tls::load(tls).expect("loads"))),
    }
}

fn show(cert: &Path, key: &Path) -> TlsOptions {
    TlsOptions { cert_file: Some(cert.into()), priv_key_file: Some(key.into()), ..TlsOptions::default() }
}

fn to(id: u16, remote: SocketAddr, flow: FlowId) -> Destination {
    Destination { transport: TransportId(id), protocol: Protocol::Tls, flow, remote, local: None }
}

/// A listening transport 0 and dialling transports 1… on one side.
fn both(server: &StreamOptions, clients: &[StreamOptions]) -> (Side, SocketAddr) {
    let mut side = Side::new();
    let listener = Listener::open(server).expect("opens");
    let remote = listener.bound();
    side.runtime.spawn(serve(listener, side.shared.clone()));
    side.streams.configure(clients.iter().map(Dialer::new).collect());
    (side, remote)
}

#[test]
fn a_server_is_verified_by_the_name_that_was_asked_for() {
    let dir = Dir::new("verify");
    let (cert, key) = certificate("sip.example.com");
    let (cert, key) = (dir.write("cert.pem", &cert), dir.write("key.pem", &key));
    let verifying =
        TlsOptions { verify_server: true, ca_list_file: Some(cert.clone()), ..TlsOptions::default() };
    let clients = [options(1, verifying), options(2, TlsOptions::default())];
    let (mut side, remote) = both(&options(0, show(&cert, &key)), &clients);

    let right = side.streams.target(TransportId(1), remote, "sip.example.com");
    let wrong = side.streams.target(TransportId(1), remote, "sip.example.org");
    assert_ne!(right, wrong);
    assert_eq!(side.streams.target(TransportId(1), remote, "sip.example.com"), right);

    side.streams.send(to(1, remote, right), b"OPTIONS sip:h SIP/2.0\r\nl: 0\r\n\r\n").expect("queued");
    let (mut message, mut seen) = (None, 0);
    while message.is_none() || seen < 2 {
        match side.hear() {
            Heard::Opened(..) => seen += 1,
            Heard::Message(arrival, bytes) => message = Some((arrival, bytes)),
            other => panic!("{other:?}"),
        }
    }
    assert!(message.expect("came").1.starts_with(b"OPTIONS"));
    let before = side.streams.len();
    side.streams.send(to(1, remote, right), b"\r\n").expect("queued");
    side.streams.send(to(1, remote, FlowId::DATAGRAM), b"\r\n").expect("queued");
    assert_eq!(side.streams.len(), before, "both reuse the connection");

    side.streams.send(to(1, remote, wrong), b"x").expect("queued");
    let mut why = None;
    while why.is_none() {
        if let Heard::Unreachable(faults) = side.hear() {
            why = Some(faults[0].why.to_string());
        }
    }
    let why = why.expect("told");
    assert!(why.contains("not valid for name"), "{why}");
    // verify_server=no: any name will do.
    let other = side.streams.target(TransportId(2), remote, "sip.example.org");
    side.streams.send(to(2, remote, other), b"x").expect("queued");
    while !matches!(side.hear(), Heard::Opened(arrival, false) if arrival.transport == TransportId(2)) {}
}

#[test]
fn wildcards_are_taken_only_when_allowed() {
    let dir = Dir::new("wildcard");
    let (cert, key) = certificate("*.example.com");
    let (cert, key) = (dir.write("cert.pem", &cert), dir.write("key.pem", &key));
    let strict =
        TlsOptions { verify_server: true, ca_list_file: Some(cert.clone()), ..TlsOptions::default() };
    let lenient = TlsOptions { allow_wildcard_certs: true, ..strict.clone() };
    let clients = [options(1, strict), options(2, lenient)];
    let (mut side, remote) = both(&options(0, show(&cert, &key)), &clients);
    let strict = side.streams.target(TransportId(1), remote, "sip.example.com");
    side.streams.send(to(1, remote, strict), b"x").expect("queued");
    let mut told = false;
    while !told {
        told = matches!(side.hear(), Heard::Unreachable(_));
    }
    let lenient = side.streams.target(TransportId(2), remote, "sip.example.com");
    side.streams.send(to(2, remote, lenient), b"x").expect("queued");
    while !matches!(side.hear(), Heard::Opened(arrival, false) if arrival.transport == TransportId(2)) {}
}

#[test]
fn a_client_without_certificate_is_refused_where_one_is_required() {
    let dir = Dir::new("client");
    let (cert, key) = certificate("sip.example.com");
    let (cert, key) = (dir.write("cert.pem", &cert), dir.write("key.pem", &key));
    let (other, other_key) = certificate("stranger.example.com");
    let (other, other_key) = (dir.write("other.pem", &other), dir.write("other-key.pem", &other_key));
    let require = TlsOptions { require_client_cert: true, ..show(&cert, &key) };
    let verify = TlsOptions { verify_client: true, ca_list_file: Some(cert.clone()), ..require.clone() };
    // TLS 1.2, where the client hears of the refusal while it connects.
    let old = |options: TlsOptions| TlsOptions { versions: Versions::Tls12, ..options };
    for (server, client, welcome) in [
        (&require, TlsOptions::default(), false),
        (&require, show(&other, &other_key), true),
        (&verify, show(&other, &other_key), false),
        (&verify, show(&cert, &key), true),
    ] {
        let clients = [options(1, old(client))];
        let (mut side, remote) = both(&options(0, server.clone()), &clients);
        side.streams.send(to(1, remote, FlowId::DATAGRAM), b"x").expect("queued");
        let (mut refused, mut opened) = (false, false);
        while !refused && !opened {
            match side.hear() {
                Heard::Refused(TransportId(0), Some(_), why) => {
                    assert!(why.starts_with("TLS: "), "{why}");
                    refused = true;
                }
                Heard::Opened(arrival, true) => opened = arrival.transport == TransportId(0),
                _ => {}
            }
        }
        assert_eq!(opened, welcome);
    }
}

/// Pain 10: a renewed certificate serves new connections; old ones stay up.
#[test]
fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
    let dir = Dir::new("renew");
    let (first, first_key) = certificate("one.example.com");
    let (second, second_key) = certificate("a-longer-name.example.com");
    let (cert, key) = (dir.write("cert.pem", &first), dir.write("key.pem", &first_key));
    let server = options(0, show(&cert, &key));
    let tls = Arc::clone(server.tls.as_ref().expect("TLS"));
    let (mut side, remote) = both(&server, &[options(1, TlsOptions::default())]);
    side.streams.send(to(1, remote, FlowId::DATAGRAM), b"x").expect("queued");
    let old = side.opened();
    side.opened();

    assert_eq!(tls.refresh(), Refresh::Unchanged);
    dir.write("cert.pem", &second);
    assert!(matches!(tls.refresh(), Refresh::Kept(_)), "the key does not fit yet");
    assert_eq!(tls.refresh(), Refresh::Unchanged, "told once");
    assert_eq!(tls.certificate().expect("one").names, ["one.example.com"]);
    std::fs::remove_file(&key).expect("removed");
    let Refresh::Kept(fault) = tls.refresh() else { panic!() };
    assert!(fault.to_string().starts_with("priv_key_file="), "{fault}");
    dir.write("key.pem", &second_key);
    assert_eq!(tls.refresh(), Refresh::Swapped);
    assert_eq!(tls.certificate().expect("one").names, ["a-longer-name.example.com"]);

    side.streams
        .send(old.back(), b"OPTIONS sip:h SIP/2.0\r\nl: 0\r\n\r\n")
        .expect("the old connection is up");
    while !matches!(side.hear(), Heard::Message(..)) {}
    let now = crate::base::time::WallTime(0);
    assert!(tls.certificate().expect("one").days_left(now) > 0);
}

#[test]
fn what_cannot_be_had_is_said_with_option_and_file() {
    let dir = Dir::new("faults");
    let (cert, key) = certificate("one.example.com");
    let (_, other_key) = certificate("two.example.com");
    let both = dir.write("both.pem", &format!("{key}{cert}"));
    let (cert, key) = (dir.write("cert.pem", &cert), dir.write("key.pem", &key));
    let (other, empty) = (dir.write("other.pem", &other_key), dir.write("empty.pem", ""));
    let text = |options: TlsOptions| Tls::load(options).expect_err("a fault").to_string();
    assert!(text(show(&dir.0.join("none.pem"), &key)).contains("No such file"));
    assert!(text(show(&empty, &key)).contains("no certificate in it"));
    assert!(text(show(&cert, &empty)).contains("openssl pkey"));
    assert!(text(show(&cert, &other)).contains("and the key in"));
    let orphan = TlsOptions { priv_key_file: Some(key), ..TlsOptions::default() };
    assert_eq!(text(orphan), "priv_key_file without cert_file");
    let nobody =
        TlsOptions { verify_server: true, ca_list_path: Some(dir.0.join("none")), ..TlsOptions::default() };
    assert!(text(nobody).starts_with("ca_list_path="));
    let combined = TlsOptions { cert_file: Some(both), ..TlsOptions::default() };
    assert!(Tls::load(combined).expect("the key is looked for there").acceptor().is_some());
    let none = Tls::load(TlsOptions::default()).expect("may dial");
    assert!(none.acceptor().is_none());
    assert_eq!(none.notes(), ["no cert_file: TLS connections from outside are refused"]);
    for old in ["tlsv1", "tlsv1_1", "sslv2", "sslv3"] {
        assert!(Versions::from_method(old).expect_err("old").to_string().contains("RFC 8996"));
    }
    assert_eq!(Versions::from_method("sslv23"), Ok(Versions::Safe));
}

#[test]
fn nobody_is_kept_waiting_by_a_server_that_is_not_tls() {
    let peer = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let remote = peer.local_addr().expect("bound");
    let mut side = Side::new();
    side.streams.configure(vec![Dialer::new(&options(1, TlsOptions::default()))]);
    side.streams.send(to(1, remote, FlowId::DATAGRAM), b"x").expect("queued");
    let (mut conn, _) = peer.accept().expect("connected");
    std::io::Write::write_all(&mut conn, b"SIP/2.0 400 Not TLS\r\n\r\n").expect("sent");
    let why = side.unreachable();
    assert!(why.starts_with("TLS: "), "{why}");
}

/// AST-2011-005 and its kin: who connects and never finishes TLS holds a place for a while, not for ever.
#[test]
fn who_does_not_finish_tls_is_closed() {
    let dir = Dir::new("slow-tls");
    let (cert, key) = certificate("localhost");
    let (cert, key) = (dir.write("cert.pem", &cert), dir.write("key.pem", &key));
    let (mut side, remote) = both(&options(0, show(&cert, &key)), &[]);
    side.shared.set_pace(Pace { first_message: Duration::from_millis(80), ..Pace::default() });
    let silent = std::net::TcpStream::connect(remote).expect("loopback");
    let mut halting = std::net::TcpStream::connect(remote).expect("loopback");
    // The head of a ClientHello that never comes.
    std::io::Write::write_all(&mut halting, &[22, 3, 1, 2, 0, 1]).expect("sent");
    for _ in 0..2 {
        let Heard::Refused(_, Some(_), why) = side.hear() else { panic!() };
        assert_eq!(why, "TLS was not finished in time");
    }
    assert_eq!((side.shared.gate().open(), side.shared.gate().silent()), (0, 0));
    for mut conn in [silent, halting] {
        assert_eq!(std::io::Read::read(&mut conn, &mut [0; 9]).unwrap_or(0), 0);
    }
}
