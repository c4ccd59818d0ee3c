//! Running sessions changed by either side: hold, glare, T.38, session timers.

use super::*;
use jackfield::sdp::Attributes;

fn remote_port(side: &Side, call: u32) -> Option<u16> {
    side.session(call).agreement()?.audio().map(|audio| audio.remote.port)
}

/// What the peer's offer is answered with, and its ACK.
fn reinvite(side: &mut Side, phone: &mut Phone, body: &str) -> String {
    side.hear(5080, &phone.request("INVITE", "", body));
    let ok = side.sent_one();
    side.hear(5080, &phone.request("ACK", "", ""));
    ok
}

fn version(text: &str) -> u64 {
    let origin = text.lines().find(|line| line.starts_with("o=")).expect("o=");
    origin.split(' ').nth(2).and_then(|version| version.parse().ok()).expect("a number")
}

fn held(events: &[Event]) -> Vec<bool> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Media(change) => change.held,
            _ => None,
        })
        .collect()
}

/// S3-1, S3-2, S3-3, S3-5, S3-6, S3-7, S3-16, S3-26, S3-29, S3-37, S3-41: hold and resume by re-INVITE in the same dialog.
/// S3-15: a Reason that announces it changes nothing.
#[test]
fn a_phone_holds_and_resumes() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = incoming_call(&mut side);
    side.hear(
        5080,
        &phone.request(
            "INVITE",
            "Reason: avaya-cm-reason;cause=hold\r\n",
            &sdp(2, "127.0.0.1", 7000, "sendonly"),
        ),
    );
    let ok = side.sent_one();
    side.hear(5080, &phone.request("ACK", "", ""));
    assert!(ok.contains("a=recvonly\r\n"), "{ok}");
    assert!(side.session(call).is_held_by_peer());
    assert_eq!(held(&side.events(call)), [true]);
    // The same again: nothing changes, on either side.
    let again = reinvite(&mut side, &mut phone, &sdp(2, "127.0.0.1", 7000, "sendonly"));
    assert_eq!((version(&again), side.told(call)), (version(&ok), vec!["Offered".to_owned()]));
    let resumed = reinvite(&mut side, &mut phone, &sdp(3, "127.0.0.1", 7000, "sendrecv"));
    assert_eq!(version(&resumed), version(&ok) + 1);
    assert!(resumed.contains("a=sendrecv\r\n") && !side.session(call).is_held_by_peer());
    assert_eq!(held(&side.events(call)), [false]);
    assert_eq!((side.directory.len(), side.sessions.len()), (1, 1), "the same dialog");
}

/// S3-17, S3-21: the null address holds as well, and is never written by us.
#[test]
fn the_null_address_holds() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = outgoing_call(&mut side);
    for (version, address, is_held) in [(2, "0.0.0.0", true), (3, "127.0.0.1", false)] {
        let ok = reinvite(&mut side, &mut phone, &sdp(version, address, 7000, "sendrecv"));
        assert!(!ok.contains("0.0.0.0"));
        assert_eq!(side.session(call).is_held_by_peer(), is_held);
        assert_eq!(held(&side.events(call)), [is_held]);
    }
}

/// S3-22, S3-27, S3-38: the called phone re-INVITEs, with tags of both and its own view of To and From.
#[test]
fn the_called_phone_may_change_the_session() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = outgoing_call(&mut side);
    let ok = reinvite(&mut side, &mut phone, &sdp(2, "127.0.0.1", 7200, "sendrecv"));
    assert_eq!(tag_of(header(&ok, "From")), "pb");
    assert_eq!(remote_port(&side, call), Some(7200));
    let told = side.events(call);
    assert!(matches!(
        told[..],
        [Event::Media(MediaChange { address: true, held: None, .. }), Event::Offered]
    ));
    // Its description changes without a new version: obeyed, and said (S3-41).
    reinvite(&mut side, &mut phone, &sdp(2, "127.0.0.1", 7300, "sendrecv"));
    assert_eq!(remote_port(&side, call), Some(7300));
    assert!(side.told(call).contains(&"Oddity".into()));
}

