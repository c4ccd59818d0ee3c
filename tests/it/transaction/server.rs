//! Requests that others sent: every row of RFC 3261 17.2, RFC 6026 and RFC 4320 through the table.

use super::*;
use jackfield::sip::transaction::{Received, Refused, ServerTx};

const VIA: &str = "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc;rport";
const OTHER: &str = "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKdef;rport";
/// RFC 2543: no cookie.
const OLD: &str = "SIP/2.0/UDP 10.0.0.1:5060";

impl Side {
    fn receive(&mut self, text: &str) -> Received {
        read(text, |m, e| self.table.servers.receive(self.now, m, e, &mut self.out))
    }

    fn begun(&mut self, text: &str) -> ServerTx {
        match self.receive(text) {
            Received::New(tx) => tx,
            other => panic!("{other:?}"),
        }
    }

    fn respond(&mut self, tx: ServerTx, request: &str, code: u16, p: Protocol) -> Result<(), Refused> {
        let response = answer(request, code, "t1");
        let write = |out: &mut Vec<u8>| out.extend_from_slice(response.as_bytes());
        self.table.servers.respond(self.now, tx, code, to(5060, p), &mut self.out, write)
    }
}

fn again(tx: ServerTx, replayed: bool) -> Received {
    Received::Retransmission { of: tx, replayed }
}

#[test]
fn a_register_is_answered_once_and_repeated_for_timer_j() {
    for via in [VIA, OLD] {
        let mut side = Side::new();
        let register = request("REGISTER", via, 1);
        let tx = side.begun(&register);
        assert_eq!(side.receive(&register), again(tx, false));
        assert!(side.table.servers.awaits_final(tx));
        assert_eq!(side.respond(tx, &register, 200, Protocol::Udp), Ok(()));
        assert!(!side.table.servers.awaits_final(tx));
        let first = side.sent();
        assert_eq!(side.respond(tx, &register, 403, Protocol::Udp), Err(Refused::AlreadyFinal));
        side.pass(Duration::from_millis(31_980));
        assert_eq!(side.receive(&register), again(tx, true));
        assert_eq!(side.sent(), first);
        side.pass(Duration::from_millis(30));
        assert_eq!((side.alive(), side.events.len()), ((0, 0), 0));
        assert_eq!(side.respond(tx, &register, 200, Protocol::Udp), Err(Refused::Gone));
        assert!(matches!(side.receive(&register), Received::New(_)));
    }
}

#[test]
fn over_a_connection_a_final_response_ends_it() {
    let mut side = Side::new();
    let options = request("OPTIONS", "SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK1", 1);
    let tx = side.begun(&options);
    assert_eq!(side.respond(tx, &options, 200, Protocol::Tcp), Ok(()));
    assert_eq!(side.sent().len(), 1);
    assert_eq!((side.alive(), side.table.next_deadline()), ((0, 0), None));
}

/// RFC 4320.
#[test]
fn a_request_nobody_answers_ends_in_silence() {
    let mut side = Side::new();
    let message = request("MESSAGE", VIA, 1);
    let tx = side.begun(&message);
    side.table.servers.set_owner(tx, 77);
    for code in [408, 180] {
        assert_eq!(side.respond(tx, &message, code, Protocol::Udp), Err(Refused::Forbidden));
    }
    assert_eq!(side.respond(tx, &message, 100, Protocol::Udp), Ok(()));
    side.sent();
    assert_eq!(side.receive(&message), again(tx, true));
    assert!(side.sent()[0].1.starts_with("SIP/2.0 100 Trying"));
    side.pass(Duration::from_millis(31_990));
    assert_eq!(side.events, []);
    side.pass(Duration::from_millis(20));
    assert_eq!(side.events, [Event::Unanswered { tx, owner: Some(77) }]);
    assert_eq!((side.alive(), side.sent().len()), ((0, 0), 0));
}

#[test]
fn a_refused_invite_repeats_until_its_ack() {
    for via in [VIA, OLD] {
        let mut side = Side::new();
        let invite = request("INVITE", via, 1);
        let tx = side.begun(&invite);
        assert_eq!(side.receive(&invite), again(tx, false));
        side.respond(tx, &invite, 180, Protocol::Udp).expect("rings");
        side.sent();
        // Ringing lasts as long as the user likes.
        side.pass(secs(300));
        assert_eq!(side.receive(&invite), again(tx, true));
        assert!(side.sent()[0].1.starts_with("SIP/2.0 180 Ringing"));
        side.respond(tx, &invite, 486, Protocol::Udp).expect("refused");
        side.pass(secs(4));
        // At 0, 0.5, 1.5 and 3.5 s.
        assert_eq!(side.sent().len(), 4);
        assert_eq!(side.receive(&invite), again(tx, true));
        let ack = request("ACK", via, 1);
        assert_eq!(side.receive(&ack), Received::AckAbsorbed);
        side.sent();
        side.pass(Duration::from_millis(4_900));
        assert_eq!(side.receive(&invite), again(tx, false));
        assert_eq!(side.receive(&ack), Received::AckAbsorbed);
        side.pass(Duration::from_millis(200));
        assert_eq!((side.alive(), side.sent().len(), side.events.len()), ((0, 0), 0, 0));
    }
}

