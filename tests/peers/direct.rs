//! What keeps the media of real calls here and what lets it go, SIPp on every side (B2). Every scenario is strict: a
//! re-INVITE that should not come, or one that does not come, fails it.

use crate::side::Side;
use crate::tree::{Process, Tree, poll};

const PLAIN: &str = "sendrecv";
const VIDEO: &str = "sendrecv\n    m=video 41000 RTP/AVP 99\n    a=rtpmap:99 H264/90000";
const FAX: &str = "sendrecv\n    m=image 41000 udptl t38\n    a=T38FaxVersion:0";
const ELSEWHERE: &str = "sendrecv\n    c=IN IP4 192.168.7.2";
const UPDATES: &str = "    Allow: INVITE, ACK, BYE, CANCEL, UPDATE\n";
const CALLER: &str = "caller";
const CALLED: &str = "called";

/// A call of two phones, and what becomes of its media.
struct Row {
    name: &'static str,
    /// Options of both endpoints.
    options: [&'static str; 2],
    /// Letters of Dial.
    letters: &'static str,
    /// What both describe.
    sdp: [&'static str; 2],
    /// Conditions that fail; none: media goes direct, by requests of this method.
    becomes: Result<&'static str, &'static [&'static str]>,
}

const fn row(name: &'static str) -> Row {
    Row { name, options: ["", ""], letters: "", sdp: [PLAIN, PLAIN], becomes: Ok("INVITE") }
}

const HOOKS: &[&str] = &["no digits to listen for in the media"];
const LIMIT: &[&str] = &["media not needed by Dial option L"];
const OFF: &[&str] = &["direct_media=yes on both"];

fn rows() -> Vec<Row> {
    let mut rows = vec![
        row("plain"),
        Row { options: ["direct_media=no", ""], becomes: Err(OFF), ..row("off-at-the-caller") },
        Row { options: ["", "direct_media=no"], becomes: Err(OFF), ..row("off-at-the-called") },
        Row {
            options: ["direct_media_method=update", "direct_media_method=update"],
            becomes: Ok("UPDATE"),
            ..row("update")
        },
        Row { sdp: [VIDEO, VIDEO], becomes: Err(&["no video"]), ..row("video") },
        Row {
            options: ["disable_direct_media_on_nat=yes", ""],
            sdp: [ELSEWHERE, PLAIN],
            becomes: Err(&["no NAT where that forbids it", "each phone can reach the other"]),
            ..row("nat")
        },
        Row {
            options: ["directmedia_deny=127.0.0.0/8", ""],
            becomes: Err(&["access lists permit it"]),
            ..row("acl")
        },
    ];
    let letters = [("t", HOOKS), ("T", HOOKS), ("h", HOOKS), ("H", HOOKS), ("L(60000:30000)", LIMIT)];
    rows.extend(letters.map(|(letters, why)| Row {
        letters,
        becomes: Err(why),
        ..row("letter-that-listens")
    }));
    let harmless = ["k", "K", "w", "W", "x", "X", "g", "r", "c", "i", "S(60)"];
    rows.extend(harmless.map(|letters| Row { letters, ..row("letter-that-does-not-listen") }));
    rows
}

/// A phone that is redirected: a request of this method, agreed to and noted.
fn redirected(side: Side, method: &str, sdp: (u32, &str)) -> Side {
    match method {
        "UPDATE" => side.notes("request", "UPDATE", "redirected").agrees_with(sdp),
        _ => side.hears("INVITE").agrees_with(sdp).notes("request", "ACK", "redirected"),
    }
}

/// A phone that calls and is answered.
fn calls(name: String, sdp: &str) -> Side {
    let side = Side::new(name).asks("INVITE", 1, UPDATES, Some((1, sdp)));
    let side = side.may_hear("100").may_hear("180").hears("200");
    side.asks("ACK answer", 1, "", None)
}

/// A phone that is called and answers.
fn answers(name: String, sdp: &str) -> Side {
    Side::new(name).knows_peer().answers("200 OK", None, "", Some((1, sdp))).hears("ACK")
}

fn ends(side: Side) -> Side {
    side.hears("BYE").agrees()
}

/// An endpoint whose phone has these ports; calls go to the first.
fn object(name: &str, context: &str, ports: &[u16], options: &str) -> String {
    let matches: String = ports.iter().map(|port| format!("match=127.0.0.1:{port}\n")).collect();
    format!(
        "[{name}]\ntype=endpoint\ncontext={context}\ndisallow=all\nallow=ulaw,h264\naors={name}\n{options}\n\
         [{name}]\ntype=aor\ncontact=sip:{name}@127.0.0.1:{}\n[id-{name}]\ntype=identify\nendpoint={name}\n{matches}",
        ports[0]
    )
}

/// What stands against direct media in the call of an endpoint; `None` while there is none.
fn failing(tree: &Tree, endpoint: &str) -> Option<(String, Vec<String>)> {
    let ask = |words: &[&str]| {
        let told = tree.command().args(words).output().expect("runs");
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    let channels = ask(&["-x", "core show channels concise"]);
    let start = format!("PJSIP/{endpoint}-");
    let channel =
        channels.lines().filter_map(|line| line.split('!').next()).find(|name| name.starts_with(&start))?;
    let told: serde_json::Value =
        serde_json::from_str(&ask(&["--json", "explain", "direct-media", channel])).ok()?;
    let steps = told["explanation"]["steps"].as_array()?;
    let failed = steps.iter().filter(|step| step["outcome"] == "fail");
    let failed = failed.filter_map(|step| step["what"].as_str().map(str::to_owned)).collect();
    Some((channel.to_owned(), failed))
}

fn hang_up(tree: &Tree, channel: &str) {
    let told =
        tree.command().args(["-x", &format!("channel request hangup {channel}")]).output().expect("runs");
    assert!(told.status.success(), "{told:?}");
}

/// Waits until both phones were told where to send `times` times.
fn wait_for(tree: &Tree, sides: &[&Side], times: usize) {
    for side in sides {
        let noted = poll(|| (side.noted(tree).matches("redirected").count() >= times).then_some(()));
        let told: String = sides.iter().map(|side| side.told(tree)).collect();
        let ladders = tree.command().args(["trace", "100", "--messages"]).output().expect("runs");
        let ladders = String::from_utf8_lossy(&ladders.stdout);
        assert!(noted.is_some(), "{}: {}\n{told}\n{ladders}\n{}", side.name, side.noted(tree), tree.log());
    }
}

fn start(name: &str, objects: &str, dialplan: &str) -> Tree {
    let mut tree = Tree::new(name, objects);
    std::fs::write(tree.dir.join("extensions.conf"), dialplan).expect("written");
    // Phones are outside of it, so that a private address in a description tells of a NAT.
    let path = tree.dir.join("pjsip.conf");
    let text = std::fs::read_to_string(&path).expect("written above");
    std::fs::write(path, text.replace("protocol=udp\n", "protocol=udp\nlocal_net=10.0.0.0/8\n"))
        .expect("written");
    tree.start();
    tree
}

fn end(sides: &[&Side], processes: Vec<Process>, tree: &Tree) {
    for (side, mut process) in sides.iter().zip(processes) {
        side.ended(&mut process, tree);
    }
}

fn run(tree: &Tree, at: usize, row: &Row, caller: &Side, called: &Side) {
    let processes = vec![called.listen(tree), caller.start(tree)];
    let wanted = row.becomes.err().unwrap_or_default();
    let mut seen = None;
    let right = poll(|| {
        seen = failing(tree, &format!("c{at}"));
        seen.as_ref().filter(|(_, failed)| failed == wanted).map(|(channel, _)| channel.clone())
    });
    let what = format!("{} {}: {seen:?}\n{}{}", row.name, row.letters, caller.told(tree), called.told(tree));
    let channel = right.unwrap_or_else(|| panic!("{what}\n{}", tree.log()));
    if row.becomes.is_ok() {
        wait_for(tree, &[caller, called], 1);
    }
    hang_up(tree, &channel);
    end(&[called, caller], processes, tree);
}

/// S1-7, S1-10, S1-12, S1-18, S1-20, S1-24, S1-28, S4-110, S4-122, S4-126…S4-130 with phones of flesh and blood.
#[test]
fn each_condition_alone() {
    let rows = rows();
    let (mut objects, mut dialplan, mut phones) = (String::new(), String::new(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        let mut sides =
            [calls(format!("{CALLER}{at}"), row.sdp[0]), answers(format!("{CALLED}{at}"), row.sdp[1])];
        if let Ok(method) = row.becomes {
            sides = sides.map(|side| redirected(side, method, (2, PLAIN)));
        }
        let [caller, called] = sides.map(ends);
        objects += &object(&format!("c{at}"), &format!("row{at}"), &[caller.port], row.options[0]);
        objects += &object(&format!("d{at}"), "none", &[called.port], row.options[1]);
        dialplan += &format!("[row{at}]\nexten => 200,1,Dial(PJSIP/d{at},30,{})\n", row.letters);
        phones.push((caller, called));
    }
    let tree = start("direct-rows", &objects, &dialplan);
    // Four calls at a time.
    let numbered: Vec<_> = rows.iter().zip(&phones).enumerate().collect();
    std::thread::scope(|scope| {
        for part in numbered.chunks(rows.len().div_ceil(4)) {
            let tree = &tree;
            scope.spawn(move || part.iter().for_each(|(at, (row, (a, b)))| run(tree, *at, row, a, b)));
        }
    });
}

/// S1-19, S4-113: nobody converts what nobody can open, so the call is refused.
#[test]
fn no_common_codec() {
    let caller = Side::new(CALLER).asks("INVITE", 1, "", Some((1, PLAIN))).may_hear("100").hears("488");
    let caller = caller.asks("ACK", 1, "", None);
    let objects = object("100", "phones", &[caller.port], "disallow=all\nallow=g729");
    let tree = start("direct-codec", &objects, "[phones]\nexten => 200,1,Answer()\n");
    let process = caller.start(&tree);
    end(&[&caller], vec![process], &tree);
}

/// S1-22, S3-13, S3-29: who is held comes back for the music, and goes out again; whichever side holds.
#[test]
fn hold_and_resume_by_each_side() {
    for holder in [CALLER, CALLED] {
        let hold = |side: Side| {
            // Both are redirected by then; SIPp cannot wait for what happens elsewhere.
            let side = side.pause(500);
            let ask = |side: Side, request: &str, cseq, mode| match holder {
                CALLER => side.asks(request, cseq, "", Some((cseq, mode))),
                _ => side.asks_back(request, cseq, "", Some((cseq, mode))),
            };
            let acknowledge = |side: Side, request: &str, cseq| match holder {
                CALLER => side.asks(request, cseq, "", None),
                _ => side.asks_back(request, cseq, "", None),
            };
            let side = ask(side, "INVITE hold", 3, "sendonly").may_hear("100").hears("200");
            let side = acknowledge(side, "ACK hold", 3).pause(300);
            let side = ask(side, "INVITE resume", 4, PLAIN).may_hear("100").hears("200");
            acknowledge(side, "ACK resume", 4)
        };
        let held = |side: Side| redirected(redirected(side, "INVITE", (3, PLAIN)), "INVITE", (4, PLAIN));
        let caller = redirected(calls(CALLER.to_owned(), PLAIN), "INVITE", (2, PLAIN));
        let called = redirected(answers(CALLED.to_owned(), PLAIN), "INVITE", (2, PLAIN));
        let (caller, called) =
            if holder == CALLER { (hold(caller), held(called)) } else { (held(caller), hold(called)) };
        let (caller, called) = (ends(caller), ends(called));
        let objects =
            object("100", "phones", &[caller.port], "") + &object("200", "phones", &[called.port], "");
        let tree = start(
            &format!("direct-hold-{holder}"),
            &objects,
            "[phones]\nexten => 200,1,Dial(PJSIP/200,30)\n",
        );
        let processes = vec![called.listen(&tree), caller.start(&tree)];
        wait_for(&tree, &[if holder == CALLER { &called } else { &caller }], 3);
        let (channel, failed) = failing(&tree, "100").expect("it goes on");
        assert_eq!(failed, [""; 0], "{holder}");
        hang_up(&tree, &channel);
        end(&[&called, &caller], processes, &tree);
    }
}

/// S3-23…S3-25: a T.38 line that nobody takes is declined, and media stays direct.
#[test]
fn a_fax_line_is_declined() {
    let caller = redirected(calls(CALLER.to_owned(), PLAIN), "INVITE", (2, PLAIN)).pause(500);
    let caller = caller.asks("INVITE fax", 3, "", Some((3, FAX))).may_hear("100").xml(
        "<recv response=\"200\" rrs=\"true\"><action><ereg regexp=\"m=image 0 \" search_in=\"body\" check_it=\"true\" \
         assign_to=\"declined\"/><log message=\"[$declined] redirected\"/></action></recv>\n",
    );
    let caller = ends(caller.asks("ACK fax", 3, "", None));
    let called = ends(redirected(answers(CALLED.to_owned(), PLAIN), "INVITE", (2, PLAIN)));
    let objects = object("100", "phones", &[caller.port], "") + &object("200", "phones", &[called.port], "");
    let tree = start("direct-fax", &objects, "[phones]\nexten => 200,1,Dial(PJSIP/200,30)\n");
    let processes = vec![called.listen(&tree), caller.start(&tree)];
    wait_for(&tree, &[&caller], 2);
    let (channel, failed) = failing(&tree, "100").expect("it goes on");
    assert_eq!(failed, [""; 0]);
    hang_up(&tree, &channel);
    end(&[&called, &caller], processes, &tree);
}

/// After what it sends last it goes on at that label.
fn goes_on(side: Side, label: u8) -> Side {
    let at = side.steps.rfind("<send>").expect("it sends");
    let steps = format!("{}<send next=\"{label}\">{}", &side.steps[..at], &side.steps[at + 6..]);
    Side { steps, ..side }
}

/// Hears of the transfer until it is hung up; its media may come back meanwhile.
fn is_told(side: Side) -> Side {
    let side = side.xml(
        "<label id=\"7\"/>\n<recv response=\"202\" optional=\"true\" next=\"7\"/>\n<recv request=\"NOTIFY\" optional=\"true\" next=\"8\"/>\n\
         <recv request=\"INVITE\" optional=\"true\" next=\"10\"/>\n<recv request=\"ACK\" optional=\"true\" next=\"7\"/>\n\
         <recv request=\"BYE\" next=\"9\"/>\n<label id=\"8\"/>\n",
    );
    let side = goes_on(side.agrees(), 7).xml("<label id=\"10\"/>\n").agrees_with((3, PLAIN));
    goes_on(side, 7).xml("<label id=\"9\"/>\n").agrees()
}

/// S1-50: the transferred phone comes back while the third rings, and goes direct with it.
#[test]
fn a_blind_transfer() {
    let caller = (2..5)
        .fold(calls(CALLER.to_owned(), PLAIN), |side, version| redirected(side, "INVITE", (version, PLAIN)));
    let caller = ends(caller);
    let called = redirected(answers(CALLED.to_owned(), PLAIN), "INVITE", (2, PLAIN)).pause(500);
    let called = is_told(called.asks_back("REFER", 3, "    Refer-To: <sip:300@127.0.0.1>\n", None));
    let third = ends(redirected(answers("third".to_owned(), PLAIN), "INVITE", (2, PLAIN)));
    let mut objects = String::new();
    for (name, side) in [("100", &caller), ("200", &called), ("300", &third)] {
        objects += &object(name, "phones", &[side.port], "");
    }
    let tree = start("direct-blind", &objects, "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},30)\n");
    let processes = vec![third.listen(&tree), called.listen(&tree), caller.start(&tree)];
    wait_for(&tree, &[&third], 1);
    wait_for(&tree, &[&caller], 3);
    let (channel, failed) = failing(&tree, "100").expect("it goes on");
    assert_eq!(failed, [""; 0]);
    hang_up(&tree, &channel);
    end(&[&third, &called, &caller], processes, &tree);
}

/// S1-50: the two that are left are redirected to each other, once each.
#[test]
fn an_attended_transfer() {
    let second = calls("second".to_owned(), PLAIN);
    let second = Side {
        steps: second.steps.replacen(
            "<recv response=\"200\" rrs=\"true\"/>",
            "<recv response=\"200\" rrs=\"true\"><action><ereg regexp=\"tag=[^;]*\" search_in=\"hdr\" header=\"To:\" \
             assign_to=\"tag\"/><log message=\"id=[call_id];to-[$tag];from-tag=ann[pid];\"/></action></recv>",
            1,
        ),
        ..second
    };
    let second = ends(redirected(second, "INVITE", (2, PLAIN)));
    let third = redirected(answers("third".to_owned(), PLAIN), "INVITE", (2, PLAIN));
    let third = ends(redirected(third, "INVITE", (3, PLAIN)));
    let caller = redirected(calls(CALLER.to_owned(), PLAIN), "INVITE", (2, PLAIN));
    let caller = ends(redirected(caller, "INVITE", (3, PLAIN)));
    let called = redirected(answers(CALLED.to_owned(), PLAIN), "INVITE", (2, PLAIN)).pause(500);
    let mut objects = object("200", "second", &[called.port, second.port], "");
    objects += &object("100", "phones", &[caller.port], "");
    objects += &object("300", "phones", &[third.port], "");
    let dialplan =
        "[phones]\nexten => 200,1,Dial(PJSIP/200,30)\n[second]\nexten => 200,1,Dial(PJSIP/300,30)\n";
    let tree = start("direct-attended", &objects, dialplan);
    let mut processes = vec![third.listen(&tree), second.start(&tree)];
    wait_for(&tree, &[&third, &second], 1);
    // The dialog of the second call, as Replaces names it.
    let noted = second.noted(&tree);
    let at = noted.find("id=").expect("noted when it was answered");
    let parts: Vec<&str> = noted[at + 3..].split(';').take(3).collect();
    let replaces =
        format!("{}%3B{}%3B{}", parts[0], parts[1], parts[2]).replace("tag=", "tag%3D").replace('@', "%40");
    let lines = format!("    Refer-To: <sip:200@127.0.0.1?Replaces={replaces}>\n");
    let called = is_told(called.asks_back("REFER", 3, &lines, None));
    processes.extend([called.listen(&tree), caller.start(&tree)]);
    wait_for(&tree, &[&third, &caller], 2);
    let (channel, failed) = failing(&tree, "100").expect("it goes on");
    assert_eq!(failed, [""; 0]);
    hang_up(&tree, &channel);
    end(&[&third, &second, &called, &caller], processes, &tree);
}

/// S1-29: three in a bridge need somebody who mixes.
#[test]
fn three_in_a_bridge() {
    let phones: Vec<_> = (0..3).map(|at| ends(calls(format!("{CALLER}{at}"), PLAIN))).collect();
    let objects: String = phones
        .iter()
        .enumerate()
        .map(|(at, side)| object(&format!("c{at}"), "phones", &[side.port], ""))
        .collect();
    let tree = start("direct-three", &objects, "[phones]\nexten => 200,1,ConfBridge(1)\n");
    let processes = phones.iter().map(|side| side.start(&tree)).collect();
    let mut seen = None;
    let right = poll(|| {
        seen = failing(&tree, "c0");
        seen.as_ref()
            .filter(|(_, failed)| failed.iter().any(|what| what == "exactly two channels in the bridge"))?;
        Some(())
    });
    let told: String = phones.iter().map(|side| side.told(&tree)).collect();
    assert!(right.is_some(), "{seen:?}\n{told}\n{}", tree.log());
    for at in 0..3 {
        let (channel, _) = failing(&tree, &format!("c{at}")).expect("it goes on");
        hang_up(&tree, &channel);
    }
    end(&phones.iter().collect::<Vec<_>>(), processes, &tree);
}
