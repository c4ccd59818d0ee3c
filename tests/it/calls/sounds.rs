//! Applications that make sound: what is ordered of the media threads, what ends them, what the dialplan learns.

use super::phone::*;
use crate::world::World;
use jackfield::bridge::{
    MediaEvent, Over, Piece, Plan, PortId, Sides, SoundEnd, SoundId, SoundOrder, SoundSource,
};
use jackfield::rtp::{Digit, DtmfEvent};
use jackfield::sdp::Law;
use jackfield::switch::io::Input;
use std::time::Duration;

/// Calls an extension and acknowledges its answer.
fn call(world: &mut World, exten: &str) {
    let sent =
        world.datagram(CALLER, invite(exten, 1, "i1", &sdp("127.0.0.1", 7000, "8 0 101", "")).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let to = header(&ok, "To").to_owned();
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), &to, "");
    world.datagram(CALLER, ack.as_bytes());
}

/// The sounds ordered and not told to end: port, name, what.
pub fn playing(world: &World) -> Vec<(PortId, SoundId, SoundSource)> {
    let mut playing = Vec::new();
    for plan in &world.plans {
        let Plan::Sound { port, order } = plan else { continue };
        match &**order {
            SoundOrder::Play { id, source, over: Over::Replaces } => {
                playing.push((*port, *id, source.clone()))
            }
            SoundOrder::Stop { id } => playing.retain(|(_, playing, _)| playing != id),
            _ => {}
        }
    }
    playing
}

pub fn files(source: &SoundSource) -> Vec<String> {
    let SoundSource::Files(order) = source else { panic!("{source:?} is no file") };
    let name = |piece: &Piece| match piece {
        Piece::Prompt(name) => name.to_string(),
        Piece::Directory { path, .. } => format!("{path}/"),
    };
    order.pieces.iter().map(name).collect()
}

pub fn ended(world: &mut World, (port, id): (PortId, SoundId), end: SoundEnd) -> Vec<String> {
    world.handle(Input::Media(MediaEvent::SoundEnded { port, id, end }))
}

pub fn press(world: &mut World, port: PortId, key: char) -> Vec<String> {
    let digit = Digit::from_char(key).expect("a key");
    let event = DtmfEvent::End { digit, duration: Duration::from_millis(100) };
    world.handle(Input::Media(MediaEvent::Digit { port, event }))
}

/// `Playback` answers, plays, and tells how it went; the dialplan goes on after its end.
#[test]
fn playback_answers_plays_and_goes_on() {
    for (end, cause) in [(SoundEnd::Done, "16"), (SoundEnd::Failed("no such file".into()), "21")] {
        let mut world = office(
            "",
            "[phones]\nexten => 610,1,Playback(hello&world)\n same => n,Hangup($[\"${PLAYBACKSTATUS}\" = \"SUCCESS\" ? 16 :: 21])\n",
        );
        call(&mut world, "610");
        let now = playing(&world);
        assert_eq!(now.len(), 1, "{now:?}");
        assert_eq!(files(&now[0].2), ["hello", "world"]);
        // A digit changes nothing, and nothing else ends it.
        assert!(press(&mut world, now[0].0, '5').is_empty());
        let sent = ended(&mut world, (now[0].0, now[0].1), end);
        assert_eq!(header(the(&sent, "BYE"), "Reason"), format!("Q.850;cause={cause}"));
    }
}

/// `noanswer` plays as early media; `skip` goes on at once.
#[test]
fn playback_before_the_answer() {
    let plan = "[phones]\nexten => 610,1,Playback(early,noanswer)\n same => n,Hangup(21)\nexten => 611,1,Playback(x,skip)\n same => n,Busy()\n";
    let mut world = office("", plan);
    let body = sdp("127.0.0.1", 7000, "8 0 101", "");
    let sent = world.datagram(CALLER, invite("610", 1, "i1", &body).as_bytes());
    the(&sent, "SIP/2.0 183");
    let now = playing(&world);
    assert_eq!(files(&now[0].2), ["early"]);
    let sent = ended(&mut world, (now[0].0, now[0].1), SoundEnd::Done);
    the(&sent, "SIP/2.0 403");
    let mut world = office("", plan);
    let sent = world.datagram(CALLER, invite("611", 1, "i1", &body).as_bytes());
    the(&sent, "SIP/2.0 486");
    assert!(playing(&world).is_empty());
}

/// A digit ends `BackGround` and is the first of the extension.
#[test]
fn background_is_interrupted_by_an_extension() {
    let mut world = office(
        "",
        "[phones]\nexten => 620,1,Answer(0,i)\n same => n,BackGround(menu)\n same => n,WaitExten(5)\nexten => 12,1,Hangup(17)\n\
         exten => t,1,Hangup(19)\n",
    );
    call(&mut world, "620");
    let menu = playing(&world).remove(0);
    assert!(press(&mut world, menu.0, '1').is_empty());
    assert!(playing(&world).is_empty(), "stopped");
    let sent = press(&mut world, menu.0, '2');
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=17");
}

