//! Subscriptions, mailboxes and states outlive a restart (`behaviour-pubsub` 3).

use super::watcher::*;
use crate::world::World;
use jackfield::store::lamps::LampStore;
use jackfield::switch::io::{Actions, Input};
use jackfield::switch::view::{Command, Reply};
use std::time::Duration;

/// Writes down what a life asked for, and hands it to the next one.
fn reborn(before: World, name: &str) -> (World, Vec<String>) {
    reborn_into(before, name, HINTS)
}

/// The next life begins with this dialplan.
fn reborn_into(mut before: World, name: &str, dialplan: &str) -> (World, Vec<String>) {
    let dir = std::env::temp_dir().join(format!("jackfield-restart-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join("lamps.sqlite");
    let (store, _) = LampStore::open(&path, |_| {}).expect("opens");
    for kept in before.kept.drain(..) {
        store.writer().push(kept);
    }
    drop(store);
    let (store, kept) = LampStore::open(&path, |_| {}).expect("opens");
    drop(store);
    std::fs::remove_dir_all(&dir).expect("removed");
    let mut after = desk("", dialplan);
    after.now = before.now.later(Duration::from_secs(20));
    let mut actions = Actions::default();
    after.switch.restore_lamps(after.now, kept, &mut actions);
    let sent = after.wait(Duration::from_millis(100));
    (after, sent)
}

#[test]
fn a_restart_goes_on_with_every_subscription() {
    let mut world = desk("", HINTS);
    let (ok, _) = watch(&mut world, "900", "w1", "Event: dialog;id=3\r\nExpires: 600\r\n");
    let (over, _) = watch(&mut world, "200", "w2", "Event: presence\r\n");
    watch(&mut world, "300", "w3", "Event: presence\r\nExpires: 15\r\n");
    let end = subscribe("200", ("w2", 2), &our_tag(&over), "Event: presence\r\nExpires: 0\r\n");
    let sent = world.datagram(WATCHER, end.as_bytes());
    accept(&mut world, the(&sent, "NOTIFY"));
    let busy = Command::SetDeviceState { device: "Custom:night".into(), state: "BUSY".into() };
    let sent = world.handle(Input::Command { token: 1, command: busy });
    let before = the(&sent, "NOTIFY").to_owned();
    accept(&mut world, &before);
    let (mut world, sent) = reborn(world, "all");
    // The one that was ended and the one whose time is over are gone.
    let notify = the(&sent, "NOTIFY").to_owned();
    assert_eq!((header(&notify, "Call-ID"), header(&notify, "Event")), ("w1", "dialog;id=3"));
    assert_eq!(header(&notify, "From"), header(&before, "From"));
    assert_eq!(header(&notify, "Subscription-State"), "active;expires=580");
    assert!(body(&notify).contains("<state>confirmed</state>"), "the state outlives it too: {notify}");
    assert!(body(&notify).contains("version=\"2\""), "{notify}");
    let cseq = |text: &str| header(text, "CSeq").split(' ').next().and_then(|n| n.parse::<u32>().ok());
    assert!(cseq(&notify) > cseq(&before), "{notify}");
    accept(&mut world, &notify);
    let refresh = subscribe("900", ("w1", 2), &our_tag(&ok), "Event: dialog;id=3\r\nExpires: 60\r\n");
    let sent = world.datagram(WATCHER, refresh.as_bytes());
    the(&sent, "SIP/2.0 200");
    assert_eq!(leftovers(&mut world).1, 1);
}

/// C2: counts outlive a restart, and so does the light: what was told last is told again.
#[test]
fn mailboxes_outlive_a_restart() {
    let mut world = desk("", HINTS);
    for (name, new, old) in [("7@vm", 3, 1), ("8@vm", 1, 0), ("8@vm", 0, 2)] {
        world.handle(Input::Command {
            token: 1,
            command: Command::SetMailbox { name: name.into(), new, old },
        });
    }
    let (mut world, _) = reborn(world, "boxes");
    let Reply::Mailboxes(all) = world.command(Command::Mailboxes { name: None }) else { panic!("mailboxes") };
    let all: Vec<(&str, u32, u32)> = all.iter().map(|one| (one.name.as_str(), one.new, one.old)).collect();
    assert_eq!(all, [("7@vm", 3, 1), ("8@vm", 0, 2)]);
}

/// A dialplan that cannot be read at the start costs no subscription: it goes on when the dialplan is there.
#[test]
fn a_subscription_waits_for_its_hint() {
    let mut world = desk("", HINTS);
    watch(&mut world, "900", "w1", "Event: dialog\r\nExpires: 600\r\n");
    watch(&mut world, "300", "w2", "Event: dialog\r\nExpires: 60\r\n");
    let (mut world, sent) = reborn_into(world, "waits", "[phones]\nexten => 1,1,Hangup()\n");
    assert!(those(&sent, "NOTIFY").is_empty() && world.kept.is_empty(), "{:?}", world.kept);
    world.wait(Duration::from_secs(50));
    let mut sent = set_dialplan(&mut world, HINTS);
    sent.extend(world.wait(Duration::from_millis(100)));
    let notify = the(&sent, "NOTIFY").to_owned();
    assert_eq!(
        (header(&notify, "Call-ID"), header(&notify, "Subscription-State")),
        ("w1", "active;expires=530")
    );
    accept(&mut world, &notify);
    assert_eq!(leftovers(&mut world).1, 1);
}