#[test]
fn a_missing_ack_is_told_after_timer_h() {
    for (protocol, sends) in [(Protocol::Udp, 11), (Protocol::Tcp, 1)] {
        let mut side = Side::new();
        let invite = request("INVITE", VIA, 1);
        let tx = side.begun(&invite);
        side.respond(tx, &invite, 600, protocol).expect("refused");
        side.pass(secs(33));
        assert_eq!(side.events, [Event::AckMissing { tx, owner: None }]);
        assert_eq!((side.sent().len(), side.alive()), (sends, (0, 0)));
    }
    let mut side = Side::new();
    let invite = request("INVITE", VIA, 1);
    let tx = side.begun(&invite);
    side.respond(tx, &invite, 600, Protocol::Tls).expect("refused");
    assert_eq!(side.receive(&request("ACK", VIA, 1)), Received::AckAbsorbed);
    assert_eq!(side.alive(), (0, 0));
}

/// RFC 6026.
#[test]
fn an_accepted_invite_absorbs_repetitions_and_leaves_2xx_to_the_dialog() {
    let mut side = Side::new();
    let invite = request("INVITE", VIA, 1);
    let tx = side.begun(&invite);
    // An ACK before any answer acknowledges nothing.
    assert_eq!(side.receive(&request("ACK", VIA, 1)), Received::AckAbsorbed);
    side.respond(tx, &invite, 200, Protocol::Udp).expect("answered");
    assert_eq!(side.sent().len(), 1);
    assert_eq!(side.receive(&invite), again(tx, false));
    side.respond(tx, &invite, 200, Protocol::Udp).expect("the dialog repeats it");
    assert_eq!(side.sent().len(), 1);
    assert_eq!(side.respond(tx, &invite, 500, Protocol::Udp), Err(Refused::AlreadyFinal));
    // Its ACK has a branch of its own; one with the INVITE's branch is the dialog's too.
    assert_eq!(side.receive(&request("ACK", OTHER, 1)), Received::Ack);
    assert_eq!(side.receive(&request("ACK", VIA, 1)), Received::Ack);
    side.pass(Duration::from_millis(31_900));
    assert_eq!(side.receive(&invite), again(tx, false));
    side.pass(Duration::from_millis(200));
    assert_eq!((side.alive(), side.events.len(), side.sent().len()), ((0, 0), 0, 0));
}

#[test]
fn a_cancel_finds_what_it_cancels() {
    for via in [VIA, OLD] {
        let mut side = Side::new();
        let (invite, cancel) = (request("INVITE", via, 1), request("CANCEL", via, 1));
        let tx = side.begun(&invite);
        let Received::Cancel { cancel: own, of } = side.receive(&cancel) else { panic!("a new CANCEL") };
        assert_eq!(of, tx);
        side.respond(own, &cancel, 200, Protocol::Udp).expect("200 to the CANCEL");
        side.respond(tx, &invite, 487, Protocol::Udp).expect("487 to the INVITE");
        side.sent();
        assert_eq!(side.receive(&cancel), again(own, true));
        assert!(side.sent()[0].1.contains("CSeq: 1 CANCEL"));
        assert_eq!(side.receive(&request("ACK", via, 1)), Received::AckAbsorbed);
        side.pass(secs(40));
        assert_eq!(side.alive(), (0, 0));
        // Too late: nothing to cancel any more.
        assert_eq!(side.receive(&cancel), Received::StrayCancel);
        assert_eq!(side.alive(), (0, 0), "anybody can send these");
    }
}