/// `Read`: prompt, digits, terminator, time-out and attempts.
#[test]
fn read_collects_digits() {
    let plan = "[phones]\nexten => 630,1,Answer(0,i)\n same => n,Read(pin,enter,4,,2,3)\n same => n,Verbose(${pin} ${READSTATUS})\n\
                same => n,Hangup($[\"${READSTATUS}${pin}\" = \"OK42\" ? 17 :: 19])\n";
    let mut world = office("", plan);
    call(&mut world, "630");
    let prompt = playing(&world).remove(0);
    assert_eq!(files(&prompt.2), ["enter"]);
    press(&mut world, prompt.0, '4');
    press(&mut world, prompt.0, '2');
    let sent = press(&mut world, prompt.0, '#');
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=17");
    let mut world = office("", plan);
    call(&mut world, "630");
    let first = playing(&world).remove(0);
    ended(&mut world, (first.0, first.1), SoundEnd::Done);
    world.wait(Duration::from_secs(4));
    let second = playing(&world).last().cloned().expect("the second attempt");
    assert_ne!(first.1, second.1);
    ended(&mut world, (second.0, second.1), SoundEnd::Done);
    let sent = world.wait(Duration::from_secs(4));
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=19");
}

/// Tones go on until something else is heard; each zone has its own.
#[test]
fn tones_of_the_zone_are_played() {
    let mut world = office(
        "tone_zone=de",
        "[phones]\nexten => 640,1,Answer(0,i)\n same => n,PlayTones(dial)\n same => n,Wait(1)\n same => n,StopPlayTones()\n same => n,Wait(1)\n\
         same => n,PlayTones(!950/330,!1400/330)\n same => n,Wait(1)\n same => n,Busy(2)\n",
    );
    call(&mut world, "640");
    let tone = |text: &str| SoundSource::Tones(jackfield::codec::ToneList::parse(text).expect("tones"));
    assert_eq!(playing(&world)[0].2, tone("425"));
    world.wait(Duration::from_millis(1_100));
    assert!(playing(&world).is_empty());
    world.wait(Duration::from_millis(1_000));
    assert_eq!(playing(&world)[0].2, tone("!950/330,!1400/330"));
    world.wait(Duration::from_millis(1_000));
    assert_eq!(playing(&world).last().expect("busy").2, tone("425/480,0/480"));
    let sent = world.wait(Duration::from_secs(3));
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=17");
}

/// `m`: music as early media until the answer, instead of ringing.
#[test]
fn music_is_heard_while_it_rings() {
    let mut world = office("", "[phones]\nexten => 200,1,Dial(PJSIP/200,20,m)\n");
    let sent =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "8 0 101", "")).as_bytes());
    the(&sent, "SIP/2.0 183");
    let out = the(&sent, "INVITE sip:200@").to_owned();
    assert_eq!(files(&playing(&world)[0].2), ["moh/"]);
    let sent = world.datagram(CALLED, reply(&out, "180 Ringing", CALLED, "").as_bytes());
    assert!(those(&sent, "SIP/2.0 180").is_empty(), "music goes on");
    world.datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "8 101", "")).as_bytes());
    assert!(playing(&world).is_empty());
    assert_eq!(world.joins(), 1);
}

/// The room that ports were told to enter, and by whom it was left.
fn rooms(world: &World) -> Vec<(PortId, Option<u64>)> {
    let orders = world.plans.iter().filter_map(|plan| match plan {
        Plan::Sound { port, order } => Some((*port, &**order)),
        _ => None,
    });
    orders
        .filter_map(|(port, order)| match order {
            SoundOrder::Enter { room, .. } => Some((port, Some(room.0))),
            SoundOrder::Leave => Some((port, None)),
            _ => None,
        })
        .collect()
}

