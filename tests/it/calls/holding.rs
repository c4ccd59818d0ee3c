//! What a lamp shows of a held call, and what a dialplan and the log are told of calls that fail.

use super::desk::Desk;
use super::phone::*;
use jackfield::switch::view::{Event, Level};

/// S3-12: a NOTIFY tells a watching telephone that the call is on hold, and that it goes on.
#[test]
fn a_watcher_is_told_of_hold() {
    let plan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\nexten => 200,hint,PJSIP/200\n";
    let mut desk = Desk::new(["direct_media=no"; 3], plan);
    let subscribe = format!(
        "SUBSCRIBE sip:200@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {THIRD};rport;branch=z9hG4bKw1\r\nMax-Forwards: 70\r\n\
         From: <sip:300@127.0.0.1>;tag=w\r\nTo: <sip:200@127.0.0.1>\r\nCall-ID: watch\r\nCSeq: 1 SUBSCRIBE\r\n\
         Contact: <sip:300@{THIRD}>\r\nEvent: presence\r\nAccept: application/pidf+xml\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n"
    );
    let sent = desk.world.datagram(THIRD, subscribe.as_bytes());
    desk.deliver(sent);
    let shown = |desk: &mut Desk| {
        desk.wait(1_000);
        let mut notes = desk.sent.iter().filter(|text| text.starts_with("NOTIFY"));
        let last = notes.next_back().map_or("", |text| body(text)).to_owned();
        last.split("<note>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned()
    };
    assert_eq!(shown(&mut desk), "Ready");
    desk.call(CALLER, "200");
    assert_eq!(shown(&mut desk), "On the phone");
    desk.reinvite(CALLER, "a=sendonly\r\n");
    assert_eq!(shown(&mut desk), "On hold");
    desk.reinvite(CALLER, "a=sendrecv\r\n");
    assert_eq!(shown(&mut desk), "On the phone");
}

/// S4-87, S4-90, S4-92, S4-93: the lines that say why a call cannot be made.
#[test]
fn what_cannot_be_called_is_told_in_asterisks_words() {
    let plan = "[phones]\nexten => _X,1,Dial(${IF($[${EXTEN}=1]?PJSIP/nobody:${IF($[${EXTEN}=2]?PJSIP/bare:${IF($[${EXTEN}=4]?PJSIP/empty:SIP/100)})})})\n same => n,Hangup(21)\n";
    let cases = [
        (
            "1",
            Level::Error,
            "Unable to create PJSIP channel - endpoint 'nobody' was not found",
            "PJSIP",
            "3 - No route to destination",
        ),
        (
            "2",
            Level::Warning,
            "Unable to determine contacts from empty aor list",
            "PJSIP",
            "3 - No route to destination",
        ),
        (
            "2",
            Level::Error,
            "Endpoint 'bare': No URI available.  Is endpoint registered?",
            "PJSIP",
            "3 - No route to destination",
        ),
        (
            "4",
            Level::Error,
            "Endpoint 'empty': Could not create dialog to invalid URI 'empty'.  Is endpoint registered and reachable?",
            "PJSIP",
            "3 - No route to destination",
        ),
        ("3", Level::Warning, "No channel type registered for 'SIP'", "SIP", "66 - Channel not implemented"),
    ];
    for (exten, level, why, technology, cause) in cases {
        let mut world = office_beside(
            "[bare]\ntype=endpoint\ncontext=phones\n[empty]\ntype=endpoint\naors=empty\n[empty]\ntype=aor\n",
            "",
            plan,
        );
        let offer = invite(exten, 1, "i1", &sdp("127.0.0.1", 7000, "0", ""));
        the(&world.datagram(CALLER, offer.as_bytes()), "SIP/2.0 403");
        let said: Vec<(Level, String)> = world
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Log { level, text, .. } => Some((*level, text.clone())),
                _ => None,
            })
            .collect();
        let line = format!("Unable to create channel of type '{technology}' (cause {cause})");
        for expected in [(level, why.to_owned()), (Level::Warning, line)] {
            assert!(said.contains(&expected), "{expected:?} in {said:#?}");
        }
    }
}

/// `HANGUPCAUSE(channel,tech)` and `(…,ast)`: the last response of each called leg; a Reason of it beats the status.
#[test]
fn the_causes_of_all_legs_are_known() {
    let plan = "[phones]\nexten => 9,1,Dial(PJSIP/200&PJSIP/300,20)\n\
        same => n,Set(keys=${HANGUPCAUSE_KEYS()})\n same => n,Set(a=${HANGUPCAUSE(${CUT(keys,\\,,1)},tech)})\n\
        same => n,Set(b=${HANGUPCAUSE(${CUT(keys,\\,,1)},ast)})\n same => n,Set(c=${HANGUPCAUSE(${CUT(keys,\\,,2)},tech)})\n\
        same => n,Log(NOTICE,told ${a} ${b} ${c})\n same => n,Hangup(21)\n";
    let mut world = office("", plan);
    let offer = invite("9", 1, "i1", &sdp("127.0.0.1", 7000, "0", ""));
    let sent = world.datagram(CALLER, offer.as_bytes());
    let (one, two) = (the(&sent, "INVITE sip:200@").to_owned(), the(&sent, "INVITE sip:300@").to_owned());
    let busy = reply(&one, "480 Away", CALLED, "").replace("Contact:", "Reason: Q.850;cause=17\r\nContact:");
    world.datagram(CALLED, busy.as_bytes());
    world.datagram(THIRD, reply(&two, "486 Busy Here", THIRD, "").as_bytes());
    let told = world.events.iter().any(|event| match event {
        Event::Log { text, .. } => text.contains("told SIP 480 Away 17 SIP 486 Busy Here"),
        _ => false,
    });
    assert!(told, "{:#?}", world.events);
}

