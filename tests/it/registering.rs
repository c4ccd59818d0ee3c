//! REGISTER and its neighbours, answer by answer against the recordings of the real server. Where we differ on
//! purpose the row says why; `docs/differences.md` lists the same.

use crate::world::{Ask, PROBE, World, answer, credentials, status_of, values};
use jackfield::registrar::ContactChange;
use jackfield::switch::view::{Command, Event, IdentifyQuestion, Kind, Reply};
use std::time::Duration;

const ALICE: &str = "Contact: <sip:alice@127.0.0.1:7101>\r\nExpires: 600\r\n";

fn reg<'a>(user: &'a str, password: &'a str, lines: &'a str) -> Ask<'a> {
    Ask::new("REGISTER", user, password).lines(lines)
}

/// S4-50, S4-56…S4-58, S4-135…S4-138, S4-145…S4-151 and the rows of the summary that concern REGISTER.
#[test]
fn registrations_are_answered_as_recorded() {
    let ok = "401 Unauthorized / 200 OK";
    let refused = "401 Unauthorized / 403 Forbidden";
    let again = "401 Unauthorized / 401 Unauthorized";
    let bad = "401 Unauthorized / 400 Bad Request";
    let rows: Vec<(&str, Ask<'_>, &str)> = vec![
        ("unknown user, no credentials", reg("ghost", "", ALICE), "401 Unauthorized"),
        ("unknown user, with credentials", reg("ghost", "x", ALICE), again),
        ("wrong password", reg("alice", "wrong", ALICE), again),
        (
            "right password for another user's name",
            Ask { auth_user: Some("bob"), ..reg("alice", "bobpw", ALICE) },
            again,
        ),
        ("good, first contact", reg("alice", "alicepw", ALICE), ok),
        (
            "second contact with max_contacts=1",
            reg("alice", "alicepw", "Contact: <sip:alice@127.0.0.1:7102>\r\nExpires: 600\r\n"),
            refused,
        ),
        ("query", reg("alice", "alicepw", ""), ok),
        ("* with Expires: 0", reg("alice", "alicepw", "Contact: *\r\nExpires: 0\r\n"), ok),
        ("query after the wipe", reg("alice", "alicepw", ""), ok),
        ("* without Expires", reg("alice", "alicepw", "Contact: *\r\n"), bad),
        ("* with Expires: 600", reg("alice", "alicepw", "Contact: *\r\nExpires: 600\r\n"), bad),
        (
            "* together with another",
            reg("alice", "alicepw", "Contact: *\r\nContact: <sip:a@127.0.0.1>\r\nExpires: 0\r\n"),
            bad,
        ),
        (
            "three contacts, max_contacts=2",
            reg("bob", "bobpw", "Contact: <sip:b@h:1>, <sip:b@h:2>, <sip:b@h:3>\r\n"),
            refused,
        ),
        ("endpoint without aors", reg("carol", "carolpw", ALICE), refused),
        ("max_contacts=0", reg("dave", "davepw", ALICE), refused),
        (
            "To names an aor the endpoint does not have",
            Ask { to: Some("<sip:bob@127.0.0.1>"), ..reg("alice", "alicepw", ALICE) },
            "401 Unauthorized / 404 Not Found",
        ),
        (
            "To names the second aor",
            Ask { to: Some("<sip:twoaor-b@127.0.0.1>"), ..reg("twoaor", "twoaorpw", ALICE) },
            ok,
        ),
        (
            "To names another domain",
            Ask { to: Some("<sip:erin@example.org>"), ..reg("erin", "", ALICE) },
            "200 OK",
        ),
        ("request URI with a user part", Ask { uri: "sip:x@127.0.0.1", ..reg("erin", "", ALICE) }, "200 OK"),
        (
            "Path while Supported lacks it, support_path=no",
            reg("rex", "rexpw", "Path: <sip:p@h;lr>\r\nContact: <sip:r@h>\r\n"),
            ok,
        ),
        (
            "Path and Supported: path",
            reg("erin", "", "Path: <sip:p@h;lr>\r\nSupported: path\r\nContact: <sip:e@h>\r\n"),
            "200 OK",
        ),
        (
            "Path without Supported",
            reg("erin", "", "Path: <sip:p@h;lr>\r\nContact: <sip:e@h>\r\n"),
            "420 Bad Extension",
        ),
        ("tel Contact", reg("erin", "", "Contact: <tel:+15551>\r\n"), "416 Unsupported URI Scheme"),
        ("sips Contact over UDP", reg("erin", "", "Contact: <sips:e@h>\r\n"), "200 OK"),
        ("compact forms", reg("erin", "", "m: <sip:e@h:9>\r\nk: path\r\n"), "200 OK"),
        // From here on we differ on purpose: a broken message is answered, not left to time out (RFC 3261 8.2, 21.4.1).
        ("garbage Expires", reg("erin", "", "Contact: <sip:e@h>\r\nExpires: soon\r\n"), "400 Bad Request"),
        ("malformed Contact", reg("erin", "", "Contact: <sip:@@:x>\r\n"), "400 Bad Contact header"),
        ("Contact without scheme", reg("erin", "", "Contact: <erin>\r\n"), "400 Bad Contact header"),
        ("Authorization: Basic", reg("alice", "", "Authorization: Basic eDp5\r\n"), "401 Unauthorized"),
        ("Authorization without fields", reg("alice", "", "Authorization: Digest\r\n"), "401 Unauthorized"),
        ("Require: foo", reg("erin", "", "Require: foo\r\nContact: <sip:e@h>\r\n"), "420 Bad Extension"),
    ];
    let mut world = World::with(PROBE);
    for (name, ask, want) in rows {
        assert_eq!(world.statuses(&ask), want, "REGISTER, {name}");
    }
}

