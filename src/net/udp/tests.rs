use super::*;
use crate::base::ids::FlowId;
use crate::base::limits;
use crate::sip::flow::{Arrival, Destination};
use crate::sip::outbox::Outbox;
use std::time::Duration;

fn options(bind: &str) -> UdpOptions {
    UdpOptions {
        id: TransportId(3),
        name: "transport-udp".into(),
        bind: bind.parse().expect("address"),
        tos: 0,
        cos: 0,
        only_v6: false,
    }
}

fn phone(bind: &str) -> UdpSocket {
    let socket = UdpSocket::bind(bind).expect("loopback");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    socket
}

/// Loopback delivers within the sending call, so one call sees all that was sent before it.
fn receive_all(socket: &Udp) -> (Vec<(Arrival, Vec<u8>)>, Received) {
    let (mut receiver, mut got, mut sum) = (Receiver::new(), Vec::new(), Received::default());
    loop {
        let done = receiver.receive(0, socket, |a, b| got.push((a, b.to_vec()))).expect("receives");
        sum.messages += done.messages;
        sum.keep_alives += done.keep_alives;
        sum.junk += done.junk;
        if !done.more {
            return (got, sum);
        }
    }
}

fn answer(socket: Udp, to: Destination, bytes: &[u8]) -> Vec<SendFault> {
    let (mut outbox, mut faults) = (Outbox::default(), Vec::new());
    outbox.push_bytes(to, bytes);
    Sender::new().send(&[socket], outbox.iter(), |f| faults.push(f));
    faults
}

/// Only a full batch says how long its first datagram waited: behind another one nothing waits.
#[test]
fn a_full_batch_tells_how_long_it_waited() {
    for bind in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
        let server = Udp::open(&options(bind)).expect("opens");
        let phone = phone("127.0.0.1:0");
        for _ in 0..=limits::BATCH {
            phone
                .send_to(b"OPTIONS sip:h SIP/2.0\r\n\r\n", ("127.0.0.1", server.bound().port()))
                .expect("sent");
        }
        let mut receiver = Receiver::new();
        let full = receiver
            .receive(0, &server, |arrival, _| assert!(arrival.local.ip().is_loopback()))
            .expect("receives");
        assert!(
            full.more && !full.waited.is_zero() && full.waited < Duration::from_secs(60),
            "{bind}: {full:?}"
        );
        let rest = receiver.receive(0, &server, |_, _| {}).expect("receives");
        assert_eq!((rest.messages, rest.waited), (1, Duration::ZERO));
    }
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let server = Udp::open(&options("0.0.0.0:0")).expect("opens");
    let phone = phone("127.0.0.1:0");
    let asked: SocketAddr = ([127, 0, 0, 9], server.bound().port()).into();
    phone.send_to(b"OPTIONS sip:h SIP/2.0\r\n\r\n", asked).expect("sent");
    let (got, _) = receive_all(&server);
    let (arrival, bytes) = &got[0];
    assert_eq!((arrival.source, arrival.local), (phone.local_addr().expect("bound"), asked));
    assert_eq!(arrival.transport, TransportId(3));
    assert!(bytes.starts_with(b"OPTIONS"));
    assert!(answer(server, arrival.back(), b"SIP/2.0 200 OK\r\n\r\n").is_empty());
    let mut buffer = [0; 100];
    let (length, from) = phone.recv_from(&mut buffer).expect("answered");
    assert_eq!((&buffer[..length], from), (&b"SIP/2.0 200 OK\r\n\r\n"[..], asked));
}

/// S4-179, S4-181: `bind=::` works, always. Without an IPv4 transport beside it, it takes IPv4 too, and then the
/// addresses read as IPv4.
#[test]
fn a_socket_bound_to_the_ipv6_wildcard_serves_both_families() {
    let server = Udp::open(&options("[::]:0")).expect("opens");
    let port = server.bound().port();
    let (v4, v6) = (phone("127.0.0.1:0"), phone("[::1]:0"));
    v4.send_to(b"A", ("127.0.0.8", port)).expect("sent");
    v6.send_to(b"B", ("::1", port)).expect("sent");
    let (got, _) = receive_all(&server);
    let asked_v4: SocketAddr = ([127, 0, 0, 8], port).into();
    assert_eq!((got[0].0.source, got[0].0.local), (v4.local_addr().expect("bound"), asked_v4));
    assert_eq!(got[1].0.source, v6.local_addr().expect("bound"));
    let mut outbox = Outbox::default();
    outbox.push_bytes(got[0].0.back(), b"to v4");
    outbox.push_bytes(got[1].0.back(), b"to v6");
    Sender::new().send(&[server], outbox.iter(), |f| panic!("{f:?}"));
    let mut buffer = [0; 100];
    let (length, from) = v4.recv_from(&mut buffer).expect("answered");
    assert_eq!((&buffer[..length], from), (&b"to v4"[..], asked_v4));
    let (length, from) = v6.recv_from(&mut buffer).expect("answered");
    assert_eq!((&buffer[..length], from.port()), (&b"to v6"[..], port));
}

