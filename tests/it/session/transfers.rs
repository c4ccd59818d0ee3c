//! REFER, NOTIFY, INFO, MESSAGE and strangers among the methods.

use super::*;

#[test]
fn a_transfer_is_asked_for_and_its_progress_told() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = incoming_call(&mut side);
    side.hear(5080, &phone.request("REFER", "Refer-To: <sip:613@127.0.0.1>\r\n", ""));
    assert_eq!(side.sent(), [""; 0]);
    let Event::Refer(refer) = side.events(call).remove(0) else { panic!("REFER") };
    assert_eq!((&*refer.target, refer.subscribes), (&b"sip:613@127.0.0.1"[..], true));
    side.with(call, |s, cx| s.answer_refer(cx, 202)).expect("pending");
    let accepted = side.sent_one();
    assert_eq!((status(&accepted), header(&accepted, "Expires")), (202, "600"));
    assert_eq!(side.with(call, |s, cx| s.answer_refer(cx, 202)), Err(NotNow::NothingPending));
    for (code, state) in
        [(100, "active;expires=599"), (180, "active;expires=599"), (200, "terminated;reason=noresource")]
    {
        side.with(call, |s, cx| s.notify_sipfrag(cx, code, "", false)).expect("told");
        let notify = side.sent_one();
        assert_eq!((header(&notify, "Event"), header(&notify, "Subscription-State")), ("refer", state));
        assert!(body_of(&notify).starts_with(&format!("SIP/2.0 {code} ")));
        side.hear(5080, &phone.response(&notify, 200, "", ""));
    }
    assert_eq!(side.with(call, |s, cx| s.notify_sipfrag(cx, 200, "", true)), Err(NotNow::NothingPending));
    assert_eq!(side.with(call, |s, cx| s.refuse_fax(cx)), Err(NotNow::NothingPending));
    // A second one says which it is (RFC 3515 2.4.6); one without subscription is answered at once.
    side.hear(5080, &phone.request("REFER", "Refer-To: <sip:614@127.0.0.1>\r\n", ""));
    side.with(call, |s, cx| s.answer_refer(cx, 202)).expect("pending");
    side.sent();
    side.with(call, |s, cx| s.notify_sipfrag(cx, 503, "No\r\nway", false)).expect("told");
    let notify = side.sent_one();
    assert_eq!(header(&notify, "Event"), format!("refer;id={}", phone.cseq));
    assert_eq!(body_of(&notify), "SIP/2.0 503 Noway\r\n");
    side.hear(5080, &phone.request("REFER", "Refer-To: <sip:614@h>\r\nRefer-Sub: false\r\n", ""));
    side.with(call, |s, cx| s.answer_refer(cx, 200)).expect("pending");
    assert_eq!(header(&side.sent_one(), "Refer-Sub"), "false");
}

/// One NOTIFY at a time (RFC 6665 4.2.2), and only the latest of those that waited.
#[test]
fn progress_waits_for_the_answer_to_what_was_said_before() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = incoming_call(&mut side);
    side.hear(5080, &phone.request("REFER", "Refer-To: <sip:613@127.0.0.1>\r\n", ""));
    side.with(call, |s, cx| s.answer_refer(cx, 202)).expect("pending");
    side.sent();
    for code in [100, 180, 200] {
        side.with(call, |s, cx| s.notify_sipfrag(cx, code, "", false)).expect("told");
    }
    let first = side.sent_one();
    assert!(body_of(&first).starts_with("SIP/2.0 100 "));
    side.hear(5080, &phone.response(&first, 200, "", ""));
    let last = side.sent_one();
    assert!(body_of(&last).starts_with("SIP/2.0 200 ") && last.contains("terminated"));
}

#[test]
fn transfers_that_are_not_allowed_or_not_whole_are_refused() {
    let mut side = Side::new(5060, 1);
    let (_, mut phone) = incoming_call(&mut side);
    for (lines, code) in
        [("", 400), ("Refer-To: <tel:1>\r\n", 400), ("Refer-To: <sip:x@h>\r\nRequire: foo\r\n", 420)]
    {
        side.hear(5080, &phone.request("REFER", lines, ""));
        assert_eq!(status(&side.sent_one()), code);
    }
    let mut side = Side::with_options(|o| o.allow_transfer = false);
    let (_, mut phone) = incoming_call(&mut side);
    side.hear(5080, &phone.request("REFER", "Refer-To: <sip:x@h>\r\n", ""));
    assert_eq!(status(&side.sent_one()), 603);
}

#[test]
fn we_transfer_the_phone_and_hear_how_it_goes() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = outgoing_call(&mut side);
    side.hear(5080, &phone.request("NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", ""));
    assert_eq!(status(&side.sent_one()), 481, "nobody asked");
    side.with(call, |s, cx| s.refer(cx, b"<sip:x@h>", b"<sip:us@h>", b"")).expect("up");
    let refer = side.sent_one();
    assert_eq!((header(&refer, "Refer-To"), header(&refer, "Referred-By")), ("<sip:x@h>", "<sip:us@h>"));
    side.hear(5080, &phone.response(&refer, 202, "", ""));
    for (state, line) in
        [("active", "SIP/2.0 180 Ringing"), ("terminated;reason=noresource", "SIP/2.0 200 OK")]
    {
        let lines =
            format!("Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\n");
        side.hear(5080, &phone.request("NOTIFY", &lines, line));
        assert_eq!(status(&side.sent_one()), 200);
    }
    let events = side.events(call);
    assert!(
        matches!(
            events[..],
            [Event::ReferProgress { code: 180, over: false }, Event::ReferProgress { code: 200, over: true }]
        ),
        "{events:?}"
    );
    side.with(call, |s, cx| s.refer(cx, b"<sip:x@h>", b"", b"")).expect("up");
    let refer = side.sent_one();
    side.hear(5080, &phone.response(&refer, 603, "", ""));
    assert!(matches!(side.events(call)[..], [Event::ReferProgress { code: 603, over: true }]));
}

