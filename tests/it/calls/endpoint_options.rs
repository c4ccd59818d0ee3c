//! Options of endpoints that show in calls: each once set, and what then differs on the wire or in the orders to the
//! media threads. Those with a story of their own stand in the other files of this folder.

use super::phone::*;
use crate::world::{Ask, World};
use jackfield::bridge::{MediaEvent, Open, Plan, PortId};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, Event, Kind, Reply};
use std::time::Duration;

const DIAL: &str = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\n same => n,Hangup(17)\n\
    exten => 300,1,Dial(PJSIP/300,20)\nexten => 600,1,Answer()\n same => n,Echo()\n\
    exten => 601,1,Ringing()\n same => n,Wait(60)\nexten => 602,1,Progress()\n same => n,Wait(1)\n same => n,Ringing()\n\
    same => n,Wait(60)\n\
    exten => 610,1,ExecIf($[\"${colour}${CHANNEL(accountcode)}${CHANNEL(language)}\"=\"blueacct7de\"]?Hangup(17))\n\
    same => n,Hangup(21)\n\
    [digits]\nexten => 4930,1,NoOp()\n";

fn offer(world: &mut World, exten: &str, body: &str) -> Vec<String> {
    world.datagram(CALLER, invite(exten, 1, "i1", body).as_bytes())
}

fn plain() -> String {
    sdp("127.0.0.1", 7000, "0 8 101", "")
}

/// The INVITE that 200 gets.
fn dialled(options: &str) -> String {
    let mut world = office(options, DIAL);
    let sent = offer(&mut world, "200", &plain());
    the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned()
}

/// The 200 that a caller of an echo gets for this offer.
fn echoed(options: &str, body: &str) -> String {
    let mut world = office(options, DIAL);
    let sent = offer(&mut world, "600", body);
    sent.last().expect("an answer").clone()
}

/// The order for the first port.
fn opened(options: &str) -> Open {
    let mut world = office(options, DIAL);
    offer(&mut world, "600", &plain());
    let order = world.plans.iter().find_map(|plan| match plan {
        Plan::Open(open) => Some((**open).clone()),
        _ => None,
    });
    order.expect("a port is opened")
}

/// A call between 100 and 200, answered; the INVITE that 200 got.
fn up(world: &mut World, body: &str) -> String {
    let sent = offer(world, "200", body);
    let out = the(&sent, "INVITE sip:200").to_owned();
    let answer = reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "0 101", ""));
    let sent = world.datagram(CALLED, answer.as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    out
}

#[test]
fn descriptions_say_what_options_say() {
    let said = |options: &str, text: &str| {
        let out = dialled(options);
        assert!(out.contains(text), "{options}: {text}\n{out}");
    };
    said("sdp_owner=jack\nsdp_session=field", "\r\no=jack ");
    said("sdp_session=field", "\r\ns=field\r\n");
    said("", "\r\ns=Asterisk\r\n");
    said("media_address=192.0.2.9", "\r\nc=IN IP4 192.0.2.9\r\n");
    said("rtcp_mux=yes", "\r\na=rtcp-mux\r\n");
    said("allow=!all,alaw:40", "a=ptime:40\r\n");
    assert!(!dialled("").contains("rtcp-mux"));
    assert!(body(&echoed("rtcp_mux=yes", &format!("{}a=rtcp-mux\r\n", plain()))).contains("a=rtcp-mux"));
    assert!(!body(&echoed("rtcp_mux=yes", &plain())).contains("a=rtcp-mux"), "it was not offered");
}

/// `dtmf_mode`: which modes speak of telephone-event.
#[test]
fn the_digits_of_a_mode_are_described() {
    for (mode, there) in [
        ("rfc4733", true),
        ("auto", true),
        ("auto_info", true),
        ("inband", false),
        ("info", false),
        ("none", false),
    ] {
        let out = dialled(&format!("dtmf_mode={mode}"));
        assert_eq!(out.contains("telephone-event"), there, "{mode}");
        assert_eq!(
            echoed(&format!("dtmf_mode={mode}"), &plain()).contains("telephone-event"),
            there,
            "{mode}"
        );
    }
}

/// `incoming_call_offer_pref`, `preferred_codec_only` for the answer; `outgoing_call_offer_pref` for the offer.
#[test]
fn codecs_are_chosen_as_preferred() {
    let answer = |options: &str| {
        let ok = echoed(options, &sdp("127.0.0.1", 7000, "8 0", ""));
        body(&ok).lines().find(|line| line.starts_with("m=")).expect("audio")[13..].to_owned()
    };
    assert_eq!(answer("incoming_call_offer_pref=local"), " RTP/AVP 0 8");
    assert_eq!(answer("incoming_call_offer_pref=local_first"), " RTP/AVP 0");
    assert_eq!(answer("preferred_codec_only=yes"), " RTP/AVP 0");
    assert_eq!(answer("incoming_call_offer_pref=remote"), " RTP/AVP 8 0");
    assert_eq!(answer("incoming_call_offer_pref=remote_first"), " RTP/AVP 8");
    let offered = |options: &str| {
        let mut world = office(&format!("incoming_call_offer_pref=remote\n{options}"), DIAL);
        let sent = offer(&mut world, "200", &sdp("127.0.0.1", 7000, "8 0", ""));
        let out = the(&sent, "INVITE sip:200");
        body(out).lines().find(|line| line.starts_with("m=")).expect("audio")[13..].to_owned()
    };
    assert_eq!(offered("outgoing_call_offer_pref=local"), " RTP/AVP 0 8 101");
    assert_eq!(offered("outgoing_call_offer_pref=local_first"), " RTP/AVP 0 101");
    assert_eq!(offered("outgoing_call_offer_pref=remote"), " RTP/AVP 8 0 101");
    assert_eq!(offered("outgoing_call_offer_pref=remote_first"), " RTP/AVP 8 101");
    assert_eq!(offered("outgoing_call_offer_pref=remote_merge"), " RTP/AVP 8 0 101");
    assert_eq!(offered("outgoing_call_offer_pref=local_merge"), " RTP/AVP 0 8 101");
}

/// `use_avpf`, `force_avp`, `media_use_received_transport`: profiles that fit, and those that are refused with 488.
#[test]
fn profiles_must_fit() {
    let with = |profile: &str| plain().replace("RTP/AVP", profile);
    let status = |options: &str, profile: &str| {
        let answer = echoed(options, &with(profile));
        let line = body(&answer).lines().find(|line| line.starts_with("m=")).unwrap_or_default().to_owned();
        (answer[8..11].to_owned(), line.split(' ').nth(2).unwrap_or_default().to_owned())
    };
    let fits = |options, profile, answered: &str| {
        assert_eq!(status(options, profile), ("200".into(), answered.into()), "{options} {profile}");
    };
    let refused = |options, profile| assert_eq!(status(options, profile).0, "488", "{options} {profile}");
    fits("", "RTP/AVP", "RTP/AVP");
    refused("", "RTP/AVPF");
    refused("", "RTP/SAVP");
    fits("use_avpf=yes", "RTP/AVPF", "RTP/AVPF");
    refused("use_avpf=yes", "RTP/AVP");
    fits("media_use_received_transport=yes", "RTP/AVPF", "RTP/AVPF");
    fits("media_use_received_transport=yes", "RTP/AVP", "RTP/AVP");
    fits("force_avp=yes", "RTP/AVP", "RTP/AVP");
}

/// `max_audio_streams`, `max_video_streams`: further ones are declined.
#[test]
fn streams_are_counted() {
    let two =
        format!("{}m=audio 7010 RTP/AVP 0\r\nm=video 7020 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n", plain());
    let ports = |options: &str| {
        let answer = echoed(options, &two);
        let lines = body(&answer).lines().filter(|line| line.starts_with("m="));
        lines.map(|line| line.split(' ').nth(1).expect("a port").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ports("")[1..], ["0", "0"]);
    assert_ne!(ports("max_audio_streams=2")[1], "0");
    assert_ne!(ports("allow=!all,ulaw,h261")[2], "0");
    assert_eq!(ports("allow=!all,ulaw,h261\nmax_video_streams=0")[2], "0");
}

#[test]
fn ports_are_opened_as_options_say() {
    let secs = Duration::from_secs;
    let timed = opened("rtp_timeout=30\nrtp_timeout_hold=90\nrtp_keepalive=15").timers;
    assert_eq!((timed.silence, timed.silence_on_hold, timed.keepalive), (secs(30), secs(90), secs(15)));
    let untimed = opened("").timers;
    assert_eq!((untimed.silence, untimed.silence_on_hold, untimed.keepalive), (secs(0), secs(0), secs(0)));
    assert!(opened("rtp_symmetric=yes").rules.symmetric && !opened("").rules.symmetric);
    let range = opened("rtp_port_start=30000\nrtp_port_end=30100").range;
    assert_eq!((range.first, range.last), (30_000, 30_100));
    assert_eq!(opened("tos_audio=ef").tos, 184);
    assert!(opened("").rtcp_port && !opened("rtcp_mux=yes").rtcp_port);
    assert_eq!(opened("").bind.to_string(), "0.0.0.0");
    assert_eq!(opened("rtp_ipv6=yes").bind.to_string(), "::");
    let bound = "media_address=127.0.0.7\nbind_rtp_to_media_address=yes";
    assert_eq!(opened(bound).bind.to_string(), "127.0.0.7");
    assert_eq!(opened("transport=transport-udp").bind.to_string(), "127.0.0.1", "that transport's");
}

/// `rtp_timeout`: the silent leg ends the call, cause 44.
#[test]
fn silence_ends_a_call() {
    let mut world = office("direct_media=no\nrtp_timeout=30", DIAL);
    up(&mut world, &plain());
    let silent = MediaEvent::Silent { port: PortId(0), lasted: Duration::from_secs(30), held: false };
    let sent = world.handle(Input::Media(silent));
    assert_eq!(header(the(&sent, "BYE sip:100"), "Reason"), "Q.850;cause=44");
    the(&sent, "BYE sip:phone@127.0.0.1:6200");
}

/// Digits between unlike legs: RFC 4733 becomes INFO, INFO becomes RFC 4733, and INFO stays INFO.
#[test]
fn digits_pass_between_unlike_modes() {
    use jackfield::rtp::{Digit, DtmfEvent};
    let press = |world: &mut World, port: u64| {
        let event = DtmfEvent::End {
            digit: Digit::from_char('5').expect("one"),
            duration: Duration::from_millis(90),
        };
        world.handle(Input::Media(MediaEvent::Digit { port: PortId(port), event }))
    };
    // Both by RFC 4733: the relay passes them, nobody else does.
    let mut world = office("direct_media=no", DIAL);
    up(&mut world, &plain());
    let before = world.plans.len();
    assert!(press(&mut world, 0).is_empty());
    assert_eq!(world.plans.len(), before);
    // auto_info: the called side has no telephone-event, so it gets INFO.
    let mut world = office("direct_media=no\ndtmf_mode=auto_info", DIAL);
    let sent = offer(&mut world, "200", &plain());
    let out = the(&sent, "INVITE sip:200").to_owned();
    let answer = reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "0", ""));
    let sent = world.datagram(CALLED, answer.as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    let sent = press(&mut world, 0);
    let info = the(&sent, "INFO sip:phone@127.0.0.1:6200").to_owned();
    assert_eq!(body(&info), "Signal=5\r\nDuration=160\r\n");
    // Its own INFO comes out as an event on the caller's port.
    let relayed = "Signal=7\r\nDuration=100\r\n";
    let info = format!(
        "INFO sip:100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bKinfo\r\nFrom: {};tag=t6200\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: 9 INFO\r\nContent-Type: application/dtmf-relay\r\nContent-Length: {}\r\n\r\n{relayed}",
        header(&out, "To"),
        header(&out, "From"),
        header(&out, "Call-ID"),
        relayed.len()
    );
    let sent = world.datagram(CALLED, info.as_bytes());
    the(&sent, "SIP/2.0 200");
    let passed = world.plans.iter().any(|plan| matches!(plan, Plan::SendDigit { port: PortId(0), .. }));
    assert!(passed, "{:?}", world.plans.last());
    // info: always INFO.
    let mut world = office("direct_media=no\ndtmf_mode=info", DIAL);
    up(&mut world, &sdp("127.0.0.1", 7000, "0", ""));
    the(&press(&mut world, 0), "INFO sip:phone@127.0.0.1:6200");
}

/// `timers`, `timers_sess_expires`, `timers_min_se`, `100rel`: what an INVITE of ours says.
#[test]
fn an_invite_says_what_is_supported() {
    let out = dialled("timers_sess_expires=600\ntimers_min_se=120");
    assert_eq!((header(&out, "Session-Expires"), header(&out, "Min-SE")), ("600", "120"));
    let mut world = office("timers=required\n100rel=required", DIAL);
    let able = invite("200", 1, "i1", &plain()).replace("Max-", "Supported: timer, 100rel\r\nMax-");
    let sent = world.datagram(CALLER, able.as_bytes());
    assert_eq!(header(the(&sent, "INVITE sip:200"), "Require"), "100rel, timer");
    let sent = office("100rel=required", DIAL).datagram(CALLER, invite("200", 1, "i1", &plain()).as_bytes());
    the(&sent, "SIP/2.0 421");
    let out = dialled("timers=no\n100rel=no");
    assert!(!out.contains("Session-Expires") && !header(&out, "Supported").contains("100rel"), "{out}");
    let mut world = office("timers_min_se=120", DIAL);
    let short =
        invite("600", 1, "i1", &plain()).replace("Max-", "Supported: timer\r\nSession-Expires: 100\r\nMax-");
    let sent = world.datagram(CALLER, short.as_bytes());
    assert_eq!(header(the(&sent, "SIP/2.0 422"), "Min-SE"), "120");
}

/// `inband_progress`, and the global `allow_sending_180_after_183`.
#[test]
fn ringing_is_said_as_the_endpoint_wants() {
    let first = |options: &str| {
        let mut world = office(options, DIAL);
        let sent = offer(&mut world, "601", &plain());
        sent.last().expect("one").lines().next().expect("a line").to_owned()
    };
    assert_eq!(first(""), "SIP/2.0 180 Ringing");
    assert_eq!(first("inband_progress=yes"), "SIP/2.0 183 Session Progress");
    for (option, said) in [("no", "SIP/2.0 183"), ("yes", "SIP/2.0 180")] {
        let global = format!("[global]\ntype=global\nallow_sending_180_after_183={option}\n");
        let mut world = office_beside(&global, "", DIAL);
        let sent = offer(&mut world, "602", &plain());
        the(&sent, "SIP/2.0 183");
        let sent = world.wait(Duration::from_millis(1_100));
        assert!(sent.iter().any(|text| text.starts_with(said)), "{option}: {sent:?}");
    }
}

/// `ignore_183_without_sdp`: such a 183 changes nothing for the caller.
#[test]
fn a_183_without_description_counts_or_not() {
    for (option, told) in [("no", 1), ("yes", 0)] {
        let mut world = office(&format!("ignore_183_without_sdp={option}"), DIAL);
        let sent = offer(&mut world, "200", &plain());
        let out = the(&sent, "INVITE sip:200").to_owned();
        let sent = world.datagram(CALLED, reply(&out, "183 Session Progress", CALLED, "").as_bytes());
        assert_eq!(those(&sent, "SIP/2.0 183").len(), told, "{option}: {sent:?}");
    }
}

/// `set_var`, `accountcode`, `language` reach the dialplan.
#[test]
fn the_dialplan_sees_the_endpoints_settings() {
    let ended = |options: &str, exten: &str| {
        let mut world = office(options, DIAL);
        offer(&mut world, exten, &plain()).last().expect("one")[8..11].to_owned()
    };
    assert_eq!(ended("set_var=colour=blue\naccountcode=acct7\nlanguage=de", "610"), "486");
    assert_eq!(ended("", "610"), "403");
}

/// `overlap_context` is where digits are looked up; the call then runs in `context`. `contact_user` is our name.
#[test]
fn overlap_context_and_contact_user() {
    let status = |options: &str, exten: &str| {
        let mut world = office(options, DIAL);
        offer(&mut world, exten, &plain()).last().expect("one")[8..11].to_owned()
    };
    assert_eq!(status("overlap_context=digits", "49"), "484");
    assert_eq!(status("overlap_context=digits\nallow_overlap=no", "49"), "404");
    assert_eq!(status("overlap_context=digits", "200"), "404", "it is not there");
    assert!(header(&dialled("contact_user=gate"), "Contact").starts_with("<sip:gate@"));
    assert!(header(&echoed("contact_user=gate", &plain()), "Contact").starts_with("<sip:gate@"));
}

/// `from_user`, `from_domain`, `user_eq_phone`, `outbound_proxy`: who calls, and by which way.
#[test]
fn an_invite_comes_from_whom_options_say() {
    let out = dialled("from_user=trunk\nfrom_domain=example.com");
    assert!(header(&out, "From").starts_with("<sip:trunk@example.com>"), "{out}");
    assert!(header(&dialled("user_eq_phone=yes"), "From").contains("<sip:100@127.0.0.1;user=phone>"));
    let mut world = office("outbound_proxy=sip:127.0.0.1:6300\\;lr", DIAL);
    let sent = offer(&mut world, "200", &plain());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    assert_eq!(header(&out, "Route"), "<sip:127.0.0.1:6300;lr>");
    assert!(
        world.destinations.iter().any(|to| to.remote == THIRD.parse().expect("an address")),
        "by the proxy"
    );
}

/// `*8` takes a call that rings in a group of `pickup_group` or `named_pickup_group`; else 403.
#[test]
fn calls_are_picked_up_by_group() {
    for (groups, taken) in [
        ("call_group=1\npickup_group=1", true),
        ("named_call_group=sales\nnamed_pickup_group=sales", true),
        ("call_group=1\npickup_group=2", false),
        ("", false),
    ] {
        let mut world = office(&format!("direct_media=no\n{groups}"), DIAL);
        let sent = offer(&mut world, "200", &plain());
        let out = the(&sent, "INVITE sip:200").to_owned();
        world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
        let picks = invite("*8", 1, "p1", &sdp("127.0.0.1", 7300, "0 101", ""))
            .replace(CALLER, THIRD)
            .replace("Call-ID: c1", "Call-ID: c3")
            .replace("\"Ann\" <sip:100@", "<sip:300@");
        let sent = world.datagram(THIRD, picks.as_bytes());
        if taken {
            assert_eq!(those(&sent, "SIP/2.0 200").len(), 2, "{groups}: both are answered");
            the(&sent, "CANCEL sip:200");
            assert_eq!(world.joins(), 1);
        } else {
            the(&sent, "SIP/2.0 403");
        }
    }
}

/// RFC 3261 13.3.1: an INVITE that nobody answers before its own Expires ends with 487.
#[test]
fn an_invite_expires() {
    let mut world = office("", DIAL);
    let text = invite("200", 1, "i1", &plain()).replace("Max-", "Expires: 5\r\nMax-");
    let sent = world.datagram(CALLER, text.as_bytes());
    let out = the(&sent, "INVITE sip:200").to_owned();
    world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    assert!(those(&world.wait(Duration::from_millis(4_900)), "SIP/2.0").is_empty());
    let sent = world.wait(Duration::from_millis(200));
    the(&sent, "SIP/2.0 487");
    the(&sent, "CANCEL sip:200");
}

/// The global `all_codecs_on_empty_reinvite`: what a re-INVITE without description is offered.
#[test]
fn an_empty_reinvite_is_offered_what_the_option_says() {
    for (option, offered) in [("no", "RTP/AVP 0 101"), ("yes", "RTP/AVP 0 8 101")] {
        let global = format!("[global]\ntype=global\nall_codecs_on_empty_reinvite={option}\n");
        let mut world = office_beside(&global, "direct_media=no", DIAL);
        let out = up(&mut world, &sdp("127.0.0.1", 7000, "0 101", ""));
        let again = format!(
            "INVITE sip:100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLED};branch=z9hG4bKre\r\nFrom: {};tag=t6200\r\n\
             To: {}\r\nCall-ID: {}\r\nCSeq: 9 INVITE\r\nContact: <sip:phone@{CALLED}>\r\nContent-Length: 0\r\n\r\n",
            header(&out, "To"),
            header(&out, "From"),
            header(&out, "Call-ID"),
        );
        let sent = world.datagram(CALLED, again.as_bytes());
        let ok = the(&sent, "SIP/2.0 200");
        assert!(body(ok).contains(offered), "{option}: {ok}");
    }
}

/// Contacts are called in the order of their ids, whatever their `q`: registered ones, then static ones. The aor's
/// `outbound_proxy` is for qualify alone.
#[test]
fn contacts_are_called_in_the_order_of_their_ids() {
    let many = "[many]\ntype=endpoint\ncontext=phones\nallow=!all,ulaw\naors=many\n[many]\ntype=aor\nmax_contacts=3\n\
        contact=sip:a@127.0.0.1:6200\ncontact=sip:b@127.0.0.1:6300\noutbound_proxy=sip:127.0.0.9:5060\\;lr\n";
    let plan = "[phones]\nexten => 1,1,Dial(PJSIP/many)\n same => n,Hangup\n\
        exten => 2,1,Log(NOTICE,all ${PJSIP_DIAL_CONTACTS(many)})\n same => n,Hangup\n";
    let mut world = office_beside(many, "", plan);
    let called = |world: &mut World, call: &str| {
        let offer = invite("1", 1, call, &sdp("127.0.0.1", 7000, "0", ""))
            .replace("Call-ID: c1", &format!("Call-ID: {call}"));
        let sent = world.datagram(CALLER, offer.as_bytes());
        let uri = the(&sent, "INVITE").split(' ').nth(1).expect("a URI").to_owned();
        let at =
            world.destinations[sent.iter().position(|text| text.starts_with("INVITE")).expect("it")].remote;
        assert!(uri.ends_with(&at.to_string()), "{uri} at {at}");
        uri
    };
    // By the MD5 of the URI: 12…, before 52….
    assert_eq!(called(&mut world, "k1"), "sip:b@127.0.0.1:6300");
    let contacts = "Contact: <sip:many@127.0.0.1:6400>;q=0.1, <sip:many@127.0.0.1:6500>;q=0.9, <sip:many@127.0.0.1:6600>\r\n";
    let ask = Ask { source: "127.0.0.1:6400", ..Ask::new("REGISTER", "many", "") };
    assert_eq!(world.statuses(&ask.lines(contacts)), "200 OK");
    // 17…, 32…, 58….
    assert_eq!(called(&mut world, "k2"), "sip:many@127.0.0.1:6500");
    let offer = invite("2", 1, "k3", &sdp("127.0.0.1", 7000, "0", "")).replace("Call-ID: c1", "Call-ID: k3");
    world.datagram(CALLER, offer.as_bytes());
    let told = world.events.iter().find_map(|event| match event {
        Event::Log { text, .. } => text.split_once("all ").map(|(_, all)| all.to_owned()),
        _ => None,
    });
    let told = told.expect("all of them");
    let users: Vec<&str> = told.split('&').map(|one| one.trim_start_matches("PJSIP/many/sip:")).collect();
    let order = [
        "many@127.0.0.1:6500",
        "many@127.0.0.1:6600",
        "many@127.0.0.1:6400",
        "b@127.0.0.1:6300",
        "a@127.0.0.1:6200",
    ];
    assert_eq!(users, order);
}

/// `max_forwards` of the global section, in requests that make a call, change it and end it.
#[test]
fn every_request_has_the_configured_max_forwards() {
    let mut world = office_beside("[global]\ntype=global\nmax_forwards=33\n", "direct_media=no", DIAL);
    let sent = offer(&mut world, "200", &sdp("127.0.0.1", 7000, "0", ""));
    let leg = the(&sent, "INVITE sip:200@").to_owned();
    assert_eq!(header(&leg, "Max-Forwards"), "33");
    let sent =
        world.datagram(CALLED, reply(&leg, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "0", "")).as_bytes());
    assert_eq!(header(the(&sent, "ACK"), "Max-Forwards"), "33");
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), header(&ok, "To"), "");
    let sent = world.datagram(CALLER, bye.as_bytes());
    assert_eq!(header(the(&sent, "BYE"), "Max-Forwards"), "33");
    let mut world = office_beside("[global]\ntype=global\nmax_forwards=33\n", "direct_media=no", DIAL);
    let sent = offer(&mut world, "200", &sdp("127.0.0.1", 7000, "0", ""));
    let leg = the(&sent, "INVITE sip:200@").to_owned();
    world.datagram(CALLED, reply(&leg, "180 Ringing", CALLED, "").as_bytes());
    let cancel = request("CANCEL", "sip:200@127.0.0.1:5060", ("c1", "i1", 1), "<sip:200@127.0.0.1>", "");
    let sent = world.datagram(CALLER, cancel.as_bytes());
    assert_eq!(header(the(&sent, "CANCEL"), "Max-Forwards"), "33");
    let sent = world.datagram(CALLED, reply(&leg, "487 Request Terminated", CALLED, "").as_bytes());
    assert_eq!(header(the(&sent, "ACK"), "Max-Forwards"), "33");
}

