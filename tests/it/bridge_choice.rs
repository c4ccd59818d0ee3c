//! Which way media takes: every condition alone, with exactly its reason; and who is sent what when it moves.

use jackfield::base::ids::Name;
use jackfield::bridge::Fax;
use jackfield::bridge::*;
use jackfield::sdp::*;
use std::net::SocketAddr;

fn name(text: &str) -> Name {
    Name::from(text)
}

fn setting<T>(value: T, place: &str) -> Setting<T> {
    Setting { value, place: Some(name(place)) }
}

/// What an endpoint allowing `codecs` agrees on with a phone that describes itself like this.
fn agreed(codecs: &str, address: &str, lines: &str) -> RtpStream {
    let (ip, port) = address.rsplit_once(':').expect("ip:port");
    let text =
        format!("v=0\no=- 1 1 IN IP4 {ip}\ns=-\nc=IN IP4 {ip}\nt=0 0\nm=audio {port} RTP/AVP {lines}\n");
    let offer = Description::parse(text.as_bytes()).expect("reads");
    let formats =
        codecs.split_whitespace().map(|c| Format::of(Codec::from_name(c).expect("known"))).collect();
    let local = Capabilities { formats, use_ptime: true, ..Capabilities::default() };
    let decided = answer(&offer, &local, &Situation::default()).expect("answered");
    decided.agreement.audio().expect("audio").clone()
}

const PLAIN: &str = "0 8 101\na=rtpmap:101 telephone-event/8000";

fn leg(who: &str, address: &str) -> Leg {
    let place: SocketAddr = address.parse().expect("ip:port");
    Leg {
        channel: name(&format!("PJSIP/{who}-00000001")),
        endpoint: name(who),
        is_up: true,
        is_outgoing: who == "bob",
        direct_media: Setting::default_of(true),
        disable_on_nat: Setting::default_of(false),
        glare_mitigation: Setting::default(),
        method: Setting::default(),
        media_encryption: Setting::default(),
        dtmf_mode: Setting::default(),
        uses: Vec::new(),
        hooks: Vec::new(),
        acl_denies: None,
        audio: Some(agreed("ulaw alaw opus", address, PLAIN)),
        has_video: false,
        fax: Fax::Never,
        place: Place {
            described: Some(place),
            source: Some(place),
            signalling: Some(place.ip()),
            is_local: true,
            symmetric: false,
        },
        is_held_by_it: false,
        refused: None,
        moves: 0,
        allows_update: false,
    }
}

