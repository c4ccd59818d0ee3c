//! Requests of ours: every row of RFC 3261 17.1 and RFC 6026 through the table, CANCEL, and the next target.

use super::*;
use jackfield::sip::transaction::{CancelOutcome, ClientTx, Failover, Full, Heard, TimerName};

impl Side {
    fn send(&mut self, method: &str, ports: &[u16], protocol: Protocol) -> ClientTx {
        let mut targets: Vec<Target> = ports.iter().map(|port| target(*port, protocol)).collect();
        let first = targets.remove(0);
        self.table
            .clients
            .send(self.now, 5, ours(method).as_bytes(), first, targets, &mut self.out)
            .expect("room")
    }

    fn hear(&mut self, response: &str) -> Heard<u64> {
        let mut index = Index::default();
        let message = index.scan(response.as_bytes()).expect("sound");
        self.table.clients.receive(self.now, &message, &mut self.out)
    }

    /// The only message sent since the last look.
    fn one(&mut self) -> String {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0).1
    }
}

fn response(tx: ClientTx) -> Heard<u64> {
    Heard::Response { tx, owner: 5 }
}

fn branch(text: &str) -> &str {
    let start = text.find("branch=").expect("a branch") + 7;
    &text[start..start + text[start..].find(['\r', ';']).expect("its end")]
}

#[test]
fn a_request_carries_its_via_and_contact_and_is_repeated_until_answered() {
    let mut side = Side::new();
    let tx = side.send("OPTIONS", &[5061], Protocol::Udp);
    let first = side.one();
    assert!(
        first.starts_with(
            "OPTIONS sip:b@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5060;rport;branch=z9hG4bKJf"
        ),
        "{first}"
    );
    assert!(first.contains("\r\nContact: <sip:us@127.0.0.9>\r\n"));
    side.pass(secs(4));
    let repeated = side.sent();
    assert_eq!(repeated.len(), 3);
    assert!(repeated.iter().all(|(port, text)| *port == 5061 && *text == first));
    assert_eq!(side.hear(&answer(&first, 100, "")), response(tx));
    side.pass(secs(8));
    assert_eq!(side.sent().len(), 2, "every T2 now");
    assert_eq!(side.hear(&answer(&first, 404, "x")), response(tx));
    assert_eq!(side.hear(&answer(&first, 404, "x")), Heard::Absorbed);
    side.pass(secs(6));
    assert_eq!((side.alive(), side.sent().len(), side.events.len()), ((0, 0), 0, 0));
    assert_eq!(side.hear(&answer(&first, 404, "x")), Heard::Stray);
}

#[test]
fn without_an_answer_it_times_out() {
    for (method, timer, sends) in [("OPTIONS", TimerName::F, 11), ("INVITE", TimerName::B, 7)] {
        let mut side = Side::new();
        let tx = side.send(method, &[5061], Protocol::Udp);
        side.pass(Duration::from_millis(31_990));
        assert_eq!((side.sent().len(), side.events.len()), (sends, 0));
        side.pass(Duration::from_millis(20));
        assert_eq!(side.events, [Event::TimedOut { tx, owner: 5, timer }]);
        assert_eq!(side.alive(), (0, 0));
        let mut side = Side::new();
        let tx = side.send(method, &[5061], Protocol::Tcp);
        side.pass(secs(33));
        assert_eq!(side.events, [Event::TimedOut { tx, owner: 5, timer }]);
        assert_eq!(side.sent().len(), 1);
    }
}

