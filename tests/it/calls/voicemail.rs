//! Voicemail through a whole switch: what is played, recorded and ordered of the thread of the mailboxes, what its
//! answers lead to, and that no message is lost with its caller. The menus themselves are tested in `src/voicemail`.

use super::phone::*;
use super::rooms::{Call, come, nothing_is_left, type_in};
use super::sounds::playing;
use crate::world::World;
use jackfield::bridge::{MediaEvent, SoundEnd, SoundId, SoundOrder};
use jackfield::config::files::MemoryFiles;
use jackfield::config::origin::Sources;
use jackfield::config::services::Services;
use jackfield::switch::io::Input;
use jackfield::switch::view::Event;
use jackfield::voicemail::{Answer, Count, Greetings, Message, NewMessage, Opened, Order, Told};
use std::sync::Arc;
use std::time::Duration;

const PLAN: &str = "[phones]\nexten => 500,1,VoiceMail(200&300,u)\n same => n,Hangup($[\"${VMSTATUS}\" = \"SUCCESS\" ? 17 :: 21])\n\
                    exten => 501,1,VoiceMail(999,u)\n same => n,Hangup($[\"${VMSTATUS}\" = \"FAILED\" ? 17 :: 21])\n\
                    exten => 502,1,VoiceMail(200,e)\n same => n,Hangup(17)\n\
                    exten => 600,1,VoiceMailMain(200)\n same => n,Hangup(19)\n\
                    exten => 800,1,Directory(default,phones,e)\n same => n,Hangup($[\"${DIRECTORY_RESULT}\" = \"USEREXIT\" ? 17 :: 21])\n\
                    exten => 200,1,Hangup($[\"${DIRECTORY_RESULT}\" = \"SELECTED\" ? 19 :: 21])\n\
                    exten => 700,1,MailboxExists(200)\n same => n,Hangup($[\"${VMBOXEXISTSSTATUS}${MAILBOX_EXISTS(9)}${VM_INFO(200,fullname)}\" = \"SUCCESS0Bob\" ? 17 :: 21])\n\
                    exten => o,1,Hangup(22)\nexten => a,1,Hangup($[\"${VMSTATUS}\" = \"USEREXIT\" ? 23 :: 21])\n";

const CONF: &str = "[general]\nminsecs=2\noperator=yes\n[zonemessages]\nutc=UTC|Q\n\
                    [default]\n200 => 4711,Bob\n300 => 1,Carol,,,tz=utc\n";