/// RFC 3261 8.2.2.2.
#[test]
fn a_request_that_comes_by_two_ways_is_merged() {
    let mut side = Side::new();
    let first = side.begun(&request("INVITE", VIA, 1));
    assert_eq!(side.receive(&request("INVITE", OTHER, 1)), Received::Merged);
    assert_eq!(side.receive(&request("INVITE", OLD, 1)), Received::Merged);
    // Another CSeq, another method, another caller or a dialog's request is no merge.
    side.begun(&request("INVITE", OTHER, 2));
    side.begun(&request("OPTIONS", OTHER, 1));
    side.begun(&request("INVITE", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx", 1).replace("tag=f1", "tag=f2"));
    let inside = request("INVITE", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKy", 1);
    side.begun(&inside.replace("To: <sip:b@h>", "To: <sip:b@h>;tag=t"));
    let invite = request("INVITE", VIA, 1);
    side.respond(first, &invite, 404, Protocol::Udp).expect("refused");
    side.receive(&request("ACK", VIA, 1));
    side.pass(secs(6));
    side.begun(&request("INVITE", OTHER, 1));
}

/// Two phones behind different NATs may choose the same private address and the same branch.
#[test]
fn equal_branches_of_different_calls_are_not_mixed() {
    let mut side = Side::new();
    let one = side.begun(&request("REGISTER", VIA, 1));
    let two = side.begun(&request("REGISTER", VIA, 1).replace("call-1", "call-9"));
    assert_ne!(one, two);
    side.begun(&request("REGISTER", VIA, 2));
}

/// A REGISTER's 200 leaves only after its commit, and a retransmission meanwhile gets nothing.
#[test]
fn a_held_response_waits_for_its_number() {
    let mut side = Side::new();
    let mut held = Vec::new();
    for n in 1..=4u32 {
        let register = request("REGISTER", &format!("{VIA}{n}"), n);
        let tx = side.begun(&register);
        if n == 2 {
            side.respond(tx, &register, 100, Protocol::Udp).expect("a slow disk");
            side.sent();
        }
        let response = answer(&register, 200, "t");
        let protocol = if n == 3 { Protocol::Tcp } else { Protocol::Udp };
        let write = |out: &mut Vec<u8>| out.extend_from_slice(response.as_bytes());
        side.table
            .servers
            .hold(side.now, tx, 200, to(5000 + n as u16, protocol), u64::from(n), write)
            .expect("held");
        assert_eq!(side.receive(&register), again(tx, false), "{n}");
        held.push((register, tx));
    }
    assert_eq!(side.sent(), []);
    side.table.servers.release(side.now, 3, &mut side.out);
    assert_eq!(side.sent().iter().map(|(port, _)| *port).collect::<Vec<_>>(), [5001, 5002, 5003]);
    assert_eq!(side.receive(&held[0].0), again(held[0].1, true));
    side.sent();
    assert_eq!(side.alive().0, 3, "the one over TCP is done");
    assert_eq!(side.table.servers.held(), 1);
    let revoked = side.table.servers.revoke(4);
    let promised = answer(&held[3].0, 200, "t").into_bytes();
    assert_eq!(revoked, [(held[3].1, to(5004, Protocol::Udp), promised)]);
    side.respond(held[3].1, &held[3].0, 500, Protocol::Udp).expect("not answered yet");
    side.table.servers.release(side.now, 9, &mut side.out);
    assert_eq!(side.sent().len(), 1);
    // Held for ever: given up like any other, and the late commit sends nothing.
    let register = request("REGISTER", OTHER, 5);
    let tx = side.begun(&register);
    side.table.servers.hold(side.now, tx, 200, to(5060, Protocol::Udp), 10, |_| {}).expect("held");
    side.pass(secs(33));
    assert_eq!(side.events, [Event::Unanswered { tx, owner: None }]);
    side.table.servers.release(side.now, 10, &mut side.out);
    assert_eq!((side.sent().len(), side.alive()), (0, (0, 0)));
    let invite = request("INVITE", VIA, 9);
    let tx = side.begun(&invite);
    let refused = side.table.servers.hold(side.now, tx, 200, to(1, Protocol::Udp), 11, |_| {});
    assert_eq!(refused, Err(Refused::Forbidden));
}

#[test]
fn a_full_table_refuses_the_new_and_serves_the_old() {
    let mut side = Side::new();
    side.table.servers.set_limit(2);
    let tx = side.begun(&request("OPTIONS", VIA, 1));
    side.begun(&request("OPTIONS", VIA, 2));
    assert_eq!(side.receive(&request("OPTIONS", VIA, 3)), Received::Full);
    assert_eq!(side.receive(&request("OPTIONS", VIA, 1)), again(tx, false));
}

#[test]
fn a_stateless_reply_has_the_same_tag_each_time() {
    let side = Side::new();
    let tag = |text: String| {
        let mut tag = Vec::new();
        read(&text, |_, envelope| side.table.servers.stateless_tag(envelope, &mut tag));
        tag
    };
    let one = tag(request("INVITE", VIA, 1));
    assert_eq!(one, tag(request("INVITE", VIA, 1)));
    assert_ne!(one, tag(request("INVITE", OTHER, 1)));
    assert_eq!(jackfield::sip::mint::tag_shard(&one), Some(Shard(3)));
}

/// A REGISTER done again does no harm, so a flood of them does not fill the table for all others.
#[test]
fn the_oldest_of_too_many_finished_registers_is_forgotten() {
    let mut side = Side::new();
    let count = jackfield::base::limits::FINISHED_REGISTERS as u32 + 10;
    for n in 1..=count {
        let text = request("REGISTER", &format!("{VIA}{n}"), n);
        let tx = side.begun(&text);
        side.respond(tx, &text, 200, Protocol::Udp).expect("answered");
        side.out.clear();
    }
    assert_eq!(side.alive().0, jackfield::base::limits::FINISHED_REGISTERS);
    let again = |side: &mut Side, n: u32| side.receive(&request("REGISTER", &format!("{VIA}{n}"), n));
    assert!(matches!(again(&mut side, count), Received::Retransmission { replayed: true, .. }));
    assert!(matches!(again(&mut side, 11), Received::Retransmission { replayed: true, .. }));
    assert!(matches!(again(&mut side, 10), Received::New(_)), "forgotten");
    side.pass(secs(40));
    assert_eq!(side.alive(), (0, 0));
}
