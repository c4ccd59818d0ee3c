//! Outbound publications against a server made of text (`behaviour-outbound` 2).

use super::registrar::{answer, knows, told};
use crate::calls::phone::{body, set_dialplan};
use crate::world::{World, values};
use jackfield::base::rng::Rng;
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, PublicationView, Reply};
use std::time::Duration;

fn conf(options: &str) -> String {
    format!(
        "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
         [up]\ntype=outbound-publish\nserver_uri=sip:us@127.0.0.9\n{options}\n\
         [mine]\ntype=auth\nauth_type=userpass\nusername=me\npassword=secret\n\
         [100]\ntype=endpoint\ncontext=phones\nallow=ulaw\n[200]\ntype=endpoint\ncontext=phones\nallow=ulaw\n"
    )
}

const DEVICES: &str = "event=asterisk-devicestate\noutbound_auth=mine\n@device_state_filter=^pjsip/100$\n";

fn wait(world: &mut World, secs: u64) -> Vec<String> {
    (0..secs * 4).flat_map(|_| world.wait(Duration::from_millis(250))).collect()
}

/// The one PUBLISH that goes out within `secs` seconds.
fn publish(world: &mut World, secs: u64) -> String {
    for _ in 0..secs * 4 {
        let mut sent = world.wait(Duration::from_millis(250));
        if !sent.is_empty() {
            assert_eq!(sent.len(), 1, "{sent:?}");
            assert!(sent[0].starts_with("PUBLISH "), "{}", sent[0]);
            return sent.remove(0);
        }
    }
    panic!("no PUBLISH within {secs} s");
}

fn one(text: &str, name: &str) -> String {
    let mut all = values(text, name);
    assert_eq!(all.len(), 1, "{name}: {text}");
    all.remove(0)
}