/// Two phones on one network, everything as direct media wants it.
fn good() -> Facts {
    Facts {
        legs: vec![leg("alice", "192.168.1.10:4000"), leg("bob", "192.168.1.11:5000")],
        kind: BridgeKind::Basic,
        local_channel: None,
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("ip:port")
}

/// Changes one thing and gives what follows.
fn with(change: impl FnOnce(&mut Facts)) -> (Technology, Why) {
    let mut facts = good();
    change(&mut facts);
    choose(&facts)
}

fn failed(why: &Why) -> Vec<Condition> {
    why.failed().map(|(condition, _)| condition).collect()
}

/// S1-17, S1-55, S1-56: all conditions hold, and each leg is told the other's address.
#[test]
fn two_plain_phones_talk_directly() {
    let (technology, why) = choose(&good());
    assert_eq!((technology, failed(&why)), (Technology::Direct, Vec::new()));
    let direct = why.direct.clone().expect("known");
    assert_eq!(direct.targets, [addr("192.168.1.11:5000"), addr("192.168.1.10:4000")]);
    assert_eq!(direct.codecs, [Codec::ULAW, Codec::ALAW]);
    assert_eq!(why.to_string(), "every condition of direct media holds");
    assert_eq!(why.judged.len(), Condition::all().count());
    assert!(
        why.judged.iter().all(|(c, v)| *v == Verdict::Pass && !c.help().is_empty() && !c.name().is_empty())
    );
}

type Case = (Condition, Technology, Box<dyn Fn(&mut Facts)>, &'static str);

/// One change for every condition there is. A feature or hook may sit on either leg, so each case is tried on both.
fn cases(at: usize) -> Vec<Case> {
    use Condition::*;
    use Technology::*;
    let on =
        move |change: fn(&mut Leg)| -> Box<dyn Fn(&mut Facts)> { Box::new(move |f| change(&mut f.legs[at])) };
    let mut cases: Vec<Case> = vec![
        (
            TwoParties,
            Core,
            Box::new(|f| f.legs.push(leg("carol", "192.168.1.12:6000"))),
            "3 channels in the bridge",
        ),
        (
            PlainBridge,
            Core,
            Box::new(|f| f.kind = BridgeKind::Mixing { application: "ConfBridge" }),
            "made by ConfBridge",
        ),
        (
            OneBridge,
            Core,
            Box::new(|f| f.local_channel = Some(name("Local/5@x-1;1"))),
            "Local/5@x-1;1 joins two bridges",
        ),
        (Answered, Relay, on(|l| l.is_up = false), "is not answered"),
        (MediaOnBoth, Core, on(|l| l.audio = None), "has no audio"),
        (NoFax, Relay, on(|l| l.fax = Fax::Over), "has or had T.38"),
        (
            NoEncryption,
            Core,
            on(|l| l.media_encryption = setting(Encryption::Sdes, "pjsip.conf:9")),
            "media_encryption=sdes",
        ),
        (NoVideo, Relay, on(|l| l.has_video = true), "has video"),
        (
            DirectMediaAllowed,
            Relay,
            on(|l| l.direct_media = setting(false, "pjsip.conf:7")),
            "has direct_media=no",
        ),
        (AclPermits, Relay, on(|l| l.acl_denies = Some(setting(name("lan"), "acl.conf:3"))), "acl lan"),
        (NoDigitHooks, Relay, on(|l| l.hooks = vec![hook("t", Some("#"))]), "option t lets"),
        (SameDigits, Relay, on(|l| l.dtmf_mode = setting(DtmfMode::Info, "pjsip.conf:5")), "has dtmf_mode="),
        (CommonCodec, Core, on(|l| l.audio = Some(agreed("gsm", "192.168.1.10:4000", "3"))), "agreed on"),
        (
            SameNumbers,
            Relay,
            on(|l| {
                l.audio = Some(agreed("ulaw", "192.168.1.10:4000", "0 96\na=rtpmap:96 telephone-event/8000"))
            }),
            "telephone-event is payload",
        ),
        (
            SamePackets,
            Relay,
            on(|l| l.audio = Some(agreed("ulaw", "192.168.1.10:4000", "0\na=ptime:40"))),
            "packets of",
        ),
        (AddressSettled, Relay, on(|l| l.moves = 4), "moved its address 4 times"),
        (Accepted, Relay, on(|l| l.refused = Some(488)), "answered 488"),
        (Reachable, Relay, on(|l| l.place = public("203.0.113.9:7000")), "cannot reach the private address"),
    ];
    for feature in Feature::ALL {
        let technology = if feature.is_served_by_relay() { Relay } else { Core };
        let place = Some(name("extensions.conf:17"));
        let change: Box<dyn Fn(&mut Facts)> =
            Box::new(move |f| f.legs[at].uses.push(Use { feature, place: place.clone() }));
        cases.push((NotUsed(feature), technology, change, feature.as_str()));
    }
    cases
}

fn hook(option: &str, code: Option<&str>) -> DigitHook {
    let place = Some(name("extensions.conf:17"));
    DigitHook { option: name(option), function: "blindxfer", code: code.map(name), place }
}

fn public(address: &str) -> Place {
    let place = addr(address);
    Place {
        described: Some(place),
        source: Some(place),
        signalling: Some(place.ip()),
        is_local: false,
        symmetric: false,
    }
}

/// A phone behind a NAT: describes one address, is seen at another.
fn natted(described: &str, seen: &str) -> Place {
    let seen = addr(seen);
    Place {
        described: Some(addr(described)),
        source: Some(seen),
        signalling: Some(seen.ip()),
        is_local: false,
        symmetric: true,
    }
}

/// S1-18…S1-20, S1-26, S1-51, S1-54, S4-109…S4-131: flipping a condition alone turns direct media off, for that reason
/// and no other, names who is behind it, and says what to change.
#[test]
fn each_condition_alone_turns_direct_media_off() {
    for at in 0..2 {
        let mut seen = Vec::new();
        for (condition, expected, change, words) in cases(at) {
            let (technology, why) = with(change);
            assert_eq!((technology, failed(&why)), (expected, vec![condition]), "leg {at}: {why}");
            let (_, fault) = why.failed().next().expect("one");
            assert!(fault.says.contains(words), "{} lacks {words:?}", fault.says);
            assert!(!fault.remedy.is_empty() && !fault.culprit.to_string().is_empty());
            assert!(why.to_string().contains(words));
            seen.push(condition);
        }
        // NoNat has its own test below: with a NAT the address is out of reach, too.
        seen.push(Condition::NoNat);
        assert!(Condition::all().all(|c| seen.contains(&c)), "a condition without a case");
    }
}

/// µ-law on one side and A-law on the other: not direct, and not opened either, unless something else needs the samples.
#[test]
fn the_laws_of_g711_are_exchanged_in_a_relay() {
    let laws = |f: &mut Facts| {
        f.legs[0].audio = Some(agreed("ulaw", "192.168.1.10:4000", "0"));
        f.legs[1].audio = Some(agreed("alaw", "192.168.1.11:5000", "8"));
    };
    let (technology, why) = with(laws);
    assert_eq!((technology, failed(&why)), (Technology::Relay, vec![Condition::CommonCodec]));
    assert!(why.to_string().contains("alice agreed on ulaw, bob on alaw"), "{why}");
    let (technology, _) = with(|f| {
        laws(f);
        f.legs[0].uses.push(Use { feature: Feature::MixMonitor, place: None });
    });
    assert_eq!(technology, Technology::Core);
}

/// The culprit is named down to the line.
#[test]
fn culprits_have_object_option_and_place() {
    let (_, why) = with(|f| f.legs[1].direct_media = setting(false, "pjsip.conf:42"));
    let (_, fault) = why.failed().next().expect("one");
    assert_eq!(fault.culprit.to_string(), "endpoint bob direct_media (pjsip.conf:42)");
    assert_eq!(fault.remedy, "set direct_media=yes on bob");
    let (_, why) = with(|f| {
        f.legs[0].uses.push(Use { feature: Feature::MixMonitor, place: Some(name("extensions.conf:3")) })
    });
    let (_, fault) = why.failed().next().expect("one");
    assert_eq!(fault.culprit.to_string(), "channel PJSIP/alice-00000001 MixMonitor() (extensions.conf:3)");
}

/// S1-27: digits as INFO let the media go; a function without a code listens to nothing; tones need the core.
#[test]
fn digit_hooks_count_only_where_digits_travel_with_the_media() {
    let both = |mode| {
        move |f: &mut Facts| {
            f.legs[0].hooks = vec![hook("T", Some("#"))];
            f.legs.iter_mut().for_each(|leg| leg.dtmf_mode = Setting::default_of(mode));
        }
    };
    assert_eq!(with(both(DtmfMode::Rfc4733)).0, Technology::Relay);
    assert_eq!(with(both(DtmfMode::Inband)).0, Technology::Core);
    assert_eq!(with(both(DtmfMode::Info)).0, Technology::Direct);
    assert_eq!(with(both(DtmfMode::None)).0, Technology::Direct);
    assert_eq!(with(|f| f.legs[1].hooks = vec![hook("K", None)]).0, Technology::Direct);
    // Events on one side and tones on the other must be converted.
    assert_eq!(with(|f| f.legs[1].dtmf_mode = Setting::default_of(DtmfMode::Inband)).0, Technology::Core);
}

/// S4-130, S1-11: `disable_direct_media_on_nat` works, on either endpoint, and does nothing without a NAT.
#[test]
fn a_nat_keeps_media_where_the_option_says_so() {
    for at in 0..2 {
        let (technology, _) = with(|f| f.legs[at].disable_on_nat = setting(true, "pjsip.conf:8"));
        assert_eq!(technology, Technology::Direct);
        // Both behind one NAT: in reach of each other, but the option forbids it.
        let (technology, why) = with(|f| {
            f.legs[0].place = natted("192.168.1.10:4000", "198.51.100.1:40000");
            f.legs[1].place = natted("192.168.1.11:5000", "198.51.100.1:50000");
            f.legs[at].disable_on_nat = setting(true, "pjsip.conf:8");
        });
        assert_eq!((technology, failed(&why)), (Technology::Relay, vec![Condition::NoNat]));
        assert!(why.to_string().contains("has disable_direct_media_on_nat=yes and a NAT before it"));
    }
}

/// S1-24, S1-25, S1-35, S1-47, S1-54, S1-57: who can reach whom.
#[test]
fn phones_must_be_able_to_reach_each_other() {
    let pair = |a: Place, b: Place| {
        with(|f| {
            f.legs[0].place = a;
            f.legs[1].place = b;
        })
    };
    let local = |address| Place { is_local: true, ..public(address) };
    // Both outside: fine. One inside without NAT, one outside: not.
    assert_eq!(pair(public("203.0.113.1:4000"), public("198.51.100.7:5000")).0, Technology::Direct);
    assert_eq!(failed(&pair(local("10.0.0.5:4000"), public("203.0.113.1:5000")).1), [Condition::Reachable]);
    // Two private networks that we both reach without NAT reach each other through the same routers.
    assert_eq!(pair(local("10.0.0.5:4000"), local("172.16.3.4:5000")).0, Technology::Direct);
    // One or two different NATs: not.
    let (a, b) = (
        natted("192.168.1.10:4000", "198.51.100.1:40000"),
        natted("192.168.1.11:5000", "198.51.100.2:50000"),
    );
    assert_eq!(failed(&pair(a, b).1), [Condition::Reachable]);
    let (technology, why) = pair(a, public("203.0.113.1:5000"));
    assert_eq!((technology, failed(&why)), (Technology::Relay, vec![Condition::Reachable]));
    assert!(
        why.to_string().contains("alice is behind a NAT: it describes 192.168.1.10 (seen at 198.51.100.1)"),
        "{why}"
    );
    // The same NAT: they are told each other's own addresses.
    let (technology, why) = pair(a, natted("192.168.1.11:5000", "198.51.100.1:50000"));
    assert_eq!(technology, Technology::Direct);
    assert_eq!(why.direct.expect("known").targets, [addr("192.168.1.11:5000"), addr("192.168.1.10:4000")]);
    // Before any packet, signalling tells (S5-8).
    let early = Place { source: None, ..a };
    assert!(early.is_behind_nat());
    assert_eq!(failed(&pair(early, public("203.0.113.1:5000")).1), [Condition::Reachable]);
    // A private address seen through a proxy of ours is no NAT.
    assert!(
        !Place { source: None, signalling: Some(addr("10.0.0.1:1").ip()), ..local("10.0.0.9:4000") }
            .is_behind_nat()
    );
    // Families and loopback.
    assert_eq!(
        failed(&pair(public("[2001:db8::1]:4000"), public("203.0.113.1:5000")).1),
        [Condition::Reachable]
    );
    assert_eq!(pair(public("[2001:db8::1]:4000"), public("[2001:db8::2]:5000")).0, Technology::Direct);
    assert_eq!(pair(local("127.0.0.1:4000"), local("127.0.0.1:5000")).0, Technology::Direct);
    assert_eq!(failed(&pair(local("127.0.0.1:4000"), local("10.0.0.9:5000")).1), [Condition::Reachable]);
    // A symmetric stream without NAT is told where it really is.
    let moved =
        Place { source: Some(addr("192.168.1.10:4444")), symmetric: true, ..local("192.168.1.10:4000") };
    assert_eq!(
        pair(moved, local("192.168.1.11:5000")).1.direct.expect("known").targets[1],
        addr("192.168.1.10:4444")
    );
}

/// Codecs under dynamic numbers that differ are left out; if nothing is left, the relay renumbers.
#[test]
fn dynamic_numbers_that_differ_keep_media_here() {
    let opus = |number: u8| {
        move |leg: &mut Leg, port: u16| {
            let lines = format!("{number}\na=rtpmap:{number} opus/48000/2");
            leg.audio = Some(agreed("opus", &format!("192.168.1.10:{port}"), &lines));
        }
    };
    let (technology, why) = with(|f| {
        opus(96)(&mut f.legs[0], 4000);
        opus(111)(&mut f.legs[1], 5000);
    });
    assert_eq!((technology, failed(&why)), (Technology::Relay, vec![Condition::SameNumbers]));
    assert!(why.to_string().contains("opus is payload 96 for alice, 111 for bob"), "{why}");
    let (technology, why) = with(|f| {
        for (leg, number) in f.legs.iter_mut().zip([96, 111]) {
            let lines = format!("{number} 0\na=rtpmap:{number} opus/48000/2");
            leg.audio = Some(agreed("opus ulaw", "192.168.1.10:4000", &lines));
        }
    });
    assert_eq!((technology, why.direct.expect("known").codecs), (Technology::Direct, vec![Codec::ULAW]));
}

/// `explain` before there is a call: what cannot be known is said to be unknown, and the rest is judged.
#[test]
fn what_is_not_known_yet_is_no_failure_of_its_own() {
    let (_, why) = with(|f| drop(f.legs.pop()));
    assert_eq!(failed(&why), [Condition::TwoParties]);
    let unknown = why.judged.iter().filter(|(_, v)| matches!(v, Verdict::Unknown(_))).count();
    assert_eq!(unknown, 6);
    let (technology, why) = with(|f| f.legs[0].place.described = None);
    assert_eq!((technology, failed(&why)), (Technology::Core, vec![Condition::MediaOnBoth]));
}

fn steps(direct: &mut Direct, facts: &Facts) -> Vec<(usize, Target)> {
    let (technology, why) = choose(facts);
    let steps = direct.steps(facts, technology, why.direct.as_ref());
    steps.into_iter().filter(|step| !step.quiet).map(|step| (step.leg, step.target)).collect()
}

const A: &str = "192.168.1.10:4000";
const B: &str = "192.168.1.11:5000";

fn peer(address: &str) -> Target {
    Target::Peer(addr(address), Rtcp::NextPort)
}

/// S1-17, S1-50, S1-56: both are redirected once, and brought back once when a feature needs the media.
#[test]
fn both_legs_are_redirected_and_brought_back() {
    let (mut direct, mut facts) = (Direct::new(), good());
    assert_eq!(steps(&mut direct, &facts), [(0, peer(B)), (1, peer(A))]);
    assert!(direct.is_active());
    assert_eq!(steps(&mut direct, &facts), []);
    facts.legs[1].uses.push(Use { feature: Feature::MixMonitor, place: None });
    assert_eq!(steps(&mut direct, &facts), [(0, Target::Ours), (1, Target::Ours)]);
    assert_eq!(steps(&mut direct, &facts), []);
    facts.legs[1].uses.clear();
    assert_eq!(steps(&mut direct, &facts).len(), 2);
    // The survivor of a hangup comes back.
    facts.legs.pop();
    assert_eq!(steps(&mut direct, &facts), [(0, Target::Ours)]);
}

/// Who is put on hold comes back to hear music; who holds stays; on resume only the held one moves again.
#[test]
fn hold_brings_only_the_held_party_back() {
    let (mut direct, mut facts) = (Direct::new(), good());
    steps(&mut direct, &facts);
    facts.legs[0].is_held_by_it = true;
    assert_eq!(steps(&mut direct, &facts), [(1, Target::Ours)]);
    assert_eq!((direct.target(0), direct.target(1)), (peer(B), Target::Ours));
    facts.legs[0].is_held_by_it = false;
    assert_eq!(steps(&mut direct, &facts), [(1, peer(A))]);
}

/// An answer that moved its port: the other leg follows it, a few times.
#[test]
fn an_answer_that_moves_is_followed_and_not_for_ever() {
    let (mut direct, mut facts) = (Direct::new(), good());
    steps(&mut direct, &facts);
    for n in 1..=3u16 {
        let moved = SocketAddr::new(addr(B).ip(), 5000 + 2 * n);
        facts.legs[1].place = Place { source: None, ..public(&moved.to_string()) };
        facts.legs[1].place.is_local = true;
        direct.moved(1);
        facts.legs[1].moves = direct.moves(1);
        assert_eq!(steps(&mut direct, &facts), [(0, Target::Peer(moved, Rtcp::NextPort))]);
    }
    direct.moved(1);
    facts.legs[1].moves = direct.moves(1);
    assert_eq!(steps(&mut direct, &facts), [(0, Target::Ours), (1, Target::Ours)]);
    assert!(choose(&facts).1.to_string().contains("bob moved its address 4 times"));
}

/// S1-51, S3-42: a refusal leaves that leg as it was and brings the other one back, for the rest of the call.
#[test]
fn a_refusal_brings_the_other_leg_back() {
    let (mut direct, mut facts) = (Direct::new(), good());
    steps(&mut direct, &facts);
    direct.refused(1, 488);
    facts.legs[1].refused = direct.refusal(1);
    assert_eq!(direct.target(1), Target::Ours);
    assert_eq!(steps(&mut direct, &facts), [(0, Target::Ours)]);
    assert_eq!(steps(&mut direct, &facts), []);
}

/// S2-10…S2-13: with `outgoing`, a leg that called us refrains the first time and only then; `incoming` mirrors it.
/// What it refrains from sending it still answers with.
#[test]
fn glare_mitigation_leaves_the_first_redirection_to_the_other_server() {
    for (mitigation, sends, refrains) in
        [(GlareMitigation::Outgoing, (1, A), (0, B)), (GlareMitigation::Incoming, (0, B), (1, A))]
    {
        let (mut direct, mut facts) = (Direct::new(), good());
        facts.legs.iter_mut().for_each(|leg| leg.glare_mitigation = Setting::default_of(mitigation));
        assert_eq!(steps(&mut direct, &facts), [(sends.0, peer(sends.1))]);
        assert_eq!(direct.target(refrains.0), peer(refrains.1));
        // Back and forth again: now both send.
        facts.legs[0].uses.push(Use { feature: Feature::Playing, place: None });
        assert_eq!(steps(&mut direct, &facts).len(), 2);
        facts.legs[0].uses.clear();
        assert_eq!(steps(&mut direct, &facts).len(), 2);
    }
}

/// S2-10, S2-11: a leg that refrained is told by the answer to its own offer; if it makes none, it is sent the redirection
/// after all, once.
#[test]
fn a_leg_that_refrained_waits_for_an_offer_or_for_its_patience() {
    let mut facts = good();
    facts
        .legs
        .iter_mut()
        .for_each(|leg| leg.glare_mitigation = Setting::default_of(GlareMitigation::Outgoing));
    let mut direct = Direct::new();
    assert_eq!(steps(&mut direct, &facts), [(1, peer(A))]);
    assert!(direct.is_waiting(0) && !direct.is_waiting(1));
    direct.offered(0);
    assert_eq!(steps(&mut direct, &facts), []);
    let mut direct = Direct::new();
    steps(&mut direct, &facts);
    direct.patience_over(0);
    assert_eq!(steps(&mut direct, &facts), [(0, peer(B))]);
    assert_eq!(steps(&mut direct, &facts), []);
}

/// S2-12: two servers in a row, both with `outgoing`: on the leg between them exactly one sends.
#[test]
fn on_a_leg_between_two_servers_exactly_one_sends() {
    for mitigation in [GlareMitigation::Outgoing, GlareMitigation::Incoming] {
        let mut senders = Vec::new();
        // The first server called the second one on its leg 1; for the second one it is leg 0, and it called bob.
        for server in 0..2 {
            let (mut direct, mut facts) = (Direct::new(), good());
            facts.legs.iter_mut().for_each(|leg| leg.glare_mitigation = Setting::default_of(mitigation));
            let between = 1 - server;
            senders.extend(steps(&mut direct, &facts).into_iter().filter(|(leg, _)| *leg == between));
        }
        assert_eq!(senders.len(), 1, "{mitigation:?}");
    }
}

/// S1-12: UPDATE where the phone allows it.
#[test]
fn update_is_used_where_the_phone_allows_it() {
    let mut facts = good();
    facts.legs.iter_mut().for_each(|leg| leg.method = Setting::default_of(Method::Update));
    facts.legs[0].allows_update = true;
    let (technology, why) = choose(&facts);
    let steps = Direct::new().steps(&facts, technology, why.direct.as_ref());
    let methods: Vec<_> = steps.iter().map(|step| step.method).collect();
    assert_eq!(methods, [Method::Update, Method::Invite]);
    assert_eq!(steps[0].codecs, [Codec::ULAW, Codec::ALAW]);
}

/// While a fax is negotiated, its own re-INVITEs are on the way: none of ours.
#[test]
fn a_fax_brings_legs_back_by_its_own_requests() {
    let (mut direct, mut facts) = (Direct::new(), good());
    steps(&mut direct, &facts);
    facts.legs[0].fax = Fax::Runs;
    assert_eq!(steps(&mut direct, &facts), []);
    assert!(direct.is_active(), "they talk directly until it has the place of the sound");
    let sound = facts.legs.iter_mut().map(|leg| leg.audio.take()).collect::<Vec<_>>();
    assert_eq!(steps(&mut direct, &facts), []);
    assert!(!direct.is_active());
    // Afterwards the sound comes here: each was told so in the description of it.
    facts.legs.iter_mut().zip(sound).for_each(|(leg, sound)| (leg.audio, leg.fax) = (sound, Fax::Over));
    assert_eq!(steps(&mut direct, &facts), []);
    // A refused one is nobody's request: both are brought back by ours.
    let (mut direct, mut facts) = (Direct::new(), good());
    steps(&mut direct, &facts);
    facts.legs[0].fax = Fax::Over;
    assert_eq!(steps(&mut direct, &facts).len(), 2);
    assert!(!direct.is_active());
}
