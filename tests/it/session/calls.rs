//! Calls set up and ended, in both roles.

use super::*;
use jackfield::config::model::endpoint_words::{RedirectMethod, Rel100, Timers as TimersOption};
use jackfield::sip::digest::Algorithm;

#[test]
fn a_call_comes_in_rings_is_answered_and_hung_up_by_us() {
    let mut side = Side::new(5060, 1);
    let mut phone = Phone::caller();
    let invite = phone.request(
        "INVITE",
        "Record-Route: <sip:127.0.0.1:5080;lr>\r\n",
        &sdp(1, "127.0.0.1", 7000, "sendrecv"),
    );
    side.hear(5080, &invite);
    let trying = side.sent_one();
    assert_eq!((status(&trying), header(&trying, "Server")), (100, "Jackfield"));
    assert!(!header(&trying, "To").contains("tag="));
    assert_eq!(side.told(1), ["PortsNeeded"]);
    // 180 does not wait for ports; 183 does, and so does 200.
    side.with(1, |s, cx| s.ring(cx, RingWith::Plain180, b"")).expect("rings");
    let ringing = side.sent_one();
    assert_eq!(status(&ringing), 180);
    assert!(ringing.contains("Record-Route: <sip:127.0.0.1:5080;lr>\r\n") && body_of(&ringing).is_empty());
    side.with(1, |s, cx| s.progress(cx, b"X-A: b\r\n")).expect("waits");
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("waits");
    assert_eq!(side.sent(), [""; 0]);
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    let [progress, ok] = side.sent().try_into().expect("183 and 200");
    assert_eq!((status(&progress), status(&ok)), (183, 200));
    assert_eq!(body_of(&progress), body_of(&ok), "the same answer");
    assert!(progress.contains("X-A: b\r\n") && body_of(&ok).contains("m=audio 4000 RTP/AVP 0 101\r\n"));
    assert_eq!(header(&ringing, "To"), header(&ok, "To"));
    assert_eq!(header(&ok, "Contact"), "<sip:jackfield@127.0.0.1:5060>");
    // The 200 is repeated until its ACK comes (RFC 3261 13.3.1.4); a BYE waits for it.
    side.pass(ms(1600));
    assert_eq!(side.sent(), [ok.clone(), ok.clone()]);
    side.with(1, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("up");
    assert_eq!((side.sent(), side.session(1).state()), (vec![], State::Ending));
    phone.learn(&ok);
    side.hear(5080, &phone.request("ACK", "", ""));
    let bye = side.sent_one();
    assert!(bye.starts_with("BYE sip:phone@127.0.0.1:5080 SIP/2.0\r\n"));
    assert_eq!(header(&bye, "Reason"), "Q.850;cause=16");
    assert_eq!(header(&bye, "Route"), "<sip:127.0.0.1:5080;lr>");
    let reply = phone.response(&bye, 200, "", "").replace("From: ", "X: ");
    let reply = reply.replace("X: ", "From: ");
    side.hear(5080, &reply);
    assert!(side.sessions[&1].ended);
    side.pass(secs(40));
    assert!(side.is_at_rest());
}

#[test]
fn the_caller_hangs_up() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = incoming_call(&mut side);
    assert_eq!(side.session(call).agreement().and_then(|a| a.audio()).map(|a| a.remote.port), Some(7000));
    side.hear(5080, &phone.request("BYE", "Reason: Q.850;cause=17\r\n", ""));
    assert_eq!(status(&side.sent_one()), 200);
    let events = side.events(call);
    assert!(matches!(events[..], [Event::HungUp { cause: Cause::BUSY, by: By::Bye }]), "{events:?}");
    assert_eq!(side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL)), Err(NotNow::Over));
    side.pass(secs(40));
    assert!(side.is_at_rest());
}