/// S3-24, S3-42: what cannot be taken is refused, and the call goes on as it was.
#[test]
fn a_refused_change_leaves_the_session_as_it_was() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = incoming_call(&mut side);
    let before = side.session(call).agreement().cloned();
    let strange = sdp(2, "127.0.0.1", 7900, "sendrecv").replace("AVP 0 101", "AVP 97");
    let fax = "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=image 7500 udptl t38\r\na=T38FaxVersion:0\r\n";
    for body in [&*strange, fax, "v=0\r\nnonsense"] {
        side.hear(5080, &phone.request("INVITE", "", body));
        assert_eq!(status(&side.sent_one()), 488, "{body}");
        side.hear(5080, &phone.request("ACK", "", "").replace("z9hG4bKp50", "z9hG4bKp"));
        assert_eq!(side.session(call).agreement().cloned(), before);
    }
    side.pass(secs(6));
    side.sent();
    // The other way round: ours is refused.
    side.events(call);
    let mut hold = Reoffer::new(RefreshWith::Invite, Why::Hold);
    hold.direction = Some(Direction::SendOnly);
    side.with(call, |s, cx| s.reoffer(cx, hold)).expect("up");
    let ours = side.sent_one();
    assert!(ours.starts_with("INVITE ") && ours.contains("a=sendonly\r\n"));
    side.hear(5080, &phone.response(&ours, 488, "", ""));
    side.sent();
    let events = side.events(call);
    assert!(matches!(events[..], [Event::ReofferDone { why: Why::Hold, result: Reoffered::Refused(488) }]));
    assert_eq!(side.session(call).agreement().cloned(), before);
    assert!(side.session(call).is_up());
    let ok = reinvite(&mut side, &mut phone, &sdp(9, "127.0.0.1", 7000, "sendrecv"));
    assert!(ok.contains("a=sendrecv"), "willing is rolled back too");
}

/// S3-34, S3-35, S3-36: a re-INVITE without description is offered all we are willing to do, does not change the hold
/// state, and the ACK's answer does.
#[test]
fn a_reinvite_without_offer_does_not_resume_by_itself() {
    for ours in [false, true] {
        let mut side = Side::new(5060, 1);
        let (call, mut phone) = if ours { outgoing_call(&mut side) } else { incoming_call(&mut side) };
        reinvite(&mut side, &mut phone, &sdp(2, "127.0.0.1", 7000, "sendonly"));
        side.events(call);
        side.hear(5080, &phone.request("INVITE", "", ""));
        let ok = side.sent_one();
        assert!(body_of(&ok).contains("a=sendrecv\r\n"), "{ok}");
        assert!(side.session(call).is_held_by_peer() && side.events(call).is_empty());
        // Before the ACK neither side may offer again.
        side.with(call, |s, cx| s.reoffer(cx, Reoffer::new(RefreshWith::Invite, Why::ConnectedLine)))
            .expect("queued");
        assert_eq!(side.sent(), [""; 0]);
        side.hear(5080, &phone.request("ACK", "", &sdp(3, "127.0.0.1", 7000, "sendonly")));
        assert!(side.session(call).is_held_by_peer());
        assert_eq!(held(&side.events(call)), [true; 0]);
        let queued = side.sent_one();
        assert!(
            queued.starts_with("INVITE ") && queued.contains("a=recvonly\r\n"),
            "held remotely: {queued}"
        );
        side.hear(5080, &phone.response(&queued, 200, "", &sdp(3, "127.0.0.1", 7000, "sendonly")));
        side.sent();
        side.hear(5080, &phone.request("INVITE", "", ""));
        side.sent();
        side.hear(5080, &phone.request("ACK", "", &sdp(4, "127.0.0.1", 7000, "sendrecv")));
        assert_eq!(held(&side.events(call)), [false]);
    }
}