fn world() -> World {
    let mut world = office("", PLAN);
    let files = MemoryFiles::new().with("voicemail.conf", CONF);
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let services = Services::read(&files, &mut sources, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    world.handle(Input::Services(Arc::new(services)));
    world
}

/// The last order of the mailboxes, and its number.
fn ordered(world: &World) -> (u64, Order) {
    world.mails.last().cloned().expect("an order")
}

fn answer(world: &mut World, answer: Answer, counts: Vec<Count>) -> Vec<String> {
    let (token, _) = ordered(world);
    let told = Box::new(Told { answer: Some(answer), counts, said: Vec::new() });
    world.handle(Input::Mail { token: Some(token), told })
}

fn greet(world: &mut World) -> Vec<String> {
    assert!(matches!(ordered(world).1, Order::Greet(_)));
    let greetings = Greetings { dir: "/vm/default/200".into(), unavail: true, ..Greetings::default() };
    answer(world, Answer::Greetings(greetings), Vec::new())
}

/// The recording that goes on: its name, and its file.
fn recording(call: &Call, world: &World) -> (SoundId, String) {
    let found = call.orders(world).rev().find_map(|order| match order {
        SoundOrder::Record { id, record } => Some((*id, record.path.to_string())),
        _ => None,
    });
    found.expect("it is recorded")
}

fn recorded(call: &Call, world: &mut World, end: SoundEnd) -> Vec<String> {
    let (id, _) = recording(call, world);
    world.handle(Input::Media(MediaEvent::SoundEnded { port: call.port, id, end }))
}

/// Up to the recording.
fn speaking(world: &mut World) -> Call {
    let call = come(world, 0, "500");
    greet(world);
    assert_eq!(call.hears_files(world), ["/vm/default/200/unavail"]);
    call.heard_all(world);
    assert_eq!(call.hears_files(world), ["beep"]);
    call.heard_all(world);
    call
}

fn kept(world: &World) -> Box<NewMessage> {
    match ordered(world).1 {
        Order::Keep(message) => message,
        other => panic!("{other:?}"),
    }
}

/// A message goes to 64 mailboxes at most, and it is said that the others get none.
#[test]
fn mailboxes_beyond_the_limit_are_told() {
    let mut world = world();
    let boxes = vec!["200"; 65].join("&");
    set_dialplan(&mut world, &format!("[phones]\nexten => 500,1,VoiceMail({boxes},u)\n"));
    speaking(&mut world);
    let said = |words: &str| {
        world.events.iter().any(|event| matches!(event, Event::Log { text, .. } if text.contains(words)))
    };
    assert!(said("65 mailboxes are named; only the first 64 get the message"), "{:?}", world.events);
}

/// D4: greeting, beep, recording, and the message with what is known of the call, for both mailboxes; their lamps are
/// told with the answer.
#[test]
fn a_message_is_left_and_its_lamp_told_at_once() {
    let mut world = world();
    let call = speaking(&mut world);
    let (_, file) = recording(&call, &world);
    assert!(file.starts_with("/vm/default/200/tmp/") && file.ends_with(".wav"), "{file}");
    world.wait(Duration::from_secs(5));
    call.press(&mut world, "#");
    recorded(&call, &mut world, SoundEnd::Stopped);
    let message = kept(&world);
    assert_eq!(message.file, file);
    assert_eq!(
        message.to.iter().map(|mailbox| mailbox.full_name()).collect::<Vec<_>>(),
        ["200@default", "300@default"]
    );
    let facts = &message.facts;
    assert_eq!((facts.duration_secs, facts.exten.as_str(), facts.context.as_str()), (5, "500", "phones"));
    assert_eq!(facts.caller_number, "100");
    assert!(facts.channel.starts_with("PJSIP/100-"));
    let count = Count { mailbox: "200@default".into(), new: 1, old: 0 };
    answer(&mut world, Answer::Kept(2), vec![count]);
    let users = type_in(&mut world, "voicemail show users");
    let bob = users.lines().find(|line| line.contains("Bob")).expect("Bob");
    assert_eq!(bob, "default    200   Bob                                       1");
    assert!(users.starts_with("Context    Mbox  User                      Zone       NewMsg"), "{users}");
    assert!(users.trim_end().ends_with("2 voicemail users configured."), "{users}");
    assert!(
        type_in(&mut world, "voicemail show users for sales").contains("No such voicemail context \"sales\"")
    );
    assert!(type_in(&mut world, "voicemail show zones").contains("utc             UTC                  Q"));
    let sent = call.heard_all(&mut world);
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=17");
    nothing_is_left(&mut world);
}

/// Who hangs up while he speaks has left what he said: the channel is gone, the message comes when its file is complete.
#[test]
fn a_caller_who_hangs_up_leaves_his_message() {
    let mut world = world();
    let call = speaking(&mut world);
    world.wait(Duration::from_secs(3));
    call.bye(&mut world);
    assert!(call.orders(&world).any(|order| matches!(order, SoundOrder::Stop { .. })), "the recording ends");
    assert!(!world.switch.is_committed(), "an end of the server waits for it");
    recorded(&call, &mut world, SoundEnd::Stopped);
    assert_eq!(kept(&world).facts.duration_secs, 3);
    assert!(world.switch.is_committed());
    answer(&mut world, Answer::Kept(2), Vec::new());
    // Too little to be a message.
    let call = speaking(&mut world);
    world.wait(Duration::from_secs(1));
    call.bye(&mut world);
    recorded(&call, &mut world, SoundEnd::Stopped);
    assert!(matches!(ordered(&world).1, Order::Discard { .. }));
    // Nothing said yet.
    let call = come(&mut world, 0, "500");
    call.bye(&mut world);
    greet(&mut world);
    nothing_is_left(&mut world);
}

/// `0` and `*` lead out of the greeting; a mailbox that is not there and a disk that fails go on with `FAILED`.
#[test]
fn ways_out_of_a_message() {
    for (digit, cause) in [("0", 22), ("*", 23)] {
        let mut world = world();
        let call = come(&mut world, 0, "500");
        greet(&mut world);
        let sent = call.press(&mut world, digit);
        assert_eq!(header(the(&sent, "BYE"), "Reason"), format!("Q.850;cause={cause}"), "{digit}");
        nothing_is_left(&mut world);
    }
    let mut world = world();
    let body = sdp("127.0.0.1", 7000, "8 101", "");
    let sent = world.datagram(CALLER, invite("501", 1, "i1", &body).as_bytes());
    the(&sent, "SIP/2.0 486");
    come(&mut world, 0, "500");
    let sent = answer(&mut world, Answer::Failed("no disk".into()), Vec::new());
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=21");
    let request = invite("700", 1, "i2", &body).replace("Call-ID: c1", "Call-ID: c2");
    let sent = world.datagram(CALLER, request.as_bytes());
    // The dialplan knows mailboxes.
    the(&sent, "SIP/2.0 486");
}

/// `e`: greetings are early media, and only the message is answered.
#[test]
fn greetings_may_be_early_media() {
    let mut world = world();
    let body = sdp("127.0.0.1", 7000, "8 101", "");
    let sent = world.datagram(CALLER, invite("502", 1, "i1", &body).as_bytes());
    the(&sent, "SIP/2.0 183");
    greet(&mut world);
    let intro = playing(&world).remove(0);
    let over = MediaEvent::SoundEnded { port: intro.0, id: intro.1, end: SoundEnd::Done };
    let sent = world.handle(Input::Media(over));
    the(&sent, "SIP/2.0 200");
}

/// D4: the owner comes in with his password, hears a message, and what he heard is written down when he goes; what he
/// presses while files are read is not lost.
#[test]
fn the_owner_hears_his_messages() {
    let mut world = world();
    let call = come(&mut world, 0, "600");
    let message = Message { key: "k1".into(), folder: "INBOX", ..Message::default() };
    let opened = Opened { counts: (1, 0), messages: vec![message], ..Opened::default() };
    answer(&mut world, Answer::Opened(Box::new(opened)), Vec::new());
    assert_eq!(call.hears_files(&world), ["vm-password"]);
    call.press(&mut world, "4711#");
    assert_eq!(call.hears_files(&world), ["vm-youhave"]);
    // The place of the message is asked for; `7` comes before it is known, and deletes the message.
    call.press(&mut world, "17");
    assert!(matches!(ordered(&world).1, Order::Find { ref key, .. } if key == "k1"));
    answer(&mut world, Answer::At(Some("/vm/default/200/INBOX/msg0000".into())), Vec::new());
    assert_eq!(call.hears_files(&world), ["vm-deleted"]);
    call.press(&mut world, "7");
    let sent = call.press(&mut world, "#");
    assert!(sent.is_empty());
    let Order::Close { changes, .. } = ordered(&world).1 else { panic!("{:?}", ordered(&world)) };
    assert_eq!((changes[0].heard.as_slice(), changes[0].deleted.len()), (&["k1".to_owned()][..], 0));
    let sent = call.heard_all(&mut world);
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=19");
    nothing_is_left(&mut world);
}

/// A password that was changed counts at once, and after a reload the file's does.
#[test]
fn a_changed_password_counts_at_once() {
    let enter = |world: &mut World, password: &str| {
        let call = come(world, 0, "600");
        answer(world, Answer::Opened(Box::default()), Vec::new());
        call.press(world, password);
        call
    };
    let mut world = world();
    let call = enter(&mut world, "4711#");
    call.press(&mut world, "0512#12#");
    assert!(matches!(ordered(&world).1, Order::Password { ref password, .. } if password == "12"));
    answer(&mut world, Answer::Done, Vec::new());
    assert_eq!(call.hears_files(&world), ["vm-passchanged"]);
    call.bye(&mut world);
    let call = enter(&mut world, "4711#");
    assert_eq!(call.hears_files(&world), ["vm-incorrect"]);
    call.bye(&mut world);
    let call = enter(&mut world, "12#");
    assert_eq!(call.hears_files(&world), ["vm-youhave"]);
    call.bye(&mut world);
    nothing_is_left(&mut world);
}

/// Somebody is found by his name and called; whoever presses `#` goes on.
#[test]
fn the_directory_finds_people_by_their_names() {
    let mut world = world();
    let call = come(&mut world, 0, "800");
    assert_eq!(call.hears_files(&world), ["dir-welcome"]);
    call.press(&mut world, "262");
    assert!(matches!(ordered(&world).1, Order::Names(ref boxes) if boxes[0].name == "200"));
    answer(&mut world, Answer::Names(vec![None]), Vec::new());
    assert_eq!(call.hears_files(&world), ["letters/b"]);
    let sent = call.press(&mut world, "1");
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=19");
    let call = come(&mut world, 0, "800");
    let sent = call.press(&mut world, "#");
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=17");
    nothing_is_left(&mut world);
}

/// The example loads, and nothing in it is left undone.
#[test]
fn the_example_is_read_without_a_word() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples/voicemail/voicemail.conf");
    let files = MemoryFiles::new().with("voicemail.conf", std::fs::read(path).expect("readable"));
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let services = Services::read(&files, &mut sources, &mut findings);
    let told: Vec<String> = findings.iter().map(|finding| finding.text(&sources).to_string()).collect();
    assert_eq!((told, services.voicemail.all().count()), (Vec::new(), 2));
}