/// `CHANNEL(hangupsource)` in the `h` extension: who ended the call.
#[test]
fn who_ended_the_call_is_known() {
    let plan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\nexten => 1,1,Answer(0,i)\n same => n,Hangup()\n\
        exten => h,1,Log(NOTICE,ended by ${CHANNEL(hangupsource)})\n";
    for (exten, by, source) in
        [("200", CALLER, "PJSIP/100-00000000"), ("200", CALLED, "PJSIP/200-00000001"), ("1", "", "")]
    {
        let mut desk = Desk::new(["direct_media=no"; 3], plan);
        desk.call(CALLER, exten);
        if !by.is_empty() {
            desk.bye(by);
        }
        let told = desk.world.events.iter().find_map(|event| match event {
            Event::Log { text, .. } => text.split_once("ended by ").map(|(_, who)| who.to_owned()),
            _ => None,
        });
        assert_eq!(told.as_deref(), Some(source));
    }
}

const MUSIC: &str = "[default]\nmode=files\ndirectory=moh\n[jazz]\nmode=files\ndirectory=jazz\n\
    [own]\nmode=files\ndirectory=own\n";

/// `moh_suggest`: the held phone hears the holder's class, unless its channel was given one of its own.
#[test]
fn the_holders_class_of_music_is_heard() {
    let plan = "[phones]\nexten => 200,1,Set(CHANNEL(musicclass)=${MUSIC})\n same => n,Dial(PJSIP/200,20)\n";
    let classes = |caller: &str| {
        let callers = format!("direct_media=no\nmoh_suggest=jazz\nset_var=MUSIC={caller}");
        let mut desk = Desk::new([&callers, "direct_media=no\nmoh_suggest=jazz", ""], plan);
        desk.services(&[("musiconhold.conf", MUSIC)]);
        desk.call(CALLER, "200");
        let mut heard = Vec::new();
        for (holder, held) in [(CALLER, CALLED), (CALLED, CALLER)] {
            desk.reinvite(holder, "a=sendonly\r\n");
            heard.extend(desk.hears(held));
            desk.reinvite(holder, "a=sendrecv\r\n");
            assert!(desk.hears(held).is_empty());
        }
        heard
    };
    assert_eq!(classes(""), ["jazz/", "jazz/"]);
    assert_eq!(classes("own"), ["jazz/", "own/"]);
    assert_eq!(classes("unheard-of"), ["jazz/", "jazz/"]);
}

/// `suppress_moh_on_sendonly`: nobody is told that this phone holds, by music, lamp or re-INVITE.
#[test]
fn a_phone_whose_hold_is_suppressed_holds_in_silence() {
    for other in ["direct_media=no", "direct_media=no\nmoh_passthrough=yes"] {
        let options = ["direct_media=no\nsuppress_moh_on_sendonly=yes", other, ""];
        let mut desk = Desk::new(options, "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\n");
        desk.call(CALLER, "200");
        desk.changed();
        desk.reinvite(CALLER, "a=sendonly\r\n");
        assert!(desk.phone(CALLER).last.contains("a=recvonly"), "what it was answered is not touched");
        assert!(desk.hears(CALLED).is_empty());
        desk.reinvite(CALLER, "a=sendrecv\r\n");
        assert!(desk.changed().is_empty(), "{other}");
        desk.reinvite(CALLED, "a=sendonly\r\n");
        assert_eq!(desk.hears(CALLER), ["moh/"], "the other one's hold counts");
    }
}

/// The bridge's lines name the technology that it has.
#[test]
fn the_log_names_a_bridges_technology() {
    for (options, technology) in
        [("direct_media=no", "native_rtp"), ("direct_media=no\nallow=!all,g722", "simple_bridge")]
    {
        let mut desk = Desk::new(
            [options, "direct_media=no\nallow=!all,alaw", ""],
            "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\n",
        );
        desk.phone(CALLED).codecs = if technology == "native_rtp" { "8 101" } else { "8" };
        desk.phone(CALLER).codecs = if technology == "native_rtp" { "8 101" } else { "9" };
        desk.world.switch.ears().level = Level::Verbose;
        desk.call(CALLER, "200");
        desk.bye(CALLER);
        let lines: Vec<&str> = desk
            .world
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Log { text, origin, .. } if origin.starts_with("bridge") => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let at = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!(at("Channel PJSIP/100-00000000 joined 'simple_bridge' basic-bridge <"), 1, "{lines:#?}");
        assert_eq!(
            at(&format!("Channel PJSIP/100-00000000 left '{technology}' basic-bridge <")),
            1,
            "{lines:#?}"
        );
        let switched =
            lines.iter().any(|line| line.contains(": switching from simple_bridge technology to native_rtp"));
        assert_eq!(switched, technology == "native_rtp", "{lines:#?}");
    }
}
