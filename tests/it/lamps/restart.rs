//! Subscriptions, mailboxes and states outlive a restart (`behaviour-pubsub` 3).

use super::watcher::*;
use crate::world::World;
use jackfield::store::lamps::LampStore;
use jackfield::switch::io::{Actions, Input};
use jackfield::switch::view::Command;
use std::time::Duration;

/// Writes down what a life asked for, and hands it to the next one.
fn reborn(mut before: World, name: &str) -> (World, Vec<String>) {
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
    let mut after = desk("", HINTS);
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