/// An offer of ours in a 200 whose ACK has no answer: what was agreed holds.
#[test]
fn a_reinvite_without_offer_and_without_answer_changes_nothing() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = incoming_call(&mut side);
    let before = side.session(call).agreement().cloned();
    reinvite(&mut side, &mut phone, "");
    assert_eq!(side.session(call).agreement().cloned(), before);
    assert!(side.session(call).is_up() && side.told(call).is_empty());
}

/// S3-28, S3-30, S3-31, S3-32, S3-33: a stream more, taken away, its place kept, and filled with another kind.
#[test]
fn streams_come_and_go_by_position() {
    let mut side = Side::new(5060, 1);
    side.capabilities.formats.push(Format::of(Codec::from_name("h264").expect("known")));
    let (call, mut phone) = incoming_call(&mut side);
    let video = |port: u16| format!("m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n");
    let body = sdp(2, "127.0.0.1", 7000, "sendrecv") + &video(7010);
    side.hear(5080, &phone.request("INVITE", "", &body));
    assert_eq!(side.sent(), [""; 0], "it waits for a port");
    let Event::PortsNeeded { streams } = side.events(call).remove(0) else { panic!("ports") };
    assert_eq!(streams, [(1, MediaKind::Video)]);
    side.hear(5080, &phone.request("UPDATE", "", &body));
    let busy = side.sent_one();
    assert_eq!((status(&busy), header(&busy, "Retry-After").len() < 3), (500, true));
    side.with(call, |s, cx| s.provide(cx, 1, Some(local(4010))));
    let ok = side.sent_one();
    assert!(ok.contains("m=video 4010 RTP/AVP 96\r\n"), "{ok}");
    phone.cseq -= 1;
    side.hear(5080, &phone.request("ACK", "", ""));
    phone.cseq += 1;
    // Our own offers keep the place of what was taken away.
    let ok = reinvite(&mut side, &mut phone, &(sdp(3, "127.0.0.1", 7000, "sendrecv") + &video(0)));
    assert!(ok.contains("m=video 0 "));
    side.events(call);
    let mut hold = Reoffer::new(RefreshWith::Invite, Why::Hold);
    hold.direction = Some(Direction::Inactive);
    side.with(call, |s, cx| s.reoffer(cx, hold)).expect("up");
    let ours = side.sent_one();
    assert!(ours.contains("a=inactive\r\n") && ours.contains("m=video 0 "), "{ours}");
    let answer = sdp(4, "127.0.0.1", 7000, "inactive") + "m=video 0 RTP/AVP 96\r\n";
    side.hear(5080, &phone.response(&ours, 200, "", &answer));
    side.sent();
    side.events(call);
    // The place is filled again: a port is asked for anew.
    side.hear(5080, &phone.request("INVITE", "", &(sdp(5, "127.0.0.1", 7000, "sendrecv") + &video(7020))));
    assert_eq!(side.told(call), ["PortsNeeded"]);
    side.with(call, |s, cx| s.provide(cx, 1, None));
    let ok = side.sent_one();
    assert!(ok.contains("m=video 0 ") && ok.contains("m=audio 4000 "), "{ok}");
}

/// Glare (RFC 3261 14.1): both get 491; the owner of the Call-ID waits 2.1 … 4 s, the other up to 2 s.
#[test]
fn glare_is_refused_and_retried_with_the_back_off_of_each_role() {
    for (ours, from, to) in [(true, 2_100, 4_001), (false, 0, 2_001)] {
        for seed in 0..30 {
            let mut side = Side::new(5060, seed);
            let (call, mut phone) = if ours { outgoing_call(&mut side) } else { incoming_call(&mut side) };
            let mut hold = Reoffer::new(RefreshWith::Invite, Why::Hold);
            hold.direction = Some(Direction::SendOnly);
            side.with(call, |s, cx| s.reoffer(cx, hold)).expect("up");
            let first = side.sent_one();
            side.hear(5080, &phone.request("INVITE", "", &sdp(2, "127.0.0.1", 7000, "sendonly")));
            assert_eq!(status(&side.sent_one()), 491);
            phone.request("ACK", "", "");
            side.hear(5080, &phone.response(&first, 491, "", ""));
            assert!(side.sent_one().starts_with("ACK "));
            let before = side.now.at;
            let again = (0..500).find_map(|_| {
                side.pass(ms(10));
                side.sent().into_iter().find(|text| text.starts_with("INVITE "))
            });
            let again = again.expect("tried again");
            let waited = side.now.at.since(before).as_millis();
            assert!((from..to + 10).contains(&waited), "seed {seed}: {waited} ms");
            assert!(again.contains("a=sendonly\r\n") && header(&again, "CSeq") > header(&first, "CSeq"));
            side.hear(5080, &phone.response(&again, 200, "", &sdp(3, "127.0.0.1", 7000, "recvonly")));
            let events = side.events(call);
            assert!(
                matches!(events.last(), Some(Event::ReofferDone { result: Reoffered::Ok, .. })),
                "{events:?}"
            );
        }
    }
}