/// The rows about OPTIONS, other methods and requests outside dialogs, and malformed ones.
#[test]
fn everything_else_is_answered_as_recorded() {
    let ask = |method, user| Ask::new(method, user, "");
    let tagged = Some("<sip:erin@127.0.0.1>;tag=unknown");
    let gone = "481 Call/Transaction Does Not Exist";
    let rows: Vec<(&str, Ask<'_>, &str)> = vec![
        ("OPTIONS, unknown user", ask("OPTIONS", "ghost"), "401 Unauthorized"),
        (
            "SUBSCRIBE, unknown user",
            ask("SUBSCRIBE", "ghost").lines("Contact: <sip:g@h>\r\n"),
            "401 Unauthorized",
        ),
        ("MESSAGE, unknown user", ask("MESSAGE", "ghost"), "401 Unauthorized"),
        ("INVITE, unknown user", ask("INVITE", "ghost").lines("Contact: <sip:g@h>\r\n"), "401 Unauthorized"),
        ("BYE outside a dialog, unknown user", ask("BYE", "ghost"), gone),
        ("BYE outside a dialog", ask("BYE", "erin"), gone),
        ("BYE with an unknown To tag", Ask { to: tagged, ..ask("BYE", "erin") }, gone),
        (
            "INVITE with an unknown To tag",
            Ask { to: tagged, ..ask("INVITE", "erin").lines("Contact: <sip:e@h>\r\n") },
            gone,
        ),
        ("CANCEL without a transaction", ask("CANCEL", "erin"), gone),
        ("ACK outside a dialog", ask("ACK", "erin"), "nothing"),
        ("OPTIONS, known user, no user part", ask("OPTIONS", "erin"), "200 OK"),
        ("OPTIONS, password, no credentials", ask("OPTIONS", "alice"), "401 Unauthorized"),
        (
            "OPTIONS, password, good credentials",
            Ask::new("OPTIONS", "alice", "alicepw"),
            "401 Unauthorized / 200 OK",
        ),
        ("unknown method FOO", ask("FOO", "erin"), "501 Not Implemented"),
        ("INFO outside a dialog", ask("INFO", "erin"), "501 Not Implemented"),
        ("UPDATE outside a dialog", ask("UPDATE", "erin"), "501 Not Implemented"),
        ("PRACK outside a dialog", ask("PRACK", "erin"), "501 Not Implemented"),
        // Listed in docs/differences.md.
        ("NOTIFY outside a dialog", ask("NOTIFY", "erin"), "481 Subscription does not exist"),
        ("INVITE without Contact", ask("INVITE", "erin"), "400 Missing Contact header"),
        (
            "INVITE from outside the acl",
            ask("INVITE", "fenced").lines("Contact: <sip:f@h>\r\n"),
            "401 Unauthorized",
        ),
    ];
    let mut world = World::with(PROBE);
    for (name, ask, want) in rows {
        assert_eq!(world.statuses(&ask), want, "{name}");
    }
    let erin = ask("OPTIONS", "erin").text(5, "");
    let broken: Vec<(&str, String, &str)> = vec![
        ("not SIP", "\u{1}\u{2}hello".into(), "nothing"),
        ("request line cut off", "OPTIONS sip:127".into(), "nothing"),
        ("SIP/3.0", erin.replacen("SIP/2.0\r\n", "SIP/3.0\r\n", 1), "505 Version Not Supported"),
        ("without Call-ID", erin.replace("Call-ID: call-1\r\n", ""), "nothing"),
        ("without From", erin.replace("From:", "X-From:"), "nothing"),
        ("without CSeq", erin.replace("CSeq:", "X-CSeq:"), "nothing"),
        (
            "Content-Length larger than the datagram",
            erin.replace("Content-Length: 0", "Content-Length: 99"),
            "400 Content-Length Exceeds Body",
        ),
        ("Content-Length smaller than the body", format!("{erin}junk"), "200 OK"),
        (
            "http request URI",
            erin.replacen("sip:127.0.0.1:5060", "http://x/", 1),
            "416 Unsupported URI Scheme",
        ),
    ];
    for (name, text, want) in broken {
        let sent = world.datagram("127.0.0.1:5070", text.as_bytes());
        let got = sent.first().map_or("nothing".to_owned(), |text| status_of(text));
        assert_eq!(got, want, "{name}");
    }
}