#[test]
fn both_families_can_have_one_port_each() {
    let v4 = Udp::open(&options("0.0.0.0:0")).expect("opens");
    let port = v4.bound().port();
    let v6 = Udp::open(&UdpOptions { only_v6: true, ..options(&format!("[::]:{port}")) }).expect("opens");
    let phone = phone("127.0.0.1:0");
    phone.send_to(b"A", ("127.0.0.1", port)).expect("sent");
    assert_eq!(receive_all(&v4).0.len(), 1);
    assert_eq!(receive_all(&v6).0.len(), 0);
    let to = Destination {
        transport: TransportId(3),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        remote: phone.local_addr().expect("bound"),
        local: None,
    };
    let faults = answer(v6, to, b"A");
    assert_eq!(faults.len(), 1, "IPv6 only: it does not send IPv4");
}

#[test]
fn more_than_a_batch_comes_in_order_and_noise_is_only_counted() {
    let server = Udp::open(&options("127.0.0.1:0")).expect("opens");
    let phone = phone("127.0.0.1:0");
    for n in 0..2 * limits::BATCH {
        phone.send_to(format!("MESSAGE {n}").as_bytes(), server.bound()).expect("sent");
    }
    for noise in [&b"\r\n\r\n"[..], b"", &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0xff; 40]] {
        phone.send_to(noise, server.bound()).expect("sent");
    }
    let (got, sum) = receive_all(&server);
    let want = Received { messages: 2 * limits::BATCH, keep_alives: 2, junk: 2, ..Received::default() };
    assert_eq!(sum, want);
    for (n, (_, bytes)) in got.iter().enumerate() {
        assert_eq!(bytes, format!("MESSAGE {n}").as_bytes());
    }
}

#[test]
fn one_datagram_that_cannot_leave_holds_up_none() {
    let server = Udp::open(&options("0.0.0.0:0")).expect("opens");
    let phone = phone("127.0.0.1:0");
    let good = Destination {
        transport: TransportId(3),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        remote: phone.local_addr().expect("bound"),
        local: None,
    };
    let mut outbox = Outbox::default();
    let mut expected = Vec::new();
    for n in 0..3 * limits::BATCH {
        match n % 5 {
            0 => outbox.push_bytes(good, &vec![b'x'; 70_000]),
            1 => outbox.push_bytes(Destination { remote: ([255, 255, 255, 255], 9).into(), ..good }, b"x"),
            2 => outbox.push_bytes(Destination { transport: TransportId(9), ..good }, b"x"),
            3 => outbox.push_bytes(Destination { remote: "[::1]:9".parse().expect("address"), ..good }, b"x"),
            _ => {
                // Answers from two of our addresses take turns.
                let local = ([127, 0, 0, (n % 2) as u8 + 1], server.bound().port()).into();
                outbox.push_bytes(Destination { local: Some(local), ..good }, format!("{n}").as_bytes());
                expected.push((format!("{n}"), local));
            }
        }
    }
    let mut faults = Vec::new();
    Sender::new().send(&[server], outbox.iter(), |f| faults.push(f.why));
    assert_eq!(faults.len(), outbox.len() - expected.len());
    assert!(faults.contains(&"Message too long"), "{faults:?}");
    let mut buffer = [0; 100];
    for (text, local) in expected {
        let (length, from) = phone.recv_from(&mut buffer).expect("delivered");
        assert_eq!((&buffer[..length], from), (text.as_bytes(), local));
    }
}

#[test]
fn a_socket_that_cannot_be_opened_names_the_object_and_the_remedy() {
    let first = Udp::open(&options("127.0.0.1:0")).expect("opens");
    let mut second = options("127.0.0.1:0");
    second.bind = first.bound();
    let fault = Udp::open(&second).expect_err("taken").to_string();
    assert!(
        fault.starts_with("Transport 'transport-udp' could not be started: bind UDP 127.0.0.1:"),
        "{fault}"
    );
    assert!(fault.contains("in use") && fault.contains("ss -ltunp"), "{fault}");
}

#[test]
fn tos_and_cos_are_set() {
    for bind in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
        let socket = Udp::open(&UdpOptions { tos: 0x60, cos: 3, ..options(bind) }).expect("opens");
        let socket = socket2::SockRef::from(&*socket.socket);
        assert_eq!(socket.priority().expect("priority"), 3);
        if bind.starts_with('[') {
            assert_eq!(socket.tclass_v6().expect("class"), 0x60);
        } else {
            assert_eq!(socket.tos_v4().expect("tos"), 0x60);
        }
    }
}