/// S3-13, S3-14: a hold passed on to the other party by a re-INVITE or UPDATE of ours, which it answers.
#[test]
fn changes_are_queued_one_behind_the_other_and_what_changes_nothing_is_not_sent() {
    let mut side = Side::new(5060, 1);
    let (call, phone) = outgoing_call(&mut side);
    let mut direct = Reoffer::new(RefreshWith::Invite, Why::DirectMedia);
    direct.locals = vec![(0, Local::at([192, 0, 2, 9].into(), 9000))];
    let mut hold = Reoffer::new(RefreshWith::Update, Why::Hold);
    hold.direction = Some(Direction::SendOnly);
    side.with(call, |s, cx| s.reoffer(cx, direct.clone())).expect("up");
    side.with(call, |s, cx| s.reoffer(cx, hold)).expect("up");
    side.with(call, |s, cx| s.reoffer(cx, direct)).expect("up");
    let first = side.sent_one();
    assert!(first.contains("c=IN IP4 192.0.2.9\r\n") && first.contains("m=audio 9000 "), "{first}");
    side.hear(5080, &phone.response(&first, 200, "", &sdp(2, "127.0.0.1", 7000, "sendrecv")));
    let [ack, second] = side.sent().try_into().expect("two");
    assert!(ack.starts_with("ACK ") && second.starts_with("UPDATE "));
    assert!(second.contains("a=sendonly\r\n") && second.contains("m=audio 9000 "), "{second}");
    assert_eq!(version(&second), version(&first) + 1);
    side.hear(5080, &phone.response(&second, 200, "", &sdp(3, "127.0.0.1", 7000, "recvonly")));
    // The third says what the second said.
    assert_eq!(side.sent(), [""; 0]);
    assert_eq!(side.told(call), ["ReofferDone", "Media", "ReofferDone", "ReofferDone"]);
    for _ in 0..16 {
        let _ = side.with(call, |s, cx| s.reoffer(cx, Reoffer::new(RefreshWith::Invite, Why::ConnectedLine)));
    }
    let more = Reoffer::new(RefreshWith::Invite, Why::ConnectedLine);
    side.with(call, |s, cx| s.reoffer(cx, more.clone())).expect("one runs, sixteen wait");
    assert_eq!(side.with(call, |s, cx| s.reoffer(cx, more)), Err(NotNow::TooMany));
}

/// S3-4 and behaviour: a peer that refuses UPDATE gets a re-INVITE.
#[test]
fn a_peer_without_update_gets_a_reinvite() {
    let mut side = Side::new(5060, 1);
    let (call, phone) = outgoing_call(&mut side);
    let line = Reoffer::new(RefreshWith::Update, Why::ConnectedLine);
    side.with(call, |s, cx| s.reoffer(cx, line)).expect("up");
    let update = side.sent_one();
    assert!(update.starts_with("UPDATE ") && body_of(&update).is_empty());
    side.hear(5080, &phone.response(&update, 501, "", ""));
    side.pass(ms(1));
    assert!(side.sent_one().starts_with("INVITE "));
}

