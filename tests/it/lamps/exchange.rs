//! C4: two servers publish the states of their devices and mailboxes to each other, over a network of 5 ms.

use super::watcher::*;
use crate::trunks::pair::{DESK, Pair, to};
use crate::world::{Ask, World};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, Reply};

/// A phone of the second server's, which watches.
const LOOKER: &str = "127.0.0.2:6400";

/// `own` publishes at `other`, takes what that publishes, and challenges it where there is a password.
fn server(own: &str, other: &str, password: &str) -> World {
    let mut text = format!(
        "[transport-udp]\ntype=transport\nprotocol=udp\nbind={own}:5060\n\
         [peer]\ntype=endpoint\ncontext=none\nallow=ulaw\nAUTH\n\
         [peer-id]\ntype=identify\nendpoint=peer\nmatch={other}:5060\n\
         [peer-login]\ntype=auth\nauth_type=userpass\nusername=pub\npassword=secret\n\
         [my-login]\ntype=auth\nauth_type=userpass\nusername=pub\npassword=secret\n\
         [devices]\ntype=outbound-publish\nserver_uri=sip:states@{other}\nevent=asterisk-devicestate\n\
         outbound_auth=my-login\nexpiration=60\n@device_state_filter=^PJSIP/[0-9]\n\
         [boxes]\ntype=outbound-publish\nserver_uri=sip:states@{other}\nevent=asterisk-mwi\noutbound_auth=my-login\n\
         [states]\ntype=inbound-publication\nendpoint=peer\nevent_asterisk-devicestate=take\nevent_asterisk-mwi=take\n\
         [take]\ntype=asterisk-publication\ndevice_state=yes\nmailbox_state=yes\n\
         devicestate_publish=devices\nmailboxstate_publish=boxes\n"
    );
    text = text.replace("AUTH", if password.is_empty() { "" } else { "auth=peer-login" });
    let phones = match own {
        "127.0.0.1" => [("100", DESK), ("200", "127.0.0.1:6200")],
        _ => [("400", LOOKER), ("500", "127.0.0.2:6500")],
    };
    for (name, at) in phones {
        text.push_str(&format!(
            "[{name}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw,alaw\naors={name}\ndirect_media=no\n\
             [{name}]\ntype=aor\ncontact=sip:{name}@{at}\nmailboxes={name}@vm\n\
             [id{name}]\ntype=identify\nendpoint={name}\nmatch={at}\n"
        ));
    }
    let mut world = World::with(&text);
    world.switch.set_machine(format!("02:00:00:00:00:0{}", &own[8..]).as_str().into());
    set_dialplan(
        &mut world,
        "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20)\nexten => 901,hint,PJSIP/100\n\
         exten => 902,hint,PJSIP/200\nexten => 904,hint,PJSIP/400\n",
    );
    world
}

fn both(password: &str) -> Pair {
    Pair::of(server("127.0.0.1", "127.0.0.2", password), server("127.0.0.2", "127.0.0.1", password), 3)
}

fn shown(world: &mut World, outbound: bool) -> Vec<(String, &'static str)> {
    match world.command(Command::Publications { outbound }) {
        Reply::Publications(all) => all.into_iter().map(|one| (one.name, one.state)).collect(),
        other => panic!("{other:?}"),
    }
}

/// Watches from the second server; what the first NOTIFY says.
fn look(pair: &mut Pair, exten: &str, call: &str, more: &str) -> String {
    let heard = pair.from(LOOKER, &subscribe(exten, (call, 1), "", more));
    let first = to(&heard, WATCHER, "NOTIFY").to_owned();
    pair.from(LOOKER, &reply(&first, "200 OK", WATCHER, ""));
    first
}

/// What the watcher is told within `millis`, answered.
fn told(pair: &mut Pair, millis: u64) -> String {
    let heard = pair.run(millis);
    let notify = to(&heard, WATCHER, "NOTIFY").to_owned();
    pair.from(LOOKER, &reply(&notify, "200 OK", WATCHER, ""));
    notify
}

/// C4, S3-11, S3-12, S3-18: the lamp follows a call on the other server through ringing, talking and hold within 100 ms.
#[test]
fn a_lamp_follows_a_call_on_another_server() {
    let mut pair = both("secret");
    pair.run(3_000);
    for world in [&mut pair.office, &mut pair.provider] {
        assert_eq!(shown(world, true), [("boxes".into(), "Active"), ("devices".into(), "Active")]);
        assert_eq!(shown(world, false).len(), 2);
    }
    let first = look(&mut pair, "902", "w1", "Event: presence\r\n");
    assert!(body(&first).contains("<note>Ready</note>"), "{first}");
    let invite = invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "8 0 101", ""));
    let heard = pair.from(DESK, &invite);
    let out = to(&heard, "127.0.0.1:6200", "INVITE").to_owned();
    pair.from("127.0.0.1:6200", &reply(&out, "180 Ringing", CALLED, ""));
    let ringing = told(&mut pair, 100);
    assert!(body(&ringing).contains("<note>Ringing</note>"), "{ringing}");
    let answer = reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", ""));
    let heard = pair.from("127.0.0.1:6200", &answer);
    let ok = to(&heard, DESK, "SIP/2.0 200").to_owned();
    let talking = told(&mut pair, 100);
    assert!(body(&talking).contains("<note>On the phone</note>"), "{talking}");
    let ack =
        |cseq, branch| request("ACK", "sip:200@127.0.0.1:5060", ("c1", branch, cseq), header(&ok, "To"), "");
    pair.from(DESK, &ack(1, "a1"));
    // The caller holds: to the other side the called phone's device is the one that is held.
    let held = sdp("127.0.0.1", 7000, "8 101", "a=sendonly\r\n");
    let heard = pair
        .from(DESK, &request("INVITE", "sip:200@127.0.0.1:5060", ("c1", "i2", 2), header(&ok, "To"), &held));
    to(&heard, DESK, "SIP/2.0 200");
    pair.from(DESK, &ack(2, "a2"));
    let on_hold = told(&mut pair, 100);
    assert!(body(&on_hold).contains("<note>On hold</note>"), "{on_hold}");
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 3), header(&ok, "To"), "");
    pair.from(DESK, &bye);
    let over = told(&mut pair, 100);
    assert!(body(&over).contains("<note>Ready</note>"), "{over}");
}

