//! Resource lists (RFC 4662): C3.

use super::watcher::*;
use crate::world::World;
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, Reply};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

const LISTS: &str = "Event: dialog\r\nSupported: eventlist\r\n\
    Accept: application/dialog-info+xml, multipart/related, application/rlmi+xml\r\n";

/// Lists `floor1` and `floor2` of `each` extensions, and `house` with both, itself (a loop) and one that is not there.
fn house(each: usize, options: &str) -> World {
    let mut text = String::from(
        "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
         [400]\ntype=endpoint\ncontext=phones\nallow=ulaw\naors=400\n[400]\ntype=aor\nmax_contacts=1\n",
    );
    writeln!(text, "[id400]\ntype=identify\nendpoint=400\nmatch={WATCHER}").expect("a String");
    for floor in [1, 2] {
        let items: Vec<String> = (0..each).map(|n| format!("{floor}{n:03}")).collect();
        writeln!(text, "[floor{floor}]\ntype=resource_list\nevent=dialog\n{options}").expect("a String");
        for some in items.chunks(50) {
            writeln!(text, "list_item={}", some.join(",")).expect("a String");
        }
    }
    writeln!(
        text,
        "[house]\ntype=resource_list\nevent=dialog\nlist_item=floor1,floor2,house,floor1,nobody\n{options}"
    )
    .expect("a String");
    let mut world = World::with(&text);
    set_dialplan(&mut world, "[phones]\nexten => _[12]XXX,hint,Custom:d${EXTEN}\n");
    world
}

fn change(world: &mut World, exten: &str, state: &str) -> Vec<String> {
    let command = Command::SetDeviceState { device: format!("Custom:d{exten}"), state: state.into() };
    world.handle(Input::Command { token: 1, command })
}