#[test]
fn digits_flash_recording_and_text_come_by_info_and_message() {
    let mut side = Side::with_options(|o| o.one_touch_recording = true);
    let (call, mut phone) = incoming_call(&mut side);
    let relay = "Content-Type: application/dtmf-relay\r\n";
    side.hear(5080, &phone.request("INFO", "Record: on\r\n", ""));
    assert_eq!(status(&side.sent_one()), 403, "the call does not allow it");
    side.with(call, |s, _| s.set_may_record([true, false]));
    for (lines, body, code) in [
        (relay, "Signal=5\r\nDuration=160\r\n", 200),
        (relay, "", 200),
        (relay, "Signal=x\r\n", 500),
        ("Content-Type: application/dtmf\r\n", "#", 200),
        ("Content-Type: application/hook-flash\r\n", "x", 200),
        ("Content-Type: application/unknown\r\n", "x", 415),
        ("Content-Type: application/media_control+xml\r\n", "<picture_fast_update/>", 200),
        ("Record: on\r\n", "", 200),
        ("Record: off\r\n", "", 403),
        ("Record: maybe\r\n", "", 400),
        ("", "", 200),
    ] {
        side.hear(5080, &phone.request("INFO", lines, body));
        assert_eq!(status(&side.sent_one()), code, "{lines}{body}");
    }
    let events = side.events(call);
    assert!(
        matches!(
            events[..],
            [
                Event::Digit { digit: '5', duration_ms: 160 },
                Event::Digit { digit: '#', duration_ms: 100 },
                Event::Flash,
                Event::FastUpdate,
                Event::Record(true)
            ]
        ),
        "{events:?}"
    );
    side.hear(5080, &phone.request("MESSAGE", "Content-Type: text/plain\r\n", "hello"));
    assert_eq!(status(&side.sent_one()), 202);
    side.hear(5080, &phone.request("MESSAGE", "Content-Type: image/png\r\n", "x"));
    assert_eq!(status(&side.sent_one()), 415);
    let events = side.events(call);
    assert!(matches!(&events[..], [Event::Text { body, .. }] if **body == *b"hello"), "{events:?}");
    for (method, code) in
        [("FOO", 501), ("PUBLISH", 405), ("SUBSCRIBE", 489), ("OPTIONS", 200), ("PRACK", 400)]
    {
        side.hear(5080, &phone.request(method, "", ""));
        assert_eq!(status(&side.sent_one()), code, "{method}");
    }
}

#[test]
fn our_own_requests_go_out_in_the_dialog() {
    let mut side = Side::new(5060, 1);
    let (call, phone) = outgoing_call(&mut side);
    assert_eq!(side.with(call, |s, cx| s.dtmf_info(cx, 'x', 100)), Err(NotNow::NoSuchDigit));
    let id = side.with(call, |s, cx| s.dtmf_info(cx, '5', 160)).expect("up");
    let info = side.sent_one();
    assert_eq!(header(&info, "Content-Type"), "application/dtmf-relay");
    assert_eq!(body_of(&info), "Signal=5\r\nDuration=160\r\n");
    side.hear(5080, &phone.response(&info, 200, "", ""));
    assert!(matches!(side.events(call)[..], [Event::RequestDone { id: done, code: 200 }] if done == id));
    side.with(call, |s, cx| s.flash(cx)).expect("up");
    assert!(body_of(&side.sent_one()).starts_with("Signal=!\r\n"));
    let text = Own { method: Method::Message, content_type: "text/plain", body: b"hi", extra: b"X-A: b\r\n" };
    side.with(call, |s, cx| s.send(cx, &text)).expect("up");
    assert!(side.sent_one().contains("X-A: b\r\n"));
    // Nobody answers those two.
    side.pass(secs(33));
    assert_eq!(side.told(call), ["RequestDone", "RequestDone"]);
}

/// behaviour 6.3: believed only where trusted, told only when it changed.
#[test]
fn identity_in_the_call_is_told_where_it_is_trusted() {
    let told = |set: fn(&mut EndpointOptions)| {
        let mut side = Side::with_options(set);
        let (call, mut phone) = incoming_call(&mut side);
        for identity in ["<sip:1@h>", "<sip:1@h>", "<sip:2@h>"] {
            let line = format!("P-Asserted-Identity: {identity}\r\n");
            side.hear(5080, &phone.request("UPDATE", &line, ""));
        }
        side.told(call).len()
    };
    assert_eq!(told(|o| o.trust_id_inbound = true), 2);
    assert_eq!(told(|_| {}), 0);
}

/// rewrite_contact: requests go to where the phone's packets come from.
#[test]
fn requests_go_to_the_packets_source_with_rewrite_contact() {
    let mut side = Side::with_options(|o| o.rewrite_contact = true);
    let mut phone = Phone::caller();
    let invite = phone.request("INVITE", "", &sdp(1, "127.0.0.1", 7000, "sendrecv"));
    side.hear(5099, &invite.replace("phone@127.0.0.1:5080", "phone@10.9.9.9"));
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    phone.learn(&side.sent().pop().expect("200"));
    side.hear(5099, &phone.request("ACK", "", ""));
    side.with(1, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("up");
    assert!(side.sent_one().starts_with("BYE sip:phone@127.0.0.1:5099 "));
}
