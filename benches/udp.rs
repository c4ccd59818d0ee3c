//! What one request and its answer cost over UDP, kernel included: CPU time of the receiving thread, which only
//! copies a canned answer. Compare with the floor in `bench/floor` of the shared benchmarks, on the same machine and
//! at the same moment.
//!
//!     cargo bench --bench udp [-- REQUESTS [WINDOW]]

use jackfield::base::ids::TransportId;
use jackfield::net::udp::{Receiver, Sender, Udp, UdpOptions};
use jackfield::net::wait::Poller;
use jackfield::sip::outbox::Outbox;
use nix::time::{ClockId, clock_gettime};
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

fn cpu_ns() -> i64 {
    let t = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has it");
    t.tv_sec() * 1_000_000_000 + t.tv_nsec()
}

fn client(server: SocketAddr, requests: usize, window: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    socket.connect(server).expect("loopback");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("timeout");
    let mut request = b"REGISTER sip:bench.local SIP/2.0\r\n".to_vec();
    request.resize(700, b'x');
    let (mut sent, mut got, mut buffer) = (0, 0, [0u8; 2_048]);
    while got < requests {
        while sent < requests && sent - got < window {
            socket.send(&request).expect("sent");
            sent += 1;
        }
        match socket.recv(&mut buffer) {
            Ok(_) => got += 1,
            // A full queue dropped some; they count as answered.
            Err(_) => got = sent,
        }
    }
    socket.send(b"STOP").expect("sent");
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let (requests, window) = (numbers.next().unwrap_or(200_000), numbers.next().unwrap_or(32));
    for bind in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
        let udp = Udp::open(&UdpOptions {
            id: TransportId(0),
            name: "bench".into(),
            bind: bind.parse().expect("address"),
            tos: 0,
            cos: 0,
            only_v6: false,
        })
        .expect("opens");
        let to = ([127, 0, 0, 1], udp.bound().port()).into();
        let phone = std::thread::spawn(move || client(to, requests, window));
        let (mut poller, _waker) = Poller::new().expect("epoll");
        poller.add(&udp, 0).expect("epoll");
        let sockets = [udp];
        let (mut receiver, mut sender, mut outbox) = (Receiver::new(), Sender::new(), Outbox::default());
        let answer = [b'a'; 450];
        let (start, mut count, mut calls, mut sleeps, mut stop) = (cpu_ns(), 0usize, 0usize, 0usize, false);
        while !stop {
            let done = receiver.receive(0, &sockets[0], |arrival, bytes| {
                stop |= bytes == b"STOP";
                outbox.push(arrival.back(), |out| out.extend_from_slice(&answer));
            });
            let messages = done.expect("receives").messages;
            sender.send(&sockets, outbox.iter(), |_| ());
            outbox.clear();
            count += messages;
            calls += 1;
            if messages == 0 {
                sleeps += 1;
                poller.wait(None, 0, || true, |_| ()).expect("epoll");
            }
        }
        let ns = (cpu_ns() - start) / i64::try_from(count).expect("fits");
        phone.join().expect("no panic");
        let mut out = std::io::stdout();
        writeln!(
            out,
            "{bind}: {ns} ns CPU per request and answer; {count} in {calls} calls, {sleeps} sleeps"
        )
        .expect("stdout");
    }
}