/// 481 and 408 to a re-INVITE end the call; other refusals do not.
#[test]
fn a_peer_that_knows_nothing_of_the_call_ends_it() {
    for code in [481, 408] {
        let mut side = Side::new(5060, 1);
        let (call, phone) = outgoing_call(&mut side);
        side.with(call, |s, cx| s.reoffer(cx, Reoffer::new(RefreshWith::Invite, Why::ConnectedLine)))
            .expect("up");
        let ours = side.sent_one();
        if code == 481 {
            side.hear(5080, &phone.response(&ours, 481, "", ""));
        } else {
            side.pass(secs(33));
        }
        assert!(side.sent().iter().any(|text| text.starts_with("BYE ")));
        assert_eq!(side.told(call), ["ReofferDone", "HungUp"]);
        side.pass(secs(80));
        assert!(side.is_at_rest());
    }
}

/// A hangup while our re-INVITE runs: the BYE waits for its end, but not for ever.
#[test]
fn a_hangup_waits_for_our_reinvite() {
    let mut side = Side::new(5060, 1);
    let (call, phone) = outgoing_call(&mut side);
    side.with(call, |s, cx| s.reoffer(cx, Reoffer::new(RefreshWith::Invite, Why::ConnectedLine)))
        .expect("up");
    let ours = side.sent_one();
    side.hear(5080, &phone.response(&ours, 180, "", ""));
    side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("up");
    assert_eq!(side.sent(), [""; 0]);
    side.hear(5080, &phone.response(&ours, 200, "", &sdp(2, "127.0.0.1", 7000, "sendrecv")));
    let [ack, bye] = side.sent().try_into().expect("two");
    assert!(ack.starts_with("ACK ") && bye.starts_with("BYE "));
    let mut side = Side::new(5060, 1);
    let (call, phone) = outgoing_call(&mut side);
    side.with(call, |s, cx| s.reoffer(cx, Reoffer::new(RefreshWith::Invite, Why::ConnectedLine)))
        .expect("up");
    let ours = side.sent_one();
    side.hear(5080, &phone.response(&ours, 180, "", ""));
    side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL)).expect("up");
    side.pass(secs(33));
    assert!(side.sent().iter().any(|text| text.starts_with("BYE ")));
    side.pass(secs(80));
    assert!(side.is_at_rest());
}

/// A re-INVITE of the peer that waits is answered 487 when it is cancelled or the call ends.
#[test]
fn a_waiting_reinvite_is_ended_with_the_call() {
    for bye in [false, true] {
        let mut side = Side::new(5060, 1);
        side.capabilities.formats.push(Format::of(Codec::from_name("h264").expect("known")));
        let (call, mut phone) = incoming_call(&mut side);
        let body =
            sdp(2, "127.0.0.1", 7000, "sendrecv") + "m=video 7010 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
        side.hear(5080, &phone.request("INVITE", "", &body));
        if bye {
            side.hear(5080, &phone.request("BYE", "", ""));
            let codes: Vec<u16> = side.sent().iter().map(|text| status(text)).collect();
            assert_eq!(codes, [200, 487]);
        } else {
            side.hear(5080, &phone.request("CANCEL", "", ""));
            let codes: Vec<u16> = side.sent().iter().map(|text| status(text)).collect();
            assert_eq!(codes, [200, 487]);
            assert!(side.session(call).is_up());
            side.with(call, |s, cx| s.provide(cx, 1, Some(local(4010))));
            assert_eq!(side.sent(), [""; 0]);
        }
    }
}

