//! Digits: sent by the dialplan, flashed, and carried between phones that send them in unlike ways.

use super::desk::Desk;
use super::phone::*;
use jackfield::bridge::{MediaEvent, Plan, PortId, SoundOrder, SoundSource};
use jackfield::rtp::{Digit, DtmfEvent};
use jackfield::switch::io::Input;
use std::time::Duration;

const DIAL: &str = "[phones]\nexten => 200,1,Dial(PJSIP/200,20)\n";

const RELAY: &str = "Content-Type: application/dtmf-relay\r\n";

fn press(desk: &mut Desk, port: u64, key: char) {
    let digit = Digit::from_char(key).expect("a key");
    let event = DtmfEvent::End { digit, duration: Duration::from_millis(90) };
    desk.sent.clear();
    desk.world.plans.clear();
    let sent = desk.world.handle(Input::Media(MediaEvent::Digit { port: PortId(port), event }));
    desk.deliver(sent);
}

/// The port that was ordered to send an event, if one was.
fn event_at(desk: &Desk) -> Option<(u64, char)> {
    desk.world.plans.iter().find_map(|plan| match plan {
        Plan::SendDigit { port, digit, .. } => Some((port.0, digit.as_char())),
        _ => None,
    })
}

/// The port that was ordered to play tones, if one was.
fn tones_at(desk: &Desk) -> Option<u64> {
    desk.world.plans.iter().find_map(|plan| match plan {
        Plan::Sound { port, order } => match &**order {
            SoundOrder::Play { source: SoundSource::Tones(_), .. } => Some(port.0),
            _ => None,
        },
        _ => None,
    })
}

/// Ports whose sound is listened to for tones, as ordered last.
fn listened(desk: &Desk) -> Vec<u64> {
    let mut on = Vec::new();
    for plan in &desk.world.plans {
        if let Plan::Sound { port, order } = plan
            && let SoundOrder::Listen(listening) = &**order
        {
            on.retain(|(known, _)| known != &port.0);
            on.extend(listening.tones.then_some((port.0, listening.mutes)));
        }
    }
    assert!(on.iter().all(|(_, mutes)| *mutes), "what goes on in another form is not heard as a tone");
    on.into_iter().map(|(port, _)| port).collect()
}

fn infos(desk: &Desk, at: &str) -> Vec<String> {
    let to = format!("INFO sip:phone@{at}");
    desk.sent.iter().filter(|text| text.starts_with(&to)).map(|text| body(text).to_owned()).collect()
}

fn call(options: [&str; 2], codecs: [&'static str; 2]) -> Desk {
    let options = options.map(|options| format!("direct_media=no\n{options}"));
    let mut desk = Desk::new([&options[0], &options[1], ""], DIAL);
    desk.phone(CALLER).codecs = codecs[0];
    desk.phone(CALLED).codecs = codecs[1];
    desk.call(CALLER, "200");
    desk
}

/// `dtmf_mode=inband` beside `rfc4733`: a key pressed as an event is heard as a tone, and a tone becomes an event.
#[test]
fn tones_become_events_and_events_tones() {
    // `auto` whose phone knows no events is inband.
    for (mode, codecs) in [("dtmf_mode=inband", "0 101"), ("dtmf_mode=auto", "0")] {
        let mut desk = call(["", mode], ["0 101", codecs]);
        assert_eq!(listened(&desk), [1], "{mode}: whose tones are listened for");
        press(&mut desk, 0, '5');
        assert_eq!((tones_at(&desk), event_at(&desk)), (Some(1), None), "{mode}");
        press(&mut desk, 1, '#');
        assert_eq!((tones_at(&desk), event_at(&desk)), (None, Some((0, '#'))), "{mode}");
    }
}

/// `inband` beside `info`.
#[test]
fn tones_become_info_and_info_tones() {
    let mut desk = call(["dtmf_mode=info", "dtmf_mode=inband"], ["0", "0"]);
    assert_eq!(listened(&desk), [1]);
    press(&mut desk, 1, '7');
    assert_eq!(infos(&desk, CALLER), ["Signal=7\r\nDuration=160\r\n"]);
    desk.world.plans.clear();
    desk.request(CALLER, 0, "INFO", RELAY, "Signal=7\r\nDuration=100\r\n");
    assert_eq!(tones_at(&desk), Some(1));
}

/// Two phones that both press tones hear each other's as they are: nobody listens, nobody plays.
#[test]
fn tones_pass_between_phones_that_both_send_them() {
    let mut desk = call(["dtmf_mode=inband", "dtmf_mode=inband"], ["0", "0"]);
    assert_eq!(listened(&desk), [0u64; 0]);
    press(&mut desk, 0, '5');
    assert_eq!((tones_at(&desk), event_at(&desk)), (None, None));
}

/// `SendDTMF`: letters of either case, waits, a flash as INFO with its own length; what is no digit is said.
#[test]
fn send_dtmf_sends_letters_and_flashes() {
    let plan =
        "[phones]\nexten => 1,1,Answer(0,i)\n same => n,SendDTMF(ax f5,200,100)\n same => n,Hangup(17)\n";
    for mode in ["dtmf_mode=info", ""] {
        let mut desk = Desk::new([mode, "", ""], plan);
        desk.call(CALLER, "1");
        for _ in 0..6 {
            desk.wait(100);
        }
        let sent = infos(&desk, CALLER);
        let flash = "Signal=!\r\nDuration=300\r\n";
        match mode {
            "" => assert_eq!(sent, [flash], "events but for the flash"),
            _ => assert_eq!(sent, ["Signal=A\r\nDuration=100\r\n", flash, "Signal=5\r\nDuration=100\r\n"]),
        }
        // a: 300 ms, flash: its pause of 200 ms, 5: 300 ms.
        assert!(!desk.sent.iter().any(|text| text.starts_with("BYE")), "{mode}");
        desk.wait(250);
        assert!(desk.sent.iter().any(|text| text.starts_with("BYE")), "{mode}");
    }
}

/// A flash of one phone is the other one's.
#[test]
fn a_flash_is_passed_on() {
    let mut desk = call(["", ""], ["0 101", "0 101"]);
    desk.sent.clear();
    let relayed = "Signal=16\r\nDuration=80\r\n";
    desk.request(CALLER, 0, "INFO", RELAY, relayed);
    assert_eq!(infos(&desk, CALLED), ["Signal=!\r\nDuration=300\r\n"]);
}
