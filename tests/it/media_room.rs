//! Rooms and listening in, through the media threads over loopback: who hears whom, what a room plays and records.

use crate::media_sound::{Phone, World, clock, sine, tone, until, write_wav};
use jackfield::bridge::*;
use jackfield::codec::{Coding, ToneList};
use std::time::Duration;

/// Whether nothing comes to a phone any more: what was on its way may still arrive, but not for ever.
fn falls_silent(phone: &mut Phone) -> bool {
    (0..30).any(|_| {
        phone.heard();
        std::thread::sleep(Duration::from_millis(100));
        phone.heard().0.is_empty()
    })
}

/// All phones speak tones of their own (0: silence) for so many packets.
fn talk(phones: &mut [Phone], hertz: &[f64], packets: u32) {
    let begun = clock();
    for packet in 0..packets {
        until(begun + Duration::from_millis(20 * u64::from(packet)));
        for (phone, hertz) in phones.iter_mut().zip(hertz) {
            phone.speak(*hertz, false);
        }
    }
}

/// Which of the tones a phone heard in the last half second.
fn heard(phone: &mut Phone, hertz: &[f64]) -> Vec<f64> {
    let (samples, _) = phone.heard();
    let rate = phone.coding.sample_rate();
    let tail = &samples[samples.len().saturating_sub(rate as usize / 2)..];
    hertz.iter().copied().filter(|hertz| tone(tail, *hertz, rate) > 4_000.0).collect()
}

fn record(path: &str) -> Box<Record> {
    Box::new(Record {
        path: path.into(),
        place: RecordPlace::Monitor,
        sides: Sides::Mixed,
        append: false,
        only_bridged: false,
        silence: None,
        most: None,
        beep: None,
        volumes: (0, 0),
        then: None,
        lost_unended: false,
    })
}