/// Early media of a second fork, and of a second answer of the same one: each must be allowed by the endpoint and by the
/// system section.
#[test]
fn the_system_section_has_a_word_in_early_media() {
    let aimed = |system: &str, options: &str, tag: &str| {
        let mut world = office_beside(&format!("[system]\ntype=system\n{system}\n"), options, DIAL);
        let sent = offer(&mut world, "200", &sdp("127.0.0.1", 7000, "0", ""));
        let leg = the(&sent, "INVITE sip:200@").to_owned();
        for (port, tag) in [(7200, "t6200"), (7300, tag)] {
            let body = sdp("127.0.0.1", port, "0", "").replace("o=- 1", &format!("o=- {port}"));
            let early = reply(&leg, "183 Session Progress", CALLED, &body);
            world.datagram(CALLED, early.replace("tag=t6200", &format!("tag={tag}")).as_bytes());
        }
        let theirs = |plan: &Plan| match plan {
            Plan::Aim { aim, .. } => aim.remote.address().map(|at| at.port()).filter(|port| *port != 7000),
            _ => None,
        };
        world.plans.iter().rev().find_map(theirs).expect("it is heard")
    };
    assert_eq!(aimed("", "", "other"), 7300);
    assert_eq!(aimed("follow_early_media_fork=no", "", "other"), 7200);
    assert_eq!(aimed("", "follow_early_media_fork=no", "other"), 7200);
    assert_eq!(aimed("accept_multiple_sdp_answers=yes", "", "t6200"), 7200);
    assert_eq!(aimed("", "accept_multiple_sdp_answers=yes", "t6200"), 7200);
    assert_eq!(aimed("accept_multiple_sdp_answers=yes", "accept_multiple_sdp_answers=yes", "t6200"), 7300);
}

