use super::*;
use crate::net::wait::Poller;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A switch's side of the streams, with a runtime for the other side.
struct Side {
    runtime: Runtime,
    shared: Shared,
    queue: mpsc::Receiver<StreamEvent>,
    streams: Streams,
}

const MESSAGE: &[u8] = b"OPTIONS sip:h SIP/2.0\r\nContent-Length: 2\r\n\r\nhi";

fn options(id: u16) -> StreamOptions {
    StreamOptions {
        id: TransportId(id),
        name: "transport-tcp".into(),
        protocol: Protocol::Tcp,
        bind: ([127, 0, 0, 1], 0).into(),
        tos: 0,
        cos: 0,
        only_v6: false,
        keepalive: None,
        tls: None,
    }
}

impl Side {
    fn new(pace: Pace) -> Side {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("rt");
        let (_poller, waker) = Poller::new().expect("epoll");
        let (shared, queue) = Shared::new(waker, pace);
        let mut streams = Streams::new(runtime.handle().clone(), shared.clone());
        streams.configure(vec![Dialer::new(&options(0))]);
        Side { runtime, shared, queue, streams }
    }

    fn listen(&mut self, options: &StreamOptions) -> SocketAddr {
        let listener = Listener::open(options).expect("opens");
        let bound = listener.bound();
        self.runtime.spawn(serve(listener, self.shared.clone()));
        bound
    }

    /// The next thing the switch hears.
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

    fn message(&mut self) -> (Arrival, Vec<u8>) {
        match self.hear() {
            Heard::Message(arrival, bytes) => (arrival, bytes),
            other => panic!("{other:?}"),
        }
    }