fn shown(world: &mut World) -> PublicationView {
    match world.command(Command::Publications { outbound: true }) {
        Reply::Publications(mut all) => all.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_publication_is_made_refreshed_changed_and_taken_back() {
    let mut world = World::with(&conf(&format!(
        "{DEVICES}from_uri=sip:from@127.0.0.1\nto_uri=sip:to@127.0.0.9\noutbound_proxy=sip:127.0.0.9:5060\\;lr\nexpiration=600"
    )));
    let first = publish(&mut world, 2);
    assert!(first.starts_with("PUBLISH sip:us@127.0.0.9 SIP/2.0\r\n"), "{first}");
    assert!(one(&first, "From").starts_with("<sip:from@127.0.0.1>;tag="), "{first}");
    assert_eq!(one(&first, "To"), "<sip:to@127.0.0.9>");
    assert_eq!((one(&first, "Event"), one(&first, "Expires")), ("asterisk-devicestate".into(), "600".into()));
    assert_eq!(one(&first, "Route"), "<sip:127.0.0.9:5060;lr>");
    assert_eq!(one(&first, "Content-Type"), "application/json");
    assert!(values(&first, "SIP-If-Match").is_empty());
    let said: serde_json::Value = serde_json::from_str(body(&first)).expect("JSON");
    assert_eq!(
        (&said["type"], &said["device"], &said["state"]),
        (&"devicestate".into(), &"PJSIP/100".into(), &"UNAVAILABLE".into())
    );
    // Its password is asked for.
    let again = answer(
        &mut world,
        &first,
        "401 Unauthorized",
        "WWW-Authenticate: Digest realm=\"up\",nonce=\"n\",qop=\"auth\"\r\n",
    );
    assert!(knows(&again[0], "Authorization", "me", "up", "secret"), "{}", again[0]);
    assert!(answer(&mut world, &again[0], "200 OK", "SIP-ETag: one\r\nExpires: 100\r\n").is_empty());
    assert_eq!(shown(&mut world).why, "Taken for 100 s by 127.0.0.9:5060");
    // What was granted ends before what was asked for would.
    assert!(wait(&mut world, 66).is_empty());
    let refresh = publish(&mut world, 3);
    assert_eq!((one(&refresh, "SIP-If-Match"), body(&refresh)), ("one".into(), ""));
    answer(&mut world, &refresh, "200 OK", "SIP-ETag: two\r\nExpires: 600\r\n");
    // The section is gone: what stands there is taken back.
    let end = {
        let text = conf(DEVICES).replace("[up]\ntype=outbound-publish", "[up](!)\ntype=outbound-publish");
        let (objects, _) = crate::world::objects(&text, None);
        let plan = world.objects.plan(&objects);
        world.objects = objects;
        world.handle(Input::Config { changes: &plan.changes, sources: &world.objects.sources.clone() })
    };
    assert_eq!((one(&end[0], "SIP-If-Match"), one(&end[0], "Expires")), ("two".into(), "0".into()));
    answer(&mut world, &end[0], "200 OK", "");
    assert!(wait(&mut world, 60).is_empty());
}

/// Every row of the table of answers.
#[test]
fn each_answer_has_its_consequence() {
    let cases: [(&str, &str, &str, &str); 8] = [
        ("200 OK", "SIP-ETag: a\r\n", "Active", "Taken for 3600 s by 127.0.0.9:5060"),
        (
            "423 Brief",
            "Min-Expires: 7200\r\n",
            "Inactive",
            "The server wants at least 7200 s; a PUBLISH is out, unanswered yet",
        ),
        ("423 Brief", "", "Stopped", "423 Brief; given up until the section or its outbound_auth changes"),
        ("403 No", "", "Inactive", "403 No; everything is told again 3600 s after it"),
        ("404 Nobody", "Retry-After: 9\r\n", "Inactive", "404 Nobody; everything is told again 9 s after it"),
        ("503 Later", "", "Inactive", "503 Later; everything is told again 30 s after it"),
        ("489 What", "", "Inactive", "489 What; everything is told again 3600 s after it"),
        ("302 There", "", "Inactive", "302 There; everything is told again 3600 s after it"),
    ];
    for (code, lines, state, why) in cases {
        let mut world = World::with(&conf(DEVICES));
        let first = publish(&mut world, 2);
        answer(&mut world, &first, code, lines);
        let view = shown(&mut world);
        assert_eq!((view.state, view.why.as_str()), (state, why), "{code}");
    }
    // Nobody answers: told again half a minute later.
    let mut world = World::with(&conf(DEVICES));
    publish(&mut world, 2);
    wait(&mut world, 33);
    assert_eq!(shown(&mut world).why, "no answer; everything is told again 30 s after it");
    let again = publish(&mut world, 31);
    answer(&mut world, &again, "200 OK", "SIP-ETag: a\r\n");
    assert_eq!(shown(&mut world).state, "Active");
    // Forgotten there: the same body under a new entity tag.
    wait(&mut world, 3_560);
    let refresh = publish(&mut world, 10);
    let anew = answer(&mut world, &refresh, "412 Gone", "");
    assert!(
        values(&anew[0], "SIP-If-Match").is_empty() && body(&anew[0]).contains("PJSIP/100"),
        "{}",
        anew[0]
    );
}

/// `max_auth_attempts`, and what mends it.
#[test]
fn refused_credentials_end_it_until_they_change() {
    let mut world = World::with(&conf(&format!("{DEVICES}max_auth_attempts=2")));
    let mut next = publish(&mut world, 2);
    let challenge =
        |nonce: u32| format!("WWW-Authenticate: Digest realm=\"up\",nonce=\"{nonce}\",qop=\"auth\"\r\n");
    for nonce in 0..4 {
        let sent = answer(&mut world, &next, "401 Unauthorized", &challenge(nonce));
        let Some(sent) = sent.into_iter().next() else { break };
        next = sent;
    }
    let line = "Reached maximum number of PUBLISH authentication attempts on outbound publish 'up'";
    assert_eq!((told(&world, line), shown(&mut world).state), (1, "Stopped"));
    assert!(wait(&mut world, 4_000).is_empty());
    world.reload(&conf(&format!("{DEVICES}max_auth_attempts=2")).replace("secret", "better"));
    let again = publish(&mut world, 2);
    let again = answer(&mut world, &again, "401 Unauthorized", &challenge(9));
    assert!(knows(&again[0], "Authorization", "me", "up", "better"), "{}", again[0]);
}

/// S3-11: hints are published, each extension for itself; a held call shows as held.
#[test]
fn hints_are_published_one_by_one() {
    let options =
        "event=dialog\nmulti_user=yes\n@body=application/dialog-info+xml\n@exten=^7\n@context=phones\n";
    let mut world = World::with(&conf(options));
    let hints = "[phones]\nexten => 701,hint,Custom:a\nexten => 702,hint,Custom:b\nexten => 801,hint,Custom:a\n[more]\nexten => 703,hint,Custom:a\n";
    set_dialplan(&mut world, hints);
    let sent = wait(&mut world, 1);
    let uris: Vec<&str> = sent.iter().filter_map(|text| text.split(' ').nth(1)).collect();
    assert_eq!(uris, ["sip:701@127.0.0.9", "sip:702@127.0.0.9"]);
    for (n, text) in sent.iter().enumerate() {
        answer(&mut world, text, "200 OK", &format!("SIP-ETag: t{n}\r\n"));
    }
    let command = Command::SetDeviceState { device: "Custom:b".into(), state: "ONHOLD".into() };
    let sent = world.handle(Input::Command { token: 1, command });
    assert_eq!((sent.len(), one(&sent[0], "SIP-If-Match").as_str()), (1, "t1"));
    assert_eq!(one(&sent[0], "Content-Type"), "application/dialog-info+xml");
    for part in [
        "entity=\"sip:702@127.0.0.9\"",
        "version=\"1\"",
        "<state>confirmed</state>",
        "+sip.rendering",
        "pvalue=\"no\"",
    ] {
        assert!(body(&sent[0]).contains(part), "{part}: {}", sent[0]);
    }
    answer(&mut world, &sent[0], "200 OK", "SIP-ETag: t3\r\n");
    // A hint that is gone is taken back, a new one published.
    let sent = set_dialplan(&mut world, "[phones]\nexten => 701,hint,Custom:a\nexten => 704,hint,Custom:a\n");
    assert_eq!((one(&sent[0], "SIP-If-Match"), one(&sent[0], "Expires")), ("t3".into(), "0".into()));
    answer(&mut world, &sent[0], "200 OK", "");
    let first = publish(&mut world, 2);
    assert!(first.starts_with("PUBLISH sip:704@127.0.0.9 "), "{first}");
}

/// C7: whatever is answered or lost, one publication stands in the end and says what is so.
#[test]
fn it_stands_in_the_end_whatever_the_seed() {
    for seed in 0..60 {
        let mut rng = Rng::seeded(seed);
        let mut world = World::with(&conf("event=asterisk-mwi\nexpiration=120"));
        let set = |world: &mut World, new: u32| {
            world.handle(Input::Command {
                token: 1,
                command: Command::SetMailbox { name: "1@d".into(), new, old: 0 },
            })
        };
        let mut sent = set(&mut world, 1);
        let mut tag = 0u32;
        let mut last = String::new();
        for turn in 0..400u32 {
            if turn % 7 == 0 && turn < 300 {
                sent.extend(set(&mut world, turn));
            }
            let calm = turn >= 300;
            let mut more = Vec::new();
            for text in sent.drain(..) {
                let fate = if calm { 0 } else { rng.below(8) };
                tag += 1;
                let etag = format!("SIP-ETag: {tag}\r\n");
                match fate {
                    0..=2 => {
                        if !body(&text).is_empty() {
                            body(&text).clone_into(&mut last);
                        }
                        more.extend(answer(&mut world, &text, "200 OK", &etag));
                    }
                    3 if !values(&text, "SIP-If-Match").is_empty() => {
                        more.extend(answer(&mut world, &text, "412 Gone", ""))
                    }
                    4 => more.extend(answer(&mut world, &text, "503 Later", "Retry-After: 3\r\n")),
                    5 => more.extend(answer(&mut world, &text, "500 Oh", "")),
                    _ => {}
                }
            }
            more.extend(world.wait(Duration::from_millis(1 + rng.below(3_000))));
            sent = more;
        }
        let rest = wait(&mut world, 1);
        assert!(last.contains("\"new\":294"), "seed {seed}: {last} {:?} {rest:?}", shown(&mut world));
        assert_eq!(shown(&mut world).state, "Active", "seed {seed}");
    }
}