/// C4, S4-176: a message that comes on one server lights the light of a phone of the other's.
#[test]
fn a_message_light_follows_a_mailbox_of_another_server() {
    let mut pair = both("");
    pair.run(3_000);
    let first = look(&mut pair, "400", "w1", "Event: message-summary\r\n");
    assert!(body(&first).contains("Voice-Message: 0/0"), "{first}");
    let set = |new| Command::SetMailbox { name: "400@vm".into(), new, old: 1 };
    pair.handle(false, Input::Command { token: 1, command: set(2) });
    let lit = told(&mut pair, 100);
    assert!(body(&lit).contains("Voice-Message: 2/1"), "{lit}");
    // It is the first server's mailbox: the second neither publishes it back nor writes it down.
    pair.run(1_000);
    pair.provider.kept.retain(|kept| matches!(kept, jackfield::pubsub::Kept::Mailbox { .. }));
    assert!(pair.provider.kept.is_empty(), "{:?}", pair.provider.kept);
    // A server that comes back asks to be told everything.
    // Long enough that its requests, which have the randomness of its last life here, are no repetitions.
    pair.run(40_000);
    let office = std::mem::replace(&mut pair.office, server("127.0.0.1", "127.0.0.2", ""));
    let mut provider = server("127.0.0.2", "127.0.0.1", "");
    provider.now = office.now;
    // Nor are its entity tags.
    for _ in 0..20 {
        let lines = "Event: asterisk-mwi\r\nContent-Type: application/json\r\nExpires: 0\r\n";
        let body = "{\"type\":\"refresh\",\"eid\":\"x\"}";
        let ask = Ask {
            uri: "sip:states@127.0.0.2",
            source: "127.0.0.1:5060",
            body,
            lines,
            ..Ask::new("PUBLISH", "a", "")
        };
        the(&provider.ask(&ask), "SIP/2.0 200");
    }
    let mut pair = Pair::of(office, provider, 4);
    pair.run(3_000);
    let Reply::Mailboxes(all) = pair.provider.command(Command::Mailboxes { name: Some("400@vm".into()) })
    else {
        panic!()
    };
    assert_eq!(all.iter().map(|one| (one.new, one.old)).collect::<Vec<_>>(), [(2, 1)]);
}

/// The publication is taken back by a server that ends, and the lamp goes dark.
#[test]
fn a_server_that_ends_takes_its_lamps_along() {
    let mut pair = both("");
    pair.run(3_000);
    let first = look(&mut pair, "901", "w1", "Event: presence\r\n");
    assert!(body(&first).contains("<basic>open</basic>"), "{first}");
    pair.handle(false, Input::Drain(true));
    let dark = told(&mut pair, 100);
    assert!(body(&dark).contains("<basic>closed</basic>"), "{dark}");
    assert!(pair.office.switch.is_idle());
    // The end is called off: everything is told anew.
    pair.handle(false, Input::Drain(false));
    let lit = told(&mut pair, 1_300);
    assert!(body(&lit).contains("<basic>open</basic>"), "{lit}");
}

/// C7: through loss and delay the lamp ends as the device is, and no transaction is left.
#[test]
fn states_agree_in_the_end_whatever_is_lost() {
    for seed in 0..20 {
        let mut pair =
            Pair::of(server("127.0.0.1", "127.0.0.2", ""), server("127.0.0.2", "127.0.0.1", ""), seed);
        pair.loss = 20 + 15 * (seed % 4);
        for turn in 0..40u32 {
            let command = Command::SetMailbox { name: "7@vm".into(), new: turn % 5, old: turn };
            pair.handle(seed % 2 == 0, Input::Command { token: 1, command });
            pair.run(1 + (seed * 131 + u64::from(turn) * 977) % 4_000);
        }
        pair.loss = 0;
        pair.run(80_000);
        let teller = if seed % 2 == 0 { &mut pair.office } else { &mut pair.provider };
        let Reply::Mailboxes(all) = teller.command(Command::Mailboxes { name: Some("7@vm".into()) }) else {
            panic!()
        };
        assert_eq!((all[0].new, all[0].old), (4, 39), "seed {seed}");
        pair.run(40_000);
        for world in [&mut pair.office, &mut pair.provider] {
            let (channels, dialogs, transactions) = leftovers(world);
            assert!(channels == 0 && dialogs == 0 && transactions <= 2, "seed {seed}: {transactions}");
        }
    }
}