/// S1-26, S1-29, S1-44: two phones without a common codec talk through a room; each is offered and answered what it has, and digits
/// are passed on.
#[test]
fn phones_without_a_common_codec_are_converted() {
    let text = office_text("").replace("allow=ulaw,alaw\naors=200", "allow=g722\naors=200");
    let mut world = World::with(&text);
    set_dialplan(&mut world, "[phones]\nexten => 200,1,Dial(PJSIP/200)\n");
    let sent =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "8 0 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@").to_owned();
    assert!(body(&out).contains("RTP/AVP 9 101"), "{out}");
    let sent = world
        .datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "9 101", "")).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    assert!(body(&ok).contains("RTP/AVP 0 8 101"), "{ok}");
    assert_eq!(world.joins(), 0);
    let entered = rooms(&world);
    assert!(matches!(entered[..], [(a, Some(x)), (b, Some(y))] if a != b && x == y), "{entered:?}");
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    press(&mut world, entered[0].0, '7');
    let passed = world.plans.iter().any(|plan| {
        matches!(plan, Plan::SendDigit { port, digit, .. } if *port == entered[1].0 && digit.as_char() == '7')
    });
    assert!(passed, "the digit goes on to the other phone");
    let bye = request("BYE", "sip:200@127.0.0.1:5060", ("c1", "b1", 2), header(&ok, "To"), "");
    let sent = world.datagram(CALLER, bye.as_bytes());
    world.datagram(CALLED, reply(the(&sent, "BYE sip:phone@"), "200 OK", CALLED, "").as_bytes());
    assert_eq!(rooms(&world).iter().filter(|(_, room)| room.is_none()).count(), 2);
}

/// S1-40: the held phone hears music of the holder's class until the call goes on.
#[test]
fn who_is_held_hears_music() {
    let mut world =
        office("direct_media=no\nmoh_suggest=default", "[phones]\nexten => 200,1,Dial(PJSIP/200)\n");
    let (_, ok) = super::basic::answered(&mut world);
    let again = |cseq: u32, direction: &str| {
        let body = sdp("127.0.0.1", 7000, "8 0 101", direction);
        request(
            "INVITE",
            "sip:200@127.0.0.1:5060",
            ("c1", &format!("h{cseq}"), cseq),
            header(&ok, "To"),
            &body,
        )
    };
    let sent = world.datagram(CALLER, again(3, "a=sendonly\r\n").as_bytes());
    the(&sent, "SIP/2.0 200");
    let music = playing(&world);
    assert_eq!(music.len(), 1, "{music:?}");
    assert_eq!(files(&music[0].2), ["moh/"]);
    let ack = request("ACK", "sip:200@127.0.0.1:5060", ("c1", "k3", 3), header(&ok, "To"), "");
    world.datagram(CALLER, ack.as_bytes());
    let sent = world.datagram(CALLER, again(4, "a=sendrecv\r\n").as_bytes());
    the(&sent, "SIP/2.0 200");
    assert!(playing(&world).is_empty());
}

/// µ-law here, A-law there: relayed unopened, byte for byte exchanged; opened while somebody records it.
#[test]
fn the_laws_of_g711_are_exchanged_in_a_relay() {
    for recorded in [false, true] {
        let text =
            office_text("direct_media=no").replace("allow=ulaw,alaw\naors=200", "allow=alaw\naors=200");
        let mut world = World::with(&text.replace("allow=ulaw,alaw\naors=100", "allow=ulaw\naors=100"));
        let monitor =
            if recorded { "exten => 200,1,MixMonitor(x.wav)\n same => n," } else { "exten => 200,1," };
        set_dialplan(&mut world, &format!("[phones]\n{monitor}Dial(PJSIP/200)\n"));
        let offer = sdp("127.0.0.1", 7000, "0 101", "");
        let sent = world.datagram(CALLER, invite("200", 1, "i1", &offer).as_bytes());
        let out = the(&sent, "INVITE sip:200@").to_owned();
        assert!(body(&out).contains("RTP/AVP 8 101"), "{out}");
        let answer = sdp("127.0.0.1", 7200, "8 101", "");
        let sent = world.datagram(CALLED, reply(&out, "200 OK", CALLED, &answer).as_bytes());
        let ok = the(&sent, "SIP/2.0 200").to_owned();
        assert!(body(&ok).contains("RTP/AVP 0 101"), "{ok}");
        if recorded {
            assert_eq!((world.joins(), rooms(&world).len()), (0, 2), "opened for the recording");
            let (port, id, ..) = recordings(&world).remove(0);
            ended(&mut world, (port, id), SoundEnd::Stopped);
        }
        let joined = world.plans.iter().rev().find_map(|plan| match plan {
            Plan::Join { a_to_b, b_to_a, .. } => Some((a_to_b.numbers, b_to_a.numbers)),
            _ => None,
        });
        let (to_called, to_caller) = joined.expect("relayed");
        assert_eq!(
            (to_called.get(0), to_called.law(0), to_called.get(101)),
            (Some(8), Some(Law::A), Some(101))
        );
        assert_eq!((to_caller.get(8), to_caller.law(8)), (Some(0), Some(Law::Micro)));
    }
}

/// The recordings ordered: port, name, path, side.
pub fn recordings(world: &World) -> Vec<(PortId, SoundId, String, Sides)> {
    let orders = world.plans.iter().filter_map(|plan| match plan {
        Plan::Sound { port, order } => Some((*port, &**order)),
        _ => None,
    });
    orders
        .filter_map(|(port, order)| match order {
            SoundOrder::Record { id, record } => Some((port, *id, record.path.to_string(), record.sides)),
            _ => None,
        })
        .collect()
}