/// The 401 and the 200, header by header in the recorded order (S4-51…S4-55, S4-82).
#[test]
fn challenge_and_grant_look_as_recorded() {
    let mut world = World::with(PROBE);
    let answers = world.ask(&reg("alice", "alicepw", ALICE));
    let names = |text: &str| -> Vec<String> {
        text.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    assert_eq!(
        names(&answers[0]),
        ["Via", "Call-ID", "From", "To", "CSeq", "WWW-Authenticate", "Server", "Content-Length"]
    );
    let challenge = &values(&answers[0], "WWW-Authenticate")[0];
    assert!(challenge.starts_with("Digest realm=\"asterisk\",nonce=\"1800000000/"), "{challenge}");
    assert!(challenge.ends_with("\",algorithm=MD5,qop=\"auth\""), "{challenge}");
    assert!(values(&answers[0], "Via")[0].contains(";rport=5070;received=127.0.0.1;branch=z9hG4bK"));
    assert!(values(&answers[0], "To")[0].contains(";tag="));
    assert_eq!(
        names(&answers[1]),
        ["Via", "Call-ID", "From", "To", "CSeq", "Date", "Contact", "Expires", "Server", "Content-Length"]
    );
    assert_eq!(values(&answers[1], "Contact"), ["<sip:alice@127.0.0.1:7101>;expires=600"]);
    assert_eq!(values(&answers[1], "Expires"), ["600"]);
}

/// S4-59: what a stranger sees does not tell whether the name exists.
#[test]
fn a_stranger_cannot_tell_which_names_exist() {
    let mut world = World::with(PROBE);
    let masked = |text: &str, user: &str| {
        let (mut out, mut rest) = (String::new(), text.replace(user, "USER"));
        for (start, end) in [("tag=", "\r"), ("nonce=\"", "\""), ("opaque=\"", "\"")] {
            let mut parts = rest.split(start);
            out.clear();
            out.push_str(parts.next().unwrap_or_default());
            for part in parts {
                let tail = part.find(end).map_or("", |at| &part[at..]);
                out.push_str(&format!("{start}{}{tail}", "x".repeat(part.len() - tail.len())));
            }
            rest = out.clone();
        }
        rest
    };
    for lines in [
        ALICE,
        "Authorization: Digest username=\"alice\", realm=\"asterisk\", nonce=\"1/2\", uri=\"sip:h\", response=\"3\"\r\n",
    ] {
        let known = reg("alice", "", lines).text(90, "");
        let unknown = known.replace("sip:alice@", "sip:ghost@").replace("\"alice\"", "\"ghost\"");
        let known = world.datagram("127.0.0.1:5070", known.as_bytes());
        let unknown = world.datagram("127.0.0.1:5070", unknown.as_bytes());
        assert_eq!(masked(&known[0], "alice"), masked(&unknown[0], "ghost"));
    }
}

#[test]
fn expiries_are_clamped_and_contacts_expire_on_their_second() {
    let mut world = World::with(PROBE);
    let bob = |lines| reg("bob", "bobpw", lines);
    let contacts = |answers: Vec<String>| values(&answers[1], "Contact");
    let two =
        "Contact: <sip:bob@127.0.0.1:7001>;q=0.5, <sip:bob@127.0.0.1:7002;transport=udp;x=y>;expires=200\r\n";
    assert_eq!(
        contacts(world.ask(&bob(two))),
        ["<sip:bob@127.0.0.1:7001>;expires=180", "<sip:bob@127.0.0.1:7002;transport=udp;x=y>;expires=200"]
    );
    let low = world.ask(&bob("Contact: <sip:bob@127.0.0.1:7001>\r\nExpires: 10\r\n"));
    assert_eq!(values(&low[1], "Contact")[0], "<sip:bob@127.0.0.1:7001>;expires=120");
    assert_eq!(values(&low[1], "Expires"), ["120"]);
    world.ask(&bob("Contact: <sip:bob@127.0.0.1:7001>\r\nExpires: 9000\r\n"));
    world.wait(Duration::from_secs(201));
    assert_eq!(contacts(world.ask(&bob(""))), ["<sip:bob@127.0.0.1:7001>;expires=99"]);
    world.wait(Duration::from_secs(100));
    assert!(contacts(world.ask(&bob(""))).is_empty());
    let gone =
        world.commits.iter().filter(|(_, change)| matches!(change, ContactChange::Remove { .. })).count();
    assert_eq!(gone, 2, "expiry reaches the store");
}

#[test]
fn remove_existing_replaces_and_a_removed_unknown_contact_is_no_fault() {
    let mut world = World::with(PROBE);
    let rex = |lines| reg("rex", "rexpw", lines);
    world.ask(&rex("Contact: <sip:rex@127.0.0.1:7301>\r\n"));
    let second = world.ask(&rex("Contact: <sip:rex@127.0.0.1:7302>\r\n"));
    assert_eq!(values(&second[1], "Contact"), ["<sip:rex@127.0.0.1:7302>;expires=3600"]);
    let other = world.ask(&rex("Contact: <sip:rex@127.0.0.1:7309>;expires=0\r\n"));
    assert_eq!(values(&other[1], "Contact").len(), 1);
    let gone = world.ask(&rex("Contact: <sip:rex@127.0.0.1:7302>;expires=0\r\n"));
    assert!(values(&gone[1], "Contact").is_empty());
}

/// RFC 3261 10.3 step 7; Asterisk obeys such a request.
#[test]
fn an_older_cseq_of_the_same_call_is_refused() {
    let mut world = World::with(PROBE);
    let erin = reg("erin", "", "Contact: <sip:erin@127.0.0.1:7501>\r\n");
    assert_eq!(status_of(&world.datagram("127.0.0.1:5070", erin.text(10, "").as_bytes())[0]), "200 OK");
    let late = world.datagram("127.0.0.1:5070", erin.text(9, "").as_bytes());
    assert_eq!(status_of(&late[0]), "500 CSeq Out Of Order");
    let repeated = world.datagram("127.0.0.1:5070", erin.text(10, "").as_bytes());
    assert_eq!(status_of(&repeated[0]), "200 OK", "a retransmission is answered again");
}

/// DESIGN 6: no 200 before the commit, and a 503 when it fails.
#[test]
fn a_200_waits_for_its_commit() {
    let mut world = World::with(PROBE);
    world.commit_at_once = false;
    assert!(world.ask(&reg("erin", "", ALICE)).is_empty(), "not on disk, not acknowledged");
    let (sequence, _) = world.commits[0];
    let sent = world.handle(jackfield::switch::io::Input::Committed { sequence });
    assert_eq!(status_of(&sent[0]), "200 OK");
    assert!(world.ask(&reg("erin", "", "Contact: <sip:e@h:1>\r\n")).is_empty());
    let (sequence, _) = *world.commits.last().expect("a second change");
    let sent = world.handle(jackfield::switch::io::Input::CommitFailed { sequence, why: "disk full" });
    assert_eq!(status_of(&sent[0]), "503 Service Unavailable");
    assert_eq!(values(&sent[0], "Retry-After"), ["5"]);
    assert_eq!(values(&sent[0], "CSeq").len(), 1);
}

/// RFC 3261 17.2.2 and 8.2.2.2: a REGISTER is done once, whatever the network does with it.
#[test]
fn a_repeated_register_is_answered_with_the_same_bytes() {
    use jackfield::switch::io::Input;
    let mut world = World::with(PROBE);
    world.commit_at_once = false;
    let first = reg("alice", "alicepw", ALICE);
    let challenged = world.datagram("127.0.0.1:5070", first.text(1, "").as_bytes());
    let text = first.text(2, &answer(&challenged[0], &first, "alicepw", 1));
    assert!(world.datagram("127.0.0.1:5070", text.as_bytes()).is_empty());
    assert!(world.datagram("127.0.0.1:5070", text.as_bytes()).is_empty(), "it still waits for its commit");
    assert_eq!(world.commits.len(), 1);
    let (sequence, _) = world.commits[0];
    let sent = world.handle(Input::Committed { sequence });
    world.wait(Duration::from_secs(3));
    let again = world.datagram("127.0.0.1:5070", text.as_bytes());
    assert_eq!(again, sent, "byte for byte, the Date included");
    let merged = text.replace("branch=z9hG4bK2", "branch=z9hG4bKother");
    let merged = world.datagram("127.0.0.1:5070", merged.as_bytes());
    assert_eq!(status_of(&merged[0]), "482 Loop Detected");
    // A refusal is repeated as well, and one whose commit failed.
    let two = first.clone().lines("Contact: <sip:alice@127.0.0.1:7102>\r\n");
    let text = two.text(3, &answer(&challenged[0], &two, "alicepw", 2));
    let refused = world.datagram("127.0.0.1:5070", text.as_bytes());
    assert_eq!(status_of(&refused[0]), "403 Forbidden");
    assert_eq!(world.datagram("127.0.0.1:5070", text.as_bytes()), refused);
    let text = first.text(4, &answer(&challenged[0], &first, "alicepw", 3));
    world.datagram("127.0.0.1:5070", text.as_bytes());
    let (sequence, _) = *world.commits.last().expect("a refresh");
    let failed = world.handle(Input::CommitFailed { sequence, why: "disk full" });
    assert_eq!(status_of(&failed[0]), "503 Service Unavailable");
    assert_eq!(world.datagram("127.0.0.1:5070", text.as_bytes()), failed);
}

#[test]
fn a_nonce_count_is_good_once_and_an_old_nonce_is_stale() {
    let mut world = World::with(PROBE);
    let ask = reg("alice", "alicepw", ALICE);
    let challenged = world.datagram("127.0.0.1:5070", ask.text(1, "").as_bytes());
    let first = answer(&challenged[0], &ask, "alicepw", 1);
    assert_eq!(status_of(&world.datagram("127.0.0.1:5070", ask.text(2, &first).as_bytes())[0]), "200 OK");
    let again = world.datagram("127.0.0.1:5070", ask.text(2, &first).as_bytes());
    assert_eq!(status_of(&again[0]), "200 OK", "the very same request is a retransmission");
    let replayed = world.datagram("127.0.0.1:5070", ask.text(3, &first).as_bytes());
    assert_eq!(status_of(&replayed[0]), "401 Unauthorized");
    assert!(replayed[0].contains(",stale=true,"), "{}", replayed[0]);
    let second = answer(&challenged[0], &ask, "alicepw", 2);
    assert_eq!(status_of(&world.datagram("127.0.0.1:5070", ask.text(4, &second).as_bytes())[0]), "200 OK");
    world.wait(Duration::from_secs(40));
    let third = answer(&challenged[0], &ask, "alicepw", 3);
    let old = world.datagram("127.0.0.1:5070", ask.text(5, &third).as_bytes());
    assert!(old[0].contains(",stale=true,"));
    let wrong = credentials(&ask, "nonsense", ("asterisk", "1800000040/0", "MD5"), 1);
    let wrong = world.datagram("127.0.0.1:5070", ask.text(6, &wrong).as_bytes());
    assert!(!wrong[0].contains("stale"), "a wrong password is not excused by an old nonce");
}

/// S4-146, S4-150, S4-152: the words of the log, and who holds the slots.
#[test]
fn refusals_are_told_in_asterisks_words() {
    let mut world = World::with(PROBE);
    world.ask(&reg("alice", "alicepw", ALICE));
    world.ask(&reg("alice", "alicepw", "Contact: <sip:alice@127.0.0.1:7102>\r\n"));
    world.ask(&reg("dave", "davepw", ALICE));
    let lines: Vec<&str> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Log { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert!(
        lines.iter().any(|l| l.starts_with("Registration attempt from endpoint 'alice' (127.0.0.1:5070) to AOR 'alice' will exceed max contacts of 1")
            && l.contains("sip:alice@127.0.0.1:7101 from 127.0.0.1:5070")),
        "{lines:?}"
    );
    assert!(lines.contains(
        &"AOR 'dave' has no configured max_contacts. Endpoint 'dave' unable to register (127.0.0.1:5070)"
    ));
}

/// S4-137…S4-140: what `show endpoint` has after a registration.
#[test]
fn a_registered_contact_is_shown() {
    let mut world = World::with(PROBE);
    world.ask(&reg("alice", "alicepw", ALICE));
    let Reply::Endpoints(views) = world.show(Kind::Endpoint, Some("alice")) else { panic!("endpoints") };
    let alice = &views[0];
    assert_eq!((&*alice.name, &*alice.callerid_number, alice.state), ("alice", "100", "Not in use"));
    assert_eq!(alice.inbound_auths[0].username, "alice");
    let contact = &alice.aors[0].contacts[0];
    assert_eq!((contact.uri.as_str(), contact.status), ("sip:alice@127.0.0.1:7101", "NonQual"));
    assert!(contact.hash.starts_with("62dd43d083"), "the hash the recordings show: {}", contact.hash);
    let Reply::Endpoints(views) = world.show(Kind::Endpoint, None) else { panic!("endpoints") };
    assert_eq!(views.len(), 12);
    assert_eq!(views.iter().find(|v| &*v.name == "dave").map(|v| v.state), Some("Unavailable"));
}

/// NAT: the stored contact is the packet's source, the phone gets its own words back, and a NAT that gives the same
/// phone another port does not fill another slot (users' pain: stale contacts).
#[test]
fn a_rebound_nat_does_not_fill_the_slots() {
    let conf = "[transport-udp]\ntype=transport\nbind=127.0.0.1\n[nat]\ntype=endpoint\naors=nat\nrewrite_contact=yes\n\
                [nat]\ntype=aor\nmax_contacts=1\n";
    let mut world = World::with(conf);
    let ask = |source| Ask { source, ..reg("nat", "", "Contact: <sip:nat@192.168.1.5:5062>\r\n") };
    let first = world.ask(&ask("203.0.113.7:40001"));
    assert_eq!(values(&first[0], "Contact"), ["<sip:nat@192.168.1.5:5062>;expires=3600"]);
    let moved = world.ask(&ask("203.0.113.7:40002"));
    assert_eq!(status_of(&moved[0]), "200 OK");
    let Reply::Contacts(views) = world.show(Kind::Contact, None) else { panic!("contacts") };
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].uri, "sip:nat@203.0.113.7:40002;x-ast-orig-host=192.168.1.5:5062");
}