/// S1-29, S4-111: in a room of five with three codecs, three who talk hear the others and not themselves, who is muted
/// hears all and is not heard, who hears nothing hears nothing; all are recorded, and all hear what the room plays.
#[test]
fn a_conference_hears_records_and_plays() {
    let mut world = World::with_threads(2);
    write_wav(&world.dir.join("sounds/join.wav"), 8000, &sine(2_000.0, 8000, 3.0));
    let codings = [Coding::Ulaw, Coding::G722, Coding::Alaw, Coding::Ulaw, Coding::Ulaw];
    let mut phones: Vec<Phone> =
        codings.iter().enumerate().map(|(at, coding)| world.phone(*coding, 20, at as u64)).collect();
    let tones = [500.0, 900.0, 1_300.0, 1_700.0, 0.0];
    let seats = [Seat::FULL, Seat::FULL, Seat::FULL, Seat::LISTENER, Seat::FULL];
    for (phone, seat) in phones.iter().zip(seats) {
        world.order(phone, SoundOrder::Enter { room: RoomId(1), seat });
    }
    world.order(&phones[1], SoundOrder::RecordRoom { id: SoundId(1), record: record("conf.wav") });
    talk(&mut phones, &tones, 75);
    let all = [500.0, 900.0, 1_300.0, 1_700.0];
    let told: Vec<Vec<f64>> = phones.iter_mut().map(|phone| heard(phone, &all)).collect();
    let others: [&[f64]; 5] = [&[900.0, 1_300.0], &[500.0, 1_300.0], &[500.0, 900.0], &all[..3], &all[..3]];
    assert_eq!(told, others);
    // The one who began the recording leaves; the recording goes on.
    world.order(&phones[1], SoundOrder::Leave);
    let source = SoundSource::Files(Box::new(FileOrder {
        pieces: vec![Piece::Prompt("join".into())],
        repeat: false,
        language: "en".into(),
    }));
    world.order(&phones[0], SoundOrder::PlayRoom { id: SoundId(2), source });
    talk(&mut phones, &tones, 50);
    let all = [500.0, 900.0, 1_300.0, 1_700.0, 2_000.0];
    let after = phones[1].heard().0.len();
    assert!(after < 16_000 / 5, "who left hears nothing: {after} samples");
    let told: Vec<Vec<f64>> = phones.iter_mut().map(|phone| heard(phone, &all)).collect();
    assert_eq!(told[0], [1_300.0, 2_000.0]);
    assert_eq!(told[3], [500.0, 1_300.0, 2_000.0]);
    // The last one leaves: what plays is stopped, and the file complete.
    for phone in &phones {
        world.order(phone, SoundOrder::Leave);
    }
    let ends = [world.end_of(2), world.end_of(1)];
    assert_eq!(ends, [SoundEnd::Stopped, SoundEnd::Stopped]);
    let bytes = std::fs::read(world.dir.join("monitor/conf.wav")).expect("written");
    let header = jackfield::codec::wav::WavHeader::read(&bytes).expect("a WAVE file");
    let samples: Vec<i16> =
        bytes[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let middle = &samples[samples.len() / 4..samples.len() / 2];
    for hertz in [500.0, 900.0, 1_300.0] {
        assert!(tone(middle, hertz, header.rate) > 5_000.0, "{hertz} at {}", header.rate);
    }
    assert!(tone(middle, 1_700.0, header.rate) < 400.0);
}

/// With `dsp_drop_silence`, noise below the threshold does not come into the room.
#[test]
fn who_does_not_talk_is_left_out() {
    let mut world = World::new();
    let mut phones = [world.phone(Coding::Alaw, 20, 0), world.phone(Coding::Alaw, 20, 0)];
    let rules = |threshold| TalkRules { threshold, silence: Duration::from_millis(100) };
    for (phone, threshold) in phones.iter().zip([160, 20_000]) {
        let listening = Listening { talk: Some(rules(threshold)), ..Listening::default() };
        world.order(phone, SoundOrder::Listen(listening));
        let seat = Seat { only_talk: true, ..Seat::FULL };
        world.order(phone, SoundOrder::Enter { room: RoomId(1), seat });
    }
    talk(&mut phones, &[500.0, 900.0], 50);
    assert!(heard(&mut phones[0], &[500.0, 900.0]).is_empty(), "below its threshold");
    assert_eq!(heard(&mut phones[1], &[500.0, 900.0]), [500.0]);
}

/// S4-116: who listens in hears both sides, whispers to one, barges in to both, hears one side only, and goes again; the
/// others never hear it unless it speaks to them. It follows its target to another thread.
#[test]
fn a_spy_hears_whispers_and_barges() {
    let mut world = World::with_threads(2);
    let mut phones = [
        world.phone(Coding::Alaw, 20, 0),
        world.phone(Coding::G722, 20, 1),
        world.phone(Coding::Ulaw, 20, 0),
    ];
    let tones = [500.0, 900.0, 1_300.0];
    let ports = [phones[0].port, phones[1].port];
    let spy = |hears, whispers: &[PortId]| {
        SoundOrder::Spy(Some(Box::new(Spy {
            target: ports[1],
            hears,
            whispers: whispers.to_vec(),
            volume: 0,
        })))
    };
    world.order(&phones[2], spy(Some(Sides::Mixed), &[]));
    // The target comes to the thread of its partner, and the spy with it.
    world.enter(&phones[0], 1);
    world.enter(&phones[1], 1);
    talk(&mut phones, &tones, 50);
    let all = |phones: &mut [Phone]| -> Vec<Vec<f64>> {
        phones.iter_mut().map(|phone| heard(phone, &tones)).collect()
    };
    assert_eq!(all(&mut phones), [vec![900.0], vec![500.0], vec![500.0, 900.0]]);
    world.order(&phones[2], spy(Some(Sides::Mixed), &ports[1..]));
    talk(&mut phones, &tones, 50);
    assert_eq!(all(&mut phones), [vec![900.0], vec![500.0, 1_300.0], vec![500.0, 900.0]], "whispers");
    world.order(&phones[2], spy(Some(Sides::Heard), &ports));
    talk(&mut phones, &tones, 50);
    assert_eq!(all(&mut phones), [vec![900.0, 1_300.0], vec![500.0, 1_300.0], vec![900.0]], "barges in");
    world.order(&phones[2], SoundOrder::Spy(None));
    talk(&mut phones, &tones, 50);
    assert_eq!(all(&mut phones)[..2], [vec![900.0], vec![500.0]], "is gone");
    assert!(falls_silent(&mut phones[2]), "nothing is sent to who does not spy any more");
    // A spy that goes without a word leaves nothing open.
    world.order(&phones[1], SoundOrder::Leave);
    let mut gone = world.phone(Coding::Alaw, 20, 1);
    let whispers = Spy { target: ports[1], hears: None, whispers: vec![ports[1]], volume: 0 };
    world.order(&gone, SoundOrder::Spy(Some(Box::new(whispers))));
    for _ in 0..10 {
        gone.speak(700.0, false);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!phones[1].heard().0.is_empty(), "it is whispered to");
    world.media.submit(Plan::Close { port: gone.port });
    assert!(falls_silent(&mut phones[1]), "and left alone afterwards");
    // Outside of a room, too: what is played to the target is heard.
    world.order(&phones[1], SoundOrder::Leave);
    let source = SoundSource::Tones(ToneList::parse("1300").expect("a tone"));
    world.order(&phones[1], SoundOrder::Play { id: SoundId(9), source, over: Over::Replaces });
    world.order(&phones[2], spy(Some(Sides::Mixed), &[]));
    talk(&mut phones, &[0.0, 900.0, 0.0], 50);
    assert_eq!(heard(&mut phones[2], &tones), [900.0, 1_300.0]);
}