/// What Python's email parser makes of a NOTIFY: the type of the whole, then for each part at any depth its depth, type,
/// Content-ID and length.
fn parsed(notify: &str) -> Vec<String> {
    let script = "import sys, email\nfrom email import policy\n\
        m = email.message_from_string(sys.stdin.read(), policy=policy.default)\n\
        def walk(p, d):\n  assert not p.defects, p.defects\n\
        \x20 print(d, p.get_content_type(), p.get('Content-ID', '-'), len(p.get_payload()), sep=' ')\n\
        \x20 [walk(q, d + 1) for q in (p.get_payload() if p.is_multipart() else [])]\nwalk(m, 0)\n";
    let mut python = Process::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let headers = notify.split_once("\r\n").expect("a request line").1;
    python.stdin.take().expect("piped").write_all(headers.replace("\r\n", "\n").as_bytes()).expect("written");
    let output = python.wait_with_output().expect("ends");
    assert!(output.status.success(), "python's email parser refuses it");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

fn cids(notify: &str) -> Vec<&str> {
    notify.split("cid=\"").skip(1).map(|rest| rest.split('"').next().expect("a quote")).collect()
}

/// A list of lists: multiparts in a multipart, each RLMI entry with its part.
#[test]
fn a_list_of_lists_is_told_whole_at_first_and_then_what_changed() {
    let mut world = house(3, "");
    let (ok, first) = watch(&mut world, "house", "l1", LISTS);
    assert_eq!(header(&ok, "Require"), "eventlist");
    assert_eq!(header(&first, "Require"), "eventlist");
    assert!(header(&first, "Content-Type").starts_with("multipart/related;type=\"application/rlmi+xml\""));
    let parts = parsed(&first);
    let count = |kind: &str| parts.iter().filter(|line| line.contains(kind)).count();
    assert_eq!(
        (count("multipart/related"), count("application/rlmi+xml"), count("dialog-info")),
        (3, 3, 6),
        "{parts:?}"
    );
    for cid in cids(&first) {
        assert!(parts.iter().any(|line| line.contains(&format!("<{cid}>"))), "{cid} has no part");
    }
    assert!(first.contains("<list xmlns=\"urn:ietf:params:xml:ns:rlmi\" uri=\"sip:house@127.0.0.1\" version=\"0\" fullState=\"true\">"), "{first}");
    let sent = change(&mut world, "1002", "INUSE");
    let notify = the(&sent, "NOTIFY").to_owned();
    let parts = parsed(&notify);
    assert_eq!(parts.iter().filter(|line| line.contains("dialog-info")).count(), 1, "{parts:?}");
    assert!(
        notify.contains("fullState=\"false\"") && notify.contains("entity=\"sip:1002@127.0.0.1\""),
        "{notify}"
    );
    accept(&mut world, &notify);
    let more = LISTS.to_owned() + "Expires: 90\r\n";
    let sent = world.datagram(WATCHER, subscribe("house", ("l1", 2), &our_tag(&ok), &more).as_bytes());
    assert_eq!(parsed(the(&sent, "NOTIFY")).iter().filter(|line| line.contains("dialog-info")).count(), 6);
    let end = LISTS.to_owned() + "Expires: 0\r\n";
    accept(&mut world, the(&sent, "NOTIFY"));
    let sent = world.datagram(WATCHER, subscribe("house", ("l1", 3), &our_tag(&ok), &end).as_bytes());
    accept(&mut world, the(&sent, "NOTIFY"));
    settle(&mut world);
    assert_eq!(leftovers(&mut world), (0, 0, 0));
    let Reply::Hints(hints) = world.command(Command::Hints) else { panic!() };
    assert!(hints.is_empty(), "nothing is watched any more: {hints:?}");
}

/// 500 entries, changes in one batch: at most one NOTIFY per interval, each small enough for a datagram, all told.
#[test]
fn five_hundred_entries_are_told_in_batches() {
    let mut world = house(250, "notification_batch_interval=500");
    let sent = world.datagram(WATCHER, subscribe("house", ("l1", 1), "", LISTS).as_bytes());
    let (mut told, mut next, mut count) = (0, the(&sent, "NOTIFY").to_owned(), 0);
    loop {
        assert!(next.len() <= 65_507, "{} bytes do not fit a datagram", next.len());
        told += parsed(&next).iter().filter(|line| line.contains("dialog-info")).count();
        count += 1;
        match accept(&mut world, &next).pop() {
            Some(more) => next = more,
            None => break,
        }
    }
    assert_eq!(told, 500, "in {count} NOTIFYs");
    for n in 0..250 {
        assert!(change(&mut world, &format!("1{n:03}"), "BUSY").is_empty(), "gathered");
        world.wait(Duration::from_millis(1));
    }
    let sent: Vec<String> = (0..30).flat_map(|_| world.wait(Duration::from_millis(10))).collect();
    let mut next = the(&sent, "NOTIFY").to_owned();
    let mut told = 0;
    loop {
        told += parsed(&next).iter().filter(|line| line.contains("dialog-info")).count();
        match accept(&mut world, &next).pop() {
            Some(more) => next = more,
            None => break,
        }
    }
    assert_eq!(told, 250);
}

/// No member at all: 500. Without eventlist the name is a plain resource: 404. `full_state`: all, each time.
#[test]
fn odd_lists_are_refused_and_full_ones_are_full() {
    let mut world = house(2, "full_state=yes");
    let sent = world.datagram(WATCHER, subscribe("house", ("l1", 1), "", "Event: dialog\r\n").as_bytes());
    the(&sent, "SIP/2.0 404");
    let presence = LISTS.replace("dialog\r", "presence\r");
    let sent = world.datagram(WATCHER, subscribe("house", ("l2", 1), "", &presence).as_bytes());
    the(&sent, "SIP/2.0 404");
    watch(&mut world, "house", "l3", LISTS);
    let sent = change(&mut world, "1001", "INUSE");
    assert_eq!(parsed(the(&sent, "NOTIFY")).iter().filter(|line| line.contains("dialog-info")).count(), 4);
    set_dialplan(&mut world, "[phones]\nexten => 5,1,NoOp()\n");
    let sent = world.datagram(WATCHER, subscribe("floor1", ("l4", 1), "", LISTS).as_bytes());
    the(&sent, "SIP/2.0 500");
}