#[test]
fn explain_identify_names_winner_losers_and_near_names() {
    let mut world = World::with(PROBE);
    let mut explain = |from: &str, source: &str| {
        let question = IdentifyQuestion {
            from: from.into(),
            source: source.parse().expect("an address"),
            packet: None,
            headers: vec![],
            request_uri: None,
        };
        match world.command(Command::ExplainIdentify(Box::new(question))) {
            Reply::Explanation(explanation) => explanation,
            other => panic!("{other:?}"),
        }
    };
    let alice = explain("sip:alice@127.0.0.1", "127.0.0.1:5070");
    assert_eq!(alice.verdict, "endpoint 'alice', identified by username");
    let loser = alice.steps.iter().find(|step| step.what.contains("does not match identify 'trunk'"));
    let loser = loser.unwrap_or_else(|| panic!("{alice:?}"));
    assert!(loser.culprit.contains("pjsip.conf:"), "{loser:?}");
    let trunk = explain("sip:alice@127.0.0.1", "127.0.0.2:5060");
    assert_eq!(trunk.verdict, "endpoint 'trunk', identified by ip");
    let near = explain("sip:alic@127.0.0.1", "127.0.0.1:5070");
    assert!(near.verdict.contains("dummy challenge") && near.advice[0].contains("'alice'"), "{near:?}");
}