#[test]
fn a_refused_invite_is_acknowledged_each_time() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let mut side = Side::new();
        let tx = side.send("INVITE", &[5061], protocol);
        let invite = side.one();
        assert_eq!(side.hear(&answer(&invite, 180, "x")), response(tx));
        side.pass(secs(600));
        assert_eq!(side.sent(), []);
        let busy = answer(&invite, 486, "x");
        assert_eq!(side.hear(&busy), response(tx));
        let ack = side.one();
        assert!(ack.starts_with("ACK sip:b@127.0.0.1 SIP/2.0\r\nVia: "));
        for line in [
            "Route: <sip:p1;lr>, <sip:p2;lr>",
            "From: \"Us\" <sip:us@h>;tag=u1",
            "To: <sip:b@h>;tag=x",
            "Call-ID: call-2",
            "CSeq: 9 ACK",
            "Max-Forwards: 70",
        ] {
            assert!(ack.contains(&format!("\r\n{line}\r\n")), "{line} in {ack}");
        }
        assert!(!ack.contains("Contact"));
        assert_eq!(branch(&ack), branch(&invite));
        if protocol.is_reliable() {
            assert_eq!(side.alive(), (0, 0));
            continue;
        }
        assert_eq!(side.hear(&busy), Heard::Absorbed);
        assert_eq!(side.one(), ack);
        assert_eq!(side.hear(&answer(&invite, 200, "y")), Heard::Absorbed);
        side.pass(Duration::from_millis(31_900));
        assert_eq!(side.hear(&busy), Heard::Absorbed);
        side.pass(Duration::from_millis(200));
        assert_eq!((side.alive(), side.events.len()), ((0, 0), 0));
    }
}

/// RFC 6026, and forks: each 2xx is the dialog's.
#[test]
fn every_2xx_of_an_invite_reaches_the_dialog() {
    let mut side = Side::new();
    let tx = side.send("INVITE", &[5061], Protocol::Udp);
    let invite = side.one();
    for tag in ["x", "x", "y"] {
        assert_eq!(side.hear(&answer(&invite, 200, tag)), response(tx));
    }
    assert_eq!(side.hear(&answer(&invite, 180, "z")), Heard::Absorbed);
    assert_eq!(side.sent(), [], "its ACK is the dialog's");
    side.table.clients.send_alone(
        b"ACK sip:b SIP/2.0\r\nCSeq: 9 ACK\r\n\r\n",
        &target(5061, Protocol::Udp),
        &mut side.out,
    );
    let ack = side.one();
    assert_ne!(branch(&ack), branch(&invite));
    side.pass(secs(33));
    assert_eq!((side.alive(), side.events.len()), ((0, 0), 0));
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    let mut side = Side::new();
    let tx = side.send("INVITE", &[5061, 5062], Protocol::Udp);
    let invite = side.one();
    let reason = b"Reason: Q.850;cause=16\r\n";
    assert_eq!(side.table.clients.cancel(side.now, tx, reason, &mut side.out), CancelOutcome::Waits);
    assert_eq!(side.sent(), []);
    assert_eq!(side.hear(&answer(&invite, 100, "")), response(tx));
    let cancel = side.one();
    assert!(cancel.starts_with("CANCEL sip:b@127.0.0.1 SIP/2.0\r\nVia: "));
    assert!(cancel.contains("CSeq: 9 CANCEL\r\n") && cancel.contains("Reason: Q.850;cause=16\r\n"));
    assert!(cancel.contains("To: <sip:b@h>\r\n") && cancel.contains("Route: <sip:p1;lr>, <sip:p2;lr>\r\n"));
    assert_eq!(branch(&cancel), branch(&invite));
    side.pass(secs(2));
    assert_eq!(side.sent().len(), 2, "repeated at 0.5 and 1.5 s");
    assert_eq!(side.hear(&answer(&cancel, 200, "x")), Heard::Absorbed);
    assert_eq!(side.table.clients.cancel(side.now, tx, b"", &mut side.out), CancelOutcome::Sent);
    // A 503 now is the end, not a reason to try elsewhere.
    assert_eq!(side.hear(&answer(&invite, 503, "x")), response(tx));
    assert!(side.one().starts_with("ACK "));
    assert_eq!(side.table.clients.cancel(side.now, tx, b"", &mut side.out), CancelOutcome::TooLate);
    side.pass(secs(33));
    assert_eq!((side.alive(), side.events.len()), ((0, 0), 0));
}

#[test]
fn a_cancelled_invite_that_stays_silent_times_out() {
    let mut side = Side::new();
    let tx = side.send("INVITE", &[5061], Protocol::Udp);
    let invite = side.one();
    side.hear(&answer(&invite, 180, "x"));
    side.pass(secs(100));
    assert_eq!(side.table.clients.cancel(side.now, tx, b"", &mut side.out), CancelOutcome::Sent);
    side.pass(Duration::from_millis(31_990));
    assert_eq!(side.events, []);
    side.pass(Duration::from_millis(20));
    assert_eq!(side.events, [Event::TimedOut { tx, owner: 5, timer: TimerName::B }]);
    assert_eq!(side.alive(), (0, 0));
    let other = side.send("OPTIONS", &[5061], Protocol::Udp);
    assert_eq!(side.table.clients.cancel(side.now, other, b"", &mut side.out), CancelOutcome::TooLate);
}