    fn closed(&mut self) -> (FlowId, String) {
        match self.hear() {
            Heard::Closed(gone, why) => (gone.flow, why.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    fn opened(&mut self) -> Arrival {
        match self.hear() {
            Heard::Opened(arrival, _) => arrival,
            other => panic!("{other:?}"),
        }
    }
}

fn to(remote: SocketAddr) -> Destination {
    Destination {
        transport: TransportId(0),
        protocol: Protocol::Tcp,
        flow: FlowId::DATAGRAM,
        remote,
        local: None,
    }
}

fn phone(server: SocketAddr) -> TcpStream {
    let phone = TcpStream::connect(server).expect("loopback");
    phone.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
    phone
}

fn read(phone: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    phone.read_exact(&mut bytes).expect("bytes");
    bytes
}

#[test]
fn messages_come_whole_and_answers_take_the_same_connection() {
    let mut side = Side::new(Pace::default());
    let server = side.listen(&options(0));
    let mut phone = phone(server);
    let (first, second) = MESSAGE.split_at(20);
    phone.write_all(first).expect("sent");
    let opened = side.opened();
    assert_eq!((opened.source, opened.local), (phone.local_addr().expect("bound"), server));
    assert_eq!(side.shared.gate().silent(), 1);
    phone.write_all(&[second, b"\r\n\r\n", MESSAGE].concat()).expect("sent");
    for _ in 0..2 {
        assert_eq!(side.message(), (opened, MESSAGE.to_vec()));
    }
    assert_eq!(side.shared.gate().silent(), 0);
    assert_eq!(read(&mut phone, 2), b"\r\n", "a ping is answered");
    side.streams.send(opened.back(), b"first").expect("queued");
    side.streams.send(to(opened.source), b"second").expect("queued: the connection is found by its address");
    assert_eq!(read(&mut phone, 11), b"firstsecond");
    drop(phone);
    assert_eq!(side.closed(), (opened.flow, "closed by peer".to_owned()));
    assert!(side.streams.is_empty());
    assert_eq!(side.shared.gate().open(), 0);
}

#[test]
fn a_connection_is_opened_when_there_is_none_and_used_again() {
    let mut side = Side::new(Pace::default());
    let peer = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let remote = peer.local_addr().expect("bound");
    side.streams.send(to(remote), b"one").expect("queued");
    side.streams.send(to(remote), b"two").expect("queued");
    let (mut conn, from) = peer.accept().expect("connected");
    assert_eq!(read(&mut conn, 6), b"onetwo");
    let Heard::Opened(opened, inbound) = side.hear() else { panic!() };
    assert!(!inbound);
    assert_eq!((opened.source, opened.local), (remote, from));
    conn.write_all(MESSAGE).expect("sent");
    assert_eq!(side.message().0, opened);
    drop(conn);
    assert_eq!(side.closed().0, opened.flow);
    // The flow is gone: whoever still names it gets a new connection to the same place.
    side.streams.send(opened.back(), b"three").expect("queued");
    let (mut conn, _) = peer.accept().expect("connected");
    assert_eq!(read(&mut conn, 5), b"three");
    let again = side.opened();
    assert_ne!(again.flow, opened.flow);
    side.streams.close(again.flow, "told to");
    assert_eq!(side.closed(), (again.flow, "told to".to_owned()));
    assert_eq!(conn.read(&mut [0; 9]).expect("closed"), 0);
}

#[test]
fn who_cannot_be_reached_is_told_per_destination() {
    let mut side = Side::new(Pace::default());
    let nobody = TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound");
    let other = Destination { local: Some(([127, 0, 0, 1], 5).into()), ..to(nobody) };
    side.streams.send(to(nobody), b"one").expect("queued");
    side.streams.send(to(nobody), b"two").expect("queued");
    side.streams.send(other, b"three").expect("queued");
    let Heard::Unreachable(faults) = side.hear() else { panic!() };
    let told: Vec<_> = faults.iter().map(|fault| (fault.to, fault.why.as_ref())).collect();
    assert_eq!(told, [(to(nobody), "connection refused"), (other, "connection refused")]);
    let elsewhere = Destination { transport: TransportId(7), ..to(nobody) };
    assert!(side.streams.send(elsewhere, b"x").is_err());
    let v6 = Destination { remote: "[::1]:9".parse().expect("address"), ..to(nobody) };
    assert!(
        side.streams.send(v6, b"x").is_err(),
        "a transport bound to an IPv4 address opens no IPv6 connection"
    );
}

#[test]
fn silence_slowness_and_nonsense_end_a_connection() {
    let quick = Duration::from_millis(80);
    let mut side = Side::new(Pace { first_message: quick, ..Pace::default() });
    let server = side.listen(&options(0));
    let _silent = phone(server);
    side.opened();
    assert_eq!(side.closed().1, "no message came");

    for (bytes, why) in [
        (&b"OPTIONS sip:h SIP/2.0\r\nX: y\r\n\r\n"[..], "a message has no valid Content-Length"),
        (&[b'a'; limits::MESSAGE_BYTES + 1], "a message is too long"),
    ] {
        let mut phone = phone(server);
        phone.write_all(bytes).expect("sent");
        side.opened();
        assert_eq!(side.closed().1, why);
    }

    // A byte now and then keeps nothing open, not even for one who has spoken before.
    let mut side = Side::new(Pace { message: quick, ..Pace::default() });
    let server = side.listen(&options(0));
    let mut dripping = phone(server);
    dripping.write_all(&[MESSAGE, MESSAGE, b"OPTIONS"].concat()).expect("sent");
    side.opened();
    side.message();
    side.message();
    let drip = std::thread::spawn(move || {
        while dripping.write_all(b"x").is_ok() {
            std::thread::sleep(quick / 8);
        }
    });
    assert_eq!(side.closed().1, "a message is not finished");
    drip.join().expect("it ends when the connection does");

    let mut side = Side::new(Pace { idle: quick, ..Pace::default() });
    let server = side.listen(&options(0));
    let mut idle = phone(server);
    idle.write_all(MESSAGE).expect("sent");
    side.opened();
    side.message();
    assert_eq!(side.closed().1, "idle");

    let mut side = Side::new(Pace { stall: quick, ..Pace::default() });
    let server = side.listen(&options(0));
    let mut slow = phone(server);
    slow.write_all(MESSAGE).expect("sent");
    let to = side.opened().back();
    side.message();
    let big = vec![b'x'; 60_000];
    let mut refused = None;
    for _ in 0..1_000 {
        refused = side.streams.send(to, &big).err();
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused.expect("the queue is bounded").why, "the peer reads too slowly");
    assert_eq!(side.closed().1, "reads too slowly");
}

#[test]
fn keep_alives_are_sent_when_asked_for() {
    let ping = Duration::from_millis(40);
    let mut side = Side::new(Pace { ping: Some(ping), ..Pace::default() });
    let server = side.listen(&options(0));
    let mut phone = phone(server);
    assert_eq!(read(&mut phone, 8), b"\r\n\r\n\r\n\r\n");
}

/// AST-2016-005: connections that say nothing must not keep others out.
#[test]
fn one_source_may_hold_so_many_silent_connections() {
    let mut side = Side::new(Pace::default());
    let server = side.listen(&options(0));
    let mut held: Vec<_> = (0..limits::HALF_OPEN_PER_SOURCE).map(|_| phone(server)).collect();
    for _ in &held {
        side.opened();
    }
    let mut refused = phone(server);
    assert_eq!(refused.read(&mut [0; 9]).unwrap_or(0), 0, "closed without a word");
    let Heard::Refused(_, Some(source), why) = side.hear() else { panic!() };
    assert_eq!(source, refused.local_addr().expect("bound"));
    assert_eq!(why, "too many silent connections from this address");
    held[0].write_all(MESSAGE).expect("sent");
    side.message();
    let mut next = phone(server);
    next.write_all(MESSAGE).expect("sent");
    side.opened();
    side.message();
}

#[test]
fn probes_of_tcp_are_set_as_configured() {
    let keepalive = Keepalive { idle: Duration::from_secs(33), interval: Duration::from_secs(4), probes: 6 };
    let mut side = Side::new(Pace::default());
    let peer = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let remote = peer.local_addr().expect("bound");
    let io = side.runtime.block_on(async {
        let io = tokio::net::TcpStream::connect(remote).await.expect("loopback");
        listen::prepare(&io, Some(keepalive));
        io
    });
    let socket = socket2::SockRef::from(&io);
    assert!(socket.keepalive().expect("option") && socket.tcp_nodelay().expect("option"));
    assert_eq!(socket.tcp_keepalive_time().expect("option"), keepalive.idle);
    assert_eq!(socket.tcp_keepalive_interval().expect("option"), keepalive.interval);
    assert_eq!(socket.tcp_keepalive_retries().expect("option"), keepalive.probes);
    side.streams.configure(Vec::new());
    assert!(side.streams.send(to(remote), b"x").is_err(), "a transport that was removed opens nothing");
}