/// S5-15, S5-16 and the trunk and lost contacts of the recordings: one answers, one is silent.
#[test]
fn qualified_contacts_are_pinged_answer_and_fall_silent() {
    let mut world = World::with(PROBE);
    let mut pings = Vec::new();
    for _ in 0..40 {
        for text in world.wait(Duration::from_millis(100)) {
            if text.starts_with("OPTIONS sip:127.0.0.1:6070 SIP/2.0") {
                let mut answer = String::from("SIP/2.0 200 OK\r\n");
                for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
                    answer.push_str(&format!("{name}: {}\r\n", values(&text, name)[0]));
                }
                world.wait(Duration::from_millis(3));
                world.datagram("127.0.0.1:6070", format!("{answer}Content-Length: 0\r\n\r\n").as_bytes());
            }
            pings.push(text);
        }
    }
    let trunk = pings.iter().find(|text| text.contains("sip:127.0.0.1:6070")).expect("the trunk is pinged");
    assert_eq!(values(trunk, "To"), ["<sip:127.0.0.1:6070>"]);
    assert!(values(trunk, "From")[0].starts_with("<sip:trunk@127.0.0.1>;tag="), "{trunk}");
    assert_eq!(values(trunk, "Contact"), ["<sip:trunk@127.0.0.1:5060>"]);
    let Reply::Contacts(views) = world.show(Kind::Contact, None) else { panic!("contacts") };
    let status = |aor: &str| views.iter().find(|v| &*v.aor == aor).map(|v| (v.status, v.rtt_micros));
    assert_eq!(status("trunk"), Some(("Avail", Some(3_000))));
    assert_eq!(status("lost"), Some(("Unavail", None)));
    assert_eq!(status("callee"), Some(("NonQual", None)));
}