/// `Record`: a beep, the caller's side, ended by `#`, silence or time; the dialplan learns which.
#[test]
fn record_tells_how_it_ended() {
    for (end, status) in [(SoundEnd::Stopped, 17), (SoundEnd::Silence, 18), (SoundEnd::Done, 19)] {
        let plan = "[phones]\nexten => 650,1,Record(greeting.wav,3,60)\n same => n,GotoIf($[\"${RECORD_STATUS}\" = \"SILENCE\"]?s)\n\
                    same => n,Hangup($[\"${RECORD_STATUS}${RECORDED_FILE}\" = \"DTMFgreeting\" ? 17 :: 19])\n same => n(s),Hangup(18)\n";
        let mut world = office("", plan);
        call(&mut world, "650");
        let beep = playing(&world).remove(0);
        assert_eq!(files(&beep.2), ["beep"]);
        ended(&mut world, (beep.0, beep.1), SoundEnd::Done);
        let (port, id, path, sides) = recordings(&world).remove(0);
        assert_eq!((path.as_str(), sides), ("greeting.wav", Sides::Heard));
        if end == SoundEnd::Stopped {
            assert!(press(&mut world, port, '5').is_empty());
            assert!(press(&mut world, port, '#').is_empty(), "the file is not complete yet");
        }
        let sent = ended(&mut world, (port, id), end);
        assert_eq!(header(the(&sent, "BYE"), "Reason"), format!("Q.850;cause={status}"));
    }
}

/// S1-37: `MixMonitor` takes the media in while it runs, beside the dialplan; its end gives it back.
#[test]
fn a_recorded_call_is_opened_while_it_is_recorded() {
    let plan = "[phones]\nexten => 200,1,MixMonitor(${CALLERID(num)}.wav,br(in.wav)i(MON))\n same => n,Dial(PJSIP/200)\n";
    let mut world = office("direct_media=no", plan);
    super::basic::answered(&mut world);
    let begun = recordings(&world);
    let what: Vec<_> = begun.iter().map(|(_, _, path, sides)| (path.as_str(), *sides)).collect();
    assert_eq!(what, [("100.wav", Sides::Mixed), ("in.wav", Sides::Heard)]);
    assert_eq!((world.joins(), rooms(&world).len()), (0, 2), "a room, no relay");
    for (port, id, ..) in begun {
        ended(&mut world, (port, id), SoundEnd::Stopped);
    }
    assert_eq!(world.joins(), 1, "relayed again");
}

/// What is stopped before any audio was agreed on never begins, and keeps nothing here.
#[test]
fn a_recording_stopped_before_the_audio_is_none() {
    let plan = "[phones]\nexten => 200,1,MixMonitor(x.wav)\n same => n,StopMixMonitor()\n same => n,Dial(PJSIP/200)\n";
    let mut world = office("direct_media=no", plan);
    super::basic::answered(&mut world);
    assert!(recordings(&world).is_empty());
    assert_eq!((world.joins(), rooms(&world).len()), (1, 0), "relayed");
}

/// Nobody waits for ever for audio that does not come: a call of video alone, and a message, go on in their dialplan.
#[test]
fn a_sound_without_audio_fails_in_time() {
    let plan = "[phones]\nexten => 650,1,Playback(hello)\n same => n,Hangup($[\"${PLAYBACKSTATUS}\" = \"FAILED\" ? 21 :: 16])\n\
                [texts]\nexten => 650,1,Playback(hello)\n same => n,Hangup()\n";
    let mut world = office("allow=h264\nmessage_context=texts", plan);
    let video = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 7000 RTP/AVP 99\r\n\
                 a=rtpmap:99 H264/90000\r\n";
    let sent = world.datagram(CALLER, invite("650", 1, "i1", video).as_bytes());
    let to = header(the(&sent, "SIP/2.0 200"), "To").to_owned();
    world.datagram(CALLER, request("ACK", "sip:200@127.0.0.1:5060", ("c1", "a1", 1), &to, "").as_bytes());
    assert!(world.wait(Duration::from_secs(9)).is_empty());
    let sent = world.wait(Duration::from_secs(2));
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=21");
    world.datagram(CALLER, reply(the(&sent, "BYE"), "200 OK", CALLER, "").as_bytes());
    world.wait(Duration::from_secs(40));

    let text = request("MESSAGE", "sip:650@127.0.0.1:5060", ("m1", "m1", 1), "<sip:650@127.0.0.1>", "hello")
        .replace("application/sdp", "text/plain");
    world.datagram(CALLER, text.as_bytes());
    world.wait(Duration::from_secs(11));
    let channels = channels(&mut world);
    assert!(channels.is_empty(), "{channels:?}");
}
