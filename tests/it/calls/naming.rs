//! Names that parties of a conference say, and who hears that somebody comes.

use super::rooms::{Call, come, conference, nothing_is_left, type_in};
use crate::world::World;
use jackfield::bridge::*;
use jackfield::switch::io::Input;
use std::time::Duration;

const PLAN: &str = "[phones]\nexten => 600,1,ConfBridge(room)\n same => n,Hangup()\n\
    exten => 601,1,ConfBridge(room,,shy)\n same => n,Hangup()\n";

/// Files that play to all of the room by an order of that port, `&` between those of one order.
fn room_hears(world: &World) -> Vec<String> {
    let order = |plan: &Plan| match plan {
        Plan::Sound { order, .. } => match &**order {
            SoundOrder::PlayRoom { source: SoundSource::Files(files), .. } => {
                let name = |piece: &Piece| match piece {
                    Piece::Prompt(name) => name.to_string(),
                    Piece::Directory { path, .. } => path.to_string(),
                };
                Some(files.pieces.iter().map(name).collect::<Vec<_>>().join("&"))
            }
            _ => None,
        },
        _ => None,
    };
    world.plans.iter().filter_map(order).collect()
}

/// The recording under way, and its file.
fn recording(call: &Call, world: &World) -> Option<(SoundId, Box<Record>)> {
    call.orders(world).rev().find_map(|order| match order {
        SoundOrder::Record { id, record } => Some((*id, record.clone())),
        _ => None,
    })
}

fn removed(world: &World) -> Vec<String> {
    let path = |plan: &Plan| match plan {
        Plan::Sound { order, .. } => match &**order {
            SoundOrder::Remove { path, place: RecordPlace::Sounds } => Some(path.to_string()),
            _ => None,
        },
        _ => None,
    };
    world.plans.iter().filter_map(path).collect()
}

fn ends(call: &Call, world: &mut World, id: SoundId, end: SoundEnd) {
    world.handle(Input::Media(MediaEvent::SoundEnded { port: call.port, id, end }));
}

/// `announce_join_leave`: who comes says his name after a beep and ends it with `#`; the others hear it with `has_joined`
/// and `has_left`; the file goes with him.
#[test]
fn a_name_is_said_and_heard() {
    let mut world = conference("[default_user]\ntype=user\nannounce_join_leave=yes\n", PLAN);
    let mut calls = Vec::new();
    for who in 0..2 {
        let call = come(&mut world, who, "600");
        assert_eq!(call.hears_all(&world), ["vm-rec-name&beep"]);
        assert!(call.seat(&world).is_none() && recording(&call, &world).is_none());
        call.press(&mut world, "#");
        call.heard_all(&mut world);
        let (id, record) = recording(&call, &world).expect("it records");
        assert_eq!((record.sides, record.most), (Sides::Heard, Some(Duration::from_secs(10))));
        call.press(&mut world, "5#");
        assert_eq!(call.orders(&world).next_back(), Some(&SoundOrder::Stop { id }));
        assert!(call.seat(&world).is_none(), "it comes in when the file is complete");
        ends(&call, &mut world, id, SoundEnd::Stopped);
        assert!(call.seat(&world).is_some());
        calls.push((call, record.path.to_string()));
    }
    let base = |path: &str| path.strip_suffix(".sln").expect("a format").to_owned();
    let (first, second) = (base(&calls[0].1), base(&calls[1].1));
    assert!(first.starts_with("confbridge/confbridge-name-room-") && first != second, "{first} {second}");
    assert_eq!(room_hears(&world), ["confbridge-join".to_owned(), format!("{second}&conf-hasjoin")]);
    calls[0].0.bye(&mut world);
    assert_eq!(room_hears(&world)[2..], ["confbridge-leave".to_owned(), format!("{first}&conf-hasleft")]);
    assert_eq!(removed(&world), [calls[0].1.clone()]);
    calls[1].0.bye(&mut world);
    assert_eq!(removed(&world), [calls[0].1.clone(), calls[1].1.clone()]);
    nothing_is_left(&mut world);
}

/// With `_review` it is heard (2), said again (3), taken (1) or, after three times nothing, taken as well. A name that
/// cannot be written keeps nobody out; who hangs up meanwhile leaves nothing.
#[test]
fn a_name_is_reviewed() {
    let mut world = conference("[default_user]\ntype=user\nannounce_join_leave_review=yes\n", PLAN);
    let say = |call: &Call, world: &mut World| {
        call.heard_all(world);
        let (id, record) = recording(call, world).expect("it records");
        ends(call, world, id, SoundEnd::Done);
        record.path.to_string()
    };
    let call = come(&mut world, 0, "600");
    let path = say(&call, &mut world);
    assert_eq!(call.hears_files(&world), ["vm-review"]);
    call.press(&mut world, "72");
    let name = path.strip_suffix(".sln").expect("a format");
    assert_eq!(call.hears_all(&world), [format!("{name}&vm-review")]);
    call.press(&mut world, "3");
    assert_eq!(call.hears_all(&world), ["vm-rec-name&beep"]);
    say(&call, &mut world);
    call.press(&mut world, "1");
    assert!(call.seat(&world).is_some());
    let patient = come(&mut world, 1, "600");
    say(&patient, &mut world);
    for _ in 0..3 {
        assert_eq!(patient.hears_files(&world), ["vm-review"]);
        patient.heard_all(&mut world);
        assert!(patient.seat(&world).is_none());
        world.wait(Duration::from_millis(6_100));
    }
    assert!(patient.seat(&world).is_some());
    let unlucky = come(&mut world, 2, "600");
    unlucky.heard_all(&mut world);
    let (id, _) = recording(&unlucky, &world).expect("it records");
    ends(&unlucky, &mut world, id, SoundEnd::Failed("the disk is full".into()));
    assert!(unlucky.seat(&world).is_some());
    let before = room_hears(&world).len();
    unlucky.bye(&mut world);
    assert_eq!(room_hears(&world).len(), before + 1, "no name");
    let gone = come(&mut world, 2, "600");
    gone.heard_all(&mut world);
    gone.bye(&mut world);
    for call in [call, patient] {
        call.bye(&mut world);
    }
    nothing_is_left(&mut world);
}

/// `hear_own_join_sound=no`: the others hear the sound each, and who comes does not. `record_options` set what they can.
#[test]
fn who_comes_need_not_hear_it() {
    let conf = "[shy]\ntype=user\nhear_own_join_sound=no\nannounce_only_user=no\n\
        [default_bridge]\ntype=bridge\nrecord_conference=yes\nrecord_options=V(2)\n";
    let mut world = conference(conf, PLAN);
    let there = come(&mut world, 0, "600");
    there.heard_all(&mut world);
    let volume = there.orders(&world).find_map(|order| match order {
        SoundOrder::RecordRoom { record, .. } => Some(record.volumes),
        _ => None,
    });
    assert_eq!(volume, Some((2, 0)));
    let shy = come(&mut world, 1, "601");
    assert_eq!(there.hears_files(&world), ["confbridge-join"]);
    assert!(shy.hears(&world).is_empty() && room_hears(&world).is_empty());
    let shown = type_in(&mut world, "confbridge show profile user shy");
    assert!(shown.contains("Hear own join sound:   false"), "{shown}");
    shy.bye(&mut world);
    there.bye(&mut world);
    nothing_is_left(&mut world);
}