/// The rows of the summary that the tables above leave out. Where the last column differs from the recording, the
/// difference is listed in `docs/differences.md`.
#[test]
fn the_rest_of_the_summary_is_answered_as_recorded() {
    let long = format!("Contact: <sip:{}@h>\r\n", "a".repeat(300));
    let ok = "401 Unauthorized / 200 OK";
    let again = "401 Unauthorized / 401 Unauthorized";
    let ask = |method, user| Ask::new(method, user, "").lines("Contact: <sip:x@h>\r\n");
    let made_up = "Authorization: Digest username=\"alice\",realm=\"asterisk\",nonce=\"1800000000/0123456789abcdef0123456789abcdef\",\
                   uri=\"sip:127.0.0.1:5060\",response=\"0123456789abcdef0123456789abcdef\",algorithm=MD5\r\n";
    let rows: Vec<(&str, Ask<'_>, &str)> = vec![
        (
            "INVITE, unknown user, with credentials",
            Ask { password: Some("x"), ..ask("INVITE", "ghost") },
            again,
        ),
        ("INVITE, wrong password", Ask { password: Some("x"), ..ask("INVITE", "alice") }, again),
        ("REGISTER, made-up nonce", reg("alice", "", made_up), "401 Unauthorized"),
        (
            "REGISTER, two contacts, one with its own expires and q",
            reg("bob", "bobpw", "Contact: <sip:b@h:1>;expires=200;q=0.5, <sip:b@h:2>\r\n"),
            ok,
        ),
        ("REGISTER, remove one of two", reg("bob", "bobpw", "Contact: <sip:b@h:1>;expires=0\r\n"), ok),
        (
            "REGISTER, remove a contact that is not bound",
            reg("bob", "bobpw", "Contact: <sip:b@h:9>;expires=0\r\n"),
            ok,
        ),
        (
            "REGISTER, Expires below the minimum",
            reg("bob", "bobpw", "Contact: <sip:b@h:1>\r\nExpires: 1\r\n"),
            ok,
        ),
        (
            "REGISTER, Expires above the maximum",
            reg("bob", "bobpw", "Contact: <sip:b@h:1>\r\nExpires: 99999\r\n"),
            ok,
        ),
        ("REGISTER, wipe bob", reg("bob", "bobpw", "Contact: *\r\nExpires: 0\r\n"), ok),
        ("REGISTER, over-long user", reg("erin", "", &long), "200 OK"),
        ("REGISTER, wipe erin", reg("erin", "", "Contact: *\r\nExpires: 0\r\n"), "200 OK"),
        ("REFER outside a dialog", ask("REFER", "erin"), "501 Not Implemented"),
        (
            "OPTIONS, Require: foo",
            Ask::new("OPTIONS", "erin", "").lines("Require: foo\r\n"),
            "420 Bad Extension",
        ),
        (
            "OPTIONS, unknown extension",
            Ask { uri: "sip:nobody@127.0.0.1:5060", ..Ask::new("OPTIONS", "erin", "") },
            "404 Not Found",
        ),
    ];
    let mut world = World::with(PROBE);
    let mut wrong = Vec::new();
    for (name, ask, want) in rows {
        let got = world.statuses(&ask);
        if got != want {
            wrong.push(format!("{name}: {got}, not {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let compact = Ask::new("OPTIONS", "erin", "").text(9, "");
    let compact = compact
        .replace("Via:", "v:")
        .replace("From:", "f:")
        .replace("To:", "t:")
        .replace("Call-ID:", "i:")
        .replace("Content-Length:", "l:");
    let sent = world.datagram("127.0.0.1:5070", compact.as_bytes());
    assert_eq!(sent.first().map(|text| status_of(text)).as_deref(), Some("200 OK"), "compact header forms");
}

/// `systemname` of `asterisk.conf` may change in a reload: what we took stays ours, in memory and in a shared table.
#[test]
fn another_systemname_keeps_our_contacts_ours() {
    use jackfield::config::{AnyObject, Change, model::Asterisk};
    let mut world = World::with(PROBE);
    world.ask(&reg("erin", "", ALICE));
    let named = Asterisk { systemname: "node2".into(), ..Asterisk::default() };
    let changes = [Change::Put(AnyObject::Asterisk(std::sync::Arc::new(named)))];
    let sources = world.objects.sources.clone();
    world.commits.clear();
    world.handle(jackfield::switch::io::Input::Config { changes: &changes, sources: &sources });
    let (_, change) = world.commits.pop().expect("the contact is written again");
    assert!(
        matches!(change, ContactChange::Put(binding) if &*binding.reg_server == "node2"),
        "{:?}",
        world.commits
    );
    let Reply::Contacts(shown) = world.show(Kind::Contact, None) else { panic!("contacts") };
    assert!(shown.iter().any(|contact| contact.dynamic), "and is still shown as ours");
}

/// Bounds that contradict each other: the aor loads, and the lower bound is looked at first.
#[test]
fn an_aor_whose_bounds_contradict_each_other_is_obeyed_as_in_asterisk() {
    let text = "[t]\ntype=transport\nbind=127.0.0.1:5060\n[phone]\ntype=endpoint\naors=phone\n\
        [phone]\ntype=aor\nmax_contacts=1\nmaximum_expiration=30\n";
    let mut world = World::with(text);
    for (asked, granted) in [(10, 60), (45, 60), (60, 30), (3600, 30)] {
        let lines = format!("Contact: <sip:phone@127.0.0.1:7001>;expires={asked}\r\n");
        let answers = world.ask(&Ask::new("REGISTER", "phone", "").lines(&lines));
        assert_eq!(
            values(&answers[0], "Contact"),
            [format!("<sip:phone@127.0.0.1:7001>;expires={granted}")],
            "{asked}"
        );
    }
}