/// S3-23: T.38 is asked about, its parameters passed on as they are; nobody deciding in 5 s refuses.
#[test]
fn fax_is_decided_by_the_other_leg() {
    let fax = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=image 7500 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n";
    let mut side = Side::new(5060, 1);
    side.capabilities.fax = true;
    let (call, mut phone) = incoming_call(&mut side);
    side.hear(5080, &phone.request("INVITE", "", fax));
    assert_eq!(side.sent(), [""; 0]);
    let Event::FaxOffered { attributes, .. } = side.events(call).remove(0) else { panic!("fax") };
    assert_eq!(attributes.value("T38MaxBitRate"), Some("14400"));
    let mut ours = Attributes::default();
    ours.push("T38FaxVersion:0");
    side.with(call, |s, cx| s.accept_fax(cx, ours)).expect("pending");
    assert_eq!(side.told(call), ["PortsNeeded"]);
    side.with(call, |s, cx| s.provide(cx, 0, Some(local(4500))));
    let ok = side.sent_one();
    assert!(ok.contains("m=image 4500 udptl t38\r\na=T38FaxVersion:0\r\n"), "{ok}");
    let events = side.events(call);
    assert!(matches!(events[0], Event::Media(MediaChange { fax: Some(true), .. })), "{events:?}");
    side.hear(5080, &phone.request("ACK", "", ""));
    // The other role: we ask for it, and go back to audio.
    let mut side = Side::new(5060, 1);
    side.capabilities.fax = true;
    let (call, phone) = outgoing_call(&mut side);
    let mut wanted = Reoffer::new(RefreshWith::Invite, Why::Fax);
    wanted.proposals = Some(vec![Proposal::Fax { local: local(4500), parameters: attributes }]);
    side.with(call, |s, cx| s.reoffer(cx, wanted)).expect("up");
    let ours = side.sent_one();
    assert!(
        ours.contains("m=image 4500 udptl t38\r\n") && ours.contains("a=T38MaxBitRate:14400\r\n"),
        "{ours}"
    );
    side.hear(5080, &phone.response(&ours, 200, "", fax));
    side.sent();
    assert!(side.session(call).agreement().is_some_and(|a| a.fax().is_some()));
    let mut back = Reoffer::new(RefreshWith::Invite, Why::Fax);
    back.proposals = Some(vec![side.proposal(MediaKind::Audio, 4000)]);
    side.with(call, |s, cx| s.reoffer(cx, back)).expect("up");
    let ours = side.sent_one();
    side.hear(5080, &phone.response(&ours, 200, "", &sdp(4, "127.0.0.1", 7000, "sendrecv")));
    side.sent();
    assert_eq!(remote_port(&side, call), Some(7000));
    // Nobody decides.
    let mut side = Side::new(5060, 1);
    side.capabilities.fax = true;
    let (call, mut phone) = incoming_call(&mut side);
    side.hear(5080, &phone.request("INVITE", "", fax));
    side.pass(ms(5_100));
    assert_eq!(status(&side.sent_one()), 488);
    assert!(side.session(call).is_up());
    assert_eq!(side.with(call, |s, cx| s.refuse_fax(cx)), Err(NotNow::NothingPending));
}

