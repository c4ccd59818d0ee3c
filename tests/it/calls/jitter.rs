//! `JITTERBUFFER()` keeps the media here, and is named for it.

use super::phone::*;
use jackfield::bridge::{Plan, SoundOrder};
use jackfield::switch::view::{Command, Reply};
use std::time::Duration;

const DIAL: &str = "[phones]\nexten => 200,1,Set(JITTERBUFFER(fixed)=120)\n same => n,Dial(PJSIP/200,20)\n\
    exten => 201,1,Set(JITTERBUFFER(adaptive)=default)\n same => n,Set(JITTERBUFFER(disabled)=)\n\
    same => n,Dial(PJSIP/200,20)\n";

/// S1-38, S4-124: the call is opened up for it, with its delay; taken back, the phones talk directly.
#[test]
fn a_jitter_buffer_takes_the_media_in() {
    for (exten, why) in [("200", "JITTERBUFFER() needs the media"), ("201", "every condition")] {
        let mut world = office("", DIAL);
        let sdp_a = sdp("127.0.0.1", 7000, "8 101", "");
        let sent = world.datagram(CALLER, invite(exten, 1, "i1", &sdp_a).as_bytes());
        let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
        let sdp_b = sdp("127.0.0.1", 7200, "8 101", "");
        let sent = world.datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp_b).as_bytes());
        let direct = those(&sent, "INVITE").len();
        let Reply::Bridges(bridges) = world.command(Command::Bridges) else { panic!("bridges") };
        assert!(bridges[0].why.contains(why), "{exten}: {}", bridges[0].why);
        assert_eq!(direct > 0, exten == "201");
        let orders: Vec<&SoundOrder> = world
            .plans
            .iter()
            .filter_map(|plan| match plan {
                Plan::Sound { order, .. } => Some(&**order),
                _ => None,
            })
            .collect();
        let fixed = orders.iter().any(|order| {
            matches!(order, SoundOrder::Smooth(rules) if rules.fixed && rules.start == Duration::from_millis(120))
        });
        let opened = orders.iter().any(|order| matches!(order, SoundOrder::Enter { .. }));
        assert_eq!((fixed, opened), (exten == "200", exten == "200"), "{orders:?}");
    }
}