/// The answers cross: 200 to the INVITE, then 200 to the CANCEL.
#[test]
fn a_cancel_may_lose_the_race() {
    let mut side = Side::new();
    let tx = side.send("INVITE", &[5061], Protocol::Tcp);
    let invite = side.one();
    side.hear(&answer(&invite, 180, "x"));
    side.table.clients.cancel(side.now, tx, b"", &mut side.out);
    let cancel = side.one();
    assert_eq!(side.hear(&answer(&invite, 200, "x")), response(tx));
    assert_eq!(side.hear(&answer(&cancel, 200, "x")), Heard::Absorbed);
    side.pass(secs(33));
    assert_eq!((side.alive(), side.events.len()), ((0, 0), 0));
}

#[test]
fn the_next_target_is_tried_after_silence() {
    let mut side = Side::new();
    let tx = side.send("OPTIONS", &[5061, 5062, 5063], Protocol::Udp);
    let first = side.sent().remove(0).1;
    side.pass(secs(32) + Duration::from_millis(20));
    let second = side.sent().pop().expect("sent");
    assert_eq!(second.0, 5062);
    assert_ne!(branch(&second.1), branch(&first));
    assert_eq!(second.1.replace(branch(&second.1), ""), first.replace(branch(&first), ""));
    let moved =
        |port| Event::FailedOver { tx, owner: 5, to: to(port, Protocol::Udp), why: Failover::Timeout };
    assert_eq!(side.events, [moved(5062)]);
    assert_eq!(side.hear(&answer(&first, 200, "x")), Heard::Stray, "too late");
    side.pass(secs(65));
    assert_eq!(
        side.events,
        [moved(5062), moved(5063), Event::TimedOut { tx, owner: 5, timer: TimerName::F }]
    );
    assert_eq!(side.alive(), (0, 0));
}

#[test]
fn the_next_target_is_tried_after_503_and_the_old_one_still_acknowledged() {
    let mut side = Side::new();
    let tx = side.send("INVITE", &[5061, 5062, 5063], Protocol::Udp);
    let first = side.one();
    let refused = answer(&first, 503, "x");
    let moved = |port| Heard::FailedOver { tx, owner: 5, to: to(port, Protocol::Udp) };
    assert_eq!(side.hear(&refused), moved(5062));
    let sent = side.sent();
    assert!(sent[0].1.starts_with("ACK ") && sent[0].0 == 5061 && sent[1].0 == 5062);
    let second = sent[1].1.clone();
    assert_eq!(side.hear(&answer(&second, 503, "y")), moved(5063));
    let third = side.sent()[1].1.clone();
    // Both old attempts repeat their refusal.
    assert_eq!(side.hear(&refused), Heard::Absorbed);
    assert_eq!(side.sent(), [(5061, sent[0].1.clone())]);
    assert_eq!(side.hear(&answer(&second, 503, "y")), Heard::Absorbed);
    assert_eq!(side.sent()[0].0, 5062);
    // One that rings has taken the call.
    assert_eq!(side.hear(&answer(&third, 180, "z")), response(tx));
    assert_eq!(side.hear(&answer(&third, 503, "z")), response(tx));
    side.pass(secs(33));
    assert_eq!((side.alive(), side.events.len()), ((0, 0), 0));
    let mut side = Side::new();
    let tx = side.send("REGISTER", &[5061, 5062], Protocol::Tcp);
    let first = side.one();
    let moved = Heard::FailedOver { tx, owner: 5, to: to(5062, Protocol::Tcp) };
    assert_eq!(side.hear(&answer(&first, 503, "x")), moved);
    let second = side.one();
    assert_eq!(side.hear(&answer(&second, 200, "x")), response(tx));
    assert_eq!(side.alive(), (0, 0));
}