/// S3-39: roles of the refresher are those of each transaction.
#[test]
fn we_refresh_at_half_time_and_end_a_call_that_nobody_refreshes() {
    let mut side = Side::new(5060, 1);
    let mut phone = Phone::caller();
    let timer = "Supported: timer\r\nSession-Expires: 100;refresher=uas\r\nAllow: UPDATE\r\n";
    side.hear(5080, &phone.request("INVITE", timer, &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    let ok = side.sent().pop().expect("200");
    assert_eq!(header(&ok, "Session-Expires"), "100;refresher=uas");
    phone.learn(&ok);
    side.hear(5080, &phone.request("ACK", "", ""));
    side.pass(ms(50_100));
    let update = side.sent_one();
    assert!(update.starts_with("UPDATE "));
    // In this transaction we are the UAC.
    assert_eq!(header(&update, "Session-Expires"), "100;refresher=uac");
    side.hear(5080, &phone.response(&update, 200, "Session-Expires: 100;refresher=uac\r\n", ""));
    side.pass(secs(49));
    assert_eq!(side.sent(), [""; 0]);
    side.pass(ms(1_100));
    assert!(side.sent_one().starts_with("UPDATE "));
    // Nobody answers any more.
    side.pass(secs(40));
    assert!(side.sent().iter().any(|text| text.starts_with("BYE ")));
    assert!(side.told(1).contains(&"HungUp".into()));

    // The peer promised to refresh and does not.
    let mut side = Side::new(5060, 1);
    let mut phone = Phone::caller();
    let timer = "Supported: timer\r\nSession-Expires: 90\r\n";
    side.hear(5080, &phone.request("INVITE", timer, &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    let ok = side.sent().pop().expect("200");
    assert_eq!((header(&ok, "Session-Expires"), header(&ok, "Require")), ("90;refresher=uac", "timer"));
    phone.learn(&ok);
    side.hear(5080, &phone.request("ACK", "", ""));
    side.pass(secs(50));
    side.hear(5080, &phone.request("UPDATE", timer, ""));
    assert_eq!(status(&side.sent_one()), 200);
    side.pass(secs(59));
    assert_eq!(side.sent(), [""; 0]);
    side.pass(ms(1_100));
    assert!(side.sent_one().starts_with("BYE "));
    assert!(side.told(1).contains(&"HungUp".into()));
}

/// A change of a peer that says nothing of timers ends the timer (RFC 4028 9): the call is not ended by it.
#[test]
fn a_timer_that_nobody_speaks_of_any_more_ends() {
    let mut side = Side::new(5060, 1);
    let mut phone = Phone::caller();
    let timer = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    side.hear(5080, &phone.request("INVITE", timer, &sdp(1, "127.0.0.1", 7000, "sendrecv")));
    side.with(1, |s, cx| s.provide(cx, 0, Some(local(4000))));
    side.with(1, |s, cx| s.answer(cx, AnswerWith::default())).expect("incoming");
    phone.learn(&side.sent().pop().expect("200"));
    side.hear(5080, &phone.request("ACK", "", ""));
    let ok = reinvite(&mut side, &mut phone, &sdp(2, "127.0.0.1", 7000, "sendonly"));
    assert!(!ok.contains("Session-Expires"));
    side.pass(secs(1_000));
    assert!(side.session(1).is_up() && side.sent().is_empty());
}

/// S3-43: an unknown tag is no new call; a lower CSeq is out of order (S3-37).
#[test]
fn requests_outside_the_dialog_or_out_of_order_are_refused() {
    let mut side = Side::new(5060, 1);
    let (call, mut phone) = incoming_call(&mut side);
    let good = phone.remote.clone();
    phone.remote = "<sip:b@127.0.0.1>;tag=other".into();
    side.hear(5080, &phone.request("INVITE", "", &sdp(2, "127.0.0.1", 7000, "sendrecv")));
    assert_eq!(status(&side.sent_one()), 481);
    assert_eq!(side.sessions.len(), 1);
    phone.remote = good;
    side.hear(5080, &phone.request("OPTIONS", "", ""));
    assert_eq!(status(&side.sent_one()), 200);
    phone.cseq -= 2;
    side.hear(5080, &phone.request("INFO", "", ""));
    assert_eq!(status(&side.sent_one()), 500);
    assert!(side.session(call).is_up());
}

/// A re-INVITE that only ever gets provisional responses is cancelled: until its end nothing else can be agreed on.
#[test]
fn a_reinvite_that_never_ends_is_cancelled() {
    let mut side = Side::new(5060, 1);
    let (call, phone) = incoming_call(&mut side);
    side.with(call, |s, cx| s.reoffer(cx, Reoffer::new(RefreshWith::Invite, Why::Refresh))).expect("up");
    let ours = side.sent_one();
    side.hear(5080, &phone.response(&ours, 100, "", ""));
    side.pass(secs(59));
    assert_eq!(side.sent(), [""; 0]);
    side.pass(ms(1_100));
    let cancel = side.sent_one();
    assert!(cancel.starts_with("CANCEL "), "{cancel}");
    side.hear(5080, &phone.response(&cancel, 200, "", ""));
    side.hear(5080, &phone.response(&ours, 487, "", ""));
    assert!(side.sent_one().starts_with("ACK "));
    assert!(side.session(call).is_up());
}
