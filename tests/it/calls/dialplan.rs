//! What a dialplan remembers and how an administrator sees it.

use super::phone::*;
use crate::world::World;
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, DatabaseOrder, Event, Reply, VariableOrder};

/// Calls an extension that hangs up by itself.
pub fn call(world: &mut World, exten: &str) -> Vec<String> {
    world.datagram(CALLER, invite(exten, 1, "i1", &sdp("127.0.0.1", 7000, "0 101", "")).as_bytes())
}

/// What `Log(WARNING,…)` of this call printed.
pub fn logged(world: &World) -> Vec<String> {
    let told = world.events.iter().filter_map(|event| match event {
        Event::Log { text, .. } => text.split_once("phones: ").map(|(_, text)| text.to_owned()),
        _ => None,
    });
    told.collect()
}

fn database(world: &mut World, order: DatabaseOrder) -> String {
    match world.command(Command::Database(order)) {
        Reply::Done(text) | Reply::Refused(text) => text,
        other => panic!("{other:?}"),
    }
}

/// What was stored before is read; what a dialplan and an administrator write is handed to the store.
#[test]
fn the_database_is_read_and_written() {
    let plan = "[phones]\nexten => 1,1,Set(DB(CF/100)=${DB(old/key)}x)\n\
        same => n,Log(WARNING,${DB_EXISTS(CF/100)} ${DB_RESULT} ${DB_KEYS(CF)} ${DB_KEYCOUNT()})\n\
        same => n,Log(WARNING,[${DB_DELETE(old/key)}] [${DB(old/key)}] ${DB_EXISTS(old/key)})\n same => n,Hangup()\n";
    let mut world = office("", plan);
    world.handle(Input::Database(vec![("/old/key".into(), "kept".into())]));
    call(&mut world, "1");
    assert_eq!(logged(&world), ["1 keptx 100 2", "[kept] [] 0"]);
    let stored: Vec<_> = world.stored.drain(..).map(|c| (c.key.to_string(), c.value.is_some())).collect();
    assert_eq!(stored, [("/CF/100".to_owned(), true), ("/old/key".to_owned(), false)]);
    let key = || "CF/100".to_owned();
    assert_eq!(database(&mut world, DatabaseOrder::Get { key: key() }), "Value: keptx");
    let put = DatabaseOrder::Put { key: "CF/101".into(), value: "a b".into() };
    assert_eq!(database(&mut world, put), "Updated database successfully");
    assert_eq!(
        database(&mut world, DatabaseOrder::Show { prefix: "CF".into() }),
        "/CF/100                                           : keptx                    \n\
         /CF/101                                           : a b                      \n2 results found."
    );
    assert_eq!(database(&mut world, DatabaseOrder::Delete { key: key() }), "Database entry removed.");
    assert_eq!(database(&mut world, DatabaseOrder::Get { key: key() }), "Database entry not found.");
    assert_eq!(
        database(&mut world, DatabaseOrder::DeleteTree { prefix: "CF".into() }),
        "1 database entries removed."
    );
}

/// Variables of the whole server and of a channel, seen and set from outside. One that finds no room is said.
#[test]
fn variables_are_shown_and_set() {
    let plan = "[globals]\nTRUNK=PJSIP/gw\n[phones]\nexten => 1,1,Set(__a=1)\n same => n,Wait(9)\n";
    let mut world = office("", plan);
    call(&mut world, "1");
    let mut ask = |order| match world.command(Command::Variables(order)) {
        Reply::Done(text) => text,
        other => panic!("{other:?}"),
    };
    assert!(ask(VariableOrder::ShowGlobals).contains("TRUNK=PJSIP/gw"));
    ask(VariableOrder::SetGlobal { name: "NEW".into(), value: "2".into() });
    assert!(ask(VariableOrder::ShowGlobals).contains("NEW=2"));
    let channel = || "PJSIP/100-00000000".to_owned();
    ask(VariableOrder::SetChannel { channel: channel(), name: "b".into(), value: "3".into() });
    let shown = ask(VariableOrder::ShowChannel { channel: channel() });
    assert!(shown.starts_with("b=3\n__a=1"), "{shown}");
}

/// A channel that is full of variables: the call goes on, and what found no room is in the log.
#[test]
fn a_variable_without_room_is_said() {
    let plan = "[phones]\nexten => 1,1,Set(i=0)\n same => n,While($[${i} < 2100])\n same => n,Set(v${i}=x)\n\
        same => n,Set(i=${INC(i)})\n same => n,EndWhile()\n same => n,Dial(PJSIP/200,20)\n";
    let mut world = office("", plan);
    let sent = call(&mut world, "1");
    let sent = if sent.iter().any(|text| text.starts_with("INVITE")) {
        sent
    } else {
        (0..200).map(|_| world.handle(Input::Tick)).find(|sent| !sent.is_empty()).expect("it is dialled")
    };
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    world.datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "0 101", "")).as_bytes());
    let said = world.events.iter().any(|event| match event {
        Event::Log { text, .. } => text.contains("DIALEDPEERNUMBER is not set: there are at most 2048"),
        _ => false,
    });
    assert!(said, "{:?}", world.events.last());
}