#[test]
fn a_broken_transport_concerns_those_who_wait_on_it() {
    let mut side = Side::new();
    let alone = side.send("OPTIONS", &[5061], Protocol::Tcp);
    let lucky = side.send("OPTIONS", &[5061, 5062], Protocol::Tcp);
    let elsewhere = side.send("OPTIONS", &[5063], Protocol::Tcp);
    let answered = side.send("INVITE", &[5061], Protocol::Tcp);
    let invite = side.sent().pop().expect("sent").1;
    side.hear(&answer(&invite, 200, "x"));
    let Side { table, out, events, now } = &mut side;
    table.clients.send_failed(*now, &to(5061, Protocol::Tcp), out, events);
    events.sort_by_key(|event| format!("{event:?}"));
    let to_next = to(5062, Protocol::Tcp);
    assert_eq!(
        *events,
        [
            Event::FailedOver { tx: lucky, owner: 5, to: to_next, why: Failover::Transport },
            Event::TransportFailed { tx: alone, owner: 5 },
        ]
    );
    events.clear();
    table.clients.flow_closed(*now, to_next.flow, Some((Protocol::Tcp, to_next.remote)), out, events);
    assert_eq!(*events, [Event::TransportFailed { tx: lucky, owner: 5 }]);
    assert_eq!(table.clients.owner(elsewhere), Some(5));
    assert_eq!(table.clients.owner(answered), Some(5));
    side.pass(secs(33));
    assert_eq!(side.alive(), (0, 0));
}

#[test]
fn a_broken_connection_takes_a_cancelled_call_and_its_cancel() {
    let mut side = Side::new();
    let tx = side.send("INVITE", &[5061], Protocol::Tcp);
    let invite = side.one();
    side.hear(&answer(&invite, 180, "x"));
    side.table.clients.cancel(side.now, tx, b"", &mut side.out);
    assert_eq!(side.alive(), (0, 2));
    let Side { table, out, events, now } = &mut side;
    table.clients.send_failed(*now, &to(5061, Protocol::Tcp), out, events);
    assert_eq!(side.events, [Event::TransportFailed { tx, owner: 5 }]);
    assert_eq!((side.alive(), side.table.next_deadline()), ((0, 0), None));
}

#[test]
fn strangers_answers_are_strays() {
    let mut side = Side::new();
    side.send("OPTIONS", &[5061], Protocol::Udp);
    let options = side.one();
    let good = answer(&options, 200, "x");
    let via = "Via: SIP/2.0/UDP 127.0.0.9:5060";
    let mut forged = branch(&options).to_owned();
    let last = forged.pop().expect("not empty");
    forged.push(if last == '0' { '1' } else { '0' });
    for bad in [
        good.replace(via, &format!("{via};branch=z9hG4bKfoo\r\n{via}")),
        good.replace(branch(&options), "z9hG4bKforeign"),
        good.replace(branch(&options), &forged),
        good.replace("CSeq: 9 OPTIONS", "CSeq: 9 INVITE"),
        good.replace("CSeq: 9 OPTIONS", "CSeq: 9 CANCEL"),
        options.clone(),
    ] {
        assert_eq!(side.hear(&bad), Heard::Stray, "{bad}");
    }
    assert!(matches!(side.hear(&good), Heard::Response { .. }));
}

#[test]
fn an_abandoned_request_is_forgotten() {
    let mut side = Side::new();
    let tx = side.send("OPTIONS", &[5061], Protocol::Udp);
    let options = side.one();
    side.table.clients.abandon(tx);
    assert_eq!((side.hear(&answer(&options, 200, "x")), side.alive()), (Heard::Stray, (0, 0)));
    let tx = side.send("INVITE", &[5061], Protocol::Udp);
    side.table.clients.abandon(tx);
    assert_eq!(side.alive(), (0, 1), "an INVITE is cancelled, not forgotten");
}

#[test]
fn a_full_table_sends_nothing() {
    let mut side = Side::new();
    side.table.clients.set_limit(1);
    side.send("OPTIONS", &[5061], Protocol::Udp);
    side.sent();
    let full = side.table.clients.send(
        side.now,
        5,
        ours("OPTIONS").as_bytes(),
        target(5061, Protocol::Udp),
        Vec::new(),
        &mut side.out,
    );
    assert_eq!((full, side.sent().len()), (Err(Full), 0));
}