#[test]
fn a_caller_cancels() {
    let mut side = Side::new(5060, 1);
    let mut phone = Phone::caller();
    side.hear(5080, &phone.request("INVITE", "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.sent();
    side.events(1);
    side.hear(5080, &phone.request("CANCEL", "Reason: SIP;cause=200;text=\"elsewhere\"\r\n", ""));
    let [ok, terminated] = side.sent().try_into().expect("two");
    assert_eq!((status(&ok), status(&terminated)), (200, 487));
    assert_eq!((header(&ok, "CSeq"), header(&terminated, "CSeq")), ("1 CANCEL", "1 INVITE"));
    assert_eq!(header(&ok, "To"), header(&terminated, "To"));
    let events = side.events(1);
    assert!(matches!(events[..], [Event::HungUp { cause: Cause::ELSEWHERE, by: By::Cancel }]), "{events:?}");
    assert!(side.sessions[&1].ended);
}

#[test]
fn what_cannot_be_taken_is_refused_by_name() {
    let offer = sdp(1, "127.0.0.1", 7000, "sendrecv");
    let refused = |set: fn(&mut EndpointOptions), extra: &str, body: &str| {
        let mut side = Side::with_options(set);
        side.hear(5080, &Phone::caller().request("INVITE", extra, body));
        assert!(side.sessions.is_empty());
        side.sent_one()
    };
    let unknown = refused(|_| {}, "Require: 100rel, foo, bar\r\n", &offer);
    assert_eq!((status(&unknown), header(&unknown, "Unsupported")), (420, "foo, bar"));
    let rel = refused(|o| o.rel100 = Rel100::No, "Require: 100rel\r\n", &offer);
    assert_eq!((status(&rel), header(&rel, "Unsupported")), (420, "100rel"));
    let rel = refused(|o| o.rel100 = Rel100::Required, "", &offer);
    assert_eq!((status(&rel), header(&rel, "Require")), (421, "100rel"));
    let small = refused(|_| {}, "Supported: timer\r\nSession-Expires: 60\r\n", &offer);
    assert_eq!((status(&small), header(&small, "Min-SE")), (422, "90"));
    let text = refused(|_| {}, "Content-Type: text/plain\r\n", "hello");
    assert_eq!((status(&text), header(&text, "Accept")), (415, "application/sdp"));
    assert_eq!(status(&refused(|_| {}, "", "v=0\r\nnonsense")), 488);
    assert_eq!(status(&refused(|_| {}, "Accept: text/plain\r\n", &offer)), 406);
    let strange = offer.replace("AVP 0 101", "AVP 97");
    let codec = refused(|_| {}, "", &strange);
    assert_eq!(status(&codec), 488);
    assert_eq!(
        header(&codec, "Warning"),
        "399 jackfield \"no stream can be taken: audio: no codec in common\""
    );
    let contact = Phone::caller().request("INVITE", "", &offer).replace("Contact:", "X-Contact:");
    let mut side = Side::new(5060, 1);
    side.hear(5080, &contact);
    assert_eq!(status(&side.sent_one()), 400);
}

#[test]
fn refusing_maps_causes_and_redirects() {
    for (cause, code) in [(Cause::BUSY, 486), (Cause::NORMAL, 603), (Cause(0), 603), (Cause::NO_ROUTE, 404)] {
        let mut side = Side::new(5060, 1);
        side.hear(5080, &Phone::caller().request("INVITE", "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
        side.sent();
        side.with(1, |s, cx| s.hangup(cx, cause)).expect("incoming");
        let refusal = side.sent_one();
        assert_eq!(
            (status(&refusal), header(&refusal, "Reason")),
            (code, &*format!("Q.850;cause={}", cause.0))
        );
        assert_eq!(side.with(1, |s, cx| s.answer(cx, AnswerWith::default())), Err(NotNow::Over));
        side.pass(secs(40));
        assert!(side.is_at_rest());
    }
    let mut side = Side::with_options(|o| o.suppress_q850_reason_headers = true);
    side.hear(5080, &Phone::caller().request("INVITE", "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.sent();
    side.with(1, |s, cx| s.redirect(cx, b"<sip:c@h>", b"")).expect("incoming");
    let moved = side.sent_one();
    assert_eq!((status(&moved), header(&moved, "Contact")), (302, "<sip:c@h>"));
    assert!(!moved.contains("Reason:"));
}

#[test]
fn a_call_without_anything_to_offer_fails_at_once() {
    let mut side = Side::new(5060, 1);
    let call = side.call_with(Vec::new(), b"");
    assert_eq!((side.sent(), side.told(call)), (vec![], vec!["Failed".to_owned()]));
    assert!(side.sessions[&call].ended);
}

/// An UPDATE whose offer needs a port while the INVITE is not answered yet; a port nobody waits for is given back.
#[test]
fn an_update_before_the_answer_waits_for_its_port() {
    let mut side = Side::new(5060, 1);
    side.capabilities.formats.push(Format::of(Codec::from_name("h264").expect("known")));
    let mut phone = Phone::caller();
    side.hear(5080, &phone.request("INVITE", "Require: 100rel\r\n", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    assert!(side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000)))));
    assert!(!side.with(1, |s, cx| s.provide(cx, 0, Some(local(4002)))), "nobody waits for it");
    side.with(1, |s, cx| s.progress(cx, b"")).expect("incoming");
    let progress = side.sent().pop().expect("183");
    phone.learn(&progress);
    let rack = format!("RAck: {} 1 INVITE\r\n", header(&progress, "RSeq"));
    side.hear(5080, &phone.request("PRACK", &rack, ""));
    side.sent();
    let video = "m=video 7010 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
    side.hear(5080, &phone.request("UPDATE", "", &(sdp(2, "127.0.0.1", 7000, "sendrecv") + video)));
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("waits");
    assert_eq!(side.sent(), [""; 0]);
    assert!(side.with(1, |s, cx| s.provide(cx, 1, Some(local(4010)))));
    let [update, ok] = side.sent().try_into().expect("two");
    assert!(body_of(&update).contains("m=video 4010 ") && header(&update, "CSeq").ends_with("UPDATE"));
    assert_eq!((status(&ok), header(&ok, "CSeq"), body_of(&ok)), (200, "1 INVITE", ""));
}

#[test]
fn streams_without_ports_are_declined_and_a_call_without_any_is_refused() {
    let mut side = Side::new(5060, 1);
    side.hear(5080, &Phone::caller().request("INVITE", "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.sent();
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("waits");
    side.with(1, |s, cx| s.provide(cx, 0, None));
    assert_eq!(status(&side.sent_one()), 488);
    assert_eq!(side.told(1), ["PortsNeeded", "Failed"]);
    assert!(side.sessions[&1].ended);
}

/// RFC 3261 13.2.1: an INVITE without offer is offered in the 2xx and answered in the ACK.
#[test]
fn a_call_without_offer_is_offered() {
    let mut side = Side::new(5060, 1);
    let mut phone = Phone::caller();
    side.hear(5080, &phone.request("INVITE", "", ""));
    side.sent();
    let Event::PortsNeeded { streams } = side.events(1).remove(0) else { panic!("ports") };
    assert_eq!(streams, [(0, MediaKind::Audio)]);
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    // An unreliable 183 can hold no offer.
    side.with(1, |s, cx| s.progress(cx, b"")).expect("incoming");
    assert!(body_of(&side.sent_one()).is_empty());
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    let ok = side.sent_one();
    assert!(body_of(&ok).contains("m=audio 4000 RTP/AVP 0 8 101\r\n"), "{ok}");
    assert!(side.session(1).agreement().is_none());
    phone.learn(&ok);
    side.hear(5080, &phone.request("ACK", "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    assert!(side.session(1).agreement().is_some());
    assert_eq!(side.told(1), ["Acknowledged"]);
    // The same with an ACK that forgets the answer: the call ends.
    let mut side = Side::new(5060, 1);
    let mut phone = Phone::caller();
    side.hear(5080, &phone.request("INVITE", "", ""));
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    phone.learn(&side.sent().pop().expect("200"));
    side.hear(5080, &phone.request("ACK", "", ""));
    assert!(side.sent_one().starts_with("BYE "));
    assert_eq!(side.told(1), ["PortsNeeded", "HungUp"]);
}

#[test]
fn a_2xx_that_is_never_acknowledged_ends_the_call() {
    let mut side = Side::new(5060, 1);
    side.hear(5080, &Phone::caller().request("INVITE", "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    side.sent();
    side.pass(ms(31_900));
    assert!(side.sent().iter().all(|text| status(text) == 200));
    side.pass(ms(200));
    assert!(side.sent_one().starts_with("BYE "));
    let events = side.events(1);
    assert!(matches!(events.last(), Some(Event::HungUp { by: By::AckMissing, .. })), "{events:?}");
    side.pass(secs(40));
    assert!(side.is_at_rest());
}

/// S3-40: our INVITE is retransmitted. S3-5 and the reference INVITE's headers.
#[test]
fn a_call_goes_out_rings_and_is_answered() {
    let mut side = Side::new(5060, 1);
    let call =
        side.call_with(vec![side.proposal(MediaKind::Audio, 4000)], b"P-Asserted-Identity: <sip:9@h>\r\n");
    let invite = side.sent_one();
    assert!(invite.starts_with("INVITE sip:b@127.0.0.1:5080 SIP/2.0\r\n"), "{invite}");
    assert_eq!(header(&invite, "Supported"), "100rel, timer, replaces, norefersub, histinfo");
    assert_eq!((header(&invite, "Session-Expires"), header(&invite, "Min-SE")), ("1800", "90"));
    assert_eq!((header(&invite, "User-Agent"), header(&invite, "Max-Forwards")), ("Jackfield", "70"));
    assert_eq!(header(&invite, "P-Asserted-Identity"), "<sip:9@h>");
    side.pass(ms(600));
    assert_eq!(side.sent_one(), invite);
    let phone = Phone::called(&invite);
    side.hear(5080, &phone.response(&invite, 180, "", ""));
    side.hear(5080, &phone.response(&invite, 181, "", ""));
    side.hear(5080, &phone.response(&invite, 183, "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    assert_eq!(side.told(call), ["Ringing", "Forwarded", "Progress"]);
    assert_eq!(side.session(call).state(), State::Early { media: true });
    let ok = phone.response(&invite, 200, "", &sdp(1, "127.0.0.1", 7000, "sendrecv"));
    side.hear(5080, &ok);
    assert_eq!(side.told(call), ["Answered"]);
    let ack = side.sent_one();
    assert_eq!(header(&ack, "CSeq").split(' ').next(), header(&invite, "CSeq").split(' ').next());
    // Its 200 comes again when our ACK was lost, and the same ACK with it.
    side.hear(5080, &ok);
    assert_eq!(side.sent_one(), ack);
    side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("up");
    let bye = side.sent_one();
    side.hear(5080, &phone.response(&bye, 200, "", ""));
    assert!(side.sessions[&call].ended);
    side.pass(secs(40));
    assert!(side.is_at_rest());
}

#[test]
fn a_call_that_nobody_answers_or_that_is_refused_fails_with_its_cause() {
    let mut side = Side::new(5060, 1);
    let call = side.call();
    side.pass(secs(33));
    let events = side.events(call);
    assert!(matches!(events[..], [Event::Failed { code: 408, cause: Cause::NO_RESPONSE, .. }]), "{events:?}");
    let call = side.call();
    let invite = side.sent().pop().expect("INVITE");
    let phone = Phone::called(&invite);
    side.hear(5080, &phone.response(&invite, 486, "Reason: Q.850;cause=21\r\n", ""));
    let events = side.events(call);
    assert!(matches!(events[..], [Event::Failed { code: 486, cause: Cause::REJECTED, .. }]), "{events:?}");
    assert!(side.sent_one().starts_with("ACK "));
    side.pass(secs(40));
    assert!(side.is_at_rest());
}

#[test]
fn hanging_up_a_ringing_call_cancels_and_a_crossing_200_is_ended() {
    let mut side = Side::new(5060, 1);
    let call = side.call();
    let invite = side.sent_one();
    let phone = Phone::called(&invite);
    // Before anything rings, there is nothing to cancel (RFC 3261 9.1).
    side.with(call, |s, cx| s.hangup(cx, Cause::ELSEWHERE)).expect("calling");
    assert_eq!(side.sent(), [""; 0]);
    side.hear(5080, &phone.response(&invite, 180, "", ""));
    let cancel = side.sent_one();
    assert!(
        cancel.starts_with("CANCEL ") && cancel.contains("text=\"Call completed elsewhere\""),
        "{cancel}"
    );
    side.hear(5080, &phone.response(&invite, 200, "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    let [ack, bye] = side.sent().try_into().expect("two");
    assert!(ack.starts_with("ACK ") && bye.starts_with("BYE "));
    side.hear(5080, &phone.response(&cancel, 200, "", ""));
    side.hear(5080, &phone.response(&bye, 200, "", ""));
    assert_eq!(side.told(call), [""; 0]);
    assert!(side.sessions[&call].ended);
    let call = side.call();
    let invite = side.sent_one();
    let phone = Phone::called(&invite);
    side.hear(5080, &phone.response(&invite, 180, "", ""));
    side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("ringing");
    side.hear(5080, &phone.response(&invite, 487, "", ""));
    assert_eq!(side.told(call), ["Ringing"]);
    assert!(side.sessions[&call].ended);
    side.pass(secs(80));
    assert!(side.is_at_rest());
}

/// The INVITE's hop was still being looked up when it was hung up: it is cancelled as soon as something is heard.
#[test]
fn an_invite_that_went_out_after_the_hangup_is_cancelled() {
    let mut side = Side { lost_cancels: 1, ..Side::new(5060, 1) };
    let call = side.call();
    let invite = side.sent_one();
    side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("calling");
    let phone = Phone::called(&invite);
    side.hear(5080, &phone.response(&invite, 100, "", ""));
    assert!(side.sent_one().starts_with("CANCEL "));
    side.hear(5080, &phone.response(&invite, 180, "", ""));
    assert_eq!(side.sent(), [""; 0], "once");
    side.hear(5080, &phone.response(&invite, 487, "", ""));
    assert!(side.sessions[&call].ended);
}

/// RFC 3261 13.2.2.4: of two answers the second is acknowledged and ended.
#[test]
fn of_two_forks_that_answer_one_is_ended() {
    let mut side = Side::with_options(|o| o.follow_early_media_fork = true);
    let call = side.call();
    let invite = side.sent_one();
    let one = Phone::called(&invite);
    let two = Phone { local: one.local.replace("pb", "pc"), ..Phone::called(&invite) };
    side.hear(5080, &one.response(&invite, 183, "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.hear(5080, &two.response(&invite, 183, "", &sdp(1, "127.0.0.1", 7100, "sendrecv")));
    assert_eq!(side.told(call), ["Progress", "Media", "Progress"]);
    assert_eq!(side.session(call).agreement().and_then(|a| a.audio()).map(|a| a.remote.port), Some(7100));
    side.hear(5080, &one.response(&invite, 200, "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    assert_eq!(side.told(call), ["Media", "Answered"]);
    side.sent();
    side.hear(5080, &two.response(&invite, 200, "", &sdp(1, "127.0.0.1", 7100, "sendrecv")));
    let [ack, bye] = side.sent().try_into().expect("two");
    assert!(ack.starts_with("ACK ") && bye.starts_with("BYE "));
    assert_eq!((tag_of(header(&ack, "To")), tag_of(header(&bye, "To"))), ("pc", "pc"));
    side.hear(5080, &two.response(&bye, 200, "", ""));
    assert_eq!(side.session(call).agreement().and_then(|a| a.audio()).map(|a| a.remote.port), Some(7000));
    side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("up");
    let bye = side.sent_one();
    side.hear(5080, &one.response(&bye, 200, "", ""));
    // A third may still answer.
    assert!(!side.sessions[&call].ended);
    side.pass(secs(80));
    assert!(side.is_at_rest());
}

/// Early media with both options off: the first description stays.
#[test]
fn early_descriptions_follow_the_options() {
    let ports = |set: fn(&mut EndpointOptions)| {
        let mut side = Side::with_options(set);
        let call = side.call();
        let invite = side.sent_one();
        let one = Phone::called(&invite);
        let two = Phone { local: one.local.replace("pb", "pc"), ..Phone::called(&invite) };
        for (phone, port) in [(&one, 7000), (&one, 7050), (&two, 7100)] {
            side.hear(5080, &phone.response(&invite, 183, "", &sdp(1, "127.0.0.1", port, "sendrecv")));
        }
        side.session(call).agreement().and_then(|a| a.audio()).map(|a| a.remote.port)
    };
    assert_eq!(ports(|o| o.follow_early_media_fork = false), Some(7000));
    assert_eq!(ports(|_| {}), Some(7100));
    let multiple = |o: &mut EndpointOptions| {
        o.follow_early_media_fork = false;
        o.accept_multiple_sdp_answers = true;
    };
    assert_eq!(ports(multiple), Some(7050));
}

/// S3-8, S3-9 from our side: a challenge is answered with credentials, and the ACK repeats them.
#[test]
fn a_challenged_call_is_made_again_with_credentials() {
    let auth = |realm: &str| Credentials {
        realm: realm.into(),
        username: "me".into(),
        password: "secret".into(),
        digests: Vec::new(),
        algorithms: vec![Algorithm::Md5],
    };
    let mut side = Side { auths: vec![auth("far"), auth("")], ..Side::new(5060, 1) };
    let call = side.call();
    let invite = side.sent_one();
    let phone = Phone::called(&invite);
    let challenge = "Proxy-Authenticate: Digest realm=\"far\",nonce=\"n\",qop=\"auth\"\r\n";
    side.hear(5080, &phone.response(&invite, 407, challenge, ""));
    let [ack, again] = side.sent().try_into().expect("ACK and INVITE");
    assert!(ack.starts_with("ACK "));
    assert!(header(&again, "Proxy-Authorization").starts_with("Digest username=\"me\", realm=\"far\""));
    assert_eq!((header(&again, "Call-ID"), body_of(&again)), (header(&invite, "Call-ID"), body_of(&invite)));
    let number = |text: &str| header(text, "CSeq").split(' ').next().and_then(|n| n.parse::<u32>().ok());
    assert_eq!(number(&again), number(&invite).map(|n| n + 1));
    side.hear(5080, &phone.response(&again, 200, "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    assert!(side.sent_one().contains("Proxy-Authorization: "));
    // In the dialog too, and a wrong password is not tried twice.
    side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("up");
    let bye = side.sent_one();
    side.hear(5080, &phone.response(&bye, 401, "WWW-Authenticate: Digest realm=\"x\",nonce=\"n\"\r\n", ""));
    let again = side.sent_one();
    assert!(
        again.starts_with("BYE ") && again.contains("Authorization: Digest username=\"me\", realm=\"x\"")
    );
    assert_eq!(number(&again), number(&bye).map(|n| n + 1));
    side.hear(5080, &phone.response(&again, 401, "WWW-Authenticate: Digest realm=\"x\",nonce=\"n\"\r\n", ""));
    assert_eq!(side.sent(), [""; 0]);
    assert!(side.sessions[&call].ended);
    // Without credentials the call fails.
    let mut side = Side::new(5060, 1);
    let call = side.call();
    let invite = side.sent_one();
    side.hear(5080, &Phone::called(&invite).response(&invite, 407, challenge, ""));
    assert!(matches!(side.events(call)[..], [Event::Failed { code: 407, cause: Cause::REJECTED, .. }]));
}

#[test]
fn redirections_are_told_or_followed() {
    let moved = "Contact: <sip:c@127.0.0.1:5090>, <sip:d@h>\r\nDiversion: <sip:b@h>;reason=unconditional\r\n";
    let mut side = Side::new(5060, 1);
    let call = side.call();
    let invite = side.sent_one();
    let response = Phone::called(&invite).response(&invite, 302, moved, "");
    let response = response.replacen("Contact: <sip:phone@127.0.0.1:5080>\r\n", "", 1);
    side.hear(5080, &response);
    let events = side.events(call);
    let [Event::Redirected { code: 302, contacts, diversion }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&*contacts[0], contacts.len(), diversion.len()), (&b"sip:c@127.0.0.1:5090"[..], 2, 1));
    assert!(side.sessions[&call].ended);
    let mut side = Side::with_options(|o| o.redirect_method = RedirectMethod::UriPjsip);
    let call = side.call();
    let invite = side.sent_one();
    let response = Phone::called(&invite).response(&invite, 302, moved, "");
    side.hear(5080, &response.replacen("Contact: <sip:phone@127.0.0.1:5080>\r\n", "", 1));
    let again = side.sent().pop().expect("INVITE");
    assert!(again.starts_with("INVITE sip:c@127.0.0.1:5090 SIP/2.0\r\n"), "{again}");
    let phone = Phone::called(&again);
    side.hear(5090, &phone.response(&again, 200, "", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    assert_eq!(side.told(call), ["Answered"]);
    assert!(side.session(call).is_up());
}

/// RFC 3262, answering side: 183 with its description is repeated until PRACK, and the 200 waits for it.
#[test]
fn reliable_responses_are_repeated_and_hold_the_200() {
    let mut side = Side::new(5060, 1);
    let mut phone = Phone::caller();
    side.hear(5080, &phone.request("INVITE", "Require: 100rel\r\n", &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.progress(cx, b"")).expect("incoming");
    let progress = side.sent().pop().expect("183");
    let rseq = header(&progress, "RSeq").to_owned();
    assert_eq!(header(&progress, "Require"), "100rel");
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    assert_eq!(side.sent(), [""; 0]);
    side.pass(ms(600));
    assert_eq!(side.sent_one(), progress);
    phone.learn(&progress);
    side.hear(
        5080,
        &phone.request(
            "PRACK",
            &format!("RAck: {} 1 INVITE\r\n", rseq.parse::<u32>().expect("number") + 1),
            "",
        ),
    );
    assert_eq!(status(&side.sent_one()), 481);
    side.hear(5080, &phone.request("PRACK", &format!("RAck: {rseq} 1 INVITE\r\n"), ""));
    let [prack, ok] = side.sent().try_into().expect("two");
    assert_eq!((header(&prack, "CSeq"), status(&prack), status(&ok)), ("3 PRACK", 200, 200));
    // The answer is said once: a second 183 has none.
    let mut side = Side::with_options(|o| o.rel100 = Rel100::Required);
    let mut phone = Phone::caller();
    side.hear(5080, &phone.request("INVITE", "Supported: 100rel\r\n", ""));
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.progress(cx, b"")).expect("incoming");
    let offer = side.sent().pop().expect("183");
    assert!(body_of(&offer).contains("m=audio 4000 RTP/AVP 0 8 101\r\n"), "our offer, which a PRACK answers");
    phone.learn(&offer);
    let rack = format!("RAck: {} 1 INVITE\r\n", header(&offer, "RSeq"));
    side.hear(5080, &phone.request("PRACK", &rack, &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    assert_eq!(status(&side.sent_one()), 200);
    assert!(side.session(1).agreement().is_some());
    side.with(1, |s, cx| s.progress(cx, b"")).expect("incoming");
    let again = side.sent_one();
    assert!(body_of(&again).is_empty());
    // A hangup does not wait for the PRACK.
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    let ok = side.sent_one();
    assert_eq!((status(&ok), body_of(&ok)), (200, ""), "no offer or answer is due");
    let mut side = Side::with_options(|o| o.rel100 = Rel100::Required);
    side.hear(
        5080,
        &Phone::caller().request("INVITE", "Supported: 100rel\r\n", &sdp(1, "127.0.0.1", 7000, "sendrecv")),
    );
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.progress(cx, b"")).expect("incoming");
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("waits");
    assert_eq!(side.with(1, |s, cx| s.answer(cx, AnswerWith::default())), Err(NotNow::Answered));
    side.sent();
    side.with(1, |s, cx| s.hangup(cx, Cause::BUSY)).expect("incoming");
    assert_eq!(status(&side.sent_one()), 486);
    // Without a PRACK the call is refused after 64·T1.
    let mut side = Side::with_options(|o| o.rel100 = Rel100::PeerSupported);
    let mut phone = Phone::caller();
    side.hear(
        5080,
        &phone.request("INVITE", "Supported: 100rel\r\n", &sdp(1, "127.0.0.1", 7000, "sendrecv")),
    );
    side.with(1, |s, cx| s.ring(cx, RingWith::Plain180, b"")).expect("incoming");
    side.pass(secs(33));
    let sent = side.sent();
    assert!(sent.iter().any(|text| status(text) == 504), "{sent:?}");
    assert!(side.told(1).contains(&"HungUp".into()));
}

/// RFC 3262, calling side; and UPDATE before the answer (S3-4), which needs a settled exchange (RFC 3311 5.1).
#[test]
fn reliable_responses_are_acknowledged_once_and_let_update_change_early_media() {
    let mut side = Side::new(5060, 1);
    let call = side.call();
    let invite = side.sent_one();
    let mut phone = Phone::called(&invite);
    let reliable = |rseq: u32| format!("Require: 100rel\r\nRSeq: {rseq}\r\nAllow: UPDATE\r\n");
    let progress = phone.response(&invite, 183, &reliable(7), &sdp(1, "127.0.0.1", 7000, "sendrecv"));
    side.hear(5080, &progress);
    let prack = side.sent_one();
    let cseq = header(&invite, "CSeq").split(' ').next().expect("number").to_owned();
    assert_eq!(header(&prack, "RAck"), format!("7 {cseq} INVITE"));
    side.hear(5080, &progress);
    side.hear(5080, &phone.response(&invite, 180, &reliable(9), ""));
    assert_eq!(side.sent(), [""; 0], "seen before, and one too early");
    assert_eq!(side.told(call), ["Progress"]);
    side.hear(5080, &phone.response(&prack, 200, "", ""));
    let mut moved = Reoffer::new(RefreshWith::Update, Why::DirectMedia);
    moved.locals = vec![(0, local(4100))];
    side.with(call, |s, cx| s.reoffer(cx, moved)).expect("early");
    let update = side.sent_one();
    assert!(update.starts_with("UPDATE ") && body_of(&update).contains("m=audio 4100 "), "{update}");
    side.hear(5080, &phone.response(&update, 200, "", &sdp(2, "127.0.0.1", 7000, "sendrecv")));
    assert_eq!(side.told(call), ["ReofferDone"]);
    // And the phone's own.
    let theirs = phone.request("UPDATE", "", &sdp(3, "127.0.0.1", 7300, "sendrecv"));
    side.hear(5080, &theirs);
    let ok = side.sent_one();
    assert_eq!((status(&ok), body_of(&ok).contains("m=audio 4100 ")), (200, true));
    assert_eq!(side.told(call), ["Media", "Offered"]);
    side.hear(5080, &phone.response(&invite, 200, "", ""));
    assert_eq!(side.told(call), ["Answered"]);
    assert_eq!(side.session(call).agreement().and_then(|a| a.audio()).map(|a| a.remote.port), Some(7300));
}

#[test]
fn session_intervals_are_settled_with_422() {
    let mut side = Side::new(5060, 1);
    side.call();
    let invite = side.sent_one();
    side.hear(5080, &Phone::called(&invite).response(&invite, 422, "Min-SE: 3600\r\n", ""));
    let again = side.sent().pop().expect("INVITE");
    assert_eq!((header(&again, "Session-Expires"), header(&again, "Min-SE")), ("3600", "3600"));
    let mut side = Side::with_options(|o| o.timers = TimersOption::No);
    side.call();
    let invite = side.sent_one();
    assert!(!invite.contains("Session-Expires") && !header(&invite, "Supported").contains("timer"));
}