/// `support_path` of the aor: who is called and asked there learns that we know Path.
#[test]
fn support_path_is_said_to_contacts() {
    for (options, invites, asks) in [("", "", ""), ("support_path=yes", ", path", "path")] {
        let far = format!(
            "[far]\ntype=endpoint\nallow=!all,ulaw\naors=far\n[far]\ntype=aor\ncontact=sip:far@{THIRD}\nqualify_frequency=1\n{options}\n"
        );
        let mut world = office_beside(&far, "", "[phones]\nexten => 1,1,Dial(PJSIP/far)\n");
        let sent = offer(&mut world, "1", &sdp("127.0.0.1", 7000, "0", ""));
        let supported = header(the(&sent, "INVITE sip:far@"), "Supported").to_owned();
        assert_eq!(supported, format!("100rel, timer, replaces, norefersub, histinfo{invites}"));
        let sent: Vec<String> = (0..20).flat_map(|_| world.wait(Duration::from_millis(100))).collect();
        let options = those(&sent, "OPTIONS")[0];
        assert_eq!(options.contains("Supported:"), !asks.is_empty());
        assert!(asks.is_empty() || header(options, "Supported") == asks, "{options}");
    }
}

/// `pjsip qualify` asks contacts of aors that are not qualified too, and makes nothing of their answers.
#[test]
fn qualify_by_hand_needs_no_frequency() {
    let mut world = office("", DIAL);
    let reply = world.command(Command::Qualify { endpoint: "100".into() });
    assert!(
        matches!(&reply, Reply::Done(text) if text == "Qualifying AOR '100' on endpoint '100'"),
        "{reply:?}"
    );
    let sent: Vec<String> = (0..5).flat_map(|_| world.wait(Duration::from_millis(50))).collect();
    let options = the(&sent, "OPTIONS sip:100@").to_owned();
    let ok = super::phone::reply(&options, "200 OK", CALLER, "");
    world.datagram(CALLER, ok.as_bytes());
    match world.show(Kind::Aor, Some("100")) {
        Reply::Aors(aors) => {
            assert_eq!((aors[0].contacts[0].status, aors[0].contacts[0].rtt_micros), ("NonQual", None))
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(world.command(Command::Qualify { endpoint: "nobody".into() }), Reply::Refused(_)));
}

/// A `sips:` request URI over UDP is promised more than UDP can keep: 480, as recorded.
#[test]
fn sips_over_udp_is_refused() {
    let mut world = office("", DIAL);
    let text =
        invite("600", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).replace("INVITE sip:", "INVITE sips:");
    let sent = world.datagram(CALLER, text.as_bytes());
    assert_eq!(header(the(&sent, "SIP/2.0 480"), "Warning"), "381 SIP \"SIPS Required\"");
    assert_eq!(sent.len(), 1);
}

/// What OPTIONS is told, for an extension and for none, header by header as recorded.
#[test]
fn options_are_answered_as_recorded() {
    let mut world = office("", DIAL);
    for (exten, status) in [("200", "200 OK"), ("999", "404 Not Found")] {
        let ask = request(
            "OPTIONS",
            &format!("sip:{exten}@127.0.0.1:5060"),
            (exten, exten, 1),
            "<sip:x@127.0.0.1>",
            "",
        );
        let sent = world.datagram(CALLER, ask.as_bytes());
        let answer = the(&sent, &format!("SIP/2.0 {status}"));
        let names = ["Accept", "Allow", "Supported", "Accept-Encoding", "Accept-Language"];
        assert_eq!(
            names.map(|name| header(answer, name)),
            [
                "application/simple-message-summary, application/pidf+xml, application/xpidf+xml, \
                 application/cpim-pidf+xml, application/dialog-info+xml, application/sdp, message/sipfrag;version=2.0",
                "OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, MESSAGE, REFER",
                "100rel, timer, replaces, norefersub",
                "identity",
                "en",
            ]
        );
    }
}

/// Reasons as recorded: a caller who gives up says none, and a `Dial` whose time is over has none.
#[test]
fn reasons_of_unanswered_calls_are_as_recorded() {
    let ringing = || {
        let mut world = office("", DIAL);
        let sent = offer(&mut world, "200", &sdp("127.0.0.1", 7000, "0", ""));
        let leg = the(&sent, "INVITE sip:200@").to_owned();
        world.datagram(CALLED, reply(&leg, "180 Ringing", CALLED, "").as_bytes());
        world
    };
    let mut world = ringing();
    let cancel = request("CANCEL", "sip:200@127.0.0.1:5060", ("c1", "i1", 1), "<sip:200@127.0.0.1>", "");
    let sent = world.datagram(CALLER, cancel.as_bytes());
    assert_eq!(header(the(&sent, "SIP/2.0 487"), "Reason"), "Q.850;cause=0");
    assert_eq!(header(the(&sent, "CANCEL"), "Reason"), "Q.850;cause=127");
    let mut world = ringing();
    let sent: Vec<String> = (0..41).flat_map(|_| world.wait(Duration::from_millis(500))).collect();
    assert_eq!(header(those(&sent, "CANCEL")[0], "Reason"), "Q.850;cause=0");
}

/// `Pickup(exten)` picks up in the context of whoever dials it; another context must be named.
#[test]
fn pickup_looks_in_its_own_context() {
    let plan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\n\
        [desk]\nexten => 8,1,Pickup(200)\n same => n,Hangup(21)\nexten => 9,1,Pickup(200@phones)\n same => n,Hangup(21)\n\
        exten => 200,1,Dial(PJSIP/200,20)\n";
    let picked = |dialled: &str, context: &str| {
        let text = office_text("").replacen(
            "[300]\ntype=endpoint\ncontext=phones",
            "[300]\ntype=endpoint\ncontext=desk",
            1,
        );
        let text = text.replacen(
            "[100]\ntype=endpoint\ncontext=phones",
            &format!("[100]\ntype=endpoint\ncontext={context}"),
            1,
        );
        let mut world = World::with(&text);
        set_dialplan(&mut world, plan);
        let sent = offer(&mut world, "200", &sdp("127.0.0.1", 7000, "0", ""));
        let leg = the(&sent, "INVITE sip:200@").to_owned();
        world.datagram(CALLED, reply(&leg, "180 Ringing", CALLED, "").as_bytes());
        let picks = invite(dialled, 1, "p1", &sdp("127.0.0.1", 7300, "0", ""));
        let picks = picks
            .replace(CALLER, THIRD)
            .replace("Call-ID: c1", "Call-ID: c3")
            .replace("sip:100@127.0.0.1>", "sip:300@127.0.0.1>");
        let sent = world.datagram(THIRD, picks.as_bytes());
        !those(&sent, "CANCEL").is_empty()
    };
    assert!(!picked("8", "phones"), "another context");
    assert!(picked("9", "phones"), "named");
    assert!(picked("8", "desk"), "its own");
}
